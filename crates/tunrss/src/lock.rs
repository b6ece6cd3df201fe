//! One change of a device at a time, and none while somebody looks at it.
//!
//! Putting a configuration in force takes several steps, and two processes that interleave theirs
//! would leave a mixture. The lock is an abstract Unix socket's name: the kernel frees it when its
//! holder ends, however that ends, and each network namespace has its own.
//!
//! Who waits for it holds a second name meanwhile, which has to be had first. So nobody who changes a
//! device again and again can keep others from it.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, socket_with};

use crate::device::Device;
use crate::error::{Error, Result};

/// Held until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _socket: OwnedFd,
}

impl Lock {
    /// Wait until nobody else changes the device.
    ///
    /// # Errors
    /// [`Error::Locked`] if that takes too long.
    pub(crate) fn of(device: &Device) -> Result<Self> {
        Self::within(device, PATIENCE)
    }

    /// The same, waiting for so long.
    ///
    /// # Errors
    /// [`Error::Locked`] if that takes longer.
    pub(crate) fn within(device: &Device, patience: Duration) -> Result<Self> {
        let deadline = Instant::now() + patience;
        let name = format!("tunrss device {}", device.index());
        let hold = |name: &str| {
            held(name, deadline)
                .map_err(|source| Error::Locked { name: device.name().clone(), source })
        };
        let _turn = hold(&format!("{name} next"))?;
        Ok(Self { _socket: hold(&name)? })
    }
}

/// A socket that has `name`, as soon as nobody else has.
fn held(name: &str, deadline: Instant) -> io::Result<OwnedFd> {
    let address = SocketAddrUnix::new_abstract_name(name.as_bytes())?;
    let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    loop {
        match bind(&socket, &address) {
            Ok(()) => return Ok(socket),
            Err(Errno::ADDRINUSE) if Instant::now() < deadline => std::thread::sleep(PAUSE),
            Err(source) => return Err(source.into()),
        }
    }
}

/// A change takes some milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(1);
