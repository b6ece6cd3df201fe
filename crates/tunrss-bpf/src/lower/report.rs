//! Putting the hash in front of the frame.

use tunrss_hash::Link;

use super::token::{LAST, QUEUE_LAST, QUEUE_NOT_NOTED, QUEUE_NOTED};
use super::{CONTEXT, Lowering, TC_ACT_OK, TC_ACT_SHOT, TC_ACT_UNSPEC, WINDOW, context};
use crate::asm::Label;
use crate::insn::{AluOp, Cond, Helper, Reg, Size};
use crate::prefix::Prefix;
use crate::state::State;

impl Lowering<'_> {
    /// Note the queue, mark the frame as prefixed, and put the prefix in front of it.
    pub(super) fn report(&mut self, notes_queue: bool) {
        let [drop, tagged, pass] =
            ["drop", "accelerated_tags", "pass"].map(|name| self.asm.label(name));
        let token = if notes_queue {
            self.asm.store(Size::Word, CONTEXT, context::QUEUE_MAPPING, Reg::R7);
            QUEUE_NOTED
        } else {
            QUEUE_NOT_NOTED
        };
        self.asm.comment("becomes tc_index when the program returns OK");
        self.asm.mov(Reg::R1, token);
        if notes_queue && self.config.highest_queue() == u16::MAX {
            let noted = self.asm.label("noted");
            self.asm.jump_if(Cond::Ne, Reg::R7, LAST, noted);
            self.asm.mov(Reg::R1, QUEUE_LAST);
            self.asm.bind(noted);
        }
        self.asm.store(Size::Word, CONTEXT, context::TC_CLASSID, Reg::R1);
        if self.link == Link::Ethernet {
            self.load_context(Reg::R1, context::VLAN_PRESENT);
            self.asm.jump_if(Cond::Ne, Reg::R1, 0, tagged);
        }
        let no_room = if self.state.guarded_from == State::UNGUARDED { pass } else { drop };
        self.change_head(|lowering| lowering.asm.mov(Reg::R2, PREFIX_LEN), no_room);
        self.write_prefix(drop);
        self.asm.bind(pass);
        self.asm.mov(Reg::R0, TC_ACT_OK);
        self.asm.exit();
        if self.link == Link::Ethernet {
            self.asm.bind(tagged);
            self.report_tagged(drop);
        }
        self.asm.bind(drop);
        self.asm.mov(Reg::R0, TC_ACT_SHOT);
        self.asm.exit();
    }

    fn change_head(&mut self, set_len: impl FnOnce(&mut Self), drop: Label) {
        self.asm.mov(Reg::R1, CONTEXT);
        set_len(self);
        self.asm.mov(Reg::R3, 0);
        self.asm.call(Helper::SkbChangeHead);
        self.asm.jump_if(Cond::Ne, Reg::R0, 0, drop);
    }

    fn write_prefix(&mut self, drop: Label) {
        self.load_context(Reg::R1, context::DATA);
        self.load_context(Reg::R2, context::DATA_END);
        self.asm.mov(Reg::R3, Reg::R1);
        self.asm.alu(AluOp::Add, Reg::R3, PREFIX_LEN);
        self.asm.jump_if(Cond::Gt, Reg::R3, Reg::R2, drop);
        self.store_prefix(Reg::R1, 0);
    }

    /// le32 hash_value, le16 hash_report, le16 mark
    fn store_prefix(&mut self, base: Reg, offset: i16) {
        self.asm.store(Size::Word, base, offset, Reg::R8);
        self.asm.store(Size::Half, base, offset + 4, Reg::R9);
        self.asm.store(Size::Half, base, offset + 6, -1);
    }

    /// Put the prefix in front of a frame with an accelerated VLAN tag. The device would insert that
    /// tag behind twelve bytes, into the prefix. So all tags are taken off, one by one (the next one
    /// in the frame becomes the accelerated one), and written back where they belong.
    ///
    /// r7: bytes of tags.
    fn report_tagged(&mut self, drop: Label) {
        let rewrite = self.asm.label("rewrite_tags");
        for slot in (FRONT..FRONT + FRONT_LEN).step_by(8) {
            self.asm.store(Size::Double, Reg::R10, slot, 0);
        }
        self.store_prefix(Reg::R10, FRONT);
        for tag in 0..MAX_TAGS {
            let place = FRONT + FRONT_TAGS + TAG_LEN * tag;
            self.asm.comment("the protocol is as in the frame, the rest in the machine's order");
            self.load_context(Reg::R1, context::VLAN_PROTO);
            self.asm.store(Size::Half, Reg::R10, place, Reg::R1);
            self.load_context(Reg::R1, context::VLAN_TCI);
            self.asm.store(Size::Byte, Reg::R10, place + 3, Reg::R1);
            self.asm.alu(AluOp::Rsh, Reg::R1, 8);
            self.asm.store(Size::Byte, Reg::R10, place + 2, Reg::R1);
            self.asm.mov(Reg::R1, CONTEXT);
            self.asm.call(Helper::SkbVlanPop);
            self.asm.jump_if(Cond::Ne, Reg::R0, 0, drop);
            self.asm.mov(Reg::R7, i32::from(TAG_LEN * (tag + 1)));
            self.load_context(Reg::R1, context::VLAN_PRESENT);
            self.asm.jump_if(Cond::Eq, Reg::R1, 0, rewrite);
        }
        self.asm.jump(drop);

        self.asm.bind(rewrite);
        let set_len = |lowering: &mut Self| {
            lowering.asm.mov(Reg::R2, Reg::R7);
            lowering.asm.alu(AluOp::Add, Reg::R2, PREFIX_LEN);
        };
        self.change_head(set_len, drop);
        self.asm.comment("the addresses go in front of the tags");
        self.asm.mov(Reg::R2, Reg::R7);
        self.asm.alu(AluOp::Add, Reg::R2, PREFIX_LEN);
        self.load_packet(Reg::R2, FRONT + PREFIX_LEN as i16, 12, drop);
        self.asm.mov(Reg::R1, CONTEXT);
        self.asm.mov(Reg::R2, 0);
        self.asm.mov(Reg::R3, Reg::R10);
        self.asm.alu(AluOp::Add, Reg::R3, i32::from(FRONT));
        self.asm.mov(Reg::R4, Reg::R7);
        self.asm.alu(AluOp::Add, Reg::R4, i32::from(FRONT_TAGS));
        self.asm.mov(Reg::R5, 0);
        self.asm.call(Helper::SkbStoreBytes);
        self.asm.jump_if(Cond::Ne, Reg::R0, 0, drop);
        self.asm.mov(Reg::R0, TC_ACT_OK);
        self.asm.exit();
    }

    /// Have macvtap choose the queue in r7: it takes the hash modulo the number of open queues. A hash
    /// of 0 stands for none; then it goes by the receive queue that a lower device has recorded, and
    /// without that to the first.
    pub(super) fn set_hash(&mut self) {
        self.asm.mov(Reg::R1, 0);
        self.asm.store(Size::Word, CONTEXT, context::QUEUE_MAPPING, Reg::R1);
        self.asm.mov(Reg::R1, CONTEXT);
        self.asm.mov(Reg::R2, Reg::R7);
        self.asm.call(Helper::SetHash);
        self.asm.mov(Reg::R0, TC_ACT_UNSPEC);
        self.asm.exit();
    }
}

const PREFIX_LEN: i32 = Prefix::LEN as i32;

/// Tags that are put back. A frame with an accelerated tag in front of more is dropped.
const MAX_TAGS: i16 = 4;
const TAG_LEN: i16 = 4;

/// The new front of a frame with tags, where the window was: prefix, addresses, tags.
const FRONT: i16 = WINDOW;
const FRONT_TAGS: i16 = Prefix::LEN as i16 + 12;
/// Whole slots.
const FRONT_LEN: i16 = (FRONT_TAGS + TAG_LEN * MAX_TAGS + 7) & !7;
