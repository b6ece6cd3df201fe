//! From what is in force to what is asked for.
//!
//! A change takes several system calls, and between any two of them a process can be killed and
//! packets pass. So exactly one call, the *commit*, takes the device from the old configuration to
//! the new one; what goes before it works for both, and what comes after only tidies up. That is
//! possible because every program heeds the token of a prefixed frame (`tunrss-bpf`'s
//! `lower/token.rs`):
//!
//! | from | to | before | commit | after |
//! |---|---|---|---|---|
//! | RSS, without prefix | RSS, prefix | | attach report program | filter |
//! | prefix | RSS, prefix | | replace report program | filter |
//! | automatic | RSS, prefix | steering by noted queue | attach report program | filter |
//! | prefix | RSS, without | steering program; no filter | detach report program | |
//! | without prefix | RSS, without | | steering program | no filter |
//! | any | automatic, prefix | | attach or replace report program | no steering, filter |
//! | RSS, without prefix | automatic, without | bearer of the state | no steering program | |
//! | else | automatic, without | no filter | attach or replace the bearer of the state | no steering |
//! | any | nothing | no filter | detach report program, or none: no steering | no steering |
//!
//! `find` goes by the same: a report program that puts the prefix is in force; without one it is the
//! steering program, and only without that the bearer of a state that leaves packets alone. Steering
//! programs of earlier changes are retired, since the device may keep one to help the report program.
//!
//! Two things may be missing after a kill between commit and tidying up, until something is set or
//! cleared. Without the filter, frames that pass by the report program are not dropped. With a
//! steering program, automatic steering is by the kernel's hash of the flow, and does not follow the
//! reader: no program can hand a frame on to the kernel's own choice.
//!
//! Whoever holds a queue can take the steering and the filter program away. A change then starts as if the
//! steering were automatic.
//!
//! Beside programs of others ([`Settings::beside_others`]) there is no filter, and what is taken away is
//! only what is known to be ours.
//!
//! Frames that wait in the device's queueing discipline meanwhile were made for the old
//! configuration. The steering programs know them, too, and the filter lets them through for a while
//! ([`GRACE`]).

use std::collections::BTreeSet;
use std::os::fd::BorrowedFd;
use std::sync::Mutex;
use std::time::Duration;

use rustix::io::Errno;
use tunrss_bpf::{Driver, FILTER, Object, RETURN_QUEUE, ReportMode, STEER, State, SteeringMode};
use tunrss_hash::SteeringConfig;

use super::Settings;
use super::find::{self, Held, InForce, Programs};
use super::inspection::is_other_user;
use crate::device::{Device, MAX_QUEUES};
use crate::error::{Error, Result};
use crate::hook::{Attached, Hook};
use crate::load::{self, Loaded};
use crate::lock::Lock;
use crate::sys::{self, ioctl};
use crate::unwaited::try_lock;

/// Whether a device may be set by a process that may not look at what was set before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Must,
    IfAllowed,
}

/// Put `config` in force. Returns the id of the program that carries it.
pub(super) fn install<T: AsRef<[u16]>>(
    device: &Device,
    control: Option<BorrowedFd<'_>>,
    config: &SteeringConfig<T>,
    settings: &Settings,
    look: Look,
) -> Result<u32> {
    install_locked(&Lock::to_change(device)?, device, control, config, settings, look)
}

