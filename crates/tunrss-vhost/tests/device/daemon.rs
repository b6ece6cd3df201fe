//! The daemon's two processes: what they may do, how they begin and how they end.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::{Pid, Signal, kill_process};
use tunrss::{Device, IfName};
use tunrss_testkit::vhost::{Ack, Frontend, Guest, Options};

use crate::daemon_process::{Daemon, command, is_alive, start_connected};
use crate::frames::of_every_kind;
use crate::host::{Host, eventually, run, unique};
use crate::served::{Served, check, config, queues_used};

/// What the kernel says of a thread.
fn threads(pid: u32) -> Vec<BTreeMap<String, String>> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap().map(|thread| {
        let status = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        let lines = status.lines().filter_map(|line| line.split_once(':'));
        lines.map(|(key, value)| (key.to_owned(), value.trim().to_owned())).collect()
    });
    threads.collect()
}

/// The process that serves.
fn backend(daemon: &Daemon) -> u32 {
    let [_, backend] = daemon.pids()[..] else { panic!("{:?}", daemon.pids()) };
    backend
}

fn kill(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid as i32).unwrap(), signal).unwrap();
}

/// There are as many threads as are asked for, at most one for each queue pair, on the CPUs that are named.
#[test]
#[ignore = "cargo xtask test bpf"]
fn threads_share_the_queue_pairs_and_the_cpus() {
    for (arguments, count) in [
        ("--queues 5 --threads 2 --cpus 0", 2),
        ("--queues 5 --threads 1 --cpus 0", 1),
        ("--queues 2 --threads 9 --cpus 0", 2),
        ("--queues 3 --cpus 0", 1),
    ] {
        let mut served = Served::new(arguments, Options::default());
        let threads = threads(backend(&served.daemon));
        let moving = threads.iter().filter(|thread| thread["Name"].starts_with("packets-"));
        let cpus: Vec<_> = moving.map(|thread| thread["Cpus_allowed_list"].as_str()).collect();
        assert_eq!(cpus, vec!["0"; count], "{arguments}");
        let pairs = served.guest.pairs();
        let config = config(pairs, 1);
        assert_eq!(served.guest.set_rss(&config).unwrap(), Ack::Ok);
        let frames = served.pass(&of_every_kind(30, 1));
        check(&frames, &config);
        assert_eq!(queues_used(&frames), usize::from(pairs));
    }
}

/// Whether a process has the file of this name open.
fn has_open(pid: u32, name: &str) -> bool {
    let mut links = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().map(|entry| {
        let link = fs::read_link(entry.unwrap().path()).unwrap_or_default();
        link.to_string_lossy().into_owned()
    });
    links.any(|link| link.contains(name))
}

/// `ps`, and tools that say who holds a device, tell a process by its name.
#[test]
#[ignore = "cargo xtask test bpf"]
fn both_processes_have_the_name_of_the_daemon() {
    let served = Served::new("", Options::default());
    for pid in served.daemon.pids() {
        assert_eq!(fs::read_to_string(format!("/proc/{pid}/comm")).unwrap(), "tunrss-vhost\n");
    }
}

/// What whoever starts the daemon has left open is for nobody who sees a guest.
#[test]
#[ignore = "cargo xtask test bpf"]
fn descriptors_that_were_left_open_stay_behind() {
    let name = "left-open-by-who-starts-it";
    let _left_open = rustix::fs::memfd_create(name, rustix::fs::MemfdFlags::empty()).unwrap();
    let served = Served::new("", Options::default());
    let [broker, backend] = served.daemon.pids()[..] else { panic!("two processes") };
    assert!(has_open(broker, name));
    assert!(!has_open(backend, name));
}

#[track_caller]
fn assert_confined(pid: u32, uid: &str, gid: &str) {
    let threads = threads(pid);
    for thread in &threads {
        assert_eq!(thread["Uid"], [uid; 4].join("\t"));
        assert_eq!(thread["Gid"], [gid; 4].join("\t"));
        assert_eq!(thread["Groups"], "");
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            assert_eq!(thread[set], "0000000000000000", "{set}");
        }
        assert_eq!(thread["NoNewPrivs"], "1");
        assert_eq!(thread["Seccomp"], "2");
    }
}

