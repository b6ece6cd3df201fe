//! A second reading of the meaning, to test the first against: naive, slow, and written from
//! virtio 1.4 ("Hash calculation for incoming packets"), RFC 8200 (IPv6), RFC 6275 (home address
//! option and type 2 routing header), Microsoft's "RSS hashing functions", and for what is in tunnels
//! RFCs 2003, 2473, 2784, 2890, 7348, 7637, 7676, 8086, 8926 and the VXLAN-GPE draft, not from
//! `tunrss-hash`, of whose code it uses none. Where the texts are silent it follows the decisions
//! listed in [`tunrss_hash::dissect`] and [`tunrss_hash::tunnel`].

use tunrss_hash::{HashReport, InputTransform, Link, SteeringConfig, Verdict};

/// Hash, report and queue of `packet`, which starts with the header `link`.
pub fn classify<T: AsRef<[u16]>>(config: &SteeringConfig<T>, link: Link, packet: &[u8]) -> Verdict {
    let enabled = config.types().bits();
    let chosen = match in_tunnel(config.tunnels().bits(), link, packet) {
        Some(frame) => choose(enabled, Link::Ethernet, &frame),
        None => choose(enabled, link, packet),
    };
    let Some((report, input)) = chosen else {
        return Verdict { hash: 0, report: HashReport::None, queue: config.unclassified() };
    };
    let hash = toeplitz(config.key().as_bytes(), &transformed(config.transform(), &input));
    let table = config.table();
    Verdict { hash, report, queue: table[hash as usize % table.len()] }
}

/// The frame in a tunnel that is enabled; an IP packet in one gets an Ethernet header. `enabled` are
/// the bits of `enabled_tunnel_types`.
fn in_tunnel(enabled: u32, link: Link, packet: &[u8]) -> Option<Vec<u8>> {
    // An IP packet as it is, after an Ethernet header without VLAN tags.
    let mut ip = packet;
    let mut ethertype = if *packet.first()? < 0x60 { 0x0800 } else { 0x86dd };
    if link == Link::Ethernet {
        let mut tags = 0;
        loop {
            ethertype = number(packet, 12 + 4 * tags)?;
            if ethertype != 0x8100 && ethertype != 0x88a8 {
                break;
            }
            tags += 1;
        }
        if tags > 2 {
            return None;
        }
        ip = packet.get(14 + 4 * tags..)?;
    }

    let (is_v4, protocol, above) = if ethertype == 0x0800 && ip.len() >= 20 && ip[0] / 16 == 4 {
        let ihl = usize::from(ip[0] % 16);
        if ihl < 5 || number(ip, 6)? % 0x4000 != 0 {
            return None;
        }
        (true, ip[9], ip.get(4 * ihl..)?)
    } else if ethertype == 0x86dd && ip.len() >= 40 && ip[0] / 16 == 6 {
        // A next header that is an extension header is not one of those below.
        match ip[6] {
            60 => {
                let (next, rest) = behind_limit(&ip[40..])?;
                (false, next, rest)
            }
            next => (false, next, &ip[40..]),
        }
    } else {
        return None;
    };

    let wants = |bit: u32| enabled >> bit & 1 == 1;
    let mut of_any_type = false;
    let inner_type;
    let inner;
    if protocol == 4 {
        of_any_type = is_v4 && wants(7);
        inner_type = 0x0800;
        inner = above;
    } else if protocol == 47 {
        let gre = gre(above)?;
        let [checksum, key, sequence] = gre.has;
        if is_v4 && [0x0800, 0x6558].contains(&gre.protocol_type) {
            of_any_type |= wants(0) && !key && !sequence;
            of_any_type |= wants(1);
        }
        if !is_v4 || gre.protocol_type == 0x86dd {
            of_any_type |= wants(2);
        }
        if gre.protocol_type == 0x6558 {
            of_any_type |= wants(8) && key && !checksum && !sequence;
        }
        inner_type = gre.protocol_type;
        inner = gre.payload;
    } else if protocol == 17 {
        let port = number(above, 2)?;
        let data = above.get(8..)?;
        if port == 4754 {
            let gre = gre(data)?;
            of_any_type = wants(3);
            inner_type = gre.protocol_type;
            inner = gre.payload;
        } else if port == 4789 {
            let has_vni = data.len() >= 8 && data[0] & 0b0000_1000 != 0;
            of_any_type = wants(4) && has_vni;
            inner_type = 0x6558;
            inner = data.get(8..)?;
        } else if port == 4790 {
            inner = data.get(8..)?;
            let version = data[0] >> 4 & 3;
            let has_vni = data[0] & 0b0000_1000 != 0;
            let says_next = data[0] & 0b0000_0100 != 0;
            of_any_type = wants(5) && version == 0 && has_vni;
            inner_type = match data[3] {
                _ if !says_next => 0x6558,
                1 => 0x0800,
                2 => 0x86dd,
                3 => 0x6558,
                _ => return None,
            };
        } else if port == 6081 {
            data.get(7)?;
            let options = usize::from(data[0] % 64) * 4;
            of_any_type = wants(6) && data[0] / 64 == 0;
            inner_type = number(data, 2)?;
            inner = data.get(8 + options..)?;
        } else {
            return None;
        }
    } else {
        return None;
    }

    if !of_any_type {
        return None;
    }
    match inner_type {
        0x6558 => Some(inner.to_vec()),
        0x0800 | 0x86dd => Some([&[0; 12], &u16::to_be_bytes(inner_type)[..], inner].concat()),
        _ => None,
    }
}

