//! Devices and queues, and packets through them that nothing steers.
//!
//! Needs CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN in a user namespace, as `unshare -Urn` gives;
//! and iproute2. Each test makes a network namespace. Run by `cargo xtask test netns`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "netns/capture.rs"]
mod capture;
#[path = "device/senders.rs"]
#[expect(dead_code, reason = "the other tests send more")]
mod senders;
#[path = "netns/software.rs"]
mod software;
mod traffic;

use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::process::Command;
use std::time::Instant;

use rustix::io::Errno;
use traffic::{
    Expected, HERE_V4, HERE_V6, Packet, PacketSocket, THERE_V4, THERE_V6, Tap, complete_checksum,
    deadline, eventually, receive, start_checksum, udp_socket, wait,
};
use tunrss::hash::{HashKey, HashReport, HashTypes, Link, SteeringConfig, VnetHdr, VnetHdrLen};
use tunrss::netns::NetNs;
use tunrss::{
    Device, DeviceOptions, Error, ErrorKind, IfName, Kind, MAX_QUEUES, Queue, ReportMode,
};
use tunrss_testkit::packet::{Packet as Built, V4, V6};

/// Made past us, by iproute2: the kernel takes the names that we take, and no others. A percent sign
/// asks it for a number.
#[test]
#[ignore = "cargo xtask test netns"]
fn names_are_those_that_the_kernel_takes() {
    let _netns = NetNs::enter_new().unwrap();
    let with = |character: char| format!("a{character}b");
    let characters = ('\u{1}'..='~')
        .chain("\u{80}\u{85}\u{a0}\u{e0}\u{e9}\u{120}\u{2003}\u{3000}\u{202e}".chars());
    let names = characters.filter(|&character| character != '%').map(with);
    let words = ["all", "default", "All", ".", "..", "...", "a23456789012345", "a234567890123456"];
    for name in names.chain(words.map(Into::into)) {
        let made =
            Command::new("ip").args(["link", "add", "name", &name, "type", "bridge"]).output();
        let made = made.unwrap();
        let refusal = String::from_utf8_lossy(&made.stderr);
        assert_eq!(made.status.success(), IfName::new(&name).is_ok(), "{name:?}: {refusal}");
    }
}

#[test]
#[ignore = "cargo xtask test netns"]
fn device_has_as_many_queues_as_asked_for() {
    let _netns = NetNs::enter_new().unwrap();
    for queues in [1, 4, MAX_QUEUES] {
        let name = name(&format!("many{queues}"));
        let (device, held) = Device::create(&name, queues).unwrap();
        assert_eq!(held.len(), queues);
        assert_eq!(device.attached_queues().unwrap(), queues);
        for device in [device, Device::open(&name).unwrap()] {
            assert_eq!(device.name(), &name);
            assert_eq!((device.kind(), device.link()), (Kind::Tap, Link::Ethernet));
            assert!(device.is_multi_queue() && device.has_vnet_hdr() && !device.is_persistent());
        }
    }
}

#[test]
#[ignore = "cargo xtask test netns"]
fn impossible_number_of_queues_is_refused() {
    let _netns = NetNs::enter_new().unwrap();
    let name = name("impossible");
    for queues in [0, MAX_QUEUES + 1, usize::MAX] {
        let error = Device::create(&name, queues).unwrap_err();
        assert!(matches!(error, Error::QueueCount { queues: refused } if refused == queues));
        assert_eq!(error.kind(), ErrorKind::Input);
        assert_no_device(&name);
    }
    let (device, _queues) = Device::create(&name, 3).unwrap();
    for more in [MAX_QUEUES - 2, usize::MAX] {
        let error = device.open_queues(more).unwrap_err();
        assert!(matches!(error, Error::QueueCount { .. }), "{error:?}");
    }
    for intended in [0, MAX_QUEUES + 1] {
        let error = device.set_intended_queues(intended).unwrap_err();
        assert!(matches!(error, Error::QueueCount { .. }), "{error:?}");
    }
    assert_eq!(device.attached_queues().unwrap(), 3);
    assert_eq!(device.intended_queues().unwrap(), None);
}

