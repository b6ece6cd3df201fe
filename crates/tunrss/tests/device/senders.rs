//! What is sent into a device, by the kernel's sockets and as ready frames.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU8, Ordering};

use aya::util::KernelVersion;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendFlags, SocketFlags, SocketType, bind, connect, getsockname, ipproto, sendto,
    socket, socket_with,
};
use tunrss::Device;
use tunrss::hash::{Link, VnetHdr};
use tunrss_testkit::packet::{Packet as Built, V4, V6};
use tunrss_testkit::strategy::{generate, packets};
use tunrss_testkit::vector;

use crate::traffic::{
    Expected, HERE_V4, HERE_V6, PacketSocket, THERE_V4, THERE_V6, Tap, fold, set_option,
    start_checksum, sum, udp_socket,
};

/// Something of every kind.
pub(crate) fn everything(device: &Device) -> Vec<Expected> {
    everything_and(device, Large::Whole)
}

/// The same without what this kernel cuts into pieces on its way from the device's programs to its queues.
pub(crate) fn everything_uncut(device: &Device) -> Vec<Expected> {
    let datagrams = if segments_udp() { segmented_datagrams(Large::Whole) } else { vec![] };
    [datagrams, everything_else(device, Large::Whole)].concat()
}

/// Whether a device can have UDP datagrams for its reader to segment. Before Linux 6.2 none can.
pub(crate) fn segments_udp() -> bool {
    KernelVersion::current().unwrap() >= KernelVersion::new(6, 2, 0)
}

/// How large packets arrive: as the device's offloads have it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Large {
    Whole,
    /// Those of UDP as the kernel likes: a macvtap segments them (seen on Linux 6.18).
    TcpWhole,
    Segmented,
    /// Each segment has the kernel's report in front.
    SegmentedWithReport,
}

/// Something of every kind, to a device with or without offloads.
pub(crate) fn everything_and(device: &Device, large: Large) -> Vec<Expected> {
    [segmented_datagrams(large), everything_else(device, large)].concat()
}

/// Something of every kind but datagrams in one piece.
fn everything_else(device: &Device, large: Large) -> Vec<Expected> {
    let mut expected = Vec::new();
    for (here, there) in ENDS {
        expected.extend(datagrams(here, there, 64));
        expected.extend(handshakes(here, there, 32));
        expected.extend(echoes(here, there, 4));
        expected.extend(fragments(here, there));
    }
    if device.link() == Link::Ethernet {
        expected.extend(address_request());
    }
    expected.extend(frames_to_be_segmented(
        &PacketSocket::new(device).with_header(),
        device.link(),
        large,
    ));
    expected.extend(frames(device, 1, 400));
    expected
}

pub(crate) const ENDS: [(IpAddr, IpAddr); 2] =
    [(IpAddr::V4(HERE_V4), IpAddr::V4(THERE_V4)), (IpAddr::V6(HERE_V6), IpAddr::V6(THERE_V6))];

/// Datagrams to so many ports.
pub(crate) fn datagrams(here: IpAddr, there: IpAddr, ports: u16) -> Vec<Expected> {
    let socket = udp_socket((here, 0));
    let one = |port| {
        let payload = format!("a datagram to {there} port {port:5}");
        socket.send_to(payload.as_bytes(), (there, port)).unwrap();
        Expected::Part(payload.into())
    };
    (1000..1000 + ports).map(one).collect()
}

/// The first packets of TCP connections to so many ports.
fn handshakes(here: IpAddr, there: IpAddr, ports: u16) -> Vec<Expected> {
    let one = |port| {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(family(here), SocketType::STREAM, flags, None).unwrap();
        bind(&socket, &SocketAddr::from((here, 0))).unwrap();
        let started = connect(&socket, &SocketAddr::from((there, port)));
        assert_eq!(started, Err(Errno::INPROGRESS));
        let from = SocketAddr::try_from(getsockname(&socket).unwrap()).unwrap().port();
        // Closed at once, so that it is not sent again.
        Expected::Part([octets(here), octets(there), ports_of(from, port)].concat())
    };
    (2000..2000 + ports).map(one).collect()
}

