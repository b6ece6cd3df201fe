//! `tunrss capture`: what the file has, beside what was sent into the device and what was read
//! from its queues.
//!
//! Frames are sent into a device `s0`, from which a bridge takes them to `t0`. The files are read by
//! the pcap-parser crate, which does not write them.

use std::fs;
use std::io;
use std::net::UdpSocket;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use pcap_parser::{Block, OptionCode, PcapNGOption, parse_block_le};
use serde::Deserialize;
use tunrss::hash::{HashKey, HashReport, HashTypes, Link, SteeringConfig, VnetHdr};
use tunrss::netns::NetNs;
use tunrss::{Config, Device, IfName, Queue, ReportMode, Steering};
use tunrss_testkit::packet::{Packet as Built, V4, V6};
use tunrss_testkit::reference::classify;
use tunrss_testkit::strategy::{generate, packets};

use crate::harness::{BINARY, Run, TempFile, one_object, refusal, tunrss};
use crate::net::{AS_USER_WITH_DEVICE, Net, WITHOUT_CAPABILITIES, succeed};

/// Both devices and the bridge between them, in a network namespace where the kernel has nothing to
/// send of its own accord.
struct Site {
    s0: Queue,
    t0: Device,
    queues: Vec<Queue>,
    _netns: NetNs,
}

impl Site {
    fn new() -> Self {
        let netns = NetNs::enter_new().unwrap();
        fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").unwrap();
        let create = |name, queues| Device::create(&IfName::new(name).unwrap(), queues).unwrap();
        let (_, mut s0) = create("s0", 1);
        let (t0, queues) = create("t0", 4);
        // Which would greet others.
        ip("link add br0 type bridge mcast_snooping 0");
        for name in ["s0", "t0"] {
            ip(&format!("link set {name} master br0 up"));
        }
        ip("link set br0 up");
        Self { s0: s0.remove(0), t0, queues, _netns: netns }
    }

    fn steer(&mut self, config: &Config, mode: ReportMode) -> Steering {
        let steering = steer(&self.t0, config, mode);
        for queue in &mut self.queues {
            queue.set_report(steering.report());
        }
        steering
    }

