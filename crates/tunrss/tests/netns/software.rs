//! Software steering of devices: no program is loaded.

use std::fs;
use std::io;
use std::num::{NonZeroU16, NonZeroUsize};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::io::Errno;
use tunrss::hash::{HashKey, HashReport, HashTypes, Link, SteeringConfig, VnetHdr};
use tunrss::{Config, DeviceOptions, SoftwareSteering, VirtualQueue};
use tunrss_testkit::packet::{Packet as Built, V4};
use tunrss_testkit::reference::classify;

use crate::senders;
use crate::traffic::{
    Expected, HERE_V4, Packet, PacketSocket, THERE_V4, Tap, deadline, eventually, read_all,
    receive, udp_socket, wait,
};
use crate::{answer, part, received};

/// Start to steer `tap` by `config`.
fn start(
    tap: &mut Tap,
    config: &Arc<Config>,
    count: u16,
    capacity: usize,
) -> (SoftwareSteering, Vec<VirtualQueue>) {
    let (count, capacity) = (NonZeroU16::new(count).unwrap(), NonZeroUsize::new(capacity).unwrap());
    let queues = std::mem::take(&mut tap.queues);
    SoftwareSteering::start(queues, config.clone(), count, capacity).unwrap()
}

/// All types.
fn config(key: HashKey, table: impl IntoIterator<Item = u16>, unclassified: u16) -> Arc<Config> {
    let table = table.into_iter().collect();
    Arc::new(SteeringConfig::new(HashTypes::ALL, key, table, unclassified).unwrap())
}

/// Queue, hash and report are what the naive reading of `config` says of `count` queues.
fn is_right(packet: &Packet, config: &Config, count: u16) -> bool {
    let verdict = classify(config, Link::Ethernet, &packet.frame);
    packet.queue == usize::from(verdict.queue % count)
        && packet.received.header.hash_value == verdict.hash
        && packet.received.header.hash_report == verdict.report.code()
}

#[test]
#[ignore = "cargo xtask test netns"]
fn every_packet_is_on_its_virtual_queue() {
    // More virtual queues than the kernel has, and fewer; a table that names more than there are.
    for (name, queues, count) in [("soft_more", 1, 5), ("soft_fewer", 4, 3)] {
        let mut tap = Tap::new(name, queues);
        let config = config(HashKey::MICROSOFT, (0..128).map(|entry| entry % 7), 2);
        let (steering, virtual_queues) = start(&mut tap, &config, count, 4000);
        let tap = tap.start();
        let packets = receive(&virtual_queues, senders::everything(&tap.device));
        for packet in &packets {
            assert!(is_right(packet, &config, count), "{packet:02x?}");
        }
        for queue in 0..usize::from(count) {
            assert!(packets.iter().any(|packet| packet.queue == queue), "{queue}");
        }
        for report in HashReport::ALL {
            assert!(packets.iter().any(|packet| packet.received.report() == report), "{report}");
        }
        assert!(steering.counts().iter().all(|counts| counts.dropped == 0));
    }
}

/// Each flow in the order in which it was sent; flows on all queues at once.
#[test]
#[ignore = "cargo xtask test netns"]
fn flows_keep_their_order() {
    const FLOWS: u16 = 32;
    const ROUNDS: u32 = 100;
    let mut tap = Tap::without_ipv6("soft_order", DeviceOptions::tap(4));
    let config = config(HashKey::MICROSOFT, 0..8, 0);
    let (_steering, virtual_queues) = start(&mut tap, &config, 8, 4000);
    let tap = tap.start();
    let socket = PacketSocket::new(&tap.device);
    let v4 = V4::new(HERE_V4, THERE_V4);
    let mut expected = Vec::new();
    let mut packets = Vec::new();
    for round in 0..ROUNDS {
        for port in 0..FLOWS {
            let built = Built::udp(v4.clone(), port, 53).payload(&round.to_be_bytes());
            let frame = built.to_bytes(Link::Ethernet);
            socket.send(&frame).unwrap();
            expected.push(Expected::Frame(frame));
        }
        // Less than a queue of the kernel holds.
        if round % 10 == 9 {
            packets.extend(receive(&virtual_queues, std::mem::take(&mut expected)));
        }
    }
    let mut next = [0; FLOWS as usize];
    for Packet { frame, .. } in packets.iter().filter(|packet| packet.frame.len() == 46) {
        let port = usize::from(u16::from_be_bytes([frame[34], frame[35]]));
        assert_eq!(frame[42..], u32::to_be_bytes(next[port]), "port {port}");
        next[port] += 1;
    }
    assert_eq!(next, [ROUNDS; FLOWS as usize]);
}

