//! Recognising tunnels, and going on with the packet inside.
//!
//! This executes `tunrss_hash::tunnel`. It runs between finding the IP header of a packet and
//! hashing it. For an inner packet the window is loaded anew, so that its IP header stands where
//! that of the outer one stood, and the same code runs once more; [`INNER`] keeps it from looking
//! for another tunnel.
//!
//! While a tunnel is looked for, r9 goes along the outer headers: it is an offset in the packet, and
//! in the end that of the inner packet. For a packet that is no tunnel r8 keeps its value, and so does r7
//! except while options are looked at.

use tunrss_hash::dissect::{
    ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_QINQ, ETHERTYPE_VLAN, IPV4_MORE_FRAGMENTS_OR_OFFSET,
    MAX_VLAN_TAGS, NEXT_DESTINATION, OPTION_ENCAPSULATION_LIMIT,
};
use tunrss_hash::tunnel::{
    GENEVE_OPTIONS_LEN, GENEVE_VERSION, GRE_CHECKSUM, GRE_KEY, GRE_REFUSED, GRE_SEQUENCE,
    PORT_GENEVE, PORT_GRE, PORT_VXLAN, PORT_VXLAN_GPE, PROTOCOL_GRE, PROTOCOL_IPV4,
    PROTOCOL_TYPE_ETHERNET, PROTOCOL_UDP, VXLAN_GPE_ETHERNET, VXLAN_GPE_IPV4, VXLAN_GPE_IPV6,
    VXLAN_GPE_NEXT_PROTOCOL, VXLAN_GPE_VERSION, VXLAN_INSTANCE,
};
use tunrss_hash::{Link, TunnelTypes};

use super::dissect::OPTIONS_END;
use super::{Lowering, WINDOW, be16, context};
use crate::asm::{Asm, Label};
use crate::insn::{AluOp, Cond, Reg, Size};

/// The IP version of the outer headers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    V4,
    V6,
}

/// What an inner packet starts with. It is at r9, which is not behind the packet's end.
#[derive(Clone, Copy)]
pub(super) struct InnerLabels {
    ethernet: Label,
    ipv4: Label,
    ipv6: Label,
}

impl InnerLabels {
    pub(super) fn new(asm: &mut Asm) -> Self {
        Self {
            ethernet: asm.label("inner_ethernet"),
            ipv4: asm.label("inner_ipv4"),
            ipv6: asm.label("inner_ipv6"),
        }
    }
}

/// What GRE flags the enabled types allow for a payload.
#[derive(Clone, Copy, PartialEq, Eq)]
enum GreFlags {
    /// No type is enabled.
    Refused,
    /// Any flags.
    Any,
    /// Neither key nor sequence number, or, if `or_nvgre`, a key and nothing else.
    Plain { or_nvgre: bool },
    /// A key and nothing else.
    Nvgre,
}

