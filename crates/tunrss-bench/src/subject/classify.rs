//! `classify`: from the bytes of a packet to hash, report and queue.
//!
//! The work is one packet. All go over the same ring of packets, one after the other, and write the
//! verdicts down.

use std::hint::black_box;

use anyhow::{Context, Result, ensure};
use tunrss_hash::classify::select;
use tunrss_hash::dissect::dissect;
use tunrss_hash::toeplitz::{Routine, Toeplitz};
use tunrss_hash::{HashKey, HashReport, HashTypes, Link, SteeringConfig, Verdict, classify};
use tunrss_testkit::packet::{Packet, V4, V6};

use super::toeplitz::random_bytes;
use crate::contest::{Contest, Effort};
use crate::record::{Goal, Section};

pub(crate) fn run(effort: Effort) -> Result<Section> {
    let mut section = Section {
        name: "classify".to_owned(),
        title: "From a frame's bytes to its queue in user space".to_owned(),
        unit: "ns a packet".to_owned(),
        measured: vec![],
        ratios: vec![],
        notes: vec![],
    };
    let table: Vec<u16> = (0..128).map(|entry| entry % 4).collect();
    let config = SteeringConfig::new(HashTypes::BASIC, HashKey::MICROSOFT, table, 0)?;
    section.notes.push(format!("classify hashes by the routine {}", config.toeplitz().routine()));
    let has_goals = |case| matches!(case, "IPv4/TCP" | "IPv6/TCP");
    for (case, kinds) in CASES {
        let ring = packets(kinds);
        let contest = contest(case, &config, &ring)?;
        let outcome = contest.run(effort)?;
        section.measured.extend(outcome.measured());
        for (theirs, most) in [("floor", 2.0), ("bit by bit", 0.1)] {
            let ratio = outcome.ratio("classify", theirs)?;
            section.ratios.push(match has_goals(case) {
                true => ratio.with_goal(Goal::AtMost(most)),
                false => ratio,
            });
        }
    }
    Ok(section)
}

type Config = SteeringConfig<Vec<u16>>;

fn contest<'a>(case: &str, config: &'a Config, ring: &'a [Vec<u8>]) -> Result<Contest<'a>> {
    let mut contest = Contest::new(case);
    let table = Toeplitz::with_routine(config.key(), Routine::Table);
    let table = table.context("the table is available everywhere")?;
    let by_table = move |config: &Config, packet: &[u8]| by_parts(config, packet, &table);
    contest = contender(contest, "classify", config, ring, classify_ethernet)?;
    contest = contender(contest, "by table", config, ring, by_table)?;
    contest = contender(contest, "bit by bit", config, ring, bit_by_bit)?;
    let reports: Vec<HashReport> =
        ring.iter().map(|packet| classify_ethernet(config, packet).report).collect();
    let same =
        ring.iter().zip(reports).all(|(packet, report)| floor(config, packet).report == report);
    ensure!(same, "the floor at {case} does not branch as classify does");
    Ok(unchecked(contest, "floor", config, ring, floor))
}

/// Add a contender that has been seen to have the right verdicts.
fn contender<'a>(
    contest: Contest<'a>,
    name: &str,
    config: &'a Config,
    ring: &'a [Vec<u8>],
    verdict: impl Fn(&Config, &[u8]) -> Verdict + 'a,
) -> Result<Contest<'a>> {
    for packet in ring {
        let expected = tunrss_testkit::reference::classify(config, Link::Ethernet, packet);
        ensure!(verdict(config, packet) == expected, "{name} has a wrong verdict of {packet:02x?}");
    }
    Ok(unchecked(contest, name, config, ring, verdict))
}

fn unchecked<'a>(
    contest: Contest<'a>,
    name: &str,
    config: &'a Config,
    ring: &'a [Vec<u8>],
    verdict: impl Fn(&Config, &[u8]) -> Verdict + 'a,
) -> Contest<'a> {
    let mut verdicts = vec![NOTHING; ring.len()];
    contest.timed_in_passes(name, ring.len(), move || {
        let config = black_box(config);
        for (place, packet) in verdicts.iter_mut().zip(ring) {
            *place = verdict(config, packet);
        }
        black_box(&verdicts);
    })
}

