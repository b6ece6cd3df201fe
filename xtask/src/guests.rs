//! What the guests of the tier vm run in and run: Debian's packages, unpacked and not installed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::child::Child;
use crate::{targets, tools};

/// Make sure that all of it is in folders of the target folder, where the tests look for it. Download
/// what is not.
///
/// # Errors
/// Something cannot be downloaded or unpacked.
pub(crate) fn ensure_unpacked() -> Result<()> {
    let target = targets::target_folder()?;
    let missing: Vec<_> = PARTS.iter().filter(|part| !target.join(part.folder).is_dir()).collect();
    if !missing.is_empty() && tools::installs_by_itself() {
        tools::update_lists()?;
    }
    for part in missing {
        part.unpack(&target)?;
    }
    Ok(())
}

/// Packages in a folder.
struct Part {
    /// Its name in the target folder.
    folder: &'static str,
    /// What is in it.
    what: &'static str,
    /// How to get it by hand, into the folder.
    by_hand: &'static str,
    /// Puts the packages into a folder, and nothing else.
    download: fn(&Path) -> Result<()>,
}

/// The folders.
const PARTS: [Part; 4] = [
    Part {
        folder: "guest",
        what: "kernel for guests of QEMU",
        by_hand: "a package linux-image-*-cloud-amd64 (apt-get update; apt-get download; dpkg-deb -x)",
        download: download_kernel,
    },
    Part {
        folder: "guest-uml",
        what: "user-mode Linux",
        by_hand: "the package user-mode-linux (apt-get update; apt-get download; dpkg-deb -x)",
        download: |folder| {
            Child::new("apt-get")
                .args(["download", "user-mode-linux"])
                .inside(folder)
                .run()?
                .check()
        },
    },
    Part {
        folder: "guest-uml-6.12",
        what: "user-mode Linux 6.12",
        by_hand: "the packages user-mode-linux and libc6 of trixie (dpkg-deb -x)",
        download: |folder| {
            let apt = Apt::of(folder, "trixie")?;
            apt.get()
                .args(["download", "user-mode-linux", "libc6"])
                .inside(folder)
                .run()?
                .check()?;
            apt.remove()
        },
    },
    Part {
        folder: "guest-qemu",
        what: "QEMU 10",
        by_hand: "qemu-system-x86, -common, -data and seabios of bookworm-backports (dpkg-deb -x)",
        download: download_qemu,
    },
];

impl Part {
    fn unpack(&self, target: &Path) -> Result<()> {
        let Self { folder, what, by_hand, download } = self;
        let folder = target.join(folder);
        // Complete where the tests look for it, or not there.
        let unfinished = target.join(format!("{}.unfinished", self.folder));
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)?;
        }
        fs::create_dir_all(&unfinished)?;
        download(&unfinished).and_then(|()| unpack_packages(&unfinished)).with_context(|| {
            format!("no {what}: unpack in {} by hand {by_hand}", folder.display())
        })?;
        fs::rename(&unfinished, &folder)
            .with_context(|| format!("cannot move {what} to {}", folder.display()))
    }
}

/// Put what the packages in `folder` contain in their place.
fn unpack_packages(folder: &Path) -> Result<()> {
    let packages = packages(folder)?;
    ensure!(!packages.is_empty(), "apt-get left no package");
    for package in packages {
        Child::new("dpkg-deb")
            .args(["-x".as_ref(), package.as_os_str(), ".".as_ref()])
            .inside(folder)
            .run()?
            .check()?;
        fs::remove_file(package)?;
    }
    Ok(())
}

fn packages(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut packages = vec![];
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            packages.push(path);
        }
    }
    Ok(packages)
}

/// The newest of the small kernels.
fn download_kernel(folder: &Path) -> Result<()> {
    let depends = Child::new("apt-cache").args(["depends", "--important", NEWEST]).run()?;
    depends.check()?;
    let package = dependency(&depends.output)
        .with_context(|| format!("apt-cache names no kernel that {NEWEST} depends on"))?;
    Child::new("apt-get").args(["download", package]).inside(folder).run()?.check()
}

