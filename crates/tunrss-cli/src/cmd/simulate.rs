//! `tunrss simulate`: how a capture would spread over the queues.

use std::path::Path;

use serde::Serialize;
use tunrss::hash::{Verdict, classify};

use crate::capture::{Capture, CaptureError};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Distribution, Output, hash_text};
use crate::plan::SimulatePlan;

pub(crate) fn run(plan: SimulatePlan, output: &mut Output) -> Result<Exit, CliError> {
    let SimulatePlan { capture: path, per_packet, config } = plan;
    let refused = |source| refused(&path, source);
    let mut capture = Capture::open(&path).map_err(refused)?;
    let mut distribution = Distribution::new(config.highest_queue());
    let mut cut = 0;
    while let Some(packet) = capture.next().map_err(refused)? {
        let verdict = classify(&config, packet.link, packet.bytes);
        if per_packet {
            print_packet(distribution.packets(), verdict, output)?;
        }
        cut += u64::from(packet.is_cut);
        distribution.add(verdict);
    }
    if distribution.packets() == 0 {
        return Err(refused(CaptureError::NoPackets));
    }
    if !per_packet {
        print_summary(Summary { distribution, cut, hkey: config.key().to_string() }, output)?;
    }
    Ok(Exit::Done)
}

fn refused(path: &Path, source: CaptureError) -> CliError {
    CliError::Capture { path: path.to_owned(), source }
}

fn print_packet(packet: u64, verdict: Verdict, output: &mut Output) -> Result<(), CliError> {
    let Verdict { report, queue, .. } = verdict;
    let hash = hash_text(verdict);
    if output.is_json() {
        return output.object(&Packet { packet, hash, report: report.name(), queue });
    }
    let hash = hash.unwrap_or_else(|| "none".into());
    output.text(format_args!("packet {packet:<8} hash {hash:<10}  {report:<8}  queue {queue}\n"))
}

fn print_summary(summary: Summary, output: &mut Output) -> Result<(), CliError> {
    if output.is_json() {
        return output.object(&summary);
    }
    let Summary { distribution, cut, .. } = summary;
    output.text(distribution.table(output.paint()))?;
    output.text(format_args!("\n{} packets", distribution.packets()))?;
    if cut > 0 {
        output.text(format_args!(", {cut} of them cut short by the capture"))?;
    }
    output.text("\n")
}

#[derive(Serialize)]
struct Packet {
    packet: u64,
    hash: Option<String>,
    report: &'static str,
    queue: u16,
}

#[derive(Serialize)]
struct Summary {
    #[serde(flatten)]
    distribution: Distribution,
    /// Packets of which the capture has only the start.
    cut: u64,
    hkey: String,
}
