//! A TAP device: everything that belongs to the device and not to one of its queues.

use std::fs::OpenOptions;
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;

use rustix::io::Errno;
use tunrss_hash::{Link, VnetHdrLen};

use crate::error::{Error, Result, TUN_PATH};
use crate::queue::Queue;
use crate::rtnl::{self, TunAttributes};
use crate::sys::ioctl::{self, flags, offload};
use crate::{IfName, steering};

/// The most queues a device can have (`MAX_TAP_QUEUES`, linux/if_tun.h; the same for TUN).
pub const MAX_QUEUES: usize = 256;

/// A multi-queue TAP in the network namespace of the thread that made this.
///
/// It holds no descriptor: the device lives as long as one of its [`Queue`]s, or, if it is
/// persistent, until it is deleted.
#[derive(Clone, Debug)]
pub struct Device {
    name: IfName,
    index: u32,
    tun: TunAttributes,
}

impl Device {
    /// Create a TAP with `queues` queues, virtio-net headers of 12 bytes, and all offloads that
    /// the kernel and this crate know. It ends with its last queue unless it is made
    /// [persistent](Device::set_persistent).
    ///
    /// # Errors
    /// - [`Error::QueueCount`] unless there are 1 to [`MAX_QUEUES`] queues.
    /// - [`Error::Exists`] or [`Error::OtherKind`] if the name is taken.
    /// - [`Error::OpenTun`], [`Error::Create`], [`Error::Attach`], [`Error::Set`] if the system
    ///   refuses. Nothing is left behind then.
    pub fn create(name: &IfName, queues: usize) -> Result<(Self, Vec<Queue>)> {
        check_queues(queues)?;
        match Self::open(name) {
            Err(Error::NoDevice { .. }) => {}
            Ok(_) => return Err(Error::Exists { name: name.clone() }),
            Err(error) => return Err(error),
        }
        let first = open_tun()?;
        ioctl::set_iff(&first, name, OPEN_FLAGS | flags::TUN_EXCL).map_err(|source| {
            if source == Errno::BUSY {
                Error::Exists { name: name.clone() }
            } else {
                Error::Create { name: name.clone(), source: source.into() }
            }
        })?;
        let device = Self::open(name)?;
        device.settle(&first)?;
        let mut all = vec![Queue::new(first)];
        for _ in 1..queues {
            all.push(Queue::new(device.attach(OPEN_FLAGS)?));
        }
        Ok((Self::open(name)?, all))
    }

    /// Find a TAP that exists, whoever made it. Attaches no queue and changes nothing.
    ///
    /// # Errors
    /// [`Error::NoDevice`], or [`Error::OtherKind`] if the name is not that of a TAP.
    pub fn open(name: &IfName) -> Result<Self> {
        let found = rtnl::find(name)?.ok_or_else(|| Error::NoDevice { name: name.clone() })?;
        match found.tun {
            Some(tun) if tun.is_tap => Ok(Self { name: name.clone(), index: found.index, tun }),
            Some(_) => Err(Error::OtherKind { name: name.clone(), kind: "TUN".into() }),
            None => Err(Error::OtherKind { name: name.clone(), kind: kind_name(&found.kind) }),
        }
    }

    /// The device's name.
    pub fn name(&self) -> &IfName {
        &self.name
    }

    /// The device's index in its network namespace.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The header that packets start with.
    pub fn link(&self) -> Link {
        Link::Ethernet
    }

    /// Whether the device takes more than one queue. It was decided when it was created.
    pub fn is_multi_queue(&self) -> bool {
        self.tun.is_multi_queue
    }

    /// Whether the device had virtio-net headers when this was opened.
    pub fn has_vnet_hdr(&self) -> bool {
        self.tun.has_vnet_hdr
    }

    /// Whether the device outlived its last queue when this was opened.
    pub fn is_persistent(&self) -> bool {
        self.tun.is_persistent
    }

    /// How many queues are attached now.
    ///
    /// # Errors
    /// [`Error::NoDevice`] if the device is gone.
    pub fn attached_queues(&self) -> Result<usize> {
        Ok(Self::open(&self.name)?.tun.queues as usize)
    }

