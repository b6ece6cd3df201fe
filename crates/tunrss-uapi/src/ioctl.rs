//! The ioctls: those of the series, and those that change what is known of a device.

use std::ffi::{c_int, c_ulong};
use std::io;
use std::ops::RangeInclusive;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{FileType, fstat, major, makedev, minor};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, netdevice, socket_with};
use tunrss::{
    Attachment, Config, Device, Exclusive, IfName, Kind, Owner, ReportMode, Settings, State,
    SteeringMode,
};

use crate::descriptors::{self, Entry};
use crate::devices::{Facts, Slot};
use crate::error::{Error, Result};
use crate::request::{Request, Set};
use crate::setting::{Setting, behind_program, is_rss};
use crate::sys::call::Undisturbed;
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
    let undisturbed = call::undisturbed();
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
                    set_by_argument(fd, set, argument, &undisturbed).map(|()| 0)
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
                attached(fd, is_new, &undisturbed);
            }
            Ok(result)
        }
        TUNSETVNETHDRSZ => {
            memory::ensure_plentiful()?;
            let result = passed(call::ioctl(fd, request, argument))?;
            if adopt(fd).is_ok() {
                resized(fd, &undisturbed);
            }
            Ok(result)
        }
        TUNSETSTEERINGEBPF => {
            memory::ensure_plentiful()?;
            set_program(fd, request, argument, &undisturbed)
        }
        _ => {
            let result = passed(call::ioctl(fd, request, argument))?;
            if OBSERVED.contains(&(request as u32)) && adopt(fd).is_ok() {
                look_up_undisturbed(fd, &undisturbed);
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
    let undisturbed = call::undisturbed();
    memory::ensure_plentiful()?;
    adopt(fd)?;
    Target::of(fd, &undisturbed)?.alone(|change| {
        if matches!(setting, Setting::Rss { .. }) {
            change.check_rss()?;
        }
        change.set(setting.clone(), false)
    })
}

fn set_by_argument(fd: RawFd, set: Set, argument: usize, undisturbed: &Undisturbed) -> Result<()> {
    let read = |at: usize, into: &mut [u8]| memory::read(argument.wrapping_add(at), into);
    let is_beside = set.stands_beside_programs();
    Target::of(fd, undisturbed)?.alone(|change| {
        let check = || if is_beside { change.check_others() } else { change.check_rss() };
        change.set(set.decode(read, check)?, is_beside)
    })
}

/// A device, and a descriptor that is attached to it.
struct Target<'a> {
    fd: RawFd,
    attachment: Attachment,
    slot: &'static Slot,
    undisturbed: &'a Undisturbed,
}

impl<'a> Target<'a> {
    /// # Errors
    /// [`Error::NotAttached`], [`Error::Deleted`].
    fn of(fd: RawFd, undisturbed: &'a Undisturbed) -> Result<Self> {
        let attachment = attachment(fd)?;
        // Also of one that is known: its number may be that of another device's descriptor by now.
        let number = note(fd, &attachment, false, undisturbed)?;
        Self::in_slot(fd, attachment, number, undisturbed)
    }

    /// The same of a descriptor that has been noted.
    fn in_slot(
        fd: RawFd,
        attachment: Attachment,
        number: u16,
        undisturbed: &'a Undisturbed,
    ) -> Result<Self> {
        let slot = shared::devices().and_then(|devices| devices.slot(number));
        Ok(Self { fd, attachment, slot: slot.ok_or(Error::NoMemory)?, undisturbed })
    }

    /// Do something while nobody else changes the device, neither a thread nor another process.
    ///
    /// # Errors
    /// [`tunrss::Error::Locked`] after five seconds; those of `act`.
    fn alone<T: Send>(&self, act: impl Fn(&Change<'_>) -> Result<T> + Sync) -> Result<T> {
        alone(self.fd, &self.attachment, self.slot, self.undisturbed, PATIENCE, act)
    }

    fn follow_header_quietly(&self) {
        if let Err(error) = self.alone(|change| change.follow_header()) {
            crate::complain(&error);
        }
    }
}

/// The same as [`Target::alone`]. As long as somebody else changes the device it is tried again; signals are
/// handled between two tries.
fn alone<T: Send>(
    fd: RawFd,
    attachment: &Attachment,
    slot: &Slot,
    undisturbed: &Undisturbed,
    patience: Duration,
    act: impl Fn(&Change<'_>) -> Result<T> + Sync,
) -> Result<T> {
    let deadline = Instant::now() + patience;
    let act = |device: Device| {
        let exclusive = device.exclusive(TURN)?;
        Ok(act(&Change { fd, slot, attachment, device: &device, exclusive }))
    };
    loop {
        match on_own_stack(|| attachment.with_device(act)).flatten() {
            Err(Error::Device(tunrss::Error::Locked { .. })) if Instant::now() < deadline => {
                undisturbed.let_signals_in();
            }
            result => return result,
        }
    }
}

/// How long a change waits for others, which take some milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it is waited to see what is in force.
const PATIENCE_TO_LOOK: Duration = Duration::from_secs(1);
/// How long of that signals have to wait.
const TURN: Duration = Duration::from_millis(200);

/// A device that nobody else changes meanwhile.
struct Change<'a> {
    fd: RawFd,
    slot: &'a Slot,
    attachment: &'a Attachment,
    device: &'a Device,
    exclusive: Exclusive<'a>,
}

impl Change<'_> {
    /// Whether RSS can take the place of a steering program: there must be none.
    fn check_rss(&self) -> Result<()> {
        if self.slot.facts().has_program {
            return Err(Error::ProgramSet { name: self.name() });
        }
        self.check_others()
    }

