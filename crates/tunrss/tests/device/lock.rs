//! Changes of a device are made one at a time, and nobody can keep others from one who may not change
//! it.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use netlink_sys::protocols::NETLINK_FIB_LOOKUP;
use netlink_sys::{Socket, SocketAddr as NetlinkAddr};
use rustix::process::{Gid, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_keep_capabilities};
use rustix::thread::{set_thread_res_gid, set_thread_res_uid};
use tunrss::{Device, Error, ReportMode};

use crate::config;
use crate::other_process::{self, Holder, say};
use crate::traffic::Tap;

/// An unprivileged process does what it can to hold the lock: nobody waits for it.
#[test]
#[ignore = "cargo xtask test bpf"]
fn cannot_be_held_without_privilege() {
    let tap = Tap::quiet("lock_attacked", 2);
    let device = &tap.device;
    let held = thread::scope(|scope| {
        let attack = scope.spawn(|| {
            become_nobody(CapabilitySet::empty());
            attack(device.index())
        });
        attack.join().unwrap()
    });
    let is_quick = |what: &str, act: &dyn Fn()| {
        let start = Instant::now();
        act();
        assert!(start.elapsed() < Duration::from_secs(2), "{what}: {:?}", start.elapsed());
    };
    is_quick("show", &|| assert_eq!(device.steering().unwrap(), None));
    is_quick("set", &|| device.steer(&config([1, 0], 0), ReportMode::Kernel).unwrap().keep());
    is_quick("set an entry", &|| {
        assert_eq!(device.set_entries(&[(0, 0)]).unwrap().config.table(), [0, 0]);
    });
    is_quick("counters", &|| assert_eq!(device.counters().unwrap(), None));
    is_quick("conflicts", &|| assert_eq!(device.conflicts().unwrap(), []));
    is_quick("clear", &|| assert!(device.clear().unwrap()));
    drop(held);
}

/// Have what anybody may have, and be refused what holds the lock.
fn attack(index: u32) -> (Vec<UnixDatagram>, Vec<Socket>) {
    // What older releases took for the lock.
    let names = ["", " next"].map(|end| format!("tunrss device {index}{end}"));
    let abstract_names = names
        .iter()
        .map(|name| {
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(name).unwrap()).unwrap()
        })
        .collect();
    // All tickets that are likely, and the last one.
    let mut tickets = Vec::new();
    for port in (1..300).chain([u32::MAX, 1 << 31]) {
        let mut socket = Socket::new(NETLINK_FIB_LOOKUP).unwrap();
        for groups in [index, index | 1 << 31] {
            let error = socket.bind(&NetlinkAddr::new(port, groups)).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EPERM), "{port} {groups:x}");
        }
        socket.bind(&NetlinkAddr::new(port, 0)).unwrap();
        let error = socket.add_membership(index.trailing_zeros() + 1).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EPERM));
        tickets.push(socket);
    }
    (abstract_names, tickets)
}

/// A service that runs under its own user id with CAP_NET_ADMIN alone can take it.
#[test]
#[ignore = "cargo xtask test bpf"]
fn can_be_held_with_net_admin_alone() {
    let tap = Tap::quiet("lock_service", 2);
    let index = tap.device.index();
    thread::scope(|scope| {
        scope.spawn(|| {
            become_nobody(CapabilitySet::NET_ADMIN);
            let mut socket = Socket::new(NETLINK_FIB_LOOKUP).unwrap();
            socket.bind(&NetlinkAddr::new(1, index)).unwrap();
        });
    });
}

/// Become another user, in this thread alone.
fn become_nobody(capabilities: CapabilitySet) {
    let (user, group) = (Uid::from_raw(65534), Gid::from_raw(65534));
    set_keep_capabilities(true).unwrap();
    set_thread_res_gid(group, group, group).unwrap();
    set_thread_res_uid(user, user, user).unwrap();
    let inheritable = CapabilitySet::empty();
    let sets = CapabilitySets { effective: capabilities, permitted: capabilities, inheritable };
    set_capabilities(None, sets).unwrap();
}

/// A process that may hold the lock, and does not come to an end: who looks goes on without, and who
/// would change something is told who it is.
#[test]
#[ignore = "cargo xtask test bpf"]
fn holder_that_does_not_end() {
    let tap = Tap::quiet("lock_stuck", 2);
    let device = &tap.device;
    device.steer(&config([1, 0], 0), ReportMode::Off).unwrap().keep();
    for groups in [device.index(), device.index() | 1 << 31] {
        let mut flag = Socket::new(NETLINK_FIB_LOOKUP).unwrap();
        flag.bind(&NetlinkAddr::new(0, groups)).unwrap();
        let start = Instant::now();
        // It is waited for once, however often this process looks.
        for _ in 0..5 {
            assert_eq!(device.steering().unwrap().unwrap().config, config([1, 0], 0));
            assert_eq!(device.counters().unwrap(), None);
            device.check_changeable(&tunrss::Settings::default()).unwrap();
        }
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        let start = Instant::now();
        let error = device.set_entries(&[(0, 0)]).unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
        let Error::Locked { holder: Some(holder), .. } = &error else { panic!("{error:?}") };
        assert_eq!((holder.id, holder.user), (std::process::id(), 0));
        assert!(error.to_string().contains(&format!("process {} (", holder.id)), "{error}");
        drop(flag);
        let start = Instant::now();
        assert_eq!(device.set_entries(&[(0, 1)]).unwrap().config.table(), [1, 0]);
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    }
}

