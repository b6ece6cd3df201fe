//! A device from `create` to `delete`: what the commands say, and that `--dry-run` does nothing.

use crate::TempFile;
use crate::answers::{Clear, Create, Delete, Set, Show};
use crate::harness::{BINARY, Run};
use crate::net::{Net, succeed};
use crate::peers::Opened;
use crate::settings::{InForce, parse_ethtool, show};

#[test]
#[ignore = "cargo xtask test bpf"]
fn commands_say_what_they_did() {
    let net = Net::new();
    assert_eq!(net.run("create t0 --queues 4").answer(), "created TAP device t0 with 4 queues\n");
    assert_eq!(net.run("create t1 --queues 1").answer(), "created TAP device t1 with 1 queue\n");
    let link = net.ip("-d link show t0");
    assert!(link.contains("tun type tap") && link.contains("persist on"), "{link}");
    assert!(link.contains("multi_queue") && link.contains("vnet_hdr on"), "{link}");
    assert_eq!(
        net.run("show t0").answer(),
        "t0 has no steering by tunrss; queues attached: 0 of 4\n"
    );
    assert_eq!(
        net.run("set t0").answer(),
        "set the steering of device t0: types ipv4,tcpv4,udpv4,ipv6,tcpv6,udpv6, queues up to 3, \
         report reader\n"
    );
    let text = net.run("show t0").answer();
    assert!(text.contains("\nRSS hash types:\n    ipv4: on\n    tcpv4: on\n"), "{text}");
    let end = "    udpv6-ex: off\nTunnels looked into: none\nUnclassified queue: 0\n\
               Hash report: reader\nSet by: tunrss\n";
    assert!(text.ends_with(end), "{text}");
    assert_eq!(net.run("clear t0").answer(), "removed steering and hash report of device t0\n");
    assert_eq!(net.run("clear t0").answer(), "nothing of tunrss was set on device t0\n");
    assert_eq!(net.run("delete t0").answer(), "deleted device t0\n");
    assert_eq!(net.devices(), ["lo", "t1"]);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn commands_say_the_same_in_json() {
    let net = Net::new();
    let device = || "t0".to_owned();
    let create = |dry_run| Create {
        schema: 1,
        command: "create".into(),
        dry_run,
        device: device(),
        kind: "tap".into(),
        queues: 3,
        vnet_hdr: Some(12),
        packet_information: false,
    };
    assert_eq!(net.run("create t0 --queues 3 --dry-run --json").json::<Create>(), create(true));
    assert_eq!(net.run("create t0 --queues 3 --json").json::<Create>(), create(false));
    let nothing = Show {
        schema: 1,
        device: device(),
        queues: 0,
        intended_queues: Some(3),
        holders: vec![],
        status: "none".into(),
        foreign: vec![],
        steering: None,
        loaded_by: None,
        missing: vec![],
        claims: vec![],
        counters: None,
    };
    assert_eq!(show(&net), nothing);
    let clear = |dry_run, was_steered| Clear {
        schema: 1,
        command: "clear".into(),
        dry_run,
        device: device(),
        was_steered,
    };
    assert_eq!(net.run("clear t0 --json").json::<Clear>(), clear(false, false));
    InForce::set(&net, "--report kernel");
    assert_eq!(net.run("clear t0 --dry-run --json").json::<Clear>(), clear(true, true));
    assert_eq!(net.run("clear t0 --json").json::<Clear>(), clear(false, true));
    assert_eq!(show(&net), nothing);
    let delete =
        |dry_run| Delete { schema: 1, command: "delete".into(), dry_run, device: device() };
    assert_eq!(net.run("delete t0 --dry-run --json").json::<Delete>(), delete(true));
    assert_eq!(net.run("delete t0 --json").json::<Delete>(), delete(false));
}

/// Each kind with each header, with and without packet information: as the answer says, as iproute2
/// sees it, and as a program that opens it finds it.
#[test]
#[ignore = "cargo xtask test bpf"]
fn devices_are_as_asked_for() {
    let net = Net::new();
    for (option, kind) in [("", "tap"), ("--tun", "tun")] {
        for (header, vnet_hdr) in [
            ("", Some(12)),
            ("--vnet-hdr 12", Some(12)),
            ("--vnet-hdr 10", Some(10)),
            ("--vnet-hdr none", None),
        ] {
            for (pi, packet_information) in [("", false), ("--pi", true)] {
                let line = format!("create t0 --queues 2 {option} {header} {pi} --json");
                for dry_run in [true, false] {
                    let dry = if dry_run { "--dry-run" } else { "" };
                    let answer: Create = net.run(&format!("{line} {dry}")).json();
                    let expected = Create {
                        schema: 1,
                        command: "create".into(),
                        dry_run,
                        device: "t0".into(),
                        kind: kind.into(),
                        queues: 2,
                        vnet_hdr,
                        packet_information,
                    };
                    assert_eq!(answer, expected);
                }
                let on = |is_on| if is_on { "on" } else { "off" };
                let flags = format!(
                    "tun type {kind} pi {} vnet_hdr {} multi_queue",
                    on(packet_information),
                    on(vnet_hdr.is_some())
                );
                let link = net.ip("-d link show t0");
                assert!(link.contains(&flags) && link.contains("persist on"), "{link}");
                let opened = Opened::by_another_process(&net);
                assert_eq!(opened, Opened { vnet_hdr, packet_information });
                InForce::set(&net, "--report kernel");
                net.run("clear t0").answer();
                net.run("delete t0").answer();
            }
        }
    }
    assert_eq!(
        net.run("create t0 --queues 2 --tun --dry-run").answer(),
        "would create TUN device t0 with 2 queues\n"
    );
    assert_eq!(
        net.run("create t0 --queues 2 --tun").answer(),
        "created TUN device t0 with 2 queues\n"
    );
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn macvtap_is_set_but_for_the_report_of_the_kernel() {
    let net = Net::new();
    net.ip("link add lower type veth peer name other");
    net.ip("link add link lower name t0 type macvtap mode bridge");
    assert_eq!(net.run("show t0").answer(), "t0 has no steering by tunrss; queues attached: 0\n");
    assert_eq!(net.run("clear t0").answer(), "nothing of tunrss was set on device t0\n");
    let refusal = net.refusal(2, "set t0 --equal 2 --report kernel");
    assert_eq!(refusal.error, "t0 is a macvtap: the kernel cannot report the hash on it");
    assert!(refusal.hint.unwrap().contains("reader"));
    for (options, highest) in
        [("--equal 2", 1), ("--equal 3 --report reader", 2), ("--equal 4 --hook clsact", 3)]
    {
        let run = net.run(&format!("set t0 {options}"));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(run.stderr.contains("has no queue attached yet"), "{}", run.stderr);
        let steering = show(&net).steering.unwrap();
        assert_eq!(steering.table.iter().max(), Some(&highest), "{options}");
    }
    assert_eq!(net.run("clear t0").answer(), "removed steering and hash report of device t0\n");
    let refusal = net.refusal(2, "create t0 --queues 2");
    assert_eq!(refusal.error, "a device t0 exists already");
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn dry_run_changes_nothing() {
    let net = Net::new();
    let line = "create t0 --queues 2 --dry-run";
    assert_eq!(net.run(line).answer(), "would create TAP device t0 with 2 queues\n");
    assert_eq!(net.devices(), ["lo"]);
    net.run("create t0 --queues 2").answer();

    assert_eq!(net.run("clear t0 --dry-run").answer(), "nothing of tunrss was set on device t0\n");
    let line = "set t0 --hkey microsoft --types ipv4 --unclassified 1 --tunnels vxlan --dry-run";
    let text = net.run(line).answer();
    let head = "would set the steering of device t0: types ipv4, queues up to 1, report reader\n\
                tunnels vxlan\nxfrm none\nhkey 6d:5a:56:";
    assert!(text.starts_with(head), "{text}");
    assert!(text.contains("\nunclassified 1\ntable\n    0:      0     1     0     1"), "{text}");
    assert_eq!(show(&net).steering, None);

    InForce::set(&net, "--report kernel --hkey symmetric --types all");
    let before = net.run("show t0 --json").answer();
    let set: Set = net.run("set t0 --report reader --equal 1 --dry-run --json").json();
    assert!(set.dry_run);
    assert_eq!((set.report.as_str(), set.table), ("reader", vec![0; 128]));
    assert_eq!(
        net.run("clear t0 --dry-run").answer(),
        "would remove steering and hash report of device t0\n"
    );
    assert_eq!(net.run("delete t0 --dry-run").answer(), "would delete device t0\n");
    assert_eq!(net.run("show t0 --json").answer(), before);
}

/// What `show` prints is a table file, and ethtool's lines come first.
#[test]
#[ignore = "cargo xtask test bpf"]
fn what_show_prints_can_be_set() {
    let net = Net::with_device(4);
    InForce::set(&net, "--weight 1,2,3,4 --hkey microsoft --types tcpv6 --unclassified 2");
    let shown = net.run("show t0").answer();
    let transformation =
        "RSS input transformation:\n    symmetric-xor: off\n    symmetric-or-xor: off\n";
    assert!(shown.contains(transformation), "{shown}");
    assert!(shown.contains("\nTunnels looked into: none\n"), "{shown}");
    let file = TempFile::new(shown.as_bytes());
    let again = format!("--table {} --hkey microsoft --types tcpv6 --unclassified 2", file.path());
    InForce::set(&net, "");
    InForce::set(&net, &again);
    assert_eq!(net.run("show t0").answer(), shown);
    assert_eq!(parse_ethtool(net.run("show t0")).0, 4);
    InForce::set(&net, "--tunnels geneve,ipip --xfrm symmetric-xor");
    let shown = net.run("show t0").answer();
    assert!(shown.contains("    symmetric-xor: on\n    symmetric-or-xor: off\n"), "{shown}");
    assert!(shown.contains("\nTunnels looked into: geneve,ipip\n"), "{shown}");
}

/// A device that another tool made is told its queues by whom it is set, or by having them open.
#[test]
#[ignore = "cargo xtask test bpf"]
fn device_of_another_tool_is_set_once_its_queues_are_named() {
    let net = Net::new();
    net.ip("tuntap add t0 mode tap multi_queue");
    assert_eq!(net.run("show t0").answer(), "t0 has no steering by tunrss; queues attached: 0\n");
    let refusal = net.refusal(2, "set t0");
    assert_eq!(refusal.error, "cannot tell how many queues t0 will have: nobody has it open");
    assert_eq!(refusal.hint.unwrap(), "name the queues with --equal N, --weight or --table");
    let run = net.run("set t0 --equal 2 --hkey microsoft");
    assert_eq!(run.code, Some(0));
    assert!(run.stderr.contains("t0 has no queue attached yet"), "{}", run.stderr);
    let show = show(&net);
    assert_eq!((show.queues, show.intended_queues), (0, None));
    assert_eq!(show.steering.unwrap().table[..4], [0, 1, 0, 1]);
    net.run("delete t0").answer();
}

/// The steering of a device ends with it, and is not that of the next device of its name.
#[test]
#[ignore = "cargo xtask test bpf"]
fn steering_ends_with_its_device() {
    let [net, other] = [Net::with_device(2), Net::with_device(2)];
    for report in ["off", "kernel", "reader"] {
        InForce::set(&net, &format!("--report {report}"));
        assert_eq!(show(&other).steering, None);
        net.run("delete t0").answer();
        net.run("create t0 --queues 2").answer();
        assert_eq!(show(&net).steering, None);
    }
}

/// A name is anybody's choice who may make a device. On a terminal it steers nothing, in a pipe it is
/// as it is, and in JSON it is the same name.
#[test]
#[ignore = "cargo xtask test bpf"]
fn names_steer_no_terminal() {
    let net = Net::new();
    let name = "e\u{1b}[31m\u{9b}2Jx";
    for (command, shown) in [
        ("create --queues 2", "created TAP device "),
        ("set", "set the steering of device "),
        ("show", "RX flow hash indirection table for "),
        ("doctor", "\r\ndevice "),
        ("clear", "removed steering and hash report of device "),
        ("show", ""),
        ("delete --dry-run", "would delete device "),
    ] {
        let line = format!("{BINARY} --color always {command} '{name}'");
        let text = succeed(net.command("script").args(["-qec", &line, "/dev/null"]));
        let expected = format!("{shown}e\\u{{1b}}[31m\\u{{9b}}2Jx");
        assert!(text.contains(&expected), "{text:?}");
        assert!(!text.contains(name), "{text:?}");
        // Our own colours are there all the same.
        assert_eq!(text.contains("\u{1b}[32mok"), command == "doctor", "{text:?}");
    }
    let run = |words: &[&str]| {
        let mut command = net.tunrss_through(&[]);
        Run::from(command.args(words).arg(name).output().unwrap())
    };
    let text = run(&["show"]).answer();
    assert!(text.starts_with(&format!("{name} has no steering")), "{text:?}");
    let json = run(&["delete", "--json"]);
    assert!(!json.stdout.contains(['\u{1b}', '\u{9b}']), "{:?}", json.stdout);
    assert_eq!(json.json::<Delete>().device, name);
}
