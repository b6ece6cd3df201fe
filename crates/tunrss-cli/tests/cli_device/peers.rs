//! Other processes in a network namespace: one reads a device by way of the library, one sends
//! through the kernel's sockets. Both are this test program, executed again.

use std::collections::HashSet;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::ops::Range;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tunrss::hash::dissect::{Network, Protocol, dissect};
use tunrss::hash::{HashKey, HashTypes, Link, SteeringConfig};
use tunrss::hook::{AttachPoint, Direction};
use tunrss::{Device, IfName, Owner, Settings, Steering};

use crate::net::Net;

/// A process that holds queues of `t0` and prints what it reads from them.
pub(crate) struct Reader(Process);

/// What the reader says of a packet.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Packet {
    pub(crate) queue: u16,
    pub(crate) hash: Option<u32>,
    pub(crate) report: String,
    /// Whether it starts with an IP header: the device is a TUN.
    is_bare: bool,
    /// In hexadecimal.
    frame: String,
}

/// What a process finds that opens a queue of `t0`.
#[derive(Serialize, Deserialize, PartialEq, Eq, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Opened {
    /// In bytes.
    pub(crate) vnet_hdr: Option<u8>,
    pub(crate) packet_information: bool,
}

impl Opened {
    pub(crate) fn by_another_process(net: &Net) -> Self {
        Process::start(net, OPEN).next()
    }

