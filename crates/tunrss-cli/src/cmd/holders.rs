//! Who holds the queues of a device.

use std::fmt::{self, Write};

use serde::Serialize;
use tunrss::{Device, Process, QueueHolder};

use crate::error::CliError;

/// The processes that hold attached queues of a device.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Holders {
    seen: Vec<Holder>,
    /// Queues of processes that this one may not look at.
    #[serde(skip)]
    unseen: usize,
}

/// A process, and how many queues it holds.
#[derive(Serialize)]
struct Holder {
    process: u32,
    name: String,
    user: u32,
    queues: usize,
    #[serde(skip)]
    text: String,
}

impl Holders {
    pub(super) fn of(device: &Device) -> Result<Self, CliError> {
        let seen: Vec<_> = device.holders()?.into_iter().map(Holder::from).collect();
        let counted = seen.iter().map(|holder| holder.queues).sum();
        Ok(Self { seen, unseen: device.attached_queues()?.saturating_sub(counted) })
    }
}

impl fmt::Display for Holders {
    /// A line for each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Holder { text, queues, .. } in &self.seen {
            writeln!(f, "held by {text}: {}", count(*queues))?;
        }
        if self.unseen > 0 {
            let queues = count(self.unseen);
            writeln!(f, "held by processes that only CAP_SYS_PTRACE may look at: {queues}")?;
        }
        Ok(())
    }
}

impl From<QueueHolder> for Holder {
    fn from(QueueHolder { process, queues, .. }: QueueHolder) -> Self {
        let text = process.to_string();
        let Process { id, name, user, .. } = process;
        Self { process: id, name, user, queues, text }
    }
}

/// The processes in one line, for a message; `None` if none is seen.
pub(super) fn in_words(device: &Device) -> Result<Option<String>, CliError> {
    let mut words = String::new();
    for QueueHolder { process, .. } in device.holders()? {
        let separator = if words.is_empty() { "" } else { ", " };
        // Writing to a string does not fail.
        let _ = write!(words, "{separator}{process}");
    }
    Ok(Some(words).filter(|words| !words.is_empty()))
}

fn count(queues: usize) -> String {
    format!("{queues} queue{}", if queues == 1 { "" } else { "s" })
}
