//! A guest that is slower than what comes for it.

use tunrss::hash::{Link, VnetHdr, classify};
use tunrss_testkit::vhost::{Ack, Buffers, Options};

use crate::frames::{Large, flows};
use crate::host::eventually;
use crate::served::{Served, check, config};

#[test]
#[ignore = "cargo xtask test bpf"]
fn without_buffers_frames_wait_and_nothing_spins() {
    let mut options = Options::default();
    options.buffers.count = 0;
    let mut served = Served::new("", options);
    served.guest.set_buffer_count(u16::MAX);
    let frames = flows(300, 100);
    frames.iter().for_each(|frame| served.host.arrive(&VnetHdr::default(), frame));
    served.assert_idle();
    served.guest.rx(0).fill(u16::MAX).unwrap();
    served.receive(&frames);
    served.assert_idle();
    // One buffer at a time.
    served.guest.set_buffer_count(1);
    let mut again = served.pass(&frames[..200]);
    again.extend(served.pass(&frames));
    assert_eq!(again.len(), 500);
}

/// A frame that takes more buffers than there are waits for them.
#[test]
#[ignore = "cargo xtask test bpf"]
fn frame_that_needs_more_buffers_than_there_are_waits() {
    let mut options = Options::default().buffers(Buffers::of(1000));
    options.buffers.count = 10;
    let mut served = Served::new("", options);
    let (header, bytes) = Large::TcpV4.frame(1, 40, 1448);
    served.host.arrive(&header, &bytes);
    served.assert_idle();
    served.guest.set_buffer_count(u16::MAX);
    served.guest.rx(0).fill(u16::MAX).unwrap();
    assert!(served.receive_some(1)[0].bytes == bytes);
    served.pass(&flows(100, 100));
}

/// More than the device's queue holds is lost, and everything after that comes again.
#[test]
#[ignore = "cargo xtask test bpf"]
fn too_much_is_lost_and_then_all_is_well() {
    let mut options = Options::default();
    options.buffers.count = 0;
    let mut served = Served::new("--queues 2", options);
    let config = config(2, 1);
    assert_eq!(served.guest.set_rss(&config).unwrap(), Ack::Ok);
    served.guest.set_buffer_count(u16::MAX);
    for frame in flows(5000, 60) {
        served.host.arrive(&VnetHdr::default(), &frame);
    }
    served.assert_idle();
    for pair in 0..2 {
        served.guest.rx(pair).fill(u16::MAX).unwrap();
    }
    let mut came = 0;
    eventually("what waited has come", || {
        let frames = served.guest.receive_all().unwrap();
        check(&frames, &config);
        came += frames.len();
        came >= 1000
    });
    // One in each queue, behind what is there.
    let all = flows(500, 70);
    let queue = |frame: &[u8]| classify(&config, Link::Ethernet, frame).queue;
    let of = |pair| all.iter().find(|frame| queue(frame) == pair).unwrap().clone();
    let mut last = vec![of(0), of(1)];
    last.iter().for_each(|frame| served.host.arrive(&VnetHdr::default(), frame));
    eventually("the last ones have come", || {
        for frame in served.guest.receive_all().unwrap() {
            last.retain(|last| *last != frame.bytes);
        }
        last.is_empty()
    });
    check(&served.pass(&flows(200, 200)), &config);
}

/// A guest that never takes back what it has sent can send no more, and that is all.
#[test]
#[ignore = "cargo xtask test bpf"]
fn transmit_ring_that_is_full() {
    let mut served = Served::new("--queues 2", Options::default().ring_size(16));
    let frame = flows(1, 100).remove(0);
    for number in 0..16 {
        served.guest.send(0, &VnetHdr::default(), &frame, &[]).unwrap_or_else(|error| {
            panic!("{number}: {error}");
        });
    }
    served.guest.flush(0).unwrap();
    served.assert_idle();
    served.guest.send(1, &VnetHdr::default(), &frame, &[]).unwrap();
    served.guest.flush(1).unwrap();
}
