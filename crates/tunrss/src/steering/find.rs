//! What is in force on a device, found by looking at the programs.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::{Mutex, MutexGuard};

use rustix::fs::{Mode, OFlags, fstat, openat};
use rustix::io::Errno;
use tunrss_bpf::{
    Driver, FILTER, INGRESS, ProgramKind, REPORT, RETURN_QUEUE, ReportMode, STEER, State,
    SteeringMode, Target,
};

use crate::device::Device;
use crate::error::{Error, Result};
use crate::hook::{AttachPoint, Attached, Direction};
use crate::load::{self, Cause, Running};
use crate::sys;
use crate::unwaited::try_lock;
use crate::{macvtap, netns};

use super::inspection::{Claim, Inspection, Missing};

/// The configuration in force, and the program that carries it.
#[derive(Clone)]
pub(super) struct InForce {
    pub(super) program: Running,
    pub(super) state: State,
    /// Where the program is attached to the device's tc hook, if it is.
    pub(super) attached: Option<Attached>,
}

/// A steering or filter program that is loaded for a device.
pub(super) struct Held {
    pub(super) name: &'static str,
    pub(super) program: Running,
    state: State,
    /// Whether another one has taken its place. The device may keep one to help a report program.
    is_retired: bool,
}

/// The programs of ours on a device and for it, each looked for once.
///
/// Whoever looks has the device's [`Lock`](crate::lock::Lock): programs are loaded before they are
/// in force, and who has the lock is the only one who changes what there is.
pub(super) struct Programs<'a> {
    device: &'a Device,
    on_hook: Vec<InForce>,
    /// What the device is called in the programs for it.
    targets: Vec<Target>,
    loaded: OnceCell<LoadedFor>,
}

/// The programs that are loaded for a device.
#[derive(Default)]
struct LoadedFor {
    /// The newest last.
    held: Vec<Held>,
    claims: Vec<Claim>,
}

impl<'a> Programs<'a> {
    /// Look at what is attached to the device.
    ///
    /// # Errors
    /// [`Error::ReadBack`]
    pub(super) fn of(device: &'a Device) -> Result<Self> {
        let on_hook = on_hook(device)?;
        // One that came with the device from another network namespace may know it by the name that
        // it had there alone.
        let of_hook = on_hook.iter().map(|found| found.state.target);
        let targets = [target(device)?].into_iter().chain(of_hook).collect();
        Ok(Self { device, on_hook, targets, loaded: OnceCell::new() })
    }

    /// Those of a device whose programs this process may not look at (that takes CAP_SYS_ADMIN): none,
    /// if nothing that could be ours is attached to it.
    ///
    /// # Errors
    /// [`Error::ReadBack`] if something is. Its place must not be taken, nor anything put beside it.
    pub(super) fn unseen(device: &'a Device) -> Result<Self> {
        let ours = attached_name(device.driver());
        let attached = attach_point(device).attached();
        let attached = attached.map_err(|error| device.unreadable(error.into()))?;
        // Only filters have a name of their own.
        let may_be_ours = |one: &&Attached| {
            one.program_id().is_some() && one.program_name().is_none_or(|name| name == ours)
        };
        if let Some(one) = attached.iter().find(may_be_ours) {
            let source = Unseen { what: one.to_string(), source: Errno::PERM.into() };
            return Err(device.unreadable(source.into()));
        }
        let loaded = OnceCell::from(LoadedFor::default());
        Ok(Self { device, on_hook: Vec::new(), targets: Vec::new(), loaded })
    }

    /// What is in force: what packets go by, where a change has not been finished.
    ///
    /// # Errors
    /// [`Error::ReadBack`], [`Error::ReportLost`].
    pub(super) fn in_force(&self) -> Result<Option<InForce>> {
        let puts_prefix = |found: &&InForce| found.state.report == ReportMode::Kernel;
        if self.device.driver() == Driver::Tun
            && let Some(first) = self.on_hook.iter().find(puts_prefix)
        {
            return Ok(Some(first.clone()));
        }
        let is_steering = |held: &&Held| held.name == STEER && !held.is_retired;
        if let Some(Held { program, state, .. }) = self.held()?.iter().rfind(is_steering) {
            let (program, state) = (program.clone(), state.clone());
            return Ok(Some(InForce { program, state, attached: None }));
        }
        match self.on_hook.first() {
            // It leaves packets as they are, or it is a macvtap's.
            Some(first) => Ok(Some(first.clone())),
            None if self.left_behind()?.is_none() => Ok(None),
            None => Err(Error::ReportLost { name: self.device.name().clone() }),
        }
    }

