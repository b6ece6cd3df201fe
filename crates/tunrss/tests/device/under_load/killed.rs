//! A process that is killed at any point of a change: what is in force then is what was before, or
//! what was to be; it can be replaced and cleared, and nothing stays behind.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use aya::maps::{Array, Map, MapData, MapInfo};
use aya::programs::loaded_programs;
use tunrss::bpf::Target;
use tunrss::hook::{AttachPoint, Direction};
use tunrss::{Device, Queue, Report, ReportMode, SteeringMode};
use tunrss_testkit::strategy::generate;

use super::load::{Load, PACED, Seen};
use super::{Setting, times};
use crate::other_process::{self, Holder, hear_any, say};
use crate::traffic::{Expected, PacketSocket, Tap, eventually, wait};
use crate::{senders, set_report};

/// While packets come.
#[test]
#[ignore = "cargo xtask test bpf"]
fn killed_at_any_time() {
    if let Some(device) = other_process::device() {
        change_without_end(&device);
    }
    let mut tap = Tap::quiet("load_killed", 4);
    set_report(&mut tap.queues, &Report::Kernel);
    let mut found_after = BTreeMap::<_, usize>::new();
    let mut before = None;
    let lives = generate(0u64..60_000, 1).map(Duration::from_micros);
    for (seed, life) in (0..times(100) as u64).zip(lives) {
        let said = live_and_die(&tap, seed, life);
        let mut settings = changes(seed);
        let (mut old, mut new) = (before, None);
        for word in said {
            match word.as_str() {
                "begun" => new = settings.next(),
                "made" => old = new.take().unwrap(),
                other => panic!("{other}"),
            }
        }
        let found = found(&tap.device);
        let when = match &new {
            None => "between two changes",
            Some(new) if *new == old => "in a change to the same",
            Some(new) if *new == found => "in a change that was in force",
            Some(_) if found == old => "in a change that was not in force",
            Some(new) => panic!("seed {seed}: {found:?} is neither {old:?} nor {new:?}"),
        };
        *found_after.entry(when).or_default() += 1;
        check(&tap, &found, "after its death");
        let next = changes(seed + 1000).next().unwrap();
        change(&tap.device, &next);
        check_in_full(&tap, &next);
        if seed % 4 == 0 {
            check_clear(&tap);
        }
        before = Setting::in_force(&tap.device);
    }
    println!("killed {found_after:?}");
}

/// Have another process change what is in force on a device under load, and kill it some time later.
/// What it said.
fn live_and_die(tap: &Tap, seed: u64, life: Duration) -> Vec<String> {
    let mut changer = Holder::start("under_load::killed::killed_at_any_time", &tap.device);
    let all = Setting::all();
    let is_right = |seen: &Seen<'_>| {
        all.iter().any(|setting| setting.is_right(None, seen.received, seen.frame))
    };
    let load = Load::new(&tap.device, PACED, &is_right);
    let (said, tally) = load.run(&tap.queues, || {
        changer.say(&seed.to_string());
        changer.hear("ready");
        // For nothing but the time.
        wait::<Queue>(&[], Instant::now() + life);
        changer.kill()
    });
    assert_eq!((tally.dropped, tally.refused), (0, 0), "seed {seed}: {tally:?}");
    said
}

/// In the other process.
fn change_without_end(device: &Device) -> ! {
    let seed = hear_any().parse().unwrap();
    say("ready");
    for setting in changes(seed) {
        say("begun");
        change(device, &setting);
        say("made");
    }
    unreachable!("it is killed")
}

/// What is to be in force, one after the other: every setting, and none.
fn changes(seed: u64) -> impl Iterator<Item = Option<Setting>> {
    let all = Setting::all();
    generate(0..=all.len(), seed).map(move |index| all.get(index).cloned())
}

