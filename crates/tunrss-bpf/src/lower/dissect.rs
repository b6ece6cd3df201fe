//! Finding the fields of a packet and selecting the type it is hashed by.
//!
//! This executes `tunrss_hash::dissect` and `tunrss_hash::classify::select`. Nearly all packets
//! are decided within the window: one load of the link and IP headers with VLAN tags and ports. Only
//! options and extension headers load more.

use tunrss_hash::dissect::{
    ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_QINQ, ETHERTYPE_VLAN, IPV4_MORE_FRAGMENTS_OR_OFFSET,
    MAX_EXTENSION_HEADERS, MAX_OPTIONS, MAX_VLAN_TAGS, NEXT_AUTHENTICATION, NEXT_DESTINATION,
    NEXT_FRAGMENT, NEXT_HOP_BY_HOP, NEXT_MOBILITY, NEXT_ROUTING, OPTION_HOME_ADDRESS,
};
use tunrss_hash::{HashReport, HashTypes, Link};

use super::toeplitz::HashLabels;
use super::tunnel::Delivery;
use super::{Lowering, WINDOW, be16, context};
use crate::asm::Label;
use crate::insn::{AluOp, Cond, Reg, Size};

impl Lowering<'_> {
    /// Emit everything from the start of the program up to the hash in r0.
    pub(super) fn dissect(&mut self) {
        let has_v4 = self.has_any(V4) || self.has_tunnels_over(Delivery::V4);
        let has_v6 = self.has_any(V6) || self.has_tunnels_over(Delivery::V6);
        let [ipv4, ipv6] = ["ipv4", "ipv6"].map(|name| self.asm.label(name));
        let loaded = self.window();
        let dispatch = [(ETHERTYPE_IPV4, 4, ipv4, has_v4), (ETHERTYPE_IPV6, 6, ipv6, has_v6)];
        match self.link {
            Link::Ethernet => {
                self.asm
                    .comment("EtherType, as it loads: 8 IPv4, 0xdd86 IPv6, 0x81 and 0xa888 VLAN");
                self.load_stack(Size::Half, Reg::R1, WINDOW + 12);
                self.inner_ethertype(Reg::R1);
                for (ethertype, _, target, _) in dispatch.into_iter().filter(|&(.., has)| has) {
                    self.asm.jump_if(Cond::Eq, Reg::R1, be16(ethertype), target);
                }
                self.vlan_tag(loaded);
            }
            Link::Ip => {
                self.asm.comment("IP version");
                self.load_stack(Size::Byte, Reg::R1, WINDOW);
                self.asm.alu(AluOp::Rsh, Reg::R1, 4);
                self.inner_version(Reg::R1);
                for (_, version, target, _) in dispatch.into_iter().filter(|&(.., has)| has) {
                    self.asm.jump_if(Cond::Eq, Reg::R1, version, target);
                }
                self.asm.jump(self.unclassified);
            }
        }
        if has_v4 {
            self.asm.bind(ipv4);
            self.ipv4();
            if has_v6 {
                self.asm.jump(self.table);
            }
        }
        if has_v6 {
            self.asm.bind(ipv6);
            self.ipv6();
        }
        if self.has_tunnels() {
            self.asm.jump(self.table);
            self.inner(self.has_any(V4), self.has_any(V6));
        }
    }

    /// Load the window: link and IP header with the ports, as far as the packet and the enabled
    /// types go. Beyond the packet's end it is undefined, so every use is behind a check of r7.
    ///
    /// r8: where the window starts in the packet: 0, or 4 a VLAN tag skipped. For an inner packet it
    /// is as far before the IP header as the link header is long.
    /// r7: bytes of the packet from there on. Returns where it has been loaded.
    fn window(&mut self) -> Label {
        let full = i32::from(self.link_len()) + self.ip_window_len() + self.tags_len();
        self.load_context(Reg::R7, context::LEN);
        self.asm.mov(Reg::R8, 0);
        self.outermost();
        self.asm.bind(self.window);
        let [load_full, loaded] = ["load_full", "loaded"].map(|name| self.asm.label(name));
        if full == self.shortest() {
            self.check_shortest();
        } else {
            // The upper bound comes first. What is left of the packet inside a tunnel is a difference,
            // which the verifier knows as -64..=0xffffffcb. Linux 7.2 keeps one range of a register, as
            // an arc of a circle (`struct cnum64`, include/linux/cnum.h). A lower bound cuts that arc in
            // two, so it would be forgotten, and the length below could be 0.
            self.asm.jump_if(Cond::Ge, Reg::R7, full, load_full);
            self.check_shortest();
            self.asm.comment("a short packet: what there is");
            for slot in (WINDOW..WINDOW + full as i16).step_by(8) {
                self.asm.store(Size::Double, Reg::R10, slot, 0);
            }
            self.copy_packet(Reg::R8, WINDOW, |asm| asm.mov(Reg::R4, Reg::R7));
            self.asm.jump(loaded);
        }
        self.asm.bind(load_full);
        self.asm.comment("link header, VLAN tags, IP header and ports, as far as they are needed");
        self.copy_packet(Reg::R8, WINDOW, |asm| asm.mov(Reg::R4, full));
        self.asm.bind(loaded);
        loaded
    }

    fn check_shortest(&mut self) {
        self.asm.comment("too short for any IP header");
        self.asm.jump_if(Cond::Lt, Reg::R7, self.shortest(), self.unclassified);
    }

    /// Bytes of the shortest packet with an IP header.
    fn shortest(&self) -> i32 {
        i32::from(self.link_len()) + 20
    }

    /// Bytes of the VLAN tags that are skipped.
    fn tags_len(&self) -> i32 {
        match self.link {
            Link::Ethernet => TAG_LEN * MAX_VLAN_TAGS as i32,
            Link::Ip => 0,
        }
    }

    /// Bytes of IP header and ports that the enabled types can need.
    fn ip_window_len(&self) -> i32 {
        let needs = [
            (V6_PORTS, 44),
            (HashTypes::IPV6 | HashTypes::IPV6_EX, 40),
            (V4_PORTS, 24),
            (HashTypes::IPV4, 20),
        ];
        let len =
            needs.into_iter().find(|&(types, _)| self.has_any(types)).map_or(20, |(_, len)| len);
        len.max(self.tunnel_window_len())
    }

    /// Neither IPv4 nor IPv6 that is hashed: skip a VLAN tag, or give up. The EtherType is in r1. What
    /// stands behind the tag is moved to where it stands without; loading it once more would take
    /// longer.
    fn vlan_tag(&mut self, loaded: Label) {
        let tagged = self.asm.label("vlan_tag");
        self.asm.jump_if(Cond::Eq, Reg::R1, be16(ETHERTYPE_VLAN), tagged);
        self.asm.jump_if(Cond::Ne, Reg::R1, be16(ETHERTYPE_QINQ), self.unclassified);
        self.asm.bind(tagged);
        self.asm.comment("an accelerated tag stands in front of those in the data");
        self.load_context(Reg::R1, context::VLAN_PRESENT);
        self.asm.alu(AluOp::Lsh, Reg::R1, TAG_LEN.ilog2() as i32);
        self.asm.alu(AluOp::Add, Reg::R1, Reg::R8);
        self.asm.jump_if(Cond::Ge, Reg::R1, self.tags_len(), self.unclassified);
        self.asm.alu(AluOp::Add, Reg::R8, TAG_LEN);
        self.asm.alu(AluOp::Sub, Reg::R7, TAG_LEN);
        self.check_shortest();
        // Behind one tag there may be another.
        let end = self.link_len() + (self.ip_window_len() + self.tags_len() - TAG_LEN) as i16;
        for place in (12..end - 2).step_by(4) {
            self.move_tagged(Size::Word, WINDOW + place);
        }
        // Not with one store: of 8 aligned bytes that one store alone has written the verifier
        // takes note as of a register, and goes on with such a stack apart.
        self.move_tagged(Size::Byte, WINDOW + end - 2);
        self.move_tagged(Size::Byte, WINDOW + end - 1);
        self.asm.jump(loaded);
    }

    /// Move bytes of the window to where they stand without a tag.
    fn move_tagged(&mut self, size: Size, place: i16) {
        self.load_stack(size, Reg::R1, place + TAG_LEN as i16);
        self.asm.store(size, Reg::R10, place, Reg::R1);
    }

    fn ipv4(&mut self) {
        let hash = HashLabels::new(self, "ipv4_hash_ports", "ipv4_hash_addresses");
        let [version_ok, ports, options, addresses] =
            ["ipv4_version_ok", "ipv4_ports", "ipv4_options", "ipv4_only"]
                .map(|name| self.asm.label(name));
        let has_ports = self.has_any(V4_PORTS);
        if has_ports || self.link == Link::Ethernet {
            self.load_stack(Size::Byte, Reg::R1, self.ip(0));
        }
        if self.link == Link::Ethernet {
            self.asm.jump_if(Cond::Eq, Reg::R1, IPV4_WITHOUT_OPTIONS, version_ok);
            self.asm.mov(Reg::R2, Reg::R1);
            self.asm.alu(AluOp::Rsh, Reg::R2, 4);
            self.asm.jump_if(Cond::Ne, Reg::R2, 4, self.unclassified);
            self.asm.bind(version_ok);
        }
        if self.has_tunnels_over(Delivery::V4) {
            self.tunnel(Delivery::V4);
            if has_ports {
                self.load_stack(Size::Byte, Reg::R1, self.ip(0));
            }
        }
        let protocols = [
            (TCP, HashReport::TcpV4, self.asm.label("ipv4_tcp")),
            (UDP, HashReport::UdpV4, self.asm.label("ipv4_udp")),
        ];
        if has_ports {
            self.asm.comment("a fragment has no ports");
            self.load_stack(Size::Half, Reg::R2, self.ip(6));
            let fragment = be16(IPV4_MORE_FRAGMENTS_OR_OFFSET);
            self.asm.jump_if(Cond::Set, Reg::R2, fragment, addresses);
            self.load_stack(Size::Byte, Reg::R2, self.ip(9));
            self.branch_on_protocol(Reg::R2, protocols, ports);
        }
        self.asm.bind(addresses);
        self.hash_addresses_as(HashReport::Ipv4, hash);
        if has_ports {
            self.note_protocol(protocols, ports);
            self.asm.jump_if(Cond::Ne, Reg::R1, IPV4_WITHOUT_OPTIONS, options);
            let with_ports = i32::from(self.link_len()) + 24;
            self.asm.jump_if(Cond::Lt, Reg::R7, with_ports, addresses);
            self.asm.jump(hash.ports);
            self.asm.bind(options);
            self.asm.comment("ports behind options: put them where they are without");
            self.asm.mov(Reg::R2, Reg::R1);
            self.asm.alu(AluOp::And, Reg::R2, 0xf);
            self.asm.jump_if(Cond::Lt, Reg::R2, 5, addresses);
            self.asm.alu(AluOp::Lsh, Reg::R2, 2);
            self.asm.alu(AluOp::Add, Reg::R2, Reg::R8);
            self.asm.alu(AluOp::Add, Reg::R2, i32::from(self.link_len()));
            self.load_packet(Reg::R2, self.ip(20), 4, addresses);
        }
        self.hash_v4(hash);
    }

    fn ipv6(&mut self) {
        let hash = HashLabels::new(self, "ipv6_hash_ports", "ipv6_hash_addresses");
        let [ports, addresses, walk] =
            ["ipv6_ports", "ipv6_only", "walk"].map(|name| self.asm.label(name));
        self.asm.jump_if(Cond::Lt, Reg::R7, i32::from(self.link_len()) + 40, self.unclassified);
        if self.link == Link::Ethernet {
            self.load_stack(Size::Byte, Reg::R1, self.ip(0));
            self.asm.alu(AluOp::Rsh, Reg::R1, 4);
            self.asm.jump_if(Cond::Ne, Reg::R1, 6, self.unclassified);
        }
        if self.has_tunnels_over(Delivery::V6) {
            self.tunnel(Delivery::V6);
        }
        let protocols = [
            (TCP, HashReport::TcpV6, self.asm.label("ipv6_tcp")),
            (UDP, HashReport::UdpV6, self.asm.label("ipv6_udp")),
        ];
        let has_walk = self.has_any(V6_PORTS.union(EX));
        if has_walk {
            self.load_stack(Size::Byte, Reg::R1, self.ip(6));
            self.branch_on_protocol(Reg::R1, protocols, ports);
            self.branch_on_extension_header(Reg::R1, walk);
        }
        self.asm.bind(addresses);
        self.hash_addresses_as(HashReport::Ipv6, hash);
        if self.has_any(V6_BASIC_PORTS) {
            self.note_protocol(protocols, ports);
            self.asm.jump_if(Cond::Lt, Reg::R7, i32::from(self.link_len()) + 44, addresses);
            self.asm.jump(hash.ports);
        }
        if has_walk {
            self.asm.bind(walk);
            self.walk(addresses, hash);
        }
        self.hash_v6(hash);
    }

    /// Go on to `ports` if `protocol` is one whose type is enabled, by way of
    /// [`note_protocol`](Self::note_protocol) if the outcome tells the type.
    fn branch_on_protocol(
        &mut self,
        protocol: Reg,
        protocols: [(i32, HashReport, Label); 2],
        ports: Label,
    ) {
        for (number, report, noted) in protocols {
            if self.has(report.hash_type()) {
                let target = if self.reports() { noted } else { ports };
                self.asm.jump_if(Cond::Eq, protocol, number, target);
            }
        }
    }

    /// Note the report of each protocol, and bind `ports`, where all of them go on.
    fn note_protocol(&mut self, protocols: [(i32, HashReport, Label); 2], ports: Label) {
        let [(_, tcp_report, tcp), (_, udp_report, udp)] = protocols;
        if self.reports() {
            self.asm.bind(tcp);
            self.set_report(tcp_report);
            self.asm.jump(ports);
            self.asm.bind(udp);
            self.set_report(udp_report);
        }
        self.asm.bind(ports);
    }

    /// Hash the addresses alone, if that type is enabled.
    fn hash_addresses_as(&mut self, report: HashReport, hash: HashLabels) {
        if self.has(report.hash_type()) {
            self.set_report(report);
            self.asm.mov(Reg::R0, 0);
            self.asm.jump(hash.addresses);
        } else {
            self.asm.jump(self.unclassified);
        }
    }

    /// Go to `walk` if `next` is an extension header. Whoever needs to know which loads the byte once
    /// more: by these comparisons the verifier knows `next`, and would walk on with each value
    /// of it apart, at every header.
    fn branch_on_extension_header(&mut self, next: Reg, walk: Label) {
        for header in EXTENSION_HEADERS {
            self.asm.jump_if(Cond::Eq, next, i32::from(header), walk);
        }
    }

    /// Walk the extension headers, then select.
    ///
    /// r8: where the header starts in the packet; r9: its kind; r7: how many were walked.
    ///
    /// The verifier goes through every iteration of the two loops, 11 headers with 30 options each.
    /// It does so once as long as it knows nothing but the two counters; with each constant it
    /// decides a branch by, it would do so once for every value of that constant.
    fn walk(&mut self, addresses: Label, hash: HashLabels) {
        let [header, advance, authentication, next, no_ports] =
            ["walk_header", "walk_advance", "walk_authentication", "walk_next", "walk_no_ports"]
                .map(|name| self.asm.label(name));
        let [routing, destination] =
            ["walk_routing", "walk_destination"].map(|name| self.asm.label(name));
        let has_ex = self.has_any(EX);
        self.asm.alu(AluOp::Add, Reg::R8, i32::from(self.link_len()) + 40);
        self.load_stack(Size::Byte, Reg::R9, self.ip(6));
        self.asm.mov(Reg::R7, 0);
        if has_ex {
            self.asm.comment("no address yet");
            self.load_context(Reg::R1, context::LEN);
            self.asm.store(Size::Double, Reg::R10, HOME_ADDRESS, Reg::R1);
            self.asm.store(Size::Double, Reg::R10, ROUTING_ADDRESS, Reg::R1);
        }
        self.asm.bind(header);
        self.asm.jump_if(Cond::Eq, Reg::R9, i32::from(NEXT_FRAGMENT), no_ports);
        self.asm.jump_if(Cond::Eq, Reg::R7, MAX_EXTENSION_HEADERS as i32, no_ports);
        self.asm.alu(AluOp::Add, Reg::R7, 1);
        self.load_packet(Reg::R8, HEADER, 4, no_ports);
        if has_ex {
            self.asm.jump_if(Cond::Eq, Reg::R9, i32::from(NEXT_ROUTING), routing);
            self.asm.jump_if(Cond::Eq, Reg::R9, i32::from(NEXT_DESTINATION), destination);
        }
        self.asm.bind(advance);
        self.load_stack(Size::Byte, Reg::R1, HEADER + 1);
        self.asm.jump_if(Cond::Eq, Reg::R9, i32::from(NEXT_AUTHENTICATION), authentication);
        self.asm.alu(AluOp::Add, Reg::R1, 1);
        self.asm.alu(AluOp::Lsh, Reg::R1, 3);
        self.asm.jump(next);
        self.asm.bind(authentication);
        self.asm.alu(AluOp::Add, Reg::R1, 2);
        self.asm.alu(AluOp::Lsh, Reg::R1, 2);
        self.asm.bind(next);
        self.asm.alu(AluOp::Add, Reg::R8, Reg::R1);
        self.load_stack(Size::Byte, Reg::R9, HEADER);
        self.load_stack(Size::Byte, Reg::R1, HEADER);
        self.branch_on_extension_header(Reg::R1, header);
        self.select_behind_extensions(no_ports, addresses, hash);
        if has_ex {
            self.asm.bind(routing);
            self.routing_address(advance);
            self.asm.bind(destination);
            self.home_address(advance);
        }
    }

    /// Behind the last extension header: choose the type. Its protocol is in r9, its offset in r8.
    fn select_behind_extensions(&mut self, no_ports: Label, addresses: Label, hash: HashLabels) {
        let substitute = self.asm.label("substitute");
        let has_ip_ex = self.has(HashTypes::IPV6_EX);
        for (protocol, ex, basic) in [
            (TCP, HashReport::TcpV6Ex, HashReport::TcpV6),
            (UDP, HashReport::UdpV6Ex, HashReport::UdpV6),
        ] {
            let has_ex = self.has(ex.hash_type());
            // The addresses alone with IPV6_EX go before the ports without it.
            let has_basic = self.has(basic.hash_type()) && !has_ip_ex;
            if !has_ex && !has_basic {
                continue;
            }
            let other = self.asm.label("other_protocol");
            self.asm.jump_if(Cond::Ne, Reg::R9, protocol, other);
            self.load_packet(Reg::R8, self.ip(40), 4, no_ports);
            if has_ex {
                self.set_report(ex);
                self.asm.mov(WITH_PORTS, 1);
                self.asm.jump(substitute);
            } else {
                self.set_report(basic);
                self.asm.jump(hash.ports);
            }
            self.asm.bind(other);
        }
        self.asm.bind(no_ports);
        if has_ip_ex {
            self.set_report(HashReport::Ipv6Ex);
            self.asm.mov(WITH_PORTS, 0);
        } else {
            self.asm.jump(addresses);
        }
        if self.has_any(EX) {
            self.asm.bind(substitute);
            self.substitute(HOME_ADDRESS, self.ip(8), "source_kept");
            self.substitute(ROUTING_ADDRESS, self.ip(24), "destination_kept");
            if self.has_any(V6_EX_PORTS) {
                self.asm.jump_if(Cond::Ne, WITH_PORTS, 0, hash.ports);
            }
            self.asm.mov(Reg::R0, 0);
            self.asm.jump(hash.addresses);
        }
    }

    /// Put the address noted in `slot`, if there is one, in the place of another on the stack.
    fn substitute(&mut self, slot: i16, place: i16, kept: &'static str) {
        let kept = self.asm.label(kept);
        self.load_noted(slot);
        self.asm.jump_if(Cond::Eq, Reg::R2, Reg::R1, kept);
        // It was found, so it is there: nothing to go to.
        self.copy_packet(Reg::R2, place, |asm| asm.mov(Reg::R4, 16));
        self.asm.bind(kept);
    }

    /// Load the offset of an address from its slot into r2, and into r1 what stands there without
    /// one: the packet's length.
    fn load_noted(&mut self, slot: i16) {
        self.load_stack(Size::Double, Reg::R2, slot);
        self.load_context(Reg::R1, context::LEN);
    }

    /// Note where the address of a type 2 routing header is: the first with one segment left.
    fn routing_address(&mut self, done: Label) {
        self.load_noted(ROUTING_ADDRESS);
        self.asm.jump_if(Cond::Ne, Reg::R2, Reg::R1, done);
        self.asm.comment("length 2, type 2, 1 segment left");
        self.load_stack(Size::Word, Reg::R2, HEADER);
        self.asm.alu(AluOp::Rsh, Reg::R2, 8);
        self.asm.jump_if(Cond::Ne, Reg::R2, 0x01_02_02, done);
        self.asm.mov(Reg::R2, Reg::R8);
        self.asm.alu(AluOp::Add, Reg::R2, 24);
        self.asm.jump_if(Cond::Gt, Reg::R2, Reg::R1, done);
        self.asm.alu(AluOp::Sub, Reg::R2, 16);
        self.asm.store(Size::Double, Reg::R10, ROUTING_ADDRESS, Reg::R2);
        self.asm.jump(done);
    }

    /// Note where the address of a home address option is: the first of the first header with one.
    ///
    /// Meanwhile r8: where the option starts in the packet; r9: how many are left to look at.
    fn home_address(&mut self, done: Label) {
        let [whole, end] = ["options_whole", "options_end"].map(|name| self.asm.label(name));
        self.load_noted(HOME_ADDRESS);
        self.asm.jump_if(Cond::Ne, Reg::R2, Reg::R1, done);
        self.asm.store(Size::Double, Reg::R10, HEADER_AT, Reg::R8);
        self.asm.comment("the options end where the header does, or the packet");
        self.load_stack(Size::Byte, Reg::R2, HEADER + 1);
        self.asm.alu(AluOp::Add, Reg::R2, 1);
        self.asm.alu(AluOp::Lsh, Reg::R2, 3);
        self.asm.alu(AluOp::Add, Reg::R2, Reg::R8);
        self.asm.jump_if(Cond::Gt, Reg::R1, Reg::R2, whole);
        self.asm.mov(Reg::R2, Reg::R1);
        self.asm.bind(whole);
        self.asm.store(Size::Double, Reg::R10, OPTIONS_END, Reg::R2);
        self.asm.alu(AluOp::Add, Reg::R8, 2);
        self.find_option(Reg::R8, Reg::R9, OPTION_HOME_ADDRESS, 16, end);
        self.asm.alu(AluOp::Sub, Reg::R8, 16);
        self.asm.store(Size::Double, Reg::R10, HOME_ADDRESS, Reg::R8);
        self.asm.bind(end);
        self.load_stack(Size::Double, Reg::R8, HEADER_AT);
        self.asm.mov(Reg::R9, i32::from(NEXT_DESTINATION));
        self.asm.jump(done);
    }

    /// Put into `at` where the first option of this kind and data length ends, or go to `none`.
    ///
    /// `at`: where the option starts in the packet, at first the first one; where they end is in
    /// [`OPTIONS_END`]. `left`: how many are left to look at. Both are kept across calls.
    pub(super) fn find_option(&mut self, at: Reg, left: Reg, kind: u8, len: u8, none: Label) {
        let [option, found] = ["option", "option_found"].map(|name| self.asm.label(name));
        self.asm.mov(left, MAX_OPTIONS as i32);
        self.asm.bind(option);
        self.load_stack(Size::Double, Reg::R1, OPTIONS_END);
        self.asm.jump_if(Cond::Ge, at, Reg::R1, none);
        self.asm.comment("zeros, a Pad1, if the packet ends behind the first byte");
        self.copy_packet(at, OPTION, |asm| asm.mov(Reg::R4, 2));
        self.load_stack(Size::Half, Reg::R1, OPTION);
        let wanted = u16::from_le_bytes([kind, len]);
        self.asm.jump_if(Cond::Eq, Reg::R1, i32::from(wanted), found);
        // Not a branch: the verifier would take both at each option.
        self.asm.comment("1 byte of Pad1, which is 0; 2 bytes and the length of any other");
        self.load_stack(Size::Byte, Reg::R2, OPTION);
        self.asm.mov(Reg::R3, 0);
        self.asm.alu(AluOp::Sub, Reg::R3, Reg::R2);
        self.asm.alu(AluOp::Rsh, Reg::R3, 63);
        self.asm.alu(AluOp::Rsh, Reg::R1, 8);
        self.asm.alu(AluOp::Add, Reg::R1, 1);
        self.asm.alu(AluOp::Mul, Reg::R1, Reg::R3);
        self.asm.alu(AluOp::Add, at, Reg::R1);
        self.asm.alu(AluOp::Add, at, 1);
        self.asm.alu(AluOp::Sub, left, 1);
        self.asm.jump_if(Cond::Ne, left, 0, option);
        self.asm.jump(none);
        self.asm.bind(found);
        self.asm.alu(AluOp::Add, at, 2 + i32::from(len));
        self.load_stack(Size::Double, Reg::R1, OPTIONS_END);
        self.asm.jump_if(Cond::Gt, at, Reg::R1, none);
    }
}

