//! An indirection table in a file: numbers, or what `ethtool -x` prints, also with `--json`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use tunrss::MAX_QUEUES;

use crate::error::CliError;

/// The table in the file at `path`. Its length is for the configuration to judge.
///
/// # Errors
/// [`CliError::TableRead`] and [`CliError::TableText`].
pub(crate) fn read(path: &Path) -> Result<Vec<u16>, CliError> {
    let refused = |source| CliError::TableText { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE_LEN + 1).read_to_end(&mut bytes))
        .map_err(|source| CliError::TableRead { path: path.to_owned(), source })?;
    if bytes.len() as u64 > MAX_FILE_LEN {
        return Err(refused(TableError::TooLong));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| refused(TableError::NotText))?;
    parse(text).map_err(refused)
}

/// Ten times what the longest table takes.
const MAX_FILE_LEN: u64 = 4 << 20;

/// The table that `text` is.
fn parse(text: &str) -> Result<Vec<u16>, TableError> {
    // A byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_json = text.trim_start().starts_with(['[', '{']);
    let table = if is_json { parse_json(text)? } else { parse_lines(text)? };
    if table.is_empty() { Err(TableError::Empty) } else { Ok(table) }
}

/// The numbers of `text`.
///
/// Of ethtool's output the title and everything from the key on are skipped, and the index at the
/// start of a row is checked.
fn parse_lines(text: &str) -> Result<Vec<u16>, TableError> {
    let mut table = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let numbers = line.split('#').next().unwrap_or_default();
        if numbers.starts_with("RX flow hash indirection table") {
            continue;
        }
        if numbers.starts_with("RSS hash key") {
            break;
        }
        let row = row(numbers, table.len())
            .map_err(|problem| TableError::Line { number: index + 1, problem })?;
        table.extend(row);
    }
    Ok(table)
}

/// The table of the only device that `ethtool --json -x` tells of.
fn parse_json(text: &str) -> Result<Vec<u16>, TableError> {
    #[derive(Deserialize)]
    struct Device {
        #[serde(rename = "rss-indirection-table")]
        table: Vec<u64>,
    }
    let malformed = |error: serde_json::Error| TableError::Json { problem: error.to_string() };
    let devices: Vec<Device> = serde_json::from_str(text).map_err(malformed)?;
    let [Device { table }] = devices.as_slice() else {
        return Err(TableError::Devices { count: devices.len() });
    };
    let queue = |&number: &u64| match u16::try_from(number) {
        Ok(queue) if usize::from(queue) < MAX_QUEUES => Ok(queue),
        _ => Err(TableError::TooHigh { queue: number }),
    };
    table.iter().map(queue).collect()
}

fn row(text: &str, entries_before: usize) -> Result<Vec<u16>, LineProblem> {
    let numbers = match text.split_once(':') {
        None => text,
        Some((index, numbers)) => {
            let index = index.trim();
            if index.parse() != Ok(entries_before) {
                let index = index.to_owned();
                return Err(LineProblem::Index { index, entries_before });
            }
            numbers
        }
    };
    numbers
        .split(|character: char| character.is_whitespace() || character == ',')
        .filter(|word| !word.is_empty())
        .map(|word| match word.parse() {
            Ok(queue) if usize::from(queue) < MAX_QUEUES => Ok(queue),
            _ if word.bytes().all(|byte| byte.is_ascii_digit()) => {
                Err(LineProblem::TooHigh { word: word.to_owned() })
            }
            _ => Err(LineProblem::NotANumber { word: word.to_owned() }),
        })
        .collect()
}

/// Why a file is no indirection table.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TableError {
    #[error("it has no entries")]
    Empty,
    #[error("it is not text")]
    NotText,
    #[error("it is longer than {MAX_FILE_LEN} bytes")]
    TooLong,
    #[error("it is not the JSON that `ethtool --json -x` prints: {problem}")]
    Json { problem: String },
    #[error("it tells of {count} devices")]
    Devices { count: usize },
    #[error("there is no queue {queue}, the highest there can be is {}", MAX_QUEUES - 1)]
    TooHigh { queue: u64 },
    #[error("line {number}: {problem}")]
    Line { number: usize, problem: LineProblem },
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LineProblem {
    #[error("{word:?} is no queue number")]
    NotANumber { word: String },
    #[error("there is no queue {word}, the highest there can be is {}", MAX_QUEUES - 1)]
    TooHigh { word: String },
    #[error("the row is named {index:?}, and {entries_before} entries stand before it")]
    Index { index: String, entries_before: usize },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_separated_by_blanks_or_commas() {
        assert_eq!(parse("0 1,2\t3\n\n# all\n0, 1 # end\n"), Ok(vec![0, 1, 2, 3, 0, 1]));
    }

    #[test]
    fn output_of_ethtool_is_a_table() {
        let text = "RX flow hash indirection table for eth0 with 2 RX ring(s):\n    \
                    0:      0     1     0     1     0     1     0     1\n    \
                    8:      1     1     1     1     1     1     1     1\n\
                    RSS hash key:\n6d:5a:56\nRSS hash function:\n    toeplitz: on\n";
        let table = parse(text).unwrap();
        assert_eq!(table.len(), 16);
        assert_eq!(table[6..10], [0, 1, 1, 1]);
    }

    /// As Linux's ethtool prints it (netlink/rss.c, `dump_json_rss_info`).
    #[test]
    fn json_of_ethtool_is_a_table() {
        let text = r#"[ {
        "ifname": "eth0",
        "rss-indirection-table": [ 0,1,2,255 ],
        "rss-hash-key": [ 109,90,86 ],
        "rss-hash-function": "toeplitz",
        "rss-input-transformation": [ ]
    } ]
"#;
        assert_eq!(parse(text), Ok(vec![0, 1, 2, 255]));
        let too_high = text.replace("255", "256");
        assert_eq!(parse(&too_high), Err(TableError::TooHigh { queue: 256 }));
        assert_eq!(parse("[]"), Err(TableError::Devices { count: 0 }));
        let two = format!("{},{}", text.trim().trim_end_matches(']'), &text[1..]);
        assert_eq!(parse(&two), Err(TableError::Devices { count: 2 }));
        let empty = text.replace("0,1,2,255", "");
        assert_eq!(parse(&empty), Err(TableError::Empty));
        for text in ["[", "{}", "[0, 1]", &text.replace("1,2", "-1,2"), &text.replace("rss-in", "")]
        {
            assert!(matches!(parse(text), Err(TableError::Json { .. })), "{text}");
        }
    }

    #[test]
    fn byte_order_mark_is_passed_over() {
        assert_eq!(parse("\u{feff}0 1\n"), Ok(vec![0, 1]));
    }

    #[test]
    fn what_is_no_table_is_refused_with_its_line() {
        let line = |number, problem| Err(TableError::Line { number, problem });
        for text in ["", "\n\n", "# nothing\n", "RSS hash key:\n6d:5a\n"] {
            assert_eq!(parse(text), Err(TableError::Empty));
        }
        assert_eq!(parse("0 1\n2 x 3"), line(2, LineProblem::NotANumber { word: "x".into() }));
        assert_eq!(parse("-1"), line(1, LineProblem::NotANumber { word: "-1".into() }));
        assert_eq!(parse("256"), line(1, LineProblem::TooHigh { word: "256".into() }));
        assert_eq!(
            parse("99999999999999999999"),
            line(1, LineProblem::TooHigh { word: "99999999999999999999".into() })
        );
        assert_eq!(
            parse("0: 0 1\n8: 0 1"),
            line(2, LineProblem::Index { index: "8".into(), entries_before: 2 })
        );
    }
}
