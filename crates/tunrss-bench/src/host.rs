//! A host of virtual machines in a network namespace of its own: a bridge, a tap through which
//! frames come from the wire, and a tap for each guest.
//!
//! Everything happens on the calling thread: a frame that is written into the wire's tap has gone
//! through the bridge and waits in a queue of a guest's tap when the write returns. So nothing is
//! lost, and nothing is timed but the work.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tunrss::hash::{HashKey, HashTypes, Link, SteeringConfig, VnetHdr};
use tunrss::netns::NetNs;
use tunrss::{Config, Device, IfName, Queue, Received};
use tunrss_testkit::packet::{Packet, V4};

/// The host. The calling thread is in its network namespace as long as it lives.
pub(crate) struct Host {
    wire: Queue,
    _wire: Device,
    _netns: NetNs,
}

impl Host {
    pub(crate) fn new() -> Result<Self> {
        let netns = NetNs::enter_new()?;
        // So that the kernel sends nothing of its own accord.
        let off = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
        std::fs::write(off, "1").with_context(|| format!("cannot write {off}"))?;
        let name = IfName::new("wire")?;
        let (device, queues) = Device::create(&name, 1)?;
        let wire = queues.into_iter().next().context("a device has a queue")?;
        ip("link add name bridge type bridge mcast_snooping 0")?;
        ip("link set dev wire master bridge")?;
        ip("link set dev bridge up")?;
        device.set_up()?;
        Ok(Self { wire, _wire: device, _netns: netns })
    }

    /// A guest with a tap of [`QUEUES`] queues; the host has not yet got a guest of this number.
    pub(crate) fn guest(&self, number: u8) -> Result<Guest> {
        let (device, queues) = Device::create(&IfName::new(&format!("guest{number}"))?, QUEUES)?;
        self.connect(device, queues, number)
    }

    /// The same with a tap that there is, whose queues others may have.
    pub(crate) fn connect(&self, device: Device, queues: Vec<Queue>, number: u8) -> Result<Guest> {
        let name = device.name();
        ip(&format!("link set dev {name} master bridge"))?;
        device.set_up()?;
        let mac = [2, 0, 0, 0, 1, number];
        ip_of("bridge", &format!("fdb add {} dev {name} master static", mac_text(mac)))?;
        Ok(Guest { device, queues, number, mac })
    }

    /// One that frames of the host's own sockets go to without a bridge: the thread's sockets reach
    /// it at [`Guest::address`].
    pub(crate) fn neighbour(&self, number: u8) -> Result<Guest> {
        let (device, queues) = Device::create(&IfName::new(&format!("near{number}"))?, QUEUES)?;
        let guest = Guest { device, queues, number, mac: [2, 0, 0, 0, 2, number] };
        guest.device.set_up()?;
        guest.device.add_address(Ipv4Addr::new(10, 0, number, 1).into(), 24)?;
        guest.device.add_neighbour(guest.address().into(), guest.mac)?;
        Ok(guest)
    }

    /// A frame comes from the wire.
    pub(crate) fn arrive(&self, header: &VnetHdr, frame: &[u8]) -> Result<()> {
        self.wire.send(header, frame).context("cannot send a frame to the bridge")
    }
}

/// A guest's end of its tap.
pub(crate) struct Guest {
    pub(crate) device: Device,
    pub(crate) queues: Vec<Queue>,
    number: u8,
    mac: [u8; 6],
}

