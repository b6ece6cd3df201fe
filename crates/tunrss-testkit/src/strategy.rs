//! Configurations and packets for property tests, weighted so that every path of the meaning is
//! reached often (the test `tests/reach.rs` holds them to it).

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use tunrss_hash::dissect::{
    ETHERTYPE_QINQ, ETHERTYPE_VLAN, MAX_EXTENSION_HEADERS, MAX_OPTIONS, OPTION_HOME_ADDRESS,
};
use tunrss_hash::{HashKey, HashTypes, Link, SteeringConfig};

use crate::packet::{Extension, Ipv6Option, Network, Packet, Upper, V4, V6};

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
    (hash_types(), key, table, any::<Index>()).prop_map(
        |(types, (key, key_len), (table_bits, highest_queue, seed), unclassified)| {
            let key = &key.as_bytes()[..key_len.max(types.key_len_needed())];
            let key = HashKey::new(key).expect("at most 255 bytes");
            let queues = usize::from(highest_queue) + 1;
            // Entries from a seed: a table of 65,536 strategies would be slow, and would say no more.
            let table = (0..1u64 << table_bits)
                .map(|at| (mixed(seed.wrapping_add(at)) % queues as u64) as u16)
                .collect();
            SteeringConfig::new(types, key, table, unclassified.index(queues) as u16)
                .expect("a table length and a key length that are valid")
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
        3 => (any_packet(), prop_oneof![0x40..=0x4fu8, any::<u8>()]).prop_map(
            move |(packet, first)| {
                let mut bytes = packet.to_bytes(link);
                if let Some(byte) = bytes.get_mut(packet.network_offset(link)) {
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
    packets_of(extension())
}

fn any_packet() -> BoxedStrategy<Packet> {
    packets_of(prop_oneof![6 => extension(), 1 => malformed_extension()].boxed())
}

fn packets_of(extension: BoxedStrategy<Extension>) -> BoxedStrategy<Packet> {
    let vlan_tags = prop_oneof![
        6 => vec(vlan_ethertype(), 0),
        6 => vec(vlan_ethertype(), 1..=2),
        1 => vec(vlan_ethertype(), 3..=4),
    ];
    let network = prop_oneof![
        8 => v4().prop_map(Network::V4),
        16 => v6(extension).prop_map(Network::V6),
        // ARP, LLDP, MPLS, a tag of neither kind, a length.
        1 => select(vec![0x0806, 0x88cc, 0x8847, 0x9100, 0x0100]).prop_map(Network::Other),
    ];
    let upper = prop_oneof![
        4 => any::<[u16; 2]>().prop_map(|[source_port, destination_port]| {
            Upper::Tcp { source_port, destination_port }
        }),
        4 => any::<[u16; 2]>().prop_map(|[source_port, destination_port]| {
            Upper::Udp { source_port, destination_port }
        }),
        // Nothing that is an extension header: the payload would have to be one.
        1 => select(vec![1, 2, 4, 41, 47, 50, 58, 59, 132, 136, 253]).prop_map(Upper::Other),
    ];
    (vlan_tags, network, upper, vec(any::<u8>(), 0..16))
        .prop_map(|(vlan_tags, network, upper, payload)| Packet {
            vlan_tags,
            network,
            upper,
            payload,
        })
        .boxed()
}

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
