//! Queues of any number and size, stopped and started, and connections that come and go.

use tunrss::hash::VnetHdr;
use tunrss_testkit::vhost::{Ack, Buffers, Guest, Options, feature};

use crate::daemon_process::Daemon;
use crate::frames::{Large, flows, of_every_kind};
use crate::host::{Host, deadline, run, unique};
use crate::served::{Served, check, check_queues, config, queues_used, receive};

#[test]
#[ignore = "cargo xtask test bpf"]
fn rings_of_any_size() {
    for size in [2, 4, 64, 1024, 32_768] {
        let options = Options::default().ring_size(size).without(feature::INDIRECT_DESC);
        let mut served = Served::new("--queues 2", options.clone());
        let frames = of_every_kind(10, 1);
        if size > 2 {
            let config = config(2, 1);
            assert_eq!(served.guest.set_rss(&config).unwrap(), Ack::Ok);
            check(&served.pass(&frames), &config);
        }
        for frame in &frames {
            served.guest.send(0, &VnetHdr::default(), frame, &[]).unwrap();
            assert!(served.host.departed(deadline()).unwrap().1 == *frame);
        }
    }
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn any_number_of_pairs() {
    for pairs in [1, 3, 15, 16, 33, 127] {
        let options = Options::default().ring_size(64);
        let mut served = Served::new(&format!("--queues {pairs}"), options);
        if pairs > 1 {
            assert_eq!(served.guest.config.max_virtqueue_pairs, pairs);
        }
        assert_eq!(served.guest.pairs(), pairs);
        let config = config(pairs, 1);
        assert_eq!(served.guest.set_rss(&config).unwrap(), Ack::Ok);
        let frames = served.pass(&flows(1500, 60));
        check(&frames, &config);
        let mut named = config.table().to_vec();
        named.sort_unstable();
        named.dedup();
        assert_eq!(queues_used(&frames), named.len(), "{pairs}");
        for pair in 0..pairs {
            let frame = &flows(pair + 1, 60)[usize::from(pair)];
            served.guest.send(pair, &VnetHdr::default(), frame, &[]).unwrap();
            assert!(served.host.departed(deadline()).unwrap().1 == *frame);
        }
        let status = served.daemon.status();
        assert_eq!(status["rings"].as_array().unwrap().len(), usize::from(pairs));
    }
}

/// A guest with fewer CPUs than the device has queue pairs.
#[test]
#[ignore = "cargo xtask test bpf"]
fn rings_that_are_never_set_up() {
    let mut served = Served::new("--queues 4", Options::default().pairs(2));
    let config = config(2, 1);
    assert_eq!(served.guest.set_rss(&config).unwrap(), Ack::Ok);
    check(&served.pass(&of_every_kind(20, 1)), &config);
    served.assert_idle();
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn rings_go_on_where_they_were_stopped() {
    let mut served = Served::new("--queues 2", Options::default());
    let config = config(2, 1);
    assert_eq!(served.guest.set_rss(&config).unwrap(), Ack::Ok);
    let frames = of_every_kind(10, 1);
    let pairs = usize::from(served.guest.pairs());
    for _ in 0..5 {
        // What comes while they are stopped waits, or is lost; what comes after does not.
        check(&served.pass(&frames), &config);
        served.guest.send(1, &VnetHdr::default(), &frames[0], &[]).unwrap();
        served.guest.flush(1).unwrap();
        let bases = served.guest.stop().unwrap();
        assert_eq!(bases.len(), 2 * pairs + 1);
        for (queue, &base) in served.guest.queues.iter().zip(&bases) {
            // The device has taken no chain that it has not given back.
            assert_eq!(u32::from(queue.ring.used_index()), base, "queue {}", queue.index);
        }
        served.guest.resume(&bases).unwrap();
        assert_eq!(served.guest.set_rss(&config).unwrap(), Ack::Ok);
    }
    check(&served.pass(&frames), &config);
    assert_eq!(std::iter::from_fn(|| served.host.departed(deadline())).take(5).count(), 5);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn rings_are_stopped_under_load() {
    let mut served = Served::new("--queues 2", Options::default());
    let frames = flows(100, 200);
    for _ in 0..20 {
        for frame in &frames {
            served.host.arrive(&VnetHdr::default(), frame);
        }
        let bases = served.guest.stop().unwrap();
        for (queue, &base) in served.guest.queues.iter().zip(&bases) {
            assert_eq!(u32::from(queue.ring.used_index()), base, "queue {}", queue.index);
        }
        let used: Vec<_> =
            served.guest.queues.iter().map(|queue| queue.ring.used_index()).collect();
        served.host.arrive(&VnetHdr::default(), &frames[0]);
        let after: Vec<_> =
            served.guest.queues.iter().map(|queue| queue.ring.used_index()).collect();
        assert_eq!(used, after, "a ring that is stopped is used");
        served.guest.resume(&bases).unwrap();
        served.guest.receive_all().unwrap();
    }
    served.guest.reload(Options::default()).unwrap();
    drain(&mut served);
    served.pass(&frames);
}

/// Take what is under way, until a frame of our own has come through.
fn drain(served: &mut Served) {
    let last = flows(9999, 90).pop().unwrap();
    served.host.arrive(&VnetHdr::default(), &last);
    let deadline = deadline();
    let mut has_come = false;
    while !has_come {
        assert!(served.guest.wait(deadline).unwrap());
        has_come = served.guest.receive_all().unwrap().iter().any(|frame| frame.bytes == last);
    }
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn guests_come_and_go() {
    let mut served = Served::new("--queues 4", Options::default());
    let config = config(4, 1);
    let frames = of_every_kind(10, 1);
    for number in 0..10 {
        assert_eq!(served.guest.set_rss(&config).unwrap(), Ack::Ok);
        check(&served.pass(&frames), &config);
        // Half of them go while frames come.
        if number % 2 == 0 {
            frames.iter().for_each(|frame| served.host.arrive(&VnetHdr::default(), frame));
        }
        let options = if number % 3 == 0 {
            Options::default().without(feature::HASH_REPORT | feature::EVENT_IDX)
        } else {
            Options::default().buffers(Buffers::of(500))
        };
        served.reconnect(options);
        drain(&mut served);
        // Nothing is left of the one before.
        assert!(served.pass(&frames).iter().all(|frame| frame.queue == 0));
        served.reconnect(Options::default());
        drain(&mut served);
    }
    served.daemon.assert_alive();
}

/// While a guest is served, the status says so, and afterwards that there is none.
#[test]
#[ignore = "cargo xtask test bpf"]
fn status_tells_of_the_guest() {
    let host = Host::new();
    let tap = unique("tap");
    let daemon = Daemon::start(&tap, "--queues 2");
    host.connect(&tap);
    let status = daemon.status();
    assert_eq!((&status["schema"], &status["pairs"]), (&1.into(), &2.into()), "{status}");
    assert_eq!((&status["device"], &status["frontend"]), (&(&*tap).into(), &"waiting".into()));
    let mut guest = Guest::connect(daemon.socket(), Options::default()).unwrap();
    let config = config(2, 1);
    assert_eq!(guest.set_rss(&config).unwrap(), Ack::Ok);
    let frames = flows(20, 100);
    frames.iter().for_each(|frame| host.arrive(&VnetHdr::default(), frame));
    check_queues(&receive(&mut guest, &frames), &config);
    guest.send(1, &VnetHdr::default(), &frames[0], &[]).unwrap();
    guest.flush(1).unwrap();
    let status = daemon.status();
    assert_eq!(status["frontend"], "connected", "{status}");
    assert!(status["features"].as_array().unwrap().contains(&"rss".into()), "{status}");
    assert_eq!(status["received"]["command"], "RSS_CONFIG", "{status}");
    let key: Vec<_> = config.key().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    for place in ["received", "in_force"] {
        assert_eq!(status[place]["key"], key.join(":"), "{status}");
        assert_eq!(status[place]["table"], serde_json::json!(config.table()), "{status}");
        assert_eq!(status[place]["unclassified"], config.unclassified(), "{status}");
    }
    let rings = status["rings"].as_array().unwrap();
    let sum = |what: &str| rings.iter().map(|ring| ring["rx"][what].as_u64().unwrap()).sum::<u64>();
    assert_eq!(sum("packets"), 20_u64, "{status}");
    assert_eq!(
        sum("bytes"),
        frames.iter().map(|frame| frame.len() as u64).sum::<u64>(),
        "{status}"
    );
    assert_eq!(rings[1]["tx"]["packets"], 1, "{status}");
    assert_eq!(rings[0]["rx"]["running"], true, "{status}");
    drop(guest);
    crate::host::eventually("there is no guest", || daemon.status()["frontend"] == "waiting");
}

/// Several guests by several daemons, of which each gets its own.
#[test]
#[ignore = "cargo xtask test bpf"]
fn several_guests() {
    let mut all: Vec<_> = (0..3).map(|_| Served::new("--queues 2", Options::default())).collect();
    for (seed, served) in (0..).zip(&mut all) {
        assert_eq!(served.guest.set_rss(&config(2, seed)).unwrap(), Ack::Ok);
    }
    for (seed, served) in (0..).zip(&mut all) {
        check(&served.pass(&of_every_kind(20, 1)), &config(2, seed));
    }
    // Namespaces end in the order in which they were entered the other way around.
    while let Some(last) = all.pop() {
        drop(last);
    }
}

/// Buffers that lie across two regions of the guest's memory.
#[test]
#[ignore = "cargo xtask test bpf"]
fn memory_in_many_regions() {
    for regions in [2, 8, 32] {
        let options = Options { regions, ..Options::default() }.buffers(Buffers::of(70_000));
        let mut served = Served::new("--queues 2", options);
        let config = config(2, 1);
        assert_eq!(served.guest.set_rss(&config).unwrap(), Ack::Ok);
        for flow in 0..300 {
            let (header, bytes) = Large::TcpV6.frame(flow, 40, 1400);
            served.host.arrive(&header, &bytes);
            let frame = served.receive_some(1).remove(0);
            assert!(frame.bytes == bytes);
        }
        check(&served.pass(&of_every_kind(10, 1)), &config);
    }
}

/// Frames that the kernel cannot put a hash in front of have one all the same.
#[test]
#[ignore = "cargo xtask test bpf"]
fn large_mtu() {
    for mtu in ["16000", "16001", "60000"] {
        let mut served = Served::new(&format!("--queues 4 --mtu {mtu}"), Options::default());
        for device in [served.host.wire_name(), served.host.bridge()] {
            run(&format!("ip link set dev {device} mtu {mtu}"));
        }
        let config = config(4, 1);
        assert_eq!(served.guest.set_rss(&config).unwrap(), Ack::Ok);
        let headers = 28;
        for payload in [100, mtu.parse::<usize>().unwrap() - headers] {
            check(&served.pass(&flows(8, payload)), &config);
        }
    }
}
