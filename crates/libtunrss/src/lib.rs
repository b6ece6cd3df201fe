//! `libtunrss`: hash and RSS ioctls for Linux TUN, TAP and macvtap devices, for C programs.
//!
//! The functions are declared in `include/tunrss.h`, which is made from this file, and described in
//! `man/libtunrss.3`. They are those of `tunrss_uapi`, with descriptors as C has them. Each returns what the
//! system call of its name does, -1 with `errno` if it fails; `tunrss_error` says why in words where it is
//! no plain system call.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int, c_ulong, c_void};
use std::os::fd::BorrowedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::AccessError;

use libc::{iovec, size_t, ssize_t};
use tunrss_uapi::{Error, Setting, descriptors};

/// In `flags` of tunrss_rss_config(): report the hash (VIRTIO_NET_F_HASH_REPORT was negotiated).
pub const TUNRSS_REPORT: c_int = 1;

/// Open /dev/net/tun, non-blocking and close-on-exec, and attach it to the device `name`, which is made
/// if there is none; a name like "tap%d" has a number filled in, and NULL is the kernel's choice.
///
/// `flags` are IFF_TUN or IFF_TAP and what else TUNSETIFF takes. With IFF_VNET_HDR the header is set to 20
/// bytes, little-endian: struct virtio_net_hdr_v1_hash.
///
/// Returns the descriptor, to be closed by tunrss_close().
///
/// # Safety
/// `name` is NULL or a string that ends in a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tunrss_open(name: *const c_char, flags: c_int) -> c_int {
    answer(|| {
        let name = if name.is_null() {
            c""
        } else {
            // SAFETY: the caller's string.
            unsafe { CStr::from_ptr(name) }
        };
        open(name, flags)
    })
}

fn open(name: &CStr, flags: c_int) -> Result<c_int, Error> {
    let refused = |action| move |source| Error::System { action, source };
    // SAFETY: an ifreq is integers and unions of integers and pointers: all zero is one.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if name.count_bytes() >= request.ifr_name.len() {
        return Err(refused("take so long a device name")(errno(libc::ENAMETOOLONG)));
    }
    for (to, &from) in request.ifr_name.iter_mut().zip(name.to_bytes()) {
        *to = from as c_char;
    }
    request.ifr_ifru.ifru_flags = flags as i16;
    // SAFETY: the path ends in a zero byte.
    let tun = unsafe {
        libc::open(c"/dev/net/tun".as_ptr(), libc::O_RDWR | libc::O_NONBLOCK | libc::O_CLOEXEC)
    };
    if tun < 0 {
        return Err(refused("open /dev/net/tun")(std::io::Error::last_os_error()));
    }
    let make = |number: c_ulong, argument: usize| {
        // SAFETY: the argument is what the request takes, and lives past the call.
        unsafe { tunrss_uapi::ioctl(tun, number, argument) }
    };
    let attach = || {
        make(TUNSETIFF, std::ptr::from_mut(&mut request) as usize)?;
        if flags & libc::IFF_VNET_HDR != 0 {
            make(TUNSETVNETHDRSZ, std::ptr::from_ref(&20 as &c_int) as usize)?;
            make(TUNSETVNETLE, std::ptr::from_ref(&1 as &c_int) as usize)?;
        }
        Ok(tun)
    };
    let mut attach = attach;
    attach().inspect_err(|_| {
        descriptors::closed(tun);
        // SAFETY: it is ours, and nobody else knows of it.
        unsafe { libc::close(tun) };
    })
}

/// Make an ioctl on a descriptor of a TUN, TAP or macvtap, however it was opened. Those of both generations
/// of the kernel series (see libtunrss(3)) are done here, unless the kernel has them; all others are the
/// kernel's. Made by this function, TUNSETIFF, TUNSETVNETHDRSZ and TUNSETSTEERINGEBPF are heeded.
///
/// # Safety
/// As for ioctl().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tunrss_ioctl(fd: c_int, request: c_ulong, argument: *mut c_void) -> c_int {
    // SAFETY: the caller's argument.
    answer(|| unsafe { tunrss_uapi::ioctl(fd, request, argument as usize) })
}

/// Have in force what a guest's VIRTIO_NET_CTRL_MQ_RSS_CONFIG asks for. `body` is a struct
/// virtio_net_rss_config of `len` bytes, little-endian, as it came; bytes behind the key are ignored.
/// `flags` are 0 or TUNRSS_REPORT.
///
/// Returns 0.
///
/// # Safety
/// `body` has `len` bytes that may be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tunrss_rss_config(
    fd: c_int,
    body: *const c_void,
    len: size_t,
    flags: c_int,
) -> c_int {
    answer(|| {
        // SAFETY: the caller's bytes.
        let body = unsafe { bytes(body, len) };
        let setting = Setting::from_rss_config(body, flags & TUNRSS_REPORT != 0)?;
        set(fd, setting)
    })
}

/// Have in force what a guest's VIRTIO_NET_CTRL_MQ_HASH_CONFIG asks for: the kernel's automatic steering, and
/// the report of the hash. `body` is a struct virtio_net_hash_config of `len` bytes, as it came.
///
/// Returns 0.
///
/// # Safety
/// `body` has `len` bytes that may be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tunrss_hash_config(fd: c_int, body: *const c_void, len: size_t) -> c_int {
    answer(|| {
        // SAFETY: the caller's bytes.
        let body = unsafe { bytes(body, len) };
        set(fd, Setting::from_hash_config(body)?)
    })
}

