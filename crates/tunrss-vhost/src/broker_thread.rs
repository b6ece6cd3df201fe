//! The broker, in a thread of its own: putting a setting in force can take long, as when another process
//! holds the device's lock. Signals and the end of the process that serves do not wait for that.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tunrss_vhost::Steer;
use tunrss_vhost::broker::{Broker, Turn};

/// The thread, seen from the one that tells it to end.
pub(crate) struct BrokerThread {
    /// It ends when this is closed.
    life: Option<UnixStream>,
    /// Readable when there will be no more requests; at its end when the thread is.
    said: UnixStream,
}

/// What the thread has said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Said {
    /// There will be no more requests.
    NoMoreRequests,
    /// The thread has ended, though nobody has told it to.
    Failed,
}

impl BrokerThread {
    /// Have a thread do what it is asked for until [`finish`](Self::finish), and then `clear` up. It has the
    /// privileges that the calling thread has now.
    ///
    /// # Errors
    /// The system has no thread or descriptor left.
    pub(crate) fn start<S: Steer + 'static>(
        broker: Broker<S>,
        clear: impl FnOnce(&mut S) + Send + 'static,
    ) -> io::Result<Self> {
        let (life, told) = UnixStream::pair()?;
        let (said, say) = UnixStream::pair()?;
        said.set_nonblocking(true)?;
        thread::Builder::new().name("broker".into()).spawn(move || {
            // Closed last, when the device is.
            let mut say = say;
            let mut broker = broker;
            serve(&mut broker, &told, &mut say);
            clear(broker.steer_mut());
            drop(broker);
        })?;
        Ok(Self { life: Some(life), said })
    }

    /// What the thread has said. To be called when it [has said something](AsFd).
    pub(crate) fn said(&mut self) -> Option<Said> {
        match self.said.read(&mut [0; 1]) {
            Ok(0) => Some(Said::Failed),
            Ok(_) => Some(Said::NoMoreRequests),
            Err(_) => None,
        }
    }

    /// Have the thread clear up and end. Returns whether it has ended by the deadline.
    pub(crate) fn finish(&mut self, deadline: Instant) -> bool {
        self.life = None;
        loop {
            match self.said.read(&mut [0; 1]) {
                Ok(0) => return true,
                Ok(_) => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return false,
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(left) = Timespec::try_from(left).ok().filter(|_| !left.is_zero()) else {
                return false;
            };
            match poll(&mut [PollFd::new(&self.said, PollFlags::IN)], Some(&left)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => return false,
            }
        }
    }
}

impl AsFd for BrokerThread {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.said.as_fd()
    }
}

/// Answer requests until `told` is at its end.
fn serve<S: Steer>(broker: &mut Broker<S>, told: &UnixStream, say: &mut UnixStream) {
    let mut has_ended = false;
    loop {
        let pause = broker.pause(Instant::now()).filter(|_| !has_ended);
        let timeout = pause.and_then(|pause| Timespec::try_from(pause).ok());
        let mut fds = vec![PollFd::new(told, PollFlags::IN)];
        if pause.is_none() && !has_ended {
            fds.push(PollFd::new(broker, PollFlags::IN));
        }
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => {
                log::error!("requests of the process that serves cannot be waited for: {error}");
                return;
            }
        }
        let [is_told, is_asked] =
            [0, 1].map(|index: usize| fds.get(index).is_some_and(|fd| !fd.revents().is_empty()));
        if is_told {
            return;
        }
        if is_asked && broker.answer() == Turn::Ended {
            has_ended = true;
            // Whoever reads it is there as long as nobody has told this thread to end.
            let _ = say.write_all(b"E");
        }
    }
}
