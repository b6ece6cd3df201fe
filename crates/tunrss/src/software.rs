//! Steering without eBPF, for processes that may not load it: threads that read the kernel's queues
//! and hand each packet to the right one of several *virtual queues*.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::num::{NonZeroU16, NonZeroUsize};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use tunrss_hash::{Link, VnetHdr, classify};

use crate::Config;
use crate::error::{Error, Result};
use crate::queue::{Queue, Received};

/// Steering in software: a thread for each queue of the kernel reads packets, classifies them, and
/// hands them to [`VirtualQueue`]s. Needs no privilege beyond that to have the queues.
///
/// ```no_run
/// use std::num::{NonZeroU16, NonZeroUsize};
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use tunrss::hash::{HashKey, HashTypes, SteeringConfig};
/// use tunrss::{Device, IfName, SoftwareSteering};
///
/// let (_device, queues) = Device::create(&IfName::new("tap0")?, 1)?;
/// let config = SteeringConfig::new(HashTypes::BASIC, HashKey::MICROSOFT, vec![0, 1, 2, 3], 0)?;
/// let (count, capacity) = (NonZeroU16::new(4).unwrap(), NonZeroUsize::new(512).unwrap());
/// let (steering, virtual_queues) =
///     SoftwareSteering::start(queues, Arc::new(config), count, capacity)?;
/// let mut frame = [0; 65536];
/// let packet = virtual_queues[0].recv_timeout(&mut frame, Some(Duration::from_secs(1)))?;
/// println!("{} {:08x?}", packet.report(), packet.hash());
/// drop(steering);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Order
/// Packets that the kernel put into one of its queues keep their order in the virtual queue. Without
/// a steering program the kernel keeps a flow on one queue, but moves it when a packet of the flow's
/// other direction is written to another one (`tun_flow_update`, drivers/net/tun.c, v6.12). Packets
/// that were waiting in the old queue may then be overtaken by later ones in the new queue. A
/// virtual queue writes to one kernel queue only, so a flow that is always answered on the virtual
/// queue that it arrives on moves once, at its first answer. With one kernel queue the order is
/// always kept.
///
/// # Memory
/// Each kernel queue has a buffer of [`SoftwareSteering::BUFFER_LEN`] bytes, room for any packet of a
/// TAP. What waits in a virtual queue takes as many bytes as its frames have, at most
/// [`SoftwareSteering::MAX_WAITING_LEN`]. That memory is kept for the packets to come, and is freed
/// when the queue is [told not to receive](VirtualQueue::set_receiving), or dropped.
#[derive(Debug)]
pub struct SoftwareSteering {
    shared: Arc<Shared>,
    readers: Vec<JoinHandle<()>>,
}

impl SoftwareSteering {
    /// Bytes of a packet buffer: 64 KiB, which no packet to be segmented exceeds by more than its
    /// Ethernet header and VLAN tags.
    pub const BUFFER_LEN: usize = 65_536 + 64;

    /// The most bytes of frames that wait in a virtual queue: 4 MiB.
    pub const MAX_WAITING_LEN: usize = 4 << 20;

    /// Read `queues`, all of one device, and spread their packets over `count` virtual queues by
    /// `config`; its queue numbers are taken modulo `count`, as a device does. A virtual queue holds
    /// at most `capacity` packets, and at most [`MAX_WAITING_LEN`](Self::MAX_WAITING_LEN) bytes of
    /// them: what comes to a full one is dropped and counted.
    ///
    /// The queues are read by the report that they are set to (see [`Queue::set_report`]), and the
    /// hash is computed anew. They are made non-blocking.
    ///
    /// # Errors
    /// [`Error::QueueCount`] without queues; [`Error::Software`] if the system has no descriptor or
    /// thread left. Nothing is read then.
    pub fn start(
        queues: Vec<Queue>,
        config: Arc<Config>,
        count: NonZeroU16,
        capacity: NonZeroUsize,
    ) -> Result<(Self, Vec<VirtualQueue>)> {
        if queues.is_empty() {
            return Err(Error::QueueCount { queues: 0 });
        }
        for queue in &queues {
            set_nonblocking(queue).map_err(refused("make a queue non-blocking"))?;
        }
        let event = || Event::new().map_err(refused("make an event descriptor"));
        let mailbox = |_| Ok(Arc::new(Mailbox::new(capacity, event()?)));
        let mailboxes = (0..count.get()).map(mailbox).collect::<Result<Vec<_>>>()?;
        let shared = Arc::new(Shared { config: RwLock::new(config), stop: event()?, mailboxes });
        let queues: Vec<_> = queues.into_iter().map(Arc::new).collect();
        // Threads that were started are ended by dropping this, should a later one not start.
        let mut steering = Self { shared: shared.clone(), readers: Vec::new() };
        for (number, queue) in queues.iter().enumerate() {
            let reader = Reader { queue: queue.clone(), shared: shared.clone() };
            let builder = thread::Builder::new().name(format!("tunrss-read-{number}"));
            let thread = builder.spawn(|| reader.run()).map_err(refused("start a thread"))?;
            steering.readers.push(thread);
        }
        let virtual_queue = |(mailbox, sender): (&Arc<Mailbox>, &Arc<Queue>)| VirtualQueue {
            mailbox: mailbox.clone(),
            sender: sender.clone(),
        };
        let senders = queues.iter().cycle();
        Ok((steering, shared.mailboxes.iter().zip(senders).map(virtual_queue).collect()))
    }

