//! System calls whose arguments are the caller's.

use std::ffi::{c_int, c_ulong};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, RawFd};
use std::ptr;

/// Make the caller's ioctl.
pub(crate) fn ioctl(fd: RawFd, request: c_ulong, argument: usize) -> io::Result<c_int> {
    // SAFETY: the kernel does with the argument what the request says, as it would have had the caller
    // made the call itself; no memory of ours is at stake but what the caller answers for.
    let result = unsafe { libc::syscall(libc::SYS_ioctl, fd, request, argument) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as c_int) }
}

/// The caller's descriptor, for the time of a call.
///
/// # Errors
/// `EBADF` for a number that is none.
pub(crate) fn borrow<'a>(fd: RawFd) -> io::Result<BorrowedFd<'a>> {
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: it is not -1. Whether it is open is the caller's to see to, who lends it for a call; if it
    // is not, system calls say so.
    Ok(unsafe { BorrowedFd::borrow_raw(fd) })
}

/// Have no signal handled by this thread, nor by those that it starts, and the thread not cancelled, until
/// the result is dropped. Here a handler would find locks taken, and a cancelled thread would unwind
/// through functions that cannot be unwound.
pub(crate) fn undisturbed() -> Undisturbed {
    let mut all = MaybeUninit::uninit();
    let mut before = MaybeUninit::uninit();
    // SAFETY: sigfillset fills the set that the pointer is to.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: it has been filled.
    let all = unsafe { all.assume_init() };
    // SAFETY: pthread_sigmask reads one set and writes the other; both live past the call. It cannot
    // fail with a valid `how` and valid pointers.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, before.as_mut_ptr()) };
    // SAFETY: it has been written.
    let signals = unsafe { before.assume_init() };
    let mut cancelling = 0;
    // SAFETY: it writes one int through the pointer, which lives past the call.
    unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &raw mut cancelling) };
    Undisturbed { signals, cancelling }
}

pub(crate) struct Undisturbed {
    signals: libc::sigset_t,
    cancelling: c_int,
}

impl Drop for Undisturbed {
    fn drop(&mut self) {
        // SAFETY: a state that this thread has had; nothing is written through a null pointer.
        unsafe { pthread_setcancelstate(self.cancelling, ptr::null_mut()) };
        let before = &raw const self.signals;
        // SAFETY: pthread_sigmask reads the set, which lives past the call.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before, ptr::null_mut()) };
    }
}

// Not in the crate libc.
unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
}

/// pthread.h of the C libraries for Linux.
const PTHREAD_CANCEL_DISABLE: c_int = 1;
