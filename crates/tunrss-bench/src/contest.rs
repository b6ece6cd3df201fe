//! Timing several contenders at the same work, in turns.
//!
//! Machines are shared and their clock rates wander, so nothing is timed on its own: in each round
//! every contender has one turn, each round in another order, and what is compared is compared
//! within the round.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::time::{ClockId, clock_gettime};

use crate::record::{Measured, Ratio, Spread};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Turns of each contender.
    pub(crate) rounds: usize,
    /// How long a turn is to take.
    pub(crate) turn: Duration,
}

impl Effort {
    pub(crate) const FULL: Self = Self { rounds: 31, turn: Duration::from_millis(20) };
    pub(crate) const QUICK: Self = Self { rounds: 5, turn: Duration::from_millis(4) };

    /// As much in more and shorter turns, for work that needs no run-up: a turn is then seldom
    /// interrupted, and what else the machine does is the same for a whole round.
    pub(crate) fn in_short_turns(self) -> Self {
        Self { rounds: self.rounds * SHORTER, turn: self.turn / SHORTER as u32 }
    }
}

/// How many short turns make one.
const SHORTER: usize = 20;

/// Contenders at one piece of work.
pub(crate) struct Contest<'a> {
    case: String,
    contenders: Vec<Contender<'a>>,
}

struct Contender<'a> {
    name: String,
    /// Do the work so many times; say how long it took, without preparation.
    work: Box<dyn FnMut(u64) -> Result<Duration> + 'a>,
}

impl<'a> Contest<'a> {
    /// A contest at `case`: "IPv4/TCP", "60-byte frames".
    pub(crate) fn new(case: impl Into<String>) -> Self {
        Self { case: case.into(), contenders: vec![] }
    }

    /// Add a contender that does the work so many times and says how long it took. Its answers have
    /// been checked.
    pub(crate) fn contender(
        mut self,
        name: impl Into<String>,
        work: impl FnMut(u64) -> Result<Duration> + 'a,
    ) -> Self {
        self.contenders.push(Contender { name: name.into(), work: Box::new(work) });
        self
    }

    /// Add a contender that does the work `len` times in each of so many passes, and says how long
    /// they took.
    pub(crate) fn in_passes(
        self,
        name: impl Into<String>,
        len: usize,
        mut passes: impl FnMut(u64) -> Result<Duration> + 'a,
    ) -> Self {
        self.contender(name, move |times| {
            let count = times.div_ceil(len as u64);
            Ok(passes(count)?.mul_f64(times as f64 / (count * len as u64) as f64))
        })
    }

    /// Add a contender that does the work `len` times in a pass, which is timed here.
    pub(crate) fn timed_in_passes(
        self,
        name: impl Into<String>,
        len: usize,
        mut pass: impl FnMut() + 'a,
    ) -> Self {
        self.in_passes(name, len, move |count| {
            let start = Instant::now();
            for _ in 0..count {
                pass();
            }
            Ok(start.elapsed())
        })
    }

    /// Add a contender whose work is timed here, once around all repetitions.
    pub(crate) fn timed<T>(
        self,
        name: impl Into<String>,
        mut work: impl FnMut() -> T + 'a,
    ) -> Self {
        self.contender(name, move |times| {
            let start = Instant::now();
            for _ in 0..times {
                std::hint::black_box(work());
            }
            Ok(start.elapsed())
        })
    }

    /// Let them take turns.
    pub(crate) fn run(mut self, effort: Effort) -> Result<Outcome> {
        let mut times = vec![];
        for contender in &mut self.contenders {
            let enough = contender.times_for(effort.turn);
            times.push(enough.with_context(|| format!("{}: {}", self.case, contender.name))?);
        }
        let count = self.contenders.len();
        let mut samples = vec![Vec::with_capacity(effort.rounds); count];
        for round in 0..effort.rounds {
            for turn in 0..count {
                let one = (round + turn) % count;
                let (Some(contender), Some(&times), Some(samples)) =
                    (self.contenders.get_mut(one), times.get(one), samples.get_mut(one))
                else {
                    continue;
                };
                samples.push(contender.nanoseconds(times)?);
            }
        }
        let names = self.contenders.into_iter().map(|contender| contender.name);
        Ok(Outcome { case: self.case, samples: names.zip(samples).collect() })
    }
}

impl Contender<'_> {
    /// How often the work is to be done for a turn of this length.
    fn times_for(&mut self, turn: Duration) -> Result<u64> {
        let mut times = 1;
        // 2^40 times nothing at all would take minutes.
        while times < 1 << 40 {
            let took = (self.work)(times)?;
            if took >= turn / 2 {
                break;
            }
            let factor = turn.as_secs_f64() / took.as_secs_f64().max(1e-9);
            times = (times as f64 * factor.clamp(1.5, 100.0)).ceil() as u64;
        }
        Ok(times)
    }

    /// Nanoseconds that doing the work once took, of so many times.
    fn nanoseconds(&mut self, times: u64) -> Result<f64> {
        Ok((self.work)(times)?.as_secs_f64() * 1e9 / times as f64)
    }
}

