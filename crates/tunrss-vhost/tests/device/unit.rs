//! The daemon as its systemd unit starts it: with the capabilities of the unit, and with the options that
//! the manual page tells to put into its configuration.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use tunrss_testkit::vhost::{Ack, Guest, Options};

use crate::daemon_process::Daemon;
use crate::frames::of_every_kind;
use crate::host::{Host, unique};
use crate::served::{Served, check, config};

/// The value of a setting of the unit.
fn setting(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/tunrss-vhost@.service.in");
    let unit = fs::read_to_string(path).unwrap();
    let mut lines = unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let value = lines.next().unwrap_or_else(|| panic!("{name}"));
    assert_eq!(lines.next(), None, "{name}");
    value.to_owned()
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn capabilities_of_the_unit_suffice() {
    let capabilities = setting("CapabilityBoundingSet").to_ascii_lowercase().replace("cap_", "+");
    let bounding = format!("--bounding-set=-all,{}", capabilities.replace(' ', ","));
    let through = ["setpriv", &bounding, "--inh-caps=-all", "--no-new-privs"];
    let key = std::env::temp_dir().join(format!("tunrss-vhost-unit-{}", std::process::id()));
    let operator = config(4, 3);
    fs::write(&key, format!("{}\n", operator.key())).unwrap();
    let host = Host::new();
    let tap = unique("tap");
    let arguments = format!(
        "--queues 4 --steering kernel --socket-owner 4321 --socket-group 1234 --hkey @{}",
        key.display()
    );
    let daemon = Daemon::start_through(&through, &tap, &arguments);
    fs::remove_file(&key).unwrap();
    let socket = fs::metadata(daemon.socket()).unwrap();
    assert_eq!((socket.uid(), socket.gid(), socket.mode() & 0o777), (4321, 1234, 0o660));
    let mut status = daemon.socket().as_os_str().to_owned();
    status.push(".status");
    let status = fs::metadata(status).unwrap();
    assert_eq!((status.uid(), status.gid(), status.mode() & 0o777), (0, 0, 0o600));
    host.connect(&tap);
    let mut guest = Guest::connect(daemon.socket(), Options::default()).unwrap();
    let config = config(4, 1);
    assert_eq!(guest.set_rss(&config).unwrap(), Ack::Ok);
    let mut served = Served { guest, daemon, host };
    check(&served.pass(&of_every_kind(20, 1)), &config);
}
