//! The requests of both generations of the series: numbers and layouts.
//!
//! Fields are in the machine's byte order, as ioctls have them. A number names direction, size and
//! function of its argument (linux/ioctl.h), and the generations differ in one of these everywhere: so
//! one program can serve both.

use rustix::io::Errno;
use tunrss::hash::config::MAX_TABLE_LEN;
use tunrss::hash::{HashKey, HashTypes, SteeringConfig};

use crate::error::{Error, Result};
use crate::setting::Setting;

/// Writes a `struct tun_vnet_hash` with all that is supported.
pub const TUNGETVNETHASHCAP: u32 = 0x8008_54e4;
/// Reads a `struct tun_vnet_hash`, and for RSS what follows it.
pub const TUNSETVNETHASH: u32 = 0x4008_54e5;
/// Writes the types that are supported, a `u32`.
pub const TUNGETVNETHASHTYPES: u32 = 0x8004_54e4;
/// Reads the types to be reported, a `u32`, with the kernel's automatic steering.
pub const TUNSETVNETREPORTINGAUTOMQ: u32 = 0x8004_54e5;
/// Reads a `struct tun_vnet_rss` and what follows it: RSS with report.
pub const TUNSETVNETREPORTINGRSS: u32 = 0x8008_54e6;
/// The same without report.
pub const TUNSETVNETRSS: u32 = 0x8008_54e7;

/// In `flags` of `struct tun_vnet_hash`: report the hash.
pub const TUN_VNET_HASH_REPORT: u16 = 1;
/// In `flags` of `struct tun_vnet_hash`: RSS.
pub const TUN_VNET_HASH_RSS: u16 = 2;

/// The hash types of the series: those without `_EX`.
pub const SUPPORTED_TYPES: HashTypes = HashTypes::BASIC;

/// A request that no kernel knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Request {
    /// Write what is supported.
    Query(Query),
    /// Read a setting.
    Set(Set),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Query {
    Capability,
    Types,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Set {
    Hash,
    ReportAutomatic,
    Rss { report: bool },
}

impl Request {
    /// The request of this number, if it is one of the series.
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            TUNGETVNETHASHCAP => Self::Query(Query::Capability),
            TUNGETVNETHASHTYPES => Self::Query(Query::Types),
            TUNSETVNETHASH => Self::Set(Set::Hash),
            TUNSETVNETREPORTINGAUTOMQ => Self::Set(Set::ReportAutomatic),
            TUNSETVNETREPORTINGRSS => Self::Set(Set::Rss { report: true }),
            TUNSETVNETRSS => Self::Set(Set::Rss { report: false }),
            _ => return None,
        })
    }
}

impl Query {
    /// What is written: bytes, and how many of them.
    pub(crate) fn answer(self) -> ([u8; 8], usize) {
        let [t0, t1, t2, t3] = SUPPORTED_TYPES.bits().to_ne_bytes();
        match self {
            Self::Types => ([t0, t1, t2, t3, 0, 0, 0, 0], 4),
            Self::Capability => {
                let [f0, f1] = (TUN_VNET_HASH_REPORT | TUN_VNET_HASH_RSS).to_ne_bytes();
                ([f0, f1, 0, 0, t0, t1, t2, t3], 8)
            }
        }
    }
}

impl Set {
    /// Whether RSS of this generation stands beside a steering program of the program's own, which goes
    /// first; else each refuses the other.
    pub(crate) fn stands_beside_programs(self) -> bool {
        !matches!(self, Self::Hash)
    }

    /// Read the setting from the caller's memory: `read` fills a buffer from so many bytes behind the
    /// argument's start. `check_rss` is asked once it is known to be RSS, before more is read.
    ///
    /// Types that the series does not have are ignored, as it does; so are flags, and padding.
    ///
    /// # Errors
    /// Those of `read` and `check_rss`, and [`Error::NoMemory`].
    pub(crate) fn decode(
        self,
        read: impl Fn(usize, &mut [u8]) -> Result<()>,
        check_rss: impl FnOnce() -> Result<()>,
    ) -> Result<Setting> {
        let mut reader = Reader { read, at: 0 };
        match self {
            Self::Hash => {
                let flags = u16::from_ne_bytes(reader.array()?);
                let _padding: [u8; 2] = reader.array()?;
                let types = supported(u32::from_ne_bytes(reader.array()?));
                let report = flags & TUN_VNET_HASH_REPORT != 0;
                if flags & TUN_VNET_HASH_RSS != 0 {
                    check_rss()?;
                    let mask = u16::from_ne_bytes(reader.array()?);
                    let unclassified = u16::from_ne_bytes(reader.array()?);
                    reader.rss(types, mask, unclassified, report)
                } else if report {
                    Ok(Setting::ReportAutomatic(types))
                } else {
                    Ok(Setting::Off)
                }
            }
            Self::ReportAutomatic => {
                let types = supported(u32::from_ne_bytes(reader.array()?));
                Ok(Setting::ReportAutomatic(types).or_off())
            }
            Self::Rss { report } => {
                let types = supported(u32::from_ne_bytes(reader.array()?));
                let mask = u16::from_ne_bytes(reader.array()?);
                let unclassified = u16::from_ne_bytes(reader.array()?);
                check_rss()?;
                reader.rss(types, mask, unclassified, report)
            }
        }
    }
}

