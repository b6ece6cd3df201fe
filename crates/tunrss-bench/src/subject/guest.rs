//! From a tap into a guest's rings, by who serves it: tunrss-vhost, and QEMU itself. The guest is a
//! driver that only consumes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tunrss::hash::{Link, VnetHdr, classify};
use tunrss::{Config, Device, IfName};
use tunrss_testkit::vhost::{self, Ack, Buffers, Frontend, Options, Queue, feature};

use crate::child;
use crate::contest::{Contest, Effort};
use crate::host::{self, Host, QUEUES};
use crate::peer::qemu_net::QemuNet;
use crate::record::{Ratio, Section};

const RSS: &str = "tunrss-vhost, RSS and hash report";
const ONE_THREAD: &str = "tunrss-vhost, the same by one thread";
const AUTOMATIC: &str = "tunrss-vhost, automatic";
const SOFTWARE: &str = "tunrss-vhost, software";

const OURS: [&str; 4] = [RSS, ONE_THREAD, AUTOMATIC, SOFTWARE];

/// Who serves, and how.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Served {
    /// By RSS, with hashes.
    Rss,
    /// The same, all queue pairs by one thread.
    OneThread,
    /// The kernel's way, without.
    Automatic,
    /// By RSS, with hashes, without eBPF.
    Software,
    /// QEMU, by RSS with hashes.
    QemuRss,
    /// QEMU, the kernel's way.
    QemuAutomatic,
    /// Cloud Hypervisor's backend, the kernel's way.
    CloudHypervisor,
}

impl Served {
    fn has_hashes(self) -> bool {
        matches!(self, Self::Rss | Self::OneThread | Self::Software | Self::QemuRss)
    }
}

