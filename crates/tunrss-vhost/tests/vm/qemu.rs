//! QEMU 10 with `-netdev vhost-user`: it keeps the control queue to itself, and RSS from its guests.

use std::process::Command;

use crate::console::Silent;
use crate::guest::{Guest, UP, entry, unpacked};
use crate::host::{Host, MAC};

/// A guest with four CPUs whose card of four queue pairs the daemon serves. `hash` is `on` if the card
/// may have `VIRTIO_NET_F_HASH_REPORT`, or `off`. QEMU
/// tells the guest its MAC address, and the daemon's is heeded by nobody.
pub(crate) fn boot(host: &Host, hash: &str) -> Guest {
    boot_with(host, hash, UP).unwrap_or_else(|silent| panic!("{silent}"))
}

/// The same, which runs `commands` before it takes others.
///
/// # Errors
/// It does not get that far.
pub(crate) fn boot_with(host: &Host, hash: &str, commands: &str) -> Result<Guest, Silent> {
    let qemu = unpacked("guest-qemu").join("usr");
    let kernel = unpacked("guest");
    let modules = entry(&kernel.join("lib/modules"), "").join("kernel");
    let image = entry(&kernel.join("boot"), "vmlinuz-");
    Guest::boot(&modules, &DRIVERS, commands, |initramfs| {
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL"])
            .arg(qemu.join("bin/qemu-system-x86_64"))
            // What it needs and this machine has not installed is there too.
            .env("LD_LIBRARY_PATH", qemu.join("lib/x86_64-linux-gnu"))
            .arg("-L")
            .arg(qemu.join("share/qemu"))
            .arg("-L")
            .arg(qemu.join("share/seabios"))
            .args(MACHINE.split_whitespace())
            .arg("-chardev")
            .arg(format!("socket,id=c0,path={},reconnect-ms=100", host.socket().display()))
            .args(["-netdev", "vhost-user,id=n0,chardev=c0,queues=4", "-device"])
            .arg(format!(
                "virtio-net-pci,netdev=n0,mq=on,vectors=10,mac={MAC},romfile=,hash={hash}"
            ))
            .args(["-append", "console=ttyS0 loglevel=4 panic=-1", "-initrd", initramfs])
            .arg("-kernel")
            .arg(&image);
        command
    })
}

/// Guest memory that another process can map.
const MACHINE: &str = "-machine q35,memory-backend=mem -accel tcg -cpu max -smp 4 -m 256 \
                       -object memory-backend-memfd,id=mem,size=256M,share=on -no-reboot \
                       -no-user-config -nodefaults -display none -serial stdio";

/// Those of a virtio network card on PCI, each behind those that it needs. IPv6 is built in.
const DRIVERS: [&str; 8] = [
    "drivers/virtio/virtio_ring.ko",
    "drivers/virtio/virtio.ko",
    "drivers/virtio/virtio_pci_modern_dev.ko",
    "drivers/virtio/virtio_pci_legacy_dev.ko",
    "drivers/virtio/virtio_pci.ko",
    "net/core/failover.ko",
    "drivers/net/net_failover.ko",
    "drivers/net/virtio_net.ko",
];
