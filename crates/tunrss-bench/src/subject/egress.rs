//! The report program, and what counting and tunnels add to steering.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Result, ensure};
use tunrss_bpf::{Driver, Object, Prefix, ProgramKind, ReportMode, State};
use tunrss_hash::{HashKey, HashTypes, Link, SteeringConfig, TunnelTypes, classify};
use tunrss_testkit::packet::{Packet, Tunnel, Upper, V4, V6};

use crate::contest::{Contest, Effort, Outcome};
use crate::program::Runnable;
use crate::record::Section;

pub(crate) fn run(effort: Effort) -> Result<Section> {
    let effort = effort.in_short_turns();
    let mut section = Section {
        name: "egress".to_owned(),
        title: "Report program; what counting and tunnels add".to_owned(),
        unit: "ns a packet".to_owned(),
        notes: vec![
            "report: hash, queue and 8 bytes in front of the frame, where there is room. The frame \
             grows, so every run is a call of its own, timed by the kernel, reading the clock \
             included"
                .to_owned(),
            "steering and macvtap: the same packet again and again in one call, in CPU time".to_owned(),
            "queue, hash and report compared with classify before anything is timed; not on a macvtap, \
             whose queue a test run does not tell"
                .to_owned(),
        ],
        ..Section::default()
    };
    for PacketOf { name, packet } in PACKETS {
        let frame = packet().to_bytes(Link::Ethernet);
        report(&mut section, name, &frame, effort)?;
        for driver in [Driver::Tun, Driver::Macvtap] {
            repeatable(&mut section, name, driver, &frame, effort)?;
        }
    }
    Ok(section)
}

/// What the programs are compiled for, beside hash types and table.
struct Variant {
    name: &'static str,
    counts: bool,
    tunnels: TunnelTypes,
}

const VARIANTS: [Variant; 3] = [
    Variant { name: PLAIN, counts: false, tunnels: TunnelTypes::NONE },
    Variant { name: "tunrss, counters", counts: true, tunnels: TunnelTypes::NONE },
    Variant { name: "tunrss, tunnels", counts: false, tunnels: TunnelTypes::ALL },
];

const PLAIN: &str = "tunrss";
const EMPTY: &str = "empty";

/// The last is in a tunnel: its outer header is hashed unless tunnels are looked into.
const PACKETS: [PacketOf; 3] = [
    PacketOf {
        name: "IPv4/TCP",
        packet: || Packet::tcp(V4::new(SOURCE, DESTINATION), 50_000, 443),
    },
    PacketOf {
        name: "IPv6/TCP",
        packet: || {
            let [source, destination] = [SOURCE, DESTINATION].map(|v4| v4.to_ipv6_mapped());
            Packet::tcp(V6::new(source, destination), 50_000, 443)
        },
    },
    PacketOf {
        name: "IPv4/TCP in IPv4",
        packet: || {
            let inner = Packet::tcp(V4::new(SOURCE, DESTINATION), 50_000, 443);
            let outer = V4::new([203, 0, 113, 1], [203, 0, 113, 2]);
            Packet::new(outer, Upper::tunnel(Tunnel::Ip, Link::Ip, inner))
        },
    },
];

struct PacketOf {
    name: &'static str,
    packet: fn() -> Packet,
}

const SOURCE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const DESTINATION: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);

/// The report program, a call for each run.
fn report(section: &mut Section, packet: &str, frame: &[u8], effort: Effort) -> Result<()> {
    let empty = Runnable::empty(ProgramKind::SchedCls)?;
    let mut programs = vec![];
    for variant in &VARIANTS {
        let state = variant.state(Driver::Tun, ReportMode::Kernel)?;
        let program = Runnable::of(&Object::new(&state)?)?;
        let expected = Prefix::from(classify(&state.config, Link::Ethernet, frame)).encode();
        let output = program.output(frame)?;
        ensure!(
            output.strip_prefix(&expected[..]) == Some(frame),
            "{packet}, report {}: {output:02x?}, not {expected:02x?} and the frame",
            variant.name
        );
        programs.push((variant.name, program));
    }
    let mut contest = Contest::new(format!("report, {packet}"));
    let one_by_one = |program: &Runnable, times: u64| {
        (0..times).try_fold(Duration::ZERO, |took, _| Ok(took + program.run_once(frame)?))
    };
    contest = contest.contender(EMPTY, |times| one_by_one(&empty, times));
    for (name, program) in &programs {
        contest = contest.contender(*name, |times| one_by_one(program, times));
    }
    // What is timed is a small part of what is done.
    let outcome = contest.run(Effort { turn: effort.turn / 4, ..effort })?;
    enter(section, &outcome)
}

/// The program that steers and leaves the packet as it is.
fn repeatable(
    section: &mut Section,
    packet: &str,
    driver: Driver,
    frame: &[u8],
    effort: Effort,
) -> Result<()> {
    let (what, kind) = match driver {
        Driver::Tun => ("steering", ProgramKind::SocketFilter),
        Driver::Macvtap => ("macvtap", ProgramKind::SchedCls),
    };
    let empty = Runnable::empty(kind)?;
    let mut programs = vec![];
    for variant in &VARIANTS {
        let state = variant.state(driver, ReportMode::Off)?;
        let program = Runnable::of(&Object::new(&state)?)?;
        let queue = classify(&state.config, Link::Ethernet, frame).queue;
        // That of a macvtap sets the packet's hash and returns TC_ACT_UNSPEC.
        let expected = if driver == Driver::Tun { u32::from(queue) } else { u32::MAX };
        let (result, _) = program.run(frame, 1)?;
        ensure!(result == expected, "{packet}, {what} {}: {result}", variant.name);
        programs.push((variant.name, program));
    }
    let mut contest = Contest::new(format!("{what}, {packet}"));
    contest = contest.contender(EMPTY, |times| empty.repeat(frame, times));
    for (name, program) in &programs {
        contest = contest.contender(*name, |times| program.repeat(frame, times));
    }
    enter(section, &contest.run(effort)?)
}

/// Enter the figures, and what each variant takes of what the plain program does.
fn enter(section: &mut Section, outcome: &Outcome) -> Result<()> {
    section.measured.extend(outcome.measured());
    for variant in VARIANTS.iter().filter(|variant| variant.name != PLAIN) {
        section.ratios.push(outcome.net_ratio(variant.name, PLAIN, EMPTY)?);
    }
    Ok(())
}

impl Variant {
    fn state(&self, driver: Driver, report: ReportMode) -> Result<State> {
        let table: Vec<u16> = (1..=128).collect();
        let config = SteeringConfig::new(HashTypes::BASIC, HashKey::MICROSOFT, table, 0)?
            .with_tunnels(self.tunnels);
        let mut state = State::new(&config, Link::Ethernet, report);
        state.driver = driver;
        if self.counts {
            state.counter_cpus = u16::try_from(std::thread::available_parallelism()?.get())?;
        }
        Ok(state)
    }
}
