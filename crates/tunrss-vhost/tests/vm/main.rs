//! The daemon under real guests: user-mode Linux 6.1, which hands its control queue over, and QEMU 10,
//! which keeps it to itself; with real traffic from the host.
//!
//! Needs root in the initial user namespace, busybox, ethtool, cc, util-linux, and the folders `guest`,
//! `guest-uml` and `guest-qemu` of the target folder. Run by `cargo xtask test vm`, which takes care of
//! them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../../tunrss-cli/tests/vm/console.rs"]
mod console;
mod guest;
mod host;
#[path = "../../../tunrss-cli/tests/vm/initramfs.rs"]
mod initramfs;
mod marked;
mod qemu;
mod setting;
mod streams;
#[path = "../../../tunrss-cli/tests/harness/temp_file.rs"]
mod temp_file;
#[expect(dead_code, reason = "of how others send and read, only the sending is wanted here")]
#[path = "../../../tunrss/tests/traffic/mod.rs"]
mod traffic;
mod uml;

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tunrss::hash::{HashKey, HashTypes};
use tunrss_vhost::status::Status;

use guest::Guest;
use host::{Daemon, Host};
use marked::Arrival;
use setting::{Setting, assert_in_force, equal, names, shown};
use traffic::{THERE_V4, THERE_V6};

/// Frames of every kind, and flows of the host's kernel: all are on the queue that `classify` names, and
/// their hash in the guest is that of `classify`.
#[test]
#[ignore = "cargo xtask test vm"]
fn uml_gets_every_frame_where_its_setting_says() {
    let host = Host::new();
    let daemon = host.serve("--queues 4");
    let mut guest = uml::boot(&host);
    streams::serve(&mut guest);
    for feature in ["rss", "hash_report", "mq", "ctrl_vq", "mrg_rxbuf"] {
        assert!(has(&daemon.status(), feature), "{feature}: {:#?}", daemon.status());
    }
    open_up(&mut guest);
    let frames = marked::frames();
    for setting in [Setting::skewed(), Setting::other()] {
        setting.set(&mut guest);
        let config = setting.config(HashTypes::BASIC);
        assert_eq!(shown(&mut guest), (config.table().to_vec(), config.key().to_string()));
        let status = daemon.status();
        assert_in_force(&status, "guest", &config, true);
        let received = status.received.unwrap();
        assert_eq!((received.command.as_str(), received.bytes), ("RSS_CONFIG", 309));
        assert_eq!(received.key, Some(config.key().to_string()));
        marked::check(&daemon, &mut guest, &frames, &config, true);
        marked::check(&daemon, &mut guest, &marked::flows(), &config, true);
    }
}

/// Each thing that the guest can do about queues and hash does what virtio says, and the status tells.
#[test]
#[ignore = "cargo xtask test vm"]
fn uml_changes_its_mind() {
    let host = Host::new();
    let daemon = host.serve("--queues 4");
    let mut guest = uml::boot(&host);
    let frames = marked::frames();
    assert_untouched(&daemon, &mut guest);

    // A table that nobody has set is not sent again: it stays the kernel's choice.
    guest.run("ethtool -L eth0 combined 4");
    let status = daemon.status();
    assert_eq!(queue_pairs_set(&status), Some(4));
    assert_eq!((status.in_force.steering.as_str(), status.in_force.queues), ("automatic", 4));

    guest.run("ethtool -K eth0 rxhash on");
    guest.run("ethtool -K eth0 gro off");
    let setting = Setting::other();
    setting.set(&mut guest);
    let check = |guest: &mut Guest, types: HashTypes| {
        let config = setting.config(types);
        let status = daemon.status();
        assert_eq!(status.received.as_ref().unwrap().types, Some(names(types)));
        assert_in_force(&status, "guest", &config, true);
        marked::check(&daemon, guest, &frames, &config, true);
    };
    check(&mut guest, HashTypes::BASIC);

    // No types: everything is on the queue of what has no hash.
    guest.run("ethtool -K eth0 rxhash off");
    check(&mut guest, HashTypes::NONE);
    guest.run("ethtool -K eth0 rxhash on");
    check(&mut guest, HashTypes::BASIC);

    // UDP by addresses alone.
    guest.run("ethtool -N eth0 rx-flow-hash udp4 sd");
    check(&mut guest, without(HashTypes::BASIC, HashTypes::UDPV4));
    guest.run("ethtool -N eth0 rx-flow-hash udp4 sdfn");
    check(&mut guest, HashTypes::BASIC);

    // The guest refuses to take away a queue that its table names, and sends nothing.
    guest.run("! ethtool -L eth0 combined 2");
    check(&mut guest, HashTypes::BASIC);

    // The number of queues alone ends RSS, though the guest goes on showing its table.
    guest.run("ethtool -X eth0 equal 2");
    let table = shown(&mut guest).0;
    guest.run("ethtool -L eth0 combined 3");
    assert_eq!(shown(&mut guest).0, table);
    let status = daemon.status();
    assert_eq!(queue_pairs_set(&status), Some(3));
    assert_eq!((status.in_force.steering.as_str(), status.in_force.queues), ("automatic", 3));
    assert!(!status.notes.is_empty(), "{status:#?}");
    let arrivals = marked::send(&daemon, &mut guest, &frames);
    assert!(arrivals.iter().all(|arrival| arrival.queue < 3), "{arrivals:?}");

    guest.run("ethtool -L eth0 combined 4");
    setting.set(&mut guest);
    check(&mut guest, HashTypes::BASIC);
    assert!(daemon.status().notes.is_empty(), "{:#?}", daemon.status());
}

