//! The daemon under real guests: user-mode Linux 6.1 and 6.12, which hands its control queue over, and
//! QEMU 10, which keeps it to itself; with real traffic from the host.
//!
//! Needs root in the initial user namespace, busybox, ethtool, cc, util-linux, and the folders `guest*` of
//! the target folder. Run by `cargo xtask test vm`, which takes care of them.
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
use tunrss::Config;
use tunrss::hash::{HashKey, HashTypes};
use tunrss_vhost::status::{Pair, Status};

use console::Silent;
use guest::Guest;
use host::{Daemon, Host};
use marked::Arrival;
use setting::{Setting, assert_in_force, equal, names, shown};
use traffic::{THERE_V4, THERE_V6};
use uml::Uml;

/// Frames of every kind, and flows of the host's kernel: all are on the queue that `classify` names, and
/// their hash in the guest is that of `classify`.
#[test]
#[ignore = "cargo xtask test vm"]
fn uml_gets_every_frame_where_its_setting_says() {
    gets_every_frame("kernel");
}

/// The same without a program in the kernel.
#[test]
#[ignore = "cargo xtask test vm"]
fn uml_gets_every_frame_where_its_setting_says_in_software() {
    gets_every_frame("software");
}

fn gets_every_frame(mode: &str) {
    let host = Host::new();
    let daemon = host.serve(&format!("--queues 4 --steering {mode}"));
    assert_eq!(daemon.status().mode, mode);
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
        // In the middle of things.
        let before = carried(&daemon.status());
        std::thread::scope(|scope| {
            streams::serve(&mut guest);
            scope.spawn(|| {
                let patience = Duration::from_secs(1);
                let result = streams::exchange_within(THERE_V4.into(), 1 << 40, patience);
                assert!(result.is_err(), "the guest is gone");
            });
            daemon.status_when("streams are under way", |status| carried(status) > before + 1000);
            drop(guest);
        });
        daemon.status_when("nobody is there", |status| status.frontend == "waiting");
        guest = uml::boot(&host);
        check(&mut guest);
    }
    guest.console.start("busybox poweroff -f");
    daemon.status_when("nobody is there", |status| status.frontend == "waiting");
}

/// Linux 6.12 speaks another dialect: it sends RSS_CONFIG where Linux 6.1 sends VQ_PAIRS_SET, and has a byte
/// of padding in front of the key. Packets go by what it sends, and the status says why that is not
/// what `ethtool -x` shows.
#[test]
#[ignore = "cargo xtask test vm"]
fn uml_6_12_sends_another_key_than_it_shows() {
    let host = Host::new();
    let daemon = host.serve("--queues 4");
    let mut guest = uml::boot_6_12(&host);
    check_6_12(&daemon, &mut guest);
}

/// What is special about Linux 6.12, and every frame.
fn check_6_12(daemon: &Daemon, guest: &mut Guest) {
    let received = |status: Status| status.received.unwrap();
    let first = received(daemon.status());
    assert_eq!((first.command.as_str(), first.bytes), ("RSS_CONFIG", 310));
    assert_eq!((first.table, first.max_tx_vq), (Some(vec![0; 128]), Some(1)));
    open_up(guest);
    let spread = received(daemon.status());
    let table = equal(HashKey::MICROSOFT, 4).table().to_vec();
    assert_eq!((spread.command.as_str(), spread.table), ("RSS_CONFIG", Some(table)));
    let setting = Setting::other();
    setting.set(guest);
    let wanted = setting.config(HashTypes::BASIC);
    assert_eq!(shown(guest), (wanted.table().to_vec(), wanted.key().to_string()));
    let key = [&[0], &wanted.key().as_bytes()[..39]].concat();
    let key = HashKey::new(&key).unwrap();
    let config = Config::new(wanted.types(), key, wanted.table().to_vec(), 0).unwrap();
    let status = daemon.status();
    assert_in_force(&status, "guest", &config, true);
    assert!(status.notes.iter().any(|note| note.contains("Linux 6.12")), "{status:#?}");
    marked::check(daemon, guest, &marked::frames(), &config, true);
}

/// On a processor with AMX, a process has more registers than user-mode Linux before 6.13 knows of. It
/// does not boot there by itself. With the preloaded library it does, and gets every frame where it
/// should. `wide_xstate.c` stands for such a processor.
#[test]
#[ignore = "cargo xtask test vm"]
fn uml_boots_where_a_process_has_more_registers() {
    type Check = fn(&Daemon, &mut Guest);
    let checks: [(Uml, Check); 2] = [(uml::LINUX_6_1, check_6_1), (uml::LINUX_6_12, check_6_12)];
    for (uml, check) in checks {
        let host = Host::new();
        let daemon = host.serve("--queues 4");
        let alone = Uml { preload: Some(&[uml::WIDE_XSTATE]), ..uml };
        let silent = alone.boot(&host).err().unwrap().to_string();
        assert!(silent.contains("ptrace set fp regs failed, errno = 14"), "{silent}");
        daemon.status_when("nobody is there", |status| status.frontend == "waiting");
        let helped = Uml { preload: Some(&[uml::WHOLE_XSTATE, uml::WIDE_XSTATE]), ..uml };
        let mut guest = helped.boot(&host).unwrap_or_else(|silent| panic!("{silent}"));
        check(&daemon, &mut guest);
    }
}

fn check_6_1(daemon: &Daemon, guest: &mut Guest) {
    open_up(guest);
    let setting = Setting::skewed();
    setting.set(guest);
    let config = setting.config(HashTypes::BASIC);
    assert_in_force(&daemon.status(), "guest", &config, true);
    marked::check(daemon, guest, &marked::frames(), &config, true);
}

