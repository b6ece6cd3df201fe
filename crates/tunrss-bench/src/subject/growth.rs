//! What a packet costs as tables, queues and flows grow.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tunrss::netns::NetNs;
use tunrss::{Config, Device, DeviceOptions, IfName, Queue, ReportMode};
use tunrss_hash::{HashKey, HashTypes, Link, SteeringConfig, classify};
use tunrss_testkit::packet::{Packet, V4};

use crate::contest::{Contest, Effort, Outcome};
use crate::program::Runnable;
use crate::record::{Goal, Measured, Section};

pub(crate) fn run(effort: Effort) -> Result<Section> {
    let mut section = Section {
        name: "growth".to_owned(),
        title: "A packet, as tables, queues and flows grow".to_owned(),
        unit: "ns a packet".to_owned(),
        notes: vec![
            "program: BPF_PROG_TEST_RUN, the same packet again and again, so all that it reads is \
             cached; the call is included"
                .to_owned(),
            "sent: a datagram from a UDP socket into a TUN, through the host's stack to the end of a \
             queue; it is read outside the time taken"
                .to_owned(),
            "classify: in user space, over frames in memory; beside it, reading as many bytes of the \
             same frames, whose memory grows with the flows"
                .to_owned(),
        ],
        ..Section::default()
    };
    tables(&mut section, effort)?;
    queues(&mut section, effort)?;
    sent_flows(&mut section, effort)?;
    classified_flows(&mut section, effort)?;
    Ok(section)
}

fn tables(section: &mut Section, effort: Effort) -> Result<()> {
    const SIZES: [usize; 8] = [2, 8, 32, 128, 512, 2048, 16_384, 65_536];
    let frame = frame(0);
    let mut contest = Contest::new("entries of the table");
    for size in SIZES {
        let config = config(size, 4)?;
        let program = program(&config, &frame)?;
        let frame = &frame;
        contest = contest.contender(size.to_string(), move |times| program.repeat(frame, times));
    }
    let outcome = contest.run(effort)?;
    section.ratios.push(outcome.ratio("65536", "128")?.with_goal(FLAT));
    section.measured.extend(by_size(&outcome, "tunrss, program", &SIZES));
    Ok(())
}

fn queues(section: &mut Section, effort: Effort) -> Result<()> {
    const COUNTS: [usize; 8] = [2, 4, 8, 16, 32, 64, 128, 256];
    let case = "queues";
    let frame = frame(0);
    let mut contest = Contest::new(case);
    for count in COUNTS {
        let config = config(256, count)?;
        let program = program(&config, &frame)?;
        let frame = &frame;
        contest = contest.contender(count.to_string(), move |times| program.repeat(frame, times));
    }
    let outcome = contest.run(effort)?;
    section.measured.extend(by_size(&outcome, "tunrss, program", &COUNTS));

    let _netns = quiet_netns()?;
    for steered in [true, false] {
        let taken = COUNTS.map(|count| Tunnel::new(count, steered));
        let tunnels = taken.into_iter().collect::<Result<Vec<_>>>()?;
        let mut contest = Contest::new(case);
        for (tunnel, count) in tunnels.iter().zip(COUNTS) {
            let send = move |times| tunnel.send(256, times);
            contest = contest.contender(count.to_string(), send);
        }
        let outcome = contest.run(effort)?;
        if steered {
            section.ratios.push(outcome.ratio("256", "4")?);
        }
        section.measured.extend(by_size(&outcome, sent(steered), &COUNTS));
    }
    Ok(())
}

fn sent_flows(section: &mut Section, effort: Effort) -> Result<()> {
    const COUNTS: [usize; 7] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000];
    let _netns = quiet_netns()?;
    for steered in [true, false] {
        let tunnel = Tunnel::new(16, steered)?;
        let tunnel = &tunnel;
        let mut contest = Contest::new("flows sent");
        for count in COUNTS {
            let send = move |times| tunnel.send(count, times);
            contest = contest.contender(count.to_string(), send);
        }
        let outcome = contest.run(effort)?;
        if steered {
            section.ratios.push(outcome.ratio("1000000", "100")?.with_goal(FLAT));
        }
        section.measured.extend(by_size(&outcome, sent(steered), &COUNTS));
    }
    Ok(())
}

