//! What the programs compute is what `classify` says: run on packets, without a kernel.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use tunrss_bpf::insn::{Insn, Section};
use tunrss_bpf::{FILTER, Object, PREFIX_LEN, REPORT, RETURN_QUEUE, ReportMode, STEER, compile};
use tunrss_hash::dissect::{
    ETHERTYPE_QINQ, ETHERTYPE_VLAN, MAX_EXTENSION_HEADERS, MAX_OPTIONS, OPTION_HOME_ADDRESS,
};
use tunrss_hash::{HashKey, HashTypes, Link, SteeringConfig, Verdict, classify};
use tunrss_testkit::packet::{Extension, Ipv6Option, Packet, V6};
use tunrss_testkit::runner::{Input, Output, Runner};
use tunrss_testkit::strategy::{configs, generate, packets};
use tunrss_testkit::vector;

/// No packet takes more instructions than this, in any program. The kernel's limit is a million.
const MOST_STEPS: usize = 7_330;

/// No program takes more slots than this. A kernel before 5.2 would take 4,096.
const MOST_SLOTS: usize = 1_024;

type Config = SteeringConfig<Vec<u16>>;

/// The objects of a configuration, without and with kernel report.
struct Objects {
    link: Link,
    steer: Object,
    report: Object,
}

impl Objects {
    fn of(config: &Config, link: Link) -> Self {
        let with = |mode| compile(config, link, mode).unwrap();
        Self { link, steer: with(ReportMode::Off), report: with(ReportMode::Kernel) }
    }

    fn runners(&self) -> Runners<'_> {
        Runners {
            link: self.link,
            steer: Runner::new(&self.steer, STEER),
            report: Runner::new(&self.report, REPORT),
            return_queue: Runner::new(&self.report, RETURN_QUEUE),
            filter: Runner::new(&self.report, FILTER),
        }
    }
}

struct Runners<'a> {
    link: Link,
    steer: Runner<'a>,
    report: Runner<'a>,
    return_queue: Runner<'a>,
    filter: Runner<'a>,
}

impl Runners<'_> {
    /// Hold every program to `verdict`. The most instructions that one of them took.
    fn check(&self, packet: &[u8], verdict: Verdict) -> usize {
        let input = Input::new(packet);
        let steered = run(&self.steer, &input);
        assert_eq!(steered.value, u32::from(verdict.queue));
        assert_eq!(steered.packet, packet);

        let input = Input { queue_mapping: NOTED_BEFORE, ..input };
        let reported = run(&self.report, &input);
        assert_eq!(reported.value, TC_ACT_OK);
        assert_eq!(reported.packet[..PREFIX_LEN], prefix(verdict));
        assert_eq!(reported.packet[PREFIX_LEN..], *packet);
        // The kernel takes no note of queue 65,535, which is its word for none.
        let noted = if verdict.queue == u16::MAX { NOTED_BEFORE } else { verdict.queue };
        assert_eq!(reported.queue_mapping, noted);

        // What the device runs next: the kernel hands the class on as tc_index.
        let Output { queue_mapping, tc_classid: tc_index, ref packet, .. } = reported;
        let device = Input { queue_mapping, tc_index, ..Input::new(packet) };
        assert_eq!(run(&self.return_queue, &device).value, u32::from(noted));
        assert_eq!(run(&self.filter, &device).value, KEEP_ALL);
        steered.steps.max(reported.steps)
    }

    /// The same for a frame whose outermost VLAN tag is kept beside it. `tagged` is the verdict of
    /// the frame with the tag where it belongs.
    fn check_accelerated(&self, frame: &[u8], tagged: Verdict) {
        assert_eq!(self.link, Link::Ethernet);
        let input = Input { vlan_present: true, ..Input::new(frame) };
        assert_eq!(run(&self.steer, &input).value, u32::from(tagged.queue));
        // The device would put the tag into the prefix.
        let reported = run(&self.report, &input);
        assert_eq!((reported.value, &reported.packet[..]), (TC_ACT_SHOT, frame));
    }
}

fn run(runner: &Runner<'_>, input: &Input<'_>) -> Output {
    match runner.run(input) {
        Ok(output) => output,
        Err(fault) => panic!("{fault}, run on {input:02x?}"),
    }
}

/// `le32 hash_value, le16 hash_report, le16 0`
fn prefix(verdict: Verdict) -> [u8; PREFIX_LEN] {
    let mut prefix = [0; PREFIX_LEN];
    prefix[..4].copy_from_slice(&verdict.hash.to_le_bytes());
    prefix[4..6].copy_from_slice(&verdict.report.code().to_le_bytes());
    prefix
}

/// The frame with an 802.1Q tag in front of those it has; `None` if it has no place for one.
fn with_tag(frame: &[u8]) -> Option<Vec<u8>> {
    let (addresses, rest) = frame.split_at_checked(12)?;
    Some([addresses, &ETHERTYPE_VLAN.to_be_bytes(), &[0x60, 7], rest].concat())
}

const NOTED_BEFORE: u16 = 77;

// linux/pkt_cls.h
const TC_ACT_OK: u32 = 0;
const TC_ACT_SHOT: u32 = 2;

/// What a filter returns to cut off no byte.
const KEEP_ALL: u32 = u32::MAX;

#[test]
fn every_vector_has_its_verdict() {
    let vectors = vector::all();
    assert!(vectors.len() >= 16);
    for vector in vectors {
        println!("{}: {}", vector.id, vector.comment);
        let objects = Objects::of(&vector.config, vector.link);
        objects.runners().check(&vector.packet, vector.expected);
    }
}

