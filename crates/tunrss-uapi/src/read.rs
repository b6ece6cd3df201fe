//! Reading: the program's record from the kernel's.

use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::atomic::Ordering;

use tunrss::bpf::Prefix;
use tunrss::hash::{Link, SteeringConfig, Verdict, VnetHdr, classify};

use crate::descriptors::{self, Entry};
use crate::devices::{Facts, HashSlot};
use crate::ioctl;
use crate::record::{self, Aside, Head};
use crate::sys::buffers::Buffers;
use crate::sys::{environment, memory, shared};

/// Read one record from `fd` into `buffer`: packet information, if the device has it, `struct
/// virtio_net_hdr_v1_hash`, and the frame, where the hash is reported. Returns its length.
///
/// # Errors
/// Those of the system call: `EAGAIN` if a non-blocking descriptor has no packet.
pub fn read(fd: impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    let fd = fd.as_fd().as_raw_fd();
    ioctl::look_at(fd);
    // SAFETY: the parts are `buffer`, and eight bytes of ours, which live past the call.
    let next_readv = |parts, count| unsafe { libc::readv(fd, parts, count) };
    // SAFETY: as above.
    let next_read = |start, len| unsafe { libc::read(fd, start, len) };
    let (start, len) = (buffer.as_mut_ptr().cast(), buffer.len());
    // SAFETY: it is `buffer`.
    let read = unsafe { read_as_called(fd, start, len, next_readv, next_read) };
    usize::try_from(read).map_err(|_| io::Error::last_os_error())
}

/// Read one record from `fd` for a program that has called `read` with these arguments. `next_readv` and
/// `next_read` are `readv` and `read` but for the descriptor. Returns what the call does, or the length of the
/// program's record: `virtio_net_hdr_v1_hash` in front of the frame, where the hash is reported.
///
/// A descriptor that is not known to be a device's is read as it is.
///
/// # Safety
/// The buffer is what the caller of `read` answers for: memory that may be written, or that the kernel
/// refuses with `EFAULT`.
pub unsafe fn read_as_called(
    fd: RawFd,
    buffer: *mut c_void,
    count: usize,
    next_readv: impl Fn(*const libc::iovec, c_int) -> isize,
    next_read: impl Fn(*mut c_void, usize) -> isize,
) -> isize {
    let part = libc::iovec { iov_base: buffer, iov_len: count };
    let call = |parts: &[libc::iovec]| called(parts, &next_readv, &next_read);
    // SAFETY: as the caller answers for.
    unsafe { readv(fd, &[part], call) }
}

/// The same for the arguments of `readv`. The array itself may be anywhere: one that cannot be read is
/// refused with `EFAULT`.
///
/// # Safety
/// As for [`read_as_called`], of each buffer.
pub unsafe fn readv_as_called(
    fd: RawFd,
    parts: *const libc::iovec,
    count: c_int,
    next_readv: impl Fn(*const libc::iovec, c_int) -> isize,
    next_read: impl Fn(*mut c_void, usize) -> isize,
) -> isize {
    let len = usize::try_from(count).unwrap_or(0);
    if len == 0 || len > IOV_MAX {
        return next_readv(parts, count);
    }
    let mut few = [NO_PART; FEW];
    let mut many;
    let copy = match few.get_mut(..len) {
        Some(few) => few,
        None => {
            many = vec![NO_PART; len];
            many.as_mut_slice()
        }
    };
    if memory::parts(parts as usize, copy).is_err() {
        // It says why.
        return next_readv(parts, count);
    }
    let call = |parts: &[libc::iovec]| called(parts, &next_readv, &next_read);
    // SAFETY: as the caller answers for.
    unsafe { readv(fd, copy, call) }
}

/// One buffer is read into by `read`, which takes the kernel less.
fn called(
    parts: &[libc::iovec],
    next_readv: impl Fn(*const libc::iovec, c_int) -> isize,
    next_read: impl Fn(*mut c_void, usize) -> isize,
) -> isize {
    match parts {
        [one] => next_read(one.iov_base, one.iov_len),
        _ => next_readv(parts.as_ptr(), c_int::try_from(parts.len()).unwrap_or(c_int::MAX)),
    }
}

