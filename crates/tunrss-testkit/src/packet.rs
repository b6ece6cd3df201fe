//! Packets built header by header.
//!
//! Lengths, next-header chain and the checksum of an IPv4 header are right; the checksums of TCP and
//! UDP are 0. What has to be wrong is made wrong in the bytes, or with [`Extension::Raw`].

use std::net::{Ipv4Addr, Ipv6Addr};

use tunrss_hash::Link;
use tunrss_hash::dissect::{
    ETHERTYPE_IPV4, ETHERTYPE_IPV6, NEXT_AUTHENTICATION, NEXT_DESTINATION, NEXT_FRAGMENT,
    NEXT_HOP_BY_HOP, NEXT_MOBILITY, NEXT_ROUTING, OPTION_ENCAPSULATION_LIMIT, OPTION_HOME_ADDRESS,
    OPTION_PAD1,
};

/// A packet: VLAN tags, network layer, layer above it, payload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packet {
    /// The EtherTypes of the VLAN tags, outermost first. A bare IP packet has no room for them.
    pub vlan_tags: Vec<u16>,
    /// The network layer.
    pub network: Network,
    /// The layer above the network layer.
    pub upper: Upper,
    /// What follows the last header.
    pub payload: Vec<u8>,
}

impl Packet {
    /// A packet with a TCP header, without payload.
    pub fn tcp(network: impl Into<Network>, source_port: u16, destination_port: u16) -> Self {
        Self::new(network, Upper::Tcp { source_port, destination_port })
    }

    /// A packet with a UDP header, without payload.
    pub fn udp(network: impl Into<Network>, source_port: u16, destination_port: u16) -> Self {
        Self::new(network, Upper::Udp { source_port, destination_port })
    }

    /// A packet with these layers, without payload.
    pub fn new(network: impl Into<Network>, upper: Upper) -> Self {
        Self { vlan_tags: Vec::new(), network: network.into(), upper, payload: Vec::new() }
    }

    /// The same with one more VLAN tag, inside those it has.
    pub fn vlan(mut self, ethertype: u16) -> Self {
        self.vlan_tags.push(ethertype);
        self
    }

    /// The same with this payload.
    pub fn payload(mut self, payload: &[u8]) -> Self {
        self.payload = payload.to_vec();
        self
    }

    /// The bytes, from the header `link` on.
    pub fn to_bytes(&self, link: Link) -> Vec<u8> {
        let mut bytes = self.headers(link);
        bytes.extend(&self.payload);
        bytes
    }

    /// The bytes without the payload.
    pub fn headers(&self, link: Link) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128);
        if link == Link::Ethernet {
            bytes.extend([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]);
            for ethertype in &self.vlan_tags {
                bytes.extend(ethertype.to_be_bytes());
                bytes.extend([0, 42]);
            }
            bytes.extend(self.network.ethertype().to_be_bytes());
        }
        let upper = self.upper.header(self.payload.len());
        match &self.network {
            Network::V4(v4) => {
                v4.put(&mut bytes, self.upper.protocol(), upper.len() + self.payload.len());
            }
            Network::V6(v6) => {
                v6.put(&mut bytes, self.upper.protocol(), upper.len() + self.payload.len());
            }
            Network::Other(_) => {}
        }
        bytes.extend(upper);
        bytes
    }

    /// Where the network layer starts, in bytes from the header `link`.
    pub fn network_offset(&self, link: Link) -> usize {
        match link {
            Link::Ethernet => 14 + 4 * self.vlan_tags.len(),
            Link::Ip => 0,
        }
    }

    /// Where the network layer inside all tunnels starts, in bytes from the header `link`.
    pub fn innermost_network_offset(&self, link: Link) -> usize {
        let Upper::Tunnel { link: inner_link, inner, .. } = &self.upper else {
            return self.network_offset(link);
        };
        let inner_at = self.headers(link).len() - inner.to_bytes(*inner_link).len();
        inner_at + inner.innermost_network_offset(*inner_link)
    }
}

/// A network layer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Network {
    /// IPv4.
    V4(V4),
    /// IPv6.
    V6(V6),
    /// No header at all, under this EtherType.
    Other(u16),
}

impl Network {
    /// The EtherType it stands under.
    pub fn ethertype(&self) -> u16 {
        match self {
            Self::V4(_) => ETHERTYPE_IPV4,
            Self::V6(_) => ETHERTYPE_IPV6,
            Self::Other(ethertype) => *ethertype,
        }
    }
}

impl From<V4> for Network {
    fn from(v4: V4) -> Self {
        Self::V4(v4)
    }
}

