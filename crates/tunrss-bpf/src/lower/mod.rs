//! From a configuration to the instructions that execute it.
//!
//! One file for each stage of `tunrss_hash::classify`, in its order: [`dissect`] finds and selects
//! the fields, of the packet in a [`tunnel`] if it is one, [`toeplitz`] hashes them, [`table`] names
//! the queue. Then [`count`] counts and [`report`] puts the hash in front of the frame. [`token`]
//! holds the small programs that go with the report. Only paths of enabled types are emitted.
//!
//! Registers throughout: r6 the context, r9 the report code once it is known, r0 the hash once it
//! is computed. The stack holds a *window* of the packet, see [`Lowering::window`], in which the
//! hash input ends up contiguous.

mod count;
mod dissect;
mod report;
mod table;
mod toeplitz;
mod token;
mod tunnel;

use tunrss_hash::{HashReport, HashTypes, Link, SteeringConfig};

use crate::asm::{Asm, AsmError, Code, Label};
use crate::insn::{AluOp, Cond, Helper, Reg, Size};
use crate::state::State;

pub(crate) use toeplitz::words;
pub(crate) use token::{filter, return_queue};
use tunnel::InnerLabels;

/// What a program does with its verdict.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// Return the queue: a steering program.
    ReturnQueue,
    /// Put hash and report in front of the frame, let it pass: an egress program. Note the queue
    /// or not.
    Report { notes_queue: bool },
    /// Set the hash that macvtap chooses the queue by: an ingress program.
    SetHash,
    /// Leave the packet as it is.
    Pass,
}

/// The program that executes `state`.
pub(crate) fn classifier(state: &State, outcome: Outcome) -> Result<Code, AsmError> {
    let mut asm = Asm::new();
    let [window, unclassified, table, emit] =
        ["window", "unclassified", "table", "emit"].map(|name| asm.label(name));
    let config = &state.config.as_borrowed();
    let link = state.link;
    let inner = InnerLabels::new(&mut asm);
    let mut lowering =
        Lowering { asm, state, config, link, outcome, window, inner, unclassified, table, emit };
    lowering.program();
    lowering.asm.assemble()
}

struct Lowering<'a> {
    asm: Asm,
    state: &'a State,
    config: &'a SteeringConfig<&'a [u16]>,
    link: Link,
    outcome: Outcome,
    /// Load the window at r8.
    window: Label,
    /// The packet is a tunnel, and the inner one is at r9.
    inner: InnerLabels,
    /// The packet has no hash.
    unclassified: Label,
    /// The hash is in r0, the report in r9.
    table: Label,
    /// The queue, if the outcome has use for it, is in r7, the hash in r8, the report in r9.
    emit: Label,
}

