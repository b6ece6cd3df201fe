//! PMULL on AArch64.
//!
//! No test runs this file: there was no such machine. All it adds to the formula, which the tests run
//! with another multiplication, is the instruction.

use core::arch::aarch64::vmull_p64;

use crate::HashKey;
use crate::toeplitz::clmul::{self, Factors};
use crate::toeplitz::{HashInput, Routine};

/// A key, for a routine that this CPU has.
#[derive(Clone)]
pub(crate) struct Vectorised {
    factors: Factors,
}

impl Vectorised {
    pub(crate) fn new(routine: Routine, key: &HashKey) -> Option<Self> {
        Self::is_available(routine).then(|| Self { factors: clmul::factors(key) })
    }

    pub(crate) fn is_available(routine: Routine) -> bool {
        routine == Routine::Clmul && has_pmull()
    }

    pub(crate) fn routine(&self) -> Routine {
        Routine::Clmul
    }

    #[inline]
    pub(crate) fn hash(&self, input: &HashInput) -> u32 {
        // SAFETY: a `Vectorised` exists, so `new` has found "neon" and "aes" on this CPU.
        unsafe { hash(&self.factors, input.words(), input.is_short()) }
    }

    pub(crate) fn hash_batch(&self, inputs: &[HashInput], hashes: &mut [u32]) {
        for (input, result) in inputs.iter().zip(hashes) {
            *result = self.hash(input);
        }
    }
}

#[target_feature(enable = "neon,aes")]
fn hash(factors: &Factors, words: [u64; 5], is_short: bool) -> u32 {
    clmul::hash(factors, &words, is_short, |a, b| vmull_p64(a, b))
}

#[cfg(feature = "std")]
fn has_pmull() -> bool {
    std::arch::is_aarch64_feature_detected!("neon")
        && std::arch::is_aarch64_feature_detected!("aes")
}

#[cfg(not(feature = "std"))]
fn has_pmull() -> bool {
    cfg!(all(target_feature = "neon", target_feature = "aes"))
}
