//! The runner does what instructions say, and refuses what no program may do.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use tunrss_bpf::ProgramKind::{self, SchedCls, SocketFilter};
use tunrss_bpf::asm::Asm;
use tunrss_bpf::insn::{AluOp, Cond, Helper, Reg, Section, Size};
use tunrss_testkit::runner::{Fault, Input, MAX_STEPS, Output, Reason, Region, Runner};

const PACKET: [u8; 6] = [1, 2, 3, 4, 5, 6];

const LEN: i16 = 0;
const QUEUE_MAPPING: i16 = 12;
const VLAN_PRESENT: i16 = 20;
const VLAN_TCI: i16 = 24;
const VLAN_PROTO: i16 = 28;
const TC_INDEX: i16 = 44;
const HASH: i16 = 68;
const TC_CLASSID: i16 = 72;
const DATA: i16 = 76;
const DATA_END: i16 = 80;

/// Run a program on [`PACKET`]. It starts with the context in r6, and ends by itself.
fn run_with(kind: ProgramKind, input: Input<'_>, write: impl FnOnce(&mut Asm)) -> Answer {
    let mut asm = Asm::new();
    asm.mov(Reg::R6, Reg::R1);
    write(&mut asm);
    asm.exit();
    let code = asm.assemble().unwrap();
    Runner::of_code(kind, &code, &[10, 11, 12, 13], &[20, 21]).run(&input)
}

fn run(kind: ProgramKind, write: impl FnOnce(&mut Asm)) -> Answer {
    run_with(kind, Input::new(&PACKET), write)
}

type Answer = Result<Output, Fault>;

fn value(kind: ProgramKind, write: impl FnOnce(&mut Asm)) -> Result<u32, Reason> {
    run(kind, write).map(|output| output.value).map_err(|fault| fault.reason)
}

fn refusal(kind: ProgramKind, write: impl FnOnce(&mut Asm)) -> Reason {
    let result = run(kind, |asm| {
        asm.mov(Reg::R0, 0);
        write(asm);
    });
    result.unwrap_err().reason
}

fn load_bytes(asm: &mut Asm, from: i32, to: i32, len: i32) {
    asm.mov(Reg::R1, Reg::R6);
    asm.mov(Reg::R2, from);
    asm.mov(Reg::R3, Reg::R10);
    asm.alu(AluOp::Add, Reg::R3, to);
    asm.mov(Reg::R4, len);
    asm.call(Helper::SkbLoadBytes);
}

fn change_head(asm: &mut Asm, len: i32, flags: i32) {
    asm.mov(Reg::R1, Reg::R6);
    asm.mov(Reg::R2, len);
    asm.mov(Reg::R3, flags);
    asm.call(Helper::SkbChangeHead);
}

#[test]
fn arithmetic_is_on_64_bits() {
    for (op, right, expected) in [
        (AluOp::Add, -1, 0x1234_5677),
        (AluOp::Sub, 0x78, 0x1234_5600),
        (AluOp::And, 0xff, 0x78),
        (AluOp::Lsh, 8, 0x3456_7800),
        (AluOp::Rsh, 16, 0x1234),
        (AluOp::Xor, -1, 0xedcb_a987),
        (AluOp::Mov, -1, u32::MAX),
    ] {
        let result = value(SocketFilter, |asm| {
            asm.mov(Reg::R0, 0x1234_5678);
            asm.alu(op, Reg::R0, right);
        });
        assert_eq!(result, Ok(expected), "{op:?}");
    }
    let upper_half = value(SocketFilter, |asm| {
        asm.mov(Reg::R0, -1);
        asm.alu(AluOp::Lsh, Reg::R0, 4);
        asm.alu(AluOp::Rsh, Reg::R0, 36);
    });
    assert_eq!(upper_half, Ok(0x0fff_ffff));
}

