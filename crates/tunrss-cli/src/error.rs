//! What can go wrong, whose turn it then is, and what to do about it.

use std::io;
use std::path::PathBuf;

use tunrss::hash::config::{ConfigError, MAX_TABLE_LEN};
use tunrss::hash::transform::UnknownInputTransform;
use tunrss::hash::tunnel::UnknownTunnelType;
use tunrss::hash::types::UnknownHashType;
use tunrss::{ErrorKind, IfName, KeyArgumentError, MAX_QUEUES};

use crate::capture::CaptureError;
use crate::exit::Exit;
use crate::plan::CaptureInput;

/// Why a command failed. Each text says what was tried, and leaves the reason to its source.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error("cannot use --types {text:?}")]
    Types { text: String, source: UnknownHashType },
    #[error("cannot use --tunnels {text:?}")]
    Tunnels { text: String, source: UnknownTunnelType },
    #[error("cannot use --xfrm {text:?}")]
    Xfrm { text: String, source: UnknownInputTransform },
    #[error("cannot use --hkey")]
    Key { source: KeyArgumentError },
    #[error("cannot read both the key and the {other} from standard input")]
    InputTwice { other: &'static str },
    #[error("cannot draw a random key")]
    RandomKey { source: getrandom::Error },
    #[error("cannot use {what}")]
    Config { what: String, source: ConfigError },
    #[error("cannot use {option} {count}: a device has 1 to {MAX_QUEUES} queues")]
    QueueCount { option: &'static str, count: usize },
    #[error("{what} names queue {queue}, the highest there can be is {}", MAX_QUEUES - 1)]
    QueueNumber { what: String, queue: usize },
    #[error("cannot use a table with --steering automatic: the kernel chooses the queue")]
    AutomaticTable,
    #[error("--steering automatic with --report off and without --counters leaves nothing to set")]
    AutomaticWithoutUse,
    #[error("cannot read --entry {text:?} as an index and a queue")]
    Entry { text: String },
    #[error("cannot read table file {}", path.display())]
    TableRead { path: PathBuf, source: io::Error },
    #[error("cannot use table file {}", path.display())]
    TableText { path: PathBuf, source: crate::table_file::TableError },
    #[error("cannot use {name:?} as the name of a device")]
    DeviceName { name: String, source: tunrss::NameError },
    #[error("cannot use {count} flows: {why}")]
    Flows { count: u32, why: &'static str },
    #[error("cannot read {text:?} as {expected}")]
    Endpoint { text: String, expected: &'static str },
    #[error("{text:?} has a port, and --ip hashes addresses only")]
    PortWithIp { text: String },
    #[error("{source_text:?} and {destination_text:?} are of different IP versions")]
    Families { source_text: String, destination_text: String },
    #[error("cannot read the packet from standard input")]
    PacketRead { source: io::Error },
    #[error("cannot read the packet")]
    PacketText { source: crate::hex::HexError },
    #[error("cannot simulate the capture {input}")]
    Capture { input: CaptureInput, source: CaptureError },
    #[error("cannot simulate the rest of the capture {input}")]
    CaptureRest { input: CaptureInput, source: CaptureError },
    #[error("cannot put an ELF object on {place}")]
    ElfPlace { place: &'static str },
    #[error("cannot put a pcapng capture on {place}")]
    CapturePlace { place: &'static str },
    #[error("cannot catch the signals to end")]
    Signals { source: io::Error },
    #[error("cannot write {}", path.display())]
    WriteFile { path: PathBuf, source: io::Error },
    #[error("cannot write {}: it is a symbolic link that user {owner} made", path.display())]
    ForeignLink { path: PathBuf, owner: u32 },
    #[error("cannot write to standard output")]
    Print { source: io::Error },
    #[error("cannot send and receive on {device}")]
    DemoTraffic { device: IfName, source: io::Error },
    #[error("cannot tell how many queues {name} will have: nobody has it open")]
    UnknownQueues { name: IfName },
    #[error("cannot delete {name}: it is a macvtap, which `create` does not make")]
    DeleteMacvtap { name: IfName },
    #[error("cannot delete {name}: it is held by {holder}")]
    DeleteHeld { name: IfName, holder: String },
    /// The library's error is the whole story.
    #[error(transparent)]
    Library(#[from] tunrss::Error),
    #[error("internal error: {what}")]
    Internal { what: String },
}

impl From<tunrss::NameError> for CliError {
    fn from(error: tunrss::NameError) -> Self {
        Self::Library(error.into())
    }
}

impl CliError {
    /// The exit code: whose turn it is.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Types { .. }
            | Self::Tunnels { .. }
            | Self::Xfrm { .. }
            | Self::InputTwice { .. }
            | Self::Config { .. }
            | Self::QueueCount { .. }
            | Self::QueueNumber { .. }
            | Self::TableText { .. }
            | Self::DeviceName { .. }
            | Self::UnknownQueues { .. }
            | Self::AutomaticTable
            | Self::AutomaticWithoutUse
            | Self::Entry { .. }
            | Self::Flows { .. }
            | Self::Endpoint { .. }
            | Self::PortWithIp { .. }
            | Self::Families { .. }
            | Self::PacketText { .. }
            | Self::CapturePlace { .. }
            | Self::DeleteMacvtap { .. }
            | Self::DeleteHeld { .. }
            | Self::ForeignLink { .. }
            | Self::ElfPlace { .. } => Exit::Usage,
            Self::Key { source: KeyArgumentError::Read { source, .. } } => exit_of_path(source),
            Self::Key { .. } => Exit::Usage,
            Self::TableRead { source, .. } | Self::WriteFile { source, .. } => exit_of_path(source),
            Self::Capture { source, .. } | Self::CaptureRest { source, .. } => match source {
                CaptureError::Read { source } => exit_of_path(source),
                _ => Exit::Usage,
            },
            Self::RandomKey { .. }
            | Self::PacketRead { .. }
            | Self::Signals { .. }
            | Self::DemoTraffic { .. }
            | Self::Print { .. } => Exit::Refused,
            Self::Library(error) => match error.kind() {
                ErrorKind::Input => Exit::Usage,
                ErrorKind::System => Exit::Refused,
                _ => Exit::Bug,
            },
            Self::Internal { .. } => Exit::Bug,
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Types { .. } => "separate names by commas, as in --types ipv4,tcpv4".into(),
            Self::Tunnels { .. } => "separate names by commas, as in --tunnels vxlan,geneve".into(),
            Self::Xfrm { .. } => "name one, as in --xfrm symmetric-xor".into(),
            Self::Key { source: KeyArgumentError::Read { source, .. } } => {
                return hint_of_path(source).map(Into::into);
            }
            Self::Key { .. } => {
                "give bytes in hexadecimal, with or without colons (40 bytes serve every type), one \
                 of the names random, microsoft, symmetric, or @ and a file that has one of these"
                    .into()
            }
            Self::InputTwice { .. } => "name a file that has the key: --hkey @FILE".into(),
            Self::Config { source: ConfigError::KeyTooShort { .. }, .. } => {
                "give a longer key (40 bytes serve every type), or name fewer --types".into()
            }
            Self::Config { source: ConfigError::TableLen { len }, .. } => table_hint(*len),
            Self::Config { source: ConfigError::NoWeight, .. } => {
                "give at least one queue a weight above 0".into()
            }
            Self::QueueNumber { .. } | Self::Config { .. } => "queues count from 0".into(),
            Self::QueueCount { .. } => {
                "the number of CPUs that take the packets is a good choice".into()
            }
            Self::TableText { .. } => {
                "a table file has queue numbers, separated by blanks or commas; the output of \
                 `ethtool -x` is one too, also with --json"
                    .into()
            }
            Self::DeviceName { .. } => {
                "a name is like tap0: `ip -br link` lists those taken".into()
            }
            Self::Endpoint { expected, .. } if *expected == ADDRESS => {
                "addresses are like 192.0.2.1 or 2001:db8::1".into()
            }
            Self::Endpoint { .. } => {
                "addresses with ports are like 192.0.2.1:80 or [2001:db8::1]:80; --ip hashes \
                 addresses alone"
                    .into()
            }
            Self::PortWithIp { .. } => {
                "leave the port out, or use --tcp or --udp to hash it too".into()
            }
            Self::Families { .. } => "a packet has two IPv4 or two IPv6 addresses".into(),
            Self::PacketText { source } => source.hint().into(),
            Self::Capture { source, .. } | Self::CaptureRest { source, .. } => {
                return source.hint();
            }
            Self::ElfPlace { .. } => {
                "name a file with -o FILE, or use --emit asm to read the program".into()
            }
            Self::CapturePlace { .. } => {
                "name a file with -w FILE, or pass it on, as in `tunrss capture tap0 -w - | cat`"
                    .into()
            }
            Self::DeleteMacvtap { name } => format!("`ip link delete {name}` removes it"),
            Self::DeleteHeld { .. } => {
                "end what uses the device, or delete it all the same with --force".into()
            }
            Self::ForeignLink { .. } => {
                "name the file that it leads to, if that is what you want to be overwritten".into()
            }
            Self::Internal { .. } => {
                "this is our bug: please report it with the command you typed".into()
            }
            Self::TableRead { source, .. } | Self::WriteFile { source, .. } => {
                return hint_of_path(source).map(Into::into);
            }
            Self::AutomaticTable => {
                "leave out --equal, --weight, --table and --unclassified, or --steering".into()
            }
            Self::AutomaticWithoutUse => {
                "leave --report off out, or add --counters; `tunrss clear` takes steering away"
                    .into()
            }
            Self::Entry { .. } => "an entry is like 3=1: entry 3 of the table names queue 1".into(),
            Self::UnknownQueues { .. } => {
                "name the queues with --equal N, --weight or --table".into()
            }
            Self::Library(error) => return error.hint(),
            Self::RandomKey { .. }
            | Self::PacketRead { .. }
            | Self::Signals { .. }
            | Self::DemoTraffic { .. }
            | Self::Print { .. } => return None,
            Self::Flows { .. } => "1000 flows show an even spread".into(),
        };
        Some(hint)
    }

    /// Whether nobody reads what is printed any more, which is no failure: `tunrss ... | head`.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Print { source } if source.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// What [`CliError::Endpoint`] expects with `--ip`.
pub(crate) const ADDRESS: &str = "an IP address";
/// What [`CliError::Endpoint`] expects with `--tcp` and `--udp`.
pub(crate) const ADDRESS_AND_PORT: &str = "an IP address with a port";

/// A path that names no file is a mistake in what was typed; the rest is the system's refusal.
fn exit_of_path(error: &io::Error) -> Exit {
    match error.kind() {
        io::ErrorKind::NotFound
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::InvalidFilename => Exit::Usage,
        _ => Exit::Refused,
    }
}

pub(crate) fn hint_of_path(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Some("check the path"),
        io::ErrorKind::IsADirectory => Some("name a file, not a directory"),
        io::ErrorKind::PermissionDenied => Some("check the permissions of the file"),
        _ => None,
    }
}

fn table_hint(len: usize) -> String {
    let tail = "--equal and --weight make tables of the right length";
    match len.checked_next_power_of_two() {
        _ if len > MAX_TABLE_LEN => format!("{MAX_TABLE_LEN} entries would do; {tail}"),
        Some(above) if len > 2 => {
            format!("{} or {above} entries would do; {tail}", above / 2)
        }
        _ => tail.to_owned(),
    }
}
