//! What is attached to a device, as seen in the frames that come through: each program here writes
//! a digit behind those of the programs that ran before it.

pub(crate) mod trace;

use std::env;
use std::fs::{self, File};
use std::os::fd::{AsFd, AsRawFd};
use std::process::{self, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use aya::programs::{SchedClassifier, TcAttachType};
use aya::util::KernelVersion;
use rustix::io::Errno;
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use tunrss::bpf::insn::Reg;
use tunrss::hash::{Link, VnetHdr};
use tunrss::hook::{
    Action, AttachPoint, Attached, Direction, Effect, Filter, Hook, Place, Runs, conflicts,
};
use tunrss::netns::NetNs;
use tunrss::{Device, Error, ErrorKind, ReportMode};
use tunrss_testkit::packet::{Packet as Built, V4};

use crate::guard::wait_for_guard;
use crate::traffic::{
    HERE_V4, PacketSocket, THERE_V4, Tap, deadline, read, read_all, udp_socket, wait,
};
use crate::{check, config, name, senders, set_report};
use trace::{
    NEXT, OK, PIPE, REDIRECT, SCHED_CLS, SHOT, SOCKET_FILTER, add_u32, digit, load, program, tc,
    tc_after, trace, trace_of, trace_through, traced,
};

/// The hooks that this kernel has, in the order in which they run.
pub(crate) fn hooks(point: &AttachPoint) -> &'static [Hook] {
    if has_tcx(point) { &[Hook::Tcx, Hook::Clsact] } else { &[Hook::Clsact] }
}

/// Whether this kernel has tcx. Kernels before 6.6 do not, and whoever wants to attach to it is told.
pub(crate) fn has_tcx(point: &AttachPoint) -> bool {
    if KernelVersion::current().unwrap() >= KernelVersion::new(6, 6, 0) {
        return true;
    }
    let before = point.attached().unwrap();
    assert_no_tcx(&point.attach(Hook::Tcx, digit(1, NEXT).as_fd()).unwrap_err());
    assert_eq!(point.attached().unwrap(), before);
    false
}

