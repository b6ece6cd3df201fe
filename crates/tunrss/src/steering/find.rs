//! What is in force on a device, found by looking at the programs.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd;
use std::sync::{Mutex, TryLockError};

use tunrss_bpf::{Driver, FILTER, INGRESS, REPORT, ReportMode, STEER, State, Target};

use crate::device::Device;
use crate::error::{Error, Result};
use crate::hook::{AttachPoint, Attached, Direction};
use crate::load::{self, Cause, Running};
use crate::netns;
use crate::sys;

/// The configuration in force, and the program that carries it.
#[derive(Clone)]
pub(super) struct InForce {
    pub(super) program: Running,
    pub(super) state: State,
    /// Where the program is attached to the device's tc hook, if it is.
    pub(super) attached: Option<Attached>,
}

/// A steering or filter program that is loaded for a device.
pub(super) struct Held {
    pub(super) name: &'static str,
    pub(super) program: Running,
    state: State,
}

/// The programs of ours on a device and for it, each looked for once.
///
/// Whoever looks has the device's [`Lock`](crate::lock::Lock): programs are loaded before they are
/// in force, and who has the lock is the only one who changes what there is.
pub(super) struct Programs<'a> {
    device: &'a Device,
    on_hook: Vec<InForce>,
    held: OnceCell<Vec<Held>>,
}

impl<'a> Programs<'a> {
    /// Look at what is attached to the device.
    ///
    /// # Errors
    /// [`Error::ReadBack`]
    pub(super) fn of(device: &'a Device) -> Result<Self> {
        Ok(Self { device, on_hook: on_hook(device)?, held: OnceCell::new() })
    }

    /// What is in force: what packets go by, where a change has not been finished.
    ///
    /// # Errors
    /// [`Error::ReadBack`], [`Error::ReportLost`].
    pub(super) fn in_force(&self) -> Result<Option<InForce>> {
        let puts_prefix = |found: &&InForce| found.state.report == ReportMode::Kernel;
        if self.device.driver() == Driver::Tun
            && let Some(first) = self.on_hook.iter().find(puts_prefix)
        {
            return Ok(Some(first.clone()));
        }
        let held = self.held()?;
        if let Some(Held { program, state, .. }) = held.iter().rfind(|held| held.name == STEER) {
            let (program, state) = (program.clone(), state.clone());
            return Ok(Some(InForce { program, state, attached: None }));
        }
        match self.on_hook.first() {
            // It leaves packets as they are, or it is a macvtap's.
            Some(first) => Ok(Some(first.clone())),
            None if held.is_empty() => Ok(None),
            None => Err(Error::ReportLost { name: self.device.name().clone() }),
        }
    }

    /// Those that were attached to the device, in the order in which the kernel runs them.
    pub(super) fn on_hook(&self) -> &[InForce] {
        &self.on_hook
    }

    /// The steering and filter programs for the device that are loaded, the newest last: the device
    /// holds them, and while one is being replaced there are two. Looked for when they are first
    /// asked for, among all programs of the system: that is what takes longer the more there are.
    ///
    /// # Errors
    /// [`Error::ReadBack`]
    pub(super) fn held(&self) -> Result<&[Held]> {
        if self.held.get().is_none() {
            let _: std::result::Result<(), _> = self.held.set(held(self.device)?);
        }
        Ok(self.held.get().map_or(&[], Vec::as_slice))
    }
}

/// Where programs of ours are attached to the device.
pub(super) fn attach_point(device: &Device) -> AttachPoint {
    let direction = match device.driver() {
        Driver::Tun => Direction::Egress,
        Driver::Macvtap => Direction::Ingress,
    };
    AttachPoint::new(device.name(), device.index(), direction)
}

/// The program that is attached for a driver.
pub(super) fn attached_name(driver: Driver) -> &'static str {
    match driver {
        Driver::Tun => REPORT,
        Driver::Macvtap => INGRESS,
    }
}

/// Programs of ours that are attached to the device, in the order in which the kernel runs them.
/// There are several only where a change has not been finished.
pub(super) fn on_hook(device: &Device) -> Result<Vec<InForce>> {
    let name = attached_name(device.driver());
    let mut found = Vec::new();
    let attached = attach_point(device).attached();
    for attached in attached.map_err(|error| device.unreadable(error.into()))? {
        let (Some(id), true) = (attached.program_id(), attached.program_name() == Some(name))
        else {
            continue;
        };
        let look = || -> std::result::Result<_, Cause> {
            let program = Running::with_id(id)?;
            let state = program.state()?;
            Ok((program, state))
        };
        match look() {
            Ok((program, state)) => {
                found.push(InForce { program, state, attached: Some(attached) });
            }
            // Another process has replaced it while we looked, or it only has the name of ours.
            Err(error) if load::is_gone(&*error) || load::errno(&*error).is_none() => {}
            Err(error) => return Err(device.unreadable(error)),
        }
    }
    Ok(found)
}

fn held(device: &Device) -> Result<Vec<Held>> {
    if device.driver() == Driver::Macvtap {
        return Ok(Vec::new());
    }
    let target = target(device)?;
    let unreadable = |source: io::Error| device.unreadable(source.into());
    // Without it all programs are looked at. To wait would be for ever in the child of a process that was
    // forked while another of its threads had it.
    let mut known = match KNOWN.try_lock() {
        Ok(known) => Some(known),
        Err(TryLockError::Poisoned(known)) => Some(known.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    };
    let mut seen = BTreeMap::new();
    let mut found = Vec::new();
    let mut last = 0;
    while let Some(id) = sys::bpf::program_after(last).map_err(unreadable)? {
        last = id;
        if let Some(&other) = known.as_ref().and_then(|known| known.get(&id))
            && other != Some(target)
        {
            seen.insert(id, other);
            continue;
        }
        let info =
            sys::bpf::program_by_id(id).and_then(|program| sys::bpf::program_info(program.as_fd()));
        let info = match info {
            Ok(info) => info,
            // It went away while we looked.
            Err(source) if load::is_gone(&source) => continue,
            Err(source) => return Err(unreadable(source)),
        };
        let Some(name) = [STEER, FILTER].into_iter().find(|name| info.name == *name) else {
            seen.insert(id, None);
            continue;
        };
        let program = Running::from(info);
        match program.state() {
            Ok(state) => {
                seen.insert(id, Some(state.target));
                if state.target == target {
                    found.push(Held { name, program, state });
                }
            }
            // Taken from its device, or not ours: a name proves nothing.
            Err(error) if load::errno(&*error).is_none() => {
                seen.insert(id, None);
            }
            // It cannot be read, or went away.
            Err(_) => {}
        }
    }
    if let Some(known) = &mut known {
        **known = seen;
    }
    Ok(found)
}

/// The devices that loaded programs are for, by the programs' ids, as this process has seen them
/// last; `None` if it is no steering or filter program in force. A program's device never changes,
/// nor does a retired one come back, so those of others need not be looked at again: of 1,000
/// devices' programs all but one.
static KNOWN: Mutex<BTreeMap<u32, Option<Target>>> = Mutex::new(BTreeMap::new());

/// What programs for the device say that they are for.
pub(super) fn target(device: &Device) -> Result<Target> {
    let action = "identify the network namespace";
    let netns = netns::id().map_err(|source| Error::Netns { action, source })?;
    Ok(Target { netns, index: device.index() })
}
