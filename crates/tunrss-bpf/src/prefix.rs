//! What report mode `kernel` puts in front of a frame.

use tunrss_hash::{HashReport, Verdict, VnetHdr};

/// Hash and report of a frame, as they stand in front of it: `{le32 hash_value, le16 hash_report,
/// le16 0xffff}`.
///
/// Behind a virtio-net header of 12 bytes these are the last 8 bytes of `struct
/// virtio_net_hdr_v1_hash`, but for the padding: virtio has 0 there. Here it is the mark by which a
/// reader tells a frame with prefix from one without, record by record, so that a change of the
/// report mode is never misread. No frame without prefix looks like one with: its source MAC would be
/// a group address, or it would be an IPv4 packet with all fragment bits set, or an IPv6 packet of
/// the reserved protocol 255. That holds for frames of a sane network; who can put any bytes at all
/// on the device can forge it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prefix {
    /// The hash, all 32 bits; 0 if there is none.
    pub hash: u32,
    /// The type of the hash.
    pub report: HashReport,
}

impl Prefix {
    /// Bytes of it.
    pub const LEN: usize = 8;

    /// The bytes.
    pub fn encode(self) -> [u8; Self::LEN] {
        let [h0, h1, h2, h3] = self.hash.to_le_bytes();
        let [r0, r1] = self.report.code().to_le_bytes();
        let [m0, m1] = MARK;
        [h0, h1, h2, h3, r0, r1, m0, m1]
    }

    /// The prefix at the start of `record`, if there is one.
    #[inline]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let &[h0, h1, h2, h3, r0, r1, m0, m1] = record.first_chunk()?;
        if [m0, m1] != MARK {
            return None;
        }
        let report = HashReport::from_code(u16::from_le_bytes([r0, r1]))?;
        Some(Self { hash: u32::from_le_bytes([h0, h1, h2, h3]), report })
    }

    /// Put hash and report into the header of the record that had this prefix, and have its offsets
    /// count from the start of the frame.
    ///
    /// The kernel counts from the start of the prefix. The header needs nothing else (tun_net_xmit
    /// adds no other offset, v6.12).
    #[inline]
    pub fn move_into(self, header: &mut VnetHdr) {
        header.hash_value = self.hash;
        header.hash_report = self.report.code();
        let len = Self::LEN as u16;
        if header.flags & VnetHdr::NEEDS_CSUM != 0 {
            header.csum_start = header.csum_start.saturating_sub(len);
        }
        if header.gso_type != 0 {
            header.hdr_len = header.hdr_len.saturating_sub(len);
        }
    }
}

impl From<Verdict> for Prefix {
    fn from(verdict: Verdict) -> Self {
        Self { hash: verdict.hash, report: verdict.report }
    }
}

/// In the place of the padding.
const MARK: [u8; 2] = [0xff, 0xff];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_only_what_is_marked() {
        let prefix = Prefix { hash: 0x0102_0304, report: HashReport::UdpV6Ex };
        let bytes = prefix.encode();
        assert_eq!(bytes, [4, 3, 2, 1, 9, 0, 0xff, 0xff]);
        assert_eq!(Prefix::decode(&bytes), Some(prefix));
        assert_eq!(Prefix::decode(&bytes[..7]), None);
        for (at, byte) in [(4, 10), (5, 1), (6, 0), (7, 0xfe)] {
            let mut other = bytes;
            other[at] = byte;
            assert_eq!(Prefix::decode(&other), None);
        }
    }
}
