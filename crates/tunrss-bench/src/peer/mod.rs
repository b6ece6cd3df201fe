//! What tunrss is measured beside, each used if it is installed.

pub(crate) mod dpdk;
pub(crate) mod qemu;
pub(crate) mod qemu_net;
