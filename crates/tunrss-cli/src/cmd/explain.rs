//! `tunrss explain`: every decision about a packet.

mod tunnel;

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde::Serialize;
use tunrss::hash::classify::{order, protocol, select};
use tunrss::hash::dissect::{
    Dissection, MAX_EXTENSION_HEADERS, MAX_VLAN_TAGS, Network, NoPorts, NotHashable, Protocol,
    Transport, dissect,
};
use tunrss::hash::{HashReport, HashTypes, InputTransform, Link, classify};

use self::tunnel::{Decisive, TunnelDecision, other_version};
use super::hash::table_index;
use crate::error::CliError;
use crate::exit::Exit;
use crate::hex;
use crate::output::{Output, Paint, hash_text};
use crate::plan::ExplainPlan;
use tunrss::Config;

pub(crate) fn run(plan: ExplainPlan, output: &mut Output) -> Result<Exit, CliError> {
    let ExplainPlan { packet, link, config } = plan;
    let explanation = Explanation::new(&config, link, &packet)?;
    if output.is_json() {
        output.object(&explanation)?;
    } else {
        let text = explanation.text(&config, output.paint());
        output.painted(text)?;
    }
    Ok(Exit::Done)
}

/// Every decision about a packet. What does not apply is `None`.
#[derive(Debug, Serialize)]
struct Explanation {
    link: &'static str,
    /// Whether what is hashed starts with an Ethernet header.
    #[serde(skip)]
    has_link_header: bool,
    /// Bytes of the packet.
    length: usize,
    tunnel: TunnelDecision,
    /// From here on it is about the inner packet, if a tunnel is looked into.
    vlan_tags: u8,
    /// Why there is no IP header to hash.
    not_hashable: Option<String>,
    network: Option<Ip>,
    transport: Option<Layer4>,
    /// Why there are no ports to hash.
    no_ports: Option<String>,
    tried: Vec<Tried>,
    /// The hash input in hexadecimal.
    input: Option<String>,
    xfrm: &'static str,
    /// What is hashed in place of the input, if it is transformed.
    transformed: Option<String>,
    hash: Option<String>,
    report: &'static str,
    index: Option<usize>,
    queue: u16,
}

#[derive(Debug, Serialize)]
struct Ip {
    version: u8,
    source: String,
    destination: String,
    /// Bytes of the IPv4 header as it says itself; above 20 it has options.
    header_length: Option<usize>,
    extension_headers: Option<u8>,
    home_address: Option<String>,
    routing_address: Option<String>,
}

#[derive(Debug, Serialize)]
struct Layer4 {
    protocol: &'static str,
    source_port: u16,
    destination_port: u16,
}

/// A hash type, and whether it was the one. Types are tried until one is chosen.
#[derive(Debug, Serialize)]
struct Tried {
    r#type: String,
    chosen: bool,
    reason: String,
}

