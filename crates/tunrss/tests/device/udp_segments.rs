//! What sockets of this host send with `UDP_SEGMENT` into a device without offloads, in report mode `kernel`.

use std::net::Ipv4Addr;

use rustix::io::Errno;
use tunrss::hash::{HashReport, Link};
use tunrss::{DeviceOptions, ReportMode};

use crate::traffic::{Expected, HERE_V4, THERE_MAC, THERE_V4, Tap, set_option, udp_socket};
use crate::{check, config, run, set_report};

/// Several datagrams in one piece, and what of it arrives. `None` from a kernel that refuses to send it:
/// before Linux 6.11 it takes a device that computes checksums.
fn send(to: Ipv4Addr) -> Option<Vec<Expected>> {
    let payload: String = (0..500).map(|at| format!("{at:5} {to}")).collect();
    let payload = &payload.as_bytes()[..4500];
    let socket = udp_socket((HERE_V4, 0));
    set_option(&socket, libc::SOL_UDP, libc::UDP_SEGMENT, 1000);
    match socket.send_to(payload, (to, 3001)) {
        Ok(_) => {}
        Err(error) if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => return None,
        Err(error) => panic!("{error}"),
    }
    Some(payload.chunks(1000).map(|segment| Expected::Part(segment.to_vec())).collect())
}

/// A datagram that is no segments: all that was sent before it has come when it has.
fn mark(text: &str) -> Expected {
    udp_socket((HERE_V4, 0)).send_to(text.as_bytes(), (THERE_V4, 3002)).unwrap();
    Expected::Part(text.into())
}

fn tap(name: &str, options: DeviceOptions) -> Tap {
    Tap::without_ipv6(name, options.offloads(false))
}

/// If this fails because segments arrive, the kernel is cured, and the warning can go.
#[test]
#[ignore = "cargo xtask test bpf"]
fn lost_where_the_route_leaves_straight_by_the_tap() {
    let mut tap = tap("segments_lost", DeviceOptions::tap(1)).start();
    let config = config([0], 0);
    assert!(tap.device.loses_udp_segments().unwrap());
    let steering = tap.device.steer(&config, ReportMode::Kernel).unwrap();
    set_report(&mut tap.queues, &steering.report());
    if send(THERE_V4).is_some() {
        let packets = tap.receive([mark("after the segments")]);
        let is_segment = |frame: &[u8]| frame.len() >= 14 + 20 + 8 + 500;
        assert!(!packets.iter().any(|packet| is_segment(&packet.frame)), "{packets:02x?}");
    }
    drop(steering);
    // Without the report they come.
    set_report(&mut tap.queues, &tunrss::Report::Off);
    if let Some(segments) = send(THERE_V4) {
        tap.receive(segments);
    }
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn all_arrive_from_a_bridge_above_the_tap() {
    let mut tap = tap("segments_bridge", DeviceOptions::tap(1));
    // One that snoops reports that it has joined the group of those who do, perhaps before anything is set.
    run("ip link add br0 type bridge mcast_snooping 0");
    run("ip link set br0 up");
    run("ip link set segments_bridge master br0");
    tap.device.set_up().unwrap();
    run(&format!("ip address add {HERE_V4}/24 dev br0"));
    let [a, b, c, d, e, f] = THERE_MAC;
    let mac = format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}");
    run(&format!("ip neighbour add {THERE_V4} lladdr {mac} dev br0 nud permanent"));
    assert!(!tap.device.loses_udp_segments().unwrap());
    let config = config([0], 0);
    let steering = tap.device.steer(&config, ReportMode::Kernel).unwrap();
    set_report(&mut tap.queues, &steering.report());
    let segments = send(THERE_V4).expect("a bridge computes checksums");
    let packets = tap.receive(segments);
    check(&packets, &config, ReportMode::Kernel, 1);
    assert!(
        packets.iter().any(|packet| packet.received.header.hash_report == HashReport::UdpV4.code())
    );
}

/// A TUN has room in front, a device with offloads gets datagrams whole, and without address or route
/// nothing is sent straight into it.
#[test]
#[ignore = "cargo xtask test bpf"]
fn other_devices_lose_nothing() {
    let mut tun = tap("segments_tun", DeviceOptions::tun(1)).start();
    assert_eq!(tun.device.link(), Link::Ip);
    assert!(!tun.device.loses_udp_segments().unwrap());
    let config = config([0], 0);
    let steering = tun.device.steer(&config, ReportMode::Kernel).unwrap();
    set_report(&mut tun.queues, &steering.report());
    if let Some(segments) = send(THERE_V4) {
        check(&tun.receive(segments), &config, ReportMode::Kernel, 1);
    }
    let whole = Tap::without_ipv6("segments_whole", DeviceOptions::tap(1)).start();
    assert!(!whole.device.loses_udp_segments().unwrap());
    let alone = tap("segments_alone", DeviceOptions::tap(1));
    alone.device.set_up().unwrap();
    assert!(!alone.device.loses_udp_segments().unwrap());
    run("ip route add 192.0.2.0/24 dev segments_alone");
    assert!(alone.device.loses_udp_segments().unwrap());
}