fn classified_flows(section: &mut Section, effort: Effort) -> Result<()> {
    const COUNTS: [usize; 7] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000];
    let most = COUNTS.into_iter().max().unwrap_or(1);
    let frames: Vec<u8> = (0..most).flat_map(frame).collect();
    let (frames, _) = frames.as_chunks::<FRAME_LEN>();
    ensure!(frames.len() == most, "{} frames of {FRAME_LEN} bytes", frames.len());
    let config = config(128, 4)?;
    let classified = |frame: &[u8]| u32::from(classify(&config, Link::Ethernet, frame).queue);
    let works: [(_, &Work<'_>); 2] =
        [("tunrss, classify", &classified), ("reading the bytes", &sum)];
    for (contender, work) in works {
        let mut contest = Contest::new("flows classified");
        for count in COUNTS {
            let mut ring = frames.iter().take(count).cycle();
            let next = move || ring.next().map(|frame| work(frame));
            contest = contest.timed(count.to_string(), next);
        }
        let outcome = contest.run(effort)?;
        section.measured.extend(by_size(&outcome, contender, &COUNTS));
    }
    Ok(())
}

/// Something done with a frame.
type Work<'a> = dyn Fn(&[u8]) -> u32 + 'a;

/// Read a frame's bytes, and nothing else.
fn sum(frame: &[u8]) -> u32 {
    let (words, _) = frame.as_chunks();
    words.iter().fold(0, |sum, &word| sum ^ u32::from_le_bytes(word))
}

/// A network namespace in which the kernel sends nothing of its own accord.
fn quiet_netns() -> Result<NetNs> {
    let netns = NetNs::enter_new()?;
    let off = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
    std::fs::write(off, "1").with_context(|| format!("cannot write {off}"))?;
    Ok(netns)
}

/// A TUN that datagrams are sent into.
struct Tunnel {
    queues: Vec<Queue>,
    socket: UdpSocket,
    /// The first of 16 addresses behind it.
    first: Ipv4Addr,
}

impl Tunnel {
    /// One with so many queues, the only one of that number in the network namespace.
    fn new(count: usize, is_steered: bool) -> Result<Self> {
        let name = format!("tun{count}{}", if is_steered { "rss" } else { "auto" });
        let (device, queues) =
            Device::create_with(&IfName::new(&name)?, DeviceOptions::tun(count))?;
        device.set_up()?;
        let subnet = (count % 256) as u8;
        let net = if is_steered { 10 } else { 11 };
        let first = Ipv4Addr::new(net, subnet, 0, 16);
        device.add_address(Ipv4Addr::new(net, subnet, 0, 1).into(), 24)?;
        let socket = UdpSocket::bind((Ipv4Addr::new(net, subnet, 0, 1), SOURCE_PORT))
            .context("cannot open a UDP socket")?;
        let tunnel = Self { queues, socket, first };
        if is_steered {
            let config = config(256, count)?;
            device.steer(&config, ReportMode::Off)?.keep();
            tunnel.check(&config)?;
        }
        Ok(tunnel)
    }

    /// Send so many datagrams, in turn to so many ports; the time that sending took.
    fn send(&self, flows: usize, times: u64) -> Result<Duration> {
        let mut took = Duration::ZERO;
        let mut sent = 0;
        while sent < times {
            let start = Instant::now();
            let burst = BURST.min(times - sent);
            for number in sent..sent + burst {
                let to = self.destination((number % flows as u64) as usize);
                self.socket.send_to(PAYLOAD, to).context("cannot send a datagram")?;
            }
            took += start.elapsed();
            let arrived = self.drain(|_, _| Ok(()))?;
            ensure!(arrived == burst, "{arrived} of {burst} datagrams arrived");
            sent += burst;
        }
        Ok(took)
    }

    /// Every datagram is on the queue that `classify` says.
    fn check(&self, config: &Config) -> Result<()> {
        for flow in 0..64 {
            self.socket.send_to(PAYLOAD, self.destination(flow))?;
        }
        let arrived = self.drain(|queue, packet| {
            let told = usize::from(classify(config, Link::Ip, packet).queue);
            ensure!(queue == told, "a packet is on queue {queue}, not {told}");
            Ok(())
        })?;
        ensure!(arrived == 64, "{arrived} of 64 datagrams arrived");
        Ok(())
    }

    fn destination(&self, flow: usize) -> SocketAddrV4 {
        let ports = usize::from(u16::MAX) - 1;
        let address = u32::from(self.first) + (flow / ports) as u32;
        SocketAddrV4::new(address.into(), (1 + flow % ports) as u16)
    }

    /// Read everything, with the number of its queue; how much it was.
    fn drain(&self, mut see: impl FnMut(usize, &[u8]) -> Result<()>) -> Result<u64> {
        let mut buffer = [0; 2048];
        let mut packets = 0;
        for (number, queue) in self.queues.iter().enumerate() {
            loop {
                match queue.recv(&mut buffer) {
                    Ok(received) => see(number, buffer.get(..received.len).unwrap_or_default())?,
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error).context("cannot read a packet"),
                }
                packets += 1;
            }
        }
        Ok(packets)
    }
}

/// The steering program, which gives the answer that `classify` does.
fn program(config: &Config, frame: &[u8]) -> Result<Runnable> {
    let object = tunrss_bpf::compile(config, Link::Ethernet, ReportMode::Off)?;
    let program = Runnable::of(&object)?;
    let (queue, _) = program.run(frame, 1)?;
    let told = classify(config, Link::Ethernet, frame).queue;
    ensure!(queue == u32::from(told), "queue {queue}, not {told}");
    Ok(program)
}

fn config(table_len: usize, queues: usize) -> Result<Config> {
    let table = (0..table_len).map(|entry| (entry % queues) as u16).collect();
    Ok(SteeringConfig::new(HashTypes::BASIC, HashKey::MICROSOFT, table, 0)?)
}

/// A frame of a flow of its own: IPv4/TCP, 54 bytes.
fn frame(flow: usize) -> Vec<u8> {
    let source = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 0, 0, 0)) + flow as u32);
    let packet = Packet::tcp(V4::new(source, [192, 0, 2, 1]), flow as u16, 443);
    packet.to_bytes(Link::Ethernet)
}

/// One contender at all sizes of the work, each of which took part by itself.
fn by_size(outcome: &Outcome, contender: &str, sizes: &[usize]) -> Vec<Measured> {
    let with_size = |(measured, &size)| Measured {
        contender: contender.to_owned(),
        x: Some(size as f64),
        ..measured
    };
    outcome.measured().into_iter().zip(sizes).map(with_size).collect()
}

fn sent(is_steered: bool) -> &'static str {
    if is_steered { "tunrss, sent" } else { "automatic steering, sent" }
}

/// What is flat: a packet costs no more than this much of what it costs at an ordinary size.
const FLAT: Goal = Goal::AtMost(1.1);
const FRAME_LEN: usize = 54;
const PAYLOAD: &[u8] = &[7; 18];
const SOURCE_PORT: u16 = 5000;
/// Datagrams that are sent before they are read: fewer than a queue holds.
const BURST: u64 = 256;
