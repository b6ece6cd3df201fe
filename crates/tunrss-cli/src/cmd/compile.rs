//! `tunrss compile`: a configuration as eBPF.

use std::fs;

use serde::Serialize;
use tunrss::bpf;

use crate::args::Emit;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use crate::plan::CompilePlan;

pub(crate) fn run(plan: CompilePlan, output: &mut Output) -> Result<Exit, CliError> {
    let CompilePlan { emit, output: file, state } = plan;
    if emit == Emit::Elf && file.is_none() && (output.is_json() || output.is_terminal()) {
        let place = if output.is_json() { "standard output with --json" } else { "a terminal" };
        return Err(CliError::ElfPlace { place });
    }
    let object = bpf::Object::new(&state).map_err(tunrss::Error::from)?;
    let (name, bytes) = match emit {
        Emit::Elf => ("elf", object.to_elf().map_err(tunrss::Error::from)?),
        Emit::Asm => ("asm", object.listing().into_bytes()),
    };
    let hkey = state.config.key().to_string();
    match file {
        Some(path) => {
            fs::write(&path, &bytes)
                .map_err(|source| CliError::WriteFile { path: path.clone(), source })?;
            if output.is_json() {
                let (listing, file) = (None, Some(path.to_string_lossy().into_owned()));
                output.object(&Answer { emit: name, bytes: bytes.len(), file, listing, hkey })?;
            }
        }
        None if output.is_json() => {
            let listing = Some(object.listing());
            let bytes = bytes.len();
            output.object(&Answer { emit: name, bytes, file: None, listing, hkey })?;
        }
        None => output.bytes(&bytes)?,
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Answer {
    emit: &'static str,
    bytes: usize,
    /// Where it was written; `None` if it is `listing`.
    file: Option<String>,
    listing: Option<String>,
    hkey: String,
}
