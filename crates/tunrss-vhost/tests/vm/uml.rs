//! User-mode Linux: its virtio devices are vhost-user frontends, and the control queue is the
//! backend's.

use std::process::Command;

use crate::guest::{Guest, entry, unpacked};
use crate::host::Host;

/// A guest of Linux 6.1 with one CPU whose card the daemon serves.
pub(crate) fn boot(host: &Host) -> Guest {
    boot_from(host, "guest-uml", "")
}

/// The same with Linux 6.12. It is made for a newer C library than this machine may have, which is put
/// in the place of this machine's for it alone.
pub(crate) fn boot_6_12(host: &Host) -> Guest {
    boot_from(host, "guest-uml-6.12", NEW_LIBC)
}

/// One from the packages in a folder of the target folder. `prepare` is done before it starts: commands
/// for a shell whose variable `usr` is the folder's.
fn boot_from(host: &Host, folder: &str, prepare: &str) -> Guest {
    let uml = unpacked(folder).join("usr");
    let modules = entry(&uml.join("lib/uml/modules"), "").join("kernel");
    Guest::boot(&modules, &DRIVERS, |initramfs| {
        // Killed itself, it would leave a helper process; with its namespace all of it ends. It does
        // not listen to SIGTERM while it waits for an answer on the control queue.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "unshare", "-m", "-p", "-f", "--kill-child"])
            .args(["busybox", "sh", "-e", "-c"])
            .arg(format!(
                "usr=$1; shift; {prepare} exec timeout -k 1 900 $usr/bin/linux.uml \"$@\""
            ))
            .arg("sh")
            .arg(&uml)
            .args(["mem=128M", "con=null", "con0=fd:0,fd:1", "loglevel=4", "panic=-1"])
            .arg(format!("uml_dir={}", host.folder().display()))
            .arg(format!("initrd={initramfs}"))
            .arg(format!("virtio_uml.device={}:1", host.socket().display()));
        command
    })
}

/// Of the shell's commands none needs a library: busybox is static. The library is good for programs
/// that are made for an older one.
const NEW_LIBC: &str = "busybox mount -o bind $usr/lib/x86_64-linux-gnu/libc.so.6 \
                        /lib/x86_64-linux-gnu/libc.so.6; \
                        busybox mount -o bind $usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 \
                        /lib64/ld-linux-x86-64.so.2;";

/// IPv6, and those of a virtio network card, each behind those that it needs.
const DRIVERS: [&str; 5] = [
    "lib/crc-ccitt.ko",
    "net/ipv6/ipv6.ko",
    "net/core/failover.ko",
    "drivers/net/net_failover.ko",
    "drivers/net/virtio_net.ko",
];
