//! How the programs of a device know a frame that has been through the report program.
//!
//! The report program chooses a tc class, a token; the kernel hands it on as `tc_index`, where socket
//! options cannot reach: it overwrites the field with what the last tc program chose
//! (`tcx_action_code`, net/core/dev.c, v6.12). The tokens are the same for every device and
//! configuration, so that frames in flight survive a replacement, and every steering program of ours
//! heeds them: so one works in front of a report program as well as without.

use super::{CONTEXT, Lowering, context};
use crate::asm::{Asm, AsmError, Code, Label};
use crate::counters;
use crate::insn::{AluOp, Cond, Helper, Reg, Section, Size};
use crate::state::{GUARDED_FROM_OFFSET, State};

impl Lowering<'_> {
    /// Return the queue of a packet with a class, which is in r1; go to `unmarked` if it is none of
    /// the tokens.
    pub(super) fn queue_of_marked(&mut self, unmarked: Label) {
        let [queue, hash, last] =
            ["queue_noted", "queue_not_noted", "queue_last"].map(|name| self.asm.label(name));
        self.asm.jump_if(Cond::Eq, Reg::R1, QUEUE_NOTED, queue);
        self.asm.jump_if(Cond::Eq, Reg::R1, QUEUE_NOT_NOTED, hash);
        self.asm.jump_if(Cond::Eq, Reg::R1, QUEUE_LAST, last);
        self.asm.jump(unmarked);
        self.asm.bind(last);
        self.asm.mov(Reg::R0, LAST);
        self.asm.exit();
        self.asm.bind(queue);
        self.load_context(Reg::R0, context::QUEUE_MAPPING);
        self.asm.exit();
        self.asm.bind(hash);
        self.load_context(Reg::R0, context::HASH);
        self.asm.exit();
    }
}

/// The steering program of report mode: returns the queue that the report program noted. Without
/// one, for a moment between two settings, the kernel's own hash of the flow stands in.
pub(crate) fn return_queue() -> Result<Code, AsmError> {
    let mut asm = Asm::new();
    let [not_noted, last] = ["queue_not_noted", "queue_last"].map(|name| asm.label(name));
    asm.load(Size::Word, Reg::R2, Reg::R1, context::TC_INDEX);
    asm.jump_if(Cond::Ne, Reg::R2, QUEUE_NOTED, not_noted);
    asm.load(Size::Word, Reg::R0, Reg::R1, context::QUEUE_MAPPING);
    asm.exit();
    asm.bind(not_noted);
    asm.jump_if(Cond::Eq, Reg::R2, QUEUE_LAST, last);
    asm.load(Size::Word, Reg::R0, Reg::R1, context::HASH);
    asm.exit();
    asm.bind(last);
    asm.mov(Reg::R0, LAST);
    asm.exit();
    asm.assemble()
}

/// The filter program of report mode: keeps the frames that the report program has marked, and for
/// a while those that were under way when it came.
pub(crate) fn filter(state: &State) -> Result<Code, AsmError> {
    let mut asm = Asm::new();
    let [keep, drop] = ["keep", "drop"].map(|name| asm.label(name));
    asm.load(Size::Word, Reg::R2, Reg::R1, context::TC_INDEX);
    asm.comment("any token");
    asm.alu(AluOp::And, Reg::R2, !3);
    asm.jump_if(Cond::Eq, Reg::R2, QUEUE_NOT_NOTED, keep);
    asm.mov(CONTEXT, Reg::R1);
    asm.comment("no prefix: keep it until the time from which frames have one");
    asm.call(Helper::KtimeGetNs);
    asm.load_address(Reg::R1, Section::Data, GUARDED_FROM_OFFSET as i32);
    asm.load(Size::Double, Reg::R1, Reg::R1, 0);
    asm.jump_if(Cond::Gt, Reg::R1, Reg::R0, keep);
    if state.counter_cpus > 0 {
        let row = counters::DROPPED_ROW as i32;
        super::count::block(&mut asm, state, drop);
        super::count::add(&mut asm, row * counters::ROW_LEN as i32);
    }
    asm.bind(drop);
    asm.mov(Reg::R0, 0);
    asm.exit();
    asm.bind(keep);
    asm.comment("all bytes");
    asm.mov(Reg::R0, -1);
    asm.exit();
    asm.assemble()
}

/// The frame has a prefix, and its queue is noted.
pub(super) const QUEUE_NOTED: i32 = 0x7255;
/// The frame has a prefix, and the kernel chooses its queue.
pub(super) const QUEUE_NOT_NOTED: i32 = 0x7254;
/// The frame has a prefix, and its queue is [`LAST`], which cannot be noted: the kernel keeps that number
/// for "none" (`NO_QUEUE_MAPPING`).
pub(super) const QUEUE_LAST: i32 = 0x7256;

/// The highest queue number that a configuration can name.
pub(super) const LAST: i32 = 0xffff;
