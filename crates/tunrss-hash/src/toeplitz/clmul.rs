//! The hash as a carry-less product: what all routines that multiply share.
//!
//! Write x_0, x_1, ... for the bits of the input and k_0, k_1, ... for those of the key, the most
//! significant bit of byte 0 first. Bit j of the hash, bit 0 being the most significant, is the XOR
//! of all x_i k_(i+j). Let X be 64 bits of input as a number, x_i its bit 63 - i, and K be key bits
//! the other way round, k_m its bit m + c. Then x_i k_(i+j) is in bit 63 + c + j of their carry-less
//! product, whatever i is: the product has the hash in it, its bits in reverse order.
//!
//! The hash of 12 bytes takes 32 x 96 products of bits. Two multiplications of 64 by 64 bits hold
//! them all, and none twice:
//!
//! - *first*: x_0 to x_63 with k_0 to k_62, c = 1: bits 64 to 95 of the product;
//! - *second*: x_32 to x_95 with k_63 to k_126, counted from k_63: bits 32 to 63.
//!
//! x_0 to x_31 need k_0 to k_62; x_64 to x_95 need k_64 to k_126; for x_i in between, the first takes
//! k_i to k_62 and the second the rest, to k_(i+31). Any two squares of 64 hold at most 3,104 cells
//! of a band that is 32 wide, so that fewer than two for 96 bits of input cannot do; three times two
//! do for 36 bytes.

use crate::HashKey;

/// The factors on the key's side: *first* and *second* for each 12 bytes of input.
pub(super) type Factors = [[u64; 2]; 3];

pub(super) fn factors(key: &HashKey) -> Factors {
    [0, 12, 24].map(|start| {
        // k_m in bit m of the reversed key. One up, the half below has k_m in bit m + 1 and the half
        // above has k_(63+m) in bit m.
        let factors = key.window(start).reverse_bits() << 1;
        [factors as u64, (factors >> 64) as u64]
    })
}

/// The hash of two addresses, `N` bytes together, and two ports by any multiplication, one bit of the
/// formula after the other.
#[cfg(any(test, target_arch = "aarch64"))]
#[inline(always)]
pub(super) fn hash<const N: usize>(
    factors: &Factors,
    addresses: &[u8; N],
    ports: [u8; 4],
    multiply: impl Fn(u64, u64) -> u128,
) -> u32 {
    const { assert!(N == 8 || N == 32) };
    // Little-endian, with zeros behind.
    let mut words = [0; 5];
    let addresses = addresses.as_chunks().0.iter().map(|&chunk| u64::from_le_bytes(chunk));
    let ports = u64::from(u32::from_le_bytes(ports));
    words.iter_mut().zip(addresses.chain([ports])).for_each(|(place, word)| *place = word);
    let [w0, w1, w2, w3, w4] = words;
    // Bytes 0 to 7 and 4 to 11; 12 to 19 and 16 to 23; 24 to 31 and 28 to 35.
    let chunks = [[w0, w0 >> 32 | w1 << 32], [w1 >> 32 | w2 << 32, w2], [w3, w3 >> 32 | w4 << 32]];
    let mut sums = [0, 0];
    for ([first, second], factors) in chunks.iter().zip(factors).take((N + 4) / 12) {
        sums[0] ^= multiply(first.swap_bytes(), factors[0]);
        sums[1] ^= multiply(second.swap_bytes(), factors[1]);
    }
    ((sums[0] >> 64) as u32 ^ (sums[1] >> 32) as u32).reverse_bits()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toeplitz::{HashInput, MAX_INPUT_LEN, bit_serial};

    fn multiply(a: u64, b: u64) -> u128 {
        let shifted = (0..64).filter(|bit| b & (1 << bit) != 0).map(|bit| u128::from(a) << bit);
        shifted.fold(0, |sum, shifted| sum ^ shifted)
    }

    /// The formula that AArch64 executes, on every machine. The hash is linear, so that each bit of the
    /// input by itself shows all.
    #[test]
    fn each_bit_adds_its_window_of_the_key() {
        for key_len in [0, 1, 16, 39, 40, 41, 255] {
            let bytes: [u8; 255] = core::array::from_fn(|index| (index * 151 + 89) as u8);
            let key = HashKey::new(&bytes[..key_len]).unwrap();
            for bit in 0..8 * MAX_INPUT_LEN {
                let mut bytes = [0; MAX_INPUT_LEN];
                bytes[bit / 8] = 0x80 >> (bit % 8);
                let input = HashInput::new(&[&bytes]).unwrap();
                let expected = bit_serial(&key, &bytes);
                let (addresses, ports) = input.addresses_and_ports::<32>();
                let long = hash(&factors(&key), addresses, ports, multiply);
                assert_eq!(long, expected, "bit {bit} of 36 bytes");
                if bit < 8 * 12 {
                    let (addresses, ports) = input.addresses_and_ports::<8>();
                    let short = hash(&factors(&key), addresses, ports, multiply);
                    assert_eq!(short, expected, "bit {bit} of 12 bytes");
                }
            }
        }
    }
}
