//! What a guest sends.

use std::time::{Duration, Instant};

use tunrss::hash::VnetHdr;
use tunrss_testkit::vhost::{Options, feature};

use crate::frames::{Large, flows, odd, of_every_kind};
use crate::host::deadline;
use crate::served::{Random, Served};

#[test]
#[ignore = "cargo xtask test bpf"]
fn frames_of_every_kind_depart_in_any_layout() {
    for features in [u64::MAX, !feature::HASH_REPORT, !feature::INDIRECT_DESC] {
        let mut served = Served::new("--queues 3", Options { features, ..Options::default() });
        let mut random = Random(1);
        let mut frames = of_every_kind(10, 1);
        frames.extend(odd(1, 300));
        for (pair, frame) in [0, 1, 2].into_iter().cycle().zip(&frames) {
            // The header is cut anywhere, and so is the frame.
            let cuts = random.below(6);
            let sizes: Vec<_> = (0..cuts).map(|_| random.below(30) as usize).collect();
            served.guest.send(pair, &VnetHdr::default(), frame, &sizes).unwrap();
            let departed = served.host.departed(deadline());
            let (header, bytes) = departed.unwrap_or_else(|| panic!("{sizes:?} {frame:02x?}"));
            assert!(bytes == *frame, "{sizes:?}: {bytes:02x?} {frame:02x?}");
            assert_eq!((header.flags, header.gso_type), (0, 0));
        }
        for pair in 0..3 {
            served.guest.flush(pair).unwrap();
        }
        let status = served.daemon.status();
        let sent = |pair: usize| status["rings"][pair]["tx"]["packets"].as_u64().unwrap();
        assert_eq!((0..3).map(sent).sum::<u64>(), frames.len() as u64, "{status}");
    }
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn frames_of_a_burst_keep_their_order() {
    let mut served = Served::new("", Options::default());
    let frames = flows(200, 100);
    for _ in 0..10 {
        for frame in &frames {
            served.guest.send(0, &VnetHdr::default(), frame, &[20]).unwrap();
        }
        for frame in &frames {
            assert!(served.host.departed(deadline()).unwrap().1 == *frame);
        }
    }
    served.assert_idle();
}

/// What is no frame is taken and thrown away.
#[test]
#[ignore = "cargo xtask test bpf"]
fn what_is_no_frame_does_no_harm() {
    let mut served = Served::new("", Options::default());
    let good = flows(1, 100).remove(0);
    let (gso, large) = Large::TcpV4.frame(1, 3, 1000);
    let cases = [
        (VnetHdr::default(), vec![]),
        (VnetHdr::default(), vec![7]),
        (VnetHdr::default(), good[..13].to_vec()),
        (
            VnetHdr { flags: 1, csum_start: 0xffff, csum_offset: 16, ..VnetHdr::default() },
            good.clone(),
        ),
        (
            VnetHdr { flags: 1, csum_start: 100, csum_offset: 0xffff, ..VnetHdr::default() },
            good.clone(),
        ),
        (VnetHdr { gso_type: 77, gso_size: 100, ..VnetHdr::default() }, good.clone()),
        (VnetHdr { gso_size: 0, ..gso }, large.clone()),
        (VnetHdr { hdr_len: 0xffff, ..gso }, large.clone()),
        (VnetHdr { flags: 0xff, gso_type: 0xff, ..gso }, large),
        (VnetHdr::default(), [good.clone(), vec![0; 65_900 - good.len()]].concat()),
    ];
    for (header, frame) in cases.iter().cycle().take(300) {
        served.guest.send(0, header, frame, &[]).unwrap();
    }
    served.guest.flush(0).unwrap();
    served.guest.send(0, &VnetHdr::default(), &good, &[]).unwrap();
    let deadline = deadline();
    while served.host.departed(deadline).unwrap().1 != good {}
    served.assert_idle();
    served.daemon.assert_alive();
}

/// A frame without a whole header in front of it.
#[test]
#[ignore = "cargo xtask test bpf"]
fn header_that_is_cut_does_no_harm() {
    use tunrss_testkit::vhost::Part;
    let mut served = Served::new("", Options::default());
    let address = served.guest.memory.allocate(4096, 64);
    for len in 0..34 {
        let queue = served.guest.tx(0);
        let parts: &[Part] = match len {
            0 => &[],
            _ => &[Part { address, len, is_writable: false }],
        };
        if parts.is_empty() {
            continue;
        }
        queue.ring.add(parts).unwrap();
        queue.publish().unwrap();
        queue.wait_used(deadline()).unwrap();
        let used = queue.ring.pop().unwrap();
        assert_eq!(used.len, 0, "{len}");
    }
    let soon = Instant::now() + Duration::from_millis(20);
    assert_eq!(served.host.departed(soon), None);
    let frame = flows(1, 100).remove(0);
    served.guest.send(0, &VnetHdr::default(), &frame, &[]).unwrap();
    assert!(served.host.departed(deadline()).unwrap().1 == frame);
}