impl From<V6> for Network {
    fn from(v6: V6) -> Self {
        Self::V6(v6)
    }
}

/// An IPv4 header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct V4 {
    /// The source address.
    pub source: Ipv4Addr,
    /// The destination address.
    pub destination: Ipv4Addr,
    /// Flags and fragment offset: 0x4000 is "don't fragment", 0x2000 is "more fragments".
    pub fragment: u16,
    /// The options, at most 40 bytes. Zero bytes fill them up to a multiple of 4.
    pub options: Vec<u8>,
}

impl V4 {
    /// A header without options.
    pub fn new(source: impl Into<Ipv4Addr>, destination: impl Into<Ipv4Addr>) -> Self {
        let (source, destination) = (source.into(), destination.into());
        Self { source, destination, fragment: 0, options: Vec::new() }
    }

    /// The same with these flags and fragment offset.
    pub fn fragment(mut self, fragment: u16) -> Self {
        self.fragment = fragment;
        self
    }

    /// The same with these options.
    pub fn options(mut self, options: &[u8]) -> Self {
        self.options = options.to_vec();
        self
    }

    fn put(&self, bytes: &mut Vec<u8>, protocol: u8, behind: usize) {
        let start = bytes.len();
        let words = 5 + self.options.len().div_ceil(4);
        assert!(words < 16, "{} bytes of IPv4 options", self.options.len());
        bytes.extend([0x40 | words as u8, 0]);
        bytes.extend(length_field(4 * words + behind));
        bytes.extend([0, 1]);
        bytes.extend(self.fragment.to_be_bytes());
        bytes.extend([64, protocol, 0, 0]);
        bytes.extend(self.source.octets());
        bytes.extend(self.destination.octets());
        bytes.extend(&self.options);
        bytes.resize(start + 4 * words, 0);
        let sum: u32 = bytes[start..]
            .chunks_exact(2)
            .map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])))
            .sum();
        let folded = (sum & 0xffff) + (sum >> 16);
        let checksum = !((folded & 0xffff) + (folded >> 16)) as u16;
        bytes[start + 10..start + 12].copy_from_slice(&checksum.to_be_bytes());
    }
}

/// An IPv6 header with its extension headers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct V6 {
    /// The source address.
    pub source: Ipv6Addr,
    /// The destination address.
    pub destination: Ipv6Addr,
    /// The extension headers.
    pub extensions: Vec<Extension>,
}

impl V6 {
    /// A header without extension headers.
    pub fn new(source: impl Into<Ipv6Addr>, destination: impl Into<Ipv6Addr>) -> Self {
        let (source, destination) = (source.into(), destination.into());
        Self { source, destination, extensions: Vec::new() }
    }

    /// The same with one more extension header, behind those it has.
    pub fn with(mut self, extension: Extension) -> Self {
        self.extensions.push(extension);
        self
    }

    fn put(&self, bytes: &mut Vec<u8>, protocol: u8, behind: usize) {
        let start = bytes.len();
        // Where each header, from the fixed one on, says what follows it.
        let mut next_at = start + 6;
        bytes.extend([0x60, 0, 0, 0, 0, 0, protocol, 64]);
        bytes.extend(self.source.octets());
        bytes.extend(self.destination.octets());
        for extension in &self.extensions {
            if let Some(next) = bytes.get_mut(next_at) {
                *next = extension.kind();
            }
            next_at = bytes.len();
            extension.put(bytes, protocol);
        }
        let extensions = bytes.len() - start - 40;
        bytes[start + 4..start + 6].copy_from_slice(&length_field(extensions + behind));
    }
}

/// An extension header of IPv6.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Extension {
    /// Hop-by-hop options, filled up with Pad1.
    HopByHop(Vec<Ipv6Option>),
    /// Destination options, filled up with Pad1.
    Destination(Vec<Ipv6Option>),
    /// A routing header.
    Routing {
        /// The routing type.
        kind: u8,
        /// How many of the addresses are still to be visited.
        segments_left: u8,
        /// The addresses.
        addresses: Vec<Ipv6Addr>,
    },
    /// A fragment header with this fragment offset (in its upper 13 bits) and M flag (bit 0).
    Fragment(u16),
    /// An authentication header with so many words of 4 bytes as its check value.
    Authentication(u8),
    /// A mobility header with so many times 8 bytes behind its first 8.
    Mobility(u8),
    /// These bytes under this Next Header value; the first becomes the next Next Header value.
    Raw {
        /// What the header before says that this one is.
        kind: u8,
        /// The header.
        bytes: Vec<u8>,
    },
}

