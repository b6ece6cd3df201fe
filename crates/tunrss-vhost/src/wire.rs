//! Guest memory as the kernel reads and writes it: the one place with unsafe code, and so also of
//! system calls that no library wraps.
//!
//! A guest changes its memory whenever it likes. So no reference to it is made: bytes are copied by
//! vm-memory's volatile accesses, or by the kernel, and what was copied is checked, not what is there.

use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::Arc;

use libc::iovec;
use vm_memory::{GuestAddress, GuestMemoryBackend, GuestMemoryMmap, VolatileSlice};

/// The memory of a guest, as its frontend has told of it. It stays mapped as long as somebody has it.
pub(crate) type Memory = GuestMemoryMmap<()>;

/// A part of a guest's memory that is looked at again and again, found once: of a ring.
pub(crate) struct Area {
    /// Keeps it mapped.
    _memory: Arc<Memory>,
    start: *mut u8,
    len: usize,
}

// SAFETY: the pointer is into a mapping that `_memory` keeps, which is not bound to a thread
// (GuestMemoryMmap is Send and Sync); it is used only to make a VolatileSlice that borrows the area.
unsafe impl Send for Area {}

impl Area {
    /// The `len` bytes from `address` on, if the guest has them in one mapping.
    pub(crate) fn new(memory: &Arc<Memory>, address: GuestAddress, len: usize) -> Option<Self> {
        let slice = GuestMemoryBackend::get_slice(&**memory, address, len).ok()?;
        let start = slice.ptr_guard_mut().as_ptr();
        Some(Self { _memory: memory.clone(), start, len })
    }

    /// The bytes, for accesses that allow for others'.
    #[inline]
    pub(crate) fn bytes(&self) -> VolatileSlice<'_> {
        // SAFETY: `new` took base and length of a slice of the memory, which `self` keeps mapped as long
        // as the result borrows it; others write there, which a VolatileSlice allows for.
        unsafe { VolatileSlice::new(self.start, self.len) }
    }
}

impl fmt::Debug for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Area").field("len", &self.len).finish_non_exhaustive()
    }
}

/// Parts of a guest's memory one behind another, as a stream of bytes that the kernel can fill or
/// send. Each part lies in the memory that this holds.
pub(crate) struct Segments {
    memory: Arc<Memory>,
    parts: Vec<iovec>,
}

// SAFETY: the pointers are into a mapping that `memory` keeps, which is not bound to a thread
// (GuestMemoryMmap is Send and Sync), and are used only through `&self` and `&mut self`.
unsafe impl Send for Segments {}

impl Segments {
    /// None yet, of this memory.
    pub(crate) fn new(memory: Arc<Memory>) -> Self {
        Self { memory, parts: Vec::new() }
    }

    /// How many parts there are.
    pub(crate) fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Forget the parts from the `count`th on.
    pub(crate) fn truncate(&mut self, count: usize) {
        self.parts.truncate(count);
    }

    /// Forget the first `count` parts.
    pub(crate) fn remove_first(&mut self, count: usize) {
        self.parts.drain(..count);
    }

    /// Add `len` bytes from `address` on. They may lie in several mappings.
    ///
    /// # Errors
    /// [`OutsideMemory`]; no part is added then.
    pub(crate) fn push(&mut self, address: GuestAddress, len: u32) -> Result<(), OutsideMemory> {
        let before = self.parts.len();
        let outside = OutsideMemory { address: address.0, len };
        for slice in GuestMemoryBackend::get_slices(&*self.memory, address, len as usize) {
            let Ok(slice) = slice else {
                self.parts.truncate(before);
                return Err(outside);
            };
            let base = slice.ptr_guard_mut().as_ptr();
            self.parts.push(iovec { iov_base: base.cast(), iov_len: slice.len() });
        }
        Ok(())
    }