    /// The same of programs that somebody else may have set.
    fn check_others(&self) -> Result<()> {
        let facts = self.slot.facts();
        let is_known = facts.is_made_here || facts.is_rss || facts.is_macvtap || facts.has_program;
        if is_known || self.exclusive.steering()?.is_some() {
            return Ok(());
        }
        // Programs of other processes can be seen only in part.
        match self.device.foreign().into_iter().next() {
            Some(foreign) => {
                let name = self.device.name().clone();
                Err(tunrss::Error::Foreign { name, foreign }.into())
            }
            None => Ok(()),
        }
    }

    fn name(&self) -> String {
        self.device.name().to_string()
    }

    /// `is_beside` is whether a steering program of the program's own may go before RSS.
    fn set(&self, setting: Setting, is_beside: bool) -> Result<()> {
        // Somebody who is no relative may have changed the header.
        let facts = self.slot.change(|facts| facts.with_header(self.attachment));
        let reports = setting.reports();
        let is_rss = matches!(setting, Setting::Rss { .. });
        let mode = mode(facts, reports);
        let config = setting.into_config()?;
        let config = match config {
            Some((config, SteeringMode::Rss)) if facts.has_program => {
                Some((behind_program(config)?, SteeringMode::Automatic))
            }
            config => config,
        };
        self.put_in_force(config.as_ref(), mode, false)?;
        let hash = config.as_ref().filter(|_| facts.is_macvtap && reports);
        self.slot.hash().set(hash.map(|(config, _)| (config.types(), config.key())));
        let is_beside = is_rss && is_beside;
        self.slot.change(|facts| Facts { is_beside, ..facts.in_force(mode, is_rss, reports) });
        Ok(())
    }

    /// Have the device steered by a configuration, or by none. `by_program` is whether a program of the
    /// program's own has just taken the place of ours.
    fn put_in_force(
        &self,
        config: Option<&(Config, SteeringMode)>,
        report: ReportMode,
        by_program: bool,
    ) -> Result<()> {
        let steering = config.map_or(SteeringMode::default(), |&(_, steering)| steering);
        let settings = Settings {
            steering,
            owner: owner(),
            beside_others: true,
            steered_by_other: by_program,
            ..Settings::from(report)
        };
        let put = |control: BorrowedFd<'_>| match config {
            None => self.exclusive.clear_by(control, &settings).map(drop),
            Some((config, _)) => self.exclusive.steer_by(control, config, &settings),
        };
        call::lend(self.fd, put).map_err(|source| Error::NotATun { source })??;
        Ok(())
    }

    /// The header's size has changed, so perhaps who reports. The records tell, so if this is refused
    /// nothing is misread.
    fn follow_header(&self) -> Result<()> {
        let facts = self.slot.facts();
        let mode = mode(facts, facts.reports);
        if facts.is_macvtap || !facts.reports || facts.is_prefixed == (mode == ReportMode::Kernel) {
            return Ok(());
        }
        let Some(State { config, steering, .. }) = self.exclusive.steering()? else {
            return Ok(());
        };
        self.put_in_force(Some(&(config, steering)), mode, false)?;
        self.slot.change(|facts| facts.in_force(mode, facts.is_rss, facts.reports));
        Ok(())
    }

    /// Set or take off a steering program (TUNSETSTEERINGEBPF), which `pass` does.
    fn set_program(&self, is_none: bool, pass: impl Fn() -> Result<c_int>) -> Result<c_int> {
        let facts = self.slot.facts();
        // Somebody who is no relative may have set something since.
        let state = match self.exclusive.steering() {
            Ok(state) => state.filter(|state| state.owner == owner() && is_rss(state)),
            Err(error) if facts.is_rss => return Err(error.into()),
            Err(_) => None,
        };
        let Some(state) = state else {
            let result = pass()?;
            self.slot.change(|facts| Facts { has_program: !is_none, ..facts });
            return Ok(result);
        };
        let is_behind = state.steering == SteeringMode::Automatic;
        match (is_none, is_behind) {
            // Ours stands in its place.
            (true, false) => Ok(0),
            (true, true) => {
                self.put_in_force(Some(&(state.config, SteeringMode::Rss)), state.report, false)?;
                self.slot.change(|facts| Facts { has_program: false, ..facts });
                Ok(0)
            }
            (false, true) => pass(),
            (false, false) if !facts.is_beside => Err(Error::RssSet { name: self.name() }),
            (false, false) => {
                let behind = (behind_program(state.config.clone())?, SteeringMode::Automatic);
                let result = pass()?;
                let kept = self.put_in_force(Some(&behind), state.report, true);
                if let Err(error) = kept {
                    // Without being kept it could not come back.
                    self.put_in_force(
                        Some(&(state.config, SteeringMode::Rss)),
                        state.report,
                        false,
                    )?;
                    return Err(error);
                }
                self.slot.change(|facts| Facts { has_program: true, ..facts });
                Ok(result)
            }
        }
    }
}

