//! From the record that the kernel delivers to the one that the program expects.
//!
//! Where the hash is reported, the report program puts a prefix of 8 bytes in front of the frame, so the
//! kernel's record is *head*, prefix, frame; the head is packet information, if the device has it, and
//! virtio-net header. The program's record has the hash in the header instead. Every record tells by
//! the prefix's mark whether it has one: so what is known of the device only decides what goes where
//! in the first place, and a record made for an earlier setting is never misread.
//!
//! The header keeps its size in the kernel. With 12 bytes in place of 20 there the prefix would fall
//! into its place without being moved, but then a record without prefix could not be told from one of
//! 20 bytes while the size changes, and other readers of the device would see it change.

use tunrss::bpf::Prefix;
use tunrss::hash::{HashReport, VnetHdr, VnetHdrLen};

use crate::sys::buffers::Buffers;

/// What is in front of the frame, without a prefix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Head {
    /// Bytes of packet information: 4 or 0.
    pub(crate) packet_information: usize,
    /// Bytes of virtio-net header.
    pub(crate) vnet_hdr: usize,
}

impl Head {
    pub(crate) fn len(self) -> usize {
        self.packet_information + self.vnet_hdr
    }

    /// Whether the header has room for the hash.
    pub(crate) fn has_hash(self) -> bool {
        self.vnet_hdr >= VnetHdrLen::V1Hash.len()
    }
}

/// Where the eight bytes went that the program has no room for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Aside {
    /// Those behind the head, where a prefix is expected.
    BehindHead,
    /// Those behind the program's buffers, where none is.
    AtEnd,
}

/// Make of the `read` bytes that the kernel delivered into `buffers`, and into `aside` what they have no
/// room for, the program's record. Returns its length, at most that of `buffers`; a record that is
/// longer is cut off, as the kernel does it.
///
/// `num_buffers` is what that is where there is a hash. `is_known` is asked whether `head` is certain to be
/// right, where the record does not show it and something would have to be changed.
pub(crate) fn finish(
    buffers: Buffers<'_>,
    head: Head,
    place: Aside,
    aside: [u8; Prefix::LEN],
    read: usize,
    num_buffers: u16,
    is_known: impl FnOnce() -> bool,
) -> usize {
    let start = head.len();
    let Some(behind) = read.checked_sub(start) else { return read };
    let room = buffers.len().saturating_sub(start);
    match place {
        Aside::BehindHead => {
            let aside = aside.get(..behind.min(Prefix::LEN)).unwrap_or(&aside);
            if let Some(prefix) = Prefix::decode(aside) {
                take(buffers, head, prefix, num_buffers);
                return read - Prefix::LEN;
            }
            // It is the start of the frame.
            let rest = behind - aside.len();
            buffers.copy_within(
                start,
                start + aside.len(),
                rest.min(room.saturating_sub(aside.len())),
            );
            buffers.write(start, aside);
        }
        Aside::AtEnd => {
            let mut front = [0; Prefix::LEN];
            buffers.read(start, &mut front);
            // What the buffers have no room for stands aside.
            let missing = Prefix::LEN.saturating_sub(room);
            let (_, end) = front.split_at_mut(Prefix::LEN - missing);
            end.iter_mut().zip(aside).for_each(|(to, from)| *to = from);
            let is_whole = behind >= Prefix::LEN;
            if let Some(prefix) = Prefix::decode(&front).filter(|_| is_whole) {
                let in_buffers = read.min(buffers.len()).saturating_sub(start + Prefix::LEN);
                buffers.copy_within(start + Prefix::LEN, start, in_buffers);
                let beyond = read.saturating_sub(buffers.len()).saturating_sub(missing);
                let aside = aside.get(missing..missing + beyond).unwrap_or_default();
                buffers.write(start + in_buffers, aside);
                take(buffers, head, prefix, num_buffers);
                return read - Prefix::LEN;
            }
        }
    }
    if head.has_hash() && !is_without_hash(buffers, head) && is_known() {
        write_hash(buffers, head, VnetHdr::default());
    }
    read.min(buffers.len())
}

