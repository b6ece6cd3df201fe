//! A TAP in a network namespace of its own, packets into it, and reading them.
//!
//! Every packet read is checked for a right header, and a packet that nobody expects for being one
//! that the kernel sends of its own accord.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SendFlags, SocketType, send, socket};
use tunrss::hash::{VnetHdr, VnetHdrLen};
use tunrss::netns::NetNs;
use tunrss::{Device, IfName, Queue, Received};

/// The kernel's addresses, and those of the neighbour that is behind the device.
pub(crate) const HERE_V4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub(crate) const THERE_V4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
pub(crate) const HERE_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);
pub(crate) const THERE_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2);
pub(crate) const THERE_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];

/// A device with all its queues, alone in a network namespace that the thread is in.
pub(crate) struct Tap {
    pub(crate) device: Device,
    pub(crate) queues: Vec<Queue>,
    _netns: NetNs,
}

impl Tap {
    /// A device that is down. `name` is one that no other test uses: tests run at the same time in
    /// one process, and descriptors are found by the name of their device.
    pub(crate) fn new(name: &str, queues: usize) -> Self {
        let netns = NetNs::enter_new().unwrap();
        let (device, queues) = Device::create(&IfName::new(name).unwrap(), queues).unwrap();
        Self { device, queues, _netns: netns }
    }

    /// One that is up, and that the kernel sends nothing into of its own accord but ARP.
    pub(crate) fn quiet(name: &str, queues: usize) -> Self {
        Self::without_ipv6(name, queues).start()
    }

    /// The same, down.
    pub(crate) fn without_ipv6(name: &str, queues: usize) -> Self {
        let netns = NetNs::enter_new().unwrap();
        fs::write(DISABLE_IPV6, "1").unwrap();
        let (device, queues) = Device::create(&IfName::new(name).unwrap(), queues).unwrap();
        Self { device, queues, _netns: netns }
    }

    /// Set it up, with addresses. From now on the kernel sends packets of its own accord.
    pub(crate) fn start(self) -> Self {
        start(&self.device);
        self
    }

    /// Read until all of `expected` has come.
    pub(crate) fn receive(&self, expected: impl IntoIterator<Item = Expected>) -> Vec<Packet> {
        receive(&self.queues, expected)
    }
}

pub(crate) fn start(device: &Device) {
    device.set_up().unwrap();
    device.add_address(HERE_V4.into(), 24).unwrap();
    device.add_neighbour(THERE_V4.into(), THERE_MAC).unwrap();
    let is_off = fs::read_to_string(DISABLE_IPV6).is_ok_and(|value| value.trim() == "1");
    if !is_off {
        device.add_address(HERE_V6.into(), 64).unwrap();
        device.add_neighbour(THERE_V6.into(), THERE_MAC).unwrap();
        // The kernel makes an IPv6 address its own some time after it has acknowledged it.
        let local = format!("{:032x} 80 ", u128::from(HERE_V6));
        eventually("packets to the IPv6 address are taken", || {
            let routes = fs::read_to_string("/proc/thread-self/net/ipv6_route").unwrap();
            routes.lines().any(|route| route.starts_with(&local))
        });
    }
}

/// Wait for what the kernel does of its own accord, without anything to wait on.
pub(crate) fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = deadline();
    while !holds() {
        assert!(Instant::now() < deadline, "not so: {what}");
        std::thread::yield_now();
    }
}

const DISABLE_IPV6: &str = "/proc/sys/net/ipv6/conf/default/disable_ipv6";

/// A packet that was read.
#[derive(Debug)]
pub(crate) struct Packet {
    /// The index of its queue.
    pub(crate) queue: usize,
    pub(crate) received: Received,
    pub(crate) frame: Vec<u8>,
}

/// What of a packet is known before it is read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Expected {
    /// All of it.
    Frame(Vec<u8>),
    /// Something it contains; it has been made by the kernel.
    Part(Vec<u8>),
}

/// Read until all of `expected` has come.
pub(crate) fn receive(
    queues: &[Queue],
    expected: impl IntoIterator<Item = Expected>,
) -> Vec<Packet> {
    let mut missing: BTreeSet<_> = expected.into_iter().collect();
    let mut packets = Vec::new();
    let deadline = deadline();
    while let Some(first) = missing.first() {
        assert!(wait(queues, deadline), "{} not received, as {first:02x?}", missing.len());
        for packet in read_all(queues) {
            let is_injected = missing.remove(&Expected::Frame(packet.frame.clone()));
            if !is_injected {
                let before = missing.len();
                missing.retain(|expected| match expected {
                    Expected::Frame(_) => true,
                    Expected::Part(part) => !contains(&packet.frame, part),
                });
                let is_expected = missing.len() < before || is_kernels_own(&packet.frame);
                assert!(is_expected, "not expected: {packet:02x?}");
            }
            check_header(&packet, is_injected);
            packets.push(packet);
        }
    }
    packets
}

