//! The object file: what aya, libbpf and bpftool load as it is.

use std::ffi::CStr;

use object::write::{
    Object as Writer, Relocation, SectionId, StandardSection, Symbol, SymbolSection,
};
use object::{
    Architecture, BinaryFormat, Endianness, RelocationFlags, SectionKind, SymbolFlags, SymbolKind,
    SymbolScope, elf,
};

use crate::insn::{Insn, Section};
use crate::program::{Object, Program, ProgramKind};

impl Object {
    /// The license that the kernel is told. Helpers that only GPL-compatible programs may call are
    /// open to it.
    pub const LICENSE: &CStr = c"Dual MIT/GPL";

    /// A relocatable ELF object for a little-endian machine. It holds no BTF: its maps are the
    /// plain data sections.
    ///
    /// # Errors
    /// [`ElfError`] is a mistake in this crate; no configuration should cause one.
    pub fn to_elf(&self) -> Result<Vec<u8>, ElfError> {
        let mut writer = Writer::new(BinaryFormat::Elf, Architecture::Bpf, Endianness::Little);
        let license = writer.add_section(vec![], b"license".to_vec(), SectionKind::Data);
        writer.append_section_data(license, Self::LICENSE.to_bytes_with_nul(), 1);
        let data = writer.section_id(StandardSection::Data);
        writer.append_section_data(data, self.data(), 8);
        let rodata = (!self.rodata().is_empty()).then(|| {
            let rodata = writer.section_id(StandardSection::ReadOnlyData);
            writer.append_section_data(rodata, self.rodata(), 8);
            rodata
        });
        let bss = (self.bss_len() > 0).then(|| {
            let bss = writer.section_id(StandardSection::UninitializedData);
            writer.append_section_bss(bss, self.bss_len() as u64, 8);
            bss
        });
        let data_sections = DataSections { data, rodata, bss };
        for kind in [ProgramKind::SocketFilter, ProgramKind::SchedCls] {
            let mut programs = self.programs().iter().filter(|program| program.kind() == kind);
            let Some(first) = programs.next() else { continue };
            let name = kind.section().as_bytes().to_vec();
            let code = writer.add_section(vec![], name, SectionKind::Text);
            for program in std::iter::once(first).chain(programs) {
                add_program(&mut writer, code, program, &data_sections).map_err(ElfError)?;
            }
        }
        writer.write().map_err(ElfError)
    }
}

struct DataSections {
    data: SectionId,
    rodata: Option<SectionId>,
    bss: Option<SectionId>,
}

fn add_program(
    writer: &mut Writer<'_>,
    section: SectionId,
    program: &Program,
    data_sections: &DataSections,
) -> Result<(), object::write::Error> {
    let code = program.code();
    let start = writer.append_section_data(section, &code.encode(), 8);
    writer.add_symbol(Symbol {
        name: program.name().as_bytes().to_vec(),
        value: start,
        size: 8 * code.slots() as u64,
        kind: SymbolKind::Text,
        scope: SymbolScope::Linkage,
        weak: false,
        section: SymbolSection::Section(section),
        flags: SymbolFlags::None,
    });
    let mut offset = start;
    for insn in code.insns() {
        if let Insn::LoadAddress { section: target, .. } = insn {
            let target = match target {
                Section::Data => Some(data_sections.data),
                Section::Rodata => data_sections.rodata,
                Section::Bss => data_sections.bss,
            };
            if let Some(target) = target {
                let symbol = writer.section_symbol(target);
                let flags = RelocationFlags::Elf { r_type: elf::R_BPF_64_64 };
                // The offset in the section stands in the instruction itself.
                let relocation = Relocation { offset, symbol, addend: 0, flags };
                writer.add_relocation(section, relocation)?;
            }
        }
        offset += 8 * insn.slots() as u64;
    }
    Ok(())
}

/// An object file that could not be written: our bug.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ElfError(object::write::Error);

impl std::fmt::Display for ElfError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cannot write the ELF object")
    }
}

impl std::error::Error for ElfError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}
