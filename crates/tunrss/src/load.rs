//! Loading compiled programs into the kernel, and reading back what loaded ones execute.

use std::error::Error as StdError;
use std::os::fd::AsFd;

use aya::Ebpf;
use aya::maps::{Array, MapFd, MapInfo};
use aya::programs::{ProgramError, ProgramInfo, SchedClassifier, SocketFilter};
use rustix::process::{Resource, Rlimit, setrlimit};
use tunrss_bpf::{FILTER, Object, Program, REPORT, RETURN_QUEUE, STEER, State};

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
        let mut loaded = Self { ebpf, object };
        for name in [STEER, REPORT, RETURN_QUEUE, FILTER] {
            if loaded.object.program(name).is_some() {
                loaded.load(name)?;
            }
        }
        Ok(loaded)
    }

    /// A steering or filter program.
    pub(crate) fn socket_filter(&mut self, name: &'static str) -> Result<&mut SocketFilter, Error> {
        let Self { ebpf, object } = self;
        let program = ebpf.program_mut(name).ok_or_else(|| missing(name, object))?;
        program.try_into().map_err(|source: ProgramError| refused(name, object, source))
    }

    /// The report program.
    pub(crate) fn report(&mut self) -> Result<&mut SchedClassifier, Error> {
        let Self { ebpf, object } = self;
        let program = ebpf.program_mut(REPORT).ok_or_else(|| missing(REPORT, object))?;
        program.try_into().map_err(|source: ProgramError| refused(REPORT, object, source))
    }

    fn load(&mut self, name: &'static str) -> Result<(), Error> {
        let result = match name {
            REPORT => self.report()?.load(),
            _ => self.socket_filter(name)?.load(),
        };
        result.map_err(|source| refused(name, &self.object, source))
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

fn refused(program: &str, object: &Object, source: impl StdError + Send + Sync + 'static) -> Error {
    let errno = errno(&source);
    let listing = object.listing();
    Error::Load { program: program.to_owned(), source: source.into(), errno, listing }
}

fn missing(name: &str, object: &Object) -> Error {
    let source = "the object does not contain it".into();
    Error::Load { program: name.to_owned(), source, errno: None, listing: object.listing() }
}
