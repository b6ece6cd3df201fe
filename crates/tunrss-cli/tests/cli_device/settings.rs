//! Settings of `set`, and what they mean.

use tunrss::ReportMode;
use tunrss::hash::{HashKey, SteeringConfig};

use crate::answers::{Set, Show, Steering};
use crate::net::Net;
use crate::{Run, TempFile};

/// What a setting leaves in force, and the configuration it means.
pub(crate) struct InForce {
    pub(crate) steering: Steering,
    pub(crate) config: tunrss::Config,
    pub(crate) mode: ReportMode,
}

impl InForce {
    /// Set `t0` by `options`, and check that `show` says the same.
    #[track_caller]
    pub(crate) fn set(net: &Net, options: &str) -> Self {
        let set: Set = net.run(&format!("set t0 {options} --json")).json();
        assert_eq!((set.schema, set.command.as_str(), set.dry_run), (1, "set", false));
        assert_eq!(set.device, "t0");
        let steering = set.steering();
        assert!(show(net).steering.as_ref() == Some(&steering), "{options}");
        Self::of(steering)
    }

    /// What `steering` means.
    pub(crate) fn of(steering: Steering) -> Self {
        let key: HashKey = steering.hkey.parse().unwrap();
        let (types, table) = (steering.types.parse().unwrap(), steering.table.clone());
        let config = SteeringConfig::new(types, key, table, steering.unclassified)
            .unwrap()
            .with_tunnels(steering.tunnels.parse().unwrap())
            .with_transform(steering.xfrm.parse().unwrap());
        let mode = match steering.report.as_str() {
            "off" => ReportMode::Off,
            "kernel" => ReportMode::Kernel,
            "reader" => ReportMode::Reader,
            other => panic!("unknown report {other:?}"),
        };
        Self { steering, config, mode }
    }
}

/// What `show --json` says of `t0`.
#[track_caller]
pub(crate) fn show(net: &Net) -> Show {
    let show: Show = net.run("show t0 --json").json();
    assert_eq!((show.schema, show.device.as_str()), (1, "t0"));
    show
}

/// A setting and what it shall leave in force.
pub(crate) struct Case {
    pub(crate) options: String,
    pub(crate) types: &'static str,
    pub(crate) tunnels: &'static str,
    pub(crate) xfrm: &'static str,
    /// `None`: random.
    pub(crate) hkey: Option<String>,
    pub(crate) table: Vec<u16>,
    pub(crate) unclassified: u16,
    pub(crate) report: &'static str,
    /// Kept for as long as `options` name it.
    _file: Option<TempFile>,
}

impl Case {
    fn new(options: &str, table: Vec<u16>) -> Self {
        let options = options.to_owned();
        let hkey = Some(MICROSOFT.to_owned());
        Self {
            options,
            types: BASIC,
            tunnels: "none",
            xfrm: "none",
            hkey,
            table,
            unclassified: 0,
            report: "reader",
            _file: None,
        }
    }

    fn with_file(options: &str, table: Vec<u16>) -> Self {
        let words: Vec<_> = table.iter().map(ToString::to_string).collect();
        let file = TempFile::new(words.join(" ").as_bytes());
        let options = format!("--table {} {options}", file.path());
        Self { _file: Some(file), ..Self::new(&options, table) }
    }

    #[track_caller]
    pub(crate) fn check(&self, actual: &Steering) {
        let hkey = self.hkey.clone().unwrap_or_else(|| actual.hkey.clone());
        let expected = Steering {
            steering: "rss".into(),
            counters: false,
            owner: "tunrss".into(),
            types: self.types.into(),
            tunnels: self.tunnels.into(),
            xfrm: self.xfrm.into(),
            hkey,
            table: self.table.clone(),
            unclassified: self.unclassified,
            report: self.report.into(),
        };
        // A table may have 65,536 entries: too long to print.
        assert!(*actual == expected, "{}", self.options);
        if self.hkey.is_none() {
            assert_eq!(actual.hkey.split(':').count(), 40);
            assert!(actual.hkey != MICROSOFT && actual.hkey != SYMMETRIC);
        }
    }
}

