//! The Toeplitz hash: bit by bit as it is defined, and by table.
//!
//! Virtio names the hash without defining it; the definition is Microsoft's ("RSS hashing
//! functions"). A window of 32 bits starts as the first 32 bits of the key, most significant bit
//! first. For each bit of the input, from the most significant bit of byte 0 on: if it is set, the
//! window is XORed into the result; then the window moves one bit along the key.
//!
//! Beyond its end a key counts as zero bits. No valid configuration gets there: it needs
//! `input + 4` bytes of key.

use core::fmt;

use crate::HashKey;

/// The longest hash input, in bytes: two IPv6 addresses and two ports.
pub const MAX_INPUT_LEN: usize = 36;

/// The hash of `input` (of any length) under `key`, bit by bit: the reference for all others.
pub fn bit_serial(key: &HashKey, input: &[u8]) -> u32 {
    let mut result = 0;
    for (position, byte) in input.iter().enumerate() {
        let key_bits = key.bits_at(position);
        for bit in 0..8 {
            if byte & (0x80 >> bit) != 0 {
                let window = key_bits >> (8 - bit);
                result ^= window as u32;
            }
        }
    }
    result
}

/// What one byte of input adds to the hash, for every value and every position it can have.
///
/// The hash is linear over XOR, so the hash of an input is the XOR of what its bytes add. This
/// table keeps the two halves of a byte apart: 16 words a half, 4.5 KiB in all.
#[derive(Clone)]
pub struct ToeplitzTable {
    high: [[u32; 16]; MAX_INPUT_LEN],
    low: [[u32; 16]; MAX_INPUT_LEN],
}

impl ToeplitzTable {
    /// The table for `key`.
    pub fn new(key: &HashKey) -> Self {
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

    /// The hash of `input`.
    pub fn hash(&self, input: &HashInput) -> u32 {
        let halves = self.high.iter().zip(&self.low);
        input
            .as_bytes()
            .iter()
            .zip(halves)
            .fold(0, |hash, (&byte, (high, low))| hash ^ word(high, low, byte))
    }

    /// What a byte of value `byte` at `position` of the input adds to the hash; 0 for a position
    /// of [`MAX_INPUT_LEN`] and beyond.
    pub fn word(&self, position: usize, byte: u8) -> u32 {
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

impl fmt::Debug for ToeplitzTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToeplitzTable").finish_non_exhaustive()
    }
}

/// What is hashed of a packet: addresses and ports in wire order, at most [`MAX_INPUT_LEN`] bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HashInput {
    len: u8,
    bytes: [u8; MAX_INPUT_LEN],
}

impl HashInput {
    /// The input made of these fields, one after the other.
    ///
    /// # Errors
    /// `None` if they are longer than [`MAX_INPUT_LEN`] bytes together.
    pub fn new(fields: &[&[u8]]) -> Option<Self> {
        let mut input = Self { len: 0, bytes: [0; MAX_INPUT_LEN] };
        for field in fields {
            let start = usize::from(input.len);
            let end = start.checked_add(field.len())?;
            input.bytes.get_mut(start..end)?.copy_from_slice(field);
            input.len = u8::try_from(end).ok()?;
        }
        Some(input)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&self.bytes)
    }

    /// Two addresses and, for the TCP and UDP types, source and destination port.
    pub(crate) fn of<const N: usize>(
        source: [u8; N],
        destination: [u8; N],
        ports: Option<[u8; 4]>,
    ) -> Self {
        const { assert!(2 * N + 4 <= MAX_INPUT_LEN) };
        let mut bytes = [0; MAX_INPUT_LEN];
        let fields = source.into_iter().chain(destination).chain(ports.into_iter().flatten());
        bytes.iter_mut().zip(fields).for_each(|(byte, field)| *byte = field);
        Self { len: (2 * N + if ports.is_some() { 4 } else { 0 }) as u8, bytes }
    }
}
