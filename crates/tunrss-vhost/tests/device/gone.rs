//! Devices that are deleted, renamed or moved under the daemon.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::time::Instant;

use rustix::process::Signal;
use tunrss::hash::VnetHdr;
use tunrss::netns::NetNs;
use tunrss::{Device, IfName};
use tunrss_testkit::vhost::{Ack, Guest, Options};

use crate::daemon_process::{Daemon, is_alive};
use crate::frames::of_every_kind;
use crate::host::{Host, eventually, run, unique};
use crate::served::{check, config, receive};

/// The daemon says that its device is gone, ends with 3, and leaves nothing behind, with a guest and without.
#[track_caller]
fn ends_when(device: &str, arguments: &str, delete: impl Fn(), make: impl Fn()) {
    for is_served in [true, false] {
        make();
        let mut daemon = Daemon::start(device, arguments);
        let pids = daemon.pids();
        let mut guest = is_served.then(|| {
            let mut guest = Guest::connect(daemon.socket(), Options::default()).unwrap();
            assert_eq!(guest.set_rss(&config(2, 1)).unwrap(), Ack::Ok);
            guest
        });
        let deleted = Instant::now();
        delete();
        assert_eq!(daemon.wait().code(), Some(3), "{:?}", daemon.said());
        assert!(deleted.elapsed().as_secs() < 5, "{:?}", deleted.elapsed());
        let error = format!("error: the device {device} is gone");
        eventually("it says why", || daemon.said().contains(&error));
        assert!(!pids.iter().any(|&pid| is_alive(pid)));
        assert!(!daemon.socket().exists());
        assert!(guest.as_mut().is_none_or(|guest| guest.frontend.is_hung_up()));
        // Nobody is accepted any more.
        assert!(Guest::connect(daemon.socket(), Options::default()).is_err());
    }
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn tap_that_is_deleted_ends_the_daemon() {
    let _host = Host::new();
    for arguments in ["--queues 2", "--queues 2 --steering software"] {
        let tap = unique("tap");
        ends_when(&tap, arguments, || drop(run(&format!("ip link del {tap}"))), || {});
    }
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn macvtap_whose_parent_is_deleted_ends_the_daemon() {
    let _host = Host::new();
    for arguments in ["--queues 2", "--queues 2 --steering software"] {
        let (macvtap, parent) = (unique("mvt"), unique("parent"));
        let make = || {
            run(&format!("ip tuntap add dev {parent} mode tap"));
            run(&format!("ip link set {parent} up"));
            run(&format!("ip link add link {parent} name {macvtap} type macvtap mode bridge"));
            run(&format!("ip link set {macvtap} up"));
        };
        ends_when(&macvtap, arguments, || drop(run(&format!("ip link del {parent}"))), make);
    }
}

/// A tap that is renamed and moved to another network namespace: the guest's commands are followed, its
/// packets come by what it has set, and nothing is left when the daemon ends.
#[test]
#[ignore = "cargo xtask test bpf"]
fn tap_that_is_renamed_and_moved_is_served() {
    let host = Host::new();
    let netns = File::open("/proc/thread-self/ns/net").unwrap();
    // Where the daemon is.
    let inner = NetNs::enter_new().unwrap();
    let (tap, moved) = (unique("tap"), unique("moved"));
    run(&format!("ip tuntap add dev {tap} mode tap multi_queue vnet_hdr"));
    let mut daemon = Daemon::start(&tap, "--queues 4");
    let mut guest = Guest::connect(daemon.socket(), Options::default()).unwrap();
    assert_eq!(guest.set_rss(&config(4, 1)).unwrap(), Ack::Ok);
    let path = format!("/proc/{}/fd/{}", std::process::id(), netns.as_raw_fd());
    run(&format!("ip link set dev {tap} netns {path} name {moved}"));
    drop(inner);
    host.connect(&moved);
    for seed in 2..5 {
        let config = config(4, seed);
        assert_eq!(guest.set_rss(&config).unwrap(), Ack::Ok, "{:?}", daemon.said());
        let frames = of_every_kind(30, seed as u16);
        frames.iter().for_each(|frame| host.arrive(&VnetHdr::default(), frame));
        check(&receive(&mut guest, &frames), &config);
        assert_eq!(daemon.status()["in_force"]["key"], config.key().to_string());
    }
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0), "{:?}", daemon.said());
    let device = Device::open(&IfName::new(&moved).unwrap()).unwrap();
    assert!(device.steering().unwrap().is_none());
}
