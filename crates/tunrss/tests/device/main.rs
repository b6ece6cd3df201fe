//! Configurations in force on devices: every packet that the kernel delivers is on the queue and
//! has the hash that `classify` says.
//!
//! Needs root in the initial user namespace (CAP_BPF, CAP_NET_ADMIN, CAP_SYS_ADMIN) and iproute2.
//! Each test makes a network namespace. Run by `cargo xtask test bpf`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod automatic;
mod counters;
mod formats;
mod guard;
mod hook;
mod kept;
mod limits;
mod loader;
mod lock;
mod macvtap;
mod modes;
mod moved;
mod names;
mod other_process;
mod replaced;
mod senders;
#[path = "../traffic/mod.rs"]
mod traffic;
mod udp_segments;
mod under_load;
mod vlan;
mod xdp;

use std::process::Command;

use traffic::Packet;
use tunrss::hash::{HashKey, HashReport, HashTypes, SteeringConfig, classify};
use tunrss::{Config, IfName, Queue, Report, ReportMode};

/// Queue, hash and report of every packet are those of `config` on a device with `queues` queues.
fn check(packets: &[Packet], config: &Config, mode: ReportMode, queues: usize) {
    for packet in packets {
        assert!(is_right(packet, config, mode, queues), "{mode} {config:?} {packet:02x?}");
    }
}

fn is_right(packet: &Packet, config: &Config, mode: ReportMode, queues: usize) -> bool {
    let verdict = classify(config, packet.link, &packet.frame);
    let (hash, report) = match mode {
        ReportMode::Off => (0, HashReport::None),
        ReportMode::Kernel | ReportMode::Reader => (verdict.hash, verdict.report),
    };
    packet.queue == usize::from(verdict.queue) % queues
        && packet.received.header.hash_value == hash
        && packet.received.header.hash_report == report.code()
}

/// Hash and report of every packet are those of `config`, on whatever queue it is.
fn check_hashes(packets: &[Packet], config: &Config, mode: ReportMode) {
    for packet in packets {
        let queue = classify(config, packet.link, &packet.frame).queue.into();
        let packet = Packet { queue, ..packet.clone() };
        assert!(is_right(&packet, config, mode, usize::MAX), "{mode} {config:?} {packet:02x?}");
    }
}

/// How many of the queues some packet is on.
fn queues_used(packets: &[Packet]) -> usize {
    let queues: std::collections::BTreeSet<_> = packets.iter().map(|packet| packet.queue).collect();
    queues.len()
}

/// All types, Microsoft's key.
fn config(table: impl IntoIterator<Item = u16>, unclassified: u16) -> Config {
    let table = table.into_iter().collect();
    SteeringConfig::new(HashTypes::ALL, HashKey::MICROSOFT, table, unclassified).unwrap()
}

fn set_report(queues: &mut [Queue], report: &Report) {
    for queue in queues {
        queue.set_report(report.clone());
    }
}

fn name(name: &str) -> IfName {
    IfName::new(name).unwrap()
}

/// Run another tool; its words are separated by blanks.
fn run(line: &str) {
    let mut words = line.split_whitespace();
    let output = Command::new(words.next().unwrap()).args(words).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}
