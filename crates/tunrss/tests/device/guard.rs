//! Frames that come past the report program.

use std::collections::BTreeSet;

use rustix::io::Errno;
use tunrss::bpf::Prefix;
use tunrss::hash::{HashReport, Link};
use tunrss::hook::Hook;
use tunrss::{Count, Device, Error, Queue, Report, ReportMode, Settings, SteeringMode};

use crate::hook::{assert_no_tcx, dropped, egress, has_tcx};
use crate::traffic::{Expected, Packet, PacketSocket, Tap, eventually, read_all, set_option};
use crate::xdp::{Redirect, Xdp};
use crate::{check, config, is_right, run, senders, set_report};

/// Whatever its sender sets.
#[test]
#[ignore = "cargo xtask test bpf"]
fn frame_past_the_qdisc_is_dropped_and_counted() {
    // The tokens, alone and as either half of a class; a class id; all bits.
    const VALUES: [u32; 9] =
        [0, 0x7254, 0x7255, 0x7256, 0x1_7255, 0x7254_0000, 0x7255_7255, 0x1_0005, u32::MAX];
    for (steering, name) in SteeringMode::ALL.into_iter().zip(["past_rss", "past_automatic"]) {
        let settings = Settings { steering, counters: true, ..ReportMode::Kernel.into() };
        let tap = guarded(name, settings);
        let drops = Drops::of(&tap.device);
        let [bare, prefixed] = senders::flows(2).try_into().unwrap();
        for mark in VALUES {
            for priority in VALUES {
                let bypass = bypassing(&tap.device);
                set_option(&bypass, libc::SOL_SOCKET, libc::SO_MARK, mark as i32);
                set_option(&bypass, libc::SOL_SOCKET, libc::SO_PRIORITY, priority as i32);
                let error = bypass.send(&bare).unwrap_err();
                assert_eq!(error.raw_os_error(), Some(Errno::NOBUFS.raw_os_error()));
            }
        }
        // Nothing but what is expected.
        PacketSocket::new(&tap.device).send(&prefixed).unwrap();
        let packets = tap.receive([Expected::Frame(prefixed)]);
        assert!(packets.iter().all(|packet| packet.received.hash().is_some()));
        assert!(read_all(&tap.queues).is_empty());
        let frames = VALUES.len() * VALUES.len();
        assert_eq!(Drops::of(&tap.device), drops.and(frames, frames * bare.len()));
    }
}

/// Another tool has taken it away: what is sent is dropped, and a new setting puts it right.
#[test]
#[ignore = "cargo xtask test bpf"]
fn report_program_is_lost() {
    let detach = |device: &Device| {
        let egress = egress(device);
        assert!(egress.detach(&egress.attached().unwrap()[0]).unwrap());
    };
    let no_filter = |device: &Device| run(&format!("tc filter del dev {} egress", device.name()));
    let no_qdisc = |device: &Device| run(&format!("tc qdisc del dev {} clsact", device.name()));
    let ways: [(_, _, fn(&Device)); 3] = [
        ("lost_tcx", Hook::Tcx, detach),
        ("lost_filter", Hook::Clsact, no_filter),
        ("lost_qdisc", Hook::Clsact, no_qdisc),
    ];
    for (name, hook, lose) in ways {
        let settings = Settings { hook: Some(hook), ..ReportMode::Kernel.into() };
        if hook == Hook::Tcx && refuses_tcx(name, settings.clone()) {
            continue;
        }
        let mut tap = guarded(name, settings.clone());
        let expect = |tap: &Tap, seed| {
            let packets = tap.receive(senders::frames(&tap.device, seed, 100));
            check(&packets, &config([1, 0], 0), ReportMode::Kernel, 2);
        };
        expect(&tap, 1);
        lose(&tap.device);
        for error in [
            tap.device.steering().map(drop).unwrap_err(),
            tap.device.counters().map(drop).unwrap_err(),
            tap.device.conflicts().map(drop).unwrap_err(),
            tap.device.set_entries(&[(0, 0)]).map(drop).unwrap_err(),
        ] {
            assert!(matches!(error, Error::ReportLost { .. }), "{error}");
            assert!(error.hint().unwrap().contains(&format!("tunrss set {name}")));
        }
        assert_all_dropped(&tap);
        tap.device.steer(&config([1, 0], 0), settings.clone()).unwrap().keep();
        assert!(tap.device.steering().unwrap().is_some());
        expect(&tap, 2);
        // Without it frames come as they are.
        lose(&tap.device);
        assert!(tap.device.clear().unwrap());
        assert_eq!(tap.device.steering().unwrap(), None);
        set_report(&mut tap.queues, &Report::Off);
        let packets = tap.receive(senders::frames(&tap.device, 3, 100));
        assert!(packets.iter().all(|packet| packet.received.hash().is_none()));
    }
}

/// Frames that an XDP program in the stack redirects to the device pass steering and filter program.
#[test]
#[ignore = "cargo xtask test bpf"]
fn frame_redirected_by_generic_xdp() {
    let names = ["xdp_off", "xdp_kernel", "xdp_reader"];
    for (mode, name) in ReportMode::ALL.into_iter().zip(names) {
        let settings = Settings { counters: true, ..mode.into() };
        let tap = guarded(name, settings);
        let redirect = Redirect::to(&tap.device, Xdp::Generic);
        let frames = senders::known_frames(Link::Ethernet, 1, 200);
        let drops = Drops::of(&tap.device);
        for frame in &frames {
            redirect.socket.send(frame).unwrap();
        }
        if mode == ReportMode::Kernel {
            let bytes = frames.iter().map(Vec::len).sum();
            let expected = drops.and(frames.len(), bytes);
            eventually("all are dropped", || Drops::of(&tap.device) == expected);
            assert!(read_all(&tap.queues).is_empty());
        } else {
            let packets = tap.receive(frames.into_iter().map(Expected::Frame));
            check(&packets, &config([1, 0], 0), mode, 2);
            assert_eq!(Drops::of(&tap.device), drops);
        }
    }
}

