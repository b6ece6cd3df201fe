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
    pub(crate) fn hash_v4(&self, addresses: &[u8; 8], ports: [u8; 4]) -> u32 {
        // SAFETY: a `Vectorised` exists, so `new` has found "neon" and "aes" on this CPU.
        unsafe { hash(&self.factors, addresses, ports) }
    }

    #[inline]
    pub(crate) fn hash_v6(&self, addresses: &[u8; 32], ports: [u8; 4]) -> u32 {
        // SAFETY: as above.
        unsafe { hash(&self.factors, addresses, ports) }
    }

    pub(crate) fn hash_batch(&self, inputs: &[HashInput], hashes: &mut [u32]) {
        for (input, result) in inputs.iter().zip(hashes) {
            *result = if input.is_short() {
                let (addresses, ports) = input.addresses_and_ports();
                self.hash_v4(addresses, ports)
            } else {
                let (addresses, ports) = input.addresses_and_ports();
                self.hash_v6(addresses, ports)
            };
        }
    }
}

#[target_feature(enable = "neon,aes")]
fn hash<const N: usize>(factors: &Factors, addresses: &[u8; N], ports: [u8; 4]) -> u32 {
    clmul::hash(factors, addresses, ports, |a, b| vmull_p64(a, b))
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
