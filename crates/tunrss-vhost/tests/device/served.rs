//! A guest that is served: host, daemon, and the driver in the guest.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tunrss::Config;
use tunrss::hash::{HashKey, HashReport, HashTypes, Link, SteeringConfig, VnetHdr, classify};
use tunrss_testkit::vhost::{Frame, Guest, Options};

use crate::daemon_process::Daemon;
use crate::host::{Host, deadline, unique};

/// A guest at a daemon at a tap, which is connected with the wire.
pub(crate) struct Served {
    pub(crate) guest: Guest,
    pub(crate) daemon: Daemon,
    pub(crate) host: Host,
}

impl Served {
    /// The daemon is started with these arguments.
    #[track_caller]
    pub(crate) fn new(arguments: &str, options: Options) -> Self {
        let host = Host::new();
        let tap = unique("tap");
        let daemon = Daemon::start(&tap, arguments);
        host.connect(&tap);
        let guest = Guest::connect(daemon.socket(), options).unwrap();
        Self { guest, daemon, host }
    }

    /// The guest goes, and another one comes.
    #[track_caller]
    pub(crate) fn reconnect(&mut self, options: Options) {
        self.guest.reconnect(self.daemon.socket(), options).unwrap();
    }

    /// Frames come from the wire, each without anything to do to it; what the guest gets of them, in
    /// any order. All of them must come.
    #[track_caller]
    pub(crate) fn pass(&mut self, frames: &[Vec<u8>]) -> Vec<Frame> {
        let mut received = vec![];
        // A queue of a tap holds 1000 packets.
        for burst in frames.chunks(256) {
            for frame in burst {
                self.host.arrive(&VnetHdr::default(), frame);
            }
            received.extend(self.receive(burst));
        }
        received
    }

    /// Wait until the guest has got these frames, and no others.
    #[track_caller]
    pub(crate) fn receive(&mut self, expected: &[Vec<u8>]) -> Vec<Frame> {
        receive(&mut self.guest, expected)
    }

    /// Wait until the guest has got so many frames.
    #[track_caller]
    pub(crate) fn receive_some(&mut self, count: usize) -> Vec<Frame> {
        let deadline = deadline();
        let mut frames = vec![];
        while frames.len() < count {
            let more = self.guest.receive_all().unwrap();
            if more.is_empty() {
                let is_there = self.guest.wait(deadline).unwrap();
                assert!(is_there, "{} of {count}: {:?}", frames.len(), self.daemon.said());
            }
            frames.extend(more);
        }
        frames
    }

    /// The daemon does nothing while there is nothing to do.
    #[track_caller]
    pub(crate) fn assert_idle(&mut self) {
        assert_idle(&self.daemon, || self.guest.wait(Instant::now() + IDLE).unwrap());
    }
}

/// The daemon does nothing while `wait` waits for nothing.
#[track_caller]
pub(crate) fn assert_idle(daemon: &Daemon, wait: impl FnOnce() -> bool) {
    let before = daemon.cpu_time();
    let has_any = wait();
    let took = daemon.cpu_time() - before;
    assert!(!has_any, "something comes");
    assert!(took < IDLE / 10, "{took:?} of {IDLE:?}: {:?}", daemon.said());
}

/// How long nothing is done.
pub(crate) const IDLE: Duration = Duration::from_millis(250);

/// Wait until the guest has got these frames, and no others.
#[track_caller]
pub(crate) fn receive(guest: &mut Guest, expected: &[Vec<u8>]) -> Vec<Frame> {
    let deadline = deadline();
    let mut missing = BTreeMap::<&[u8], usize>::new();
    for frame in expected {
        *missing.entry(frame).or_default() += 1;
    }
    let mut received = vec![];
    while received.len() < expected.len() {
        for frame in guest.receive_all().unwrap() {
            let count = missing.get_mut(&frame.bytes[..]);
            let count = count.unwrap_or_else(|| panic!("not expected: {frame:02x?}"));
            *count = count.checked_sub(1).unwrap_or_else(|| panic!("twice: {frame:02x?}"));
            received.push(frame);
        }
        if received.len() < expected.len() && !guest.wait(deadline).unwrap() {
            missing.retain(|_, &mut count| count > 0);
            panic!("{} of {} missing: {missing:02x?}", missing.len(), expected.len());
        }
    }
    received
}

/// Queue, hash and report of each frame are those of the configuration.
#[track_caller]
pub(crate) fn check(frames: &[Frame], config: &Config) {
    for frame in frames {
        let verdict = classify(config, Link::Ethernet, &frame.bytes);
        assert_eq!(frame.queue, verdict.queue, "{verdict:?}: {frame:02x?}");
    }
    check_hashes(frames, config);
}

/// Hash and report of each frame are those of the configuration.
#[track_caller]
pub(crate) fn check_hashes(frames: &[Frame], config: &Config) {
    for frame in frames {
        let verdict = classify(config, Link::Ethernet, &frame.bytes);
        let Frame { header, .. } = frame;
        assert_eq!(header.hash_value, verdict.hash, "{verdict:?}: {frame:02x?}");
        assert_eq!(header.hash_report, verdict.report.code(), "{verdict:?}: {frame:02x?}");
        assert_eq!(frame.padding, [0, 0], "{frame:02x?}");
    }
}

/// No frame has a hash.
#[track_caller]
pub(crate) fn check_no_hashes(frames: &[Frame]) {
    for frame in frames {
        let Frame { header, .. } = frame;
        let none = (0, HashReport::None.code());
        assert_eq!((header.hash_value, header.hash_report), none, "{frame:02x?}");
        assert_eq!(frame.padding, [0, 0], "{frame:02x?}");
    }
}

/// The queue of each frame is that of the configuration.
#[track_caller]
pub(crate) fn check_queues(frames: &[Frame], config: &Config) {
    for frame in frames {
        let verdict = classify(config, Link::Ethernet, &frame.bytes);
        assert_eq!(frame.queue, verdict.queue, "{verdict:?}: {frame:02x?}");
    }
}

/// How many of the queues some frame is in.
pub(crate) fn queues_used(frames: &[Frame]) -> usize {
    let queues: std::collections::BTreeSet<_> = frames.iter().map(|frame| frame.queue).collect();
    queues.len()
}

/// A configuration of the basic types and so many queues, which differs with `seed` in key, table and
/// unclassified queue.
pub(crate) fn config(queues: u16, seed: u64) -> Config {
    let mut random = Random(seed);
    let key: [u8; 40] = std::array::from_fn(|_| random.next() as u8);
    let table = (0..128).map(|_| random.below(queues.into()) as u16).collect();
    let unclassified = random.below(queues.into()) as u16;
    let key = HashKey::new(&key).unwrap();
    SteeringConfig::new(HashTypes::BASIC, key, table, unclassified).unwrap()
}

/// Numbers that look random (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One below `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Once in so many times.
    pub(crate) fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}
