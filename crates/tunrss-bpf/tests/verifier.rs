//! What the programs owe the verifiers of other kernels than the one the tests run on.

use std::collections::BTreeSet;

use tunrss_bpf::insn::{AluOp, Cond, Helper, Insn, Operand, Reg};
use tunrss_bpf::{Driver, Object, Program, ReportMode, State};
use tunrss_hash::{HashKey, HashTypes, Link, SteeringConfig, TunnelTypes};

/// What a verifier knows of a register that holds a difference of two others, which may be negative
/// for all it can tell.
///
/// Linux 7.2 keeps one range of a register, an arc of the circle of all 64-bit numbers (`struct
/// cnum64`, include/linux/cnum.h). An arc that crosses 0 is cut in two by a lower bound: that cannot be
/// kept, and the bound is forgotten. An upper bound leaves one piece, which every later bound makes
/// smaller. Kernels before it kept signed and unsigned bounds apart and took either order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Known {
    /// The arc crosses 0. A lower bound, if there was one, is forgotten.
    Nothing,
    /// From 0 to some bound.
    UpperBound,
    /// Between two bounds.
    BothBounds,
}

impl Known {
    /// After a comparison with a constant that shows that the register is less.
    fn is_less(self) -> Self {
        self.max(Self::UpperBound)
    }

    /// After one that shows that it is not less.
    fn is_not_less(self) -> Self {
        if self == Self::Nothing { Self::Nothing } else { Self::BothBounds }
    }
}

/// Every length that is computed as a difference and given to a helper is known to be neither 0 nor too
/// large, even to a verifier that forgets a lower bound which comes before the upper one.
#[test]
fn differences_are_bounded_from_above_first() {
    let single_types = HashTypes::NAMES.map(|(_, one)| one).into_iter();
    let single_tunnels = TunnelTypes::NAMES.map(|(_, one)| one).into_iter();
    let tunnels: Vec<_> = single_tunnels.chain([TunnelTypes::NONE, TunnelTypes::ALL]).collect();
    let mut lengths = 0;
    for types in single_types.chain([HashTypes::BASIC, HashTypes::ALL]) {
        for &tunnels in &tunnels {
            let config = SteeringConfig::new(types, HashKey::MICROSOFT, vec![0, 1], 0).unwrap();
            let config = config.with_tunnels(tunnels);
            for link in [Link::Ethernet, Link::Ip] {
                let tun = |report| State::new(&config, link, report);
                let macvtap = State { driver: Driver::Macvtap, ..tun(ReportMode::Off) };
                for state in [tun(ReportMode::Off), tun(ReportMode::Kernel), macvtap] {
                    for program in Object::new(&state).unwrap().programs() {
                        let found = lengths_from_differences(program);
                        assert!(
                            found.iter().all(|&(_, known)| known == Known::BothBounds),
                            "{types} {tunnels} {link:?}: {found:?}\n{program}"
                        );
                        lengths += found.len();
                    }
                }
            }
        }
    }
    println!("{lengths} lengths");
    assert!(lengths > 500, "{lengths} lengths");
}

/// The calls that get a difference of two registers as a length, by their slot, and what is known of
/// the length there, on every path.
fn lengths_from_differences(program: &Program) -> BTreeSet<(usize, Known)> {
    let insns = program.code().insns();
    let mut slots = vec![];
    for insn in insns {
        slots.extend([*insn].into_iter().chain((1..insn.slots()).map(|_| *insn)));
    }
    let mut lengths = BTreeSet::new();
    for (start, insn) in slots.iter().enumerate() {
        if let Insn::Alu { op: AluOp::Sub, dst, src: Operand::Reg(_) } = *insn {
            follow(&slots, start + 1, dst, &mut lengths);
        }
    }
    lengths
}

/// Follow `register` from slot `start` on along all paths, until something else is put into it.
fn follow(slots: &[Insn], start: usize, register: Reg, lengths: &mut BTreeSet<(usize, Known)>) {
    let mut seen = BTreeSet::new();
    let mut next = vec![(start, register as u8, Known::Nothing)];
    while let Some(place) = next.pop() {
        if !seen.insert(place) {
            continue;
        }
        let (slot, holder, known) = place;
        let after = slot + slots[slot].slots();
        let is_holder = |reg: Reg| reg as u8 == holder;
        match slots[slot] {
            Insn::Alu { op: AluOp::Mov, dst, src: Operand::Reg(src) } if is_holder(src) => {
                next.extend([(after, holder, known), (after, dst as u8, known)]);
            }
            // Of what becomes of it by arithmetic no bound is known.
            Insn::Alu { op, dst, .. } if is_holder(dst) && op != AluOp::Mov => {
                next.push((after, holder, Known::Nothing));
            }
            Insn::Alu { dst, .. } | Insn::Load { dst, .. } | Insn::LoadAddress { dst, .. }
                if is_holder(dst) => {}
            Insn::Call(Helper::SkbLoadBytes | Helper::SkbStoreBytes) if is_holder(Reg::R4) => {
                lengths.insert((slot, known));
            }
            Insn::Call(_) if holder <= Reg::R5 as u8 => {}
            Insn::JumpIf { cond, dst, src, offset } => {
                let (jumps, passes) = match (cond, src) {
                    (Cond::Lt, Operand::Imm(_)) if is_holder(dst) => {
                        (known.is_less(), known.is_not_less())
                    }
                    (Cond::Ge | Cond::Gt, Operand::Imm(_)) if is_holder(dst) => {
                        (known.is_not_less(), known.is_less())
                    }
                    _ => (known, known),
                };
                next.push((after.strict_add_signed(offset.into()), holder, jumps));
                next.push((after, holder, passes));
            }
            Insn::Jump { offset } => {
                next.push((after.strict_add_signed(offset.into()), holder, known));
            }
            Insn::Exit => {}
            _ => next.push((after, holder, known)),
        }
    }
}
