//! Settings, frames, and on which queues the frames will be.

use serde::Deserialize;
use tunrss::Config;
use tunrss::hash::{Link, SteeringConfig};
use tunrss_testkit::reference;
use tunrss_testkit::strategy::{complete_packets, generate};

use crate::harness::TempFile;
use crate::vm::run;

/// A setting for a device of four queues.
pub(crate) struct Setting {
    /// As `set` and `simulate` take it.
    options: String,
    config: Config,
    /// What the options name.
    _table: TempFile,
}

impl Setting {
    /// All types; half to queue 3, next to nothing to queue 1.
    pub(crate) fn skewed() -> Self {
        let queue = |entry| match entry % 16 {
            0..8 => 3,
            8..12 => 0,
            12..15 => 2,
            _ => 1,
        };
        Self::new("all", 37, queue, 2)
    }

    /// Few types; nothing to queue 3 but what has none of them.
    pub(crate) fn plain() -> Self {
        Self::new("ipv4,udpv6", 101, |entry| entry % 3, 3)
    }

    /// The bytes of the key are multiples of `key`.
    fn new(types: &str, key: u8, queue: fn(u16) -> u16, unclassified: u16) -> Self {
        let key: String =
            (1..=40).map(|byte: u8| format!("{:02x}", key.wrapping_mul(byte))).collect();
        let table: Vec<_> = (0..128).map(queue).collect();
        let words: Vec<_> = table.iter().map(ToString::to_string).collect();
        let file = TempFile::new(words.join(" ").as_bytes());
        let options = format!(
            "--types {types} --hkey {key} --table {} --unclassified {unclassified}",
            file.path()
        );
        let (types, key) = (types.parse().unwrap(), key.parse().unwrap());
        let config = SteeringConfig::new(types, key, table, unclassified).unwrap();
        Self { options, config, _table: file }
    }

    /// The command that puts it in force.
    pub(crate) fn command(&self) -> String {
        format!("set t0 --report off {}", self.options)
    }

    /// How many of `frames` will be on each queue: as `tunrss simulate` says, and as the naive
    /// reference says, which has to be the same.
    pub(crate) fn predict(&self, frames: &[Vec<u8>]) -> [u64; 4] {
        let capture = TempFile::new(&pcap(frames));
        let line = format!("simulate {} {} --json", capture.path(), self.options);
        let simulated: Simulated = run(&[], &line).json();

        let mut counts = [0; 4];
        for frame in frames {
            let verdict = reference::classify(&self.config, Link::Ethernet, frame);
            counts[usize::from(verdict.queue)] += 1;
        }
        assert_eq!(simulated.per_queue, counts);
        counts
    }
}

/// Frames of every kind and of many flows, to the guest.
pub(crate) fn frames(seed: u64, count: usize) -> Vec<Vec<u8>> {
    // QEMU keeps tagged frames from a guest that has not asked for the tag.
    let packets = generate(complete_packets(), seed).filter(|packet| packet.vlan_tags.is_empty());
    let frames = packets.map(|packet| packet.to_bytes(Link::Ethernet));
    frames.filter(|frame| (14..=1514).contains(&frame.len())).take(count).collect()
}

/// A pcap file of Ethernet frames, in this machine's byte order.
fn pcap(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    let words =
        |words: &[u32]| words.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<_>>();
    file.extend(words(&[0xa1b2_c3d4]));
    file.extend([2_u16, 4].map(u16::to_ne_bytes).as_flattened());
    file.extend(words(&[0, 0, 65_535, 1]));
    for frame in frames {
        let len = u32::try_from(frame.len()).unwrap();
        file.extend(words(&[0, 0, len, len]));
        file.extend_from_slice(frame);
    }
    file
}

#[derive(Deserialize)]
struct Simulated {
    per_queue: Vec<u64>,
}
