//! A descriptor to make device-wide ioctls on, and who holds the queues.
//!
//! The ioctls need a descriptor that has been attached to the device, and one that is attached is a
//! queue: packets go to it. So we duplicate one that somebody holds already, our own process first. Only
//! where nobody holds any, when no packet can be waiting for anybody, a new one is attached. It is
//! detached at once, since ioctls work on it all the same.
//!
//! The kernel knows no way without the moment between: TUNSETIFF ignores IFF_DETACH_QUEUE. A program may
//! open its queues in that moment, and when ours is detached the kernel moves the last queue to its
//! place (`__tun_detach`, drivers/net/tun.c, v6.12). So where somebody has come, all queues are detached and
//! attached again in the order of their descriptors' numbers, in which a program opens them, as the
//! lowest free number is the next one's.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::thread;
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, Dev, FileType, StatxFlags, makedev, statx};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use crate::device::{Device, Kind};
use crate::error::{Error, Result};
use crate::lock::Lock;
use crate::process::Process;
use crate::sys::ioctl::{self, flags};
use crate::sys::kcmp;
use crate::{macvtap, netns};

/// A descriptor of `device`, a TUN or TAP.
///
/// # Errors
/// - [`Error::Macvtap`] of a macvtap, which has nothing to be set in this way.
/// - [`Error::Held`] if somebody's cannot be duplicated.
/// - [`Error::Disordered`], and those of attaching a queue, if nobody has one.
pub(crate) fn of(device: &Device) -> Result<OwnedFd> {
    match device.kind() {
        Kind::Tap | Kind::Tun => of_any(device),
        Kind::Macvtap => Err(Error::Macvtap { name: device.name().clone() }),
    }
}

/// The same, of a macvtap as well.
pub(crate) fn of_any(device: &Device) -> Result<OwnedFd> {
    for _ in 0..LOOKS {
        if let Some((_, held)) = holders(device).next() {
            return Ok(held);
        }
        if device.attached_queues()? == 0
            && let Some(spare) = spare(device)?
        {
            return Ok(spare);
        }
        // They may be going, or have come since.
        thread::sleep(PAUSE);
    }
    Err(Error::Held { name: device.name().clone() })
}

/// A new descriptor of a device that nobody holds, detached; `None` if somebody does by now.
fn spare(device: &Device) -> Result<Option<OwnedFd>> {
    // Under the lock, a queue that appears meanwhile is a program's, and not the spare one of another
    // process that sets the device. The device's owner may attach queues without CAP_NET_ADMIN, and then
    // goes without the lock.
    let _lock = match Lock::to_change(device) {
        Err(error) if error.is_permission() => None,
        lock => Some(lock?),
    };
    if device.attached_queues()? > 0 {
        return Ok(None);
    }
    let spare = device.attach_spare()?;
    put_in_order(device)?;
    Ok(Some(spare))
}

/// Attach the queues that are attached anew, in the order in which the process that holds them has opened
/// them.
///
/// # Errors
/// [`Error::Disordered`] if not all of them can be seen, or if they are of several processes.
fn put_in_order(device: &Device) -> Result<()> {
    for _ in 0..LOOKS {
        let attached = device.attached_queues()?;
        // A single queue has the number 0 in any case.
        if attached <= 1 {
            return Ok(());
        }
        let files = QueueFiles::of(device)?;
        let queues = match &mut files.by_process()[..] {
            [(_, queues)] if queues.len() == attached => std::mem::take(queues),
            // Some are being opened or closed.
            _ => {
                thread::sleep(PAUSE);
                continue;
            }
        };
        // One that cannot be detached was detached by its process since.
        let is_detached = |queue: &&OwnedFd| ioctl::disable_queue(queue).is_ok();
        let mut detached: Vec<_> = queues.iter().rev().filter(is_detached).collect();
        detached.reverse();
        // All of them, whatever becomes of one.
        let refusals = detached.iter().filter_map(|queue| ioctl::enable_queue(queue).err());
        if let Some(source) = refusals.collect::<Vec<_>>().pop() {
            return Err(device.refused("the state of a queue", source));
        }
        // Others may have come between them.
        if device.attached_queues()? == detached.len() {
            log::debug!("{}: queues were opened meanwhile, and put in order", device.name());
            return Ok(());
        }
    }
    Err(Error::Disordered { name: device.name().clone() })
}

/// How many times this looks whether a process that holds queues has come or gone.
const LOOKS: usize = 10;
const PAUSE: Duration = Duration::from_millis(10);