#[test]
#[ignore = "cargo xtask test netns"]
fn taken_name_is_refused() {
    let _netns = NetNs::enter_new().unwrap();
    let taken = name("taken");
    let (device, _queues) = Device::create(&taken, 2).unwrap();
    let error = Device::create(&taken, 3).unwrap_err();
    assert!(matches!(&error, Error::Exists { name } if *name == taken), "{error:?}");
    assert!(error.hint().unwrap().contains("tunrss delete taken"));
    assert_eq!(Device::open(&taken).unwrap().index(), device.index());
    assert_eq!(device.attached_queues().unwrap(), 2);

    let lo = name("lo");
    for error in [Device::create(&lo, 1).map(drop), Device::open(&lo).map(drop)] {
        let error = error.unwrap_err();
        let Error::OtherKind { name, kind } = &error else { panic!("{error:?}") };
        assert_eq!((name, kind.as_str()), (&lo, "physical or loopback"));
        assert_eq!(error.kind(), ErrorKind::Input);
    }

    ip(&["link", "add", "bridge0", "type", "bridge"]);
    let error = Device::create(&name("bridge0"), 1).unwrap_err();
    assert!(matches!(&error, Error::OtherKind { kind, .. } if kind == "bridge"), "{error:?}");

    ip(&["tuntap", "add", "tun0", "mode", "tun"]);
    for options in [DeviceOptions::tap(1), DeviceOptions::tun(1)] {
        let error = Device::create_with(&name("tun0"), options).unwrap_err();
        assert!(matches!(&error, Error::Exists { .. }), "{error:?}");
    }

    let error = Device::open(&name("nobody")).unwrap_err();
    assert!(matches!(error, Error::NoDevice { .. }), "{error:?}");
}

#[test]
#[ignore = "cargo xtask test netns"]
fn queue_from_a_descriptor() {
    let tap = Tap::new("from_fd", 1).start();
    let copy = tap.queues[0].as_fd().try_clone_to_owned().unwrap();
    let queues = [Queue::from_fd(copy).unwrap()];
    // No queue more, and the same packets.
    assert_eq!(tap.device.attached_queues().unwrap(), 1);
    let socket = udp_socket((HERE_V4, 0));
    socket.send_to(b"through the copy", (THERE_V4, 7)).unwrap();
    receive(&queues, [part(b"through the copy")]);

    let unattached = File::options().read(true).write(true).open("/dev/net/tun").unwrap();
    for other in [File::open("/dev/null").unwrap(), unattached] {
        let error = Queue::from_fd(other.into()).unwrap_err();
        assert!(matches!(error, Error::NotAQueue { .. }), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::Input);
    }
}

#[test]
#[ignore = "cargo xtask test netns"]
fn device_ends_with_its_last_queue() {
    let _netns = NetNs::enter_new().unwrap();
    let name = name("ends");
    let (device, mut queues) = Device::create(&name, 2).unwrap();
    queues.pop();
    eventually("one queue is left", || device.attached_queues().unwrap() == 1);
    queues.pop();
    eventually("the device is gone", || Device::open(&name).is_err());
    assert_no_device(&name);
    let error = device.attached_queues().unwrap_err();
    assert!(matches!(error, Error::NoDevice { .. }), "{error:?}");
}

#[test]
#[ignore = "cargo xtask test netns"]
fn persistent_device_outlives_its_queues() {
    let _netns = NetNs::enter_new().unwrap();
    let name = name("persists");
    let (device, queues) = Device::create(&name, 4).unwrap();
    device.set_persistent(true).unwrap();
    drop(queues);
    no_queue_is_left(&device);
    let reopened = Device::open(&name).unwrap();
    assert_eq!(reopened.index(), device.index());
    assert!(reopened.is_persistent() && reopened.is_multi_queue() && reopened.has_vnet_hdr());
    let queues = reopened.open_queues(3).unwrap();
    assert_eq!(reopened.attached_queues().unwrap(), 3);

    // Not persistent any more, and persistent again: nobody holds a queue in between.
    drop(queues);
    no_queue_is_left(&device);
    reopened.delete().unwrap();
    assert_no_device(&name);
}

#[test]
#[ignore = "cargo xtask test netns"]
fn persistence_ends_when_told() {
    let _netns = NetNs::enter_new().unwrap();
    let name = name("unpersist");
    let (device, queues) = Device::create(&name, 1).unwrap();
    device.set_persistent(true).unwrap();
    assert!(Device::open(&name).unwrap().is_persistent());
    drop(queues);
    no_queue_is_left(&device);
    // The descriptor that this is done by was the last one.
    device.set_persistent(false).unwrap();
    eventually("the device is gone", || Device::open(&name).is_err());
    assert_no_device(&name);
}

