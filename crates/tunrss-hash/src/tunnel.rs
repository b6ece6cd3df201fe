//! Tunnels, and the packet inside: virtio's inner header hash (virtio 1.4, "Inner Header Hash").
//!
//! Where the outer headers are those of an enabled tunnel type, hash, report and queue come from
//! the inner packet alone; the outer headers are fully discarded. Where they are not, the packet is
//! hashed as if there were no tunnels. One level is looked into: an inner packet that is a tunnel
//! itself is hashed by its own outer headers.
//!
//! Virtio names the types and the documents that define them, and no more. So these rules are ours,
//! from those documents. A packet is of a type, in the table's order of columns, if it has this
//! *delivery*, this *tunnel header*, and this *payload* said to be in it:
//!
//! | type | bit | delivery | tunnel header | payload |
//! |---|---|---|---|---|
//! | `gre` | 0 | IPv4, protocol 47 | GRE without key and sequence number (RFC 2784) | IPv4, Ethernet |
//! | `gre-2890` | 1 | IPv4, protocol 47 | GRE (RFC 2890) | IPv4, Ethernet |
//! | `gre-7676` | 2 | IPv4, protocol 47 | GRE (RFC 7676) | IPv6 |
//! | `gre-7676` | 2 | IPv6, next header 47 | GRE (RFC 7676) | IPv4, IPv6, Ethernet |
//! | `gre-udp` | 3 | UDP to port 4754 | GRE (RFC 8086) | IPv4, IPv6, Ethernet |
//! | `vxlan` | 4 | UDP to port 4789 | VXLAN (RFC 7348) | Ethernet |
//! | `vxlan-gpe` | 5 | UDP to port 4790 | VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe-12) | IPv4, IPv6, Ethernet |
//! | `geneve` | 6 | UDP to port 6081 | Geneve (RFC 8926) | IPv4, IPv6, Ethernet |
//! | `ipip` | 7 | IPv4, protocol 4 | none (RFC 2003) | IPv4 |
//! | `nvgre` | 8 | IPv4 or IPv6, 47 | GRE with key, without checksum and sequence number (RFC 7637) | Ethernet |
//!
//! UDP is over IPv4 or IPv6. A packet can be of several types (NVGRE is GRE with a key as well); one
//! that is enabled is enough.
//!
//! | tunnel header | bytes | not recognised | ignored | says what is inside |
//! |---|---|---|---|---|
//! | GRE | 4, and 4 each for C, K, S | version other than 0; bit 1 (routing), 4 or 5 set | bits 6 to 12; the optional fields | protocol type: 0x0800, 0x86dd, 0x6558 |
//! | VXLAN | 8 | I clear | all other bits | always Ethernet |
//! | VXLAN-GPE | 8 | version other than 0; I clear | B, O and the reserved bits | P clear: Ethernet; P set: next protocol 1 IPv4, 2 IPv6, 3 Ethernet |
//! | Geneve | 8, and 4 each by Opt Len | version other than 0 | O, C, the reserved bits, the options | protocol type: 0x0800, 0x86dd, 0x6558 |
//!
//! Ignored and refused bits are those that the documents tell a receiver to ignore or to discard a
//! packet for. Further:
//!
//! - A payload that the header calls by any other number is no match: the outer headers are hashed.
//! - A fragment, the first too, is no tunnel: the others do not have the tunnel header.
//! - IPv4 options are skipped. So is a destination options header that follows the IPv6 header and
//!   holds a tunnel encapsulation limit (RFC 2473, section 4.1.1), which Linux's ip6gre sends by default;
//!   behind any other IPv6 extension header no tunnel is looked for.
//! - The outer headers and the whole tunnel header, optional fields and options included, have to be
//!   there. If they are, the tunnel is recognised, be the inner packet cut off or empty.
//! - Only these UDP ports count, and only as the destination port. Length fields and checksums are
//!   not consulted.
//! - What is inside is dissected as a packet of its own by the rules of [`crate::dissect`]: VLAN tags
//!   of inner Ethernet, extension headers and fragments too. If it has no hash (it is not IP, not of
//!   the IP version that the tunnel header says, cut off, or of no enabled hash type), neither has
//!   the packet: there is no way back to the outer headers.

