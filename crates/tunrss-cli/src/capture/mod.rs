//! Packets from a pcap or pcapng file, told apart by content and read as a stream.
//!
//! Only what a simulation needs is read: where packets are, how long they were and what they start
//! with. Everything else is skipped unread, so that no option, time or block of a kind that nobody
//! here wants can end a simulation, and a block takes no memory whatever its length.

mod link_type;
mod pcap;
mod pcapng;
mod source;

use std::fs::File;
use std::io::{self, Read};

pub(crate) use self::link_type::LinkType;
use self::pcap::Pcap;
use self::pcapng::PcapNg;
use self::source::Source;
use crate::plan::CaptureInput;

/// An open capture.
pub(crate) struct Capture {
    format: Format,
    source: Source,
    /// Packets handed out.
    packets: u64,
    /// The bytes of the last packet, at most [`MAX_PACKET_LEN`].
    data: Vec<u8>,
}

enum Format {
    Pcap(Pcap),
    PcapNg(PcapNg),
}

/// A packet of a capture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Captured<'a> {
    pub(crate) link_type: LinkType,
    pub(crate) bytes: &'a [u8],
    /// Whether the capture has only the start of the packet.
    pub(crate) is_cut: bool,
}

impl Capture {
    /// Open a capture and read what stands before its first packet.
    pub(crate) fn open(input: &CaptureInput) -> Result<Self, CaptureError> {
        match input {
            CaptureInput::Stdin => Self::read(io::stdin()),
            CaptureInput::File(path) => Self::read(File::open(path)?),
        }
    }

    fn read(reader: impl Read + 'static) -> Result<Self, CaptureError> {
        let mut source = Source::new(reader);
        let mut start = Vec::new();
        source.up_to(4, &mut start)?;
        let in_header = |stop| match stop {
            Stop::Read(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                CaptureError::HeaderTruncated
            }
            Stop::Read(source) => CaptureError::Read { source },
            Stop::Damage(source) => CaptureError::HeaderDamaged { source },
        };
        let format = if start == pcapng::SECTION_HEADER {
            Format::PcapNg(PcapNg::read(&mut source).map_err(in_header)?)
        } else if let Some(variant) = pcap::Variant::of(&start) {
            Format::Pcap(Pcap::read(variant, &mut source).map_err(in_header)?)
        } else {
            return Err(match Compression::of(&start) {
                Some(compression) => CaptureError::Compressed { compression },
                None if start.is_empty() => CaptureError::Empty,
                None => CaptureError::NotACapture,
            });
        };
        Ok(Self { format, source, packets: 0, data: Vec::new() })
    }

    /// The next packet, or `None` at the end of the capture.
    pub(crate) fn next(&mut self) -> Result<Option<Captured<'_>>, CaptureError> {
        self.data.clear();
        let record = match &mut self.format {
            Format::Pcap(pcap) => pcap.next(&mut self.source, &mut self.data),
            Format::PcapNg(pcapng) => pcapng.next(&mut self.source, &mut self.data),
        };
        let packet = self.packets;
        let record = record.map_err(|stop| match stop {
            Stop::Read(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                CaptureError::Truncated { packet }
            }
            Stop::Read(source) => CaptureError::Read { source },
            Stop::Damage(source) => CaptureError::Damaged { packet, source },
        })?;
        let Some(Record { link_type, captured_len, wire_len }) = record else { return Ok(None) };
        self.packets += 1;
        Ok(Some(Captured { link_type, bytes: &self.data, is_cut: captured_len < wire_len }))
    }
}

/// What is said of a packet, in bytes.
struct Record {
    link_type: LinkType,
    captured_len: u32,
    wire_len: u32,
}

/// How many bytes of a packet are kept. Headers that are looked at take less: each extension header
/// has 2 KiB at most, and there is a limit on their number.
const MAX_PACKET_LEN: u32 = 256 << 10;

/// A compression that captures are often stored with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Compression {
    name: &'static str,
    /// What decompresses a file to standard output.
    command: &'static str,
}

