//! Packets as a pcapng file (IETF draft "PCAP Next Generation (pcapng) Capture File Format",
//! draft-tuexen-opsawg-pcapng, sections 3 and 4).

use std::time::{Duration, SystemTime};

use tunrss::IfName;
use tunrss::capture::{Direction, MAX_PACKET, Seen};
use tunrss::hash::{HashReport, Link};

use super::steering::{By, Hashed};

/// The blocks of a little-endian section with one interface: whole ones at any time.
pub(super) struct Encoder {
    bytes: Vec<u8>,
    start: Duration,
}

impl Encoder {
    /// The blocks in front of the packets.
    pub(super) fn new(device: &IfName, link: Link) -> Self {
        let system = rustix::system::uname();
        let os = [system.sysname(), system.release()].map(|word| word.to_string_lossy()).join(" ");
        let application = concat!("tunrss ", env!("CARGO_PKG_VERSION"));
        let mut encoder = Self { bytes: Vec::new(), start: now() };
        encoder.block(SECTION_HEADER, |block| {
            block.u32(BYTE_ORDER);
            // The version, 1.0, and the section's length, which is not known.
            block.u32(1);
            block.bytes(&[0xff; 8]);
            block.option(SHB_OS, os.as_bytes());
            block.option(SHB_USERAPPL, application.as_bytes());
        });
        encoder.block(INTERFACE_DESCRIPTION, |block| {
            block.u32(match link {
                Link::Ethernet => 1,
                // Raw IP.
                Link::Ip => 101,
            });
            block.u32(MAX_PACKET as u32);
            block.option(IF_NAME, device.as_str().as_bytes());
            // The power of ten by which a second is divided.
            block.option(IF_TSRESOL, &[9]);
        });
        encoder
    }

    /// The block of a packet.
    pub(super) fn packet(&mut self, seen: &Seen<'_>, hashed: Option<Hashed>) {
        self.block(ENHANCED_PACKET, |block| {
            block.u32(INTERFACE);
            block.bytes(&time(seen.time));
            block.u32(length(seen.frame.len()));
            block.u32(length(seen.wire_len));
            block.bytes(seen.frame);
            block.pad();
            let direction: u32 = match seen.direction {
                Direction::Incoming => 1,
                Direction::Outgoing => 2,
            };
            block.option(EPB_FLAGS, &direction.to_le_bytes());
            let Some(Hashed { verdict, queue, by }) = hashed else { return };
            if verdict.report != HashReport::None {
                // The text names no byte order: so that of the section, as of every other number. It
                // is also what DPDK's writer does (lib/pcapng/rte_pcapng.c).
                let [h0, h1, h2, h3] = verdict.hash.to_le_bytes();
                block.option(EPB_HASH, &[TOEPLITZ, h0, h1, h2, h3]);
            }
            if let Some(queue) = queue {
                block.option(EPB_QUEUE, &u32::from(queue).to_le_bytes());
            }
            match by {
                By::Kernel => block.option(COMMENT, verdict.report.name().as_bytes()),
                By::Capture => {
                    block.option(COMMENT, format!("{} (computed)", verdict.report).as_bytes());
                }
            }
        });
    }

    /// The block behind the packets: how many came to the socket, were dropped there, and are in
    /// the file.
    pub(super) fn statistics(&mut self, received: u64, dropped: u64, packets: u64) {
        let (start, end) = (time(self.start), time(now()));
        self.block(INTERFACE_STATISTICS, |block| {
            block.u32(INTERFACE);
            block.bytes(&end);
            block.option(ISB_STARTTIME, &start);
            block.option(ISB_ENDTIME, &end);
            block.option(ISB_IFRECV, &received.to_le_bytes());
            block.option(ISB_OSDROP, &dropped.to_le_bytes());
            block.option(ISB_USRDELIV, &packets.to_le_bytes());
        });
    }

    /// The blocks so far, for whoever writes them to take out.
    pub(super) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// A block, of which `fill` puts in all that stands between its lengths but the end of options.
    fn block(&mut self, kind: u32, fill: impl FnOnce(&mut Block<'_>)) {
        let start = self.bytes.len();
        let mut block = Block { bytes: &mut self.bytes };
        block.u32(kind);
        block.u32(0);
        fill(&mut block);
        block.option(END_OF_OPTIONS, &[]);
        // With the length that follows.
        let len = length(block.bytes.len() - start + 4).to_le_bytes();
        block.bytes(&len);
        if let Some(place) = self.bytes.get_mut(start + 4..start + 8) {
            place.copy_from_slice(&len);
        }
    }
}

/// A block that is being made. Its start is a multiple of four bytes.
struct Block<'a> {
    bytes: &'a mut Vec<u8>,
}

impl Block<'_> {
    fn u32(&mut self, number: u32) {
        self.bytes(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    /// An option; no value that is put in here has 64 KiB.
    fn option(&mut self, code: u16, value: &[u8]) {
        self.bytes(&code.to_le_bytes());
        self.bytes(&(value.len() as u16).to_le_bytes());
        self.bytes(value);
        self.pad();
    }
}

/// Nanoseconds since 1970: the upper word, then the lower one.
fn time(time: Duration) -> [u8; 8] {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).rotate_left(32).to_le_bytes()
}

fn now() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

const INTERFACE: u32 = 0;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;

// Kinds of blocks.
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

// Options: of any block, then of each.
const END_OF_OPTIONS: u16 = 0;
const COMMENT: u16 = 1;
const SHB_OS: u16 = 3;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const EPB_FLAGS: u16 = 2;
const EPB_HASH: u16 = 3;
const EPB_QUEUE: u16 = 6;
const ISB_STARTTIME: u16 = 2;
const ISB_ENDTIME: u16 = 3;
const ISB_IFRECV: u16 = 4;
const ISB_OSDROP: u16 = 7;
const ISB_USRDELIV: u16 = 8;

/// The algorithm in [`EPB_HASH`].
const TOEPLITZ: u8 = 5;
