//! From what was typed to what will be done.
//!
//! A plan is complete and valid on its own: whatever can be refused without touching a device is
//! refused here.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use tunrss::ReportMode;
use tunrss::hash::config::{fill_equal, fill_weighted};
use tunrss::hash::dissect::Protocol;
use tunrss::hash::{
    HashKey, HashTypes, InputTransform, Link, SteeringConfig, TunnelTypes, VnetHdrLen,
};
use tunrss::{
    Config, DeviceName, DeviceOptions, IfName, KeyArgument, KeyArgumentError, Kind, MAX_QUEUES,
    Owner, Settings, State, SteeringMode,
};

use crate::args::{
    CaptureArgs, ClearArgs, Command, CompileArgs, ConfigArgs, CreateArgs, DeleteArgs, DemoArgs,
    DoctorArgs, Emit, ExplainArgs, HashArgs, ModeArgs, SetArgs, ShowArgs, SimulateArgs,
};
use crate::cmd::MAX_FLOWS;
use crate::error::{ADDRESS, ADDRESS_AND_PORT, CliError};
use crate::{hex, table_file};

/// The length of tables that `--equal` and `--weight` make: what guests and network cards have.
const USUAL_TABLE_LEN: usize = 128;

/// The number of queues that commands without a device assume.
const USUAL_QUEUES: u16 = 4;

/// The number of flows that the demo sends, at least.
const USUAL_FLOWS: u32 = 1000;

/// What will be done.
#[derive(Debug)]
pub(crate) enum Plan {
    Demo(DemoPlan),
    Create(CreatePlan),
    Delete(DeletePlan),
    Set(SetPlan),
    Show(ShowPlan),
    Clear(ClearPlan),
    Capture(CapturePlan),
    Hash(HashPlan),
    Explain(ExplainPlan),
    Simulate(SimulatePlan),
    Compile(CompilePlan),
    Doctor(DoctorPlan),
}

impl TryFrom<Command> for Plan {
    type Error = CliError;

    fn try_from(command: Command) -> Result<Self, CliError> {
        Ok(match command {
            Command::Demo(args) => Self::Demo(args.try_into()?),
            Command::Create(args) => Self::Create(args.try_into()?),
            Command::Delete(args) => Self::Delete(args.try_into()?),
            Command::Set(args) => Self::Set(args.try_into()?),
            Command::Show(args) => Self::Show(args.try_into()?),
            Command::Clear(args) => Self::Clear(args.try_into()?),
            Command::Capture(args) => Self::Capture(args.try_into()?),
            Command::Hash(args) => Self::Hash(args.try_into()?),
            Command::Explain(args) => Self::Explain(args.try_into()?),
            Command::Simulate(args) => Self::Simulate(args.try_into()?),
            Command::Compile(args) => Self::Compile(args.try_into()?),
            Command::Doctor(args) => Self::Doctor(args.try_into()?),
        })
    }
}

/// A steering configuration that lacks nothing but, perhaps, the device's number of queues.
#[derive(Clone, Debug)]
pub(crate) struct ConfigPlan {
    pub(crate) types: HashTypes,
    pub(crate) key: HashKey,
    pub(crate) table: TablePlan,
    pub(crate) unclassified: u16,
    pub(crate) tunnels: TunnelTypes,
    pub(crate) transform: InputTransform,
}

impl ConfigPlan {
    /// The plan for a device: a random key and the device's own number of queues if not told.
    fn for_device(args: ConfigArgs) -> Result<Self, CliError> {
        Self::new(args, random_key, TablePlan::DeviceQueues)
    }

