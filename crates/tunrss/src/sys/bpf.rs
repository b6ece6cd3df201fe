//! bpf(2): what a configuration takes of it. Maps of one value, for the sections of an object; programs,
//! loaded and found by their id; tcx programs that stay attached without a link.

use std::ffi::{CStr, c_long, c_void};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::io::Errno;
use tunrss_bpf::ProgramKind;

use crate::hook::Direction;

/// A map of one value: an array with one entry, whose key is 0.
///
/// What the kernel reads and writes through a pointer to a value depends on the type of the map: for
/// the types that are per CPU it is a value for each. So there is a `Value` of an array alone, and it
/// knows the size that the kernel goes by, which never changes (`struct bpf_map`).
pub(crate) struct Value {
    map: OwnedFd,
    len: usize,
}

impl Value {
    /// Make a map that holds `contents`. One that `is_read_only` cannot be written again, neither by
    /// programs nor from outside, so that the verifier takes its contents for constant. `name` has at
    /// most 15 bytes.
    ///
    /// # Errors
    /// That of `BPF_MAP_CREATE`, `BPF_MAP_UPDATE_ELEM` or `BPF_MAP_FREEZE` (since Linux 5.2).
    pub(crate) fn new(name: &str, contents: &[u8], is_read_only: bool) -> io::Result<Self> {
        let value_size = u32::try_from(contents.len()).map_err(|_| Errno::TOOBIG)?;
        let flags = if is_read_only { BPF_F_RDONLY_PROG } else { 0 };
        let map = create(BPF_MAP_TYPE_ARRAY, name, value_size, flags)?;
        let value = Self { map, len: contents.len() };
        value.write(contents)?;
        if is_read_only {
            let mut attr = FdAttr { fd: raw(value.map.as_fd()) };
            // SAFETY: the attr holds no pointer.
            unsafe { bpf(BPF_MAP_FREEZE, &mut attr) }?;
        }
        Ok(value)
    }

    /// What the map holds.
    ///
    /// # Errors
    /// That of `BPF_MAP_LOOKUP_ELEM`.
    pub(crate) fn read(&self) -> io::Result<Vec<u8>> {
        let mut value = vec![0; self.len];
        let key = 0;
        let at = value.as_mut_ptr().cast_const().cast();
        let mut attr = ElemAttr::new(self.map.as_fd(), &raw const key, at);
        // SAFETY: BPF_MAP_LOOKUP_ELEM (map_lookup_elem, kernel/bpf/syscall.c, v6.12) reads the map's
        // key size through `key`, and writes what bpf_map_value_size says through `value`, which for
        // BPF_MAP_TYPE_ARRAY is the map's value size. The map is of that type, has keys of 4 bytes,
        // as `key` is, and values of `len` bytes, as `value` is: `create` has made it so, or
        // `Map::into_value` has seen it. Both live past the call, and the kernel keeps no pointer.
        unsafe { bpf(BPF_MAP_LOOKUP_ELEM, &mut attr) }?;
        Ok(value)
    }

    /// Write `contents` into the map; they have to be as long as its value.
    ///
    /// # Errors
    /// That of `BPF_MAP_UPDATE_ELEM`; `EINVAL` for another length.
    pub(crate) fn write(&self, contents: &[u8]) -> io::Result<()> {
        if contents.len() != self.len {
            return Err(Errno::INVAL.into());
        }
        let key = 0;
        let mut attr = ElemAttr::new(self.map.as_fd(), &raw const key, contents.as_ptr().cast());
        // SAFETY: BPF_MAP_UPDATE_ELEM (map_update_elem, v6.12) reads the map's key size through `key`
        // and what bpf_map_value_size says through `contents`: 4 and `len` bytes, as in `read`, which
        // they have. Both live past the call, and the kernel keeps no pointer.
        unsafe { bpf(BPF_MAP_UPDATE_ELEM, &mut attr) }.map(drop)
    }
}

