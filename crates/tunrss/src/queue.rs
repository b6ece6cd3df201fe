//! One queue of a device: reading packets with their hash, and writing them.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use tunrss_bpf::{Prefix, ReportMode};
use tunrss_hash::dissect::{ETHERTYPE_IPV4, ETHERTYPE_IPV6};
use tunrss_hash::{HashReport, Link, SteeringConfig, VnetHdr, VnetHdrLen, classify};

use crate::error::{Error, Result};
use crate::sys::ioctl::{self, flags};
use crate::{Attachment, Config};

/// One queue of a device. Non-blocking, close-on-exec; wait for it with any poller by its
/// descriptor.
///
/// A record of the kernel has in front of its frame what the device has: 4 bytes of packet
/// information, then a virtio-net header; then, in report mode `kernel`, 8 bytes with the hash. The
/// queue takes them off and puts them on. It was found out when this was made, so nobody may change
/// it afterwards.
#[derive(Debug)]
pub struct Queue {
    tun: OwnedFd,
    format: Format,
    report: Report,
    leaving_kernel: Option<Leaving>,
}

impl Queue {
    /// The queue behind a descriptor that somebody else attached, a VMM for instance. The device is
    /// read and written as it is.
    ///
    /// A descriptor does not tell whether its device has packet information, so the device is asked,
    /// in its network namespace. For another one than the calling thread's this takes CAP_SYS_ADMIN;
    /// who lacks it, but knows, has [`Queue::from_fd_as`].
    ///
    /// # Errors
    /// [`Error::NotAQueue`] if it is not attached to a device, if the device cannot be asked, or if
    /// its header has a size that is not virtio-net's.
    pub fn from_fd(tun: OwnedFd) -> Result<Self> {
        let refuse = |found| Error::NotAQueue { found };
        let has_packet_information = has_packet_information(&tun).map_err(refuse)?;
        Self::from_fd_as(tun, has_packet_information)
    }

    /// The same, of a device that is known to have packet information or not to have it.
    ///
    /// # Errors
    /// [`Error::NotAQueue`] if it is not attached to a device, or if the device's header has a size
    /// that is not virtio-net's.
    pub fn from_fd_as(tun: OwnedFd, has_packet_information: bool) -> Result<Self> {
        let format =
            Format::of(&tun, has_packet_information).map_err(|found| Error::NotAQueue { found })?;
        Ok(Self { tun, format, report: Report::Off, leaving_kernel: None })
    }

    /// A socket whose messages are like the records of a TAP.
    #[cfg(test)]
    pub(crate) fn of_socket(tun: OwnedFd) -> Self {
        let format = Format {
            has_packet_information: false,
            vnet_hdr: Some(VnetHdrLen::V1),
            link: Link::Ethernet,
        };
        Self { tun, format, report: Report::Off, leaving_kernel: None }
    }

    /// The header that packets start with.
    pub fn link(&self) -> Link {
        self.format.link
    }

    /// The virtio-net header that the device has.
    pub fn vnet_hdr(&self) -> Option<VnetHdrLen> {
        self.format.vnet_hdr
    }

    /// Whether the device has packet information.
    pub fn has_packet_information(&self) -> bool {
        self.format.has_packet_information
    }

    /// Whether the device of this queue, which is attached, is still there: nobody has deleted it.
    #[doc(alias = "TUNGETIFF")]
    pub fn has_device(&self) -> bool {
        ioctl::get_iff(&self.tun).is_ok()
    }

    /// Whether the device puts packets into this queue. One that is detached loses the packets that wait
    /// in it, and is written to and asked as before; the device counts its queues anew, and its last one
    /// takes the number of one that is detached. One that is attached again is the last.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] (EINVAL) if it is so already; what else the ioctl says.
    #[doc(alias = "TUNSETQUEUE")]
    pub fn set_attached(&self, attached: bool) -> io::Result<()> {
        let set = if attached { ioctl::enable_queue } else { ioctl::disable_queue };
        Ok(set(&self.tun)?)
    }

