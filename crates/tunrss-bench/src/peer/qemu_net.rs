//! QEMU's own virtio-net device on a tap, without vhost and without a guest: its processor halts, and
//! what a driver does is done here, by QEMU's test protocol where it is a register and by memory that is
//! shared where it is a ring.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tunrss::Config;
use tunrss_hash::{RssConfig, VnetHdrLen};
use tunrss_testkit::vhost::command::{RSS_CONFIG, VQ_PAIRS_SET};
use tunrss_testkit::vhost::{Ack, Frame, Memory, Queue, event, feature};

/// A QEMU whose device has a driver.
pub(crate) struct QemuNet {
    process: Child,
    port: Port,
    /// Receive and transmit queues in turn.
    queues: Vec<Queue>,
    header: VnetHdrLen,
}

impl QemuNet {
    /// "QEMU 10.0.2"
    ///
    /// # Errors
    /// There is no QEMU: says how to install one.
    pub(crate) fn name() -> Result<String> {
        let output = Command::new(PROGRAM).arg("--version").output();
        let output = output.with_context(|| format!("QEMU is left out: {INSTALL}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = text.split_whitespace().nth(3).context("QEMU's version is not known")?;
        Ok(format!("QEMU {version}"))
    }

    /// A QEMU on a tap that nobody has, with so many queue pairs; by a configuration, or by the kernel's
    /// automatic steering and without hashes. Each receive ring has buffers of so many bytes.
    pub(crate) fn start(
        tap: &str,
        pairs: u16,
        config: Option<&Config>,
        ring_size: u16,
        buffer: u32,
    ) -> Result<Self> {
        let folder = Folder::new()?;
        let (memory_file, socket) = (folder.0.join("memory"), folder.0.join("qtest"));
        let firmware = folder.0.join("firmware");
        fs::write(&firmware, halting()).context("cannot write a firmware")?;
        let file = File::options().read(true).write(true).create_new(true).open(&memory_file);
        let file = file.context("cannot make a file for QEMU's memory")?;
        file.set_len(MEMORY)?;
        let on = if config.is_some() { "on" } else { "off" };
        let (memory_path, firmware) = (memory_file.display(), firmware.display());
        // It ends with this program, however that ends.
        let mut process = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", PROGRAM])
            .args(["-accel", "tcg", "-machine", "pc,memory-backend=memory", "-m", "2048M"])
            .args(["-nodefaults", "-display", "none", "-qtest-log", "none"])
            .args(["-bios", &firmware.to_string()])
            .arg("-object")
            .arg(format!(
                "memory-backend-file,id=memory,size=2048M,mem-path={memory_path},share=on"
            ))
            .arg("-qtest")
            .arg(format!("unix:{},server=on,wait=off", socket.display()))
            .arg("-netdev")
            .arg(format!(
                "tap,id=net,ifname={tap},queues={pairs},vhost=off,script=no,downscript=no"
            ))
            .arg("-device")
            .arg(format!(
                "virtio-net-pci,netdev=net,addr={SLOT},mq=on,vectors=0,rss={on},hash={on},\
                 disable-legacy=on,romfile=,rx_queue_size={ring_size}"
            ))
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot run setpriv (apt-get install util-linux)")?;
        let port = match Port::connect(&socket, &mut process) {
            Ok(port) => port,
            Err(error) => {
                end(&mut process);
                return Err(error);
            }
        };
        let memory = Memory::of_file(file.into(), Memory::BASE, MEMORY - Memory::BASE)?;
        let header = if config.is_some() { VnetHdrLen::V1Hash } else { VnetHdrLen::V1 };
        let mut qemu = Self { process, port, queues: vec![], header };
        qemu.set_up(&Arc::new(memory), pairs, config, ring_size, buffer)?;
        // It has opened all that is in there.
        drop(folder);
        Ok(qemu)
    }

    fn set_up(
        &mut self,
        memory: &Arc<Memory>,
        pairs: u16,
        config: Option<&Config>,
        ring_size: u16,
        buffer: u32,
    ) -> Result<()> {
        let port = &mut self.port;
        port.find_device()?;
        port.write(1, STATUS, 0)?;
        port.write(1, STATUS, ACKNOWLEDGE | DRIVER)?;
        let wanted = feature::VERSION_1
            | feature::MRG_RXBUF
            | feature::EVENT_IDX
            | feature::CTRL_VQ
            | feature::MQ
            | config.map_or(0, |_| feature::RSS | feature::HASH_REPORT);
        let mut features = 0;
        for half in [0, 1] {
            port.write(4, DEVICE_FEATURE_SELECT, half)?;
            let offered = port.read(4, DEVICE_FEATURE)?;
            let accepted = offered & (wanted >> (32 * half)) & 0xffff_ffff;
            port.write(4, DRIVER_FEATURE_SELECT, half)?;
            port.write(4, DRIVER_FEATURE, accepted)?;
            features |= accepted << (32 * half);
        }
        let missing = wanted & !features;
        ensure!(missing == 0, "QEMU does not offer the features {missing:#x}");
        port.write(1, STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK)?;
        for index in 0..=2 * pairs {
            port.write(2, QUEUE_SELECT, index.into())?;
            // What is not for receiving has a size of its own.
            let size = if index % 2 == 0 && index < 2 * pairs { ring_size } else { 64 };
            let parts = if index == 2 * pairs { 4096 } else { buffer };
            let number = u8::try_from(index)?;
            let queue = Queue::new(memory, number, size, features, vec![parts])?;
            port.write(2, QUEUE_SIZE, size.into())?;
            for (register, address) in
                [QUEUE_DESC, QUEUE_DRIVER, QUEUE_DEVICE].into_iter().zip(queue.ring.addresses())
            {
                port.write(4, register, address & 0xffff_ffff)?;
                port.write(4, register + 4, address >> 32)?;
            }
            port.write(2, QUEUE_ENABLE, 1)?;
            self.queues.push(queue);
        }
        port.write(1, STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK)?;
        let (command, body) = match config {
            Some(config) => {
                let mut body = vec![];
                let rss = RssConfig { steering: config.as_borrowed(), max_tx_vq: pairs };
                rss.encode(&mut body);
                (RSS_CONFIG, body)
            }
            None => (VQ_PAIRS_SET, pairs.to_le_bytes().to_vec()),
        };
        let answer = self.command(&[&[command.0, command.1], &body[..]].concat())?;
        ensure!(answer == Ack::Ok, "QEMU answers {answer:?} to the command {command:?}");
        Ok(())
    }

    fn command(&mut self, bytes: &[u8]) -> Result<Ack> {
        let control = self.queues.last_mut().context("there is a control queue")?;
        let answer = control.put_command(bytes, &[2], 1)?;
        let index = self.queues.len() - 1;
        self.notify(index)?;
        let deadline = Instant::now() + LIMIT;
        let control = self.queues.last_mut().context("there is a control queue")?;
        while !control.ring.has_used() {
            ensure!(Instant::now() < deadline, "QEMU does not answer a command");
            std::thread::yield_now();
        }
        Ok(control.ack(answer))
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The receive queue of this number.
    pub(crate) fn rx(&mut self, pair: u16) -> Result<&mut Queue> {
        self.queues.get_mut(2 * usize::from(pair)).context("QEMU has as many queues")
    }

    /// Tell QEMU of buffers, if the queue would have told its device.
    pub(crate) fn publish(&mut self, pair: u16) -> Result<()> {
        self.rx(pair)?.publish()?;
        self.notify(2 * usize::from(pair))
    }

    fn notify(&mut self, index: usize) -> Result<()> {
        let queue = self.queues.get(index).context("QEMU has as many queues")?;
        if event::take(&queue.kick) > 0 {
            self.port.notify(index as u64)?;
        }
        Ok(())
    }

    /// The next frame of a queue.
    pub(crate) fn receive(&mut self, pair: u16) -> Result<Option<Frame>> {
        let header = self.header;
        Ok(self.rx(pair)?.receive(header, true))
    }
}

impl Drop for QemuNet {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

fn end(process: &mut Child) {
    // Fails only if it has ended already.
    let _ = process.kill();
    let _ = process.wait();
}

/// QEMU's test protocol (QEMU, system/qtest.c), and by it the device's registers.
struct Port {
    stream: BufReader<UnixStream>,
    /// How far apart two queues' places to notify at are.
    notify_stride: u64,
    common: u64,
    notify: u64,
}

impl Port {
    fn connect(socket: &Path, process: &mut Child) -> Result<Self> {
        let deadline = Instant::now() + LIMIT;
        let stream = loop {
            if let Ok(stream) = UnixStream::connect(socket) {
                break stream;
            }
            let ended = process.try_wait().context("cannot wait for QEMU")?;
            ensure!(ended.is_none(), "QEMU does not start: {ended:?}");
            ensure!(Instant::now() < deadline, "QEMU does not listen");
            std::thread::yield_now();
        };
        stream.set_read_timeout(Some(LIMIT))?;
        Ok(Self { stream: BufReader::new(stream), notify_stride: 0, common: 0, notify: 0 })
    }

    fn ask(&mut self, command: &str) -> Result<u64> {
        self.stream.get_mut().write_all(format!("{command}\n").as_bytes())?;
        let mut line = String::new();
        loop {
            line.clear();
            self.stream.read_line(&mut line).context("QEMU's test port says nothing")?;
            if !line.starts_with("IRQ") {
                break;
            }
        }
        let mut words = line.split_whitespace();
        ensure!(words.next() == Some("OK"), "QEMU's test port says {line:?} to {command}");
        let value = words.next().and_then(|word| word.strip_prefix("0x"));
        Ok(value.map_or(Ok(0), |digits| u64::from_str_radix(digits, 16))?)
    }

    /// A register of the common configuration, of 1, 2 or 4 bytes.
    fn read(&mut self, len: u8, register: u64) -> Result<u64> {
        let (letter, address) = (letter(len), self.common + register);
        self.ask(&format!("read{letter} {address:#x}"))
    }

    fn write(&mut self, len: u8, register: u64, value: u64) -> Result<()> {
        let (letter, address) = (letter(len), self.common + register);
        self.ask(&format!("write{letter} {address:#x} {value:#x}")).map(drop)
    }

    fn notify(&mut self, index: u64) -> Result<()> {
        let address = self.notify + self.notify_stride * index;
        self.ask(&format!("writew {address:#x} {index:#x}")).map(drop)
    }

    fn config(&mut self, register: u64) -> Result<u64> {
        let select = 0x8000_0000 | SLOT << 11 | register & 0xfc;
        self.ask(&format!("outl 0xcf8 {select:#x}"))?;
        self.ask("inl 0xcfc")
    }

    fn set_config(&mut self, register: u64, value: u64) -> Result<()> {
        let select = 0x8000_0000 | SLOT << 11 | register & 0xfc;
        self.ask(&format!("outl 0xcf8 {select:#x}"))?;
        self.ask(&format!("outl 0xcfc {value:#x}")).map(drop)
    }

    /// Give the device's registers a place in memory (virtio 1.4, "PCI Device Layout").
    fn find_device(&mut self) -> Result<()> {
        const BAR: u64 = 0x20;
        self.set_config(BAR, PLACE)?;
        self.set_config(BAR + 4, 0)?;
        // Memory, and access to it.
        self.set_config(4, 6)?;
        let mut capability = self.config(0x34)? & 0xff;
        for _ in 0..48 {
            if capability == 0 {
                break;
            }
            let head = self.config(capability)?;
            let (is_vendors, kind) = (head & 0xff == 9, head >> 24 & 0xff);
            if is_vendors && (kind == 1 || kind == 2) {
                let bar = self.config(capability + 4)? & 0xff;
                ensure!(bar == 4, "QEMU's device has its registers in BAR {bar}");
                let offset = self.config(capability + 8)?;
                if kind == 1 {
                    self.common = PLACE + offset;
                } else {
                    self.notify = PLACE + offset;
                    self.notify_stride = self.config(capability + 16)?;
                }
            }
            capability = head >> 8 & 0xff;
        }
        ensure!(self.common != 0 && self.notify != 0, "QEMU's device has not the registers");
        Ok(())
    }
}

fn letter(len: u8) -> char {
    match len {
        1 => 'b',
        2 => 'w',
        _ => 'l',
    }
}

/// A firmware on which the processor halts for ever.
fn halting() -> Vec<u8> {
    const HLT: u8 = 0xf4;
    let mut bytes = vec![HLT; 65_536];
    // The reset vector: halt, and again if something has woken it.
    bytes[0xfff0..0xfff3].copy_from_slice(&[HLT, 0xeb, 0xfd]);
    bytes
}

/// A folder that goes with its owner, in memory.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tunrss-bench-qemu-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const PROGRAM: &str = "qemu-system-x86_64";

const INSTALL: &str = "apt-get install -y --no-install-recommends qemu-system-x86";

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(20);

/// Bytes of QEMU's memory, which start at its address 0.
const MEMORY: u64 = 2 << 30;

/// Where the device is on its bus.
const SLOT: u64 = 4;

/// Where its registers are put.
const PLACE: u64 = 0xe000_0000;

/// `struct virtio_pci_common_cfg`.
const DEVICE_FEATURE_SELECT: u64 = 0;
const DEVICE_FEATURE: u64 = 4;
const DRIVER_FEATURE_SELECT: u64 = 8;
const DRIVER_FEATURE: u64 = 0xc;
const STATUS: u64 = 0x14;
const QUEUE_SELECT: u64 = 0x16;
const QUEUE_SIZE: u64 = 0x18;
const QUEUE_ENABLE: u64 = 0x1c;
const QUEUE_DESC: u64 = 0x20;
const QUEUE_DRIVER: u64 = 0x28;
const QUEUE_DEVICE: u64 = 0x30;

const ACKNOWLEDGE: u64 = 1;
const DRIVER: u64 = 2;
const DRIVER_OK: u64 = 4;
const FEATURES_OK: u64 = 8;
