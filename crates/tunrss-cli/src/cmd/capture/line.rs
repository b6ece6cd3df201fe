//! What is printed of a packet.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::{Serialize, Serializer};
use tunrss::capture::{Direction, Seen};
use tunrss::hash::Link;
use tunrss::hash::dissect::{Network, dissect};

use super::steering::{By, Hashed};
use crate::output::hash_text;

/// A line, or the fields of an object.
#[derive(Serialize)]
pub(super) struct Line {
    #[serde(serialize_with = "seconds")]
    time: Duration,
    direction: &'static str,
    queue: Option<u16>,
    hash: Option<String>,
    report: Option<&'static str>,
    /// Who says so: "kernel" or "capture".
    by: Option<&'static str>,
    length: usize,
    /// Addresses, with ports if there are any; of Ethernet, if it is not IP.
    source: Option<String>,
    destination: Option<String>,
}

impl Line {
    pub(super) fn new(link: Link, seen: &Seen<'_>, hashed: Option<Hashed>) -> Self {
        let verdict = hashed.map(|hashed| hashed.verdict);
        let (source, destination) = ends(link, seen.frame).unzip();
        Self {
            time: seen.time,
            direction: match seen.direction {
                Direction::Outgoing => "out",
                Direction::Incoming => "in",
            },
            queue: hashed.and_then(|hashed| hashed.queue),
            hash: verdict.and_then(hash_text),
            report: verdict.map(|verdict| verdict.report.name()),
            by: hashed.map(|hashed| match hashed.by {
                By::Kernel => "kernel",
                By::Capture => "capture",
            }),
            length: seen.wire_len,
            source,
            destination,
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.time.as_secs();
        let [hour, minute, second] = [seconds / 3600 % 24, seconds / 60 % 60, seconds % 60];
        write!(f, "{hour:02}:{minute:02}:{second:02}.{:09}", self.time.subsec_nanos())?;
        let queue = self.queue.map_or_else(|| "-".into(), |queue| queue.to_string());
        let hash = self.hash.as_deref().unwrap_or("none");
        let [report, by] = [self.report, self.by].map(|word| word.unwrap_or("-"));
        let (direction, length) = (self.direction, self.length);
        write!(
            f,
            "  {direction:<3}  queue {queue:<3}  hash {hash:<10}  {report:<8}  {by:<7}  \
             {length:>5} bytes"
        )?;
        if let (Some(source), Some(destination)) = (&self.source, &self.destination) {
            write!(f, "  {source} to {destination}")?;
        }
        writeln!(f)
    }
}

/// Source and destination.
fn ends(link: Link, packet: &[u8]) -> Option<(String, String)> {
    let Ok(network) = dissect(link, packet).network else {
        let [d0, d1, d2, d3, d4, d5, source @ ..] = *packet.first_chunk::<12>()?;
        let is_ethernet = link == Link::Ethernet;
        return is_ethernet.then(|| (mac(source), mac([d0, d1, d2, d3, d4, d5])));
    };
    let (source, destination) = match network {
        Network::V4 { source, destination, .. } => {
            (IpAddr::from(source), IpAddr::from(destination))
        }
        Network::V6 { source, destination, .. } => {
            (IpAddr::from(source), IpAddr::from(destination))
        }
    };
    let Ok(transport) = network.transport() else {
        return Some((source.to_string(), destination.to_string()));
    };
    let [s0, s1, d0, d1] = transport.ports;
    let end = |address, port| SocketAddr::new(address, u16::from_be_bytes(port)).to_string();
    Some((end(source, [s0, s1]), end(destination, [d0, d1])))
}

fn mac(address: [u8; 6]) -> String {
    address.map(|byte| format!("{byte:02x}")).join(":")
}

/// As text: a JSON number would lose the nanoseconds.
fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{}.{:09}", time.as_secs(), time.subsec_nanos()))
}

#[cfg(test)]
mod tests {
    use tunrss::hash::{HashReport, Verdict};

    use super::*;

    #[test]
    fn ends_are_those_of_the_innermost_known_header() {
        let addresses = [192, 0, 2, 1, 192, 0, 2, 2];
        let ip = [&[0x45, 0, 0, 24, 0, 0, 0, 0, 64, 17, 0, 0][..], &addresses, &[0x10, 0, 0, 53]]
            .concat();
        let udp = ends(Link::Ip, &ip).unwrap();
        assert_eq!(udp, ("192.0.2.1:4096".into(), "192.0.2.2:53".into()));
        let no_ports = ends(Link::Ip, &ip[..20]).unwrap();
        assert_eq!(no_ports, ("192.0.2.1".into(), "192.0.2.2".into()));
        let arp = [&[0xff; 6][..], &[2, 0, 0, 0, 0, 0xab], &[8, 6, 0, 1]].concat();
        let ethernet = ends(Link::Ethernet, &arp).unwrap();
        assert_eq!(ethernet, ("02:00:00:00:00:ab".into(), "ff:ff:ff:ff:ff:ff".into()));
        assert_eq!(ends(Link::Ethernet, &arp[..11]), None);
        assert_eq!(ends(Link::Ip, &[0; 40]), None);
    }

    #[test]
    fn line_has_what_is_known() {
        let verdict = Verdict { hash: 0x51cc_c178, report: HashReport::TcpV4, queue: 2 };
        let line = Line {
            time: Duration::new(86_400 * 3 + 3_723, 5),
            direction: "out",
            queue: Some(verdict.queue),
            hash: hash_text(verdict),
            report: Some(verdict.report.name()),
            by: Some("kernel"),
            length: 74,
            source: Some("192.0.2.1:1".into()),
            destination: Some("192.0.2.2:2".into()),
        };
        assert_eq!(
            line.to_string(),
            "01:02:03.000000005  out  queue 2    hash 0x51ccc178  TCPv4     kernel      74 bytes  \
             192.0.2.1:1 to 192.0.2.2:2\n"
        );
        let line = Line {
            direction: "in",
            queue: None,
            hash: None,
            report: None,
            by: None,
            source: None,
            ..line
        };
        assert_eq!(
            line.to_string(),
            "01:02:03.000000005  in   queue -    hash none        -         -           74 bytes\n"
        );
        let json = serde_json::to_string(&line).unwrap();
        assert!(json.starts_with(r#"{"time":"262923.000000005","direction":"in","queue":null,"#));
    }
}
