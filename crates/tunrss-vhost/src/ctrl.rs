//! Commands of the control queue (virtio 1.4, "Control Virtqueue" of the network device): from a driver's
//! bytes to what it asks for, in whatever dialect.
//!
//! What drivers send differs: Linux 6.1 has no byte behind the key, 7.2 one of padding there, and 6.12
//! that byte in front of the key, so that the key is another one than it shows. Each is taken as the
//! specification reads it.

use tunrss::hash::{HashConfig, HashTypes, RssConfig};

use crate::device_config::{MAX_KEY_LEN, MAX_TABLE_LEN};
use crate::features::{
    CTRL_GUEST_OFFLOADS, CTRL_MAC_ADDR, CTRL_RX, Features, HASH_REPORT, MQ, RSS,
};
use crate::status::Received;

/// What a driver asks for.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Command {
    /// So many queue pairs, steered automatically.
    Pairs(u16),
    /// This configuration.
    Rss(Box<tunrss::Config>),
    /// The hash of this kind to be reported.
    Hash(Box<HashConfig>),
    /// These receive offloads.
    Offloads(Features),
    /// This MAC address.
    Mac([u8; 6]),
    /// Something about which packets it wants. It gets all that the device gets.
    Filter,
}

/// What a device can do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How many queue pairs it has.
    pub(crate) pairs: u16,
    /// The hash types that it offers.
    pub(crate) types: HashTypes,
    /// What the driver has accepted.
    pub(crate) features: Features,
}

/// Read a command: class, command, and what belongs to it. Bytes behind that are ignored.
///
/// # Errors
/// Why it is refused, in words.
pub(crate) fn parse(limits: &Limits, bytes: &[u8]) -> Result<Command, String> {
    let Some((&[class, command], body)) = bytes.split_first_chunk() else {
        return Err(format!("{} bytes are no command", bytes.len()));
    };
    let needs = |bit, name| {
        let is_there = limits.features.has(bit);
        is_there.then_some(()).ok_or_else(|| format!("the driver has not accepted {name}"))
    };
    match (class, command) {
        (CLASS_RX, PROMISC | ALLMULTI) => {
            needs(CTRL_RX, "VIRTIO_NET_F_CTRL_RX")?;
            take::<1>(body).map(|_| Command::Filter)
        }
        (CLASS_MAC, MAC_TABLE_SET) => {
            needs(CTRL_RX, "VIRTIO_NET_F_CTRL_RX")?;
            let rest = after_table(body)?;
            after_table(rest).map(|_| Command::Filter)
        }
        (CLASS_MAC, MAC_ADDR_SET) => {
            needs(CTRL_MAC_ADDR, "VIRTIO_NET_F_CTRL_MAC_ADDR")?;
            take(body).map(Command::Mac)
        }
        (CLASS_MQ, VQ_PAIRS_SET) => {
            needs(MQ, "VIRTIO_NET_F_MQ")?;
            let pairs = u16::from_le_bytes(take(body)?);
            if (1..=limits.pairs).contains(&pairs) {
                Ok(Command::Pairs(pairs))
            } else {
                Err(format!("{pairs} queue pairs; the device has 1 to {}", limits.pairs))
            }
        }
        (CLASS_MQ, RSS_CONFIG) => {
            needs(RSS, "VIRTIO_NET_F_RSS")?;
            rss(limits, body).map(|config| Command::Rss(Box::new(config)))
        }
        (CLASS_MQ, HASH_CONFIG) => {
            needs(HASH_REPORT, "VIRTIO_NET_F_HASH_REPORT")?;
            let config = HashConfig::decode(body).map_err(|error| error.to_string())?;
            check_hash(limits, config.types, config.key.as_bytes().len())?;
            Ok(Command::Hash(Box::new(config)))
        }
        (CLASS_OFFLOADS, OFFLOADS_SET) => {
            needs(CTRL_GUEST_OFFLOADS, "VIRTIO_NET_F_CTRL_GUEST_OFFLOADS")?;
            let asked = Features::from(u64::from_le_bytes(take(body)?));
            let accepted = limits.features.guest_offloads();
            if asked.bits() & !accepted.bits() != 0 {
                return Err(format!(
                    "offloads {:#x}, of which only {:#x} were accepted",
                    asked.bits(),
                    accepted.bits()
                ));
            }
            Ok(Command::Offloads(asked))
        }
        _ => Err(format!("class {class} command {command} is not known")),
    }
}