fn classify_ethernet(config: &Config, packet: &[u8]) -> Verdict {
    classify(config, Link::Ethernet, packet)
}

/// What `classify` is made of, with another preparation of the key.
fn by_parts(config: &Config, packet: &[u8], toeplitz: &Toeplitz) -> Verdict {
    match select(config.types(), &dissect(Link::Ethernet, packet)) {
        Some((report, input)) => {
            let hash = toeplitz.hash(&input);
            Verdict { hash, report, queue: config.queue_for(hash) }
        }
        None => unclassified(config),
    }
}

/// The way of QEMU's steering program: a window of 32 bits goes along the key, one bit of the input
/// after the other.
fn bit_by_bit(config: &Config, packet: &[u8]) -> Verdict {
    let Some((report, input)) = select(config.types(), &dissect(Link::Ethernet, packet)) else {
        return unclassified(config);
    };
    let key = config.key().as_bytes();
    let (start, rest) = key.split_at(4);
    let mut window = start.iter().fold(0, |window: u32, &byte| window << 8 | u32::from(byte));
    let mut hash = 0;
    for (&(mut byte), &(mut next)) in input.as_bytes().iter().zip(rest) {
        for _ in 0..8 {
            if byte & 0x80 != 0 {
                hash ^= window;
            }
            window = window << 1 | u32::from(next >> 7);
            byte <<= 1;
            next <<= 1;
        }
    }
    Verdict { hash, report, queue: config.queue_for(hash) }
}

fn unclassified(config: &Config) -> Verdict {
    Verdict { queue: config.unclassified(), ..NOTHING }
}

/// The cheapest code that loads the same bytes and branches the same way, for packets without IPv4
/// options and extension headers: it finds the headers, looks whether each is there, at the versions,
/// at the fragment bits and at the protocol, asks whether the type is enabled, loads addresses and
/// ports, and looks up the table by their XOR, folded to 32 bits. What it leaves out of the work of
/// `classify` is the hash.
fn floor(config: &Config, packet: &[u8]) -> Verdict {
    match floor_of(config, packet) {
        Some((hash, report)) => Verdict { hash, report, queue: config.queue_for(hash) },
        None => unclassified(config),
    }
}

fn floor_of(config: &Config, packet: &[u8]) -> Option<(u32, HashReport)> {
    let mut at = 12;
    for _ in 0..3 {
        match u16::from_be_bytes(field(packet, at)?) {
            0x8100 | 0x88a8 => at += 4,
            0x0800 => return floor_of_ipv4(config, packet, at + 2),
            0x86dd => return floor_of_ipv6(config, packet, at + 2),
            _ => return None,
        }
    }
    None
}

fn floor_of_ipv4(config: &Config, packet: &[u8], at: usize) -> Option<(u32, HashReport)> {
    let header: [u8; 20] = field(packet, at)?;
    let [version_ihl, _, _, _, _, _, high, low, _, protocol, _, _, addresses @ ..] = header;
    if version_ihl != 0x45 {
        return None;
    }
    let sum = fold(u64::from_le_bytes(addresses));
    let types = config.types();
    let report = match (u16::from_be_bytes([high, low]) & 0x3fff, protocol) {
        (0, 6) if types.contains(HashTypes::TCPV4) => HashReport::TcpV4,
        (0, 17) if types.contains(HashTypes::UDPV4) => HashReport::UdpV4,
        _ if types.contains(HashTypes::IPV4) => return Some((sum, HashReport::Ipv4)),
        _ => return None,
    };
    Some((sum ^ u32::from_le_bytes(field(packet, at + 20)?), report))
}

