//! What is counted, compared with what `classify` says of the frames.

use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_setaffinity};
use tunrss::hash::{HashReport, Link, classify};
use tunrss::{Config, Count, Counters, Device, Report, ReportMode, Settings, SteeringMode};

use crate::guard::{bypassing, wait_for_guard};
use crate::traffic::{PacketSocket, Tap, deadline, eventually, read_all, set_option};
use crate::xdp::{Redirect, Xdp};
use crate::{config, run, senders, set_report};

/// Packets of every kind.
#[test]
#[ignore = "cargo xtask test bpf"]
fn are_those_of_what_is_read() {
    for (steering, tag) in SteeringMode::ALL.into_iter().zip(["rss", "auto"]) {
        for mode in ReportMode::ALL {
            let mut tap = Tap::new(&format!("cnt_{tag}_{mode}"), 4);
            let settings = Settings { steering, counters: true, ..mode.into() };
            let config = config((0..32).map(|entry| entry % 4), 2);
            tap.device.steer(&config, settings).unwrap().keep();
            assert_eq!(counters(&tap.device), counted(&config, steering, NOTHING));
            set_report(&mut tap.queues, &Report::new(mode, &config));
            let tap = tap.start();
            let mut packets = tap.receive(senders::everything_uncut(&tap.device));
            // The kernel sends some of its own accord: read on until all that were counted are read.
            let deadline = deadline();
            let counters = loop {
                let counters = counters(&tap.device);
                if counters.total().packets == packets.len() as u64 {
                    break counters;
                }
                assert!(Instant::now() < deadline, "{} read, {counters:?}", packets.len());
                packets.extend(read_all(&tap.queues));
            };
            let frames = packets.iter().map(|packet| &packet.frame);
            assert_eq!(counters, counted(&config, steering, frames), "{mode}");
        }
    }
}

/// They go on when entries change, and begin anew with a new configuration.
#[test]
#[ignore = "cargo xtask test bpf"]
fn while_the_configuration_changes() {
    for (steering, tag) in SteeringMode::ALL.into_iter().zip(["rss", "auto"]) {
        for mode in ReportMode::ALL {
            let tap = Tap::quiet(&format!("chg_{tag}_{mode}"), 4);
            let settings = Settings { steering, counters: true, ..mode.into() };
            let before = config((0..32).map(|entry| entry % 4), 2);
            tap.device.steer(&before, settings.clone()).unwrap().keep();
            let send = |seed| {
                senders::frames(&tap.device, seed, 300);
                senders::known_frames(Link::Ethernet, seed, 300)
            };
            let first = counted(&before, steering, send(1));
            assert_eq!(counters(&tap.device), first, "{tag} {mode}");

            // Queue 3 is in the table no more; what was counted for it stays.
            let entries = [3, 7, 11, 15, 19, 23, 27, 31].map(|entry| (entry, 0));
            let after = tap.device.set_entries(&entries).unwrap().config;
            assert_eq!(after.highest_queue(), 2);
            let second = counted(&after, steering, send(2));
            assert_eq!(counters(&tap.device), sum(&first, &second), "{tag} {mode}");

            // Also the same one.
            for seed in 3..5 {
                tap.device.steer(&after, settings.clone()).unwrap().keep();
                assert_eq!(counters(&tap.device), counted(&after, steering, NOTHING));
                let third = counted(&after, steering, send(seed));
                assert_eq!(counters(&tap.device), third, "{tag} {mode}");
            }

            let settings = Settings { counters: false, ..settings };
            tap.device.steer(&after, settings).unwrap().keep();
            assert_eq!(tap.device.counters().unwrap(), None);
            assert!(tap.device.clear().unwrap());
            assert_eq!(tap.device.counters().unwrap(), None);
        }
    }
}

const NOTHING: [&[u8]; 0] = [];