#[test]
fn comparisons_are_unsigned() {
    for (cond, left, right, expected) in [
        (Cond::Eq, 3, 3, true),
        (Cond::Ne, 3, 3, false),
        (Cond::Gt, -1, 3, true),
        (Cond::Ge, 3, 3, true),
        (Cond::Lt, 3, -1, true),
        (Cond::Lt, 3, 3, false),
        (Cond::Set, 6, 9, false),
        (Cond::Set, 6, 12, true),
    ] {
        let result = value(SocketFilter, |asm| {
            let end = asm.label("end");
            asm.mov(Reg::R0, 1);
            asm.mov(Reg::R1, left);
            asm.jump_if(cond, Reg::R1, right, end);
            asm.mov(Reg::R0, 0);
            asm.bind(end);
        });
        assert_eq!(result, Ok(u32::from(expected)), "{left} {cond:?} {right}");
    }
}

#[test]
fn stack_keeps_bytes_in_little_endian_order() {
    let result = value(SocketFilter, |asm| {
        asm.store(Size::Double, Reg::R10, -8, 0x0102_0304);
        asm.store(Size::Byte, Reg::R10, -7, 9);
        asm.load(Size::Word, Reg::R0, Reg::R10, -8);
    });
    assert_eq!(result, Ok(0x0102_0904));
}

#[test]
fn sections_are_read() {
    let result = value(SocketFilter, |asm| {
        asm.load_address(Reg::R1, Section::Rodata, 2);
        asm.load(Size::Half, Reg::R0, Reg::R1, 0);
        asm.load_address(Reg::R1, Section::Data, 0);
        asm.load(Size::Byte, Reg::R2, Reg::R1, 1);
        asm.alu(AluOp::Add, Reg::R0, Reg::R2);
    });
    assert_eq!(result, Ok(0x0d0c + 21));
}

#[test]
fn packet_is_copied_or_zeros_are() {
    let start = value(SocketFilter, |asm| {
        load_bytes(asm, 2, -8, 4);
        asm.load(Size::Word, Reg::R1, Reg::R10, -8);
        asm.alu(AluOp::Add, Reg::R0, Reg::R1);
    });
    assert_eq!(start, Ok(0x0605_0403));
    for from in [3, 6, 1000, -1] {
        let beyond = value(SocketFilter, |asm| {
            asm.store(Size::Word, Reg::R10, -8, -1);
            load_bytes(asm, from, -8, 4);
            asm.load(Size::Word, Reg::R1, Reg::R10, -8);
            asm.alu(AluOp::Add, Reg::R0, Reg::R1);
        });
        assert_eq!(beyond, Ok(-14_i32 as u32), "from {from}");
    }
}

#[test]
fn context_has_what_the_input_says() {
    let input = Input {
        vlan_tag: Some((0x88a8, 0x1234)),
        tc_index: 7,
        queue_mapping: 300,
        hash: 9,
        ..Input::new(&PACKET)
    };
    let fields = [
        (LEN, 6),
        (QUEUE_MAPPING, 300),
        (VLAN_PRESENT, 1),
        (VLAN_TCI, 0x1234),
        // As it is in the frame.
        (VLAN_PROTO, 0xa888),
        (TC_INDEX, 7),
        (HASH, 9),
    ];
    for (field, expected) in fields {
        for kind in [SocketFilter, SchedCls] {
            let output =
                run_with(kind, input, |asm| asm.load(Size::Word, Reg::R0, Reg::R6, field)).unwrap();
            assert_eq!(output.value, expected, "field {field}");
        }
    }
}

#[test]
fn helpers_answer_what_the_input_says() {
    let input = Input { cpu: 3, time: 1 << 33 | 5, ..Input::new(&PACKET) };
    let cpu = run_with(SocketFilter, input, |asm| asm.call(Helper::GetSmpProcessorId)).unwrap();
    assert_eq!(cpu.value, 3);
    let time = run_with(SocketFilter, input, |asm| {
        asm.call(Helper::KtimeGetNs);
        asm.alu(AluOp::Rsh, Reg::R0, 1);
    });
    assert_eq!(time.unwrap().value, 2);
    let hash = run(SchedCls, |asm| {
        asm.mov(Reg::R1, Reg::R6);
        asm.mov(Reg::R2, 77);
        asm.call(Helper::SetHash);
    });
    assert_eq!(hash.unwrap().hash, 77);
}

