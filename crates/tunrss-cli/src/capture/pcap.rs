//! The older format: a file header, then a header and the bytes of each packet (IETF draft "PCAP
//! Capture File Format", draft-ietf-opsawg-pcap).

use super::source::{ByteOrder, Source};
use super::{LinkType, Record, Stop};

/// A pcap file, behind its header.
pub(super) struct Pcap {
    variant: Variant,
    link_type: LinkType,
}

/// What the first four bytes of a file tell.
#[derive(Clone, Copy)]
pub(super) struct Variant {
    order: ByteOrder,
    /// Whether packets have eight bytes more in their header, as from Alexey Kuznetsov's tcpdump.
    is_modified: bool,
}

impl Variant {
    /// The variant of a file that starts with `magic`.
    pub(super) fn of(magic: &[u8]) -> Option<Self> {
        let magic = *magic.first_chunk()?;
        [ByteOrder::Big, ByteOrder::Little].into_iter().find_map(|order| {
            let is_modified = match order.u32(magic) {
                MICROSECONDS | NANOSECONDS => false,
                MODIFIED => true,
                _ => return None,
            };
            Some(Self { order, is_modified })
        })
    }
}

impl Pcap {
    /// Read the file header, of which the first four bytes have been read.
    pub(super) fn read(variant: Variant, source: &mut Source) -> Result<Self, Stop> {
        // The version, two numbers that nobody sets, and how much of packets was kept.
        source.skip(16)?;
        // The upper half says whether frames end in a checksum.
        let link_type = LinkType(variant.order.u32(source.array()?) as u16);
        Ok(Self { variant, link_type })
    }

    /// Put the bytes of the next packet into `data`.
    pub(super) fn next(
        &mut self,
        source: &mut Source,
        data: &mut Vec<u8>,
    ) -> Result<Option<Record>, Stop> {
        let Self { variant: Variant { order, is_modified }, link_type } = *self;
        // The time: seconds, and their fraction.
        if source.word_or_end()?.is_none() {
            return Ok(None);
        }
        source.skip(4)?;
        let captured_len = order.u32(source.array()?);
        let wire_len = order.u32(source.array()?);
        if is_modified {
            source.skip(8)?;
        }
        source.packet(captured_len, data)?;
        Ok(Some(Record { link_type, captured_len, wire_len }))
    }
}

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
/// `KUZNETZOV_TCPDUMP_MAGIC` of libpcap (sf-pcap.c, `struct pcap_sf_patched_pkthdr`).
const MODIFIED: u32 = 0xa1b2_cd34;
