//! The conformance vectors on the whole way: from the wire through the device into the guest's ring.

use tunrss::Config;
use tunrss::hash::{InputTransform, Link, TunnelTypes, Verdict, VnetHdr};
use tunrss_testkit::vector::{self, Vector};
use tunrss_testkit::vhost::{Ack, Guest, Options};

use crate::frames::is_forwarded;
use crate::served::{Served, receive};

/// Queues that the vectors' tables are cut down to: the lowest bits of what they name.
const QUEUES: u16 = 4;

/// The vectors that a control queue can ask for and a bridge forwards, each with its frame and what is
/// expected with tables of [`QUEUES`] queues.
pub(crate) fn vectors() -> Vec<(Vector, Vec<u8>, Config)> {
    let mut all = vec![];
    for vector in vector::all() {
        let Vector { config, packet, link, .. } = &vector;
        let is_plain =
            config.tunnels() == TunnelTypes::NONE && config.transform() == InputTransform::None;
        if !is_plain || config.key().as_bytes().len() > 40 || config.table().len() > 128 {
            continue;
        }
        let frame = match link {
            Link::Ethernet => packet.clone(),
            // Whose EtherType is that of the version, which the packet starts with.
            Link::Ip => match packet.first().map(|first| first >> 4) {
                Some(4) => [&ENDS[..], &[0x08, 0x00], packet].concat(),
                Some(6) => [&ENDS[..], &[0x86, 0xdd], packet].concat(),
                _ => continue,
            },
        };
        if !is_forwarded(&frame) {
            continue;
        }
        let table = config.table().iter().map(|queue| queue % QUEUES).collect();
        let parts = (config.types(), *config.key(), table, config.unclassified() % QUEUES);
        let (types, key, table, unclassified) = parts;
        let config = Config::new(types, key, table, unclassified).unwrap();
        all.push((vector, frame, config));
    }
    // All but those of tunnels and symmetric hashes, of longer keys and tables, and what is no frame.
    assert!(all.len() > 110, "only {} vectors are left", all.len());
    all
}

const ENDS: [u8; 12] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];

/// Each vector's frame arrives in its queue with its hash. `arrive` is how it comes to the device.
#[track_caller]
pub(crate) fn check(guest: &mut Guest, arrive: impl Fn(&VnetHdr, &[u8])) {
    for (vector, frame, config) in vectors() {
        let Vector { id, expected: Verdict { hash, report, queue }, .. } = vector;
        assert_eq!(guest.set_rss(&config).unwrap(), Ack::Ok, "{id}");
        arrive(&VnetHdr::default(), &frame);
        let received = receive(guest, &[frame]).remove(0);
        let found = (received.queue, received.header.hash_value, received.header.hash_report);
        assert_eq!(found, (queue % QUEUES, hash, report.code()), "{id}");
    }
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn vectors_arrive_in_their_queues_with_their_hashes() {
    let Served { mut guest, host, daemon, .. } =
        Served::new("--queues 4 --types all", Options::default());
    check(&mut guest, |header, frame| host.arrive(header, frame));
    assert_eq!(daemon.status()["mode"], "kernel");
}
