//! Every case of both generations, by functions of the library.

use std::path::Path;

use crate::programs::{passes, within_deadline};

fn check(program: &Path, case: &str) {
    passes(within_deadline(program).arg(case));
}

crate::programs::cases::cases! {}