/// In front of every system call that changes the device, from every kind of setting to every other.
#[test]
#[ignore = "cargo xtask test bpf"]
fn killed_at_every_step() {
    // From settings of one configuration to those of the other.
    let kinds = |config: usize| {
        let all = Setting::all().into_iter().filter(|one| one.report != ReportMode::Reader);
        let half = all.skip(4 * config).take(4);
        half.map(Some).chain([None]).collect::<Vec<_>>()
    };
    let (olds, news) = (kinds(0), kinds(1));
    if let Some(device) = other_process::device() {
        let numbers = hear_any();
        let numbers: Vec<usize> = numbers.split(' ').map(|text| text.parse().unwrap()).collect();
        // The steering program of this one helps a report program.
        change(&device, &news[0]);
        change(&device, &olds[numbers[0]]);
        STEPS[numbers[2]].forbid();
        change(&device, &news[numbers[1]]);
        say("survived");
        return;
    }
    let mut tap = Tap::quiet("load_step", 4);
    set_report(&mut tap.queues, &Report::Kernel);
    let mut found_after = BTreeMap::<_, [usize; 3]>::new();
    for (old_number, old) in olds.iter().enumerate() {
        for (new_number, new) in news.iter().enumerate() {
            for (step_number, step) in STEPS.iter().enumerate() {
                let test = "under_load::killed::killed_at_every_step";
                let mut changer = Holder::start(test, &tap.device);
                changer.say(&format!("{old_number} {new_number} {step_number}"));
                let said = changer.last_words();
                let found = found(&tap.device);
                let case = format!("{step:?} from {old:?} to {new:?}");
                let which = match said.as_slice() {
                    [word] if word == "survived" && found == *new => 2,
                    [] if found == *new => 1,
                    [] if found == *old => 0,
                    _ => panic!("{case}: {said:?}, {found:?}"),
                };
                found_after.entry(format!("{step:?}")).or_default()[which] += 1;
                check(&tap, &found, &case);
                if which == 2 {
                    continue;
                }
                // Of the old configuration, with and without prefix in turn.
                let next = &olds[(new_number + step_number) % olds.len()];
                change(&tap.device, next);
                check_in_full(&tap, next);
                check_clear(&tap);
            }
        }
    }
    println!("killed, and found old, new, not killed: {found_after:?}");
    assert!(found_after.values().all(|[old, ..]| *old > 0), "{found_after:?}");
}

/// A system call that changes the device.
#[derive(Clone, Copy, Debug)]
enum Step {
    SetSteering,
    SetFilter,
    AttachOrReplace,
    Detach,
}

const STEPS: [Step; 4] = [Step::SetSteering, Step::SetFilter, Step::AttachOrReplace, Step::Detach];

impl Step {
    /// Have the kernel kill this process where this thread comes to this step.
    fn forbid(self) {
        // By its number and one of its arguments, in the order of `struct seccomp_data`.
        let (call, argument, value) = match self {
            Self::SetSteering => (libc::SYS_ioctl, 1, TUNSETSTEERINGEBPF),
            Self::SetFilter => (libc::SYS_ioctl, 1, TUNSETFILTEREBPF),
            Self::AttachOrReplace => (libc::SYS_bpf, 0, BPF_PROG_ATTACH),
            Self::Detach => (libc::SYS_bpf, 0, BPF_PROG_DETACH),
        };
        let load = |offset: u32| instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset, 0);
        let unless = |value: u32, skip| {
            instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value, skip)
        };
        let answer = |value: u32| instruction(libc::BPF_RET | libc::BPF_K, value, 0);
        let mut filter = [
            load(0),
            unless(call as u32, 3),
            load(16 + 8 * argument),
            unless(value, 1),
            answer(libc::SECCOMP_RET_KILL_PROCESS),
            answer(libc::SECCOMP_RET_ALLOW),
        ];
        let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
        let mode = libc::SECCOMP_MODE_FILTER as libc::c_ulong;
        // SAFETY: PR_SET_SECCOMP copies `len` instructions through the pointer in `program`, which
        // is one to as many, and keeps no pointer; both live past the call.
        let result = unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program) };
        assert_eq!(result, 0, "{}", io::Error::last_os_error());
    }
}

