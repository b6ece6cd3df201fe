//! Serving one frontend after another.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tunrss::Queue;

use crate::backend::Backend;
use crate::options::Options;
use crate::rate::RateLimited;
use crate::relay::{Relay, RelayError};
use crate::rx::Source;
use crate::software::Software;
use crate::status::{self, Status};
use crate::steering::Steer;
use crate::watch::{Pulse, Watch};
use crate::worker::Worker;

/// A device that is served to frontends, one at a time. Its threads run as long as this exists.
///
/// A frontend may be hostile, and have a thread wait for it. Such a thread is interrupted by SIGURG, for
/// which [`Server::new`] sets a handler: call [`Watch::look`] about once a second, in another thread.
pub struct Server {
    backend: Arc<Mutex<Backend>>,
    /// One of the device's, always attached.
    queue: Queue,
    pulse: Arc<Pulse>,
}

impl Server {
    /// Make the device of `queues`, which are all of the TAP's or macvtap's, in their order, with
    /// virtio-net headers of 12 bytes, and start the threads that move packets. `steer` puts settings in force;
    /// without it they are executed here, by threads and copies.
    ///
    /// # Errors
    /// The descriptors are no such queues, or the system has no descriptor or thread left, or refuses a
    /// CPU.
    pub fn new(
        options: Options,
        queues: Vec<OwnedFd>,
        steer: Option<Box<dyn Steer>>,
    ) -> io::Result<Self> {
        let options = Options { software: steer.is_none(), ..options };
        let of_fd = |fd: OwnedFd| {
            let queue = Queue::from_fd_as(fd, false).map_err(io::Error::other)?;
            let is_usual = queue.vnet_hdr() == Some(tunrss::hash::VnetHdrLen::V1);
            let unusual = || io::Error::other("the device's virtio-net header has not 12 bytes");
            is_usual.then_some(queue).ok_or_else(unusual)
        };
        let none = || io::Error::new(io::ErrorKind::InvalidInput, "a device has a queue at least");
        let device = queues.first().ok_or_else(none)?.try_clone()?;
        let queue = of_fd(device.try_clone()?)?;
        let mut of_pairs = Vec::new();
        let (steer, steered) = match steer {
            Some(steer) => (steer, None),
            None => {
                for queue in &queues {
                    of_pairs.push(of_fd(queue.try_clone()?)?);
                }
                let (software, steered) = Software::start(&options, std::mem::take(&mut of_pairs))
                    .map_err(io::Error::other)?;
                (Box::new(software) as Box<dyn Steer>, Some(steered))
            }
        };
        for queue in queues {
            of_pairs.push(of_fd(queue)?);
        }
        let mut steered = steered.map(Vec::into_iter);
        let source = |queue| Source::new(queue, steered.as_mut().and_then(Iterator::next));
        let sources = of_pairs.into_iter().map(source).collect();
        let workers = Worker::start(sources, options.threads, &options.cpus)?;
        let backend = Backend::new(options, workers, device, steer);
        let pulse = backend.pulse().clone();
        Ok(Self { backend: Arc::new(Mutex::new(backend)), queue, pulse })
    }

    /// Whether the device is still there: nobody has deleted it, or the device below a macvtap. Nothing
    /// tells of its end, so who waits for the next frontend asks now and then, and before taking it.
    pub fn has_device(&self) -> bool {
        self.queue.has_device()
    }

    /// Looks after the threads that serve, the one that calls [`serve`](Self::serve) included.
    pub fn watch(&self) -> Watch {
        self.backend().watch()
    }

    /// Serve a frontend until it goes, or until `stop` is readable; answer those who ask for the
    /// [`Status`] by `status` meanwhile, and log that another one waits at `others`, where frontends
    /// connect. What the guest had set is no longer in force afterwards.
    ///
    /// # Errors
    /// [`ServeError`] if the frontend cannot be served any more, the device is gone, or the system cannot
    /// be waited on. After [`ServeError::Stuck`] and [`ServeError::DeviceGone`] no other one can be served
    /// either.
    pub fn serve(
        &mut self,
        frontend: UnixStream,
        stop: BorrowedFd<'_>,
        status: Option<&UnixListener>,
        others: Option<&UnixListener>,
    ) -> Result<(), ServeError> {
        self.pulse.begin();
        self.backend().connected();
        let served = self.serve_connected(frontend, stop, status, others);
        self.backend().disconnected();
        self.pulse.end();
        served.and_then(|()| self.all_get_on())
    }

