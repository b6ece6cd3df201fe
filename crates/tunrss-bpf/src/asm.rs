//! The assembler: instructions with labels in, instructions with jump distances out.

use std::fmt;

use crate::insn::{AluOp, Cond, Helper, Insn, Operand, Reg, Section, Size};

/// A program being written. The only place where jump distances are computed.
#[derive(Debug, Default)]
pub struct Asm {
    insns: Vec<Insn>,
    labels: Vec<LabelState>,
    /// Instructions that jump, and where to.
    jumps: Vec<(usize, Label)>,
    comments: Vec<(usize, String)>,
}

/// A place in the program that can be jumped to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Label(usize);

#[derive(Debug)]
struct LabelState {
    name: &'static str,
    /// The instruction it stands before, once it is bound.
    index: Option<usize>,
}

impl Asm {
    /// An empty program.
    pub fn new() -> Self {
        Self::default()
    }

    /// A label to be bound later; `name` stands in listings.
    pub fn label(&mut self, name: &'static str) -> Label {
        self.labels.push(LabelState { name, index: None });
        Label(self.labels.len() - 1)
    }

    /// Put `label` here.
    pub fn bind(&mut self, label: Label) {
        if let Some(state) = self.labels.get_mut(label.0) {
            state.index = Some(self.insns.len());
        }
    }

    /// A new label, put here.
    pub fn here(&mut self, name: &'static str) -> Label {
        let label = self.label(name);
        self.bind(label);
        label
    }

    /// Put a comment in front of the next instruction of the listing.
    pub fn comment(&mut self, text: impl Into<String>) {
        self.comments.push((self.insns.len(), text.into()));
    }

    /// `dst op= src`
    pub fn alu(&mut self, op: AluOp, dst: Reg, src: impl Into<Operand>) {
        self.push(Insn::Alu { op, dst, src: src.into() });
    }

    /// `dst = src`
    pub fn mov(&mut self, dst: Reg, src: impl Into<Operand>) {
        self.alu(AluOp::Mov, dst, src);
    }

    /// `dst = *(size *)(base + offset)`
    pub fn load(&mut self, size: Size, dst: Reg, base: Reg, offset: i16) {
        self.push(Insn::Load { size, dst, base, offset });
    }

    /// `*(size *)(base + offset) = src`
    pub fn store(&mut self, size: Size, base: Reg, offset: i16, src: impl Into<Operand>) {
        self.push(Insn::Store { size, base, offset, src: src.into() });
    }

    /// Add `src` to 64 bits of memory, with nothing coming in between.
    pub fn atomic_add(&mut self, base: Reg, offset: i16, src: Reg) {
        self.push(Insn::AtomicAdd { base, offset, src });
    }

    /// `dst =` the address of byte `offset` of `section`
    pub fn load_address(&mut self, dst: Reg, section: Section, offset: i32) {
        self.push(Insn::LoadAddress { dst, section, offset });
    }

    /// `if dst cond src goto target`
    pub fn jump_if(&mut self, cond: Cond, dst: Reg, src: impl Into<Operand>, target: Label) {
        self.jumps.push((self.insns.len(), target));
        self.push(Insn::JumpIf { cond, dst, src: src.into(), offset: 0 });
    }

    /// `goto target`
    pub fn jump(&mut self, target: Label) {
        self.jumps.push((self.insns.len(), target));
        self.push(Insn::Jump { offset: 0 });
    }

    /// `r0 = helper(r1, ...)`
    pub fn call(&mut self, helper: Helper) {
        self.push(Insn::Call(helper));
    }

    /// Return r0.
    pub fn exit(&mut self) {
        self.push(Insn::Exit);
    }

