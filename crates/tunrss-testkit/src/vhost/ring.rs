//! A split virtqueue, from the driver's side (virtio 1.4, "Split Virtqueues").

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use super::memory::Memory;

/// A split virtqueue.
///
/// Nothing is allocated once it is made.
#[derive(Debug)]
pub struct Ring {
    memory: Arc<Memory>,
    size: u16,
    descriptors: u64,
    avail: u64,
    used: u64,
    has_event_idx: bool,
    /// An indirect table for each descriptor, if chains are put in such.
    indirect: Option<u64>,
    /// Descriptors that are in no chain.
    free: Vec<u16>,
    /// The chain that each descriptor is the head of.
    chains: Vec<Chain>,
    next_avail: u16,
    next_used: u16,
    /// The index up to which the device was told.
    published: u16,
}

/// The descriptors of a chain.
#[derive(Clone, Debug, Default)]
struct Chain {
    descriptors: Vec<u16>,
    is_out: bool,
}

/// A piece of memory in a chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    /// Its guest-physical address.
    pub address: u64,
    /// Bytes.
    pub len: u32,
    /// Whether the device writes it.
    pub is_writable: bool,
}

/// A descriptor as it stands in a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Descriptor {
    /// A guest-physical address.
    pub address: u64,
    /// Bytes.
    pub len: u32,
    /// `VRING_DESC_F_*`
    pub flags: u16,
    /// The index of the next one.
    pub next: u16,
}

impl Descriptor {
    /// There is a next one.
    pub const NEXT: u16 = 1;
    /// The device writes it.
    pub const WRITE: u16 = 2;
    /// It is a table of descriptors.
    pub const INDIRECT: u16 = 4;

    /// Its bytes in a table.
    pub fn encode(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.address.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.len.to_le_bytes());
        bytes[12..14].copy_from_slice(&self.flags.to_le_bytes());
        bytes[14..].copy_from_slice(&self.next.to_le_bytes());
        bytes
    }
}

/// A chain that the device has given back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Used {
    /// The chain, by its first descriptor.
    pub head: u16,
    /// Bytes that the device says it has written.
    pub len: u32,
}

impl Ring {
    /// The most descriptors in a table of [`Ring::with_indirect`].
    pub const INDIRECT_LEN: u16 = 64;

    /// An empty ring of `size` descriptors. The device may be told any size; this one is what is there.
    pub fn new(memory: Arc<Memory>, size: u16, has_event_idx: bool) -> Self {
        let entries = u64::from(size);
        let descriptors = memory.allocate(16 * entries, 4096);
        let avail = memory.allocate(6 + 2 * entries, 2);
        let used = memory.allocate(6 + 8 * entries, 4096);
        memory.fill(descriptors, 16 * usize::from(size), 0);
        memory.fill(avail, 6 + 2 * usize::from(size), 0);
        memory.fill(used, 6 + 8 * usize::from(size), 0);
        Self {
            memory,
            size,
            descriptors,
            avail,
            used,
            has_event_idx,
            indirect: None,
            free: (0..size).rev().collect(),
            chains: vec![Chain::default(); size.into()],
            next_avail: 0,
            next_used: 0,
            published: 0,
        }
    }

    /// The same, with every chain in an indirect table.
    pub fn with_indirect(mut self) -> Self {
        let tables = u64::from(self.size) * u64::from(Self::INDIRECT_LEN);
        self.indirect = Some(self.memory.allocate(16 * tables, 16));
        self
    }

    /// The number of descriptors.
    pub fn size(&self) -> u16 {
        self.size
    }

    /// The guest-physical addresses of descriptor table, available ring and used ring.
    pub fn addresses(&self) -> [u64; 3] {
        [self.descriptors, self.avail, self.used]
    }

    /// How many descriptors are in no chain.
    pub fn free(&self) -> usize {
        self.free.len()
    }

    /// How many chains the device has.
    pub fn outstanding(&self) -> u16 {
        self.next_avail.wrapping_sub(self.next_used)
    }

