//! The command as it is used: the built binary, what it prints and its exit code.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bad_input;
mod capture;
mod compile;
mod explain;
mod hash;
mod help;
mod simulate;

use std::ffi::OsStr;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde::de::DeserializeOwned;

/// What a run of the command left behind.
struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn tunrss() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tunrss"));
    command.stdin(Stdio::null()).env_remove("NO_COLOR");
    command
}

fn run<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Run {
    tunrss().args(arguments).output().unwrap().into()
}

/// Run a command line whose words are separated by blanks.
fn run_line(line: &str) -> Run {
    run(line.split_whitespace())
}

fn run_with_stdin(arguments: &[&str], stdin: &[u8]) -> Run {
    let mut command = tunrss();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.args(arguments).spawn().unwrap();
    // A child that refuses its arguments does not read.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    child.wait_with_output().unwrap().into()
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Run {
    /// The answer of a run that went well, without a word on standard error.
    #[track_caller]
    fn answer(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{}", self.stdout);
        self.stdout
    }

    /// The answer as one JSON object on a line of its own.
    #[track_caller]
    fn json<T: DeserializeOwned>(self) -> T {
        let answer = self.answer();
        assert_eq!(answer.matches('\n').count(), 1, "{answer}");
        assert!(answer.ends_with('\n'));
        serde_json::from_str(&answer).unwrap()
    }

    /// What was said by a run that failed, without an answer.
    #[track_caller]
    fn refusal(self, code: i32) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), ""), "{}", self.stderr);
        self.stderr
    }
}

/// A file that is gone after the test.
struct TempFile(PathBuf);

impl TempFile {
    fn new(content: &[u8]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}", std::process::id());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, content).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
