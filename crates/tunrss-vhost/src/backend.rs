//! The device, as the frontend's messages make it: what was negotiated, where the guest's memory is,
//! which rings run.
//!
//! Each message changes what is known; [`Backend::settle`] then makes what is follow: rings run exactly
//! while all that they need is there, and what steers packets is what [`policy`] says.

use std::fs::File;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::Level;
use rustix::fs::{FileType, fstat};
use tunrss::{Offloads, Report, SteeringMode};
use vhost::vhost_user::message::{
    VhostTransferStateDirection, VhostTransferStatePhase, VhostUserConfigFlags, VhostUserInflight,
    VhostUserLog, VhostUserMemoryRegion, VhostUserShMemConfig, VhostUserSharedMsg,
    VhostUserSingleMemoryRegion, VhostUserVringAddrFlags, VhostUserVringState,
};
use vhost::vhost_user::{
    Backend as RequestChannel, Error, GpuBackend, Result, VhostUserBackendReqHandlerMut,
    VhostUserProtocolFeatures,
};
use vm_memory::{GuestAddress, GuestMemoryMmap, GuestRegionMmap};

use crate::chain::Budget;
use crate::control_queue::{ControlQueue, Next};
use crate::ctrl::{self, Command, Limits};
use crate::device_config::DeviceConfig;
use crate::event::{Call, Kick};
use crate::features::{EVENT_IDX, Features, HASH_REPORT, MQ, PROTOCOL_FEATURES, RSS, VERSION_1};
use crate::options::Options;
use crate::policy::{self, By, Guest};
use crate::rate::RateLimited;
use crate::ring::{Layout, Ring};
use crate::status::{InForce, Pair, Received, Status};
use crate::steering::{Setting, Steer};
use crate::watch::{Pulse, Watch};
use crate::wire::Memory;
use crate::worker::{Side, Worker};

/// A device, served to one frontend after another.
pub(crate) struct Backend {
    options: Options,
    steer: Box<dyn Steer>,
    workers: Vec<Worker>,
    /// A queue of the device, for what is the whole device's.
    device: OwnedFd,
    offered: Features,
    config: DeviceConfig,
    session: Session,
    /// That of the thread which handles messages and commands.
    pulse: Arc<Pulse>,
    /// What is in force, and who has said so.
    in_force: (Setting, By),
    /// Why something else is not, that should be.
    not_in_force: Option<String>,
    is_connected: bool,
}

/// What a frontend and its guest's driver have said.
#[derive(Default)]
struct Session {
    /// `SET_FEATURES`, as it came and without what makes no sense.
    acked: u64,
    features: Features,
    /// The receive offloads in use.
    offloads: Features,
    regions: Vec<Region>,
    memory: Option<Arc<Memory>>,
    rings: Vec<Vring>,
    control: Option<ControlQueue>,
    guest: Guest,
    received: Option<Received>,
    /// Whether the last RSS_CONFIG looks like one with its padding before the key.
    is_shifted: bool,
    /// Kept open: user-mode Linux removes its network card when it is closed.
    _request_channel: Option<RequestChannel>,
}

/// A region of the guest's memory: where the frontend has it, where the guest has it.
#[derive(Clone)]
struct Region {
    user: u64,
    guest: u64,
    size: u64,
    mapping: Arc<GuestRegionMmap>,
}

/// A ring, as the frontend has described it.
#[derive(Default)]
struct Vring {
    size: u16,
    /// Descriptor table, available and used ring: addresses of the frontend's.
    addresses: Option<[u64; 3]>,
    base: u16,
    kick: Option<Kick>,
    call: Option<Call>,
    is_enabled: bool,
    is_running: bool,
    /// It could not be started as it is.
    is_refused: bool,
}

/// What a ring is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    Pair(usize, Side),
    Control,
}

impl Backend {
    /// A device that nobody is connected to. `device` is one of its queues.
    pub(crate) fn new(
        options: Options,
        workers: Vec<Worker>,
        device: OwnedFd,
        steer: Box<dyn Steer>,
    ) -> Self {
        let knows_uso = Offloads::ALL.set(&device).is_ok();
        Self {
            offered: Features::offered(&options, knows_uso),
            config: DeviceConfig::new(&options),
            steer,
            workers,
            device,
            session: Session::default(),
            pulse: Pulse::new("the main thread"),
            // So that the first setting is put in force whatever there was before.
            in_force: (Setting { queues: 0, ..Setting::initial() }, By::Nobody),
            not_in_force: None,
            is_connected: false,
            options,
        }
    }

