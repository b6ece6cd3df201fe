//! What can go wrong, whose turn it then is, and what to do about it.

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;

use tunrss::hash::config::ConfigError;
use tunrss::hash::types::UnknownHashType;
use tunrss::{ErrorKind, IfName, KeyArgumentError, Kind};
use tunrss_vhost::MAX_PAIRS;

use crate::exit::Exit;

/// Why the daemon does not serve. Each text says what was tried, and leaves the reason to its source.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DaemonError {
    #[error("cannot use --queues {queues}: a guest has 1 to {MAX_PAIRS} queue pairs")]
    Pairs { queues: u32 },
    #[error("cannot use --types {text:?}")]
    Types { text: String, source: UnknownHashType },
    #[error("cannot use --hkey")]
    Key { source: KeyArgumentError },
    #[error("cannot use {what}")]
    Config { what: &'static str, source: ConfigError },
    #[error("cannot use --weight with {count} weights for {pairs} {}", plural(*pairs, "queue"))]
    Weights { count: usize, pairs: u16 },
    #[error("cannot use --mac {text:?}: {why}")]
    Mac { text: String, why: &'static str },
    #[error("cannot use --mtu {mtu}: it is {least} to {}", u16::MAX)]
    Mtu { mtu: u32, least: u16 },
    #[error("cannot use --cpus {text:?}")]
    Cpus { text: String },
    #[error("cannot use {name:?} as the name of a device")]
    DeviceName { name: String, source: tunrss::NameError },
    #[error("cannot draw {what} by chance")]
    Random { what: &'static str, source: getrandom::Error },
    #[error("cannot use --fd {number}: there is no such descriptor")]
    FdNumber { number: u32 },
    #[error("cannot use --fd {number}")]
    Fd { number: i32, source: io::Error },
    #[error("cannot use --fd {number}: it is no connected stream socket")]
    FdKind { number: i32 },
    #[error("cannot find user {name:?}")]
    User { name: String },
    #[error("cannot find group {name:?}")]
    Group { name: String },
    #[error("cannot read {}", path.display())]
    UserFile { path: PathBuf, source: io::Error },
    #[error("cannot listen on {}", path.display())]
    Listen { path: PathBuf, source: io::Error },
    #[error("cannot give {} to its owner and group", path.display())]
    Give { path: PathBuf, source: io::Error },
    #[error("cannot listen on {}: there is something else", path.display())]
    NoSocket { path: PathBuf },
    #[error("cannot listen on {}: somebody does already", path.display())]
    SocketInUse { path: PathBuf },
    #[error("cannot serve {device}: it is a {kind}, and guests send Ethernet frames")]
    NotEthernet { device: IfName, kind: Kind },
    #[error(
        "cannot serve {device}: {queues} of its queues {} open already",
        if *queues == 1 { "is" } else { "are" }
    )]
    TapInUse { device: IfName, queues: usize },
    #[error("cannot serve {device} with {pairs} queue pairs: it was created for one queue")]
    SingleQueue { device: IfName, pairs: u16 },
    #[error("cannot catch the signals to end")]
    Signals { source: io::Error },
    #[error("cannot start the process that serves")]
    Start { source: io::Error },
    #[error("cannot hand the device over to the process that serves")]
    Handover { source: io::Error },
    #[error("cannot wait for the process that serves")]
    Wait { source: io::Error },
    #[error("the process that serves was ended by signal {number}{}", signal_name(*number))]
    Killed { number: i32 },
    #[error("the process that serves makes no progress: {what}")]
    Stuck { what: String },
    #[error("the process that serves, {pid}, does not end though it was killed")]
    Unkillable { pid: u32 },
    #[error("cannot take away in time what steers {device}")]
    NotCleared { device: String },
    #[error("cannot {what}")]
    Confine { what: &'static str, source: io::Error },
    #[error("cannot become user {uid}, group {gid}")]
    Become { uid: u32, gid: u32, source: io::Error },
    #[error("cannot filter system calls")]
    Filter { source: Box<dyn Error + Send + Sync> },
    #[error("cannot prepare {device} for guests")]
    Server { device: String, source: io::Error },
    #[error("the device {device} is gone")]
    DeviceGone { device: String },
    #[error("cannot take a frontend's connection")]
    Accept { source: io::Error },
    #[error("cannot serve the frontend")]
    Serve { source: Box<dyn Error + Send + Sync> },
    #[error("cannot ask {}", path.display())]
    Status { path: PathBuf, source: io::Error },
    #[error("cannot write to standard output")]
    Print { source: io::Error },
    /// The library's error is the whole story.
    #[error(transparent)]
    Library(#[from] tunrss::Error),
    #[error("internal error: {what}")]
    Internal { what: String },
}

impl DaemonError {
    /// The exit code: whose turn it is.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Pairs { .. }
            | Self::Types { .. }
            | Self::Config { .. }
            | Self::Weights { .. }
            | Self::Mac { .. }
            | Self::Mtu { .. }
            | Self::Cpus { .. }
            | Self::DeviceName { .. }
            | Self::FdNumber { .. }
            | Self::Fd { .. }
            | Self::FdKind { .. }
            | Self::User { .. }
            | Self::Group { .. }
            | Self::NoSocket { .. }
            | Self::NotEthernet { .. }
            | Self::SingleQueue { .. } => Exit::Usage,
            Self::Key { source: KeyArgumentError::Read { source, .. } } => exit_of_path(source),
            Self::Key { .. } => Exit::Usage,
            Self::Listen { source, .. } | Self::Status { source, .. } => exit_of_path(source),
            Self::SocketInUse { .. }
            | Self::TapInUse { .. }
            | Self::Random { .. }
            | Self::UserFile { .. }
            | Self::Give { .. }
            | Self::Signals { .. }
            | Self::Start { .. }
            | Self::Handover { .. }
            | Self::Wait { .. }
            | Self::Stuck { .. }
            | Self::Unkillable { .. }
            | Self::NotCleared { .. }
            | Self::Confine { .. }
            | Self::Become { .. }
            | Self::Filter { .. }
            | Self::Server { .. }
            | Self::DeviceGone { .. }
            | Self::Accept { .. }
            | Self::Serve { .. }
            | Self::Print { .. } => Exit::Refused,
            Self::Killed { number } => u8::try_from(*number).map_or(Exit::Bug, Exit::Signal),
            Self::Library(error) => match error.kind() {
                ErrorKind::Input => Exit::Usage,
                ErrorKind::System => Exit::Refused,
                _ => Exit::Bug,
            },
            Self::Internal { .. } => Exit::Bug,
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Pairs { .. } => {
                "as many as the guest has CPUs is a good choice; the frontend is told the same number"
                    .into()
            }
            Self::Types { .. } => "separate names by commas, as in --types ipv4,tcpv4".into(),
            Self::Key { source: KeyArgumentError::Read { source, .. } } => {
                return hint_of_key_file(source).map(Into::into);
            }
            Self::Key { .. } => {
                "give bytes in hexadecimal, with or without colons (40 bytes serve every type), one \
                 of the names random, microsoft, symmetric, or @ and a file that has one of these"
                    .into()
            }
            Self::Config { source: ConfigError::KeyTooShort { .. }, .. } => {
                "give a longer key (40 bytes serve every type), or name fewer --types".into()
            }
            Self::Config { .. } => "give at least one queue a weight above 0".into(),
            Self::Weights { .. } => "give one weight a queue, or raise --queues".into(),
            Self::Mac { .. } => "an address is like 02:00:00:00:00:01".into(),
            Self::Mtu { .. } => "1500 is usual; leave it out to take the device's".into(),
            Self::Cpus { .. } => {
                "name CPUs by number, and ranges of them, as in 2-5,8: `lscpu -e` lists them".into()
            }
            Self::DeviceName { .. } => "a name is like tap0: `ip -br link` lists those taken".into(),
            Self::FdNumber { .. } | Self::Fd { .. } | Self::FdKind { .. } => {
                "it is for programs that start this one with a connected AF_UNIX stream socket; \
                 otherwise use --socket PATH"
                    .into()
            }
            Self::User { .. } => {
                "name one of /etc/passwd, or give a number".into()
            }
            Self::Group { .. } => "name one of /etc/group, or give a number".into(),
            Self::Give { .. } => {
                "giving a file away takes CAP_CHOWN: start as root, or without --socket-owner and \
                 --socket-group"
                    .into()
            }
            Self::NoSocket { .. } => "choose another path, or remove what is there".into(),
            Self::SocketInUse { .. } => {
                "another daemon serves there: choose another path, or end it (`ss -xlp` names it)"
                    .into()
            }
            Self::Listen { source, .. } => return hint_of_path(source).map(Into::into),
            Self::NotEthernet { device, .. } => {
                format!("name a TAP: one of a name that is free is created, or `tunrss delete {device}` first")
            }
            Self::TapInUse { device, .. } => format!(
                "end the program that holds them (`tunrss doctor {device}` names it), or name another device"
            ),
            Self::SingleQueue { device, .. } => format!(
                "delete it and have it created anew, by this or by `ip tuntap add {device} mode tap \
                 multi_queue vnet_hdr`; or use --queues 1"
            ),
            Self::Killed { number: SIGSYS } => {
                "it made a system call that it should not need. That is our bug, or a guest's \
                 attack: please report it with `ausearch -m SECCOMP` or the kernel's log, which \
                 has the number; --no-sandbox does without the filter"
                    .into()
            }
            Self::Killed { .. } => "start it again; the frontend connects anew if it can".into(),
            Self::Stuck { .. } => {
                "start it again. A frontend can cause this by memory that it never delivers; a machine \
                 that has far too much to do can, too"
                    .into()
            }
            Self::Unkillable { pid } => format!(
                "it waits in the kernel, perhaps for a file system that does not answer (as root, \
                 `cat /proc/{pid}/stack` tells); its device can be used again when it has ended"
            ),
            Self::NotCleared { device } => format!(
                "another program is changing it, or the kernel takes long: `tunrss show {device}` tells \
                 what is left, `tunrss clear {device}` takes it away"
            ),
            Self::Become { .. } => {
                "becoming another user takes CAP_SETUID and CAP_SETGID: start as root, or without \
                 --user"
                    .into()
            }
            Self::Filter { .. } => {
                "seccomp may be missing in this kernel: --no-sandbox does without it".into()
            }
            Self::Status { source, .. } => match source.kind() {
                io::ErrorKind::ConnectionRefused => {
                    "the daemon has ended: start it again".into()
                }
                io::ErrorKind::PermissionDenied => "ask as the user that the daemon runs as".into(),
                io::ErrorKind::InvalidData => "is it the path of a status socket?".into(),
                io::ErrorKind::TimedOut => "the daemon is busy or stopped".into(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                    "no daemon answers there: the path is that of its --socket with \".status\" \
                     behind, unless --status named another"
                        .into()
                }
                _ => return hint_of_path(source).map(Into::into),
            },
            Self::Server { source, .. } if source.raw_os_error() == Some(EINVAL) => {
                "if --cpus is given: are these CPUs there, and allowed to this process?".into()
            }
            Self::DeviceGone { .. } => {
                "somebody has deleted it, or the device below a macvtap: start the daemon again when \
                 it is there; a TAP that is not there is created"
                    .into()
            }
            Self::Internal { .. } => {
                "this is our bug: please report it with the command you typed".into()
            }
            Self::Library(error) => return error.hint(),
            Self::Random { .. }
            | Self::UserFile { .. }
            | Self::Signals { .. }
            | Self::Start { .. }
            | Self::Handover { .. }
            | Self::Wait { .. }
            | Self::Confine { .. }
            | Self::Server { .. }
            | Self::Accept { .. }
            | Self::Serve { .. }
            | Self::Print { .. } => return None,
        };
        Some(hint)
    }

    /// Whether nobody reads what is printed any more, which is no failure: `... status | head`.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Print { source } if source.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Print it on standard error: what was tried, the causes, and what to do.
    pub(crate) fn print(&self) {
        let mut text = format!("error: {}\n", plain(&self.to_string()));
        let causes = std::iter::successors(self.source(), |&cause| cause.source());
        for cause in causes {
            text += &format!("caused by: {}\n", plain(&cause.to_string()));
        }
        if let Some(hint) = self.hint() {
            text += &format!("hint: {}\n", plain(&hint));
        }
        to_stderr(&text);
    }
}

