//! The wish to end: SIGINT or SIGTERM.

use std::io::{self, PipeReader};
use std::os::fd::{AsFd, BorrowedFd};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

/// Readable from the first signal on. A second one changes nothing: `timeout` sends two, one to the
/// process and one to its group.
pub(super) struct EndSignal(PipeReader);

impl EndSignal {
    pub(super) fn catch() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        for signal in [SIGINT, SIGTERM] {
            pipe::register(signal, writer.try_clone()?)?;
        }
        Ok(Self(reader))
    }
}

impl AsFd for EndSignal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
