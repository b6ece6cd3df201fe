//! What can be typed.

use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tunrss::bpf::{ReportMode, SteeringMode};
use tunrss::hash;

use crate::exit::Exit;

/// Receive-side scaling for Linux TUN, TAP and macvtap devices
///
/// Spreads the packets of a multi-queue device over its queues as a good network card does: a
/// Toeplitz hash over addresses and ports, an indirection table from hash to queue, and on request
/// the hash in front of every packet, in virtio-net's own format. Works on unmodified kernels.
///
/// The words are those of `ethtool -x` and `ethtool -X`. The commands hash, explain, simulate and
/// compile need no device and no privilege.
#[derive(Parser, Debug)]
#[command(
    name = "tunrss",
    version,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "`tunrss COMMAND --help` explains a command, with examples.",
    after_long_help = top_level_epilogue()
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Print JSON, errors too
    ///
    /// Every object has a number "schema", now 1, and stands on a line of its own.
    #[arg(short = 'j', long, global = true, display_order = 900)]
    pub(crate) json: bool,
    /// When to use colours: auto, always or never
    ///
    /// With auto they are used on a terminal, unless the environment variable NO_COLOR has a value.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        default_value_t,
        display_order = 901,
        hide_possible_values = true,
        hide_default_value = true
    )]
    pub(crate) color: Color,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Demo(DemoArgs),
    Create(CreateArgs),
    Delete(DeleteArgs),
    Set(SetArgs),
    Show(ShowArgs),
    Clear(ClearArgs),
    Capture(CaptureArgs),
    Hash(HashArgs),
    Explain(ExplainArgs),
    Simulate(SimulateArgs),
    Compile(CompileArgs),
    Doctor(DoctorArgs),
}

/// Show steering and hash report at work on traffic of its own
///
/// Makes a network namespace with a TAP device in it, sends many flows through the kernel, reads
/// every queue, and checks each packet's queue and hash. Touches nothing outside that namespace.
/// Exits with 0 only if every packet is right and every queue got some.
///
/// Steering in the kernel needs root, or CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN in the initial user
/// namespace; without them the demo says so and steers in software.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  tunrss demo
  tunrss demo --queues 8 --flows 5000 --json")]
pub(crate) struct DemoArgs {
    /// Queues of the device, 1 to 256
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) queues: u32,
    /// Flows to send [default: 1000, or 16 a queue if that is more]
    #[arg(long, value_name = "N")]
    pub(crate) flows: Option<u32>,
}

/// Create a persistent multi-queue TAP or TUN device
///
/// The device stays until it is deleted, with no process that holds it open. A VMM or another
/// program opens it by its name, once for each queue, and with the same flags: packet information
/// and header are set anew by who opens it.
///
/// A macvtap is made by `ip link add link eth0 name macvtap0 type macvtap mode bridge`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  tunrss create tap0 --queues 4
  tunrss create tun0 --queues 4 --tun
  tunrss create tun0 --queues 4 --tun --vnet-hdr none
  tunrss create tap0 --queues 4 --dry-run")]
pub(crate) struct CreateArgs {
    /// Name of the device, at most 15 bytes
    pub(crate) name: String,
    /// Queues of the device, 1 to 256
    #[arg(long, value_name = "N")]
    pub(crate) queues: u32,
    /// Make a TUN, whose packets start with an IP header, instead of a TAP
    #[arg(long)]
    pub(crate) tun: bool,
    /// Bytes of virtio-net header in front of each packet: 12, 10 or none
    ///
    /// With a header all offloads are on: packets come as large as their senders leave them, and
    /// with checksums to be computed. Without one, the kernel cuts packets up and computes the
    /// checksums.
    #[arg(
        long,
        value_enum,
        value_name = "BYTES",
        default_value_t = VnetHdr::V1,
        hide_possible_values = true
    )]
    pub(crate) vnet_hdr: VnetHdr,
    /// Have 4 bytes of packet information (struct tun_pi) in front of that
    #[arg(long)]
    pub(crate) pi: bool,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum VnetHdr {
    #[value(name = "12")]
    V1,
    #[value(name = "10")]
    Legacy,
    None,
}

impl From<VnetHdr> for Option<hash::VnetHdrLen> {
    fn from(vnet_hdr: VnetHdr) -> Self {
        match vnet_hdr {
            VnetHdr::V1 => Some(hash::VnetHdrLen::V1),
            VnetHdr::Legacy => Some(hash::VnetHdrLen::Legacy),
            VnetHdr::None => None,
        }
    }
}

