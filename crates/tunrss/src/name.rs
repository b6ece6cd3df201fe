//! Names of network devices.

use std::fmt;
use std::str::FromStr;

/// A name that a network device can have (`dev_valid_name`, net/core/dev.c): 1 to 15 bytes, no
/// slash, colon, percent sign or white space, not `.` or `..`, and not `all` or `default`, by which
/// the kernel names settings of all devices (`sysctl_dev_name_is_allowed`, include/linux/inetdevice.h).
///
/// White space is what the kernel takes for it, byte by byte: also 0xa0, which in UTF-8 is part of
/// several letters. A percent sign would be possible, but in creating a device it asks for a number
/// to be filled in.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IfName(String);

impl IfName {
    /// The name, checked.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(name: &str) -> Result<Self, NameError> {
        if name.is_empty() {
            Err(NameError::Empty)
        } else if name.len() > Self::MAX_LEN {
            Err(NameError::TooLong { len: name.len(), max: Self::MAX_LEN })
        } else if matches!(name, "." | "..") {
            Err(NameError::Dots)
        } else if matches!(name, "all" | "default") {
            Err(NameError::Reserved)
        } else if let Some(found) = name.chars().find(|&c| is_refused(c)) {
            Err(NameError::Character { found })
        } else if let Some(found) = name.chars().find(|&c| has_space_byte(c)) {
            Err(NameError::SpaceByte { found })
        } else {
            Ok(Self(name.to_owned()))
        }
    }

    /// The longest name, in bytes (`IFNAMSIZ` less its zero byte).
    pub const MAX_LEN: usize = 15;

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IfName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for IfName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl FromStr for IfName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        Self::new(name)
    }
}

fn is_refused(character: char) -> bool {
    // The white space of ASCII as the kernel has it (lib/ctype.c), the vertical tab among it.
    matches!(character, '/' | ':' | '%' | '\0' | '\t'..='\r' | ' ')
}

/// Whether one of the bytes is the other one that the kernel takes for white space.
fn has_space_byte(character: char) -> bool {
    character.encode_utf8(&mut [0; 4]).bytes().any(|byte| byte == 0xa0)
}

/// What a network device can be found by: its own name, or one of its alternative names, which
/// `ip link property add dev tap0 altname NAME` gives it. 1 to 127 bytes, none of them zero.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceName(String);

impl DeviceName {
    /// The name, checked.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(name: &str) -> Result<Self, NameError> {
        if name.is_empty() {
            Err(NameError::Empty)
        } else if name.len() > Self::MAX_LEN {
            Err(NameError::TooLong { len: name.len(), max: Self::MAX_LEN })
        } else if name.contains('\0') {
            Err(NameError::Character { found: '\0' })
        } else {
            Ok(Self(name.to_owned()))
        }
    }

    /// The longest name, in bytes (`ALTIFNAMSIZ` less its zero byte).
    pub const MAX_LEN: usize = 127;

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl FromStr for DeviceName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        Self::new(name)
    }
}

impl From<&Self> for DeviceName {
    fn from(name: &Self) -> Self {
        name.clone()
    }
}

impl From<&IfName> for DeviceName {
    fn from(name: &IfName) -> Self {
        Self(name.as_str().to_owned())
    }
}

impl From<IfName> for DeviceName {
    fn from(name: IfName) -> Self {
        Self(name.0)
    }
}

/// Why a text is no name of a network device.
#[derive(thiserror::Error, Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum NameError {
    /// It is empty.
    #[error("device name is empty")]
    Empty,
    /// It does not fit.
    #[error("device name has {len} bytes, at most {max} are possible")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The longest length that is possible.
        max: usize,
    },
    /// It is `.` or `..`.
    #[error("device name cannot be . or ..")]
    Dots,
    /// It is `all` or `default`.
    #[error("device name cannot be all or default: the kernel has settings by these names")]
    Reserved,
    /// It has a character of which the kernel takes a byte for a space.
    #[error("device name cannot contain {found:?}: the kernel takes its byte 0xa0 for a space")]
    SpaceByte {
        /// The character.
        found: char,
    },
    /// It has a character that names cannot have.
    #[error("device name cannot contain {found:?}")]
    Character {
        /// The character.
        found: char,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_refuses_is_refused() {
        assert_eq!(IfName::new(""), Err(NameError::Empty));
        assert_eq!(IfName::new("a234567890123456"), Err(NameError::TooLong { len: 16, max: 15 }));
        assert_eq!(IfName::new(".."), Err(NameError::Dots));
        for (name, found) in [("a/b", '/'), ("a:b", ':'), ("a b", ' '), ("tap%d", '%')] {
            assert_eq!(IfName::new(name), Err(NameError::Character { found }));
        }
        for name in ["all", "default"] {
            assert_eq!(IfName::new(name), Err(NameError::Reserved));
        }
        for (name, found) in [("tap\u{e0}", '\u{e0}'), ("\u{a0}", '\u{a0}')] {
            assert_eq!(IfName::new(name), Err(NameError::SpaceByte { found }));
        }
    }

    #[test]
    fn what_the_kernel_takes_is_taken() {
        // Space in Unicode, but not in the kernel.
        for name in ["a23456789012345", "All", "tap\u{e9}", "tap\u{3000}", "tap\u{85}", "\u{1b}[2J"]
        {
            assert!(IfName::new(name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn alternative_names_are_longer() {
        assert_eq!(DeviceName::new(""), Err(NameError::Empty));
        let found = '\0';
        assert_eq!(DeviceName::new("a\0b"), Err(NameError::Character { found }));
        let (len, max) = (128, 127);
        assert_eq!(DeviceName::new(&"a".repeat(len)), Err(NameError::TooLong { len, max }));
        assert!(DeviceName::new(&"a".repeat(max)).is_ok());
        assert!(DeviceName::new("pci:0000:00/0 %d").is_ok());
    }
}
