//! What is set besides a configuration, and changed without a new one: counters, entries, the owner,
//! who steers.

use std::ops::Range;

use crate::answers::{Number, Set, Show, Stats};
use crate::net::Net;
use crate::peers::{Packet, Reader, Sender, detach_program, steer_as};
use crate::settings::{InForce, show};
use crate::traffic::check;

#[test]
#[ignore = "cargo xtask test bpf"]
fn show_tells_what_was_counted() {
    let net = Net::with_device(4);
    let off = "Counters: off; `tunrss set` with --counters turns them on\n";
    InForce::set(&net, "--types all --hkey microsoft --report kernel");
    assert!(net.run("show t0 --stats").answer().ends_with(off));
    assert_eq!(net.run("show t0 --stats --json").json::<Show>().counters, None);

    let set = InForce::set(&net, "--types all --hkey microsoft --report kernel --counters");
    assert!(set.steering.counters);
    assert_eq!(show(&net).counters, None);
    let reader = Reader::start(&net, 4);
    Sender::start(&net).send(PACKETS);
    let packets = reader.take(PACKETS);
    let stats = net.run("show t0 --stats --json").json::<Show>().counters.unwrap();
    let text = net.run("show t0 --stats").answer();
    assert!(text.contains("\nCounters:             packets            bytes\n"), "{text}");
    for report in SENT {
        let of = |packet: &&Packet| packet.report == report && packet.number().is_some();
        let frames = packets.iter().filter(of).map(Packet::frame);
        let (packets, bytes) = frames
            .fold((0, 0), |(packets, bytes), frame| (packets + 1, bytes + frame.len() as u64));
        assert_eq!(packets, u64::from(PACKETS.end) / 4);
        assert_eq!(stats.by_report[report], Number { packets, bytes });
        assert!(text.contains(&format!("    {report:<14}{packets:>10} {bytes:>16}\n")), "{text}");
    }
    assert_adds_up(&stats);
    // The kernel sends some of its own accord.
    assert!(stats.total.packets >= u64::from(PACKETS.end));
    assert_eq!((stats.by_queue.len(), stats.by_entry.len()), (4, 128));
    assert!(stats.by_queue.iter().all(|queue| queue.packets > 0));
    assert!(text.contains("\n    queue 3 ") && text.contains("\n    all "), "{text}");
}

/// The sender's packets; the kernel sends none of these by itself.
const SENT: [&str; 4] = ["TCPv4", "UDPv4", "TCPv6", "UDPv6"];

const PACKETS: Range<u16> = 0..240;

