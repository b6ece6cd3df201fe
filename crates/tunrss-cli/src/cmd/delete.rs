//! `tunrss delete`: removes a device.

use tunrss::Device;

use super::Done;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use crate::plan::DeletePlan;

pub(crate) fn run(plan: DeletePlan, output: &mut Output) -> Result<Exit, CliError> {
    let DeletePlan { device: name, dry_run } = plan;
    let device = Device::open(&name)?;
    let name = device.name().clone();
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
