//! The Toeplitz hash: bit by bit as it is defined, by table, and by carry-less multiplication.
//!
//! Virtio names the hash without defining it; the definition is Microsoft's ("RSS hashing
//! functions"). A window of 32 bits starts as the first 32 bits of the key, most significant bit
//! first. For each bit of the input, from the most significant bit of byte 0 on: if it is set, the
//! window is XORed into the result; then the window moves one bit along the key.
//!
//! Beyond its end a key counts as zero bits. No valid configuration gets there: it needs
//! `input + 4` bytes of key.

mod arch;
mod clmul;
mod input;
mod table;

use core::fmt;

use self::arch::Vectorised;
pub use self::input::{HashInput, MAX_INPUT_LEN};
use self::table::Table;
use crate::HashKey;

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

/// A key, prepared for the routine that hashes with it.
///
/// The routine is chosen here, once, so that hashing a packet asks nothing of the CPU.
///
/// ```
/// use tunrss_hash::HashKey;
/// use tunrss_hash::toeplitz::{HashInput, Toeplitz};
///
/// // 66.9.149.187:2794 -> 161.142.100.80:1766, the first vector of Microsoft's suite.
/// let fields: [&[u8]; 3] = [&[66, 9, 149, 187], &[161, 142, 100, 80], &[0x0a, 0xea, 0x06, 0xe6]];
/// let input = HashInput::new(&fields).expect("12 bytes");
/// let toeplitz = Toeplitz::new(&HashKey::MICROSOFT);
/// assert_eq!(toeplitz.hash(&input), 0x51cc_c178);
///
/// let mut hashes = [0; 32];
/// toeplitz.hash_batch(&[input; 32], &mut hashes);
/// assert_eq!(hashes, [0x51cc_c178; 32]);
/// ```
#[derive(Clone)]
pub struct Toeplitz {
    vectorised: Option<Vectorised>,
    table: Table,
}

impl Toeplitz {
    /// `key`, for the fastest routine that is [available](Routine::is_available).
    pub fn new(key: &HashKey) -> Self {
        let vectorised =
            Routine::ALL.iter().rev().find_map(|&routine| Vectorised::new(routine, key));
        Self { vectorised, table: Table::new(key) }
    }

    /// `key`, for this routine; `None` if it is not [available](Routine::is_available).
    pub fn with_routine(key: &HashKey, routine: Routine) -> Option<Self> {
        let vectorised = match routine {
            Routine::Table => None,
            other => Some(Vectorised::new(other, key)?),
        };
        Some(Self { vectorised, table: Table::new(key) })
    }

    /// The routine that computes the hashes.
    pub fn routine(&self) -> Routine {
        self.vectorised.as_ref().map_or(Routine::Table, Vectorised::routine)
    }

    /// The hash of `input`.
    #[inline]
    pub fn hash(&self, input: &HashInput) -> u32 {
        if input.is_short() {
            let (addresses, ports) = input.addresses_and_ports();
            self.hash_v4(addresses, ports)
        } else {
            let (addresses, ports) = input.addresses_and_ports();
            self.hash_v6(addresses, ports)
        }
    }

    /// The hash of two IPv4 addresses, where they stand in a packet, and two ports: zeros if they are
    /// not to be hashed.
    #[inline]
    pub(crate) fn hash_v4(&self, addresses: &[u8; 8], ports: [u8; 4]) -> u32 {
        match &self.vectorised {
            Some(vectorised) => vectorised.hash_v4(addresses, ports),
            None => self.table.hash(addresses, ports),
        }
    }

    /// The same of two IPv6 addresses.
    #[inline]
    pub(crate) fn hash_v6(&self, addresses: &[u8; 32], ports: [u8; 4]) -> u32 {
        match &self.vectorised {
            Some(vectorised) => vectorised.hash_v6(addresses, ports),
            None => self.table.hash(addresses, ports),
        }
    }

    /// The hash of each of `inputs`, in the same place of `hashes`; of as many as the shorter of
    /// the two has.
    #[inline]
    pub fn hash_batch(&self, inputs: &[HashInput], hashes: &mut [u32]) {
        match &self.vectorised {
            Some(vectorised) => vectorised.hash_batch(inputs, hashes),
            None => {
                for (input, hash) in inputs.iter().zip(hashes) {
                    *hash = self.hash(input);
                }
            }
        }
    }

    /// What a byte of value `byte` at `position` of the input adds to the hash; 0 for a position
    /// of [`MAX_INPUT_LEN`] and beyond. The hash is the XOR of what the bytes of the input add.
    pub fn word(&self, position: usize, byte: u8) -> u32 {
        self.table.word(position, byte)
    }
}

impl fmt::Debug for Toeplitz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key is a secret of sorts, and the words of the table are many.
        f.debug_struct("Toeplitz").field("routine", &self.routine()).finish_non_exhaustive()
    }
}

/// A way to compute the hash. All yield the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Routine {
    /// Two lookups a byte of input. Available everywhere.
    Table,
    /// Two carry-less multiplications for 12 bytes of input, six for 36: PCLMULQDQ and SSE4.1 on
    /// x86-64, PMULL on AArch64.
    Clmul,
    /// The same; in batches, four inputs at a time: VPCLMULQDQ, AVX-512 and GFNI on x86-64.
    ClmulAvx512,
}

impl Routine {
    /// Every routine, the slowest first.
    pub const ALL: [Self; 3] = [Self::Table, Self::Clmul, Self::ClmulAvx512];

    /// Whether it can be used: with the feature `std`, whether the CPU has what it needs; without,
    /// whether the program was compiled for CPUs that have.
    pub fn is_available(self) -> bool {
        match self {
            Self::Table => true,
            other => Vectorised::is_available(other),
        }
    }

    /// Its name: `table`, `clmul` or `clmul-avx512`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Clmul => "clmul",
            Self::ClmulAvx512 => "clmul-avx512",
        }
    }
}

impl fmt::Display for Routine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
