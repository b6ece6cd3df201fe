//! The console of a guest that has started from our [initramfs](crate::initramfs).

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::initramfs::END;

/// The standard input and output of what the guest runs in.
pub(crate) struct Console {
    input: ChildStdin,
    output: Receiver<String>,
}

impl Console {
    /// Start `command`, which is or has a guest.
    pub(crate) fn of(command: &mut Command) -> (Child, Self) {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let console = BufReader::new(child.stdout.take().unwrap());
        let (sender, output) = mpsc::channel();
        std::thread::spawn(move || {
            for line in console.split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let errors = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in errors.split(b'\n').map_while(Result::ok) {
                // Shown if the test fails.
                eprintln!("{}", String::from_utf8_lossy(&line));
            }
        });
        (child, Self { input, output })
    }

    /// What the guest says before it takes commands.
    pub(crate) fn listen_while_booting(&mut self) -> Vec<String> {
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
        writeln!(self.input, "{command}").unwrap();
    }

    /// What the command that was started prints until it ends. It has to succeed.
    pub(crate) fn finish(&mut self, command: &str) -> Vec<String> {
        let mut lines = self.listen(END, COMMAND, Some(NUDGE));
        assert_eq!(lines.pop().as_deref(), Some("0"), "{command}: {lines:?}");
        lines
    }

    /// What is said before the line `last`.
    pub(crate) fn listen_until(&mut self, last: &str) -> Vec<String> {
        self.listen(last, COMMAND, Some(NUDGE))
    }

    /// What is said before the line `last`. After each `nudge` of silence a blank is written, which the
    /// shell ignores: user-mode Linux at times does not notice that there is something to read until
    /// there is more.
    fn listen(&mut self, last: &str, patience: Duration, nudge: Option<Duration>) -> Vec<String> {
        let deadline = Instant::now() + patience;
        let mut lines = vec![];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(nudge.map_or(left, |nudge| nudge.min(left))) {
                Ok(line) if line == last => return lines,
                Ok(line) => lines.push(line),
                Err(RecvTimeoutError::Timeout) if Instant::now() < deadline => {
                    println!("the guest is nudged");
                    write!(self.input, " ").unwrap();
                }
                Err(error) => panic!("the guest says no more: {error}: {lines:#?}"),
            }
        }
    }
}

/// Emulated, on a machine that does other things too.
const BOOT: Duration = Duration::from_secs(180);
const COMMAND: Duration = Duration::from_secs(60);
const NUDGE: Duration = Duration::from_secs(2);
