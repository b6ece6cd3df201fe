//! PCLMULQDQ on x86-64, and VPCLMULQDQ with AVX-512 and GFNI.
//!
//! A vector holds the two chunks of 12 bytes of input, as [`clmul`] has them, and another the two
//! factors.

use core::arch::x86_64::{
    __m128i, __m512i, _mm_and_si128, _mm_clmulepi64_si128, _mm_extract_epi32,
    _mm_gf2p8affine_epi64_epi8, _mm_or_si128, _mm_set_epi8, _mm_set_epi64x, _mm_set1_epi8,
    _mm_set1_epi64x, _mm_shuffle_epi8, _mm_slli_epi16, _mm_slli_si128, _mm_srli_epi16,
    _mm_xor_si128, _mm512_broadcast_i32x4, _mm512_bslli_epi128, _mm512_castsi512_si128,
    _mm512_clmulepi64_epi128, _mm512_permutexvar_epi32, _mm512_set_epi64, _mm512_setr_epi32,
    _mm512_setzero_si512, _mm512_shuffle_epi8, _mm512_xor_si512,
};

use crate::HashKey;
use crate::toeplitz::clmul::{self, Factors};
use crate::toeplitz::{HashInput, Routine};

/// Whether the CPU has all these features; without `std`, whether every CPU has that the program is
/// compiled for.
macro_rules! has {
    ($($feature:tt),+ $(,)?) => {{
        #[cfg(feature = "std")]
        let all = $(std::arch::is_x86_feature_detected!($feature))&&+;
        #[cfg(not(feature = "std"))]
        let all = $(cfg!(target_feature = $feature))&&+;
        all
    }};
}

/// A key, for a routine that this CPU has.
#[derive(Clone)]
pub(crate) struct Vectorised {
    factors: Factors,
    extension: Extension,
}

/// What a routine uses beyond x86-64.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extension {
    /// PCLMULQDQ and SSE4.1.
    Pclmul,
    /// These, VPCLMULQDQ, GFNI, and AVX-512 F, BW, DQ and VL.
    Avx512,
}

impl Vectorised {
    pub(crate) fn new(routine: Routine, key: &HashKey) -> Option<Self> {
        let extension = Extension::of(routine).filter(|extension| extension.is_there())?;
        Some(Self { factors: clmul::factors(key), extension })
    }

    pub(crate) fn is_available(routine: Routine) -> bool {
        Extension::of(routine).is_some_and(Extension::is_there)
    }

    pub(crate) fn routine(&self) -> Routine {
        match self.extension {
            Extension::Pclmul => Routine::Clmul,
            Extension::Avx512 => Routine::ClmulAvx512,
        }
    }

    #[inline]
    pub(crate) fn hash_v4(&self, addresses: &[u8; 8], ports: [u8; 4]) -> u32 {
        match self.extension {
            // SAFETY: `new` has found this extension on this CPU.
            Extension::Pclmul => unsafe { v4_by_pclmul(&self.factors, addresses, ports) },
            // SAFETY: as above.
            Extension::Avx512 => unsafe { v4_by_avx512(&self.factors, addresses, ports) },
        }
    }

    #[inline]
    pub(crate) fn hash_v6(&self, addresses: &[u8; 32], ports: [u8; 4]) -> u32 {
        match self.extension {
            // SAFETY: `new` has found this extension on this CPU.
            Extension::Pclmul => unsafe { v6_by_pclmul(&self.factors, addresses, ports) },
            // SAFETY: as above.
            Extension::Avx512 => unsafe { v6_by_avx512(&self.factors, addresses, ports) },
        }
    }

    pub(crate) fn hash_batch(&self, inputs: &[HashInput], hashes: &mut [u32]) {
        match self.extension {
            // SAFETY: `new` has found this extension on this CPU.
            Extension::Pclmul => unsafe { batch_by_pclmul(&self.factors, inputs, hashes) },
            // SAFETY: as above.
            Extension::Avx512 => unsafe { batch_by_avx512(&self.factors, inputs, hashes) },
        }
    }
}

impl Extension {
    fn of(routine: Routine) -> Option<Self> {
        match routine {
            Routine::Table => None,
            Routine::Clmul => Some(Self::Pclmul),
            Routine::ClmulAvx512 => Some(Self::Avx512),
        }
    }

    fn is_there(self) -> bool {
        match self {
            Self::Pclmul => has!("pclmulqdq", "sse4.1"),
            Self::Avx512 => has!(
                "pclmulqdq",
                "sse4.1",
                "vpclmulqdq",
                "gfni",
                "avx512f",
                "avx512bw",
                "avx512dq",
                "avx512vl",
            ),
        }
    }
}

