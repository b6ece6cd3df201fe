//! The command on a device that a virtual machine monitor holds: QEMU, with four queue pairs and a
//! guest that counts what arrives on each.
//!
//! Needs root in the initial user namespace, QEMU, busybox, ethtool, util-linux, and a kernel for
//! the guest in the folder `guest` of the target folder. Run by `cargo xtask test vm`, which takes
//! care of them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "of what the tier bpf reads, only some is read here")]
#[path = "../cli_device/answers.rs"]
mod answers;
mod console;
mod guest;
#[expect(dead_code, reason = "of how others run the command, only some is wanted here")]
#[path = "../harness/mod.rs"]
mod harness;
mod initramfs;
mod predicted;
#[expect(dead_code, reason = "of how others send and read, only the sending is wanted here")]
#[path = "../../../tunrss/tests/traffic/mod.rs"]
mod traffic;
mod vm;

use std::process::Command;
use std::time::{Duration, Instant};

use guest::Guest;
use predicted::Setting;
use traffic::eventually;
use vm::{Host, run, show};

/// A setting is in force for the guest as `tunrss simulate` says, and gone when it is cleared.
#[test]
#[ignore = "cargo xtask test vm"]
fn guest_gets_packets_on_the_predicted_queues() {
    let host = Host::with_tap();
    let mut vm = host.boot();
    let frames = predicted::frames(1, 1500);
    let automatic = vm.spread(&frames);
    assert!(automatic.iter().all(|&packets| packets > 0), "{automatic:?}");
    for setting in [Setting::skewed(), Setting::plain()] {
        run(&[], &setting.command()).answer();
        let predicted = setting.predict(&frames);
        assert_ne!(predicted, automatic);
        assert_eq!(vm.spread(&frames), predicted);
        assert_eq!(show().queues, 4);
    }
    run(&[], "clear t0").answer();
    assert_eq!((show().steering, show().queues), (None, 4));
    // The kernel's own choice is the same for the same flows.
    assert_eq!(vm.spread(&frames), automatic);
}

/// Under a stream of packets, commands one after the other: the guest gets every packet, and QEMU's
/// four queues are the only ones at any time.
#[test]
#[ignore = "cargo xtask test vm"]
fn commands_take_no_packet_from_the_guest() {
    let host = Host::with_tap();
    let mut vm = host.boot();
    let frames = predicted::frames(2, 1000);
    let (skewed, plain) = (Setting::skewed(), Setting::plain());
    let commands = [plain.command(), skewed.command(), "clear t0".into(), skewed.command()];
    let seen = vm.during(&frames, || {
        for command in commands.iter().cycle().take(100) {
            // Without a word of warning, such as about a queue more.
            run(&[], command).answer();
            assert_eq!(show().queues, 4);
        }
    });
    assert!(seen.looks > 100, "{seen:?}");
    assert_eq!(seen.queues, [4].into(), "{seen:?}");
    // The last of them is in force.
    assert_eq!(vm.spread(&frames), skewed.predict(&frames));
}

/// A command that may not trace QEMU is refused, and changes nothing.
#[test]
#[ignore = "cargo xtask test vm"]
fn command_that_cannot_trace_qemu_is_refused() {
    let host = Host::with_tap();
    let mut vm = host.boot();
    let frames = predicted::frames(3, 500);
    let (skewed, plain) = (Setting::skewed(), Setting::plain());
    run(&[], &skewed.command()).answer();
    let run_refused = |line: &str| {
        let refusal = run(WITHOUT_PTRACE, line).refusal(3);
        assert!(refusal.contains("CAP_SYS_PTRACE"), "{refusal}");
        assert_eq!(show().queues, 4);
    };
    vm.during(&frames, || {
        for setting in [&plain, &skewed].into_iter().cycle().take(4) {
            run_refused(&setting.command());
        }
        run_refused("clear t0");
    });
    assert_eq!(vm.spread(&frames), skewed.predict(&frames));
    run(&[], &plain.command()).answer();
    assert_eq!(vm.spread(&frames), plain.predict(&frames));
}

/// A guest that panics, when it boots or later, fails its test within seconds, with its last lines.
#[test]
#[ignore = "cargo xtask test vm"]
fn guest_that_panics_is_noticed_at_once() {
    let _host = Host::with_tap();
    // The first process ends, and the kernel has no other to run.
    Guest::boot_with("exit 1").err().unwrap().assert_has_panicked();
    let mut guest = Guest::boot();
    let start = Instant::now();
    guest.console.start("exit 1");
    guest.console.try_listen_until("what it never says").unwrap_err().assert_has_panicked();
    let took = start.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");
}

/// QEMU 7.2 takes a program off the device when its guest says how many queue pairs it will use (it
/// takes it for the one of its own RSS): when the driver starts, and at `ethtool -L`. What was set
/// has to be set again then, and `show` says so. QEMU 10.0 leaves it.
#[test]
#[ignore = "cargo xtask test vm"]
fn guest_that_sets_its_queues() {
    let leaves_it = qemu_version() >= 10;
    let is_set = || show().steering.is_some();
    let check = || {
        if leaves_it {
            assert!(is_set());
        } else {
            // The kernel lets go of a program some time after it was taken off.
            eventually("the setting is gone", || !is_set());
        }
    };
    let host = Host::with_tap();
    let (skewed, plain) = (Setting::skewed(), Setting::plain());
    run(&[], &skewed.command()).answer();
    assert!(is_set());
    let mut vm = host.boot();
    check();
    run(&[], &skewed.command()).answer();
    vm.guest.run("ethtool -L eth0 combined 2");
    assert_eq!(show().queues, 2);
    check();
    vm.guest.run("ethtool -L eth0 combined 4");
    assert_eq!(show().queues, 4);
    let frames = predicted::frames(4, 500);
    if leaves_it {
        assert_eq!(vm.spread(&frames), skewed.predict(&frames));
    }
    run(&[], &plain.command()).answer();
    assert_eq!(vm.spread(&frames), plain.predict(&frames));
}

/// The first number of the installed QEMU's version.
fn qemu_version() -> u32 {
    let output = Command::new("qemu-system-x86_64").arg("--version").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let number = text.trim_start_matches("QEMU emulator version ").split('.').next().unwrap();
    number.parse().unwrap()
}

/// As root without the right to trace processes that have it.
const WITHOUT_PTRACE: &[&str] =
    &["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"];
