//! `libtunrss_preload.so`: preloaded, it lets a program use the hash and RSS ioctls that were proposed for
//! Linux tun, on kernels that do not have them.
//!
//! ```console
//! # LD_PRELOAD=/usr/local/lib/libtunrss_preload.so program
//! ```
//!
//! It takes the place of those functions of the C library by which a program uses descriptors of
//! `/dev/net/tun` and of macvtaps; `tunrss_uapi` does what they ask for. For all other descriptors they
//! are the C library's, behind a look at a table. A program that never makes an ioctl of tun makes no
//! system call more than it did, after it has started.
//!
//! Calls are passed on by a jump, without a stack frame: what is for devices stands in functions of its
//! own (`.._device`). A frame would mean one more return behind the system call, which a processor does
//! not foresee where the kernel clears what it goes by (measured: 6 ns, of 168 that `fcntl` takes).
//!
//! What passes it by: programs that make system calls themselves (as those in Go do), `io_uring`,
//! `read` inside the C library (`fread`); and descriptors that come over a socket, until an
//! ioctl of tun is made on them.

mod next;

use std::ffi::{c_char, c_int, c_uint, c_ulong, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use libc::{FILE, iovec, size_t, ssize_t};
use tunrss_uapi::descriptors::{closed, closed_all, copied, is_other};
use tunrss_uapi::{complain, concerns, read_as_called, readv_as_called};

/// # Safety
/// As for `ioctl` of the C library.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ioctl(fd: c_int, request: c_ulong, argument: *mut c_void) -> c_int {
    if !concerns(request) {
        // SAFETY: the caller's arguments. It is a variadic function, whose third argument is passed as a
        // pointer is; if the caller gave none it is whatever was in its place, as in the C library's.
        return unsafe { next::ioctl()(fd, request, argument) };
    }
    // SAFETY: the caller's arguments.
    unsafe { ioctl_device(fd, request, argument) }
}

/// # Safety
/// As for `ioctl` of the C library.
#[inline(never)]
unsafe fn ioctl_device(fd: c_int, request: c_ulong, argument: *mut c_void) -> c_int {
    let before = errno();
    // SAFETY: the caller's arguments.
    let answer = || unsafe { tunrss_uapi::ioctl(fd, request, argument as usize) };
    match catch_unwind(AssertUnwindSafe(answer)) {
        Ok(Ok(result)) => {
            set_errno(before);
            result
        }
        Ok(Err(error)) => {
            complain(&error);
            fail(error.errno().raw_os_error())
        }
        // A mistake of ours ends no program of others.
        Err(_) => fail(libc::EIO),
    }
}

/// # Safety
/// As for `read` of the C library.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn read(fd: c_int, buffer: *mut c_void, count: size_t) -> ssize_t {
    if is_other(fd) {
        // SAFETY: the caller's arguments.
        return unsafe { next::read()(fd, buffer, count) };
    }
    // SAFETY: the caller's arguments.
    unsafe { read_device(fd, buffer, count) }
}

/// # Safety
/// As for `read` of the C library.
#[inline(never)]
unsafe fn read_device(fd: c_int, buffer: *mut c_void, count: size_t) -> ssize_t {
    // SAFETY: the caller's buffer, or parts of it and one of ours, which lives past the call.
    let next_readv = |parts, count| unsafe { next::readv()(fd, parts, count) };
    // SAFETY: the caller's buffer.
    let next_read = |start, len| unsafe { next::read()(fd, start, len) };
    let before = errno();
    // SAFETY: the caller's arguments.
    let read = unsafe { read_as_called(fd, buffer, count, next_readv, next_read) };
    if read >= 0 {
        set_errno(before);
    }
    read
}

/// What `read` is in programs that were compiled with `_FORTIFY_SOURCE`.
///
/// # Safety
/// As for `read` of the C library.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __read_chk(
    fd: c_int,
    buffer: *mut c_void,
    count: size_t,
    room: size_t,
) -> ssize_t {
    if is_other(fd) || count > room {
        // SAFETY: the caller's arguments. It ends the program if there is no room.
        return unsafe { next::read_chk()(fd, buffer, count, room) };
    }
    // SAFETY: the caller's arguments.
    unsafe { read_device(fd, buffer, count) }
}