    /// The finished code, without what cannot be reached (the kernel's verifier refuses it) and
    /// without jumps to the next instruction. So whoever writes a program need not care which
    /// paths lead to a place.
    ///
    /// # Errors
    /// A jump to a label that was never bound, or one too far for its 16-bit distance; or code
    /// that runs past its end.
    pub fn assemble(self) -> Result<Code, AsmError> {
        let mut targets = vec![None; self.insns.len()];
        for &(index, label) in &self.jumps {
            let state = self.labels.get(label.0);
            let name = state.map_or("?", |state| state.name);
            let target = state.and_then(|state| state.index);
            let target = target.ok_or(AsmError::UnboundLabel { name })?;
            targets[index] = Some(Target { index: target, name });
        }
        let is_kept = self.kept(&targets)?;
        // Where each instruction goes; one that goes nowhere stands for the next that does.
        let mut places = Vec::with_capacity(self.insns.len() + 1);
        let mut place = Place { index: 0, slot: 0 };
        for (insn, &is_kept) in self.insns.iter().zip(&is_kept) {
            places.push(place);
            if is_kept {
                place = Place { index: place.index + 1, slot: place.slot + insn.slots() };
            }
        }
        places.push(place);
        let mut code = Code { insns: vec![], labels: vec![], jumps: vec![], comments: vec![] };
        for (index, mut insn) in self.insns.into_iter().enumerate().filter(|&(at, _)| is_kept[at]) {
            if let (Some(target), Insn::Jump { offset } | Insn::JumpIf { offset, .. }) =
                (targets[index], &mut insn)
            {
                let distance = places[target.index].slot as isize - places[index + 1].slot as isize;
                let too_far = |_| AsmError::JumpTooFar { name: target.name };
                *offset = i16::try_from(distance).map_err(too_far)?;
                let label = (places[target.index].index, target.name);
                code.jumps.push((places[index].index, label.1));
                code.labels.push(label);
            }
            code.insns.push(insn);
        }
        code.labels.sort_unstable();
        code.labels.dedup();
        let comments = self.comments.into_iter().filter(|&(at, _)| is_kept.get(at) == Some(&true));
        code.comments = comments.map(|(at, text)| (places[at].index, text)).collect();
        Ok(code)
    }

    /// Which instructions are reached and do something.
    fn kept(&self, targets: &[Option<Target>]) -> Result<Vec<bool>, AsmError> {
        let mut is_kept = vec![false; self.insns.len()];
        let mut next = vec![0];
        while let Some(index) = next.pop() {
            if *is_kept.get(index).ok_or(AsmError::NoExit)? {
                continue;
            }
            is_kept[index] = true;
            next.extend(targets[index].map(|target| target.index));
            if !matches!(self.insns[index], Insn::Jump { .. } | Insn::Exit) {
                next.push(index + 1);
            }
        }
        for index in 0..self.insns.len() {
            if let (Insn::Jump { .. }, Some(target)) = (self.insns[index], targets[index]) {
                let between = is_kept.get(index + 1..target.index);
                if between.is_some_and(|between| !between.contains(&true)) {
                    is_kept[index] = false;
                }
            }
        }
        Ok(is_kept)
    }

    fn push(&mut self, insn: Insn) {
        self.insns.push(insn);
    }
}

/// The instruction that a jump leads to, and the name of the label there.
#[derive(Clone, Copy)]
struct Target {
    index: usize,
    name: &'static str,
}

/// Where an instruction ends up.
#[derive(Clone, Copy)]
struct Place {
    index: usize,
    slot: usize,
}

/// Assembled instructions, and the names for their listing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Code {
    insns: Vec<Insn>,
    labels: Vec<(usize, &'static str)>,
    jumps: Vec<(usize, &'static str)>,
    comments: Vec<(usize, String)>,
}

impl Code {
    /// The instructions.
    pub fn insns(&self) -> &[Insn] {
        &self.insns
    }

    /// The length in slots of 8 bytes, which is how the kernel counts instructions.
    pub fn slots(&self) -> usize {
        self.insns.iter().map(Insn::slots).sum()
    }

    /// The code as the kernel takes it, but for the section addresses.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 * self.slots());
        for insn in &self.insns {
            let (first, second) = insn.encode();
            bytes.extend(first);
            bytes.extend(second.into_iter().flatten());
        }
        bytes
    }
}

