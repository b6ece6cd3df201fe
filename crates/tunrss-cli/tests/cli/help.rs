//! Help, streams and colours.

use std::io::Read;
use std::process::Stdio;

use crate::capture::{MICROSECONDS, Order, ethernet, ipv4, pcap};
use crate::{TempFile, run, run_line, tunrss};

const COMMANDS: [&str; 12] = [
    "demo", "create", "delete", "set", "show", "clear", "capture", "hash", "explain", "simulate",
    "compile", "doctor",
];

#[test]
fn every_command_has_help() {
    for command in COMMANDS {
        let short = run([command, "-h"]).answer();
        assert!(short.contains(&format!("Usage: tunrss {command}")), "{short}");
        let long = run([command, "--help"]).answer();
        assert!(long.contains("\nExamples:\n"), "{long}");
        assert!(long.lines().count() > short.lines().count(), "{long}");
    }
    let long = run(["--help"]).answer();
    for words in ["Examples:", "0  done", "1  the answer is no", "2  ", "3  ", "4  "] {
        assert!(long.contains(words), "{long}");
    }
    assert_eq!(run(["help", "hash"]).answer(), run(["hash", "--help"]).answer());
    assert!(run(["--version"]).answer().starts_with("tunrss "));
    assert!(run::<&str>([]).refusal(2).contains("Usage: tunrss"));
}

/// A reader that leaves early is no failure.
#[test]
fn broken_pipe_is_no_failure() {
    let frame = ethernet(0x0800, &ipv4(6));
    let packets = vec![(frame.as_slice(), frame.len()); 50_000];
    let file = TempFile::new(&pcap(Order::Little, MICROSECONDS, 1, &packets));
    for options in [["--per-packet", "--color=never"], ["--per-packet", "--json"]] {
        let mut command = tunrss();
        command.args(["simulate", file.path()]).args(options);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = [0; 8];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &[][..]));
    }
}

#[test]
fn full_disk_is_the_systems_refusal() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = tunrss().args(["compile", "--emit", "asm"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("error: cannot write to standard output\ncaused by: No space"));
}

#[test]
fn colours_are_for_terminals() {
    let plain = run_line("explain 00 --color auto").answer();
    assert!(!plain.contains('\u{1b}'));
    let coloured = run_line("explain 00 --color always").answer();
    assert!(coloured.contains('\u{1b}'));
    assert_eq!(run_line("explain 00 --color never").answer(), plain);
}

#[test]
fn dry_run_does_nothing_and_says_what_would_be_done() {
    let line = "create tap0 --queues 4 --dry-run";
    assert_eq!(run_line(line).answer(), "would create TAP device tap0 with 4 queues\n");
    let json: serde_json::Value = run_line(&format!("{line} -j")).json();
    assert_eq!((&json["schema"], &json["dry_run"]), (&1.into(), &true.into()));
    assert_eq!(json["device"], "tap0");
}
