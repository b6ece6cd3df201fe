//! Senders and readers that do not stop while something changes.
//!
//! Every frame says who has sent it, its number, and how many changes had been made by then. So a
//! reader knows what was sent, byte for byte, and which settings it may have met on its way.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::UdpSocket;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use tunrss::hash::{Link, VnetHdr};
use tunrss::{Device, Queue, Received};
use tunrss_testkit::packet::{Network, Packet as Built, Upper, V4, V6};

use crate::traffic::{
    HERE_V4, Packet, PacketSocket, THERE_V4, check_header, eventually, fold, set_option,
    start_checksum, sum, udp_socket, wait,
};

/// Senders into a device, and readers of its queues.
pub(super) struct Load<'a> {
    device: &'a Device,
    /// How many frames of a sender may be on their way.
    window: u64,
    is_right: &'a (dyn Fn(&Seen<'_>) -> bool + Sync),
    pub(super) changes: Changes,
    counts: [Counts; SENDERS.len()],
    dropped_before: u64,
    is_sending: AtomicBool,
    is_reading: AtomicBool,
}

/// No queue overflows even if all frames are on one: it holds 1000 (the device's `tx_queue_len`).
pub(super) const PACED: u64 = 200;
/// As fast as they can.
pub(super) const FULL: u64 = u64::MAX;

/// How far the changes have come that are made meanwhile, by their numbers from 1 on.
#[derive(Default)]
pub(super) struct Changes {
    begun: AtomicU32,
    made: AtomicU32,
}

impl Changes {
    /// Make the one that comes next.
    pub(super) fn make<T>(&self, number: u32, change: impl FnOnce() -> T) -> T {
        self.begun.store(number, ORDER);
        let result = change();
        self.made.store(number, ORDER);
        result
    }

    pub(super) fn begun(&self) -> u32 {
        self.begun.load(ORDER)
    }

    pub(super) fn made(&self) -> u32 {
        self.made.load(ORDER)
    }
}

/// A frame that was read, and that is the one sent.
pub(super) struct Seen<'a> {
    /// The last change before it came to the device is one of these.
    pub(super) changes: RangeInclusive<u32>,
    pub(super) queue: usize,
    pub(super) received: &'a Received,
    pub(super) frame: &'a [u8],
}

/// What became of the frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Tally {
    pub(super) sent: u64,
    pub(super) received: u64,
    /// What the device says: a full queue, or the filter program.
    pub(super) dropped: u64,
    /// What the sender is told: a full queueing discipline, or a tc program.
    pub(super) refused: u64,
}

#[derive(Default)]
struct Counts {
    sent: AtomicU64,
    received: AtomicU64,
    refused: AtomicU64,
}