impl fmt::Display for Code {
    /// The listing: labels, comments and instructions, each with its slot number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut slot = 0;
        for (index, insn) in self.insns.iter().enumerate() {
            for (_, label) in self.labels.iter().filter(|(at, _)| *at == index) {
                writeln!(f, "{label}:")?;
            }
            for (_, comment) in self.comments.iter().filter(|(at, _)| *at == index) {
                writeln!(f, "        ; {comment}")?;
            }
            let target = self.jumps.iter().find(|(at, _)| *at == index).map(|(_, name)| name);
            match (insn, target) {
                (Insn::Jump { .. }, Some(target)) => writeln!(f, "  {slot:4}  goto {target}")?,
                (Insn::JumpIf { .. }, Some(target)) => {
                    let text = insn.to_string();
                    let condition = text.rsplit_once(' ').map_or("", |(condition, _)| condition);
                    writeln!(f, "  {slot:4}  {condition} {target}")?;
                }
                _ => writeln!(f, "  {slot:4}  {insn}")?,
            }
            slot += insn.slots();
        }
        Ok(())
    }
}

/// Why a program cannot be assembled: always a mistake of whoever wrote it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum AsmError {
    /// A jump leads to a label that was never bound.
    UnboundLabel {
        /// The label's name.
        name: &'static str,
    },
    /// The code runs past its end.
    NoExit,
    /// A jump is longer than 32,767 slots.
    JumpTooFar {
        /// The name of the label it leads to.
        name: &'static str,
    },
}

impl fmt::Display for AsmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnboundLabel { name } => {
                write!(f, "label {name} is jumped to but stands nowhere")
            }
            Self::NoExit => f.write_str("the code runs past its end"),
            Self::JumpTooFar { name } => {
                write!(f, "jump to label {name} is longer than 32767 instructions")
            }
        }
    }
}

impl std::error::Error for AsmError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_slots_from_the_next_instruction() {
        let mut asm = Asm::new();
        let start = asm.here("start");
        let end = asm.label("end");
        asm.jump_if(Cond::Eq, Reg::R1, 0, end);
        asm.load_address(Reg::R2, Section::Rodata, 0);
        asm.jump(start);
        asm.bind(end);
        asm.exit();
        let code = asm.assemble().unwrap();
        assert!(matches!(code.insns()[0], Insn::JumpIf { offset: 3, .. }));
        assert!(matches!(code.insns()[2], Insn::Jump { offset: -4 }));
        assert_eq!((code.slots(), code.encode().len()), (5, 40));
        let listing = "start:\n     0  if r1 == 0 goto end\n     1  r2 = .rodata +0 ll\n     \
                       3  goto start\nend:\n     4  exit\n";
        assert_eq!(code.to_string(), listing);
    }

    #[test]
    fn what_is_not_reached_or_does_nothing_is_left_out() {
        let mut asm = Asm::new();
        let [used, unused, end] = ["used", "unused", "end"].map(|name| asm.label(name));
        asm.jump(used);
        asm.bind(unused);
        asm.comment("never runs");
        asm.mov(Reg::R0, 1);
        asm.jump(end);
        asm.bind(used);
        asm.mov(Reg::R0, 2);
        asm.jump(end);
        asm.bind(end);
        asm.exit();
        assert_eq!(asm.assemble().unwrap().to_string(), "     0  r0 = 2\n     1  exit\n");
    }

    #[test]
    fn mistakes_are_named() {
        let mut asm = Asm::new();
        let lost = asm.label("lost");
        asm.jump(lost);
        assert_eq!(asm.assemble(), Err(AsmError::UnboundLabel { name: "lost" }));
        let mut asm = Asm::new();
        asm.mov(Reg::R0, 0);
        assert_eq!(asm.assemble(), Err(AsmError::NoExit));
        let mut asm = Asm::new();
        let far = asm.label("far");
        asm.jump_if(Cond::Eq, Reg::R1, 0, far);
        for _ in 0..32_768 {
            asm.mov(Reg::R0, 0);
        }
        asm.bind(far);
        asm.exit();
        assert_eq!(asm.assemble(), Err(AsmError::JumpTooFar { name: "far" }));
    }
}
