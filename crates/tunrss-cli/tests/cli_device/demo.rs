//! `tunrss demo`, with and without privilege.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use crate::answers::Demo;
use crate::harness::BINARY;
use crate::net::{AS_USER, Net, WITHOUT_TUN};
use crate::{Run, run_line};

/// What every good demo has.
#[track_caller]
fn check(demo: &Demo, queues: usize) {
    assert_eq!((demo.schema, demo.mismatched), (1, 0), "{demo:?}");
    assert_eq!(demo.mismatches, Vec::<String>::new());
    assert!(demo.flows >= 1000, "{demo:?}");
    assert!(demo.packets >= demo.flows && demo.verified == demo.packets, "{demo:?}");
    assert_eq!(demo.per_queue.len(), queues);
    assert!(demo.per_queue.iter().all(|&packets| packets > 0), "{demo:?}");
    assert_eq!(demo.per_queue.iter().sum::<u64>(), demo.packets);
    assert_eq!(demo.by_report.values().sum::<u64>(), demo.packets);
    for report in ["TCPv4", "UDPv4", "TCPv6", "UDPv6", "IPv4", "none"] {
        assert!(demo.by_report.contains_key(report), "{report}: {demo:?}");
    }
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn kernel_steers_and_reports() {
    for (options, queues) in [("", 4), ("--queues 1", 1), ("--queues 16", 16)] {
        let demo: Demo = run_line(&format!("demo --json {options}")).json();
        check(&demo, queues);
        assert_eq!((demo.mode.as_str(), demo.reason.as_deref()), ("ebpf", None));
        assert_eq!(demo.place, "from the kernel, in a network namespace");
        assert!(demo.gso > 0);
    }
    let text = run_line("demo").answer();
    assert!(text.contains(" 0 mismatched; ") && text.contains("\ngood: every packet"), "{text}");
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn more_queues_than_flows_are_seen() {
    // One flow cannot reach every queue.
    let run = run_line("demo --queues 256 --flows 1");
    assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""), "{}", run.stdout);
    assert!(run.stdout.contains("of 256 queues got no packet: try more --flows"));
    let demo: Demo = run_line("demo --queues 256 --json").json();
    check(&demo, 256);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn user_namespace_steers_in_software() {
    let net = Net::new();
    let demo: Demo = net.run_through(AS_USER, "demo --json").json();
    check(&demo, 4);
    assert_eq!(demo.mode, "software");
    assert_eq!(demo.place, "from the kernel, in a network namespace");
    assert!(demo.reason.unwrap().contains("CAP_BPF"));
    assert!(demo.gso > 0);
}

/// As an ordinary user. What that may do depends on the host: user namespaces, `/dev/net/tun`.
#[test]
#[ignore = "cargo xtask test bpf"]
fn ordinary_user_steers_in_software() {
    let binary = Public::new();
    let demo: Demo = binary.run_as_nobody(&[], "demo --json").json();
    check(&demo, 4);
    assert_eq!(demo.mode, "software");
    assert!(!demo.reason.unwrap().is_empty());
    let text = binary.run_as_nobody(&[], "demo").answer();
    assert!(text.starts_with("steering in software: "), "{text}");
}

/// As an ordinary user without the device node: the packets are made in the process.
#[test]
#[ignore = "cargo xtask test bpf"]
fn ordinary_user_without_the_tun_driver() {
    let binary = Public::new();
    let demo: Demo = binary.run_as_nobody(WITHOUT_TUN, "demo --json").json();
    check(&demo, 4);
    assert_eq!(demo.mode, "software");
    assert_eq!(demo.place, "in this process");
    let reason = demo.reason.unwrap();
    let (tun, namespace) =
        ("cannot open /dev/net/tun: ", "cannot make a user and network namespace: ");
    assert!(reason.starts_with(tun) || reason.starts_with(namespace), "{reason}");
    let refusal = binary.run_as_nobody(WITHOUT_TUN, "create t0 --queues 2").refusal(3);
    assert!(refusal.starts_with("error: cannot open /dev/net/tun\n"), "{refusal}");
}

/// The command where everybody may execute it, until the test has ended.
struct Public(PathBuf);

impl Public {
    fn new() -> Self {
        let directory = tempdir();
        let public = Self(directory.join("tunrss"));
        std::fs::set_permissions(&directory, PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::copy(BINARY, &public.0).unwrap();
        std::fs::set_permissions(&public.0, PermissionsExt::from_mode(0o755)).unwrap();
        public
    }

    fn run_as_nobody(&self, words: &[&str], line: &str) -> Run {
        let mut command = Command::new("timeout");
        command.arg("60").args(words).args(AS_NOBODY).arg(&self.0);
        command.args(line.split_whitespace()).env_remove("NO_COLOR").output().unwrap().into()
    }
}

impl Drop for Public {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.0.parent().unwrap());
    }
}

fn tempdir() -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("tunrss-test-{}-{number}", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::create_dir(&path).unwrap();
    path
}

const AS_NOBODY: &[&str] = &["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"];
