//! What the environment decides.

use crate::preloaded;
use crate::programs::{environment, within_deadline};

#[test]
#[ignore = "cargo xtask test bpf"]
fn num_buffers_of_hashed_packets() {
    environment::num_buffers(|program| {
        let mut command = within_deadline(program);
        preloaded(&mut command);
        command
    });
}