/// What the contenders took, by round.
pub(crate) struct Outcome {
    case: String,
    /// Name, and nanoseconds in each round.
    samples: Vec<(String, Vec<f64>)>,
}

impl Outcome {
    /// Nanoseconds that each contender took for doing the work once.
    pub(crate) fn measured(&self) -> Vec<Measured> {
        let measured = |(name, samples): &(String, Vec<f64>)| Measured {
            case: self.case.clone(),
            contender: name.clone(),
            x: None,
            value: Spread::of(samples),
        };
        self.samples.iter().map(measured).collect()
    }

    /// What `ours` takes in proportion to what `theirs` takes.
    pub(crate) fn ratio(&self, ours: &str, theirs: &str) -> Result<Ratio> {
        self.proportion(ours, theirs, None)
    }

    /// The same, net of what `empty` takes.
    pub(crate) fn net_ratio(&self, ours: &str, theirs: &str, empty: &str) -> Result<Ratio> {
        self.proportion(ours, theirs, Some(empty))
    }

    fn proportion(&self, ours: &str, theirs: &str, empty: Option<&str>) -> Result<Ratio> {
        let zero = vec![0.0; self.of(ours)?.len()];
        let empty_samples = empty.map_or(Ok(&zero[..]), |empty| self.of(empty))?;
        let samples: Vec<f64> = self
            .of(ours)?
            .iter()
            .zip(self.of(theirs)?)
            .zip(empty_samples)
            .map(|((ours, theirs), empty)| (ours - empty) / (theirs - empty))
            .collect();
        let net = empty.map_or(String::new(), |empty| format!(", net of {empty}"));
        Ok(Ratio {
            case: self.case.clone(),
            of: format!("{ours} / {theirs}{net}"),
            value: Spread::of(&samples),
            goal: None,
        })
    }

    fn of(&self, name: &str) -> Result<&[f64]> {
        let found = self.samples.iter().find(|(other, _)| other == name);
        ensure!(found.is_some(), "no contender {name} at {}", self.case);
        Ok(found.map_or(&[], |(_, samples)| samples))
    }
}

/// What this thread has had of a CPU's time, in the kernel too: who shares the machine does not count.
pub(crate) fn cpu_time() -> Result<Duration> {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Ok(Duration::new(time.tv_sec.try_into()?, time.tv_nsec.try_into()?))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn contenders_take_turns_and_are_compared_within_a_round() {
        let turns = RefCell::new(vec![]);
        let contender = |name: &'static str, nanoseconds: u64| {
            let turns = &turns;
            move |times: u64| {
                turns.borrow_mut().push(name);
                Ok(Duration::from_nanos(times * nanoseconds))
            }
        };
        let effort = Effort { rounds: 4, turn: Duration::from_nanos(1) };
        let outcome = Contest::new("case")
            .contender("empty", contender("empty", 10))
            .contender("ours", contender("ours", 20))
            .contender("theirs", contender("theirs", 30))
            .run(effort)
            .unwrap();
        let measured = outcome.measured();
        let names: Vec<_> = measured.iter().map(|one| one.contender.as_str()).collect();
        assert_eq!(names, ["empty", "ours", "theirs"]);
        let medians: Vec<_> = measured.iter().map(|one| one.value.median.round()).collect();
        assert_eq!(medians, [10.0, 20.0, 30.0]);
        let error = outcome.ratio("ours", "nobody").err().unwrap();
        assert_eq!(error.to_string(), "no contender nobody at case");
        // The first three are trials; then each round has another order.
        let turns = turns.take();
        assert_eq!(turns[3..6], ["empty", "ours", "theirs"]);
        assert_eq!(turns[6..9], ["ours", "theirs", "empty"]);
        assert_eq!(turns[9..12], ["theirs", "empty", "ours"]);
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        let outcome = Outcome {
            case: "case".to_owned(),
            samples: vec![
                ("empty".to_owned(), vec![10.0, 20.0, 10.0]),
                ("ours".to_owned(), vec![20.0, 40.0, 30.0]),
                ("theirs".to_owned(), vec![40.0, 80.0, 110.0]),
            ],
        };
        assert_eq!(outcome.ratio("ours", "theirs").unwrap().value.median, 0.5);
        let net = outcome.net_ratio("ours", "theirs", "empty").unwrap();
        assert_eq!(net.of, "ours / theirs, net of empty");
        // That of the medians would be 2 / 7.
        assert_eq!(net.value.median, 1.0 / 3.0);
    }
}
