//! Devices whose queues another process holds.
//!
//! A test runs itself again as that process, which finds what to do in its environment.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use tunrss::bpf::insn::Reg;
use tunrss::hash::Link;
use tunrss::{Device, DeviceOptions, Error, Queue, Report, ReportMode, Settings};

use crate::hook::trace::{SOCKET_FILTER, load};
use crate::traffic::{self, Expected, Tap, deadline, eventually, receive, wait};
use crate::{check, config, name, senders, set_report};

const DEVICE: &str = "TUNRSS_TEST_DEVICE";

/// Queues that nothing is read from by us: no packet is lost.
#[test]
#[ignore = "cargo xtask test bpf"]
fn holds_the_queues() {
    const QUEUES: usize = 3;
    let frames =
        |seed| senders::known_frames(Link::Ethernet, seed, 200).into_iter().map(Expected::Frame);
    if let Some(device) = device() {
        let mut queues = device.open_queues(QUEUES).unwrap();
        say("holding");
        for seed in 0..6 {
            hear("steered");
            let state = device.steering().unwrap().unwrap();
            set_report(&mut queues, &Report::new(state.report, &state.config));
            say("reading");
            check(&receive(&queues, frames(seed)), &state.config, state.report, QUEUES);
            say("read");
        }
        return;
    }
    let mut tap = Tap::without_ipv6("held", DeviceOptions::tap(1));
    let device = &tap.device;
    device.set_persistent(true).unwrap();
    tap.queues.clear();
    eventually("no queue is left", || device.attached_queues().unwrap() == 0);
    let mut holder = Holder::start("other_process::holds_the_queues", device);
    holder.hear("holding");
    traffic::start(device);
    let mut kept = None;
    for (seed, mode) in ReportMode::ALL.into_iter().cycle().take(6).enumerate() {
        let config = config((0..16).map(|entry| (entry + seed as u16) % 5), 1);
        let steering = device.steer(&config, mode).unwrap();
        // By a copy of its descriptor, not by a queue more.
        assert_eq!(device.attached_queues().unwrap(), QUEUES);
        holder.say("steered");
        holder.hear("reading");
        senders::frames(device, seed as u64, 200);
        holder.hear("read");
        kept = Some(steering);
    }
    holder.finish();
    drop(kept);
    assert_eq!(device.steering().unwrap(), None);
    device.clone().delete().unwrap();
}

/// What a process has set stays in force when it is killed, and others can change it.
#[test]
#[ignore = "cargo xtask test bpf"]
fn is_killed() {
    let by_it = config([1, 0], 1);
    let mode = ReportMode::Kernel;
    if let Some(device) = device() {
        let _steering = device.steer(&by_it, mode).unwrap();
        say("steered");
        hear("nothing, for it is killed");
    }
    let tap = Tap::quiet("killed", 2);
    let mut holder = Holder::start("other_process::is_killed", &tap.device);
    holder.hear("steered");
    drop(holder);
    let in_force = || {
        let state = tap.device.steering().unwrap().unwrap();
        (state.config, state.report)
    };
    assert_eq!(in_force(), (by_it.clone(), mode));
    let mut copies: Vec<_> = tap.queues.iter().map(copy).collect();
    set_report(&mut copies, &Report::Kernel);
    check(&receive(&copies, senders::frames(&tap.device, 1, 100)), &by_it, mode, 2);

    let by_us = config([0, 1], 0);
    tap.device.steer(&by_us, mode).unwrap().keep();
    assert_eq!(in_force(), (by_us.clone(), mode));
    check(&receive(&copies, senders::frames(&tap.device, 2, 100)), &by_us, mode, 2);
    assert!(tap.device.clear().unwrap());
    assert_eq!(tap.device.steering().unwrap(), None);
}

/// A process that holds the device and a program of the steering type may steer it, as QEMU does: it
/// is not taken over, but by force.
#[test]
#[ignore = "cargo xtask test bpf"]
fn may_steer_itself() {
    if let Some(device) = device() {
        let _queues = device.open_queues(2).unwrap();
        let program = load(SOCKET_FILTER, "of_a_vmm", |asm| asm.mov(Reg::R0, 1));
        say("holding");
        hear("close it");
        drop(program);
        say("closed");
        hear("end");
        return;
    }
    let mut tap = Tap::without_ipv6("foreign", DeviceOptions::tap(1));
    let device = &tap.device;
    device.set_persistent(true).unwrap();
    tap.queues.clear();
    eventually("no queue is left", || device.attached_queues().unwrap() == 0);
    let mut holder = Holder::start("other_process::may_steer_itself", device);
    holder.hear("holding");
    let [foreign] = &device.foreign()[..] else { panic!("one") };
    assert_eq!(foreign.process, holder.process.id());
    assert_eq!(foreign.program_name.as_deref(), Some("of_a_vmm"));
    let config = config([0, 1], 0);
    let refusals = [
        device.steer(&config, ReportMode::Off).map(drop),
        device.clear().map(drop),
        device.check_changeable(&Settings::default()),
    ];
    for refusal in refusals {
        let error = refusal.unwrap_err();
        assert!(matches!(error, Error::Foreign { .. }), "{error:?}");
        assert!(error.to_string().starts_with("foreign may be steered by program of_a_vmm (id "));
        assert!(error.hint().unwrap().contains("--force"));
    }
    assert_eq!(device.steering().unwrap(), None);
    let force = || Settings { force: true, ..Settings::from(ReportMode::Kernel) };
    device.steer(&config, force()).unwrap().keep();
    // It is ours now.
    device.steer(&config, ReportMode::Off).unwrap().keep();
    assert!(device.clear().unwrap());
    assert!(matches!(device.clear().unwrap_err(), Error::Foreign { .. }));
    assert!(!device.clear_as(&force()).unwrap());
    holder.say("close it");
    holder.hear("closed");
    assert_eq!(device.foreign(), []);
    device.steer(&config, ReportMode::Off).unwrap();
    holder.say("end");
    holder.finish();
    device.clone().delete().unwrap();
}