/// `struct virtio_net_rss_config`. `max_tx_vq` does not matter: Linux 6.1 leaves there what it was when
/// the driver started.
fn rss(limits: &Limits, body: &[u8]) -> Result<tunrss::Config, String> {
    let config: RssConfig<Vec<u16>> = RssConfig::decode(body).map_err(|error| error.to_string())?;
    let config = config.steering;
    check_hash(limits, config.types(), config.key().as_bytes().len())?;
    let len = config.table().len();
    if len > MAX_TABLE_LEN {
        return Err(format!("a table of {len} entries; the device offers {MAX_TABLE_LEN}"));
    }
    let queue = config.highest_queue();
    if queue >= limits.pairs {
        return Err(format!("queue {queue}; the device has 0 to {}", limits.pairs - 1));
    }
    Ok(config)
}

fn check_hash(limits: &Limits, types: HashTypes, key_len: usize) -> Result<(), String> {
    if !limits.types.contains(types) {
        return Err(format!("hash types {types}; the device offers {}", limits.types));
    }
    if key_len > MAX_KEY_LEN {
        return Err(format!("a key of {key_len} bytes; the device offers {MAX_KEY_LEN}"));
    }
    Ok(())
}

/// What follows `struct virtio_net_ctrl_mac`: a le32 and so many MAC addresses.
fn after_table(body: &[u8]) -> Result<&[u8], String> {
    let entries = u32::from_le_bytes(take(body)?);
    let len = (entries as usize).saturating_mul(6).saturating_add(4);
    body.get(len..).ok_or_else(|| format!("{} bytes where {len} are needed", body.len()))
}

fn take<const N: usize>(body: &[u8]) -> Result<[u8; N], String> {
    let short = || format!("{} bytes where {N} are needed", body.len());
    body.first_chunk().copied().ok_or_else(short)
}

/// What was received, for people, if it is about queues or hash; as far as it can be read.
pub(crate) fn describe(bytes: &[u8]) -> Option<Received> {
    let (&[class, command], body) = bytes.split_first_chunk()?;
    if class != CLASS_MQ {
        return None;
    }
    let received = Received { bytes: bytes.len(), ..Received::default() };
    Some(match command {
        VQ_PAIRS_SET => Received {
            command: "VQ_PAIRS_SET".into(),
            queue_pairs: body.first_chunk().map(|pairs| u16::from_le_bytes(*pairs)),
            ..received
        },
        RSS_CONFIG => {
            let received = Received { command: "RSS_CONFIG".into(), ..received };
            match RssConfig::<Vec<u16>>::decode(body) {
                Ok(RssConfig { steering, max_tx_vq }) => Received {
                    types: Some(names(steering.types())),
                    key: Some(steering.key().to_string()),
                    table: Some(steering.table().to_vec()),
                    unclassified: Some(steering.unclassified()),
                    max_tx_vq: Some(max_tx_vq),
                    ..received
                },
                Err(_) => received,
            }
        }
        HASH_CONFIG => {
            let received = Received { command: "HASH_CONFIG".into(), ..received };
            match HashConfig::decode(body) {
                Ok(HashConfig { types, key }) => {
                    Received { types: Some(names(types)), key: Some(key.to_string()), ..received }
                }
                Err(_) => received,
            }
        }
        _ => return None,
    })
}

/// Whether an RSS_CONFIG looks like one of Linux 6.12, whose padding stands before the key: the key
/// starts with a zero, and one byte is left over, the key's last.
pub(crate) fn looks_shifted(bytes: &[u8], config: &tunrss::Config) -> bool {
    let len = 2 + 11 + 2 * config.table().len() + config.key().as_bytes().len();
    let is_zero_first = config.key().as_bytes().first() == Some(&0);
    bytes.len() == len + 1 && is_zero_first && bytes.last() != Some(&0)
}