use crate::Link;
use crate::dissect::{
    self, Dissection, ETHERTYPE_IPV4, ETHERTYPE_IPV6, IPV4_MORE_FRAGMENTS_OR_OFFSET,
    NEXT_DESTINATION, Network, OPTION_ENCAPSULATION_LIMIT, field,
};
use crate::set_of_types::set_of_types;

/// A set of tunnel types: which packets are hashed by the packet inside.
///
/// The bits are those of `enabled_tunnel_types` in `struct virtnet_hash_tunnel` and of
/// `supported_tunnel_types` in the device configuration (virtio 1.4, "Inner Header Hash"). The text
/// form is a comma-separated list of [names](TunnelTypes::NAMES), or `all`, or `none`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TunnelTypes(u32);

impl TunnelTypes {
    /// No type: every packet is hashed by its outer headers.
    pub const NONE: Self = Self(0);
    /// GRE over IPv4 without key and sequence number (RFC 2784).
    pub const GRE_2784: Self = Self(1 << 0);
    /// GRE over IPv4 (RFC 2890).
    pub const GRE_2890: Self = Self(1 << 1);
    /// GRE over IPv6, and IPv6 in GRE (RFC 7676).
    pub const GRE_7676: Self = Self(1 << 2);
    /// GRE in UDP (RFC 8086).
    pub const GRE_UDP: Self = Self(1 << 3);
    /// VXLAN (RFC 7348).
    pub const VXLAN: Self = Self(1 << 4);
    /// VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe-12).
    pub const VXLAN_GPE: Self = Self(1 << 5);
    /// Geneve (RFC 8926).
    pub const GENEVE: Self = Self(1 << 6);
    /// IPv4 in IPv4 (RFC 2003).
    pub const IPIP: Self = Self(1 << 7);
    /// NVGRE (RFC 7637).
    pub const NVGRE: Self = Self(1 << 8);
    /// All nine types.
    pub const ALL: Self = Self(0x1ff);

    /// The name of each type, in the order of its bit.
    pub const NAMES: [(&'static str, Self); 9] = [
        ("gre", Self::GRE_2784),
        ("gre-2890", Self::GRE_2890),
        ("gre-7676", Self::GRE_7676),
        ("gre-udp", Self::GRE_UDP),
        ("vxlan", Self::VXLAN),
        ("vxlan-gpe", Self::VXLAN_GPE),
        ("geneve", Self::GENEVE),
        ("ipip", Self::IPIP),
        ("nvgre", Self::NVGRE),
    ];
}

set_of_types!(TunnelTypes, UnknownTunnelType, "tunnel type");

/// A tunnel that a packet was recognised as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tunnel {
    /// Every type it is of, enabled or not.
    pub types: TunnelTypes,
    /// What the inner packet starts with.
    pub inner: Inner,
    /// Where the inner packet starts: bytes from the start of the outer one, at most its length.
    pub offset: usize,
}

/// The header that an inner packet starts with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Inner {
    /// An Ethernet header.
    Ethernet,
    /// An IPv4 header.
    Ipv4,
    /// An IPv6 header.
    Ipv6,
}

impl Inner {
    /// By the protocol type of GRE and Geneve: an EtherType.
    fn from_protocol_type(number: u16) -> Result<Self, NoTunnel> {
        match number {
            ETHERTYPE_IPV4 => Ok(Self::Ipv4),
            ETHERTYPE_IPV6 => Ok(Self::Ipv6),
            PROTOCOL_TYPE_ETHERNET => Ok(Self::Ethernet),
            other => Err(NoTunnel::Payload(other)),
        }
    }
}

