//! Steering by the daemon itself, where eBPF cannot be had: the same results.

use tunrss::hash::VnetHdr;
use tunrss_testkit::vhost::{Ack, Buffers, Guest, Options, feature};

use crate::conformance;
use crate::daemon_process::{Daemon, resident};
use crate::frames::{Large, odd, of_every_kind};
use crate::host::{Host, eventually, unique};
use crate::served::{Served, check, check_no_hashes, check_queues, config, queues_used};

const ARGUMENTS: &str = "--queues 4 --types all --steering software";

#[test]
#[ignore = "cargo xtask test bpf"]
fn vectors_arrive_in_their_queues_with_their_hashes() {
    let mut served = Served::new(ARGUMENTS, Options::default());
    conformance::check(&mut served.guest, |header, frame| served.host.arrive(header, frame));
    assert_eq!(served.daemon.status()["mode"], "software");
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn rss_and_hash_report() {
    let mut served = Served::new(ARGUMENTS, Options::default().buffers(Buffers::of(1526)));
    assert!(served.pass(&of_every_kind(10, 9)).iter().all(|frame| frame.queue == 0));
    for seed in 0..4 {
        let config = config(4, seed);
        assert_eq!(served.guest.set_rss(&config).unwrap(), Ack::Ok);
        let frames = served.pass(&of_every_kind(30, seed as u16));
        check(&frames, &config);
        assert_eq!(queues_used(&frames), 4);
        check(&served.pass(&odd(seed, 300)), &config);
        for large in Large::ALL {
            let (header, bytes) = large.frame(seed as u16, 40, 1000);
            served.host.arrive(&header, &bytes);
            let frame = served.receive_some(1).remove(0);
            assert!(frame.bytes == bytes, "{large:?}");
            check(&[frame], &config);
        }
    }
    assert_eq!(served.guest.set_pairs(2).unwrap(), Ack::Ok);
    assert!(served.pass(&of_every_kind(30, 9)).iter().all(|frame| frame.queue < 2));
    served.assert_idle();
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn header_of_12_bytes_and_big_buffers() {
    let without = feature::HASH_REPORT | feature::MRG_RXBUF;
    let options = Options::default().without(without).buffers(Buffers::big());
    let mut served = Served::new(ARGUMENTS, options);
    let config = config(4, 1);
    assert_eq!(served.guest.set_rss(&config).unwrap(), Ack::Ok);
    let frames = served.pass(&of_every_kind(30, 1));
    check_queues(&frames, &config);
    check_no_hashes(&frames);
    for frame in of_every_kind(3, 2) {
        served.guest.send(3, &VnetHdr::default(), &frame, &[]).unwrap();
        let (_, departed) = served.host.departed(crate::host::deadline()).unwrap();
        assert!(departed == frame);
    }
}

/// A queue whose guest takes nothing does not hold up the others.
#[test]
#[ignore = "cargo xtask test bpf"]
fn queue_without_buffers_holds_up_no_other() {
    let mut options = Options::default();
    options.buffers.count = 0;
    let mut served = Served::new(ARGUMENTS, options);
    let config = config(4, 1);
    assert_eq!(served.guest.set_rss(&config).unwrap(), Ack::Ok);
    let frames = of_every_kind(20, 1);
    let to_0 = |frame: &Vec<u8>| {
        use tunrss::hash::{Link, classify};
        classify(&config, Link::Ethernet, frame).queue == 0
    };
    let (stuck, others): (Vec<_>, Vec<_>) = frames.into_iter().partition(to_0);
    assert!(!stuck.is_empty() && !others.is_empty());
    served.guest.set_buffer_count(u16::MAX);
    for pair in 1..4 {
        served.guest.rx(pair).fill(u16::MAX).unwrap();
    }
    for frame in stuck.iter().chain(&others) {
        served.host.arrive(&VnetHdr::default(), frame);
    }
    check(&served.receive(&others), &config);
    served.assert_idle();
    served.guest.rx(0).fill(u16::MAX).unwrap();
    check(&served.receive(&stuck), &config);
}

/// A guest that takes nothing, and a sender that does not stop, take a limited number of bytes, which are
/// the system's again when the guest has gone.
#[test]
#[ignore = "cargo xtask test bpf"]
fn memory_of_packets_that_wait_is_given_back() {
    let host = Host::new();
    let tap = unique("tap");
    let daemon = Daemon::start(&tap, ARGUMENTS);
    host.connect(&tap);
    let [_, backend] = daemon.pids()[..] else { panic!("{:?}", daemon.pids()) };
    let start = resident(backend);
    let mut options = Options::default();
    options.buffers.count = 0;
    let mut most = 0;
    for seed in 0..3 {
        let mut guest = Guest::connect(daemon.socket(), options.clone()).unwrap();
        assert_eq!(guest.set_rss(&config(4, seed)).unwrap(), Ack::Ok);
        for flow in 0..4000 {
            let (header, bytes) = Large::ALL[0].frame(flow, 60, 1000);
            host.arrive(&header, &bytes);
        }
        most = most.max(resident(backend));
        drop(guest);
        eventually("the frontend is gone", || daemon.status()["frontend"] == "waiting");
        // Frames come all the same.
        let (header, bytes) = Large::ALL[0].frame(0, 60, 1000);
        (0..1000).for_each(|_| host.arrive(&header, &bytes));
        let left = resident(backend);
        assert!(left < start + (10 << 20), "{left} bytes, {start} at the start, {most} between");
    }
    assert!(most > start + (12 << 20), "{most}: no packet waits");
    assert!(most < start + (32 << 20), "{most} bytes for four queues");
}