/// User and group of the process that serves: its own ones where this machine has them.
fn user_by_default() -> (String, String) {
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let own = users.lines().find_map(|line| line.strip_prefix("tunrss-vhost:"));
    let mut fields = own.unwrap_or("x:65534:65534").split(':').skip(1).map(str::to_owned);
    (fields.next().unwrap(), fields.next().unwrap())
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn process_that_serves_has_no_privilege_in_any_thread() {
    let (uid, gid) = user_by_default();
    let default = [uid.as_str(), &gid];
    for (options, [uid, gid], count) in [
        ("--queues 3 --threads 3", default, 4),
        ("--queues 2 --threads 2 --user 12345", ["12345", "65534"], 3),
        // Its threads that read the device, too.
        ("--queues 2 --threads 2 --steering software", default, 5),
    ] {
        let served = Served::new(options, Options::default());
        let pid = backend(&served.daemon);
        assert!(threads(pid).len() >= count, "{options}: {}", threads(pid).len());
        assert_confined(pid, uid, gid);
        let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert!(core.split_whitespace().filter(|&word| word == "0").count() == 2, "{core}");
        // Nobody but root looks into it.
        assert_eq!(
            fs::metadata(format!("/proc/{pid}/mem")).unwrap().permissions().mode() & 0o77,
            0
        );
        // It serves nevertheless.
        assert_eq!(served.daemon.status()["frontend"], "connected");
    }
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn process_that_was_started_keeps_what_steering_takes() {
    let kept = |daemon: &Daemon| u64::from_str_radix(&threads(daemon.pid())[0]["CapEff"], 16);
    let allowed = |numbers: &[u32]| numbers.iter().fold(0, |set, number| set | 1_u64 << number);
    let tap = unique("tap");
    let _host = Host::new();
    // DAC_OVERRIDE, KILL, NET_ADMIN, SYS_ADMIN, PERFMON, BPF (linux/capability.h).
    let daemon = Daemon::start(&tap, "");
    assert_eq!(kept(&daemon).unwrap() & !allowed(&[1, 5, 12, 21, 38, 39]), 0);
    assert_eq!(threads(daemon.pid())[0]["NoNewPrivs"], "1");
    drop(daemon);
    let daemon = Daemon::start(&tap, "--steering software");
    assert_eq!(kept(&daemon).unwrap() & !allowed(&[1, 5]), 0);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn without_sandbox_nothing_is_given_up() {
    let served = Served::new("--no-sandbox", Options::default());
    for thread in threads(backend(&served.daemon)) {
        assert_eq!((thread["Uid"].as_str(), thread["Seccomp"].as_str()), ("0\t0\t0\t0", "0"));
    }
    let said = served.daemon.said();
    assert!(said.iter().any(|line| line.starts_with("warning: without sandbox")), "{said:?}");
}

/// A device that stays when the daemon goes, and a guest that steers it.
fn steered() -> (Host, String, Daemon, Guest) {
    let (host, tap, daemon, guest) = served_at_a_device_that_stays("");
    assert!(is_steered(&tap));
    (host, tap, daemon, guest)
}

fn served_at_a_device_that_stays(arguments: &str) -> (Host, String, Daemon, Guest) {
    let host = Host::new();
    let tap = unique("tap");
    run(&format!("ip tuntap add dev {tap} mode tap multi_queue vnet_hdr"));
    let daemon = Daemon::start(&tap, &format!("--queues 2 {arguments}"));
    host.connect(&tap);
    let mut guest = Guest::connect(daemon.socket(), Options::default()).unwrap();
    assert_eq!(guest.set_rss(&config(2, 1)).unwrap(), Ack::Ok);
    (host, tap, daemon, guest)
}

fn is_steered(tap: &str) -> bool {
    Device::open(&IfName::new(tap).unwrap()).unwrap().steering().unwrap().is_some()
}

/// Nothing is left of a daemon but the device that was there before.
#[track_caller]
fn assert_clean(tap: &str, daemon: &Daemon, pids: &[u32]) {
    assert!(!is_steered(tap), "{:?}", daemon.said());
    assert_eq!(Device::open(&IfName::new(tap).unwrap()).unwrap().attached_queues().unwrap(), 0);
    assert!(!pids.iter().any(|&pid| is_alive(pid)));
    let folder = daemon.socket().parent().unwrap();
    assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "a socket is left");
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn signals_end_it_and_take_all_away() {
    for (signal, arguments) in [
        (Signal::TERM, ""),
        (Signal::INT, "--cpus 0"),
        (Signal::HUP, ""),
        (Signal::TERM, "--steering software"),
    ] {
        let (_host, tap, mut daemon, guest) = served_at_a_device_that_stays(arguments);
        let pids = daemon.pids();
        daemon.signal(signal);
        assert_eq!(daemon.wait().code(), Some(0), "{:?}", daemon.said());
        assert_clean(&tap, &daemon, &pids);
        assert!(guest.frontend.is_hung_up());
    }
}

/// As a service manager ends a service that was started by mistake: that is no failure.
#[test]
#[ignore = "cargo xtask test bpf"]
fn signal_while_it_starts_ends_it_as_well() {
    let _host = Host::new();
    for _ in 0..10 {
        let mut daemon = Daemon::launch(&unique("tap"), "--queues 2");
        eventually("the process that serves is started", || daemon.pids().len() > 1);
        daemon.signal(Signal::TERM);
        assert_eq!(daemon.wait().code(), Some(0), "{:?}", daemon.said());
        assert!(!daemon.said().iter().any(|line| line.starts_with("error")), "{:?}", daemon.said());
        assert!(!daemon.socket().exists());
    }
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn end_of_the_process_that_serves_is_the_end() {
    for (signal, code, name) in
        [(Signal::KILL, 137, "9 (SIGKILL)"), (Signal::SYS, 159, "31 (SIGSYS)")]
    {
        let (_host, tap, mut daemon, _guest) = steered();
        let pids = daemon.pids();
        kill(backend(&daemon), signal);
        assert_eq!(daemon.wait().code(), Some(code), "{:?}", daemon.said());
        assert_clean(&tap, &daemon, &pids);
        let error = format!("error: the process that serves was ended by signal {name}");
        eventually("it says why", || daemon.said().contains(&error));
    }
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn end_of_the_process_that_was_started_is_the_others() {
    let (_host, tap, mut daemon, _guest) = steered();
    let backend = backend(&daemon);
    daemon.signal(Signal::KILL);
    daemon.wait();
    eventually("the other process is gone", || !is_alive(backend));
    // It stays steered, by nobody's fault; the next daemon replaces that, and takes it away.
    daemon.start_again(&tap, "--queues 2");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0));
    assert!(!is_steered(&tap));
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn process_that_does_not_end_is_killed() {
    let (_host, tap, mut daemon, _guest) = steered();
    let pids = daemon.pids();
    // It cannot take notice of anything.
    kill(backend(&daemon), Signal::STOP);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0), "{:?}", daemon.said());
    assert_clean(&tap, &daemon, &pids);
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn connected_socket_is_served_until_it_is_closed() {
    let _host = Host::new();
    let tap = unique("tap");
    let (mut child, ours) = start_connected(&tap);
    let frontend = Frontend::new(ours).unwrap();
    let mut guest = Guest::start(frontend, Options::default()).unwrap();
    assert_eq!(guest.set_rss(&config(2, 1)).unwrap(), Ack::Ok);
    drop(guest);
    let mut status = None;
    eventually("the daemon ends", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    let said = child.wait_with_output().unwrap().stderr;
    let said = String::from_utf8(said).unwrap();
    assert_eq!(status.unwrap().code(), Some(0), "{said}");
    assert!(said.contains(&format!("ready: {tap}\n")), "{said}");
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn sockets_are_the_owners_and_tell_people_how_it_is() {
    let served = Served::new("--queues 2", Options::default());
    let socket = served.daemon.socket();
    let mut path = socket.as_os_str().to_owned();
    path.push(".status");
    for path in [socket.as_os_str(), &path] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
    }
    let output = command().arg("status").arg(&path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("2 queue pairs, steered and hashed by the kernel\n"), "{text}");
    assert!(text.contains("  frontend      connected\n"), "{text}");
    assert_eq!(text.matches("  rx  ").count(), 2, "{text}");
}

/// Neither the guest's key nor the operator's is where others can read it: in what is logged, or in the
/// arguments and environments of the processes.
#[test]
#[ignore = "cargo xtask test bpf"]
fn keys_stay_secret() {
    let operator = config(2, 7).key().to_string();
    let file = std::env::temp_dir().join(format!("tunrss-vhost-key-{}", std::process::id()));
    fs::write(&file, format!("{operator}\n")).unwrap();
    for policy in ["guest", "host"] {
        let arguments = format!("-vv --queues 2 --rss {policy} --hkey @{}", file.display());
        let mut served = Served::new(&arguments, Options::default());
        let guests = config(2, 1);
        let mut keys = vec![operator.clone()];
        if policy == "guest" {
            assert_eq!(served.guest.set_rss(&guests).unwrap(), Ack::Ok);
            keys.push(guests.key().to_string());
            let received = |line: &String| line.contains("RSS_CONFIG");
            eventually("it is logged", || served.daemon.said().iter().any(received));
        }
        // It is the one in force.
        assert_eq!(&served.daemon.status()["in_force"]["key"], keys.last().unwrap());
        let mut readable = served.daemon.said().join("\n");
        for pid in served.daemon.pids() {
            for of_process in ["cmdline", "environ"] {
                let bytes = fs::read(format!("/proc/{pid}/{of_process}")).unwrap();
                readable += &String::from_utf8_lossy(&bytes);
            }
        }
        let digits: String = readable.chars().filter(char::is_ascii_hexdigit).collect();
        for key in keys {
            // Some bytes of it, however they are separated.
            let part: String =
                key.chars().filter(char::is_ascii_hexdigit).skip(20).take(12).collect();
            let text = [readable.as_str(), &digits];
            assert!(!text.iter().any(|text| text.contains(&part)), "{key}: {readable}");
        }
    }
    fs::remove_file(file).unwrap();
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn device_for_one_queue_is_served_with_one() {
    let host = Host::new();
    let tap = unique("tap");
    // As it is made for QEMU, say: with headers of 10 bytes.
    run(&format!("ip tuntap add dev {tap} mode tap"));
    let daemon = Daemon::start(&tap, "--mac 02:00:00:00:00:07 --mtu 1400");
    host.connect(&tap);
    let guest = Guest::connect(daemon.socket(), Options::default()).unwrap();
    assert_eq!((guest.config.mac, guest.config.mtu), ([2, 0, 0, 0, 0, 7], 1400));
    let frames = of_every_kind(20, 1);
    let mut served = Served { guest, daemon, host };
    assert_eq!(served.pass(&frames).len(), frames.len());
}