    /// What shows that the thread which handles messages and commands gets on.
    pub(crate) fn pulse(&self) -> &Arc<Pulse> {
        &self.pulse
    }

    /// Looks after all threads.
    pub(crate) fn watch(&self) -> Watch {
        let mut pulses = vec![self.pulse.clone()];
        pulses.extend(self.workers.iter().map(Worker::pulse).cloned());
        pulses.sort_by_key(Arc::as_ptr);
        pulses.dedup_by_key(|pulse| Arc::as_ptr(pulse));
        Watch::new(pulses.into_iter())
    }

    /// The name of a thread that packets are not moved by any more.
    pub(crate) fn lost(&self) -> Option<&str> {
        self.workers.iter().find_map(Worker::lost)
    }

    /// A frontend is connected. Nothing is known of it.
    pub(crate) fn connected(&mut self) {
        self.start_anew();
        self.is_connected = true;
    }

    /// The frontend has gone.
    pub(crate) fn disconnected(&mut self) {
        self.start_anew();
        self.is_connected = false;
    }

    fn start_anew(&mut self) {
        self.stop_all();
        self.session = Session::default();
        let count = 2 * usize::from(self.options.pairs) + 1;
        self.session.rings.resize_with(count, Vring::default);
        self.config = DeviceConfig::new(&self.options);
        self.use_offloads(Features::default());
        self.settle();
    }

    /// What the frontend has accepted between it and the backend.
    fn protocol_features() -> VhostUserProtocolFeatures {
        VhostUserProtocolFeatures::MQ
            | VhostUserProtocolFeatures::CONFIG
            | VhostUserProtocolFeatures::BACKEND_REQ
            | VhostUserProtocolFeatures::RESET_DEVICE
            | VhostUserProtocolFeatures::CONFIGURE_MEM_SLOTS
    }

    /// Have what runs, and what is in force, be what was said.
    fn settle(&mut self) {
        for index in 0..self.session.rings.len() {
            self.settle_ring(index);
        }
        let running = self.running();
        let wanted =
            policy::decide(&self.options, self.session.features, &self.session.guest, running);
        match self.put(wanted) {
            Ok(()) => self.not_in_force = None,
            Err(why) => {
                REFUSED.warn(format_args!("{}: not in force: {why}", self.options.device));
                self.not_in_force = Some(why);
            }
        }
    }

    /// How many queue pairs receive, from the first one on.
    fn running(&self) -> u16 {
        let receives = |pair: &usize| {
            let is_role = self.role(2 * pair) == Some(Role::Pair(*pair, Side::Rx));
            is_role && self.session.rings.get(2 * pair).is_some_and(|ring| ring.is_running)
        };
        (0..self.workers.len()).take_while(receives).count() as u16
    }

    /// What the ring of this number is for, by what the driver has accepted (virtio 1.4, "Virtqueues"
    /// of the network device).
    fn role(&self, index: usize) -> Option<Role> {
        let features = self.session.features;
        let has_all = features.has(MQ) || features.has(RSS);
        let pairs = if has_all { usize::from(self.options.pairs) } else { 1 };
        // A frontend that keeps the control queue says nothing of features that need it, and has all.
        let pairs = if features.has(crate::features::CTRL_VQ) { pairs } else { self.workers.len() };
        let side = if index.is_multiple_of(2) { Side::Rx } else { Side::Tx };
        match index / 2 {
            pair if pair < pairs => Some(Role::Pair(pair, side)),
            pair if pair == pairs && side == Side::Rx => Some(Role::Control),
            _ => None,
        }
    }

    fn settle_ring(&mut self, index: usize) {
        let features = self.session.features;
        let is_all_enabled = self.session.acked >> PROTOCOL_FEATURES & 1 == 0;
        let Some(ring) = self.session.rings.get(index) else { return };
        let is_wanted = features.has(VERSION_1)
            && self.session.memory.is_some()
            && ring.addresses.is_some()
            && ring.kick.is_some()
            && (ring.is_enabled || is_all_enabled)
            && !ring.is_refused;
        match (is_wanted, ring.is_running) {
            (true, false) => {
                let started = self.start(index);
                let Some(ring) = self.session.rings.get_mut(index) else { return };
                match started {
                    Ok(()) => ring.is_running = true,
                    Err(error) => {
                        ring.is_refused = true;
                        let device = &self.options.device;
                        RINGS.warn(format_args!("{device}: ring {index} cannot run: {error}"));
                    }
                }
            }
            (false, true) => self.stop(index),
            _ => {}
        }
    }

