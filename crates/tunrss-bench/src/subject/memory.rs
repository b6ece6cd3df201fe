//! What a configuration in force takes of the kernel's memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use aya::Ebpf;
use aya::programs::Program;
use tunrss::netns::NetNs;
use tunrss::{Config, Device, ReportMode, Settings};
use tunrss_bpf::{Object, State, SteeringMode};
use tunrss_hash::{HashTypes, Link, TunnelTypes};

use super::set::{self, DEFAULT};
use crate::contest::Effort;
use crate::record::{Goal, Measured, Ratio, Section, Spread};

pub(crate) fn run(effort: Effort) -> Result<Section> {
    let mut section = Section {
        name: "memory".to_owned(),
        title: "Kernel memory of a configuration in force".to_owned(),
        unit: "KiB a device".to_owned(),
        notes: vec![
            "charged: what the kernel's accounting by memory cgroup says, over several devices: maps, \
             programs and their bookkeeping"
                .to_owned(),
            "with code: the same and the programs' machine code, which no cgroup is charged for"
                .to_owned(),
            "while one is replaced, old and new are there for a moment".to_owned(),
        ],
        ..Section::default()
    };
    let _netns = NetNs::enter_new()?;
    let cgroup = match Cgroup::enter() {
        Ok(cgroup) => cgroup,
        Err(error) => {
            section.notes.push(format!("not measured: {error:#}"));
            return Ok(section);
        }
    };
    let count = if effort.rounds < Effort::FULL.rounds { 8 } else { 64 };
    let devices: Vec<_> =
        (0..count).map(|number| set::tap(&format!("memory{number}"))).collect::<Result<_>>()?;
    let rounds = if effort.rounds < Effort::FULL.rounds { 1 } else { 3 };
    for kind in kinds() {
        let Kind { name, types, tunnels, settings } = kind;
        let [config, _] = set::configs(types, tunnels, 128)?;
        let (charged, with_code) = sizes(&cgroup, &devices, &config, &settings, rounds)?;
        section.ratios.push(Ratio {
            case: name.to_owned(),
            of: format!("tunrss, with code / {MOST_KIB} KiB"),
            value: set::scaled(with_code, 1.0 / MOST_KIB),
            goal: (name == DEFAULT).then_some(Goal::AtMost(1.0)),
        });
        for (contender, value) in [("tunrss, charged", charged), ("tunrss, with code", with_code)] {
            let (case, contender) = (name.to_owned(), contender.to_owned());
            section.measured.push(Measured { case, contender, x: None, value });
        }
    }
    for size in [2, 128, 1024, 8192, 65_536] {
        let [config, _] = set::configs(HashTypes::BASIC, TunnelTypes::NONE, size)?;
        let (_, value) = sizes(&cgroup, &devices, &config, &Settings::default(), rounds)?;
        section.measured.push(Measured {
            case: "entries of the table".to_owned(),
            contender: "tunrss, with code".to_owned(),
            x: Some(size as f64),
            value,
        });
    }
    devices.into_iter().try_for_each(Device::delete)?;
    Ok(section)
}

struct Kind {
    name: &'static str,
    types: HashTypes,
    tunnels: TunnelTypes,
    settings: Settings,
}

fn kinds() -> Vec<Kind> {
    let basic = |name, settings| Kind {
        name,
        types: HashTypes::BASIC,
        tunnels: TunnelTypes::NONE,
        settings,
    };
    let all = |name, tunnels| Kind {
        name,
        types: HashTypes::ALL,
        tunnels,
        settings: Settings::default(),
    };
    let automatic =
        Settings { steering: SteeringMode::Automatic, ..Settings::from(ReportMode::Kernel) };
    vec![
        basic(DEFAULT, Settings::default()),
        basic("counters", set::counters(ReportMode::Off)),
        basic("kernel report", ReportMode::Kernel.into()),
        basic("kernel report, counters", set::counters(ReportMode::Kernel)),
        basic("kernel report, automatic", automatic),
        basic("reader report", ReportMode::Reader.into()),
        all("all types", TunnelTypes::NONE),
        all("all types, tunnels", TunnelTypes::ALL),
    ]
}

