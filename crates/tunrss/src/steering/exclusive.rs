//! Several steps of a change, with none of somebody else's in between.

use std::os::fd::AsFd;
use std::time::Duration;

use tunrss_bpf::State;
use tunrss_hash::SteeringConfig;

use super::Settings;
use super::find::Programs;
use super::install::{self, Look};
use crate::device::Device;
use crate::error::Result;
use crate::lock::Lock;

/// The right to change a device, from [`Device::exclusive`]: until it is dropped, nobody else changes how the
/// device is steered.
#[derive(Debug)]
pub struct Exclusive<'a> {
    device: &'a Device,
    lock: Lock,
}

impl Device {
    /// Keep everybody else from changing how this device is steered until the result is dropped: so a
    /// change can depend on what is in force, and what a program notes about its change is noted before
    /// the next one. It blocks for up to `patience` while somebody else has this right. While this thread
    /// has it, only the methods of [`Exclusive`] work: those of the device would wait for it.
    ///
    /// # Errors
    /// [`Error::Locked`](crate::Error::Locked) if a change by somebody else does not end in time,
    /// [`Error::Lock`](crate::Error::Lock) without the right to change the device.
    pub fn exclusive(&self, patience: Duration) -> Result<Exclusive<'_>> {
        Ok(Exclusive { device: self, lock: Lock::within(self, patience)? })
    }
}

impl Exclusive<'_> {
    /// As [`Device::steering`].
    ///
    /// # Errors
    /// Those of [`Device::steering`].
    pub fn steering(&self) -> Result<Option<State>> {
        Ok(Programs::of(self.device)?.in_force()?.map(|found| found.state))
    }

    /// As [`Device::steer_by`].
    ///
    /// # Errors
    /// Those of [`Device::steer_by`]. What was in force stays so.
    pub fn steer_by<T: AsRef<[u16]>>(
        &self,
        control: impl AsFd,
        config: &SteeringConfig<T>,
        settings: &Settings,
    ) -> Result<()> {
        let control = self.device.as_control(&control);
        install::install_locked(&self.lock, self.device, control, config, settings, Look::Must)
            .map(drop)
    }

    /// As [`Device::clear_by`].
    ///
    /// # Errors
    /// Those of [`Device::clear_by`].
    pub fn clear_by(&self, control: impl AsFd, settings: &Settings) -> Result<bool> {
        let control = self.device.as_control(&control);
        install::remove_locked(&self.lock, self.device, control, settings, |_| true)
    }
}
