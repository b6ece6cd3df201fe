//! The hash by table: the routine for every CPU, and the safe twin of those for some.

use super::MAX_INPUT_LEN;
use crate::HashKey;

/// What one byte of input adds to the hash, for every value and every position it can have.
///
/// The hash is linear over XOR, so the hash of an input is the XOR of what its bytes add. This
/// table keeps the two halves of a byte apart: 16 words a half, 4.5 KiB in all.
#[derive(Clone)]
pub(super) struct Table {
    high: [[u32; 16]; MAX_INPUT_LEN],
    low: [[u32; 16]; MAX_INPUT_LEN],
}

impl Table {
    pub(super) fn new(key: &HashKey) -> Self {
        let mut table = Self { high: [[0; 16]; MAX_INPUT_LEN], low: [[0; 16]; MAX_INPUT_LEN] };
        let halves = table.high.iter_mut().zip(table.low.iter_mut());
        for (position, (high, low)) in halves.enumerate() {
            let key_bits = key.bits_at(position);
            for (words, shift) in [(high, 5), (low, 1)] {
                for (value, word) in (0u32..).zip(words) {
                    *word = (0..4)
                        .filter(|bit| value & (1 << bit) != 0)
                        .fold(0, |sum, bit| sum ^ (key_bits >> (shift + bit)) as u32);
                }
            }
        }
        table
    }

    /// The hash of two addresses, `N` bytes together, and two ports. Out of line: inside `classify`
    /// it cost packets that another routine hashes a tenth of their time.
    #[inline(never)]
    pub(super) fn hash<const N: usize>(&self, addresses: &[u8; N], ports: [u8; 4]) -> u32 {
        // One after the other: a chain of both took more than twice the time.
        self.sum(0, addresses) ^ self.sum(N, &ports)
    }

    /// What these bytes at `start` of the input add to the hash.
    #[inline(always)]
    fn sum(&self, start: usize, bytes: &[u8]) -> u32 {
        let halves = self.high.iter().zip(&self.low).skip(start);
        bytes.iter().zip(halves).fold(0, |sum, (&byte, (high, low))| sum ^ word(high, low, byte))
    }

    pub(super) fn word(&self, position: usize, byte: u8) -> u32 {
        match (self.high.get(position), self.low.get(position)) {
            (Some(high), Some(low)) => word(high, low, byte),
            _ => 0,
        }
    }
}

#[expect(clippy::indexing_slicing, reason = "the indices are below 16, as the compiler sees too")]
fn word(high: &[u32; 16], low: &[u32; 16], byte: u8) -> u32 {
    high[usize::from(byte >> 4)] ^ low[usize::from(byte & 15)]
}
