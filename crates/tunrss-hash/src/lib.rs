//! What receive-side scaling (RSS) means: which packets are hashed over which fields, the Toeplitz
//! hash, and the queue the indirection table names, as virtio-net specifies them (virtio 1.4,
//! "Network Device"); inside [`tunnel`]s too, and on request [symmetric](InputTransform) in the
//! directions of a flow.
//!
//! This crate is the meaning, written once. Programs in the kernel, readers and backends execute
//! it and are tested against [`classify()`]. It has no dependencies, allocates nothing, and cannot
//! panic on any packet, key or table. It has no unsafe code but to call routines that are compiled for
//! CPUs with certain instructions, after it has looked for these.
//!
//! The feature `std`, on by default, is for that look alone: without it the crate is `no_std` and uses
//! what the program is compiled for (`-C target-feature` or `target-cpu`).
//!
//! ```
//! use tunrss_hash::{HashKey, HashReport, HashTypes, Link, SteeringConfig, classify};
//!
//! // 66.9.149.187:2794 -> 161.142.100.80:1766, the first vector of Microsoft's suite.
//! let packet = [
//!     0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 66, 9, 149, 187, 161, 142, 100, 80, // IPv4
//!     0x0a, 0xea, 0x06, 0xe6, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0, 0, 0, 0, 0, 0, 0, // TCP
//! ];
//! let table = [0, 1, 2, 3];
//! let config = SteeringConfig::new(HashTypes::ALL, HashKey::MICROSOFT, &table, 0)?;
//! let verdict = classify(&config, Link::Ip, &packet);
//! assert_eq!(verdict.hash, 0x51cc_c178);
//! assert_eq!(verdict.report, HashReport::TcpV4);
//! assert_eq!(verdict.queue, 0); // the table's entry 0x51ccc178 & 3
//! # Ok::<(), tunrss_hash::ConfigError>(())
//! ```
#![no_std]
#![deny(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::panic, clippy::expect_used))]

#[cfg(feature = "std")]
extern crate std;

pub mod classify;
pub mod config;
pub mod dissect;
pub mod key;
pub mod rss_config;
mod set_of_types;
pub mod toeplitz;
pub mod transform;
pub mod tunnel;
pub mod types;
pub mod vnet_hdr;

pub use classify::{Verdict, classify};
pub use config::{ConfigError, SteeringConfig};
pub use key::HashKey;
pub use rss_config::{HashConfig, RssConfig};
pub use transform::InputTransform;
pub use tunnel::TunnelTypes;
pub use types::{HashReport, HashTypes, Link};
pub use vnet_hdr::{VnetHdr, VnetHdrLen};
