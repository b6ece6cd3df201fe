//! The sockets of the daemon, and the descriptor that it may be started with.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, OFlags, Uid, chmodat, chownat, fstat, openat};
use rustix::io::Errno;
use rustix::net::sockopt::{socket_domain, socket_peercred, socket_type};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open, umask};

use crate::error::DaemonError;
use crate::plan::Access;

/// A socket file that is listened on. The file is removed when this is dropped, if it is still this
/// one.
#[derive(Debug)]
pub(crate) struct Bound {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode.
    file: Option<(u64, u64)>,
}

impl Bound {
    /// Listen on a path, for those alone who have `access`. A file that nobody listens on any more is
    /// replaced.
    ///
    /// # Errors
    /// The path cannot be used, somebody listens there, or the file cannot be given to its owner and group.
    pub(crate) fn new(path: &Path, access: Access) -> Result<Self, DaemonError> {
        let listener = match bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                make_room(path)?;
                bind(path)
            }
            other => other,
        };
        let refused = |source| DaemonError::Listen { path: path.to_owned(), source };
        let bound = Self {
            listener: listener.map_err(refused)?,
            path: path.to_owned(),
            file: identity(path),
        };
        bound.listener.set_nonblocking(true).map_err(refused)?;
        if access != Access::default() {
            let refused = |source| DaemonError::Give { path: path.to_owned(), source };
            bound.give(access).map_err(refused)?;
        }
        Ok(bound)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Give the file to its owner and group: this file, though others may have put something else at its path.
    fn give(&self, Access { uid, gid }: Access) -> io::Result<()> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(CWD, &self.path, flags, Mode::empty())?;
        let stat = fstat(&file)?;
        let is_ours = self.file == Some((stat.st_dev, stat.st_ino)) && stat.st_nlink == 1;
        if !is_ours || FileType::from_raw_mode(stat.st_mode) != FileType::Socket {
            return Err(io::Error::other("somebody else has put another file there"));
        }
        let (uid, gid) = (uid.map(Uid::from_raw), gid.map(Gid::from_raw));
        // First, while the file is ours. A descriptor of this kind has no other way to change its mode.
        if gid.is_some() {
            let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::WGRP;
            chmodat(CWD, format!("/proc/self/fd/{}", file.as_raw_fd()), mode, AtFlags::empty())?;
        }
        Ok(chownat(&file, "", uid, gid, AtFlags::EMPTY_PATH)?)
    }
}

impl AsFd for Bound {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        if self.file.is_none() || identity(&self.path) != self.file {
            return;
        }
        if let Err(error) = fs::remove_file(&self.path) {
            log::warn!("cannot remove {}: {error}", self.path.display());
        }
    }
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    // Whoever connects is served, so the file is nobody else's from the start. The mask is the
    // process's, which has one thread yet.
    let before = umask(Mode::RWXG | Mode::RWXO | Mode::XUSR);
    let listener = UnixListener::bind(path);
    umask(before);
    listener
}