/// The same for a caller that has the device's lock.
pub(super) fn install_locked<T: AsRef<[u16]>>(
    _lock: &Lock,
    device: &Device,
    control: Option<BorrowedFd<'_>>,
    config: &SteeringConfig<T>,
    settings: &Settings,
    look: Look,
) -> Result<u32> {
    let see = || -> Result<_> {
        let programs = Programs::of(device)?;
        let before = before(device, &programs, settings)?;
        Ok((programs, before))
    };
    let found = match see() {
        // Looking takes a privilege that loading does not. Who may do neither is told of loading.
        Err(error) if error.is_permission() => Err(error),
        result => Ok(result?),
    };
    let before = found.as_ref().ok().and_then(|(_, before)| before.as_ref());
    let prefixed = before.filter(|before| is_prefixed(before));
    let state = State {
        driver: device.driver(),
        steering: settings.steering,
        counter_cpus: if settings.counters { possible_cpus() } else { 0 },
        guarded_from: match prefixed {
            _ if settings.beside_others => State::UNGUARDED,
            Some(before) if is_guarded(before) => before.state.guarded_from,
            _ => 0,
        },
        target: find::target(device)?,
        owner: settings.owner.clone(),
        ..State::new(config, device.link(), settings.report)
    };
    if state.driver == Driver::Macvtap && state.report == ReportMode::Kernel {
        return Err(Error::NoKernelReport { name: device.name().clone() });
    }
    let loaded = Loaded::new(&Object::new(&state)?)?;
    let (programs, before) = match found {
        Ok(found) => found,
        Err(_) if look == Look::IfAllowed => (unseen(device, settings)?, None),
        Err(error) => return Err(error),
    };
    let change = Change { device, control, settings, programs, before, loaded };
    match (state.driver, state.report, state.steering) {
        (Driver::Macvtap, ..) => change.put_on_hook().map(drop)?,
        (Driver::Tun, ReportMode::Kernel, SteeringMode::Rss) => change.rss_with_prefix()?,
        (Driver::Tun, ReportMode::Kernel, SteeringMode::Automatic) => {
            change.automatic_with_prefix()?;
        }
        (Driver::Tun, _, SteeringMode::Rss) => change.rss()?,
        (Driver::Tun, _, SteeringMode::Automatic) => change.automatic()?,
    }
    if let Err(error) = change.retire_others() {
        // What is asked for is in force all the same.
        log::warn!("{}: {error}", device.name());
    }
    warn_of_others(device, &change.programs, change.before.as_ref());
    Ok(change.loaded.bearer_id())
}

/// Take away what is in force, if `is_meant`. Returns whether there was anything.
pub(super) fn remove(
    device: &Device,
    control: Option<BorrowedFd<'_>>,
    settings: &Settings,
    is_meant: impl FnOnce(Option<&InForce>) -> bool,
) -> Result<bool> {
    remove_locked(&Lock::to_change(device)?, device, control, settings, is_meant)
}

/// The same for a caller that has the device's lock.
pub(super) fn remove_locked(
    _lock: &Lock,
    device: &Device,
    control: Option<BorrowedFd<'_>>,
    settings: &Settings,
    is_meant: impl FnOnce(Option<&InForce>) -> bool,
) -> Result<bool> {
    let programs = Programs::of(device)?;
    let (before, is_lost) = match changeable(device, &programs, settings) {
        Err(Error::ReportLost { .. }) => (None, true),
        result => (result?, false),
    };
    if !is_meant(before.as_ref()) {
        return Ok(false);
    }
    // Also where nothing is found: programs that came with the device from another network namespace
    // are not.
    if is_filter_ours(settings, before.as_ref()) {
        set_filter(device, control, None)?;
    }
    if before.as_ref().is_some_and(is_prefixed) {
        // None that has only helped comes into force when the prefix ends.
        retire(device, programs.held()?.iter().filter(|held| held.name == STEER))?;
    }
    detach_all(device, &programs)?;
    if is_steering_ours(settings, before.as_ref()) {
        set_steering(device, control, None)?;
    }
    retire(device, programs.held()?.iter())?;
    warn_of_others(device, &programs, before.as_ref());
    Ok(before.is_some() || is_lost)
}

/// Change entries of the indirection table in force, `(index, queue)` each.
pub(super) fn set_entries(
    device: &Device,
    entries: &[(usize, u16)],
    settings: &Settings,
) -> Result<State> {
    let _lock = Lock::to_change(device)?;
    let nothing = || Error::NothingInForce { name: device.name().clone() };
    let programs = Programs::of(device)?;
    let found = changeable(device, &programs, settings)?;
    warn_of_others(device, &programs, found.as_ref());
    let InForce { program, state, .. } = found.ok_or_else(nothing)?;
    let len = state.config.table().len();
    for &(index, queue) in entries {
        check_queue(queue)?;
        if index >= len {
            return Err(Error::EntryIndex { name: device.name().clone(), index, len });
        }
    }
    program.set_entries(entries).map_err(|source| device.unreadable(source))?;
    program.state().map_err(|source| device.unreadable(source))
}

