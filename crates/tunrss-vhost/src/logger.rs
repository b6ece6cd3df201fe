//! The log: lines on standard error, which a service manager keeps.

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::error::{plain, to_stderr};

/// Print what is logged from now on: information and worse; with `verbosity` 1 also what helps to find
/// mistakes; with 2 everything, also of the crates that this one uses.
pub(crate) fn start(verbosity: u8) {
    let (ours, others) = match verbosity {
        0 => (LevelFilter::Info, LevelFilter::Off),
        1 => (LevelFilter::Debug, LevelFilter::Off),
        _ => (LevelFilter::Trace, LevelFilter::Debug),
    };
    // Refused only if it was done before.
    if log::set_boxed_logger(Box::new(Lines { ours, others })).is_ok() {
        log::set_max_level(ours);
    }
}

struct Lines {
    ours: LevelFilter,
    others: LevelFilter,
}

impl Log for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let is_ours = metadata.target().starts_with("tunrss");
        metadata.level() <= if is_ours { self.ours } else { self.others }
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let level = match record.level() {
            Level::Error => "error",
            Level::Warn => "warning",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        };
        // One line by one write, so that those of several threads and processes stay whole.
        let text = plain(&record.args().to_string()).replace('\n', " | ");
        to_stderr(&format!("{level}: {text}\n"));
    }

    fn flush(&self) {}
}
