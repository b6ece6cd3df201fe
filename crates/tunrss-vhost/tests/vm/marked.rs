//! Frames that the guest knows one by one: where each has to arrive, and where it did.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::Instant;

use tunrss::Config;
use tunrss::hash::{HashReport, Link, classify};
use tunrss_testkit::packet::{Extension, Network, Packet, Upper, V4, V6};
use tunrss_testkit::strategy::{complete_packets, generate};

use crate::guest::Guest;
use crate::host::{Daemon, TAP};
use crate::traffic::{HERE_V4, HERE_V6, THERE_MAC, THERE_V4, THERE_V6, deadline};

/// A frame to the guest.
pub(crate) struct Case {
    kind: &'static str,
    /// What decides about it: the frame, or its headers as the kernel will make them.
    headers: Vec<u8>,
    sender: Sender,
}

/// How it is sent.
enum Sender {
    /// By a packet socket.
    Bytes,
    /// By the kernel's UDP, to this address.
    Udp(UdpSocket, SocketAddr),
    /// By the kernel's TCP: [`guest serve`](crate::streams) takes it for a request of nothing.
    Tcp(TcpStream),
}

/// Where a frame arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Arrival {
    pub(crate) queue: i32,
    /// As the driver has left it in the guest's `sk_buff`.
    pub(crate) hash: u32,
}

/// Frames of every kind, most of them of flows of their own.
pub(crate) fn frames() -> Vec<Case> {
    let mut cases = vec![];
    let mut add = |kind, packet: Packet| {
        let mut frame = packet.to_bytes(Link::Ethernet);
        frame[..6].copy_from_slice(&THERE_MAC);
        // As the guest may get it, with the mark behind it.
        if frame.len() + 8 <= 1514 {
            cases.push(Case { kind, headers: frame, sender: Sender::Bytes });
        }
    };
    for flow in 0..64 {
        let port = 1024 + 7 * flow;
        let v4 = || V4::new([10, 0, 1, flow as u8], THERE_V4);
        let v6 = || V6::new([0xfd00, 0, 0, 1, 0, 0, 0, flow], THERE_V6);
        add("UDP over IPv4", Packet::udp(v4(), port, 9));
        add("TCP over IPv4", Packet::tcp(v4(), port, 9));
        add("other over IPv4", Packet::new(v4(), Upper::Other(132)));
        add("fragment of IPv4", Packet::udp(v4().fragment(0x2000), port, 9));
        add("UDP over IPv6", Packet::udp(v6(), port, 9));
        add("TCP over IPv6", Packet::tcp(v6(), port, 9));
        add("other over IPv6", Packet::new(v6(), Upper::Other(132)));
        let extended = v6().with(Extension::Destination(vec![]));
        add("UDP over IPv6 with an extension header", Packet::udp(extended, port, 9));
        // A private ethertype, so that nothing in the guest takes it for something.
        add("not IP", Packet::new(Network::Other(0x88b5), Upper::Other(0)));
    }
    for packet in generate(complete_packets(), 5).take(GENERATED) {
        // A guest's driver takes tags off the frame. Whether the hash is that of what is behind them
        // is tested on the device.
        if packet.vlan_tags.is_empty() {
            add("generated", packet);
        }
    }
    cases
}

/// One datagram or segment of each of many flows of the host's kernel. [`serve`](crate::streams::serve)
/// has to be under way.
pub(crate) fn flows() -> Vec<Case> {
    let mut cases = vec![];
    let ends: [(IpAddr, IpAddr); 2] =
        [(HERE_V4.into(), THERE_V4.into()), (HERE_V6.into(), THERE_V6.into())];
    for (here, there) in ends {
        for _ in 0..32 {
            let socket = UdpSocket::bind((here, 0)).unwrap();
            let port = socket.local_addr().unwrap().port();
            let address = SocketAddr::new(there, 9);
            cases.push(Case {
                kind: "kernel's UDP",
                headers: Packet::udp(network(here, there), port, 9).to_bytes(Link::Ethernet),
                sender: Sender::Udp(socket, address),
            });
            let stream = crate::streams::connect(there);
            let port = stream.local_addr().unwrap().port();
            let packet = Packet::tcp(network(here, there), port, crate::streams::PORT);
            cases.push(Case {
                kind: "kernel's TCP",
                headers: packet.to_bytes(Link::Ethernet),
                sender: Sender::Tcp(stream),
            });
        }
    }
    cases
}

