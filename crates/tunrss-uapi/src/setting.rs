//! What a program asks for, in whichever generation's words.

use tunrss::hash::{HashConfig, HashKey, HashTypes, RssConfig, SteeringConfig};
use tunrss::{Config, State, SteeringMode};

use crate::error::{Error, Result};

/// What a program asks of a device.
#[derive(Clone, PartialEq, Debug)]
#[expect(clippy::large_enum_variant, reason = "one at a time, and never in an array")]
pub enum Setting {
    /// Neither RSS nor report.
    Off,
    /// The kernel's automatic steering, and the report of packets of these types. The hash is a
    /// Toeplitz hash by a key drawn at random.
    ReportAutomatic(HashTypes),
    /// The same with this key.
    HashConfig(HashConfig),
    /// RSS by a configuration, with report or without.
    Rss {
        /// Queue numbers are taken modulo the attached queues.
        config: Config,
        /// Whether the hash is reported.
        report: bool,
    },
}

impl Setting {
    /// What a guest's `VIRTIO_NET_CTRL_MQ_RSS_CONFIG` asks for. `body` is a `struct
    /// virtio_net_rss_config`; `report` is whether `VIRTIO_NET_F_HASH_REPORT` was negotiated.
    ///
    /// # Errors
    /// [`Error::RssConfig`].
    pub fn from_rss_config(body: &[u8], report: bool) -> Result<Self> {
        let config = RssConfig::decode(body).map_err(Error::RssConfig)?.steering;
        Ok(Self::Rss { config, report })
    }

    /// What a guest's `VIRTIO_NET_CTRL_MQ_HASH_CONFIG` asks for. `body` is a `struct
    /// virtio_net_hash_config`.
    ///
    /// # Errors
    /// [`Error::RssConfig`].
    pub fn from_hash_config(body: &[u8]) -> Result<Self> {
        let config = HashConfig::decode(body).map_err(Error::RssConfig)?;
        Ok(Self::HashConfig(config).or_off())
    }

    /// The same, or [`Off`](Self::Off) if it would report no packet and leaves steering to the kernel.
    pub(crate) fn or_off(self) -> Self {
        match self {
            Self::ReportAutomatic(types) | Self::HashConfig(HashConfig { types, .. })
                if types == HashTypes::NONE =>
            {
                Self::Off
            }
            other => other,
        }
    }

    /// Whether the hash is reported.
    pub fn reports(&self) -> bool {
        match self {
            Self::Off => false,
            Self::ReportAutomatic(_) | Self::HashConfig(_) => true,
            Self::Rss { report, .. } => *report,
        }
    }

    /// What is to be in force, and who steers; `None` for nothing.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub(crate) fn into_config(self) -> Result<Option<(Config, SteeringMode)>> {
        let automatic = |types, key| {
            let config = SteeringConfig::new(types, key, vec![0], 0);
            let config = config.map_err(|error| Error::RssConfig(error.into()))?;
            Ok(Some((config, SteeringMode::Automatic)))
        };
        match self {
            Self::Off => Ok(None),
            Self::ReportAutomatic(types) => automatic(types, random_key()?),
            Self::HashConfig(HashConfig { types, key }) => automatic(types, key),
            Self::Rss { config, .. } => Ok(Some((config, SteeringMode::Rss))),
        }
    }
}

/// Whether a state in force is that of RSS, be it behind a steering program of the program's own.
///
/// Where a program steers, what is in force is a state that leaves steering alone; that it is RSS which waits
/// there is told by its table. One of a setting that leaves steering to the kernel has one entry.
pub(crate) fn is_rss(state: &State) -> bool {
    state.steering == SteeringMode::Rss || state.config.table().len() > 1
}

/// The configuration of RSS that waits behind a program: the same, with at least two entries in its table.
///
/// # Errors
/// [`Error::RssConfig`], for none that is valid.
pub(crate) fn behind_program(config: Config) -> Result<Config> {
    match config.table() {
        &[entry] => {
            let twice = config.with_table(vec![entry, entry]);
            twice.map_err(|error| Error::RssConfig(error.into()))
        }
        _ => Ok(config),
    }
}

fn random_key() -> Result<HashKey> {
    let mut key = [0; HashKey::USUAL_LEN];
    getrandom::fill(&mut key)
        .map_err(|source| Error::System { action: "draw a key", source: source.into() })?;
    HashKey::new(&key).map_err(|error| Error::RssConfig(error.into()))
}
