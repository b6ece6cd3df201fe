//! XDP programs that send what a veth receives on to another device.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use rustix::net::netdevice::name_to_index;
use rustix::net::{AddressFamily, SocketType, socket};
use tunrss::Device;

use crate::hook::trace::load_code;
use crate::run;
use crate::traffic::PacketSocket;

/// Where an XDP program runs.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub(crate) enum Xdp {
    /// `XDP_FLAGS_SKB_MODE`: in the stack.
    Generic = 1 << 1,
    /// `XDP_FLAGS_DRV_MODE`: in the driver.
    Native = 1 << 2,
}

/// A veth pair, whose second end redirects all that it receives to a device.
pub(crate) struct Redirect {
    /// Sends into the first end.
    pub(crate) socket: PacketSocket,
    /// Detaches the program when it is closed.
    _link: OwnedFd,
}

impl Redirect {
    /// The pair lives as long as the network namespace that the thread is in.
    pub(crate) fn to(device: &Device, mode: Xdp) -> Self {
        run("ip link add xdp_in type veth peer name xdp_out");
        run("ip link set xdp_in up");
        run("ip link set xdp_out up");
        let any = socket(AddressFamily::UNIX, SocketType::DGRAM, None).unwrap();
        let index = |name| name_to_index(&any, name).unwrap();
        let program = load_code(XDP, "redirect", &redirect(device.index()));
        let link = attach(&program, index("xdp_out"), mode);
        Self { socket: PacketSocket::on(index("xdp_in")), _link: link }
    }
}

/// `return bpf_redirect(index, 0)`; such helpers are none of what tunrss emits.
fn redirect(index: u32) -> Vec<u8> {
    let insn = |code: u8, register: u8, imm: u32| -> [u8; 8] {
        let [i0, i1, i2, i3] = imm.to_le_bytes();
        [code, register, 0, 0, i0, i1, i2, i3]
    };
    // r1 = index; r2 = 0; call 23; exit
    [insn(0xb7, 1, index), insn(0xb7, 2, 0), insn(0x85, 0, 23), insn(0x95, 0, 0)].concat()
}

/// `BPF_LINK_CREATE`
fn attach(program: &OwnedFd, index: u32, mode: Xdp) -> OwnedFd {
    #[repr(C)]
    struct LinkAttr {
        prog_fd: u32,
        target_ifindex: u32,
        attach_type: u32,
        flags: u32,
    }
    let attr = LinkAttr {
        prog_fd: program.as_fd().as_raw_fd() as u32,
        target_ifindex: index,
        attach_type: BPF_XDP,
        flags: mode as u32,
    };
    // SAFETY: bpf reads as many bytes of the attr as it is told; there is no pointer in it.
    let fd = unsafe {
        libc::syscall(libc::SYS_bpf, BPF_LINK_CREATE, &raw const attr, size_of::<LinkAttr>())
    };
    assert!(fd >= 0, "{mode:?}: {}", io::Error::last_os_error());
    // SAFETY: the kernel has just made it, and nobody else knows of it.
    unsafe { OwnedFd::from_raw_fd(fd as i32) }
}

// linux/bpf.h
const BPF_LINK_CREATE: libc::c_long = 28;
const BPF_XDP: u32 = 37;
/// `BPF_PROG_TYPE_XDP`
const XDP: u32 = 6;
