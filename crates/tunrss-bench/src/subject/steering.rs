//! The steering program beside QEMU's, on the same packets.

use std::time::Duration;

use anyhow::{Result, ensure};
use tunrss_bpf::asm::Asm;
use tunrss_bpf::insn::{AluOp, Helper, Reg, Size};
use tunrss_bpf::{ProgramKind, ReportMode, compile};
use tunrss_hash::{HashKey, HashTypes, Link, SteeringConfig, classify};
use tunrss_testkit::packet::{Network, Packet, Upper, V4, V6};

use crate::contest::{Contest, Effort, Outcome};
use crate::peer::qemu;
use crate::program::{Runnable, repeats};
use crate::record::{Goal, Ratio, Section};

pub(crate) fn run(effort: Effort) -> Result<Section> {
    let short = effort.in_short_turns();
    let mut section = Section {
        name: "steering".to_owned(),
        title: "Steering program: the queue of a packet".to_owned(),
        unit: "ns a packet".to_owned(),
        notes: vec![
            "BPF_PROG_TEST_RUN on one packet again and again, in CPU time: caches and branch \
             predictors know it"
                .to_owned(),
            format!(
                "128 entries, the same key and hash types; queues of {PACKETS} packets a case \
                 compared with classify before anything is timed"
            ),
            "empty: returns 0. floor: reads the same bytes of the packet, by one helper call, and \
             does nothing with them"
                .to_owned(),
            format!(
                "flows in turn: a packet of another of {PACKETS} flows in every run; a run is timed by \
                 the kernel, reading the clock included. cold caches: the same, and {} MiB written \
                 between any two runs",
                EVICTING / MIB
            ),
        ],
        ..Section::default()
    };
    let qemu = qemu::Object::take().inspect_err(|error| section.notes.push(format!("{error:#}")));
    let empty = Runnable::empty(ProgramKind::SocketFilter)?;
    for case in CASES {
        let contenders = Contenders::load(case, qemu.as_ref().ok(), &mut section.notes)?;
        let frame = case.frame(0);
        let contest = Contest::new(case.name);
        let contest = contest.contender("empty", |times| empty.repeat(&frame, times));
        let outcome = contenders.enter(contest, &frame).run(short)?;
        section.measured.extend(outcome.measured());
        section.ratios.extend(contenders.against_theirs(&outcome, case.goal)?);
        if contenders.floor.is_some() {
            section.ratios.push(outcome.net_ratio(OURS, "floor", "empty")?);
        }
        let caches = if case.is_tried_cold { &[Caches::Warm, Caches::Cold][..] } else { &[] };
        for &caches in caches {
            let mut contest = Contest::new(format!("{}, {}", case.name, caches.name()));
            contest = single_runs(contest, "empty", &empty, case.inputs(&empty)?, caches);
            if let Some(floor) = &contenders.floor {
                contest = single_runs(contest, "floor", floor, case.inputs(floor)?, caches);
            }
            let ours = &contenders.ours;
            contest = single_runs(contest, OURS, ours, case.inputs(ours)?, caches);
            if let Some((name, theirs)) = &contenders.theirs {
                contest = single_runs(contest, name, theirs, case.frames(), caches);
            }
            let outcome = contest.run(caches.effort(effort))?;
            section.measured.extend(outcome.measured());
            let goal = case.goal.filter(|_| caches == Caches::Warm);
            section.ratios.extend(contenders.against_theirs(&outcome, goal)?);
        }
    }
    Ok(section)
}

/// What a single run finds in the caches.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Caches {
    /// What the runs before it, on other packets, have left.
    Warm,
    /// Something else.
    Cold,
}

impl Caches {
    fn name(self) -> &'static str {
        match self {
            Self::Warm => "flows in turn",
            Self::Cold => "cold caches",
        }
    }

    /// What is timed is a small part of what is done.
    pub(super) fn effort(self, effort: Effort) -> Effort {
        let short = effort.in_short_turns();
        match self {
            Self::Warm => Effort { turn: short.turn / 4, ..short },
            // Long turns: what is cold in the first run only shall not count.
            Self::Cold => Effort { turn: effort.turn / 500, ..effort },
        }
    }
}

/// What is sent.
struct Case {
    name: &'static str,
    types: HashTypes,
    /// A packet of the flow with this number.
    packet: fn(u32) -> Packet,
    /// The loads of the floor, at offsets from the Ethernet header.
    floor: Option<&'static [(Size, i16)]>,
    /// Whether QEMU's program can be run on it.
    is_for_qemu: bool,
    is_tried_cold: bool,
    goal: Option<Goal>,
}

impl Case {
    const fn new(name: &'static str, packet: fn(u32) -> Packet) -> Self {
        Self {
            name,
            types: HashTypes::BASIC,
            packet,
            floor: None,
            is_for_qemu: true,
            is_tried_cold: false,
            goal: None,
        }
    }