impl Extension {
    /// Destination options that hold a home address, aligned as RFC 6275 demands.
    pub fn home_address(address: impl Into<Ipv6Addr>) -> Self {
        Self::Destination(vec![Ipv6Option::PadN(2), Ipv6Option::HomeAddress(address.into())])
    }

    /// Destination options that hold a tunnel encapsulation limit, as RFC 2473, section 5.1, lays them
    /// out and Linux sends them.
    pub fn encapsulation_limit(limit: u8) -> Self {
        Self::Destination(vec![Ipv6Option::encapsulation_limit(limit), Ipv6Option::PadN(1)])
    }

    /// A type 2 routing header.
    pub fn routing_address(address: impl Into<Ipv6Addr>) -> Self {
        Self::Routing { kind: 2, segments_left: 1, addresses: vec![address.into()] }
    }

    /// The Next Header value that announces it.
    pub fn kind(&self) -> u8 {
        match self {
            Self::HopByHop(_) => NEXT_HOP_BY_HOP,
            Self::Destination(_) => NEXT_DESTINATION,
            Self::Routing { .. } => NEXT_ROUTING,
            Self::Fragment(_) => NEXT_FRAGMENT,
            Self::Authentication(_) => NEXT_AUTHENTICATION,
            Self::Mobility(_) => NEXT_MOBILITY,
            Self::Raw { kind, .. } => *kind,
        }
    }

    /// The bytes of the header, with `next` as what follows it.
    pub fn to_bytes(&self, next: u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.put(&mut bytes, next);
        bytes
    }

    fn put(&self, bytes: &mut Vec<u8>, next: u8) {
        let start = bytes.len();
        match self {
            Self::HopByHop(options) | Self::Destination(options) => {
                bytes.extend([next, 0]);
                options.iter().for_each(|option| option.put(bytes));
                let units = (bytes.len() - start).div_ceil(8);
                bytes.resize(start + 8 * units, OPTION_PAD1);
                bytes[start + 1] = byte(units - 1);
            }
            Self::Routing { kind, segments_left, addresses } => {
                bytes.extend([next, byte(2 * addresses.len()), *kind, *segments_left, 0, 0, 0, 0]);
                bytes.extend(addresses.iter().flat_map(Ipv6Addr::octets));
            }
            Self::Fragment(field) => {
                let [high, low] = field.to_be_bytes();
                bytes.extend([next, 0, high, low, 0, 0, 0, 1]);
            }
            Self::Authentication(words) => {
                bytes.extend([next, byte(1 + usize::from(*words)), 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
                bytes.resize(start + 12 + 4 * usize::from(*words), 0xaa);
            }
            Self::Mobility(units) => {
                bytes.extend([next, *units, 0, 0, 0, 0, 0, 0]);
                bytes.resize(start + 8 + 8 * usize::from(*units), 0);
            }
            Self::Raw { bytes: raw, .. } => {
                bytes.extend(raw);
                if let Some(first) = bytes.get_mut(start) {
                    *first = next;
                }
            }
        }
    }
}

/// An option of a hop-by-hop or destination options header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ipv6Option {
    /// One byte of padding.
    Pad1,
    /// Padding of two bytes and so many more.
    PadN(u8),
    /// A home address.
    HomeAddress(Ipv6Addr),
    /// Any other: its type (not 0, which is [`Ipv6Option::Pad1`]) and its data.
    Other(u8, Vec<u8>),
}

impl Ipv6Option {
    /// A tunnel encapsulation limit.
    pub fn encapsulation_limit(limit: u8) -> Self {
        Self::Other(OPTION_ENCAPSULATION_LIMIT, vec![limit])
    }

    fn put(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Pad1 => bytes.push(OPTION_PAD1),
            Self::PadN(len) => {
                bytes.extend([1, *len]);
                bytes.resize(bytes.len() + usize::from(*len), 0);
            }
            Self::HomeAddress(address) => {
                bytes.extend([OPTION_HOME_ADDRESS, 16]);
                bytes.extend(address.octets());
            }
            Self::Other(kind, data) => {
                bytes.extend([*kind, byte(data.len())]);
                bytes.extend(data);
            }
        }
    }
}

/// The layer above the network layer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Upper {
    /// A TCP header of 20 bytes.
    Tcp {
        /// The source port.
        source_port: u16,
        /// The destination port.
        destination_port: u16,
    },
    /// A UDP header.
    Udp {
        /// The source port.
        source_port: u16,
        /// The destination port.
        destination_port: u16,
    },
    /// A tunnel, with a packet inside.
    Tunnel {
        /// The headers between the outer IP header and the inner packet.
        tunnel: Tunnel,
        /// What the inner packet starts with.
        link: Link,
        /// The inner packet.
        inner: Box<Packet>,
    },
    /// No header at all, under this protocol number.
    Other(u8),
}