/// The names of hash types.
pub(crate) fn names(types: HashTypes) -> Vec<String> {
    let names = HashTypes::NAMES.iter().filter(|(_, one)| types.contains(*one));
    names.map(|(name, _)| (*name).to_owned()).collect()
}

/// The longest command that is read: an RSS_CONFIG with the longest table and key there can be.
pub(crate) const MAX_COMMAND_LEN: usize = 2 + 11 + 2 * 65_536 + 255 + 1;

/// Classes and commands: `VIRTIO_NET_CTRL_*` of linux/virtio_net.h.
const CLASS_RX: u8 = 0;
const PROMISC: u8 = 0;
const ALLMULTI: u8 = 1;
const CLASS_MAC: u8 = 1;
const MAC_TABLE_SET: u8 = 0;
const MAC_ADDR_SET: u8 = 1;
const CLASS_MQ: u8 = 4;
const VQ_PAIRS_SET: u8 = 0;
const RSS_CONFIG: u8 = 1;
const HASH_CONFIG: u8 = 2;
const CLASS_OFFLOADS: u8 = 5;
const OFFLOADS_SET: u8 = 0;

#[cfg(test)]
mod tests {
    use tunrss::Config;
    use tunrss::hash::HashKey;
    use tunrss_testkit::command::Expected;

    use super::*;
    use crate::features::CTRL_VQ;

    fn limits() -> Limits {
        let bits = [CTRL_VQ, MQ, RSS, HASH_REPORT, CTRL_RX, CTRL_MAC_ADDR, CTRL_GUEST_OFFLOADS];
        let bits = bits.iter().fold(1 << 1 | 1 << 7, |all, bit| all | 1 << bit);
        Limits { pairs: 4, types: HashTypes::BASIC, features: Features::from(bits) }
    }

    fn rss_config(types: HashTypes, table: Vec<u16>, unclassified: u16) -> Vec<u8> {
        let steering = Config::new(types, HashKey::MICROSOFT, table, unclassified).unwrap();
        let mut bytes = vec![CLASS_MQ, RSS_CONFIG];
        // What the driver had when it started.
        RssConfig { steering, max_tx_vq: 1 }.encode(&mut bytes);
        bytes
    }

