//! macvtaps, their queues and their steering: each is on one end of a veth pair, and frames are sent into the other.

use std::fs;
use std::os::fd::{AsFd, AsRawFd};
use std::process::Command;

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::net::{AddressFamily, SocketType, netdevice, socket};
use rustix::thread::{
    CapabilitySet, CapabilitySets, UnshareFlags, capabilities, set_capabilities, unshare_unsafe,
};
use tunrss::bpf::insn::{Reg, Size};
use tunrss::hash::{Link, VnetHdr, VnetHdrLen, classify};
use tunrss::hook::{AttachPoint, Direction, Hook};
use tunrss::netns::NetNs;
use tunrss::{Device, Error, ErrorKind, Kind, Queue, Report, ReportMode, Settings, SteeringMode};
use tunrss_testkit::packet::{Packet as Built, V4};

use crate::hook::trace::{NEXT, SCHED_CLS, load};
use crate::hook::{assert_no_tcx, has_tcx, hooks};
use crate::senders::{self, Large};
use crate::traffic::{
    DISABLE_IPV6, Expected, HERE_V4, PacketSocket, THERE_V4, eventually, read_all, receive,
    set_option, start_checksum, udp_socket,
};
use crate::{check, config, name, queues_used, run, set_report};

/// A macvtap that is up, alone with its veth pair in a network namespace that the thread is in.
struct Macvtap {
    device: Device,
    /// The index of the other end of the pair.
    other_end: u32,
    _netns: NetNs,
}

impl Macvtap {
    /// `index` is that of the macvtap.
    fn new(tag: &str, index: u32) -> Self {
        let netns = NetNs::enter_new().unwrap();
        fs::write(DISABLE_IPV6, "1").unwrap();
        run("ip link add lower type veth peer name other");
        run(&format!("ip link add link lower name {tag} index {index} type macvtap mode passthru"));
        for device in ["lower", "other", tag] {
            run(&format!("ip link set {device} up"));
        }
        let socket = socket(AddressFamily::INET, SocketType::DGRAM, None).unwrap();
        let other_end = netdevice::name_to_index(socket, "other").unwrap();
        Self { device: Device::open(&name(tag)).unwrap(), other_end, _netns: netns }
    }

    /// A socket on the other end. What it has sent is its own until it is read, so it may own much.
    fn socket(&self) -> PacketSocket {
        let socket = PacketSocket::on(self.other_end);
        set_option(&socket, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, 1 << 26);
        socket
    }