    /// How packets arrive from now on, and who hashes them. It must be what is in force on the
    /// device: see [`Steering::report`](crate::Steering::report).
    ///
    /// A change loses or misreads no packet, if [`Report::Kernel`] is set before it comes into force,
    /// and anything else after it has gone: frames with prefix are told from those without one by one
    /// under `Kernel`, and from then on until those that were made under it have been read.
    pub fn set_report(&mut self, report: Report) {
        if matches!((&self.report, &report), (Report::Kernel, Report::Off | Report::Reader(_))) {
            self.leaving_kernel = Some(Leaving::now());
        }
        self.report = report;
    }

    /// Read one packet: its frame goes into `frame`, from the header [`link`](Self::link) on.
    ///
    /// The header in the result is that of `struct virtio_net_hdr_v1_hash`, put right where the
    /// kernel's report shifted it: offsets count from the start of the frame, `num_buffers` is 1.
    /// On a device without headers there is nothing in it but the hash.
    ///
    /// [`Queue::recv_record`] is faster.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if no packet is waiting; [`io::ErrorKind::InvalidData`] for a
    /// record that is too short for its headers (which the kernel does not make).
    pub fn recv(&self, frame: &mut [u8]) -> io::Result<Received> {
        let mut front = [0; MAX_HEAD_LEN + Prefix::LEN];
        let prefix_len = if self.takes_prefix() { Prefix::LEN } else { 0 };
        let (front, _) = front.split_at_mut(self.format.len() + prefix_len);
        let room = frame.len();
        // One byte more than the caller has room for tells a packet that did not fit.
        let mut beyond = [0];
        let mut buffers =
            [IoSliceMut::new(front), IoSliceMut::new(frame), IoSliceMut::new(&mut beyond)];
        let read = rustix::io::readv(&self.tun, &mut buffers)
            .inspect_err(|&error| self.note_refusal(error))?;
        let (mut received, prefix) = self.received(front.get(..read).unwrap_or(front))?;
        if prefix.is_none() {
            let (_, no_prefix) = front.split_at(self.format.len());
            put_back(no_prefix, frame);
        }
        let in_front = self.format.len() + prefix.map_or(0, |_| Prefix::LEN);
        let len = read.saturating_sub(in_front);
        received.is_truncated = len > room;
        received.len = len.min(room);
        if prefix.is_none() {
            self.hash(&mut received.header, frame.get(..received.len).unwrap_or_default());
        }
        Ok(received)
    }

