//! Loading compiled programs into the kernel, and reading back what loaded ones execute.

use std::error::Error as StdError;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::io::Errno;
use tunrss_bpf::asm::Code;
use tunrss_bpf::insn::{Insn, Section};
use tunrss_bpf::state::StateError;
use tunrss_bpf::{Counters, Object, Program, ProgramKind, State};

use crate::error::Error;
use crate::memlock;
use crate::sys;
use crate::sys::bpf::{Map, ProgramInfo, Value};

/// The programs of an object in the kernel, attached to nothing.
pub(crate) struct Loaded {
    programs: Vec<Resident>,
    /// The section that carries the configuration, shared by all of them.
    data: Value,
}

struct Resident {
    name: &'static str,
    id: u32,
    fd: OwnedFd,
}

impl Loaded {
    /// Load all programs of `object`. Nothing stays behind if one is refused.
    pub(crate) fn new(object: &Object) -> Result<Self, Error> {
        memlock::load(|| Self::load(object))
    }

    fn load(object: &Object) -> Result<Self, Error> {
        let first = object.programs().first().map_or("", Program::name);
        let maps = Maps::of(object).map_err(|source| refused(first, object, source.into()))?;
        let resident = |program: &Program| {
            let name = program.name();
            let resident = || -> Result<_, Cause> {
                let fd = load(program, &maps.linked(program.code()))?;
                if program.kind() == ProgramKind::SocketFilter {
                    // A program that only helps carries the configuration as well.
                    sys::bpf::bind(fd.as_fd(), maps.data.as_fd())?;
                    sys::bpf::bind(fd.as_fd(), maps.proof.as_fd())?;
                }
                let id = sys::bpf::program_info(fd.as_fd())?.id;
                Ok(Resident { name, id, fd })
            };
            resident().map_err(|source| refused(name, object, source))
        };
        let programs = object.programs().iter().map(resident).collect::<Result<_, _>>()?;
        Ok(Self { programs, data: maps.data })
    }

    /// Write from when on frames without report are dropped, in nanoseconds of `CLOCK_MONOTONIC`.
    ///
    /// # Errors
    /// The section cannot be read or written.
    pub(crate) fn set_guarded_from(&self, time: u64) -> Result<(), Cause> {
        edit(&self.data, |section| {
            tunrss_bpf::state::set_guarded_from(section, time);
            Ok(())
        })
    }

    /// The program of this name.
    pub(crate) fn program(&self, name: &'static str) -> Result<BorrowedFd<'_>, Error> {
        let program = self.programs.iter().find(|program| program.name == name);
        program.map(|program| program.fd.as_fd()).ok_or_else(|| Error::Load {
            program: name.to_owned(),
            source: "the object does not contain it".into(),
            errno: None,
            listing: String::new(),
        })
    }

    /// The number by which the kernel knows the program that carries the configuration: the first.
    pub(crate) fn bearer_id(&self) -> u32 {
        self.programs.first().map_or(0, |program| program.id)
    }

    /// Whether the program with this number is one of them.
    pub(crate) fn has(&self, id: u32) -> bool {
        self.programs.iter().any(|program| program.id == id)
    }
}

/// The sections of an object: a map each. Programs keep those that they use.
struct Maps {
    data: Value,
    rodata: Option<Value>,
    bss: Option<Value>,
    /// Shows that the process that loaded a socket filter may change devices: see
    /// [`Running::is_proven`].
    proof: OwnedFd,
}

impl Maps {
    /// `.data` is the first, so that it is the first to be found.
    fn of(object: &Object) -> io::Result<Self> {
        let map = |section: Section, contents: &[u8]| {
            let is_read_only = section == Section::Rodata;
            Value::new(section.name(), contents, is_read_only)
        };
        let rodata = Some(object.rodata()).filter(|bytes| !bytes.is_empty());
        let bss = Some(vec![0; object.bss_len()]).filter(|bytes| !bytes.is_empty());
        Ok(Self {
            data: map(Section::Data, object.data())?,
            rodata: rodata.map(|bytes| map(Section::Rodata, bytes)).transpose()?,
            bss: bss.map(|bytes| map(Section::Bss, &bytes)).transpose()?,
            proof: sys::bpf::net_admin_map()?,
        })
    }

