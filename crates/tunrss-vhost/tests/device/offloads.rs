//! Each feature bit of checksums and large frames, both ways, and their change at run time.

use tunrss::hash::VnetHdr;
use tunrss_testkit::vhost::command::GUEST_OFFLOADS_SET;
use tunrss_testkit::vhost::{Ack, Frame, Options, feature};

use crate::frames::{Checked, Large, payload, with_unfinished_checksum};
use crate::host::deadline;
use crate::served::Served;

const GUEST_ALL: u64 = feature::GUEST_CSUM
    | feature::GUEST_TSO4
    | feature::GUEST_TSO6
    | feature::GUEST_ECN
    | feature::GUEST_USO4
    | feature::GUEST_USO6;

const HOST_ALL: u64 =
    feature::CSUM | feature::HOST_TSO4 | feature::HOST_TSO6 | feature::HOST_ECN | feature::HOST_USO;

const SEGMENTS: usize = 5;
const SIZE: u16 = 1000;

/// A large frame comes as it is to a driver that takes it, in segments to another.
#[track_caller]
fn check_received(served: &mut Served, large: Large, is_whole: bool) {
    let (header, bytes) = large.frame(1, SEGMENTS, SIZE);
    served.host.arrive(&header, &bytes);
    if is_whole {
        let Frame { header: received, bytes: frame, .. } = served.receive_some(1).remove(0);
        assert!(frame == bytes, "{large:?}: {received:?}");
        let of = |header: VnetHdr| (header.flags, header.gso_type, header.gso_size);
        assert_eq!(of(received), of(header), "{large:?}");
        let of = |header: VnetHdr| (header.csum_start, header.csum_offset);
        assert_eq!(of(received), of(header), "{large:?}");
        let headers = usize::from(header.hdr_len)..=bytes.len();
        assert!(headers.contains(&received.hdr_len.into()), "{large:?}: {received:?}");
        return;
    }
    let mut payloads = Vec::<u8>::new();
    for Frame { header, bytes, .. } in served.receive_some(SEGMENTS) {
        assert_eq!((header.gso_type, header.gso_size), (0, 0), "{large:?}");
        let is_finished = header.flags & VnetHdr::NEEDS_CSUM == 0;
        let upper = Checked::of(&bytes);
        assert!(if is_finished { upper.is_right(&bytes) } else { upper.is_begun(&bytes) });
        payloads.extend(payload(&bytes));
    }
    assert!(payloads == payload(&bytes), "{large:?}");
}

/// What a guest sends departs as it is, or is cut up, as the wire has it.
#[track_caller]
fn check_sent(served: &mut Served, large: Large) {
    let (header, bytes) = large.frame(1, SEGMENTS, SIZE);
    for is_whole in [true, false] {
        served.host.set_wire_offloads(is_whole);
        served.guest.send(0, &header, &bytes, &[]).unwrap();
        served.guest.flush(0).unwrap();
        let mut payloads = Vec::<u8>::new();
        for _ in 0..if is_whole { 1 } else { SEGMENTS } {
            let (departed, frame) = served.host.departed(deadline()).unwrap();
            let of = |header: VnetHdr| (header.flags, header.gso_type, header.gso_size);
            let expected = if is_whole { of(header) } else { (0, 0, 0) };
            let flags = departed.flags & !VnetHdr::DATA_VALID;
            assert_eq!(of(VnetHdr { flags, ..departed }), expected, "{large:?}");
            assert!(is_whole || Checked::of(&frame).is_right(&frame), "{large:?}");
            payloads.extend(payload(&frame));
        }
        assert!(payloads == payload(&bytes), "{large:?}");
    }
}

