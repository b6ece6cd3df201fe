//! What holds for any key, input, configuration and bytes.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select as one_of;
use proptest::test_runner::FileFailurePersistence;
use tunrss_hash::classify::select;
use tunrss_hash::dissect::{Network, dissect};
use tunrss_hash::toeplitz::{HashInput, MAX_INPUT_LEN, Routine, Toeplitz, bit_serial};
use tunrss_hash::tunnel::{dissect_inner, dissect_through, recognise};
use tunrss_hash::{
    HashKey, HashReport, HashTypes, InputTransform, Link, SteeringConfig, TunnelTypes, VnetHdr,
    VnetHdrLen, classify,
};
use tunrss_testkit::packet::{Extension, Packet, V4, V6};
use tunrss_testkit::strategy::{
    complete_packets, configs, generate, hash_types, keys, packet_count, packets, transforms,
    tunnel_types,
};
use tunrss_testkit::{packet, reference};

/// Failures are kept beside this file, in `props.regressions`, to be committed.
fn with_cases(cases: u32) -> ProptestConfig {
    let regressions = FileFailurePersistence::WithSource("regressions");
    ProptestConfig { cases, failure_persistence: Some(Box::new(regressions)), ..Default::default() }
}

fn links() -> impl Strategy<Value = Link> {
    prop_oneof![Just(Link::Ethernet), Just(Link::Ip)]
}

fn link_and_packet() -> impl Strategy<Value = (Link, Vec<u8>)> {
    let of = |link| (Just(link), packets(link));
    prop_oneof![of(Link::Ethernet), of(Link::Ip)]
}

fn inputs() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..=MAX_INPUT_LEN)
}

fn hash_input(bytes: &[u8]) -> HashInput {
    HashInput::new(&[bytes]).expect("an input of at most 36 bytes")
}

/// `key` for every routine that this machine has; `routines_are_those_of_the_cpu` says which.
fn routines(key: &HashKey) -> impl Iterator<Item = Toeplitz> {
    Routine::ALL.into_iter().filter_map(|routine| Toeplitz::with_routine(key, routine))
}

