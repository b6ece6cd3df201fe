//! The listings under `golden/` are what is compiled, and within their instruction budgets.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use tunrss_bpf::{Object, ReportMode, compile};
use tunrss_hash::{HashKey, HashTypes, InputTransform, Link, SteeringConfig, TunnelTypes};

/// A listing: its file, what it is compiled from, and the most instructions it may have, those of
/// all its programs together.
struct Case {
    name: &'static str,
    types: HashTypes,
    link: Link,
    report: ReportMode,
    tunnels: TunnelTypes,
    transform: InputTransform,
    budget: usize,
}

const CASES: [Case; 12] = [
    steer("steer-none", HashTypes::NONE, 20),
    steer("steer-tcpv4", HashTypes::TCPV4, 155),
    steer("steer-ipv6-ex", HashTypes::IPV6_EX, 340),
    steer("steer-basic", HashTypes::BASIC, 385),
    steer("steer-all", HashTypes::ALL, 470),
    Case { link: Link::Ip, ..steer("steer-all-bare-ip", HashTypes::ALL, 420) },
    Case { report: ReportMode::Kernel, ..steer("report-basic", HashTypes::BASIC, 560) },
    Case { report: ReportMode::Kernel, ..steer("report-all", HashTypes::ALL, 645) },
    Case { tunnels: TunnelTypes::VXLAN, ..steer("steer-tcpv4-vxlan", HashTypes::TCPV4, 345) },
    Case { tunnels: TunnelTypes::ALL, ..steer("steer-basic-tunnels", HashTypes::BASIC, 775) },
    Case {
        transform: InputTransform::SymmetricXor,
        ..steer("steer-tcpv4-symmetric-xor", HashTypes::TCPV4, 175)
    },
    Case {
        tunnels: TunnelTypes::ALL,
        transform: InputTransform::SymmetricOrXor,
        link: Link::Ip,
        report: ReportMode::Kernel,
        ..steer("report-all-tunnels-bare-ip", HashTypes::ALL, 985)
    },
];

const fn steer(name: &'static str, types: HashTypes, budget: usize) -> Case {
    Case {
        name,
        types,
        link: Link::Ethernet,
        report: ReportMode::Off,
        tunnels: TunnelTypes::NONE,
        transform: InputTransform::None,
        budget,
    }
}

impl Case {
    fn compile(&self) -> Object {
        let table: Vec<u16> = (0..128).map(|entry| entry % 4).collect();
        let config = SteeringConfig::new(self.types, HashKey::MICROSOFT, table, 0).unwrap();
        let config = config.with_tunnels(self.tunnels).with_transform(self.transform);
        compile(&config, self.link, self.report).unwrap()
    }

    fn listing(&self) -> String {
        format!("; at most {} instructions\n{}", self.budget, self.compile().listing())
    }
}

#[test]
fn programs_are_within_their_budgets() {
    for case in CASES {
        let object = case.compile();
        let slots: usize = object.programs().iter().map(|program| program.code().slots()).sum();
        let Case { name, budget, .. } = case;
        assert!(slots <= budget, "{name} has {slots} instructions, its budget is {budget}");
    }
}

/// With TUNRSS_BLESS=1 in the environment, as `cargo xtask bless` sets it, the files are written.
#[test]
fn listings_are_those_of_the_files() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    if std::env::var_os("TUNRSS_BLESS").is_some_and(|value| value == "1") {
        fs::create_dir_all(&folder).unwrap();
        for path in files(&folder) {
            fs::remove_file(path).unwrap();
        }
        for case in CASES {
            fs::write(folder.join(case.name).with_extension("s"), case.listing()).unwrap();
        }
    }
    let mut differences = String::new();
    for case in CASES {
        let file = folder.join(case.name).with_extension("s");
        let expected = fs::read_to_string(file).unwrap_or_default();
        if let Some(difference) = difference(&expected, &case.listing()) {
            differences += &format!("golden/{}.s\n{difference}\n", case.name);
        }
    }
    let expected: BTreeSet<_> = CASES.map(|case| folder.join(case.name).with_extension("s")).into();
    for stray in files(&folder).difference(&expected) {
        differences += &format!("{} belongs to no case\n", stray.display());
    }
    assert!(
        differences.is_empty(),
        "listings have changed\n\n{differences}\nIf they should: cargo xtask bless"
    );
}

fn files(folder: &PathBuf) -> BTreeSet<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// What differs, from the first different line to the last but not more than a few of each side.
fn difference(expected: &str, found: &str) -> Option<String> {
    const MOST_LINES: usize = 8;
    if expected == found {
        return None;
    }
    let [mut old, mut new] = [expected, found].map(|text| text.lines().collect::<Vec<_>>());
    let start = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    while old.len() > start && new.len() > start && old.last() == new.last() {
        old.pop();
        new.pop();
    }
    let mut text = format!("from line {}:\n", start + 1);
    for (sign, lines) in [('-', &old[start..]), ('+', &new[start..])] {
        for line in lines.iter().take(MOST_LINES) {
            text += &format!("{sign}{line}\n");
        }
        if let Some(more) = lines.len().checked_sub(MOST_LINES + 1) {
            text += &format!("{sign}... and {} more\n", more + 1);
        }
    }
    Some(text)
}

#[test]
fn difference_is_short_and_says_where() {
    assert_eq!(difference("a\nb\n", "a\nb\n"), None);
    let expected = "from line 2:\n-b\n+x\n+y\n";
    assert_eq!(difference("a\nb\nc\n", "a\nx\ny\nc\n").as_deref(), Some(expected));
    let lines: String = (0..20).map(|number| format!("{number}\n")).collect();
    let text = difference("", &lines).unwrap();
    assert_eq!(text.lines().count(), 1 + 8 + 1);
    assert!(text.ends_with("+7\n+... and 12 more\n"), "{text}");
}
