//! Opening and counting the queues of a macvtap.
//!
//! They are opened through a character device that each macvtap has for itself. Its number is in
//! the sysfs of the macvtap's network namespace, but what is mounted on `/sys` may be that of
//! another one. A node for it is on `/dev` only if somebody made it, and a node of that name may
//! be another's: it is named for the macvtap's index, which is unique in a network namespace only.
//! So the number is looked up in a sysfs, and if there is no node of the number one is made in a
//! tmpfs, both mounted nowhere: they end with their descriptors.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{CWD, Dev, FileType, Mode, OFlags, fstat, makedev, mknodat, openat, stat};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};
use tunrss_hash::VnetHdrLen;

use crate::control::QueueFiles;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::rtnl;
use crate::sys::ioctl;

/// Attach a descriptor to the macvtap `device`, with virtio-net headers of 12 bytes, which are the
/// descriptor's own here. `flags` are for TUNSETIFF.
pub(crate) fn attach(device: &Device, flags: i16) -> Result<OwnedFd> {
    let number = number(device)?;
    let tap = open(device, number)
        .map_err(|source| refused(device, "open the character device", source))?;
    // While the number was looked up the macvtap may have gone, and another may have it now.
    if !is_queue_of(&tap, device) {
        return Err(Error::NoDevice { name: device.name().into() });
    }
    ioctl::set_iff(&tap, device.name(), flags)
        .map_err(|source| device.refused("the virtio-net header", source))?;
    ioctl::set_vnet_hdr_len(&tap, VnetHdrLen::V1.len())
        .map_err(|source| device.refused("the virtio-net header size", source))?;
    ioctl::set_vnet_le(&tap)
        .map_err(|source| device.refused("little-endian virtio-net headers", source))?;
    Ok(tap)
}

/// How many queues are held by the processes that this one may look at. The kernel does not tell.
pub(crate) fn held_queues(device: &Device) -> Result<usize> {
    Ok(QueueFiles::of(device)?.count())
}

fn is_queue_of(tap: &OwnedFd, device: &Device) -> bool {
    ioctl::get_iff(tap).is_ok_and(|(name, _)| name.as_ref() == Some(device.name()))
}

/// The number of the character device.
pub(crate) fn number(device: &Device) -> Result<Dev> {
    let failed = |source| refused(device, "find the number of the character device", source);
    let text = read_attribute(device, &format!("tap{}/dev", device.index())).map_err(failed)?;
    let parse =
        |(major, minor): (&str, &str)| Some(makedev(major.parse().ok()?, minor.parse().ok()?));
    let malformed = || failed(io::Error::new(io::ErrorKind::InvalidData, format!("{text:?}")));
    text.trim_end().split_once(':').and_then(parse).ok_or_else(malformed)
}

/// What sysfs says of the device.
fn read_attribute(device: &Device, attribute: &str) -> io::Result<String> {
    let directory = format!("class/net/{}", device.name());
    match mount("sysfs") {
        Ok(sysfs) => {
            let path = format!("{directory}/{attribute}");
            let file = openat(&sysfs, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
            io::read_to_string(fs::File::from(file))
        }
        // The one that is mounted will do if it shows the device.
        Err(refusal) => {
            let read =
                |attribute: &str| fs::read_to_string(format!("/sys/{directory}/{attribute}"));
            let is =
                |attribute, value: &str| read(attribute).is_ok_and(|text| text.trim_end() == value);
            let found = rtnl::find_index(device.index()).ok().flatten();
            let mac = found.map(|found| found.mac).unwrap_or_default();
            let mac: Vec<_> = mac.iter().map(|byte| format!("{byte:02x}")).collect();
            // A namesake elsewhere may have the same index, but not the same address, too.
            if is("ifindex", &device.index().to_string()) && is("address", &mac.join(":")) {
                read(attribute)
            } else {
                Err(refusal)
            }
        }
    }
}

/// Open the character device of this number: by the node where udev puts it, if that is of the
/// number, else by one made for the purpose.
fn open(device: &Device, number: Dev) -> io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let path = format!("/dev/tap{}", device.index());
    let is_it = |stat: rustix::io::Result<rustix::fs::Stat>| {
        stat.is_ok_and(|stat| {
            FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice
                && stat.st_rdev == number
        })
    };
    if is_it(stat(&path)) {
        let tap = openat(CWD, &path, flags, Mode::empty())?;
        if is_it(fstat(&tap)) {
            return Ok(tap);
        }
    }
    let tmpfs = mount("tmpfs")?;
    mknodat(&tmpfs, "tap", FileType::CharacterDevice, Mode::RUSR | Mode::WUSR, number)?;
    Ok(openat(tmpfs.as_fd(), "tap", flags, Mode::empty())?)
}

/// A file system of this kind, mounted nowhere. A sysfs is that of the calling thread's network
/// namespace.
pub(crate) fn mount(kind: &str) -> io::Result<OwnedFd> {
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(&context)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    Ok(fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
}

fn refused(device: &Device, action: &'static str, source: io::Error) -> Error {
    Error::OpenMacvtap { action, name: device.name().clone(), source }
}
