//! Configurations that stay without anybody holding them.

use std::time::{Duration, Instant};

use tunrss::bpf::Target;
use tunrss::hash::Link;
use tunrss::netns::NetNs;
use tunrss::{Config, Device, Error, Owner, Queue, ReportMode, Settings};
use tunrss_testkit::packet::{Network, Packet, Upper};

use crate::traffic::{self, PacketSocket, deadline, eventually, read_all, receive, wait};
use crate::{check, config, name, queues_used, senders};

#[test]
#[ignore = "cargo xtask test bpf"]
fn is_found_replaced_and_cleared() {
    let (_netns, device) = persistent("kept");
    assert_eq!(device.steering().unwrap(), None);
    assert!(!device.clear().unwrap());
    use ReportMode::{Kernel, Off, Reader};
    let modes = [Off, Off, Kernel, Kernel, Reader, Reader, Off, Reader, Kernel, Off];
    for (step, mode) in modes.into_iter().enumerate() {
        let config = config([step as u16, 1], 2);
        device.steer(&config, mode).unwrap().keep();
        assert_in_force(&device, &config, mode);
        // Every now and then nothing is.
        if step % 3 == 2 {
            assert!(Device::open(device.name()).unwrap().clear().unwrap());
            assert_eq!(device.steering().unwrap(), None);
            assert!(!device.clear().unwrap());
        }
    }
}

fn assert_in_force(device: &Device, config: &Config, mode: ReportMode) {
    let state = Device::open(device.name()).unwrap().steering().unwrap().unwrap();
    assert_eq!((&state.config, state.report), (config, mode));
    assert_eq!(state.link, Link::Ethernet);
    assert_eq!(state.target.index, device.index());
    assert_ne!(state.target, Target::default());
}

/// Nobody else changes it but by force; to take it so is to own it.
#[test]
#[ignore = "cargo xtask test bpf"]
fn belongs_to_its_owner() {
    for (mode, name) in ReportMode::ALL.into_iter().zip(["own_off", "own_kernel", "own_reader"]) {
        let (_netns, device) = persistent(name);
        let by = |owner, force| Settings { owner: Owner::new(owner), force, ..mode.into() };
        let [before, after] = [config([0, 1], 0), config([1, 0], 1)];
        let first = device.steer(&before, by("first", false)).unwrap();
        let state = device.steering().unwrap();
        assert_eq!(state.as_ref().unwrap().owner, Owner::new("first"));
        for error in [
            device.steer(&after, by("second", false)).map(drop).unwrap_err(),
            device.steer(&after, mode).map(drop).unwrap_err(),
            device.set_entries_as(&[(0, 1)], &by("second", false)).map(drop).unwrap_err(),
            device.set_entries(&[(0, 1)]).map(drop).unwrap_err(),
            device.clear_as(&by("second", false)).map(drop).unwrap_err(),
            device.clear().map(drop).unwrap_err(),
        ] {
            assert!(
                matches!(&error, Error::OwnedByOther { owner, .. } if owner.as_str() == "first")
            );
            assert_eq!(device.steering().unwrap(), state);
        }
        device.set_entries_as(&[(0, 1)], &by("first", false)).unwrap();
        let state = device.set_entries_as(&[(1, 1)], &by("second", true)).unwrap();
        assert_eq!((state.config.table(), state.owner.as_str()), ([1, 1].as_slice(), "first"));
        device.steer(&after, by("second", true)).unwrap().keep();
        // It is not the first one's to take away any more.
        drop(first);
        assert_in_force(&device, &after, mode);
        assert_eq!(device.steering().unwrap().unwrap().owner, Owner::new("second"));
        assert!(device.clear_as(&by("first", true)).unwrap());
        assert_eq!(device.steering().unwrap(), None);
    }
}

/// Those who open queues later get them with the right report.
#[test]
#[ignore = "cargo xtask test bpf"]
fn before_any_queue_is_open() {
    for (mode, tag) in ReportMode::ALL.into_iter().zip(["before_off", "before_kern", "before_read"])
    {
        let (_netns, device) = persistent(tag);
        let config = config([3, 1, 2, 0, 1, 1, 0, 2], 3);
        device.steer(&config, mode).unwrap().keep();
        assert_eq!(device.attached_queues().unwrap(), 0);

        for queues in [4, 2] {
            let held = Device::open(device.name()).unwrap().open_queues(queues).unwrap();
            if queues == 4 {
                traffic::start(&device);
            }
            wait_for_link(&device, &held);
            let packets = receive(&held, senders::everything(&device));
            check(&packets, &config, mode, queues);
            assert_eq!(queues_used(&packets), queues);
            drop(held);
            no_queue_is_left(&device);
            assert_in_force(&device, &config, mode);
        }
    }
}

