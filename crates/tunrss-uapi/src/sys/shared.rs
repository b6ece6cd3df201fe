//! Memory that a process shares with those that it forks: what they know of devices.
//!
//! A setting belongs to the device, so a process has to know what its relatives have set. It is mapped
//! when a first device is met, and a process that never meets one has none.
//!
//! A child keeps this memory, and may write to it, also after it has given up every privilege. So there is
//! nothing in it but numbers, and who reads one takes it for something that anybody may have written. In
//! particular it contains no lock: who changes a device holds the device's own, which the kernel keeps.

use std::sync::atomic::{AtomicU32, Ordering};

use super::mapped::{Fork, Mapped, Plain};
use crate::devices::Devices;
use crate::error::{Error, Result};

// SAFETY: it is made of atomic numbers only; each is checked where it is read.
unsafe impl Plain for Devices {}

/// What relatives share; `None` as long as there is nothing.
pub(crate) fn devices() -> Option<&'static Devices> {
    DEVICES.get()
}

/// The same, made if there is none.
///
/// # Errors
/// The system refuses the memory.
pub(crate) fn devices_or_map() -> Result<&'static Devices> {
    let refused =
        |error: rustix::io::Errno| Error::System { action: "map memory", source: error.into() };
    DEVICES.get_or_map(Fork::Shares).map_err(refused)
}

/// Whether this process is the one whose memory this is. A child of `vfork` is not: it has its parent's
/// memory, but descriptors of its own. (A child of `fork` has both of its own.)
pub(crate) fn is_own_memory() -> bool {
    // A child of fork finds it zero. If it cannot be had, this is taken to be a process like most.
    let Ok(owner) = OWNER.get_or_map(Fork::Wipes) else { return true };
    let this = std::process::id();
    match owner.compare_exchange(0, this, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => true,
        Err(owner) => owner == this,
    }
}

static DEVICES: Mapped<Devices> = Mapped::new();
/// The process whose memory it is; private memory.
static OWNER: Mapped<AtomicU32> = Mapped::new();
