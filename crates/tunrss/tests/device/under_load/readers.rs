//! Readers that are told of a new report mode while packets wait for them.

use tunrss::hash::HashReport;
use tunrss::{Report, ReportMode};

use crate::traffic::{Expected, PacketSocket, Tap, eventually};
use crate::{config, senders};

/// The frames that wait were made with a prefix, those that come after it without.
#[test]
#[ignore = "cargo xtask test bpf"]
fn readers_leave_the_prefix() {
    let before = config([0], 0);
    let after = config([1, 0], 1);
    for (name, mode) in [("leave_off", ReportMode::Off), ("leave_reader", ReportMode::Reader)] {
        let mut tap = Tap::quiet(name, 2);
        let mut steering = tap.device.steer(&before, ReportMode::Kernel).unwrap();
        crate::set_report(&mut tap.queues, &steering.report());
        let socket = PacketSocket::new(&tap.device);
        let frames = senders::flows(60);
        let (early, late) = frames.split_at(30);
        early.iter().for_each(|frame| socket.send(frame).unwrap());
        steering.replace(&after, mode).unwrap();
        crate::set_report(&mut tap.queues, &steering.report());
        late.iter().for_each(|frame| socket.send(frame).unwrap());
        for packet in tap.receive(frames.iter().cloned().map(Expected::Frame)) {
            let is_early = early.contains(&packet.frame);
            let (config, mode) =
                if is_early { (&before, ReportMode::Kernel) } else { (&after, mode) };
            crate::check(&[packet], config, mode, 2);
        }
        // Once the queues have been empty for a while, a frame that looks like one with prefix is
        // read as what it is.
        let mut odd = frames[0].clone();
        odd[4..8].copy_from_slice(&[1, 0, 0xff, 0xff]);
        eventually("no prefix is expected any more", || {
            socket.send(&odd).unwrap();
            let read = crate::traffic::read_all(&tap.queues);
            assert!(read.iter().all(|packet| odd.ends_with(&packet.frame)), "{read:02x?}");
            read.iter().any(|packet| packet.frame == odd)
        });
    }
}

/// The frames that wait were made without a prefix, those that come after it with one.
#[test]
#[ignore = "cargo xtask test bpf"]
fn readers_await_the_prefix() {
    let before = config([0], 0);
    let after = config([1, 0], 1);
    for (name, mode) in [("await_off", ReportMode::Off), ("await_reader", ReportMode::Reader)] {
        let mut tap = Tap::quiet(name, 2);
        let mut steering = tap.device.steer(&before, mode).unwrap();
        crate::set_report(&mut tap.queues, &steering.report());
        let socket = PacketSocket::new(&tap.device);
        let frames = senders::flows(90);
        let (early, rest) = frames.split_at(30);
        let (meanwhile, late) = rest.split_at(30);
        early.iter().for_each(|frame| socket.send(frame).unwrap());
        // Before it comes into force.
        crate::set_report(&mut tap.queues, &Report::Kernel);
        meanwhile.iter().for_each(|frame| socket.send(frame).unwrap());
        steering.replace(&after, ReportMode::Kernel).unwrap();
        late.iter().for_each(|frame| socket.send(frame).unwrap());
        for packet in tap.receive(frames.iter().cloned().map(Expected::Frame)) {
            if late.contains(&packet.frame) {
                crate::check(&[packet], &after, ReportMode::Kernel, 2);
            } else {
                // Such a reader hashes nothing.
                assert_eq!((packet.queue, packet.received.report()), (0, HashReport::None));
            }
        }
    }
}