    /// `key` and `table` are for what `args` leave out.
    fn new(
        args: ConfigArgs,
        key: impl FnOnce() -> Result<HashKey, CliError>,
        table: TablePlan,
    ) -> Result<Self, CliError> {
        let ConfigArgs {
            types,
            tunnels,
            hkey,
            xfrm,
            equal,
            weight,
            start,
            table: file,
            unclassified,
        } = args;
        let types = types.map_or(Ok(HashTypes::BASIC), |text| parse_types(&text))?;
        let tunnels = tunnels.map_or(Ok(TunnelTypes::NONE), |text| parse_tunnels(&text))?;
        let transform = xfrm.map_or(Ok(InputTransform::None), |text| parse_xfrm(&text))?;
        let key = hkey.map_or_else(key, |text| read_key(&text))?;
        let start = start.map_or(Ok(0), |start| queue_number(start as usize, "--start".into()))?;
        let table = match (equal, weight, file) {
            (Some(count), _, _) => TablePlan::equal(start, count)?,
            (None, Some(weights), _) => TablePlan::weighted(start, weights)?,
            (None, None, Some(path)) => TablePlan::read(path)?,
            (None, None, None) => table,
        };
        let unclassified = queue_number(unclassified as usize, "--unclassified".into())?;
        let plan = Self { types, key, table, unclassified, tunnels, transform };
        // Whatever is wrong with the parts is wrong for any number of queues.
        plan.build(USUAL_QUEUES)?;
        Ok(plan)
    }

    /// The configuration, for a device with `device_queues` queues.
    ///
    /// # Errors
    /// Only if `device_queues` is 0 or above [`MAX_QUEUES`] and the table depends on it.
    pub(crate) fn build(&self, device_queues: u16) -> Result<Config, CliError> {
        let table = self.table.build(device_queues)?;
        let config = SteeringConfig::new(self.types, self.key, table, self.unclassified);
        let config = config.map_err(|source| {
            let what = match &self.table {
                _ if self.key.as_bytes().len() < self.types.key_len_needed() => {
                    "--hkey with the enabled types".into()
                }
                TablePlan::Explicit { path, .. } => format!("table file {}", path.display()),
                _ => "the table".into(),
            };
            CliError::Config { what, source }
        })?;
        Ok(config.with_tunnels(self.tunnels).with_transform(self.transform))
    }
}

/// The configuration of a command that has no device: reproducible, and four queues if not told.
fn offline_config(args: ConfigArgs) -> Result<Config, CliError> {
    let table = TablePlan::Equal { start: 0, count: USUAL_QUEUES };
    ConfigPlan::new(args, || Ok(HashKey::MICROSOFT), table)?.build(USUAL_QUEUES)
}

/// How the indirection table comes about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum TablePlan {
    /// Evenly over as many queues as the device has.
    DeviceQueues,
    /// Evenly over `count` queues from `start` on.
    Equal { start: u16, count: u16 },
    /// By weight over the queues from `start` on.
    Weighted { start: u16, weights: Vec<u32> },
    /// As in the file.
    Explicit { path: PathBuf, table: Vec<u16> },
}

impl TablePlan {
    fn equal(start: u16, count: u32) -> Result<Self, CliError> {
        let count = queue_count(count as usize, "--equal")?;
        last_queue(start, count)?;
        Ok(Self::Equal { start, count })
    }

    fn weighted(start: u16, weights: Vec<u32>) -> Result<Self, CliError> {
        let count = queue_count(weights.len(), "--weight with a number of weights of")?;
        last_queue(start, count)?;
        Ok(Self::Weighted { start, weights })
    }

    fn read(path: PathBuf) -> Result<Self, CliError> {
        let table = table_file::read(&path)?;
        Ok(Self::Explicit { path, table })
    }

    /// The table, for a device with `device_queues` queues.
    ///
    /// # Errors
    /// See [`ConfigPlan::build`].
    pub(crate) fn build(&self, device_queues: u16) -> Result<Vec<u16>, CliError> {
        let refused = |source| CliError::Config { what: self.to_string(), source };
        match self {
            Self::DeviceQueues => {
                let count = queue_count(device_queues.into(), "a device with a queue count of")?;
                let mut table = blank_table(count.into());
                fill_equal(&mut table, 0, count).map_err(refused)?;
                Ok(table)
            }
            Self::Equal { start, count } => {
                let mut table = blank_table((*count).into());
                fill_equal(&mut table, *start, *count).map_err(refused)?;
                Ok(table)
            }
            Self::Weighted { start, weights } => {
                let mut table = blank_table(weights.len());
                fill_weighted(&mut table, *start, weights).map_err(refused)?;
                Ok(table)
            }
            Self::Explicit { table, .. } => Ok(table.clone()),
        }
    }
}

