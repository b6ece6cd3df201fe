//! Frames that are sent.

use std::collections::BTreeSet;

use tunrss::hash::{Link, VnetHdr};
use tunrss_testkit::packet::{Extension, Network, Packet, Upper, V4, V6};
use tunrss_testkit::strategy::{generate, packets};

/// So many frames of each kind, each of another flow: UDP, TCP and others over IPv4 and IPv6, with
/// options and extension headers, fragments, tagged ones, and what is not IP.
pub(crate) fn of_every_kind(each: u16, seed: u16) -> Vec<Vec<u8>> {
    let mut frames = vec![];
    for number in 0..each {
        let (here, there) = (u32::from(number) << 16 | u32::from(seed), 0x0a00_0002);
        let v4 = V4::new(here | 0x0a00_0000, there);
        let v6 = V6::new(0xfd00_u128 << 112 | u128::from(here), 0xfd00_u128 << 112 | 2);
        let port = 1024 + number;
        let other = Upper::Other(89);
        let home = Extension::home_address(0xfd01_u128 << 112 | u128::from(here));
        let kinds = [
            Packet::udp(v4.clone(), port, 53),
            Packet::tcp(v4.clone(), port, 80),
            Packet::new(v4.clone(), other.clone()),
            Packet::udp(v4.clone().fragment(0x2000), port, 53),
            Packet::tcp(v4.clone().options(&[1; 4]), port, 80),
            Packet::udp(v6.clone(), port, 53),
            Packet::tcp(v6.clone(), port, 80),
            Packet::new(v6.clone(), other),
            Packet::tcp(v6.with(home), port, 443),
            Packet::udp(v4.clone(), port, 123).vlan(0x8100),
            Packet::new(Network::Other(0x88b5), Upper::Other(0)),
        ];
        for (kind, packet) in (0_u8..).zip(kinds) {
            let payload = [&[kind][..], &number.to_be_bytes(), &seed.to_be_bytes(), &[7; 40]];
            frames.push(packet.payload(&payload.concat()).to_bytes(Link::Ethernet));
        }
    }
    frames
}

/// So many UDP flows, each with a payload of so many bytes.
pub(crate) fn flows(count: u16, payload: usize) -> Vec<Vec<u8>> {
    let frame = |flow: u16| {
        let mut bytes = vec![7; payload.max(2)];
        bytes[..2].copy_from_slice(&flow.to_be_bytes());
        udp(flow).payload(&bytes).to_bytes(Link::Ethernet)
    };
    (0..count).map(frame).collect()
}

fn udp(flow: u16) -> Packet {
    Packet::udp(V4::new(0x0a00_0001, 0x0a00_0002), flow, 53)
}

/// Frames of every kind, and some that look like it, that a bridge forwards as they are.
pub(crate) fn odd(seed: u64, count: usize) -> Vec<Vec<u8>> {
    let frames = generate(packets(Link::Ethernet), seed).take(count);
    frames.filter(|frame| is_forwarded(frame)).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Whether a bridge forwards the frame as it is.
pub(crate) fn is_forwarded(frame: &[u8]) -> bool {
    // Those that end in their first tag are dropped, as are those whose source is a group, or whose
    // destination is reserved for bridges.
    (14..=1514).contains(&frame.len())
        && (frame.len() >= 26 || !matches!(frame[12..14], [0x81, 0x00] | [0x88, 0xa8]))
        && frame[6] & 1 == 0
        && frame[..5] != [0x01, 0x80, 0xc2, 0, 0]
}

/// What large frames are cut into.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Large {
    TcpV4,
    TcpV4Ecn,
    TcpV6,
    UdpV4,
    UdpV6,
}

impl Large {
    pub(crate) const ALL: [Self; 5] =
        [Self::TcpV4, Self::TcpV4Ecn, Self::TcpV6, Self::UdpV4, Self::UdpV6];

    /// The `gso_type`.
    pub(crate) fn gso_type(self) -> u8 {
        match self {
            Self::TcpV4 => VnetHdr::GSO_TCPV4,
            Self::TcpV4Ecn => VnetHdr::GSO_TCPV4 | VnetHdr::GSO_ECN,
            Self::TcpV6 => VnetHdr::GSO_TCPV6,
            Self::UdpV4 | Self::UdpV6 => VnetHdr::GSO_UDP_L4,
        }
    }

