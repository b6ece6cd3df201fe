//! The program `hostile.c` with each of its attacks.

use std::path::PathBuf;
use std::process::Command;

use super::{passes, program};

/// Each attack, by a program that `start` makes a command of.
pub(crate) fn attack(start: impl Fn(PathBuf) -> Command) {
    let program = program("hostile");
    for generation in ["gen1", "gen2"] {
        for attack in ["pointers", "wild", "ones", "held", "flips", "random"] {
            print!("{generation} {}", passes(start(program.clone()).args([generation, attack])));
        }
    }
}
