//! A device: everything that belongs to the device and not to one of its queues.

use std::fmt;
use std::fs::OpenOptions;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType, socket};
use tunrss_bpf::Driver;
use tunrss_hash::{Link, VnetHdrLen};

use crate::error::{Error, Result, TUN_PATH};
use crate::offloads::Offloads;
use crate::queue::Queue;
use crate::rtnl::{self, Attributes, TunAttributes};
use crate::sys::ethtool;
use crate::sys::ioctl::{self, flags};
use crate::{DeviceName, IfName, control, macvtap, steering};

/// The most queues a device can have (`MAX_TAP_QUEUES`, linux/if_tun.h; the same for TUN).
pub const MAX_QUEUES: usize = 256;

/// A multi-queue TUN, TAP or macvtap in the network namespace of the thread that made this.
///
/// It holds no descriptor: the device lives as long as one of its [`Queue`]s, or, if it is
/// persistent, until it is deleted.
///
/// What a record has in front of its frame is the device's and the same for all queues: packet
/// information or none, a virtio-net header or none, and its size. So are the offloads. They are
/// what [`Device::create_with`] was told; a device that somebody else made is taken as it is.
///
/// A macvtap is made by `ip link add link eth0 name macvtap0 type macvtap mode bridge`, and found by
/// [`Device::open`]. The header is each queue's own there, and always of 12 bytes. It is
/// steered by another kind of program than a TUN or TAP, and has no persistence: [`Error::Macvtap`]. Queues of one that is
/// gone do not say so: there is nothing to read any more.
#[derive(Clone, Debug)]
pub struct Device {
    name: IfName,
    index: u32,
    kind: Kind,
    tun: TunAttributes,
}

impl Device {
    /// Create a TAP with `queues` queues, virtio-net headers of 12 bytes, and all offloads that
    /// the kernel and this crate know. It ends with its last queue unless it is made
    /// [persistent](Device::set_persistent).
    ///
    /// # Errors
    /// As for [`Device::create_with`].
    pub fn create(name: &IfName, queues: usize) -> Result<(Self, Vec<Queue>)> {
        Self::create_with(name, DeviceOptions::tap(queues))
    }

    /// Create a TUN or TAP as `options` say. It ends with its last queue unless it is made
    /// [persistent](Device::set_persistent).
    ///
    /// # Errors
    /// - [`Error::QueueCount`] unless there are 1 to [`MAX_QUEUES`] queues.
    /// - [`Error::Exists`] or [`Error::OtherKind`] if the name is taken.
    /// - [`Error::OpenTun`], [`Error::Create`], [`Error::Attach`], [`Error::Set`] if the system
    ///   refuses. Nothing is left behind then.
    pub fn create_with(name: &IfName, options: DeviceOptions) -> Result<(Self, Vec<Queue>)> {
        check_queues(options.queues)?;
        match Self::open(name) {
            Err(Error::NoDevice { .. }) => {}
            Ok(_) => return Err(Error::Exists { name: name.clone() }),
            Err(error) => return Err(error),
        }
        let first = open_tun()?;
        ioctl::set_iff(&first, name, options.flags() | flags::TUN_EXCL).map_err(|source| {
            if source == Errno::BUSY {
                Error::Exists { name: name.clone() }
            } else {
                Error::Create { name: name.clone(), source: source.into() }
            }
        })?;
        let device = Self::open(name)?;
        let queues = device.first_queues(first, options)?;
        Ok((Self::open(name)?, queues))
    }

    /// Whether this process may create a multi-queue device in its network namespace. None is created: a
    /// device that is neither TUN nor TAP is refused, but only once the privilege has been checked
    /// (`tun_set_iff`, drivers/net/tun.c, v5.10 to v6.18).
    ///
    /// # Errors
    /// [`Error::OpenTun`], [`Error::Create`].
    pub(crate) fn check_creatable() -> Result<()> {
        let name = IfName::new("tunrss-probe")?;
        match ioctl::set_iff(open_tun()?, &name, flags::MULTI_QUEUE) {
            Ok(_) | Err(Errno::INVAL) => Ok(()),
            Err(source) => Err(Error::Create { name, source: source.into() }),
        }
    }