    /// Replace the configuration. Each packet is steered by the old one or by the new one as a
    /// whole; those handed over after this has returned, by the new one. Waiting packets stay where
    /// they are. Blocks while readers finish what they have begun: at most 64 packets each.
    pub fn replace(&self, config: Arc<Config>) {
        *self.shared.config.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// What has come to each virtual queue.
    pub fn counts(&self) -> Vec<Counts> {
        self.shared.mailboxes.iter().map(|mailbox| mailbox.lock().counts).collect()
    }
}

impl Drop for SoftwareSteering {
    /// Ends the threads, which takes no longer than a batch of packets. The virtual queues still
    /// give what waits in them, then the error [`io::ErrorKind::NotConnected`].
    fn drop(&mut self) {
        self.shared.stop.set();
        for reader in self.readers.drain(..) {
            // A reader does not panic; if one did, its panic has been printed.
            let _ = reader.join();
        }
        self.shared.end(End::Stopped);
    }
}

/// One queue of software steering. Its descriptor is readable while a packet waits or an error is
/// to be told, and only then: wait for it with any poller. It is for nothing else; do not read it.
#[derive(Debug)]
pub struct VirtualQueue {
    mailbox: Arc<Mailbox>,
    /// The kernel queue that packets are written to.
    sender: Arc<Queue>,
}

impl VirtualQueue {
    /// Take one packet: its frame goes into `frame`, from the header [`link`](Self::link) on. Hash and report
    /// are those of the configuration. Does not block.
    ///
    /// # Errors
    /// If no packet is waiting:
    /// - [`io::ErrorKind::NotConnected`] once the steering is dropped.
    /// - From when a kernel queue cannot be read any more, the reason: EBADFD if the device was
    ///   deleted. Packets of other kernel queues may still come.
    /// - Else [`io::ErrorKind::WouldBlock`].
    pub fn recv(&self, frame: &mut [u8]) -> io::Result<Received> {
        self.mailbox.take(frame)
    }

    /// As [`recv`](Self::recv), but waits for a packet; forever without `timeout`.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] if none has come; else as for [`recv`](Self::recv).
    pub fn recv_timeout(
        &self,
        frame: &mut [u8],
        timeout: Option<Duration>,
    ) -> io::Result<Received> {
        // A time beyond what the clock can tell is forever.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            match self.recv(frame) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let left = left.and_then(|left| Timespec::try_from(left).ok());
            match poll(&mut [PollFd::new(self, PollFlags::IN)], left.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Write one packet to the device, as [`Queue::send`] does: to the kernel queue of this one's
    /// number, modulo how many there are.
    ///
    /// # Errors
    /// Those of [`Queue::send`].
    pub fn send(&self, header: &VnetHdr, frame: &[u8]) -> io::Result<()> {
        self.sender.send(header, frame)
    }

    /// Whether packets are kept for this queue, as they are from the start. If not, what waits is
    /// thrown away and its memory freed, and what comes is dropped and counted.
    pub fn set_receiving(&self, is_receiving: bool) {
        self.mailbox.set_receiving(is_receiving);
    }

    /// The header that packets start with.
    pub fn link(&self) -> Link {
        self.sender.link()
    }

    /// What has come to this queue.
    pub fn counts(&self) -> Counts {
        self.mailbox.lock().counts
    }
}

impl AsFd for VirtualQueue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.mailbox.event.0.as_fd()
    }
}

impl Drop for VirtualQueue {
    /// Frees what waits. What is still to come finds no room.
    fn drop(&mut self) {
        self.mailbox.set_receiving(false);
    }
}

/// What has come to a virtual queue since it was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Counts {
    /// Packets that found room.
    pub packets: u64,
    /// Bytes of their frames.
    pub bytes: u64,
    /// Packets that found none, and are lost.
    pub dropped: u64,
}

