//! The command on devices: each test in a network namespace of its own, with other processes that
//! send and read.
//!
//! Needs root in the initial user namespace, iproute2, util-linux, coreutils, bpftool and a C compiler. Run by
//! `cargo xtask test bpf`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod answers;
mod bad_input;
mod capture;
mod changes;
mod compile;
mod demo;
mod doctor;
#[path = "../harness/mod.rs"]
mod harness;
mod holders;
mod hostile;
mod lifecycle;
mod names;
mod net;
mod peers;
mod privileges;
mod queues;
mod settings;
mod traffic;

use harness::{Run, TempFile, run, run_line};