/// What was tried has failed because the kernel has no tcx.
pub(crate) fn assert_no_tcx(error: &Error) {
    assert!(matches!(error, Error::Hook { .. }), "{error:?}");
    assert_eq!(error.errno(), Some(Errno::INVAL.raw_os_error()), "{error:?}");
    let words = ": this kernel has no tcx: it is older than 6.6";
    assert!(chain(error).contains(words), "{}", chain(error));
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn runs_in_the_order_of_attaching() {
    for hook in [Hook::Tcx, Hook::Clsact] {
        let tap = Tap::quiet(&format!("order_{hook}"), 1);
        let egress = egress(&tap.device);
        assert_eq!(egress.attached().unwrap(), []);
        if !hooks(&egress).contains(&hook) {
            continue;
        }
        assert_eq!(trace(&tap), 0);
        let [first, second, third] = [1, 2, 3].map(|digit| attach(&egress, hook, digit, NEXT));
        assert_eq!(trace(&tap), 0x123);
        assert_eq!(egress.attached().unwrap(), [&first, &second, &third].map(Clone::clone));
        assert!([&first, &second, &third].iter().all(|one| one.hook() == hook));
        assert_eq!(names(&egress), ["digit_1", "digit_2", "digit_3"]);
        assert_eq!(seen_by_others(&tap.device, hook), names(&egress));

        assert!(egress.detach(&second).unwrap());
        assert!(!egress.detach(&second).unwrap());
        assert_eq!(trace(&tap), 0x13);
        // In its place, not behind all.
        let fourth = egress.replace(&first, digit(4, NEXT).as_fd()).unwrap();
        assert_eq!(fourth.place, first.place);
        assert_eq!(trace(&tap), 0x43);
        assert_eq!(egress.attached().unwrap(), [fourth.clone(), third.clone()]);
        assert_eq!(seen_by_others(&tap.device, hook), ["digit_4", "digit_3"]);
        for attached in [third, fourth] {
            assert!(egress.detach(&attached).unwrap());
        }
        assert_eq!(trace(&tap), 0);
        assert_eq!(egress.attached().unwrap(), []);
        // The qdisc is nobody's to remove.
        let qdiscs = tc(&tap.device, "qdisc show dev");
        assert_eq!(qdiscs.contains("clsact"), hook == Hook::Clsact, "{qdiscs}");
    }
}

/// The names in a hook as aya and tc have them.
fn seen_by_others(device: &Device, hook: Hook) -> Vec<String> {
    match hook {
        Hook::Tcx => {
            let device = device.name().as_str();
            let (_, programs) = SchedClassifier::query_tcx(device, TcAttachType::Egress).unwrap();
            programs.iter().map(|program| program.name_as_str().unwrap().to_owned()).collect()
        }
        Hook::Clsact => {
            let filters = tc_after(device, "filter show dev", "egress");
            let lines = filters.lines().filter(|line| line.contains("direct-action"));
            assert!(lines.clone().all(|line| line.starts_with("filter protocol all pref 49")));
            let name = |line: &str| {
                let mut words = line.split_whitespace().skip_while(|word| *word != "handle");
                words.nth(2).unwrap().to_owned()
            };
            lines.map(name).collect()
        }
    }
}

/// Frames that the device hands to the stack.
#[test]
#[ignore = "cargo xtask test bpf"]
fn at_ingress() {
    const PAYLOAD: i16 = 14 + 20 + 8;
    let tap = Tap::quiet("ingress", 1);
    let ingress = AttachPoint::new(tap.device.name(), tap.device.index(), Direction::Ingress);
    let socket = udp_socket((HERE_V4, 7000));
    let trace = || {
        let packet = Built::udp(V4::new(THERE_V4, HERE_V4), 1, 7000).payload(&[0; 4]);
        let mut frame = packet.to_bytes(Link::Ethernet);
        frame[..6].fill(0xff);
        // No checksum.
        frame[40..42].fill(0);
        tap.queues[0].send(&VnetHdr::default(), &frame).unwrap();
        let mut payload = [0; 4];
        assert_eq!(socket.recv(&mut payload).unwrap(), 4);
        u32::from_le_bytes(payload)
    };
    assert_eq!(trace(), 0);
    let add = |hook, digit| {
        let program = program(&format!("in_{digit}"), digit, PAYLOAD, NEXT);
        ingress.attach(hook, program.as_fd()).unwrap()
    };
    let (first, second, third) = match hooks(&ingress) {
        &[early, late] => {
            let third = add(late, 3);
            (add(early, 1), add(early, 2), third)
        }
        _ => (add(Hook::Clsact, 1), add(Hook::Clsact, 2), add(Hook::Clsact, 3)),
    };
    assert_eq!(trace(), 0x123);
    assert_eq!(names(&ingress), ["in_1", "in_2", "in_3"]);
    // The other direction has none, and theirs are not taken for its own.
    let egress = egress(&tap.device);
    assert_eq!(egress.attached().unwrap(), []);
    assert!(!egress.detach(&first).unwrap() && !egress.detach(&third).unwrap());
    let fourth = program("in_4", 4, PAYLOAD, NEXT);
    for (before, digits) in [(&second, 0x123), (&third, 0x13)] {
        assert_gone(&egress.replace(before, fourth.as_fd()).unwrap_err());
        assert_eq!(trace(), digits);
        assert!(ingress.detach(&ingress.replace(before, fourth.as_fd()).unwrap()).unwrap());
    }
    assert_eq!(trace(), 1);
}

/// The tcx chain, then the filters; and what is predicted of their conflicts comes true.
#[test]
#[ignore = "cargo xtask test bpf"]
fn among_others() {
    let tap = Tap::quiet("among", 1);
    let egress = egress(&tap.device);
    if !has_tcx(&egress) {
        return;
    }
    let last = attach(&egress, Hook::Clsact, 3, NEXT);
    // It matches nothing.
    add_u32(&tap.device, 10, "0xffffffff");
    let first = attach(&egress, Hook::Tcx, 1, NEXT);
    let second = attach(&egress, Hook::Tcx, 2, NEXT);
    assert_eq!(trace(&tap), 0x123);
    let all = egress.attached().unwrap();
    assert_eq!([&all[0], &all[1], &all[3]], [&first, &second, &last]);
    assert_eq!(all.len(), 4);
    assert_eq!(all[2].to_string(), "clsact filter u32 (priority 10)");
    assert!(matches!(all[2].place, Place::Clsact(Filter { priority: 10, protocol: 3, .. })));

    let effects = |ours: &Attached, action| {
        let conflicts = conflicts(&egress.attached().unwrap(), ours.program_id().unwrap(), action);
        conflicts.iter().map(|conflict| conflict.effect).collect::<Vec<_>>()
    };
    use Effect::{Ahead, Behind, Silenced};
    assert_eq!(effects(&second, Action::Next), [Ahead, Behind, Behind]);
    // OK ends it all; what is no answer that tcx knows ends the chain alone.
    let second = egress.replace(&second, digit(2, OK).as_fd()).unwrap();
    assert_eq!(trace(&tap), 0x12);
    assert_eq!(effects(&second, Action::Ok), [Ahead, Silenced, Silenced]);
    let first = egress.replace(&first, digit(1, OK).as_fd()).unwrap();
    assert_eq!(trace(&tap), 0x1);
    let first = egress.replace(&first, digit(1, PIPE).as_fd()).unwrap();
    assert_eq!(trace(&tap), 0x13);
    let first = egress.replace(&first, digit(1, NEXT).as_fd()).unwrap();
    egress.detach(&second).unwrap();
    assert_eq!(trace(&tap), 0x13);
    // A filter that matches, without an action, accepts.
    add_u32(&tap.device, 5, "0");
    assert_eq!(trace(&tap), 0x1);
    assert_eq!(effects(&last, Action::Ok), [Ahead, Ahead, Ahead]);
    tc_after(&tap.device, "filter del dev", "egress prio 5");
    assert_eq!(trace(&tap), 0x13);
    // Dropped, and redirected to nowhere: only what is sent afterwards comes.
    let mut first = first;
    for action in [SHOT, REDIRECT] {
        let dropping = egress.replace(&first, digit(1, action).as_fd()).unwrap();
        // The sender may be told.
        drop(PacketSocket::new(&tap.device).send(&traced(u32::MAX)));
        first = egress.replace(&dropping, digit(1, NEXT).as_fd()).unwrap();
        assert_eq!(trace(&tap), 0x13);
    }
}

/// The report program among others, on a device whose filter program drops what has no report.
#[test]
#[ignore = "cargo xtask test bpf"]
fn others_and_the_report() {
    let mut tap = Tap::quiet("and_report", 4);
    let config = config([0, 1, 2, 3], 1);
    let steering = tap.device.steer(&config, ReportMode::Kernel).unwrap();
    set_report(&mut tap.queues, &steering.report());
    wait_for_guard(&tap.device, &tap.queues);
    let egress = egress(&tap.device);
    let socket = PacketSocket::new(&tap.device);
    let arrive = || {
        let frames = senders::flows(32);
        frames.iter().for_each(|frame| drop(socket.send(frame)));
        // What is sent is in the queue at once.
        let packets = read_all(&tap.queues);
        check(&packets, &config, ReportMode::Kernel, 4);
        let of_ours = |frame: &Vec<u8>| packets.iter().any(|packet| packet.frame == *frame);
        frames.iter().filter(|frame| of_ours(frame)).count()
    };
    let texts = |ours: &Attached| -> Vec<_> {
        let ours = ours.program_id().unwrap();
        let conflicts = conflicts(&egress.attached().unwrap(), ours, Action::Ok);
        conflicts.iter().map(ToString::to_string).collect()
    };
    assert_eq!(names(&egress), ["tunrss_report"]);
    let report = egress.attached().unwrap().remove(0);
    assert_eq!(texts(&report), [""; 0]);
    assert_eq!(arrive(), 32);
    let hooks = hooks(&egress);
    assert_eq!(report.hook(), hooks[0]);

    add_u32(&tap.device, 1, "0");
    let in_clsact = if report.hook() == Hook::Tcx {
        // Behind it, in both hooks: silenced.
        let behind = attach(&egress, Hook::Tcx, 9, SHOT);
        assert_eq!(arrive(), 32);
        let texts = texts(&report);
        assert!(texts[0].starts_with("tcx program digit_9 (id "), "{texts:?}");
        assert!(texts[1].starts_with("clsact filter u32 (priority 1) never runs: tcx program"));
        assert!(texts.iter().all(|text| text.contains(" never runs: tcx program tunrss_report")));
        egress.detach(&behind).unwrap();
        let program = report.open().unwrap();
        let in_clsact = egress.attach(Hook::Clsact, program.as_fd()).unwrap();
        assert!(egress.detach(&report).unwrap());
        in_clsact
    } else {
        report
    };
    // In clsact, behind that filter: nothing arrives. Without the filter it does.
    assert_eq!(arrive(), 0);
    let ahead = texts(&in_clsact);
    assert_eq!(ahead.len(), 1);
    let start = "clsact filter u32 (priority 1) runs before clsact program tunrss_report (id ";
    assert!(ahead[0].starts_with(start), "{ahead:?}");
    assert!(ahead[0].ends_with("gets no report, and the device drops it"), "{ahead:?}");
    tc_after(&tap.device, "filter del dev", "egress prio 1");
    assert_eq!(texts(&in_clsact), [""; 0]);
    assert_eq!(arrive(), 32);

    // A tcx program that accepts hides it; one that goes on does not.
    let ahead = if hooks.contains(&Hook::Tcx) { &[(OK, 0), (NEXT, 32)][..] } else { &[] };
    for &(action, arriving) in ahead {
        let program = load(SCHED_CLS, "ahead", |asm| asm.mov(Reg::R0, action));
        let ahead = egress.attach(Hook::Tcx, program.as_fd()).unwrap();
        assert_eq!(arrive(), arriving);
        assert_eq!(texts(&in_clsact).len(), 1);
        egress.detach(&ahead).unwrap();
    }
    assert_eq!(arrive(), 32);
}

/// A report program that finds no place leaves what was in force.
#[test]
#[ignore = "cargo xtask test bpf"]
fn no_place_for_the_report() {
    let tap = Tap::quiet("no_place", 4);
    let egress = egress(&tap.device);
    let has_tcx = has_tcx(&egress);
    // As many as a chain holds; or a filter that nothing can come behind.
    let fill = || {
        if !has_tcx {
            add_u32(&tap.device, 65535, "0xffffffff");
            return vec![];
        }
        let attached: Vec<_> = (0..100)
            .map_while(|number| {
                let program = load(SCHED_CLS, &format!("fill_{number}"), |asm| {
                    asm.mov(Reg::R0, NEXT);
                });
                egress.attach(Hook::Tcx, program.as_fd()).ok()
            })
            .collect();
        assert!((1..100).contains(&attached.len()));
        attached
    };
    let refused = || {
        let error = tap.device.steer(&config([3], 3), ReportMode::Kernel).unwrap_err();
        assert!(matches!(error, Error::Hook { .. }), "{error:?}");
    };
    let filled = fill();
    refused();
    assert_eq!(tap.device.steering().unwrap(), None);
    let before = config([0, 1, 2, 0], 2);
    let steering = tap.device.steer(&before, ReportMode::Off).unwrap();
    refused();
    assert_eq!(tap.device.steering().unwrap().unwrap().config, before);
    check(&tap.receive(senders::frames(&tap.device, 1, 100)), &before, ReportMode::Off, 4);
    drop(steering);
    for other in filled {
        egress.detach(&other).unwrap();
    }
    if !has_tcx {
        tc_after(&tap.device, "filter del dev", "egress prio 65535");
    }
    tap.device.steer(&config([3], 3), ReportMode::Kernel).unwrap();
}

/// No frame passes without a program, none sees two, and none is lost but where the queue is full. So
/// for many replacements and frames, or for as long as there is time on a machine too slow for that.
#[test]
#[ignore = "cargo xtask test bpf"]
fn replaced_under_load() {
    const REPLACEMENTS: usize = 2_000;
    const FRAMES: usize = 2_000;
    // Both, or what is seen means nothing.
    const FEWEST: usize = 200;
    const TIME: Duration = Duration::from_secs(10);
    for hook in [Hook::Tcx, Hook::Clsact] {
        let tap = Tap::quiet(&format!("load_{hook}"), 1);
        let egress = egress(&tap.device);
        if !hooks(&egress).contains(&hook) {
            continue;
        }
        let programs = [digit(0xa, OK), digit(0xb, OK)];
        let mut attached = egress.attach(hook, programs[0].as_fd()).unwrap();
        let is_done = AtomicBool::new(false);
        let (mut replacements, mut passed, mut by) = (0, 0, [0, 0]);
        let mut count = |by: &mut [usize; 2], most| {
            for (trace, _) in read(&tap.queues, most).iter().filter_map(|one| trace_of(&one.frame))
            {
                passed += 1;
                assert!(matches!(trace, 0xa | 0xb), "{hook}: {trace:x}");
                by[usize::from(trace == 0xb)] += 1;
            }
        };
        let sent = thread::scope(|scope| {
            let _done = Done(&is_done);
            let sender = scope.spawn(|| {
                let socket = PacketSocket::new(&tap.device);
                let (frame, mut sent) = (traced(0), 0);
                while !is_done.load(Ordering::Relaxed) {
                    socket.send(&frame).unwrap();
                    sent += 1;
                }
                sent
            });
            let (start, deadline) = (Instant::now(), deadline());
            loop {
                let has = |replacements_wanted, frames| {
                    replacements >= replacements_wanted && by.iter().all(|&count| count >= frames)
                };
                let is_over = start.elapsed() >= TIME;
                if has(REPLACEMENTS, FRAMES) || (is_over && has(FEWEST, FEWEST)) {
                    break;
                }
                replacements += 1;
                attached = egress.replace(&attached, programs[replacements % 2].as_fd()).unwrap();
                let is_in_time = wait(&tap.queues, deadline) && Instant::now() < deadline;
                assert!(is_in_time, "{hook}: {replacements} replacements, {by:?} frames");
                count(&mut by, 64);
            }
            is_done.store(true, Ordering::Relaxed);
            sender.join().unwrap()
        });
        count(&mut by, 2000);
        let lost = sent - passed;
        println!("{hook}: {replacements} replacements, {by:?} frames, {lost} lost to a full queue");
        assert_eq!(lost, dropped(&tap.device), "{hook}");
        assert_eq!(egress.attached().unwrap(), [attached.clone()]);
        // A frame that passes none is noticed.
        egress.detach(&attached).unwrap();
        assert_eq!(trace(&tap), 0);
    }
}

/// Ends a sender also where the reader panics.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// How many frames the device has dropped: those it had no room for, and those a filter program
/// refused.
pub(crate) fn dropped(device: &Device) -> usize {
    let devices = fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    let name = format!("{}:", device.name());
    let line = devices.lines().find_map(|line| line.trim_start().strip_prefix(&name)).unwrap();
    // 8 numbers of what it receives, then packets and bytes sent, errors, and these.
    line.split_whitespace().nth(8 + 3).unwrap().parse().unwrap()
}

/// A process that attaches and ends.
#[test]
#[ignore = "cargo xtask test bpf"]
fn outlives_its_process() {
    const DEVICE: &str = "TUNRSS_TEST_HOOK_DEVICE";
    if let Ok(device) = env::var(DEVICE) {
        let device = Device::open(&name(&device)).unwrap();
        let egress = egress(&device);
        attach(&egress, hooks(&egress)[0], 1, NEXT);
        attach(&egress, Hook::Clsact, 2, NEXT);
        return;
    }
    let tap = Tap::quiet("outlives", 1);
    let status = Command::new(env::current_exe().unwrap())
        .args(["hook::outlives_its_process", "--exact", "--include-ignored"])
        .env(DEVICE, "outlives")
        .status();
    assert!(status.unwrap().success());
    assert_eq!(trace(&tap), 0x12);
    let egress = egress(&tap.device);
    assert_eq!(names(&egress), ["digit_1", "digit_2"]);
    // Anybody can replace and detach them.
    let [first, second] = egress.attached().unwrap().try_into().unwrap();
    let third = egress.replace(&first, digit(3, NEXT).as_fd()).unwrap();
    assert_eq!(trace(&tap), 0x32);
    assert!(egress.detach(&second).unwrap() && egress.detach(&third).unwrap());
    assert_eq!(egress.attached().unwrap(), []);
}

/// The kernel keeps the one and loses the other.
#[test]
#[ignore = "cargo xtask test bpf"]
fn moved_to_another_network_namespace() {
    let _outer = NetNs::enter_new().unwrap();
    let target = File::open("/proc/thread-self/ns/net").unwrap();
    let mut tap = Tap::quiet("moved", 1);
    let before = egress(&tap.device);
    let has_tcx = has_tcx(&before);
    let in_tcx = has_tcx.then(|| attach(&before, Hook::Tcx, 1, NEXT));
    let in_clsact = attach(&before, Hook::Clsact, 2, NEXT);
    assert_eq!(trace(&tap), if has_tcx { 0x12 } else { 0x2 });
    let path = format!("/proc/{}/fd/{}", process::id(), target.as_raw_fd());
    let moved = Command::new("ip").args(["link", "set", "dev", "moved", "netns", &path]).status();
    assert!(moved.unwrap().success());
    assert!(matches!(before.attached().unwrap_err(), Error::NoDevice { .. }));

    let queues = std::mem::take(&mut tap.queues);
    // Back in the outer one, where the device is.
    drop(tap);
    let device = Device::open(&name("moved")).unwrap();
    device.set_up().unwrap();
    let after = egress(&device);
    assert_eq!(after.attached().unwrap(), Vec::from_iter(in_tcx));
    assert_eq!(trace_through(&device, &queues), if has_tcx { 0x1 } else { 0 });
    assert_gone(&after.replace(&in_clsact, digit(3, NEXT).as_fd()).unwrap_err());
    assert!(!after.detach(&in_clsact).unwrap());
    attach(&after, Hook::Clsact, 3, NEXT);
    assert_eq!(trace_through(&device, &queues), if has_tcx { 0x13 } else { 0x3 });
    // The same after removing the qdisc.
    tc_after(&device, "qdisc del dev", "clsact");
    assert_eq!(names(&after), if has_tcx { &["digit_1"][..] } else { &[] });
    attach(&after, Hook::Clsact, 4, NEXT);
    assert_eq!(trace_through(&device, &queues), if has_tcx { 0x14 } else { 0x4 });
}

/// Filters of all kinds that this kernel has, and where they do not run.
#[test]
#[ignore = "cargo xtask test bpf"]
fn filters_of_tc() {
    let tap = Tap::quiet("of_tc", 1);
    let egress = egress(&tap.device);
    tc_after(&tap.device, "qdisc add dev", "clsact");
    // Two of one priority and protocol, one of another chain, one for the other direction.
    for add in [
        "egress protocol ip prio 7 u32 match u32 1 0xffffffff flowid 1:5",
        "egress protocol ip prio 7 u32 match u32 2 0xffffffff flowid 1:5",
        "egress protocol all prio 3 chain 5 u32 match u32 0 0 flowid 1:5",
        "ingress protocol all prio 4 u32 match u32 0 0 flowid 1:5",
        // Returns 0: no match.
        "egress protocol all prio 9 bpf bytecode 1,6 0 0 0,",
    ] {
        tc_after(&tap.device, "filter add dev", add);
    }
    let texts =
        || -> Vec<_> { egress.attached().unwrap().iter().map(ToString::to_string).collect() };
    let both =
        ["clsact filter u32 (priority 7, protocol 0x0800)", "clsact filter bpf (priority 9)"];
    assert_eq!(texts(), both);
    let ours = attach(&egress, Hook::Clsact, 1, NEXT);
    assert_eq!(texts()[..2], both);
    assert_eq!(egress.attached().unwrap()[2], ours);
    assert_eq!(trace(&tap), 0x1);
    // They are no programs.
    for filter in &egress.attached().unwrap()[..2] {
        assert!(matches!(filter.runs, Runs::Classifier { .. }));
        for error in [
            filter.open().map(drop).unwrap_err(),
            egress.detach(filter).map(drop).unwrap_err(),
            egress.replace(filter, digit(2, NEXT).as_fd()).map(drop).unwrap_err(),
        ] {
            assert!(matches!(error, Error::NoClassifier { .. }), "{error}");
            assert_eq!(error.kind(), ErrorKind::Input);
        }
    }
    assert_eq!(trace(&tap), 0x1);
    // None can come after the last.
    add_u32(&tap.device, 65535, "0xffffffff");
    let error = egress.attach(Hook::Clsact, digit(2, NEXT).as_fd()).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::RANGE.raw_os_error()));
    let text = "cannot attach program digit_2 to clsact egress of of_tc: a filter has priority \
                65535, and none can come after it";
    assert!(chain(&error).starts_with(text), "{}", chain(&error));
}

