//! Routines for CPUs that multiply without carry. The only unsafe code of the crate.
//!
//! A [`Vectorised`] is made by `new` alone, which looks whether the CPU has the instructions of the
//! routine; so whoever has one may use them. Nothing here reads or writes through a pointer.
#![expect(unsafe_code, reason = "to call a function that is compiled for certain CPUs")]

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(not(any(target_arch = "aarch64", target_arch = "x86_64")))]
mod other;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub(super) use self::aarch64::Vectorised;
#[cfg(not(any(target_arch = "aarch64", target_arch = "x86_64")))]
pub(super) use self::other::Vectorised;
#[cfg(target_arch = "x86_64")]
pub(super) use self::x86_64::Vectorised;