impl fmt::Display for TablePlan {
    /// The options that make it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = match self {
            Self::DeviceQueues => return f.write_str("evenly over the device's queues"),
            Self::Explicit { path, .. } => return write!(f, "--table {}", path.display()),
            Self::Equal { start, count } => {
                write!(f, "--equal {count}")?;
                start
            }
            Self::Weighted { start, weights } => {
                f.write_str("--weight ")?;
                let mut separator = "";
                for weight in weights {
                    write!(f, "{separator}{weight}")?;
                    separator = ",";
                }
                start
            }
        };
        if *start > 0 { write!(f, " --start {start}") } else { Ok(()) }
    }
}

fn blank_table(queues: usize) -> Vec<u16> {
    vec![0; queues.next_power_of_two().max(USUAL_TABLE_LEN)]
}

fn read_key(text: &str) -> Result<HashKey, CliError> {
    match KeyArgument::read(text).map_err(|source| CliError::Key { source })? {
        KeyArgument::Random => random_key(),
        KeyArgument::Key(key) => Ok(key),
    }
}

fn random_key() -> Result<HashKey, CliError> {
    let mut bytes = [0; HashKey::USUAL_LEN];
    getrandom::fill(&mut bytes).map_err(|source| CliError::RandomKey { source })?;
    HashKey::new(&bytes).map_err(|source| CliError::Key { source: KeyArgumentError::Key(source) })
}

/// Names of types, also as reports spell them: `TCPv6_EX` is `tcpv6-ex`.
fn parse_types(text: &str) -> Result<HashTypes, CliError> {
    let names = text.to_ascii_lowercase().replace('_', "-");
    names.parse().map_err(|source| CliError::Types { text: text.to_owned(), source })
}

/// Names of tunnel types, also in capitals.
fn parse_tunnels(text: &str) -> Result<TunnelTypes, CliError> {
    let names = text.to_ascii_lowercase().replace('_', "-");
    names.parse().map_err(|source| CliError::Tunnels { text: text.to_owned(), source })
}

fn parse_xfrm(text: &str) -> Result<InputTransform, CliError> {
    text.parse().map_err(|source| CliError::Xfrm { text: text.to_owned(), source })
}

fn queue_count(count: usize, option: &'static str) -> Result<u16, CliError> {
    match u16::try_from(count) {
        Ok(number) if (1..=MAX_QUEUES).contains(&count) => Ok(number),
        _ => Err(CliError::QueueCount { option, count }),
    }
}

fn queue_number(queue: usize, what: String) -> Result<u16, CliError> {
    match u16::try_from(queue) {
        Ok(number) if queue < MAX_QUEUES => Ok(number),
        _ => Err(CliError::QueueNumber { what, queue }),
    }
}

fn last_queue(start: u16, count: u16) -> Result<u16, CliError> {
    let last = usize::from(start) + usize::from(count) - 1;
    queue_number(last, format!("--start {start} with {count} queues"))
}

/// The name of a device that is to be created.
fn device_name(name: &str) -> Result<IfName, CliError> {
    let refused = |source| CliError::DeviceName { name: name.to_owned(), source };
    IfName::new(name).map_err(refused)
}

/// A name of a device that exists, perhaps an alternative one.
fn found_by(name: &str) -> Result<DeviceName, CliError> {
    let refused = |source| CliError::DeviceName { name: name.to_owned(), source };
    DeviceName::new(name).map_err(refused)
}

#[derive(Debug)]
pub(crate) struct DemoPlan {
    pub(crate) queues: u16,
    pub(crate) flows: u32,
}

impl TryFrom<DemoArgs> for DemoPlan {
    type Error = CliError;

    fn try_from(DemoArgs { queues, flows }: DemoArgs) -> Result<Self, CliError> {
        let queues = queue_count(queues as usize, "--queues")?;
        // Enough for every queue to get some.
        let flows = flows.unwrap_or_else(|| USUAL_FLOWS.max(16 * u32::from(queues)));
        match flows {
            0 => Err(CliError::Flows { count: 0, why: "the demo needs something to send" }),
            count if count > MAX_FLOWS => {
                Err(CliError::Flows { count, why: "the demo has not as many addresses and ports" })
            }
            flows => Ok(Self { queues, flows }),
        }
    }
}

#[derive(Debug)]
pub(crate) struct CreatePlan {
    pub(crate) device: IfName,
    pub(crate) kind: Kind,
    pub(crate) queues: u16,
    pub(crate) vnet_hdr: Option<VnetHdrLen>,
    pub(crate) packet_information: bool,
    pub(crate) dry_run: bool,
}

