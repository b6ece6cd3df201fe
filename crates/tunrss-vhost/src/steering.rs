//! What is in force on the device, and how it comes there.

use std::error::Error;

use tunrss::bpf::Driver;
use tunrss::hash::rss_config::RssConfigError;
use tunrss::hash::{HashKey, HashTypes, RssConfig};
use tunrss::{Config, Device, Owner, Queue, ReportMode, Settings, SteeringMode};

/// What decides the queue and the hash of the packets for a guest.
#[derive(Clone, PartialEq, Debug)]
pub struct Setting {
    /// How many of the device's queues take packets, from the first one on.
    pub queues: u16,
    /// Who chooses among them: the configuration, or the kernel, which follows the guest's answers.
    pub steering: SteeringMode,
    /// Whether packets come with their hash.
    pub report: bool,
    /// Types and key of the hash, and the table.
    pub config: Config,
}

impl Setting {
    /// That of a device before anybody has said anything: one queue, no hash.
    pub fn initial() -> Self {
        Self::automatic(1, no_hash(), false)
    }

    /// The kernel chooses among `queues`; `config` says what is reported.
    pub fn automatic(queues: u16, config: Config, report: bool) -> Self {
        Self { queues, steering: SteeringMode::Automatic, report, config }
    }

    /// Whether a program is needed for it.
    fn is_nothing(&self) -> bool {
        self.steering == SteeringMode::Automatic && !self.report
    }

    /// Bytes that [`decode`](Self::decode) reads: le16 queues, u8 steering (0 RSS, 1 automatic), u8
    /// report (0 or 1), then a `struct virtio_net_rss_config`.
    pub fn encode(&self) -> Vec<u8> {
        let [low, high] = self.queues.to_le_bytes();
        let mut bytes = vec![low, high, self.steering as u8, u8::from(self.report)];
        let config = RssConfig { steering: self.config.as_borrowed(), max_tx_vq: self.queues };
        config.encode(&mut bytes);
        bytes
    }

    /// Read what [`encode`](Self::encode) writes.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, SettingError> {
        let Some((&[low, high, steering, report], body)) = bytes.split_first_chunk() else {
            return Err(SettingError::Truncated);
        };
        let known = SteeringMode::ALL.into_iter().find(|mode| *mode as u8 == steering);
        let steering = known.ok_or(SettingError::Field { value: steering })?;
        if report > 1 {
            return Err(SettingError::Field { value: report });
        }
        let config = RssConfig::decode(body).map_err(SettingError::Config)?.steering;
        let queues = u16::from_le_bytes([low, high]);
        Ok(Self { queues, steering, report: report == 1, config })
    }
}

/// A configuration under which no packet has a hash.
pub(crate) fn no_hash() -> Config {
    let key = HashKey::new(&[]).unwrap_or(HashKey::MICROSOFT);
    Config::new(HashTypes::NONE, key, vec![0], 0)
        .expect("one entry is a table, and no type has no need of a key")
}

/// Why bytes are no [`Setting`].
#[derive(thiserror::Error, Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SettingError {
    /// They end too early.
    #[error("the setting ends too early")]
    Truncated,
    /// A field has an impossible value.
    #[error("the setting has an impossible value {value}")]
    Field {
        /// The value.
        value: u8,
    },
    /// The configuration is none.
    #[error("{0}")]
    Config(RssConfigError),
}

/// Who can put a [`Setting`] in force.
pub trait Steer: Send {
    /// Put it in force.
    ///
    /// # Errors
    /// Why not, in words. What was in force before stays so.
    fn put(&mut self, setting: &Setting) -> Result<(), String>;
}

/// The kernel, by programs; for a process that may load them.
#[derive(Debug)]
pub struct InKernel {
    device: Device,
    /// All of the device, in their order.
    queues: Vec<Queue>,
    /// How many of them are attached.
    attached: usize,
    reports: bool,
}

impl InKernel {
    /// Steering of a device by programs. `queues` are all of the device's, each attached, in the order in
    /// which they were. See [`reports`](Self::reports).
    ///
    /// # Errors
    /// The device is gone.
    pub fn new(device: Device, queues: Vec<Queue>) -> tunrss::Result<Self> {
        let attached = queues.len();
        let reports = device.driver() == Driver::Tun && device.mtu()? <= MAX_MTU_OF_REPORTS;
        Ok(Self { device, queues, attached, reports })
    }