/// The kernel would take a filter for egress as one for ingress.
#[test]
#[ignore = "cargo xtask test bpf"]
fn device_with_the_ingress_qdisc() {
    let tap = Tap::quiet("old_qdisc", 1);
    tc_after(&tap.device, "qdisc add dev", "ingress");
    let egress = egress(&tap.device);
    let ingress = AttachPoint::new(tap.device.name(), tap.device.index(), Direction::Ingress);
    let error = egress.attach(Hook::Clsact, digit(1, NEXT).as_fd()).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EXIST.raw_os_error()));
    assert!(chain(&error).contains("tc qdisc del dev old_qdisc ingress"), "{}", chain(&error));
    assert_eq!(ingress.attached().unwrap(), []);

    let attached = attach(&ingress, Hook::Clsact, 1, NEXT);
    assert_eq!(ingress.attached().unwrap(), [attached]);
    assert_eq!(egress.attached().unwrap(), []);
    if has_tcx(&egress) {
        attach(&egress, Hook::Tcx, 2, NEXT);
        assert_eq!(trace(&tap), 0x2);
    }
}

/// Filters that several devices share are listed, and left alone.
#[test]
#[ignore = "cargo xtask test bpf"]
fn device_with_a_shared_block() {
    let tap = Tap::quiet("shared", 1);
    tc_after(&tap.device, "qdisc add dev", "egress_block 5 clsact");
    let filter = "filter add block 5 protocol all prio 8 u32 match u32 0 0 flowid 1:5";
    let added = Command::new("tc").args(filter.split_whitespace()).status();
    assert!(added.unwrap().success());
    let egress = egress(&tap.device);
    let texts =
        || -> Vec<_> { egress.attached().unwrap().iter().map(ToString::to_string).collect() };
    assert_eq!(texts(), ["clsact filter u32 (priority 8)"]);
    let error = egress.attach(Hook::Clsact, digit(1, NEXT).as_fd()).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::OPNOTSUPP.raw_os_error()), "{error:?}");
    assert!(chain(&error).contains("block is shared"), "{}", chain(&error));
    assert!(error.hint().unwrap().contains("tc qdisc show"));
    assert_eq!(texts(), ["clsact filter u32 (priority 8)"]);
}

