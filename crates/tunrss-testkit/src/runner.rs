//! Runs programs on packets without a kernel, and refuses most of what its verifier refuses.
//!
//! Every access is checked when it happens: registers and stack bytes have to be written before they
//! are read, and memory is reached through pointers that know their region. So a wrong program ends
//! in a [`Fault`], not in a wrong answer. What it cannot show is that the *verifier* follows the
//! program's reasoning; the tier bpf does.
//!
//! ```
//! use tunrss_bpf::{ReportMode, STEER, compile};
//! use tunrss_hash::{HashKey, HashTypes, Link, SteeringConfig, classify};
//! use tunrss_testkit::packet::{Packet, V4};
//! use tunrss_testkit::runner::{Input, Runner};
//!
//! let config = SteeringConfig::new(HashTypes::ALL, HashKey::MICROSOFT, vec![0, 1, 2, 3], 0)?;
//! let object = compile(&config, Link::Ethernet, ReportMode::Off)?;
//! let packet = Packet::tcp(V4::new([10, 0, 0, 1], [10, 0, 0, 2]), 1, 2).to_bytes(Link::Ethernet);
//! let output = Runner::new(&object, STEER).run(&Input::new(&packet))?;
//! assert_eq!(output.value, u32::from(classify(&config, Link::Ethernet, &packet).queue));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::ops::Range;

use tunrss_bpf::asm::Code;
use tunrss_bpf::insn::{AluOp, Cond, Helper, Insn, Operand, Reg, Section, Size};
use tunrss_bpf::{Object, ProgramKind};
use tunrss_hash::dissect::{ETHERTYPE_QINQ, ETHERTYPE_VLAN};

/// A program ready to run, with the data sections it reads.
#[derive(Clone, Debug)]
pub struct Runner<'a> {
    kind: ProgramKind,
    steps: Vec<Step>,
    rodata: &'a [u8],
    data: &'a [u8],
    bss_len: usize,
}

impl<'a> Runner<'a> {
    /// The program of this name.
    ///
    /// # Panics
    /// If `object` has none.
    pub fn new(object: &'a Object, name: &str) -> Self {
        let program =
            object.program(name).unwrap_or_else(|| panic!("the object has no program {name}"));
        let runner = Self::of_code(program.kind(), program.code(), object.rodata(), object.data());
        runner.with_bss(object.bss_len())
    }

    /// The same with this many bytes as `.bss`, all zero.
    pub fn with_bss(self, bss_len: usize) -> Self {
        Self { bss_len, ..self }
    }

    /// A program of this kind, with these bytes as `.rodata` and `.data`, and without `.bss`.
    pub fn of_code(kind: ProgramKind, code: &Code, rodata: &'a [u8], data: &'a [u8]) -> Self {
        // The instruction at each slot; none at the second slot of a long one.
        let mut at_slot = Vec::with_capacity(code.slots());
        for (index, insn) in code.insns().iter().enumerate() {
            at_slot.push(Some(index));
            at_slot.resize(at_slot.len() + insn.slots() - 1, None);
        }
        let mut slot = 0;
        let step = |&insn: &Insn| {
            let next = slot + insn.slots();
            let target = match insn {
                Insn::Jump { offset } | Insn::JumpIf { offset, .. } => next
                    .checked_add_signed(isize::from(offset))
                    .and_then(|target| at_slot.get(target).copied().flatten()),
                _ => None,
            };
            let step = Step { insn, slot, target };
            slot = next;
            step
        };
        let steps = code.insns().iter().map(step).collect();
        Self { kind, steps, rodata, data, bss_len: 0 }
    }