#[test]
#[ignore = "cargo xtask test netns"]
fn queues_of_a_deleted_device_say_so() {
    let tap = Tap::new("deleted", 1).start();
    let name = tap.device.name().clone();
    tap.device.clone().delete().unwrap();
    assert_no_device(&name);
    let error = tap.queues[0].recv(&mut [0; 100]).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(Errno::BADFD.raw_os_error()), "{error}");
    let error = tap.device.delete().unwrap_err();
    assert!(matches!(error, Error::Netlink { .. }), "{error:?}");
}

#[test]
#[ignore = "cargo xtask test netns"]
fn device_for_one_queue_is_told_apart() {
    let _netns = NetNs::enter_new().unwrap();
    ip(&["tuntap", "add", "single", "mode", "tap", "vnet_hdr"]);
    let device = Device::open(&name("single")).unwrap();
    assert!(!device.is_multi_queue());
    let config = SteeringConfig::new(HashTypes::ALL, HashKey::MICROSOFT, [0, 1], 0).unwrap();
    for error in [
        device.open_queues(1).map(drop),
        device.set_persistent(false),
        device.steer(&config, ReportMode::Off).map(drop),
    ] {
        let error = error.unwrap_err();
        assert!(matches!(error, Error::SingleQueue { .. }), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.hint().unwrap().contains("multi_queue"));
    }
    assert!(Device::open(&name("single")).unwrap().is_persistent());
}

/// Kind, packet information and header are the device's, and every queue has them.
#[test]
#[ignore = "cargo xtask test netns"]
fn device_is_as_asked_for() {
    let _netns = NetNs::enter_new().unwrap();
    for (number, options) in all_formats().into_iter().enumerate() {
        let name = name(&format!("format{number}"));
        let (device, mut queues) = Device::create_with(&name, options).unwrap();
        let has = |queue: &Queue| (queue.link(), queue.vnet_hdr(), queue.has_packet_information());
        assert_eq!(has(&queues[0]), has(&queues[1]));
        let (link, vnet_hdr, packet_information) = has(&queues[0]);
        let kind = if link == Link::Ip { Kind::Tun } else { Kind::Tap };
        let made_by = match kind {
            Kind::Tun => DeviceOptions::tun(2),
            _ => DeviceOptions::tap(2),
        };
        let made_by = made_by.vnet_hdr(vnet_hdr).packet_information(packet_information);
        assert_eq!(made_by, options);
        for device in [&device, &Device::open(&name).unwrap()] {
            assert_eq!((device.kind(), device.link()), (kind, link));
            assert_eq!(device.has_vnet_hdr(), vnet_hdr.is_some());
            assert_eq!(device.has_packet_information(), packet_information);
        }
        // As iproute2 sees it.
        let on = |is_on| if is_on { "on" } else { "off" };
        let shown = ip_output(&["-d", "link", "show", name.as_str()]);
        let expected = format!(
            "tun type {} pi {} vnet_hdr {} multi_queue ",
            kind.to_string().to_lowercase(),
            on(packet_information),
            on(vnet_hdr.is_some())
        );
        assert!(shown.contains(&expected), "{expected}: {shown}");

        // More queues, and persistence by a descriptor of its own, leave it so.
        queues.extend(device.open_queues(1).unwrap());
        assert_eq!(has(&queues[2]), has(&queues[0]));
        device.set_persistent(true).unwrap();
        drop(queues);
        no_queue_is_left(&device);
        device.set_persistent(true).unwrap();
        no_queue_is_left(&device);
        let queues = device.open_queues(2).unwrap();
        assert_eq!(has(&queues[1]), (link, vnet_hdr, packet_information));
        device.delete().unwrap();
    }
}

/// Each kind with each header, with and without packet information; two queues.
fn all_formats() -> Vec<DeviceOptions> {
    use VnetHdrLen::{Legacy, V1, V1Hash};
    let mut all = Vec::new();
    for kind in [DeviceOptions::tap(2), DeviceOptions::tun(2)] {
        for vnet_hdr in [None, Some(Legacy), Some(V1), Some(V1Hash)] {
            let options = kind.vnet_hdr(vnet_hdr);
            all.extend([options, options.packet_information(true)]);
        }
    }
    all
}