    fn accepted(bytes: &[u8]) -> Config {
        match parse(&limits(), bytes) {
            Ok(Command::Rss(config)) => *config,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_linux_has_sent_is_understood() {
        for sent in tunrss_testkit::command::all() {
            let described = describe(&sent.bytes).unwrap();
            let words = |types: &str| {
                let types: HashTypes = types.parse().unwrap();
                Some(names(types))
            };
            let colons = |key: &str| {
                let key: HashKey = key.parse().unwrap();
                Some(key.to_string())
            };
            let mut expected = Received { bytes: sent.bytes.len(), ..Received::default() };
            match &sent.expected {
                Expected::Pairs { queue_pairs } => {
                    expected.command = "VQ_PAIRS_SET".into();
                    expected.queue_pairs = Some(*queue_pairs);
                }
                Expected::Rss { types, unclassified, table, max_tx_vq, key } => {
                    expected.command = "RSS_CONFIG".into();
                    (expected.types, expected.key) = (words(types), colons(key));
                    expected.table = Some(table.clone());
                    expected.unclassified = Some(*unclassified);
                    expected.max_tx_vq = Some(*max_tx_vq);
                }
                Expected::Hash { types, key } => {
                    expected.command = "HASH_CONFIG".into();
                    (expected.types, expected.key) = (words(types), colons(key));
                }
            }
            assert_eq!(described, expected, "{}", sent.id);
            match parse(&limits(), &sent.bytes).unwrap() {
                Command::Pairs(pairs) => assert_eq!(Some(pairs), expected.queue_pairs),
                Command::Rss(config) => {
                    assert_eq!(Some(config.key().to_string()), expected.key);
                    assert_eq!(Some(config.table().to_vec()), expected.table);
                    let is_shifted = looks_shifted(&sent.bytes, &config);
                    assert_eq!(is_shifted, sent.guest.starts_with("Linux 6.12"), "{}", sent.id);
                }
                Command::Hash(config) => assert_eq!(Some(config.key.to_string()), expected.key),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn every_cut_is_refused_and_what_is_behind_ignored() {
        let bytes = rss_config(HashTypes::BASIC, vec![0, 1, 2, 3], 0);
        for len in 0..bytes.len() {
            assert!(parse(&limits(), &bytes[..len]).is_err(), "{len}");
        }
        let padded = [&bytes[..], &[9; 7]].concat();
        assert_eq!(accepted(&padded), accepted(&bytes));
    }

    #[test]
    fn padding_before_the_key_makes_another_key_which_is_noticed() {
        let mut bytes = rss_config(HashTypes::BASIC, vec![0; 128], 0);
        assert_eq!(bytes.len(), 309);
        assert!(!looks_shifted(&bytes, &accepted(&bytes)));
        bytes.insert(309 - 40, 0);
        let config = accepted(&bytes);
        assert_eq!(config.key().as_bytes()[..3], [0, 0x6d, 0x5a]);
        assert!(looks_shifted(&bytes, &config));
        // That of Linux 7.2 stands behind.
        let mut bytes = rss_config(HashTypes::BASIC, vec![0; 128], 0);
        bytes.push(0);
        assert!(!looks_shifted(&bytes, &accepted(&bytes)));
    }

    #[test]
    fn what_the_device_does_not_have_is_refused() {
        let refusal = |bytes: &[u8]| parse(&limits(), bytes).unwrap_err();
        let bytes = rss_config(HashTypes::ALL, vec![0], 0);
        assert!(refusal(&bytes).contains("hash types"), "{}", refusal(&bytes));
        let bytes = rss_config(HashTypes::BASIC, vec![0; 256], 0);
        assert_eq!(refusal(&bytes), "a table of 256 entries; the device offers 128");
        let bytes = rss_config(HashTypes::BASIC, vec![0, 4], 0);
        assert_eq!(refusal(&bytes), "queue 4; the device has 0 to 3");
        let bytes = rss_config(HashTypes::BASIC, vec![0, 3], 0x8000);
        assert_eq!(refusal(&bytes), "queue 32768; the device has 0 to 3");
        for (pairs, is_taken) in [(0, false), (1, true), (4, true), (5, false), (65_535, false)] {
            let bytes = [[CLASS_MQ, VQ_PAIRS_SET], u16::to_le_bytes(pairs)].concat();
            assert_eq!(parse(&limits(), &bytes).is_ok(), is_taken, "{pairs}");
        }
        let mut bytes = vec![CLASS_MQ, HASH_CONFIG, 0x3f, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 41];
        bytes.extend([7; 41]);
        assert_eq!(refusal(&bytes), "a key of 41 bytes; the device offers 40");
        bytes[14] = 40;
        assert!(matches!(parse(&limits(), &bytes), Ok(Command::Hash(_))));
        assert_eq!(refusal(&[CLASS_MQ, 3]), "class 4 command 3 is not known");
        assert_eq!(refusal(&[7]), "1 bytes are no command");
    }

    #[test]
    fn commands_need_their_features() {
        let none = Limits { features: Features::default(), ..limits() };
        let commands: [&[u8]; 7] = [
            &[CLASS_RX, PROMISC, 1],
            &[CLASS_RX, ALLMULTI, 1],
            &[CLASS_MAC, MAC_TABLE_SET, 0, 0, 0, 0, 0, 0, 0, 0],
            &[CLASS_MAC, MAC_ADDR_SET, 2, 0, 0, 0, 0, 9],
            &[CLASS_MQ, VQ_PAIRS_SET, 2, 0],
            &rss_config(HashTypes::BASIC, vec![0], 0),
            &[CLASS_OFFLOADS, OFFLOADS_SET, 2, 0, 0, 0, 0, 0, 0, 0],
        ];
        for bytes in commands {
            assert!(parse(&limits(), bytes).is_ok(), "{bytes:?}");
            let refusal = parse(&none, bytes).unwrap_err();
            assert!(refusal.contains("has not accepted VIRTIO_NET_F_"), "{refusal}");
        }
        let more = [CLASS_OFFLOADS, OFFLOADS_SET, 2, 1, 0, 0, 0, 0, 0, 0];
        assert!(parse(&limits(), &more).unwrap_err().starts_with("offloads 0x102"));
    }
}
