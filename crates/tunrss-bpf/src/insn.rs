//! eBPF instructions as types, their encoding and their assembly text.
//!
//! Only what this crate emits; see "BPF Instruction Set Architecture", RFC 9669.

use std::fmt;

/// A register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Reg {
    /// Return value of helpers and of the program.
    R0,
    /// First argument of a helper; the context when the program starts. Lost in a call, as R2 to R5.
    R1,
    /// Second argument of a helper.
    R2,
    /// Third argument of a helper.
    R3,
    /// Fourth argument of a helper.
    R4,
    /// Fifth argument of a helper.
    R5,
    /// Kept across calls, as R7 to R9.
    R6,
    /// Kept across calls.
    R7,
    /// Kept across calls.
    R8,
    /// Kept across calls.
    R9,
    /// The end of the 512-byte stack; read-only.
    R10,
}

impl Reg {
    const ALL: [Self; 11] = [
        Self::R0,
        Self::R1,
        Self::R2,
        Self::R3,
        Self::R4,
        Self::R5,
        Self::R6,
        Self::R7,
        Self::R8,
        Self::R9,
        Self::R10,
    ];

    fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

impl fmt::Display for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", *self as u8)
    }
}

/// The second operand of arithmetic and of comparisons.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operand {
    /// A register.
    Reg(Reg),
    /// A constant, sign-extended to 64 bits.
    Imm(i32),
}

impl From<Reg> for Operand {
    fn from(reg: Reg) -> Self {
        Self::Reg(reg)
    }
}

impl From<i32> for Operand {
    fn from(imm: i32) -> Self {
        Self::Imm(imm)
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reg(reg) => reg.fmt(f),
            Self::Imm(imm) if imm.unsigned_abs() > 255 => write!(f, "{imm:#x}"),
            Self::Imm(imm) => imm.fmt(f),
        }
    }
}

/// Bytes that a load or store moves. The value is the size field of the opcode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Size {
    /// 4 bytes.
    Word = 0x00,
    /// 2 bytes.
    Half = 0x08,
    /// 1 byte.
    Byte = 0x10,
    /// 8 bytes.
    Double = 0x18,
}

impl Size {
    /// How many bytes: 1, 2, 4 or 8.
    pub const fn bytes(self) -> i16 {
        match self {
            Self::Byte => 1,
            Self::Half => 2,
            Self::Word => 4,
            Self::Double => 8,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Byte => "u8",
            Self::Half => "u16",
            Self::Word => "u32",
            Self::Double => "u64",
        }
    }

    fn from_opcode(opcode: u8) -> Self {
        match opcode & 0x18 {
            0x00 => Self::Word,
            0x08 => Self::Half,
            0x10 => Self::Byte,
            _ => Self::Double,
        }
    }
}

/// An arithmetic operation on 64 bits. The value is the operation field of the opcode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum AluOp {
    /// `dst += operand`
    Add = 0x00,
    /// `dst -= operand`
    Sub = 0x10,
    /// `dst *= operand`
    Mul = 0x20,
    /// `dst |= operand`
    Or = 0x40,
    /// `dst &= operand`
    And = 0x50,
    /// `dst <<= operand`
    Lsh = 0x60,
    /// `dst >>= operand`
    Rsh = 0x70,
    /// `dst ^= operand`
    Xor = 0xa0,
    /// `dst = operand`
    Mov = 0xb0,
}

impl AluOp {
    const ALL: [Self; 9] = [
        Self::Add,
        Self::Sub,
        Self::Mul,
        Self::Or,
        Self::And,
        Self::Lsh,
        Self::Rsh,
        Self::Xor,
        Self::Mov,
    ];

    fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+=",
            Self::Sub => "-=",
            Self::Mul => "*=",
            Self::Or => "|=",
            Self::And => "&=",
            Self::Lsh => "<<=",
            Self::Rsh => ">>=",
            Self::Xor => "^=",
            Self::Mov => "=",
        }
    }
}

/// A comparison of 64-bit values, unsigned. The value is the operation field of the opcode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Cond {
    /// Equal.
    Eq = 0x10,
    /// Greater.
    Gt = 0x20,
    /// Greater or equal.
    Ge = 0x30,
    /// Any common bit set.
    Set = 0x40,
    /// Not equal.
    Ne = 0x50,
    /// Less.
    Lt = 0xa0,
}

