//! Descriptor chains: from the head that a driver makes available to the memory that it means.

use std::fmt;
use std::time::Duration;

use log::Level;
use vm_memory::{Address, Bytes, GuestAddress, GuestMemoryBackend, VolatileSlice};

use crate::rate::RateLimited;
use crate::ring::Ring;
use crate::wire::{MAX_PARTS, OutsideMemory, Segments};

/// Which way the bytes of a chain go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    /// The device reads them.
    FromDriver,
    /// The device writes them.
    ToDriver,
}

/// How many descriptors may still be walked in a turn, in which others wait. A driver decides how many
/// chains there are, and how long each is.
#[derive(Debug)]
pub(crate) struct Budget {
    left: u32,
}

impl Budget {
    /// The most descriptors of a turn. Sixty packets of 64 KiB in buffers of a page take a quarter.
    pub(crate) const DESCRIPTORS: u32 = 4096;

    pub(crate) fn new() -> Self {
        Self { left: Self::DESCRIPTORS }
    }

    /// Whether one more chain can be walked, however long it is.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.left >= MAX_CHAIN_DESCRIPTORS
    }

    /// How many descriptors have been walked.
    #[cfg(test)]
    pub(crate) fn walked(&self) -> u32 {
        Self::DESCRIPTORS - self.left
    }
}

/// Add what the chain at `head` means to `segments`, all of it in one direction. Returns how many bytes
/// they are.
///
/// # Errors
/// The chain is malformed; nothing is added then.
#[inline]
pub(crate) fn walk(
    ring: &Ring,
    head: u16,
    direction: Direction,
    segments: &mut Segments,
    budget: &mut Budget,
) -> Result<u64, ChainError> {
    let before = segments.parts();
    let mut len = 0;
    let walked = each(ring, head, budget, |part| {
        if part.direction != direction {
            return Err(ChainError::Direction);
        }
        len += u64::from(part.len);
        segments.push(part.address, part.len).map_err(ChainError::Outside)?;
        if segments.parts() - before > MAX_CHAIN_PARTS { Err(ChainError::Parts) } else { Ok(()) }
    });
    walked.inspect_err(|_| segments.truncate(before))?;
    Ok(len)
}

/// Put the first `most` bytes that the driver has written into `readable`, and the first room that it
/// has for an answer into `writable`.
///
/// # Errors
/// The chain is malformed.
pub(crate) fn walk_both(
    ring: &Ring,
    head: u16,
    most: usize,
    readable: &mut Segments,
    writable: &mut Segments,
    budget: &mut Budget,
) -> Result<(), ChainError> {
    readable.truncate(0);
    writable.truncate(0);
    let mut left = u32::try_from(most).unwrap_or(u32::MAX);
    each(ring, head, budget, |part| {
        let (segments, len) = match part.direction {
            Direction::FromDriver => {
                let len = part.len.min(left);
                left -= len;
                (&mut *readable, len)
            }
            Direction::ToDriver if writable.parts() > 0 => return Ok(()),
            // An answer has one byte.
            Direction::ToDriver => (&mut *writable, part.len.min(1)),
        };
        segments.push(part.address, len).map_err(ChainError::Outside)?;
        if segments.parts() > MAX_CHAIN_PARTS { Err(ChainError::Parts) } else { Ok(()) }
    })
}

/// A descriptor's buffer.
struct Part {
    address: GuestAddress,
    len: u32,
    direction: Direction,
}

