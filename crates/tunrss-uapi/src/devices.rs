//! What is known of devices: how records are read, and who has set what.
//!
//! A table of atomic numbers in memory that forked processes share (`sys::shared`). Readers of packets only
//! load. What follows from a setting is written by the thread that holds the device's lock
//! ([`tunrss::Device::exclusive`]); everything else without one.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use tunrss::hash::{HashKey, HashTypes};

/// The devices that a process and its relatives have met.
#[repr(C)]
pub(crate) struct Devices {
    /// Which device is in which slot, see [`tunrss::Attachment::identity`]; 0 for none. Apart from the
    /// slots, because they are searched.
    identities: [AtomicU64; Devices::MOST],
    slots: [Slot; Devices::MOST],
}

impl Devices {
    /// A device's slot is a number of 16 bits in the table of descriptors, which has others as well.
    pub(crate) const MOST: usize = 8192;

    /// The slot of this number.
    pub(crate) fn slot(&self, number: u16) -> Option<&Slot> {
        self.slots.get(usize::from(number))
    }

    /// The slot of a device, if it has one.
    pub(crate) fn find(&self, identity: u64) -> Option<u16> {
        let is_it = |other: &AtomicU64| other.load(Ordering::Acquire) == identity;
        self.identities.iter().position(is_it).and_then(|at| u16::try_from(at).ok())
    }

    /// A slot for a device, and whether it was given one now. `None` if all are taken, by devices of which
    /// `is_gone` does not say that they are not there any more.
    pub(crate) fn claim(
        &self,
        identity: u64,
        is_gone: impl Fn(u64) -> bool,
    ) -> Option<(u16, bool)> {
        // Relatives may be claiming at the same time.
        for _ in 0..CLAIMS {
            if let Some(number) = self.find(identity) {
                return Some((number, false));
            }
            let is_unused = |other: &AtomicU64| {
                let other = other.load(Ordering::Acquire);
                other != CLAIMED && is_gone(other)
            };
            let number = self.find(0).or_else(|| {
                let found = self.identities.iter().position(is_unused);
                found.and_then(|at| u16::try_from(at).ok())
            })?;
            let place = self.identities.get(usize::from(number))?;
            let before = place.load(Ordering::Acquire);
            let is_free = before == 0 || (before != CLAIMED && is_gone(before));
            let claim = || {
                place.compare_exchange(before, CLAIMED, Ordering::AcqRel, Ordering::Acquire).is_ok()
            };
            if is_free && claim() {
                self.slot(number)?.clear();
                place.store(identity, Ordering::Release);
                match self.find(identity) {
                    // Another one has claimed a slot for it that comes before.
                    Some(first) if first < number => place.store(0, Ordering::Release),
                    _ => return Some((number, true)),
                }
            }
        }
        None
    }
}

/// How often a slot is looked for that nobody else claims first. Each look may take a system call for each slot.
const CLAIMS: usize = 8;

/// In the place of an identity: the slot is being cleared. No device has it, for no index has all bits.
const CLAIMED: u64 = u64::MAX;

/// What is known of a device.
#[repr(C)]
pub(crate) struct Slot {
    facts: AtomicU64,
    name: [AtomicU64; libc::IFNAMSIZ / 8],
    hash: HashSlot,
}

impl Slot {
    /// Nothing is known.
    pub(crate) fn clear(&self) {
        self.hash.set(None);
        self.set_facts(Facts::default());
    }

    pub(crate) fn facts(&self) -> Facts {
        Facts::from_bits(self.facts.load(Ordering::Acquire))
    }

    pub(crate) fn set_facts(&self, facts: Facts) {
        self.facts.store(facts.to_bits(), Ordering::Release);
    }

