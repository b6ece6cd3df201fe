//! The threads that move packets. A queue pair is one thread's, its rings are touched by nobody else
//! while they run, so no packet waits for a lock. Others tell a thread what to do by commands, between
//! batches.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::thread::{CpuSet, sched_setaffinity};
use tunrss::Report;

use crate::chain::Budget;
use crate::counts::Counts;
use crate::event::{Call, Kick};
use crate::rate::RateLimited;
use crate::ring::{Ring, RingError};
use crate::rx::{Format, Progress, Rx, Source};
use crate::tx::Tx;
use crate::watch::Pulse;
use crate::wire;

/// A queue pair, seen from the thread that tells it what to do.
#[derive(Debug)]
pub(crate) struct Worker {
    thread: Arc<Thread>,
    /// Its number among those of the thread.
    number: usize,
    rx: Arc<Counts>,
    tx: Arc<Counts>,
}

/// A thread that has one queue pair or several. It ends with this.
#[derive(Debug)]
struct Thread {
    commands: Sender<(usize, Command)>,
    wake: Arc<OwnedFd>,
    pulse: Arc<Pulse>,
    /// With what is at its end when the thread has ended.
    handle: Option<Mutex<(JoinHandle<()>, Receiver<()>)>>,
    /// It does not come back from something, and is not waited for any more.
    is_lost: AtomicBool,
}

/// Which ring of a pair.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    Rx,
    Tx,
}

#[derive(Debug)]
enum Command {
    StartRx(Box<Rx>, Kick),
    StartTx(Box<Tx>, Kick),
    Stop(Side, Sender<Option<u16>>),
    Call(Side, Option<Call>),
    Format(Format),
    Report(Report),
    /// Say that all before is done.
    Reached(Sender<()>),
    End,
}

impl Worker {
    /// Have the queue pairs of these sources served by so many threads, in turns, each thread on one of
    /// `cpus`, in turns too, if there are any.
    ///
    /// # Errors
    /// The system has no descriptor or thread left, or refuses a CPU.
    pub(crate) fn start(
        sources: Vec<Source>,
        threads: usize,
        cpus: &[usize],
    ) -> io::Result<Vec<Self>> {
        wire::allow_interrupts()?;
        let threads = threads.clamp(1, sources.len().max(1));
        let mut of_threads: Vec<Vec<Source>> = (0..threads).map(|_| Vec::new()).collect();
        let count = sources.len();
        for (pair, source) in sources.into_iter().enumerate() {
            of_threads[pair % threads].push(source);
        }
        let mut cpus = cpus.iter().copied().cycle();
        let started = of_threads.into_iter().enumerate();
        let started = started.map(|(number, sources)| Thread::start(number, sources, cpus.next()));
        let started = started.map(|thread| thread.map(Arc::new)).collect::<io::Result<Vec<_>>>()?;
        let worker = |pair: usize| Self {
            thread: started[pair % threads].clone(),
            number: pair / threads,
            rx: Arc::default(),
            tx: Arc::default(),
        };
        Ok((0..count).map(worker).collect())
    }

    /// Start a ring; the driver kicks it by `kick`. What has come before is for nobody; what comes after
    /// this returns is the driver's.
    pub(crate) fn start_rx(&self, ring: Ring, format: Format, kick: Kick) {
        let rx = Rx::new(ring, format, self.rx.clone());
        self.tell(Command::StartRx(Box::new(rx), kick));
        self.wait();
    }

    /// Start a ring; the driver kicks it by `kick`.
    pub(crate) fn start_tx(&self, ring: Ring, header: tunrss::hash::VnetHdrLen, kick: Kick) {
        let tx = Tx::new(ring, header, self.tx.clone());
        self.tell(Command::StartTx(Box::new(tx), kick));
    }

    /// Stop a ring. It is not touched any more when this returns, unless the thread
    /// [is lost](Self::lost). Returns where it goes on; `None` if it did not run.
    pub(crate) fn stop(&self, side: Side) -> Option<u16> {
        let (answer, answered) = mpsc::channel();
        self.tell(Command::Stop(side, answer));
        self.thread.answered(&answered).flatten()
    }

