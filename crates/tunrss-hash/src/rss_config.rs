//! Configurations as a virtio-net driver sends them on its control queue.

use core::fmt;

use crate::config::ConfigError;
use crate::key::KeyError;
use crate::{HashKey, HashTypes, SteeringConfig};

/// `struct virtio_net_rss_config` (virtio 1.4, "Setting RSS parameters"): the body of the command
/// `VIRTIO_NET_CTRL_MQ_RSS_CONFIG`. Little-endian and packed:
///
/// | offset | bytes | field |
/// |---|---|---|
/// | 0 | 4 | `hash_types` |
/// | 4 | 2 | `indirection_table_mask`: the table's length less one |
/// | 6 | 2 | `unclassified_queue` |
/// | 8 | 2n | `indirection_table` |
/// | 8 + 2n | 2 | `max_tx_vq` |
/// | 10 + 2n | 1 | `hash_key_length` |
/// | 11 + 2n | k | `hash_key_data` |
#[derive(Clone, Debug)]
#[doc(alias = "virtio_net_rss_config")]
pub struct RssConfig<T> {
    /// Types, key, table and unclassified queue.
    pub steering: SteeringConfig<T>,
    /// How many transmit queues the driver may use.
    pub max_tx_vq: u16,
}

impl<T: AsRef<[u16]> + FromIterator<u16>> RssConfig<T> {
    /// Read the struct. Bytes behind the key are ignored: drivers send padding there.
    ///
    /// Whether the device has the queues, and supports the types and so long a table and key, is for
    /// the device to say. A mask of 0xffff, which virtio does not allow, is a table of 65,536 entries.
    ///
    /// # Errors
    /// What is wrong with the bytes. The table is not gathered then.
    pub fn decode(body: &[u8]) -> Result<Self, RssConfigError> {
        let mut fields = Fields { body, at: 0 };
        let types = fields.types()?;
        let mask = u16::from_le_bytes(fields.array()?);
        let unclassified = u16::from_le_bytes(fields.array()?);
        let len = usize::from(mask) + 1;
        if !len.is_power_of_two() {
            return Err(RssConfigError::Config(ConfigError::TableLen { len }));
        }
        let (entries, _) = fields.take(2 * len)?.as_chunks();
        let max_tx_vq = u16::from_le_bytes(fields.array()?);
        let key = fields.key()?;
        let table = entries.iter().copied().map(u16::from_le_bytes).collect();
        let steering = SteeringConfig::new(types, key, table, unclassified)?;
        Ok(Self { steering, max_tx_vq })
    }
}

impl<T: AsRef<[u16]>> RssConfig<T> {
    /// Add the struct's bytes to `out`.
    pub fn encode(&self, out: &mut impl Extend<u8>) {
        let Self { steering, max_tx_vq } = self;
        let table = steering.table();
        let key = steering.key().as_bytes();
        out.extend(steering.types().bits().to_le_bytes());
        // A table has at most 65,536 entries, so its mask fits.
        out.extend((table.len().wrapping_sub(1) as u16).to_le_bytes());
        out.extend(steering.unclassified().to_le_bytes());
        out.extend(table.iter().flat_map(|queue| queue.to_le_bytes()));
        out.extend(max_tx_vq.to_le_bytes());
        // A key has at most 255 bytes.
        out.extend([key.len() as u8]);
        out.extend(key.iter().copied());
    }
}

/// `struct virtio_net_hash_config` (virtio 1.4, "Hash calculation"): the body of the command
/// `VIRTIO_NET_CTRL_MQ_HASH_CONFIG`. Little-endian and packed: le32 `hash_types`, 8 reserved bytes,
/// u8 `hash_key_length`, `hash_key_data`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[doc(alias = "virtio_net_hash_config")]
pub struct HashConfig {
    /// The types that are reported.
    pub types: HashTypes,
    /// The key. It is long enough for the types.
    pub key: HashKey,
}

impl HashConfig {
    /// Read the struct. Reserved bytes, which drivers do not all leave 0, and those behind the key are
    /// ignored.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn decode(body: &[u8]) -> Result<Self, RssConfigError> {
        let mut fields = Fields { body, at: 0 };
        let types = fields.types()?;
        fields.take(8)?;
        let key = fields.key()?;
        SteeringConfig::new(types, key, [0], 0)?;
        Ok(Self { types, key })
    }
}

/// What is read of a body, field by field.
struct Fields<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], RssConfigError> {
        let end = self.at + len;
        let truncated = RssConfigError::Truncated { len: self.body.len(), needed: end };
        let field = self.body.get(self.at..end).ok_or(truncated)?;
        self.at = end;
        Ok(field)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RssConfigError> {
        let truncated = RssConfigError::Truncated { len: self.body.len(), needed: self.at + N };
        self.take(N)?.try_into().map_err(|_| truncated)
    }

