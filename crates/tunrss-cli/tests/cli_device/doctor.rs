//! `tunrss doctor`: yes and no, with what is missing.

use crate::answers::Doctor;
use crate::harness::one_object;
use crate::net::{
    AS_USER, Net, WITH_NET_ADMIN, WITHOUT_CAPABILITIES, WITHOUT_PROC, WITHOUT_SYS_ADMIN,
    WITHOUT_TUN, succeed,
};
use crate::run_line;

#[test]
#[ignore = "cargo xtask test bpf"]
fn root_can_do_everything() {
    let doctor: Doctor = run_line("doctor --json").json();
    assert_eq!((doctor.schema, doctor.is_complete), (1, true), "{doctor:?}");
    assert!(!doctor.kernel.is_empty());
    assert_eq!(doctor.steering, "all report modes: off, kernel, reader");
    for check in doctor.checks {
        let nothing = check.refusal.is_empty() && check.hint.is_none();
        assert!(check.is_ok && nothing, "{check:?}");
    }
    let text = run_line("doctor").answer();
    assert!(!text.contains("missing") && text.contains("\nhere works: all report modes: off"));
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn what_is_missing_is_named() {
    let net = Net::new();
    for (place, steering, missing) in [
        (
            AS_USER,
            "software steering only",
            [
                ("eBPF programs load", "CAP_BPF"),
                ("tc programs attach", "CAP_BPF"),
                ("running programs can be found", "CAP_SYS_ADMIN"),
            ]
            .as_slice(),
        ),
        (
            WITHOUT_SYS_ADMIN,
            "all report modes: off, kernel, reader",
            &[("running programs can be found", "CAP_SYS_ADMIN")],
        ),
        (
            WITH_NET_ADMIN,
            "software steering only",
            &[
                ("eBPF programs load", "CAP_BPF"),
                ("tc programs attach", "CAP_BPF"),
                ("running programs can be found", "CAP_SYS_ADMIN"),
            ],
        ),
        (
            WITHOUT_CAPABILITIES,
            "the commands that need no device: hash, explain, simulate, compile",
            &[
                ("a multi-queue TAP can be created", "CAP_NET_ADMIN"),
                ("eBPF programs load", "CAP_BPF"),
                ("tc programs attach", "CAP_BPF"),
                ("running programs can be found", "CAP_SYS_ADMIN"),
            ],
        ),
        (
            WITHOUT_TUN,
            "the commands that need no device: hash, explain, simulate, compile",
            &[
                ("/dev/net/tun opens", "modprobe tun"),
                ("a multi-queue TAP can be created", "modprobe tun"),
                ("tc programs attach", ""),
                ("running programs can be found", ""),
            ],
        ),
    ] {
        let run = net.run_through(place, "doctor --json");
        assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""));
        let doctor: Doctor = one_object(&run.stdout);
        assert!(!doctor.is_complete);
        assert_eq!(doctor.steering, steering);
        let refused: Vec<_> = doctor.checks.iter().filter(|check| !check.is_ok).collect();
        assert_eq!(refused.len(), missing.len(), "{refused:?}");
        for (check, (what, hint)) in refused.iter().zip(missing) {
            assert!(check.what.starts_with(what) && !check.refusal.is_empty(), "{check:?}");
            assert!(check.hint.as_deref().unwrap_or_default().contains(hint), "{check:?}");
        }
        let run = net.run_through(place, "doctor");
        assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""));
        assert_eq!(run.stdout.matches("missing  ").count(), missing.len(), "{}", run.stdout);
        assert!(run.stdout.ends_with(&format!("here works: {steering}\n")));
    }
    assert_eq!(net.devices(), ["lo"]);
    // What doctor says can be done, can.
    net.run_through(WITHOUT_SYS_ADMIN, "create t0 --queues 2").answer();
    net.run_through(WITH_NET_ADMIN, "delete t0").answer();
    let text = net.run_through(WITHOUT_PROC, "doctor").answer();
    assert!(text.ends_with("\nhere works: all report modes: off, kernel, reader\n"), "{text}");
}

/// Who may not see what steers a device gets everything else.
#[test]
#[ignore = "cargo xtask test bpf"]
fn what_cannot_be_seen_of_a_device_is_named() {
    let net = Net::with_device(2);
    for place in [WITHOUT_SYS_ADMIN, WITH_NET_ADMIN, WITHOUT_CAPABILITIES] {
        let run = net.run_through(place, "doctor t0 --json");
        assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""));
        let doctor: Doctor = one_object(&run.stdout);
        assert_eq!(doctor.checks.len(), 5);
        let device = doctor.device.unwrap();
        assert_eq!(device.status, "unknown");
        assert!(device.problems.is_empty(), "{device:?}");
        let unseen = &device.unseen[0];
        assert_eq!(unseen.what, "what steers it");
        assert!(!unseen.refusal.is_empty());
        assert!(unseen.hint.as_ref().unwrap().contains("CAP_SYS_ADMIN"), "{unseen:?}");
        let text = net.run_through(place, "doctor t0").stdout;
        assert!(text.starts_with("kernel ") && text.contains("\ndevice t0: unknown\n"), "{text}");
        assert!(text.contains("\nunseen   what steers it\n"), "{text}");
    }
}

