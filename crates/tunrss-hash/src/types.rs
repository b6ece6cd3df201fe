//! Hash types, report codes and the link a packet starts at, with virtio-net's own numbers.

use core::fmt;

use crate::set_of_types::set_of_types;

/// A set of hash types: which packets are hashed, and over which fields.
///
/// The bits are those of `hash_types` in `struct virtio_net_rss_config` and of
/// `supported_hash_types` in the device configuration (virtio 1.4, "Hash calculation for incoming
/// packets"). The text form is a comma-separated list of [names](HashTypes::NAMES), or `all`, or
/// `none`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct HashTypes(u32);

impl HashTypes {
    /// No type: every packet is unclassified.
    pub const NONE: Self = Self(0);
    /// IPv4 addresses (8 bytes of input).
    pub const IPV4: Self = Self(1 << 0);
    /// IPv4 addresses and TCP ports (12 bytes).
    pub const TCPV4: Self = Self(1 << 1);
    /// IPv4 addresses and UDP ports (12 bytes).
    pub const UDPV4: Self = Self(1 << 2);
    /// IPv6 addresses (32 bytes).
    pub const IPV6: Self = Self(1 << 3);
    /// IPv6 addresses and TCP ports (36 bytes).
    pub const TCPV6: Self = Self(1 << 4);
    /// IPv6 addresses and UDP ports (36 bytes).
    pub const UDPV6: Self = Self(1 << 5);
    /// IPv6 home address and type 2 routing address where present (32 bytes).
    pub const IPV6_EX: Self = Self(1 << 6);
    /// As [`IPV6_EX`](Self::IPV6_EX), with TCP ports (36 bytes).
    pub const TCPV6_EX: Self = Self(1 << 7);
    /// As [`IPV6_EX`](Self::IPV6_EX), with UDP ports (36 bytes).
    pub const UDPV6_EX: Self = Self(1 << 8);
    /// The six types without `_EX`: what Linux guests ask for.
    pub const BASIC: Self = Self(0x3f);
    /// All nine types.
    pub const ALL: Self = Self(0x1ff);

    /// The name of each type, in the order of its bit.
    pub const NAMES: [(&'static str, Self); 9] = [
        ("ipv4", Self::IPV4),
        ("tcpv4", Self::TCPV4),
        ("udpv4", Self::UDPV4),
        ("ipv6", Self::IPV6),
        ("tcpv6", Self::TCPV6),
        ("udpv6", Self::UDPV6),
        ("ipv6-ex", Self::IPV6_EX),
        ("tcpv6-ex", Self::TCPV6_EX),
        ("udpv6-ex", Self::UDPV6_EX),
    ];

    /// Bytes of the longest hash input any type of the set has: 0, 8, 12, 32 or 36.
    pub const fn longest_input(self) -> usize {
        const L4_V6: u32 = 0x1b0;
        const L3_V6: u32 = 0x048;
        const L4_V4: u32 = 0x006;
        match self.0 {
            bits if bits & L4_V6 != 0 => 36,
            bits if bits & L3_V6 != 0 => 32,
            bits if bits & L4_V4 != 0 => 12,
            0 => 0,
            _ => 8,
        }
    }

    /// Bytes of key the types of the set need: the longest input and 4 more, 0 for the empty set.
    pub const fn key_len_needed(self) -> usize {
        match self.longest_input() {
            0 => 0,
            input => input + 4,
        }
    }
}

set_of_types!(HashTypes, UnknownHashType, "hash type");

/// Which type of hash was computed: `hash_report` of `struct virtio_net_hdr_v1_hash`.
///
/// The value of a type is its bit number in [`HashTypes`] plus one. The text form is virtio's own
/// name of the type; `none` for [`HashReport::None`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, PartialOrd, Ord)]
#[repr(u16)]
pub enum HashReport {
    /// No hash was computed (`VIRTIO_NET_HASH_REPORT_NONE`).
    #[default]
    None = 0,
    /// Over [`HashTypes::IPV4`].
    Ipv4 = 1,
    /// Over [`HashTypes::TCPV4`].
    TcpV4 = 2,
    /// Over [`HashTypes::UDPV4`].
    UdpV4 = 3,
    /// Over [`HashTypes::IPV6`].
    Ipv6 = 4,
    /// Over [`HashTypes::TCPV6`].
    TcpV6 = 5,
    /// Over [`HashTypes::UDPV6`].
    UdpV6 = 6,
    /// Over [`HashTypes::IPV6_EX`].
    Ipv6Ex = 7,
    /// Over [`HashTypes::TCPV6_EX`].
    TcpV6Ex = 8,
    /// Over [`HashTypes::UDPV6_EX`].
    UdpV6Ex = 9,
}

impl HashReport {
    /// Every report code, in the order of its value.
    pub const ALL: [Self; 10] = [
        Self::None,
        Self::Ipv4,
        Self::TcpV4,
        Self::UdpV4,
        Self::Ipv6,
        Self::TcpV6,
        Self::UdpV6,
        Self::Ipv6Ex,
        Self::TcpV6Ex,
        Self::UdpV6Ex,
    ];

    /// The report with this code, or `None` if the code is unknown.
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The code, as in `hash_report` on the wire (after its little-endian decoding).
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// The hash type this report is for; the empty set for [`HashReport::None`].
    pub const fn hash_type(self) -> HashTypes {
        HashTypes(1 << self.code() >> 1)
    }

    /// Virtio's name of the type: `TCPv4`, `IPv6_EX`, ..., or `none`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Ipv4 => "IPv4",
            Self::TcpV4 => "TCPv4",
            Self::UdpV4 => "UDPv4",
            Self::Ipv6 => "IPv6",
            Self::TcpV6 => "TCPv6",
            Self::UdpV6 => "UDPv6",
            Self::Ipv6Ex => "IPv6_EX",
            Self::TcpV6Ex => "TCPv6_EX",
            Self::UdpV6Ex => "UDPv6_EX",
        }
    }
}

impl fmt::Display for HashReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The header a packet starts with.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Link {
    /// An Ethernet header (TAP, macvtap).
    Ethernet,
    /// An IPv4 or IPv6 header, told apart by its version field (TUN).
    Ip,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_is_bit_number_plus_one() {
        for (bit, (_, one)) in HashTypes::NAMES.into_iter().enumerate() {
            let report = HashReport::from_code(bit as u16 + 1).unwrap();
            assert_eq!(report.hash_type(), one);
            assert_eq!(one.bits(), 1 << bit);
        }
        assert_eq!(HashReport::None.hash_type(), HashTypes::NONE);
        assert_eq!(HashReport::from_code(10), None);
    }

    #[test]
    fn key_length_follows_the_longest_input() {
        for (types, needed) in [
            ("none", 0),
            ("ipv4", 12),
            ("ipv4,tcpv4", 16),
            ("udpv4", 16),
            ("ipv6", 36),
            ("ipv6-ex,tcpv4", 36),
            ("tcpv6", 40),
            ("udpv6-ex", 40),
            ("all", 40),
        ] {
            assert_eq!(types.parse::<HashTypes>().unwrap().key_len_needed(), needed, "{types}");
        }
    }

    #[test]
    fn unknown_bits_and_names_are_refused() {
        assert_eq!(HashTypes::from_bits(0x200), None);
        assert_eq!("tcpv4,tcp".parse::<HashTypes>(), Err(UnknownHashType { index: 1 }));
        assert_eq!("".parse::<HashTypes>(), Err(UnknownHashType { index: 0 }));
    }
}
