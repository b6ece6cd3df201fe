//! Others on the same device: frames that come past the report program, and who else has set something.

use rustix::io::Errno;
use tunrss::hash::{HashReport, Link};
use tunrss::netns::NetNs;
use tunrss::{Device, DeviceOptions, Owner, ReportMode, Settings, SteeringMode};
use tunrss_testkit::packet::{Packet, V4};
use tunrss_uapi::{Setting, set};

use crate::traffic::{PacketSocket, set_option};
use crate::{Made, hash, rss};

fn frame(port: u16, payload: &[u8]) -> Vec<u8> {
    Packet::udp(V4::new([10, 0, 0, 1], [10, 0, 0, 2]), port, 53)
        .payload(payload)
        .to_bytes(Link::Ethernet)
}

/// The kernel of the series drops none, so neither does this: they have no hash, and are told from those
/// that have.
#[test]
#[ignore = "cargo xtask test bpf"]
fn frames_past_the_qdisc_arrive_without_hash() {
    let made = Made::new("ru-bypass", DeviceOptions::tap(1));
    set(&made.queues[0], rss(&[0], 0, true)).unwrap();
    let bypass = PacketSocket::new(&made.device);
    set_option(&bypass, libc::SOL_PACKET, libc::PACKET_QDISC_BYPASS, 1);
    for port in 0..20 {
        bypass.send(&frame(port, b"past")).unwrap();
        let (_, header, found) = made.next();
        assert_eq!((hash(header), found), ((0, HashReport::None), frame(port, b"past")));
        PacketSocket::new(&made.device).send(&frame(port, b"through")).unwrap();
        let (_, header, found) = made.next();
        assert_eq!(hash(header).1, HashReport::UdpV4);
        assert_eq!(found, frame(port, b"through"));
    }
}

/// The kernel makes no room in front of a frame of more than 16,056 bytes that is not to be segmented.
#[test]
#[ignore = "cargo xtask test bpf"]
fn largest_frames_arrive_on_their_queue_without_hash() {
    let made = Made::new("ru-large", DeviceOptions::tap(4));
    let output =
        std::process::Command::new("ip").args(["link", "set", "ru-large", "mtu", "65521"]).output();
    assert!(output.unwrap().status.success());
    set(&made.queues[0], rss(&[3, 1, 0, 2], 0, true)).unwrap();
    let hashed = |len| {
        let frame = frame(7, &vec![7; len]);
        PacketSocket::new(&made.device).send(&frame).unwrap();
        let (queue, header, found) = made.next();
        assert_eq!(found, frame);
        (queue, hash(header))
    };
    let small = hashed(1000);
    assert_eq!(small.1.1, HashReport::UdpV4);
    assert_eq!(hashed(16_000), small);
    for len in [16_100, 30_000, 60_000] {
        assert_eq!(hashed(len), (small.0, (0, HashReport::None)));
    }
}

/// What an operator has set stays, and a program is told that the device is taken.
#[test]
#[ignore = "cargo xtask test bpf"]
fn operators_setting_is_not_taken_over() {
    let made = Made::new("ru-owned", DeviceOptions::tap(2));
    let config = tunrss::hash::SteeringConfig::new(
        tunrss::hash::HashTypes::BASIC,
        tunrss::hash::HashKey::MICROSOFT,
        vec![0, 1],
        0,
    );
    let owner = Owner::new("somebody");
    let settings = Settings { owner, ..ReportMode::Off.into() };
    made.device.steer(&config.unwrap(), settings).unwrap().keep();
    let before = made.device.steering().unwrap();
    for setting in [rss(&[1], 1, true), Setting::Off] {
        let error = set(&made.queues[0], setting).unwrap_err();
        assert_eq!(error.errno(), Errno::BUSY, "{}", error.report());
        assert!(error.report().contains("was set by somebody"), "{}", error.report());
    }
    assert_eq!(made.device.steering().unwrap(), before);
    assert_eq!(before.unwrap().steering, SteeringMode::Rss);
}

/// A setting is seen by who looks at the device, as any other.
#[test]
#[ignore = "cargo xtask test bpf"]
fn setting_is_that_of_the_device() {
    let made = Made::new("ru-seen", DeviceOptions::tap(2));
    set(&made.queues[1], rss(&[1, 0], 1, true)).unwrap();
    let state = made.device.steering().unwrap().unwrap();
    assert_eq!((state.config.table(), state.config.unclassified()), (&[1, 0][..], 1));
    assert_eq!((state.report, state.owner.as_str()), (ReportMode::Kernel, "tunrss-uapi"));
    set(&made.queues[0], Setting::Off).unwrap();
    assert_eq!(made.device.steering().unwrap(), None);
}

/// A descriptor is as good in another network namespace as in its device's.
#[test]
#[ignore = "cargo xtask test bpf"]
fn thread_is_in_another_network_namespace() {
    let made = Made::new("ru-netns", DeviceOptions::tap(2));
    let elsewhere = NetNs::enter_new().unwrap();
    // A namesake, which is not meant.
    let namesake = Device::create(made.device.name(), 2).unwrap();
    set(&made.queues[0], rss(&[1, 0], 1, true)).unwrap();
    assert_eq!(namesake.0.steering().unwrap(), None);
    drop(namesake);
    drop(elsewhere);
    assert_eq!(made.device.steering().unwrap().unwrap().config.table(), [1, 0]);
    PacketSocket::new(&made.device).send(&frame(9, b"here")).unwrap();
    assert_eq!(hash(made.next().1).1, HashReport::UdpV4);
}
