//! `tunrss show`: a device's steering, in the shape of `ethtool -x`, and what was counted.

use std::fmt::Write;

use serde::Serialize;
use tunrss::hash::{HashReport, HashTypes, InputTransform};
use tunrss::{Count, Counters, Device, Foreign, Missing, State, SteeringMode};

use super::holders::Holders;
use super::set::known_queues;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Output, table_rows};
use crate::plan::ShowPlan;

pub(crate) fn run(plan: ShowPlan, output: &mut Output) -> Result<Exit, CliError> {
    let device = Device::open(&plan.device)?;
    let queues = device.attached_queues()?;
    let found = device.inspect()?;
    let status = Status::of(&device, found.state.as_ref());
    let holders = Holders::of(&device)?;
    let has_counters = plan.stats && !found.missing.contains(&Missing::Report);
    let counters = if has_counters { device.counters()? } else { None };
    let exit = if found.missing.is_empty() { Exit::Done } else { Exit::No };
    if output.is_json() {
        let Status { word: status, foreign } = status;
        let answer = Answer {
            device: device.name().to_string(),
            queues,
            intended_queues: device.intended_queues()?,
            holders,
            status,
            foreign: foreign.iter().map(ToString::to_string).collect(),
            steering: found.state.as_ref().map(Steering::new),
            loaded_by: found.loaded_by,
            missing: found.missing.iter().map(ToString::to_string).collect(),
            claims: found.claims.iter().map(ToString::to_string).collect(),
            counters: counters.as_ref().map(Stats::new),
        };
        output.object(&answer)?;
        return Ok(exit);
    }
    match &found.state {
        Some(state) => {
            // As many as it will have: before anybody opens it, none are attached.
            let rings = known_queues(&device)?.unwrap_or(0);
            output.text(text(device.name(), rings, state))?;
            if let Some(uid) = found.other_user() {
                output.text(format_args!("Loaded by: user {uid}\n"))?;
            }
            for missing in &found.missing {
                output.text(format_args!("Missing: {missing}\n"))?;
            }
        }
        None => {
            let of = match device.intended_queues()? {
                Some(intended) => format!("{queues} of {intended}"),
                None => queues.to_string(),
            };
            let name = device.name();
            output
                .text(format_args!("{name} has no steering by tunrss; queues attached: {of}\n"))?;
            for foreign in &status.foreign {
                output.text(format_args!("may be steered by {foreign}\n"))?;
            }
        }
    }
    output.text(holders)?;
    for claim in &found.claims {
        output.text(format_args!("Not believed: {claim}\n"))?;
    }
    match &counters {
        Some(counters) => output.text(stats_text(counters))?,
        None if has_counters && found.state.is_some() => {
            output.text("Counters: off; `tunrss set` with --counters turns them on\n")?;
        }
        None => {}
    }
    Ok(exit)
}

/// The lines of `ethtool -x`, then what it has no lines for.
fn text(device: &tunrss::IfName, rings: u16, state: &State) -> String {
    let State { config, report, steering, owner, .. } = state;
    let mut text =
        format!("RX flow hash indirection table for {device} with {rings} RX ring(s):\n");
    match steering {
        SteeringMode::Rss => text += &table_rows(config.table()),
        SteeringMode::Automatic => text += "    none: the kernel steers automatically\n",
    }
    // Writing to a string does not fail.
    let _ = write!(text, "RSS hash key:\n{}\n", config.key());
    text += "RSS hash function:\n    toeplitz: on\n";
    text += "RSS input transformation:\n";
    for transform in [InputTransform::SymmetricXor, InputTransform::SymmetricOrXor] {
        let state = if config.transform() == transform { "on" } else { "off" };
        let _ = writeln!(text, "    {transform}: {state}");
    }
    text += "RSS hash types:\n";
    for (name, one) in HashTypes::NAMES {
        let state = if config.types().contains(one) { "on" } else { "off" };
        let _ = writeln!(text, "    {name}: {state}");
    }
    let _ = writeln!(text, "Tunnels looked into: {}", config.tunnels());
    if *steering == SteeringMode::Rss {
        let _ = writeln!(text, "Unclassified queue: {}", config.unclassified());
    }
    let _ = write!(text, "Hash report: {report}\nSet by: {owner}\n");
    text
}