    /// Send frames of every kind into the other end.
    fn send(&self, seed: u64) -> Vec<Expected> {
        let socket = self.socket();
        // Frames to a group of stations come for those that joined it, and frames that end in their
        // first tag do not come.
        let comes = |frame: &Vec<u8>| {
            let is_tagged = matches!(frame[12..14], [0x81, 0x00] | [0x88, 0xa8]);
            frame[0] & 1 == 0 && (!is_tagged || frame.len() >= 20)
        };
        let frames = senders::known_frames(Link::Ethernet, seed, 300).into_iter();
        let frames: Vec<_> = frames.filter(comes).collect();
        frames.iter().for_each(|frame| socket.send(frame).unwrap());
        frames.into_iter().map(Expected::Frame).collect()
    }
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn frames_are_read_whole_and_hashed_by_the_reader() {
    let macvtap = Macvtap::new("mv-read", 7001);
    let device = &macvtap.device;
    assert_eq!(
        (device.kind(), device.link(), device.index()),
        (Kind::Macvtap, Link::Ethernet, 7001)
    );
    assert!(device.is_multi_queue() && device.has_vnet_hdr() && device.is_persistent());
    assert!(!device.has_packet_information());
    let mut queues = device.open_queues(1).unwrap();
    assert_eq!(queues[0].vnet_hdr(), Some(VnetHdrLen::V1));
    let config = config([0], 0);
    for (mode, large) in [
        (ReportMode::Off, Large::TcpWhole),
        (ReportMode::Reader, Large::TcpWhole),
        (ReportMode::Reader, Large::Segmented),
    ] {
        // By a copy of the queue's descriptor.
        device.set_offloads(large == Large::TcpWhole).unwrap();
        assert_eq!(device.attached_queues().unwrap(), 1);
        set_report(&mut queues, &Report::new(mode, &config));
        let socket = macvtap.socket().with_header();
        let mut packets = receive(&queues, macvtap.send(1));
        let large_frames = senders::frames_to_be_segmented(&socket, Link::Ethernet, large);
        packets.extend(receive(&queues, large_frames));
        check(&packets, &config, mode, 1);
        let has_large = packets.iter().any(|packet| packet.received.header.gso_type != 0);
        assert_eq!(has_large, large == Large::TcpWhole);
    }
    // By one of its own.
    drop(queues);
    eventually("the queue is closed", || device.attached_queues().unwrap() == 0);
    device.set_offloads(true).unwrap();
    eventually("it is closed", || device.attached_queues().unwrap() == 0);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn several_queues() {
    let macvtap = Macvtap::new("mv-several", 7002);
    let device = &macvtap.device;
    assert_eq!(device.attached_queues().unwrap(), 0);
    let mut queues = device.open_queues(3).unwrap();
    queues.extend(device.open_queues(1).unwrap());
    // A copy of a descriptor is no queue.
    let copy = copy(&queues[0]);
    for count in [4, 3] {
        assert_eq!(device.attached_queues().unwrap(), count);
        let socket = macvtap.socket();
        let frames = senders::flows(64);
        frames.iter().for_each(|frame| socket.send(frame).unwrap());
        let packets = receive(&queues, frames.into_iter().map(Expected::Frame));
        assert!(queues_used(&packets) > 1);
        queues.pop();
        eventually("the queue is closed", || device.attached_queues().unwrap() == count - 1);
    }
    drop(queues);
    assert_eq!(device.attached_queues().unwrap(), 1);
    drop(copy);
    eventually("the queue is closed", || device.attached_queues().unwrap() == 0);
    assert!(Device::open(device.name()).is_ok());

    let error = device.open_queues(257).unwrap_err();
    assert!(matches!(error, Error::QueueCount { queues: 257 }), "{error:?}");
}

/// Every kind of frame, in both hooks, one configuration after another, and none after the last.
#[test]
#[ignore = "cargo xtask test bpf"]
fn frames_are_steered() {
    for (hook, index) in [(Hook::Tcx, 7009), (Hook::Clsact, 7010)] {
        let macvtap = Macvtap::new(&format!("mv-{hook}"), index);
        let device = &macvtap.device;
        let mut queues = device.open_queues(4).unwrap();
        let point = AttachPoint::new(device.name(), device.index(), Direction::Ingress);
        if hook == Hook::Tcx && !has_tcx(&point) {
            let settings = Settings { hook: Some(hook), ..Settings::from(ReportMode::Off) };
            assert_no_tcx(&device.steer(&config([0], 0), settings).unwrap_err());
            assert_eq!(device.steering().unwrap(), None);
            continue;
        }
        let configs = [config([3, 1, 0, 2], 3), config([0, 2, 2, 1], 0), config([7, 6, 5, 4], 9)];
        for (seed, config) in configs.iter().enumerate() {
            for report in [ReportMode::Off, ReportMode::Reader] {
                let settings = Settings { hook: Some(hook), ..Settings::from(report) };
                let steering = device.steer(config, settings).unwrap();
                set_report(&mut queues, &steering.report());
                steering.keep();
                let state = device.steering().unwrap().unwrap();
                assert_eq!((&state.config, state.report), (config, report));
                let mut packets = receive(&queues, macvtap.send(10 + seed as u64));
                let socket = macvtap.socket().with_header();
                let large =
                    senders::frames_to_be_segmented(&socket, Link::Ethernet, Large::TcpWhole);
                packets.extend(receive(&queues, large));
                assert!(packets.iter().any(|packet| packet.received.header.gso_type != 0));
                check(&packets, config, report, 4);
                assert!(queues_used(&packets) >= 3);
            }
        }
        assert!(device.clear().unwrap());
        assert_eq!(device.steering().unwrap(), None);
        assert_eq!(point.attached().unwrap(), []);
    }
}

/// What the kernel's own sockets send through the other end, with both sizes of header, which is each
/// queue's own, with and without offloads.
#[test]
#[ignore = "cargo xtask test bpf"]
fn sockets_and_both_headers() {
    let macvtap = Macvtap::new("mv-sockets", 7014);
    let device = &macvtap.device;
    run(&format!("ip address add {HERE_V4}/24 dev other"));
    run(&format!("ip neighbour add {THERE_V4} lladdr 02:00:00:00:00:02 dev other"));
    let config = config([3, 1, 0, 2], 3);
    let steering = device.steer(&config, ReportMode::Reader).unwrap();
    for (vnet_hdr, large) in [
        (VnetHdrLen::Legacy, Large::TcpWhole),
        (VnetHdrLen::V1, Large::TcpWhole),
        (VnetHdrLen::Legacy, Large::Segmented),
        (VnetHdrLen::V1, Large::Segmented),
    ] {
        let with_header = |queue: Queue| {
            set_header_len(&queue, vnet_hdr.len());
            let queue = Queue::from_fd(fd_of(&queue)).unwrap();
            assert_eq!(queue.vnet_hdr(), Some(vnet_hdr));
            queue
        };
        let queues = device.open_queues(4).unwrap();
        let mut queues: Vec<_> = queues.into_iter().map(with_header).collect();
        device.set_offloads(large == Large::TcpWhole).unwrap();
        set_report(&mut queues, &steering.report());
        let socket = macvtap.socket().with_header();
        let mut expected = senders::datagrams(HERE_V4.into(), THERE_V4.into(), 64);
        expected.extend(senders::frames_to_be_segmented(&socket, Link::Ethernet, large));
        let packets = receive(&queues, expected);
        check(&packets, &config, ReportMode::Reader, 4);
        assert_eq!(queues_used(&packets), 4);
        let has_large = packets.iter().any(|packet| packet.received.header.gso_type != 0);
        assert_eq!(has_large, large == Large::TcpWhole);
        drop(queues);
        eventually("they are closed", || device.attached_queues().unwrap() == 0);
    }
}

/// A queue number is taken modulo the queues that are open, without anybody telling the program: when
/// one closes, the last takes its place.
#[test]
#[ignore = "cargo xtask test bpf"]
fn queues_come_and_go() {
    let macvtap = Macvtap::new("mv-come", 7011);
    let device = &macvtap.device;
    let config = config([0, 1, 2, 3, 4, 5, 6, 7], 2);
    let _steering = device.steer(&config, ReportMode::Off).unwrap();
    let mut queues = device.open_queues(5).unwrap();
    let check = |queues: &[Queue], seed| {
        let packets = receive(queues, macvtap.send(seed));
        check(&packets, &config, ReportMode::Off, queues.len());
        assert_eq!(queues_used(&packets), queues.len());
    };
    for (seed, closed) in [(20, 1), (21, 3), (22, 0), (23, 0)] {
        check(&queues, seed);
        let count = queues.len();
        // As the kernel does it.
        queues.swap_remove(closed);
        eventually("the queue is closed", || device.attached_queues().unwrap() == count - 1);
    }
    queues.extend(device.open_queues(2).unwrap());
    check(&queues, 24);
}

/// A receive queue that a lower device has recorded would decide where the hash is 0.
#[test]
#[ignore = "cargo xtask test bpf"]
fn recorded_receive_queue_changes_nothing() {
    let macvtap = Macvtap::new("mv-recorded", 7012);
    let device = &macvtap.device;
    let queues = device.open_queues(4).unwrap();
    let record = load(SCHED_CLS, "record", |asm| {
        asm.mov(Reg::R2, 3);
        // queue_mapping
        asm.store(Size::Word, Reg::R1, 12, Reg::R2);
        asm.mov(Reg::R0, NEXT);
    });
    let point = AttachPoint::new(device.name(), device.index(), Direction::Ingress);
    point.attach(hooks(&point)[0], record.as_fd()).unwrap();
    let config = config([0, 0, 0, 1], 0);
    let _steering = device.steer(&config, ReportMode::Off).unwrap();
    let packets = receive(&queues, macvtap.send(30));
    check(&packets, &config, ReportMode::Off, 4);
    assert_eq!(queues_used(&packets), 2);
    let [conflict] = &device.conflicts().unwrap()[..] else { panic!("one") };
    assert!(conflict.to_string().contains("record"), "{conflict}");
}

/// The kernel's own steering, the hash computed by the reader.
#[test]
#[ignore = "cargo xtask test bpf"]
fn automatic_steering_with_hash() {
    let macvtap = Macvtap::new("mv-auto", 7013);
    let device = &macvtap.device;
    let mut queues = device.open_queues(4).unwrap();
    let config = config([0], 0);
    let settings =
        Settings { steering: SteeringMode::Automatic, ..Settings::from(ReportMode::Reader) };
    let steering = device.steer(&config, settings).unwrap();
    set_report(&mut queues, &steering.report());
    let packets = receive(&queues, macvtap.send(40));
    assert!(queues_used(&packets) > 1);
    for packet in &packets {
        let verdict = classify(&config, Link::Ethernet, &packet.frame);
        assert_eq!(packet.received.report(), verdict.report);
        assert_eq!(packet.received.header.hash_value, verdict.hash);
    }
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn frames_are_sent() {
    let macvtap = Macvtap::new("mv-send", 7003);
    run(&format!("ip address add {HERE_V4}/24 dev other"));
    let shown = Command::new("ip").args(["-br", "link", "show", "other"]).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    let mac: Vec<_> = shown
        .split_whitespace()
        .nth(2)
        .unwrap()
        .split(':')
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect();
    let queues = macvtap.device.open_queues(2).unwrap();
    let socket = udp_socket((HERE_V4, 4000));
    for (queue, text) in [(&queues[0], "by the first"), (&queues[1], "by the second")] {
        let built = Built::udp(V4::new(THERE_V4, HERE_V4), 5000, 4000);
        let mut frame = built.payload(text.as_bytes()).to_bytes(Link::Ethernet);
        frame[..6].copy_from_slice(&mac);
        let upper = start_checksum(&mut frame, Link::Ethernet);
        let header = VnetHdr {
            flags: VnetHdr::NEEDS_CSUM,
            csum_start: upper.start as u16,
            csum_offset: upper.checksum_offset as u16,
            ..VnetHdr::default()
        };
        queue.send(&header, &frame).unwrap();
        let mut buffer = [0; 100];
        let (len, _) = socket.recv_from(&mut buffer).unwrap();
        assert_eq!(buffer[..len], *text.as_bytes());
    }
}

/// The node on /dev, named for the index, is that of one of them at most.
#[test]
#[ignore = "cargo xtask test bpf"]
fn namesakes_with_the_same_index_in_two_namespaces() {
    let first = Macvtap::new("mv-namesake", 7004);
    let first_queues = first.device.open_queues(2).unwrap();
    let second = Macvtap::new("mv-namesake", 7004);
    let second_queues = second.device.open_queues(2).unwrap();
    assert_eq!(second.device.attached_queues().unwrap(), 2);
    receive(&second_queues, second.send(2));
    assert!(read_all(&first_queues).is_empty());
    // Back in the namespace of the first.
    let Macvtap { device, _netns: inner, .. } = second;
    drop(inner);
    receive(&first_queues, first.send(3));
    assert!(read_all(&second_queues).is_empty());
    let more = first.device.open_queues(1).unwrap();
    assert_eq!(first.device.attached_queues().unwrap(), 3);
    receive(&[first_queues, more].into_iter().flatten().collect::<Vec<_>>(), first.send(4));
    drop(device);
}

/// Nothing on /dev and /sys is needed, and nothing is left there.
#[test]
#[ignore = "cargo xtask test bpf"]
fn without_dev_and_sys() {
    let macvtap = Macvtap::new("mv-bare", 7005);
    enter_new_mount_namespace();
    for place in ["/dev", "/sys"] {
        mount("none", place, "tmpfs", MountFlags::empty(), None).unwrap();
    }
    let mounts = || fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
    let before = mounts();
    let queues = macvtap.device.open_queues(2).unwrap();
    receive(&queues, macvtap.send(5));
    assert_eq!(macvtap.device.attached_queues().unwrap(), 2);
    for place in ["/dev", "/sys"] {
        assert_eq!(fs::read_dir(place).unwrap().count(), 0, "{place}");
    }
    assert_eq!(mounts(), before);
}

/// Who may not mount needs the macvtap's own node on /dev, and its sysfs on /sys.
#[test]
#[ignore = "cargo xtask test bpf"]
fn without_privilege() {
    let macvtap = Macvtap::new("mv-plain", 7006);
    let number = || {
        let sysfs = "/sys/class/net/mv-plain/tap7006/dev";
        let text = fs::read_to_string(sysfs).unwrap();
        let (major, minor) = text.trim().split_once(':').unwrap();
        [major, minor].map(|number| number.parse().unwrap())
    };
    let all = capabilities(None).unwrap();
    let without = CapabilitySet::SYS_ADMIN | CapabilitySet::MKNOD;
    let set = |effective| set_capabilities(None, CapabilitySets { effective, ..all }).unwrap();
    let refused = || {
        set(all.effective - without);
        let result = macvtap.device.open_queues(1);
        set(all.effective);
        let error = result.unwrap_err();
        assert!(matches!(error, Error::OpenMacvtap { .. }), "{error:?}");
        assert!(error.is_permission(), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::System);
        assert!(error.hint().unwrap().contains("CAP_MKNOD"));
        error.to_string()
    };
    // This is that of another network namespace.
    assert_eq!(refused(), "cannot find the number of the character device of mv-plain");

    enter_new_mount_namespace();
    mount("none", "/sys", "sysfs", MountFlags::empty(), None).unwrap();
    mount("none", "/dev", "tmpfs", MountFlags::empty(), None).unwrap();
    assert_eq!(refused(), "cannot open the character device of mv-plain");
    let [major, minor] = number();
    let node = |minor| {
        use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
        let _ = fs::remove_file("/dev/tap7006");
        let mode = Mode::RUSR | Mode::WUSR;
        let number = makedev(major, minor);
        mknodat(CWD, "/dev/tap7006", FileType::CharacterDevice, mode, number).unwrap();
    };
    // Another macvtap's, or nobody's.
    node(minor + 1);
    assert_eq!(refused(), "cannot open the character device of mv-plain");
    node(minor);
    set(all.effective - without);
    let queues = macvtap.device.open_queues(2).unwrap();
    assert_eq!(macvtap.device.attached_queues().unwrap(), 2);
    set(all.effective);
    receive(&queues, macvtap.send(6));
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn what_a_macvtap_does_not_take() {
    let macvtap = Macvtap::new("mv-other", 7007);
    let device = &macvtap.device;
    let _queues = device.open_queues(2).unwrap();
    let error = device.steer(&config([0, 1], 0), ReportMode::Kernel).unwrap_err();
    assert!(matches!(&error, Error::NoKernelReport { name } if name == device.name()), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(error.hint().unwrap().contains("reader"));
    let error = device.set_persistent(false).unwrap_err();
    assert!(matches!(&error, Error::Macvtap { name } if name == device.name()), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Input);
    assert_eq!(device.steering().unwrap(), None);
    assert!(!device.clear().unwrap());
    let error = Device::create(device.name(), 1).unwrap_err();
    assert!(matches!(error, Error::Exists { .. }), "{error:?}");

    run("ip link add link other name mv-lan type macvlan mode bridge");
    let error = Device::open(&name("mv-lan")).unwrap_err();
    assert!(matches!(&error, Error::OtherKind { kind, .. } if kind == "macvlan"), "{error:?}");
}

/// Its queues have nothing to read any more, and it cannot be opened.
#[test]
#[ignore = "cargo xtask test bpf"]
fn that_is_gone() {
    let macvtap = Macvtap::new("mv-gone", 7008);
    let device = &macvtap.device;
    let queues = device.open_queues(2).unwrap();
    device.clone().delete().unwrap();
    for error in [device.open_queues(1).map(drop), device.attached_queues().map(drop)] {
        assert!(matches!(error.unwrap_err(), Error::NoDevice { .. }));
    }
    let error = queues[0].recv(&mut [0; 100]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}");
    let error = Queue::from_fd(fd_of(&queues[0])).unwrap_err();
    assert!(matches!(error, Error::NotAQueue { .. }), "{error:?}");
}

/// `TUNSETVNETHDRSZ`
/// A descriptor outlives its macvtap, whose number the next one gets.
#[test]
#[ignore = "cargo xtask test bpf"]
fn open_queues_of_one_that_is_gone_are_not_the_next_ones() {
    let first = Macvtap::new("mv-before", 7020);
    let left_over = first.device.open_queues(2).unwrap();
    let number = |queue: &Queue| rustix::fs::fstat(queue).unwrap().st_rdev;
    let gone = number(&left_over[0]);
    first.device.clone().delete().unwrap();
    // Numbers are given out from the lowest one on; others may be let go at the same time.
    let mut kept = Vec::new();
    let has_been_met = (7021..7060).any(|index| {
        let macvtap = Macvtap::new("mv-after", index);
        assert_eq!(macvtap.device.attached_queues().unwrap(), 0);
        let queues = macvtap.device.open_queues(1).unwrap();
        assert_eq!(macvtap.device.attached_queues().unwrap(), 1);
        let is_it = number(&queues[0]) == gone;
        kept.push((macvtap, queues));
        is_it
    });
    // The last namespace is left first.
    while kept.pop().is_some() {}
    assert!(has_been_met);
}

fn set_header_len(queue: &Queue, len: usize) {
    let len = len as libc::c_int;
    // SAFETY: the ioctl reads an int through the pointer (tap_ioctl, drivers/net/tap.c, v6.12) and
    // keeps none; it lives past the call.
    let result = unsafe { libc::ioctl(queue.as_fd().as_raw_fd(), 0x4004_54d8, &raw const len) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

fn copy(queue: &Queue) -> Queue {
    let copy = Queue::from_fd(fd_of(queue)).unwrap();
    assert_eq!((copy.link(), copy.vnet_hdr()), (Link::Ethernet, Some(VnetHdrLen::V1)));
    copy
}

fn fd_of(queue: &Queue) -> std::os::fd::OwnedFd {
    queue.as_fd().try_clone_to_owned().unwrap()
}

/// Put the thread into a mount namespace whose mounts are not seen elsewhere.
fn enter_new_mount_namespace() {
    // SAFETY: only UnshareFlags::FILES is unsafe, and it is not set.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }.unwrap();
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
}
