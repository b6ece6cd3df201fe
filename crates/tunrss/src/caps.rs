//! What this host and process can do, each refusal with its reason.

use std::io;

use aya::programs::{SchedClassifier, TcAttachType};
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
    /// Whether tcx programs can be attached (Linux 6.6): what report mode `kernel` needs.
    pub tcx: Result<()>,
}

/// Try out what the library needs. Leaves nothing behind.
pub fn probe() -> Capabilities {
    let tun = std::fs::OpenOptions::new().read(true).write(true).open(crate::error::TUN_PATH);
    let device = probe_device();
    let (multi_queue, tcx) = match device {
        Ok(tcx) => (Ok(()), tcx),
        Err(error) => {
            let unknown = io::Error::other("no TAP to try it on");
            let action = "look for tcx programs";
            (Err(error), Err(Error::Netns { action, source: unknown }))
        }
    };
    Capabilities {
        kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
        tun: tun.map(drop).map_err(|source| Error::OpenTun { source }),
        multi_queue,
        load: probe_load(),
        tcx,
    }
}

/// Make a TAP in a namespace of its own, and ask it for tcx programs.
fn probe_device() -> Result<Result<()>> {
    let _netns = NetNs::enter_new()?;
    let name = IfName::new("tunrss-probe")?;
    let (_device, _queues) = Device::create(&name, 2)?;
    let query = SchedClassifier::query_tcx(name.as_str(), TcAttachType::Egress);
    Ok(query.map(drop).map_err(|source| Error::AttachReport {
        errno: crate::load::errno(&source),
        name,
        source: source.into(),
    }))
}

fn probe_load() -> Result<()> {
    let config = SteeringConfig::new(HashTypes::ALL, HashKey::MICROSOFT, [0, 1], 0);
    let config = config.expect("two entries are a table, and the key has 40 bytes");
    for mode in [ReportMode::Off, ReportMode::Kernel] {
        Loaded::new(compile(&config, Link::Ethernet, mode)?)?;
    }
    Ok(())
}