/// 110 configurations and 200 packets each: 22,000, two thirds of them frames that also run with a
/// tag beside them.
#[test]
fn bytecode_is_classify() {
    const CONFIGS: usize = 110;
    const PACKETS: usize = 200;
    let [mut checked, mut accelerated, mut hashed, mut most_steps] = [0; 4];
    for (index, config) in generate(configs(), 11).take(CONFIGS).enumerate() {
        let link = if index % 3 == 2 { Link::Ip } else { Link::Ethernet };
        let objects = Objects::of(&config, link);
        let runners = objects.runners();
        for packet in generate(packets(link), index as u64).take(PACKETS) {
            let verdict = classify(&config, link, &packet);
            // Shown if the test fails.
            let _context = Context { config: &config, link, packet: &packet, verdict };
            most_steps = most_steps.max(runners.check(&packet, verdict));
            checked += 1;
            hashed += usize::from(verdict.hash != 0);
            if link == Link::Ethernet
                && let Some(tagged) = with_tag(&packet)
            {
                runners.check_accelerated(&packet, classify(&config, link, &tagged));
                accelerated += 1;
            }
        }
    }
    println!("{checked} packets, {hashed} hashed, {accelerated} with a tag, {most_steps} steps");
    assert!(checked >= 20_000 && hashed >= 5_000 && accelerated >= 10_000);
    assert!(most_steps <= MOST_STEPS);
}

/// Says, in a test that panics, what it was about.
struct Context<'a> {
    config: &'a Config,
    link: Link,
    packet: &'a [u8],
    verdict: Verdict,
}

impl Drop for Context<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { config, link, packet, verdict } = self;
            println!("{link:?} {packet:02x?}\nunder {config:?}\nis {verdict:?}");
        }
    }
}

#[test]
fn frame_without_room_in_front_is_dropped() {
    let config = config(HashTypes::ALL);
    let objects = Objects::of(&config, Link::Ethernet);
    let frame = Packet::udp(V6::new(1, 2), 3, 4).to_bytes(Link::Ethernet);
    let input = Input { has_headroom: false, ..Input::new(&frame) };
    assert_eq!(run(&objects.runners().report, &input).value, TC_ACT_SHOT);
}

#[test]
fn frame_without_report_is_dropped() {
    let config = config(HashTypes::ALL);
    let objects = Objects::of(&config, Link::Ethernet);
    for tc_index in [0, 1, u16::MAX] {
        let input = Input { tc_index, ..Input::new(&[0; 60]) };
        assert_eq!(run(&objects.runners().filter, &input).value, 0);
    }
}

/// Two VLAN tags, and as many extension headers as are walked, each with as many options as are
/// looked at; the longest path through each, the address found at the very end.
#[test]
fn steps_are_bounded() {
    // An option of the kind that is looked for and the length that is not.
    let near_miss = || Ipv6Option::Other(OPTION_HOME_ADDRESS, vec![]);
    let options = |count| (0..count).map(|_| near_miss()).collect::<Vec<_>>();
    let mut last = options(MAX_OPTIONS - 1);
    last.push(Ipv6Option::HomeAddress(3.into()));
    let mut v6 = (1..MAX_EXTENSION_HEADERS)
        .fold(V6::new(1, 2), |v6, _| v6.with(Extension::Destination(options(MAX_OPTIONS + 1))));
    v6 = v6.with(Extension::Destination(last));
    let packet = Packet::udp(v6, 4, 5).vlan(ETHERTYPE_QINQ).vlan(ETHERTYPE_QINQ);
    let mut most_steps = 0;
    for types in all_types() {
        for link in [Link::Ethernet, Link::Ip] {
            let packet = packet.to_bytes(link);
            let config = config(types);
            let objects = Objects::of(&config, link);
            let verdict = classify(&config, link, &packet);
            most_steps = most_steps.max(objects.runners().check(&packet, verdict));
        }
    }
    println!("{most_steps} steps");
    assert!((MOST_STEPS - 10..=MOST_STEPS).contains(&most_steps), "{most_steps} steps");
}

#[test]
fn programs_are_short_and_survive_their_encoding() {
    let mut most_slots = 0;
    for types in all_types() {
        for link in [Link::Ethernet, Link::Ip] {
            for mode in ReportMode::ALL {
                let object = compile(&config(types), link, mode).unwrap();
                for program in object.programs() {
                    let code = program.code();
                    most_slots = most_slots.max(code.slots());
                    assert!(code.slots() <= MOST_SLOTS, "{types} {link:?} {mode}\n{program}");
                    let encoded = code.encode();
                    assert_eq!(encoded.len(), 8 * code.slots());
                    assert_eq!(decoded(&encoded, code.insns()), code.insns());
                }
            }
        }
    }
    println!("{most_slots} slots");
}

/// The instructions that `bytes` encode; `originals` say which section each address is in.
fn decoded(bytes: &[u8], originals: &[Insn]) -> Vec<Insn> {
    let (slots, []) = bytes.as_chunks() else { panic!("{} bytes of code", bytes.len()) };
    let mut slots = slots.iter();
    let mut decoded = vec![];
    while let Some(&slot) = slots.next() {
        let section = match originals.get(decoded.len()) {
            Some(Insn::LoadAddress { section, .. }) => *section,
            _ => Section::Rodata,
        };
        let insn = Insn::decode(slot, section).unwrap();
        if insn.slots() == 2 {
            assert_eq!(slots.next(), Some(&[0; 8]));
        }
        decoded.push(insn);
    }
    decoded
}

fn all_types() -> impl Iterator<Item = HashTypes> {
    (0..=HashTypes::ALL.bits()).filter_map(HashTypes::from_bits)
}

fn config(types: HashTypes) -> Config {
    SteeringConfig::new(types, HashKey::MICROSOFT, (0..16).collect(), 16).unwrap()
}
