//! Configurations and packets for property tests, weighted so that every path of the meaning is
//! reached often (the test `tests/reach.rs` holds them to it).

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use tunrss_hash::dissect::{
    ETHERTYPE_QINQ, ETHERTYPE_VLAN, MAX_EXTENSION_HEADERS, MAX_OPTIONS, NEXT_DESTINATION,
    OPTION_ENCAPSULATION_LIMIT, OPTION_HOME_ADDRESS,
};
use tunrss_hash::{HashKey, HashTypes, InputTransform, Link, SteeringConfig, TunnelTypes};

use crate::packet::{Extension, Ipv6Option, Network, Packet, Tunnel, Upper, V4, V6};

/// Values of `strategy` without end, always the same for the same seed.
///
/// For tests that want many values and no shrinking:
///
/// ```
/// use tunrss_hash::Link;
/// use tunrss_testkit::strategy::{generate, packets};
///
/// let first: Vec<_> = generate(packets(Link::Ip), 7).take(1000).collect();
/// assert!(generate(packets(Link::Ip), 7).take(1000).eq(first));
/// ```
pub fn generate<S: Strategy>(strategy: S, seed: u64) -> impl Iterator<Item = S::Value> {
    // XorShift is the fastest, but starts badly from a state with few bits set.
    let state = [mixed(seed), mixed(!seed)].map(u64::to_le_bytes);
    let rng = TestRng::from_seed(RngAlgorithm::XorShift, state.as_flattened());
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    std::iter::repeat_with(move || {
        strategy.new_tree(&mut runner).expect("a strategy that rejects nothing").current()
    })
}

/// How many packets a test goes through: `usual`, or what TUNRSS_PACKETS in the environment says.
///
/// # Panics
/// If that is no number, or less than `usual`.
pub fn packet_count(usual: usize) -> usize {
    let Some(text) = std::env::var_os("TUNRSS_PACKETS") else { return usual };
    let count = text.to_str().and_then(|text| text.parse().ok());
    let count = count.filter(|&count| count >= usual);
    count.unwrap_or_else(|| panic!("TUNRSS_PACKETS={text:?}: a number from {usual} on is needed"))
}

/// Any set of hash types; the empty, the basic, the full one and those of a single type often.
pub fn hash_types() -> impl Strategy<Value = HashTypes> + Clone {
    prop_oneof![
        1 => Just(HashTypes::NONE),
        1 => Just(HashTypes::BASIC),
        2 => Just(HashTypes::ALL),
        2 => select(HashTypes::NAMES.to_vec()).prop_map(|(_, one)| one),
        8 => vec(any::<bool>(), HashTypes::NAMES.len()).prop_map(|chosen| {
            let names = HashTypes::NAMES.into_iter().zip(chosen);
            names.fold(HashTypes::NONE, |set, ((_, one), on)| if on { set | one } else { set })
        }),
    ]
}

/// Any set of tunnel types; the empty, the full one and those of a single type often.
pub fn tunnel_types() -> impl Strategy<Value = TunnelTypes> + Clone {
    prop_oneof![
        2 => Just(TunnelTypes::NONE),
        6 => Just(TunnelTypes::ALL),
        2 => select(TunnelTypes::NAMES.to_vec()).prop_map(|(_, one)| one),
        5 => (0..=TunnelTypes::ALL.bits())
            .prop_map(|bits| TunnelTypes::from_bits(bits).expect("bits of types")),
    ]
}

/// Any transformation of the hash input; none often.
pub fn transforms() -> impl Strategy<Value = InputTransform> + Clone {
    prop_oneof![2 => Just(InputTransform::None), 1 => select(InputTransform::ALL.to_vec())]
}

/// Any key of at least `shortest` bytes.
pub fn keys(shortest: usize) -> impl Strategy<Value = HashKey> + Clone {
    vec(any::<u8>(), shortest..=HashKey::MAX_LEN)
        .prop_map(|bytes| HashKey::new(&bytes).expect("at most 255 bytes"))
}

