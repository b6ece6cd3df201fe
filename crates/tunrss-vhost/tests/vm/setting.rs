//! A setting that a guest makes with ethtool, and what it says of it.

use tunrss::Config;
use tunrss::hash::config::{fill_equal, fill_weighted};
use tunrss::hash::{HashKey, HashTypes};
use tunrss_vhost::status::{InForce, Status};

use crate::guest::Guest;

/// A key and weights of the queues.
pub(crate) struct Setting {
    pub(crate) key: HashKey,
    weights: [u32; 4],
}

impl Setting {
    /// Half to queue 3, little to queue 1.
    pub(crate) fn skewed() -> Self {
        Self { key: HashKey::MICROSOFT, weights: [5, 1, 6, 12] }
    }

    /// Nothing to queue 0 but what has no hash; and a key that no standard knows.
    pub(crate) fn other() -> Self {
        let key: Vec<_> = (1..=40).map(|byte: u8| byte.wrapping_mul(37)).collect();
        Self { key: HashKey::new(&key).unwrap(), weights: [0, 7, 3, 2] }
    }

    /// Have the guest make it.
    pub(crate) fn set(&self, guest: &mut Guest) {
        let Self { key, weights } = self;
        let weights = weights.map(|weight| weight.to_string()).join(" ");
        guest.run(&format!("ethtool -X eth0 hkey {key} weight {weights}"));
    }

    /// What it means when packets are hashed by these types.
    pub(crate) fn config(&self, types: HashTypes) -> Config {
        let mut table = vec![0; TABLE_LEN];
        fill_weighted(&mut table, 0, &self.weights).unwrap();
        Config::new(types, self.key, table, 0).unwrap()
    }
}

/// Queues that take turns, as operators get them that ask for nothing else.
pub(crate) fn equal(key: HashKey, queues: u16) -> Config {
    let mut table = vec![0; TABLE_LEN];
    fill_equal(&mut table, 0, queues).unwrap();
    Config::new(HashTypes::BASIC, key, table, 0).unwrap()
}

/// What `ethtool -x` says: the table, and the key.
pub(crate) fn shown(guest: &mut Guest) -> (Vec<u16>, String) {
    let lines = guest.run("ethtool -x eth0");
    let rows = lines.iter().take_while(|line| !line.contains("RSS hash key"));
    // Behind the index of its first entry.
    let rows = rows.filter_map(|line| line.strip_prefix(' ')?.split_once(": "));
    let table = rows.flat_map(|(_, row)| row.split_whitespace().map(|word| word.parse().unwrap()));
    let key = lines.iter().skip_while(|line| !line.contains("RSS hash key")).nth(1);
    (table.collect(), key.unwrap_or_else(|| panic!("no key: {lines:#?}")).trim().to_owned())
}

/// The status says that packets go by `config`, of the guest's making, with their hash.
#[track_caller]
pub(crate) fn assert_in_force(status: &Status, by: &str, config: &Config, report: bool) {
    let expected = InForce {
        by: by.into(),
        steering: "rss".into(),
        queues: 4,
        report,
        types: names(config.types()),
        key: config.key().to_string(),
        table: config.table().to_vec(),
        unclassified: config.unclassified(),
    };
    assert_eq!(status.in_force, expected, "{status:#?}");
}

/// The names of types.
pub(crate) fn names(types: HashTypes) -> Vec<String> {
    types.iter().map(|one| one.to_string()).collect()
}

/// How long a table the device offers.
const TABLE_LEN: usize = 128;
