//! A packet in hexadecimal.

use std::fmt::Write;
use std::io::{self, Read};

use crate::error::CliError;

/// The bytes that `text` shows: pairs of digits, with blanks and colons anywhere. An offset as
/// tcpdump and hexdump tools print it at the start of a line (`0x0010:`) is skipped.
pub(crate) fn parse(text: &str) -> Result<Vec<u8>, HexError> {
    let mut bytes = Vec::new();
    let mut high = None;
    let mut digits = 0;
    for (index, line) in text.lines().enumerate() {
        for (at, character) in line.chars().enumerate().skip(offset_len(line)) {
            if character.is_whitespace() || character == ':' {
                continue;
            }
            let not_hex = HexError::NotHex { line: index + 1, column: at + 1, character };
            let digit = character.to_digit(16).ok_or(not_hex)? as u8;
            digits += 1;
            match high.take() {
                None => high = Some(digit),
                Some(high) => bytes.push(high << 4 | digit),
            }
        }
    }
    match high {
        Some(_) => Err(HexError::OddDigits { digits }),
        None if bytes.is_empty() => Err(HexError::Empty),
        None => Ok(bytes),
    }
}

/// The characters of the offset at the start of `line`; 0 if there is none.
fn offset_len(line: &str) -> usize {
    let blanks = line.chars().take_while(|character| character.is_whitespace()).count();
    let offset = line.trim_start().strip_prefix("0x").and_then(|rest| rest.split_once(':'));
    match offset {
        Some((digits, _)) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            blanks + "0x".len() + digits.len() + ":".len()
        }
        _ => 0,
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
