//! Putting a configuration in force on a device, replacing it, taking it away, reading it back.
//!
//! All state is the kernel's, and goes with the device: programs are attached to the device itself,
//! without links or pins, and each carries its configuration and the device it is for. So what is
//! in force is found by looking at the programs, from any process and in any mount namespace; a
//! process that is killed leaves nothing behind that is not in force, and there is nothing to
//! clean up when a device ends.
//!
//! The order of the steps keeps the device usable between any two of them: programs are loaded
//! before anything is changed, and the filter program, which drops what carries no report, comes
//! last and goes before the report program does.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use aya::programs::{
    ProgramFd, ProgramInfo, SchedClassifier, SocketFilter, TcAttachType, loaded_programs,
};
use rustix::io::Errno;
use tunrss_bpf::{FILTER, REPORT, RETURN_QUEUE, ReportMode, STEER, State, Target, compile_for};
use tunrss_hash::SteeringConfig;

use crate::device::{Device, MAX_QUEUES};
use crate::error::{Error, Result};
use crate::load::{self, Loaded};
use crate::queue::Report;
use crate::sys::{self, ioctl};
use crate::{control, netns};

impl Device {
    /// Put `config` in force until the result is dropped, or for good: see [`Steering::keep`].
    ///
    /// Packets are steered by it from now on. What was in force before is replaced, one program by
    /// another: within one report mode a packet sees the old configuration or the new one, never a
    /// mixture. Readers have to be told the report mode, see
    /// [`Queue::set_report`](crate::Queue::set_report).
    ///
    /// The result keeps a descriptor of the device, so the queue that it was taken from stays
    /// attached meanwhile.
    ///
    /// # Errors
    /// - [`Error::SingleQueue`] if the device was created for one queue.
    /// - [`Error::QueueNumber`] if `config` names a queue that no device can have.
    /// - [`Error::Load`], [`Error::AttachReport`], [`Error::Set`] and those of
    ///   [`Device::open_queues`] if the system refuses. What was in force stays so.
    pub fn steer<T: AsRef<[u16]>>(
        &self,
        config: &SteeringConfig<T>,
        mode: ReportMode,
    ) -> Result<Steering> {
        let control = control::of(self)?;
        install(self, control.as_fd(), config, mode)?;
        let report = Report::new(mode, config);
        Ok(Steering { device: self.clone(), control, report, is_kept: false })
    }

    /// What is in force on the device, whichever process has set it, as read back from the running
    /// programs; `None` if nothing of ours is. A steering program of another tool is not seen: the
    /// kernel has no query for it.
    ///
    /// # Errors
    /// [`Error::ReadBack`], also without the privilege to look at programs (CAP_SYS_ADMIN).
    pub fn steering(&self) -> Result<Option<State>> {
        for _ in 0..LOOKS {
            match self.look() {
                // Another process has replaced the program while we looked at it.
                Err(error) if load::is_gone(&error) => {}
                result => return result,
            }
        }
        self.look()
    }

    /// Take away what is in force: the kernel's automatic steering is back. Returns whether there
    /// was anything of ours; a steering program of another tool is removed, too.
    ///
    /// # Errors
    /// [`Error::ReadBack`], [`Error::Set`] and those of [`Device::open_queues`].
    pub fn clear(&self) -> Result<bool> {
        let was_steered = self.steering()?.is_some();
        remove(self, control::of(self)?.as_fd())?;
        Ok(was_steered)
    }

    fn look(&self) -> Result<Option<State>> {
        if let Some(program) = attached_report(self)? {
            return load::state(&program).map(Some).map_err(|source| self.unreadable(source));
        }
        Ok(steer_programs(self)?.into_iter().next_back().map(|(_, state)| state))
    }

    fn unreadable(&self, source: Box<dyn std::error::Error + Send + Sync>) -> Error {
        let errno = load::errno(&*source);
        Error::ReadBack { name: self.name().clone(), source, errno }
    }

    fn target(&self) -> Result<Target> {
        let action = "identify the network namespace";
        let netns = netns::id().map_err(|source| Error::Netns { action, source })?;
        Ok(Target { netns, index: self.index() })
    }
}

/// A configuration in force on a device. Dropping it brings the kernel's automatic steering back,
/// unless it is [kept](Steering::keep). If the process is killed it stays in force.
pub struct Steering {
    device: Device,
    control: OwnedFd,
    report: Report,
    is_kept: bool,
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
        install(&self.device, self.control.as_fd(), config, mode)?;
        self.report = Report::new(mode, config);
        Ok(())
    }

    /// Leave the configuration in force until it is [cleared](Device::clear) or the device ends.
    pub fn keep(mut self) {
        self.is_kept = true;
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
        if self.is_kept {
            return;
        }
        // The device may be gone already.
        if let Err(error) = remove(&self.device, self.control.as_fd()) {
            log::debug!("{error}");
        }
    }
}

/// How a queue of `device` has to read packets now, as far as this process may know.
pub(crate) fn report_in_force(device: &Device) -> Report {
    match device.steering() {
        Ok(Some(state)) => Report::new(state.report, &state.config),
        Ok(None) => Report::Off,
        Err(error) => {
            log::warn!("{}: report mode unknown, off is assumed: {error}", device.name());
            Report::Off
        }
    }
}

