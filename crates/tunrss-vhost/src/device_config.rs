//! The device configuration that a driver reads: `struct virtio_net_config` (virtio 1.4, "Device
//! configuration layout" of the network device).

use tunrss::hash::HashTypes;

use crate::options::Options;

/// The key length that is offered. Linux 6.1 and 6.12 refuse a device that offers more.
pub(crate) const MAX_KEY_LEN: usize = 40;

/// The table length that is offered. Linux 6.1 corrupts its own memory with a longer one.
pub(crate) const MAX_TABLE_LEN: usize = 128;

/// The layout: 28 bytes, little-endian, packed.
pub(crate) struct DeviceConfig {
    pub(crate) mac: [u8; 6],
    pub(crate) pairs: u16,
    pub(crate) mtu: u16,
    pub(crate) types: HashTypes,
}

impl DeviceConfig {
    pub(crate) fn new(options: &Options) -> Self {
        let &Options { mac, pairs, mtu, types, .. } = options;
        Self { mac, pairs, mtu, types }
    }

    /// `size` bytes from `offset` on. Those that the layout does not have are 0.
    pub(crate) fn read(&self, offset: u32, size: u32) -> Vec<u8> {
        let bytes = self.encode();
        let byte = |at: u32| bytes.get(at as usize).copied().unwrap_or(0);
        (0..size).map(|at| offset.checked_add(at).map_or(0, byte)).collect()
    }

    fn encode(&self) -> [u8; 28] {
        let mut bytes = [0; 28];
        let mut put = |at: usize, field: &[u8]| {
            bytes[at..at + field.len()].copy_from_slice(field);
        };
        put(0, &self.mac);
        put(6, &LINK_UP.to_le_bytes());
        put(8, &self.pairs.to_le_bytes());
        put(10, &self.mtu.to_le_bytes());
        // Speed (12) and duplex (16) are unknown; VIRTIO_NET_F_SPEED_DUPLEX is not offered.
        put(12, &u32::MAX.to_le_bytes());
        put(16, &[0xff, MAX_KEY_LEN as u8]);
        put(18, &(MAX_TABLE_LEN as u16).to_le_bytes());
        put(20, &self.types.bits().to_le_bytes());
        bytes
    }
}

/// `VIRTIO_NET_S_LINK_UP`.
const LINK_UP: u16 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_where_the_specification_has_them() {
        let config = DeviceConfig {
            mac: [2, 3, 4, 5, 6, 7],
            pairs: 0x0102,
            mtu: 1500,
            types: HashTypes::BASIC,
        };
        let bytes = config.read(0, 30);
        assert_eq!(bytes[..12], [2, 3, 4, 5, 6, 7, 1, 0, 2, 1, 0xdc, 5]);
        assert_eq!(bytes[16..], [0xff, 40, 128, 0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(config.read(8, 2), [2, 1]);
        assert_eq!(config.read(u32::MAX, 2), [0, 0]);
    }
}
