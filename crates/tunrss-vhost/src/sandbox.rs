//! What a process gives up that a guest might take over.

use rustix::io::Errno;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, getrlimit, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit,
};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set,
    clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities,
    set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};
use rustix::thread::{Gid, Uid};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter_all_threads,
};

use crate::error::DaemonError;
use crate::handover::Confinement;
use crate::user::Identity;

/// Become another user without any privilege, for good. The process must have one thread: the kernel
/// changes that of the calling thread.
///
/// # Errors
/// The system refuses. The process must not go on then.
pub(crate) fn confine(confinement: Confinement) -> Result<(), DaemonError> {
    // First, while it is allowed. Nothing is to be gained from what is left in the set by a process that
    // can neither change it nor get privileges by execve, so one without CAP_SETPCAP leaves it.
    drop_bounding_set().map_err(failed("drop capabilities"))?;
    clear_ambient_capability_set().map_err(failed("drop ambient capabilities"))?;
    if let Some(identity) = confinement.identity {
        match become_user(identity) {
            // Root of a user namespace that has no other user, as `unshare -Ur` makes it: not root
            // outside, and without capabilities not inside either.
            Err(Errno::PERM | Errno::INVAL) if !confinement.is_explicit => {
                log::warn!("there is no other user to become in this user namespace");
            }
            result => result.map_err(|error| DaemonError::Become {
                uid: identity.uid,
                gid: identity.gid,
                source: error.into(),
            })?,
        }
    }
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, none).map_err(failed("drop capabilities"))?;
    set_no_new_privs(true).map_err(failed("give up privileges for good"))?;
    // The guest's memory is in no core file, and nobody of the same user looks into the process.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(failed("keep debuggers out"))?;
    limit(Resource::Core, 0)?;
    limit(Resource::Nofile, MAX_DESCRIPTORS)?;
    // No memory of the system's is bound.
    limit(Resource::Memlock, 0)?;
    // Last, since becoming another user takes it back.
    end_with_parent()
}

/// Have this process killed when the one that started it ends in whatever way.
///
/// # Errors
/// The system refuses.
pub(crate) fn end_with_parent() -> Result<(), DaemonError> {
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(failed("end with the parent"))
}

/// Keep the capabilities that steering a device takes, if it is `steering` that is needed, and those for
/// ending another user's process and removing files, as far as this process has them.
///
/// # Errors
/// The system refuses.
pub(crate) fn keep_what_steers(steering: bool) -> Result<(), DaemonError> {
    let mut kept = CapabilitySet::KILL | CapabilitySet::DAC_OVERRIDE;
    if steering {
        kept |= CapabilitySet::BPF
            | CapabilitySet::PERFMON
            | CapabilitySet::NET_ADMIN
            | CapabilitySet::SYS_ADMIN;
    }
    let now = capabilities(None).map_err(failed("look at capabilities"))?;
    let kept = CapabilitySets {
        effective: now.effective & kept,
        permitted: now.permitted & kept,
        inheritable: CapabilitySet::empty(),
    };
    clear_ambient_capability_set().map_err(failed("drop ambient capabilities"))?;
    set_capabilities(None, kept).map_err(failed("drop capabilities"))?;
    set_no_new_privs(true).map_err(failed("give up privileges for good"))
}

/// Allow all threads of this process the system calls that serving takes, from now on and for good. Any
/// other kills the process.
///
/// # Errors
/// The kernel has no such filters.
pub(crate) fn filter_system_calls() -> Result<(), DaemonError> {
    let refused = |source: Box<dyn std::error::Error + Send + Sync>| DaemonError::Filter { source };
    for filter in filters().map_err(|error| refused(Box::new(error)))? {
        apply_filter_all_threads(&filter).map_err(|error| refused(Box::new(error)))?;
    }
    Ok(())
}

fn become_user(Identity { uid, gid }: Identity) -> rustix::io::Result<()> {
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    set_thread_groups(&[])?;
    set_thread_res_gid(gid, gid, gid)?;
    set_thread_res_uid(uid, uid, uid)
}

fn drop_bounding_set() -> rustix::io::Result<()> {
    for number in 0..u64::BITS {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        match capability_is_in_bounding_set(capability) {
            Ok(true) => {}
            Ok(false) => continue,
            // The kernel knows no more.
            Err(Errno::INVAL) => break,
            Err(error) => return Err(error),
        }
        match remove_capability_from_bounding_set(capability) {
            Err(Errno::PERM) => break,
            result => result?,
        }
    }
    Ok(())
}

