//! What aya has no call for: maps whose value size is known at run time only, and tcx programs that
//! stay attached without a link.

use std::ffi::{c_long, c_void};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The value of `key` in a map with keys of 4 bytes; `value_size` as the map's own information says.
///
/// # Errors
/// That of `BPF_MAP_LOOKUP_ELEM`.
pub(crate) fn lookup(map: BorrowedFd<'_>, key: u32, value_size: usize) -> io::Result<Vec<u8>> {
    let mut value = vec![0; value_size];
    let attr = ElemAttr::new(map, &raw const key, value.as_mut_ptr().cast());
    // SAFETY: BPF_MAP_LOOKUP_ELEM (map_lookup_elem, kernel/bpf/syscall.c, v6.12) reads 4 bytes
    // through `key` and writes the map's value size through `value`, a buffer of that size; both
    // live past the call, and the kernel keeps no pointer.
    unsafe { bpf(BPF_MAP_LOOKUP_ELEM, &attr) }?;
    Ok(value)
}

/// Write the value of `key` in a map with keys of 4 bytes; `value` has the map's value size.
///
/// # Errors
/// That of `BPF_MAP_UPDATE_ELEM`.
pub(crate) fn update(map: BorrowedFd<'_>, key: u32, value: &mut [u8]) -> io::Result<()> {
    let attr = ElemAttr::new(map, &raw const key, value.as_mut_ptr().cast());
    // SAFETY: BPF_MAP_UPDATE_ELEM (map_update_elem, v6.12) reads 4 bytes through `key` and the
    // map's value size through `value`, which the caller took from the map itself; both live past
    // the call, and the kernel keeps no pointer.
    unsafe { bpf(BPF_MAP_UPDATE_ELEM, &attr) }
}

/// Attach `program` to the egress of the device, in the place of the program `replace`, else as the
/// last. It stays attached until it is detached or the device ends, whatever descriptors are
/// closed. Since Linux 6.6.
///
/// # Errors
/// That of `BPF_PROG_ATTACH`.
pub(crate) fn attach_egress(
    program: BorrowedFd<'_>,
    index: u32,
    replace: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let attr = AttachAttr {
        target_ifindex: index,
        attach_bpf_fd: raw(program),
        attach_type: BPF_TCX_EGRESS,
        attach_flags: if replace.is_some() { BPF_F_REPLACE } else { BPF_F_AFTER },
        replace_bpf_fd: replace.map_or(0, raw),
        ..AttachAttr::default()
    };
    // SAFETY: the attr holds no pointer.
    unsafe { bpf(BPF_PROG_ATTACH, &attr) }
}

/// Detach `program` from the egress of the device.
///
/// # Errors
/// That of `BPF_PROG_DETACH`.
pub(crate) fn detach_egress(program: BorrowedFd<'_>, index: u32) -> io::Result<()> {
    let attr = AttachAttr {
        target_ifindex: index,
        attach_bpf_fd: raw(program),
        attach_type: BPF_TCX_EGRESS,
        ..AttachAttr::default()
    };
    // SAFETY: the attr holds no pointer.
    unsafe { bpf(BPF_PROG_DETACH, &attr) }
}

/// `union bpf_attr` for `BPF_MAP_*_ELEM`.
#[repr(C)]
struct ElemAttr {
    map_fd: u32,
    pad: u32,
    key: u64,
    value: u64,
    flags: u64,
}

impl ElemAttr {
    fn new(map: BorrowedFd<'_>, key: *const u32, value: *mut c_void) -> Self {
        let key = key.expose_provenance() as u64;
        let value = value.expose_provenance() as u64;
        Self { map_fd: raw(map), pad: 0, key, value, flags: 0 }
    }
}

/// `union bpf_attr` for `BPF_PROG_ATTACH` and `BPF_PROG_DETACH`.
#[derive(Default)]
#[repr(C)]
struct AttachAttr {
    target_ifindex: u32,
    attach_bpf_fd: u32,
    attach_type: u32,
    attach_flags: u32,
    replace_bpf_fd: u32,
    relative_fd: u32,
    expected_revision: u64,
}

/// # Safety
/// Pointers in `attr` must be good for what `command` does with them.
unsafe fn bpf<T>(command: c_long, attr: &T) -> io::Result<()> {
    // SAFETY: bpf(2) reads `size_of` bytes of the attr; what it points to is the caller's to vouch
    // for.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, &raw const *attr, size_of::<T>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn raw(fd: BorrowedFd<'_>) -> u32 {
    // A descriptor is not negative.
    fd.as_raw_fd() as u32
}

// linux/bpf.h
const BPF_MAP_LOOKUP_ELEM: c_long = 1;
const BPF_MAP_UPDATE_ELEM: c_long = 2;
const BPF_PROG_ATTACH: c_long = 8;
const BPF_PROG_DETACH: c_long = 9;
const BPF_TCX_EGRESS: u32 = 47;
const BPF_F_REPLACE: u32 = 1 << 2;
const BPF_F_AFTER: u32 = 1 << 4;
