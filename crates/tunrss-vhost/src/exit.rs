//! What the exit code tells.

use std::process::ExitCode;

/// How the daemon ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// It did what was asked; for a daemon: until it was told to end, or its one frontend went.
    Done,
    /// What was typed, or what it names, cannot be used; nothing was changed.
    Usage,
    /// The system refused.
    Refused,
    /// A mistake of this program.
    Bug,
    /// The backend process was ended by this signal.
    Signal(u8),
}

impl Exit {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            // The code that clap has for what it refuses.
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Bug => 4,
            // As a shell has it. Signals have numbers up to 64.
            Self::Signal(number) => 128_u8.saturating_add(number),
        }
    }

    /// What the exit code of our own backend process tells.
    pub(crate) const fn from_code(code: i32) -> Self {
        match code {
            0 => Self::Done,
            2 => Self::Usage,
            3 => Self::Refused,
            _ => Self::Bug,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
