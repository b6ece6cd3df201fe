//! The commands: each does what its plan says.

mod capture;
mod clear;
mod compile;
mod create;
mod delete;
mod demo;
mod doctor;
mod explain;
mod hash;
mod holders;
mod set;
mod show;
mod simulate;

use serde::Serialize;
use tunrss::{Device, Settings};

pub(crate) use self::demo::MAX_FLOWS;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use crate::plan::Plan;

/// What a command that changes a device says of it; in JSON beside what is its own.
#[derive(Serialize)]
struct Done {
    command: &'static str,
    dry_run: bool,
    device: String,
}

/// Refuse, of what is only tried, what would be refused for whose the device is, as far as this
/// process may see that.
fn check_owner(device: &Device, settings: &Settings) -> Result<(), CliError> {
    match device.check_changeable(settings) {
        Err(error) if error.is_permission() => Ok(()),
        result => Ok(result?),
    }
}

/// A warning if report mode `kernel` loses something that this host itself sends into the device. None
/// if that cannot be found out.
fn lost_udp_segments(device: &Device) -> Option<String> {
    let name = device.name();
    device.loses_udp_segments().unwrap_or(false).then(|| {
        format!(
            "in report mode kernel, what UDP sockets of this host send with UDP_SEGMENT over IPv4 \
             straight into {name} is lost, since the device has no checksum offload; put the IPv4 \
             address on a bridge that {name} is a port of, or have the program that \
             reads {name} turn checksum offload on (TUNSETOFFLOAD)"
        )
    })
}

/// Do what `plan` says.
pub(crate) fn run(plan: Plan, output: &mut Output) -> Result<Exit, CliError> {
    match plan {
        Plan::Demo(plan) => demo::run(plan, output),
        Plan::Create(plan) => create::run(plan, output),
        Plan::Delete(plan) => delete::run(plan, output),
        Plan::Set(plan) => set::run(plan, output),
        Plan::Show(plan) => show::run(plan, output),
        Plan::Clear(plan) => clear::run(plan, output),
        Plan::Capture(plan) => capture::run(plan, output),
        Plan::Hash(plan) => hash::run(plan, output),
        Plan::Explain(plan) => explain::run(plan, output),
        Plan::Simulate(plan) => simulate::run(plan, output),
        Plan::Compile(plan) => compile::run(plan, output),
        Plan::Doctor(plan) => doctor::run(plan, output),
    }
}
