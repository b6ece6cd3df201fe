//! A kernel that has the ioctls itself: the library leaves them to it.

use crate::programs::{passes, program, within_deadline};

/// The program asks the kernel, which is played by its parent process, and gets the kernel's answers.
#[test]
#[ignore = "cargo xtask test bpf"]
fn kernel_with_the_ioctls_is_asked() {
    passes(&mut within_deadline(program("native")));
}