    /// What [`in_force`](Self::in_force) finds, or what is left of it, with the parts that are missing.
    ///
    /// # Errors
    /// [`Error::ReadBack`]
    pub(super) fn inspect(&self) -> Result<Inspection> {
        let (found, mut missing) = match self.in_force() {
            Err(Error::ReportLost { .. }) => (self.left_behind()?, vec![Missing::Report]),
            result => (result?.map(|found| (found.program, found.state)), vec![]),
        };
        if let Some((program, state)) = &found {
            missing.extend(self.missing_beside(program, state)?);
        }
        let (loaded_by, state) = found.map(|(program, state)| (program.uid, state)).unzip();
        Ok(Inspection { state, loaded_by, missing, claims: self.claims().to_vec() })
    }

    /// Of the programs that work together with a report program, those that the device does not have.
    fn missing_beside(&self, report: &Running, state: &State) -> Result<Vec<Missing>> {
        if state.report != ReportMode::Kernel {
            return Ok(vec![]);
        }
        let mut missing = vec![];
        if state.steering == SteeringMode::Rss {
            missing.push(Missing::Steering);
        }
        if state.guarded_from != State::UNGUARDED {
            missing.push(Missing::Filter);
        }
        // As a rule they were loaded right after it; so the others need not be looked at.
        if self.loaded.get().is_none() {
            let walk = Walk::new(self.device, &self.targets);
            walk.strike_off(&mut missing, report.id)?;
        }
        if !missing.is_empty() {
            let loaded = self.loaded()?;
            missing.retain(|&part| !loaded.has(part));
        }
        Ok(missing)
    }

    /// The filter program of a configuration whose report program is gone, and that configuration. A
    /// change puts the filter behind the report program, and takes it away first.
    fn left_behind(&self) -> Result<Option<(Running, State)>> {
        let is_filter = |held: &&Held| held.name == FILTER && !held.is_retired;
        let found = self.held()?.iter().rfind(is_filter);
        Ok(found.map(|held| (held.program.clone(), held.state.clone())))
    }

    /// Those that were attached to the device, in the order in which the kernel runs them.
    pub(super) fn on_hook(&self) -> &[InForce] {
        &self.on_hook
    }

    /// The steering and filter programs for the device that are loaded, the newest last: the device
    /// holds them, and while one is being replaced there are two. Looked for when they are first
    /// asked for, among all programs of the system: that is what takes longer the more there are.
    ///
    /// # Errors
    /// [`Error::ReadBack`]
    pub(super) fn held(&self) -> Result<&[Held]> {
        Ok(&self.loaded()?.held)
    }

    /// What others only say that they have set, if all programs have been looked at.
    pub(super) fn claims(&self) -> &[Claim] {
        self.loaded.get().map_or(&[], |loaded| &loaded.claims)
    }

    fn loaded(&self) -> Result<&LoadedFor> {
        static NONE: LoadedFor = LoadedFor { held: Vec::new(), claims: Vec::new() };
        if self.loaded.get().is_none() {
            let found = match self.device.driver() {
                Driver::Tun => Walk::new(self.device, &self.targets).all()?,
                Driver::Macvtap => LoadedFor::default(),
            };
            let _: std::result::Result<(), _> = self.loaded.set(found);
        }
        Ok(self.loaded.get().unwrap_or(&NONE))
    }
}

impl LoadedFor {
    /// Whether there is a program that does what `part` does. A steering program of an earlier change
    /// does it as well.
    fn has(&self, part: Missing) -> bool {
        self.held.iter().any(|held| match part {
            Missing::Steering => held.is_steering(),
            Missing::Filter => held.name == FILTER,
            Missing::Report => false,
        })
    }
}