/// Why a packet is no tunnel of any type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoTunnel {
    /// There is no IP header.
    NotIp,
    /// The packet is a fragment.
    Fragment,
    /// The IPv4 header says that it is shorter than 20 bytes.
    HeaderLength,
    /// The IPv6 header is followed by extension headers other than one with a tunnel encapsulation
    /// limit.
    ExtensionHeaders,
    /// Another protocol follows the IP header.
    Protocol(u8),
    /// UDP to another port.
    Port(u16),
    /// The outer headers or the tunnel header are cut off.
    Truncated,
    /// The version or the flags of the tunnel header are such as a receiver has to discard.
    Header,
    /// The tunnel header says that something else is inside, by this number.
    Payload(u16),
}

/// What of `packet` is hashed: the dissection of the packet inside a tunnel of one of `types`, or
/// that of `packet` itself, which starts with the header `link`.
pub fn dissect_through(types: TunnelTypes, link: Link, packet: &[u8]) -> Dissection {
    let outer = dissect::dissect(link, packet);
    if types.is_empty() {
        return outer;
    }
    match recognise(link, packet, &outer) {
        Ok(tunnel) if tunnel.types.intersects(types) => dissect_inner(packet, &tunnel),
        _ => outer,
    }
}

/// The dissection of the packet inside `tunnel`.
pub fn dissect_inner(packet: &[u8], tunnel: &Tunnel) -> Dissection {
    let inner = packet.get(tunnel.offset..).unwrap_or_default();
    let network = match tunnel.inner {
        Inner::Ethernet => return dissect::dissect(Link::Ethernet, inner),
        Inner::Ipv4 => dissect::ipv4(inner).map(Network::from),
        Inner::Ipv6 => dissect::ipv6(inner),
    };
    Dissection { vlan_tags: 0, network }
}

/// The tunnel that `packet` is, of whatever types; `outer` is its [dissection](dissect::dissect).
///
/// # Errors
/// What shows that it is none.
pub fn recognise(link: Link, packet: &[u8], outer: &Dissection) -> Result<Tunnel, NoTunnel> {
    let ip = match link {
        Link::Ethernet => 14 + 4 * usize::from(outer.vlan_tags),
        Link::Ip => 0,
    };
    let (delivery, protocol, at) = match outer.network.map_err(|_| NoTunnel::NotIp)? {
        Network::V4 { .. } => {
            let [version_ihl, _, _, _, _, _, high, low, _, protocol] =
                field(packet, ip).ok_or(NoTunnel::Truncated)?;
            let header_len = usize::from(version_ihl & 0xf) * 4;
            let fragment = u16::from_be_bytes([high, low]) & IPV4_MORE_FRAGMENTS_OR_OFFSET;
            if fragment != 0 {
                return Err(NoTunnel::Fragment);
            }
            if header_len < 20 {
                return Err(NoTunnel::HeaderLength);
            }
            (Delivery::V4, protocol, ip + header_len)
        }
        Network::V6 { extensions: None, .. } => {
            let [next] = field(packet, ip + 6).ok_or(NoTunnel::Truncated)?;
            (Delivery::V6, next, ip + 40)
        }
        Network::V6 { extensions: Some(_), .. } => {
            let (next, at) = behind_encapsulation_limit(packet, ip)?;
            (Delivery::V6, next, at)
        }
    };
    let tunnel = match (protocol, delivery) {
        (PROTOCOL_IPV4, Delivery::V4) => {
            Tunnel { types: TunnelTypes::IPIP, inner: Inner::Ipv4, offset: at }
        }
        (PROTOCOL_GRE, _) => gre(packet, at, delivery)?,
        (PROTOCOL_UDP, _) => {
            let [_, _, high, low] = field(packet, at).ok_or(NoTunnel::Truncated)?;
            match u16::from_be_bytes([high, low]) {
                PORT_GRE => gre(packet, at + 8, Delivery::Udp)?,
                PORT_VXLAN => vxlan(packet, at + 8)?,
                PORT_VXLAN_GPE => vxlan_gpe(packet, at + 8)?,
                PORT_GENEVE => geneve(packet, at + 8)?,
                other => return Err(NoTunnel::Port(other)),
            }
        }
        (other, _) => return Err(NoTunnel::Protocol(other)),
    };
    if tunnel.offset > packet.len() {
        return Err(NoTunnel::Truncated);
    }
    Ok(tunnel)
}

