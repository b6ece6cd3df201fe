//! A split virtqueue, the device's side (virtio 1.4, "Split Virtqueues").
//!
//! Chains are given back by a packet: a driver that finds the first buffer of a mergeable packet expects
//! the others to be there, so elements are written one by one and made known together. That, and that a
//! driver which wants no notification gets none, is more than the crate virtio-queue does.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use vm_memory::{Address, Bytes, GuestAddress, VolatileSlice};

use crate::event::{Blocked, Call};
use crate::rate::RateLimited;
use crate::wire::{Area, Memory};

/// Where the parts of a ring are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Layout {
    /// How many descriptors: a power of two.
    pub(crate) size: u16,
    /// The descriptor table, aligned to 16 bytes.
    pub(crate) descriptors: GuestAddress,
    /// What the driver makes available, aligned to 2.
    pub(crate) available: GuestAddress,
    /// What the device gives back, aligned to 4.
    pub(crate) used: GuestAddress,
}

/// A ring in use. It belongs to one thread.
#[derive(Debug)]
pub(crate) struct Ring {
    memory: Arc<Memory>,
    size: u16,
    descriptors: Area,
    available: Area,
    used: Area,
    /// Whether notifications are asked for by index (`VIRTIO_F_EVENT_IDX`), not by flag.
    event_idx: bool,
    /// The next chain to take.
    next_available: u16,
    /// Up to where the driver is known to have made chains available.
    seen_available: u16,
    /// The next place to give a chain back.
    next_used: u16,
    /// Up to where chains have been given back when the driver was last notified, or need not be.
    notified: u16,
    /// Whether the driver has been told that it need not kick.
    kicks_off: bool,
    /// Where the driver is notified.
    call: Option<Call>,
}

impl Ring {
    /// A ring that goes on at the chain `base`.
    ///
    /// # Errors
    /// The layout is impossible or not in the guest's memory.
    pub(crate) fn new(
        memory: Arc<Memory>,
        layout: Layout,
        base: u16,
        event_idx: bool,
        call: Option<Call>,
    ) -> Result<Self, RingError> {
        let Layout { size, descriptors, available, used } = layout;
        if !size.is_power_of_two() {
            return Err(RingError::Size { size });
        }
        let entries = usize::from(size);
        let area = |part, address: GuestAddress, len, alignment| {
            let is_aligned = address.raw_value().is_multiple_of(alignment);
            let area = is_aligned.then(|| Area::new(&memory, address, len)).flatten();
            area.ok_or(RingError::Place { part, address: address.raw_value() })
        };
        let descriptors = area("descriptor table", descriptors, 16 * entries, 16)?;
        let available = area("available ring", available, 6 + 2 * entries, 2)?;
        let used = area("used ring", used, 6 + 8 * entries, 4)?;
        let mut ring = Self {
            memory,
            size,
            descriptors,
            available,
            used,
            event_idx,
            next_available: base,
            seen_available: base,
            next_used: 0,
            notified: 0,
            kicks_off: false,
            call,
        };
        ring.next_used = load(&ring.used, 2)?;
        ring.notified = ring.next_used;
        Ok(ring)
    }

    /// The guest's memory.
    pub(crate) fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    /// The descriptor table, and how many there are.
    #[inline]
    pub(crate) fn descriptors(&self) -> (VolatileSlice<'_>, u16) {
        (self.descriptors.bytes(), self.size)
    }

    /// Where to go on if the ring is stopped now: `GET_VRING_BASE`.
    pub(crate) fn base(&self) -> u16 {
        self.next_available
    }

    /// Notify the driver elsewhere, or nowhere.
    pub(crate) fn set_call(&mut self, call: Option<Call>) {
        self.call = call;
        self.remind();
    }

