//! What descriptors cost a program under `libtunrss_preload.so`: those that are none of a device's, and
//! those of a tap.
//!
//! A C program is started with the shim and without, and makes calls when it is told to.

use std::cell::RefCell;
use std::env;
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
use tunrss::bpf::Prefix;
use tunrss::hash::{Link, VnetHdr, VnetHdrLen, classify};
use tunrss::{Config, Device, DeviceOptions, IfName, ReportMode, Steering};

use crate::child::{self, Child};
use crate::contest::{Contest, Effort, cpu_time};
use crate::host::{self, BUFFER, Guest, Host, QUEUES, drain};
use crate::record::{Goal, Section};

pub(crate) fn run(effort: Effort) -> Result<Section> {
    let mut section = Section {
        name: "preload".to_owned(),
        title: "A program's descriptors under libtunrss_preload.so".to_owned(),
        unit: "ns of a CPU".to_owned(),
        ..Section::default()
    };
    let program = match Program::with_shim(child::beside("libtunrss_preload.so")?) {
        Ok(program) => program,
        Err(error) => {
            section.notes.push(format!("not measured: {error:#}"));
            return Ok(section);
        }
    };
    section.notes = vec![
        "a C program makes calls with the shim and without it; what counts is the CPU time of the calls. \
         Each turn has a process of its own: where its memory happens to lie, and what a CPU has learnt \
         of the branches behind a system call, make differences of some hundredths that stay for seconds"
            .to_owned(),
        "write is not among the functions that the shim takes the place of: its ratio tells how exact \
         the others are"
            .to_owned(),
        format!(
            "{WITH_TAP}: a program that has a tap as well. For an ioctl of tun the shim starts a thread, and \
             behind the first thread the C library takes longer to read and write, for threads can be \
             cancelled: so it is compared with {THREAD}, which has had one without the shim"
        ),
        format!(
            "read from a tap: {QUEUES} queues, headers of 20 bytes, RSS with report by the kernel; {BURST} \
             packets wait, and are read until there are none, by {COPIES} processes in turn. A raw record \
             has the hash in front of its frame, not in its header"
        ),
    ];
    let effort = effort.in_short_turns();
    // So short that most turns are without a tick of the system's clock.
    let effort = Effort { turn: effort.turn / 5, ..effort };
    let host = Host::new()?;
    // CPUs differ in what else happens on them; and what fills a queue and what empties it have to share
    // one's caches in each turn or in none.
    let _here = Pinned::here()?;
    calls(&mut section, effort, &program)?;
    packets(&mut section, effort, &program, &host)?;
    Ok(section)
}

const WITHOUT: &str = "not preloaded";
const THREAD: &str = "not preloaded, thread";
const WITH: &str = "tunrss, preloaded";
const WITH_TAP: &str = "tunrss, preloaded, tap";

/// Who makes calls on descriptors that are none of a device's, and what it is to do before.
const USERS: [(&str, Shim, Option<&str>); 4] = [
    (WITHOUT, Shim::Absent, None),
    (WITH, Shim::Preloaded, None),
    (THREAD, Shim::Absent, Some("thread")),
    (WITH_TAP, Shim::Preloaded, Some("attach own%d 1")),
];

/// What is called, and the word for it.
const CALLS: [(&str, &str); 6] = [
    ("read 1 byte of /dev/zero", "read"),
    ("write 1 byte to /dev/null", "write"),
    ("write 64 bytes to a pipe and read them", "pipe"),
    ("close(dup(fd))", "dup"),
    ("fcntl(F_GETFL)", "fcntl"),
    ("ioctl(FIONREAD) of a pipe", "ioctl"),
];

const NEARLY_FREE: Goal = Goal::AtMost(1.02);

/// Calls on descriptors that are none of a device's.
fn calls(section: &mut Section, effort: Effort, program: &Program) -> Result<()> {
    for (case, word) in CALLS {
        let mut contest = Contest::new(case);
        for (name, shim, before) in USERS {
            let time = move |times| {
                let mut child = program.start(shim)?;
                before.map_or(Ok(()), |request| command(&mut child, request))?;
                command(&mut child, "check")?;
                child.ask(&format!("time {word} {times}")).map(Duration::from_nanos)
            };
            contest = contest.contender(name, time);
        }
        let outcome = contest.run(effort)?;
        section.measured.extend(outcome.measured());
        section.ratios.push(outcome.ratio(WITH, WITHOUT)?.with_goal(NEARLY_FREE));
        section.ratios.push(outcome.ratio(WITH_TAP, THREAD)?.with_goal(NEARLY_FREE));
    }
    Ok(())
}

