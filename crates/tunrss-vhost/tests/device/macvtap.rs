//! A macvtap on the wire.

use tunrss::hash::VnetHdr;
use tunrss_testkit::vhost::{Ack, Guest, Options, feature};

use crate::conformance;
use crate::daemon_process::Daemon;
use crate::frames::{Large, of_every_kind};
use crate::host::{Host, deadline, run, unique};
use crate::served::{check, check_queues, config, queues_used, receive};

struct OnMacvtap {
    guest: Guest,
    daemon: Daemon,
    host: Host,
}

impl OnMacvtap {
    fn new(arguments: &str, options: Options) -> Self {
        let host = Host::new();
        let (wire, name) = (host.wire_name(), unique("macvtap"));
        run(&format!("ip link add link {wire} name {name} type macvtap mode passthru"));
        run(&format!("ip link set dev {name} up"));
        let daemon = Daemon::start(&name, arguments);
        let guest = Guest::connect(daemon.socket(), options).unwrap();
        Self { guest, daemon, host }
    }

    fn pass(&mut self, frames: &[Vec<u8>]) -> Vec<tunrss_testkit::vhost::Frame> {
        frames.iter().for_each(|frame| self.host.arrive(&VnetHdr::default(), frame));
        receive(&mut self.guest, frames)
    }
}

/// Frames to this station.
fn frames(each: u16, seed: u16) -> Vec<Vec<u8>> {
    of_every_kind(each, seed)
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn rss_and_hash_report() {
    let mut on = OnMacvtap::new("--queues 4", Options::default());
    for seed in 0..4 {
        let config = config(4, seed);
        assert_eq!(on.guest.set_rss(&config).unwrap(), Ack::Ok);
        let received = on.pass(&frames(20, seed as u16));
        check(&received, &config);
        assert_eq!(queues_used(&received), 4);
    }
    let status = on.daemon.status();
    assert_eq!(status["in_force"]["steering"], "rss", "{status}");
    let (header, bytes) = Large::TcpV4.frame(1, 20, 1448);
    on.host.arrive(&header, &bytes);
    assert!(receive(&mut on.guest, &[bytes])[0].header.gso_type == VnetHdr::GSO_TCPV4);
    for frame in frames(3, 9) {
        on.guest.send(2, &VnetHdr::default(), &frame, &[]).unwrap();
        assert!(on.host.departed(deadline()).unwrap().1 == frame);
    }
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn rss_without_hash_report() {
    let mut on = OnMacvtap::new("--queues 2", Options::default().without(feature::HASH_REPORT));
    let config = config(2, 1);
    assert_eq!(on.guest.set_rss(&config).unwrap(), Ack::Ok);
    check_queues(&on.pass(&frames(20, 1)), &config);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn vectors_arrive_in_their_queues_with_their_hashes() {
    let OnMacvtap { mut guest, host, daemon: _daemon } =
        OnMacvtap::new("--queues 4 --types all", Options::default());
    conformance::check(&mut guest, |header, frame| host.arrive(header, frame));
}
