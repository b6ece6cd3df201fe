//! What is printed: the answer on standard output, everything else on standard error.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Write as _};
use std::io::{self, BufWriter, IsTerminal, Write};

use serde::Serialize;
use tunrss::hash::{HashReport, Verdict};

use crate::args::{Color, OutputArgs};
use crate::error::CliError;
use crate::exit::Exit;

/// The number that every JSON object carries; raised when a field changes its meaning or goes.
pub(crate) const SCHEMA: u32 = 1;

/// Standard output, as text or as JSON.
pub(crate) struct Output {
    args: OutputArgs,
    paint: Paint,
    out: BufWriter<io::Stdout>,
}

impl Output {
    pub(crate) fn new(args: OutputArgs) -> Self {
        let stdout = io::stdout();
        let paint = Paint::new(args.color, stdout.is_terminal());
        Self { args, paint, out: BufWriter::new(stdout) }
    }

    /// Whether the answer is wanted as JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.args.json
    }

    /// The colours for text that goes to [`Output::text`].
    pub(crate) fn paint(&self) -> Paint {
        self.paint
    }

    pub(crate) fn is_terminal(&self) -> bool {
        self.out.get_ref().is_terminal()
    }

    /// Print text. Ends of lines are the caller's; whatever else could steer a terminal is escaped
    /// there.
    pub(crate) fn text(&mut self, text: impl fmt::Display) -> Result<(), CliError> {
        if self.is_terminal() {
            let text = text.to_string();
            let mut lines = text.split('\n').map(|line| safe(line, true));
            let first = lines.next().unwrap_or_default();
            self.painted(first)?;
            lines.try_for_each(|line| self.painted(format_args!("\n{line}")))
        } else {
            self.painted(text)
        }
    }

    /// Print text with colours as it is. What it has from outside has to be [`safe`].
    pub(crate) fn painted(&mut self, text: impl fmt::Display) -> Result<(), CliError> {
        write!(self.out, "{text}").map_err(|source| CliError::Print { source })
    }

    /// Print bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        self.out.write_all(bytes).map_err(|source| CliError::Print { source })
    }

    /// Print a JSON object on a line of its own: the fields of `body`, and the schema number.
    pub(crate) fn object(&mut self, body: &impl Serialize) -> Result<(), CliError> {
        let line = to_json(body)?;
        self.painted(format_args!("{line}\n"))
    }

    /// Print a warning on standard error, in JSON as an object with the field `warning`.
    pub(crate) fn warn(&self, warning: &str) -> Result<(), CliError> {
        print_warning(self.args, warning)
    }

    /// Hand over what is still in the buffer.
    pub(crate) fn flush(&mut self) -> Result<(), CliError> {
        self.out.flush().map_err(|source| CliError::Print { source })
    }
}

/// Print what the library warns of from now on as our own warnings.
pub(crate) fn print_library_warnings(args: OutputArgs) {
    // Refused only if it was done before.
    if log::set_boxed_logger(Box::new(LibraryWarnings(args))).is_ok() {
        log::set_max_level(log::LevelFilter::Warn);
    }
}

struct LibraryWarnings(OutputArgs);

impl log::Log for LibraryWarnings {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        // Not those of the crates that it uses, which speak of other things.
        metadata.level() <= log::Level::Warn && metadata.target().starts_with("tunrss::")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            // A text can always be made JSON.
            let _ = print_warning(self.0, &record.args().to_string());
        }
    }

    fn flush(&self) {}
}

fn print_warning(args: OutputArgs, warning: &str) -> Result<(), CliError> {
    let terminal = io::stderr().is_terminal();
    let line = if args.json {
        to_json(&Warning { warning })?
    } else {
        let paint = Paint::new(args.color, terminal);
        format!("{} {}", paint.bold("warning:"), safe(warning, terminal))
    };
    to_stderr(&format!("{line}\n"));
    Ok(())
}

/// Print `error` on standard error: what was tried, the causes, and what to do.
pub(crate) fn print_error(args: OutputArgs, error: &CliError) {
    let causes = causes(error);
    let hint = error.hint();
    if args.json {
        print_error_object(&error.to_string(), &causes, hint.as_deref(), error.exit());
        return;
    }
    let terminal = io::stderr().is_terminal();
    let paint = Paint::new(args.color, terminal);
    let mut text = format!("{} {}\n", paint.red("error:"), safe(&error.to_string(), terminal));
    for cause in &causes {
        text += &format!("{} {}\n", paint.bold("caused by:"), safe(cause, terminal));
    }
    if let Some(hint) = hint {
        text += &format!("{} {}\n", paint.bold("hint:"), safe(&hint, terminal));
    }
    to_stderr(&text);
}

