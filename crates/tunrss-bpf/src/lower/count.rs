//! Counting packets and bytes.

use super::{CONTEXT, Lowering, Outcome, context};
use crate::asm::{Asm, Label};
use crate::counters::{ENTRY_ROW, QUEUE_ROW, QUEUES, ROW_LEN, block_len};
use crate::insn::{AluOp, Cond, Helper, Operand, Reg, Section, Size};
use crate::state::State;

impl Lowering<'_> {
    /// Count the packet by report, queue and entry. Keeps r6 to r9.
    pub(super) fn count(&mut self) {
        let counted = self.asm.label("counted");
        self.asm.comment("this CPU's counters");
        block(&mut self.asm, self.state, counted);
        self.asm.comment("by report");
        self.asm.mov(Reg::R3, Reg::R9);
        self.asm.alu(AluOp::And, Reg::R3, 15);
        self.asm.alu(AluOp::Mul, Reg::R3, ROW_LEN as i32);
        self.add_to_row(Reg::R3);
        if self.chooses_queue() {
            let queue_counted = self.asm.label("queue_counted");
            self.asm.comment("by queue");
            self.asm.mov(Reg::R3, Reg::R7);
            self.asm.jump_if(Cond::Ge, Reg::R3, QUEUES as i32, queue_counted);
            self.asm.alu(AluOp::Mul, Reg::R3, ROW_LEN as i32);
            self.asm.alu(AluOp::Add, Reg::R3, (QUEUE_ROW * ROW_LEN) as i32);
            self.add_to_row(Reg::R3);
            self.asm.bind(queue_counted);
            if !self.config.types().is_empty() {
                self.asm.comment("by entry, if there is a hash");
                self.asm.jump_if(Cond::Eq, Reg::R9, 0, counted);
                self.asm.mov(Reg::R3, Reg::R8);
                self.asm.alu(AluOp::And, Reg::R3, self.config.table().len() as i32 - 1);
                self.asm.alu(AluOp::Mul, Reg::R3, ROW_LEN as i32);
                self.asm.alu(AluOp::Add, Reg::R3, (ENTRY_ROW * ROW_LEN) as i32);
                self.add_to_row(Reg::R3);
            }
        }
        self.asm.bind(counted);
    }

    fn add_to_row(&mut self, row: Reg) {
        match self.outcome {
            Outcome::ReturnQueue => add_atomically(&mut self.asm, row),
            Outcome::Report { .. } | Outcome::SetHash | Outcome::Pass => add(&mut self.asm, row),
        }
    }
}

/// Put the address of this CPU's counters into r1 and the frame's length into r2, or go to `none`.
/// The context is in r6.
pub(super) fn block(asm: &mut Asm, state: &State, none: Label) {
    asm.call(Helper::GetSmpProcessorId);
    asm.jump_if(Cond::Ge, Reg::R0, i32::from(state.counter_cpus), none);
    asm.alu(AluOp::Mul, Reg::R0, block_len(state) as i32);
    asm.load_address(Reg::R1, Section::Bss, 0);
    asm.alu(AluOp::Add, Reg::R1, Reg::R0);
    asm.load(Size::Word, Reg::R2, CONTEXT, context::LEN);
    asm.comment("a VLAN tag that is kept beside the packet is in the frame that is read");
    asm.load(Size::Word, Reg::R3, CONTEXT, context::VLAN_PRESENT);
    asm.alu(AluOp::Lsh, Reg::R3, 2);
    asm.alu(AluOp::Add, Reg::R2, Reg::R3);
}

/// Add the packet to the row at this offset from r1. Its length is in r2.
pub(super) fn add(asm: &mut Asm, row: impl Into<Operand>) {
    row_address(asm, row);
    for (offset, number) in [(0, Operand::Imm(1)), (8, Operand::Reg(Reg::R2))] {
        asm.load(Size::Double, Reg::R5, Reg::R4, offset);
        asm.alu(AluOp::Add, Reg::R5, number);
        asm.store(Size::Double, Reg::R4, offset, Reg::R5);
    }
}

/// The same in a program that the same program can interrupt.
fn add_atomically(asm: &mut Asm, row: impl Into<Operand>) {
    row_address(asm, row);
    asm.mov(Reg::R5, 1);
    asm.atomic_add(Reg::R4, 0, Reg::R5);
    asm.atomic_add(Reg::R4, 8, Reg::R2);
}

/// Put the address of the row at this offset from r1 into r4.
fn row_address(asm: &mut Asm, row: impl Into<Operand>) {
    asm.mov(Reg::R4, Reg::R1);
    asm.alu(AluOp::Add, Reg::R4, row);
}