    /// Put `bytes` into the stream from byte `at` of part `first` on. What has no room is left out.
    pub(crate) fn copy_in(&self, first: usize, at: usize, mut bytes: &[u8]) {
        for slice in self.slices(first, at) {
            if bytes.is_empty() {
                return;
            }
            let len = slice.len().min(bytes.len());
            let (now, later) = bytes.split_at(len);
            slice.copy_from(now);
            bytes = later;
        }
    }

    /// Take the bytes from byte `at` of part `first` on. Returns how many there were for `bytes`.
    pub(crate) fn copy_out(&self, first: usize, at: usize, bytes: &mut [u8]) -> usize {
        let mut taken = 0;
        for slice in self.slices(first, at) {
            let Some(rest) = bytes.get_mut(taken..).filter(|rest| !rest.is_empty()) else { break };
            let len = slice.len().min(rest.len());
            slice.copy_to(&mut rest[..len]);
            taken += len;
        }
        taken
    }

    /// The stream from byte `at` of part `first` on, part by part.
    fn slices(&self, first: usize, mut at: usize) -> impl Iterator<Item = VolatileSlice<'_>> {
        self.parts.get(first..).unwrap_or_default().iter().filter_map(move |part| {
            let skipped = at.min(part.iov_len);
            at -= skipped;
            // SAFETY: `push` took base and length of a slice of `memory`, which `self` keeps mapped as
            // long as the result borrows it; others write there, which a VolatileSlice allows for.
            let slice = unsafe { VolatileSlice::new(part.iov_base.cast(), part.iov_len) };
            slice.offset(skipped).ok().filter(|slice| !slice.is_empty())
        })
    }
}

impl fmt::Debug for Segments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segments").field("parts", &self.parts.len()).finish_non_exhaustive()
    }
}

/// What one system call reads or writes: a part of our own, then parts of a guest's memory.
pub(crate) struct Vector {
    parts: Vec<iovec>,
}

// SAFETY: outside of `read` and `write`, which fill it before they use it, it holds nothing.
unsafe impl Send for Vector {}

impl Vector {
    pub(crate) fn new() -> Self {
        Self { parts: Vec::with_capacity(MAX_PARTS) }
    }

    /// Read one packet from `fd`: its start goes into `front`, what follows into the parts of `stream`
    /// from the `first` to before the `last`, without the first `skip` bytes of these, what has no room
    /// there into `beyond`. Returns how many bytes were read.
    pub(crate) fn read(
        &mut self,
        fd: BorrowedFd<'_>,
        front: &mut [u8],
        stream: &Segments,
        (first, last): (usize, usize),
        skip: usize,
        beyond: &mut [u8],
    ) -> io::Result<usize> {
        self.parts.clear();
        self.parts.push(iovec { iov_base: front.as_mut_ptr().cast(), iov_len: front.len() });
        self.add(stream, (first, last), skip);
        self.parts.push(iovec { iov_base: beyond.as_mut_ptr().cast(), iov_len: beyond.len() });
        // SAFETY: readv writes at most `iov_len` bytes to each `iov_base`: to `front` and `beyond`,
        // which are borrowed and live past the call, and to memory that `stream` keeps mapped, which no
        // reference is into. The count is that of the initialised elements and fits (see MAX_PARTS). The
        // result is checked.
        let read = unsafe {
            libc::readv(fd.as_raw_fd(), self.parts.as_ptr(), self.parts.len() as libc::c_int)
        };
        usize::try_from(read).map_err(|_| io::Error::last_os_error())
    }

