//! The daemon at real devices, with a driver that can be asked everything: what a guest is offered
//! works, what it is not meant to do does no harm, and what is left behind is nothing.
//!
//! Needs root in the initial user namespace (CAP_BPF, CAP_NET_ADMIN, CAP_SYS_ADMIN) and iproute2.
//! Each test makes a network namespace. Run by `cargo xtask test bpf`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod back_pressure;
mod conformance;
mod control;
mod daemon;
mod daemon_process;
mod features;
mod frames;
mod frontends;
mod fuzz;
mod gone;
mod host;
mod hostile;
mod kill;
mod lock;
mod macvtap;
mod offloads;
mod queues;
mod refused;
mod served;
mod software;
mod transmit;
mod undelivered;
mod unit;
