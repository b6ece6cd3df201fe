//! The queues that a program opens: their number, and their order.

use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsFd;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tunrss::hash::{Link, classify};
use tunrss::{Device, IfName};

use crate::answers::{Set, Warning};
use crate::harness::{BINARY, one_object};
use crate::net::Net;
use crate::peers::Reader;
use crate::settings::{InForce, show};

/// A table that is not told for how many queues is for those that are attached.
#[test]
#[ignore = "cargo xtask test bpf"]
fn default_table_is_over_the_attached_queues() {
    let net = Net::with_device(8);
    let set = "set t0 --hkey microsoft --json";
    let table = |queues: u16| (0..128).map(|entry| entry % queues).collect::<Vec<_>>();
    // Nobody has it open.
    assert_eq!(net.run(set).json::<Set>().table, table(8));
    let reader = Reader::start(&net, 6);
    let warning = "6 queues of t0 are attached, and it was created for 8: the table spreads over those \
                   that are attached; set it again when their number changes";
    for options in ["", " --dry-run"] {
        let run = net.run(&format!("{set}{options}"));
        let said: Warning = one_object(&run.stderr);
        assert_eq!(said, Warning { schema: 1, warning: warning.into() });
        assert_eq!(one_object::<Set>(&run.stdout).table, table(6));
    }
    let text = net.run("show t0").answer();
    assert!(text.contains("with 6 RX ring(s)"), "{text}");
    // A number that was told is compared with what is there.
    let run = net.run("set t0 --equal 7");
    assert!(run.stderr.contains("names queue 6, and t0 has 6 queues (0 to 5)"), "{}", run.stderr);
    drop(reader);
    let reader = Reader::start(&net, 8);
    assert_eq!(net.run(set).json::<Set>().table, table(8));
    drop(reader);
}

/// A program opens its queues while `set` has one of its own attached: they keep the order in which the
/// program has opened them.
#[test]
#[ignore = "cargo xtask test bpf"]
fn queues_opened_during_a_change_keep_their_order() {
    let net = Net::with_device(4);
    enter(&net);
    let device = Device::open(&IfName::new("t0").unwrap()).unwrap();
    std::fs::write("/proc/sys/net/ipv6/conf/t0/disable_ipv6", "1").unwrap();
    let mut setting = net.command("timeout");
    setting.args(["60", "strace", "-qq", "-o", "/dev/null"]);
    // So that each state between two of them lasts.
    setting.args(["-e", "trace=ioctl", "-e", "inject=ioctl:delay_exit=300000", BINARY]);
    setting.args("set t0 --equal 4 --hkey microsoft --report off".split(' '));
    setting.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let setting = Setting(Some(setting.spawn().unwrap()));
    let deadline = Instant::now() + Duration::from_secs(30);
    while device.attached_queues().unwrap() == 0 {
        assert!(Instant::now() < deadline, "no queue is attached for the change");
        std::thread::yield_now();
    }
    let queues = device.open_queues(4).unwrap();
    let output = setting.end();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(device.attached_queues().unwrap(), 4);

    device.set_up().unwrap();
    let (here, there) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
    device.add_address(here.into(), 24).unwrap();
    device.add_neighbour(there.into(), [2, 0, 0, 0, 0, 2]).unwrap();
    let config = InForce::of(show(&net).steering.unwrap()).config;
    let socket = UdpSocket::bind((here, 0)).unwrap();
    for port in 1000..1064 {
        socket.send_to(b"tunrss", (there, port)).unwrap();
    }
    let mut seen = [0; 4];
    let mut frame = vec![0; 1 << 16];
    for (queue, seen) in (0..).zip(&mut seen) {
        while let Ok(received) = queues[usize::from(queue)].recv(&mut frame) {
            let verdict = classify(&config, Link::Ethernet, &frame[..received.len]);
            assert_eq!(verdict.queue, queue);
            *seen += 1;
        }
    }
    assert!(seen.iter().all(|&count| count > 0), "{seen:?}");
}

/// Each attaches a queue for a moment, as nobody holds the device, and none takes another's for a
/// program's.
#[test]
#[ignore = "cargo xtask test bpf"]
fn commands_at_the_same_time() {
    let net = Net::with_device(4);
    let children = (0..8).map(|_| {
        let mut set = net.tunrss_through(&[]);
        set.args(["set", "t0"]).stdout(Stdio::null()).stderr(Stdio::piped());
        Setting(Some(set.spawn().unwrap()))
    });
    for child in children.collect::<Vec<_>>() {
        let output = child.end();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*said), (Some(0), ""));
    }
    assert_eq!(show(&net).queues, 0);
    assert!(show(&net).steering.is_some());
}

/// Have the thread of the test be in the network namespace.
pub(crate) fn enter(net: &Net) {
    let netns = std::fs::File::open(format!("/run/netns/{}", net.name())).unwrap();
    move_into_link_name_space(netns.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
}

/// A change under way. It is killed if the test fails.
struct Setting(Option<Child>);

impl Setting {
    fn end(mut self) -> std::process::Output {
        self.0.take().unwrap().wait_with_output().unwrap()
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
