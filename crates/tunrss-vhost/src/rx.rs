//! Receive: from the device into the guest's buffers.
//!
//! The kernel writes a frame straight into the guest's memory: the record is read into a header of our
//! own, then the guest's buffers from behind their header on. The hash that report mode `kernel` puts
//! in front of frames falls into our header; so what is changed is what we have, not what the guest can
//! change meanwhile, and the guest gets its header when it is right.
//!
//! How long a record is, nobody knows before it is read. So buffers for a record of the size that the
//! last ones had are offered, and behind them a *spill* of our own; what falls into it is copied to
//! buffers behind, when there are some. So no packet is lost for want of buffers, and few buffers need
//! to be looked at for small packets.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tunrss::bpf::Prefix;
use tunrss::hash::{VnetHdr, VnetHdrLen};
use tunrss::{Queue, Report, SoftwareSteering, VirtualQueue};

use crate::chain::{self, Budget, ChainError, Direction, MAX_CHAIN_PARTS};
use crate::counts::Counts;
use crate::ring::{Ring, RingError};
use crate::wire::{MAX_PARTS, Segments, Vector};

/// Where the packets of a queue pair come from.
#[derive(Debug)]
pub(crate) struct Source {
    /// The device's queue.
    queue: Queue,
    /// Where this process steers: what it hands to this queue pair.
    steered: Option<VirtualQueue>,
    report: Report,
    /// Since when records are without prefix that had one before.
    leaving_since: Option<Instant>,
}

impl Source {
    pub(crate) fn new(queue: Queue, steered: Option<VirtualQueue>) -> Self {
        let source = Self { queue, steered, report: Report::Off, leaving_since: None };
        source.set_receiving(false);
        source
    }

    /// Whether the receive ring runs. While it does not, packets that this process steers are not kept
    /// for it.
    pub(crate) fn set_receiving(&self, is_receiving: bool) {
        if let Some(steered) = &self.steered {
            steered.set_receiving(is_receiving);
        }
    }

    /// The descriptor that is readable when there are packets.
    pub(crate) fn poll_fd(&self) -> BorrowedFd<'_> {
        match &self.steered {
            Some(steered) => steered.as_fd(),
            None => self.queue.as_fd(),
        }
    }

    /// The device's queue, to write to.
    pub(crate) fn device(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }

    /// How packets come from now on, and who hashes them.
    pub(crate) fn set_report(&mut self, report: Report) {
        if matches!((&self.report, &report), (Report::Kernel, Report::Off | Report::Reader(_))) {
            self.leaving_since = Some(Instant::now());
        }
        self.queue.set_report(report.clone());
        self.report = report;
    }

    /// Throw away what waits: it was for another time.
    pub(crate) fn drain(&self, scratch: &mut [u8]) {
        if self.steered.is_some() {
            // Nothing waits before the ring runs.
            return;
        }
        for _ in 0..MOST_WAITING {
            if rustix::io::read(&self.queue, &mut *scratch).is_err() {
                return;
            }
        }
    }

    /// Whether records may still have the prefix of a mode that has gone.
    fn is_leaving(&mut self) -> bool {
        let is_leaving = self.leaving_since.is_some_and(|since| since.elapsed() < UNDER_WAY);
        if !is_leaving {
            self.leaving_since = None;
        }
        is_leaving
    }
}

/// What a driver has agreed to about the packets that it receives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Format {
    /// The header in front of each packet.
    pub(crate) header: VnetHdrLen,
    /// Whether a packet may take several chains (`VIRTIO_NET_F_MRG_RXBUF`).
    pub(crate) is_mergeable: bool,
    /// Whether checksums may be left to the guest (`VIRTIO_NET_F_GUEST_CSUM`).
    pub(crate) csum: bool,
    /// Whether packets may be larger than the MTU, by their `gso_type` without ECN.
    pub(crate) tcpv4: bool,
    pub(crate) tcpv6: bool,
    pub(crate) udp: bool,
}

impl Format {
    fn allows(&self, gso_type: u8) -> bool {
        match gso_type & !VnetHdr::GSO_ECN {
            0 => true,
            VnetHdr::GSO_TCPV4 => self.tcpv4,
            VnetHdr::GSO_TCPV6 => self.tcpv6,
            VnetHdr::GSO_UDP_L4 => self.udp,
            _ => false,
        }
    }
}

/// The receive ring of a queue pair, while it runs.
pub(crate) struct Rx {
    ring: Ring,
    format: Format,
    counts: Arc<Counts>,
    /// Chains that were taken and wait for packets.
    posted: VecDeque<Posted>,
    /// What they mean, from part `first` on.
    segments: Segments,
    first: usize,
    /// Bytes of all posted chains.
    room: u64,
    /// How large packets have been of late, in bytes.
    usual: u64,
    /// How many packets since then were no more than half of that.
    smaller: u32,
    vector: Vector,
    spill: Box<[u8]>,
    pending: Option<Packet>,
}

