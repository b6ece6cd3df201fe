//! What frontends and drivers really do, and a frontend that takes memory away.

use std::time::{Duration, Instant};

use rustix::fs::ftruncate;
use rustix::process::Signal;
use tunrss::hash::VnetHdr;
use tunrss_testkit::command::{self, Command, Expected};
use tunrss_testkit::vhost::{Ack, Dialect, Guest, Options, feature};

use crate::daemon_process::Daemon;
use crate::frames::of_every_kind;
use crate::host::{Host, eventually, unique};
use crate::served::{Served, check, check_queues, config, queues_used};

#[test]
#[ignore = "cargo xtask test bpf"]
fn dialects_of_frontends_are_understood() {
    for dialect in [Dialect::EnablesFirst, Dialect::LongMemoryTable] {
        let options = Options { dialect, ..Options::default() };
        let mut served = Served::new("--queues 2", options.clone());
        for _ in 0..3 {
            let config = config(2, 1);
            assert_eq!(served.guest.set_rss(&config).unwrap(), Ack::Ok);
            check(&served.pass(&of_every_kind(10, 1)), &config);
            served.guest.reload(options.clone()).unwrap();
        }
        served.reconnect(options);
        let frames = served.pass(&of_every_kind(10, 2));
        assert!(frames.iter().all(|frame| frame.queue == 0), "{dialect:?}");
    }
}

/// QEMU keeps the control queue: all rings that it enables are used, as the operator says.
#[test]
#[ignore = "cargo xtask test bpf"]
fn frontend_that_keeps_the_control_queue() {
    let needs_control = feature::CTRL_VQ
        | feature::CTRL_RX
        | feature::CTRL_MAC_ADDR
        | feature::CTRL_GUEST_OFFLOADS
        | feature::RSS
        | feature::HASH_REPORT;
    let options = Options { dialect: Dialect::EnablesFirst, ..Options::default() };
    let mut served = Served::new("--queues 4", options.without(needs_control));
    assert_eq!(served.guest.pairs(), 4);
    let frames = served.pass(&of_every_kind(60, 1));
    assert_eq!(queues_used(&frames), 4);
    let status = served.daemon.status();
    assert_eq!(status["in_force"]["by"], "operator", "{status}");
    // By the table that it tells of.
    let table: Vec<u16> = serde_json::from_value(status["in_force"]["table"].clone()).unwrap();
    let key = status["in_force"]["key"].as_str().unwrap().parse().unwrap();
    let types = tunrss::hash::HashTypes::BASIC;
    let unclassified = status["in_force"]["unclassified"].as_u64().unwrap() as u16;
    check_queues(&frames, &tunrss::Config::new(types, key, table, unclassified).unwrap());
}

/// In the layout in which it was seen, and with the effect that it is to have.
#[test]
#[ignore = "cargo xtask test bpf"]
fn commands_that_drivers_have_sent() {
    let all = feature::MQ | feature::RSS | feature::HASH_REPORT;
    for accepted in FEATURES {
        let bits = accepted.1;
        let mut served = Served::new("--queues 4", Options::default().without(all & !bits));
        for Command { id, descriptors, bytes, features, expected, .. } in command::all() {
            if features != accepted.0 {
                continue;
            }
            let answer = served.guest.command_in(&bytes, &descriptors, 1).unwrap();
            assert_eq!(answer, Ack::Ok, "{id}: {:?}", served.daemon.said());
            let status = served.daemon.status();
            let in_force = &status["in_force"];
            match expected {
                Expected::Pairs { queue_pairs } => {
                    assert_eq!(in_force["queues"], queue_pairs, "{id}: {status}");
                    assert_eq!(in_force["steering"], "automatic", "{id}: {status}");
                }
                Expected::Rss { table, unclassified, .. } => {
                    assert_eq!(in_force["steering"], "rss", "{id}: {status}");
                    assert_eq!(in_force["table"], serde_json::json!(table), "{id}: {status}");
                    assert_eq!(in_force["unclassified"], unclassified, "{id}: {status}");
                }
                Expected::Hash { .. } => {
                    assert_eq!(in_force["report"], true, "{id}: {status}");
                }
            }
        }
    }
    let known = |command: &Command| FEATURES.iter().any(|(name, _)| *name == command.features);
    assert!(command::all().iter().all(known));
}

/// What the commands' drivers had accepted.
const FEATURES: [(&str, u64); 2] = [
    ("mq,rss,hash-report", feature::MQ | feature::RSS | feature::HASH_REPORT),
    ("mq,hash-report", feature::MQ | feature::HASH_REPORT),
];

/// A frontend that begins a message and does not end it holds up nobody for long.
#[test]
#[ignore = "cargo xtask test bpf"]
fn message_that_does_not_end() {
    for len in [1, 15] {
        let tap = unique("tap");
        let _host = Host::new();
        let mut daemon = Daemon::start(&tap, "--queues 2");
        let mut guest = Guest::connect(daemon.socket(), Options::default()).unwrap();
        // SET_FEATURES, of whose body some is missing.
        let message = [2, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 1, 2, 3];
        guest.frontend.send_bytes(&message[..len], &[]).unwrap();
        assert_eq!(daemon.status()["device"], tap);
        assert!(guest.frontend.is_hung_up());
        // The next one is served.
        guest.reconnect(daemon.socket(), Options::default()).unwrap();
        assert_eq!(guest.set_rss(&config(2, 1)).unwrap(), Ack::Ok);
        // A signal ends it in the middle of a message.
        guest.frontend.send_bytes(&message[..len], &[]).unwrap();
        daemon.signal(Signal::TERM);
        let status = daemon.wait();
        assert!(status.success(), "{status}: {:?}", daemon.said());
    }
}

/// A frontend that makes the memory's file shorter takes it from under a process that serves: that may
/// end it, but not more than it, and nothing is left behind.
#[test]
#[ignore = "cargo xtask test bpf"]
fn memory_that_is_taken_away_ends_no_more_than_the_daemon() {
    let host = Host::new();
    let tap = unique("tap");
    let mut daemon = Daemon::start(&tap, "--queues 2");
    host.connect(&tap);
    let mut guest = Guest::connect(daemon.socket(), Options::default()).unwrap();
    assert_eq!(guest.set_rss(&config(2, 1)).unwrap(), Ack::Ok);
    ftruncate(guest.memory.file(), 0).unwrap();
    let frames = of_every_kind(10, 1);
    let deadline = Instant::now() + Duration::from_millis(500);
    let mut pids = daemon.pids();
    while Instant::now() < deadline && pids.len() > 1 {
        frames.iter().for_each(|frame| host.wire.try_arrive(&VnetHdr::default(), frame));
        pids = daemon.pids();
    }
    if pids.len() > 1 {
        // It has gone on; so does the next guest.
        drop(guest);
        let mut guest = Guest::connect(daemon.socket(), Options::default()).unwrap();
        assert_eq!(guest.set_rss(&config(2, 1)).unwrap(), Ack::Ok);
        return;
    }
    assert!(!daemon.wait().success());
    eventually("it says why", || daemon.said().iter().any(|line| line.starts_with("error: ")));
    eventually("the device is gone", || !crate::host::run("ip -br link").contains(&tap));
}
