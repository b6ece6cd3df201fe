//! Where the shim can do nothing: programs are told so, and go on.

use crate::preloaded;
use crate::programs::{program, run, text, within_deadline};

/// Root of a user namespace has devices but may not load eBPF: `EPERM`, and why in words.
#[test]
#[ignore = "cargo xtask test bpf"]
fn without_privilege_a_setting_is_refused() {
    let program = program("gen2");
    let mut unshare = within_deadline("unshare");
    // The device node may be root's alone, who it is that asks here.
    let output =
        run(preloaded(unshare.args(["--user", "--map-root-user"]).arg(program).arg("types-tap")));
    let text = text(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("found -1 (EPERM)"), "{text}");
    assert!(text.contains("loading needs CAP_BPF"), "{text}");
}

/// Without the shim the same program is refused by the kernel: the ioctls do not exist.
#[test]
#[ignore = "cargo xtask test bpf"]
fn without_shim_the_kernel_refuses() {
    for (generation, case) in
        [("gen1", "vectors-tap"), ("gen2", "vectors-tap"), ("gen1", "macvtap")]
    {
        let program = program(generation);
        let output = run(within_deadline(program).arg(case));
        let text = text(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("found -1 (EINVAL)"), "{text}");
    }
}
