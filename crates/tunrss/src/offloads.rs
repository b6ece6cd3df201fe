//! What the kernel may leave to the reader of a device.

use std::io;
use std::os::fd::AsFd;

use crate::sys::ioctl::{self, offload};

/// What the kernel may leave to the reader of a device (`TUNSETOFFLOAD`, `TUN_F_*`): checksums to be
/// computed, and packets larger than the MTU. It belongs to the device and holds for all its queues;
/// of a macvtap, to the device too.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[doc(alias = "TUNSETOFFLOAD")]
pub struct Offloads {
    /// Checksums of TCP and UDP; the others need it.
    pub csum: bool,
    /// TCP over IPv4.
    pub tso4: bool,
    /// TCP over IPv6.
    pub tso6: bool,
    /// TCP with ECN; needs one of the two before it.
    pub tso_ecn: bool,
    /// UDP datagrams over IPv4 and IPv6, which the kernel knows only together; since Linux 6.2.
    pub uso: bool,
}

impl Offloads {
    /// All that the kernel and this crate know.
    pub const ALL: Self = Self { csum: true, tso4: true, tso6: true, tso_ecn: true, uso: true };

    /// Put them in force on the device that `queue` belongs to, attached or detached. Needs no
    /// privilege. Packets that wait in a queue stay as they are.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] (EINVAL) if the kernel does not know one of them, or one is
    /// asked for without what it needs; what else the ioctl says.
    pub fn set(self, queue: impl AsFd) -> io::Result<()> {
        Ok(self.put(queue)?)
    }

    pub(crate) fn put(self, queue: impl AsFd) -> rustix::io::Result<()> {
        let bits = [
            (self.csum, offload::CSUM),
            (self.tso4, offload::TSO4),
            (self.tso6, offload::TSO6),
            (self.tso_ecn, offload::TSO_ECN),
            (self.uso, offload::USO4 | offload::USO6),
        ];
        let bits = bits.iter().filter(|(on, _)| *on).fold(0, |all, (_, bit)| all | bit);
        ioctl::set_offload(queue, bits)
    }
}
