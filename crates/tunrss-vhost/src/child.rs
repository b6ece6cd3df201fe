//! The process that serves: touches the guest's memory, and has no privilege.

use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use log::Level;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{SocketAddrUnix, bind};
use tunrss_vhost::broker::Remote;
use tunrss_vhost::serve::{ServeError, Server};
use tunrss_vhost::steering::in_one_line;
use tunrss_vhost::{RateLimited, Steer, status};

use crate::error::DaemonError;
use crate::exit::Exit;
use crate::handover::Handover;
use crate::{logger, sandbox, watchdog};

/// Serve as the process says that started this one, whose socket is our standard input, until it says
/// that all is to end or ends itself.
pub(crate) fn run() -> Result<Exit, DaemonError> {
    // Else it is named after `/proc/self/exe`, in `ps` and where tools say who holds a device.
    let _ = rustix::thread::set_name(c"tunrss-vhost");
    let handover = |source: io::Error| DaemonError::Handover { source };
    let broker = io::stdin().as_fd().try_clone_to_owned().map_err(handover)?;
    let (handover_, fds) = Handover::receive(&broker).map_err(handover)?;
    let Handover { options, is_connected, has_status, confinement, verbosity } = handover_;
    logger::start(verbosity);
    let mut fds = fds.into_iter();
    let mut next = || fds.next().ok_or_else(|| handover(ErrorKind::UnexpectedEof.into()));
    let mut stop = UnixStream::from(next()?);
    let watched = next()?;
    let source = next()?;
    let status = if has_status { Some(UnixListener::from(next()?)) } else { None };
    let queues: Vec<OwnedFd> = fds.collect();
    if queues.len() != usize::from(options.pairs) {
        return Err(handover(ErrorKind::InvalidData.into()));
    }
    match confinement {
        Some(confinement) => sandbox::confine(confinement)?,
        None => sandbox::end_with_parent()?,
    }
    if is_connected {
        // An address of its own, which the kernel chooses, lets the relay tell this connection's other
        // end. Refused where it has one.
        let _ = bind(&source, &SocketAddrUnix::new_unnamed());
    }
    let device = options.device.clone();
    let steer: Option<Box<dyn Steer>> =
        if options.software { None } else { Some(Box::new(Remote::new(broker))) };
    // Its threads are started before system calls are filtered, so that what only setting up takes need
    // not be allowed.
    let server = Server::new(options, queues, steer)
        .map_err(|source| DaemonError::Server { device: device.clone(), source })?;
    watchdog::answer(watched, server.watch()).map_err(handover)?;
    if confinement.is_some() {
        sandbox::filter_system_calls()?;
    }
    match stop.write_all(READY) {
        // It was told to end before it was ready.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(Exit::Done),
        result => result.map_err(handover)?,
    }
    let mut serving = Serving { server, device, stop, status };
    if is_connected { serving.connected(source.into()) } else { serving.listening(source.into()) }
}

struct Serving {
    server: Server,
    /// The device's name.
    device: String,
    /// Readable when all is to end.
    stop: UnixStream,
    status: Option<UnixListener>,
}

impl Serving {
    /// Serve one frontend.
    fn connected(&mut self, frontend: UnixStream) -> Result<Exit, DaemonError> {
        frontend.set_nonblocking(false).map_err(|source| DaemonError::Accept { source })?;
        self.serve(frontend, None)?;
        log::info!("the frontend is gone, and with it all is at its end");
        Ok(Exit::Done)
    }

    /// Serve one frontend after the other.
    fn listening(&mut self, listener: UnixListener) -> Result<Exit, DaemonError> {
        let accept = |source| DaemonError::Accept { source };
        loop {
            let wanted = [
                Some(self.stop.as_fd()),
                Some(listener.as_fd()),
                self.status.as_ref().map(AsFd::as_fd),
            ];
            let mut fds: Vec<_> =
                wanted.iter().flatten().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
            match poll(&mut fds, Some(&INTERVAL)) {
                Err(Errno::INTR) => continue,
                result => result.map_err(|error| accept(error.into()))?,
            };
            let is_ready = |index: usize| fds.get(index).is_some_and(|fd| !fd.revents().is_empty());
            let (stop, frontend, asked) = (is_ready(0), is_ready(1), is_ready(2));
            if stop {
                return Ok(Exit::Done);
            }
            if !self.server.has_device() {
                return Err(self.device_gone());
            }
            if asked && let Some(status) = &self.status {
                status::answer(status, &self.server.status()).map_err(accept)?;
            }
            if !frontend {
                continue;
            }
            let frontend = match listener.accept() {
                Ok((frontend, _)) => frontend,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(accept(error)),
            };
            FRONTENDS.log(Level::Info, format_args!("a frontend has connected"));
            match self.serve(frontend, Some(&listener)) {
                Ok(()) => FRONTENDS.log(
                    Level::Info,
                    format_args!("the frontend is gone; the next one is waited for"),
                ),
                // Nobody else can be served by this process.
                Err(error @ (DaemonError::DeviceGone { .. } | DaemonError::Stuck { .. })) => {
                    return Err(error);
                }
                // What one has done wrong is not the next one's loss.
                Err(error) => FRONTENDS.warn(format_args!("{}", in_one_line(&error))),
            }
        }
    }

    fn serve(
        &mut self,
        frontend: UnixStream,
        others: Option<&UnixListener>,
    ) -> Result<(), DaemonError> {
        let served = self.server.serve(frontend, self.stop.as_fd(), self.status.as_ref(), others);
        served.map_err(|error| match error {
            ServeError::DeviceGone => self.device_gone(),
            ServeError::Stuck { .. } => DaemonError::Stuck { what: error.to_string() },
            error => DaemonError::Serve { source: error.into() },
        })
    }

    fn device_gone(&self) -> DaemonError {
        DaemonError::DeviceGone { device: self.device.clone() }
    }
}

/// One that comes and goes for ever fills no log.
static FRONTENDS: RateLimited = RateLimited::new(20, Duration::from_secs(10));

/// How often it is looked whether the device is there, at least.
const INTERVAL: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Any byte says it.
const READY: &[u8] = b"R";