/// Of threads of several processes that change all entries of the table at once, each finds its own
/// numbers in it before the next one changes them.
#[test]
#[ignore = "cargo xtask test bpf"]
fn one_change_at_a_time() {
    const PROCESSES: u16 = 3;
    if let Some(device) = other_process::device() {
        let first = other_process::hear_any().parse().unwrap();
        change_in_turns(&device, first);
        return say("done");
    }
    let tap = Tap::quiet("lock_turns", 2);
    tap.device.steer(&config([0; ENTRIES], 0), ReportMode::Off).unwrap().keep();
    let mut others: Vec<_> = (1..=PROCESSES)
        .map(|number| {
            let mut other = Holder::start("lock::one_change_at_a_time", &tap.device);
            other.say(&(THREADS * number).to_string());
            other
        })
        .collect();
    change_in_turns(&tap.device, 0);
    for other in &mut others {
        other.hear("done");
    }
    others.into_iter().for_each(Holder::finish);
}

const ENTRIES: usize = 4096;
const THREADS: u16 = 3;

fn change_in_turns(device: &Device, first: u16) {
    thread::scope(|scope| {
        for queue in first..first + THREADS {
            scope.spawn(move || {
                let entries: Vec<_> = (0..ENTRIES).map(|index| (index, queue)).collect();
                for _ in 0..60 {
                    let state =
                        settings_of_the_test(|settings| device.set_entries_as(&entries, settings));
                    assert_eq!(state.config.table(), [queue; ENTRIES]);
                }
            });
        }
    });
}

/// By force: each process is an owner of its own.
fn settings_of_the_test<T>(act: impl FnOnce(&tunrss::Settings) -> tunrss::Result<T>) -> T {
    act(&tunrss::Settings { force: true, ..tunrss::Settings::default() }).unwrap()
}

/// A process that is killed in the middle of changes holds nothing any more, and neither does one that
/// was forked by another which holds the lock.
#[test]
#[ignore = "cargo xtask test bpf"]
fn nothing_is_held_by_the_dead_or_by_forked_children() {
    if let Some(device) = other_process::device() {
        say("changing");
        loop {
            settings_of_the_test(|settings| device.set_entries_as(&[(0, 1)], settings));
        }
    }
    let tap = Tap::quiet("lock_dead", 2);
    let device = &tap.device;
    device.steer(&config([0, 0], 0), ReportMode::Off).unwrap().keep();
    let change = || {
        let start = Instant::now();
        settings_of_the_test(|settings| device.set_entries_as(&[(0, 0)], settings));
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    };
    for _ in 0..5 {
        let mut changer =
            Holder::start("lock::nothing_is_held_by_the_dead_or_by_forked_children", device);
        changer.hear("changing");
        change();
        changer.kill();
        change();
    }
    // Children are forked while a thread of this process changes the device, until one has a socket that
    // was the lock; it keeps the socket as long as it lives.
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Acquire) {
                change();
            }
        });
        let mut children = Vec::new();
        while children.len() < 500 && lowered_flags() == 0 {
            children.push(Child::fork());
        }
        is_over.store(true, Ordering::Release);
        assert!(children.len() < 500, "none was forked while the lock was held");
    });
    let last = Child::fork();
    change();
    drop(last);
}

/// A process like this one, which does nothing until this is dropped.
struct Child(libc::pid_t);

impl Child {
    fn fork() -> Self {
        // SAFETY: the child only waits to be killed, which may be done after a fork in a process with
        // several threads (pause is async-signal-safe).
        match unsafe { libc::fork() } {
            0 => loop {
                // SAFETY: it has no arguments.
                unsafe { libc::pause() };
            },
            child => {
                assert!(child > 0, "no child");
                Self(child)
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // SAFETY: it takes numbers, and the child has not been waited for.
        unsafe { libc::kill(self.0, libc::SIGKILL) };
        // SAFETY: the pointer may be null.
        unsafe { libc::waitpid(self.0, std::ptr::null_mut(), 0) };
    }
}

/// Sockets of the protocol, the kernel's own aside, that have joined no group.
fn lowered_flags() -> usize {
    let sockets = std::fs::read_to_string("/proc/thread-self/net/netlink").unwrap();
    let words = sockets.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    words.filter(|words| words[1] == "10" && words[2] != "0" && words[3] == "00000000").count()
}