/// A process that holds queues of a device.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct QueueHolder {
    /// The process.
    pub process: Process,
    /// How many attached queues it has open. A queue is held by each process that has it open.
    pub queues: usize,
}

impl Device {
    /// The processes that hold queues of the device, the calling one first, as far as it may look at
    /// their descriptors (CAP_SYS_PTRACE). Those that hold only detached queues are not among them.
    ///
    /// # Errors
    /// [`Error::NoDevice`] if the device is gone; for a macvtap also [`Error::OpenMacvtap`].
    pub fn holders(&self) -> Result<Vec<QueueHolder>> {
        let files = QueueFiles::of(self)?;
        let mut held = files.held_by(rustix::process::getpid()).into_iter().collect::<Vec<_>>();
        held.extend(files.others().filter_map(|process| files.held_by(process)));
        Ok(held)
    }
}

/// The processes that hold queues of `device`, our own first, each with a duplicate of a descriptor
/// by which it does. Only those that this process may trace.
pub(crate) fn holders(device: &Device) -> impl Iterator<Item = (Pid, OwnedFd)> {
    QueueFiles::of(device).ok().into_iter().flat_map(|files| {
        let this = rustix::process::getpid();
        let ours = files.in_process(this).next().map(|(_, held)| (this, held));
        // The descriptors of all processes are looked at only where one may be found: not if nobody has
        // a queue, but for the one that has been attached and detached to set something.
        let is_only_ours = match files.device.open_queues_now() {
            Ok((0, detached)) => {
                files.device.kind() != Kind::Macvtap && detached == u32::from(ours.is_some())
            }
            Ok(_) | Err(_) => false,
        };
        let others = (!is_only_ours).then(|| files.others()).into_iter().flatten();
        let others = others.filter_map(move |process| {
            let (_, held) = files.in_process(process).next()?;
            Some((process, held))
        });
        ours.into_iter().chain(others)
    })
}

/// Finds the descriptors by which processes hold queues of a device.
pub(crate) struct QueueFiles {
    /// As it is now.
    device: Device,
    /// The number of the character device that they are of.
    number: Dev,
}

impl QueueFiles {
    pub(crate) fn of(device: &Device) -> Result<Self> {
        let device = device.now()?;
        let number = match device.kind() {
            Kind::Tap | Kind::Tun => makedev(MISC_MAJOR, TUN_MINOR),
            Kind::Macvtap => macvtap::number(&device)?,
        };
        Ok(Self { device, number })
    }

    /// Those of `process`, each with a duplicate.
    pub(crate) fn in_process(&self, process: Pid) -> impl Iterator<Item = (i32, OwnedFd)> {
        let root = root(process);
        let candidates = descriptors(process).filter(move |number| {
            is_of(CWD, &format!("{root}/fd/{number}"), self.number)
                && self.is_named(&format!("{root}/fdinfo/{number}"))
        });
        candidates.filter_map(move |number| {
            let copy = copy(process, number, self.number)?;
            self.is_queue(&copy).then_some((number, copy))
        })
    }

    /// Processes other than this one.
    fn others(&self) -> impl Iterator<Item = Pid> + use<> {
        processes().filter(|&process| process != rustix::process::getpid())
    }

    /// The attached queues by the processes that hold them, each queue once, in the order of the
    /// descriptors.
    fn by_process(&self) -> Vec<(Pid, Vec<OwnedFd>)> {
        let mut seen: Vec<(Pid, i32)> = Vec::new();
        let mut found = Vec::new();
        for process in processes() {
            let mut queues: Vec<_> = self.in_process(process).collect();
            queues.sort_by_key(|&(number, _)| number);
            let mut attached = Vec::new();
            for (number, queue) in queues {
                let one = (process, number);
                if is_attached(&queue) && !seen.iter().any(|&other| kcmp::is_same_file(one, other))
                {
                    seen.push(one);
                    attached.push(queue);
                }
            }
            if !attached.is_empty() {
                found.push((process, attached));
            }
        }
        found
    }

    fn held_by(&self, process: Pid) -> Option<QueueHolder> {
        let mut seen: Vec<(Pid, i32)> = Vec::new();
        for (number, queue) in self.in_process(process) {
            let one = (process, number);
            if is_attached(&queue) && !seen.iter().any(|&other| kcmp::is_same_file(one, other)) {
                seen.push(one);
            }
        }
        let queues = seen.len();
        (queues > 0).then_some(())?;
        Some(QueueHolder { process: Process::of(process)?, queues })
    }