impl Cond {
    const ALL: [Self; 6] = [Self::Eq, Self::Gt, Self::Ge, Self::Set, Self::Ne, Self::Lt];

    fn symbol(self) -> &'static str {
        match self {
            Self::Eq => "==",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::Set => "&",
            Self::Ne => "!=",
            Self::Lt => "<",
        }
    }
}

/// A kernel function that programs call. The value is its number (`enum bpf_func_id`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
pub enum Helper {
    /// `bpf_ktime_get_ns()`: nanoseconds of `CLOCK_MONOTONIC`.
    KtimeGetNs = 5,
    /// `bpf_get_smp_processor_id()`: the CPU the program runs on.
    GetSmpProcessorId = 8,
    /// `bpf_skb_store_bytes(skb, offset, from, len, flags)`: writes packet bytes. 0 or negative.
    SkbStoreBytes = 9,
    /// `bpf_skb_vlan_pop(skb)`: takes off the VLAN tag that is kept beside the packet; one in the
    /// packet becomes it. 0 or negative.
    SkbVlanPop = 19,
    /// `bpf_skb_load_bytes(skb, offset, to, len)`: copies packet bytes. 0, or negative if the
    /// packet is shorter; `to` is then all zero.
    SkbLoadBytes = 26,
    /// `bpf_skb_change_head(skb, len, flags)`: makes room in front of the packet. 0 or negative.
    SkbChangeHead = 43,
    /// `bpf_set_hash(skb, hash)`: sets the hash by which the kernel tells flows apart. 0.
    SetHash = 48,
}

impl Helper {
    const ALL: [Self; 7] = [
        Self::KtimeGetNs,
        Self::GetSmpProcessorId,
        Self::SkbStoreBytes,
        Self::SkbVlanPop,
        Self::SkbLoadBytes,
        Self::SkbChangeHead,
        Self::SetHash,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::KtimeGetNs => "ktime_get_ns",
            Self::GetSmpProcessorId => "get_smp_processor_id",
            Self::SkbStoreBytes => "skb_store_bytes",
            Self::SkbVlanPop => "skb_vlan_pop",
            Self::SkbLoadBytes => "skb_load_bytes",
            Self::SkbChangeHead => "skb_change_head",
            Self::SetHash => "set_hash",
        }
    }
}

/// A data section of the object, one map in the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Section {
    /// Never written after the load: Toeplitz words.
    Rodata,
    /// The configuration with the indirection table, writable from outside.
    Data,
    /// The counters, which the programs write.
    Bss,
}

impl Section {
    /// The name in the object file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rodata => ".rodata",
            Self::Data => ".data",
            Self::Bss => ".bss",
        }
    }
}

/// One instruction. Jumps count from the next instruction, in slots of 8 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Insn {
    /// 64-bit arithmetic.
    Alu {
        /// What is done.
        op: AluOp,
        /// Where the result goes, and the first operand.
        dst: Reg,
        /// The second operand.
        src: Operand,
    },
    /// `dst = *(size *)(base + offset)`, zero-extended.
    Load {
        /// How many bytes.
        size: Size,
        /// Where they go.
        dst: Reg,
        /// The address.
        base: Reg,
        /// Bytes added to the address.
        offset: i16,
    },
    /// `*(size *)(base + offset) = src`, a constant sign-extended.
    Store {
        /// How many bytes.
        size: Size,
        /// The address.
        base: Reg,
        /// Bytes added to the address.
        offset: i16,
        /// What is stored.
        src: Operand,
    },
    /// `lock *(u64 *)(base + offset) += src`: no interrupt and no other CPU comes in between.
    AtomicAdd {
        /// The address.
        base: Reg,
        /// Bytes added to the address.
        offset: i16,
        /// What is added.
        src: Reg,
    },
    /// `dst =` the address of a byte of a data section. Two slots.
    LoadAddress {
        /// Where the address goes.
        dst: Reg,
        /// The section; the loader puts its map in.
        section: Section,
        /// The byte's offset in the section.
        offset: i32,
    },
    /// `if dst cond src goto offset`
    JumpIf {
        /// The comparison.
        cond: Cond,
        /// Its left side.
        dst: Reg,
        /// Its right side.
        src: Operand,
        /// How far.
        offset: i16,
    },
    /// `goto offset`
    Jump {
        /// How far.
        offset: i16,
    },
    /// `r0 = helper(r1, r2, r3, r4, r5)`
    Call(Helper),
    /// Return r0.
    Exit,
}

