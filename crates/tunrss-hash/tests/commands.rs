//! Configurations as drivers have sent them.

use tunrss_hash::{HashConfig, RssConfig};
use tunrss_testkit::command::{self, Expected};

#[test]
fn every_command_says_what_it_was_sent_for() {
    let (mut rss, mut hash) = (0, 0);
    for command in command::all() {
        let (&[class, number], body) = command.bytes.split_first_chunk().unwrap();
        assert_eq!(class, 4, "{command:?}");
        let said = match number {
            0 => Expected::Pairs { queue_pairs: u16::from_le_bytes(body.try_into().unwrap()) },
            1 => {
                rss += 1;
                let RssConfig::<Vec<_>> { steering, max_tx_vq } = RssConfig::decode(body).unwrap();
                Expected::Rss {
                    types: steering.types().to_string(),
                    unclassified: steering.unclassified(),
                    table: steering.table().to_vec(),
                    max_tx_vq,
                    key: steering.key().to_string().replace(':', ""),
                }
            }
            2 => {
                hash += 1;
                let HashConfig { types, key } = HashConfig::decode(body).unwrap();
                Expected::Hash { types: types.to_string(), key: key.to_string().replace(':', "") }
            }
            _ => panic!("{command:?}"),
        };
        assert_eq!(said, command.expected, "{}", command.id);
    }
    assert!(rss > 0 && hash > 0);
}

/// One byte less than a driver has to send is too little, whatever its dialect.
#[test]
fn no_command_can_be_cut() {
    for command in command::all() {
        let body = &command.bytes[2..];
        // Linux's padding comes behind the key, or makes a byte of the key stand there.
        let needed = match command.expected {
            Expected::Pairs { .. } => continue,
            Expected::Rss { .. } => 8 + 2 * 128 + 3 + 40,
            Expected::Hash { .. } => 4 + 8 + 1 + 40,
        };
        for len in 0..=body.len() {
            let is_read = match command.expected {
                Expected::Rss { .. } => RssConfig::<Vec<u16>>::decode(&body[..len]).is_ok(),
                _ => HashConfig::decode(&body[..len]).is_ok(),
            };
            assert_eq!(is_read, len >= needed, "{}: {len} bytes", command.id);
        }
    }
}
