//! Loading compiled programs into the kernel, and reading back what loaded ones execute.

use std::error::Error as StdError;
use std::os::fd::AsFd;

use aya::Ebpf;
use aya::maps::{Array, MapFd, MapInfo};
use aya::programs::{ProgramError, ProgramInfo, SchedClassifier, SocketFilter};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, setrlimit};
use tunrss_bpf::{Object, Program, ProgramKind, REPORT, State};

use crate::error::Error;
use crate::sys;

/// An object whose programs are in the kernel, attached to nothing.
pub(crate) struct Loaded {
    ebpf: Ebpf,
    object: Object,
}

impl Loaded {
    /// Load all programs of `object`. Nothing stays behind if one is refused.
    pub(crate) fn new(object: Object) -> Result<Self, Error> {
        // Before Linux 5.11 programs and maps count against this limit. Where raising it is not
        // allowed, the load says so.
        let unlimited = Rlimit { current: None, maximum: None };
        let _: rustix::io::Result<()> = setrlimit(Resource::Memlock, unlimited);
        // Without the privilege aya takes the kernel for one without data sections, and says that.
        let first = object.programs().first().map_or("", Program::name);
        Array::<_, u32>::create(1, 0).map_err(|source| refused(first, &object, source))?;
        let elf = object.to_elf()?;
        let ebpf = Ebpf::load(&elf).map_err(|source| refused(first, &object, source))?;
        let programs: Vec<_> =
            object.programs().iter().map(|program| (program.name(), program.kind())).collect();
        let mut loaded = Self { ebpf, object };
        for (name, kind) in programs {
            let result = match kind {
                ProgramKind::SocketFilter => loaded.socket_filter(name)?.load(),
                ProgramKind::SchedCls => loaded.report()?.load(),
            };
            result.map_err(|source| refused(name, &loaded.object, source))?;
        }
        Ok(loaded)
    }

    /// A steering or filter program.
    pub(crate) fn socket_filter(&mut self, name: &'static str) -> Result<&mut SocketFilter, Error> {
        self.program(name)
    }

    /// The report program.
    pub(crate) fn report(&mut self) -> Result<&mut SchedClassifier, Error> {
        self.program(REPORT)
    }

    fn program<'a, P>(&'a mut self, name: &'static str) -> Result<&'a mut P, Error>
    where
        &'a mut P: TryFrom<&'a mut aya::programs::Program, Error = ProgramError>,
    {
        let Self { ebpf, object } = self;
        let program = ebpf.program_mut(name).ok_or_else(|| missing(name, object))?;
        program.try_into().map_err(|source| refused(name, object, source))
    }
}

/// What a loaded program of ours executes: its `.data` section.
///
/// # Errors
/// The section cannot be read, or it is not that of a program in force.
pub(crate) fn state(program: &ProgramInfo) -> Result<State, Box<dyn StdError + Send + Sync>> {
    let section = Section::of(program)?;
    Ok(State::decode(&section.read()?)?)
}

/// Note in a program of ours that it is being taken from its device.
///
/// # Errors
/// The section cannot be read or written.
pub(crate) fn retire(program: &ProgramInfo) -> Result<(), Box<dyn StdError + Send + Sync>> {
    let section = Section::of(program)?;
    let mut value = section.read()?;
    tunrss_bpf::state::retire(&mut value);
    Ok(sys::bpf::update(section.map.as_fd(), 0, &mut value)?)
}

/// The map of a loaded program's `.data` section.
struct Section {
    map: MapFd,
    len: usize,
}

impl Section {
    fn of(program: &ProgramInfo) -> Result<Self, Box<dyn StdError + Send + Sync>> {
        for id in program.map_ids()?.unwrap_or_default() {
            let map = MapInfo::from_id(id)?;
            // aya names the map after the section, libbpf puts the object's name in front.
            if map.name().ends_with(b".data") {
                return Ok(Self { map: map.fd()?, len: map.value_size() as usize });
            }
        }
        Err("the program has no configuration".into())
    }

    fn read(&self) -> std::io::Result<Vec<u8>> {
        sys::bpf::lookup(self.map.as_fd(), 0, self.len)
    }
}

/// The error number at the bottom of a chain of errors.
pub(crate) fn errno(error: &(dyn StdError + 'static)) -> Option<i32> {
    let mut next = Some(error);
    while let Some(error) = next {
        let io = error.downcast_ref::<std::io::Error>();
        if let Some(errno) = io.and_then(std::io::Error::raw_os_error) {
            return Some(errno);
        }
        next = error.source();
    }
    None
}

/// Whether an error says that a program or map has ended since it was found.
pub(crate) fn is_gone(error: &(dyn StdError + 'static)) -> bool {
    errno(error) == Some(Errno::NOENT.raw_os_error())
}

fn refused(program: &str, object: &Object, source: impl StdError + Send + Sync + 'static) -> Error {
    let errno = errno(&source);
    let listing = object.listing();
    Error::Load { program: program.to_owned(), source: source.into(), errno, listing }
}

fn missing(name: &str, object: &Object) -> Error {
    let source = "the object does not contain it".into();
    Error::Load { program: name.to_owned(), source, errno: None, listing: object.listing() }
}
