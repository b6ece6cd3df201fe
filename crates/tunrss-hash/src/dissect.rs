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

/// How many options of one destination options header are looked at for the one that is wanted.
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
        Ok(Ip::V6(packet)) => ipv6(packet),
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
    // A range that is known, so that the compiler writes out the three places.
    for vlan_tags in 0..=MAX_VLAN_TAGS as u8 {
        let at = 12 + 4 * usize::from(vlan_tags);
        let Some(ethertype) = field(frame, at) else {
            return (vlan_tags, Err(NotHashable::FrameTruncated));
        };
        let after = || frame.get(at + 2..).unwrap_or_default();
        match u16::from_be_bytes(ethertype) {
            ETHERTYPE_IPV4 => return (vlan_tags, Ok(Ip::V4(after()))),
            ETHERTYPE_IPV6 => return (vlan_tags, Ok(Ip::V6(after()))),
            ETHERTYPE_VLAN | ETHERTYPE_QINQ => {}
            other => return (vlan_tags, Err(NotHashable::EtherType(other))),
        }
    }
    (MAX_VLAN_TAGS as u8, Err(NotHashable::TooManyVlanTags))
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

/// What a packet without extension headers has, its addresses still where they were found: `N` bytes,
/// the source first.
pub(crate) struct Plain<'a, const N: usize> {
    pub(crate) addresses: &'a [u8; N],
    pub(crate) transport: Result<TransportAt<'a>, NoPorts>,
}

/// [`Transport`], its ports still where they were found.
#[derive(Clone, Copy)]
pub(crate) struct TransportAt<'a> {
    pub(crate) protocol: Protocol,
    pub(crate) ports: &'a [u8; 4],
}

impl From<TransportAt<'_>> for Transport {
    fn from(found: TransportAt<'_>) -> Self {
        Self { protocol: found.protocol, ports: *found.ports }
    }
}

impl From<Plain<'_, 8>> for Network {
    fn from(ip: Plain<'_, 8>) -> Self {
        let [source, destination] = halves(ip.addresses);
        Self::V4 { source, destination, transport: ip.transport.map(Transport::from) }
    }
}

impl From<Plain<'_, 32>> for Network {
    fn from(ip: Plain<'_, 32>) -> Self {
        let [source, destination] = halves(ip.addresses);
        Self::V6 {
            source,
            destination,
            extensions: None,
            transport: ip.transport.map(Transport::from),
        }
    }
}

#[inline(always)]
pub(crate) fn ipv4(packet: &[u8]) -> Result<Plain<'_, 8>, NotHashable> {
    let header: &[u8; 20] = view(packet, 0).ok_or(NotHashable::IpTruncated)?;
    let &[version_ihl, _, _, _, _, _, frag_high, frag_low, _, protocol, _, _, ref addresses @ ..] =
        header;
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
    Ok(Plain { addresses, transport })
}

#[inline]
pub(crate) fn ipv6(packet: &[u8]) -> Result<Network, NotHashable> {
    let header = ipv6_header(packet)?;
    Ok(if header.is_extended() { header.extended(packet) } else { header.plain(packet).into() })
}

#[inline(always)]
pub(crate) fn ipv6_header(packet: &[u8]) -> Result<Ipv6Header<'_>, NotHashable> {
    let header: &[u8; 40] = view(packet, 0).ok_or(NotHashable::IpTruncated)?;
    let &[version, _, _, _, _, _, next, _, ref addresses @ ..] = header;
    if version >> 4 != 6 {
        return Err(NotHashable::IpVersion(version >> 4));
    }
    Ok(Ipv6Header { next, addresses })
}

/// The fixed header of IPv6.
pub(crate) struct Ipv6Header<'a> {
    next: u8,
    addresses: &'a [u8; 32],
}

impl<'a> Ipv6Header<'a> {
    /// Whether extension headers follow it.
    #[inline]
    pub(crate) fn is_extended(&self) -> bool {
        is_extension_header(self.next)
    }

    /// What `packet`, which starts with it, has if no extension headers follow.
    #[inline(always)]
    pub(crate) fn plain(self, packet: &'a [u8]) -> Plain<'a, 32> {
        Plain { addresses: self.addresses, transport: transport(packet, self.next, 40) }
    }

    /// What it has if some follow.
    fn extended(self, packet: &[u8]) -> Network {
        let mut extensions = Extensions::default();
        let transport = walk(packet, self.next, 40, &mut extensions);
        let [source, destination] = halves(self.addresses);
        Network::V6 { source, destination, extensions: Some(extensions), transport }
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
    transport(packet, next, at).map(Transport::from)
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
fn home_address(packet: &[u8], at: usize, end: usize) -> Option<[u8; 16]> {
    field(packet, find_option(packet, at, end, OPTION_HOME_ADDRESS, 16)?)
}

/// Where the data of the first destination option of this kind and data length is, among those from
/// `at` to `end`.
pub(crate) fn find_option(
    packet: &[u8],
    mut at: usize,
    end: usize,
    wanted_kind: u8,
    wanted_len: u8,
) -> Option<usize> {
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
        let (data, next) = (at + 2, at + 2 + usize::from(len));
        if (kind, len) == (wanted_kind, wanted_len) {
            // An option that runs past its header is malformed.
            return (next <= end).then_some(data);
        }
        at = next;
    }
    None
}

#[inline(always)]
fn transport(packet: &[u8], protocol: u8, at: usize) -> Result<TransportAt<'_>, NoPorts> {
    let protocol = match protocol {
        6 => Protocol::Tcp,
        17 => Protocol::Udp,
        other => return Err(NoPorts::Protocol(other)),
    };
    let ports = view(packet, at).ok_or(NoPorts::Truncated)?;
    Ok(TransportAt { protocol, ports })
}

#[inline]
pub(crate) fn is_extension_header(next: u8) -> bool {
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

/// Source and destination, of `M` bytes each.
fn halves<const N: usize, const M: usize>(addresses: &[u8; N]) -> [[u8; M]; 2] {
    const { assert!(N == 2 * M) };
    [0, M].map(|at| field(addresses, at).unwrap_or([0; M]))
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
/// Destination option that holds a tunnel encapsulation limit (RFC 2473, section 4.1.1).
pub const OPTION_ENCAPSULATION_LIMIT: u8 = 4;
/// Destination option that holds a home address.
pub const OPTION_HOME_ADDRESS: u8 = 201;
