//! Many threads and processes at once, while settings are replaced; and the same under valgrind.

use std::process::Command;

use crate::preloaded;
use crate::programs::{passes, program, within_deadline};

fn check(wrapper: &[&str], program: &str, arguments: &[&str]) {
    let program = self::program(program);
    let mut command = match wrapper {
        [] => within_deadline(program),
        [first, rest @ ..] => {
            let mut command = within_deadline(first);
            command.args(rest).arg(program);
            command
        }
    };
    let text = passes(preloaded(command.args(arguments)));
    println!("{text}");
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn eight_threads_on_four_queues() {
    for generation in ["gen1", "gen2", "both"] {
        check(&[], "threads", &[generation, "threads", "400"]);
    }
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn readers_in_forked_children() {
    check(&[], "threads", &["both", "fork", "400"]);
}

/// A process that is forked while another thread makes a setting has no lock that nobody gives back.
#[test]
#[ignore = "cargo xtask test bpf"]
fn children_forked_during_settings() {
    check(&[], "threads", &["both", "forking", "60"]);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn reader_is_cancelled() {
    for generation in ["gen1", "gen2"] {
        check(&[], "threads", &[generation, "cancel"]);
    }
}

/// Memory that a program got and lost, or used otherwise than it may, ours included.
const VALGRIND: [&str; 6] = [
    "valgrind",
    "--quiet",
    "--error-exitcode=9",
    "--leak-check=full",
    "--errors-for-leak-kinds=definite",
    "--show-leak-kinds=definite",
];

#[test]
#[ignore = "cargo xtask test bpf"]
fn threads_under_valgrind() {
    check(&VALGRIND, "threads", &["both", "threads", "60"]);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn forked_children_under_valgrind() {
    check(&VALGRIND, "threads", &["both", "fork", "60"]);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn records_under_valgrind() {
    for case in ["vectors-tap", "vectors-tun", "offloads-tap", "fork", "replaced"] {
        for generation in ["gen1", "gen2"] {
            check(&VALGRIND, generation, &[case]);
        }
    }
}

/// Valgrind finds what it is here to find.
#[test]
#[ignore = "cargo xtask test bpf"]
fn valgrind_is_there() {
    let version = passes(Command::new("valgrind").arg("--version"));
    assert!(version.starts_with("valgrind-"), "{version}");
}