/// Delete a TUN or TAP device that nobody uses
///
/// Its steering and its hash report go with it. A device that a process holds is refused, and so is a
/// macvtap, which `ip link delete` removes.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  tunrss delete tap0
  tunrss delete tap0 --force")]
pub(crate) struct DeleteArgs {
    /// Name of the device, its own or an alternative one
    pub(crate) name: String,
    /// Delete the device though a process holds it
    ///
    /// That process keeps descriptors on which nothing works any more.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
}

/// Set a device's steering and hash report
///
/// Replaces whatever was set before in one step: a packet is steered by the old configuration or
/// by the new one, never by a mixture. What is not named has its default, not its former value.
/// The steering stays when this command ends, until `clear`, or until the program that holds the
/// device takes it off. QEMU 7.2 does when its guest says how many queues it uses, that is when the
/// guest's driver starts and at `ethtool -L` in the guest: set it again then. QEMU 10.0 does not.
///
/// With --entry it changes entries of the table in force and nothing else.
#[derive(Args, Debug)]
#[command(
    mut_arg("hkey", |arg| arg.help(SET_HKEY_HELP)),
    mut_arg("equal", |arg| arg.help(SET_EQUAL_HELP)),
    after_long_help = "\
Examples:
  Spread evenly over all queues, by the six usual types, with a random key:
    tunrss set tap0
  Three quarters to queue 0, one quarter to queue 1, TCP and UDP over IPv4 only:
    tunrss set tap0 --weight 3,1 --types tcpv4,udpv4
  The hash in front of every packet, both directions of a flow on one queue:
    tunrss set tap0 --report kernel --hkey symmetric
  By what is inside VXLAN and Geneve:
    tunrss set tap0 --tunnels vxlan,geneve
  The table of a network card:
    ethtool -x eth0 > table
    tunrss set tap0 --table table
  The kernel's own steering, and the hash with every packet:
    tunrss set tap0 --steering automatic --report kernel
  Move entry 3 of the table to queue 1, and entry 7 to queue 0:
    tunrss set tap0 --entry 3=1,7=0"
)]
pub(crate) struct SetArgs {
    /// Name of the device, its own or an alternative one
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) mode: ModeArgs,
    /// Where a tc program is attached: tcx or clsact [default: tcx, if it is there]
    ///
    /// Only report mode kernel and macvtap devices need one. A program in clsact is lost when the
    /// device moves to another network namespace.
    #[arg(long, value_enum, value_name = "HOOK", hide_possible_values = true)]
    pub(crate) hook: Option<Hook>,
    /// Change entries of the table in force, as in 3=1,7=0
    #[arg(
        long,
        value_name = "I=Q,..",
        value_delimiter = ',',
        conflicts_with_all = [
            "report", "steering", "counters", "hook", "types", "tunnels", "xfrm", "hkey", "equal", "weight", "start", "table",
            "unclassified",
        ]
    )]
    pub(crate) entry: Vec<String>,
    #[command(flatten)]
    pub(crate) force: ForceArgs,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// Show a device's steering, in the shape of `ethtool -x`
///
/// Exits with 1 if a program of what was set is missing: whoever holds a queue can take it away. `set`
/// puts it back.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  tunrss show tap0
  tunrss show tap0 --json
  tunrss show tap0 --stats")]
pub(crate) struct ShowArgs {
    /// Name of the device, its own or an alternative one
    pub(crate) name: String,
    /// Show the counters too, if the device was set with --counters
    ///
    /// They count since then. A packet counts once, also a large one that is segmented later, and
    /// one that finds its queue full.
    #[arg(long)]
    pub(crate) stats: bool,
}

/// Remove a device's steering and hash report
///
/// The device stays, and the kernel spreads its packets as it does without tunrss.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  tunrss clear tap0
  tunrss clear tap0 --force")]
pub(crate) struct ClearArgs {
    /// Name of the device, its own or an alternative one
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) force: ForceArgs,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
}

/// Capture a device's packets, with their hashes
///
/// Shows packets as the network has them: without the 8 bytes that report mode kernel puts in front,
/// which other capture tools show. The hash goes beside the packet, and so does the queue that the
/// device's table names.
///
/// What the kernel sends to the queues has the hash that the kernel has reported; in the report
/// modes off and reader it is computed here by the configuration in force, and marked so. What comes
/// from the queues is not steered and has none. The configuration is looked at once a second: just
/// after it was replaced, packets may be shown by the former one.
///
/// Ends at SIGINT (Ctrl-C), SIGTERM, --count, or when the device is deleted. Times are UTC.
///
/// Needs root, or CAP_NET_RAW, and CAP_SYS_ADMIN to see what steers the device.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  tunrss capture tap0
  tunrss capture tap0 --count 100 --json
  tunrss capture tap0 -w tap0.pcapng
  tunrss capture tap0 -w - | wireshark -k -i -")]