impl Lowering<'_> {
    fn program(&mut self) {
        self.asm.mov(CONTEXT, Reg::R1);
        self.asm.comment(format!("hash types: {}", self.config.types()));
        if self.has_tunnels() {
            self.asm.comment(format!("tunnel types: {}", self.config.tunnels()));
        }
        if self.transforms() {
            self.asm.comment(format!("hash input: {}", self.config.transform()));
        }
        let marked = self.asm.label("marked");
        let unmarked = self.asm.label("unmarked");
        let heeds_token = self.outcome == Outcome::ReturnQueue;
        if heeds_token {
            self.load_context(Reg::R1, context::TC_INDEX);
            self.asm.jump_if(Cond::Ne, Reg::R1, 0, marked);
            self.asm.bind(unmarked);
        }
        if self.outcome == Outcome::Pass && !self.counts() {
            self.keep_data();
        } else {
            if self.config.types().is_empty() || !self.chooses_queue() {
                self.keep_data();
            }
            if !self.config.types().is_empty() {
                self.dissect();
                self.lookup();
            }
            self.unclassified();
        }
        self.emit();
        if heeds_token {
            self.asm.bind(marked);
            self.queue_of_marked(unmarked);
        }
    }

    /// Count, and do what the outcome is.
    fn emit(&mut self) {
        self.asm.bind(self.emit);
        if self.counts() {
            self.count();
        }
        match self.outcome {
            // Without counters it has returned where the queue was known.
            Outcome::ReturnQueue if !self.counts() => {}
            Outcome::ReturnQueue => {
                self.asm.mov(Reg::R0, Reg::R7);
                self.asm.exit();
            }
            Outcome::Report { notes_queue } => self.report(notes_queue),
            Outcome::SetHash => self.set_hash(),
            Outcome::Pass => {
                self.asm.mov(Reg::R0, TC_ACT_UNSPEC);
                self.asm.exit();
            }
        }
    }

    /// Refer to the data section, which keeps the configuration with the program.
    fn keep_data(&mut self) {
        self.asm.comment("keeps the configuration with the program");
        self.table_address(Reg::R1);
    }

    fn has(&self, types: HashTypes) -> bool {
        self.config.types().contains(types)
    }

    fn has_any(&self, types: HashTypes) -> bool {
        self.config.types().intersects(types)
    }

    /// Bytes of link header in front of the IP header, in the window.
    fn link_len(&self) -> i16 {
        match self.link {
            Link::Ethernet => 14,
            Link::Ip => 0,
        }
    }

    /// Where byte `offset` of the IP header stands on the stack.
    fn ip(&self, offset: i16) -> i16 {
        WINDOW + self.link_len() + offset
    }

    /// Whether the configuration chooses the queue.
    fn chooses_queue(&self) -> bool {
        match self.outcome {
            Outcome::ReturnQueue | Outcome::SetHash => true,
            Outcome::Report { notes_queue } => notes_queue,
            Outcome::Pass => false,
        }
    }

    /// Whether packets are counted.
    fn counts(&self) -> bool {
        self.state.counter_cpus > 0
    }

    /// Whether something is done with the verdict but returning the queue.
    fn emits(&self) -> bool {
        self.outcome != Outcome::ReturnQueue || self.counts()
    }

    /// Whether it matters which type the packet is hashed by.
    fn reports(&self) -> bool {
        matches!(self.outcome, Outcome::Report { .. }) || self.counts()
    }

    /// Note which type the packet is hashed by, if that matters.
    fn set_report(&mut self, report: HashReport) {
        if self.reports() {
            self.asm.mov(Reg::R9, i32::from(report.code()));
        }
    }

    /// Copy `len` bytes of the packet from offset `from` to `to` on the stack, or go to `missing`.
    fn load_packet(&mut self, from: Reg, to: i16, len: i32, missing: Label) {
        self.copy_packet(from, to, |asm| asm.mov(Reg::R4, len));
        self.asm.jump_if(Cond::Ne, Reg::R0, 0, missing);
    }

    /// Copy bytes of the packet, as many as `set_len` puts into r4. Where there are fewer, the
    /// kernel fills the place with zeros and returns an error in r0.
    fn copy_packet(&mut self, from: Reg, to: i16, set_len: impl FnOnce(&mut Asm)) {
        let asm = &mut self.asm;
        if from != Reg::R2 {
            asm.mov(Reg::R2, from);
        }
        asm.mov(Reg::R1, CONTEXT);
        asm.mov(Reg::R3, Reg::R10);
        asm.alu(AluOp::Add, Reg::R3, i32::from(to));
        set_len(asm);
        asm.call(Helper::SkbLoadBytes);
    }

    fn load_context(&mut self, dst: Reg, field: i16) {
        self.asm.load(Size::Word, dst, CONTEXT, field);
    }

    fn load_stack(&mut self, size: Size, dst: Reg, slot: i16) {
        self.asm.load(size, dst, Reg::R10, slot);
    }
}

const CONTEXT: Reg = Reg::R6;

/// The packet's link header, VLAN tags, IP header and ports: at most 14 + 8 + 40 + 4 bytes.
const WINDOW: i16 = -72;

/// Fields of `struct __sk_buff` (linux/bpf.h): offsets in the context.
mod context {
    pub(super) const LEN: i16 = 0;
    pub(super) const QUEUE_MAPPING: i16 = 12;
    pub(super) const VLAN_PRESENT: i16 = 20;
    pub(super) const VLAN_TCI: i16 = 24;
    pub(super) const VLAN_PROTO: i16 = 28;
    pub(super) const TC_INDEX: i16 = 44;
    pub(super) const HASH: i16 = 68;
    pub(super) const TC_CLASSID: i16 = 72;
    pub(super) const DATA: i16 = 76;
    pub(super) const DATA_END: i16 = 80;
}

/// The 16-bit constant that big-endian `value` loads as on a little-endian machine.
const fn be16(value: u16) -> i32 {
    value.swap_bytes() as i32
}

// linux/pkt_cls.h
const TC_ACT_UNSPEC: i32 = -1;
const TC_ACT_OK: i32 = 0;
const TC_ACT_SHOT: i32 = 2;
