//! `tunrss simulate` on captures of every kind, whole, cut off and damaged.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::capture::{
    MICROSECONDS, NANOSECONDS, Order, block, enhanced, ethernet, interface, ipv4, ipv6_with,
    obsolete, pcap, section, simple,
};
use crate::{TempFile, run};

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
struct Packet {
    schema: u32,
    packet: u64,
    hash: Option<String>,
    report: String,
    queue: u16,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
struct Summary {
    schema: u32,
    packets: u64,
    per_queue: Vec<u64>,
    by_report: BTreeMap<String, u64>,
    cut: u64,
    hkey: String,
}

fn per_packet(capture: &[u8], options: &[&str]) -> Vec<Packet> {
    let file = TempFile::new(capture);
    let fixed = ["simulate", file.path(), "--per-packet", "--json"];
    let answer = run(fixed.iter().chain(options)).answer();
    answer.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Hash, report and queue of each packet; the number of each is checked.
fn verdicts(capture: &[u8], options: &[&str]) -> Vec<(String, String, u16)> {
    let packets = per_packet(capture, options);
    let verdict = |(number, packet): (usize, Packet)| {
        assert_eq!((packet.schema, packet.packet), (1, number as u64));
        (packet.hash.unwrap_or_default(), packet.report, packet.queue)
    };
    packets.into_iter().enumerate().map(verdict).collect()
}

fn expected() -> [(String, String, u16); 3] {
    [("0x51ccc178", "TCPv4", 0), ("0x323e8fc2", "IPv4", 2), ("", "none", 0)]
        .map(|(hash, report, queue)| (hash.to_owned(), report.to_owned(), queue))
}

/// TCP, ICMP and ARP.
fn frames() -> [Vec<u8>; 3] {
    [ethernet(0x0800, &ipv4(6)), ethernet(0x0800, &ipv4(1)), ethernet(0x0806, &[0; 28])]
}

fn whole(packets: &[Vec<u8>]) -> Vec<(&[u8], usize)> {
    packets.iter().map(|packet| (packet.as_slice(), packet.len())).collect()
}

fn usual_pcap() -> Vec<u8> {
    pcap(Order::Little, MICROSECONDS, 1, &whole(&frames()))
}

/// Two sections of different byte order, interfaces of different links, all kinds of packets.
fn usual_pcapng() -> Vec<u8> {
    let [tcp, icmp, arp] = frames();
    let (little, big) = (Order::Little, Order::Big);
    [
        section(little),
        interface(little, 101, 0),
        interface(little, 1, 64),
        enhanced(little, 0, &ipv4(6), 28),
        enhanced(little, 1, &icmp, icmp.len()),
        // Interface statistics, a name resolution block that ends early, an unknown block.
        block(little, 5, &[0; 12]),
        block(little, 4, &[1, 0, 5, 0, 1, 2, 3, 4]),
        block(little, 0x0bad_f00d, &[1, 2, 3, 4]),
        section(big),
        interface(big, 1, 0),
        interface(big, 228, 0),
        obsolete(big, 1, &ipv4(1), 28),
        simple(big, &arp, arp.len()),
        simple(big, &tcp, tcp.len()),
    ]
    .concat()
}

#[test]
fn pcap_of_either_order_and_precision() {
    for order in [Order::Little, Order::Big] {
        for magic in [MICROSECONDS, NANOSECONDS] {
            // In the upper half: frames end in a checksum of 4 bytes.
            for link in [1, 0x4400_0001] {
                let capture = pcap(order, magic, link, &whole(&frames()));
                assert_eq!(verdicts(&capture, &[]), expected());
            }
        }
    }
}

#[test]
fn bare_ip_has_four_link_types() {
    for link in [12, 101, 228, 229] {
        let capture = pcap(Order::Big, MICROSECONDS, link, &whole(&[ipv4(6), ipv4(1), vec![]]));
        assert_eq!(verdicts(&capture, &[]), expected());
    }
}

#[test]
fn pcapng_has_a_link_type_for_each_interface() {
    let [tcp, ip, none] = expected();
    assert_eq!(verdicts(&usual_pcapng(), &[]), [tcp.clone(), ip.clone(), ip, none, tcp]);
}

#[test]
fn simple_packets_end_where_they_were_cut() {
    let order = Order::Little;
    let tcp = ethernet(0x0800, &ipv4(6));
    // 34 bytes of 42, and 2 of padding: no ports.
    let capture = [section(order), interface(order, 1, 34), simple(order, &tcp[..36], 42)].concat();
    let [_, (hash, report, queue), _] = expected();
    assert_eq!(verdicts(&capture, &[]), [(hash, report, queue)]);
}

/// The rows of the fact table for `_EX` substitution: computed with two other implementations.
#[test]
fn home_and_routing_addresses_are_hashed() {
    let packets = [(false, false), (true, false), (false, true), (true, true)]
        .map(|(home, routing)| ipv6_with(home, routing));
    let capture = pcap(Order::Little, MICROSECONDS, 101, &whole(&packets));
    let hashes = |types: &str| {
        let verdicts = verdicts(&capture, &["--types", types]);
        verdicts.into_iter().map(|(hash, report, _)| (hash, report)).collect::<Vec<_>>()
    };
    let expected = |rows: [(&str, &str); 4]| rows.map(|(h, r)| (h.to_owned(), r.to_owned()));
    assert_eq!(
        hashes("all"),
        expected([
            ("0xee7d9cdd", "TCPv6"),
            ("0x8a1690ae", "TCPv6_EX"),
            ("0x244b714e", "TCPv6_EX"),
            ("0x40207d3d", "TCPv6_EX"),
        ])
    );
    assert_eq!(
        hashes("ipv6,ipv6-ex"),
        expected([
            ("0x829c6d35", "IPv6"),
            ("0xe6f76146", "IPv6_EX"),
            ("0x48aa80a6", "IPv6_EX"),
            ("0x2cc18cd5", "IPv6_EX"),
        ])
    );
}

#[test]
fn summary_counts() {
    let [tcp, icmp, arp] = frames();
    let packets =
        [(&tcp[..], 42), (&tcp[..34], 1500), (&icmp[..], 42), (&arp[..], 42), (&tcp[..], 42)];
    let file = TempFile::new(&pcap(Order::Little, MICROSECONDS, 1, &packets));
    let arguments = ["simulate", file.path(), "--unclassified", "5"];
    let summary: Summary = run(arguments.iter().chain(&["--json"])).json();
    let by_report = [("TCPv4", 2), ("IPv4", 2), ("none", 1)];
    let by_report = by_report.map(|(report, count)| (report.to_owned(), count)).into();
    let microsoft = "6d:5a:56:da:25:5b:0e:c2:41:67:25:3d:43:a3:8f:b0:d0:ca:2b:cb:ae:7b:30:b4:77:\
                     cb:2d:a3:80:30:f2:0c:6a:42:b7:3b:be:ac:01:fa";
    let expected = Summary {
        schema: 1,
        packets: 5,
        per_queue: vec![2, 0, 2, 0, 0, 1],
        by_report,
        cut: 1,
        hkey: microsoft.into(),
    };
    assert_eq!(summary, expected);
    let text = run(arguments).answer();
    assert!(text.contains(&format!("\n    2           2   40.0%  {}\n", "#".repeat(40))), "{text}");
    assert!(text.contains(&format!("\n    5           1   20.0%  {}\n", "#".repeat(20))), "{text}");
    assert!(text.contains("\n TCPv4           2   40.0%"), "{text}");
    assert!(text.ends_with("\n5 packets, 1 of them cut short by the capture\n"), "{text}");
}

#[test]
fn cut_off_capture_names_the_packet() {
    let capture = usual_pcap();
    let file = TempFile::new(&capture[..capture.len() - 1]);
    let expected = format!(
        "error: cannot simulate capture {}\n\
         caused by: the capture is cut off in packet 2, or that packet's length is damaged\n\
         hint: packets count from 0; `tcpdump -r FILE -w GOOD` keeps those before the damage\n",
        file.path()
    );
    assert_eq!(run(["simulate", file.path()]).refusal(2), expected);
    let stream = run(["simulate", file.path(), "--per-packet"]);
    assert_eq!((stream.code, stream.stderr), (Some(2), expected));
    assert_eq!(stream.stdout.lines().count(), 2);
}

#[test]
fn every_cut_is_an_answer_or_a_refusal() {
    for capture in [usual_pcap(), usual_pcapng()] {
        for len in 0..capture.len() {
            let file = TempFile::new(&capture[..len]);
            let run = run(["simulate", file.path()]);
            match run.code {
                Some(0) => assert_eq!(run.stderr, "", "{len}"),
                _ => {
                    let text = run.refusal(2);
                    assert!(text.starts_with("error: cannot simulate capture "), "{text}");
                    assert!(text.contains("\ncaused by: "), "{text}");
                    assert!(text.contains("\nhint: "), "{text}");
                }
            }
        }
    }
}

#[test]
fn damage_at_any_byte_is_an_answer_or_a_refusal() {
    for capture in [usual_pcap(), usual_pcapng()] {
        for at in 0..capture.len() {
            for value in [0xff, capture[at] ^ 1] {
                let mut capture = capture.clone();
                capture[at] = value;
                let file = TempFile::new(&capture);
                let run = run(["simulate", file.path()]);
                assert!(matches!(run.code, Some(0 | 2)), "{at} {value}: {}", run.stderr);
            }
        }
    }
}

#[test]
fn what_is_no_capture_is_said() {
    let cooked = pcap(Order::Little, MICROSECONDS, 113, &whole(&frames()));
    let unknown = pcap(Order::Little, MICROSECONDS, 60000, &whole(&frames()));
    let order = Order::Big;
    let nowhere = [section(order), enhanced(order, 3, &[0; 20], 20)].concat();
    let radio = [section(order), interface(order, 127, 0), enhanced(order, 0, &[0; 20], 20)];
    for (capture, cause, hint) in [
        (vec![], "the file is empty", "tcpdump -i tap0 -w FILE"),
        (b"hello, world".to_vec(), "the file is neither pcap nor pcapng", "editcap"),
        (b"hi".to_vec(), "the file is neither pcap nor pcapng", "editcap"),
        (vec![0x1f, 0x8b, 8, 0, 0], "the file is compressed", "decompress"),
        (usual_pcap()[..20].to_vec(), "the capture ends in its file header", "GOOD"),
        (usual_pcap()[..24].to_vec(), "the capture has no packets", "filter"),
        (section(order), "the capture has no packets", "filter"),
        (
            cooked,
            "packets are neither Ethernet frames nor bare IP, but of link type 113 (LINUX_SLL)",
            "not on `any`",
        ),
        (unknown, "of link type 60000 (Unknown(60000))", "TAP or TUN"),
        (nowhere, "packet 0 is of interface 3, which the capture does not describe", "GOOD"),
        (radio.concat(), "of link type 127 (IEEE802_11_RADIOTAP)", "TAP or TUN"),
    ] {
        let file = TempFile::new(&capture);
        let text = run(["simulate", file.path()]).refusal(2);
        assert!(text.contains(file.path()), "{text}");
        assert!(text.contains(cause), "{text}");
        assert!(text.split_once("hint: ").is_some_and(|(_, tail)| tail.contains(hint)), "{text}");
    }
}

#[test]
fn no_file_is_said() {
    let text = run(["simulate", "/no/such/file"]).refusal(2);
    assert!(text.contains("No such file"), "{text}");
    assert!(run(["simulate", "/"]).refusal(2).contains("Is a directory"));
}
