//! The ioctls: those of the series, and those that change what is known of a device.

use std::ffi::{c_int, c_ulong};
use std::io;
use std::ops::RangeInclusive;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{FileType, fstat, major, makedev, minor};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, netdevice, socket_with};
use tunrss::{
    Attachment, Config, Device, IfName, Kind, Owner, ReportMode, Settings, State, SteeringMode,
};

use crate::descriptors::{self, Entry};
use crate::devices::{Facts, Slot};
use crate::error::{Error, Result};
use crate::request::{Request, Set};
use crate::setting::Setting;
use crate::sys::{call, memory, shared};

/// Whether a request may concern a device: one of `/dev/net/tun`'s that [`ioctl`] has to see.
#[inline]
pub fn concerns(request: c_ulong) -> bool {
    // The kernel takes 32 bits.
    let request = request as u32;
    let is_tun = request >> 8 & 0xff == u32::from(b'T') && request & 0xff >= FIRST_FUNCTION;
    is_tun && (Request::from_number(request).is_some() || OBSERVED.contains(&request))
}

/// Make an ioctl on a descriptor. Those of the series are asked of the kernel first, and done here if it
/// does not know them; all others are the kernel's.
///
/// # Errors
/// [`Error::errno`] is what the kernel of the series would say, with two exceptions: a process that may
/// not load eBPF programs gets `EPERM`, and a device that is steered by somebody else's configuration
/// `EBUSY`. What was set before stays in force.
///
/// # Safety
/// As for the system call: the argument is what the request says. Addresses that are wrong are refused
/// with `EFAULT`.
pub unsafe fn ioctl(fd: RawFd, request: c_ulong, argument: usize) -> Result<c_int> {
    let _undisturbed = call::undisturbed();
    let passed = |result: io::Result<c_int>| result.map_err(|source| Error::Kernel { source });
    if let Some(one) = Request::from_number(request as u32) {
        return match call::ioctl(fd, request, argument) {
            Ok(result) => {
                IS_NATIVE.store(true, Ordering::Relaxed);
                Ok(result)
            }
            Err(error) => match (Errno::from_io_error(&error), one) {
                (Some(Errno::INVAL), Request::Set(set)) => {
                    memory::ensure_plentiful()?;
                    adopt(fd)?;
                    set_by_argument(fd, set, argument).map(|()| 0)
                }
                // Asked before it is attached, too.
                (Some(Errno::INVAL | Errno::BADFD), Request::Query(query)) => {
                    adopt(fd)?;
                    let (answer, len) = query.answer();
                    memory::write(argument, answer.get(..len).unwrap_or(&answer)).map(|()| 0)
                }
                _ => passed(Err(error)),
            },
        };
    }
    match request as u32 {
        TUNSETIFF => {
            memory::ensure_plentiful()?;
            let is_new = names_no_device(argument);
            let result = passed(call::ioctl(fd, request, argument))?;
            if adopt(fd).is_ok() {
                attached(fd, is_new);
            }
            Ok(result)
        }
        TUNSETVNETHDRSZ => {
            memory::ensure_plentiful()?;
            let result = passed(call::ioctl(fd, request, argument))?;
            if adopt(fd).is_ok() {
                resized(fd);
            }
            Ok(result)
        }
        TUNSETSTEERINGEBPF => {
            memory::ensure_plentiful()?;
            set_program(fd, request, argument)
        }
        _ => {
            let result = passed(call::ioctl(fd, request, argument))?;
            if OBSERVED.contains(&(request as u32)) && adopt(fd).is_ok() {
                look_up(fd);
            }
            Ok(result)
        }
    }
}

/// Have `setting` in force on the device that `fd` is attached to, in place of what is.
///
/// Tell of the descriptor's end by [`descriptors::closed`].
///
/// # Errors
/// As for [`ioctl`].
pub fn set(fd: impl AsFd, setting: Setting) -> Result<()> {
    let fd = fd.as_fd().as_raw_fd();
    let _undisturbed = call::undisturbed();
    memory::ensure_plentiful()?;
    adopt(fd)?;
    let target = Target::of(fd)?;
    let _lock = shared::Lock::take()?;
    if matches!(setting, Setting::Rss { .. }) {
        target.check_rss()?;
    }
    target.set(setting)
}

