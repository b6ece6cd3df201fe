//! A vhost-user-net backend whose guests set receive-side scaling themselves and get the hash of
//! every packet.
#![deny(unsafe_code)]

pub mod options;
pub mod status;
pub mod steering;

pub use options::{MAX_PAIRS, Options, Policy};
pub use steering::{InKernel, Setting, Steer};
