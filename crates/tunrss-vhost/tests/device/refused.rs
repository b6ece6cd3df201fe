//! What the daemon does not start with: it says so in words before a guest connects, and leaves
//! nothing behind.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use tunrss::{Device, DeviceOptions, IfName};

use crate::daemon_process::{Daemon, Folder, command};
use crate::host::{Host, run, unique};

/// The daemon ends with this code, after an error, causes, and a hint; returns what it said.
#[track_caller]
fn refusal(code: i32, command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{command:?}: {said}");
    assert!(output.stdout.is_empty(), "{:?}", output.stdout);
    assert!(said.lines().any(|line| line.starts_with("error: ")), "{said}");
    assert!(!said.contains("ready:") && !said.contains("panicked"), "{said}");
    said
}

#[track_caller]
fn refused(code: i32, socket: &Path, tap: &str, arguments: &str) -> String {
    let said = refusal(code, with(&mut command(), socket, tap, arguments));
    assert!(said.lines().any(|line| line.starts_with("hint: ")), "{said}");
    said
}

fn with<'a>(
    command: &'a mut Command,
    socket: &Path,
    tap: &str,
    arguments: &str,
) -> &'a mut Command {
    command.arg("--socket").arg(socket).args(["--tap", tap]).args(arguments.split_whitespace())
}

