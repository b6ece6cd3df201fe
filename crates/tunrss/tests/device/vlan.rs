//! Frames with VLAN tags, the outermost of which the kernel keeps beside the packet ("accelerated").
//!
//! It does so with a frame that a driver hands to the stack. So frames are written into one TAP, and
//! a bridge hands them on to another, that of the test.

use std::io;
use std::os::fd::AsRawFd;

use tunrss::hash::dissect::{ETHERTYPE_QINQ, ETHERTYPE_VLAN};
use tunrss::hash::{Link, VnetHdr, VnetHdrLen, classify};
use tunrss::{Device, DeviceOptions, Queue, Report, ReportMode, Settings, SteeringMode};
use tunrss_testkit::packet::{Network, Packet as Built, Upper, V4, V6};

use crate::counters::counted;
use crate::senders::segments_udp;
use crate::traffic::{
    HERE_V4, HERE_V6, Packet, PacketSocket, THERE_V4, THERE_V6, Tap, eventually, read_all,
    start_checksum, upper,
};
use crate::{config, is_right, name, run, set_report};

/// All that is forwarded arrives as it was sent, with its queue and hash, in each mode.
#[test]
#[ignore = "cargo xtask test bpf"]
fn every_frame_arrives_as_sent() {
    for (steering, name) in SteeringMode::ALL.into_iter().zip(["rss", "auto"]) {
        for mode in ReportMode::ALL {
            let bridged = Bridged::new(&format!("vl_{name}_{mode}"), steering, mode);
            let mut counted_frames = Vec::new();
            for tags in TAGS {
                for sent in Sent::all(tags) {
                    if !bridged.write(&sent) {
                        bridged.check(&sent, None);
                        continue;
                    }
                    // Five tags are more than the report program puts back.
                    let is_dropped = mode == ReportMode::Kernel && tags.len() > 4;
                    bridged.check(&sent, if is_dropped { None } else { Some(true) });
                    counted_frames.push(sent.frame);
                }
            }
            let counters = bridged.tap.device.counters().unwrap().unwrap();
            assert_eq!(counters, counted(&bridged.config(), steering, &counted_frames));
        }
    }
}

/// The same with all tags in the packet: any number of them.
#[test]
#[ignore = "cargo xtask test bpf"]
fn tags_in_the_packet() {
    for mode in ReportMode::ALL {
        let bridged = Bridged::new(&format!("vlan_in_{mode}"), SteeringMode::Rss, mode);
        let socket = PacketSocket::new(&bridged.tap.device).with_header();
        for tags in TAGS {
            for sent in Sent::all(tags) {
                let result = socket.send_with_header(&sent.header, &sent.frame);
                bridged.check(&sent, sent.is_taken(result).then_some(false));
            }
        }
    }
}

/// A reader that takes no segmentation offload and no partial checksum: each segment has its report,
/// the tags and its checksum.
#[test]
#[ignore = "cargo xtask test bpf"]
fn segments_of_a_tagged_frame() {
    for mode in ReportMode::ALL {
        let bridged = Bridged::new(&format!("vlan_gso_{mode}"), SteeringMode::Rss, mode);
        set_offload(&bridged.tap.queues[0], 0);
        for tags in TAGS.into_iter().filter(|tags| tags.len() <= 4) {
            for sent in Sent::all(tags).into_iter().filter(|sent| sent.header.flags != 0) {
                if bridged.write(&sent) {
                    bridged.check_segments(&sent, tags);
                } else {
                    bridged.check(&sent, None);
                }
            }
        }
    }
}

type Tags = &'static [(u16, u16)];

/// EtherType and TCI of the tags, outermost first.
const TAGS: [Tags; 13] = [
    &[],
    &[(ETHERTYPE_VLAN, 0xb123)],
    &[(ETHERTYPE_VLAN, 0xffff)],
    &[(ETHERTYPE_VLAN, 0)],
    // The DEI bit alone, a priority alone.
    &[(ETHERTYPE_VLAN, 0x1000)],
    &[(ETHERTYPE_VLAN, 0xe000)],
    &[(ETHERTYPE_QINQ, 0xb123)],
    &[(ETHERTYPE_QINQ, 0xb123), (ETHERTYPE_VLAN, 0xffff)],
    &[(ETHERTYPE_QINQ, 0), (ETHERTYPE_VLAN, 0)],
    &[(ETHERTYPE_VLAN, 0xffff), (ETHERTYPE_VLAN, 0xb123)],
    &[(ETHERTYPE_QINQ, 0xffff), (ETHERTYPE_QINQ, 0xb123), (ETHERTYPE_VLAN, 0)],
    &[(ETHERTYPE_VLAN, 1), (ETHERTYPE_QINQ, 2), (ETHERTYPE_VLAN, 3), (ETHERTYPE_QINQ, 4)],
    &[
        (ETHERTYPE_QINQ, 0xb123),
        (ETHERTYPE_QINQ, 0xb124),
        (ETHERTYPE_VLAN, 0xb125),
        (ETHERTYPE_VLAN, 0xb126),
        (ETHERTYPE_VLAN, 0xb127),
    ],
];

