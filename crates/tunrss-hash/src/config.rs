//! A steering configuration: everything that decides hash, report and queue of a packet.

use core::fmt;

use crate::classify::Reports;
use crate::toeplitz::Toeplitz;
use crate::{HashKey, HashTypes, InputTransform, TunnelTypes};

/// Hash types, key, indirection table and unclassified queue, valid by construction.
///
/// `T` holds the indirection table: `&[u16]` without an allocator, `Vec<u16>` with one. An entry is
/// the number of a receive queue, counting from 0. Whether that many queues exist is for the
/// device to say.
#[derive(Clone, Debug)]
pub struct SteeringConfig<T> {
    types: HashTypes,
    reports: Reports,
    key: HashKey,
    toeplitz: Toeplitz,
    table: T,
    unclassified: u16,
    tunnels: TunnelTypes,
    transform: InputTransform,
}

impl<T: AsRef<[u16]>> SteeringConfig<T> {
    /// The configuration made of these parts. `unclassified` is the queue of packets without hash.
    /// No tunnels are looked into, and the hash input is not transformed.
    ///
    /// # Errors
    /// - [`ConfigError::TableLen`]: the table's length is no power of two from 1 to
    ///   [`MAX_TABLE_LEN`].
    /// - [`ConfigError::KeyTooShort`]: the key does not cover the longest input of `types`.
    pub fn new(
        types: HashTypes,
        key: HashKey,
        table: T,
        unclassified: u16,
    ) -> Result<Self, ConfigError> {
        check_table_len(table.as_ref().len())?;
        let key_len = key.as_bytes().len();
        if key_len < types.key_len_needed() {
            return Err(ConfigError::KeyTooShort { len: key_len, types });
        }
        Ok(Self {
            types,
            reports: Reports::new(types),
            key,
            toeplitz: Toeplitz::new(&key),
            table,
            unclassified,
            tunnels: TunnelTypes::NONE,
            transform: InputTransform::None,
        })
    }

    /// The same, with packets in tunnels of these types hashed by the packet inside.
    pub fn with_tunnels(self, tunnels: TunnelTypes) -> Self {
        Self { tunnels, ..self }
    }

    /// The same, with this done to addresses and ports before they are hashed.
    pub fn with_transform(self, transform: InputTransform) -> Self {
        Self { transform, ..self }
    }

    /// The enabled hash types.
    #[inline]
    pub fn types(&self) -> HashTypes {
        self.types
    }

    /// What packets without extension headers are hashed by.
    #[inline]
    pub(crate) fn reports(&self) -> &Reports {
        &self.reports
    }

    /// The hash key.
    pub fn key(&self) -> &HashKey {
        &self.key
    }

    /// The key in the form that hashes are computed from.
    #[inline]
    pub fn toeplitz(&self) -> &Toeplitz {
        &self.toeplitz
    }

    /// The indirection table.
    #[inline]
    pub fn table(&self) -> &[u16] {
        self.table.as_ref()
    }

    /// The queue of packets without hash.
    #[inline]
    pub fn unclassified(&self) -> u16 {
        self.unclassified
    }

    /// The types of the tunnels that are looked into.
    #[inline]
    pub fn tunnels(&self) -> TunnelTypes {
        self.tunnels
    }