    fn start(&mut self, index: usize) -> std::result::Result<(), String> {
        let features = self.session.features;
        let role = self.role(index).ok_or("the driver has no use for it")?;
        let missing = || "it is not complete".to_owned();
        let ring = self.session.rings.get(index).ok_or_else(missing)?;
        let memory = self.session.memory.clone().ok_or_else(missing)?;
        let [descriptors, available, used] = ring.addresses.ok_or_else(missing)?;
        let layout = Layout {
            size: ring.size,
            descriptors: self.session.guest_address(descriptors)?,
            available: self.session.guest_address(available)?,
            used: self.session.guest_address(used)?,
        };
        let kick = ring.kick.clone().ok_or_else(missing)?;
        let call = ring.call.clone();
        let ring = Ring::new(memory, layout, ring.base, features.has(EVENT_IDX), call);
        let ring = ring.map_err(|error| error.to_string())?;
        match role {
            Role::Control => {
                let queue = ControlQueue::new(ring, kick).map_err(|error| error.to_string())?;
                self.session.control = Some(queue);
            }
            Role::Pair(pair, side) => {
                let worker = self.workers.get(pair).ok_or_else(missing)?;
                match side {
                    Side::Rx => {
                        let format = features.format(self.session.offloads.offloads());
                        worker.start_rx(ring, format, kick);
                    }
                    Side::Tx => worker.start_tx(ring, features.header(), kick),
                }
                worker.counts(side).set_running(true);
            }
        }
        Ok(())
    }

    /// Stop a ring, and note where it goes on.
    fn stop(&mut self, index: usize) {
        let role = self.role(index);
        let Some(ring) = self.session.rings.get_mut(index).filter(|ring| ring.is_running) else {
            return;
        };
        ring.is_running = false;
        let base = match role {
            Some(Role::Control) => self.session.control.take().map(ControlQueue::stop),
            Some(Role::Pair(pair, side)) => self.workers.get(pair).and_then(|worker| {
                worker.counts(side).set_running(false);
                worker.stop(side)
            }),
            None => None,
        };
        if let Some(base) = base {
            ring.base = base;
        }
    }

    fn stop_all(&mut self) {
        for index in 0..self.session.rings.len() {
            self.stop(index);
        }
    }

    /// A ring is about to be described anew.
    fn ring(&mut self, index: u32) -> Result<&mut Vring> {
        let index = index as usize;
        self.stop(index);
        let unknown = || refused(format!("there is no ring {index}"));
        let ring = self.session.rings.get_mut(index).ok_or_else(unknown)?;
        ring.is_refused = false;
        Ok(ring)
    }

    /// Put a setting in force, if it is not.
    fn put(&mut self, (setting, by): (Setting, By)) -> std::result::Result<(), String> {
        if setting == self.in_force.0 {
            self.in_force.1 = by;
            return Ok(());
        }
        let (before, after) = (self.report(&self.in_force.0), self.report(&setting));
        // Readers know of the prefix before it comes, and until after it has gone.
        if matches!(after, Report::Kernel) {
            self.tell_workers(|worker| worker.set_report(Report::Kernel));
        }
        // Whoever changes the device has deadlines of its own.
        let result = self.pulse.rest(|| self.steer.put(&setting));
        let report = if result.is_ok() { after } else { before };
        self.tell_workers(|worker| worker.set_report(report.clone()));
        result?;
        self.in_force = (setting, by);
        Ok(())
    }

    /// Tell all threads something, and wait until they go by it: the guest relies on what it is answered.
    fn tell_workers(&self, tell: impl Fn(&Worker)) {
        self.workers.iter().for_each(tell);
        self.workers.iter().for_each(Worker::wait);
    }

    /// How packets come under a setting, and who hashes them.
    fn report(&self, setting: &Setting) -> Report {
        let is_hashed = setting.report && !setting.config.types().is_empty();
        match (setting.report, self.options.software || !self.options.kernel_reports) {
            (true, false) => Report::Kernel,
            (true, true) if is_hashed => Report::Reader(Arc::new(setting.config.clone())),
            _ => Report::Off,
        }
    }