/// What follows the extension header of the IPv6 packet at `ip`, and where, if that header is the one
/// that entry points of tunnels write: destination options with a tunnel encapsulation limit.
fn behind_encapsulation_limit(packet: &[u8], ip: usize) -> Result<(u8, usize), NoTunnel> {
    let [kind] = field(packet, ip + 6).ok_or(NoTunnel::Truncated)?;
    if kind != NEXT_DESTINATION {
        return Err(NoTunnel::ExtensionHeaders);
    }
    let start = ip + 40;
    let [next, len] = field(packet, start).ok_or(NoTunnel::Truncated)?;
    let end = start + (usize::from(len) + 1) * 8;
    if end > packet.len() {
        return Err(NoTunnel::Truncated);
    }
    let limit = dissect::find_option(packet, start + 2, end, OPTION_ENCAPSULATION_LIMIT, 1);
    if limit.is_none() || dissect::is_extension_header(next) {
        return Err(NoTunnel::ExtensionHeaders);
    }
    Ok((next, end))
}

/// What carries a GRE header.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Delivery {
    V4,
    V6,
    Udp,
}

fn gre(packet: &[u8], at: usize, delivery: Delivery) -> Result<Tunnel, NoTunnel> {
    let [high, low, p0, p1] = field(packet, at).ok_or(NoTunnel::Truncated)?;
    let flags = u16::from_be_bytes([high, low]);
    if flags & GRE_REFUSED != 0 {
        return Err(NoTunnel::Header);
    }
    let inner = Inner::from_protocol_type(u16::from_be_bytes([p0, p1]))?;
    let optional = (flags & (GRE_CHECKSUM | GRE_KEY | GRE_SEQUENCE)).count_ones() as usize;
    let types = match (delivery, inner) {
        (Delivery::Udp, _) => TunnelTypes::GRE_UDP,
        (Delivery::V6, _) | (Delivery::V4, Inner::Ipv6) => TunnelTypes::GRE_7676,
        (Delivery::V4, _) if flags & (GRE_KEY | GRE_SEQUENCE) == 0 => {
            TunnelTypes::GRE_2784 | TunnelTypes::GRE_2890
        }
        (Delivery::V4, _) => TunnelTypes::GRE_2890,
    };
    let is_nvgre = delivery != Delivery::Udp
        && inner == Inner::Ethernet
        && flags & (GRE_CHECKSUM | GRE_KEY | GRE_SEQUENCE) == GRE_KEY;
    let types = if is_nvgre { types | TunnelTypes::NVGRE } else { types };
    Ok(Tunnel { types, inner, offset: at + 4 + 4 * optional })
}

fn vxlan(packet: &[u8], at: usize) -> Result<Tunnel, NoTunnel> {
    let [flags, ..]: [u8; 8] = field(packet, at).ok_or(NoTunnel::Truncated)?;
    if flags & VXLAN_INSTANCE == 0 {
        return Err(NoTunnel::Header);
    }
    Ok(Tunnel { types: TunnelTypes::VXLAN, inner: Inner::Ethernet, offset: at + 8 })
}

fn vxlan_gpe(packet: &[u8], at: usize) -> Result<Tunnel, NoTunnel> {
    let [flags, _, _, next, ..]: [u8; 8] = field(packet, at).ok_or(NoTunnel::Truncated)?;
    if flags & (VXLAN_GPE_VERSION | VXLAN_INSTANCE) != VXLAN_INSTANCE {
        return Err(NoTunnel::Header);
    }
    let inner = match (flags & VXLAN_GPE_NEXT_PROTOCOL != 0, next) {
        (false, _) | (true, VXLAN_GPE_ETHERNET) => Inner::Ethernet,
        (true, VXLAN_GPE_IPV4) => Inner::Ipv4,
        (true, VXLAN_GPE_IPV6) => Inner::Ipv6,
        (true, other) => return Err(NoTunnel::Payload(other.into())),
    };
    Ok(Tunnel { types: TunnelTypes::VXLAN_GPE, inner, offset: at + 8 })
}

