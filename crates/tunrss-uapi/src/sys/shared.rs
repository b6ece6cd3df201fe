//! Memory that a process shares with those that it forks: what they know of devices.
//!
//! A setting belongs to the device, so a process has to know what its relatives have set. It is mapped
//! when a first device is met, and a process that never meets one has none.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

use crate::devices::Devices;
use crate::error::{Error, Result};

#[repr(C)]
struct Shared {
    /// Held by who changes a setting.
    lock: UnsafeCell<libc::pthread_mutex_t>,
    devices: Devices,
}

/// What relatives share; `None` as long as there is nothing.
pub(crate) fn devices() -> Option<&'static Devices> {
    let shared = SHARED.load(Ordering::Acquire);
    // SAFETY: it is null, or a mapping of a `Shared` that has been made by `map` and is never unmapped.
    // There are only shared references to it, whose parts are atomic or in the mutex's own cell.
    unsafe { shared.as_ref() }.map(|shared| &shared.devices)
}

/// The same, made if there is none.
///
/// # Errors
/// The system refuses the memory.
pub(crate) fn devices_or_map() -> Result<&'static Devices> {
    if let Some(devices) = devices() {
        return Ok(devices);
    }
    let refused = |error: Errno| Error::System { action: "map memory", source: error.into() };
    let len = size_of::<Shared>();
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: at an address that the kernel chooses, so nothing is unmapped.
    let memory = unsafe { mmap_anonymous(ptr::null_mut(), len, protection, MapFlags::SHARED) };
    let memory = memory.map_err(refused)?.cast::<Shared>();
    // SAFETY: `memory` is a mapping of that many bytes, aligned to a page, all zero, which is a valid
    // `Shared` but for its mutex, and nobody else has it yet.
    let lock = unsafe { &*memory }.lock.get();
    // SAFETY: it is the mutex of that.
    unsafe { make_lock(lock) };
    let first =
        SHARED.compare_exchange(ptr::null_mut(), memory, Ordering::AcqRel, Ordering::Acquire);
    if first.is_err() {
        // SAFETY: it is ours, and nobody has seen it.
        unsafe { munmap(memory.cast(), len) }.map_err(refused)?;
    }
    devices().ok_or(Error::NoMemory)
}

/// # Safety
/// `lock` is memory for a mutex, which nobody else has.
unsafe fn make_lock(lock: *mut libc::pthread_mutex_t) {
    let mut attributes = MaybeUninit::uninit();
    let attributes = attributes.as_mut_ptr();
    // SAFETY: it initialises what the pointer is to, which lives past all calls.
    unsafe { libc::pthread_mutexattr_init(attributes) };
    // SAFETY: the attributes are initialised.
    unsafe { libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED) };
    // SAFETY: as above. Who ends while holding it does not keep it.
    unsafe { libc::pthread_mutexattr_setrobust(attributes, libc::PTHREAD_MUTEX_ROBUST) };
    // SAFETY: as above. Who holds it already is refused.
    unsafe { libc::pthread_mutexattr_settype(attributes, libc::PTHREAD_MUTEX_ERRORCHECK) };
    // SAFETY: `lock` is the caller's to be initialised, the attributes are.
    unsafe { libc::pthread_mutex_init(lock, attributes) };
}

/// The right to change settings, against all relatives.
pub(crate) struct Lock(&'static Shared);

impl Lock {
    /// Wait for it.
    ///
    /// # Errors
    /// `EDEADLK` if this thread has it.
    pub(crate) fn take() -> Result<Self> {
        devices_or_map()?;
        // SAFETY: as in `devices`.
        let shared = unsafe { SHARED.load(Ordering::Acquire).as_ref() }.ok_or(Error::NoMemory)?;
        let lock = shared.lock.get();
        // SAFETY: the mutex was initialised before it was shared, and is never destroyed.
        match unsafe { libc::pthread_mutex_lock(lock) } {
            0 => {}
            // Who had it ended. What it was changing is read back from the kernel by who asks.
            libc::EOWNERDEAD => {
                // SAFETY: this thread holds it.
                unsafe { libc::pthread_mutex_consistent(lock) };
            }
            errno => {
                let source = std::io::Error::from_raw_os_error(errno);
                return Err(Error::System { action: "wait for another setting", source });
            }
        }
        Ok(Self(shared))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // SAFETY: this thread holds it: a `Lock` cannot be sent to another, for its reference is to what
        // is not `Sync`.
        unsafe { libc::pthread_mutex_unlock(self.0.lock.get()) };
    }
}

/// Whether this process is the one whose memory this is. A child of `vfork` is not: it has its parent's
/// memory, but descriptors of its own. (A child of `fork` has both of its own.)
pub(crate) fn is_own_memory() -> bool {
    let mut owner = OWNER.load(Ordering::Acquire);
    if owner.is_null() {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // A page, whatever its size: the kernel rounds up.
        let len = size_of::<AtomicU32>();
        // SAFETY: at an address that the kernel chooses, so nothing is unmapped.
        let page = unsafe { mmap_anonymous(ptr::null_mut(), len, protection, MapFlags::PRIVATE) };
        let Ok(page) = page else { return true };
        // SAFETY: the page is ours alone. A child of fork finds it zero.
        if unsafe { madvise(page, len, Advice::LinuxWipeOnFork) }.is_err() {
            return true;
        }
        // A second one, by a thread that was as fast, stays unused.
        owner = match OWNER.compare_exchange(
            ptr::null_mut(),
            page.cast(),
            Ordering::AcqRel,
            Ordering::Acquire,
        ) {
            Ok(_) => page.cast(),
            Err(first) => first,
        };
    }
    // SAFETY: a page that is never unmapped, and holds nothing but this.
    let owner = unsafe { &*owner };
    let this = std::process::id();
    match owner.compare_exchange(0, this, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => true,
        Err(owner) => owner == this,
    }
}

static SHARED: AtomicPtr<Shared> = AtomicPtr::new(ptr::null_mut());
static OWNER: AtomicPtr<AtomicU32> = AtomicPtr::new(ptr::null_mut());
