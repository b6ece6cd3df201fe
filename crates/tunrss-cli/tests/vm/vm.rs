//! A device with a guest behind it, commands on it, and packets into it.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use tunrss::netns::NetNs;
use tunrss::{Device, IfName};

use crate::answers::Show;
use crate::guest::Guest;
use crate::harness::{BINARY, Run};
use crate::traffic::PacketSocket;

/// A network namespace that this thread is in, with a device `t0` that `create` has made for four
/// queues. It is up, and the host sends nothing into it of its own accord.
pub(crate) struct Host {
    device: Device,
    _netns: NetNs,
}

impl Host {
    pub(crate) fn with_tap() -> Self {
        let netns = NetNs::enter_new().unwrap();
        fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").unwrap();
        run(&[], "create t0 --queues 4").answer();
        let device = Device::open(&IfName::new("t0").unwrap()).unwrap();
        device.set_up().unwrap();
        Self { device, _netns: netns }
    }

    /// Have QEMU open the device, and wait until its guest uses all queues.
    pub(crate) fn boot(&self) -> Vm<'_> {
        let mut guest = Guest::boot();
        assert_eq!(self.device.attached_queues().unwrap(), 4);
        assert_eq!(guest.counts(), [0; 4]);
        Vm { guest, socket: PacketSocket::new(&self.device), sent: 0, device: &self.device }
    }
}

/// A guest that has got every packet that was sent.
pub(crate) struct Vm<'a> {
    pub(crate) guest: Guest,
    device: &'a Device,
    socket: PacketSocket,
    sent: u64,
}

impl Vm<'_> {
    /// Send `frames`: how many of them the guest gets on each queue.
    pub(crate) fn spread(&mut self, frames: &[Vec<u8>]) -> [u64; 4] {
        let before = self.counts();
        for frame in frames {
            self.send(frame);
        }
        let after = self.counts();
        std::array::from_fn(|queue| after[queue] - before[queue])
    }

    /// Send `frames` over and over while `commands` run, and check that the guest gets all.
    pub(crate) fn during(&mut self, frames: &[Vec<u8>], commands: impl FnOnce() + Send) -> Seen {
        let before = self.sent;
        let mut seen = Seen::default();
        std::thread::scope(|scope| {
            let commands = scope.spawn(commands);
            for frame in frames.iter().cycle() {
                if commands.is_finished() {
                    break;
                }
                self.send(frame);
                seen.queues.insert(self.device.attached_queues().unwrap());
                seen.looks += 1;
            }
        });
        self.counts();
        seen.sent = self.sent - before;
        println!("{seen:?}");
        seen
    }

    fn send(&mut self, frame: &[u8]) {
        let sent = self.sent;
        wait_while("QEMU to take", sent, taken, |taken| sent - taken >= UNDER_WAY);
        self.socket.send(frame).unwrap();
        self.sent += 1;
    }

    /// The guest's counts as soon as it has got all that was sent.
    fn counts(&mut self) -> [u64; 4] {
        let sent = self.sent;
        wait_while("QEMU to have taken", sent, taken, |taken| taken < sent);
        let sum = |counts: [u64; 4]| counts.iter().sum::<u64>();
        let look = || self.guest.counts();
        let counts = wait_while("the guest to have got", sent, look, |counts| sum(counts) < sent);
        assert_eq!(sum(counts), sent, "more than were sent");
        counts
    }
}

/// What was seen while commands ran.
#[derive(Default, Debug)]
pub(crate) struct Seen {
    /// How many packets were sent.
    pub(crate) sent: u64,
    /// How often the device was looked at.
    pub(crate) looks: usize,
    /// How many queues it had.
    pub(crate) queues: BTreeSet<usize>,
}

/// Wait for `whom` to have done its part with the packets sent: look until `is_under_way` says no.
fn wait_while<T: Copy + Debug>(
    whom: &str,
    sent: u64,
    mut look: impl FnMut() -> T,
    is_under_way: impl Fn(T) -> bool,
) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = look();
        if !is_under_way(seen) {
            return seen;
        }
        assert!(Instant::now() < deadline, "waited for {whom} {sent} packets: {seen:?}");
        std::thread::yield_now();
    }
}

/// How many packets QEMU has taken from the device. None may have been dropped.
fn taken() -> u64 {
    let devices = fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    let counts = devices.lines().find_map(|line| line.trim().strip_prefix("t0:")).unwrap();
    // Eight of what was received, then bytes, packets, errors and drops of what was sent.
    let counts: Vec<u64> = counts.split_whitespace().map(|count| count.parse().unwrap()).collect();
    assert_eq!((counts[10], counts[11]), (0, 0), "dropped");
    counts[9]
}

/// Run a command line whose words are separated by blanks, through another: words that take it at
/// their end.
pub(crate) fn run(through: &[&str], line: &str) -> Run {
    let mut command = Command::new("timeout");
    command.arg("60").args(through).arg(BINARY).args(line.split_whitespace());
    command.output().unwrap().into()
}

/// What `show --json` says of `t0`.
pub(crate) fn show() -> Show {
    run(&[], "show t0 --json").json()
}

/// Less than a queue holds, so that none overflows.
const UNDER_WAY: u64 = 256;

/// How long to wait for packets that are under way.
const PATIENCE: Duration = Duration::from_secs(60);
