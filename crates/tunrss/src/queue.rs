//! One queue of a device: reading packets with their hash, and writing them.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use tunrss_bpf::{PREFIX_LEN, ReportMode};
use tunrss_hash::{HashReport, Link, SteeringConfig, VnetHdr, VnetHdrLen, classify};

use crate::Config;
use crate::error::{Error, Result};
use crate::sys::ioctl::{self, flags};

/// One queue of a TAP. Non-blocking, close-on-exec; wait for it with any poller by its descriptor.
///
/// The device has virtio-net headers of 12 bytes.
#[derive(Debug)]
pub struct Queue {
    tun: OwnedFd,
    report: Report,
}

impl Queue {
    /// The queue behind a descriptor that somebody else attached, a VMM for instance.
    ///
    /// # Errors
    /// [`Error::NotAQueue`] if it is not attached to a TAP with headers of 12 bytes.
    pub fn from_fd(tun: OwnedFd) -> Result<Self> {
        let refuse = |found: String| Error::NotAQueue { found };
        let (_, iff) = ioctl::get_iff(&tun).map_err(|error| refuse(error.to_string()))?;
        if iff & flags::TAP == 0 || iff & flags::NO_PI == 0 {
            return Err(refuse("it is a TUN, or has packet information".into()));
        }
        let header = ioctl::vnet_hdr_len(&tun).map_err(|error| refuse(error.to_string()))?;
        if iff & flags::VNET_HDR == 0 || header != VnetHdrLen::V1.len() {
            return Err(refuse(format!("its header has {header} bytes")));
        }
        Ok(Self::new(tun))
    }

    pub(crate) fn new(tun: OwnedFd) -> Self {
        Self { tun, report: Report::Off }
    }

    /// How packets arrive from now on, and who hashes them. It must be what is in force on the
    /// device: see [`Steering::report`](crate::Steering::report).
    pub fn set_report(&mut self, report: Report) {
        self.report = report;
    }

    /// Read one packet: its frame goes into `frame`, from the Ethernet header on.
    ///
    /// The header in the result is that of `struct virtio_net_hdr_v1_hash`, put right where the
    /// kernel's report shifted it: offsets count from the start of the frame, `num_buffers` is 1.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if no packet is waiting; [`io::ErrorKind::InvalidData`] for a
    /// record that is too short for its headers (which the kernel does not make).
    pub fn recv(&self, frame: &mut [u8]) -> io::Result<Received> {
        let mut head = [0; VnetHdrLen::V1Hash.len()];
        // One byte more than the caller has room for tells a packet that did not fit.
        let mut beyond = [0];
        let layout = self.report.layout();
        let (head, _) = head.split_at_mut(layout.len());
        let room = frame.len();
        let mut buffers =
            [IoSliceMut::new(head), IoSliceMut::new(frame), IoSliceMut::new(&mut beyond)];
        let read = rustix::io::readv(&self.tun, &mut buffers)?;
        let (Some(len), Some(mut header)) =
            (read.checked_sub(layout.len()), VnetHdr::decode(head, layout))
        else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "record without a frame"));
        };
        let is_truncated = len > room;
        let len = len.min(room);
        header.num_buffers = 1;
        match &self.report {
            Report::Off => {}
            Report::Kernel => unshift(&mut header),
            Report::Reader(config) => {
                let frame = frame.get(..len).unwrap_or_default();
                let verdict = classify(config, Link::Ethernet, frame);
                header.hash_value = verdict.hash;
                header.hash_report = verdict.report.code();
            }
        }
        Ok(Received { len, is_truncated, header })
    }

    /// Write one packet, from its Ethernet header on. The header's hash fields are not used: the
    /// device takes 12 bytes.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if the device has no room; what else the kernel says of the
    /// packet.
    pub fn send(&self, header: &VnetHdr, frame: &[u8]) -> io::Result<()> {
        let head = header.encode();
        let (head, _) = head.split_at(VnetHdrLen::V1.len());
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
    /// With the hash in front of the frame, put there by the kernel.
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

    /// The layout of what is in front of a frame.
    fn layout(&self) -> VnetHdrLen {
        match self {
            Self::Kernel => VnetHdrLen::V1Hash,
            Self::Off | Self::Reader(_) => VnetHdrLen::V1,
        }
    }
}

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

/// The kernel counts from the start of the prefix; count from the start of the frame. The header
/// needs nothing else (tun_net_xmit adds no other offset, v6.12).
fn unshift(header: &mut VnetHdr) {
    let prefix = PREFIX_LEN as u16;
    if header.flags & VnetHdr::NEEDS_CSUM != 0 {
        header.csum_start = header.csum_start.saturating_sub(prefix);
    }
    if header.gso_type != 0 {
        header.hdr_len = header.hdr_len.saturating_sub(prefix);
    }
}
