//! The header in front of every packet of a virtio-net queue or a device with `IFF_VNET_HDR`.

use crate::HashReport;

/// `struct virtio_net_hdr_v1_hash` (virtio 1.4, "Device Operation" of the network device).
///
/// On the wire all fields are little-endian, as virtio 1 demands; a tun device does the same once
/// `TUNSETVNETLE` is set. The shorter layouts are its first [`VnetHdrLen::len`] bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct VnetHdr {
    /// [`VnetHdr::NEEDS_CSUM`] and [`VnetHdr::DATA_VALID`].
    pub flags: u8,
    /// What to segment the packet by: 0 for none, else one of `GSO_*`, perhaps with
    /// [`VnetHdr::GSO_ECN`].
    pub gso_type: u8,
    /// Bytes of all headers, from the start of the frame. A hint, with a GSO type only.
    pub hdr_len: u16,
    /// Bytes of payload a segment takes, with a GSO type only.
    pub gso_size: u16,
    /// Where the checksum starts, in bytes from the start of the frame.
    pub csum_start: u16,
    /// Where the checksum is put, in bytes from `csum_start`.
    pub csum_offset: u16,
    /// Receive buffers that the packet takes.
    pub num_buffers: u16,
    /// The hash, all 32 bits.
    pub hash_value: u32,
    /// The code of the hash's type, see [`VnetHdr::report`].
    pub hash_report: u16,
}

impl VnetHdr {
    /// In `flags`: the checksum has to be computed (`VIRTIO_NET_HDR_F_NEEDS_CSUM`).
    pub const NEEDS_CSUM: u8 = 1;
    /// In `flags`: the checksum was checked (`VIRTIO_NET_HDR_F_DATA_VALID`).
    pub const DATA_VALID: u8 = 2;
    /// A `gso_type`: TCP over IPv4.
    pub const GSO_TCPV4: u8 = 1;
    /// A `gso_type`: TCP over IPv6.
    pub const GSO_TCPV6: u8 = 4;
    /// A `gso_type`: UDP, cut into datagrams (`VIRTIO_NET_HDR_GSO_UDP_L4`).
    pub const GSO_UDP_L4: u8 = 5;
    /// Added to a `gso_type`: the TCP segments have ECN set.
    pub const GSO_ECN: u8 = 0x80;

    /// The report code as a type; [`HashReport::None`] if the code is unknown.
    pub fn report(&self) -> HashReport {
        HashReport::from_code(self.hash_report).unwrap_or_default()
    }

    /// Decode a header of any of the three layouts from the start of `bytes`; fields that the
    /// layout lacks are 0. `None` if `bytes` are fewer than that.
    #[inline]
    pub fn decode(bytes: &[u8], len: VnetHdrLen) -> Option<Self> {
        let mut full = [0; VnetHdrLen::V1Hash.len()];
        full.get_mut(..len.len())?.copy_from_slice(bytes.get(..len.len())?);
        let [flags, gso_type, h0, h1, g0, g1, s0, s1, o0, o1, n0, n1, v0, v1, v2, v3, r0, r1, ..] =
            full;
        Some(Self {
            flags,
            gso_type,
            hdr_len: u16::from_le_bytes([h0, h1]),
            gso_size: u16::from_le_bytes([g0, g1]),
            csum_start: u16::from_le_bytes([s0, s1]),
            csum_offset: u16::from_le_bytes([o0, o1]),
            num_buffers: u16::from_le_bytes([n0, n1]),
            hash_value: u32::from_le_bytes([v0, v1, v2, v3]),
            hash_report: u16::from_le_bytes([r0, r1]),
        })
    }

    /// The longest layout, 20 bytes; its first 10 and 12 bytes are the shorter layouts. The
    /// reserved bytes 18 and 19 are 0.
    #[inline]
    pub fn encode(&self) -> [u8; VnetHdrLen::V1Hash.len()] {
        let [h0, h1] = self.hdr_len.to_le_bytes();
        let [g0, g1] = self.gso_size.to_le_bytes();
        let [s0, s1] = self.csum_start.to_le_bytes();
        let [o0, o1] = self.csum_offset.to_le_bytes();
        let [n0, n1] = self.num_buffers.to_le_bytes();
        let [v0, v1, v2, v3] = self.hash_value.to_le_bytes();
        let [r0, r1] = self.hash_report.to_le_bytes();
        let Self { flags, gso_type, .. } = *self;
        [flags, gso_type, h0, h1, g0, g1, s0, s1, o0, o1, n0, n1, v0, v1, v2, v3, r0, r1, 0, 0]
    }
}

/// Which layout of the header is in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VnetHdrLen {
    /// `struct virtio_net_hdr`, 10 bytes: up to `csum_offset`.
    Legacy,
    /// `struct virtio_net_hdr_v1`, 12 bytes: with `num_buffers`.
    V1,
    /// `struct virtio_net_hdr_v1_hash`, 20 bytes: with `hash_value` and `hash_report`.
    V1Hash,
}

impl VnetHdrLen {
    /// The length in bytes.
    #[expect(clippy::len_without_is_empty, reason = "a layout is never empty")]
    pub const fn len(self) -> usize {
        match self {
            Self::Legacy => 10,
            Self::V1 => 12,
            Self::V1Hash => 20,
        }
    }

    /// The layout of this length in bytes, if there is one.
    pub const fn from_len(len: usize) -> Option<Self> {
        match len {
            10 => Some(Self::Legacy),
            12 => Some(Self::V1),
            20 => Some(Self::V1Hash),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_those_of_the_specification() {
        let bytes = VnetHdr {
            flags: 0x01,
            gso_type: 0x02,
            hdr_len: 0x0403,
            gso_size: 0x0605,
            csum_start: 0x0807,
            csum_offset: 0x0a09,
            num_buffers: 0x0c0b,
            hash_value: 0x100f_0e0d,
            hash_report: 0x1211,
        }
        .encode();
        let expected: [u8; 18] = core::array::from_fn(|index| index as u8 + 1);
        assert_eq!(bytes[..18], expected);
        assert_eq!(bytes[18..], [0, 0]);
    }

    #[test]
    fn every_layout_decodes_what_it_has() {
        let bytes: [u8; 20] = core::array::from_fn(|index| index as u8 + 1);
        let full = VnetHdr::decode(&bytes, VnetHdrLen::V1Hash).unwrap();
        let v1 = VnetHdr { hash_value: 0, hash_report: 0, ..full };
        assert_eq!(VnetHdr::decode(&bytes, VnetHdrLen::V1), Some(v1));
        let legacy = VnetHdr { num_buffers: 0, ..v1 };
        assert_eq!(VnetHdr::decode(&bytes, VnetHdrLen::Legacy), Some(legacy));
        for len in [VnetHdrLen::Legacy, VnetHdrLen::V1, VnetHdrLen::V1Hash] {
            assert_eq!(VnetHdr::decode(&bytes[..len.len() - 1], len), None);
            assert_eq!(VnetHdrLen::from_len(len.len()), Some(len));
        }
    }
}
