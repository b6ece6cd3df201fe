//! Tests: whatever is in a guest's memory, nothing panics, nothing goes on for ever, and what was taken
//! goes back.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use proptest::prelude::*;
use rustix::event::{EventfdFlags, eventfd};
use tunrss::hash::VnetHdrLen;
use vm_memory::{Bytes, GuestAddress};

use crate::chain::Budget;
use crate::control_queue::{ControlQueue, Next};
use crate::counts::Counts;
use crate::ctrl::{self, Limits};
use crate::event::{Call, Kick};
use crate::features::Features;
use crate::ring::{Layout, Ring};
use crate::rx::Progress;
use crate::tx::Tx;
use crate::wire::Memory;

/// The memory: two regions with a hole between.
const REGIONS: [(u64, usize); 2] = [(0, 0x4000), (0x5000, 0x2000)];

/// Where the parts of the ring are.
const TABLE: u64 = 0;
const AVAILABLE: u64 = 0x1000;
const USED: u64 = 0x2000;

/// A descriptor, more often sensible than not.
fn descriptor() -> impl Strategy<Value = [u8; 16]> {
    let address = prop_oneof![
        6 => 0u64..0x8000,
        1 => Just(u64::MAX),
        1 => any::<u64>(),
    ];
    let len = prop_oneof![
        4 => 0u32..0x800,
        2 => (0u32..40).prop_map(|count| 16 * count),
        1 => Just(u32::MAX),
        1 => any::<u32>(),
    ];
    let flags = prop_oneof![8 => 0u16..4, 3 => 4u16..8, 1 => any::<u16>()];
    let next = prop_oneof![8 => 0u16..20, 1 => any::<u16>()];
    (address, len, flags, next).prop_map(|(address, len, flags, next)| {
        let rest = u64::from(len) | u64::from(flags) << 32 | u64::from(next) << 48;
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&address.to_le_bytes());
        bytes[8..].copy_from_slice(&rest.to_le_bytes());
        bytes
    })
}

/// A memory full of descriptors, with heads made available.
fn memory() -> impl Strategy<Value = Arc<Memory>> {
    let table = proptest::collection::vec(descriptor(), 0x60);
    let heads = proptest::collection::vec(prop_oneof![9 => 0u16..16, 1 => any::<u16>()], 16);
    let index = prop_oneof![9 => 0u16..17, 1 => any::<u16>()];
    // Indirect tables may be anywhere.
    let elsewhere = proptest::collection::vec(descriptor(), 0x40);
    (table, heads, index, any::<[u8; 6]>(), elsewhere).prop_map(
        |(table, heads, index, odd, elsewhere)| {
            let ranges = REGIONS.map(|(start, len)| (GuestAddress(start), len));
            let memory = Memory::from_ranges(&ranges).unwrap();
            memory.write_slice(&table.concat(), GuestAddress(TABLE)).unwrap();
            let heads: Vec<u8> = heads.iter().flat_map(|head| head.to_le_bytes()).collect();
            memory.write_slice(&heads, GuestAddress(AVAILABLE + 4)).unwrap();
            memory.write_slice(&index.to_le_bytes(), GuestAddress(AVAILABLE + 2)).unwrap();
            memory.write_slice(&odd, GuestAddress(AVAILABLE + 36)).unwrap();
            memory.write_slice(&elsewhere.concat(), GuestAddress(0x5000)).unwrap();
            Arc::new(memory)
        },
    )
}

fn ring(memory: &Arc<Memory>, event_idx: bool) -> Ring {
    let layout = Layout {
        size: 16,
        descriptors: GuestAddress(TABLE),
        available: GuestAddress(AVAILABLE),
        used: GuestAddress(USED),
    };
    Ring::new(memory.clone(), layout, 0, event_idx, Some(Call::new(event()).unwrap())).unwrap()
}

fn event() -> OwnedFd {
    eventfd(0, EventfdFlags::NONBLOCK).unwrap()
}

/// How many chains were made available and given back.
fn available_and_used(memory: &Memory) -> (u16, u16) {
    let index = |ring: u64| memory.read_obj(GuestAddress(ring + 2)).unwrap();
    (index(AVAILABLE), index(USED))
}

/// The driver's index, if it is not too far away.
fn expected(memory: &Memory) -> u16 {
    let (available, _) = available_and_used(memory);
    if available > 16 { 0 } else { available }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, ..ProptestConfig::default() })]

    #[test]
    fn transmitting_gives_every_chain_back(memory in memory(), event_idx: bool, long: bool) {
        let null = File::options().write(true).open("/dev/null").unwrap();
        let header = if long { VnetHdrLen::V1Hash } else { VnetHdrLen::V1 };
        let counts = Arc::new(Counts::default());
        let expected = expected(&memory);
        let mut tx = Tx::new(ring(&memory, event_idx), header, counts.clone());
        // One turn may not be enough for chains that are long.
        let turns = std::iter::repeat_with(|| tx.batch(null.as_fd(), 64, &mut Budget::new()));
        let progress = turns.take(4).find(|progress| *progress != Ok(Progress::More));
        prop_assert!(progress.is_some());
        prop_assert_eq!(available_and_used(&memory).1, expected);
        let counted = counts.read();
        prop_assert_eq!(counted.packets + counted.dropped + counted.bad_chains, u64::from(expected));
    }

    #[test]
    fn control_queue_gives_every_chain_back(memory in memory(), event_idx: bool) {
        let mut queue = ControlQueue::new(ring(&memory, event_idx), Kick::new(event()).unwrap()).unwrap();
        let limits = Limits {
            pairs: 4,
            types: tunrss::hash::HashTypes::BASIC,
            features: Features::from(u64::MAX),
        };
        // An acknowledgement may fall into the ring itself and change what is available.
        let mut commands = 0;
        loop {
            commands += 1;
            let request = match queue.next(&mut Budget::new()) {
                Ok(Next::Command(request)) => request,
                Ok(Next::Refused) => continue,
                Ok(Next::Nothing) | Err(_) => break,
            };
            let result = ctrl::parse(&limits, &request.bytes);
            let described = ctrl::describe(&request.bytes);
            prop_assert!(described.is_none() || request.bytes.first() == Some(&4));
            if queue.acknowledge(&request, result.is_ok()).is_err() || commands > 70_000 {
                break;
            }
        }
        prop_assert!(commands <= 70_000);
    }

    #[test]
    fn commands_of_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..700), class in 0u8..6, command in 0u8..4) {
        let limits = Limits {
            pairs: 4,
            types: tunrss::hash::HashTypes::BASIC,
            features: Features::from(u64::MAX),
        };
        let bytes = [&[class, command], &bytes[..]].concat();
        let parsed = ctrl::parse(&limits, &bytes);
        ctrl::describe(&bytes);
        if let Ok(ctrl::Command::Rss(config)) = parsed {
            prop_assert!(config.highest_queue() < 4);
            prop_assert!(config.table().len() <= 128);
        }
    }
}
