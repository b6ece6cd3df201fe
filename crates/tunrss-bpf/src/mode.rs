//! What a configuration's verdicts are used for.

use std::fmt;
use std::str::FromStr;

/// Who computes the hash that a reader gets with a packet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(u8)]
pub enum ReportMode {
    /// Nobody: packets are steered and carry no hash.
    Off = 0,
    /// The kernel: an egress program puts the hash in front of every frame. Any reader in any
    /// language finds it there.
    Kernel = 1,
    /// The reader: the library hashes what it has just read. Nothing in the kernel but steering, and
    /// for who reads without the library nothing else than [`Off`](Self::Off): so it is the default.
    #[default]
    Reader = 2,
}

impl ReportMode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Off, Self::Kernel, Self::Reader];

    /// The word for it: `off`, `kernel` or `reader`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Kernel => "kernel",
            Self::Reader => "reader",
        }
    }
}

impl fmt::Display for ReportMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ReportMode {
    type Err = UnknownReportMode;

    fn from_str(text: &str) -> Result<Self, UnknownReportMode> {
        Self::ALL.into_iter().find(|mode| mode.name() == text).ok_or(UnknownReportMode)
    }
}

/// A word that names no report mode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnknownReportMode;

impl fmt::Display for UnknownReportMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("report mode is none of off, kernel, reader")
    }
}

impl std::error::Error for UnknownReportMode {}

/// Who chooses the queue of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(u8)]
pub enum SteeringMode {
    /// The configuration: its hash, its table.
    #[default]
    Rss = 0,
    /// The kernel, as it does without us: a flow's packets go to the queue on which the reader
    /// sends. The configuration only says what hash is reported.
    Automatic = 1,
}

impl SteeringMode {
    /// Every mode.
    pub const ALL: [Self; 2] = [Self::Rss, Self::Automatic];

    /// The word for it: `rss` or `automatic`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rss => "rss",
            Self::Automatic => "automatic",
        }
    }
}

impl fmt::Display for SteeringMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Which driver a device belongs to: where its programs are attached, and how they choose a queue.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(u8)]
pub enum Driver {
    /// TUN and TAP (drivers/net/tun.c): a steering program returns the queue.
    #[default]
    Tun = 0,
    /// macvtap and ipvtap (drivers/net/tap.c): a tc ingress program sets the hash that the driver
    /// chooses the queue by.
    Macvtap = 1,
}

impl Driver {
    pub(crate) const ALL: [Self; 2] = [Self::Tun, Self::Macvtap];
}
