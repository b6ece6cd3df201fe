//! What is hashed.

use core::fmt;

/// The longest hash input, in bytes: two IPv6 addresses and two ports.
pub const MAX_INPUT_LEN: usize = 36;

/// What is hashed of a packet: addresses and ports in wire order, at most [`MAX_INPUT_LEN`] bytes.
///
/// Aligned so that what a routine loads of it does not cross a cache line.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(align(16))]
pub struct HashInput {
    /// By words, as routines take them. Zero from `len` on: zero bytes add nothing to a hash, so that
    /// routines need not look at `len`.
    bytes: [[u8; 8]; WORDS],
    len: u8,
}

impl HashInput {
    /// The input made of these fields, one after the other.
    ///
    /// # Errors
    /// `None` if they are longer than [`MAX_INPUT_LEN`] bytes together.
    pub fn new(fields: &[&[u8]]) -> Option<Self> {
        let mut input = Self { bytes: [[0; 8]; WORDS], len: 0 };
        let bytes = input.bytes.as_flattened_mut().first_chunk_mut::<MAX_INPUT_LEN>()?;
        for field in fields {
            let start = usize::from(input.len);
            let end = start.checked_add(field.len())?;
            bytes.get_mut(start..end)?.copy_from_slice(field);
            input.len = u8::try_from(end).ok()?;
        }
        Some(input)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        let bytes = self.bytes.as_flattened();
        bytes.get(..usize::from(self.len)).unwrap_or(bytes)
    }

    /// Two addresses and, for the TCP and UDP types, source and destination port.
    #[inline]
    pub(crate) fn of<const N: usize>(
        source: &[u8; N],
        destination: &[u8; N],
        ports: Option<[u8; 4]>,
    ) -> Self {
        const { assert!(2 * N + 4 <= MAX_INPUT_LEN) };
        let mut bytes = [[0; 8]; WORDS];
        let fields = bytes.as_flattened_mut().split_first_chunk_mut().and_then(|(first, rest)| {
            let (second, rest) = rest.split_first_chunk_mut()?;
            Some((first, second, rest.first_chunk_mut()?))
        });
        if let Some((first, second, third)) = fields {
            *first = *source;
            *second = *destination;
            *third = ports.unwrap_or_default();
        }
        Self { bytes, len: (2 * N + if ports.is_some() { 4 } else { 0 }) as u8 }
    }

    /// Whether all that is not zero stands in the first 12 bytes: what IPv4 has.
    #[inline]
    pub(super) fn is_short(&self) -> bool {
        self.len <= 12
    }

    /// The `N` bytes at the start, and the four behind them.
    #[inline]
    pub(super) fn addresses_and_ports<const N: usize>(&self) -> (&[u8; N], [u8; 4]) {
        const { assert!(N + 4 <= MAX_INPUT_LEN) };
        let split = self.bytes.as_flattened().split_first_chunk();
        let (addresses, rest) = split.unwrap_or((&[0; N], &[]));
        (addresses, rest.first_chunk().copied().unwrap_or_default())
    }

    /// The 16 bytes from `start` on as little-endian words; 0 if there are not so many.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    pub(super) fn two_words_from(&self, start: usize) -> [i64; 2] {
        let bytes = self.bytes.as_flattened().get(start..).and_then(|bytes| bytes.first_chunk());
        let words = u128::from_le_bytes(bytes.copied().unwrap_or_default());
        [words as i64, (words >> 64) as i64]
    }
}

impl fmt::Debug for HashInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HashInput").field(&self.as_bytes()).finish()
    }
}

/// Words of 8 bytes that the longest input fills, the last one in part.
const WORDS: usize = MAX_INPUT_LEN.div_ceil(8);
