//! Receive-side scaling and hash reporting for Linux TUN, TAP and macvtap devices, on unmodified kernels.
//!
//! A [`Device`] is a multi-queue TUN or TAP, or a macvtap, a [`Queue`] one of its queues. A
//! [`SteeringConfig`](hash::SteeringConfig) says what queue and hash a packet gets;
//! [`Device::steer`] puts it in force by compiling it to eBPF ([`bpf`]) and loading that. What the
//! configuration means is defined by [`hash::classify()`].
//!
//! ```no_run
//! use tunrss::hash::{HashKey, HashTypes, SteeringConfig};
//! use tunrss::{Device, IfName, ReportMode};
//!
//! let (device, mut queues) = Device::create(&IfName::new("tap0")?, 4)?;
//! let config = SteeringConfig::new(HashTypes::BASIC, HashKey::MICROSOFT, [0, 1, 2, 3], 0)?;
//! let steering = device.steer(&config, ReportMode::Kernel)?;
//! let mut frame = [0; 65536];
//! for queue in &mut queues {
//!     queue.set_report(steering.report());
//!     match queue.recv(&mut frame) {
//!         Ok(packet) => println!("{} {:08x?}", packet.report(), packet.hash()),
//!         Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
//!         Err(error) => return Err(error.into()),
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Setting a device loads eBPF, which needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN in the initial user
//! namespace. Finding what is in force needs CAP_SYS_ADMIN there; without it a device can be set, but
//! not looked at nor cleared, and [`Device::steer`] warns that it has not looked. Creating a device and
//! reading it needs CAP_NET_ADMIN in the network namespace's user namespace.
#![deny(unsafe_code)]

#[cfg(target_endian = "big")]
compile_error!("tunrss makes little-endian eBPF programs: big-endian machines are not supported");

mod attachment;
pub mod caps;
pub mod capture;
mod control;
mod device;
mod error;
mod foreign;
pub mod hook;
mod key_argument;
mod load;
mod lock;
mod macvtap;
mod memlock;
mod name;
pub mod netns;
mod offloads;
mod process;
mod queue;
mod rtnl;
mod software;
mod steering;
#[expect(unsafe_code, reason = "the one place for system calls that no library wraps safely")]
mod sys;
mod unwaited;

pub use attachment::Attachment;
pub use control::QueueHolder;
pub use device::{Device, DeviceOptions, Kind, MAX_QUEUES};
pub use error::{Error, ErrorKind, Result};
pub use foreign::Foreign;
pub use key_argument::{KeyArgument, KeyArgumentError};
pub use name::{DeviceName, IfName, NameError};
pub use offloads::Offloads;
pub use process::Process;
pub use queue::{PacketInformation, Queue, Received, Record, Report};
pub use software::{Counts, SoftwareSteering, VirtualQueue};
pub use steering::{Claim, Exclusive, Inspection, Missing, Settings, Steering, possible_cpus};
pub use tunrss_bpf as bpf;
pub use tunrss_bpf::counters::Count;
pub use tunrss_bpf::{Counters, Owner, ReportMode, State, SteeringMode};
pub use tunrss_hash as hash;

/// A steering configuration that owns its indirection table.
pub type Config = hash::SteeringConfig<Vec<u16>>;

/// The README's example is compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
