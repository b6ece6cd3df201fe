//! What a run of the benchmarks leaves: the measured figures, and where they were measured.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::machine::date;

/// A run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    /// [`SCHEMA`]
    pub(crate) schema: u32,
    pub(crate) machine: Machine,
    /// The commit that was measured; with "-dirty" if the work tree differed from it.
    pub(crate) commit: String,
    /// Seconds since 1970 when the run began.
    pub(crate) time: u64,
    /// Whether it was a quick run, whose figures say little.
    pub(crate) quick: bool,
    pub(crate) sections: Vec<Section>,
}

impl Record {
    /// A run on this machine, begun at `time` in seconds since 1970.
    pub(crate) fn of(sections: Vec<Section>, commit: String, time: u64, quick: bool) -> Self {
        Self { schema: SCHEMA, machine: Machine::this(), commit, time, quick, sections }
    }

    /// Write it to a file of its own: `folder`/machine/date-time.json.
    ///
    /// # Errors
    /// A figure is no number; the file cannot be written.
    pub(crate) fn write(&self, folder: &Path) -> Result<PathBuf> {
        for section in &self.sections {
            let measured =
                section.measured.iter().map(|one| (&one.case, &one.contender, one.value));
            let ratios = section.ratios.iter().map(|one| (&one.case, &one.of, one.value));
            for (case, who, Spread { low, median, high }) in measured.chain(ratios) {
                let is_finite = [low, median, high].into_iter().all(f64::is_finite);
                ensure!(is_finite, "{}: {case}: {who}: no number", section.name);
            }
        }
        let (year, month, day) = date(self.time);
        let second = self.time % 86_400;
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        let folder = folder.join(self.machine.slug());
        let path = folder
            .join(format!("{year:04}-{month:02}-{day:02}T{hour:02}{minute:02}{second:02}Z.json"));
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&path, text))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// The newest of the records under `folder` that are of no quick run, of whatever machine.
    ///
    /// # Errors
    /// One cannot be read, or has another schema.
    pub(crate) fn newest(folder: &Path) -> Result<Option<Self>> {
        let mut newest: Option<Self> = None;
        let machines = match fs::read_dir(folder) {
            Ok(machines) => machines,
            Err(_) if !folder.exists() => return Ok(None),
            Err(error) => return Err(error).context(format!("cannot read {}", folder.display())),
        };
        for machine in machines {
            let machine = machine?.path();
            if !machine.is_dir() {
                continue;
            }
            for file in fs::read_dir(machine)? {
                let path = file?.path();
                if path.extension().is_none_or(|extension| extension != "json") {
                    continue;
                }
                let record = Self::read(&path)
                    .with_context(|| format!("cannot read the record {}", path.display()))?;
                if !record.quick && newest.as_ref().is_none_or(|other| record.time > other.time) {
                    newest = Some(record);
                }
            }
        }
        Ok(newest)
    }

    fn read(path: &Path) -> Result<Self> {
        let record: Self = serde_json::from_slice(&fs::read(path)?)?;
        ensure!(record.schema == SCHEMA, "schema {}, not {SCHEMA}", record.schema);
        Ok(record)
    }
}

/// The number of this layout of records. One that is changed gets the next.
const SCHEMA: u32 = 1;

/// Where it was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cpus: usize,
    pub(crate) kernel: String,
    /// The frequency governor, if the machine tells.
    pub(crate) governor: Option<String>,
    /// Whether a hypervisor is below.
    pub(crate) virtual_machine: bool,
}

/// One subject.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Section {
    /// The name by which it is asked for.
    pub(crate) name: String,
    pub(crate) title: String,
    /// What the figures are in: "ns a packet".
    pub(crate) unit: String,
    pub(crate) measured: Vec<Measured>,
    pub(crate) ratios: Vec<Ratio>,
    /// What a reader has to know: peers that are missing, their versions.
    pub(crate) notes: Vec<String>,
}

/// What a contender took or reached.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) case: String,
    pub(crate) contender: String,
    /// The size of the work, where that varies: queues, entries, flows.
    pub(crate) x: Option<f64>,
    pub(crate) value: Spread,
}

