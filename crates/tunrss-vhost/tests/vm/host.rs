//! The daemon, and the device that it serves a guest from.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tunrss::netns::NetNs;
use tunrss::{Device, IfName};
use tunrss_vhost::status::Status;

use crate::traffic::{self, PacketSocket};

/// A network namespace that this thread is in, and a folder for sockets.
pub(crate) struct Host {
    folder: Folder,
    _netns: NetNs,
}

impl Host {
    pub(crate) fn new() -> Self {
        Self { folder: Folder::new(), _netns: NetNs::enter_new().unwrap() }
    }

    /// The daemon with these options, and its device [`TAP`], which is up and has addresses.
    pub(crate) fn serve(&self, options: &str) -> Daemon {
        Daemon::start(&self.socket(), options)
    }

    /// Where the daemon listens.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.0.join("vhost")
    }

    /// Wait until nobody listens there: what served ends a moment after the daemon that was killed.
    pub(crate) fn wait_until_nobody_listens(&self) {
        let deadline = Instant::now() + PATIENCE;
        while UnixStream::connect(self.socket()).is_ok() {
            assert!(Instant::now() < deadline, "somebody listens");
            std::thread::yield_now();
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder.0
    }
}

/// A daemon. It ends with this, and with the thread that started it if that is killed.
pub(crate) struct Daemon {
    child: Child,
    socket: PathBuf,
    pub(crate) packets: PacketSocket,
}

impl Daemon {
    fn start(socket: &Path, options: &str) -> Self {
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", BINARY, "--verbose", "--tap", TAP, "--mac", MAC])
            .arg("--socket")
            .arg(socket)
            .args(options.split_whitespace())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, log) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                // Shown if the test fails.
                eprintln!("daemon: {line}");
                // Nobody listens when it is ready.
                let _ = sender.send(line);
            }
        });
        wait_for_line(&log, &format!("ready: {}", socket.display()));
        let device = Device::open(&IfName::new(TAP).unwrap()).unwrap();
        traffic::start(&device);
        let packets = PacketSocket::new(&device);
        Self { child, socket: socket.to_owned(), packets }
    }

    /// What `tunrss-vhost status` says.
    pub(crate) fn status(&self) -> Status {
        let mut path = self.socket.clone().into_os_string();
        path.push(".status");
        let output = Command::new("timeout")
            .args(["60", BINARY, "status", "--json"])
            .arg(path)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && stderr.is_empty(), "{}: {stderr}", output.status);
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The status as soon as `holds` says that it is the one waited for.
    pub(crate) fn status_when(&self, what: &str, holds: impl Fn(&Status) -> bool) -> Status {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.status();
            if holds(&status) {
                return status;
            }
            assert!(Instant::now() < deadline, "not so: {what}: {status:#?}");
            std::thread::yield_now();
        }
    }

    /// Send it a signal, and wait until it has ended.
    pub(crate) fn end(&mut self, signal: Signal) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the daemon does not end");
            std::thread::yield_now();
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_for_line(log: &Receiver<String>, wanted: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match log.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) if line == wanted => return,
            Ok(_) => {}
            Err(error) => panic!("the daemon does not say {wanted}: {error}"),
        }
    }
}

/// A folder that is gone after the test. Its name is short, since those of sockets have to be.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tunrss-vm-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const BINARY: &str = env!("CARGO_BIN_EXE_tunrss-vhost");

/// The device's name in the namespace.
pub(crate) const TAP: &str = "t0";

/// That of the neighbour that [`traffic`] knows.
pub(crate) const MAC: &str = "02:00:00:00:00:02";

/// How long to wait for what is under way.
const PATIENCE: Duration = Duration::from_secs(30);
