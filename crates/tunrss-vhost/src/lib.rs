//! A vhost-user-net backend whose guests set receive-side scaling themselves and get the hash of
//! every packet.
//!
//! A [`Server`] serves the queues of a TAP or macvtap to one frontend after another. What the guest's
//! driver says on its control queue, or the operator where that does not hold, is a [`Setting`]; who
//! [`Steer`]s puts it in force: [`InKernel`] by programs, for a process that may load them, and
//! [`broker`] for one that has given its privileges up.
#![deny(unsafe_code)]

mod backend;
pub mod broker;
mod chain;
mod control_queue;
mod counts;
mod ctrl;
mod device_config;
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
#[expect(unsafe_code, reason = "the one place where the kernel gets pointers to guest memory")]
mod wire;
mod worker;

pub use features::{FEATURES, Feature};
pub use options::{MAX_PAIRS, Options, Policy};
pub use rate::RateLimited;
pub use relay::RelayError;
pub use serve::{ServeError, Server};
pub use steering::{InKernel, Setting, Steer};
pub use wire::keep_descriptors_from_children;
