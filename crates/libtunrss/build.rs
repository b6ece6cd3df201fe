//! The name by which programs find the shared library at run time.

fn main() {
    // Raised with each change that programs have to be linked anew for.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libtunrss.so.0");
    println!("cargo::rerun-if-changed=build.rs");
}