fn limit(resource: Resource, most: u64) -> Result<(), DaemonError> {
    let hard = getrlimit(resource).maximum.map_or(most, |hard| hard.min(most));
    let limit = Rlimit { current: Some(hard), maximum: Some(hard) };
    setrlimit(resource, limit).map_err(failed("limit resources"))
}

fn failed(what: &'static str) -> impl Fn(Errno) -> DaemonError {
    move |error| DaemonError::Confine { what, source: error.into() }
}

/// The filters, in the order in which they are put in force.
fn filters() -> Result<[BpfProgram; 2], seccompiler::BackendError> {
    let arch: TargetArch = std::env::consts::ARCH.try_into()?;
    let absent = SeccompFilter::new(
        ABSENT.iter().map(|&number| (number, vec![])).collect(),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::ENOSYS as u32),
        arch,
    )?;
    let mut rules: Vec<(i64, Vec<SeccompRule>)> =
        ALLOWED.iter().chain(ABSENT).map(|&number| (number, vec![])).collect();
    rules.extend([
        // Threads, no processes.
        (libc::SYS_clone, vec![all([bits(0, THREAD, THREAD)])?]),
        // No code is made, and no memory bound.
        (libc::SYS_mmap, vec![all([bits(2, EXEC, 0), bits(3, BOUND, 0)])?]),
        (libc::SYS_mprotect, vec![all([bits(2, EXEC, 0)])?]),
        // A process signals itself by it when it gives up.
        (libc::SYS_tgkill, vec![all([equal(0, std::process::id().into())])?]),
        (libc::SYS_ioctl, equal_to_one_of(1, IOCTLS)?),
        (libc::SYS_prctl, equal_to_one_of(0, PRCTLS)?),
        (libc::SYS_fcntl, equal_to_one_of(1, FCNTLS)?),
        // Nothing is sent to an address. One given to sendmsg is behind a pointer, where a filter does
        // not see it; but the kernel heeds it on datagram sockets only (unix_stream_sendmsg and
        // unix_seqpacket_sendmsg, net/unix/af_unix.c, v6.12), and those cannot be made here.
        (libc::SYS_sendto, vec![all([pointer(4, 0)])?]),
        (
            libc::SYS_socketpair,
            vec![all([equal(0, libc::AF_UNIX as u64), bits(1, SOCKET_TYPE, STREAM)])?],
        ),
        // How long a frontend is waited for.
        (
            libc::SYS_setsockopt,
            vec![
                all([equal(1, libc::SOL_SOCKET as u64), equal(2, libc::SO_RCVTIMEO as u64)])?,
                all([equal(1, libc::SOL_SOCKET as u64), equal(2, libc::SO_SNDTIMEO as u64)])?,
            ],
        ),
    ]);
    let allowed = SeccompFilter::new(
        rules.into_iter().collect(),
        SeccompAction::KillProcess,
        SeccompAction::Allow,
        arch,
    )?;
    Ok([absent.try_into()?, allowed.try_into()?])
}

fn equal_to_one_of(
    argument: u8,
    values: &[u64],
) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    values.iter().map(|&value| all([equal(argument, value)])).collect()
}

/// A rule for a system call of which all of this holds.
fn all<const N: usize>(
    conditions: [Result<SeccompCondition, seccompiler::BackendError>; N],
) -> Result<SeccompRule, seccompiler::BackendError> {
    SeccompRule::new(conditions.into_iter().collect::<Result<_, _>>()?)
}

/// The argument's 32 bits are this value.
fn equal(argument: u8, value: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

/// Those of the argument's 32 bits that are in `mask` are this value.
fn bits(
    argument: u8,
    mask: u64,
    value: u64,
) -> Result<SeccompCondition, seccompiler::BackendError> {
    let operator = SeccompCmpOp::MaskedEq(mask);
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
}

/// The argument, of 64 bits, is this value.
fn pointer(argument: u8, value: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, value)
}

/// Two for each ring of 127 queue pairs, and what else there is.
const MAX_DESCRIPTORS: u64 = 4096;

const THREAD: u64 = libc::CLONE_THREAD as u64;
const EXEC: u64 = libc::PROT_EXEC as u64;
const BOUND: u64 = (libc::MAP_LOCKED | libc::MAP_HUGETLB) as u64;
/// `SOCK_TYPE_MASK`, linux/net.h
const SOCKET_TYPE: u64 = 0xf;
const STREAM: u64 = libc::SOCK_STREAM as u64;

