//! From what was typed to what will be done.
//!
//! A plan is complete and valid on its own: whatever can be refused without touching a device or a
//! socket is refused here.

use std::ffi::OsString;
use std::path::PathBuf;

use rustix::thread::CpuSet;
use tunrss::hash::config::{fill_equal, fill_weighted};
use tunrss::hash::{HashKey, HashTypes};
use tunrss::{Config, DeviceName, KeyArgument, KeyArgumentError};
use tunrss_vhost::{MAX_PAIRS, Policy};

use crate::args::{Cli, Command, ServeArgs, StatusArgs, Who, Whose};
use crate::error::DaemonError;
use crate::user;

/// What will be done.
#[derive(Debug)]
pub(crate) enum Plan {
    Serve(Box<ServePlan>),
    Status { path: PathBuf, json: bool },
    Capabilities,
    Backend,
}

impl TryFrom<Cli> for Plan {
    type Error = DaemonError;

    fn try_from(Cli { serve, command }: Cli) -> Result<Self, DaemonError> {
        Ok(match command {
            Some(Command::Status(StatusArgs { path, json })) => Self::Status { path, json },
            Some(Command::Backend) => Self::Backend,
            None if serve.print_capabilities => Self::Capabilities,
            None => Self::Serve(Box::new(serve.try_into()?)),
        })
    }
}

/// A device to be served to guests.
#[derive(Debug)]
pub(crate) struct ServePlan {
    pub(crate) endpoint: Endpoint,
    pub(crate) status: Option<PathBuf>,
    pub(crate) device: DeviceName,
    pub(crate) pairs: u16,
    pub(crate) mac: Option<[u8; 6]>,
    pub(crate) mtu: Option<u16>,
    pub(crate) policy: Policy,
    pub(crate) types: HashTypes,
    pub(crate) operator: Config,
    /// Whether its table is made for the queues in use.
    pub(crate) spread_equally: bool,
    pub(crate) threads: usize,
    pub(crate) cpus: Vec<usize>,
    pub(crate) steering: Who,
    pub(crate) user: Option<String>,
    pub(crate) sandbox: bool,
    pub(crate) verbosity: u8,
}

/// Who may connect to a socket file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Access {
    /// Its owner, if that is not this process's user.
    pub(crate) uid: Option<u32>,
    /// The group that may, too.
    pub(crate) gid: Option<u32>,
}

/// Where frontends come from.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Endpoint {
    /// One after the other, at a socket file.
    Listen { path: PathBuf, access: Access },
    /// One, at a descriptor with this number.
    Connected(i32),
}

impl TryFrom<ServeArgs> for ServePlan {
    type Error = DaemonError;

    fn try_from(args: ServeArgs) -> Result<Self, DaemonError> {
        let access = Access {
            uid: args.socket_owner.as_deref().map(user::uid).transpose()?,
            gid: args.socket_group.as_deref().map(user::gid).transpose()?,
        };
        let endpoint = endpoint(args.socket, args.fd, access)?;
        let status = args.status.or_else(|| match &endpoint {
            Endpoint::Listen { path, .. } => Some(beside(path)),
            Endpoint::Connected(_) => None,
        });
        let name = args.tap.unwrap_or_default();
        let device =
            DeviceName::new(&name).map_err(|source| DaemonError::DeviceName { name, source })?;
        let pairs = u16::try_from(args.queues).ok().filter(|pairs| (1..=MAX_PAIRS).contains(pairs));
        let pairs = pairs.ok_or(DaemonError::Pairs { queues: args.queues })?;
        let types = match args.types {
            None => HashTypes::BASIC,
            Some(text) => parse_types(text)?,
        };
        let key = read_key(args.hkey.as_deref().unwrap_or("random"))?;
        let cpus = args.cpus.map_or(Ok(Vec::new()), parse_cpus)?;
        let operator = operator(types, key, args.weight.as_deref(), pairs)?;
        Ok(Self {
            endpoint,
            status,
            device,
            pairs,
            mac: args.mac.map(parse_mac).transpose()?,
            mtu: args.mtu.map(checked_mtu).transpose()?,
            policy: match args.rss {
                Whose::Guest => Policy::Guest,
                Whose::Host => Policy::Host,
            },
            types,
            operator,
            spread_equally: args.weight.is_none(),
            threads: args.threads.map_or_else(|| threads(&cpus), usize::from),
            cpus,
            steering: args.steering,
            user: args.user,
            sandbox: !args.no_sandbox,
            verbosity: args.verbose,
        })
    }
}

