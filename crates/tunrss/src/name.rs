//! Names of network devices.

use std::fmt;
use std::str::FromStr;

/// A name that a network device can have (`dev_valid_name`, net/core/dev.c): 1 to 15 bytes, no
/// slash, colon, percent sign or white space, not `.` or `..`.
///
/// A percent sign would be possible, but in creating a device it asks for a number to be filled in.
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
        } else if let Some(found) =
            name.chars().find(|c| matches!(c, '/' | ':' | '%' | '\0') || c.is_whitespace())
        {
            Err(NameError::Character { found })
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
        assert!(IfName::new("a23456789012345").is_ok());
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
