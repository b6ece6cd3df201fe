//! Who the process that serves becomes.

use std::fs;
use std::path::Path;

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
            read().map_err(|source| DaemonError::UserFile { path: PASSWD.into(), source })?;
        find(&users, user).ok_or_else(|| DaemonError::User { name: user.to_owned() })
    }

    /// The user that owns nothing. Its number is the one of all systems if the list has none.
    pub(crate) fn nobody() -> Self {
        let users = read().unwrap_or_default();
        find(&users, "nobody").unwrap_or(Self { uid: OVERFLOW, gid: OVERFLOW })
    }
}

fn read() -> std::io::Result<String> {
    Ok(String::from_utf8_lossy(&fs::read(Path::new(PASSWD))?).into_owned())
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

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

const PASSWD: &str = "/etc/passwd";
/// What the kernel shows where it has no number (`DEFAULT_OVERFLOWUID`, linux/highuid.h).
const OVERFLOW: u32 = 65_534;

#[cfg(test)]
mod tests {
    use super::*;

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
