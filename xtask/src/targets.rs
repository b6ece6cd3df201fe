//! The test files that need privilege, found in the workspace rather than listed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::tier::Tier;

/// A test file: a test target of a package.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct TestFile {
    pub(crate) package: String,
    pub(crate) name: String,
    path: PathBuf,
}

impl TestFile {
    /// The tier whose files have this name.
    fn tier(&self) -> Option<Tier> {
        match self.name.as_str() {
            "netns" => Some(Tier::Netns),
            "bpf" | "device" | "cli_device" => Some(Tier::Bpf),
            "vm" => Some(Tier::Vm),
            _ => None,
        }
    }

    /// Whether the file at `path` is this one or a module of it, in the folder of its name.
    fn has(&self, path: &Path) -> bool {
        let modules = match self.path.file_name() {
            Some(name) if name == "main.rs" => self.path.with_file_name(""),
            _ => self.path.with_extension(""),
        };
        path == self.path || path.starts_with(modules)
    }
}

/// The files of a tier, in the order of their packages and names.
///
/// # Errors
/// A test is marked as one of the tier's, in a file that is not: it would never run.
pub(crate) fn of_tier(tier: Tier) -> Result<Vec<TestFile>> {
    let mark = format!("ignore = \"cargo xtask test {tier}\"");
    let mut files = vec![];
    for package in workspace()?.packages {
        let own = package.targets.iter().filter(|target| target.is_test());
        let own: Vec<_> = own
            .map(|target| TestFile {
                package: package.name.clone(),
                name: target.name.clone(),
                path: target.src_path.clone(),
            })
            .filter(|file| file.tier() == Some(tier))
            .collect();
        for folder in ["src", "tests"] {
            for path in sources(&package.folder()?.join(folder))? {
                let text = fs::read_to_string(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                ensure!(
                    own.iter().any(|file| file.has(&path)) || !text.contains(&mark),
                    "{} has tests marked for the tier {tier}, but no such file is run by it",
                    path.display()
                );
            }
        }
        files.extend(own);
    }
    files.sort();
    Ok(files)
}

/// All Rust files under a folder, which need not exist.
fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![];
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop().filter(|folder| folder.is_dir()) {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// The folder that cargo builds in.
///
/// # Errors
/// cargo does not tell.
pub(crate) fn target_folder() -> Result<PathBuf> {
    Ok(workspace()?.target_directory)
}

fn workspace() -> Result<Metadata> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--no-deps", "--locked"])
        .output()
        .context("cannot start cargo metadata")?;
    ensure!(
        output.status.success(),
        "cargo metadata: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).context("cannot read what cargo metadata says")
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

impl Package {
    fn folder(&self) -> Result<&Path> {
        self.manifest_path.parent().context("a manifest is in a folder")
    }
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
    src_path: PathBuf,
}

impl Target {
    fn is_test(&self) -> bool {
        self.kind.iter().any(|kind| kind == "test")
    }
}