    /// Whether no tunnels are looked into and the hash input is not transformed: virtio's plain RSS.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.tunnels.bits() | u32::from(self.transform.code()) == 0
    }

    /// What is done to addresses and ports before they are hashed.
    #[inline]
    pub fn transform(&self) -> InputTransform {
        self.transform
    }

    /// The queue of a packet with this hash: the table's entry named by the hash's low bits.
    #[inline]
    pub fn queue_for(&self, hash: u32) -> u16 {
        let table = self.table();
        let index = hash as usize & table.len().wrapping_sub(1);
        table.get(index).copied().unwrap_or(self.unclassified)
    }

    /// The highest queue number that a packet can be steered to.
    pub fn highest_queue(&self) -> u16 {
        self.table().iter().copied().fold(self.unclassified, u16::max)
    }

    /// The same configuration, its table borrowed.
    pub fn as_borrowed(&self) -> SteeringConfig<&[u16]> {
        self.with_same_table(self.table())
    }

    /// The same configuration, its table copied into a `U`: a `Vec<u16>` or a `Box<[u16]>`.
    pub fn copied_into<'a, U: AsRef<[u16]> + From<&'a [u16]>>(&'a self) -> SteeringConfig<U> {
        self.with_same_table(U::from(self.table()))
    }

    /// The same configuration with another table.
    ///
    /// # Errors
    /// [`ConfigError::TableLen`].
    pub fn with_table<U: AsRef<[u16]>>(&self, table: U) -> Result<SteeringConfig<U>, ConfigError> {
        check_table_len(table.as_ref().len())?;
        Ok(self.with_same_table(table))
    }

    fn with_same_table<U>(&self, table: U) -> SteeringConfig<U> {
        SteeringConfig {
            types: self.types,
            reports: self.reports,
            key: self.key,
            toeplitz: self.toeplitz.clone(),
            table,
            unclassified: self.unclassified,
            tunnels: self.tunnels,
            transform: self.transform,
        }
    }
}

impl<T: AsRef<[u16]>, U: AsRef<[u16]>> PartialEq<SteeringConfig<U>> for SteeringConfig<T> {
    fn eq(&self, other: &SteeringConfig<U>) -> bool {
        self.types == other.types
            && self.key == other.key
            && self.table() == other.table()
            && self.unclassified == other.unclassified
            && self.tunnels == other.tunnels
            && self.transform == other.transform
    }
}

fn check_table_len(len: usize) -> Result<(), ConfigError> {
    if len.is_power_of_two() && len <= MAX_TABLE_LEN {
        Ok(())
    } else {
        Err(ConfigError::TableLen { len })
    }
}

/// The longest indirection table, in entries.
pub const MAX_TABLE_LEN: usize = 65_536;

/// Why parts make no configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// The indirection table has an impossible length.
    TableLen {
        /// Its number of entries.
        len: usize,
    },
    /// The key is shorter than the enabled types need.
    KeyTooShort {
        /// The length of the key, in bytes.
        len: usize,
        /// The enabled types.
        types: HashTypes,
    },
    /// The weights of a table are all zero, or there are none.
    NoWeight,
    /// The table would name a queue beyond 65,535.
    QueueTooHigh,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TableLen { len } => write!(
                f,
                "indirection table has {len} entries, a power of two from 1 to {MAX_TABLE_LEN} is needed"
            ),
            Self::KeyTooShort { len, types } => write!(
                f,
                "hash key has {len} bytes, types {types} need at least {}",
                types.key_len_needed()
            ),
            Self::NoWeight => write!(f, "no queue has a weight above 0"),
            Self::QueueTooHigh => write!(f, "the table would name a queue beyond {}", u16::MAX),
        }
    }
}

impl core::error::Error for ConfigError {}

/// Fill `table` so that `count` queues from `start` on take turns: `ethtool -X NAME start S equal N`.
///
/// # Errors
/// [`ConfigError::NoWeight`] for a count of 0, [`ConfigError::QueueTooHigh`] if a queue number
/// would not fit. The table is then as it was.
pub fn fill_equal(table: &mut [u16], start: u16, count: u16) -> Result<(), ConfigError> {
    let last = count.checked_sub(1).ok_or(ConfigError::NoWeight)?;
    start.checked_add(last).ok_or(ConfigError::QueueTooHigh)?;
    for (entry, turn) in table.iter_mut().zip((0..count).cycle()) {
        *entry = start + turn;
    }
    Ok(())
}