/// What readers and virtual queues have in common.
#[derive(Debug)]
struct Shared {
    config: RwLock<Arc<Config>>,
    /// Set from the moment when the readers have to end.
    stop: Event,
    /// One for each virtual queue.
    mailboxes: Vec<Arc<Mailbox>>,
}

impl Shared {
    /// Tell all virtual queues that readers, or one of them, will not hand over packets any more.
    fn end(&self, end: End) {
        for mailbox in &self.mailboxes {
            mailbox.end(end);
        }
    }
}

/// A thread that reads one of the kernel's queues.
struct Reader {
    queue: Arc<Queue>,
    shared: Arc<Shared>,
}

impl Reader {
    fn run(self) {
        let mut buffer = vec![0; SoftwareSteering::BUFFER_LEN];
        loop {
            let mut fds = [self.queue.as_fd(), self.shared.stop.0.as_fd()]
                .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
            match poll(&mut fds, None) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(error) => return self.shared.end(End::Failed(error)),
            }
            let [queue, stop] = fds.map(|fd| fd.revents());
            if !stop.is_empty() {
                return;
            }
            match self.take_batch(&mut buffer) {
                // A queue in error is one that a packet will never come to.
                Ok(0) if !queue.is_empty() && !queue.contains(PollFlags::IN) => {
                    return self.shared.end(End::Failed(Errno::BADFD));
                }
                Ok(_) => {}
                Err(error) => return self.shared.end(End::Failed(error)),
            }
        }
    }

    /// Hand over what is waiting, at most [`BATCH`] packets, by one configuration. Returns how many
    /// they were. The configuration cannot be replaced meanwhile, so that no packet is handed over
    /// by the old one later.
    fn take_batch(&self, buffer: &mut [u8]) -> std::result::Result<usize, Errno> {
        let config = self.shared.config.read().unwrap_or_else(PoisonError::into_inner);
        for taken in 0..BATCH {
            let mut received = match self.queue.recv(buffer) {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(taken),
                // Without an error number it is a record that the kernel does not make.
                Err(error) => return Err(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
            };
            let frame = buffer.get(..received.len).unwrap_or_default();
            let verdict = classify(&config, self.queue.link(), frame);
            received.header.hash_value = verdict.hash;
            received.header.hash_report = verdict.report.code();
            let number = usize::from(verdict.queue) % self.shared.mailboxes.len();
            self.shared.mailboxes[number].put(received, frame);
        }
        Ok(BATCH)
    }
}

/// The packets that wait in a virtual queue.
#[derive(Debug)]
struct Mailbox {
    capacity: usize,
    /// Set exactly while a packet waits or none will come: it is changed only under the lock.
    event: Event,
    inside: Mutex<Inside>,
}

#[derive(Debug)]
struct Inside {
    waiting: VecDeque<Received>,
    /// The frames of what waits, one behind the other.
    frames: VecDeque<u8>,
    is_receiving: bool,
    end: Option<End>,
    counts: Counts,
}

