//! The hash and RSS ioctls that were proposed for Linux tun and tap, done on kernels that do not have
//! them.
//!
//! Two generations of a kernel patch series were posted and neither was merged; programs written for
//! one of them call ioctls ([`request`]) that no kernel has. Here they are: [`ioctl()`] does what the
//! kernel would have done, by way of the crate `tunrss`, and [`read()`] gives packets with the 20-byte
//! header that the kernel would have written. Where a kernel has the ioctls, it is left to it.
//!
//! Two libraries for C programs are made from this: `libtunrss`, whose functions a program calls, and
//! `libtunrss_preload.so`, which takes the place of the C library's for programs that know of nothing.
//! From Rust, [`set`] takes a [`Setting`], and [`read()`] reads.
//!
//! A setting is kept in the kernel, with the device; what a process knows of devices is only how to read
//! their records. It shares that with the processes that it forks.
//!
//! | file | what is there |
//! |---|---|
//! | `request.rs` | numbers and layouts of both generations |
//! | `setting.rs` | what they mean |
//! | `ioctl.rs` | making the ioctls, and what other ioctls of tun change |
//! | `read.rs`, `record.rs` | records of the kernel made the program's |
//! | `descriptors.rs` | which descriptors are of devices |
//! | `devices.rs` | what is known of devices |
#![deny(unsafe_code)]

pub mod descriptors;
mod devices;
mod error;
#[expect(unsafe_code, reason = "its argument is the caller's to answer for")]
mod ioctl;
#[expect(unsafe_code, reason = "its buffers are the caller's to answer for")]
mod read;
#[cfg_attr(test, expect(unsafe_code, reason = "tests have buffers to answer for"))]
mod record;
pub mod request;
mod setting;
#[expect(unsafe_code, reason = "the one place for the caller's memory and for shared memory")]
mod sys;

pub use error::{Error, Result};
pub use ioctl::{concerns, ioctl, look_at, look_at_inherited, set};
pub use read::{read, read_as_called, readv_as_called};
pub use setting::Setting;

/// Say on standard error why a request was refused, if `TUNRSS_VERBOSE` was in the environment when the
/// program started: an error number is all that an ioctl can say. What the kernel itself refuses is not told.
pub fn complain(error: &Error) {
    if matches!(error, Error::Kernel { .. }) {
        return;
    }
    if sys::environment::is_verbose() && sys::memory::ensure_plentiful().is_ok() {
        sys::call::say(&error.report());
    }
}
