//! `tunrss simulate`: how a capture would spread over the queues.

use std::collections::BTreeMap;

use serde::Serialize;
use tunrss::hash::{Verdict, classify};

use crate::capture::{Capture, CaptureError, LinkType};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Distribution, Output, hash_text};
use crate::plan::SimulatePlan;

pub(crate) fn run(plan: SimulatePlan, output: &mut Output) -> Result<Exit, CliError> {
    let SimulatePlan { capture: input, per_packet, config } = plan;
    let refused = |source| CliError::Capture { input: input.clone(), source };
    let mut capture = Capture::open(&input).map_err(refused)?;
    let mut distribution = Distribution::new(config.highest_queue());
    let mut skipped = BTreeMap::new();
    let mut cut = 0;
    let mut packet = 0;
    // What kept us from reading all of it.
    let unread = loop {
        let captured = match capture.next() {
            Ok(Some(captured)) => captured,
            Ok(None) => break None,
            Err(error) => break Some(error),
        };
        let link_type = captured.link_type;
        match link_type.link() {
            Some(link) => {
                let verdict = classify(&config, link, captured.bytes);
                cut += u64::from(captured.is_cut);
                distribution.add(verdict);
                if per_packet {
                    print_packet(packet, verdict, output)?;
                }
            }
            None => {
                *skipped.entry(link_type).or_default() += 1;
                if per_packet {
                    print_skipped(packet, link_type, output)?;
                }
            }
        }
        packet += 1;
    };
    if distribution.packets() == 0 {
        let of_other_type = skipped.first_key_value();
        let other_type = of_other_type.map(|(&link_type, _)| CaptureError::LinkType { link_type });
        return Err(refused(unread.or(other_type).unwrap_or(CaptureError::NoPackets)));
    }
    if !per_packet {
        let unread = unread.as_ref().map(ToString::to_string);
        let hkey = config.key().to_string();
        let skipped = skipped.into_iter().map(Skipped::new).collect();
        print_summary(&Summary { distribution, cut, skipped, unread, hkey }, output)?;
    }
    match unread {
        Some(source) => Err(CliError::CaptureRest { input, source }),
        None => Ok(Exit::Done),
    }
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

fn print_skipped(packet: u64, link_type: LinkType, output: &mut Output) -> Result<(), CliError> {
    if output.is_json() {
        return output.object(&SkippedPacket { packet, skipped: Skipped::new((link_type, 1)) });
    }
    output.text(format_args!("packet {packet:<8} skipped: link type {link_type}\n"))
}

fn print_summary(summary: &Summary, output: &mut Output) -> Result<(), CliError> {
    if output.is_json() {
        return output.object(summary);
    }
    let Summary { distribution, cut, skipped, unread, .. } = summary;
    output.painted(distribution.table(output.paint()))?;
    output.text(format_args!("\n{} packets", distribution.packets()))?;
    if *cut > 0 {
        output.text(format_args!(", {cut} of them cut short by the capture"))?;
    }
    output.text("\n")?;
    for Skipped { link_type, name, packets } in skipped {
        let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
        output.text(format_args!(
            "{packets} more of link type {link_type}{name}, which go to no queue\n"
        ))?;
    }
    if let Some(reason) = unread {
        output.text(format_args!("the rest of the capture was not read: {reason}\n"))?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Packet {
    packet: u64,
    hash: Option<String>,
    report: &'static str,
    queue: u16,
}

#[derive(Serialize)]
struct SkippedPacket {
    packet: u64,
    skipped: Skipped,
}

/// Packets that can be neither hashed nor steered.
#[derive(Serialize)]
struct Skipped {
    link_type: u16,
    /// The name of the link type, if it is a usual one.
    name: Option<&'static str>,
    packets: u64,
}

impl Skipped {
    fn new((link_type, packets): (LinkType, u64)) -> Self {
        Self { link_type: link_type.0, name: link_type.name(), packets }
    }
}

#[derive(Serialize)]
struct Summary {
    /// Of the packets that were not skipped.
    #[serde(flatten)]
    distribution: Distribution,
    /// Packets of which the capture has only the start.
    cut: u64,
    /// Packets of link types that cannot be hashed.
    skipped: Vec<Skipped>,
    /// Why the rest of the capture was not read.
    unread: Option<String>,
    hkey: String,
}