    /// The code as the kernel takes it: an address in a section is a map's descriptor in the
    /// instruction's first half, and in its second an offset in the map's value.
    fn linked(&self, code: &Code) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 * code.slots());
        for insn in code.insns() {
            let (mut first, mut second) = insn.encode();
            if let Insn::LoadAddress { section, offset, .. } = insn
                && let [_, registers, _, _, map @ ..] = &mut first
                && let Some([_, _, _, _, place @ ..]) = &mut second
            {
                *registers |= BPF_PSEUDO_MAP_VALUE << 4;
                *map = self.descriptor(*section).to_le_bytes();
                *place = offset.to_le_bytes();
            }
            bytes.extend(first);
            bytes.extend(second.into_iter().flatten());
        }
        bytes
    }

    /// -1, which the kernel refuses, for a section that the object does not have.
    fn descriptor(&self, section: Section) -> RawFd {
        let map = match section {
            Section::Data => Some(&self.data),
            Section::Rodata => self.rodata.as_ref(),
            Section::Bss => self.bss.as_ref(),
        };
        map.map_or(-1, |map| map.as_fd().as_raw_fd())
    }
}

/// Have a program verified, at first without a log, which takes many times as long to write.
fn load(program: &Program, code: &[u8]) -> Result<OwnedFd, Cause> {
    let load = |log: &mut [u8]| {
        let mut load =
            || sys::bpf::load(program.kind(), program.name(), code, Object::LICENSE, log);
        for _ in 1..TRIES {
            match load() {
                Err(error) if is_interrupted(&error) => {}
                result => return result,
            }
        }
        load()
    };
    let source = match load(&mut []) {
        Ok(fd) => return Ok(fd),
        Err(error) if error.raw_os_error().is_some_and(is_of_the_system) => {
            return Err(error.into());
        }
        Err(error) => error,
    };
    let mut log = vec![0; LOG_LEN];
    if let Ok(fd) = load(&mut log) {
        return Ok(fd);
    }
    let len = log.iter().position(|&byte| byte == 0).unwrap_or(LOG_LEN);
    log.truncate(len);
    // The reason stands at the end.
    let log = String::from_utf8_lossy(&log[len.saturating_sub(LOG_TOLD)..]).into_owned();
    if log.is_empty() { Err(source.into()) } else { Err(Unverified { log, source }.into()) }
}

/// A program that the verifier refuses.
#[derive(Debug, thiserror::Error)]
#[error("the verifier refuses it, its log ends:\n{log}")]
struct Unverified {
    log: String,
    source: io::Error,
}

/// How often to try to load a program: the verifier gives up when a signal is pending.
const TRIES: usize = 16;

/// The most that all kernels take (`bpf_verifier_log_attr_valid`, v5.10), in bytes. Memory that the
/// verifier does not write is never there.
const LOG_LEN: usize = (u32::MAX >> 8) as usize;

/// How much of the log an error tells, in bytes.
const LOG_TOLD: usize = 1 << 16;

/// What an instruction's second register is if it loads an address in a map's value; linux/bpf.h.
const BPF_PSEUDO_MAP_VALUE: u8 = 2;

/// A program in the kernel, whoever has loaded it.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    /// The number by which the kernel knows it.
    pub(crate) id: u32,
    /// Its type; `None` if it is none of the types that we load.
    pub(crate) kind: Option<ProgramKind>,
    /// The real user ID of the process that loaded it.
    pub(crate) uid: u32,
    maps: Vec<u32>,
}

impl Running {
    /// The program with this id.
    ///
    /// # Errors
    /// It has ended, or may not be looked at.
    pub(crate) fn with_id(id: u32) -> Result<Self, Cause> {
        let program = sys::bpf::program_by_id(id)?;
        Ok(sys::bpf::program_info(program.as_fd())?.into())
    }

