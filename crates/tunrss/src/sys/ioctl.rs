//! The ioctls of `/dev/net/tun` (drivers/net/tun.c, linux/if_tun.h), one typed function each. The
//! character device of a macvtap knows some of them (drivers/net/tap.c).
//!
//! Their encoded direction is not what they do: some take their argument by value although the
//! number says "pointer", and some that say "read" write. The functions follow the code.

use std::ffi::c_int;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use rustix::io;
use rustix::ioctl::{
    Getter, IntegerSetter, Ioctl, IoctlOutput, Opcode, Setter, Updater, ioctl, opcode,
};

use crate::IfName;

/// `IFF_*` flags of a queue (linux/if_tun.h).
pub(crate) mod flags {
    use std::ffi::c_short;

    pub(crate) const TUN: c_short = libc::IFF_TUN as c_short;
    pub(crate) const TAP: c_short = libc::IFF_TAP as c_short;
    pub(crate) const NO_PI: c_short = libc::IFF_NO_PI as c_short;
    pub(crate) const VNET_HDR: c_short = libc::IFF_VNET_HDR as c_short;
    pub(crate) const MULTI_QUEUE: c_short = libc::IFF_MULTI_QUEUE as c_short;
    pub(crate) const TUN_EXCL: c_short = libc::IFF_TUN_EXCL as c_short;
    pub(crate) const ATTACH_QUEUE: c_short = libc::IFF_ATTACH_QUEUE as c_short;
    pub(crate) const DETACH_QUEUE: c_short = libc::IFF_DETACH_QUEUE as c_short;
}

/// `TUN_F_*` offloads that a reader accepts (linux/if_tun.h). The tunnel offloads 0x80 and 0x100
/// are left out on purpose: with a header of 12 bytes every record with one fails to be read.
pub(crate) mod offload {
    pub(crate) const CSUM: u32 = libc::TUN_F_CSUM;
    pub(crate) const TSO4: u32 = libc::TUN_F_TSO4;
    pub(crate) const TSO6: u32 = libc::TUN_F_TSO6;
    pub(crate) const TSO_ECN: u32 = libc::TUN_F_TSO_ECN;
    pub(crate) const USO4: u32 = libc::TUN_F_USO4;
    pub(crate) const USO6: u32 = libc::TUN_F_USO6;
}

/// `TUNSETIFF`: attach `tun` to the device `name`, which is made if it does not exist; of a macvtap,
/// to which it is attached already, set the flags only. Returns the name that the kernel chose.
pub(crate) fn set_iff(tun: impl AsFd, name: &IfName, flags: i16) -> io::Result<Option<IfName>> {
    let mut request = ifreq(name);
    request.ifr_ifru.ifru_flags = flags;
    const OPCODE: Opcode = opcode::write::<c_int>(b'T', 202);
    // SAFETY: TUNSETIFF copies one struct ifreq in and out through the pointer (__tun_chr_ioctl,
    // v6.12) and keeps no pointer; `request` is one and lives past the call.
    let update = unsafe { Updater::<OPCODE, _>::new(&mut request) };
    // SAFETY: as above.
    unsafe { ioctl(tun, update) }?;
    Ok(name_of(&request))
}

/// `TUNGETIFF`: the name and the `IFF_*` flags of the device that `tun` is attached to.
pub(crate) fn get_iff(tun: impl AsFd) -> io::Result<(Option<IfName>, i16)> {
    // tun.c writes the whole, tap.c the name and the flags only: so it is all there before.
    let mut request = zeroed_ifreq();
    const OPCODE: Opcode = opcode::read::<std::ffi::c_uint>(b'T', 210);
    // SAFETY: TUNGETIFF writes at most one struct ifreq through the pointer (__tun_chr_ioctl and
    // tap_ioctl, v6.12) and keeps no pointer; `request` is one and lives past the call.
    let update = unsafe { Updater::<OPCODE, _>::new(&mut request) };
    // SAFETY: as above.
    unsafe { ioctl(tun, update) }?;
    // SAFETY: the union was zero, and the kernel wrote its flags; any bits are a c_short.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    Ok((name_of(&request), flags))
}

/// `TUNSETQUEUE` with `IFF_DETACH_QUEUE`: the queue `tun` takes no more packets, and loses those that
/// wait in it. The descriptor stays the device's: all other ioctls work on it as before.
pub(crate) fn disable_queue(tun: impl AsFd) -> io::Result<()> {
    set_queue(tun, flags::DETACH_QUEUE)
}

/// `TUNSETQUEUE` with `IFF_ATTACH_QUEUE`: the queue `tun`, which was disabled, is the device's last.
pub(crate) fn enable_queue(tun: impl AsFd) -> io::Result<()> {
    set_queue(tun, flags::ATTACH_QUEUE)
}

fn set_queue(tun: impl AsFd, flags: i16) -> io::Result<()> {
    // SAFETY: an ifreq is integers and unions of integers and pointers: all zero is one.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_ifru.ifru_flags = flags;
    const OPCODE: Opcode = opcode::write::<c_int>(b'T', 217);
    // SAFETY: TUNSETQUEUE copies one struct ifreq in through the pointer (__tun_chr_ioctl, v6.12)
    // and keeps no pointer; `request` lives in the setter past the call.
    let setter = unsafe { Setter::<OPCODE, libc::ifreq>::new(request) };
    // SAFETY: as above.
    unsafe { ioctl(tun, setter) }
}

