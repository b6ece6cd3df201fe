//! From the bytes of a packet to the fields that can be hashed.
//!
//! [`dissect`] is total: any bytes have an answer, and "not hashable" is one. Its work is bounded by
//! [`MAX_VLAN_TAGS`], [`MAX_EXTENSION_HEADERS`] and [`MAX_OPTIONS`]; every executor of this meaning
//! has the same bounds.
//!
//! What the virtio text leaves open is decided here:
//!
//! - Only bytes that are there count. Length fields of IP and UDP are not consulted (Linux's flow
//!   dissector does the same): segmentation offload leaves them describing other packets.
//! - A field that is missing or cannot be located makes the types that need it unavailable, and no
//!   others. An IPv4 header with a bad header length still has its addresses.
//! - Every fragment, the first and an "atomic" one too, has no TCP or UDP header, so that all
//!   fragments of a packet get the same hash. For the same reason the walk along IPv6 extension
//!   headers ends at a Fragment header.
//! - Up to two VLAN tags, 802.1Q or 802.1ad in any order, are skipped. A frame with more is not
//!   hashed.
//! - Extension headers are hop-by-hop options, routing, fragment, authentication, destination
//!   options and mobility. ESP and "no next header" end the walk and do not count as one.

use crate::Link;

/// How many VLAN tags are skipped. A frame with more of them has no hash.
pub const MAX_VLAN_TAGS: usize = 2;

/// How many IPv6 extension headers are walked. Behind more of them there is no TCP or UDP header.
pub const MAX_EXTENSION_HEADERS: usize = 11;

/// How many options of one destination options header are looked at for a home address.
pub const MAX_OPTIONS: usize = 30;

/// What a packet has that can be hashed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dissection {
    /// VLAN tags skipped, at most [`MAX_VLAN_TAGS`].
    pub vlan_tags: u8,
    /// The network layer, or why there is none to hash.
    pub network: Result<Network, NotHashable>,
}

/// An IP header, what stands behind it, and the fields for the hash. All in wire order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Network {
    /// An IPv4 header.
    V4 {
        /// The source address.
        source: [u8; 4],
        /// The destination address.
        destination: [u8; 4],
        /// The layer above, or why there are no ports.
        transport: Result<Transport, NoPorts>,
    },
    /// An IPv6 header with its extension headers.
    V6 {
        /// The source address of the IPv6 header.
        source: [u8; 16],
        /// The destination address of the IPv6 header.
        destination: [u8; 16],
        /// What the extension headers hold; `None` if the packet has none.
        extensions: Option<Extensions>,
        /// The layer above, or why there are no ports.
        transport: Result<Transport, NoPorts>,
    },
}

impl Network {
    /// The layer above, or why there are no ports.
    pub fn transport(&self) -> Result<Transport, NoPorts> {
        match self {
            Self::V4 { transport, .. } | Self::V6 { transport, .. } => *transport,
        }
    }
}

/// What the extension headers of an IPv6 packet hold for the `_EX` types.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Extensions {
    /// How many were walked, 1 to [`MAX_EXTENSION_HEADERS`].
    pub count: u8,
    /// The address in the first home address option (RFC 6275, section 6.3): it stands for the
    /// source.
    pub home_address: Option<[u8; 16]>,
    /// The address in the first type 2 routing header (RFC 6275, section 6.4): it stands for the
    /// destination.
    pub routing_address: Option<[u8; 16]>,
}

/// A TCP or UDP header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transport {
    /// Which of the two.
    pub protocol: Protocol,
    /// Source port, then destination port, in wire order.
    pub ports: [u8; 4],
}

/// The transport protocols whose ports are hashed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// Protocol number 6.
    Tcp,
    /// Protocol number 17.
    Udp,
}

/// Why a packet is not hashed at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotHashable {
    /// The Ethernet header or a VLAN tag is cut off.
    FrameTruncated,
    /// The EtherType is neither IPv4 nor IPv6.
    EtherType(u16),
    /// More than [`MAX_VLAN_TAGS`] VLAN tags.
    TooManyVlanTags,
    /// The version field is not what the link header (or bare IP) calls for.
    IpVersion(u8),
    /// The fixed part of the IP header is cut off (or there is not one byte of it).
    IpTruncated,
}