/// Those that one in the driver redirects pass no program. A reader that expects a report sees that
/// they have none; one that hashes them itself does so, on whatever queue they come.
#[test]
#[ignore = "cargo xtask test bpf"]
fn frame_redirected_by_native_xdp() {
    let names = ["native_off", "native_kernel", "native_reader"];
    for (mode, name) in ReportMode::ALL.into_iter().zip(names) {
        let settings = Settings { counters: true, ..mode.into() };
        let tap = guarded(name, settings);
        let redirect = Redirect::to(&tap.device, Xdp::Native);
        let mut frames: Vec<_> =
            senders::known_frames(Link::Ethernet, 2, 200).into_iter().collect();
        for frame in &mut frames {
            // The end of the destination's address is that of a report: only the mark is missing.
            frame[4..6].copy_from_slice(&HashReport::TcpV4.code().to_le_bytes());
            assert_eq!(Prefix::decode(frame), None);
        }
        let drops = Drops::of(&tap.device);
        let prefixed: BTreeSet<_> = senders::flows(50).into_iter().collect();
        let socket = PacketSocket::new(&tap.device);
        let mut also = prefixed.iter();
        for frame in &frames {
            redirect.socket.send(frame).unwrap();
            // Frames of both kinds, one behind the other.
            also.next().into_iter().for_each(|frame| socket.send(frame).unwrap());
        }
        let packets = tap.receive(frames.iter().chain(&prefixed).cloned().map(Expected::Frame));
        assert_eq!(packets.len(), frames.len() + prefixed.len());
        for packet in &packets {
            if prefixed.contains(&packet.frame) {
                check(std::slice::from_ref(packet), &config([1, 0], 0), mode, 2);
            } else if mode == ReportMode::Reader {
                let config = config([1, 0], 0);
                let mut anywhere = (0..2).map(|queue| Packet { queue, ..packet.clone() });
                assert!(anywhere.any(|packet| is_right(&packet, &config, mode, 2)));
            } else {
                assert_eq!(packet.received.hash(), None);
            }
        }
        assert_eq!(Drops::of(&tap.device), drops);
    }
}

/// Whether this kernel has no tcx: then these settings, which name it, are refused.
pub(crate) fn refuses_tcx(name: &str, settings: Settings) -> bool {
    let tap = Tap::quiet(name, 2);
    if has_tcx(&egress(&tap.device)) {
        return false;
    }
    assert_no_tcx(&tap.device.steer(&config([1, 0], 0), settings).unwrap_err());
    assert_eq!(tap.device.steering().unwrap(), None);
    true
}

/// A device with two queues and `settings` in force, whose frames must have a report by now if they
/// shall.
fn guarded(name: &str, settings: Settings) -> Tap {
    let mut tap = Tap::quiet(name, 2);
    let mode = settings.report;
    let config = config([1, 0], 0);
    tap.device.steer(&config, settings).unwrap().keep();
    set_report(&mut tap.queues, &Report::new(mode, &config));
    if mode == ReportMode::Kernel {
        wait_for_guard(&tap.device, &tap.queues);
    }
    tap
}

/// Frames sent into a device that has lost its report program. None is read.
pub(crate) fn assert_all_dropped(tap: &Tap) {
    let before = dropped(&tap.device);
    let frames = senders::flows(20);
    let socket = PacketSocket::new(&tap.device);
    frames.iter().for_each(|frame| socket.send(frame).unwrap());
    assert!(read_all(&tap.queues).is_empty());
    assert_eq!(dropped(&tap.device), before + frames.len());
}

/// What the device and its programs say was dropped.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Drops {
    by_device: usize,
    by_filter: Count,
}

impl Drops {
    fn of(device: &Device) -> Self {
        let counters = device.counters().unwrap().unwrap();
        Self { by_device: dropped(device), by_filter: counters.dropped }
    }

    fn and(self, frames: usize, bytes: usize) -> Self {
        let Count { packets, bytes: before } = self.by_filter;
        let by_filter = Count { packets: packets + frames as u64, bytes: before + bytes as u64 };
        Self { by_device: self.by_device + frames, by_filter }
    }
}

/// Wait until frames without report are dropped, as they are some time after it was set. Nothing
/// must be waiting in the queues.
pub(crate) fn wait_for_guard(device: &Device, queues: &[Queue]) {
    let bypass = bypassing(device);
    let frame = [[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1].as_slice(), &[0x88, 0xb5], &[0; 46]].concat();
    eventually("frames without report are dropped", || {
        let is_dropped = bypass.send(&frame).is_err();
        // Read all the same: a full queue refuses frames as well.
        read_all(queues).is_empty() && is_dropped
    });
}

/// A socket whose frames pass by the qdisc, and with it by all tc programs.
pub(crate) fn bypassing(device: &Device) -> PacketSocket {
    let socket = PacketSocket::new(device);
    set_option(&socket, libc::SOL_PACKET, libc::PACKET_QDISC_BYPASS, 1);
    socket
}
