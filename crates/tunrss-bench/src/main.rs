//! `cargo xtask bench`: tunrss beside its peers, all in one run.
#![forbid(unsafe_code)]

mod chart;
mod child;
mod contest;
mod host;
mod machine;
mod peer;
mod program;
mod record;
mod subject;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use clap::builder::PossibleValuesParser;
use tunrss::IfName;

use crate::contest::Effort;
use crate::record::Record;
use crate::subject::Subject;
use crate::table::Table;

/// Measure tunrss beside its peers, all in one run
///
/// Contenders take turns, and their answers are checked before anything is timed. Peers that are not
/// installed are left out, with a note that says how to install them. A run of everything that is
/// not quick leaves a record under bench-record.
#[derive(Parser)]
#[command(bin_name = "cargo xtask bench", after_long_help = HELP)]
struct Args {
    /// Fewer and shorter turns: whether it works, not what it takes
    #[arg(long)]
    quick: bool,
    /// Write the record under this folder, whatever is measured
    #[arg(long, value_name = "FOLDER")]
    record: Option<PathBuf>,
    /// Measure nothing: draw the charts of the newest record anew
    #[arg(long, conflicts_with_all = ["quick", "record", "subjects"])]
    charts: bool,
    /// The subjects to measure, all of them unless some are named
    #[arg(value_name = "SUBJECT", value_parser = PossibleValuesParser::new(subject::ALL.iter().map(|subject| subject.name)))]
    subjects: Vec<String>,
    /// Read packets of this tap when told to: a process that the subject preload starts
    #[arg(long, value_name = "TAP", hide = true, exclusive = true)]
    recv_record: Option<IfName>,
}

const HELP: &str = "\
Exit status: 0 if everything was measured, whether or not goals were reached; 1 if not; 2 for wrong
arguments.

Examples:
  cargo xtask bench                       everything, for a record
  cargo xtask bench --quick               whether everything works
  cargo xtask bench steering              one subject
  cargo xtask bench --charts              charts of the newest record, in bench-record/charts";

fn main() -> ExitCode {
    let args = Args::parse();
    let result = match &args.recv_record {
        Some(tap) => subject::preload::recv_record(tap),
        None if args.charts => draw(Path::new(RECORDS)),
        None => measure(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(args: &Args) -> Result<()> {
    let is_asked_for = |subject: &&Subject| {
        args.subjects.is_empty() || args.subjects.iter().any(|name| name == subject.name)
    };
    let subjects: Vec<_> = subject::ALL.iter().filter(is_asked_for).collect();
    ensure_root(&subjects)?;
    let effort = if args.quick { Effort::QUICK } else { Effort::FULL };
    let is_whole = !args.quick && args.subjects.is_empty();
    let folder = args.record.as_deref().or(is_whole.then_some(Path::new(RECORDS)));
    let (time, commit) = (machine::now(), folder.map(|_| machine::commit()).transpose()?);
    let (mut sections, mut failed) = (vec![], vec![]);
    for subject in subjects {
        match (subject.run)(effort) {
            Ok(section) => {
                print!("{}", Table(&section));
                sections.push(section);
            }
            Err(error) => {
                eprintln!("error: {}: {error:#}", subject.name);
                failed.push(subject.name);
            }
        }
    }
    ensure!(failed.is_empty(), "not measured: {}; no record is written", failed.join(", "));
    if let (Some(folder), Some(commit)) = (folder, commit) {
        let path = Record::of(sections, commit, time, args.quick).write(folder)?;
        println!("\nrecord: {}; charts of it: cargo xtask bench --charts", path.display());
    }
    Ok(())
}

/// Refuse what is for root only before anything is measured.
fn ensure_root(subjects: &[&Subject]) -> Result<()> {
    let names = |subjects: &mut dyn Iterator<Item = &Subject>| {
        subjects.map(|subject| subject.name).collect::<Vec<_>>().join(" ")
    };
    let privileged = names(&mut subjects.iter().copied().filter(|subject| subject.needs_root));
    let others = names(&mut subject::ALL.iter().filter(|subject| !subject.needs_root));
    ensure!(
        privileged.is_empty() || rustix::process::geteuid().is_root(),
        "these need root: {privileged}; run it as root: sudo env \"PATH=$PATH\" cargo xtask bench; \
         these need none: {}",
        if others.is_empty() { "-" } else { &others },
    );
    Ok(())
}

/// Draw the charts of the newest record under `records`, instead of those that are there.
fn draw(records: &Path) -> Result<()> {
    let record = Record::newest(records)?;
    let record = record.with_context(|| {
        format!("no record of a full run under {}; make one: cargo xtask bench", records.display())
    })?;
    let folder = records.join("charts");
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for chart in chart::charts(&record) {
        let path = folder.join(chart.file);
        fs::write(&path, chart.svg).with_context(|| format!("cannot write {}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}

/// Where records are kept, from the root of the repository.
const RECORDS: &str = "bench-record";
