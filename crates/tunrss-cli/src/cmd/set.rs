//! `tunrss set`: a device's steering and hash report.

use serde::Serialize;
use tunrss::{Device, IfName, ReportMode, Settings, State, SteeringMode};

use super::show::Steering;
use super::{Done, check_owner, lost_udp_segments};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Output, table_rows};
use crate::plan::{Change, ConfigPlan, SetPlan, TablePlan};

pub(crate) fn run(plan: SetPlan, output: &mut Output) -> Result<Exit, CliError> {
    let SetPlan { device: name, change, settings, dry_run } = plan;
    let device = Device::open(&name)?;
    let name = device.name().clone();
    // Said first: naming queues, or having them opened, would not help.
    if !device.is_multi_queue() {
        return Err(tunrss::Error::SingleQueue { name }.into());
    }
    let queues = known_queues(&device)?;
    if let Change::Config(config) = &change
        && config.table == TablePlan::DeviceQueues
        && settings.steering == SteeringMode::Rss
        && let Some(warning) = differing_queues(&device)?
    {
        output.warn(&warning)?;
    }
    if dry_run {
        check_owner(&device, &settings)?;
    }
    let state = match change {
        Change::Config(config) => set_config(&device, &config, queues, settings, dry_run)?,
        Change::Entries(entries) if dry_run => {
            let nothing = || tunrss::Error::NothingInForce { name: name.clone() };
            let mut state = device.steering()?.ok_or_else(nothing)?;
            state.set_entries(&entries).map_err(|_| entry_beyond(&name, &state, &entries))?;
            state
        }
        Change::Entries(entries) => device.set_entries_as(&entries, &settings)?,
    };
    let highest = state.config.highest_queue();
    let is_rss = state.steering == SteeringMode::Rss;
    if is_rss && queues.is_none_or(|queues| highest >= queues) {
        output.warn(&beyond(&name, highest, queues))?;
    }
    if !dry_run {
        let conflicts = match device.conflicts() {
            // Setting it took less, with a warning.
            Err(error) if error.is_permission() => vec![],
            result => result?,
        };
        for conflict in conflicts {
            output.warn(&conflict.to_string())?;
        }
    }
    if state.report == ReportMode::Kernel
        && let Some(lost) = lost_udp_segments(&device)
    {
        output.warn(&lost)?;
    }
    if output.is_json() {
        let done = Done { command: "set", dry_run, device: name.to_string() };
        output.object(&Answer { done, set: Steering::new(&state) })?;
        return Ok(Exit::Done);
    }
    let did = if dry_run { "would set" } else { "set" };
    let types = state.config.types();
    let report = state.report;
    let queues = match state.steering {
        SteeringMode::Rss => format!("queues up to {highest}"),
        SteeringMode::Automatic => "queues as the kernel chooses".into(),
    };
    output.text(format_args!(
        "{did} the steering of device {name}: types {types}, {queues}, report {report}\n",
    ))?;
    if dry_run {
        let config = &state.config;
        output.text(format_args!(
            "tunnels {}\nxfrm {}\nhkey {}\n",
            config.tunnels(),
            config.transform(),
            config.key()
        ))?;
        if is_rss {
            output.text(format_args!(
                "unclassified {}\ntable\n{}",
                config.unclassified(),
                table_rows(config.table())
            ))?;
        }
    }
    Ok(Exit::Done)
}

/// Put a configuration in force. What is in force then.
fn set_config(
    device: &Device,
    config: &ConfigPlan,
    queues: Option<u16>,
    settings: Settings,
    dry_run: bool,
) -> Result<State, CliError> {
    let is_rss = settings.steering == SteeringMode::Rss;
    if is_rss && config.table == TablePlan::DeviceQueues && queues.is_none() {
        return Err(CliError::UnknownQueues { name: device.name().clone() });
    }
    // Without a number of its own the table does not depend on it.
    let config = config.build(queues.unwrap_or(1))?;
    let state = State {
        steering: settings.steering,
        counter_cpus: u16::from(settings.counters),
        owner: settings.owner.clone(),
        ..State::new(&config, device.link(), settings.report)
    };
    if !dry_run {
        device.steer(&config, settings)?.keep();
    }
    Ok(state)
}

fn entry_beyond(name: &IfName, state: &State, entries: &[(usize, u16)]) -> tunrss::Error {
    let len = state.config.table().len();
    let index = entries.iter().map(|&(index, _)| index).find(|&index| index >= len);
    tunrss::Error::EntryIndex { name: name.clone(), index: index.unwrap_or(len), len }
}

/// How many queues the device has, if that can be known: those that are attached, or, while nobody has it
/// open, as many as `create` was told.
pub(super) fn known_queues(device: &Device) -> Result<Option<u16>, CliError> {
    let queues = match device.attached_queues()? {
        0 => device.intended_queues()?.unwrap_or(0),
        attached => attached,
    };
    Ok(u16::try_from(queues).ok().filter(|&queues| queues > 0))
}

/// A warning for a table over the device's queues if another number is attached than `create` was told.
fn differing_queues(device: &Device) -> Result<Option<String>, CliError> {
    let (attached, intended) = (device.attached_queues()?, device.intended_queues()?);
    let intended = intended.filter(|&intended| attached > 0 && attached != intended);
    Ok(intended.map(|intended| {
        let name = device.name();
        let (are, plural) = if attached == 1 { ("is", "") } else { ("are", "s") };
        format!(
            "{attached} queue{plural} of {name} {are} attached, and it was created for {intended}: the \
             table spreads over those that are attached; set it again when their number changes"
        )
    }))
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
