//! The other end of the TAP: takes every packet, and answers the one kind that needs an answer.

use std::io;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tunrss::Queue;
use tunrss::hash::VnetHdr;
use tunrss::hash::dissect::{ETHERTYPE_IPV4, ETHERTYPE_IPV6};

use super::Mode;
use super::tally::Tally;
use super::traffic::LARGE_PORT;

/// All queues of the TAP, and what has arrived on them.
pub(super) struct Peer<'a> {
    queues: Vec<Queue>,
    tally: Tally<'a>,
    mode: Mode,
    frame: Vec<u8>,
}

impl<'a> Peer<'a> {
    pub(super) fn new(queues: Vec<Queue>, tally: Tally<'a>, mode: Mode) -> Self {
        Self { queues, tally, mode, frame: vec![0; LONGEST_FRAME] }
    }

    pub(super) fn into_tally(self) -> Tally<'a> {
        self.tally
    }

    /// Large packets so far.
    pub(super) fn gso(&self) -> u64 {
        self.tally.gso
    }

    /// Wait until a packet is there, or until `deadline`.
    pub(super) fn wait(&self, deadline: Instant) -> io::Result<()> {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        let mut ready: Vec<_> =
            self.queues.iter().map(|queue| PollFd::new(queue, PollFlags::IN)).collect();
        poll(&mut ready, Some(&left))?;
        Ok(())
    }

    /// Take what is there.
    pub(super) fn take_all(&mut self) -> io::Result<()> {
        let Self { queues, tally, mode, frame } = self;
        for (number, queue) in (0..).zip(queues.iter()) {
            loop {
                let received = match queue.recv(frame) {
                    Ok(received) => received,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                };
                let frame = frame.get(..received.len).unwrap_or_default();
                match mode {
                    Mode::Ebpf => tally.steered_by_kernel(number, &received, frame),
                    Mode::Software => {
                        tally.gso += u64::from(received.header.gso_type != 0);
                        tally.steered_in_software(frame);
                    }
                }
                if let Some(answer) = accept(frame) {
                    queue.send(&VnetHdr::default(), &answer)?;
                }
            }
        }
        Ok(())
    }
}

/// The answer to a frame that asks for a connection to [`LARGE_PORT`]: an acceptance.
fn accept(frame: &[u8]) -> Option<Vec<u8>> {
    let ethertype = u16::from_be_bytes(*frame.get(12..)?.first_chunk()?);
    let (protocol_at, addresses_at, address_len) = match ethertype {
        ETHERTYPE_IPV4 => (14 + 9, 14 + 12, 4),
        ETHERTYPE_IPV6 => (14 + 6, 14 + 8, 16),
        _ => return None,
    };
    let tcp_at = addresses_at + 2 * address_len;
    let tcp: [u8; 20] = *frame.get(tcp_at..)?.first_chunk()?;
    let [s0, s1, d0, d1, q0, q1, q2, q3, _, _, _, _, _, flags, ..] = tcp;
    let asks = frame.get(protocol_at) == Some(&6) && flags & (SYN | ACK) == SYN;
    if !asks || u16::from_be_bytes([d0, d1]) != LARGE_PORT {
        return None;
    }
    let [a0, a1, a2, a3] = u32::from_be_bytes([q0, q1, q2, q3]).wrapping_add(1).to_be_bytes();
    // Ports the other way, sequence 0, acknowledgement, header of 20 bytes, the largest window.
    let mut answer =
        vec![d0, d1, s0, s1, 0, 0, 0, 0, a0, a1, a2, a3, 5 << 4, SYN | ACK, 0xff, 0xff, 0, 0, 0, 0];
    let source = frame.get(addresses_at..addresses_at + address_len)?;
    let destination = frame.get(addresses_at + address_len..tcp_at)?;
    // Protocol and length belong to the checksum, at any even place.
    let sum = checksum(&[destination, source, &answer, &[0, 6, 0, 20]].concat());
    answer[16..18].copy_from_slice(&sum.to_be_bytes());
    let mut ip = match ethertype {
        ETHERTYPE_IPV4 => vec![0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0],
        _ => vec![0x60, 0, 0, 0, 0, 20, 6, 64],
    };
    ip.extend(destination.iter().chain(source));
    if ethertype == ETHERTYPE_IPV4 {
        let sum = checksum(&ip);
        ip[10..12].copy_from_slice(&sum.to_be_bytes());
    }
    let host = frame.get(6..12)?;
    Some([host, &PEER_MAC, &ethertype.to_be_bytes(), &ip, &answer].concat())
}

/// The internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let (words, _) = bytes.as_chunks();
    let mut sum: u32 = words.iter().copied().map(|word| u32::from(u16::from_be_bytes(word))).sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}

/// A locally administered address.
pub(super) const PEER_MAC: [u8; 6] = [0x02, 0x72, 0x73, 0x73, 0, 2];

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
/// A segmentation offload packet is at most 64 KiB of IP.
const LONGEST_FRAME: usize = 14 + 65_536;
