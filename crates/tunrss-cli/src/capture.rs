//! Packets from a pcap or pcapng file, told apart by content and read as a stream.
//!
//! The pcap-file crate finds records and blocks. Of a packet's record only lengths and data are
//! looked at here, so that a strange timestamp or option does not end a simulation.

use std::fs::File;
use std::io::{self, Chain, Cursor, Read};
use std::path::Path;

use pcap_file::pcap::PcapReader;
use pcap_file::pcapng::PcapNgReader;
use pcap_file::pcapng::blocks::{ENHANCED_PACKET_BLOCK, PACKET_BLOCK, SIMPLE_PACKET_BLOCK};
use pcap_file::{DataLink, Endianness, PcapError};
use tunrss::hash::Link;

/// An open capture.
pub(crate) struct Capture {
    format: Format,
    /// Packets handed out.
    packets: u64,
    /// The bytes of the last packet.
    data: Vec<u8>,
}

enum Format {
    Pcap { reader: Box<PcapReader<Source>>, link: Link },
    PcapNg(Box<PcapNgReader<Source>>),
}

/// The bytes that told the format, then the rest of the file.
type Source = Chain<Cursor<Vec<u8>>, File>;

/// A packet of a capture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Captured<'a> {
    pub(crate) link: Link,
    pub(crate) bytes: &'a [u8],
    /// Whether the capture has only the start of the packet.
    pub(crate) is_cut: bool,
}

impl Capture {
    /// Open the capture at `path` and read what stands before its first packet.
    pub(crate) fn open(path: &Path) -> Result<Self, CaptureError> {
        let mut file = File::open(path)?;
        let mut magic = Vec::new();
        Read::by_ref(&mut file).take(4).read_to_end(&mut magic)?;
        let kind = magic.clone();
        let source = Cursor::new(magic).chain(file);
        let format = match kind.as_slice() {
            [] => return Err(CaptureError::Empty),
            [0xa1, 0xb2, 0xc3, 0xd4]
            | [0xd4, 0xc3, 0xb2, 0xa1]
            | [0xa1, 0xb2, 0x3c, 0x4d]
            | [0x4d, 0x3c, 0xb2, 0xa1] => {
                let reader = PcapReader::new(source).map_err(in_file_header)?;
                // The upper half says whether frames end in a checksum.
                let number = u32::from(reader.header().datalink) & 0xffff;
                Format::Pcap { link: link(number)?, reader: Box::new(reader) }
            }
            [0x0a, 0x0d, 0x0d, 0x0a] => {
                Format::PcapNg(Box::new(PcapNgReader::new(source).map_err(in_file_header)?))
            }
            [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd] | [0xfd, b'7', b'z', b'X'] => {
                return Err(CaptureError::Compressed);
            }
            _ => return Err(CaptureError::NotACapture),
        };
        Ok(Self { format, packets: 0, data: Vec::new() })
    }

    /// The next packet, or `None` at the end of the file.
    pub(crate) fn next(&mut self) -> Result<Option<Captured<'_>>, CaptureError> {
        let found = match &mut self.format {
            Format::Pcap { reader, link } => {
                let Some(packet) = reader.next_raw_packet() else { return Ok(None) };
                let packet = packet.map_err(|error| in_packet(self.packets, error))?;
                self.data.clear();
                self.data.extend_from_slice(&packet.data);
                (*link, packet.incl_len < packet.orig_len)
            }
            Format::PcapNg(reader) => {
                let Some(found) = next_of_blocks(reader, self.packets, &mut self.data)? else {
                    return Ok(None);
                };
                found
            }
        };
        self.packets += 1;
        let (link, is_cut) = found;
        Ok(Some(Captured { link, bytes: &self.data, is_cut }))
    }
}

/// Put the bytes of the next packet into `data`, and say what they start with and whether more
/// were on the wire. `packet` is its number.
fn next_of_blocks(
    reader: &mut PcapNgReader<Source>,
    packet: u64,
    data: &mut Vec<u8>,
) -> Result<Option<(Link, bool)>, CaptureError> {
    loop {
        // A packet has the byte order of its section, which begins before it.
        let endianness = reader.section().endianness;
        let Some(block) = reader.next_raw_block() else { return Ok(None) };
        let block = block.map_err(|error| in_packet(packet, error))?;
        let body = Body { bytes: &block.body, endianness };
        let record = match block.type_ {
            ENHANCED_PACKET_BLOCK => body.enhanced_packet(),
            SIMPLE_PACKET_BLOCK => body.simple_packet(),
            PACKET_BLOCK => body.packet(),
            _ => continue,
        };
        let Record { interface, wire_len, data: found } =
            record.ok_or(CaptureError::Record { packet })?;
        let is_simple = block.type_ == SIMPLE_PACKET_BLOCK;
        data.clear();
        data.extend_from_slice(found);
        let described = reader.interfaces().get(interface as usize);
        let described = described.ok_or(CaptureError::Interface { packet, interface })?;
        if is_simple {
            // It does not say how much of the packet is there, and ends in padding.
            let snaplen = if described.snaplen == 0 { u32::MAX } else { described.snaplen };
            data.truncate(wire_len.min(snaplen) as usize);
        }
        let is_cut = data.len() < wire_len as usize;
        return Ok(Some((link(described.linktype.into())?, is_cut)));
    }
}

