//! From the hash to the queue.

use super::Lowering;
use crate::insn::{AluOp, Reg, Section, Size};
use crate::state;

impl Lowering<'_> {
    /// Look the queue up in the indirection table; the hash is in r0.
    ///
    /// The table is read from the data section even where it has one entry: it can be written
    /// while the program runs.
    pub(super) fn lookup(&mut self) {
        self.asm.bind(self.table);
        if self.chooses_queue() {
            let mask = self.config.table().len() as i32 - 1;
            self.asm.comment("the entry of the indirection table that the hash's low bits name");
            self.asm.mov(Reg::R1, Reg::R0);
            self.asm.alu(AluOp::And, Reg::R1, mask);
            self.asm.alu(AluOp::Lsh, Reg::R1, 1);
            self.table_address(Reg::R2);
            self.asm.alu(AluOp::Add, Reg::R2, Reg::R1);
            if !self.emits() {
                self.asm.load(Size::Half, Reg::R0, Reg::R2, 0);
                self.asm.exit();
                return;
            }
            self.asm.load(Size::Half, Reg::R7, Reg::R2, 0);
        }
        self.asm.mov(Reg::R8, Reg::R0);
        self.asm.jump(self.emit);
    }

    /// The queue of a packet without hash.
    pub(super) fn unclassified(&mut self) {
        let queue = i32::from(self.config.unclassified());
        self.asm.bind(self.unclassified);
        if !self.emits() {
            self.asm.mov(Reg::R0, queue);
            self.asm.exit();
            return;
        }
        if self.chooses_queue() {
            self.asm.mov(Reg::R7, queue);
        }
        if self.reports() {
            self.asm.mov(Reg::R8, 0);
            self.asm.mov(Reg::R9, 0);
        }
    }

    pub(super) fn table_address(&mut self, dst: Reg) {
        self.asm.load_address(dst, Section::Data, state::TABLE_OFFSET as i32);
    }
}