/// Why an IP packet has no ports to hash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoPorts {
    /// Another protocol follows.
    Protocol(u8),
    /// The packet is a fragment.
    Fragment,
    /// The IPv4 header says that it is shorter than 20 bytes.
    HeaderLength,
    /// An extension header or the ports are cut off.
    Truncated,
    /// More than [`MAX_EXTENSION_HEADERS`] extension headers.
    TooManyExtensionHeaders,
}

/// Find the fields of `packet`, which starts with the header `link`.
pub fn dissect(link: Link, packet: &[u8]) -> Dissection {
    let (vlan_tags, ip) = locate(link, packet);
    let network = match ip {
        Ok(Ip::V4(packet)) => ipv4(packet).map(Network::from),
        Ok(Ip::V6(packet)) => ipv6(packet).map(Network::from),
        Err(not_hashable) => Err(not_hashable),
    };
    Dissection { vlan_tags, network }
}

/// The VLAN tags of `packet`, and the IP packet behind them.
#[inline]
pub(crate) fn locate(link: Link, packet: &[u8]) -> (u8, Result<Ip<'_>, NotHashable>) {
    match link {
        Link::Ethernet => ethernet(packet),
        Link::Ip => (0, bare(packet)),
    }
}

/// What is said to be an IP packet of this version, from where its header starts.
pub(crate) enum Ip<'a> {
    V4(&'a [u8]),
    V6(&'a [u8]),
}

#[inline]
fn ethernet(frame: &[u8]) -> (u8, Result<Ip<'_>, NotHashable>) {
    let mut vlan_tags = 0;
    let mut rest = frame.get(12..);
    let ip = loop {
        let Some((ethertype, after)) = rest.and_then(|rest| rest.split_first_chunk()) else {
            break Err(NotHashable::FrameTruncated);
        };
        match u16::from_be_bytes(*ethertype) {
            ETHERTYPE_IPV4 => break Ok(Ip::V4(after)),
            ETHERTYPE_IPV6 => break Ok(Ip::V6(after)),
            ETHERTYPE_VLAN | ETHERTYPE_QINQ if usize::from(vlan_tags) == MAX_VLAN_TAGS => {
                break Err(NotHashable::TooManyVlanTags);
            }
            ETHERTYPE_VLAN | ETHERTYPE_QINQ => {
                vlan_tags += 1;
                rest = after.get(2..);
            }
            other => break Err(NotHashable::EtherType(other)),
        }
    };
    (vlan_tags, ip)
}

#[inline]
fn bare(packet: &[u8]) -> Result<Ip<'_>, NotHashable> {
    match packet.first().map(|byte| byte >> 4) {
        Some(4) => Ok(Ip::V4(packet)),
        Some(6) => Ok(Ip::V6(packet)),
        Some(version) => Err(NotHashable::IpVersion(version)),
        None => Err(NotHashable::IpTruncated),
    }
}

/// [`Network::V4`] by itself, its addresses still where they were found.
pub(crate) struct Ipv4<'a> {
    pub(crate) source: &'a [u8; 4],
    pub(crate) destination: &'a [u8; 4],
    pub(crate) transport: Result<Transport, NoPorts>,
}

/// [`Network::V6`] by itself, its addresses still where they were found.
pub(crate) struct Ipv6<'a> {
    pub(crate) source: &'a [u8; 16],
    pub(crate) destination: &'a [u8; 16],
    pub(crate) extensions: Option<Extensions>,
    pub(crate) transport: Result<Transport, NoPorts>,
}

impl From<Ipv4<'_>> for Network {
    fn from(ip: Ipv4<'_>) -> Self {
        let Ipv4 { source, destination, transport } = ip;
        Self::V4 { source: *source, destination: *destination, transport }
    }
}

