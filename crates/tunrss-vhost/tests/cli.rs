//! The daemon's command line, as far as it needs neither privilege nor a device.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// What a run left behind.
struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn run<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Run {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_tunrss-vhost"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Run {
        code: status.code(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

fn run_line(line: &str) -> Run {
    run(line.split_whitespace())
}

impl Run {
    #[track_caller]
    fn answer(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{}", self.stdout);
        self.stdout
    }

    /// An error, its causes and a hint.
    #[track_caller]
    fn refusal(self, code: i32) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), ""), "{}", self.stderr);
        let lines: Vec<_> = self.stderr.lines().collect();
        assert!(lines.first().is_some_and(|line| line.starts_with("error: ")), "{}", self.stderr);
        let (hint, causes) = lines[1..].split_last().expect("a hint");
        assert!(hint.starts_with("hint: "), "{}", self.stderr);
        assert!(causes.iter().all(|line| line.starts_with("caused by: ")), "{}", self.stderr);
        self.stderr
    }
}

/// A folder that goes with this.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("tunrss-vhost-cli-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn help_teaches_and_ends_in_examples_and_exit_codes() {
    let help = run_line("--help").answer();
    for part in ["--socket <PATH>", "--rss <WHOSE>", "Examples:", "Exit codes:", "vhost-user"] {
        assert!(help.contains(part), "{part}: {help}");
    }
    assert!(!help.contains("backend  "), "the hidden command is shown: {help}");
    assert!(run_line("status --help").answer().contains("--json"));
    assert!(run_line("--version").answer().starts_with("tunrss-vhost "));
}

#[test]
fn nothing_typed_is_answered_with_help() {
    let run = run_line("");
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    assert!(run.stderr.contains("Usage: tunrss-vhost"), "{}", run.stderr);
}

#[test]
fn capabilities_are_those_of_a_network_backend() {
    let text = run_line("--print-capabilities").answer();
    let capabilities: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(capabilities["type"], "net");
    assert!(capabilities["features"].is_array());
    // As management software may add what it will start it with.
    assert_eq!(run_line("--print-capabilities --socket-path=/a --tap tap0").answer(), text);
}

#[test]
fn mistakes_are_told_before_anything_is_made() {
    let folder = Folder::new("mistakes");
    let socket = folder.path("vm.sock");
    for (options, message) in [
        ("--tap tap0 --queues 0", "error: cannot use --queues 0: a guest has 1 to 127 queue pairs"),
        ("--tap tap0 --types tcp", "error: cannot use --types \"tcp\""),
        ("--tap tap0 --hkey zz", "error: cannot use --hkey\n"),
        (
            "--tap tap0 --hkey @/no/such/file",
            "error: cannot use --hkey\ncaused by: cannot read /no/such/file\n",
        ),
        (
            "--tap tap0 --hkey @/",
            "error: cannot use --hkey\ncaused by: cannot read /\n\
             caused by: Is a directory (os error 21)\nhint: name a file, not a directory\n",
        ),
        ("--tap tap0 --mac 1:2", "error: cannot use --mac \"1:2\""),
        ("--tap tap0 --mtu 1", "error: cannot use --mtu 1"),
        ("--tap tap0 --cpus x", "error: cannot use --cpus \"x\""),
        ("--tap tap0 --weight 1,1", "error: cannot use --weight with 2 weights for 1 queue\n"),
        ("--tap a/b", "error: cannot use \"a/b\" as the name of a device"),
        ("--tap tap0 --user no-such-user", "error: cannot find user \"no-such-user\""),
    ] {
        let text = run_line(&format!("--socket {socket} {options}")).refusal(2);
        assert!(text.starts_with(message), "{text}");
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0, "{options}");
    }
}

#[test]
fn unknown_and_missing_options_are_claps() {
    for line in [
        "--socket /a",
        "--tap tap0",
        "--socket /a --fd 3 --tap tap0",
        "--socket /a --tap tap0 --rss me",
        "--socket /a --tap tap0 --steering gpu",
        "--nonsense",
        "status",
    ] {
        let run = run_line(line);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{line}: {}", run.stderr);
        assert!(run.stderr.starts_with("error: "), "{line}: {}", run.stderr);
    }
}