impl Upper {
    /// A tunnel with `inner` in it, from its header `link` on.
    pub fn tunnel(tunnel: Tunnel, link: Link, inner: Packet) -> Self {
        Self::Tunnel { tunnel, link, inner: Box::new(inner) }
    }

    /// Its protocol number.
    pub fn protocol(&self) -> u8 {
        match self {
            Self::Tcp { .. } => 6,
            Self::Udp { .. } => 17,
            Self::Tunnel { tunnel, link, inner } => tunnel.protocol(*link, inner),
            Self::Other(protocol) => *protocol,
        }
    }

    fn header(&self, payload_len: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(20);
        match self {
            Self::Tcp { source_port, destination_port } => {
                bytes.extend(source_port.to_be_bytes());
                bytes.extend(destination_port.to_be_bytes());
                bytes.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0x20, 0, 0, 0, 0, 0]);
            }
            Self::Udp { source_port, destination_port } => {
                bytes.extend(source_port.to_be_bytes());
                bytes.extend(destination_port.to_be_bytes());
                bytes.extend(length_field(8 + payload_len));
                bytes.extend([0, 0]);
            }
            Self::Tunnel { tunnel, link, inner } => {
                tunnel.put(&mut bytes, *link, inner, payload_len);
            }
            Self::Other(_) => {}
        }
        bytes
    }
}

/// The headers of a tunnel. What is inside is numbered as it is, unless `payload` says otherwise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tunnel {
    /// None: IP in IP.
    Ip,
    /// GRE with these flags and version. There are 4 bytes more for each of C, K and S.
    Gre {
        /// The first 16 bits.
        flags: u16,
        /// The protocol type, if it is not to be the right one.
        payload: Option<u16>,
    },
    /// The same in UDP.
    GreUdp {
        /// The destination port; the right one is 4754.
        port: u16,
        /// The first 16 bits of the GRE header.
        flags: u16,
        /// The protocol type, if it is not to be the right one.
        payload: Option<u16>,
    },
    /// VXLAN.
    Vxlan {
        /// The destination port; the right one is 4789.
        port: u16,
        /// The first byte; 0x08 is flag I.
        flags: u8,
    },
    /// VXLAN-GPE.
    VxlanGpe {
        /// The destination port; the right one is 4790.
        port: u16,
        /// The first byte; 0x08 is flag I, 0x04 is flag P.
        flags: u8,
        /// The next protocol, if it is not to be the right one.
        payload: Option<u8>,
    },
    /// Geneve.
    Geneve {
        /// The destination port; the right one is 6081.
        port: u16,
        /// The version, 0 to 3.
        version: u8,
        /// The options, at most 63 words.
        options: Vec<[u8; 4]>,
        /// The protocol type, if it is not to be the right one.
        payload: Option<u16>,
    },
}

impl Tunnel {
    /// The protocol number of the first header of the tunnel.
    fn protocol(&self, link: Link, inner: &Packet) -> u8 {
        match self {
            Self::Ip if link == Link::Ip && matches!(inner.network, Network::V6(_)) => 41,
            Self::Ip => 4,
            Self::Gre { .. } => 47,
            Self::GreUdp { .. }
            | Self::Vxlan { .. }
            | Self::VxlanGpe { .. }
            | Self::Geneve { .. } => 17,
        }
    }

    /// The tunnel's headers, and the inner packet.
    fn put(&self, bytes: &mut Vec<u8>, link: Link, inner: &Packet, payload_len: usize) {
        let inner_type = match link {
            Link::Ethernet => 0x6558,
            Link::Ip => inner.network.ethertype(),
        };
        let (port, header) = match self {
            Self::Ip => (None, vec![]),
            Self::Gre { flags, payload } => (None, gre(*flags, payload.unwrap_or(inner_type))),
            Self::GreUdp { port, flags, payload } => {
                (Some(*port), gre(*flags, payload.unwrap_or(inner_type)))
            }
            Self::Vxlan { port, flags } => (Some(*port), vec![*flags, 0, 0, 0, 0, 0, 7, 0]),
            Self::VxlanGpe { port, flags, payload } => {
                let next = match (link, &inner.network) {
                    (Link::Ethernet, _) => 3,
                    (Link::Ip, Network::V6(_)) => 2,
                    (Link::Ip, _) => 1,
                };
                (Some(*port), vec![*flags, 0, 0, payload.unwrap_or(next), 0, 0, 7, 0])
            }
            Self::Geneve { port, version, options, payload } => {
                let [high, low] = payload.unwrap_or(inner_type).to_be_bytes();
                assert!(options.len() < 64, "{} words of Geneve options", options.len());
                let first = version << 6 | byte(options.len());
                let fixed = [first, 0, high, low, 0, 0, 7, 0];
                (Some(*port), [&fixed, options.as_flattened()].concat())
            }
        };
        let inner = inner.to_bytes(link);
        if let Some(destination_port) = port {
            let behind = header.len() + inner.len() + payload_len;
            bytes.extend(Upper::Udp { source_port: 0xc001, destination_port }.header(behind));
        }
        bytes.extend(header);
        bytes.extend(inner);
    }
}