/// # Safety
/// As for `readv` of the C library.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn readv(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t {
    if is_other(fd) {
        // SAFETY: the caller's arguments.
        return unsafe { next::readv()(fd, parts, count) };
    }
    // SAFETY: the caller's arguments.
    unsafe { readv_device(fd, parts, count) }
}

/// # Safety
/// As for `readv` of the C library.
#[inline(never)]
unsafe fn readv_device(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t {
    // SAFETY: the caller's arguments, or the caller's buffers and one of ours, which lives past the call.
    let next_readv = |parts, count| unsafe { next::readv()(fd, parts, count) };
    // SAFETY: the caller's buffer.
    let next_read = |start, len| unsafe { next::read()(fd, start, len) };
    let before = errno();
    // SAFETY: the caller's arguments.
    let read = unsafe { readv_as_called(fd, parts, count, next_readv, next_read) };
    if read >= 0 {
        set_errno(before);
    }
    read
}

/// # Safety
/// As for `close` of the C library.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn close(fd: c_int) -> c_int {
    if is_other(fd) {
        // SAFETY: the caller's argument.
        return unsafe { next::close()(fd) };
    }
    // SAFETY: the caller's argument.
    unsafe { close_device(fd) }
}

/// # Safety
/// As for `close` of the C library.
#[inline(never)]
unsafe fn close_device(fd: c_int) -> c_int {
    // Before: afterwards another thread may have the number.
    closed(fd);
    // SAFETY: the caller's argument.
    unsafe { next::close()(fd) }
}

/// # Safety
/// As for `close_range` of the C library.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int {
    if flags & libc::CLOSE_RANGE_CLOEXEC as c_int == 0 && first <= last {
        closed_all(first, last);
    }
    // SAFETY: the caller's arguments.
    unsafe { next::close_range()(first, last, flags) }
}

/// # Safety
/// As for `closefrom` of the C library.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn closefrom(first: c_int) {
    closed_all(c_uint::try_from(first).unwrap_or(0), c_uint::MAX);
    // SAFETY: the caller's argument.
    unsafe { next::closefrom()(first) }
}

/// # Safety
/// As for `dup` of the C library.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dup(fd: c_int) -> c_int {
    if is_other(fd) {
        // SAFETY: the caller's argument.
        return unsafe { next::dup()(fd) };
    }
    // SAFETY: the caller's argument.
    unsafe { dup_device(fd) }
}

/// # Safety
/// As for `dup` of the C library.
#[inline(never)]
unsafe fn dup_device(fd: c_int) -> c_int {
    // SAFETY: the caller's argument.
    let new = unsafe { next::dup()(fd) };
    copied_if_any(fd, new)
}

/// # Safety
/// As for `dup2` of the C library.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dup2(fd: c_int, new: c_int) -> c_int {
    if is_other(fd) && is_other(new) {
        // SAFETY: the caller's arguments.
        return unsafe { next::dup2()(fd, new) };
    }
    // SAFETY: the caller's arguments.
    unsafe { dup2_device(fd, new) }
}

/// # Safety
/// As for `dup2` of the C library.
#[inline(never)]
unsafe fn dup2_device(fd: c_int, new: c_int) -> c_int {
    // SAFETY: the caller's arguments.
    let new = unsafe { next::dup2()(fd, new) };
    copied_if_any(fd, new)
}

/// # Safety
/// As for `dup3` of the C library.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dup3(fd: c_int, new: c_int, flags: c_int) -> c_int {
    if is_other(fd) && is_other(new) {
        // SAFETY: the caller's arguments.
        return unsafe { next::dup3()(fd, new, flags) };
    }
    // SAFETY: the caller's arguments.
    unsafe { dup3_device(fd, new, flags) }
}

/// # Safety
/// As for `dup3` of the C library.
#[inline(never)]
unsafe fn dup3_device(fd: c_int, new: c_int, flags: c_int) -> c_int {
    // SAFETY: the caller's arguments.
    let new = unsafe { next::dup3()(fd, new, flags) };
    copied_if_any(fd, new)
}

