//! Putting a configuration in force on a device, replacing it, taking it away, reading it back.
//!
//! All state is the kernel's, and goes with the device: programs are attached to the device itself,
//! without links or pins, and each carries its configuration and the device it is for. So what is
//! in force is found by looking at the programs (`find`), from any process and in any mount
//! namespace; a process that is killed leaves nothing behind that is not in force, and there is
//! nothing to clean up when a device ends. `install` has the order of the steps.

mod exclusive;
mod find;
mod inspection;
mod install;
mod settings;

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use tunrss_bpf::{Counters, Driver, Owner, ReportMode, State};
use tunrss_hash::SteeringConfig;

use rustix::io::Errno;

use crate::attachment::Attachment;
use crate::control;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::hook::{Action, Conflict, conflicts};
use crate::load;
use crate::lock::Lock;
use crate::queue::Report;

pub(crate) use find::check_findable;
use find::{InForce, Programs};
use install::Look;

pub use exclusive::Exclusive;
pub use inspection::{Claim, Inspection, Missing};
pub use install::possible_cpus;
pub use settings::Settings;

impl Device {
    /// Put `config` in force until the result is dropped, or for good: see [`Steering::keep`].
    /// `settings` may be just a [`ReportMode`].
    ///
    /// A process without CAP_SYS_ADMIN may not look for what was set before, nor whose it is. It can set
    /// a device to which no program is attached that could be ours, with a warning by way of `log`;
    /// steering programs are replaced then, whoever has set them.
    ///
    /// Packets are steered by it from now on. What was in force before is replaced in one step: a
    /// packet sees the old configuration or the new one, never a mixture, and none is lost. Readers
    /// have to be told the report mode, see [`Queue::set_report`](crate::Queue::set_report).
    ///
    /// The result keeps a descriptor of the device. If somebody holds a queue it is a duplicate of
    /// that, which so stays attached meanwhile; else it is one of its own, which takes no packets but
    /// for a moment.
    ///
    /// # Errors
    /// - [`Error::SingleQueue`] if the device was created for one queue.
    /// - [`Error::QueueNumber`] if `config` names a queue that no device can have.
    /// - [`Error::OwnedByOther`] if another owner's configuration is in force, [`Error::Foreign`] if
    ///   another tool may steer the device; not by [force](Settings::force).
    /// - [`Error::Held`] if somebody holds queues and no descriptor of theirs can be duplicated,
    ///   [`Error::Disordered`] if somebody opened queues at the same time.
    /// - [`Error::Load`], [`Error::Hook`], [`Error::Set`], [`Error::Lock`], [`Error::Locked`] and those of
    ///   [`Device::open_queues`] if the system refuses. What was in force stays so.
    pub fn steer<T: AsRef<[u16]>>(
        &self,
        config: &SteeringConfig<T>,
        settings: impl Into<Settings>,
    ) -> Result<Steering> {
        if !self.is_multi_queue() {
            return Err(Error::SingleQueue { name: self.name().clone() });
        }
        install::check_queue(config.highest_queue())?;
        let settings = settings.into();
        let control = self.control()?;
        let descriptor = control.as_ref().map(AsFd::as_fd);
        let program = install::install(self, descriptor, config, &settings, Look::IfAllowed)?;
        let report = Report::new(settings.report, config);
        let owner = settings.owner;
        let device = self.clone();
        Ok(Steering { device, control, report, owner, program, is_kept: false })
    }

    /// Put `config` in force for good, for who holds a descriptor of the device: `control`, attached or
    /// detached. Nobody else's is looked for, nor another attached, so it works also on a device that
    /// takes one queue only. A macvtap needs no descriptor.
    ///
    /// The device is the one that the descriptor is attached to, also if it has been renamed or moved to
    /// another network namespace (which takes CAP_SYS_ADMIN to enter).
    ///
    /// Any queue number is taken, modulo the attached queues when a packet comes.
    ///
    /// # Errors
    /// As for [`Device::steer`]; [`Error::ReadBack`] without the privilege to look at programs
    /// (CAP_SYS_ADMIN). What was in force stays so.
    pub fn steer_by<T: AsRef<[u16]>>(
        &self,
        control: impl AsFd,
        config: &SteeringConfig<T>,
        settings: &Settings,
    ) -> Result<()> {
        let config = config.as_borrowed();
        self.by(self.as_control(&control), |device, control| {
            install::install(device, control, &config, settings, Look::Must).map(drop)
        })
    }

