//! A network namespace for a test, and ways to run the command in places that lack something.

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::harness::{BINARY, Refusal, Run, refusal};

/// A network namespace with a name, so that several processes can be in it. It ends with the test,
/// also with one that fails.
pub(crate) struct Net {
    name: String,
}

impl Net {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let net = Self { name: format!("tunrss-test-{}-{number}", std::process::id()) };
        succeed(Command::new("ip").args(["netns", "add", &net.name]));
        net
    }

    /// One with a device `t0` that `create` has made.
    pub(crate) fn with_device(queues: u16) -> Self {
        let net = Self::new();
        net.run(&format!("create t0 --queues {queues}")).answer();
        net
    }

    /// By which `ip` knows the namespace.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// `program`, to be run in the namespace.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// The command, to be run in the namespace through another one: words separated by blanks,
    /// which take the command and its arguments at their end. Ends after a minute.
    pub(crate) fn tunrss_through(&self, words: &[&str]) -> Command {
        let mut command = self.command("timeout");
        command.arg("60").args(words).arg(BINARY);
        command.stdin(Stdio::null()).env_remove("NO_COLOR");
        command
    }

    /// Run a command line whose words are separated by blanks.
    pub(crate) fn run(&self, line: &str) -> Run {
        self.run_through(&[], line)
    }

    pub(crate) fn run_through(&self, words: &[&str], line: &str) -> Run {
        let mut command = self.tunrss_through(words);
        command.args(line.split_whitespace()).output().unwrap().into()
    }

    /// The refusal of a command line.
    #[track_caller]
    pub(crate) fn refusal(&self, code: i32, line: &str) -> Refusal {
        self.refusal_through(&[], code, line)
    }

    #[track_caller]
    pub(crate) fn refusal_through(&self, words: &[&str], code: i32, line: &str) -> Refusal {
        refusal(code, || {
            let mut command = self.tunrss_through(words);
            command.args(line.split_whitespace());
            command
        })
    }

    /// Run `ip` on the namespace.
    pub(crate) fn ip(&self, line: &str) -> String {
        let mut command = Command::new("ip");
        succeed(command.args(["-n", &self.name]).args(line.split_whitespace()))
    }

    /// The devices in the namespace.
    pub(crate) fn devices(&self) -> Vec<String> {
        let list = self.ip("-br link");
        let names = list.lines().filter_map(|line| line.split_whitespace().next());
        names.map(|name| name.split('@').next().unwrap().to_owned()).collect()
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}

/// What a program that is not ours prints. It must succeed.
#[track_caller]
pub(crate) fn succeed(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// Without `/dev/net/tun`, in a mount namespace.
pub(crate) const WITHOUT_TUN: &[&str] =
    &["unshare", "-m", "sh", "-c", "mount -t tmpfs none /dev/net && exec \"$@\"", "sh"];

/// As root of a new user namespace with a network namespace of its own.
pub(crate) const AS_USER: &[&str] = &["unshare", "-Urn"];

/// As [`AS_USER`], where the command has just created `t0`.
pub(crate) const AS_USER_WITH_DEVICE: &[&str] = &[
    "unshare",
    "-Urn",
    "sh",
    "-c",
    "\"$0\" create t0 --queues 2 > /dev/null && exec \"$0\" \"$@\"",
];

/// As root without the right to trace processes that have it.
pub(crate) const WITHOUT_PTRACE: &[&str] =
    &["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"];

/// As root without any capability.
pub(crate) const WITHOUT_CAPABILITIES: &[&str] =
    &["setpriv", "--bounding-set=-all", "--inh-caps=-all"];

/// As root with what setting a device takes, and no more: not with CAP_SYS_ADMIN, which finding
/// programs takes.
pub(crate) const WITHOUT_SYS_ADMIN: &[&str] =
    &["setpriv", "--bounding-set=-all,+net_admin,+bpf,+perfmon", "--inh-caps=-all"];

/// As root with CAP_NET_ADMIN alone.
pub(crate) const WITH_NET_ADMIN: &[&str] =
    &["setpriv", "--bounding-set=-all,+net_admin", "--inh-caps=-all"];

/// Without `/proc`, in a mount namespace.
pub(crate) const WITHOUT_PROC: &[&str] =
    &["unshare", "-m", "sh", "-c", "mount -t tmpfs none /proc && exec \"$@\"", "sh"];
