//! The kernel itself runs the programs: `classify` and the bytecode give the same answers.
//!
//! Needs CAP_BPF in the initial user namespace. Run by `cargo xtask test bpf`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use aya::Ebpf;
use aya::programs::{ProgramError, SchedClassifier, SocketFilter, TestRun, TestRunOptions};
use aya::util::KernelVersion;
use tunrss::bpf::{Prefix, REPORT, STEER, compile};
use tunrss::hash::dissect::dissect;
use tunrss::hash::tunnel::dissect_through;
use tunrss::hash::{
    HashKey, HashTypes, InputTransform, Link, SteeringConfig, TunnelTypes, classify,
};
use tunrss::{Config, ReportMode};
use tunrss_testkit::strategy::{configs, generate, packet_count, packets};
use tunrss_testkit::vector;

/// A loaded program that is run on packets.
struct Program {
    ebpf: Ebpf,
}

impl Program {
    fn load(config: &Config, link: Link, mode: ReportMode) -> Self {
        let object = compile(config, link, mode).unwrap();
        let mut ebpf = Ebpf::load(&object.to_elf().unwrap()).unwrap();
        let refused = |error: ProgramError| panic!("{error}\n{}", object.listing());
        match mode {
            ReportMode::Kernel => {
                let program: &mut SchedClassifier =
                    ebpf.program_mut(REPORT).unwrap().try_into().unwrap();
                program.load().unwrap_or_else(refused);
            }
            ReportMode::Off | ReportMode::Reader => {
                let program: &mut SocketFilter =
                    ebpf.program_mut(STEER).unwrap().try_into().unwrap();
                program.load().unwrap_or_else(refused);
            }
        }
        Self { ebpf }
    }

    /// How many instructions the verifier has gone through. Kernels before 5.16 do not say.
    fn verified_instructions(&self, mode: ReportMode) -> Option<u32> {
        let name = if mode == ReportMode::Kernel { REPORT } else { STEER };
        self.ebpf.program(name).unwrap().info().unwrap().verified_instruction_count()
    }

    /// What the steering program returns for `packet`.
    fn steer(&self, packet: &[u8]) -> u32 {
        let program: &SocketFilter = self.ebpf.program(STEER).unwrap().try_into().unwrap();
        // The kernel takes an Ethernet header off a socket filter's input. Its type is one that
        // the kernel has no demands on.
        let input = [&[0; 12][..], &[0x88, 0xb5], packet].concat();
        let mut options = TestRunOptions::new();
        options.data_in = Some(&input);
        program.test_run(options).unwrap().return_value
    }

    /// What the report program returns for `frame`, and what it makes of it. `None` where the
    /// kernel does not run a program on such a frame: an IP header announced and cut off.
    fn report(&self, frame: &[u8]) -> Option<(u32, Vec<u8>)> {
        let program: &SchedClassifier = self.ebpf.program(REPORT).unwrap().try_into().unwrap();
        let mut output = vec![0; frame.len() + 64];
        let mut options = TestRunOptions::new();
        options.data_in = Some(frame);
        options.data_out = Some(&mut output);
        let result = program.test_run(options).ok()?;
        output.truncate(result.data_size_out as usize);
        Some((result.return_value, output))
    }
}

