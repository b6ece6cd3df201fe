//! The process that was started: keeps its privileges, makes what takes them, starts the one that
//! serves, and does for it what it may not. It never sees the guest's memory.

use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use sd_notify::NotifyState;
use signal_hook::consts::{SIGHUP, SIGINT, SIGKILL, SIGTERM};
use signal_hook::low_level::pipe;
use tunrss_vhost::broker::{Broker, connection};
use tunrss_vhost::steering::in_one_line;
use tunrss_vhost::{InKernel, Options, Setting, Steer, keep_descriptors_from_children};

use crate::args::Who;
use crate::broker_thread::{BrokerThread, Said};
use crate::error::{DaemonError, to_stderr};
use crate::exit::Exit;
use crate::handover::{Confinement, Handover};
use crate::plan::{Access, Endpoint, ServePlan};
use crate::socket::{Bound, inherited};
use crate::tap::Tap;
use crate::user::Identity;
use crate::watchdog::Watchdog;
use crate::{logger, sandbox};

/// Serve guests as planned, until a signal or the end of what serves.
pub(crate) fn run(plan: ServePlan) -> Result<Exit, DaemonError> {
    logger::start(plan.verbosity);
    // Linux 5.10 does not know of it; what is left open there by whoever started this is their doing.
    if let Err(error) = keep_descriptors_from_children() {
        log::debug!("descriptors that are left open reach the process that serves: {error}");
    }
    // Looked up in any case: a mistake is told of whatever else is asked for.
    let named = plan.user.as_deref().map(Identity::of).transpose()?;
    // From here on a signal lets everything that is made be taken away again.
    let signals = signals().map_err(|source| DaemonError::Signals { source })?;
    let source = Source::new(&plan.endpoint)?;
    let status = plan.status.as_deref().map(|path| Bound::new(path, Access::default()));
    let status = status.transpose()?;
    let Tap { device, queues, mac, mtu } = Tap::open(&plan)?;
    let fds: Vec<OwnedFd> = queues
        .iter()
        .map(|queue| queue.as_fd().try_clone_to_owned())
        .collect::<io::Result<_>>()
        .map_err(|source| DaemonError::Handover { source })?;
    let device_name = device.name().to_string();
    let confinement = plan.sandbox.then(|| confinement(named));
    if confinement.is_none() {
        log::warn!(
            "without sandbox: a guest that takes over the process that serves has its rights"
        );
    }
    let kernel = InKernel::new(device, queues)?;
    let kernel_reports = kernel.reports();
    let steering = steering(plan.steering, kernel)?;
    let options = Options {
        device: device_name.clone(),
        pairs: plan.pairs,
        mac,
        mtu,
        policy: plan.policy,
        types: plan.types,
        operator: plan.operator,
        spread_equally: plan.spread_equally,
        threads: plan.threads,
        cpus: plan.cpus,
        kernel_reports,
        software: matches!(steering, Steering::Software(_)),
    };
    let pairs = options.pairs;
    let handover = Handover {
        options,
        is_connected: matches!(source, Source::Connected(_)),
        has_status: status.is_some(),
        confinement,
        verbosity: plan.verbosity,
    };
    let (watchdog, watched) = Watchdog::new().map_err(|source| DaemonError::Start { source })?;
    let (backend, socket) = Backend::start(&handover, &watched, &source, status.as_ref(), &fds)?;
    // It has its own.
    drop((fds, watched));
    if confinement.is_some() {
        sandbox::keep_what_steers(!handover.options.software)?;
    }
    let ready = match &source {
        Source::Listening(bound) => bound.path().display().to_string(),
        Source::Connected(_) => device_name.clone(),
    };
    let broker = Broker::new(socket, steering, pairs);
    // However it ends, packets are not left to a program that nobody reads for.
    let broker = BrokerThread::start(broker, Steering::clear)
        .map_err(|source| DaemonError::Start { source })?;
    let mut supervision = Supervision { backend, signals, broker, watchdog, deadline: None };
    let result = supervision.run(&ready);
    let deadline = supervision.deadline.unwrap_or_else(|| Instant::now() + GRACE);
    if !supervision.broker.finish(deadline.max(Instant::now() + LEAST_GRACE)) {
        let error = DaemonError::NotCleared { device: device_name };
        // Why it ends comes first.
        result.and(Err(error))
    } else {
        result
    }
}

/// What the process that serves is to give up. `named`: who it is to become, if the operator says.
fn confinement(named: Option<Identity>) -> Confinement {
    let is_root = rustix::process::geteuid().is_root();
    let identity = named.or_else(|| is_root.then(Identity::without_rights));
    Confinement { identity, is_explicit: named.is_some() }
}

/// A socket that is readable once this process has been told to end.
fn signals() -> io::Result<UnixStream> {
    let (read, write) = UnixStream::pair()?;
    read.set_nonblocking(true)?;
    pipe::register(SIGTERM, write.try_clone()?)?;
    pipe::register(SIGINT, write.try_clone()?)?;
    // nohup(1) has it ignored, and so it stays.
    if !ignores(SIGHUP) {
        pipe::register(SIGHUP, write)?;
    }
    Ok(read)
}