/// Whether this owner may change what is in force.
pub(super) fn check_changeable(device: &Device, settings: &Settings) -> Result<()> {
    let _lock = Lock::to_look(device);
    before(device, &Programs::of(device)?, settings).map(drop)
}

/// What is in force, if this owner may change it.
fn changeable(
    device: &Device,
    programs: &Programs<'_>,
    settings: &Settings,
) -> Result<Option<InForce>> {
    let found = programs.in_force()?;
    if settings.force {
        return Ok(found);
    }
    let name = device.name().clone();
    match &found {
        Some(InForce { state, .. }) if state.owner != settings.owner => {
            Err(Error::OwnedByOther { name, owner: state.owner.clone() })
        }
        Some(_) => Ok(found),
        None => check_foreign(device, settings).map(|()| None),
    }
}

/// No program of another process is seen to steer the device, or that does not matter.
fn check_foreign(device: &Device, settings: &Settings) -> Result<()> {
    if settings.force || settings.beside_others {
        return Ok(());
    }
    let name = device.name().clone();
    device
        .foreign()
        .into_iter()
        .next()
        .map_or(Ok(()), |foreign| Err(Error::Foreign { name, foreign }))
}

/// The same for somebody who replaces it. A configuration that has lost a part can be replaced by anybody.
fn before(
    device: &Device,
    programs: &Programs<'_>,
    settings: &Settings,
) -> Result<Option<InForce>> {
    match changeable(device, programs, settings) {
        Err(Error::ReportLost { .. }) => Ok(None),
        result => result,
    }
}

/// The programs of a device that this process may change but not look at. What was set before has no
/// report program, or this is refused; so a change is one step all the same, but from a steering
/// program to report mode `kernel`, where the kernel spreads packets for a moment.
fn unseen<'a>(device: &'a Device, settings: &Settings) -> Result<Programs<'a>> {
    let programs = Programs::unseen(device)?;
    check_foreign(device, settings)?;
    log::warn!(
        "{}: earlier settings, and whose they are, cannot be looked for (that takes CAP_SYS_ADMIN): \
         if there were any, they are replaced",
        device.name()
    );
    Ok(programs)
}

/// Warn of what another user's processes have loaded for the device, and of what they only claim.
fn warn_of_others(device: &Device, programs: &Programs<'_>, before: Option<&InForce>) {
    let name = device.name();
    if let Some(InForce { program, state, .. }) = before
        && is_other_user(program.uid)
    {
        log::warn!("{name}: what was set by {} was loaded by user {}", state.owner, program.uid);
    }
    let mut told = try_lock(&TOLD);
    for claim in programs.claims() {
        // A daemon sets devices as often as its guests ask for it.
        if told.as_mut().is_none_or(|told| told.insert(claim.program)) {
            log::warn!("{name}: {claim}: this is not believed");
        }
    }
}

/// The programs whose claims this process has warned of.
static TOLD: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// The steps from one configuration to another.
struct Change<'a> {
    device: &'a Device,
    control: Option<BorrowedFd<'a>>,
    settings: &'a Settings,
    programs: Programs<'a>,
    before: Option<InForce>,
    loaded: Loaded,
}