/// What a device takes, charged and with the machine code.
fn sizes(
    cgroup: &Cgroup,
    devices: &[Device],
    config: &Config,
    settings: &Settings,
    rounds: usize,
) -> Result<(Spread, Spread)> {
    let code = code_len(config, settings)? / KIB;
    let mut samples = vec![];
    for _ in 0..rounds {
        for device in devices {
            device.clear()?;
        }
        let before = cgroup.settled()?;
        for device in devices {
            device.steer(config, settings.clone())?.keep();
        }
        samples.push((cgroup.settled()? - before) / devices.len() as f64 / KIB);
    }
    let with_code: Vec<_> = samples.iter().map(|charged| charged + code).collect();
    Ok((Spread::of(&samples), Spread::of(&with_code)))
}

/// Bytes of machine code that the kernel makes of the programs.
fn code_len(config: &Config, settings: &Settings) -> Result<f64> {
    let state = State {
        steering: settings.steering,
        counter_cpus: if settings.counters { tunrss::possible_cpus() } else { 0 },
        ..State::new(config, Link::Ethernet, settings.report)
    };
    let mut ebpf = Ebpf::load(&Object::new(&state)?.to_elf()?)?;
    let mut len = 0.0;
    for (_, program) in ebpf.programs_mut() {
        match program {
            Program::SocketFilter(program) => program.load()?,
            Program::SchedClassifier(program) => program.load()?,
            other => bail!("a program of type {:?}", other.prog_type()),
        }
        len += f64::from(program.info()?.size_jitted());
    }
    Ok(len)
}

/// A cgroup that this process is in as long as it lives, so that what it makes the kernel keep is
/// charged to that.
struct Cgroup {
    path: PathBuf,
    before: PathBuf,
    /// The file that has the kernel memory charged, and the word before it, if it has several.
    usage: (PathBuf, Option<&'static str>),
}

impl Cgroup {
    fn enter() -> Result<Self> {
        let root = [V1, V2].map(Path::new).into_iter().find(|root| {
            root.join("memory.stat").exists() || root.join("memory.usage_in_bytes").exists()
        });
        let root = root.context("no memory cgroups under /sys/fs/cgroup")?;
        let is_v1 = root == Path::new(V1);
        let ours = fs::read_to_string("/proc/self/cgroup")?;
        let own = ours.lines().find_map(|line| {
            let (_, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            (controllers == if is_v1 { "memory" } else { "" }).then_some(path)
        });
        let before = root.join(own.context("no memory cgroup of this process")?.trim_matches('/'));
        let path = root.join(format!("tunrss-bench-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("cannot make cgroup {}", path.display()))?;
        let usage = if is_v1 {
            (path.join("memory.kmem.usage_in_bytes"), None)
        } else {
            (path.join("memory.stat"), Some("kernel "))
        };
        let cgroup = Self { path, before, usage };
        move_to(&cgroup.path)?;
        Ok(cgroup)
    }

    /// Bytes of kernel memory, when they do not change any more: what is not needed is freed later.
    fn settled(&self) -> Result<f64> {
        let deadline = Instant::now() + Duration::from_secs(5);
        let mut last = self.kernel_bytes()?;
        loop {
            std::thread::sleep(Duration::from_millis(200));
            let now = self.kernel_bytes()?;
            if now == last || Instant::now() > deadline {
                return Ok(now);
            }
            last = now;
        }
    }

    fn kernel_bytes(&self) -> Result<f64> {
        let (path, word) = &self.usage;
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut lines = text.lines();
        let number = match word {
            Some(word) => lines.find_map(|line| line.strip_prefix(word)),
            None => lines.next(),
        };
        let number = number.with_context(|| format!("no number in {}", path.display()))?;
        Ok(number.trim().parse()?)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let left = move_to(&self.before)
            .and_then(|()| fs::remove_dir(&self.path).context("cannot remove it"));
        if let Err(error) = left {
            eprintln!("warning: cgroup {} stays: {error:#}", self.path.display());
        }
    }
}

/// Move this process to a cgroup.
fn move_to(cgroup: &Path) -> Result<()> {
    fs::write(cgroup.join("cgroup.procs"), std::process::id().to_string())
        .with_context(|| format!("cannot enter cgroup {}", cgroup.display()))
}

const V1: &str = "/sys/fs/cgroup/memory";
const V2: &str = "/sys/fs/cgroup";
const KIB: f64 = 1024.0;

/// What a device may take.
const MOST_KIB: f64 = 64.0;
