//! DPDK's Toeplitz hashes, in a C program that is compiled when it is needed.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// The command that installs what this peer needs, on Debian.
pub(crate) const INSTALL: &str =
    "apt-get install -y --no-install-recommends libdpdk-dev gcc pkg-config";

/// A function of DPDK, by its number in the C program.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Softrss = 0,
    SoftrssBe = 1,
    Gfni = 2,
    /// For 32 inputs at a time.
    GfniBulk = 3,
}

impl Function {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Softrss => "rte_softrss",
            Self::SoftrssBe => "rte_softrss_be",
            Self::Gfni => "rte_thash_gfni",
            Self::GfniBulk => "rte_thash_gfni_bulk",
        }
    }
}

/// The C program, compiled.
pub(crate) struct Dpdk {
    program: PathBuf,
    version: String,
}

impl Dpdk {
    /// Compile the program for this CPU; `None` if DPDK or the compiler is not installed.
    pub(crate) fn compile() -> Result<Option<Self>> {
        let (Some(version), Some(flags), Some(libs)) =
            (pkg_config("--modversion")?, pkg_config("--cflags")?, pkg_config("--libs")?)
        else {
            return Ok(None);
        };
        let program = env::current_exe()
            .context("cannot tell where this program is, to put DPDK's beside it")?
            .with_file_name("tunrss-bench-dpdk");
        let mut cc = Command::new("cc");
        // DPDK's flags name an older CPU.
        cc.args(["-O3", "-x", "c", "-"]).args(flags.split_whitespace()).arg("-march=native");
        cc.arg("-o").arg(&program).args(["-x", "none"]).args(libs.split_whitespace());
        let compiler = cc.stdin(Stdio::piped()).spawn();
        let mut compiler = match compiler {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            compiler => compiler.context("cannot run cc")?,
        };
        let source = compiler.stdin.take().context("cc has a standard input")?;
        { source }.write_all(include_bytes!("dpdk.c")).context("cannot give cc its source")?;
        let status = compiler.wait().context("cannot wait for cc")?;
        ensure!(status.success(), "cannot compile the program that calls DPDK {version}: {status}");
        Ok(Some(Self { program, version }))
    }

    /// DPDK's version.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Start it with a key and inputs of one length.
    pub(crate) fn start(&self, key: &[u8; 40], inputs: &[&[u8]]) -> Result<Hasher> {
        let mut child = Command::new(&self.program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", self.program.display()))?;
        let requests = child.stdin.take().context("the child has a standard input")?;
        let answers = child.stdout.take().context("the child has a standard output")?;
        let answers = BufReader::new(answers);
        let mut hasher = Hasher { child, requests, answers, inputs: inputs.len(), has_gfni: false };
        let len = inputs.first().map_or(0, |input| input.len());
        let mut start = vec![];
        for number in [len, inputs.len()] {
            start.extend(u32::try_from(number).context("too many inputs")?.to_ne_bytes());
        }
        start.extend(key);
        start.extend(inputs.concat());
        hasher.requests.write_all(&start).context("cannot write to the child that calls DPDK")?;
        hasher.has_gfni = hasher.answer::<String>()? == "gfni";
        Ok(hasher)
    }
}

/// What `pkg-config` says of DPDK; `None` if it is not installed, or knows of no DPDK.
fn pkg_config(question: &str) -> Result<Option<String>> {
    match Command::new("pkg-config").args([question, "libdpdk"]).output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("cannot run pkg-config"),
        Ok(output) if !output.status.success() => Ok(None),
        Ok(output) => {
            let text = String::from_utf8(output.stdout).context("pkg-config speaks no UTF-8")?;
            Ok(Some(text.trim().to_owned()))
        }
    }
}

/// The running program, with its key and inputs.
pub(crate) struct Hasher {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    inputs: usize,
    has_gfni: bool,
}

impl Hasher {
    /// Whether the CPU has what the functions with GFNI need.
    pub(crate) fn has_gfni(&self) -> bool {
        self.has_gfni
    }

    /// The hash of each input.
    pub(crate) fn hashes(&mut self, function: Function) -> Result<Vec<u32>> {
        self.request(&format!("c {}", function as u8))?;
        (0..self.inputs).map(|_| self.answer()).collect()
    }

    /// How long it takes to hash all inputs so many times.
    pub(crate) fn time(&mut self, function: Function, passes: u64) -> Result<Duration> {
        self.request(&format!("t {} {passes}", function as u8))?;
        self.answer().map(Duration::from_nanos)
    }

    fn request(&mut self, request: &str) -> Result<()> {
        writeln!(self.requests, "{request}").context("cannot write to the child that calls DPDK")
    }

    fn answer<T: FromStr>(&mut self) -> Result<T> {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line);
        read.context("cannot read from the child that calls DPDK")?;
        let answer = line.trim().parse().ok();
        answer.with_context(|| format!("the child that calls DPDK answers {line:?}"))
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        // One that waits for a request, or has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
