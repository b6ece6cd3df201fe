//! A report, or counters, on a device that the kernel goes on steering itself.

use std::collections::BTreeMap;

use tunrss::hash::{Link, VnetHdr};
use tunrss::{ReportMode, Settings, SteeringMode};
use tunrss_testkit::packet::{Packet as Built, V4, V6};

use crate::traffic::{Expected, HERE_V4, HERE_V6, Packet, PacketSocket, THERE_V4, THERE_V6, Tap};
use crate::{check_hashes, config, queues_used, senders, set_report};

/// Each packet is on the queue that it is on without us, and carries the hash of the configuration.
#[test]
#[ignore = "cargo xtask test bpf"]
fn packets_are_where_they_are_without_us() {
    let mut tap = Tap::quiet("automatic", 4);
    // All to one queue, if it were asked.
    let config = config([2], 2);
    let by_frame = |tap: &Tap| {
        let expected = senders::frames(&tap.device, 1, 300).into_iter();
        let flows = senders::flows(64);
        let socket = PacketSocket::new(&tap.device);
        flows.iter().for_each(|frame| socket.send(frame).unwrap());
        let packets = tap.receive(expected.chain(flows.into_iter().map(Expected::Frame)));
        assert_eq!(queues_used(&packets), 4);
        packets
    };
    let queues = |packets: &[Packet]| -> BTreeMap<Vec<u8>, usize> {
        packets.iter().map(|packet| (packet.frame.clone(), packet.queue)).collect()
    };
    let without = queues(&by_frame(&tap));
    let mut steering = tap.device.steer(&config, ReportMode::Off).unwrap();
    assert_eq!(queues_used(&tap.receive(senders::frames(&tap.device, 1, 300))), 1);
    for report in ReportMode::ALL {
        let settings = Settings { steering: SteeringMode::Automatic, ..report.into() };
        steering.replace(&config, settings).unwrap();
        set_report(&mut tap.queues, &steering.report());
        let state = tap.device.steering().unwrap().unwrap();
        assert_eq!((state.steering, state.report), (SteeringMode::Automatic, report));
        assert_eq!(state.config, config);
        let packets = by_frame(&tap);
        assert_eq!(queues(&packets), without, "{report}");
        check_hashes(&packets, &config, report);
    }
}

/// What is written on a queue brings the packets of the other direction there.
#[test]
#[ignore = "cargo xtask test bpf"]
fn kernel_learns_flows() {
    for report in ReportMode::ALL {
        let mut tap = Tap::quiet(&format!("learns_{report}"), 4);
        let settings = Settings { steering: SteeringMode::Automatic, ..report.into() };
        let config = config([2], 2);
        let steering = tap.device.steer(&config, settings).unwrap();
        set_report(&mut tap.queues, &steering.report());
        let socket = PacketSocket::new(&tap.device);
        // To each queue in turn, some flows several times.
        for turn in 0..4 {
            let flows: Vec<_> = (0..24).map(|port| Flow { port, is_v6: port % 3 == 0 }).collect();
            let queue_of = |flow: &Flow| (usize::from(flow.port) + turn) % 4;
            for flow in &flows {
                let queue = &tap.queues[queue_of(flow)];
                queue.send(&VnetHdr::default(), &flow.incoming()).unwrap();
            }
            let frames: Vec<_> = flows.iter().map(Flow::outgoing).collect();
            frames.iter().for_each(|frame| socket.send(frame).unwrap());
            let packets = tap.receive(frames.iter().cloned().map(Expected::Frame));
            assert_eq!(packets.len(), flows.len());
            for packet in &packets {
                let at = frames.iter().position(|frame| *frame == packet.frame).unwrap();
                assert_eq!(packet.queue, queue_of(&flows[at]), "{report} {turn} {packet:02x?}");
            }
            check_hashes(&packets, &config, report);
        }
    }
}

/// One between us and the neighbour behind the device. Its frames are for neither's MAC address, so
/// that nobody answers.
struct Flow {
    port: u16,
    is_v6: bool,
}

impl Flow {
    fn outgoing(&self) -> Vec<u8> {
        let (v4, v6) = (V4::new(HERE_V4, THERE_V4), V6::new(HERE_V6, THERE_V6));
        self.frame(v4, v6, [self.port, 53])
    }

    fn incoming(&self) -> Vec<u8> {
        let (v4, v6) = (V4::new(THERE_V4, HERE_V4), V6::new(THERE_V6, HERE_V6));
        self.frame(v4, v6, [53, self.port])
    }

    fn frame(&self, v4: V4, v6: V6, [from, to]: [u16; 2]) -> Vec<u8> {
        match (self.is_v6, self.port % 2) {
            (false, 0) => Built::tcp(v4, from, to),
            (false, _) => Built::udp(v4, from, to),
            (true, 0) => Built::tcp(v6, from, to),
            (true, _) => Built::udp(v6, from, to),
        }
        .to_bytes(Link::Ethernet)
    }
}