/// A descriptor is known for what it is, also where its device is in another network namespace.
#[test]
#[ignore = "cargo xtask test netns"]
fn queue_from_a_descriptor_reads_what_the_device_has() {
    for options in all_formats() {
        let tap = Tap::with("from_any", options).start();
        let elsewhere = NetNs::enter_new().unwrap();
        let queues: Vec<_> = tap
            .queues
            .iter()
            .map(|queue| Queue::from_fd(queue.as_fd().try_clone_to_owned().unwrap()).unwrap())
            .collect();
        let copies = tap.queues.iter().map(|queue| {
            let copy = queue.as_fd().try_clone_to_owned().unwrap();
            Queue::from_fd_as(copy, queue.has_packet_information()).unwrap()
        });
        let copies: Vec<_> = copies.collect();
        drop(elsewhere);
        for (queues, text) in [(&queues, "through the copy"), (&copies, "through the other")] {
            let socket = udp_socket((HERE_V4, 0));
            socket.send_to(text.as_bytes(), (THERE_V4, 7)).unwrap();
            receive(queues, [part(text.as_bytes())]);
        }
    }
}

#[test]
#[ignore = "cargo xtask test netns"]
fn header_of_an_unknown_size_is_refused() {
    let tap = Tap::new("size16", 1);
    tap.device.set_persistent(true).unwrap();
    let queue = tap.queues[0].as_fd();
    set_header_len(queue, 16);
    for error in [
        Queue::from_fd(queue.try_clone_to_owned().unwrap()).map(drop),
        Queue::from_fd_as(queue.try_clone_to_owned().unwrap(), false).map(drop),
        tap.device.open_queues(1).map(drop),
    ] {
        let error = error.unwrap_err();
        let Error::NotAQueue { found } = &error else { panic!("{error:?}") };
        assert_eq!(found, "its virtio-net header has 16 bytes");
    }
    eventually("the queue refused is closed", || tap.device.attached_queues().unwrap() == 1);
}

fn set_header_len(queue: impl AsFd, len: i32) {
    use rustix::ioctl::{Setter, ioctl, opcode};
    // SAFETY: TUNSETVNETHDRSZ reads one int through the pointer (tun.c, v6.12), which lives in the
    // setter past the call, and keeps none.
    let setter = unsafe { Setter::<{ opcode::write::<i32>(b'T', 216) }, i32>::new(len) };
    // SAFETY: as above.
    unsafe { ioctl(queue, setter) }.unwrap();
}

/// It is read as it is, and stays so: others may read it, too.
#[test]
#[ignore = "cargo xtask test netns"]
fn device_of_another_tool_is_not_changed_by_its_queues() {
    let _netns = NetNs::enter_new().unwrap();
    for mode in ["tap", "tun"] {
        for (tag, flags) in
            [("bare", &[][..]), ("header", &["vnet_hdr"]), ("info", &["pi", "vnet_hdr"])]
        {
            let tag = format!("{mode}-{tag}");
            let add = ["tuntap", "add", &tag, "mode", mode, "multi_queue"];
            ip(&[&add, flags].concat());
            let shown = || {
                let text = ip_output(&["-d", "link", "show", &tag]);
                text[text.find("tun type").unwrap()..text.find("numqueues").unwrap()].to_owned()
            };
            let before = shown();
            let device = Device::open(&name(&tag)).unwrap();
            assert!(device.is_persistent() && device.is_multi_queue());
            assert_eq!(device.attached_queues().unwrap(), 0);
            device.set_persistent(true).unwrap();
            assert_eq!(shown(), before);
            no_queue_is_left(&device);
            let queues = device.open_queues(2).unwrap();
            assert_eq!(device.attached_queues().unwrap(), 2);
            assert_eq!(shown(), before);
            assert_eq!(queues[1].has_packet_information(), device.has_packet_information());
            // What `ip` leaves is the kernel's default.
            let vnet_hdr = device.has_vnet_hdr().then_some(VnetHdrLen::Legacy);
            assert_eq!(queues[1].vnet_hdr(), vnet_hdr);

            traffic::start(&device);
            udp_socket((HERE_V4, 0)).send_to(tag.as_bytes(), (THERE_V4, 7)).unwrap();
            receive(&queues, [part(tag.as_bytes())]);
            device.delete().unwrap();
        }
    }
}