    /// Run the program.
    ///
    /// # Errors
    /// [`Fault`] where it does what no program may.
    pub fn run(&self, input: &Input<'_>) -> Result<Output, Fault> {
        let mut machine = Machine {
            runner: self,
            registers: [Value::Uninitialised; 11],
            stack: [None; STACK_LEN],
            vlan_tag: input.vlan_tag,
            tc_index: input.tc_index,
            cpu: input.cpu,
            time: input.time,
            has_headroom: input.has_headroom,
            output: Output {
                value: 0,
                queue_mapping: input.queue_mapping,
                hash: input.hash,
                tc_classid: 0,
                bss: vec![0; self.bss_len],
                packet: input.packet.to_vec(),
                steps: 0,
            },
        };
        machine.registers[Reg::R1 as usize] = Value::Pointer(Region::Context, 0);
        machine.registers[Reg::R10 as usize] = Value::Pointer(Region::Stack, 0);
        machine.run()?;
        Ok(machine.output)
    }
}

/// The most instructions that a run may take.
pub const MAX_STEPS: usize = 100_000;

/// What a program is run on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Input<'p> {
    /// The packet, from the header that the program expects.
    pub packet: &'p [u8],
    /// The VLAN tag that is kept beside the packet, as hardware and the kernel do: EtherType and tag
    /// control information.
    pub vlan_tag: Option<(u16, u16)>,
    /// What an earlier tc program has chosen as class.
    pub tc_index: u16,
    /// The queue noted so far.
    pub queue_mapping: u16,
    /// The kernel's hash of the flow.
    pub hash: u32,
    /// The CPU that the program runs on.
    pub cpu: u32,
    /// Nanoseconds of `CLOCK_MONOTONIC`.
    pub time: u64,
    /// Whether bytes can be put in front of the packet.
    pub has_headroom: bool,
}

impl<'p> Input<'p> {
    /// A packet with nothing special about it.
    pub fn new(packet: &'p [u8]) -> Self {
        Self {
            packet,
            vlan_tag: None,
            tc_index: 0,
            queue_mapping: 0,
            hash: 0,
            cpu: 0,
            time: 0,
            has_headroom: true,
        }
    }
}

/// What a program leaves behind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Output {
    /// What it returns: the lower half of r0.
    pub value: u32,
    /// The queue noted.
    pub queue_mapping: u16,
    /// The hash of the flow.
    pub hash: u32,
    /// The class it chose.
    pub tc_classid: u16,
    /// The packet.
    pub packet: Vec<u8>,
    /// The `.bss` section, all zero before.
    pub bss: Vec<u8>,
    /// Instructions executed.
    pub steps: usize,
}

/// What a program did that it must not do, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The slot of the instruction, as in the listing.
    pub slot: usize,
    /// The instruction; `None` behind the last one.
    pub insn: Option<Insn>,
    /// What is wrong with it.
    pub reason: Reason,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slot {}: ", self.slot)?;
        if let Some(insn) = self.insn {
            write!(f, "{insn}: ")?;
        }
        self.reason.fmt(f)
    }
}

impl std::error::Error for Fault {}

/// What is wrong with an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// It reads a register that nothing was written to, or whose value a call has taken.
    UninitialisedRegister(Reg),
    /// It reads stack bytes of which not all were written.
    UninitialisedStack,
    /// It reaches beyond a region.
    OutOfBounds(Region),
    /// It writes where it may only read. No program writes `.data`: the table there is the user's.
    ReadOnly(Region),
    /// Its address on the stack is no multiple of its size.
    Misaligned,
    /// It needs a pointer, of a certain region perhaps, in this register.
    NotSuchAPointer(Reg),
    /// It needs a number in this register, not a pointer.
    NotANumber(Reg),
    /// It computes with pointers what has no meaning, or moves the one to the context.
    PointerArithmetic,
    /// It shifts by 64 bits or more.
    Shift,
    /// It accesses what is no field of the context, or none for this kind of program.
    ContextField,
    /// It calls what this kind of program cannot, or with an argument out of range.
    Call,
    /// It jumps out of the code or between two slots of one instruction.
    Jump,
    /// The code ends here, without exit.
    NoExit,
    /// The program has run for [`MAX_STEPS`].
    TooManySteps,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UninitialisedRegister(reg) => write!(f, "{reg} is not initialised"),
            Self::UninitialisedStack => f.write_str("stack bytes are not initialised"),
            Self::OutOfBounds(region) => write!(f, "out of the bounds of the {region}"),
            Self::ReadOnly(region) => write!(f, "the {region} cannot be written"),
            Self::Misaligned => f.write_str("misaligned access to the stack"),
            Self::NotSuchAPointer(reg) => write!(f, "{reg} is no pointer that fits"),
            Self::NotANumber(reg) => write!(f, "{reg} is a pointer"),
            Self::PointerArithmetic => f.write_str("pointers do not compute so"),
            Self::Shift => f.write_str("shift by 64 bits or more"),
            Self::ContextField => f.write_str("no such access to the context"),
            Self::Call => f.write_str("no such call"),
            Self::Jump => f.write_str("no instruction starts there"),
            Self::NoExit => f.write_str("the code runs past its end"),
            Self::TooManySteps => write!(f, "not done after {MAX_STEPS} instructions"),
        }
    }
}

