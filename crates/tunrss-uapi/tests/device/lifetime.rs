//! Nothing is left of a device that has ended.

use std::fs;
use std::process::Command;

use tunrss::DeviceOptions;
use tunrss::hook::{AttachPoint, Direction};
use tunrss_uapi::set;

use crate::traffic::eventually;
use crate::{Made, rss};

/// Bytes of memory that are this process's own.
fn resident() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let field = |at| statm.split_whitespace().nth(at).unwrap().parse::<usize>().unwrap();
    4096 * (field(1) - field(2))
}

/// Programs go with the device, and a process that makes one after the other does not grow.
#[test]
#[ignore = "cargo xtask test bpf"]
fn memory_goes_with_the_device() {
    let mut before = 0;
    for round in 0..60 {
        let made = Made::new("ru-life", DeviceOptions::tap(2));
        // A table of the greatest length, and a small one in its place.
        set(&made.queues[0], rss(&vec![1; 65_536], 1, true)).unwrap();
        set(&made.queues[1], rss(&[0, 1], 1, true)).unwrap();
        let egress = AttachPoint::new(made.device.name(), made.device.index(), Direction::Egress);
        let program = egress.attached().unwrap()[0].program_id().unwrap();
        assert!(is_loaded(program));
        drop(made);
        eventually("the program is gone", || !is_loaded(program));
        if round == 20 {
            before = resident();
        }
    }
    let grown = resident().saturating_sub(before);
    println!("{grown} bytes more after 39 devices more");
    assert!(grown < 2 << 20, "{grown}");
}

fn is_loaded(program: u32) -> bool {
    let mut bpftool = Command::new("bpftool");
    bpftool.args(["prog", "show", "id", &program.to_string()]).output().unwrap().status.success()
}
