//! Reading packets that wait in the four queues of a tap.

use std::io;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use tunrss::hash::{Link, VnetHdr, classify};
use tunrss::{Config, Queue, ReportMode, Steering};

use crate::contest::{Contest, Effort};
use crate::host::{self, BUFFER, Guest, Host, drain};
use crate::record::{Measured, Section};

/// What reads one packet.
type Recv = fn(&Queue, &mut [u8]) -> io::Result<()>;

const PLAIN: &str = "plain read";
const RECORD: &str = "recv_record";

const CONTENDERS: &[(&str, ReportMode, Recv)] = &[
    (PLAIN, ReportMode::Off, |queue, buffer| Ok(rustix::io::read(queue, buffer).map(drop)?)),
    (RECORD, ReportMode::Off, record),
    ("recv_record, kernel report", ReportMode::Kernel, record),
    ("recv_record, reader report", ReportMode::Reader, record),
    ("recv", ReportMode::Off, recv),
    ("recv, kernel report", ReportMode::Kernel, recv),
    ("recv, reader report", ReportMode::Reader, recv),
];

const EPOLL: &str = "epoll, then recv_record";

/// Bytes of a frame, how it is called, and how many wait at a time.
const CASES: [(usize, &str, u16); 3] = [
    (60, "60-byte frames", 256),
    (1514, "1514-byte frames", 256),
    (64_054, "64,000 bytes of TCP payload", 32),
];

pub(crate) fn run(effort: Effort) -> Result<Section> {
    // Filling the queues takes several times as long as emptying them, and is not counted.
    let effort = effort.in_short_turns();
    let effort = Effort { turn: effort.turn / 5, ..effort };
    let host = Host::new()?;
    let config = host::config()?;
    let tap = |report, number| Tap::new(&host, number, report, &config);
    let taps = [tap(ReportMode::Off, 1)?, tap(ReportMode::Kernel, 2)?, tap(ReportMode::Reader, 3)?];
    let of_mode = |mode| taps.iter().find(|tap| tap.mode == mode).context("a tap for each mode");
    let (mut measured, mut ratios) = (vec![], vec![]);
    let mut notes = vec![
        "queues are filled through a bridge and then read until they are empty: the time is that of \
         reading alone"
            .to_owned(),
    ];
    for (len, case, burst) in CASES {
        let mut contest = Contest::new(case);
        for &(name, mode, recv) in CONTENDERS {
            let tap = of_mode(mode)?;
            let load = tap.load(&host, len, burst);
            load.check(&config).with_context(|| format!("{case}, {name}"))?;
            let mut buffer = vec![0; BUFFER];
            let mut read = move || {
                let mut packets = 0;
                for queue in &tap.guest.queues {
                    packets += drain(|| recv(queue, &mut buffer))?;
                }
                Ok(packets)
            };
            contest = contest.contender(name, move |times| load.read_by(&mut read, times));
        }
        let tap = of_mode(ReportMode::Off)?;
        let load = tap.load(&host, len, burst);
        let mut read = tap.by_epoll()?;
        contest = contest.contender(EPOLL, move |times| load.read_by(&mut read, times));
        let outcome = contest.run(effort)?;
        for ours in [RECORD, "recv_record, kernel report", "recv_record, reader report", "recv"] {
            ratios.push(outcome.ratio(ours, PLAIN)?);
        }
        notes.extend(outcome.measured().iter().filter_map(|one| note(one, len)));
        measured.extend(outcome.measured());
    }
    Ok(Section {
        name: "reading".into(),
        title: "Reading packets that wait in a tap of 4 queues".into(),
        unit: "ns a packet".into(),
        measured,
        ratios,
        notes,
    })
}

fn record(queue: &Queue, buffer: &mut [u8]) -> io::Result<()> {
    queue.recv_record(buffer).map(drop)
}

fn recv(queue: &Queue, buffer: &mut [u8]) -> io::Result<()> {
    queue.recv(buffer).map(drop)
}

