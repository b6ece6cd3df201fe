//! What this host and process can do, each refusal with its reason.

use tunrss_bpf::{ReportMode, compile};
use tunrss_hash::{HashKey, HashTypes, Link, SteeringConfig};

use crate::error::{Error, Result};
use crate::hook::{AttachPoint, Direction};
use crate::load::Loaded;
use crate::{Config, Device, IfName, Settings, netns, rtnl, steering};

/// The answers of [`probe`]. Each is `Ok` or the refusal.
#[derive(Debug)]
#[non_exhaustive]
pub struct Capabilities {
    /// The running kernel's release.
    pub kernel: String,
    /// Whether `/dev/net/tun` opens.
    pub tun: Result<()>,
    /// Whether a multi-queue TAP can be made.
    pub multi_queue: Result<()>,
    /// Whether steering and report programs load.
    pub load: Result<()>,
    /// Whether the report program can be attached, to tcx or clsact: report mode `kernel`.
    pub report: Result<()>,
    /// Whether the configuration in force on a device can be found: `show` and `clear`.
    pub find: Result<()>,
}

/// Try out what the library needs, in a network namespace made for the purpose. Leaves nothing
/// behind.
///
/// Where no network namespace can be made, as in most containers, nothing is created: the kernel is only
/// asked what it would refuse.
pub fn probe() -> Capabilities {
    let config = SteeringConfig::new(HashTypes::ALL, HashKey::MICROSOFT, vec![0, 1], 0);
    let config = config.expect("two entries are a table, and the key has 40 bytes");
    let load = |mode| Loaded::new(&compile(&config, Link::Ethernet, mode)?).map(drop);
    let tun = std::fs::OpenOptions::new().read(true).write(true).open(crate::error::TUN_PATH);
    let in_new = netns::ask_in_new(|| OnDevice::tried(&config));
    let OnDevice { multi_queue, report, find } = in_new.unwrap_or_else(|_| OnDevice {
        multi_queue: Device::check_creatable(),
        report: load(ReportMode::Kernel).and_then(|()| look_at_hook()),
        find: steering::check_findable(),
    });
    Capabilities {
        kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
        tun: tun.map(drop).map_err(|source| Error::OpenTun { source }),
        load: load(ReportMode::Off).and_then(|()| load(ReportMode::Kernel)),
        multi_queue,
        report,
        find,
    }
}

/// What is tried out on a device. The fields are those of [`Capabilities`].
struct OnDevice {
    multi_queue: Result<()>,
    report: Result<()>,
    find: Result<()>,
}

impl OnDevice {
    /// Try it with a device made for it.
    fn tried(config: &Config) -> Self {
        let device = IfName::new("tunrss-probe")
            .map_err(Error::from)
            .and_then(|name| Device::create(&name, 2));
        let untested = |action| Err(Error::Untested { action, lacks: "a TAP" });
        Self {
            report: match &device {
                Ok((device, queues)) => {
                    let settings = Settings::from(ReportMode::Kernel);
                    queues
                        .iter()
                        .take(1)
                        .try_for_each(|queue| device.steer_by(queue, config, &settings))
                }
                Err(_) => untested("attach the report program"),
            },
            find: match &device {
                Ok((device, _)) => device.steering().map(drop),
                Err(_) => untested("look for running programs"),
            },
            // The device ends here, before the namespace.
            multi_queue: device.map(drop),
        }
    }
}

/// Look at the hook of the device that each network namespace has. The privilege is that of attaching.
fn look_at_hook() -> Result<()> {
    let name = IfName::new("lo")?;
    let found = rtnl::find(&(&name).into())?;
    let found = found.ok_or_else(|| Error::NoDevice { name: (&name).into() })?;
    AttachPoint::new(&name, found.index, Direction::Egress).attached().map(drop)
}