    /// Read one packet by one plain read, with what is in front of its frame, into `buffer`, which
    /// needs [`RECORD_OVERHEAD`](Self::RECORD_OVERHEAD) bytes more than the longest frame. There the
    /// packet is left as virtio-net has it: see [`Record::with_header`].
    ///
    /// This is the fastest way to read: the kernel takes longer for a record that goes into several
    /// buffers, as [`recv`](Self::recv) has it.
    ///
    /// # Errors
    /// As for [`recv`](Self::recv), and [`io::ErrorKind::InvalidInput`] if `buffer` has fewer bytes
    /// than [`RECORD_OVERHEAD`](Self::RECORD_OVERHEAD); no packet is lost then.
    pub fn recv_record<'a>(&self, buffer: &'a mut [u8]) -> io::Result<Record<'a>> {
        if buffer.len() < Self::RECORD_OVERHEAD {
            let why = "the buffer is too short for what is in front of a frame";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        // So that a whole header has room in front of the frame.
        let start = HEADER_LEN.saturating_sub(self.format.len());
        let (_, record) = buffer.split_at_mut(start);
        // The last byte tells a packet that did not fit.
        let room = record.len() - 1;
        let read = rustix::io::read(&self.tun, &mut *record)
            .inspect_err(|&error| self.note_refusal(error))?;
        let (record, _) = record.split_at(read.min(room));
        let (mut received, prefix) = self.received(record)?;
        let in_front = self.format.len() + prefix.map_or(0, |_| Prefix::LEN);
        let frame = record.get(in_front..).unwrap_or_default();
        received.len = frame.len();
        received.is_truncated = read > room;
        if prefix.is_none() {
            self.hash(&mut received.header, frame);
        }
        let end = start + in_front + received.len;
        let bytes = buffer.get_mut(start + in_front - HEADER_LEN..end).unwrap_or_default();
        if let Some(header) = bytes.first_chunk_mut() {
            *header = received.header.encode();
        }
        Ok(Record { received, bytes })
    }

    /// What [`recv_record`](Self::recv_record)'s buffer needs beyond the longest frame, in bytes.
    pub const RECORD_OVERHEAD: usize = MAX_HEAD_LEN + Prefix::LEN + 1;

    /// What stands at the start of a record, without that of the frame itself; and the prefix, if it
    /// has one.
    #[inline]
    fn received(&self, record: &[u8]) -> io::Result<(Received, Option<Prefix>)> {
        let Some((packet_information, mut header)) = self.format.decode(record) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "record without a frame"));
        };
        let mut prefix = None;
        if self.takes_prefix() {
            prefix = record.get(self.format.len()..).and_then(Prefix::decode);
        }
        if let Some(prefix) = prefix {
            prefix.move_into(&mut header);
        }
        Ok((Received { len: 0, is_truncated: false, header, packet_information }, prefix))
    }

    /// Hash a frame that the kernel has not hashed, if that is the reader's to do.
    fn hash(&self, header: &mut VnetHdr, frame: &[u8]) {
        if let Report::Reader(config) = &self.report {
            let verdict = classify(config, self.format.link, frame);
            header.hash_value = verdict.hash;
            header.hash_report = verdict.report.code();
        }
    }

    /// Whether frames may have the kernel's prefix.
    fn takes_prefix(&self) -> bool {
        let is_leaving = || self.leaving_kernel.as_ref().is_some_and(Leaving::is_under_way);
        matches!(self.report, Report::Kernel) || is_leaving()
    }

    fn note_refusal(&self, error: Errno) {
        if error == Errno::AGAIN
            && let Some(leaving) = &self.leaving_kernel
        {
            leaving.note_empty();
        }
    }

    /// Write one packet, from the header [`link`](Self::link) on. The header's hash fields are not
    /// used. The protocol in packet information, if the device has it, is that of the IP version.
    ///
    /// # Errors
    /// - [`io::ErrorKind::WouldBlock`] if the device has no room.
    /// - [`io::ErrorKind::InvalidInput`] if `header` leaves a checksum or segments to the kernel and
    ///   the device has no header to say so, if a packet for a TUN is neither IPv4 nor IPv6, or one
    ///   for a TAP is shorter than an Ethernet header.
    /// - What else the kernel says of the packet.
    pub fn send(&self, header: &VnetHdr, frame: &[u8]) -> io::Result<()> {
        let mut head = [0; MAX_HEAD_LEN];
        let (head, _) = head.split_at_mut(self.format.len());
        self.format.encode(head, header, frame)?;
        let buffers = [IoSlice::new(head), IoSlice::new(frame)];
        let written = rustix::io::writev(&self.tun, &buffers)?;
        if written == head.len() + frame.len() {
            Ok(())
        } else {
            Err(io::Error::new(io::ErrorKind::WriteZero, "the device took a part of the packet"))
        }
    }
}

impl AsFd for Queue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tun.as_fd()
    }
}

/// How packets arrive, and who hashes them.
#[derive(Clone, Debug, Default)]
pub enum Report {
    /// Without hash.
    #[default]
    Off,
    /// With the hash in front of the frame, put there by the kernel. A frame without is read as it
    /// is, and has no hash.
    Kernel,
    /// Without hash; the reader computes it by this configuration.
    Reader(Arc<Config>),
}

impl Report {
    /// The report of a configuration in a mode.
    pub fn new<T: AsRef<[u16]>>(mode: ReportMode, config: &SteeringConfig<T>) -> Self {
        match mode {
            ReportMode::Off => Self::Off,
            ReportMode::Kernel => Self::Kernel,
            ReportMode::Reader => Self::Reader(Arc::new(config.copied_into())),
        }
    }
}