impl Guest {
    /// Where a [neighbour](Host::neighbour) is.
    pub(crate) fn address(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, self.number, 2)
    }

    /// Frames to this guest of so many bytes, each of another UDP flow.
    pub(crate) fn frames(&self, flows: u16, len: usize) -> Vec<Vec<u8>> {
        (0..flows).map(|flow| self.frame(Packet::udp(ends(), 1024 + flow, 53), len)).collect()
    }

    /// The same, each a TCP segment that is to be cut into some of `mss` bytes, and their header.
    pub(crate) fn large_frames(&self, flows: u16, len: usize, mss: u16) -> (VnetHdr, Vec<Vec<u8>>) {
        let header = VnetHdr {
            flags: VnetHdr::NEEDS_CSUM,
            gso_type: VnetHdr::GSO_TCPV4,
            hdr_len: 54,
            gso_size: mss,
            csum_start: 34,
            csum_offset: 16,
            ..VnetHdr::default()
        };
        let frame = |flow| self.frame(Packet::tcp(ends(), 1024 + flow, 80), len);
        (header, (0..flows).map(frame).collect())
    }

    fn frame(&self, packet: Packet, len: usize) -> Vec<u8> {
        let headers = packet.to_bytes(Link::Ethernet).len();
        let payload = vec![7; len.saturating_sub(headers)];
        let mut frame = packet.payload(&payload).to_bytes(Link::Ethernet);
        frame.splice(..12, [self.mac, [2, 0, 0, 0, 0, 1]].concat());
        frame
    }

    /// Read everything that waits in all queues; how many packets it was.
    pub(crate) fn drain(&self, buffer: &mut [u8]) -> Result<u64> {
        let mut packets = 0;
        for queue in &self.queues {
            packets += drain(|| queue.recv_record(buffer).map(drop))?;
        }
        Ok(packets)
    }

    /// The packets that wait, with the numbers of their queues.
    pub(crate) fn packets(&self) -> Result<Vec<(usize, Received, Vec<u8>)>> {
        let mut buffer = vec![0; BUFFER];
        let mut packets = vec![];
        for (number, queue) in self.queues.iter().enumerate() {
            drain(|| {
                let record = queue.recv_record(&mut buffer)?;
                packets.push((number, *record.received(), record.frame().to_vec()));
                Ok(())
            })?;
        }
        Ok(packets)
    }
}

/// Read until nothing waits; how many packets it was.
pub(crate) fn drain(mut recv: impl FnMut() -> std::io::Result<()>) -> Result<u64> {
    let mut packets = 0;
    loop {
        match recv() {
            Ok(()) => packets += 1,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(packets),
            Err(error) => return Err(error).context("cannot read a packet"),
        }
    }
}

/// All of `expected` is there, each frame once and nothing else; and all queues are used.
pub(crate) fn check_arrived<T>(
    packets: &[(usize, T, Vec<u8>)],
    expected: &[Vec<u8>],
) -> Result<()> {
    ensure!(packets.len() == expected.len(), "{} of {} frames", packets.len(), expected.len());
    let arrived: BTreeSet<_> = packets.iter().map(|(_, _, frame)| frame).collect();
    ensure!(arrived == expected.iter().collect(), "other frames than those that were sent");
    let queues: BTreeSet<_> = packets.iter().map(|(queue, ..)| queue).collect();
    ensure!(queues.len() == QUEUES, "only {} queues are used", queues.len());
    Ok(())
}

/// What RSS is measured with: the basic types, Microsoft's key, a table of 128 entries.
pub(crate) fn config() -> Result<Config> {
    let table = (0..128).map(|entry| entry % QUEUES as u16).collect();
    Ok(SteeringConfig::new(HashTypes::BASIC, HashKey::MICROSOFT, table, 0)?)
}

/// Queues of a guest's tap.
pub(crate) const QUEUES: usize = 4;

/// Bytes of a buffer that takes any record.
pub(crate) const BUFFER: usize = 66_000;

fn ends() -> V4 {
    V4::new(Ipv4Addr::new(10, 1, 0, 1), Ipv4Addr::new(10, 1, 0, 2))
}

fn mac_text(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

fn ip(arguments: &str) -> Result<()> {
    ip_of("ip", arguments)
}

/// Run a tool of iproute2.
fn ip_of(tool: &str, arguments: &str) -> Result<()> {
    let output = Command::new(tool)
        .args(arguments.split(' '))
        .output()
        .with_context(|| format!("cannot run {tool} (apt install iproute2)"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{tool} {arguments}: {}", said.trim());
    Ok(())
}