/// A driver that was taken away, and a guest that has started anew, begin at the beginning. Neither is
/// less well served than the first.
#[test]
#[ignore = "cargo xtask test vm"]
fn uml_starts_again() {
    let host = Host::new();
    let daemon = host.serve("--queues 4");
    let mut guest = uml::boot(&host);
    let frames = marked::frames();
    let setting = Setting::skewed();
    let check = |guest: &mut Guest| {
        assert_untouched(&daemon, guest);
        open_up(guest);
        setting.set(guest);
        let config = setting.config(HashTypes::BASIC);
        assert_in_force(&daemon.status(), "guest", &config, true);
        marked::check(&daemon, guest, &frames, &config, true);
    };
    check(&mut guest);
    for _ in 0..3 {
        guest.run("busybox rmmod virtio_net");
        guest.run("busybox insmod /modules/drivers/net/virtio_net.ko && up");
        check(&mut guest);
    }
    for _ in 0..2 {
        drop(guest);
        daemon.status_when("nobody is there", |status| status.frontend == "waiting");
        guest = uml::boot(&host);
        check(&mut guest);
    }
    guest.console.start("busybox poweroff -f");
    daemon.status_when("nobody is there", |status| status.frontend == "waiting");
}

/// QEMU offers its guest no RSS, and tells the backend nothing: the operator's setting holds, and with
/// the hash if the guest has asked for it.
#[test]
#[ignore = "cargo xtask test vm"]
fn qemu_gets_every_frame_where_the_operators_setting_says() {
    let key = Setting::other().key;
    let frames = marked::frames();
    for hash in ["on", "off"] {
        let host = Host::new();
        let daemon = host.serve(&format!("--queues 4 --hkey {key}"));
        let mut guest = qemu::boot(&host, hash);
        streams::serve(&mut guest);
        assert!(!has(&daemon.status(), "rss"), "{:#?}", daemon.status());
        assert_eq!(has(&daemon.status(), "hash_report"), hash == "on");
        // A guest has as many queues as CPUs from the start.
        let has_report = hash == "on";
        if has_report {
            guest.run("ethtool -K eth0 rxhash on");
        }
        guest.run("ethtool -K eth0 gro off");
        let config = equal(key, 4);
        assert_in_force(&daemon.status(), "operator", &config, has_report);
        marked::check(&daemon, &mut guest, &frames, &config, has_report);
        marked::check(&daemon, &mut guest, &marked::flows(), &config, has_report);

        // QEMU disables the rings of the others.
        guest.run("ethtool -L eth0 combined 2");
        daemon.status_when("two queues", |status| status.in_force.queues == 2);
        let arrivals = marked::send(&daemon, &mut guest, &frames);
        let on = |queue| arrivals.iter().filter(|arrival| arrival.queue == queue).count();
        assert!(on(0) > 0 && on(1) > 0 && on(0) + on(1) == frames.len(), "{arrivals:?}");
        guest.run("ethtool -L eth0 combined 4");
        daemon.status_when("four queues", |status| status.in_force.queues == 4);
        marked::check(&daemon, &mut guest, &frames, &config, has_report);
    }
}

