//! What cannot be used is refused with its reason, a hint and exit code 2.

use crate::harness::{self, Refusal};
use crate::{TempFile, run, run_line, tunrss};

const FLOW: &str = "hash --tcp 192.0.2.1:1 192.0.2.2:2";

/// The refusal of a command line.
#[track_caller]
fn refusal(line: &str) -> Refusal {
    harness::refusal(2, || {
        let mut command = tunrss();
        command.args(line.split_whitespace());
        command
    })
}

#[test]
fn options_are_refused_with_their_reason() {
    for (options, error, cause) in [
        ("--hkey 6d5", "cannot use --hkey", "hash key has an odd number of hexadecimal digits (3)"),
        (
            "--hkey 6d5x",
            "cannot use --hkey",
            "hash key has 'x' at position 3, where a hexadecimal digit is expected",
        ),
        (
            "--hkey 6d5a --types tcpv4",
            "cannot use --hkey with the enabled types",
            "hash key has 2 bytes, types tcpv4 need at least 16",
        ),
        (
            "--types tcpv4,tcpv5",
            "cannot use --types \"tcpv4,tcpv5\"",
            "item 2 is no hash type; known are all, none, ipv4, tcpv4, udpv4, ipv6, tcpv6, udpv6, \
             ipv6-ex, tcpv6-ex, udpv6-ex",
        ),
        (
            "--tunnels vxlan,stt",
            "cannot use --tunnels \"vxlan,stt\"",
            "item 2 is no tunnel type; known are all, none, gre, gre-2890, gre-7676, gre-udp, vxlan, \
             vxlan-gpe, geneve, ipip, nvgre",
        ),
        (
            "--xfrm xor",
            "cannot use --xfrm \"xor\"",
            "known are none, symmetric-xor, symmetric-or-xor",
        ),
        ("--equal 0", "cannot use --equal 0: a device has 1 to 256 queues", ""),
        ("--equal 257", "cannot use --equal 257: a device has 1 to 256 queues", ""),
        ("--weight 0,0", "cannot use --weight 0,0", "no queue has a weight above 0"),
        (
            "--unclassified 256",
            "--unclassified names queue 256, the highest there can be is 255",
            "",
        ),
        ("--table /no/such/file", "cannot read table file /no/such/file", "No such file"),
    ] {
        let refusal = refusal(&format!("{FLOW} {options}"));
        assert_eq!(refusal.error, error);
        match refusal.caused_by.as_slice() {
            [] => assert_eq!(cause, "", "{options}"),
            causes => assert!(!cause.is_empty() && causes[0].starts_with(cause), "{causes:?}"),
        }
    }
    let file = TempFile::new(b"6d5x\n");
    let refusal_of_file = refusal(&format!("{FLOW} --hkey @{}", file.path()));
    assert_eq!(refusal_of_file.error, "cannot use --hkey");
    assert_eq!(refusal_of_file.caused_by[0], format!("{} has no key", file.path()));
    assert!(refusal_of_file.caused_by[1].contains("'x' at position 3"), "{refusal_of_file:?}");
    let missing = refusal(&format!("{FLOW} --hkey @/no/such/file"));
    assert_eq!(missing.caused_by[0], "cannot read /no/such/file");
    assert_eq!(missing.hint.as_deref(), Some("check the path"));
    for (command, other) in [("explain", "packet"), ("simulate", "capture")] {
        let twice = refusal(&format!("{command} - --hkey @-"));
        let expected = format!("cannot read both the key and the {other} from standard input");
        assert_eq!(twice.error, expected);
    }
    let long = "ab".repeat(256);
    let refusal = refusal(&format!("{FLOW} --hkey {long}"));
    assert_eq!(refusal.caused_by, ["hash key has 256 bytes, at most 255 are possible"]);
}

#[test]
fn tables_are_refused_with_their_reason() {
    for (content, cause) in [
        (&b""[..], "it has no entries"),
        (b"# only a comment\n", "it has no entries"),
        (b"0 1 2", "indirection table has 3 entries, a power of two from 1 to 65536 is needed"),
        (b"0 1\nzero one\n", "line 2: \"zero\" is no queue number"),
        (b"0 -1", "line 1: \"-1\" is no queue number"),
        (b"0 300", "line 1: there is no queue 300, the highest there can be is 255"),
        (b"8: 0 1", "line 1: the row is named \"8\", and 0 entries stand before it"),
        (b"\xff\xfe", "it is not text"),
        (b"[]", "it tells of 0 devices"),
        (
            br#"[{"rss-indirection-table": [0, 300]}]"#,
            "there is no queue 300, the highest there can be is 255",
        ),
    ] {
        let file = TempFile::new(content);
        let refusal = refusal(&format!("{FLOW} --table {}", file.path()));
        assert_eq!(refusal.error, format!("cannot use table file {}", file.path()));
        assert_eq!(refusal.caused_by, [cause]);
    }
    for (len, would_do) in [
        (3, "2 or 4 entries"),
        (65_535, "32768 or 65536 entries"),
        (65_537, "65536 entries"),
        (100_000, "65536 entries"),
        (131_072, "65536 entries"),
    ] {
        let file = TempFile::new(&b"0 ".repeat(len));
        let refusal = refusal(&format!("{FLOW} --table {}", file.path()));
        assert!(refusal.hint.unwrap().starts_with(&format!("{would_do} would do; ")), "{len}");
    }
    let endless = refusal(&format!("{FLOW} --table /dev/zero"));
    assert_eq!(endless.caused_by, ["it is longer than 4194304 bytes"]);
}

