//! `tunrss doctor`: what this host can do, what is missing, and how to get it.

use serde::Serialize;
use tunrss::caps::{self, Capabilities};
use tunrss::{Device, Error, Kind, ReportMode};

use super::holders::Holders;
use super::show::Status;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use crate::plan::DoctorPlan;

pub(crate) fn run(plan: DoctorPlan, output: &mut Output) -> Result<Exit, CliError> {
    let device = plan.device.as_ref().map(Device::open).transpose()?;
    let found = caps::probe();
    let checks = checks(&found);
    let steering = match found {
        Capabilities { multi_queue: Ok(()), load: Ok(()), report: Ok(()), .. } => {
            "all report modes: off, kernel, reader"
        }
        Capabilities { multi_queue: Ok(()), load: Ok(()), .. } => "report modes off and reader",
        Capabilities { multi_queue: Ok(()), .. } => "software steering only",
        _ => "the commands that need no device: hash, explain, simulate, compile",
    };
    let device = device.as_ref().map(Examined::new).transpose()?;
    let is_in_order = device.as_ref().is_none_or(Examined::is_in_order);
    let is_complete = checks.iter().all(|check| check.is_ok) && is_in_order;
    let answer = Answer { kernel: found.kernel, checks, steering, device, is_complete };
    if output.is_json() {
        output.object(&answer)?;
    } else {
        answer.print(output)?;
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

/// A device: what steers it, and what may be in the way.
#[derive(Serialize)]
struct Examined {
    name: String,
    status: &'static str,
    problems: Vec<String>,
    notes: Vec<String>,
    /// Those that can be seen; `None` if nobody could be looked for.
    holders: Option<Holders>,
    /// What this process could not look at.
    unseen: Vec<Unseen>,
}

#[derive(Serialize)]
struct Unseen {
    what: &'static str,
    /// The error and its causes.
    refusal: Vec<String>,
    hint: Option<String>,
}

impl Examined {
    fn new(device: &Device) -> Result<Self, CliError> {
        let mut problems = Vec::new();
        let mut notes = Vec::new();
        let mut unseen = Vec::new();
        let mut cannot_see = |what, error: &Error| {
            unseen.push(Unseen { what, refusal: chain(error), hint: error.hint() });
        };
        let (state, status) = match device.inspect() {
            Ok(found) => {
                problems.extend(found.missing.iter().map(|missing| {
                    format!("{missing}; `tunrss set` or `tunrss clear` puts it right")
                }));
                if let Some(uid) = found.other_user() {
                    notes.push(format!("what is in force was loaded by user {uid}"));
                }
                notes.extend(found.claims.iter().map(|claim| format!("not believed: {claim}")));
                let status = Status::of(device, found.state.as_ref());
                (found.state, status)
            }
            Err(error @ Error::NoDevice { .. }) => return Err(error.into()),
            Err(error) => {
                cannot_see("what steers it", &error);
                (None, Status { word: "unknown", ..Status::of(device, None) })
            }
        };
        // A program that holds such a device may steer it by the library.
        if state.is_none() && device.kind() != Kind::Macvtap && !device.is_multi_queue() {
            let error = Error::SingleQueue { name: device.name().clone() };
            let hint = error.hint().unwrap_or_default();
            problems.push(format!("{error}, and `set` refuses it: {hint}"));
        }
        match device.conflicts() {
            // Whatever the effect: one of both does not get the frames that it was attached for.
            Ok(conflicts) => problems.extend(conflicts.iter().map(ToString::to_string)),
            // Without a report program there is none that others could be in the way of.
            Err(Error::ReportLost { .. }) => {}
            Err(error) => cannot_see("what is attached beside it", &error),
        }
        let holders = Holders::of(device);
        if let Err(CliError::Library(error)) = &holders {
            cannot_see("who holds its queues", error);
        }
        notes.extend(status.foreign.iter().map(|foreign| format!("may steer it: {foreign}")));
        if state.is_some_and(|state| state.report == ReportMode::Kernel) {
            notes.push(
                "frames that native XDP redirects into the device pass no program: they are \
                 neither steered nor reported, and nothing tells whether any do"
                    .into(),
            );
            notes.extend(super::lost_udp_segments(device));
        }
        let name = device.name().to_string();
        let holders = holders.ok();
        Ok(Self { name, status: status.word, problems, notes, holders, unseen })
    }

    /// Whether nothing is wrong, as far as all could be looked at.
    fn is_in_order(&self) -> bool {
        self.problems.is_empty() && self.unseen.is_empty()
    }

    fn print(&self, output: &mut Output) -> Result<(), CliError> {
        let Self { name, status, problems, notes, holders, unseen } = self;
        let paint = output.paint();
        output.text(format_args!("device {name}: {status}\n"))?;
        if let Some(holders) = holders {
            output.text(holders)?;
        }
        for problem in problems {
            output.painted(paint.red("problem"))?;
            output.text(format_args!("  {problem}\n"))?;
        }
        for note in notes {
            output.text(format_args!("note     {note}\n"))?;
        }
        for Unseen { what, refusal, hint } in unseen {
            output.painted(paint.red("unseen "))?;
            output.text(format_args!("  {what}\n"))?;
            print_refusal(refusal, hint.as_deref(), output)?;
        }
        Ok(())
    }
}

/// The error and its causes.
fn chain(error: &Error) -> Vec<String> {
    let first: Option<&dyn std::error::Error> = Some(error);
    std::iter::successors(first, |&error| error.source()).map(ToString::to_string).collect()
}

fn print_refusal(
    refusal: &[String],
    hint: Option<&str>,
    output: &mut Output,
) -> Result<(), CliError> {
    for cause in refusal {
        output.text(format_args!("         {cause}\n"))?;
    }
    let Some(hint) = hint else { return Ok(()) };
    output.painted(format_args!("         {} ", output.paint().bold("hint:")))?;
    output.text(format_args!("{hint}\n"))
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

impl Answer {
    fn print(&self, output: &mut Output) -> Result<(), CliError> {
        let paint = output.paint();
        output.text(format_args!("kernel {}\n", self.kernel))?;
        for Check { what, is_ok, refusal, hint } in &self.checks {
            let mark = if *is_ok { paint.green("ok     ") } else { paint.red("missing") };
            output.painted(mark)?;
            output.text(format_args!("  {what}\n"))?;
            print_refusal(refusal, hint.as_deref(), output)?;
        }
        output.text(format_args!("here works: {}\n", self.steering))?;
        self.device.as_ref().map_or(Ok(()), |device| device.print(output))
    }
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
        let error = result.as_ref().err();
        Self {
            what,
            is_ok: error.is_none(),
            refusal: error.map(chain).unwrap_or_default(),
            hint: error.and_then(Error::hint),
        }
    }
}
