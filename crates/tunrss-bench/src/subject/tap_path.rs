//! The whole way of a packet: from its sender through the stack and a tap of 4 queues to its reader.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tunrss::hash::{Link, VnetHdr, classify};
use tunrss::{Config, ReportMode, Settings, Steering, SteeringMode};

use crate::contest::{Contest, Effort};
use crate::host::{self, BUFFER, Guest, Host, QUEUES};
use crate::record::{Goal, Ratio, Section};

const AUTOMATIC: &str = "automatic steering";
const RSS: &str = "RSS";
const KERNEL: &str = "RSS, kernel report";
const READER: &str = "RSS, reader report";
const AUTOMATIC_KERNEL: &str = "automatic, kernel report";

/// Who has a tap: with what steering and report, if anything is in force.
const CONTENDERS: &[(&str, Option<(SteeringMode, ReportMode)>)] = &[
    (AUTOMATIC, None),
    (RSS, Some((SteeringMode::Rss, ReportMode::Off))),
    (KERNEL, Some((SteeringMode::Rss, ReportMode::Kernel))),
    (READER, Some((SteeringMode::Rss, ReportMode::Reader))),
    (AUTOMATIC_KERNEL, Some((SteeringMode::Automatic, ReportMode::Kernel))),
];

const FORWARDED: &str = "forwarded by a bridge";
const SOCKET: &str = "from a UDP socket";

pub(crate) fn run(effort: Effort) -> Result<Section> {
    let host = Host::new()?;
    let config = host::config()?;
    let socket = UdpSocket::bind("0.0.0.0:0").context("cannot open a UDP socket")?;
    let (mut measured, mut ratios) = (vec![], vec![]);
    for case in [FORWARDED, SOCKET] {
        let mut taps = vec![];
        for (&(name, mode), number) in CONTENDERS.iter().zip(1..) {
            let guest =
                if case == FORWARDED { host.guest(number) } else { host.neighbour(number) }?;
            taps.push(Tap::new(name, guest, mode, &config)?);
        }
        let mut contest = Contest::new(format!("{LEN} bytes, {case}"));
        for tap in &taps {
            let frames = tap.guest.frames(FLOWS, LEN);
            let (host, socket) = (&host, &socket);
            let to = tap.guest.address();
            let send = move |number: u64| {
                let number = (number % u64::from(FLOWS)) as u16;
                if case == SOCKET {
                    let sent = socket.send_to(&[7; LEN - HEADERS], (to, 1024 + number));
                    return sent.map(drop).context("cannot send a datagram");
                }
                let frame = frames.get(usize::from(number)).map_or(&[][..], |frame| frame);
                host.arrive(&VnetHdr::default(), frame)
            };
            (0..u64::from(FLOWS)).try_for_each(&send)?;
            tap.check(&config).with_context(|| format!("{}, {case}", tap.name))?;
            let mut buffer = vec![0; BUFFER];
            contest = contest.contender(tap.name, move |times| tap.pass(times, &send, &mut buffer));
        }
        let outcome = contest.run(effort)?;
        measured.extend(outcome.measured());
        let of = |ours: &str, goal: Option<f64>| -> Result<Ratio> {
            // As packets a second, so the other way around.
            let ratio = outcome.ratio(AUTOMATIC, ours)?;
            let of = format!("{ours} / {AUTOMATIC}, in packets a second");
            Ok(Ratio { of, goal: goal.map(Goal::AtLeast), ..ratio })
        };
        ratios.push(of(RSS, Some(1.0))?);
        ratios.push(of(KERNEL, (case == FORWARDED).then_some(0.95))?);
        ratios.push(of(READER, Some(0.97))?);
        ratios.push(of(AUTOMATIC_KERNEL, None)?);
    }
    Ok(Section {
        name: "tap-path".into(),
        title: "The whole path through a tap of 4 queues, from sender to reader".into(),
        unit: "ns a packet".into(),
        measured,
        ratios,
        notes: vec![
            format!(
                "Bursts of {BURST} packets of {FLOWS} flows are sent and then read from all queues, \
                 on one thread: the time is that of sender, device and reader together."
            ),
            "A forwarded frame has room for the kernel's report in front; a frame of the host's own \
             UDP socket has not, and is copied once."
                .into(),
        ],
    })
}

/// A contender's tap.
struct Tap {
    name: &'static str,
    guest: Guest,
    mode: Option<(SteeringMode, ReportMode)>,
    _steering: Option<Steering>,
}

impl Tap {
    fn new(
        name: &'static str,
        mut guest: Guest,
        mode: Option<(SteeringMode, ReportMode)>,
        config: &Config,
    ) -> Result<Self> {
        let steering = match mode {
            Some((steering, report)) => {
                let settings = Settings { steering, ..Settings::from(report) };
                Some(guest.device.steer(config, settings)?)
            }
            None => None,
        };
        if let Some(steering) = &steering {
            guest.queues.iter_mut().for_each(|queue| queue.set_report(steering.report()));
        }
        Ok(Self { name, guest, mode, _steering: steering })
    }

    /// One packet of each flow waits, with the hash that it is to have, in its queue.
    fn check(&self, config: &Config) -> Result<()> {
        let packets = self.guest.packets()?;
        ensure!(packets.len() == usize::from(FLOWS), "{} packets of {FLOWS}", packets.len());
        let mut is_used = [false; QUEUES];
        for (queue, received, frame) in &packets {
            ensure!(frame.len() == LEN, "a frame of {} bytes", frame.len());
            let verdict = classify(config, Link::Ethernet, frame);
            let hash = matches!(self.mode, Some((_, ReportMode::Kernel | ReportMode::Reader)))
                .then_some(verdict.hash);
            ensure!(received.hash() == hash, "hash {:x?} for {hash:x?}", received.hash());
            if matches!(self.mode, Some((SteeringMode::Rss, _))) {
                ensure!(*queue == usize::from(verdict.queue), "queue {queue} for {verdict:?}");
            }
            if let Some(is_used) = is_used.get_mut(*queue) {
                *is_used = true;
            }
        }
        ensure!(is_used.iter().all(|&is_used| is_used), "queues are not used: {is_used:?}");
        Ok(())
    }

    /// Send so many packets and read them; how long it took.
    fn pass(
        &self,
        times: u64,
        send: impl Fn(u64) -> Result<()>,
        buffer: &mut [u8],
    ) -> Result<Duration> {
        let mut passed = 0;
        let start = Instant::now();
        while passed < times {
            let burst = (times - passed).min(BURST);
            (passed..passed + burst).try_for_each(&send)?;
            let read = self.guest.drain(buffer)?;
            ensure!(read == burst, "{read} packets read of {burst}");
            passed += burst;
        }
        Ok(start.elapsed())
    }
}

/// Bytes of a frame.
const LEN: usize = 60;

/// Those of its headers: Ethernet, IPv4, UDP.
const HEADERS: usize = 42;

const FLOWS: u16 = 256;

/// Packets in the queues at a time.
const BURST: u64 = 64;