#[target_feature(enable = "pclmulqdq,sse4.1")]
fn v4_by_pclmul(factors: &Factors, addresses: &[u8; 8], ports: [u8; 4]) -> u32 {
    hash_of(reverse(short(factors, with_ports(*addresses, ports))))
}

#[target_feature(enable = "pclmulqdq,sse4.1")]
fn v6_by_pclmul(factors: &Factors, addresses: &[u8; 32], ports: [u8; 4]) -> u32 {
    hash_of(reverse(v6(factors, addresses, ports)))
}

#[target_feature(enable = "pclmulqdq,sse4.1,gfni,avx512f,avx512vl")]
fn v4_by_avx512(factors: &Factors, addresses: &[u8; 8], ports: [u8; 4]) -> u32 {
    hash_of(reverse_by_gfni(short(factors, with_ports(*addresses, ports))))
}

#[target_feature(enable = "pclmulqdq,sse4.1,gfni,avx512f,avx512vl")]
fn v6_by_avx512(factors: &Factors, addresses: &[u8; 32], ports: [u8; 4]) -> u32 {
    hash_of(reverse_by_gfni(v6(factors, addresses, ports)))
}

#[target_feature(enable = "pclmulqdq,sse4.1")]
fn batch_by_pclmul(factors: &Factors, inputs: &[HashInput], hashes: &mut [u32]) {
    for (input, hash) in inputs.iter().zip(hashes) {
        let sum = if input.is_short() {
            let (addresses, ports) = input.addresses_and_ports();
            short(factors, with_ports(*addresses, ports))
        } else {
            let (addresses, ports) = input.addresses_and_ports();
            v6(factors, addresses, ports)
        };
        *hash = hash_of(reverse(sum));
    }
}

