//! `tunrss doctor`: what this host can do, what is missing, and how to get it.

use serde::Serialize;
use tunrss::caps::{self, Capabilities};
use tunrss::hook::Effect;
use tunrss::{Device, Error, IfName, ReportMode};

use super::show::Status;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use crate::plan::DoctorPlan;

pub(crate) fn run(plan: DoctorPlan, output: &mut Output) -> Result<Exit, CliError> {
    let device = plan.device.as_ref().map(examine).transpose()?;
    let found = caps::probe();
    let checks = checks(&found);
    let steering = if checks.iter().all(|check| check.is_ok) {
        "all report modes: off, kernel, reader"
    } else if found.load.is_ok() && found.multi_queue.is_ok() {
        "report modes off and reader"
    } else if found.multi_queue.is_ok() {
        "software steering only"
    } else {
        "the commands that need no device: hash, explain, simulate, compile"
    };
    let is_in_order = device.as_ref().is_none_or(|device| device.problems.is_empty());
    let is_complete = checks.iter().all(|check| check.is_ok) && is_in_order;
    if output.is_json() {
        output.object(&Answer { kernel: found.kernel, checks, steering, device, is_complete })?;
    } else {
        let paint = output.paint();
        output.text(format_args!("kernel {}\n", found.kernel))?;
        for check in &checks {
            let mark = if check.is_ok { paint.green("ok     ") } else { paint.red("missing") };
            output.text(format_args!("{mark}  {}\n", check.what))?;
            for cause in &check.refusal {
                output.text(format_args!("         {cause}\n"))?;
            }
            if let Some(hint) = &check.hint {
                output.text(format_args!("         {} {hint}\n", paint.bold("hint:")))?;
            }
        }
        output.text(format_args!("here works: {steering}\n"))?;
        if let Some(device) = device {
            output.text(format_args!("device {}: {}\n", device.name, device.status))?;
            for problem in &device.problems {
                output.text(format_args!("{}  {problem}\n", paint.red("problem")))?;
            }
            for note in &device.notes {
                output.text(format_args!("note     {note}\n"))?;
            }
        }
    }
    Ok(if is_complete { Exit::Done } else { Exit::No })
}

fn checks(found: &Capabilities) -> Vec<Check> {
    vec![
        Check::new("/dev/net/tun opens", &found.tun),
        Check::new("a multi-queue TAP can be created", &found.multi_queue),
        Check::new("eBPF programs load (steering, hash report)", &found.load),
        Check::new("tc programs attach (hash report by the kernel)", &found.report),
        Check::new("running programs can be found (show, clear)", &found.find),
    ]
}

/// Look at a device: what steers it, and what may be in the way.
fn examine(name: &IfName) -> Result<Examined, CliError> {
    let device = Device::open(name)?;
    let mut problems = Vec::new();
    let mut notes = Vec::new();
    let state = match device.steering() {
        Err(error @ Error::ReportLost { .. }) => {
            problems.push(error.to_string());
            None
        }
        result => result?,
    };
    let status = Status::of(&device, state.as_ref());
    for conflict in device.conflicts().unwrap_or_default() {
        match conflict.effect {
            Effect::Ahead | Effect::Behind => problems.push(conflict.to_string()),
            _ => notes.push(conflict.to_string()),
        }
    }
    notes.extend(status.foreign.iter().map(|foreign| format!("may steer it: {foreign}")));
    if state.is_some_and(|state| state.report == ReportMode::Kernel) {
        notes.push(
            "frames that native XDP redirects into the device pass no program: they are neither \
             steered nor reported, and nothing tells whether any do"
                .into(),
        );
        notes.extend(super::lost_udp_segments(&device));
    }
    Ok(Examined { name: name.to_string(), status: status.word, problems, notes })
}

#[derive(Serialize)]
struct Examined {
    name: String,
    status: &'static str,
    problems: Vec<String>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Answer {
    kernel: String,
    checks: Vec<Check>,
    steering: &'static str,
    /// The device asked for.
    device: Option<Examined>,
    is_complete: bool,
}

#[derive(Serialize)]
struct Check {
    what: &'static str,
    is_ok: bool,
    /// The error and its causes.
    refusal: Vec<String>,
    hint: Option<String>,
}

impl Check {
    fn new(what: &'static str, result: &Result<(), Error>) -> Self {
        let error: Option<&dyn std::error::Error> = match result {
            Ok(()) => None,
            Err(error) => Some(error),
        };
        let chain = std::iter::successors(error, |&error| error.source());
        let hint = result.as_ref().err().and_then(Error::hint);
        Self {
            what,
            is_ok: result.is_ok(),
            refusal: chain.map(ToString::to_string).collect(),
            hint,
        }
    }
}