fn echoes(here: IpAddr, there: IpAddr, count: u16) -> Vec<Expected> {
    let (protocol, request) = match here {
        IpAddr::V4(_) => (ipproto::ICMP, 8),
        IpAddr::V6(_) => (ipproto::ICMPV6, 128),
    };
    let socket = socket(family(here), SocketType::RAW, Some(protocol)).unwrap();
    let one = |number: u16| {
        let payload = format!("an echo request {number:5} of {here}");
        let [high, low] = number.to_be_bytes();
        let mut message = [&[request, 0, 0, 0, 1, 2, high, low], payload.as_bytes()].concat();
        // That of ICMPv6 is the kernel's to compute.
        if here.is_ipv4() {
            let checksum = !fold(sum(&message));
            message[2..4].copy_from_slice(&checksum.to_be_bytes());
        }
        let to = SocketAddr::from((there, 0));
        sendto(&socket, &message, SendFlags::empty(), &to).unwrap();
        Expected::Part(payload.into())
    };
    (0..count).map(one).collect()
}

/// A datagram that is too long for the link by far.
fn fragments(here: IpAddr, there: IpAddr) -> Vec<Expected> {
    let payload: String = (0..500).map(|at| format!("{here} {at:5}")).collect();
    let payload = &payload.as_bytes()[..4000];
    udp_socket((here, 0)).send_to(payload, (there, 3000)).unwrap();
    // In the first, the second and the third fragment.
    [100, 2000, 3900].map(|at| Expected::Part(payload[at..at + 40].to_vec())).into()
}

/// Several datagrams in one piece from each end.
fn segmented_datagrams(large: Large) -> Vec<Expected> {
    // A kernel that checksums in software forgets where if room is made in front of this one
    // (seen on Linux 6.18), and drops it.
    let arrives = |here: IpAddr| here.is_ipv6() || large != Large::SegmentedWithReport;
    let ends = ENDS.into_iter().filter(|&(here, _)| arrives(here));
    ends.flat_map(|(here, there)| segmented_datagram(here, there, large)).collect()
}

/// Several datagrams in one piece (`UDP_SEGMENT`). Before Linux 6.2 they arrive one by one.
fn segmented_datagram(here: IpAddr, there: IpAddr, large: Large) -> Vec<Expected> {
    let payload: String = (0..500).map(|at| format!("{at:5} {here}")).collect();
    let payload = &payload.as_bytes()[..4500];
    let socket = udp_socket((here, 0));
    set_option(&socket, libc::SOL_UDP, libc::UDP_SEGMENT, 1000);
    match socket.send_to(payload, (there, 3001)) {
        Ok(_) => {}
        // Before Linux 6.11 it takes a device that computes checksums.
        Err(error) if large != Large::Whole => {
            assert_eq!(error.raw_os_error(), Some(Errno::IO.raw_os_error()), "{error}");
            return Vec::new();
        }
        Err(error) => panic!("{error}"),
    }
    payload.chunks(1000).map(|segment| Expected::Part(segment.to_vec())).collect()
}

/// A datagram to an address that the kernel has to ask for first. It asks three times, and then for a
/// while no more: so it is another address each time.
fn address_request() -> Vec<Expected> {
    static REQUESTS: AtomicU8 = AtomicU8::new(0);
    let last = 20 + REQUESTS.fetch_add(1, Ordering::Relaxed) % 200;
    let nobody = Ipv4Addr::new(10, 0, 0, last);
    udp_socket((HERE_V4, 0)).send_to(b"who are you", (nobody, 9)).unwrap();
    vec![Expected::Part([&HERE_V4.octets()[..], &[0; 6], &nobody.octets()].concat())]
}