/// Read one record from `fd` into `parts`, by `call`, which is `readv` but for the descriptor.
///
/// What is known of a number may be out of date: the program may have closed it past us, and it may be
/// something else's by now. So nothing is read that the program has no room for unless the kernel says that
/// it still is a device's, and nothing is changed in what was read unless it has a prefix's mark, or the
/// kernel says so.
///
/// # Safety
/// As for [`read_as_called`], of each buffer.
unsafe fn readv(fd: RawFd, parts: &[libc::iovec], call: impl Fn(&[libc::iovec]) -> isize) -> isize {
    // SAFETY: as the caller answers for. They are used up to where the kernel has written, and eight
    // bytes beyond at most, where the program's record ends.
    let buffers = unsafe { Buffers::new(parts) };
    match Way::of(fd, buffers.len()) {
        Way::AsItIs => call(parts),
        Way::Macvtap { head, hash } => {
            let read = call(parts);
            if let Ok(len) = usize::try_from(read)
                && len >= head.len()
                && (record::is_without_hash(buffers, head) || ioctl::is_still(fd))
            {
                let header =
                    hash.map_or_else(VnetHdr::default, |by| hashed(buffers, head, len, by));
                record::write_hash(buffers, head, header);
            }
            read
        }
        Way::Prefix { head, is_expected } => {
            let mut aside = [0; Prefix::LEN];
            let extra = libc::iovec { iov_base: aside.as_mut_ptr().cast(), iov_len: Prefix::LEN };
            let room = buffers.len();
            // Room for any record, with its prefix. Moving a frame of usual size takes less than reading
            // into several buffers.
            let is_roomy = room >= head.len() + LONGEST_BEHIND_HEAD;
            let is_moved = is_roomy && !(is_expected && LAST_WAS_LONG.get());
            let (place, at) = match is_expected {
                true => (Aside::BehindHead, head.len()),
                false => (Aside::AtEnd, room),
            };
            // If the kernel takes no more parts, a record that fills the buffers loses its last bytes.
            let (place, read) = if is_moved || parts.len() + MORE > IOV_MAX {
                (Aside::AtEnd, call(parts))
            } else if is_roomy {
                (place, with_inserted(parts, at, extra, room, call))
            } else if ioctl::is_of_a_device(fd) {
                (place, with_inserted(parts, at, extra, room + Prefix::LEN, call))
            } else {
                return call(parts);
            };
            LAST_WAS_LONG.set(read > LONG);
            match usize::try_from(read) {
                Ok(len) => {
                    let is_known = || ioctl::is_still(fd);
                    let hashed = environment::num_buffers();
                    let len = record::finish(buffers, head, place, aside, len, hashed, is_known);
                    isize::try_from(len).unwrap_or(read)
                }
                Err(_) => read,
            }
        }
    }
}

/// linux/uio.h
const IOV_MAX: usize = 1024;

/// More than a prefix and the longest frame: no device is given segments of more than 64 KiB in one piece,
/// with a link header and tags.
const LONGEST_BEHIND_HEAD: usize = Prefix::LEN + (64 << 10) + 64;

/// A record that is not worth being moved. The next one is likely to be as long. Measured: two buffers more
/// cost 120 ns, moving 8 KiB takes 110.
const LONG: isize = 8 << 10;

thread_local! {
    static LAST_WAS_LONG: Cell<bool> = const { Cell::new(false) };
}

/// How a descriptor is read.
enum Way {
    /// The kernel's record is the program's.
    AsItIs,
    /// There may be a prefix.
    Prefix { head: Head, is_expected: bool },
    /// On a macvtap no prefix comes: a hash is computed here, if one is to be reported.
    Macvtap { head: Head, hash: Option<&'static HashSlot> },
}

impl Way {
    fn of(fd: RawFd, room: usize) -> Self {
        let entry = match descriptors::get(fd) {
            // Attached perhaps by a copy of it.
            Some(Entry::Unattached) => ioctl::look_up(fd),
            entry => entry,
        };
        let Some(Entry::Attached { slot, vnet_hdr_len }) = entry else { return Self::AsItIs };
        if ioctl::IS_NATIVE.load(Ordering::Relaxed) {
            return Self::AsItIs;
        }
        let Some(slot) = shared::devices().and_then(|devices| devices.slot(slot)) else {
            return Self::AsItIs;
        };
        let facts = slot.facts();
        let head = facts.head(vnet_hdr_len);
        // The kernel refuses a read that has no room for it.
        if room < head.len() {
            return Self::AsItIs;
        }
        if !head.has_hash() && (facts.is_macvtap || !facts.was_prefixed) {
            return Self::AsItIs;
        }
        if facts.is_macvtap {
            Self::Macvtap { head, hash: facts.reports.then_some(slot.hash()) }
        } else {
            Self::Prefix { head, is_expected: facts.is_prefixed }
        }
    }
}

impl Facts {
    /// What is in front of a frame, for a descriptor with this header of its own, as on a macvtap.
    pub(crate) fn head(self, own_vnet_hdr_len: u16) -> Head {
        let vnet_hdr_len = if self.is_macvtap { own_vnet_hdr_len } else { self.vnet_hdr_len };
        Head {
            packet_information: if self.has_packet_information { 4 } else { 0 },
            vnet_hdr: vnet_hdr_len.into(),
        }
    }
}

/// Call with the parts and one more, `at` bytes behind their start, `limit` bytes in all.
fn with_inserted(
    parts: &[libc::iovec],
    at: usize,
    extra: libc::iovec,
    limit: usize,
    call: impl Fn(&[libc::iovec]) -> isize,
) -> isize {
    let mut few = [NO_PART; FEW];
    let needed = parts.len() + MORE;
    if let Some(few) = few.get_mut(..needed) {
        let len = insert(parts, at, extra, limit, few);
        return call(few.get(..len).unwrap_or_default());
    }
    let mut many = vec![NO_PART; needed];
    let len = insert(parts, at, extra, limit, &mut many);
    call(many.get(..len).unwrap_or_default())
}

const NO_PART: libc::iovec = libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 };

