//! What a device does for the kernel (linux/ethtool.h).

use std::os::fd::AsFd;

use rustix::io;
use rustix::ioctl::{Opcode, Updater, ioctl};

use super::ioctl::ifreq;
use crate::IfName;

/// `SIOCETHTOOL` with `ETHTOOL_GTXCSUM`: whether the kernel leaves checksums of what it sends to the device
/// `name`. `socket` is any.
pub(crate) fn computes_checksums(socket: impl AsFd, name: &IfName) -> io::Result<bool> {
    let mut value = Value { cmd: GTXCSUM, data: 0 };
    let mut request = ifreq(name);
    request.ifr_ifru.ifru_data = (&raw mut value).cast();
    // SAFETY: SIOCETHTOOL copies one struct ifreq in and out through the pointer (dev_ioctl,
    // net/core/dev_ioctl.c, v6.12). At the address in it ETHTOOL_GTXCSUM reads 4 bytes and writes 8
    // (ethtool_get_one_feature, net/ethtool/ioctl.c), a struct ethtool_value, as `value` is. Neither
    // pointer is kept, and both live past the call.
    let update = unsafe { Updater::<SIOCETHTOOL, _>::new(&mut request) };
    // SAFETY: as above.
    unsafe { ioctl(socket, update) }?;
    Ok(value.data != 0)
}

/// `struct ethtool_value`
#[repr(C)]
struct Value {
    cmd: u32,
    data: u32,
}

/// linux/sockios.h
const SIOCETHTOOL: Opcode = 0x8946;
/// linux/ethtool.h
const GTXCSUM: u32 = 0x16;
