//! Every case of both generations, each in a network namespace of its own.

use std::path::Path;

use crate::preloaded;
use crate::programs::{passes, within_deadline};

fn check(program: &Path, case: &str) {
    passes(preloaded(within_deadline(program).arg(case)));
}

crate::programs::cases::cases! {
    vfork = "vfork";
    exec = "exec";
    errno_kept = "errno-kept";
    locked_memory = "locked-memory";
}
