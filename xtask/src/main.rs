//! `cargo xtask`: what is run on the repository.
#![forbid(unsafe_code)]

mod child;
mod guests;
mod install;
mod privilege;
mod summary;
mod targets;
mod tier;
mod tools;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use crate::child::Child;
use crate::tier::Tier;

/// What is run on the repository: tests in tiers, and the files they compare with.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the test tiers, all of them unless some are named
    ///
    /// Tiers run in the order below whatever the order of their names. One that fails does not stop
    /// those after it. A table of what ran ends the output; its last line is "N passed, N failed".
    /// A check that is no test counts as one.
    #[command(after_long_help = TEST_HELP)]
    Test {
        /// Leave out the tiers bpf and vm, which need root, instead of failing
        #[arg(long)]
        unprivileged: bool,
        /// The tiers to run
        #[arg(value_name = "TIER")]
        tiers: Vec<Tier>,
    },
    /// Write the golden listings and the C header anew, to be reviewed as a diff
    ///
    /// The listings are those under crates/tunrss-bpf/tests/golden. Their instruction budgets
    /// stand in crates/tunrss-bpf/tests/golden.rs and are changed there. The header is
    /// crates/libtunrss/include/tunrss.h.
    Bless,
    /// Build the libraries for C programs and the command, and put them where a system has them
    ///
    /// Under the prefix: bin/tunrss, include/tunrss.h, lib/libtunrss.so and .a,
    /// lib/libtunrss_preload.so, lib/pkgconfig/tunrss.pc, and the manual pages libtunrss(3) and
    /// libtunrss_preload(7). Prints each file. What programs run from is replaced, not overwritten.
    #[command(after_long_help = INSTALL_HELP)]
    Install {
        /// The folder of bin, include, lib and share
        #[arg(long, value_name = "DIR", default_value = "/usr/local")]
        prefix: PathBuf,
        /// A folder in the place of /, as packages are made from
        #[arg(long, value_name = "DIR")]
        destdir: Option<PathBuf>,
    },
    /// Measure tunrss beside its peers, all in one run; --help says more
    #[command(disable_help_flag = true)]
    Bench {
        /// What the benchmarks are told
        #[arg(value_name = "ARGS", trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
}

const TEST_HELP: &str = "\
Privilege and tools:
  valgrind
         none, but valgrind has to be installed
  netns  test files named netns.rs; as an ordinary user under `unshare -Urn`
  bpf    test files named bpf.rs, device.rs or cli_device.rs; root in the initial user namespace,
         since BPF_PROG_LOAD is refused to root of any other; bpftool, ip, cc, pkg-config, strace and
         valgrind have to be installed
  vm     test files named vm.rs; root as for bpf; QEMU, busybox, ethtool and cc have to be installed;
         a kernel for guests, user-mode Linux and QEMU 10 are downloaded by apt-get and unpacked in the
         target folder
With CI=true in the environment what has to be installed is installed.

Exit status: 0 if everything passed, 1 if not, 2 for wrong arguments.

Examples:
  cargo xtask test                        everything
  cargo xtask test --unprivileged         everything that needs no root
  cargo xtask test fmt clippy unit        what to run before a commit";

const INSTALL_HELP: &str = "\
Examples:
  cargo xtask install                                 in /usr/local, as root; then ldconfig
  cargo xtask install --prefix ~/.local               for one user
  cargo xtask install --prefix /usr --destdir tree    for a package, in tree/usr";

fn main() -> ExitCode {
    let result = match Args::parse().command {
        Command::Test { unprivileged, tiers } => test(unprivileged, tiers),
        Command::Bless => bless(),
        Command::Install { prefix, destdir } => install(&prefix, destdir.as_deref()),
        Command::Bench { args } => bench(&args),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn test(unprivileged: bool, tiers: Vec<Tier>) -> Result<ExitCode> {
    std::env::set_current_dir(repository())?;
    let is_asked_for = |tier: &Tier| tiers.is_empty() || tiers.contains(tier);
    let privileged = tiers.iter().find(|tier| tier.needs_root());
    if let (true, Some(tier)) = (unprivileged, privileged) {
        let message =
            format!("the tier {tier} is asked for by name and left out by --unprivileged");
        Args::command().error(ErrorKind::ArgumentConflict, message).exit();
    }
    let tiers: Vec<_> = Tier::ALL.into_iter().filter(is_asked_for).collect();
    let summary = tier::run(&tiers, unprivileged);
    print!("{summary}");
    Ok(if summary.has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn bless() -> Result<ExitCode> {
    std::env::set_current_dir(repository())?;
    for (package, test, files) in BLESSED {
        let blessing = Child::cargo(["test", "--locked", "--package", package, "--test", test])
            .env("TUNRSS_BLESS", "1")
            .run()?;
        blessing.check()?;
        println!("{files} are those of the code: git diff {files}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Tests that write the files they compare with if they are told to: package, test, files.
const BLESSED: [(&str, &str, &str); 2] = [
    ("tunrss-bpf", "golden", "crates/tunrss-bpf/tests/golden"),
    ("libtunrss", "header", "crates/libtunrss/include"),
];

fn install(prefix: &Path, destdir: Option<&Path>) -> Result<ExitCode> {
    // As it was typed, before it is looked for from another folder.
    let destdir = destdir.map(std::path::absolute).transpose()?;
    std::env::set_current_dir(repository())?;
    install::install(prefix, destdir.as_deref())?;
    Ok(ExitCode::SUCCESS)
}

/// Build and run the benchmarks, which have arguments and a help of their own, and look for the shim
/// and the daemon beside themselves.
fn bench(args: &[OsString]) -> Result<ExitCode> {
    let cargo = |command: &str, package: &str| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        // Not a child that is watched: it takes as long as it takes, and writes to a terminal.
        let mut cargo = std::process::Command::new(cargo);
        cargo.args([command, "--quiet", "--release", "--locked", "--package", package]);
        cargo.current_dir(repository());
        cargo
    };
    let mut build = cargo("build", "tunrss-preload");
    build.args(["--package", "tunrss-vhost"]);
    let mut status = build.status().context("cannot start cargo build")?;
    if status.success() {
        let mut run = cargo("run", "tunrss-bench");
        status = run.arg("--").args(args).status().context("cannot start cargo run")?;
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

fn repository() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}