    /// Find a device that exists, whoever made it, by its name or an alternative one. Attaches no queue
    /// and changes nothing.
    ///
    /// # Errors
    /// [`Error::NoDevice`], or [`Error::OtherKind`] if it is no [`Kind`] of ours.
    pub fn open<'a, N>(name: &'a N) -> Result<Self>
    where
        &'a N: Into<DeviceName>,
    {
        let name = name.into();
        Self::found(rtnl::find(&name)?.ok_or(Error::NoDevice { name })?)
    }

    /// The same device as it is now, with the name that it has now.
    ///
    /// # Errors
    /// [`Error::NoDevice`] if it is gone from this network namespace.
    pub fn reopen(&self) -> Result<Self> {
        match rtnl::find_index(self.index)?.map(Self::found) {
            Some(Ok(now)) if now.kind == self.kind => Ok(now),
            Some(Err(error @ Error::Name(_))) => Err(error),
            _ => Err(Error::NoDevice { name: self.name.clone().into() }),
        }
    }

    /// The same, for what is about to be done by the device's name: refused if the name that this was
    /// opened with belongs to another device.
    pub(crate) fn now(&self) -> Result<Self> {
        let now = self.reopen()?;
        if now.name != self.name
            && rtnl::find(&self.name().into())?.is_some_and(|other| other.index != self.index)
        {
            return Err(Error::Renamed { name: self.name.clone(), now: now.name });
        }
        Ok(now)
    }

    fn found(found: Attributes) -> Result<Self> {
        let name = IfName::new(&found.name)?;
        let (kind, tun) = match found.tun {
            Some(tun) if tun.is_tap => (Kind::Tap, tun),
            Some(tun) => (Kind::Tun, tun),
            None if found.kind == "macvtap" => (Kind::Macvtap, MACVTAP),
            None => return Err(Error::OtherKind { name, kind: kind_name(&found.kind) }),
        };
        Ok(Self { name, index: found.index, kind, tun })
    }

    /// The name that the device had when this was opened: its own, not an alternative one.
    pub fn name(&self) -> &IfName {
        &self.name
    }

    /// The device's index in its network namespace.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// What kind of device it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The header that packets start with.
    pub fn link(&self) -> Link {
        self.kind.link()
    }

    /// The driver it belongs to.
    pub fn driver(&self) -> Driver {
        match self.kind {
            Kind::Tap | Kind::Tun => Driver::Tun,
            Kind::Macvtap => Driver::Macvtap,
        }
    }

    /// Whether the device takes more than one queue. It was decided when it was created.
    pub fn is_multi_queue(&self) -> bool {
        self.tun.is_multi_queue
    }

    /// Whether the device had virtio-net headers when this was opened.
    pub fn has_vnet_hdr(&self) -> bool {
        self.tun.has_vnet_hdr
    }

    /// Whether the device had packet information (`struct tun_pi`) when this was opened.
    pub fn has_packet_information(&self) -> bool {
        self.tun.has_packet_information
    }

    /// Whether the device outlived its last queue when this was opened.
    pub fn is_persistent(&self) -> bool {
        self.tun.is_persistent
    }

    /// How many queues are attached now.
    ///
    /// Of a macvtap the kernel does not tell, so those are counted that are open in the processes
    /// which this one may look at. There may be more.
    ///
    /// # Errors
    /// [`Error::NoDevice`] if the device is gone; for a macvtap also [`Error::OpenMacvtap`].
    pub fn attached_queues(&self) -> Result<usize> {
        let now = self.now()?;
        match now.kind {
            Kind::Tap | Kind::Tun => Ok(now.tun.queues as usize),
            Kind::Macvtap => macvtap::held_queues(&now),
        }
    }

    /// Whether a process has a queue open now, attached or detached.
    ///
    /// Whether a TUN or TAP that takes one queue is held, the kernel shows only by the carrier, which is
    /// lost when the queue is closed (`__tun_detach`, drivers/net/tun.c, v6.12). The process that holds it
    /// can turn the carrier off before; it is then found if this process may look at it. So is a process
    /// that holds a macvtap.
    ///
    /// # Errors
    /// Those of [`Device::attached_queues`] and [`Device::holders`].
    pub fn is_held(&self) -> Result<bool> {
        let now = self.now()?;
        match now.kind {
            Kind::Macvtap => Ok(macvtap::held_queues(&now)? > 0),
            Kind::Tap | Kind::Tun if now.is_multi_queue() => {
                Ok(now.tun.queues + now.tun.detached_queues > 0)
            }
            Kind::Tap | Kind::Tun => {
                let found = rtnl::find_index(now.index)?;
                let has_carrier = found.is_some_and(|found| found.has_carrier);
                // One that does not persist only exists while a process holds it.
                Ok(has_carrier || !now.is_persistent() || !now.holders()?.is_empty())
            }
        }
    }

    /// How many queues of a TUN or TAP are attached now, and how many are open and detached.
    pub(crate) fn open_queues_now(&self) -> Result<(u32, u32)> {
        let tun = self.now()?.tun;
        Ok((tun.queues, tun.detached_queues))
    }

    /// How many queues the device is meant to have, as noted by
    /// [`set_intended_queues`](Self::set_intended_queues); `None` if nothing was noted.
    ///
    /// # Errors
    /// [`Error::NoDevice`] if the device is gone.
    pub fn intended_queues(&self) -> Result<Option<usize>> {
        let alias = rtnl::find_index(self.index)?.and_then(|found| found.alias);
        let noted = alias.as_deref().and_then(|alias| alias.strip_prefix(QUEUES_ALIAS));
        Ok(noted.and_then(|number| number.parse().ok()).filter(|&queues| queues <= MAX_QUEUES))
    }

    /// Note on the device how many queues it is meant to have, for those who configure it before
    /// anybody opens it. A persistent device without open queues has no number of its own, so it
    /// is put into the device's alias (`tunrss queues 4`), where it lives as long as the device.
    ///
    /// # Errors
    /// [`Error::QueueCount`], or [`Error::Netlink`] if the system refuses.
    pub fn set_intended_queues(&self, queues: usize) -> Result<()> {
        check_queues(queues)?;
        rtnl::set_alias(&self.name, self.index, &format!("{QUEUES_ALIAS}{queues}"))
    }

    /// Attach `count` more queues. Nothing of the device is changed by it, because others may read
    /// it as it is: neither packet information nor header, nor the header's size, nor offloads. See
    /// [`Device::set_offloads`] for those.
    ///
    /// The queues read packets in the report mode that is in force now, if this process may see it
    /// (CAP_SYS_ADMIN in the initial user namespace). One that may not has to be told if it is not
    /// [`Report::Off`](crate::Report::Off): see [`Queue::set_report`].
    ///
    /// # Errors
    /// - [`Error::SingleQueue`] if the device takes only one.
    /// - [`Error::QueueCount`] beyond [`MAX_QUEUES`].
    /// - [`Error::OpenTun`], [`Error::Attach`], for a macvtap [`Error::OpenMacvtap`] and
    ///   [`Error::Set`], if the system refuses.
    /// - [`Error::NotAQueue`] if the device's header has a size that is not virtio-net's.
    pub fn open_queues(&self, count: usize) -> Result<Vec<Queue>> {
        let queues = self.attached_queues()?.saturating_add(count);
        if queues > MAX_QUEUES {
            return Err(Error::QueueCount { queues });
        }
        let now = self.now()?;
        let attached: Result<Vec<_>> =
            (0..count).map(|_| now.attach().and_then(|tun| now.queue(tun))).collect();
        let mut attached = attached?;
        if !attached.is_empty() {
            let report = steering::report_in_force(self);
            attached.iter_mut().for_each(|queue| queue.set_report(report.clone()));
        }
        Ok(attached)
    }

    /// Attach the queues of a TUN or TAP that nobody has open, and settle packet information, header
    /// and offloads as `options` say: they are whatever who opens such a device wants, and a device
    /// from `ip tuntap add` has headers of 10 bytes. A device that was created for one queue
    /// will do if one is asked for. Use the device as it is opened again afterwards.
    ///
    /// Nobody must hold a queue ([`Device::attached_queues`]): it would be read wrongly from then on.
    ///
    /// # Errors
    /// - [`Error::OtherKind`] if the device is not of the kind that `options` name.
    /// - [`Error::SingleQueue`] if the device takes only one.
    /// - [`Error::QueueCount`], [`Error::OpenTun`], [`Error::Attach`], [`Error::Set`] if the system
    ///   refuses.
    pub fn open_as(&self, options: DeviceOptions) -> Result<Vec<Queue>> {
        check_queues(options.queues)?;
        if self.kind != options.kind {
            let kind = self.kind.to_string();
            return Err(Error::OtherKind { name: self.name.clone(), kind });
        }
        if options.queues > 1 && !self.is_multi_queue() {
            return Err(Error::SingleQueue { name: self.name.clone() });
        }
        let multi_queue = if self.is_multi_queue() { flags::MULTI_QUEUE } else { 0 };
        let now = self.now()?;
        let first = now.attach_as(options.flags() & !flags::MULTI_QUEUE | multi_queue)?;
        now.check_attached(&first)?;
        now.reopen()?.first_queues(first, options)
    }

    /// The MTU of the device, in bytes of payload of a frame.
    ///
    /// # Errors
    /// [`Error::NoDevice`] if the device is gone.
    pub fn mtu(&self) -> Result<u32> {
        self.attributes().map(|found| found.mtu)
    }

    /// Whether report mode [`ReportMode::Kernel`](crate::ReportMode::Kernel) would lose what UDP sockets of
    /// this host send with `UDP_SEGMENT` over IPv4: the device is a TAP without checksum offload, and has
    /// an IPv4 address or a route of its own.
    ///
    /// Such a datagram has only 2 free bytes in front, so the kernel moves it to make room for the report.
    /// It corrects the offset at which the checksum starts only if the device computes checksums
    /// (`skb_headers_offset_update`, net/core/skbuff.c, v6.12). Otherwise it finds the offset wrong when it
    /// cuts the datagram into segments, and drops it (`__udp_gso_segment`, net/ipv4/udp_offload.c). No
    /// helper of a tc program changes that offset. Nothing is lost if the address is on a bridge that the
    /// device is a port of, since a bridge computes checksums.
    ///
    /// # Errors
    /// [`Error::Netlink`] if the kernel does not tell of checksum offload, addresses or routes.
    pub fn loses_udp_segments(&self) -> Result<bool> {
        if self.kind != Kind::Tap {
            return Ok(false);
        }
        let has_checksum_offload = socket(AddressFamily::INET, SocketType::DGRAM, None)
            .and_then(|socket| ethtool::computes_checksums(socket, &self.name))
            .map_err(|source| Error::Netlink {
                action: format!("ask whether {} computes checksums", self.name),
                source: source.into(),
            })?;
        Ok(!has_checksum_offload && rtnl::routes_ipv4(&self.name, self.index)?)
    }

    /// The MAC address of the device's own end; of a macvtap, the one that frames for it have. `None` if
    /// it has none.
    ///
    /// # Errors
    /// [`Error::NoDevice`] if the device is gone.
    pub fn mac(&self) -> Result<Option<[u8; 6]>> {
        Ok(self.attributes()?.mac.try_into().ok())
    }

    /// Set the MTU of the device, in bytes of payload of a frame.
    ///
    /// # Errors
    /// [`Error::Netlink`] if the system refuses.
    pub fn set_mtu(&self, mtu: u32) -> Result<()> {
        rtnl::set_mtu(&self.name, self.index, mtu)
    }

    /// Whether packets may come as large as their senders leave them, and with checksums to be
    /// computed: all offloads that the kernel and this crate know, or none. For all queues.
    ///
    /// # Errors
    /// [`Error::NoVnetHdr`] if the device has no header to tell of it; [`Error::Set`], and what
    /// [`Device::open_queues`] says where nobody holds a queue.
    pub fn set_offloads(&self, on: bool) -> Result<()> {
        if on && !self.reopen()?.has_vnet_hdr() {
            return Err(Error::NoVnetHdr { name: self.name.clone() });
        }
        set_offloads(control::of_any(self)?, on).map_err(|source| self.refused("offloads", source))
    }

    /// Whether the device outlives its last queue.
    ///
    /// # Errors
    /// [`Error::Set`], and what [`Device::open_queues`] says where nobody holds a queue.
    pub fn set_persistent(&self, persistent: bool) -> Result<()> {
        let control = control::of(self)?;
        ioctl::set_persist(control, persistent)
            .map_err(|source| self.refused("persistence", source))
    }

    /// Delete the device, its queues and what steers it.
    ///
    /// # Errors
    /// [`Error::Netlink`] if the system refuses.
    pub fn delete(self) -> Result<()> {
        rtnl::delete(&self.name, self.index)
    }

    /// Set the device up.
    ///
    /// # Errors
    /// [`Error::Netlink`] if the system refuses.
    pub fn set_up(&self) -> Result<()> {
        rtnl::set_up(&self.name, self.index)
    }

    /// Give the host's end of the device an address; `prefix` is the length of the network's.
    ///
    /// # Errors
    /// [`Error::Netlink`] if the system refuses.
    pub fn add_address(&self, address: IpAddr, prefix: u8) -> Result<()> {
        rtnl::add_address(&self.name, self.index, address, prefix)
    }

    /// Tell the host the MAC address of a neighbour behind the device.
    ///
    /// # Errors
    /// [`Error::Netlink`] if the system refuses.
    pub fn add_neighbour(&self, address: IpAddr, mac: [u8; 6]) -> Result<()> {
        rtnl::add_neighbour(&self.name, self.index, address, mac)
    }

    /// A new descriptor of the device that only ioctls are made on, leaving all settings as they are.
    /// It is a queue for a moment, the last one, and takes no packets when this returns.
    pub(crate) fn attach_spare(&self) -> Result<OwnedFd> {
        let now = self.now()?;
        let spare = now.attach_unchecked()?;
        // Nothing may come between the two calls: meanwhile packets go to it that nobody reads.
        ioctl::disable_queue(&spare)
            .map_err(|source| self.refused("the state of a queue", source))?;
        now.check_attached(&spare)?;
        Ok(spare)
    }

    fn attributes(&self) -> Result<Attributes> {
        let found = rtnl::find_index(self.index)?;
        found.ok_or_else(|| Error::NoDevice { name: self.name.clone().into() })
    }

    pub(crate) fn refused(&self, what: &'static str, source: impl Into<io::Error>) -> Error {
        Error::Set { what, name: self.name.clone(), source: source.into() }
    }

    /// Attach a descriptor, leaving all settings as they were when this was opened: just now, for
    /// TUNSETIFF sets them for the whole device.
    fn attach(&self) -> Result<OwnedFd> {
        let tun = self.attach_unchecked()?;
        self.check_attached(&tun)?;
        Ok(tun)
    }

    /// The same, to whichever device has the name now.
    fn attach_unchecked(&self) -> Result<OwnedFd> {
        if !self.tun.is_multi_queue {
            return Err(Error::SingleQueue { name: self.name.clone() });
        }
        let flags = iff(self.kind, self.tun.has_packet_information, self.tun.has_vnet_hdr);
        match self.kind {
            Kind::Macvtap => macvtap::attach(self, flags),
            Kind::Tap | Kind::Tun => self.attach_as(flags),
        }
    }

    fn attach_as(&self, flags: i16) -> Result<OwnedFd> {
        let tun = open_tun()?;
        match ioctl::set_iff(&tun, &self.name, flags) {
            Ok(_) => Ok(tun),
            Err(source) => Err(Error::Attach { name: self.name.clone(), source: source.into() }),
        }
    }

    /// Check that a descriptor is attached to this device. The device may have been renamed just before;
    /// its old name then was that of another device, or of one that attaching has created.
    fn check_attached(&self, tun: &OwnedFd) -> Result<()> {
        let now = self.reopen()?.name;
        match ioctl::get_iff(tun) {
            Ok((Some(name), _)) if name == now => Ok(()),
            Ok(_) => Err(Error::Renamed { name: self.name.clone(), now }),
            Err(source) => Err(Error::Attach { name: self.name.clone(), source: source.into() }),
        }
    }

    /// All queues, of which `first` is attached and nobody has another.
    fn first_queues(&self, first: OwnedFd, options: DeviceOptions) -> Result<Vec<Queue>> {
        self.settle(&first, options)?;
        let mut queues = vec![self.queue(first)?];
        for _ in 1..options.queues {
            queues.push(self.queue(self.attach()?)?);
        }
        Ok(queues)
    }

    fn queue(&self, tun: OwnedFd) -> Result<Queue> {
        Queue::from_fd_as(tun, self.tun.has_packet_information)
    }

    /// Settle header and offloads, which are the device's, by one of its descriptors.
    fn settle(&self, tun: &OwnedFd, options: DeviceOptions) -> Result<()> {
        let Some(vnet_hdr) = options.vnet_hdr else { return Ok(()) };
        ioctl::set_vnet_hdr_len(tun, vnet_hdr.len())
            .map_err(|source| self.refused("the virtio-net header size", source))?;
        ioctl::set_vnet_le(tun)
            .map_err(|source| self.refused("little-endian virtio-net headers", source))?;
        set_offloads(tun, options.offloads).map_err(|source| self.refused("offloads", source))
    }
}

