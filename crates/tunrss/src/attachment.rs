//! What a descriptor is attached to: from somebody's descriptor to its device.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Dev, fstat};
use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::sys::ioctl::{self, flags};
use crate::{Device, IfName, Kind, macvtap, netns};

/// What the kernel says of a descriptor that is attached to a TUN, TAP or macvtap, whoever attached it.
///
/// It is as it was when it was asked for: names, headers and namespaces of a device can change.
#[derive(Debug)]
pub struct Attachment {
    name: IfName,
    has_vnet_hdr: bool,
    vnet_hdr_len: usize,
    at: At,
}

/// Where the device is.
#[derive(Debug)]
enum At {
    /// A TUN's or TAP's network namespace.
    Netns(OwnedFd),
    /// A macvtap's character device. It does not tell its network namespace.
    CharacterDevice(Dev),
}

impl Attachment {
    /// That of `tun`.
    ///
    /// # Errors
    /// Those of the ioctls: `EBADFD` for a descriptor of `/dev/net/tun` that is attached to no device
    /// or whose device is gone, `ENOLINK` for one of a macvtap that is gone; [`io::ErrorKind::InvalidData`]
    /// if the device's name is no [`IfName`].
    #[doc(alias = "TUNGETIFF")]
    pub fn of(tun: impl AsFd) -> io::Result<Self> {
        let (name, iff) = ioctl::get_iff(&tun)?;
        let unnamed = || io::Error::new(io::ErrorKind::InvalidData, "the device's name is unusual");
        let at = match ioctl::device_netns(&tun) {
            Ok(netns) => At::Netns(netns),
            // A macvtap does not know this one.
            Err(Errno::INVAL) => At::CharacterDevice(fstat(&tun)?.st_rdev),
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            name: name.ok_or_else(unnamed)?,
            has_vnet_hdr: iff & flags::VNET_HDR != 0,
            vnet_hdr_len: ioctl::vnet_hdr_len(&tun)?,
            at,
        })
    }

    /// The device's name in its network namespace.
    pub fn name(&self) -> &IfName {
        &self.name
    }

    /// Whether it is a macvtap, where the virtio-net header is each descriptor's own.
    pub fn is_macvtap(&self) -> bool {
        matches!(self.at, At::CharacterDevice(_))
    }

    /// Whether packets have virtio-net headers (`IFF_VNET_HDR`).
    pub fn has_vnet_hdr(&self) -> bool {
        self.has_vnet_hdr
    }

    /// The size of that header in bytes, which is kept also while packets have none.
    #[doc(alias = "TUNGETVNETHDRSZ")]
    pub fn vnet_hdr_len(&self) -> usize {
        self.vnet_hdr_len
    }

    /// A number that no other device has: of two TUNs or TAPs with the same index, each in its own
    /// network namespace, and of a macvtap.
    ///
    /// `index` is that of [`Device::index`]; of a macvtap it does not matter.
    ///
    /// # Errors
    /// The network namespace cannot be asked.
    pub fn identity(&self, index: u32) -> io::Result<u64> {
        match &self.at {
            // Inode numbers of namespaces have 32 bits (proc_alloc_inum) and are never 0.
            At::Netns(netns) => Ok(fstat(netns)?.st_ino << 32 | u64::from(index)),
            // So do numbers of devices (include/linux/kdev_t.h).
            At::CharacterDevice(number) => Ok(number & u64::from(u32::MAX)),
        }
    }

    /// Do something with the device, in its network namespace.
    ///
    /// # Errors
    /// - [`Error::NoDevice`], [`Error::OtherKind`] if there is no such device any more.
    /// - [`Error::Netns`] if its network namespace is another one than the calling thread's and cannot
    ///   be entered, which takes CAP_SYS_ADMIN.
    /// - [`Error::NotAQueue`] if a macvtap is not in the calling thread's network namespace.
    /// - What `act` returns.
    pub fn with_device<T: Send>(&self, act: impl FnOnce(Device) -> Result<T> + Send) -> Result<T> {
        let act = || {
            let device = Device::open(&self.name)?;
            match self.at {
                At::Netns(_) => {}
                At::CharacterDevice(number) => check_is_macvtap(&device, number)?,
            }
            act(device)
        };
        match &self.at {
            At::Netns(netns) if !netns::is_current(netns.as_fd()) => within(netns.as_fd(), act),
            _ => act(),
        }
    }
}

fn within<T: Send>(netns: BorrowedFd<'_>, act: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let refused = |source| Error::Netns { action: "enter the device's network namespace", source };
    netns::ask_in(netns, act).map_err(refused)?
}

/// A namesake in this network namespace may be another device.
fn check_is_macvtap(device: &Device, number: Dev) -> Result<()> {
    if device.kind() == Kind::Macvtap && macvtap::number(device)? == number {
        return Ok(());
    }
    let found = format!("a queue of a macvtap {} in another network namespace", device.name());
    Err(Error::NotAQueue { found })
}