proptest! {
    #![proptest_config(with_cases(1000))]

    #[test]
    fn routines_and_reference_hash_as_bit_by_bit(key in keys(0), input in inputs()) {
        let hash = bit_serial(&key, &input);
        prop_assert_eq!(reference::toeplitz(key.as_bytes(), &input), hash);
        for toeplitz in routines(&key) {
            prop_assert_eq!(toeplitz.hash(&hash_input(&input)), hash, "{}", toeplitz.routine());
        }
    }

    #[test]
    fn batch_has_the_hash_of_each(key in keys(0), inputs in vec(inputs(), 0..40), room in 0..40usize) {
        let expected: Vec<u32> = inputs.iter().map(|input| bit_serial(&key, input)).collect();
        let inputs: Vec<HashInput> = inputs.iter().map(|input| hash_input(input)).collect();
        for toeplitz in routines(&key) {
            let mut hashes = vec![7; room];
            toeplitz.hash_batch(&inputs, &mut hashes);
            let (done, rest) = hashes.split_at(room.min(inputs.len()));
            prop_assert_eq!(done, &expected[..done.len()], "{}", toeplitz.routine());
            prop_assert!(rest.iter().all(|&untouched| untouched == 7), "{}", toeplitz.routine());
        }
    }

    #[test]
    fn hash_is_the_sum_of_the_words(key in keys(0), input in inputs()) {
        let table = Toeplitz::new(&key);
        let words = input.iter().enumerate().map(|(position, &byte)| table.word(position, byte));
        prop_assert_eq!(words.fold(0, |sum, word| sum ^ word), bit_serial(&key, &input));
    }

    #[test]
    fn hash_is_linear(key in keys(0), pairs in vec(any::<[u8; 2]>(), 0..=MAX_INPUT_LEN)) {
        let input = |of: fn(&[u8; 2]) -> u8| pairs.iter().map(of).collect::<Vec<u8>>();
        let (a, b, sum) = (input(|p| p[0]), input(|p| p[1]), input(|p| p[0] ^ p[1]));
        for toeplitz in routines(&key) {
            let [a, b, sum] = [&a, &b, &sum].map(|input| toeplitz.hash(&hash_input(input)));
            prop_assert_eq!(sum, a ^ b, "{}", toeplitz.routine());
        }
        prop_assert_eq!(bit_serial(&key, &sum), bit_serial(&key, &a) ^ bit_serial(&key, &b));
    }

    #[test]
    fn zero_bytes_add_nothing(key in keys(0), input in inputs(), zeros in 0..100usize) {
        let mut padded = input.clone();
        padded.resize(input.len() + zeros, 0);
        prop_assert_eq!(bit_serial(&key, &padded), bit_serial(&key, &input));
    }

    #[test]
    fn any_bytes_have_a_verdict(
        config in configs(),
        link in links(),
        bytes in vec(any::<u8>(), 0..300),
    ) {
        let verdict = classify(&config, link, &bytes);
        prop_assert_eq!(verdict, reference::classify(&config, link, &bytes));
    }

    #[test]
    fn verdict_is_the_references(config in configs(), (link, packet) in link_and_packet()) {
        let verdict = classify(&config, link, &packet);
        prop_assert_eq!(verdict, reference::classify(&config, link, &packet));
    }

    #[test]
    fn report_is_of_an_enabled_type(types in hash_types(), (link, packet) in link_and_packet()) {
        if let Some((report, input)) = select(types, &dissect(link, &packet)) {
            prop_assert_ne!(report, HashReport::None);
            prop_assert!(types.contains(report.hash_type()));
            prop_assert_eq!(input.as_bytes().len(), report.hash_type().longest_input());
        }
    }

    #[test]
    fn queue_is_the_tables_or_the_unclassified(
        config in configs(),
        (link, packet) in link_and_packet(),
    ) {
        let verdict = classify(&config, link, &packet);
        if verdict.report == HashReport::None {
            prop_assert_eq!(verdict.hash, 0);
            prop_assert_eq!(verdict.queue, config.unclassified());
        } else {
            prop_assert!(config.table().contains(&verdict.queue));
        }
        prop_assert!(verdict.queue <= config.highest_queue());
    }

    #[test]
    fn payload_changes_nothing(
        config in configs(),
        link in links(),
        packet in complete_packets(),
        payload in vec(any::<u8>(), 0..100),
    ) {
        // Without a network layer the payload stands where one is looked for; so do tunnel headers.
        prop_assume!(!matches!(packet.network, packet::Network::Other(_)));
        let config = config.with_tunnels(TunnelTypes::NONE);
        let mut bytes = packet.headers(link);
        let verdict = classify(&config, link, &bytes);
        bytes.extend(payload);
        prop_assert_eq!(classify(&config, link, &bytes), verdict);
    }

    #[test]
    fn bytes_behind_ports_change_nothing(
        (link, packet) in link_and_packet(),
        more in vec(any::<u8>(), 1..50),
    ) {
        let dissection = dissect(link, &packet);
        let Ok(Network::V4 { transport, .. } | Network::V6 { transport, .. }) = dissection.network
        else {
            return Ok(());
        };
        if transport.is_ok() {
            prop_assert_eq!(dissect(link, &[packet, more].concat()), dissection);
        }
    }

    #[test]
    fn bytes_behind_inner_ports_change_nothing(
        (link, packet) in link_and_packet(),
        more in vec(any::<u8>(), 1..50),
    ) {
        let tunnel = recognise(link, &packet, &dissect(link, &packet));
        let dissection = dissect_through(TunnelTypes::ALL, link, &packet);
        let Ok(network) = dissection.network else { return Ok(()) };
        if tunnel.is_ok() && network.transport().is_ok() {
            let longer = [packet, more].concat();
            prop_assert_eq!(dissect_through(TunnelTypes::ALL, link, &longer), dissection);
        }
    }

    #[test]
    fn only_enabled_tunnels_are_looked_into(
        tunnels in tunnel_types(),
        (link, packet) in link_and_packet(),
    ) {
        let outer = dissect(link, &packet);
        let expected = match recognise(link, &packet, &outer) {
            Ok(tunnel) if tunnel.types.intersects(tunnels) => {
                prop_assert!(tunnel.offset <= packet.len());
                dissect_inner(&packet, &tunnel)
            }
            _ => outer,
        };
        prop_assert_eq!(dissect_through(tunnels, link, &packet), expected);
    }

    #[test]
    fn both_directions_have_one_hash_when_transformed(
        key in keys(40),
        transform in one_of(vec![InputTransform::SymmetricXor, InputTransform::SymmetricOrXor]),
        flow in flows(),
        link in links(),
    ) {
        let config = SteeringConfig::new(HashTypes::ALL, key, [0, 1, 2, 3], 0).unwrap();
        prop_assert!(is_symmetric(&config.with_transform(transform), link, flow));
    }

    #[test]
    fn both_directions_have_one_hash_by_the_symmetric_key(
        flow in flows(),
        link in links(),
        transform in transforms(),
    ) {
        let config = SteeringConfig::new(HashTypes::ALL, HashKey::SYMMETRIC, [0, 1, 2, 3], 0);
        prop_assert!(is_symmetric(&config.unwrap().with_transform(transform), link, flow));
    }

    #[test]
    fn transformed_input_is_the_references(
        key in keys(40),
        transform in transforms(),
        (link, packet) in link_and_packet(),
    ) {
        let config = SteeringConfig::new(HashTypes::ALL, key, [0], 0).unwrap();
        let config = config.with_transform(transform);
        let verdict = classify(&config, link, &packet);
        prop_assert_eq!(verdict, reference::classify(&config, link, &packet));
        if let Some((_, input)) = select(HashTypes::ALL, &dissect(link, &packet)) {
            prop_assert_eq!(bit_serial(&key, transform.apply(&input).as_bytes()), verdict.hash);
        }
    }

    #[test]
    fn tunnel_types_survive_their_text(types in tunnel_types()) {
        prop_assert_eq!(types.to_string().parse(), Ok(types));
        prop_assert_eq!(TunnelTypes::from_bits(types.bits()), Some(types));
    }

    #[test]
    fn types_survive_their_text(types in hash_types()) {
        prop_assert_eq!(types.to_string().parse(), Ok(types));
        prop_assert_eq!(types.iter().fold(HashTypes::NONE, |set, one| set | one), types);
        prop_assert_eq!(HashTypes::from_bits(types.bits()), Some(types));
    }

    #[test]
    fn key_survives_its_text(key in keys(0)) {
        let text = key.to_string();
        prop_assert_eq!(text.parse(), Ok(key));
        prop_assert_eq!(text.replace(':', "").to_uppercase().parse(), Ok(key));
    }

    #[test]
    fn any_text_is_a_key_or_refused(text in "[0-9a-fA-F:g]{0,600}") {
        if let Ok(key) = text.parse::<HashKey>() {
            prop_assert_eq!(key.to_string().replace(':', ""), text.replace(':', "").to_lowercase());
        }
    }

    #[test]
    fn header_survives_its_encoding(bytes in any::<[u8; 18]>()) {
        let mut full = [0; VnetHdrLen::V1Hash.len()];
        full[..18].copy_from_slice(&bytes);
        let header = VnetHdr::decode(&full, VnetHdrLen::V1Hash);
        prop_assert_eq!(header.map(|header| header.encode()), Some(full));
        for len in [VnetHdrLen::Legacy, VnetHdrLen::V1] {
            let encoded = VnetHdr::decode(&full, len).map(|header| header.encode());
            let mut cut = full;
            cut[len.len()..].fill(0);
            prop_assert_eq!(encoded, Some(cut));
        }
    }
}

