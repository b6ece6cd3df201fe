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

/// Add what the chain at `head` means to `segments`, all of it in one direction. Returns how many bytes
/// they are.
///
/// # Errors
/// The chain is none; nothing is added then.
#[inline]
pub(crate) fn walk(
    ring: &Ring,
    head: u16,
    direction: Direction,
    segments: &mut Segments,
) -> Result<u64, ChainError> {
    let before = segments.parts();
    let mut len = 0;
    let walked = each(ring, head, |part| {
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

/// Add what the driver has written to `readable`, and what it has room for to `writable`.
///
/// # Errors
/// The chain is none.
pub(crate) fn walk_both(
    ring: &Ring,
    head: u16,
    readable: &mut Segments,
    writable: &mut Segments,
) -> Result<(), ChainError> {
    readable.truncate(0);
    writable.truncate(0);
    each(ring, head, |part| {
        let segments = match part.direction {
            Direction::FromDriver => &mut *readable,
            Direction::ToDriver => &mut *writable,
        };
        segments.push(part.address, part.len).map_err(ChainError::Outside)
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
    mut take: impl FnMut(Part) -> Result<(), ChainError>,
) -> Result<(), ChainError> {
    let (mut table, size) = ring.descriptors();
    let mut size = u32::from(size);
    let mut index = u32::from(head);
    let mut is_indirect = false;
    // A chain has at most as many descriptors as there are in its table, or it is a loop.
    let mut left = size;
    loop {
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
            Self::Parts => write!(f, "more than {MAX_CHAIN_PARTS} buffers"),
            Self::NoRoom => write!(f, "no room for an acknowledgement"),
            Self::Short { len } => write!(f, "only {len} bytes"),
        }
    }
}

/// The most parts of memory that a packet's chain may mean: few enough for one system call. Drivers use
/// some twenty at most (Linux MAX_SKB_FRAGS).
pub(crate) const MAX_CHAIN_PARTS: usize = MAX_PARTS / 2;

const DESCRIPTOR_LEN: u32 = 16;

/// The most descriptors of an indirect table: as many as the largest ring has.
const MAX_INDIRECT: u32 = 32_768;

/// Flags of a descriptor: `VIRTQ_DESC_F_*`.
const NEXT: u16 = 1;
const WRITE: u16 = 2;
const INDIRECT: u16 = 4;
