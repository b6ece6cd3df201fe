//! Network namespaces of the calling thread.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use rustix::thread::UnshareFlags;

/// Put the calling thread into a new network namespace.
pub(crate) fn unshare() -> rustix::io::Result<()> {
    // SAFETY: only UnshareFlags::FILES is unsafe, and it is not set.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }
}

/// Put the calling process, which has one thread, into a new user and network namespace.
pub(crate) fn unshare_with_user() -> rustix::io::Result<()> {
    let flags = UnshareFlags::NEWUSER.union(UnshareFlags::NEWNET);
    // SAFETY: only UnshareFlags::FILES is unsafe, and it is not set.
    unsafe { rustix::thread::unshare_unsafe(flags) }
}

/// `SO_NETNS_COOKIE`: a number that no other network namespace has until the machine restarts.
/// Since Linux 5.14.
pub(crate) fn cookie(socket: impl AsFd) -> io::Result<u64> {
    let mut cookie = 0u64;
    let mut len = size_of::<u64>() as libc::socklen_t;
    // SAFETY: the option writes at most `len` bytes through the pointer, 8 here, and the length
    // through the other (sk_getsockopt, net/core/sock.c, v6.12); both live past the call.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            SO_NETNS_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut len,
        )
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(cookie) }
}

/// asm-generic/socket.h, which all supported architectures use.
const SO_NETNS_COOKIE: libc::c_int = 71;