/// Fill `table` with a block of entries for each queue from `start` on, in proportion to its
/// weight: `ethtool -X NAME start S weight W0 W1 ...`.
///
/// # Errors
/// [`ConfigError::NoWeight`] if all weights are 0, [`ConfigError::QueueTooHigh`] if a queue number
/// would not fit. The table is then as it was.
pub fn fill_weighted(table: &mut [u16], start: u16, weights: &[u32]) -> Result<(), ConfigError> {
    let total: u64 = weights.iter().copied().map(u64::from).sum();
    if total == 0 {
        return Err(ConfigError::NoWeight);
    }
    let last = u16::try_from(weights.len() - 1).map_err(|_| ConfigError::QueueTooHigh)?;
    start.checked_add(last).ok_or(ConfigError::QueueTooHigh)?;
    let len = table.len() as u128;
    let mut queues = (start..=u16::MAX).zip(weights.iter().copied());
    let mut current = (start, 0);
    let mut end = 0;
    for (index, entry) in table.iter_mut().enumerate() {
        // The block of a queue ends where the weights up to its own end, in entries of the table.
        while index as u128 >= len * end / u128::from(total) {
            let Some(next) = queues.next() else { break };
            current = next;
            end += u128::from(current.1);
        }
        *entry = current.0;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_powers_of_two_up_to_the_limit_are_tables() {
        let with = |len| {
            let table = [0; 2 * MAX_TABLE_LEN];
            SteeringConfig::new(HashTypes::ALL, HashKey::MICROSOFT, &table[..len], 0).map(|_| ())
        };
        for len in [1, 2, 128, MAX_TABLE_LEN] {
            assert_eq!(with(len), Ok(()));
        }
        for len in [0, 3, 127, MAX_TABLE_LEN + 1, 2 * MAX_TABLE_LEN] {
            assert_eq!(with(len), Err(ConfigError::TableLen { len }));
        }
    }

    #[test]
    fn short_key_is_refused_for_the_types_that_need_more() {
        let key = HashKey::new(&[1; 16]).unwrap();
        let with = |types| SteeringConfig::new(types, key, [0], 0).map(|_| ());
        assert_eq!(with(HashTypes::IPV4 | HashTypes::TCPV4 | HashTypes::UDPV4), Ok(()));
        let types = HashTypes::TCPV4 | HashTypes::IPV6;
        assert_eq!(with(types), Err(ConfigError::KeyTooShort { len: 16, types }));
        let none = HashKey::new(&[]).unwrap();
        assert!(SteeringConfig::new(HashTypes::NONE, none, [0], 0).is_ok());
    }

    #[test]
    fn equal_takes_turns() {
        let mut table = [9; 8];
        fill_equal(&mut table, 2, 3).unwrap();
        assert_eq!(table, [2, 3, 4, 2, 3, 4, 2, 3]);
        assert_eq!(fill_equal(&mut table, 0, 0), Err(ConfigError::NoWeight));
        assert_eq!(fill_equal(&mut table, 65535, 2), Err(ConfigError::QueueTooHigh));
        assert_eq!(table, [2, 3, 4, 2, 3, 4, 2, 3]);
    }

    #[test]
    fn weights_make_blocks() {
        let mut table = [9; 8];
        fill_weighted(&mut table, 0, &[1, 0, 3]).unwrap();
        assert_eq!(table, [0, 0, 2, 2, 2, 2, 2, 2]);
        fill_weighted(&mut table, 4, &[5, 5]).unwrap();
        assert_eq!(table, [4, 4, 4, 4, 5, 5, 5, 5]);
        // ethtool -X weight 6 2 on a table of 8, and a weight too small for an entry.
        fill_weighted(&mut table, 0, &[6, 2]).unwrap();
        assert_eq!(table, [0, 0, 0, 0, 0, 0, 1, 1]);
        fill_weighted(&mut table, 0, &[1, 1000]).unwrap();
        assert_eq!(table, [1; 8]);
        assert_eq!(fill_weighted(&mut table, 0, &[0, 0]), Err(ConfigError::NoWeight));
        assert_eq!(fill_weighted(&mut table, 0, &[]), Err(ConfigError::NoWeight));
        let huge = [u32::MAX; 65536];
        assert_eq!(fill_weighted(&mut table, 1, &huge), Err(ConfigError::QueueTooHigh));
    }
}