    /// Put the parts into a chain, which the device gets at [`Ring::publish`]. `None` if there are not
    /// enough descriptors.
    pub fn add(&mut self, parts: &[Part]) -> Option<u16> {
        let head = if let Some(tables) = self.indirect {
            let head = self.free.pop()?;
            let table = tables + 16 * u64::from(head) * u64::from(Self::INDIRECT_LEN);
            self.write_chain(table, |place| place, parts);
            let len = 16 * parts.len() as u32;
            let pointer = Descriptor { address: table, len, flags: Descriptor::INDIRECT, next: 0 };
            self.set_descriptor(head, &pointer);
            self.chain(head).descriptors.clear();
            self.chain(head).descriptors.push(head);
            head
        } else {
            let from = self.free.len().checked_sub(parts.len())?;
            let head = *self.free.get(from)?;
            let mut descriptors = std::mem::take(&mut self.chain(head).descriptors);
            descriptors.clear();
            descriptors.extend(self.free.drain(from..));
            let table = self.descriptors;
            let index = |place: u16| descriptors.get(usize::from(place)).copied().unwrap_or(0);
            self.write_chain(table, index, parts);
            self.chain(head).descriptors = descriptors;
            head
        };
        self.chain(head).is_out = true;
        self.make_available(head);
        Some(head)
    }

    /// Write the parts as descriptors of a table; `index` says where the n-th goes.
    fn write_chain(&self, table: u64, index: impl Fn(u16) -> u16, parts: &[Part]) {
        for (place, part) in (0..).zip(parts) {
            let is_last = usize::from(place) + 1 == parts.len();
            let write = if part.is_writable { Descriptor::WRITE } else { 0 };
            let (flags, next) =
                if is_last { (write, 0) } else { (write | Descriptor::NEXT, index(place + 1)) };
            let descriptor = Descriptor { address: part.address, len: part.len, flags, next };
            let address = table + 16 * u64::from(index(place));
            self.memory.write(address, &descriptor.encode());
        }
    }

    /// Write a descriptor of the ring's table, whatever it says.
    pub fn set_descriptor(&self, index: u16, descriptor: &Descriptor) {
        self.memory.write(self.descriptors + 16 * u64::from(index), &descriptor.encode());
    }

    /// Put any number into the next entry of the available ring.
    pub fn make_available(&mut self, head: u16) {
        let place = u64::from(self.next_avail % self.size);
        self.memory.store(self.avail + 4 + 2 * place, head);
        self.next_avail = self.next_avail.wrapping_add(1);
    }

    /// Let the device see the chains that were added; whether it wants to be told.
    #[must_use]
    pub fn publish(&mut self) -> bool {
        let (old, new) = (self.published, self.next_avail);
        self.memory.store(self.avail + 2, new);
        self.published = new;
        // The index is seen before it is read whether that is to be told (virtio 1.4, "Available Buffer
        // Notification Suppression").
        fence(Ordering::SeqCst);
        if self.has_event_idx {
            let event: u16 = self.memory.load(self.used + 4 + 8 * u64::from(self.size));
            new.wrapping_sub(event).wrapping_sub(1) < new.wrapping_sub(old)
        } else {
            self.memory.load::<u16>(self.used) & NO_NOTIFY == 0 && new != old
        }
    }

    /// Tell the device any index of the available ring.
    pub fn set_avail_index(&mut self, index: u16) {
        self.memory.store(self.avail + 2, index);
        (self.next_avail, self.published) = (index, index);
    }

    /// The next chain that the device has given back.
    ///
    /// # Panics
    /// If it gives back what it has not, or more than it has.
    #[inline]
    pub fn pop(&mut self) -> Option<Used> {
        let index: u16 = self.memory.load(self.used + 2);
        if index == self.next_used {
            return None;
        }
        let ready = index.wrapping_sub(self.next_used);
        assert!(ready <= self.outstanding(), "{ready} chains back of {}", self.outstanding());
        let used = self.used_entry(self.next_used);
        self.next_used = self.next_used.wrapping_add(1);
        let chain = self.chains.get_mut(usize::from(used.head));
        let chain = chain.unwrap_or_else(|| panic!("the device gives back {used:?}"));
        assert!(chain.is_out, "the device gives back {used:?}, which it has not");
        chain.is_out = false;
        self.free.extend(chain.descriptors.drain(..).rev());
        Some(used)
    }

    /// The same without any check or bookkeeping, for what was made with [`Ring::make_available`].
    pub fn pop_any(&mut self) -> Option<Used> {
        let index: u16 = self.memory.load(self.used + 2);
        if index == self.next_used {
            return None;
        }
        let used = self.used_entry(self.next_used);
        self.next_used = self.next_used.wrapping_add(1);
        Some(used)
    }

