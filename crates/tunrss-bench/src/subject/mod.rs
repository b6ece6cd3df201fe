//! What is measured: a module for each subject, which yields a section of the record.

mod classify;
mod egress;
mod growth;
mod guest;
mod memory;
pub(crate) mod preload;
mod reading;
mod set;
mod steering;
mod tap_path;
mod toeplitz;
mod variants;

use anyhow::Result;

use crate::contest::Effort;
use crate::record::Section;

/// A subject, and what measures it.
pub(crate) struct Subject {
    /// The name by which it is asked for.
    pub(crate) name: &'static str,
    /// Whether it takes root: it loads programs, or makes devices.
    pub(crate) needs_root: bool,
    pub(crate) run: fn(Effort) -> Result<Section>,
}

/// All subjects, in the order in which they are measured.
pub(crate) const ALL: &[Subject] = &[
    Subject { name: "steering", needs_root: true, run: steering::run },
    Subject { name: "variants", needs_root: true, run: variants::run },
    Subject { name: "egress", needs_root: true, run: egress::run },
    Subject { name: "tap-path", needs_root: true, run: tap_path::run },
    Subject { name: "reading", needs_root: true, run: reading::run },
    Subject { name: "preload", needs_root: true, run: preload::run },
    Subject { name: "guest", needs_root: true, run: guest::run },
    Subject { name: "toeplitz", needs_root: false, run: toeplitz::run },
    Subject { name: "classify", needs_root: false, run: classify::run },
    Subject { name: "growth", needs_root: true, run: growth::run },
    Subject { name: "set", needs_root: true, run: set::run },
    Subject { name: "memory", needs_root: true, run: memory::run },
];
