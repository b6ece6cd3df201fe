//! Where what steers a device is kept in the BPF file system, for other processes to find.
//!
//! Each device has a directory, `/sys/fs/bpf/tunrss/<network namespace>-<device index>`, with
//!
//! - `report`: the link of the report program, in report mode `kernel`. While it is there the
//!   program stays attached.
//! - `steer`: the steering program, in the other modes. The device holds the program itself; the
//!   pin is there to be found.
//! - `steer_next`: a steering program about to be set, left by a process that was killed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::mount::MountFlags;

use crate::device::Device;
use crate::error::{Error, Result};
use crate::netns;

/// The directory of a device, and what is in it.
#[derive(Clone, Debug)]
pub(crate) struct Pins {
    directory: PathBuf,
}

impl Pins {
    /// The directory of `device`, whether it is there or not.
    pub(crate) fn of(device: &Device) -> Result<Self> {
        let netns = netns::id()
            .map_err(|source| Error::Netns { action: "identify the network namespace", source })?;
        Ok(Self { directory: Path::new(ROOT).join(format!("{netns}-{}", device.index())) })
    }

    /// Make the directory, and mount the BPF file system if nobody has.
    pub(crate) fn create(&self) -> Result<()> {
        mount_bpffs()?;
        fs::create_dir_all(&self.directory)
            .map_err(|source| refused("make", &self.directory, source))
    }

    pub(crate) fn report(&self) -> PathBuf {
        self.directory.join("report")
    }

    pub(crate) fn steer(&self) -> PathBuf {
        self.directory.join("steer")
    }

    pub(crate) fn steer_next(&self) -> PathBuf {
        self.directory.join("steer_next")
    }

    /// Let the program that was about to be set be the one that is.
    pub(crate) fn advance_steer(&self) -> Result<()> {
        let (from, to) = (self.steer_next(), self.steer());
        fs::rename(&from, &to).map_err(|source| refused("rename", &from, source))
    }

    /// Remove everything.
    pub(crate) fn remove(&self) -> Result<()> {
        [self.report(), self.steer(), self.steer_next()].iter().try_for_each(|path| unpin(path))?;
        match fs::remove_dir(&self.directory) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(refused("remove", &self.directory, source))
            }
            _ => Ok(()),
        }
    }
}

/// Remove what is kept of `device`.
pub(crate) fn remove(device: &Device) -> Result<()> {
    Pins::of(device)?.remove()
}

/// Remove a pin, if it is there.
pub(crate) fn unpin(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(refused("remove", path, source))
        }
        _ => Ok(()),
    }
}

/// Whether the BPF file system is where it belongs.
pub(crate) fn is_bpffs_mounted() -> bool {
    rustix::fs::statfs(BPFFS).is_ok_and(|found| found.f_type as u64 == BPF_FS_MAGIC)
}

pub(crate) fn refused(action: &'static str, path: &Path, source: io::Error) -> Error {
    let errno = source.raw_os_error();
    Error::Pin { action, path: path.to_owned(), source: source.into(), errno }
}

/// As bpftool and iproute2 do.
fn mount_bpffs() -> Result<()> {
    if is_bpffs_mounted() {
        return Ok(());
    }
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    match rustix::mount::mount("bpf", BPFFS, "bpf", flags, c"mode=0700") {
        // Somebody else was faster.
        Err(Errno::BUSY) | Ok(()) => Ok(()),
        Err(source) => {
            Err(refused("mount the BPF file system on", Path::new(BPFFS), source.into()))
        }
    }
}

const BPFFS: &str = "/sys/fs/bpf";
const ROOT: &str = "/sys/fs/bpf/tunrss";
/// linux/magic.h
const BPF_FS_MAGIC: u64 = 0xcafe_4a11;
