//! The `.data` section: the configuration a program executes, in a form that can be read back.
//!
//! The programs read their indirection table from it, so that the section is part of every loaded
//! program: whoever finds the program finds what it does, for which device, and who has set it. It is
//! 72 bytes of our own, then `struct virtio_net_rss_config` (virtio 1.4, "Setting RSS parameters"),
//! all little-endian:
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 4 | `TRSS` |
//! | 4 | 1 | version of this layout, 2 |
//! | 5 | 1 | report mode: 0 off, 1 kernel, 2 reader |
//! | 6 | 1 | link: 0 Ethernet, 1 IP |
//! | 7 | 1 | 1 once the program is taken from its device, see [`retire`] |
//! | 8 | 8 | [`Target::netns`] |
//! | 16 | 4 | [`Target::index`] |
//! | 20 | 2 | `enabled_tunnel_types`, its 16 bits that can be set (virtio 1.4, "Inner Header Hash") |
//! | 22 | 1 | transformation of the hash input: 0 none, 1 symmetric-xor, 2 symmetric-or-xor |
//! | 23 | 1 | steering: 0 RSS, 1 automatic |
//! | 24 | 8 | [`State::guarded_from`] |
//! | 32 | 1 | driver: 0 tun, 1 macvtap |
//! | 33 | 1 | 0 |
//! | 34 | 2 | [`State::counter_cpus`] |
//! | 36 | 4 | [`Target::inode`] |
//! | 40 | 32 | [`Owner`], filled up with zeros |
//! | 72 | 4 | `hash_types` |
//! | 76 | 2 | `indirection_table_mask`; unlike virtio's it may be 0xffff |
//! | 78 | 2 | `unclassified_queue` |
//! | 80 | 2n | `indirection_table` |
//! | 80 + 2n | 2 | `max_tx_vq`, 0 |
//! | 82 + 2n | 1 | `hash_key_length` |
//! | 83 + 2n | k | `hash_key_data` |

use std::fmt;

use tunrss_hash::config::MAX_TABLE_LEN;
use tunrss_hash::rss_config::RssConfigError;
use tunrss_hash::{HashKey, InputTransform, Link, RssConfig, SteeringConfig, TunnelTypes};

use crate::mode::{Driver, ReportMode, SteeringMode};

/// The device that a program is meant for.
///
/// A device holds its steering program, but the kernel cannot be asked which; the program says it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Target {
    /// The cookie of the network namespace that the device was in, or 0 for no device.
    pub netns: u64,
    /// The index of the device in it, or 0 for no device.
    pub index: u32,
    /// The low 32 bits of the inode number of the device's directory in sysfs, or 0 if it is not
    /// known. The device keeps it when it is renamed or moved to another network namespace.
    pub inode: u32,
}

impl Target {
    /// Whether both are the same device, as far as can be known: by the inode number, or without
    /// it by namespace and index.
    pub fn is(&self, other: &Self) -> bool {
        if self.inode != 0 && other.inode != 0 {
            return self.inode == other.inode;
        }
        (self.netns, self.index) == (other.netns, other.index)
    }
}

/// Who has set a configuration: a name that others are told, of at most [`Owner::MAX_LEN`] bytes.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Owner(String);

impl Owner {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 32;

