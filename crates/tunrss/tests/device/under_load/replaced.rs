//! One setting after another.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tunrss::{Report, ReportMode};

use super::load::{Changes, FULL, Load, PACED, Seen, Tally};
use super::{Setting, times};
use crate::set_report;
use crate::traffic::{Tap, eventually};

/// No queue overflows: then every packet comes.
#[test]
#[ignore = "cargo xtask test bpf"]
fn replaced_while_no_queue_overflows() {
    let settings = Setting::some(1, 1 + times(1000));
    let tally = replace("load_paced", &settings, PACED);
    assert_eq!((tally.received, tally.dropped, tally.refused), (tally.sent, 0, 0));
}

/// Queues overflow, and nothing is lost in any other place: as without replacing.
#[test]
#[ignore = "cargo xtask test bpf"]
fn replaced_while_queues_overflow() {
    let settings = Setting::some(2, 1 + times(1000));
    let tally = replace("load_full", &settings, FULL);
    assert!(tally.dropped > 0);
    assert_eq!((tally.received + tally.dropped, tally.refused), (tally.sent, 0));

    let mut tap = Tap::quiet("load_alone", 4);
    let setting = &settings[0];
    let _steering = tap.device.steer(&setting.config, setting.settings()).unwrap();
    set_report(&mut tap.queues, &Report::Kernel);
    let is_right = |seen: &Seen<'_>| setting.is_right(Some(seen.queue), seen.received, seen.frame);
    let load = Load::new(&tap.device, FULL, &is_right);
    // Long enough; as long as above takes as long.
    let is_as_long = || load.tally().sent >= tally.sent.min(300_000);
    let ((), alone) = load.run(&tap.queues, || eventually("as many are sent", is_as_long));
    println!("load_alone: {alone:?}");
    assert!(alone.dropped > 0);
    assert_eq!((alone.received + alone.dropped, alone.refused), (alone.sent, 0));
}

fn replace(name: &str, settings: &[Setting], window: u64) -> Tally {
    let mut tap = Tap::quiet(name, 4);
    set_report(&mut tap.queues, &Report::Kernel);
    let mut steering = tap.device.steer(&settings[0].config, settings[0].settings()).unwrap();
    let is_right = |seen: &Seen<'_>| {
        let of_these = *seen.changes.start() as usize..=*seen.changes.end() as usize;
        let is_of = |one: &Setting| one.is_right(Some(seen.queue), seen.received, seen.frame);
        settings[of_these].iter().any(is_of)
    };
    let load = Load::new(&tap.device, window, &is_right);
    let ((), tally) = load.run(&tap.queues, || {
        for (number, pair) in (1..).zip(settings.windows(2)) {
            let [before, setting] = pair else { unreachable!("two of them") };
            if before.report == ReportMode::Kernel {
                let counters = tap.device.counters().unwrap().unwrap();
                assert_eq!(counters.dropped.packets, 0, "by the filter, before {number}");
            }
            load.changes.make(number, || {
                steering.replace(&setting.config, setting.settings()).unwrap();
            });
        }
    });
    println!("{name}: {} replacements, {tally:?}", settings.len() - 1);
    tally
}

/// Who asks meanwhile is told what is in force: what was, or what is to be.
#[test]
#[ignore = "cargo xtask test bpf"]
fn replaced_while_somebody_asks() {
    let tap = Tap::quiet("load_asked", 4);
    let settings = Setting::some(3, 1 + times(100));
    let mut steering = tap.device.steer(&settings[0].config, settings[0].settings()).unwrap();
    let changes = Changes::default();
    let is_over = AtomicBool::new(false);
    let ask = || {
        let mut count = 0;
        while !is_over.load(Ordering::SeqCst) {
            let from = changes.made();
            let found = Setting::in_force(&tap.device);
            let of_these = from as usize..=changes.begun() as usize;
            let is_one = settings[of_these.clone()].iter().any(|one| found.as_ref() == Some(one));
            assert!(is_one, "none of {of_these:?}: {found:?}");
            count += 1;
        }
        count
    };
    thread::scope(|scope| {
        let asker = scope.spawn(ask);
        for (number, setting) in (1..).zip(&settings[1..]) {
            changes.make(number, || {
                steering.replace(&setting.config, setting.settings()).unwrap();
            });
        }
        is_over.store(true, Ordering::SeqCst);
        assert!(asker.join().unwrap() > 0);
    });
}