    fn serve_connected(
        &self,
        frontend: UnixStream,
        stop: BorrowedFd<'_>,
        status: Option<&UnixListener>,
        mut others: Option<&UnixListener>,
    ) -> Result<(), ServeError> {
        let mut relay = Relay::new(frontend, self.backend.clone()).map_err(ServeError::Wait)?;
        let mut has_more_commands = false;
        let mut next_look = Instant::now();
        loop {
            let now = Instant::now();
            if now >= next_look {
                if !self.has_device() {
                    return Err(ServeError::DeviceGone);
                }
                next_look = now + INTERVAL;
            }
            self.all_get_on()?;
            let [frontend, is_stopped, kicked, asked, is_awaited] = {
                let backend = self.backend();
                let kicks = backend.control_kicks();
                let frontend = relay.frontend();
                let mut fds = vec![
                    PollFd::new(&frontend, PollFlags::IN),
                    PollFd::from_borrowed_fd(stop, PollFlags::IN),
                ];
                let optional = [kicks, status.map(AsFd::as_fd), others.map(AsFd::as_fd)];
                let present = optional.iter().flatten();
                fds.extend(present.map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)));
                let pause = if has_more_commands { Duration::ZERO } else { next_look - now };
                let timeout = Timespec::try_from(pause).ok();
                match self.pulse.rest(|| poll(&mut fds, timeout.as_ref())) {
                    Ok(_) | Err(rustix::io::Errno::INTR) => {}
                    Err(error) => return Err(ServeError::Wait(error.into())),
                }
                let mut happened = fds.iter().map(|fd| !fd.revents().is_empty());
                let mut next = |is_there: bool| is_there && happened.next().unwrap_or(false);
                let [frontend, stop] = [next(true), next(true)];
                let [kicked, asked] = [next(kicks.is_some()), next(status.is_some())];
                [frontend, stop, kicked, asked, next(others.is_some())]
            };
            if is_stopped {
                return Ok(());
            }
            if is_awaited {
                WAITING.warn(format_args!(
                    "another frontend has connected; it waits until the one that is served goes"
                ));
                // It is there as long as it waits.
                others = None;
            }
            if frontend && !relay.handle()? {
                return Ok(());
            }
            if kicked || has_more_commands {
                has_more_commands = self.backend().control();
            }
            if let Some(status) = status.filter(|_| asked) {
                status::answer(status, &self.status()).map_err(ServeError::Wait)?;
            }
        }
    }

    /// The state of the device.
    pub fn status(&self) -> Status {
        self.backend().status()
    }

    /// Whether all threads are there.
    fn all_get_on(&self) -> Result<(), ServeError> {
        match self.backend().lost() {
            Some(thread) => Err(ServeError::Stuck { thread: thread.to_owned() }),
            None => Ok(()),
        }
    }

    fn backend(&self) -> MutexGuard<'_, Backend> {
        self.backend.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that comes and goes for ever fills no log.
static WAITING: RateLimited = RateLimited::new(5, Duration::from_secs(10));

/// Why a frontend is no longer served.
#[derive(thiserror::Error, Debug)]
#[non_exhaustive]
pub enum ServeError {
    /// A thread that moves packets does not come back from something: memory of the frontend's that is
    /// never delivered, say.
    #[error("the thread {thread} is stuck")]
    Stuck {
        /// The thread's name.
        thread: String,
    },
    /// The system cannot be waited on.
    #[error("cannot wait for the frontend")]
    Wait(#[source] io::Error),
    /// The device is gone: somebody has deleted it. No other frontend can be served either.
    #[error("the device is gone")]
    DeviceGone,
    /// The frontend's messages make no sense, or cannot be had.
    #[error(transparent)]
    Relay(#[from] RelayError),
}

/// How often it is looked whether the device is there.
const INTERVAL: Duration = Duration::from_secs(1);