/// Print text on standard error. If nobody takes it, there is nobody to tell.
pub(crate) fn to_stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// The text without characters that a terminal acts on.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() && char != '\n' && char != '\t' {
            plain.extend(char.escape_default());
        } else {
            plain.push(char);
        }
    }
    plain
}

fn plural(count: u16, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

/// The name behind the number, for the signals that a process can earn.
fn signal_name(number: i32) -> &'static str {
    match number {
        6 => " (SIGABRT)",
        7 => " (SIGBUS)",
        9 => " (SIGKILL)",
        11 => " (SIGSEGV)",
        15 => " (SIGTERM)",
        SIGSYS => " (SIGSYS)",
        _ => "",
    }
}

/// A path that names nothing useful is a mistake in what was typed; the rest is the system's refusal.
fn exit_of_path(error: &io::Error) -> Exit {
    match error.kind() {
        io::ErrorKind::NotFound
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::InvalidInput
        | io::ErrorKind::InvalidFilename => Exit::Usage,
        _ => Exit::Refused,
    }
}

fn hint_of_path(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            Some("check the path: its folder has to be there")
        }
        io::ErrorKind::InvalidInput => Some("a socket's path has up to 107 bytes"),
        io::ErrorKind::PermissionDenied => Some("check the permissions of the folder"),
        io::ErrorKind::ReadOnlyFilesystem => Some("choose a path below /run or /tmp"),
        _ => None,
    }
}

