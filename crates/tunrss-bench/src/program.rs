//! eBPF programs that the kernel runs on a packet as often as it is told to.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use aya::Ebpf;
use aya::programs::{Program, TestRun, TestRunOptions};

/// A loaded program.
pub(crate) struct Runnable {
    ebpf: Ebpf,
    name: String,
}

impl Runnable {
    /// Load the program `name` of an ELF object, with all sections and maps of the object.
    pub(crate) fn load(elf: &[u8], name: &str) -> Result<Self> {
        let mut ebpf = Ebpf::load(elf).with_context(|| format!("cannot load {name}'s object"))?;
        let program = ebpf.program_mut(name).with_context(|| format!("no program {name}"))?;
        match program {
            Program::SocketFilter(program) => program.load(),
            Program::SchedClassifier(program) => program.load(),
            other => anyhow::bail!("{name} is a program of type {:?}", other.prog_type()),
        }
        .with_context(|| format!("cannot load program {name}"))?;
        Ok(Self { ebpf, name: name.to_owned() })
    }

    /// The maps of the object, to be filled.
    pub(crate) fn ebpf(&mut self) -> &mut Ebpf {
        &mut self.ebpf
    }

    /// What the program returns for a frame, and how long so many runs took, the system call
    /// included: the mean that the kernel tells has no fractions of a nanosecond.
    pub(crate) fn run(&self, frame: &[u8], times: u32) -> Result<(u32, Duration)> {
        let program = self.ebpf.program(&self.name).context("the program is loaded")?;
        let mut options = TestRunOptions::new();
        options.repeat = times;
        // The kernel takes an Ethernet header off a socket filter's input. Its type is one that
        // the kernel has no demands on.
        let padded = [&[0; 12][..], &[0x88, 0xb5], frame].concat();
        let start;
        let result = match program {
            Program::SocketFilter(program) => {
                options.data_in = Some(&padded);
                start = Instant::now();
                program.test_run(options)
            }
            Program::SchedClassifier(program) => {
                options.data_in = Some(frame);
                start = Instant::now();
                program.test_run(options)
            }
            other => anyhow::bail!("{} is a program of type {:?}", self.name, other.prog_type()),
        };
        let took = start.elapsed();
        let result = result.with_context(|| format!("cannot run program {}", self.name))?;
        Ok((result.return_value, took))
    }
}