/// Any valid configuration. Keys are as short as the types allow, of 40 bytes, or up to 255; tables
/// have up to 1024 entries, seldom 65,536; their queues are all small, or any.
pub fn configs() -> impl Strategy<Value = SteeringConfig<Vec<u16>>> + Clone {
    let key =
        (keys(HashKey::MAX_LEN), prop_oneof![Just(0), Just(HashKey::USUAL_LEN), 0..=255usize]);
    let table_bits = prop_oneof![30 => 0..=10u32, 1 => Just(16u32)];
    let highest_queue = prop_oneof![0..16u16, Just(u16::MAX)];
    let table = (table_bits, highest_queue, any::<u64>());
    let more = (tunnel_types(), transforms());
    (hash_types(), key, table, any::<Index>(), more).prop_map(
        |(types, (key, key_len), (table_bits, highest_queue, seed), unclassified, more)| {
            let key = &key.as_bytes()[..key_len.max(types.key_len_needed())];
            let key = HashKey::new(key).expect("at most 255 bytes");
            let queues = usize::from(highest_queue) + 1;
            // Entries from a seed: a table of 65,536 strategies would be slow, and would say no more.
            let table = (0..1u64 << table_bits)
                .map(|at| (mixed(seed.wrapping_add(at)) % queues as u64) as u16)
                .collect();
            SteeringConfig::new(types, key, table, unclassified.index(queues) as u16)
                .expect("a table length and a key length that are valid")
                .with_tunnels(more.0)
                .with_transform(more.1)
        },
    )
}

/// Any bytes that start, or nearly start, with the header `link`: complete packets of every kind,
/// packets cut off at any byte, packets with wrong bytes, and noise.
pub fn packets(link: Link) -> impl Strategy<Value = Vec<u8>> + Clone {
    let built = || any_packet().prop_map(move |packet| packet.to_bytes(link));
    prop_oneof![
        10 => built(),
        5 => (built(), any::<Index>()).prop_map(|(mut bytes, len)| {
            bytes.truncate(len.index(bytes.len() + 1));
            bytes
        }),
        3 => (built(), vec((any::<Index>(), any::<u8>()), 1..4)).prop_map(|(mut bytes, wrong)| {
            for (at, value) in wrong {
                // Nothing to do for the one packet without a byte: a bare IP one without IP.
                if !bytes.is_empty() {
                    let at = at.index(bytes.len());
                    bytes[at] = value;
                }
            }
            bytes
        }),
        // Version and header length.
        3 => (any_packet(), prop_oneof![0x40..=0x4fu8, any::<u8>()], any::<bool>()).prop_map(
            move |(packet, first, is_innermost)| {
                let mut bytes = packet.to_bytes(link);
                let at = match is_innermost {
                    true => packet.innermost_network_offset(link),
                    false => packet.network_offset(link),
                };
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = first;
                }
                bytes
            }
        ),
        1 => vec(any::<u8>(), 0..100),
    ]
}

/// Any packet whose headers are all complete and well formed, without a network layer at times.
pub fn complete_packets() -> impl Strategy<Value = Packet> + Clone {
    packets_of(extension(), TUNNELS)
}

fn any_packet() -> BoxedStrategy<Packet> {
    packets_of(prop_oneof![6 => extension(), 1 => malformed_extension()].boxed(), TUNNELS)
}