/// Packets that wait in a tap.
fn packets(section: &mut Section, effort: Effort, program: &Program, host: &Host) -> Result<()> {
    let config = host::config()?;
    let mut number = 0;
    let mut tap = |reader| {
        number += 1;
        Tap::new(host, program, reader, number, &config)
    };
    let mut crews = vec![];
    for reader in Reader::ALL {
        crews.push((reader, RefCell::new(Crew::of(|| tap(reader))?)));
    }
    for len in FRAMES {
        let mut contest = Contest::new(format!("read from a tap, {len}-byte frames"));
        for (reader, crew) in &crews {
            let name = reader.name();
            for tap in &mut crew.borrow_mut().members {
                tap.frames = tap.guest.frames(BURST, len);
                tap.check(host, &config).with_context(|| format!("{name}, {len} bytes"))?;
            }
            let time = move |times| crew.borrow_mut().next()?.read(host, times);
            contest = contest.contender(name, time);
        }
        let outcome = contest.run(effort)?;
        section.measured.extend(outcome.measured());
        for (ours, theirs) in [
            (Reader::Preloaded, Reader::Library),
            (Reader::Preloaded, Reader::Raw),
            (Reader::Library, Reader::Raw),
        ] {
            section.ratios.push(outcome.ratio(ours.name(), theirs.name())?);
        }
    }
    Ok(())
}

/// Whether a process has the shim.
#[derive(Clone, Copy, PartialEq)]
enum Shim {
    Absent,
    Preloaded,
}

/// The C program, and the shim.
struct Program {
    path: PathBuf,
    shim: PathBuf,
}

impl Program {
    /// # Errors
    /// The shim is missing, or the compiler is: says how to get it.
    fn with_shim(shim: PathBuf) -> Result<Self> {
        ensure!(
            shim.exists(),
            "there is no {}; it takes: cargo build --release --locked -p tunrss-preload",
            shim.display()
        );
        let source = include_bytes!("preload.c");
        let path = child::compile("tunrss-bench-preload", source, "-O2 -pthread", "-ldl")?;
        let path = path.context(
            "there is no C compiler; it takes, as root: apt-get install -y --no-install-recommends \
             gcc libc6-dev",
        )?;
        Ok(Self { path, shim })
    }

    /// Start it, and see that it calls what it is to call.
    fn start(&self, shim: Shim) -> Result<Child> {
        let mut command = Command::new(&self.path);
        match shim {
            Shim::Absent => command.env_remove("LD_PRELOAD"),
            // Why a request is refused is said on standard error.
            Shim::Preloaded => command.env("LD_PRELOAD", &self.shim).env("TUNRSS_VERBOSE", "1"),
        };
        let mut child = Child::start(&mut command, "the child that has descriptors")?;
        for function in ["read", "close", "dup", "fcntl", "ioctl"] {
            let found: PathBuf = child.ask(&format!("where {function}"))?;
            ensure!(
                (found == self.shim) == (shim == Shim::Preloaded),
                "{function} is that of {}",
                found.display()
            );
        }
        Ok(child)
    }
}

/// Have a child do what succeeds or not.
fn command(child: &mut Child, request: &str) -> Result<()> {
    child.request(request)?;
    expect_success(child)
}

fn expect_success(child: &mut Child) -> Result<()> {
    let answer: String = child.answer()?;
    ensure!(answer == "good", "the child answers {answer:?}");
    Ok(())
}

/// Processes that do the same, of which each turn has the next: where memory happens to lie makes
/// differences between them.
struct Crew<T> {
    members: Vec<T>,
    turn: usize,
}

impl<T> Crew<T> {
    fn of(mut member: impl FnMut() -> Result<T>) -> Result<Self> {
        Ok(Self { members: (0..COPIES).map(|_| member()).collect::<Result<_>>()?, turn: 0 })
    }