/// One part is cut in two, and one comes in between.
const MORE: usize = 2;

/// Parts for which no memory has to be asked for.
const FEW: usize = 34;

/// The parts with one more, `at` bytes behind their start, up to `limit` bytes, into `into`. Returns how many
/// they are.
fn insert(
    parts: &[libc::iovec],
    at: usize,
    extra: libc::iovec,
    limit: usize,
    into: &mut [libc::iovec],
) -> usize {
    let mut left = at;
    let mut room = limit;
    let mut is_in = false;
    let mut all = into.iter_mut();
    let mut count = 0;
    let mut push = |part: libc::iovec| {
        if let Some(place) = all.next() {
            let iov_len = part.iov_len.min(room);
            *place = libc::iovec { iov_len, ..part };
            room -= iov_len;
            count += 1;
        }
    };
    for &part in parts {
        if is_in || part.iov_len <= left {
            left = if is_in { left } else { left - part.iov_len };
            push(part);
            continue;
        }
        push(libc::iovec { iov_len: left, ..part });
        push(extra);
        is_in = true;
        let base = part.iov_base.cast::<u8>().wrapping_add(left).cast();
        push(libc::iovec { iov_base: base, iov_len: part.iov_len - left });
    }
    if !is_in {
        push(extra);
    }
    count
}

/// What the header of a record of `len` bytes says of its hash.
fn hashed(buffers: Buffers<'_>, head: Head, len: usize, by: &HashSlot) -> VnetHdr {
    let mut front = [0; LONGEST_FRONT];
    let in_front = len.min(buffers.len()).saturating_sub(head.len()).min(LONGEST_FRONT);
    let (frame, _) = front.split_at_mut(in_front);
    buffers.read(head.len(), frame);
    let classify = |hasher: &mut Option<Hasher>| {
        let is_current = hasher.as_ref().is_some_and(|hasher| hasher.is_of(by));
        if !is_current {
            *hasher = Hasher::of(by);
        }
        hasher.as_ref().map(|hasher| classify(&hasher.config, Link::Ethernet, frame))
    };
    let by_threads_own =
        HASHER.try_with(|hasher| hasher.try_borrow_mut().ok().map(|mut own| classify(&mut own)));
    // It is in use if a signal's handler reads as well, and gone if the thread is ending.
    let verdict = by_threads_own.ok().flatten().unwrap_or_else(|| classify(&mut None));
    verdict.map_or_else(VnetHdr::default, |Verdict { hash, report, .. }| VnetHdr {
        num_buffers: record::num_buffers(environment::num_buffers(), report),
        hash_value: hash,
        hash_report: report.code(),
        ..VnetHdr::default()
    })
}

/// What of a frame is looked at: link header, tags, IP header and ports, and between them extension
/// headers of as much as a frame of usual size.
const LONGEST_FRONT: usize = 2048;

/// What a thread has last hashed by.
struct Hasher {
    /// The address of the slot, and the version that was there.
    source: (usize, u32),
    config: Box<SteeringConfig<[u16; 1]>>,
}

impl Hasher {
    fn of(slot: &HashSlot) -> Option<Self> {
        let (version, types, key) = slot.get()?;
        let config = SteeringConfig::new(types, key, [0], 0).ok()?;
        Some(Self {
            source: (std::ptr::from_ref(slot) as usize, version),
            config: Box::new(config),
        })
    }

    fn is_of(&self, slot: &HashSlot) -> bool {
        self.source == (std::ptr::from_ref(slot) as usize, slot.version())
    }
}

thread_local! {
    static HASHER: RefCell<Option<Hasher>> = const { RefCell::new(None) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_is_inserted_at_any_place() {
        let part = |base: usize, len| libc::iovec { iov_base: base as *mut _, iov_len: len };
        let parts = [part(1000, 3), part(2000, 0), part(3000, 5)];
        let extra = part(9000, 8);
        for at in 0..=8 {
            let mut into = [extra; 5];
            let count = insert(&parts, at, extra, 16, &mut into);
            let bytes = |parts: &[libc::iovec]| -> Vec<usize> {
                let addresses = |part: &libc::iovec| {
                    let base = part.iov_base as usize;
                    base..base + part.iov_len
                };
                parts.iter().flat_map(addresses).collect()
            };
            let mut expected = bytes(&parts);
            expected.splice(at..at, 9000..9008);
            assert_eq!(bytes(&into[..count]), expected, "{at}");
            let count = insert(&parts, at, extra, 8, &mut into);
            assert_eq!(bytes(&into[..count]), expected[..8], "{at}");
        }
    }
}