pub(crate) fn run(effort: Effort) -> Result<Section> {
    let mut section = Section {
        name: "guest".into(),
        title: format!("From a tap of {QUEUES} queues into a guest's rings"),
        unit: "ns a packet".into(),
        notes: vec![
            "the guest is a driver on this program's own thread, which takes packets out of the rings as \
             fast as it can; packets come from a bridge"
                .into(),
            format!(
                "{CPU}: of the process that serves, while bursts of {BURST} packets are sent and taken; \
                 buffers are always there"
            ),
            format!("{WHOLE}: of the same, on the clock, from the first that is sent to the last that is taken"),
            format!(
                "{TIME}: on the clock, from when the driver makes buffers available for {BURST} packets that \
                 wait until it has the last. Those that are steered in software wait in the process, in \
                 their queues already; the others in the tap"
            ),
            "QEMU has one thread for all queues; tunrss-vhost one for each, as far as there are CPUs".into(),
            "packets that are steered in software or by QEMU are hashed in user space, the others by eBPF \
             while they are sent, which is not in the CPU time: see tap-path"
                .into(),
        ],
        ..Section::default()
    };
    let program = child::beside("tunrss-vhost")?;
    if !program.exists() {
        let why = "not measured: there is no tunrss-vhost beside this program; `cargo xtask bench` builds it";
        section.notes.push(why.into());
        return Ok(section);
    }
    let mut contenders = vec![
        (RSS.to_owned(), Served::Rss),
        (ONE_THREAD.into(), Served::OneThread),
        (AUTOMATIC.into(), Served::Automatic),
        (SOFTWARE.into(), Served::Software),
    ];
    match QemuNet::name() {
        Ok(name) => {
            contenders.push((format!("{name}, RSS and hash report"), Served::QemuRss));
            contenders.push((format!("{name}, automatic"), Served::QemuAutomatic));
            section.notes.push(format!(
                "{name}: its own device with vhost=off and hash=on or off, on a processor that halts; \
                 registers are written by its test protocol, rings are in memory that is shared"
            ));
        }
        Err(error) => section.notes.push(format!("{error:#}")),
    }
    if which(CLOUD_HYPERVISOR).is_some() {
        contenders.push((format!("{CLOUD_HYPERVISOR}, automatic"), Served::CloudHypervisor));
    } else {
        section.notes.push(format!(
            "Cloud Hypervisor's {CLOUD_HYPERVISOR} is left out: it is not in PATH; build it of its sources \
             with `cargo build --release --package vhost_user_net`"
        ));
    }
    let host = Host::new()?;
    let bench = Bench { program, host: &host, config: host::config()? };
    let mut number = 0;
    for len in FRAMES {
        let mut waiting = BTreeMap::new();
        for case in [CPU, WHOLE, TIME] {
            let mut contest = Contest::new(format!("{case}, {len}-byte frames"));
            let mut names = vec![];
            for (name, served) in &contenders {
                if (case, *served) == (TIME, Served::QemuRss) {
                    // It takes packets out of the tap by the buffers of another queue than it puts them
                    // into, and loses those that it has no buffer for (virtio_net_receive_rcu).
                    continue;
                }
                number += 1;
                let expected = waiting.get(name).copied().filter(|_| case == TIME);
                let lane = Lane::new(&bench, *served, number, len, expected);
                let mut lane = match lane.with_context(|| name.clone()) {
                    Ok(lane) => lane,
                    Err(error) => {
                        // A peer that does not work is named; what is ours has to.
                        let is_ours = OURS.contains(&name.as_str());
                        ensure!(!is_ours, "{error:#}");
                        section.notes.push(format!("left out at {case}: {error:#}"));
                        continue;
                    }
                };
                waiting.insert(name.clone(), lane.by_queue);
                names.push(name.clone());
                contest = match case {
                    CPU => contest.contender(name, move |times| lane.cpu_time(times)),
                    WHOLE => contest.contender(name, move |times| lane.whole_time(times)),
                    _ => contest.contender(name, move |times| lane.time(times)),
                };
            }
            let outcome = contest.run(effort)?;
            section.measured.extend(outcome.measured());
            let ours = names.iter().filter(|name| OURS.contains(&name.as_str()) && *name != RSS);
            let peers = names.iter().filter(|name| !OURS.contains(&name.as_str()));
            // Peers have one thread for all queues.
            let pairs = ours.map(|name| (RSS, name));
            let pairs = pairs.chain(peers.flat_map(|name| [(RSS, name), (ONE_THREAD, name)]));
            for (ours, name) in pairs {
                section.ratios.push(if case == CPU {
                    outcome.ratio(ours, name)?
                } else {
                    // As packets a second, so the other way around.
                    let of = format!("{ours} / {name}, packets a second");
                    Ratio { of, ..outcome.ratio(name, ours)? }
                });
            }
        }
    }
    Ok(section)
}

/// What all contenders share.
struct Bench<'a> {
    program: PathBuf,
    host: &'a Host,
    config: Config,
}

/// A contender: a tap, who serves it, and the driver.
struct Lane<'a> {
    host: &'a Host,
    frames: Vec<Vec<u8>>,
    server: Server,
    /// How many packets of a burst come in each queue.
    by_queue: [u16; QUEUES],
}

enum Server {
    Vhost { guest: Box<vhost::Guest>, daemon: Daemon },
    Qemu(Box<QemuNet>),
}

impl<'a> Lane<'a> {
    /// The lane with this number, for frames of `len` bytes. With buffers for `expected` packets of a
    /// burst in each queue, which are made available when they are in the tap; else with as many as
    /// there can be.
    fn new(
        bench: &Bench<'a>,
        served: Served,
        number: u8,
        len: usize,
        expected: Option<[u16; QUEUES]>,
    ) -> Result<Self> {
        let Bench { program, host, config } = bench;
        let tap = format!("served{number}");
        let server = match served {
            Served::QemuRss | Served::QemuAutomatic => {
                add_tap(&tap)?;
                let config = served.has_hashes().then_some(config);
                let qemu = QemuNet::start(&tap, QUEUES as u16, config, RING, BUFFER)?;
                Server::Qemu(Box::new(qemu))
            }
            _ => Server::vhost(program, served, &tap, config)?,
        };
        let device = Device::open(&IfName::new(&tap)?)?;
        let guest = host.connect(device, vec![], number)?;
        let frames = guest.frames(FLOWS, len);
        let mut lane = Self { host, frames, server, by_queue: expected.unwrap_or([0; QUEUES]) };
        lane.check(served, config, expected)?;
        Ok(lane)
    }