impl Held {
    /// Whether it returns a queue.
    pub(super) fn is_steering(&self) -> bool {
        self.name == STEER || self.name == RETURN_QUEUE
    }
}

/// Something is attached that this process may not look at.
#[derive(Debug, thiserror::Error)]
#[error("{what} is attached to it, and may be what steers it")]
struct Unseen {
    what: String,
    source: io::Error,
}

/// Whether this process may look for what is in force on a device.
///
/// # Errors
/// [`Error::Programs`]
pub(crate) fn check_findable() -> Result<()> {
    sys::bpf::program_after(0).map(drop).map_err(|source| Error::Programs { source })
}

/// Where programs of ours are attached to the device.
pub(super) fn attach_point(device: &Device) -> AttachPoint {
    let direction = match device.driver() {
        Driver::Tun => Direction::Egress,
        Driver::Macvtap => Direction::Ingress,
    };
    AttachPoint::new(device.name(), device.index(), direction)
}

/// The program that is attached for a driver.
pub(super) fn attached_name(driver: Driver) -> &'static str {
    match driver {
        Driver::Tun => REPORT,
        Driver::Macvtap => INGRESS,
    }
}

/// Programs of ours that are attached to the device, in the order in which the kernel runs them.
/// There are several only where a change has not been finished.
pub(super) fn on_hook(device: &Device) -> Result<Vec<InForce>> {
    let name = attached_name(device.driver());
    let mut found = Vec::new();
    let attached = attach_point(device).attached();
    for attached in attached.map_err(|error| device.unreadable(error.into()))? {
        let (Some(id), true) = (attached.program_id(), attached.program_name() == Some(name))
        else {
            continue;
        };
        let look = || -> std::result::Result<_, Cause> {
            let program = Running::with_id(id)?;
            if program.kind != Some(ProgramKind::SchedCls) {
                return Err("the program is of another type".into());
            }
            let state = program.state()?;
            Ok((program, state))
        };
        match look() {
            Ok((program, state)) => {
                found.push(InForce { program, state, attached: Some(attached) });
            }
            // Another process has replaced it while we looked, or it only has the name of ours.
            Err(error) if load::is_gone(&*error) || load::errno(&*error).is_none() => {}
            Err(error) => return Err(device.unreadable(error)),
        }
    }
    Ok(found)
}

/// A look at loaded programs, for those of a device.
struct Walk<'a> {
    device: &'a Device,
    targets: &'a [Target],
    /// `None` while another thread looks; then no program is passed over.
    known: Option<MutexGuard<'static, Known>>,
    seen: Known,
    /// The devices by the number of a section: the programs of a configuration share one.
    sections: BTreeMap<u32, Target>,
    found: LoadedFor,
}

impl<'a> Walk<'a> {
    fn new(device: &'a Device, targets: &'a [Target]) -> Self {
        let known = try_lock(&KNOWN);
        let (seen, sections, found) = Default::default();
        Self { device, targets, known, seen, sections, found }
    }

    /// All programs of the system.
    fn all(mut self) -> Result<LoadedFor> {
        let mut id = 0;
        while let Some(next) = self.look_after(id)? {
            id = next;
        }
        if let Some(known) = &mut self.known {
            **known = self.seen;
        }
        Ok(self.found)
    }

    /// Strike off what is among the few programs that were loaded after the program `id`.
    fn strike_off(mut self, missing: &mut Vec<Missing>, mut id: u32) -> Result<()> {
        for _ in 0..NEAR {
            missing.retain(|&part| !self.found.has(part));
            if missing.is_empty() {
                break;
            }
            let Some(next) = self.look_after(id)? else { break };
            id = next;
        }
        missing.retain(|&part| !self.found.has(part));
        Ok(())
    }

    /// Look at the program that was loaded after the program `id`. Its id, if there is one.
    fn look_after(&mut self, id: u32) -> Result<Option<u32>> {
        let next = sys::bpf::program_after(id);
        let next = next.map_err(|source| self.device.unreadable(source.into()))?;
        if let Some(id) = next {
            self.look(id)?;
        }
        Ok(next)
    }

