//! Programs that know nothing of tunrss, with the preload shim: what they ask of the kernel of the series
//! they get.
//!
//! Needs root in the initial user namespace, a C compiler, `ip`, `strace` and `valgrind`. Each program makes
//! a network namespace. Run by `cargo xtask test bpf`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cases;
mod environment;
mod hostile;
mod kernel;
mod limits;
mod load;
mod programs;
mod quiet;
mod refused;
mod waiting;

use std::process::Command;

/// A command with the shim in front of the C library.
fn preloaded(command: &mut Command) -> &mut Command {
    command.env("LD_PRELOAD", shim()).env("TUNRSS_VERBOSE", "1")
}

fn shim() -> std::path::PathBuf {
    let shim = programs::library_folder().join("libtunrss_preload.so");
    assert!(shim.is_file(), "{} has been built with this test", shim.display());
    shim
}
