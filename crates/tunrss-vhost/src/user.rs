//! Who the process that serves becomes.

use std::fs;

use serde::{Deserialize, Serialize};

use crate::error::DaemonError;

/// A user and its group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Identity {
    /// The user of this name or number.
    ///
    /// # Errors
    /// There is none of this name, or the list of users cannot be read.
    pub(crate) fn of(user: &str) -> Result<Self, DaemonError> {
        let users =
            read(PASSWD).map_err(|source| DaemonError::UserFile { path: PASSWD.into(), source })?;
        find(&users, user).ok_or_else(|| DaemonError::User { name: user.to_owned() })
    }

    /// The user that is for nothing else, [`OWN_USER`]; where there is none, the one that owns nothing,
    /// whose number is the one of all systems if the list has none.
    pub(crate) fn without_rights() -> Self {
        let users = read(PASSWD).unwrap_or_default();
        find(&users, OWN_USER).unwrap_or_else(|| {
            log::warn!(
                "there is no user {OWN_USER}: the process that serves becomes nobody, whose other \
                 processes can stop and end it (`systemd-sysusers` makes the user, --user names \
                 another)"
            );
            find(&users, "nobody").unwrap_or(Self { uid: OVERFLOW, gid: OVERFLOW })
        })
    }
}

/// The user of this name or number.
///
/// # Errors
/// As for [`Identity::of`].
pub(crate) fn uid(user: &str) -> Result<u32, DaemonError> {
    Identity::of(user).map(|identity| identity.uid)
}

/// The group of this name or number.
///
/// # Errors
/// There is none of this name, or the list of groups cannot be read.
pub(crate) fn gid(group: &str) -> Result<u32, DaemonError> {
    let groups =
        read(GROUP).map_err(|source| DaemonError::UserFile { path: GROUP.into(), source })?;
    find_group(&groups, group).ok_or_else(|| DaemonError::Group { name: group.to_owned() })
}

fn read(path: &str) -> std::io::Result<String> {
    Ok(String::from_utf8_lossy(&fs::read(path)?).into_owned())
}

/// Find a user in the text of a passwd(5) file. A number that the file does not have is a user, too.
fn find(users: &str, user: &str) -> Option<Identity> {
    let number = if is_number(user) { user.parse().ok() } else { None };
    let listed = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _password) = (fields.next()?, fields.next()?);
        let uid: u32 = fields.next()?.parse().ok()?;
        let gid: u32 = fields.next()?.parse().ok()?;
        let is_it = number.map_or(name == user, |number| number == uid);
        is_it.then_some(Identity { uid, gid })
    });
    let unlisted = || number.map(|uid| Identity { uid, gid: OVERFLOW });
    // The kernel takes it for "leave as it is".
    listed.or_else(unlisted).filter(|identity| identity.uid != u32::MAX)
}

/// Find a group in the text of a group(5) file. A number that the file does not have is a group, too.
fn find_group(groups: &str, group: &str) -> Option<u32> {
    let listed = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _password) = (fields.next()?, fields.next()?);
        let gid: u32 = fields.next()?.parse().ok()?;
        (name == group).then_some(gid)
    });
    let number = || is_number(group).then(|| group.parse().ok()).flatten();
    listed.or_else(number).filter(|&gid| gid != u32::MAX)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What sysusers.d/tunrss-vhost.conf has systemd-sysusers make.
const OWN_USER: &str = "tunrss-vhost";

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";
/// What the kernel shows where it has no number (`DEFAULT_OVERFLOWUID`, linux/highuid.h).
const OVERFLOW: u32 = 65_534;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_by_name_and_number() {
        let groups = "root:x:0:\n# a comment\nbad:x:y:\nkvm:x:104:vm,other\n105:x:7:\n";
        let found = |group| find_group(groups, group);
        assert_eq!(
            [found("root"), found("kvm"), found("105"), found("9")],
            [Some(0), Some(104), Some(7), Some(9)]
        );
        for none in ["", "bad", "vm", "-1", "4294967295", "4294967296"] {
            assert_eq!(found(none), None, "{none}");
        }
    }

    #[test]
    fn users_are_found_by_name_and_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\n# a comment\nbad:x:y:1:\n\
                     vm:x:990:991::/:/bin/false\n990:x:5:5::/:/bin/false\n";
        let found = |user| find(users, user).map(|Identity { uid, gid }| (uid, gid));
        assert_eq!(found("root"), Some((0, 0)));
        assert_eq!(found("vm"), Some((990, 991)));
        assert_eq!(found("990"), Some((990, 991)));
        assert_eq!(found("77"), Some((77, 65_534)));
        for none in ["", "nobody", "bad", "vm:x", "-1", "4294967295", "4294967296"] {
            assert_eq!(found(none), None, "{none}");
        }
    }
}
