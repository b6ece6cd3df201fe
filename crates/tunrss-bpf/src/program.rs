//! What compiling yields: programs and the data they share.

use std::fmt;

use tunrss_hash::{Link, SteeringConfig};

use crate::asm::{AsmError, Code};
use crate::lower::{self, Outcome};
use crate::state::{ReportMode, State, Target};

/// Compile `config` for packets that start with `link`, for no device in particular. See
/// [`compile_for`].
///
/// # Errors
/// [`CompileError`] is a mistake in this crate; no configuration should cause one.
pub fn compile<T: AsRef<[u16]>>(
    config: &SteeringConfig<T>,
    link: Link,
    report: ReportMode,
) -> Result<Object, CompileError> {
    compile_for(Target::default(), config, link, report)
}

/// Compile `config` for the device `target`, whose packets start with `link`.
///
/// Without kernel report the object holds one program, [`STEER`]. With it, three that belong
/// together: [`REPORT`], [`RETURN_QUEUE`] and [`FILTER`]. These cannot note queue 65,535: the kernel
/// keeps that number for "none" (`NO_QUEUE_MAPPING`). No device has so many.
///
/// # Errors
/// [`CompileError`] is a mistake in this crate; no configuration should cause one.
pub fn compile_for<T: AsRef<[u16]>>(
    target: Target,
    config: &SteeringConfig<T>,
    link: Link,
    report: ReportMode,
) -> Result<Object, CompileError> {
    let config = config.as_borrowed();
    let program = |name, kind, code: Result<Code, AsmError>| match code {
        Ok(code) => Ok(Program { name, kind, code }),
        Err(source) => Err(CompileError { program: name, source }),
    };
    let programs = match report {
        ReportMode::Off | ReportMode::Reader => vec![program(
            STEER,
            ProgramKind::SocketFilter,
            lower::classifier(&config, link, Outcome::ReturnQueue),
        )?],
        ReportMode::Kernel => vec![
            program(
                REPORT,
                ProgramKind::SchedCls,
                lower::classifier(&config, link, Outcome::ReportAndPass),
            )?,
            program(RETURN_QUEUE, ProgramKind::SocketFilter, lower::return_queue())?,
            program(FILTER, ProgramKind::SocketFilter, lower::filter())?,
        ],
    };
    let data = State::encode(&config, link, report, target);
    Ok(Object { programs, rodata: lower::words(&config), data })
}

/// The steering program that does it all: for `TUNSETSTEERINGEBPF`.
pub const STEER: &str = "tunrss_steer";
/// The egress program that reports the hash and notes the queue: for tcx or clsact egress.
pub const REPORT: &str = "tunrss_report";
/// The steering program that returns the noted queue: for `TUNSETSTEERINGEBPF`.
pub const RETURN_QUEUE: &str = "tunrss_queue";
/// The filter program that drops frames without report: for `TUNSETFILTEREBPF`.
pub const FILTER: &str = "tunrss_filter";

/// The programs of a configuration, and their data sections.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Object {
    programs: Vec<Program>,
    rodata: Vec<u8>,
    data: Vec<u8>,
}

impl Object {
    /// The programs.
    pub fn programs(&self) -> &[Program] {
        &self.programs
    }

    /// The program of this name.
    pub fn program(&self, name: &str) -> Option<&Program> {
        self.programs.iter().find(|program| program.name == name)
    }

    /// The `.rodata` section: 32-bit Toeplitz words, 256 for each byte of the longest hash input.
    /// Empty without hash types.
    pub fn rodata(&self) -> &[u8] {
        &self.rodata
    }

    /// The `.data` section, see [`State`].
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// All programs as assembly text, with a line on each section.
    pub fn listing(&self) -> String {
        let mut text = format!(
            "; .rodata {} bytes: Toeplitz words, 256 for each input byte\n\
             ; .data {} bytes: configuration; the indirection table from byte {}\n",
            self.rodata.len(),
            self.data.len(),
            crate::state::TABLE_OFFSET,
        );
        for program in &self.programs {
            text.push('\n');
            text.push_str(&program.to_string());
        }
        text
    }
}

/// One program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program {
    name: &'static str,
    kind: ProgramKind,
    code: Code,
}

impl Program {
    /// Its name, in the object file and in the kernel.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it can be attached to.
    pub fn kind(&self) -> ProgramKind {
        self.kind
    }

    /// Its instructions.
    pub fn code(&self) -> &Code {
        &self.code
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "; {} ({}), {} instructions", self.name, self.kind, self.code.slots())?;
        self.code.fmt(f)
    }
}

/// The program types in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProgramKind {
    /// `BPF_PROG_TYPE_SOCKET_FILTER`
    SocketFilter,
    /// `BPF_PROG_TYPE_SCHED_CLS`
    SchedCls,
}

impl ProgramKind {
    /// The section name by which loaders know the type.
    pub fn section(self) -> &'static str {
        match self {
            Self::SocketFilter => "socket",
            Self::SchedCls => "classifier",
        }
    }
}

impl fmt::Display for ProgramKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SocketFilter => "SOCKET_FILTER",
            Self::SchedCls => "SCHED_CLS",
        })
    }
}

/// A program that could not be put together: our bug.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CompileError {
    program: &'static str,
    source: AsmError,
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot assemble program {}", self.program)
    }
}

impl std::error::Error for CompileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