fn instruction(code: u32, k: u32, skip: u8) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: 0, jf: skip, k }
}

// linux/if_tun.h, linux/bpf.h
const TUNSETSTEERINGEBPF: u32 = 0x8004_54e0;
const TUNSETFILTEREBPF: u32 = 0x8004_54e1;
const BPF_PROG_ATTACH: u32 = 8;
const BPF_PROG_DETACH: u32 = 9;

fn change(device: &Device, setting: &Option<Setting>) {
    match setting {
        Some(setting) => device.steer(&setting.config, setting.settings()).unwrap().keep(),
        None => drop(device.clear().unwrap()),
    }
}

/// What is in force after a process was killed. For a moment the kernel keeps programs that the device
/// has lost.
fn found(device: &Device) -> Option<Setting> {
    let is_lost = || matches!(device.steering(), Err(tunrss::Error::ReportLost { .. }));
    eventually("the filter program is gone", || !is_lost());
    Setting::in_force(device)
}

/// Frames sent now are dealt with as `setting` says.
fn check(tap: &Tap, setting: &Option<Setting>, case: &str) {
    let frames = senders::flows(32);
    let socket = PacketSocket::new(&tap.device);
    frames.iter().for_each(|frame| socket.send(frame).unwrap());
    for packet in tap.receive(frames.into_iter().map(Expected::Frame)) {
        let is_right = match setting {
            Some(setting) => setting.is_right(Some(packet.queue), &packet.received, &packet.frame),
            None => packet.received.hash().is_none(),
        };
        assert!(is_right, "{case}: not as of {setting:?}: {packet:02x?}");
    }
}

/// It is in force, and if the kernel steers, it does that by itself, without a program.
fn check_in_full(tap: &Tap, setting: &Option<Setting>) {
    assert_eq!(Setting::in_force(&tap.device), *setting);
    check(tap, setting, "set");
    if setting.as_ref().is_none_or(|setting| setting.steering == SteeringMode::Automatic) {
        assert!(senders::are_followed(tap), "not automatic: {setting:?}");
    }
}

/// Clearing leaves nothing: neither on a hook nor in the device.
fn check_clear(tap: &Tap) {
    let device = &tap.device;
    let Some(state) = device.steering().unwrap() else { return };
    assert!(!programs_for(state.target).is_empty());
    assert!(device.clear().unwrap());
    check_in_full(tap, &None);
    let egress = AttachPoint::new(device.name(), device.index(), Direction::Egress);
    assert_eq!(egress.attached().unwrap(), []);
    // The kernel keeps programs a moment longer.
    eventually("no program is left", || programs_for(state.target).is_empty());
}

/// The names of the loaded programs that say that they are for this device.
fn programs_for(target: Target) -> Vec<String> {
    let place = [&target.netns.to_le_bytes()[..], &target.index.to_le_bytes()].concat();
    let mut names = vec![];
    // Other programs come and go meanwhile.
    for program in loaded_programs().flatten() {
        let maps = program.map_ids().ok().flatten().unwrap_or_default();
        let maps = maps.into_iter().filter_map(|id| MapInfo::from_id(id).ok());
        let states = maps.filter(|map| {
            map.name_as_str() == Some(".data") && map.value_size() == STATE_LEN as u32
        });
        for map in states.filter_map(|map| MapData::from_id(map.id()).ok()) {
            let state: Array<_, [u8; STATE_LEN]> = Map::Array(map).try_into().unwrap();
            if state.get(&0, 0).unwrap()[8..20] == place {
                names.push(program.name_as_str().unwrap_or_default().to_owned());
            }
        }
    }
    names
}

/// Bytes of what a program says with one of the configurations here (`tunrss_bpf::state`).
const STATE_LEN: usize = 80 + 2 * 8 + 3 + 40;
