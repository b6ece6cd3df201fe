//! The newer format: blocks (IETF draft "PCAP Next Generation (pcapng) Capture File Format",
//! draft-ietf-opsawg-pcapng).
//!
//! Options are skipped, also those of a section and an interface, and so is whatever stands behind
//! the fields that are needed. Reserved fields are not looked at.

use super::source::{ByteOrder, Source};
use super::{Damage, LinkType, Record, Stop};

/// A pcapng file, behind the header of its current section.
pub(super) struct PcapNg {
    order: ByteOrder,
    /// Those of the section, in their order.
    interfaces: Vec<Interface>,
}

#[derive(Clone, Copy)]
struct Interface {
    link_type: LinkType,
    /// How much of a packet is kept at most.
    snaplen: u32,
}

/// How many interfaces a section can have here: their descriptions are all that is kept in memory.
pub(super) const MAX_INTERFACES: usize = 1 << 20;

/// The type of the block with which a file and each of its sections start. It is the same in either
/// byte order.
pub(super) const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

// Types of blocks.
const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// A block: its type, and its length with all that belongs to it.
#[derive(Clone, Copy)]
struct Block {
    kind: u32,
    len: u32,
}

impl Block {
    /// Type and length in front of the body, and the length once more behind it.
    const FRAME_LEN: u32 = 12;

    /// The length of the body without its first `fields` bytes.
    ///
    /// Some writers state it without the padding behind it.
    fn rest(self, fields: u32) -> Result<u32, Damage> {
        let Self { kind, len } = self;
        let padded = len.checked_next_multiple_of(4);
        let body = padded.and_then(|padded| padded.checked_sub(Self::FRAME_LEN));
        body.and_then(|body| body.checked_sub(fields)).ok_or(Damage::BlockLen { kind, len })
    }
}

impl PcapNg {
    /// Read the header of the file's first section, of which the type has been read.
    pub(super) fn read(source: &mut Source) -> Result<Self, Stop> {
        let len = source.array()?;
        let magic = source.array()?;
        let order = [ByteOrder::Big, ByteOrder::Little]
            .into_iter()
            .find(|order| order.u32(magic) == BYTE_ORDER_MAGIC)
            .ok_or(Damage::ByteOrder { magic })?;
        let pcapng = Self { order, interfaces: Vec::new() };
        let block = Block { kind: order.u32(SECTION_HEADER), len: order.u32(len) };
        let major = order.u16(source.array()?);
        let minor = order.u16(source.array()?);
        // Some have written 1.2 (the draft's section 4.1).
        if major != 1 || !matches!(minor, 0 | 2) {
            return Err(Damage::Version { major, minor }.into());
        }
        // With the section's length, which need not be known.
        pcapng.end_block(block, block.rest(8)?, source)?;
        Ok(pcapng)
    }

    /// Put the bytes of the next packet into `data`.
    pub(super) fn next(
        &mut self,
        source: &mut Source,
        data: &mut Vec<u8>,
    ) -> Result<Option<Record>, Stop> {
        loop {
            let Some(kind) = source.word_or_end()? else { return Ok(None) };
            if kind == SECTION_HEADER {
                *self = Self::read(source)?;
                continue;
            }
            let block = Block { kind: self.order.u32(kind), len: self.order.u32(source.array()?) };
            match block.kind {
                INTERFACE_DESCRIPTION => self.interface(block, source)?,
                ENHANCED_PACKET | OBSOLETE_PACKET => {
                    return self.packet(block, source, data).map(Some);
                }
                SIMPLE_PACKET => return self.simple_packet(block, source, data).map(Some),
                _ => self.end_block(block, block.rest(0)?, source)?,
            }
        }
    }

    fn interface(&mut self, block: Block, source: &mut Source) -> Result<(), Stop> {
        let rest = block.rest(8)?;
        let link_type = LinkType(self.order.u16(source.array()?));
        source.skip(2)?;
        let snaplen = self.order.u32(source.array()?);
        if self.interfaces.len() == MAX_INTERFACES {
            return Err(Damage::Interfaces.into());
        }
        self.interfaces.push(Interface { link_type, snaplen });
        self.end_block(block, rest, source)
    }

    /// An enhanced packet block, or the obsolete one, whose interface number has 16 bits.
    fn packet(
        &self,
        block: Block,
        source: &mut Source,
        data: &mut Vec<u8>,
    ) -> Result<Record, Stop> {
        let room = block.rest(20)?;
        let [a, b, c, d] = source.array()?;
        let number = match block.kind {
            OBSOLETE_PACKET => self.order.u16([a, b]).into(),
            _ => self.order.u32([a, b, c, d]),
        };
        // The time.
        source.skip(8)?;
        let captured_len = self.order.u32(source.array()?);
        let wire_len = self.order.u32(source.array()?);
        let Some(behind) = room.checked_sub(captured_len) else {
            return Err(Damage::PacketLen { captured_len, room }.into());
        };
        source.packet(captured_len, data)?;
        self.end_block(block, behind, source)?;
        let Interface { link_type, .. } = self.described(number)?;
        Ok(Record { link_type, captured_len, wire_len })
    }

    /// A simple packet block: it is of the first interface, does not say how much of the packet is
    /// there, and ends in padding.
    fn simple_packet(
        &self,
        block: Block,
        source: &mut Source,
        data: &mut Vec<u8>,
    ) -> Result<Record, Stop> {
        let room = block.rest(4)?;
        let wire_len = self.order.u32(source.array()?);
        let Interface { link_type, snaplen } = self.described(0)?;
        // 0 stands for no limit.
        let snaplen = if snaplen == 0 { u32::MAX } else { snaplen };
        let captured_len = room.min(wire_len).min(snaplen);
        source.packet(captured_len, data)?;
        self.end_block(block, room - captured_len, source)?;
        Ok(Record { link_type, captured_len, wire_len })
    }

    fn described(&self, number: u32) -> Result<Interface, Damage> {
        let found = self.interfaces.get(number as usize).copied();
        found.ok_or(Damage::NoInterface { number })
    }

    /// Skip the `rest` of a block's body, and check the length behind it.
    fn end_block(&self, block: Block, rest: u32, source: &mut Source) -> Result<(), Stop> {
        source.skip(rest)?;
        let end = self.order.u32(source.array()?);
        if end != block.len {
            return Err(Damage::BlockEnd { start: block.len, end }.into());
        }
        Ok(())
    }
}

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
