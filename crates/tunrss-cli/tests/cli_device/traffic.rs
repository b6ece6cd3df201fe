//! What is set by one process holds for packets that another sends and a third reads.

use std::collections::HashSet;
use std::ops::Range;
use std::process::Stdio;

use tunrss::ReportMode;
use tunrss::hash::{Link, classify};

use crate::Run;
use crate::answers::{Set, Show, Steering, Warning};
use crate::harness::one_object;
use crate::net::{Net, WITHOUT_PTRACE};
use crate::peers::{Packet, Reader, Sender, play_if_asked};
use crate::settings::{InForce, cases, parse_ethtool, show};

/// What the reader shall say of `packet`: queue, hash and report. Where the kernel chooses, any queue
/// is right.
fn expected(in_force: &InForce, queues: u16, packet: &Packet) -> (u16, Option<u32>, String) {
    let verdict = classify(&in_force.config, packet.link(), &packet.frame());
    let queue = match in_force.steering.steering.as_str() {
        "rss" => verdict.queue % queues,
        "automatic" => packet.queue,
        other => panic!("unknown steering {other:?}"),
    };
    match in_force.mode {
        ReportMode::Off => (queue, None, "none".into()),
        ReportMode::Kernel | ReportMode::Reader => {
            let hash = (verdict.report.code() != 0).then_some(verdict.hash);
            (queue, hash, verdict.report.to_string())
        }
    }
}

fn actual(packet: &Packet) -> (u16, Option<u32>, String) {
    (packet.queue, packet.hash, packet.report.clone())
}

#[track_caller]
pub(crate) fn check(packets: &[Packet], in_force: &InForce, queues: u16) {
    for packet in packets {
        let expected = expected(in_force, queues, packet);
        let Steering { types, report, .. } = &in_force.steering;
        assert_eq!(actual(packet), expected, "{types} {report} {packet:?}");
    }
}

/// One persistent device through all report modes: `create`, `set`, `show`, `clear`, `delete`,
/// sender and reader are all processes of their own.
///
/// Also where the processes of [`crate::peers`] begin.
#[test]
#[ignore = "cargo xtask test bpf"]
fn packets_arrive_where_and_as_set() {
    play_if_asked();
    let net = Net::with_device(4);
    let mut reported = HashSet::new();
    for case in cases() {
        let in_force = InForce::set(&net, &case.options);
        case.check(&in_force.steering);
        let (rings, table, hkey) = parse_ethtool(net.run("show t0"));
        assert_eq!((rings, &hkey), (4, &in_force.steering.hkey));
        assert!(table == case.table, "{}", case.options);

        let reader = Reader::start(&net, 4);
        let mut sender = Sender::start(&net);
        sender.send(PACKETS);
        let packets = reader.take(PACKETS);
        check(&packets, &in_force, 4);
        let used: HashSet<_> = packets.iter().map(|packet| packet.queue).collect();
        let named = in_force.config.table().iter().copied().collect::<HashSet<_>>();
        if in_force.steering.types != "none" {
            assert!(used.is_superset(&named), "{}: {used:?} of {named:?}", case.options);
        }
        reported.extend(packets.into_iter().map(|packet| (case.report, packet.report)));
    }
    for report in ["none", "IPv4", "TCPv4", "UDPv4", "IPv6", "TCPv6", "UDPv6"] {
        assert!(reported.contains(&("kernel", report.into())), "{report}: {reported:?}");
    }

    net.run("clear t0").answer();
    assert_eq!(show(&net).steering, None);
    let reader = Reader::start(&net, 4);
    Sender::start(&net).send(PACKETS);
    for packet in reader.take(PACKETS) {
        assert_eq!((packet.hash, packet.report.as_str()), (None, "none"));
    }
    drop(reader);
    assert_eq!(net.run("delete t0").answer(), "deleted device t0\n");
    assert_eq!(net.devices(), ["lo"]);
}

/// The same of TUNs and of other headers, which the reader finds out about.
#[test]
#[ignore = "cargo xtask test bpf"]
fn packets_of_other_devices_arrive_where_and_as_set() {
    for (options, link) in [
        ("--tun", Link::Ip),
        ("--tun --vnet-hdr none", Link::Ip),
        ("--tun --vnet-hdr 10 --pi", Link::Ip),
        ("--vnet-hdr none --pi", Link::Ethernet),
    ] {
        let net = Net::new();
        net.run(&format!("create t0 --queues 4 {options}")).answer();
        // `kernel` before a sender has given the device an address: without virtio-net header there is
        // no checksum offload, and `set` would warn of what is lost then.
        for report in ["kernel", "off", "reader"] {
            let in_force = InForce::set(&net, &format!("--types all --report {report}"));
            let reader = Reader::start(&net, 4);
            Sender::start(&net).send(PACKETS);
            let packets = reader.take(PACKETS);
            check(&packets, &in_force, 4);
            assert!(packets.iter().all(|packet| packet.link() == link));
            let used: HashSet<_> = packets.iter().map(|packet| packet.queue).collect();
            assert_eq!(used.len(), 4, "{options} {report}");
        }
    }
}

