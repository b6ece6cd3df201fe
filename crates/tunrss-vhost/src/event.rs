//! The descriptors that a frontend hands over for notifications: *kicks*, by which a driver notifies the
//! device, and *calls*, the other way round.
//!
//! A frontend may be hostile, and shares the open file behind each descriptor: it may fill it, stop it,
//! or take `O_NONBLOCK` away at any moment. So only kinds are taken whose operations end, whatever the
//! frontend does with its side of the file:
//!
//! - Event counters (`eventfd(2)`): what QEMU, crosvm and Cloud Hypervisor use, and user-mode Linux for
//!   kicks. Adding to a full one waits if the file is not `O_NONBLOCK`. That is left as it is, for the
//!   frontend may rely on it; a thread that waits is interrupted, see [`Thread::interrupt`], and the
//!   descriptor given up.
//! - Connected Unix stream sockets, which user-mode Linux uses for calls. Sending has a flag of its own
//!   against waiting. The relay has made sure that nothing can be received by them.
//!
//! A pipe is not among them: a process that writes to it holds its lock while it copies, perhaps from
//! memory of a FUSE file system, and another one that writes at the same time waits for the lock and cannot
//! be interrupted by a signal (`pipe_write`, fs/pipe.c, v6.12). Terminals and files can block in ways of their own, and other
//! anonymous files can keep descriptors open, as an io_uring does.
//!
//! [`Thread::interrupt`]: crate::wire::Thread::interrupt

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{FileType, fstat};
use rustix::io::Errno;
use rustix::net::{SendFlags, send};

/// Where a driver is notified. Clones are of the same descriptor.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    fd: Arc<OwnedFd>,
    is_socket: bool,
}

impl Call {
    /// # Errors
    /// The descriptor is of another kind.
    pub(crate) fn new(fd: OwnedFd) -> Result<Self, WrongKind> {
        let kind = kind(&fd);
        let is_socket = kind == Some(FileType::Socket);
        if !is_socket && !is_counter(&fd) {
            return Err(WrongKind { kind, wanted: "an eventfd or a Unix stream socket" });
        }
        Ok(Self { fd: Arc::new(fd), is_socket })
    }

    /// Notify the driver. One that has not taken note of earlier notifications needs no other.
    ///
    /// # Errors
    /// [`Blocked`] if this would have waited for the frontend and was interrupted.
    #[inline]
    pub(crate) fn signal(&self) -> Result<(), Blocked> {
        let one = 1_u64.to_ne_bytes();
        let sent = if self.is_socket {
            send(&self.fd, &one, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)
        } else {
            rustix::io::write(&self.fd, &one)
        };
        match sent {
            Err(Errno::INTR) => Err(Blocked),
            // Full, so that the frontend has something to read, or nobody reads there any more.
            _ => Ok(()),
        }
    }
}

/// What is readable when a driver has notified the device. Clones are of the same descriptor.
#[derive(Clone, Debug)]
pub(crate) struct Kick(Arc<OwnedFd>);

impl Kick {
    /// # Errors
    /// The descriptor is of another kind.
    pub(crate) fn new(fd: OwnedFd) -> Result<Self, WrongKind> {
        if !is_counter(&fd) {
            return Err(WrongKind { kind: kind(&fd), wanted: "an eventfd" });
        }
        Ok(Self(Arc::new(fd)))
    }
}

impl AsFd for Kick {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn kind(fd: &OwnedFd) -> Option<FileType> {
    fstat(fd).ok().map(|stat| FileType::from_raw_mode(stat.st_mode))
}

/// Whether it is an event counter. Anonymous files have no type, and of these only a counter takes a
/// number of eight bytes. Adding zero changes nothing.
fn is_counter(fd: &OwnedFd) -> bool {
    kind(fd) == Some(FileType::Unknown) && rustix::io::write(fd, &0_u64.to_ne_bytes()) == Ok(8)
}

/// A notification would have waited for the frontend, which has filled its event counter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Blocked;

/// A descriptor is nothing that notifications can go by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct WrongKind {
    kind: Option<FileType>,
    wanted: &'static str,
}