/// A frame and its header.
struct Sent {
    header: VnetHdr,
    frame: Vec<u8>,
}

impl Sent {
    /// Frames with these tags: whole, with their checksum to be computed, to be segmented.
    fn all(tags: Tags) -> Vec<Self> {
        let (v4, v6) = (V4::new(HERE_V4, THERE_V4), V6::new(HERE_V6, THERE_V6));
        let mut all = vec![];
        for packet in [
            Built::new(Network::Other(0x0806), Upper::Other(0)),
            Built::tcp(v4.clone(), 5000, 80),
            Built::udp(v4, 5001, 53),
            Built::tcp(v6.clone(), 5002, 80),
            Built::udp(v6, 5003, 53),
        ] {
            let is_other = matches!(packet.network, Network::Other(_));
            let payload: Vec<_> = (0..PAYLOAD).map(|at| (at / 7) as u8).collect();
            for (len, gso_size) in [(300, None), (300, Some(0)), (PAYLOAD, Some(GSO_SIZE))] {
                let packet = packet.clone().payload(&payload[..len]);
                let mut frame = packet.to_bytes(Link::Ethernet);
                let header = match gso_size {
                    None => VnetHdr::default(),
                    Some(_) if is_other => continue,
                    Some(gso_size) => header(&packet, &mut frame, gso_size, 4 * tags.len() as u16),
                };
                all.push(Self { header, frame: tagged(&frame, tags) });
            }
        }
        all
    }

    /// Whether the kernel has taken it. It does, but for a large UDP datagram before Linux 6.2, which
    /// cannot segment it.
    fn is_taken(&self, result: io::Result<()>) -> bool {
        let Err(error) = result else { return true };
        assert_eq!(self.header.gso_type, VnetHdr::GSO_UDP_L4, "{error}");
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL), "{error}");
        assert!(!segments_udp(), "{error}");
        false
    }
}

const PAYLOAD: usize = 20_000;
const GSO_SIZE: u16 = 1300;

/// The header of a packet whose checksum is left to be computed, and which is left to be segmented
/// if there is a `gso_size`. Its frame will get `shift` bytes of tags.
fn header(packet: &Built, frame: &mut [u8], gso_size: u16, shift: u16) -> VnetHdr {
    let upper = start_checksum(frame, Link::Ethernet);
    let start = upper.start as u16 + shift;
    let (gso_type, len) = match (&packet.network, &packet.upper) {
        (Network::V4(_), Upper::Tcp { .. }) => (VnetHdr::GSO_TCPV4, 20),
        (_, Upper::Tcp { .. }) => (VnetHdr::GSO_TCPV6, 20),
        _ => (VnetHdr::GSO_UDP_L4, 8),
    };
    let header = VnetHdr {
        flags: VnetHdr::NEEDS_CSUM,
        csum_start: start,
        csum_offset: upper.checksum_offset as u16,
        ..VnetHdr::default()
    };
    match gso_size {
        0 => header,
        _ => VnetHdr { gso_type, gso_size, hdr_len: start + len, ..header },
    }
}

fn tagged(frame: &[u8], tags: &[(u16, u16)]) -> Vec<u8> {
    let (addresses, rest) = frame.split_at(12);
    let tags = tags.iter().flat_map(|(kind, tci)| [kind.to_be_bytes(), tci.to_be_bytes()].concat());
    [addresses, &tags.collect::<Vec<_>>(), rest].concat()
}

/// A device that is steered, and another one with which it shares a bridge.
struct Bridged {
    tap: Tap,
    /// What is written here comes to the first device.
    other: Queue,
    steering: SteeringMode,
    mode: ReportMode,
}

impl Bridged {
    fn new(device: &str, steering: SteeringMode, mode: ReportMode) -> Self {
        // Both sizes of header.
        let vnet_hdr = match steering {
            SteeringMode::Rss => VnetHdrLen::V1,
            SteeringMode::Automatic => VnetHdrLen::Legacy,
        };
        let options = DeviceOptions::tap(4).vnet_hdr(Some(vnet_hdr));
        let mut tap = Tap::without_ipv6(device, options);
        let (other, mut queues) = Device::create(&name("vlan_other"), 1).unwrap();
        run("ip link add vlan_bridge type bridge stp_state 0 mcast_snooping 0");
        run("ip link set vlan_bridge up");
        for device in [&tap.device, &other] {
            run(&format!("ip link set {} master vlan_bridge", device.name()));
            device.set_up().unwrap();
        }
        let queue = queues.remove(0);
        eventually("the bridge hands frames on", || {
            let frame = Built::new(Network::Other(0x88b5), Upper::Other(0)).payload(&[0; 46]);
            queue.send(&VnetHdr::default(), &frame.to_bytes(Link::Ethernet)).unwrap();
            !read_all(&tap.queues).is_empty()
        });
        let settings = Settings { steering, counters: true, ..mode.into() };
        let bridged = Self { tap, other: queue, steering, mode };
        bridged.tap.device.steer(&bridged.config(), settings).unwrap().keep();
        let report = Report::new(mode, &bridged.config());
        tap = bridged.tap;
        set_report(&mut tap.queues, &report);
        Self { tap, ..bridged }
    }