/// `TUNSETPERSIST`, by value: whether the device outlives its last queue.
pub(crate) fn set_persist(tun: impl AsFd, persist: bool) -> io::Result<()> {
    const OPCODE: Opcode = opcode::write::<c_int>(b'T', 203);
    set_value::<OPCODE>(tun, usize::from(persist))
}

/// `TUNSETOFFLOAD`, by value, device-wide: what readers can take.
pub(crate) fn set_offload(tun: impl AsFd, offload: u32) -> io::Result<()> {
    const OPCODE: Opcode = opcode::write::<std::ffi::c_uint>(b'T', 208);
    set_value::<OPCODE>(tun, offload as usize)
}

/// `TUNSETVNETHDRSZ`, pointer to int, device-wide: bytes of virtio-net header.
pub(crate) fn set_vnet_hdr_len(tun: impl AsFd, len: usize) -> io::Result<()> {
    const OPCODE: Opcode = opcode::write::<c_int>(b'T', 216);
    set_int::<OPCODE>(tun, len as c_int)
}

/// `TUNGETVNETHDRSZ`: bytes of virtio-net header.
pub(crate) fn vnet_hdr_len(tun: impl AsFd) -> io::Result<usize> {
    const OPCODE: Opcode = opcode::read::<c_int>(b'T', 215);
    // SAFETY: TUNGETVNETHDRSZ writes one int through the pointer (v6.12).
    let getter = unsafe { Getter::<OPCODE, c_int>::new() };
    // SAFETY: as above.
    let len = unsafe { ioctl(tun, getter) }?;
    Ok(usize::try_from(len).unwrap_or(0))
}

/// `TUNSETVNETLE`, pointer to int, device-wide: headers are little-endian on every machine.
pub(crate) fn set_vnet_le(tun: impl AsFd) -> io::Result<()> {
    const OPCODE: Opcode = opcode::write::<c_int>(b'T', 220);
    set_int::<OPCODE>(tun, 1)
}

/// `TUNSETSTEERINGEBPF`, pointer to int, device-wide: the program that chooses the queue.
pub(crate) fn set_steering(tun: impl AsFd, program: Option<impl AsFd>) -> io::Result<()> {
    const OPCODE: Opcode = opcode::read::<c_int>(b'T', 224);
    set_int::<OPCODE>(tun, program.map_or(-1, |program| program.as_fd().as_raw_fd()))
}

/// `TUNSETFILTEREBPF`, pointer to int, device-wide: the program that drops packets.
pub(crate) fn set_filter(tun: impl AsFd, program: Option<impl AsFd>) -> io::Result<()> {
    const OPCODE: Opcode = opcode::read::<c_int>(b'T', 225);
    set_int::<OPCODE>(tun, program.map_or(-1, |program| program.as_fd().as_raw_fd()))
}

/// `TUNGETDEVNETNS`: the network namespace of the device that `tun` is attached to.
pub(crate) fn device_netns(tun: impl AsFd) -> io::Result<OwnedFd> {
    // SAFETY: TUNGETDEVNETNS takes no argument and returns a new descriptor (v6.12).
    unsafe { ioctl(tun, GetDevNetns) }
}

struct GetDevNetns;

// SAFETY: the number is _IO('T', 227), without an argument; the output is the call's result, a
// descriptor that the kernel has made for the caller and that nobody else owns.
unsafe impl Ioctl for GetDevNetns {
    type Output = OwnedFd;

    const IS_MUTATING: bool = false;

    fn opcode(&self) -> Opcode {
        opcode::none(b'T', 227)
    }

    fn as_ptr(&mut self) -> *mut rustix::ffi::c_void {
        std::ptr::null_mut()
    }

    unsafe fn output_from_ptr(
        out: IoctlOutput,
        _: *mut rustix::ffi::c_void,
    ) -> io::Result<Self::Output> {
        // SAFETY: rustix calls this after success only, where `out` is the new descriptor.
        Ok(unsafe { OwnedFd::from_raw_fd(out) })
    }
}

fn set_int<const OPCODE: Opcode>(tun: impl AsFd, value: c_int) -> io::Result<()> {
    // SAFETY: the ioctls that this serves read one int through the pointer (tun.c, v6.12) and keep
    // none; the value lives in the setter past the call.
    let setter = unsafe { Setter::<OPCODE, c_int>::new(value) };
    // SAFETY: as above.
    unsafe { ioctl(tun, setter) }
}

fn set_value<const OPCODE: Opcode>(tun: impl AsFd, value: usize) -> io::Result<()> {
    // SAFETY: the ioctls that this serves take their argument by value (tun.c, v6.12).
    let setter = unsafe { IntegerSetter::<OPCODE>::new_usize(value) };
    // SAFETY: as above.
    unsafe { ioctl(tun, setter) }
}

pub(super) fn ifreq(name: &IfName) -> libc::ifreq {
    let mut request = zeroed_ifreq();
    // A name is shorter than the field, so a zero byte stays at its end.
    for (to, from) in request.ifr_name.iter_mut().zip(name.as_str().bytes()) {
        *to = from as _;
    }
    request
}

fn zeroed_ifreq() -> libc::ifreq {
    // SAFETY: an ifreq is integers and unions of integers and pointers: all zero is one.
    unsafe { std::mem::zeroed() }
}

fn name_of(request: &libc::ifreq) -> Option<IfName> {
    let bytes = request.ifr_name.iter().map(|&byte| byte as u8).take_while(|&byte| byte != 0);
    IfName::new(&String::from_utf8(bytes.collect()).ok()?).ok()
}

const _: () = assert!(size_of::<libc::ifreq>() == 40 || size_of::<usize>() == 4);