impl TryFrom<CreateArgs> for CreatePlan {
    type Error = CliError;

    fn try_from(args: CreateArgs) -> Result<Self, CliError> {
        let CreateArgs { name, queues, tun, vnet_hdr, pi, dry_run } = args;
        Ok(Self {
            device: device_name(&name)?,
            kind: if tun { Kind::Tun } else { Kind::Tap },
            queues: queue_count(queues as usize, "--queues")?,
            vnet_hdr: vnet_hdr.into(),
            packet_information: pi,
            dry_run: dry_run.dry_run,
        })
    }
}

impl CreatePlan {
    /// What to create.
    pub(crate) fn options(&self) -> DeviceOptions {
        let queues = self.queues.into();
        let options = match self.kind {
            Kind::Tun => DeviceOptions::tun(queues),
            _ => DeviceOptions::tap(queues),
        };
        options.vnet_hdr(self.vnet_hdr).packet_information(self.packet_information)
    }
}

#[derive(Debug)]
pub(crate) struct DeletePlan {
    pub(crate) device: DeviceName,
    /// Also one that a process holds.
    pub(crate) force: bool,
    pub(crate) dry_run: bool,
}

impl TryFrom<DeleteArgs> for DeletePlan {
    type Error = CliError;

    fn try_from(DeleteArgs { name, force, dry_run }: DeleteArgs) -> Result<Self, CliError> {
        Ok(Self { device: found_by(&name)?, force, dry_run: dry_run.dry_run })
    }
}

#[derive(Debug)]
pub(crate) struct SetPlan {
    pub(crate) device: DeviceName,
    pub(crate) change: Change,
    pub(crate) settings: Settings,
    pub(crate) dry_run: bool,
}

/// What `set` changes.
#[derive(Debug)]
pub(crate) enum Change {
    /// All there is.
    Config(Box<ConfigPlan>),
    /// Entries of the table in force: index and queue.
    Entries(Vec<(usize, u16)>),
}

impl TryFrom<SetArgs> for SetPlan {
    type Error = CliError;

    fn try_from(args: SetArgs) -> Result<Self, CliError> {
        let SetArgs { name, mode, hook, entry, force, dry_run, config } = args;
        let hook = hook.map(Into::into);
        let settings = Settings { hook, force: force.force, ..settings(mode, &config)? };
        let change = if entry.is_empty() {
            Change::Config(Box::new(ConfigPlan::for_device(config)?))
        } else {
            Change::Entries(entry.iter().map(|text| parse_entry(text)).collect::<Result<_, _>>()?)
        };
        Ok(Self { device: found_by(&name)?, change, settings, dry_run: dry_run.dry_run })
    }
}

/// The settings of a mode, owned by this command.
fn settings(mode: ModeArgs, config: &ConfigArgs) -> Result<Settings, CliError> {
    let ModeArgs { report, steering, counters } = mode;
    let (report, steering): (ReportMode, SteeringMode) = (report.into(), steering.into());
    if steering == SteeringMode::Automatic {
        let ConfigArgs { equal, weight, table, unclassified, .. } = config;
        if equal.is_some() || weight.is_some() || table.is_some() || *unclassified != 0 {
            return Err(CliError::AutomaticTable);
        }
        if report == ReportMode::Off && !counters {
            return Err(CliError::AutomaticWithoutUse);
        }
    }
    Ok(Settings { steering, counters, owner: owner(), ..Settings::from(report) })
}

/// Whom a device says that it was set by.
fn owner() -> Owner {
    Owner::new("tunrss")
}

/// An index of a table and a queue, as in `3=1`.
fn parse_entry(text: &str) -> Result<(usize, u16), CliError> {
    let malformed = || CliError::Entry { text: text.to_owned() };
    let (index, queue) = text.split_once('=').ok_or_else(malformed)?;
    let index = index.trim().parse().map_err(|_| malformed())?;
    let queue = queue.trim().parse().map_err(|_| malformed())?;
    Ok((index, queue_number(queue, format!("--entry {text}"))?))
}

#[derive(Debug)]
pub(crate) struct ShowPlan {
    pub(crate) device: DeviceName,
    pub(crate) stats: bool,
}

impl TryFrom<ShowArgs> for ShowPlan {
    type Error = CliError;

