//! Where tc programs are attached to a device, and what else runs there.
//!
//! A device has two [`Direction`]s, and each two [`Hook`]s. The kernel runs the programs of the tcx
//! chain first, one after the other, then the filters of the clsact qdisc, the lowest priority
//! number first (`sch_handle_egress`, net/core/dev.c, v6.12). The first answer other than "go on"
//! (-1, `TC_ACT_UNSPEC`) ends the walk through that hook:
//!
//! | a tcx program returns | the other tcx programs | the filters | the frame |
//! |---|---|---|---|
//! | -1 | run | run | goes on |
//! | 0 (OK), 2 (drop), 7 (redirect) | do not run | do not run | passes, is dropped, goes elsewhere |
//! | anything else | do not run | run | goes on |
//!
//! A filter has the last word over a frame that it matches, unless its action says otherwise.
//!
//! What is attached here stays when the process ends: there are no links, no pins, and no
//! destructors. It ends with the device. When the device moves to another network namespace, the
//! tcx chain moves with it, and the clsact qdisc is lost with all its filters.
//!
//! ```no_run
//! use tunrss::hook::{Action, AttachPoint, Direction, conflicts};
//! use tunrss::{Device, IfName};
//!
//! let device = Device::open(&IfName::new("tap0")?)?;
//! let egress = AttachPoint::new(device.name(), device.index(), Direction::Egress);
//! let attached = egress.attached()?;
//! for one in &attached {
//!     println!("{one}");
//! }
//! if let Some(ours) = attached.iter().find(|one| one.program_name() == Some("tunrss_report")) {
//!     for conflict in conflicts(&attached, ours.program_id().unwrap_or(0), Action::Ok) {
//!         println!("warning: {conflict}");
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod clsact;
mod conflict;
mod tcx;

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use tunrss_bpf::ProgramKind;

pub use conflict::{Action, Conflict, Effect, conflicts};

use crate::IfName;
use crate::error::{Error, Result};
use crate::rtnl::Refusal;
use crate::sys;
use crate::sys::bpf::ProgramInfo;

/// Which frames of a device.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// Those that the stack hands to the device: what a TUN's or TAP's reader reads.
    Egress,
    /// Those that the device hands to the stack: what a TUN's or TAP's writer writes, and, for a
    /// macvtap, what its reader reads.
    Ingress,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Egress => "egress",
            Self::Ingress => "ingress",
        })
    }
}

/// What keeps programs on a device.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Hook {
    /// The device's own chain of programs. Since Linux 6.6.
    Tcx,
    /// The filters of the clsact qdisc. Attaching makes the qdisc where it is missing. Detaching
    /// leaves it: nothing tells who made it, others may count on it, and the kernel has no step
    /// that removes it only if it is empty. An empty one costs a frame one comparison.
    Clsact,
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcx => "tcx",
            Self::Clsact => "clsact",
        })
    }
}

/// One direction of a device in the calling thread's network namespace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AttachPoint {
    name: IfName,
    index: u32,
    direction: Direction,
}

impl AttachPoint {
    /// That of the device with this index; its name is for messages.
    pub fn new(name: &IfName, index: u32, direction: Direction) -> Self {
        Self { name: name.clone(), index, direction }
    }

    /// Everything that is attached, in the order in which the kernel runs it. A kernel without tcx,
    /// or a device without clsact qdisc, has none of that kind.
    ///
    /// Only filters of chain 0 are listed: others run only where one of these jumps to them.
    ///
    /// Needs CAP_NET_ADMIN in the initial user namespace where the kernel has tcx; names of
    /// programs without CAP_SYS_ADMIN there are known only as far as the clsact filters have them.
    ///
    /// # Errors
    /// [`Error::NoDevice`], or [`Error::Hook`] if the system refuses.
    pub fn attached(&self) -> Result<Vec<Attached>> {
        let look = || -> std::result::Result<_, Refusal> {
            let mut all = tcx::attached(self)?;
            all.extend(clsact::attached(self)?);
            Ok(all)
        };
        // A program ends, or the filters change, while we look.
        retry(look, |errno| matches!(errno, Errno::NOENT | Errno::INTR))
            .map_err(|refusal| self.refused(format!("list what is attached to {self}"), refusal))
    }

