//! No routine.

use crate::HashKey;
use crate::toeplitz::{HashInput, Routine};

#[derive(Clone)]
pub(crate) enum Vectorised {}

impl Vectorised {
    pub(crate) fn new(_: Routine, _: &HashKey) -> Option<Self> {
        None
    }

    pub(crate) fn is_available(_: Routine) -> bool {
        false
    }

    pub(crate) fn routine(&self) -> Routine {
        match *self {}
    }

    pub(crate) fn hash(&self, _: &HashInput) -> u32 {
        match *self {}
    }

    pub(crate) fn hash_batch(&self, _: &[HashInput], _: &mut [u32]) {
        match *self {}
    }
}