impl From<Ipv6<'_>> for Network {
    fn from(ip: Ipv6<'_>) -> Self {
        let Ipv6 { source, destination, extensions, transport } = ip;
        Self::V6 { source: *source, destination: *destination, extensions, transport }
    }
}

#[inline(always)]
pub(crate) fn ipv4(packet: &[u8]) -> Result<Ipv4<'_>, NotHashable> {
    let header: &[u8; 20] = view(packet, 0).ok_or(NotHashable::IpTruncated)?;
    let &[version_ihl, _, _, _, _, _, frag_high, frag_low, _, protocol, ..] = header;
    if version_ihl >> 4 != 4 {
        return Err(NotHashable::IpVersion(version_ihl >> 4));
    }
    let header_len = usize::from(version_ihl & 0xf) * 4;
    let fragment = u16::from_be_bytes([frag_high, frag_low]) & IPV4_MORE_FRAGMENTS_OR_OFFSET;
    let transport = if fragment != 0 {
        Err(NoPorts::Fragment)
    } else if header_len < 20 {
        Err(NoPorts::HeaderLength)
    } else {
        transport(packet, protocol, header_len)
    };
    let source = view(header, 12).ok_or(NotHashable::IpTruncated)?;
    let destination = view(header, 16).ok_or(NotHashable::IpTruncated)?;
    Ok(Ipv4 { source, destination, transport })
}

#[inline]
pub(crate) fn ipv6(packet: &[u8]) -> Result<Ipv6<'_>, NotHashable> {
    let header = ipv6_header(packet)?;
    Ok(if header.is_extended() { header.extended(packet) } else { header.plain(packet) })
}

#[inline(always)]
pub(crate) fn ipv6_header(packet: &[u8]) -> Result<Ipv6Header<'_>, NotHashable> {
    let header: &[u8; 40] = view(packet, 0).ok_or(NotHashable::IpTruncated)?;
    let &[version, _, _, _, _, _, next, ..] = header;
    if version >> 4 != 6 {
        return Err(NotHashable::IpVersion(version >> 4));
    }
    let source = view(header, 8).ok_or(NotHashable::IpTruncated)?;
    let destination = view(header, 24).ok_or(NotHashable::IpTruncated)?;
    Ok(Ipv6Header { next, source, destination })
}

/// The fixed header of IPv6.
pub(crate) struct Ipv6Header<'a> {
    next: u8,
    source: &'a [u8; 16],
    destination: &'a [u8; 16],
}

impl<'a> Ipv6Header<'a> {
    /// Whether extension headers follow it.
    #[inline]
    pub(crate) fn is_extended(&self) -> bool {
        is_extension_header(self.next)
    }

    /// What `packet`, which starts with it, has if no extension headers follow.
    #[inline(always)]
    pub(crate) fn plain(self, packet: &[u8]) -> Ipv6<'a> {
        let transport = transport(packet, self.next, 40);
        Ipv6 { source: self.source, destination: self.destination, extensions: None, transport }
    }

    /// What it has if some follow.
    fn extended(self, packet: &[u8]) -> Ipv6<'a> {
        let mut extensions = Extensions::default();
        let transport = walk(packet, self.next, 40, &mut extensions);
        let extensions = Some(extensions);
        Ipv6 { source: self.source, destination: self.destination, extensions, transport }
    }
}

/// Walk the extension headers from `at` on, the first of kind `next`, to the transport header.
fn walk(
    packet: &[u8],
    mut next: u8,
    mut at: usize,
    extensions: &mut Extensions,
) -> Result<Transport, NoPorts> {
    while is_extension_header(next) {
        if usize::from(extensions.count) == MAX_EXTENSION_HEADERS {
            return Err(NoPorts::TooManyExtensionHeaders);
        }
        extensions.count += 1;
        if next == NEXT_FRAGMENT {
            return Err(NoPorts::Fragment);
        }
        let [after, len] = field(packet, at).ok_or(NoPorts::Truncated)?;
        let header_len = match next {
            NEXT_AUTHENTICATION => (usize::from(len) + 2) * 4,
            _ => (usize::from(len) + 1) * 8,
        };
        match next {
            NEXT_ROUTING if extensions.routing_address.is_none() => {
                extensions.routing_address = type_2_routing_address(packet, at);
            }
            NEXT_DESTINATION if extensions.home_address.is_none() => {
                extensions.home_address = home_address(packet, at + 2, at + header_len);
            }
            _ => {}
        }
        next = after;
        at += header_len;
    }
    transport(packet, next, at)
}

