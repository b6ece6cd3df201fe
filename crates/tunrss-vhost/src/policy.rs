//! Whose setting holds, and what it is (virtio 1.4, "Automatic receive steering in multiqueue mode" and
//! "Receive-side scaling (RSS)").

use tunrss::hash::{HashConfig, config::fill_equal};
use tunrss::{Config, SteeringMode};

use crate::ctrl::Command;
use crate::features::{CTRL_VQ, Features, HASH_REPORT, RSS};
use crate::options::{Options, Policy};
use crate::steering::{Setting, no_hash};

/// What a guest's driver has said of its queues since it was started.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Guest {
    mode: Mode,
    /// The last RSS_CONFIG.
    rss: Option<Config>,
    /// The last HASH_CONFIG.
    hash: Option<HashConfig>,
}

/// By its last command that says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Mode {
    #[default]
    OneQueue,
    /// VQ_PAIRS_SET.
    Pairs(u16),
    /// RSS_CONFIG.
    Rss,
}

impl Guest {
    /// The guest after another command.
    ///
    /// # Errors
    /// Why the command cannot be followed, in words.
    pub(crate) fn after(&self, command: &Command) -> Result<Self, String> {
        let mut next = self.clone();
        match command {
            Command::Pairs(pairs) => next.mode = Mode::Pairs(*pairs),
            Command::Rss(config) => {
                (next.mode, next.rss) = (Mode::Rss, Some(config.as_ref().clone()));
            }
            // There is one hash for both; the specification has RSS_CONFIG say which.
            Command::Hash(_) if self.mode == Mode::Rss => {
                return Err("RSS is in force, and RSS_CONFIG says what is reported".into());
            }
            Command::Hash(config) => next.hash = Some(**config),
            Command::Offloads(_) | Command::Mac(_) | Command::Filter => {}
        }
        Ok(next)
    }

    /// Whether a VQ_PAIRS_SET has ended RSS.
    pub(crate) fn has_left_rss(&self) -> bool {
        matches!(self.mode, Mode::Pairs(_)) && self.rss.is_some()
    }

    /// Whether it has said what hash it wants to be reported.
    pub(crate) fn has_hash_config(&self) -> bool {
        self.hash.is_some()
    }

    /// What is reported where the kernel steers: by the last HASH_CONFIG, else by the last RSS_CONFIG,
    /// which a VQ_PAIRS_SET does not take back.
    fn reported(&self, features: Features) -> Config {
        let rss = self.rss.as_ref().filter(|_| features.has(RSS));
        let hash = self.hash.map(|config| (config.types, config.key));
        let rss = rss.map(|config| (config.types(), *config.key()));
        let both = hash.or(rss);
        both.and_then(|(types, key)| Config::new(types, key, vec![0], 0).ok())
            .unwrap_or_else(no_hash)
    }
}

/// Who has said what is in force.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum By {
    Guest,
    Operator,
    Nobody,
}

impl By {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Operator => "operator",
            Self::Nobody => "nobody",
        }
    }
}

/// What has to be in force, and who says so. `running` is how many receive rings run, from the first
/// one on.
pub(crate) fn decide(
    options: &Options,
    features: Features,
    guest: &Guest,
    running: u16,
) -> (Setting, By) {
    let report = features.has(HASH_REPORT);
    let has_control = features.has(CTRL_VQ);
    if running == 0 && !has_control {
        return (Setting::initial(), By::Nobody);
    }
    if has_control && options.policy == Policy::Guest {
        return match (guest.mode, &guest.rss) {
            (Mode::Rss, Some(config)) => {
                let config = config.clone();
                let steering = SteeringMode::Rss;
                (Setting { queues: options.pairs, steering, report, config }, By::Guest)
            }
            (Mode::Pairs(pairs), _) => {
                (Setting::automatic(pairs, guest.reported(features), report), By::Guest)
            }
            _ => (Setting::automatic(1, guest.reported(features), report), By::Nobody),
        };
    }
    let queues = match guest.mode {
        _ if !has_control => running,
        Mode::Pairs(pairs) => pairs,
        _ => 1,
    };
    let queues = queues.clamp(1, options.pairs);
    let config = operator(options, queues);
    (Setting { queues, steering: SteeringMode::Rss, report, config }, By::Operator)
}

/// The operator's configuration for so many queues.
fn operator(options: &Options, queues: u16) -> Config {
    let config = &options.operator;
    if !options.spread_equally {
        return config.clone();
    }
    let mut table = vec![0; config.table().len()];
    // It fails for no queues only.
    let _ = fill_equal(&mut table, 0, queues);
    config.with_table(table).unwrap_or_else(|_| config.clone())
}

