//! A device in a network namespace of its own, packets into it, and reading them.
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
use tunrss::hash::dissect::{ETHERTYPE_IPV4, ETHERTYPE_IPV6};
use tunrss::hash::{Link, VnetHdr, VnetHdrLen};
use tunrss::netns::NetNs;
use tunrss::{Device, DeviceOptions, IfName, Queue, Received, VirtualQueue};

/// The kernel's addresses, and those of the neighbour that is behind the device.
pub(crate) const HERE_V4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub(crate) const THERE_V4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
pub(crate) const HERE_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);
pub(crate) const THERE_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2);
pub(crate) const THERE_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];

/// A device, a TAP unless said otherwise, with all its queues, alone in a network namespace that the
/// thread is in.
pub(crate) struct Tap {
    pub(crate) device: Device,
    pub(crate) queues: Vec<Queue>,
    _netns: NetNs,
}

impl Tap {
    /// A device that is down. `name` is one that no other test uses: tests run at the same time in
    /// one process, and descriptors are found by the name of their device.
    pub(crate) fn new(name: &str, queues: usize) -> Self {
        Self::with(name, DeviceOptions::tap(queues))
    }

    /// The same, as `options` say.
    pub(crate) fn with(name: &str, options: DeviceOptions) -> Self {
        Self::in_netns(NetNs::enter_new().unwrap(), name, options)
    }

    /// One that is up, and that the kernel sends nothing into of its own accord but ARP.
    pub(crate) fn quiet(name: &str, queues: usize) -> Self {
        Self::without_ipv6(name, DeviceOptions::tap(queues)).start()
    }

    /// One that is down, without IPv6.
    pub(crate) fn without_ipv6(name: &str, options: DeviceOptions) -> Self {
        Self::in_netns(netns_without_ipv6(), name, options)
    }