    /// Each frame of a burst arrives once, in the queue and with the hash that it is to have.
    fn check(
        &mut self,
        served: Served,
        config: &Config,
        expected: Option<[u16; QUEUES]>,
    ) -> Result<()> {
        if expected.is_none() {
            self.server.make_available([u16::MAX; QUEUES])?;
        }
        self.send()?;
        if let Some(expected) = expected {
            self.server.make_available(expected)?;
        }
        let mut missing = BTreeMap::<&[u8], u64>::new();
        for frame in &self.frames {
            missing.insert(frame, BURST / u64::from(FLOWS));
        }
        let mut by_queue = [0; QUEUES];
        let deadline = Instant::now() + LIMIT;
        while !missing.is_empty() {
            ensure!(Instant::now() < deadline, "{} flows have not come", missing.len());
            for (queue, count) in (0..).zip(&mut by_queue) {
                let Some(frame) = self.server.receive(queue)? else { continue };
                *count += 1;
                let left = missing.get_mut(&frame.bytes[..]).context("a frame nobody has sent")?;
                *left -= 1;
                if *left == 0 {
                    missing.remove(&frame.bytes[..]);
                }
                let verdict = classify(config, Link::Ethernet, &frame.bytes);
                let hash = if served.has_hashes() { verdict.hash } else { 0 };
                ensure!(frame.header.hash_value == hash, "{:?} for {verdict:?}", frame.header);
                if served.has_hashes() {
                    ensure!(queue == verdict.queue, "queue {queue} for {verdict:?}");
                }
            }
        }
        ensure!(by_queue.iter().all(|&count| count > 0), "queues are not used: {by_queue:?}");
        self.by_queue = by_queue;
        if expected.is_none() {
            self.server.make_available([u16::MAX; QUEUES])?;
        }
        Ok(())
    }

    fn send(&self) -> Result<()> {
        let frames = self.frames.iter().cycle().take(BURST as usize);
        frames.into_iter().try_for_each(|frame| self.host.arrive(&VnetHdr::default(), frame))
    }

    /// What the process that serves has had of a CPU's time for so many packets.
    fn cpu_time(&mut self, times: u64) -> Result<Duration> {
        let before = self.server.cpu_time()?;
        let bursts = times.div_ceil(BURST);
        for _ in 0..bursts {
            self.send()?;
            self.take(true)?;
        }
        let took = self.server.cpu_time()?.saturating_sub(before);
        Ok(took.mul_f64(times as f64 / (bursts * BURST) as f64))
    }

    /// How long it takes to send so many packets and to take them.
    fn whole_time(&mut self, times: u64) -> Result<Duration> {
        let bursts = times.div_ceil(BURST);
        let start = Instant::now();
        for _ in 0..bursts {
            self.send()?;
            self.take(true)?;
        }
        Ok(start.elapsed().mul_f64(times as f64 / (bursts * BURST) as f64))
    }

    /// How long it takes until the driver has so many packets, a burst of which waits each time.
    fn time(&mut self, times: u64) -> Result<Duration> {
        let mut took = Duration::ZERO;
        let bursts = times.div_ceil(BURST);
        for _ in 0..bursts {
            self.send()?;
            self.server.prepare(self.by_queue)?;
            let start = Instant::now();
            self.server.publish()?;
            self.take(false)?;
            took += start.elapsed();
        }
        Ok(took.mul_f64(times as f64 / (bursts * BURST) as f64))
    }

