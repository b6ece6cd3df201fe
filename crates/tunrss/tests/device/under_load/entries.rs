//! Entries of the table, changed by two processes at a time.

use tunrss::hash::{Link, classify};
use tunrss::{Device, Report, ReportMode};

use super::load::{Load, PACED, Seen};
use super::{Setting, times};
use crate::other_process::{self, Holder, say};
use crate::set_report;
use crate::traffic::Tap;

/// Each changes its own: this one the even entries, the other one the odd ones.
#[test]
#[ignore = "cargo xtask test bpf"]
fn entries_are_changed_by_two() {
    // Odd: the last entries are not the first.
    let rounds = times(1000) as u32 + 1;
    if let Some(device) = other_process::device() {
        say("ready");
        for round in 1..=rounds {
            set(&device, 1, round);
        }
        say("done");
        return;
    }
    for (name, report) in [("entries_off", ReportMode::Off), ("entries_kernel", ReportMode::Kernel)]
    {
        let mut tap = Tap::quiet(name, 4);
        set_report(&mut tap.queues, &Report::Kernel);
        let all = Setting::all();
        let setting = all.iter().find(|one| one.report == report).unwrap();
        let steering = tap.device.steer(&setting.config, setting.settings()).unwrap();
        set(&tap.device, 0, 0);
        set(&tap.device, 1, 0);
        let is_right = |seen: &Seen<'_>| {
            let verdict = classify(&setting.config, Link::Ethernet, seen.frame);
            let is_queue_right = match verdict.hash {
                _ if verdict.report.code() == 0 => seen.queue == usize::from(verdict.queue),
                hash => match hash as usize % ENTRIES {
                    // The other process does not tell how far it is.
                    entry if entry % 2 == 1 => {
                        (0..2).any(|round| queue(entry, round) == seen.queue as u16)
                    }
                    entry => {
                        seen.changes.clone().any(|round| queue(entry, round) == seen.queue as u16)
                    }
                },
            };
            is_queue_right && setting.is_right(None, seen.received, seen.frame)
        };
        let load = Load::new(&tap.device, PACED, &is_right);
        let test = "under_load::entries::entries_are_changed_by_two";
        let ((), tally) = load.run(&tap.queues, || {
            let mut other = Holder::start(test, &tap.device);
            other.hear("ready");
            for round in 1..=rounds {
                load.changes.make(round, || set(&tap.device, 0, round));
            }
            other.hear("done");
            other.finish();
        });
        println!("{name}: twice {rounds} changes, {tally:?}");
        assert_eq!((tally.received, tally.dropped, tally.refused), (tally.sent, 0, 0));
        let state = tap.device.steering().unwrap().unwrap();
        let expected: Vec<_> = (0..ENTRIES).map(|entry| queue(entry, rounds)).collect();
        assert_eq!(state.config.table(), expected);
        drop(steering);
    }
}

/// Set every second entry, from `first` on. Nobody has changed them since the last round.
fn set(device: &Device, first: usize, round: u32) {
    let entries =
        |round| (first..ENTRIES).step_by(2).map(move |entry| (entry, queue(entry, round)));
    if let Some(last) = round.checked_sub(1) {
        let state = device.steering().unwrap().unwrap();
        let is_kept = |(entry, queue)| state.config.table()[entry] == queue;
        assert!(entries(last).all(is_kept), "round {round}: {:?}", state.config.table());
    }
    device.set_entries(&entries(round).collect::<Vec<_>>()).unwrap();
}

/// The queue of an entry: one of two, in turn.
fn queue(entry: usize, round: u32) -> u16 {
    (entry as u16 + round as u16 % 2) % 4
}

const ENTRIES: usize = 8;