fn set_by_argument(fd: RawFd, set: Set, argument: usize) -> Result<()> {
    let target = Target::of(fd)?;
    let _lock = shared::Lock::take()?;
    let read = |at: usize, into: &mut [u8]| memory::read(argument.wrapping_add(at), into);
    let setting = set.decode(read, || target.check_rss())?;
    target.set(setting)
}

/// A device, and a descriptor that is attached to it.
struct Target {
    fd: RawFd,
    attachment: Attachment,
    slot: &'static Slot,
}

impl Target {
    /// # Errors
    /// [`Error::NotAttached`].
    fn of(fd: RawFd) -> Result<Self> {
        let attachment = attachment(fd)?;
        let number = slot_of(fd, &attachment)?;
        Self::in_slot(fd, attachment, number)
    }

    /// The same of a descriptor that has been noted.
    fn in_slot(fd: RawFd, attachment: Attachment, number: u16) -> Result<Self> {
        let slot = shared::devices().and_then(|devices| devices.slot(number));
        Ok(Self { fd, attachment, slot: slot.ok_or(Error::NoMemory)? })
    }

    fn name(&self) -> String {
        self.attachment.name().to_string()
    }

    /// RSS takes the place of a steering program, so there must be none.
    fn check_rss(&self) -> Result<()> {
        let facts = self.slot.facts();
        if facts.has_program {
            return Err(Error::ProgramSet { name: self.name() });
        }
        if facts.is_made_here || facts.is_rss || facts.is_macvtap {
            return Ok(());
        }
        // Programs of other processes can be seen only in part.
        let foreign = on_own_stack(|| {
            self.attachment.with_device(|device| {
                let is_steered = device.steering()?.is_some();
                Ok(if is_steered { Vec::new() } else { device.foreign() })
            })
        })?;
        let this = std::process::id();
        match foreign.into_iter().find(|foreign| foreign.process != this) {
            Some(foreign) => {
                let name = self.attachment.name().clone();
                Err(tunrss::Error::Foreign { name, foreign }.into())
            }
            None => Ok(()),
        }
    }

    /// By who has the lock.
    fn set(&self, setting: Setting) -> Result<()> {
        // Somebody who is no relative may have changed the header.
        self.slot.set_facts(self.slot.facts().with_header(&self.attachment));
        let reports = setting.reports();
        let config = setting.into_config()?;
        let mode = self.mode(reports);
        self.put_in_force(config.as_ref(), mode)?;
        let facts = self.slot.facts();
        let hash = config.as_ref().filter(|_| facts.is_macvtap && reports);
        self.slot.hash().set(hash.map(|(config, _)| (config.types(), config.key())));
        let is_rss = matches!(config, Some((_, SteeringMode::Rss)));
        self.slot.set_facts(facts.in_force(mode, is_rss, reports));
        Ok(())
    }

    /// Have the device steered by a configuration, or by none.
    fn put_in_force(
        &self,
        config: Option<&(Config, SteeringMode)>,
        report: ReportMode,
    ) -> Result<()> {
        let control = call::borrow(self.fd).map_err(|source| Error::NotATun { source })?;
        let steering = config.map_or(SteeringMode::default(), |&(_, steering)| steering);
        let settings =
            Settings { steering, owner: owner(), beside_others: true, ..Settings::from(report) };
        on_own_stack(|| {
            self.attachment.with_device(|device| match config {
                None => device.clear_by(control, &settings).map(drop),
                Some((config, _)) => device.steer_by(control, config, &settings),
            })
        })
    }

    /// Who reports: the kernel, if the program's header has room.
    fn mode(&self, reports: bool) -> ReportMode {
        let facts = self.slot.facts();
        match reports {
            false => ReportMode::Off,
            true if !facts.is_macvtap && facts.head(0).has_hash() => ReportMode::Kernel,
            true => ReportMode::Reader,
        }
    }

    /// The header's size has changed, so perhaps who reports. The records tell, so if this is refused
    /// nothing is misread.
    fn follow_header(&self) -> Result<()> {
        let facts = self.slot.facts();
        let mode = self.mode(facts.reports);
        if facts.is_macvtap || !facts.reports || facts.is_prefixed == (mode == ReportMode::Kernel) {
            return Ok(());
        }
        let state = on_own_stack(|| self.attachment.with_device(|device| device.steering()))?;
        let Some(State { config, steering, .. }) = state else { return Ok(()) };
        self.put_in_force(Some(&(config, steering)), mode)?;
        self.slot.set_facts(facts.in_force(mode, facts.is_rss, facts.reports));
        Ok(())
    }
}