    /// Have the device leave to the guest what it takes.
    fn use_offloads(&mut self, offloads: Features) {
        let wanted = offloads.offloads();
        if let Err(error) = wanted.set(&self.device) {
            OFFLOADS.warn(format_args!("{}: offloads {wanted:?}: {error}", self.options.device));
        }
        self.session.offloads = offloads;
        let format = self.session.features.format(wanted);
        self.tell_workers(|worker| worker.set_format(format));
    }

    /// Readable when the control queue has a command.
    pub(crate) fn control_kicks(&self) -> Option<BorrowedFd<'_>> {
        self.session.control.as_ref().map(ControlQueue::kicks)
    }

    /// Follow the commands of the control queue, [`COMMANDS`] at most, and fewer if they take long. Returns
    /// whether there may be more.
    pub(crate) fn control(&mut self) -> bool {
        let Some(mut queue) = self.session.control.take() else { return false };
        queue.heard();
        let start = Instant::now();
        let mut budget = Budget::new();
        for _ in 0..COMMANDS {
            if !budget.has_room() || start.elapsed() > TURN {
                break;
            }
            let request = match queue.next(&mut budget) {
                Ok(Next::Command(request)) => request,
                Ok(Next::Refused) => continue,
                Ok(Next::Nothing) => {
                    self.session.control = Some(queue);
                    return false;
                }
                Err(error) => {
                    let device = &self.options.device;
                    RINGS.warn(format_args!("{device}: the control queue rests: {error}"));
                    self.session.control = Some(queue);
                    return false;
                }
            };
            let result = self.command(&request.bytes);
            if let Err(why) = &result {
                let device = &self.options.device;
                COMMANDS_REFUSED.warn(format_args!("{device}: a command of the guest's: {why}"));
            }
            if let Some(mut received) = ctrl::describe(&request.bytes) {
                received.ack = if result.is_ok() { "ok" } else { "error" }.into();
                received.why = result.as_ref().err().cloned();
                let device = &self.options.device;
                RECEIVED.log(Level::Debug, format_args!("{device}: {received:?}"));
                self.session.received = Some(received);
            }
            if let Err(error) = queue.acknowledge(&request, result.is_ok()) {
                let device = &self.options.device;
                RINGS.warn(format_args!("{device}: the control queue rests: {error}"));
            }
        }
        self.session.control = Some(queue);
        true
    }

    /// Follow one command, or leave everything as it is.
    fn command(&mut self, bytes: &[u8]) -> std::result::Result<(), String> {
        let features = self.session.features;
        let &Options { pairs, types, .. } = &self.options;
        let command = ctrl::parse(&Limits { pairs, types, features }, bytes)?;
        let guest = self.session.guest.after(&command)?;
        match command {
            Command::Offloads(offloads) => self.use_offloads(offloads),
            Command::Mac(mac) => self.config.mac = mac,
            Command::Filter => {}
            Command::Pairs(_) | Command::Hash(_) | Command::Rss(_) => {
                let wanted = policy::decide(&self.options, features, &guest, self.running());
                self.put(wanted)?;
                self.not_in_force = None;
                if let Command::Rss(config) = &command {
                    self.session.is_shifted = ctrl::looks_shifted(bytes, config);
                }
                self.session.guest = guest;
            }
        }
        Ok(())
    }

    /// The state, for people.
    pub(crate) fn status(&self) -> Status {
        let (setting, by) = &self.in_force;
        let steering = match setting.steering {
            SteeringMode::Rss => "rss",
            SteeringMode::Automatic => "automatic",
        };
        let rings = self.workers.iter().zip(0..).map(|(worker, pair)| Pair {
            pair,
            rx: worker.counts(Side::Rx).read(),
            tx: worker.counts(Side::Tx).read(),
        });
        Status {
            schema: Status::SCHEMA,
            device: self.options.device.clone(),
            pairs: self.options.pairs,
            policy: self.options.policy.name().into(),
            mode: if self.options.software { "software" } else { "kernel" }.into(),
            frontend: if self.is_connected { "connected" } else { "waiting" }.into(),
            features: self.session.features.names(),
            received: self.session.received.clone(),
            in_force: InForce {
                by: by.name().into(),
                steering: steering.into(),
                queues: setting.queues,
                report: setting.report,
                types: ctrl::names(setting.config.types()),
                key: setting.config.key().to_string(),
                table: setting.config.table().to_vec(),
                unclassified: setting.config.unclassified(),
            },
            notes: self.notes(),
            rings: rings.collect(),
        }
    }

    /// What is unusual.
    fn notes(&self) -> Vec<String> {
        let Session { features, guest, acked, .. } = &self.session;
        let (setting, by) = &self.in_force;
        let mut notes = Vec::new();
        if let Some(why) = &self.not_in_force {
            notes.push(format!("something else should be in force, but: {why}"));
        }
        if *by == By::Guest && guest.has_left_rss() {
            notes.push(
                "the driver's VQ_PAIRS_SET has ended RSS; `ethtool -x` in the guest still shows the \
                 table, which holds again after the next `ethtool -X`, -K or -N"
                    .into(),
            );
        }
        if setting.steering == SteeringMode::Rss && setting.config.types().is_empty() {
            notes.push(format!(
                "no hash type is enabled (`ethtool -K rxhash off`): all packets go to queue {}",
                setting.config.unclassified()
            ));
        }
        if *by == By::Guest && self.session.is_shifted {
            notes.push(
                "the key starts with a zero byte and another byte follows it: Linux 6.12 puts padding \
                 before the key, so it is not the one that `ethtool -x` shows in the guest"
                    .into(),
            );
        }
        if *by == By::Operator && self.options.policy == crate::Policy::Guest {
            notes.push(
                "the frontend keeps the control queue to itself, so the operator's setting holds"
                    .into(),
            );
        }
        if *by == By::Operator && guest.has_hash_config() {
            notes.push(
                "the guest has said by HASH_CONFIG what hash it wants, but gets the operator's (--rss host)"
                    .into(),
            );
        }
        if self.is_connected && acked & !(1 << PROTOCOL_FEATURES) != 0 && !features.has(VERSION_1) {
            notes.push("the driver is not for virtio 1 or later, which is needed".into());
        }
        if features.has(HASH_REPORT) && setting.report && setting.config.types().is_empty() {
            notes.push("no hash is reported until the driver names a hash type".into());
        }
        notes
    }
}

