//! Libraries, command and daemon where a system has them.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::child::Child;
use crate::targets;

/// Build the libraries for C programs, the command and the daemon, and put them with header, pkg-config
/// file, systemd unit and user, QEMU's description and manual pages under `prefix`; what the files themselves say of places is without `destdir`.
///
/// # Errors
/// Something cannot be built, read or written; says which file. None takes its place before all are
/// written.
pub(crate) fn install(prefix: &Path, destdir: Option<&Path>) -> Result<()> {
    ensure!(prefix.is_absolute(), "--prefix {} is not an absolute path", prefix.display());
    let root = match destdir {
        Some(destdir) => below(destdir, prefix),
        None => prefix.to_path_buf(),
    };
    let packages = ["libtunrss", "tunrss-preload", "tunrss-cli", "tunrss-vhost"];
    let packages = packages.iter().flat_map(|package| ["--package", package]);
    Child::cargo(["build", "--release", "--locked"]).args(packages).run()?.check()?;
    let staged: Vec<_> =
        files(prefix)?.into_iter().map(|file| Staged::new(file, &root)).collect::<Result<_>>()?;
    println!();
    for staged in staged {
        println!("{}", staged.put()?.display());
    }
    if destdir.is_none() {
        println!(
            "\nldconfig has programs find the library, if {}/lib is one of its folders;\n\
             systemd-sysusers makes the user that the daemon's guests are served as",
            prefix.display()
        );
    }
    Ok(())
}

/// A file to be installed.
struct File {
    /// Its path below the prefix.
    path: String,
    content: Content,
}

enum Content {
    Copy { from: PathBuf, mode: u32 },
    Text(String),
    Link { to: String },
}

fn files(prefix: &Path) -> Result<Vec<File>> {
    let built = targets::target_folder()?.join("release");
    let copy = |path: &str, from: PathBuf, mode| File {
        path: path.to_owned(),
        content: Content::Copy { from, mode },
    };
    let data = |path: &str, from: &str| copy(path, from.into(), DATA);
    let library = |name: &str| copy(&format!("lib/{name}"), built.join(name), DATA);
    let link = |name: &str, to: &str| File {
        path: format!("lib/{name}"),
        content: Content::Link { to: to.to_owned() },
    };
    let soname = soname(&read("crates/libtunrss/build.rs")?)?;
    let real = format!("{NAME}.{VERSION}");
    let text = |path: &str, template: &str| {
        let text = filled_in(&read(template)?, prefix)?;
        Ok::<_, anyhow::Error>(File { path: path.to_owned(), content: Content::Text(text) })
    };
    Ok(vec![
        copy("bin/tunrss", built.join("tunrss"), COMMAND),
        copy("bin/tunrss-vhost", built.join("tunrss-vhost"), COMMAND),
        data("include/tunrss.h", "crates/libtunrss/include/tunrss.h"),
        copy(&format!("lib/{real}"), built.join(NAME), DATA),
        link(&soname, &real),
        link(NAME, &soname),
        library("libtunrss.a"),
        library("libtunrss_preload.so"),
        text("lib/pkgconfig/tunrss.pc", "crates/libtunrss/tunrss.pc.in")?,
        text(
            "lib/systemd/system/tunrss-vhost@.service",
            "crates/tunrss-vhost/systemd/tunrss-vhost@.service.in",
        )?,
        data("lib/sysusers.d/tunrss-vhost.conf", "crates/tunrss-vhost/systemd/sysusers.conf"),
        text("share/qemu/vhost-user/50-tunrss.json", "crates/tunrss-vhost/qemu/50-tunrss.json.in")?,
        data("share/man/man3/libtunrss.3", "crates/libtunrss/man/libtunrss.3"),
        data("share/man/man7/libtunrss_preload.7", "crates/tunrss-preload/man/libtunrss_preload.7"),
        data("share/man/man8/tunrss-vhost.8", "crates/tunrss-vhost/man/tunrss-vhost.8"),
    ])
}

/// The name by which programs find the shared library, from what its build script tells the linker.
fn soname(build: &str) -> Result<String> {
    let name = build.split_once("-soname,").and_then(|(_, rest)| rest.split_once('"'));
    let (name, _) = name.context("crates/libtunrss/build.rs gives no -soname")?;
    Ok(name.to_owned())
}

