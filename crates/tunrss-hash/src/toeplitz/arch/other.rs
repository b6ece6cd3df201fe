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

    pub(crate) fn hash_v4(&self, _: &[u8; 8], _: [u8; 4]) -> u32 {
        match *self {}
    }

    pub(crate) fn hash_v6(&self, _: &[u8; 32], _: [u8; 4]) -> u32 {
        match *self {}
    }

    pub(crate) fn hash_batch(&self, _: &[HashInput], _: &mut [u32]) {
        match *self {}
    }
}
