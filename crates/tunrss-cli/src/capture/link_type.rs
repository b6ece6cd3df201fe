//! What packets of a capture start with.

use std::fmt;

use tunrss::hash::Link;

/// A link type of the tcpdump group's list (<https://www.tcpdump.org/linktypes.html>).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct LinkType(pub(crate) u16);

impl LinkType {
    pub(crate) const LINUX_SLL: Self = Self(113);
    pub(crate) const LINUX_SLL2: Self = Self(276);

    /// What packets of this link type start with, if they can be hashed.
    pub(crate) fn link(self) -> Option<Link> {
        match self.0 {
            1 => Some(Link::Ethernet),
            // RAW, IPV4, IPV6; and 12, which is what Linux calls raw IP internally, and some programs
            // write to files.
            12 | 101 | 228 | 229 => Some(Link::Ip),
            _ => None,
        }
    }

    /// The name of a link type that captures of networks often have.
    pub(crate) fn name(self) -> Option<&'static str> {
        NAMES.iter().find(|&&(number, _)| number == self.0).map(|&(_, name)| name)
    }
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{} ({name})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

const NAMES: [(u16, &str); 23] = [
    (0, "NULL"),
    (9, "PPP"),
    (50, "PPP_HDLC"),
    (51, "PPP_ETHER"),
    (104, "C_HDLC"),
    (105, "IEEE802_11"),
    (108, "LOOP"),
    (113, "LINUX_SLL"),
    (117, "PFLOG"),
    (127, "IEEE802_11_RADIOTAP"),
    (189, "USB_LINUX"),
    (192, "PPI"),
    (195, "IEEE802_15_4_WITHFCS"),
    (201, "BLUETOOTH_HCI_H4_WITH_PHDR"),
    (220, "USB_LINUX_MMAPPED"),
    (227, "CAN_SOCKETCAN"),
    (239, "NFLOG"),
    (240, "NETANALYZER"),
    (249, "USBPCAP"),
    (252, "WIRESHARK_UPPER_PDU"),
    (253, "NETLINK"),
    (271, "VSOCK"),
    (276, "LINUX_SLL2"),
];
