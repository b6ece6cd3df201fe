//! `tunrss set`: a device's steering and hash report.

use serde::Serialize;
use tunrss::{Device, IfName};

use super::Done;
use super::show::Steering;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Output, table_rows};
use crate::plan::{SetPlan, TablePlan};

pub(crate) fn run(plan: SetPlan, output: &mut Output) -> Result<Exit, CliError> {
    let SetPlan { device: name, config, report, dry_run } = plan;
    let device = Device::open(&name)?;
    // Said first: naming queues, or having them opened, would not help.
    if !device.is_multi_queue() {
        return Err(tunrss::Error::SingleQueue { name }.into());
    }
    let queues = known_queues(&device)?;
    if config.table == TablePlan::DeviceQueues && queues.is_none() {
        return Err(CliError::UnknownQueues { name });
    }
    // Without a number of its own the table does not depend on it.
    let config = config.build(queues.unwrap_or(1))?;
    if !dry_run {
        device.steer(&config, report)?.keep();
    }
    let highest = config.highest_queue();
    if queues.is_none_or(|queues| highest >= queues) {
        output.warn(&beyond(&name, highest, queues))?;
    }
    if output.is_json() {
        let done = Done { command: "set", dry_run, device: name.to_string() };
        let answer = Answer { done, set: Steering::new(&config, report) };
        output.object(&answer)?;
        return Ok(Exit::Done);
    }
    let did = if dry_run { "would set" } else { "set" };
    output.text(format_args!(
        "{did} the steering of device {name}: types {}, queues up to {highest}, report {report}\n",
        config.types(),
    ))?;
    if dry_run {
        output.text(format_args!(
            "hkey {}\nunclassified {}\ntable\n{}",
            config.key(),
            config.unclassified(),
            table_rows(config.table())
        ))?;
    }
    Ok(Exit::Done)
}

/// How many queues the device has or is meant to have, if that can be known: one that `create` was
/// not told about has as many as are attached, and one that nobody has open has none.
pub(super) fn known_queues(device: &Device) -> Result<Option<u16>, CliError> {
    let attached = device.attached_queues()?;
    let queues = device.intended_queues()?.unwrap_or(0).max(attached);
    Ok(u16::try_from(queues).ok().filter(|&queues| queues > 0))
}

fn beyond(name: &IfName, highest: u16, queues: Option<u16>) -> String {
    let has = match queues {
        Some(1) => "has one queue (0)".into(),
        Some(queues) => format!("has {queues} queues (0 to {})", queues - 1),
        None => "has no queue attached yet".into(),
    };
    format!(
        "the configuration names queue {highest}, and {name} {has}; until more are attached, a \
         queue number is taken modulo those that are"
    )
}

#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    done: Done,
    #[serde(flatten)]
    set: Steering,
}