    /// What is waiting in the queues of `t0`: all that has been sent, as a bridge does not wait.
    fn read_all(&self) -> Vec<Packet> {
        let mut buffer = vec![0; 70_000];
        let mut packets = Vec::new();
        for (number, queue) in (0..).zip(&self.queues) {
            loop {
                match queue.recv(&mut buffer) {
                    Ok(received) => packets.push(Packet {
                        frame: buffer[..received.len].to_vec(),
                        queue: Some(number),
                        hash: received.hash(),
                        comment: Some(received.report().to_string()),
                    }),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
        packets
    }
}

/// A packet of a queue or a file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Packet {
    frame: Vec<u8>,
    queue: Option<u32>,
    hash: Option<u32>,
    comment: Option<String>,
}

fn sorted(mut packets: Vec<Packet>) -> Vec<Packet> {
    packets.sort();
    packets
}

fn config() -> Config {
    let table = (0..64).map(|entry| (entry * entry / 5) % 4).collect();
    SteeringConfig::new(HashTypes::ALL, HashKey::MICROSOFT, table, 3).unwrap()
}

/// Frames of every kind that the meaning tells apart, and their headers. The last ones are to be
/// segmented.
fn frames() -> Vec<(VnetHdr, Vec<u8>)> {
    let has_header = |frame: &Vec<u8>| frame.len() >= 14;
    let generated = generate(packets(Link::Ethernet), 7).filter(has_header).take(300);
    let mut frames: Vec<_> = generated
        .map(|mut frame| {
            // The bridge takes no frame from a group, and keeps what is to a reserved address.
            frame[..12].copy_from_slice(&[2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8]);
            (VnetHdr::default(), frame)
        })
        .collect();
    let v4 = V4::new([10, 0, 0, 1], [10, 0, 0, 2]);
    let v6 = V6::new(1, 2);
    for (built, gso_type, start) in [
        (Built::tcp(v4, 5000, 80), VnetHdr::GSO_TCPV4, 34),
        (Built::tcp(v6, 5000, 80), VnetHdr::GSO_TCPV6, 54),
    ] {
        for len in [3000, 60_000] {
            let frame = built.clone().payload(&vec![0xa5; len]).to_bytes(Link::Ethernet);
            let header = VnetHdr {
                flags: VnetHdr::NEEDS_CSUM,
                gso_type,
                hdr_len: start + 20,
                gso_size: 1400,
                csum_start: start,
                csum_offset: 16,
                ..VnetHdr::default()
            };
            frames.push((header, frame));
        }
    }
    frames
}

/// A capture under way in the namespace of the calling thread, on the device with `index`.
struct Running(Option<Child>);

impl Running {
    fn start(line: &str, index: u32) -> Self {
        let mut command = Command::new(BINARY);
        command.arg("capture").args(line.split_whitespace()).env_remove("NO_COLOR");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let running = Self(Some(command.spawn().unwrap()));
        eventually("it listens", || {
            let sockets = fs::read_to_string("/proc/thread-self/net/packet").unwrap();
            // Type, protocol, and the device that it is bound to.
            let wanted = ["3", "0003", &index.to_string()];
            sockets.lines().any(|line| line.split_whitespace().skip(2).take(3).eq(wanted))
        });
        running
    }

    fn signal(&self, name: &str) {
        let pid = self.0.as_ref().unwrap().id().to_string();
        succeed(Command::new("kill").args([&format!("-{name}"), &pid]));
    }

    fn output(mut self) -> std::process::Output {
        self.0.take().unwrap().wait_with_output().unwrap()
    }

    fn end(self) -> Run {
        self.output().into()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "not so: {what}");
        std::thread::yield_now();
    }
}

fn steer(device: &Device, config: &Config, mode: ReportMode) -> Steering {
    device.steer(config, mode).unwrap()
}

fn ip(line: &str) {
    succeed(Command::new("ip").args(line.split_whitespace()));
}

/// What a file has, in its order.
#[derive(Default, Debug)]
struct Capture {
    outgoing: Vec<Packet>,
    incoming: Vec<Packet>,
    times: Vec<Duration>,
    /// Came to the socket, dropped, in the file.
    statistics: Option<[u64; 3]>,
}

fn read_file(path: &str) -> Capture {
    parse(&fs::read(path).unwrap(), "t0")
}

/// How many outgoing packets are in a file that is being written; `None` in the middle of a block.
fn outgoing_so_far(path: &str) -> Option<usize> {
    let bytes = fs::read(path).unwrap();
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        // A block's length is behind its type.
        let len = u32::from_le_bytes(*rest.get(4..)?.first_chunk()?);
        rest = rest.get(len as usize..)?;
    }
    // Before the first packet there may be nothing.
    (!bytes.is_empty()).then(|| parse(&bytes, "t0").outgoing.len())
}

