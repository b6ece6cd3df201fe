//! Flags that only a process with CAP_NET_ADMIN in the network namespace can raise.
//!
//! A flag is a socket of the netlink protocol `NETLINK_FIB_LOOKUP` that has joined multicast groups. The
//! mask of the groups is what the flag says; nothing is ever sent to them. Anybody may have a socket of
//! this protocol, and any port number that is free, but joining a group takes CAP_NET_ADMIN in the user
//! namespace that owns the network namespace (`netlink_bind`, net/netlink/af_netlink.c, v6.12: the
//! protocol has no `NL_CFG_F_NONROOT_RECV`). The kernel has the protocol wherever it has IPv4.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use netlink_packet_core::{
    DecodeError, NLM_F_DUMP, NetlinkDeserializable, NetlinkHeader, NetlinkSerializable,
    NlasIterator,
};
use netlink_sys::protocols::{NETLINK_FIB_LOOKUP, NETLINK_SOCK_DIAG};
use netlink_sys::{Socket, SocketAddr};

use crate::rtnl::exchange_over;

/// Raised until it is dropped.
#[derive(Debug)]
pub(super) struct Flag {
    socket: Socket,
    port: u32,
}

impl Flag {
    /// Raise one that says `groups`.
    ///
    /// # Errors
    /// `EPERM` without CAP_NET_ADMIN in the network namespace.
    pub(super) fn raise(groups: u32) -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_FIB_LOOKUP)?;
        // The kernel chooses the port number.
        socket.bind(&SocketAddr::new(0, groups))?;
        let mut address = SocketAddr::new(0, 0);
        socket.get_address(&mut address)?;
        Ok(Self { socket, port: address.port_number() })
    }

    /// Raise one with a port number above `port`.
    ///
    /// # Errors
    /// As for [`raise`](Self::raise); `EADDRINUSE` if no number was found.
    pub(super) fn raise_above(groups: u32, port: u32) -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_FIB_LOOKUP)?;
        // Somebody may have taken the next numbers on purpose, but not half of a range that is chosen
        // only now, out of ever larger ones.
        for bits in 0..u32::BITS {
            let distance = random() & ((1 << bits) - 1);
            let Some(port) = port.checked_add(distance).and_then(|port| port.checked_add(1)) else {
                continue;
            };
            match socket.bind(&SocketAddr::new(port, groups)) {
                Ok(()) => return Ok(Self { socket, port }),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AddrInUse.into())
    }

    pub(super) fn port(&self) -> u32 {
        self.port
    }
}

impl Drop for Flag {
    fn drop(&mut self) {
        // A process that was forked meanwhile has a descriptor of the socket, too, and must not keep the
        // flag raised. Leaving groups takes no privilege.
        if let Err(error) = self.socket.bind(&SocketAddr::new(self.port, 0)) {
            log::debug!("a flag is lowered only by closing its socket: {error}");
        }
    }
}

/// A flag that is raised in the calling thread's network namespace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Raised {
    /// What it says; not 0.
    pub(super) groups: u32,
    pub(super) port: u32,
    /// The inode number of the socket.
    pub(super) inode: u64,
}

/// The flags that are raised. Some may be listed twice.
///
/// # Errors
/// Neither `NETLINK_SOCK_DIAG` nor procfs tells.
pub(super) fn raised() -> io::Result<Vec<Raised>> {
    if !IS_TOLD.load(Ordering::Relaxed)
        && let Ok(raised) = from_procfs()
    {
        return Ok(raised);
    }
    from_sock_diag().or_else(|_| {
        let raised = from_procfs()?;
        // To answer, a kernel that lacks the module runs a program that looks for it: not each time.
        IS_TOLD.store(false, Ordering::Relaxed);
        Ok(raised)
    })
}

/// Whether `NETLINK_SOCK_DIAG` tells, as far as is known.
static IS_TOLD: AtomicBool = AtomicBool::new(true);

/// As `NETLINK_SOCK_DIAG` lists them (a kernel with CONFIG_NETLINK_DIAG).
///
/// It lists all sockets of the protocol, and then once more those that have joined groups, these under
/// the lock that joining and leaving takes (`__netlink_diag_dump`, net/netlink/diag.c, v6.12). So
/// no flag is missed as long as one datagram, some 500 flags, has room for the second list.
fn from_sock_diag() -> io::Result<Vec<Raised>> {
    let sockets: Vec<Told> =
        exchange_over(NETLINK_SOCK_DIAG, Request, NLM_F_DUMP).map_err(|refusal| refusal.source)?;
    Ok(sockets.into_iter().filter_map(|Told(flag)| flag).collect())
}