/// Others attach at the same time: each gets a place of its own.
#[test]
#[ignore = "cargo xtask test bpf"]
fn attached_by_two_at_a_time() {
    let tap = Tap::quiet("by_two", 1);
    let egress = egress(&tap.device);
    let attach_some = || (0..16).map(|_| attach(&egress, Hook::Clsact, 1, NEXT)).collect();
    let [first, second]: [Vec<_>; 2] = thread::scope(|scope| {
        let threads = [scope.spawn(attach_some), scope.spawn(attach_some)];
        threads.map(|thread| thread.join().unwrap())
    });
    let all = egress.attached().unwrap();
    assert_eq!(all.len(), 32);
    assert!(first.iter().chain(&second).all(|one| all.contains(one)));
    // The last eight, for all the digits that there is room for.
    assert_eq!(trace(&tap), 0x1111_1111);
}

/// What was attached stays.
#[test]
#[ignore = "cargo xtask test bpf"]
fn refusals() {
    let tap = Tap::quiet("refusals", 1);
    let egress = egress(&tap.device);
    let hooks = hooks(&egress);
    for &hook in hooks {
        let gone = attach(&egress, hook, 7, NEXT);
        egress.detach(&gone).unwrap();
        let before = egress.attached().unwrap();
        let attached = attach(&egress, hook, 1, NEXT);
        let other = digit(2, NEXT);
        assert_gone(&egress.replace(&gone, other.as_fd()).unwrap_err());
        let socket_filter = load(SOCKET_FILTER, "not_tc", |asm| asm.mov(Reg::R0, 0));
        for error in [
            egress.attach(hook, socket_filter.as_fd()).unwrap_err(),
            egress.replace(&attached, socket_filter.as_fd()).unwrap_err(),
        ] {
            assert!(matches!(&error, Error::NoClassifier { .. }), "{error:?}");
            assert!(error.to_string().starts_with("program not_tc is not an eBPF program of type"));
        }
        let file = File::open("/dev/null").unwrap();
        let error = egress.attach(hook, file.as_fd()).unwrap_err();
        assert!(chain(&error).starts_with("cannot attach"), "{}", chain(&error));
        // Without privilege. Another thread has its own.
        let (errors, by_us) = thread::scope(|scope| {
            let unprivileged = || {
                let mut sets = capabilities(None).unwrap();
                sets.effective = CapabilitySet::empty();
                set_capabilities(None, sets).unwrap();
                // For tcx the right to load the program was enough.
                let by_us = egress.attach(hook, other.as_fd());
                assert_eq!(by_us.is_ok(), hook == Hook::Tcx);
                let mut errors = vec![
                    egress.attached().map(drop).unwrap_err(),
                    egress.replace(&attached, other.as_fd()).map(drop).unwrap_err(),
                    egress.detach(&attached).map(drop).unwrap_err(),
                ];
                let by_us = by_us.map_err(|error| errors.push(error)).ok();
                (errors, by_us)
            };
            scope.spawn(unprivileged).join().unwrap()
        });
        if let Some(by_us) = by_us {
            assert!(egress.detach(&by_us).unwrap());
        }
        for error in errors {
            assert!(error.is_permission(), "{error:?}");
            assert!(error.hint().unwrap().contains("CAP_NET_ADMIN"), "{error:?}");
        }
        assert_eq!(egress.attached().unwrap().len(), before.len() + 1);
        assert_eq!(trace(&tap) & 0xf, 0x1);
    }
    // The same once more: a chain has a program once.
    let program = digit(3, NEXT);
    if hooks.contains(&Hook::Tcx) {
        egress.attach(Hook::Tcx, program.as_fd()).unwrap();
        let error = egress.attach(Hook::Tcx, program.as_fd()).unwrap_err();
        assert!(chain(&error).contains("the program is in the chain already"), "{}", chain(&error));
        assert_eq!(error.errno(), Some(Errno::EXIST.raw_os_error()));
    }

    let (all, device) = (egress.attached().unwrap(), tap.device.clone());
    device.delete().unwrap();
    for &hook in hooks {
        let one = all.iter().find(|one| one.hook() == hook).unwrap();
        for error in [
            egress.attached().map(drop).unwrap_err(),
            egress.attach(hook, program.as_fd()).map(drop).unwrap_err(),
        ] {
            assert!(matches!(&error, Error::NoDevice { .. }), "{error:?}");
        }
        // The program may have ended with the device, or not yet.
        for error in [
            egress.replace(one, program.as_fd()).map(drop).err(),
            egress.detach(one).map(|was_attached| assert!(!was_attached)).err(),
        ] {
            let is_told = |error: &Error| match error {
                Error::NoDevice { .. } => true,
                error => error.errno() == Some(Errno::NOENT.raw_os_error()),
            };
            assert!(error.as_ref().is_none_or(is_told), "{error:?}");
        }
    }
}

