//! Compiles a receive-side scaling configuration to eBPF.
//!
//! A configuration is compiled, not interpreted: hash types, key and table are known when they are
//! set, so the program has only the paths of the enabled types, and the Toeplitz hash is one table
//! word an input byte. The crate makes no system call; loading is for `tunrss`, bpftool or any other
//! loader of the ELF object.
//!
//! What the programs compute is [`tunrss_hash::classify()`]; the code lowers it stage by stage.
//!
//! ```
//! use tunrss_bpf::{ReportMode, compile};
//! use tunrss_hash::{HashKey, HashTypes, Link, SteeringConfig};
//!
//! let config = SteeringConfig::new(HashTypes::ALL, HashKey::MICROSOFT, [0, 1, 2, 3], 0)?;
//! let object = compile(&config, Link::Ethernet, ReportMode::Kernel)?;
//! assert_eq!(object.programs().len(), 3);
//! let elf = object.to_elf()?;
//! assert_eq!(elf[..4], *b"\x7fELF");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod asm;
pub mod counters;
pub mod elf;
pub mod insn;
mod lower;
pub mod mode;
pub mod prefix;
pub mod program;
pub mod state;

pub use counters::Counters;
pub use mode::{Driver, ReportMode, SteeringMode};
pub use prefix::Prefix;
pub use program::{
    FILTER, INGRESS, Object, Program, ProgramKind, REPORT, RETURN_QUEUE, STEER, compile,
};
pub use state::{Owner, State, Target};