    /// Attach `program`, which is of type `BPF_PROG_TYPE_SCHED_CLS`, behind all that `hook` has: as
    /// the last of the tcx chain, or as a clsact filter for all protocols with the highest priority
    /// number so far, in direct-action mode, with the name of the program.
    ///
    /// Nothing is replaced. The same program can be in a tcx chain once, and in clsact any number
    /// of times.
    ///
    /// # Errors
    /// - [`Error::NoClassifier`] if it is of another type.
    /// - [`Error::NoDevice`] if the device is gone.
    /// - [`Error::Hook`] if the system refuses. Nothing is attached then; a clsact qdisc that had to
    ///   be made stays.
    pub fn attach(&self, hook: Hook, program: BorrowedFd<'_>) -> Result<Attached> {
        let action = |name: &str| format!("attach program {name} to {hook} {self}");
        let info = self.classifier(program, action)?;
        let attached = match hook {
            Hook::Tcx => tcx::attach(self, program).map(|()| Place::Tcx),
            Hook::Clsact => clsact::attach(self, program, &info).map(Place::Clsact),
        };
        self.now_attached(attached, info, action)
    }

    /// Put `program` in the place of an attached one, in one step: a frame sees the old one or the
    /// new one.
    ///
    /// Needs CAP_SYS_ADMIN in the initial user namespace for tcx.
    ///
    /// # Errors
    /// - [`Error::NoClassifier`] if either is of another type.
    /// - [`Error::NoDevice`] if the device is gone.
    /// - [`Error::Hook`] if the system refuses, also if `before` is not attached any more. What is
    ///   attached stays so.
    pub fn replace(&self, before: &Attached, program: BorrowedFd<'_>) -> Result<Attached> {
        let action = |name: &str| format!("put program {name} in the place of {before} on {self}");
        let info = self.classifier(program, action)?;
        let id = program_of(before)?;
        let replaced = match before.place {
            _ if before.direction != self.direction => Err(gone(id)),
            Place::Tcx => tcx::replace(self, id, program),
            Place::Clsact(filter) => clsact::replace(self, filter, id, program, &info),
        };
        self.now_attached(replaced.map(|()| before.place), info, action)
    }

    /// Detach a program; whether it was attached still.
    ///
    /// Needs CAP_SYS_ADMIN in the initial user namespace for tcx.
    ///
    /// # Errors
    /// [`Error::NoClassifier`] for a classic filter, [`Error::NoDevice`] if the device is gone,
    /// [`Error::Hook`] if the system refuses.
    pub fn detach(&self, attached: &Attached) -> Result<bool> {
        let id = program_of(attached)?;
        match attached.place {
            _ if attached.direction != self.direction => Ok(false),
            Place::Tcx => tcx::detach(self, id),
            Place::Clsact(filter) => clsact::detach(self, filter, id),
        }
        .map_err(|refusal| self.refused(format!("detach {attached} from {self}"), refusal))
    }

    /// Detach `program`, which this process has loaded and attached: takes no CAP_SYS_ADMIN.
    pub(crate) fn detach_loaded(&self, attached: &Attached, program: BorrowedFd<'_>) -> Result<()> {
        match attached.place {
            Place::Tcx => tcx::detach_program(self, program),
            Place::Clsact(filter) => clsact::detach(self, filter, program_of(attached)?),
        }
        .map(drop)
        .map_err(|refusal| self.refused(format!("detach {attached} from {self}"), refusal))
    }

    /// What the kernel says of `program`, if it can be attached at all. The kernel refuses other
    /// types with the number that also says that it has no tcx.
    fn classifier(
        &self,
        program: BorrowedFd<'_>,
        action: impl Fn(&str) -> String,
    ) -> Result<ProgramInfo> {
        let info = sys::bpf::program_info(program)
            .map_err(|source| self.refused(action("of a descriptor"), source.into()))?;
        if info.kind == Some(ProgramKind::SchedCls) {
            return Ok(info);
        }
        Err(Error::NoClassifier { what: format!("program {}", info.name) })
    }

    fn now_attached(
        &self,
        place: std::result::Result<Place, Refusal>,
        info: ProgramInfo,
        action: impl Fn(&str) -> String,
    ) -> Result<Attached> {
        let place = place.map_err(|refusal| self.refused(action(&info.name), refusal))?;
        Ok(Attached { direction: self.direction, place, runs: info.into_runs() })
    }

    fn refused(&self, action: String, refusal: Refusal) -> Error {
        let errno = refusal.source.raw_os_error();
        if errno == Some(Errno::NODEV.raw_os_error()) {
            return Error::NoDevice { name: self.name.clone().into() };
        }
        Error::Hook { action, source: refusal.into_cause(), errno }
    }
}

impl fmt::Display for AttachPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.direction, self.name)
    }
}

/// Something that runs on frames of a device.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Attached {
    /// On which frames it runs.
    pub direction: Direction,
    /// Where it is attached.
    pub place: Place,
    /// What it is.
    pub runs: Runs,
}

