//! What people are shown: what was received, what is in force, and why.

mod display;
mod socket;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use socket::{answer, ask};

/// The state of a device, as `tunrss-vhost status` tells it. Field names are part of the interface:
/// [`Status::SCHEMA`] counts their versions.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// [`Status::SCHEMA`].
    pub schema: u32,
    /// The device's name.
    pub device: String,
    /// How many queue pairs it has.
    pub pairs: u16,
    /// `guest` or `host`.
    pub policy: String,
    /// `kernel` or `software`: who steers and hashes.
    pub mode: String,
    /// `waiting` or `connected`.
    pub frontend: String,
    /// The names of the features that the driver has accepted.
    pub features: Vec<String>,
    /// The last command about queues or hash that the guest has sent.
    pub received: Option<Received>,
    /// What is in force.
    pub in_force: InForce,
    /// What is unusual about it, a sentence each.
    pub notes: Vec<String>,
    /// What the rings have carried, a queue pair each.
    pub rings: Vec<Pair>,
}

impl Status {
    /// The version of the fields.
    pub const SCHEMA: u32 = 1;
}

/// A command of the control queue's class `VIRTIO_NET_CTRL_MQ`. Its [`Debug`](fmt::Debug) form, which logs
/// have, is without the key.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Received {
    /// `VQ_PAIRS_SET`, `RSS_CONFIG` or `HASH_CONFIG`.
    pub command: String,
    /// How many bytes the driver sent, with class and command.
    pub bytes: usize,
    /// `ok` or `error`.
    pub ack: String,
    /// Why it was refused.
    pub why: Option<String>,
    /// The hash types.
    pub types: Option<Vec<String>>,
    /// The key as it came, hexadecimal with colons.
    pub key: Option<String>,
    /// The indirection table.
    pub table: Option<Vec<u16>>,
    /// The queue of packets without hash.
    pub unclassified: Option<u16>,
    /// How many transmit queues the driver says that it uses.
    pub max_tx_vq: Option<u16>,
    /// The number of queue pairs of a `VQ_PAIRS_SET`.
    pub queue_pairs: Option<u16>,
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("command", &self.command)
            .field("bytes", &self.bytes)
            .field("ack", &self.ack)
            .field("why", &self.why)
            .field("types", &self.types)
            .field("table", &self.table)
            .field("unclassified", &self.unclassified)
            .field("max_tx_vq", &self.max_tx_vq)
            .field("queue_pairs", &self.queue_pairs)
            .finish_non_exhaustive()
    }
}

/// What decides the queue and the hash of packets. Its [`Debug`](fmt::Debug) form is without the key.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InForce {
    /// Whose setting it is: `guest`, `operator` or `nobody`.
    pub by: String,
    /// `rss` or `automatic`.
    pub steering: String,
    /// How many queues take packets.
    pub queues: u16,
    /// Whether packets come with their hash.
    pub report: bool,
    /// The hash types.
    pub types: Vec<String>,
    /// The key, hexadecimal with colons.
    pub key: String,
    /// The indirection table.
    pub table: Vec<u16>,
    /// The queue of packets without hash.
    pub unclassified: u16,
}

impl fmt::Debug for InForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InForce")
            .field("by", &self.by)
            .field("steering", &self.steering)
            .field("queues", &self.queues)
            .field("report", &self.report)
            .field("types", &self.types)
            .field("table", &self.table)
            .field("unclassified", &self.unclassified)
            .finish_non_exhaustive()
    }
}

/// What a queue pair has carried.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// Its number, from 0 on.
    pub pair: u16,
    /// From the device to the guest.
    pub rx: Ring,
    /// From the guest to the device.
    pub tx: Ring,
}

/// What a ring has carried since the backend was started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ring {
    /// Whether it is started and enabled.
    pub running: bool,
    /// Packets.
    pub packets: u64,
    /// Bytes of their frames.
    pub bytes: u64,
    /// Packets that were lost: too large for the guest's buffers, or refused by the device.
    pub dropped: u64,
    /// Descriptor chains that are none, each given back without use.
    pub bad_chains: u64,
}
