//! What rings have carried, counted by their threads and read by others.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::status;

/// The counters of a ring. They go on when the ring is stopped and started again.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    running: AtomicBool,
    packets: AtomicU64,
    bytes: AtomicU64,
    dropped: AtomicU64,
    bad_chains: AtomicU64,
}

impl Counts {
    pub(crate) fn set_running(&self, running: bool) {
        self.running.store(running, Ordering::Relaxed);
    }

    /// A packet whose frame has `len` bytes.
    #[inline]
    pub(crate) fn packet(&self, len: usize) {
        add(&self.packets, 1);
        add(&self.bytes, len as u64);
    }

    pub(crate) fn dropped(&self) {
        add(&self.dropped, 1);
    }

    pub(crate) fn bad_chain(&self) {
        add(&self.bad_chains, 1);
    }

    pub(crate) fn read(&self) -> status::Ring {
        status::Ring {
            running: self.running.load(Ordering::Relaxed),
            packets: self.packets.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            bad_chains: self.bad_chains.load(Ordering::Relaxed),
        }
    }
}

/// Only one thread writes a counter, so it need not be locked against others.
#[inline]
fn add(counter: &AtomicU64, count: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
}
