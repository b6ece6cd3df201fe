//! What is done to the addresses and ports of a packet before they are hashed.

use core::fmt;
use core::str::FromStr;

use crate::toeplitz::{HashInput, MAX_INPUT_LEN};

/// A transformation of the hash input under which both directions of a flow have the same hash,
/// whatever the key: `xfrm` of `ethtool -X`, in its words.
///
/// This is Linux's (`RXH_XFRM_SYM_XOR` and `RXH_XFRM_SYM_OR_XOR`, uapi linux/ethtool.h), not
/// virtio's: a guest that hashes for itself gets another value. Where it has to get the same one,
/// [`HashKey::SYMMETRIC`](crate::HashKey::SYMMETRIC) serves without a transformation.
///
/// It is applied to the fields that are hashed, so for the `_EX` types to the addresses from the
/// extension headers. Both transformations spread flows worse than the plain input: with `s ^ d`
/// twice the two copies of a bit can cancel, and flows whose addresses and ports differ by the same
/// pattern meet. `s | d` in place of one copy keeps more of them apart.
///
/// | | source address | destination address | source port | destination port |
/// |---|---|---|---|---|
/// | `none` | s | d | sp | dp |
/// | `symmetric-xor` | s ^ d | s ^ d | sp ^ dp | sp ^ dp |
/// | `symmetric-or-xor` | s \| d | s ^ d | sp \| dp | sp ^ dp |
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(u8)]
pub enum InputTransform {
    /// The fields as they are: virtio's hash.
    #[default]
    None = 0,
    /// The XOR of each pair of fields, twice.
    #[doc(alias = "RXH_XFRM_SYM_XOR")]
    SymmetricXor = 1,
    /// The OR of each pair of fields, then its XOR.
    #[doc(alias = "RXH_XFRM_SYM_OR_XOR")]
    SymmetricOrXor = 2,
}

impl InputTransform {
    /// Every transformation, in the order of its code.
    pub const ALL: [Self; 3] = [Self::None, Self::SymmetricXor, Self::SymmetricOrXor];

    /// The transformation with this code, or `None` if the code is unknown.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The code, as kept with a program.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// ethtool's word for it: `none`, `symmetric-xor` or `symmetric-or-xor`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SymmetricXor => "symmetric-xor",
            Self::SymmetricOrXor => "symmetric-or-xor",
        }
    }

    /// What is hashed in place of `input`, which is two addresses and perhaps two ports.
    pub fn apply(self, input: &HashInput) -> HashInput {
        if self == Self::None {
            return *input;
        }
        let bytes = input.as_bytes();
        // 8 and 12 bytes hold IPv4 addresses, 32 and 36 bytes IPv6 addresses.
        let (addresses, ports) = bytes.split_at(bytes.len() / 8 * 8);
        let mut transformed = [0; MAX_INPUT_LEN];
        let mut place = transformed.iter_mut();
        for pair in [addresses, ports] {
            let (source, destination) = pair.split_at(pair.len() / 2);
            let pairs = || source.iter().zip(destination).map(|(&source, &dest)| (source, dest));
            let halves =
                pairs().map(|pair| self.first(pair)).chain(pairs().map(|pair| self.second(pair)));
            place.by_ref().zip(halves).for_each(|(place, byte)| *place = byte);
        }
        transformed.get(..bytes.len()).and_then(|bytes| HashInput::new(&[bytes])).unwrap_or(*input)
    }

    /// What stands for a byte of the source.
    fn first(self, (source, destination): (u8, u8)) -> u8 {
        match self {
            Self::None => source,
            Self::SymmetricXor => source ^ destination,
            Self::SymmetricOrXor => source | destination,
        }
    }

    /// What stands for a byte of the destination.
    fn second(self, (source, destination): (u8, u8)) -> u8 {
        match self {
            Self::None => destination,
            Self::SymmetricXor | Self::SymmetricOrXor => source ^ destination,
        }
    }
}

impl fmt::Display for InputTransform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for InputTransform {
    type Err = UnknownInputTransform;

    fn from_str(text: &str) -> Result<Self, UnknownInputTransform> {
        Self::ALL.into_iter().find(|known| known.name() == text).ok_or(UnknownInputTransform)
    }
}

/// A word that names no transformation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnknownInputTransform;

impl fmt::Display for UnknownInputTransform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("known are none, symmetric-xor, symmetric-or-xor")
    }
}

impl core::error::Error for UnknownInputTransform {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_addresses_and_ports() {
        let v4 =
            HashInput::new(&[&[0x0f, 1, 0, 9], &[0x33, 1, 8, 0], &[0x12, 0, 0x30, 1]]).unwrap();
        let with = |transform: InputTransform| transform.apply(&v4);
        assert_eq!(with(InputTransform::None), v4);
        assert_eq!(
            with(InputTransform::SymmetricXor).as_bytes(),
            [0x3c, 0, 8, 9, 0x3c, 0, 8, 9, 0x22, 1, 0x22, 1]
        );
        assert_eq!(
            with(InputTransform::SymmetricOrXor).as_bytes(),
            [0x3f, 1, 8, 9, 0x3c, 0, 8, 9, 0x32, 1, 0x22, 1]
        );
        let v6 = HashInput::new(&[&[1; 16], &[3; 16], &[7, 7], &[7, 6]]).unwrap();
        let expected = HashInput::new(&[&[3; 16], &[2; 16], &[7, 7], &[0, 1]]);
        assert_eq!(Some(InputTransform::SymmetricOrXor.apply(&v6)), expected);
        let addresses = HashInput::new(&[&[1; 16], &[3; 16]]).unwrap();
        let expected = HashInput::new(&[&[2; 32]]);
        assert_eq!(Some(InputTransform::SymmetricXor.apply(&addresses)), expected);
    }

    #[test]
    fn words_and_codes_are_read_back() {
        for transform in InputTransform::ALL {
            assert_eq!(transform.name().parse(), Ok(transform));
            assert_eq!(InputTransform::from_code(transform.code()), Some(transform));
        }
        assert_eq!(InputTransform::from_code(3), None);
        assert_eq!("xor".parse::<InputTransform>(), Err(UnknownInputTransform));
    }
}
