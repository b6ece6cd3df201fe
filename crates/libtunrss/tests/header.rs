//! `include/tunrss.h` is what cbindgen makes of the source.

use std::path::Path;

#[test]
fn header_is_that_of_the_source() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(package.join("cbindgen.toml")).unwrap();
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_src(package.join("src/lib.rs"))
        .generate()
        .unwrap();
    let mut made = Vec::new();
    bindings.write(&mut made);
    let made = without_safety(&String::from_utf8(made).unwrap());
    let path = package.join("include/tunrss.h");
    if std::env::var_os("TUNRSS_BLESS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == made, "{} is another one: cargo xtask bless", path.display());
}

/// The header without what is said of unsafe functions to those who write Rust.
fn without_safety(header: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    let mut is_safety = false;
    for line in header.lines() {
        if line.trim() == "# Safety" {
            is_safety = true;
            // The empty line in front of it.
            lines.pop();
        }
        if line.trim() == "*/" {
            is_safety = false;
        }
        if !is_safety {
            lines.push(line);
        }
    }
    lines.join("\n") + "\n"
}