fn supported(bits: u32) -> HashTypes {
    HashTypes::from_bits(bits & SUPPORTED_TYPES.bits()).unwrap_or(HashTypes::NONE)
}

/// What reads the argument from its start on.
struct Reader<R> {
    read: R,
    at: usize,
}

impl<R: Fn(usize, &mut [u8]) -> Result<()>> Reader<R> {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        (self.read)(self.at, bytes)?;
        self.at += bytes.len();
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Table and key. The key has as many bytes as the longest input of `types` needs.
    fn rss(
        &mut self,
        types: HashTypes,
        mask: u16,
        unclassified: u16,
        report: bool,
    ) -> Result<Setting> {
        let entries = usize::from(mask) + 1;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(2 * entries).map_err(|_| Error::NoMemory)?;
        bytes.resize(2 * entries, 0);
        self.fill(&mut bytes)?;
        let mut key = [0; HashKey::USUAL_LEN];
        let (key, _) = key.split_at_mut(types.key_len_needed().min(HashKey::USUAL_LEN));
        self.fill(key)?;
        let (bytes, _) = bytes.as_chunks();
        let table = Table { entries: bytes, mask }.with_power_of_two()?;
        let invalid = |_| Error::Argument { errno: Errno::INVAL };
        let key = HashKey::new(key).map_err(|_| Error::Argument { errno: Errno::INVAL })?;
        let config = SteeringConfig::new(types, key, table, unclassified).map_err(invalid)?;
        Ok(Setting::Rss { config, report })
    }
}

/// An indirection table as the series has it: a mask need not be a power of two less one. The entry of
/// a hash is that at `hash & mask`, so some entries are never used.
struct Table<'a> {
    entries: &'a [[u8; 2]],
    mask: u16,
}