impl Lowering<'_> {
    pub(super) fn has_tunnels(&self) -> bool {
        !self.config.tunnels().is_empty()
    }

    pub(super) fn has_tunnels_over(&self, delivery: Delivery) -> bool {
        self.config.tunnels().intersects(match delivery {
            Delivery::V4 => TunnelTypes::ALL,
            Delivery::V6 => IN_GRE_OVER_V6.union(IN_UDP),
        })
    }

    /// Bytes of IP header and ports that have to be in the window for tunnels.
    pub(super) fn tunnel_window_len(&self) -> i32 {
        let with_ports = if self.config.tunnels().intersects(IN_UDP) { 4 } else { 0 };
        match (self.has_tunnels_over(Delivery::V6), self.has_tunnels()) {
            (true, _) => 40 + with_ports,
            (false, true) => 20 + with_ports,
            (false, false) => 0,
        }
    }

    /// Note that the packet is not one inside a tunnel.
    pub(super) fn outermost(&mut self) {
        if self.has_tunnels() {
            self.asm.store(Size::Double, Reg::R10, INNER, 0);
        }
    }

    /// For an inner packet, put its EtherType in place of that in `ethertype`.
    pub(super) fn inner_ethertype(&mut self, ethertype: Reg) {
        if self.has_tunnels() {
            let dispatch = self.asm.label("dispatch");
            self.load_stack(Size::Double, Reg::R2, INNER);
            self.asm.jump_if(Cond::Eq, Reg::R2, 0, dispatch);
            self.asm.mov(ethertype, Reg::R2);
            self.asm.bind(dispatch);
        }
    }

    /// An inner packet has to be of the IP version that was said.
    pub(super) fn inner_version(&mut self, version: Reg) {
        if self.has_tunnels() {
            let dispatch = self.asm.label("dispatch");
            self.load_stack(Size::Double, Reg::R2, INNER);
            self.asm.jump_if(Cond::Eq, Reg::R2, 0, dispatch);
            self.asm.jump_if(Cond::Ne, version, Reg::R2, self.unclassified);
            self.asm.bind(dispatch);
        }
    }

    /// Go on with the inner packet if the packet is a tunnel of an enabled type over `delivery`, whose
    /// header is in the window. Falls through if not; r1 to r5 and r9 are then lost.
    pub(super) fn tunnel(&mut self, delivery: Delivery) {
        let [no_tunnel, gre, udp] = match delivery {
            Delivery::V4 => ["ipv4_no_tunnel", "ipv4_gre", "ipv4_udp_tunnel"],
            Delivery::V6 => ["ipv6_no_tunnel", "ipv6_gre", "ipv6_udp_tunnel"],
        }
        .map(|name| self.asm.label(name));
        let tunnels = self.config.tunnels();
        let in_gre = match delivery {
            Delivery::V4 => IN_GRE_OVER_V4,
            Delivery::V6 => IN_GRE_OVER_V6,
        };
        self.asm.comment("only one tunnel is looked into");
        self.load_stack(Size::Double, Reg::R2, INNER);
        self.asm.jump_if(Cond::Ne, Reg::R2, 0, no_tunnel);
        self.behind_ip_header(delivery, no_tunnel);
        if tunnels.intersects(in_gre) {
            self.asm.jump_if(Cond::Eq, Reg::R2, i32::from(PROTOCOL_GRE), gre);
        }
        if tunnels.intersects(IN_UDP) {
            self.asm.jump_if(Cond::Eq, Reg::R2, i32::from(PROTOCOL_UDP), udp);
        }
        if delivery == Delivery::V4 && tunnels.contains(TunnelTypes::IPIP) {
            self.asm.jump_if(Cond::Ne, Reg::R2, i32::from(PROTOCOL_IPV4), no_tunnel);
            self.cut_off(no_tunnel);
            self.asm.jump(self.inner.ipv4);
        }
        self.asm.jump(no_tunnel);
        self.asm.bind(gre);
        self.gre(no_tunnel, |payload| gre_flags(tunnels, delivery, payload));
        self.asm.bind(udp);
        self.udp(delivery, no_tunnel);
        self.asm.bind(no_tunnel);
    }

    /// Put into r9 where the headers behind the IP header start, and into r2 the protocol of the first;
    /// no fragment has any. Puts the first byte of an IPv4 header into r1.
    fn behind_ip_header(&mut self, delivery: Delivery, no_tunnel: Label) {
        self.asm.mov(Reg::R9, Reg::R8);
        match delivery {
            Delivery::V4 => {
                self.load_stack(Size::Half, Reg::R2, self.ip(6));
                let fragment = be16(IPV4_MORE_FRAGMENTS_OR_OFFSET);
                self.asm.jump_if(Cond::Set, Reg::R2, fragment, no_tunnel);
                self.load_stack(Size::Byte, Reg::R1, self.ip(0));
                self.asm.mov(Reg::R2, Reg::R1);
                self.asm.alu(AluOp::And, Reg::R2, 0xf);
                self.asm.jump_if(Cond::Lt, Reg::R2, 5, no_tunnel);
                self.asm.alu(AluOp::Lsh, Reg::R2, 2);
                self.asm.alu(AluOp::Add, Reg::R9, Reg::R2);
                self.asm.alu(AluOp::Add, Reg::R9, i32::from(self.link_len()));
                self.load_stack(Size::Byte, Reg::R2, self.ip(9));
            }
            Delivery::V6 => {
                let upper = self.asm.label("ipv6_upper");
                self.asm.alu(AluOp::Add, Reg::R9, i32::from(self.link_len()) + 40);
                self.load_stack(Size::Byte, Reg::R2, self.ip(6));
                self.asm.jump_if(Cond::Ne, Reg::R2, i32::from(NEXT_DESTINATION), upper);
                self.encapsulation_limit(upper, no_tunnel);
                self.asm.bind(upper);
            }
        }
    }

    /// If there is a tunnel encapsulation limit in the destination options header at r9, go to `skipped`
    /// with r9 behind that header and the protocol of what follows in r2.
    fn encapsulation_limit(&mut self, skipped: Label, no_tunnel: Label) {
        let none = self.asm.label("no_encapsulation_limit");
        self.asm.comment("destination options: is there a tunnel encapsulation limit?");
        self.load_packet(Reg::R9, TUNNEL, 2, no_tunnel);
        self.destination_options_end(Reg::R2);
        self.load_context(Reg::R3, context::LEN);
        self.asm.jump_if(Cond::Gt, Reg::R2, Reg::R3, no_tunnel);
        self.asm.store(Size::Double, Reg::R10, OPTIONS_END, Reg::R2);
        self.asm.store(Size::Double, Reg::R10, LEFT, Reg::R7);
        self.asm.alu(AluOp::Add, Reg::R9, 2);
        self.find_option(Reg::R9, Reg::R7, OPTION_ENCAPSULATION_LIMIT, 1, none);
        self.load_stack(Size::Double, Reg::R7, LEFT);
        // Not from the stack: there the verifier has noted of it how far each option got, and would go
        // on apart for each.
        self.destination_options_end(Reg::R9);
        self.load_stack(Size::Byte, Reg::R2, TUNNEL);
        self.asm.jump(skipped);
        self.asm.bind(none);
        self.load_stack(Size::Double, Reg::R7, LEFT);
        self.asm.jump(no_tunnel);
    }

    /// Put into `dst` where the destination options header behind the IPv6 header ends.
    fn destination_options_end(&mut self, dst: Reg) {
        self.load_stack(Size::Byte, dst, TUNNEL + 1);
        self.asm.alu(AluOp::Add, dst, 1);
        self.asm.alu(AluOp::Lsh, dst, 3);
        self.asm.alu(AluOp::Add, dst, Reg::R8);
        self.asm.alu(AluOp::Add, dst, i32::from(self.link_len()) + 40);
    }

    /// Go on with the payload of the UDP packet at r9. The first byte of an IPv4 header is in r1.
    fn udp(&mut self, delivery: Delivery, no_tunnel: Label) {
        let tunnels = self.config.tunnels();
        let [port, options, gre, vxlan, vxlan_gpe, geneve] =
            ["udp_port", "udp_options", "gre_udp", "vxlan", "vxlan_gpe", "geneve"]
                .map(|name| self.asm.label(name));
        let ports_at = match delivery {
            Delivery::V4 => 20,
            Delivery::V6 => 40,
        };
        match delivery {
            Delivery::V4 => {
                self.asm.alu(AluOp::And, Reg::R1, 0xf);
                self.asm.jump_if(Cond::Ne, Reg::R1, 5, options);
            }
            Delivery::V6 => {
                self.load_stack(Size::Byte, Reg::R1, self.ip(6));
                self.asm.jump_if(Cond::Ne, Reg::R1, i32::from(PROTOCOL_UDP), options);
            }
        }
        let with_ports = i32::from(self.link_len() + ports_at) + 4;
        self.asm.jump_if(Cond::Lt, Reg::R7, with_ports, no_tunnel);
        self.asm.bind(port);
        self.load_stack(Size::Half, Reg::R2, self.ip(ports_at + 2));
        self.asm.alu(AluOp::Add, Reg::R9, UDP_LEN);
        for (types, number, target) in [
            (TunnelTypes::VXLAN, PORT_VXLAN, vxlan),
            (TunnelTypes::GENEVE, PORT_GENEVE, geneve),
            (TunnelTypes::VXLAN_GPE, PORT_VXLAN_GPE, vxlan_gpe),
            (TunnelTypes::GRE_UDP, PORT_GRE, gre),
        ] {
            if tunnels.contains(types) {
                self.asm.jump_if(Cond::Eq, Reg::R2, be16(number), target);
            }
        }
        self.asm.jump(no_tunnel);
        self.asm.bind(options);
        self.asm.comment("ports behind options: put them where they are without");
        self.load_packet(Reg::R9, self.ip(ports_at), 4, no_tunnel);
        self.asm.jump(port);
        self.asm.bind(gre);
        self.gre(no_tunnel, |_| GreFlags::Any);
        self.asm.bind(vxlan);
        self.vxlan(no_tunnel);
        self.asm.bind(vxlan_gpe);
        self.vxlan_gpe(no_tunnel);
        self.asm.bind(geneve);
        self.geneve(no_tunnel);
    }

    /// Go on with the payload of the GRE header at r9, if `allowed` has its flags for that payload.
    fn gre(&mut self, no_tunnel: Label, allowed: impl Fn(Payload) -> GreFlags) {
        const CHECKSUM: i32 = be16(GRE_CHECKSUM);
        const KEY: i32 = be16(GRE_KEY);
        const SEQUENCE: i32 = be16(GRE_SEQUENCE);
        self.load_packet(Reg::R9, TUNNEL, 4, no_tunnel);
        self.load_stack(Size::Half, Reg::R1, TUNNEL);
        self.asm.jump_if(Cond::Set, Reg::R1, be16(GRE_REFUSED), no_tunnel);
        self.asm.comment("4 bytes each for checksum, key and sequence number");
        self.asm.alu(AluOp::Add, Reg::R9, 4);
        for flag in [CHECKSUM, KEY, SEQUENCE] {
            self.asm.mov(Reg::R2, Reg::R1);
            self.asm.alu(AluOp::And, Reg::R2, flag);
            self.asm.alu(AluOp::Rsh, Reg::R2, flag.trailing_zeros() as i32 - 2);
            self.asm.alu(AluOp::Add, Reg::R9, Reg::R2);
        }
        self.cut_off(no_tunnel);
        self.load_stack(Size::Half, Reg::R2, TUNNEL + 2);
        for payload in Payload::ALL {
            let flags = allowed(payload);
            if flags == GreFlags::Refused {
                continue;
            }
            let inner = payload.label(self.inner);
            let other = self.asm.label("gre_other");
            self.asm.jump_if(Cond::Ne, Reg::R2, be16(payload.protocol_type()), other);
            if matches!(flags, GreFlags::Nvgre | GreFlags::Plain { or_nvgre: true }) {
                self.asm.mov(Reg::R3, Reg::R1);
                self.asm.alu(AluOp::And, Reg::R3, CHECKSUM | KEY | SEQUENCE);
                self.asm.jump_if(Cond::Eq, Reg::R3, KEY, inner);
            }
            if matches!(flags, GreFlags::Plain { .. }) {
                self.asm.jump_if(Cond::Set, Reg::R1, KEY | SEQUENCE, no_tunnel);
            }
            self.asm.jump(if flags == GreFlags::Nvgre { no_tunnel } else { inner });
            self.asm.bind(other);
        }
        self.asm.jump(no_tunnel);
    }

    /// Go on with the payload of the VXLAN header at r9.
    fn vxlan(&mut self, no_tunnel: Label) {
        self.load_packet(Reg::R9, TUNNEL, HEADER_LEN, no_tunnel);
        self.load_stack(Size::Byte, Reg::R1, TUNNEL);
        self.asm.alu(AluOp::And, Reg::R1, i32::from(VXLAN_INSTANCE));
        self.asm.jump_if(Cond::Eq, Reg::R1, 0, no_tunnel);
        self.asm.alu(AluOp::Add, Reg::R9, HEADER_LEN);
        self.asm.jump(self.inner.ethernet);
    }

    /// Go on with the payload of the VXLAN-GPE header at r9.
    fn vxlan_gpe(&mut self, no_tunnel: Label) {
        let instance = i32::from(VXLAN_INSTANCE);
        self.load_packet(Reg::R9, TUNNEL, HEADER_LEN, no_tunnel);
        self.load_stack(Size::Byte, Reg::R1, TUNNEL);
        self.asm.mov(Reg::R2, Reg::R1);
        self.asm.alu(AluOp::And, Reg::R2, i32::from(VXLAN_GPE_VERSION) | instance);
        self.asm.jump_if(Cond::Ne, Reg::R2, instance, no_tunnel);
        self.asm.alu(AluOp::Add, Reg::R9, HEADER_LEN);
        self.asm.alu(AluOp::And, Reg::R1, i32::from(VXLAN_GPE_NEXT_PROTOCOL));
        self.asm.jump_if(Cond::Eq, Reg::R1, 0, self.inner.ethernet);
        self.load_stack(Size::Byte, Reg::R1, TUNNEL + 3);
        for payload in Payload::ALL {
            let number = i32::from(payload.next_protocol());
            self.asm.jump_if(Cond::Eq, Reg::R1, number, payload.label(self.inner));
        }
        self.asm.jump(no_tunnel);
    }

    /// Go on with the payload of the Geneve header at r9.
    fn geneve(&mut self, no_tunnel: Label) {
        self.load_packet(Reg::R9, TUNNEL, HEADER_LEN, no_tunnel);
        self.load_stack(Size::Byte, Reg::R1, TUNNEL);
        self.asm.jump_if(Cond::Set, Reg::R1, i32::from(GENEVE_VERSION), no_tunnel);
        self.asm.alu(AluOp::And, Reg::R1, i32::from(GENEVE_OPTIONS_LEN));
        self.asm.alu(AluOp::Lsh, Reg::R1, 2);
        self.asm.alu(AluOp::Add, Reg::R9, Reg::R1);
        self.asm.alu(AluOp::Add, Reg::R9, HEADER_LEN);
        self.cut_off(no_tunnel);
        self.load_stack(Size::Half, Reg::R1, TUNNEL + 2);
        for payload in Payload::ALL {
            let number = be16(payload.protocol_type());
            self.asm.jump_if(Cond::Eq, Reg::R1, number, payload.label(self.inner));
        }
        self.asm.jump(no_tunnel);
    }

    /// Go to `no_tunnel` if the packet ends before r9. r3 is lost.
    fn cut_off(&mut self, no_tunnel: Label) {
        self.load_context(Reg::R3, context::LEN);
        self.asm.jump_if(Cond::Gt, Reg::R9, Reg::R3, no_tunnel);
    }

    /// Where inner packets go on: load the window anew, the IP header where it always is. `has_v4`
    /// and `has_v6` say whether any type of that version can be hashed.
    pub(super) fn inner(&mut self, has_v4: bool, has_v6: bool) {
        let InnerLabels { ethernet, ipv4, ipv6 } = self.inner;
        let again = self.asm.label("inner_window");
        self.asm.bind(ethernet);
        // With fewer bytes than the EtherTypes behind two tags, there is no whole IP header.
        self.asm.comment("EtherType, and those behind two VLAN tags");
        self.asm.alu(AluOp::Add, Reg::R9, 12);
        self.load_packet(Reg::R9, TUNNEL, ETHERTYPES_LEN, self.unclassified);
        self.asm.alu(AluOp::Add, Reg::R9, 2);
        for tags in 0..=MAX_VLAN_TAGS as i16 {
            self.load_stack(Size::Half, Reg::R1, TUNNEL + 4 * tags);
            self.asm.jump_if(Cond::Eq, Reg::R1, be16(ETHERTYPE_IPV4), ipv4);
            self.asm.jump_if(Cond::Eq, Reg::R1, be16(ETHERTYPE_IPV6), ipv6);
            if usize::from(tags.unsigned_abs()) < MAX_VLAN_TAGS {
                let tagged = self.asm.label("inner_vlan_tag");
                self.asm.jump_if(Cond::Eq, Reg::R1, be16(ETHERTYPE_VLAN), tagged);
                self.asm.jump_if(Cond::Ne, Reg::R1, be16(ETHERTYPE_QINQ), self.unclassified);
                self.asm.bind(tagged);
                self.asm.alu(AluOp::Add, Reg::R9, 4);
            }
        }
        self.asm.jump(self.unclassified);
        for (label, has, ethertype, version) in
            [(ipv4, has_v4, ETHERTYPE_IPV4, 4), (ipv6, has_v6, ETHERTYPE_IPV6, 6)]
        {
            self.asm.bind(label);
            if has {
                let noted = match self.link {
                    Link::Ethernet => be16(ethertype),
                    Link::Ip => version,
                };
                // By way of a register: of a constant stored to the stack the verifier of a kernel
                // before 6.3 knows nothing, and sees a tunnel in a tunnel without end.
                self.asm.mov(Reg::R1, noted);
                self.asm.store(Size::Double, Reg::R10, INNER, Reg::R1);
                self.asm.jump(again);
            } else {
                self.asm.jump(self.unclassified);
            }
        }
        self.asm.bind(again);
        self.asm.comment("the inner IP header is at r9: what is left of the packet from there on");
        self.asm.mov(Reg::R8, Reg::R9);
        self.asm.alu(AluOp::Sub, Reg::R8, i32::from(self.link_len()));
        self.load_context(Reg::R7, context::LEN);
        self.asm.alu(AluOp::Sub, Reg::R7, Reg::R8);
        self.asm.jump(self.window);
    }
}