fn floor_of_ipv6(config: &Config, packet: &[u8], at: usize) -> Option<(u32, HashReport)> {
    let header: [u8; 40] = field(packet, at)?;
    let [version, _, _, _, _, _, next, _, addresses @ ..] = header;
    if version >> 4 != 6 {
        return None;
    }
    let (words, _) = addresses.as_chunks();
    let sum = fold(words.iter().fold(0, |sum, &word| sum ^ u64::from_le_bytes(word)));
    let types = config.types();
    let report = match next {
        6 if types.contains(HashTypes::TCPV6) => HashReport::TcpV6,
        17 if types.contains(HashTypes::UDPV6) => HashReport::UdpV6,
        _ if types.contains(HashTypes::IPV6) => return Some((sum, HashReport::Ipv6)),
        _ => return None,
    };
    Some((sum ^ u32::from_le_bytes(field(packet, at + 40)?), report))
}

fn fold(sum: u64) -> u32 {
    (sum >> 32) as u32 ^ sum as u32
}

fn field<const N: usize>(packet: &[u8], at: usize) -> Option<[u8; N]> {
    packet.get(at..)?.first_chunk().copied()
}

/// What a packet is.
#[derive(Clone, Copy)]
enum Kind {
    TcpV4,
    UdpV4,
    FragmentV4,
    VlanTcpV4,
    TcpV6,
    UdpV6,
    Arp,
}

/// Each case, and in which proportions its packets come, in random order.
const CASES: [(&str, &[(Kind, usize)]); 8] = [
    ("IPv4/TCP", &[(Kind::TcpV4, 1)]),
    ("IPv6/TCP", &[(Kind::TcpV6, 1)]),
    ("IPv4/UDP", &[(Kind::UdpV4, 1)]),
    ("IPv6/UDP", &[(Kind::UdpV6, 1)]),
    ("IPv4 fragment", &[(Kind::FragmentV4, 1)]),
    ("VLAN, IPv4/TCP", &[(Kind::VlanTcpV4, 1)]),
    ("ARP", &[(Kind::Arp, 1)]),
    (
        "a mix",
        &[
            (Kind::TcpV4, 10),
            (Kind::TcpV6, 8),
            (Kind::UdpV4, 6),
            (Kind::UdpV6, 4),
            (Kind::VlanTcpV4, 2),
            (Kind::FragmentV4, 1),
            (Kind::Arp, 1),
        ],
    ),
];

/// A ring of packets, all of other flows.
fn packets(kinds: &[(Kind, usize)]) -> Vec<Vec<u8>> {
    let kinds: Vec<Kind> =
        kinds.iter().flat_map(|&(kind, part)| std::iter::repeat_n(kind, part)).collect();
    let bytes = random_bytes(RING * 40);
    bytes.as_chunks().0.iter().map(|random| packet(&kinds, random)).collect()
}

fn packet(kinds: &[Kind], random: &[u8; 40]) -> Vec<u8> {
    let [.., s0, s1, d0, d1, k0, k1, k2, k3] = *random;
    let kind = u32::from_le_bytes([k0, k1, k2, k3]) as usize % kinds.len();
    let (source_port, port) = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
    let [source, destination] = [0, 16].map(|at| {
        let bytes = random.get(at..at + 16).and_then(|bytes| bytes.first_chunk());
        u128::from_be_bytes(*bytes.unwrap_or(&[0; 16]))
    });
    let v4 = V4::new(source as u32, destination as u32);
    let v6 = V6::new(source, destination);
    let packet = match kinds.get(kind).unwrap_or(&Kind::Arp) {
        Kind::TcpV4 => Packet::tcp(v4, source_port, port),
        Kind::UdpV4 => Packet::udp(v4, source_port, port),
        Kind::FragmentV4 => Packet::udp(v4.fragment(0x2000), source_port, port),
        Kind::VlanTcpV4 => Packet::tcp(v4, source_port, port).vlan(0x8100),
        Kind::TcpV6 => Packet::tcp(v6, source_port, port),
        Kind::UdpV6 => Packet::udp(v6, source_port, port),
        Kind::Arp => Packet::tcp(tunrss_testkit::packet::Network::Other(0x0806), 0, 0),
    };
    packet.payload(&[0; 20]).to_bytes(Link::Ethernet)
}

const NOTHING: Verdict = Verdict { hash: 0, report: HashReport::None, queue: 0 };

/// Packets in a ring: their headers fit the first-level cache.
const RING: usize = 256;
