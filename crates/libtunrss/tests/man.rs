//! The manual pages describe what there is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tunrss_uapi::request;

#[test]
fn functions_of_the_header_are_described() {
    let page = read("man/libtunrss.3");
    let header = read("include/tunrss.h");
    let declared: BTreeSet<_> = words(&header)
        .filter(|(word, behind)| word.starts_with("tunrss_") && behind.starts_with('('))
        .map(|(word, _)| word)
        .collect();
    assert!(declared.contains("tunrss_open") && declared.len() > 10, "{declared:?}");
    let names = section(&page, "NAME");
    let returned = section(&page, "RETURN VALUE");
    for function in &declared {
        assert!(words(names).any(|(word, _)| word == *function), "{function} in NAME");
        assert!(page.contains(&format!(".TP\n.BR {function} ()\n")), "{function} in DESCRIPTION");
        assert!(returned.contains(&format!(".BR {function} ()")), "{function} in RETURN VALUE");
    }
    let prototypes: Vec<_> = section(&page, "SYNOPSIS")
        .lines()
        .filter_map(|line| line.strip_prefix(".BI ").or(line.strip_prefix(".B ")))
        .filter(|line| line.ends_with(';'))
        .map(squeezed)
        .collect();
    assert_eq!(prototypes.len(), declared.len(), "{prototypes:#?}");
    let header = squeezed(&header);
    for prototype in prototypes {
        assert!(header.contains(&prototype), "{prototype} is not in the header");
    }
}

#[test]
fn numbers_of_the_ioctls_are_those_of_the_source() {
    let page = read("man/libtunrss.3");
    for (name, number) in [
        ("TUNGETVNETHASHCAP", request::TUNGETVNETHASHCAP),
        ("TUNSETVNETHASH", request::TUNSETVNETHASH),
        ("TUNGETVNETHASHTYPES", request::TUNGETVNETHASHTYPES),
        ("TUNSETVNETREPORTINGAUTOMQ", request::TUNSETVNETREPORTINGAUTOMQ),
        ("TUNSETVNETREPORTINGRSS", request::TUNSETVNETREPORTINGRSS),
        ("TUNSETVNETRSS", request::TUNSETVNETRSS),
    ] {
        let define = format!("#define {name} ");
        let line = page.lines().find(|line| line.starts_with(&define)).unwrap();
        assert!(line.ends_with(&format!("/* {number:#010x} */")), "{line}");
        let described = format!(".TP\n.B {name}\n");
        assert!(page.contains(&described), "{name}");
    }
}

#[test]
fn error_numbers_are_described() {
    let page = read("man/libtunrss.3");
    for number in ERRORS {
        let described = format!(".TP\n.B {number}\n");
        assert!(section(&page, "ERRORS").contains(&described), "{number}");
    }
    // Those that the source chooses; all others are the kernel's.
    let source = read("../tunrss-uapi/src/error.rs");
    let (source, _tests) = source.split_once("#[cfg(test)]").unwrap();
    for text in source.split("Errno::").skip(1) {
        let (name, _) = words(text).next().unwrap();
        let is_number = name.chars().all(char::is_uppercase);
        assert!(!is_number || ERRORS.contains(&&*format!("E{name}")), "{name}");
    }
}

#[test]
fn functions_that_the_shim_replaces_are_named() {
    let page = read("../tunrss-preload/man/libtunrss_preload.7");
    let source = read("../tunrss-preload/src/lib.rs");
    let exported: Vec<_> = source
        .split("#[unsafe(no_mangle)]")
        .skip(1)
        .filter_map(|text| text.split_once(" fn ")?.1.split_once('('))
        .map(|(name, _)| name)
        .collect();
    assert!(exported.contains(&"ioctl") && exported.len() > 10, "{exported:?}");
    let description = section(&page, "DESCRIPTION").replace(r"\fB", "");
    for function in exported {
        assert!(words(&description).any(|(word, _)| word == function), "{function}");
    }
}

const ERRORS: [&str; 12] = [
    "EAGAIN",
    "EBADF",
    "EBADFD",
    "EBUSY",
    "EFAULT",
    "EINVAL",
    "EIO",
    "ENAMETOOLONG",
    "ENOMEM",
    "ENOTTY",
    "EOPNOTSUPP",
    "EPERM",
];

/// A file of the package, or of one beside it.
fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The section of a page under this title.
fn section<'a>(page: &'a str, title: &str) -> &'a str {
    let start = format!("\n.SH {title}\n");
    let (_, text) = page.split_once(&start).unwrap_or_else(|| panic!("no section {title}"));
    text.split("\n.SH ").next().unwrap_or(text)
}

/// The names in a text, each with what is behind it.
fn words(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_part = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let mut rest = text.trim_start_matches(move |char| !is_part(char));
    std::iter::from_fn(move || {
        let len = rest.find(|char| !is_part(char)).unwrap_or(rest.len());
        let (word, behind) = rest.split_at_checked(len).filter(|(word, _)| !word.is_empty())?;
        rest = behind.trim_start_matches(|char| !is_part(char));
        Some((word, behind))
    })
}

/// The text without what a manual page has in another way: spaces and quotes.
fn squeezed(text: &str) -> String {
    text.chars().filter(|char| !char.is_whitespace() && *char != '"').collect()
}