impl Session {
    /// The guest's address of one of the frontend's.
    fn guest_address(&self, user: u64) -> std::result::Result<GuestAddress, String> {
        let is_inside = |region: &&Region| {
            user.checked_sub(region.user).is_some_and(|offset| offset < region.size)
        };
        let region = self.regions.iter().find(is_inside);
        let region = region.ok_or_else(|| format!("{user:#x} is in no region of memory"))?;
        let address = region.guest.checked_add(user - region.user);
        address.map(GuestAddress).ok_or_else(|| format!("{user:#x} is beyond all addresses"))
    }
}

impl Backend {
    /// Have other memory. Rings go on where they are.
    fn use_regions(&mut self, regions: Vec<Region>) -> Result<()> {
        let memory = if regions.is_empty() {
            None
        } else {
            let mappings = regions.iter().map(|region| region.mapping.clone()).collect();
            let memory = GuestMemoryMmap::from_arc_regions(mappings);
            Some(Arc::new(memory.map_err(|error| refused(error.to_string()))?))
        };
        self.stop_all();
        self.session.memory = memory;
        self.session.regions = regions;
        self.session.rings.iter_mut().for_each(|ring| ring.is_refused = false);
        self.settle();
        Ok(())
    }
}

fn region(described: &VhostUserMemoryRegion, file: File) -> Result<Region> {
    // What else can be mapped, an io_uring say, can keep other descriptors open.
    let stat = fstat(&file).map_err(|error| Error::ReqHandlerError(error.into()))?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    if !matches!(kind, FileType::RegularFile | FileType::CharacterDevice) {
        return Err(refused("a region of memory is in a file or a device".into()));
    }
    let VhostUserMemoryRegion { user_addr, guest_phys_addr, memory_size, .. } = *described;
    let mapping = GuestRegionMmap::new(described.mmap_region(file)?, GuestAddress(guest_phys_addr));
    let mapping =
        mapping.ok_or_else(|| refused("a region of memory beyond all addresses".into()))?;
    Ok(Region {
        user: user_addr,
        guest: guest_phys_addr,
        size: memory_size,
        mapping: Arc::new(mapping),
    })
}

/// A refusal of one message, after which others are welcome.
fn refused(why: String) -> Error {
    Error::ReqHandlerError(io::Error::new(io::ErrorKind::InvalidInput, why))
}

