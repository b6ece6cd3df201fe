//! Every unsafe line of the crate: the caller's memory, memory that processes share, and system calls
//! with arguments that are the caller's.

pub(crate) mod buffers;
pub(crate) mod call;
pub(crate) mod environment;
pub(crate) mod mapped;
pub(crate) mod memory;
pub(crate) mod shared;