impl Insn {
    /// How many slots of 8 bytes the instruction takes.
    pub fn slots(&self) -> usize {
        if matches!(self, Self::LoadAddress { .. }) { 2 } else { 1 }
    }

    /// The instruction for a little-endian machine; the second half is for [`Insn::LoadAddress`].
    pub fn encode(&self) -> ([u8; 8], Option<[u8; 8]>) {
        let (opcode, dst, src, offset, imm) = match *self {
            Self::Alu { op, dst, src } => with_operand(CLASS_ALU64 | op as u8, dst, src, 0),
            Self::Load { size, dst, base, offset } => {
                (CLASS_LDX | MODE_MEM | size as u8, dst, base, offset, 0)
            }
            Self::Store { size, base, offset, src: Operand::Reg(src) } => {
                (CLASS_STX | MODE_MEM | size as u8, base, src, offset, 0)
            }
            Self::Store { size, base, offset, src: Operand::Imm(imm) } => {
                (CLASS_ST | MODE_MEM | size as u8, base, Reg::R0, offset, imm)
            }
            Self::AtomicAdd { base, offset, src } => {
                (CLASS_STX | MODE_ATOMIC | Size::Double as u8, base, src, offset, ATOMIC_ADD)
            }
            Self::LoadAddress { dst, offset, .. } => (LOAD_IMM64, dst, Reg::R0, 0, offset),
            Self::JumpIf { cond, dst, src, offset } => {
                with_operand(CLASS_JMP | cond as u8, dst, src, offset)
            }
            Self::Jump { offset } => (CLASS_JMP, Reg::R0, Reg::R0, offset, 0),
            Self::Call(helper) => (CALL, Reg::R0, Reg::R0, 0, helper as i32),
            Self::Exit => (EXIT, Reg::R0, Reg::R0, 0, 0),
        };
        let [o0, o1] = offset.to_le_bytes();
        let [i0, i1, i2, i3] = imm.to_le_bytes();
        let first = [opcode, (src as u8) << 4 | dst as u8, o0, o1, i0, i1, i2, i3];
        (first, matches!(self, Self::LoadAddress { .. }).then_some([0; 8]))
    }

    /// The instruction that `slot` encodes, if this crate emits such. The section of a
    /// [`Insn::LoadAddress`] is not in the code but in a relocation, so it has to be given.
    pub fn decode(slot: [u8; 8], section: Section) -> Option<Self> {
        let [opcode, registers, o0, o1, i0, i1, i2, i3] = slot;
        let dst = Reg::from_number(registers & 0xf)?;
        let src = Reg::from_number(registers >> 4)?;
        let offset = i16::from_le_bytes([o0, o1]);
        let imm = i32::from_le_bytes([i0, i1, i2, i3]);
        let operand = if opcode & SOURCE_REG != 0 { src.into() } else { Operand::Imm(imm) };
        let size = Size::from_opcode(opcode);
        Some(match opcode {
            LOAD_IMM64 => Self::LoadAddress { dst, section, offset: imm },
            CALL => Self::Call(Helper::ALL.into_iter().find(|&helper| helper as i32 == imm)?),
            EXIT => Self::Exit,
            CLASS_JMP => Self::Jump { offset },
            _ => match (opcode & 0x07, opcode & 0xf0, opcode & 0xe0) {
                (CLASS_ALU64, op, _) => {
                    let op = AluOp::ALL.into_iter().find(|&known| known as u8 == op)?;
                    Self::Alu { op, dst, src: operand }
                }
                (CLASS_JMP, cond, _) => {
                    let cond = Cond::ALL.into_iter().find(|&known| known as u8 == cond)?;
                    Self::JumpIf { cond, dst, src: operand, offset }
                }
                (CLASS_LDX, _, MODE_MEM) => Self::Load { size, dst, base: src, offset },
                (CLASS_STX, _, MODE_MEM) => {
                    Self::Store { size, base: dst, offset, src: src.into() }
                }
                (CLASS_STX, _, MODE_ATOMIC) if size == Size::Double && imm == ATOMIC_ADD => {
                    Self::AtomicAdd { base: dst, offset, src }
                }
                (CLASS_ST, _, MODE_MEM) => Self::Store { size, base: dst, offset, src: imm.into() },
                _ => return None,
            },
        })
    }
}

