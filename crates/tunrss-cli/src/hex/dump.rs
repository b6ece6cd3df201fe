//! Packets as dump tools print them: each line has an offset, bytes, and perhaps the bytes as text.
//!
//! Known are tcpdump (`-x`, `-X`), tshark and Wireshark, xxd, `hexdump -C`, `od -tx1` and what looks
//! like theirs. Nothing is guessed: an offset has to be the number of bytes before it, and text has
//! to show the bytes beside it.

use super::HexError;

/// Whether any line of `text` starts with an offset.
pub(super) fn is_one(text: &str) -> bool {
    let lines: Vec<_> = lines(text).map(|(_, line)| line).collect();
    lines.iter().any(|line| match Offset::of(line) {
        Some(offset) => offset.is_marked || offset.is_of_bytes(line),
        None => false,
    }) || matches!(*lines.as_slice(), [first, second, ..] if are_words(first, second))
}

/// The bytes that `text` shows.
pub(super) fn parse(text: &str) -> Result<Vec<u8>, HexError> {
    let mut bytes = Vec::new();
    // Those that all offsets so far can be read by.
    let mut radixes = vec![16, 8, 10];
    let mut unsure = None;
    for (number, line) in lines(text) {
        if line.trim() == "*" {
            return Err(HexError::LeftOut { line: number });
        }
        let offset = Offset::of(line).ok_or(HexError::NoOffset { line: number })?;
        let digits = offset.digits;
        if !bytes.is_empty() && offset.is_zero() {
            return Err(HexError::SecondPacket { line: number });
        }
        radixes.retain(|&radix| offset.value(radix) == Some(bytes.len()));
        // A single number in front of bytes may be of the packet.
        unsure = (bytes.is_empty() && !offset.is_marked).then(|| digits.to_owned());
        if radixes.is_empty() {
            let (offset, before) = (digits.to_owned(), bytes.len());
            return Err(match unsure {
                Some(digits) => HexError::OffsetOrData { digits },
                None => HexError::Offset { line: number, offset, before },
            });
        }
        bytes.extend(Shown { line, number, at: offset.end, is_marked: offset.is_marked }.bytes()?);
    }
    match unsure {
        Some(digits) => Err(HexError::OffsetOrData { digits }),
        None => Ok(bytes),
    }
}

/// The lines that are not blank, and their numbers.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty())
}

/// Whether these lines have offsets in front of numbers that are not single bytes, as those of
/// `od -x` and of hexdump without options. The same digits could be a packet's; but od's offsets have
/// seven of them, and the second offset is how much the first line shows.
fn are_words(first: &str, second: &str) -> bool {
    let (Some(first_offset), Some(second_offset)) = (Offset::of(first), Offset::of(second)) else {
        return false;
    };
    let digits = first[first_offset.end..].chars().filter(char::is_ascii_hexdigit).count();
    let is_next = [16, digits / 2].into_iter().any(|len| second_offset.is_value(len));
    let is_even = first_offset.digits.len().is_multiple_of(2);
    first_offset.is_zero() && (!is_even || is_next)
}

/// What a line starts with if it starts with four to eight hexadecimal digits that stand alone.
struct Offset<'a> {
    digits: &'a str,
    /// Whether `0x` in front or a colon behind tells that it is no data.
    is_marked: bool,
    /// Where it ends in the line.
    end: usize,
}

impl<'a> Offset<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let trimmed = line.trim_start();
        let start = line.len() - trimmed.len();
        let word = trimmed.split_whitespace().next()?;
        let without_prefix = word.strip_prefix("0x").unwrap_or(word);
        let digits = without_prefix.strip_suffix(':').unwrap_or(without_prefix);
        let is_offset =
            (4..=8).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_marked = digits.len() < word.len();
        is_offset.then_some(Self { digits, is_marked, end: start + word.len() })
    }

    fn is_zero(&self) -> bool {
        self.digits.bytes().all(|digit| digit == b'0')
    }

    fn value(&self, radix: u32) -> Option<usize> {
        // od prints seven digits where they are not hexadecimal.
        let is_possible = radix == 16 || self.digits.len() >= 7;
        usize::from_str_radix(self.digits, radix).ok().filter(|_| is_possible)
    }

    fn is_value(&self, value: usize) -> bool {
        [16, 8, 10].into_iter().any(|radix| self.value(radix) == Some(value))
    }

    /// Whether what follows in its line is a byte.
    fn is_of_bytes(&self, line: &str) -> bool {
        let next = line[self.end..].split_whitespace().next().unwrap_or_default();
        next.len() == 2 && next.bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}

/// What a line shows behind its offset.
#[derive(Clone, Copy)]
struct Shown<'a> {
    line: &'a str,
    number: usize,
    at: usize,
    /// Whether the offset is: then groups have any number of bytes.
    is_marked: bool,
}

