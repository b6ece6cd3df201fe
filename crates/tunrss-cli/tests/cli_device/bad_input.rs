//! What a device command cannot do is refused with its reason, a hint and its exit code, and
//! changes nothing.

use crate::TempFile;
use crate::harness::Refusal;
use crate::net::{AS_USER, AS_USER_WITH_DEVICE, Net, WITHOUT_CAPABILITIES, WITHOUT_TUN};
use crate::settings::{InForce, show};

const COMMANDS: [&str; 5] =
    ["set", "show", "clear", "delete", "set --dry-run --report kernel --equal 2"];

/// `error`, and a hint that has `hint` in it.
#[track_caller]
fn check(refusal: &Refusal, error: &str, hint: &str) {
    assert_eq!(refusal.error, error);
    let actual = refusal.hint.as_deref().unwrap();
    assert!(actual.contains(hint), "{actual}");
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn names_that_are_taken() {
    let net = Net::with_device(2);
    net.ip("tuntap add tun0 mode tun");
    let before = net.ip("-d link");
    for dry_run in ["", "--dry-run"] {
        let create = |name| net.refusal(2, &format!("create {name} --queues 2 {dry_run}"));
        check(&create("t0"), "a device t0 exists already", "`tunrss delete t0`");
        let error = "lo is a physical or loopback device, not a TUN, TAP or macvtap";
        check(&create("lo"), error, "choose another name");
        check(&create("tun0"), "a device tun0 exists already", "`tunrss delete tun0`");
    }
    for queues in [0, 257] {
        let error = format!("cannot use --queues {queues}: a device has 1 to 256 queues");
        check(&net.refusal(2, &format!("create t1 --queues {queues}")), &error, "CPUs");
    }
    assert_eq!(net.ip("-d link"), before);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn as_many_queues_as_the_kernel_takes() {
    let net = Net::with_device(256);
    let in_force = InForce::set(&net, "");
    assert_eq!(in_force.steering.table, (0..256).collect::<Vec<_>>());
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn names_that_cannot_be() {
    let net = Net::new();
    for (command, max) in
        [("create --queues 2", 15), ("set", 127), ("show", 127), ("clear", 127), ("delete", 127)]
    {
        let len = max + 1;
        let name = "a".repeat(len);
        let refusal = net.refusal(2, &format!("{command} {name}"));
        check(&refusal, &format!("cannot use \"{name}\" as the name of a device"), "tap0");
        let cause = format!("device name has {len} bytes, at most {max} are possible");
        assert_eq!(refusal.caused_by, [cause]);
        let mut empty = net.tunrss_through(&[]);
        empty.args(command.split_whitespace()).arg("");
        let text = crate::Run::from(empty.output().unwrap()).refusal(2);
        assert!(text.contains("caused by: device name is empty\nhint: "), "{text}");
    }
    assert_eq!(net.devices(), ["lo"]);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn devices_that_are_no_multi_queue_tun_or_tap() {
    let net = Net::new();
    net.ip("link add br0 type bridge");
    net.ip("tuntap add tun0 mode tun");
    net.ip("tuntap add one0 mode tap");
    let before = net.ip("-d link");
    for command in COMMANDS {
        let on = |name| net.refusal(2, &format!("{command} {name}"));
        check(&on("no0"), "there is no device no0", "`tunrss create no0 --queues 4`");
        let error = "lo is a physical or loopback device, not a TUN, TAP or macvtap";
        check(&on("lo"), error, "`ip -d link` shows the kinds");
        let error = "br0 is a bridge device, not a TUN, TAP or macvtap";
        check(&on("br0"), error, "`ip -d link` shows the kinds");
    }
    for command in ["set", "set --equal 2", "set --equal 2 --dry-run", "clear"] {
        for name in ["one0", "tun0"] {
            let refusal = net.refusal(2, &format!("{command} {name}"));
            let error = format!("{name} was created without multi_queue");
            check(&refusal, &error, "multi_queue vnet_hdr");
        }
    }
    assert_eq!(net.ip("-d link"), before);
    // These need no queue of it.
    assert_eq!(
        net.run("show one0").answer(),
        "one0 has no steering by tunrss; queues attached: 0\n"
    );
    net.run("delete one0").answer();
    net.run("delete tun0").answer();
    assert_eq!(net.devices(), ["lo", "br0"]);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn refused_settings_change_nothing() {
    let net = Net::with_device(4);
    let file = |text: &str| TempFile::new(text.as_bytes());
    let [empty, three, beyond] = [file("# none\n"), file("0 1 2"), file("0 300")];
    let table = |file: &TempFile| format!("--table {}", file.path());
    let [empty, three, beyond_line] = [&empty, &three, &beyond].map(table);
    for setting in ["--report off --hkey symmetric", "--report kernel --types all"] {
        InForce::set(&net, setting);
        let before = net.run("show t0 --json").answer();
        for (options, cause, hint) in [
            ("--hkey 6d5a --types ipv4", "hash key has 2 bytes, types ipv4 need at least 12", "40"),
            ("--hkey 6d5", "hash key has an odd number of hexadecimal digits (3)", "hexadecimal"),
            (
                "--hkey 6d5x",
                "hash key has 'x' at position 3, where a hexadecimal digit is expected",
                "hexadecimal",
            ),
            (
                "--types ipv5",
                "item 1 is no hash type; known are all, none, ipv4, tcpv4, udpv4, ipv6, tcpv6, \
                 udpv6, ipv6-ex, tcpv6-ex, udpv6-ex",
                "ipv4,tcpv4",
            ),
            (&empty, "it has no entries", "queue numbers"),
            (
                &three,
                "indirection table has 3 entries, a power of two from 1 to 65536 is needed",
                "2 or 4 entries",
            ),
            (
                &beyond_line,
                "line 1: there is no queue 300, the highest there can be is 255",
                "queue numbers",
            ),
        ] {
            let refusal = net.refusal(2, &format!("set t0 {options}"));
            assert_eq!(refusal.caused_by, [cause]);
            let actual = refusal.hint.unwrap();
            assert!(actual.contains(hint), "{options}: {actual}");
        }
        for (options, error) in [
            ("--equal 300", "cannot use --equal 300: a device has 1 to 256 queues"),
            (
                "--unclassified 300",
                "--unclassified names queue 300, the highest there can be is 255",
            ),
        ] {
            assert_eq!(net.refusal(2, &format!("set t0 {options}")).error, error);
        }
        // Refused by the system.
        net.refusal_through(WITHOUT_TUN, 3, "set t0 --report reader");
        net.refusal_through(WITHOUT_CAPABILITIES, 3, "set t0 --report reader");
        net.refusal_through(WITHOUT_CAPABILITIES, 3, "clear t0");
        net.refusal_through(WITHOUT_CAPABILITIES, 3, "delete t0");
        assert_eq!(net.run("show t0 --json").answer(), before);
    }
}

/// A table that names queue 5 of a device with four is taken: more may be attached later.
#[test]
#[ignore = "cargo xtask test bpf"]
fn table_beyond_the_device_is_warned_of() {
    let net = Net::with_device(4);
    let file = TempFile::new(b"0 5");
    let run = net.run(&format!("set t0 --table {}", file.path()));
    assert_eq!(run.code, Some(0));
    assert!(run.stderr.starts_with("warning: the configuration names queue 5, and t0 has 4 "));
    assert_eq!(show(&net).steering.unwrap().table, [0, 5]);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn without_privilege() {
    let net = Net::new();
    let run = net.run_through(AS_USER, "create t0 --queues 2");
    assert_eq!(run.answer(), "created TAP device t0 with 2 queues\n");
    for report in ["off", "kernel", "reader"] {
        let line = format!("set t0 --report {report}");
        let refusal = net.refusal_through(AS_USER_WITH_DEVICE, 3, &line);
        assert!(refusal.error.starts_with("cannot load program tunrss_"), "{}", refusal.error);
        assert!(refusal.caused_by.last().unwrap().starts_with("Operation not permitted"));
        assert!(refusal.hint.unwrap().contains("CAP_BPF"));
    }
    for command in ["show", "clear"] {
        let refusal = net.refusal_through(AS_USER_WITH_DEVICE, 3, &format!("{command} t0"));
        check(&refusal, "cannot read back what steers t0", "CAP_SYS_ADMIN");
    }
    let refusal = net.refusal_through(WITHOUT_CAPABILITIES, 3, "create t0 --queues 2");
    check(&refusal, "cannot create t0", "CAP_NET_ADMIN");
    assert_eq!(net.devices(), ["lo"]);
    net.run("create t0 --queues 2").answer();
    let refusal = net.refusal_through(WITHOUT_CAPABILITIES, 3, "delete t0");
    check(&refusal, "cannot delete t0", "CAP_NET_ADMIN");
    let refusal = net.refusal_through(WITHOUT_CAPABILITIES, 3, "set t0");
    assert!(refusal.hint.unwrap().contains("CAP_BPF"));
    assert_eq!(show(&net).steering, None);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn without_the_tun_driver() {
    let net = Net::new();
    let (error, hint) = ("cannot open /dev/net/tun", "`modprobe tun`");
    let create = net.refusal_through(WITHOUT_TUN, 3, "create t0 --queues 2");
    check(&create, error, hint);
    assert_eq!(create.caused_by, ["No such file or directory (os error 2)"]);
    assert_eq!(net.devices(), ["lo"]);
    net.run("create t0 --queues 2").answer();
    for command in ["set", "clear"] {
        check(&net.refusal_through(WITHOUT_TUN, 3, &format!("{command} t0")), error, hint);
    }
    check(&net.refusal_through(WITHOUT_TUN, 3, "demo"), error, hint);
    // These ask the kernel only.
    net.run_through(WITHOUT_TUN, "show t0").answer();
    net.run_through(WITHOUT_TUN, "delete t0").answer();
    assert_eq!(net.devices(), ["lo"]);
}

/// With too few descriptors each step is refused as what it is, and nothing is half done.
#[test]
#[ignore = "cargo xtask test bpf"]
fn too_few_descriptors_are_the_systems_refusal() {
    let net = Net::with_device(4);
    InForce::set(&net, "--report kernel --types all");
    let before = net.run("show t0 --json").answer();
    let mut codes = vec![];
    for limit in 5..40 {
        let through = format!("--nofile={limit}:{limit}");
        let run = net.run_through(&["prlimit", &through], "set t0 --report kernel --types ipv4");
        codes.push(run.code.unwrap());
        if run.code == Some(0) {
            break;
        }
        let text = &run.stderr;
        assert_eq!(run.code, Some(3), "{limit}: {text}");
        assert!(text.contains("Too many open files") && !text.contains("bug"), "{limit}: {text}");
        assert!(!text.contains("verifier"), "{limit}: {text}");
        if text.contains("cannot load program") {
            assert!(text.contains("hint: raise the limit of open files"), "{limit}: {text}");
        }
        assert_eq!(net.run("show t0 --json").answer(), before, "{limit}");
    }
    assert!(codes.len() > 3 && codes.last() == Some(&0), "{codes:?}");
}