/// Read one packet: struct virtio_net_hdr_v1_hash, in front of it packet information if the device has it,
/// behind it the frame. With a header of another size, it is what read() gives.
///
/// # Safety
/// As for read().
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn tunrss_read(
    fd: c_int,
    buffer: *mut c_void,
    count: size_t,
) -> ssize_t {
    tunrss_uapi::look_at(fd);
    // SAFETY: the caller's buffer, or parts of it and one of ours, which lives past the call.
    let next_readv = |parts, count| unsafe { libc::readv(fd, parts, count) };
    // SAFETY: the caller's buffer.
    let next_read = |start, len| unsafe { libc::read(fd, start, len) };
    // SAFETY: the caller's arguments.
    unsafe { tunrss_uapi::read_as_called(fd, buffer, count, next_readv, next_read) }
}

/// The same into several buffers.
///
/// # Safety
/// As for readv().
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn tunrss_readv(
    fd: c_int,
    parts: *const iovec,
    count: c_int,
) -> ssize_t {
    tunrss_uapi::look_at(fd);
    // SAFETY: the caller's arguments, or the caller's buffers and one of ours, which lives past the call.
    let next_readv = |parts, count| unsafe { libc::readv(fd, parts, count) };
    // SAFETY: the caller's buffer.
    let next_read = |start, len| unsafe { libc::read(fd, start, len) };
    // SAFETY: the caller's arguments.
    unsafe { tunrss_uapi::readv_as_called(fd, parts, count, next_readv, next_read) }
}

/// Write one packet, with what is in front of it as for tunrss_read(). The hash fields are not used.
///
/// # Safety
/// As for write().
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn tunrss_write(
    fd: c_int,
    buffer: *const c_void,
    count: size_t,
) -> ssize_t {
    // SAFETY: the caller's arguments. The kernel skips what it does not know of the header.
    unsafe { libc::write(fd, buffer, count) }
}

/// The same from several buffers.
///
/// # Safety
/// As for writev().
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn tunrss_writev(
    fd: c_int,
    parts: *const iovec,
    count: c_int,
) -> ssize_t {
    // SAFETY: as above.
    unsafe { libc::writev(fd, parts, count) }
}

/// A copy of the descriptor, close-on-exec.
#[unsafe(no_mangle)]
pub extern "C" fn tunrss_dup(fd: c_int) -> c_int {
    // SAFETY: a descriptor that is none is refused.
    let new = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0) };
    if new >= 0 {
        descriptors::copied(fd, new);
    }
    new
}

/// Close the descriptor. What was set stays with the device.
#[unsafe(no_mangle)]
pub extern "C" fn tunrss_close(fd: c_int) -> c_int {
    descriptors::closed(fd);
    // SAFETY: the caller's descriptor, to be closed.
    unsafe { libc::close(fd) }
}

/// Why tunrss_open(), tunrss_ioctl(), tunrss_rss_config() or tunrss_hash_config(), whichever failed last in this
/// thread, did so, with the causes, and what to do about it. Never NULL; valid until one fails again in
/// this thread.
#[unsafe(no_mangle)]
pub extern "C" fn tunrss_error() -> *const c_char {
    // It is gone while the thread ends.
    LAST.try_with(|last| last.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

/// The version of the library, as in "0.1.0".
#[unsafe(no_mangle)]
pub extern "C" fn tunrss_version() -> *const c_char {
    VERSION.as_ptr()
}

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"",
    };

thread_local! {
    static LAST: RefCell<CString> = RefCell::new(CString::default());
}

/// Do something that C asks for, and note why it fails.
fn answer(act: impl FnOnce() -> Result<c_int, Error>) -> c_int {
    let (text, number) = match catch_unwind(AssertUnwindSafe(act)) {
        Ok(Ok(result)) => return result,
        Ok(Err(error)) => (error.report(), error.errno().raw_os_error()),
        Err(_) => ("this is a bug in tunrss: please report it".to_owned(), libc::EIO),
    };
    let text = CString::new(text.replace('\0', " ")).unwrap_or_default();
    let _: Result<(), AccessError> = LAST.try_with(|last| *last.borrow_mut() = text);
    // SAFETY: it is the calling thread's.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    unsafe { *place = number };
    -1
}

/// Set it on the device of the caller's descriptor.
fn set(fd: c_int, setting: Setting) -> Result<c_int, Error> {
    if fd < 0 {
        return Err(Error::NotATun { source: errno(libc::EBADF) });
    }
    // SAFETY: it is not -1, and it is used no longer than this call takes. Whether it is open is the
    // caller's to see to; if not, system calls say so.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    tunrss_uapi::set(fd, setting).map(|()| 0)
}

/// # Safety
/// There are so many bytes at `start`, to be read as long as the result is used.
unsafe fn bytes<'a>(start: *const c_void, len: size_t) -> &'a [u8] {
    if start.is_null() {
        return &[];
    }
    // SAFETY: as the caller says.
    unsafe { std::slice::from_raw_parts(start.cast(), len) }
}

fn errno(number: c_int) -> std::io::Error {
    std::io::Error::from_raw_os_error(number)
}

// linux/if_tun.h
const TUNSETIFF: c_ulong = 0x4004_54ca;
const TUNSETVNETHDRSZ: c_ulong = 0x4004_54d8;
const TUNSETVNETLE: c_ulong = 0x4004_54dc;