    fn in_netns(netns: NetNs, name: &str, options: DeviceOptions) -> Self {
        let (device, queues) = Device::create_with(&IfName::new(name).unwrap(), options).unwrap();
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

/// A network namespace in which the kernel sends nothing of its own accord but ARP.
pub(crate) fn netns_without_ipv6() -> NetNs {
    let netns = NetNs::enter_new().unwrap();
    fs::write(DISABLE_IPV6, "1").unwrap();
    netns
}

pub(crate) fn start(device: &Device) {
    device.set_up().unwrap();
    device.add_address(HERE_V4.into(), 24).unwrap();
    // An IP packet has no MAC address.
    let has_neighbours = device.link() == Link::Ethernet;
    if has_neighbours {
        device.add_neighbour(THERE_V4.into(), THERE_MAC).unwrap();
    }
    let is_off = fs::read_to_string(DISABLE_IPV6).is_ok_and(|value| value.trim() == "1");
    if !is_off {
        device.add_address(HERE_V6.into(), 64).unwrap();
        if has_neighbours {
            device.add_neighbour(THERE_V6.into(), THERE_MAC).unwrap();
        }
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

pub(crate) const DISABLE_IPV6: &str = "/proc/sys/net/ipv6/conf/default/disable_ipv6";

/// A packet that was read.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    /// The index of its queue.
    pub(crate) queue: usize,
    /// What the frame starts with.
    pub(crate) link: Link,
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

/// What packets are read from.
pub(crate) trait Source: AsFd {
    fn recv(&self, frame: &mut [u8]) -> io::Result<Received>;

    /// The same in another way, if there is one.
    fn recv_otherwise(&self, frame: &mut [u8]) -> io::Result<Received> {
        self.recv(frame)
    }

    /// What its packets start with.
    fn link(&self) -> Link;

    fn has_packet_information(&self) -> bool;
}

impl Source for Queue {
    fn recv(&self, frame: &mut [u8]) -> io::Result<Received> {
        self.recv(frame)
    }

    fn recv_otherwise(&self, frame: &mut [u8]) -> io::Result<Received> {
        let mut buffer = vec![0xaa; Queue::RECORD_OVERHEAD + frame.len()];
        let record = self.recv_record(&mut buffer)?;
        let received = *record.received();
        let as_sent = [&received.header.encode(), record.frame()].concat();
        assert_eq!(record.with_header(), as_sent);
        frame[..received.len].copy_from_slice(record.frame());
        Ok(received)
    }

    fn link(&self) -> Link {
        self.link()
    }

    fn has_packet_information(&self) -> bool {
        self.has_packet_information()
    }
}

impl Source for VirtualQueue {
    fn recv(&self, frame: &mut [u8]) -> io::Result<Received> {
        self.recv(frame)
    }

    fn link(&self) -> Link {
        self.link()
    }

    fn has_packet_information(&self) -> bool {
        false
    }
}

/// Read until all of `expected` has come.
pub(crate) fn receive(
    queues: &[impl Source],
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
                let is_expected = missing.len() < before || is_kernels_own(&packet);
                assert!(is_expected, "not expected: {packet:02x?}");
            }
            check_header(&packet, is_injected);
            check_packet_information(&packet, is_injected, queues);
            packets.push(packet);
        }
    }
    packets
}

fn contains(frame: &[u8], part: &[u8]) -> bool {
    frame.windows(part.len()).any(|window| window == part)
}

/// Whether it is ARP, or ICMPv6 without a header in front or with the router alert of MLD.
fn is_kernels_own(packet: &Packet) -> bool {
    let (ethertype, ip) = network(&packet.frame, packet.link);
    match ethertype {
        ARP => true,
        ETHERTYPE_IPV6 => match ip[6] {
            58 => true,
            0 => ip[40] == 58,
            _ => false,
        },
        _ => false,
    }
}

/// The EtherType of a frame, and what is behind it. That of a bare packet which is not IP is 0.
fn network(frame: &[u8], link: Link) -> (u16, &[u8]) {
    match link {
        Link::Ethernet => (u16::from_be_bytes([frame[12], frame[13]]), &frame[14..]),
        Link::Ip => match frame[0] >> 4 {
            4 => (ETHERTYPE_IPV4, frame),
            6 => (ETHERTYPE_IPV6, frame),
            _ => (0, frame),
        },
    }
}

const ARP: u16 = 0x0806;

/// Everything that is waiting in the queues.
pub(crate) fn read_all(queues: &[impl Source]) -> Vec<Packet> {
    // A queue holds 1000 packets.
    read(queues, 2000)
}

/// What is waiting in the queues, at most `most` packets of each.
pub(crate) fn read(queues: &[impl Source], most: usize) -> Vec<Packet> {
    let mut buffer = vec![0; 70_000];
    let mut packets = Vec::new();
    for (index, queue) in queues.iter().enumerate() {
        for number in 0..most {
            let received = match number % 2 {
                0 => queue.recv(&mut buffer),
                _ => queue.recv_otherwise(&mut buffer),
            };
            match received {
                Ok(received) => {
                    assert!(!received.is_truncated, "{received:?}");
                    let frame = buffer[..received.len].to_vec();
                    packets.push(Packet { queue: index, link: queue.link(), received, frame });
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
pub(crate) fn check_header(packet: &Packet, is_injected: bool) {
    let header = packet.received.header;
    let context = || format!("{packet:02x?}");
    assert_eq!(header.num_buffers, 1, "{}", context());
    assert_eq!(header.flags & !(VnetHdr::NEEDS_CSUM | VnetHdr::DATA_VALID), 0, "{}", context());
    // Any bytes can be injected, but not with a header that tells of a checksum or of segments.
    let is_well_formed = !is_injected || header.flags != 0 || header.gso_type != 0;
    let upper = if is_well_formed { upper(&packet.frame, packet.link) } else { None };
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
        let protocol = upper.protocol;
        let gso_type = match (upper.is_v6, protocol) {
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

/// Packet information says the EtherType, where the device has it. Of injected bytes that are no IP
/// packet, short ones among them, the kernel may know none.
fn check_packet_information(packet: &Packet, is_injected: bool, queues: &[impl Source]) {
    let has = queues[packet.queue].has_packet_information();
    let said = packet.received.packet_information;
    assert_eq!(said.is_some(), has, "{packet:02x?}");
    let Some(said) = said else { return };
    let (ethertype, _) = network(&packet.frame, packet.link);
    let is_unknown = is_injected && packet.link == Link::Ip && said.protocol == 0;
    assert!(said.protocol == ethertype || is_unknown, "{packet:02x?}");
    assert_eq!(said.flags, 0, "{packet:02x?}");
}

/// A header with a checksum above the IP header.
pub(crate) struct Upper {
    is_v6: bool,
    pub(crate) protocol: u8,
    /// Offset from the start of the frame.
    pub(crate) start: usize,
    /// Offset from `start`.
    pub(crate) checksum_offset: usize,
    end: usize,
    /// The sum of the pseudo-header; 0 if there is none.
    pseudo: u32,
}

/// That of a well-formed untagged frame whose IP packet is no fragment and has no header in between
/// but that of hop-by-hop options.
pub(crate) fn upper(frame: &[u8], link: Link) -> Option<Upper> {
    let (ethertype, ip) = network(frame, link);
    let word = |at: usize| usize::from(u16::from_be_bytes([ip[at], ip[at + 1]]));
    let (protocol, start, end, addresses) = match ethertype {
        ETHERTYPE_IPV4 => {
            if word(6) & 0x3fff != 0 {
                return None;
            }
            (ip[9], 4 * usize::from(ip[0] & 15), word(2), &ip[12..20])
        }
        ETHERTYPE_IPV6 => {
            let end = 40 + word(4);
            match ip[6] {
                0 => (ip[40], 40 + 8 * (1 + usize::from(ip[41])), end, &ip[8..40]),
                next => (next, 40, end, &ip[8..40]),
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
    let (is_v6, ip_at) = (ethertype == ETHERTYPE_IPV6, frame.len() - ip.len());
    let (start, end) = (ip_at + start, ip_at + end);
    Some(Upper { is_v6, protocol, start, checksum_offset, end, pseudo })
}

impl Upper {
    pub(crate) fn is_checksum_right(&self, frame: &[u8]) -> bool {
        fold(self.pseudo + sum(&frame[self.start..self.end])) == 0xffff
    }
}

/// Put the checksum of the pseudo-header where the checksum is, as `NEEDS_CSUM` has it.
pub(crate) fn start_checksum(frame: &mut [u8], link: Link) -> Upper {
    let upper = upper(frame, link).unwrap();
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
        Self::on(device.index())
    }

    /// On the device of this index, which need not be one of ours.
    pub(crate) fn on(index: u32) -> Self {
        let socket = socket(AddressFamily::PACKET, SocketType::RAW, None).unwrap();
        // SAFETY: a sockaddr_ll is integers and an array of such: all zero is one.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_ifindex = index as i32;
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

    /// The same, but it takes a virtio-net header of 10 bytes in front of each frame.
    pub(crate) fn with_header(self) -> Self {
        set_option(&self.0, libc::SOL_PACKET, libc::PACKET_VNET_HDR, 1);
        self
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
