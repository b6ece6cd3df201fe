//! QEMU, and the guest in it as seen from its serial console.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use crate::console::{Console, Silent};
use crate::harness::TempFile;
use crate::initramfs::{Contents, archive};

/// A guest with four CPUs, and a network card of four queue pairs on `t0`. It ends with this, and
/// with the thread that started it if that is killed.
pub(crate) struct Guest {
    qemu: Child,
    pub(crate) console: Console,
    _initramfs: TempFile,
}

impl Guest {
    /// Boot one, in the network namespace of this thread. Its network card is up.
    pub(crate) fn boot() -> Self {
        Self::boot_with("busybox ip link set eth0 up").unwrap_or_else(|silent| panic!("{silent}"))
    }

    /// Boot one that runs `commands` before it takes others.
    ///
    /// # Errors
    /// It does not get that far.
    pub(crate) fn boot_with(commands: &str) -> Result<Self, Silent> {
        let kernel = Kernel::find();
        let contents =
            Contents { modules: &kernel.modules, drivers: &DRIVERS, programs: &[], commands };
        let initramfs = TempFile::new(&archive(&contents));
        let machine = "-machine q35 -accel tcg -cpu max -smp 4 -m 192 -no-reboot \
                       -no-user-config -nodefaults -display none -serial stdio \
                       -netdev tap,id=t0,ifname=t0,queues=4,script=no,downscript=no,vhost=off \
                       -device virtio-net-pci,netdev=t0,mq=on,vectors=10,mac=02:00:00:00:00:02,\
                       romfile=";
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "qemu-system-x86_64"])
            .args(machine.split_whitespace())
            .args(["-append", "console=ttyS0 loglevel=2 panic=-1 ipv6.disable=1"])
            .args(["-initrd", initramfs.path(), "-kernel"])
            .arg(kernel.image);
        let (qemu, console) = Console::of(&mut command);
        let mut guest = Self { qemu, console, _initramfs: initramfs };
        guest.console.listen_while_booting()?;
        Ok(guest)
    }

    /// What a command prints in the guest. It has to succeed.
    pub(crate) fn run(&mut self, command: &str) -> Vec<String> {
        self.console.run(command)
    }

    /// How many packets have arrived on each queue.
    pub(crate) fn counts(&mut self) -> [u64; 4] {
        let lines = self.run("ethtool -S eth0");
        let count = |queue: usize| {
            let name = format!("rx_queue_{queue}_packets:");
            let count = lines.iter().find_map(|line| line.trim().strip_prefix(&name));
            count.and_then(|count| count.trim().parse().ok())
        };
        std::array::from_fn(|queue| count(queue).unwrap_or_else(|| panic!("{queue}: {lines:?}")))
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

/// What the guest runs.
struct Kernel {
    image: PathBuf,
    /// The folder of its modules.
    modules: PathBuf,
}

impl Kernel {
    /// The one that `cargo xtask test vm` has unpacked.
    fn find() -> Self {
        let guest = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("guest");
        let only = |folder: &str, prefix: &str| {
            let folder = guest.join(folder);
            let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
            let is_it = |path: &PathBuf| {
                path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))
            };
            entries.map(|entry| entry.path()).find(is_it).unwrap_or_else(|| {
                panic!("no {prefix}* in {}: run `cargo xtask test vm`", folder.display())
            })
        };
        Self { image: only("boot", "vmlinuz-"), modules: only("lib/modules", "").join("kernel") }
    }
}

/// Those of a virtio network card on PCI, each behind those that it needs.
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