/// What kind of device it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Kind {
    /// A TAP: packets start with an Ethernet header.
    Tap,
    /// A TUN: packets start with an IP header.
    Tun,
    /// A macvtap, a device on top of another: packets start with an Ethernet header.
    Macvtap,
}

impl Kind {
    /// The header that packets start with.
    pub fn link(self) -> Link {
        match self {
            Self::Tap | Self::Macvtap => Link::Ethernet,
            Self::Tun => Link::Ip,
        }
    }
}

impl fmt::Display for Kind {
    /// As people write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tap => "TAP",
            Self::Tun => "TUN",
            Self::Macvtap => "macvtap",
        })
    }
}

/// What [`Device::create_with`] makes.
///
/// ```no_run
/// use tunrss::hash::VnetHdrLen;
/// use tunrss::{Device, DeviceOptions, IfName};
///
/// let options = DeviceOptions::tun(4).vnet_hdr(Some(VnetHdrLen::Legacy)).offloads(false);
/// let (device, queues) = Device::create_with(&IfName::new("tun0")?, options)?;
/// # Ok::<(), tunrss::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeviceOptions {
    kind: Kind,
    queues: usize,
    vnet_hdr: Option<VnetHdrLen>,
    has_packet_information: bool,
    offloads: bool,
}

impl DeviceOptions {
    /// A TAP with so many queues, virtio-net headers of 12 bytes, all offloads, no packet
    /// information.
    pub fn tap(queues: usize) -> Self {
        Self::new(Kind::Tap, queues)
    }