/// A file that names the prefix, from its template.
fn filled_in(template: &str, prefix: &Path) -> Result<String> {
    let is_plain = |name: &&str| {
        !name.contains(|char: char| char.is_whitespace() || "$\"'\\#%".contains(char))
    };
    let name = prefix.to_str().filter(is_plain);
    let name = name.with_context(|| {
        format!("--prefix {}: a pkg-config file or a unit cannot name it", prefix.display())
    })?;
    Ok(template.replace("@PREFIX@", name).replace("@VERSION@", VERSION))
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {path}"))
}

/// An absolute path as it is below another root.
fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// A file that is written, beside its place: a program that runs from the one before keeps that.
struct Staged {
    written: PathBuf,
    place: PathBuf,
}

impl Staged {
    fn new(file: File, root: &Path) -> Result<Self> {
        let place = root.join(&file.path);
        let (Some(folder), Some(name)) = (place.parent(), place.file_name()) else {
            bail!("{} is no file", place.display());
        };
        let is_folder = fs::symlink_metadata(&place).is_ok_and(|there| there.is_dir());
        ensure!(!is_folder, "cannot write {}: it is a folder", place.display());
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let written = folder.join(format!(".{}.{}", name.display(), std::process::id()));
        // From here on what is written is removed if something fails.
        let staged = Self { written, place };
        let written = &staged.written;
        let cannot = || format!("cannot write {}", written.display());
        match file.content {
            Content::Copy { from, mode } => {
                fs::copy(&from, written).with_context(|| {
                    format!("cannot copy {} to {}", from.display(), written.display())
                })?;
                fs::set_permissions(written, Permissions::from_mode(mode)).with_context(cannot)?;
            }
            Content::Text(text) => {
                fs::write(written, text).with_context(cannot)?;
                fs::set_permissions(written, Permissions::from_mode(DATA)).with_context(cannot)?;
            }
            Content::Link { to } => symlink(to, written).with_context(cannot)?,
        }
        Ok(staged)
    }

    /// Have it take the place of what is there. Returns where that is.
    fn put(self) -> Result<PathBuf> {
        fs::rename(&self.written, &self.place)
            .with_context(|| format!("cannot write {}", self.place.display()))?;
        Ok(self.place.clone())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // There is none if it has been put in its place.
        let _ = fs::remove_file(&self.written);
    }
}

const NAME: &str = "libtunrss.so";
/// All crates have one version.
const VERSION: &str = env!("CARGO_PKG_VERSION");
const COMMAND: u32 = 0o755;
const DATA: u32 = 0o644;

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(path: &str) -> String {
        read(&crate::repository().join(path).to_string_lossy()).unwrap()
    }

    #[test]
    fn soname_is_that_of_the_build_script() {
        let name = soname(&repository("crates/libtunrss/build.rs")).unwrap();
        assert!(name.starts_with("libtunrss.so."), "{name}");
        assert!(soname("fn main() {}").is_err());
    }

    #[test]
    fn templates_are_filled_in() {
        let template = repository("crates/libtunrss/tunrss.pc.in");
        let text = filled_in(&template, Path::new("/opt/tunrss")).unwrap();
        assert!(text.starts_with("prefix=/opt/tunrss\n") && !text.contains('@'), "{text}");
        assert!(text.contains(&format!("Version: {VERSION}\n")), "{text}");
        assert!(filled_in(&template, Path::new("/opt/two words")).is_err());
        assert!(filled_in(&template, Path::new("/opt/50%")).is_err());
        for template in ["systemd/tunrss-vhost@.service.in", "qemu/50-tunrss.json.in"] {
            let template = repository(&format!("crates/tunrss-vhost/{template}"));
            let text = filled_in(&template, Path::new("/opt/tunrss")).unwrap();
            assert!(text.contains("/opt/tunrss/bin/tunrss-vhost"), "{text}");
            assert!(!text.contains("@PREFIX@"), "{text}");
        }
    }

    #[test]
    fn destination_has_the_prefix_below_it() {
        assert_eq!(
            below(Path::new("/tmp/d"), Path::new("/usr/local")),
            Path::new("/tmp/d/usr/local")
        );
        assert_eq!(below(Path::new("/tmp/d"), Path::new("/")), Path::new("/tmp/d"));
    }
}
