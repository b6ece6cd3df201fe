//! Putting the hash in front of the frame, and the two small programs that go with it.

use super::{CONTEXT, Lowering, context};
use crate::asm::{Asm, AsmError, Code, Label};
use crate::insn::{AluOp, Cond, Helper, Reg, Size};

impl Lowering<'_> {
    /// Drop a frame with an accelerated VLAN tag: the device would insert it into the prefix.
    pub(super) fn refuse_accelerated_tag(&mut self) {
        self.load_context(Reg::R1, context::VLAN_PRESENT);
        let untagged = self.asm.label("untagged");
        self.asm.jump_if(Cond::Eq, Reg::R1, 0, untagged);
        self.drop();
        self.asm.bind(untagged);
    }

    /// Note the queue, mark the frame as prefixed, and put the prefix in front of it.
    pub(super) fn report(&mut self) {
        let drop = self.asm.label("drop");
        self.asm.bind(self.emit);
        self.asm.store(Size::Word, CONTEXT, context::QUEUE_MAPPING, Reg::R7);
        self.asm.comment("becomes tc_index when the program returns OK; the filter looks for it");
        self.asm.mov(Reg::R1, REPORT_TOKEN);
        self.asm.store(Size::Word, CONTEXT, context::TC_CLASSID, Reg::R1);
        self.asm.mov(Reg::R1, CONTEXT);
        self.asm.mov(Reg::R2, i32::from(PREFIX_LEN as u8));
        self.asm.mov(Reg::R3, 0);
        self.asm.call(Helper::SkbChangeHead);
        self.asm.jump_if(Cond::Ne, Reg::R0, 0, drop);
        self.write_prefix(drop);
        self.asm.mov(Reg::R0, TC_ACT_OK);
        self.asm.exit();
        self.asm.bind(drop);
        self.drop();
    }

    /// le32 hash_value, le16 hash_report, le16 0: the report register is zero above 16 bits.
    fn write_prefix(&mut self, drop: Label) {
        self.load_context(Reg::R1, context::DATA);
        self.load_context(Reg::R2, context::DATA_END);
        self.asm.mov(Reg::R3, Reg::R1);
        self.asm.alu(AluOp::Add, Reg::R3, i32::from(PREFIX_LEN as u8));
        self.asm.jump_if(Cond::Gt, Reg::R3, Reg::R2, drop);
        self.asm.store(Size::Word, Reg::R1, 0, Reg::R8);
        self.asm.store(Size::Word, Reg::R1, 4, Reg::R9);
    }

    fn drop(&mut self) {
        self.asm.mov(Reg::R0, TC_ACT_SHOT);
        self.asm.exit();
    }
}

/// The steering program of report mode: returns the queue that the egress program noted.
pub(crate) fn return_queue() -> Result<Code, AsmError> {
    let mut asm = Asm::new();
    asm.load(Size::Word, Reg::R0, Reg::R1, context::QUEUE_MAPPING);
    asm.exit();
    asm.assemble()
}

/// The filter program of report mode: keeps the frames that the egress program has marked.
pub(crate) fn filter() -> Result<Code, AsmError> {
    let mut asm = Asm::new();
    let foreign = asm.label("no_prefix");
    asm.load(Size::Word, Reg::R1, Reg::R1, context::TC_INDEX);
    asm.jump_if(Cond::Ne, Reg::R1, REPORT_TOKEN, foreign);
    asm.comment("keep all bytes");
    asm.mov(Reg::R0, -1);
    asm.exit();
    asm.bind(foreign);
    asm.mov(Reg::R0, 0);
    asm.exit();
    asm.assemble()
}

/// Bytes that report mode puts in front of a frame: the last 8 of `struct virtio_net_hdr_v1_hash`.
pub const PREFIX_LEN: usize = 8;

/// What marks a prefixed frame, in `skb->tc_index`. The same for every device and configuration,
/// so that frames in flight survive a replacement. Sockets cannot set it: the kernel overwrites
/// the field with what the last tc program chose (`tcx_action_code`, net/core/dev.c, v6.12).
const REPORT_TOKEN: i32 = 0x7255;

// linux/pkt_cls.h
const TC_ACT_OK: i32 = 0;
const TC_ACT_SHOT: i32 = 2;