    fn look(&mut self, id: u32) -> Result<()> {
        let is_ours = |target: &Target| self.targets.iter().any(|ours| ours.is(target));
        if let Some(&target) = self.known.as_ref().and_then(|known| known.get(&id))
            && !target.as_ref().is_some_and(is_ours)
        {
            self.seen.insert(id, target);
            return Ok(());
        }
        let info =
            sys::bpf::program_by_id(id).and_then(|program| sys::bpf::program_info(program.as_fd()));
        let info = match info {
            Ok(info) => info,
            // It went away while we looked.
            Err(source) if load::is_gone(&source) => return Ok(()),
            Err(source) => return Err(self.device.unreadable(source.into())),
        };
        let name = [STEER, RETURN_QUEUE, FILTER].into_iter().find(|name| info.name == *name);
        let (Some(name), Some(ProgramKind::SocketFilter)) = (name, info.kind) else {
            self.seen.insert(id, None);
            return Ok(());
        };
        let program = Running::from(info);
        let section = program.first_map().unwrap_or_default();
        if let Some(&target) = self.sections.get(&section)
            && !is_ours(&target)
        {
            self.seen.insert(id, Some(target));
            return Ok(());
        }
        let (state, is_retired) = match program.any_state() {
            Ok(found) => found,
            // It is not ours: a name proves nothing.
            Err(error) if load::errno(&*error).is_none() => {
                self.seen.insert(id, None);
                return Ok(());
            }
            // It may be what is in force.
            Err(error) if load::is_short_of_resources(&*error) => {
                return Err(self.device.unreadable(error));
            }
            // It went away, or may not be read, as a map of ours may.
            Err(_) => return Ok(()),
        };
        self.seen.insert(id, Some(state.target));
        self.sections.insert(section, state.target);
        if !is_ours(&state.target) {
            return Ok(());
        }
        match program.is_proven() {
            Ok(true) => self.found.held.push(Held { name, program, state, is_retired }),
            Ok(false) if !is_retired => {
                let claim = Claim { uid: program.uid, program: id, owner: state.owner };
                self.found.claims.push(claim);
            }
            // It went away, or says itself that it is nothing.
            Ok(false) | Err(_) => {}
        }
        Ok(())
    }
}

/// The devices that loaded programs are for, by the programs' ids, as this process has seen them
/// last; `None` if it is no program for a device. A program's device never changes, so those of others
/// need not be looked at again: of 1,000 devices' programs all but one.
static KNOWN: Mutex<Known> = Mutex::new(Known::new());

type Known = BTreeMap<u32, Option<Target>>;

/// What programs for the device say that they are for.
pub(super) fn target(device: &Device) -> Result<Target> {
    let action = "identify the network namespace";
    let netns = netns::id().map_err(|source| Error::Netns { action, source })?;
    Ok(Target { netns, index: device.index(), inode: inode(device).unwrap_or(0) })
}

/// The inode number of the device's directory in sysfs: the device keeps it in another network namespace
/// and under another name (`kernfs_rename_ns`, fs/kernfs/dir.c, v6.12). What is mounted on /sys may be
/// the sysfs of another namespace, so it is looked up in one that is mounted nowhere, which takes
/// CAP_SYS_ADMIN.
fn inode(device: &Device) -> Option<u32> {
    let sysfs = macvtap::mount("sysfs").ok()?;
    let path = format!("class/net/{}", device.name());
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = openat(&sysfs, path, flags, Mode::empty()).ok()?;
    // The name may be another device's by now.
    let index =
        openat(&directory, "ifindex", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let index = io::read_to_string(File::from(index)).ok()?;
    let is_it = index.trim_end() == device.index().to_string();
    // The upper half counts how often the numbers have started anew.
    is_it.then(|| fstat(&directory).ok().map(|stat| stat.st_ino as u32)).flatten()
}

/// How many programs are looked at behind a report program for those that go with it.
const NEAR: usize = 8;