/// The address of the routing header at `at`, if it is of type 2 with one segment left.
fn type_2_routing_address(packet: &[u8], at: usize) -> Option<[u8; 16]> {
    let [_, len, kind, segments_left] = field(packet, at)?;
    if [len, kind, segments_left] != [2, 2, 1] {
        return None;
    }
    field(packet, at + 8)
}

/// The address of the first home address option among those from `at` to `end`.
fn home_address(packet: &[u8], mut at: usize, end: usize) -> Option<[u8; 16]> {
    for _ in 0..MAX_OPTIONS {
        if at >= end {
            return None;
        }
        let [kind] = field(packet, at)?;
        if kind == OPTION_PAD1 {
            at += 1;
            continue;
        }
        let [len] = field(packet, at + 1)?;
        if kind == OPTION_HOME_ADDRESS && len == 16 {
            // An option that runs past its header is malformed.
            return if at + 18 <= end { field(packet, at + 2) } else { None };
        }
        at += 2 + usize::from(len);
    }
    None
}

#[inline(always)]
fn transport(packet: &[u8], protocol: u8, at: usize) -> Result<Transport, NoPorts> {
    let protocol = match protocol {
        6 => Protocol::Tcp,
        17 => Protocol::Udp,
        other => return Err(NoPorts::Protocol(other)),
    };
    let ports = field(packet, at).ok_or(NoPorts::Truncated)?;
    Ok(Transport { protocol, ports })
}

#[inline]
fn is_extension_header(next: u8) -> bool {
    matches!(
        next,
        NEXT_HOP_BY_HOP
            | NEXT_ROUTING
            | NEXT_FRAGMENT
            | NEXT_AUTHENTICATION
            | NEXT_DESTINATION
            | NEXT_MOBILITY
    )
}

/// `N` bytes from `at` on, if the packet has them.
#[inline]
pub(crate) fn field<const N: usize>(packet: &[u8], at: usize) -> Option<[u8; N]> {
    view(packet, at).copied()
}

/// The same where they are.
#[inline(always)]
fn view<const N: usize>(packet: &[u8], at: usize) -> Option<&[u8; N]> {
    packet.get(at..at + N)?.first_chunk()
}

/// EtherType of IPv4.
pub const ETHERTYPE_IPV4: u16 = 0x0800;
/// EtherType of IPv6.
pub const ETHERTYPE_IPV6: u16 = 0x86dd;
/// EtherType of an 802.1Q tag.
pub const ETHERTYPE_VLAN: u16 = 0x8100;
/// EtherType of an 802.1ad (service) tag.
pub const ETHERTYPE_QINQ: u16 = 0x88a8;
/// The bits of an IPv4 header's flags and fragment offset that make it a fragment.
pub const IPV4_MORE_FRAGMENTS_OR_OFFSET: u16 = 0x3fff;
/// Next Header value of hop-by-hop options.
pub const NEXT_HOP_BY_HOP: u8 = 0;
/// Next Header value of a routing header.
pub const NEXT_ROUTING: u8 = 43;
/// Next Header value of a fragment header.
pub const NEXT_FRAGMENT: u8 = 44;
/// Next Header value of an authentication header.
pub const NEXT_AUTHENTICATION: u8 = 51;
/// Next Header value of destination options.
pub const NEXT_DESTINATION: u8 = 60;
/// Next Header value of a mobility header.
pub const NEXT_MOBILITY: u8 = 135;
/// Destination option of one byte, without a length.
pub const OPTION_PAD1: u8 = 0;
/// Destination option that holds a home address.
pub const OPTION_HOME_ADDRESS: u8 = 201;
