//! The clock that programs see.

use std::time::Duration;

/// `CLOCK_MONOTONIC`, which `bpf_ktime_get_ns` reads.
///
/// By the C library: rustix reads the vDSO by itself, and in processes under valgrind it reads where
/// nothing is (rustix 1.1).
pub(crate) fn monotonic() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: clock_gettime writes one timespec through the pointer, which lives past the call. Of a
    // clock that every kernel has it cannot fail.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    // Neither is negative, and nanoseconds are less than a second.
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
