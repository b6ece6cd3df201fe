//! `tunrss show`: a device's steering, in the shape of `ethtool -x`.

use std::fmt::Write;

use serde::Serialize;
use tunrss::hash::HashTypes;
use tunrss::{Config, Device, ReportMode, State};

use super::set::known_queues;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Output, table_rows};
use crate::plan::ShowPlan;

pub(crate) fn run(plan: ShowPlan, output: &mut Output) -> Result<Exit, CliError> {
    let device = Device::open(&plan.device)?;
    let queues = device.attached_queues()?;
    let steering = device.steering()?;
    if output.is_json() {
        let intended_queues = device.intended_queues()?;
        let steering = steering.map(|state| Steering::new(&state.config, state.report));
        let device = plan.device.to_string();
        output.object(&Answer { device, queues, intended_queues, steering })?;
    } else {
        match steering {
            Some(state) => {
                // As many as it will have: before anybody opens it, none are attached.
                let rings = known_queues(&device)?.unwrap_or(0);
                output.text(text(&plan.device, rings, &state))?;
            }
            None => {
                let of = match device.intended_queues()? {
                    Some(intended) => format!("{queues} of {intended}"),
                    None => queues.to_string(),
                };
                let name = &plan.device;
                output.text(format_args!(
                    "{name} has no steering by tunrss; queues attached: {of}\n"
                ))?;
            }
        }
    }
    Ok(Exit::Done)
}

/// The lines of `ethtool -x`, then what it has no lines for.
fn text(device: &tunrss::IfName, rings: u16, state: &State) -> String {
    let State { config, report, .. } = state;
    let mut text =
        format!("RX flow hash indirection table for {device} with {rings} RX ring(s):\n");
    text += &table_rows(config.table());
    // Writing to a string does not fail.
    let _ = write!(text, "RSS hash key:\n{}\n", config.key());
    text += "RSS hash function:\n    toeplitz: on\n";
    text += "RSS hash types:\n";
    for (name, one) in HashTypes::NAMES {
        let state = if config.types().contains(one) { "on" } else { "off" };
        let _ = writeln!(text, "    {name}: {state}");
    }
    let _ = write!(text, "Unclassified queue: {}\nHash report: {report}\n", config.unclassified());
    text
}

#[derive(Serialize)]
struct Answer {
    device: String,
    /// Attached now.
    queues: usize,
    /// As `create` was told.
    intended_queues: Option<usize>,
    steering: Option<Steering>,
}

/// A configuration in the words of `set`.
#[derive(Serialize)]
pub(super) struct Steering {
    types: String,
    hkey: String,
    table: Vec<u16>,
    unclassified: u16,
    report: &'static str,
}

impl Steering {
    pub(super) fn new(config: &Config, report: ReportMode) -> Self {
        Self {
            types: config.types().to_string(),
            hkey: config.key().to_string(),
            table: config.table().to_vec(),
            unclassified: config.unclassified(),
            report: report.name(),
        }
    }
}
