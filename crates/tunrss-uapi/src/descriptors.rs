//! Which descriptors of this process are of devices.
//!
//! One entry for each number, in pieces that are there once a device has a number in them: so all other
//! descriptors cost a load or two, and a comparison, to be told.

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::{Error, Result};
use crate::sys::mapped::{Fork, Mapped};
use crate::sys::shared;

/// What a descriptor is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Entry {
    /// Of `/dev/net/tun` or a macvtap, attached to a device not known, or to none.
    Unattached,
    /// Of the device in this slot. On a macvtap, where the size of the virtio-net header is the
    /// descriptor's own, that size; else 0.
    Attached { slot: u16, vnet_hdr_len: u16 },
}

/// Whether a descriptor is not known to be of a device: what nearly all of a program's are.
#[inline(always)]
pub fn is_other(fd: RawFd) -> bool {
    place(fd).is_none_or(|place| place.load(Ordering::Relaxed) == OTHER)
}

/// What is known of a descriptor.
pub(crate) fn get(fd: RawFd) -> Option<Entry> {
    match place(fd)?.load(Ordering::Relaxed) {
        OTHER => None,
        UNATTACHED => Some(Entry::Unattached),
        bits => Some(Entry::Attached {
            slot: (bits as u16).wrapping_sub(FIRST_SLOT),
            vnet_hdr_len: (bits >> 16) as u16,
        }),
    }
}

/// Note what a descriptor is.
///
/// # Errors
/// [`Error::NoMemory`]: it is not known then.
pub(crate) fn set(fd: RawFd, entry: Option<Entry>) -> Result<()> {
    let bits = match entry {
        None => OTHER,
        Some(Entry::Unattached) => UNATTACHED,
        Some(Entry::Attached { slot, vnet_hdr_len }) => {
            u32::from(vnet_hdr_len) << 16 | u32::from(slot + FIRST_SLOT)
        }
    };
    let place = match place(fd) {
        Some(place) => place,
        None if bits == OTHER => return Ok(()),
        None => {
            // Those beyond are not known.
            let Some(piece) = TABLE.get(fd as usize / PIECE) else { return Ok(()) };
            let piece = piece.get_or_map(Fork::Copies).map_err(|_| Error::NoMemory)?;
            let Some(place) = piece.get(fd as usize % PIECE) else { return Ok(()) };
            place
        }
    };
    // Not in the memory of a parent that waits for this process to execute something.
    if place.load(Ordering::Relaxed) != bits && shared::is_own_memory() {
        place.store(bits, Ordering::Relaxed);
        HIGHEST.fetch_max(fd as u32, Ordering::Relaxed);
    }
    Ok(())
}

/// A number is not a device's any more, or never was.
pub(crate) fn forget(fd: RawFd) {
    // It takes no memory.
    let _: Result<()> = set(fd, None);
}

/// The descriptor is being closed.
#[inline(always)]
pub fn closed(fd: RawFd) {
    if !is_other(fd) {
        forget(fd);
    }
}

/// Descriptors from `first` to `last` are being closed.
pub fn closed_all(first: u32, last: u32) {
    let last = last.min(HIGHEST.load(Ordering::Relaxed));
    for fd in first..=last {
        closed(fd as RawFd);
    }
}

/// `new` has become a copy of `old`, whatever it was. Without memory it is not known to be one.
#[inline(always)]
pub fn copied(old: RawFd, new: RawFd) {
    if !(is_other(old) && is_other(new)) && set(new, get(old)).is_err() {
        forget(new);
    }
}

/// All that are of a device in this slot.
pub(crate) fn of_slot(slot: u16) -> impl Iterator<Item = RawFd> {
    let highest = HIGHEST.load(Ordering::Relaxed) as RawFd;
    (0..=highest)
        .filter(move |&fd| matches!(get(fd), Some(Entry::Attached { slot: at, .. }) if at == slot))
}

const OTHER: u32 = 0;
const UNATTACHED: u32 = 1;
/// Slots count from here on.
const FIRST_SLOT: u16 = 2;

/// Where the entry of a number is, if its piece is there.
#[inline(always)]
fn place(fd: RawFd) -> Option<&'static AtomicU32> {
    // A negative one is beyond the table.
    TABLE.get(fd as usize / PIECE)?.get()?.get(fd as usize % PIECE)
}

/// Entries of a piece: a page of them.
const PIECE: usize = 1024;

/// As many as there are numbers, unless the system is told otherwise (`sysctl fs.nr_open`).
const PIECES: usize = (1 << 20) / PIECE;

static TABLE: [Mapped<[AtomicU32; PIECE]>; PIECES] = [const { Mapped::new() }; PIECES];
/// The highest number that was ever noted.
static HIGHEST: AtomicU32 = AtomicU32::new(0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_kept_copied_and_closed() {
        // Numbers that no other test has.
        let [one, two, three] = [900_001, 900_002, 900_003];
        let attached = Entry::Attached { slot: 8191, vnet_hdr_len: 65_535 };
        set(one, Some(attached)).unwrap();
        assert_eq!((get(one), is_other(one), is_other(two)), (Some(attached), false, true));
        copied(one, two);
        assert_eq!(get(two), Some(attached));
        assert_eq!(of_slot(8191).collect::<Vec<_>>(), [one, two]);
        copied(three, two);
        assert_eq!(get(two), None);
        set(two, Some(Entry::Unattached)).unwrap();
        assert_eq!(get(two), Some(Entry::Unattached));
        closed(two);
        set(three, Some(attached)).unwrap();
        closed_all(one as u32, u32::MAX);
        assert!([one, two, three].into_iter().all(is_other));
        for none in [-1, RawFd::MIN, RawFd::MAX, 1 << 20] {
            set(none, Some(attached)).unwrap();
            assert!(is_other(none) && get(none).is_none());
        }
    }
}
