//! Devices that have several names, other names than before, or the name of another one.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};

use rustix::net::netdevice::name_to_index;
use rustix::net::{AddressFamily, SocketType, socket};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tunrss::bpf::insn::Reg;
use tunrss::{Attachment, Device, DeviceName, DeviceOptions, Error, ReportMode, Settings};

use crate::hook::trace::{SOCKET_FILTER, load};
use crate::other_process::{self, Holder, hear, say};
use crate::traffic::{Tap, eventually, netns_without_ipv6};
use crate::{config, name, run};

/// By an alternative name a device is no less another program's.
#[test]
#[ignore = "cargo xtask test bpf"]
fn guard_holds_by_alternative_names() {
    if let Some(device) = other_process::device() {
        let _queues = device.open_queues(2).unwrap();
        let _program = load(SOCKET_FILTER, "of_a_vmm", |asm| asm.mov(Reg::R0, 1));
        say("holding");
        return hear("end");
    }
    let mut tap = Tap::without_ipv6("own_name", DeviceOptions::tap(1));
    let device = &tap.device;
    device.set_persistent(true).unwrap();
    tap.queues.clear();
    eventually("no queue is left", || device.attached_queues().unwrap() == 0);
    let mut holder = Holder::start("names::guard_holds_by_alternative_names", device);
    holder.hear("holding");
    for alternative in ["vmnet0".to_owned(), "x".repeat(DeviceName::MAX_LEN)] {
        run(&format!("ip link property add dev own_name altname {alternative}"));
        let device = Device::open(&DeviceName::new(&alternative).unwrap()).unwrap();
        assert_eq!((device.name(), device.index()), (tap.device.name(), tap.device.index()));
        let config = config([0, 1], 0);
        for refusal in [
            device.steer(&config, ReportMode::Off).map(drop),
            device.clear().map(drop),
            device.check_changeable(&Settings::default()),
        ] {
            let error = refusal.unwrap_err();
            assert!(matches!(error, Error::Foreign { .. }), "{error:?}");
        }
        // No queue of ours came beside its own.
        assert_eq!(device.open_queues(0).unwrap().len(), 0);
        assert_eq!(device.attached_queues().unwrap(), 2);
    }
    holder.say("end");
    holder.finish();
    tap.device.clone().delete().unwrap();
}

/// A handle goes on with a device that has been renamed, and does nothing to another one that has its
/// old name.
#[test]
#[ignore = "cargo xtask test bpf"]
fn handle_whose_name_is_anothers() {
    let mut tap = Tap::new("first_name", 2);
    let device = tap.device.clone();
    run("ip link set first_name name second_name");
    tap.queues.extend(device.open_queues(1).unwrap());
    assert_eq!(device.attached_queues().unwrap(), 3);
    device.steer(&config([1, 0], 0), ReportMode::Kernel).unwrap().keep();
    assert_eq!(device.steering().unwrap().unwrap().config, config([1, 0], 0));

    run("ip tuntap add first_name mode tap multi_queue vnet_hdr");
    let other = Device::open(&name("first_name")).unwrap();
    assert_ne!(other.index(), device.index());
    let refusals = [
        device.open_queues(2).map(drop),
        device.steer(&config([0], 0), ReportMode::Kernel).map(drop),
        device.clear().map(drop),
        device.attached_queues().map(drop),
        device.set_persistent(true),
        device.set_offloads(false),
        device.open_as(DeviceOptions::tap(1)).map(drop),
        device.holders().map(drop),
    ];
    for refusal in refusals {
        let error = refusal.unwrap_err();
        let text =
            "first_name is another device by now: the one that was opened is called second_name";
        assert_eq!(error.to_string(), text);
        assert!(error.hint().is_some());
    }
    assert_eq!(other.attached_queues().unwrap(), 0);
    assert_eq!(other.steering().unwrap(), None);
    let now = device.reopen().unwrap();
    assert_eq!((now.name().as_str(), now.index()), ("second_name", device.index()));
    assert_eq!(now.attached_queues().unwrap(), 3);
    assert!(now.clear().unwrap());
    drop(tap.queues);
    eventually("it ends with its queues", || now.reopen().is_err());
    assert!(matches!(device.attached_queues().unwrap_err(), Error::NoDevice { .. }));
    other.delete().unwrap();
}

/// Who holds a descriptor steers its device also after it was moved to another network namespace and
/// renamed.
#[test]
#[ignore = "cargo xtask test bpf"]
fn held_descriptor_steers_a_moved_device() {
    let outer = netns_without_ipv6();
    let outside = File::open("/proc/thread-self/ns/net").unwrap();
    let tap = Tap::new("before_move", 2);
    let inside = File::open("/proc/thread-self/ns/net").unwrap();
    let (device, control) = (&tap.device, &tap.queues[0]);
    device.steer_by(control, &config([0], 0), &ReportMode::Off.into()).unwrap();
    move_into_link_name_space(outside.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
    // Its index is taken there.
    run("ip link add taken type veth peer name taken_too");
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None).unwrap();
    let index = |name| name_to_index(&socket, name).unwrap();
    assert!([index("taken"), index("taken_too")].contains(&device.index()));

    move_into_link_name_space(inside.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
    let path = format!("/proc/{}/fd/{}", std::process::id(), outside.as_raw_fd());
    run(&format!("ip link set dev before_move netns {path} name after_move"));

    let error = device.steer(&config([1], 0), ReportMode::Off).map(drop).unwrap_err();
    assert!(matches!(error, Error::NoDevice { .. }), "{error:?}");
    let there = || {
        Attachment::of(control)
            .unwrap()
            .with_device(|device| Ok((device.name().clone(), device.steering()?)))
    };
    for mode in ReportMode::ALL {
        device.steer_by(control, &config([1, 0], 1), &mode.into()).unwrap();
        let (name, state) = there().unwrap();
        let state = state.unwrap();
        assert_eq!(
            (name.as_str(), state.config, state.report),
            ("after_move", config([1, 0], 1), mode)
        );
    }
    assert!(device.clear_by(control, &Settings::default()).unwrap());
    assert_eq!(there().unwrap().1, None);
    drop(tap);
    drop(outer);
}

/// Those that hold queues are named, with how many each has attached.
#[test]
#[ignore = "cargo xtask test bpf"]
fn holders_of_queues() {
    if let Some(device) = other_process::device() {
        let queues = device.open_queues(3).unwrap();
        queues[2].set_attached(false).unwrap();
        say("holding");
        return hear("end");
    }
    let tap = Tap::new("held_by_two", 2);
    let copy = tap.queues[0].as_fd().try_clone_to_owned().unwrap();
    let mut holder = Holder::start("names::holders_of_queues", &tap.device);
    holder.hear("holding");
    let holders = tap.device.holders().unwrap();
    let [us, other] = &holders[..] else { panic!("{holders:?}") };
    assert_eq!((us.process.id, us.queues), (std::process::id(), 2));
    assert_eq!((other.process.id, other.queues), (holder.id(), 2));
    assert_eq!((other.process.user, &other.process.name), (0, &us.process.name));
    holder.say("end");
    holder.finish();
    drop(copy);
    let holders = tap.device.holders().unwrap();
    assert_eq!(holders.len(), 1);
}