impl Table<'_> {
    /// A table that has the same entry for each hash, with a mask as virtio has it.
    fn with_power_of_two(&self) -> Result<Vec<u16>> {
        let len = self.entries.len().next_power_of_two().min(MAX_TABLE_LEN);
        let mut table = Vec::new();
        table.try_reserve_exact(len).map_err(|_| Error::NoMemory)?;
        let entry = |index: usize| self.entries.get(index & usize::from(self.mask));
        table.extend((0..len).filter_map(entry).copied().map(u16::from_ne_bytes));
        Ok(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads an argument that ends where its bytes end.
    fn decode(set: Set, argument: &[u8]) -> Result<Setting> {
        decode_if(set, argument, Ok(()))
    }

    fn decode_if(set: Set, argument: &[u8], may_rss: Result<()>) -> Result<Setting> {
        let read = |at: usize, into: &mut [u8]| {
            let from =
                argument.get(at..at + into.len()).ok_or(Error::Argument { errno: Errno::FAULT })?;
            into.copy_from_slice(from);
            Ok(())
        };
        set.decode(read, || may_rss)
    }

    fn words(words: &[u16]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    /// Generation 1: flags, types; then mask, unclassified, table, key.
    fn hash(flags: u16, types: u32, rss: &[u16], key: &[u8]) -> Vec<u8> {
        [words(&[flags, 0]), types.to_ne_bytes().to_vec(), words(rss), key.to_vec()].concat()
    }

    fn rss(types: u32, rss: &[u16], key: &[u8]) -> Vec<u8> {
        [types.to_ne_bytes().to_vec(), words(rss), key.to_vec()].concat()
    }

    fn config(setting: &Setting) -> (&tunrss::Config, bool) {
        match setting {
            Setting::Rss { config, report } => (config, *report),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn numbers_say_direction_size_and_function() {
        let number = |direction: u32, size: u32, function: u32| {
            direction << 30 | size << 16 | u32::from(b'T') << 8 | function
        };
        assert_eq!(TUNGETVNETHASHCAP, number(2, 8, 228));
        assert_eq!(TUNSETVNETHASH, number(1, 8, 229));
        assert_eq!(TUNGETVNETHASHTYPES, number(2, 4, 228));
        assert_eq!(TUNSETVNETREPORTINGAUTOMQ, number(2, 4, 229));
        assert_eq!(TUNSETVNETREPORTINGRSS, number(2, 8, 230));
        assert_eq!(TUNSETVNETRSS, number(2, 8, 231));
        assert_eq!(Request::from_number(TUNSETVNETRSS + 1), None);
    }

    #[test]
    fn answers() {
        let answer = |query: Query| {
            let (bytes, len) = query.answer();
            bytes[..len].to_vec()
        };
        assert_eq!(answer(Query::Types), 0x3fu32.to_ne_bytes());
        assert_eq!(answer(Query::Capability), hash(3, 0x3f, &[], &[]));
    }

    #[test]
    fn both_generations_mean_the_same() {
        let key = HashKey::MICROSOFT;
        let table = [1, 300, 3, 0];
        let parts = [3, 9, 1, 300, 3, 0];
        let expected = SteeringConfig::new(SUPPORTED_TYPES, key, table, 9).unwrap();
        for report in [false, true] {
            let flags = 2 | u16::from(report);
            let first = decode(Set::Hash, &hash(flags, 0x3f, &parts, key.as_bytes())).unwrap();
            let second = decode(Set::Rss { report }, &rss(0x3f, &parts, key.as_bytes())).unwrap();
            for setting in [first, second] {
                assert_eq!(config(&setting), (&expected.copied_into(), report));
            }
        }
        let types = HashTypes::IPV4 | HashTypes::TCPV6;
        let automatic = Setting::ReportAutomatic(types);
        assert_eq!(decode(Set::Hash, &hash(1, 0x11, &[], &[])).unwrap(), automatic);
        assert_eq!(decode(Set::ReportAutomatic, &0x11u32.to_ne_bytes()).unwrap(), automatic);
        assert_eq!(decode(Set::Hash, &hash(0, 0x3f, &[], &[])).unwrap(), Setting::Off);
        assert_eq!(decode(Set::ReportAutomatic, &[0; 4]).unwrap(), Setting::Off);
        // What the series does not have.
        let with_more = decode(Set::ReportAutomatic, &0x1c0u32.to_ne_bytes()).unwrap();
        assert_eq!(with_more, Setting::ReportAutomatic(HashTypes::NONE).or_off());
    }

    #[test]
    fn any_mask_has_the_entries_that_it_names() {
        for mask in [0u16, 1, 2, 5, 6, 10, 127, 1000, 0x7fff, 0xfffe, 0xffff] {
            let table: Vec<u16> = (0..=mask).map(|index| index.wrapping_mul(7)).collect();
            let argument = rss(0, &[&[mask, 1][..], &table].concat(), &[]);
            let setting = decode(Set::Rss { report: false }, &argument).unwrap();
            for hash in (0..200_000u32).map(|step| step.wrapping_mul(0x9e37_79b9)) {
                let entry = table[(hash & u32::from(mask)) as usize];
                assert_eq!(config(&setting).0.queue_for(hash), entry, "{mask} {hash}");
            }
        }
    }

    #[test]
    fn key_is_as_long_as_the_types_need() {
        for (types, len) in
            [(0, 0), (1, 12), (2, 16), (4, 16), (5, 16), (8, 36), (0x10, 40), (0x29, 40)]
        {
            let argument = rss(types, &[0, 0, 0], &[7; 40][..len]);
            let setting = decode(Set::Rss { report: true }, &argument).unwrap();
            assert_eq!(config(&setting).0.key().as_bytes().len(), len);
            for cut in 0..argument.len() {
                let error = decode(Set::Rss { report: true }, &argument[..cut]).unwrap_err();
                assert_eq!(error.errno(), Errno::FAULT, "{types} {cut}");
            }
        }
    }

    #[test]
    fn refusal_of_rss_comes_before_what_follows_is_read() {
        let busy = || Err(Error::Argument { errno: Errno::BUSY });
        let errno = |result: Result<Setting>| result.unwrap_err().errno();
        assert_eq!(errno(decode_if(Set::Hash, &hash(2, 1, &[], &[]), busy())), Errno::BUSY);
        assert_eq!(errno(decode_if(Set::Hash, &hash(2, 1, &[], &[])[..7], busy())), Errno::FAULT);
        let set = Set::Rss { report: true };
        assert_eq!(errno(decode_if(set, &rss(1, &[0, 0], &[]), busy())), Errno::BUSY);
        assert_eq!(errno(decode_if(set, &rss(1, &[0], &[]), busy())), Errno::FAULT);
        assert!(decode_if(Set::Hash, &hash(1, 1, &[], &[]), busy()).is_ok());
    }
}
