//! What this process may do.

use std::fs;
use std::os::unix::fs::MetadataExt;

/// Whether this process is root, in whatever user namespace.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// What this process lacks to load BPF programs and attach them to devices; `None` if nothing.
pub(crate) fn missing_for_bpf() -> Option<&'static str> {
    if !is_root() {
        return Some("this user is not root");
    }
    if !is_in_initial_user_namespace() {
        return Some("this is root of a user namespace, to which the kernel refuses BPF_PROG_LOAD");
    }
    let has = |capability: u32| effective_capabilities() & (1_u64 << capability) != 0;
    let can_load_and_attach = has(CAP_SYS_ADMIN) || has(CAP_BPF) && has(CAP_NET_ADMIN);
    if !can_load_and_attach {
        return Some("this root lacks CAP_SYS_ADMIN, or CAP_BPF and CAP_NET_ADMIN");
    }
    None
}

fn is_in_initial_user_namespace() -> bool {
    fs::metadata("/proc/self/ns/user").is_ok_and(|namespace| namespace.ino() == PROC_USER_INIT_INO)
}

fn effective_capabilities() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let set = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0)
}

/// The inode of the initial user namespace (include/linux/proc_ns.h, v6.12).
const PROC_USER_INIT_INO: u64 = 0xefff_fffd;

// linux/capability.h
const CAP_NET_ADMIN: u32 = 12;
const CAP_SYS_ADMIN: u32 = 21;
const CAP_BPF: u32 = 39;
