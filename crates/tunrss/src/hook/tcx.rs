//! The tcx chain of a device.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;

use super::{AttachPoint, Attached, Place, Runs, gone, is, name};
use crate::rtnl::Refusal;
use crate::sys::bpf;

pub(super) fn attached(point: &AttachPoint) -> Result<Vec<Attached>, Refusal> {
    let ids = match bpf::query(point.index, point.direction) {
        Ok(ids) => ids,
        // A kernel before 6.6, or a chain that it takes for none.
        Err(error) if is(&error, Errno::INVAL) || is(&error, Errno::NOENT) => vec![],
        Err(error) => return Err(error.into()),
    };
    let attached = |id| {
        let runs = Runs::Program { id, name: name(id)? };
        Ok(Attached { direction: point.direction, place: Place::Tcx, runs })
    };
    ids.into_iter().map(attached).collect()
}

pub(super) fn attach(point: &AttachPoint, program: BorrowedFd<'_>) -> Result<(), Refusal> {
    bpf::attach(program, point.index, point.direction, None).map_err(|source| match source {
        source if is(&source, Errno::INVAL) => {
            let words = "this kernel has no tcx: it is older than 6.6".to_owned();
            Refusal { words: Some(words), source }
        }
        source => explain(source),
    })
}

pub(super) fn replace(
    point: &AttachPoint,
    before: u32,
    program: BorrowedFd<'_>,
) -> Result<(), Refusal> {
    let refused = |source| if is(&source, Errno::NOENT) { gone(before) } else { explain(source) };
    let old = bpf::program_by_id(before).map_err(refused)?;
    bpf::attach(program, point.index, point.direction, Some(old.as_fd())).map_err(refused)
}

pub(super) fn detach(point: &AttachPoint, id: u32) -> Result<bool, Refusal> {
    match bpf::program_by_id(id) {
        Ok(program) => detach_program(point, program.as_fd()),
        Err(error) if is(&error, Errno::NOENT) => Ok(false),
        Err(error) => Err(explain(error)),
    }
}

pub(super) fn detach_program(
    point: &AttachPoint,
    program: BorrowedFd<'_>,
) -> Result<bool, Refusal> {
    match bpf::detach(program, point.index, point.direction) {
        Ok(()) => Ok(true),
        Err(error) if is(&error, Errno::NOENT) => Ok(false),
        Err(error) => Err(explain(error)),
    }
}

/// Say what a number means here (`bpf_mprog_attach`, kernel/bpf/mprog.c, v6.12).
fn explain(source: io::Error) -> Refusal {
    let words = match Errno::from_io_error(&source) {
        Some(Errno::EXIST) => Some("the program is in the chain already"),
        Some(Errno::RANGE) => Some("the chain has 63 programs, the most it can have"),
        Some(Errno::BUSY) => Some("a link holds the program that is there"),
        _ => None,
    };
    Refusal { words: words.map(str::to_owned), source }
}