/// The end of report mode kernel, seen from a queue: frames with prefix may still come.
#[derive(Debug)]
struct Leaving {
    since: Instant,
    is_over: AtomicBool,
}

impl Leaving {
    fn now() -> Self {
        Self { since: Instant::now(), is_over: AtomicBool::new(false) }
    }

    fn is_under_way(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }

    /// The queue is empty. What was on its way to it has had time to arrive.
    fn note_empty(&self) {
        if self.is_under_way() && self.since.elapsed() > UNDER_WAY {
            self.is_over.store(true, Ordering::Relaxed);
        }
    }
}

/// How long a frame can wait between the report program and the queue.
const UNDER_WAY: Duration = Duration::from_secs(1);

/// What came with a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Received {
    /// Bytes of the frame in the caller's buffer.
    pub len: usize,
    /// Whether the frame was longer than the buffer; the rest of it is lost.
    pub is_truncated: bool,
    /// The packet's header, with its hash and report; both 0 without report.
    pub header: VnetHdr,
    /// What the kernel says of the packet on a device with packet information.
    pub packet_information: Option<PacketInformation>,
}

/// `struct tun_pi`, as a packet brings it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct PacketInformation {
    /// 1 (`TUN_PKT_STRIP`) if the kernel knows that the frame was longer than the buffer; see
    /// [`Received::is_truncated`].
    pub flags: u16,
    /// The EtherType of the packet.
    pub protocol: u16,
}

impl Received {
    /// The hash, all 32 bits, if the packet has one.
    pub fn hash(&self) -> Option<u32> {
        (self.report() != HashReport::None).then_some(self.header.hash_value)
    }

    /// The type of the hash.
    pub fn report(&self) -> HashReport {
        self.header.report()
    }
}

/// A packet that [`Queue::recv_record`] has read.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    received: Received,
    /// Header and frame.
    bytes: &'a [u8],
}

impl<'a> Record<'a> {
    /// What came with the packet.
    pub fn received(&self) -> &Received {
        &self.received
    }

    /// The frame, from the header [`Queue::link`] on.
    pub fn frame(&self) -> &'a [u8] {
        self.bytes.get(HEADER_LEN..).unwrap_or_default()
    }

    /// `struct virtio_net_hdr_v1_hash` (20 bytes, little-endian) and the frame behind it: what a
    /// virtio-net device passes to a driver with `VIRTIO_NET_F_HASH_REPORT`, on a device of any
    /// header and in any report mode. The header is [`Received::header`].
    #[doc(alias = "virtio_net_hdr_v1_hash")]
    pub fn with_header(&self) -> &'a [u8] {
        self.bytes
    }
}

/// What a record has in front of its frame, in this order, and what the frame starts with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Format {
    has_packet_information: bool,
    vnet_hdr: Option<VnetHdrLen>,
    link: Link,
}

impl Format {
    /// That of the device that `tun` is attached to; else what `tun` is instead.
    fn of(tun: &OwnedFd, has_packet_information: bool) -> std::result::Result<Self, String> {
        let (_, iff) = ioctl::get_iff(tun).map_err(|error| error.to_string())?;
        let vnet_hdr = if iff & flags::VNET_HDR == 0 {
            None
        } else {
            let len = ioctl::vnet_hdr_len(tun).map_err(|error| error.to_string())?;
            let known = VnetHdrLen::from_len(len);
            Some(known.ok_or_else(|| format!("its virtio-net header has {len} bytes"))?)
        };
        Ok(Self {
            has_packet_information,
            vnet_hdr,
            link: if iff & flags::TAP == 0 { Link::Ip } else { Link::Ethernet },
        })
    }

    /// Bytes in front of the frame.
    fn len(self) -> usize {
        self.packet_information_len() + self.vnet_hdr.map_or(0, VnetHdrLen::len)
    }

    fn packet_information_len(self) -> usize {
        if self.has_packet_information { PI_LEN } else { 0 }
    }

