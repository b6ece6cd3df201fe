//! The host's side: a network namespace with a wire, from which frames go to the guest's device and
//! to which its own come.

use std::fs;
use std::io;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tunrss::hash::VnetHdr;
use tunrss::netns::NetNs;
use tunrss::{Device, IfName, Queue};

/// A network namespace, which the calling thread is in, with a tap whose other side is the test.
pub(crate) struct Host {
    pub(crate) wire: Wire,
    wire_device: Device,
    bridge: String,
    _netns: NetNs,
}

impl Host {
    /// A host whose wire ends nowhere yet. Its kernel sends nothing of its own accord.
    pub(crate) fn new() -> Self {
        let netns = NetNs::enter_new().unwrap();
        fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").unwrap();
        // Else a bridge throws away what is no proper IP packet.
        for protocol in ["iptables", "ip6tables", "arptables"] {
            let switch = format!("/proc/sys/net/bridge/bridge-nf-call-{protocol}");
            if fs::exists(&switch).unwrap() {
                fs::write(switch, "0").unwrap();
            }
        }
        let wire_name = unique("wire");
        let (wire_device, queues) = Device::create(&IfName::new(&wire_name).unwrap(), 1).unwrap();
        let wire = Wire(queues.into_iter().next().unwrap());
        wire_device.set_up().unwrap();
        Self { wire, wire_device, bridge: unique("bridge"), _netns: netns }
    }

    /// The name of the wire.
    pub(crate) fn wire_name(&self) -> &str {
        self.wire_device.name().as_str()
    }

    /// Connect the wire with a device, which gets all that is sent whatever its address.
    pub(crate) fn connect(&self, device: &str) {
        let bridge = &self.bridge;
        run(&format!("ip link add name {bridge} type bridge mcast_snooping 0"));
        for port in [self.wire_name(), device] {
            run(&format!("ip link set dev {port} master {bridge}"));
            run(&format!("bridge link set dev {port} learning off"));
            run(&format!("ip link set dev {port} up"));
        }
        run(&format!("ip link set dev {bridge} up"));
        // A port forwards when the bridge has heard of its carrier.
        for port in [self.wire_name(), device] {
            eventually("the port forwards", || forwards(port));
        }
    }

    /// A frame comes from the wire.
    pub(crate) fn arrive(&self, header: &VnetHdr, frame: &[u8]) {
        self.wire.arrive(header, frame);
    }

    /// The next frame that went out by the wire; `None` if there is none until the deadline.
    pub(crate) fn departed(&self, deadline: Instant) -> Option<(VnetHdr, Vec<u8>)> {
        self.wire.departed(deadline)
    }

    /// The name of the bridge.
    pub(crate) fn bridge(&self) -> &str {
        &self.bridge
    }

    /// What the device of the wire takes from the kernel: all large frames as they are, or none.
    pub(crate) fn set_wire_offloads(&self, on: bool) {
        self.wire_device.set_offloads(on).unwrap();
    }
}

/// The far end of the wire.
pub(crate) struct Wire(Queue);

impl Wire {
    /// A frame comes from the wire.
    pub(crate) fn arrive(&self, header: &VnetHdr, frame: &[u8]) {
        self.0.send(header, frame).unwrap();
    }

    /// The same where it does not matter if the frame is lost.
    pub(crate) fn try_arrive(&self, header: &VnetHdr, frame: &[u8]) {
        let _ = self.0.send(header, frame);
    }

    /// The next frame that went out by the wire; `None` if there is none until the deadline.
    pub(crate) fn departed(&self, deadline: Instant) -> Option<(VnetHdr, Vec<u8>)> {
        let mut buffer = vec![0; 70_000];
        loop {
            match self.0.recv(&mut buffer) {
                Ok(received) => {
                    return Some((received.header, buffer[..received.len].to_vec()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => panic!("{error}"),
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).unwrap();
            let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
            if poll(&mut fds, Some(&timeout)).unwrap() == 0 {
                return None;
            }
        }
    }
}

/// Whether a bridge forwards by this port, as the calling thread's network namespace has it.
fn forwards(port: &str) -> bool {
    run(&format!("bridge -d link show dev {port}")).contains("state forwarding")
}

/// A name for a device that no other test has: tests run at the same time, and what holds a device is
/// found by its name.
pub(crate) fn unique(what: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{what}{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Run another tool; its words are separated by blanks.
pub(crate) fn run(line: &str) -> String {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().unwrap());
    let output = command.args(words).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// When waiting has failed.
pub(crate) fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// Wait for what there is no descriptor for.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = deadline();
    while !holds() {
        assert!(Instant::now() < deadline, "not so: {what}");
        std::thread::yield_now();
    }
}