fn endpoint(
    socket: Option<PathBuf>,
    fd: Option<u32>,
    access: Access,
) -> Result<Endpoint, DaemonError> {
    match (socket, fd) {
        (_, Some(number)) => {
            let number = i32::try_from(number).map_err(|_| DaemonError::FdNumber { number })?;
            Ok(Endpoint::Connected(number))
        }
        // clap wants one of the two.
        (path, None) => Ok(Endpoint::Listen { path: path.unwrap_or_default(), access }),
    }
}

/// The default path of the status socket.
fn beside(socket: &std::path::Path) -> PathBuf {
    let mut path = OsString::from(socket);
    path.push(".status");
    path.into()
}

fn operator(
    types: HashTypes,
    key: HashKey,
    weights: Option<&[u32]>,
    pairs: u16,
) -> Result<Config, DaemonError> {
    let mut table = vec![0; TABLE_LEN];
    match weights {
        None => fill_equal(&mut table, 0, pairs),
        Some(weights) if weights.len() > usize::from(pairs) => {
            return Err(DaemonError::Weights { count: weights.len(), pairs });
        }
        Some(weights) => fill_weighted(&mut table, 0, weights),
    }
    .map_err(|source| DaemonError::Config { what: "--weight", source })?;
    Config::new(types, key, table, 0)
        .map_err(|source| DaemonError::Config { what: "--hkey with the hash types", source })
}

/// Names of types, also as reports spell them: `TCPv6_EX` is `tcpv6-ex`.
fn parse_types(text: String) -> Result<HashTypes, DaemonError> {
    let names = text.to_ascii_lowercase().replace('_', "-");
    names.parse().map_err(|source| DaemonError::Types { text, source })
}

fn read_key(text: &str) -> Result<HashKey, DaemonError> {
    let refused = |source| DaemonError::Key { source };
    match KeyArgument::read(text).map_err(refused)? {
        KeyArgument::Random => {
            let bytes: [u8; HashKey::USUAL_LEN] = random("a key")?;
            HashKey::new(&bytes).map_err(KeyArgumentError::Key).map_err(refused)
        }
        KeyArgument::Key(key) => Ok(key),
    }
}

fn random<const N: usize>(what: &'static str) -> Result<[u8; N], DaemonError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|source| DaemonError::Random { what, source })?;
    Ok(bytes)
}

/// A MAC address that is nobody else's: locally administered, of one station.
pub(crate) fn random_mac() -> Result<[u8; 6], DaemonError> {
    let [first, rest @ ..]: [u8; 6] = random("a MAC address")?;
    let [b, c, d, e, f] = rest;
    Ok([first & !GROUP | LOCAL, b, c, d, e, f])
}

fn parse_mac(text: String) -> Result<[u8; 6], DaemonError> {
    let byte = |part: &str| match part.len() {
        1 | 2 => u8::from_str_radix(part, 16).ok().filter(|_| !part.starts_with('+')),
        _ => None,
    };
    let bytes: Option<Vec<_>> = text.split(':').map(byte).collect();
    let mac: Option<[u8; 6]> = bytes.and_then(|bytes| bytes.try_into().ok());
    match mac {
        None => Err(DaemonError::Mac { text, why: "it is not six bytes in hexadecimal" }),
        Some([0, 0, 0, 0, 0, 0]) => Err(DaemonError::Mac { text, why: "it is no address" }),
        Some([first, ..]) if first & GROUP != 0 => {
            Err(DaemonError::Mac { text, why: "it is the address of a group" })
        }
        Some(mac) => Ok(mac),
    }
}

fn checked_mtu(mtu: u32) -> Result<u16, DaemonError> {
    match u16::try_from(mtu) {
        Ok(number) if number >= MIN_MTU => Ok(number),
        _ => Err(DaemonError::Mtu { mtu, least: MIN_MTU }),
    }
}

