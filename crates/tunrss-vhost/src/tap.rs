//! The device of the host that guests are served from.

use std::thread;
use std::time::{Duration, Instant};

use tunrss::{Device, DeviceOptions, Error, IfName, Kind, Queue};

use crate::error::DaemonError;
use crate::plan::{ServePlan, random_mac};
use crate::socket::PATIENCE;

/// A device with all its queues, each attached.
#[derive(Debug)]
pub(crate) struct Tap {
    pub(crate) device: Device,
    pub(crate) queues: Vec<Queue>,
    /// What the guest is told.
    pub(crate) mac: [u8; 6],
    pub(crate) mtu: u16,
}

impl Tap {
    /// Create the device, or take over one that exists.
    ///
    /// # Errors
    /// It is of another kind, somebody has it open, it has too few queues, or the system refuses.
    pub(crate) fn open(plan: &ServePlan) -> Result<Self, DaemonError> {
        let pairs = plan.pairs.into();
        let (device, queues) = match Device::open(&plan.device) {
            Ok(device) => take_over(device, plan.pairs)?,
            Err(Error::NoDevice { .. }) => {
                let name = IfName::new(plan.device.as_str()).map_err(|source| {
                    DaemonError::DeviceName { name: plan.device.to_string(), source }
                })?;
                let (device, queues) = Device::create(&name, pairs)?;
                if let Some(mtu) = plan.mtu {
                    device.set_mtu(mtu.into())?;
                }
                device.set_up()?;
                log::info!("{}: created, with {}", plan.device, queues_in_words(plan.pairs));
                (device, queues)
            }
            Err(error) => return Err(error.into()),
        };
        let mac = match (plan.mac, device.kind()) {
            (Some(mac), _) => mac,
            // Frames come to a macvtap by its address.
            (None, Kind::Macvtap) => device.mac()?.map_or_else(random_mac, Ok)?,
            (None, _) => random_mac()?,
        };
        let mtu = match plan.mtu {
            Some(mtu) => mtu,
            // A device's can be larger than what virtio can tell.
            None => u16::try_from(device.mtu()?).unwrap_or(u16::MAX),
        };
        Ok(Self { device, queues, mac, mtu })
    }
}

fn take_over(device: Device, pairs: u16) -> Result<(Device, Vec<Queue>), DaemonError> {
    let name: IfName = device.name().clone();
    match device.kind() {
        Kind::Tap | Kind::Macvtap => {}
        kind => return Err(DaemonError::NotEthernet { device: name, kind }),
    }
    let queues = open_queues(&device)?;
    if queues > 0 {
        return Err(DaemonError::TapInUse { device: name, queues });
    }
    if pairs > 1 && !device.is_multi_queue() {
        return Err(DaemonError::SingleQueue { device: name, pairs });
    }
    let queues = match device.kind() {
        Kind::Macvtap => device.open_queues(pairs.into())?,
        // Header and offloads are what who opens it wants: nobody has it open.
        _ => device.open_as(DeviceOptions::tap(pairs.into()))?,
    };
    log::info!("{name}: taken over, with {}", queues_in_words(pairs));
    Ok((Device::open(&name)?, queues))
}

/// How many queues somebody has open. One who is being killed is waited for: the kernel tells nobody
/// when a queue is gone, so it is asked again and again.
fn open_queues(device: &Device) -> Result<usize, DaemonError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let queues = device.attached_queues()?;
        if queues == 0 || Instant::now() >= deadline {
            return Ok(queues);
        }
        thread::sleep(INTERVAL);
    }
}

fn queues_in_words(count: u16) -> String {
    if count == 1 { "1 queue".into() } else { format!("{count} queues") }
}

const INTERVAL: Duration = Duration::from_millis(20);
