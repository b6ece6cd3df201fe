//! The secret key of the Toeplitz hash.

use core::fmt;
use core::str::FromStr;

/// A hash key of 0 to 255 bytes; byte 0 is the most significant.
///
/// The text form is hexadecimal digits, with or without ethtool's colons between bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HashKey {
    len: u8,
    bytes: [u8; Self::MAX_LEN],
}

impl HashKey {
    /// The longest key: `hash_key_length` of `struct virtio_net_rss_config` is one byte.
    pub const MAX_LEN: usize = 255;

    /// The length that every type can be computed with, and that guests accept: 40 bytes.
    pub const USUAL_LEN: usize = 40;

    /// The key of Microsoft's RSS verification suite, which published vectors use.
    pub const MICROSOFT: Self = Self::usual(&[
        0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f,
        0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
        0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
    ]);

    /// A key under which both directions of a flow have the same hash: `6d5a` repeated.
    ///
    /// A key of period 16 bits gives every 16-bit word of the input the same weight, so swapping
    /// the addresses and the ports changes nothing. It has only 16 bits of entropy for the same
    /// reason: flows spread worse, and a sender who knows it can choose the queue.
    pub const SYMMETRIC: Self = Self::usual([[0x6d, 0x5a]; Self::USUAL_LEN / 2].as_flattened());

    /// The key with these bytes.
    ///
    /// # Errors
    /// [`KeyError::TooLong`] above [`HashKey::MAX_LEN`] bytes. Whether a key is long enough
    /// depends on the hash types: [`SteeringConfig::new`](crate::SteeringConfig::new) checks it.
    pub fn new(key: &[u8]) -> Result<Self, KeyError> {
        let too_long = KeyError::TooLong { len: key.len() };
        let len = u8::try_from(key.len()).map_err(|_| too_long)?;
        let mut bytes = [0; Self::MAX_LEN];
        bytes.get_mut(..key.len()).ok_or(too_long)?.copy_from_slice(key);
        Ok(Self { len, bytes })
    }

    /// The bytes of the key.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&self.bytes)
    }

    /// The 32 bits of key that the input byte at `position` starts with, and the 7 after them:
    /// what the byte's eight windows are cut from. In the low 40 bits; 0 beyond the key's end.
    pub(crate) fn bits_at(&self, position: usize) -> u64 {
        (self.window(position) >> 88) as u64
    }

    /// The 128 bits of key from byte `start` on, the first one the most significant; 0 beyond the
    /// key's end.
    pub(crate) fn window(&self, start: usize) -> u128 {
        (start..start + 16).fold(0, |bits, position| {
            let byte = self.as_bytes().get(position).copied().unwrap_or(0);
            bits << 8 | u128::from(byte)
        })
    }

    const fn usual(key: &[u8]) -> Self {
        let mut bytes = [0; Self::MAX_LEN];
        let (start, _) = bytes.split_at_mut(Self::USUAL_LEN);
        start.copy_from_slice(key);
        Self { len: Self::USUAL_LEN as u8, bytes }
    }
}

impl fmt::Display for HashKey {
    /// ethtool's form: `6d:5a:56:...`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for byte in self.as_bytes() {
            write!(f, "{separator}{byte:02x}")?;
            separator = ":";
        }
        Ok(())
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HashKey({self})")
    }
}

impl FromStr for HashKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut bytes = [0; Self::MAX_LEN];
        let mut digits = 0;
        for (at, character) in text.char_indices() {
            // A colon may only stand between two bytes.
            if character == ':' && digits > 0 && digits % 2 == 0 && !text.ends_with(':') {
                continue;
            }
            let digit = character.to_digit(16).ok_or(KeyError::NotHex { at, character })? as u8;
            if let Some(byte) = bytes.get_mut(digits / 2) {
                *byte = *byte << 4 | digit;
            }
            digits += 1;
        }
        if digits % 2 != 0 {
            return Err(KeyError::OddDigits { digits });
        }
        let len = digits / 2;
        Self::new(bytes.get(..len).ok_or(KeyError::TooLong { len })?)
    }
}

/// Why bytes or a text are no hash key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum KeyError {
    /// More than [`HashKey::MAX_LEN`] bytes.
    TooLong {
        /// The length given, in bytes.
        len: usize,
    },
    /// Half a byte is left over.
    OddDigits {
        /// How many hexadecimal digits were given.
        digits: usize,
    },
    /// Neither a hexadecimal digit nor a colon between two bytes.
    NotHex {
        /// Where it stands, in bytes from the text's start.
        at: usize,
        /// What stands there.
        character: char,
    },
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { len } => {
                write!(f, "hash key has {len} bytes, at most {} are possible", HashKey::MAX_LEN)
            }
            Self::OddDigits { digits } => {
                write!(f, "hash key has an odd number of hexadecimal digits ({digits})")
            }
            Self::NotHex { at, character } => write!(
                f,
                "hash key has {character:?} at position {at}, where a hexadecimal digit is expected"
            ),
        }
    }
}

impl core::error::Error for KeyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_hex_with_or_without_colons() {
        let key = HashKey::new(&[0x6d, 0x5a, 0x06]).unwrap();
        assert_eq!("6d5a06".parse(), Ok(key));
        assert_eq!("6D:5a:06".parse(), Ok(key));
        assert_eq!("6d5a:06".parse(), Ok(key));
        assert_eq!("".parse(), HashKey::new(&[]));
    }

    #[test]
    fn malformed_text_is_refused() {
        assert_eq!("6d5".parse::<HashKey>(), Err(KeyError::OddDigits { digits: 3 }));
        for (text, at, character) in
            [("6g", 1, 'g'), (":6d", 0, ':'), ("6d:", 2, ':'), ("6:d", 1, ':'), ("6d 5a", 2, ' ')]
        {
            assert_eq!(text.parse::<HashKey>(), Err(KeyError::NotHex { at, character }), "{text}");
        }
    }

    #[test]
    fn longest_key_is_255_bytes() {
        assert_eq!(HashKey::new(&[7; 255]).unwrap().as_bytes(), [7; 255]);
        assert_eq!(HashKey::new(&[7; 256]), Err(KeyError::TooLong { len: 256 }));
    }
}