/// The kernel that `apt-cache depends` says the package depends on.
fn dependency(depends: &str) -> Option<&str> {
    let dependencies = depends.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    dependencies.map(str::trim).find(|package| package.starts_with("linux-image-"))
}

/// A package without content that depends on the newest of the small kernels.
const NEWEST: &str = "linux-image-cloud-amd64";

/// QEMU 10, which passes the hash on to guests of vhost-user devices, as 7.2 does not yet and 11 does
/// no longer; and of what it depends on what this machine has not installed.
fn download_qemu(folder: &Path) -> Result<()> {
    let apt = Apt::of(folder, "bookworm bookworm-backports")?;
    apt.get()
        .args(["install", "-y", "--download-only", "--reinstall", "--no-install-recommends"])
        .args(["--target-release", "bookworm-backports", "qemu-system-x86"])
        .run()?
        .check()?;
    for package in packages(&apt.archives)? {
        let name = package.file_name().context("a package has a name")?;
        fs::rename(&package, folder.join(name))?;
    }
    apt.remove()
}

/// apt-get with lists, sources and a cache of its own: what the machine installs from stays as it is.
struct Apt {
    folder: PathBuf,
    /// Where packages are downloaded to.
    archives: PathBuf,
    options: Vec<String>,
}

impl Apt {
    /// One for the packages of Debian's `suites`, in a folder inside of `folder`.
    fn of(folder: &Path, suites: &str) -> Result<Self> {
        let folder = folder.join("apt");
        let (lists, archives) = (folder.join("lists"), folder.join("archives"));
        for folder in [&lists, &archives] {
            fs::create_dir_all(folder.join("partial"))?;
        }
        let sources = folder.join("debian.sources");
        let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
        fs::write(
            &sources,
            format!(
                "Types: deb\nURIs: {}\nSuites: {suites}\nComponents: main\n\
                 Signed-By: {keyring}\n",
                mirror()?
            ),
        )?;
        let options = vec![
            format!("Dir::Etc::sourcelist={}", sources.display()),
            "Dir::Etc::sourceparts=/dev/null".into(),
            format!("Dir::State::lists={}", lists.display()),
            format!("Dir::Cache={}", folder.display()),
            format!("Dir::Cache::archives={}", archives.display()),
            // The folders are ours, and nothing else is written to.
            "APT::Sandbox::User=root".into(),
            "Debug::NoLocking=true".into(),
        ];
        let apt = Self { folder, archives, options };
        apt.get().args(["update"]).run()?.check()?;
        Ok(apt)
    }

    fn get(&self) -> Child {
        let options = self.options.iter().flat_map(|option| ["-o", option]);
        Child::new("apt-get").args(options).env("DEBIAN_FRONTEND", "noninteractive")
    }

    fn remove(self) -> Result<()> {
        fs::remove_dir_all(self.folder).context("cannot remove apt-get's folder")
    }
}

/// Where this machine has Debian's packages from.
fn mirror() -> Result<String> {
    let targets = Child::new("apt-get")
        .args(["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"])
        .run()?;
    targets.check()?;
    let found = archive(&targets.output);
    Ok(found.context("no archive of Debian's is among apt-get's sources")?.to_owned())
}

/// The first archive of Debian's own suites among the addresses of archives.
fn archive(addresses: &str) -> Option<&str> {
    let mut addresses = addresses.lines().map(str::trim);
    addresses.find(|address| address.trim_end_matches('/').ends_with("/debian"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archive_is_not_that_of_security_or_of_others() {
        let addresses = "http://mirror.example/debian-security/\nhttps://else.example/node/\n\
                         http://mirror.example/debian/\nhttp://other.example/debian/\n";
        assert_eq!(archive(addresses), Some("http://mirror.example/debian/"));
        assert_eq!(archive("http://mirror.example/debian-security/\n"), None);
    }

    #[test]
    fn kernel_is_the_dependency() {
        let depends = "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-56-cloud-amd64\n";
        assert_eq!(dependency(depends), Some("linux-image-6.1.0-56-cloud-amd64"));
        assert_eq!(dependency("linux-image-cloud-amd64\n"), None);
    }
}
