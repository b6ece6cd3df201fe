//! What is measured: a module for each subject, which yields a section of the record.

mod egress;
mod steering;

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
    Subject { name: "egress", needs_root: true, run: egress::run },
];
