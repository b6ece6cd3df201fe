//! `tunrss doctor`: what this host can do, and what is missing.

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use crate::plan::DoctorPlan;

pub(crate) fn run(plan: DoctorPlan, _output: &mut Output) -> Result<Exit, CliError> {
    let DoctorPlan = plan;
    Err(CliError::Internal { what: "`doctor` is not built yet".into() })
}