    /// Whether the information on a descriptor names the device (`tun_chr_show_fdinfo`). Cheap, but
    /// the name may be that of a device in another network namespace. A macvtap's has none.
    fn is_named(&self, fdinfo: &str) -> bool {
        if self.device.kind() == Kind::Macvtap {
            return true;
        }
        let text = fs::read_to_string(fdinfo).unwrap_or_default();
        let name = text.lines().find_map(|line| line.strip_prefix("iff:"));
        name.map(str::trim) == Some(self.device.name().as_str())
    }

    /// Whether a descriptor of the character device is of the device.
    pub(crate) fn is_queue(&self, copy: &OwnedFd) -> bool {
        let has_name = || {
            ioctl::get_iff(copy).is_ok_and(|(name, _)| name.as_ref() == Some(self.device.name()))
        };
        // A macvtap's number is not that of another network namespace's.
        let in_our_netns = || {
            self.device.kind() == Kind::Macvtap
                || ioctl::device_netns(copy).is_ok_and(|netns| netns::is_current(netns.as_fd()))
        };
        has_name() && in_our_netns()
    }

    /// How many open files of queues there are in the processes that this one may look at. A file that
    /// cannot be duplicated is counted, although it may be of a macvtap that had the number before.
    pub(crate) fn count(&self) -> usize {
        let is_of_another = |process, number| {
            copy(process, number, self.number).is_some_and(|copy| !self.is_queue(&copy))
        };
        let files = open_files(self.number).into_iter();
        files.filter(|&(process, number)| !is_of_another(process, number)).count()
    }
}

/// Whether packets go to a queue. A macvtap's does not tell.
fn is_attached(queue: &OwnedFd) -> bool {
    ioctl::get_iff(queue).is_ok_and(|(_, iff)| iff & flags::DETACH_QUEUE == 0)
}

/// A duplicate of a descriptor of a process, if this one may have it and it is of the character device
/// `expected`.
///
/// The process may put another file in its place at any moment. If that file belongs to a file server
/// that does not answer, most calls on it never return, closing it among them. So its type is looked at
/// first, which asks no server, and a file of another type is closed by a thread of its own. What is left
/// is that this process cannot end before that thread.
fn copy(process: Pid, number: i32, expected: Dev) -> Option<OwnedFd> {
    let process = pidfd_open(process, PidfdFlags::empty()).ok()?;
    let copy = pidfd_getfd(process, number, PidfdGetfdFlags::empty()).ok()?;
    if is_of(&copy, "", expected) {
        return Some(copy);
    }
    // Where no thread can be had it is closed here.
    let _: io::Result<_> = thread::Builder::new().spawn(move || drop(copy));
    None
}

/// Whether a file, found by `path` from `start` on, is the character device `expected`.
fn is_of(start: impl AsFd, path: &str, expected: Dev) -> bool {
    // A file server that does not answer is not waited for.
    let flags = AtFlags::STATX_DONT_SYNC | AtFlags::EMPTY_PATH;
    statx(start, path, flags, StatxFlags::TYPE).is_ok_and(|stat| {
        let file_type = FileType::from_raw_mode(stat.stx_mode.into());
        let number = makedev(stat.stx_rdev_major, stat.stx_rdev_minor);
        file_type == FileType::CharacterDevice && number == expected
    })
}

/// Descriptors by which the character device `number` is open in the processes that this one may
/// look at: one for each time it was opened, not one for each copy.
fn open_files(number: Dev) -> Vec<(Pid, i32)> {
    let mut found: Vec<(Pid, i32)> = Vec::new();
    for process in processes() {
        let root = root(process);
        let of_it = descriptors(process)
            .filter(|descriptor| is_of(CWD, &format!("{root}/fd/{descriptor}"), number));
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

// `/dev/net/tun` (linux/major.h, linux/miscdevice.h)
const MISC_MAJOR: u32 = 10;
const TUN_MINOR: u32 = 200;

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsRawFd;

    use super::*;

    /// What a process puts in the place of a descriptor of the driver is not taken for one.
    #[test]
    fn only_descriptors_of_the_driver_are_copied() {
        let this = rustix::process::getpid();
        let (null, zero) = (makedev(1, 3), makedev(1, 5));
        let file = File::open("/dev/null").expect("every machine has it");
        assert!(copy(this, file.as_raw_fd(), null).is_some());
        assert!(copy(this, file.as_raw_fd(), zero).is_none());
        let other = File::open("/proc/self/comm").expect("procfs is mounted");
        assert!(copy(this, other.as_raw_fd(), null).is_none());
    }
}