    fn next(&mut self) -> Result<&mut T> {
        self.turn = (self.turn + 1) % self.members.len();
        self.members.get_mut(self.turn).context("a crew has members")
    }
}

/// Who reads a tap.
#[derive(Clone, Copy, PartialEq)]
enum Reader {
    /// `read` of the C program under the shim, by which it has set RSS with report.
    Preloaded,
    /// `recv_record` in a process of its own.
    Library,
    /// `read` of the C program without shim.
    Raw,
}

impl Reader {
    const ALL: [Self; 3] = [Self::Preloaded, Self::Library, Self::Raw];

    fn name(self) -> &'static str {
        match self {
            Self::Preloaded => "tunrss, preloaded",
            Self::Library => "tunrss, recv_record",
            Self::Raw => "read of raw records",
        }
    }

    /// A process that has a tap of this name, whose hashes the kernel reports unless it is to be read
    /// raw.
    fn start(self, program: &Program, tap: &IfName, config: &Config) -> Result<Child> {
        let attach = format!("attach {tap} {QUEUES}");
        match self {
            Self::Preloaded => {
                let mut child = program.start(Shim::Preloaded)?;
                command(&mut child, &attach)?;
                let argument = argument(config);
                child.request(&format!("set {}", argument.len()))?;
                child.send(&argument)?;
                expect_success(&mut child)?;
                Ok(child)
            }
            Self::Raw => {
                let mut child = program.start(Shim::Absent)?;
                command(&mut child, &attach).map(|()| child)
            }
            Self::Library => {
                let this = env::current_exe().context("cannot tell where this program is")?;
                let mut this = Command::new(this);
                this.arg("--recv-record").arg(tap.to_string());
                let mut child = Child::start(&mut this, "the child that reads by recv_record")?;
                expect_success(&mut child).map(|()| child)
            }
        }
    }

    /// Hash and report of a record, and its frame.
    fn take_apart(self, record: &[u8]) -> Result<((u32, u16), Vec<u8>)> {
        let header = VnetHdr::decode(record, VnetHdrLen::V1Hash).context("no header")?;
        let behind = record.get(VnetHdrLen::V1Hash.len()..).unwrap_or_default();
        if self == Self::Raw {
            let Prefix { hash, report } = Prefix::decode(behind).context("no hash")?;
            let frame = behind.get(Prefix::LEN..).unwrap_or_default();
            return Ok(((hash, report.code()), frame.to_vec()));
        }
        Ok(((header.hash_value, header.hash_report), behind.to_vec()))
    }
}

/// A tap, and the process that has its queues.
struct Tap {
    child: Child,
    guest: Guest,
    reader: Reader,
    /// What is sent to it.
    frames: Vec<Vec<u8>>,
    _steering: Option<Steering>,
}

impl Tap {
    fn new(
        host: &Host,
        program: &Program,
        reader: Reader,
        number: u8,
        config: &Config,
    ) -> Result<Self> {
        let name = IfName::new(&format!("tap{number}"))?;
        let child = reader.start(program, &name, config)?;
        let device = Device::open(&name)?;
        let steering = match reader {
            Reader::Raw => Some(device.steer(config, ReportMode::Kernel)?),
            Reader::Preloaded | Reader::Library => None,
        };
        let guest = host.connect(device, vec![], number)?;
        Ok(Self { child, guest, reader, frames: vec![], _steering: steering })
    }

    fn fill(&self, host: &Host, packets: usize) -> Result<()> {
        let mut frames = self.frames.iter().take(packets);
        frames.try_for_each(|frame| host.arrive(&VnetHdr::default(), frame))
    }

