//! A test for each case of the C programs, in both generations.

/// Tests of those cases that all programs have and of these. `check` is in the module that calls this.
macro_rules! cases {
    ($($own:ident = $own_case:literal;)*) => {
        crate::programs::cases::tests! {
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
            parts_anywhere = "parts-anywhere";
            short_reads = "short-reads";
            write = "write";
            errno_unattached = "errno-unattached";
            errno_pointers = "errno-pointers";
            errno_steering = "errno-steering";
            filter = "filter";
            program_and_rss = "program-and-rss";
            errno_memory = "errno-memory";
            descriptors = "descriptors";
            reused_numbers = "reused-numbers";
            numbers_closed_unseen = "numbers-closed-unseen";
            detached_queue = "detached-queue";
            fork_ = "fork";
            macvtap = "macvtap";
            macvtap_changes = "macvtap-changes";
            macvtap_deleted = "macvtap-deleted";
            $($own = $own_case;)*
        }
    };
}

macro_rules! tests {
    ($($name:ident = $case:literal;)*) => {
        crate::programs::cases::tests! { @generation generation_1 "gen1" $($name = $case;)* }
        crate::programs::cases::tests! { @generation generation_2 "gen2" $($name = $case;)* }

        #[test]
        #[ignore = "cargo xtask test bpf"]
        fn every_case_of_the_programs_is_here() {
            let mut here = vec![$($case),*];
            here.sort_unstable();
            for program in ["gen1", "gen2"] {
                let mut there = crate::programs::cases_of(&crate::programs::program(program));
                there.sort_unstable();
                assert_eq!(there, here);
            }
        }
    };
    (@generation $generation:ident $program:literal $($name:ident = $case:literal;)*) => {
        mod $generation {
            $(
                #[test]
                #[ignore = "cargo xtask test bpf"]
                fn $name() {
                    super::check(&crate::programs::program($program), $case);
                }
            )*
        }
    };
}

pub(crate) use {cases, tests};