    /// How many queues the device is meant to have, as noted by
    /// [`set_intended_queues`](Self::set_intended_queues); `None` if nothing was noted.
    ///
    /// # Errors
    /// [`Error::NoDevice`] if the device is gone.
    pub fn intended_queues(&self) -> Result<Option<usize>> {
        let alias = rtnl::find(&self.name)?.and_then(|found| found.alias);
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

    /// Attach `count` more queues, with virtio-net headers of 12 bytes and all offloads. They read
    /// packets in the report mode that is in force now, if this process may see it (CAP_SYS_ADMIN in
    /// the initial user namespace). One that may not has to be told if it is not
    /// [`Report::Off`](crate::Report::Off): see [`Queue::set_report`].
    ///
    /// # Errors
    /// - [`Error::SingleQueue`] if the device takes only one.
    /// - [`Error::QueueCount`] beyond [`MAX_QUEUES`].
    /// - [`Error::OpenTun`], [`Error::Attach`], [`Error::Set`] if the system refuses.
    pub fn open_queues(&self, count: usize) -> Result<Vec<Queue>> {
        let queues = self.attached_queues()?.saturating_add(count);
        if queues > MAX_QUEUES {
            return Err(Error::QueueCount { queues });
        }
        let attached: Result<Vec<_>> = (0..count).map(|_| self.attach(OPEN_FLAGS)).collect();
        let attached = attached?;
        let Some(first) = attached.first() else { return Ok(Vec::new()) };
        self.settle(first)?;
        let report = steering::report_in_force(self);
        let queue = |tun| {
            let mut queue = Queue::new(tun);
            queue.set_report(report.clone());
            queue
        };
        Ok(attached.into_iter().map(queue).collect())
    }

    /// Whether the device outlives its last queue.
    ///
    /// # Errors
    /// [`Error::Set`], and what [`Device::open_queues`] says where nobody holds a queue.
    pub fn set_persistent(&self, persistent: bool) -> Result<()> {
        let control = crate::control::of(self)?;
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

    /// Attach a descriptor that only ioctls will be made on, leaving all settings as they are.
    pub(crate) fn attach_spare(&self) -> Result<OwnedFd> {
        // TUNSETIFF sets these two for the whole device, so they have to be what they are by now.
        let tun = Self::open(&self.name)?.tun;
        let packet_information = if tun.has_packet_information { 0 } else { flags::NO_PI };
        let vnet_hdr = if tun.has_vnet_hdr { flags::VNET_HDR } else { 0 };
        self.attach(flags::TAP | flags::MULTI_QUEUE | packet_information | vnet_hdr)
    }

    pub(crate) fn refused(&self, what: &'static str, source: impl Into<io::Error>) -> Error {
        Error::Set { what, name: self.name.clone(), source: source.into() }
    }

    fn attach(&self, flags: i16) -> Result<OwnedFd> {
        if !self.tun.is_multi_queue {
            return Err(Error::SingleQueue { name: self.name.clone() });
        }
        let tun = open_tun()?;
        match ioctl::set_iff(&tun, &self.name, flags) {
            Ok(_) => Ok(tun),
            Err(source) => Err(Error::Attach { name: self.name.clone(), source: source.into() }),
        }
    }

    /// Settle header and offloads, which are the device's, by one of its descriptors.
    fn settle(&self, tun: &OwnedFd) -> Result<()> {
        ioctl::set_vnet_hdr_len(tun, VnetHdrLen::V1.len())
            .map_err(|source| self.refused("the virtio-net header size", source))?;
        ioctl::set_vnet_le(tun)
            .map_err(|source| self.refused("little-endian virtio-net headers", source))?;
        // UDP segmentation since Linux 6.2, and only both together.
        let tcp = offload::CSUM | offload::TSO4 | offload::TSO6 | offload::TSO_ECN;
        let all = tcp | offload::USO4 | offload::USO6;
        match ioctl::set_offload(tun, all) {
            Err(Errno::INVAL) => ioctl::set_offload(tun, tcp),
            result => result,
        }
        .map_err(|source| self.refused("offloads", source))
    }
}

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

const OPEN_FLAGS: i16 = flags::TAP | flags::NO_PI | flags::VNET_HDR | flags::MULTI_QUEUE;

const QUEUES_ALIAS: &str = "tunrss queues ";
