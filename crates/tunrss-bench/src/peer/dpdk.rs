//! DPDK's Toeplitz hashes, in a C program that is compiled when it is needed.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::child::{self, Child};

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
        // DPDK's flags name an older CPU.
        let options = format!("-O3 {flags} -march=native");
        let source = include_bytes!("dpdk.c");
        let program = child::compile("tunrss-bench-dpdk", source, &options, &libs)
            .with_context(|| format!("with DPDK {version}"))?;
        Ok(program.map(|program| Self { program, version }))
    }

    /// DPDK's version.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Start it with a key and inputs of one length.
    pub(crate) fn start(&self, key: &[u8; 40], inputs: &[&[u8]]) -> Result<Hasher> {
        let child = Child::start(&mut Command::new(&self.program), "the child that calls DPDK")?;
        let mut hasher = Hasher { child, inputs: inputs.len(), has_gfni: false };
        let len = inputs.first().map_or(0, |input| input.len());
        let mut start = vec![];
        for number in [len, inputs.len()] {
            start.extend(u32::try_from(number).context("too many inputs")?.to_ne_bytes());
        }
        start.extend(key);
        start.extend(inputs.concat());
        hasher.child.send(&start)?;
        hasher.has_gfni = hasher.child.answer::<String>()? == "gfni";
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
        self.child.request(&format!("c {}", function as u8))?;
        (0..self.inputs).map(|_| self.child.answer()).collect()
    }

    /// How long it takes to hash all inputs so many times.
    pub(crate) fn time(&mut self, function: Function, passes: u64) -> Result<Duration> {
        self.child.ask(&format!("t {} {passes}", function as u8)).map(Duration::from_nanos)
    }
}
