//! Every kind of packet in every report mode.

use std::collections::BTreeSet;
use std::io;

use rustix::io::Errno;
use tunrss::ReportMode;
use tunrss::hash::{HashReport, HashTypes, Link, SteeringConfig, classify};

use crate::guard::{bypassing, wait_for_guard};
use crate::traffic::{Expected, PacketSocket, Tap, read_all};
use crate::{check, config, queues_used, senders, set_report};

#[test]
#[ignore = "cargo xtask test bpf"]
fn every_packet_is_steered() {
    every_packet("all_off", ReportMode::Off);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn every_packet_is_steered_and_reported_by_the_kernel() {
    every_packet("all_kernel", ReportMode::Kernel);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn every_packet_is_steered_and_hashed_by_the_reader() {
    every_packet("all_reader", ReportMode::Reader);
}

fn every_packet(name: &str, mode: ReportMode) {
    // In force before the device is up: from its first packet on.
    let mut tap = Tap::new(name, 4);
    let config = config((0..128).map(|entry| (entry * entry / 3) % 4), 2);
    let steering = tap.device.steer(&config, mode).unwrap();
    set_report(&mut tap.queues, &steering.report());
    let tap = tap.start();
    let packets = tap.receive(senders::everything(&tap.device));
    check(&packets, &config, mode, 4);
    assert_eq!(queues_used(&packets), 4);
    let reports: BTreeSet<_> = packets
        .iter()
        .map(|packet| classify(&config, Link::Ethernet, &packet.frame).report)
        .collect();
    assert!(reports.into_iter().eq(HashReport::ALL));
}

/// The kernel does not ask for a queue where there is one; the hash is reported all the same.
#[test]
#[ignore = "cargo xtask test bpf"]
fn one_queue() {
    for (mode, name) in ReportMode::ALL.into_iter().zip(["one_off", "one_kernel", "one_reader"]) {
        let mut tap = Tap::new(name, 1);
        let config = config([3, 2, 1, 0], 1);
        let steering = tap.device.steer(&config, mode).unwrap();
        set_report(&mut tap.queues, &steering.report());
        let tap = tap.start();
        let packets = tap.receive(senders::everything(&tap.device));
        check(&packets, &config, mode, 1);
    }
}

/// A table that names more queues than there are: modulo their number.
#[test]
#[ignore = "cargo xtask test bpf"]
fn fewer_queues_than_the_table_names() {
    for (mode, name) in ReportMode::ALL.into_iter().zip(["few_off", "few_kernel", "few_reader"]) {
        let mut tap = Tap::quiet(name, 3);
        let config = config(0..64, 200);
        let steering = tap.device.steer(&config, mode).unwrap();
        set_report(&mut tap.queues, &steering.report());
        let packets = tap.receive(senders::frames(&tap.device, 2, 200));
        check(&packets, &config, mode, 3);
        assert_eq!(queues_used(&packets), 3);
    }
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn no_type_is_enabled() {
    for (mode, name) in ReportMode::ALL.into_iter().zip(["none_off", "none_kernel", "none_reader"])
    {
        let mut tap = Tap::new(name, 4);
        let all = config([0, 1], 3);
        let config =
            SteeringConfig::new(HashTypes::NONE, *all.key(), vec![0, 1], all.unclassified());
        let config = config.unwrap();
        let steering = tap.device.steer(&config, mode).unwrap();
        set_report(&mut tap.queues, &steering.report());
        let tap = tap.start();
        let packets = tap.receive(senders::everything(&tap.device));
        check(&packets, &config, mode, 4);
        assert!(packets.iter().all(|packet| packet.queue == 3));
        assert!(packets.iter().all(|packet| packet.received.hash().is_none()));
    }
}

/// A frame that passes by the report program would be read wrongly, so it is dropped.
#[test]
#[ignore = "cargo xtask test bpf"]
fn frame_without_report_is_not_read() {
    let mut tap = Tap::quiet("bypass", 2);
    let config = config([1, 0], 0);
    let mut steering = tap.device.steer(&config, ReportMode::Kernel).unwrap();
    set_report(&mut tap.queues, &steering.report());
    let bypass = bypassing(&tap.device);
    let frames = senders::flows(20);
    let (dropped, marker) = frames.split_at(19);
    // At first frames may be under way that were made before: they are read as what they are.
    if bypass.send(&frames[0]).is_ok() {
        let early = tap.receive([Expected::Frame(frames[0].clone())]);
        assert!(early.iter().all(|packet| packet.received.hash().is_none()));
    }
    wait_for_guard(&tap.device, &tap.queues);
    for frame in dropped {
        let error = bypass.send(frame).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(Errno::NOBUFS.raw_os_error()));
    }
    PacketSocket::new(&tap.device).send(&marker[0]).unwrap();
    // Nothing but what is expected.
    tap.receive([Expected::Frame(marker[0].clone())]);
    assert!(read_all(&tap.queues).is_empty());

    // In the other modes such a frame is like any other.
    for mode in [ReportMode::Off, ReportMode::Reader] {
        steering.replace(&config, mode).unwrap();
        set_report(&mut tap.queues, &steering.report());
        for frame in &frames {
            bypass.send(frame).unwrap();
        }
        let packets = tap.receive(frames.iter().cloned().map(Expected::Frame));
        check(&packets, &config, mode, 2);
    }
}

/// A queue takes 1000 packets (the device's `tx_queue_len`); more are lost.
#[test]
#[ignore = "cargo xtask test bpf"]
fn queue_that_is_not_read_overflows() {
    let mut tap = Tap::quiet("overflow", 2);
    let config = config([1], 1);
    let steering = tap.device.steer(&config, ReportMode::Kernel).unwrap();
    set_report(&mut tap.queues, &steering.report());
    let socket = PacketSocket::new(&tap.device);
    let frames = senders::flows(1500);
    for frame in &frames {
        // The kernel may say that there was no room.
        let full = Some(Errno::NOBUFS.raw_os_error());
        let is_full = |error: &io::Error| error.raw_os_error() == full;
        assert!(socket.send(frame).as_ref().map_or_else(is_full, |()| true));
    }
    // What fitted comes in its order, and the queue works on.
    let kept = read_all(&tap.queues);
    assert!((500..1500).contains(&kept.len()), "{}", kept.len());
    check(&kept, &config, ReportMode::Kernel, 2);
    assert!(kept.iter().map(|packet| &packet.frame).eq(&frames[..kept.len()]));
    socket.send(&frames[0]).unwrap();
    check(&tap.receive([Expected::Frame(frames[0].clone())]), &config, ReportMode::Kernel, 2);
}
