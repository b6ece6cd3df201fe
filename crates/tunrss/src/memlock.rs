//! The limit on locked memory, which programs and maps count against before Linux 5.11.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::Result;
use crate::unwaited::try_lock;

/// Load something. If that is refused because of the limit, load it once more with the limit as high as
/// this process may have it, and put the limit back. On kernels that do not count so, the limit is left
/// alone.
///
/// # Errors
/// Those of `load`.
pub(crate) fn load<T>(load: impl Fn() -> Result<T>) -> Result<T> {
    let refused = match load() {
        Err(error) if error.errno() == Some(Errno::PERM.raw_os_error()) && is_counted() => error,
        result => return result,
    };
    // One thread at a time, or a second one would take the raised limit for what was there before.
    static RAISING: Mutex<()> = Mutex::new(());
    let deadline = Instant::now() + PATIENCE;
    let _alone = loop {
        match try_lock(&RAISING) {
            Some(guard) => break guard,
            None if Instant::now() > deadline => return Err(refused),
            None => std::thread::sleep(PAUSE),
        }
    };
    let before = getrlimit(Resource::Memlock);
    let highest = Rlimit { current: before.maximum, maximum: before.maximum };
    let unlimited = Rlimit { current: None, maximum: None };
    // What cannot be raised leaves the refusal as it is.
    let is_raised = setrlimit(Resource::Memlock, unlimited)
        .or_else(|_| setrlimit(Resource::Memlock, highest))
        .is_ok();
    if !is_raised {
        return Err(refused);
    }
    let result = load();
    if let Err(error) = setrlimit(Resource::Memlock, before) {
        log::warn!("cannot put the limit on locked memory back: {error}");
    }
    result
}

/// Whether this kernel counts programs and maps against the limit (`bpf_map_charge_init`, up to v5.10).
fn is_counted() -> bool {
    rustix::system::uname().release().to_str().is_ok_and(counts)
}

/// The same of a kernel of this release.
fn counts(release: &str) -> bool {
    let mut parts = release.split(|byte: char| !byte.is_ascii_digit());
    let mut number = || parts.next()?.parse::<u32>().ok();
    number().zip(number()).is_some_and(|version| version < (5, 11))
}

/// A load takes some milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_that_count() {
        for (release, expected) in [
            ("5.10.0-46-amd64", true),
            ("4.19", true),
            ("5.11.0", false),
            ("6.1.0-57-amd64", false),
            ("10.2", false),
            ("", false),
            ("next", false),
        ] {
            assert_eq!(counts(release), expected, "{release}");
        }
    }
}
