//! While somebody else changes a device, the program waits: not for ever, and not deaf to signals.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use tunrss::netns::NetNs;
use tunrss::{Device, DeviceOptions, IfName};

use crate::preloaded;
use crate::programs::program;

/// A device that a test has for itself, and a program that is about to set it.
fn while_waiting(act: impl FnOnce(Child)) {
    let _netns = NetNs::enter_new().unwrap();
    let name = IfName::new("wait0").unwrap();
    let (device, queues) = Device::create_with(&name, DeviceOptions::tap(2)).unwrap();
    device.set_persistent(true).unwrap();
    drop(queues);
    let exclusive = device.exclusive(Duration::from_secs(5)).unwrap();
    // Its time is limited by itself.
    let mut command = Command::new(program("waits"));
    let mut child = preloaded(command.arg("wait0")).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "about to set\n");
    act(child);
    drop(exclusive);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn signals_are_handled_meanwhile() {
    while_waiting(|mut child| {
        let start = Instant::now();
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(Signal::TERM.as_raw()), "{status}");
        assert!(start.elapsed() < Duration::from_secs(3), "it took {:?}", start.elapsed());
    });
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn wait_ends_after_five_seconds() {
    while_waiting(|mut child| {
        let start = Instant::now();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(Errno::AGAIN.raw_os_error()), "{status}");
        let seconds = start.elapsed().as_secs();
        assert!((4..15).contains(&seconds), "it took {seconds} s");
    });
}