fn parse(bytes: &[u8], device: &str) -> Capture {
    let mut rest = bytes;
    let mut capture = Capture::default();
    while !rest.is_empty() {
        let (behind, block) = parse_block_le(rest).unwrap();
        rest = behind;
        match block {
            Block::SectionHeader(section) => {
                let [os, application] = options(&section.options);
                assert!(os.0 == OptionCode::ShbOs && os.1.starts_with(b"Linux "));
                let (code, name) = application;
                assert!(code == OptionCode::ShbUserAppl && name.starts_with(b"tunrss "));
            }
            Block::InterfaceDescription(interface) => {
                assert_eq!((interface.linktype.0, interface.snaplen), (1, 1 << 18));
                let name = (OptionCode::IfName, device.as_bytes());
                assert_eq!(options(&interface.options), [name, (OptionCode::IfTsresol, &[9])]);
            }
            Block::EnhancedPacket(packet) => {
                assert_eq!((packet.if_id, packet.origlen), (0, packet.caplen));
                capture.times.push(time(packet.ts_high, packet.ts_low));
                let frame = packet.data[..packet.caplen as usize].to_vec();
                let mut found = Packet { frame, queue: None, hash: None, comment: None };
                let mut flags = None;
                for option in &packet.options {
                    let value = option.as_bytes().unwrap();
                    match (option.code, value) {
                        (OptionCode::EndOfOpt, []) => {}
                        (EPB_FLAGS, _) => flags = Some(word(value)),
                        // The algorithm is Toeplitz.
                        (EPB_HASH, [5, hash @ ..]) => found.hash = Some(word(hash)),
                        (EPB_QUEUE, _) => found.queue = Some(word(value)),
                        (OptionCode::Comment, text) => {
                            found.comment = Some(String::from_utf8(text.to_vec()).unwrap());
                        }
                        other => panic!("{other:?}"),
                    }
                }
                match flags {
                    Some(1) => capture.incoming.push(found),
                    Some(2) => capture.outgoing.push(found),
                    other => panic!("{other:?}"),
                }
            }
            Block::InterfaceStatistics(statistics) => {
                let end = time(statistics.ts_high, statistics.ts_low);
                let [start, end_again] = [statistics.isb_starttime(), statistics.isb_endtime()]
                    .map(|found| found.unwrap().unwrap())
                    .map(|(high, low)| time(high, low));
                assert_eq!(end_again, end);
                assert!(start <= end && end <= SystemTime::UNIX_EPOCH.elapsed().unwrap());
                assert!(capture.times.iter().all(|&at| at <= end));
                let counts =
                    [statistics.isb_ifrecv(), statistics.isb_osdrop(), statistics.isb_usrdeliv()];
                capture.statistics = Some(counts.map(|count| count.unwrap().unwrap()));
            }
            other => panic!("{other:?}"),
        }
    }
    capture
}

/// The `N` options, in front of the end of options.
fn options<'a, const N: usize>(options: &'a [PcapNGOption<'_>]) -> [(OptionCode, &'a [u8]); N] {
    let (end, options) = options.split_last().unwrap();
    assert_eq!((end.code, end.len), (OptionCode::EndOfOpt, 0));
    let options: Vec<_> =
        options.iter().map(|option| (option.code, option.as_bytes().unwrap())).collect();
    options.try_into().unwrap()
}

fn word(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes.try_into().unwrap())
}

/// Nanoseconds in two words.
fn time(high: u32, low: u32) -> Duration {
    Duration::from_nanos(u64::from(high) << 32 | u64::from(low))
}

// Options of a packet.
const EPB_FLAGS: OptionCode = OptionCode(2);
const EPB_HASH: OptionCode = OptionCode(3);
const EPB_QUEUE: OptionCode = OptionCode(6);