impl Shown<'_> {
    fn bytes(self) -> Result<Vec<u8>, HexError> {
        let Self { line, number, mut at, is_marked } = self;
        let mut bytes = Vec::new();
        loop {
            let rest = line[at..].trim_start();
            let blanks = line.len() - at - rest.len();
            if rest.is_empty() || (blanks >= 2 && is_text_of(rest.trim_end(), &bytes)) {
                return Ok(bytes);
            }
            at += blanks;
            let group = rest.split_whitespace().next().unwrap_or_default();
            let column = line[..at].chars().count() + 1;
            let is_hex = group.bytes().all(|byte| byte.is_ascii_hexdigit());
            match group.len() {
                _ if Offset::of(group).is_some_and(|offset| offset.is_marked) => {
                    return Err(HexError::OffsetInLine { line: number, column });
                }
                _ if !is_hex => return Err(HexError::OtherText { line: number, column }),
                digits if digits % 2 == 1 || (digits != 2 && !is_marked) => {
                    return Err(HexError::Group { line: number, column, digits });
                }
                _ => {}
            }
            let pairs = group.as_bytes().chunks_exact(2);
            bytes.extend(
                pairs.filter_map(|pair| {
                    u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()
                }),
            );
            at += group.len();
        }
    }
}

/// Whether `text` shows `bytes`: printable ones as they are or as dots, others as dots. Spaces at
/// either end may be gone, and there may be marks around it.
fn is_text_of(text: &str, bytes: &[u8]) -> bool {
    let inside = |open, close| text.strip_prefix(open)?.strip_suffix(close);
    // Those of hexdump and od.
    [Some(text), inside('|', '|'), inside('>', '<')].into_iter().flatten().any(|text| {
        let text = text.as_bytes();
        let gone = |bytes: &[u8]| bytes.iter().all(|&byte| byte == b' ');
        !bytes.is_empty()
            && bytes.windows(text.len().max(1)).enumerate().any(|(start, shown)| {
                gone(&bytes[..start])
                    && gone(&bytes[start + shown.len()..])
                    && shown.iter().zip(text).all(|(byte, text)| byte == text || *text == b'.')
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 38 bytes; in text there are digits, and spaces at both ends.
    const BYTES: [u8; 38] = *b"\0\0\0\0\0\0\0\0 abc 12 \x08\0\0\xff12 34 |>.<| ab 12 ";

    fn dump(line_len: usize, line: impl Fn(usize, &[u8]) -> String) -> String {
        let lines = BYTES.chunks(line_len).enumerate();
        lines.map(|(index, bytes)| line(index * line_len, bytes) + "\n").collect()
    }

    fn groups(bytes: &[u8], len: usize) -> String {
        let hex = |group: &[u8]| group.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        bytes.chunks(len).map(hex).collect::<Vec<_>>().join(" ")
    }

    fn ascii(bytes: &[u8], is_shown: fn(&u8) -> bool) -> String {
        let shown = |byte: &u8| if is_shown(byte) { char::from(*byte) } else { '.' };
        bytes.iter().map(shown).collect()
    }

    fn printable(byte: &u8) -> bool {
        (b' '..=b'~').contains(byte)
    }

    #[test]
    fn dumps_of_all_tools_are_read() {
        let end = BYTES.len();
        for (tool, text) in [
            ("tcpdump -x", dump(16, |at, b| format!("\t0x{at:04x}:  {}", groups(b, 2)))),
            (
                "tcpdump -X",
                dump(16, |at, b| {
                    let text = ascii(b, u8::is_ascii_graphic);
                    format!("\t0x{at:04x}:  {:<39}  {text}", groups(b, 2))
                }),
            ),
            (
                "xxd",
                dump(16, |at, b| {
                    format!("{at:08x}: {:<39}  {}", groups(b, 2), ascii(b, printable))
                }),
            ),
            ("xxd -g1 | cut", dump(16, |at, b| format!("{at:08x}: {}", groups(b, 1)))),
            (
                "tshark -x",
                dump(16, |at, b| {
                    format!("{at:04x}  {:<47}   {}", groups(b, 1), ascii(b, printable))
                }),
            ),
            (
                "tshark -x, trimmed",
                dump(16, |at, b| {
                    let text = ascii(b, printable);
                    format!("{at:04x}  {:<47}   {}", groups(b, 1), text.trim_end())
                }),
            ),
            (
                "Wireshark, copy as hex dump",
                dump(16, |at, b| format!("{at:04x}   {}", groups(b, 1))),
            ),
            (
                "hexdump -C",
                dump(16, |at, b| {
                    let halves: Vec<_> = b.chunks(8).map(|half| groups(half, 1)).collect();
                    format!("{at:08x}  {:<48}  |{}|", halves.join("  "), ascii(b, printable))
                }) + &format!("{end:08x}\n"),
            ),
            (
                "od -Ax -tx1",
                dump(16, |at, b| format!("{at:06x} {}", groups(b, 1))) + &format!("{end:06x}\n"),
            ),
            (
                "od -Ax -tx1z",
                dump(16, |at, b| {
                    format!("{at:06x} {:<47}  >{}<", groups(b, 1), ascii(b, printable))
                }) + &format!("{end:06x}\n"),
            ),
            (
                "od -tx1",
                dump(16, |at, b| format!("{at:07o} {}", groups(b, 1))) + &format!("{end:07o}\n"),
            ),
            (
                "od -Ad -tx1 -w8",
                dump(8, |at, b| format!("{at:07} {}", groups(b, 1))) + &format!("{end:07}\n"),
            ),
        ] {
            assert!(is_one(&text), "{tool}");
            assert_eq!(parse(&text), Ok(BYTES.to_vec()), "{tool}:\n{text}");
        }
    }

    #[test]
    fn digits_without_offsets_are_no_dump() {
        for text in [
            "00000000",
            "4500002800000000 4009",
            "0000 0000 0000 0000 0000 0000 0800 4500\n0020 0000 0000 4011\n",
            "00 00 00 00\n00 04 00 00",
            "00:00:00:00\n00:04",
            "00000000 00000000 00000800 4500",
        ] {
            assert!(!is_one(text), "{text}");
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let offset =
            |line, offset: &str, before| HexError::Offset { line, offset: offset.into(), before };
        let group = |column, digits| HexError::Group { line: 1, column, digits };
        for (text, error) in [
            ("0x0010: 0028\n0x0012: 0102\n", offset(1, "0010", 0)),
            ("0010  00 28\n0012  01 02\n", HexError::OffsetOrData { digits: "0010".into() }),
            ("0000  00 28\n0003  01 02\n", offset(2, "0003", 2)),
            ("0000:  0028\n0010:  0102\n", offset(2, "0010", 2)),
            // Hexadecimal 16, then octal 32.
            (
                "0000000 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f\n\
                 0000010 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f\n\
                 0000040 00\n",
                offset(3, "0000040", 32),
            ),
            ("00000000: 01 02\n00000000: 01 02\n", HexError::SecondPacket { line: 2 }),
            ("0000  01 02\n\n0000  01 02\n", HexError::SecondPacket { line: 3 }),
            ("0000  01 02\n*\n0010\n", HexError::LeftOut { line: 2 }),
            ("45 00\n0002  00 28\n", HexError::NoOffset { line: 1 }),
            ("0x0000: 4500\n00 28\n", HexError::NoOffset { line: 2 }),
            ("12:00:01.2 IP 10.0.0.1\n\t0x0000: 4500\n", HexError::NoOffset { line: 1 }),
            ("0000 01 02", HexError::OffsetOrData { digits: "0000".into() }),
            // Not in its order: od -x, hexdump, od, od -b.
            ("0000000 0045 2800\n0000004\n", group(9, 4)),
            ("0000000 0045 2800\n0000004 0000\n", group(9, 4)),
            ("0000000 000105 024000\n0000004\n", group(9, 6)),
            ("0000000 105 000\n0000002\n", group(9, 3)),
            ("00000000: 45000\n", group(11, 5)),
            // An offset in the middle: the ends of lines are lost.
            ("0000 45 00 0002 00 28", group(12, 4)),
            ("0000: 4500 0002: 0028", HexError::OffsetInLine { line: 1, column: 12 }),
            // xxd -e, which turns the bytes round.
            ("00000000: 00450028  (.E.\n", HexError::OtherText { line: 1, column: 21 }),
            ("0000  61 62  ac\n0002  61\n", offset(2, "0002", 3)),
            ("0000  61 6g\n", HexError::OtherText { line: 1, column: 10 }),
        ] {
            assert!(is_one(text), "{text}");
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn text_is_told_from_bytes() {
        // What shows two bytes is no third one.
        assert_eq!(parse("0000  61 62  ab\n0002  63\n"), Ok(b"abc".to_vec()));
        assert_eq!(parse("0000  20 20  \n0002\n"), Ok(b"  ".to_vec()));
        assert_eq!(parse("0000: 2061 7c20   a|\n"), Ok(b" a| ".to_vec()));
        assert_eq!(parse("0000: 2061 7c20  |.a|.|\n"), Ok(b" a| ".to_vec()));
        for text in ["0000: 2061 7c20  ax\n", "0000: 2061 7c20  a|b\n", "0000: 61 xa\n"] {
            assert!(matches!(parse(text), Err(HexError::OtherText { .. })), "{text}");
        }
    }
}