/// Who reports: the kernel, if the program's header has room.
fn mode(facts: Facts, reports: bool) -> ReportMode {
    match reports {
        false => ReportMode::Off,
        true if !facts.is_macvtap && facts.head(0).has_hash() => ReportMode::Kernel,
        true => ReportMode::Reader,
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
            Some(state) => {
                self.in_force(state.report, is_rss(state), state.report != ReportMode::Off)
            }
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
    let attachment =
        call::lend(fd, |fd| Attachment::of(fd)).map_err(|source| Error::NotATun { source })?;
    attachment.map_err(|source| match Errno::from_io_error(&source) {
        // A macvtap is attached from its opening on.
        Some(Errno::NOLINK) => Error::Deleted { source },
        _ => Error::NotAttached { source },
    })
}

/// Note what `fd` is attached to. `is_new` is whether its device has just been made.
fn note(
    fd: RawFd,
    attachment: &Attachment,
    is_new: bool,
    undisturbed: &Undisturbed,
) -> Result<u16> {
    let found = on_own_stack(|| {
        attachment.with_device(|device| {
            let identity = attachment.identity(device.index());
            Ok((device, identity))
        })
    });
    let (device, identity) = found?;
    let identity =
        identity.map_err(|source| Error::System { action: "identify the device", source })?;
    let devices = shared::devices_or_map()?;
    let (number, is_first) = devices.claim(identity, is_gone).ok_or(Error::NoMemory)?;
    let slot = devices.slot(number).ok_or(Error::NoMemory)?;
    slot.set_name(name_bytes(attachment));
    slot.change(|facts| {
        // An index may be used again.
        let before = if is_new { Facts::default() } else { facts };
        let is_made_here = before.is_made_here || is_new;
        Facts { is_made_here, ..before.seen(attachment, &device) }
    });
    // On one made by somebody else, a relative of that may have set something.
    if is_first && !is_new {
        // As far as this process may know: who may not change the device may still be allowed to look.
        let seen = alone(fd, attachment, slot, undisturbed, PATIENCE_TO_LOOK, |change| {
            note_state(slot, change.exclusive.steering()?.as_ref());
            Ok(())
        });
        if let Err(Error::Device(tunrss::Error::Lock { .. })) = seen {
            let state = on_own_stack(|| attachment.with_device(|device| device.steering()));
            note_state(slot, state.ok().flatten().as_ref());
        }
    }
    let own = if attachment.is_macvtap() { attachment.vnet_hdr_len() } else { 0 };
    let vnet_hdr_len = u16::try_from(own).unwrap_or(u16::MAX);
    descriptors::set(fd, Some(Entry::Attached { slot: number, vnet_hdr_len }))?;
    Ok(number)
}

/// Note what is in force on the device of a slot.
fn note_state(slot: &Slot, state: Option<&State>) {
    let by_us = state.filter(|state| state.owner == owner());
    let reports = by_us.filter(|state| state.report != ReportMode::Off);
    if let Some(State { config, .. }) = reports.filter(|_| slot.facts().is_macvtap) {
        slot.hash().set(Some((config.types(), config.key())));
    }
    slot.change(|facts| facts.with_state(state));
}

fn name_bytes(attachment: &Attachment) -> [u8; libc::IFNAMSIZ] {
    let mut name = [0; libc::IFNAMSIZ];
    let from = attachment.name().as_str().bytes();
    name.iter_mut().zip(from).for_each(|(to, from)| *to = from);
    name
}

/// Whether a descriptor is still one of a TUN, TAP or macvtap. If it is not, it is forgotten.
pub(crate) fn is_of_a_device(fd: RawFd) -> bool {
    let is_it = call::features(fd).is_ok();
    if !is_it {
        descriptors::forget(fd);
    }
    is_it
}

/// Whether a descriptor's records have in front of their frames what is known. If not, it is looked at anew.
pub(crate) fn is_still(fd: RawFd) -> bool {
    let known = descriptors::get(fd);
    if is_as_known(fd) {
        return true;
    }
    if descriptors::get(fd).is_some() {
        // Its device has another name, or it is of another device.
        let _: Result<()> = descriptors::set(fd, Some(Entry::Unattached));
        look_up(fd);
    }
    descriptors::get(fd) == known && is_as_known(fd)
}

fn is_as_known(fd: RawFd) -> bool {
    let Some(Entry::Attached { slot, vnet_hdr_len }) = descriptors::get(fd) else { return false };
    let Some(slot) = shared::devices().and_then(|devices| devices.slot(slot)) else { return false };
    let Some((name, flags)) = attached_to(fd) else { return false };
    let facts = slot.facts();
    let has = |flag: c_int| c_int::from(flags) & flag != 0;
    let len = if has(libc::IFF_VNET_HDR) { call::vnet_hdr_len(fd).ok() } else { Some(0) };
    let head = facts.head(vnet_hdr_len);
    // The kernel does not tell here whether there is packet information: in this answer the bit of
    // IFF_NO_PI is IFF_NOFILTER, which says something else (linux/if_tun.h, v5.10 to v6.18).
    slot.has_name(name) && len.and_then(|len| usize::try_from(len).ok()) == Some(head.vnet_hdr)
}

fn attached_to(fd: RawFd) -> Option<([u8; libc::IFNAMSIZ], u16)> {
    let answer = call::attached_to(fd);
    if let Err(error) = &answer
        && !matches!(Errno::from_io_error(error), Some(Errno::BADFD | Errno::NOLINK))
    {
        descriptors::forget(fd);
    }
    answer.ok()
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
    let stat = call::lend(fd, |fd| fstat(fd)).map_err(refused)?;
    let stat = stat.map_err(|error| refused(error.into()))?;
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
    descriptors::set(fd, Some(Entry::Unattached))
}

/// Find out what a descriptor is attached to, for one that is not known to be attached.
pub(crate) fn look_up(fd: RawFd) -> Option<Entry> {
    if let Some(Entry::Unattached) = descriptors::get(fd) {
        let undisturbed = call::undisturbed();
        memory::ensure_plentiful().ok()?;
        look_up_undisturbed(fd, &undisturbed);
    }
    descriptors::get(fd)
}

fn look_up_undisturbed(fd: RawFd, undisturbed: &Undisturbed) {
    if let Some(Entry::Unattached) = descriptors::get(fd)
        && let Ok(attachment) = attachment(fd)
    {
        let _: Result<u16> = note(fd, &attachment, false, undisturbed);
    }
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
fn attached(fd: RawFd, is_new: bool, undisturbed: &Undisturbed) {
    // If it cannot be looked at, it is when the first setting is made.
    if let Ok(()) = descriptors::set(fd, Some(Entry::Unattached))
        && let Ok(attachment) = attachment(fd)
        && let Ok(number) = note(fd, &attachment, is_new, undisturbed)
        && let Ok(target) = Target::in_slot(fd, attachment, number, undisturbed)
        && target.slot.facts().reports
    {
        target.follow_header_quietly();
    }
}

/// TUNSETVNETHDRSZ has succeeded.
fn resized(fd: RawFd, undisturbed: &Undisturbed) {
    let Ok(attachment) = attachment(fd) else { return };
    let Ok(number) = note(fd, &attachment, false, undisturbed) else { return };
    if attachment.is_macvtap() {
        // Copies of the descriptor have it, too.
        let others: Vec<_> = descriptors::of_slot(number).filter(|&other| other != fd).collect();
        for other in others {
            if let Ok(attachment) = self::attachment(other) {
                let _: Result<u16> = note(other, &attachment, false, undisturbed);
            }
        }
    }
    if let Ok(target) = Target::in_slot(fd, attachment, number, undisturbed)
        && target.slot.facts().reports
    {
        target.follow_header_quietly();
    }
}

/// TUNSETSTEERINGEBPF: while RSS is in force, its own program stands in the place of another.
fn set_program(
    fd: RawFd,
    request: c_ulong,
    argument: usize,
    undisturbed: &Undisturbed,
) -> Result<c_int> {
    let pass = || call::ioctl(fd, request, argument).map_err(|source| Error::Kernel { source });
    if adopt(fd).is_err() {
        return pass();
    }
    let Ok(target) = Target::of(fd, undisturbed) else { return pass() };
    if target.attachment.is_macvtap() {
        return pass();
    }
    let mut program = [0; size_of::<c_int>()];
    memory::read(argument, &mut program)?;
    let is_none = c_int::from_ne_bytes(program) == -1;
    target.alone(|change| change.set_program(is_none, pass))
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
