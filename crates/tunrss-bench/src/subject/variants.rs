//! Ways to read and to hash that were tried for the generated programs, beside the one that is used.
//!
//! A program without table is the slower one while the caches know the table, and by far the faster
//! one when they do not. It pays for each bit of the index, so it is not for reports, which take 32.

use anyhow::{Result, ensure};
use tunrss_bpf::asm::Asm;
use tunrss_bpf::insn::{AluOp, Cond, Helper, Reg, Section as DataSection, Size};
use tunrss_bpf::{Object, Program, ProgramKind};
use tunrss_hash::toeplitz::{Toeplitz, bit_serial};
use tunrss_hash::{HashKey, Link};
use tunrss_testkit::packet::{Network, Packet};

use super::steering::{Caches, PACKETS, single_runs, tcp, v4, v6};
use crate::contest::{Contest, Effort};
use crate::program::Runnable;
use crate::record::Section;

pub(crate) fn run(effort: Effort) -> Result<Section> {
    let mut section = Section {
        name: "variants".to_owned(),
        title: "Ways to hash in a program: why the one that is used".to_owned(),
        unit: "ns a packet".to_owned(),
        notes: vec![
            "the programs load the headers into the stack, hash addresses and ports, and return \
             what indexes a table of 128 entries; results compared with bit-serial hashing before \
             anything is timed"
                .to_owned(),
            format!("used: {USED}"),
            "at the tc hook: the hook itself, and the steering program that returns the noted queue, \
             come on top"
                .to_owned(),
        ],
        ..Section::default()
    };
    let empty = Runnable::empty(ProgramKind::SocketFilter)?;
    for shape in SHAPES {
        let loads = shape.loads()?;
        let programs = shape.programs()?;
        let (at_tc_hook, empty_at_tc_hook) =
            (shape.at_tc_hook()?, Runnable::empty(ProgramKind::SchedCls)?);
        shape.check(AT_TC_HOOK, &at_tc_hook)?;
        let frame = shape.frame(0);
        let mut contest = Contest::new(shape.name);
        contest = contest.contender(EMPTY, |times| empty.repeat(&frame, times));
        for (name, program) in loads.iter().chain(&programs) {
            contest = contest.contender(*name, |times| program.repeat(&frame, times));
        }
        contest =
            contest.contender(EMPTY_AT_TC_HOOK, |times| empty_at_tc_hook.repeat(&frame, times));
        contest = contest.contender(AT_TC_HOOK, |times| at_tc_hook.repeat(&frame, times));
        section.measured.extend(contest.run(effort.in_short_turns())?.measured());
        let mut contest = Contest::new(format!("{}, cold caches", shape.name));
        contest = single_runs(contest, EMPTY, &empty, shape.inputs(&empty)?, Caches::Cold);
        for (name, program) in &programs {
            contest = single_runs(contest, name, program, shape.inputs(program)?, Caches::Cold);
        }
        let outcome = contest.run(Caches::Cold.effort(effort))?;
        section.measured.extend(outcome.measured());
        for (name, _) in programs.iter().filter(|&&(name, _)| name != USED) {
            section.ratios.push(outcome.net_ratio(USED, name, EMPTY)?);
        }
    }
    Ok(section)
}

const EMPTY: &str = "empty";
const EMPTY_AT_TC_HOOK: &str = "empty, at the tc hook";
const AT_TC_HOOK: &str = "as used, packet read in place at the tc hook";
const USED: &str = "bytes, words of 8 bits";
const KEY: HashKey = HashKey::MICROSOFT;
/// What is used of the hash.
const HASH_BITS: i32 = 7;

/// Where the frame stands on the stack: two bytes off, so that the IP header is aligned.
const WINDOW: i16 = -74;

/// What is hashed.
struct Shape {
    name: &'static str,
    network: fn(u32) -> Network,
    /// Where addresses and ports, one behind the other, stand in the frame.
    input: i16,
    input_len: i16,
}

