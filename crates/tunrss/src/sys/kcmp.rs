//! Whether descriptors of different processes are the same.

use std::ffi::c_long;

use rustix::process::Pid;

/// `KCMP_FILE`: whether two descriptors, each of a process, are of one open file. `false` also
/// where the kernel does not tell: for lack of privilege, or built without it.
pub(crate) fn is_same_file(one: (Pid, i32), other: (Pid, i32)) -> bool {
    let process = |(process, _): (Pid, i32)| c_long::from(process.as_raw_nonzero().get());
    let descriptor = |(_, descriptor): (Pid, i32)| c_long::from(descriptor);
    // SAFETY: kcmp takes its arguments by value (kernel/kcmp.c, v6.12).
    let result = unsafe {
        libc::syscall(
            libc::SYS_kcmp,
            process(one),
            process(other),
            KCMP_FILE,
            descriptor(one),
            descriptor(other),
        )
    };
    result == 0
}

/// linux/kcmp.h
const KCMP_FILE: c_long = 0;
