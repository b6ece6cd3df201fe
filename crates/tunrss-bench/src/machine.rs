//! Where a run is made, and of what.

use std::fs;
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};

use crate::record::Machine;

impl Machine {
    /// This machine.
    pub(crate) fn this() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            let mut lines = cpuinfo.lines().filter_map(|line| line.split_once(':'));
            lines.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim())
        };
        let governor =
            fs::read_to_string("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").ok();
        Self {
            cpu: field("model name").unwrap_or(std::env::consts::ARCH).to_owned(),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
            governor: governor.map(|governor| governor.trim().to_owned()),
            virtual_machine: field("flags")
                .is_some_and(|flags| flags.split(' ').any(|flag| flag == "hypervisor")),
        }
    }

    /// A name for a folder: "intel-xeon-gold-6248-2-cpus".
    pub(crate) fn slug(&self) -> String {
        let cpu = self.cpu.replace("(R)", "").replace("(TM)", "").replace("CPU", "");
        slug(&format!("{cpu} {} cpus", self.cpus))
    }
}

/// `text` in lower case, with dashes for what is neither letter nor digit.
pub(crate) fn slug(text: &str) -> String {
    let words = text.split(|character: char| !character.is_ascii_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join("-").to_ascii_lowercase()
}

/// The commit of the work tree, with "-dirty" if files other than records differ from it.
pub(crate) fn commit() -> Result<String> {
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changes = git(&[
        "status",
        "--porcelain",
        "--untracked-files=no",
        "--",
        ":/",
        ":(top,exclude)bench-record",
    ])?;
    Ok(if changes.is_empty() { commit } else { format!("{commit}-dirty") })
}

fn git(args: &[&str]) -> Result<String> {
    let output = Command::new("git").args(args).output().context("cannot start git")?;
    let line = args.join(" ");
    ensure!(output.status.success(), "git {line}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Year, month, day of this second since 1970, in UTC.
///
/// "Chrono-compatible low-level date algorithms" (Howard Hinnant): years begin in March, so that the
/// leap day is the last of them.
pub(crate) fn date(time: u64) -> (u64, u64, u64) {
    let days = time / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (number, wraps) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + wraps, number, day - (153 * month + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // `date -u -d @N +%F`
        let dates = [
            (0, (1970, 1, 1)),
            (951_782_399, (2000, 2, 28)),
            (951_782_400, (2000, 2, 29)),
            (1_709_251_200, (2024, 3, 1)),
            (1_798_761_599, (2026, 12, 31)),
            (4_107_542_400, (2100, 3, 1)),
        ];
        for (time, expected) in dates {
            assert_eq!(date(time), expected, "{time}");
        }
    }

    #[test]
    fn machine_has_a_name() {
        let machine = Machine {
            cpu: "Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz".to_owned(),
            cpus: 2,
            ..Machine::this()
        };
        assert_eq!(machine.slug(), "intel-xeon-gold-6248-2-50ghz-2-cpus");
        assert!(!machine.kernel.is_empty());
    }
}
