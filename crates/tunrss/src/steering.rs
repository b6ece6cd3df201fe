//! Putting a configuration in force on a device, replacing it, taking it away, reading it back.
//!
//! The order of the steps keeps the device usable between any two of them: programs are loaded
//! before anything is changed, a new steering program is in place before the old report program
//! goes, and the filter program comes last and goes first.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use aya::programs::links::{FdLink, LinkError, LinkOrder, PinnedLink};
use aya::programs::tc::{SchedClassifierLink, SchedClassifierLinkId, TcAttachOptions};
use aya::programs::{ProgramError, ProgramInfo, SchedClassifier, TcAttachType};
use rustix::io::Errno;
use tunrss_bpf::{FILTER, REPORT, RETURN_QUEUE, ReportMode, STEER, State, compile};
use tunrss_hash::SteeringConfig;

use crate::control;
use crate::device::{Device, MAX_QUEUES};
use crate::error::{Error, Result};
use crate::load::{self, Loaded};
use crate::pin::{self, Pins};
use crate::queue::Report;
use crate::sys::ioctl;

impl Device {
    /// Put `config` in force, for as long as the result lives.
    ///
    /// Packets are steered by it from now on; what was in force before is replaced, one program by
    /// another: within one report mode a packet sees the old configuration or the new one. Readers
    /// have to be told the report mode, see [`Queue::set_report`](crate::Queue::set_report).
    ///
    /// The result keeps a descriptor of the device, so the queue that it was taken from stays
    /// attached meanwhile.
    ///
    /// # Errors
    /// - [`Error::QueueNumber`] if `config` names a queue that no device can have.
    /// - [`Error::Steered`] if another process reports hashes on the device.
    /// - [`Error::Load`], [`Error::AttachReport`], [`Error::Set`] and those of
    ///   [`Device::open_queues`] if the system refuses. What was in force stays so.
    pub fn steer<T: AsRef<[u16]>>(
        &self,
        config: &SteeringConfig<T>,
        mode: ReportMode,
    ) -> Result<Steering> {
        let control = control::of(self)?;
        let mut link = None;
        install(self, control.as_fd(), config, mode, Keep::Link(&mut link))?;
        Ok(Steering { device: self.clone(), control, report: Report::new(mode, config), link })
    }

    /// Put `config` in force until it is [cleared](Device::clear) or the device ends. Any process
    /// can show, replace and clear it: it is kept in the BPF file system, which is mounted if
    /// nobody has done so.
    ///
    /// # Errors
    /// As for [`Device::steer`], and [`Error::Pin`].
    pub fn steer_persistently<T: AsRef<[u16]>>(
        &self,
        config: &SteeringConfig<T>,
        mode: ReportMode,
    ) -> Result<()> {
        let control = control::of(self)?;
        install(self, control.as_fd(), config, mode, Keep::Pins)
    }

    /// What is in force on the device, as read back from the running programs; `None` if nothing
    /// of ours is. What a living [`Steering`] has set is seen in report mode
    /// [`Kernel`](ReportMode::Kernel) only, and a steering program of another tool is not seen at
    /// all: the kernel has no query for it.
    ///
    /// # Errors
    /// [`Error::ReadBack`] if a program is there but not readable.
    pub fn steering(&self) -> Result<Option<State>> {
        let program = match attached_report(self) {
            Some(program) => Some(program),
            None => load::pinned(&Pins::of(self)?.steer()),
        };
        let read_back = |source| Error::ReadBack { name: self.name().clone(), source };
        program.map(|program| load::state(&program).map_err(read_back)).transpose()
    }

    /// Take away what is in force: the kernel's automatic steering is back. Returns whether there
    /// was anything of ours; a steering program of another tool is removed, too.
    ///
    /// # Errors
    /// [`Error::Pin`], [`Error::Set`] and those of [`Device::open_queues`].
    pub fn clear(&self) -> Result<bool> {
        let was_steered = self.steering()?.is_some();
        let control = control::of(self)?;
        unset_programs(self, control.as_fd())?;
        pin::remove(self)?;
        Ok(was_steered)
    }
}

