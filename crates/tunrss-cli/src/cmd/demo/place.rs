//! Where the demo happens: as far as this process may go.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tunrss::netns::{self, NetNs};
use tunrss::{Device, IfName, Queue};

use super::peer::PEER_MAC;
use crate::error::CliError;

pub(super) enum Place {
    /// A network namespace with a TAP.
    Namespace {
        device: Device,
        queues: Vec<Queue>,
        how: &'static str,
        /// What to drop to leave it; nothing where the whole process has moved.
        guard: Option<NetNs>,
    },
    /// No namespace can be made: packets made in this process.
    Process { reason: String },
}

impl Place {
    /// A network namespace; without the privilege, one in a user namespace; without that, none.
    ///
    /// Must be called while the process has one thread.
    pub(super) fn make(queues: u16) -> Result<Self, CliError> {
        match NetNs::enter_new() {
            Ok(guard) => Self::tap(queues, "from the kernel, in a network namespace", Some(guard)),
            Err(error) if error.is_permission() => match netns::enter_new_as_user() {
                Ok(()) => Self::tap(queues, "from the kernel, in a user namespace", None),
                Err(error) => Ok(Self::Process { reason: because(&error) }),
            },
            Err(error) => Err(error.into()),
        }
    }

    fn tap(queues: u16, how: &'static str, guard: Option<NetNs>) -> Result<Self, CliError> {
        match Device::create(&IfName::new("tap0")?, queues.into()) {
            Ok((device, queues)) => Ok(Self::Namespace { device, queues, how, guard }),
            // A user namespace can be had where the device node cannot.
            Err(error) if guard.is_none() => Ok(Self::Process { reason: because(&error) }),
            Err(error) => Err(error.into()),
        }
    }
}

/// Set the device up, with addresses, and neighbours behind it. From here on the kernel sends.
pub(super) fn furnish(device: &Device) -> Result<(), tunrss::Error> {
    device.set_up()?;
    device.add_address(IpAddr::V4(v4(HOST)), 24)?;
    device.add_address(IpAddr::V6(v6(HOST)), 64)?;
    for number in NEIGHBOURS {
        device.add_neighbour(IpAddr::V4(v4(number)), PEER_MAC)?;
        device.add_neighbour(IpAddr::V6(v6(number)), PEER_MAC)?;
    }
    Ok(())
}

fn because(error: &tunrss::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// An address of the network for benchmarks (RFC 2544).
pub(super) fn v4(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(198, 18, 0, number)
}

/// A unique local address (RFC 4193).
pub(super) fn v6(number: u8) -> Ipv6Addr {
    Ipv6Addr::new(0xfd72, 0x7273, 0x73, 0, 0, 0, 0, number.into())
}

/// The host's end of the TAP.
pub(super) const HOST: u8 = 1;
/// Whose MAC addresses the host knows.
pub(super) const NEIGHBOURS: std::ops::RangeInclusive<u8> = 2..=9;
/// Whom the host has to ask for: by ARP and neighbour discovery.
pub(super) const STRANGER: u8 = 200;
