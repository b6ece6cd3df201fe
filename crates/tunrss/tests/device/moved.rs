//! A device that is moved to another network namespace, as those who run virtual machines in
//! containers do.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};
use std::process;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tunrss::hook::Hook;
use tunrss::netns::NetNs;
use tunrss::{Device, Error, Missing, Report, ReportMode, Settings};

use crate::guard::{assert_all_dropped, refuses_tcx, wait_for_guard};
use crate::traffic::{Tap, netns_without_ipv6};
use crate::{check, config, name, run, senders, set_report};

/// A tcx program goes with its device, and is found there.
#[test]
#[ignore = "cargo xtask test bpf"]
fn with_a_tcx_program() {
    let settings = Settings { counters: true, hook: Some(Hook::Tcx), ..ReportMode::Kernel.into() };
    if refuses_tcx("refused_tcx", settings.clone()) {
        return;
    }
    let mut moved = Moved::new("moved_tcx", settings.clone());
    moved.expect(1, ReportMode::Kernel);
    let counted = moved.tap.device.counters().unwrap().unwrap();
    moved.go_out();
    moved.expect(2, ReportMode::Kernel);
    let state = moved.tap.device.steering().unwrap().unwrap();
    assert_eq!((state.config, state.report), (table(), ReportMode::Kernel));
    // They go on.
    let now = moved.tap.device.counters().unwrap().unwrap();
    assert!(now.total().packets > counted.total().packets);
    moved.tap.device.steer(&table(), settings).unwrap().keep();
    moved.expect(3, ReportMode::Kernel);
    moved.clear();
}

/// A clsact program is lost. Frames are dropped rather than misread, and what is missing is known by the
/// filter program, which went with the device; a new setting puts it right.
#[test]
#[ignore = "cargo xtask test bpf"]
fn with_a_clsact_program() {
    let settings = Settings { hook: Some(Hook::Clsact), ..ReportMode::Kernel.into() };
    let mut moved = Moved::new("moved_clsact", settings.clone());
    moved.expect(1, ReportMode::Kernel);
    moved.go_out();
    assert_all_dropped(&moved.tap);
    moved.assert_lost();
    moved.tap.device.steer(&table(), settings).unwrap().keep();
    moved.expect(2, ReportMode::Kernel);
    wait_for_guard(&moved.tap.device, &moved.tap.queues);
    // Where it came from it is lost as well.
    moved.go_in();
    assert_all_dropped(&moved.tap);
    moved.assert_lost();
    moved.clear();
}

/// A steering program goes with its device, and is found there though it names the old namespace.
#[test]
#[ignore = "cargo xtask test bpf"]
fn with_a_steering_program() {
    for (mode, name) in [(ReportMode::Off, "moved_off"), (ReportMode::Reader, "moved_reader")] {
        let mut moved = Moved::new(name, mode.into());
        moved.expect(1, mode);
        moved.go_out();
        moved.expect(2, mode);
        assert_eq!(moved.tap.device.steering().unwrap().unwrap().config, table());
        moved.go_in();
        moved.expect(3, mode);
        assert_eq!(moved.tap.device.steering().unwrap().unwrap().config, table());
        moved.go_out();
        moved.tap.device.steer(&table(), mode).unwrap().keep();
        moved.expect(4, mode);
        assert_eq!(moved.tap.device.steering().unwrap().unwrap().config, table());
        moved.clear();
    }
}

/// A device that is moved between a network namespace and the one around it. The thread goes with it.
struct Moved {
    tap: Tap,
    inside: File,
    outside: File,
    _outer: NetNs,
}

impl Moved {
    fn new(name: &str, settings: Settings) -> Self {
        let current = || File::open("/proc/thread-self/ns/net").unwrap();
        let outer = netns_without_ipv6();
        let outside = current();
        let mut tap = Tap::quiet(name, 4);
        let mode = settings.report;
        tap.device.steer(&table(), settings).unwrap().keep();
        set_report(&mut tap.queues, &Report::new(mode, &table()));
        if mode == ReportMode::Kernel {
            wait_for_guard(&tap.device, &tap.queues);
        }
        Self { tap, inside: current(), outside, _outer: outer }
    }

    fn go_out(&mut self) {
        let to = self.outside.try_clone().unwrap();
        self.go(&to);
    }

    fn go_in(&mut self) {
        let to = self.inside.try_clone().unwrap();
        self.go(&to);
    }

    fn go(&mut self, to: &File) {
        let name = name(self.tap.device.name().as_str());
        let path = format!("/proc/{}/fd/{}", process::id(), to.as_raw_fd());
        run(&format!("ip link set dev {name} netns {path}"));
        move_into_link_name_space(to.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        self.tap.device = Device::open(&name).unwrap();
        // It is down, and has no addresses.
        self.tap.device.set_up().unwrap();
    }

    /// Frames arrive as they shall.
    fn expect(&self, seed: u64, mode: ReportMode) {
        let packets = self.tap.receive(senders::frames(&self.tap.device, seed, 200));
        check(&packets, &table(), mode, 4);
    }

    /// The report program is missing, and known to be.
    fn assert_lost(&self) {
        let device = &self.tap.device;
        assert!(matches!(device.steering(), Err(Error::ReportLost { .. })));
        let found = device.inspect().unwrap();
        assert_eq!((found.state.unwrap().config, found.missing), (table(), vec![Missing::Report]));
    }

    /// Nothing of it is left.
    fn clear(&mut self) {
        self.tap.device.clear().unwrap();
        assert_eq!(self.tap.device.steering().unwrap(), None);
        set_report(&mut self.tap.queues, &Report::Off);
        let packets = self.tap.receive(senders::frames(&self.tap.device, 5, 200));
        assert!(packets.iter().all(|packet| packet.received.hash().is_none()));
    }
}

fn table() -> tunrss::Config {
    config([3, 0, 2, 1], 1)
}
