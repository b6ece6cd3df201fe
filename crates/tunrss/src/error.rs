//! What can go wrong, whose fault it is, and what to do about it.

use std::io;

use rustix::io::Errno;
use tunrss_bpf::Owner;

use crate::load::is_of_the_system;
use crate::{DeviceName, Foreign, IfName, NameError, Process};

/// Result of what this crate does apart from reading and writing packets.
pub type Result<T> = std::result::Result<T, Error>;

/// A refusal. [`Error::kind`] tells whose fault it is, [`Error::hint`] what to do.
#[derive(thiserror::Error, Debug)]
#[non_exhaustive]
pub enum Error {
    /// A text is no device name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The number of queues is impossible.
    #[error("{queues} queues were asked for, a device has 1 to {}", crate::MAX_QUEUES)]
    QueueCount {
        /// The number asked for.
        queues: usize,
    },
    /// A configuration names a queue that no device can have.
    #[error(
        "the configuration names queue {queue}, a device has at most {} (0 to {})",
        crate::MAX_QUEUES,
        crate::MAX_QUEUES - 1
    )]
    QueueNumber {
        /// The highest queue it names.
        queue: u16,
    },
    /// There is no such device in this network namespace.
    #[error("there is no device {name}")]
    NoDevice {
        /// The name looked for.
        name: DeviceName,
    },
    /// The name of a device that was opened belongs to another one by now.
    #[error("{name} is another device by now: the one that was opened is called {now}")]
    Renamed {
        /// The name that the device had.
        name: IfName,
        /// Its name now.
        now: IfName,
    },
    /// Device-wide settings take a descriptor of the device, and of those who hold its queues none
    /// can be duplicated. A queue more would take packets that nobody reads.
    #[error("{name} is held by a process whose descriptors cannot be duplicated")]
    Held {
        /// The device.
        name: IfName,
    },
    /// A program has opened queues of the device while one of ours was attached for a moment.
    #[error("a program opened queues of {name} meanwhile, and their order could not be put right")]
    Disordered {
        /// The device.
        name: IfName,
    },
    /// The name is taken by another kind of device.
    #[error("{name} is a {kind} device, not a TUN, TAP or macvtap")]
    OtherKind {
        /// The device.
        name: IfName,
        /// What it is, as `ip -d link` calls it.
        kind: String,
    },
    /// A device of this name exists already.
    #[error("a device {name} exists already")]
    Exists {
        /// The device.
        name: IfName,
    },
    /// The device was created for one queue.
    #[error("{name} was created without multi_queue")]
    SingleQueue {
        /// The device.
        name: IfName,
    },
    /// The device is a macvtap, which has not what a TUN or TAP has.
    #[error(
        "{name} is a macvtap, which takes no programs as a TUN or TAP does, and has no persistence"
    )]
    Macvtap {
        /// The device.
        name: IfName,
    },
    /// The character device of a macvtap cannot be found or opened.
    #[error("cannot {action} of {name}")]
    OpenMacvtap {
        /// What was tried.
        action: &'static str,
        /// The device.
        name: IfName,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The device has no virtio-net header, and so nothing to tell of offloads.
    #[error("{name} has no virtio-net header to tell of offloads")]
    NoVnetHdr {
        /// The device.
        name: IfName,
    },
    /// `/dev/net/tun` cannot be opened.
    #[error("cannot open {TUN_PATH}")]
    OpenTun {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A device cannot be created.
    #[error("cannot create {name}")]
    Create {
        /// The device.
        name: IfName,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A queue cannot be attached to a device.
    #[error("cannot attach a queue to {name}")]
    Attach {
        /// The device.
        name: IfName,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A descriptor is no queue that this crate can read.
    #[error("the descriptor is no queue that can be read: {found}")]
    NotAQueue {
        /// What it is instead.
        found: String,
    },
    /// A setting of a device is refused.
    #[error("cannot set {what} of {name}")]
    Set {
        /// The setting.
        what: &'static str,
        /// The device.
        name: IfName,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The kernel refuses a request about a device.
    #[error("cannot {action}")]
    Netlink {
        /// What was asked.
        action: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A program cannot be loaded into the kernel.
    #[error("cannot load program {program}")]
    Load {
        /// The program.
        program: String,
        /// Why, with the verifier's log if it was asked.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
        /// The error number, if there is one.
        errno: Option<i32>,
        /// The program's listing, for a report.
        listing: String,
    },
    /// The configuration of a running program cannot be read.
    #[error("cannot read back what steers {name}")]
    ReadBack {
        /// The device.
        name: IfName,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
        /// The error number, if there is one.
        errno: Option<i32>,
    },
    /// The programs that are loaded cannot be gone through.
    #[error("cannot go through the programs that are loaded")]
    Programs {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The report program that a device's configuration needs is no longer attached.
    #[error("the report program of {name} is gone: what is sent to the device is dropped")]
    ReportLost {
        /// The device.
        name: IfName,
    },
    /// The driver has no place for a report in front of a frame.
    #[error("{name} is a macvtap: the kernel cannot report the hash on it")]
    NoKernelReport {
        /// The device.
        name: IfName,
    },
    /// Nothing of ours is in force.
    #[error("{name} has no steering by tunrss")]
    NothingInForce {
        /// The device.
        name: IfName,
    },
    /// The indirection table in force has no such entry.
    #[error("{name} has an indirection table of {len} entries, there is no entry {index}")]
    EntryIndex {
        /// The device.
        name: IfName,
        /// The index asked for.
        index: usize,
        /// The entries of the table.
        len: usize,
    },
    /// Another tool may steer the device.
    #[error("{name} may be steered by {foreign}")]
    Foreign {
        /// The device.
        name: IfName,
        /// What was found.
        foreign: Foreign,
    },
    /// Somebody else has put a configuration in force.
    #[error("the steering of {name} was set by {owner}")]
    OwnedByOther {
        /// The device.
        name: IfName,
        /// Who.
        owner: Owner,
    },
    /// Somebody else has been changing the device for too long.
    #[error(
        "another change of {name} does not end{}",
        holder.as_ref().map_or_else(String::new, |holder| format!(": {holder} is making it"))
    )]
    Locked {
        /// The device.
        name: IfName,
        /// Who, if this process may see that.
        holder: Option<Process>,
    },
    /// Nothing makes sure that nobody else changes the device at the same time.
    #[error("cannot lock {name} against other changes")]
    Lock {
        /// The device.
        name: IfName,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What should be attached, or be replaced or detached, cannot be.
    #[error("{what} is not an eBPF program of type SCHED_CLS, as tc runs it")]
    NoClassifier {
        /// What it is.
        what: String,
    },
    /// What is attached to a device cannot be listed or changed.
    #[error("cannot {action}")]
    Hook {
        /// What was tried.
        action: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
        /// The error number, if there is one.
        errno: Option<i32>,
    },
    /// A network namespace cannot be made or entered.
    #[error("cannot {action}")]
    Netns {
        /// What was tried.
        action: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The packets of a device cannot be seen.
    #[error("cannot capture packets of {name}")]
    Capture {
        /// The device.
        name: IfName,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Software steering cannot have what it needs of the system.
    #[error("cannot {action} for software steering")]
    Software {
        /// What was tried.
        action: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something cannot be tried for lack of something else.
    #[error("cannot try to {action} without {lacks}")]
    Untested {
        /// What was to be tried.
        action: &'static str,
        /// What it needs.
        lacks: &'static str,
    },
    /// A program could not be put together.
    #[error(transparent)]
    Compile(#[from] tunrss_bpf::program::CompileError),
    /// An object file could not be put together.
    #[error(transparent)]
    Elf(#[from] tunrss_bpf::elf::ElfError),
}

/// Whose fault an error is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller's: something asked for is impossible.
    Input,
    /// The system refused.
    System,
    /// Ours.
    Bug,
}

impl Error {
    /// Whose fault it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Name(_)
            | Self::QueueCount { .. }
            | Self::QueueNumber { .. }
            | Self::NoDevice { .. }
            | Self::Renamed { .. }
            | Self::OtherKind { .. }
            | Self::Exists { .. }
            | Self::SingleQueue { .. }
            | Self::NoKernelReport { .. }
            | Self::NothingInForce { .. }
            | Self::EntryIndex { .. }
            | Self::OwnedByOther { .. }
            | Self::Foreign { .. }
            | Self::NoClassifier { .. }
            | Self::NoVnetHdr { .. }
            | Self::Macvtap { .. }
            | Self::NotAQueue { .. } => ErrorKind::Input,
            Self::Compile(_) | Self::Elf(_) => ErrorKind::Bug,
            // A verifier refuses with EINVAL or EACCES, and only a program with a mistake; too long it
            // gets for one without CAP_PERFMON.
            Self::Load { errno: Some(E2BIG | EFAULT), .. } => ErrorKind::System,
            Self::Load { errno, .. } if !errno.is_some_and(is_of_the_system) => ErrorKind::Bug,
            _ => ErrorKind::System,
        }
    }

    /// The error number of the refusing system call, if there is one.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::OpenTun { source }
            | Self::Create { source, .. }
            | Self::Attach { source, .. }
            | Self::OpenMacvtap { source, .. }
            | Self::Set { source, .. }
            | Self::Netlink { source, .. }
            | Self::Lock { source, .. }
            | Self::Netns { source, .. }
            | Self::Programs { source }
            | Self::Capture { source, .. }
            | Self::Software { source, .. } => source.raw_os_error(),
            Self::Load { errno, .. } | Self::Hook { errno, .. } | Self::ReadBack { errno, .. } => {
                *errno
            }
            _ => None,
        }
    }

    /// Whether the refusal is for lack of privilege.
    pub fn is_permission(&self) -> bool {
        matches!(self.errno(), Some(EPERM | EACCES)) && self.kind() == ErrorKind::System
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NoDevice { name } if IfName::new(name.as_str()).is_ok() => {
                format!("`tunrss create {name} --queues 4` makes one; devices of other network namespaces are not seen")
            }
            Self::NoDevice { .. } => {
                "`ip link` lists devices with their alternative names; those of other network namespaces are not seen".into()
            }
            Self::Renamed { .. } => "open the device anew, by the name that it has now".into(),
            Self::Held { .. } => {
                "duplicating them needs CAP_SYS_PTRACE, or the same user where ptrace allows it: run as root, or have the process that holds the device set it".into()
            }
            Self::Disordered { .. } => {
                "nothing was set: start that program anew, so that its queues have their numbers, and then set the device".into()
            }
            Self::Exists { name } => {
                format!("choose another name, or remove the device with `tunrss delete {name}`")
            }
            Self::OtherKind { .. } => "choose another name; `ip -d link` shows the kinds".into(),
            Self::SingleQueue { name } | Self::NoVnetHdr { name } => format!(
                "delete it and create it anew, with `tunrss create {name} --queues 4` or `ip tuntap add {name} mode tap multi_queue vnet_hdr` (a TUN with --tun, or mode tun)"
            ),
            Self::ReportLost { name } => format!(
                "another tool has removed it, or the device was moved: `tunrss set {name} ...` or `tunrss clear {name}`"
            ),
            Self::NoKernelReport { .. } => "its driver cuts off what stands in front of the Ethernet header; report mode reader works".into(),
            Self::NothingInForce { name } => format!("put a configuration in force with `tunrss set {name}`"),
            Self::Foreign { name, .. } => format!(
                "if that process steers the device, turn it off there (QEMU: without rss=on); if its program is for a socket or another device, which the kernel does not tell, `tunrss set {name} --force` takes this one"
            ),
            Self::EntryIndex { name, .. } => {
                format!("`tunrss show {name}` prints the table; entries count from 0")
            }
            Self::OwnedByOther { name, .. } => format!(
                "let its owner change it; `tunrss set {name} --force` replaces it, `tunrss clear {name} --force` removes it"
            ),
            Self::Locked { .. } => {
                "that process may have been stopped in the middle of it: let it go on, or end it".into()
            }
            Self::Lock { .. } if self.is_permission() => {
                "a change needs CAP_NET_ADMIN in the device's network namespace, and loading programs CAP_BPF and CAP_PERFMON (or root) in the initial user namespace".into()
            }
            Self::Lock { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "who else changes a device is seen by the kernel's netlink_diag (CONFIG_NETLINK_DIAG), or else in /proc/thread-self/net/netlink: mount a procfs on /proc".into()
            }
            Self::OpenMacvtap { source, .. } if source.raw_os_error() == Some(EBUSY) => {
                format!("a macvtap has at most {} queues", crate::MAX_QUEUES)
            }
            Self::OpenMacvtap { .. } if self.is_permission() => {
                "needs CAP_SYS_ADMIN and CAP_MKNOD; or the right to open the macvtap's node on /dev, and the /sys of its network namespace".into()
            }
            Self::QueueNumber { .. } => "use fewer queues: --equal, --weight and --table name them".into(),
            Self::OpenTun { source } if source.kind() == io::ErrorKind::NotFound => {
                "load the driver with `modprobe tun`, or pass the device node into the container".into()
            }
            Self::OpenTun { source } if source.kind() == io::ErrorKind::PermissionDenied => {
                "run as root, or let users open it with `chmod 0666 /dev/net/tun`, as most distributions do".into()
            }
            Self::Load { errno: Some(EPERM), .. } => {
                "loading needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN (or root) in the initial user namespace; root inside a user namespace is not enough".into()
            }
            Self::Load { errno: Some(E2BIG | EFAULT), .. } => {
                "loading needs CAP_PERFMON besides CAP_BPF: without it the verifier walks more paths than it allows".into()
            }
            Self::Load { errno: Some(EMFILE), .. } => {
                "raise the limit of open files, with `ulimit -n` or the unit's LimitNOFILE".into()
            }
            Self::Load { errno: Some(ENFILE), .. } => {
                "the whole system has too many open files: raise the sysctl fs.file-max".into()
            }
            Self::Load { errno: Some(ENOMEM), .. } => {
                "there is too little memory, or the control group may have no more".into()
            }
            Self::Load { errno: Some(errno), .. } if is_of_the_system(*errno) => {
                "signals kept coming while the program was checked: try again".into()
            }
            Self::Load { .. } | Self::Compile(_) | Self::Elf(_) => {
                "this is a bug in tunrss: please report it with the listing and the verifier's log".into()
            }
            Self::ReadBack { errno: Some(EPERM), .. } | Self::Programs { .. } => {
                "finding a running program needs CAP_SYS_ADMIN in the initial user namespace".into()
            }
            Self::Hook { errno: Some(EPERM), .. } => {
                "listing what is attached needs CAP_NET_ADMIN, changing a tcx program CAP_SYS_ADMIN, in the initial user namespace; root inside a user namespace is not enough".into()
            }
            Self::Hook { errno: Some(EOPNOTSUPP), .. } => {
                "devices may share these filters as a block, `tc qdisc show` tells; tcx programs are each device's own".into()
            }
            Self::Capture { .. } if self.is_permission() => {
                "needs CAP_NET_RAW in this network namespace: run as root".into()
            }
            Self::Software { source, .. } if source.raw_os_error() == Some(EMFILE) => {
                "each virtual queue takes a descriptor: use fewer, or raise the limit with `ulimit -n`".into()
            }
            Self::Netns { .. } if self.is_permission() => {
                "needs CAP_SYS_ADMIN: run as root, or allow user namespaces".into()
            }
            error if error.is_permission() => {
                "needs CAP_NET_ADMIN in this network namespace: run as root, or under `unshare -Urn` to try it out".into()
            }
            Self::Attach { source, .. } if source.raw_os_error() == Some(EBUSY) => {
                "another process holds the device; a device for several holders needs multi_queue".into()
            }
            _ => return None,
        };
        Some(text)
    }
}

/// The character device that makes TUN and TAP devices.
pub(crate) const TUN_PATH: &str = "/dev/net/tun";

const EPERM: i32 = Errno::PERM.raw_os_error();
const EACCES: i32 = Errno::ACCESS.raw_os_error();
const E2BIG: i32 = Errno::TOOBIG.raw_os_error();
const EFAULT: i32 = Errno::FAULT.raw_os_error();
const EOPNOTSUPP: i32 = Errno::OPNOTSUPP.raw_os_error();
const EMFILE: i32 = Errno::MFILE.raw_os_error();
const ENFILE: i32 = Errno::NFILE.raw_os_error();
const ENOMEM: i32 = Errno::NOMEM.raw_os_error();
const EBUSY: i32 = Errno::BUSY.raw_os_error();