/// Whatever it was before: who opens a device that nobody has open decides.
#[test]
#[ignore = "cargo xtask test netns"]
fn device_that_nobody_has_open_is_opened_as_wanted() {
    let _netns = NetNs::enter_new().unwrap();
    for (tag, flags, count) in [
        ("bare", &["multi_queue"][..], 2),
        ("header", &["multi_queue", "vnet_hdr"], 3),
        ("info", &["multi_queue", "pi", "vnet_hdr"], 1),
        ("single", &["pi"], 1),
    ] {
        ip(&[&["tuntap", "add", tag, "mode", "tap"], flags].concat());
        ip(&["link", "set", tag, "mtu", "1300", "address", "02:00:00:00:00:09"]);
        let device = Device::open(&name(tag)).unwrap();
        assert_eq!(device.mac().unwrap(), Some([2, 0, 0, 0, 0, 9]));
        assert_eq!(device.mtu().unwrap(), 1300);
        device.set_mtu(1400).unwrap();
        assert_eq!(device.mtu().unwrap(), 1400);
        let queues = device.open_as(DeviceOptions::tap(count)).unwrap();
        assert_eq!(queues.len(), count);
        // The kernel does not count that of a device for one.
        let counted = if device.is_multi_queue() { count } else { 0 };
        assert_eq!(device.attached_queues().unwrap(), counted);
        let error = device.open_as(DeviceOptions::tap(1)).err();
        assert_eq!(error.is_some(), !device.is_multi_queue(), "{error:?}");
        for queue in &queues {
            assert_eq!(queue.vnet_hdr(), Some(VnetHdrLen::V1));
            assert!(!queue.has_packet_information());
        }
        let device = Device::open(&name(tag)).unwrap();
        assert!(device.has_vnet_hdr() && !device.has_packet_information());
        assert!(device.is_persistent());
        traffic::start(&device);
        udp_socket((HERE_V4, 0)).send_to(tag.as_bytes(), (THERE_V4, 7)).unwrap();
        receive(&queues, [part(tag.as_bytes())]);
        drop(queues);
        device.delete().unwrap();
    }
}

#[test]
#[ignore = "cargo xtask test netns"]
fn device_of_another_kind_is_not_opened_as_wanted() {
    let _netns = NetNs::enter_new().unwrap();
    ip(&["tuntap", "add", "tun", "mode", "tun", "multi_queue"]);
    let device = Device::open(&name("tun")).unwrap();
    let error = device.open_as(DeviceOptions::tap(1)).unwrap_err();
    assert!(matches!(error, Error::OtherKind { .. }), "{error:?}");
    assert_eq!(device.open_as(DeviceOptions::tun(2)).unwrap().len(), 2);
    ip(&["tuntap", "add", "alone", "mode", "tap"]);
    let device = Device::open(&name("alone")).unwrap();
    let error = device.open_as(DeviceOptions::tap(2)).unwrap_err();
    assert!(matches!(error, Error::SingleQueue { .. }), "{error:?}");
    let error = device.open_as(DeviceOptions::tap(0)).unwrap_err();
    assert!(matches!(error, Error::QueueCount { .. }), "{error:?}");
    device.clone().delete().unwrap();
    let error = device.mtu().unwrap_err();
    assert!(matches!(error, Error::NoDevice { .. }), "{error:?}");
}

#[test]
#[ignore = "cargo xtask test netns"]
fn intended_queues_are_noted_on_the_device() {
    let _netns = NetNs::enter_new().unwrap();
    let name = name("intended");
    let (device, queues) = Device::create(&name, 1).unwrap();
    assert_eq!(device.intended_queues().unwrap(), None);
    device.set_persistent(true).unwrap();
    drop(queues);
    for queues in [1, 4, MAX_QUEUES] {
        device.set_intended_queues(queues).unwrap();
        assert_eq!(Device::open(&name).unwrap().intended_queues().unwrap(), Some(queues));
    }
    // What somebody else has noted is nothing to us.
    for alias in ["uplink of guest 7", "tunrss queues 257", "tunrss queues x"] {
        ip(&["link", "set", "intended", "alias", alias]);
        assert_eq!(device.intended_queues().unwrap(), None, "{alias}");
    }
}

#[test]
#[ignore = "cargo xtask test netns"]
fn frames_reach_kernel_sockets_and_datagrams_are_read() {
    for options in all_formats() {
        both_ways(&Tap::with("both_ways", options).start());
    }
}