#[test]
fn packet_bytes_are_stored_from_the_stack() {
    let store = |at: i32, len: i32| {
        move |asm: &mut Asm| {
            asm.store(Size::Double, Reg::R10, -8, 0x0403_0201);
            asm.mov(Reg::R1, Reg::R6);
            asm.mov(Reg::R2, at);
            asm.mov(Reg::R3, Reg::R10);
            asm.alu(AluOp::Add, Reg::R3, -8);
            asm.mov(Reg::R4, len);
            asm.mov(Reg::R5, 0);
            asm.call(Helper::SkbStoreBytes);
        }
    };
    assert_eq!(run(SchedCls, store(2, 3)).unwrap().packet, [1, 2, 1, 2, 3, 6]);
    let beyond = run(SchedCls, store(4, 3)).unwrap();
    assert_eq!((beyond.value as i32, &beyond.packet[..]), (-14, &PACKET[..]));
    assert_eq!(refusal(SchedCls, store(0, 9)), Reason::OutOfBounds(Region::Stack));
}

/// A tag in the frame takes the place of the one beside it.
#[test]
fn tags_are_popped_one_by_one() {
    let pop = |asm: &mut Asm| {
        asm.mov(Reg::R1, Reg::R6);
        asm.call(Helper::SkbVlanPop);
    };
    let addresses = [7; 12];
    let rest = [8, 0, 0x45];
    let frame = [&addresses[..], &[0x81, 0, 0, 5], &rest].concat();
    let input = Input { vlan_tag: Some((0x88a8, 1)), ..Input::new(&frame) };
    for (pops, tci) in [(1, 5), (2, 0)] {
        let output = run_with(SchedCls, input, |asm| {
            (0..pops).for_each(|_| pop(asm));
            asm.load(Size::Word, Reg::R0, Reg::R6, VLAN_TCI);
        });
        let output = output.unwrap();
        assert_eq!(output.value, tci);
        assert_eq!(output.packet, [&addresses[..], &rest].concat());
    }
}

#[test]
fn counters_are_read_and_written() {
    let mut asm = Asm::new();
    asm.load_address(Reg::R1, Section::Bss, 8);
    asm.load(Size::Double, Reg::R0, Reg::R1, 0);
    asm.alu(AluOp::Add, Reg::R0, 3);
    asm.alu(AluOp::Mul, Reg::R0, 5);
    asm.store(Size::Double, Reg::R1, 0, Reg::R0);
    asm.exit();
    let code = asm.assemble().unwrap();
    let runner = Runner::of_code(SocketFilter, &code, &[], &[]).with_bss(16);
    let output = runner.run(&Input::new(&PACKET)).unwrap();
    assert_eq!(output.bss, [0, 0, 0, 0, 0, 0, 0, 0, 15, 0, 0, 0, 0, 0, 0, 0]);
    let fault = Runner::of_code(SocketFilter, &code, &[], &[]).run(&Input::new(&PACKET));
    assert_eq!(fault.unwrap_err().reason, Reason::OutOfBounds(Region::Section(Section::Bss)));
}

#[test]
fn classifier_grows_and_writes_the_packet() {
    let output = run(SchedCls, |asm| {
        let end = asm.label("end");
        asm.mov(Reg::R7, 5);
        asm.store(Size::Word, Reg::R6, QUEUE_MAPPING, Reg::R7);
        asm.store(Size::Word, Reg::R6, TC_CLASSID, Reg::R7);
        change_head(asm, 2, 0);
        asm.load(Size::Word, Reg::R1, Reg::R6, DATA);
        asm.load(Size::Word, Reg::R2, Reg::R6, DATA_END);
        asm.mov(Reg::R3, Reg::R1);
        asm.alu(AluOp::Add, Reg::R3, 8);
        asm.jump_if(Cond::Gt, Reg::R3, Reg::R2, end);
        asm.store(Size::Byte, Reg::R1, 1, Reg::R7);
        asm.bind(end);
    });
    let packet = vec![0, 5, 1, 2, 3, 4, 5, 6];
    let expected = Output {
        value: 0,
        queue_mapping: 5,
        hash: 0,
        tc_classid: 5,
        packet,
        bss: vec![],
        steps: 15,
    };
    assert_eq!(output, Ok(expected));
}