    pub(crate) fn counts(&self, side: Side) -> &Counts {
        match side {
            Side::Rx => &self.rx,
            Side::Tx => &self.tx,
        }
    }

    /// Have a ring's driver notified elsewhere.
    pub(crate) fn set_call(&self, side: Side, call: Option<Call>) {
        self.tell(Command::Call(side, call));
    }

    /// Have packets in another format received from now on.
    pub(crate) fn set_format(&self, format: Format) {
        self.tell(Command::Format(format));
    }

    /// How packets come from now on, and who hashes them.
    pub(crate) fn set_report(&self, report: Report) {
        self.tell(Command::Report(report));
    }

    /// Wait until the thread has done all that it was told, or [is lost](Self::lost).
    pub(crate) fn wait(&self) {
        let (reached, is_reached) = mpsc::channel();
        self.tell(Command::Reached(reached));
        self.thread.answered(&is_reached);
    }

    /// The name of the thread, if it has not come back from something for so long that nobody waits for it
    /// any more. Then nobody can be served by it.
    pub(crate) fn lost(&self) -> Option<&str> {
        self.thread.is_lost.load(Ordering::Relaxed).then(|| self.pulse().name())
    }

    /// What shows that the thread gets on. Several queue pairs may have the same.
    pub(crate) fn pulse(&self) -> &Arc<Pulse> {
        &self.thread.pulse
    }

    fn tell(&self, command: Command) {
        self.thread.tell(self.number, command);
    }
}

impl Thread {
    fn start(number: usize, sources: Vec<Source>, cpu: Option<usize>) -> io::Result<Self> {
        let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let (commands, receiver) = mpsc::channel();
        let epoll = Arc::new(epoll::create(epoll::CreateFlags::CLOEXEC)?);
        add(&epoll, WAKE, &wake, epoll::EventFlags::IN)?;
        let mut pairs = Vec::new();
        for (number, source) in sources.into_iter().enumerate() {
            // By edges: a queue that is full, while the guest has no room, wakes nobody.
            let both = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
            add(&epoll, token(number, DEVICE), source.poll_fd(), both)?;
            pairs.push(Pair { number, source, epoll: epoll.clone(), rx: None, tx: None });
        }
        let name = format!("packets-{number}");
        let pulse = Pulse::new(&name);
        let moving =
            Moving { pairs, commands: receiver, wake: wake.clone(), epoll, pulse: pulse.clone() };
        let (started, is_started) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let builder = thread::Builder::new().name(name);
        let handle = builder.spawn(move || {
            let _end = end;
            let pinned = cpu.map_or(Ok(()), pin);
            let is_pinned = pinned.is_ok();
            let _ = started.send(pinned);
            if is_pinned {
                moving.run();
            }
        })?;
        is_started.recv().unwrap_or_else(|_| Err(io::Error::other("a thread has failed")))?;
        let is_lost = AtomicBool::new(false);
        let handle = Some(Mutex::new((handle, ended)));
        Ok(Self { commands, wake, pulse, handle, is_lost })
    }

    /// What the thread answers; `None` if it has ended, or does not come back. If it waits for the frontend
    /// it is interrupted.
    fn answered<T>(&self, answer: &Receiver<T>) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        while !self.is_lost.load(Ordering::Relaxed) {
            match answer.recv_timeout(A_MOMENT) {
                Ok(answer) => return Some(answer),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) if Instant::now() < deadline => {
                    self.pulse.interrupt();
                }
                Err(RecvTimeoutError::Timeout) => self.is_lost.store(true, Ordering::Relaxed),
            }
        }
        None
    }

    fn tell(&self, number: usize, command: Command) {
        // A thread that has ended has no rings to be told of.
        let _ = self.commands.send((number, command));
        let _ = rustix::io::write(&*self.wake, &1u64.to_ne_bytes());
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.tell(0, Command::End);
        let handle = self.handle.take().and_then(|handle| handle.into_inner().ok());
        let Some((handle, ended)) = handle else { return };
        self.answered(&ended);
        if !*self.is_lost.get_mut() {
            // A thread that panicked has said so.
            let _ = handle.join();
        }
    }
}

