//! The status for people.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use super::{InForce, Received, Ring, Status};

impl Display for Status {
    /// Some lines, the last one with its end.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let pairs = if self.pairs == 1 { "queue pair" } else { "queue pairs" };
        writeln!(
            f,
            "{}: {} {pairs}, steered and hashed by {}",
            self.device,
            self.pairs,
            match self.mode.as_str() {
                "kernel" => "the kernel",
                "software" => "this backend (no eBPF)",
                other => other,
            }
        )?;
        row(f, "frontend", &self.frontend)?;
        wrapped(f, "features", &self.features, "none accepted yet")?;
        row(
            f,
            "policy",
            match self.policy.as_str() {
                "guest" => "the guest's settings hold, where its commands come here",
                "host" => "the operator's settings hold",
                other => other,
            },
        )?;
        writeln!(f, "\nin force: {}", self.in_force.heading())?;
        self.in_force.rows(f)?;
        match &self.received {
            None => writeln!(f, "\nreceived from the guest: nothing")?,
            Some(received) => received.block(f, &self.in_force)?,
        }
        for note in &self.notes {
            writeln!(f, "\nnote: {note}")?;
        }
        writeln!(
            f,
            "\n{:>4}  {:4} {:>7} {:>12} {:>15} {:>9} {:>10}",
            "pair", "ring", "running", "packets", "bytes", "dropped", "bad chains"
        )?;
        for pair in &self.rings {
            ring(f, &pair.pair, "rx", &pair.rx)?;
            ring(f, &"", "tx", &pair.tx)?;
        }
        Ok(())
    }
}

impl InForce {
    fn heading(&self) -> String {
        let whose = match self.by.as_str() {
            "guest" => "the guest's setting",
            "operator" => "the operator's setting",
            "nobody" => "nothing that anybody has set",
            other => other,
        };
        let queues =
            if self.queues == 1 { "1 queue".into() } else { format!("{} queues", self.queues) };
        format!("{whose}, on {queues}")
    }

    fn rows(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let is_rss = self.steering == "rss";
        row(
            f,
            "steering",
            if is_rss { "rss" } else { "automatic: the kernel follows the guest's answers" },
        )?;
        row(f, "hash", if self.report { "reported with each packet" } else { "not reported" })?;
        if is_rss || self.report {
            types(f, &self.types)?;
            row(f, "key", if self.key.is_empty() { "none" } else { &self.key })?;
        }
        if is_rss {
            table(f, &self.table)?;
            row(f, "unclassified", &format!("queue {}", self.unclassified))?;
        }
        Ok(())
    }
}

impl Received {
    /// What is as in force is not said twice.
    fn block(&self, f: &mut Formatter<'_>, in_force: &InForce) -> fmt::Result {
        let answer = match (self.ack.as_str(), &self.why) {
            ("ok", _) => "accepted".to_owned(),
            (_, Some(why)) => format!("refused: {why}"),
            (_, None) => "refused".to_owned(),
        };
        writeln!(f, "\nreceived from the guest: {}, {} bytes, {answer}", self.command, self.bytes)?;
        if let Some(pairs) = self.queue_pairs {
            row(f, "queue pairs", &pairs.to_string())?;
        }
        if let Some(names) = self.types.as_ref().filter(|names| **names != in_force.types) {
            types(f, names)?;
        }
        if let Some(key) = self.key.as_ref().filter(|key| **key != in_force.key) {
            row(f, "key", key)?;
        }
        if let Some(queues) = self.table.as_ref().filter(|queues| **queues != in_force.table) {
            table(f, queues)?;
        }
        if let Some(queue) = self.unclassified.filter(|queue| *queue != in_force.unclassified) {
            row(f, "unclassified", &format!("queue {queue}"))?;
        }
        if let Some(queues) = self.max_tx_vq {
            row(f, "max_tx_vq", &queues.to_string())?;
        }
        Ok(())
    }
}

fn row(f: &mut Formatter<'_>, name: &str, value: &str) -> fmt::Result {
    writeln!(f, "  {name:13} {value}")
}

fn types(f: &mut Formatter<'_>, names: &[String]) -> fmt::Result {
    row(f, "types", if names.is_empty() { "none".into() } else { names.join(",") }.as_str())
}

