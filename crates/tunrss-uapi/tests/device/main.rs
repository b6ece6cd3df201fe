//! Settings from Rust, and what the ioctls of C programs do not show.
//!
//! Needs root in the initial user namespace. Each test makes a network namespace. Run by `cargo xtask test bpf`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod beside;
mod lifetime;
#[path = "../../../tunrss/tests/traffic/mod.rs"]
#[expect(dead_code, reason = "the tests of another crate need more of it")]
mod traffic;
mod vectors;

use std::fs;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tunrss::hash::{HashKey, HashReport, HashTypes, SteeringConfig, VnetHdr, VnetHdrLen};
use tunrss::netns::NetNs;
use tunrss::{Device, DeviceOptions, IfName, Queue};
use tunrss_uapi::{Setting, descriptors, read};

/// A device with headers of 20 bytes, alone in a network namespace that the thread is in.
struct Made {
    device: Device,
    queues: Vec<Queue>,
    _netns: NetNs,
}

impl Made {
    fn new(name: &str, options: DeviceOptions) -> Self {
        let netns = NetNs::enter_new().unwrap();
        fs::write(traffic::DISABLE_IPV6, "1").unwrap();
        let options = options.vnet_hdr(Some(VnetHdrLen::V1Hash));
        let (device, queues) = Device::create_with(&IfName::new(name).unwrap(), options).unwrap();
        device.set_up().unwrap();
        Self { device, queues, _netns: netns }
    }

    /// What comes next, on whichever queue: its index, header and frame.
    fn next(&self) -> (usize, VnetHdr, Vec<u8>) {
        let mut polled: Vec<_> =
            self.queues.iter().map(|queue| PollFd::new(queue, PollFlags::IN)).collect();
        let deadline = Timespec { tv_sec: 20, tv_nsec: 0 };
        assert!(poll(&mut polled, Some(&deadline)).unwrap() > 0, "nothing came");
        let has_one = |polled: &PollFd| polled.revents().contains(PollFlags::IN);
        let queue = polled.iter().position(has_one).unwrap();
        let mut record = vec![0xaa; 70_000];
        let len = read(&self.queues[queue], &mut record).unwrap();
        let header = VnetHdr::decode(&record, VnetHdrLen::V1Hash).unwrap();
        (queue, header, record[20..len].to_vec())
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for queue in &self.queues {
            descriptors::closed(number(queue.as_fd()));
        }
    }
}

fn number(fd: BorrowedFd<'_>) -> i32 {
    std::os::fd::AsRawFd::as_raw_fd(&fd)
}

fn rss(table: &[u16], unclassified: u16, report: bool) -> Setting {
    let config =
        SteeringConfig::new(HashTypes::ALL, HashKey::MICROSOFT, table.to_vec(), unclassified);
    Setting::Rss { config: config.unwrap(), report }
}

/// Hash and report of a header, and that the rest of it is zero.
fn hash(header: VnetHdr) -> (u32, HashReport) {
    let report = header.report();
    let rest = VnetHdr { hash_value: 0, hash_report: 0, ..header };
    assert_eq!((rest, report.code()), (VnetHdr::default(), header.hash_report));
    (header.hash_value, report)
}
