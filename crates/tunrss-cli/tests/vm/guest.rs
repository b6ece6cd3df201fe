//! QEMU, and the guest in it as seen from its serial console.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use crate::harness::TempFile;
use crate::initramfs::{self, END};

/// A guest with four CPUs, and a network card of four queue pairs on `t0`. It ends with this, and
/// with the thread that started it if that is killed.
pub(crate) struct Guest {
    qemu: Child,
    input: ChildStdin,
    output: Receiver<String>,
    _initramfs: TempFile,
}

impl Guest {
    /// Boot one, in the network namespace of this thread. Its network card is up.
    pub(crate) fn boot() -> Self {
        let kernel = Kernel::find();
        let initramfs = TempFile::new(&initramfs::archive(&kernel.modules));
        let machine = "-machine q35 -accel tcg -cpu max -smp 4 -m 192 -no-reboot \
                       -no-user-config -nodefaults -display none -serial stdio \
                       -netdev tap,id=t0,ifname=t0,queues=4,script=no,downscript=no,vhost=off \
                       -device virtio-net-pci,netdev=t0,mq=on,vectors=10,mac=02:00:00:00:00:02,\
                       romfile=";
        let mut qemu = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "qemu-system-x86_64"])
            .args(machine.split_whitespace())
            .args(["-append", "console=ttyS0 loglevel=2 panic=-1 ipv6.disable=1"])
            .args(["-initrd", initramfs.path(), "-kernel"])
            .arg(kernel.image)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = qemu.stdin.take().unwrap();
        let console = BufReader::new(qemu.stdout.take().unwrap());
        let (sender, output) = mpsc::channel();
        std::thread::spawn(move || {
            for line in console.split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let guest = Self { qemu, input, output, _initramfs: initramfs };
        guest.listen(BOOT);
        guest
    }

    /// What a command prints in the guest. It has to succeed.
    pub(crate) fn run(&mut self, command: &str) -> Vec<String> {
        writeln!(self.input, "{command}").unwrap();
        let mut lines = self.listen(COMMAND);
        assert_eq!(lines.pop().as_deref(), Some("0"), "{command}: {lines:?}");
        lines
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

    /// What is said before [`END`].
    fn listen(&self, patience: Duration) -> Vec<String> {
        let deadline = Instant::now() + patience;
        let mut lines = vec![];
        loop {
            match self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if line == END => return lines,
                Ok(line) => lines.push(line),
                Err(error) => panic!("the guest says no more: {error}: {lines:#?}"),
            }
        }
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

/// Emulated, on a machine that does other things too.
const BOOT: Duration = Duration::from_secs(180);
const COMMAND: Duration = Duration::from_secs(60);