    /// Write one packet to `fd`: `front`, then the parts of `stream` from the `first` to before the
    /// `last` without the first `skip` bytes of these.
    pub(crate) fn write(
        &mut self,
        fd: BorrowedFd<'_>,
        front: &[u8],
        stream: &Segments,
        (first, last): (usize, usize),
        skip: usize,
    ) -> io::Result<usize> {
        self.parts.clear();
        let base = front.as_ptr().cast_mut().cast();
        self.parts.push(iovec { iov_base: base, iov_len: front.len() });
        self.add(stream, (first, last), skip);
        // SAFETY: writev reads at most `iov_len` bytes from each `iov_base`: from `front`, which is
        // borrowed and lives past the call, and from memory that `stream` keeps mapped. It writes to
        // neither, so that `front` was made a mutable pointer does not matter. The count is that of the
        // initialised elements and fits (see MAX_PARTS). The result is checked.
        let written = unsafe {
            libc::writev(fd.as_raw_fd(), self.parts.as_ptr(), self.parts.len() as libc::c_int)
        };
        usize::try_from(written).map_err(|_| io::Error::last_os_error())
    }

    /// Add parts of `stream`, as many as there may be.
    fn add(&mut self, stream: &Segments, (first, last): (usize, usize), mut skip: usize) {
        for part in stream.parts.get(first..last).unwrap_or_default() {
            let skipped = skip.min(part.iov_len);
            skip -= skipped;
            if part.iov_len > skipped && self.parts.len() < MAX_PARTS - 1 {
                let iov_base = part.iov_base.wrapping_byte_add(skipped);
                self.parts.push(iovec { iov_base, iov_len: part.iov_len - skipped });
            }
        }
    }
}

/// Have all descriptors but the standard ones closed in programs that are executed from now on: those
/// that whoever started this process has left open.
///
/// # Errors
/// The system refuses; Linux before 5.11 does not know of it.
pub fn keep_descriptors_from_children() -> io::Result<()> {
    const FIRST: libc::c_uint = 3;
    // SAFETY: close_range takes its three arguments by value; with CLOSE_RANGE_CLOEXEC it closes nothing
    // (fs/file.c, v6.12), so no descriptor that somebody owns here ends. The result is checked.
    let result = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            FIRST,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC as libc::c_uint,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// A thread of this process, which can be interrupted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Thread(rustix::process::Pid);

impl Thread {
    /// The calling thread.
    pub(crate) fn current() -> Self {
        Self(rustix::thread::gettid())
    }

    /// End a system call in which the thread waits, if it can be ended: the call returns `EINTR`. Has no
    /// effect on a thread that does not wait. [`allow_interrupts`] has to have been called.
    pub(crate) fn interrupt(self) {
        let process = rustix::process::getpid().as_raw_nonzero().get();
        // SAFETY: tgkill takes its three arguments by value. The signal reaches a thread of this process
        // alone, where `allow_interrupts` has a handler that does nothing, or else the default, which is
        // to ignore it. A thread that has ended, and whose number is gone, is an error that says nothing new.
        let _ = unsafe {
            libc::syscall(libc::SYS_tgkill, process, self.0.as_raw_nonzero().get(), libc::SIGURG)
        };
    }
}

/// Have [`Thread::interrupt`] work in this process, by a handler of SIGURG. The Go runtime uses the signal
/// for the same, because programs have no other use for it, and it is ignored where there is no handler.
///
/// # Errors
/// Those of the system.
pub(crate) fn allow_interrupts() -> io::Result<()> {
    extern "C" fn nothing(_: libc::c_int) {}
    let handler: extern "C" fn(libc::c_int) = nothing;
    // SAFETY: all its fields may be zero: no signals that are blocked meanwhile, and no flags, without
    // SA_RESTART, so that what is interrupted returns.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as libc::sighandler_t;
    // SAFETY: sigaction reads `action`, which is whole and lives past the call, and writes nothing where
    // the third argument is null. The handler may run at any moment: it does nothing.
    let result = unsafe { libc::sigaction(libc::SIGURG, &action, std::ptr::null_mut()) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The most parts that one system call takes (`UIO_MAXIOV`, linux/uio.h).
pub(crate) const MAX_PARTS: usize = 1024;

/// An address of a guest that is not in its memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct OutsideMemory {
    address: u64,
    len: u32,
}

impl fmt::Display for OutsideMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, len } = self;
        write!(f, "{len} bytes at {address:#x} are not in the guest's memory")
    }
}
