//! Devices by their alternative names.

use serde_json::Value;

use crate::net::{Net, succeed};
use crate::settings::show;

/// Each command finds the device by any of its names, and calls it by its own.
#[test]
#[ignore = "cargo xtask test bpf"]
fn every_command_takes_an_alternative_name() {
    let net = Net::with_device(3);
    let longest = "x".repeat(127);
    for name in ["vmnet0", longest.as_str()] {
        net.ip(&format!("link property add dev t0 altname {name}"));
        for line in ["set", "set --entry 0=2", "show", "show --stats", "doctor", "clear"] {
            let (command, options) = line.split_once(' ').unwrap_or((line, ""));
            let run = net.run(&format!("{command} {name} {options} --json"));
            assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{line}");
            let answer: Value = serde_json::from_str(&run.stdout).unwrap();
            let device = match &answer["device"] {
                // That of doctor.
                Value::Object(device) => &device["name"],
                device => device,
            };
            assert_eq!(device, "t0", "{line}");
        }
        let captured = succeed(
            net.tunrss_through(&["timeout", "--preserve-status", "-s", "INT", "1"])
                .args(["capture", name]),
        );
        assert!(captured.starts_with("0 packets captured on t0;"), "{captured}");
        assert_eq!(show(&net).steering, None);
    }
    let run = net.run("create vmnet0 --queues 2");
    assert!(run.refusal(2).contains("exists already"));
    assert_eq!(net.run("delete vmnet0").answer(), "deleted device t0\n");
    assert_eq!(net.devices(), ["lo"]);
}
