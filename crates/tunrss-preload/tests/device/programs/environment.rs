//! `TUNRSS_NUM_BUFFERS`.

use std::path::PathBuf;
use std::process::Command;

use super::{passes, program};

/// What `num_buffers` is beside a hash, and that it is 0 without one, for each value of the variable.
pub(crate) fn num_buffers(start: impl Fn(PathBuf) -> Command) {
    let refusal = |value: &str| format!("TUNRSS_NUM_BUFFERS is {value:?} and has to be 0 or 1");
    for (value, expected) in [(None, "0"), (Some("0"), "0"), (Some("1"), "1"), (Some("2"), "0")] {
        for (generation, case) in
            [("gen1", "types-tap"), ("gen2", "vectors-tun"), ("gen1", "macvtap-changes")]
        {
            let mut command = start(program(generation));
            command.arg(case).env("EXPECTED_NUM_BUFFERS", expected);
            match value {
                Some(value) => command.env("TUNRSS_NUM_BUFFERS", value),
                None => command.env_remove("TUNRSS_NUM_BUFFERS"),
            };
            let text = passes(&mut command);
            let is_told = text.contains(&refusal(value.unwrap_or_default()));
            assert_eq!(is_told, value == Some("2"), "{text}");
        }
    }
}
