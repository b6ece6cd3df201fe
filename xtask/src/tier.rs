//! The tiers: what each needs and runs.

use std::fmt;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;

use crate::child::{Child, Ended};
use crate::privilege::{is_root, missing_for_bpf};
use crate::summary::{Counts, Outcome, Summary};
use crate::targets::{self, TestFile};
use crate::{guests, tools};

/// A part of the tests. They run in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Tier {
    /// The formatting of the code
    Fmt,
    /// Lints of all targets
    Clippy,
    /// Documentation, of private items too
    Doc,
    /// All tests that need nothing: unit, property, conformance, golden and documentation tests
    Unit,
    /// tunrss-hash by itself: it builds, and depends on nothing
    NoStd,
    /// The tests of tunrss-hash under valgrind, with the routines that it knows the instructions of
    Valgrind,
    /// Tests that need a user and a network namespace
    Netns,
    /// Tests that need root: programs in the kernel, on devices
    Bpf,
    /// Tests that need root and QEMU: devices that a virtual machine holds
    Vm,
}

impl Tier {
    pub(crate) const ALL: [Self; 9] = [
        Self::Fmt,
        Self::Clippy,
        Self::Doc,
        Self::Unit,
        Self::NoStd,
        Self::Valgrind,
        Self::Netns,
        Self::Bpf,
        Self::Vm,
    ];

    /// Whether it is run by root only.
    pub(crate) fn needs_root(self) -> bool {
        matches!(self, Self::Bpf | Self::Vm)
    }

