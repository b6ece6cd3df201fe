//! A vhost-user-net backend whose guests set receive-side scaling themselves and get the hash of
//! every packet.
#![deny(unsafe_code)]

pub mod broker;
pub mod options;
mod rate;
pub mod serve;
pub mod status;
pub mod steering;

pub use options::{MAX_PAIRS, Options, Policy};
pub use rate::RateLimited;
pub use steering::{InKernel, Setting, Steer};