impl AsFd for Value {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.map.as_fd()
    }
}

/// Make a map that takes CAP_NET_ADMIN in the initial user namespace to make, or CAP_SYS_ADMIN, or a BPF
/// token of a process with one of them: see [`Map::takes_net_admin`].
///
/// # Errors
/// That of `BPF_MAP_CREATE`: `EPERM` without that right.
pub(crate) fn net_admin_map() -> io::Result<OwnedFd> {
    create(BPF_MAP_TYPE_DEVMAP, "net_admin", 4, 0)
}

/// A map with one entry and keys of 4 bytes.
fn create(map_type: u32, name: &str, value_size: u32, map_flags: u32) -> io::Result<OwnedFd> {
    let mut attr = MapAttr {
        map_type,
        key_size: KEY_LEN,
        value_size,
        max_entries: 1,
        map_flags,
        map_name: object_name(name),
        ..MapAttr::default()
    };
    // SAFETY: the attr holds no pointer.
    Ok(owned(unsafe { bpf(BPF_MAP_CREATE, &mut attr) }?))
}

/// Have `map` be one of the maps of `program`, which keeps it, though it does not use it.
///
/// # Errors
/// That of `BPF_PROG_BIND_MAP` (since Linux 5.10).
pub(crate) fn bind(program: BorrowedFd<'_>, map: BorrowedFd<'_>) -> io::Result<()> {
    let mut attr = BindAttr { prog_fd: raw(program), map_fd: raw(map), flags: 0 };
    // SAFETY: the attr holds no pointer.
    unsafe { bpf(BPF_PROG_BIND_MAP, &mut attr) }.map(drop)
}

/// Have a program verified and loaded. `code` is its instructions of 8 bytes each, in which maps are
/// named by their descriptors; `name` has at most 15 bytes. In `log`, unless it is empty, the verifier
/// writes what it finds, a string that ends with 0.
///
/// # Errors
/// That of `BPF_PROG_LOAD`: `EINVAL` or `EACCES` from the verifier, `EAGAIN` if a signal was pending,
/// `ENOSPC` if the log did not fit.
pub(crate) fn load(
    kind: ProgramKind,
    name: &str,
    code: &[u8],
    license: &CStr,
    log: &mut [u8],
) -> io::Result<OwnedFd> {
    let mut attr = LoadAttr {
        prog_type: match kind {
            ProgramKind::SocketFilter => BPF_PROG_TYPE_SOCKET_FILTER,
            ProgramKind::SchedCls => BPF_PROG_TYPE_SCHED_CLS,
        },
        insn_cnt: u32::try_from(code.len() / INSN_LEN).map_err(|_| Errno::TOOBIG)?,
        insns: code.as_ptr().expose_provenance() as u64,
        license: license.as_ptr().expose_provenance() as u64,
        prog_name: object_name(name),
        ..LoadAttr::default()
    };
    if !log.is_empty() {
        attr.log_level = BPF_LOG_LEVEL1;
        attr.log_size = u32::try_from(log.len()).map_err(|_| Errno::TOOBIG)?;
        attr.log_buf = log.as_mut_ptr().expose_provenance() as u64;
    }
    // SAFETY: BPF_PROG_LOAD (bpf_prog_load, kernel/bpf/syscall.c, v6.12) reads `insn_cnt`
    // instructions of 8 bytes through `insns`, which `code` has, and a string through `license`, and
    // writes at most `log_size` bytes through `log_buf` (bpf_vlog_append), the length of `log`. All
    // live past the call, and the kernel keeps no pointer; the others in the attr are null.
    Ok(owned(unsafe { bpf(BPF_PROG_LOAD, &mut attr) }?))
}