/// Memory that a pointer points into.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Region {
    /// The stack; its pointers count from its end.
    Stack,
    /// `struct __sk_buff`.
    Context,
    /// The packet's bytes.
    Packet,
    /// A data section.
    Section(Section),
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stack => f.write_str("stack"),
            Self::Context => f.write_str("context"),
            Self::Packet => f.write_str("packet"),
            Self::Section(section) => write!(f, "section {}", section.name()),
        }
    }
}

/// An instruction, its slot, and the index of the step it may jump to.
#[derive(Clone, Copy, Debug)]
struct Step {
    insn: Insn,
    slot: usize,
    target: Option<usize>,
}

/// What a register holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Value {
    Uninitialised,
    Number(u64),
    Pointer(Region, i64),
}

struct Machine<'a> {
    runner: &'a Runner<'a>,
    registers: [Value; 11],
    /// `None` until it is written.
    stack: [Option<u8>; STACK_LEN],
    vlan_tag: Option<(u16, u16)>,
    tc_index: u16,
    cpu: u32,
    time: u64,
    has_headroom: bool,
    output: Output,
}

impl Machine<'_> {
    fn run(&mut self) -> Result<(), Fault> {
        let steps = &self.runner.steps;
        let mut index = 0;
        loop {
            let Some(step) = steps.get(index) else {
                let slot = steps.last().map_or(0, |last| last.slot + last.insn.slots());
                return Err(Fault { slot, insn: None, reason: Reason::NoExit });
            };
            let fault = |reason| Fault { slot: step.slot, insn: Some(step.insn), reason };
            if self.output.steps == MAX_STEPS {
                return Err(fault(Reason::TooManySteps));
            }
            self.output.steps += 1;
            index = match self.execute(&step.insn).map_err(fault)? {
                Next::Following => index + 1,
                Next::Target => step.target.ok_or(fault(Reason::Jump))?,
                Next::Exit => return Ok(()),
            };
        }
    }

    fn execute(&mut self, insn: &Insn) -> Result<Next, Reason> {
        match *insn {
            Insn::Alu { op, dst, src } => {
                let value = self.alu(op, dst, src)?;
                self.set(dst, value)?;
            }
            Insn::Load { size, dst, base, offset } => {
                let value = self.load(size, base, offset)?;
                self.set(dst, value)?;
            }
            Insn::Store { size, base, offset, src } => self.store(size, base, offset, src)?,
            Insn::AtomicAdd { base, offset, src } => self.atomic_add(base, offset, src)?,
            Insn::LoadAddress { dst, section, offset } => {
                self.set(dst, Value::Pointer(Region::Section(section), i64::from(offset)))?;
            }
            Insn::JumpIf { cond, dst, src, .. } => {
                return Ok(if self.holds(cond, dst, src)? {
                    Next::Target
                } else {
                    Next::Following
                });
            }
            Insn::Jump { .. } => return Ok(Next::Target),
            Insn::Call(helper) => self.call(helper)?,
            Insn::Exit => {
                self.output.value = self.number(Reg::R0)? as u32;
                return Ok(Next::Exit);
            }
        }
        Ok(Next::Following)
    }

    fn alu(&self, op: AluOp, dst: Reg, src: Operand) -> Result<Value, Reason> {
        let right = self.operand(src)?;
        if op == AluOp::Mov {
            return Ok(right);
        }
        let left = self.get(dst)?;
        let (left, right) = match (op, left, right) {
            (_, Value::Number(left), Value::Number(right)) => (left, right),
            (AluOp::Add, Value::Pointer(region, offset), Value::Number(number))
            | (AluOp::Add, Value::Number(number), Value::Pointer(region, offset))
                if region != Region::Context =>
            {
                return Ok(Value::Pointer(region, offset.wrapping_add_unsigned(number)));
            }
            (AluOp::Sub, Value::Pointer(region, offset), Value::Number(number))
                if region != Region::Context =>
            {
                return Ok(Value::Pointer(region, offset.wrapping_sub_unsigned(number)));
            }
            _ => return Err(Reason::PointerArithmetic),
        };
        let shift = || u32::try_from(right).ok().filter(|&bits| bits < 64).ok_or(Reason::Shift);
        Ok(Value::Number(match op {
            AluOp::Add => left.wrapping_add(right),
            AluOp::Sub => left.wrapping_sub(right),
            AluOp::Mul => left.wrapping_mul(right),
            AluOp::Or => left | right,
            AluOp::And => left & right,
            AluOp::Lsh => left << shift()?,
            AluOp::Rsh => left >> shift()?,
            AluOp::Xor => left ^ right,
            AluOp::Mov => right,
        }))
    }

    fn holds(&self, cond: Cond, dst: Reg, src: Operand) -> Result<bool, Reason> {
        let (left, right) = match (self.get(dst)?, self.operand(src)?) {
            (Value::Number(left), Value::Number(right)) => (left, right),
            // Both count from the same byte, upwards once the sign bit is turned.
            (Value::Pointer(left_region, left), Value::Pointer(right_region, right))
                if left_region == right_region && cond != Cond::Set =>
            {
                (left.cast_unsigned() ^ 1 << 63, right.cast_unsigned() ^ 1 << 63)
            }
            _ => return Err(Reason::PointerArithmetic),
        };
        Ok(match cond {
            Cond::Eq => left == right,
            Cond::Gt => left > right,
            Cond::Ge => left >= right,
            Cond::Set => left & right != 0,
            Cond::Ne => left != right,
            Cond::Lt => left < right,
        })
    }

    fn load(&self, size: Size, base: Reg, offset: i16) -> Result<Value, Reason> {
        let len = bytes(size);
        let (region, at) = self.address(base, offset)?;
        let mut loaded = [0; 8];
        let place = &mut loaded[..len];
        match region {
            Region::Stack => {
                let range = aligned(stack_range(at, len)?)?;
                for (byte, from) in place.iter_mut().zip(&self.stack[range]) {
                    *byte = from.ok_or(Reason::UninitialisedStack)?;
                }
            }
            Region::Context if size == Size::Word => return self.load_field(at),
            Region::Context => return Err(Reason::ContextField),
            Region::Packet => copy(place, region, at, &self.output.packet)?,
            Region::Section(Section::Rodata) => copy(place, region, at, self.runner.rodata)?,
            Region::Section(Section::Data) => copy(place, region, at, self.runner.data)?,
            Region::Section(Section::Bss) => copy(place, region, at, &self.output.bss)?,
        }
        Ok(Value::Number(u64::from_le_bytes(loaded)))
    }

    /// The fields of `struct __sk_buff` that programs of this kind may read.
    fn load_field(&self, at: i64) -> Result<Value, Reason> {
        let Output { packet, queue_mapping, hash, tc_classid, .. } = &self.output;
        let is_classifier = self.runner.kind == ProgramKind::SchedCls;
        Ok(match at {
            field::LEN => Value::Number(packet.len() as u64),
            field::QUEUE_MAPPING => Value::Number(u64::from(*queue_mapping)),
            field::VLAN_PRESENT => Value::Number(u64::from(self.vlan_tag.is_some())),
            field::VLAN_TCI => Value::Number(self.vlan_tag.map_or(0, |(_, tci)| u64::from(tci))),
            // As it is in the packet.
            field::VLAN_PROTO => {
                let protocol = self.vlan_tag.map_or(0, |(protocol, _)| protocol);
                Value::Number(u64::from(protocol.swap_bytes()))
            }
            field::HASH => Value::Number(u64::from(*hash)),
            field::TC_INDEX => Value::Number(u64::from(self.tc_index)),
            field::TC_CLASSID if is_classifier => Value::Number(u64::from(*tc_classid)),
            field::DATA if is_classifier => Value::Pointer(Region::Packet, 0),
            field::DATA_END if is_classifier => Value::Pointer(Region::Packet, packet.len() as i64),
            _ => return Err(Reason::ContextField),
        })
    }

    fn store(&mut self, size: Size, base: Reg, offset: i16, src: Operand) -> Result<(), Reason> {
        let number = match src {
            Operand::Reg(reg) => self.number(reg)?,
            Operand::Imm(imm) => i64::from(imm).cast_unsigned(),
        };
        let len = bytes(size);
        let (region, at) = self.address(base, offset)?;
        let stored = number.to_le_bytes();
        match region {
            Region::Stack => {
                let range = aligned(stack_range(at, len)?)?;
                for (place, byte) in self.stack[range].iter_mut().zip(stored) {
                    *place = Some(byte);
                }
            }
            // Kernels before 6.4 take no constant here.
            Region::Context if size == Size::Word && matches!(src, Operand::Reg(_)) => {
                self.store_field(at, number as u32)?;
            }
            Region::Context => return Err(Reason::ContextField),
            Region::Packet => {
                let range = range(region, at, len, self.output.packet.len())?;
                self.output.packet[range].copy_from_slice(&stored[..len]);
            }
            Region::Section(Section::Bss) => {
                let range = range(region, at, len, self.output.bss.len())?;
                self.output.bss[range].copy_from_slice(&stored[..len]);
            }
            Region::Section(_) => return Err(Reason::ReadOnly(region)),
        }
        Ok(())
    }

    /// The counters alone are added to like this.
    fn atomic_add(&mut self, base: Reg, offset: i16, src: Reg) -> Result<(), Reason> {
        let number = self.number(src)?;
        let (region, at) = self.address(base, offset)?;
        if region != Region::Section(Section::Bss) {
            return Err(Reason::ReadOnly(region));
        }
        let range = aligned(range(region, at, 8, self.output.bss.len())?)?;
        let (cells, _) = self.output.bss[range].as_chunks_mut();
        for cell in cells {
            *cell = u64::from_le_bytes(*cell).wrapping_add(number).to_le_bytes();
        }
        Ok(())
    }

    /// The fields of `struct __sk_buff` that a classifier may write. A socket filter may none of these.
    fn store_field(&mut self, at: i64, number: u32) -> Result<(), Reason> {
        if self.runner.kind != ProgramKind::SchedCls {
            return Err(Reason::ReadOnly(Region::Context));
        }
        match at {
            // Numbers that say "none" change nothing (`bpf_convert_ctx_access`, net/core/filter.c,
            // v6.12).
            field::QUEUE_MAPPING if number >= NO_QUEUE_MAPPING => {}
            field::QUEUE_MAPPING => self.output.queue_mapping = number as u16,
            field::TC_CLASSID => self.output.tc_classid = number as u16,
            _ => return Err(Reason::ContextField),
        }
        Ok(())
    }

    fn call(&mut self, helper: Helper) -> Result<(), Reason> {
        let takes_context = !matches!(helper, Helper::KtimeGetNs | Helper::GetSmpProcessorId);
        if takes_context && self.get(Reg::R1)? != Value::Pointer(Region::Context, 0) {
            return Err(Reason::NotSuchAPointer(Reg::R1));
        }
        let is_for_classifiers = matches!(
            helper,
            Helper::SkbChangeHead | Helper::SkbStoreBytes | Helper::SkbVlanPop | Helper::SetHash
        );
        if is_for_classifiers && self.runner.kind != ProgramKind::SchedCls {
            return Err(Reason::Call);
        }
        let result = match helper {
            Helper::SkbLoadBytes => self.load_bytes()?.into(),
            Helper::SkbStoreBytes => self.store_bytes()?.into(),
            Helper::SkbChangeHead => self.change_head()?.into(),
            Helper::SkbVlanPop => self.vlan_pop().into(),
            Helper::SetHash => {
                self.output.hash = self.number(Reg::R2)? as u32;
                0
            }
            Helper::KtimeGetNs => self.time.cast_signed(),
            Helper::GetSmpProcessorId => self.cpu.into(),
        };
        let arguments = [Reg::R1, Reg::R2, Reg::R3, Reg::R4, Reg::R5];
        for reg in arguments {
            self.registers[reg as usize] = Value::Uninitialised;
        }
        self.set(Reg::R0, Value::Number(result.cast_unsigned()))
    }

    /// `bpf_skb_store_bytes` (net/core/filter.c, v6.12), without flags.
    fn store_bytes(&mut self) -> Result<i32, Reason> {
        let at = self.number(Reg::R2)? as u32 as usize;
        let Value::Pointer(Region::Stack, from) = self.get(Reg::R3)? else {
            return Err(Reason::NotSuchAPointer(Reg::R3));
        };
        let len = usize::try_from(self.number(Reg::R4)?).map_err(|_| Reason::Call)?;
        if len == 0 || self.number(Reg::R5)? != 0 {
            return Err(Reason::Call);
        }
        let from = stack_range(from, len)?;
        let stored: Option<Vec<u8>> = self.stack[from].iter().copied().collect();
        let stored = stored.ok_or(Reason::UninitialisedStack)?;
        self.forget_packet_pointers();
        match self.output.packet.get_mut(at..at + len) {
            Some(place) => {
                place.copy_from_slice(&stored);
                Ok(0)
            }
            None => Ok(-EFAULT),
        }
    }

    /// `bpf_skb_vlan_pop` (`skb_vlan_pop`, net/core/skbuff.c, v6.12): the tag beside the packet goes,
    /// and one in it takes its place.
    fn vlan_pop(&mut self) -> i32 {
        self.forget_packet_pointers();
        let packet = &mut self.output.packet;
        let mut tag_in_packet = || {
            let &[p0, p1, t0, t1] = packet.get(12..)?.first_chunk()?;
            let protocol = u16::from_be_bytes([p0, p1]);
            if !matches!(protocol, ETHERTYPE_VLAN | ETHERTYPE_QINQ) {
                return None;
            }
            packet.drain(12..16);
            Some((protocol, u16::from_be_bytes([t0, t1])))
        };
        if self.vlan_tag.take().is_none() && tag_in_packet().is_none() {
            return 0;
        }
        self.vlan_tag = tag_in_packet();
        0
    }

    fn forget_packet_pointers(&mut self) {
        for register in &mut self.registers {
            if matches!(register, Value::Pointer(Region::Packet, _)) {
                *register = Value::Uninitialised;
            }
        }
    }

    /// `bpf_skb_load_bytes` (net/core/filter.c, v6.12): all the bytes, or zeros and an error.
    fn load_bytes(&mut self) -> Result<i32, Reason> {
        let from = self.number(Reg::R2)? as u32;
        let Value::Pointer(Region::Stack, to) = self.get(Reg::R3)? else {
            return Err(Reason::NotSuchAPointer(Reg::R3));
        };
        let len = usize::try_from(self.number(Reg::R4)?).map_err(|_| Reason::Call)?;
        if len == 0 {
            return Err(Reason::Call);
        }
        let to = stack_range(to, len)?;
        let start = from as usize;
        let is_in_range = i32::try_from(from).is_ok();
        match self.output.packet.get(start..start + len).filter(|_| is_in_range) {
            Some(loaded) => {
                for (place, &byte) in self.stack[to].iter_mut().zip(loaded) {
                    *place = Some(byte);
                }
                Ok(0)
            }
            None => {
                self.stack[to].fill(Some(0));
                Ok(-EFAULT)
            }
        }
    }

    /// `bpf_skb_change_head` (net/core/filter.c, v6.12). Pointers into the packet end with it.
    fn change_head(&mut self) -> Result<i32, Reason> {
        let len = self.number(Reg::R2)? as u32 as usize;
        let flags = self.number(Reg::R3)?;
        self.forget_packet_pointers();
        if flags != 0 || len > MAX_HEAD {
            return Ok(-EINVAL);
        }
        if !self.has_headroom {
            return Ok(-ENOMEM);
        }
        self.output.packet.splice(0..0, std::iter::repeat_n(0, len));
        Ok(0)
    }

    fn get(&self, reg: Reg) -> Result<Value, Reason> {
        match self.registers[reg as usize] {
            Value::Uninitialised => Err(Reason::UninitialisedRegister(reg)),
            value => Ok(value),
        }
    }

    fn number(&self, reg: Reg) -> Result<u64, Reason> {
        match self.get(reg)? {
            Value::Number(number) => Ok(number),
            _ => Err(Reason::NotANumber(reg)),
        }
    }

    fn operand(&self, operand: Operand) -> Result<Value, Reason> {
        match operand {
            Operand::Reg(reg) => self.get(reg),
            Operand::Imm(imm) => Ok(Value::Number(i64::from(imm).cast_unsigned())),
        }
    }

    fn set(&mut self, reg: Reg, value: Value) -> Result<(), Reason> {
        if reg == Reg::R10 {
            return Err(Reason::ReadOnly(Region::Stack));
        }
        self.registers[reg as usize] = value;
        Ok(())
    }

    fn address(&self, base: Reg, offset: i16) -> Result<(Region, i64), Reason> {
        match self.get(base)? {
            Value::Pointer(region, at) => at
                .checked_add(i64::from(offset))
                .map(|at| (region, at))
                .ok_or(Reason::OutOfBounds(region)),
            _ => Err(Reason::NotSuchAPointer(base)),
        }
    }
}

