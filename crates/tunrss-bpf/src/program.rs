//! What compiling yields: programs and the data they share.

use std::fmt;

use tunrss_hash::{Link, SteeringConfig};

use crate::asm::{AsmError, Code};
use crate::counters::Counters;
use crate::lower::{self, Outcome};
use crate::mode::{Driver, ReportMode, SteeringMode};
use crate::state::State;

/// Compile `config` for packets that start with `link`, for no device in particular: a TUN or TAP.
/// See [`Object::new`].
///
/// # Errors
/// [`CompileError`] is a mistake in this crate; no configuration should cause one.
pub fn compile<T: AsRef<[u16]>>(
    config: &SteeringConfig<T>,
    link: Link,
    report: ReportMode,
) -> Result<Object, CompileError> {
    Object::new(&State::new(config, link, report))
}

/// The steering program that does it all: for `TUNSETSTEERINGEBPF`.
pub const STEER: &str = "tunrss_steer";
/// The egress program that reports the hash and notes the queue: for tcx or clsact egress.
pub const REPORT: &str = "tunrss_report";
/// The steering program that returns the noted queue: for `TUNSETSTEERINGEBPF`.
pub const RETURN_QUEUE: &str = "tunrss_queue";
/// The filter program that drops frames without report: for `TUNSETFILTEREBPF`.
pub const FILTER: &str = "tunrss_filter";
/// The program that sets the hash by which macvtap chooses a queue: for tcx or clsact ingress.
pub const INGRESS: &str = "tunrss_ingress";

/// The programs of a configuration, and their data sections.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Object {
    programs: Vec<Program>,
    rodata: Vec<u8>,
    data: Vec<u8>,
    bss_len: usize,
}

impl Object {
    /// Compile what `state` says. The programs depend on driver, steering and report:
    ///
    /// | driver | steering | report | programs |
    /// |---|---|---|---|
    /// | tun | RSS | off, reader | [`STEER`] |
    /// | tun | RSS | kernel | [`REPORT`], [`RETURN_QUEUE`], [`FILTER`] |
    /// | tun | automatic | kernel | [`REPORT`], [`FILTER`] |
    /// | tun | automatic | off, reader | [`REPORT`], which leaves packets as they are |
    /// | macvtap | RSS | any | [`INGRESS`]; the driver has no place for a report |
    /// | macvtap | automatic | any | [`INGRESS`], which leaves packets as they are |
    ///
    /// The first of them carries the configuration. One that leaves packets as they are says what is in force, and counts if asked to.
    ///
    /// # Errors
    /// [`CompileError`] is a mistake in this crate; no configuration should cause one.
    pub fn new(state: &State) -> Result<Self, CompileError> {
        let is_rss = state.steering == SteeringMode::Rss;
        let (name, kind, outcome) = match (state.driver, state.report) {
            (Driver::Tun, ReportMode::Kernel) => {
                (REPORT, ProgramKind::SchedCls, Outcome::Report { notes_queue: is_rss })
            }
            (Driver::Tun, ReportMode::Off | ReportMode::Reader) if is_rss => {
                (STEER, ProgramKind::SocketFilter, Outcome::ReturnQueue)
            }
            (Driver::Tun, ReportMode::Off | ReportMode::Reader) => {
                (REPORT, ProgramKind::SchedCls, Outcome::Pass)
            }
            (Driver::Macvtap, _) => {
                let outcome = if is_rss { Outcome::SetHash } else { Outcome::Pass };
                (INGRESS, ProgramKind::SchedCls, outcome)
            }
        };
        let mut programs = vec![Program::new(name, kind, lower::classifier(state, outcome))?];
        if let Outcome::Report { notes_queue } = outcome {
            let socket_filter = ProgramKind::SocketFilter;
            if notes_queue {
                programs.push(Program::new(RETURN_QUEUE, socket_filter, lower::return_queue())?);
            }
            programs.push(Program::new(FILTER, socket_filter, lower::filter(state))?);
        }
        let bss_len = Counters::section_len(state);
        let needs_words = is_rss || state.report == ReportMode::Kernel || bss_len > 0;
        let words = || lower::words(&state.config.as_borrowed(), outcome);
        let rodata = if needs_words { words() } else { vec![] };
        Ok(Self { programs, rodata, data: state.encode(), bss_len })
    }

    /// Programs made by hand, which share these sections; to be measured or tried beside compiled ones.
    pub fn from_parts(programs: Vec<Program>, rodata: Vec<u8>, data: Vec<u8>) -> Self {
        Self { programs, rodata, data, bss_len: 0 }
    }

    /// The programs.
    pub fn programs(&self) -> &[Program] {
        &self.programs
    }

    /// The program of this name.
    pub fn program(&self, name: &str) -> Option<&Program> {
        self.programs.iter().find(|program| program.name == name)
    }

    /// The `.rodata` section: Toeplitz words, 256 for each byte of the longest hash input, of which
    /// the low bits are kept that the programs have use for: 32, little-endian, if they report the
    /// hash, else 8, or 16 for an indirection table of more than 256 entries. Empty without hash
    /// types.
    pub fn rodata(&self) -> &[u8] {
        &self.rodata
    }

    /// The `.data` section, see [`State`].
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Bytes of the `.bss` section, all zero at first: the counters, see [`crate::counters`]. 0 if
    /// nothing is counted.
    pub fn bss_len(&self) -> usize {
        self.bss_len
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
        if self.bss_len > 0 {
            text += &format!("; .bss {} bytes: counters\n", self.bss_len);
        }
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
    fn new(
        name: &'static str,
        kind: ProgramKind,
        code: Result<Code, AsmError>,
    ) -> Result<Self, CompileError> {
        match code {
            Ok(code) => Ok(Self { name, kind, code }),
            Err(source) => Err(CompileError { program: name, source }),
        }
    }

    /// A program made by hand. `name` is its name in the kernel too, which keeps 15 bytes of it.
    pub fn from_code(name: &'static str, kind: ProgramKind, code: Code) -> Self {
        Self { name, kind, code }
    }

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