/// What identifies a flow; with `extensions` the addresses stand in extension headers.
#[derive(Clone, Copy, Debug)]
struct Flow {
    is_v4: bool,
    is_tcp: bool,
    extensions: bool,
    addresses: [u128; 2],
    ports: [u16; 2],
}

fn flows() -> impl Strategy<Value = Flow> {
    any::<([bool; 3], [u128; 2], [u16; 2])>().prop_map(
        |([is_v4, is_tcp, extensions], addresses, ports)| Flow {
            is_v4,
            is_tcp,
            extensions,
            addresses,
            ports,
        },
    )
}

impl Flow {
    fn packet(self, link: Link) -> Vec<u8> {
        let Self { is_v4, is_tcp, extensions, addresses: [from, to], ports: [source, dest] } = self;
        let network: packet::Network = if is_v4 {
            V4::new(from as u32, to as u32).into()
        } else if extensions {
            let v6 = V6::new(1, 2).with(Extension::routing_address(to));
            v6.with(Extension::home_address(from)).into()
        } else {
            V6::new(from, to).into()
        };
        let packet = if is_tcp { Packet::tcp } else { Packet::udp };
        packet(network, source, dest).to_bytes(link)
    }
}

/// Whether both directions of `flow` have the same verdict, with a hash.
fn is_symmetric<T: AsRef<[u16]>>(config: &SteeringConfig<T>, link: Link, flow: Flow) -> bool {
    let Flow { addresses: [from, to], ports: [source, destination], .. } = flow;
    let back = Flow { addresses: [to, from], ports: [destination, source], ..flow };
    let verdict = classify(config, link, &flow.packet(link));
    verdict.report != HashReport::None && verdict == classify(config, link, &back.packet(link))
}

