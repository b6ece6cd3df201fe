//! Running the command, and what it left behind.

pub(crate) mod temp_file;

use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};

use serde::Deserialize;
use serde::de::DeserializeOwned;

pub(crate) use temp_file::TempFile;

/// What a run of the command left behind.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The command, without input, in an environment that does not speak about colours.
pub(crate) fn tunrss() -> Command {
    let mut command = Command::new(BINARY);
    command.stdin(Stdio::null()).env_remove("NO_COLOR");
    command
}

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_tunrss");

pub(crate) fn run<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Run {
    tunrss().args(arguments).output().unwrap().into()
}

/// Run a command line whose words are separated by blanks.
pub(crate) fn run_line(line: &str) -> Run {
    run(line.split_whitespace())
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
    pub(crate) fn answer(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{}", self.stdout);
        self.stdout
    }

    /// The answer as one JSON object on a line of its own.
    #[track_caller]
    pub(crate) fn json<T: DeserializeOwned>(self) -> T {
        one_object(&self.answer())
    }

    /// What was said by a run that failed, without an answer.
    #[track_caller]
    pub(crate) fn refusal(self, code: i32) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), ""), "{}", self.stderr);
        self.stderr
    }
}

/// The JSON object that `text` is, on a line of its own.
#[track_caller]
pub(crate) fn one_object<T: DeserializeOwned>(text: &str) -> T {
    assert_eq!(text.matches('\n').count(), 1, "{text}");
    assert!(text.ends_with('\n'));
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// An error as JSON.
#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refusal {
    pub(crate) schema: u32,
    pub(crate) error: String,
    pub(crate) caused_by: Vec<String>,
    pub(crate) hint: Option<String>,
    pub(crate) exit_code: i32,
}

/// The refusal, with exit code `code`, of the command that `command` makes; as text and as JSON,
/// which say the same, and with a hint.
#[track_caller]
pub(crate) fn refusal(code: i32, command: impl Fn() -> Command) -> Refusal {
    let text = Run::from(command().output().unwrap()).refusal(code);
    let json = Run::from(command().arg("--json").output().unwrap()).refusal(code);
    let refusal: Refusal = one_object(&json);
    assert_eq!((refusal.schema, refusal.exit_code), (1, code));
    let mut expected = format!("error: {}\n", refusal.error);
    for cause in &refusal.caused_by {
        expected += &format!("caused by: {cause}\n");
    }
    expected += &format!("hint: {}\n", refusal.hint.as_deref().unwrap());
    assert_eq!(text, expected);
    refusal
}