struct Gre<'p> {
    /// Checksum, key, sequence number.
    has: [bool; 3],
    protocol_type: u16,
    payload: &'p [u8],
}

/// A GRE header that a receiver may not discard.
fn gre(bytes: &[u8]) -> Option<Gre<'_>> {
    let first = number(bytes, 0)?;
    let bit = |number: u32| first & 0x8000 >> number != 0;
    // RFC 2784, section 2.3, of bits 1 to 5; RFC 2890 gives bits 2 and 3 their meaning.
    if bit(1) || bit(4) || bit(5) || bit(13) || bit(14) || bit(15) {
        return None;
    }
    let has = [bit(0), bit(2), bit(3)];
    let fields = has.iter().filter(|&&has| has).count();
    Some(Gre { has, protocol_type: number(bytes, 2)?, payload: bytes.get(4 + 4 * fields..)? })
}

/// The next header and what follows, if `header` starts with a destination options header that has a
/// tunnel encapsulation limit: RFC 2473, section 4.1.1, option type 4 with one byte of data.
fn behind_limit(header: &[u8]) -> Option<(u8, &[u8])> {
    let len = 8 + 8 * usize::from(*header.get(1)?);
    let (whole, behind) = header.split_at_checked(len)?;
    let mut options = &whole[2..];
    for _ in 0..30 {
        options = match options {
            [4, 1, _limit, ..] => return Some((header[0], behind)),
            [0, more @ ..] => more,
            [_, len, more @ ..] => more.get(usize::from(*len)..)?,
            _ => return None,
        };
    }
    None
}

/// The big-endian 16 bits at `at`.
fn number(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from(*bytes.get(at)?) * 256 + u16::from(*bytes.get(at + 1)?))
}

/// The fields of `input` as linux/ethtool.h describes it at `RXH_XFRM_SYM_XOR`.
fn transformed(transform: InputTransform, input: &[u8]) -> Vec<u8> {
    let address = if input.len() < 32 { 4 } else { 16 };
    let mut output = Vec::new();
    let mut rest = input;
    for len in [address, 2] {
        if rest.is_empty() {
            break;
        }
        let source = &rest[..len];
        let destination = &rest[len..2 * len];
        rest = &rest[2 * len..];
        for first in [true, false] {
            for at in 0..len {
                let (s, d) = (source[at], destination[at]);
                output.push(match (transform, first) {
                    (InputTransform::None, true) => s,
                    (InputTransform::None, false) => d,
                    (InputTransform::SymmetricOrXor, true) => s | d,
                    _ => s ^ d,
                });
            }
        }
    }
    output
}

/// The Toeplitz hash of `input`, a bit at a time. Beyond its end the key is zero.
pub fn toeplitz(key: &[u8], input: &[u8]) -> u32 {
    let mut key_bits = bits(key);
    let input_bits = bits(input);
    key_bits.resize(key_bits.len().max(input_bits.len() + 32), false);
    let mut hash = 0;
    for (at, &set) in input_bits.iter().enumerate() {
        if set {
            let mut window = 0u32;
            for key_bit in &key_bits[at..at + 32] {
                window = window * 2 + u32::from(*key_bit);
            }
            hash ^= window;
        }
    }
    hash
}

fn bits(bytes: &[u8]) -> Vec<bool> {
    let mut bits = Vec::new();
    for byte in bytes {
        for weight in [128, 64, 32, 16, 8, 4, 2, 1] {
            bits.push(byte & weight != 0);
        }
    }
    bits
}