    /// Notify the driver of what was given back before, if anything was: when the ring starts, and when
    /// it is notified elsewhere. Whether it has been is not known: who served the ring until now may have
    /// been killed just before, and QEMU hears nothing on the descriptor that it gives first. Without, a
    /// driver that asks by index would wait for ever.
    pub(crate) fn remind(&mut self) {
        if self.next_used != 0 {
            self.signal();
        }
    }

    fn signal(&mut self) {
        if let Some(Err(Blocked)) = self.call.as_ref().map(Call::signal) {
            BLOCKED.warn(format_args!(
                "the frontend's event counter is full, and adding to it waits: the driver of a ring \
                 is not notified any more until the frontend gives another one"
            ));
            self.call = None;
        }
    }

    /// The head of the next chain, if there is one.
    ///
    /// # Errors
    /// The driver has broken the ring.
    #[inline]
    pub(crate) fn take(&mut self) -> Result<Option<u16>, RingError> {
        if self.seen_available == self.next_available && !self.look()? {
            return Ok(None);
        }
        let slot = self.next_available & (self.size - 1);
        let head = load(&self.available, 4 + 2 * usize::from(slot))?;
        self.next_available = self.next_available.wrapping_add(1);
        Ok(Some(head))
    }

    /// Give the last `count` chains back as if they had not been taken.
    pub(crate) fn untake(&mut self, count: u16) {
        self.next_available = self.next_available.wrapping_sub(count);
    }

    /// Look at what the driver has made available. Returns whether there is something.
    fn look(&mut self) -> Result<bool, RingError> {
        // What the driver wrote before its index is read after it.
        let index = self.available.bytes().load(2, Ordering::Acquire);
        let index = u16::from_le(index.map_err(|_| RingError::Gone)?);
        if index.wrapping_sub(self.next_available) > self.size {
            return Err(RingError::Index { index, base: self.next_available });
        }
        self.seen_available = index;
        Ok(index != self.next_available)
    }

    /// Give a chain back, `written` bytes of which are filled. The driver does not know until
    /// [`publish`](Self::publish).
    ///
    /// # Errors
    /// A field of the ring cannot be had.
    #[inline]
    pub(crate) fn give_back(&mut self, head: u16, written: u32) -> Result<(), RingError> {
        let slot = self.next_used & (self.size - 1);
        let element = u64::from(u32::from(head)) | u64::from(written) << 32;
        let place = 4 + 8 * usize::from(slot);
        let bytes = element.to_le_bytes();
        self.used.bytes().write_slice(&bytes, place).map_err(|_| RingError::Gone)?;
        self.next_used = self.next_used.wrapping_add(1);
        Ok(())
    }

    /// Let the driver know of all that was given back.
    ///
    /// # Errors
    /// A field of the ring cannot be had.
    #[inline]
    pub(crate) fn publish(&mut self) -> Result<(), RingError> {
        // The elements are written before the index.
        store(&self.used, 2, self.next_used, Ordering::Release)
    }

    /// Notify the driver if it wants to know of what was given back since it was last asked.
    ///
    /// # Errors
    /// A field of the ring cannot be had.
    pub(crate) fn notify(&mut self) -> Result<(), RingError> {
        let before = std::mem::replace(&mut self.notified, self.next_used);
        if before == self.next_used {
            return Ok(());
        }
        // The index is written before the driver's wish is read.
        fence(Ordering::SeqCst);
        let size = usize::from(self.size);
        let is_wanted = if self.event_idx {
            // vring_need_event of linux/virtio_ring.h.
            let event = load(&self.available, 4 + 2 * size)?;
            let new = self.next_used;
            new.wrapping_sub(event).wrapping_sub(1) < new.wrapping_sub(before)
        } else {
            load(&self.available, 0)? & NO_INTERRUPT == 0
        };
        if is_wanted {
            self.signal();
        }
        Ok(())
    }

