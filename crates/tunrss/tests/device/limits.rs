//! As much as there can be, and more.

use tunrss::hash::config::MAX_TABLE_LEN;
use tunrss::{Error, ErrorKind, MAX_QUEUES, ReportMode};

use crate::traffic::{Expected, PacketSocket, Tap};
use crate::{check, config, queues_used, senders, set_report};

#[test]
#[ignore = "cargo xtask test bpf"]
fn all_queues_and_the_longest_table() {
    for (mode, name) in ReportMode::ALL.into_iter().zip(["max_off", "max_kernel", "max_reader"]) {
        let mut tap = Tap::quiet(name, MAX_QUEUES);
        let table = (0..MAX_TABLE_LEN).map(|entry| (entry * 7 + entry / 256) % MAX_QUEUES);
        let config = config(table.map(|queue| queue as u16), 255);
        let steering = tap.device.steer(&config, mode).unwrap();
        assert_eq!(tap.device.steering().unwrap().unwrap().config, config);
        set_report(&mut tap.queues, &steering.report());
        let socket = PacketSocket::new(&tap.device);
        let frames = senders::flows(2000);
        frames.iter().for_each(|frame| socket.send(frame).unwrap());
        let frames = frames.into_iter().map(Expected::Frame);
        let packets = tap.receive(frames.chain(senders::frames(&tap.device, 3, 100)));
        check(&packets, &config, mode, MAX_QUEUES);
        assert!(queues_used(&packets) > 200, "{}", queues_used(&packets));
    }
}

/// What was in force stays so.
#[test]
#[ignore = "cargo xtask test bpf"]
fn queue_that_no_device_has() {
    for (mode, name) in ReportMode::ALL.into_iter().zip(["no_off", "no_kernel", "no_reader"]) {
        let mut tap = Tap::quiet(name, 4);
        let good = config([0, 1, 2, 255], 3);
        let mut steering = tap.device.steer(&good, mode).unwrap();
        set_report(&mut tap.queues, &steering.report());
        for (bad, named) in
            [(config([0, 256], 0), 256), (config([0], 300), 300), (config([0, 65535], 1), 65535)]
        {
            for other in ReportMode::ALL {
                for error in
                    [steering.replace(&bad, other), tap.device.steer(&bad, other).map(drop)]
                {
                    let error = error.unwrap_err();
                    assert!(
                        matches!(error, Error::QueueNumber { queue } if queue == named),
                        "{error:?}"
                    );
                    assert_eq!(error.kind(), ErrorKind::Input);
                }
            }
        }
        let state = tap.device.steering().unwrap().unwrap();
        assert_eq!((&state.config, state.report), (&good, mode));
        let packets = tap.receive(senders::frames(&tap.device, 4, 100));
        check(&packets, &good, mode, 4);
    }
}
