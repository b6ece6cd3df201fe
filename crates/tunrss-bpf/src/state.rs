//! The `.data` section: the configuration a program executes, in a form that can be read back.
//!
//! The programs read their indirection table from it, so that the section is part of every loaded
//! program: whoever finds the program finds what it does, and for which device. It is 24 bytes of
//! our own, then `struct virtio_net_rss_config` (virtio 1.4, "Setting RSS parameters"), all
//! little-endian:
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 4 | `TRSS` |
//! | 4 | 1 | version of this layout, 1 |
//! | 5 | 1 | report mode: 0 off, 1 kernel, 2 reader |
//! | 6 | 1 | link: 0 Ethernet, 1 IP |
//! | 7 | 1 | 1 once the program is taken from its device, see [`retire`] |
//! | 8 | 8 | [`Target::netns`] |
//! | 16 | 4 | [`Target::index`] |
//! | 20 | 4 | 0 |
//! | 24 | 4 | `hash_types` |
//! | 28 | 2 | `indirection_table_mask`; unlike virtio's it may be 0xffff |
//! | 30 | 2 | `unclassified_queue` |
//! | 32 | 2n | `indirection_table` |
//! | 32 + 2n | 2 | `max_tx_vq`, 0 |
//! | 34 + 2n | 1 | `hash_key_length` |
//! | 35 + 2n | k | `hash_key_data` |

use std::fmt;
use std::str::FromStr;

use tunrss_hash::{HashKey, HashTypes, Link, SteeringConfig};

/// Who computes the hash that a reader gets with a packet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(u8)]
pub enum ReportMode {
    /// Nobody: packets are steered and carry no hash.
    #[default]
    Off = 0,
    /// The kernel: an egress program puts the hash in front of every frame. Any reader in any
    /// language finds it there.
    Kernel = 1,
    /// The reader: the library hashes what it has just read. Nothing in the kernel but steering.
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

/// The device that a program is meant for.
///
/// A device holds its steering program, but the kernel cannot be asked which; the program says it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Target {
    /// The cookie of the device's network namespace, or 0 for no device.
    pub netns: u64,
    /// The index of the device in it, or 0 for no device.
    pub index: u32,
}

/// All that an object was compiled from.
#[derive(Clone, PartialEq, Debug)]
pub struct State {
    /// The configuration.
    pub config: SteeringConfig<Vec<u16>>,
    /// The header packets start with.
    pub link: Link,
    /// Who computes the hash.
    pub report: ReportMode,
    /// The device.
    pub target: Target,
}

impl State {
    /// The bytes of the section.
    pub fn encode<T: AsRef<[u16]>>(
        config: &SteeringConfig<T>,
        link: Link,
        report: ReportMode,
        target: Target,
    ) -> Vec<u8> {
        let table = config.table();
        let key = config.key().as_bytes();
        let mut bytes = Vec::with_capacity(TABLE_OFFSET + 2 * table.len() + 3 + key.len());
        bytes.extend(MAGIC);
        bytes.extend([VERSION, report as u8, link_code(link), 0]);
        bytes.extend(target.netns.to_le_bytes());
        bytes.extend(target.index.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(config.types().bits().to_le_bytes());
        // A table has at most 65,536 entries, so its mask fits.
        bytes.extend((table.len().wrapping_sub(1) as u16).to_le_bytes());
        bytes.extend(config.unclassified().to_le_bytes());
        bytes.extend(table.iter().flat_map(|queue| queue.to_le_bytes()));
        bytes.extend(0u16.to_le_bytes());
        // A key has at most 255 bytes.
        bytes.push(key.len() as u8);
        bytes.extend(key);
        bytes
    }

    /// Read the section back. Bytes behind the key are ignored.
    ///
    /// # Errors
    /// What is wrong with the bytes: cut off, another program's, retired, or no valid configuration.
    pub fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        let (magic, rest) = bytes.split_first_chunk().ok_or(StateError::Truncated)?;
        if *magic != MAGIC {
            return Err(StateError::NotOurs);
        }
        let ([version, report, link, is_retired], rest) = split(rest)?;
        if version != VERSION {
            return Err(StateError::Version(version));
        }
        if is_retired != 0 {
            return Err(StateError::Retired);
        }
        let by_code = |&mode: &ReportMode| mode as u8 == report;
        let report = ReportMode::ALL.into_iter().find(by_code).ok_or(StateError::Invalid)?;
        let by_code = |&known: &Link| link_code(known) == link;
        let link =
            [Link::Ethernet, Link::Ip].into_iter().find(by_code).ok_or(StateError::Invalid)?;
        let (netns, rest) = split(rest)?;
        let (index, rest) = split(rest)?;
        let target = Target { netns: u64::from_le_bytes(netns), index: u32::from_le_bytes(index) };
        let ([_, _, _, _], rest) = split(rest)?;
        let (types, rest) = split(rest)?;
        let types = HashTypes::from_bits(u32::from_le_bytes(types)).ok_or(StateError::Invalid)?;
        let (mask, rest) = split(rest)?;
        let (unclassified, rest) = split(rest)?;
        let table_len = 2 * (usize::from(u16::from_le_bytes(mask)) + 1);
        let (table, rest) = rest.split_at_checked(table_len).ok_or(StateError::Truncated)?;
        let ([_, _, key_len], rest) = split(rest)?;
        let key = rest.get(..usize::from(key_len)).ok_or(StateError::Truncated)?;
        let key = HashKey::new(key).map_err(|_| StateError::Invalid)?;
        let (entries, _) = table.as_chunks();
        let table = entries.iter().copied().map(u16::from_le_bytes).collect();
        let unclassified = u16::from_le_bytes(unclassified);
        let config = SteeringConfig::new(types, key, table, unclassified)
            .map_err(|_| StateError::Invalid)?;
        Ok(Self { config, link, report, target })
    }
}