/// Where something is attached.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Place {
    /// To the tcx chain.
    Tcx,
    /// As a filter of the clsact qdisc.
    Clsact(Filter),
}

/// How tc knows a filter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Filter {
    /// Filters run in the order of these numbers.
    pub priority: u16,
    /// Tells filters of the same priority apart; 0 stands for all of these.
    pub handle: u32,
    /// The EtherType of the frames that it sees, in host byte order; `0x0003` (`ETH_P_ALL`) for all.
    pub protocol: u16,
}

impl Filter {
    /// `ETH_P_ALL`, linux/if_ether.h
    const ALL_PROTOCOLS: u16 = 3;
}

/// What is attached.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Runs {
    /// An eBPF program.
    #[non_exhaustive]
    Program {
        /// The number by which the kernel knows it.
        id: u32,
        /// Its name (up to 15 bytes), or, if the program itself may not be looked at, that of the
        /// filter. Whoever attaches it chooses either: it may have any characters, and proves
        /// nothing.
        name: Option<String>,
    },
    /// The classic filters of one priority.
    #[non_exhaustive]
    Classifier {
        /// As tc names it: `u32`, `flower`, `matchall`, ...; `bpf` for one in classic bytecode.
        kind: String,
    },
}

impl Attached {
    /// The hook that keeps it.
    pub fn hook(&self) -> Hook {
        match self.place {
            Place::Tcx => Hook::Tcx,
            Place::Clsact(_) => Hook::Clsact,
        }
    }

    /// The id of the program; `None` for a classic filter.
    pub fn program_id(&self) -> Option<u32> {
        match self.runs {
            Runs::Program { id, .. } => Some(id),
            Runs::Classifier { .. } => None,
        }
    }

    /// The name of the program, if it has one that is known.
    pub fn program_name(&self) -> Option<&str> {
        match &self.runs {
            Runs::Program { name, .. } => name.as_deref(),
            Runs::Classifier { .. } => None,
        }
    }

    /// A descriptor of the program. Needs CAP_SYS_ADMIN in the initial user namespace.
    ///
    /// # Errors
    /// [`Error::NoClassifier`] for a classic filter, [`Error::Hook`] if the system refuses, also if
    /// the program has ended.
    pub fn open(&self) -> Result<OwnedFd> {
        sys::bpf::program_by_id(program_of(self)?).map_err(|source| {
            let errno = source.raw_os_error();
            Error::Hook { action: format!("open {self}"), source: source.into(), errno }
        })
    }
}

impl fmt::Display for Attached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.hook())?;
        match &self.runs {
            Runs::Program { id, name: Some(name) } => {
                write!(f, "program {} (id {id}", name.escape_debug())?;
            }
            Runs::Program { id, name: None } => write!(f, "program (id {id}")?,
            Runs::Classifier { kind } => write!(f, "filter {} (", kind.escape_debug())?,
        }
        if let Place::Clsact(filter) = &self.place {
            let comma = if self.program_id().is_some() { ", " } else { "" };
            write!(f, "{comma}priority {}", filter.priority)?;
            if filter.protocol != Filter::ALL_PROTOCOLS {
                write!(f, ", protocol {:#06x}", filter.protocol)?;
            }
        }
        f.write_str(")")
    }
}

impl ProgramInfo {
    fn into_runs(self) -> Runs {
        Runs::Program { id: self.id, name: named(self.name) }
    }
}

/// The name of the program with this id; `None` if it has none, or none that we may see.
fn name(id: u32) -> io::Result<Option<String>> {
    let program = match sys::bpf::program_by_id(id) {
        Ok(program) => program,
        Err(error) if is(&error, Errno::PERM) => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(named(sys::bpf::program_info(program.as_fd())?.name))
}

fn named(name: String) -> Option<String> {
    Some(name).filter(|name| !name.is_empty())
}

fn program_of(attached: &Attached) -> Result<u32> {
    attached.program_id().ok_or_else(|| Error::NoClassifier { what: attached.to_string() })
}

fn gone(id: u32) -> Refusal {
    let words = Some(format!("program {id} is not attached any more"));
    Refusal { words, source: Errno::NOENT.into() }
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

/// Do something again while others come in between.
fn retry<T>(
    mut action: impl FnMut() -> std::result::Result<T, Refusal>,
    is_passing: impl Fn(Errno) -> bool,
) -> std::result::Result<T, Refusal> {
    for _ in 1..TRIES {
        match action() {
            Err(refusal) if Errno::from_io_error(&refusal.source).is_some_and(&is_passing) => {}
            result => return result,
        }
    }
    action()
}

/// How often to try again.
const TRIES: usize = 8;
