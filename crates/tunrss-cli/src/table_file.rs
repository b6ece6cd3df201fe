//! An indirection table in a file: numbers, or what `ethtool -x` prints.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::CliError;
use tunrss::MAX_QUEUES;

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

/// The numbers of `text`.
///
/// Of ethtool's output the title and everything from the key on are skipped, and the index at the
/// start of a row is checked.
fn parse(text: &str) -> Result<Vec<u16>, TableError> {
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
    if table.is_empty() { Err(TableError::Empty) } else { Ok(table) }
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
