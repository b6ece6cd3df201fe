//! What can go wrong, as an error number and as a text.

use std::io;

use rustix::io::Errno;
use tunrss::hash::rss_config::RssConfigError;

/// Result of a request.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a request is refused. [`Error::errno`] is what an ioctl says.
#[derive(thiserror::Error, Debug)]
#[non_exhaustive]
pub enum Error {
    /// The descriptor is not one of a TUN, TAP or macvtap.
    #[error("the descriptor is not one of /dev/net/tun or of a macvtap")]
    NotATun {
        /// What the kernel says of the request.
        #[source]
        source: io::Error,
    },
    /// The descriptor is attached to no device, or its device is gone.
    #[error("the descriptor is attached to no device")]
    NotAttached {
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
    /// The descriptor's macvtap has been deleted.
    #[error("the macvtap of the descriptor has been deleted")]
    Deleted {
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
    /// The argument cannot be read or written, or is none.
    #[error("the argument cannot be taken: {}", io::Error::from(*errno))]
    Argument {
        /// Why.
        errno: Errno,
    },
    /// The body of a control command is no configuration.
    #[error("the body of the control command is not valid")]
    RssConfig(#[source] RssConfigError),
    /// A program that somebody else has set steers the device.
    #[error("{name} has a steering program that is not from here")]
    ProgramSet {
        /// The device.
        name: String,
    },
    /// RSS is set, so no program can be.
    #[error("RSS is set on {name}, so it takes no steering program")]
    RssSet {
        /// The device.
        name: String,
    },
    /// There is no memory for it.
    #[error("there is not enough memory")]
    NoMemory,
    /// The device refuses.
    #[error(transparent)]
    Device(#[from] tunrss::Error),
    /// The kernel refuses an ioctl that was left to it.
    #[error("the kernel refuses the ioctl")]
    Kernel {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The system refuses.
    #[error("cannot {action}")]
    System {
        /// What was tried.
        action: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// The error number that an ioctl fails with.
    pub fn errno(&self) -> Errno {
        let of = |error: &io::Error| Errno::from_io_error(error).unwrap_or(Errno::IO);
        match self {
            Self::NotAttached { .. } | Self::Deleted { .. } => Errno::BADFD,
            Self::Argument { errno } => *errno,
            Self::RssConfig(_) => Errno::INVAL,
            Self::ProgramSet { .. } | Self::RssSet { .. } => Errno::BUSY,
            Self::NoMemory => Errno::NOMEM,
            Self::NotATun { source } | Self::Kernel { source } | Self::System { source, .. } => {
                of(source)
            }
            Self::Device(error) => match error {
                tunrss::Error::NoDevice { .. } => Errno::BADFD,
                tunrss::Error::OwnedByOther { .. } | tunrss::Error::Foreign { .. } => Errno::BUSY,
                tunrss::Error::OtherKind { .. } | tunrss::Error::NotAQueue { .. } => {
                    Errno::OPNOTSUPP
                }
                tunrss::Error::Locked { .. } => Errno::AGAIN,
                other => other.errno().map_or(Errno::IO, Errno::from_raw_os_error),
            },
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotAttached { .. } => "attach it with TUNSETIFF".into(),
            Self::Deleted { .. } => "open the character device of one that is there".into(),
            Self::ProgramSet { .. } => "take it off with TUNSETSTEERINGEBPF and -1".into(),
            Self::RssSet { .. } => "switch RSS off first".into(),
            Self::Device(error) => return error.hint(),
            _ => return None,
        })
    }

    /// The error, its causes and the hint, in one line each but for a verifier's log.
    pub fn report(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text += &format!(": {error}");
            cause = error.source();
        }
        if let Some(hint) = self.hint() {
            text += &format!("; {hint}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deleted_macvtap_is_not_to_be_attached() {
        let source = Errno::NOLINK.into();
        let error = Error::Deleted { source };
        assert_eq!(error.errno(), Errno::BADFD);
        assert_eq!(
            error.report(),
            "the macvtap of the descriptor has been deleted: Link has been severed (os error 67); \
             open the character device of one that is there"
        );
    }
}