/// The kernel's verifier takes every program, for whatever is enabled. Where the kernel says how many
/// instructions it went through, these are not more than a quarter of the number at which it gives up.
#[test]
#[ignore = "cargo xtask test bpf"]
fn verifier_takes_every_kind_of_configuration() {
    const MOST: u32 = 250_000;
    let says_count = KernelVersion::current().unwrap() >= KernelVersion::new(5, 16, 0);
    let (mut most, mut programs) = (0, 0);
    let single_types = HashTypes::NAMES.map(|(_, one)| one);
    let single_tunnels = TunnelTypes::NAMES.map(|(_, one)| one);
    let types = single_types.into_iter().chain([HashTypes::BASIC, HashTypes::ALL]);
    for types in types {
        let tunnels = single_tunnels.into_iter().chain([TunnelTypes::NONE, TunnelTypes::ALL]);
        for (index, tunnels) in tunnels.enumerate() {
            let transform = InputTransform::ALL[index % 3];
            for link in [Link::Ethernet, Link::Ip] {
                for mode in [ReportMode::Off, ReportMode::Kernel] {
                    let config = SteeringConfig::new(types, HashKey::MICROSOFT, vec![0, 1], 0)
                        .unwrap()
                        .with_tunnels(tunnels)
                        .with_transform(transform);
                    let verified = Program::load(&config, link, mode).verified_instructions(mode);
                    programs += 1;
                    assert!(verified.is_some_and(|count| count > 0) || !says_count);
                    if let Some(verified) = verified.filter(|&verified| verified > most) {
                        println!("{verified}: {types} {tunnels} {link:?} {mode}");
                        most = verified;
                    }
                }
            }
        }
    }
    println!("{programs} programs");
    assert!(most <= MOST, "{most} instructions");
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn vectors_in_the_kernel() {
    let vectors = vector::all();
    assert!(vectors.len() >= 16);
    for vector in vectors {
        let verdict = classify(&vector.config, vector.link, &vector.packet);
        assert_eq!(verdict, vector.expected, "{}", vector.id);
        let steer = Program::load(&vector.config, vector.link, ReportMode::Off);
        assert_eq!(steer.steer(&vector.packet), u32::from(vector.expected.queue), "{}", vector.id);
        if vector.link == Link::Ethernet {
            let report = Program::load(&vector.config, vector.link, ReportMode::Kernel);
            if let Some((_, output)) = report.report(&vector.packet) {
                let prefix = Prefix::from(vector.expected).encode();
                assert_eq!(output[..Prefix::LEN], prefix, "{}", vector.id);
            }
        }
    }
}

/// 64 configurations and 3,200 packets each: 204,800, all through the steering program; those that
/// the kernel takes through the report program as well. Or as many packets as TUNRSS_PACKETS says.
#[test]
#[ignore = "cargo xtask test bpf"]
fn bytecode_is_classify() {
    const CONFIGS: usize = 64;
    let packets_each = packet_count(64 * 3_200).div_ceil(CONFIGS);
    let [mut steered, mut reported, mut hashed, mut tunnels] = [0; 4];
    for (index, config) in generate(configs(), 1).take(CONFIGS).enumerate() {
        let link = if index % 4 == 3 { Link::Ip } else { Link::Ethernet };
        let steer = Program::load(&config, link, ReportMode::Off);
        let report = Program::load(&config, link, ReportMode::Kernel);
        for packet in generate(packets(link), index as u64).take(packets_each) {
            let verdict = classify(&config, link, &packet);
            let context = || format!("{config:?} {link:?} {packet:02x?}");
            assert_eq!(steer.steer(&packet), u32::from(verdict.queue), "{}", context());
            steered += 1;
            hashed += usize::from(verdict.hash != 0);
            let outer = dissect(link, &packet);
            tunnels += usize::from(dissect_through(config.tunnels(), link, &packet) != outer);
            if let Some((action, output)) = report.report(&packet) {
                assert_eq!(action, 0, "{}", context());
                let prefix = Prefix::from(verdict).encode();
                assert_eq!(output[..Prefix::LEN], prefix, "{}", context());
                assert_eq!(output[Prefix::LEN..], packet, "{}", context());
                reported += 1;
            }
        }
    }
    println!(
        "steered {steered}, reported {reported}, of them hashed {hashed}, looked into {tunnels}"
    );
    assert_eq!(steered, CONFIGS * packets_each);
    // The kernel refuses few frames, and most have a hash.
    assert!(reported > steered / 2, "{reported} of {steered}");
    assert!(hashed > steered / 4, "{hashed} of {steered}");
    assert!(tunnels > steered / 20, "{tunnels} of {steered}");
}