/// A chain that waits for packets.
#[derive(Debug)]
struct Posted {
    head: u16,
    parts: usize,
    len: u64,
}

/// A packet that is not yet in the guest, or not all of it.
#[derive(Clone, Copy, Debug)]
struct Packet {
    header: VnetHdr,
    /// Bytes of its frame that are in the posted chains already, behind room for the header.
    placed: usize,
    /// Bytes of its frame behind these, which are at the start of the spill.
    spilt: usize,
}

/// How far a batch came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Progress {
    /// There may be more to do.
    More,
    /// Nothing is left to be done until the other side does something.
    Done,
}

impl Rx {
    pub(crate) fn new(ring: Ring, format: Format, counts: Arc<Counts>) -> Self {
        let segments = Segments::new(ring.memory().clone());
        Self {
            ring,
            format,
            counts,
            posted: VecDeque::new(),
            segments,
            first: 0,
            room: 0,
            usual: 0,
            smaller: 0,
            vector: Vector::new(),
            spill: vec![0; SoftwareSteering::BUFFER_LEN].into_boxed_slice(),
            pending: None,
        }
    }

    pub(crate) fn ring_mut(&mut self) -> &mut Ring {
        &mut self.ring
    }

    pub(crate) fn set_format(&mut self, format: Format) {
        self.format = format;
    }

    pub(crate) fn scratch(&mut self) -> &mut [u8] {
        &mut self.spill
    }

    /// Where the ring goes on when it is started again. Chains that wait are not used up.
    pub(crate) fn stop(mut self) -> u16 {
        self.ring.untake(self.posted.len() as u16);
        self.ring.base()
    }

    /// Move packets, `packets` at most, walking no more descriptors than the budget has.
    ///
    /// # Errors
    /// The driver has broken the ring.
    pub(crate) fn batch(
        &mut self,
        source: &mut Source,
        packets: usize,
        budget: &mut Budget,
    ) -> Result<Progress, RingError> {
        let progress = self.carry(source, packets, budget);
        self.ring.notify()?;
        progress
    }

    fn carry(
        &mut self,
        source: &mut Source,
        packets: usize,
        budget: &mut Budget,
    ) -> Result<Progress, RingError> {
        self.ring.kicks_off()?;
        for _ in 0..packets {
            if !budget.has_room() {
                return Ok(Progress::More);
            }
            let packet = match self.pending {
                Some(packet) => packet,
                None => {
                    self.post(self.header_len() as u64 + self.usual, budget)?;
                    if self.posted.is_empty() {
                        if self.has_to_wait()? {
                            return Ok(Progress::Done);
                        }
                        continue;
                    }
                    match self.read(source) {
                        Ok(Some(packet)) => packet,
                        Ok(None) => continue,
                        Err(error) if is_of_packet(&error) => {
                            self.counts.dropped();
                            continue;
                        }
                        // No packet waits; or the device is gone, and none will come.
                        Err(_) => return Ok(Progress::Done),
                    }
                }
            };
            self.pending = None;
            let needed = (self.header_len() + packet.placed + packet.spilt) as u64;
            self.post(needed, budget)?;
            if self.capacity() >= needed {
                self.finish(packet)?;
            } else if self.is_all_there_is() {
                self.counts.dropped();
            } else {
                self.pending = Some(packet);
                if self.has_to_wait()? {
                    return Ok(Progress::Done);
                }
            }
        }
        Ok(Progress::More)
    }

    fn header_len(&self) -> usize {
        self.format.header.len()
    }

    /// Have the driver kick when there is a chain. Returns whether there is none yet.
    fn has_to_wait(&mut self) -> Result<bool, RingError> {
        let is_there = self.ring.kicks_on()?;
        if is_there {
            self.ring.kicks_off()?;
        }
        Ok(!is_there)
    }

    /// Whether the driver cannot give more room for one packet.
    fn is_all_there_is(&self) -> bool {
        let (_, size) = self.ring.descriptors();
        let is_single = !self.format.is_mergeable && !self.posted.is_empty();
        is_single || self.is_crowded() || self.posted.len() >= usize::from(size)
    }

    /// Whether one more chain could have more parts than a system call takes.
    fn is_crowded(&self) -> bool {
        self.segments.parts() - self.first >= MAX_PARTS - MAX_CHAIN_PARTS - 2
    }

