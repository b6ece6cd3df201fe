//! What the environment decides.

use crate::programs::{environment, within_deadline};

#[test]
#[ignore = "cargo xtask test bpf"]
fn num_buffers_of_hashed_packets() {
    environment::num_buffers(within_deadline);
}
