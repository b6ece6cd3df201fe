//! The Toeplitz hash of the input in the window: one table word an input byte.
//!
//! A transformation of the input is done in the window, before. The words are computed with the key,
//! at compile time: 256 of them a position, so that a byte costs one lookup.

use std::ops::Range;

use tunrss_hash::{InputTransform, SteeringConfig};

use super::{Lowering, Outcome};
use crate::asm::Label;
use crate::insn::{AluOp, Reg, Section, Size};

/// Where hashing starts: with the ports, or at the addresses with r0 = 0.
#[derive(Clone, Copy)]
pub(super) struct HashLabels {
    pub(super) ports: Label,
    pub(super) addresses: Label,
}

impl HashLabels {
    pub(super) fn new(
        lowering: &mut Lowering<'_>,
        ports: &'static str,
        addresses: &'static str,
    ) -> Self {
        Self { ports: lowering.asm.label(ports), addresses: lowering.asm.label(addresses) }
    }
}

impl Lowering<'_> {
    /// Hash IPv4 addresses and ports, which stand where they do in a header without options.
    pub(super) fn hash_v4(&mut self, labels: HashLabels) {
        self.hash(labels, self.ip(12), 8);
    }

    /// Hash IPv6 addresses and ports, which stand where they do without extension headers.
    pub(super) fn hash_v6(&mut self, labels: HashLabels) {
        self.hash(labels, self.ip(8), 32);
    }

    fn hash(&mut self, labels: HashLabels, input: i16, addresses_len: i16) {
        if usize::from(addresses_len.unsigned_abs()) + 4 <= self.config.types().longest_input() {
            self.asm.bind(labels.ports);
            self.transform(input + addresses_len, 2);
            self.asm.mov(Reg::R0, 0);
            self.add_words(input, addresses_len..addresses_len + 4);
        }
        self.asm.bind(labels.addresses);
        self.transform(input, addresses_len / 2);
        self.add_words(input, 0..addresses_len);
    }

    /// Whether addresses and ports are transformed before they are hashed.
    pub(super) fn transforms(&self) -> bool {
        self.config.transform() != InputTransform::None
    }

    /// Transform the two fields of `len` bytes each that stand at `first` on the stack, in place.
    fn transform(&mut self, first: i16, len: i16) {
        let combined = match self.config.transform() {
            InputTransform::None => return,
            InputTransform::SymmetricXor => AluOp::Xor,
            InputTransform::SymmetricOrXor => AluOp::Or,
        };
        self.asm.comment(format!("{} of {len} bytes", self.config.transform()));
        // Behind an Ethernet header no more than 2 bytes are aligned.
        for source in (first..first + len).step_by(2) {
            let destination = source + len;
            self.load_stack(Size::Half, Reg::R1, source);
            self.load_stack(Size::Half, Reg::R2, destination);
            self.asm.mov(Reg::R3, Reg::R1);
            self.asm.alu(combined, Reg::R1, Reg::R2);
            self.asm.alu(AluOp::Xor, Reg::R2, Reg::R3);
            self.asm.store(Size::Half, Reg::R10, source, Reg::R1);
            self.asm.store(Size::Half, Reg::R10, destination, Reg::R2);
        }
    }

    /// XOR into r0 what the input bytes at `positions` add to the hash.
    fn add_words(&mut self, input: i16, positions: Range<i16>) {
        let start = positions.start;
        let word = word_size(self.config, self.outcome);
        let words_len = 256 * word.bytes();
        self.asm.comment(format!("hash input bytes {start} to {}", positions.end - 1));
        self.asm.load_address(Reg::R1, Section::Rodata, i32::from(start) * i32::from(words_len));
        for position in positions {
            self.load_stack(Size::Byte, Reg::R2, input + position);
            if word != Size::Byte {
                self.asm.alu(AluOp::Lsh, Reg::R2, word.bytes().ilog2() as i32);
            }
            self.asm.alu(AluOp::Add, Reg::R2, Reg::R1);
            // At most 32 positions, so the offset has 16 bits.
            self.asm.load(word, Reg::R2, Reg::R2, (position - start) * words_len);
            self.asm.alu(AluOp::Xor, Reg::R0, Reg::R2);
        }
    }
}

/// The words for every position and value that the enabled types can need: the `.rodata` section.
pub(crate) fn words(config: &SteeringConfig<&[u16]>, outcome: Outcome) -> Vec<u8> {
    let bytes = usize::from(word_size(config, outcome).bytes().unsigned_abs());
    (0..config.types().longest_input())
        .flat_map(|position| (0..=255).map(move |byte| config.toeplitz().word(position, byte)))
        .flat_map(|word| word.to_le_bytes().into_iter().take(bytes))
        .collect()
}

/// How much of the words is kept. The table is indexed with the low bits of the hash, so where
/// nothing else is done with it the other bits need not be computed: a quarter of the cache lines,
/// and no multiplication of an index.
pub(super) fn word_size(config: &SteeringConfig<&[u16]>, outcome: Outcome) -> Size {
    match outcome {
        Outcome::Report { .. } => Size::Word,
        Outcome::ReturnQueue | Outcome::SetHash | Outcome::Pass => {
            if config.table().len() <= 1 << 8 { Size::Byte } else { Size::Half }
        }
    }
}
