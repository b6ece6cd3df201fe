//! What the programs compute is what `classify` says: run on packets, without a kernel.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use tunrss_bpf::counters::Count;
use tunrss_bpf::insn::{Insn, Section};
use tunrss_bpf::{
    Counters, Driver, FILTER, INGRESS, Object, Prefix, REPORT, RETURN_QUEUE, ReportMode, STEER,
    State, SteeringMode, compile,
};
use tunrss_hash::dissect::{
    ETHERTYPE_QINQ, ETHERTYPE_VLAN, MAX_EXTENSION_HEADERS, MAX_OPTIONS, OPTION_ENCAPSULATION_LIMIT,
    OPTION_HOME_ADDRESS, dissect,
};
use tunrss_hash::tunnel::{PORT_GRE, dissect_through};
use tunrss_hash::{
    HashKey, HashReport, HashTypes, InputTransform, Link, SteeringConfig, TunnelTypes, Verdict,
    classify,
};
use tunrss_testkit::packet::{Extension, Ipv6Option, Packet, Tunnel, Upper, V6};
use tunrss_testkit::runner::{Input, Output, Runner};
use tunrss_testkit::strategy::{configs, generate, packet_count, packets};
use tunrss_testkit::vector;

/// No packet takes more instructions than this, in any program. The kernel's limit is a million.
const MOST_STEPS: usize = 7_730;

/// The same of programs that look into tunnels and transform what they hash.
const MOST_STEPS_IN_TUNNEL: usize = 8_550;

/// No program takes more slots than this. A kernel before 5.2 would take 4,096.
const MOST_SLOTS: usize = 1_090;

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
        let prefix = Prefix::from(verdict).encode();
        assert_eq!(reported.packet, [&prefix[..], packet].concat());
        // The kernel takes no note of queue 65,535, which is its word for none. The token says it.
        let noted = if verdict.queue == u16::MAX { NOTED_BEFORE } else { verdict.queue };
        assert_eq!(reported.queue_mapping, noted);

        // What the device runs next: the kernel hands the class on as tc_index.
        let Output { queue_mapping, tc_classid: tc_index, ref packet, .. } = reported;
        let device = Input { queue_mapping, tc_index, ..Input::new(packet) };
        assert_eq!(run(&self.return_queue, &device).value, u32::from(verdict.queue));
        assert_eq!(run(&self.filter, &device).value, KEEP_ALL);
        steered.steps.max(reported.steps)
    }

    /// The same for a frame whose outermost VLAN tag, [`TAG`], is kept beside it. `tagged` is the frame
    /// with the tag where it belongs, and `verdict` what it gets.
    fn check_accelerated(&self, frame: &[u8], tagged: &[u8], verdict: Verdict) {
        assert_eq!(self.link, Link::Ethernet);
        let input = Input { vlan_tag: Some(TAG), ..Input::new(frame) };
        assert_eq!(run(&self.steer, &input).value, u32::from(verdict.queue));
        // All tags in their places, unless there are more than are put back.
        let reported = run(&self.report, &input);
        if tags(tagged) > 4 {
            assert_eq!(reported.value, TC_ACT_SHOT);
        } else {
            let prefix = Prefix::from(verdict).encode();
            assert_eq!(reported.value, TC_ACT_OK);
            assert_eq!(reported.packet, [&prefix[..], tagged].concat());
        }
    }
}

/// How many VLAN tags the frame starts with.
fn tags(frame: &[u8]) -> usize {
    let (_, rest) = frame.split_at(12);
    let is_tag = |tag: &&[u8]| matches!(tag, [0x81, 0, ..] | [0x88, 0xa8, ..]);
    rest.chunks_exact(4).take_while(is_tag).count()
}

fn run(runner: &Runner<'_>, input: &Input<'_>) -> Output {
    match runner.run(input) {
        Ok(output) => output,
        Err(fault) => panic!("{fault}, run on {input:02x?}"),
    }
}

/// The frame with [`TAG`] in front of those it has; `None` if it has no place for one.
fn with_tag(frame: &[u8]) -> Option<Vec<u8>> {
    let (addresses, rest) = frame.split_at_checked(12)?;
    let (protocol, tci) = TAG;
    Some([addresses, &protocol.to_be_bytes(), &tci.to_be_bytes(), rest].concat())
}

/// All priority bits in use.
const TAG: (u16, u16) = (ETHERTYPE_VLAN, 0xf007);

