//! What this host and process can do, each refusal with its reason.

use tunrss_bpf::{ReportMode, compile};
use tunrss_hash::{HashKey, HashTypes, Link, SteeringConfig};

use crate::error::{Error, Result};
use crate::load::Loaded;
use crate::netns::NetNs;
use crate::{Device, IfName};

/// The answers of [`probe`]. Each is `Ok` or the refusal.
#[derive(Debug)]
#[non_exhaustive]
pub struct Capabilities {
    /// The running kernel's release.
    pub kernel: String,
    /// Whether `/dev/net/tun` opens.
    pub tun: Result<()>,
    /// Whether a multi-queue TAP can be made, in a network namespace made for the purpose.
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
pub fn probe() -> Capabilities {
    let config = SteeringConfig::new(HashTypes::ALL, HashKey::MICROSOFT, [0, 1], 0);
    let config = config.expect("two entries are a table, and the key has 40 bytes");
    let load = |mode| Loaded::new(&compile(&config, Link::Ethernet, mode)?).map(drop);
    let tun = std::fs::OpenOptions::new().read(true).write(true).open(crate::error::TUN_PATH);
    let (netns, device) = match NetNs::enter_new() {
        Ok(netns) => (Some(netns), probe_device()),
        Err(error) => (None, Err(error)),
    };
    let on_device = |action: &'static str, test: &dyn Fn(&Device) -> Result<()>| match &device {
        Ok((device, _queues)) => test(device),
        Err(_) => Err(Error::Untested { action, lacks: "a TAP" }),
    };
    let capabilities = Capabilities {
        kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
        tun: tun.map(drop).map_err(|source| Error::OpenTun { source }),
        load: load(ReportMode::Off).and_then(|()| load(ReportMode::Kernel)),
        report: on_device("attach the report program", &|device| {
            device.steer(&config, ReportMode::Kernel).map(drop)
        }),
        find: on_device("look for running programs", &|device| device.steering().map(drop)),
        // The device ends here, before the namespace.
        multi_queue: device.map(drop),
    };
    drop(netns);
    capabilities
}

fn probe_device() -> Result<(Device, Vec<crate::Queue>)> {
    Device::create(&IfName::new("tunrss-probe")?, 2)
}
