//! Do the strategies reach every path, and does the naive reference know the published values?

use std::collections::BTreeMap;

use tunrss_hash::dissect::{
    Dissection, Extensions, MAX_EXTENSION_HEADERS, MAX_VLAN_TAGS, Network, NoPorts, NotHashable,
    Transport, dissect,
};
use tunrss_hash::{HashReport, Link};
use tunrss_testkit::strategy::{configs, generate, packets};
use tunrss_testkit::{reference, vector};

const PACKETS: usize = 20_000;

/// Each of these outcomes is that of at least one packet in 2,000 of a link where it can occur.
#[test]
fn packets_reach_every_outcome() {
    let rarely = PACKETS / 2000;
    for link in [Link::Ethernet, Link::Ip] {
        let mut count: BTreeMap<String, usize> = BTreeMap::new();
        for packet in generate(packets(link), 1).take(PACKETS) {
            for outcome in outcomes(&dissect(link, &packet)) {
                *count.entry(outcome).or_default() += 1;
            }
        }
        let of_frames = ["FrameTruncated", "EtherType", "TooManyVlanTags"];
        let tags = (1..=MAX_VLAN_TAGS).map(|tags| format!("{tags} tags"));
        let only_frames = of_frames.into_iter().map(String::from).chain(tags);
        let extensions = (0..=MAX_EXTENSION_HEADERS).map(|count| format!("{count} extensions"));
        let both = [
            "0 tags",
            "IpVersion",
            "IpTruncated",
            "V4 Tcp",
            "V4 Udp",
            "V6 Tcp",
            "V6 Udp",
            "V4 Protocol",
            "V4 Fragment",
            "V4 HeaderLength",
            "V4 Truncated",
            "V6 Protocol",
            "V6 Fragment",
            "V6 Truncated",
            "V6 TooManyExtensionHeaders",
            "home address",
            "routing address",
            "both addresses",
            "neither address",
        ];
        let mut expected: Vec<_> = both.into_iter().map(String::from).chain(extensions).collect();
        if link == Link::Ethernet {
            expected.extend(only_frames);
        }
        for outcome in expected {
            let found = count.remove(&outcome).unwrap_or(0);
            assert!(found >= rarely, "{link:?}: {found} packets with {outcome}");
        }
        assert!(count.is_empty(), "{link:?}: not expected: {count:?}");
    }
}

fn outcomes(dissection: &Dissection) -> Vec<String> {
    let mut outcomes = vec![format!("{} tags", dissection.vlan_tags)];
    match dissection.network {
        Err(reason) => outcomes.push(
            match reason {
                NotHashable::FrameTruncated => "FrameTruncated",
                NotHashable::EtherType(_) => "EtherType",
                NotHashable::TooManyVlanTags => "TooManyVlanTags",
                NotHashable::IpVersion(_) => "IpVersion",
                NotHashable::IpTruncated => "IpTruncated",
            }
            .into(),
        ),
        Ok(Network::V4 { transport, .. }) => outcomes.push(format!("V4 {}", above(transport))),
        Ok(Network::V6 { extensions, transport, .. }) => {
            outcomes.push(format!("V6 {}", above(transport)));
            let count = extensions.map_or(0, |extensions| extensions.count);
            outcomes.push(format!("{count} extensions"));
            if let Some(Extensions { home_address, routing_address, .. }) = extensions {
                let which = match (home_address, routing_address) {
                    (Some(_), Some(_)) => "both addresses",
                    (Some(_), None) => "home address",
                    (None, Some(_)) => "routing address",
                    (None, None) => "neither address",
                };
                outcomes.push(which.into());
            }
        }
    }
    outcomes
}

fn above(transport: Result<Transport, NoPorts>) -> String {
    match transport {
        Ok(Transport { protocol, .. }) => format!("{protocol:?}"),
        Err(NoPorts::Protocol(_)) => "Protocol".into(),
        Err(reason) => format!("{reason:?}"),
    }
}

#[test]
fn configurations_reach_every_report() {
    let mut reports: BTreeMap<HashReport, usize> = BTreeMap::new();
    let packets = generate(packets(Link::Ethernet), 2);
    for (config, packet) in generate(configs(), 3).zip(packets).take(5_000) {
        let verdict = reference::classify(&config, Link::Ethernet, &packet);
        *reports.entry(verdict.report).or_default() += 1;
    }
    for report in HashReport::ALL {
        let found = reports.get(&report).copied().unwrap_or(0);
        assert!(found >= 50, "{found} packets with report {report}");
    }
}

#[test]
fn configurations_are_of_every_size() {
    let configs: Vec<_> = generate(configs(), 4).take(1_000).collect();
    let with_table = |len| configs.iter().filter(|config| config.table().len() == len).count();
    for len in (0..=10).map(|bits| 1 << bits).chain([65_536]) {
        assert!(with_table(len) > 0, "no table of {len}");
    }
    let shortest = |len| {
        configs.iter().any(|config| {
            config.key().as_bytes().len() == len && config.types().key_len_needed() == len
        })
    };
    for len in [0, 12, 16, 36, 40] {
        assert!(shortest(len), "no key of {len} for types that need as many");
    }
    assert!(configs.iter().any(|config| config.key().as_bytes().len() > 200));
}

#[test]
fn reference_gives_the_verdict_of_every_vector() {
    for vector in vector::all() {
        let verdict = reference::classify(&vector.config, vector.link, &vector.packet);
        assert_eq!(verdict, vector.expected, "{}: {}", vector.id, vector.comment);
    }
}
