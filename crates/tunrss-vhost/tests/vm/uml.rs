//! User-mode Linux: its virtio devices are vhost-user frontends, and the control queue is the
//! backend's.

use std::process::Command;

use crate::console::Silent;
use crate::guest::{Guest, UP, compiled, entry, unpacked};
use crate::host::Host;

/// A guest of Linux 6.1 with one CPU whose card the daemon serves.
pub(crate) fn boot(host: &Host) -> Guest {
    LINUX_6_1.boot(host).unwrap_or_else(|silent| panic!("{silent}"))
}

/// The same with Linux 6.12.
pub(crate) fn boot_6_12(host: &Host) -> Guest {
    LINUX_6_12.boot(host).unwrap_or_else(|silent| panic!("{silent}"))
}

/// A user-mode Linux.
#[derive(Clone, Copy)]
pub(crate) struct Uml {
    /// The folder of the target folder that its packages are in.
    pub(crate) folder: &'static str,
    /// What is done before it starts: commands for a shell whose variable `usr` is that folder's.
    pub(crate) prepare: &'static str,
    /// C files of these tests that are preloaded, in this order. `None` stands for those that it needs on
    /// this processor.
    pub(crate) preload: Option<&'static [&'static str]>,
    /// What the guest runs before it takes commands.
    pub(crate) commands: &'static str,
}

pub(crate) const LINUX_6_1: Uml =
    Uml { folder: "guest-uml", prepare: "", preload: None, commands: UP };

/// It is made for a newer C library than this machine may have, which is put in the place of this
/// machine's for it alone.
pub(crate) const LINUX_6_12: Uml = Uml { folder: "guest-uml-6.12", prepare: NEW_LIBC, ..LINUX_6_1 };

impl Uml {
    /// # Errors
    /// It does not get so far that it takes commands.
    pub(crate) fn boot(self, host: &Host) -> Result<Guest, Silent> {
        let Self { folder, prepare, preload, commands } = self;
        let uml = unpacked(folder).join("usr");
        let modules = entry(&uml.join("lib/uml/modules"), "").join("kernel");
        let preload = preload.unwrap_or_else(needed_here).iter().map(|source| {
            compiled(source, &["-shared", "-fPIC"]).into_os_string().into_string().unwrap()
        });
        let preload = preload.collect::<Vec<_>>().join(":");
        Guest::boot(&modules, &DRIVERS, commands, |initramfs| {
            // Killed itself, it would leave a helper process; with its namespace all of it ends. It does
            // not listen to SIGTERM while it waits for an answer on the control queue. When it panics, it
            // sends itself SIGABRT in a loop until that kills it. The kernel does not let such a signal
            // kill the first process of a namespace, so the shell has to be that process, and waits.
            let mut command = Command::new("setpriv");
            command
                .args(["--pdeathsig", "KILL", "unshare", "-m", "-p", "-f", "--kill-child"])
                .args(["busybox", "sh", "-e", "-c"])
                .arg(format!(
                    "usr=$1; preload=$2; shift 2; {prepare} \
                     busybox timeout -k 1 900 busybox env LD_PRELOAD=$preload \
                     $usr/bin/linux.uml \"$@\" || exit $?"
                ))
                .arg("sh")
                .arg(&uml)
                .arg(preload)
                .args(["mem=128M", "con=null", "con0=fd:0,fd:1", "loglevel=4", "panic=-1"])
                .arg(format!("uml_dir={}", host.folder().display()))
                .arg(format!("initrd={initramfs}"))
                .arg(format!("virtio_uml.device={}:1", host.socket().display()));
            command
        })
    }
}

/// What has to be preloaded into user-mode Linux before 6.13 on this processor.
fn needed_here() -> &'static [&'static str] {
    let has_amx = std::fs::read_to_string("/proc/cpuinfo").unwrap().contains(" amx_tile");
    if has_amx { &[WHOLE_XSTATE] } else { &[] }
}

/// Lets user-mode Linux boot where a process has more registers than it knows of.
pub(crate) const WHOLE_XSTATE: &str = "whole_xstate.c";

/// Makes this processor one where a process has such registers.
pub(crate) const WIDE_XSTATE: &str = "wide_xstate.c";

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