fn contains(frame: &[u8], part: &[u8]) -> bool {
    frame.windows(part.len()).any(|window| window == part)
}

/// Whether it is ARP, or ICMPv6 without a header in front or with the router alert of MLD.
fn is_kernels_own(frame: &[u8]) -> bool {
    match frame.get(12..14) {
        Some([0x08, 0x06]) => true,
        Some([0x86, 0xdd]) => match frame[20] {
            58 => true,
            0 => frame[54] == 58,
            _ => false,
        },
        _ => false,
    }
}

/// Everything that is waiting in the queues.
pub(crate) fn read_all(queues: &[Queue]) -> Vec<Packet> {
    // A queue holds 1000 packets.
    read(queues, 2000)
}

/// What is waiting in the queues, at most `most` packets of each.
pub(crate) fn read(queues: &[Queue], most: usize) -> Vec<Packet> {
    let mut buffer = vec![0; 70_000];
    let mut packets = Vec::new();
    for (index, queue) in queues.iter().enumerate() {
        for _ in 0..most {
            match queue.recv(&mut buffer) {
                Ok(received) => {
                    assert!(!received.is_truncated, "{received:?}");
                    let frame = buffer[..received.len].to_vec();
                    packets.push(Packet { queue: index, received, frame });
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
    packets
}

/// When waiting has failed.
pub(crate) fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// Wait until one of them has something to read; `false` at the deadline.
pub(crate) fn wait<T: AsFd>(readable: &[T], deadline: Instant) -> bool {
    let left = deadline.saturating_duration_since(Instant::now());
    let timeout = Timespec::try_from(left).unwrap();
    let mut fds: Vec<_> = readable.iter().map(|queue| PollFd::new(queue, PollFlags::IN)).collect();
    poll(&mut fds, Some(&timeout)).unwrap() > 0
}

/// The header says of the frame what is so.
fn check_header(packet: &Packet, is_injected: bool) {
    let header = packet.received.header;
    let context = || format!("{packet:02x?}");
    assert_eq!(header.num_buffers, 1, "{}", context());
    assert_eq!(header.flags & !(VnetHdr::NEEDS_CSUM | VnetHdr::DATA_VALID), 0, "{}", context());
    // Any bytes can be injected, but not with a header that tells of a checksum or of segments.
    let is_well_formed = !is_injected || header.flags != 0 || header.gso_type != 0;
    let upper = if is_well_formed { upper(&packet.frame) } else { None };
    let mut frame = packet.frame.clone();
    if header.flags & VnetHdr::NEEDS_CSUM == 0 {
        assert_eq!((header.csum_start, header.csum_offset), (0, 0), "{}", context());
    } else {
        let upper = upper.as_ref().unwrap_or_else(|| panic!("{}", context()));
        assert_eq!(usize::from(header.csum_start), upper.start, "{}", context());
        assert_eq!(usize::from(header.csum_offset), upper.checksum_offset, "{}", context());
        complete_checksum(&mut frame, upper);
    }
    if let Some(upper) = &upper {
        assert!(upper.is_checksum_right(&frame), "{}", context());
    }
    if header.gso_type == 0 {
        assert_eq!((header.gso_size, header.hdr_len), (0, 0), "{}", context());
    } else {
        let upper = upper.unwrap_or_else(|| panic!("{}", context()));
        let (is_v6, protocol) = (frame[12] == 0x86, upper.protocol);
        let gso_type = match (is_v6, protocol) {
            (false, TCP) => VnetHdr::GSO_TCPV4,
            (true, TCP) => VnetHdr::GSO_TCPV6,
            _ => VnetHdr::GSO_UDP_L4,
        };
        assert_eq!(header.gso_type & !VnetHdr::GSO_ECN, gso_type, "{}", context());
        assert!(header.gso_size > 0, "{}", context());
        // A hint: how much of the frame is in one piece.
        let headers = upper.start + if protocol == TCP { 20 } else { 8 };
        let hdr_len = usize::from(header.hdr_len);
        assert!((headers..=frame.len()).contains(&hdr_len), "{}", context());
    }
}

/// A header with a checksum above the IP header.
pub(crate) struct Upper {
    pub(crate) protocol: u8,
    /// Offset from the start of the frame.
    pub(crate) start: usize,
    /// Offset from `start`.
    pub(crate) checksum_offset: usize,
    end: usize,
    /// The sum of the pseudo-header; 0 if there is none.
    pseudo: u32,
}

/// That of a well-formed untagged frame whose IP packet is no fragment and has no header in between but that of
/// hop-by-hop options.
pub(crate) fn upper(frame: &[u8]) -> Option<Upper> {
    let word = |at: usize| usize::from(u16::from_be_bytes([frame[at], frame[at + 1]]));
    let (protocol, start, end, addresses) = match frame.get(12..14)? {
        [0x08, 0x00] => {
            if word(20) & 0x3fff != 0 {
                return None;
            }
            let start = 14 + 4 * usize::from(frame[14] & 15);
            (frame[23], start, 14 + word(16), &frame[26..34])
        }
        [0x86, 0xdd] => {
            let end = 54 + word(18);
            match frame[20] {
                0 => (frame[54], 54 + 8 * (1 + usize::from(frame[55])), end, &frame[22..54]),
                next => (next, 54, end, &frame[22..54]),
            }
        }
        _ => return None,
    };
    let checksum_offset = match protocol {
        TCP => 16,
        UDP => 6,
        ICMP | ICMPV6 => 2,
        _ => return None,
    };
    let pseudo = match protocol {
        ICMP => 0,
        _ => sum(addresses) + (end - start) as u32 + u32::from(protocol),
    };
    Some(Upper { protocol, start, checksum_offset, end, pseudo })
}

impl Upper {
    fn is_checksum_right(&self, frame: &[u8]) -> bool {
        fold(self.pseudo + sum(&frame[self.start..self.end])) == 0xffff
    }
}

/// Put the checksum of the pseudo-header where the checksum is, as `NEEDS_CSUM` has it.
pub(crate) fn start_checksum(frame: &mut [u8]) -> Upper {
    let upper = upper(frame).unwrap();
    let at = upper.start + upper.checksum_offset;
    frame[at..at + 2].copy_from_slice(&fold(upper.pseudo).to_be_bytes());
    upper
}

/// Make a checksum that [`start_checksum`] has started the right one.
pub(crate) fn complete_checksum(frame: &mut [u8], upper: &Upper) {
    let at = upper.start + upper.checksum_offset;
    let checksum = !fold(sum(&frame[upper.start..upper.end]));
    frame[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
}

/// The sum of the 16-bit words, a last byte filled up with zero. Below 64 KiB it cannot overflow.
pub(crate) fn sum(bytes: &[u8]) -> u32 {
    bytes
        .chunks(2)
        .map(|word| u32::from(word[0]) << 8 | u32::from(word.get(1).copied().unwrap_or(0)))
        .sum()
}

pub(crate) fn fold(sum: u32) -> u16 {
    let sum = (sum & 0xffff) + (sum >> 16);
    ((sum & 0xffff) + (sum >> 16)) as u16
}

pub(crate) const ICMP: u8 = 1;
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const ICMPV6: u8 = 58;

/// Sends any bytes as a frame.
pub(crate) struct PacketSocket(OwnedFd);

impl PacketSocket {
    pub(crate) fn new(device: &Device) -> Self {
        let socket = socket(AddressFamily::PACKET, SocketType::RAW, None).unwrap();
        // SAFETY: a sockaddr_ll is integers and an array of such: all zero is one.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_ifindex = device.index() as i32;
        // SAFETY: bind reads as many bytes as it is told through the pointer, those of `address`,
        // and keeps no pointer.
        let result = unsafe {
            libc::bind(
                socket.as_raw_fd(),
                (&raw const address).cast(),
                size_of_val(&address) as libc::socklen_t,
            )
        };
        assert_eq!(result, 0, "{}", io::Error::last_os_error());
        Self(socket)
    }

    /// One that takes a virtio-net header of 10 bytes in front of each frame.
    pub(crate) fn with_header(device: &Device) -> Self {
        let socket = Self::new(device);
        set_option(&socket.0, libc::SOL_PACKET, libc::PACKET_VNET_HDR, 1);
        socket
    }

    pub(crate) fn send(&self, frame: &[u8]) -> io::Result<()> {
        let sent = send(&self.0, frame, SendFlags::empty())?;
        assert_eq!(sent, frame.len());
        Ok(())
    }

    pub(crate) fn send_with_header(&self, header: &VnetHdr, frame: &[u8]) -> io::Result<()> {
        self.send(&[&header.encode()[..VnetHdrLen::Legacy.len()], frame].concat())
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

pub(crate) fn set_option(socket: impl AsFd, level: i32, option: i32, value: i32) {
    // SAFETY: setsockopt reads as many bytes as it is told through the pointer, those of `value`,
    // and keeps no pointer.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

/// A kernel UDP socket with a deadline.
pub(crate) fn udp_socket(address: impl Into<SocketAddr>) -> std::net::UdpSocket {
    let socket = std::net::UdpSocket::bind(address.into()).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket
}