const NOTED_BEFORE: u16 = 77;

// linux/pkt_cls.h
const TC_ACT_UNSPEC: u32 = u32::MAX;
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

/// 250 configurations and 400 packets each: 100,000, two thirds of them frames that also run with a
/// tag beside them. Or as many packets as TUNRSS_PACKETS says.
#[test]
fn bytecode_is_classify() {
    const CONFIGS: usize = 250;
    let packets_each = packet_count(100_000).div_ceil(CONFIGS);
    let [mut checked, mut accelerated, mut hashed, mut tunnels, mut most_steps] = [0; 5];
    for (index, config) in generate(configs(), 11).take(CONFIGS).enumerate() {
        let link = if index % 3 == 2 { Link::Ip } else { Link::Ethernet };
        let objects = Objects::of(&config, link);
        let runners = objects.runners();
        for packet in generate(packets(link), index as u64).take(packets_each) {
            let verdict = classify(&config, link, &packet);
            // Shown if the test fails.
            let _context = Context { config: &config, link, packet: &packet, verdict };
            most_steps = most_steps.max(runners.check(&packet, verdict));
            checked += 1;
            hashed += usize::from(verdict.hash != 0);
            let outer = dissect(link, &packet);
            let through = dissect_through(config.tunnels(), link, &packet);
            tunnels += usize::from(through != outer);
            if link == Link::Ethernet
                && let Some(tagged) = with_tag(&packet)
            {
                let verdict = classify(&config, link, &tagged);
                runners.check_accelerated(&packet, &tagged, verdict);
                accelerated += 1;
            }
        }
    }
    println!(
        "{checked} packets, {hashed} hashed, {tunnels} looked into, {accelerated} with a tag, \
         {most_steps} steps"
    );
    assert!(checked >= 100_000 && hashed >= 25_000 && accelerated >= 50_000);
    assert!(tunnels >= 10_000);
    assert!(most_steps <= MOST_STEPS_IN_TUNNEL);
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

/// Whatever else a steering program is for, a frame that the report program has been at goes to the
/// queue noted there; without one, to the queue that the kernel's own hash names.
#[test]
fn steering_programs_heed_the_tokens() {
    let config = config(HashTypes::ALL);
    let objects = Objects::of(&config, Link::Ethernet);
    let runners = objects.runners();
    let frame = Packet::udp(V6::new(1, 2), 3, 4).to_bytes(Link::Ethernet);
    let automatic = Object::new(&State {
        steering: SteeringMode::Automatic,
        ..State::new(&config, Link::Ethernet, ReportMode::Kernel)
    });
    let automatic = automatic.unwrap();
    assert!(automatic.program(RETURN_QUEUE).is_none());
    let before = Input { queue_mapping: NOTED_BEFORE, ..Input::new(&frame) };
    let reported = run(&Runner::new(&automatic, REPORT), &before);
    let verdict = classify(&config, Link::Ethernet, &frame);
    let prefix = Prefix::from(verdict).encode();
    assert_eq!(reported.packet, [&prefix[..], &frame].concat());
    assert_eq!(reported.queue_mapping, NOTED_BEFORE);
    let noted = run(&runners.report, &before);
    assert_ne!(noted.tc_classid, reported.tc_classid);
    for program in [&runners.steer, &runners.return_queue] {
        for (tc_index, queue) in [(noted.tc_classid, 5), (reported.tc_classid, 6)] {
            let input =
                Input { tc_index, queue_mapping: 5, hash: 6, ..Input::new(&reported.packet) };
            assert_eq!(run(program, &input).value, queue);
        }
    }
    let filter = Runner::new(&automatic, FILTER);
    for program in [&runners.filter, &filter] {
        for tc_index in [noted.tc_classid, reported.tc_classid] {
            assert_eq!(run(program, &Input { tc_index, ..before }).value, KEEP_ALL);
        }
    }
    // Another tc program's class says nothing.
    let foreign = Input { tc_index: 7, hash: 6, ..before };
    assert_eq!(run(&runners.steer, &foreign).value, u32::from(verdict.queue));
    assert_eq!(run(&runners.return_queue, &foreign).value, 6);
}

#[test]
fn frame_under_way_is_let_through_for_a_while() {
    let config = config(HashTypes::ALL);
    let state =
        State { guarded_from: 1 << 40, ..State::new(&config, Link::Ethernet, ReportMode::Kernel) };
    let object = Object::new(&state).unwrap();
    let filter = Runner::new(&object, FILTER);
    for (time, kept) in [(0, KEEP_ALL), ((1 << 40) - 1, KEEP_ALL), (1 << 40, 0), (u64::MAX, 0)] {
        assert_eq!(run(&filter, &Input { time, ..Input::new(&[0; 60]) }).value, kept, "{time}");
    }
}

/// macvtap takes the hash modulo the number of its queues; 0 is its first queue if no receive queue
/// is recorded.
#[test]
fn macvtap_is_told_the_queue_by_hash() {
    let config = config(HashTypes::ALL);
    let state = State {
        driver: Driver::Macvtap,
        ..State::new(&config, Link::Ethernet, ReportMode::Reader)
    };
    let object = Object::new(&state).unwrap();
    let ingress = Runner::new(&object, INGRESS);
    let mut queues = BTreeSet::new();
    for packet in generate(packets(Link::Ethernet), 5).take(500) {
        let input = Input { queue_mapping: NOTED_BEFORE, hash: 99, ..Input::new(&packet) };
        let output = run(&ingress, &input);
        let queue = classify(&config, Link::Ethernet, &packet).queue;
        assert_eq!((output.hash, output.queue_mapping), (u32::from(queue), 0));
        assert_eq!((output.value, &output.packet), (TC_ACT_UNSPEC, &packet));
        queues.insert(queue);
    }
    assert!(queues.len() > 10);
    let automatic = State { steering: SteeringMode::Automatic, ..state };
    let object = Object::new(&automatic).unwrap();
    let input = Input { queue_mapping: NOTED_BEFORE, hash: 99, ..Input::new(&[0; 60]) };
    let output = run(&Runner::new(&object, INGRESS), &input);
    assert_eq!((output.hash, output.queue_mapping), (99, NOTED_BEFORE));
    assert_eq!(output.value, TC_ACT_UNSPEC);
}

/// Every program that classifies counts each packet once, where `classify` says, on its CPU.
#[test]
fn counters_are_of_classify() {
    for (index, config) in generate(configs(), 21).take(40).enumerate() {
        let link = if index % 3 == 2 { Link::Ip } else { Link::Ethernet };
        let cpus = 1 + index as u16 % 5;
        let with = |driver, steering, report| State {
            driver,
            steering,
            counter_cpus: cpus,
            ..State::new(&config, link, report)
        };
        let (rss, automatic) = (SteeringMode::Rss, SteeringMode::Automatic);
        let cases = [
            (STEER, with(Driver::Tun, rss, ReportMode::Off)),
            (REPORT, with(Driver::Tun, rss, ReportMode::Kernel)),
            (REPORT, with(Driver::Tun, automatic, ReportMode::Kernel)),
            (REPORT, with(Driver::Tun, automatic, ReportMode::Off)),
            (INGRESS, with(Driver::Macvtap, rss, ReportMode::Off)),
            (INGRESS, with(Driver::Macvtap, automatic, ReportMode::Reader)),
        ];
        for (name, state) in cases {
            let object = Object::new(&state).unwrap();
            let runner = Runner::new(&object, name);
            for (number, packet) in generate(packets(link), index as u64).take(40).enumerate() {
                let cpu = number as u32 % u32::from(cpus);
                let output = run(&runner, &Input { cpu, ..Input::new(&packet) });
                let block = output.bss.len() / usize::from(cpus);
                let own = block * cpu as usize..block * (cpu as usize + 1);
                let others = [&output.bss[..own.start], &output.bss[own.end..]].concat();
                assert!(others.iter().all(|&byte| byte == 0));
                let found = Counters::decode(&state, &output.bss).unwrap();
                let verdict = classify(&config, link, &packet);
                assert_eq!(found, counted(&state, verdict, packet.len()), "{name} {state:?}");
                // A tag beside the frame is one of its bytes.
                if let (Link::Ethernet, Some(tagged)) = (link, with_tag(&packet)) {
                    let input = Input { vlan_tag: Some(TAG), ..Input::new(&packet) };
                    let found = Counters::decode(&state, &run(&runner, &input).bss).unwrap();
                    let verdict = classify(&config, link, &tagged);
                    assert_eq!(found, counted(&state, verdict, tagged.len()), "{name} {state:?}");
                }
            }
        }
        let state = with(Driver::Tun, rss, ReportMode::Kernel);
        let object = Object::new(&state).unwrap();
        let output = run(&Runner::new(&object, FILTER), &Input::new(&[0; 60]));
        let found = Counters::decode(&state, &output.bss).unwrap();
        assert_eq!(found.dropped, Count { packets: 1, bytes: 60 });
        assert_eq!(found.total(), Count::default());
    }
}

/// What one packet counts.
fn counted(state: &State, verdict: Verdict, len: usize) -> Counters {
    let one = Count { packets: 1, bytes: len as u64 };
    let table = state.config.table();
    let is_rss = state.steering == SteeringMode::Rss;
    let mut counters = Counters::default();
    match verdict.report {
        HashReport::None => counters.unclassified = one,
        report => counters.by_report[usize::from(report.code()) - 1] = one,
    }
    if is_rss {
        // More queues than that no device has.
        let queues = usize::from(state.config.highest_queue()).min(255) + 1;
        counters.by_queue = vec![Count::default(); queues];
        if let Some(count) = counters.by_queue.get_mut(usize::from(verdict.queue)) {
            *count = one;
        }
        counters.by_entry = vec![Count::default(); table.len()];
        if verdict.report != HashReport::None {
            counters.by_entry[verdict.hash as usize % table.len()] = one;
        }
    }
    counters
}

/// Up to four tags, one of them beside the frame.
#[test]
fn tags_go_back_where_they_belong() {
    let config = config(HashTypes::ALL);
    let objects = Objects::of(&config, Link::Ethernet);
    let runners = objects.runners();
    let mut frame = Packet::udp(V6::new(1, 2), 3, 4).to_bytes(Link::Ethernet);
    for _ in 0..6 {
        let tagged = with_tag(&frame).unwrap();
        let verdict = classify(&config, Link::Ethernet, &tagged);
        runners.check_accelerated(&frame, &tagged, verdict);
        frame = tagged;
    }
    assert_eq!(tags(&frame), 6);
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
    let most = |packet: &Packet, tunnels, transform| {
        let mut most_steps = 0;
        for types in all_types() {
            for link in [Link::Ethernet, Link::Ip] {
                let packet = packet.to_bytes(link);
                let config = config(types).with_tunnels(tunnels).with_transform(transform);
                let objects = Objects::of(&config, link);
                let verdict = classify(&config, link, &packet);
                most_steps = most_steps.max(objects.runners().check(&packet, verdict));
            }
        }
        most_steps
    };
    let plain = most(&packet, TunnelTypes::NONE, InputTransform::None);
    println!("{plain} steps");
    assert!((MOST_STEPS - 10..=MOST_STEPS).contains(&plain), "{plain} steps");
    // The same in the tunnel that takes the longest to recognise, behind VLAN tags and as many options
    // as are looked at, an encapsulation limit the last.
    let flags = 0xb000;
    let tunnel = Tunnel::GreUdp { port: PORT_GRE, flags, payload: None };
    let near_miss = || Ipv6Option::Other(OPTION_ENCAPSULATION_LIMIT, vec![]);
    let mut options: Vec<_> = (1..MAX_OPTIONS).map(|_| near_miss()).collect();
    options.push(Ipv6Option::encapsulation_limit(4));
    let outer = V6::new(1, 2).with(Extension::Destination(options));
    let packet = Packet::new(outer, Upper::tunnel(tunnel, Link::Ethernet, packet))
        .vlan(ETHERTYPE_QINQ)
        .vlan(ETHERTYPE_QINQ);
    let in_tunnel = most(&packet, TunnelTypes::ALL, InputTransform::SymmetricOrXor);
    println!("{in_tunnel} steps in a tunnel");
    let bound = MOST_STEPS_IN_TUNNEL;
    assert!((bound - 10..=bound).contains(&in_tunnel), "{in_tunnel} steps in a tunnel");
}

#[test]
fn programs_are_short_and_survive_their_encoding() {
    let mut most_slots = 0;
    for types in all_types() {
        for link in [Link::Ethernet, Link::Ip] {
            let tunnels = [TunnelTypes::NONE, TunnelTypes::NVGRE, TunnelTypes::ALL];
            let more = tunnels.into_iter().zip(InputTransform::ALL);
            let modes = ReportMode::ALL.into_iter();
            for (mode, (tunnels, transform)) in
                modes.flat_map(|mode| more.clone().map(move |more| (mode, more)))
            {
                let config = config(types).with_tunnels(tunnels).with_transform(transform);
                let object = compile(&config, link, mode).unwrap();
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