    fn try_from(ShowArgs { name, stats }: ShowArgs) -> Result<Self, CliError> {
        Ok(Self { device: found_by(&name)?, stats })
    }
}

#[derive(Debug)]
pub(crate) struct ClearPlan {
    pub(crate) device: DeviceName,
    pub(crate) settings: Settings,
    pub(crate) dry_run: bool,
}

impl TryFrom<ClearArgs> for ClearPlan {
    type Error = CliError;

    fn try_from(ClearArgs { name, force, dry_run }: ClearArgs) -> Result<Self, CliError> {
        let settings = Settings { owner: owner(), force: force.force, ..Settings::default() };
        Ok(Self { device: found_by(&name)?, settings, dry_run: dry_run.dry_run })
    }
}

#[derive(Debug)]
pub(crate) struct DoctorPlan {
    pub(crate) device: Option<DeviceName>,
}

impl TryFrom<DoctorArgs> for DoctorPlan {
    type Error = CliError;

    fn try_from(DoctorArgs { name }: DoctorArgs) -> Result<Self, CliError> {
        Ok(Self { device: name.as_deref().map(found_by).transpose()? })
    }
}

#[derive(Debug)]
pub(crate) struct CapturePlan {
    pub(crate) device: DeviceName,
    pub(crate) target: CaptureTarget,
    /// How many packets, if not as many as come.
    pub(crate) count: Option<u64>,
}

/// Where captured packets go.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum CaptureTarget {
    /// A line each, or an object, on standard output.
    Lines,
    /// Standard output, as pcapng.
    Stdout,
    /// A pcapng file.
    File(PathBuf),
}

impl TryFrom<CaptureArgs> for CapturePlan {
    type Error = CliError;

    fn try_from(CaptureArgs { name, write, count }: CaptureArgs) -> Result<Self, CliError> {
        let target = match write {
            None => CaptureTarget::Lines,
            Some(path) if path == Path::new("-") => CaptureTarget::Stdout,
            Some(path) => CaptureTarget::File(path),
        };
        Ok(Self { device: found_by(&name)?, target, count: count.map(Into::into) })
    }
}

#[derive(Debug)]
pub(crate) struct HashPlan {
    pub(crate) flow: Flow,
    pub(crate) config: Config,
}

/// Addresses of one IP version, and ports if there are any.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flow {
    V4 { source: [u8; 4], destination: [u8; 4], transport: Option<Ports> },
    V6 { source: [u8; 16], destination: [u8; 16], transport: Option<Ports> },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ports {
    pub(crate) protocol: Protocol,
    pub(crate) source: u16,
    pub(crate) destination: u16,
}

impl TryFrom<HashArgs> for HashPlan {
    type Error = CliError;

    fn try_from(args: HashArgs) -> Result<Self, CliError> {
        let HashArgs { protocol, source, destination, config } = args;
        let protocol = match (protocol.tcp, protocol.udp) {
            (true, _) => Some(Protocol::Tcp),
            (_, true) => Some(Protocol::Udp),
            _ => None,
        };
        let flow = parse_flow(protocol, source, destination)?;
        Ok(Self { flow, config: offline_config(config)? })
    }
}

fn parse_flow(
    protocol: Option<Protocol>,
    source_text: String,
    destination_text: String,
) -> Result<Flow, CliError> {
    let (source, source_port) = parse_endpoint(&source_text, protocol.is_some())?;
    let (destination, destination_port) = parse_endpoint(&destination_text, protocol.is_some())?;
    let transport = protocol.map(|protocol| Ports {
        protocol,
        source: source_port,
        destination: destination_port,
    });
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let (source, destination) = (source.octets(), destination.octets());
            Ok(Flow::V4 { source, destination, transport })
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let (source, destination) = (source.octets(), destination.octets());
            Ok(Flow::V6 { source, destination, transport })
        }
        _ => Err(CliError::Families { source_text, destination_text }),
    }
}