    fn config(&self) -> tunrss::Config {
        config((0..16).map(|entry| entry * 7 % 4), 2)
    }

    /// Whether the kernel has taken it.
    fn write(&self, sent: &Sent) -> bool {
        sent.is_taken(self.other.send(&sent.header, &sent.frame))
    }

    /// What has come is what was sent, or nothing. `is_accelerated` of the outermost tag.
    fn check(&self, sent: &Sent, is_accelerated: Option<bool>) {
        // What is sent is in the queue at once.
        let packets = read_all(&self.tap.queues);
        let Some(is_accelerated) = is_accelerated else {
            assert!(packets.is_empty(), "{packets:02x?}");
            return;
        };
        let [packet] = &packets[..] else { panic!("{} of {:02x?}", packets.len(), sent.frame) };
        assert_eq!(packet.frame, sent.frame);
        self.check_verdict(packet);
        let header = packet.received.header;
        let fields = |header: &VnetHdr| {
            let VnetHdr { flags, gso_type, gso_size, csum_start, csum_offset, .. } = *header;
            (flags, gso_type, gso_size, csum_start, csum_offset)
        };
        assert_eq!(fields(&header), fields(&sent.header), "{packet:02x?}");
        assert_eq!(header.num_buffers, 1);
        if header.gso_type == 0 {
            assert_eq!(header.hdr_len, 0);
        } else {
            // A hint, in which the kernel leaves out a tag that it puts in.
            let left_out = if self.mode == ReportMode::Kernel || !is_accelerated { 0 } else { 4 };
            let headers = sent.header.hdr_len - left_out;
            assert!((headers..=sent.frame.len() as u16).contains(&header.hdr_len), "{packet:02x?}");
        }
    }

    fn check_verdict(&self, packet: &Packet) {
        let config = self.config();
        // The kernel chooses a queue of its own, which is as good as another.
        let queue = match self.steering {
            SteeringMode::Rss => packet.queue,
            SteeringMode::Automatic => {
                classify(&config, Link::Ethernet, &packet.frame).queue.into()
            }
        };
        let packet = Packet { queue, ..packet.clone() };
        assert!(is_right(&packet, &config, self.mode, 4), "{packet:02x?}");
    }

    /// What has come is what was sent, in segments if it has a segment size.
    fn check_segments(&self, sent: &Sent, tags: Tags) {
        let packets = read_all(&self.tap.queues);
        let front = 12 + 4 * tags.len();
        let mut payload: Vec<u8> = Vec::new();
        for packet in &packets {
            self.check_verdict(packet);
            let header = packet.received.header;
            assert_eq!((header.flags, header.gso_type), (0, 0), "{packet:02x?}");
            assert_eq!(packet.frame[..front], sent.frame[..front]);
            let untagged = [&packet.frame[..12], &packet.frame[front..]].concat();
            let upper = upper(&untagged, Link::Ethernet).unwrap();
            assert!(upper.is_checksum_right(&untagged), "{packet:02x?}");
            let headers = upper.start + if upper.checksum_offset == 16 { 20 } else { 8 };
            payload.extend(&untagged[headers..]);
        }
        assert_eq!(sent.frame[sent.frame.len() - payload.len()..], payload);
        let headers = usize::from(sent.header.csum_start);
        let headers = headers + if sent.header.csum_offset == 16 { 20 } else { 8 };
        assert_eq!(sent.frame.len(), headers + payload.len());
        let segments = match sent.header.gso_size {
            0 => 1,
            size => payload.len().div_ceil(size.into()),
        };
        assert_eq!(packets.len(), segments);
    }
}

/// `TUNSETOFFLOAD`
fn set_offload(queue: &Queue, offload: libc::c_ulong) {
    use std::os::fd::AsFd;
    // SAFETY: TUNSETOFFLOAD takes its argument by value (__tun_chr_ioctl, drivers/net/tun.c, v6.12).
    let result = unsafe { libc::ioctl(queue.as_fd().as_raw_fd(), TUNSETOFFLOAD, offload) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

/// linux/if_tun.h
const TUNSETOFFLOAD: libc::Ioctl = 0x4004_54d0;