    /// An owner of this name. Control characters are left out, and what is too long is cut off.
    pub fn new(name: &str) -> Self {
        let mut owner = String::new();
        for character in name.chars().filter(|character| !character.is_control()) {
            if owner.len() + character.len_utf8() > Self::MAX_LEN {
                break;
            }
            owner.push(character);
        }
        Self(owner)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// All that an object is compiled from.
#[derive(Clone, PartialEq, Debug)]
pub struct State {
    /// The configuration.
    pub config: SteeringConfig<Vec<u16>>,
    /// The header packets start with.
    pub link: Link,
    /// The device's driver.
    pub driver: Driver,
    /// Who chooses the queue.
    pub steering: SteeringMode,
    /// Who computes the hash.
    pub report: ReportMode,
    /// How many CPUs there may be, each with counters of its own; 0: nothing is counted.
    pub counter_cpus: u16,
    /// The time from which on frames without report are dropped, in nanoseconds of
    /// `CLOCK_MONOTONIC`. Before it there may be frames on their way that were made for a mode
    /// without report. [`State::UNGUARDED`]: no such time.
    pub guarded_from: u64,
    /// The device.
    pub target: Target,
    /// Who has set it.
    pub owner: Owner,
}

impl State {
    /// The [`guarded_from`](Self::guarded_from) of programs without filter: a frame in front of which
    /// the kernel makes no room for a report passes without one.
    pub const UNGUARDED: u64 = u64::MAX;

    /// The length of the longest section, in bytes: that of the largest table and the longest key.
    pub const MAX_LEN: usize = TABLE_OFFSET + 2 * MAX_TABLE_LEN + 3 + HashKey::MAX_LEN;

    /// What says `config` and `report`, of no device in particular: for a TUN or TAP whose packets
    /// start with `link`, steered by `config`, without counters.
    pub fn new<T: AsRef<[u16]>>(
        config: &SteeringConfig<T>,
        link: Link,
        report: ReportMode,
    ) -> Self {
        Self {
            config: config.copied_into(),
            link,
            driver: Driver::default(),
            steering: SteeringMode::default(),
            report,
            counter_cpus: 0,
            guarded_from: 0,
            target: Target::default(),
            owner: Owner::default(),
        }
    }

    /// Change entries of the indirection table, `(index, queue)` each.
    ///
    /// # Errors
    /// [`StateError::Invalid`] if the table has no such entry; it is then as it was.
    pub fn set_entries(&mut self, entries: &[(usize, u16)]) -> Result<(), StateError> {
        let mut table = self.config.table().to_vec();
        for &(index, queue) in entries {
            *table.get_mut(index).ok_or(StateError::Invalid)? = queue;
        }
        self.config = self.config.with_table(table).map_err(|_| StateError::Invalid)?;
        Ok(())
    }

    /// The bytes of the section.
    pub fn encode(&self) -> Vec<u8> {
        let len = 2 * self.config.table().len() + 3 + self.config.key().as_bytes().len();
        let mut bytes = Vec::with_capacity(TABLE_OFFSET + len);
        bytes.extend(MAGIC);
        bytes.extend([VERSION, self.report as u8, link_code(self.link), 0]);
        bytes.extend(self.target.netns.to_le_bytes());
        bytes.extend(self.target.index.to_le_bytes());
        // The types take 9 bits.
        bytes.extend((self.config.tunnels().bits() as u16).to_le_bytes());
        bytes.extend([self.config.transform().code(), self.steering as u8]);
        bytes.extend(self.guarded_from.to_le_bytes());
        bytes.extend([self.driver as u8, 0]);
        bytes.extend(self.counter_cpus.to_le_bytes());
        bytes.extend(self.target.inode.to_le_bytes());
        let mut owner = [0; Owner::MAX_LEN];
        for (to, from) in owner.iter_mut().zip(self.owner.as_str().bytes()) {
            *to = from;
        }
        bytes.extend(owner);
        RssConfig { steering: self.config.as_borrowed(), max_tx_vq: 0 }.encode(&mut bytes);
        bytes
    }

    /// Read the section back. Bytes behind the key are ignored.
    ///
    /// # Errors
    /// What is wrong with the bytes: cut off, another program's, retired, or no valid configuration.
    pub fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        match Self::decode_any(bytes)? {
            (_, true) => Err(StateError::Retired),
            (state, false) => Ok(state),
        }
    }

    /// The same also of a retired program, and whether it is one.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn decode_any(bytes: &[u8]) -> Result<(Self, bool), StateError> {
        let (magic, rest) = bytes.split_first_chunk().ok_or(StateError::Truncated)?;
        if *magic != MAGIC {
            return Err(StateError::NotOurs);
        }
        let ([version, report, link, is_retired], rest) = split(rest)?;
        if version != VERSION {
            return Err(StateError::Version(version));
        }
        let report = by_code(ReportMode::ALL, |mode| mode as u8, report)?;
        let link = by_code([Link::Ethernet, Link::Ip], link_code, link)?;
        let (netns, rest) = split(rest)?;
        let (index, rest) = split(rest)?;
        let ([tunnels_low, tunnels_high, transform, steering], rest) = split(rest)?;
        let tunnels = u16::from_le_bytes([tunnels_low, tunnels_high]).into();
        let tunnels = TunnelTypes::from_bits(tunnels).ok_or(StateError::Invalid)?;
        let transform = InputTransform::from_code(transform).ok_or(StateError::Invalid)?;
        let steering = by_code(SteeringMode::ALL, |mode| mode as u8, steering)?;
        let (guarded_from, rest) = split(rest)?;
        let ([driver, _], rest) = split(rest)?;
        let driver = by_code(Driver::ALL, |driver| driver as u8, driver)?;
        let (counter_cpus, rest) = split(rest)?;
        let (inode, rest) = split(rest)?;
        let target = Target {
            netns: u64::from_le_bytes(netns),
            index: u32::from_le_bytes(index),
            inode: u32::from_le_bytes(inode),
        };
        let (owner, rest) = split::<{ Owner::MAX_LEN }>(rest)?;
        let owner: Vec<u8> = owner.into_iter().take_while(|&byte| byte != 0).collect();
        let owner = Owner::new(&String::from_utf8_lossy(&owner));
        let config = RssConfig::decode(rest)?.steering;
        let config = config.with_tunnels(tunnels).with_transform(transform);
        let guarded_from = u64::from_le_bytes(guarded_from);
        let counter_cpus = u16::from_le_bytes(counter_cpus);
        let state = Self {
            config,
            link,
            driver,
            steering,
            report,
            counter_cpus,
            guarded_from,
            target,
            owner,
        };
        Ok((state, is_retired != 0))
    }
}