const SHAPES: [Shape; 2] = [
    Shape { name: "12 bytes, IPv4", network: |seed| v4(seed).into(), input: 26, input_len: 12 },
    Shape { name: "36 bytes, IPv6", network: |seed| v6(seed).into(), input: 22, input_len: 36 },
];

impl Shape {
    fn frame(&self, seed: u32) -> Vec<u8> {
        let mut frame = Packet::new((self.network)(seed), tcp(seed)).to_bytes(Link::Ethernet);
        frame.resize(frame.len().max(60), 0);
        frame
    }

    fn inputs(&self, program: &Runnable) -> Result<Vec<Vec<u8>>> {
        (0..PACKETS).map(|seed| program.input(&self.frame(seed))).collect()
    }

    /// The program that only reads, in one call or in three.
    fn loads(&self) -> Result<[(&'static str, Runnable); 2]> {
        let end = self.input + self.input_len;
        let ports = end - 4;
        let program = |pieces: &[(i16, i16)]| {
            let mut asm = Asm::new();
            load(&mut asm, pieces);
            asm.exit();
            Runnable::assemble("load", ProgramKind::SocketFilter, asm)
        };
        Ok([
            ("no hash, headers by one call", program(&[(0, end)])?),
            ("no hash, headers by three calls", program(&[(0, 14), (14, ports), (ports, end)])?),
        ])
    }

    /// The programs that hash, each in another way, seen to give the right answers.
    fn programs(&self) -> Result<Vec<(&'static str, Runnable)>> {
        let mut programs = vec![];
        let byte = |word| Lookup { word, nibbles: false };
        let ways = [
            (USED, Way::Lookups(byte(Size::Byte))),
            ("bytes, words of 32 bits", Way::Lookups(byte(Size::Word))),
            ("nibbles, words of 8 bits", Way::Lookups(Lookup { word: Size::Byte, nibbles: true })),
            ("bytes of 4 in a register, words of 8 bits", Way::FourBytes),
            ("immediates, no table", Way::Immediates),
        ];
        for (name, way) in ways {
            let program = self.program(way)?;
            self.check(name, &program)?;
            programs.push((name, program));
        }
        Ok(programs)
    }

    fn check(&self, name: &str, program: &Runnable) -> Result<()> {
        for seed in 0..PACKETS {
            let frame = self.frame(seed);
            let [from, to] = [self.input, self.input + self.input_len].map(usize::try_from);
            let input = frame.get(from?..to?).unwrap_or_default();
            let expected = bit_serial(&KEY, input) & ((1 << HASH_BITS) - 1);
            let (found, _) = program.run(&frame, 1)?;
            ensure!(found == expected, "{}, {name}: {found}, not {expected}", self.name);
        }
        Ok(())
    }

    /// The program for a tc hook that reads the packet where it is and notes what indexes the table
    /// in the packet, for a steering program to return.
    fn at_tc_hook(&self) -> Result<Runnable> {
        // struct __sk_buff
        const QUEUE_MAPPING: i16 = 12;
        const DATA: i16 = 76;
        const DATA_END: i16 = 80;
        let mut asm = Asm::new();
        let cut_off = asm.label("cut_off");
        asm.mov(Reg::R6, Reg::R1);
        asm.mov(Reg::R0, 0);
        asm.load(Size::Word, Reg::R7, Reg::R6, DATA);
        asm.load(Size::Word, Reg::R8, Reg::R6, DATA_END);
        asm.mov(Reg::R1, Reg::R7);
        asm.alu(AluOp::Add, Reg::R1, i32::from(self.input + self.input_len));
        asm.jump_if(Cond::Gt, Reg::R1, Reg::R8, cut_off);
        let lookup = Lookup { word: Size::Byte, nibbles: false };
        let input = (Reg::R7, self.input);
        let words = lookup.emit(&mut asm, &Toeplitz::new(&KEY), input, self.input_len)?;
        asm.alu(AluOp::And, Reg::R0, (1 << HASH_BITS) - 1);
        asm.store(Size::Word, Reg::R6, QUEUE_MAPPING, Reg::R0);
        asm.bind(cut_off);
        asm.exit();
        let program = Program::from_code("at_tc_hook", ProgramKind::SchedCls, asm.assemble()?);
        Runnable::of(&Object::from_parts(vec![program], words, vec![0; 8]))
    }

    fn program(&self, way: Way) -> Result<Runnable> {
        let mut asm = Asm::new();
        load(&mut asm, &[(0, self.input + self.input_len)]);
        asm.mov(Reg::R0, 0);
        let input = WINDOW + self.input;
        let table = Toeplitz::new(&KEY);
        let words = match way {
            Way::Lookups(lookup) => {
                lookup.emit(&mut asm, &table, (Reg::R10, input), self.input_len)?
            }
            Way::FourBytes => four_bytes(&mut asm, &table, input, self.input_len)?,
            Way::Immediates => {
                let (asm, table, len) = (&mut asm, &table, self.input_len);
                Immediates { asm, table, input, len }.emit();
                vec![]
            }
        };
        asm.alu(AluOp::And, Reg::R0, (1 << HASH_BITS) - 1);
        asm.exit();
        let program = Program::from_code("hash", ProgramKind::SocketFilter, asm.assemble()?);
        Runnable::of(&Object::from_parts(vec![program], words, vec![0; 8]))
    }
}

/// A way to hash.
#[derive(Clone, Copy)]
enum Way {
    Lookups(Lookup),
    FourBytes,
    Immediates,
}

/// A word looked up for each byte, or for each nibble.
#[derive(Clone, Copy)]
struct Lookup {
    word: Size,
    nibbles: bool,
}

impl Lookup {
    /// Emit it; return the table.
    ///
    /// The input is at an offset from a register.
    fn emit(
        self,
        asm: &mut Asm,
        table: &Toeplitz,
        (base, input): (Reg, i16),
        len: i16,
    ) -> Result<Vec<u8>> {
        let mut words = vec![];
        for position in 0..len {
            // How to take a part out of the byte, and what the byte can be for it.
            let parts: &[_] = if self.nibbles {
                let high: Vec<_> = (0..16).map(|high| high << 4).collect();
                &[(Some((AluOp::Rsh, 4)), high), (Some((AluOp::And, 15)), (0..16).collect())]
            } else {
                &[(None, (0..=255).collect())]
            };
            for (take, values) in parts {
                // As far as the offset of a load reaches.
                let reach = usize::try_from(i16::MAX)? + 1;
                if words.len() % reach == 0 {
                    asm.load_address(Reg::R1, DataSection::Rodata, i32::try_from(words.len())?);
                }
                asm.load(Size::Byte, Reg::R2, base, input + position);
                if let &Some((op, number)) = take {
                    asm.alu(op, Reg::R2, number);
                }
                if self.word != Size::Byte {
                    asm.alu(AluOp::Lsh, Reg::R2, self.word.bytes().ilog2() as i32);
                }
                asm.alu(AluOp::Add, Reg::R2, Reg::R1);
                asm.load(self.word, Reg::R2, Reg::R2, i16::try_from(words.len() % reach)?);
                asm.alu(AluOp::Xor, Reg::R0, Reg::R2);
                for &value in values {
                    let word = table.word(usize::try_from(position)?, value).to_le_bytes();
                    words.extend(word.iter().take(usize::try_from(self.word.bytes())?));
                }
            }
        }
        Ok(words)
    }
}

/// A word of 8 bits looked up for each byte, the bytes taken out of registers in place of the stack.
fn four_bytes(asm: &mut Asm, table: &Toeplitz, input: i16, len: i16) -> Result<Vec<u8>> {
    asm.load_address(Reg::R1, DataSection::Rodata, 0);
    let mut words = vec![];
    for position in 0..len {
        let byte = position % 4;
        if byte == 0 {
            asm.load(Size::Word, Reg::R3, Reg::R10, input + position);
        }
        asm.mov(Reg::R2, Reg::R3);
        if byte > 0 {
            asm.alu(AluOp::Rsh, Reg::R2, 8 * i32::from(byte));
        }
        if byte < 3 {
            asm.alu(AluOp::And, Reg::R2, 255);
        }
        asm.alu(AluOp::Add, Reg::R2, Reg::R1);
        asm.load(Size::Byte, Reg::R2, Reg::R2, i16::try_from(words.len())?);
        asm.alu(AluOp::Xor, Reg::R0, Reg::R2);
        let low = |value| table.word(usize::from(position.unsigned_abs()), value) as u8;
        words.extend((0..=255).map(low));
    }
    Ok(words)
}

/// Each bit of the hash is the parity of the input bits that the key selects for it. The parities are
/// computed together, as those of a matrix that is transposed on the way.
struct Immediates<'a> {
    asm: &'a mut Asm,
    table: &'a Toeplitz,
    input: i16,
    len: i16,
}

