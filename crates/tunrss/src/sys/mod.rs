//! Every unsafe line of the crate: system calls that no library wraps safely.

pub(crate) mod bpf;
pub(crate) mod clock;
pub(crate) mod ethtool;
pub(crate) mod ioctl;
pub(crate) mod kcmp;
pub(crate) mod netns;
pub(crate) mod packet;