#[test]
fn endpoints_are_refused_with_their_reason() {
    for (line, error) in [
        (
            "hash --tcp 192.0.2.1:1 [::1]:2",
            "\"192.0.2.1:1\" and \"[::1]:2\" are of different IP versions",
        ),
        ("hash --ip 192.0.2.1 ::1", "\"192.0.2.1\" and \"::1\" are of different IP versions"),
        (
            "hash --tcp 192.0.2.1 192.0.2.2:2",
            "cannot read \"192.0.2.1\" as an IP address with a port",
        ),
        (
            "hash --udp 192.0.2.1:70000 192.0.2.2:2",
            "cannot read \"192.0.2.1:70000\" as an IP address with a port",
        ),
        (
            "hash --ip 192.0.2.1:1 192.0.2.2",
            "\"192.0.2.1:1\" has a port, and --ip hashes addresses only",
        ),
        ("hash --ip example.org 192.0.2.2", "cannot read \"example.org\" as an IP address"),
    ] {
        assert_eq!(refusal(line).error, error);
    }
}

#[test]
fn device_commands_are_refused_before_they_begin() {
    let too_long = "a".repeat(128);
    let names = [
        ("name-of-16-bytes", "device name has 16 bytes, at most 15 are possible"),
        ("a/b", "device name cannot contain '/'"),
        ("tap%d", "device name cannot contain '%'"),
        ("..", "device name cannot be . or .."),
        ("all", "device name cannot be all or default: the kernel has settings by these names"),
        ("default", "device name cannot be all or default: the kernel has settings by these names"),
        ("tap\u{e0}", "device name cannot contain 'à': the kernel takes its byte 0xa0 for a space"),
    ];
    // Alternative names may be all that.
    let alternative_names =
        [(too_long.as_str(), "device name has 128 bytes, at most 127 are possible")];
    for (command, names) in [
        ("create --queues 1", names.as_slice()),
        ("delete", &alternative_names),
        ("set", &alternative_names),
        ("show", &alternative_names),
        ("clear", &alternative_names),
    ] {
        for (name, why) in names {
            let refusal = refusal(&format!("{command} {name}"));
            assert_eq!(refusal.error, format!("cannot use {name:?} as the name of a device"));
            assert_eq!(refusal.caused_by, [*why]);
        }
        let text = run(command.split(' ').chain([""])).refusal(2);
        assert!(text.contains("caused by: device name is empty"), "{text}");
    }
    for queues in [0, 257] {
        let error = format!("cannot use --queues {queues}: a device has 1 to 256 queues");
        assert_eq!(refusal(&format!("create tap0 --queues {queues}")).error, error);
        assert_eq!(refusal(&format!("demo --queues {queues}")).error, error);
    }
}

/// Refused by clap, in its own words.
#[test]
fn words_are_refused_with_the_way_out() {
    for (line, words) in [
        ("hash 192.0.2.1 192.0.2.2", "<--tcp|--udp|--ip>"),
        ("hash --tcp --udp 192.0.2.1:1 192.0.2.2:2", "cannot be used with"),
        (&format!("{FLOW} --equal 2 --weight 1,1"), "cannot be used with"),
        (&format!("{FLOW} --equal 2 --table x"), "cannot be used with"),
        (&format!("{FLOW} --start 1"), "--equal <N>|--weight <W,W..>"),
        (&format!("{FLOW} --equal four"), "invalid value 'four'"),
        (&format!("{FLOW} --weight 3 1"), "hint: weights are separated by commas"),
        ("set tap0 equal 4", "hint: write --equal, with two dashes"),
        ("set tap0 default", "hint: `tunrss clear NAME` goes back"),
        ("set tap0 --report kernal", "kernel"),
        ("create tap0", "--queues <N>"),
        ("sett tap0", "'set'"),
        ("compile", "--emit <FORMAT>"),
    ] {
        let text = run_line(line).refusal(2);
        assert!(text.starts_with("error: ") && text.contains(words), "{text}");
        let json = run_line(&format!("{line} --json")).refusal(2);
        let refusal: Refusal = serde_json::from_str(&json).unwrap();
        assert!(!refusal.error.contains("Usage") && refusal.hint.is_some(), "{json}");
    }
    let json = run_line("--json").refusal(2);
    let refusal: Refusal = serde_json::from_str(&json).unwrap();
    assert!(!refusal.error.contains('\n'), "{json}");
}