impl Immediates<'_> {
    fn emit(mut self) {
        self.bits(0, 3, [Reg::R0, Reg::R2, Reg::R3, Reg::R4]);
        for half in [16, 8] {
            self.asm.mov(Reg::R1, Reg::R0);
            self.asm.alu(AluOp::Rsh, Reg::R1, half);
            self.asm.alu(AluOp::Xor, Reg::R0, Reg::R1);
        }
    }

    /// Put into the first register the 1 << `level` bits of the hash from `first` on: each group of
    /// so many bits in it, XORed, is they.
    fn bits(&mut self, first: i32, level: u32, registers: [Reg; 4]) {
        let [dst, other, spare, last] = registers;
        let Some(below) = level.checked_sub(1) else {
            self.selected(first, dst);
            return;
        };
        let half = 1 << below;
        let low = [0x5555_5555, 0x3333_3333, 0x0f0f_0f0f][below as usize];
        self.bits(first, below, registers);
        self.asm.mov(Reg::R1, dst);
        self.asm.alu(AluOp::Rsh, Reg::R1, half);
        self.asm.alu(AluOp::Xor, dst, Reg::R1);
        self.asm.alu(AluOp::And, dst, low);
        if first + half < HASH_BITS {
            self.bits(first + half, below, [other, spare, last, dst]);
            self.asm.mov(Reg::R1, other);
            self.asm.alu(AluOp::Lsh, Reg::R1, half);
            self.asm.alu(AluOp::Xor, other, Reg::R1);
            self.asm.alu(AluOp::And, other, !low);
            self.asm.alu(AluOp::Or, dst, other);
        }
    }

    /// XOR into one the words of the input, of each the bits selected for this bit of the hash.
    fn selected(&mut self, bit: i32, dst: Reg) {
        for start in (0..self.len).step_by(4) {
            let mut selected = 0_u32;
            for place in 0..32_u16 {
                let position = usize::from(start.unsigned_abs() + place / 8);
                selected |= (self.table.word(position, 1 << (place % 8)) >> bit & 1) << place;
            }
            let word = if start == 0 { dst } else { Reg::R1 };
            self.asm.load(Size::Word, word, Reg::R10, self.input + start);
            self.asm.alu(AluOp::And, word, selected.cast_signed());
            if start > 0 {
                self.asm.alu(AluOp::Xor, dst, word);
            }
        }
    }
}

/// Load these ranges of the frame to where they stand on the stack.
fn load(asm: &mut Asm, ranges: &[(i16, i16)]) {
    asm.mov(Reg::R6, Reg::R1);
    for &(from, to) in ranges {
        asm.mov(Reg::R1, Reg::R6);
        asm.mov(Reg::R2, i32::from(from));
        asm.mov(Reg::R3, Reg::R10);
        asm.alu(AluOp::Add, Reg::R3, i32::from(WINDOW + from));
        asm.mov(Reg::R4, i32::from(to - from));
        asm.call(Helper::SkbLoadBytes);
    }
}
