//! The example program, built as who has installed the library builds it.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use tunrss::hash::{HashKey, HashTypes, Link, SteeringConfig, classify};
use tunrss::netns::NetNs;
use tunrss::{Device, IfName};
use tunrss_testkit::packet::{Packet, V4};

#[test]
#[ignore = "cargo xtask test bpf"]
fn example_is_built_with_pkg_config_and_reports_hashes() {
    let folder = Folder::new();
    let installed = folder.0.join("installed");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut install = within("1200", cargo);
    install.args(["xtask", "install", "--prefix", "/usr", "--destdir"]).arg(&installed);
    output(install);

    let shared = folder.0.join("shared");
    build(&shared, &installed, Library::Shared);
    let mut program = Command::new(shared);
    program.env("LD_LIBRARY_PATH", installed.join("usr/lib"));
    reports_hashes(program);

    let linked_in = folder.0.join("linked-in");
    build(&linked_in, &installed, Library::Static);
    // All of what it needs is in the program.
    fs::remove_dir_all(installed).unwrap();
    reports_hashes(Command::new(linked_in));
}

/// Which library the program is linked with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Library {
    Shared,
    Static,
}

fn build(program: &Path, installed: &Path, library: Library) {
    let mut ask = within("60", "pkg-config");
    ask.env("PKG_CONFIG_LIBDIR", installed.join("usr/lib/pkgconfig"));
    ask.env_remove("PKG_CONFIG_PATH").env("PKG_CONFIG_SYSROOT_DIR", installed);
    // Folders of the system's names are left out otherwise, although they are not the system's.
    ask.env("PKG_CONFIG_ALLOW_SYSTEM_CFLAGS", "1").env("PKG_CONFIG_ALLOW_SYSTEM_LIBS", "1");
    if library == Library::Static {
        ask.arg("--static");
    }
    ask.args(["--cflags", "--libs", "tunrss"]);
    let said = output(ask);
    let flags = said.split_whitespace().map(|flag| match (flag, library) {
        // Of two libraries of the same name the linker takes the shared one.
        ("-ltunrss", Library::Static) => "-l:libtunrss.a",
        _ => flag,
    });
    let mut compile = within("60", "cc");
    compile.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-o"]);
    compile.arg(program).arg(Path::new(PACKAGE).join("examples/rss.c")).args(flags);
    output(compile);
}

/// Run the program, and send what it is to report.
fn reports_hashes(mut program: Command) {
    let _netns = NetNs::enter_new().unwrap();
    // The kernel is to send nothing of its own accord.
    fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").unwrap();
    program.args([DEVICE, &QUEUES.to_string(), &PACKETS.to_string(), "20"]);
    let program = Running::start(program);
    assert_eq!(program.line(), Some(format!("{DEVICE} is steered to {QUEUES} queues")));

    let device = Device::open(&IfName::new(DEVICE).unwrap()).unwrap();
    device.set_up().unwrap();
    device.add_address(IpAddr::V4(HERE), 1).unwrap();
    device.add_neighbour(IpAddr::V4(THERE), [2, 0, 0, 0, 0, 2]).unwrap();
    let config = SteeringConfig::new(
        HashTypes::BASIC,
        HashKey::MICROSOFT,
        (0..128).map(|entry| entry % QUEUES).collect::<Vec<u16>>(),
        0,
    );
    let config = config.unwrap();
    let mut expected = BTreeSet::new();
    for number in 0..PACKETS {
        let (source, destination) = (FIRST_PORT + number, 1303);
        let payload = vec![0; number.into()];
        let socket = UdpSocket::bind((HERE, source)).unwrap();
        socket.send_to(&payload, (THERE, destination)).unwrap();
        let frame = Packet::udp(V4::new(HERE, THERE), source, destination)
            .payload(&payload)
            .to_bytes(Link::Ethernet);
        let verdict = classify(&config, Link::Ethernet, &frame);
        let (queue, hash, report) = (verdict.queue, verdict.hash, verdict.report.code());
        let len = frame.len();
        expected.insert(format!("queue {queue} hash {hash:#010x} report {report} length {len}"));
    }
    // As published: the first packet has these addresses and ports.
    assert!(expected.contains("queue 2 hash 0x10e828a2 report 3 length 42"), "{expected:#?}");
    let found: Vec<_> = (0..PACKETS).map_while(|_| program.line()).collect();
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
    program.ended_well();
}

/// A program that is running, and ends with this.
struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    fn start(mut program: Command) -> Self {
        let mut child = program.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        // Nothing else can be waited for with a deadline.
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, lines }
    }

    /// The next line; `None` if there are no more.
    fn line(&self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("the program says nothing"),
            result => result.ok(),
        }
    }

    /// Its output has an end, and its status is good.
    fn ended_well(mut self) {
        assert_eq!(self.line(), None);
        // It has closed its output: what is left takes no time.
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails only if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that is killed, with all that it has started, after so many seconds.
fn within(seconds: &str, program: impl Into<std::ffi::OsString>) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", seconds]).arg(program.into());
    command.current_dir(PACKAGE).stdin(Stdio::null());
    command
}

/// What a command writes to its standard output; it does not fail.
fn output(mut command: Command) -> String {
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {}\n{text}", output.status);
    text
}

/// A folder that is removed with all that is in it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("example-{}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("{} is left: {error}", self.0.display());
        }
    }
}

const PACKAGE: &str = env!("CARGO_MANIFEST_DIR");
const DEVICE: &str = "example";
const QUEUES: u16 = 4;
const PACKETS: u16 = 200;

/// Addresses and ports of a published vector; half of all addresses are one hop away.
const HERE: Ipv4Addr = Ipv4Addr::new(153, 39, 163, 191);
const THERE: Ipv4Addr = Ipv4Addr::new(202, 188, 127, 2);
const FIRST_PORT: u16 = 44_251;

/// Longer than the program waits for a packet.
const PATIENCE: Duration = Duration::from_secs(60);
