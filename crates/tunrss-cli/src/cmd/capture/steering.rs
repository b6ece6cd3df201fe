//! What steers the device, and so what hash and queue its packets have.

use tunrss::bpf::Prefix;
use tunrss::capture::{Direction, Seen};
use tunrss::hash::{HashReport, Link, Verdict, classify};
use tunrss::{Device, Error, IfName, Inspection, Missing, ReportMode, State, SteeringMode};

use crate::error::CliError;

/// What steers a device, as last looked at.
pub(super) struct Steering {
    device: Device,
    /// What the kernel does with packets; `None` where a part of it is missing without which it
    /// reports nothing.
    state: Option<State>,
    missing: Vec<Missing>,
    /// How many queues are attached: a queue number is taken modulo them.
    queues: u16,
}

/// The hash and the queue of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Hashed {
    pub(super) verdict: Verdict,
    /// That of the table as last looked at; `None` if the kernel chooses it.
    pub(super) queue: Option<u16>,
    pub(super) by: By,
}

/// Who says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum By {
    /// The kernel, in front of the packet.
    Kernel,
    /// This program, by the configuration in force.
    Capture,
}

impl Steering {
    /// Look at what steers `device`; if that is for others to see, the reason, and nothing does.
    pub(super) fn look(device: Device) -> Result<(Self, Option<String>), CliError> {
        let mut steering = Self { device, state: None, missing: vec![], queues: 0 };
        steering.count_queues()?;
        match steering.device.inspect() {
            Ok(found) => {
                steering.note(found);
                Ok((steering, None))
            }
            Err(error) if error.is_permission() => {
                let reason = error.hint().unwrap_or_else(|| error.to_string());
                Ok((steering, Some(reason)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Look again. Returns whether the device is still there.
    pub(super) fn look_again(&mut self) -> Result<bool, CliError> {
        // A device that was renamed is the same one.
        match self.device.reopen() {
            Ok(device) => self.device = device,
            Err(Error::NoDevice { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        match self.device.inspect().map_err(CliError::from).and_then(|found| {
            self.note(found);
            self.count_queues()
        }) {
            Ok(()) => Ok(true),
            Err(CliError::Library(error)) if error.is_permission() => Ok(true),
            // It may have gone meanwhile.
            Err(error) => {
                if self.is_there()? {
                    Err(error)
                } else {
                    Ok(false)
                }
            }
        }
    }

    fn note(&mut self, found: Inspection) {
        let Inspection { state, missing, .. } = found;
        self.state = state.filter(|_| !missing.contains(&Missing::Report));
        self.missing = missing;
    }

    /// What of the configuration the device does not have.
    pub(super) fn missing(&self) -> &[Missing] {
        &self.missing
    }

    fn is_there(&self) -> Result<bool, CliError> {
        match self.device.reopen() {
            Ok(_) => Ok(true),
            Err(Error::NoDevice { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn name(&self) -> &IfName {
        self.device.name()
    }

    pub(super) fn link(&self) -> Link {
        self.device.link()
    }

    pub(super) fn mode(&self) -> ReportMode {
        self.state.as_ref().map_or(ReportMode::Off, |state| state.report)
    }

    /// The hash of a packet: as reported; else, of a packet that was steered without a report, as
    /// the configuration has it. What does not go to the queues is not steered.
    pub(super) fn hash_of(&self, seen: &Seen<'_>) -> Option<Hashed> {
        let State { config, steering, .. } = self.state.as_ref()?;
        let (verdict, by) = match seen.prefix {
            Some(Prefix { hash, report }) => {
                let is_hashed = report != HashReport::None;
                let queue = if is_hashed { config.queue_for(hash) } else { config.unclassified() };
                (Verdict { hash, report, queue }, By::Kernel)
            }
            None if seen.direction == Direction::Outgoing && self.mode() != ReportMode::Kernel => {
                (classify(config, self.link(), seen.frame), By::Capture)
            }
            None => return None,
        };
        let queue = verdict.queue.checked_rem(self.queues).unwrap_or(verdict.queue);
        let queue = Some(queue).filter(|_| *steering == SteeringMode::Rss);
        Some(Hashed { verdict, queue, by })
    }

    fn count_queues(&mut self) -> Result<(), CliError> {
        self.queues = u16::try_from(self.device.attached_queues()?).unwrap_or(u16::MAX);
        Ok(())
    }
}
