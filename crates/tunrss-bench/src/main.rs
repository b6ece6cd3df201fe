//! `cargo xtask bench`: tunrss beside its peers, all in one run.
#![forbid(unsafe_code)]

mod contest;
mod peer;
mod program;
mod record;
mod subject;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::contest::Effort;
use crate::record::{Section, Spread};

/// Measure tunrss beside its peers.
#[derive(Parser)]
struct Args {
    /// Fewer and shorter turns: whether it works, not what it takes
    #[arg(long)]
    quick: bool,
    /// The subjects to measure, all of them unless some are named
    subjects: Vec<String>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let effort = if args.quick { Effort::QUICK } else { Effort::FULL };
    for subject in subject::ALL {
        if args.subjects.is_empty() || args.subjects.iter().any(|name| name == subject.name) {
            print(&(subject.run)(effort)?);
        }
    }
    Ok(())
}

fn print(section: &Section) {
    println!("\n{} ({})", section.title, section.unit);
    for measured in &section.measured {
        let Spread { low, median, high } = measured.value;
        let (case, contender) = (&measured.case, &measured.contender);
        println!("  {case:24} {contender:32} {median:12.2}  ({low:.2} to {high:.2})");
    }
    for ratio in &section.ratios {
        let Spread { low, median, high } = ratio.value;
        let reached = match ratio.is_reached() {
            Some(true) => "reached",
            Some(false) => "missed",
            None => "",
        };
        println!(
            "  {:24} {:32} {median:12.4}  ({low:.4} to {high:.4}) {:?} {reached}",
            ratio.case, ratio.of, ratio.goal
        );
    }
    for note in &section.notes {
        println!("  {note}");
    }
}
