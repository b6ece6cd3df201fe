//! `tunrss explain`: packets of every kind, in words and as JSON.

use serde::Deserialize;

use crate::capture::{ethernet, ipv4, ipv6_with};
use crate::{Run, run, run_line, run_with_stdin};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Explanation {
    schema: u32,
    link: String,
    length: usize,
    tunnel: Tunnel,
    vlan_tags: u8,
    not_hashable: Option<String>,
    network: Option<Ip>,
    transport: Option<Layer4>,
    no_ports: Option<String>,
    tried: Vec<Tried>,
    input: Option<String>,
    xfrm: String,
    transformed: Option<String>,
    hash: Option<String>,
    report: String,
    index: Option<usize>,
    queue: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tunnel {
    types: Option<String>,
    looked_into: bool,
    no_tunnel: Option<String>,
    inner: Option<String>,
    offset: Option<usize>,
    outer: Option<Outer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Outer {
    vlan_tags: u8,
    network: Option<Ip>,
    transport: Option<Layer4>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ip {
    version: u8,
    source: String,
    destination: String,
    header_length: Option<usize>,
    extension_headers: Option<u8>,
    home_address: Option<String>,
    routing_address: Option<String>,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
struct Layer4 {
    protocol: String,
    source_port: u16,
    destination_port: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tried {
    r#type: String,
    chosen: bool,
    reason: String,
}

fn explain(packet: &[u8], options: &str) -> Run {
    let hex: String = packet.iter().map(|byte| format!("{byte:02x}")).collect();
    run_line(&format!("explain {hex} {options}"))
}

#[test]
fn tcp_in_words() {
    let text = explain(&ethernet(0x0800, &ipv4(6)), "").answer();
    assert_eq!(
        text,
        "packet        42 bytes, starting with an Ethernet header\n\
         VLAN tags     none\n\
         network       IPv4, no options\n\
         addresses     66.9.149.187 to 161.142.100.80\n\
         transport     TCP, port 2794 to 1766\n\
         enabled       ipv4,tcpv4,udpv4,ipv6,tcpv6,udpv6\n              \
         tcpv4     yes  enabled, and the packet is TCP\n\
         hash input    42 09 95 bb a1 8e 64 50 0a ea 06 e6\n              \
         12 bytes: both addresses, both ports\n\
         hash          0x51ccc178, reported as TCPv4\n\
         index         120: 0x51ccc178 & 127, in a table of 128\n\
         queue         0, which is entry 120 of the table\n"
    );
}

#[test]
fn extension_headers_in_json() {
    let packet = ipv6_with(true, true);
    let explained: Explanation = explain(&packet, "--link ip --types tcpv6,ipv6-ex --json").json();
    assert_eq!((explained.schema, explained.link.as_str()), (1, "ip"));
    assert_eq!((explained.length, explained.vlan_tags), (packet.len(), 0));
    assert!(explained.not_hashable.is_none() && explained.no_ports.is_none());
    assert_eq!((&*explained.xfrm, explained.transformed), ("none", None));
    assert!(explained.tunnel.types.is_none() && explained.tunnel.outer.is_none());
    let ip = explained.network.unwrap();
    assert_eq!((ip.version, ip.header_length, ip.extension_headers), (6, None, Some(2)));
    assert_eq!((ip.source.as_str(), ip.destination.as_str()), ("2001:db8::1", "2001:db8::2"));
    assert_eq!(ip.home_address.as_deref(), Some("3ffe:2501:200:1fff::7"));
    assert_eq!(ip.routing_address.as_deref(), Some("3ffe:2501:200:3::1"));
    let tcp = Layer4 { protocol: "TCP".into(), source_port: 2794, destination_port: 1766 };
    assert_eq!(explained.transport, Some(tcp));
    let tried: Vec<_> = explained.tried.iter().map(|one| (&*one.r#type, one.chosen)).collect();
    assert_eq!(tried, [("tcpv6-ex", false), ("udpv6-ex", false), ("ipv6-ex", true)]);
    assert_eq!(explained.tried[0].reason, "not enabled");
    assert_eq!(explained.input.unwrap().len(), 32 * 3 - 1);
    assert_eq!((explained.hash.as_deref(), &*explained.report), (Some("0x2cc18cd5"), "IPv6_EX"));
    assert_eq!((explained.index, explained.queue), (Some(0x55), 1));
}

/// A frame with `inner` in VXLAN, to this port, with these VXLAN flags.
fn vxlan(port: u16, flags: u8, inner: &[u8]) -> Vec<u8> {
    let mut ip = ipv4(17);
    ip.truncate(20);
    ip.extend([0xc0, 1]);
    ip.extend(port.to_be_bytes());
    ip.extend([0, 0, 0, 0, flags, 0, 0, 0, 0, 0, 7, 0]);
    ip.extend(inner);
    ethernet(0x0800, &ip)
}

#[test]
fn tunnel_in_words() {
    let inner = [&ethernet(0x8100, &[0, 5, 0x86, 0xdd])[..18], &ipv6_with(true, true)].concat();
    let text = explain(&vxlan(4789, 8, &inner), "--tunnels vxlan,geneve --types all").answer();
    let expected = "outer         IPv4, 66.9.149.187 to 161.142.100.80, UDP port 49153 to 4789\n\
                    tunnel        vxlan, with an Ethernet frame inside, from byte 50 on\n              \
                    the 50 bytes before it are discarded: only what follows is hashed\n\
                    VLAN tags     1 skipped\n\
                    network       IPv6\n\
                    addresses     2001:db8::1 to 2001:db8::2\n\
                    extensions    2 extension headers\n";
    assert!(text.contains(expected), "{text}");
    assert!(text.contains("hash          0x40207d3d, reported as TCPv6_EX\n"), "{text}");
}

#[test]
fn tunnel_in_json() {
    let packet = vxlan(4789, 8, &ethernet(0x0800, &ipv4(6)));
    let explained: Explanation = explain(&packet, "--tunnels all --json").json();
    let tunnel = explained.tunnel;
    assert_eq!((tunnel.types.as_deref(), tunnel.looked_into), (Some("vxlan"), true));
    assert_eq!((tunnel.inner.as_deref(), tunnel.offset), (Some("ethernet"), Some(50)));
    assert_eq!(tunnel.no_tunnel, None);
    let outer = tunnel.outer.unwrap();
    assert_eq!((outer.vlan_tags, outer.network.unwrap().version), (0, 4));
    assert_eq!(outer.transport.unwrap().destination_port, 4789);
    assert_eq!(explained.transport.unwrap().protocol, "TCP");
    assert_eq!(explained.hash.as_deref(), Some("0x51ccc178"));

    let explained: Explanation = explain(&packet, "--tunnels geneve --json").json();
    assert_eq!(explained.tunnel.types.as_deref(), Some("vxlan"));
    assert!(!explained.tunnel.looked_into && explained.tunnel.outer.is_none());
    assert_eq!(explained.report, "UDPv4");
}

#[test]
fn every_reason_for_no_tunnel_is_said() {
    let ip = |protocol: u8, behind: &[u8]| [&ipv4(protocol)[..20], behind].concat();
    let with = |at: usize, value: u8| {
        let mut packet = vxlan(4789, 8, &[]);
        packet[at] = value;
        packet
    };
    for (packet, words) in [
        (ethernet(0x0806, &[0; 28]), "tunnel        none: there is no IP header\n"),
        (with(20, 0x20), "tunnel        none: a fragment\n"),
        (with(14, 0x44), "tunnel        none: the IPv4 header says that it is shorter than 20"),
        (with(42, 0), "none: the version or the flags of the tunnel header"),
        (vxlan(4789, 8, &[])[..49].to_vec(), "tunnel        none: the headers are cut off\n"),
        (vxlan(8472, 8, &[]), "tunnel        none: UDP to port 8472, where 4754 (GRE)"),
        (
            ethernet(0x0800, &ipv4(6)),
            "tunnel        none: protocol 6 (TCP) is no tunnel's over this IP version\n",
        ),
        (
            ethernet(0x0800, &ip(47, &[0, 0, 0x88, 0x47])),
            "none: 0x8847 (MPLS) is inside, which is none of IPv4, IPv6 and Ethernet\n",
        ),
        (
            ethernet(0x0800, &ip(17, &[0, 1, 0x12, 0xb6, 0, 0, 0, 0, 12, 0, 0, 4, 0, 0, 7, 0])),
            "none: 0x0004 is inside, which is none of IPv4, IPv6 and Ethernet\n",
        ),
        (
            ethernet(0x86dd, &ipv6_with(true, true)),
            "none: none is looked for behind IPv6 extension headers other than a tunnel encapsulation limit\n",
        ),
        (
            ethernet(0x0800, &ip(4, &[0x60; 40])),
            "network       the header says version 6, the tunnel says 4\n",
        ),
        (vxlan(4789, 8, &[]), "network       the Ethernet header is cut off\n"),
    ] {
        let text = explain(&packet, "--tunnels all").answer();
        assert!(text.contains(words), "{words}\n{text}");
    }
    let text = explain(&vxlan(4789, 8, &[]), "").answer();
    let words = "tunnel        vxlan, which is not enabled (--tunnels none)\nVLAN tags     none\n";
    assert!(text.contains(words), "{text}");
    let text = explain(&ethernet(0x0800, &ipv4(6)), "").answer();
    assert!(!text.contains("tunnel"), "{text}");
}

#[test]
fn transformed_input_is_shown() {
    let packet = ethernet(0x0800, &ipv4(6));
    let text = explain(&packet, "--xfrm symmetric-or-xor").answer();
    let expected = "hash input    42 09 95 bb a1 8e 64 50 0a ea 06 e6\n              \
                    12 bytes: both addresses, both ports\n\
                    transformed   e3 8f f5 fb e3 87 f1 eb 0e ee 0c 0c\n              \
                    symmetric-or-xor: the OR of each pair, then its XOR\n\
                    hash          0xa65524fa, reported as TCPv4\n";
    assert!(text.contains(expected), "{text}");
    let explained: Explanation = explain(&packet, "--xfrm symmetric-xor --json").json();
    assert_eq!(explained.xfrm, "symmetric-xor");
    let transformed = explained.transformed.unwrap();
    assert_eq!(transformed, "e3 87 f1 eb e3 87 f1 eb 0c 0c 0c 0c");
}

#[test]
fn every_reason_is_said() {
    let with = |at: usize, value: u8| {
        let mut packet = ethernet(0x0800, &ipv4(6));
        packet[at] = value;
        packet
    };
    let tags = |count: usize| {
        let tag: &[u8] = &[0x81, 0, 0, 5];
        [&[2; 12], tag.repeat(count).as_slice(), &[8, 0], &ipv4(17)].concat()
    };
    let icmp6 = [&[0x60, 0, 0, 0, 0, 0, 0, 64], &[3; 32][..], &[58, 0, 1, 4, 0, 0, 0, 0]].concat();
    for (packet, words) in [
        (ethernet(0x0806, &[0; 28]), "not IP: EtherType 0x0806 (ARP)"),
        (ethernet(0x0026, &[0; 38]), "not IP: EtherType 0x0026 (a length: an 802.3 frame)"),
        (vec![0; 9], "the Ethernet header is cut off"),
        (ethernet(0x0800, &[0x45; 19]), "the IP header is cut off"),
        (with(14, 0x65), "the IP header says version 6, the EtherType another"),
        (with(14, 0x44), "an impossible header length of 16 bytes"),
        (with(14, 0x46), "options skipped: 4 bytes"),
        (with(20, 0x20), "ports         none: a fragment"),
        (with(23, 1), "ports         none: protocol 1 (ICMP)"),
        (with(23, 1), "ipv4      yes  enabled, and needs addresses only"),
        (with(14, 0x4f), "none: the packet is cut off before them"),
        (tags(2), "VLAN tags     2 skipped"),
        (tags(2), "tcpv4     no   the packet is UDP, not TCP"),
        (tags(3), "more than 2 VLAN tags"),
        (ethernet(0x86dd, &icmp6), "extensions    1 extension header\n"),
        (ethernet(0x86dd, &icmp6), "protocol 58 (ICMPv6)"),
    ] {
        let text = explain(&packet, "").answer();
        assert!(text.contains(words), "{words}\n{text}");
    }
    let text = explain(&ethernet(0x0806, &[0; 28]), "--unclassified 3").answer();
    assert!(text.ends_with("queue         3, where packets without hash go (--unclassified)\n"));
    let text = explain(&[0x50], "--link ip").answer();
    assert!(text.contains("version 5: neither 4 nor 6"), "{text}");
}

#[test]
fn packet_comes_in_many_shapes() {
    let expected = explain(&ipv4(6), "--link ip").answer();
    let hex: Vec<_> = ipv4(6).iter().map(|byte| format!("{byte:02X}")).collect();
    let words = ["explain", "--link", "ip"].map(str::to_owned).into_iter();
    assert_eq!(run(words.clone().chain(hex.clone())).answer(), expected);
    assert_eq!(run(words.chain([hex.join(":")])).answer(), expected);
    let (first, second) = hex.split_at(16);
    let dump = format!("\t0x0000:  {}\n\t0x0010:  {}\n", first.join(""), second.join(" "));
    let arguments = ["explain", "-", "--link", "ip"];
    assert_eq!(run_with_stdin(&arguments, dump.as_bytes()).answer(), expected);
    // As from tshark, hexdump, od with octal offsets and xxd.
    let [single, rest] = [first.join(" "), second.join(" ")];
    for dump in [
        format!("0000  {single}   E...............\n0010  {rest}\n"),
        format!("00000000  {single}  |E...............|\n00000010  {rest}\n0000001c\n"),
        format!("0000000 {single}\n0000020 {rest}\n0000034\n"),
        format!("\u{feff}00000000: {single}  E...............\r\n00000010: {rest}\r\n"),
    ] {
        assert_eq!(run_with_stdin(&arguments, dump.as_bytes()).answer(), expected, "{dump}");
    }
}

#[test]
fn what_is_no_packet_is_refused_with_its_place() {
    for (stdin, cause) in [
        ("4500\n 00 0g", "line 2, column 6: 'g' is no hexadecimal digit"),
        ("4500 0", "it has an odd number of hexadecimal digits (5)"),
        ("", "it is empty"),
        ("\u{1b}[2J", "line 1, column 1: '\\u{1b}' is no hexadecimal digit"),
        // A line that is not there, a second packet, numbers of 16 bits in this machine's order.
        ("0000  45 00\n0010  00 28\n", "line 2 has the offset 0010, and 2 bytes stand before it"),
        (
            "0000  45 00\n0002  00 28\n\n0000  45 00\n",
            "offsets begin again in line 4: it starts a second packet",
        ),
        (
            "0000000 0045 2800\n0000004\n",
            "line 1, column 9: a group of 4 digits stands where single bytes are expected",
        ),
    ] {
        let text = run_with_stdin(&["explain", "-"], stdin.as_bytes()).refusal(2);
        assert!(text.starts_with("error: cannot read the packet\ncaused by: "), "{text}");
        assert!(text.contains(cause), "{text}");
    }
    assert!(run_with_stdin(&["explain", "-"], &[0xff]).refusal(2).contains("column 1"));
}
