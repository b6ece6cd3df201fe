//! `tunrss demo`: steering and hash report at work on traffic of its own.

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use crate::plan::DemoPlan;

pub(crate) fn run(plan: DemoPlan, _output: &mut Output) -> Result<Exit, CliError> {
    let DemoPlan { queues, flows } = plan;
    let what = format!("`demo` is not built yet, for {queues} queues and {flows} flows");
    Err(CliError::Internal { what })
}
