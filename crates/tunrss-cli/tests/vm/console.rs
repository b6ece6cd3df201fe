//! The console of a guest that has started from our [initramfs](crate::initramfs).

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::initramfs::END;

/// The standard input and output of what the guest runs in.
pub(crate) struct Console {
    input: ChildStdin,
    output: Receiver<String>,
    /// What the guest runs in has to say.
    errors: Receiver<String>,
}

/// A guest that does not answer any more.
#[derive(Debug)]
pub(crate) struct Silent {
    why: &'static str,
    /// What it has said since it was asked.
    lines: Vec<String>,
    /// What it runs in has said in all.
    errors: Vec<String>,
}

impl fmt::Display for Silent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { why, lines, errors } = self;
        write!(f, "the guest {why}; its last lines: {lines:#?}; standard error: {errors:#?}")
    }
}

impl Silent {
    /// The guest's first process has ended, and the kernel has no other to run.
    #[track_caller]
    pub(crate) fn assert_has_panicked(&self) {
        let text = self.to_string();
        assert!(text.starts_with("the guest has panicked; its last lines: "), "{text}");
        assert!(text.contains("Kernel panic - not syncing: Attempted to kill init!"), "{text}");
    }
}

impl Console {
    /// Start `command`, which is or has a guest.
    pub(crate) fn of(command: &mut Command) -> (Child, Self) {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = lines(child.stdout.take().unwrap());
        let errors = lines(child.stderr.take().unwrap());
        (child, Self { input, output, errors })
    }

    /// What the guest says before it takes commands.
    ///
    /// # Errors
    /// It does not get that far.
    pub(crate) fn listen_while_booting(&mut self) -> Result<Vec<String>, Silent> {
        // What is written to it now would be echoed.
        self.listen(END, BOOT, None)
    }

    /// What a command prints in the guest. It has to succeed.
    pub(crate) fn run(&mut self, command: &str) -> Vec<String> {
        self.start(command);
        self.finish(command)
    }

    /// Have the guest run a command.
    pub(crate) fn start(&mut self, command: &str) {
        // A guest that has ended does not take it, and whoever listens is told.
        let _ = writeln!(self.input, "{command}");
    }

    /// What the command that was started prints until it ends. It has to succeed.
    pub(crate) fn finish(&mut self, command: &str) -> Vec<String> {
        let mut lines = self.listen_until(END);
        assert_eq!(lines.pop().as_deref(), Some("0"), "{command}: {lines:?}");
        lines
    }

    /// What is said before the line `last`.
    pub(crate) fn listen_until(&mut self, last: &str) -> Vec<String> {
        self.try_listen_until(last).unwrap_or_else(|silent| panic!("{silent}"))
    }

    /// What is said before the line `last`.
    ///
    /// # Errors
    /// The guest does not say it.
    pub(crate) fn try_listen_until(&mut self, last: &str) -> Result<Vec<String>, Silent> {
        self.listen(last, COMMAND, Some(NUDGE))
    }

    /// What is said before the line `last`. After each `nudge` of silence a blank is written, which the
    /// shell ignores: user-mode Linux at times does not notice that there is something to read until
    /// there is more.
    fn listen(
        &mut self,
        last: &str,
        patience: Duration,
        nudge: Option<Duration>,
    ) -> Result<Vec<String>, Silent> {
        let mut deadline = Instant::now() + patience;
        let (mut lines, mut has_panicked) = (vec![], false);
        let why = loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(nudge.map_or(left, |nudge| nudge.min(left))) {
                Ok(line) if line == last => return Ok(lines),
                Ok(line) => {
                    if line.contains(PANIC) && !has_panicked {
                        // Whatever becomes of it, no more than the rest of its message is to come.
                        has_panicked = true;
                        deadline = deadline.min(Instant::now() + LAST_WORDS);
                    }
                    lines.push(line);
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() < deadline => {
                    println!("the guest is nudged");
                    // One that has ended is noticed when it is listened to.
                    let _ = write!(self.input, " ");
                }
                Err(_) if has_panicked => break "has panicked",
                Err(RecvTimeoutError::Timeout) => break "says no more",
                Err(RecvTimeoutError::Disconnected) => break "has ended",
            }
        };
        Err(Silent { why, lines, errors: self.errors() })
    }

    /// What has been said on standard error, all of it if what the guest runs in has ended.
    fn errors(&self) -> Vec<String> {
        let deadline = Instant::now() + LAST_WORDS;
        let next =
            || self.errors.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok();
        std::iter::from_fn(next).collect()
    }
}

/// The lines that are written into a pipe, as they come.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

/// What a kernel says when it gives up.
const PANIC: &str = "Kernel panic - not syncing";

/// Emulated, on a machine that does other things too.
const BOOT: Duration = Duration::from_secs(180);
const COMMAND: Duration = Duration::from_secs(60);
const NUDGE: Duration = Duration::from_secs(2);
const LAST_WORDS: Duration = Duration::from_secs(2);