/// One contender in proportion to another, by rounds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ratio {
    pub(crate) case: String,
    /// "tunrss / QEMU, net of empty"
    pub(crate) of: String,
    pub(crate) value: Spread,
    pub(crate) goal: Option<Goal>,
}

/// What a ratio is to be.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

impl Ratio {
    pub(crate) fn with_goal(self, goal: Goal) -> Self {
        Self { goal: Some(goal), ..self }
    }

    /// Whether the median is what it is to be.
    pub(crate) fn is_reached(&self) -> Option<bool> {
        self.goal.map(|goal| match goal {
            Goal::AtMost(most) => self.value.median <= most,
            Goal::AtLeast(least) => self.value.median >= least,
        })
    }
}

/// Median and quartiles of samples.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

impl Spread {
    /// NaN without samples.
    pub(crate) fn of(samples: &[f64]) -> Self {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |part: f64| {
            let last = sorted.len().saturating_sub(1);
            sorted.get((last as f64 * part).round() as usize).copied().unwrap_or(f64::NAN)
        };
        Self { low: at(0.25), median: at(0.5), high: at(0.75) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(time: u64, quick: bool, median: f64) -> Record {
        let value = Spread { low: 0.1, median, high: 1e9 };
        let section = Section {
            name: "subject".to_owned(),
            measured: vec![Measured {
                case: "queues".to_owned(),
                contender: "tunrss".to_owned(),
                x: Some(4.0),
                value,
            }],
            ratios: vec![Ratio {
                case: "queues".to_owned(),
                of: "tunrss / other".to_owned(),
                value,
                goal: Some(Goal::AtMost(1.0 / 15.0)),
            }],
            ..Section::default()
        };
        Record::of(vec![section], "0123456789ab-dirty".to_owned(), time, quick)
    }

    #[test]
    fn newest_full_record_is_read_as_it_was_written() {
        let folder = std::env::temp_dir().join(format!("tunrss-record-{}", std::process::id()));
        assert!(Record::newest(&folder).unwrap().is_none());
        let [newest, older, quick] =
            [record(86_400, false, 0.3), record(3_661, false, 0.2), record(172_800, true, 0.1)];
        let path = newest.write(&folder).unwrap();
        assert!(path.ends_with(format!("{}/1970-01-02T000000Z.json", newest.machine.slug())));
        assert!(older.write(&folder).unwrap().ends_with("1970-01-01T010101Z.json"));
        quick.write(&folder).unwrap();
        let read = Record::newest(&folder).unwrap().unwrap();
        let error = record(0, false, f64::NAN).write(&folder).unwrap_err();
        fs::remove_dir_all(&folder).unwrap();
        let json = |record: &Record| serde_json::to_value(record).unwrap();
        assert_eq!(json(&read), json(&newest));
        assert_eq!(error.to_string(), "subject: queues: tunrss: no number");
    }

    #[test]
    fn goals_are_reached_on_their_side() {
        let ratio = |goal, median| {
            let value = Spread { low: 0.0, median, high: 2.0 };
            Ratio { case: String::new(), of: String::new(), value, goal }.is_reached()
        };
        assert_eq!(ratio(Some(Goal::AtMost(0.5)), 0.4), Some(true));
        assert_eq!(ratio(Some(Goal::AtMost(0.5)), 0.6), Some(false));
        assert_eq!(ratio(Some(Goal::AtLeast(0.5)), 0.4), Some(false));
        assert_eq!(ratio(Some(Goal::AtLeast(0.5)), 0.5), Some(true));
        assert_eq!(ratio(None, 0.5), None);
    }

    #[test]
    fn spread_is_median_and_quartiles() {
        let samples = [9.0, 1.0, 3.0, 5.0, 7.0];
        assert_eq!(Spread::of(&samples), Spread { low: 3.0, median: 5.0, high: 7.0 });
        assert!(Spread::of(&[]).median.is_nan());
    }
}