impl Change<'_> {
    fn rss_with_prefix(&self) -> Result<()> {
        let needs_noted_queue = match &self.before {
            // Its steering program knows frames with prefix and without, if it is still there.
            Some(before) if is_rss(before) && self.has_steering()? => {
                is_prefixed(before) && now() >= before.state.guarded_from
            }
            _ => true,
        };
        if needs_noted_queue {
            set_steering(self.device, self.control, Some(self.loaded.program(RETURN_QUEUE)?))?;
        }
        self.prefix()
    }

    fn automatic_with_prefix(&self) -> Result<()> {
        self.prefix()?;
        self.no_steering()
    }

    /// Have frames prefixed, and those without dropped. If that is refused, all is as it was.
    fn prefix(&self) -> Result<()> {
        let was_prefixed = self.was_prefixed();
        let is_to_be_guarded = !self.settings.beside_others;
        if is_to_be_guarded && !self.before.as_ref().is_some_and(is_guarded) {
            // Loading has taken its time, so the grace starts here.
            let until = now() + GRACE.as_nanos() as u64;
            let set = self.loaded.set_guarded_from(until);
            set.map_err(|source| self.device.unreadable(source))?;
        }
        let guard = || {
            if is_to_be_guarded {
                set_filter(self.device, self.control, Some(self.loaded.program(FILTER)?))
            } else {
                self.no_filter()
            }
        };
        let result = self.put_on_hook().and_then(|attached| {
            let result = guard();
            if result.is_err() && !was_prefixed {
                let program = self.loaded.program(find::attached_name(self.device.driver()))?;
                find::attach_point(self.device).detach_loaded(&attached, program)?;
            }
            result
        });
        if result.is_err() && !was_prefixed {
            for program in find::on_hook(self.device)? {
                if !self.before.as_ref().is_some_and(|before| before.attached == program.attached) {
                    detach(self.device, &program)?;
                }
            }
            let has_set_steering = self.settings.steering == SteeringMode::Rss;
            if !self.before.as_ref().is_some_and(is_rss)
                && (has_set_steering || !self.settings.beside_others)
            {
                set_steering(self.device, self.control, None)?;
            }
        }
        result
    }

    fn rss(&self) -> Result<()> {
        set_steering(self.device, self.control, Some(self.loaded.program(STEER)?))?;
        self.no_filter()?;
        detach_all(self.device, &self.programs)
    }

    fn automatic(&self) -> Result<()> {
        self.no_filter()?;
        if self.was_prefixed() {
            // None that has only helped comes into force when the prefix ends.
            self.retire_others()?;
        }
        self.put_on_hook()?;
        self.no_steering()
    }

    /// Have the kernel steer, or whoever did before.
    fn no_steering(&self) -> Result<()> {
        if is_steering_ours(self.settings, self.before.as_ref()) {
            set_steering(self.device, self.control, None)?;
        }
        Ok(())
    }

    /// Have no frame dropped, but by a filter of somebody else.
    fn no_filter(&self) -> Result<()> {
        if is_filter_ours(self.settings, self.before.as_ref()) {
            set_filter(self.device, self.control, None)?;
        }
        Ok(())
    }

    /// Whether the device has a steering program of an earlier change.
    fn has_steering(&self) -> Result<bool> {
        let is_it = |held: &Held| held.is_steering() && !self.loaded.has(held.program.id);
        Ok(self.programs.held()?.iter().any(is_it))
    }

    fn was_prefixed(&self) -> bool {
        self.before.as_ref().is_some_and(is_prefixed)
    }

    /// Attach the program in the place of the one before, if that is on the same hook. A tcx program
    /// goes before any in clsact, so that a change of hooks is one step, too.
    fn put_on_hook(&self) -> Result<Attached> {
        let point = find::attach_point(self.device);
        let existing = find::on_hook(self.device)?;
        let program = self.loaded.program(find::attached_name(self.device.driver()))?;
        let in_place = existing
            .iter()
            .filter_map(|found| found.attached.as_ref())
            .find(|attached| self.settings.hook.is_none_or(|hook| hook == attached.hook()));
        let attached = match (in_place, self.settings.hook) {
            (Some(attached), _) => point.replace(attached, program)?,
            (None, Some(hook)) => point.attach(hook, program)?,
            (None, None) => match point.attach(Hook::Tcx, program) {
                // A kernel before 6.6.
                Err(Error::Hook { errno: Some(EINVAL), .. }) => {
                    point.attach(Hook::Clsact, program)?
                }
                result => result?,
            },
        };
        for other in existing.iter().rev().filter(|other| other.attached.as_ref() != in_place) {
            detach(self.device, other)?;
        }
        Ok(attached)
    }

    /// Note in the steering programs of earlier changes that they are not what is in force: one may
    /// stay with the device to help a report program, and the kernel keeps it a moment longer than
    /// the device does.
    fn retire_others(&self) -> Result<()> {
        let is_other = |held: &&Held| held.name == STEER && !self.loaded.has(held.program.id);
        retire(self.device, self.programs.held()?.iter().filter(is_other))
    }
}