impl Compression {
    /// By the first bytes: RFC 1952, RFC 8878, the xz and LZ4 formats' own texts, and the header that
    /// bzip2 writes.
    fn of(start: &[u8]) -> Option<Self> {
        let (name, command) = match start {
            [0x1f, 0x8b, ..] => ("gzip", "gzip -dc"),
            [0x28, 0xb5, 0x2f, 0xfd] => ("zstd", "zstd -dc"),
            [0xfd, b'7', b'z', b'X'] => ("xz", "xz -dc"),
            [b'B', b'Z', b'h', b'1'..=b'9'] => ("bzip2", "bzip2 -dc"),
            // A frame, and a frame of the older format.
            [0x04, 0x22, 0x4d, 0x18] | [0x02, 0x21, 0x4c, 0x18] => ("LZ4", "lz4 -dc"),
            _ => return None,
        };
        Some(Self { name, command })
    }
}

/// Why nothing more can be read.
enum Stop {
    /// With [`io::ErrorKind::UnexpectedEof`] where the capture ends too early.
    Read(io::Error),
    Damage(Damage),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

impl From<Damage> for Stop {
    fn from(damage: Damage) -> Self {
        Self::Damage(damage)
    }
}

/// What a capture has that no capture can have.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Damage {
    #[error("a block of type {kind:#010x} has a length of {len} bytes")]
    BlockLen { kind: u32, len: u32 },
    #[error("a block has a length of {start} bytes at its start, and of {end} at its end")]
    BlockEnd { start: u32, end: u32 },
    #[error("a section's byte-order magic is {magic:02x?}")]
    ByteOrder { magic: [u8; 4] },
    #[error("a section has version {major}.{minor} of pcapng, and only 1.0 is known")]
    Version { major: u16, minor: u16 },
    #[error("a section describes more than {} interfaces", pcapng::MAX_INTERFACES)]
    Interfaces,
    #[error("the packet is of interface {number}, which the capture does not describe")]
    NoInterface { number: u32 },
    #[error("the packet claims {captured_len} bytes, and its block has room for {room}")]
    PacketLen { captured_len: u32, room: u32 },
}

/// Why a capture gives no packets, or no more. Packets count from 0.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CaptureError {
    #[error(transparent)]
    Read { source: io::Error },
    #[error("it is empty")]
    Empty,
    #[error("it is compressed with {}", compression.name)]
    Compressed { compression: Compression },
    #[error("it is neither pcap nor pcapng")]
    NotACapture,
    #[error("it has no packets")]
    NoPackets,
    #[error("it ends in its file header")]
    HeaderTruncated,
    #[error("its file header is damaged")]
    HeaderDamaged { source: Damage },
    #[error("it is cut off in packet {packet}, or a length there is damaged")]
    Truncated { packet: u64 },
    #[error("it is damaged at packet {packet}")]
    Damaged { packet: u64, source: Damage },
    #[error("its packets are neither Ethernet frames nor bare IP, but of link type {link_type}")]
    LinkType { link_type: LinkType },
}

impl From<io::Error> for CaptureError {
    fn from(source: io::Error) -> Self {
        Self::Read { source }
    }
}

impl CaptureError {
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Read { source } => crate::error::hint_of_path(source)?,
            Self::Compressed { compression: Compression { command, .. } } => {
                return Some(format!(
                    "decompress it first, as in `{command} FILE | tunrss simulate -`"
                ));
            }
            Self::Empty | Self::NotACapture => {
                "make a capture with `tcpdump -i tap0 -w FILE`, or convert one with editcap"
            }
            Self::NoPackets => "check the filter it was captured with",
            Self::HeaderTruncated | Self::HeaderDamaged { .. } => {
                "make the capture again, or look at what `tcpdump -r FILE` says of it"
            }
            Self::Truncated { .. } | Self::Damaged { .. } => {
                "packets count from 0; `tcpdump -r FILE -w GOOD` keeps those before the damage"
            }
            Self::LinkType { link_type: LinkType::LINUX_SLL | LinkType::LINUX_SLL2 } => {
                "capture on one device, as in `tcpdump -i tap0`, not on `any`"
            }
            Self::LinkType { .. } => "capture on an Ethernet, TAP or TUN device",
        };
        Some(hint.into())
    }
}
