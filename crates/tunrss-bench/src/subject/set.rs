//! Putting a configuration in force: how long it takes, and what it grows with.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tunrss::netns::NetNs;
use tunrss::{Config, Device, IfName, ReportMode, Settings};
use tunrss_hash::{HashKey, HashTypes, SteeringConfig, TunnelTypes};

use crate::contest::{Contest, Effort};
use crate::record::{Goal, Measured, Ratio, Section, Spread};

pub(crate) fn run(effort: Effort) -> Result<Section> {
    let _netns = NetNs::enter_new()?;
    let mut section = Section {
        name: "set".to_owned(),
        title: "Putting a configuration in force".to_owned(),
        unit: "ms".to_owned(),
        notes: vec![
            "calls of the library, in a process that has made them before; no queue of the device is \
             open"
                .to_owned(),
            "first: nothing was in force; replace: the same configuration with another key was; \
             entry: one entry of the table in force changes, without a new program"
                .to_owned(),
            "kernel report, first: the kernel waits until no CPU runs the device's former tcx chain \
             (synchronize_rcu), most of the time taken"
                .to_owned(),
        ],
        ..Section::default()
    };
    let device = tap("set0")?;
    kinds(&mut section, &device, effort)?;
    tables(&mut section, &device, effort)?;
    devices(&mut section, &device, effort)?;
    Ok(section)
}

/// What is asked for, by who reports and what is hashed.
fn kinds(section: &mut Section, device: &Device, effort: Effort) -> Result<()> {
    let kernel = ReportMode::Kernel;
    let kinds = [
        (DEFAULT, HashTypes::BASIC, TunnelTypes::NONE, Settings::default()),
        ("counters", HashTypes::BASIC, TunnelTypes::NONE, counters(ReportMode::Off)),
        ("kernel report", HashTypes::BASIC, TunnelTypes::NONE, kernel.into()),
        ("kernel report, counters", HashTypes::BASIC, TunnelTypes::NONE, counters(kernel)),
        ("reader report", HashTypes::BASIC, TunnelTypes::NONE, ReportMode::Reader.into()),
        ("all types", HashTypes::ALL, TunnelTypes::NONE, Settings::default()),
        ("all types, tunnels", HashTypes::ALL, TunnelTypes::ALL, Settings::default()),
    ];
    for (name, types, tunnels, settings) in kinds {
        let configs = configs(types, tunnels, 128)?;
        let measured = changes(device, name, &configs, &settings, effort)?;
        if name == DEFAULT {
            section.ratios.extend(measured.iter().map(in_proportion));
        }
        section.measured.extend(measured);
    }
    Ok(())
}

fn tables(section: &mut Section, device: &Device, effort: Effort) -> Result<()> {
    const SIZES: [usize; 6] = [2, 16, 128, 1024, 8192, 65_536];
    for size in SIZES {
        let configs = configs(HashTypes::BASIC, TunnelTypes::NONE, size)?;
        let grown = grown(device, "entries of the table", &configs, size, effort)?;
        section.measured.extend(grown);
    }
    Ok(())
}

/// All devices are on one host, each with a configuration of its own in force.
fn devices(section: &mut Section, device: &Device, effort: Effort) -> Result<()> {
    let configs = configs(HashTypes::BASIC, TunnelTypes::NONE, 128)?;
    let [config, _] = &configs;
    let most = if effort.rounds < Effort::FULL.rounds { 100 } else { 1000 };
    let mut others = vec![];
    for number in [1, 10, 100, 1000].into_iter().filter(|&number| number <= most) {
        for index in others.len() + 1..number {
            let other = tap(&format!("other{index}"))?;
            other.steer(config, Settings::default())?.keep();
            others.push(other);
        }
        let grown = grown(device, "devices with a configuration", &configs, number, effort)?;
        if number == most {
            section.ratios.extend(grown.iter().map(in_proportion));
        }
        section.measured.extend(grown);
    }
    others.into_iter().try_for_each(Device::delete)?;
    Ok(())
}

/// What it takes at one size of what grows.
fn grown(
    device: &Device,
    case: &str,
    configs: &[Config; 2],
    size: usize,
    effort: Effort,
) -> Result<Vec<Measured>> {
    let measured = changes(device, case, configs, &Settings::default(), effort)?;
    let with_size = |measured| Measured { x: Some(size as f64), ..measured };
    Ok(measured.into_iter().map(with_size).collect())
}