/// What is asked and set of the device's queues while guests are served, none of which takes privilege:
/// header size and offloads, attached or not. And of sockets, whether they wait.
const IOCTLS: &[u64] = &[
    // linux/if_tun.h
    TUNSETOFFLOAD,
    TUNGETIFF,
    TUNSETVNETHDRSZ,
    TUNGETVNETHDRSZ,
    libc::FIONBIO,
];
const TUNSETOFFLOAD: u64 = 0x4004_54d0;
const TUNGETIFF: u64 = 0x8004_54d2;
const TUNGETVNETHDRSZ: u64 = 0x8004_54d7;
const TUNSETVNETHDRSZ: u64 = 0x4004_54d8;

const PRCTLS: &[u64] = &[libc::PR_SET_NAME as u64, libc::PR_SET_VMA as u64];

const FCNTLS: &[u64] = &[
    libc::F_GETFD as u64,
    libc::F_SETFD as u64,
    libc::F_GETFL as u64,
    libc::F_SETFL as u64,
    libc::F_DUPFD_CLOEXEC as u64,
    libc::F_GET_SEALS as u64,
];

/// System calls that the kernel seems not to have, which the C library does without.
const ABSENT: &[i64] = &[
    // What it starts is told behind a pointer, where a filter cannot see it. There is clone.
    libc::SYS_clone3,
    // malloc looks at vm.overcommit_memory when it gives a thread's memory back.
    libc::SYS_openat,
    // A path is behind a pointer, where a filter cannot see it. There is fstat.
    libc::SYS_statx,
    libc::SYS_newfstatat,
];