impl Facts {
    /// The same with a setting in force.
    fn in_force(self, mode: ReportMode, is_rss: bool, reports: bool) -> Self {
        let is_prefixed = mode == ReportMode::Kernel;
        let was_prefixed = self.was_prefixed || is_prefixed;
        Self { is_prefixed, was_prefixed, is_rss, reports, ..self }
    }

    /// The same with what the kernel says of the device.
    fn seen(self, attachment: &Attachment, device: &Device) -> Self {
        Self {
            has_packet_information: device.has_packet_information(),
            is_macvtap: device.kind() == Kind::Macvtap,
            ..self.with_header(attachment)
        }
    }

    fn with_header(self, attachment: &Attachment) -> Self {
        let len = if attachment.has_vnet_hdr() { attachment.vnet_hdr_len() } else { 0 };
        Self { vnet_hdr_len: u16::try_from(len).unwrap_or(u16::MAX), ..self }
    }

    /// The same with what is in force, if that was set by these ioctls.
    fn with_state(self, state: Option<&State>) -> Self {
        match state.filter(|state| state.owner == owner()) {
            Some(state) => self.in_force(
                state.report,
                state.steering == SteeringMode::Rss,
                state.report != ReportMode::Off,
            ),
            None => self,
        }
    }
}

/// All programs that use these ioctls are one owner: a setting belongs to the device, whoever set it.
fn owner() -> Owner {
    Owner::new("tunrss-uapi")
}

/// Do something on a thread's stack of its own: the caller's may be as small as a page.
fn on_own_stack<T: Send>(act: impl FnOnce() -> tunrss::Result<T> + Send) -> Result<T> {
    let refused = |source| Error::System { action: "start a thread", source };
    let ended = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, act);
        let panicked = || io::Error::other("a thread has failed, which is a bug in tunrss");
        thread.map_err(refused)?.join().map_err(|_| refused(panicked()))
    })?;
    Ok(ended?)
}

/// What a thread of Rust's library has.
const STACK: usize = 2 << 20;

fn attachment(fd: RawFd) -> Result<Attachment> {
    let fd = call::borrow(fd).map_err(|source| Error::NotATun { source })?;
    Attachment::of(fd).map_err(|source| Error::NotAttached { source })
}

/// The slot of the device that `fd` is attached to, made if there is none.
fn slot_of(fd: RawFd, attachment: &Attachment) -> Result<u16> {
    if let Some(Entry::Attached { slot, .. }) = descriptors::get(fd) {
        return Ok(slot);
    }
    note(fd, attachment, false)
}

/// Note what `fd` is attached to. `is_new` is whether its device has just been made.
fn note(fd: RawFd, attachment: &Attachment, is_new: bool) -> Result<u16> {
    let found = on_own_stack(|| {
        attachment.with_device(|device| {
            let identity = attachment.identity(device.index());
            Ok((device, identity))
        })
    });
    let (device, identity) = found?;
    let identity =
        identity.map_err(|source| Error::System { action: "identify the device", source })?;
    let _lock = shared::Lock::take();
    let devices = shared::devices_or_map()?;
    let number = match devices.find(identity) {
        Some(number) => {
            if let Some(slot) = devices.slot(number) {
                // An index may be used again.
                let before = if is_new { Facts::default() } else { slot.facts() };
                let made = before.is_made_here || is_new;
                slot.set_facts(Facts { is_made_here: made, ..before.seen(attachment, &device) });
            }
            number
        }
        None => {
            let number = devices.add(identity, is_gone).ok_or(Error::NoMemory)?;
            if let Some(slot) = devices.slot(number) {
                let facts = Facts { is_made_here: is_new, ..Facts::default() };
                let facts = facts.seen(attachment, &device);
                // Of one made by somebody else a relative of that may have set something.
                let state = if is_new { None } else { state_of(attachment) };
                let by_us = state.as_ref().filter(|state| state.owner == owner());
                let reports = by_us.filter(|state| state.report != ReportMode::Off);
                if facts.is_macvtap
                    && let Some(State { config, .. }) = reports
                {
                    slot.hash().set(Some((config.types(), config.key())));
                }
                slot.set_facts(facts.with_state(state.as_ref()));
            }
            number
        }
    };
    let own = if attachment.is_macvtap() { attachment.vnet_hdr_len() } else { 0 };
    let vnet_hdr_len = u16::try_from(own).unwrap_or(u16::MAX);
    descriptors::set(fd, Some(Entry::Attached { slot: number, vnet_hdr_len }));
    Ok(number)
}

