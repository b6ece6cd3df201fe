//! The `.bss` section: what the programs count.
//!
//! Each CPU has a block of its own. The tc and filter programs run with bottom halves off, one at a
//! time on a CPU, so that their counting takes no atomic instruction. A steering program can be
//! interrupted by itself: for a packet socket that passes by the qdisc it runs with bottom halves on
//! (`packet_pick_tx_queue`, net/packet/af_packet.c, v6.12). A block is rows of two 64-bit numbers, packets and
//! bytes, in the machine's byte order:
//!
//! | row | counts |
//! |---|---|
//! | 0 | packets without hash |
//! | 1 to 9 | packets by [`HashReport`] |
//! | 16 | frames without report that were dropped |
//! | 32 to 287 | packets by queue, if the configuration chooses it |
//! | 288 on | packets by entry of the indirection table, likewise |
//!
//! A packet counts once, before the device segments it or a queue overflows.

use tunrss_hash::HashReport;

use crate::mode::SteeringMode;
use crate::state::State;

/// What the programs of a configuration have counted since it was set.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Packets without hash.
    pub unclassified: Count,
    /// Packets by the type of their hash, in the order of [`HashReport::ALL`] without the first,
    /// [`HashReport::None`].
    pub by_report: [Count; REPORTS],
    /// Packets by the queue that the configuration has for them, up to the highest it names or named
    /// when it had other entries; none if the kernel chooses. A device with fewer queues takes the
    /// number modulo theirs.
    pub by_queue: Vec<Count>,
    /// Packets with a hash by entry of the indirection table; none if the kernel chooses.
    pub by_entry: Vec<Count>,
    /// Frames that came past the report program and were dropped.
    pub dropped: Count,
}

impl Counters {
    /// Add up what all CPUs have counted. `None` if `section` is not the section of `state`'s
    /// programs, by its length.
    pub fn decode(state: &State, section: &[u8]) -> Option<Self> {
        if section.is_empty() || section.len() != Self::section_len(state) {
            return None;
        }
        let mut rows = vec![Count::default(); row_count(state)];
        for block in section.chunks(block_len(state)) {
            let (cells, _) = block.as_chunks::<8>();
            for (row, cells) in rows.iter_mut().zip(cells.chunks_exact(2)) {
                if let [packets, bytes] = *cells {
                    row.packets = row.packets.wrapping_add(u64::from_ne_bytes(packets));
                    row.bytes = row.bytes.wrapping_add(u64::from_ne_bytes(bytes));
                }
            }
        }
        let (first, by_entry) = rows.split_at_checked(ENTRY_ROW)?;
        let (reports, by_queue) = first.split_at_checked(QUEUE_ROW)?;
        let named = usize::from(state.config.highest_queue());
        let highest = by_queue.iter().rposition(|row| row.packets > 0).unwrap_or(0).max(named);
        let is_rss = state.steering == SteeringMode::Rss;
        Some(Self {
            unclassified: *reports.first()?,
            by_report: *reports.get(1..)?.first_chunk()?,
            by_queue: by_queue.iter().copied().take(highest + 1).filter(|_| is_rss).collect(),
            by_entry: by_entry.iter().copied().filter(|_| is_rss).collect(),
            dropped: *reports.get(DROPPED_ROW)?,
        })
    }

    /// Bytes of the section of `state`'s programs; 0 if nothing is counted.
    pub fn section_len(state: &State) -> usize {
        usize::from(state.counter_cpus) * block_len(state)
    }

    /// All packets that were classified.
    pub fn total(&self) -> Count {
        let add = |sum: Count, one: &Count| Count {
            packets: sum.packets.wrapping_add(one.packets),
            bytes: sum.bytes.wrapping_add(one.bytes),
        };
        self.by_report.iter().fold(self.unclassified, add)
    }
}

/// Packets and their bytes: with link header, without what a report puts in front.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Bytes of the counters of a CPU: whole cache lines.
pub(crate) fn block_len(state: &State) -> usize {
    (row_count(state) * ROW_LEN).next_multiple_of(CACHE_LINE)
}

fn row_count(state: &State) -> usize {
    ENTRY_ROW + state.config.table().len()
}

/// Types of hash, without "none".
const REPORTS: usize = HashReport::ALL.len() - 1;

/// Bytes of a row.
pub(crate) const ROW_LEN: usize = 16;
/// Row numbers.
pub(crate) const DROPPED_ROW: usize = 16;
pub(crate) const QUEUE_ROW: usize = 32;
pub(crate) const ENTRY_ROW: usize = QUEUE_ROW + QUEUES;
/// Queues that are counted: more than that no device has.
pub(crate) const QUEUES: usize = 256;

const CACHE_LINE: usize = 64;