/// Go through a chain: in the ring's table, or in one that a descriptor of it refers to.
#[inline]
fn each(
    ring: &Ring,
    head: u16,
    budget: &mut Budget,
    mut take: impl FnMut(Part) -> Result<(), ChainError>,
) -> Result<(), ChainError> {
    let mut walked = 0;
    let (mut table, size) = ring.descriptors();
    let mut size = u32::from(size);
    let mut index = u32::from(head);
    let mut is_indirect = false;
    // A chain has at most as many descriptors as there are in its table, or it is a loop.
    let mut left = size;
    loop {
        // A head that is wrong counts as a descriptor: it takes as long.
        walked += 1;
        budget.left = budget.left.saturating_sub(1);
        if walked > MAX_CHAIN_DESCRIPTORS {
            return Err(ChainError::Long);
        }
        if index >= size {
            return Err(ChainError::Index { index, size });
        }
        left = left.checked_sub(1).ok_or(ChainError::Loop)?;
        let descriptor = Descriptor::read(&table, index)?;
        if descriptor.flags & INDIRECT != 0 {
            if is_indirect || descriptor.flags & NEXT != 0 {
                return Err(ChainError::Indirect);
            }
            let Descriptor { address, len, .. } = descriptor;
            size = len / DESCRIPTOR_LEN;
            if size == 0 || !len.is_multiple_of(DESCRIPTOR_LEN) || size > MAX_INDIRECT {
                return Err(ChainError::Table { len });
            }
            let outside = ChainError::TableOutside { address: address.raw_value() };
            let found = GuestMemoryBackend::get_slice(&**ring.memory(), address, len as usize);
            table = found.map_err(|_| outside)?;
            (index, is_indirect, left) = (0, true, size);
            continue;
        }
        let direction = match descriptor.flags & WRITE {
            0 => Direction::FromDriver,
            _ => Direction::ToDriver,
        };
        take(Part { address: descriptor.address, len: descriptor.len, direction })?;
        if descriptor.flags & NEXT == 0 {
            return Ok(());
        }
        index = u32::from(descriptor.next);
    }
}

/// Note that a chain is given back without use. A guest can cause it as often as it likes.
pub(crate) fn note_refusal(what: &str, error: &ChainError) {
    REFUSED.log(Level::Debug, format_args!("a chain {what} is given back unused: {error}"));
}

static REFUSED: RateLimited = RateLimited::new(10, Duration::from_secs(10));

/// `struct virtq_desc`: 16 bytes, little-endian.
struct Descriptor {
    address: GuestAddress,
    len: u32,
    flags: u16,
    next: u16,
}

impl Descriptor {
    /// Read the `index`th of a table, which has it, once.
    #[inline]
    fn read(table: &VolatileSlice<'_>, index: u32) -> Result<Self, ChainError> {
        let place = index as usize * DESCRIPTOR_LEN as usize;
        let bytes: [u64; 2] =
            table.read_obj(place).map_err(|_| ChainError::Index { index, size: index })?;
        let [address, rest] = bytes.map(u64::from_le);
        Ok(Self {
            address: GuestAddress(address),
            len: rest as u32,
            flags: (rest >> 32) as u16,
            next: (rest >> 48) as u16,
        })
    }
}

/// Why a chain is none. It is given back without use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ChainError {
    /// A descriptor that the table does not have.
    Index { index: u32, size: u32 },
    /// More descriptors than the table has.
    Loop,
    /// An indirect table in one, or with another descriptor behind it.
    Indirect,
    /// An indirect table of an impossible length, in bytes.
    Table { len: u32 },
    /// An indirect table that is not in the guest's memory.
    TableOutside { address: u64 },
    /// A buffer that is not in the guest's memory.
    Outside(OutsideMemory),
    /// A buffer for reading among those for writing, or the other way round.
    Direction,
    /// More descriptors than [`MAX_CHAIN_DESCRIPTORS`].
    Long,
    /// More than [`MAX_CHAIN_PARTS`].
    Parts,
    /// No room for an acknowledgement.
    NoRoom,
    /// Less than a header, or than a header and the shortest frame.
    Short { len: u64 },
}

impl fmt::Display for ChainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index { index, size } => {
                write!(f, "descriptor {index} in a table of {size}")
            }
            Self::Loop => write!(f, "more descriptors than the table has"),
            Self::Indirect => write!(f, "an indirect table that is not alone"),
            Self::Table { len } => write!(f, "an indirect table of {len} bytes"),
            Self::TableOutside { address } => {
                write!(f, "an indirect table at {address:#x}, outside the guest's memory")
            }
            Self::Outside(outside) => outside.fmt(f),
            Self::Direction => write!(f, "a buffer of the wrong direction"),
            Self::Long => write!(f, "more than {MAX_CHAIN_DESCRIPTORS} descriptors"),
            Self::Parts => write!(f, "more than {MAX_CHAIN_PARTS} parts of memory"),
            Self::NoRoom => write!(f, "no room for an acknowledgement"),
            Self::Short { len } => write!(f, "only {len} bytes"),
        }
    }
}

/// The most parts of memory that a chain may mean: few enough for one system call. Drivers use some
/// twenty at most (Linux MAX_SKB_FRAGS).
pub(crate) const MAX_CHAIN_PARTS: usize = MAX_PARTS / 2;

