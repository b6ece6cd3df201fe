//! Do the strategies reach every path, and does the naive reference know the published values?

use std::collections::BTreeMap;

use tunrss_hash::dissect::{
    Dissection, Extensions, MAX_EXTENSION_HEADERS, MAX_VLAN_TAGS, Network, NoPorts, NotHashable,
    Transport, dissect,
};
use tunrss_hash::tunnel::{Inner, NoTunnel, Tunnel, dissect_inner, recognise};
use tunrss_hash::{HashReport, InputTransform, Link, TunnelTypes};
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

/// Each of these tunnels, reasons for there being none, and outcomes inside a tunnel, is that of at
/// least one packet in 5,000.
#[test]
fn packets_reach_every_tunnel() {
    const PACKETS: usize = 50_000;
    let rarely = PACKETS / 5000;
    for link in [Link::Ethernet, Link::Ip] {
        let mut count: BTreeMap<String, usize> = BTreeMap::new();
        for packet in generate(packets(link), 7).take(PACKETS) {
            for outcome in tunnel_outcomes(link, &packet) {
                *count.entry(outcome).or_default() += 1;
            }
        }
        let kinds = [
            "gre,gre-2890 Ipv4",
            "gre,gre-2890 Ethernet",
            "gre-2890 Ipv4",
            "gre-2890 Ethernet",
            "gre-2890,nvgre Ethernet",
            "gre-7676 Ipv4",
            "gre-7676 Ipv6",
            "gre-7676 Ethernet",
            "gre-7676,nvgre Ethernet",
            "gre-udp Ipv4",
            "gre-udp Ipv6",
            "gre-udp Ethernet",
            "vxlan Ethernet",
            "vxlan-gpe Ipv4",
            "vxlan-gpe Ipv6",
            "vxlan-gpe Ethernet",
            "geneve Ipv4",
            "geneve Ipv6",
            "geneve Ethernet",
            "ipip Ipv4",
            "GRE behind an encapsulation limit",
            "UDP behind an encapsulation limit",
        ];
        let none = [
            "NotIp",
            "Fragment",
            "HeaderLength",
            "ExtensionHeaders",
            "Protocol",
            "Port",
            "Truncated",
            "Header",
            "Payload",
        ];
        let inside = [
            "in a tunnel",
            "0 tags",
            "1 tags",
            "2 tags",
            "TooManyVlanTags",
            "FrameTruncated",
            "EtherType",
            "IpVersion",
            "IpTruncated",
            "V4 Tcp",
            "V4 Udp",
            "V4 Fragment",
            "V4 Truncated",
            "V4 HeaderLength",
            "V6 Tcp",
            "V6 Udp",
            "V6 Fragment",
            "V6 Truncated",
            "V6 TooManyExtensionHeaders",
            "0 extensions",
            "1 extensions",
            "4 extensions",
            "home address",
            "routing address",
            "both addresses",
            "neither address",
        ];
        for outcome in kinds.into_iter().chain(none) {
            let found = count.remove(outcome).unwrap_or(0);
            assert!(found >= rarely, "{link:?}: {found} packets with {outcome}");
        }
        for outcome in inside {
            let found = count.remove(&format!("inside: {outcome}")).unwrap_or(0);
            assert!(found >= rarely, "{link:?}: {found} inner packets with {outcome}");
        }
        count.retain(|outcome, _| !outcome.starts_with("inside: "));
        assert!(count.is_empty(), "{link:?}: not expected: {count:?}");
    }
}

fn tunnel_outcomes(link: Link, packet: &[u8]) -> Vec<String> {
    let outer = dissect(link, packet);
    let tunnel = match recognise(link, packet, &outer) {
        Ok(tunnel) => tunnel,
        Err(reason) => {
            let reason = format!("{reason:?}");
            return vec![reason.split('(').next().unwrap_or_default().into()];
        }
    };
    let Tunnel { types, inner, offset } = tunnel;
    let inner_link = if inner == Inner::Ethernet { Link::Ethernet } else { Link::Ip };
    let dissection = dissect_inner(packet, &tunnel);
    let mut inside = outcomes(&dissection);
    if recognise(inner_link, &packet[offset..], &dissection).is_ok() {
        inside.push("in a tunnel".into());
    }
    let inside = inside.into_iter().map(|outcome| format!("inside: {outcome}"));
    let mut outcomes = vec![format!("{types} {inner:?}")];
    if let Ok(Network::V6 { extensions: Some(_), .. }) = outer.network {
        let is_gre = types.intersects(TunnelTypes::GRE_7676);
        let kind = if is_gre { "GRE" } else { "UDP" };
        outcomes.push(format!("{kind} behind an encapsulation limit"));
    }
    outcomes.extend(inside);
    outcomes
}

/// A tunnel that is cut off anywhere in its headers is none.
#[test]
fn cut_tunnel_headers_are_none() {
    for link in [Link::Ethernet, Link::Ip] {
        let mut tunnels = 0;
        for packet in generate(packets(link), 8).take(2_000) {
            let Ok(tunnel) = recognise(link, &packet, &dissect(link, &packet)) else { continue };
            tunnels += 1;
            for len in 0..packet.len() {
                let packet = &packet[..len];
                let found = recognise(link, packet, &dissect(link, packet));
                match found {
                    Ok(found) => assert_eq!((found, len >= tunnel.offset), (tunnel, true)),
                    Err(NoTunnel::Truncated | NoTunnel::NotIp) => assert!(len < tunnel.offset),
                    Err(other) => panic!("{other:?} after {len} bytes of {packet:02x?}"),
                }
            }
        }
        assert!(tunnels >= 100, "{tunnels}");
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
    for tunnels in TunnelTypes::NAMES
        .map(|(_, one)| one)
        .into_iter()
        .chain([TunnelTypes::NONE, TunnelTypes::ALL])
    {
        assert!(configs.iter().any(|config| config.tunnels() == tunnels), "none with {tunnels}");
    }
    for transform in InputTransform::ALL {
        assert!(configs.iter().any(|config| config.transform() == transform), "{transform}");
    }
}

#[test]
fn reference_gives_the_verdict_of_every_vector() {
    for vector in vector::all() {
        let verdict = reference::classify(&vector.config, vector.link, &vector.packet);
        assert_eq!(verdict, vector.expected, "{}: {}", vector.id, vector.comment);
    }
}
