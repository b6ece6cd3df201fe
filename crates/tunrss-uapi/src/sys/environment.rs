//! What the environment says, read when the library is loaded: later other threads may be changing it.

use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use super::call;

/// Whether refusals are told on standard error.
pub(crate) fn is_verbose() -> bool {
    linked();
    IS_VERBOSE.load(Ordering::Relaxed)
}

/// What `num_buffers` is in the header of a packet that has a hash: 0 or 1.
#[inline]
pub(crate) fn num_buffers() -> u16 {
    linked();
    NUM_BUFFERS.load(Ordering::Relaxed)
}

extern "C" fn read() {
    IS_VERBOSE.store(std::env::var_os("TUNRSS_VERBOSE").is_some(), Ordering::Relaxed);
    match std::env::var_os("TUNRSS_NUM_BUFFERS") {
        None => {}
        Some(value) if value == "0" => {}
        Some(value) if value == "1" => NUM_BUFFERS.store(1, Ordering::Relaxed),
        Some(value) => {
            call::say(&format!("TUNRSS_NUM_BUFFERS is {value:?} and has to be 0 or 1; 0 is taken"))
        }
    }
}

/// Without a reference to this the linker would leave it out of a program that has the static library.
#[inline(always)]
fn linked() {
    std::hint::black_box(&raw const READ);
}

/// Called by the loader, in the thread that starts the program or loads the library.
#[used]
#[unsafe(link_section = ".init_array")]
static READ: extern "C" fn() = read;

static IS_VERBOSE: AtomicBool = AtomicBool::new(false);
static NUM_BUFFERS: AtomicU16 = AtomicU16::new(0);