/// Mark the section of a program that is being taken from its device: the kernel keeps the program
/// a moment longer. Its table and everything else stays as it is.
pub fn retire(section: &mut [u8]) {
    if let Some(is_retired) = section.get_mut(RETIRED_OFFSET) {
        *is_retired = 1;
    }
}

fn split<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), StateError> {
    bytes.split_first_chunk().map(|(&first, rest)| (first, rest)).ok_or(StateError::Truncated)
}

fn link_code(link: Link) -> u8 {
    match link {
        Link::Ethernet => 0,
        Link::Ip => 1,
    }
}

/// Why bytes are no `.data` section of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum StateError {
    /// They end too early.
    Truncated,
    /// They do not start with the magic bytes.
    NotOurs,
    /// The program has been taken from its device.
    Retired,
    /// They have a layout that this version does not know.
    Version(u8),
    /// A field has an impossible value.
    Invalid,
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("configuration in the program is cut off"),
            Self::Retired => f.write_str("the program has been taken from its device"),
            Self::NotOurs => f.write_str("the program is not one of tunrss"),
            Self::Version(version) => write!(
                f,
                "configuration in the program has layout version {version}, this tunrss knows {VERSION}"
            ),
            Self::Invalid => f.write_str("configuration in the program is not valid"),
        }
    }
}

impl std::error::Error for StateError {}

const MAGIC: [u8; 4] = *b"TRSS";
const VERSION: u8 = 1;
const RETIRED_OFFSET: usize = 7;

/// Where the indirection table starts in the section, in bytes: 16-bit entries, little-endian.
pub const TABLE_OFFSET: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let table = vec![3, 2, 1, 0];
        let config = SteeringConfig::new(HashTypes::ALL, HashKey::MICROSOFT, table, 7).unwrap();
        let target = Target { netns: 0x0102_0304_0506_0708, index: 9 };
        State { config, link: Link::Ip, report: ReportMode::Kernel, target }
    }

    fn encode(state: &State) -> Vec<u8> {
        State::encode(&state.config, state.link, state.report, state.target)
    }

    #[test]
    fn round_trip_and_wire_layout() {
        let bytes = encode(&state());
        assert_eq!(bytes.len(), 24 + 11 + 8 + 40);
        assert_eq!(bytes[8..24], [8, 7, 6, 5, 4, 3, 2, 1, 9, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[24..40], [0xff, 1, 0, 0, 3, 0, 7, 0, 3, 0, 2, 0, 1, 0, 0, 0]);
        assert_eq!(State::decode(&bytes), Ok(state()));
    }

    #[test]
    fn every_cut_is_refused() {
        let bytes = encode(&state());
        for len in 0..bytes.len() {
            assert_eq!(State::decode(&bytes[..len]), Err(StateError::Truncated), "{len}");
        }
    }

    #[test]
    fn other_bytes_are_refused() {
        let bytes = encode(&state());
        let with = |at: usize, byte| {
            let mut bytes = bytes.clone();
            bytes[at] = byte;
            State::decode(&bytes)
        };
        assert_eq!(with(0, b'X'), Err(StateError::NotOurs));
        assert_eq!(with(4, 2), Err(StateError::Version(2)));
        for (at, byte) in [(5, 3), (6, 2), (25, 2), (28, 2)] {
            assert_eq!(with(at, byte), Err(StateError::Invalid), "byte {at}");
        }
    }

    #[test]
    fn retired_is_not_in_force() {
        let mut bytes = encode(&state());
        retire(&mut bytes);
        assert_eq!(State::decode(&bytes), Err(StateError::Retired));
        retire(&mut []);
    }
}
