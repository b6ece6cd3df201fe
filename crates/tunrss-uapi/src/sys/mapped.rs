//! Memory that is mapped when it is first needed, so that a program that never needs it has none.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

/// What may be in such memory: numbers that each can be any, and so be zero.
///
/// # Safety
/// All bits of a value are atomic numbers, of which each may have any value at any time.
pub(crate) unsafe trait Plain: Sync + 'static {}

// SAFETY: it is an atomic number.
unsafe impl Plain for AtomicU32 {}
// SAFETY: an array has nothing but its elements.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

/// What the child of a fork has of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fork {
    /// A copy.
    Copies,
    /// The same memory.
    Shares,
    /// Zeros.
    Wipes,
}

/// A value that is all zeros when it is first asked for, and stays where it is.
pub(crate) struct Mapped<T>(AtomicPtr<T>);

impl<T: Plain> Mapped<T> {
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// The value, if somebody has needed it.
    #[inline(always)]
    pub(crate) fn get(&self) -> Option<&'static T> {
        let memory = self.0.load(Ordering::Acquire);
        // SAFETY: it is null, or a mapping of at least a `T`, aligned to a page, made by `get_or_map` and
        // never unmapped. It was all zeros, and whoever else writes to it, also another process, makes
        // other numbers of these: each is a `Plain` value. There are only shared references to it.
        unsafe { memory.as_ref() }
    }

    /// The value, mapped if nobody has needed it yet.
    ///
    /// # Errors
    /// The system refuses the memory.
    #[cold]
    pub(crate) fn get_or_map(&self, fork: Fork) -> Result<&'static T, Errno> {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        const { assert!(align_of::<T>() <= 4096, "mappings start at pages") };
        let len = size_of::<T>();
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        let flags = if fork == Fork::Shares { MapFlags::SHARED } else { MapFlags::PRIVATE };
        // SAFETY: at an address that the kernel chooses, so nothing is unmapped.
        let memory = unsafe { mmap_anonymous(ptr::null_mut(), len, protection, flags) }?;
        let wiped = match fork {
            // SAFETY: it is the mapping of that many bytes, and nobody else has it yet.
            Fork::Wipes => unsafe { madvise(memory, len, Advice::LinuxWipeOnFork) },
            Fork::Copies | Fork::Shares => Ok(()),
        };
        let first = wiped.is_ok()
            && self
                .0
                .compare_exchange(
                    ptr::null_mut(),
                    memory.cast(),
                    Ordering::AcqRel,
                    Ordering::Acquire,
                )
                .is_ok();
        if !first {
            // SAFETY: it is ours, and nobody has seen it.
            unsafe { munmap(memory, len) }?;
        }
        wiped?;
        self.get().ok_or(Errno::NOMEM)
    }
}
