//! `tunrss hash`: the hash and the queue of a flow.

use serde::Serialize;
use tunrss::hash::dissect::Protocol;
use tunrss::hash::{HashReport, Link, Verdict, classify};

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Output, hash_text};
use crate::plan::{Flow, HashPlan, Ports};
use tunrss::Config;

pub(crate) fn run(plan: HashPlan, output: &mut Output) -> Result<Exit, CliError> {
    let HashPlan { flow, config } = plan;
    let verdict = classify(&config, Link::Ip, &packet(flow));
    let index = table_index(&config, verdict);
    if output.is_json() {
        let Verdict { report, queue, .. } = verdict;
        output.object(&Answer { hash: hash_text(verdict), report: report.name(), index, queue })?;
        return Ok(Exit::Done);
    }
    let hash = hash_text(verdict).unwrap_or_else(|| "none".into());
    output.text(format_args!("hash    {hash}\nreport  {}\n", verdict.report))?;
    match index {
        Some(index) => {
            let (mask, queue) = (config.table().len() - 1, verdict.queue);
            output.text(format_args!("index   {index} ({hash} & {mask})\nqueue   {queue}\n"))?;
        }
        None => output.text(format_args!("queue   {} (--unclassified)\n", verdict.queue))?,
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Answer {
    hash: Option<String>,
    report: &'static str,
    index: Option<usize>,
    queue: u16,
}

/// Which entry of the table a verdict comes from; `None` for a packet without hash.
pub(crate) fn table_index(config: &Config, verdict: Verdict) -> Option<usize> {
    let is_hashed = verdict.report != HashReport::None;
    is_hashed.then(|| verdict.hash as usize & (config.table().len() - 1))
}

/// The shortest packet of `flow`: an IP header, and the start of a transport header.
pub(crate) fn packet(flow: Flow) -> Vec<u8> {
    let (mut packet, transport) = match flow {
        Flow::V4 { source, destination, transport } => {
            let header = [0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol_number(transport), 0, 0];
            ([header.as_slice(), &source, &destination].concat(), transport)
        }
        Flow::V6 { source, destination, transport } => {
            let header = [0x60, 0, 0, 0, 0, 0, protocol_number(transport), 64];
            ([header.as_slice(), &source, &destination].concat(), transport)
        }
    };
    if let Some(Ports { source, destination, .. }) = transport {
        packet.extend(source.to_be_bytes());
        packet.extend(destination.to_be_bytes());
    }
    packet
}

fn protocol_number(transport: Option<Ports>) -> u8 {
    /// "Use for experimentation and testing" (RFC 3692).
    const NEITHER: u8 = 253;
    match transport.map(|ports| ports.protocol) {
        Some(Protocol::Tcp) => 6,
        Some(Protocol::Udp) => 17,
        None => NEITHER,
    }
}