/// From several CPUs at once, through the qdisc and past it: each packet once.
#[test]
#[ignore = "cargo xtask test bpf"]
fn none_is_lost_among_senders() {
    const ROUNDS: u64 = 100;
    for (steering, tag) in SteeringMode::ALL.into_iter().zip(["rss", "auto"]) {
        for mode in ReportMode::ALL {
            let tap = Tap::quiet(&format!("bsy_{tag}_{mode}"), 4);
            let config = config((0..128).map(|entry| entry * entry % 4), 1);
            let settings = Settings { steering, counters: true, ..mode.into() };
            tap.device.steer(&config, settings).unwrap().keep();
            if mode == ReportMode::Kernel {
                wait_for_guard(&tap.device, &tap.queues);
            }
            let before = counters(&tap.device);
            let frames = senders::known_frames(Link::Ethernet, 3, 100);
            let send = |socket: PacketSocket| {
                // The queues overflow; a socket that passes by the qdisc is told.
                (0..ROUNDS).for_each(|_| frames.iter().for_each(|frame| drop(socket.send(frame))));
            };
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| send(PacketSocket::new(&tap.device)));
                    scope.spawn(|| send(bypassing(&tap.device)));
                }
            });
            let by_one = counted(&config, steering, &frames);
            // One that passes by the qdisc passes by tc programs, and is counted as dropped where it
            // has to have a report.
            let seen = match (mode, steering) {
                (ReportMode::Kernel, _) | (_, SteeringMode::Automatic) => 3 * ROUNDS,
                _ => 6 * ROUNDS,
            };
            let mut expected = sum(&before, &times(&by_one, seen));
            if mode == ReportMode::Kernel {
                let Count { packets, bytes } = times(&by_one, 3 * ROUNDS).total();
                expected.dropped.packets += packets;
                expected.dropped.bytes += bytes;
            }
            assert_eq!(counters(&tap.device), expected, "{tag} {mode}");
        }
    }
}

/// A steering program that runs for a socket past the qdisc is interrupted, on its CPU, by itself.
#[test]
#[ignore = "cargo xtask test bpf"]
fn none_is_lost_to_an_interrupt() {
    const INTERRUPTING: u64 = 12_000;
    let tap = Tap::quiet("interrupted", 2);
    let settings = Settings { counters: true, ..ReportMode::Off.into() };
    tap.device.steer(&config([0], 0), settings).unwrap().keep();
    let redirect = Redirect::to(&tap.device, Xdp::Generic);
    // Released one by one by a timer, 60 microseconds apart.
    run("tc qdisc add dev xdp_in root tbf rate 8mbit burst 100 limit 100000000");
    set_option(&redirect.socket, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, 1 << 29);
    let mut first = CpuSet::new();
    first.set(0);
    sched_setaffinity(None, &first).unwrap();
    let bypass = bypassing(&tap.device);
    let frame = &senders::flows(1)[0];
    (0..INTERRUPTING).for_each(|_| redirect.socket.send(frame).unwrap());
    let (start, mut sent) = (Instant::now(), INTERRUPTING);
    while start.elapsed() < Duration::from_secs(1) {
        // The queue overflows.
        drop(bypass.send(frame));
        sent += 1;
    }
    eventually("all are counted", || counters(&tap.device).total().packets == sent);
}

/// What the programs of a configuration have counted when they have seen these frames.
pub(crate) fn counted<T: AsRef<[u8]>>(
    config: &Config,
    steering: SteeringMode,
    frames: impl IntoIterator<Item = T>,
) -> Counters {
    let is_rss = steering == SteeringMode::Rss;
    let rows = |rows: usize| vec![Count::default(); if is_rss { rows } else { 0 }];
    let mut counters = Counters {
        by_queue: rows(usize::from(config.highest_queue()) + 1),
        by_entry: rows(config.table().len()),
        ..Counters::default()
    };
    for frame in frames {
        let frame = frame.as_ref();
        let verdict = classify(config, Link::Ethernet, frame);
        let count = |row: &mut Count| {
            row.packets += 1;
            row.bytes += frame.len() as u64;
        };
        match verdict.report {
            HashReport::None => count(&mut counters.unclassified),
            report => count(&mut counters.by_report[usize::from(report.code()) - 1]),
        }
        if is_rss {
            count(&mut counters.by_queue[usize::from(verdict.queue)]);
            if verdict.report != HashReport::None {
                count(&mut counters.by_entry[verdict.hash as usize % config.table().len()]);
            }
        }
    }
    counters
}

fn counters(device: &Device) -> Counters {
    device.counters().unwrap().unwrap()
}

/// Both together; each has as many rows as it needs.
fn sum(first: &Counters, second: &Counters) -> Counters {
    let (mut sum, mut second) = (first.clone(), second.clone());
    let queues = sum.by_queue.len().max(second.by_queue.len());
    sum.by_queue.resize(queues, Count::default());
    second.by_queue.resize(queues, Count::default());
    for (to, from) in rows(&mut sum).into_iter().zip(rows(&mut second)) {
        to.packets += from.packets;
        to.bytes += from.bytes;
    }
    sum
}

/// `counters` so many times.
fn times(counters: &Counters, times: u64) -> Counters {
    let mut product = counters.clone();
    for row in rows(&mut product) {
        row.packets *= times;
        row.bytes *= times;
    }
    product
}

fn rows(counters: &mut Counters) -> Vec<&mut Count> {
    let Counters { unclassified, by_report, by_queue, by_entry, dropped } = counters;
    let lists = by_report.iter_mut().chain(by_queue).chain(by_entry);
    lists.chain([unclassified, dropped]).collect()
}
