//! The benchmarks work: not what anything takes, but that it is measured.
//!
//! Run by `cargo xtask test bpf`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn bench(args: &[&str], record: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tunrss-bench"));
    command.arg("--record").arg(record).args(args).output().unwrap()
}

/// Build the shim and the daemon, which the benchmarks look for beside themselves.
fn build_what_is_measured() {
    let profile = Path::new(env!("CARGO_BIN_EXE_tunrss-bench")).parent().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "--package", "tunrss-preload"]);
    cargo.args(["--package", "tunrss-vhost"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    cargo.arg("--target-dir").arg(profile.parent().unwrap());
    assert!(cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap().success());
}

/// The only record under `folder`.
fn record(folder: &Path) -> Value {
    let files = |folder: &Path| -> Vec<PathBuf> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
    };
    let files: Vec<_> = files(folder).iter().flat_map(|machine| files(machine)).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    serde_json::from_slice(&fs::read(&files[0]).unwrap()).unwrap()
}

fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().unwrap()
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn quick_run_leaves_a_record_of_all_subjects() {
    let folder = std::env::temp_dir().join(format!("tunrss-bench-{}", std::process::id()));
    let refusal = bench(&["no subject"], &folder);
    assert_eq!(refusal.status.code(), Some(2));
    assert!(!folder.exists());
    let refusal = String::from_utf8(refusal.stderr).unwrap();
    let (_, subjects) = refusal.split_once("[possible values: ").unwrap();
    let subjects: Vec<_> = subjects.split_once(']').unwrap().0.split(", ").collect();

    build_what_is_measured();
    let run = bench(&["--quick"], &folder);
    let shown = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{shown}{}", String::from_utf8_lossy(&run.stderr));
    let record = record(&folder);
    fs::remove_dir_all(&folder).unwrap();

    assert_eq!(record["quick"], Value::Bool(true));
    let sections = items(&record, "sections");
    let names: Vec<_> = sections.iter().map(|section| section["name"].as_str().unwrap()).collect();
    assert_eq!(names, subjects);
    for section in sections {
        let name = &section["name"];
        assert!(shown.contains(section["title"].as_str().unwrap()), "{name}: {shown}");
        assert!(!items(section, "measured").is_empty(), "{name}");
        for measured in items(section, "measured") {
            assert!(measured["value"]["median"].as_f64().unwrap() > 0.0, "{name}: {measured}");
        }
    }

    // QEMU's program is measured or it is said why not, case by case.
    let steering = sections.iter().find(|section| section["name"] == "steering").unwrap();
    let mut cases = BTreeMap::<&str, Vec<&str>>::new();
    for measured in items(steering, "measured") {
        let contender = measured["contender"].as_str().unwrap();
        cases.entry(measured["case"].as_str().unwrap()).or_default().push(contender);
    }
    assert_eq!(cases.len(), 12, "{cases:?}");
    let notes: String = items(steering, "notes").iter().map(Value::to_string).collect();
    for (case, contenders) in cases {
        assert!(contenders.contains(&"empty") && contenders.contains(&"tunrss"), "{contenders:?}");
        let is_left_out = notes.contains("QEMU's program is left out")
            || notes.contains(&format!("is left out at {case}:"));
        let is_measured = contenders.iter().any(|name| name.starts_with("QEMU "));
        assert_ne!(is_measured, is_left_out, "{case}: {contenders:?}; {notes}");
    }
}
