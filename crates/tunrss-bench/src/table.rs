//! A section as a table to be read in a terminal.

use std::fmt;

use crate::record::{Goal, Section, Spread};

/// Shows the section: what was measured, the ratios with their goals, and the notes.
pub(crate) struct Table<'a>(pub(crate) &'a Section);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Section { title, unit, measured, ratios, notes, .. } = self.0;
        writeln!(f, "\n=== {title} ===")?;
        let mut rows = vec![row("", unit, ["median", "quartiles"].map(str::to_owned), "")];
        rows.extend(measured.iter().map(|measured| {
            let case = match measured.x {
                Some(x) => format!("{} {}", measured.case, number(x)),
                None => measured.case.clone(),
            };
            row(&case, &measured.contender, spread(measured.value), "")
        }));
        if !ratios.is_empty() {
            rows.push(Default::default());
            rows.push(row("", "ratio", ["median", "quartiles"].map(str::to_owned), "goal"));
        }
        rows.extend(ratios.iter().map(|ratio| {
            let goal = ratio.goal.map_or(String::new(), |goal| {
                let reached = if ratio.is_reached() == Some(true) { "reached" } else { "MISSED" };
                format!("{goal} {reached}")
            });
            row(&ratio.case, &ratio.of, spread(ratio.value), &goal)
        }));
        let width = |column: usize| {
            rows.iter().map(|row: &Row| row[column].chars().count()).max().unwrap_or(0)
        };
        let [first, second, third, fourth] = [0, 1, 2, 3].map(width);
        for [case, who, median, quartiles, goal] in &rows {
            let line = format!(
                "{case:first$}  {who:second$}  {median:>third$}  {quartiles:>fourth$}  {goal}"
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        for note in notes {
            writeln!(f, "- {note}")?;
        }
        Ok(())
    }
}

type Row = [String; 5];

fn row(case: &str, who: &str, [median, quartiles]: [String; 2], goal: &str) -> Row {
    [case.to_owned(), who.to_owned(), median, quartiles, goal.to_owned()]
}

fn spread(Spread { low, median, high }: Spread) -> [String; 2] {
    [number(median), format!("{} - {}", number(low), number(high))]
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::AtMost(most) => write!(f, "<= {}", number(most)),
            Self::AtLeast(least) => write!(f, ">= {}", number(least)),
        }
    }
}

/// The number with three digits that count, or all before the point: 0.0662, 21.3, 1234.
pub(crate) fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let digits = value.abs().log10().floor();
    let decimals = (2.0 - digits).clamp(0.0, 9.0) as usize;
    let text = format!("{value:.decimals$}");
    // 65536 and 4, not 4.00: sizes are whole.
    match text.split_once('.') {
        Some((whole, decimals)) if decimals.bytes().all(|digit| digit == b'0') => whole.to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Measured, Ratio};

    #[test]
    fn numbers_have_three_digits_that_count() {
        let numbers = [
            (1.0 / 15.0, "0.0667"),
            (21.34, "21.3"),
            (9.996, "10.00"),
            (65_536.0, "65536"),
            (-2.5, "-2.50"),
            (0.0, "0"),
            (f64::NAN, "NaN"),
        ];
        for (value, expected) in numbers {
            let expected = expected.strip_suffix(".00").unwrap_or(expected);
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn columns_are_aligned_and_goals_are_judged() {
        let value = Spread { low: 1.0, median: 2.0, high: 30.5 };
        let ratio = Ratio { case: "IPv4".into(), of: "a / b".into(), value, goal: None };
        let section = Section {
            title: "Title".into(),
            unit: "ns".into(),
            measured: vec![Measured {
                case: "entries".into(),
                contender: "ours".into(),
                x: Some(128.0),
                value,
            }],
            ratios: vec![
                ratio.clone().with_goal(Goal::AtMost(0.5)),
                ratio.clone().with_goal(Goal::AtLeast(2.0)),
                ratio,
            ],
            notes: vec!["a note".into()],
            ..Section::default()
        };
        let expected = "
=== Title ===
             ns     median  quartiles
entries 128  ours        2   1 - 30.5

             ratio  median  quartiles  goal
IPv4         a / b       2   1 - 30.5  <= 0.500 MISSED
IPv4         a / b       2   1 - 30.5  >= 2 reached
IPv4         a / b       2   1 - 30.5
- a note
";
        assert_eq!(Table(&section).to_string(), expected);
    }
}
