//! The objects of `compile` load with bpftool as they are.

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
            let object = TempFile::new(b"");
            let words = ["compile", "--emit", "elf", "-o", object.path(), "--types", "all"];
            assert_eq!(run(words.iter().chain(&["--link", link, "--report", report])).answer(), "");
            let shown = load(object.path());
            let mut found: Vec<_> = shown
                .iter()
                .map(|program| {
                    (program["name"].as_str().unwrap(), program["type"].as_str().unwrap())
                })
                .collect();
            found.sort_unstable();
            assert_eq!(found, programs, "{link} {report}");
        }
    }
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
