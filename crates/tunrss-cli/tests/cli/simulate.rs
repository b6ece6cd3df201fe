//! `tunrss simulate` on captures of every kind, whole, cut off and damaged.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::capture::{
    MICROSECONDS, MODIFIED, NANOSECONDS, Order, block, enhanced, ethernet, interface,
    interface_with, ipv4, ipv6_with, obsolete, option, pcap, section, section_with, simple,
};
use crate::harness::{BINARY, Refusal, one_object};
use crate::{Run, TempFile, run, run_with_stdin};

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
    skipped: Vec<Skipped>,
    unread: Option<String>,
    hkey: String,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
struct Skipped {
    link_type: u16,
    name: Option<String>,
    packets: u64,
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
        for magic in [MICROSECONDS, NANOSECONDS, MODIFIED] {
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
        skipped: vec![],
        unread: None,
        hkey: microsoft.into(),
    };
    assert_eq!(summary, expected);
    let text = run(arguments).answer();
    assert!(text.contains(&format!("\n    2           2   40.0%  {}\n", "#".repeat(40))), "{text}");
    assert!(text.contains(&format!("\n    5           1   20.0%  {}\n", "#".repeat(20))), "{text}");
    assert!(text.contains("\n TCPv4           2   40.0%"), "{text}");
    assert!(text.ends_with("\n5 packets, 1 of them cut short by the capture\n"), "{text}");
}

/// What the draft tells readers to pass over, and what other readers (tcpdump, tshark) do.
#[test]
fn what_nobody_needs_is_passed_over() {
    for order in [Order::Little, Order::Big] {
        let option = |code, value: &[u8]| option(order, code, value);
        let latin1 = b"Schl\xfcssel";
        let sections = [
            // "Software that reads these files MUST NOT assume an option list will have an
            // opt_endofopt" (section 3.5). shb_hardware is no UTF-8.
            section_with(order, [1, 0], &option(2, latin1)),
            // Written by some, to be read as 1.0 (section 4.1).
            section_with(order, [1, 2], &[]),
            // An option that is longer than its block.
            section_with(order, [1, 0], &[0xff; 8]),
        ];
        let interfaces = [
            // if_name; if_description; if_tzone, of four bytes (section 4.2).
            interface_with(order, [1, 0], 0, &option(2, b"tap0")),
            interface_with(order, [1, 0], 0, &option(3, latin1)),
            interface_with(order, [1, 0], 0, &option(10, &[0, 0, 0, 1])),
            // "MUST be filled with 0 by pcapng file writers, MUST be ignored".
            interface_with(order, [1, 0xffff], 0, &[]),
            // if_filter without text; if_speed, if_MACaddr and if_IPv6addr of wrong lengths.
            interface_with(order, [1, 0], 0, &option(11, &[])),
            interface_with(order, [1, 0], 0, &option(8, &[1])),
            interface_with(order, [1, 0], 0, &option(6, &[1; 5])),
            interface_with(order, [1, 0], 0, &option(5, &[1; 16])),
            // A custom option has a number of four bytes in front.
            interface_with(order, [1, 0], 0, &option(2988, &[1])),
        ];
        let others = [
            // TLS keys: "the length of Secrets Data" is above what follows.
            block(order, 10, &[&[0; 4], &[0xff; 4][..]].concat()),
            block(order, 10, &vec![b'k'; 9_000_000]),
            // Name resolution that ends early, and a custom block without its number.
            block(order, 4, &[1, 0, 5, 0, 1, 2, 3, 4]),
            block(order, 0xbad, &[]),
            // A length without the padding.
            [0xbad, 15]
                .map(|number| order.four(number))
                .into_iter()
                .flatten()
                .chain([0; 4])
                .chain(order.four(15))
                .collect(),
        ];
        let tcp = ethernet(0x0800, &ipv4(6));
        let packet = enhanced(order, 0, &tcp, tcp.len());
        let with = |section: &[u8], interface: &[u8], other: &[u8]| {
            let capture = [section, other, interface, other, packet.as_slice()].concat();
            let [expected, _, _] = expected();
            assert_eq!(verdicts(&capture, &[]), [expected]);
        };
        let (section, interface) = (section(order), interface(order, 1, 0));
        sections.iter().for_each(|section| with(section, &interface, &[]));
        interfaces.iter().for_each(|interface| with(&section, interface, &[]));
        others.iter().for_each(|other| with(&section, &interface, other));
    }
}