/// What the best reader gets, in packets and bytes a second.
fn note(measured: &Measured, len: usize) -> Option<String> {
    let packets = 1e9 / measured.value.median;
    (measured.contender == RECORD).then(|| {
        format!(
            "{}, {}: {:.2} million packets a second, {:.2} GB/s",
            measured.case,
            measured.contender,
            packets / 1e6,
            packets * len as f64 / 1e9
        )
    })
}

/// A tap in a report mode.
struct Tap {
    guest: Guest,
    mode: ReportMode,
    _steering: Steering,
}

impl Tap {
    fn new(host: &Host, number: u8, mode: ReportMode, config: &Config) -> Result<Self> {
        let mut guest = host.guest(number)?;
        let steering = guest.device.steer(config, mode)?;
        guest.queues.iter_mut().for_each(|queue| queue.set_report(steering.report()));
        Ok(Self { guest, mode, _steering: steering })
    }

    fn load<'a>(&'a self, host: &'a Host, len: usize, burst: u16) -> Load<'a> {
        let (header, frames) = if len > MTU_FRAME {
            self.guest.large_frames(burst, len, 1448)
        } else {
            (VnetHdr::default(), self.guest.frames(burst, len))
        };
        Load { host, tap: self, header, frames }
    }

    /// Wait for packets, then read all of each queue that has some.
    fn by_epoll(&self) -> Result<impl FnMut() -> Result<u64>> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (queue, number) in self.guest.queues.iter().zip(0..) {
            epoll::add(&epoll, queue, epoll::EventData::new_u64(number), epoll::EventFlags::IN)?;
        }
        let (mut events, mut buffer) = (Vec::with_capacity(host::QUEUES), vec![0; BUFFER]);
        Ok(move || {
            events.clear();
            epoll::wait(&epoll, spare_capacity(&mut events), None)?;
            let mut packets = 0;
            for event in &events {
                let queue = self.guest.queues.get(event.data.u64() as usize);
                let queue = queue.context("an event of no queue")?;
                packets += drain(|| record(queue, &mut buffer))?;
            }
            Ok(packets)
        })
    }
}

/// Packets that can be made to wait in a tap.
struct Load<'a> {
    host: &'a Host,
    tap: &'a Tap,
    header: VnetHdr,
    frames: Vec<Vec<u8>>,
}

impl Load<'_> {
    fn fill(&self, packets: usize) -> Result<()> {
        let frames = self.frames.iter().take(packets);
        frames.into_iter().try_for_each(|frame| self.host.arrive(&self.header, frame))
    }

    /// All arrive whole, on the right queue and with the right hash.
    fn check(&self, config: &Config) -> Result<()> {
        self.fill(self.frames.len())?;
        let packets = self.tap.guest.packets()?;
        host::check_arrived(&packets, &self.frames)?;
        for (queue, received, frame) in packets {
            let verdict = classify(config, Link::Ethernet, &frame);
            let hash = (self.tap.mode != ReportMode::Off).then_some(verdict.hash);
            ensure!(received.hash() == hash, "hash {:x?} for {hash:x?}", received.hash());
            ensure!(queue == usize::from(verdict.queue), "queue {queue} for {verdict:?}");
            let expected = VnetHdr {
                num_buffers: 1,
                hash_value: received.header.hash_value,
                hash_report: received.header.hash_report,
                ..self.header
            };
            ensure!(received.header == expected, "{:?} for {expected:?}", received.header);
        }
        Ok(())
    }

    /// Have so many packets read; how long that took, without sending them.
    fn read_by(&self, mut read: impl FnMut() -> Result<u64>, times: u64) -> Result<Duration> {
        let mut took = Duration::ZERO;
        let mut done = 0;
        while done < times {
            let burst = (times - done).min(self.frames.len() as u64);
            self.fill(burst as usize)?;
            let mut packets = 0;
            let start = Instant::now();
            while packets < burst {
                let more = read()?;
                ensure!(more > 0, "{packets} packets read of {burst}");
                packets += more;
            }
            took += start.elapsed();
            done += burst;
        }
        Ok(took)
    }
}

/// The longest frame that no segmentation is needed for.
const MTU_FRAME: usize = 1514;
