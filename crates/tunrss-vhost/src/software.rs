//! Steering and hashing in this process, where eBPF may not be loaded.

use std::num::{NonZeroU16, NonZeroUsize};
use std::sync::Arc;

use tunrss::hash::config::fill_equal;
use tunrss::{Config, Queue, SoftwareSteering, SteeringMode, VirtualQueue};

use crate::options::Options;
use crate::steering::{Setting, Steer};

/// Threads that read the device's queues and hand packets to those of the guest.
#[derive(Debug)]
pub(crate) struct Software {
    steering: SoftwareSteering,
    /// By what packets are spread where virtio would have the kernel follow the guest's answers.
    spread: Config,
}

impl Software {
    /// Start them.
    ///
    /// # Errors
    /// Those of [`SoftwareSteering::start`].
    pub(crate) fn start(
        options: &Options,
        queues: Vec<Queue>,
    ) -> tunrss::Result<(Self, Vec<VirtualQueue>)> {
        let spread = options.operator.clone();
        let config = Arc::new(configuration(&Setting::initial(), &spread));
        let count = NonZeroU16::new(options.pairs).unwrap_or(NonZeroU16::MIN);
        let (steering, queues) = SoftwareSteering::start(queues, config, count, WAITING)?;
        Ok((Self { steering, spread }, queues))
    }
}

impl Steer for Software {
    fn put(&mut self, setting: &Setting) -> Result<(), String> {
        self.steering.replace(Arc::new(configuration(setting, &self.spread)));
        Ok(())
    }
}

/// The configuration that does the same. Nothing here learns from the guest's answers where it wants a
/// flow; so with automatic steering flows are spread by a hash: the one that is reported, if there is one.
fn configuration(setting: &Setting, spread: &Config) -> Config {
    let queues = setting.queues.max(1);
    let (config, table) = match setting.steering {
        SteeringMode::Rss => {
            let table = setting.config.table().iter().map(|queue| queue % queues).collect();
            (&setting.config, table)
        }
        SteeringMode::Automatic => {
            let reports = setting.report && !setting.config.types().is_empty();
            let mut table = vec![0; spread.table().len()];
            // It fails for no queues only.
            let _ = fill_equal(&mut table, 0, queues);
            (if reports { &setting.config } else { spread }, table)
        }
    };
    let unclassified = config.unclassified() % queues;
    Config::new(config.types(), *config.key(), table, unclassified)
        .unwrap_or_else(|_| config.clone())
}

/// The most packets that wait for a guest, for each of its queues.
const WAITING: NonZeroUsize = NonZeroUsize::new(1024).expect("above 0");