#[test]
fn head_that_cannot_grow_stays() {
    let full = Input { has_headroom: false, ..Input::new(&PACKET) };
    let output = run_with(SchedCls, full, |asm| change_head(asm, 8, 0)).unwrap();
    assert_eq!((output.value as i32, &output.packet[..]), (-12, &PACKET[..]));
    let output = run(SchedCls, |asm| change_head(asm, 8, 1)).unwrap();
    assert_eq!((output.value as i32, &output.packet[..]), (-22, &PACKET[..]));
}

#[test]
fn queue_that_says_none_is_not_noted() {
    let input = Input { queue_mapping: 3, ..Input::new(&PACKET) };
    for (queue, noted) in [(0xfffe, 0xfffe), (0xffff, 3), (0x1_0000, 3)] {
        let output = run_with(SchedCls, input, |asm| {
            asm.mov(Reg::R0, queue);
            asm.store(Size::Word, Reg::R6, QUEUE_MAPPING, Reg::R0);
        });
        assert_eq!(output.unwrap().queue_mapping, noted);
    }
}

#[test]
fn what_is_not_initialised_is_not_read() {
    let unset = Reason::UninitialisedRegister;
    assert_eq!(refusal(SocketFilter, |asm| asm.mov(Reg::R0, Reg::R5)), unset(Reg::R5));
    assert_eq!(refusal(SocketFilter, |asm| asm.alu(AluOp::Xor, Reg::R7, Reg::R7)), unset(Reg::R7));
    let lost_in_call = refusal(SocketFilter, |asm| {
        load_bytes(asm, 0, -8, 4);
        asm.mov(Reg::R0, Reg::R4);
    });
    assert_eq!(lost_in_call, unset(Reg::R4));
    let lost_with_head = refusal(SchedCls, |asm| {
        asm.load(Size::Word, Reg::R7, Reg::R6, DATA);
        change_head(asm, 8, 0);
        asm.load(Size::Byte, Reg::R0, Reg::R7, 0);
    });
    assert_eq!(lost_with_head, unset(Reg::R7));
    let half_written = refusal(SocketFilter, |asm| {
        asm.store(Size::Word, Reg::R10, -8, 0);
        asm.load(Size::Double, Reg::R0, Reg::R10, -8);
    });
    assert_eq!(half_written, Reason::UninitialisedStack);
}

#[test]
fn bounds_hold() {
    let out = Reason::OutOfBounds;
    for at in [-520, 0, 8] {
        let store = |asm: &mut Asm| asm.store(Size::Double, Reg::R10, at, 0);
        assert_eq!(refusal(SocketFilter, store), out(Region::Stack));
    }
    assert_eq!(refusal(SocketFilter, |asm| load_bytes(asm, 0, -4, 5)), out(Region::Stack));
    for (section, offset) in [(Section::Rodata, 1), (Section::Rodata, -1), (Section::Data, 0)] {
        let load = |asm: &mut Asm| {
            asm.load_address(Reg::R1, section, offset);
            asm.load(Size::Word, Reg::R0, Reg::R1, 0);
        };
        assert_eq!(refusal(SocketFilter, load), out(Region::Section(section)));
    }
    for offset in [-1, 6] {
        let load = |asm: &mut Asm| {
            asm.load(Size::Word, Reg::R1, Reg::R6, DATA);
            asm.load(Size::Byte, Reg::R0, Reg::R1, offset);
        };
        assert_eq!(refusal(SchedCls, load), out(Region::Packet));
    }
}

#[test]
fn what_is_read_only_stays() {
    for section in [Section::Rodata, Section::Data] {
        let store = |asm: &mut Asm| {
            asm.load_address(Reg::R1, section, 0);
            asm.store(Size::Byte, Reg::R1, 0, 0);
        };
        assert_eq!(refusal(SocketFilter, store), Reason::ReadOnly(Region::Section(section)));
    }
    let note = |asm: &mut Asm| asm.store(Size::Word, Reg::R6, QUEUE_MAPPING, Reg::R0);
    assert_eq!(refusal(SocketFilter, note), Reason::ReadOnly(Region::Context));
    let frame_pointer = |asm: &mut Asm| asm.alu(AluOp::Add, Reg::R10, 8);
    assert_eq!(refusal(SocketFilter, frame_pointer), Reason::ReadOnly(Region::Stack));
}

