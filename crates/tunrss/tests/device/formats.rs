//! Devices of every kind, with everything that a record can have in front of its frame.

use std::collections::BTreeSet;

use tunrss::hash::{HashReport, Link, VnetHdrLen, classify};
use tunrss::netns::NetNs;
use tunrss::{Device, DeviceOptions, Kind, ReportMode, Settings, SteeringMode};

use crate::senders::{self, Large};
use crate::traffic::{self, Tap, receive};
use crate::{check, check_hashes, config, name, queues_used, run, set_report};

#[test]
#[ignore = "cargo xtask test bpf"]
fn of_tap() {
    every_packet(DeviceOptions::tap(3), "tap");
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn of_tun() {
    every_packet(DeviceOptions::tun(3), "tun");
}

/// Every packet in every report mode, with each header, with and without packet information and
/// offloads.
fn every_packet(options: DeviceOptions, tag: &str) {
    let (none, legacy) = (None, Some(VnetHdrLen::Legacy));
    let (v1, v1_hash) = (Some(VnetHdrLen::V1), Some(VnetHdrLen::V1Hash));
    for (number, (vnet_hdr, packet_information, offloads)) in [
        // Without header there are no offloads, whatever is asked for.
        (none, false, true),
        (none, true, true),
        (legacy, false, true),
        (legacy, true, false),
        (v1, false, true),
        (v1, false, false),
        (v1, true, true),
        (v1_hash, true, true),
    ]
    .into_iter()
    .enumerate()
    {
        let options =
            options.vnet_hdr(vnet_hdr).packet_information(packet_information).offloads(offloads);
        let is_whole = offloads && vnet_hdr.is_some();
        for mode in ReportMode::ALL {
            let large = match mode {
                _ if is_whole => Large::Whole,
                ReportMode::Kernel => Large::SegmentedWithReport,
                ReportMode::Off | ReportMode::Reader => Large::Segmented,
            };
            let mut tap = Tap::with(&format!("{tag}-{number}-{mode}"), options);
            assert!(tap.queues.iter().all(|queue| queue.vnet_hdr() == vnet_hdr));
            let config = config((0..128).map(|entry| (entry * entry / 3) % 3), 2);
            let steering = tap.device.steer(&config, mode).unwrap();
            set_report(&mut tap.queues, &steering.report());
            lengthen_queues(&tap.device);
            let tap = tap.start();
            let packets = tap.receive(senders::everything_and(&tap.device, large));
            check(&packets, &config, mode, 3);
            assert_eq!(queues_used(&packets), 3);
            let has_large = packets.iter().any(|packet| packet.received.header.gso_type != 0);
            assert_eq!(has_large, is_whole, "{options:?}");
            let link = tap.device.link();
            let reports: BTreeSet<_> = packets
                .iter()
                .map(|packet| classify(&config, link, &packet.frame).report)
                .collect();
            assert!(reports.into_iter().eq(HashReport::ALL));
        }
    }
}

/// The kernel's own steering with a report: with and without offloads, with both sizes of header.
#[test]
#[ignore = "cargo xtask test bpf"]
fn report_without_rss() {
    let options = [DeviceOptions::tap(3), DeviceOptions::tun(3)];
    let formats = [VnetHdrLen::Legacy, VnetHdrLen::V1]
        .into_iter()
        .flat_map(|vnet_hdr| [true, false].map(|offloads| (vnet_hdr, offloads)));
    for (number, (vnet_hdr, offloads)) in formats.enumerate() {
        for (options, report) in options.into_iter().zip([ReportMode::Kernel, ReportMode::Reader]) {
            // Each kind of device in either mode, over both.
            let report = match (number % 2, report) {
                (0, report) => report,
                (_, ReportMode::Kernel) => ReportMode::Reader,
                (_, _) => ReportMode::Kernel,
            };
            let options = options.vnet_hdr(Some(vnet_hdr)).offloads(offloads);
            let mut tap = Tap::with(&format!("auto-{number}-{report}"), options);
            // All to one queue, if it were asked.
            let config = config([1], 1);
            let settings = Settings { steering: SteeringMode::Automatic, ..report.into() };
            let steering = tap.device.steer(&config, settings).unwrap();
            set_report(&mut tap.queues, &steering.report());
            lengthen_queues(&tap.device);
            let tap = tap.start();
            let large = match report {
                _ if offloads => Large::Whole,
                ReportMode::Kernel => Large::SegmentedWithReport,
                ReportMode::Off | ReportMode::Reader => Large::Segmented,
            };
            let packets = tap.receive(senders::everything_and(&tap.device, large));
            check_hashes(&packets, &config, report);
            assert_eq!(queues_used(&packets), 3);
            let has_large = packets.iter().any(|packet| packet.received.header.gso_type != 0);
            assert_eq!(has_large, offloads, "{options:?}");
        }
    }
}

/// Make the queues hold more packets than are sent before they are read: a TUN's hold 500.
fn lengthen_queues(device: &Device) {
    run(&format!("ip link set {} txqueuelen 2000", device.name()));
}

/// What is in force on a TUN is for packets that start with an IP header; it is found, replaced and
/// cleared as on a TAP.
#[test]
#[ignore = "cargo xtask test bpf"]
fn steering_of_a_tun_is_for_ip() {
    let mut tun = Tap::with("ip-steered", DeviceOptions::tun(3));
    assert_eq!((tun.device.kind(), tun.device.link()), (Kind::Tun, Link::Ip));
    for mode in ReportMode::ALL {
        let config = config([2, 1, 0, 1], 1);
        let steering = tun.device.steer(&config, mode).unwrap();
        let state = tun.device.steering().unwrap().unwrap();
        assert_eq!((&state.config, state.report, state.link), (&config, mode, Link::Ip));
        steering.keep();
    }
    assert!(tun.device.clear().unwrap());
    assert_eq!(tun.device.steering().unwrap(), None);
    tun.queues.clear();
}

/// Devices of another tool are read as they are, and stay so.
#[test]
#[ignore = "cargo xtask test bpf"]
fn of_another_tool() {
    for (tag, words, vnet_hdr, packet_information) in [
        ("bare", "mode tap multi_queue", None, false),
        ("bare-pi", "mode tap multi_queue pi", None, true),
        ("old", "mode tap multi_queue vnet_hdr", Some(VnetHdrLen::Legacy), false),
        ("tun-bare", "mode tun multi_queue", None, false),
        ("tun-pi", "mode tun multi_queue pi vnet_hdr", Some(VnetHdrLen::Legacy), true),
    ] {
        let _netns = NetNs::enter_new().unwrap();
        run(&format!("ip tuntap add {tag} {words}"));
        let device = Device::open(&name(tag)).unwrap();
        let config = config([0, 1, 2, 1], 1);
        device.steer(&config, ReportMode::Kernel).unwrap().keep();
        let queues = device.open_queues(3).unwrap();
        for queue in &queues {
            assert_eq!(queue.vnet_hdr(), vnet_hdr, "{words}");
            assert_eq!(queue.has_packet_information(), packet_information, "{words}");
        }
        lengthen_queues(&device);
        traffic::start(&device);
        let packets =
            receive(&queues, senders::everything_and(&device, Large::SegmentedWithReport));
        check(&packets, &config, ReportMode::Kernel, 3);

        // Offloads are to be had where a header tells of them.
        let result = device.set_offloads(true);
        if vnet_hdr.is_none() {
            let error = result.unwrap_err();
            assert!(matches!(error, tunrss::Error::NoVnetHdr { .. }), "{error:?}");
            continue;
        }
        result.unwrap();
        let packets = receive(&queues, senders::everything_and(&device, Large::Whole));
        check(&packets, &config, ReportMode::Kernel, 3);
        device.set_offloads(false).unwrap();
        let packets =
            receive(&queues, senders::everything_and(&device, Large::SegmentedWithReport));
        check(&packets, &config, ReportMode::Kernel, 3);
    }
}