    /// The same, but a TUN.
    pub fn tun(queues: usize) -> Self {
        Self::new(Kind::Tun, queues)
    }

    fn new(kind: Kind, queues: usize) -> Self {
        let vnet_hdr = Some(VnetHdrLen::V1);
        Self { kind, queues, vnet_hdr, has_packet_information: false, offloads: true }
    }

    /// How many queues.
    pub fn queues(mut self, queues: usize) -> Self {
        self.queues = queues;
        self
    }

    /// The virtio-net header in front of each frame; none means no offloads either, as nothing
    /// would tell of them.
    #[doc(alias = "IFF_VNET_HDR")]
    #[doc(alias = "TUNSETVNETHDRSZ")]
    pub fn vnet_hdr(mut self, vnet_hdr: Option<VnetHdrLen>) -> Self {
        self.vnet_hdr = vnet_hdr;
        self
    }

    /// Whether each record starts with 4 bytes of packet information (`struct tun_pi`).
    #[doc(alias = "IFF_NO_PI")]
    pub fn packet_information(mut self, has_packet_information: bool) -> Self {
        self.has_packet_information = has_packet_information;
        self
    }

    /// Whether packets may come as large as their senders leave them, and with checksums to be
    /// computed.
    #[doc(alias = "TUNSETOFFLOAD")]
    pub fn offloads(mut self, offloads: bool) -> Self {
        self.offloads = offloads;
        self
    }

