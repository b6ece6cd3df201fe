//! The caller's buffers, as one run of bytes.

use std::ptr;

/// The memory of an array of `iovec`.
///
/// It is the caller's, who may do with it at any time what a program may do with memory that a read
/// fills: so no references to it are made, bytes are copied.
#[derive(Clone, Copy)]
pub(crate) struct Buffers<'a> {
    parts: &'a [libc::iovec],
    len: usize,
}

impl<'a> Buffers<'a> {
    /// # Safety
    /// The parts are memory that can be written, for as long as this is used, at least up to where it is
    /// used.
    pub(crate) unsafe fn new(parts: &'a [libc::iovec]) -> Self {
        let len = parts.iter().fold(0usize, |len, part| len.saturating_add(part.iov_len));
        Self { parts, len }
    }

    /// Bytes of all of them.
    pub(crate) fn len(self) -> usize {
        self.len
    }

    /// Copy bytes from `at` on; as many as there are.
    pub(crate) fn read(self, at: usize, mut into: &mut [u8]) {
        for part in self.range(at, into.len()) {
            let (now, rest) = into.split_at_mut(part.len);
            // SAFETY: `part` is `part.len` bytes of the caller's memory (`range`), `now` as many of ours.
            unsafe { ptr::copy_nonoverlapping(part.start, now.as_mut_ptr(), part.len) };
            into = rest;
        }
    }

    /// Write bytes from `at` on; as many as there is room for.
    pub(crate) fn write(self, at: usize, mut from: &[u8]) {
        for part in self.range(at, from.len()) {
            let (now, rest) = from.split_at(part.len);
            // SAFETY: as above.
            unsafe { ptr::copy_nonoverlapping(now.as_ptr(), part.start, part.len) };
            from = rest;
        }
    }

    /// Move `len` bytes at `from` to `to`. The ranges may overlap; both have to be there.
    pub(crate) fn copy_within(self, from: usize, to: usize, len: usize) {
        if from.max(to).saturating_add(len) > self.len {
            return;
        }
        let mut one = self.range(from, len);
        let mut other = self.range(to, len);
        if let (Some(from), Some(to)) = (one.next(), other.next())
            && from.len == len
            && to.len == len
        {
            // SAFETY: both are `len` bytes of the caller's memory.
            unsafe { ptr::copy(from.start, to.start, len) };
            return;
        }
        // In pieces, from the end that is not overwritten before it is read.
        let mut piece = [0; 256];
        let mut done = 0;
        while done < len {
            let now = piece.len().min(len - done);
            let at = if to > from { len - done - now } else { done };
            let (piece, _) = piece.split_at_mut(now);
            self.read(from + at, piece);
            self.write(to + at, piece);
            done += now;
        }
    }

    /// The parts of `len` bytes from `at` on.
    fn range(self, at: usize, len: usize) -> impl Iterator<Item = Part> {
        let (mut skip, mut left) = (at, len);
        self.parts.iter().filter_map(move |part| {
            let start = skip.min(part.iov_len);
            skip -= start;
            let len = left.min(part.iov_len - start);
            left -= len;
            // SAFETY: `start` is at most the part's length.
            let start = unsafe { part.iov_base.cast::<u8>().add(start) };
            (len > 0).then_some(Part { start, len })
        })
    }
}

/// Bytes of the caller's memory, within one part.
struct Part {
    start: *mut u8,
    len: usize,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// As if it were one run of bytes.
        #[test]
        fn scattered_is_as_contiguous(
            lens in prop::collection::vec(0usize..700, 1..8),
            (from, to, len) in (0usize..3000, 0usize..3000, 0usize..3000),
        ) {
            let total: usize = lens.iter().sum();
            let (from, to) = (from.min(total), to.min(total));
            let len = len.min(total - from.max(to));
            let mut expected: Vec<u8> = (0..total).map(|at| (at * 7 + at / 256) as u8).collect();
            let mut memory: Vec<Vec<u8>> = Vec::new();
            let mut rest = &expected[..];
            for len in lens {
                let (part, after) = rest.split_at(len);
                memory.push(part.to_vec());
                rest = after;
            }
            let parts: Vec<_> = memory
                .iter_mut()
                .map(|part| libc::iovec { iov_base: part.as_mut_ptr().cast(), iov_len: part.len() })
                .collect();
            // SAFETY: the parts are those of `memory`, which lives longer.
            let buffers = unsafe { Buffers::new(&parts) };
            prop_assert_eq!(buffers.len(), total);
            buffers.copy_within(from, to, len);
            expected.copy_within(from..from + len, to);
            let mut found = vec![0; total];
            buffers.read(0, &mut found);
            prop_assert_eq!(&found, &expected);
            buffers.write(from, &vec![0xaa; len]);
            expected[from..from + len].fill(0xaa);
            // What is beyond is not there.
            buffers.write(total, &[1]);
            buffers.copy_within(0, 1, total);
            buffers.read(0, &mut found);
            prop_assert_eq!(&found, &expected);
        }
    }
}
