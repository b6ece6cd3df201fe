//! From configuration and packet to hash, report and queue: the oracle for every executor.

use crate::dissect::{Dissection, Network, Protocol};
use crate::toeplitz::HashInput;
use crate::tunnel::dissect_through;
use crate::{HashReport, HashTypes, Link, SteeringConfig};

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
    match select(config.types(), &dissect_through(config.tunnels(), link, packet)) {
        Some((report, input)) => {
            let hash = config.toeplitz().hash(&config.transform().apply(&input));
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
    let network = dissection.network.ok()?;
    let transport = network.transport();
    let report = order(&network).iter().copied().find(|&report| {
        types.contains(report.hash_type())
            && protocol(report)
                .is_none_or(|protocol| transport.is_ok_and(|found| found.protocol == protocol))
    })?;
    let ports = protocol(report).and(transport.ok()).map(|transport| transport.ports);
    let input = match network {
        Network::V4 { source, destination, .. } => HashInput::of(source, destination, ports),
        Network::V6 { source, destination, extensions, .. } => {
            let substitutes = extensions.filter(|_| is_ex(report)).unwrap_or_default();
            let source = substitutes.home_address.unwrap_or(source);
            let destination = substitutes.routing_address.unwrap_or(destination);
            HashInput::of(source, destination, ports)
        }
    };
    Some((report, input))
}

/// The types that a packet can be hashed by, the first one first (virtio 1.4, "Hash calculation for
/// incoming packets"): TCP or UDP where that header is there, then the addresses alone. With
/// extension headers the three `_EX` types come before the others, so [`HashTypes::IPV6_EX`] goes
/// before [`HashTypes::TCPV6`].
pub fn order(network: &Network) -> &'static [HashReport] {
    match network {
        Network::V4 { .. } => &[HashReport::TcpV4, HashReport::UdpV4, HashReport::Ipv4],
        Network::V6 { extensions: None, .. } => {
            &[HashReport::TcpV6, HashReport::UdpV6, HashReport::Ipv6]
        }
        Network::V6 { extensions: Some(_), .. } => &[
            HashReport::TcpV6Ex,
            HashReport::UdpV6Ex,
            HashReport::Ipv6Ex,
            HashReport::TcpV6,
            HashReport::UdpV6,
            HashReport::Ipv6,
        ],
    }
}

/// The protocol whose ports a type hashes, or `None` if it hashes addresses alone.
pub fn protocol(report: HashReport) -> Option<Protocol> {
    match report {
        HashReport::TcpV4 | HashReport::TcpV6 | HashReport::TcpV6Ex => Some(Protocol::Tcp),
        HashReport::UdpV4 | HashReport::UdpV6 | HashReport::UdpV6Ex => Some(Protocol::Udp),
        HashReport::None | HashReport::Ipv4 | HashReport::Ipv6 | HashReport::Ipv6Ex => None,
    }
}

/// Whether a type takes the addresses in extension headers for those of the IPv6 header.
fn is_ex(report: HashReport) -> bool {
    matches!(report, HashReport::Ipv6Ex | HashReport::TcpV6Ex | HashReport::UdpV6Ex)
}
