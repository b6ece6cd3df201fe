//! Packet sockets (net/packet/af_packet.c, linux/if_packet.h): every packet of a device, as it
//! passes.

use std::ffi::{c_int, c_void};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

/// What comes with a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Record {
    /// Bytes of the packet, also if the buffer had fewer.
    pub(crate) len: usize,
    /// Whether the kernel sent it on the device, rather than received it there.
    pub(crate) is_outgoing: bool,
    /// When, since 1970.
    pub(crate) time: Option<Duration>,
    /// The tag that the kernel keeps beside the packet, as it stands in a frame: protocol and tag
    /// control information.
    pub(crate) vlan_tag: Option<[u8; 4]>,
}

/// Bind a packet socket to the device, for packets of all protocols: from now on they come.
pub(crate) fn bind(socket: impl AsFd, index: u32) -> io::Result<()> {
    let mut address = blank_address();
    address.sll_family = libc::AF_PACKET as u16;
    // In network byte order.
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = c_int::try_from(index).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: bind(2) reads as many bytes as it is told through the pointer, those of `address`, and
    // keeps no pointer (packet_bind, v6.12).
    let result = unsafe {
        libc::bind(
            socket.as_fd().as_raw_fd(),
            (&raw const address).cast(),
            size_of_val(&address) as libc::socklen_t,
        )
    };
    check(result as isize).map(drop)
}

/// `PACKET_AUXDATA` and `SO_TIMESTAMPNS_NEW`: have a packet come with its tag and its time.
pub(crate) fn set_record_options(socket: impl AsFd) -> io::Result<()> {
    set_option(&socket, libc::SOL_PACKET, libc::PACKET_AUXDATA)?;
    set_option(&socket, libc::SOL_SOCKET, SO_TIMESTAMPNS_NEW)
}

/// Take one packet. A packet longer than `buffer` is cut.
pub(crate) fn recv(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<Record> {
    let mut address = blank_address();
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut control = [0u8; CONTROL_LEN];
    // SAFETY: a msghdr is pointers and integers: all zero is one.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_name = (&raw mut address).cast();
    message.msg_namelen = size_of_val(&address) as libc::socklen_t;
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast::<c_void>();
    message.msg_controllen = control.len() as _;
    // SAFETY: recvmsg(2) writes at most the stated lengths through the pointers to address, buffer
    // and control, and their new lengths into `message`; all live past the call, and the kernel
    // keeps no pointer. MSG_TRUNC only makes the result the packet's length.
    let result =
        unsafe { libc::recvmsg(socket.as_fd().as_raw_fd(), &raw mut message, libc::MSG_TRUNC) };
    let len = check(result)?;
    // Its type is not the same in every libc.
    let control_len = message.msg_controllen as usize;
    let mut record = Record {
        len,
        is_outgoing: address.sll_pkttype == libc::PACKET_OUTGOING,
        ..Record::default()
    };
    read_control(control.get(..control_len).unwrap_or_default(), &mut record);
    Ok(record)
}

/// `PACKET_STATISTICS`: packets that came since this was last asked, those among them that found no
/// room.
pub(crate) fn statistics(socket: impl AsFd) -> io::Result<(u32, u32)> {
    let mut found = libc::tpacket_stats { tp_packets: 0, tp_drops: 0 };
    let mut len = size_of_val(&found) as libc::socklen_t;
    // SAFETY: the option writes at most `len` bytes through the pointer, those of `found`, and the
    // length through the other (packet_getsockopt, v6.12); both live past the call.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            (&raw mut found).cast(),
            &raw mut len,
        )
    };
    check(result as isize)?;
    Ok((found.tp_packets, found.tp_drops))
}

/// Read control messages, each a header of length, level and type, and data; both padded to the
/// size of a length. Any bytes can be read.
fn read_control(mut control: &[u8], record: &mut Record) {
    const WORD: usize = size_of::<usize>();
    const HEADER_LEN: usize = size_of::<libc::cmsghdr>().next_multiple_of(WORD);
    while let Some((header, _)) = control.split_at_checked(HEADER_LEN) {
        let [len, kind] = [0, WORD].map(|at| header.get(at..).unwrap_or_default());
        let len = len.first_chunk().map_or(0, |len| usize::from_ne_bytes(*len));
        let Some(data) = control.get(HEADER_LEN..len) else { return };
        match (words(kind), words(data)) {
            ([LEVEL_SOCKET, TIMESTAMP, ..], words) => record.time = time(words).or(record.time),
            ([LEVEL_PACKET, AUXDATA, ..], words) => record.vlan_tag = vlan_tag(words),
            _ => {}
        }
        control = control.get(len.next_multiple_of(WORD)..).unwrap_or_default();
    }
}

/// The first 32-bit words of `bytes`, zero where there are none.
fn words(bytes: &[u8]) -> [u32; 5] {
    let (chunks, _) = bytes.as_chunks();
    let mut words = chunks.iter().copied().map(u32::from_ne_bytes);
    std::array::from_fn(|_| words.next().unwrap_or(0))
}

/// Of a `struct __kernel_timespec`: 64 bits of seconds, 64 of nanoseconds.
fn time([s0, s1, n0, n1, _]: [u32; 5]) -> Option<Duration> {
    let [seconds, nanoseconds] = [[s0, s1], [n0, n1]].map(join);
    u32::try_from(nanoseconds)
        .ok()
        .filter(|&nanoseconds| nanoseconds < 1_000_000_000)
        .map(|nanoseconds| Duration::new(seconds, nanoseconds))
}

