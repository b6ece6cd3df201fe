//! The C programs of `tests/c`, compiled when they are first needed, and run with a deadline.

pub(crate) mod cases;
pub(crate) mod environment;
pub(crate) mod hostile;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{LazyLock, Mutex};

/// The program of this name, compiled: for the tests of `libtunrss` with its functions, else with the C
/// library's, whose place something preloaded may take.
pub(crate) fn program(name: &str) -> PathBuf {
    // One at a time: they are the same files.
    static COMPILING: Mutex<()> = Mutex::new(());
    let _compiling = COMPILING.lock().unwrap();
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{PACKAGE}"));
    if built.exists() && newest_source() < built.metadata().unwrap().modified().unwrap() {
        return built;
    }
    let shared = sources().filter(|path| !is_program(path));
    let own = folder().join(format!("{name}.c"));
    let unfinished = built.with_extension(std::process::id().to_string());
    let mut cc = Command::new("cc");
    cc.args(["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-pthread", "-o"]);
    cc.arg(&unfinished).arg(own).args(shared);
    if PACKAGE == "libtunrss" {
        let include = folder().join("../../../libtunrss/include");
        cc.arg("-DWITH_LIBTUNRSS").arg("-I").arg(include).arg("-L").arg(library_folder());
        cc.arg("-l:libtunrss.a").args([
            "-lgcc_s",
            "-lutil",
            "-lrt",
            "-lpthread",
            "-lm",
            "-ldl",
            "-lc",
        ]);
    }
    let output = cc.output().expect("a C compiler is part of what Rust needs to link");
    assert!(output.status.success(), "{}", text(&output));
    std::fs::rename(&unfinished, &built).unwrap();
    built
}

/// Run one case of a program, under `wrapper` if it is not empty, and have it succeed.
pub(crate) fn passes(command: &mut Command) -> String {
    let output = run(command);
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, text(&output));
    text(&output)
}

/// Run a command, which is killed if it takes too long. It does so itself before that.
pub(crate) fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

/// A program with a deadline; its own is shorter.
pub(crate) fn within_deadline(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", "300"]).arg(program);
    command
}

/// What a command has written.
pub(crate) fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}

/// Where the libraries are, built from the sources as they are. Cargo builds none for a package's tests that
/// these could not be linked with.
pub(crate) fn library_folder() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        // Beside the folder `deps` that this test is in.
        let folder = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--locked", "-p", "libtunrss", "-p", "tunrss-preload"]);
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        cargo.arg("--target-dir").arg(folder.parent().unwrap());
        passes(cargo.current_dir(env!("CARGO_MANIFEST_DIR")));
        folder
    });
    &FOLDER
}

/// The cases that a program has.
pub(crate) fn cases_of(program: &Path) -> Vec<String> {
    let mut command = Command::new(program);
    passes(command.arg("--list")).lines().map(str::to_owned).collect()
}

fn folder() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tunrss-preload/tests/c")).to_owned()
}

fn sources() -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(folder()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension() == Some(OsStr::new("c")))
}

fn newest_source() -> std::time::SystemTime {
    let changed = |path: PathBuf| path.metadata().unwrap().modified().unwrap();
    let sources = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    // What it is linked with, and this file's own part in it.
    let others = [library_folder().join("libtunrss.a"), std::env::current_exe().unwrap()];
    sources.chain(others).map(changed).max().unwrap()
}

fn is_program(path: &Path) -> bool {
    let name = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    ["gen1", "gen2", "threads", "passthrough", "native", "hostile", "waits"].contains(&name)
}

/// Whose tests these are.
const PACKAGE: &str = env!("CARGO_PKG_NAME");