fn network(here: IpAddr, there: IpAddr) -> Network {
    match (here, there) {
        (IpAddr::V4(here), IpAddr::V4(there)) => V4::new(here, there).into(),
        (IpAddr::V6(here), IpAddr::V6(there)) => V6::new(here, there).into(),
        _ => panic!("{here} and {there} are of two families"),
    }
}

/// Send all, and say where each arrived: all did, once each.
pub(crate) fn send(daemon: &Daemon, guest: &mut Guest, cases: &[Case]) -> Vec<Arrival> {
    let command = format!("guest frames eth0 {}", cases.len());
    guest.console.start(&command);
    guest.console.listen_until("ready");
    let before = taken();
    for (number, case) in cases.iter().enumerate() {
        case.send(daemon, number);
        let deadline = deadline();
        // Less than a queue holds. What the kernel sends of its own accord is counted as well.
        while (number as u64).saturating_sub(taken() - before) > UNDER_WAY {
            assert!(Instant::now() < deadline, "the daemon takes no more after {number} frames");
            std::thread::yield_now();
        }
    }
    let lines = guest.console.finish(&command);
    let mut arrivals = BTreeMap::new();
    for line in &lines {
        let words: Vec<_> = line.split_whitespace().collect();
        let [number, queue, hash, count] = words[..] else { panic!("{line}: {lines:#?}") };
        let number: usize = number.parse().unwrap();
        // TCP sends again what it believes lost.
        let is_once = count == "1" || matches!(cases[number].sender, Sender::Tcp(_));
        assert!(is_once, "{}: arrived {count} times", cases[number].kind);
        let hash = u32::from_str_radix(hash, 16).unwrap();
        arrivals.insert(number, Arrival { queue: queue.parse().unwrap(), hash });
    }
    let lost: Vec<_> = (0..cases.len()).filter(|number| !arrivals.contains_key(number)).collect();
    assert!(
        lost.is_empty(),
        "{} of {} did not arrive: {lost:?}: {:#?}",
        lost.len(),
        cases.len(),
        daemon.status()
    );
    arrivals.into_values().collect()
}

/// Send all, and check that each arrives where `config` says: on that queue, with that hash or, without
/// report, with none.
#[track_caller]
pub(crate) fn check(
    daemon: &Daemon,
    guest: &mut Guest,
    cases: &[Case],
    config: &Config,
    has_report: bool,
) {
    let arrivals = send(daemon, guest, cases);
    let mut wrong = vec![];
    let mut counts = BTreeMap::<_, usize>::new();
    for (case, arrival) in cases.iter().zip(arrivals) {
        let verdict = classify(config, Link::Ethernet, &case.headers);
        let expected = Arrival {
            queue: verdict.queue.into(),
            hash: if has_report { verdict.hash } else { 0 },
        };
        if arrival != expected {
            wrong.push((case.kind, verdict, arrival));
        }
        *counts.entry((case.kind, verdict.report != HashReport::None)).or_default() += 1;
    }
    println!("{counts:?}");
    assert!(
        wrong.is_empty(),
        "{} of {} are wrong: {:#?}",
        wrong.len(),
        cases.len(),
        &wrong[..wrong.len().min(20)]
    );
}

impl Case {
    fn send(&self, daemon: &Daemon, number: usize) {
        let mark = u64::from(MARK) | (number as u64) << 32;
        let mark = mark.to_le_bytes();
        match &self.sender {
            Sender::Bytes => daemon.packets.send(&[&self.headers, &mark[..]].concat()).unwrap(),
            Sender::Udp(socket, address) => {
                assert_eq!(socket.send_to(&mark, address).unwrap(), mark.len());
            }
            Sender::Tcp(stream) => {
                // How much follows, how much is to come back, and what does not matter.
                let request = [[0; 8], [0; 8], mark].concat();
                let mut stream = stream;
                assert_eq!(stream.write(&request).unwrap(), request.len());
            }
        }
    }
}

/// How many packets the daemon has taken from the device. None may have been dropped.
fn taken() -> u64 {
    let devices = std::fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    let prefix = format!("{TAP}:");
    let counts = devices.lines().find_map(|line| line.trim().strip_prefix(&prefix)).unwrap();
    // Eight of what was received, then bytes, packets, errors and drops of what was sent.
    let counts: Vec<u64> = counts.split_whitespace().map(|count| count.parse().unwrap()).collect();
    assert_eq!((counts[10], counts[11]), (0, 0), "dropped");
    counts[9]
}

/// As in `guest.c`.
const MARK: u32 = 0x1a7e_57ed;

const GENERATED: usize = 1000;
const UNDER_WAY: u64 = 200;