pub(crate) struct CaptureArgs {
    /// Name of the device, its own or an alternative one
    pub(crate) name: String,
    /// pcapng file to write instead of printing a line for every packet; - for standard output
    ///
    /// Each packet has its direction, its queue, its hash (epb_hash, Toeplitz) and as a comment the
    /// type of the hash: TCPv4 as the kernel reported it, or TCPv4 (computed). A file of this name
    /// is overwritten; a new one is for its owner alone.
    #[arg(short = 'w', long, value_name = "FILE")]
    pub(crate) write: Option<PathBuf>,
    /// End after N packets
    #[arg(short = 'c', long, value_name = "N")]
    pub(crate) count: Option<NonZeroU64>,
}

/// Compute the hash and the queue of a flow
///
/// Says where packets from SRC to DST go. The other direction of the flow has another hash, unless
/// the key is symmetric or the input is made so (--xfrm).
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  tunrss hash --tcp 66.9.149.187:2794 161.142.100.80:1766
  tunrss hash --udp [2001:db8::1]:5000 [2001:db8::2]:53 --equal 8
  tunrss hash --ip 192.0.2.1 192.0.2.2 --hkey 6d5a56da255b0ec24167253d43a38fb0
  tunrss hash --tcp 192.0.2.1:1000 192.0.2.2:80 --xfrm symmetric-xor
  tunrss hash --tcp 192.0.2.1:1000 192.0.2.2:80 --types ipv4 --json")]
pub(crate) struct HashArgs {
    #[command(flatten)]
    pub(crate) protocol: ProtocolArgs,
    #[arg(
        value_name = "SRC",
        help = "Source: 192.0.2.1:80 or [2001:db8::1]:80; with --ip without the port"
    )]
    pub(crate) source: String,
    /// Destination, in the same form
    #[arg(value_name = "DST")]
    pub(crate) destination: String,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

#[derive(Args, Clone, Copy, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct ProtocolArgs {
    /// The packets are TCP
    #[arg(long)]
    pub(crate) tcp: bool,
    /// The packets are UDP
    #[arg(long)]
    pub(crate) udp: bool,
    /// The packets are neither: addresses only
    #[arg(long)]
    pub(crate) ip: bool,
}

/// Explain every decision about a packet
///
/// Takes a packet in hexadecimal and says what was found in it, which hash types were tried and why
/// they did or did not apply, which bytes were hashed, and how the hash became a queue.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  tunrss explain --link ip 4500002800000000400600004209 95bba18e6450 0aea06e6
  tcpdump -xx -c 1 -i tap0 | tail -n +2 | tunrss explain - --types all
  tcpdump -xx -c 1 -i eth0 udp port 4789 | tail -n +2 | tunrss explain - --tunnels vxlan")]
