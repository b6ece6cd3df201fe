//! Network namespaces: where devices live.

use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::error::{Error, Result};
use crate::sys;

/// A new network namespace that the calling thread is in until this is dropped.
///
/// Devices made meanwhile end with it. Threads started meanwhile are in it as well and keep it
/// alive.
#[derive(Debug)]
pub struct NetNs {
    before: OwnedFd,
    /// The guard belongs to the thread that it moved.
    not_send: PhantomData<*const ()>,
}

impl NetNs {
    /// Make a network namespace and enter it.
    ///
    /// # Errors
    /// [`Error::Netns`]; without CAP_SYS_ADMIN it is a refusal.
    pub fn enter_new() -> Result<Self> {
        let action = "make a network namespace";
        let error = |source| Error::Netns { action, source };
        let before = File::open(CURRENT).map_err(error)?.into();
        sys::netns::unshare().map_err(|source| error(source.into()))?;
        Ok(Self { before, not_send: PhantomData })
    }
}

impl Drop for NetNs {
    fn drop(&mut self) {
        let kind = Some(LinkNameSpaceType::Network);
        if let Err(error) = move_into_link_name_space(self.before.as_fd(), kind) {
            log::error!("cannot leave the network namespace: {error}");
        }
    }
}

/// Put the whole process into a new user and a new network namespace, in which it is root. There is
/// no way back. The process must have one thread.
///
/// # Errors
/// [`Error::Netns`] where user namespaces are not allowed.
pub fn enter_new_as_user() -> Result<()> {
    let action = "make a user and network namespace";
    let error = |source| Error::Netns { action, source };
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    sys::netns::unshare_with_user().map_err(|source| error(source.into()))?;
    std::fs::write("/proc/self/setgroups", "deny").map_err(error)?;
    std::fs::write("/proc/self/uid_map", format!("0 {} 1", user.as_raw())).map_err(error)?;
    std::fs::write("/proc/self/gid_map", format!("0 {} 1", group.as_raw())).map_err(error)
}

/// What `ask` says in a new network namespace, which ends with it. Unlike [`NetNs`] this needs no
/// `/proc`: nobody comes back from there.
///
/// # Errors
/// [`Error::Netns`]; without CAP_SYS_ADMIN it is a refusal.
pub(crate) fn ask_in_new<T: Send>(ask: impl FnOnce() -> T + Send) -> Result<T> {
    let error = |source| Error::Netns { action: "make a network namespace", source };
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            sys::netns::unshare()?;
            Ok(ask())
        });
        asking.join().unwrap_or_else(|_| Err(io::Error::other("the thread that asks has failed")))
    })
    .map_err(error)
}

/// What `ask` says in another network namespace.
///
/// # Errors
/// Those of entering it: without CAP_SYS_ADMIN it is a refusal.
pub(crate) fn ask_in<T: Send>(
    netns: BorrowedFd<'_>,
    ask: impl FnOnce() -> T + Send,
) -> io::Result<T> {
    std::thread::scope(|scope| {
        // The thread ends there.
        let asking = scope.spawn(|| {
            move_into_link_name_space(netns, Some(LinkNameSpaceType::Network))?;
            Ok(ask())
        });
        asking.join().unwrap_or_else(|_| Err(io::Error::other("the thread that asks has failed")))
    })
}

/// A number for the calling thread's network namespace: its cookie, that no other has until the
/// machine restarts; before Linux 5.14 its inode number.
pub(crate) fn id() -> io::Result<u64> {
    let socket = rustix::net::socket(
        rustix::net::AddressFamily::UNIX,
        rustix::net::SocketType::DGRAM,
        None,
    )?;
    sys::netns::cookie(socket).or_else(|_| inode())
}

/// Whether it is the calling thread's network namespace.
pub(crate) fn is_current(netns: BorrowedFd<'_>) -> bool {
    let other = rustix::fs::fstat(netns).map(|stat| stat.st_ino);
    other.is_ok_and(|other| inode().is_ok_and(|ours| ours == other))
}

/// The inode number of the calling thread's network namespace.
pub(crate) fn inode() -> io::Result<u64> {
    Ok(std::fs::metadata(CURRENT)?.ino())
}

const CURRENT: &str = "/proc/thread-self/ns/net";
