//! `tunrss delete`: removes a device that nobody holds.

use tunrss::{Device, Kind};

use super::{Done, holders};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use crate::plan::DeletePlan;

pub(crate) fn run(plan: DeletePlan, output: &mut Output) -> Result<Exit, CliError> {
    let DeletePlan { device: name, force, dry_run } = plan;
    let device = Device::open(&name)?;
    let name = device.name().clone();
    check_deletable(&device, force)?;
    if !dry_run {
        device.delete()?;
    }
    if output.is_json() {
        output.object(&Done { command: "delete", dry_run, device: name.to_string() })?;
    } else {
        let did = if dry_run { "would delete" } else { "deleted" };
        output.text(format_args!("{did} device {name}\n"))?;
    }
    Ok(Exit::Done)
}

fn check_deletable(device: &Device, force: bool) -> Result<(), CliError> {
    let name = device.name().clone();
    if device.kind() == Kind::Macvtap {
        return Err(CliError::DeleteMacvtap { name });
    }
    if force || !device.is_held()? {
        return Ok(());
    }
    let holder = holders::in_words(device)?;
    // The kernel tells that there is one.
    let unseen = || "a process that cannot be looked at, or that has its queues detached".into();
    let holder = holder.unwrap_or_else(unseen);
    Err(CliError::DeleteHeld { name, holder })
}
