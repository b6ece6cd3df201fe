//! Having the kernel send: ordinary sockets, every kind of packet.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::net::{
    AddressFamily, Protocol as SocketProtocol, SendFlags, SocketFlags, SocketType, ipproto,
};
use tunrss::hash::dissect::Protocol;

use super::peer::Peer;
use super::place::{HOST, NEIGHBOURS, STRANGER, v4, v6};

/// Send `flows` flows of TCP and UDP over IPv4 and IPv6, and some of everything else; `peer` takes
/// what arrives.
///
/// A queue holds 500 packets, so it is emptied after every few that are sent.
pub(super) fn send(flows: u32, peer: &mut Peer<'_>) -> io::Result<()> {
    let [udp_v4, udp_v6] = [false, true].map(|is_v6| UdpSocket::bind((host(is_v6), 0)));
    let (udp_v4, udp_v6) = (udp_v4?, udp_v6?);
    let udp = |is_v6| if is_v6 { &udp_v6 } else { &udp_v4 };
    for number in 0..flows {
        let (is_v6, protocol, neighbour, port) = flow_of(number);
        let to = SocketAddr::new(address(is_v6, neighbour), port);
        match protocol {
            Protocol::Udp => drop(udp(is_v6).send_to(b"tunrss", to)?),
            // The first packet of a connection is enough.
            Protocol::Tcp => drop(connect(to)?),
        }
        if number % 64 == 63 {
            peer.take_all()?;
        }
    }
    peer.take_all()?;
    for is_v6 in [false, true] {
        for neighbour in NEIGHBOURS {
            echo(is_v6, address(is_v6, neighbour))?;
            // Longer than a frame: fragments.
            udp(is_v6).send_to(&[0; 4000], (address(is_v6, neighbour), FIRST_PORT))?;
        }
        // Nobody knows where it is: ARP, neighbour discovery.
        udp(is_v6).send_to(b"tunrss", (address(is_v6, STRANGER), FIRST_PORT))?;
        peer.take_all()?;
        for neighbour in NEIGHBOURS {
            large(address(is_v6, neighbour), peer)?;
        }
    }
    Ok(())
}

/// Connect, hand over more than a frame takes, and wait until a large packet has arrived.
fn large(to: IpAddr, peer: &mut Peer<'_>) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let before = peer.gso();
    let connection = connect(SocketAddr::new(to, LARGE_PORT))?;
    let mut is_sent = false;
    while peer.gso() == before && Instant::now() < deadline {
        peer.wait(deadline)?;
        peer.take_all()?;
        if !is_sent {
            // Refused until the peer's answer has arrived.
            is_sent = rustix::net::send(&connection, &[0; 60_000], SendFlags::NOSIGNAL).is_ok();
        }
    }
    Ok(())
}

/// Start to connect.
fn connect(to: SocketAddr) -> io::Result<OwnedFd> {
    let socket = socket(to.ip(), SocketType::STREAM, None)?;
    match rustix::net::connect(&socket, &to) {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS) => Ok(socket),
        Err(error) => Err(error.into()),
    }
}

/// Send an ICMP echo request.
fn echo(is_v6: bool, to: IpAddr) -> io::Result<()> {
    let (protocol, request) = if is_v6 { (ipproto::ICMPV6, 128) } else { (ipproto::ICMP, 8) };
    let socket = socket(to, SocketType::RAW, Some(protocol))?;
    // Type, code, checksum, identifier, sequence. The kernel fills in the checksum of ICMPv6; of
    // ICMP it is the complement of the one word that is not zero.
    let checksum = if is_v6 { [0, 0] } else { [!request, 0xff] };
    let message = [[request, 0], checksum, [0, 0], [0, 0]].concat();
    rustix::net::sendto(&socket, &message, SendFlags::empty(), &SocketAddr::new(to, 0))?;
    Ok(())
}

fn socket(to: IpAddr, kind: SocketType, protocol: Option<SocketProtocol>) -> io::Result<OwnedFd> {
    let family = if to.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    Ok(rustix::net::socket_with(family, kind, flags, protocol)?)
}

/// IP version, protocol, neighbour and destination port of flow `number`: no two have the same.
pub(super) fn flow_of(number: u32) -> (bool, Protocol, u8, u16) {
    let protocol = if number & 2 == 0 { Protocol::Tcp } else { Protocol::Udp };
    let neighbours = NEIGHBOURS.len() as u32;
    let (port, neighbour) = (number / 4 / neighbours, number / 4 % neighbours);
    let port = FIRST_PORT + (port % u32::from(u16::MAX - FIRST_PORT)) as u16;
    (number & 1 != 0, protocol, NEIGHBOURS.start() + neighbour as u8, port)
}

fn host(is_v6: bool) -> IpAddr {
    address(is_v6, HOST)
}

fn address(is_v6: bool, number: u8) -> IpAddr {
    if is_v6 { v6(number).into() } else { v4(number).into() }
}

/// The destination port of the first flows. Those below are the demo's own.
pub(super) const FIRST_PORT: u16 = 1024;
/// Where the peer accepts connections.
pub(super) const LARGE_PORT: u16 = 7;
/// How long to wait for the kernel.
const PATIENCE: Duration = Duration::from_secs(5);

/// The most flows that [`flow_of`] can tell apart.
pub(crate) const MAX_FLOWS: u32 = 4 * 8 * (u16::MAX - FIRST_PORT) as u32;