/// QEMU connects again to a daemon that was killed and started again, and its guest's traffic goes on.
#[test]
#[ignore = "cargo xtask test vm"]
fn qemu_outlives_its_daemon() {
    let key = HashKey::MICROSOFT;
    let options = format!("--queues 4 --hkey {key}");
    let config = equal(key, 4);
    let host = Host::new();
    let mut daemon = host.serve(&options);
    let mut guest = qemu::boot(&host, "on");
    guest.run("ethtool -K eth0 rxhash on");
    guest.run("ethtool -K eth0 gro off");
    let frames = marked::frames();
    for round in 0.. {
        assert_in_force(&daemon.status(), "operator", &config, true);
        marked::check(&daemon, &mut guest, &frames, &config, true);
        if round == 3 {
            break;
        }
        daemon.end(Signal::KILL);
        drop(daemon);
        host.wait_until_nobody_listens();
        daemon = host.serve(&options);
        daemon.status_when("all rings run", |status| {
            status.rings.iter().all(|pair| pair.rx.running && pair.tx.running)
        });
        let deadline = Instant::now() + Duration::from_secs(30);
        while guest.run("busybox cat /sys/class/net/eth0/carrier") != ["1"] {
            assert!(Instant::now() < deadline, "the guest's link stays down");
        }
    }
}

/// A gibibyte through the guest's TCP, half of it each way, with all offloads; then as much while
/// offloads, key and table change.
#[test]
#[ignore = "cargo xtask test vm"]
fn uml_streams_without_a_wrong_byte() {
    let host = Host::new();
    let daemon = host.serve("--queues 4");
    let mut guest = uml::boot(&host);
    streams::serve(&mut guest);
    open_up(&mut guest);
    Setting::skewed().set(&mut guest);
    println!("{:#?}", guest.run("ethtool -k eth0"));
    exchange(&mut guest, |_| {});
    let settings = [Setting::other(), Setting::skewed()];
    let mut turns = 0;
    exchange(&mut guest, |guest| {
        for change in ["tso off", "tso on", "gro off", "gro on", "tx off", "tx on"] {
            guest.run(&format!("ethtool -K eth0 {change}"));
        }
        settings[turns % 2].set(guest);
        turns += 1;
    });
    println!("{turns} turns");
    assert!(turns > 0);
    let status = daemon.status();
    for pair in &status.rings {
        let bad = (pair.rx.bad_chains, pair.tx.bad_chains, pair.rx.dropped, pair.tx.dropped);
        assert_eq!(bad, (0, 0, 0, 0), "{status:#?}");
    }
}

/// Exchange [`STREAMED`] bytes with the guest over a few connections, and repeat `meanwhile` until that
/// is done.
fn exchange(guest: &mut Guest, mut meanwhile: impl FnMut(&mut Guest)) {
    let start = Instant::now();
    let addresses = [THERE_V4.into(), THERE_V6.into(), THERE_V4.into(), THERE_V6.into()];
    let bytes = STREAMED / 2 / addresses.len() as u64;
    std::thread::scope(|scope| {
        let streams: Vec<_> = addresses
            .into_iter()
            .map(|address| scope.spawn(move || streams::exchange(address, bytes)))
            .collect();
        while !streams.iter().all(|stream| stream.is_finished()) {
            meanwhile(guest);
            std::thread::yield_now();
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    println!("{} MiB in {seconds:.1} s", STREAMED >> 20);
}

/// All queues, all hashes, and frames one by one.
fn open_up(guest: &mut Guest) {
    guest.run("ethtool -L eth0 combined 4");
    guest.run("ethtool -K eth0 rxhash on");
    guest.run("ethtool -K eth0 gro off");
}

/// A driver that has just been loaded uses one queue, as it has one CPU, and gets no hash.
#[track_caller]
fn assert_untouched(daemon: &Daemon, guest: &mut Guest) {
    let status = daemon.status();
    assert_eq!(status.frontend, "connected");
    assert_eq!(queue_pairs_set(&status), Some(1), "{status:#?}");
    let in_force = &status.in_force;
    assert_eq!((in_force.steering.as_str(), in_force.queues), ("automatic", 1), "{status:#?}");
    let arrivals = marked::send(daemon, guest, &marked::frames());
    let wrong: Vec<_> =
        arrivals.iter().filter(|arrival| **arrival != Arrival { queue: 0, hash: 0 }).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// How many queue pairs the guest's last command was about, if that was all it said.
fn queue_pairs_set(status: &Status) -> Option<u16> {
    let received = status.received.as_ref()?;
    assert_eq!(received.ack, "ok", "{status:#?}");
    received.queue_pairs.filter(|_| received.command == "VQ_PAIRS_SET")
}

fn has(status: &Status, feature: &str) -> bool {
    status.features.iter().any(|name| name == feature)
}

fn without(types: HashTypes, one: HashTypes) -> HashTypes {
    HashTypes::from_bits(types.bits() & !one.bits()).unwrap()
}

/// How much is exchanged at a time, half of it each way.
const STREAMED: u64 = 1 << 30;