/// How many entries name each queue. Which they are, `--json` tells.
fn table(f: &mut Formatter<'_>, queues: &[u16]) -> fmt::Result {
    let mut counts = BTreeMap::new();
    for queue in queues {
        *counts.entry(queue).or_insert(0_usize) += 1;
    }
    let shares = counts.iter().map(|(queue, count)| format!("{count} queue {queue}"));
    let shares: Vec<_> = shares.collect();
    row(f, "table", &format!("{} entries: {}", queues.len(), shares.join(", ")))
}

/// Words on lines that fit a screen.
fn wrapped(f: &mut Formatter<'_>, name: &str, words: &[String], none: &str) -> fmt::Result {
    let mut name = name;
    let mut line = String::new();
    for word in words {
        if !line.is_empty() && line.len() + 1 + word.len() > WIDTH {
            row(f, name, &line)?;
            name = "";
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    row(f, name, if words.is_empty() { none } else { &line })
}

fn ring(f: &mut Formatter<'_>, pair: &dyn Display, name: &str, ring: &Ring) -> fmt::Result {
    let Ring { running, packets, bytes, dropped, bad_chains } = ring;
    let running = if *running { "yes" } else { "no" };
    let pair = pair.to_string();
    writeln!(
        f,
        "{pair:>4}  {name:4} {running:>7} {packets:>12} {bytes:>15} {dropped:>9} {bad_chains:>10}"
    )
}

const WIDTH: usize = 80;

#[cfg(test)]
pub(super) mod tests {
    use super::super::{InForce, Pair, Received, Ring, Status};

    /// A state with everything in it.
    pub(in super::super) fn status() -> Status {
        let names = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        Status {
            schema: Status::SCHEMA,
            device: "tap0".into(),
            pairs: 2,
            policy: "guest".into(),
            mode: "kernel".into(),
            frontend: "connected".into(),
            features: names("mq rss hash_report"),
            received: Some(Received {
                command: "RSS_CONFIG".into(),
                bytes: 309,
                ack: "error".into(),
                why: Some("there is no queue 9".into()),
                types: Some(names("ipv4 tcpv4")),
                key: Some("6d:5a".into()),
                table: Some(vec![0, 9]),
                unclassified: Some(0),
                max_tx_vq: Some(1),
                queue_pairs: None,
            }),
            in_force: InForce {
                by: "guest".into(),
                steering: "rss".into(),
                queues: 2,
                report: true,
                types: names("ipv4 tcpv4"),
                key: "6d:5a".into(),
                table: vec![0, 1, 0, 1, 0, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0],
                unclassified: 1,
            },
            notes: vec!["the key is short".into()],
            rings: vec![Pair {
                pair: 0,
                rx: Ring { running: true, packets: 12, bytes: 1234, dropped: 1, bad_chains: 0 },
                tx: Ring::default(),
            }],
        }
    }

    #[test]
    fn everything_is_told() {
        let text = status().to_string();
        assert_eq!(
            text,
            "\
tap0: 2 queue pairs, steered and hashed by the kernel
  frontend      connected
  features      mq rss hash_report
  policy        the guest's settings hold, where its commands come here

in force: the guest's setting, on 2 queues
  steering      rss
  hash          reported with each packet
  types         ipv4,tcpv4
  key           6d:5a
  table         16 entries: 5 queue 0, 11 queue 1
  unclassified  queue 1

received from the guest: RSS_CONFIG, 309 bytes, refused: there is no queue 9
  table         2 entries: 1 queue 0, 1 queue 9
  unclassified  queue 0
  max_tx_vq     1

note: the key is short

pair  ring running      packets           bytes   dropped bad chains
   0  rx       yes           12            1234         1          0
      tx        no            0               0         0          0
"
        );
    }

    #[test]
    fn nothing_yet() {
        let mut status = status();
        status.received = None;
        status.features.clear();
        status.notes.clear();
        status.in_force = InForce {
            by: "nobody".into(),
            steering: "automatic".into(),
            queues: 1,
            report: false,
            types: vec![],
            key: String::new(),
            table: vec![0],
            unclassified: 0,
        };
        let text = status.to_string();
        assert!(text.contains("in force: nothing that anybody has set, on 1 queue\n"), "{text}");
        assert!(text.contains("received from the guest: nothing\n"), "{text}");
        assert!(!text.contains("table") && !text.contains("note"), "{text}");
    }
}