    /// Take away what is in force, for who holds a descriptor of the device; else as
    /// [`Device::clear_as`].
    ///
    /// # Errors
    /// As for [`Device::clear`].
    pub fn clear_by(&self, control: impl AsFd, settings: &Settings) -> Result<bool> {
        self.by(self.as_control(&control), |device, control| {
            install::remove(device, control, settings, |_| true)
        })
    }

    /// What is in force on the device, whichever process has set it, as read back from the running
    /// programs; `None` if nothing of ours is. A steering program of another tool is not seen here:
    /// the kernel has no query for it. See [`Device::foreign`].
    ///
    /// Of what was set in report mode `kernel`, other parts than the report program can be missing: see
    /// [`Device::inspect`].
    ///
    /// # Errors
    /// - [`Error::ReadBack`], also without the privilege to look at programs (CAP_SYS_ADMIN).
    /// - [`Error::ReportLost`] if the report program has been taken away from the device.
    ///
    /// A change that another process is making is waited for. One that does not end within a second is
    /// not; then a warning, by way of `log`, says that what is returned may be half of it.
    pub fn steering(&self) -> Result<Option<State>> {
        let _lock = Lock::to_look(self);
        Ok(Programs::of(self)?.in_force()?.map(|found| found.state))
    }

    /// What was set on the device, and what of it is not there any more: whoever holds a queue of a TUN
    /// or TAP can take its steering and filter program away, and others its report program. Also whose
    /// it is, and what is only claimed.
    ///
    /// For a moment after a program was taken away the kernel still has it, and it is not missed.
    ///
    /// # Errors
    /// Those of [`Device::steering`] but [`Error::ReportLost`].
    pub fn inspect(&self) -> Result<Inspection> {
        let _lock = Lock::to_look(self);
        Programs::of(self)?.inspect()
    }

    /// What the programs have counted since the configuration in force was set; `None` if nothing of
    /// ours is in force, or it does not count.
    ///
    /// The numbers of one packet may be seen in part: they are read while the programs count.
    ///
    /// # Errors
    /// As for [`Device::steering`].
    pub fn counters(&self) -> Result<Option<Counters>> {
        let _lock = Lock::to_look(self);
        let Some(found) = Programs::of(self)?.in_force()? else { return Ok(None) };
        if found.state.counter_cpus == 0 {
            return Ok(None);
        }
        let section =
            found.program.counters(&found.state).map_err(|source| self.unreadable(source))?;
        Ok(Counters::decode(&found.state, &section))
    }

    /// What other tc programs mean for ours, if one is attached to the device.
    ///
    /// # Errors
    /// As for [`Device::steering`].
    pub fn conflicts(&self) -> Result<Vec<Conflict>> {
        let _lock = Lock::to_look(self);
        let Some(found) = Programs::of(self)?.in_force()? else { return Ok(Vec::new()) };
        let action = match found.state.report {
            ReportMode::Kernel => Action::Ok,
            ReportMode::Off | ReportMode::Reader => Action::Next,
        };
        let attached = find::attach_point(self).attached()?;
        Ok(conflicts(&attached, found.program.id, action))
    }

    /// Change entries of the indirection table in force, `(index, queue)` each, without a new
    /// program: for rebalancing. Returns what is in force now. Each entry changes in one step; the
    /// counters go on.
    ///
    /// # Errors
    /// - [`Error::NothingInForce`], [`Error::EntryIndex`], [`Error::QueueNumber`]; no entry is
    ///   changed then.
    /// - [`Error::OwnedByOther`], [`Error::Lock`], [`Error::Locked`] and those of
    ///   [`Device::steering`].
    pub fn set_entries(&self, entries: &[(usize, u16)]) -> Result<State> {
        self.set_entries_as(entries, &Settings::default())
    }

    /// The same for another owner than this process, or by force; nothing else of `settings` matters.
    ///
    /// # Errors
    /// As for [`Device::set_entries`].
    pub fn set_entries_as(&self, entries: &[(usize, u16)], settings: &Settings) -> Result<State> {
        install::set_entries(self, entries, settings)
    }

    /// Take away what is in force: the kernel's automatic steering is back. Returns whether there
    /// was anything of ours. A program of another tool that cannot be seen is removed, too.
    ///
    /// # Errors
    /// [`Error::OwnedByOther`], [`Error::Foreign`], [`Error::Lock`], [`Error::Locked`],
    /// [`Error::ReadBack`], [`Error::Set`] and those of [`Device::open_queues`].
    pub fn clear(&self) -> Result<bool> {
        self.clear_as(&Settings::default())
    }

