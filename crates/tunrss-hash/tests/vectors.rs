//! The meaning against published values.

use tunrss_hash::classify::select;
use tunrss_hash::toeplitz::{Routine, Toeplitz, bit_serial};
use tunrss_hash::tunnel::dissect_through;
use tunrss_hash::{ConfigError, HashKey, HashTypes, SteeringConfig, classify};
use tunrss_testkit::vector;

#[test]
fn every_vector_has_its_verdict() {
    let vectors = vector::all();
    assert!(!vectors.is_empty());
    for vector in vectors {
        let verdict = classify(&vector.config, vector.link, &vector.packet);
        assert_eq!(verdict, vector.expected, "{}: {}", vector.id, vector.comment);
    }
}

/// The hash of each vector by every routine that this machine has.
#[test]
fn every_vector_has_its_hash_by_every_routine() {
    for routine in Routine::ALL {
        let mut hashed = 0;
        for vector in vector::all() {
            let (config, packet) = (&vector.config, &vector.packet);
            let Some(toeplitz) = Toeplitz::with_routine(config.key(), routine) else { continue };
            let dissection = dissect_through(config.tunnels(), vector.link, packet);
            let Some((_, input)) = select(config.types(), &dissection) else { continue };
            let input = config.transform().apply(&input);
            assert_eq!(toeplitz.hash(&input), vector.expected.hash, "{routine}: {}", vector.id);
            let mut hashes = [0; 7];
            toeplitz.hash_batch(&[input; 7], &mut hashes);
            assert_eq!(hashes, [vector.expected.hash; 7], "{routine}: {}", vector.id);
            hashed += 1;
        }
        assert_eq!(hashed > 0, routine.is_available(), "{routine}");
    }
}

/// A short key counts as one with zero bytes behind it. No configuration can have one, since what
/// such a key means is nowhere defined.
#[test]
fn short_key_is_zero_extended_and_refused() {
    // 66.9.149.187:2794 -> 161.142.100.80:1766
    let input = [66, 9, 149, 187, 161, 142, 100, 80, 0x0a, 0xea, 0x06, 0xe6];
    for (len, hash) in [(16, 0x51cc_c178), (15, 0x51cc_c141), (12, 0x4882_b052)] {
        let key = HashKey::new(&HashKey::MICROSOFT.as_bytes()[..len]).unwrap();
        assert_eq!(bit_serial(&key, &input), hash, "{len} bytes");
        let refusal = SteeringConfig::new(HashTypes::TCPV4, key, [0], 0).err();
        let types = HashTypes::TCPV4;
        assert_eq!(refusal, (len < 16).then_some(ConfigError::KeyTooShort { len, types }));
    }
}