pub(crate) struct ExplainArgs {
    /// The packet: hexadecimal digits, blanks and colons; or - for standard input
    ///
    /// What tcpdump -xx, tshark -x, Wireshark, xxd, hexdump -C and od -tx1 print can be given as it is:
    /// the offsets in front of lines are checked, and the text behind the bytes is skipped. It has to
    /// be one packet.
    #[arg(value_name = "HEX", required = true, num_args = 1..)]
    pub(crate) hex: Vec<String>,
    #[command(flatten)]
    pub(crate) link: LinkArgs,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// Predict how a capture would spread over the queues
///
/// Reads a pcap or pcapng file and says which queue each packet would go to: Ethernet frames and bare
/// IP packets. Packets of other link types are counted and named, and go to no queue. A packet of
/// which the capture has only the start is classified by that.
///
/// Where the capture is cut off or damaged, what stands before is answered for, and the exit code
/// is 2.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  tunrss simulate uplink.pcap --equal 8
  tunrss simulate uplink.pcapng --types ipv4,ipv6 --hkey symmetric
  tunrss simulate underlay.pcap --tunnels all --equal 8
  tunrss simulate uplink.pcap --per-packet --json
  zcat uplink.pcap.gz | tunrss simulate -")]
pub(crate) struct SimulateArgs {
    /// The capture file, pcap or pcapng; or - for standard input
    #[arg(value_name = "CAPTURE")]
    pub(crate) capture: PathBuf,
    /// Print a line for every packet instead of the summary; packets count from 0
    #[arg(long)]
    pub(crate) per_packet: bool,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// Compile a configuration to eBPF
///
/// Writes the programs that `set` would load: as an ELF object that libbpf, aya and
/// `bpftool prog loadall` take, or as text to read.
///
/// The default key is a published one. For a device that strangers can reach, use --hkey random.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  tunrss compile --emit asm --types tcpv4
  tunrss compile --emit elf -o rss.o --equal 8 --hkey random --report kernel")]
pub(crate) struct CompileArgs {
    /// What to write: elf (an object file) or asm (text)
    #[arg(long, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    pub(crate) emit: Emit,
    /// File to write to instead of standard output
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) link: LinkArgs,
    #[command(flatten)]
    pub(crate) mode: ModeArgs,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Emit {
    Elf,
    Asm,
}

/// Say what this host can do, what is missing, and how to get it
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  tunrss doctor
  tunrss doctor tap0
  tunrss doctor --json")]
pub(crate) struct DoctorArgs {
    /// A device, to look at what may be in the way of its steering
    pub(crate) name: Option<String>,
}

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct ForceArgs {
    /// Take the device from another program that steers it
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct DryRunArgs {
    /// Print what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct LinkArgs {
    /// What packets start with: ethernet (TAP) or ip (TUN)
    #[arg(
        long,
        value_enum,
        value_name = "LINK",
        default_value_t = Link::Ethernet,
        hide_possible_values = true
    )]
    pub(crate) link: Link,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Link {
    Ethernet,
    Ip,
}

impl From<Link> for hash::Link {
    fn from(link: Link) -> Self {
        match link {
            Link::Ethernet => Self::Ethernet,
            Link::Ip => Self::Ip,
        }
    }
}

/// What the configuration is used for.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct ModeArgs {
    /// Who reports the hash to readers: off, kernel or reader
    ///
    /// off: nobody, packets are steered only. kernel: 8 bytes in front of every frame, which with
    /// the header of 12 bytes make virtio-net's header with hash; the reader must expect them.
    /// reader: a program that reads by way of the tunrss library computes it itself; others read
    /// what they read with off, and the device does no more.
    #[arg(
        long,
        value_enum,
        value_name = "WHO",
        default_value_t = Report::Reader,
        hide_possible_values = true
    )]
    pub(crate) report: Report,
    /// Who chooses the queue: rss (the table) or automatic (the kernel)
    ///
    /// automatic: as without tunrss, the kernel sends the packets of a flow to the queue on which the reader sends.
    /// Packets have their hash all the same, so --report off goes with it only beside --counters.
    #[arg(
        long,
        value_enum,
        value_name = "WHO",
        default_value_t = Steering::Rss,
        hide_possible_values = true
    )]
    pub(crate) steering: Steering,
    /// Count packets by queue, type and table entry, for `show --stats`
    #[arg(long)]
    pub(crate) counters: bool,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hook {
    Tcx,
    Clsact,
}

