//! Sets of named bits: what sets of hash types and sets of tunnel types have in common.

/// What a set of types can do. `$set` is a tuple struct of a `u32` with the constants `NONE`, `ALL`
/// and `NAMES`; `$unknown` the error of a text that names something else, a `$what`.
macro_rules! set_of_types {
    ($set:ident, $unknown:ident, $what:literal) => {
        impl $set {
            /// The set with exactly these bits, or `None` if a bit stands for no type.
            pub const fn from_bits(bits: u32) -> Option<Self> {
                if bits & !Self::ALL.0 == 0 { Some(Self(bits)) } else { None }
            }

            /// The bits, as on the wire (after their little-endian decoding).
            pub const fn bits(self) -> u32 {
                self.0
            }

            /// The types of both sets.
            pub const fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// The types that are in both sets.
            pub const fn intersection(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }

            /// Whether every type of `other` is in this set.
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether any type of `other` is in this set.
            pub const fn intersects(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }

            /// Whether the set is empty.
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// The types of this set, in the order of their bits.
            pub fn iter(self) -> impl Iterator<Item = Self> {
                Self::NAMES.into_iter().map(|(_, one)| one).filter(move |&one| self.contains(one))
            }
        }

        impl core::ops::BitOr for $set {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                self.union(other)
            }
        }

        impl core::fmt::Display for $set {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                if self.is_empty() {
                    return f.write_str("none");
                }
                let mut separator = "";
                for (name, one) in Self::NAMES {
                    if self.contains(one) {
                        write!(f, "{separator}{name}")?;
                        separator = ",";
                    }
                }
                Ok(())
            }
        }

        impl core::fmt::Debug for $set {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($set), "({})"), self)
            }
        }

        impl core::str::FromStr for $set {
            type Err = $unknown;

            fn from_str(text: &str) -> Result<Self, $unknown> {
                match text {
                    "all" => return Ok(Self::ALL),
                    "none" => return Ok(Self::NONE),
                    _ => {}
                }
                text.split(',').enumerate().try_fold(Self::NONE, |set, (index, name)| {
                    let known = Self::NAMES.into_iter().find(|(known, _)| *known == name.trim());
                    known.map(|(_, one)| set | one).ok_or($unknown { index })
                })
            }
        }

        #[doc = concat!("A text that is no list of ", $what, "s.")]
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub struct $unknown {
            /// Which item of the comma-separated list is unknown, counting from 0.
            pub index: usize,
        }

        impl core::fmt::Display for $unknown {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let number = self.index + 1;
                write!(f, concat!("item {} is no ", $what, "; known are all, none"), number)?;
                $set::NAMES.iter().try_for_each(|(name, _)| write!(f, ", {name}"))
            }
        }

        impl core::error::Error for $unknown {}
    };
}

pub(crate) use set_of_types;
