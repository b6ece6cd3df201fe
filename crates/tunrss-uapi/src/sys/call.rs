//! System calls whose arguments are the caller's.

use std::ffi::{c_int, c_uint, c_ulong};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, RawFd};
use std::ptr;
use std::time::Duration;

/// Make the caller's ioctl.
pub(crate) fn ioctl(fd: RawFd, request: c_ulong, argument: usize) -> io::Result<c_int> {
    // SAFETY: the kernel does with the argument what the request says, as it would have had the caller
    // made the call itself; no memory of ours is at stake but what the caller answers for.
    let result = unsafe { libc::syscall(libc::SYS_ioctl, fd, request, argument) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as c_int) }
}

/// Do something with the caller's descriptor, which the caller lends for that time.
///
/// # Errors
/// `EBADF` for a number that is none.
pub(crate) fn lend<T>(fd: RawFd, act: impl FnOnce(BorrowedFd<'_>) -> T) -> io::Result<T> {
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: it is not -1, and it is used no longer than the call takes. Whether it is open is the
    // caller's to see to; if it is not, system calls say so.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    Ok(act(fd))
}

/// What the kernel says that a descriptor is attached to (`TUNGETIFF`): the device's name, with zeros behind
/// it, and the flags that it has. An error if it is no descriptor of a TUN, TAP or macvtap.
pub(crate) fn attached_to(fd: RawFd) -> io::Result<([u8; libc::IFNAMSIZ], u16)> {
    let mut request = [0u8; size_of::<libc::ifreq>()];
    ioctl(fd, c_ulong::from(TUNGETIFF), request.as_mut_ptr() as usize)?;
    let mut name = [0; libc::IFNAMSIZ];
    let (from, behind) = request.split_at(libc::IFNAMSIZ);
    let used = from.iter().position(|&byte| byte == 0).unwrap_or(from.len());
    name.iter_mut().zip(&from[..used]).for_each(|(to, &from)| *to = from);
    let flags = behind.first_chunk().map_or(0, |&flags| u16::from_ne_bytes(flags));
    Ok((name, flags))
}

/// Ask what the driver can do (`TUNGETFEATURES`): an error if it is no descriptor of a TUN, TAP or macvtap.
/// Unlike other questions this one is answered without the lock of all network devices
/// (`__tun_chr_ioctl`, drivers/net/tun.c; `tap_ioctl`, drivers/net/tap.c, v5.10 to v6.18).
pub(crate) fn features(fd: RawFd) -> io::Result<c_uint> {
    let mut features: c_uint = 0;
    ioctl(fd, c_ulong::from(TUNGETFEATURES), ptr::from_mut(&mut features) as usize)?;
    Ok(features)
}

/// The size of the virtio-net header (`TUNGETVNETHDRSZ`).
pub(crate) fn vnet_hdr_len(fd: RawFd) -> io::Result<c_int> {
    let mut len: c_int = 0;
    ioctl(fd, c_ulong::from(TUNGETVNETHDRSZ), ptr::from_mut(&mut len) as usize)?;
    Ok(len)
}

/// Say something on standard error, which may be closed, or full.
///
/// Not by way of Rust's handle: that has a lock, which the child of a process that was forked while
/// another thread had it would wait for.
pub(crate) fn say(text: &str) {
    let line = format!("tunrss: {text}\n");
    // SAFETY: the bytes are those of `line`.
    unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) };
}

/// Have no signal handled by this thread, nor by those that it starts, and the thread not cancelled, until
/// the result is dropped. Here a handler would find the device's lock taken, and a cancelled thread would
/// unwind through functions that cannot be unwound.
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

impl Undisturbed {
    /// Have the signals that came meanwhile handled, and more of them for a moment.
    ///
    /// A handler may do whatever one may do between two system calls: nothing is held here, and no other
    /// thread uses what is on this one's stack.
    pub(crate) fn let_signals_in(&self) {
        let mut blocked = MaybeUninit::uninit();
        let before = &raw const self.signals;
        // SAFETY: pthread_sigmask reads one set and writes the other; both live past the call.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before, blocked.as_mut_ptr()) };
        std::thread::sleep(MOMENT);
        // SAFETY: it reads the set, which it has just written.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, blocked.as_ptr(), ptr::null_mut()) };
    }
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

const MOMENT: Duration = Duration::from_millis(1);

// linux/if_tun.h
const TUNGETFEATURES: u32 = 0x8004_54cf;
const TUNGETIFF: u32 = 0x8004_54d2;
const TUNGETVNETHDRSZ: u32 = 0x8004_54d7;

// Not in the crate libc.
unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
}

/// pthread.h of the C libraries for Linux.
const PTHREAD_CANCEL_DISABLE: c_int = 1;
