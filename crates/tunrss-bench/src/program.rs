//! eBPF programs that the kernel runs on a packet as often as it is told to.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use aya::Ebpf;
use aya::programs::{Program, TestRun, TestRunOptions, TestRunResult};
use tunrss_bpf::asm::Asm;
use tunrss_bpf::insn::Reg;
use tunrss_bpf::{Object, Program as BpfProgram, ProgramKind};

use crate::contest::cpu_time;

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
            other => bail!("{name} is a program of type {:?}", other.prog_type()),
        }
        .with_context(|| format!("cannot load program {name}"))?;
        Ok(Self { ebpf, name: name.to_owned() })
    }

    /// Load the first program of an object.
    pub(crate) fn of(object: &Object) -> Result<Self> {
        let program = object.programs().first().context("the object has no program")?;
        Self::load(&object.to_elf()?, program.name())
            .with_context(|| format!("refused:\n{}", object.listing()))
    }

    /// Load a program made by hand, which uses no data section.
    pub(crate) fn assemble(name: &'static str, kind: ProgramKind, code: Asm) -> Result<Self> {
        let program = BpfProgram::from_code(name, kind, code.assemble()?);
        Self::of(&Object::from_parts(vec![program], vec![], vec![0; 8]))
    }

    /// Load the program that returns 0.
    pub(crate) fn empty(kind: ProgramKind) -> Result<Self> {
        let mut asm = Asm::new();
        asm.mov(Reg::R0, 0);
        asm.exit();
        Self::assemble("empty", kind, asm)
    }

    /// Its descriptor.
    pub(crate) fn fd(&self) -> Result<BorrowedFd<'_>> {
        Ok(match self.program()? {
            Program::SocketFilter(program) => program.fd(),
            Program::SchedClassifier(program) => program.fd(),
            other => bail!("{} is a program of type {:?}", self.name, other.prog_type()),
        }?
        .as_fd())
    }

    /// The maps of the object, to be filled.
    pub(crate) fn ebpf(&mut self) -> &mut Ebpf {
        &mut self.ebpf
    }

    /// What the program returns for a frame, and how much of the CPU's time so many runs took, the
    /// system call included: the mean that the kernel tells has no fractions of a nanosecond, and
    /// counts what interrupted it.
    pub(crate) fn run(&self, frame: &[u8], times: u32) -> Result<(u32, Duration)> {
        self.timed(&self.input(frame)?, times)
    }

    /// The same for a socket filter that looks for the Ethernet header in front of its data, as
    /// QEMU's does.
    pub(crate) fn run_behind_link(&self, frame: &[u8], times: u32) -> Result<(u32, Duration)> {
        self.timed(frame, times)
    }

    /// Run it as often as a contest asks; say how long it took.
    pub(crate) fn repeat(&self, frame: &[u8], times: u64) -> Result<Duration> {
        Ok(self.run(frame, repeats(times)?)?.1)
    }

    /// How long one run took, by the kernel's clock around it. Whole nanoseconds, of which reading
    /// the clock takes some.
    pub(crate) fn run_once(&self, input: &[u8]) -> Result<Duration> {
        Ok(self.test_run(input, 1, None)?.duration)
    }

    /// What one run makes of a frame that grows by 64 bytes at most.
    pub(crate) fn output(&self, frame: &[u8]) -> Result<Vec<u8>> {
        let mut output = vec![0; frame.len() + 64];
        let result = self.test_run(&self.input(frame)?, 1, Some(&mut output))?;
        output.truncate(result.data_size_out as usize);
        Ok(output)
    }

    /// What the kernel is to be given so that the program finds `frame` from its first byte on: it
    /// takes an Ethernet header off a socket filter's input. Its type is one that the kernel has no
    /// demands on.
    pub(crate) fn input(&self, frame: &[u8]) -> Result<Vec<u8>> {
        Ok(match self.program()? {
            Program::SocketFilter(_) => [&[0; 12][..], &[0x88, 0xb5], frame].concat(),
            _ => frame.to_vec(),
        })
    }

    fn timed(&self, input: &[u8], times: u32) -> Result<(u32, Duration)> {
        let start = cpu_time()?;
        let result = self.test_run(input, times, None)?;
        Ok((result.return_value, cpu_time()?.saturating_sub(start)))
    }

    fn test_run(
        &self,
        input: &[u8],
        times: u32,
        output: Option<&mut [u8]>,
    ) -> Result<TestRunResult> {
        let mut options = TestRunOptions::new();
        options.repeat = times;
        options.data_in = Some(input);
        options.data_out = output;
        match self.program()? {
            Program::SocketFilter(program) => program.test_run(options),
            Program::SchedClassifier(program) => program.test_run(options),
            other => bail!("{} is a program of type {:?}", self.name, other.prog_type()),
        }
        .with_context(|| format!("cannot run program {}", self.name))
    }

    fn program(&self) -> Result<&Program> {
        self.ebpf.program(&self.name).with_context(|| format!("no program {}", self.name))
    }
}

/// A contest's number of repetitions as the kernel takes it.
pub(crate) fn repeats(times: u64) -> Result<u32> {
    // The kernel counts in a signed int.
    i32::try_from(times).map(i32::cast_unsigned).context("too many repetitions for one call")
}
