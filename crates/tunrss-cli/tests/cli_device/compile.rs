//! The objects of `compile` load with bpftool as they are.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::net::succeed;
use crate::{TempFile, run};

#[test]
#[ignore = "cargo xtask test bpf"]
fn bpftool_loads_the_objects() {
    let kernel: &[_] = &[
        ("tunrss_filter", "socket_filter"),
        ("tunrss_queue", "socket_filter"),
        ("tunrss_report", "sched_cls"),
    ];
    let steer: &[_] = &[("tunrss_steer", "socket_filter")];
    for link in ["ethernet", "ip"] {
        for (report, programs) in [("off", steer), ("kernel", kernel), ("reader", steer)] {
            let options = format!("--link {link} --report {report}");
            assert_eq!(names_and_types(&compiled(&options)), programs, "{options}");
        }
    }
}

/// Counters are one section more; without a queue to choose, tc programs are all there is to do.
#[test]
#[ignore = "cargo xtask test bpf"]
fn objects_of_each_steering() {
    let report: &[_] = &[("tunrss_report", "sched_cls")];
    let guarded: &[_] = &[("tunrss_filter", "socket_filter"), ("tunrss_report", "sched_cls")];
    for (options, programs) in [
        ("--steering rss", [("tunrss_steer", "socket_filter")].as_slice()),
        ("--steering automatic --report reader", report),
        ("--steering automatic --report kernel", guarded),
    ] {
        let without = compiled(options);
        let with = compiled(&format!("{options} --counters"));
        for shown in [&without, &with] {
            assert_eq!(names_and_types(shown), programs, "{options}");
        }
        let maps = |shown: &[Value]| -> BTreeSet<u64> {
            let ids = shown.iter().flat_map(|program| program["map_ids"].as_array().unwrap());
            ids.map(|id| id.as_u64().unwrap()).collect()
        };
        // What only passes packets on hashes none of them, but to count them.
        let words = usize::from(options.ends_with("reader"));
        assert_eq!(maps(&with).len(), maps(&without).len() + 1 + words, "{options}");
    }
}

/// What `bpftool prog show` says of the programs that `compile` makes with these options.
fn compiled(options: &str) -> Vec<Value> {
    let object = TempFile::new(b"");
    let words = ["compile", "--emit", "elf", "-o", object.path(), "--types", "all"];
    assert_eq!(run(words.into_iter().chain(options.split_whitespace())).answer(), "");
    load(object.path())
}

fn names_and_types(shown: &[Value]) -> Vec<(&str, &str)> {
    let mut found: Vec<_> = shown
        .iter()
        .map(|program| (program["name"].as_str().unwrap(), program["type"].as_str().unwrap()))
        .collect();
    found.sort_unstable();
    found
}

/// What `bpftool prog show` says of the programs of `object`, loaded and pinned for the moment.
fn load(object: &str) -> Vec<Value> {
    let script = "mount -t bpf none \"$1\" && bpftool prog loadall \"$2\" \"$1/programs\" && \
                  for program in \"$1/programs/\"*; do bpftool -j prog show pinned \"$program\"; done";
    let place = TempDir::new();
    let mut command = Command::new("timeout");
    command.args(["60", "unshare", "-m", "sh", "-c", script, "sh"]).arg(&place.0).arg(object);
    succeed(&mut command).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A directory that is gone after the test; what is mounted on it was in another namespace.
struct TempDir(std::path::PathBuf);

impl TempDir {
    fn new() -> Self {
        let file = TempFile::new(b"");
        let path = file.0.with_extension("mount");
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}