/// A filter program shares what it notes with its report program: that is retired with it.
fn retire<'a>(device: &Device, programs: impl Iterator<Item = &'a Held>) -> Result<()> {
    for Held { program, .. } in programs {
        match program.retire() {
            // It went away since it was found.
            Err(source) if load::is_gone(&*source) => {}
            result => result.map_err(|source| device.unreadable(source))?,
        }
    }
    Ok(())
}

/// The one in force last, so that none of those that were left behind comes into force.
fn detach_all(device: &Device, programs: &Programs<'_>) -> Result<()> {
    programs.on_hook().iter().rev().try_for_each(|program| detach(device, program))
}

fn detach(device: &Device, program: &InForce) -> Result<()> {
    match &program.attached {
        Some(attached) => find::attach_point(device).detach(attached).map(drop),
        None => Ok(()),
    }
}

fn is_prefixed(before: &InForce) -> bool {
    before.attached.is_some() && before.state.report == ReportMode::Kernel
}

/// Whether frames without prefix are dropped.
fn is_guarded(before: &InForce) -> bool {
    is_prefixed(before) && before.state.guarded_from != State::UNGUARDED
}

/// Whether the device's steering program is ours.
fn is_rss(before: &InForce) -> bool {
    before.state.steering == SteeringMode::Rss
}

/// Whether the device's filter program, if it has one, is ours to take away.
fn is_filter_ours(settings: &Settings, before: Option<&InForce>) -> bool {
    !settings.beside_others || before.is_some_and(is_guarded)
}

/// Whether the device's steering program, if it has one, is ours to take away.
fn is_steering_ours(settings: &Settings, before: Option<&InForce>) -> bool {
    !settings.beside_others || (!settings.steered_by_other && before.is_some_and(is_rss))
}

/// Nanoseconds of `CLOCK_MONOTONIC`, as programs see them.
fn now() -> u64 {
    sys::clock::monotonic().as_nanos() as u64
}

/// Whether a device can have a queue of this number.
pub(super) fn check_queue(queue: u16) -> Result<()> {
    if usize::from(queue) < MAX_QUEUES { Ok(()) } else { Err(Error::QueueNumber { queue }) }
}

fn set_steering(
    device: &Device,
    control: Option<BorrowedFd<'_>>,
    program: Option<BorrowedFd<'_>>,
) -> Result<()> {
    // Without a descriptor the device has no such programs.
    let Some(control) = control else { return Ok(()) };
    ioctl::set_steering(control, program)
        .map_err(|source| device.refused("the steering program", source))
}

fn set_filter(
    device: &Device,
    control: Option<BorrowedFd<'_>>,
    program: Option<BorrowedFd<'_>>,
) -> Result<()> {
    let Some(control) = control else { return Ok(()) };
    ioctl::set_filter(control, program)
        .map_err(|source| device.refused("the filter program", source))
}

/// How many CPUs this machine may have while it runs, and so may count packets.
pub fn possible_cpus() -> u16 {
    // Ranges and single numbers, ascending, from 0.
    let ranges = std::fs::read_to_string("/sys/devices/system/cpu/possible").unwrap_or_default();
    let highest = ranges.trim().rsplit([',', '-']).next().and_then(|last| last.parse().ok());
    highest.map_or(u16::MAX, |highest: u16| highest.saturating_add(1))
}

/// How long frames that were made without prefix can be under way: they are let through.
const GRACE: Duration = Duration::from_secs(1);

const EINVAL: i32 = Errno::INVAL.raw_os_error();