    /// Change some of the facts, whatever others change meanwhile. Returns what they are now.
    pub(crate) fn change(&self, change: impl Fn(Facts) -> Facts) -> Facts {
        for _ in 0..TRIES {
            let before = self.facts();
            let after = change(before);
            let (from, to) = (before.to_bits(), after.to_bits());
            if self.facts.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                return after;
            }
        }
        // Only somebody who writes without end can have kept us from it.
        let after = change(self.facts());
        self.set_facts(after);
        after
    }

    /// Whether this was the device's name when it was last looked at.
    pub(crate) fn has_name(&self, name: [u8; libc::IFNAMSIZ]) -> bool {
        let (eights, _) = name.as_chunks();
        let mut pairs = self.name.iter().zip(eights);
        pairs.all(|(word, &eight)| word.load(Ordering::Relaxed) == u64::from_ne_bytes(eight))
    }

    pub(crate) fn set_name(&self, name: [u8; libc::IFNAMSIZ]) {
        let (eights, _) = name.as_chunks();
        for (word, &eight) in self.name.iter().zip(eights) {
            word.store(u64::from_ne_bytes(eight), Ordering::Relaxed);
        }
    }

    /// What readers of a macvtap hash by.
    pub(crate) fn hash(&self) -> &HashSlot {
        &self.hash
    }
}

/// How records are read, and who has set what.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Facts {
    /// The size of the virtio-net header, 0 if packets have none. Of a macvtap it is each
    /// descriptor's own.
    pub(crate) vnet_hdr_len: u16,
    /// Whether records start with packet information.
    pub(crate) has_packet_information: bool,
    /// Whether it is a macvtap, whose records are hashed by the process that reads them.
    pub(crate) is_macvtap: bool,
    /// Whether the report program puts hashes in front of frames.
    pub(crate) is_prefixed: bool,
    /// Whether it ever did: there may be such frames in the queues.
    pub(crate) was_prefixed: bool,
    /// Whether RSS by us is in force, be it behind a steering program of the program's own.
    pub(crate) is_rss: bool,
    /// Whether the hash is to be reported, where the header has room.
    pub(crate) reports: bool,
    /// Whether the program has a steering program of its own set.
    pub(crate) has_program: bool,
    /// Whether that is known for certain, because the device was made before our eyes.
    pub(crate) is_made_here: bool,
    /// Whether the RSS in force stands beside a steering program of the program's own, as in
    /// generation 2.
    pub(crate) is_beside: bool,
}

impl Facts {
    fn to_bits(self) -> u64 {
        let flags = self.flags();
        let bits = flags.iter().enumerate();
        bits.fold(u64::from(self.vnet_hdr_len), |all, (at, &flag)| {
            all | u64::from(flag) << (16 + at)
        })
    }

    fn from_bits(bits: u64) -> Self {
        let flag = |at: u32| bits >> (16 + at) & 1 != 0;
        Self {
            vnet_hdr_len: bits as u16,
            has_packet_information: flag(0),
            is_macvtap: flag(1),
            is_prefixed: flag(2),
            was_prefixed: flag(3),
            is_rss: flag(4),
            reports: flag(5),
            has_program: flag(6),
            is_made_here: flag(7),
            is_beside: flag(8),
        }
    }

    fn flags(self) -> [bool; 9] {
        [
            self.has_packet_information,
            self.is_macvtap,
            self.is_prefixed,
            self.was_prefixed,
            self.is_rss,
            self.reports,
            self.has_program,
            self.is_made_here,
            self.is_beside,
        ]
    }
}

/// Types and key, written by one at a time and read by many: a sequence lock.
#[repr(C)]
pub(crate) struct HashSlot {
    /// Odd while it is written; changed with each writing.
    version: AtomicU32,
    is_some: AtomicU32,
    types: AtomicU32,
    key: [AtomicU64; HashKey::USUAL_LEN / 8],
    key_len: AtomicU32,
}

impl HashSlot {
    /// By who has the device's lock.
    pub(crate) fn set(&self, hash: Option<(HashTypes, &HashKey)>) {
        // Odd also after a writer that was killed.
        let version = self.version.load(Ordering::Relaxed) | 1;
        self.version.store(version, Ordering::SeqCst);
        self.is_some.store(u32::from(hash.is_some()), Ordering::SeqCst);
        if let Some((types, key)) = hash {
            self.types.store(types.bits(), Ordering::SeqCst);
            let bytes = key.as_bytes();
            self.key_len.store(bytes.len() as u32, Ordering::SeqCst);
            for (at, word) in self.key.iter().enumerate() {
                let mut eight = [0; 8];
                let from = bytes.get(8 * at..).unwrap_or_default();
                eight.iter_mut().zip(from).for_each(|(to, &from)| *to = from);
                word.store(u64::from_ne_bytes(eight), Ordering::SeqCst);
            }
        }
        self.version.store(version.wrapping_add(1), Ordering::SeqCst);
    }