/// Which routines the properties are run with, said on the standard error: not one that is thought to
/// be tested is left out in silence. What the CPU has is what Linux says of it, so this is no test
/// for an emulator that gives the program another CPU.
#[test]
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn routines_are_those_of_the_cpu() {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").expect("cannot read /proc/cpuinfo");
    let flags = cpuinfo.lines().find(|line| line.starts_with("flags")).expect("no flags");
    let flags: Vec<&str> = flags.split_whitespace().collect();
    let has = |needed: &str| needed.split(' ').all(|flag| flags.contains(&flag));
    let clmul = "pclmulqdq sse4_1";
    let avx512 = "pclmulqdq sse4_1 vpclmulqdq gfni avx512f avx512bw avx512dq avx512vl";
    for routine in Routine::ALL {
        let expected = match routine {
            Routine::Clmul => has(clmul),
            Routine::ClmulAvx512 => has(avx512),
            _ => true,
        };
        assert_eq!(routine.is_available(), expected, "{routine}");
        let made = Toeplitz::with_routine(&HashKey::MICROSOFT, routine);
        assert_eq!(made.map(|toeplitz| toeplitz.routine()), expected.then_some(routine));
        if !expected {
            // Not by a macro: those of a passed test are not shown.
            let text = format!("routine {routine} is NOT tested: this CPU does not have it\n");
            std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes())
                .expect("cannot write to stderr");
        }
    }
}

/// The same as `verdict_is_the_references`, without shrinking, for many more packets: 50,000, or as
/// many as TUNRSS_PACKETS says.
#[test]
fn verdict_is_the_references_for_many_packets() {
    const CONFIGS: usize = 100;
    for link in [Link::Ethernet, Link::Ip] {
        let mut packets = generate(packets(link), 5);
        for config in generate(configs(), 6).take(CONFIGS) {
            for packet in packets.by_ref().take(packet_count(50_000) / 2 / CONFIGS) {
                let verdict = classify(&config, link, &packet);
                let expected = reference::classify(&config, link, &packet);
                assert_eq!(verdict, expected, "{link:?} {packet:02x?} under {config:?}");
            }
        }
    }
}
