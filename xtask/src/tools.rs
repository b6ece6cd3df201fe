//! The programs that tests call, and where they come from.

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

/// A program, and the Debian package that it is in.
pub(crate) struct Tool {
    name: &'static str,
    package: &'static str,
}

/// Make sure that `tools` are there. With CI=true, root and apt-get, install what is not.
///
/// # Errors
/// A tool is missing; says which, and the command that installs it.
pub(crate) fn ensure_installed(tools: &[Tool]) -> Result<()> {
    let packages: Vec<_> = tools.iter().map(|tool| tool.package).collect();
    if !missing(tools).is_empty() && installs_by_itself() {
        update_lists()?;
        apt_get(&[&["install", "-y", "--no-install-recommends"], &packages[..]].concat())?;
    }
    let missing = missing(tools);
    ensure!(
        missing.is_empty(),
        "not installed: {}; as root: apt-get install -y --no-install-recommends {}",
        missing.join(", "),
        packages.join(" ")
    );
    Ok(())
}

/// Have apt-get learn what packages there are.
pub(crate) fn update_lists() -> Result<()> {
    apt_get(&["update"])
}

fn apt_get(args: &[&str]) -> Result<()> {
    Child::new("apt-get").args(args).env("DEBIAN_FRONTEND", "noninteractive").run()?.check()
}

fn missing(tools: &[Tool]) -> Vec<&'static str> {
    tools.iter().map(|tool| tool.name).filter(|name| !is_installed(name)).collect()
}

fn is_installed(tool: &str) -> bool {
    env::split_paths(&path()).any(|folder: PathBuf| Path::is_file(&folder.join(tool)))
}

/// Whether what is missing is installed without asking.
pub(crate) fn installs_by_itself() -> bool {
    env::var_os("CI").is_some_and(|value| value == "true") && is_root() && is_installed("apt-get")
}

/// That of the tier valgrind.
pub(crate) const VALGRIND: [Tool; 1] = [Tool { name: "valgrind", package: "valgrind" }];

/// Those of the tier bpf.
pub(crate) const BPF: [Tool; 6] = [
    Tool { name: "bpftool", package: "bpftool" },
    Tool { name: "ip", package: "iproute2" },
    Tool { name: "cc", package: "gcc" },
    Tool { name: "pkg-config", package: "pkg-config" },
    Tool { name: "strace", package: "strace" },
    Tool { name: "valgrind", package: "valgrind" },
];

/// Those of the tier vm. The guest has the last two.
pub(crate) const VM: [Tool; 4] = [
    Tool { name: "qemu-system-x86_64", package: "qemu-system-x86" },
    Tool { name: "cc", package: "gcc" },
    Tool { name: "busybox", package: "busybox-static" },
    Tool { name: "ethtool", package: "ethtool" },
];