/// Each packet is counted by report, by queue, and by entry if it has a hash.
fn assert_adds_up(stats: &Stats) {
    let sum = |rows: &mut dyn Iterator<Item = &Number>| {
        rows.fold(Number { packets: 0, bytes: 0 }, |sum, row| Number {
            packets: sum.packets + row.packets,
            bytes: sum.bytes + row.bytes,
        })
    };
    let none = [stats.unclassified];
    assert_eq!(sum(&mut stats.by_report.values().chain(&none)), stats.total);
    assert_eq!(sum(&mut stats.by_entry.iter().chain(&none)), stats.total);
    assert_eq!(sum(&mut stats.by_queue.iter()), stats.total);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn entries_are_changed_alone() {
    let net = Net::with_device(4);
    let nothing = net.refusal(2, "set t0 --entry 3=1");
    assert_eq!(nothing.error, "t0 has no steering by tunrss");

    let before = InForce::set(&net, "--types all --hkey microsoft --report kernel").steering;
    let mut expected = before.clone();
    (expected.table[3], expected.table[127]) = (1, 0);
    let line = "set t0 --entry 3=1,127=0";
    let set: Set = net.run(&format!("{line} --dry-run --json")).json();
    assert_eq!((set.dry_run, set.steering()), (true, expected.clone()));
    assert_eq!(show(&net).steering.as_ref(), Some(&before));
    let types = &before.types;
    assert_eq!(
        net.run(line).answer(),
        format!("set the steering of device t0: types {types}, queues up to 3, report kernel\n")
    );
    assert_eq!(show(&net).steering, Some(expected.clone()));

    for (entries, error) in [
        ("4=1,128=0", "t0 has an indirection table of 128 entries, there is no entry 128"),
        ("4=256", "--entry 4=256 names queue 256, the highest there can be is 255"),
        ("4", "cannot read --entry \"4\" as an index and a queue"),
        ("4=-1", "cannot read --entry \"4=-1\" as an index and a queue"),
    ] {
        for dry_run in ["", "--dry-run"] {
            let refusal = net.refusal(2, &format!("set t0 --entry {entries} {dry_run}"));
            assert_eq!(refusal.error, error);
        }
        assert_eq!(show(&net).steering.as_ref(), Some(&expected));
    }

    // All to one queue, half by half, while a reader holds the device.
    let reader = Reader::start(&net, 4);
    for half in [0..64, 64..128] {
        let entries: Vec<_> = half.map(|entry| format!("{entry}=2")).collect();
        net.run(&format!("set t0 --entry {}", entries.join(","))).answer();
    }
    let in_force = InForce::of(show(&net).steering.unwrap());
    assert_eq!(in_force.config.table(), [2; 128]);
    Sender::start(&net).send(PACKETS);
    let mut packets = reader.take(PACKETS);
    // What the kernel itself has sent may have come when only one half had been set.
    packets.retain(|packet| packet.number().is_some());
    assert_eq!(packets.len(), PACKETS.len());
    check(&packets, &in_force, 4);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn device_of_another_owner_is_taken_by_force_alone() {
    let net = Net::with_device(4);
    assert_eq!(steer_as(&net, "a-vmm"), None);
    let theirs = show(&net).steering.unwrap();
    assert_eq!(theirs.owner, "a-vmm");
    assert!(net.run("show t0").answer().ends_with("Set by: a-vmm\n"));
    for line in [
        "set t0 --report kernel",
        "set t0 --entry 0=0",
        "clear t0",
        "set t0 --dry-run",
        "clear t0 --dry-run",
    ] {
        let refusal = net.refusal(2, line);
        assert_eq!(refusal.error, "the steering of t0 was set by a-vmm");
        let hint = refusal.hint.unwrap();
        let replaces = "`tunrss set t0 --force` replaces it, `tunrss clear t0 --force` removes it";
        assert_eq!(hint, format!("let its owner change it; {replaces}"));
        assert_eq!(show(&net).steering.as_ref(), Some(&theirs));
    }
    // Its entries can be changed, and it stays theirs.
    net.run("set t0 --entry 0=0 --force").answer();
    let steering = show(&net).steering.unwrap();
    assert_eq!((steering.owner.as_str(), steering.table[0]), ("a-vmm", 0));
    net.run("set t0 --report kernel --force").answer();
    assert_eq!(show(&net).steering.unwrap().owner, "tunrss");
    let refusal = steer_as(&net, "a-vmm").unwrap();
    assert_eq!(refusal, "the steering of t0 was set by tunrss");
    net.run("clear t0").answer();

    assert_eq!(steer_as(&net, "a-vmm"), None);
    let removed = "removed steering and hash report of device t0\n";
    assert_eq!(net.run("clear t0 --force").answer(), removed);
    assert_eq!(show(&net).steering, None);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn kernel_steers_and_packets_are_hashed() {
    let net = Net::with_device(4);
    let table = "cannot use a table with --steering automatic: the kernel chooses the queue";
    for (options, error) in [
        ("--equal 2", table),
        ("--unclassified 1 --report kernel", table),
        (
            "--report off",
            "--steering automatic with --report off and without --counters leaves nothing to set",
        ),
    ] {
        let refusal = net.refusal(2, &format!("set t0 --steering automatic {options}"));
        assert_eq!(refusal.error, error);
    }
    assert_eq!(show(&net).steering, None);
    let options = "--steering automatic --types all --hkey microsoft";
    for report in ["kernel", "reader"] {
        let line = format!("set t0 {options} --report {report}");
        let text = net.run(&line).answer();
        let end = format!(", queues as the kernel chooses, report {report}\n");
        assert!(text.ends_with(&end), "{text}");
        let text = net.run("show t0").answer();
        assert!(text.contains("\n    none: the kernel steers automatically\nRSS hash key:"));
        assert!(!text.contains("Unclassified"), "{text}");
        let in_force = InForce::set(&net, &format!("{options} --report {report} --counters"));
        assert_eq!(in_force.steering.steering, "automatic");
        let reader = Reader::start(&net, 4);
        Sender::start(&net).send(PACKETS);
        let packets = reader.take(PACKETS);
        check(&packets, &in_force, 4);
        for queue in 0..4 {
            assert!(packets.iter().any(|packet| packet.queue == queue), "queue {queue}");
        }
        let stats = net.run("show t0 --stats --json").json::<Show>().counters.unwrap();
        assert_eq!((stats.by_queue.len(), stats.by_entry.len()), (0, 0));
        let counted: u64 = SENT.iter().map(|report| stats.by_report[*report].packets).sum();
        assert_eq!(counted, u64::from(PACKETS.end));
    }
    net.run("clear t0").answer();
}

/// Another tool has taken the report program away.
#[test]
#[ignore = "cargo xtask test bpf"]
fn lost_report_program_is_told() {
    let net = Net::with_device(4);
    let set = "--hkey microsoft --report kernel";
    for line in ["set t0 --report kernel", "clear t0"] {
        InForce::set(&net, set);
        detach_program(&net);
        let run = net.run("show t0");
        assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""));
        let missing: Vec<_> =
            run.stdout.lines().filter(|line| line.starts_with("Missing")).collect();
        let told = "Missing: the report program is gone: what is sent to the device is dropped";
        assert_eq!(missing, [told]);
        for line in ["set t0 --entry 0=1", "set t0 --entry 0=1 --dry-run"] {
            let refusal = net.refusal(3, line);
            assert_eq!(
                refusal.error,
                "the report program of t0 is gone: what is sent to the device is dropped"
            );
            assert!(refusal.hint.unwrap().contains("`tunrss set t0 ...` or `tunrss clear t0`"));
        }
        let would = "would remove steering and hash report of device t0\n";
        assert_eq!(net.run("clear t0 --dry-run").answer(), would);
        net.run(line).answer();
        assert_eq!(show(&net).steering.is_some(), line.starts_with("set"));
    }
}