impl fmt::Display for WrongKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, wanted } = self;
        let kind = match kind {
            Some(FileType::RegularFile) => "a file",
            Some(FileType::Directory) => "a directory",
            Some(FileType::CharacterDevice) => "a character device",
            Some(FileType::BlockDevice) => "a block device",
            Some(FileType::Fifo) => "a pipe",
            Some(FileType::Socket) => "a socket",
            _ => "another kind of descriptor",
        };
        write!(f, "notifications go by {wanted}, not by {kind}")
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io;
    use std::os::unix::net::UnixStream;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use rustix::event::{EventfdFlags, epoll, eventfd};

    use super::*;
    use crate::wire::Thread;

    fn other_kinds() -> Vec<OwnedFd> {
        let (read, write) = io::pipe().unwrap();
        let open = |path| OwnedFd::from(File::options().read(true).write(true).open(path).unwrap());
        vec![
            read.into(),
            write.into(),
            open("/dev/null"),
            open("/dev/ptmx"),
            File::open("/").unwrap().into(),
            rustix::fs::memfd_create("file", rustix::fs::MemfdFlags::empty()).unwrap(),
            epoll::create(epoll::CreateFlags::empty()).unwrap(),
        ]
    }

    #[test]
    fn other_kinds_are_refused_in_words() {
        for fd in other_kinds() {
            let error = Call::new(fd.try_clone().unwrap()).unwrap_err().to_string();
            assert!(error.starts_with("notifications go by an eventfd or a Unix"), "{error}");
            let error = Kick::new(fd).unwrap_err().to_string();
            assert!(error.starts_with("notifications go by an eventfd, not by"), "{error}");
        }
        let (socket, _other) = UnixStream::pair().unwrap();
        assert!(Kick::new(socket.into()).is_err());
    }

    /// What is written is heard, a full socket is no reason to wait, and asking what a descriptor is
    /// notifies nobody.
    #[test]
    fn counters_and_sockets_are_signalled() {
        let counter = eventfd(0, EventfdFlags::NONBLOCK).unwrap();
        let call = Call::new(counter.try_clone().unwrap()).unwrap();
        let mut count = [0; 8];
        assert_eq!(rustix::io::read(&counter, &mut count), Err(Errno::AGAIN));
        call.signal().unwrap();
        call.clone().signal().unwrap();
        assert_eq!(rustix::io::read(&counter, &mut count), Ok(8));
        assert_eq!(u64::from_ne_bytes(count), 2);

        let (ours, theirs) = UnixStream::pair().unwrap();
        let call = Call::new(theirs.into()).unwrap();
        for _ in 0..100_000 {
            call.signal().unwrap();
        }
        drop(ours);
        call.signal().unwrap();
    }

    /// The frontend can fill a counter, and it can take `O_NONBLOCK` away from one that had it.
    #[test]
    fn full_counter_holds_up_a_thread_until_it_is_interrupted() {
        crate::wire::allow_interrupts().unwrap();
        let counter = eventfd(0, EventfdFlags::NONBLOCK).unwrap();
        let call = Call::new(counter.try_clone().unwrap()).unwrap();
        rustix::io::write(&counter, &(u64::MAX - 1).to_ne_bytes()).unwrap();
        assert_eq!(call.signal(), Ok(()));
        rustix::fs::fcntl_setfl(&counter, rustix::fs::OFlags::empty()).unwrap();
        // It is still no more than asked what it is.
        Call::new(counter.try_clone().unwrap()).unwrap();
        let (thread_id, its) = mpsc::channel();
        let (result, ended) = mpsc::channel();
        thread::spawn(move || {
            thread_id.send(Thread::current()).unwrap();
            result.send(call.signal()).unwrap();
        });
        let thread = its.recv().unwrap();
        let result = loop {
            thread.interrupt();
            if let Ok(result) = ended.recv_timeout(Duration::from_millis(1)) {
                break result;
            }
        };
        assert_eq!(result, Err(Blocked));
    }
}