/// What the first configuration, a replacement and a change of an entry take.
fn changes(
    device: &Device,
    case: &str,
    configs: &[Config; 2],
    settings: &Settings,
    effort: Effort,
) -> Result<Vec<Measured>> {
    let outcome = Contest::new(case)
        .contender(FIRST, |times| first(device, configs, settings, times))
        .contender(REPLACE, |times| replace(device, configs, settings, times))
        .contender(ENTRY, |times| entry(device, configs, settings, times))
        .run(effort)?;
    Ok(outcome.measured().into_iter().map(in_ms).collect())
}

fn first(
    device: &Device,
    [config, _]: &[Config; 2],
    settings: &Settings,
    times: u64,
) -> Result<Duration> {
    let mut took = Duration::ZERO;
    for _ in 0..times {
        device.clear()?;
        let start = Instant::now();
        device.steer(config, settings.clone())?.keep();
        took += start.elapsed();
    }
    check(device, config)?;
    Ok(took)
}

fn replace(
    device: &Device,
    configs: &[Config; 2],
    settings: &Settings,
    times: u64,
) -> Result<Duration> {
    let [before, after] = configs;
    device.steer(before, settings.clone())?.keep();
    let mut took = Duration::ZERO;
    for config in configs.iter().rev().cycle().take(times as usize) {
        let start = Instant::now();
        device.steer(config, settings.clone())?.keep();
        took += start.elapsed();
    }
    check(device, if times.is_multiple_of(2) { before } else { after })?;
    Ok(took)
}

fn entry(
    device: &Device,
    [config, _]: &[Config; 2],
    settings: &Settings,
    times: u64,
) -> Result<Duration> {
    device.steer(config, settings.clone())?.keep();
    let last = config.table().len() - 1;
    let mut took = Duration::ZERO;
    for number in 0..times {
        let queue = (number % QUEUES as u64) as u16;
        let start = Instant::now();
        let state = device.set_entries(&[(last, queue)])?;
        took += start.elapsed();
        ensure!(state.config.table().last() == Some(&queue), "the entry has not changed");
    }
    Ok(took)
}

/// What was asked for is in force.
fn check(device: &Device, config: &Config) -> Result<()> {
    let state = device.steering()?;
    ensure!(state.is_some_and(|state| state.config == *config), "something else is in force");
    Ok(())
}

/// Two that differ in the key.
pub(crate) fn configs(
    types: HashTypes,
    tunnels: TunnelTypes,
    table_len: usize,
) -> Result<[Config; 2]> {
    let config = |key| -> Result<_> {
        let table = (0..table_len).map(|entry| (entry % QUEUES) as u16).collect();
        Ok(SteeringConfig::new(types, key, table, 0)?.with_tunnels(tunnels))
    };
    Ok([config(HashKey::MICROSOFT)?, config(HashKey::new(&[0x6d; 40])?)?])
}

pub(crate) fn counters(report: ReportMode) -> Settings {
    Settings { counters: true, ..Settings::from(report) }
}

/// A tap that nobody has open.
pub(crate) fn tap(name: &str) -> Result<Device> {
    let (device, queues) = Device::create(&IfName::new(name)?, QUEUES)?;
    device.set_persistent(true)?;
    drop(queues);
    Ok(device)
}

fn in_ms(measured: Measured) -> Measured {
    Measured { value: scaled(measured.value, 1e-6), ..measured }
}

/// In proportion to what it may take.
fn in_proportion(measured: &Measured) -> Ratio {
    let size = measured.x.map_or(String::new(), |size| format!("{size} "));
    Ratio {
        case: format!("{size}{}", measured.case),
        of: format!("{} / {MOST_MS} ms", measured.contender),
        value: scaled(measured.value, 1.0 / MOST_MS),
        goal: Some(Goal::AtMost(1.0)),
    }
}

pub(crate) fn scaled(Spread { low, median, high }: Spread, factor: f64) -> Spread {
    Spread { low: low * factor, median: median * factor, high: high * factor }
}

/// What the command sets unless it is told otherwise: the basic types, a table of 128 entries, no
/// report.
pub(crate) const DEFAULT: &str = "default";
const FIRST: &str = "tunrss, first";
const REPLACE: &str = "tunrss, replace";
const ENTRY: &str = "tunrss, entry";

/// What setting may take.
const MOST_MS: f64 = 5.0;

const QUEUES: usize = 4;