    fn used_entry(&self, index: u16) -> Used {
        let entry = self.used + 4 + 8 * u64::from(index % self.size);
        let head: u32 = self.memory.load(entry);
        let len = self.memory.load(entry + 4);
        let head = u16::try_from(head).unwrap_or_else(|_| panic!("the device gives back {head}"));
        Used { head, len }
    }

    /// The index of the used ring: chains that the device has ever given back, modulo 65,536.
    pub fn used_index(&self) -> u16 {
        self.memory.load(self.used + 2)
    }

    /// Whether some chain is back.
    pub fn has_used(&self) -> bool {
        self.used_index() != self.next_used
    }

    /// Ask to be told of the next chain; whether there is one already.
    pub fn enable_calls(&self) -> bool {
        if self.has_event_idx {
            self.memory.store(self.avail + 4 + 2 * u64::from(self.size), self.next_used);
        } else {
            self.memory.store(self.avail, 0_u16);
        }
        fence(Ordering::SeqCst);
        self.has_used()
    }

    /// Ask not to be told.
    pub fn disable_calls(&self) {
        if self.has_event_idx {
            // It is told when it passes this index, which is the last to come.
            let far = self.next_used.wrapping_sub(1);
            self.memory.store(self.avail + 4 + 2 * u64::from(self.size), far);
        } else {
            self.memory.store(self.avail, NO_INTERRUPT);
        }
    }

    fn chain(&mut self, head: u16) -> &mut Chain {
        self.chains.get_mut(usize::from(head)).expect("a head is below the ring's size")
    }
}

/// In the used ring's flags: the device need not be told.
const NO_NOTIFY: u16 = 1;

/// In the available ring's flags: the driver need not be told.
const NO_INTERRUPT: u16 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(has_event_idx: bool) -> Ring {
        Ring::new(Arc::new(Memory::new(1 << 20).unwrap()), 4, has_event_idx)
    }

    const PART: Part = Part { address: Memory::BASE, len: 7, is_writable: true };

    /// Give the chain back, as a device does.
    fn give_back(ring: &Ring, head: u16) {
        let index = ring.used_index();
        let entry = ring.used + 4 + 8 * u64::from(index % ring.size);
        ring.memory.store(entry, u32::from(head));
        ring.memory.store(entry + 4, 5_u32);
        ring.memory.store(ring.used + 2, index.wrapping_add(1));
    }

    #[test]
    fn descriptors_come_back_and_are_used_again() {
        for mut ring in [ring(false), ring(false).with_indirect()] {
            for _ in 0..100_000 {
                let head = ring.add(&[PART, PART, PART]).unwrap();
                assert!(ring.publish());
                give_back(&ring, head);
                assert_eq!(ring.pop(), Some(Used { head, len: 5 }));
                assert_eq!((ring.pop(), ring.free(), ring.outstanding()), (None, 4, 0));
            }
        }
    }

    #[test]
    fn no_more_chains_than_descriptors() {
        let mut ring = ring(false);
        assert!(ring.add(&[PART; 5]).is_none());
        ring.add(&[PART; 3]).unwrap();
        assert!(ring.add(&[PART; 2]).is_none());
        ring.add(&[PART]).unwrap();
        assert_eq!((ring.free(), ring.outstanding()), (0, 2));
    }

    #[test]
    fn device_is_told_when_it_wants() {
        let mut plain = ring(false);
        plain.add(&[PART]).unwrap();
        assert!(plain.publish());
        assert!(!plain.publish());
        plain.memory.store(plain.used, NO_NOTIFY);
        plain.add(&[PART]).unwrap();
        assert!(!plain.publish());

        let mut ring = ring(true);
        let event = ring.used + 4 + 8 * 4;
        ring.memory.store(event, 1_u16);
        ring.add(&[PART]).unwrap();
        assert!(!ring.publish());
        ring.add(&[PART]).unwrap();
        assert!(ring.publish());
    }

    #[test]
    #[should_panic(expected = "which it has not")]
    fn chain_that_is_given_back_twice_is_found() {
        let mut ring = ring(false);
        let head = ring.add(&[PART]).unwrap();
        ring.add(&[PART]).unwrap();
        give_back(&ring, head);
        give_back(&ring, head);
        ring.pop();
        ring.pop();
    }
}