/// What `set` refuses is a problem.
#[test]
#[ignore = "cargo xtask test bpf"]
fn device_of_one_queue_is_a_problem() {
    let net = Net::new();
    for mode in ["tap", "tun"] {
        net.ip(&format!("tuntap add t0 mode {mode}"));
        let run = net.run("doctor t0 --json");
        assert_eq!(run.code, Some(1));
        let device = one_object::<Doctor>(&run.stdout).device.unwrap();
        let refusal = net.refusal(2, "set t0 --equal 1");
        assert!(device.problems[0].starts_with(&refusal.error), "{device:?}");
        assert!(device.problems[0].ends_with(&refusal.hint.unwrap()), "{device:?}");
        net.run("delete t0").answer();
    }
}

/// A filter that an operator has put there, and that ours keeps from running.
#[test]
#[ignore = "cargo xtask test bpf"]
fn filter_that_never_runs_is_a_problem() {
    let net = Net::with_device(2);
    let tc = |line: &str| succeed(net.command("tc").args(line.split_whitespace()));
    net.run("set t0 --report kernel --hook clsact").answer();
    tc("filter add dev t0 egress prio 60000 protocol ip u32 match u32 0 0 flowid 1:1");
    let run = net.run("doctor t0 --json");
    assert_eq!(run.code, Some(1));
    let device = one_object::<Doctor>(&run.stdout).device.unwrap();
    assert!(device.problems[0].contains("never runs"), "{device:?}");
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn device_is_examined() {
    let net = Net::with_device(2);
    let examined = |line: &str| {
        let run = net.run(&format!("doctor {line} --json"));
        one_object::<Doctor>(&run.stdout).device
    };
    assert!(examined("").is_none());
    let device = examined("t0").unwrap();
    assert_eq!((device.name.as_str(), device.status.as_str()), ("t0", "none"));
    assert!(device.problems.is_empty() && device.notes.is_empty());

    net.run("set t0 --report kernel").answer();
    let device = examined("t0").unwrap();
    assert_eq!(device.status, "ours");
    assert!(device.problems.is_empty());
    assert!(device.notes[0].contains("native XDP"), "{:?}", device.notes);

    // The report program is gone.
    net.run("set t0 --report kernel --hook clsact").answer();
    let mut tc = net.command("tc");
    succeed(tc.args(["qdisc", "del", "dev", "t0", "clsact"]));
    let device = examined("t0").unwrap();
    assert!(device.problems[0].contains("is gone"), "{:?}", device.problems);
    let run = net.run("show t0");
    assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""));
    assert!(run.stdout.contains("\nMissing: the report program is gone: "), "{}", run.stdout);
    net.run("set t0 --report kernel").answer();
    assert!(net.run("clear t0").answer().starts_with("removed"));

    let refusal = net.refusal(2, "doctor t7");
    assert!(refusal.error.contains("there is no device t7"), "{}", refusal.error);
}

/// Report mode `kernel` loses what sockets of this host send with `UDP_SEGMENT` straight into a TAP
/// without offloads.
#[test]
#[ignore = "cargo xtask test bpf"]
fn lost_udp_segments_are_told() {
    const WORDS: &str =
        "what UDP sockets of this host send with UDP_SEGMENT over IPv4 straight into t0";
    let net = Net::new();
    net.run("create t0 --queues 2 --vnet-hdr none").answer();
    let told = |mode: &str| {
        let set = net.run(&format!("set t0 --report {mode}"));
        assert_eq!(set.code, Some(0), "{}", set.stderr);
        let doctor = net.run("doctor t0");
        [set.stderr.contains(WORDS), doctor.stdout.contains(WORDS)]
    };
    assert_eq!(told("kernel"), [false; 2]);
    net.ip("address add 10.0.0.1/24 dev t0");
    assert_eq!(told("kernel"), [true; 2]);
    assert_eq!(told("reader"), [false; 2]);
    // What helps.
    net.ip("address del 10.0.0.1/24 dev t0");
    net.ip("link add br0 type bridge");
    net.ip("link set t0 master br0");
    net.ip("address add 10.0.0.1/24 dev br0");
    assert_eq!(told("kernel"), [false; 2]);
}