impl<'a> Load<'a> {
    /// `is_right` says whether queue, hash and report of a frame are.
    pub(super) fn new(
        device: &'a Device,
        window: u64,
        is_right: &'a (dyn Fn(&Seen<'_>) -> bool + Sync),
    ) -> Self {
        Self {
            device,
            window,
            is_right,
            changes: Changes::default(),
            counts: Default::default(),
            dropped_before: dropped(device),
            is_sending: AtomicBool::new(true),
            is_reading: AtomicBool::new(true),
        }
    }

    /// Send and read while `change` runs. Then every frame has been read, once, or the device has
    /// counted it as dropped.
    pub(super) fn run<T>(&self, queues: &[Queue], change: impl FnOnce() -> T) -> (T, Tally) {
        let all = queues.iter().enumerate();
        self.go(all, change, || {
            eventually("every frame is read or counted as dropped", || {
                let Tally { sent, received, dropped, .. } = self.tally();
                sent == received + dropped
            });
        })
    }

    /// The same, with queues that are taken away meanwhile, and what waits in them, by `change`: it
    /// also [reads](Self::read) them.
    pub(super) fn run_with_losses<T>(
        &self,
        queues: &[Queue],
        change: impl FnOnce() -> T,
    ) -> (T, Tally) {
        self.go(queues.iter().enumerate(), change, || {})
    }

    fn go<'q, T>(
        &self,
        queues: impl Iterator<Item = (usize, &'q Queue)>,
        change: impl FnOnce() -> T,
        settle: impl FnOnce(),
    ) -> (T, Tally) {
        thread::scope(|scope| {
            let _stop = Stop(self);
            let senders: Vec<_> =
                (0..SENDERS.len()).map(|index| scope.spawn(move || self.send(index))).collect();
            let read = |(index, queue)| {
                scope.spawn(move || self.read(index, queue, || self.is_reading.load(ORDER)))
            };
            let readers: Vec<_> = queues.map(read).collect();
            let result = change();
            self.is_sending.store(false, ORDER);
            senders.into_iter().for_each(|sender| sender.join().unwrap());
            settle();
            self.is_reading.store(false, ORDER);
            let mut seen = BTreeSet::new();
            for stamp in readers.into_iter().flat_map(|reader| reader.join().unwrap()) {
                assert!(seen.insert(stamp), "{stamp:?} has come twice");
            }
            (result, self.tally())
        })
    }

    /// How far it is.
    pub(super) fn tally(&self) -> Tally {
        let total = |count: fn(&Counts) -> &AtomicU64| {
            self.counts.iter().map(|counts| count(counts).load(ORDER)).sum()
        };
        // In this order a frame is not missed while it is on its way.
        let received = total(|counts| &counts.received);
        let dropped = dropped(self.device) - self.dropped_before;
        let [sent, refused] = [total(|counts| &counts.sent), total(|counts| &counts.refused)];
        Tally { sent, received, dropped, refused }
    }

    /// Read a queue as long as `goes_on`, which is asked every [`AT_A_TIME`] frames. Every frame is
    /// checked.
    pub(super) fn read(
        &self,
        index: usize,
        queue: &Queue,
        goes_on: impl Fn() -> bool,
    ) -> Vec<Stamp> {
        let _stop = StopIfPanicking(self);
        give_way();
        let mut buffer = vec![0; 70_000];
        let mut stamps = vec![];
        loop {
            if !goes_on() {
                return stamps;
            }
            for _ in 0..AT_A_TIME {
                match queue.recv(&mut buffer) {
                    Ok(received) => {
                        assert!(!received.is_truncated, "{received:?}");
                        stamps.push(self.check(index, &received, &buffer[..received.len]));
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => panic!("{error}"),
                }
            }
            wait(&[queue], Instant::now() + PAUSE);
        }
    }

    fn check(&self, queue: usize, received: &Received, frame: &[u8]) -> Stamp {
        let changes_until = self.changes.begun();
        let packet =
            || Packet { queue, link: Link::Ethernet, received: *received, frame: frame.to_vec() };
        let stamp = Stamp::find(frame).unwrap_or_else(|| panic!("not ours: {:02x?}", packet()));
        let sender = SENDERS.get(usize::from(stamp.sender));
        let sender = sender.unwrap_or_else(|| panic!("by nobody: {:02x?}", packet()));
        assert!(sender.has_sent(stamp, frame), "not as it was sent: {:02x?}", packet());
        check_header(&packet(), !matches!(sender, Sender::Datagrams));
        let changes = stamp.changes..=changes_until;
        let seen = Seen { changes: changes.clone(), queue, received, frame };
        assert!((self.is_right)(&seen), "not as of any of {changes:?}: {:02x?}", packet());
        self.counts[usize::from(stamp.sender)].received.fetch_add(1, ORDER);
        stamp
    }

    fn send(&self, index: usize) {
        let _stop = StopIfPanicking(self);
        give_way();
        let counts = &self.counts[index];
        let send = SENDERS[index].start(self.device);
        for number in 0.. {
            let is_free = || {
                let received = counts.received.load(ORDER);
                counts.sent.load(ORDER) - received < self.window
            };
            while self.is_sending.load(ORDER) && !is_free() {
                thread::yield_now();
            }
            if !self.is_sending.load(ORDER) {
                return;
            }
            let changes = self.changes.made();
            let stamp = Stamp { sender: index as u8, number, changes };
            // It may be read before the call returns.
            counts.sent.fetch_add(1, ORDER);
            if let Err(error) = send(stamp) {
                let refused = Some(Errno::NOBUFS.raw_os_error());
                assert_eq!(error.raw_os_error(), refused, "{stamp:?}: {error}");
                counts.sent.fetch_sub(1, ORDER);
                counts.refused.fetch_add(1, ORDER);
            }
        }
    }
}