/// An address and a port; without `with_port` the port is 0.
fn parse_endpoint(text: &str, with_port: bool) -> Result<(IpAddr, u16), CliError> {
    let socket: Option<SocketAddr> = text.parse().ok();
    match (with_port, socket) {
        (true, Some(socket)) => Ok((socket.ip(), socket.port())),
        (true, None) => {
            Err(CliError::Endpoint { text: text.to_owned(), expected: ADDRESS_AND_PORT })
        }
        (false, Some(_)) => Err(CliError::PortWithIp { text: text.to_owned() }),
        (false, None) => {
            let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
            let address = inner.unwrap_or(text).parse();
            let refused = |_| CliError::Endpoint { text: text.to_owned(), expected: ADDRESS };
            Ok((address.map_err(refused)?, 0))
        }
    }
}

#[derive(Debug)]
pub(crate) struct ExplainPlan {
    pub(crate) packet: Vec<u8>,
    pub(crate) link: Link,
    pub(crate) config: Config,
}

impl TryFrom<ExplainArgs> for ExplainPlan {
    type Error = CliError;

    fn try_from(ExplainArgs { hex, link, config }: ExplainArgs) -> Result<Self, CliError> {
        let is_stdin = matches!(hex.as_slice(), [one] if one == "-");
        check_stdin_is_free(&config, is_stdin, "packet")?;
        // What is typed is checked before standard input is waited for.
        let config = offline_config(config)?;
        let text = if is_stdin { hex::read_stdin()? } else { hex.join(" ") };
        let packet = hex::parse(&text).map_err(|source| CliError::PacketText { source })?;
        Ok(Self { packet, link: link.link.into(), config })
    }
}

/// Standard input has either the key or something else that is read from it.
fn check_stdin_is_free(
    config: &ConfigArgs,
    is_read: bool,
    other: &'static str,
) -> Result<(), CliError> {
    if is_read && config.hkey.as_deref() == Some("@-") {
        return Err(CliError::InputTwice { other });
    }
    Ok(())
}

#[derive(Debug)]
pub(crate) struct SimulatePlan {
    pub(crate) capture: CaptureInput,
    pub(crate) per_packet: bool,
    pub(crate) config: Config,
}

impl TryFrom<SimulateArgs> for SimulatePlan {
    type Error = CliError;

    fn try_from(args: SimulateArgs) -> Result<Self, CliError> {
        let SimulateArgs { capture, per_packet, config } = args;
        let capture = if capture == Path::new("-") {
            CaptureInput::Stdin
        } else {
            CaptureInput::File(capture)
        };
        check_stdin_is_free(&config, capture == CaptureInput::Stdin, "capture")?;
        Ok(Self { capture, per_packet, config: offline_config(config)? })
    }
}

/// Where a capture is read from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum CaptureInput {
    Stdin,
    File(PathBuf),
}