/// Remove a socket file that is left over.
fn make_room(path: &Path) -> Result<(), DaemonError> {
    let refused = |source| DaemonError::Listen { path: path.to_owned(), source };
    let file = fs::symlink_metadata(path).map_err(refused)?;
    if !file.file_type().is_socket() {
        return Err(DaemonError::NoSocket { path: path.to_owned() });
    }
    let remove = || {
        log::info!("{} was left over, and is replaced", path.display());
        fs::remove_file(path).map_err(refused)
    };
    match connect(path) {
        Ok(connection) if is_dying(&connection) => remove(),
        Ok(_) => Err(DaemonError::SocketInUse { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => remove(),
        // Gone meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(refused(error)),
        // Its queue is full, or it is of another type.
        Err(_) => Err(DaemonError::SocketInUse { path: path.to_owned() }),
    }
}

/// Connect without waiting: by itself connect(2) waits without limit while the listener's queue is full.
fn connect(path: &Path) -> io::Result<UnixStream> {
    let (flags, address) =
        (SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, SocketAddrUnix::new(path)?);
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::connect(&socket, &address)?;
    Ok(socket.into())
}

/// Whether a socket's owner has been killed and what it leaves is at its end in a moment, when this
/// returns: a daemon's other process goes just after the one that listened.
fn is_dying(connection: &UnixStream) -> bool {
    let Ok(owner) = socket_peercred(connection) else { return false };
    let is_dead = match pidfd_open(owner.pid, PidfdFlags::empty()) {
        Ok(owner) => is_readable(&owner, Duration::ZERO),
        Err(error) => error == Errno::SRCH,
    };
    is_dead && is_readable(connection, PATIENCE)
}

/// Whether there is something to read, or its end, within some time.
fn is_readable(fd: impl AsFd, time: Duration) -> bool {
    let time = Timespec::try_from(time).ok();
    poll(&mut [PollFd::new(&fd, PollFlags::IN)], time.as_ref()).is_ok_and(|ready| ready > 0)
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

/// The connected socket that this process was started with, as descriptor `number`.
///
/// # Errors
/// There is no such descriptor, or it is something else.
pub(crate) fn inherited(number: i32) -> Result<OwnedFd, DaemonError> {
    // The safe way from a number to a descriptor of our own: a duplicate.
    let duplicate = || {
        let this = pidfd_open(getpid(), PidfdFlags::empty())?;
        pidfd_getfd(this, number, PidfdGetfdFlags::empty())
    };
    let socket = duplicate().map_err(|error| DaemonError::Fd { number, source: error.into() })?;
    let is_stream = socket_domain(&socket) == Ok(AddressFamily::UNIX)
        && socket_type(&socket) == Ok(SocketType::STREAM)
        && rustix::net::getpeername(&socket).is_ok();
    if is_stream { Ok(socket) } else { Err(DaemonError::FdKind { number }) }
}

/// How long a process that is being killed is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A folder that goes with this.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("tunrss-vhost-socket-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::create_dir(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn file_is_the_owners_and_goes_in_the_end() {
        let folder = Folder::new("owner");
        let path = folder.0.join("a.sock");
        let bound = Bound::new(&path, Access::default()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let error = Bound::new(&path, Access::default()).unwrap_err();
        assert!(matches!(error, DaemonError::SocketInUse { .. }), "{error}");
        // The first is still there, also for those who connect.
        UnixStream::connect(&path).unwrap();
        drop(bound);
        assert!(!path.exists());
    }

    #[test]
    fn left_over_file_is_replaced_and_a_strangers_is_left() {
        let folder = Folder::new("left");
        let path = folder.0.join("a.sock");
        drop(UnixListener::bind(&path).unwrap());
        let bound = Bound::new(&path, Access::default()).unwrap();
        fs::remove_file(&path).unwrap();
        let other = UnixListener::bind(&path).unwrap();
        drop(bound);
        assert!(path.exists());
        drop(other);
        fs::remove_file(&path).unwrap();
        fs::write(&path, "mine").unwrap();
        let error = Bound::new(&path, Access::default()).unwrap_err();
        assert!(matches!(error, DaemonError::NoSocket { .. }), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"mine");
    }

    #[test]
    fn impossible_paths_are_refused() {
        let folder = Folder::new("paths");
        for path in [
            folder.0.join("none/a.sock"),
            folder.0.join("a".repeat(200)),
            Path::new("/proc/self/a.sock").to_owned(),
        ] {
            let error = Bound::new(&path, Access::default()).unwrap_err();
            assert!(matches!(error, DaemonError::Listen { .. }), "{error}");
        }
    }

    #[test]
    fn only_a_connected_socket_is_taken_over() {
        let (ours, other) = UnixStream::pair().unwrap();
        let taken = inherited(ours.as_raw_fd()).unwrap();
        drop(ours);
        rustix::io::write(&taken, b"a").unwrap();
        assert_eq!(rustix::io::read(&other, &mut [0; 2]).unwrap(), 1);
        let file = fs::File::open("/dev/null").unwrap();
        let error = inherited(file.as_raw_fd()).unwrap_err();
        assert!(matches!(error, DaemonError::FdKind { .. }), "{error}");
        let error = inherited(999_999).unwrap_err();
        assert!(matches!(error, DaemonError::Fd { .. }), "{error}");
    }
}