    fn play() {
        let device = Device::open(&IfName::new("t0").unwrap()).unwrap();
        let queues = device.open_queues(2).unwrap();
        print(&Self {
            vnet_hdr: queues[1].vnet_hdr().map(|layout| layout.len() as u8),
            packet_information: queues[1].has_packet_information(),
        });
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ready {
    attached: u16,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    numbers: Range<u16>,
}

impl Reader {
    /// One that holds `queues` queues and has set the device up, so that packets can come.
    pub(crate) fn start(net: &Net, queues: u16) -> Self {
        // What comes while queues are being attached is taken modulo those that are.
        net.ip("link set t0 down");
        let process = Process::start(net, &format!("{READ} {queues}"));
        assert_eq!(process.next::<Ready>().attached, queues);
        Self(process)
    }

    /// Wait until all of the packets `numbers` have arrived. They, once each, and whatever else
    /// the kernel has sent.
    pub(crate) fn take(&self, numbers: Range<u16>) -> Vec<Packet> {
        let mut missing: HashSet<u16> = numbers.collect();
        let mut packets = Vec::new();
        while !missing.is_empty() {
            let packet: Packet = self.0.next();
            if let Some(number) = packet.number() {
                assert!(missing.remove(&number), "packet {number} came twice, or unasked");
            }
            packets.push(packet);
        }
        packets
    }

    fn play(queues: u16) {
        let device = Device::open(&IfName::new("t0").unwrap()).unwrap();
        let queues = device.open_queues(queues.into()).unwrap();
        device.set_up().unwrap();
        for (address, prefix) in [(v4(HOST), 24), (v6(HOST), 64)] {
            device.add_address(address, prefix).unwrap();
        }
        let is_bare = device.link() == Link::Ip;
        // An IP packet has no MAC address.
        for neighbour in NEIGHBOURS.filter(|_| !is_bare) {
            for address in [v4(neighbour), v6(neighbour)] {
                device.add_neighbour(address, [2, 0, 0, 0, 0, neighbour]).unwrap();
            }
        }
        print(&Ready { attached: queues.len() as u16 });
        let stdin = io::stdin();
        let mut frame = vec![0; 1 << 17];
        loop {
            let mut ready: Vec<_> =
                queues.iter().map(|queue| PollFd::new(queue, PollFlags::IN)).collect();
            ready.push(PollFd::new(&stdin, PollFlags::IN));
            poll(&mut ready, None).unwrap();
            // The test has closed its end.
            if !ready.last().unwrap().revents().is_empty() {
                return;
            }
            for (number, queue) in (0..).zip(&queues) {
                loop {
                    let received = match queue.recv(&mut frame) {
                        Ok(received) => received,
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                        Err(error) => panic!("queue {number}: {error}"),
                    };
                    let bytes = frame[..received.len].iter();
                    print(&Packet {
                        queue: number,
                        hash: received.hash(),
                        report: received.report().to_string(),
                        is_bare,
                        frame: bytes.map(|byte| format!("{byte:02x}")).collect(),
                    });
                }
            }
        }
    }
}

impl Packet {
    pub(crate) fn frame(&self) -> Vec<u8> {
        let digits = self.frame.as_bytes().chunks(2);
        let texts = digits.map(|pair| str::from_utf8(pair).unwrap());
        texts.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
    }

    pub(crate) fn link(&self) -> Link {
        if self.is_bare { Link::Ip } else { Link::Ethernet }
    }

    /// The number of a packet of the sender's.
    pub(crate) fn number(&self) -> Option<u16> {
        let (is_v6, transport) = match dissect(self.link(), &self.frame()).network.ok()? {
            Network::V4 { transport, .. } => (false, transport.ok()?),
            Network::V6 { transport, .. } => (true, transport.ok()?),
        };
        let [_, _, port @ ..] = transport.ports;
        let number = u16::from_be_bytes(port).checked_sub(FIRST_PORT)?;
        let kind = (is_v6, transport.protocol);
        assert_eq!(kind, kind_of(number), "packet {number} is not what was sent");
        Some(number)
    }
}

/// A process that sends when it is told to. Packets have numbers; each is of another flow.
pub(crate) struct Sender(Process);

impl Sender {
    pub(crate) fn start(net: &Net) -> Self {
        Self(Process::start(net, SEND))
    }

    /// Have it begin to send; [`Sender::wait`] is for its end.
    pub(crate) fn begin(&mut self, numbers: Range<u16>) {
        let line = serde_json::to_string(&Sent { numbers }).unwrap();
        writeln!(self.0.stdin.as_ref().unwrap(), "{line}").unwrap();
    }

    pub(crate) fn wait(&self, numbers: Range<u16>) {
        assert_eq!(self.0.next::<Sent>().numbers, numbers);
    }

    pub(crate) fn send(&mut self, numbers: Range<u16>) {
        self.begin(numbers.clone());
        self.wait(numbers);
    }

    fn play() {
        let sockets = [v4(HOST), v6(HOST)].map(|host| UdpSocket::bind((host, 0)).unwrap());
        for line in io::stdin().lines() {
            let sent: Sent = serde_json::from_str(&line.unwrap()).unwrap();
            for number in sent.numbers.clone() {
                let (is_v6, protocol) = kind_of(number);
                let neighbour = NEIGHBOURS.start + (number / 4 % 4) as u8;
                let address = if is_v6 { v6(neighbour) } else { v4(neighbour) };
                let to = SocketAddr::new(address, FIRST_PORT + number);
                match protocol {
                    Protocol::Udp => {
                        sockets[usize::from(is_v6)].send_to(b"tunrss", to).unwrap();
                    }
                    Protocol::Tcp => connect(to),
                }
            }
            print(&sent);
        }
    }
}

/// Begin to connect: one packet.
fn connect(to: SocketAddr) {
    let family = if to.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None).unwrap();
    let result = rustix::net::connect(&socket, &to);
    assert_eq!(result, Err(rustix::io::Errno::INPROGRESS));
}

/// IP version and protocol of packet `number`.
fn kind_of(number: u16) -> (bool, Protocol) {
    (number & 1 != 0, if number & 2 == 0 { Protocol::Udp } else { Protocol::Tcp })
}

/// Have a process steer `t0` by way of the library, as this owner, and leave it so. What it was
/// refused with, if it was.
pub(crate) fn steer_as(net: &Net, owner: &str) -> Option<String> {
    Process::start(net, &format!("{STEER} {owner}")).next::<Ended>().refusal
}

/// Have a process detach the first program from `t0`'s tc egress hook.
pub(crate) fn detach_program(net: &Net) {
    assert_eq!(Process::start(net, DETACH).next::<Ended>().refusal, None);
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ended {
    refusal: Option<String>,
}

fn play_steer(owner: &str) {
    let device = Device::open(&IfName::new("t0").unwrap()).unwrap();
    let config = SteeringConfig::new(HashTypes::ALL, HashKey::MICROSOFT, [1], 1).unwrap();
    let settings = Settings { owner: Owner::new(owner), ..Settings::default() };
    let steered = device.steer(&config, settings).map(Steering::keep);
    print(&Ended { refusal: steered.err().map(|error| error.to_string()) });
}

fn play_detach() {
    let device = Device::open(&IfName::new("t0").unwrap()).unwrap();
    let egress = AttachPoint::new(device.name(), device.index(), Direction::Egress);
    assert!(egress.detach(&egress.attached().unwrap()[0]).unwrap());
    print(&Ended { refusal: None });
}

/// Be one of the processes of this module, if this is one, and end.
pub(crate) fn play_if_asked() {
    let Ok(role) = std::env::var(ROLE) else { return };
    match role.split_once(' ') {
        Some((READ, queues)) => Reader::play(queues.parse().unwrap()),
        Some((STEER, owner)) => play_steer(owner),
        None if role == SEND => Sender::play(),
        None if role == OPEN => Opened::play(),
        None if role == DETACH => play_detach(),
        _ => panic!("unknown role {role:?}"),
    }
    std::process::exit(0);
}

/// A child that prints JSON, an object on a line. It ends when its standard input is closed.
struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Process {
    fn start(net: &Net, role: &str) -> Self {
        let mut command = net.command(std::env::current_exe().unwrap());
        command.args(["--exact", ENTRY, "--include-ignored", "--nocapture"]).env(ROLE, role);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            // The frame of tests prints lines of its own.
            let lines = stdout.lines().map_while(Result::ok);
            for line in lines.filter(|line| line.starts_with('{')) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let stdin = child.stdin.take();
        Self { child, stdin, lines }
    }

    fn next<T: DeserializeOwned>(&self) -> T {
        let line = self.lines.recv_timeout(PATIENCE);
        let line = line.unwrap_or_else(|error| panic!("the other process says no more: {error}"));
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let deadline = Instant::now() + PATIENCE;
        // Its output ends with it.
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if self.lines.recv_timeout(left).is_err() {
                break;
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn print(object: &impl Serialize) {
    let line = serde_json::to_string(object).unwrap();
    // The frame of tests may have begun a line.
    println!("\n{line}");
}

fn v4(number: u8) -> IpAddr {
    Ipv4Addr::new(198, 18, 0, number).into()
}

fn v6(number: u8) -> IpAddr {
    Ipv6Addr::new(0xfd72, 0x7273, 0x73, 0, 0, 0, 0, number.into()).into()
}

/// The number of the host's address.
const HOST: u8 = 1;
/// The numbers of those whom the sender sends to.
const NEIGHBOURS: Range<u8> = 2..6;
/// The destination port of packet 0.
const FIRST_PORT: u16 = 10_000;
/// How long to wait for another process.
const PATIENCE: Duration = Duration::from_secs(30);

/// The test that plays a role where it finds one in the environment.
const ENTRY: &str = "traffic::packets_arrive_where_and_as_set";
const ROLE: &str = "TUNRSS_TEST_ROLE";
const READ: &str = "read";
const SEND: &str = "send";
const OPEN: &str = "open";
const STEER: &str = "steer";
const DETACH: &str = "detach";