/// What is in force on the device, as far as this process may know.
fn state_of(attachment: &Attachment) -> Option<State> {
    on_own_stack(|| attachment.with_device(|device| device.steering())).ok().flatten()
}

/// Whether the device of an identity is not there any more, as far as this thread's network namespace
/// tells.
fn is_gone(identity: u64) -> bool {
    let (netns, index) = ((identity >> 32), identity as u32);
    if netns == 0 {
        let (major, minor) = (major(identity), minor(identity));
        return !std::path::Path::new(&format!("/sys/dev/char/{major}:{minor}")).exists();
    }
    let here = std::fs::metadata("/proc/thread-self/ns/net");
    let is_here = here.is_ok_and(|here| std::os::unix::fs::MetadataExt::ino(&here) == netns);
    let has = || netdevice::index_to_name(name_socket().ok()?, index).ok();
    is_here && has().is_none()
}

fn name_socket() -> rustix::io::Result<std::os::fd::OwnedFd> {
    socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
}

/// Know `fd` as a descriptor of a TUN, TAP or macvtap.
///
/// # Errors
/// [`Error::NotATun`].
fn adopt(fd: RawFd) -> Result<()> {
    if descriptors::get(fd).is_some() {
        return Ok(());
    }
    let refused = |source: io::Error| Error::NotATun { source };
    let stat = fstat(call::borrow(fd).map_err(refused)?).map_err(|error| refused(error.into()))?;
    let is_device = FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice;
    let is_tun = || stat.st_rdev == makedev(MISC_MAJOR, TUN_MINOR);
    let mut features: u32 = 0;
    // The character devices of macvtaps have numbers that the system chose. Others are not asked: to
    // them the request may be another one.
    let mut is_tap = || {
        let is_candidate = DYNAMIC_MAJORS.iter().any(|range| range.contains(&major(stat.st_rdev)));
        let argument = std::ptr::from_mut(&mut features) as usize;
        is_candidate && call::ioctl(fd, c_ulong::from(TUNGETFEATURES), argument).is_ok()
    };
    if !is_device || !(is_tun() || is_tap()) {
        return Err(refused(Errno::NOTTY.into()));
    }
    descriptors::set(fd, Some(Entry::Unattached));
    Ok(())
}

/// Find out what a descriptor is attached to, for one that is not known to be attached.
pub(crate) fn look_up(fd: RawFd) -> Option<Entry> {
    if let Some(Entry::Unattached) = descriptors::get(fd) {
        let _undisturbed = call::undisturbed();
        memory::ensure_plentiful().ok()?;
        let attachment = attachment(fd).ok()?;
        note(fd, &attachment, false).ok()?;
    }
    descriptors::get(fd)
}

/// Look at a descriptor that somebody has attached otherwise than by these ioctls, if it is not known.
pub fn look_at(fd: RawFd) {
    if descriptors::is_other(fd) && adopt(fd).is_ok() {
        look_up(fd);
    }
}

/// Look at the descriptors that were open before this process knew of any: those of a program that was
/// executed by another one.
pub fn look_at_inherited() {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return };
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.for_each(look_at);
}

/// TUNSETIFF has succeeded.
fn attached(fd: RawFd, is_new: bool) {
    descriptors::set(fd, Some(Entry::Unattached));
    // If it cannot be looked at, it is when the first setting is made.
    if let Ok(attachment) = attachment(fd)
        && let Ok(number) = note(fd, &attachment, is_new)
        && let Ok(target) = Target::in_slot(fd, attachment, number)
    {
        target.follow_header_quietly();
    }
}

