//! The command as it is used: the built binary, what it prints and its exit code.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bad_input;
mod capture;
mod compile;
mod explain;
#[path = "../harness/mod.rs"]
mod harness;
mod hash;
mod help;
mod simulate;

use std::io::Write;
use std::process::Stdio;

use harness::{Run, TempFile, run, run_line, tunrss};

fn run_with_stdin(arguments: &[&str], stdin: &[u8]) -> Run {
    let mut command = tunrss();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.args(arguments).spawn().unwrap();
    // A child that refuses its arguments does not read.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    child.wait_with_output().unwrap().into()
}
