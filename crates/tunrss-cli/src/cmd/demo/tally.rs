//! Checking packets, and counting them.

use std::collections::HashSet;

use tunrss::hash::classify::{self, select};
use tunrss::hash::dissect::dissect;
use tunrss::hash::toeplitz::bit_serial;
use tunrss::hash::{HashReport, Verdict};
use tunrss::{Config, Received};

use super::{LINK, Mode};
use crate::output::{Distribution, hash_text};

/// What arrived, and whether it was as it should be.
pub(super) struct Tally<'a> {
    config: &'a Config,
    queues: u16,
    flows: HashSet<(HashReport, Vec<u8>)>,
    pub(super) distribution: Distribution,
    pub(super) verified: u64,
    pub(super) mismatched: u64,
    pub(super) gso: u64,
    pub(super) mismatches: Vec<String>,
}

impl<'a> Tally<'a> {
    pub(super) fn new(config: &'a Config, queues: u16) -> Self {
        Self {
            config,
            queues,
            flows: HashSet::new(),
            distribution: Distribution::new(queues - 1),
            verified: 0,
            mismatched: 0,
            gso: 0,
            mismatches: Vec::new(),
        }
    }

    /// A frame that the kernel has steered to `queue`, with the hash it has reported.
    pub(super) fn steered_by_kernel(&mut self, queue: u16, received: &Received, frame: &[u8]) {
        let hash = received.hash().unwrap_or(0);
        let actual = Verdict { hash, report: received.report(), queue };
        let expected = classify::classify(self.config, LINK, frame);
        self.gso += u64::from(received.header.gso_type != 0);
        self.count(actual, expected, frame);
    }

    /// A frame that this program steers. What it does by table is checked bit by bit.
    pub(super) fn steered_in_software(&mut self, frame: &[u8]) {
        let actual = classify::classify(self.config, LINK, frame);
        let expected = match select(self.config.types(), &dissect(LINK, frame)) {
            Some((report, input)) => {
                let hash = bit_serial(self.config.key(), input.as_bytes());
                Verdict { hash, report, queue: self.config.queue_for(hash) }
            }
            None => {
                Verdict { hash: 0, report: HashReport::None, queue: self.config.unclassified() }
            }
        };
        self.count(actual, expected, frame);
    }

    pub(super) fn flows(&self) -> usize {
        self.flows.len()
    }

    /// What is wrong with the whole.
    pub(super) fn complaints(&self, flows: u32, mode: Mode) -> Vec<String> {
        let mut complaints = Vec::new();
        if self.mismatched > 0 {
            complaints.push(format!("{} packets are not as they should be", self.mismatched));
        }
        let unused = self.distribution.unused_queues();
        if unused > 0 {
            let queues = self.queues;
            complaints.push(format!("{unused} of {queues} queues got no packet: try more --flows"));
        }
        if self.flows.len() < flows as usize {
            complaints.push(format!("{} flows arrived of {flows} sent", self.flows.len()));
        }
        if mode == Mode::Ebpf && self.gso == 0 {
            complaints.push("no large (GSO) packet arrived".into());
        }
        complaints
    }

    fn count(&mut self, actual: Verdict, expected: Verdict, frame: &[u8]) {
        if let Some((report, input)) = select(self.config.types(), &dissect(LINK, frame)) {
            self.flows.insert((report, input.as_bytes().to_vec()));
        }
        self.distribution.add(actual);
        if actual == expected {
            self.verified += 1;
            return;
        }
        self.mismatched += 1;
        if self.mismatches.len() < MISMATCHES_SHOWN {
            let text = |verdict: Verdict| {
                let hash = hash_text(verdict).unwrap_or_else(|| "no hash".into());
                format!("{hash} {} queue {}", verdict.report, verdict.queue)
            };
            let start: String = frame.iter().take(64).map(|byte| format!("{byte:02x}")).collect();
            let mismatch = format!("got {}, expected {}: {start}", text(actual), text(expected));
            self.mismatches.push(mismatch);
        }
    }
}

const MISMATCHES_SHOWN: usize = 5;
