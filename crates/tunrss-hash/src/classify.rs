//! From configuration and packet to hash, report and queue: the oracle for every executor.

use crate::dissect::{Dissection, Ip, Network, Protocol, TransportAt, ipv4, ipv6_header, locate};
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
#[inline]
pub fn classify<T>(config: &SteeringConfig<T>, link: Link, packet: &[u8]) -> Verdict
where
    T: AsRef<[u16]>,
{
    if !config.is_plain() {
        return classify_rare(config, link, packet);
    }
    let (reports, toeplitz) = (config.reports(), config.toeplitz());
    // What is of no enabled type is hashed as well, in vain. It is seldom, and to look first cost all
    // others half a nanosecond of five.
    let (report, hash) = match locate(link, packet).1 {
        Ok(Ip::V4(packet)) => match ipv4(packet) {
            Ok(ip) => {
                let (report, ports) = Reports::choose(&reports.v4, ip.transport.ok());
                (report, toeplitz.hash_v4(ip.addresses, *ports))
            }
            Err(_) => (HashReport::None, 0),
        },
        Ok(Ip::V6(ip)) => match ipv6_header(ip) {
            Ok(header) if header.is_extended() => return classify_rare(config, link, packet),
            Ok(header) => {
                let ip = header.plain(ip);
                let (report, ports) = Reports::choose(&reports.v6, ip.transport.ok());
                (report, toeplitz.hash_v6(ip.addresses, *ports))
            }
            Err(_) => (HashReport::None, 0),
        },
        Err(_) => (HashReport::None, 0),
    };
    verdict(config, report, hash)
}

/// What packets without extension headers are hashed by: with TCP, with UDP, and with neither. Known
/// when the types are, so that no packet has to ask for one type after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reports {
    v4: [HashReport; 3],
    v6: [HashReport; 3],
}

impl Reports {
    pub(crate) fn new(types: HashTypes) -> Self {
        let found = [Some(Protocol::Tcp), Some(Protocol::Udp), None];
        let [v4, v6] = [ORDER_V4, ORDER_V6].map(|order| {
            found.map(|found| first(types, &order, found).unwrap_or(HashReport::None))
        });
        Self { v4, v6 }
    }

    /// That of these three for a packet with this transport header, and the ports; zeros if they are
    /// not hashed.
    #[inline(always)]
    fn choose<'a>(
        &[tcp, udp, neither]: &[HashReport; 3],
        found: Option<TransportAt<'a>>,
    ) -> (HashReport, &'a [u8; 4]) {
        let Some(TransportAt { protocol: found, ports }) = found else {
            return (neither, &[0; 4]);
        };
        let report = match found {
            Protocol::Tcp => tcp,
            Protocol::Udp => udp,
        };
        (report, if protocol(report).is_some() { ports } else { &[0; 4] })
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
    let hash = |input| config.toeplitz().hash(&config.transform().apply(&input));
    match selected {
        Some((report, input)) => verdict(config, report, hash(input)),
        None => verdict(config, HashReport::None, 0),
    }
}

/// The verdict for a packet with this hash, if its type is one.
#[inline(always)]
fn verdict<T>(config: &SteeringConfig<T>, report: HashReport, hash: u32) -> Verdict
where
    T: AsRef<[u16]>,
{
    match report {
        HashReport::None => Verdict { hash: 0, report, queue: config.unclassified() },
        _ => Verdict { hash, report, queue: config.queue_for(hash) },
    }
}

/// Which of the enabled `types` a packet is hashed by, and over which bytes, before any
/// [transformation](crate::InputTransform). `None`: by none.
///
/// It is the first in the [`order`] for the packet that is enabled and whose fields are there.
pub fn select(types: HashTypes, dissection: &Dissection) -> Option<(HashReport, HashInput)> {
    let network = dissection.network.as_ref().ok()?;
    let transport = network.transport().ok();
    let report = first(types, order(network), transport.map(|transport| transport.protocol))?;
    let ports = protocol(report).and(transport).map(|transport| transport.ports);
    let input = match network {
        Network::V4 { source, destination, .. } => HashInput::of(source, destination, ports),
        Network::V6 { source, destination, extensions, .. } => {
            let substitutes = extensions.filter(|_| is_ex(report)).unwrap_or_default();
            let source = substitutes.home_address.as_ref().unwrap_or(source);
            let destination = substitutes.routing_address.as_ref().unwrap_or(destination);
            HashInput::of(source, destination, ports)
        }
    };
    Some((report, input))
}

/// The first type in `order` that is enabled and whose fields are there.
#[inline(always)]
fn first(types: HashTypes, order: &[HashReport], found: Option<Protocol>) -> Option<HashReport> {
    order.iter().copied().find(|&report| {
        types.contains(report.hash_type())
            && (protocol(report).is_none() || protocol(report) == found)
    })
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
