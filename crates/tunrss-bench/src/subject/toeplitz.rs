//! The Toeplitz hash in user space: ours, by every routine that the CPU has, and DPDK's.
//!
//! The work is one hash. All go over the same ring of inputs, one after the other, and write the hashes
//! down: what counts is throughput, on both sides. DPDK's `rte_softrss` and `rte_softrss_be` want words
//! in the CPU's byte order; theirs are made before, and not counted.

use std::cell::RefCell;
use std::hint::black_box;

use anyhow::{Result, ensure};
use tunrss_hash::HashKey;
use tunrss_hash::toeplitz::{HashInput, Routine, Toeplitz, bit_serial};

use crate::contest::{Contest, Effort};
use crate::peer::dpdk::{self, Dpdk, Function};
use crate::record::{Goal, Section};

pub(crate) fn run(effort: Effort) -> Result<Section> {
    let mut section = Section {
        name: "toeplitz".to_owned(),
        title: "Toeplitz hash in user space".to_owned(),
        unit: "ns a hash".to_owned(),
        measured: vec![],
        ratios: vec![],
        notes: vec![],
    };
    for routine in Routine::ALL.into_iter().filter(|routine| !routine.is_available()) {
        section.notes.push(format!("the routine {routine} is left out: this CPU does not have it"));
    }
    let dpdk = Dpdk::compile()?;
    section.notes.push(match &dpdk {
        Some(dpdk) => format!("DPDK {}", dpdk.version()),
        None => format!("DPDK is left out; as root: {}", dpdk::INSTALL),
    });
    for len in [12, 36] {
        for batch in [false, true] {
            contest(&mut section, effort, len, batch, dpdk.as_ref())?;
        }
    }
    Ok(section)
}

/// The contest at inputs of `len` bytes, one at a time or in batches.
fn contest(
    section: &mut Section,
    effort: Effort,
    len: usize,
    batch: bool,
    dpdk: Option<&Dpdk>,
) -> Result<()> {
    let case = format!("{len} bytes{}", if batch { ", batches of 32" } else { "" });
    let bytes = random_bytes(len * RING);
    let inputs: Vec<&[u8]> = bytes.chunks(len).collect();
    let ring: Vec<HashInput> = inputs.iter().filter_map(|input| HashInput::new(&[input])).collect();
    let key = HashKey::MICROSOFT;
    let expected: Vec<u32> = inputs.iter().map(|input| bit_serial(&key, input)).collect();
    let key_bytes = key.as_bytes().try_into()?;
    let hasher = dpdk.map(|dpdk| dpdk.start(key_bytes, &inputs)).transpose()?.map(RefCell::new);
    let mut contest = Contest::new(case);
    if !batch {
        let mut hashes = vec![0; RING];
        let (ring, key) = (&ring, &key);
        contest = contest.timed_in_passes("bit by bit", RING, move || {
            for (hash, input) in hashes.iter_mut().zip(ring) {
                *hash = bit_serial(black_box(key), input.as_bytes());
            }
            black_box(&hashes);
        });
    }
    for toeplitz in Routine::ALL.iter().filter_map(|&one| Toeplitz::with_routine(&key, one)) {
        let mut hashes = vec![0; RING];
        hash(&toeplitz, &ring, &mut hashes, batch);
        ensure!(hashes == expected, "the routine {} hashes wrongly", toeplitz.routine());
        let ring = &ring;
        contest = contest.timed_in_passes(toeplitz.routine().name(), RING, move || {
            hash(black_box(&toeplitz), ring, &mut hashes, batch);
            black_box(&hashes);
        });
    }
    let mut theirs = vec![];
    if let Some(hasher) = &hasher {
        theirs = match (batch, hasher.borrow().has_gfni()) {
            (false, false) => vec![Function::Softrss, Function::SoftrssBe],
            (false, true) => vec![Function::Softrss, Function::SoftrssBe, Function::Gfni],
            (true, false) => vec![Function::SoftrssBe],
            (true, true) => vec![Function::SoftrssBe, Function::GfniBulk],
        };
        for &function in &theirs {
            let hashes = hasher.borrow_mut().hashes(function)?;
            ensure!(hashes == expected, "{} hashes otherwise than we do", function.name());
            contest = contest.in_passes(function.name(), RING, move |passes| {
                hasher.borrow_mut().time(function, passes)
            });
        }
    }
    let outcome = contest.run(effort)?;
    section.measured.extend(outcome.measured());
    let ours = Toeplitz::new(&HashKey::MICROSOFT).routine().name();
    for function in theirs {
        let ratio = outcome.ratio(ours, function.name())?;
        section.ratios.push(match function {
            Function::SoftrssBe => ratio.with_goal(Goal::AtMost(1.0 / 25.0)),
            _ => ratio,
        });
    }
    Ok(())
}

fn hash(toeplitz: &Toeplitz, ring: &[HashInput], hashes: &mut [u32], batch: bool) {
    if batch {
        for (inputs, hashes) in ring.chunks(BATCH).zip(hashes.chunks_mut(BATCH)) {
            toeplitz.hash_batch(inputs, hashes);
        }
    } else {
        for (input, hash) in ring.iter().zip(hashes) {
            *hash = toeplitz.hash(input);
        }
    }
}

/// The same bytes in every run, without a pattern that a branch predictor would find (xorshift64).
pub(super) fn random_bytes(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let byte = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(byte).collect()
}

/// Inputs in a ring; they fit the first-level cache.
const RING: usize = 1024;

/// Inputs in a batch, as DPDK's program has them.
const BATCH: usize = 32;
