//! What can be done without the right to look at programs.

use crate::answers::{Set, Show};
use crate::net::{Net, WITHOUT_SYS_ADMIN, succeed};

/// A device that nobody has set is set, in every mode, with a word on what was not done.
#[test]
#[ignore = "cargo xtask test bpf"]
fn device_is_set_unseen() {
    for options in [
        "--report off",
        "--report reader --counters",
        "--report kernel",
        "--report kernel --hook clsact",
        "--report kernel --steering automatic",
        "--report off --steering automatic --counters",
        "--report off --force",
    ] {
        let net = Net::new();
        let run = net.run_through(WITHOUT_SYS_ADMIN, "create t0 --queues 2");
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
        let set = set_unseen(&net, options);
        let show: Show = net.run("show t0 --json").json();
        assert_eq!((show.steering, show.loaded_by), (Some(set.steering()), Some(0)), "{options}");
        assert!(show.missing.is_empty(), "{options}: {:?}", show.missing);

        // What the kernel lists as attached may be ours, and is not put aside.
        let is_attached = options.contains("kernel") || options.contains("automatic");
        if is_attached {
            let refusal = net.refusal_through(WITHOUT_SYS_ADMIN, 3, "set t0 --report off");
            assert_eq!(refusal.error, "cannot read back what steers t0");
            let cause = "is attached to it, and may be what steers it";
            assert!(refusal.caused_by[0].ends_with(cause), "{:?}", refusal.caused_by);
            assert!(refusal.hint.unwrap().contains("CAP_SYS_ADMIN"));
            let show: Show = net.run("show t0 --json").json();
            assert_eq!(show.steering, Some(set.steering()), "{options}");
        } else {
            let again = set_unseen(&net, "--report off --weight 1,3");
            let show: Show = net.run("show t0 --json").json();
            assert_eq!(show.steering, Some(again.steering()));
        }
        for line in ["show t0", "clear t0"] {
            let refusal = net.refusal_through(WITHOUT_SYS_ADMIN, 3, line);
            assert!(refusal.hint.unwrap().contains("CAP_SYS_ADMIN"), "{line}");
        }
        assert!(net.run("clear t0").answer().starts_with("removed "));
    }
}

/// Filters of others that have a name of their own are none of ours; a tcx program's name cannot be seen.
#[test]
#[ignore = "cargo xtask test bpf"]
fn filters_of_others_are_no_hindrance() {
    let net = Net::with_device(2);
    succeed(net.command("tc").args(["qdisc", "add", "dev", "t0", "clsact"]));
    let filter =
        "filter add dev t0 egress protocol all prio 9 u32 match u32 0 0xffffffff flowid 1:5";
    succeed(net.command("tc").args(filter.split(' ')));
    set_unseen(&net, "--report kernel");
    assert_eq!(net.run("show t0 --json").json::<Show>().missing, [""; 0]);
}

fn set_unseen(net: &Net, options: &str) -> Set {
    let run = net.run_through(WITHOUT_SYS_ADMIN, &format!("set t0 {options} --json"));
    assert_eq!(run.code, Some(0), "{options}: {}", run.stderr);
    assert!(run.stderr.contains("earlier settings, and whose they are, cannot be looked for"));
    assert_eq!(run.stderr.lines().count(), 1, "{options}: {}", run.stderr);
    serde_json::from_str(&run.stdout).unwrap()
}