/// A full chain.
#[test]
#[ignore = "cargo xtask test bpf"]
fn as_many_as_a_chain_holds() {
    let tap = Tap::quiet("full", 1);
    let egress = egress(&tap.device);
    let programs: Vec<_> = (0..64).map(|_| digit(1, NEXT)).collect();
    let in_tcx = if has_tcx(&egress) { 63 } else { 0 };
    for program in &programs[..in_tcx] {
        egress.attach(Hook::Tcx, program.as_fd()).unwrap();
    }
    assert_eq!(egress.attached().unwrap().len(), in_tcx);
    if in_tcx > 0 {
        let error = egress.attach(Hook::Tcx, programs[63].as_fd()).unwrap_err();
        assert!(chain(&error).contains("the chain has 63 programs"), "{}", chain(&error));
    }
    // Filters are listed in more than one datagram.
    for program in &programs {
        egress.attach(Hook::Clsact, program.as_fd()).unwrap();
    }
    let all = egress.attached().unwrap();
    assert_eq!(all.len(), in_tcx + 64);
    let priorities = all.iter().filter_map(|one| match one.place {
        Place::Clsact(filter) => Some(filter.priority),
        _ => None,
    });
    assert!(priorities.eq(49152..49152 + 64));
    assert_eq!(names(&egress), vec!["digit_1"; in_tcx + 64]);
}

pub(crate) fn egress(device: &Device) -> AttachPoint {
    AttachPoint::new(device.name(), device.index(), Direction::Egress)
}

fn attach(point: &AttachPoint, hook: Hook, number: i32, action: i32) -> Attached {
    point.attach(hook, digit(number, action).as_fd()).unwrap()
}

fn names(point: &AttachPoint) -> Vec<String> {
    let all = point.attached().unwrap();
    all.iter().map(|one| one.program_name().unwrap().to_owned()).collect()
}

fn assert_gone(error: &Error) {
    assert_eq!(error.errno(), Some(Errno::NOENT.raw_os_error()), "{error:?}");
    assert!(chain(error).contains("is not attached any more"), "{}", chain(error));
}

/// An error with its causes.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(source) = next {
        text.push_str(&format!(": {source}"));
        next = source.source();
    }
    text
}