    fn flags(&self) -> i16 {
        iff(self.kind, self.has_packet_information, self.vnet_hdr.is_some())
    }
}

/// The `IFF_*` flags of a queue of such a device.
fn iff(kind: Kind, has_packet_information: bool, has_vnet_hdr: bool) -> i16 {
    let kind = match kind {
        Kind::Tap | Kind::Macvtap => flags::TAP,
        Kind::Tun => flags::TUN,
    };
    let packet_information = if has_packet_information { 0 } else { flags::NO_PI };
    let vnet_hdr = if has_vnet_hdr { flags::VNET_HDR } else { 0 };
    kind | flags::MULTI_QUEUE | packet_information | vnet_hdr
}

/// All offloads, or none.
fn set_offloads(tun: impl AsFd, on: bool) -> rustix::io::Result<()> {
    if !on {
        return Offloads::default().put(tun);
    }
    // UDP segmentation since Linux 6.2.
    match Offloads::ALL.put(&tun) {
        Err(Errno::INVAL) => Offloads { uso: false, ..Offloads::ALL }.put(tun),
        result => result,
    }
}

/// What a macvtap has by nature.
const MACVTAP: TunAttributes = TunAttributes {
    is_tap: true,
    has_packet_information: false,
    has_vnet_hdr: true,
    is_persistent: true,
    is_multi_queue: true,
    queues: 0,
    detached_queues: 0,
};

fn check_queues(queues: usize) -> Result<()> {
    if (1..=MAX_QUEUES).contains(&queues) { Ok(()) } else { Err(Error::QueueCount { queues }) }
}

fn open_tun() -> Result<OwnedFd> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(libc::O_NONBLOCK);
    options.open(TUN_PATH).map(OwnedFd::from).map_err(|source| Error::OpenTun { source })
}

fn kind_name(kind: &str) -> String {
    if kind.is_empty() { "physical or loopback".into() } else { kind.into() }
}

const QUEUES_ALIAS: &str = "tunrss queues ";
