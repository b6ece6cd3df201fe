//! What comes with the daemon fits it: the manual page, the unit, the description for QEMU.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn options_are_described() {
    let page = read("man/tunrss-vhost.8").replace("\\-", "-");
    let help = format!("{}{}", help(&["--help"]), help(&["status", "--help"]));
    let options = options(&help);
    assert!(options.contains("--socket") && options.len() > 15, "{options:?}");
    let described = page.split("\n.SH OPTIONS\n").nth(1).unwrap();
    let described = described.split("\n.SH ").next().unwrap();
    let headings: BTreeSet<_> = described
        .split("\n.TP\n")
        .filter_map(|entry| entry.lines().next())
        .flat_map(|heading| heading.split(|char: char| char.is_whitespace() || char == '"'))
        .filter(|word| word.starts_with("--"))
        .map(str::to_owned)
        .collect();
    let first = described.trim_start_matches(".TP\n").lines().next().unwrap();
    assert!(first.contains("--socket"), "{first}");
    let headings: BTreeSet<_> = headings.into_iter().chain(["--socket".to_owned()]).collect();
    assert_eq!(headings, options);
}

#[test]
fn exit_codes_are_described() {
    let page = read("man/tunrss-vhost.8");
    let help = help(&["--help"]);
    let codes = help.split("Exit codes:\n").nth(1).unwrap();
    for line in codes.lines().filter(|line| !line.trim_start().starts_with("128")) {
        let code = line.split_whitespace().next().unwrap();
        assert!(page.contains(&format!(".TP\n.B {code}\n")), "{line}");
    }
}

#[test]
fn unit_starts_the_daemon_with_options_that_it_has() {
    let unit = read("systemd/tunrss-vhost@.service.in");
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    assert!(start.starts_with("@PREFIX@/bin/tunrss-vhost "), "{start}");
    let options = options(&help(&["--help"]));
    for word in start.split(' ').filter(|word| word.starts_with("--")) {
        assert!(options.contains(word), "{word}");
    }
    // The socket is in a folder that the unit makes.
    let folder = unit.lines().find_map(|line| line.strip_prefix("RuntimeDirectory=")).unwrap();
    assert!(start.contains(&format!("--socket /run/{folder}/")), "{start}");
}

/// It is started again however it has failed, and however often, but for a mistake in what was typed.
#[test]
fn unit_goes_on() {
    let unit = read("systemd/tunrss-vhost@.service.in");
    for line in [
        "Restart=on-failure",
        "RestartPreventExitStatus=2",
        "RestartSec=1",
        "StartLimitIntervalSec=0",
    ] {
        assert!(unit.lines().any(|other| other == line), "{line}");
    }
}

#[test]
fn user_of_the_unit_is_the_default() {
    let user = read("systemd/sysusers.conf");
    let line = user.lines().find(|line| line.starts_with("u ")).unwrap();
    let name = line.split(' ').nth(1).unwrap();
    let help: Vec<_> = help(&["--help"]).split_whitespace().map(str::to_owned).collect();
    let default = format!("[default: {name}, if started by root]");
    assert!(help.join(" ").contains(&default), "{name}");
}

#[test]
fn description_for_qemu_is_of_the_type_that_the_daemon_says() {
    let text = read("qemu/50-tunrss.json.in").replace("@PREFIX@", "/usr");
    let description: serde_json::Value = serde_json::from_str(&text).unwrap();
    let capabilities: serde_json::Value =
        serde_json::from_str(&help(&["--print-capabilities"])).unwrap();
    assert_eq!(description["type"], capabilities["type"]);
    assert_eq!(description["binary"], "/usr/bin/tunrss-vhost");
    assert!(description["description"].is_string());
    assert_eq!(description.as_object().unwrap().len(), 3);
}

/// The long options that a help text tells of.
fn options(help: &str) -> BTreeSet<String> {
    let lines = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    let words = lines.flat_map(|line| line.split([' ', ',', '.']));
    words.filter(|word| word.starts_with("--")).map(str::to_owned).collect()
}

fn help(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_tunrss-vhost")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A file of the package.
fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
