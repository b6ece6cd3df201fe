//! What is found on a device, with what is missing and what is only claimed.

use std::fmt;

use tunrss_bpf::{Owner, State};

/// What [`Device::inspect`](crate::Device::inspect) finds on a device.
#[derive(Clone, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct Inspection {
    /// The configuration that was set last, even if a part of it is missing; `None` if there is none.
    pub state: Option<State>,
    /// The user whose process has set it.
    pub loaded_by: Option<u32>,
    /// The programs of the configuration that somebody has taken away from the device.
    pub missing: Vec<Missing>,
    /// What others claim to have set, where nothing shows that they had the right to. Looked for only if no
    /// report program is attached to the device.
    pub claims: Vec<Claim>,
}

impl Inspection {
    /// The user whose process has set it, unless that is root or the user of this process.
    pub fn other_user(&self) -> Option<u32> {
        self.loaded_by.filter(|&uid| is_other_user(uid))
    }
}

/// Whether programs of this user are those of somebody else: neither root's nor this process' own.
pub(super) fn is_other_user(uid: u32) -> bool {
    uid != 0 && uid != rustix::process::getuid().as_raw()
}

/// A program that a configuration needs and the device does not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Missing {
    /// The program that hashes, and puts the hash in front of frames. The filter program drops frames
    /// without it.
    Report,
    /// The program that returns the queue.
    Steering,
    /// The program that drops frames without report.
    Filter,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Report => "the report program is gone: what is sent to the device is dropped",
            Self::Steering => {
                "the steering program is gone: the kernel spreads the packets, not the table"
            }
            Self::Filter => {
                "the filter program is gone: frames that pass by the report program arrive without \
                 report"
            }
        })
    }
}

/// A program that says that it steers a device, and was loaded without the right to change one
/// (CAP_NET_ADMIN). Loading it takes CAP_BPF alone, and whoever loads it chooses all that it says.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Claim {
    /// The user whose process has loaded it.
    pub uid: u32,
    /// The number by which the kernel knows the program.
    pub program: u32,
    /// The owner that it names.
    pub owner: Owner,
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { uid, program, owner } = self;
        let owner = owner.as_str().escape_debug();
        write!(
            f,
            "user {uid} claims to have set it as \"{owner}\" (program id {program}), but had no \
             right to set a device"
        )
    }
}