impl VhostUserBackendReqHandlerMut for Backend {
    fn set_owner(&mut self) -> Result<()> {
        Ok(())
    }

    fn reset_owner(&mut self) -> Result<()> {
        // "No longer used" (vhost-user.rst); frontends mean the device.
        self.reset_device()
    }

    fn reset_device(&mut self) -> Result<()> {
        self.stop_all();
        for ring in &mut self.session.rings {
            *ring = Vring::default();
        }
        self.set_features(0)
    }

    fn get_features(&mut self) -> Result<u64> {
        Ok(self.offered.bits())
    }

    fn set_features(&mut self, features: u64) -> Result<()> {
        let unknown = features & !self.offered.bits();
        if unknown != 0 {
            return Err(refused(format!("features {unknown:#x} were not offered")));
        }
        self.stop_all();
        let session = &mut self.session;
        session.acked = features;
        session.features = Features::accepted(features);
        session.guest = Guest::default();
        session.received = None;
        session.is_shifted = false;
        session.rings.iter_mut().for_each(|ring| ring.is_refused = false);
        self.config = DeviceConfig::new(&self.options);
        let names = self.session.features.names();
        FEATURES.log(Level::Debug, format_args!("{}: features {names:?}", self.options.device));
        self.use_offloads(self.session.features.guest_offloads());
        self.settle();
        Ok(())
    }

    fn set_mem_table(
        &mut self,
        described: &[VhostUserMemoryRegion],
        files: Vec<File>,
        _: Option<bool>,
    ) -> Result<Option<Vec<vhost::VhostUserMemoryRegionBase>>> {
        let regions = described.iter().zip(files).map(|(described, file)| region(described, file));
        self.use_regions(regions.collect::<Result<_>>()?)?;
        Ok(None)
    }

    fn set_vring_num(&mut self, index: u32, num: u32) -> Result<()> {
        let size = u16::try_from(num).ok().filter(|size| size.is_power_of_two());
        let size = size.ok_or_else(|| refused(format!("a ring of {num} descriptors")))?;
        self.ring(index)?.size = size;
        self.settle();
        Ok(())
    }

    fn set_vring_addr(
        &mut self,
        index: u32,
        _: VhostUserVringAddrFlags,
        descriptor: u64,
        used: u64,
        available: u64,
        _: u64,
    ) -> Result<()> {
        self.ring(index)?.addresses = Some([descriptor, available, used]);
        self.settle();
        Ok(())
    }

    fn set_vring_base(&mut self, index: u32, base: u32) -> Result<()> {
        // Of a split ring it is 16 bits.
        self.ring(index)?.base = base as u16;
        self.settle();
        Ok(())
    }

    fn get_vring_base(&mut self, index: u32) -> Result<VhostUserVringState> {
        let ring = self.ring(index)?;
        // It starts again when a kick descriptor comes.
        ring.kick = None;
        ring.call = None;
        let base = u32::from(ring.base);
        self.settle();
        Ok(VhostUserVringState::new(index, base))
    }

    fn set_vring_kick(&mut self, index: u8, file: Option<File>) -> Result<()> {
        let kick = file.map(OwnedFd::from).map(Kick::new).transpose();
        self.ring(index.into())?.kick = kick.map_err(|error| refused(error.to_string()))?;
        self.settle();
        Ok(())
    }

    fn set_vring_call(&mut self, index: u8, file: Option<File>) -> Result<()> {
        let unknown = || refused(format!("there is no ring {index}"));
        let index = usize::from(index);
        let call = file.map(OwnedFd::from).map(Call::new).transpose();
        let call = call.map_err(|error| refused(error.to_string()))?;
        let role = self.role(index);
        let ring = self.session.rings.get_mut(index).ok_or_else(unknown)?;
        ring.call = call.clone();
        // It may change while the ring runs, which goes on.
        if ring.is_running {
            match role {
                Some(Role::Control) => {
                    if let Some(control) = &mut self.session.control {
                        control.ring_mut().set_call(call);
                    }
                }
                Some(Role::Pair(pair, side)) => {
                    if let Some(worker) = self.workers.get(pair) {
                        worker.set_call(side, call);
                    }
                }
                None => {}
            }
        }
        Ok(())
    }

    fn set_vring_err(&mut self, _: u8, _: Option<File>) -> Result<()> {
        Ok(())
    }