#[target_feature(enable = "pclmulqdq,sse4.1,vpclmulqdq,gfni,avx512f,avx512bw,avx512dq,avx512vl")]
fn batch_by_avx512(factors: &Factors, inputs: &[HashInput], hashes: &mut [u32]) {
    let len = inputs.len().min(hashes.len());
    let (fours, rest) = inputs.split_at(len).0.as_chunks::<4>();
    let (hashes_of_fours, hashes_of_rest) = hashes.split_at_mut(len).0.as_chunks_mut::<4>();
    for (inputs, hashes) in fours.iter().zip(hashes_of_fours) {
        let parts = if inputs.iter().all(HashInput::is_short) { 1 } else { 3 };
        let sums = sums_of_four(factors, inputs, parts);
        let dwords = _mm512_setr_epi32(2, 6, 10, 14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        let sums = _mm512_castsi512_si128(_mm512_permutexvar_epi32(dwords, sums));
        let swapped = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
        let found = _mm_shuffle_epi8(reverse_by_gfni(sums), swapped);
        *hashes = [
            _mm_extract_epi32::<0>(found) as u32,
            _mm_extract_epi32::<1>(found) as u32,
            _mm_extract_epi32::<2>(found) as u32,
            _mm_extract_epi32::<3>(found) as u32,
        ];
    }
    for (input, hash) in rest.iter().zip(hashes_of_rest) {
        let (addresses, ports) = input.addresses_and_ports();
        *hash = v6_by_avx512(factors, addresses, ports);
    }
}

/// The hash of the 12 bytes that `input` starts with, its bits in reverse order, in dword 2.
#[target_feature(enable = "pclmulqdq,sse4.1")]
#[inline]
fn short(factors: &Factors, input: __m128i) -> __m128i {
    let (first, second) = products(input, &factors[0]);
    _mm_xor_si128(first, _mm_slli_si128::<4>(second))
}

/// The same of IPv6 addresses and ports: of three times 12 bytes.
#[target_feature(enable = "pclmulqdq,sse4.1")]
#[inline]
fn v6(factors: &Factors, addresses: &[u8; 32], ports: [u8; 4]) -> __m128i {
    let (words, _) = addresses.as_chunks();
    let end = with_ports(words.last().copied().unwrap_or_default(), ports);
    long(factors, load(addresses, 0), load(addresses, 12), end)
}

/// The same of three times 12 bytes.
#[target_feature(enable = "pclmulqdq,sse4.1")]
#[inline]
fn long(factors: &Factors, start: __m128i, middle: __m128i, end: __m128i) -> __m128i {
    let (first_0, second_0) = products(start, &factors[0]);
    let (first_1, second_1) = products(middle, &factors[1]);
    let (first_2, second_2) = products(end, &factors[2]);
    let first = _mm_xor_si128(_mm_xor_si128(first_0, first_1), first_2);
    let second = _mm_xor_si128(_mm_xor_si128(second_0, second_1), second_2);
    _mm_xor_si128(first, _mm_slli_si128::<4>(second))
}

/// The two products of the 12 bytes that `input` starts with.
#[target_feature(enable = "pclmulqdq,sse4.1")]
#[inline]
fn products(input: __m128i, factors: &[u64; 2]) -> (__m128i, __m128i) {
    let chunks = _mm_shuffle_epi8(input, chunks());
    let factors = vector(factors[0], factors[1]);
    (_mm_clmulepi64_si128::<0x00>(chunks, factors), _mm_clmulepi64_si128::<0x11>(chunks, factors))
}

/// The shuffle that makes big-endian words of bytes 0 to 7 and of bytes 4 to 11.
#[target_feature(enable = "sse2")]
#[inline]
fn chunks() -> __m128i {
    _mm_set_epi8(4, 5, 6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 6, 7)
}

/// The end of the addresses, and the ports behind it.
#[target_feature(enable = "sse4.1")]
#[inline]
fn with_ports(addresses: [u8; 8], ports: [u8; 4]) -> __m128i {
    vector(u64::from_le_bytes(addresses), u64::from(u32::from_le_bytes(ports)))
}

/// The 16 bytes from `start` on; zeros if there are not so many.
#[target_feature(enable = "sse2")]
#[inline]
fn load(bytes: &[u8], start: usize) -> __m128i {
    let bytes = bytes.get(start..).and_then(|bytes| bytes.first_chunk());
    let words = u128::from_le_bytes(bytes.copied().unwrap_or_default());
    vector(words as u64, (words >> 64) as u64)
}

#[target_feature(enable = "sse2")]
#[inline]
fn vector(low: u64, high: u64) -> __m128i {
    _mm_set_epi64x(high as i64, low as i64)
}

/// Each byte with its bits in reverse order.
#[target_feature(enable = "ssse3")]
#[inline]
fn reverse(bytes: __m128i) -> __m128i {
    let half = _mm_set1_epi8(0xf);
    let low = _mm_and_si128(bytes, half);
    let high = _mm_and_si128(_mm_srli_epi16::<4>(bytes), half);
    // The reverse of 0, 1, 2, ... 15, from the right to the left, and 16 times that.
    let reversed = _mm_set_epi8(15, 7, 11, 3, 13, 5, 9, 1, 14, 6, 10, 2, 12, 4, 8, 0);
    let high = _mm_shuffle_epi8(reversed, high);
    let low = _mm_slli_epi16::<4>(_mm_shuffle_epi8(reversed, low));
    _mm_or_si128(low, high)
}

/// The same by multiplication with a matrix of bits.
#[target_feature(enable = "gfni,avx")]
#[inline]
fn reverse_by_gfni(bytes: __m128i) -> __m128i {
    const MATRIX: i64 = 0x8040_2010_0804_0201_u64.cast_signed();
    _mm_gf2p8affine_epi64_epi8::<0>(bytes, _mm_set1_epi64x(MATRIX))
}

/// The hash whose bytes stand the other way round in dword 2.
#[target_feature(enable = "sse4.1")]
#[inline]
fn hash_of(bytes: __m128i) -> u32 {
    (_mm_extract_epi32::<2>(bytes) as u32).swap_bytes()
}

/// The hashes of four inputs, bit by bit in reverse order, in dword 2 of each lane. Of each input so
/// many `parts` of 12 bytes are hashed.
#[target_feature(enable = "pclmulqdq,sse4.1,vpclmulqdq,avx512f,avx512bw,avx512dq,avx512vl")]
#[inline]
fn sums_of_four(factors: &Factors, inputs: &[HashInput; 4], parts: usize) -> __m512i {
    let mut first = _mm512_setzero_si512();
    let mut second = _mm512_setzero_si512();
    for (start, factors) in [0, 12, 24].into_iter().zip(factors).take(parts) {
        let [a, b, c, d] = inputs.each_ref().map(|input| input.two_words_from(start));
        let bytes = _mm512_set_epi64(d[1], d[0], c[1], c[0], b[1], b[0], a[1], a[0]);
        let chunks = _mm512_shuffle_epi8(bytes, _mm512_broadcast_i32x4(chunks()));
        let factors = _mm512_broadcast_i32x4(vector(factors[0], factors[1]));
        first = _mm512_xor_si512(first, _mm512_clmulepi64_epi128::<0x00>(chunks, factors));
        second = _mm512_xor_si512(second, _mm512_clmulepi64_epi128::<0x11>(chunks, factors));
    }
    _mm512_xor_si512(first, _mm512_bslli_epi128::<4>(second))
}