/// System calls that are allowed with any arguments.
const ALLOWED: &[i64] = &[
    // The data path.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_ppoll,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    // Frontends, the broker, those who ask for the status.
    libc::SYS_accept4,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    libc::SYS_shutdown,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_getsockopt,
    // Descriptors, and the guest's memory behind some of them.
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_lseek,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    // Threads.
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigreturn,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // Time, where the kernel does not tell it by itself; and chance.
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_getrandom,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
];

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Output};
    use std::{env, fs, thread};

    use rustix::fs::stat;
    use rustix::net::SocketAddrUnix;
    use vm_memory::MmapRegion;

    use super::*;

    /// Run a part of this test in a process of its own, by itself.
    fn run(part: &str) -> Output {
        let test = "sandbox::tests::in_a_process_of_its_own";
        Command::new(env::current_exe().unwrap())
            .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
            .env(PART, part)
            .output()
            .unwrap()
    }

    #[test]
    #[ignore = "a part of the tests below, which run it"]
    fn in_a_process_of_its_own() {
        let part = env::var(PART).expect("the tests below run this one");
        match part.as_str() {
            "allowed" => {
                let (sender, receiver) = std::sync::mpsc::channel::<()>();
                let before = thread::spawn(move || receiver.recv());
                filter_system_calls().unwrap();
                assert_eq!(thread::spawn(|| 7).join().unwrap(), 7);
                sender.send(()).unwrap();
                before.join().unwrap().unwrap();
                let (ours, other) = std::os::unix::net::UnixStream::pair().unwrap();
                drop(other);
                rustix::io::read(&ours, &mut [0; 1]).unwrap();
                let big = vec![1_u8; 64 << 20];
                println!("went on: {}", big.len());
                // Files are not there, and to look for one is no reason to end.
                assert!(fs::read("/dev/null").is_err());
                // Memory is given back by a thread that has an arena of its own.
                let many: fn() = || drop((0..1000).map(|_| vec![1_u8; 1000]).collect::<Vec<_>>());
                thread::spawn(many).join().unwrap();
            }
            "refused" => {
                let (ours, other) = std::os::unix::net::UnixStream::pair().unwrap();
                filter_system_calls().unwrap();
                // Nothing is told of files that are found by a path, whatever the path is relative to.
                for path in ["/etc/shadow", "/", "."] {
                    assert_eq!(stat(path).unwrap_err(), Errno::NOSYS, "{path}");
                    assert!(fs::metadata(path).is_err(), "{path}");
                    let flags = rustix::fs::AtFlags::EMPTY_PATH;
                    let found = rustix::fs::statat(&ours, path, flags);
                    assert_eq!(found.unwrap_err(), Errno::NOSYS, "{path}");
                }
                assert!(rustix::fs::fstat(&ours).is_ok());
                // An address is not heeded on the sockets that there are.
                let address = SocketAddrUnix::new_abstract_name(b"somebody").unwrap();
                let mut none = rustix::net::SendAncillaryBuffer::default();
                let message = [std::io::IoSlice::new(b"a")];
                let flags = rustix::net::SendFlags::empty();
                let sent = rustix::net::sendmsg_addr(&other, &address, &message, &mut none, flags);
                assert_eq!(sent.unwrap_err(), Errno::ISCONN);
            }
            "process" => {
                filter_system_calls().unwrap();
                let _ = Command::new("/bin/true").status();
            }
            "datagrams" => {
                filter_system_calls().unwrap();
                let _ = std::os::unix::net::UnixDatagram::pair();
            }
            "sequential_packets" => {
                filter_system_calls().unwrap();
                let _ = tunrss_vhost::broker::connection();
            }
            "address" => {
                let (socket, _other) = std::os::unix::net::UnixDatagram::pair().unwrap();
                filter_system_calls().unwrap();
                let _ = socket.send_to(b"<3>sshd[1]: forged", "/dev/log");
            }
            "connection" => {
                let (socket, _other) = std::os::unix::net::UnixDatagram::pair().unwrap();
                filter_system_calls().unwrap();
                let _ = socket.connect("/dev/log");
            }
            "socket_option" => {
                let (ours, _other) = std::os::unix::net::UnixStream::pair().unwrap();
                filter_system_calls().unwrap();
                let _ = rustix::net::sockopt::set_socket_send_buffer_size(&ours, 1 << 20);
            }
            "locked_memory" | "huge_pages" | "code" => {
                filter_system_calls().unwrap();
                let anonymous = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
                let (protection, flags) = match part.as_str() {
                    "locked_memory" => (libc::PROT_READ, libc::MAP_LOCKED),
                    "huge_pages" => (libc::PROT_READ, libc::MAP_HUGETLB),
                    _ => (libc::PROT_EXEC, 0),
                };
                let _ = MmapRegion::<()>::build(None, 4096, protection, anonymous | flags);
            }
            "dumpable" => {
                filter_system_calls().unwrap();
                let _ = set_dumpable_behavior(DumpableBehavior::Dumpable);
            }
            "signal" => {
                filter_system_calls().unwrap();
                let parent = rustix::process::getppid().unwrap();
                let _ = rustix::process::kill_process(parent, Signal::CONT);
            }
            "other_thread" => {
                let (sender, receiver) = std::sync::mpsc::channel::<()>();
                let other = thread::spawn(move || {
                    receiver.recv().unwrap();
                    fs::remove_file("/none")
                });
                filter_system_calls().unwrap();
                sender.send(()).unwrap();
                let _ = other.join();
            }
            "socket" => {
                filter_system_calls().unwrap();
                let _ = std::net::UdpSocket::bind("127.0.0.1:0");
            }
            "confined" => {
                // Without becoming another user, which not everybody may.
                let confinement = Confinement { identity: None, is_explicit: false };
                confine(confinement).unwrap();
                let status = fs::read_to_string("/proc/thread-self/status").unwrap();
                for line in
                    ["CapEff:\t0000000000000000", "CapPrm:\t0000000000000000", "NoNewPrivs:\t1"]
                {
                    assert!(status.contains(line), "{status}");
                }
                for resource in [Resource::Core, Resource::Memlock] {
                    assert_eq!(getrlimit(resource).maximum, Some(0));
                }
                println!("went on");
            }
            other => panic!("{other}"),
        }
        println!("came to the end");
    }

    #[test]
    fn what_serving_takes_is_allowed() {
        let output = run("allowed");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("came to the end"), "{output:?}");
    }

    #[test]
    fn files_and_addresses_are_not_found() {
        let output = run("refused");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("came to the end"), "{output:?}");
    }

    #[test]
    fn confined_process_has_no_capabilities() {
        let output = run("confined");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("came to the end"), "{output:?}");
    }

    #[test]
    fn anything_else_kills_whatever_thread_does_it() {
        for part in [
            "process",
            "other_thread",
            "socket",
            "datagrams",
            "sequential_packets",
            "address",
            "connection",
            "socket_option",
            "locked_memory",
            "huge_pages",
            "code",
            "dumpable",
            "signal",
        ] {
            let output = run(part);
            let text = String::from_utf8_lossy(&output.stdout);
            assert_eq!(output.status.signal(), Some(libc::SIGSYS), "{part}: {output:?}");
            assert!(!text.contains("came to the end"), "{part}: {text}");
        }
    }

    const PART: &str = "TUNRSS_SANDBOX_PART";
}
