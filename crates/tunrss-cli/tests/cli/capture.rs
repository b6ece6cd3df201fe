//! Captures and packets, written byte by byte after the formats' own texts.

/// What a capture writes its numbers in.
#[derive(Clone, Copy)]
pub(crate) enum Order {
    Little,
    Big,
}

impl Order {
    fn two(self, number: u16) -> [u8; 2] {
        match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }

    pub(crate) fn four(self, number: u32) -> [u8; 4] {
        match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }
}

pub(crate) const MICROSECONDS: u32 = 0xa1b2_c3d4;
pub(crate) const NANOSECONDS: u32 = 0xa1b2_3c4d;
/// Of Alexey Kuznetsov's tcpdump: packets have eight bytes more in their header.
pub(crate) const MODIFIED: u32 = 0xa1b2_cd34;

/// A pcap file; each packet with its length on the wire.
pub(crate) fn pcap(order: Order, magic: u32, link: u32, packets: &[(&[u8], usize)]) -> Vec<u8> {
    let mut file = order.four(magic).to_vec();
    file.extend([order.two(2), order.two(4)].as_flattened());
    file.extend([0, 0, 65535, link].map(|number| order.four(number)).as_flattened());
    for (data, wire_len) in packets {
        // A fraction that is no valid microsecond, as some writers leave.
        let numbers = [1, 999_999_999, data.len() as u32, *wire_len as u32];
        file.extend(numbers.map(|number| order.four(number)).as_flattened());
        if magic == MODIFIED {
            // The interface, the protocol, the packet's direction.
            file.extend([7; 8]);
        }
        file.extend_from_slice(data);
    }
    file
}

/// A block of a pcapng file.
pub(crate) fn block(order: Order, kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = body.len().next_multiple_of(4) - body.len();
    let len = order.four((12 + body.len() + padding) as u32);
    [&order.four(kind), &len, body, &[0; 3][..padding], &len].concat()
}

pub(crate) fn section(order: Order) -> Vec<u8> {
    let comment = option(order, 1, b"text");
    section_with(order, [1, 0], &[comment, option(order, 0, &[])].concat())
}

/// The header of a section of that version, whose length is not known.
pub(crate) fn section_with(order: Order, version: [u16; 2], options: &[u8]) -> Vec<u8> {
    let version = version.map(|number| order.two(number));
    let fields = [&order.four(0x1a2b_3c4d), version.as_flattened(), &[0xff; 8], options];
    block(order, 0x0a0d_0d0a, &fields.concat())
}

pub(crate) fn interface(order: Order, link: u16, snaplen: u32) -> Vec<u8> {
    interface_with(order, [link, 0], snaplen, &[])
}

/// Its second number is reserved.
pub(crate) fn interface_with(
    order: Order,
    link: [u16; 2],
    snaplen: u32,
    options: &[u8],
) -> Vec<u8> {
    let link = link.map(|number| order.two(number));
    block(order, 1, &[link.as_flattened(), &order.four(snaplen), options].concat())
}

/// An option of a block.
pub(crate) fn option(order: Order, code: u16, value: &[u8]) -> Vec<u8> {
    let padding = value.len().next_multiple_of(4) - value.len();
    let len = value.len() as u16;
    [&order.two(code), &order.two(len), value, &[0; 3][..padding]].concat()
}

pub(crate) fn enhanced(order: Order, interface: u32, data: &[u8], wire_len: usize) -> Vec<u8> {
    let numbers = [interface, 0, 0, data.len() as u32, wire_len as u32];
    let numbers = numbers.map(|number| order.four(number));
    let padding = data.len().next_multiple_of(4) - data.len();
    // An option that is no text, and no end of options.
    let option = [order.two(1), order.two(1), [0xff, 0], [0, 0]];
    let body = [numbers.as_flattened(), data, &[0; 3][..padding], option.as_flattened()];
    block(order, 6, &body.concat())
}

/// The obsolete block for a packet.
pub(crate) fn obsolete(order: Order, interface: u16, data: &[u8], wire_len: usize) -> Vec<u8> {
    let interface = [order.two(interface), order.two(0)];
    let numbers = [0, 0, data.len() as u32, wire_len as u32].map(|number| order.four(number));
    block(order, 2, &[interface.as_flattened(), numbers.as_flattened(), data].concat())
}

pub(crate) fn simple(order: Order, data: &[u8], wire_len: usize) -> Vec<u8> {
    block(order, 3, &[&order.four(wire_len as u32), data].concat())
}

/// An IPv4 packet with the addresses and ports of the first vector.
pub(crate) fn ipv4(protocol: u8) -> Vec<u8> {
    let header = [0x45, 0, 0, 28, 0, 0, 0, 0, 64, protocol, 0, 0];
    let addresses = [66, 9, 149, 187, 161, 142, 100, 80];
    let ports = [0x0a, 0xea, 0x06, 0xe6, 0, 0, 0, 0];
    [header.as_slice(), &addresses, &ports].concat()
}

/// `packet` in an Ethernet frame.
pub(crate) fn ethernet(ether_type: u16, packet: &[u8]) -> Vec<u8> {
    [[2; 12].as_slice(), &ether_type.to_be_bytes(), packet].concat()
}

/// An IPv6/TCP packet from 2001:db8::1 to 2001:db8::2 with the first vector's ports, behind a home
/// address option and a type 2 routing header, each if wanted.
pub(crate) fn ipv6_with(home_address: bool, routing_address: bool) -> Vec<u8> {
    const DESTINATION: u8 = 60;
    const ROUTING: u8 = 43;
    const TCP: u8 = 6;
    let after_home = if routing_address { ROUTING } else { TCP };
    let first = if home_address { DESTINATION } else { after_home };
    let mut packet = vec![0x60, 0, 0, 0, 0, 0, first, 64];
    packet.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    packet.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    if home_address {
        packet.extend([after_home, 2, 201, 16]);
        packet.extend([0x3f, 0xfe, 0x25, 0x01, 0x02, 0, 0x1f, 0xff, 0, 0, 0, 0, 0, 0, 0, 7]);
        packet.extend([1, 2, 0, 0]);
    }
    if routing_address {
        packet.extend([TCP, 2, 2, 1, 0, 0, 0, 0]);
        packet.extend([0x3f, 0xfe, 0x25, 0x01, 0x02, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1]);
    }
    packet.extend([0x0a, 0xea, 0x06, 0xe6]);
    packet
}
