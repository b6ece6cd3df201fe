//! The functions whose place ours take: those of the same name that come next in the program.
//!
//! They are found before the program starts, so that it makes no system call more for it; or when one is
//! first called, if that is before.

use std::ffi::{CStr, c_char, c_int, c_uint, c_ulong, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};

use libc::{FILE, iovec, size_t, ssize_t};

/// Functions, each with the type of the C library's.
macro_rules! functions {
    ($($name:ident = $symbol:literal: unsafe extern "C-unwind" fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        $(
            #[inline(always)]
            pub(crate) fn $name() -> unsafe extern "C-unwind" fn($($argument),*) $(-> $result)? {
                static FOUND: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
                let mut found = FOUND.load(Ordering::Relaxed);
                if found.is_null() {
                    found = find($symbol);
                    FOUND.store(found, Ordering::Relaxed);
                }
                // SAFETY: `found` is a function of this name and so of this type (see `find`), and is
                // not null. A variadic one takes three integers as one that is not: so do all of the
                // machines that this is for (x86-64 and AArch64 ELF ABIs).
                unsafe { std::mem::transmute(found) }
            }
        )*

        /// Look for all of them.
        pub(crate) fn find_all() {
            $($name();)*
        }
    };
}

functions! {
    ioctl = c"ioctl": unsafe extern "C-unwind" fn(c_int, c_ulong, *mut c_void) -> c_int;
    read = c"read": unsafe extern "C-unwind" fn(c_int, *mut c_void, size_t) -> ssize_t;
    read_chk = c"__read_chk": unsafe extern "C-unwind" fn(c_int, *mut c_void, size_t, size_t) -> ssize_t;
    readv = c"readv": unsafe extern "C-unwind" fn(c_int, *const iovec, c_int) -> ssize_t;
    close = c"close": unsafe extern "C-unwind" fn(c_int) -> c_int;
    close_range = c"close_range": unsafe extern "C-unwind" fn(c_uint, c_uint, c_int) -> c_int;
    closefrom = c"closefrom": unsafe extern "C-unwind" fn(c_int);
    dup = c"dup": unsafe extern "C-unwind" fn(c_int) -> c_int;
    dup2 = c"dup2": unsafe extern "C-unwind" fn(c_int, c_int) -> c_int;
    dup3 = c"dup3": unsafe extern "C-unwind" fn(c_int, c_int, c_int) -> c_int;
    fclose = c"fclose": unsafe extern "C-unwind" fn(*mut FILE) -> c_int;
    freopen = c"freopen": unsafe extern "C-unwind" fn(*const c_char, *const c_char, *mut FILE) -> *mut FILE;
    freopen64 = c"freopen64": unsafe extern "C-unwind" fn(*const c_char, *const c_char, *mut FILE) -> *mut FILE;
    fcntl = c"fcntl": unsafe extern "C-unwind" fn(c_int, c_int, *mut c_void) -> c_int;
    fcntl64 = c"fcntl64": unsafe extern "C-unwind" fn(c_int, c_int, *mut c_void) -> c_int;
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