/// Whether this process has been started with a signal ignored.
fn ignores(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 << (signal - 1) != 0)
}

/// Where frontends come from.
enum Source {
    Listening(Bound),
    Connected(OwnedFd),
}

impl Source {
    fn new(endpoint: &Endpoint) -> Result<Self, DaemonError> {
        Ok(match endpoint {
            Endpoint::Listen { path, access } => Self::Listening(Bound::new(path, *access)?),
            Endpoint::Connected(number) => Self::Connected(inherited(*number)?),
        })
    }
}

impl AsFd for Source {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        match self {
            Self::Listening(bound) => bound.as_fd(),
            Self::Connected(socket) => socket.as_fd(),
        }
    }
}

/// Who steers and hashes.
enum Steering {
    Kernel(InKernel),
    /// The process that serves. The queues stay open here, too: they keep the device.
    Software(#[expect(dead_code, reason = "holds the device")] InKernel),
}

fn steering(who: Who, mut kernel: InKernel) -> Result<Steering, DaemonError> {
    if who == Who::Software {
        return Ok(Steering::Software(kernel));
    }
    match kernel.probe() {
        Ok(()) => Ok(Steering::Kernel(kernel)),
        // That another process is changing the device says nothing of what the kernel can do.
        Err(error @ tunrss::Error::Locked { .. }) => Err(error.into()),
        Err(error) if who == Who::Auto && error.kind() == tunrss::ErrorKind::System => {
            let why = in_one_line(&error);
            log::warn!("steering and hashing in software, which takes more CPU time: {why}");
            Ok(Steering::Software(kernel))
        }
        Err(error) => Err(error.into()),
    }
}

impl Steering {
    fn clear(&mut self) {
        if let Self::Kernel(kernel) = self
            && let Err(error) = kernel.clear()
        {
            // The device may be gone, and with it what steered it.
            log::debug!("nothing is taken away: {error}");
        }
    }
}

impl Steer for Steering {
    fn put(&mut self, setting: &Setting) -> Result<(), String> {
        match self {
            Self::Kernel(kernel) => kernel.put(setting),
            Self::Software(_) => Err("there is no steering by the kernel".into()),
        }
    }
}

/// The process that serves. It is killed when this is dropped.
struct Backend {
    child: Child,
    /// Readable when it has ended.
    ended: OwnedFd,
    /// It ends when this is closed, and says by it that it is ready.
    life: Option<UnixStream>,
}

impl Backend {
    /// Start it. The socket is for its requests.
    fn start(
        handover: &Handover,
        watched: &OwnedFd,
        source: &Source,
        status: Option<&Bound>,
        queues: &[OwnedFd],
    ) -> Result<(Self, OwnedFd), DaemonError> {
        let start = |source| DaemonError::Start { source };
        let (theirs, ours) = connection().map_err(start)?;
        let (life, stop) = UnixStream::pair().map_err(start)?;
        let child = Command::new("/proc/self/exe")
            .arg0("tunrss-vhost")
            .arg("backend")
            .env_clear()
            .env(MMAP_THRESHOLD.0, MMAP_THRESHOLD.1)
            .current_dir("/")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            // A terminal's signals are ours to take.
            .process_group(0)
            .spawn()
            .map_err(start)?;
        let pid = Pid::from_child(&child);
        let mut backend = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(ended) => Self { child, ended, life: Some(life) },
            Err(error) => {
                kill(child);
                return Err(start(error.into()));
            }
        };
        let mut fds = vec![stop.as_fd(), watched.as_fd(), source.as_fd()];
        fds.extend(status.map(AsFd::as_fd));
        fds.extend(queues.iter().map(AsFd::as_fd));
        match handover.send(&ours, &fds) {
            Ok(()) => Ok((backend, ours)),
            // It has ended before, and has said why.
            Err(_) if backend.child.try_wait().is_ok_and(|status| status.is_some()) => {
                Ok((backend, ours))
            }
            Err(source) => Err(DaemonError::Handover { source }),
        }
    }
}

impl Backend {
    /// How it has ended, if it has or does within some time. A process that was killed may wait in the kernel
    /// for something that never comes.
    fn ended(&mut self, time: Duration) -> Result<ExitStatus, DaemonError> {
        let wait = |source| DaemonError::Wait { source };
        let deadline = Instant::now() + time;
        loop {
            if let Some(status) = self.child.try_wait().map_err(wait)? {
                return Ok(status);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(DaemonError::Unkillable { pid: self.child.id() });
            }
            let left = Timespec::try_from(left).ok();
            match poll(&mut [PollFd::new(&self.ended, PollFlags::IN)], left.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(wait(error.into())),
            }
        }
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        // Nothing of it if it has been waited for.
        let _ = self.child.kill();
        let _ = self.ended(KILLED);
    }
}

fn kill(mut child: Child) {
    let _ = child.kill();
    let _ = child.wait();
}

