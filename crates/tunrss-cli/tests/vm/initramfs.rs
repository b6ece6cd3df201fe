//! What the guest starts from: a cpio archive in the form "newc" (the kernel's
//! Documentation/driver-api/early-userspace/buffer-format.rst), made of this machine's busybox and
//! ethtool, and of the drivers of a virtio network card.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is in an archive but busybox and ethtool.
pub(crate) struct Contents<'a> {
    /// The folder of the kernel's modules.
    pub(crate) modules: &'a Path,
    /// Those that are loaded, each behind those that it needs.
    pub(crate) drivers: &'a [&'a str],
    /// Static programs, by their names in the guest.
    pub(crate) programs: &'a [(&'a str, &'a Path)],
    /// What is run before the console's commands are.
    pub(crate) commands: &'a str,
}

/// The archive.
pub(crate) fn archive(contents: &Contents<'_>) -> Vec<u8> {
    let mut archive = Archive::default();
    archive.file("init", &init(contents));
    for tool in ["busybox", "ethtool"].map(find) {
        let name = tool.file_name().unwrap().to_str().unwrap();
        archive.file(&format!("bin/{name}"), &read(&tool));
        for library in libraries(&tool) {
            archive.file(library.trim_start_matches('/'), &read(library.as_ref()));
        }
    }
    for (name, program) in contents.programs {
        archive.file(&format!("bin/{name}"), &read(program));
    }
    for driver in contents.drivers {
        archive.file(&format!("modules/{driver}"), &read(&contents.modules.join(driver)));
    }
    archive.finish()
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Loads the drivers, then runs what the console says, a command a line: what it prints, its status,
/// and [`END`].
fn init(contents: &Contents<'_>) -> Vec<u8> {
    let mut script = "#!/bin/busybox sh\n\
                      export PATH=/bin\n\
                      busybox mkdir -p /proc /sys\n\
                      busybox mount -t proc none /proc\n\
                      busybox mount -t sysfs none /sys\n\
                      busybox stty -echo -onlcr\n"
        .to_owned();
    for driver in contents.drivers {
        script += &format!("busybox insmod /modules/{driver}\n");
    }
    script += &format!(
        "{}\n\
         echo {END}\n\
         while read -r command; do eval \"$command\" 2>&1; echo $?; echo {END}; done\n",
        contents.commands
    );
    script.into_bytes()
}

/// Where a program of this machine is.
fn find(program: &str) -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut paths = std::env::split_paths(&folders).map(|folder| folder.join(program));
    paths.find(|path| path.is_file()).unwrap_or_else(|| panic!("{program} is not installed"))
}

/// The libraries of a program, and its loader; none if it is static.
fn libraries(program: &Path) -> Vec<String> {
    let output = Command::new("ldd").arg(program).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let words = lines.split_whitespace().filter(|word| word.starts_with('/'));
    words.map(ToOwned::to_owned).collect()
}

/// An archive in the making.
#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    entries: BTreeSet<String>,
}

impl Archive {
    /// A file that can be executed, and the folders that it is in.
    fn file(&mut self, path: &str, content: &[u8]) {
        let folders: Vec<_> = path.match_indices('/').map(|(end, _)| &path[..end]).collect();
        for folder in folders {
            self.entry(folder, 0o040_755, &[]);
        }
        self.entry(path, 0o100_755, content);
    }

    fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[]);
        self.bytes
    }

    /// An entry that is not there yet.
    fn entry(&mut self, path: &str, mode: usize, content: &[u8]) {
        if !self.entries.insert(path.to_owned()) {
            return;
        }
        // Inode, mode, owner, group, links, time, length, four device numbers, length of the name
        // with the zero at its end, checksum.
        let (len, name_len) = (content.len(), path.len() + 1);
        let fields = [self.entries.len(), mode, 0, 0, 1, 0, len, 0, 0, 0, 0, name_len, 0];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08x}").bytes());
        }
        self.bytes.extend(path.bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

/// What ends the answer to a command.
pub(crate) const END: &str = "--- end";