    fn run(self, counts: &mut Counts) -> Result<()> {
        match self {
            Self::Fmt => check(counts, Child::cargo(["fmt", "--all", "--check"])),
            Self::Clippy => check(
                counts,
                Child::cargo(["clippy", "--workspace", "--all-targets", "--locked"])
                    .args(["--", "--deny", "warnings"]),
            ),
            Self::Doc => check(
                counts,
                Child::cargo(["doc", "--workspace", "--no-deps", "--document-private-items"])
                    .args(["--locked"])
                    .env("RUSTDOCFLAGS", "-Dwarnings"),
            ),
            Self::Unit => {
                tests(counts, Child::cargo(["test", "--workspace", "--locked", "--no-fail-fast"]))?;
                ensure!(counts.executed() > 0, "no test ran");
                Ok(())
            }
            Self::NoStd => no_std(counts),
            Self::Valgrind => valgrind(counts),
            Self::Netns => netns(counts),
            Self::Bpf => bpf(counts),
            Self::Vm => vm(counts),
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.to_possible_value();
        f.pad(name.as_ref().map_or("", |value| value.get_name()))
    }
}

/// Run `tiers`, one after the other.
pub(crate) fn run(tiers: &[Tier], unprivileged: bool) -> Summary {
    let mut summary = Summary::default();
    for &tier in tiers {
        let start = Instant::now();
        let mut counts = Counts::default();
        let outcome = if tier.needs_root() && unprivileged {
            Outcome::LeftOut("--unprivileged")
        } else {
            println!("\n=== {tier} ===");
            match tier.run(&mut counts) {
                Ok(()) => Outcome::Ran,
                Err(error) => {
                    println!("\nerror: tier {tier}: {error:#}");
                    // What is not counted as a failed test is one failure more.
                    counts.failed = counts.failed.max(1);
                    Outcome::Failed(format!("{error:#}"))
                }
            }
        };
        summary.add(tier, outcome, counts, start.elapsed());
    }
    summary
}

/// A check that is no test: passes or fails as one.
fn check(counts: &mut Counts, child: Child) -> Result<()> {
    child.run()?.check()?;
    counts.passed += 1;
    Ok(())
}

/// Run tests and count them.
fn tests(counts: &mut Counts, child: Child) -> Result<Ended> {
    let ended = child.run()?;
    counts.add(Counts::parse(&ended.output)?);
    ended.check()?;
    Ok(ended)
}

fn no_std(counts: &mut Counts) -> Result<()> {
    let package = ["--package", "tunrss-hash", "--locked", "--no-default-features"];
    check(counts, Child::cargo(["build"]).args(package))?;
    let tree =
        Child::cargo(["tree", "--edges", "normal", "--prefix", "none"]).args(package).run()?;
    tree.check()?;
    let crates = tree.output.lines().filter(|line| !line.trim().is_empty()).count();
    ensure!(crates == 1, "tunrss-hash depends on {} crates, none is allowed", crates - 1);
    counts.passed += 1;
    Ok(())
}

fn valgrind(counts: &mut Counts) -> Result<()> {
    tools::ensure_installed(&tools::VALGRIND)?;
    let runner = r#"target."cfg(all())".runner=["valgrind", "--quiet", "--error-exitcode=1"]"#;
    let ended = tests(
        counts,
        Child::cargo(["test", "--locked", "--package", "tunrss-hash", "--config", runner])
            .args(["--lib", "--test", "props", "--test", "vectors", "--"])
            // It hides what it does not know of the CPU; and 50,000 packets take it too long.
            .args(["--skip", "routines_are_those_of_the_cpu", "--skip", "many_packets"]),
    )?;
    ensure!(Counts::parse(&ended.output)?.executed() > 0, "no test ran");
    Ok(())
}

fn netns(counts: &mut Counts) -> Result<()> {
    if is_root() {
        return privileged(counts, Tier::Netns, &[]);
    }
    let unshare = ["unshare", "-Urn", "--"];
    let can_unshare = Child::new(unshare[0]).args(&unshare[1..]).args(["true"]).run();
    let can_unshare = can_unshare.and_then(|ended| ended.check());
    can_unshare.context(
        "no user namespace for this user; allow it (sysctl kernel.unprivileged_userns_clone=1, \
         kernel.apparmor_restrict_unprivileged_userns=0) or run as root",
    )?;
    privileged(counts, Tier::Netns, &unshare)
}

fn bpf(counts: &mut Counts) -> Result<()> {
    ensure_privileged(Tier::Bpf)?;
    tools::ensure_installed(&tools::BPF)?;
    privileged(counts, Tier::Bpf, &[])
}

fn vm(counts: &mut Counts) -> Result<()> {
    ensure_privileged(Tier::Vm)?;
    tools::ensure_installed(&tools::VM)?;
    guests::ensure_unpacked()?;
    privileged(counts, Tier::Vm, &[])
}

fn ensure_privileged(tier: Tier) -> Result<()> {
    if let Some(missing) = missing_for_bpf() {
        bail!(
            "{missing}; run it as root (sudo env \"PATH=$PATH\" cargo xtask test {tier}), or leave \
             the tier out with --unprivileged"
        );
    }
    Ok(())
}

/// Run the test files of a tier, each by itself, under the command `wrapper`.
fn privileged(counts: &mut Counts, tier: Tier, wrapper: &[&str]) -> Result<()> {
    let files = targets::of_tier(tier)?;
    ensure!(!files.is_empty(), "the tier {tier} has no test files");
    let mut failures = vec![];
    for file in &files {
        if let Err(error) = test_file(counts, file, wrapper) {
            println!("\nerror: {error:#}");
            failures.push(format!("{error:#}"));
        }
    }
    ensure!(failures.is_empty(), "{}", failures.join("; "));
    Ok(())
}

fn test_file(counts: &mut Counts, file: &TestFile, wrapper: &[&str]) -> Result<()> {
    let TestFile { package, name, .. } = file;
    let test = ["test", "--locked", "--package", package, "--test", name];
    let test = match wrapper.split_first() {
        None => Child::cargo(test),
        Some((&program, args)) => {
            // Behind the wrapper there is no network to fetch crates from.
            Child::cargo(test).args(["--no-run"]).run()?.check()?;
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            Child::new(program).args(args).args([cargo]).args(test)
        }
    };
    let mut own = Counts::default();
    let result = tests(&mut own, test.args(["--", "--include-ignored"]).path(tools::path()));
    if result.is_err() {
        // A file that does not even build has no failed test.
        own.failed = own.failed.max(1);
    }
    counts.add(own);
    result?;
    ensure!(own.executed() > 0, "{package}: no test of {name}.rs ran");
    Ok(())
}
