//! Programs that call the C library.
//!
//! Needs root in the initial user namespace, a C compiler, `ip` and `pkg-config`. Each program makes a network
//! namespace. Run by `cargo xtask test bpf`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cases;
mod environment;
mod example;
mod hostile;
mod kernel;
#[path = "../../../tunrss-preload/tests/device/programs/mod.rs"]
mod programs;