/// A configuration in force on a device; dropping it brings the kernel's automatic steering back.
pub struct Steering {
    device: Device,
    control: OwnedFd,
    report: Report,
    /// In report mode `kernel`: what keeps the report program attached.
    link: Option<FdLink>,
}

impl Steering {
    /// How packets arrive now: for [`Queue::set_report`](crate::Queue::set_report).
    pub fn report(&self) -> Report {
        self.report.clone()
    }

    /// Replace the configuration.
    ///
    /// # Errors
    /// As for [`Device::steer`]. The old configuration then stays in force.
    pub fn replace<T: AsRef<[u16]>>(
        &mut self,
        config: &SteeringConfig<T>,
        mode: ReportMode,
    ) -> Result<()> {
        let control = self.control.as_fd();
        install(&self.device, control, config, mode, Keep::Link(&mut self.link))?;
        self.report = Report::new(mode, config);
        Ok(())
    }
}

impl fmt::Debug for Steering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Steering")
            .field("device", &self.device)
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}

impl Drop for Steering {
    fn drop(&mut self) {
        // The device may be gone already.
        if let Err(error) = unset_programs(&self.device, self.control.as_fd()) {
            log::debug!("{error}");
        }
    }
}

/// How a queue of `device` has to read packets now, as far as this process may know.
pub(crate) fn report_in_force(device: &Device) -> Report {
    match device.steering() {
        Ok(Some(state)) => Report::new(state.report, &state.config),
        Ok(None) | Err(_) => Report::Off,
    }
}

/// What keeps the report program attached, and where the steering program is found.
enum Keep<'a> {
    /// A link in the process's hands.
    Link(&'a mut Option<FdLink>),
    /// Pins in the BPF file system.
    Pins,
}

fn install<T: AsRef<[u16]>>(
    device: &Device,
    control: BorrowedFd<'_>,
    config: &SteeringConfig<T>,
    mode: ReportMode,
    keep: Keep<'_>,
) -> Result<()> {
    let queue = config.highest_queue();
    if usize::from(queue) >= MAX_QUEUES {
        return Err(Error::QueueNumber { queue });
    }
    let pins = Pins::of(device)?;
    let mut loaded = Loaded::new(compile(config, device.link(), mode)?)?;
    if let Keep::Pins = keep {
        pins.create()?;
    }
    match mode {
        ReportMode::Kernel => install_report(device, control, &mut loaded, &pins, keep),
        ReportMode::Off | ReportMode::Reader => {
            install_steer(device, control, &mut loaded, &pins, keep)
        }
    }
}

