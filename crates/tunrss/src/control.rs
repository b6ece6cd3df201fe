//! A descriptor to make device-wide ioctls on.
//!
//! They need a descriptor that is attached to the device, and an attached descriptor is a queue:
//! packets go to it. So we duplicate one that somebody holds already, our own process first, and
//! attach a new one only where nobody holds any, when no packet can be waiting for anybody.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use crate::device::Device;
use crate::error::{Result, TUN_PATH};
use crate::netns;
use crate::sys::ioctl;

/// A descriptor attached to `device`.
///
/// # Errors
/// Those of attaching a queue, if nobody's can be duplicated.
pub(crate) fn of(device: &Device) -> Result<OwnedFd> {
    if device.attached_queues()? > 0 {
        let ours = rustix::process::getpid();
        let others = processes().filter(|&pid| pid != ours);
        if let Some(held) = std::iter::once(ours).chain(others).find_map(|pid| held(device, pid)) {
            return Ok(held);
        }
        log::warn!(
            "{}: no queue of the process that holds it can be duplicated; attaching one more, \
             which takes packets for a moment",
            device.name()
        );
    }
    device.attach_spare()
}

/// A duplicate of a descriptor by which `process` holds a queue of `device`.
fn held(device: &Device, process: Pid) -> Option<OwnedFd> {
    let root = format!("/proc/{}", process.as_raw_nonzero());
    let descriptors = fs::read_dir(format!("{root}/fd")).ok()?.flatten();
    let mut candidates = descriptors.filter_map(|entry| {
        let is_tun = fs::read_link(entry.path()).ok()? == Path::new(TUN_PATH);
        let number: i32 = entry.file_name().to_str()?.parse().ok()?;
        (is_tun && names(&format!("{root}/fdinfo/{number}"), device)).then_some(number)
    });
    candidates.find_map(|number| {
        let process = pidfd_open(process, PidfdFlags::empty()).ok()?;
        let copy = pidfd_getfd(process, number, PidfdGetfdFlags::empty()).ok()?;
        is_queue_of(&copy, device).then_some(copy)
    })
}

/// Whether the information on a descriptor names the device (`tun_chr_show_fdinfo`). Cheap, but
/// the name may be that of a device in another network namespace.
fn names(fdinfo: &str, device: &Device) -> bool {
    let text = fs::read_to_string(fdinfo).unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("iff:"));
    name.map(str::trim) == Some(device.name().as_str())
}

fn is_queue_of(tun: &OwnedFd, device: &Device) -> bool {
    let has_name =
        || ioctl::get_iff(tun).is_ok_and(|(name, _)| name.as_ref() == Some(device.name()));
    let in_our_netns = || -> io::Result<bool> {
        let netns = fs::File::from(ioctl::device_netns(tun)?);
        Ok(netns.metadata()?.ino() == netns::inode()?)
    };
    has_name() && in_our_netns().unwrap_or(false)
}

fn processes() -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
}
