//! Commands that drivers have sent, `conformance/control-queue.json`.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::vector::hex_bytes;

/// A command of the control queue, of the class `VIRTIO_NET_CTRL_MQ`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// The name, of which there is only one.
    pub id: String,
    /// The driver.
    pub guest: String,
    /// The features that it had accepted, as far as they matter.
    pub features: String,
    /// Why it sent the command.
    pub cause: String,
    /// How many bytes each of the readable descriptors had.
    pub descriptors: Vec<usize>,
    /// What was in them: class and command first.
    #[serde(deserialize_with = "hex_bytes")]
    pub bytes: Vec<u8>,
    /// What that says.
    pub expected: Expected,
}

/// What a command says; its fields as virtio lays them out.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(tag = "command", deny_unknown_fields)]
pub enum Expected {
    /// `VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET`
    #[serde(rename = "VQ_PAIRS_SET")]
    Pairs {
        /// How many queue pairs the driver uses.
        queue_pairs: u16,
    },
    /// `VIRTIO_NET_CTRL_MQ_RSS_CONFIG`
    #[serde(rename = "RSS_CONFIG")]
    Rss {
        /// The hash types, separated by commas.
        types: String,
        /// The queue of packets without hash.
        unclassified: u16,
        /// The indirection table.
        table: Vec<u16>,
        /// How many transmit queues the driver uses.
        max_tx_vq: u16,
        /// The key, hexadecimal.
        key: String,
    },
    /// `VIRTIO_NET_CTRL_MQ_HASH_CONFIG`
    #[serde(rename = "HASH_CONFIG")]
    Hash {
        /// The hash types, separated by commas.
        types: String,
        /// The key, hexadecimal.
        key: String,
    },
}

/// All commands.
///
/// # Panics
/// If the file is not of the form that `conformance/README.md` describes, field for field; or the
/// count is not as stated; or an id is used twice; or descriptors do not have the bytes.
pub fn all() -> Vec<Command> {
    let json = include_str!("../../../conformance/control-queue.json");
    let file: File = serde_json::from_str(json)
        .unwrap_or_else(|error| panic!("conformance/control-queue.json: {error}"));
    let ids: BTreeSet<_> = file.commands.iter().map(|command| &command.id).collect();
    assert_eq!((ids.len(), file.commands.len()), (file.count, file.count));
    for command in &file.commands {
        assert_eq!(command.descriptors.iter().sum::<usize>(), command.bytes.len(), "{command:?}");
    }
    file.commands
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "description")]
    _description: String,
    #[serde(rename = "notes")]
    _notes: Vec<String>,
    count: usize,
    commands: Vec<Command>,
}
