//! A packet in hexadecimal.

mod dump;

use std::fmt::Write;
use std::io::{self, Read};

use crate::error::CliError;

/// The bytes that `text` shows: pairs of digits, with blanks and colons anywhere, or the lines of a
/// [`dump`].
pub(crate) fn parse(text: &str) -> Result<Vec<u8>, HexError> {
    // A byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let bytes = if dump::is_one(text) { dump::parse(text)? } else { pairs(text)? };
    if bytes.is_empty() { Err(HexError::Empty) } else { Ok(bytes) }
}

fn pairs(text: &str) -> Result<Vec<u8>, HexError> {
    let mut bytes = Vec::new();
    let mut high = None;
    let mut digits = 0;
    for (index, line) in text.lines().enumerate() {
        // Digits since the last blank or colon.
        let mut group = 0;
        let mut characters = line.chars().enumerate().peekable();
        while let Some((at, character)) = characters.next() {
            if character.is_whitespace() {
                group = 0;
                continue;
            }
            let (line, column) = (index + 1, at + 1);
            if character == ':' {
                let ends_word = characters.peek().is_none_or(|(_, next)| next.is_whitespace());
                if group >= 4 && ends_word {
                    return Err(HexError::OffsetInLine { line, column });
                }
                group = 0;
                continue;
            }
            let not_hex = HexError::NotHex { line, column, character };
            let digit = character.to_digit(16).ok_or(not_hex)? as u8;
            digits += 1;
            group += 1;
            match high.take() {
                None => high = Some(digit),
                Some(high) => bytes.push(high << 4 | digit),
            }
        }
    }
    match high {
        Some(_) => Err(HexError::OddDigits { digits }),
        None => Ok(bytes),
    }
}

/// All of standard input, at most [`MAX_TEXT_LEN`] bytes.
pub(crate) fn read_stdin() -> Result<String, CliError> {
    let mut bytes = Vec::new();
    io::stdin()
        .lock()
        .take(MAX_TEXT_LEN)
        .read_to_end(&mut bytes)
        .map_err(|source| CliError::PacketRead { source })?;
    // What is no text is no hexadecimal either, and refused with its place.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Ten times what the longest packet takes.
const MAX_TEXT_LEN: u64 = 2 << 20;

/// `bytes` as pairs of digits with blanks between.
pub(crate) fn spaced(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        if !text.is_empty() {
            text.push(' ');
        }
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Why a text is no packet.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HexError {
    #[error("line {line}, column {column}: {character:?} is no hexadecimal digit")]
    NotHex { line: usize, column: usize, character: char },
    #[error("it has an odd number of hexadecimal digits ({digits})")]
    OddDigits { digits: usize },
    #[error("it is empty")]
    Empty,
    #[error("line {line} has the offset {offset}, and {before} bytes stand before it")]
    Offset { line: usize, offset: String, before: usize },
    #[error("line {line} has no offset in front, and other lines have")]
    NoOffset { line: usize },
    #[error("line {line}, column {column}: an offset stands within a line")]
    OffsetInLine { line: usize, column: usize },
    #[error(
        "the number {digits} in front of single bytes may be an offset or a part of the packet"
    )]
    OffsetOrData { digits: String },
    #[error("offsets begin again in line {line}: it starts a second packet")]
    SecondPacket { line: usize },
    #[error("line {line} is a *, which stands for lines that were left out")]
    LeftOut { line: usize },
    #[error(
        "line {line}, column {column}: a group of {digits} digits stands where single bytes are \
         expected"
    )]
    Group { line: usize, column: usize, digits: usize },
    #[error("line {line}, column {column}: this is neither bytes nor the text of those before it")]
    OtherText { line: usize, column: usize },
}

impl HexError {
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::NotHex { .. } | Self::OddDigits { .. } | Self::Empty => {
                "give a packet as `tcpdump -xx` prints it: hexadecimal digits, with blanks or colons \
                 where you like"
            }
            Self::Offset { .. } | Self::NoOffset { .. } => {
                "give the lines of one packet from its first byte to its last, and nothing else"
            }
            Self::OffsetInLine { .. } => {
                "keep the ends of lines, as in `xxd FILE | tunrss explain -`"
            }
            Self::OffsetOrData { .. } => {
                "leave the offset out, or write the packet without blanks if it is none"
            }
            Self::SecondPacket { .. } => {
                "give one packet at a time, as from `tcpdump -xx -c 1` or `tshark -x -c 1`"
            }
            Self::LeftOut { .. } => "print them too: od and hexdump do with -v, xxd does always",
            Self::Group { .. } | Self::OtherText { .. } => {
                "print single bytes in their order, as `xxd`, `hexdump -C` and `od -Ax -tx1` do"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_colons_and_offsets_are_skipped() {
        for text in ["0a0B0c", "0a 0b:0c", "0a0\tb0c\n", "\t0x0000:  0a0b\n\t0x0002:  0c\n"] {
            assert_eq!(parse(text), Ok(vec![10, 11, 12]), "{text:?}");
        }
        assert_eq!(spaced(&[10, 11, 12]), "0a 0b 0c");
    }

    #[test]
    fn malformed_text_is_refused_with_its_place() {
        let not_hex = |line, column, character| Err(HexError::NotHex { line, column, character });
        assert_eq!(parse("0a 0g"), not_hex(1, 5, 'g'));
        assert_eq!(parse("0x0a"), not_hex(1, 2, 'x'));
        assert_eq!(parse("0a\n é"), not_hex(2, 2, 'é'));
        assert_eq!(parse("0a0"), Err(HexError::OddDigits { digits: 3 }));
        assert_eq!(parse(" \n"), Err(HexError::Empty));
    }
}
