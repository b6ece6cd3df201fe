//! Programs that leave a trace in a frame, the frames, and tc to put other filters among them.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{self, Command};

use tunrss::bpf::asm::Asm;
use tunrss::bpf::insn::{AluOp, Cond, Reg, Size};
use tunrss::{Device, Queue};

use crate::traffic::{PacketSocket, Tap, deadline, read_all, wait};

/// Send a frame into the device and read it: the digits of the programs that it has passed.
pub(super) fn trace(tap: &Tap) -> u32 {
    trace_through(&tap.device, &tap.queues)
}

pub(super) fn trace_through(device: &Device, queues: &[Queue]) -> u32 {
    let frame = traced(process::id());
    PacketSocket::new(device).send(&frame).unwrap();
    let deadline = deadline();
    loop {
        assert!(wait(queues, deadline), "no frame came");
        let traces = read_all(queues).into_iter().filter_map(|packet| trace_of(&packet.frame));
        let traces: Vec<_> = traces.collect();
        if let [(trace, number)] = traces[..] {
            assert_eq!(number, process::id());
            return trace;
        }
        assert_eq!(traces, [], "one was sent");
    }
}

/// A frame to be traced, with a number.
pub(super) fn traced(number: u32) -> Vec<u8> {
    let mut frame = vec![0; 60];
    frame[..12].copy_from_slice(&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]);
    frame[12..14].copy_from_slice(&EXPERIMENTAL);
    frame[18..22].copy_from_slice(&number.to_le_bytes());
    frame
}

/// The digits and the number of a traced frame.
pub(super) fn trace_of(frame: &[u8]) -> Option<(u32, u32)> {
    let number = |at: usize| u32::from_le_bytes(frame[at..at + 4].try_into().unwrap());
    (frame[12..14] == EXPERIMENTAL).then(|| (number(14), number(18)))
}

/// An EtherType for local experiments.
const EXPERIMENTAL: [u8; 2] = [0x88, 0xb5];

/// Add a filter that gives a class, without an action, to frames whose first four bytes behind the
/// Ethernet header are all set in `mask`.
pub(super) fn add_u32(device: &Device, priority: u16, mask: &str) {
    if !tc(device, "qdisc show dev").contains("clsact") {
        tc_after(device, "qdisc add dev", "clsact");
    }
    let filter = format!("prio {priority} u32 match u32 {mask} {mask} flowid 1:5");
    tc_after(device, "filter add dev", &format!("egress protocol all {filter}"));
}

pub(super) fn tc(device: &Device, before: &str) -> String {
    tc_after(device, before, "")
}

/// Run tc with the device's name between words; the bytecode of a filter is one word.
pub(super) fn tc_after(device: &Device, before: &str, after: &str) -> String {
    let (after, bytecode) = after.split_once("bytecode ").unwrap_or((after, ""));
    let mut arguments: Vec<_> = before.split_whitespace().collect();
    arguments.push(device.name().as_str());
    arguments.extend(after.split_whitespace());
    if !bytecode.is_empty() {
        arguments.extend(["bytecode", bytecode]);
    }
    let output = Command::new("tc").args(&arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?} {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A program that writes `digit` into a traced frame and returns `action`.
pub(super) fn digit(digit: i32, action: i32) -> OwnedFd {
    program(&format!("digit_{digit:x}"), digit, 14, action)
}

/// A program that appends a hexadecimal digit to the little-endian number at `at`.
pub(super) fn program(name: &str, digit: i32, at: i16, action: i32) -> OwnedFd {
    load(SCHED_CLS, name, |asm| {
        let end = asm.label("end");
        // data and data_end of struct __sk_buff
        asm.load(Size::Word, Reg::R2, Reg::R1, 76);
        asm.load(Size::Word, Reg::R3, Reg::R1, 80);
        asm.mov(Reg::R4, Reg::R2);
        asm.alu(AluOp::Add, Reg::R4, i32::from(at) + 4);
        asm.jump_if(Cond::Gt, Reg::R4, Reg::R3, end);
        asm.load(Size::Word, Reg::R5, Reg::R2, at);
        asm.alu(AluOp::Lsh, Reg::R5, 4);
        asm.alu(AluOp::Xor, Reg::R5, digit);
        asm.store(Size::Word, Reg::R2, at, Reg::R5);
        asm.bind(end);
        asm.mov(Reg::R0, action);
    })
}

/// Load the program that `write` writes, but for its end.
pub(crate) fn load(program_type: u32, name: &str, write: impl FnOnce(&mut Asm)) -> OwnedFd {
    let mut asm = Asm::new();
    write(&mut asm);
    asm.exit();
    load_code(program_type, name, &asm.assemble().unwrap().encode())
}

/// `BPF_PROG_LOAD`
pub(crate) fn load_code(program_type: u32, name: &str, code: &[u8]) -> OwnedFd {
    #[derive(Default)]
    #[repr(C)]
    struct LoadAttr {
        program_type: u32,
        insn_cnt: u32,
        insns: u64,
        license: u64,
        log_level: u32,
        log_size: u32,
        log_buf: u64,
        kern_version: u32,
        prog_flags: u32,
        prog_name: [u8; 16],
    }
    let mut attr = LoadAttr {
        program_type,
        insn_cnt: code.len() as u32 / 8,
        insns: code.as_ptr().expose_provenance() as u64,
        license: c"GPL".as_ptr().expose_provenance() as u64,
        ..LoadAttr::default()
    };
    attr.prog_name[..name.len()].copy_from_slice(name.as_bytes());
    // SAFETY: bpf reads as many bytes of the attr as it is told, `insn_cnt` instructions of 8 bytes
    // and a license up to its zero byte; all live past the call, and no pointer is kept.
    let fd = unsafe {
        libc::syscall(libc::SYS_bpf, BPF_PROG_LOAD, &raw const attr, size_of::<LoadAttr>())
    };
    assert!(fd >= 0, "{name}: {}", io::Error::last_os_error());
    // SAFETY: the kernel has just made it, and nobody else knows of it.
    unsafe { OwnedFd::from_raw_fd(fd as i32) }
}

// linux/bpf.h
const BPF_PROG_LOAD: libc::c_long = 5;
pub(crate) const SOCKET_FILTER: u32 = 1;
pub(crate) const SCHED_CLS: u32 = 3;

// linux/pkt_cls.h
pub(crate) const NEXT: i32 = -1;
pub(super) const OK: i32 = 0;
pub(super) const SHOT: i32 = 2;
pub(super) const PIPE: i32 = 3;
pub(super) const REDIRECT: i32 = 7;