    /// Whether the process that loaded it had the right to change devices, CAP_NET_ADMIN in the initial user
    /// namespace. To load a socket filter and give it any name and contents takes CAP_BPF alone; so
    /// ours have a map that takes CAP_NET_ADMIN to make. A classifier takes it to load
    /// (`is_net_admin_prog_type`, kernel/bpf/syscall.c, v6.12).
    ///
    /// # Errors
    /// Its maps cannot be looked at.
    pub(crate) fn is_proven(&self) -> Result<bool, Cause> {
        match self.kind {
            Some(ProgramKind::SchedCls) => return Ok(true),
            Some(ProgramKind::SocketFilter) => {}
            None => return Ok(false),
        }
        for &id in &self.maps {
            if Map::with_id(id)?.takes_net_admin() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A number that programs with the same sections share, and no others.
    pub(crate) fn first_map(&self) -> Option<u32> {
        self.maps.first().copied()
    }

    /// What a program of ours executes: its `.data` section.
    ///
    /// # Errors
    /// The section cannot be read, or it is not that of a program in force.
    pub(crate) fn state(&self) -> Result<State, Cause> {
        Ok(State::decode(&self.data()?.read()?)?)
    }

    /// The same also of a program that was taken from its device, and whether it was.
    ///
    /// # Errors
    /// The section cannot be read, or it is not one of ours.
    pub(crate) fn any_state(&self) -> Result<(State, bool), Cause> {
        Ok(State::decode_any(&self.data()?.read()?)?)
    }

    /// Note in a program of ours that it is being taken from its device.
    ///
    /// # Errors
    /// The section cannot be read or written.
    pub(crate) fn retire(&self) -> Result<(), Cause> {
        edit(&self.data()?, |section| {
            tunrss_bpf::state::retire(section);
            Ok(())
        })
    }

    /// Write entries of the indirection table, `(index, queue)` each. Nothing else in the section
    /// changes, and of an entry only the byte in which queue numbers below 256 differ: so a packet
    /// sees the old entry or the new one.
    ///
    /// # Errors
    /// The section cannot be read or written, or has no such entries.
    pub(crate) fn set_entries(&self, entries: &[(usize, u16)]) -> Result<(), Cause> {
        edit(&self.data()?, |section| tunrss_bpf::state::set_entries(section, entries))
    }

    /// What a program of ours that executes `state` has counted: its `.bss` section.
    ///
    /// # Errors
    /// The section cannot be read.
    pub(crate) fn counters(&self, state: &State) -> Result<Vec<u8>, Cause> {
        Ok(self.section(Section::Bss, Counters::section_len(state))?.read()?)
    }

    fn data(&self) -> Result<Value, Cause> {
        self.section(Section::Data, State::MAX_LEN)
    }

    /// The map of a section of at most `most` bytes.
    fn section(&self, section: Section, most: usize) -> Result<Value, Cause> {
        for &id in &self.maps {
            let map = Map::with_id(id)?;
            if map.name() == section.name() {
                let unusual = || "a section of the program has an impossible type or size".into();
                return map.into_value(most).ok_or_else(unusual);
            }
        }
        Err("the program lacks a section of ours".into())
    }
}

impl From<ProgramInfo> for Running {
    fn from(program: ProgramInfo) -> Self {
        let ProgramInfo { id, kind, uid, mut maps, .. } = program;
        // The order in which they were made; the program has them in that of their use.
        maps.sort_unstable();
        Self { id, kind, uid, maps }
    }
}

/// Write a section back as `change` leaves it, if that succeeds.
fn edit(
    section: &Value,
    change: impl FnOnce(&mut [u8]) -> Result<(), StateError>,
) -> Result<(), Cause> {
    let mut contents = section.read()?;
    change(&mut contents)?;
    Ok(section.write(&contents)?)
}

/// Why something about a running program cannot be done.
pub(crate) type Cause = Box<dyn StdError + Send + Sync>;

/// The error number at the bottom of a chain of errors.
pub(crate) fn errno(error: &(dyn StdError + 'static)) -> Option<i32> {
    let mut next = Some(error);
    while let Some(error) = next {
        let io = error.downcast_ref::<io::Error>();
        if let Some(errno) = io.and_then(io::Error::raw_os_error) {
            return Some(errno);
        }
        next = error.source();
    }
    None
}

/// Whether this number is the system's refusal, whatever the program: for want of a privilege, of
/// descriptors or memory, or because of a signal. The verifier has nothing to say then.
pub(crate) fn is_of_the_system(errno: i32) -> bool {
    let refusals =
        [Errno::PERM, Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::AGAIN, Errno::INTR];
    refusals.into_iter().any(|refusal| refusal.raw_os_error() == errno)
}

/// Whether an error says that there are no more descriptors, or no more memory.
pub(crate) fn is_short_of_resources(error: &(dyn StdError + 'static)) -> bool {
    let wants = [Errno::MFILE, Errno::NFILE, Errno::NOMEM];
    wants.into_iter().any(|want| errno(error) == Some(want.raw_os_error()))
}

/// Whether an error says that the verifier has given up because of a signal.
fn is_interrupted(error: &(dyn StdError + 'static)) -> bool {
    errno(error) == Some(Errno::AGAIN.raw_os_error())
}

/// Whether an error says that a program or map has ended since it was found.
pub(crate) fn is_gone(error: &(dyn StdError + 'static)) -> bool {
    errno(error) == Some(Errno::NOENT.raw_os_error())
}

fn refused(program: &str, object: &Object, source: Cause) -> Error {
    let errno = errno(&*source);
    Error::Load { program: program.to_owned(), source, errno, listing: object.listing() }
}