/// The most descriptors of a chain, with the one that refers to a table: as many as parts, for one that
/// means no memory takes its time, too.
const MAX_CHAIN_DESCRIPTORS: u32 = MAX_CHAIN_PARTS as u32 + 1;

const DESCRIPTOR_LEN: u32 = 16;

/// The most descriptors of an indirect table: as many as the largest ring has.
const MAX_INDIRECT: u32 = 32_768;

/// Flags of a descriptor: `VIRTQ_DESC_F_*`.
const NEXT: u16 = 1;
const WRITE: u16 = 2;
const INDIRECT: u16 = 4;

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use vm_memory::{Bytes, GuestMemoryMmap};

    use super::*;
    use crate::ring::Layout;
    use crate::wire::Memory;

    /// A ring of which every descriptor is available, and each is the first: an indirect table of these
    /// descriptors. The memory is a large region and so many more of a page, all adjacent.
    pub(crate) fn ring(pages: u64, table: &[(u64, u32, u16)]) -> Ring {
        let small = (0..pages).map(|page| (GuestAddress(LARGE + page * PAGE), PAGE as usize));
        let ranges: Vec<_> = [(GuestAddress(0), LARGE as usize)].into_iter().chain(small).collect();
        let memory: Memory = GuestMemoryMmap::from_ranges(&ranges).unwrap();
        let descriptor = |(address, len, flags): (u64, u32, u16), next: usize| {
            let rest = u64::from(len) | u64::from(flags) << 32 | (next as u64) << 48;
            [address.to_le_bytes(), rest.to_le_bytes()].concat()
        };
        let head = (TABLE, DESCRIPTOR_LEN * table.len() as u32, INDIRECT);
        memory.write_slice(&descriptor(head, 0), GuestAddress(0)).unwrap();
        for (place, &(address, len, flags)) in table.iter().enumerate() {
            let next = if place + 1 < table.len() { NEXT } else { 0 };
            let bytes = descriptor((address, len, flags | next), place + 1);
            memory.write_slice(&bytes, GuestAddress(TABLE + 16 * place as u64)).unwrap();
        }
        let (descriptors, available) = (GuestAddress(0), GuestAddress(2 * PAGE));
        let layout = Layout { size: 256, descriptors, available, used: GuestAddress(3 * PAGE) };
        memory.write_obj(256_u16, GuestAddress(2 * PAGE + 2)).unwrap();
        Ring::new(Arc::new(memory), layout, 0, false, None).unwrap()
    }

    fn both(ring: &Ring, most: usize) -> (Result<(), ChainError>, usize, Vec<u8>, u32) {
        let segments = || Segments::new(ring.memory().clone());
        let (mut readable, mut writable) = (segments(), segments());
        let mut budget = Budget::new();
        let walked = walk_both(ring, 0, most, &mut readable, &mut writable, &mut budget);
        let mut bytes = vec![0; 100_000];
        let len = readable.copy_out(0, 0, &mut bytes);
        bytes.truncate(len);
        (walked, readable.parts() + writable.parts(), bytes, budget.walked())
    }

    #[test]
    fn command_is_read_up_to_its_limit_and_its_answer_found_behind() {
        let ring = ring(0, &[(0, 10, 0), (0, 5000, 0), (0, 5000, 0), (0, 1, WRITE)]);
        let (walked, parts, bytes, count) = both(&ring, 30);
        assert_eq!((walked, parts, bytes.len(), count), (Ok(()), 3, 30, 5));
    }

    /// A driver can refer to millions of parts of memory by one descriptor of a ring.
    #[test]
    fn command_in_millions_of_parts_is_refused_early() {
        let pages = 508;
        let ring = ring(pages, &[(LARGE, (pages * PAGE) as u32, 0); 4096]);
        let (walked, parts, _, count) = both(&ring, usize::MAX);
        assert_eq!(walked, Err(ChainError::Parts));
        assert!(parts <= 2 * pages as usize, "{parts}");
        assert!(count < 10, "{count}");
        // Each has no length.
        let ring = self::ring(0, &[(0, 0, 0); 30_000]);
        let (walked, parts, _, count) = both(&ring, usize::MAX);
        assert_eq!((walked, parts), (Err(ChainError::Long), 0));
        assert_eq!(count, MAX_CHAIN_DESCRIPTORS + 1);
    }

    const PAGE: u64 = 4096;
    const TABLE: u64 = 4 * PAGE;
    const LARGE: u64 = 1 << 20;
}