fn hint_of_key_file(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Some("check the path"),
        io::ErrorKind::IsADirectory => Some("name a file, not a directory"),
        io::ErrorKind::PermissionDenied => Some("check the permissions of the file"),
        _ => None,
    }
}

const SIGSYS: i32 = signal_hook::consts::SIGSYS;
const EINVAL: i32 = rustix::io::Errno::INVAL.raw_os_error();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_terminals_act_on_are_spelt_out() {
        assert_eq!(plain("a\u{1b}[31mü\n\tb\u{9b}"), "a\\u{1b}[31mü\n\tb\\u{9b}");
    }

    /// The daemon has no `--force`: a hint names the command that has it.
    #[test]
    fn device_that_was_set_by_another_tool_has_a_hint_that_helps() {
        let name = IfName::new("tap0").unwrap();
        let owner = tunrss::Owner::new("tunrss");
        let error = DaemonError::from(tunrss::Error::OwnedByOther { name, owner });
        let hint = error.hint().unwrap();
        assert!(hint.contains("`tunrss clear tap0 --force` removes it"), "{hint}");
    }

    #[test]
    fn signals_have_the_shells_exit_codes() {
        let code = |number| DaemonError::Killed { number }.exit().code();
        assert_eq!([code(9), code(31), code(64)], [137, 159, 192]);
    }
}
