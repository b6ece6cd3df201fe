//! `tunrss create`: a persistent multi-queue TAP device.

use serde::Serialize;
use tunrss::Device;

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use crate::plan::CreatePlan;

pub(crate) fn run(plan: CreatePlan, output: &mut Output) -> Result<Exit, CliError> {
    let CreatePlan { device: name, queues, dry_run } = plan;
    if !dry_run {
        let (device, _queues) = Device::create(&name, queues.into())?;
        device.set_intended_queues(queues.into())?;
        device.set_persistent(true)?;
    }
    if output.is_json() {
        let device = name.to_string();
        output.object(&Answer { command: "create", dry_run, device, queues })?;
    } else {
        let did = if dry_run { "would create" } else { "created" };
        output.text(format_args!("{did} TAP device {name} with {queues} queues\n"))?;
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Answer {
    command: &'static str,
    dry_run: bool,
    device: String,
    queues: u16,
}
