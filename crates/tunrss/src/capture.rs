//! Seeing the packets of a device as they pass, without the report that stands in front of them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, SystemTime};

use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_recv_buffer_size_force};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use tunrss_bpf::Prefix;
use tunrss_hash::Link;

use crate::error::{Error, Result};
use crate::{Device, sys};

/// A socket that every packet of a device comes to, in both directions. Non-blocking, close-on-exec;
/// wait for it with any poller by its descriptor.
///
/// A packet that the kernel sends is seen when it leaves for the device's queues, also if it is lost
/// there. The device's own readers miss nothing by it.
#[derive(Debug)]
pub struct PacketSocket {
    socket: OwnedFd,
    link: Link,
}

impl PacketSocket {
    /// A socket for the packets of `device`, from now on. A device that is down may come up later.
    ///
    /// # Errors
    /// [`Error::Capture`] if the system refuses: CAP_NET_RAW is needed.
    pub fn open(device: &Device) -> Result<Self> {
        let refused = |source| Error::Capture { name: device.name().clone(), source };
        // Until it is bound it takes packets of no device.
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::PACKET, SocketType::RAW, flags, None)
            .map_err(|source| refused(source.into()))?;
        // The system's limit is for those without CAP_NET_ADMIN. With less room more is lost, and
        // that is counted.
        let _ = set_socket_recv_buffer_size_force(&socket, RECEIVE_BUFFER)
            .or_else(|_| set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER));
        sys::packet::set_record_options(&socket).map_err(refused)?;
        sys::packet::bind(&socket, device.index()).map_err(refused)?;
        Ok(Self { socket, link: device.link() })
    }

    /// Take one packet, by way of `buffer`: [`MAX_PACKET`] bytes have room for any.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if none is waiting; ENETDOWN once after the device was set down,
    /// deleted, or moved away.
    pub fn recv<'a>(&self, buffer: &'a mut [u8]) -> io::Result<Seen<'a>> {
        // Room for a tag between the addresses, which then move to the front, and what is behind.
        let packet = buffer.get_mut(TAG_LEN..).unwrap_or_default();
        let record = sys::packet::recv(&self.socket, packet)?;
        let end = TAG_LEN + record.len.min(packet.len());
        let direction = if record.is_outgoing { Direction::Outgoing } else { Direction::Incoming };
        let packet = buffer.get(TAG_LEN..end).unwrap_or_default();
        let prefix = prefix(packet, direction);
        let prefix_len = if prefix.is_some() { Prefix::LEN } else { 0 };
        let mut start = TAG_LEN + prefix_len;
        let mut wire_len = record.len.saturating_sub(prefix_len);
        if let (Some(tag), Link::Ethernet) = (record.vlan_tag, self.link)
            && let Some(room) = buffer.get_mut(start - TAG_LEN..end)
            && put_tag_back(room, tag)
        {
            start -= TAG_LEN;
            wire_len += TAG_LEN;
        }
        let time = record.time.or_else(|| SystemTime::UNIX_EPOCH.elapsed().ok());
        Ok(Seen {
            direction,
            time: time.unwrap_or_default(),
            prefix,
            frame: buffer.get(start..end).unwrap_or_default(),
            wire_len,
        })
    }

    /// What came to the socket since this was last asked.
    ///
    /// # Errors
    /// None that are known.
    pub fn statistics(&self) -> io::Result<Statistics> {
        let (packets, dropped) = sys::packet::statistics(&self.socket)?;
        Ok(Statistics { packets, dropped })
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A packet as it passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Seen<'a> {
    /// Which way it went.
    pub direction: Direction,
    /// When, since 1970 in UTC.
    pub time: Duration,
    /// What the kernel reported in front of it.
    pub prefix: Option<Prefix>,
    /// From its Ethernet or IP header on, with all its VLAN tags, without the report. A checksum
    /// that the device's reader is left to compute is not computed, and a packet that it is left to
    /// segment is whole.
    pub frame: &'a [u8],
    /// Bytes that the frame had; more than it has if the buffer had no room for them.
    pub wire_len: usize,
}

/// Which way a packet goes, seen from the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// From the kernel to the queues' readers.
    Outgoing,
    /// From a queue's holder to the kernel.
    Incoming,
}

/// The prefix of `packet`, which went in `direction`. Only what leaves for the device has passed a
/// report program.
fn prefix(packet: &[u8], direction: Direction) -> Option<Prefix> {
    Prefix::decode(packet).filter(|_| direction == Direction::Outgoing)
}

/// What came to a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Statistics {
    /// Packets, those dropped among them.
    pub packets: u32,
    /// Packets that the socket had no room for.
    pub dropped: u32,
}

/// Move the addresses of a frame, which begins `TAG_LEN` bytes into `room`, to the front, and put
/// the tag behind them. Not into less than a header.
fn put_tag_back(room: &mut [u8], tag: [u8; TAG_LEN]) -> bool {
    if room.len() < TAG_LEN + ADDRESSES_LEN {
        return false;
    }
    room.copy_within(TAG_LEN..TAG_LEN + ADDRESSES_LEN, 0);
    if let Some(place) = room.get_mut(ADDRESSES_LEN..ADDRESSES_LEN + TAG_LEN) {
        place.copy_from_slice(&tag);
    }
    true
}

/// Bytes of buffer that [`PacketSocket::recv`] needs to have room for any packet: 256 KiB, as other
/// capture tools have. A packet to be segmented has 64 KiB unless the device was told otherwise.
pub const MAX_PACKET: usize = 1 << 18;

/// Bytes that packets may wait in; the kernel counts more for each than it has.
const RECEIVE_BUFFER: usize = 16 << 20;

const TAG_LEN: usize = 4;
/// Both addresses of an Ethernet header.
const ADDRESSES_LEN: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_leaves_has_a_prefix() {
        let expected = Prefix { hash: 0x51cc_c178, report: tunrss_hash::HashReport::TcpV4 };
        let packet = [&expected.encode()[..], &[2; 60]].concat();
        assert_eq!(prefix(&packet, Direction::Outgoing), Some(expected));
        assert_eq!(prefix(&packet, Direction::Incoming), None);
        assert_eq!(prefix(&packet[8..], Direction::Outgoing), None);
    }

    #[test]
    fn tag_goes_between_addresses_and_type() {
        let mut room: Vec<u8> = (0..24).collect();
        assert!(put_tag_back(&mut room, [0x81, 0, 0xb1, 0x23]));
        let expected = [
            &(4..16).collect::<Vec<u8>>()[..],
            &[0x81, 0, 0xb1, 0x23],
            &(16..24).collect::<Vec<u8>>(),
        ];
        assert_eq!(room, expected.concat());
        let mut short: Vec<u8> = (0..15).collect();
        assert!(!put_tag_back(&mut short, [1; 4]));
        assert!(short.into_iter().eq(0..15));
    }
}