fn geneve(packet: &[u8], at: usize) -> Result<Tunnel, NoTunnel> {
    let [first, _, p0, p1, ..]: [u8; 8] = field(packet, at).ok_or(NoTunnel::Truncated)?;
    if first & GENEVE_VERSION != 0 {
        return Err(NoTunnel::Header);
    }
    let inner = Inner::from_protocol_type(u16::from_be_bytes([p0, p1]))?;
    let options = 4 * usize::from(first & GENEVE_OPTIONS_LEN);
    Ok(Tunnel { types: TunnelTypes::GENEVE, inner, offset: at + 8 + options })
}

/// IP protocol number of IPv4 in IP.
pub const PROTOCOL_IPV4: u8 = 4;
/// IP protocol number of UDP.
pub const PROTOCOL_UDP: u8 = 17;
/// IP protocol number of GRE.
pub const PROTOCOL_GRE: u8 = 47;
/// UDP port of GRE in UDP.
pub const PORT_GRE: u16 = 4754;
/// UDP port of VXLAN.
pub const PORT_VXLAN: u16 = 4789;
/// UDP port of VXLAN-GPE.
pub const PORT_VXLAN_GPE: u16 = 4790;
/// UDP port of Geneve.
pub const PORT_GENEVE: u16 = 6081;
/// Protocol type of an Ethernet frame, in GRE and Geneve ("Trans Ether Bridging").
pub const PROTOCOL_TYPE_ETHERNET: u16 = 0x6558;
/// GRE's flag C: a checksum and 2 bytes more are there.
pub const GRE_CHECKSUM: u16 = 0x8000;
/// GRE's flag K: a key is there.
pub const GRE_KEY: u16 = 0x2000;
/// GRE's flag S: a sequence number is there.
pub const GRE_SEQUENCE: u16 = 0x1000;
/// The bits of a GRE header's flags and version for which a receiver has to discard it: routing and
/// bits 4 and 5 (RFC 2784, section 2.3), and any version but 0.
pub const GRE_REFUSED: u16 = 0x4c07;
/// VXLAN's flag I: there is a network identifier.
pub const VXLAN_INSTANCE: u8 = 0x08;
/// VXLAN-GPE's version.
pub const VXLAN_GPE_VERSION: u8 = 0x30;
/// VXLAN-GPE's flag P: the next protocol is told.
pub const VXLAN_GPE_NEXT_PROTOCOL: u8 = 0x04;
/// VXLAN-GPE's next protocol IPv4.
pub const VXLAN_GPE_IPV4: u8 = 1;
/// VXLAN-GPE's next protocol IPv6.
pub const VXLAN_GPE_IPV6: u8 = 2;
/// VXLAN-GPE's next protocol Ethernet.
pub const VXLAN_GPE_ETHERNET: u8 = 3;
/// Geneve's version, in the first byte.
pub const GENEVE_VERSION: u8 = 0xc0;
/// Geneve's length of the options, in the first byte, in words of 4 bytes.
pub const GENEVE_OPTIONS_LEN: u8 = 0x3f;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_the_order_of_the_bits() {
        for (bit, (name, one)) in TunnelTypes::NAMES.into_iter().enumerate() {
            assert_eq!(one.bits(), 1 << bit, "{name}");
            assert_eq!(name.parse(), Ok(one));
        }
        assert_eq!("all".parse(), Ok(TunnelTypes::ALL));
    }

    #[test]
    fn unknown_bits_and_names_are_refused() {
        assert_eq!(TunnelTypes::from_bits(0x200), None);
        assert_eq!("vxlan,stt".parse::<TunnelTypes>(), Err(UnknownTunnelType { index: 1 }));
        assert_eq!("".parse::<TunnelTypes>(), Err(UnknownTunnelType { index: 0 }));
    }
}
