//! A second reading of the meaning, to test the first against: naive, slow, and written from
//! virtio 1.4 ("Hash calculation for incoming packets"), RFC 8200 (IPv6), RFC 6275 (home address
//! option and type 2 routing header) and Microsoft's "RSS hashing functions", not from
//! `tunrss-hash`, of whose code it uses none. Where the texts are silent it follows the decisions
//! listed in [`tunrss_hash::dissect`].

use tunrss_hash::{HashReport, Link, SteeringConfig, Verdict};

/// Hash, report and queue of `packet`, which starts with the header `link`.
pub fn classify<T: AsRef<[u16]>>(config: &SteeringConfig<T>, link: Link, packet: &[u8]) -> Verdict {
    let enabled = config.types().bits();
    let Some((report, input)) = choose(enabled, link, packet) else {
        return Verdict { hash: 0, report: HashReport::None, queue: config.unclassified() };
    };
    let hash = toeplitz(config.key().as_bytes(), &input);
    let table = config.table();
    Verdict { hash, report, queue: table[hash as usize % table.len()] }
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