    /// Packet information and header; `None` if `head` is too short.
    #[inline]
    fn decode(self, head: &[u8]) -> Option<(Option<PacketInformation>, VnetHdr)> {
        let (packet_information, rest) = if self.has_packet_information {
            let (&[f0, f1, p0, p1], rest) = head.split_first_chunk::<PI_LEN>()?;
            let flags = u16::from_ne_bytes([f0, f1]);
            let protocol = u16::from_be_bytes([p0, p1]);
            (Some(PacketInformation { flags, protocol }), rest)
        } else {
            (None, head)
        };
        let Some(vnet_hdr) = self.vnet_hdr else {
            let header = VnetHdr { num_buffers: 1, ..VnetHdr::default() };
            return Some((packet_information, header));
        };
        let header = rest.get(..vnet_hdr.len())?;
        // The kernel leaves bytes behind the tenth as they were (Linux 6.12 and before).
        let header = VnetHdr { num_buffers: 1, ..VnetHdr::decode(header, VnetHdrLen::Legacy)? };
        Some((packet_information, header))
    }

    /// Put into `head`, which has [`Format::len`] bytes of zero, what `frame` goes with.
    fn encode(self, head: &mut [u8], header: &VnetHdr, frame: &[u8]) -> io::Result<()> {
        let refused = |why| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        // Without header it would be nothing to write, which always succeeds.
        if frame.is_empty() {
            return refused("there is no packet without a byte");
        }
        let (packet_information, vnet_hdr) = head.split_at_mut(self.packet_information_len());
        if self.has_packet_information {
            let protocol = match (self.link, frame.first().map(|byte| byte >> 4)) {
                // The Ethernet header says it.
                (Link::Ethernet, _) => 0,
                (Link::Ip, Some(4)) => ETHERTYPE_IPV4,
                (Link::Ip, Some(6)) => ETHERTYPE_IPV6,
                (Link::Ip, _) => return refused("neither IPv4 nor IPv6"),
            };
            let [p0, p1] = protocol.to_be_bytes();
            packet_information.copy_from_slice(&[0, 0, p0, p1]);
        }
        let is_left_to_kernel = header.flags & VnetHdr::NEEDS_CSUM != 0 || header.gso_type != 0;
        if self.vnet_hdr.is_none() && is_left_to_kernel {
            return refused("the device has no header to leave checksum or segments to the kernel");
        }
        let bytes = VnetHdr { hash_value: 0, hash_report: 0, ..*header }.encode();
        vnet_hdr.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        Ok(())
    }
}

/// Whether the device that `tun` is attached to has packet information; else why it is not known.
///
/// TUNGETIFF does not tell: IFF_NOFILTER, "has no socket filter", is the same bit as IFF_NO_PI.
fn has_packet_information(tun: &OwnedFd) -> std::result::Result<bool, String> {
    let attachment = Attachment::of(tun).map_err(|error| error.to_string())?;
    if attachment.is_macvtap() {
        return Ok(false);
    }
    let asked = attachment.with_device(|device| Ok(device.has_packet_information()));
    asked.map_err(|error| {
        let name = attachment.name();
        match error {
            Error::Netns { source, .. } => format!(
                "its device {name} is in a network namespace that cannot be entered: {source}"
            ),
            _ => format!("its device {name} cannot be asked"),
        }
    })
}

/// Put bytes that are no prefix back in front of the frame that they are the start of. What then has
/// no room at its end is lost.
fn put_back(front: &[u8], frame: &mut [u8]) {
    let len = front.len().min(frame.len());
    let kept = frame.len() - len;
    frame.copy_within(..kept, len);
    let (start, _) = frame.split_at_mut(len);
    start.iter_mut().zip(front).for_each(|(to, &from)| *to = from);
}

/// The length of `struct tun_pi`.
const PI_LEN: usize = 4;

/// The header that a [`Record`] has.
const HEADER_LEN: usize = VnetHdrLen::V1Hash.len();

/// The most that is in front of a frame, but for a prefix.
const MAX_HEAD_LEN: usize = PI_LEN + HEADER_LEN;
