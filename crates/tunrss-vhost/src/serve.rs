//! Stand-in.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::event::{PollFd, PollFlags, poll};

use crate::options::Options;
use crate::status::{self, InForce, Status};
use crate::steering::{Setting, Steer};

/// Stand-in.
pub struct Server {
    options: Options,
    _queues: Vec<OwnedFd>,
    steer: Option<Box<dyn Steer>>,
}

/// Stand-in.
pub type ServeError = io::Error;

impl Server {
    /// Stand-in.
    ///
    /// # Errors
    /// None.
    pub fn new(
        options: Options,
        queues: Vec<OwnedFd>,
        steer: Option<Box<dyn Steer>>,
    ) -> io::Result<Self> {
        Ok(Self { options, _queues: queues, steer })
    }

    /// Stand-in.
    ///
    /// # Errors
    /// Those of the system.
    pub fn serve(
        &mut self,
        mut frontend: UnixStream,
        stop: BorrowedFd<'_>,
        status: Option<&UnixListener>,
    ) -> Result<(), ServeError> {
        if let Some(steer) = &mut self.steer {
            let setting = Setting::automatic(1, self.options.operator.clone(), false);
            if let Err(error) = steer.put(&setting) {
                log::warn!("{error}");
            }
        }
        loop {
            let mut fds = vec![PollFd::new(&stop, PollFlags::IN)];
            fds.push(PollFd::new(&frontend, PollFlags::IN));
            if let Some(status) = &status {
                fds.push(PollFd::new(*status, PollFlags::IN));
            }
            poll(&mut fds, None)?;
            let is = |index: usize| fds.get(index).is_some_and(|fd| !fd.revents().is_empty());
            let (stop, readable, asked) = (is(0), is(1), is(2));
            if asked && let Some(listener) = status {
                status::answer(listener, &self.status())?;
            }
            if stop || (readable && frontend.read(&mut [0; 64])? == 0) {
                return Ok(());
            }
            let _ = frontend.as_fd();
        }
    }

    /// Stand-in.
    pub fn status(&self) -> Status {
        Status {
            schema: Status::SCHEMA,
            device: self.options.device.clone(),
            pairs: self.options.pairs,
            policy: self.options.policy.name().into(),
            mode: if self.options.software { "software" } else { "kernel" }.into(),
            frontend: "waiting".into(),
            features: vec![],
            received: None,
            in_force: InForce {
                by: "nobody".into(),
                steering: "automatic".into(),
                queues: 1,
                report: false,
                types: vec![],
                key: String::new(),
                table: vec![0],
                unclassified: 0,
            },
            notes: vec![],
            rings: vec![],
        }
    }
}
