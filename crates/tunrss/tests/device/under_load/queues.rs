//! Queues that come and go meanwhile.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tunrss::{Queue, Report, SteeringMode};

use super::load::{FULL, Load, Seen};
use super::{Setting, times};
use crate::traffic::{Tap, read_all};
use crate::{check, senders, set_report};

/// What waits in a queue that goes is lost. What is read is right but for the number of its queue,
/// and that is right again when the queues stay.
#[test]
#[ignore = "cargo xtask test bpf"]
fn queues_come_and_go() {
    let mut tap = Tap::quiet("load_queues", 2);
    set_report(&mut tap.queues, &Report::Kernel);
    let settings = Setting::some(4, 1 + times(200));
    let mut steering = tap.device.steer(&settings[0].config, settings[0].settings()).unwrap();
    let is_right = |seen: &Seen<'_>| {
        let of_these = *seen.changes.start() as usize..=*seen.changes.end() as usize;
        settings[of_these].iter().any(|one| one.is_right(None, seen.received, seen.frame))
    };
    let load = Load::new(&tap.device, FULL, &is_right);
    let is_over = AtomicBool::new(false);
    let come_and_go = || {
        let (mut rounds, mut read) = (0, 0);
        while !is_over.load(Ordering::SeqCst) {
            let mut more = tap.device.open_queues(2).unwrap();
            set_report(&mut more, &Report::Kernel);
            read += read_some(&load, &more);
            set_attached(&more[0], false);
            set_attached(&tap.queues[1], false);
            read += read_some(&load, &more);
            set_attached(&tap.queues[1], true);
            set_attached(&more[0], true);
            read += read_some(&load, &more);
            rounds += 1;
        }
        (rounds, read)
    };
    let ((rounds, read), tally) = load.run_with_losses(&tap.queues, || {
        thread::scope(|scope| {
            let coming_and_going = scope.spawn(come_and_go);
            for (number, setting) in (1..).zip(&settings[1..]) {
                load.changes.make(number, || {
                    steering.replace(&setting.config, setting.settings()).unwrap();
                });
            }
            is_over.store(true, Ordering::SeqCst);
            coming_and_going.join().unwrap()
        })
    });
    println!("queues came and went {rounds} times, {read} frames read from these; {tally:?}");
    assert!(rounds > 0 && read > 0, "{rounds} rounds, {read} frames");
    assert_eq!(tap.device.attached_queues().unwrap(), 2);
    // What was waiting.
    read_all(&tap.queues);
    for setting in Setting::all() {
        if setting.steering == SteeringMode::Rss {
            steering.replace(&setting.config, setting.settings()).unwrap();
            set_report(&mut tap.queues, &steering.report());
            let packets = tap.receive(senders::frames(&tap.device, 5, 50));
            check(&packets, &setting.config, setting.report, 2);
        }
    }
}

/// A few rounds.
fn read_some(load: &Load<'_>, queues: &[Queue]) -> usize {
    let read = |queue| {
        let rounds = Cell::new(0);
        let goes_on = || rounds.replace(rounds.get() + 1) < 2;
        load.read(2, queue, goes_on).len()
    };
    queues.iter().map(read).sum()
}

/// `TUNSETQUEUE`: a detached queue takes no packets, and is not closed.
fn set_attached(queue: &Queue, is_attached: bool) {
    // SAFETY: an ifreq is integers and unions of integers and pointers: all zero is one.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let flags = if is_attached { libc::IFF_ATTACH_QUEUE } else { libc::IFF_DETACH_QUEUE };
    request.ifr_ifru.ifru_flags = flags as i16;
    // SAFETY: TUNSETQUEUE reads one struct ifreq through the pointer (__tun_chr_ioctl, v6.12) and
    // keeps no pointer; `request` is one and lives past the call.
    let result = unsafe {
        libc::ioctl(queue.as_fd().as_raw_fd(), libc::TUNSETQUEUE as _, &raw const request)
    };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}