/// Large frames of this kind with the feature, and without it.
fn check_guest_feature(bit: u64, large: Large) {
    let mut served = Served::new("", Options::default());
    assert!(served.guest.has(bit));
    check_received(&mut served, large, true);
    let mut served = Served::new("", Options::default().without(bit));
    check_received(&mut served, large, false);
    for other in Large::ALL {
        // What takes frames without ECN takes them with it, cut up.
        let depends = other.gso_type() == large.gso_type() || bit == feature::GUEST_TSO4;
        if !depends {
            check_received(&mut served, other, true);
        }
    }
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_guest_tso4() {
    check_guest_feature(feature::GUEST_TSO4, Large::TcpV4);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_guest_tso6() {
    check_guest_feature(feature::GUEST_TSO6, Large::TcpV6);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_guest_ecn() {
    check_guest_feature(feature::GUEST_ECN, Large::TcpV4Ecn);
}

/// The kernel has one switch for both, unless it knows both.
#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_guest_uso4() {
    check_guest_feature(feature::GUEST_USO4 | feature::GUEST_USO6, Large::UdpV4);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_guest_uso6() {
    check_guest_feature(feature::GUEST_USO4 | feature::GUEST_USO6, Large::UdpV6);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_guest_csum() {
    let (header, bytes) = with_unfinished_checksum(7);
    let mut served = Served::new("", Options::default());
    served.host.arrive(&header, &bytes);
    let frame = served.receive_some(1).remove(0);
    assert!(frame.bytes == bytes);
    let expected = VnetHdr { num_buffers: 1, ..header };
    assert_eq!(VnetHdr { hash_value: 0, hash_report: 0, ..frame.header }, expected);

    let mut served = Served::new("", Options::default().without(GUEST_ALL));
    served.host.arrive(&header, &bytes);
    let frame = served.receive_some(1).remove(0);
    assert_eq!(frame.header.flags & VnetHdr::NEEDS_CSUM, 0);
    assert!(Checked::of(&frame.bytes).is_right(&frame.bytes));
    for large in Large::ALL {
        check_received(&mut served, large, false);
    }
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_csum() {
    let (header, bytes) = with_unfinished_checksum(7);
    let mut served = Served::new("", Options::default());
    served.guest.send(0, &header, &bytes, &[]).unwrap();
    let (departed, frame) = served.host.departed(deadline()).unwrap();
    assert_eq!(departed.flags, VnetHdr::NEEDS_CSUM);
    assert!(frame == bytes);
    served.host.set_wire_offloads(false);
    served.guest.send(0, &header, &bytes, &[]).unwrap();
    let (departed, frame) = served.host.departed(deadline()).unwrap();
    assert_eq!(departed.flags & VnetHdr::NEEDS_CSUM, 0);
    assert!(Checked::of(&frame).is_right(&frame));
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_host_tso4() {
    check_sent(&mut Served::new("", Options::default()), Large::TcpV4);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_host_tso6() {
    check_sent(&mut Served::new("", Options::default()), Large::TcpV6);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_host_ecn() {
    check_sent(&mut Served::new("", Options::default()), Large::TcpV4Ecn);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_host_uso() {
    let mut served = Served::new("", Options::default());
    check_sent(&mut served, Large::UdpV4);
    check_sent(&mut served, Large::UdpV6);
}

/// A driver that leaves nothing to the device sends and receives plain frames.
#[test]
#[ignore = "cargo xtask test bpf"]
fn driver_without_offloads() {
    let mut served = Served::new("--queues 2", Options::default().without(GUEST_ALL | HOST_ALL));
    let frames = crate::frames::of_every_kind(20, 1);
    served.pass(&frames);
    for frame in &frames {
        served.guest.send(0, &VnetHdr::default(), frame, &[]).unwrap();
        let (_, departed) = served.host.departed(deadline()).unwrap();
        assert!(departed == *frame);
    }
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_ctrl_guest_offloads() {
    let mut served = Served::new("", Options::default());
    let set = |served: &mut Served, offloads: u64| {
        served.guest.command(GUEST_OFFLOADS_SET, &offloads.to_le_bytes()).unwrap()
    };
    for offloads in [0, GUEST_ALL, feature::GUEST_CSUM, feature::GUEST_CSUM | feature::GUEST_TSO4] {
        assert_eq!(set(&mut served, offloads), Ack::Ok);
        check_received(&mut served, Large::TcpV4, offloads & feature::GUEST_TSO4 != 0);
        check_received(&mut served, Large::TcpV6, offloads & feature::GUEST_TSO6 != 0);
        check_received(&mut served, Large::UdpV4, offloads & feature::GUEST_USO4 != 0);
    }
    // What is not among the features in use, or is no offload at all.
    for offloads in [feature::MRG_RXBUF, u64::MAX, feature::CSUM] {
        assert_eq!(set(&mut served, offloads), Ack::Error, "{offloads:#x}");
    }
    check_received(&mut served, Large::TcpV4, true);
    assert_eq!(served.guest.command(GUEST_OFFLOADS_SET, &[0; 7]).unwrap(), Ack::Error);

    let mut served = Served::new("", Options::default().without(feature::GUEST_TSO6));
    assert_eq!(set(&mut served, GUEST_ALL), Ack::Error);
    assert_eq!(set(&mut served, GUEST_ALL & !feature::GUEST_TSO6), Ack::Ok);
    let without = feature::CTRL_GUEST_OFFLOADS;
    let mut served = Served::new("", Options::default().without(without));
    assert_eq!(set(&mut served, 0), Ack::Error);
}
