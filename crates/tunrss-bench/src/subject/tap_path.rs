//! The whole way of a packet: from its sender through the stack and a tap of 4 queues to its reader.

use std::net::UdpSocket;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tunrss::hash::{Link, VnetHdr, classify};
use tunrss::{Config, ReportMode, Settings, Steering, SteeringMode};

use crate::contest::{Contest, Effort, cpu_time};
use crate::host::{self, BUFFER, Guest, Host, QUEUES};
use crate::peer::qemu;
use crate::program::Runnable;
use crate::record::{Goal, Ratio, Section};

const AUTOMATIC: &str = "automatic steering";
const RSS: &str = "tunrss";
const KERNEL: &str = "tunrss, kernel report";
const READER: &str = "tunrss, reader report";
const AUTOMATIC_KERNEL: &str = "tunrss, automatic with report";

/// Who has a tap: with what steering and report, if anything is in force.
const CONTENDERS: &[(&str, Option<(SteeringMode, ReportMode)>)] = &[
    (AUTOMATIC, None),
    (RSS, Some((SteeringMode::Rss, ReportMode::Off))),
    (KERNEL, Some((SteeringMode::Rss, ReportMode::Kernel))),
    (READER, Some((SteeringMode::Rss, ReportMode::Reader))),
    (AUTOMATIC_KERNEL, Some((SteeringMode::Automatic, ReportMode::Kernel))),
];

/// Who sends.
#[derive(Clone, Copy)]
enum Sender {
    Bridge,
    Socket,
}

impl Sender {
    fn case(self) -> &'static str {
        match self {
            Self::Bridge => "forwarded by a bridge",
            Self::Socket => "from a UDP socket",
        }
    }

    /// A tap that it reaches.
    fn guest(self, host: &Host, number: u8) -> Result<Guest> {
        match self {
            Self::Bridge => host.guest(number),
            Self::Socket => host.neighbour(number),
        }
    }
}

pub(crate) fn run(effort: Effort) -> Result<Section> {
    let mut section = Section {
        name: "tap-path".into(),
        title: "From sender to reader, through a tap of 4 queues".into(),
        unit: "ns of a CPU a packet".into(),
        notes: vec![
            format!(
                "bursts of {BURST} packets of {FLOWS} flows are sent and then read from all queues on one \
                 thread, which nothing waits for: its CPU time is that of sender, device and reader"
            ),
            format!("a contender has {COPIES} such taps, one a turn"),
            "a frame that is forwarded has room in front for the kernel's report; one of the host's \
             own UDP socket has not, and is copied once"
                .into(),
        ],
        ..Section::default()
    };
    let qemu = qemu::Object::take().inspect_err(|error| section.notes.push(format!("{error:#}")));
    let qemu = qemu.ok();
    let host = Host::new()?;
    let config = host::config()?;
    let socket = UdpSocket::bind("0.0.0.0:0").context("cannot open a UDP socket")?;
    for sender in [Sender::Bridge, Sender::Socket] {
        let guest = |copy, place| sender.guest(&host, copy * MOST_CONTENDERS + place);
        let mut contenders: Vec<Vec<Tap>> = CONTENDERS.iter().map(|_| vec![]).collect();
        for copy in 0..COPIES {
            for ((&(name, mode), taps), place) in CONTENDERS.iter().zip(&mut contenders).zip(1..) {
                taps.push(Tap::new(name, guest(copy, place)?, mode, &config)?);
            }
        }
        // Last: a device is not taken over while there is a program that may be its own.
        if let Some(qemu) = &qemu {
            let taps = (0..COPIES).map(|copy| Tap::of_qemu(qemu, guest(copy, 0)?, &config));
            contenders.push(taps.collect::<Result<_>>()?);
        }
        let mut contest = Contest::new(format!("{LEN} bytes, {}", sender.case()));
        for taps in &contenders {
            let name = taps.first().map_or("", |tap| &tap.name);
            let mut senders = vec![];
            for tap in taps {
                let frames = tap.guest.frames(FLOWS, LEN);
                let (host, socket, to) = (&host, &socket, tap.guest.address());
                let send = move |number: u64| {
                    let flow = (number % u64::from(FLOWS)) as u16;
                    match sender {
                        Sender::Bridge => {
                            let frame =
                                frames.get(usize::from(flow)).context("a frame of each flow")?;
                            host.arrive(&VnetHdr::default(), frame)
                        }
                        Sender::Socket => {
                            let sent = socket.send_to(&[7; LEN - HEADERS], (to, 1024 + flow));
                            sent.map(drop).context("cannot send a datagram")
                        }
                    }
                };
                (0..u64::from(FLOWS)).try_for_each(&send)?;
                tap.check(&config).with_context(|| format!("{name}, {}", sender.case()))?;
                senders.push((tap, send));
            }
            let mut buffer = vec![0; BUFFER];
            let mut turn = 0;
            contest = contest.contender(name, move |times| {
                turn += 1;
                let next = senders.get(turn % senders.len());
                let (tap, send) = next.context("a contender has a tap")?;
                tap.pass(times, send, &mut buffer)
            });
        }
        let outcome = contest.run(effort.in_short_turns())?;
        section.measured.extend(outcome.measured());
        let of = |ours: &str, goal: Option<f64>| -> Result<Ratio> {
            // As packets a second, so the other way around.
            let ratio = outcome.ratio(AUTOMATIC, ours)?;
            let of = format!("{ours} / {AUTOMATIC}, packets a second");
            Ok(Ratio { of, goal: goal.map(Goal::AtLeast), ..ratio })
        };
        let with_room = match sender {
            Sender::Bridge => Some(0.95),
            Sender::Socket => None,
        };
        for (ours, goal) in
            [(RSS, Some(1.0)), (KERNEL, with_room), (READER, Some(0.97)), (AUTOMATIC_KERNEL, None)]
        {
            section.ratios.push(of(ours, goal)?);
        }
        if let Some(qemu) = &qemu {
            section.ratios.push(of(&qemu.name, None)?);
        }
    }
    Ok(section)
}