/// Each frame as its reader has it, on its queue, with its hash.
#[test]
#[ignore = "cargo xtask test bpf"]
fn file_has_what_readers_get() {
    let config = config();
    for mode in ReportMode::ALL {
        let mut site = Site::new();
        let steering = site.steer(&config, mode);
        let file = TempFile::new(b"");
        let running = Running::start(&format!("t0 -w {}", file.path()), site.t0.index());
        let before = SystemTime::UNIX_EPOCH.elapsed().unwrap();
        let mut read = Vec::new();
        for (header, frame) in frames() {
            site.s0.send(&header, &frame).unwrap();
            read.extend(site.read_all());
        }
        running.signal("INT");
        let answer = running.end().answer();

        let capture = read_file(file.path());
        assert!(capture.incoming.is_empty());
        assert_eq!(capture.statistics, Some([read.len() as u64, 0, read.len() as u64]));
        assert!(capture.times.is_sorted() && capture.times[0] >= before);
        let what =
            if mode == ReportMode::Kernel { "reported by the kernel" } else { "hashed here" };
        let count = read.len();
        let summary =
            format!("{count} packets captured on t0, {count} {what}; 0 lost for want of room\n");
        assert_eq!(answer, summary);
        // The queue is where the packet was read; what the reader does not say of it, another
        // implementation does.
        for packet in &mut read {
            let verdict = classify(&config, Link::Ethernet, &packet.frame);
            let is_hashed = verdict.report != HashReport::None;
            if mode != ReportMode::Off {
                assert_eq!(packet.hash, is_hashed.then_some(verdict.hash));
            }
            packet.hash = is_hashed.then_some(verdict.hash);
            let computed = if mode == ReportMode::Kernel { "" } else { " (computed)" };
            packet.comment = Some(format!("{}{computed}", verdict.report));
        }
        assert!(sorted(capture.outgoing.clone()) == sorted(read), "{mode}");
        // They were of every kind.
        let longest = capture.outgoing.iter().map(|packet| packet.frame.len()).max();
        assert!(longest > Some(60_000));
        let mut reports: Vec<_> = capture.outgoing.iter().map(|packet| &packet.comment).collect();
        reports.sort();
        reports.dedup();
        assert_eq!(reports.len(), HashReport::ALL.len(), "{reports:?}");
        // With a tag in its place that was beside the packet.
        assert!(capture.outgoing.iter().any(|packet| packet.frame[12..14] == [0x81, 0]), "{mode}");
        drop(steering);
    }
}

/// What comes from a device's holder is as it was sent, with every tag, and has no hash.
#[test]
#[ignore = "cargo xtask test bpf"]
fn incoming_packets_are_not_steered() {
    let mut site = Site::new();
    let s0 = Device::open(&IfName::new("s0").unwrap()).unwrap();
    let steering = steer(&s0, &config(), ReportMode::Kernel);
    let file = TempFile::new(b"");
    let running = Running::start(&format!("s0 --write {}", file.path()), s0.index());
    let mut frames = frames();
    // The kernel drops what ends right behind its first tag before anybody sees it
    // (skb_vlan_untag, net/core/skbuff.c, v6.12).
    frames.retain(|(_, frame)| frame.len() >= 20);
    for tags in [&[0x8100][..], &[0x88a8, 0x8100], &[0x88a8, 0x8100, 0x8100]] {
        let tagged =
            tags.iter().fold(Built::udp(V4::new(1, 2), 3, 4), |built, &tag| built.vlan(tag));
        frames.push((VnetHdr::default(), tagged.to_bytes(Link::Ethernet)));
    }
    for (header, frame) in &frames {
        site.s0.send(header, frame).unwrap();
        // So that there is room.
        site.read_all();
    }
    running.signal("TERM");
    let answer = running.end().answer();
    let count = frames.len();
    assert_eq!(answer, format!("{count} packets captured on s0; 0 lost for want of room\n"));
    let capture = parse(&fs::read(file.path()).unwrap(), "s0");
    let without = |frame: Vec<u8>| Packet { frame, queue: None, hash: None, comment: None };
    let expected: Vec<_> = frames.into_iter().map(|(_, frame)| without(frame)).collect();
    assert!(capture.incoming == expected && capture.outgoing.is_empty());
    drop(steering);
    // Nothing of it is a reader's loss.
    site.queues.clear();
}

