//! Packets seen on their way, by way of the library.

use std::io;
use std::os::fd::AsFd;

use rustix::io::Errno;
use tunrss::ErrorKind;
use tunrss::capture::{Direction, MAX_PACKET, PacketSocket as Tapped};
use tunrss::hash::{Link, VnetHdr};
use tunrss_testkit::packet::{Packet as Built, V4};

use crate::traffic::{HERE_V4, PacketSocket, THERE_V4, Tap, deadline, read_all, wait};

/// Until nothing is waiting.
fn take_all(socket: &Tapped, mut each: impl FnMut(Direction, &[u8], usize)) {
    let mut buffer = vec![0; MAX_PACKET];
    loop {
        match socket.recv(&mut buffer) {
            Ok(seen) => each(seen.direction, seen.frame, seen.wire_len),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
#[ignore = "cargo xtask test netns"]
fn both_directions_are_seen() {
    let tap = Tap::quiet("seen_both", 2);
    let socket = Tapped::open(&tap.device).unwrap();
    let sender = PacketSocket::new(&tap.device);
    let udp = Built::udp(V4::new(HERE_V4, THERE_V4), 1, 2).payload(&[7; 100]);
    let (plain, tagged) = (udp.clone(), udp.vlan(0x8100).vlan(0x88a8));
    let [plain, tagged] = [plain, tagged].map(|built| built.to_bytes(Link::Ethernet));
    let mut expected = Vec::new();
    for frame in [plain, tagged] {
        sender.send(&frame).unwrap();
        tap.queues[1].send(&VnetHdr::default(), &frame).unwrap();
        expected.push((Direction::Outgoing, frame.len(), frame.clone()));
        expected.push((Direction::Incoming, frame.len(), frame));
    }
    let mut seen = Vec::new();
    assert!(wait(std::slice::from_ref(&socket), deadline()));
    take_all(&socket, |direction, frame, len| seen.push((direction, len, frame.to_vec())));
    assert_eq!(seen, expected);

    // Of a packet that does not fit there is the start.
    for room in 0..200 {
        sender.send(&expected[0].2).unwrap();
        let mut buffer = vec![0; room];
        let seen = socket.recv(&mut buffer).unwrap();
        let (_, len, frame) = &expected[0];
        assert_eq!((seen.wire_len, seen.frame), (*len, &frame[..room.saturating_sub(4).min(*len)]));
    }
}

/// What the socket has no room for is counted.
#[test]
#[ignore = "cargo xtask test netns"]
fn lost_packets_are_counted() {
    const SENT: u32 = 40_000;
    let tap = Tap::quiet("seen_lost", 1);
    let socket = Tapped::open(&tap.device).unwrap();
    let sender = PacketSocket::new(&tap.device);
    let built = Built::udp(V4::new(HERE_V4, THERE_V4), 1, 2).payload(&[7; 1400]);
    let frame = built.to_bytes(Link::Ethernet);
    for _ in 0..SENT {
        // Nobody reads the queue, which is full soon: they are seen before they are lost there.
        match sender.send(&frame) {
            Ok(()) => {}
            Err(error) => assert_eq!(error.raw_os_error(), Some(Errno::NOBUFS.raw_os_error())),
        }
    }
    let mut taken = 0;
    take_all(&socket, |_, seen, _| {
        assert!(seen == frame);
        taken += 1;
    });
    let statistics = socket.statistics().unwrap();
    assert_eq!(statistics.packets, SENT);
    assert!(statistics.dropped > 0);
    assert_eq!(taken + statistics.dropped, SENT);
    assert_eq!(socket.statistics().unwrap(), Default::default());
    read_all(&tap.queues);
}

#[test]
#[ignore = "cargo xtask test netns"]
fn socket_of_a_deleted_device_says_so() {
    let tap = Tap::quiet("seen_deleted", 1);
    let socket = Tapped::open(&tap.device).unwrap();
    let stale = tap.device.clone();
    tap.device.clone().delete().unwrap();
    assert!(wait(&[socket.as_fd()], deadline()));
    let error = socket.recv(&mut [0; 100]).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(Errno::NETDOWN.raw_os_error()), "{error}");
    let error = Tapped::open(&stale).unwrap_err();
    assert_eq!((error.kind(), error.errno()), (ErrorKind::System, Some(19)), "{error:?}");
}