/// As [`print_error`], of an error in JSON that is not [`CliError`]'s.
pub(crate) fn print_error_object(error: &str, causes: &[String], hint: Option<&str>, exit: Exit) {
    let object = ErrorObject { error, caused_by: causes, hint, exit_code: exit.code() };
    match to_json(&object) {
        Ok(line) => to_stderr(&format!("{line}\n")),
        Err(_) => to_stderr(&format!("error: {error}\n")),
    }
}

/// Print text on standard error. If nobody takes it, there is nobody to tell.
pub(crate) fn to_stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// A warning as JSON.
#[derive(Serialize)]
struct Warning<'a> {
    warning: &'a str,
}

/// An error as JSON.
#[derive(Serialize)]
struct ErrorObject<'a> {
    error: &'a str,
    caused_by: &'a [String],
    hint: Option<&'a str>,
    exit_code: u8,
}

fn causes(error: &CliError) -> Vec<String> {
    let first = error.source();
    std::iter::successors(first, |&cause| cause.source()).map(ToString::to_string).collect()
}

fn to_json(body: &impl Serialize) -> Result<String, CliError> {
    #[derive(Serialize)]
    struct Object<'a, T> {
        schema: u32,
        #[serde(flatten)]
        body: &'a T,
    }
    let json = serde_json::to_string(&Object { schema: SCHEMA, body })
        .map_err(|error| CliError::Internal { what: format!("no JSON: {error}") })?;
    // JSON leaves some of those that steer a terminal as they are. They occur in strings only.
    Ok(escape(&json, |character| format!("\\u{:04x}", u32::from(character))).into_owned())
}

/// Colours, if they are wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    is_on: bool,
}

impl Paint {
    pub(crate) fn new(color: Color, is_terminal: bool) -> Self {
        let is_on = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => is_terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        };
        Self { is_on }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.wrap("1;31", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.wrap("32", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.is_on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// `text` from outside for a place that may be a terminal: there, characters that steer a terminal
/// or turn the direction of writing are escaped.
pub(crate) fn safe(text: &str, is_terminal: bool) -> Cow<'_, str> {
    if is_terminal { escape(text, |character| character.escape_unicode()) } else { text.into() }
}

/// `text` with what steers a terminal as `escaped` puts it.
fn escape<E: fmt::Display>(text: &str, escaped: impl Fn(char) -> E) -> Cow<'_, str> {
    let steers = |character: char| {
        character.is_control()
            || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(steers) {
        return text.into();
    }
    let mut safe = String::new();
    for character in text.chars() {
        if steers(character) {
            // Writing to a string does not fail.
            let _ = write!(safe, "{}", escaped(character));
        } else {
            safe.push(character);
        }
    }
    safe.into()
}

/// How packets spread over queues, for text and JSON.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Distribution {
    packets: u64,
    per_queue: Vec<u64>,
    by_report: Counts,
}

/// Packets by report, in the order of the report codes.
#[derive(Clone, Copy, Debug, Default)]
struct Counts([u64; HashReport::ALL.len()]);

impl Distribution {
    /// No packets on queues 0 to `highest_queue`.
    pub(crate) fn new(highest_queue: u16) -> Self {
        let per_queue = vec![0; usize::from(highest_queue) + 1];
        Self { packets: 0, per_queue, by_report: Counts::default() }
    }

    /// Count a packet. A queue beyond the highest is added.
    pub(crate) fn add(&mut self, verdict: Verdict) {
        let queue = usize::from(verdict.queue);
        if self.per_queue.len() <= queue {
            self.per_queue.resize(queue + 1, 0);
        }
        if let Some(count) = self.per_queue.get_mut(queue) {
            *count += 1;
        }
        if let Some(count) = self.by_report.0.get_mut(usize::from(verdict.report.code())) {
            *count += 1;
        }
        self.packets += 1;
    }

    pub(crate) fn packets(&self) -> u64 {
        self.packets
    }

    /// Queues that got no packet.
    pub(crate) fn unused_queues(&self) -> usize {
        self.per_queue.iter().filter(|&&count| count == 0).count()
    }

    /// The table of the queues, each with its share as a bar, and below it that of the reports.
    pub(crate) fn table(&self, paint: Paint) -> String {
        let queues = self.per_queue.iter().enumerate();
        let queues: Vec<_> = queues.map(|(queue, &count)| (queue.to_string(), count)).collect();
        let reports: Vec<_> = self.by_report.named().collect();
        shares("queue", &queues, paint) + "\n" + &shares("report", &reports, paint)
    }
}

impl Counts {
    /// The reports that occurred.
    fn named(&self) -> impl Iterator<Item = (String, u64)> {
        let named = HashReport::ALL.iter().zip(self.0).filter(|&(_, count)| count > 0);
        named.map(|(report, count)| (report.to_string(), count))
    }
}

impl Serialize for Counts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.named())
    }
}