/// Attach `program` to the device's tcx chain, in the place of the program `replace`, else as the
/// last. It stays attached until it is detached or the device ends, whatever descriptors are
/// closed. Since Linux 6.6.
///
/// # Errors
/// That of `BPF_PROG_ATTACH`.
pub(crate) fn attach(
    program: BorrowedFd<'_>,
    index: u32,
    direction: Direction,
    replace: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let mut attr = AttachAttr {
        target_ifindex: index,
        attach_bpf_fd: raw(program),
        attach_type: attach_type(direction),
        attach_flags: if replace.is_some() { BPF_F_REPLACE } else { BPF_F_AFTER },
        replace_bpf_fd: replace.map_or(0, raw),
        ..AttachAttr::default()
    };
    // SAFETY: the attr holds no pointer.
    unsafe { bpf(BPF_PROG_ATTACH, &mut attr) }.map(drop)
}

/// Detach `program` from the device's tcx chain.
///
/// # Errors
/// That of `BPF_PROG_DETACH`.
pub(crate) fn detach(program: BorrowedFd<'_>, index: u32, direction: Direction) -> io::Result<()> {
    let mut attr = AttachAttr {
        target_ifindex: index,
        attach_bpf_fd: raw(program),
        attach_type: attach_type(direction),
        ..AttachAttr::default()
    };
    // SAFETY: the attr holds no pointer.
    unsafe { bpf(BPF_PROG_DETACH, &mut attr) }.map(drop)
}

/// The ids of the programs in the device's tcx chain, in the order in which they run.
///
/// # Errors
/// That of `BPF_PROG_QUERY`; `EINVAL` before Linux 6.6.
pub(crate) fn query(index: u32, direction: Direction) -> io::Result<Vec<u32>> {
    let mut ids = vec![0u32; MPROG_MAX];
    let mut attr = QueryAttr {
        target_ifindex: index,
        attach_type: attach_type(direction),
        prog_ids: ids.as_mut_ptr().expose_provenance() as u64,
        prog_cnt: MPROG_MAX as u32,
        ..QueryAttr::default()
    };
    // SAFETY: BPF_PROG_QUERY (bpf_mprog_query, kernel/bpf/mprog.c, v6.12) writes at most `prog_cnt`
    // ids of 4 bytes through `prog_ids`, for which `ids` has room; it lives past the call, and the
    // kernel keeps no pointer. The other pointers are null, and nothing is written through these.
    unsafe { bpf(BPF_PROG_QUERY, &mut attr) }?;
    ids.truncate(attr.prog_cnt as usize);
    Ok(ids)
}

