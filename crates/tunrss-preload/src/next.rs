//! The functions whose place ours take: those of the same name that come next in the program.
//!
//! They are found before the program starts, so that it makes no system call more for it; or when one is
//! first called, if that is before.

use std::ffi::{CStr, c_char, c_int, c_uint, c_ulong, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};

use libc::{FILE, iovec, size_t, ssize_t};

/// Functions, each with the type of the C library's.
macro_rules! functions {
    ($($name:ident = $symbol:literal: unsafe extern "C-unwind" fn($($argument:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        $(
            #[inline(always)]
            pub(crate) fn $name() -> unsafe extern "C-unwind" fn($($type),*) $(-> $result)? {
                let found = FOUND.$name.load(Ordering::Relaxed);
                // SAFETY: `found` is a function of this name (see `find`) or of `first`, and so of this
                // type. A variadic one takes three integers as one that is not: so do all of the
                // machines that this is for (x86-64 and AArch64 ELF ABIs).
                unsafe { std::mem::transmute(found) }
            }
        )*

        /// Each can be called at any time, so that nobody has to look whether it has been found.
        struct Found {
            $($name: AtomicPtr<c_void>,)*
        }

        static FOUND: Found = Found {
            $($name: AtomicPtr::new(first::$name as *mut c_void),)*
        };

        /// What is called in the place of those that have not been found yet.
        mod first {
            use super::{FILE, FOUND, Ordering, c_char, c_int, c_uint, c_ulong, c_void, find, iovec, size_t, ssize_t};

            $(
                pub(super) unsafe extern "C-unwind" fn $name($($argument: $type),*) $(-> $result)? {
                    FOUND.$name.store(find($symbol), Ordering::Relaxed);
                    // SAFETY: the caller's arguments.
                    unsafe { super::$name()($($argument),*) }
                }
            )*
        }

        /// Look for all of them.
        pub(crate) fn find_all() {
            $(FOUND.$name.store(find($symbol), Ordering::Relaxed);)*
        }
    };
}

functions! {
    ioctl = c"ioctl": unsafe extern "C-unwind" fn(fd: c_int, request: c_ulong, argument: *mut c_void) -> c_int;
    read = c"read": unsafe extern "C-unwind" fn(fd: c_int, buffer: *mut c_void, count: size_t) -> ssize_t;
    read_chk = c"__read_chk": unsafe extern "C-unwind" fn(fd: c_int, buffer: *mut c_void, count: size_t, room: size_t) -> ssize_t;
    readv = c"readv": unsafe extern "C-unwind" fn(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t;
    close = c"close": unsafe extern "C-unwind" fn(fd: c_int) -> c_int;
    close_range = c"close_range": unsafe extern "C-unwind" fn(first: c_uint, last: c_uint, flags: c_int) -> c_int;
    closefrom = c"closefrom": unsafe extern "C-unwind" fn(first: c_int);
    dup = c"dup": unsafe extern "C-unwind" fn(fd: c_int) -> c_int;
    dup2 = c"dup2": unsafe extern "C-unwind" fn(fd: c_int, new: c_int) -> c_int;
    dup3 = c"dup3": unsafe extern "C-unwind" fn(fd: c_int, new: c_int, flags: c_int) -> c_int;
    fclose = c"fclose": unsafe extern "C-unwind" fn(stream: *mut FILE) -> c_int;
    freopen = c"freopen": unsafe extern "C-unwind" fn(path: *const c_char, mode: *const c_char, stream: *mut FILE) -> *mut FILE;
    freopen64 = c"freopen64": unsafe extern "C-unwind" fn(path: *const c_char, mode: *const c_char, stream: *mut FILE) -> *mut FILE;
    fcntl = c"fcntl": unsafe extern "C-unwind" fn(fd: c_int, command: c_int, argument: *mut c_void) -> c_int;
    fcntl64 = c"fcntl64": unsafe extern "C-unwind" fn(fd: c_int, command: c_int, argument: *mut c_void) -> c_int;
}

/// The next function of this name; one that fails if there is none, as in an older C library.
#[cold]
#[inline(never)]
fn find(symbol: &CStr) -> *mut c_void {
    // SAFETY: the name ends in a zero byte, and lives past the call.
    let found = unsafe { libc::dlsym(libc::RTLD_NEXT, symbol.as_ptr()) };
    if found.is_null() { missing as *mut c_void } else { found }
}

/// In the place of any of them: arguments are the caller's to clean up.
extern "C-unwind" fn missing() -> isize {
    // SAFETY: it is the calling thread's.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    unsafe { *place = libc::ENOSYS };
    -1
}