impl fmt::Display for Insn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alu { op, dst, src } => write!(f, "{dst} {} {src}", op.symbol()),
            Self::Load { size, dst, base, offset } => {
                write!(f, "{dst} = *({} *)({base} {offset:+})", size.name())
            }
            Self::Store { size, base, offset, src } => {
                write!(f, "*({} *)({base} {offset:+}) = {src}", size.name())
            }
            Self::AtomicAdd { base, offset, src } => {
                write!(f, "lock *(u64 *)({base} {offset:+}) += {src}")
            }
            Self::LoadAddress { dst, section, offset } => {
                write!(f, "{dst} = {} {offset:+} ll", section.name())
            }
            Self::JumpIf { cond, dst, src, offset } => {
                write!(f, "if {dst} {} {src} goto {offset:+}", cond.symbol())
            }
            Self::Jump { offset } => write!(f, "goto {offset:+}"),
            Self::Call(helper) => write!(f, "call {}", helper.name()),
            Self::Exit => f.write_str("exit"),
        }
    }
}

fn with_operand(opcode: u8, dst: Reg, src: Operand, offset: i16) -> (u8, Reg, Reg, i16, i32) {
    match src {
        Operand::Reg(src) => (opcode | SOURCE_REG, dst, src, offset, 0),
        Operand::Imm(imm) => (opcode, dst, Reg::R0, offset, imm),
    }
}

const CLASS_LDX: u8 = 0x01;
const CLASS_ST: u8 = 0x02;
const CLASS_STX: u8 = 0x03;
const CLASS_JMP: u8 = 0x05;
const CLASS_ALU64: u8 = 0x07;
const MODE_MEM: u8 = 0x60;
const MODE_ATOMIC: u8 = 0xc0;
const ATOMIC_ADD: i32 = 0;
const SOURCE_REG: u8 = 0x08;
const LOAD_IMM64: u8 = 0x18;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_those_of_the_standard() {
        let encoded = |insn: Insn| u64::from_be_bytes(insn.encode().0);
        let (dst, src) = (Reg::R2, Operand::Reg(Reg::R7));
        for (insn, expected, text) in [
            (Insn::Alu { op: AluOp::Add, dst, src }, 0x0f72_0000_0000_0000, "r2 += r7"),
            (
                Insn::Alu { op: AluOp::Mov, dst, src: Operand::Imm(-2) },
                0xb702_0000_feff_ffff,
                "r2 = -2",
            ),
            (
                Insn::Load { size: Size::Half, dst, base: Reg::R10, offset: -2 },
                0x69a2_feff_0000_0000,
                "r2 = *(u16 *)(r10 -2)",
            ),
            (
                Insn::Store { size: Size::Double, base: Reg::R10, offset: -8, src: 1.into() },
                0x7a0a_f8ff_0100_0000,
                "*(u64 *)(r10 -8) = 1",
            ),
            (
                Insn::Store { size: Size::Byte, base: dst, offset: 1, src },
                0x7372_0100_0000_0000,
                "*(u8 *)(r2 +1) = r7",
            ),
            (
                Insn::AtomicAdd { base: dst, offset: 8, src: Reg::R7 },
                0xdb72_0800_0000_0000,
                "lock *(u64 *)(r2 +8) += r7",
            ),
            (
                Insn::JumpIf { cond: Cond::Ne, dst, src: 0x800.into(), offset: 3 },
                0x5502_0300_0008_0000,
                "if r2 != 0x800 goto +3",
            ),
            (Insn::Jump { offset: -1 }, 0x0500_ffff_0000_0000, "goto -1"),
            (Insn::Call(Helper::SkbLoadBytes), 0x8500_0000_1a00_0000, "call skb_load_bytes"),
            (Insn::Exit, 0x9500_0000_0000_0000, "exit"),
            (
                Insn::LoadAddress { dst, section: Section::Data, offset: 16 },
                0x1802_0000_1000_0000,
                "r2 = .data +16 ll",
            ),
        ] {
            assert_eq!(encoded(insn), expected, "{insn}");
            assert_eq!(insn.to_string(), text);
            assert_eq!(Insn::decode(insn.encode().0, Section::Data), Some(insn));
        }
    }
}
