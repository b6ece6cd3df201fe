//! The control queue: what is refused changes nothing, and what is accepted holds at once.

use std::sync::atomic::{AtomicBool, Ordering};

use tunrss::hash::{Link, VnetHdr, classify};
use tunrss_testkit::command::Expected;
use tunrss_testkit::vhost::command::{HASH_CONFIG, RSS_CONFIG, VQ_PAIRS_SET};
use tunrss_testkit::vhost::{Ack, Buffers, Options, feature};

use crate::features::{hash_body, rss_body};
use crate::frames::{flows, of_every_kind};
use crate::host::deadline;
use crate::served::{Random, Served, check, config, queues_used};

fn body(config: &tunrss::Config) -> Vec<u8> {
    let mut body = vec![];
    rss_body(config, &mut body);
    body
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn command_that_is_cut_changes_nothing() {
    let mut served = Served::new("--queues 4", Options::default());
    let (old, new) = (config(4, 1), config(4, 2));
    assert_eq!(served.guest.set_rss(&old).unwrap(), Ack::Ok);
    let in_force = served.daemon.status()["in_force"].clone();
    let whole = [&[4, 1][..], &body(&new)].concat();
    let frames = of_every_kind(3, 1);
    let mut random = Random(1);
    for len in 1..whole.len() {
        let sizes: Vec<_> = (0..random.below(5)).map(|_| random.below(100) as usize).collect();
        let answer = served.guest.command_in(&whole[..len], &sizes, 1).unwrap();
        assert_eq!(answer, Ack::Error, "{len} of {} bytes", whole.len());
        if len % 16 == 0 {
            check(&served.pass(&frames), &old);
        }
    }
    for (command, body) in [(VQ_PAIRS_SET, vec![2, 0]), (HASH_CONFIG, hash_body(&new))] {
        for len in 0..body.len() {
            assert_eq!(served.guest.command(command, &body[..len]).unwrap(), Ack::Error, "{len}");
        }
    }
    let status = served.daemon.status();
    assert_eq!(status["in_force"], in_force);
    assert_eq!(status["received"]["ack"], "error");
    assert!(status["received"]["why"].is_string(), "{status}");
    check(&served.pass(&of_every_kind(30, 2)), &old);
    assert_eq!(served.guest.command_in(&whole, &[], 1).unwrap(), Ack::Ok);
    check(&served.pass(&of_every_kind(30, 3)), &new);
}

/// In the descriptors in which drivers have sent them, padding included.
#[test]
#[ignore = "cargo xtask test bpf"]
fn commands_of_linux_are_followed() {
    let sent = tunrss_testkit::command::all();
    for has_rss in [true, false] {
        let options =
            if has_rss { Options::default() } else { Options::default().without(feature::RSS) };
        let mut served = Served::new("--queues 4", options);
        for command in sent.iter().filter(|command| command.features.contains("rss") == has_rss) {
            let answer = served.guest.command_in(&command.bytes, &command.descriptors, 1).unwrap();
            assert_eq!(answer, Ack::Ok, "{}", command.id);
            let in_force = served.daemon.status()["in_force"].clone();
            match &command.expected {
                Expected::Pairs { queue_pairs } => {
                    assert_eq!(in_force["steering"], "automatic", "{}", command.id);
                    assert_eq!(in_force["queues"], *queue_pairs, "{}", command.id);
                }
                Expected::Rss { types, unclassified, table, max_tx_vq, key } => {
                    let config = parsed(types, key, table.clone(), *unclassified);
                    assert_eq!(in_force["steering"], "rss", "{}", command.id);
                    assert_eq!(in_force["key"], config.key().to_string(), "{}", command.id);
                    // Whatever it is: Linux 6.1 has it wrong.
                    assert!(*max_tx_vq <= 4);
                    check(&served.pass(&of_every_kind(10, 4)), &config);
                }
                Expected::Hash { types, key } => {
                    let config = parsed(types, key, vec![0], 0);
                    assert_eq!(in_force["steering"], "automatic", "{}", command.id);
                    assert_eq!(in_force["key"], config.key().to_string(), "{}", command.id);
                }
            }
        }
    }
}

fn parsed(types: &str, key: &str, table: Vec<u16>, unclassified: u16) -> tunrss::Config {
    let (types, key) = (types.parse().unwrap(), key.parse().unwrap());
    tunrss::Config::new(types, key, table, unclassified).unwrap()
}

/// As the drivers of different kernels pad it.
#[test]
#[ignore = "cargo xtask test bpf"]
fn bytes_behind_a_command_are_ignored() {
    let mut served = Served::new("--queues 4", Options::default());
    for (seed, padding) in (0..).zip([0, 1, 3, 4000]) {
        let config = config(4, seed);
        let padded = [body(&config), vec![0xff; padding]].concat();
        assert_eq!(served.guest.command(RSS_CONFIG, &padded).unwrap(), Ack::Ok, "{padding}");
        check(&served.pass(&of_every_kind(10, seed as u16)), &config);
        let status = served.daemon.status();
        assert_eq!(status["received"]["bytes"], 309 + padding, "{status}");
    }
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn what_the_device_has_not_is_refused() {
    let mut served = Served::new("--queues 4", Options::default());
    let old = config(4, 1);
    assert_eq!(served.guest.set_rss(&old).unwrap(), Ack::Ok);
    let in_force = served.daemon.status()["in_force"].clone();
    let good = body(&config(4, 2));
    let with = |at: usize, bytes: &[u8]| {
        let mut body = good.clone();
        body[at..at + bytes.len()].copy_from_slice(bytes);
        body
    };
    let long_key = {
        let mut body = good.clone();
        body[8 + 256 + 2] = 41;
        [body, vec![1]].concat()
    };
    let long_table = {
        let table = [0, 1].repeat(256);
        let (head, tail) = (&good[..8], &good[8 + 256..]);
        let mut body = [head, &table, tail].concat();
        body[4..6].copy_from_slice(&255_u16.to_le_bytes());
        body
    };
    for (what, body) in [
        ("a type that is not offered", with(0, &[0x40])),
        ("a type that does not exist", with(3, &[0x80])),
        ("a table of three entries", with(4, &[2, 0])),
        ("a table of 65,536 entries", with(4, &[0xff, 0xff])),
        ("a table that is too long", long_table),
        ("an unclassified queue that is none", with(6, &[4, 0])),
        ("an unclassified queue with a reserved bit", with(6, &[0, 0x80])),
        ("an entry that is no queue", with(8 + 2 * 77, &[4, 0])),
        ("a last entry that is no queue", with(8 + 2 * 127, &[0xff, 0xff])),
        ("no key", with(8 + 256 + 2, &[0])),
        ("a key that is too short", with(8 + 256 + 2, &[35])),
        ("a key that is too long", long_key),
    ] {
        assert_eq!(served.guest.command(RSS_CONFIG, &body).unwrap(), Ack::Error, "{what}");
        let status = served.daemon.status();
        assert_eq!(status["in_force"], in_force, "{what}");
        assert!(status["received"]["why"].is_string(), "{what}: {status}");
    }
    check(&served.pass(&of_every_kind(20, 1)), &old);
}

/// The last command defines the mode (virtio 1.4, "Device Operation": "Control Virtqueue").
#[test]
#[ignore = "cargo xtask test bpf"]
fn number_of_pairs_ends_rss() {
    let mut served = Served::new("--queues 4", Options::default());
    let config = config(4, 1);
    assert_eq!(served.guest.set_rss(&config).unwrap(), Ack::Ok);
    assert_eq!(served.daemon.status()["in_force"]["steering"], "rss");
    assert_eq!(served.guest.set_pairs(3).unwrap(), Ack::Ok);
    let frames = served.pass(&of_every_kind(40, 1));
    assert!(frames.iter().all(|frame| frame.queue < 3));
    assert_eq!(queues_used(&frames), 3);
    let status = served.daemon.status();
    assert_eq!(status["in_force"]["steering"], "automatic", "{status}");
    assert!(!status["notes"].as_array().unwrap().is_empty(), "{status}");
    assert_eq!(served.guest.set_rss(&config).unwrap(), Ack::Ok);
    check(&served.pass(&of_every_kind(40, 1)), &config);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn every_packet_goes_by_one_of_two_settings() {
    for arguments in ["--queues 4", "--queues 4 --steering software"] {
        let mut served = Served::new(arguments, Options::default());
        let settings = [config(4, 1), config(4, 2)];
        let frames = of_every_kind(20, 1);
        assert_eq!(served.guest.set_rss(&settings[0]).unwrap(), Ack::Ok);
        let is_done = AtomicBool::new(false);
        let Served { guest, host, .. } = &mut served;
        let wire = &host.wire;
        let mut seen = [0; 2];
        std::thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let mut sent = 0;
                for frame in frames.iter().cycle() {
                    if is_done.load(Ordering::Relaxed) {
                        break;
                    }
                    wire.arrive(&VnetHdr::default(), frame);
                    sent += 1;
                    // So that the others get their turn.
                    std::thread::yield_now();
                }
                sent
            });
            let mut check = |guest: &mut tunrss_testkit::vhost::Guest| {
                for frame in guest.receive_all().unwrap() {
                    let is_by = |config: &tunrss::Config| {
                        let verdict = classify(config, Link::Ethernet, &frame.bytes);
                        let header = frame.header;
                        let found = (frame.queue, header.hash_value, header.hash_report);
                        found == (verdict.queue, verdict.hash, verdict.report.code())
                    };
                    let by = settings.iter().position(is_by);
                    seen[by.unwrap_or_else(|| panic!("by none: {frame:02x?}"))] += 1;
                }
            };
            for turn in 0..200 {
                assert_eq!(guest.set_rss(&settings[turn % 2]).unwrap(), Ack::Ok);
                // So that some come by each.
                guest.wait(deadline()).unwrap();
                check(guest);
            }
            is_done.store(true, Ordering::Relaxed);
            assert!(sender.join().unwrap() > 0);
        });
        assert!(seen.iter().all(|&seen| seen > 50), "{arguments}: {seen:?}");
    }
}

