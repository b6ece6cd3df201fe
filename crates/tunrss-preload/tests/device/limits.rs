//! The limits of a process are its own.

use std::fs;
use std::path::Path;

use crate::programs::{passes, program, within_deadline};
use crate::shim;

/// A setting does not so much as try to raise the limit on locked memory, on kernels that do not count
/// programs against it.
#[test]
#[ignore = "cargo xtask test bpf"]
fn limit_on_locked_memory_is_left_alone() {
    let trace =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("limits-{}", std::process::id()));
    let mut strace = within_deadline("strace");
    strace.args(["--follow-forks", "--trace=prlimit64,setrlimit", "--output"]).arg(&trace);
    strace.arg("-E").arg(format!("LD_PRELOAD={}", shim().display()));
    passes(strace.arg(program("gen1")).arg("off"));
    let text = fs::read_to_string(&trace).unwrap();
    fs::remove_file(&trace).unwrap();
    let is_change = |line: &&str| line.contains("RLIMIT_MEMLOCK, {");
    let changes: Vec<_> = text.lines().filter(is_change).collect();
    assert!(changes.is_empty(), "{changes:?}");
}