/// A table of `rows`: name, packets, share of all packets as a number and as a bar. The longest bar
/// is that of the largest count.
pub(crate) fn shares(title: &str, rows: &[(String, u64)], paint: Paint) -> String {
    const BAR: u128 = 40;
    let total: u128 = rows.iter().map(|&(_, count)| u128::from(count)).sum();
    let largest = rows.iter().map(|&(_, count)| u128::from(count)).max().unwrap_or(0).max(1);
    let width = rows.iter().map(|(name, _)| name.len()).chain([title.len()]).max().unwrap_or(0);
    let head = format!("{title:>width$}     packets   share");
    let mut text = paint.bold(&head) + "\n";
    for (name, count) in rows {
        let exact = u128::from(*count);
        let permille = (exact * 1000 + total / 2).checked_div(total).unwrap_or(0);
        let bar = "#".repeat((exact * BAR).div_ceil(largest) as usize);
        let share = format!("{}.{}%", permille / 10, permille % 10);
        let row = format!("{name:>width$}  {count:>10}  {share:>6}  {}", paint.green(&bar));
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}", row.trim_end());
    }
    text
}

/// An indirection table as `ethtool -x` prints its rows: an index, then eight entries.
pub(crate) fn table_rows(table: &[u16]) -> String {
    let mut text = String::new();
    for (index, row) in table.chunks(8).enumerate() {
        // Writing to a string does not fail.
        let _ = write!(text, "{:5}: ", index * 8);
        for queue in row {
            let _ = write!(text, " {queue:5}");
        }
        text.push('\n');
    }
    text
}

/// A hash as text and JSON have it, `None` if there is none.
pub(crate) fn hash_text(verdict: Verdict) -> Option<String> {
    (verdict.report != HashReport::None).then(|| format!("0x{:08x}", verdict.hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Paint = Paint { is_on: false };

    #[test]
    fn bars_are_relative_to_the_largest_count() {
        let rows = [("0".to_owned(), 3), ("1".to_owned(), 0), ("2".to_owned(), 1)];
        let bar = |len| "#".repeat(len);
        assert_eq!(
            shares("queue", &rows, PLAIN),
            format!(
                "queue     packets   share\n    0           3   75.0%  {}\n    1           0    0.0%\n    \
                 2           1   25.0%  {}\n",
                bar(40),
                bar(14)
            )
        );
        assert!(shares("queue", &[], PLAIN).ends_with("share\n"));
        let huge = [("0".to_owned(), u64::MAX), ("1".to_owned(), u64::MAX)];
        assert!(shares("queue", &huge, PLAIN).contains("50.0%"));
    }

    #[test]
    fn table_has_the_shape_of_ethtool() {
        assert_eq!(
            table_rows(&[0, 1, 2, 3, 0, 1, 2, 3, 12, 255]),
            "    0:      0     1     2     3     0     1     2     3\n    8:     12   255\n"
        );
    }

    #[test]
    fn terminals_get_no_control_characters() {
        assert_eq!(safe("tap\u{1b}[2J", true), "tap\\u{1b}[2J");
        assert_eq!(safe("a\u{202e}b", true), "a\\u{202e}b");
        assert_eq!(safe("tap\u{1b}[2J", false), "tap\u{1b}[2J");
        assert_eq!(safe("täp0", true), "täp0");
    }

    #[test]
    fn json_has_no_control_characters() {
        let json = to_json(&Warning { warning: "tap\u{1b}\u{9b}2J\u{202e}\n" }).unwrap();
        assert_eq!(json, r#"{"schema":1,"warning":"tap\u001b\u009b2J\u202e\n"}"#);
    }

    #[test]
    fn colours_are_only_where_wanted() {
        assert_eq!(Paint::new(Color::Always, false).red("x"), "\x1b[1;31mx\x1b[0m");
        assert_eq!(Paint::new(Color::Never, true).red("x"), "x");
        assert_eq!(Paint::new(Color::Auto, false).red("x"), "x");
    }

    #[test]
    fn distribution_counts_queues_and_reports() {
        let mut distribution = Distribution::new(1);
        let verdict = |report, queue| Verdict { hash: 1, report, queue };
        distribution.add(verdict(HashReport::TcpV4, 1));
        distribution.add(verdict(HashReport::None, 3));
        assert_eq!(
            to_json(&distribution).unwrap(),
            r#"{"schema":1,"packets":2,"per_queue":[0,1,0,1],"by_report":{"none":1,"TCPv4":1}}"#
        );
    }
}
