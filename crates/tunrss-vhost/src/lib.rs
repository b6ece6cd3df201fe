//! A vhost-user-net backend whose guests set receive-side scaling themselves and get the hash of
//! every packet.
//!
//! A [`Server`] serves the queues of a TAP or macvtap to one frontend after another. What the guest's
//! driver says on its control queue, or the operator where that does not hold, is a [`Setting`]; who
//! [`Steer`]s puts it in force: [`InKernel`] by programs, for a process that may load them, and
//! [`broker`] for one that has given its privileges up.
//!
//! The daemon `tunrss-vhost` is that in two processes. In one process, without giving anything up:
//!
//! ```no_run
//! use std::os::fd::AsFd;
//! use std::os::unix::net::{UnixListener, UnixStream};
//!
//! use tunrss::hash::{HashKey, HashTypes};
//! use tunrss::{Config, Device, IfName};
//! use tunrss_vhost::{InKernel, Options, Policy, Server};
//!
//! let (device, queues) = Device::create(&IfName::new("tap0")?, 4)?;
//! device.set_up()?;
//! let mut fds = Vec::new();
//! for queue in &queues {
//!     fds.push(queue.as_fd().try_clone_to_owned()?);
//! }
//! let kernel = InKernel::new(device, queues)?;
//! let options = Options {
//!     device: "tap0".into(),
//!     pairs: 4,
//!     mac: [2, 0, 0, 0, 0, 1],
//!     mtu: 1500,
//!     policy: Policy::Guest,
//!     types: HashTypes::BASIC,
//!     operator: Config::new(HashTypes::BASIC, HashKey::MICROSOFT, vec![0; 128], 0)?,
//!     spread_equally: true,
//!     threads: 4,
//!     cpus: vec![],
//!     kernel_reports: kernel.reports(),
//!     software: false,
//! };
//! let mut server = Server::new(options, fds, Some(Box::new(kernel)))?;
//! let listener = UnixListener::bind("/run/vm1.sock")?;
//! // Nobody says that all is to end.
//! let (stop, _end) = UnixStream::pair()?;
//! loop {
//!     let (frontend, _) = listener.accept()?;
//!     server.serve(frontend, stop.as_fd(), None, Some(&listener))?;
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![deny(unsafe_code)]

mod backend;
pub mod broker;
mod chain;
mod control_queue;
mod counts;
mod ctrl;
mod deadline;
mod device_config;
mod event;
mod features;
#[cfg(test)]
mod hostile;
pub mod options;
mod policy;
mod rate;
mod relay;
mod ring;
mod rx;
pub mod serve;
mod software;
pub mod status;
pub mod steering;
mod tx;
mod watch;
#[expect(unsafe_code, reason = "the one place where the kernel gets pointers to guest memory")]
mod wire;
mod worker;

pub use features::{FEATURES, Feature};
pub use options::{MAX_PAIRS, Options, Policy};
pub use rate::RateLimited;
pub use relay::RelayError;
pub use serve::{ServeError, Server};
pub use steering::{InKernel, Setting, Steer};
pub use watch::Watch;
pub use wire::keep_descriptors_from_children;