fn pin(cpu: usize) -> io::Result<()> {
    if cpu >= CpuSet::MAX_CPU {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut cpus = CpuSet::new();
    cpus.set(cpu);
    Ok(sched_setaffinity(None, &cpus)?)
}

/// What a thread has.
struct Moving {
    pairs: Vec<Pair>,
    commands: Receiver<(usize, Command)>,
    wake: Arc<OwnedFd>,
    epoll: Arc<OwnedFd>,
    pulse: Arc<Pulse>,
}

/// A queue pair, seen from its own thread.
struct Pair {
    number: usize,
    source: Source,
    epoll: Arc<OwnedFd>,
    rx: Option<Running<Rx>>,
    tx: Option<Running<Tx>>,
}

/// A ring that runs.
struct Running<T> {
    ring: Box<T>,
    kick: Kick,
    /// Whether there may be something to do.
    is_ready: bool,
}

impl Moving {
    fn run(mut self) {
        let mut events = Vec::with_capacity(64);
        self.pulse.begin();
        loop {
            let none = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
            let timeout = self.pairs.iter().any(Pair::is_ready).then_some(&none);
            events.clear();
            let spare = rustix::buffer::spare_capacity(&mut events);
            match self.pulse.rest(|| epoll::wait(&*self.epoll, spare, timeout)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => {
                    // Its work is not ended, which is seen.
                    log::error!("queue pairs end, their events cannot be waited for: {error}");
                    return;
                }
            }
            for event in &events {
                let event = *event;
                if !self.note(event.data.u64(), event.flags) {
                    self.pulse.end();
                    return;
                }
            }
            self.pairs.iter_mut().for_each(Pair::work);
        }
    }

    /// Something has happened. Returns whether to go on.
    fn note(&mut self, token: u64, flags: epoll::EventFlags) -> bool {
        if token != WAKE {
            if let Some(pair) = self.pairs.get_mut((token / KINDS) as usize) {
                pair.note(token % KINDS, flags);
            }
            return true;
        }
        empty(self.wake.as_fd());
        while let Ok((number, command)) = self.commands.try_recv() {
            match (command, self.pairs.get_mut(number)) {
                (Command::End, _) | (_, None) => return false,
                (command, Some(pair)) => pair.obey(command),
            }
        }
        true
    }
}

impl Pair {
    /// Whether there may be something to do.
    fn is_ready(&self) -> bool {
        self.rx.as_ref().is_some_and(|rx| rx.is_ready)
            || self.tx.as_ref().is_some_and(|tx| tx.is_ready)
    }

    /// Something has happened.
    fn note(&mut self, what: u64, flags: epoll::EventFlags) {
        let (in_, out) = match what {
            KICK_RX => (true, false),
            KICK_TX => (false, true),
            _ => (
                flags.intersects(epoll::EventFlags::IN | epoll::EventFlags::ERR),
                flags.contains(epoll::EventFlags::OUT),
            ),
        };
        if let Some(rx) = self.rx.as_mut().filter(|_| in_) {
            rx.is_ready = true;
        }
        if let Some(tx) = self.tx.as_mut().filter(|_| out) {
            tx.is_ready = true;
        }
    }

    /// Move a batch of packets each way.
    fn work(&mut self) {
        let mut budget = Budget::new();
        if let Some(rx) = self.rx.as_mut().filter(|rx| rx.is_ready) {
            let progress = rx.ring.batch(&mut self.source, BATCH, &mut budget);
            rx.is_ready = go_on(progress, "receive");
        }
        if let Some(tx) = self.tx.as_mut().filter(|tx| tx.is_ready) {
            let progress = tx.ring.batch(self.source.device(), BATCH, &mut budget);
            tx.is_ready = go_on(progress, "transmit");
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::StartRx(mut ring, kick) => {
                ring.ring_mut().remind();
                self.source.drain(ring.scratch());
                self.rx = self.started(KICK_RX, ring, kick);
                self.source.set_receiving(self.rx.is_some());
            }
            Command::StartTx(mut ring, kick) => {
                ring.ring_mut().remind();
                self.tx = self.started(KICK_TX, ring, kick);
            }
            Command::Stop(side, answer) => {
                let base = match side {
                    Side::Rx => {
                        self.source.set_receiving(false);
                        self.rx.take().map(|rx| self.stopped(rx).stop())
                    }
                    Side::Tx => self.tx.take().map(|tx| self.stopped(tx).stop()),
                };
                let _ = answer.send(base);
            }
            Command::Call(Side::Rx, call) => {
                if let Some(rx) = &mut self.rx {
                    rx.ring.ring_mut().set_call(call);
                }
            }
            Command::Call(Side::Tx, call) => {
                if let Some(tx) = &mut self.tx {
                    tx.ring.ring_mut().set_call(call);
                }
            }
            Command::Format(format) => {
                if let Some(rx) = &mut self.rx {
                    rx.ring.set_format(format);
                }
            }
            Command::Report(report) => self.source.set_report(report),
            Command::Reached(reached) => {
                let _ = reached.send(());
            }
            // It is the thread's.
            Command::End => {}
        }
    }

    fn started<T>(&self, kind: u64, ring: Box<T>, kick: Kick) -> Option<Running<T>> {
        // By edges, so that the counter need not be read.
        let edges = epoll::EventFlags::IN | epoll::EventFlags::ET;
        match add(&self.epoll, token(self.number, kind), &kick, edges) {
            Ok(()) => Some(Running { ring, kick, is_ready: true }),
            Err(error) => {
                BROKEN.warn(format_args!("a ring rests, its kicks cannot be waited for: {error}"));
                None
            }
        }
    }

    fn stopped<T>(&self, running: Running<T>) -> T {
        // Other duplicates of the descriptor would keep it there.
        let _ = epoll::delete(&*self.epoll, &running.kick);
        *running.ring
    }
}

/// Have events of `fd` wake the thread, as those of `token`.
fn add(epoll: &OwnedFd, token: u64, fd: impl AsFd, flags: epoll::EventFlags) -> io::Result<()> {
    Ok(epoll::add(epoll, fd, epoll::EventData::new_u64(token), flags)?)
}

/// What events of a queue pair's descriptors are known by.
fn token(number: usize, kind: u64) -> u64 {
    number as u64 * KINDS + kind
}

/// Whether there is more to do. A ring that its driver has broken is left alone until it is started
/// anew.
fn go_on(progress: Result<Progress, RingError>, direction: &str) -> bool {
    match progress {
        Ok(progress) => progress == Progress::More,
        Err(error) => {
            BROKEN.warn(format_args!(
                "a {direction} ring rests until the driver starts it anew: {error}"
            ));
            false
        }
    }
}

/// Read an event's counter to zero.
fn empty(event: BorrowedFd<'_>) {
    // Refused only if it is zero already.
    let _ = rustix::io::read(event, &mut [0; 8]);
}

/// What a guest can cause.
static BROKEN: RateLimited = RateLimited::new(5, Duration::from_secs(10));

/// How long a thread may take to come to a command before it is interrupted, and then again.
const A_MOMENT: Duration = Duration::from_millis(20);

/// How long a thread is waited for: a turn takes some milliseconds, on a machine with too much to do
/// longer.
const PATIENCE: Duration = Duration::from_secs(4);

/// Packets that are moved one way before the other way and commands have their turn.
const BATCH: usize = 64;

/// What an event is of: of a queue pair, or of the thread.
const KICK_RX: u64 = 0;
const KICK_TX: u64 = 1;
const DEVICE: u64 = 2;
const KINDS: u64 = 3;
const WAKE: u64 = u64::MAX;
