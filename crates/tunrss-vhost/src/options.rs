//! What a device is served with.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tunrss::Config;
use tunrss::hash::{HashTypes, RssConfig};

/// What a device is served with; decided when the backend is started.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The name of the TAP or macvtap, for people.
    pub device: String,
    /// How many queue pairs, 1 to [`MAX_PAIRS`].
    pub pairs: u16,
    /// The MAC address that the guest is given.
    pub mac: [u8; 6],
    /// The MTU that the guest is told, in bytes of payload of an Ethernet frame.
    pub mtu: u16,
    /// Whose settings hold.
    pub policy: Policy,
    /// The hash types that are offered to the guest.
    #[serde(with = "types")]
    pub types: HashTypes,
    /// The operator's setting, for where the guest's does not hold.
    #[serde(with = "config")]
    pub operator: Config,
    /// Whether its table is made anew for the queues in use, each with as many entries as the others.
    pub spread_equally: bool,
    /// How many threads move packets: at most one for each queue pair.
    pub threads: usize,
    /// The CPUs that these threads run on, in turns; none for any.
    pub cpus: Vec<usize>,
    /// Whether the kernel puts the hash in front of frames, as [`InKernel::reports`](crate::InKernel::reports)
    /// has it; else they are hashed here when they have been read.
    pub kernel_reports: bool,
    /// Whether packets are steered and hashed by this process, for want of eBPF.
    pub software: bool,
}

/// The most queue pairs: their rings and the control queue's have numbers that vhost-user keeps in a
/// byte.
pub const MAX_PAIRS: u16 = 127;

/// Whose settings hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// The guest's, as its control queue says. Where the frontend keeps the control queue to itself,
    /// the operator's.
    Guest,
    /// The operator's. `VIRTIO_NET_F_RSS` is not offered.
    Host,
}

impl Policy {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Host => "host",
        }
    }
}

/// Hash types as virtio's bits.
mod types {
    use super::*;

    pub(super) fn serialize<S: Serializer>(types: &HashTypes, to: S) -> Result<S::Ok, S::Error> {
        types.bits().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<HashTypes, D::Error> {
        let bits = u32::deserialize(from)?;
        HashTypes::from_bits(bits).ok_or_else(|| serde::de::Error::custom("unknown hash types"))
    }
}

/// A configuration as the bytes of virtio's `struct virtio_net_rss_config`.
mod config {
    use super::*;

    pub(super) fn serialize<S: Serializer>(config: &Config, to: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        RssConfig { steering: config.as_borrowed(), max_tx_vq: 0 }.encode(&mut bytes);
        bytes.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Config, D::Error> {
        let bytes = Vec::deserialize(from)?;
        let decoded = RssConfig::decode(&bytes).map_err(serde::de::Error::custom)?;
        Ok(decoded.steering)
    }
}
