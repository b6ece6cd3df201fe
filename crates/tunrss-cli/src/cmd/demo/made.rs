//! Packets for where there is no TAP to have the kernel send on: Ethernet frames of many flows.

use tunrss::hash::dissect::{ETHERTYPE_IPV4, ETHERTYPE_IPV6, NEXT_FRAGMENT, Protocol};

use super::peer::PEER_MAC;
use super::place::{HOST, NEIGHBOURS, STRANGER, v4, v6};
use super::traffic::{FIRST_PORT, flow_of};
use crate::cmd::hash::packet;
use crate::plan::{Flow, Ports};

/// `flows` flows of TCP and UDP over IPv4 and IPv6, then ICMP, ARP and fragments.
pub(super) fn packets(flows: u32) -> impl Iterator<Item = Vec<u8>> {
    let flows = (0..flows).map(|number| {
        let (is_v6, protocol, neighbour, port) = flow_of(number);
        let ports = Ports { protocol, source: FIRST_PORT - 1, destination: port };
        frame(flow(is_v6, neighbour, Some(ports)))
    });
    let others = NEIGHBOURS.flat_map(|neighbour| {
        let echo = [false, true].map(|is_v6| frame(flow(is_v6, neighbour, None)));
        let ports = Ports { protocol: Protocol::Udp, source: 1, destination: 2 };
        let [mut fragment_v4, mut fragment_v6] =
            [false, true].map(|is_v6| frame(flow(is_v6, neighbour, Some(ports))));
        // More fragments; a fragment header in the place of the ports.
        fragment_v4[14 + 6] = 0x20;
        fragment_v6[14 + 6] = NEXT_FRAGMENT;
        echo.into_iter().chain([fragment_v4, fragment_v6])
    });
    flows.chain(others).chain([arp()])
}

fn flow(is_v6: bool, neighbour: u8, transport: Option<Ports>) -> Flow {
    if is_v6 {
        let [source, destination] = [HOST, neighbour].map(|number| v6(number).octets());
        Flow::V6 { source, destination, transport }
    } else {
        let [source, destination] = [HOST, neighbour].map(|number| v4(number).octets());
        Flow::V4 { source, destination, transport }
    }
}

fn frame(flow: Flow) -> Vec<u8> {
    let ethertype = match flow {
        Flow::V4 { .. } => ETHERTYPE_IPV4,
        Flow::V6 { .. } => ETHERTYPE_IPV6,
    };
    [&ethernet(ethertype)[..], &packet(flow)].concat()
}

/// A request for the stranger's address.
fn arp() -> Vec<u8> {
    let body = [0, 1, 8, 0, 6, 4, 0, 1];
    let [host, stranger] = [HOST, STRANGER].map(|number| v4(number).octets());
    [&ethernet(0x0806)[..], &body, &PEER_MAC, &host, &[0; 6], &stranger].concat()
}

fn ethernet(ethertype: u16) -> [u8; 14] {
    let mut header = [0; 14];
    header[..6].copy_from_slice(&PEER_MAC);
    header[12..].copy_from_slice(&ethertype.to_be_bytes());
    header
}
