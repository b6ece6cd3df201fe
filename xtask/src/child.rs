//! Child processes that end: shown while they run, counted, and killed when they take too long.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process_group};

/// A command to be run. Its standard error is ours, its standard output is passed on.
pub(crate) struct Child {
    command: Command,
    /// The command as a line.
    line: String,
}

impl Child {
    /// Cargo with these arguments.
    pub(crate) fn cargo<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Self {
        Self::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())).args(args)
    }

    /// A program, without arguments.
    pub(crate) fn new(program: impl Into<OsString>) -> Self {
        let program = program.into();
        let name = Path::new(&program).file_name().unwrap_or(&program);
        Self { line: name.to_string_lossy().into_owned(), command: Command::new(&program) }
    }

    /// The same with more arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        for arg in args {
            self.line += " ";
            self.line += &arg.as_ref().to_string_lossy();
            self.command.arg(arg);
        }
        self
    }

    /// The same with this variable in its environment.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.line = format!("{name}={} {}", value.as_ref().to_string_lossy(), self.line);
        self.command.env(name, value);
        self
    }

    /// The same with these folders at the end of PATH; not worth showing.
    pub(crate) fn path(mut self, path: OsString) -> Self {
        self.command.env("PATH", path);
        self
    }

    /// The same, run in this folder.
    pub(crate) fn inside(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Run it to its end, or to its limit of time.
    ///
    /// # Errors
    /// It cannot be started or watched. How it ended is in the result.
    pub(crate) fn run(self) -> Result<Ended> {
        self.run_within(LIMIT)
    }

    fn run_within(mut self, limit: Duration) -> Result<Ended> {
        println!("\n$ {}", self.line);
        std::io::stdout().flush()?;
        let deadline = Instant::now() + limit;
        // A group of its own, so that all of it can be killed, and only it.
        let mut child = self
            .command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", self.line))?;
        let group = Pid::from_child(&child);
        let stdout = child.stdout.take().ok_or_else(|| anyhow!("the child has no output"))?;
        let lines = lines_of(BufReader::new(stdout));
        let mut output = String::new();
        let is_closed = pass_on(&lines, deadline, &mut output)?;
        let status = loop {
            // Output that is still open belongs to it, or to a child that it left behind.
            if !is_closed || Instant::now() >= deadline {
                break None;
            }
            if let Some(status) = child.try_wait()? {
                break Some(status);
            }
            std::thread::sleep(POLL);
        };
        if status.is_none() {
            // Fails only if nothing of the group is left.
            let _ = kill_process_group(group, Signal::KILL);
            child.wait()?;
            pass_on(&lines, Instant::now() + LAST_WORDS, &mut output)?;
        }
        Ok(Ended { line: self.line, status, limit, output })
    }
}

/// How a child ended.
pub(crate) struct Ended {
    line: String,
    /// `None` if it was killed for the time it took.
    status: Option<ExitStatus>,
    limit: Duration,
    /// What it wrote to its standard output.
    pub(crate) output: String,
}

impl Ended {
    /// # Errors
    /// It failed, or took too long.
    pub(crate) fn check(&self) -> Result<()> {
        match self.status {
            Some(status) if status.success() => Ok(()),
            Some(status) => bail!("{}: {status}", self.line),
            None => bail!("{}: killed after {} s", self.line, self.limit.as_secs()),
        }
    }
}

/// The lines of `reader`, read by a thread: nothing else can be waited for with a deadline.
fn lines_of(mut reader: impl BufRead + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = vec![];
        while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                break;
            }
            line.clear();
        }
    });
    receiver
}

/// Show lines and keep them, to their end or to `deadline`. Whether the end was reached.
fn pass_on(lines: &Receiver<String>, deadline: Instant, output: &mut String) -> Result<bool> {
    let mut stdout = std::io::stdout();
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                stdout.write_all(line.as_bytes())?;
                stdout.flush()?;
                output.push_str(&line);
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(true),
            Err(RecvTimeoutError::Timeout) => return Ok(false),
        }
    }
}

/// Several times what the slowest child takes on a slow machine with nothing built.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// Between two looks at a child that has closed its output, as one does that ends.
const POLL: Duration = Duration::from_millis(10);

/// For what a killed child has written.
const LAST_WORDS: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Ended {
        Child::new("sh").args(["-c", script]).run_within(limit).unwrap()
    }

    #[test]
    fn output_and_status_are_kept() {
        let ended = shell("echo one; echo two; exit 3", LIMIT);
        assert_eq!(ended.output, "one\ntwo\n");
        assert_eq!(
            ended.check().unwrap_err().to_string(),
            format!("{}: exit status: 3", ended.line)
        );
        assert!(shell("true", LIMIT).check().is_ok());
    }

    #[test]
    fn what_takes_too_long_is_killed_with_its_children() {
        // The second outlives its parent and holds the output; the third closes it.
        for script in ["sleep 60", "sleep 60 & echo started", "exec >&-; sleep 60"] {
            let start = Instant::now();
            let ended = shell(script, Duration::from_millis(300));
            assert!(start.elapsed() < Duration::from_secs(30), "{script}");
            let text = ended.check().unwrap_err().to_string();
            assert!(text.ends_with(": killed after 0 s"), "{text}");
        }
    }
}