/// A GRE header with what its flags say is there.
fn gre(flags: u16, protocol_type: u16) -> Vec<u8> {
    let mut bytes = [flags.to_be_bytes(), protocol_type.to_be_bytes()].concat();
    for (flag, field) in [(0x8000, [0xcc; 4]), (0x2000, [0xdd; 4]), (0x1000, [0xee; 4])] {
        if flags & flag != 0 {
            bytes.extend(field);
        }
    }
    bytes
}

/// A 16-bit length; 0 for one that does not fit, as jumbo and coalesced packets have it.
fn length_field(len: usize) -> [u8; 2] {
    u16::try_from(len).unwrap_or(0).to_be_bytes()
}

fn byte(len: usize) -> u8 {
    u8::try_from(len).expect("a length of at most 255")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv4_header_is_complete_and_its_checksum_right() {
        let v4 = V4::new([66, 9, 149, 187], [161, 142, 100, 80]).fragment(0x4000).options(&[1; 5]);
        let bytes = Packet::udp(v4, 0x0102, 0x0304).payload(&[7; 3]).to_bytes(Link::Ip);
        assert_eq!(bytes.len(), 28 + 8 + 3);
        assert_eq!(bytes[..10], [0x47, 0, 0, 39, 0, 1, 0x40, 0, 64, 17]);
        assert_eq!(bytes[12..28], [66, 9, 149, 187, 161, 142, 100, 80, 1, 1, 1, 1, 1, 0, 0, 0]);
        assert_eq!(bytes[28..], [1, 2, 3, 4, 0, 11, 0, 0, 7, 7, 7]);
        let sum: u32 =
            bytes[..28].chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(word[1])).sum();
        assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
    }

    #[test]
    fn extension_headers_are_chained() {
        let v6 = V6::new(1, 2)
            .with(Extension::HopByHop(vec![Ipv6Option::PadN(4)]))
            .with(Extension::routing_address(3))
            .with(Extension::home_address(4))
            .with(Extension::Authentication(3))
            .with(Extension::Mobility(1))
            .with(Extension::Fragment(0x0009));
        let bytes = Packet::tcp(v6, 5, 6).to_bytes(Link::Ip);
        assert_eq!(bytes[4..7], [0, 124, NEXT_HOP_BY_HOP]);
        assert_eq!(bytes[40..48], [NEXT_ROUTING, 0, 1, 4, 0, 0, 0, 0]);
        assert_eq!(bytes[48..56], [NEXT_DESTINATION, 2, 2, 1, 0, 0, 0, 0]);
        assert_eq!(bytes[56..72], Ipv6Addr::from(3).octets());
        assert_eq!(bytes[72..80], [NEXT_AUTHENTICATION, 2, 1, 2, 0, 0, 201, 16]);
        assert_eq!(bytes[80..96], Ipv6Addr::from(4).octets());
        assert_eq!(bytes[96..98], [NEXT_MOBILITY, 4]);
        assert_eq!(bytes[120..122], [NEXT_FRAGMENT, 1]);
        assert_eq!(bytes[136..140], [6, 0, 0, 9]);
        assert_eq!(bytes[144..148], [0, 5, 0, 6]);
        assert_eq!(bytes.len(), 164);
    }

    #[test]
    fn frame_has_its_tags_and_bare_ip_has_not() {
        let packet = Packet::tcp(V4::new(1, 2), 3, 4).vlan(0x88a8).vlan(0x8100);
        let frame = packet.to_bytes(Link::Ethernet);
        assert_eq!(frame[12..22], [0x88, 0xa8, 0, 42, 0x81, 0, 0, 42, 0x08, 0]);
        assert_eq!(packet.network_offset(Link::Ethernet), 22);
        assert_eq!(frame[22..], packet.to_bytes(Link::Ip));
    }
}
