//! What ran and how it ended, counted and shown.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::tier::Tier;

/// How many tests passed, failed and were ignored.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) ignored: usize,
}

impl Counts {
    /// The sum of the `test result:` lines that the test harness writes.
    ///
    /// # Errors
    /// Such a line has another form than known.
    pub(crate) fn parse(output: &str) -> Result<Self> {
        let mut sum = Self::default();
        for line in output.lines() {
            let Some(result) = line.strip_prefix("test result: ") else { continue };
            let number = |what: &str| {
                let words: Vec<_> = result.split([' ', ';']).collect();
                let at = words.iter().position(|&word| word == what)?;
                words.get(at.checked_sub(1)?)?.parse().ok()
            };
            let counts = || {
                let [passed, failed, ignored] = ["passed", "failed", "ignored"].map(number);
                Some(Self { passed: passed?, failed: failed?, ignored: ignored? })
            };
            sum.add(counts().with_context(|| format!("a test result of unknown form: {line}"))?);
        }
        Ok(sum)
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }

    /// Tests that ran.
    pub(crate) fn executed(&self) -> usize {
        self.passed + self.failed
    }
}

/// How a tier ended.
pub(crate) enum Outcome {
    /// Everything passed.
    Ran,
    /// Why it failed.
    Failed(String),
    /// It did not run; what asked for that.
    LeftOut(&'static str),
}

/// What ran.
#[derive(Default)]
pub(crate) struct Summary {
    rows: Vec<Row>,
}

struct Row {
    tier: Tier,
    outcome: Outcome,
    counts: Counts,
    time: Duration,
}

impl Summary {
    pub(crate) fn add(&mut self, tier: Tier, outcome: Outcome, counts: Counts, time: Duration) {
        self.rows.push(Row { tier, outcome, counts, time });
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.rows.iter().any(|row| matches!(row.outcome, Outcome::Failed(_)))
    }
}

impl fmt::Display for Summary {
    /// A table, then failures and tiers left out, then the line `N passed, N failed`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sum = Counts::default();
        writeln!(f, "\ntier    passed  failed  ignored  seconds")?;
        for Row { tier, outcome, counts, time } in &self.rows {
            if let Outcome::LeftOut(_) = outcome {
                writeln!(f, "{tier:7} {:>6}  {:>6}  {:>7}  {:>7}", "-", "-", "-", "-")?;
                continue;
            }
            sum.add(*counts);
            let Counts { passed, failed, ignored } = counts;
            let seconds = time.as_secs_f64();
            writeln!(f, "{tier:7} {passed:6}  {failed:6}  {ignored:7}  {seconds:7.1}")?;
        }
        writeln!(f)?;
        for Row { tier, outcome, .. } in &self.rows {
            match outcome {
                Outcome::Ran => {}
                Outcome::Failed(reason) => writeln!(f, "FAILED   {tier}: {reason}")?,
                Outcome::LeftOut(reason) => writeln!(f, "NOT RUN  {tier}: {reason}")?,
            }
        }
        writeln!(f, "{} passed, {} failed", sum.passed, sum.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_summed() {
        let output = "\
running 3 tests
test a ... ok
test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.03s
test result: FAILED. 31 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 5.27s
";
        let sum = Counts { passed: 34, failed: 2, ignored: 1 };
        assert_eq!(Counts::parse(output).unwrap(), sum);
        assert_eq!(Counts::parse("no tests\n").unwrap(), Counts::default());
        assert!(Counts::parse("test result: fine\n").is_err());
    }

    #[test]
    fn summary_ends_in_the_sum() {
        let mut summary = Summary::default();
        let second = Duration::from_secs(1);
        let passed = |passed| Counts { passed, ..Counts::default() };
        summary.add(Tier::Unit, Outcome::Ran, passed(12), second);
        summary.add(Tier::Bpf, Outcome::LeftOut("--unprivileged"), passed(0), second);
        assert!(!summary.has_failed());
        assert_eq!(
            summary.to_string(),
            "\ntier    passed  failed  ignored  seconds\n\
             unit        12       0        0      1.0\n\
             bpf          -       -        -        -\n\n\
             NOT RUN  bpf: --unprivileged\n12 passed, 0 failed\n"
        );
        let failed = Counts { failed: 1, ..Counts::default() };
        summary.add(Tier::Netns, Outcome::Failed("no test ran".into()), failed, second);
        assert!(summary.has_failed());
        let text = summary.to_string();
        assert!(text.ends_with("FAILED   netns: no test ran\n12 passed, 1 failed\n"), "{text}");
    }
}