/// What can be inside a tunnel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Payload {
    Ipv4,
    Ipv6,
    Ethernet,
}

impl Payload {
    const ALL: [Self; 3] = [Self::Ipv4, Self::Ipv6, Self::Ethernet];

    /// As GRE and Geneve number it.
    fn protocol_type(self) -> u16 {
        match self {
            Self::Ipv4 => ETHERTYPE_IPV4,
            Self::Ipv6 => ETHERTYPE_IPV6,
            Self::Ethernet => PROTOCOL_TYPE_ETHERNET,
        }
    }

    /// As VXLAN-GPE numbers it.
    fn next_protocol(self) -> u8 {
        match self {
            Self::Ipv4 => VXLAN_GPE_IPV4,
            Self::Ipv6 => VXLAN_GPE_IPV6,
            Self::Ethernet => VXLAN_GPE_ETHERNET,
        }
    }

    fn label(self, inner: InnerLabels) -> Label {
        match self {
            Self::Ipv4 => inner.ipv4,
            Self::Ipv6 => inner.ipv6,
            Self::Ethernet => inner.ethernet,
        }
    }
}

/// What flags the types among `tunnels` allow for a payload of GRE that is not in UDP.
fn gre_flags(tunnels: TunnelTypes, delivery: Delivery, payload: Payload) -> GreFlags {
    let any = match (delivery, payload) {
        (Delivery::V4, Payload::Ipv4 | Payload::Ethernet) => TunnelTypes::GRE_2890,
        (Delivery::V4, Payload::Ipv6) | (Delivery::V6, _) => TunnelTypes::GRE_7676,
    };
    let has_plain = delivery == Delivery::V4
        && payload != Payload::Ipv6
        && tunnels.contains(TunnelTypes::GRE_2784);
    let has_nvgre = payload == Payload::Ethernet && tunnels.contains(TunnelTypes::NVGRE);
    match (tunnels.contains(any), has_plain, has_nvgre) {
        (true, _, _) => GreFlags::Any,
        (false, true, or_nvgre) => GreFlags::Plain { or_nvgre },
        (false, false, true) => GreFlags::Nvgre,
        (false, false, false) => GreFlags::Refused,
    }
}