/// Settings for a device of four queues.
pub(crate) fn cases() -> Vec<Case> {
    let equal = || (0..128).map(|index| index % 4).collect::<Vec<u16>>();
    let long =
        || (0..65_536u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 30) as u16).collect();
    vec![
        Case { hkey: None, ..Case::new("", equal()) },
        Case {
            types: "ipv4,tcpv4,udpv4,ipv6,tcpv6,udpv6,ipv6-ex,tcpv6-ex,udpv6-ex",
            report: "kernel",
            ..Case::new("--types all --hkey microsoft --report kernel", equal())
        },
        Case {
            types: "tcpv4,udpv6",
            hkey: Some(SYMMETRIC.into()),
            unclassified: 3,
            report: "reader",
            ..Case::new(
                "--types udpv6,tcpv4 --hkey symmetric --unclassified 3 --report reader",
                equal(),
            )
        },
        Case {
            types: "ipv4,ipv6",
            report: "kernel",
            ..Case::new(
                "--weight 3,0,1 --start 1 --types ipv4,ipv6 --hkey microsoft --report kernel",
                [vec![1; 96], vec![3; 32]].concat(),
            )
        },
        Case {
            unclassified: 1,
            report: "off",
            ..Case::new(
                "--equal 2 --start 2 --unclassified 1 --hkey microsoft --report off",
                (0..128).map(|index| 2 + index % 2).collect(),
            )
        },
        Case {
            types: "tcpv4,tcpv6",
            unclassified: 2,
            report: "kernel",
            ..Case::with_file(
                "--types tcpv4,tcpv6 --unclassified 2 --hkey microsoft --report kernel",
                vec![3, 1],
            )
        },
        Case {
            types: "udpv4",
            hkey: Some("00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:ff".into()),
            report: "reader",
            ..Case::with_file(
                "--types udpv4 --hkey 000102030405060708090A0B0C0D0EFF --report reader",
                long(),
            )
        },
        Case {
            report: "kernel",
            hkey: None,
            ..Case::with_file("--hkey random --report kernel", long())
        },
        Case {
            tunnels: "vxlan,ipip",
            xfrm: "symmetric-or-xor",
            report: "kernel",
            ..Case::new(
                "--tunnels ipip,vxlan --xfrm symmetric-or-xor --hkey microsoft --report kernel",
                equal(),
            )
        },
        Case {
            tunnels: "gre,gre-2890,gre-7676,gre-udp,vxlan,vxlan-gpe,geneve,ipip,nvgre",
            xfrm: "symmetric-xor",
            ..Case::new("--tunnels all --xfrm symmetric-xor --hkey microsoft", equal())
        },
        Case {
            types: "none",
            unclassified: 3,
            report: "kernel",
            ..Case::new("--types none --unclassified 3 --hkey microsoft --report kernel", equal())
        },
        Case { ..Case::with_file("--hkey microsoft", long()) },
    ]
}

/// The lines of `ethtool -x` in what `show` prints: number of rings, table, key.
#[track_caller]
pub(crate) fn parse_ethtool(run: Run) -> (usize, Vec<u16>, String) {
    let text = run.answer();
    let mut lines = text.lines();
    let title = lines.next().unwrap();
    let rings = title.strip_prefix("RX flow hash indirection table for t0 with ").unwrap();
    let rings = rings.strip_suffix(" RX ring(s):").unwrap().parse().unwrap();
    let mut table = Vec::new();
    for line in lines.by_ref() {
        if line == "RSS hash key:" {
            break;
        }
        let (index, row) = line.split_once(':').unwrap();
        assert_eq!(index.trim().parse(), Ok(table.len()));
        table.extend(row.split_whitespace().map(|queue| queue.parse::<u16>().unwrap()));
    }
    let hkey = lines.next().unwrap().to_owned();
    assert_eq!(lines.next(), Some("RSS hash function:"));
    assert_eq!(lines.next(), Some("    toeplitz: on"));
    (rings, table, hkey)
}

const BASIC: &str = "ipv4,tcpv4,udpv4,ipv6,tcpv6,udpv6";
const MICROSOFT: &str = "6d:5a:56:da:25:5b:0e:c2:41:67:25:3d:43:a3:8f:b0:d0:ca:2b:cb:ae:7b:30:b4:\
                         77:cb:2d:a3:80:30:f2:0c:6a:42:b7:3b:be:ac:01:fa";
const SYMMETRIC: &str = "6d:5a:6d:5a:6d:5a:6d:5a:6d:5a:6d:5a:6d:5a:6d:5a:6d:5a:6d:5a:6d:5a:6d:5a:\
                         6d:5a:6d:5a:6d:5a:6d:5a:6d:5a:6d:5a:6d:5a:6d:5a";