/// One program that does it all.
fn install_steer(
    device: &Device,
    control: BorrowedFd<'_>,
    loaded: &mut Loaded,
    pins: &Pins,
    keep: Keep<'_>,
) -> Result<()> {
    let program = loaded.socket_filter(STEER)?;
    if let Keep::Pins = keep {
        let next = pins.steer_next();
        pin::unpin(&next)?;
        program.pin(&next).map_err(|source| pin_refused("pin a program at", &next, source))?;
    }
    set_steering(device, control, Some(program))?;
    ioctl::set_filter(control, None::<BorrowedFd<'_>>)
        .map_err(|source| device.refused("the filter program", source))?;
    pin::unpin(&pins.report())?;
    match keep {
        Keep::Pins => pins.advance_steer(),
        Keep::Link(link) => {
            *link = None;
            pins.remove()
        }
    }
}

/// The report program, and the two that go with it.
fn install_report(
    device: &Device,
    control: BorrowedFd<'_>,
    loaded: &mut Loaded,
    pins: &Pins,
    keep: Keep<'_>,
) -> Result<()> {
    match keep {
        Keep::Pins => {
            let pinned = PinnedLink::from_pin(pins.report()).ok().map(FdLink::from);
            let is_pinned = pinned.is_some();
            let attached = attach(device, loaded.report()?, pinned)?;
            if !(is_pinned && attached.is_same) {
                pin::unpin(&pins.report())?;
                let path = pins.report();
                let pin = attached.link.pin(&path);
                pin.map_err(|source| pin_refused("pin a link at", &path, source))?;
            }
        }
        Keep::Link(link) => {
            let existing =
                link.take().or_else(|| PinnedLink::from_pin(pins.report()).ok().map(FdLink::from));
            *link = Some(attach(device, loaded.report()?, existing)?.link);
            pin::unpin(&pins.report())?;
        }
    }
    set_steering(device, control, Some(loaded.socket_filter(RETURN_QUEUE)?))?;
    let filter = loaded.socket_filter(FILTER)?;
    let fd = filter.fd().map_err(|source| device.refused("the filter program", other(source)))?;
    ioctl::set_filter(control, Some(fd))
        .map_err(|source| device.refused("the filter program", source))?;
    pin::unpin(&pins.steer_next())?;
    pin::unpin(&pins.steer())
}

struct Attached {
    link: FdLink,
    /// Whether it is the existing link, updated.
    is_same: bool,
}

/// Attach the report program in the place of the one that `existing` attaches, else as the last.
fn attach(
    device: &Device,
    program: &mut SchedClassifier,
    existing: Option<FdLink>,
) -> Result<Attached> {
    let refused = |source: ProgramError| {
        let errno = load::errno(&source);
        Error::AttachReport { name: device.name().clone(), source: source.into(), errno }
    };
    let no_link = |source: LinkError| Error::AttachReport {
        name: device.name().clone(),
        source: source.into(),
        errno: None,
    };
    let finish = |program: &mut SchedClassifier, id: SchedClassifierLinkId, is_same| {
        let link = program.take_link(id).map_err(refused)?;
        Ok(Attached { link: FdLink::try_from(link).map_err(no_link)?, is_same })
    };
    if let Some(existing) = existing {
        match program.attach_to_link(SchedClassifierLink::try_from(existing).map_err(no_link)?) {
            Ok(id) => return finish(program, id, true),
            // The link's device has gone: it attaches nothing any more.
            Err(source) if load::errno(&source) == Some(Errno::NOLINK.raw_os_error()) => {}
            Err(source) => return Err(refused(source)),
        }
    }
    if attached_report(device).is_some() {
        return Err(Error::Steered { name: device.name().clone() });
    }
    let id = program
        .attach_with_options(
            device.name().as_str(),
            TcAttachType::Egress,
            TcAttachOptions::TcxOrder(LinkOrder::last()),
        )
        .map_err(refused)?;
    finish(program, id, false)
}

/// The report program that is attached to `device`, whoever attached it.
fn attached_report(device: &Device) -> Option<ProgramInfo> {
    let (_, programs) =
        SchedClassifier::query_tcx(device.name().as_str(), TcAttachType::Egress).ok()?;
    programs.into_iter().find(|program| program.name() == REPORT.as_bytes())
}

fn set_steering(
    device: &Device,
    control: BorrowedFd<'_>,
    program: Option<&mut aya::programs::SocketFilter>,
) -> Result<()> {
    let what = "the steering program";
    let fd = program.map(|program| program.fd()).transpose();
    let fd = fd.map_err(|source| device.refused(what, other(source)))?;
    ioctl::set_steering(control, fd).map_err(|source| device.refused(what, source))
}

fn unset_programs(device: &Device, control: BorrowedFd<'_>) -> Result<()> {
    set_steering(device, control, None)?;
    ioctl::set_filter(control, None::<BorrowedFd<'_>>)
        .map_err(|source| device.refused("the filter program", source))
}

fn other(source: ProgramError) -> std::io::Error {
    std::io::Error::other(source)
}

fn pin_refused(action: &'static str, path: &std::path::Path, source: aya::pin::PinError) -> Error {
    let errno = load::errno(&source);
    Error::Pin { action, path: path.to_owned(), source: source.into(), errno }
}
