//! Programs of others that may steer a device.
//!
//! The kernel has no query for a device's steering and filter program. What can be seen is that a
//! process which holds the device also holds a program of the type that these have, as QEMU does
//! with its own. A program whose loader has closed it, or is gone, cannot be seen.
//!
//! Such a program may as well be for a socket, or for another device of the same process: the kernel has
//! no query that says which. Only a program that the asking process itself holds is known not to have
//! been put on the device by another tool: a process knows what it does with its own programs. It may
//! hold one in one thread while another thread sets a device, and a child that it has just forked holds
//! copies of both. So its programs are not counted, whoever else holds them too.

use std::fmt;
use std::fs;
use std::path::Path;

use rustix::process::Pid;
use tunrss_bpf::{FILTER, RETURN_QUEUE, STEER};

use crate::control;
use crate::device::Device;
use crate::sys;

/// A program of another tool that may steer the packets of a device, or drop them.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Foreign {
    /// The process that holds the device and the program.
    pub process: u32,
    /// Its name, as in `/proc/PID/comm`.
    pub process_name: String,
    /// The number by which the kernel knows the program.
    pub program: u32,
    /// The program's name, if it has one.
    pub program_name: Option<String>,
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { process, process_name, program, program_name } = self;
        let name = program_name.as_deref().unwrap_or("without a name").escape_debug();
        let process_name = process_name.escape_debug();
        write!(f, "program {name} (id {program}) of process {process} ({process_name})")
    }
}

impl Device {
    /// Programs of other tools that may steer the device's packets or drop them, as far as they can
    /// be seen: those of the right type that a process holds which also holds the device, except
    /// those that this process holds. An empty answer does not mean that there is no such program.
    pub fn foreign(&self) -> Vec<Foreign> {
        let this = rustix::process::getpid();
        let others = control::holders(self).filter(|&(process, _)| process != this);
        let found: Vec<_> = others.flat_map(|(process, _)| programs_of(process)).collect();
        if found.is_empty() {
            return found;
        }
        let ours = socket_filters_of(this);
        found.into_iter().filter(|foreign| !ours.contains(&foreign.program)).collect()
    }
}

/// The socket filters that a process holds and that are not ours.
fn programs_of(process: Pid) -> Vec<Foreign> {
    let root = control::root(process);
    let process_name = fs::read_to_string(format!("{root}/comm")).unwrap_or_default();
    let foreign = socket_filters_of(process).into_iter().map(|program| Foreign {
        process: process.as_raw_nonzero().get().unsigned_abs(),
        process_name: process_name.trim().to_owned(),
        program,
        program_name: sys::bpf::name_of(program).ok().filter(|name| !name.is_empty()),
    });
    foreign.filter(|foreign| !is_ours(foreign.program_name.as_deref())).collect()
}

/// The ids of the socket filters that a process holds.
fn socket_filters_of(process: Pid) -> Vec<u32> {
    let root = control::root(process);
    let mut ids: Vec<u32> = control::descriptors(process)
        .filter(|number| {
            let link = fs::read_link(format!("{root}/fd/{number}"));
            link.is_ok_and(|path| path == Path::new("anon_inode:bpf-prog"))
        })
        .filter_map(|number| fs::read_to_string(format!("{root}/fdinfo/{number}")).ok())
        .filter_map(|info| socket_filter_id(&info))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn is_ours(name: Option<&str>) -> bool {
    [STEER, RETURN_QUEUE, FILTER].iter().any(|&ours| name == Some(ours))
}

/// The program's id, if the information on its descriptor (`bpf_prog_show_fdinfo`) says that it is
/// of type `BPF_PROG_TYPE_SOCKET_FILTER`.
fn socket_filter_id(fdinfo: &str) -> Option<u32> {
    let field = |name: &str| {
        let line = fdinfo.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse().ok()
    };
    (field("prog_type:") == Some(1)).then(|| field("prog_id:")).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_socket_filters_count() {
        let info = |kind| format!("pos:\t0\nflags:\t02000002\nprog_type:\t{kind}\nprog_id:\t77\n");
        assert_eq!(socket_filter_id(&info(1)), Some(77));
        assert_eq!(socket_filter_id(&info(3)), None);
        assert_eq!(socket_filter_id("prog_type:\t1\n"), None);
        assert_eq!(socket_filter_id(""), None);
    }

    #[test]
    fn names_of_others_are_escaped() {
        let foreign =
            Foreign { process: 7, process_name: "a\u{1b}b".into(), program: 9, program_name: None };
        let text = "program without a name (id 9) of process 7 (a\\u{1b}b)";
        assert_eq!(foreign.to_string(), text);
    }
}
