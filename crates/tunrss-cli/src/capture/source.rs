//! The bytes of a capture, one after the other.

use std::io::{self, BufRead, BufReader, Read};

use super::MAX_PACKET_LEN;

/// What a capture is read from. Where it ends too early, the error is of kind
/// [`io::ErrorKind::UnexpectedEof`].
pub(super) struct Source {
    reader: BufReader<Box<dyn Read>>,
}

impl Source {
    pub(super) fn new(reader: impl Read + 'static) -> Self {
        Self { reader: BufReader::with_capacity(64 << 10, Box::new(reader)) }
    }

    /// Add the next `len` bytes to `bytes`, or as many as there are.
    pub(super) fn up_to(&mut self, len: u32, bytes: &mut Vec<u8>) -> io::Result<()> {
        self.reader.by_ref().take(len.into()).read_to_end(bytes)?;
        Ok(())
    }

    /// The next four bytes; `None` if the capture ends before them.
    pub(super) fn word_or_end(&mut self) -> io::Result<Option<[u8; 4]>> {
        if self.fill()? == 0 { Ok(None) } else { self.array().map(Some) }
    }

    pub(super) fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Put the `len` bytes of a packet into `data`, but for those beyond [`MAX_PACKET_LEN`].
    pub(super) fn packet(&mut self, len: u32, data: &mut Vec<u8>) -> io::Result<()> {
        let kept = len.min(MAX_PACKET_LEN);
        self.up_to(kept, data)?;
        if data.len() < kept as usize {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.skip(len - kept)
    }

    pub(super) fn skip(&mut self, mut len: u32) -> io::Result<()> {
        while len > 0 {
            let skipped = self.fill()?.min(len as usize);
            if skipped == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.reader.consume(skipped);
            len -= skipped as u32;
        }
        Ok(())
    }

    /// How many bytes are waiting in the buffer, which is filled if there are none; 0 at the end.
    fn fill(&mut self) -> io::Result<usize> {
        loop {
            match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                waiting => return Ok(waiting?.len()),
            }
        }
    }
}

/// What a capture has its numbers in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ByteOrder {
    Big,
    Little,
}

impl ByteOrder {
    pub(super) fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Big => u16::from_be_bytes(bytes),
            Self::Little => u16::from_le_bytes(bytes),
        }
    }

    pub(super) fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Big => u32::from_be_bytes(bytes),
            Self::Little => u32::from_le_bytes(bytes),
        }
    }
}
