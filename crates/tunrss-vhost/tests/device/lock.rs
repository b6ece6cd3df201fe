//! Others who change the device at the same time, or have the daemon believe so.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::netlink::{FIB_LOOKUP, SocketAddrNetlink};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};
use rustix::process::{Gid, Signal, Uid};
use rustix::thread::{set_thread_res_gid, set_thread_res_uid};
use tunrss::{Device, IfName};
use tunrss_testkit::vhost::{Ack, Guest, Options};

use crate::daemon_process::{Daemon, command};
use crate::host::{Host, eventually, run, unique};
use crate::served::config;

/// An unprivileged process tries to hold the device's lock: the daemon starts with the kernel to steer,
/// does what its guest says, and ends, all as fast as ever.
#[test]
#[ignore = "cargo xtask test bpf"]
fn cannot_be_held_without_privilege() {
    let host = Host::new();
    let (tap, index) = new_tap();
    let held = thread::scope(|scope| {
        let attack = scope.spawn(|| {
            let (user, group) = (Uid::from_raw(65534), Gid::from_raw(65534));
            set_thread_res_gid(group, group, group).unwrap();
            set_thread_res_uid(user, user, user).unwrap();
            attack(index)
        });
        attack.join().unwrap()
    });
    let is_quick = |what, start: Instant| {
        assert!(start.elapsed() < Duration::from_secs(4), "{what}: {:?}", start.elapsed());
    };
    let start = Instant::now();
    let mut daemon = Daemon::start(&tap, "--queues 2");
    is_quick("start", start);
    assert_eq!(daemon.said().iter().find(|line| line.contains("in software")), None);
    host.connect(&tap);
    let mut guest = Guest::connect(daemon.socket(), Options::default()).unwrap();
    let start = Instant::now();
    assert_eq!(guest.set_rss(&config(2, 1)).unwrap(), Ack::Ok);
    is_quick("a guest's command", start);
    let device = Device::open(&IfName::new(&tap).unwrap()).unwrap();
    assert_eq!(device.steering().unwrap().unwrap().config, config(2, 1));
    let start = Instant::now();
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0), "{:?}", daemon.said());
    is_quick("the end", start);
    assert_eq!(device.steering().unwrap(), None);
    drop(held);
}

/// Have what anybody may have, and be refused what holds the lock.
fn attack(index: u32) -> (Vec<UnixDatagram>, Vec<OwnedFd>) {
    // What older releases took for the lock.
    let names = ["", " next"].map(|end| format!("tunrss device {index}{end}"));
    let bind_name =
        |name| UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(name).unwrap()).unwrap();
    let names = names.iter().map(bind_name).collect();
    let sockets = (1..300).map(|port| {
        let socket = netlink();
        let address = SocketAddrNetlink::new(port, index);
        assert_eq!(bind(&socket, &address), Err(Errno::PERM));
        bind(&socket, &SocketAddrNetlink::new(port, 0)).unwrap();
        socket
    });
    (names, sockets.collect())
}

/// A process that may change the device and does not come to an end is no reason to steer in software:
/// the daemon says which one it is, and ends.
#[test]
#[ignore = "cargo xtask test bpf"]
fn lock_of_another_is_no_reason_to_steer_in_software() {
    let _host = Host::new();
    let (tap, index) = new_tap();
    let flag = netlink();
    bind(&flag, &SocketAddrNetlink::new(0, index)).unwrap();
    let mut child = command()
        .args(["--socket", &format!("/tmp/{tap}-{index}-{}", std::process::id()), "--tap", &tap])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut status = None;
    eventually("it ends", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(status.unwrap().code(), Some(3), "{said}");
    let error = format!("another change of {tap} does not end: process {} (", std::process::id());
    assert!(said.contains(&error), "{said}");
    assert!(!said.contains("software"), "{said}");
}

/// A TAP is found by an alternative name, and called by its own.
#[test]
#[ignore = "cargo xtask test bpf"]
fn tap_by_an_alternative_name() {
    let host = Host::new();
    let (tap, _) = new_tap();
    let alternative = format!("{tap}-{}", "x".repeat(100));
    run(&format!("ip link property add dev {tap} altname {alternative}"));
    let daemon = Daemon::start(&alternative, "--queues 2");
    host.connect(&tap);
    let mut guest = Guest::connect(daemon.socket(), Options::default()).unwrap();
    assert_eq!(guest.set_rss(&config(2, 1)).unwrap(), Ack::Ok);
    assert_eq!(daemon.status()["device"], tap.as_str());
}

/// Its name and its index.
fn new_tap() -> (String, u32) {
    let tap = unique("tap");
    run(&format!("ip tuntap add dev {tap} mode tap multi_queue vnet_hdr"));
    let index = Device::open(&IfName::new(&tap).unwrap()).unwrap().index();
    (tap, index)
}

fn netlink() -> OwnedFd {
    let (family, kind) = (AddressFamily::NETLINK, SocketType::RAW);
    socket_with(family, kind, SocketFlags::CLOEXEC, Some(FIB_LOOKUP)).unwrap()
}