/// The report and the bytes to hash; `enabled` are the bits of `hash_types`.
fn choose(enabled: u32, link: Link, packet: &[u8]) -> Option<(HashReport, Vec<u8>)> {
    // Zero bytes behind the end spare every read a check; `len` says which bytes are real.
    let len = packet.len();
    let mut p = packet.to_vec();
    p.resize(len + 64, 0);

    let mut ip = 0;
    let mut version = p[0] / 16;
    if link == Link::Ethernet {
        let mut tags = 0;
        while p[12 + 4 * tags] == 0x81 && p[13 + 4 * tags] == 0x00
            || p[12 + 4 * tags] == 0x88 && p[13 + 4 * tags] == 0xa8
        {
            tags += 1;
            if tags == 3 {
                return None;
            }
        }
        ip = 14 + 4 * tags;
        if ip > len {
            return None;
        }
        version = if p[ip - 2] == 0x08 && p[ip - 1] == 0x00 {
            4
        } else if p[ip - 2] == 0x86 && p[ip - 1] == 0xdd {
            6
        } else {
            return None;
        };
        if p[ip] / 16 != version {
            return None;
        }
    }

    if version == 4 && ip + 20 <= len {
        let addresses = &p[ip + 12..ip + 20];
        let ihl = usize::from(p[ip] % 16);
        let more_fragments = p[ip + 6] & 0x20 != 0;
        let offset = usize::from(p[ip + 6] & 0x1f) * 256 + usize::from(p[ip + 7]);
        let mut ports = None;
        if !more_fragments && offset == 0 && ihl >= 5 && ip + 4 * ihl + 4 <= len {
            ports = Some(&p[ip + 4 * ihl..ip + 4 * ihl + 4]);
        }
        let protocol = p[ip + 9];

        if let Some(ports) = ports {
            if protocol == 6 && enabled & 0x002 != 0 {
                return Some((HashReport::TcpV4, [addresses, ports].concat()));
            }
            if protocol == 17 && enabled & 0x004 != 0 {
                return Some((HashReport::UdpV4, [addresses, ports].concat()));
            }
        }
        if enabled & 0x001 != 0 {
            return Some((HashReport::Ipv4, addresses.to_vec()));
        }
        return None;
    }

    if version == 6 && ip + 40 <= len {
        let headers = extension_headers(&p, len, ip);
        let ports = match headers.end {
            Some((_, at)) if at + 4 <= len => Some(&p[at..at + 4]),
            _ => None,
        };
        let protocol = headers.end.map(|(protocol, _)| protocol);
        let source = &p[ip + 8..ip + 24];
        let destination = &p[ip + 24..ip + 40];

        if headers.any {
            let mut home = source;
            let mut routed = destination;
            // From the last to the first, so that the first has the last word.
            for &(kind, at, header_end) in headers.list.iter().rev() {
                if kind == 60
                    && let Some(address) = home_address(&p, at, header_end.min(len))
                {
                    home = &p[address..address + 16];
                }
                if kind == 43 && at + 24 <= len && p[at + 1..at + 4] == [2, 2, 1] {
                    routed = &p[at + 8..at + 24];
                }
            }
            if let Some(ports) = ports {
                if protocol == Some(6) && enabled & 0x080 != 0 {
                    return Some((HashReport::TcpV6Ex, [home, routed, ports].concat()));
                }
                if protocol == Some(17) && enabled & 0x100 != 0 {
                    return Some((HashReport::UdpV6Ex, [home, routed, ports].concat()));
                }
            }
            if enabled & 0x040 != 0 {
                return Some((HashReport::Ipv6Ex, [home, routed].concat()));
            }
        }
        if let Some(ports) = ports {
            if protocol == Some(6) && enabled & 0x010 != 0 {
                return Some((HashReport::TcpV6, [source, destination, ports].concat()));
            }
            if protocol == Some(17) && enabled & 0x020 != 0 {
                return Some((HashReport::UdpV6, [source, destination, ports].concat()));
            }
        }
        if enabled & 0x008 != 0 {
            return Some((HashReport::Ipv6, [source, destination].concat()));
        }
    }
    None
}

struct ExtensionHeaders {
    /// Whether there is one, be it cut off.
    any: bool,
    /// Kind, start and end of each that is not a fragment header. The end may be behind the packet's.
    list: Vec<(u8, usize, usize)>,
    /// What follows the last and where, if that can be known.
    end: Option<(u8, usize)>,
}

fn extension_headers(p: &[u8], len: usize, ip: usize) -> ExtensionHeaders {
    let mut kind = p[ip + 6];
    let mut at = ip + 40;
    let mut list = Vec::new();
    let any = [0, 43, 44, 51, 60, 135].contains(&kind);
    loop {
        if ![0, 43, 44, 51, 60, 135].contains(&kind) {
            return ExtensionHeaders { any, list, end: Some((kind, at)) };
        }
        if kind == 44 || list.len() == 11 || at + 2 > len {
            return ExtensionHeaders { any, list, end: None };
        }
        let field = usize::from(p[at + 1]);
        let header_len = if kind == 51 { 4 * field + 8 } else { 8 * field + 8 };
        list.push((kind, at, at + header_len));
        kind = p[at];
        at += header_len;
    }
}

/// Where the first home address in the destination options header from `start` to `end` is.
fn home_address(p: &[u8], start: usize, end: usize) -> Option<usize> {
    // All options, cut off where one is not complete, and no more than are looked at.
    let mut options = Vec::new();
    let mut at = start + 2;
    while at < end {
        let option_len = if p[at] == 0 { 1 } else { 2 + usize::from(p[at + 1]) };
        if at + option_len > end {
            break;
        }
        options.push((at, option_len));
        at += option_len;
    }
    options.truncate(30);
    let found = options.into_iter().find(|&(at, option_len)| p[at] == 201 && option_len == 18);
    found.map(|(at, _)| at + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toeplitz_is_microsofts() {
        let key = [
            0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
            0x8f, 0xb0,
        ];
        let input = [66, 9, 149, 187, 161, 142, 100, 80, 0x0a, 0xea, 0x06, 0xe6];
        assert_eq!(toeplitz(&key, &input[..8]), 0x323e_8fc2);
        assert_eq!(toeplitz(&key, &input), 0x51cc_c178);
    }
}