fn both_ways(tap: &Tap) {
    let has_header = tap.queues[0].vnet_hdr().is_some();
    let link = tap.device.link();
    let here: [SocketAddr; 2] = [(HERE_V4, 4000).into(), (HERE_V6, 4000).into()];
    let there: [SocketAddr; 2] = [(THERE_V4, 5000).into(), (THERE_V6, 5000).into()];
    for (here, there) in here.into_iter().zip(there) {
        let socket = udp_socket(here);
        let mut buffer = [0; 2000];
        // The first one shows the device's address.
        socket.send_to(b"a datagram of the kernel", there).unwrap();
        let packets = tap.receive([part(b"a datagram of the kernel")]);
        let sent = packets.iter().find(|packet| packet.frame.ends_with(b"of the kernel")).unwrap();
        if link == Link::Ethernet {
            assert_eq!(sent.frame[..6], traffic::THERE_MAC);
        }
        assert_eq!(sent.received.hash(), None);
        assert_eq!(sent.received.report(), HashReport::None);

        let reply = |payload: &[u8]| answer(sent, payload);
        // The kernel checks the checksum.
        let mut frame = reply(b"checksum complete");
        let upper = start_checksum(&mut frame, link);
        complete_checksum(&mut frame, &upper);
        tap.queues[1].send(&VnetHdr::default(), &frame).unwrap();
        assert_eq!(received(&socket, &mut buffer, there), b"checksum complete");

        // A wrong one does not arrive, so the next one is the first.
        let mut frame = reply(b"checksum wrong");
        let upper = start_checksum(&mut frame, link);
        complete_checksum(&mut frame, &upper);
        frame[upper.start + upper.checksum_offset] ^= 0x10;
        tap.queues[0].send(&VnetHdr::default(), &frame).unwrap();

        // The checksum is left to the kernel, where that can be said.
        let mut frame = reply(b"checksum partial");
        let upper = start_checksum(&mut frame, link);
        let header = VnetHdr {
            flags: VnetHdr::NEEDS_CSUM,
            csum_start: upper.start as u16,
            csum_offset: upper.checksum_offset as u16,
            ..VnetHdr::default()
        };
        let sending = tap.queues[0].send(&header, &frame);
        if has_header {
            sending.unwrap();
            assert_eq!(received(&socket, &mut buffer, there), b"checksum partial");
            let beyond = VnetHdr { csum_start: 60_000, ..header };
            let error = tap.queues[0].send(&beyond, &frame).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
        } else {
            let large = VnetHdr { gso_type: VnetHdr::GSO_TCPV4, ..VnetHdr::default() };
            for error in [sending, tap.queues[0].send(&large, &frame)] {
                let error = error.unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
                assert!(error.to_string().contains("no header"), "{error}");
            }
        }
        // What is wrong with a packet is said: too short for Ethernet, neither IPv4 nor IPv6.
        for wrong in [&[][..], &[0x70; 10]] {
            let error = tap.queues[0].send(&VnetHdr::default(), wrong).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
        }
    }
}

/// The frame that answers `packet`, which is untagged, with `payload`. Its checksum is not set.
fn answer(packet: &Packet, payload: &[u8]) -> Vec<u8> {
    let frame = &packet.frame;
    let ip = if packet.link == Link::Ethernet { &frame[14..] } else { frame };
    let address = |at: usize| <[u8; 4]>::try_from(&ip[at..at + 4]).unwrap();
    let address6 = |at: usize| <[u8; 16]>::try_from(&ip[at..at + 16]).unwrap();
    let built = match ip[0] >> 4 {
        4 => Built::udp(V4::new(address(16), address(12)), 5000, 4000),
        _ => Built::udp(V6::new(address6(24), address6(8)), 5000, 4000),
    };
    let mut answer = built.payload(payload).to_bytes(packet.link);
    if packet.link == Link::Ethernet {
        answer[..6].copy_from_slice(&frame[6..12]);
        answer[6..12].copy_from_slice(&frame[..6]);
    }
    answer
}

fn received<'a>(socket: &UdpSocket, buffer: &'a mut [u8], from: SocketAddr) -> &'a [u8] {
    let (len, source) = socket.recv_from(buffer).unwrap();
    assert_eq!(source, from);
    &buffer[..len]
}

