//! What aya has no call for: reading a map whose value size is known at run time only.

use std::ffi::c_long;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// The value of `key` in the map, `value_size` bytes as the map's own information says.
///
/// # Errors
/// That of `BPF_MAP_LOOKUP_ELEM`.
pub(crate) fn lookup(map: impl AsFd, key: u32, value_size: usize) -> io::Result<Vec<u8>> {
    #[repr(C)]
    struct LookupAttr {
        map_fd: u32,
        pad: u32,
        key: u64,
        value: u64,
        flags: u64,
    }
    let mut value = vec![0; value_size];
    let attr = LookupAttr {
        map_fd: map.as_fd().as_raw_fd() as u32,
        pad: 0,
        key: (&raw const key).addr() as u64,
        value: value.as_mut_ptr().expose_provenance() as u64,
        flags: 0,
    };
    (&raw const key).expose_provenance();
    // SAFETY: BPF_MAP_LOOKUP_ELEM (kernel/bpf/syscall.c, v6.12) reads the attr, `size_of` bytes of
    // the layout of union bpf_attr's second struct; reads the key, 4 bytes as array maps have; and
    // writes the map's value size through `value`, which is a buffer of that size. All three live
    // past the call, and the kernel keeps no pointer.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, BPF_MAP_LOOKUP_ELEM, &raw const attr, size_of::<LookupAttr>())
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(value) }
}

const BPF_MAP_LOOKUP_ELEM: c_long = 1;