/// # Safety
/// As for `fcntl` of the C library.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn fcntl(fd: c_int, command: c_int, argument: *mut c_void) -> c_int {
    if is_other(fd) {
        // SAFETY: the caller's arguments; the third as in `ioctl`.
        return unsafe { next::fcntl()(fd, command, argument) };
    }
    // SAFETY: the caller's arguments.
    unsafe { fcntl_device(fd, command, argument, next::fcntl()) }
}

/// What `fcntl` is in programs that were compiled for large files.
///
/// # Safety
/// As for `fcntl` of the C library.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn fcntl64(fd: c_int, command: c_int, argument: *mut c_void) -> c_int {
    if is_other(fd) {
        // SAFETY: the caller's arguments; the third as in `ioctl`.
        return unsafe { next::fcntl64()(fd, command, argument) };
    }
    // SAFETY: the caller's arguments.
    unsafe { fcntl_device(fd, command, argument, next::fcntl64()) }
}

/// # Safety
/// As for `fcntl` of the C library, one of which `next` is.
#[inline(never)]
unsafe fn fcntl_device(
    fd: c_int,
    command: c_int,
    argument: *mut c_void,
    next: unsafe extern "C-unwind" fn(c_int, c_int, *mut c_void) -> c_int,
) -> c_int {
    // SAFETY: the caller's arguments.
    let result = unsafe { next(fd, command, argument) };
    if command == libc::F_DUPFD || command == libc::F_DUPFD_CLOEXEC {
        copied_if_any(fd, result);
    }
    result
}

/// Note what a new descriptor is, if there is one.
fn copied_if_any(fd: c_int, new: c_int) -> c_int {
    if new >= 0 {
        copied(fd, new);
    }
    new
}

/// # Safety
/// As for `fclose` of the C library, which closes the descriptor without `close`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn fclose(stream: *mut FILE) -> c_int {
    // SAFETY: the caller's stream, still open.
    unsafe { stream_closed(stream) };
    // SAFETY: the caller's argument.
    unsafe { next::fclose()(stream) }
}

/// # Safety
/// As for `freopen` of the C library, which closes the descriptor without `close`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn freopen(
    path: *const c_char,
    mode: *const c_char,
    stream: *mut FILE,
) -> *mut FILE {
    // SAFETY: the caller's stream, still open.
    unsafe { stream_closed(stream) };
    // SAFETY: the caller's arguments.
    unsafe { next::freopen()(path, mode, stream) }
}

/// What `freopen` is in programs that were compiled for large files.
///
/// # Safety
/// As for `freopen` of the C library.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn freopen64(
    path: *const c_char,
    mode: *const c_char,
    stream: *mut FILE,
) -> *mut FILE {
    // SAFETY: the caller's stream, still open.
    unsafe { stream_closed(stream) };
    // SAFETY: the caller's arguments.
    unsafe { next::freopen64()(path, mode, stream) }
}

/// A stream is being closed, and with it its descriptor, if it has one.
///
/// # Safety
/// The stream is open.
unsafe fn stream_closed(stream: *mut FILE) {
    let before = errno();
    // SAFETY: an open stream.
    let fd = unsafe { libc::fileno(stream) };
    // It sets it for a stream in memory, which has none.
    set_errno(before);
    closed(fd);
}

fn fail(errno: c_int) -> c_int {
    set_errno(errno);
    -1
}

fn errno() -> c_int {
    // SAFETY: it is the calling thread's.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    unsafe { *place }
}

/// Functions of the C library that succeed leave it as it was, as far as they make one system call.
fn set_errno(errno: c_int) {
    // SAFETY: it is the calling thread's.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    unsafe { *place = errno };
}

/// Called by the loader before the program starts.
extern "C" fn start() {
    next::find_all();
    let _: std::thread::Result<()> = catch_unwind(tunrss_uapi::look_at_inherited);
}

#[used]
#[unsafe(link_section = ".init_array")]
static START: extern "C" fn() = start;