/// Without steering there is nothing to say of a packet but itself.
#[test]
#[ignore = "cargo xtask test bpf"]
fn packets_of_a_device_without_steering() {
    let site = Site::new();
    let running = Running::start("t0 -w -", site.t0.index());
    for (header, frame) in frames() {
        site.s0.send(&header, &frame).unwrap();
    }
    running.signal("INT");
    let output = running.output();
    assert_eq!(output.status.code(), Some(0));
    let capture = parse(&output.stdout, "t0");
    let summary =
        format!("{} packets captured on t0; 0 lost for want of room\n", capture.outgoing.len());
    assert_eq!(String::from_utf8(output.stderr).unwrap(), summary);
    let mut read = site.read_all();
    for packet in &mut read {
        *packet = Packet { frame: packet.frame.clone(), queue: None, hash: None, comment: None };
    }
    assert!(read.len() > 200 && sorted(capture.outgoing) == sorted(read));
}

/// The report mode may change under it.
#[test]
#[ignore = "cargo xtask test bpf"]
fn change_of_the_report_mode_is_noticed() {
    let mut site = Site::new();
    let config = config();
    let mut steering = site.steer(&config, ReportMode::Off);
    let mut running = Running::start("t0 --json", site.t0.index());
    let mut lines = io::BufReader::new(running.0.as_mut().unwrap().stdout.take().unwrap());
    let frame = Built::udp(V4::new(1, 2), 3, 4).to_bytes(Link::Ethernet);
    let mut by = |site: &Site| -> Line {
        site.s0.send(&VnetHdr::default(), &frame).unwrap();
        let mut line = String::new();
        io::BufRead::read_line(&mut lines, &mut line).unwrap();
        one_object(&line)
    };
    let before = by(&site);
    assert_eq!(before.by.as_deref(), Some("capture"));
    steering.replace(&config, ReportMode::Kernel).unwrap();
    let mut last = None;
    eventually("the prefix is found", || {
        let line = by(&site);
        let is_found = line.by.as_deref() == Some("kernel");
        last = Some(line);
        is_found
    });
    let after = last.unwrap();
    assert_eq!(after.length, before.length);
    assert_eq!((after.hash, after.queue), (before.hash, before.queue));
    running.signal("INT");
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
struct Line {
    schema: u32,
    time: String,
    direction: String,
    queue: Option<u16>,
    hash: Option<String>,
    report: Option<String>,
    by: Option<String>,
    length: usize,
    source: Option<String>,
    destination: Option<String>,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
struct Summary {
    schema: u32,
    device: String,
    packets: u64,
    reported: u64,
    computed: u64,
    dropped: u64,
    end: String,
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn packets_are_printed() {
    let mut site = Site::new();
    let config = config();
    let steering = site.steer(&config, ReportMode::Kernel);
    let udp =
        Built::udp(V4::new([192, 0, 2, 1], [192, 0, 2, 2]), 4096, 53).to_bytes(Link::Ethernet);
    let other = [&[2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8][..], &[0x88, 0xb5], &[0; 50]].concat();
    let verdict = classify(&config, Link::Ethernet, &udp);
    let send = || {
        for frame in [&udp, &other, &other] {
            site.s0.send(&VnetHdr::default(), frame).unwrap();
        }
    };
    let running = Running::start("t0 --count 2", site.t0.index());
    send();
    let text = running.end().answer();
    let lines: Vec<_> =
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    let (hash, queue) = (format!("0x{:08x}", verdict.hash), verdict.queue.to_string());
    let length = udp.len().to_string();
    let expected = [
        "out",
        "queue",
        &queue,
        "hash",
        &hash,
        "UDPv4",
        "kernel",
        &length,
        "bytes",
        "192.0.2.1:4096",
        "to",
        "192.0.2.2:53",
    ];
    assert_eq!(lines[0][1..], expected);
    let expected = [
        "out",
        "queue",
        "3",
        "hash",
        "none",
        "none",
        "kernel",
        "64",
        "bytes",
        "02:00:00:00:00:08",
        "to",
        "02:00:00:00:00:09",
    ];
    assert_eq!(lines[1][1..], expected);
    // The end of what --count asked for, though more came.
    let summary = "2 packets captured on t0, 2 reported by the kernel; 0 lost for want of room";
    assert_eq!(text.lines().nth(2), Some(summary));
    assert_eq!(lines.len(), 3);

    let running = Running::start("t0 -c 1 --json", site.t0.index());
    let before = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    send();
    let text = running.end().answer();
    let (line, summary) = text.split_once('\n').unwrap();
    let line: Line = one_object(&format!("{line}\n"));
    let (seconds, nanoseconds) = line.time.split_once('.').unwrap();
    let time = Duration::new(seconds.parse().unwrap(), nanoseconds.parse().unwrap());
    assert!(nanoseconds.len() == 9 && time >= before);
    let expected = Line {
        schema: 1,
        time: line.time.clone(),
        direction: "out".into(),
        queue: Some(verdict.queue),
        hash: Some(hash),
        report: Some("UDPv4".into()),
        by: Some("kernel".into()),
        length: udp.len(),
        source: Some("192.0.2.1:4096".into()),
        destination: Some("192.0.2.2:53".into()),
    };
    assert_eq!(line, expected);
    let summary: Summary = one_object(summary);
    let expected = Summary {
        schema: 1,
        device: "t0".into(),
        packets: 1,
        reported: 1,
        computed: 0,
        dropped: 0,
        end: "count".into(),
    };
    assert_eq!(summary, expected);
    drop(steering);
}

/// What has been captured is in the file soon, and the file ends with a whole packet.
#[test]
#[ignore = "cargo xtask test bpf"]
fn file_of_a_killed_capture_can_be_read() {
    let mut site = Site::new();
    let steering = site.steer(&config(), ReportMode::Kernel);
    let file = TempFile::new(b"");
    let running = Running::start(&format!("t0 -w {}", file.path()), site.t0.index());
    let mut sent = 0;
    for round in 0..20 {
        for (header, frame) in frames().iter().skip(round).step_by(20) {
            site.s0.send(header, frame).unwrap();
        }
        sent += site.read_all().len();
        // Nothing but what comes next would have it written.
        eventually("all packets are in the file", || outgoing_so_far(file.path()) == Some(sent));
    }
    running.signal("KILL");
    assert_eq!(running.output().status.signal(), Some(9));
    let capture = read_file(file.path());
    assert_eq!((capture.outgoing.len(), capture.statistics), (sent, None));
    drop(steering);
}

/// It goes on when the device is set down and up, and ends when that is deleted.
#[test]
#[ignore = "cargo xtask test bpf"]
fn capture_ends_with_its_device() {
    let site = Site::new();
    let file = TempFile::new(b"");
    let running = Running::start(&format!("t0 --json -w {}", file.path()), site.t0.index());
    let frame = Built::udp(V4::new(1, 2), 3, 4).to_bytes(Link::Ethernet);
    let has = |count| {
        eventually("it is in the file", || outgoing_so_far(file.path()) == Some(count));
    };
    site.s0.send(&VnetHdr::default(), &frame).unwrap();
    has(1);
    ip("link set t0 down");
    ip("link set t0 up");
    site.s0.send(&VnetHdr::default(), &frame).unwrap();
    has(2);
    site.t0.clone().delete().unwrap();
    let summary: Summary = running.end().json();
    assert_eq!((summary.packets, summary.end.as_str()), (2, "gone"));
    assert_eq!(read_file(file.path()).statistics, Some([2, 0, 2]));
}

/// A device that is renamed is the same, also when another one has its old name.
#[test]
#[ignore = "cargo xtask test bpf"]
fn device_that_is_renamed() {
    let site = Site::new();
    let file = TempFile::new(b"");
    let running = Running::start(&format!("t0 --json -w {}", file.path()), site.t0.index());
    let has = |count| {
        eventually("it is in the file", || outgoing_so_far(file.path()) == Some(count));
    };
    let frame = [&[2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8, 0x88, 0xb5][..], &[7; 46]].concat();
    site.s0.send(&VnetHdr::default(), &frame).unwrap();
    has(1);
    ip("link set t0 down");
    ip("link set t0 name t1");
    ip("link set t1 up");
    let (_namesake, _queues) = Device::create(site.t0.name(), 1).unwrap();
    // It has looked for the device since, as it does once a second.
    let looked = Instant::now() + Duration::from_millis(2500);
    let mut sent = 1;
    while Instant::now() < looked {
        site.s0.send(&VnetHdr::default(), &frame).unwrap();
        sent += 1;
        has(sent);
    }
    ip("link del t1");
    let summary: Summary = running.end().json();
    assert_eq!((summary.packets, summary.end.as_str()), (sent as u64, "gone"));
}

/// A name is not enough: another device may have got it.
#[test]
#[ignore = "cargo xtask test bpf"]
fn device_of_the_same_name_is_another() {
    let site = Site::new();
    let name = site.t0.name().clone();
    ip("link set t0 down");
    let running = Running::start("t0", site.t0.index());
    site.t0.clone().delete().unwrap();
    let (_device, _queues) = Device::create(&name, 1).unwrap();
    let answer = running.end().answer();
    assert_eq!(answer, "0 packets captured on t0; 0 lost for want of room; the device is gone\n");
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn what_cannot_be_captured() {
    let net = Net::with_device(2);
    let refusal = net.refusal(2, "capture no0");
    assert_eq!(refusal.error, "there is no device no0");
    let refusal = net.refusal(2, "capture lo");
    assert_eq!(refusal.error, "lo is a physical or loopback device, not a TUN, TAP or macvtap");
    let refusal = net.refusal_through(WITHOUT_CAPABILITIES, 3, "capture t0");
    assert_eq!(refusal.error, "cannot capture packets of t0");
    assert!(refusal.hint.unwrap().contains("CAP_NET_RAW"));
    let refusal = net.refusal(2, "capture t0 -w /no/such/place");
    assert_eq!(refusal.error, "cannot write /no/such/place");
    assert_eq!(refusal.hint.as_deref(), Some("check the path"));
    let run = net.run("capture t0 -w - --json").refusal(2);
    assert!(run.contains("cannot put a pcapng capture on standard output with --json"), "{run}");
    let run = net.run("capture t0 --count 0").refusal(2);
    assert!(run.contains("invalid value '0' for '--count <N>'"), "{run}");
    // Not even begun: the headers find no room.
    let run = net.run("capture t0 -w /dev/full").refusal(3);
    assert!(run.starts_with("error: cannot write /dev/full\ncaused by: No space left"), "{run}");
    assert!(!Path::new("/no").exists());
}

/// A file is not touched by a capture that does not begin.
#[test]
#[ignore = "cargo xtask test bpf"]
fn refused_capture_leaves_a_file_alone() {
    let net = Net::with_device(2);
    let file = TempFile::new(b"precious");
    net.refusal(2, &format!("capture no0 -w {}", file.path()));
    net.refusal_through(WITHOUT_CAPABILITIES, 3, &format!("capture t0 -w {}", file.path()));
    assert_eq!(fs::read(file.path()).unwrap(), b"precious");
}

/// A new file is nobody else's to read; and no link of another user leads a capture, which is mostly
/// root's, to a file of root's.
#[test]
#[ignore = "cargo xtask test bpf"]
fn files_are_their_owners_alone() {
    let site = Site::new();
    let beside = |file: &TempFile, name: &str| TempFile(file.0.with_extension(name));
    let captured = |path: &str| {
        let running = Running::start(&format!("t0 -w {path}"), site.t0.index());
        running.signal("INT");
        let output = running.output();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let mode = |file: &TempFile| fs::metadata(&file.0).unwrap().permissions().mode() & 0o777;

    let base = TempFile::new(b"");
    let new = beside(&base, "new");
    captured(new.path());
    assert_eq!(mode(&new), 0o600);
    parse(&fs::read(&new.0).unwrap(), "t0");

    // Root's link, by a path that is relative to it; and the links of the kernel.
    let (link, led) = (beside(&base, "link"), beside(&base, "led"));
    symlink(led.0.file_name().unwrap(), &link.0).unwrap();
    captured(link.path());
    assert_eq!(mode(&led), 0o600);
    parse(&fs::read(&led.0).unwrap(), "t0");
    assert!(captured("/dev/stdout").starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]));

    lchown(&link.0, Some(65534), Some(65534)).unwrap();
    fs::write(&led.0, "precious").unwrap();
    let refusal = refusal(2, || {
        let mut command = tunrss();
        command.args(["capture", "t0", "-w", link.path()]);
        command
    });
    let error = format!("cannot write {}: it is a symbolic link that user 65534 made", link.path());
    assert_eq!(refusal.error, error);
    assert_eq!(fs::read(&led.0).unwrap(), b"precious");
}

/// Who may not see what steers the device is told so.
#[test]
#[ignore = "cargo xtask test bpf"]
fn steering_that_cannot_be_seen_is_warned_of() {
    let net = Net::new();
    let mut command = net.tunrss_through(AS_USER_WITH_DEVICE);
    command.args(["capture", "t0"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Running(Some(command.spawn().unwrap()));
    let mut stderr = io::BufReader::new(running.0.as_mut().unwrap().stderr.take().unwrap());
    let mut warning = String::new();
    io::BufRead::read_line(&mut stderr, &mut warning).unwrap();
    assert!(warning.starts_with("warning: cannot see what steers t0 (finding a running program"));
    assert!(warning.contains("CAP_SYS_ADMIN"), "{warning}");
    // By way of `timeout`, which sends it twice.
    running.signal("TERM");
    let answer = running.end().answer();
    assert_eq!(answer, "0 packets captured on t0; 0 lost for want of room\n");
}

/// A reader that leaves early is no failure.
#[test]
#[ignore = "cargo xtask test bpf"]
fn broken_pipe_ends_it() {
    let site = Site::new();
    let mut running = Running::start("t0", site.t0.index());
    drop(running.0.as_mut().unwrap().stdout.take());
    let frame = Built::udp(V4::new(1, 2), 3, 4).to_bytes(Link::Ethernet);
    // A process that another test is just starting may have a copy of the other end.
    eventually("it has ended", || {
        site.s0.send(&VnetHdr::default(), &frame).unwrap();
        running.0.as_mut().unwrap().try_wait().unwrap().is_some()
    });
    assert_eq!(running.end().answer(), "");
}

/// Real senders: each datagram of the kernel's own.
#[test]
#[ignore = "cargo xtask test bpf"]
fn datagrams_of_the_kernel() {
    let mut site = Site::new();
    let config = config();
    let steering = site.steer(&config, ReportMode::Kernel);
    ip("link set t0 nomaster");
    ip("address add 10.0.0.1/24 dev t0");
    ip("neighbour add 10.0.0.2 lladdr 02:00:00:00:00:02 dev t0");
    let running = Running::start("t0 --json --count 40", site.t0.index());
    let socket = UdpSocket::bind("10.0.0.1:4000").unwrap();
    for port in 1000..1040 {
        socket.send_to(b"tunrss", ("10.0.0.2", port)).unwrap();
    }
    let text = running.end().answer();
    let read = sorted(site.read_all());
    let mut expected: Vec<_> = read
        .iter()
        .map(|packet| (packet.hash.map(|hash| format!("0x{hash:08x}")), packet.queue))
        .collect();
    let mut printed: Vec<_> = text
        .lines()
        .take(40)
        .map(|line| one_object::<Line>(&format!("{line}\n")))
        .map(|line| (line.hash, line.queue.map(u32::from)))
        .collect();
    expected.sort();
    printed.sort();
    assert_eq!(printed, expected);
    drop(steering);
}
