//! The file that a capture is written to.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, PROC_SUPER_MAGIC, fstat, fstatfs, readlinkat};
use rustix::io::Errno;

use crate::error::CliError;

/// Open the file at `path` to be overwritten, or make it: then it is for its owner alone, as packets
/// are nobody else's business.
///
/// A symbolic link is followed if root or this user made it, as `/dev/stdout` is one. Another's could
/// lead to any file that this process may write.
pub(super) fn create(path: &Path) -> Result<File, CliError> {
    let refused = |source: io::Error| CliError::WriteFile { path: path.to_owned(), source };
    let mut place = path.to_owned();
    for _ in 0..MAX_LINKS {
        match open(&place, OFlags::NOFOLLOW) {
            Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {}
            opened => return opened.map_err(refused),
        }
        match link_at(&place).map_err(|errno| refused(errno.into()))? {
            Link::OfProc => return open(&place, OFlags::empty()).map_err(refused),
            Link::To { owner, target } if [0, this_user()].contains(&owner) => {
                place = place.parent().unwrap_or(Path::new("")).join(target);
            }
            Link::To { owner, .. } => {
                return Err(CliError::ForeignLink { path: path.to_owned(), owner });
            }
        }
    }
    Err(refused(Errno::LOOP.into()))
}

fn open(path: &Path, flags: OFlags) -> io::Result<File> {
    let flags = flags.bits().cast_signed();
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(flags)
        .open(path)
}

/// A symbolic link.
enum Link {
    /// The kernel's own, as `/proc/self/fd/1`: its target may have no name.
    OfProc,
    To {
        /// The user who made it.
        owner: u32,
        target: PathBuf,
    },
}

/// The link at `path`, looked at through one descriptor, so that nobody can exchange it meanwhile.
fn link_at(path: &Path) -> rustix::io::Result<Link> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let link = rustix::fs::open(path, flags, Mode::empty())?;
    if fstatfs(&link)?.f_type == PROC_SUPER_MAGIC {
        return Ok(Link::OfProc);
    }
    let owner = fstat(&link)?.st_uid;
    let target = readlinkat(&link, "", vec![])?;
    Ok(Link::To { owner, target: std::ffi::OsString::from_vec(target.into_bytes()).into() })
}

fn this_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// As many as the kernel follows (`MAXSYMLINKS`, include/linux/namei.h).
const MAX_LINKS: usize = 40;
