//! What is said of tunnels: whether a packet is one, why not, and what is discarded.

use serde::Serialize;
use tunrss::hash::dissect::{Dissection, NotHashable};
use tunrss::hash::tunnel::{Inner, NoTunnel, Tunnel, TunnelTypes, dissect_inner, recognise};
use tunrss::hash::{Link, tunnel};

use super::{Ip, Layer4, count, ether_type_name, ip_protocol_name};

/// Whether a packet is a tunnel, and whether it is looked into.
#[derive(Debug, Serialize)]
pub(super) struct TunnelDecision {
    /// The types it is of, enabled or not; `None` if it is no tunnel.
    types: Option<String>,
    /// Whether one of them is enabled, so that only the inner packet counts.
    looked_into: bool,
    /// Why it is no tunnel.
    no_tunnel: Option<String>,
    /// What the inner packet starts with.
    inner: Option<&'static str>,
    /// Where the inner packet starts, in bytes from the start of the packet.
    offset: Option<usize>,
    /// What is discarded.
    outer: Option<Outer>,
}

/// The outer headers of a tunnel that is looked into.
#[derive(Debug, Serialize)]
struct Outer {
    vlan_tags: u8,
    network: Option<Ip>,
    transport: Option<Layer4>,
}

/// The part of a packet that decides its hash.
pub(super) struct Decisive<'p> {
    /// The bytes, and what they start with.
    pub(super) packet: &'p [u8],
    pub(super) link: Link,
    /// Said by the tunnel header, where there is no link header.
    pub(super) ip_version: Option<u8>,
    pub(super) dissection: Dissection,
}

impl TunnelDecision {
    /// What is decided of `packet`, whose dissection is `outer`, and what is left to hash.
    pub(super) fn new(
        enabled: TunnelTypes,
        link: Link,
        packet: &[u8],
        outer: Dissection,
    ) -> (Self, Decisive<'_>) {
        let whole = Decisive { packet, link, ip_version: None, dissection: outer };
        let found = match recognise(link, packet, &outer) {
            Ok(found) => found,
            Err(reason) => return (Self::none(reason), whole),
        };
        let inner = match found.inner {
            Inner::Ethernet => "ethernet",
            Inner::Ipv4 => "ipv4",
            Inner::Ipv6 => "ipv6",
        };
        let mut decision = Self {
            types: Some(found.types.to_string()),
            looked_into: found.types.intersects(enabled),
            no_tunnel: None,
            inner: Some(inner),
            offset: Some(found.offset),
            outer: None,
        };
        if !decision.looked_into {
            return (decision, whole);
        }
        let network = outer.network.ok();
        decision.outer = Some(Outer {
            vlan_tags: outer.vlan_tags,
            transport: network.and_then(|network| network.transport().ok()).map(super::layer4),
            network: network.map(|network| {
                super::ip(network, super::header_length(link, outer.vlan_tags, packet))
            }),
        });
        (decision, decisive(packet, &found))
    }

    fn none(reason: NoTunnel) -> Self {
        Self {
            types: None,
            looked_into: false,
            no_tunnel: Some(no_tunnel(reason)),
            inner: None,
            offset: None,
            outer: None,
        }
    }

    /// The lines on it. Of a packet that is no tunnel there are none unless any type is enabled.
    pub(super) fn lines(&self, enabled: TunnelTypes, line: &mut impl FnMut(&str, String)) {
        if let Some(Outer { vlan_tags, network, transport }) = &self.outer {
            let tags = match vlan_tags {
                0 => String::new(),
                tags => format!("{}, ", count((*tags).into(), "VLAN tag")),
            };
            let network = network.as_ref().map_or_else(String::new, |ip| {
                format!("IPv{}, {} to {}", ip.version, ip.source, ip.destination)
            });
            let transport = transport.as_ref().map_or_else(String::new, |ports| {
                let Layer4 { protocol, source_port, destination_port } = ports;
                format!(", {protocol} port {source_port} to {destination_port}")
            });
            line("outer", format!("{tags}{network}{transport}"));
        }
        match (&self.types, self.offset, &self.no_tunnel) {
            (Some(types), Some(offset), _) if self.looked_into => {
                let inner = match self.inner {
                    Some("ethernet") => "an Ethernet frame",
                    Some("ipv6") => "an IPv6 packet",
                    _ => "an IPv4 packet",
                };
                line("tunnel", format!("{types}, with {inner} inside, from byte {offset} on"));
                let before = count(offset, "byte");
                line(
                    "",
                    format!("the {before} before it are discarded: only what follows is hashed"),
                );
            }
            (Some(types), ..) => {
                line("tunnel", format!("{types}, which is not enabled (--tunnels {enabled})"));
            }
            (None, _, Some(reason)) if !enabled.is_empty() => {
                line("tunnel", format!("none: {reason}"));
            }
            _ => {}
        }
    }
}

/// The packet inside a tunnel.
fn decisive<'p>(packet: &'p [u8], found: &Tunnel) -> Decisive<'p> {
    let (link, ip_version) = match found.inner {
        Inner::Ethernet => (Link::Ethernet, None),
        Inner::Ipv4 => (Link::Ip, Some(4)),
        Inner::Ipv6 => (Link::Ip, Some(6)),
    };
    Decisive {
        packet: packet.get(found.offset..).unwrap_or_default(),
        link,
        ip_version,
        dissection: dissect_inner(packet, found),
    }
}

/// What an inner IP packet that is not of the version said is refused for.
pub(super) fn other_version(said: u8, reason: NotHashable) -> Option<String> {
    match reason {
        NotHashable::IpVersion(found) => {
            Some(format!("the header says version {found}, the tunnel says {said}"))
        }
        _ => None,
    }
}

fn no_tunnel(reason: NoTunnel) -> String {
    match reason {
        NoTunnel::NotIp => "there is no IP header".into(),
        NoTunnel::Fragment => "a fragment".into(),
        NoTunnel::HeaderLength => "the IPv4 header says that it is shorter than 20 bytes".into(),
        NoTunnel::ExtensionHeaders => {
            "none is looked for behind IPv6 extension headers other than a tunnel encapsulation limit"
                .into()
        }
        NoTunnel::Protocol(number) => {
            format!(
                "protocol {number}{} is no tunnel's over this IP version",
                ip_protocol_name(number)
            )
        }
        NoTunnel::Port(port) => format!(
            "UDP to port {port}, where {} (GRE), {} (VXLAN), {} (VXLAN-GPE) and {} (Geneve) are tunnels",
            tunnel::PORT_GRE,
            tunnel::PORT_VXLAN,
            tunnel::PORT_VXLAN_GPE,
            tunnel::PORT_GENEVE
        ),
        NoTunnel::Truncated => "the headers are cut off".into(),
        NoTunnel::Header => {
            "the version or the flags of the tunnel header are none that a receiver takes".into()
        }
        NoTunnel::Payload(number) => {
            // VXLAN-GPE's numbers are no EtherTypes, and below them all.
            let name = if number < 0x100 { "" } else { ether_type_name(number) };
            format!("0x{number:04x}{name} is inside, which is none of IPv4, IPv6 and Ethernet")
        }
    }
}
