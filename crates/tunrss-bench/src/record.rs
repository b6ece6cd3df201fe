//! What a run of the benchmarks leaves: the measured figures, and where they were measured.

use serde::{Deserialize, Serialize};

/// A run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    /// 1
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