    /// A frame with so many segments of this many bytes, and its header. Its checksum is unfinished.
    pub(crate) fn frame(self, flow: u16, segments: usize, size: u16) -> (VnetHdr, Vec<u8>) {
        let payload: Vec<u8> = (0..segments * usize::from(size)).map(|byte| byte as u8).collect();
        let (v4, v6) =
            (V4::new(0x0a00_0001, 0x0a00_0002), V6::new(0xfd << 120 | 1, 0xfd << 120 | 2));
        let packet = match self {
            Self::TcpV4 | Self::TcpV4Ecn => Packet::tcp(v4, flow, 80),
            Self::TcpV6 => Packet::tcp(v6, flow, 80),
            Self::UdpV4 => Packet::udp(v4, flow, 53),
            Self::UdpV6 => Packet::udp(v6, flow, 53),
        };
        let mut frame = packet.payload(&payload).to_bytes(Link::Ethernet);
        let upper = Checked::of(&frame);
        if self == Self::TcpV4Ecn {
            // CWR, by which the stack knows it.
            frame[upper.start + 13] |= 0x80;
        }
        upper.begin(&mut frame);
        let header = VnetHdr {
            flags: VnetHdr::NEEDS_CSUM,
            gso_type: self.gso_type(),
            hdr_len: (frame.len() - payload.len()) as u16,
            gso_size: size,
            csum_start: upper.start as u16,
            csum_offset: upper.offset as u16,
            ..VnetHdr::default()
        };
        (header, frame)
    }
}

/// A frame with an unfinished checksum, and its header.
pub(crate) fn with_unfinished_checksum(flow: u16) -> (VnetHdr, Vec<u8>) {
    let mut frame = udp(flow).payload(&[flow as u8; 33]).to_bytes(Link::Ethernet);
    let upper = Checked::of(&frame);
    upper.begin(&mut frame);
    let header = VnetHdr {
        flags: VnetHdr::NEEDS_CSUM,
        csum_start: upper.start as u16,
        csum_offset: upper.offset as u16,
        ..VnetHdr::default()
    };
    (header, frame)
}

/// The checksum of a TCP segment or UDP datagram in an untagged frame without options.
pub(crate) struct Checked {
    /// Where its header starts.
    pub(crate) start: usize,
    /// Where the checksum is in it.
    pub(crate) offset: usize,
    pseudo: u32,
}

impl Checked {
    pub(crate) fn of(frame: &[u8]) -> Self {
        let (protocol, start, addresses) = match frame[12..14] {
            [0x08, 0x00] => (frame[23], 34, &frame[26..34]),
            _ => (frame[20], 54, &frame[22..54]),
        };
        let offset = if protocol == 6 { 16 } else { 6 };
        let len = (frame.len() - start) as u32;
        let pseudo = sum(addresses) + u32::from(fold(len)) + u32::from(protocol);
        Self { start, offset, pseudo }
    }

    /// Put the sum of the pseudo-header where the checksum is.
    pub(crate) fn begin(&self, frame: &mut [u8]) {
        let at = self.start + self.offset;
        frame[at..at + 2].copy_from_slice(&fold(self.pseudo).to_be_bytes());
    }

    pub(crate) fn is_right(&self, frame: &[u8]) -> bool {
        fold(self.pseudo + sum(&frame[self.start..])) == 0xffff
    }

    /// Whether the sum of the pseudo-header is there.
    pub(crate) fn is_begun(&self, frame: &[u8]) -> bool {
        let at = self.start + self.offset;
        frame[at..at + 2] == fold(self.pseudo).to_be_bytes()
    }
}

/// The sum of the 16-bit words, a last byte filled up with zero.
fn sum(bytes: &[u8]) -> u32 {
    let word = |word: &[u8]| u32::from(word[0]) << 8 | word.get(1).map_or(0, |&low| u32::from(low));
    bytes.chunks(2).map(word).sum()
}

fn fold(sum: u32) -> u16 {
    let sum = (sum & 0xffff) + (sum >> 16);
    ((sum & 0xffff) + (sum >> 16)) as u16
}

/// What is behind the headers of a TCP segment or UDP datagram in an untagged frame without options.
pub(crate) fn payload(frame: &[u8]) -> &[u8] {
    let Checked { start, offset, .. } = Checked::of(frame);
    &frame[start + if offset == 16 { 20 } else { 8 }..]
}
