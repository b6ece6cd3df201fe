//! A child of a privileged program, without privilege of its own, that writes all over what they share.

use crate::programs::{hostile, within_deadline};

#[test]
#[ignore = "cargo xtask test bpf"]
fn child_that_writes_over_shared_memory() {
    hostile::attack(within_deadline);
}