#[test]
fn socket_paths_that_cannot_be_are_refused() {
    let folder = Folder::new("paths");
    let none = folder.path("none/vm.sock");
    let text = run_line(&format!("--socket {none} --tap tap0")).refusal(2);
    assert!(text.contains("none/vm.sock\n") && text.contains("its folder"), "{text}");
    let long = folder.path(&"a".repeat(200));
    let text = run_line(&format!("--socket {long} --tap tap0")).refusal(2);
    assert!(text.contains("107 bytes"), "{text}");
    let file = folder.path("file");
    fs::write(&file, "mine").unwrap();
    let text = run_line(&format!("--socket {file} --tap tap0")).refusal(2);
    assert!(text.contains("there is something else"), "{text}");
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    let live = folder.path("live");
    let _listener = UnixListener::bind(&live).unwrap();
    let text = run_line(&format!("--socket {live} --tap tap0")).refusal(3);
    assert!(text.contains("somebody does already"), "{text}");
    // A wrong status path leaves nothing of the other.
    let socket = folder.path("vm.sock");
    let text = run_line(&format!("--socket {socket} --status {file} --tap tap0")).refusal(2);
    assert!(text.contains("there is something else"), "{text}");
    assert!(!fs::exists(&socket).unwrap());
}

#[test]
fn descriptors_that_are_no_connection_are_refused() {
    let text = run_line("--fd 0 --tap tap0").refusal(2);
    assert!(text.contains("it is no connected stream socket"), "{text}");
    let text = run_line("--fd 777 --tap tap0").refusal(2);
    assert!(text.contains("cannot use --fd 777\n"), "{text}");
}

#[test]
fn status_of_nobody() {
    let folder = Folder::new("status");
    let none = folder.path("none");
    let text = run(["status", &none]).refusal(2);
    assert!(text.starts_with(&format!("error: cannot ask {none}\n")), "{text}");
    assert!(text.contains("hint: no daemon answers there") && !text.contains("folder"), "{text}");
    let left = folder.path("left");
    drop(UnixListener::bind(&left).unwrap());
    let text = run(["status", &left, "--json"]).refusal(3);
    assert!(text.contains("hint: the daemon has ended"), "{text}");
}

/// A listener that takes nobody, and whose queue is full: neither a daemon that starts nor somebody who asks
/// waits for it.
#[test]
fn listener_that_takes_nobody_is_not_waited_for() {
    let folder = Folder::new("full");
    let path = folder.path("vm.sock");
    let address = rustix::net::SocketAddrUnix::new(path.as_str()).unwrap();
    let socket = |flags| {
        let (family, kind) = (rustix::net::AddressFamily::UNIX, rustix::net::SocketType::STREAM);
        rustix::net::socket_with(family, kind, flags, None).unwrap()
    };
    let listener = socket(rustix::net::SocketFlags::CLOEXEC);
    rustix::net::bind(&listener, &address).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let mut waiting = vec![];
    let is_full = (0..16).any(|_| {
        let client = socket(rustix::net::SocketFlags::NONBLOCK);
        let refused = rustix::net::connect(&client, &address).is_err();
        waiting.push(client);
        refused
    });
    assert!(is_full);
    let text = in_time(&["--socket", &path, "--tap", "tap0"]).refusal(3);
    assert!(text.contains("somebody does already"), "{text}");
    let text = in_time(&["status", &path]).refusal(3);
    assert!(text.contains("hint: the daemon is busy or stopped"), "{text}");
}

/// What a run left behind that has to end by itself.
#[track_caller]
fn in_time(arguments: &[&str]) -> Run {
    let mut command = Command::new("timeout");
    command.args(["--signal", "KILL", "20", env!("CARGO_BIN_EXE_tunrss-vhost")]).args(arguments);
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().unwrap();
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8(text).unwrap());
    Run { code: status.code(), stdout, stderr }
}

#[test]
fn process_that_serves_is_not_for_people() {
    // Its standard input is no socket of ours.
    let run = run_line("backend");
    assert_eq!((run.code, run.stdout.as_str()), (Some(3), ""));
    assert!(run.stderr.starts_with("error: cannot hand the device over"), "{}", run.stderr);
}