fn install<T: AsRef<[u16]>>(
    device: &Device,
    control: BorrowedFd<'_>,
    config: &SteeringConfig<T>,
    mode: ReportMode,
) -> Result<()> {
    if !device.is_multi_queue() {
        return Err(Error::SingleQueue { name: device.name().clone() });
    }
    let queue = config.highest_queue();
    if usize::from(queue) >= MAX_QUEUES {
        return Err(Error::QueueNumber { queue });
    }
    let object = compile_for(device.target()?, config, device.link(), mode)?;
    let mut loaded = Loaded::new(object)?;
    // Looked up before anything is changed: it takes a privilege that loading does not.
    let before = attached_report(device)?;
    match mode {
        ReportMode::Kernel => {
            attach_report(device, loaded.report()?, before.as_ref())?;
            let rest = set_steering(device, control, Some(loaded.socket_filter(RETURN_QUEUE)?))
                .and_then(|()| set_filter(device, control, Some(loaded.socket_filter(FILTER)?)));
            if rest.is_err() && before.is_none() {
                // Half a report mode would be misread.
                detach_report(device, attached_report(device)?.as_ref())?;
            }
            rest
        }
        ReportMode::Off | ReportMode::Reader => {
            set_steering(device, control, Some(loaded.socket_filter(STEER)?))?;
            set_filter(device, control, None)?;
            detach_report(device, before.as_ref())
        }
    }
}

fn remove(device: &Device, control: BorrowedFd<'_>) -> Result<()> {
    let report = attached_report(device)?;
    set_steering(device, control, None)?;
    set_filter(device, control, None)?;
    detach_report(device, report.as_ref())?;
    for (program, _) in steer_programs(device)? {
        match load::retire(&program) {
            // It went away since it was found, now that the device does not hold it.
            Err(source) if load::is_gone(&*source) => {}
            result => result.map_err(|source| device.unreadable(source))?,
        }
    }
    Ok(())
}

/// Attach the report program in the place of `existing`, else as the last.
fn attach_report(
    device: &Device,
    program: &mut SchedClassifier,
    existing: Option<&ProgramInfo>,
) -> Result<()> {
    let refused = |source: Box<dyn std::error::Error + Send + Sync>| Error::AttachReport {
        errno: load::errno(&*source),
        name: device.name().clone(),
        source,
    };
    let fd = program.fd().map_err(|source| refused(source.into()))?;
    let existing = existing.map(ProgramInfo::fd).transpose();
    let existing = existing.map_err(|source| refused(source.into()))?;
    let replace = existing.as_ref().map(AsFd::as_fd);
    sys::bpf::attach_egress(fd.as_fd(), device.index(), replace)
        .map_err(|source| refused(source.into()))
}

fn detach_report(device: &Device, program: Option<&ProgramInfo>) -> Result<()> {
    let Some(program) = program else { return Ok(()) };
    let fd = program.fd().map_err(|source| device.unreadable(source.into()))?;
    sys::bpf::detach_egress(fd.as_fd(), device.index())
        .map_err(|source| device.refused("the report program", source))
}

/// The report program that is attached to `device`.
fn attached_report(device: &Device) -> Result<Option<ProgramInfo>> {
    match SchedClassifier::query_tcx(device.name().as_str(), TcAttachType::Egress) {
        Ok((_, programs)) => {
            Ok(programs.into_iter().find(|program| program.name() == REPORT.as_bytes()))
        }
        // A kernel before 6.6 has no such programs.
        Err(source) if load::errno(&source) == Some(Errno::INVAL.raw_os_error()) => Ok(None),
        Err(source) => Err(device.unreadable(source.into())),
    }
}

/// The steering programs for `device` that are in force, the newest last: while one is being
/// replaced there are two.
fn steer_programs(device: &Device) -> Result<Vec<(ProgramInfo, State)>> {
    let target = device.target()?;
    let mut found = Vec::new();
    for program in loaded_programs() {
        let program = match program {
            Ok(program) => program,
            // It went away while we looked.
            Err(source) if load::is_gone(&source) => continue,
            Err(source) => return Err(device.unreadable(source.into())),
        };
        if program.name() != STEER.as_bytes() {
            continue;
        }
        match load::state(&program) {
            Ok(state) if state.target == target => found.push((program, state)),
            // For another device, or taken from its own, or not ours: a name proves nothing.
            Ok(_) | Err(_) => {}
        }
    }
    found.sort_by_key(|(program, _)| program.id());
    Ok(found)
}

fn set_steering(
    device: &Device,
    control: BorrowedFd<'_>,
    program: Option<&mut SocketFilter>,
) -> Result<()> {
    set(device, "the steering program", program, |fd| ioctl::set_steering(control, fd))
}

fn set_filter(
    device: &Device,
    control: BorrowedFd<'_>,
    program: Option<&mut SocketFilter>,
) -> Result<()> {
    set(device, "the filter program", program, |fd| ioctl::set_filter(control, fd))
}

fn set(
    device: &Device,
    what: &'static str,
    program: Option<&mut SocketFilter>,
    ioctl: impl FnOnce(Option<&ProgramFd>) -> rustix::io::Result<()>,
) -> Result<()> {
    let fd = program.map(|program| program.fd()).transpose();
    let fd = fd.map_err(|source| device.refused(what, std::io::Error::other(source)))?;
    ioctl(fd).map_err(|source| device.refused(what, source))
}

/// How often to look at what is in force while others replace it.
const LOOKS: usize = 8;
