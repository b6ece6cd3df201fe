//! Processes that answer requests, and C programs for them, compiled when they are needed.

use std::env;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::str::FromStr;

use anyhow::{Context, Result, ensure};

/// A process that takes requests on its standard input and answers in lines. It ends when this is
/// dropped.
pub(crate) struct Child {
    /// "the child that calls DPDK"
    name: &'static str,
    process: std::process::Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Child {
    pub(crate) fn start(command: &mut Command, name: &'static str) -> Result<Self> {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", command.get_program().display()))?;
        let requests = process.stdin.take().context("the child has a standard input")?;
        let answers = process.stdout.take().context("the child has a standard output")?;
        Ok(Self { name, process, requests, answers: BufReader::new(answers) })
    }

    /// A request, as a line.
    pub(crate) fn request(&mut self, request: &str) -> Result<()> {
        self.send(format!("{request}\n").as_bytes())
    }

    /// Bytes of a request.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.requests.write_all(bytes).with_context(|| format!("cannot write to {}", self.name))
    }

    /// The answer to a request.
    pub(crate) fn ask<T: FromStr>(&mut self, request: &str) -> Result<T> {
        self.request(request)?;
        self.answer()
    }

    /// The next line of its answers.
    pub(crate) fn answer<T: FromStr>(&mut self) -> Result<T> {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line);
        read.with_context(|| format!("cannot read from {}", self.name))?;
        let answer = line.trim().parse().ok();
        answer.with_context(|| format!("{} answers {line:?}", self.name))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // One that waits for a request, or has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Compile a C program, which is put beside this one; returns where. `None` if there is no compiler.
pub(crate) fn compile(
    name: &str,
    source: &[u8],
    options: &str,
    libraries: &str,
) -> Result<Option<PathBuf>> {
    let program = beside(name)?;
    let mut cc = Command::new("cc");
    cc.args(options.split_whitespace()).args(["-x", "c", "-", "-o"]).arg(&program);
    cc.args(["-x", "none"]).args(libraries.split_whitespace());
    let compiler = cc.stdin(Stdio::piped()).spawn();
    let mut compiler = match compiler {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        compiler => compiler.context("cannot run cc")?,
    };
    let input = compiler.stdin.take().context("cc has a standard input")?;
    { input }.write_all(source).context("cannot give cc its source")?;
    let status = compiler.wait().context("cannot wait for cc")?;
    ensure!(status.success(), "cannot compile {name}: {status}");
    Ok(Some(program))
}

/// A file of this name beside this program.
pub(crate) fn beside(name: &str) -> Result<PathBuf> {
    let this = env::current_exe().context("cannot tell where this program is")?;
    Ok(this.with_file_name(name))
}