    fn get_protocol_features(&mut self) -> Result<VhostUserProtocolFeatures> {
        Ok(Self::protocol_features())
    }

    fn set_protocol_features(&mut self, _: u64) -> Result<()> {
        Ok(())
    }

    fn get_queue_num(&mut self) -> Result<u64> {
        Ok(self.session.rings.len() as u64)
    }

    fn set_vring_enable(&mut self, index: u32, enable: bool) -> Result<()> {
        let unknown = || refused(format!("there is no ring {index}"));
        let ring = self.session.rings.get_mut(index as usize).ok_or_else(unknown)?;
        ring.is_enabled = enable;
        self.settle();
        Ok(())
    }

    fn get_config(&mut self, offset: u32, size: u32, _: VhostUserConfigFlags) -> Result<Vec<u8>> {
        Ok(self.config.read(offset, size))
    }

    fn set_config(&mut self, _: u32, _: &[u8], _: VhostUserConfigFlags) -> Result<()> {
        Err(refused("the device's configuration is read only".into()))
    }

    fn set_backend_req_fd(&mut self, channel: RequestChannel) {
        self.session._request_channel = Some(channel);
    }

    fn set_gpu_socket(&mut self, _: GpuBackend) -> Result<()> {
        Err(refused("this is no GPU".into()))
    }

    fn get_shared_object(&mut self, _: VhostUserSharedMsg) -> Result<File> {
        Err(refused("there are no shared objects".into()))
    }

    fn get_inflight_fd(&mut self, _: &VhostUserInflight) -> Result<(VhostUserInflight, File)> {
        Err(refused("no packet is in flight".into()))
    }

    fn set_inflight_fd(&mut self, _: &VhostUserInflight, _: File) -> Result<()> {
        Err(refused("no packet is in flight".into()))
    }

    fn get_max_mem_slots(&mut self) -> Result<u64> {
        Ok(MAX_REGIONS as u64)
    }

    fn add_mem_region(
        &mut self,
        described: &VhostUserSingleMemoryRegion,
        file: File,
        _: Option<bool>,
    ) -> Result<Option<vhost::VhostUserMemoryRegionBase>> {
        if self.session.regions.len() >= MAX_REGIONS {
            return Err(refused(format!("more than {MAX_REGIONS} regions of memory")));
        }
        let mut regions = self.session.regions.clone();
        regions.push(region(described, file)?);
        regions.sort_by_key(|region| region.guest);
        self.use_regions(regions)?;
        Ok(None)
    }

    fn remove_mem_region(&mut self, described: &VhostUserSingleMemoryRegion) -> Result<()> {
        let (guest, size) = (described.guest_phys_addr, described.memory_size);
        let mut regions = self.session.regions.clone();
        regions.retain(|region| region.guest != guest || region.size != size);
        self.use_regions(regions)
    }

    fn set_device_state_fd(
        &mut self,
        _: VhostTransferStateDirection,
        _: VhostTransferStatePhase,
        _: File,
    ) -> Result<Option<File>> {
        Err(refused("the device's state cannot be transferred".into()))
    }

    fn check_device_state(&mut self) -> Result<()> {
        Err(refused("the device's state cannot be transferred".into()))
    }

    fn get_shmem_config(&mut self) -> Result<VhostUserShMemConfig> {
        Err(refused("there is no memory to share".into()))
    }

    fn set_log_base(&mut self, _: &VhostUserLog, _: File) -> Result<()> {
        Err(refused("writes to memory are not logged".into()))
    }
}

/// The most regions of memory: what vhost in the kernel takes.
const MAX_REGIONS: usize = 509;

/// Commands that are followed before messages of the frontend, and signals, have their turn.
const COMMANDS: usize = 16;

/// How long after the first of them no other one is begun.
const TURN: Duration = Duration::from_millis(50);

/// What a guest can cause.
static REFUSED: RateLimited = RateLimited::new(5, PERIOD);
static RINGS: RateLimited = RateLimited::new(5, PERIOD);
static OFFLOADS: RateLimited = RateLimited::new(5, PERIOD);
static RECEIVED: RateLimited = RateLimited::new(50, PERIOD);
static FEATURES: RateLimited = RateLimited::new(5, PERIOD);
static COMMANDS_REFUSED: RateLimited = RateLimited::new(5, PERIOD);
const PERIOD: Duration = Duration::from_secs(10);
