//! What the exit code tells.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// It did what was asked.
    Done,
    /// It did what was asked, and the answer is no.
    No,
    /// What was typed, or a file it names, cannot be used; nothing was changed.
    Usage,
    /// The system refused.
    Refused,
    /// A mistake of this program.
    Bug,
}

impl Exit {
    pub(crate) const ALL: [Self; 5] = [Self::Done, Self::No, Self::Usage, Self::Refused, Self::Bug];

    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::No => 1,
            // The code that clap has for what it refuses.
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Bug => 4,
        }
    }

    /// The line of the help about this code.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::No => {
                "the answer is no (demo: a packet went astray; show, doctor: something is missing)"
            }
            Self::Usage => "a mistake in what was typed, or in a file it names",
            Self::Refused => "the system refused",
            Self::Bug => "a bug of tunrss",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