/// What a packet's block says.
struct Record<'a> {
    /// The number of the interface, counting from 0 in each section.
    interface: u32,
    /// How long the packet was, in bytes.
    wire_len: u32,
    data: &'a [u8],
}

/// The body of a block, in its section's byte order (IETF draft "PCAP Next Generation (pcapng)
/// Capture File Format", sections 4.3, 4.4 and A).
#[derive(Clone, Copy)]
struct Body<'a> {
    bytes: &'a [u8],
    endianness: Endianness,
}

impl<'a> Body<'a> {
    fn enhanced_packet(self) -> Option<Record<'a>> {
        let captured_len = self.u32_at(12)? as usize;
        Some(Record {
            interface: self.u32_at(0)?,
            wire_len: self.u32_at(16)?,
            data: self.bytes.get(20..)?.get(..captured_len)?,
        })
    }

    fn simple_packet(self) -> Option<Record<'a>> {
        Some(Record { interface: 0, wire_len: self.u32_at(0)?, data: self.bytes.get(4..)? })
    }

    /// The obsolete block, whose interface number has 16 bits.
    fn packet(self) -> Option<Record<'a>> {
        let number = *self.bytes.first_chunk()?;
        let interface = match self.endianness {
            Endianness::Big => u16::from_be_bytes(number),
            Endianness::Little => u16::from_le_bytes(number),
        };
        Some(Record { interface: interface.into(), ..self.enhanced_packet()? })
    }

    fn u32_at(self, at: usize) -> Option<u32> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(match self.endianness {
            Endianness::Big => u32::from_be_bytes(bytes),
            Endianness::Little => u32::from_le_bytes(bytes),
        })
    }
}

/// What packets of this link type start with (numbers of the tcpdump group's list of link types).
fn link(number: u32) -> Result<Link, CaptureError> {
    match number {
        1 => Ok(Link::Ethernet),
        // 12 is what Linux calls raw IP internally; some programs write it to files.
        12 | 101 | 228 | 229 => Ok(Link::Ip),
        _ => Err(CaptureError::LinkType { number, name: format!("{:?}", DataLink::from(number)) }),
    }
}

fn in_file_header(error: PcapError) -> CaptureError {
    match error {
        PcapError::IoError(source) if source.kind() == io::ErrorKind::UnexpectedEof => {
            CaptureError::HeaderTruncated
        }
        PcapError::IoError(source) => CaptureError::Read { source },
        source => CaptureError::HeaderDamaged { source },
    }
}

fn in_packet(packet: u64, error: PcapError) -> CaptureError {
    match error {
        PcapError::IoError(source) if source.kind() == io::ErrorKind::UnexpectedEof => {
            CaptureError::Truncated { packet }
        }
        PcapError::IoError(source) => CaptureError::Read { source },
        source => CaptureError::Damaged { packet, source },
    }
}

/// Why a file gives no packets, or no more. Packets count from 0.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CaptureError {
    #[error(transparent)]
    Read { source: io::Error },
    #[error("the file is empty")]
    Empty,
    #[error("the file is compressed")]
    Compressed,
    #[error("the file is neither pcap nor pcapng")]
    NotACapture,
    #[error("the capture has no packets")]
    NoPackets,
    #[error("the capture ends in its file header")]
    HeaderTruncated,
    #[error("the file header is damaged")]
    HeaderDamaged { source: PcapError },
    #[error("the capture is cut off in packet {packet}, or that packet's length is damaged")]
    Truncated { packet: u64 },
    #[error("the capture is damaged at packet {packet}")]
    Damaged { packet: u64, source: PcapError },
    #[error("packet {packet} claims more bytes than its block has")]
    Record { packet: u64 },
    #[error("packet {packet} is of interface {interface}, which the capture does not describe")]
    Interface { packet: u64, interface: u32 },
    #[error("packets are neither Ethernet frames nor bare IP, but of link type {number} ({name})")]
    LinkType { number: u32, name: String },
}

impl From<io::Error> for CaptureError {
    fn from(source: io::Error) -> Self {
        Self::Read { source }
    }
}

impl CaptureError {
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Read { source } => crate::error::hint_of_path(source),
            Self::Compressed => Some("decompress it first"),
            Self::Empty | Self::NotACapture => {
                Some("make a capture with `tcpdump -i tap0 -w FILE`, or convert one with editcap")
            }
            Self::NoPackets => Some("check the filter it was captured with"),
            Self::HeaderTruncated
            | Self::HeaderDamaged { .. }
            | Self::Truncated { .. }
            | Self::Damaged { .. }
            | Self::Record { .. }
            | Self::Interface { .. } => Some(
                "packets count from 0; `tcpdump -r FILE -w GOOD` keeps those before the damage",
            ),
            // LINUX_SLL and LINUX_SLL2.
            Self::LinkType { number: 113 | 276, .. } => {
                Some("capture on one device, as in `tcpdump -i tap0`, not on `any`")
            }
            Self::LinkType { .. } => Some("capture on an Ethernet, TAP or TUN device"),
        }
    }
}
