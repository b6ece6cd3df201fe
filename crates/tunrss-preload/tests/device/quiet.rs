//! A program that never touches tun makes the same system calls as without the shim, after its start.

use std::fs;
use std::path::Path;

use crate::programs::{passes, program, within_deadline};
use crate::shim;

/// System calls after the program's own marker, as strace has them, and how many.
fn traced(name: &str, preload: bool) -> Vec<String> {
    let trace =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("trace-{name}-{}", std::process::id()));
    let mut strace = within_deadline("strace");
    strace.args(["--follow-forks", "--output"]).arg(&trace);
    if preload {
        strace.arg("-E").arg(format!("LD_PRELOAD={}", shim().display()));
    }
    passes(strace.arg(program("passthrough")));
    let text = fs::read_to_string(&trace).unwrap();
    fs::remove_file(&trace).unwrap();
    // Without the number of the process.
    let call = |line: &str| line.split_once(' ').map_or(line, |(_, call)| call).trim().to_owned();
    let calls = text.lines().map(call).skip_while(|call| !call.contains("passthrough starts here"));
    calls.collect()
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn no_system_call_more() {
    let without = traced("without", false);
    let with = traced("with", true);
    println!("{} system calls after the start, each the same", with.len());
    assert!(without.len() > 20, "{without:?}");
    assert_eq!(with, without);
}