/// Write entries of the indirection table, `(index, queue)` each, into a section. The programs read
/// them there, so they are in force when the section is back in the kernel.
///
/// # Errors
/// [`StateError::Invalid`] if the section is not that of a table with such entries; it is then as it
/// was.
pub fn set_entries(section: &mut [u8], entries: &[(usize, u16)]) -> Result<(), StateError> {
    State::decode(section)?.set_entries(entries)?;
    for &(index, queue) in entries {
        let place = section.get_mut(TABLE_OFFSET + 2 * index..).and_then(<[u8]>::first_chunk_mut);
        *place.ok_or(StateError::Truncated)? = queue.to_le_bytes();
    }
    Ok(())
}

/// Write [`State::guarded_from`] into a section, where the filter program reads it.
pub fn set_guarded_from(section: &mut [u8], time: u64) {
    let place = section.get_mut(GUARDED_FROM_OFFSET..).and_then(<[u8]>::first_chunk_mut);
    if let Some(place) = place {
        *place = time.to_le_bytes();
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

fn by_code<T: Copy, const N: usize>(
    all: [T; N],
    code: impl Fn(T) -> u8,
    wanted: u8,
) -> Result<T, StateError> {
    all.into_iter().find(|&one| code(one) == wanted).ok_or(StateError::Invalid)
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

impl From<RssConfigError> for StateError {
    fn from(error: RssConfigError) -> Self {
        match error {
            RssConfigError::Truncated { .. } => Self::Truncated,
            _ => Self::Invalid,
        }
    }
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
const VERSION: u8 = 2;
const RETIRED_OFFSET: usize = 7;

/// Where [`State::guarded_from`] is in the section, in bytes.
pub(crate) const GUARDED_FROM_OFFSET: usize = 24;

/// Where the indirection table starts in the section, in bytes: 16-bit entries, little-endian.
pub const TABLE_OFFSET: usize = 80;

#[cfg(test)]
mod tests {
    use tunrss_hash::{HashKey, HashTypes};

    use super::*;

    fn state() -> State {
        let table = vec![3, 2, 1, 0];
        let config = SteeringConfig::new(HashTypes::ALL, HashKey::MICROSOFT, table, 7).unwrap();
        let tunnels = TunnelTypes::VXLAN | TunnelTypes::NVGRE;
        let config = config.with_tunnels(tunnels).with_transform(InputTransform::SymmetricOrXor);
        State {
            driver: Driver::Macvtap,
            steering: SteeringMode::Automatic,
            counter_cpus: 0x0102,
            guarded_from: 0x1112_1314_1516_1718,
            target: Target { netns: 0x0102_0304_0506_0708, index: 9, inode: 0x2122_2324 },
            owner: Owner::new("somebody"),
            ..State::new(&config, Link::Ip, ReportMode::Kernel)
        }
    }

    fn encode(state: &State) -> Vec<u8> {
        state.encode()
    }

    #[test]
    fn round_trip_and_wire_layout() {
        let bytes = encode(&state());
        assert_eq!(bytes.len(), 72 + 11 + 8 + 40);
        assert_eq!(bytes[8..24], [8, 7, 6, 5, 4, 3, 2, 1, 9, 0, 0, 0, 0x10, 1, 2, 1]);
        let guarded_from = [0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11];
        assert_eq!(bytes[24..32], guarded_from);
        assert_eq!(bytes[32..50], *b"\x01\0\x02\x01\x24\x23\x22\x21somebody\0\0");
        assert_eq!(bytes[72..88], [0xff, 1, 0, 0, 3, 0, 7, 0, 3, 0, 2, 0, 1, 0, 0, 0]);
        assert_eq!(State::decode(&bytes), Ok(state()));
    }

    #[test]
    fn guard_is_written() {
        let mut bytes = encode(&state());
        set_guarded_from(&mut bytes, 5);
        assert_eq!(State::decode(&bytes), Ok(State { guarded_from: 5, ..state() }));
        set_guarded_from(&mut [0; 31], 5);
    }

    #[test]
    fn owner_is_short_and_printable() {
        assert_eq!(Owner::new("a\nb\u{1b}").as_str(), "ab");
        assert_eq!(Owner::new(&"é".repeat(40)).as_str(), "é".repeat(16));
        let owner = Owner::new(&"x".repeat(40));
        assert_eq!(owner.as_str().len(), Owner::MAX_LEN);
        let state = State { owner, ..state() };
        assert_eq!(State::decode(&state.encode()), Ok(state));
    }

    #[test]
    fn entries_are_written_all_or_none() {
        let mut bytes = encode(&state());
        assert_eq!(set_entries(&mut bytes, &[(1, 9), (4, 1)]), Err(StateError::Invalid));
        assert_eq!(State::decode(&bytes), Ok(state()));
        set_entries(&mut bytes, &[(1, 9), (3, 8)]).unwrap();
        assert_eq!(State::decode(&bytes).unwrap().config.table(), [3, 9, 1, 8]);
        assert_eq!(set_entries(&mut bytes[..20], &[]), Err(StateError::Truncated));
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
        assert_eq!(with(4, 1), Err(StateError::Version(1)));
        let impossible = [(5, 3), (6, 2), (21, 2), (22, 3), (23, 2), (32, 2), (73, 2), (76, 2)];
        for (at, byte) in impossible {
            assert_eq!(with(at, byte), Err(StateError::Invalid), "byte {at}");
        }
    }

    #[test]
    fn retired_is_not_in_force() {
        let mut bytes = encode(&state());
        retire(&mut bytes);
        assert_eq!(State::decode(&bytes), Err(StateError::Retired));
        assert_eq!(State::decode_any(&bytes), Ok((state(), true)));
        retire(&mut []);
    }

    #[test]
    fn longest_section_has_room() {
        let key = HashKey::new(&[1; HashKey::MAX_LEN]).unwrap();
        let config = SteeringConfig::new(HashTypes::ALL, key, vec![0; MAX_TABLE_LEN], 0).unwrap();
        let state = State::new(&config, Link::Ethernet, ReportMode::Off);
        assert_eq!(state.encode().len(), State::MAX_LEN);
    }

    #[test]
    fn device_is_known_by_its_inode_number_where_both_have_it() {
        let target = |netns, index, inode| Target { netns, index, inode };
        assert!(target(1, 2, 0).is(&target(1, 2, 0)));
        assert!(target(1, 2, 0).is(&target(1, 2, 7)));
        assert!(target(1, 2, 7).is(&target(3, 4, 7)));
        assert!(!target(1, 2, 7).is(&target(1, 2, 8)));
        assert!(!target(1, 2, 0).is(&target(3, 2, 0)));
        assert!(!target(1, 2, 0).is(&target(1, 4, 7)));
    }
}