/// Packets with up to `tunnels` tunnels one in the other.
fn packets_of(extension: BoxedStrategy<Extension>, tunnels: u32) -> BoxedStrategy<Packet> {
    let vlan_tags = prop_oneof![
        6 => vec(vlan_ethertype(), 0),
        6 => vec(vlan_ethertype(), 1..=2),
        1 => vec(vlan_ethertype(), 3..=4),
    ];
    let network = prop_oneof![
        8 => v4().prop_map(Network::V4),
        16 => v6(extension.clone()).prop_map(Network::V6),
        // ARP, LLDP, MPLS, a tag of neither kind, a length.
        1 => select(vec![0x0806, 0x88cc, 0x8847, 0x9100, 0x0100]).prop_map(Network::Other),
    ];
    let plain = prop_oneof![
        4 => any::<[u16; 2]>().prop_map(|[source_port, destination_port]| {
            Upper::Tcp { source_port, destination_port }
        }),
        4 => any::<[u16; 2]>().prop_map(|[source_port, destination_port]| {
            Upper::Udp { source_port, destination_port }
        }),
        // The port of a tunnel, and any bytes in place of its header.
        1 => select(PORTS.to_vec()).prop_map(|destination_port| Upper::Udp {
            source_port: 1,
            destination_port,
        }),
        // Nothing that is an extension header: the payload would have to be one.
        1 => select(vec![1, 2, 4, 41, 47, 50, 58, 59, 132, 136, 253]).prop_map(Upper::Other),
    ];
    let payload = vec(any::<u8>(), 0..16);
    let packet =
        |(vlan_tags, network, upper, payload)| Packet { vlan_tags, network, upper, payload };
    let without = (vlan_tags.clone(), network.clone(), plain, payload.clone()).prop_map(packet);
    let Some(tunnels) = tunnels.checked_sub(1) else { return without.boxed() };
    // Headers behind which a tunnel can be.
    let carrier = prop_oneof![
        2 => (v4(), prop_oneof![6 => Just(0), 1 => Just(0x4000)])
            .prop_map(|(v4, fragment)| Network::V4(V4 { fragment, ..v4 })),
        1 => [address(), address()].prop_map(|[from, to]| Network::V6(V6::new(from, to))),
        1 => (address(), address(), tunnel_extensions(extension.clone())).prop_map(
            |(source, destination, extensions)| Network::V6(V6 { source, destination, extensions })
        ),
    ];
    let network = prop_oneof![8 => carrier, 1 => network];
    let upper = (tunnel(), packets_of(extension, tunnels))
        .prop_map(|((tunnel, link), inner)| Upper::tunnel(tunnel, link, inner));
    let with = (vlan_tags, network, upper, payload).prop_map(packet);
    prop_oneof![3 => without, 2 => with].boxed()
}

/// Extension headers in front of a tunnel over IPv6: mostly one with a tunnel encapsulation limit.
fn tunnel_extensions(other: BoxedStrategy<Extension>) -> BoxedStrategy<Vec<Extension>> {
    let limit = || any::<u8>().prop_map(Ipv6Option::encapsulation_limit);
    let tiny = || select(vec![Ipv6Option::Pad1, Ipv6Option::PadN(0), Ipv6Option::PadN(1)]);
    let around = |before: BoxedStrategy<Vec<Ipv6Option>>| {
        (before, limit(), vec(option(), 0..3)).prop_map(|(mut options, limit, after)| {
            options.push(limit);
            options.extend(after);
            Extension::Destination(options)
        })
    };
    let most = MAX_OPTIONS;
    let with_limit = prop_oneof![
        4 => any::<u8>().prop_map(Extension::encapsulation_limit),
        4 => around(vec(option(), 0..4).boxed()),
        // As many options as are looked at, or a few more or less.
        2 => around(vec(tiny(), most - 2..=most + 1).boxed()),
        // A limit of a wrong length, or one that runs past its header.
        1 => vec(any::<u8>(), 0..4).prop_map(|data| {
            Extension::Destination(vec![Ipv6Option::Other(OPTION_ENCAPSULATION_LIMIT, data)])
        }),
        1 => (tiny(), limit()).prop_map(|(pad, limit)| {
            let options = vec![pad.clone(), pad, Ipv6Option::PadN(1), limit];
            let mut bytes = Extension::Destination(options).to_bytes(0);
            bytes[1] = 0;
            Extension::Raw { kind: NEXT_DESTINATION, bytes }
        }),
        1 => options().prop_map(Extension::Destination),
    ]
    .boxed();
    prop_oneof![
        10 => vec(with_limit.clone(), 1),
        1 => vec(with_limit.clone(), 2),
        1 => (with_limit, other, any::<bool>()).prop_map(|(limit, other, is_first)| {
            if is_first { vec![limit, other] } else { vec![other, limit] }
        }),
    ]
    .boxed()
}

