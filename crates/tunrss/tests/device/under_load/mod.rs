//! Changes while packets come: no packet is lost or misread, and each is dealt with by one setting.

mod entries;
mod killed;
mod load;
mod queues;
mod readers;
mod replaced;

use std::env;

use tunrss::hash::{HashKey, HashReport, HashTypes, Link, classify};
use tunrss::{Config, Device, Received, ReportMode, Settings, State, SteeringMode};
use tunrss_testkit::strategy::generate;

/// All that is set on a device.
#[derive(Clone, PartialEq, Debug)]
struct Setting {
    config: Config,
    report: ReportMode,
    steering: SteeringMode,
}

impl Setting {
    /// Two configurations that differ in all, in every mode.
    fn all() -> Vec<Self> {
        let config = |types, byte: u8, table: [u16; 8], unclassified| {
            let key = HashKey::new(&[byte; 40]).unwrap();
            Config::new(types, key, table.into(), unclassified).unwrap()
        };
        let some = HashTypes::TCPV4 | HashTypes::IPV4 | HashTypes::UDPV6;
        let configs = [
            config(HashTypes::BASIC, 0x5a, [0, 1, 2, 3, 0, 1, 2, 3], 0),
            config(some, 0xc3, [3, 2, 1, 0, 2, 3, 0, 1], 3),
        ];
        let mut all = vec![];
        for config in configs {
            for report in ReportMode::ALL {
                for steering in SteeringMode::ALL {
                    all.push(Self { config: config.clone(), report, steering });
                }
            }
        }
        all
    }

    /// So many of them, always the same for the same seed.
    fn some(seed: u64, count: usize) -> Vec<Self> {
        let all = Self::all();
        generate(0..all.len(), seed).take(count).map(|index| all[index].clone()).collect()
    }

    fn in_force(device: &Device) -> Option<Self> {
        let State { config, report, steering, .. } = device.steering().unwrap()?;
        Some(Self { config, report, steering })
    }

    fn settings(&self) -> Settings {
        Settings { steering: self.steering, counters: true, ..Settings::from(self.report) }
    }

    /// Whether queue, hash and report are of this; `None` for any queue.
    fn is_right(&self, queue: Option<usize>, received: &Received, frame: &[u8]) -> bool {
        let verdict = classify(&self.config, Link::Ethernet, frame);
        let (hash, report) = match self.report {
            ReportMode::Kernel => (verdict.hash, verdict.report),
            // The readers are told of none.
            ReportMode::Off | ReportMode::Reader => (0, HashReport::None),
        };
        let is_queue_right = match self.steering {
            SteeringMode::Rss => queue.is_none_or(|queue| queue == usize::from(verdict.queue)),
            SteeringMode::Automatic => true,
        };
        let header = received.header;
        is_queue_right && (header.hash_value, header.hash_report) == (hash, report.code())
    }
}

/// How many times as much to do as usual, as the environment says.
fn times(usual: usize) -> usize {
    let factor = env::var("TUNRSS_TEST_LOAD").ok();
    usual * factor.map_or(1, |factor| factor.parse().unwrap())
}