impl fmt::Display for CaptureInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("from standard input"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

#[derive(Debug)]
pub(crate) struct CompilePlan {
    pub(crate) emit: Emit,
    pub(crate) output: Option<PathBuf>,
    pub(crate) state: State,
}

impl TryFrom<CompileArgs> for CompilePlan {
    type Error = CliError;

    fn try_from(args: CompileArgs) -> Result<Self, CliError> {
        let CompileArgs { emit, output, link, mode, config } = args;
        let Settings { steering, report, counters, owner, .. } = settings(mode, &config)?;
        let config = offline_config(config)?;
        let state = State {
            steering,
            counter_cpus: if counters { tunrss::possible_cpus() } else { 0 },
            owner,
            ..State::new(&config, link.link.into(), report)
        };
        Ok(Self {
            emit,
            // The usual word for standard output.
            output: output.filter(|path| path != Path::new("-")),
            state,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Cli;

    fn plan(line: &str) -> Result<Plan, CliError> {
        Cli::try_parse_from(line.split(' ')).unwrap().command.try_into()
    }

    fn set(line: &str) -> SetPlan {
        match plan(&format!("tunrss set tap0{line}")) {
            Ok(Plan::Set(set)) => set,
            other => panic!("{other:?}"),
        }
    }

    fn offline(options: &str) -> Config {
        match plan(&format!("tunrss hash --ip 1.2.3.4 5.6.7.8{options}")) {
            Ok(Plan::Hash(HashPlan { config, .. })) => config,
            other => panic!("{other:?}"),
        }
    }

    fn refusal(line: &str) -> String {
        let error = plan(line).unwrap_err();
        assert_eq!(error.exit(), crate::exit::Exit::Usage, "{error}");
        error.to_string()
    }

    #[test]
    fn set_has_a_fresh_key_and_the_queues_of_the_device() {
        let [first, second] = [set(""), set("")];
        assert_eq!(first.settings.report, ReportMode::Reader);
        assert!(!first.dry_run);
        let [first, second] = [first, second].map(|plan| match plan.change {
            Change::Config(config) => config,
            Change::Entries(entries) => panic!("{entries:?}"),
        });
        assert_ne!(first.key, second.key);
        assert_eq!(first.key.as_bytes().len(), 40);
        assert_eq!(first.table, TablePlan::DeviceQueues);
        assert_eq!(first.types, HashTypes::BASIC);
        let config = first.build(3).unwrap();
        assert_eq!(config.table().len(), 128);
        assert_eq!(config.table()[..4], [0, 1, 2, 0]);
        assert!(first.build(0).is_err());
        assert!(first.build(257).is_err());
    }

    #[test]
    fn entries_are_an_index_and_a_queue() {
        let plan = set(" --entry 3=1,127=255 --entry 0=0");
        assert!(matches!(plan.change, Change::Entries(e) if e == [(3, 1), (127, 255), (0, 0)]));
        for text in ["3", "3=", "=1", "3=x", "3=1=2", "3=70000"] {
            let line = format!("tunrss set tap0 --entry {text}");
            assert!(refusal(&line).contains(text), "{text}");
        }
        assert!(
            refusal("tunrss set tap0 --entry 3=256").contains("the highest there can be is 255")
        );
    }

    #[test]
    fn automatic_steering_has_no_table() {
        let plan = set(" --steering automatic --report kernel --counters");
        assert_eq!(plan.settings.steering, SteeringMode::Automatic);
        for options in ["--equal 2", "--weight 1", "--unclassified 1"] {
            let line = format!("tunrss set tap0 --steering automatic --report reader {options}");
            assert!(refusal(&line).contains("cannot use a table"), "{options}");
        }
        assert!(
            refusal("tunrss set tap0 --steering automatic --report off").contains("nothing to set")
        );
    }

    #[test]
    fn commands_without_device_are_reproducible() {
        let config = offline("");
        assert_eq!(*config.key(), HashKey::MICROSOFT);
        assert_eq!(config.table()[..5], [0, 1, 2, 3, 0]);
        assert_eq!(config.table().len(), 128);
        assert_eq!(config.unclassified(), 0);
    }

    #[test]
    fn tables_have_room_for_every_queue() {
        assert_eq!(offline(" --equal 128").table().len(), 128);
        let config = offline(" --equal 129");
        assert_eq!(config.table().len(), 256);
        assert_eq!(config.highest_queue(), 128);
        assert_eq!(offline(" --equal 256").highest_queue(), 255);
        assert_eq!(offline(" --equal 2 --start 254").highest_queue(), 255);
        let config = offline(" --weight 3,1 --start 2");
        assert_eq!(config.table()[95..97], [2, 3]);
    }

    #[test]
    fn queue_numbers_beyond_the_kernels_are_refused() {
        for (options, message) in [
            ("--equal 0", "cannot use --equal 0: a device has 1 to 256 queues"),
            ("--equal 257", "cannot use --equal 257: a device has 1 to 256 queues"),
            (
                "--equal 2 --start 255",
                "--start 255 with 2 queues names queue 256, the highest there can be is 255",
            ),
            ("--weight 1 --start 256", "--start names queue 256, the highest there can be is 255"),
            (
                "--unclassified 256",
                "--unclassified names queue 256, the highest there can be is 255",
            ),
            ("--weight 0,0", "cannot use --weight 0,0"),
        ] {
            assert_eq!(refusal(&format!("tunrss set tap0 {options}")), message);
        }
        let weights = vec!["1"; 257].join(",");
        assert!(refusal(&format!("tunrss set tap0 --weight {weights}")).contains("257"));
        assert!(refusal("tunrss create tap0 --queues 0").contains("--queues 0"));
        assert!(refusal("tunrss demo --queues 300").contains("--queues 300"));
        assert!(refusal("tunrss demo --flows 0").contains("0 flows"));
    }

    #[test]
    fn types_may_be_spelt_as_reports_are() {
        assert_eq!(offline(" --types TCPv4,IPv6_EX").types().to_string(), "tcpv4,ipv6-ex");
        assert_eq!(offline(" --types all").types(), HashTypes::ALL);
    }

    #[test]
    fn tunnels_and_transformation_are_off_unless_named() {
        let config = offline("");
        assert_eq!(config.tunnels(), TunnelTypes::NONE);
        assert_eq!(config.transform(), InputTransform::None);
        let config = offline(" --tunnels VXLAN,gre_udp --xfrm symmetric-or-xor");
        assert_eq!(config.tunnels(), TunnelTypes::VXLAN | TunnelTypes::GRE_UDP);
        assert_eq!(config.transform(), InputTransform::SymmetricOrXor);
        let plan = set(" --tunnels all --xfrm symmetric-xor");
        let Change::Config(config) = plan.change else { panic!("{:?}", plan.change) };
        assert_eq!(config.tunnels, TunnelTypes::ALL);
        assert_eq!(config.build(4).unwrap().transform(), InputTransform::SymmetricXor);
    }

    #[test]
    fn key_too_short_is_named_with_its_types() {
        assert_eq!(
            refusal("tunrss set tap0 --types ipv4 --hkey 6d:5a"),
            "cannot use --hkey with the enabled types"
        );
    }

    #[test]
    fn device_commands_keep_what_was_typed() {
        match plan("tunrss create tap7 --queues 16 --dry-run").unwrap() {
            Plan::Create(plan @ CreatePlan { queues: 16, dry_run: true, .. }) => {
                assert_eq!(plan.options(), DeviceOptions::tap(16));
                assert_eq!(plan.device.as_str(), "tap7");
            }
            other => panic!("{other:?}"),
        }
        match plan("tunrss create tun7 --queues 2 --tun --vnet-hdr 10 --pi").unwrap() {
            Plan::Create(plan) => {
                let options = DeviceOptions::tun(2).vnet_hdr(Some(VnetHdrLen::Legacy));
                assert_eq!(plan.options(), options.packet_information(true));
            }
            other => panic!("{other:?}"),
        }
        let plan = set(" --report kernel --equal 4 --unclassified 3 --dry-run");
        assert_eq!(plan.settings.report, ReportMode::Kernel);
        assert!(plan.dry_run);
        let Change::Config(config) = plan.change else { panic!("{:?}", plan.change) };
        assert_eq!(config.table, TablePlan::Equal { start: 0, count: 4 });
        assert_eq!(config.unclassified, 3);
    }

    #[test]
    fn captured_packets_go_where_asked() {
        let capture = |options: &str| match plan(&format!("tunrss capture tap0{options}")) {
            Ok(Plan::Capture(CapturePlan { target, count, .. })) => (target, count),
            other => panic!("{other:?}"),
        };
        assert_eq!(capture(""), (CaptureTarget::Lines, None));
        assert_eq!(capture(" -w - -c 7"), (CaptureTarget::Stdout, Some(7)));
        assert_eq!(capture(" --write ./-"), (CaptureTarget::File("./-".into()), None));
    }

    #[test]
    fn endpoints_have_a_port_exactly_where_one_is_hashed() {
        let flow = parse_flow(Some(Protocol::Udp), "1.2.3.4:5".into(), "6.7.8.9:10".into());
        let transport = Some(Ports { protocol: Protocol::Udp, source: 5, destination: 10 });
        let v4 = Flow::V4 { source: [1, 2, 3, 4], destination: [6, 7, 8, 9], transport };
        assert_eq!(flow.unwrap(), v4);
        assert!(parse_flow(None, "::1".into(), "[::2]".into()).is_ok());
        for (protocol, source, destination) in [
            (Some(Protocol::Tcp), "1.2.3.4", "1.2.3.4:5"),
            (Some(Protocol::Tcp), "2001:db8::1:80", "[::1]:80"),
            (Some(Protocol::Tcp), "1.2.3.4:65536", "1.2.3.4:5"),
            (Some(Protocol::Tcp), "1.2.3.4:1", "[::1]:1"),
            (None, "1.2.3.4:1", "1.2.3.4"),
            (None, "1.2.3.4", "::1"),
            (None, "1.2.3", "1.2.3.4"),
            (None, "localhost", "1.2.3.4"),
        ] {
            let flow = parse_flow(protocol, source.into(), destination.into());
            assert!(flow.is_err(), "{source} {destination}");
        }
    }
}