/// The lowest id of a loaded program that is above `id`; `None` if there is none.
///
/// # Errors
/// That of `BPF_PROG_GET_NEXT_ID`: `EPERM` without CAP_SYS_ADMIN.
pub(crate) fn program_after(id: u32) -> io::Result<Option<u32>> {
    let mut attr = IdAttr { id, ..IdAttr::default() };
    // SAFETY: the attr holds no pointer.
    match unsafe { bpf(BPF_PROG_GET_NEXT_ID, &mut attr) } {
        Ok(_) => Ok(Some(attr.next_id)),
        Err(error) if Errno::from_io_error(&error) == Some(Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A descriptor of the program with this id.
///
/// # Errors
/// That of `BPF_PROG_GET_FD_BY_ID`: `EPERM` without CAP_SYS_ADMIN, `ENOENT` if it has ended.
pub(crate) fn program_by_id(id: u32) -> io::Result<OwnedFd> {
    by_id(BPF_PROG_GET_FD_BY_ID, id)
}

fn by_id(command: c_long, id: u32) -> io::Result<OwnedFd> {
    let mut attr = IdAttr { id, ..IdAttr::default() };
    // SAFETY: the attr holds no pointer.
    Ok(owned(unsafe { bpf(command, &mut attr) }?))
}

/// The name of the program with this id; empty if it has none.
///
/// # Errors
/// Those of [`program_by_id`].
pub(crate) fn name_of(id: u32) -> io::Result<String> {
    Ok(program_info(program_by_id(id)?.as_fd())?.name)
}

/// What the kernel says of a loaded program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ProgramInfo {
    pub(crate) id: u32,
    /// Empty for one without name.
    pub(crate) name: String,
    /// Its type; `None` if it is none of the types that we load.
    pub(crate) kind: Option<ProgramKind>,
    /// The real user ID of the process that loaded it.
    pub(crate) uid: u32,
    /// The ids of its maps, the first few.
    pub(crate) maps: Vec<u32>,
}

/// What the kernel says of `program`. Takes no privilege.
///
/// # Errors
/// That of `BPF_OBJ_GET_INFO_BY_FD`: `EBADF` if the descriptor is none of BPF.
pub(crate) fn program_info(program: BorrowedFd<'_>) -> io::Result<ProgramInfo> {
    let mut maps = vec![0u32; MAPS_MAX];
    let mut info = RawProgramInfo {
        nr_map_ids: MAPS_MAX as u32,
        map_ids: maps.as_mut_ptr().expose_provenance() as u64,
        ..RawProgramInfo::default()
    };
    let mut attr = InfoAttr {
        bpf_fd: raw(program),
        info_len: size_of_val(&info) as u32,
        info: (&raw mut info).expose_provenance() as u64,
    };
    // SAFETY: BPF_OBJ_GET_INFO_BY_FD (bpf_prog_get_info_by_fd, v6.12; those of other kinds of
    // objects do the same) reads and writes at most `info_len` bytes through `info`, which is as
    // large and lives past the call, and at most `nr_map_ids` ids of 4 bytes through `map_ids`, for
    // which `maps` has room; the other pointers in it are null, and none is kept.
    unsafe { bpf(BPF_OBJ_GET_INFO_BY_FD, &mut attr) }?;
    // The kernel says how many there are, not how many it wrote.
    maps.truncate(info.nr_map_ids as usize);
    Ok(ProgramInfo {
        id: info.id,
        name: text(&info.name),
        kind: match info.program_type {
            BPF_PROG_TYPE_SOCKET_FILTER => Some(ProgramKind::SocketFilter),
            BPF_PROG_TYPE_SCHED_CLS => Some(ProgramKind::SchedCls),
            _ => None,
        },
        uid: info.created_by_uid,
        maps,
    })
}

/// A map, whoever has made it.
pub(crate) struct Map {
    fd: OwnedFd,
    info: RawMapInfo,
}

impl Map {
    /// The map with this id.
    ///
    /// # Errors
    /// That of `BPF_MAP_GET_FD_BY_ID`, as for [`program_by_id`], or of `BPF_OBJ_GET_INFO_BY_FD`.
    pub(crate) fn with_id(id: u32) -> io::Result<Self> {
        let fd = by_id(BPF_MAP_GET_FD_BY_ID, id)?;
        let mut info = RawMapInfo::default();
        let mut attr = InfoAttr {
            bpf_fd: raw(fd.as_fd()),
            info_len: size_of_val(&info) as u32,
            info: (&raw mut info).expose_provenance() as u64,
        };
        // SAFETY: BPF_OBJ_GET_INFO_BY_FD (bpf_map_get_info_by_fd, v6.12) reads and writes at most
        // `info_len` bytes through `info`, which is as large and lives past the call. What it reads
        // there is zero, and so are counts of anything to be written elsewhere. No pointer is kept.
        unsafe { bpf(BPF_OBJ_GET_INFO_BY_FD, &mut attr) }?;
        Ok(Self { fd, info })
    }

    /// Its name. Whoever makes a map chooses it.
    pub(crate) fn name(&self) -> String {
        text(&self.info.name)
    }

    /// Whether it takes CAP_NET_ADMIN to make such a map, as for [`net_admin_map`] (map_create,
    /// kernel/bpf/syscall.c, v6.12; dev_map_alloc, kernel/bpf/devmap.c, v5.10).
    pub(crate) fn takes_net_admin(&self) -> bool {
        self.info.map_type == BPF_MAP_TYPE_DEVMAP
    }

    /// The same as a map of one value of at most `most` bytes; `None` if it is not one.
    pub(crate) fn into_value(self, most: usize) -> Option<Value> {
        let RawMapInfo { map_type, key_size, value_size, max_entries, .. } = self.info;
        let len = value_size as usize;
        let is_value = (map_type, key_size, max_entries) == (BPF_MAP_TYPE_ARRAY, KEY_LEN, 1);
        (is_value && len <= most).then_some(Value { map: self.fd, len })
    }
}

/// `union bpf_attr` for `BPF_MAP_CREATE`, up to the name.
#[derive(Default)]
#[repr(C)]
struct MapAttr {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
    inner_map_fd: u32,
    numa_node: u32,
    map_name: [u8; NAME_LEN],
}

/// `union bpf_attr` for `BPF_PROG_LOAD`, up to what came with the name (Linux 4.15), or soon after.
#[derive(Default)]
#[repr(C)]
struct LoadAttr {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; NAME_LEN],
    prog_ifindex: u32,
    expected_attach_type: u32,
}

/// `union bpf_attr` for commands that take a descriptor alone.
#[repr(C)]
struct FdAttr {
    fd: u32,
}

/// `union bpf_attr` for `BPF_MAP_*_ELEM`.
#[repr(C)]
struct ElemAttr {
    map_fd: u32,
    pad: u32,
    key: u64,
    value: u64,
    flags: u64,
}

impl ElemAttr {
    fn new(map: BorrowedFd<'_>, key: *const u32, value: *const c_void) -> Self {
        let key = key.expose_provenance() as u64;
        let value = value.expose_provenance() as u64;
        Self { map_fd: raw(map), pad: 0, key, value, flags: 0 }
    }
}

/// `union bpf_attr` for `BPF_PROG_BIND_MAP`.
#[repr(C)]
struct BindAttr {
    prog_fd: u32,
    map_fd: u32,
    flags: u32,
}

/// `union bpf_attr` for `BPF_PROG_ATTACH` and `BPF_PROG_DETACH`.
#[derive(Default)]
#[repr(C)]
struct AttachAttr {
    target_ifindex: u32,
    attach_bpf_fd: u32,
    attach_type: u32,
    attach_flags: u32,
    replace_bpf_fd: u32,
    relative_fd: u32,
    expected_revision: u64,
}

/// `union bpf_attr` for `BPF_PROG_QUERY`.
#[derive(Default)]
#[repr(C)]
struct QueryAttr {
    target_ifindex: u32,
    attach_type: u32,
    query_flags: u32,
    attach_flags: u32,
    prog_ids: u64,
    prog_cnt: u32,
    pad: u32,
    prog_attach_flags: u64,
    link_ids: u64,
    link_attach_flags: u64,
    revision: u64,
}

/// `union bpf_attr` for `BPF_PROG_GET_NEXT_ID` and `BPF_*_GET_FD_BY_ID`.
#[derive(Default)]
#[repr(C)]
struct IdAttr {
    id: u32,
    next_id: u32,
    open_flags: u32,
}

/// `union bpf_attr` for `BPF_OBJ_GET_INFO_BY_FD`.
#[repr(C)]
struct InfoAttr {
    bpf_fd: u32,
    info_len: u32,
    info: u64,
}

/// The start of `struct bpf_prog_info`, up to the name.
#[derive(Default)]
#[repr(C)]
struct RawProgramInfo {
    program_type: u32,
    id: u32,
    tag: [u8; 8],
    jited_prog_len: u32,
    xlated_prog_len: u32,
    jited_prog_insns: u64,
    xlated_prog_insns: u64,
    load_time: u64,
    created_by_uid: u32,
    nr_map_ids: u32,
    map_ids: u64,
    name: [u8; NAME_LEN],
}

/// The start of `struct bpf_map_info`, up to the name.
#[derive(Default)]
#[repr(C)]
struct RawMapInfo {
    map_type: u32,
    id: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
    name: [u8; NAME_LEN],
}

/// Maps of a program that are looked at; ours have at most four.
const MAPS_MAX: usize = 8;

const _: () = assert!(size_of::<QueryAttr>() == 64 && size_of::<RawProgramInfo>() == 80);
const _: () = assert!(size_of::<MapAttr>() == 44 && size_of::<LoadAttr>() == 72);
const _: () = assert!(size_of::<RawMapInfo>() == 40);

/// # Safety
/// Pointers in `attr` must be good for what `command` does with them.
unsafe fn bpf<T>(command: c_long, attr: &mut T) -> io::Result<c_long> {
    // SAFETY: bpf(2) reads `size_of` bytes of the attr, and writes some of these; what it points
    // to is the caller's to vouch for.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut *attr, size_of::<T>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// What a command that makes a descriptor has returned.
fn owned(fd: c_long) -> OwnedFd {
    // SAFETY: the kernel has just made this descriptor (bpf_map_new_fd, bpf_prog_new_fd,
    // kernel/bpf/syscall.c, v6.12; close-on-exec), and nobody else knows of it.
    unsafe { OwnedFd::from_raw_fd(fd as RawFd) }
}

/// A name as the kernel takes it: as much as fits before a 0.
fn object_name(name: &str) -> [u8; NAME_LEN] {
    let mut bytes = [0; NAME_LEN];
    for (to, from) in bytes.iter_mut().take(NAME_LEN - 1).zip(name.bytes()) {
        *to = from;
    }
    bytes
}

/// A string up to its first 0.
fn text(bytes: &[u8]) -> String {
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

fn raw(fd: BorrowedFd<'_>) -> u32 {
    // A descriptor is not negative.
    fd.as_raw_fd() as u32
}

fn attach_type(direction: Direction) -> u32 {
    match direction {
        Direction::Ingress => BPF_TCX_INGRESS,
        Direction::Egress => BPF_TCX_EGRESS,
    }
}

/// More than the programs of a tcx chain (`BPF_MPROG_MAX`, linux/bpf_mprog.h, one of them its end).
const MPROG_MAX: usize = 64;

/// Bytes of an instruction, `struct bpf_insn`.
const INSN_LEN: usize = 8;

/// Bytes of a key of our maps.
const KEY_LEN: u32 = 4;

/// `BPF_OBJ_NAME_LEN`
const NAME_LEN: usize = 16;

// linux/bpf.h, linux/bpf_verifier.h
const BPF_MAP_CREATE: c_long = 0;
const BPF_MAP_LOOKUP_ELEM: c_long = 1;
const BPF_MAP_UPDATE_ELEM: c_long = 2;
const BPF_PROG_LOAD: c_long = 5;
const BPF_PROG_ATTACH: c_long = 8;
const BPF_PROG_DETACH: c_long = 9;
const BPF_PROG_GET_NEXT_ID: c_long = 11;
const BPF_PROG_GET_FD_BY_ID: c_long = 13;
const BPF_MAP_GET_FD_BY_ID: c_long = 14;
const BPF_OBJ_GET_INFO_BY_FD: c_long = 15;
const BPF_PROG_QUERY: c_long = 16;
const BPF_MAP_FREEZE: c_long = 22;
const BPF_PROG_BIND_MAP: c_long = 35;
const BPF_MAP_TYPE_ARRAY: u32 = 2;
const BPF_MAP_TYPE_DEVMAP: u32 = 14;
const BPF_PROG_TYPE_SOCKET_FILTER: u32 = 1;
const BPF_PROG_TYPE_SCHED_CLS: u32 = 3;
const BPF_TCX_INGRESS: u32 = 46;
const BPF_TCX_EGRESS: u32 = 47;
const BPF_F_REPLACE: u32 = 1 << 2;
const BPF_F_AFTER: u32 = 1 << 4;
const BPF_F_RDONLY_PROG: u32 = 1 << 7;
const BPF_LOG_LEVEL1: u32 = 1;