/// A guest that panics, when it boots or later, fails its test within seconds, with its last lines.
#[test]
#[ignore = "cargo xtask test vm"]
fn guest_that_panics_is_noticed_at_once() {
    type Boot = fn(&Host, &'static str) -> Result<Guest, Silent>;
    let guests: [Boot; 3] = [
        |host, commands| Uml { commands, ..uml::LINUX_6_1 }.boot(host),
        |host, commands| Uml { commands, ..uml::LINUX_6_12 }.boot(host),
        |host, commands| qemu::boot_with(host, "off", commands),
    ];
    for boot in guests {
        let host = Host::new();
        let daemon = host.serve("--queues 4");
        // The first process ends, and the kernel has no other to run.
        boot(&host, "exit 1").err().unwrap().assert_has_panicked();
        daemon.status_when("nobody is there", |status| status.frontend == "waiting");
        let mut guest = boot(&host, guest::UP).unwrap_or_else(|silent| panic!("{silent}"));
        let start = Instant::now();
        guest.console.start("exit 1");
        guest.console.try_listen_until("what it never says").unwrap_err().assert_has_panicked();
        let took = start.elapsed();
        assert!(took < Duration::from_secs(20), "{took:?}");
    }
}

/// With `--rss host` the guest is offered no RSS, and the operator's setting holds for as many queues as
/// the guest uses.
#[test]
#[ignore = "cargo xtask test vm"]
fn uml_has_no_say_where_the_host_has() {
    let key = Setting::other().key;
    let host = Host::new();
    let daemon = host.serve(&format!("--queues 4 --rss host --hkey {key}"));
    let mut guest = uml::boot(&host);
    assert!(!has(&daemon.status(), "rss"), "{:#?}", daemon.status());
    guest.run("! ethtool -X eth0 equal 2");
    guest.run("ethtool -L eth0 combined 4");
    guest.run("ethtool -K eth0 gro off");
    let config = equal(key, 4);
    assert_in_force(&daemon.status(), "operator", &config, true);
    let frames = marked::frames();
    marked::check(&daemon, &mut guest, &frames, &config, false);
    // Its HASH_CONFIG has another key. It gets a hash, and people are told that it is the operator's.
    guest.run("ethtool -K eth0 rxhash on");
    let status = daemon.status();
    assert_in_force(&status, "operator", &config, true);
    assert!(status.notes.iter().any(|note| note.contains("HASH_CONFIG")), "{status:#?}");
    marked::check(&daemon, &mut guest, &frames, &config, true);
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
        exchange(&mut guest, STREAMED / 8, |_| {});
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
    exchange(&mut guest, STREAMED, |_| {});
    // What went as segments of 1500 bytes went in larger pieces, both ways.
    let status = daemon.status();
    for side in [|pair: &Pair| pair.rx, |pair: &Pair| pair.tx] {
        let rings = status.rings.iter().map(side);
        let (packets, bytes) = rings
            .fold((0, 0), |(packets, bytes), ring| (packets + ring.packets, bytes + ring.bytes));
        assert!(bytes > STREAMED / 2 && bytes / packets > 2000, "{status:#?}");
    }
    let is_lossless = |pair: &Pair| pair.rx.dropped + pair.tx.dropped == 0;
    assert!(status.rings.iter().all(is_lossless), "{status:#?}");
    let settings = [Setting::other(), Setting::skewed()];
    let mut turns = 0;
    exchange(&mut guest, STREAMED, |guest| {
        for change in ["tso", "gro", "rx-gro-hw", "tx"] {
            guest.run(&format!("ethtool -K eth0 {change} off && ethtool -K eth0 {change} on"));
        }
        settings[turns % 2].set(guest);
        turns += 1;
    });
    println!("{turns} turns");
    assert!(turns > 0);
    // A packet larger than segments that waited when the guest no longer took such ones is lost to it, and
    // sent again.
    let status = daemon.status();
    let is_good = |pair: &Pair| pair.rx.bad_chains + pair.tx.bad_chains + pair.tx.dropped == 0;
    assert!(status.rings.iter().all(is_good), "{status:#?}");
}

/// Exchange so many bytes with the guest over a few connections, and repeat `meanwhile` until that is
/// done.
fn exchange(guest: &mut Guest, bytes: u64, mut meanwhile: impl FnMut(&mut Guest)) {
    let start = Instant::now();
    let addresses = [THERE_V4.into(), THERE_V6.into(), THERE_V4.into(), THERE_V6.into()];
    let each = bytes / 2 / addresses.len() as u64;
    std::thread::scope(|scope| {
        let streams: Vec<_> = addresses
            .into_iter()
            .map(|address| scope.spawn(move || streams::exchange(address, each)))
            .collect();
        while !streams.iter().all(|stream| stream.is_finished()) {
            meanwhile(guest);
            std::thread::yield_now();
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    println!("{} MiB in {seconds:.1} s", bytes >> 20);
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

/// How many packets all rings have carried.
fn carried(status: &Status) -> u64 {
    status.rings.iter().map(|pair| pair.rx.packets + pair.tx.packets).sum()
}

fn has(status: &Status, feature: &str) -> bool {
    status.features.iter().any(|name| name == feature)
}

fn without(types: HashTypes, one: HashTypes) -> HashTypes {
    HashTypes::from_bits(types.bits() & !one.bits()).unwrap()
}

/// How much is exchanged at a time, half of it each way.
const STREAMED: u64 = 1 << 30;