/// Whether a header that has room for a hash says that there is none, as Linux writes it from 6.13 on.
/// Before, there is whatever the buffers have held.
pub(crate) fn is_without_hash(buffers: Buffers<'_>, head: Head) -> bool {
    let mut behind = [0; BEHIND_LEGACY];
    buffers.read(head.packet_information + VnetHdrLen::Legacy.len(), &mut behind);
    behind == [0; BEHIND_LEGACY]
}

/// Put `num_buffers`, hash and report of `header` into a header that has room for them.
pub(crate) fn write_hash(buffers: Buffers<'_>, head: Head, header: VnetHdr) {
    let legacy = VnetHdrLen::Legacy.len();
    let bytes = header.encode();
    let behind = bytes.get(legacy..).unwrap_or_default();
    buffers.write(head.packet_information + legacy, behind);
}

/// Bytes of a header with a hash that one without does not have.
const BEHIND_LEGACY: usize = VnetHdrLen::V1Hash.len() - VnetHdrLen::Legacy.len();

/// What `num_buffers` is beside a report.
pub(crate) fn num_buffers(of_hashed: u16, report: HashReport) -> u16 {
    if report == HashReport::None { 0 } else { of_hashed }
}

/// Put what the prefix says into the header.
fn take(buffers: Buffers<'_>, head: Head, prefix: Prefix, of_hashed: u16) {
    let mut bytes = [0; VnetHdrLen::V1Hash.len()];
    let legacy = VnetHdrLen::Legacy.len();
    let (first, _) = bytes.split_at_mut(legacy);
    buffers.read(head.packet_information, first);
    let Some(mut header) = VnetHdr::decode(&bytes, VnetHdrLen::Legacy) else { return };
    prefix.move_into(&mut header);
    header.num_buffers = num_buffers(of_hashed, prefix.report);
    let bytes = header.encode();
    let len = if head.has_hash() { bytes.len() } else { legacy.min(head.vnet_hdr) };
    buffers.write(head.packet_information, bytes.get(..len).unwrap_or(&bytes));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a kernel delivers into buffers of `room` bytes and eight more, and the program's record of it.
    struct Delivered {
        memory: Vec<u8>,
        aside: [u8; 8],
        read: usize,
    }

    /// `is_old` is whether the kernel leaves what is behind the tenth byte of the header as it was.
    fn deliver(record: &[u8], head: Head, room: usize, place: Aside, is_old: bool) -> Delivered {
        let mut memory = vec![0xee; room];
        let mut aside = [0xdd; 8];
        let read = record.len().min(room + 8);
        let order: Vec<usize> = match place {
            Aside::AtEnd => (0..room + 8).collect(),
            Aside::BehindHead => {
                let start = head.len();
                (0..start).chain(room..room + 8).chain(start..room).collect()
            }
        };
        let skipped = head.packet_information + 10..head.len();
        for (at, (&byte, &to)) in record[..read].iter().zip(&order).enumerate() {
            if is_old && skipped.contains(&at) {
                continue;
            }
            match to.checked_sub(room) {
                None => memory[to] = byte,
                Some(at) => aside[at] = byte,
            }
        }
        Delivered { memory, aside, read }
    }

    fn finished(
        delivered: &mut Delivered,
        cut: usize,
        head: Head,
        place: Aside,
        is_known: impl FnOnce() -> bool,
    ) -> usize {
        let (one, two) = delivered.memory.split_at_mut(cut);
        let parts = [one, two]
            .map(|part| libc::iovec { iov_base: part.as_mut_ptr().cast(), iov_len: part.len() });
        // SAFETY: the parts are those of `memory`, which lives longer.
        let buffers = unsafe { Buffers::new(&parts) };
        finish(buffers, head, place, delivered.aside, delivered.read, 1, is_known)
    }

    proptest! {
        /// Whatever the kernel was expected to deliver, and however the program's buffers are cut, the
        /// record is that of a kernel that has the header itself.
        #[test]
        fn records_are_as_expected(
            has_pi in any::<bool>(),
            vnet_hdr in prop::sample::select(vec![10usize, 12, 20, 24]),
            at_end in any::<bool>(),
            is_prefixed in any::<bool>(),
            is_old in any::<bool>(),
            has_csum in any::<bool>(),
            gso_type in prop::sample::select(vec![0u8, 1, 4]),
            frame in prop::collection::vec(any::<u8>(), 1..100),
            spare in 0usize..40,
            cut in any::<prop::sample::Index>(),
            is_short in any::<bool>(),
        ) {
            // A frame that looks like a prefix is another matter.
            prop_assume!(is_prefixed || Prefix::decode(&frame).is_none());
            let place = if at_end { Aside::AtEnd } else { Aside::BehindHead };
            let head = Head { packet_information: if has_pi { 4 } else { 0 }, vnet_hdr };
            let header = VnetHdr {
                flags: u8::from(has_csum),
                gso_type,
                hdr_len: if gso_type == 0 { 0 } else { 54 },
                gso_size: 1000,
                csum_start: if has_csum { 34 } else { 0 },
                csum_offset: 16,
                ..VnetHdr::default()
            };
            let front = |header: VnetHdr| {
                let mut front = vec![1; head.packet_information];
                front.extend(header.encode());
                front.resize(head.len().max(front.len()), if is_old { 0xee } else { 9 });
                front.truncate(head.len());
                // Without room for a hash what is there is the kernel's affair.
                if is_old && !head.has_hash() {
                    front[head.packet_information + 10..].fill(0xee);
                }
                front
            };
            let shifted = VnetHdr {
                csum_start: header.csum_start + if has_csum { 8 } else { 0 },
                hdr_len: header.hdr_len + if gso_type == 0 { 0 } else { 8 },
                ..header
            };
            let prefix = Prefix { hash: 0x0102_0304, report: HashReport::UdpV6 };
            let record = if is_prefixed {
                [front(shifted), prefix.encode().to_vec(), frame.clone()].concat()
            } else {
                [front(header), frame.clone()].concat()
            };
            let hash = if is_prefixed {
                VnetHdr {
                    hash_value: prefix.hash,
                    hash_report: prefix.report.code(),
                    num_buffers: u16::from(head.has_hash()),
                    ..header
                }
            } else {
                header
            };
            let mut expected = [front(hash), frame.clone()].concat();
            let room = if is_short {
                (expected.len() - spare.min(expected.len())).max(head.len())
            } else {
                expected.len() + spare
            };
            expected.truncate(room);
            let mut delivered = deliver(&record, head, room, place, is_old);
            let cut = cut.index(room + 1);
            let len = finished(&mut delivered, cut, head, place, || true);
            prop_assert_eq!(len, expected.len());
            let mut found = delivered.memory;
            // Behind the record the buffers may hold anything.
            found.truncate(len);
            prop_assert_eq!(found, expected);
        }
    }

    /// A number that has become something else's gives bytes that are no record: all stay, in order.
    #[test]
    fn bytes_of_something_else_stay() {
        let head = Head { packet_information: 0, vnet_hdr: 20 };
        let stream: Vec<u8> = (1..=200).collect();
        for place in [Aside::AtEnd, Aside::BehindHead] {
            for room in [20, 24, 28, 64, 200, 300] {
                let mut delivered = deliver(&stream, head, room, place, false);
                // As `read` asks for no more than there is room for.
                delivered.read = delivered.read.min(room);
                let len = finished(&mut delivered, 10, head, place, || false);
                assert_eq!(&delivered.memory[..len], &stream[..room.min(200)], "{place:?} {room}");
            }
        }
    }
}
