//! `tunrss hash`: the vectors of Microsoft's RSS verification suite, IPv4 and IPv6.

use serde::Deserialize;

use crate::{TempFile, run, run_line};

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
struct Answer {
    schema: u32,
    hash: Option<String>,
    report: String,
    index: Option<usize>,
    queue: u16,
}

/// Source, destination, hash of the addresses, hash of addresses and ports.
const VECTORS: [(&str, &str, u32, u32); 8] = [
    ("66.9.149.187:2794", "161.142.100.80:1766", 0x323e_8fc2, 0x51cc_c178),
    ("199.92.111.2:14230", "65.69.140.83:4739", 0xd718_262a, 0xc626_b0ea),
    ("24.19.198.95:12898", "12.22.207.184:38024", 0xd2d0_a5de, 0x5c2b_394a),
    ("38.27.205.30:48228", "209.142.163.6:2217", 0x8298_9176, 0xafc7_327f),
    ("153.39.163.191:44251", "202.188.127.2:1303", 0x5d18_09c5, 0x10e8_28a2),
    ("[3ffe:2501:200:1fff::7]:2794", "[3ffe:2501:200:3::1]:1766", 0x2cc1_8cd5, 0x4020_7d3d),
    ("[3ffe:501:8::260:97ff:fe40:efab]:14230", "[ff02::1]:4739", 0x0f0c_461c, 0xdde5_1bbf),
    (
        "[3ffe:1900:4545:3:200:f8ff:fe21:67cf]:44251",
        "[fe80::200:f8ff:fe21:67cf]:38024",
        0x4b61_e985,
        0x02d1_feef,
    ),
];

#[test]
fn vectors_hold() {
    let mut values = 0;
    for (source, destination, addresses, with_ports) in VECTORS {
        let version = if source.starts_with('[') { 6 } else { 4 };
        let host = |endpoint: &str| endpoint.rsplit_once(':').unwrap().0.to_owned();
        let (source_host, destination_host) = (host(source), host(destination));
        for (protocol, source, destination, hash, report) in [
            ("--ip", source_host.as_str(), destination_host.as_str(), addresses, "IP"),
            ("--tcp", source, destination, with_ports, "TCP"),
            ("--udp", source, destination, with_ports, "UDP"),
        ] {
            let report = format!("{report}v{version}");
            let (index, queue) = (hash as usize & 127, hash as u16 & 3);
            let hash = format!("0x{hash:08x}");
            let text = run(["hash", protocol, source, destination]).answer();
            assert_eq!(
                text,
                format!(
                    "hash    {hash}\nreport  {report}\nindex   {index} ({hash} & 127)\n\
                     queue   {queue}\n"
                )
            );
            let json: Answer = run(["hash", protocol, source, destination, "--json"]).json();
            let (hash, index) = (Some(hash), Some(index));
            assert_eq!(json, Answer { schema: 1, hash, report, index, queue });
            values += usize::from(protocol != "--udp");
        }
    }
    assert_eq!(values, 16);
}

#[test]
fn options_decide() {
    let hash = |options: &str| -> Answer {
        run_line(&format!("hash --tcp 66.9.149.187:2794 161.142.100.80:1766 -j {options}")).json()
    };
    assert_eq!(hash("--types udpv4,ipv4").hash.unwrap(), "0x323e8fc2");
    let none = Answer { schema: 1, hash: None, report: "none".into(), index: None, queue: 9 };
    assert_eq!(hash("--types tcpv6 --unclassified 9"), none);
    assert_eq!(hash("--types none --unclassified 9"), none);
    assert_eq!(hash("--weight 120,8").queue, 1);
    assert_eq!(hash("--equal 1 --start 7").queue, 7);
    assert_eq!(hash("--equal 200").index, Some(0x78));
    let short_key = "--hkey 6d:5a:56:da:25:5b:0e:c2:41:67:25:3d:43:a3:8f:b0 --types TCPv4,IPv4";
    assert_eq!(hash(short_key).hash.unwrap(), "0x51ccc178");
    let (_, key) = short_key.split_once("--hkey ").unwrap();
    let (key, types) = key.split_once(' ').unwrap();
    let file = TempFile::new(format!("{key}\n").as_bytes());
    assert_eq!(hash(&format!("--hkey @{} {types}", file.path())).hash.unwrap(), "0x51ccc178");
    let table = TempFile::new(b"5, 6  # the two of them\n");
    assert_eq!(hash(&format!("--table {}", table.path())).queue, 5);
    let rows =
        b"RX flow hash indirection table for eth0 with 2 RX ring(s):\n    0:      0     1\n    \
                 2:      3     2\nRSS hash key:\n6d:5a\nRSS hash function:\n    toeplitz: on\n";
    let table = TempFile::new(rows);
    assert_eq!(hash(&format!("--table {}", table.path())).queue, 0);
}

#[test]
fn symmetric_key_keeps_a_flow_together() {
    let hash = |source: &str, destination: &str, key: &str| -> Option<String> {
        run(["hash", "--udp", source, destination, "--hkey", key, "-j"]).json::<Answer>().hash
    };
    let (here, there) = ("192.0.2.1:5000", "198.51.100.9:53");
    assert_eq!(hash(here, there, "symmetric"), hash(there, here, "symmetric"));
    assert_ne!(hash(here, there, "microsoft"), hash(there, here, "microsoft"));
    assert_ne!(hash(here, there, "random"), hash(here, there, "random"));
}
