//! The published vectors, by Rust.

use tunrss::hash::{
    HashKey, HashReport, HashTypes, InputTransform, Link, SteeringConfig, TunnelTypes,
};
use tunrss::{Device, DeviceOptions};
use tunrss_testkit::packet::{Packet, Upper, V4, V6};
use tunrss_testkit::vector;
use tunrss_uapi::{Setting, set};

use crate::traffic::PacketSocket;
use crate::{Made, hash, rss};

/// 172.17.0.0 to 172.17.0.1 and ffff:0::ac11:0 to ffff:0::ac11:1, ports 9 to 9, Microsoft's key: the values
/// that the tests of the series have.
fn known() -> Vec<(Packet, HashReport, u32)> {
    let v4 = V4::new([172, 17, 0, 0], [172, 17, 0, 1]);
    let v6 = |last: u16| [0xffff, 0, 0, 0, 0, 0, 0xac11, last];
    let v6 = V6::new(v6(0), v6(1));
    let other = || Upper::Other(253);
    vec![
        (Packet::new(v4.clone(), other()), HashReport::Ipv4, 0x6e45_d952),
        (Packet::tcp(v4.clone(), 9, 9), HashReport::TcpV4, 0xfb63_539a),
        (Packet::udp(v4, 9, 9), HashReport::UdpV4, 0xfb63_539a),
        (Packet::new(v6.clone(), other()), HashReport::Ipv6, 0xd6eb_560f),
        (Packet::tcp(v6.clone(), 9, 9), HashReport::TcpV6, 0xc2b9_f251),
        (Packet::udp(v6, 9, 9), HashReport::UdpV6, 0xc2b9_f251),
    ]
}

fn send(device: &Device, frame: &[u8]) {
    PacketSocket::new(device).send(frame).unwrap();
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn known_vectors_on_tap_and_tun() {
    for (name, options) in [("ru-tap", DeviceOptions::tap(4)), ("ru-tun", DeviceOptions::tun(4))] {
        let made = Made::new(name, options);
        let table = [3, 1, 0, 2];
        set(&made.queues[0], rss(&table, 2, true)).unwrap();
        for (packet, report, value) in known() {
            let frame = packet.to_bytes(made.device.link());
            send(&made.device, &frame);
            let (queue, header, found) = made.next();
            assert_eq!(hash(header), (value, report));
            assert_eq!(queue, usize::from(table[value as usize & 3]));
            assert_eq!(found, frame);
        }
        // The bodies of virtio's own commands.
        let mut body = vec![2, 0, 0, 0, 1, 0, 3, 0, 1, 0, 2, 0, 4, 0, 40];
        body.extend(HashKey::MICROSOFT.as_bytes());
        set(&made.queues[1], Setting::from_rss_config(&body, true).unwrap()).unwrap();
        for (packet, report, value) in known() {
            send(&made.device, &packet.to_bytes(made.device.link()));
            let (queue, header, _) = made.next();
            let (expected, of) = match report {
                HashReport::TcpV4 => ((value, report), [1, 2][value as usize & 1]),
                _ => ((0, HashReport::None), 3),
            };
            assert_eq!((hash(header), queue), (expected, of));
        }
        let mut body = vec![0x3f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 40];
        body.extend(HashKey::MICROSOFT.as_bytes());
        set(&made.queues[0], Setting::from_hash_config(&body).unwrap()).unwrap();
        for (packet, report, value) in known() {
            send(&made.device, &packet.to_bytes(made.device.link()));
            assert_eq!(hash(made.next().1), (value, report));
        }
    }
}

/// All of `conformance/` that virtio's plain RSS has: every hash type, those of extension headers too.
#[test]
#[ignore = "cargo xtask test bpf"]
fn conformance_vectors() {
    let mut count = 0;
    for (name, link) in [("ru-vec-tap", Link::Ethernet), ("ru-vec-tun", Link::Ip)] {
        let options = match link {
            Link::Ethernet => DeviceOptions::tap(4),
            Link::Ip => DeviceOptions::tun(4),
        };
        let made = Made::new(name, options);
        let mut in_force: Option<SteeringConfig<Vec<u16>>> = None;
        for vector in vector::all() {
            let config = &vector.config;
            let is_plain =
                config.tunnels() == TunnelTypes::NONE && config.transform() == InputTransform::None;
            // What a packet socket does not send.
            let is_sent = vector.link == link && vector.packet.len() >= 14;
            if !is_plain || !is_sent {
                continue;
            }
            if in_force.as_ref() != Some(config) {
                let setting = Setting::Rss { config: config.clone(), report: true };
                set(&made.queues[0], setting).unwrap();
                in_force = Some(config.clone());
            }
            send(&made.device, &vector.packet);
            let (queue, header, frame) = made.next();
            let expected = vector.expected;
            assert_eq!(hash(header), (expected.hash, expected.report), "{}", vector.id);
            assert_eq!(queue, usize::from(expected.queue) % 4, "{}", vector.id);
            assert_eq!(frame, vector.packet, "{}", vector.id);
            count += 1;
        }
    }
    println!("{count} vectors");
    assert!(count > 80, "{count}");
}

/// Types of none are no reason to refuse a setting.
#[test]
#[ignore = "cargo xtask test bpf"]
fn without_types_nothing_is_hashed() {
    let made = Made::new("ru-none", DeviceOptions::tap(2));
    let config = SteeringConfig::new(HashTypes::NONE, HashKey::new(&[]).unwrap(), vec![0], 1);
    set(&made.queues[0], Setting::Rss { config: config.unwrap(), report: true }).unwrap();
    for (packet, ..) in known() {
        send(&made.device, &packet.to_bytes(Link::Ethernet));
        let (queue, header, _) = made.next();
        assert_eq!((queue, hash(header)), (1, (0, HashReport::None)));
    }
}
