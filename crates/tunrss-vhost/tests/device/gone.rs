//! Devices that are deleted, renamed or moved under the daemon.

use std::time::Instant;

use tunrss_testkit::vhost::{Ack, Guest, Options};

use crate::daemon_process::{Daemon, is_alive};
use crate::host::{Host, eventually, run, unique};
use crate::served::config;

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
