//! Who has loaded what is in force, and what of it a queue's holder has taken away.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::thread;

use rustix::process::{Gid, Uid};
use rustix::thread::{
    CapabilitySet, capabilities, set_capabilities, set_keep_capabilities, set_thread_res_gid,
    set_thread_res_uid,
};
use tunrss::{Missing, ReportMode, Settings};

use crate::traffic::{Tap, eventually};
use crate::{check, config, senders, set_report};

/// A service that sets a device under a user of its own: root sees it, and whose it is, and may replace it.
#[test]
#[ignore = "cargo xtask test bpf"]
fn service_has_a_user_of_its_own() {
    let needed = CapabilitySet::BPF | CapabilitySet::PERFMON | CapabilitySet::NET_ADMIN;
    for (capabilities, name) in
        [(needed, "by_service"), (needed | CapabilitySet::SYS_ADMIN, "by_seeing")]
    {
        for mode in ReportMode::ALL {
            let tap = Tap::quiet(name, 2);
            let service = config([1, 0], 1);
            thread::scope(|scope| {
                let set = || {
                    become_user(SERVICE, capabilities);
                    tap.device.steer(&service, mode).unwrap().keep();
                };
                scope.spawn(set).join().unwrap();
            });
            let found = tap.device.inspect().unwrap();
            assert_eq!(found.state.as_ref().map(|state| &state.config), Some(&service));
            assert_eq!((found.loaded_by, found.other_user()), (Some(SERVICE), Some(SERVICE)));
            assert!(found.missing.is_empty() && found.claims.is_empty(), "{found:?}");
            assert_eq!(tap.device.set_entries(&[(0, 0)]).unwrap().config.table(), [0, 0]);

            let ours = config([0, 1], 0);
            tap.device.steer(&ours, mode).unwrap().keep();
            let found = tap.device.inspect().unwrap();
            assert_eq!((found.loaded_by, found.other_user()), (Some(0), None));
            assert_eq!(found.state.unwrap().config, ours);
            assert!(tap.device.clear().unwrap());
        }
    }
}

/// Report mode `kernel` without its steering program puts packets on wrong queues. A new setting puts it
/// back, also within the second in which frames made before are let through.
#[test]
#[ignore = "cargo xtask test bpf"]
fn steering_program_taken_away_is_put_back() {
    let mut tap = Tap::quiet("taken", 4);
    // What the kernel would hardly do.
    let config = config([3], 3);
    let settings = || Settings::from(ReportMode::Kernel);
    let steering = tap.device.steer(&config, settings()).unwrap();
    set_report(&mut tap.queues, &steering.report());
    steering.keep();
    for seed in 0..4 {
        let packets = tap.receive(senders::frames(&tap.device, seed, 100));
        check(&packets, &config, ReportMode::Kernel, 4);
        take_steering(tap.queues[2].as_fd());
        let missing = || tap.device.inspect().unwrap().missing;
        eventually("it is missed", || missing() == [Missing::Steering]);
        let packets = tap.receive(senders::frames(&tap.device, seed + 10, 100));
        assert!(packets.iter().any(|packet| packet.queue != 3), "the kernel spreads them");
        tap.device.steer(&config, settings()).unwrap().keep();
        assert_eq!(missing(), []);
    }
}

/// TUNSETSTEERINGEBPF with -1, as whoever holds a queue can.
fn take_steering(queue: BorrowedFd<'_>) {
    let none = -1i32;
    // SAFETY: TUNSETSTEERINGEBPF reads one int through the pointer (tun_set_ebpf,
    // drivers/net/tun.c, v6.12) and keeps none; it lives past the call.
    let result = unsafe { libc::ioctl(queue.as_raw_fd(), TUNSETSTEERINGEBPF, &raw const none) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

/// Of this thread alone.
fn become_user(user: u32, keep: CapabilitySet) {
    set_keep_capabilities(true).unwrap();
    let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
    set_thread_res_gid(gid, gid, gid).unwrap();
    set_thread_res_uid(uid, uid, uid).unwrap();
    let mut sets = capabilities(None).unwrap();
    (sets.permitted, sets.effective, sets.inheritable) = (keep, keep, CapabilitySet::empty());
    set_capabilities(None, sets).unwrap();
}

/// A user that need not exist.
const SERVICE: u32 = 64_321;

// linux/if_tun.h
const TUNSETSTEERINGEBPF: libc::c_ulong = 0x8004_54e0;
