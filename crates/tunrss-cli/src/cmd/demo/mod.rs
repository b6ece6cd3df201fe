//! `tunrss demo`: steering and hash report at work, every packet checked.
//!
//! [`place`] is where it happens: a network namespace with a TAP, or nothing but this process.
//! [`traffic`] has the kernel send, [`peer`] answers it from the other end of the TAP, [`made`] are
//! packets for where there is no TAP. [`tally`] checks and counts.

mod made;
mod peer;
mod place;
mod tally;
mod traffic;

use std::fmt::Write;

use serde::Serialize;
use tunrss::hash::{HashKey, HashTypes, InputTransform, Link, TunnelTypes};
use tunrss::{Config, Device, Queue, Report, ReportMode};

use self::place::Place;
use self::tally::Tally;
pub(crate) use self::traffic::MAX_FLOWS;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Distribution, Output, Paint};
use crate::plan::{ConfigPlan, DemoPlan, TablePlan};

pub(crate) fn run(plan: DemoPlan, output: &mut Output) -> Result<Exit, CliError> {
    let config = config(plan.queues)?;
    let (setting, tally) = match Place::make(plan.queues)? {
        Place::Namespace { device, queues, how, guard } => {
            let (steering, report, no_ebpf) = steer(&device, &config)?;
            let setting = Setting {
                mode: if no_ebpf.is_none() { Mode::Ebpf } else { Mode::Software },
                place: how,
                reason: no_ebpf,
            };
            let tally = on_tap(&plan, &config, &device, queues, &report, setting.mode)?;
            // In this order: the steering is the device's, the device the namespace's.
            drop(steering);
            drop(guard);
            (setting, tally)
        }
        Place::Process { reason } => {
            let setting =
                Setting { mode: Mode::Software, place: "in this process", reason: Some(reason) };
            let mut tally = Tally::new(&config, plan.queues);
            for packet in made::packets(plan.flows) {
                tally.steered_in_software(&packet);
            }
            (setting, tally)
        }
    };
    let answer = Answer::new(&plan, setting, tally);
    if output.is_json() {
        output.object(&answer)?;
    } else {
        let paint = output.paint();
        output.painted(answer.text(paint))?;
    }
    Ok(if answer.is_good { Exit::Done } else { Exit::No })
}

/// All types, and the published key: a run can be repeated, and checked by hand.
fn config(queues: u16) -> Result<Config, CliError> {
    let (types, key) = (HashTypes::ALL, HashKey::MICROSOFT);
    let (tunnels, transform) = (TunnelTypes::NONE, InputTransform::None);
    let table = TablePlan::DeviceQueues;
    ConfigPlan { types, key, table, unclassified: 0, tunnels, transform }.build(queues)
}

/// Steer by eBPF with the kernel's report; without the privilege, not at all. Then the reason.
type Steered = (Option<tunrss::Steering>, Report, Option<String>);

fn steer(device: &Device, config: &Config) -> Result<Steered, CliError> {
    match device.steer(config, ReportMode::Kernel) {
        Ok(steering) => {
            let report = steering.report();
            Ok((Some(steering), report, None))
        }
        Err(error) if error.is_permission() => {
            let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
            Ok((None, Report::Off, Some(format!("{error}{hint}"))))
        }
        Err(error) => Err(error.into()),
    }
}

/// Have the kernel send, and check what arrives.
fn on_tap<'a>(
    plan: &DemoPlan,
    config: &'a Config,
    device: &Device,
    mut queues: Vec<Queue>,
    report: &Report,
    mode: Mode,
) -> Result<Tally<'a>, CliError> {
    for queue in &mut queues {
        queue.set_report(report.clone());
    }
    place::furnish(device)?;
    let mut peer = peer::Peer::new(queues, Tally::new(config, plan.queues), mode);
    let failed = |source| CliError::DemoTraffic { device: device.name().clone(), source };
    traffic::send(plan.flows, &mut peer).map_err(failed)?;
    Ok(peer.into_tally())
}

/// Who steers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    /// The kernel, by eBPF.
    Ebpf,
    /// This program.
    Software,
}

struct Setting {
    mode: Mode,
    place: &'static str,
    /// Why not more.
    reason: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    mode: Mode,
    /// Where the packets came from.
    place: &'static str,
    /// Why the mode is not "ebpf".
    reason: Option<String>,
    /// Distinct hash inputs seen.
    flows: usize,
    /// Packets that were segmentation offload's, larger than a frame.
    gso: u64,
    verified: u64,
    mismatched: u64,
    /// The first packets that were not as they should be.
    mismatches: Vec<String>,
    #[serde(flatten)]
    distribution: Distribution,
    #[serde(skip)]
    is_good: bool,
    #[serde(skip)]
    complaints: Vec<String>,
}

impl Answer {
    fn new(plan: &DemoPlan, setting: Setting, tally: Tally) -> Self {
        let complaints = tally.complaints(plan.flows, setting.mode);
        Self {
            mode: setting.mode,
            place: setting.place,
            reason: setting.reason,
            flows: tally.flows(),
            gso: tally.gso,
            verified: tally.verified,
            mismatched: tally.mismatched,
            mismatches: tally.mismatches,
            distribution: tally.distribution,
            is_good: complaints.is_empty(),
            complaints,
        }
    }

    fn text(&self, paint: Paint) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        if let Some(reason) = &self.reason {
            let _ = writeln!(text, "{} {reason}", paint.bold("steering in software:"));
        }
        let by = match self.mode {
            Mode::Ebpf => "steered by the kernel, each with its hash in front",
            Mode::Software => "steered and hashed by this program",
        };
        let _ = writeln!(text, "{} packets {}, {by}\n", self.distribution.packets(), self.place);
        text += &self.distribution.table(paint);
        let _ = writeln!(
            text,
            "\n{} flows; {} packets verified, {} mismatched; {} large (GSO)",
            self.flows, self.verified, self.mismatched, self.gso
        );
        for mismatch in &self.mismatches {
            let _ = writeln!(text, "  {mismatch}");
        }
        if self.is_good {
            let _ = writeln!(
                text,
                "{} every packet on its queue with its hash, every queue used",
                paint.green("good:")
            );
        }
        for complaint in &self.complaints {
            let _ = writeln!(text, "{} {complaint}", paint.red("bad:"));
        }
        text
    }
}

/// The packets of a TAP start with an Ethernet header.
const LINK: Link = Link::Ethernet;