    /// How many bytes the next packet can have with its header.
    fn capacity(&self) -> u64 {
        match self.posted.front() {
            Some(posted) if !self.format.is_mergeable => posted.len,
            _ => self.room,
        }
    }

    /// Take chains until there is room for `len` bytes, or there are no more, or the budget is used up.
    /// Without mergeable buffers a packet has one chain, however long.
    fn post(&mut self, len: u64, budget: &mut Budget) -> Result<(), RingError> {
        while self.posted.is_empty() || self.format.is_mergeable && self.room < len {
            if self.is_crowded() || !budget.has_room() {
                return Ok(());
            }
            let Some(head) = self.ring.take()? else { return Ok(()) };
            let before = self.segments.parts();
            match chain::walk(&self.ring, head, Direction::ToDriver, &mut self.segments, budget) {
                Ok(len) if len >= self.header_len() as u64 => {
                    let parts = self.segments.parts() - before;
                    self.posted.push_back(Posted { head, parts, len });
                    self.room += len;
                }
                Ok(len) => {
                    self.segments.truncate(before);
                    self.refuse(head, ChainError::Short { len })?;
                }
                Err(error) => self.refuse(head, error)?,
            }
        }
        Ok(())
    }

    /// Give a chain back that is none.
    fn refuse(&mut self, head: u16, error: ChainError) -> Result<(), RingError> {
        self.counts.bad_chain();
        chain::note_refusal("for receiving", &error);
        self.ring.give_back(head, 0)?;
        self.ring.publish()
    }

    /// Read one packet, its frame as far as there is room into the posted chains; `None` if it is
    /// lost.
    fn read(&mut self, source: &mut Source) -> io::Result<Option<Packet>> {
        let packet = match (&source.steered, &source.report) {
            (Some(steered), _) => {
                let received = steered.recv(&mut self.spill)?;
                let mut header = received.header;
                if matches!(source.report, Report::Off) {
                    (header.hash_value, header.hash_report) = (0, 0);
                }
                Packet { header, placed: 0, spilt: received.len }
            }
            (None, Report::Reader(_)) => {
                let received = source.queue.recv(&mut self.spill)?;
                Packet { header: received.header, placed: 0, spilt: received.len }
            }
            (None, Report::Kernel) => self.read_straight(source, true)?,
            (None, Report::Off) => self.read_straight(source, false)?,
        };
        Ok(self.accept(packet))
    }

    /// Read a packet straight into the posted chains.
    fn read_straight(&mut self, source: &mut Source, is_prefixed: bool) -> io::Result<Packet> {
        let mut front = [0; VnetHdrLen::V1.len() + Prefix::LEN];
        let front_len = if is_prefixed { front.len() } else { VnetHdrLen::V1.len() };
        let (front, _) = front.split_at_mut(front_len);
        let last = self.last_part();
        let room = self.capacity() as usize - self.header_len();
        let read = self.vector.read(
            source.queue.as_fd(),
            front,
            &self.segments,
            (self.first, last),
            self.header_len(),
            &mut self.spill,
        )?;
        let short = || io::Error::new(io::ErrorKind::InvalidData, "record without a frame");
        let Some(mut header) = VnetHdr::decode(front, VnetHdrLen::V1) else { return Err(short()) };
        if read < VnetHdrLen::V1.len() {
            return Err(short());
        }
        let behind = read.saturating_sub(front_len);
        let placed = behind.min(room);
        let packet = Packet { header, placed, spilt: behind - placed };
        if is_prefixed {
            let (_, prefix) = front.split_at(VnetHdrLen::V1.len());
            let Some(found) = Prefix::decode(prefix) else {
                // It has come past the report program, or was made before that was there.
                let start = prefix.get(..read - VnetHdrLen::V1.len()).unwrap_or(prefix);
                return Ok(self.moved(packet, start, 0));
            };
            found.move_into(&mut header);
            return Ok(Packet { header, ..packet });
        }
        if source.is_leaving() {
            let mut start = [0; Prefix::LEN];
            self.segments.copy_out(self.first, self.header_len(), &mut start);
            if let Some(prefix) = Prefix::decode(&start).filter(|_| placed >= Prefix::LEN) {
                let mut packet = self.moved(packet, &[], Prefix::LEN);
                prefix.move_into(&mut packet.header);
                // Nobody wants it any more.
                (packet.header.hash_value, packet.header.hash_report) = (0, 0);
                return Ok(packet);
            }
        }
        Ok(packet)
    }

