//! QEMU's own eBPF program for RSS, as an installed QEMU hands it out.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use aya::Pod;
use aya::maps::Array;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use tunrss_hash::SteeringConfig;

use crate::program::Runnable;

/// QEMU's program, as an ELF object.
pub(crate) struct Object {
    /// "QEMU 10.0.2"
    pub(crate) name: String,
    elf: Vec<u8>,
}

impl Object {
    /// Have the installed QEMU hand it out, which it does since version 9.0.
    ///
    /// # Errors
    /// There is no QEMU, or one that does not: says how to install one.
    pub(crate) fn take() -> Result<Self> {
        Self::take_from(OsStr::new("qemu-system-x86_64"))
            .map_err(|error| anyhow!("QEMU's program is left out: {error:#}; {INSTALL}"))
    }

    fn take_from(program: &OsStr) -> Result<Self> {
        let mut monitor = Monitor::start(program)?;
        let Greeting { qmp } = monitor.receive().context("no greeting of QEMU's monitor")?;
        let Version { major, minor, micro } = qmp.version.qemu;
        let name = format!("QEMU {major}.{minor}.{micro}");
        monitor.execute(&json!({ "execute": "qmp_capabilities" }))?;
        let request = json!({ "execute": "request-ebpf", "arguments": { "id": "rss" } });
        let answer = monitor
            .execute(&request)
            .with_context(|| format!("{name} does not hand out its eBPF program"))?;
        let object = answer.get("object").and_then(Value::as_str);
        let object = object.with_context(|| format!("{name} answers without an object"))?;
        let elf = BASE64_STANDARD.decode(object).context("its object is not in base64")?;
        Ok(Self { name, elf })
    }

    /// Load it, and fill its maps for `config`: its types, key, table and unclassified queue.
    pub(crate) fn load<T: AsRef<[u16]>>(&self, config: &SteeringConfig<T>) -> Result<Runnable> {
        let mut program = Runnable::load(&self.elf, "tun_rss_steering_prog")?;
        let table = config.table();
        // struct EBPFRSSConfig (ebpf/ebpf_rss.h, 10.0), packed: redirect, populate_hash, hash_types,
        // indirections_len, default_queue; in the machine's byte order.
        let mut settings = [0; 10];
        settings[0] = 1;
        settings[2..6].copy_from_slice(&config.types().bits().to_ne_bytes());
        settings[6..8].copy_from_slice(&u16::try_from(table.len())?.to_ne_bytes());
        settings[8..10].copy_from_slice(&config.unclassified().to_ne_bytes());
        set(&mut program, "tap_rss_map_configurations", 0, settings)?;
        // The key with its first 32 bits as a number.
        let key = config.key().as_bytes();
        let mut key: [u8; 40] = key.try_into().context("QEMU's keys have 40 bytes")?;
        let first = u32::from_be_bytes([key[0], key[1], key[2], key[3]]);
        key[..4].copy_from_slice(&first.to_ne_bytes());
        set(&mut program, "tap_rss_map_toeplitz_key", 0, key)?;
        for (index, &queue) in (0..).zip(table) {
            set(&mut program, "tap_rss_map_indirection_table", index, queue)?;
        }
        Ok(program)
    }
}

fn set<V: Pod>(program: &mut Runnable, map: &str, index: u32, value: V) -> Result<()> {
    let found = program.ebpf().map_mut(map).with_context(|| format!("no map {map}"))?;
    let mut array = Array::try_from(found)?;
    array.set(index, value, 0).with_context(|| format!("cannot set entry {index} of {map}"))
}

/// A QEMU without a machine, which is ended when it is dropped.
struct Monitor {
    qemu: Child,
    lines: Receiver<String>,
    deadline: Instant,
}

impl Monitor {
    fn start(program: &OsStr) -> Result<Self> {
        let mut qemu = Command::new(program)
            .args(["-machine", "none", "-nodefaults", "-display", "none", "-qmp", "stdio"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let (sender, lines) = mpsc::channel();
        if let Some(stdout) = qemu.stdout.take() {
            // Ends with QEMU. Nothing else can be waited for with a deadline.
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        Ok(Self { qemu, lines, deadline: Instant::now() + LIMIT })
    }

    /// What the command returns.
    fn execute(&mut self, command: &Value) -> Result<Value> {
        let mut stdin = self.qemu.stdin.as_ref().context("QEMU has an input")?;
        writeln!(stdin, "{command}").context("cannot write to QEMU's monitor")?;
        loop {
            let answer: Answer = self.receive()?;
            if let Some(Failure { desc }) = answer.error {
                bail!("{desc}");
            }
            if let Some(value) = answer.value {
                return Ok(value);
            }
        }
    }

    fn receive<T: for<'de> Deserialize<'de>>(&self) -> Result<T> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let line = self.lines.recv_timeout(left).context("QEMU's monitor says nothing")?;
        serde_json::from_str(&line).with_context(|| format!("QEMU's monitor says {line}"))
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

#[derive(Deserialize)]
struct Greeting {
    #[serde(rename = "QMP")]
    qmp: Qmp,
}

#[derive(Deserialize)]
struct Qmp {
    version: Versions,
}

#[derive(Deserialize)]
struct Versions {
    qemu: Version,
}

#[derive(Deserialize)]
struct Version {
    major: u32,
    minor: u32,
    micro: u32,
}

/// An answer of the monitor; neither if it is an event ("QEMU Machine Protocol Specification").
#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "return")]
    value: Option<Value>,
    error: Option<Failure>,
}

#[derive(Deserialize)]
struct Failure {
    desc: String,
}

/// For all that is asked of it. It takes a tenth of a second.
const LIMIT: Duration = Duration::from_secs(30);

const INSTALL: &str = "it takes qemu-system-x86_64 >= 9.0, on Debian 12: \
     echo 'deb http://deb.debian.org/debian bookworm-backports main' > \
     /etc/apt/sources.list.d/backports.list; apt-get update; apt-get install -y \
     --no-install-recommends -t bookworm-backports qemu-system-x86";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_qemu_is_left_out_in_words() {
        for (program, expected) in [("/nonexistent", "cannot start"), ("true", "no greeting")] {
            let Err(error) = Object::take_from(OsStr::new(program)) else {
                panic!("{program} hands out an object");
            };
            assert!(error.to_string().contains(expected), "{error:#}");
        }
    }
}
