//! A descriptor to make device-wide ioctls on.
//!
//! They need a descriptor that has been attached to the device, and one that is attached is a queue:
//! packets go to it. So we duplicate one that somebody holds already, our own process first, and
//! attach a new one only where nobody holds any, when no packet can be waiting for anybody, or
//! where none can be had. That one is detached at once, since ioctls work on it all the same.
//!
//! The kernel knows no way without the moment between: TUNSETIFF ignores IFF_DETACH_QUEUE. Into a
//! device with four queues, no program and 130,000 packets a second, the moment took no packet in 16
//! of 20 runs, and 6 at most; a queue left attached while programs were loaded took 5,000 or more.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dev, FileType, StatxFlags, makedev, statx};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use crate::device::{Device, Kind};
use crate::error::{Error, Result, TUN_PATH};
use crate::sys::{ioctl, kcmp};
use crate::{macvtap, netns};

/// A descriptor of `device`, a TUN or TAP.
///
/// # Errors
/// [`Error::Macvtap`] of a macvtap, which has nothing to be set in this way. Those of attaching a
/// queue, if nobody's can be duplicated.
pub(crate) fn of(device: &Device) -> Result<OwnedFd> {
    if device.kind() == Kind::Macvtap {
        return Err(Error::Macvtap { name: device.name().clone() });
    }
    let is_held = device.attached_queues()? > 0;
    if is_held && let Some((_, held)) = holders(device).next() {
        return Ok(held);
    }
    let spare = device.attach_spare()?;
    if is_held {
        log::warn!(
            "{}: the descriptors of those who hold its queues cannot be duplicated (that takes \
             CAP_SYS_PTRACE); one more queue was attached for a moment, and packets may have been \
             lost to it",
            device.name()
        );
    }
    Ok(spare)
}

/// The processes that hold queues of `device`, our own first, each with a duplicate of a descriptor
/// by which it does. Only those that this process may trace.
pub(crate) fn holders(device: &Device) -> impl Iterator<Item = (Pid, OwnedFd)> {
    let this = rustix::process::getpid();
    let ours = held(device, this).map(|held| (this, held));
    // The descriptors of all processes are looked at only where one may be found: not if nobody has
    // a queue, but for the one that has been attached and detached to set something.
    let is_only_ours = match device.open_queues_now() {
        Ok((0, detached)) => detached == u32::from(ours.is_some()),
        Ok(_) | Err(_) => false,
    };
    let others =
        (!is_only_ours).then(processes).into_iter().flatten().filter(move |&pid| pid != this);
    let others = others.filter_map(|process| Some((process, held(device, process)?)));
    ours.into_iter().chain(others)
}

/// The same, of a macvtap as well.
pub(crate) fn of_any(device: &Device) -> Result<OwnedFd> {
    match device.kind() {
        Kind::Tap | Kind::Tun => of(device),
        Kind::Macvtap => match macvtap::held(device)? {
            Some(held) => Ok(held),
            None => device.attach_spare(),
        },
    }
}

/// A duplicate of a descriptor by which `process` holds a queue of `device`.
fn held(device: &Device, process: Pid) -> Option<OwnedFd> {
    let root = root(process);
    let mut candidates = descriptors(process).filter(|number| {
        let link = fs::read_link(format!("{root}/fd/{number}"));
        link.is_ok_and(|path| path == Path::new(TUN_PATH))
            && names(&format!("{root}/fdinfo/{number}"), device)
    });
    candidates.find_map(|number| copy(process, number).filter(|copy| is_queue_of(copy, device)))
}

/// A duplicate of a descriptor of a process, if this one may have it.
pub(crate) fn copy(process: Pid, number: i32) -> Option<OwnedFd> {
    let process = pidfd_open(process, PidfdFlags::empty()).ok()?;
    pidfd_getfd(process, number, PidfdGetfdFlags::empty()).ok()
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
    let in_our_netns =
        || ioctl::device_netns(tun).is_ok_and(|netns| netns::is_current(netns.as_fd()));
    has_name() && in_our_netns()
}

/// Descriptors by which the character device `number` is open in the processes that this one may
/// look at: one for each time it was opened, not one for each copy.
pub(crate) fn open_files(number: Dev) -> Vec<(Pid, i32)> {
    let mut found: Vec<(Pid, i32)> = Vec::new();
    for process in processes() {
        let root = root(process);
        let of_it = descriptors(process).filter(|descriptor| {
            let path = format!("{root}/fd/{descriptor}");
            // A file server that does not answer is not waited for.
            let stat = statx(CWD, path, AtFlags::STATX_DONT_SYNC, StatxFlags::TYPE);
            stat.is_ok_and(|stat| {
                let file_type = FileType::from_raw_mode(stat.stx_mode.into());
                let is_number = makedev(stat.stx_rdev_major, stat.stx_rdev_minor) == number;
                file_type == FileType::CharacterDevice && is_number
            })
        });
        for descriptor in of_it {
            let one = (process, descriptor);
            if !found.iter().any(|&other| kcmp::is_same_file(one, other)) {
                found.push(one);
            }
        }
    }
    found
}

/// What the kernel tells of a process.
pub(crate) fn root(process: Pid) -> String {
    format!("/proc/{}", process.as_raw_nonzero())
}

/// The descriptors of a process; none if it may not be looked at.
pub(crate) fn descriptors(process: Pid) -> impl Iterator<Item = i32> {
    let entries = fs::read_dir(format!("{}/fd", root(process))).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

pub(crate) fn processes() -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
}