    /// Take a burst; buffers go back at once if they are to.
    fn take(&mut self, is_refilled: bool) -> Result<()> {
        let deadline = Instant::now() + LIMIT;
        let mut taken = 0;
        while taken < BURST {
            let before = taken;
            for queue in 0..QUEUES as u16 {
                let count = self.server.rx(queue)?.discard();
                if count > 0 && is_refilled {
                    self.server.rx(queue)?.prepare(u16::MAX);
                    self.server.publish_one(queue)?;
                }
                taken += count;
            }
            let is_late = taken == before && Instant::now() > deadline;
            ensure!(!is_late, "{taken} packets of {BURST} have come");
        }
        Ok(())
    }
}

impl Server {
    fn vhost(program: &Path, served: Served, tap: &str, config: &Config) -> Result<Self> {
        let mut daemon = match served {
            Served::CloudHypervisor => Daemon::cloud_hypervisor(tap)?,
            Served::Software => Daemon::ours(program, tap, &["--steering", "software"])?,
            Served::OneThread => Daemon::ours(program, tap, &["--threads", "1"])?,
            _ => Daemon::ours(program, tap, &[])?,
        };
        let mut buffers = Buffers::of(BUFFER);
        buffers.count = 0;
        let mut options = Options::default().buffers(buffers).ring_size(RING);
        options = options.without(feature::INDIRECT_DESC);
        if !served.has_hashes() {
            options = options.without(feature::RSS | feature::HASH_REPORT);
        }
        let mut guest = vhost::Guest::start(Frontend::new(daemon.connect()?)?, options)?;
        let answer = match served {
            Served::CloudHypervisor if guest.control.is_none() => Ack::Ok,
            _ if served.has_hashes() => guest.set_rss(config)?,
            _ => guest.set_pairs(QUEUES as u16)?,
        };
        ensure!(answer == Ack::Ok, "the device answers {answer:?}");
        daemon.note_serving()?;
        Ok(Self::Vhost { guest: Box::new(guest), daemon })
    }

    fn rx(&mut self, queue: u16) -> Result<&mut Queue> {
        match self {
            Self::Vhost { guest, .. } => Ok(guest.rx(queue)),
            Self::Qemu(qemu) => qemu.rx(queue),
        }
    }

    fn receive(&mut self, queue: u16) -> Result<Option<vhost::Frame>> {
        match self {
            Self::Vhost { guest, .. } => Ok(guest.receive(queue)?),
            Self::Qemu(qemu) => qemu.receive(queue),
        }
    }

    /// Have so many buffers in each ring.
    fn make_available(&mut self, counts: [u16; QUEUES]) -> Result<()> {
        self.prepare(counts)?;
        self.publish()
    }

    fn prepare(&mut self, counts: [u16; QUEUES]) -> Result<()> {
        for (queue, count) in (0..).zip(counts) {
            self.rx(queue)?.prepare(count);
        }
        Ok(())
    }

    fn publish(&mut self) -> Result<()> {
        (0..QUEUES as u16).try_for_each(|queue| self.publish_one(queue))
    }

    fn publish_one(&mut self, queue: u16) -> Result<()> {
        match self {
            Self::Vhost { guest, .. } => Ok(guest.rx(queue).publish()?),
            Self::Qemu(qemu) => qemu.publish(queue),
        }
    }

    /// What all threads that serve have had of the CPUs' time.
    fn cpu_time(&self) -> Result<Duration> {
        match self {
            Self::Vhost { daemon, .. } => daemon.serving.iter().map(|&pid| cpu_time(pid)).sum(),
            Self::Qemu(qemu) => cpu_time(qemu.pid()),
        }
    }
}

/// A vhost-user backend, which is ended when this is dropped.
struct Daemon {
    process: Child,
    socket: PathBuf,
    /// The process that serves, or all of them.
    serving: Vec<u32>,
}

impl Daemon {
    fn ours(program: &Path, tap: &str, arguments: &[&str]) -> Result<Self> {
        let socket = socket(tap);
        let queues = QUEUES.to_string();
        let mut command = ending_with_us(program);
        command.arg("--socket").arg(&socket).args(["--tap", tap, "--queues", &queues]);
        command.args(arguments);
        Self::start(&mut command, socket)
    }

