//! Streams of bytes to and from `guest serve`, with every byte looked at by both ends.

use std::io::{self, Read, Write};
use std::net::{IpAddr, TcpStream};
use std::time::Duration;

use crate::guest::Guest;

/// Have the guest take connections.
pub(crate) fn serve(guest: &mut Guest) {
    guest.run(&format!("guest serve {PORT}"));
}

/// A connection to the guest.
pub(crate) fn connect(guest: IpAddr) -> TcpStream {
    connect_within(guest, PATIENCE).unwrap()
}

/// Send the guest so many bytes over one connection while it sends as many. Both are the right ones.
pub(crate) fn exchange(guest: IpAddr, bytes: u64) {
    exchange_within(guest, bytes, PATIENCE).unwrap();
}

/// The same with a guest that may end meanwhile.
///
/// # Errors
/// Nothing is sent or received for as long as `patience`.
pub(crate) fn exchange_within(guest: IpAddr, bytes: u64, patience: Duration) -> io::Result<()> {
    let mut stream = connect_within(guest, patience)?;
    let request = [bytes.to_le_bytes(), bytes.to_le_bytes(), [0; 8]].concat();
    stream.write_all(&request)?;
    let pattern = Pattern::new();
    let mut sender = stream.try_clone()?;
    std::thread::scope(|scope| {
        let sent =
            scope.spawn(|| pattern.chunks(bytes).try_for_each(|chunk| sender.write_all(chunk)));
        let mut received = vec![0; CHUNK];
        for chunk in pattern.chunks(bytes) {
            let received = &mut received[..chunk.len()];
            stream.read_exact(received)?;
            // Not assert_eq, which would print all.
            assert!(received == chunk, "the host got wrong bytes");
        }
        let mut right = [0; 8];
        stream.read_exact(&mut right)?;
        assert_eq!(u64::from_le_bytes(right), bytes, "the guest got wrong bytes");
        sent.join().unwrap()
    })
}

fn connect_within(guest: IpAddr, patience: Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&(guest, PORT).into(), patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    Ok(stream)
}

/// That of `guest.c`.
struct Pattern(Vec<u8>);

impl Pattern {
    fn new() -> Self {
        let mut state = 1u64;
        let mut bytes = Vec::with_capacity(PERIOD + CHUNK);
        for _ in 0..PERIOD {
            state = state.wrapping_mul(6_364_136_223_846_793_005);
            state = state.wrapping_add(1_442_695_040_888_963_407);
            bytes.push((state >> 56) as u8);
        }
        bytes.extend_from_within(..CHUNK);
        Self(bytes)
    }

    /// The first `bytes` bytes.
    fn chunks(&self, bytes: u64) -> impl Iterator<Item = &[u8]> {
        (0..bytes).step_by(CHUNK).map(move |at| {
            let len = (bytes - at).min(CHUNK as u64) as usize;
            let start = (at % PERIOD as u64) as usize;
            &self.0[start..start + len]
        })
    }
}

pub(crate) const PORT: u16 = 5000;

const PERIOD: usize = 1_000_003;
const CHUNK: usize = 65_536;

/// Longer than TCP waits before it sends again a few times.
const PATIENCE: Duration = Duration::from_secs(30);