/// Of a `struct tpacket_auxdata`: 32 bits each of status, length and captured length, 16 each of
/// two offsets, tag control information and tag protocol.
fn vlan_tag([status, _, _, _, tag]: [u32; 5]) -> Option<[u8; 4]> {
    if status & libc::TP_STATUS_VLAN_VALID == 0 {
        return None;
    }
    let [t0, t1, p0, p1] = tag.to_ne_bytes();
    let has_protocol = status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
    let protocol = if has_protocol { u16::from_ne_bytes([p0, p1]) } else { ETHERTYPE_VLAN };
    let ([p0, p1], [t0, t1]) = (protocol.to_be_bytes(), u16::from_ne_bytes([t0, t1]).to_be_bytes());
    Some([p0, p1, t0, t1])
}

fn join([first, second]: [u32; 2]) -> u64 {
    let ([a, b, c, d], [e, f, g, h]) = (first.to_ne_bytes(), second.to_ne_bytes());
    u64::from_ne_bytes([a, b, c, d, e, f, g, h])
}

fn set_option(socket: impl AsFd, level: c_int, option: c_int) -> io::Result<()> {
    let on: c_int = 1;
    // SAFETY: the options that this serves read one int through the pointer (packet_setsockopt and
    // sk_setsockopt, v6.12) and keep none; `on` lives past the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            option,
            (&raw const on).cast(),
            size_of_val(&on) as libc::socklen_t,
        )
    };
    check(result as isize).map(drop)
}

fn blank_address() -> libc::sockaddr_ll {
    // SAFETY: a sockaddr_ll is integers and an array of such: all zero is one.
    unsafe { std::mem::zeroed() }
}

/// The result of a call that fails with a negative number.
fn check(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

const LEVEL_SOCKET: u32 = libc::SOL_SOCKET as u32;
const LEVEL_PACKET: u32 = libc::SOL_PACKET as u32;
const AUXDATA: u32 = libc::PACKET_AUXDATA as u32;
const TIMESTAMP: u32 = SO_TIMESTAMPNS_NEW as u32;

/// asm-generic/socket.h, which all supported architectures use. Since Linux 5.1.
const SO_TIMESTAMPNS_NEW: c_int = 64;
/// The protocol of a tag whose protocol is not told.
const ETHERTYPE_VLAN: u16 = 0x8100;
/// Room for both control messages, with their headers of at most 16 bytes.
const CONTROL_LEN: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn message(level: c_int, kind: c_int, data: &[u8]) -> Vec<u8> {
        let len = size_of::<libc::cmsghdr>() + data.len();
        let mut bytes =
            [&len.to_ne_bytes()[..], &level.to_ne_bytes(), &kind.to_ne_bytes(), data].concat();
        bytes.resize(bytes.len().next_multiple_of(size_of::<usize>()), 0xee);
        bytes
    }

    fn read(control: &[u8]) -> Record {
        let mut record = Record::default();
        read_control(control, &mut record);
        record
    }

    fn auxdata(status: u32) -> Vec<u8> {
        let halves = [14, 22, 0xb123u16, 0x88a8].map(u16::to_ne_bytes);
        [&status.to_ne_bytes()[..], &[0xff; 8], halves.as_flattened()].concat()
    }

    #[test]
    fn control_messages_are_read_in_any_order() {
        let time = [1_795_373_091u64, 123_456_789].map(u64::to_ne_bytes);
        let time = message(libc::SOL_SOCKET, SO_TIMESTAMPNS_NEW, time.as_flattened());
        let status = libc::TP_STATUS_VLAN_VALID | libc::TP_STATUS_VLAN_TPID_VALID;
        let tag = message(libc::SOL_PACKET, libc::PACKET_AUXDATA, &auxdata(status));
        let other = message(libc::SOL_SOCKET, 7, &[1, 2, 3]);
        let expected = Record {
            time: Some(Duration::new(1_795_373_091, 123_456_789)),
            vlan_tag: Some([0x88, 0xa8, 0xb1, 0x23]),
            ..Record::default()
        };
        for order in [[&time, &other, &tag], [&other, &tag, &time]] {
            assert_eq!(read(&order.map(|part| part.as_slice()).concat()), expected);
        }
    }

    #[test]
    fn tag_is_only_where_the_kernel_says_so() {
        let tag = |status| read(&message(libc::SOL_PACKET, libc::PACKET_AUXDATA, &auxdata(status)));
        assert_eq!(tag(libc::TP_STATUS_VLAN_TPID_VALID).vlan_tag, None);
        let valid = libc::TP_STATUS_VLAN_VALID;
        assert_eq!(tag(valid).vlan_tag, Some([0x81, 0x00, 0xb1, 0x23]));
    }

    /// Cut anywhere, or with any length in its header, it is read without a panic or a loop.
    #[test]
    fn damaged_control_messages_are_left_out() {
        let tag = message(libc::SOL_PACKET, libc::PACKET_AUXDATA, &auxdata(u32::MAX));
        for end in 0..tag.len() {
            read(&tag[..end]);
        }
        for len in (0..64).chain([usize::MAX, usize::MAX - 7]) {
            let damaged = [&len.to_ne_bytes()[..], &tag[size_of::<usize>()..]].concat();
            read(&[damaged.as_slice(), &tag].concat());
        }
        let nonsense = [1u64, 1_000_000_000].map(u64::to_ne_bytes);
        let time = message(libc::SOL_SOCKET, SO_TIMESTAMPNS_NEW, nonsense.as_flattened());
        assert_eq!(read(&time).time, None);
    }
}
