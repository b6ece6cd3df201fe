//! What the tests of all crates share: packets built header by header, strategies that reach every
//! path of the meaning, the conformance vectors, commands that drivers have sent, a second, naive reading of the meaning, and a runner
//! for the programs that execute it.
//!
//! ```
//! use tunrss_hash::{HashKey, HashTypes, Link, SteeringConfig, classify};
//! use tunrss_testkit::packet::{Extension, Packet, V6};
//! use tunrss_testkit::reference;
//!
//! let home = Extension::home_address(0x3ffe_2501_0200_1fff_0000_0000_0000_0007);
//! let packet = Packet::tcp(V6::new(1, 2).with(home), 2794, 1766).to_bytes(Link::Ethernet);
//! let config = SteeringConfig::new(HashTypes::ALL, HashKey::MICROSOFT, vec![0; 128], 0)?;
//! assert_eq!(
//!     classify(&config, Link::Ethernet, &packet),
//!     reference::classify(&config, Link::Ethernet, &packet),
//! );
//! # Ok::<(), tunrss_hash::ConfigError>(())
//! ```
#![forbid(unsafe_code)]

pub mod command;
pub mod packet;
pub mod reference;
pub mod runner;
pub mod strategy;
pub mod vector;
#[cfg(feature = "vhost")]
pub mod vhost;
