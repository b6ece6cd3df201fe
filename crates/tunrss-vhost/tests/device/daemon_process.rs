//! The daemon, as a process of its own.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::host::{deadline, eventually, unique};

/// The daemon. It is killed when this is dropped.
pub(crate) struct Daemon {
    child: Child,
    socket: PathBuf,
    said: Arc<Mutex<Vec<String>>>,
    folder: Folder,
}

impl Daemon {
    /// Start the daemon for the device `tap`, with more arguments, separated by blanks, and wait until
    /// it is ready.
    #[track_caller]
    pub(crate) fn start(tap: &str, arguments: &str) -> Self {
        Self::start_through(&[], tap, arguments)
    }

    /// The same by another program, whose words `through` are.
    #[track_caller]
    pub(crate) fn start_through(through: &[&str], tap: &str, arguments: &str) -> Self {
        let folder = Folder::new();
        let socket = folder.0.join("socket");
        Self::start_at(folder, socket, through, tap, arguments)
    }

    /// Start the daemon, and do not wait until it is ready.
    pub(crate) fn launch(tap: &str, arguments: &str) -> Self {
        let folder = Folder::new();
        let socket = folder.0.join("socket");
        Self::launch_at(folder, socket, &[], tap, arguments).0
    }

    /// Kill it, and start another one at the same socket.
    #[track_caller]
    pub(crate) fn start_again(&mut self, tap: &str, arguments: &str) {
        self.kill();
        let folder = std::mem::replace(&mut self.folder, Folder(PathBuf::new()));
        *self = Self::start_at(folder, self.socket.clone(), &[], tap, arguments);
    }

    #[track_caller]
    fn start_at(
        folder: Folder,
        socket: PathBuf,
        through: &[&str],
        tap: &str,
        arguments: &str,
    ) -> Self {
        let (daemon, lines) = Self::launch_at(folder, socket, through, tap, arguments);
        let ready = format!("ready: {}", daemon.socket.display());
        let deadline = deadline();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match lines.recv_timeout(left) {
                Ok(line) if line == ready => return daemon,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => panic!("not ready: {:?}", daemon.said()),
                Err(RecvTimeoutError::Disconnected) => panic!("ended: {:?}", daemon.said()),
            }
        }
    }

    /// The daemon, and the lines that it writes to its standard error.
    fn launch_at(
        folder: Folder,
        socket: PathBuf,
        through: &[&str],
        tap: &str,
        arguments: &str,
    ) -> (Self, Receiver<String>) {
        // It ends with the thread that starts it, even if nothing is dropped.
        let mut command = command_of("setpriv");
        command.args(["--pdeathsig", "KILL"]).args(through).arg(BINARY);
        command.arg("--socket").arg(&socket).args(["--tap", tap]);
        command.args(arguments.split_whitespace());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let said = Arc::new(Mutex::new(vec![]));
        let lines = read_lines(&mut child, said.clone());
        (Self { child, socket, said, folder }, lines)
    }

    /// Where it listens.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// The lines that it has written to its standard error.
    pub(crate) fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    /// The number of the process that was started.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The processes that it consists of: itself and its children.
    pub(crate) fn pids(&self) -> Vec<u32> {
        let mut pids = vec![self.pid()];
        pids.extend(children(self.pid()));
        pids
    }

    /// Its status.
    #[track_caller]
    pub(crate) fn status(&self) -> Value {
        let mut path = self.socket.clone().into_os_string();
        path.push(".status");
        let output = command().arg("status").arg(path).arg("--json").output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}{:?}", self.said());
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What all its threads have had of the CPUs' time.
    pub(crate) fn cpu_time(&self) -> Duration {
        self.pids().into_iter().map(cpu_time).sum()
    }

    /// Whether the process that was started, and a child of it, are alive.
    #[track_caller]
    pub(crate) fn assert_alive(&mut self) {
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none() && self.pids().len() > 1, "{ended:?}: {:?}", self.said());
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Wait for its end.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        eventually("the daemon ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    /// Kill it, and wait until all its processes are gone.
    fn kill(&mut self) {
        let pids = self.pids();
        // Fails only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            eventually("its processes are gone", || !pids.iter().any(|&pid| is_alive(pid)));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the daemon said: {:#?}", self.said());
        }
        self.kill();
    }
}

/// A daemon of two queue pairs that serves one connection, and the other end of that.
pub(crate) fn start_connected(tap: &str) -> (Child, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let daemon = command()
        .args(["--fd", "0", "--tap", tap, "--queues", "2"])
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    (daemon, ours)
}

/// The command, without input.
pub(crate) fn command() -> Command {
    command_of(BINARY)
}

const BINARY: &str = env!("CARGO_BIN_EXE_tunrss-vhost");

fn command_of(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    command
}

/// Collect what a process says, line by line. The thread ends with it.
fn read_lines(child: &mut Child, said: Arc<Mutex<Vec<String>>>) -> Receiver<String> {
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            said.lock().unwrap().push(line.clone());
            // Nobody waits any more once it is ready.
            let _ = sender.send(line);
        }
    });
    receiver
}

/// The processes whose parent is this one.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|&pid| stat(pid).is_some_and(|(_, its)| its == parent)).collect()
}

/// Whether a process is there that is not only waited for.
pub(crate) fn is_alive(pid: u32) -> bool {
    let Some((state, _)) = stat(pid) else { return false };
    // A first thread that has ended is a zombie as long as there are others.
    let threads = fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    !matches!(state, 'Z' | 'X') || threads > 1
}

/// State and parent of a process (proc_pid_stat(5)).
fn stat(pid: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before may contain anything.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut words = rest.split(' ');
    Some((words.next()?.chars().next()?, words.next()?.parse().ok()?))
}

/// How much memory of a process is there, in bytes (`VmRSS`, proc_pid_status(5)).
pub(crate) fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() << 10
}

/// What a process's threads have had of the CPUs' time.
pub(crate) fn cpu_time(pid: u32) -> Duration {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Duration::ZERO };
    let time = |thread: fs::DirEntry| {
        let stat = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        let nanoseconds = stat.split(' ').next()?.parse().ok()?;
        Some(Duration::from_nanos(nanoseconds))
    };
    threads.flatten().filter_map(time).sum()
}

/// A folder that is gone after the test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        // A socket's path is short.
        let name = format!("tunrss-vhost-{}-{}", std::process::id(), unique("test"));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}
