//! Transmit: from the guest's buffers to the device.
//!
//! The header is copied once and passed on as the device has it, 12 bytes: of the longer one with a hash
//! only the device-to-driver direction makes sense. The frame is read by the kernel where it is.

use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use tunrss::hash::{VnetHdr, VnetHdrLen};

use crate::chain::{self, Budget, ChainError, Direction};
use crate::counts::Counts;
use crate::ring::{Ring, RingError};
use crate::rx::Progress;
use crate::wire::{Segments, Vector};

/// The transmit ring of a queue pair, while it runs.
pub(crate) struct Tx {
    ring: Ring,
    header: VnetHdrLen,
    counts: Arc<Counts>,
    segments: Segments,
    vector: Vector,
}

impl Tx {
    /// `header` is the one that the driver puts in front of packets.
    pub(crate) fn new(ring: Ring, header: VnetHdrLen, counts: Arc<Counts>) -> Self {
        let segments = Segments::new(ring.memory().clone());
        Self { ring, header, counts, segments, vector: Vector::new() }
    }

    pub(crate) fn ring_mut(&mut self) -> &mut Ring {
        &mut self.ring
    }

    /// Where the ring goes on when it is started again.
    pub(crate) fn stop(self) -> u16 {
        self.ring.base()
    }

    /// Move packets, `packets` at most, walking no more descriptors than the budget has.
    ///
    /// # Errors
    /// The driver has broken the ring.
    pub(crate) fn batch(
        &mut self,
        device: BorrowedFd<'_>,
        packets: usize,
        budget: &mut Budget,
    ) -> Result<Progress, RingError> {
        let progress = self.carry(device, packets, budget);
        self.ring.notify()?;
        progress
    }

    fn carry(
        &mut self,
        device: BorrowedFd<'_>,
        packets: usize,
        budget: &mut Budget,
    ) -> Result<Progress, RingError> {
        self.ring.kicks_off()?;
        for _ in 0..packets {
            if !budget.has_room() {
                return Ok(Progress::More);
            }
            let Some(head) = self.ring.take()? else {
                if self.ring.kicks_on()? {
                    self.ring.kicks_off()?;
                    continue;
                }
                return Ok(Progress::Done);
            };
            match self.send(head, device, budget) {
                Ok(Ok(len)) => self.counts.packet(len),
                Ok(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    // The device says when it has room.
                    self.ring.untake(1);
                    return Ok(Progress::Done);
                }
                // The device is down, or the packet makes no sense. A card would say nothing either.
                Ok(Err(_)) => self.counts.dropped(),
                Err(error) => {
                    self.counts.bad_chain();
                    chain::note_refusal("for transmitting", &error);
                }
            }
            self.ring.give_back(head, 0)?;
            self.ring.publish()?;
        }
        Ok(Progress::More)
    }

    /// Send what the chain at `head` means. Returns the bytes of the frame, or what the device says.
    fn send(
        &mut self,
        head: u16,
        device: BorrowedFd<'_>,
        budget: &mut Budget,
    ) -> Result<io::Result<usize>, ChainError> {
        self.segments.truncate(0);
        let segments = &mut self.segments;
        let len = chain::walk(&self.ring, head, Direction::FromDriver, segments, budget)?;
        let header_len = self.header.len();
        if len < (header_len + ETHERNET_HEADER_LEN) as u64 {
            return Err(ChainError::Short { len });
        }
        let mut header = [0; VnetHdrLen::V1Hash.len()];
        let (header, _) = header.split_at_mut(header_len);
        self.segments.copy_out(0, 0, header);
        let Some(header) = VnetHdr::decode(header, VnetHdrLen::V1) else {
            return Err(ChainError::Short { len });
        };
        // What only a device says is left out.
        let flags = header.flags & VnetHdr::NEEDS_CSUM;
        let header = VnetHdr { flags, num_buffers: 0, ..header }.encode();
        let front = header.get(..VnetHdrLen::V1.len()).unwrap_or(&header);
        let parts = (0, self.segments.parts());
        let written = self.vector.write(device, front, &self.segments, parts, header_len);
        Ok(written.map(|written| written.saturating_sub(front.len())))
    }
}

impl fmt::Debug for Tx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").field("ring", &self.ring).finish_non_exhaustive()
    }
}

const ETHERNET_HEADER_LEN: usize = 14;

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsFd;

    use super::*;

    /// A driver that sends chains of 30,000 descriptors without length, or of the other direction behind
    /// many that are in order.
    #[test]
    fn turn_of_refused_chains_is_bounded() {
        let null = File::options().write(true).open("/dev/null").unwrap();
        let mut wrong = vec![(0, 1, 0); 500];
        wrong.push((0, 1, 2));
        for table in [vec![(0, 0, 0); 30_000], wrong] {
            let counts = Arc::new(Counts::default());
            let ring = chain::tests::ring(0, &table);
            let mut tx = Tx::new(ring, VnetHdrLen::V1, counts.clone());
            let mut turns = 0;
            while counts.read().bad_chains < 256 {
                let mut budget = Budget::new();
                tx.batch(null.as_fd(), 64, &mut budget).unwrap();
                assert!((1..=4096).contains(&budget.walked()), "{}", budget.walked());
                turns += 1;
            }
            assert!((32..=40).contains(&turns), "{turns}");
        }
    }
}
