//! `tunrss compile`: where its object goes.

use serde::Deserialize;

use crate::{TempFile, run, run_line, tunrss};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    schema: u32,
    emit: String,
    bytes: usize,
    file: Option<String>,
    listing: Option<String>,
    hkey: String,
}

#[test]
fn elf_goes_to_a_file() {
    let file = TempFile::new(b"");
    assert_eq!(run(["compile", "--emit", "elf", "-o", file.path()]).answer(), "");
    let object = std::fs::read(&file.0).unwrap();
    assert_eq!(object[..4], *b"\x7fELF");
    let answer: Answer = run(["compile", "--emit", "elf", "--json", "-o", file.path()]).json();
    assert_eq!((answer.schema, answer.emit.as_str()), (1, "elf"));
    assert_eq!(answer.bytes, object.len());
    assert_eq!(answer.file.as_deref(), Some(file.path()));
    assert_eq!(answer.listing, None);
}

#[test]
fn text_goes_to_standard_output() {
    let text = run_line("compile --emit asm --types tcpv4 --report kernel --link ip").answer();
    let answer: Answer =
        run_line("compile --emit asm --types tcpv4 --report kernel --link ip --json").json();
    assert_eq!(answer.listing, Some(text));
    assert!(answer.hkey.starts_with("6d:5a:56:da:"));
}

#[test]
fn elf_and_json_do_not_share_a_stream() {
    let output = tunrss().args(["compile", "--emit", "elf"]).output().unwrap();
    assert!(output.stdout.starts_with(b"\x7fELF"));
    let text = run_line("compile --emit elf --json").refusal(2);
    assert!(text.contains("-o FILE"), "{text}");
}

#[test]
fn file_that_cannot_be_written_is_said() {
    let text = run(["compile", "--emit", "asm", "-o", "/no/such/place"]).refusal(2);
    assert!(text.starts_with("error: cannot write /no/such/place\ncaused by: No such"), "{text}");
}