/// While the configuration changes under a reader, every packet arrives at it, by the former or by
/// the new configuration as a whole. Where none is in force, the kernel may take any queue: an
/// additional one, too, if a command attached it.
fn changes_under_a_reader(initial: Option<&str>, commands: &[&str]) {
    let net = Net::with_device(4);
    let mut before = initial.map(|options| InForce::set(&net, options));
    let reader = Reader::start(&net, 4);
    let mut sender = Sender::start(&net);
    for line in commands {
        let command = format!("{line} --json");
        let (run, packets) = during(&net, &[], &command, &reader, &mut sender);
        let Show { queues, steering, .. } = show(&net);
        assert_eq!(queues, 4, "{line}: the command holds a queue no longer");
        let after = steering.map(InForce::of);
        if line.starts_with("set") {
            let set: Set = run.json();
            assert!(Some(set.steering()) == after.as_ref().map(|after| after.steering.clone()));
        } else {
            run.answer();
            assert!(line.contains("--dry-run") || after.is_none(), "{line}");
        }
        if let (Some(before), Some(after)) = (&before, &after) {
            for packet in packets {
                let either = [before, after].map(|one| expected(one, 4, &packet));
                assert!(either.contains(&actual(&packet)), "{line}: {packet:?}, not {either:?}");
            }
        }
        sender.send(PACKETS);
        let packets = own(reader.take(PACKETS));
        match &after {
            // The command has ended: only what it left holds.
            Some(after) => check(&packets, after, 4),
            None => assert!(packets.iter().any(|packet| packet.queue > 0), "all on one queue"),
        }
        before = after;
    }
}

/// Run a command line while packets are sent and read without a pause. All of them must arrive.
fn during(
    net: &Net,
    through: &[&str],
    line: &str,
    reader: &Reader,
    sender: &mut Sender,
) -> (Run, Vec<Packet>) {
    let mut command = net.tunrss_through(through);
    command.args(line.split_whitespace()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut packets = Vec::new();
    loop {
        let has_ended = child.try_wait().unwrap().is_some();
        sender.send(PACKETS);
        packets.extend(own(reader.take(PACKETS)));
        if has_ended {
            break;
        }
    }
    (child.wait_with_output().unwrap().into(), packets)
}

/// Without what the kernel sends by itself, which may have been under way since before a change.
fn own(packets: Vec<Packet>) -> Vec<Packet> {
    packets.into_iter().filter(|packet| packet.number().is_some()).collect()
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn commands_take_no_packet_from_a_reader() {
    let a = "set t0 --equal 3 --hkey microsoft --report off";
    let b = "set t0 --weight 1,2,4,1 --hkey symmetric --types ipv4 --report off";
    let commands =
        [a, b, "clear t0 --dry-run", "delete t0 --force --dry-run", "clear t0", b, a, "clear t0"];
    changes_under_a_reader(None, &commands);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn commands_take_no_packet_from_a_reader_of_reported_hashes() {
    let a = "--equal 3 --hkey microsoft --report kernel";
    let b = "--weight 1,2,4,1 --hkey symmetric --types ipv4 --report kernel";
    let [set_a, set_b] = [a, b].map(|options| format!("set t0 {options}"));
    changes_under_a_reader(Some(a), &[&set_b, &set_a, &set_b, &set_b]);
}

/// A command that may not duplicate the reader's descriptors changes nothing: a queue of its own
/// would take packets. It takes none from the reader.
#[test]
#[ignore = "cargo xtask test bpf"]
fn commands_that_cannot_trace_the_reader_are_refused() {
    let net = Net::with_device(4);
    let set = "set t0 --equal 3 --hkey microsoft --report off";
    net.run(set).answer();
    let before = show(&net).steering;
    let reader = Reader::start(&net, 4);
    let mut sender = Sender::start(&net);
    for line in ["clear t0", "set t0 --equal 4 --hkey symmetric --report kernel"] {
        let refusal = net.refusal_through(WITHOUT_PTRACE, 3, line);
        let error = "t0 is held by a process whose descriptors cannot be duplicated";
        assert_eq!(refusal.error, error);
        assert!(refusal.hint.unwrap().contains("CAP_SYS_PTRACE"));
        let show = show(&net);
        assert_eq!((show.queues, &show.steering), (4, &before));
    }
    let in_force = InForce::of(before.unwrap());
    sender.send(PACKETS);
    check(&own(reader.take(PACKETS)), &in_force, 4);
    // Who may look needs no descriptor.
    assert_eq!(net.run_through(WITHOUT_PTRACE, "show t0").code, Some(0));
    drop(reader);
    // Nobody holds it: nobody can lose packets.
    net.run_through(WITHOUT_PTRACE, "clear t0").answer();
}

/// A queue that is not there is warned of, and taken modulo those that are.
#[test]
#[ignore = "cargo xtask test bpf"]
fn queues_beyond_those_attached_are_taken_modulo() {
    let net = Net::with_device(4);
    let options = "--equal 1 --start 5 --hkey microsoft --report kernel";
    let run = net.run(&format!("set t0 {options}"));
    assert_eq!(run.code, Some(0));
    assert!(run.stdout.starts_with("set the steering of device t0: "), "{}", run.stdout);
    let warning = "the configuration names queue 5, and t0 has 4 queues (0 to 3); until more are \
                   attached, a queue number is taken modulo those that are";
    assert_eq!(run.stderr, format!("warning: {warning}\n"));
    let run = net.run(&format!("set t0 {options} --json"));
    assert_eq!(run.code, Some(0));
    let said: Warning = one_object(&run.stderr);
    assert_eq!(said, Warning { schema: 1, warning: warning.into() });
    let steering = show(&net).steering.unwrap();
    assert_eq!(steering.table, [5; 128]);
    let in_force = InForce::of(steering);

    let mut sender = None;
    // As many as are attached: all go to queue 1 of 4, then to queue 5 of 6.
    for (queues, queue) in [(4, 1), (6, 5)] {
        let reader = Reader::start(&net, queues);
        sender.get_or_insert_with(|| Sender::start(&net)).send(PACKETS);
        let packets = reader.take(PACKETS);
        check(&packets, &in_force, queues);
        assert!(packets.iter().any(|packet| packet.queue == queue));
    }
}

const PACKETS: Range<u16> = 0..240;