/// Every packet sent is read, was dropped by a full virtual queue, or by the device.
#[test]
#[ignore = "cargo xtask test netns"]
fn full_queue_drops_the_newest_and_counts_them() {
    const SENT: u16 = 3000;
    const CAPACITY: usize = 100;
    let mut tap = Tap::without_ipv6("soft_full", DeviceOptions::tap(2));
    let config = config(HashKey::MICROSOFT, [0, 1], 0);
    let (steering, virtual_queues) = start(&mut tap, &config, 2, CAPACITY);
    let tap = tap.start();
    let socket = PacketSocket::new(&tap.device);
    let frames = senders::flows(SENT);
    let mut refused = 0;
    for frame in &frames {
        match socket.send(frame) {
            Ok(()) => {}
            // The kernel says that its queue is full.
            Err(error) if error.raw_os_error() == Some(Errno::NOBUFS.raw_os_error()) => {
                refused += 1
            }
            Err(error) => panic!("{error}"),
        }
    }
    let handed = || steering.counts().iter().map(|counts| counts.packets + counts.dropped).sum();
    eventually("all packets are counted", || {
        let handed: u64 = handed();
        handed + tx_dropped("soft_full") == u64::from(SENT)
    });
    assert!(refused <= tx_dropped("soft_full"));
    let waiting = read_all(&virtual_queues);
    for (number, queue) in virtual_queues.iter().enumerate() {
        let own = || waiting.iter().filter(|packet| packet.queue == number);
        let bytes: usize = own().map(|packet| packet.frame.len()).sum();
        let counts = queue.counts();
        assert_eq!((own().count(), counts.packets), (CAPACITY, CAPACITY as u64));
        assert_eq!(counts.bytes, bytes as u64);
        assert!(counts.dropped > 0);
    }
    assert!(waiting.iter().all(|packet| is_right(packet, &config, 2)));
    // There is room again.
    socket.send(&frames[0]).unwrap();
    receive(&virtual_queues, [Expected::Frame(frames[0].clone())]);
}

/// With one kernel queue what is kept are the first that came.
#[test]
#[ignore = "cargo xtask test netns"]
fn full_queue_keeps_the_oldest() {
    let mut tap = Tap::without_ipv6("soft_oldest", DeviceOptions::tap(1));
    let config = config(HashKey::MICROSOFT, [0], 0);
    let (steering, virtual_queues) = start(&mut tap, &config, 1, 10);
    let tap = tap.start();
    let socket = PacketSocket::new(&tap.device);
    let frames = senders::flows(50);
    for frame in &frames {
        socket.send(frame).unwrap();
    }
    eventually("all packets are counted", || steering.counts()[0].dropped == 40);
    let waiting = read_all(&virtual_queues);
    assert!(waiting.iter().map(|packet| &packet.frame).eq(&frames[..10]));
}

/// Frames that the device dropped because its queues were full.
fn tx_dropped(device: &str) -> u64 {
    let table = fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    let line = table.lines().find_map(|line| line.trim().strip_prefix(&format!("{device}:")));
    // Eight numbers of what was received, then bytes, packets, errors, drops of what was sent.
    line.unwrap().split_whitespace().nth(11).unwrap().parse().unwrap()
}

#[test]
#[ignore = "cargo xtask test netns"]
fn replacing_mixes_nothing() {
    let mut tap = Tap::without_ipv6("soft_replace", DeviceOptions::tap(2));
    let a = config(HashKey::MICROSOFT, 0..4, 0);
    let b = config(HashKey::SYMMETRIC, [3, 3, 2, 1, 0, 1, 2, 0], 3);
    let (steering, virtual_queues) = start(&mut tap, &a, 4, 4000);
    let tap = tap.start();
    let socket = PacketSocket::new(&tap.device);
    let frames = senders::flows(200);
    let has_ended = AtomicBool::new(false);
    let mut seen = [0; 2];
    thread::scope(|scope| {
        scope.spawn(|| {
            while !has_ended.load(Ordering::Relaxed) {
                steering.replace(b.clone());
                thread::yield_now();
                steering.replace(a.clone());
                thread::yield_now();
            }
        });
        for _ in 0..50 {
            for frame in &frames {
                socket.send(frame).unwrap();
            }
            for packet in receive(&virtual_queues, frames.iter().cloned().map(Expected::Frame)) {
                let by = [&a, &b].map(|config| is_right(&packet, config, 4));
                assert!(by.contains(&true), "{packet:02x?}");
                if by != [true; 2] {
                    seen[usize::from(by[1])] += 1;
                }
            }
        }
        has_ended.store(true, Ordering::Relaxed);
    });
    assert!(seen.iter().all(|&packets| packets > 0), "{seen:?}");
}