struct Supervision {
    backend: Backend,
    signals: UnixStream,
    broker: BrokerThread,
    watchdog: Watchdog,
    /// When the process that serves is killed, once it has been told to end.
    deadline: Option<Instant>,
}

/// What there is to do.
struct Events {
    ended: bool,
    signal: bool,
    ready: bool,
    broker: bool,
}

impl Supervision {
    /// Look after the process that serves until it has ended.
    fn run(&mut self, ready: &str) -> Result<Exit, DaemonError> {
        let mut is_ready = false;
        loop {
            let events = self.wait(is_ready)?;
            if events.ended {
                return self.outcome();
            }
            let now = Instant::now();
            if self.deadline.is_some_and(|deadline| now >= deadline) {
                log::warn!("the process that serves does not end, and is killed");
                let _ = self.backend.child.kill();
                return self.outcome();
            }
            if events.signal && self.deadline.is_none() {
                notify(NotifyState::Stopping);
                self.backend.life = None;
                self.deadline = Some(now + GRACE);
            }
            match events.broker.then(|| self.broker.said()).flatten() {
                Some(Said::NoMoreRequests) => {
                    self.backend.life = None;
                    return self.await_end();
                }
                // The thread has panicked, which has been printed.
                Some(Said::Failed) => return Ok(Exit::Bug),
                None => {}
            }
            if is_ready
                && self.deadline.is_none()
                && let Some(what) = self.watchdog.look(now)
            {
                let _ = self.backend.child.kill();
                if let Err(error) = self.backend.ended(KILLED) {
                    let hint = error.hint().unwrap_or_default();
                    log::error!("{error}: {hint}");
                }
                return Err(DaemonError::Stuck { what });
            }
            if events.ready && self.deadline.is_none() {
                is_ready = true;
                // At its end, if the process has not come so far.
                let said = self.backend.life.as_mut().map(|life| life.read(&mut [0; 1]));
                if matches!(said, Some(Ok(1))) {
                    to_stderr(&format!("ready: {ready}\n"));
                    notify(NotifyState::Ready);
                }
            }
        }
    }

    /// Wait for one of the events, or until something is due.
    fn wait(&mut self, is_ready: bool) -> Result<Events, DaemonError> {
        let now = Instant::now();
        let is_watched = is_ready && self.deadline.is_none();
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(now));
        let timeout = left.or_else(|| is_watched.then(|| self.watchdog.left(now)));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let life = self.backend.life.as_ref().filter(|_| !is_ready);
        // Those that do not matter now are left out.
        let wanted = [
            Some(self.backend.ended.as_fd()),
            Some(self.signals.as_fd()),
            life.map(AsFd::as_fd),
            Some(self.broker.as_fd()),
            self.watchdog.answers().filter(|_| is_watched),
        ];
        let mut fds: Vec<_> =
            wanted.iter().flatten().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(DaemonError::Wait { source: error.into() }),
        }
        let mut happened = fds.iter().map(|fd| !fd.revents().is_empty());
        let [ended, signal, ready, broker, _] =
            wanted.map(|fd| fd.is_some() && happened.next().unwrap_or(false));
        if signal {
            // Later ones say nothing new.
            let _ = (&self.signals).read(&mut [0; 16]);
        }
        Ok(Events { ended, signal, ready, broker })
    }

    /// The socket for requests is at its end: so is the process, or it has to be.
    fn await_end(&mut self) -> Result<Exit, DaemonError> {
        if self.backend.ended(GRACE).is_err() {
            log::error!("the process that serves breaks the rules, and is killed");
            let _ = self.backend.child.kill();
        }
        self.outcome()
    }

    /// How the process that serves has ended, which it has, or is about to.
    fn outcome(&mut self) -> Result<Exit, DaemonError> {
        let status = self.backend.ended(GRACE)?;
        match (status.code(), status.signal()) {
            // If something was wrong it has said so itself.
            (Some(code), _) => Ok(Exit::from_code(code)),
            (None, Some(SIGKILL)) if self.deadline.is_some() => Ok(Exit::Done),
            (None, Some(number)) => Err(DaemonError::Killed { number }),
            (None, None) => Err(DaemonError::Internal { what: format!("{status}") }),
        }
    }
}

fn notify(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        log::warn!("the service manager cannot be told: {error}");
    }
}

/// Has the GNU C library give large blocks of memory back to the system as soon as they are freed. By
/// itself it raises this threshold to the largest block that it has seen, and keeps what is below
/// (`M_MMAP_THRESHOLD`, mallopt(3)): packets that have waited for a guest would be held for good.
const MMAP_THRESHOLD: (&str, &str) = ("MALLOC_MMAP_THRESHOLD_", "131072");

/// How long the process that serves may take to end, and taking away what steers.
const GRACE: Duration = Duration::from_secs(5);

/// What is left for the latter, however long the former has taken.
const LEAST_GRACE: Duration = Duration::from_secs(3);

/// How long a killed process may take to end, where nothing depends on it any more.
const KILLED: Duration = Duration::from_secs(2);