/// The counters that are not 0, and the sum.
fn stats_text(counters: &Counters) -> String {
    let queues = counters.by_queue.iter().enumerate();
    let entries = counters.by_entry.iter().enumerate();
    let rows = queues
        .map(|(queue, &count)| (format!("queue {queue}"), count))
        .chain(reports().map(|report| report.to_string()).zip(counters.by_report))
        .chain([("unclassified".into(), counters.unclassified)])
        .chain(entries.map(|(entry, &count)| (format!("entry {entry}"), count)))
        .chain([("dropped".into(), counters.dropped)])
        .filter(|(_, count)| count.packets > 0)
        .chain([("all".into(), counters.total())]);
    let mut text = String::from("Counters:             packets            bytes\n");
    for (name, Count { packets, bytes }) in rows {
        // Writing to a string does not fail.
        let _ = writeln!(text, "    {name:<14}{packets:>10} {bytes:>16}");
    }
    text
}

/// The types of hash, in the order of the counters.
fn reports() -> impl Iterator<Item = HashReport> {
    HashReport::ALL.into_iter().filter(|&report| report != HashReport::None)
}

/// Whose programs steer a device, as far as it can be seen.
pub(super) struct Status {
    pub(super) word: &'static str,
    /// Programs of others; not looked for where ours are in force.
    pub(super) foreign: Vec<Foreign>,
}

impl Status {
    pub(super) fn of(device: &Device, state: Option<&State>) -> Self {
        if state.is_some() {
            return Self { word: "ours", foreign: vec![] };
        }
        let foreign = device.foreign();
        Self { word: if foreign.is_empty() { "none" } else { "foreign" }, foreign }
    }
}

#[derive(Serialize)]
struct Answer {
    device: String,
    /// Attached now.
    queues: usize,
    /// As `create` was told.
    intended_queues: Option<usize>,
    /// Those that can be seen.
    holders: Holders,
    /// `ours`, `foreign` or `none`, as far as it can be seen.
    status: &'static str,
    /// What makes it foreign.
    foreign: Vec<String>,
    steering: Option<Steering>,
    /// The user whose process has loaded it.
    loaded_by: Option<u32>,
    /// What of it the device does not have any more; the exit code is 1 then.
    missing: Vec<String>,
    /// What others say that they have set, without the right to.
    claims: Vec<String>,
    /// With --stats, if the device counts.
    counters: Option<Stats>,
}

/// A configuration in the words of `set`.
#[derive(Serialize)]
pub(super) struct Steering {
    steering: &'static str,
    types: String,
    tunnels: String,
    xfrm: &'static str,
    hkey: String,
    table: Vec<u16>,
    unclassified: u16,
    report: &'static str,
    counters: bool,
    owner: String,
}

impl Steering {
    pub(super) fn new(state: &State) -> Self {
        let State { config, steering, report, counter_cpus, owner, .. } = state;
        Self {
            steering: steering.name(),
            types: config.types().to_string(),
            tunnels: config.tunnels().to_string(),
            xfrm: config.transform().name(),
            hkey: config.key().to_string(),
            table: config.table().to_vec(),
            unclassified: config.unclassified(),
            report: report.name(),
            counters: *counter_cpus > 0,
            owner: owner.to_string(),
        }
    }
}

/// Counters by name; those of queues and entries in their order.
#[derive(Serialize)]
struct Stats {
    total: Number,
    unclassified: Number,
    by_report: std::collections::BTreeMap<String, Number>,
    by_queue: Vec<Number>,
    by_entry: Vec<Number>,
    dropped: Number,
}

impl Stats {
    fn new(counters: &Counters) -> Self {
        let numbers = |counts: &[Count]| counts.iter().copied().map(Number::from).collect();
        Self {
            total: counters.total().into(),
            unclassified: counters.unclassified.into(),
            by_report: reports()
                .zip(&counters.by_report)
                .map(|(report, &count)| (report.to_string(), count.into()))
                .collect(),
            by_queue: numbers(&counters.by_queue),
            by_entry: numbers(&counters.by_entry),
            dropped: counters.dropped.into(),
        }
    }
}

#[derive(Serialize)]
struct Number {
    packets: u64,
    bytes: u64,
}

impl From<Count> for Number {
    fn from(Count { packets, bytes }: Count) -> Self {
        Self { packets, bytes }
    }
}