/// A program that this process holds, for a socket or another device, is no reason to refuse: another
/// thread has it, and for a moment a child that was forked.
#[test]
#[ignore = "cargo xtask test bpf"]
fn holds_a_socket_filter_itself() {
    let tap = Tap::quiet("own_filter", 2);
    let program = load(SOCKET_FILTER, "of_a_socket", |asm| asm.mov(Reg::R0, 1));
    let [queue, filter] = [tap.queues[0].as_fd(), program.as_fd()]
        .map(|fd| Stdio::from(fd.try_clone_to_owned().unwrap()));
    // It has copies of both, as a child has between fork and exec.
    let mut child = Command::new("sleep").arg("60").stdin(queue).stderr(filter).spawn().unwrap();
    assert_eq!(tap.device.foreign(), []);
    tap.device.steer(&config([0, 1], 0), ReportMode::Kernel).unwrap().keep();
    assert!(tap.device.clear().unwrap());
    assert!(!tap.device.clear().unwrap());
    // Once it is the child's alone, nothing is known of it.
    drop(program);
    // Those that other tests start have copies until they are executed.
    let is_the_childs = || matches!(&tap.device.foreign()[..], [one] if one.process == child.id());
    eventually("the child alone has both", is_the_childs);
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("nobody has the program", || tap.device.foreign().is_empty());
}

fn copy(queue: &Queue) -> Queue {
    Queue::from_fd(queue.as_fd().try_clone_to_owned().unwrap()).unwrap()
}

/// The other process, seen from this one. It ends with this.
pub(crate) struct Holder {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Holder {
    /// Run `test` in another process, in the network namespace of this thread.
    pub(crate) fn start(test: &str, device: &Device) -> Self {
        let mut process = Command::new(env::current_exe().unwrap())
            .args([test, "--exact", "--include-ignored", "--nocapture"])
            .env(DEVICE, device.name().as_str())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Self { process, input, output: BufReader::new(output) }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn say(&mut self, word: &str) {
        writeln!(self.input, "{word}").unwrap();
    }

    /// Wait for it to [`say`] this.
    pub(crate) fn hear(&mut self, word: &str) {
        let deadline = deadline();
        let mut line = String::new();
        // The test harness says something, too.
        while line.trim_end() != format!("{SAYS}{word}") {
            if self.output.buffer().is_empty() {
                assert!(wait(&[self.output.get_ref()], deadline), "{word} not heard");
            }
            line.clear();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "ended before {word}");
        }
    }

    /// Let it end, and with success.
    pub(crate) fn finish(mut self) {
        assert!(self.process.wait().unwrap().success());
    }

    /// Kill it, wherever it is. What it has said since it was last heard.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.process.kill().unwrap();
        self.last_words()
    }

    /// Wait until it ends, however it does. What it has said since it was last heard.
    pub(crate) fn last_words(mut self) -> Vec<String> {
        let deadline = deadline();
        let mut words = vec![];
        let mut line = String::new();
        loop {
            if self.output.buffer().is_empty() {
                assert!(wait(&[self.output.get_ref()], deadline), "does not end");
            }
            line.clear();
            if self.output.read_line(&mut line).unwrap() == 0 {
                self.process.wait().unwrap();
                return words;
            }
            words.extend(line.trim_end().strip_prefix(SAYS).map(str::to_owned));
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The device, if this is the other process.
pub(crate) fn device() -> Option<Device> {
    let device = env::var(DEVICE).ok()?;
    Some(Device::open(&name(&device)).unwrap())
}

/// In the other process: tell it to this one.
pub(crate) fn say(word: &str) {
    println!("\n{SAYS}{word}");
}

/// In the other process: wait for this one to say `word`.
pub(crate) fn hear(word: &str) {
    assert_eq!(hear_any(), word);
}

/// In the other process: wait for this one to say something.
pub(crate) fn hear_any() -> String {
    let mut line = String::new();
    assert_ne!(std::io::stdin().lock().read_line(&mut line).unwrap(), 0, "nothing to be heard");
    line.trim_end().to_owned()
}

const SAYS: &str = "holder: ";
