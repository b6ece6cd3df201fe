//! What the commands answer with `--json`. A field that is not named here fails the test.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Create {
    pub(crate) schema: u32,
    pub(crate) command: String,
    pub(crate) dry_run: bool,
    pub(crate) device: String,
    pub(crate) kind: String,
    pub(crate) queues: u16,
    pub(crate) vnet_hdr: Option<u8>,
    pub(crate) packet_information: bool,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Delete {
    pub(crate) schema: u32,
    pub(crate) command: String,
    pub(crate) dry_run: bool,
    pub(crate) device: String,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Clear {
    pub(crate) schema: u32,
    pub(crate) command: String,
    pub(crate) dry_run: bool,
    pub(crate) device: String,
    pub(crate) was_steered: bool,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Set {
    pub(crate) schema: u32,
    pub(crate) command: String,
    pub(crate) dry_run: bool,
    pub(crate) device: String,
    pub(crate) steering: String,
    pub(crate) counters: bool,
    pub(crate) owner: String,
    pub(crate) types: String,
    pub(crate) tunnels: String,
    pub(crate) xfrm: String,
    pub(crate) hkey: String,
    pub(crate) table: Vec<u16>,
    pub(crate) unclassified: u16,
    pub(crate) report: String,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Show {
    pub(crate) schema: u32,
    pub(crate) device: String,
    pub(crate) queues: usize,
    pub(crate) intended_queues: Option<usize>,
    pub(crate) holders: Vec<Holder>,
    pub(crate) status: String,
    pub(crate) foreign: Vec<String>,
    pub(crate) steering: Option<Steering>,
    pub(crate) loaded_by: Option<u32>,
    pub(crate) missing: Vec<String>,
    pub(crate) claims: Vec<String>,
    pub(crate) counters: Option<Stats>,
}

#[derive(Deserialize, Clone, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stats {
    pub(crate) total: Number,
    pub(crate) unclassified: Number,
    pub(crate) by_report: BTreeMap<String, Number>,
    pub(crate) by_queue: Vec<Number>,
    pub(crate) by_entry: Vec<Number>,
    pub(crate) dropped: Number,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Number {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
}

#[derive(Deserialize, Clone, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Steering {
    pub(crate) steering: String,
    pub(crate) counters: bool,
    pub(crate) owner: String,
    pub(crate) types: String,
    pub(crate) tunnels: String,
    pub(crate) xfrm: String,
    pub(crate) hkey: String,
    pub(crate) table: Vec<u16>,
    pub(crate) unclassified: u16,
    pub(crate) report: String,
}

impl Set {
    /// What was set, as `show` has it.
    pub(crate) fn steering(&self) -> Steering {
        Steering {
            steering: self.steering.clone(),
            counters: self.counters,
            owner: self.owner.clone(),
            types: self.types.clone(),
            tunnels: self.tunnels.clone(),
            xfrm: self.xfrm.clone(),
            hkey: self.hkey.clone(),
            table: self.table.clone(),
            unclassified: self.unclassified,
            report: self.report.clone(),
        }
    }
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Warning {
    pub(crate) schema: u32,
    pub(crate) warning: String,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Demo {
    pub(crate) schema: u32,
    pub(crate) mode: String,
    pub(crate) place: String,
    pub(crate) reason: Option<String>,
    pub(crate) flows: u64,
    pub(crate) gso: u64,
    pub(crate) packets: u64,
    pub(crate) verified: u64,
    pub(crate) mismatched: u64,
    pub(crate) mismatches: Vec<String>,
    pub(crate) per_queue: Vec<u64>,
    pub(crate) by_report: BTreeMap<String, u64>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Doctor {
    pub(crate) schema: u32,
    pub(crate) kernel: String,
    pub(crate) checks: Vec<Check>,
    pub(crate) steering: String,
    pub(crate) device: Option<Examined>,
    pub(crate) is_complete: bool,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Examined {
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) problems: Vec<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) holders: Option<Vec<Holder>>,
    pub(crate) unseen: Vec<Unseen>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unseen {
    pub(crate) what: String,
    pub(crate) refusal: Vec<String>,
    pub(crate) hint: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Check {
    pub(crate) what: String,
    pub(crate) is_ok: bool,
    pub(crate) refusal: Vec<String>,
    pub(crate) hint: Option<String>,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Holder {
    pub(crate) process: u32,
    pub(crate) name: String,
    pub(crate) user: u32,
    pub(crate) queues: usize,
}
