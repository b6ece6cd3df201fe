//! From configuration and packet to hash, report and queue: the oracle for every executor.

use crate::dissect::{
    Dissection, Ip, Ipv4, Ipv6, Network, Protocol, Transport, ipv4, ipv6_header, locate,
};
use crate::toeplitz::HashInput;
use crate::tunnel::dissect_through;
use crate::{HashReport, HashTypes, InputTransform, Link, SteeringConfig};

/// What a configuration says of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// The hash, all 32 bits; 0 if `report` is [`HashReport::None`].
    pub hash: u32,
    /// The type of the hash.
    pub report: HashReport,
    /// The receive queue, counting from 0. A device with fewer queues takes it modulo their number.
    pub queue: u16,
}

/// Hash, report and queue of `packet`, which starts with the header `link`.
///
/// Bytes behind the headers that are read change nothing; any bytes at all have a verdict.
pub fn classify<T>(config: &SteeringConfig<T>, link: Link, packet: &[u8]) -> Verdict
where
    T: AsRef<[u16]>,
{
    if !config.tunnels().is_empty() || config.transform() != InputTransform::None {
        return classify_rare(config, link, packet);
    }
    let types = config.types();
    match locate(link, packet).1 {
        Ok(Ip::V4(packet)) => {
            verdict(config, ipv4(packet).ok().and_then(|ip| select_v4(types, ip)))
        }
        Ok(Ip::V6(ip)) => match ipv6_header(ip) {
            Ok(header) if header.is_extended() => classify_rare(config, link, packet),
            Ok(header) => verdict(config, select_v6(types, header.plain(ip))),
            Err(_) => verdict(config, None),
        },
        Err(_) => verdict(config, None),
    }
}

/// The same for packets and configurations of any kind: `classify` leaves to it what would be in the
/// way of nearly all others.
#[cold]
#[inline(never)]
fn classify_rare<T>(config: &SteeringConfig<T>, link: Link, packet: &[u8]) -> Verdict
where
    T: AsRef<[u16]>,
{
    let selected = select(config.types(), &dissect_through(config.tunnels(), link, packet));
    verdict(config, selected.map(|(report, input)| (report, config.transform().apply(&input))))
}

/// The verdict for a packet of which this is hashed.
#[inline(always)]
fn verdict<T>(config: &SteeringConfig<T>, selected: Option<(HashReport, HashInput)>) -> Verdict
where
    T: AsRef<[u16]>,
{
    match selected {
        Some((report, input)) => {
            let hash = config.toeplitz().hash(&input);
            Verdict { hash, report, queue: config.queue_for(hash) }
        }
        None => Verdict { hash: 0, report: HashReport::None, queue: config.unclassified() },
    }
}

/// Which of the enabled `types` a packet is hashed by, and over which bytes, before any
/// [transformation](crate::InputTransform). `None`: by none.
///
/// It is the first in the [`order`] for the packet that is enabled and whose fields are there.
pub fn select(types: HashTypes, dissection: &Dissection) -> Option<(HashReport, HashInput)> {
    match &dissection.network {
        &Ok(Network::V4 { ref source, ref destination, transport }) => {
            select_v4(types, Ipv4 { source, destination, transport })
        }
        &Ok(Network::V6 { ref source, ref destination, extensions, transport }) => {
            select_v6(types, Ipv6 { source, destination, extensions, transport })
        }
        Err(_) => None,
    }
}

#[inline(always)]
fn select_v4(types: HashTypes, ip: Ipv4<'_>) -> Option<(HashReport, HashInput)> {
    let report = first(types, &ORDER_V4, ip.transport.ok())?;
    Some((report, HashInput::of(ip.source, ip.destination, ports(report, ip.transport.ok()))))
}

#[inline(always)]
fn select_v6(types: HashTypes, ip: Ipv6<'_>) -> Option<(HashReport, HashInput)> {
    let order: &[HashReport] = if ip.extensions.is_some() { &ORDER_V6_EX } else { &ORDER_V6 };
    let report = first(types, order, ip.transport.ok())?;
    let substitutes = ip.extensions.filter(|_| is_ex(report)).unwrap_or_default();
    let source = substitutes.home_address.as_ref().unwrap_or(ip.source);
    let destination = substitutes.routing_address.as_ref().unwrap_or(ip.destination);
    Some((report, HashInput::of(source, destination, ports(report, ip.transport.ok()))))
}

/// The first type in `order` that is enabled and whose fields are there.
#[inline(always)]
fn first(
    types: HashTypes,
    order: &[HashReport],
    transport: Option<Transport>,
) -> Option<HashReport> {
    let found = transport.map(|transport| transport.protocol);
    order.iter().copied().find(|&report| {
        types.contains(report.hash_type())
            && (protocol(report).is_none() || protocol(report) == found)
    })
}

/// The ports, if `report` is of a type that hashes them.
#[inline(always)]
fn ports(report: HashReport, transport: Option<Transport>) -> Option<[u8; 4]> {
    protocol(report).and(transport).map(|transport| transport.ports)
}

/// The types that a packet can be hashed by, the first one first (virtio 1.4, "Hash calculation for
/// incoming packets"): TCP or UDP where that header is there, then the addresses alone. With
/// extension headers the three `_EX` types come before the others, so [`HashTypes::IPV6_EX`] goes
/// before [`HashTypes::TCPV6`].
#[inline]
pub fn order(network: &Network) -> &'static [HashReport] {
    match network {
        Network::V4 { .. } => &ORDER_V4,
        Network::V6 { extensions: None, .. } => &ORDER_V6,
        Network::V6 { extensions: Some(_), .. } => &ORDER_V6_EX,
    }
}

const ORDER_V4: [HashReport; 3] = [HashReport::TcpV4, HashReport::UdpV4, HashReport::Ipv4];
const ORDER_V6: [HashReport; 3] = [HashReport::TcpV6, HashReport::UdpV6, HashReport::Ipv6];
const ORDER_V6_EX: [HashReport; 6] = [
    HashReport::TcpV6Ex,
    HashReport::UdpV6Ex,
    HashReport::Ipv6Ex,
    HashReport::TcpV6,
    HashReport::UdpV6,
    HashReport::Ipv6,
];

/// The protocol whose ports a type hashes, or `None` if it hashes addresses alone.
#[inline]
pub fn protocol(report: HashReport) -> Option<Protocol> {
    match report {
        HashReport::TcpV4 | HashReport::TcpV6 | HashReport::TcpV6Ex => Some(Protocol::Tcp),
        HashReport::UdpV4 | HashReport::UdpV6 | HashReport::UdpV6Ex => Some(Protocol::Udp),
        HashReport::None | HashReport::Ipv4 | HashReport::Ipv6 | HashReport::Ipv6Ex => None,
    }
}

/// Whether a type takes the addresses in extension headers for those of the IPv6 header.
#[inline]
fn is_ex(report: HashReport) -> bool {
    matches!(report, HashReport::Ipv6Ex | HashReport::TcpV6Ex | HashReport::UdpV6Ex)
}