    fn cloud_hypervisor(tap: &str) -> Result<Self> {
        let socket = socket(tap);
        add_tap(tap)?;
        let backend = format!(
            "socket={},num_queues={},queue_size={RING},tap={tap}",
            socket.display(),
            2 * QUEUES
        );
        let mut command = ending_with_us(Path::new(CLOUD_HYPERVISOR));
        command.args(["--net-backend", &backend]);
        Self::start(&mut command, socket)
    }

    fn start(command: &mut Command, socket: PathBuf) -> Result<Self> {
        let process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot run {}", command.get_program().display()))?;
        Ok(Self { process, socket, serving: vec![] })
    }

    /// Connect to it as soon as it listens.
    fn connect(&mut self) -> Result<UnixStream> {
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Ok(stream) = UnixStream::connect(&self.socket) {
                return Ok(stream);
            }
            let ended = self.process.try_wait().context("cannot wait for the daemon")?;
            ensure!(ended.is_none(), "the daemon has ended: {ended:?}");
            ensure!(Instant::now() < deadline, "the daemon does not listen");
            std::thread::yield_now();
        }
    }

    /// Find the process that serves, which does.
    fn note_serving(&mut self) -> Result<()> {
        let children = children(self.process.id())?;
        self.serving = if children.is_empty() { vec![self.process.id()] } else { children };
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_file(&self.socket);
        let _ = fs::remove_file(self.socket.with_added_extension("status"));
    }
}

/// A program that ends with this one, however that ends.
fn ending_with_us(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command
}

fn socket(tap: &str) -> PathBuf {
    std::env::temp_dir().join(format!("tunrss-bench-{}-{tap}", std::process::id()))
}

/// A tap that others open.
fn add_tap(name: &str) -> Result<()> {
    let arguments = ["tuntap", "add", "dev", name, "mode", "tap", "multi_queue", "vnet_hdr"];
    let output = Command::new("ip").args(arguments).output();
    let output = output.context("cannot run ip (apt-get install iproute2)")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cannot add a tap: {}", said.trim());
    Ok(())
}

/// The processes whose parent is this one.
fn children(parent: u32) -> Result<Vec<u32>> {
    let is_child = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name before may contain anything.
        let (_, rest) = stat.rsplit_once(") ")?;
        Some(rest.split(' ').nth(1)? == parent.to_string())
    };
    let all = fs::read_dir("/proc").context("cannot look at processes")?.flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(pids.filter(|pid| is_child(pid) == Some(true)).collect())
}

/// What all threads of a process have had of the CPUs' time.
fn cpu_time(pid: u32) -> Result<Duration> {
    let mut sum = Duration::ZERO;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).context("who serves has ended")? {
        let path = thread?.path().join("schedstat");
        let stat = fs::read_to_string(path).context("who serves has lost a thread")?;
        let first = stat.split(' ').next().context("the time of a thread is stated")?;
        sum += Duration::from_nanos(first.parse()?);
    }
    Ok(sum)
}

/// Where a program is found.
fn which(program: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths).map(|folder| folder.join(program)).find(|path| path.is_file())
}

const CLOUD_HYPERVISOR: &str = "vhost_user_net";

const CPU: &str = "CPU time";
const WHOLE: &str = "time with sending";
const TIME: &str = "time";

/// Bytes of a frame.
const FRAMES: [usize; 2] = [60, 1514];

const FLOWS: u16 = 256;

/// Packets that are sent before any is waited for. A queue of a tap holds 500 of them.
const BURST: u64 = 1024;

/// Descriptors of a ring.
const RING: u16 = 1024;

/// Bytes of a receive buffer.
const BUFFER: u32 = 2048;

/// How long a burst may take.
const LIMIT: Duration = Duration::from_secs(20);
