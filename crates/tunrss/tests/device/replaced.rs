//! One configuration after another, and none after the last.

use tunrss::{Config, Report, ReportMode};
use tunrss_testkit::strategy::{configs, generate};

use crate::traffic::{Expected, PacketSocket, Tap};
use crate::{check, config, queues_used, senders, set_report};

/// Within every report mode and from each to each other.
#[test]
#[ignore = "cargo xtask test bpf"]
fn by_any_other() {
    use ReportMode::{Kernel, Off, Reader};
    let mut tap = Tap::quiet("replaced", 4);
    let modes = [Off, Off, Kernel, Kernel, Reader, Reader, Off, Reader, Kernel, Off];
    let mut steering = tap.device.steer(&config([0], 0), Off).unwrap();
    for (step, (mode, config)) in modes.into_iter().zip(some_configs(1)).enumerate() {
        // The queues are empty.
        steering.replace(&config, mode).unwrap();
        set_report(&mut tap.queues, &steering.report());
        assert!(matches!(
            (mode, steering.report()),
            (Off, Report::Off) | (Kernel, Report::Kernel) | (Reader, Report::Reader(_))
        ));
        let state = tap.device.steering().unwrap().unwrap();
        assert_eq!((&state.config, state.report), (&config, mode), "step {step}");
        let expected = senders::frames(&tap.device, step as u64, 150);
        check(&tap.receive(expected), &config, mode, 4);
    }
}

/// Configurations that devices can have.
fn some_configs(seed: u64) -> impl Iterator<Item = Config> {
    generate(configs(), seed).filter(|config| config.highest_queue() < 256)
}

/// Dropping brings the kernel's own steering back.
#[test]
#[ignore = "cargo xtask test bpf"]
fn by_nothing() {
    for (mode, name) in ReportMode::ALL.into_iter().zip(["drop_off", "drop_kernel", "drop_reader"])
    {
        let mut tap = Tap::quiet(name, 4);
        let config = config([3], 3);
        let steering = tap.device.steer(&config, mode).unwrap();
        set_report(&mut tap.queues, &steering.report());
        let frames = senders::flows(64);
        let socket = PacketSocket::new(&tap.device);
        let send = || {
            frames.iter().for_each(|frame| socket.send(frame).unwrap());
            frames.iter().cloned().map(Expected::Frame)
        };
        let packets = tap.receive(send());
        check(&packets, &config, mode, 4);
        assert_eq!(queues_used(&packets), 1);
        assert!(tap.device.steering().unwrap().is_some());

        drop(steering);
        assert_eq!(tap.device.steering().unwrap(), None);
        set_report(&mut tap.queues, &Report::Off);
        let packets = tap.receive(send());
        assert!(queues_used(&packets) > 1);
        assert!(packets.iter().all(|packet| packet.received.header.hash_report == 0));
        assert_eq!(tap.device.attached_queues().unwrap(), 4);
        assert!(!tap.device.clear().unwrap());
    }
}

/// Steering a device that is steered replaces that; it goes with the one dropped last.
#[test]
#[ignore = "cargo xtask test bpf"]
fn by_a_second_steering() {
    let mut tap = Tap::quiet("second", 4);
    let first = tap.device.steer(&config([1], 1), ReportMode::Kernel).unwrap();
    let config = config([2, 3], 0);
    let second = tap.device.steer(&config, ReportMode::Reader).unwrap();
    set_report(&mut tap.queues, &second.report());
    let packets = tap.receive(senders::frames(&tap.device, 5, 100));
    check(&packets, &config, ReportMode::Reader, 4);
    drop(second);
    drop(first);
    assert_eq!(tap.device.steering().unwrap(), None);
}