/// A tunnel, and what the inner packet starts with: mostly what there can be in such a tunnel.
fn tunnel() -> impl Strategy<Value = (Tunnel, Link)> + Clone {
    let link = || select(vec![Link::Ethernet, Link::Ip]);
    let seldom = |usual| prop_oneof![12 => Just(usual), 1 => link()];
    let port = |right: u16| prop_oneof![16 => Just(right), 1 => select(PORTS.to_vec())];
    let payload = || prop_oneof![8 => Just(None), 1 => select(PAYLOADS.to_vec()).prop_map(Some)];
    let next = prop_oneof![8 => Just(None), 1 => (0..6u8).prop_map(Some)];
    let gpe_flags = prop_oneof![6 => Just(0x0c), 2 => Just(0x08), 2 => any::<u8>()];
    let version = prop_oneof![10 => Just(0), 1 => 1..4u8];
    let options = prop_oneof![
        4 => vec(any::<[u8; 4]>(), 0..4),
        1 => vec(any::<[u8; 4]>(), 4..64),
    ];
    prop_oneof![
        2 => seldom(Link::Ip).prop_map(|link| (Tunnel::Ip, link)),
        6 => (gre_flags(), payload(), link())
            .prop_map(|(flags, payload, link)| (Tunnel::Gre { flags, payload }, link)),
        2 => (port(4754), gre_flags(), payload(), link()).prop_map(
            |(port, flags, payload, link)| (Tunnel::GreUdp { port, flags, payload }, link)
        ),
        2 => (port(4789), prop_oneof![6 => Just(0x08), 1 => any::<u8>()], seldom(Link::Ethernet))
            .prop_map(|(port, flags, link)| (Tunnel::Vxlan { port, flags }, link)),
        3 => (port(4790), gpe_flags, next, link()).prop_map(
            |(port, flags, payload, link)| (Tunnel::VxlanGpe { port, flags, payload }, link)
        ),
        3 => (port(6081), version, options, payload(), link()).prop_map(
            |(port, version, options, payload, link)| {
                (Tunnel::Geneve { port, version, options, payload }, link)
            }
        ),
    ]
}

/// GRE flags and version: any of C, K and S; at times others, or another version.
fn gre_flags() -> impl Strategy<Value = u16> + Clone {
    let fields =
        || select(vec![0x0000, 0x8000, 0x2000, 0x1000, 0xa000, 0x9000, 0x3000, 0xb000, 0, 0x2000]);
    prop_oneof![
        10 => fields(),
        // One more bit: routing, reserved, version.
        3 => (fields(), 0..16u32).prop_map(|(flags, bit)| flags | 1 << bit),
        1 => any::<u16>(),
    ]
}

/// How many tunnels are one in the other, at most.
const TUNNELS: u32 = 2;

/// The ports of tunnels, and ports next to them or used for the same.
const PORTS: [u16; 8] = [4754, 4789, 4790, 6081, 4755, 4788, 8472, 6082];

/// Protocol types of GRE and Geneve: those of IPv4, IPv6 and Ethernet; MPLS, ERSPAN, NSH.
const PAYLOADS: [u16; 6] = [0x0800, 0x86dd, 0x6558, 0x8847, 0x88be, 0x894f];

fn vlan_ethertype() -> impl Strategy<Value = u16> + Clone {
    select(vec![ETHERTYPE_VLAN, ETHERTYPE_QINQ])
}

fn v4() -> BoxedStrategy<V4> {
    let fragment = prop_oneof![
        3 => Just(0),
        3 => Just(0x4000),
        1 => select(vec![0x8000, 0x2000, 0x0001, 0x0100, 0x1000, 0x20b9, 0x00b9]),
        1 => any::<u16>(),
    ];
    let options = prop_oneof![3 => vec(any::<u8>(), 0), 1 => vec(any::<u8>(), 1..=40)];
    (any::<u32>(), any::<u32>(), fragment, options)
        .prop_map(|(source, destination, fragment, options)| V4 {
            source: Ipv4Addr::from(source),
            destination: Ipv4Addr::from(destination),
            fragment,
            options,
        })
        .boxed()
}

fn v6(extension: BoxedStrategy<Extension>) -> BoxedStrategy<V6> {
    let most = MAX_EXTENSION_HEADERS;
    let extensions = prop_oneof![
        4 => vec(extension.clone(), 0),
        8 => vec(extension.clone(), 1..=4),
        1 => vec(prop_oneof![short_extension(), extension], 5..most),
        // A chain as long as is walked or one longer, of short headers, an address at its end.
        1 => (vec(short_extension(), most - 2..=most), address_extension()).prop_map(
            |(mut list, last)| {
                list.push(last);
                list
            }
        ),
    ];
    (address(), address(), extensions)
        .prop_map(|(source, destination, extensions)| V6 { source, destination, extensions })
        .boxed()
}