/// What steers it has a descriptor of its own then, which is no queue: those who open queues while
/// it is held get the numbers from 0 on.
#[test]
#[ignore = "cargo xtask test bpf"]
fn held_before_any_queue_is_open() {
    let (_netns, device) = persistent("held_first");
    let configs = [config([3, 1, 2, 0], 3), config([0, 2, 2, 1], 1)];
    let mut steering = device.steer(&configs[0], ReportMode::Off).unwrap();
    assert_eq!(device.attached_queues().unwrap(), 0);
    let held = device.open_queues(4).unwrap();
    traffic::start(&device);
    wait_for_link(&device, &held);
    for config in configs {
        // By the descriptor that was detached.
        steering.replace(&config, ReportMode::Off).unwrap();
        // What the kernel has sent of its own accord went by the one before.
        read_all(&held);
        assert_eq!(device.attached_queues().unwrap(), 4);
        check(&receive(&held, senders::everything(&device)), &config, ReportMode::Off, 4);
    }
    drop(steering);
    assert_eq!(device.steering().unwrap(), None);
}

/// Nothing of it is left for the next device of the name.
#[test]
#[ignore = "cargo xtask test bpf"]
fn ends_with_its_device() {
    for (mode, tag) in ReportMode::ALL.into_iter().zip(["end_off", "end_kernel", "end_reader"]) {
        let (_netns, device) = persistent(tag);
        device.steer(&config([0, 1], 0), mode).unwrap().keep();
        let steering = device.steer(&config([1, 0], 0), mode).unwrap();
        device.clone().delete().unwrap();
        // It holds a descriptor of a device that is gone.
        drop(steering);
        let (device, _queues) = Device::create(&name(tag), 2).unwrap();
        assert_eq!(device.steering().unwrap(), None);
        assert!(!device.clear().unwrap());
    }
}

/// Neighbours in other network namespaces have devices of the same name and index.
#[test]
#[ignore = "cargo xtask test bpf"]
fn is_not_found_on_another_device() {
    for mode in ReportMode::ALL {
        let outer = NetNs::enter_new().unwrap();
        let (device, _queues) = Device::create(&name("namesake"), 2).unwrap();
        device.steer(&config([0, 1], 0), mode).unwrap().keep();
        let inner = NetNs::enter_new().unwrap();
        let (namesake, _queues) = Device::create(&name("namesake"), 2).unwrap();
        assert_eq!(namesake.index(), device.index());
        assert_eq!(namesake.steering().unwrap(), None);
        assert!(!namesake.clear().unwrap());
        let (beside, _queues) = Device::create(&name("beside"), 2).unwrap();
        namesake.steer(&config([1, 0], 0), mode).unwrap().keep();
        assert_eq!(beside.steering().unwrap(), None);
        assert!(namesake.clear().unwrap());
        drop(inner);
        assert!(device.steering().unwrap().is_some());
        drop(outer);
    }
}

/// A persistent device without open queues.
fn persistent(tag: &str) -> (NetNs, Device) {
    let netns = NetNs::enter_new().unwrap();
    let (device, queues) = Device::create(&name(tag), 4).unwrap();
    device.set_persistent(true).unwrap();
    drop(queues);
    no_queue_is_left(&device);
    (netns, device)
}

/// A device that is up loses what is sent until the kernel has noted that it has queues again: send
/// something that nobody misses until it comes.
fn wait_for_link(device: &Device, queues: &[Queue]) {
    let socket = PacketSocket::new(device);
    let arp = Packet::new(Network::Other(0x0806), Upper::Other(0)).payload(&[0; 28]);
    let deadline = deadline();
    loop {
        // It may be said that there was no room.
        drop(socket.send(&arp.to_bytes(Link::Ethernet)));
        if wait(queues, Instant::now() + Duration::from_millis(10)) {
            return;
        }
        assert!(Instant::now() < deadline, "no link");
    }
}

fn no_queue_is_left(device: &Device) {
    eventually("no queue is left", || device.attached_queues().unwrap() == 0);
}
