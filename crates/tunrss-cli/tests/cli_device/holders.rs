//! Devices that a process holds: who it is, and that they are not deleted under its hands.

use std::{fs, process};

use tunrss::{Device, DeviceOptions, IfName};

use crate::answers::{Doctor, Holder};
use crate::harness::one_object;
use crate::net::{Net, WITHOUT_PTRACE};
use crate::peers::Reader;
use crate::queues::enter;
use crate::settings::show;

fn open(name: &str) -> Device {
    Device::open(&IfName::new(name).unwrap()).unwrap()
}

fn in_words(Holder { process, name, user, .. }: &Holder) -> String {
    format!("process {process} ({name}, uid {user})")
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn holders_are_named() {
    let net = Net::with_device(4);
    let free = "t0 has no steering by tunrss; queues attached: 0 of 4\n";
    assert_eq!(net.run("show t0").answer(), free);
    let reader = Reader::start(&net, 2);
    let [holder] = &show(&net).holders[..] else { panic!("{:?}", show(&net)) };
    assert_eq!((holder.user, holder.queues), (0, 2));
    let comm = fs::read_to_string(format!("/proc/{}/comm", holder.process)).unwrap();
    assert_eq!(comm.trim(), holder.name);
    let line = format!("held by {}: 2 queues\n", in_words(holder));
    assert!(net.run("show t0").answer().ends_with(&line));
    assert_eq!(net.run("set t0").code, Some(0));
    assert!(net.run("show t0").answer().ends_with(&format!("\nSet by: tunrss\n{line}")));
    assert!(net.run("doctor t0").answer().contains(&format!("\ndevice t0: ours\n{line}")));
    let doctor: Doctor = net.run("doctor t0 --json").json();
    assert_eq!(doctor.device.unwrap().holders.unwrap(), show(&net).holders);

    let run = net.run_through(WITHOUT_PTRACE, "show t0");
    let line = "held by processes that only CAP_SYS_PTRACE may look at: 2 queues\n";
    assert!(run.stdout.ends_with(line), "{} {}", run.stdout, run.stderr);
    drop(reader);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn held_device_is_not_deleted_unless_by_force() {
    let net = Net::with_device(4);
    let reader = Reader::start(&net, 2);
    let holder = in_words(&show(&net).holders[0]);
    for line in ["delete t0", "delete t0 --dry-run"] {
        let refusal = net.refusal(2, line);
        assert_eq!(refusal.error, format!("cannot delete t0: it is held by {holder}"));
        assert!(refusal.hint.unwrap().contains("--force"));
    }
    let refusal = net.refusal_through(WITHOUT_PTRACE, 2, "delete t0");
    assert!(refusal.error.contains("a process that cannot be looked at"), "{}", refusal.error);
    assert_eq!(show(&net).queues, 2);
    assert_eq!(net.run("delete t0 --force --dry-run").answer(), "would delete device t0\n");
    drop(reader);
    net.run("delete t0").answer();

    net.run("create t0 --queues 2 --tun").answer();
    enter(&net);
    let queues = open("t0").open_queues(2).unwrap();
    net.refusal(2, "delete t0");
    assert_eq!(net.run("delete t0 --force").answer(), "deleted device t0\n");
    drop(queues);
    assert_eq!(net.devices(), ["lo"]);
}

/// Of these the kernel tells no number of queues, or no process that holds an attached one.
#[test]
#[ignore = "cargo xtask test bpf"]
fn every_kind_of_holder_is_found() {
    let net = Net::new();
    enter(&net);
    let ours = format!("process {} (", process::id());
    // A persistent device of one queue.
    net.ip("tuntap add t0 mode tap");
    let queues = open("t0").open_as(DeviceOptions::tap(1)).unwrap();
    let refusal = net.refusal(2, "delete t0");
    assert!(refusal.error.contains(&ours), "{}", refusal.error);
    drop(queues);
    net.run("delete t0").answer();
    // One that ends with who holds it.
    let made = Device::create(&IfName::new("t0").unwrap(), 2).unwrap();
    let refusal = net.refusal(2, "delete t0");
    assert!(refusal.error.contains(&ours), "{}", refusal.error);
    drop(made);
    // Detached queues.
    net.run("create t0 --queues 2").answer();
    let queues = open("t0").open_queues(1).unwrap();
    queues[0].set_attached(false).unwrap();
    let refusal = net.refusal(2, "delete t0");
    assert!(refusal.error.contains("has its queues detached"), "{}", refusal.error);
    drop(queues);
    net.run("delete t0").answer();
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn macvtap_is_never_deleted() {
    let net = Net::new();
    net.ip("link add lower type veth peer name other");
    net.ip("link add link lower name t0 type macvtap mode bridge");
    for line in ["delete t0", "delete t0 --dry-run", "delete t0 --force"] {
        let refusal = net.refusal(2, line);
        let error = "cannot delete t0: it is a macvtap, which `create` does not make";
        assert_eq!(refusal.error, error);
        assert_eq!(refusal.hint.unwrap(), "`ip link delete t0` removes it");
    }
    assert!(net.devices().contains(&"t0".to_owned()));
    let run = net.run("doctor t0 --json");
    assert_eq!(one_object::<Doctor>(&run.stdout).device.unwrap().holders.unwrap(), []);
}