/// Readers know of the hash in front of frames before it is there.
#[test]
#[ignore = "cargo xtask test bpf"]
fn frames_are_whole_while_hashes_begin_and_end() {
    let mut served = Served::new("--queues 4", Options::default());
    let config = config(4, 1);
    let frames = of_every_kind(20, 1);
    let is_done = AtomicBool::new(false);
    let Served { guest, host, .. } = &mut served;
    let wire = &host.wire;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for frame in frames.iter().cycle() {
                if is_done.load(Ordering::Relaxed) {
                    break;
                }
                wire.arrive(&VnetHdr::default(), frame);
                std::thread::yield_now();
            }
        });
        let done = Done(&is_done);
        for _ in 0..30 {
            guest.reload(Options::default()).unwrap();
            assert!(guest.wait(deadline()).unwrap());
            let mut received = guest.receive_all().unwrap();
            assert_eq!(guest.set_rss(&config).unwrap(), Ack::Ok);
            received.extend(guest.receive_all().unwrap());
            // Those that are read from now on were steered by it, or before.
            assert!(guest.wait(deadline()).unwrap());
            received.extend(guest.receive_all().unwrap());
            for frame in received {
                assert!(frames.contains(&frame.bytes), "{frame:02x?}");
            }
        }
        drop(done);
    });
}

/// Sets it when it is dropped.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What the driver set does not outlive it.
#[test]
#[ignore = "cargo xtask test bpf"]
fn driver_that_is_loaded_again_starts_anew() {
    let mut served = Served::new("--queues 4", Options::default());
    let config = config(4, 1);
    let frames = of_every_kind(20, 1);
    for features in [u64::MAX, !feature::HASH_REPORT, !feature::RSS, !feature::MRG_RXBUF, u64::MAX]
    {
        let options = Options { features, ..Options::default() }.buffers(Buffers::big());
        served.guest.reload(options).unwrap();
        assert!(served.pass(&frames).iter().all(|frame| frame.queue == 0), "{features:#x}");
        if served.guest.has(feature::RSS) {
            assert_eq!(served.guest.set_rss(&config).unwrap(), Ack::Ok);
            crate::served::check_queues(&served.pass(&frames), &config);
        } else {
            assert_eq!(served.guest.set_pairs(4).unwrap(), Ack::Ok);
            assert_eq!(queues_used(&served.pass(&flows(200, 100))), 4);
        }
    }
    check(&served.pass(&frames), &config);
}
