//! The conformance vectors of `conformance/`, checked while they are read.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use tunrss_hash::{
    HashKey, HashReport, HashTypes, InputTransform, Link, SteeringConfig, TunnelTypes, Verdict,
};

/// A packet, a configuration, and what the one makes of the other.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    /// The name, of which there is only one.
    pub id: String,
    /// What the vector shows.
    pub comment: String,
    /// What kind of vector it is; the file's notes explain each.
    pub flags: Vec<String>,
    /// The configuration. A table of `null` is [`identity_table`]; no `tunnels` and no `xfrm` are none.
    #[serde(deserialize_with = "config")]
    pub config: SteeringConfig<Vec<u16>>,
    /// The header the packet starts with.
    #[serde(deserialize_with = "link")]
    pub link: Link,
    /// The packet.
    #[serde(deserialize_with = "hex_bytes")]
    pub packet: Vec<u8>,
    /// The verdict. A hash of `null`, for packets without hash, is 0.
    #[serde(deserialize_with = "verdict")]
    pub expected: Verdict,
    /// Where the hash, or the rule that leads to the report, is published.
    pub source: String,
}

/// All vectors.
///
/// # Panics
/// If a file does not keep the rules that [`parse`] checks.
pub fn all() -> Vec<Vector> {
    let files = [
        ("virtio-net-rss", include_str!("../../../conformance/virtio-net-rss.json")),
        ("inner-header-hash", include_str!("../../../conformance/inner-header-hash.json")),
        ("symmetric", include_str!("../../../conformance/symmetric.json")),
    ];
    let mut all = Vec::new();
    for (name, json) in files {
        all.extend(parse(json).unwrap_or_else(|error| panic!("conformance/{name}.json: {error}")));
    }
    let ids: BTreeSet<_> = all.iter().map(|vector| &vector.id).collect();
    assert_eq!(ids.len(), all.len(), "an id is used in two files");
    all
}

/// The vectors of a file.
///
/// # Errors
/// The text is not JSON of the form that `conformance/README.md` describes, field for field; or the
/// count is not as stated; or an id is used twice; or flags and notes do not correspond.
pub fn parse(json: &str) -> Result<Vec<Vector>, serde_json::Error> {
    let file: File = serde_json::from_str(json)?;
    let found = file.vectors.len();
    if found != file.count {
        let stated = file.count;
        return Err(Error::custom(format_args!("{stated} vectors stated, {found} found")));
    }
    let mut ids = BTreeSet::new();
    if let Some(Vector { id, .. }) = file.vectors.iter().find(|vector| !ids.insert(&vector.id)) {
        return Err(Error::custom(format_args!("id {id} is used twice")));
    }
    let used: BTreeSet<_> = file.vectors.iter().flat_map(|vector| &vector.flags).collect();
    let explained: BTreeSet<_> = file.notes.keys().collect();
    if let Some(flag) = used.symmetric_difference(&explained).next() {
        return Err(Error::custom(format_args!("flag {flag} is either not explained or not used")));
    }
    Ok(file.vectors)
}

/// The table that makes queues of the hash's 7 lowest bits: entry i is i, 128 of them.
pub fn identity_table() -> Vec<u16> {
    (0..128).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "description")]
    _description: String,
    count: usize,
    notes: BTreeMap<String, String>,
    vectors: Vec<Vector>,
}

fn config<'de, D: Deserializer<'de>>(from: D) -> Result<SteeringConfig<Vec<u16>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Config {
        types: String,
        key: String,
        table: Option<Vec<u16>>,
        unclassified: u16,
        tunnels: Option<String>,
        xfrm: Option<String>,
    }
    let Config { types, key, table, unclassified, tunnels, xfrm } = Config::deserialize(from)?;
    let types: HashTypes = types.parse().map_err(D::Error::custom)?;
    let key: HashKey = key.parse().map_err(D::Error::custom)?;
    let table = table.unwrap_or_else(identity_table);
    let tunnels = tunnels.as_deref().unwrap_or("none");
    let tunnels: TunnelTypes = tunnels.parse().map_err(D::Error::custom)?;
    let xfrm = xfrm.as_deref().unwrap_or("none");
    let transform: InputTransform = xfrm.parse().map_err(D::Error::custom)?;
    let config = SteeringConfig::new(types, key, table, unclassified).map_err(D::Error::custom)?;
    Ok(config.with_tunnels(tunnels).with_transform(transform))
}