impl Mailbox {
    fn new(capacity: NonZeroUsize, event: Event) -> Self {
        let inside = Inside {
            waiting: VecDeque::new(),
            frames: VecDeque::new(),
            is_receiving: true,
            end: None,
            counts: Counts::default(),
        };
        Self { capacity: capacity.get(), event, inside: Mutex::new(inside) }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Put a packet in, or drop it if there is no room.
    fn put(&self, received: Received, frame: &[u8]) {
        let mut inside = self.lock();
        let has_room = inside.waiting.len() < self.capacity
            && inside.frames.len() + frame.len() <= SoftwareSteering::MAX_WAITING_LEN;
        if !inside.is_receiving || !has_room {
            inside.counts.dropped += 1;
            return;
        }
        inside.counts.packets += 1;
        inside.counts.bytes += frame.len() as u64;
        if inside.waiting.is_empty() && inside.end.is_none() {
            self.event.set();
        }
        inside.waiting.push_back(Received { len: frame.len(), ..received });
        inside.frames.extend(frame);
    }

    /// Take a packet out, as much of its frame as `frame` has room for.
    fn take(&self, frame: &mut [u8]) -> io::Result<Received> {
        let mut inside = self.lock();
        let Some(mut received) = inside.waiting.pop_front() else {
            return Err(inside.end.map_or(io::ErrorKind::WouldBlock.into(), End::to_error));
        };
        let len = received.len.min(frame.len());
        if let Some(frame) = frame.get_mut(..len) {
            inside.frames.read_exact(frame)?;
        }
        inside.frames.drain(..received.len - len);
        received.is_truncated |= len < received.len;
        received.len = len;
        if inside.waiting.is_empty() {
            // The next packets take the same memory again, and not all that there is in turns.
            inside.frames.clear();
            if inside.end.is_none() {
                self.event.clear();
            }
        }
        Ok(received)
    }

    /// The first end is the one that is told.
    fn end(&self, end: End) {
        let mut inside = self.lock();
        if inside.end.is_none() {
            inside.end = Some(end);
            if inside.waiting.is_empty() {
                self.event.set();
            }
        }
    }

    fn set_receiving(&self, is_receiving: bool) {
        let mut inside = self.lock();
        inside.is_receiving = is_receiving;
        if is_receiving {
            return;
        }
        if !inside.waiting.is_empty() && inside.end.is_none() {
            self.event.clear();
        }
        inside.waiting = VecDeque::new();
        inside.frames = VecDeque::new();
    }
}

/// Why there will be no more packets.
#[derive(Clone, Copy, Debug)]
enum End {
    Stopped,
    Failed(Errno),
}

impl End {
    fn to_error(self) -> io::Error {
        match self {
            Self::Stopped => {
                io::Error::new(io::ErrorKind::NotConnected, "the software steering was stopped")
            }
            Self::Failed(errno) => errno.into(),
        }
    }
}

/// A descriptor that is readable while it is set.
#[derive(Debug)]
struct Event(OwnedFd);

impl Event {
    fn new() -> io::Result<Self> {
        Ok(Self(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    fn set(&self) {
        // Refused only beyond 2^64 - 2, and it is set at most once more than cleared.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }

    fn clear(&self) {
        // Refused only if it is not set.
        let _ = rustix::io::read(&self.0, &mut [0; 8]);
    }
}

fn set_nonblocking(queue: &Queue) -> io::Result<()> {
    let flags = fcntl_getfl(queue)?;
    if !flags.contains(OFlags::NONBLOCK) {
        fcntl_setfl(queue, flags | OFlags::NONBLOCK)?;
    }
    Ok(())
}

fn refused(action: &'static str) -> impl Fn(io::Error) -> Error {
    move |source| Error::Software { action, source }
}

/// How many packets are taken before a reader looks whether it has to end, or lets the
/// configuration be replaced.
const BATCH: usize = 64;

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use tunrss_hash::{HashKey, HashReport, HashTypes, SteeringConfig, VnetHdrLen};

    use super::*;

    /// Queues that are read as those of a device are, and their other ends.
    fn queues(count: usize) -> (Vec<Queue>, Vec<UnixDatagram>) {
        let pairs = (0..count).map(|_| UnixDatagram::pair().unwrap());
        pairs.map(|(one, other)| (Queue::of_socket(one.into()), other)).unzip()
    }

    fn start(
        queues: Vec<Queue>,
        count: u16,
        capacity: usize,
    ) -> (SoftwareSteering, Vec<VirtualQueue>) {
        let (count, capacity) = (NonZeroU16::new(count), NonZeroUsize::new(capacity));
        SoftwareSteering::start(queues, config([0]), count.unwrap(), capacity.unwrap()).unwrap()
    }

    /// Of packets without hash, which these tests send, all go to the last queue of the table.
    fn config<const N: usize>(table: [u16; N]) -> Arc<Config> {
        let (key, unclassified) = (HashKey::MICROSOFT, table[N - 1]);
        let table = vec![table[N - 1]; 2];
        Arc::new(SteeringConfig::new(HashTypes::ALL, key, table, unclassified).unwrap())
    }

    fn send(to: &UnixDatagram, frame: &[u8]) {
        let header = VnetHdr::default().encode();
        to.send(&[&header[..VnetHdrLen::V1.len()], frame].concat()).unwrap();
    }

    fn received(len: usize) -> Received {
        let header = VnetHdr::default();
        Received { len, is_truncated: false, header, packet_information: None }
    }

    fn is_readable(queue: &VirtualQueue) -> bool {
        poll(&mut [PollFd::new(queue, PollFlags::IN)], Some(&Timespec::default())).unwrap() == 1
    }

    fn kind(result: io::Result<Received>) -> io::ErrorKind {
        result.unwrap_err().kind()
    }

    /// Wait for what a reader does, without anything to wait on.
    fn eventually(holds: impl Fn() -> bool) {
        let deadline = Instant::now() + LONG.unwrap();
        while !holds() {
            assert!(Instant::now() < deadline);
            thread::yield_now();
        }
    }

    const LONG: Option<Duration> = Some(Duration::from_secs(20));

    #[test]
    fn descriptor_is_readable_exactly_while_a_packet_waits() {
        let mailbox = Mailbox::new(NonZeroUsize::new(3).unwrap(), Event::new().unwrap());
        let sender = Queue::of_socket(UnixDatagram::unbound().unwrap().into());
        let queue = VirtualQueue { mailbox: Arc::new(mailbox), sender: Arc::new(sender) };
        let received = received(7);
        let mut frame = [0; 100];
        for round in 1..=5 {
            assert!(!is_readable(&queue));
            assert_eq!(kind(queue.recv(&mut frame)), io::ErrorKind::WouldBlock);
            for number in 0..5 {
                queue.mailbox.put(received, &[number; 7]);
                assert!(is_readable(&queue));
            }
            for number in 0..3 {
                assert!(is_readable(&queue));
                assert_eq!(queue.recv(&mut frame).unwrap(), received);
                assert_eq!(frame[..7], [number; 7]);
            }
            let expected = Counts { packets: 3 * round, bytes: 21 * round, dropped: 2 * round };
            assert_eq!(queue.counts(), expected);
        }
        // What waits comes before the end, and the first end is told.
        queue.mailbox.put(received, &[7; 7]);
        queue.mailbox.end(End::Failed(Errno::BADFD));
        queue.mailbox.end(End::Stopped);
        assert_eq!(queue.recv(&mut frame).unwrap(), received);
        for _ in 0..2 {
            assert!(is_readable(&queue));
            let error = queue.recv(&mut frame).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(Errno::BADFD.raw_os_error()));
        }
        // A packet after it, from another reader.
        queue.mailbox.put(received, &[7; 7]);
        assert_eq!(queue.recv(&mut frame).unwrap(), received);
        assert!(is_readable(&queue) && queue.recv(&mut frame).is_err());
    }

    /// Frames of all lengths, in turns, so that one lies across the end of the memory.
    #[test]
    fn frames_come_out_as_they_went_in() {
        let mailbox = Mailbox::new(NonZeroUsize::new(1000).unwrap(), Event::new().unwrap());
        let frame_of = |number: usize| vec![number as u8; number * 37 % 1500];
        let mut frame = [0; 1500];
        let mut taken = 0;
        for number in 0..2000 {
            mailbox.put(received(0), &frame_of(number));
            if number % 3 != 0 || number > 1000 {
                let len = mailbox.take(&mut frame).unwrap().len;
                assert_eq!(frame[..len], frame_of(taken));
                taken += 1;
            }
        }
        assert_eq!(mailbox.lock().counts.dropped, 0);
        assert!(mailbox.lock().frames.capacity() < 4 << 20);
    }

    #[test]
    fn bytes_that_wait_are_limited_and_freed_when_nobody_receives() {
        let mailbox = Mailbox::new(NonZeroUsize::MAX, Event::new().unwrap());
        let frame = [7; 65_000];
        let fit = SoftwareSteering::MAX_WAITING_LEN / frame.len();
        for _ in 0..fit + 10 {
            mailbox.put(received(0), &frame);
        }
        let state = || {
            let inside = mailbox.lock();
            let capacity = inside.waiting.capacity() + inside.frames.capacity();
            (inside.waiting.len(), capacity > 0, inside.counts.dropped)
        };
        assert_eq!(state(), (fit, true, 10));
        mailbox.set_receiving(false);
        assert!(mailbox.take(&mut []).is_err());
        mailbox.put(received(0), &frame);
        assert_eq!(state(), (0, false, 11));
        assert!(rustix::io::read(&mailbox.event.0, &mut [0; 8]).is_err());
        mailbox.set_receiving(true);
        mailbox.put(received(0), &frame);
        assert_eq!(mailbox.take(&mut []).unwrap(), Received { is_truncated: true, ..received(0) });
    }

    #[test]
    fn waiting_ends_with_a_packet_at_its_time_or_at_the_end() {
        let (queues, others) = queues(1);
        let (steering, virtual_queues) = start(queues, 1, 10);
        let queue = &virtual_queues[0];
        let mut frame = [0; 100];
        let soon = Some(Duration::from_millis(1));
        assert_eq!(kind(queue.recv_timeout(&mut frame, soon)), io::ErrorKind::TimedOut);
        thread::scope(|scope| {
            scope.spawn(|| send(&others[0], b"a frame"));
            // No clock can tell so long a time.
            let received = queue.recv_timeout(&mut frame, Some(Duration::MAX)).unwrap();
            assert_eq!(&frame[..received.len], b"a frame");
        });
        thread::scope(|scope| {
            scope.spawn(|| drop(steering));
            assert_eq!(kind(queue.recv_timeout(&mut frame, LONG)), io::ErrorKind::NotConnected);
        });
        assert!(is_readable(queue));
    }

    #[test]
    fn frame_that_does_not_fit_is_marked() {
        let (queues, others) = queues(1);
        let (_steering, virtual_queues) = start(queues, 1, 10);
        for room in 0..10 {
            send(&others[0], b"7 bytes");
            let mut frame = vec![0; room];
            let received = virtual_queues[0].recv_timeout(&mut frame, LONG).unwrap();
            assert_eq!((received.len, received.is_truncated), (room.min(7), room < 7));
            assert_eq!(frame[..received.len], b"7 bytes"[..received.len]);
        }
    }

    /// A queue number beyond is taken modulo; a replacement holds from when it has returned.
    #[test]
    fn replacement_holds_at_once() {
        let (queues, others) = queues(2);
        let (steering, virtual_queues) = start(queues, 3, 10);
        let mut frame = [0; 100];
        for round in 0..200 {
            steering.replace(config([round, round + 1]));
            send(&others[usize::from(round % 2)], b"a frame");
            let queue = &virtual_queues[usize::from(round + 1) % 3];
            let received = queue.recv_timeout(&mut frame, LONG).unwrap();
            assert_eq!((received.len, received.report()), (7, HashReport::None));
        }
        let counts = steering.counts();
        assert_eq!(counts.iter().map(|counts| counts.packets).sum::<u64>(), 200);
        assert!(counts.iter().all(|counts| counts.dropped == 0));
        let own: Vec<_> = virtual_queues.iter().map(VirtualQueue::counts).collect();
        assert_eq!(own, counts);
    }

    #[test]
    fn queue_that_nobody_has_drops() {
        let (queues, others) = queues(1);
        let (steering, mut virtual_queues) = start(queues, 2, 4);
        let dropped = virtual_queues.remove(0);
        for _ in 0..3 {
            send(&others[0], b"before");
        }
        eventually(|| steering.counts()[0].packets == 3);
        drop(dropped);
        for _ in 0..3 {
            send(&others[0], b"after");
        }
        eventually(|| steering.counts()[0].dropped == 3);
        steering.replace(config([1]));
        send(&others[0], b"to the other");
        let mut frame = [0; 100];
        let received = virtual_queues[0].recv_timeout(&mut frame, LONG).unwrap();
        assert_eq!(&frame[..received.len], b"to the other");
        let first = Counts { packets: 3, bytes: 18, dropped: 3 };
        let second = Counts { packets: 1, bytes: 12, dropped: 0 };
        assert_eq!(steering.counts(), [first, second]);
        // Nothing is kept of what nobody can take.
        assert!(steering.shared.mailboxes[0].lock().waiting.is_empty());
    }

    #[test]
    fn record_without_a_frame_ends_the_reader() {
        let (queues, others) = queues(2);
        let (_steering, virtual_queues) = start(queues, 2, 4);
        others[0].send(b"too short").unwrap();
        for queue in &virtual_queues {
            let error = queue.recv_timeout(&mut [0; 100], LONG).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(Errno::IO.raw_os_error()));
        }
        // The other reader goes on.
        send(&others[1], b"a frame");
        eventually(|| virtual_queues[0].recv(&mut [0; 100]).is_ok());
    }

    #[test]
    fn nothing_to_read_is_refused() {
        let (count, capacity) = (NonZeroU16::MIN, NonZeroUsize::MIN);
        let error = SoftwareSteering::start(Vec::new(), config([0]), count, capacity).unwrap_err();
        assert!(matches!(error, Error::QueueCount { queues: 0 }), "{error:?}");
    }
}
