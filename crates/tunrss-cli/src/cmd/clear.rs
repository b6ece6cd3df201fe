//! `tunrss clear`: removes a device's steering and hash report.

use serde::Serialize;
use tunrss::Device;

use super::{Done, check_owner};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use crate::plan::ClearPlan;

pub(crate) fn run(plan: ClearPlan, output: &mut Output) -> Result<Exit, CliError> {
    let ClearPlan { device: name, settings, dry_run } = plan;
    let device = Device::open(&name)?;
    let name = device.name().clone();
    let was_steered = if dry_run {
        check_owner(&device, &settings)?;
        // What is left of it would be removed as well.
        device.inspect()?.state.is_some()
    } else {
        device.clear_as(&settings)?
    };
    if output.is_json() {
        let done = Done { command: "clear", dry_run, device: name.to_string() };
        output.object(&Answer { done, was_steered })?;
    } else {
        let did = match (was_steered, dry_run) {
            (true, true) => "would remove steering and hash report of",
            (true, false) => "removed steering and hash report of",
            (false, _) => "nothing of tunrss was set on",
        };
        output.text(format_args!("{did} device {name}\n"))?;
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    done: Done,
    /// Whether there was anything of ours.
    was_steered: bool,
}
