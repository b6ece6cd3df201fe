//! Processes that stand in the way, as people know them.

use std::fmt;
use std::fs;
use std::path::Path;

use rustix::process::Pid;

use crate::control;

/// A process, as far as the calling one may look at it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Process {
    /// Its number in the PID namespace whose procfs is mounted here.
    pub id: u32,
    /// Its name, as in `/proc/PID/comm`.
    pub name: String,
    /// Its effective user id.
    pub user: u32,
}

impl Process {
    /// `None` if it has ended.
    pub(crate) fn of(process: Pid) -> Option<Self> {
        let root = control::root(process);
        let name = fs::read_to_string(format!("{root}/comm")).ok()?;
        let status = fs::read_to_string(format!("{root}/status")).ok()?;
        // Real, effective, saved and file system user.
        let users = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
        Some(Self {
            id: process.as_raw_nonzero().get().unsigned_abs(),
            name: name.trim().to_owned(),
            user: users.split_ascii_whitespace().nth(1)?.parse().ok()?,
        })
    }

    /// One that has the socket with this inode number open.
    pub(crate) fn with_socket(inode: u64) -> Option<Self> {
        let expected = format!("socket:[{inode}]");
        let has_it = |&process: &Pid| {
            let root = control::root(process);
            control::descriptors(process).any(|number| {
                let link = fs::read_link(format!("{root}/fd/{number}"));
                link.is_ok_and(|path| path == Path::new(&expected))
            })
        };
        control::processes().find(has_it).and_then(Self::of)
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, name, user } = self;
        write!(f, "process {id} ({}, uid {user})", name.escape_debug())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_named() {
        let this = Process::of(rustix::process::getpid()).expect("it is running");
        assert_eq!(this.id, std::process::id());
        assert_eq!(this.user, rustix::process::geteuid().as_raw());
        assert!(!this.name.is_empty());
    }

    #[test]
    fn names_are_escaped() {
        let process = Process { id: 7, name: "a\u{1b}b".into(), user: 65534 };
        assert_eq!(process.to_string(), "process 7 (a\\u{1b}b, uid 65534)");
    }
}