impl From<Hook> for tunrss::hook::Hook {
    fn from(hook: Hook) -> Self {
        match hook {
            Hook::Tcx => Self::Tcx,
            Hook::Clsact => Self::Clsact,
        }
    }
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Report {
    Off,
    Kernel,
    Reader,
}

impl From<Report> for ReportMode {
    fn from(report: Report) -> Self {
        match report {
            Report::Off => Self::Off,
            Report::Kernel => Self::Kernel,
            Report::Reader => Self::Reader,
        }
    }
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Steering {
    Rss,
    Automatic,
}

impl From<Steering> for SteeringMode {
    fn from(steering: Steering) -> Self {
        match steering {
            Steering::Rss => Self::Rss,
            Steering::Automatic => Self::Automatic,
        }
    }
}

/// What decides hash and queue. What is left out has a default that depends on the command.
#[derive(Args, Debug)]
#[command(next_help_heading = "Steering configuration")]
pub(crate) struct ConfigArgs {
    /// Hash types, separated by commas, or all [default: the six without -ex]
    ///
    /// Known are ipv4, tcpv4, udpv4, ipv6, tcpv6, udpv6, ipv6-ex, tcpv6-ex, udpv6-ex, all and none.
    /// The tcp and udp types hash addresses and ports, the ip types addresses only. The -ex types
    /// take the home address and the type 2 routing address from IPv6 extension headers. A packet
    /// is hashed by the first enabled type that fits it: tcp or udp, then ip. Fragments have no
    /// ports.
    #[arg(long, value_name = "LIST")]
    pub(crate) types: Option<String>,
    /// Tunnels to look into, separated by commas, or all [default: none]
    ///
    /// Known are gre, gre-2890, gre-7676, gre-udp, vxlan, vxlan-gpe, geneve, ipip, nvgre, all and
    /// none. A packet in such a tunnel is hashed by the packet inside alone, as if the outer headers
    /// were not there; one inside that no hash type fits has no hash. All other packets, fragments
    /// of tunnel packets too, are hashed by their outer headers. gre is RFC 2784, without key and
    /// sequence number; the UDP tunnels are known by their well-known ports.
    #[arg(long, value_name = "LIST")]
    pub(crate) tunnels: Option<String>,
    /// Key: hex digits, random, microsoft, symmetric or @FILE [default: microsoft]
    ///
    /// Hexadecimal digits with or without colons, or a name. random: 40 bytes from the system.
    /// microsoft: the key of Microsoft's RSS verification suite, which published test vectors use.
    /// symmetric: 6d5a repeated, under which both directions of a flow have one hash.
    ///
    /// @FILE: the file has one of these; @- is standard input. What is typed can be seen in the list of
    /// processes by all users, so a key that is to stay secret comes from a file.
    ///
    /// The default of `set` is random, so that nobody outside can aim at a queue. The other
    /// commands take microsoft, so that a result can be had again.
    #[arg(long, value_name = "KEY")]
    pub(crate) hkey: Option<String>,
    /// Same hash both ways: symmetric-xor or symmetric-or-xor [default: none]
    ///
    /// What is hashed in place of the addresses, and in the same way of the ports, whatever the key:
    /// symmetric-xor: their XOR, twice. symmetric-or-xor: their OR, then their XOR, which spreads
    /// better. Linux network cards know these, virtio does not.
    #[arg(long, value_name = "HOW")]
    pub(crate) xfrm: Option<String>,
    /// Spread evenly over N queues [default: 4]
    #[arg(long, value_name = "N", group = "spread")]
    pub(crate) equal: Option<u32>,
    /// Spread by weight: a share for each queue, as in 3,1
    #[arg(long, value_name = "W,W..", value_delimiter = ',', group = "spread")]
    pub(crate) weight: Option<Vec<u32>>,
    /// First queue that --equal or --weight uses [default: 0]
    #[arg(long, value_name = "N", requires = "spread")]
    pub(crate) start: Option<u32>,
    /// File with the table: queue numbers, or what `ethtool -x` prints
    ///
    /// The numbers are separated by blanks or commas; # starts a comment. `ethtool --json -x` is read
    /// too. There must be a power of two of them. Without this option the table has 128 entries, or 256
    /// for more than 128 queues.
    #[arg(long, value_name = "FILE", conflicts_with = "spread")]
    pub(crate) table: Option<PathBuf>,
    /// Queue of packets that no type fits, such as ARP
    #[arg(long, value_name = "Q", default_value_t = 0)]
    pub(crate) unclassified: u32,
}

const SET_HKEY_HELP: &str =
    "Key: hex digits, random, microsoft, symmetric or @FILE [default: random]";
const SET_EQUAL_HELP: &str = "Spread evenly over N queues [default: as many as the device has]";

fn top_level_epilogue() -> String {
    let mut text = "\
Examples:
  tunrss demo
  tunrss create tap0 --queues 4
  tunrss set tap0 --types tcpv4,tcpv6 --report kernel
  tunrss hash --tcp 192.0.2.1:1000 192.0.2.2:80
  tunrss simulate uplink.pcap --equal 8

Exit codes:"
        .to_owned();
    for exit in Exit::ALL {
        text += &format!("\n  {}  {}", exit.code(), exit.meaning());
    }
    text += "\n\nThe answer goes to standard output, errors and warnings to standard error.";
    text
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn argument_tree_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_example_can_be_typed() {
        let mut tree = Cli::command();
        tree.build();
        let mut examples = 0;
        let ours = tree.get_subcommands().filter(|command| command.get_name() != "help");
        for command in ours.chain([&tree]) {
            let help = command.get_after_long_help().unwrap().to_string();
            for line in help.lines().filter(|line| line.starts_with("  ")) {
                let starts = |at: &usize| {
                    let before = line[..*at].trim_start();
                    before.is_empty() || before.ends_with("| ")
                };
                let Some(at) = line.find("tunrss ").filter(starts) else { continue };
                let words = line[at..].split_whitespace().take_while(|word| *word != "|");
                Cli::try_parse_from(words).unwrap();
                examples += 1;
            }
        }
        assert!(examples > 25, "{examples}");
    }

    #[test]
    fn short_help_fits_a_screen() {
        let mut tree = Cli::command().term_width(100);
        tree.build();
        for command in tree.get_subcommands_mut() {
            let help = command.render_help().to_string();
            assert!(help.lines().count() <= 32, "{help}");
            assert!(help.lines().all(|line| line.len() <= 100), "{help}");
        }
        assert!(tree.render_help().to_string().lines().count() <= 30);
    }
}