/// TUNSETVNETHDRSZ has succeeded.
fn resized(fd: RawFd) {
    let Ok(attachment) = attachment(fd) else { return };
    let Ok(number) = note(fd, &attachment, false) else { return };
    if attachment.is_macvtap() {
        // Copies of the descriptor have it, too.
        let others: Vec<_> = descriptors::of_slot(number).filter(|&other| other != fd).collect();
        for other in others {
            if let Ok(attachment) = self::attachment(other) {
                let _: Result<u16> = note(other, &attachment, false);
            }
        }
    }
    if let Ok(target) = Target::in_slot(fd, attachment, number) {
        target.follow_header_quietly();
    }
}

impl Target {
    fn follow_header_quietly(&self) {
        let Ok(_lock) = shared::Lock::take() else { return };
        if let Err(error) = self.follow_header() {
            crate::complain(&error);
        }
    }
}

/// TUNSETSTEERINGEBPF: a program is refused while RSS is in force, whose own program stands in its place.
fn set_program(fd: RawFd, request: c_ulong, argument: usize) -> Result<c_int> {
    let pass = || call::ioctl(fd, request, argument).map_err(|source| Error::Kernel { source });
    if adopt(fd).is_err() {
        return pass();
    }
    let Ok(target) = Target::of(fd) else { return pass() };
    if target.attachment.is_macvtap() {
        return pass();
    }
    let _lock = shared::Lock::take()?;
    let mut program = [0; size_of::<c_int>()];
    memory::read(argument, &mut program)?;
    let is_none = c_int::from_ne_bytes(program) == -1;
    let facts = target.slot.facts();
    // Somebody who is no relative may have set something since.
    let state = on_own_stack(|| target.attachment.with_device(|device| device.steering()));
    let is_rss = state.map_or(facts.is_rss, |state| {
        state.is_some_and(|state| state.steering == SteeringMode::Rss && state.owner == owner())
    });
    if is_rss {
        return if is_none { Ok(0) } else { Err(Error::RssSet { name: target.name() }) };
    }
    let result = pass()?;
    target.slot.set_facts(Facts { has_program: !is_none, ..facts });
    Ok(result)
}

/// Whether the device that TUNSETIFF is going to attach to is not there yet. If that cannot be known it is
/// taken to be there.
fn names_no_device(argument: usize) -> bool {
    let mut name = [0; libc::IFNAMSIZ];
    if memory::read(argument, &mut name).is_err() {
        return false;
    }
    let name: Vec<u8> = name.into_iter().take_while(|&byte| byte != 0).collect();
    // A name with a number to be filled in, or none, is always a new one's.
    let Some(name) = String::from_utf8(name).ok().and_then(|name| IfName::new(&name).ok()) else {
        return true;
    };
    let index = name_socket().and_then(|socket| netdevice::name_to_index(socket, name.as_str()));
    index.is_err()
}

/// Whether the kernel has the ioctls itself: then records are left to it.
pub(crate) static IS_NATIVE: AtomicBool = AtomicBool::new(false);

// linux/if_tun.h
const FIRST_FUNCTION: u32 = 200;
const TUNSETIFF: u32 = 0x4004_54ca;
const TUNGETFEATURES: u32 = 0x8004_54cf;
const TUNSETOFFLOAD: u32 = 0x4004_54d0;
const TUNGETIFF: u32 = 0x8004_54d2;
const TUNGETVNETHDRSZ: u32 = 0x8004_54d7;
const TUNSETVNETHDRSZ: u32 = 0x4004_54d8;
const TUNSETQUEUE: u32 = 0x4004_54d9;
const TUNSETSTEERINGEBPF: u32 = 0x8004_54e0;

/// Those that change what is known, and those that a program makes on a descriptor that came from
/// another one.
const OBSERVED: [u32; 8] = [
    TUNSETIFF,
    TUNGETFEATURES,
    TUNSETOFFLOAD,
    TUNGETIFF,
    TUNGETVNETHDRSZ,
    TUNSETVNETHDRSZ,
    TUNSETQUEUE,
    TUNSETSTEERINGEBPF,
];

// linux/major.h, drivers/net/tun.c
const MISC_MAJOR: u32 = 10;
const TUN_MINOR: u32 = 200;

/// Those that the kernel gives to who asks for any (include/linux/fs.h, CHRDEV_MAJOR_DYN_*).
const DYNAMIC_MAJORS: [RangeInclusive<u32>; 2] = [234..=254, 384..=511];