/// Blocks and packets of 1 GiB, most of it a hole in the file, by a process that cannot have an
/// eighth of it.
#[test]
fn long_blocks_and_packets_take_no_memory() {
    let (order, len) = (Order::Little, 1 << 30);
    let tcp = ethernet(0x0800, &ipv4(6));
    // In front of the body's end: type and length, or a packet's header.
    let secrets = [10, len + 12].map(u32::to_le_bytes);
    let record = [0, 0, len, len].map(u32::to_le_bytes);
    let interfaces = [section(order), interface(order, 1, 0)].concat();
    let file_header = pcap(order, MICROSECONDS, 1, &[]);
    for (start, hole, end) in [
        (
            [&interfaces, secrets.as_flattened()].concat(),
            len,
            [&(len + 12).to_le_bytes(), enhanced(order, 0, &tcp, tcp.len()).as_slice()].concat(),
        ),
        ([&file_header, record.as_flattened(), tcp.as_slice()].concat(), len - 42, vec![]),
    ] {
        let file = TempFile::new(&start);
        let open = || std::fs::OpenOptions::new().append(true).open(&file.0).unwrap();
        open().set_len(start.len() as u64 + u64::from(hole)).unwrap();
        std::io::Write::write_all(&mut open(), &end).unwrap();
        let line = format!("ulimit -v 131072; exec {BINARY} simulate {} --json", file.path());
        let output = std::process::Command::new("sh").args(["-c", &line]).output().unwrap();
        let summary: Summary = Run::from(output).json();
        assert_eq!(summary.by_report, [("TCPv4".to_owned(), 1)].into());
    }
}

/// As in a capture on many interfaces at once.
#[test]
fn packets_of_other_link_types_are_counted_and_named() {
    for order in [Order::Little, Order::Big] {
        let [tcp, icmp, _] = frames();
        let capture = [
            section(order),
            interface(order, 0, 0),
            interface(order, 1, 0),
            interface(order, 60_000, 0),
            enhanced(order, 1, &tcp, tcp.len()),
            enhanced(order, 0, &[2; 32], 32),
            enhanced(order, 2, &[2; 32], 32),
            enhanced(order, 0, &[2; 32], 32),
            enhanced(order, 1, &icmp, icmp.len()),
        ];
        let file = TempFile::new(&capture.concat());
        let summary: Summary = run(["simulate", file.path(), "--json"]).json();
        let skipped = |link_type, name: Option<&str>, packets| {
            let name = name.map(Into::into);
            Skipped { link_type, name, packets }
        };
        assert_eq!(summary.packets, 2);
        assert_eq!(summary.skipped, [skipped(0, Some("NULL"), 2), skipped(60_000, None, 1)]);
        let text = run(["simulate", file.path()]).answer();
        let end = "\n2 packets\n\
                   2 more of link type 0 (NULL), which go to no queue\n\
                   1 more of link type 60000, which go to no queue\n";
        assert!(text.ends_with(end), "{text}");

        let text = run(["simulate", file.path(), "--per-packet"]).answer();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text}");
        assert!(lines[0].contains("0x51ccc178") && lines[4].contains("0x323e8fc2"), "{text}");
        assert_eq!(lines[1], "packet 1        skipped: link type 0 (NULL)");
        let json = run(["simulate", file.path(), "--per-packet", "--json"]).answer();
        let line = json.lines().nth(2).unwrap();
        let expected =
            r#"{"schema":1,"packet":2,"skipped":{"link_type":60000,"name":null,"packets":1}}"#;
        assert_eq!(line, expected);
    }
}

#[test]
fn standard_input_is_read() {
    for capture in [usual_pcap(), usual_pcapng()] {
        let file = TempFile::new(&capture);
        let piped = run_with_stdin(&["simulate", "-"], &capture).answer();
        assert_eq!(piped, run(["simulate", file.path()]).answer());
    }
    let text = run_with_stdin(&["simulate", "-"], b"").refusal(2);
    assert!(text.starts_with("error: cannot simulate the capture from standard input\n"), "{text}");
}

/// A capture that is still being written, for one.
#[test]
fn cut_off_capture_is_answered_for_as_far_as_it_goes() {
    let capture = usual_pcap();
    let file = TempFile::new(&capture[..capture.len() - 1]);
    let expected = format!(
        "error: cannot simulate the rest of the capture {}\n\
         caused by: it is cut off in packet 2, or a length there is damaged\n\
         hint: packets count from 0; `tcpdump -r FILE -w GOOD` keeps those before the damage\n",
        file.path()
    );
    let summary = run(["simulate", file.path()]);
    assert_eq!((summary.code, summary.stderr), (Some(2), expected.clone()));
    let end = "\n2 packets\nthe rest of the capture was not read: it is cut off in packet 2, or a \
               length there is damaged\n";
    assert!(summary.stdout.ends_with(end), "{}", summary.stdout);
    let stream = run(["simulate", file.path(), "--per-packet"]);
    assert_eq!((stream.code, stream.stderr), (Some(2), expected));
    assert_eq!(stream.stdout.lines().count(), 2);

    let json = run(["simulate", file.path(), "--json"]);
    let summary: Summary = one_object(&json.stdout);
    let refusal: Refusal = one_object(&json.stderr);
    assert_eq!((summary.packets, refusal.exit_code), (2, 2));
    assert_eq!(summary.unread.unwrap(), refusal.caused_by[0]);
}