/// As procfs lists them.
///
/// The kernel makes a page of the list at a time, and looks for its place anew before each; an entry
/// before that place which goes meanwhile has one behind it be missed. So the list is read twice.
fn from_procfs() -> io::Result<Vec<Raised>> {
    let mut found = Vec::new();
    for _ in 0..2 {
        let text = fs::read_to_string("/proc/thread-self/net/netlink")?;
        found.extend(text.lines().filter_map(listed));
    }
    Ok(found)
}

/// A line: address, protocol, port, groups in hexadecimal, more numbers, and the inode at the end.
fn listed(line: &str) -> Option<Raised> {
    let mut words = line.split_ascii_whitespace();
    let is_flag = words.nth(1)?.parse() == Ok(NETLINK_FIB_LOOKUP);
    let port = words.next()?.parse().ok()?;
    let groups = u32::from_str_radix(words.next()?, 16).ok()?;
    let inode = words.next_back()?.parse().ok()?;
    (is_flag && groups != 0).then_some(Raised { groups, port, inode })
}

/// A `struct netlink_diag_req` for the sockets of the protocol with their groups.
struct Request;

impl NetlinkSerializable for Request {
    fn message_type(&self) -> u16 {
        SOCK_DIAG_BY_FAMILY
    }

    fn buffer_len(&self) -> usize {
        REQUEST_LEN
    }

    fn serialize(&self, buffer: &mut [u8]) {
        let show = NDIAG_SHOW_GROUPS.to_ne_bytes();
        let start = [libc::AF_NETLINK as u8, NETLINK_FIB_LOOKUP as u8, 0, 0, 0, 0, 0, 0];
        let bytes = start.into_iter().chain(show).chain([0; 8]);
        buffer.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    }
}

/// What the kernel says of a socket: the flag, if it is one.
struct Told(Option<Raised>);

impl NetlinkDeserializable for Told {
    type Error = DecodeError;

    fn deserialize(_: &NetlinkHeader, payload: &[u8]) -> Result<Self, DecodeError> {
        let number = |bytes: &[u8]| bytes.first_chunk().copied().map_or(0, u32::from_ne_bytes);
        let field = |at| number(payload.get(at..).unwrap_or_default());
        let mut groups = 0;
        for attribute in NlasIterator::new(payload.get(TOLD_LEN..).unwrap_or_default()) {
            let attribute = attribute?;
            if attribute.kind() == NETLINK_DIAG_GROUPS {
                // The first 32, which are all that the protocol has.
                groups = number(attribute.value());
            }
        }
        let flag = Raised { groups, port: field(PORT_AT), inode: field(INODE_AT).into() };
        Ok(Self((groups != 0).then_some(flag)))
    }
}

fn random() -> u32 {
    // The keys of a `RandomState` are random, and each has other keys.
    RandomState::new().hash_one(()) as u32
}

/// linux/sock_diag.h
const SOCK_DIAG_BY_FAMILY: u16 = 20;
// linux/netlink_diag.h: `struct netlink_diag_req`, `struct netlink_diag_msg` and their constants.
const REQUEST_LEN: usize = 20;
const NDIAG_SHOW_GROUPS: u32 = 2;
const NETLINK_DIAG_GROUPS: u16 = 1;
const TOLD_LEN: usize = 28;
const PORT_AT: usize = 4;
const INODE_AT: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_in_a_list_of_sockets() {
        let line = |protocol, groups| {
            format!(
                "00000000b351f49f {protocol:<3} 6000       {groups} 0        0        0     2        0        39095   "
            )
        };
        let flag = Raised { groups: 0x8000_0099, port: 6000, inode: 39095 };
        assert_eq!(listed(&line(10, "80000099")), Some(flag));
        assert_eq!(listed(&line(0, "80000099")), None);
        assert_eq!(listed(&line(10, "00000000")), None);
        let header = "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode";
        assert_eq!(listed(header), None);
        let whole = line(10, "80000099");
        for len in 0..whole.trim_end().len() - 1 {
            assert_ne!(listed(&whole[..len]), Some(flag), "{len}");
        }
    }

    #[test]
    fn flags_in_what_is_told() {
        let mut told = vec![0; TOLD_LEN];
        told[PORT_AT..PORT_AT + 4].copy_from_slice(&6000u32.to_ne_bytes());
        told[INODE_AT..INODE_AT + 4].copy_from_slice(&39095u32.to_ne_bytes());
        let read =
            |bytes: &[u8]| Told::deserialize(&NetlinkHeader::default(), bytes).map(|told| told.0);
        assert_eq!(read(&told).ok().flatten(), None);
        told.extend([12, 0, 1, 0, 0x99, 0, 0, 0x80, 0, 0, 0, 0]);
        let flag = Raised { groups: 0x8000_0099, port: 6000, inode: 39095 };
        assert_eq!(read(&told).ok().flatten(), Some(flag));
        for len in 0..told.len() {
            assert_eq!(read(&told[..len]).ok().flatten(), None, "{len}");
        }
    }
}