fn link<'de, D: Deserializer<'de>>(from: D) -> Result<Link, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Name {
        Ethernet,
        Ip,
    }
    Name::deserialize(from).map(|name| match name {
        Name::Ethernet => Link::Ethernet,
        Name::Ip => Link::Ip,
    })
}

fn verdict<'de, D: Deserializer<'de>>(from: D) -> Result<Verdict, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Expected {
        hash: Option<String>,
        report: String,
        queue: u16,
    }
    let expected = Expected::deserialize(from)?;
    let report = HashReport::ALL.into_iter().find(|report| report.name() == expected.report);
    let report = report
        .ok_or_else(|| D::Error::custom(format_args!("no report is named {}", expected.report)))?;
    let hash = match (&expected.hash, report) {
        (None, HashReport::None) => 0,
        (Some(hash), report) if report != HashReport::None => hex_word(hash)
            .ok_or_else(|| D::Error::custom(format_args!("{hash} is no hash: 0x and 8 digits")))?,
        _ => return Err(D::Error::custom("a hash and the report none exclude each other")),
    };
    Ok(Verdict { hash, report, queue: expected.queue })
}

fn hex_word(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 8)?;
    u32::from_str_radix(digits, 16).ok()
}

pub(crate) fn hex_bytes<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(from)?;
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).map(|value| value as u8)).collect();
    match digits {
        Some(digits) if digits.len() % 2 == 0 => {
            Ok(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
        }
        _ => Err(D::Error::custom("bytes are pairs of hexadecimal digits")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{
        "description": "d", "count": 1, "notes": {"f": "n"},
        "vectors": [{
            "id": "a", "comment": "c", "flags": ["f"], "link": "ip", "packet": "45", "source": "s",
            "config": {"types": "none", "key": "", "table": null, "unclassified": 3},
            "expected": {"hash": null, "report": "none", "queue": 3}
        }]
    }"#;

    #[test]
    fn file_that_keeps_the_rules_is_read() {
        let vectors = parse(FILE).unwrap();
        assert_eq!(vectors[0].packet, [0x45]);
        assert_eq!(vectors[0].config.table(), identity_table());
        assert_eq!(vectors[0].expected, Verdict { hash: 0, report: HashReport::None, queue: 3 });
    }

    #[test]
    fn file_that_breaks_a_rule_is_refused() {
        for (from, to) in [
            (r#""count": 1"#, r#""count": 2"#),
            (r#""notes": {"#, r#""notes": {"g": "n", "#),
            (r#"["f"]"#, r#"["f", "g"]"#),
            (r#""id": "a","#, r#""id": "a", "name": "a","#),
            (r#""45""#, r#""456""#),
            (r#""45""#, r#""4g""#),
            (r#""ip""#, r#""IP""#),
            (r#""types": "none""#, r#""types": "ipv4""#),
            (r#""unclassified": 3"#, r#""unclassified": 3, "tunnels": "stt""#),
            (r#""unclassified": 3"#, r#""unclassified": 3, "xfrm": "xor""#),
            (r#""hash": null"#, r#""hash": "0x00000000""#),
            (r#""report": "none""#, r#""report": "IPv4""#),
            (r#""report": "none""#, r#""report": "None""#),
        ] {
            assert!(FILE.contains(from));
            assert!(parse(&FILE.replace(from, to)).is_err(), "{from} -> {to}");
        }
    }
}