/// A contender's tap.
struct Tap {
    name: String,
    guest: Guest,
    /// Whether the configuration says which queue a packet is in.
    is_steered: bool,
    /// Whether packets have the hash that it says.
    has_report: bool,
    _in_force: InForce,
}

/// What steers a tap as long as it lives.
#[expect(dead_code, reason = "it is only kept")]
enum InForce {
    Nothing,
    Ours(Steering),
    Qemus(Runnable),
}

impl Tap {
    fn new(
        name: &str,
        mut guest: Guest,
        mode: Option<(SteeringMode, ReportMode)>,
        config: &Config,
    ) -> Result<Self> {
        let in_force = match mode {
            Some((steering, report)) => {
                let settings = Settings { steering, ..Settings::from(report) };
                let steering = guest.device.steer(config, settings)?;
                guest.queues.iter_mut().for_each(|queue| queue.set_report(steering.report()));
                InForce::Ours(steering)
            }
            None => InForce::Nothing,
        };
        Ok(Self {
            name: name.into(),
            guest,
            is_steered: matches!(mode, Some((SteeringMode::Rss, _))),
            has_report: matches!(mode, Some((_, ReportMode::Kernel | ReportMode::Reader))),
            _in_force: in_force,
        })
    }

    /// One that QEMU's program steers.
    fn of_qemu(qemu: &qemu::Object, guest: Guest, config: &Config) -> Result<Self> {
        let program = qemu.load(config)?;
        let queue = guest.queues.first().context("a guest has queues")?;
        set_steering_program(queue.as_fd(), program.fd()?)
            .with_context(|| format!("cannot have {}'s program steer a tap", qemu.name))?;
        Ok(Self {
            name: qemu.name.clone(),
            guest,
            is_steered: true,
            has_report: false,
            _in_force: InForce::Qemus(program),
        })
    }

    /// One packet of each flow waits, with the hash that it is to have, in its queue.
    fn check(&self, config: &Config) -> Result<()> {
        let packets = self.guest.packets()?;
        ensure!(packets.len() == usize::from(FLOWS), "{} packets of {FLOWS}", packets.len());
        let mut is_used = [false; QUEUES];
        for (queue, received, frame) in &packets {
            ensure!(frame.len() == LEN, "a frame of {} bytes", frame.len());
            let verdict = classify(config, Link::Ethernet, frame);
            let hash = self.has_report.then_some(verdict.hash);
            ensure!(received.hash() == hash, "hash {:x?} for {hash:x?}", received.hash());
            if self.is_steered {
                ensure!(*queue == usize::from(verdict.queue), "queue {queue} for {verdict:?}");
            }
            if let Some(is_used) = is_used.get_mut(*queue) {
                *is_used = true;
            }
        }
        ensure!(is_used.iter().all(|&is_used| is_used), "queues are not used: {is_used:?}");
        Ok(())
    }

    /// Send so many packets and read them; how long the thread was at it.
    fn pass(
        &self,
        times: u64,
        send: impl Fn(u64) -> Result<()>,
        buffer: &mut [u8],
    ) -> Result<Duration> {
        let mut passed = 0;
        let start = cpu_time()?;
        while passed < times {
            let burst = (times - passed).min(BURST);
            (passed..passed + burst).try_for_each(&send)?;
            let read = self.guest.drain(buffer)?;
            ensure!(read == burst, "{read} packets read of {burst}");
            passed += burst;
        }
        Ok(cpu_time()?.saturating_sub(start))
    }
}

/// `TUNSETSTEERINGEBPF`, which is not for a crate without unsafe code: so another process does it,
/// with the queue as its input and the program as its output.
fn set_steering_program(queue: BorrowedFd<'_>, program: BorrowedFd<'_>) -> Result<()> {
    const IOCTL: &str = "$fd = pack('i', 1); ioctl(STDIN, 0x800454e0, $fd) or die \"$!\\n\"";
    let output = Command::new("perl")
        .args(["-e", IOCTL])
        .stdin(Stdio::from(queue.try_clone_to_owned()?))
        .stdout(Stdio::from(program.try_clone_to_owned()?))
        .stderr(Stdio::piped())
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .context("cannot run perl (apt-get install perl-base)")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

/// How many taps a contender has, for its turns in turn: where a device's memory happens to lie makes
/// differences of some hundredths.
const COPIES: u8 = 4;

/// Numbers of guests between two copies.
const MOST_CONTENDERS: u8 = 8;

/// Bytes of a frame.
const LEN: usize = 60;

/// Those of its headers: Ethernet, IPv4, UDP.
const HEADERS: usize = 42;

const FLOWS: u16 = 256;

/// Packets in the queues at a time.
const BURST: u64 = 64;