/// Numbers and ranges of numbers, as taskset has them.
/// One for each CPU that there is for them.
fn threads(cpus: &[usize]) -> usize {
    if cpus.is_empty() {
        std::thread::available_parallelism().map_or(1, usize::from)
    } else {
        cpus.len()
    }
}

fn parse_cpus(text: String) -> Result<Vec<usize>, DaemonError> {
    let number = |text: &str| {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|&cpu: &usize| is_plain && cpu < CpuSet::MAX_CPU)
    };
    let range = |text: &str| {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (number(first)?, number(last)?);
        (first <= last).then_some(first..=last)
    };
    let mut cpus = Vec::new();
    for part in text.split(',') {
        match range(part) {
            Some(range) => cpus.extend(range),
            None => return Err(DaemonError::Cpus { text }),
        }
    }
    Ok(cpus)
}

/// The length of an indirection table that drivers have.
const TABLE_LEN: usize = 128;

/// The least that virtio allows (virtio 1.4, "Device configuration layout" of the network device).
const MIN_MTU: u16 = 68;

/// The bits of a MAC address' first byte.
const GROUP: u8 = 1;
const LOCAL: u8 = 2;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser;

    use super::*;
    use crate::exit::Exit;

    fn plan(line: &str) -> Result<Plan, DaemonError> {
        Cli::try_parse_from(line.split(' ')).unwrap().try_into()
    }

    fn serve(options: &str) -> ServePlan {
        match plan(&format!("tunrss-vhost --socket /run/a.sock --tap tap0{options}")) {
            Ok(Plan::Serve(serve)) => *serve,
            other => panic!("{other:?}"),
        }
    }

    fn refusal(options: &str) -> String {
        let error =
            plan(&format!("tunrss-vhost --socket /run/a.sock --tap tap0{options}")).unwrap_err();
        assert_eq!(error.exit(), Exit::Usage, "{error}");
        assert!(error.hint().is_some(), "{error}");
        error.to_string()
    }

    #[test]
    fn defaults_are_one_queue_and_the_guests_own_settings() {
        let [plan, other] = [serve(""), serve("")];
        let access = Access::default();
        assert_eq!(plan.endpoint, Endpoint::Listen { path: "/run/a.sock".into(), access });
        assert_eq!(plan.status.as_deref(), Some(Path::new("/run/a.sock.status")));
        assert_eq!((plan.pairs, plan.policy, plan.steering), (1, Policy::Guest, Who::Auto));
        assert_eq!((plan.mac, plan.mtu, plan.user), (None, None, None));
        assert_eq!(plan.types, HashTypes::BASIC);
        assert_eq!(plan.operator.table(), [0; 128]);
        assert_eq!(plan.operator.key().as_bytes().len(), 40);
        assert_ne!(plan.operator.key(), other.operator.key());
        assert!(plan.sandbox && plan.cpus.is_empty());
    }

    #[test]
    fn everything_typed_is_kept() {
        let plan = serve(
            " --queues 3 --mac 02:0:aB:cd:ef:1 --mtu 9000 --rss host --types TCPv4,ipv6_ex \
             --hkey microsoft --weight 2,1 --cpus 4-6,1 --steering kernel --user 12 --status /s \
             --no-sandbox -vv --socket-owner 7 --socket-group 8",
        );
        let access = Access { uid: Some(7), gid: Some(8) };
        assert_eq!(plan.endpoint, Endpoint::Listen { path: "/run/a.sock".into(), access });
        assert_eq!((plan.pairs, plan.policy, plan.steering), (3, Policy::Host, Who::Kernel));
        assert_eq!(plan.mac, Some([2, 0, 0xab, 0xcd, 0xef, 1]));
        assert_eq!((plan.mtu, plan.user.as_deref()), (Some(9000), Some("12")));
        assert_eq!(plan.types, HashTypes::TCPV4 | HashTypes::IPV6_EX);
        assert_eq!(*plan.operator.key(), HashKey::MICROSOFT);
        assert_eq!(plan.operator.types(), plan.types);
        let count = |queue| plan.operator.table().iter().filter(|&&entry| entry == queue).count();
        assert_eq!([count(0), count(1), count(2)], [85, 43, 0]);
        assert_eq!((plan.cpus, plan.threads), (vec![4, 5, 6, 1], 4));
        assert_eq!(serve(" --cpus 4-6 --threads 2").threads, 2);
        assert_eq!(plan.status.as_deref(), Some(Path::new("/s")));
        assert!(!plan.sandbox && plan.verbosity == 2);
        let spread = serve(" --queues 127").operator;
        assert_eq!((spread.highest_queue(), spread.table()[127]), (126, 0));
    }

    #[test]
    fn connected_socket_has_no_status_unless_asked_for() {
        let with = |options: &str| match plan(&format!("tunrss-vhost --fd 3 --tap tap0{options}")) {
            Ok(Plan::Serve(serve)) => (serve.endpoint, serve.status),
            other => panic!("{other:?}"),
        };
        assert_eq!(with(""), (Endpoint::Connected(3), None));
        assert_eq!(with(" --status /s"), (Endpoint::Connected(3), Some("/s".into())));
        assert!(plan("tunrss-vhost --fd 4294967295 --tap tap0").is_err());
        let is_refused = |line: &str| Cli::try_parse_from(line.split(' ')).is_err();
        assert!(is_refused("tunrss-vhost --fd 3 --socket /s --tap tap0"));
        assert!(is_refused("tunrss-vhost --fd 3"));
        assert!(is_refused("tunrss-vhost --fd 3 --tap tap0 --socket-owner 7"));
        assert!(is_refused("tunrss-vhost --tap tap0"));
        assert!(is_refused("tunrss-vhost --tap tap0 --socket /s status /s.status"));
    }

    #[test]
    fn other_commands_need_no_device() {
        assert!(matches!(plan("tunrss-vhost --print-capabilities"), Ok(Plan::Capabilities)));
        let capabilities = plan("tunrss-vhost --print-capabilities --socket-path /a --tap tap0");
        assert!(matches!(capabilities, Ok(Plan::Capabilities)));
        assert!(matches!(plan("tunrss-vhost backend"), Ok(Plan::Backend)));
        let status = plan("tunrss-vhost status /a --json");
        assert!(matches!(status, Ok(Plan::Status { path, json: true }) if path == Path::new("/a")));
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_value() {
        for (options, message) in [
            (" --queues 0", "cannot use --queues 0: a guest has 1 to 127 queue pairs"),
            (" --queues 128", "cannot use --queues 128: a guest has 1 to 127 queue pairs"),
            (" --weight 1,1", "cannot use --weight with 2 weights for 1 queue"),
            (" --queues 2 --weight 0,0", "cannot use --weight"),
            (" --mtu 67", "cannot use --mtu 67: it is 68 to 65535"),
            (" --mtu 65536", "cannot use --mtu 65536: it is 68 to 65535"),
            (" --types tcp", "cannot use --types \"tcp\""),
            (" --hkey xy", "cannot use --hkey"),
            (" --hkey 6d:5a", "cannot use --hkey with the hash types"),
            (" --mac 1:2:3:4:5", "cannot use --mac \"1:2:3:4:5\": it is not six bytes"),
            (" --mac 2:2:3:4:5:+6", "cannot use --mac \"2:2:3:4:5:+6\": it is not six bytes"),
            (
                " --mac 1:2:3:4:5:6",
                "cannot use --mac \"1:2:3:4:5:6\": it is the address of a group",
            ),
            (" --mac 0:0:0:0:0:0", "cannot use --mac \"0:0:0:0:0:0\": it is no address"),
            (" --socket-owner no-such-user", "cannot find user \"no-such-user\""),
            (" --socket-group no-such-group", "cannot find group \"no-such-group\""),
            (" --cpus 3-1", "cannot use --cpus \"3-1\""),
            (" --cpus 1,", "cannot use --cpus \"1,\""),
            (" --cpus 1024", "cannot use --cpus \"1024\""),
            (" --cpus 18446744073709551616", "cannot use --cpus"),
        ] {
            let text = refusal(options);
            assert!(text.starts_with(message), "{text}");
        }
        let error = plan("tunrss-vhost --socket /s --tap a/b").unwrap_err();
        assert!(error.to_string().contains("a/b"), "{error}");
    }

    #[test]
    fn random_addresses_are_of_one_station_and_local() {
        for _ in 0..64 {
            assert_eq!(random_mac().unwrap()[0] & (GROUP | LOCAL), LOCAL);
        }
    }
}
