//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Serve virtual machines a network device with receive-side scaling and hash report
///
/// A vhost-user-net backend: the guest's packets go to and come from a TAP or macvtap of the host. The
/// guest gets the features VIRTIO_NET_F_RSS and VIRTIO_NET_F_HASH_REPORT: it sets key, hash types and
/// table itself (ethtool -X), and receives each packet on the queue they name, with its hash.
///
/// The device is created if it does not exist, and ends with the daemon then. One that exists is taken
/// over for as long, if nobody has it open.
#[derive(Parser, Debug)]
#[command(
    name = "tunrss-vhost",
    version,
    arg_required_else_help = true,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "`tunrss-vhost --help` explains the options, with examples.",
    after_long_help = EPILOGUE
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Status(StatusArgs),
    /// The process that serves, as the daemon starts it: with a socket as standard input.
    #[command(hide = true)]
    Backend,
}

/// Show what a running daemon has received from its guest, and what is in force
#[derive(Args, Debug)]
pub(crate) struct StatusArgs {
    /// The daemon's status socket, its --socket with ".status" behind unless it was told otherwise
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,
    /// Print one JSON object, with a number "schema"
    #[arg(short = 'j', long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    /// Listen on this path for the virtual machine's frontend
    ///
    /// A socket file that nobody listens on any more is replaced. The file is for its owner alone, unless
    /// --socket-group says otherwise, and removed in the end. When a frontend goes, the next one is waited
    /// for.
    #[arg(
        long,
        alias = "socket-path",
        value_name = "PATH",
        required_unless_present_any = ["fd", "print_capabilities"],
        conflicts_with = "fd"
    )]
    pub(crate) socket: Option<PathBuf>,
    /// User that the --socket belongs to [default: the daemon's]
    ///
    /// For a frontend that runs as another user than the daemon. Giving the file away takes CAP_CHOWN,
    /// unless the daemon is that user.
    #[arg(long, value_name = "NAME|UID", conflicts_with = "fd")]
    pub(crate) socket_owner: Option<String>,
    /// Group whose members may connect, too
    #[arg(long, value_name = "NAME|GID", conflicts_with = "fd")]
    pub(crate) socket_group: Option<String>,
    /// Serve one frontend on this connected socket, then end
    #[arg(long, value_name = "N")]
    pub(crate) fd: Option<u32>,
    /// The TAP or macvtap
    #[arg(long, value_name = "NAME", required_unless_present = "print_capabilities")]
    pub(crate) tap: Option<String>,
    /// Queue pairs, 1 to 127
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) queues: u32,
    /// MAC address of the guest [default: random; of a macvtap, its own]
    #[arg(long, value_name = "MAC")]
    pub(crate) mac: Option<String>,
    /// MTU that the guest is told [default: the device's]
    ///
    /// A device that is created gets it, too.
    #[arg(long, value_name = "N")]
    pub(crate) mtu: Option<u32>,
    /// Whose settings hold: guest or host [default: guest]
    ///
    /// guest: those that the guest sends on its control queue. A frontend may keep the control queue to
    /// itself, as QEMU's -netdev vhost-user does; then the operator's hold: --types, --hkey and --weight.
    /// host: the operator's always hold, and the guest is not offered VIRTIO_NET_F_RSS.
    #[arg(
        long,
        value_name = "WHOSE",
        value_enum,
        default_value_t,
        hide_possible_values = true,
        hide_default_value = true
    )]
    pub(crate) rss: Whose,
    /// Hash types offered to the guest, and the operator's [default: the six without -ex]
    ///
    /// Names separated by commas: ipv4, tcpv4, udpv4, ipv6, tcpv6, udpv6, ipv6-ex, tcpv6-ex, udpv6-ex; or
    /// all.
    #[arg(long, value_name = "LIST")]
    pub(crate) types: Option<String>,
    /// The operator's key: hex digits, random, microsoft, symmetric or @FILE [default: random]
    ///
    /// @FILE: the file has one of these; @- is standard input. What is typed can be seen in the list of
    /// processes by all users, so a key that is to stay secret comes from a file.
    #[arg(long, value_name = "KEY")]
    pub(crate) hkey: Option<String>,
    /// The operator's table: a share for each queue, as in 3,1 [default: equal shares]
    #[arg(long, value_name = "W,W..", value_delimiter = ',')]
    pub(crate) weight: Option<Vec<u32>>,
    /// Threads that move packets, queue pairs taking turns [default: one for each, as far as there are
    /// CPUs]
    ///
    /// More threads than CPUs would only take these from each other.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=127))]
    pub(crate) threads: Option<u16>,
    /// Run these threads on these CPUs, in turns, as in 2-5,8
    #[arg(long, value_name = "LIST")]
    pub(crate) cpus: Option<String>,
    /// Who steers and hashes: auto, kernel or software [default: auto]
    ///
    /// kernel: eBPF programs, which takes CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and CAP_SYS_ADMIN in the
    /// initial user namespace. software: the daemon, which needs none of it and takes more CPU time. auto:
    /// the kernel, or with a warning software.
    #[arg(
        long,
        value_name = "WHO",
        value_enum,
        default_value_t,
        hide_possible_values = true,
        hide_default_value = true
    )]
    pub(crate) steering: Who,
    /// User that the process becomes which serves the guest [default: tunrss-vhost, if started by root]
    ///
    /// Where there is no user tunrss-vhost, which systemd-sysusers makes, it is nobody, with a warning:
    /// that user's other processes can stop and end the one that serves.
    #[arg(long, value_name = "NAME|UID")]
    pub(crate) user: Option<String>,
    /// Where `tunrss-vhost status` asks [default: the --socket with ".status" behind]
    #[arg(long, value_name = "PATH")]
    pub(crate) status: Option<PathBuf>,
    /// Neither drop privileges nor filter system calls, to find mistakes
    #[arg(long)]
    pub(crate) no_sandbox: bool,
    /// Log more; twice for even more
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Print what this backend is as JSON, for management software, and end
    #[arg(long)]
    pub(crate) print_capabilities: bool,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Whose {
    #[default]
    Guest,
    Host,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Who {
    #[default]
    Auto,
    Kernel,
    Software,
}

const EPILOGUE: &str = "\
Examples:
  tunrss-vhost --socket /run/vm1.sock --tap tap0 --queues 4
  tunrss-vhost --socket /run/vm1.sock --tap tap0 --queues 4 --rss host --hkey symmetric
  tunrss-vhost status /run/vm1.sock.status

QEMU is connected to it by
  -object memory-backend-memfd,id=mem,size=1G,share=on -machine memory-backend=mem
  -chardev socket,id=net0,path=/run/vm1.sock -netdev vhost-user,id=net0,chardev=net0,queues=4
  -device virtio-net-pci,netdev=net0,mq=on,vectors=10

SIGTERM, SIGINT and SIGHUP end it. When it is ready it prints \"ready:\" and the path on standard
error, and tells systemd.

Exit codes:
  0  done
  2  a mistake in what was typed, or in what it names
  3  the system refused, the device is gone, or the process that serves made no progress
  4  a bug of tunrss-vhost
  128 and more: the process that serves was ended by a signal of this number less 128";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn options_fit_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn short_help_fits_a_screen() {
        let help = Cli::command().render_help().to_string();
        assert!(help.lines().all(|line| line.len() <= 100), "{help}");
        assert!(help.lines().count() <= 50, "{help}");
    }
}