#[cfg(test)]
mod tests {
    use tunrss::hash::{HashKey, HashTypes};

    use super::*;
    use crate::features::MQ;

    fn options(policy: Policy) -> Options {
        let operator = Config::new(HashTypes::BASIC, HashKey::SYMMETRIC, vec![0; 8], 0).unwrap();
        Options {
            device: "tap0".into(),
            pairs: 4,
            mac: [2, 0, 0, 0, 0, 1],
            mtu: 1500,
            policy,
            types: HashTypes::BASIC,
            operator,
            spread_equally: true,
            threads: 1,
            cpus: vec![],
            kernel_reports: true,
            software: false,
        }
    }

    fn features(bits: &[u32]) -> Features {
        Features::from(bits.iter().fold(0, |all, bit| all | 1 << bit))
    }

    fn rss() -> Command {
        let config = Config::new(HashTypes::TCPV4, HashKey::MICROSOFT, vec![3, 1], 2).unwrap();
        Command::Rss(Box::new(config))
    }

    #[test]
    fn last_command_decides_the_mode() {
        let options = options(Policy::Guest);
        let all = features(&[CTRL_VQ, MQ, RSS, HASH_REPORT]);
        let guest = Guest::default();
        let (setting, by) = decide(&options, all, &guest, 4);
        assert_eq!(
            (setting.queues, setting.steering, by),
            (1, SteeringMode::Automatic, By::Nobody)
        );
        let guest = guest.after(&Command::Pairs(3)).unwrap();
        let (setting, by) = decide(&options, all, &guest, 4);
        assert_eq!((setting.queues, setting.steering, by), (3, SteeringMode::Automatic, By::Guest));
        assert_eq!(setting.config.types(), HashTypes::NONE);
        let guest = guest.after(&rss()).unwrap();
        let (setting, by) = decide(&options, all, &guest, 4);
        assert_eq!((setting.queues, setting.steering, by), (4, SteeringMode::Rss, By::Guest));
        assert_eq!((setting.config.table(), setting.config.unclassified()), (&[3, 1][..], 2));
        assert!(setting.report && !guest.has_left_rss());
        // It is still reported what was hashed.
        let guest = guest.after(&Command::Pairs(2)).unwrap();
        let (setting, _) = decide(&options, all, &guest, 4);
        assert_eq!((setting.queues, setting.steering), (2, SteeringMode::Automatic));
        assert_eq!(setting.config.types(), HashTypes::TCPV4);
        assert!(guest.has_left_rss());
    }

    #[test]
    fn hash_config_says_what_is_reported_where_the_kernel_steers() {
        let key = HashKey::MICROSOFT;
        let hash = Command::Hash(Box::new(HashConfig { types: HashTypes::UDPV4, key }));
        let guest = Guest::default().after(&hash).unwrap();
        let with = features(&[CTRL_VQ, MQ, HASH_REPORT]);
        let (setting, _) = decide(&options(Policy::Guest), with, &guest, 4);
        assert_eq!(setting.config.types(), HashTypes::UDPV4);
        assert!(guest.after(&rss()).unwrap().after(&hash).is_err());
        // The operator's is reported where the operator's holds.
        let (setting, by) = decide(&options(Policy::Host), with, &guest, 4);
        assert_eq!((by, setting.config.key()), (By::Operator, &HashKey::SYMMETRIC));
        assert!(setting.report);
    }

    #[test]
    fn operator_decides_where_the_guest_cannot() {
        let guest = Guest::default();
        // The frontend keeps the control queue: what runs is used.
        for running in 1..=4 {
            let (setting, by) =
                decide(&options(Policy::Guest), features(&[HASH_REPORT]), &guest, running);
            assert_eq!((setting.queues, setting.steering), (running, SteeringMode::Rss));
            assert_eq!((by, setting.report), (By::Operator, true));
            let table: Vec<_> = (0..8).map(|index| index % running).collect();
            assert_eq!(setting.config.table(), table);
        }
        let host = options(Policy::Host);
        let with = features(&[CTRL_VQ, MQ]);
        assert_eq!(decide(&host, with, &guest, 4).0.queues, 1);
        let guest = guest.after(&Command::Pairs(2)).unwrap();
        let (setting, by) = decide(&host, with, &guest, 4);
        assert_eq!((setting.queues, by, setting.report), (2, By::Operator, false));
        assert_eq!(setting.config.key(), &HashKey::SYMMETRIC);
        let own = Options { spread_equally: false, ..host };
        assert_eq!(decide(&own, with, &guest, 4).0.config.table(), [0; 8]);
        assert_eq!(decide(&own, features(&[]), &guest, 0).1, By::Nobody);
    }
}