    /// The same for another owner than this process, or by force: then also where another tool may
    /// steer the device. Nothing else of `settings` matters.
    ///
    /// # Errors
    /// As for [`Device::clear`].
    pub fn clear_as(&self, settings: &Settings) -> Result<bool> {
        let control = self.control()?;
        install::remove(self, control.as_ref().map(AsFd::as_fd), settings, |_| true)
    }

    /// Whether the owner that `settings` names may change what is in force, without changing anything.
    ///
    /// # Errors
    /// [`Error::OwnedByOther`], [`Error::Foreign`], and [`Error::ReadBack`] where it cannot be known.
    pub fn check_changeable(&self, settings: &Settings) -> Result<()> {
        install::check_changeable(self, settings)
    }

    /// Do something by a descriptor with the device that it is attached to, wherever that is by now.
    fn by<T: Send>(
        &self,
        control: Option<BorrowedFd<'_>>,
        act: impl FnOnce(&Self, Option<BorrowedFd<'_>>) -> Result<T> + Send,
    ) -> Result<T> {
        let Some(fd) = control else { return act(self, None) };
        match Attachment::of(fd) {
            Ok(attachment) => attachment.with_device(|device| act(&device, control)),
            Err(error) if error.raw_os_error() == Some(Errno::BADFD.raw_os_error()) => {
                Err(Error::NoDevice { name: self.name().into() })
            }
            Err(error) => Err(Error::NotAQueue { found: error.to_string() }),
        }
    }

    fn as_control<'a>(&self, control: &'a impl AsFd) -> Option<BorrowedFd<'a>> {
        (self.driver() == Driver::Tun).then(|| control.as_fd())
    }

    /// A descriptor for device-wide ioctls; macvtap has none that matter here.
    fn control(&self) -> Result<Option<OwnedFd>> {
        match self.driver() {
            Driver::Tun => control::of(self).map(Some),
            Driver::Macvtap => Ok(None),
        }
    }

    fn unreadable(&self, source: Box<dyn std::error::Error + Send + Sync>) -> Error {
        let errno = load::errno(&*source);
        Error::ReadBack { name: self.name().clone(), source, errno }
    }
}

/// A configuration in force on a device. Dropping it brings the kernel's automatic steering back,
/// unless it is [kept](Steering::keep) or something else is in force by then. If the process is
/// killed it stays in force; also if it may not look at programs (CAP_SYS_ADMIN), with a warning.
pub struct Steering {
    device: Device,
    control: Option<OwnedFd>,
    report: Report,
    owner: Owner,
    /// The id of the program that carries it.
    program: u32,
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
        settings: impl Into<Settings>,
    ) -> Result<()> {
        install::check_queue(config.highest_queue())?;
        let settings = settings.into();
        let control = self.control.as_ref().map(AsFd::as_fd);
        let config_now = config.as_borrowed();
        self.program = self.device.by(control, |device, control| {
            install::install(device, control, &config_now, &settings, Look::IfAllowed)
        })?;
        self.report = Report::new(settings.report, config);
        self.owner = settings.owner;
        Ok(())
    }

    /// Leave the configuration in force until it is [cleared](Device::clear) or the device ends.
    pub fn keep(mut self) {
        self.is_kept = true;
    }

    /// Take the configuration away, if it is still the one in force.
    fn end(&self) -> Result<()> {
        let settings = Settings { owner: self.owner.clone(), ..Settings::default() };
        let control = self.control.as_ref().map(AsFd::as_fd);
        let is_ours =
            |found: Option<&InForce>| found.is_some_and(|one| one.program.id == self.program);
        self.device.by(control, |device, control| {
            install::remove(device, control, &settings, is_ours).map(drop)
        })
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
        match self.end() {
            Ok(()) => {}
            Err(error) if error.is_permission() => {
                log::warn!("{}: what was set stays in force: {error}", self.device.name());
            }
            // The device may be gone already.
            Err(error) => log::debug!("{error}"),
        }
    }
}

/// How a queue of `device` has to read packets now, as far as this process may know.
pub(crate) fn report_in_force(device: &Device) -> Report {
    match device.steering() {
        Ok(Some(state)) => Report::new(state.report, &state.config),
        Ok(None) => Report::Off,
        // What is still there adds no report.
        Err(Error::ReportLost { .. }) => Report::Off,
        Err(error) => {
            log::warn!("{}: report mode unknown, off is assumed: {error}", device.name());
            Report::Off
        }
    }
}
