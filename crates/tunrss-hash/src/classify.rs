//! From configuration and packet to hash, report and queue: the oracle for every executor.

use crate::dissect::{Dissection, Network, Protocol, Transport, dissect};
use crate::toeplitz::HashInput;
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
    match select(config.types(), &dissect(link, packet)) {
        Some((report, input)) => {
            let hash = config.toeplitz().hash(&input);
            Verdict { hash, report, queue: config.queue_for(hash) }
        }
        None => Verdict { hash: 0, report: HashReport::None, queue: config.unclassified() },
    }
}

/// Which of the enabled `types` a packet is hashed by, and over which bytes. `None`: by none.
///
/// The first match wins (virtio 1.4, "Hash calculation for incoming packets"): TCP or UDP where
/// that header is there and its type enabled, then the addresses alone. With extension headers
/// the three `_EX` types come first, so [`HashTypes::IPV6_EX`] goes before
/// [`HashTypes::TCPV6`].
pub fn select(types: HashTypes, dissection: &Dissection) -> Option<(HashReport, HashInput)> {
    match dissection.network.ok()? {
        Network::V4 { source, destination, transport } => {
            let [tcp, udp, ip] = [HashReport::TcpV4, HashReport::UdpV4, HashReport::Ipv4];
            first_enabled(types, transport.ok(), [tcp, udp, ip])
                .map(|(report, ports)| (report, HashInput::of(source, destination, ports)))
        }
        Network::V6 { source, destination, extensions, transport } => {
            let transport = transport.ok();
            if let Some(extensions) = extensions {
                let [tcp, udp, ip] = [HashReport::TcpV6Ex, HashReport::UdpV6Ex, HashReport::Ipv6Ex];
                if let Some((report, ports)) = first_enabled(types, transport, [tcp, udp, ip]) {
                    let source = extensions.home_address.unwrap_or(source);
                    let destination = extensions.routing_address.unwrap_or(destination);
                    return Some((report, HashInput::of(source, destination, ports)));
                }
            }
            let [tcp, udp, ip] = [HashReport::TcpV6, HashReport::UdpV6, HashReport::Ipv6];
            first_enabled(types, transport, [tcp, udp, ip])
                .map(|(report, ports)| (report, HashInput::of(source, destination, ports)))
        }
    }
}

/// The first of the three reports whose type is enabled and whose header is there, with the ports
/// if it takes them.
fn first_enabled(
    types: HashTypes,
    transport: Option<Transport>,
    [tcp, udp, ip]: [HashReport; 3],
) -> Option<(HashReport, Option<[u8; 4]>)> {
    let with_ports = transport.and_then(|Transport { protocol, ports }| {
        let report = match protocol {
            Protocol::Tcp => tcp,
            Protocol::Udp => udp,
        };
        types.contains(report.hash_type()).then_some((report, Some(ports)))
    });
    with_ports.or_else(|| types.contains(ip.hash_type()).then_some((ip, None)))
}