/// Where there are fewer CPUs than threads, those of the load take what the one that changes leaves.
fn give_way() {
    // In Linux it is the calling thread's.
    rustix::process::setpriority_process(None, 19).unwrap();
}

/// At the end, whatever it is: threads are waited for.
struct Stop<'a>(&'a Load<'a>);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.is_sending.store(false, ORDER);
        self.0.is_reading.store(false, ORDER);
    }
}

struct StopIfPanicking<'a>(&'a Load<'a>);

impl Drop for StopIfPanicking<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            drop(Stop(self.0));
        }
    }
}

/// What a frame says of itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Stamp {
    sender: u8,
    number: u32,
    /// How many changes had been made when it was sent.
    changes: u32,
}

impl Stamp {
    fn bytes(self) -> [u8; MARK.len() + 9] {
        let mut bytes = [0; MARK.len() + 9];
        let (mark, rest) = bytes.split_at_mut(MARK.len());
        mark.copy_from_slice(MARK);
        rest[0] = self.sender;
        rest[1..5].copy_from_slice(&self.number.to_be_bytes());
        rest[5..].copy_from_slice(&self.changes.to_be_bytes());
        bytes
    }

    fn find(frame: &[u8]) -> Option<Self> {
        let at = frame.windows(MARK.len()).position(|window| window == MARK)?;
        let rest: &[u8; 9] = frame.get(at + MARK.len()..)?.first_chunk()?;
        let word = |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|byte| rest[at + byte]));
        Some(Self { sender: rest[0], number: word(1), changes: word(5) })
    }

    /// Stamped bytes, the same for the same stamp.
    fn payload(self, len: usize) -> Vec<u8> {
        let mut payload = self.bytes().to_vec();
        payload.resize(len, self.number as u8);
        payload
    }
}

const MARK: &[u8; 8] = b"stamped:";

/// Who sends what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sender {
    /// Frames of many flows and kinds, by a packet socket.
    Frames,
    /// Frames that are left to be segmented, by a packet socket.
    Segments,
    /// Datagrams, some in one piece of several, by kernel sockets.
    Datagrams,
}

const SENDERS: [Sender; 4] = [Sender::Frames, Sender::Frames, Sender::Segments, Sender::Datagrams];

impl Sender {
    fn start(self, device: &Device) -> Box<dyn Fn(Stamp) -> io::Result<()>> {
        match self {
            Self::Frames => {
                let socket = PacketSocket::new(device);
                Box::new(move |stamp| socket.send(&one_frame(stamp)))
            }
            Self::Segments => {
                let socket = PacketSocket::new(device).with_header();
                Box::new(move |stamp| {
                    let (header, frame) = segments(stamp);
                    socket.send_with_header(&header, &frame)
                })
            }
            Self::Datagrams => {
                let sockets = DATAGRAM_PORTS.map(|port| {
                    let socket = udp_socket((HERE_V4, port));
                    // Or it is not told of what is dropped.
                    set_option(&socket, libc::SOL_IP, libc::IP_RECVERR, 1);
                    socket
                });
                set_option(&sockets[1], libc::SOL_UDP, libc::UDP_SEGMENT, 1000);
                Box::new(move |stamp| send_datagram(&sockets, stamp))
            }
        }
    }

