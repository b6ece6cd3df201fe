//! Every case of both generations, each in a network namespace of its own.

use crate::preloaded;
use crate::programs::{cases_of, passes, program, within_deadline};

fn check(program: &str, case: &str) {
    passes(preloaded(within_deadline(self::program(program)).arg(case)));
}

macro_rules! cases {
    ($($name:ident = $case:literal;)*) => {
        /// Those that the programs have.
        const CASES: &[&str] = &[$($case),*];

        mod generation_1 {
            $(
                #[test]
                #[ignore = "cargo xtask test bpf"]
                fn $name() {
                    super::check("gen1", $case);
                }
            )*
        }

        mod generation_2 {
            $(
                #[test]
                #[ignore = "cargo xtask test bpf"]
                fn $name() {
                    super::check("gen2", $case);
                }
            )*
        }
    };
}

cases! {
    capability = "capability";
    types_tap = "types-tap";
    types_tun = "types-tun";
    vectors_tap = "vectors-tap";
    vectors_tun = "vectors-tun";
    late_queues = "late-queues";
    unclassified = "unclassified";
    masks = "masks";
    key_lengths = "key-lengths";
    report_only = "report-only";
    rss_only = "rss-only";
    off = "off";
    replaced = "replaced";
    recreated = "recreated";
    header_size = "header-size";
    offloads_tap = "offloads-tap";
    offloads_tun = "offloads-tun";
    packet_information_tap = "packet-information-tap";
    packet_information_tun = "packet-information-tun";
    readv = "readv";
    short_reads = "short-reads";
    write = "write";
    errno_unattached = "errno-unattached";
    errno_pointers = "errno-pointers";
    errno_steering = "errno-steering";
    filter = "filter";
    errno_memory = "errno-memory";
    descriptors = "descriptors";
    reused_numbers = "reused-numbers";
    detached_queue = "detached-queue";
    fork_ = "fork";
    vfork = "vfork";
    exec = "exec";
    macvtap = "macvtap";
    macvtap_changes = "macvtap-changes";
    macvtap_deleted = "macvtap-deleted";
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn every_case_of_the_programs_is_here() {
    for program in ["gen1", "gen2"] {
        assert_eq!(cases_of(&self::program(program)), CASES);
    }
}