    fn config(&self) -> Result<SteeringConfig<Vec<u16>>> {
        // Each entry another queue, and none of them that of unclassified packets.
        Ok(SteeringConfig::new(self.types, HashKey::MICROSOFT, (1..=128).collect(), 0)?)
    }

    /// Frames of all flows.
    fn frames(&self) -> Vec<Vec<u8>> {
        (0..PACKETS).map(|seed| self.frame(seed)).collect()
    }

    /// The same, as the kernel is to be given them for a program that reads them from the start.
    fn inputs(&self, program: &Runnable) -> Result<Vec<Vec<u8>>> {
        self.frames().iter().map(|frame| program.input(frame)).collect()
    }

    /// The packet as a frame, of 60 bytes at least.
    fn frame(&self, seed: u32) -> Vec<u8> {
        let mut frame = (self.packet)(seed).to_bytes(Link::Ethernet);
        frame.resize(frame.len().max(60), 0);
        frame
    }
}

const CASES: &[Case] = &[
    Case {
        floor: Some(V4_LOADS),
        is_tried_cold: true,
        goal: Some(Goal::AtMost(1.0 / 15.0)),
        ..Case::new("IPv4/TCP", |seed| Packet::new(v4(seed), tcp(seed)))
    },
    Case {
        floor: Some(V6_LOADS),
        is_tried_cold: true,
        goal: Some(Goal::AtMost(1.0 / 10.0)),
        ..Case::new("IPv6/TCP", |seed| Packet::new(v6(seed), tcp(seed)))
    },
    Case {
        floor: Some(V4_LOADS),
        ..Case::new("IPv4/UDP", |seed| Packet::new(v4(seed), udp(seed)))
    },
    Case {
        floor: Some(V6_LOADS),
        ..Case::new("IPv6/UDP", |seed| Packet::new(v6(seed), udp(seed)))
    },
    Case::new("IPv4 fragment", |seed| Packet::new(v4(seed).fragment(0x2000), udp(seed))),
    Case {
        types: HashTypes::IPV4.union(HashTypes::IPV6),
        ..Case::new("IPv4/TCP by addresses", |seed| Packet::new(v4(seed), tcp(seed)))
    },
    // A test run tells QEMU's program that the network header is at byte 14, whatever is there.
    Case {
        is_for_qemu: false,
        ..Case::new("IPv4/TCP, VLAN tag", |seed| Packet::new(v4(seed), tcp(seed)).vlan(0x8100))
    },
    Case::new("ARP", |_| Packet::new(Network::Other(0x0806), Upper::Other(0)).payload(&[0; 28])),
];

/// EtherType, version, fragment offset, protocol, addresses, ports.
const V4_LOADS: &[(Size, i16)] = &[
    (Size::Half, 12),
    (Size::Byte, 14),
    (Size::Half, 20),
    (Size::Byte, 23),
    (Size::Word, 26),
    (Size::Word, 30),
    (Size::Word, 34),
];

/// EtherType, version, next header, addresses, ports.
const V6_LOADS: &[(Size, i16)] = &[
    (Size::Half, 12),
    (Size::Byte, 14),
    (Size::Byte, 20),
    (Size::Double, 22),
    (Size::Double, 30),
    (Size::Double, 38),
    (Size::Double, 46),
    (Size::Word, 54),
];

const OURS: &str = "tunrss";

/// Packets of a case, each of another flow.
pub(super) const PACKETS: u32 = 256;

const MIB: usize = 1 << 20;

/// More than the caches that a core has for itself.
const EVICTING: usize = 8 * MIB;

const CACHE_LINE: usize = 64;

pub(super) fn v4(seed: u32) -> V4 {
    V4::new(spread(seed, 1).to_be_bytes(), spread(seed, 2).to_be_bytes())
}

pub(super) fn v6(seed: u32) -> V6 {
    let address = |salt| {
        let [high, low] = [spread(seed, salt), spread(seed, salt + 1)].map(u128::from);
        (0x2001_0db8_u128 << 96 | high << 48 | low).to_be_bytes()
    };
    V6::new(address(1), address(3))
}

pub(super) fn tcp(seed: u32) -> Upper {
    let [source_port, destination_port] = ports(seed);
    Upper::Tcp { source_port, destination_port }
}

fn udp(seed: u32) -> Upper {
    let [source_port, destination_port] = ports(seed);
    Upper::Udp { source_port, destination_port }
}

fn ports(seed: u32) -> [u16; 2] {
    // No port that tells a tunnel.
    [1, 2].map(|salt| 0x8000 | spread(seed, salt) as u16)
}

/// Numbers without pattern, the same in every run.
fn spread(seed: u32, salt: u32) -> u32 {
    let mixed = (seed ^ salt.rotate_left(16)).wrapping_mul(0x9e37_79b1);
    (mixed ^ mixed >> 15).wrapping_mul(0x85eb_ca77)
}

/// Our program, and theirs with its name, seen to give the right queues.
struct Contenders {
    ours: Runnable,
    theirs: Option<(String, Runnable)>,
    floor: Option<Runnable>,
}