    fn has_sent(self, stamp: Stamp, frame: &[u8]) -> bool {
        match self {
            Self::Frames => frame == one_frame(stamp),
            Self::Segments => frame == segments(stamp).1,
            Self::Datagrams => is_datagram(stamp, frame),
        }
    }
}

fn one_frame(stamp: Stamp) -> Vec<u8> {
    let flow = (stamp.number / 6 % 16) as u16 + 100 * u16::from(stamp.sender);
    let (v4, v6) = (V4::new(HERE_V4, THERE_V4), V6::new(1, 2));
    let packet = match stamp.number % 6 {
        0 => Built::udp(v4, flow, 53),
        1 => Built::tcp(v4, flow, 80),
        2 => Built::udp(v6, flow, 53),
        3 => Built::tcp(v6, flow, 80),
        4 => Built::new(V4::new(u32::from(flow), 7), Upper::Other(99)),
        _ => Built::new(Network::Other(0x88b5), Upper::Other(0)),
    };
    packet.payload(&stamp.payload(60)).to_bytes(Link::Ethernet)
}

fn segments(stamp: Stamp) -> (VnetHdr, Vec<u8>) {
    let packet = Built::tcp(V4::new(HERE_V4, THERE_V4), 5000 + (stamp.number % 16) as u16, 80);
    let mut frame = packet.payload(&stamp.payload(2500)).to_bytes(Link::Ethernet);
    let upper = start_checksum(&mut frame, Link::Ethernet);
    let header = VnetHdr {
        flags: VnetHdr::NEEDS_CSUM,
        gso_type: VnetHdr::GSO_TCPV4,
        hdr_len: upper.start as u16 + 20,
        gso_size: 1000,
        csum_start: upper.start as u16,
        csum_offset: upper.checksum_offset as u16,
        ..VnetHdr::default()
    };
    (header, frame)
}

/// The first for whole datagrams, the second for several in one piece.
const DATAGRAM_PORTS: [u16; 2] = [7000, 7001];

fn datagram(stamp: Stamp) -> (usize, u16, Vec<u8>) {
    let is_long = stamp.number.is_multiple_of(8);
    let payload = stamp.payload(if is_long { 2500 } else { 200 });
    (usize::from(is_long), 1000 + (stamp.number % 64) as u16, payload)
}

fn send_datagram(sockets: &[UdpSocket; 2], stamp: Stamp) -> io::Result<()> {
    let (socket, port, payload) = datagram(stamp);
    let sent = sockets[socket].send_to(&payload, (THERE_V4, port))?;
    assert_eq!(sent, payload.len());
    Ok(())
}

fn is_datagram(stamp: Stamp, frame: &[u8]) -> bool {
    let (socket, port, payload) = datagram(stamp);
    let packet = Built::udp(V4::new(HERE_V4, THERE_V4), DATAGRAM_PORTS[socket], port);
    let built = packet.payload(&payload).to_bytes(Link::Ethernet);
    // The kernel's choice: source MAC, identification and flags; and the checksums.
    let is_open = |at: usize| matches!(at, 6..12 | 18..22 | 24..26 | 40..42);
    let is_same = |(at, (a, b)): (usize, (&u8, &u8))| a == b || is_open(at);
    frame.len() == built.len()
        && frame.iter().zip(&built).enumerate().all(is_same)
        && fold(sum(&frame[14..34])) == 0xffff
}

/// What the device has dropped so far.
fn dropped(device: &Device) -> u64 {
    let text = fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    let mut devices = text.lines().filter_map(|line| line.trim().split_once(':'));
    let (_, numbers) = devices.find(|(name, _)| *name == device.name().as_str()).unwrap();
    // Eight numbers on what it receives, then packets, bytes, errors, drops of what it sends.
    numbers.split_whitespace().nth(8 + 3).unwrap().parse().unwrap()
}

const ORDER: Ordering = Ordering::SeqCst;

/// How many frames a reader reads before it looks whether to go on.
const AT_A_TIME: usize = 100;
/// How long it waits for the next one before it does.
const PAUSE: Duration = Duration::from_millis(10);