/// The types that are recognised behind each header.
const IN_GRE_OVER_V6: TunnelTypes = TunnelTypes::GRE_7676.union(TunnelTypes::NVGRE);
const IN_GRE_OVER_V4: TunnelTypes =
    IN_GRE_OVER_V6.union(TunnelTypes::GRE_2784).union(TunnelTypes::GRE_2890);
const IN_UDP: TunnelTypes = TunnelTypes::GRE_UDP
    .union(TunnelTypes::VXLAN)
    .union(TunnelTypes::VXLAN_GPE)
    .union(TunnelTypes::GENEVE);

const UDP_LEN: i32 = 8;
/// VXLAN, VXLAN-GPE, and Geneve without options.
const HEADER_LEN: i32 = 8;
/// An EtherType, and two VLAN tags.
const ETHERTYPES_LEN: i32 = 2 + 4 * MAX_VLAN_TAGS as i32;

// Stack below what the walk along extension headers needs.

/// 0 for a packet as it came; for the one inside a tunnel its EtherType as it loads, or for a link
/// without Ethernet header its IP version.
const INNER: i16 = WINDOW - 64;
/// An extension header's first 2 bytes, a tunnel header, or the EtherTypes of an inner Ethernet header.
const TUNNEL: i16 = WINDOW - 80;
/// r7 while options are looked at.
const LEFT: i16 = WINDOW - 88;