/// Without a program the kernel spreads flows by itself.
#[test]
#[ignore = "cargo xtask test netns"]
fn packets_are_read_from_more_than_one_queue() {
    let tap = Tap::quiet("automatic", 4);
    let socket = udp_socket((HERE_V4, 0));
    let payloads: Vec<_> = (0..64).map(|port| format!("to port {port:5}")).collect();
    for (port, payload) in payloads.iter().enumerate() {
        socket.send_to(payload.as_bytes(), (THERE_V4, 1000 + port as u16)).unwrap();
    }
    let packets = tap.receive(payloads.iter().map(|payload| part(payload.as_bytes())));
    let used = (0..4).filter(|&queue| packets.iter().any(|packet| packet.queue == queue));
    assert!(used.count() > 1);
}

#[test]
#[ignore = "cargo xtask test netns"]
fn empty_queue_would_block() {
    // Down, so that the kernel sends nothing.
    let tap = Tap::new("empty", 2);
    for queue in &tap.queues {
        for room in [0, 1, 2000] {
            let error = queue.recv(&mut vec![0; room]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
            let error = queue.recv_record(&mut vec![0; 100 + room]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        }
    }
    assert!(!wait(&tap.queues, Instant::now()));
}

#[test]
#[ignore = "cargo xtask test netns"]
fn packet_that_does_not_fit_is_marked() {
    for options in all_formats() {
        // Queue 0 is the only one.
        let Tap { device, queues, .. } = &Tap::without_ipv6("truncated", options.queues(1)).start();
        let socket = PacketSocket::new(device);
        let frame = Built::udp(V4::new(1, 2), 3, 4).payload(&[7; 100]).to_bytes(device.link());
        let deadline = deadline();
        for room in [0, 1, frame.len() - 2, frame.len() - 1, frame.len(), frame.len() + 1] {
            socket.send(&frame).unwrap();
            assert!(wait(queues, deadline), "nothing received");
            let mut buffer = vec![0xaa; room];
            let received = queues[0].recv(&mut buffer).unwrap();
            assert_eq!(received.is_truncated, room < frame.len(), "{room}");
            assert_eq!(received.len, room.min(frame.len()));
            assert_eq!(buffer[..received.len], frame[..received.len]);
            // The kernel sees one byte more of room than there is.
            let said = received.packet_information.map(|said| said.flags);
            let is_strip = u16::from(room + 1 < frame.len());
            assert_eq!(said, queues[0].has_packet_information().then_some(is_strip));
            // The rest of it is lost.
            let error = queues[0].recv(&mut buffer).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        }
    }
}

#[test]
#[ignore = "cargo xtask test netns"]
fn record_that_does_not_fit_is_marked() {
    for options in all_formats() {
        let Tap { device, queues, .. } = &Tap::without_ipv6("cut", options.queues(1)).start();
        let queue = &queues[0];
        let socket = PacketSocket::new(device);
        let frame = Built::udp(V4::new(1, 2), 3, 4).payload(&[7; 100]).to_bytes(device.link());
        let deadline = deadline();
        socket.send(&frame).unwrap();
        // Nothing is lost to a buffer that is refused.
        for len in [0, 1, Queue::RECORD_OVERHEAD - 1] {
            let error = queue.recv_record(&mut vec![0; len]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{len}");
        }
        let mut buffer = vec![0xaa; Queue::RECORD_OVERHEAD + frame.len()];
        assert_eq!(queue.recv_record(&mut buffer).unwrap().frame(), frame);

        let packet_information = if queue.has_packet_information() { 4 } else { 0 };
        let in_front = packet_information + queue.vnet_hdr().map_or(0, |vnet_hdr| vnet_hdr.len());
        for room in [30, frame.len() - 1, frame.len(), frame.len() + 1] {
            socket.send(&frame).unwrap();
            assert!(wait(queues, deadline), "nothing received");
            let mut buffer = vec![0xaa; in_front.max(20) + room + 1];
            let record = queue.recv_record(&mut buffer).unwrap();
            let received = *record.received();
            assert_eq!(received.is_truncated, room < frame.len(), "{options:?} {room}");
            assert_eq!(received.len, room.min(frame.len()));
            assert_eq!(record.frame(), &frame[..received.len]);
            assert_eq!(record.with_header(), [&received.header.encode(), record.frame()].concat());
            // The rest of it is lost.
            let error = queue.recv_record(&mut buffer).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        }
    }
}

/// Offloads are on: a packet to be segmented arrives whole, its checksum to be computed, with the
/// header that its sender gave it.
#[test]
#[ignore = "cargo xtask test netns"]
fn packets_to_be_segmented_arrive_whole() {
    for options in [DeviceOptions::tap(2), DeviceOptions::tun(2)] {
        arrive_whole(&Tap::with("offloads", options).start());
    }
}

fn arrive_whole(tap: &Tap) {
    let socket = PacketSocket::new(&tap.device).with_header();
    let link = tap.device.link();
    let (v4, v6) = (V4::new(HERE_V4, THERE_V4), V6::new(HERE_V6, THERE_V6));
    let payload = vec![0x5a; 20_000];
    for (packet, gso_type, header_len) in [
        (Built::tcp(v4.clone(), 1, 2), VnetHdr::GSO_TCPV4, 20),
        (Built::tcp(v4.clone(), 1, 2), VnetHdr::GSO_TCPV4 | VnetHdr::GSO_ECN, 20),
        (Built::tcp(v6.clone(), 1, 2), VnetHdr::GSO_TCPV6, 20),
        (Built::udp(v4, 1, 2), VnetHdr::GSO_UDP_L4, 8),
        (Built::udp(v6, 1, 2), VnetHdr::GSO_UDP_L4, 8),
    ] {
        let mut frame = packet.payload(&payload).to_bytes(link);
        let upper = start_checksum(&mut frame, link);
        let header = VnetHdr {
            flags: VnetHdr::NEEDS_CSUM,
            gso_type,
            hdr_len: upper.start as u16 + header_len,
            gso_size: 1200,
            csum_start: upper.start as u16,
            csum_offset: upper.checksum_offset as u16,
            ..VnetHdr::default()
        };
        match socket.send_with_header(&header, &frame) {
            Ok(()) => {}
            // Before Linux 6.2 the kernel does not know this one.
            Err(error) if gso_type == VnetHdr::GSO_UDP_L4 => {
                assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
                assert!(release() < [6, 2], "{error}");
                continue;
            }
            Err(error) => panic!("{gso_type}: {error}"),
        }
        let packets = tap.receive([Expected::Frame(frame.clone())]);
        let packet = packets.into_iter().find(|packet| packet.frame == frame).unwrap();
        let got = packet.received.header;
        assert_eq!(VnetHdr { hdr_len: header.hdr_len, num_buffers: 0, ..got }, header);
    }
}

#[test]
#[ignore = "cargo xtask test netns"]
fn without_the_privilege_to_load_that_is_said() {
    let _netns = NetNs::enter_new().unwrap();
    let (device, queues) = Device::create(&name("privilege"), 2).unwrap();
    let config = SteeringConfig::new(HashTypes::ALL, HashKey::MICROSOFT, [0, 1], 0).unwrap();
    for mode in ReportMode::ALL {
        let result = device.steer(&config, mode);
        if is_initial_user_namespace() {
            result.unwrap();
            continue;
        }
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Load { .. }), "{error:?}");
        assert!(error.is_permission(), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::System);
        assert!(error.hint().unwrap().contains("CAP_BPF"));
    }
    assert_eq!(device.attached_queues().unwrap(), queues.len());
}

fn is_initial_user_namespace() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap();
    map.split_whitespace().eq(["0", "0", "4294967295"])
}

/// The first two numbers of the kernel's release.
fn release() -> [u32; 2] {
    let release = rustix::system::uname();
    let mut numbers = release.release().to_str().unwrap().split(['.', '-']);
    [(); 2].map(|()| numbers.next().unwrap().parse().unwrap())
}

fn name(name: &str) -> IfName {
    IfName::new(name).unwrap()
}

fn part(part: &[u8]) -> Expected {
    Expected::Part(part.to_vec())
}

fn assert_no_device(name: &IfName) {
    let error = Device::open(name).unwrap_err();
    assert!(matches!(error, Error::NoDevice { .. }), "{error:?}");
}

fn ip(arguments: &[&str]) {
    ip_output(arguments);
}

/// What `ip` prints.
fn ip_output(arguments: &[&str]) -> String {
    let output = Command::new("ip").args(arguments).output().unwrap();
    assert!(output.status.success(), "ip {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Wait for queues to be detached: at once when they are dropped, except while another test starts
/// a process, which has a copy of every descriptor until it is executed.
fn no_queue_is_left(device: &Device) {
    eventually("no queue is left", || device.attached_queues().unwrap() == 0);
}
