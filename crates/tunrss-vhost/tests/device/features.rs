//! Each feature bit that is offered: that it does what virtio says, and that the device does without
//! where the driver does not accept it. Those of offloads are in `offloads.rs`.

use std::time::{Duration, Instant};

use tunrss::hash::{HashConfig, HashTypes, SteeringConfig, VnetHdr, VnetHdrLen};
use tunrss_testkit::vhost::command::{
    HASH_CONFIG, MAC_ADDR_SET, MAC_TABLE_SET, RX_ALLMULTI, RX_PROMISC,
};
use tunrss_testkit::vhost::{Ack, Buffers, Frontend, NetConfig, Options, event, feature};

use crate::daemon_process::Daemon;
use crate::frames::{Large, flows, of_every_kind};
use crate::host::{Host, unique};
use crate::served::{
    Served, check, check_hashes, check_no_hashes, check_queues, config, queues_used,
};

/// What a device of several queue pairs offers.
const OFFERED: u64 = feature::CSUM
    | feature::GUEST_CSUM
    | feature::CTRL_GUEST_OFFLOADS
    | feature::MTU
    | feature::MAC
    | feature::GUEST_TSO4
    | feature::GUEST_TSO6
    | feature::GUEST_ECN
    | feature::HOST_TSO4
    | feature::HOST_TSO6
    | feature::HOST_ECN
    | feature::MRG_RXBUF
    | feature::STATUS
    | feature::CTRL_VQ
    | feature::CTRL_RX
    | feature::MQ
    | feature::CTRL_MAC_ADDR
    | feature::INDIRECT_DESC
    | feature::EVENT_IDX
    | feature::PROTOCOL_FEATURES
    | feature::VERSION_1
    | feature::GUEST_USO4
    | feature::GUEST_USO6
    | feature::HOST_USO
    | feature::HASH_REPORT
    | feature::RSS;

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_version_1() {
    let served = Served::new("--queues 2", Options::default());
    let offered = served.guest.handshake.offered;
    let names = |bits: u64| -> Vec<_> {
        let of = feature::ALL.iter().filter(|(_, bit)| bits & bit != 0);
        of.map(|(name, _)| *name).collect()
    };
    assert_eq!(names(offered), names(OFFERED));
    assert_eq!(offered, OFFERED, "{offered:#x} has bits that no test is about");
    assert_eq!(served.guest.handshake.queues, Some(5));
    // `num_buffers` is there even though there is only one (virtio 1.4, "Device Operation" of the
    // network device).
    let without = feature::HASH_REPORT | feature::MRG_RXBUF;
    let options = Options::default().without(without).buffers(Buffers::big());
    let mut served = Served::new("--queues 2", options);
    assert_eq!(served.guest.header_len(), VnetHdrLen::V1);
    for frame in served.pass(&flows(10, 100)) {
        assert_eq!(frame.header, VnetHdr { num_buffers: 1, ..VnetHdr::default() });
    }
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_mac() {
    let served = Served::new("--mac 02:12:34:56:78:9a", Options::default());
    assert_eq!(served.guest.config.mac, [0x02, 0x12, 0x34, 0x56, 0x78, 0x9a]);
    let made = [(); 2].map(|()| Served::new("", Options::default()).guest.config.mac);
    for mac in made {
        assert_eq!(mac[0] & 3, 2, "{mac:02x?} is of a group, or somebody's");
    }
    assert_ne!(made[0], made[1]);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_status() {
    let served = Served::new("", Options::default());
    assert_eq!(served.guest.config.status, 1);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_mtu() {
    assert_eq!(Served::new("", Options::default()).guest.config.mtu, 1500);
    let served = Served::new("--mtu 1400", Options::default());
    assert_eq!(served.guest.config.mtu, 1400);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_ctrl_vq() {
    let mut served = Served::new("--queues 2", Options::default());
    for command in [(0, 99), (4, 3), (77, 0), (255, 255)] {
        assert_eq!(served.guest.command(command, &[0; 8]).unwrap(), Ack::Error, "{command:?}");
    }
    // Descriptors in any number, in any place, and more room for the answer than there is answer.
    let config = config(2, 1);
    let mut bytes = vec![4, 1];
    rss_body(&config, &mut bytes);
    for sizes in [vec![2], vec![1, 1], vec![2, 8, 256, 3], vec![1; 60], vec![0, 2, 0, 0, 5]] {
        for ack in [1, 2, 64] {
            let answer = served.guest.command_in(&bytes, &sizes, ack).unwrap();
            assert_eq!(answer, Ack::Ok, "{sizes:?} {ack}");
        }
    }
    check(&served.pass(&of_every_kind(20, 1)), &config);
    // More commands than the ring has descriptors.
    for _ in 0..600 {
        assert_eq!(served.guest.set_pairs(2).unwrap(), Ack::Ok);
    }
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_ctrl_vq_without() {
    let arguments = "--queues 4 --weight 1,0,2,1 --types ipv4,udpv4,tcpv6";
    let without = feature::CTRL_VQ | feature::RSS | feature::CTRL_RX | feature::CTRL_MAC_ADDR;
    let options = Options::default().without(without | feature::CTRL_GUEST_OFFLOADS);
    let mut served = Served::new(&format!("{arguments} --hkey {KEY}"), options);
    let types = HashTypes::IPV4 | HashTypes::UDPV4 | HashTypes::TCPV6;
    let config = operators(types, &[1, 0, 2, 1]);
    let frames = served.pass(&of_every_kind(40, 1));
    check(&frames, &config);
    assert_eq!(queues_used(&frames), 3);
    let status = served.daemon.status();
    assert_eq!(status["in_force"]["by"], "operator", "{status}");
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_mq() {
    let mut served = Served::new("--queues 4", Options::default());
    assert_eq!(served.guest.config.max_virtqueue_pairs, 4);
    let frames = of_every_kind(30, 1);
    // Until the driver says more (virtio 1.4, "Automatic receive steering in multiqueue mode").
    assert!(served.pass(&frames).iter().all(|frame| frame.queue == 0));
    for pairs in [4, 2, 3, 1, 4] {
        assert_eq!(served.guest.set_pairs(pairs).unwrap(), Ack::Ok);
        let received = served.pass(&frames);
        assert!(received.iter().all(|frame| frame.queue < pairs), "{pairs}");
        // The kernel steers by a hash of its own: 330 flows do not all fall on few queues.
        assert_eq!(queues_used(&received), usize::from(pairs));
    }
    for pairs in [0, 5, 0x8000, 0xffff] {
        assert_eq!(served.guest.set_pairs(pairs).unwrap(), Ack::Error, "{pairs}");
    }
    assert_eq!(queues_used(&served.pass(&frames)), 4);

    let without = feature::MQ | feature::RSS;
    let mut served = Served::new("--queues 4", Options::default().without(without));
    assert_eq!(served.guest.pairs(), 1);
    assert!(served.pass(&frames).iter().all(|frame| frame.queue == 0));
    assert_eq!(served.guest.set_pairs(1).unwrap(), Ack::Error);
}

/// The kernel sends a flow to the queue that its other direction comes from.
#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_mq_follows_flows() {
    use tunrss::hash::Link;
    use tunrss_testkit::packet::{Packet, V4};
    let mut served = Served::new("--queues 4", Options::default());
    assert_eq!(served.guest.set_pairs(4).unwrap(), Ack::Ok);
    for port in 2000..2016_u16 {
        let pair = port / 2 % 4;
        let out = Packet::udp(V4::new(2, 1), 53, port).payload(&[1; 20]).to_bytes(Link::Ethernet);
        served.guest.send(pair, &VnetHdr::default(), &out, &[]).unwrap();
        served.guest.flush(pair).unwrap();
        let back = Packet::udp(V4::new(1, 2), port, 53).payload(&[2; 20]).to_bytes(Link::Ethernet);
        let received = served.pass(&[back]);
        assert_eq!(received[0].queue, pair, "port {port}");
    }
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_rss() {
    let options = Options::default().without(feature::HASH_REPORT);
    let mut served = Served::new("--queues 4", options);
    assert_eq!(served.guest.header_len(), VnetHdrLen::V1);
    let NetConfig { rss_max_key_size, rss_max_indirection_table_length, .. } = served.guest.config;
    assert_eq!((rss_max_key_size, rss_max_indirection_table_length), (40, 128));
    assert_eq!(served.guest.config.supported_hash_types, HashTypes::BASIC.bits());
    for seed in 0..8 {
        let config = config(4, seed);
        assert_eq!(served.guest.set_rss(&config).unwrap(), Ack::Ok);
        let frames = served.pass(&of_every_kind(30, seed as u16));
        check_queues(&frames, &config);
        check_no_hashes(&frames);
        assert_eq!(queues_used(&frames), 4);
    }
    // Smaller tables, fewer types.
    for (types, table) in [
        (HashTypes::IPV4, vec![3, 1]),
        (HashTypes::NONE, vec![0]),
        (HashTypes::UDPV4 | HashTypes::IPV6, vec![0, 1, 2, 3, 3, 2, 1, 0]),
    ] {
        let key = *config(4, 99).key();
        let config = SteeringConfig::new(types, key, table, 2).unwrap();
        assert_eq!(served.guest.set_rss(&config).unwrap(), Ack::Ok);
        check_queues(&served.pass(&of_every_kind(20, 77)), &config.copied_into());
    }
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_rss_without() {
    let mut served = Served::new("--queues 4", Options::default().without(feature::RSS));
    assert_eq!(served.guest.set_rss(&config(4, 1)).unwrap(), Ack::Error);
    assert_eq!(served.guest.set_pairs(4).unwrap(), Ack::Ok);
    assert_eq!(queues_used(&served.pass(&of_every_kind(30, 1))), 4);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_hash_report() {
    let mut served = Served::new("--queues 4", Options::default());
    assert_eq!(served.guest.header_len(), VnetHdrLen::V1Hash);
    // Before any command there is neither steering nor report.
    check_no_hashes(&served.pass(&of_every_kind(5, 3)));
    for seed in 0..8 {
        let config = config(4, seed);
        assert_eq!(served.guest.set_rss(&config).unwrap(), Ack::Ok);
        let frames = served.pass(&of_every_kind(30, seed as u16));
        check(&frames, &config);
        assert_eq!(queues_used(&frames), 4);
    }
    let mut served = Served::new("--queues 4", Options::default().without(feature::HASH_REPORT));
    let body = hash_body(&config(4, 1));
    assert_eq!(served.guest.command(HASH_CONFIG, &body).unwrap(), Ack::Error);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_hash_report_without_rss() {
    let mut served = Served::new("--queues 4", Options::default().without(feature::RSS));
    for seed in 0..4 {
        let config = config(4, seed);
        assert_eq!(served.guest.command(HASH_CONFIG, &hash_body(&config)).unwrap(), Ack::Ok);
        for pairs in [1, 4] {
            assert_eq!(served.guest.set_pairs(pairs).unwrap(), Ack::Ok);
            let frames = served.pass(&of_every_kind(30, seed as u16));
            check_hashes(&frames, &config);
            assert_eq!(queues_used(&frames), usize::from(pairs));
        }
    }
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_mrg_rxbuf() {
    for (len, regions) in [(256, 1), (1526, 3), (4096, 7), (70_000, 1)] {
        let mut options = Options::default().buffers(Buffers::of(len));
        options.regions = regions;
        let mut served = Served::new("--queues 2", options);
        assert_eq!(served.guest.set_rss(&config(2, 5)).unwrap(), Ack::Ok);
        for (number, segments) in (0..).zip([1, 2, 7, 20, 44]) {
            let (header, bytes) = Large::TcpV4.frame(number, segments, 1448);
            served.host.arrive(&header, &bytes);
            let frame = served.receive_some(1).remove(0);
            assert!(frame.bytes == bytes, "{len} {segments}: {:?}", frame.header);
            let buffers = (20 + bytes.len()).div_ceil(len as usize);
            assert_eq!(usize::from(frame.header.num_buffers), buffers, "{len} {segments}");
            check(&[frame], &config(2, 5));
        }
        check(&served.pass(&of_every_kind(20, 1)), &config(2, 5));
    }
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_mrg_rxbuf_without() {
    for header_in_own_part in [true, false] {
        let mut buffers = Buffers::big();
        if !header_in_own_part {
            buffers = Buffers { parts: vec![1, 3, 70_000], ..buffers };
        }
        let options = Options::default().without(feature::MRG_RXBUF).buffers(buffers);
        let mut served = Served::new("--queues 2", options);
        let config = config(2, 5);
        assert_eq!(served.guest.set_rss(&config).unwrap(), Ack::Ok);
        let (header, bytes) = Large::TcpV4.frame(1, 44, 1448);
        served.host.arrive(&header, &bytes);
        let frame = served.receive_some(1).remove(0);
        assert!(frame.bytes == bytes);
        check(&[frame], &config);
        check(&served.pass(&of_every_kind(30, 1)), &config);
    }
    // A frame that does not fit is lost; its buffer is not, nor are others.
    let without = feature::MRG_RXBUF | feature::GUEST_CSUM;
    let options = Options::default().without(without).buffers(Buffers::of(512));
    let mut served = Served::new("", options);
    let (long, short) = (flows(3, 1000), flows(3, 100));
    for frame in [&long[0], &short[0], &long[1], &long[2], &short[1], &short[2]] {
        served.host.arrive(&VnetHdr::default(), frame);
    }
    served.receive(&short);
    let status = served.daemon.status();
    assert_eq!(status["rings"][0]["rx"]["dropped"], 3, "{status}");
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_event_idx() {
    for features in [u64::MAX, !feature::EVENT_IDX] {
        let options = Options { features, ..Options::default() };
        let mut served = Served::new("", options);
        let frames = flows(50, 100);
        served.pass(&frames);
        // A driver that wants no calls gets none.
        let queue = served.guest.rx(0);
        queue.ring.disable_calls();
        event::take(&queue.call);
        for frame in &frames {
            served.host.arrive(&VnetHdr::default(), frame);
        }
        let all = queue.ring.used_index().wrapping_add(0);
        let queue = served.guest.rx(0);
        crate::host::eventually("all have come", || {
            queue.ring.used_index().wrapping_sub(all) <= 50 && queue.ring.used_index() == 100
        });
        let soon = Instant::now() + Duration::from_millis(50);
        assert!(!event::wait(&[&queue.call], soon).unwrap(), "{features:#x}");
        // It is told when it wants to be again.
        assert!(queue.ring.enable_calls());
        served.receive(&frames);
        for frame in &frames {
            assert!(!served.guest.rx(0).ring.enable_calls());
            served.host.arrive(&VnetHdr::default(), frame);
            let call = &served.guest.rx(0).call;
            assert!(event::wait(&[call], crate::host::deadline()).unwrap(), "{features:#x}");
            event::take(call);
            served.receive(std::slice::from_ref(frame));
        }
        served.assert_idle();
    }
}

/// A device that has buffers need not be told of more.
#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_event_idx_saves_kicks() {
    let mut served = Served::new("", Options::default());
    let frames = flows(250, 100);
    served.pass(&frames);
    let before = served.guest.rx(0).kicks;
    for _ in 0..10 {
        served.pass(&frames);
    }
    let kicks = served.guest.rx(0).kicks - before;
    assert!(kicks < 25, "{kicks} for 2500 frames");
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_indirect_desc() {
    for features in [u64::MAX, !feature::INDIRECT_DESC] {
        for merge in [u64::MAX, !feature::MRG_RXBUF] {
            let options = Options { features: features & merge, ..Options::default() };
            let mut served = Served::new("--queues 2", options.buffers(Buffers::big()));
            let config = config(2, 5);
            assert_eq!(served.guest.set_rss(&config).unwrap(), Ack::Ok);
            let (header, bytes) = Large::TcpV4.frame(1, 44, 1448);
            served.host.arrive(&header, &bytes);
            assert!(served.receive_some(1)[0].bytes == bytes);
            check(&served.pass(&of_every_kind(20, 1)), &config);
            // Sent in many parts.
            let (header, bytes) = Large::TcpV6.frame(2, 10, 1000);
            served.guest.send(1, &header, &bytes, &[1; 40]).unwrap();
            let (departed, frame) = served.host.departed(crate::host::deadline()).unwrap();
            assert_eq!(departed.gso_type, header.gso_type);
            assert!(frame == bytes);
            served.guest.flush(1).unwrap();
        }
    }
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_ctrl_rx() {
    let mut served = Served::new("", Options::default());
    for (command, body) in [
        (RX_PROMISC, vec![1]),
        (RX_PROMISC, vec![0]),
        (RX_ALLMULTI, vec![1]),
        (RX_ALLMULTI, vec![0]),
        (MAC_TABLE_SET, [[0; 4], [0; 4]].concat()),
        (
            MAC_TABLE_SET,
            [&[1, 0, 0, 0, 2, 0, 0, 0, 0, 9][..], &[1, 0, 0, 0, 1, 0, 94, 0, 0, 1]].concat(),
        ),
    ] {
        assert_eq!(served.guest.command(command, &body).unwrap(), Ack::Ok, "{command:?}");
    }
    assert_eq!(served.guest.command(RX_PROMISC, &[]).unwrap(), Ack::Error);
    served.pass(&flows(10, 100));
    let mut served = Served::new("", Options::default().without(feature::CTRL_RX));
    assert_eq!(served.guest.command(RX_PROMISC, &[1]).unwrap(), Ack::Error);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn feature_ctrl_mac_addr() {
    let mut served = Served::new("", Options::default());
    let mac = [2, 9, 8, 7, 6, 5];
    assert_eq!(served.guest.command(MAC_ADDR_SET, &mac).unwrap(), Ack::Ok);
    let bytes = served.guest.frontend.config(0, NetConfig::LEN).unwrap();
    assert_eq!(NetConfig::decode(&bytes).unwrap().mac, mac);
    assert_eq!(served.guest.command(MAC_ADDR_SET, &mac[..5]).unwrap(), Ack::Error);
    let mut served = Served::new("", Options::default().without(feature::CTRL_MAC_ADDR));
    assert_eq!(served.guest.command(MAC_ADDR_SET, &mac).unwrap(), Ack::Error);
}

/// What is offered depends on what is asked for.
#[test]
#[ignore = "cargo xtask test bpf"]
fn offered_is_what_can_be_had() {
    for (arguments, missing) in [("--queues 1", 0), ("--queues 2 --rss host", feature::RSS)] {
        let tap = unique("tap");
        let _host = Host::new();
        let daemon = Daemon::start(&tap, arguments);
        let mut frontend = Frontend::connect(daemon.socket()).unwrap();
        let offered = frontend.handshake(Options::default().protocol).unwrap().offered;
        assert_eq!(OFFERED & !offered, missing, "{arguments}");
        assert_eq!(offered & !OFFERED, 0, "{arguments}");
    }
}

/// The operator's setting, where the guest may not set its own.
#[test]
#[ignore = "cargo xtask test bpf"]
fn operators_setting_holds() {
    let arguments = format!("--queues 4 --rss host --hkey {KEY} --weight 1,1,1,0");
    let mut served = Served::new(&arguments, Options::default());
    assert!(!served.guest.has(feature::RSS));
    let config = operators(HashTypes::BASIC, &[1, 1, 1, 0]);
    assert_eq!(served.guest.set_pairs(4).unwrap(), Ack::Ok);
    let frames = served.pass(&of_every_kind(30, 1));
    check_queues(&frames, &config);
    assert_eq!(queues_used(&frames), 3);
    let status = served.daemon.status();
    assert_eq!(status["in_force"]["by"], "operator", "{status}");
}

const KEY: &str = "6d:5a:56:da:25:5b:0e:c2:41:67:25:3d:43:a3:8f:b0:d0:ca:2b:cb:ae:7b:30:b4:77:cb:2d:\
                   a3:80:30:f2:0c:6a:42:b7:3b:be:ac:01:fa";

/// What the operator's arguments say, with [`KEY`].
fn operators(types: HashTypes, weights: &[u32]) -> tunrss::Config {
    let mut table = vec![0; 128];
    tunrss::hash::config::fill_weighted(&mut table, 0, weights).unwrap();
    let key = KEY.parse().unwrap();
    SteeringConfig::new(types, key, table, 0).unwrap()
}

/// The body of `RSS_CONFIG`.
pub(crate) fn rss_body(config: &tunrss::Config, out: &mut Vec<u8>) {
    let config = tunrss::hash::RssConfig { steering: config.as_borrowed(), max_tx_vq: 1 };
    config.encode(out);
}

/// The body of `HASH_CONFIG`.
pub(crate) fn hash_body(config: &tunrss::Config) -> Vec<u8> {
    let HashConfig { types, key } = HashConfig { types: config.types(), key: *config.key() };
    let key = key.as_bytes();
    [&types.bits().to_le_bytes()[..], &[0; 8], &[key.len() as u8], key].concat()
}