    /// The packet with `start` in front of its frame and without the frame's first `skip` bytes, all of
    /// it in the spill: it has to be moved, which is rare.
    fn moved(&mut self, packet: Packet, start: &[u8], skip: usize) -> Packet {
        let mut frame = start.to_vec();
        let mut placed = vec![0; packet.placed];
        self.segments.copy_out(self.first, self.header_len(), &mut placed);
        frame.extend_from_slice(placed.get(skip..).unwrap_or_default());
        frame.extend_from_slice(self.spill.get(..packet.spilt).unwrap_or_default());
        let spilt = frame.len().min(self.spill.len());
        self.spill[..spilt].copy_from_slice(&frame[..spilt]);
        let header = VnetHdr { num_buffers: 1, ..packet.header };
        Packet { header, placed: 0, spilt }
    }

    /// The packet as its header may be; `None` if the driver has not agreed to such packets.
    fn accept(&mut self, packet: Packet) -> Option<Packet> {
        let mut header = packet.header;
        if !self.format.allows(header.gso_type) || packet.spilt >= self.spill.len() {
            self.counts.dropped();
            return None;
        }
        if !self.format.csum {
            header.flags = 0;
        }
        Some(Packet { header, ..packet })
    }

    /// Give the packet to the driver. There is room for it.
    fn finish(&mut self, packet: Packet) -> Result<(), RingError> {
        let header_len = self.header_len();
        let len = packet.placed + packet.spilt;
        if packet.spilt > 0 {
            let spilt = self.spill.get(..packet.spilt).unwrap_or_default();
            self.segments.copy_in(self.first, header_len + packet.placed, spilt);
        }
        let mut left = (header_len + len) as u64;
        let mut buffers: u16 = 0;
        let mut parts = 0;
        while let Some(posted) = self.posted.front().filter(|_| left > 0) {
            let written = left.min(posted.len);
            // A chain is at most what a packet takes, or a packet fits: 32 bits.
            self.ring.give_back(posted.head, written as u32)?;
            left -= written;
            parts += posted.parts;
            self.room -= posted.len;
            buffers += 1;
            self.posted.pop_front();
        }
        let header = VnetHdr { num_buffers: buffers, ..packet.header }.encode();
        let header = header.get(..header_len).unwrap_or(&header);
        self.segments.copy_in(self.first, 0, header);
        self.ring.publish()?;
        self.forget(parts);
        self.counts.packet(len);
        self.learn(len as u64);
        Ok(())
    }

    fn forget(&mut self, parts: usize) {
        self.first += parts;
        if self.posted.is_empty() {
            self.segments.truncate(0);
            self.first = 0;
        } else if self.first >= MAX_PARTS {
            self.segments.remove_first(self.first);
            self.first = 0;
        }
    }

    /// Note how large packets are.
    fn learn(&mut self, len: u64) {
        if len > self.usual {
            (self.usual, self.smaller) = (len, 0);
        } else if len > self.usual / 2 {
            self.smaller = 0;
        } else {
            self.smaller += 1;
            if self.smaller >= FORGET {
                (self.usual, self.smaller) = (self.usual / 2, 0);
            }
        }
    }

    /// The end of the parts that the next packet may take.
    fn last_part(&self) -> usize {
        match self.posted.front() {
            Some(posted) if !self.format.is_mergeable => self.first + posted.parts,
            _ => self.segments.parts(),
        }
    }
}

impl fmt::Debug for Rx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rx").field("ring", &self.ring).finish_non_exhaustive()
    }
}

/// Whether the packet is at fault, and the next one may be read: a record that is too short, or memory
/// that the guest's frontend has taken away.
fn is_of_packet(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData || error.raw_os_error() == Some(libc::EFAULT)
}

/// How many packets that are smaller have half the size forgotten.
const FORGET: u32 = 64;

/// How long a frame can wait between the report program and the queue.
const UNDER_WAY: Duration = Duration::from_secs(1);

/// More than any queue of a device holds by default.
const MOST_WAITING: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;

    /// A driver that offers no buffers but chains of 30,000 descriptors without length.
    #[test]
    fn turn_of_refused_chains_is_bounded() {
        let ring = chain::tests::ring(0, &[(0, 0, 2); 30_000]);
        let (csum, tcpv4, tcpv6, udp) = (true, true, true, true);
        let header = VnetHdrLen::V1Hash;
        let format = Format { header, is_mergeable: true, csum, tcpv4, tcpv6, udp };
        let counts = Arc::new(Counts::default());
        let mut rx = Rx::new(ring, format, counts.clone());
        let mut turns = 0;
        while counts.read().bad_chains < 256 {
            let mut budget = Budget::new();
            // A batch asks for buffers so often.
            for _ in 0..2 * 64 {
                rx.post(2000, &mut budget).unwrap();
            }
            assert!((1..=4096).contains(&budget.walked()), "{}", budget.walked());
            turns += 1;
        }
        assert_eq!(turns, 256_u32.div_ceil(4096 / 514));
    }
}
