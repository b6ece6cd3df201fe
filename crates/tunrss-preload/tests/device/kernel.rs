//! A kernel that has the ioctls itself: the shim steps aside.

use crate::preloaded;
use crate::programs::{passes, program, within_deadline};

/// The program asks the kernel, which is played by its parent process, and gets the kernel's answers.
#[test]
#[ignore = "cargo xtask test bpf"]
fn kernel_with_the_ioctls_is_asked() {
    let program = program("native");
    passes(&mut within_deadline(&program));
    passes(preloaded(&mut within_deadline(&program)));
}