fn extension() -> BoxedStrategy<Extension> {
    prop_oneof![
        8 => address_extension(),
        4 => short_extension(),
        2 => options().prop_map(Extension::HopByHop),
        5 => options().prop_map(Extension::Destination),
        2 => routing(),
        1 => prop_oneof![Just(0), Just(1), any::<u16>()].prop_map(Extension::Fragment),
        1 => (0..6u8).prop_map(Extension::Authentication),
        1 => (0..4u8).prop_map(Extension::Mobility),
    ]
    .boxed()
}

/// A header that holds an address for the hash.
fn address_extension() -> BoxedStrategy<Extension> {
    prop_oneof![
        address().prop_map(Extension::home_address),
        address().prop_map(Extension::routing_address),
    ]
    .boxed()
}

/// A header of 8 or 12 bytes that is not a fragment header.
fn short_extension() -> BoxedStrategy<Extension> {
    select(vec![
        Extension::HopByHop(vec![]),
        Extension::Destination(vec![]),
        Extension::Routing { kind: 0, segments_left: 0, addresses: vec![] },
        Extension::Authentication(0),
        Extension::Mobility(0),
    ])
    .boxed()
}

/// A routing header that nearly is one of type 2.
fn routing() -> impl Strategy<Value = Extension> + Clone {
    (prop_oneof![3 => Just(2), 1 => 0..5u8], 0..3u8, vec(address(), 0..3)).prop_map(
        |(kind, segments_left, addresses)| Extension::Routing { kind, segments_left, addresses },
    )
}

/// An extension header with a wrong length, or any bytes in place of one.
fn malformed_extension() -> BoxedStrategy<Extension> {
    // Lengths around that of a home address or a routing address, and any.
    let len = prop_oneof![0..5u8, any::<u8>()];
    prop_oneof![
        3 => (extension(), len).prop_map(|(extension, len)| {
            let mut bytes = extension.to_bytes(0);
            bytes[1] = len;
            Extension::Raw { kind: extension.kind(), bytes }
        }),
        1 => (select(vec![0, 43, 44, 51, 60, 135]), vec(any::<u8>(), 0..32))
            .prop_map(|(kind, bytes)| Extension::Raw { kind, bytes }),
    ]
    .boxed()
}

fn options() -> BoxedStrategy<Vec<Ipv6Option>> {
    let most = MAX_OPTIONS;
    let tiny = select(vec![Ipv6Option::Pad1, Ipv6Option::Pad1, Ipv6Option::PadN(0)]);
    prop_oneof![
        6 => vec(option(), 0..5),
        1 => vec(option(), 5..=12),
        // As many as are looked at, or a few more or less, a home address near the end.
        2 => (vec(tiny, most - 3..=most + 1), vec(option(), 0..2), address()).prop_map(
            |(mut list, last, home)| {
                list.push(Ipv6Option::HomeAddress(home));
                list.extend(last);
                list
            }
        ),
    ]
    .boxed()
}

fn option() -> BoxedStrategy<Ipv6Option> {
    prop_oneof![
        4 => Just(Ipv6Option::Pad1),
        2 => (0..8u8).prop_map(Ipv6Option::PadN),
        4 => address().prop_map(Ipv6Option::HomeAddress),
        // A home address of the wrong length.
        1 => vec(any::<u8>(), 14..19).prop_map(|data| Ipv6Option::Other(OPTION_HOME_ADDRESS, data)),
        2 => (1..=255u8, vec(any::<u8>(), 0..20))
            .prop_map(|(kind, data)| Ipv6Option::Other(kind, data)),
    ]
    .boxed()
}

fn address() -> impl Strategy<Value = Ipv6Addr> + Clone {
    any::<u128>().prop_map(Ipv6Addr::from)
}

/// SplitMix64's output for this state.
fn mixed(state: u64) -> u64 {
    let state = state.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}