/// Where a program goes on.
enum Next {
    Following,
    Target,
    Exit,
}

fn bytes(size: Size) -> usize {
    match size {
        Size::Byte => 1,
        Size::Half => 2,
        Size::Word => 4,
        Size::Double => 8,
    }
}

/// `len` bytes from `at` on, if a region of `region_len` bytes has them.
fn range(region: Region, at: i64, len: usize, region_len: usize) -> Result<Range<usize>, Reason> {
    let range = usize::try_from(at).ok().and_then(|at| Some(at..at.checked_add(len)?));
    range.filter(|range| range.end <= region_len).ok_or(Reason::OutOfBounds(region))
}

/// The same of the stack, where `at` counts from the end.
fn stack_range(at: i64, len: usize) -> Result<Range<usize>, Reason> {
    range(Region::Stack, at.saturating_add(STACK_LEN as i64), len, STACK_LEN)
}

fn aligned(range: Range<usize>) -> Result<Range<usize>, Reason> {
    if range.start.is_multiple_of(range.len()) { Ok(range) } else { Err(Reason::Misaligned) }
}

fn copy(place: &mut [u8], region: Region, at: i64, from: &[u8]) -> Result<(), Reason> {
    place.copy_from_slice(&from[range(region, at, place.len(), from.len())?]);
    Ok(())
}

const STACK_LEN: usize = 512;

/// More than any packet may grow by.
const MAX_HEAD: usize = 65_535;

/// linux/netdevice.h
const NO_QUEUE_MAPPING: u32 = 0xffff;

const ENOMEM: i32 = 12;
const EFAULT: i32 = 14;
const EINVAL: i32 = 22;

/// Offsets in `struct __sk_buff` (linux/bpf.h).
mod field {
    pub(super) const LEN: i64 = 0;
    pub(super) const QUEUE_MAPPING: i64 = 12;
    pub(super) const VLAN_PRESENT: i64 = 20;
    pub(super) const VLAN_TCI: i64 = 24;
    pub(super) const VLAN_PROTO: i64 = 28;
    pub(super) const TC_INDEX: i64 = 44;
    pub(super) const HASH: i64 = 68;
    pub(super) const TC_CLASSID: i64 = 72;
    pub(super) const DATA: i64 = 76;
    pub(super) const DATA_END: i64 = 80;
}
