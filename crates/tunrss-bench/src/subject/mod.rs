//! What is measured: a module for each subject, which yields a section of the record.

mod steering;

use anyhow::Result;

use crate::contest::Effort;
use crate::record::Section;

/// A subject, and what measures it.
pub(crate) struct Subject {
    /// The name by which it is asked for.
    pub(crate) name: &'static str,
    pub(crate) run: fn(Effort) -> Result<Section>,
}

/// All subjects, in the order in which they are measured.
pub(crate) const ALL: &[Subject] = &[Subject { name: "steering", run: steering::run }];
