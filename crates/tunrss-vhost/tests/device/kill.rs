//! Daemon and guests killed at any moment: nothing is left behind, and the next one works.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Pid, Signal, kill_process};
use tunrss::IfName;
use tunrss::hash::VnetHdr;
use tunrss_testkit::vhost::{Ack, Guest, Options};

use crate::daemon_process::{Daemon, children, is_alive};
use crate::frames::of_every_kind;
use crate::host::{Host, eventually, run, unique};
use crate::served::{Random, check, config};

/// Who is killed.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Broker,
    Backend,
    Guest,
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn fifty_kills_leave_nothing_behind() {
    let seed = seed();
    println!("seed {seed}");
    let mut random = Random(seed);
    let host = Host::new();
    let tap = unique("tap");
    // So that it outlives the daemon, and what is left on it can be seen.
    run(&format!("ip tuntap add dev {tap} mode tap multi_queue vnet_hdr"));
    let arguments = "--queues 4";
    let mut daemon = Daemon::start(&tap, arguments);
    host.connect(&tap);
    let frames = of_every_kind(20, 1);
    let is_done = AtomicBool::new(false);
    let wire = &host.wire;
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            for frame in frames.iter().cycle() {
                if is_done.load(Ordering::Relaxed) {
                    break;
                }
                wire.try_arrive(&VnetHdr::default(), frame);
                std::thread::yield_now();
            }
        });
        // The sender ends with this, also when it fails.
        let done = Done(&is_done);
        for turn in 0..50 {
            let mut guest = Guest::connect(daemon.socket(), Options::default()).unwrap();
            let config = config(4, turn);
            assert_eq!(guest.set_rss(&config).unwrap(), Ack::Ok);
            // Some turns end while nothing has come yet.
            for _ in 0..random.below(3) {
                assert!(guest.wait(crate::host::deadline()).unwrap());
                guest.receive_all().unwrap();
            }
            let victim = [Victim::Broker, Victim::Backend, Victim::Guest][random.below(3) as usize];
            match victim {
                Victim::Guest => {
                    if random.one_in(2) {
                        let _ = guest.set_pairs(2);
                    }
                    drop(guest);
                }
                Victim::Broker | Victim::Backend => {
                    let pids = daemon.pids();
                    let child = children(daemon.pid()).first().copied().unwrap();
                    let pid = if matches!(victim, Victim::Broker) { daemon.pid() } else { child };
                    let pid = Pid::from_raw(pid as i32).unwrap();
                    kill_process(pid, Signal::KILL).unwrap();
                    let status = daemon.wait();
                    assert!(!status.success(), "{victim:?} {status}");
                    let left = || pids.iter().any(|&pid| is_alive(pid));
                    eventually(&format!("all of it ends, turn {turn} {victim:?}"), || !left());
                    assert!(guest.frontend.is_hung_up());
                    if matches!(victim, Victim::Backend) {
                        // Who is left has taken the steering away.
                        assert_eq!(steering(&tap), None, "turn {turn}");
                    }
                    drop(guest);
                    daemon.start_again(&tap, arguments);
                }
            }
        }
        drop(done);
        sender.join().unwrap();
    });
    // And it works.
    let mut guest = Guest::connect(daemon.socket(), Options::default()).unwrap();
    let config = config(4, 99);
    let last = of_every_kind(1, 7);
    host.arrive(&VnetHdr::default(), &last[0]);
    let mut has_come = false;
    while !has_come {
        assert!(guest.wait(crate::host::deadline()).unwrap());
        has_come = guest.receive_all().unwrap().iter().any(|frame| frame.bytes == last[0]);
    }
    assert_eq!(guest.set_rss(&config).unwrap(), Ack::Ok);
    frames.iter().for_each(|frame| host.arrive(&VnetHdr::default(), frame));
    check(&crate::served::receive(&mut guest, &frames), &config);
    drop(guest);
    daemon.signal(Signal::TERM);
    let status = daemon.wait();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), None, "{status}");
    assert_eq!(steering(&tap), None);
    assert!(!daemon.socket().exists());
    drop(daemon);
    run(&format!("ip tuntap del dev {tap} mode tap multi_queue"));
}

/// Sets it when it is dropped.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What steers the device.
fn steering(tap: &str) -> Option<String> {
    let device = tunrss::Device::open(&IfName::new(tap).unwrap()).unwrap();
    device.steering().unwrap().map(|state| format!("{state:?}"))
}

fn seed() -> u64 {
    match std::env::var("TUNRSS_FUZZ_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => u64::from(std::process::id()),
    }
}

/// A device that the daemon made ends with it, whatever end that is.
#[test]
#[ignore = "cargo xtask test bpf"]
fn device_ends_with_the_daemon_that_made_it() {
    let host = Host::new();
    for signal in [Signal::KILL, Signal::TERM, Signal::INT] {
        let tap = unique("tap");
        let mut daemon = Daemon::start(&tap, "--queues 2");
        host.connect(&tap);
        let mut guest = Guest::connect(daemon.socket(), Options::default()).unwrap();
        assert_eq!(guest.set_rss(&config(2, 1)).unwrap(), Ack::Ok);
        assert!(fs::exists(format!("/proc/{}", daemon.pid())).unwrap());
        daemon.signal(signal);
        daemon.wait();
        assert!(guest.frontend.is_hung_up());
        eventually("the device is gone", || !run("ip -br link").contains(&tap));
        run(&format!("ip link del {}", host.bridge()));
    }
}