impl Explanation {
    /// # Errors
    /// [`CliError::Internal`] if this module and the verdict disagree.
    fn new(config: &Config, link: Link, packet: &[u8]) -> Result<Self, CliError> {
        let verdict = classify(config, link, packet);
        let outer = dissect(link, packet);
        let (tunnel, decisive) = TunnelDecision::new(config.tunnels(), link, packet, outer);
        let Decisive { packet: inner, link: inner_link, ip_version, dissection } = decisive;
        let selected = select(config.types(), &dissection);
        let tried = tried(config.types(), &dissection);
        let chosen = tried.last().filter(|tried| tried.chosen).map(|tried| tried.r#type.as_str());
        let report = selected.map_or(HashReport::None, |(report, _)| report);
        if report != verdict.report || chosen != selected.map(|(report, _)| type_name(report)) {
            let what = format!("{} is chosen, but {chosen:?} explained", verdict.report);
            return Err(CliError::Internal { what });
        }
        let (transport, no_ports) = match dissection.network.map(|network| network.transport()) {
            Ok(Ok(transport)) => (Some(layer4(transport)), None),
            Ok(Err(reason)) => (None, Some(no_ports(reason))),
            Err(_) => (None, None),
        };
        Ok(Self {
            link: match link {
                Link::Ethernet => "ethernet",
                Link::Ip => "ip",
            },
            has_link_header: inner_link == Link::Ethernet,
            length: packet.len(),
            tunnel,
            vlan_tags: dissection.vlan_tags,
            not_hashable: dissection.network.err().map(|reason| {
                let of_tunnel = ip_version.and_then(|said| other_version(said, reason));
                of_tunnel.unwrap_or_else(|| not_hashable(inner_link, reason))
            }),
            network: dissection
                .network
                .ok()
                .map(|network| ip(network, header_length(inner_link, dissection.vlan_tags, inner))),
            transport,
            no_ports,
            tried,
            input: selected.map(|(_, input)| hex::spaced(input.as_bytes())),
            xfrm: config.transform().name(),
            transformed: selected
                .filter(|_| config.transform() != InputTransform::None)
                .map(|(_, input)| hex::spaced(config.transform().apply(&input).as_bytes())),
            hash: hash_text(verdict),
            report: verdict.report.name(),
            index: table_index(config, verdict),
            queue: verdict.queue,
        })
    }

    fn text(&self, config: &Config, paint: Paint) -> String {
        let mut text = String::new();
        let mut line = |label: &str, what: String| {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{}  {what}", paint.bold(&format!("{label:<12}")));
        };
        let start = if self.link == "ethernet" { "an Ethernet header" } else { "an IP header" };
        line("packet", format!("{}, starting with {start}", count(self.length, "byte")));
        self.tunnel.lines(config.tunnels(), &mut line);
        if self.has_link_header {
            line(
                "VLAN tags",
                match self.vlan_tags {
                    0 => "none".into(),
                    tags => format!("{tags} skipped"),
                },
            );
        }
        if let Some(reason) = &self.not_hashable {
            line("network", reason.clone());
        }
        if let Some(ip) = &self.network {
            ip.lines(&mut line);
        }
        match (&self.transport, &self.no_ports) {
            (Some(Layer4 { protocol, source_port, destination_port }), _) => {
                line("transport", format!("{protocol}, port {source_port} to {destination_port}"));
            }
            (None, Some(reason)) => line("ports", format!("none: {reason}")),
            (None, None) => {}
        }
        line("enabled", config.types().to_string());
        for Tried { r#type, chosen, reason } in &self.tried {
            let verdict = if *chosen { "yes" } else { "no " };
            line("", format!("{:<9} {verdict}  {reason}", r#type));
        }
        self.lines_of_verdict(config, &mut line);
        text
    }

    fn lines_of_verdict(&self, config: &Config, line: &mut impl FnMut(&str, String)) {
        let (Some(input), Some(hash), Some(index)) = (&self.input, &self.hash, self.index) else {
            line("hash", "none: no enabled type fits".into());
            line(
                "queue",
                format!("{}, where packets without hash go (--unclassified)", self.queue),
            );
            return;
        };
        let ports = if self.has_ports() { ", both ports" } else { "" };
        line("hash input", input.clone());
        line("", format!("{}: both addresses{ports}", count(input.len().div_ceil(3), "byte")));
        if let Some(transformed) = &self.transformed {
            line("transformed", transformed.clone());
            let what = match config.transform() {
                InputTransform::SymmetricOrXor => "the OR of each pair, then its XOR",
                _ => "the XOR of each pair, twice",
            };
            line("", format!("{}: {what}", self.xfrm));
        }
        line("hash", format!("{hash}, reported as {}", self.report));
        let entries = config.table().len();
        line("index", format!("{index}: {hash} & {}, in a table of {entries}", entries - 1));
        line("queue", format!("{}, which is entry {index} of the table", self.queue));
    }

    /// Whether the chosen type hashes ports.
    fn has_ports(&self) -> bool {
        self.report.starts_with("TCP") || self.report.starts_with("UDP")
    }
}

impl Ip {
    fn lines(&self, line: &mut impl FnMut(&str, String)) {
        let version = format!("IPv{}", self.version);
        line(
            "network",
            match self.header_length {
                None => version,
                Some(20) => format!("{version}, no options"),
                Some(length) if length > 20 => {
                    format!("{version}, options skipped: {}", count(length - 20, "byte"))
                }
                Some(length) => {
                    format!("{version}, with an impossible header length of {length} bytes")
                }
            },
        );
        line("addresses", format!("{} to {}", self.source, self.destination));
        let Some(headers) = self.extension_headers else { return };
        line("extensions", count(headers.into(), "extension header"));
        if headers == 0 {
            return;
        }
        let stands_for = |address: &Option<String>, field: &str| match address {
            Some(address) => format!("{address}, in place of the {field} for -ex types"),
            None => "none".into(),
        };
        line("", format!("home address: {}", stands_for(&self.home_address, "source")));
        let routing = stands_for(&self.routing_address, "destination");
        line("", format!("type 2 routing address: {routing}"));
    }
}

/// The types that are tried for a packet, in order, up to the one that is chosen.
fn tried(types: HashTypes, dissection: &Dissection) -> Vec<Tried> {
    let Ok(network) = dissection.network else { return Vec::new() };
    let mut all = Vec::new();
    for &report in order(&network) {
        let fits = fits(report, network.transport());
        let is_enabled = types.contains(report.hash_type());
        let chosen = is_enabled && fits.is_ok();
        let reason = match fits {
            _ if !is_enabled => "not enabled".into(),
            Ok(reason) | Err(reason) => reason,
        };
        all.push(Tried { r#type: type_name(report).to_owned(), chosen, reason });
        if chosen {
            break;
        }
    }
    all
}

/// Whether a packet with this transport layer has what the type hashes, and what decides it.
fn fits(report: HashReport, transport: Result<Transport, NoPorts>) -> Result<String, String> {
    let Some(wanted) = protocol(report) else {
        return Ok("enabled, and needs addresses only".into());
    };
    let name = protocol_name(wanted);
    match transport {
        Ok(Transport { protocol, .. }) if protocol == wanted => {
            Ok(format!("enabled, and the packet is {name}"))
        }
        Ok(Transport { protocol, .. }) => {
            Err(format!("the packet is {}, not {name}", protocol_name(protocol)))
        }
        Err(_) => Err(format!("the packet has no {name} ports")),
    }
}

fn type_name(report: HashReport) -> &'static str {
    let found = HashTypes::NAMES.into_iter().find(|(_, one)| *one == report.hash_type());
    found.map_or("none", |(name, _)| name)
}

fn layer4(Transport { protocol, ports: [s0, s1, d0, d1] }: Transport) -> Layer4 {
    Layer4 {
        protocol: protocol_name(protocol),
        source_port: u16::from_be_bytes([s0, s1]),
        destination_port: u16::from_be_bytes([d0, d1]),
    }
}

fn ip(network: Network, header_length: Option<usize>) -> Ip {
    match network {
        Network::V4 { source, destination, .. } => Ip {
            version: 4,
            source: Ipv4Addr::from(source).to_string(),
            destination: Ipv4Addr::from(destination).to_string(),
            header_length,
            extension_headers: None,
            home_address: None,
            routing_address: None,
        },
        Network::V6 { source, destination, extensions, .. } => {
            let text = |address: [u8; 16]| Ipv6Addr::from(address).to_string();
            let extensions = extensions.unwrap_or_default();
            Ip {
                version: 6,
                source: text(source),
                destination: text(destination),
                header_length: None,
                extension_headers: Some(extensions.count),
                home_address: extensions.home_address.map(text),
                routing_address: extensions.routing_address.map(text),
            }
        }
    }
}

/// The length that the IPv4 header behind `vlan_tags` gives itself.
fn header_length(link: Link, vlan_tags: u8, packet: &[u8]) -> Option<usize> {
    let at = match link {
        Link::Ethernet => 14 + 4 * usize::from(vlan_tags),
        Link::Ip => 0,
    };
    packet.get(at).map(|byte| usize::from(byte & 0xf) * 4)
}

fn not_hashable(link: Link, reason: NotHashable) -> String {
    match reason {
        NotHashable::FrameTruncated => "the Ethernet header is cut off".into(),
        NotHashable::EtherType(number) => {
            format!("not IP: EtherType 0x{number:04x}{}", ether_type_name(number))
        }
        NotHashable::TooManyVlanTags => format!("more than {MAX_VLAN_TAGS} VLAN tags"),
        NotHashable::IpVersion(version) => match link {
            Link::Ethernet => {
                format!("the IP header says version {version}, the EtherType another")
            }
            Link::Ip => format!("the IP header says version {version}: neither 4 nor 6"),
        },
        NotHashable::IpTruncated => "the IP header is cut off".into(),
    }
}

fn no_ports(reason: NoPorts) -> String {
    match reason {
        NoPorts::Protocol(number) => format!("protocol {number}{}", ip_protocol_name(number)),
        NoPorts::Fragment => {
            "a fragment, and all fragments of a packet are hashed alike, without ports".into()
        }
        NoPorts::HeaderLength => "the IPv4 header says that it is shorter than 20 bytes".into(),
        NoPorts::Truncated => "the packet is cut off before them".into(),
        NoPorts::TooManyExtensionHeaders => {
            format!("more than {MAX_EXTENSION_HEADERS} extension headers")
        }
    }
}

fn protocol_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
    }
}

/// Names of the kinds of frames that are seen most (IANA, "IEEE 802 Numbers").
fn ether_type_name(number: u16) -> &'static str {
    match number {
        0..0x0600 => " (a length: an 802.3 frame)",
        0x0806 => " (ARP)",
        0x8847 | 0x8848 => " (MPLS)",
        0x8863 | 0x8864 => " (PPPoE)",
        0x88cc => " (LLDP)",
        0x88e5 => " (MACsec)",
        _ => "",
    }
}

/// Names of the protocols that are seen most (IANA, "Assigned Internet Protocol Numbers").
fn ip_protocol_name(number: u8) -> &'static str {
    match number {
        1 => " (ICMP)",
        2 => " (IGMP)",
        4 => " (IPv4 in IP)",
        6 => " (TCP)",
        41 => " (IPv6 in IP)",
        47 => " (GRE)",
        50 => " (ESP)",
        58 => " (ICMPv6)",
        59 => " (no next header)",
        89 => " (OSPF)",
        112 => " (VRRP)",
        132 => " (SCTP)",
        _ => "",
    }
}