#[test]
#[ignore = "cargo xtask test netns"]
fn stops_while_queues_are_full_and_more_comes() {
    let mut tap = Tap::without_ipv6("soft_stop", DeviceOptions::tap(2));
    let config = config(HashKey::MICROSOFT, [0, 1], 0);
    let (steering, virtual_queues) = start(&mut tap, &config, 2, 1);
    let tap = tap.start();
    let socket = PacketSocket::new(&tap.device);
    let frames = senders::flows(64);
    let has_ended = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !has_ended.load(Ordering::Relaxed) {
                for frame in &frames {
                    // Whether there is room or not.
                    let _ = socket.send(frame);
                }
            }
        });
        eventually("both are full", || {
            steering.counts().iter().all(|counts| counts.dropped > 1000)
        });
        let start = Instant::now();
        drop(steering);
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        has_ended.store(true, Ordering::Relaxed);
    });
    for queue in &virtual_queues {
        let mut frame = [0; 2000];
        assert!(queue.recv(&mut frame).is_ok());
        for _ in 0..2 {
            assert!(wait(std::slice::from_ref(queue), Instant::now()));
            let error = queue.recv(&mut frame).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotConnected);
        }
    }
    // The kernel's queues are detached with the last virtual queue.
    assert_eq!(tap.device.attached_queues().unwrap(), 2);
    let device = tap.device.clone();
    drop(virtual_queues);
    eventually("no queue is left", || device.attached_queues().is_err());
}

#[test]
#[ignore = "cargo xtask test netns"]
fn deletion_of_the_device_is_told() {
    let mut tap = Tap::without_ipv6("soft_deleted", DeviceOptions::tap(3));
    let config = config(HashKey::MICROSOFT, [0, 1], 0);
    let (steering, virtual_queues) = start(&mut tap, &config, 2, 10);
    let tap = tap.start();
    thread::scope(|scope| {
        let waiting = virtual_queues.iter().map(|queue| {
            scope.spawn(|| queue.recv_timeout(&mut [0; 2000], Some(Duration::from_secs(20))))
        });
        let waiting: Vec<_> = waiting.collect();
        tap.device.clone().delete().unwrap();
        for waiting in waiting {
            let error = waiting.join().unwrap().unwrap_err();
            assert_eq!(error.raw_os_error(), Some(Errno::BADFD.raw_os_error()), "{error}");
        }
    });
    drop(steering);
    let error = virtual_queues[0].recv(&mut [0; 2000]).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(Errno::BADFD.raw_os_error()), "{error}");
}

/// A poller that is told of a queue's level takes every packet as it comes, and sleeps in between.
#[test]
#[ignore = "cargo xtask test netns"]
fn pollers_wake_for_every_packet() {
    let mut tap = Tap::without_ipv6("soft_epoll", DeviceOptions::tap(2));
    let config = config(HashKey::MICROSOFT, 0..4, 0);
    let (_steering, virtual_queues) = start(&mut tap, &config, 4, 100);
    let tap = tap.start();
    let socket = PacketSocket::new(&tap.device);
    let poller = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    for (number, queue) in (0..).zip(&virtual_queues) {
        let data = epoll::EventData::new_u64(number);
        epoll::add(&poller, queue, data, epoll::EventFlags::IN).unwrap();
    }
    let deadline = deadline();
    for frame in senders::flows(1000) {
        socket.send(&frame).unwrap();
        assert!(wait(std::slice::from_ref(&poller), deadline), "not woken");
        let mut events = Vec::with_capacity(8);
        epoll::wait(&poller, spare_capacity(&mut events), None).unwrap();
        assert_eq!(events.len(), 1);
        let number = events[0].data.u64() as usize;
        let mut buffer = [0; 2000];
        let received = virtual_queues[number].recv(&mut buffer).unwrap();
        assert_eq!(buffer[..received.len], frame);
        // Nothing is left, and so it says at once.
        assert!(!wait(std::slice::from_ref(&poller), Instant::now()));
    }
}

/// Packets written to virtual queues reach the kernel.
#[test]
#[ignore = "cargo xtask test netns"]
fn virtual_queues_send() {
    let mut tap = Tap::without_ipv6("soft_send", DeviceOptions::tap(2));
    let config = config(HashKey::MICROSOFT, 0..4, 0);
    let (_steering, virtual_queues) = start(&mut tap, &config, 3, 100);
    let _tap = tap.start();
    let socket = udp_socket((HERE_V4, 4000));
    socket.send_to(b"to be answered", (THERE_V4, 5000)).unwrap();
    let packets = receive(&virtual_queues, [part(b"to be answered")]);
    let sent = packets.iter().find(|packet| packet.frame.ends_with(b"answered")).unwrap();
    for (number, queue) in virtual_queues.iter().enumerate() {
        let payload = format!("by queue {number}");
        let mut frame = answer(sent, payload.as_bytes());
        let upper = crate::start_checksum(&mut frame, Link::Ethernet);
        crate::complete_checksum(&mut frame, &upper);
        queue.send(&VnetHdr::default(), &frame).unwrap();
        let mut buffer = [0; 100];
        let there = (THERE_V4, 5000).into();
        assert_eq!(received(&socket, &mut buffer, there), payload.as_bytes());
    }
}
