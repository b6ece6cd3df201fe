//! A guest, whatever it runs in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Mutex, PoisonError};

use crate::console::{Console, Silent};
use crate::initramfs::{Contents, archive};
use crate::temp_file::TempFile;

/// A guest that has started: its network card `eth0` is up and has addresses. It ends with this, and
/// with the thread that started it if that is killed.
pub(crate) struct Guest {
    child: Child,
    pub(crate) console: Console,
    _initramfs: TempFile,
}

impl Guest {
    /// Boot one from an archive with `drivers` of the kernel whose modules are in the folder `modules`.
    /// It runs `commands` before it takes others. `command` makes of the archive's path what the guest
    /// runs in.
    ///
    /// # Errors
    /// It does not get that far.
    pub(crate) fn boot(
        modules: &Path,
        drivers: &[&str],
        commands: &str,
        command: impl FnOnce(&str) -> Command,
    ) -> Result<Self, Silent> {
        let program = compiled("guest.c", &["-static"]);
        let programs = [("guest", program.as_path())];
        let contents = Contents { modules, drivers, programs: &programs, commands };
        let initramfs = TempFile::new(&archive(&contents));
        let (child, console) = Console::of(&mut command(initramfs.path()));
        let mut guest = Self { child, console, _initramfs: initramfs };
        let said = guest.console.listen_while_booting()?;
        assert!(guest.has_card(), "the guest has no network card: {said:#?}");
        Ok(guest)
    }

    /// What a command prints. It has to succeed.
    pub(crate) fn run(&mut self, command: &str) -> Vec<String> {
        self.console.run(command)
    }

    fn has_card(&mut self) -> bool {
        self.run("busybox ls -1 /sys/class/net").iter().any(|name| name == "eth0")
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a C file of these tests is compiled to with `options`, which are the same each time.
pub(crate) fn compiled(source: &str, options: &[&str]) -> PathBuf {
    // One at a time, and each once.
    static COMPILED: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let compile = || {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vm");
        let output = Path::new(env!("CARGO_TARGET_TMPDIR")).join(source).with_extension("");
        // Another process may be at it.
        let own = output.with_extension(std::process::id().to_string());
        let status = Command::new("cc")
            .args(["-O2", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers"])
            .args(options)
            .arg("-o")
            .args([&own, &folder.join(source)])
            .status()
            .unwrap();
        assert!(status.success(), "cc: {status}");
        std::fs::rename(own, &output).unwrap();
        output
    };
    compiled.entry(source.to_owned()).or_insert_with(compile).clone()
}

/// A folder of the target folder that `cargo xtask test vm` fills.
pub(crate) fn unpacked(folder: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name(folder);
    assert!(path.is_dir(), "no folder {}: run `cargo xtask test vm`", path.display());
    path
}

/// The entry of a folder whose name starts with `prefix`.
pub(crate) fn entry(folder: &Path, prefix: &str) -> PathBuf {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_it = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))
    };
    entries.map(|entry| entry.path()).find(is_it).unwrap_or_else(|| {
        panic!("no {prefix}* in {}: run `cargo xtask test vm`", folder.display())
    })
}

/// The addresses of the neighbour that [`crate::traffic`] knows; IPv6 ones that nobody asks whether
/// they are free.
pub(crate) const UP: &str = "up() { echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad \
                  && busybox ip link set eth0 up \
                  && busybox ip addr add 10.0.0.2/24 dev eth0 \
                  && busybox ip addr add fd00::2/64 dev eth0; }\n\
                  busybox ip link set lo up\n\
                  up";