/// Whether a run on what is no whole capture says all that it has to; how many packets it counted.
#[track_caller]
fn partial(run: Run) -> u64 {
    if run.code == Some(0) {
        assert_eq!(run.stderr, "");
        let summary: Summary = one_object(&run.stdout);
        assert_eq!(summary.unread, None);
        return summary.packets;
    }
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    let refusal: Refusal = one_object(&run.stderr);
    assert!(!refusal.caused_by.is_empty() && refusal.hint.is_some(), "{}", run.stderr);
    if run.stdout.is_empty() {
        assert!(refusal.error.starts_with("cannot simulate the capture "), "{}", run.stderr);
        return 0;
    }
    assert!(refusal.error.starts_with("cannot simulate the rest of the capture "));
    let summary: Summary = one_object(&run.stdout);
    assert!(summary.unread.is_some());
    summary.packets
}

#[test]
fn every_cut_is_an_answer_or_a_refusal() {
    for capture in [usual_pcap(), usual_pcapng()] {
        let mut before = 0;
        for len in 0..=capture.len() {
            let file = TempFile::new(&capture[..len]);
            let packets = partial(run(["simulate", file.path(), "--json"]));
            assert!((before..=before + 1).contains(&packets), "{len}");
            before = packets;
        }
        assert!(before >= 3);
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
                partial(run(["simulate", file.path(), "--json"]));
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
    let simple = [section(order), simple(order, &[0; 20], 20)].concat();
    let radio = [section(order), interface(order, 127, 0), enhanced(order, 0, &[0; 20], 20)];
    let version = section_with(order, [2, 0], &[]);
    let mut claims = [section(order), interface(order, 1, 0)].concat();
    claims.extend(enhanced(order, 0, &[0; 20], 20));
    let captured_len = claims.len() - 4 - 8 - 20 - 8 + 3;
    claims[captured_len] = 29;
    for (capture, cause, hint) in [
        (vec![], "it is empty", "tcpdump -i tap0 -w FILE"),
        (b"hello, world".to_vec(), "it is neither pcap nor pcapng", "editcap"),
        (b"hi".to_vec(), "it is neither pcap nor pcapng", "editcap"),
        (usual_pcap()[..20].to_vec(), "it ends in its file header", "tcpdump -r FILE"),
        (version, "a section has version 2.0 of pcapng", "tcpdump -r FILE"),
        (usual_pcap()[..24].to_vec(), "it has no packets", "filter"),
        (section(order), "it has no packets", "filter"),
        (
            cooked,
            "its packets are neither Ethernet frames nor bare IP, but of link type 113 (LINUX_SLL)",
            "not on `any`",
        ),
        (unknown, "of link type 60000\n", "TAP or TUN"),
        (nowhere, "the packet is of interface 3, which the capture does not describe", "GOOD"),
        (simple, "the packet is of interface 0, which the capture does not describe", "GOOD"),
        (
            [section(order), order.four(7).into(), order.four(8).into()].concat(),
            "a block of type 0x00000007 has a length of 8 bytes",
            "GOOD",
        ),
        (claims, "the packet claims 29 bytes, and its block has room for 28", "GOOD"),
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
fn compressed_captures_are_named_with_what_decompresses_them() {
    for (magic, name, command) in [
        (&[0x1f, 0x8b, 8, 0, 0][..], "gzip", "gzip -dc"),
        (&[0x28, 0xb5, 0x2f, 0xfd, 4], "zstd", "zstd -dc"),
        (b"\xfd7zXZ\0", "xz", "xz -dc"),
        (b"BZh91AY&SY", "bzip2", "bzip2 -dc"),
        (&[0x04, 0x22, 0x4d, 0x18, 0x64], "LZ4", "lz4 -dc"),
    ] {
        let file = TempFile::new(magic);
        let text = run(["simulate", file.path()]).refusal(2);
        let expected = format!(
            "caused by: it is compressed with {name}\n\
             hint: decompress it first, as in `{command} FILE | tunrss simulate -`\n"
        );
        assert!(text.ends_with(&expected), "{text}");
    }
}

#[test]
fn no_file_is_said() {
    let text = run(["simulate", "/no/such/file"]).refusal(2);
    assert!(text.contains("No such file"), "{text}");
    assert!(run(["simulate", "/"]).refusal(2).contains("Is a directory"));
}
