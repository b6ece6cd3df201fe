//! The programs that the tier bpf calls, and where they come from.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::child::Child;
use crate::privilege::is_root;

/// PATH with the folders of system tools, which Debian gives to root only.
pub(crate) fn path() -> OsString {
    let folders = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = env::split_paths(&folders).collect();
    for folder in ["/usr/sbin", "/sbin"].map(PathBuf::from) {
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    // Folders that were split by ':' have none in their names.
    env::join_paths(folders).unwrap_or_default()
}

/// Make sure that the tools are there. With CI=true, root and apt-get, install what is not.
///
/// # Errors
/// A tool is missing; says which, and the command that installs it.
pub(crate) fn ensure_installed() -> Result<()> {
    if !missing().is_empty() && installs_by_itself() {
        let apt_get = |args: &[&str]| {
            Child::new("apt-get").args(args).env("DEBIAN_FRONTEND", "noninteractive").run()?.check()
        };
        apt_get(&["update"])?;
        apt_get(&[&["install", "-y"], &TOOLS.map(|(_, package)| package)[..]].concat())?;
    }
    let missing = missing();
    ensure!(
        missing.is_empty(),
        "not installed: {}; as root: apt-get install -y {}",
        missing.join(", "),
        TOOLS.map(|(_, package)| package).join(" ")
    );
    Ok(())
}

fn missing() -> Vec<&'static str> {
    TOOLS.into_iter().map(|(tool, _)| tool).filter(|tool| !is_installed(tool)).collect()
}

fn is_installed(tool: &str) -> bool {
    env::split_paths(&path()).any(|folder: PathBuf| Path::is_file(&folder.join(tool)))
}

fn installs_by_itself() -> bool {
    env::var_os("CI").is_some_and(|value| value == "true") && is_root() && is_installed("apt-get")
}

/// Tools and the Debian packages they are in.
const TOOLS: [(&str, &str); 2] = [("bpftool", "bpftool"), ("ip", "iproute2")];