/// Frames that the sender, a socket with header, leaves to be segmented, with their checksums to be
/// computed.
pub(crate) fn frames_to_be_segmented(
    socket: &PacketSocket,
    link: Link,
    large: Large,
) -> Vec<Expected> {
    const SEGMENT: usize = 1400;
    let (v4, v6) = (V4::new(HERE_V4, THERE_V4), V6::new(HERE_V6, THERE_V6));
    let mut expected = Vec::new();
    for (tag, packet, gso_type, header_len) in [
        ("t4", Built::tcp(v4.clone(), 5000, 80), VnetHdr::GSO_TCPV4, 20),
        ("t6", Built::tcp(v6.clone(), 5000, 80), VnetHdr::GSO_TCPV6, 20),
        ("u4", Built::udp(v4, 5000, 443), VnetHdr::GSO_UDP_L4, 8),
        ("u6", Built::udp(v6, 5000, 443), VnetHdr::GSO_UDP_L4, 8),
    ] {
        for len in [3000, 20_000, 60_000] {
            // No two segments of any of them have the same start.
            let payload: String =
                (0..len / 16).map(|at| format!("{tag} {len:6} {at:5} ")).collect();
            let payload = &payload.as_bytes()[..len / 16 * 16];
            let packet = packet.clone().payload(payload);
            let mut frame = packet.to_bytes(link);
            let upper = start_checksum(&mut frame, link);
            let header = VnetHdr {
                flags: VnetHdr::NEEDS_CSUM,
                gso_type,
                hdr_len: upper.start as u16 + header_len,
                gso_size: SEGMENT as u16,
                csum_start: upper.start as u16,
                csum_offset: upper.checksum_offset as u16,
                ..VnetHdr::default()
            };
            let is_tcp = gso_type != VnetHdr::GSO_UDP_L4;
            let is_whole = large == Large::Whole || (large == Large::TcpWhole && is_tcp);
            match socket.send_with_header(&header, &frame) {
                Ok(()) if is_whole => expected.push(Expected::Frame(frame)),
                Ok(()) => {
                    let starts = payload.chunks(SEGMENT).map(|segment| &segment[..40]);
                    expected.extend(starts.map(|start| Expected::Part(start.to_vec())));
                }
                // Before Linux 6.2 the kernel does not know this one.
                Err(error) if !is_tcp => {
                    assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
                }
                Err(error) => panic!("{gso_type}: {error}"),
            }
        }
    }
    expected
}

/// Frames of every kind that the meaning tells apart, malformed ones as well: so many made from
/// `seed`, those of the vectors, and one as long as the link takes.
pub(crate) fn frames(device: &Device, seed: u64, count: usize) -> Vec<Expected> {
    let frames = known_frames(device.link(), seed, count);
    let socket = PacketSocket::new(device);
    for frame in &frames {
        socket.send(frame).unwrap();
    }
    frames.into_iter().map(Expected::Frame).collect()
}

pub(crate) fn known_frames(link: Link, seed: u64, count: usize) -> BTreeSet<Vec<u8>> {
    let generated = generate(packets(link), seed).take(count);
    let vectors = vector::all().into_iter().filter(|vector| vector.link == link);
    let longest = Built::udp(V4::new(1, 2), 3, 4).payload(&[7; MTU - 28]).to_bytes(link);
    let lens = match link {
        Link::Ethernet => 14..=14 + MTU,
        Link::Ip => 1..=MTU,
    };
    // A packet socket sends nothing shorter or longer.
    generated
        .chain(vectors.map(|vector| vector.packet))
        .chain([longest])
        .filter(|frame| lens.contains(&frame.len()))
        .collect()
}

const MTU: usize = 1500;

/// `count` frames of as many flows.
pub(crate) fn flows(count: u16) -> Vec<Vec<u8>> {
    let v4 = V4::new(HERE_V4, THERE_V4);
    (0..count).map(|port| Built::udp(v4.clone(), port, 53).to_bytes(Link::Ethernet)).collect()
}

/// Whether the kernel steers by itself: flows are sent to the queue that their other direction came
/// from.
pub(crate) fn are_followed(tap: &Tap) -> bool {
    let socket = PacketSocket::new(&tap.device);
    let (here, there) = (V4::new(HERE_V4, THERE_V4), V4::new(THERE_V4, HERE_V4));
    let frames: Vec<_> = (6000..6016u16)
        .map(|port| {
            let queue = usize::from(port) / 2 % tap.queues.len();
            // Not to the device's own address, so that nobody answers.
            let back = Built::udp(there.clone(), 53, port).to_bytes(Link::Ethernet);
            tap.queues[queue].send(&VnetHdr::default(), &back).unwrap();
            (queue, Built::udp(here.clone(), port, 53).to_bytes(Link::Ethernet))
        })
        .collect();
    frames.iter().for_each(|(_, frame)| socket.send(frame).unwrap());
    let packets = tap.receive(frames.iter().map(|(_, frame)| Expected::Frame(frame.clone())));
    packets.iter().all(|packet| frames.contains(&(packet.queue, packet.frame.clone())))
}

fn family(address: IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::INET,
        IpAddr::V6(_) => AddressFamily::INET6,
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn ports_of(source: u16, destination: u16) -> Vec<u8> {
    [source.to_be_bytes(), destination.to_be_bytes()].concat()
}