impl Contenders {
    fn load(case: &Case, qemu: Option<&qemu::Object>, notes: &mut Vec<String>) -> Result<Self> {
        let config = case.config()?;
        let ours = Runnable::of(&compile(&config, Link::Ethernet, ReportMode::Off)?)?;
        let wrong = wrong_queues(case, &config, |frame| Ok(ours.run(frame, 1)?.0))?;
        ensure!(wrong == 0, "{}: wrong queues for {wrong} of {PACKETS} packets", case.name);
        let mut theirs = None;
        if let Some(qemu) = qemu
            && case.is_for_qemu
        {
            let program = qemu.load(&config)?;
            let queue = |frame: &[u8]| Ok(program.run_behind_link(frame, 1)?.0);
            match wrong_queues(case, &config, queue)? {
                0 => theirs = Some((qemu.name.clone(), program)),
                wrong => notes.push(format!(
                    "{} is left out at {}: another queue for {wrong} of {PACKETS} packets",
                    qemu.name, case.name
                )),
            }
        } else if let Some(qemu) = qemu {
            notes.push(format!(
                "{} is left out at {}: a test run misplaces the network header it goes by",
                qemu.name, case.name
            ));
        }
        let floor = case.floor.map(floor).transpose()?;
        Ok(Self { ours, theirs, floor })
    }

    /// Have them take part in `contest`, on `frame`.
    fn enter<'a>(&'a self, mut contest: Contest<'a>, frame: &'a [u8]) -> Contest<'a> {
        if let Some(floor) = &self.floor {
            contest = contest.contender("floor", |times| floor.repeat(frame, times));
        }
        contest = contest.contender(OURS, |times| self.ours.repeat(frame, times));
        if let Some((name, theirs)) = &self.theirs {
            let run = |times| Ok(theirs.run_behind_link(frame, repeats(times)?)?.1);
            contest = contest.contender(name, run);
        }
        contest
    }

    /// What ours takes of what theirs takes, if they took part.
    fn against_theirs(&self, outcome: &Outcome, goal: Option<Goal>) -> Result<Option<Ratio>> {
        let ratio = |(name, _): &(String, _)| outcome.net_ratio(OURS, name, "empty");
        let ratio = self.theirs.as_ref().map(ratio).transpose()?;
        Ok(ratio.map(|ratio| match goal {
            Some(goal) => ratio.with_goal(goal),
            None => ratio,
        }))
    }
}

/// For how many packets of the case the queue is not what `classify` says.
fn wrong_queues(
    case: &Case,
    config: &SteeringConfig<Vec<u16>>,
    queue: impl Fn(&[u8]) -> Result<u32>,
) -> Result<usize> {
    let mut wrong = 0;
    for seed in 0..PACKETS {
        let frame = case.frame(seed);
        let expected = classify(config, Link::Ethernet, &frame).queue;
        wrong += usize::from(queue(&frame)? != u32::from(expected));
    }
    Ok(wrong)
}

/// Runs on one input after the other, each timed by the kernel.
pub(super) fn single_runs<'a>(
    contest: Contest<'a>,
    name: &str,
    program: &'a Runnable,
    inputs: Vec<Vec<u8>>,
    caches: Caches,
) -> Contest<'a> {
    let mut evicting = vec![0_u8; if caches == Caches::Cold { EVICTING } else { 0 }];
    let mut next = inputs.into_iter().cycle();
    contest.contender(name, move |times| {
        let mut took = Duration::ZERO;
        for input in next.by_ref().take(usize::try_from(times)?) {
            for line in evicting.iter_mut().step_by(CACHE_LINE) {
                *line = line.wrapping_add(1);
            }
            std::hint::black_box(&mut evicting);
            took += program.run_once(&input)?;
        }
        Ok(took)
    })
}

/// The program that makes these loads, and does nothing with them.
fn floor(loads: &[(Size, i16)]) -> Result<Runnable> {
    // Two bytes off, so that IP headers behind Ethernet headers are aligned.
    const WINDOW: i16 = -62;
    let end = loads.iter().map(|&(size, at)| at + bytes(size)).max().unwrap_or(0);
    let mut asm = Asm::new();
    asm.mov(Reg::R2, 0);
    asm.mov(Reg::R3, Reg::R10);
    asm.alu(AluOp::Add, Reg::R3, i32::from(WINDOW));
    asm.mov(Reg::R4, i32::from(end));
    asm.call(Helper::SkbLoadBytes);
    for &(size, at) in loads {
        asm.load(size, Reg::R1, Reg::R10, WINDOW + at);
        asm.alu(AluOp::Xor, Reg::R0, Reg::R1);
    }
    asm.exit();
    Runnable::assemble("floor", ProgramKind::SocketFilter, asm)
}

fn bytes(size: Size) -> i16 {
    match size {
        Size::Byte => 1,
        Size::Half => 2,
        Size::Word => 4,
        Size::Double => 8,
    }
}
