//! `tunrss doctor`: what this host can do, what is missing, and how to get it.

use serde::Serialize;
use tunrss::Error;
use tunrss::caps::{self, Capabilities};

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use crate::plan::DoctorPlan;

pub(crate) fn run(DoctorPlan: DoctorPlan, output: &mut Output) -> Result<Exit, CliError> {
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
    let is_complete = checks.iter().all(|check| check.is_ok);
    if output.is_json() {
        output.object(&Answer { kernel: found.kernel, checks, steering, is_complete })?;
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
    }
    Ok(if is_complete { Exit::Done } else { Exit::No })
}

fn checks(found: &Capabilities) -> Vec<Check> {
    vec![
        Check::new("/dev/net/tun opens", &found.tun),
        Check::new("a multi-queue TAP can be created", &found.multi_queue),
        Check::new("eBPF programs load (steering, hash report)", &found.load),
        Check::new("tcx programs attach (hash report by the kernel, Linux 6.6)", &found.tcx),
        Check::new("running programs can be found (show, clear)", &found.find),
    ]
}

#[derive(Serialize)]
struct Answer {
    kernel: String,
    checks: Vec<Check>,
    steering: &'static str,
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