fn count(number: usize, what: &str) -> String {
    match number {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        number => format!("{number} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use tunrss::hash::{HashKey, SteeringConfig, TunnelTypes, Verdict};

    use super::*;

    /// Packets of every kind with bytes changed at every place, under every set of types: what is
    /// explained is what is done.
    #[test]
    fn explanation_agrees_with_the_verdict() {
        let tcp: Vec<u8> =
            [&[0; 12][..], &[8, 0, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6], &[7; 30]].concat();
        let chain = [&[0; 12][..], &[0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, 60, 64], &[9; 32]].concat();
        let home = [&[43, 2, 201, 16][..], &[1; 16], &[1, 2, 0, 0]].concat();
        let routing = [&[17, 2, 2, 1, 0, 0, 0, 0][..], &[2; 16], &[0, 80, 0, 53, 0, 0]].concat();
        let udp = [chain, home, routing].concat();
        let ipv4 = [8, 0, 0x45, 0, 0, 0, 0, 0, 0, 0, 64];
        let header = [&[17, 0, 0][..], &[5; 10], &[0x12, 0xb5, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 7, 0]];
        let vxlan = [&[0; 12], &ipv4[..], &header.concat(), &tcp].concat();
        let header = [&[47, 0, 0][..], &[5; 8], &[0, 0, 0x86, 0xdd]];
        let gre = [&[0; 12], &ipv4[..], &header.concat(), &udp[14..]].concat();
        for packet in [tcp, udp, vxlan, gre] {
            for at in 0..packet.len() {
                for value in [0, 6, 17, 44, 0x60, 255] {
                    let mut packet = packet.clone();
                    packet[at] = value;
                    for (turn, bits) in [0x3f, 0x1ff, 0x150, 1 << (at % 9)].into_iter().enumerate()
                    {
                        let types = HashTypes::from_bits(bits).unwrap();
                        let table = vec![0, 1, 2, 3];
                        let config =
                            SteeringConfig::new(types, HashKey::MICROSOFT, table, 2).unwrap();
                        let tunnels = [TunnelTypes::NONE, TunnelTypes::ALL, TunnelTypes::VXLAN];
                        let config = config
                            .with_tunnels(tunnels[turn % 3])
                            .with_transform(InputTransform::ALL[at % 3]);
                        for link in [Link::Ethernet, Link::Ip] {
                            let packet = if link == Link::Ip { &packet[14..] } else { &packet };
                            let explanation = Explanation::new(&config, link, packet).unwrap();
                            let paint = Paint::new(crate::args::Color::Never, false);
                            assert!(explanation.text(&config, paint).contains("queue"));
                            let Verdict { queue, .. } = classify(&config, link, packet);
                            assert_eq!(explanation.queue, queue);
                        }
                    }
                }
            }
        }
    }
}
