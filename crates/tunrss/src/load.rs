//! Loading compiled programs into the kernel, and reading back what loaded ones execute.

use std::error::Error as StdError;
use std::os::fd::AsFd;
use std::sync::{LazyLock, Mutex, PoisonError};

use aya::maps::{Array, MapFd, MapInfo};
use aya::programs::{ProgramError, ProgramInfo, SchedClassifier, SocketFilter};
use aya::{Ebpf, EbpfLoader};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, setrlimit};
use tunrss_bpf::state::StateError;
use tunrss_bpf::{Object, Program, ProgramKind, State};

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
        let ebpf = LOADER
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .load(&elf)
            .map_err(|source| refused(first, &object, source))?;
        let programs: Vec<_> =
            object.programs().iter().map(|program| (program.name(), program.kind())).collect();
        let mut loaded = Self { ebpf, object };
        for (name, kind) in programs {
            for tries_left in (0..TRIES).rev() {
                let result = match kind {
                    ProgramKind::SocketFilter => loaded.socket_filter(name)?.load(),
                    ProgramKind::SchedCls => loaded.classifier(name)?.load(),
                };
                match result {
                    Err(error) if tries_left > 0 && is_interrupted(&error) => {}
                    result => {
                        result.map_err(|source| refused(name, &loaded.object, source))?;
                        break;
                    }
                }
            }
        }
        Ok(loaded)
    }

    /// A steering or filter program.
    pub(crate) fn socket_filter(&mut self, name: &'static str) -> Result<&mut SocketFilter, Error> {
        self.program(name)
    }

    /// A program for a tc hook.
    pub(crate) fn classifier(&mut self, name: &'static str) -> Result<&mut SchedClassifier, Error> {
        self.program(name)
    }

    /// The number by which the kernel knows a program.
    pub(crate) fn id_of(&mut self, name: &'static str) -> Result<u32, Error> {
        let Self { ebpf, object } = self;
        let program = ebpf.program(name).ok_or_else(|| missing(name, object))?;
        let info = program.info().map_err(|source| refused(name, object, source))?;
        Ok(info.id())
    }

    /// The number of the program that carries the configuration: the first.
    pub(crate) fn bearer_id(&mut self) -> Result<u32, Error> {
        self.id_of(self.object.programs().first().map_or("", Program::name))
    }

    /// The numbers of all programs.
    pub(crate) fn ids(&mut self) -> Result<Vec<u32>, Error> {
        let names: Vec<_> = self.object.programs().iter().map(Program::name).collect();
        names.into_iter().map(|name| self.id_of(name)).collect()
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

/// How often to try to load a program: the verifier gives up when a signal is pending.
const TRIES: usize = 16;

/// The loader. Making one reads the types of the whole kernel, which takes some 10 ms, and which our
/// objects have no use for; so it is made once, and forgets them.
static LOADER: LazyLock<Mutex<EbpfLoader<'_>>> = LazyLock::new(|| {
    let mut loader = EbpfLoader::new();
    loader.btf(None);
    Mutex::new(loader)
});

/// A program in the kernel, whoever has loaded it.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    /// The number by which the kernel knows it.
    pub(crate) id: u32,
    maps: Vec<u32>,
}

impl Running {
    /// The program with this id.
    ///
    /// # Errors
    /// It has ended, or may not be looked at.
    pub(crate) fn with_id(id: u32) -> Result<Self, Cause> {
        let program = sys::bpf::program_by_id(id)?;
        Ok(Self { id, maps: sys::bpf::program_info(program.as_fd())?.maps })
    }

    /// What a program of ours executes: its `.data` section.
    ///
    /// # Errors
    /// The section cannot be read, or it is not that of a program in force.
    pub(crate) fn state(&self) -> Result<State, Cause> {
        Ok(State::decode(&self.section(b".data")?.read()?)?)
    }

    /// Note in a program of ours that it is being taken from its device.
    ///
    /// # Errors
    /// The section cannot be read or written.
    pub(crate) fn retire(&self) -> Result<(), Cause> {
        self.edit(|section| {
            tunrss_bpf::state::retire(section);
            Ok(())
        })
    }

    /// Write from when on frames without report are dropped, in nanoseconds of `CLOCK_MONOTONIC`.
    ///
    /// # Errors
    /// The section cannot be read or written.
    pub(crate) fn set_guarded_from(&self, time: u64) -> Result<(), Cause> {
        self.edit(|section| {
            tunrss_bpf::state::set_guarded_from(section, time);
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
        self.edit(|section| tunrss_bpf::state::set_entries(section, entries))
    }

    /// Write the `.data` section back as `change` leaves it, if that succeeds.
    fn edit(&self, change: impl FnOnce(&mut [u8]) -> Result<(), StateError>) -> Result<(), Cause> {
        let section = self.section(b".data")?;
        let mut value = section.read()?;
        change(&mut value)?;
        Ok(sys::bpf::update(section.map.as_fd(), 0, &mut value)?)
    }

    /// What a program of ours has counted: its `.bss` section.
    ///
    /// # Errors
    /// The section cannot be read.
    pub(crate) fn counters(&self) -> Result<Vec<u8>, Cause> {
        Ok(self.section(b".bss")?.read()?)
    }

    fn section(&self, name: &[u8]) -> Result<Section, Cause> {
        for &id in &self.maps {
            let map = MapInfo::from_id(id)?;
            // aya names the map after the section, libbpf puts the object's name in front.
            if map.name().ends_with(name) {
                return Ok(Section { map: map.fd()?, len: map.value_size() as usize });
            }
        }
        Err("the program lacks a section of ours".into())
    }
}

impl TryFrom<&ProgramInfo> for Running {
    type Error = ProgramError;

    fn try_from(program: &ProgramInfo) -> Result<Self, ProgramError> {
        Ok(Self { id: program.id(), maps: program.map_ids()?.unwrap_or_default() })
    }
}

/// Why something about a running program cannot be done.
pub(crate) type Cause = Box<dyn StdError + Send + Sync>;

/// The map of a section of a program.
struct Section {
    map: MapFd,
    len: usize,
}

impl Section {
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

/// Whether an error says that the verifier has given up because of a signal.
fn is_interrupted(error: &(dyn StdError + 'static)) -> bool {
    errno(error) == Some(Errno::AGAIN.raw_os_error())
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
