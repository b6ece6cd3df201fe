//! Every unsafe line of the crate: system calls that no library wraps safely.

pub(crate) mod bpf;
pub(crate) mod ioctl;
pub(crate) mod netns;