    fn types(&mut self) -> Result<HashTypes, RssConfigError> {
        let bits = u32::from_le_bytes(self.array()?);
        HashTypes::from_bits(bits).ok_or(RssConfigError::Types { bits })
    }

    fn key(&mut self) -> Result<HashKey, RssConfigError> {
        let [len] = self.array()?;
        Ok(HashKey::new(self.take(len.into())?)?)
    }
}

/// Why bytes are no configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RssConfigError {
    /// They end too early.
    Truncated {
        /// How many there are.
        len: usize,
        /// How many are needed, as far as was read.
        needed: usize,
    },
    /// There are types that do not exist.
    Types {
        /// `hash_types`.
        bits: u32,
    },
    /// The parts make no configuration.
    Config(ConfigError),
    /// The key is none.
    Key(KeyError),
}

impl From<ConfigError> for RssConfigError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<KeyError> for RssConfigError {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}

impl fmt::Display for RssConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { len, needed } => {
                write!(f, "the configuration has {len} bytes, at least {needed} are needed")
            }
            Self::Types { bits } => {
                let known = HashTypes::ALL.bits();
                write!(f, "hash types {bits:#x} are not all known, which are {known:#x}")
            }
            Self::Config(error) => error.fmt(f),
            Self::Key(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for RssConfigError {}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;

    /// Four entries, Microsoft's key.
    fn body() -> Vec<u8> {
        let mut body = Vec::from([0x3f, 0, 0, 0, 3, 0, 7, 0, 3, 0, 2, 0, 1, 0, 0, 1, 4, 0, 40]);
        body.extend(HashKey::MICROSOFT.as_bytes());
        body
    }

    fn decode(body: &[u8]) -> Result<RssConfig<Vec<u16>>, RssConfigError> {
        RssConfig::decode(body)
    }

    #[test]
    fn round_trip_and_wire_layout() {
        let decoded = decode(&body()).unwrap();
        let types = HashTypes::from_bits(0x3f).unwrap();
        let steering =
            SteeringConfig::new(types, HashKey::MICROSOFT, Vec::from([3, 2, 1, 256]), 7).unwrap();
        assert_eq!((&decoded.steering, decoded.max_tx_vq), (&steering, 4));
        let mut encoded = Vec::new();
        decoded.encode(&mut encoded);
        assert_eq!(encoded, body());
        // As drivers pad it.
        let padded = [body(), Vec::from([0; 3])].concat();
        assert_eq!(decode(&padded).unwrap().steering, decoded.steering);
    }

    #[test]
    fn every_cut_is_refused() {
        for len in 0..body().len() {
            let error = decode(&body()[..len]).unwrap_err();
            let RssConfigError::Truncated { len: found, needed } = error else {
                panic!("{error:?}");
            };
            assert!(found == len && needed > len, "{found} {needed}");
        }
    }

    #[test]
    fn what_makes_no_configuration_is_refused() {
        let with = |at: usize, bytes: &[u8]| {
            let mut body = body();
            body[at..at + bytes.len()].copy_from_slice(bytes);
            decode(&body).map(drop)
        };
        assert_eq!(with(0, &[0, 2]), Err(RssConfigError::Types { bits: 0x200 }));
        let len = |len| Err(RssConfigError::Config(ConfigError::TableLen { len }));
        assert_eq!(with(4, &[2, 0]), len(3));
        assert_eq!(with(4, &[0xfe, 0xff]), len(0xffff));
        let types = HashTypes::from_bits(0x3f).unwrap();
        let short = ConfigError::KeyTooShort { len: 16, types };
        assert_eq!(with(18, &[16]), Err(RssConfigError::Config(short)));
    }

    #[test]
    fn hash_config_has_types_and_key() {
        let mut body = Vec::from([2, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 16]);
        body.extend([7; 16]);
        let key = HashKey::new(&[7; 16]).unwrap();
        assert_eq!(HashConfig::decode(&body), Ok(HashConfig { types: HashTypes::TCPV4, key }));
        for len in 0..body.len() {
            let error = HashConfig::decode(&body[..len]).unwrap_err();
            assert!(matches!(error, RssConfigError::Truncated { .. }), "{error:?}");
        }
        body[0] = 16;
        let short = ConfigError::KeyTooShort { len: 16, types: HashTypes::TCPV6 };
        assert_eq!(HashConfig::decode(&body), Err(RssConfigError::Config(short)));
    }
}
