//! What is asked for besides a configuration.

use tunrss_bpf::{Owner, ReportMode, SteeringMode};

use crate::hook::Hook;

/// What is asked for besides a configuration; see [`Device::steer`](crate::Device::steer).
///
/// ```
/// use tunrss::{ReportMode, Settings, SteeringMode};
///
/// let settings = Settings {
///     steering: SteeringMode::Automatic,
///     counters: true,
///     ..Settings::from(ReportMode::Kernel)
/// };
/// # assert!(!settings.force);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Who chooses the queue.
    pub steering: SteeringMode,
    /// Who computes the hash that a reader gets.
    pub report: ReportMode,
    /// Whether packets are counted, see [`Device::counters`](crate::Device::counters).
    pub counters: bool,
    /// Where a tc program is attached; `None` for where one is already, else tcx if the kernel has
    /// it, else clsact.
    pub hook: Option<Hook>,
    /// Who is asking. Nobody else may change what is in force, unless by force.
    pub owner: Owner,
    /// Whether to take a device that somebody else steers.
    pub force: bool,
    /// Whether the device's program slots may hold what somebody else has put there, and keep it: the
    /// filter program always, so that frames without report are not dropped in report mode `kernel`;
    /// the steering program unless the configuration chooses the queue. Programs of others are not
    /// looked for then. For who answers for the device's programs, as its only user.
    pub beside_others: bool,
    /// Beside others: whether the device's steering program is somebody else's by now, though the
    /// configuration in force had one there. It then stays, unless the new configuration chooses the queue.
    pub steered_by_other: bool,
}

impl Settings {
    /// The owner that a process is unless it says otherwise: the name of its program, as in
    /// `/proc/self/comm`.
    pub fn process() -> Owner {
        let name = std::fs::read_to_string("/proc/self/comm").unwrap_or_default();
        Owner::new(name.trim())
    }
}

impl Default for Settings {
    /// Steered by the configuration, reported by the reader, without counters, owned by this
    /// [process](Settings::process).
    fn default() -> Self {
        Self {
            steering: SteeringMode::default(),
            report: ReportMode::default(),
            counters: false,
            hook: None,
            owner: Self::process(),
            force: false,
            beside_others: false,
            steered_by_other: false,
        }
    }
}

impl From<ReportMode> for Settings {
    fn from(report: ReportMode) -> Self {
        Self { report, ..Self::default() }
    }
}