    /// Whether the kernel puts the hash in front of frames, if it is asked for:
    /// [`Options::kernel_reports`](crate::Options::kernel_reports). It does not on a macvtap, and not where
    /// the MTU was above [`MAX_MTU_OF_REPORTS`] when this was made; there whoever reads computes it.
    pub fn reports(&self) -> bool {
        self.reports
    }

    /// Whether programs can be loaded and found: tries it on the device.
    ///
    /// # Errors
    /// Why not.
    pub fn probe(&mut self) -> tunrss::Result<()> {
        let config = no_hash();
        let Some(control) = self.queues.first() else {
            return Err(tunrss::Error::QueueCount { queues: 0 });
        };
        self.device.steer_by(control, &config, &settings(SteeringMode::Rss, ReportMode::Off))?;
        self.device.clear_by(control, &settings(SteeringMode::Rss, ReportMode::Off)).map(drop)
    }

    /// Take away what is in force, and attach all queues.
    ///
    /// # Errors
    /// [`tunrss::Error`] of taking it away; the queues are attached then, too.
    pub fn clear(&mut self) -> tunrss::Result<()> {
        let nothing = Setting { queues: u16::MAX, ..Setting::initial() };
        let result = self.steer(&nothing);
        // The device may be gone.
        if let Err(error) = self.attach(self.queues.len()) {
            log::debug!("{}: {error}", self.device.name());
        }
        result
    }

    fn steer(&self, setting: &Setting) -> tunrss::Result<()> {
        let Some(control) = self.queues.first() else { return Ok(()) };
        let report = match (setting.report, self.reports) {
            (false, _) => ReportMode::Off,
            (true, true) => ReportMode::Kernel,
            (true, false) => ReportMode::Reader,
        };
        let settings = settings(setting.steering, report);
        if setting.is_nothing() {
            return self.device.clear_by(control, &settings).map(drop);
        }
        self.device.steer_by(control, &setting.config, &settings)
    }

    /// Have the first `count` queues attached.
    fn attach(&mut self, count: usize) -> std::io::Result<()> {
        // Another one would take the number of one that is detached, so the last goes first.
        while self.attached > count {
            self.queues[self.attached - 1].set_attached(false)?;
            self.attached -= 1;
        }
        while self.attached < count {
            self.queues[self.attached].set_attached(true)?;
            self.attached += 1;
        }
        Ok(())
    }
}

impl Steer for InKernel {
    /// Changes of the table, key or types are one step. Where the number of queues changes too, packets
    /// meanwhile go to queues that the old or the new setting has, by the configuration modulo what is
    /// attached.
    fn put(&mut self, setting: &Setting) -> Result<(), String> {
        let count = usize::from(setting.queues).clamp(1, self.queues.len().max(1));
        let before = self.attached;
        if count < before {
            self.attach(count).map_err(|error| format!("cannot detach a queue: {error}"))?;
        }
        if let Err(error) = self.steer(setting) {
            if let Err(error) = self.attach(before) {
                log::error!("{}: cannot attach a queue again: {error}", self.device.name());
            }
            return Err(in_one_line(&error));
        }
        self.attach(count).map_err(|error| format!("cannot attach a queue: {error}"))
    }
}

/// The largest MTU whose frames can all have their hash in front, VLAN tags and all. The kernel makes no
/// room in front of a packet of more than 16,056 bytes that is no GSO packet
/// (`bpf_skb_change_head`, net/core/filter.c, v6.12), and one without its hash is dropped.
pub const MAX_MTU_OF_REPORTS: u32 = 16_000;

fn settings(steering: SteeringMode, report: ReportMode) -> Settings {
    Settings { steering, owner: Owner::new(OWNER), ..Settings::from(report) }
}

/// The error and what it comes from, in one line.
pub fn in_one_line(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Who has set what is in force, as `tunrss show` has it.
const OWNER: &str = "tunrss-vhost";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_every_cut() {
        let config = Config::new(HashTypes::ALL, HashKey::MICROSOFT, vec![3, 2, 1, 0], 1).unwrap();
        for steering in SteeringMode::ALL {
            let setting = Setting { queues: 300, steering, report: true, config: config.clone() };
            let bytes = setting.encode();
            assert_eq!(Setting::decode(&bytes).unwrap(), setting);
            for len in 0..bytes.len() {
                assert!(Setting::decode(&bytes[..len]).is_err(), "{len}");
            }
        }
        let mut bytes = Setting::initial().encode();
        assert_eq!(Setting::decode(&bytes).unwrap(), Setting::initial());
        bytes[2] = 2;
        assert_eq!(Setting::decode(&bytes), Err(SettingError::Field { value: 2 }));
    }
}