    /// Have the driver kick when it makes a chain available. Returns whether there is one already,
    /// for which it may not have kicked.
    ///
    /// # Errors
    /// The driver has broken the ring.
    pub(crate) fn kicks_on(&mut self) -> Result<bool, RingError> {
        self.kicks_off = false;
        if self.event_idx {
            let place = 4 + 8 * usize::from(self.size);
            store(&self.used, place, self.next_available, Ordering::Relaxed)?;
        } else {
            store(&self.used, 0, 0, Ordering::Relaxed)?;
        }
        // The wish is written before the driver's index is read.
        fence(Ordering::SeqCst);
        self.look()
    }

    /// Tell the driver that it need not kick.
    ///
    /// # Errors
    /// A field of the ring cannot be had.
    pub(crate) fn kicks_off(&mut self) -> Result<(), RingError> {
        // By index it is not told: the index that it kicks at is left behind.
        if self.event_idx || std::mem::replace(&mut self.kicks_off, true) {
            return Ok(());
        }
        store(&self.used, 0, NO_NOTIFY, Ordering::Relaxed)
    }
}

#[inline]
fn load(area: &Area, offset: usize) -> Result<u16, RingError> {
    let value = area.bytes().load(offset, Ordering::Relaxed);
    value.map(u16::from_le).map_err(|_| RingError::Gone)
}

#[inline]
fn store(area: &Area, offset: usize, value: u16, order: Ordering) -> Result<(), RingError> {
    area.bytes().store(value.to_le(), offset, order).map_err(|_| RingError::Gone)
}

/// Why a ring cannot be used, or no longer. It is stopped then, until the driver starts anew.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RingError {
    /// The size is no power of two.
    Size { size: u16 },
    /// A part is not in the guest's memory, or not aligned.
    Place { part: &'static str, address: u64 },
    /// The driver claims to have made more available than there are descriptors.
    Index { index: u16, base: u16 },
    /// A field of it cannot be had.
    Gone,
}

impl fmt::Display for RingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { size } => write!(f, "its size {size} is no power of two"),
            Self::Place { part, address } => {
                write!(f, "its {part} at {address:#x} is not aligned, or not in the guest's memory")
            }
            Self::Index { index, base } => write!(
                f,
                "the driver's index {index} is further from {base} than there are descriptors"
            ),
            Self::Gone => write!(f, "a field of it cannot be had"),
        }
    }
}

/// What a frontend can cause.
static BLOCKED: RateLimited = RateLimited::new(5, Duration::from_secs(10));

/// In the flags of the available ring: `VRING_AVAIL_F_NO_INTERRUPT`.
const NO_INTERRUPT: u16 = 1;

/// In the flags of the used ring: `VRING_USED_F_NO_NOTIFY`.
const NO_NOTIFY: u16 = 1;

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

    use super::*;

    /// What was given back before this ring was made, or before its driver is notified on another
    /// descriptor, is notified of there. A ring that has given nothing back says nothing.
    #[test]
    fn driver_is_notified_of_what_it_may_not_have_heard_of() {
        let event = || eventfd(0, EventfdFlags::NONBLOCK).unwrap();
        let is_heard = |call: &OwnedFd| {
            poll(&mut [PollFd::new(call, PollFlags::IN)], Some(&Timespec::default())).unwrap() > 0
        };
        for used in [0u16, 7] {
            let memory = Memory::from_ranges(&[(GuestAddress(0), 4096)]).unwrap();
            let layout = Layout {
                size: 16,
                descriptors: GuestAddress(0),
                available: GuestAddress(1024),
                used: GuestAddress(2048),
            };
            memory.write_slice(&used.to_le_bytes(), GuestAddress(2050)).unwrap();
            let (first, second) = (event(), event());
            let call = |fd: &OwnedFd| Some(Call::new(fd.try_clone().unwrap()).unwrap());
            let mut ring = Ring::new(Arc::new(memory), layout, used, true, call(&first)).unwrap();
            ring.remind();
            assert_eq!(is_heard(&first), used != 0);
            ring.set_call(call(&second));
            assert_eq!(is_heard(&second), used != 0);
        }
    }
}
