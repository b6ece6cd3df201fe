//! The kernel of the guests that the tier vm boots: Debian's, unpacked and not installed.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::child::Child;
use crate::{targets, tools};

/// Make sure that a kernel and its modules are in the folder `guest` of the target folder, where the
/// tests look for it. Download it if there is none.
///
/// # Errors
/// It cannot be downloaded or unpacked.
pub(crate) fn ensure_unpacked() -> Result<()> {
    let target = targets::target_folder()?;
    let folder = target.join("guest");
    if folder.join("boot").is_dir() {
        return Ok(());
    }
    if tools::installs_by_itself() {
        tools::update_lists()?;
    }
    // Complete where the tests look for it, or not there.
    let unfinished = target.join("guest.unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    fs::create_dir_all(&unfinished)?;
    unpack(&unfinished).with_context(|| {
        format!(
            "no kernel for guests: unpack a Debian package linux-image-*-cloud-amd64 in {} \
             (apt-get update; apt-get download; dpkg-deb -x)",
            folder.display()
        )
    })?;
    fs::rename(&unfinished, &folder)
        .with_context(|| format!("cannot move the kernel to {}", folder.display()))
}

/// Download the kernel package and unpack it in `folder`.
fn unpack(folder: &Path) -> Result<()> {
    let depends = Child::new("apt-cache").args(["depends", "--important", NEWEST]).run()?;
    depends.check()?;
    let package = dependency(&depends.output)
        .with_context(|| format!("apt-cache names no kernel that {NEWEST} depends on"))?;
    Child::new("apt-get").args(["download", package]).inside(folder).run()?.check()?;
    let mut archives = vec![];
    for entry in fs::read_dir(folder)? {
        archives.push(entry?.path());
    }
    ensure!(archives.len() == 1, "apt-get left {} files, not one package", archives.len());
    for archive in archives {
        Child::new("dpkg-deb")
            .args(["-x".as_ref(), archive.as_os_str(), ".".as_ref()])
            .inside(folder)
            .run()?
            .check()?;
        fs::remove_file(archive)?;
    }
    Ok(())
}

/// The kernel that `apt-cache depends` says the package depends on.
fn dependency(depends: &str) -> Option<&str> {
    let dependencies = depends.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    dependencies.map(str::trim).find(|package| package.starts_with("linux-image-"))
}

/// A package without content that depends on the newest of the small kernels.
const NEWEST: &str = "linux-image-cloud-amd64";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_is_the_dependency() {
        let depends = "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-56-cloud-amd64\n";
        assert_eq!(dependency(depends), Some("linux-image-6.1.0-56-cloud-amd64"));
        assert_eq!(dependency("linux-image-cloud-amd64\n"), None);
    }
}
