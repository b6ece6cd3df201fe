//! What is in force on a device, found by looking at the programs.

use aya::programs::loaded_programs;
use tunrss_bpf::{Driver, FILTER, INGRESS, REPORT, ReportMode, STEER, State, Target};

use crate::device::Device;
use crate::error::{Error, Result};
use crate::hook::{AttachPoint, Attached, Direction};
use crate::load::{self, Cause, Running};
use crate::netns;

/// The configuration in force, and the program that carries it.
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

/// What is in force on the device: what packets go by, where a change has not been finished.
///
/// Whoever asks has the device's [`Lock`](crate::lock::Lock): programs are loaded before they are
/// in force.
///
/// # Errors
/// [`Error::ReadBack`], [`Error::ReportLost`].
pub(super) fn in_force(device: &Device) -> Result<Option<InForce>> {
    let mut on_hook = on_hook(device)?;
    let puts_prefix = |found: &InForce| found.state.report == ReportMode::Kernel;
    if device.driver() == Driver::Tun
        && let Some(first) = on_hook.iter().position(puts_prefix)
    {
        return Ok(Some(on_hook.swap_remove(first)));
    }
    let mut held = held(device)?;
    if let Some(newest) = held.iter().rposition(|held| held.name == STEER) {
        let Held { program, state, .. } = held.swap_remove(newest);
        return Ok(Some(InForce { program, state, attached: None }));
    }
    match on_hook.into_iter().next() {
        // It leaves packets as they are, or it is a macvtap's.
        Some(first) => Ok(Some(first)),
        None if held.is_empty() => Ok(None),
        None => Err(Error::ReportLost { name: device.name().clone() }),
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

/// The steering and filter programs for `device` that are loaded, by name, the newest last: the
/// device holds them, and while one is being replaced there are two.
pub(super) fn held(device: &Device) -> Result<Vec<Held>> {
    if device.driver() == Driver::Macvtap {
        return Ok(Vec::new());
    }
    let target = target(device)?;
    let mut found = Vec::new();
    for program in loaded_programs() {
        let program = match program {
            Ok(program) => program,
            // It went away while we looked.
            Err(source) if load::is_gone(&source) => continue,
            Err(source) => return Err(device.unreadable(source.into())),
        };
        let is_named = |name: &&str| program.name() == name.as_bytes();
        let Some(name) = [STEER, FILTER].into_iter().find(is_named) else { continue };
        let Ok(running) = Running::try_from(&program) else { continue };
        match running.state() {
            Ok(state) if state.target == target => {
                found.push(Held { name, program: running, state });
            }
            // For another device, or taken from its own, or not ours: a name proves nothing.
            Ok(_) | Err(_) => {}
        }
    }
    found.sort_by_key(|held| held.program.id);
    Ok(found)
}

/// What programs for the device say that they are for.
pub(super) fn target(device: &Device) -> Result<Target> {
    let action = "identify the network namespace";
    let netns = netns::id().map_err(|source| Error::Netns { action, source })?;
    Ok(Target { netns, index: device.index() })
}