/// The types with ports of each family, all of each family, and the types that look behind
/// extension headers.
const V4_PORTS: HashTypes = HashTypes::TCPV4.union(HashTypes::UDPV4);
const V4: HashTypes = HashTypes::IPV4.union(V4_PORTS);
const V6_BASIC_PORTS: HashTypes = HashTypes::TCPV6.union(HashTypes::UDPV6);
const V6_EX_PORTS: HashTypes = HashTypes::TCPV6_EX.union(HashTypes::UDPV6_EX);
const V6_PORTS: HashTypes = V6_BASIC_PORTS.union(V6_EX_PORTS);
const EX: HashTypes = HashTypes::IPV6_EX.union(V6_EX_PORTS);
const V6: HashTypes = HashTypes::IPV6.union(V6_BASIC_PORTS).union(EX);

/// Bytes of a VLAN tag.
const TAG_LEN: i32 = 4;

const TCP: i32 = 6;
const UDP: i32 = 17;

/// Version 4 and a header of 20 bytes.
const IPV4_WITHOUT_OPTIONS: i32 = 0x45;

const EXTENSION_HEADERS: [u8; 6] = [
    NEXT_HOP_BY_HOP,
    NEXT_ROUTING,
    NEXT_FRAGMENT,
    NEXT_AUTHENTICATION,
    NEXT_DESTINATION,
    NEXT_MOBILITY,
];

/// While selecting behind extension headers: whether the type takes ports.
const WITH_PORTS: Reg = Reg::R7;

// Stack below the window, for the walk along extension headers and their options.

/// The first 4 bytes of an extension header.
const HEADER: i16 = WINDOW - 4;
/// The first 2 bytes of an option.
const OPTION: i16 = WINDOW - 8;
/// The offsets in the packet of the home address and of the address of the type 2 routing header;
/// the packet's length until one is found.
///
/// Not 0, say: that is a constant, by which the verifier would decide branches.
const HOME_ADDRESS: i16 = WINDOW - 16;
const ROUTING_ADDRESS: i16 = WINDOW - 24;

/// Where the header whose options are looked at is in the packet, and where they end.
const HEADER_AT: i16 = WINDOW - 32;
pub(super) const OPTIONS_END: i16 = WINDOW - 40;