fn devices() -> Vec<String> {
    let list = run("ip -br link");
    list.lines().map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn wrong_arguments() {
    let _host = Host::new();
    let before = devices();
    let folder = Folder::new();
    let socket = folder.0.join("socket");
    for arguments in [
        "--queues 0",
        "--queues 128",
        "--queues x",
        "--mac 02:00",
        "--mac 03:00:00:00:00:01",
        "--mtu 10",
        "--mtu 70000",
        "--rss nobody",
        "--types ipv5",
        "--hkey 1:2",
        "--queues 2 --weight 0,0",
        "--queues 2 --weight 1,1,1",
        "--cpus x",
        "--steering sometimes",
        "--no-such-option",
    ] {
        refusal(2, with(&mut command(), &socket, "tap", arguments));
    }
    refusal(2, with(&mut command(), &socket, "a-name-that-is-too-long", ""));
    assert_eq!(command().output().unwrap().status.code(), Some(2));
    refusal(2, command().args(["--tap", "tap"]));
    refusal(2, command().args(["--socket", "/tmp/socket"]));
    assert_eq!(devices(), before);
    assert!(!socket.exists());
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn wrong_socket() {
    let _host = Host::new();
    let before = devices();
    let folder = Folder::new();
    let missing = folder.0.join("no/folder/socket");
    assert!(refused(2, &missing, "tap", "").contains("no/folder"));
    let long = folder.0.join("x".repeat(200));
    refused(2, &long, "tap", "");
    // What is no socket is nobody's to replace.
    let file = folder.0.join("file");
    fs::write(&file, "precious").unwrap();
    refused(2, &file, "tap", "");
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    refused(2, &folder.0, "tap", "");
    // A socket that somebody listens at is not taken away.
    let taken = folder.0.join("taken");
    let listener = UnixListener::bind(&taken).unwrap();
    refused(3, &taken, "tap", "");
    listener.set_nonblocking(true).unwrap();
    // The connection that was tried.
    let _ = listener.accept();
    std::os::unix::net::UnixStream::connect(&taken).unwrap();
    assert_eq!(devices(), before);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn socket_that_is_left_over_is_replaced() {
    let host = Host::new();
    let tap = unique("tap");
    let mut daemon = Daemon::start(&tap, "");
    daemon.start_again(&tap, "");
    let folder = daemon.socket().parent().unwrap().to_owned();
    host.connect(&tap);
    assert!(folder.exists());
    drop(daemon);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn device_that_cannot_be_served() {
    let _host = Host::new();
    let folder = Folder::new();
    let socket = folder.0.join("socket");
    let name = |name: &str| IfName::new(name).unwrap();
    // Somebody has its queues.
    let busy = unique("busy");
    let (device, queues) = Device::create(&name(&busy), 2).unwrap();
    let said = refused(3, &socket, &busy, "--queues 2");
    assert!(said.contains(&busy), "{said}");
    assert_eq!(device.attached_queues().unwrap(), 2);
    drop(queues);
    // It is no tap.
    let other = unique("other");
    run(&format!("ip link add {other} type bridge"));
    assert!(refused(2, &socket, &other, "").contains(&other));
    let tun = unique("tun");
    let (_tun, queues) = Device::create_with(&name(&tun), DeviceOptions::tun(1)).unwrap();
    refused(2, &socket, &tun, "");
    drop(queues);
    // It has one queue.
    let single = unique("single");
    run(&format!("ip tuntap add dev {single} mode tap vnet_hdr"));
    let said = refused(2, &socket, &single, "--queues 2");
    assert!(said.contains(&single), "{said}");
    // It is served already.
    let tap = unique("tap");
    let daemon = Daemon::start(&tap, "--queues 2");
    assert!(refused(3, &socket, &tap, "--queues 2").contains(&tap));
    drop(daemon);
    assert!(!socket.exists());
}

/// A device that the daemon did not make is taken as it is, and stays.
#[test]
#[ignore = "cargo xtask test bpf"]
fn device_that_is_there_is_taken_and_left() {
    let host = Host::new();
    let tap = unique("tap");
    run(&format!("ip tuntap add dev {tap} mode tap multi_queue vnet_hdr"));
    run(&format!("ip link set dev {tap} mtu 1300"));
    let daemon = Daemon::start(&tap, "--queues 2");
    host.connect(&tap);
    let options = tunrss_testkit::vhost::Options::default();
    let mut guest = tunrss_testkit::vhost::Guest::connect(daemon.socket(), options).unwrap();
    assert_eq!(guest.config.mtu, 1300);
    let config = crate::served::config(2, 1);
    assert_eq!(guest.set_rss(&config).unwrap(), tunrss_testkit::vhost::Ack::Ok);
    let frames = crate::frames::of_every_kind(20, 1);
    let header = tunrss::hash::VnetHdr::default();
    frames.iter().for_each(|frame| host.arrive(&header, frame));
    crate::served::check(&crate::served::receive(&mut guest, &frames), &config);
    drop(guest);
    drop(daemon);
    assert!(devices().iter().any(|device| device.starts_with(&tap)));
    // It can be had again.
    drop(Daemon::start(&tap, "--queues 4"));
    run(&format!("ip tuntap del dev {tap} mode tap multi_queue"));
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn without_privilege() {
    let _host = Host::new();
    let before = devices();
    let folder = Folder::new();
    let socket = folder.0.join("socket");
    let mut without = Command::new("setpriv");
    without.args(["--bounding-set=-all", "--inh-caps=-all"]);
    without.arg(env!("CARGO_BIN_EXE_tunrss-vhost"));
    let said = refusal(3, with(&mut without, &socket, "tap", ""));
    assert!(said.contains("hint: ") && said.contains("CAP_NET_ADMIN"), "{said}");
    let said = {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o777)).unwrap();
        let mut as_nobody = Command::new("setpriv");
        as_nobody.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
        as_nobody.args(["--bounding-set=-all", "--inh-caps=-all"]);
        as_nobody.arg(binary_for_all(&folder));
        refusal(3, with(&mut as_nobody, &socket, "tap", ""))
    };
    // Who may open it depends on the distribution.
    let is_named = said.contains("CAP_NET_ADMIN") || said.contains("/dev/net/tun");
    assert!(said.contains("hint: ") && is_named, "{said}");
    assert_eq!(devices(), before);
    assert!(!socket.exists());
}

/// A copy of the command that everybody may run: the folder it is built in may be another's.
fn binary_for_all(folder: &Folder) -> std::path::PathBuf {
    let copy = folder.0.join("tunrss-vhost");
    fs::copy(env!("CARGO_BIN_EXE_tunrss-vhost"), &copy).unwrap();
    copy
}
