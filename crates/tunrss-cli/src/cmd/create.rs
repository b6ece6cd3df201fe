//! `tunrss create`: a persistent multi-queue TAP or TUN device.

use serde::Serialize;
use tunrss::hash::VnetHdrLen;
use tunrss::{Device, Error, IfName};

use super::Done;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use crate::plan::CreatePlan;

pub(crate) fn run(plan: CreatePlan, output: &mut Output) -> Result<Exit, CliError> {
    let options = plan.options();
    let CreatePlan { device: name, kind, queues, vnet_hdr, packet_information, dry_run } = plan;
    if dry_run {
        check_is_free(&name)?;
    } else {
        let (device, _queues) = Device::create_with(&name, options)?;
        device.set_intended_queues(queues.into())?;
        device.set_persistent(true)?;
    }
    if output.is_json() {
        let done = Done { command: "create", dry_run, device: name.to_string() };
        let kind = kind.to_string().to_lowercase();
        let vnet_hdr = vnet_hdr.map(VnetHdrLen::len);
        output.object(&Answer { done, kind, queues, vnet_hdr, packet_information })?;
    } else {
        let did = if dry_run { "would create" } else { "created" };
        let plural = if queues == 1 { "" } else { "s" };
        output.text(format_args!("{did} {kind} device {name} with {queues} queue{plural}\n"))?;
    }
    Ok(Exit::Done)
}

/// Refuse a name that is taken, as creating the device would.
fn check_is_free(name: &IfName) -> Result<(), CliError> {
    match Device::open(name) {
        Err(Error::NoDevice { .. }) => Ok(()),
        Ok(_) => Err(Error::Exists { name: name.clone() }.into()),
        Err(error) => Err(error.into()),
    }
}

#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    done: Done,
    /// "tap" or "tun".
    kind: String,
    queues: u16,
    /// Bytes of virtio-net header.
    vnet_hdr: Option<usize>,
    packet_information: bool,
}