#[test]
fn pointers_are_no_numbers() {
    let exit = |asm: &mut Asm| asm.mov(Reg::R0, Reg::R6);
    assert_eq!(refusal(SocketFilter, exit), Reason::NotANumber(Reg::R0));
    let store = |asm: &mut Asm| asm.store(Size::Double, Reg::R10, -8, Reg::R6);
    assert_eq!(refusal(SocketFilter, store), Reason::NotANumber(Reg::R6));
    let load = |asm: &mut Asm| asm.load(Size::Byte, Reg::R0, Reg::R0, 0);
    assert_eq!(refusal(SocketFilter, load), Reason::NotSuchAPointer(Reg::R0));
    let context = |asm: &mut Asm| asm.alu(AluOp::Add, Reg::R6, 4);
    assert_eq!(refusal(SocketFilter, context), Reason::PointerArithmetic);
    let xor = |asm: &mut Asm| asm.alu(AluOp::Xor, Reg::R0, Reg::R10);
    assert_eq!(refusal(SocketFilter, xor), Reason::PointerArithmetic);
    let compare = |asm: &mut Asm| {
        let end = asm.label("end");
        asm.jump_if(Cond::Eq, Reg::R6, Reg::R10, end);
        asm.mov(Reg::R0, 1);
        asm.bind(end);
    };
    assert_eq!(refusal(SocketFilter, compare), Reason::PointerArithmetic);
}

#[test]
fn context_is_accessed_as_the_kernel_allows() {
    for field in [TC_CLASSID, DATA, DATA_END, 4] {
        let load = |asm: &mut Asm| asm.load(Size::Word, Reg::R0, Reg::R6, field);
        assert_eq!(refusal(SocketFilter, load), Reason::ContextField);
    }
    let half = |asm: &mut Asm| asm.load(Size::Half, Reg::R0, Reg::R6, LEN);
    assert_eq!(refusal(SchedCls, half), Reason::ContextField);
    let constant = |asm: &mut Asm| asm.store(Size::Word, Reg::R6, QUEUE_MAPPING, 1);
    assert_eq!(refusal(SchedCls, constant), Reason::ContextField);
    let index = |asm: &mut Asm| asm.store(Size::Word, Reg::R6, TC_INDEX, Reg::R0);
    assert_eq!(refusal(SchedCls, index), Reason::ContextField);
}

#[test]
fn other_mistakes_are_refused() {
    let misaligned = |asm: &mut Asm| asm.store(Size::Word, Reg::R10, -6, 0);
    assert_eq!(refusal(SocketFilter, misaligned), Reason::Misaligned);
    assert_eq!(refusal(SocketFilter, |asm| asm.alu(AluOp::Lsh, Reg::R0, 64)), Reason::Shift);
    assert_eq!(refusal(SocketFilter, |asm| load_bytes(asm, 0, -8, 0)), Reason::Call);
    assert_eq!(refusal(SocketFilter, |asm| change_head(asm, 8, 0)), Reason::Call);
    for helper in [Helper::SkbStoreBytes, Helper::SkbVlanPop, Helper::SetHash] {
        let call = |asm: &mut Asm| {
            asm.mov(Reg::R1, Reg::R6);
            asm.call(helper);
        };
        assert_eq!(refusal(SocketFilter, call), Reason::Call);
    }
    let context_lost = |asm: &mut Asm| {
        asm.mov(Reg::R6, 0);
        load_bytes(asm, 0, -8, 4);
    };
    assert_eq!(refusal(SocketFilter, context_lost), Reason::NotSuchAPointer(Reg::R1));
}

#[test]
fn endless_loop_ends() {
    let fault = run(SocketFilter, |asm| {
        let again = asm.here("again");
        asm.mov(Reg::R0, 0);
        asm.jump_if(Cond::Eq, Reg::R0, 0, again);
    });
    let fault = fault.unwrap_err();
    assert_eq!(fault.reason, Reason::TooManySteps);
    let text = format!("slot 2: if r0 == 0 goto -2: not done after {MAX_STEPS} instructions");
    assert_eq!(fault.to_string(), text);
}