    /// Its version, which is another one whenever something else was written.
    pub(crate) fn version(&self) -> u32 {
        self.version.load(Ordering::Acquire)
    }

    /// What was written, and the version of it; `None` if it is nothing, or being written for longer
    /// than that takes.
    pub(crate) fn get(&self) -> Option<(u32, HashTypes, HashKey)> {
        for _ in 0..TRIES {
            let version = self.version.load(Ordering::SeqCst);
            let is_some = self.is_some.load(Ordering::SeqCst) != 0;
            let types = HashTypes::from_bits(self.types.load(Ordering::SeqCst));
            let mut key = [0; HashKey::USUAL_LEN];
            let (eights, _) = key.as_chunks_mut::<8>();
            for (to, word) in eights.iter_mut().zip(&self.key) {
                *to = word.load(Ordering::SeqCst).to_ne_bytes();
            }
            let key_len = self.key_len.load(Ordering::SeqCst) as usize;
            if version & 1 == 0 && self.version.load(Ordering::SeqCst) == version {
                let key = HashKey::new(key.get(..key_len)?).ok()?;
                return is_some.then_some((version, types?, key));
            }
            std::thread::yield_now();
        }
        None
    }
}

/// How often something is tried again that others have changed meanwhile. Each takes them less than a
/// microsecond, but they may be interrupted; and one that means harm may go on for ever.
const TRIES: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_kept() {
        for at in 0..9 {
            let facts = Facts::from_bits(1 << (16 + at) | 20);
            assert_eq!(facts.flags().iter().filter(|&&flag| flag).count(), 1);
            assert_eq!(Facts::from_bits(facts.to_bits()), facts);
            assert_eq!(facts.vnet_hdr_len, 20);
        }
    }

    #[test]
    fn slots_are_found_and_used_again() {
        let devices: Box<Devices> = Box::new(Devices {
            identities: [const { AtomicU64::new(0) }; Devices::MOST],
            slots: [const { EMPTY }; Devices::MOST],
        });
        let last = u64::try_from(Devices::MOST).unwrap();
        for identity in 1..=last {
            let (number, is_new) = devices.claim(identity, |_| false).unwrap();
            assert_eq!((u64::from(number), is_new), (identity - 1, true));
            assert_eq!(devices.claim(identity, |_| true), Some((number, false)));
            let facts = Facts { is_rss: true, ..Facts::default() };
            devices.slot(number).unwrap().set_facts(facts);
        }
        assert_eq!(devices.claim(last + 1, |_| false), None);
        assert_eq!(devices.claim(last + 1, |identity| identity == 7), Some((6, true)));
        assert_eq!(devices.slot(6).unwrap().facts(), Facts::default());
        assert_eq!((devices.find(7), devices.find(last + 1)), (None, Some(6)));
    }

    #[expect(clippy::declare_interior_mutable_const, reason = "each use is a new one")]
    const EMPTY: Slot = Slot {
        facts: AtomicU64::new(0),
        name: [const { AtomicU64::new(0) }; 2],
        hash: HashSlot {
            version: AtomicU32::new(0),
            is_some: AtomicU32::new(0),
            types: AtomicU32::new(0),
            key: [const { AtomicU64::new(0) }; 5],
            key_len: AtomicU32::new(0),
        },
    };

    #[test]
    fn key_is_never_read_in_part() {
        static HASH: HashSlot = EMPTY.hash;
        assert_eq!(HASH.get(), None);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for step in 0..20_000u32 {
                    let key = HashKey::new(&[step as u8; 40][..12 + (step % 29) as usize]).unwrap();
                    HASH.set(Some((HashTypes::ALL, &key)));
                }
            });
            for _ in 0..20_000 {
                let Some((_, _, key)) = HASH.get() else { continue };
                let bytes = key.as_bytes();
                assert!(bytes.iter().all(|byte| byte == &bytes[0]), "{key}");
            }
        });
        let (version, types, _) = HASH.get().unwrap();
        assert_eq!((version, types), (HASH.version(), HashTypes::ALL));
    }
}