    /// All arrive whole, on the right queue and with the right hash.
    fn check(&mut self, host: &Host, config: &Config) -> Result<()> {
        self.fill(host, self.frames.len())?;
        self.child.request("records")?;
        let mut packets = vec![];
        loop {
            let line: String = self.child.answer()?;
            let Some((queue, record)) = line.split_once(' ') else { break };
            let (hash, frame) = self.reader.take_apart(&bytes(record)?)?;
            packets.push((queue.parse()?, hash, frame));
        }
        host::check_arrived(&packets, &self.frames)?;
        for (queue, (hash, report), frame) in packets {
            let verdict = classify(config, Link::Ethernet, &frame);
            ensure!(hash == verdict.hash, "hash {hash:x} for {verdict:x?}");
            ensure!(report == verdict.report.code(), "report {report} for {verdict:?}");
            ensure!(queue == usize::from(verdict.queue), "queue {queue} for {verdict:?}");
        }
        Ok(())
    }

    /// Have so many packets read; how long that took.
    fn read(&mut self, host: &Host, times: u64) -> Result<Duration> {
        let mut took = Duration::ZERO;
        let mut done = 0;
        while done < times {
            let burst = (times - done).min(self.frames.len() as u64);
            self.fill(host, burst as usize)?;
            took += self.child.ask(&format!("read {burst}")).map(Duration::from_nanos)?;
            done += burst;
        }
        Ok(took)
    }
}

/// The argument of `TUNSETVNETREPORTINGRSS`: `struct tun_vnet_rss`, table, key.
fn argument(config: &Config) -> Vec<u8> {
    let mut argument = config.types().bits().to_ne_bytes().to_vec();
    let mask = config.table().len() as u16 - 1;
    for number in [mask, config.unclassified()].iter().chain(config.table()) {
        argument.extend(number.to_ne_bytes());
    }
    argument.extend(config.key().as_bytes());
    argument
}

fn bytes(text: &str) -> Result<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|two| Ok(u8::from_str_radix(str::from_utf8(two)?, 16)?)).collect()
}

/// The process of [`Reader::Library`]: it makes a tap, and reads it when standard input says so, with
/// the same words as the C program.
pub(crate) fn recv_record(tap: &IfName) -> Result<()> {
    let options = DeviceOptions::tap(QUEUES).vnet_hdr(Some(VnetHdrLen::V1Hash)).offloads(false);
    let (device, mut queues) = Device::create_with(tap, options)?;
    let steering = device.steer(&host::config()?, ReportMode::Kernel)?;
    queues.iter_mut().for_each(|queue| queue.set_report(steering.report()));
    println!("good");
    let mut buffer = vec![0; BUFFER];
    for line in io::stdin().lines() {
        match line?.split_once(' ') {
            None => {
                for (number, queue) in queues.iter().enumerate() {
                    drain(|| {
                        let record = queue.recv_record(&mut buffer)?;
                        let text: String =
                            record.with_header().iter().map(|byte| format!("{byte:02x}")).collect();
                        println!("{number} {text}");
                        Ok(())
                    })?;
                }
                println!();
            }
            Some((_, count)) => {
                let start = cpu_time()?;
                let mut packets = 0;
                for queue in &queues {
                    packets += drain(|| queue.recv_record(&mut buffer).map(drop))?;
                }
                let took = cpu_time()?.saturating_sub(start);
                ensure!(packets == count.parse::<u64>()?, "{packets} packets read of {count}");
                println!("{}", took.as_nanos());
            }
        }
    }
    Ok(())
}

/// Keeps this thread, and the processes that it starts, on one CPU.
struct Pinned(CpuSet);

impl Pinned {
    fn here() -> Result<Self> {
        let before = sched_getaffinity(None)?;
        let mut one = CpuSet::new();
        one.set(sched_getcpu());
        sched_setaffinity(None, &one)?;
        Ok(Self(before))
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // Only the time of what comes behind would be affected.
        let _ = sched_setaffinity(None, &self.0);
    }
}

/// Bytes of the frames that are read: small ones, and the longest that no segmentation is needed for.
const FRAMES: [usize; 2] = [60, 1514];

/// Packets that wait at a time.
const BURST: u16 = 256;

/// Processes of each kind.
const COPIES: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_shim_is_said_with_what_builds_it() {
        let Err(error) = Program::with_shim("/nonexistent/shim.so".into()) else {
            panic!("a shim that is not there is used");
        };
        let expected = "there is no /nonexistent/shim.so; it takes: cargo build --release --locked \
                        -p tunrss-preload";
        assert_eq!(error.to_string(), expected);
    }
}
