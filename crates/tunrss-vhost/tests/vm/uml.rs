//! User-mode Linux: its virtio devices are vhost-user frontends, and the control queue is the
//! backend's.

use std::process::Command;

use crate::guest::{Guest, entry, unpacked};
use crate::host::Host;

/// A guest with one CPU whose card the daemon serves.
pub(crate) fn boot(host: &Host) -> Guest {
    let uml = unpacked("guest-uml").join("usr");
    let modules = entry(&uml.join("lib/uml/modules"), "").join("kernel");
    Guest::boot(&modules, &DRIVERS, |initramfs| {
        // Killed itself, it would leave a helper process; with its namespace all of it ends. It does
        // not listen to SIGTERM while it waits for an answer on the control queue.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "unshare", "-p", "-f", "--kill-child"])
            .args(["timeout", "-k", "1", "900"])
            .arg(uml.join("bin/linux.uml"))
            .args(["mem=128M", "con=null", "con0=fd:0,fd:1", "loglevel=4", "panic=-1"])
            .arg(format!("uml_dir={}", host.folder().display()))
            .arg(format!("initrd={initramfs}"))
            .arg(format!("virtio_uml.device={}:1", host.socket().display()));
        command
    })
}

/// IPv6, and those of a virtio network card, each behind those that it needs.
const DRIVERS: [&str; 5] = [
    "lib/crc-ccitt.ko",
    "net/ipv6/ipv6.ko",
    "net/core/failover.ko",
    "drivers/net/net_failover.ko",
    "drivers/net/virtio_net.ko",
];
