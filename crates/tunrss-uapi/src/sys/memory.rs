//! The caller's memory, at addresses that may be wrong: the kernel copies, and says `EFAULT`.

use std::ffi::c_void;
use std::io;
use std::ptr;

use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

use crate::error::{Error, Result};

/// Fill `into` from the caller's memory.
///
/// # Errors
/// `EFAULT` if not all of it can be read.
pub(crate) fn read(address: usize, into: &mut [u8]) -> Result<()> {
    copy(address, Direction::Read, into)
}

/// Copy `from` into the caller's memory.
///
/// # Errors
/// `EFAULT` if not all of it can be written. What could be may have been.
pub(crate) fn write(address: usize, from: &[u8]) -> Result<()> {
    copy(address, Direction::Write, &mut from.to_vec())
}

/// What is done with the caller's memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Direction {
    Read,
    Write,
}

fn copy(address: usize, direction: Direction, ours: &mut [u8]) -> Result<()> {
    let len = ours.len();
    if len == 0 {
        return Ok(());
    }
    let local = libc::iovec { iov_base: ours.as_mut_ptr().cast(), iov_len: len };
    let remote = libc::iovec { iov_base: address as *mut c_void, iov_len: len };
    let (local, remote) = (&raw const local, &raw const remote);
    let this = std::process::id() as libc::pid_t;
    let copied = match direction {
        // SAFETY: process_vm_readv writes at most `iov_len` bytes to `local`, which are those of `ours`,
        // and reads `remote` as any other process would: a wrong address is an error
        // (mm/process_vm_access.c, v6.12). Both structs live past the call.
        Direction::Read => unsafe { libc::process_vm_readv(this, local, 1, remote, 1, 0) },
        // SAFETY: process_vm_writev the other way round; an address that is read-only is an error, too.
        // Writing there is what the caller has asked for.
        Direction::Write => unsafe { libc::process_vm_writev(this, local, 1, remote, 1, 0) },
    };
    match check(copied, len) {
        Err(error) if is_forbidden(&error) => through_pipe(address, direction, ours),
        result => result,
    }
}

/// A copy of the caller's array of buffers, at whatever address: it need not be aligned.
///
/// # Errors
/// `EFAULT` if not all of it can be read.
pub(crate) fn parts(address: usize, parts: &mut [libc::iovec]) -> Result<()> {
    let len = size_of_val(parts);
    if !address.is_multiple_of(align_of::<libc::iovec>()) || !is_readable(address, len) {
        // SAFETY: all of them are bytes that can be written, and any bytes make an iovec: a pointer that
        // is not used here, and a length.
        let bytes = unsafe { std::slice::from_raw_parts_mut(parts.as_mut_ptr().cast::<u8>(), len) };
        return read(address, bytes);
    }
    let from = ptr::with_exposed_provenance::<libc::iovec>(address);
    // SAFETY: the kernel has just read from each page of the array, so it is mapped and readable, and
    // it is aligned. That it stays so for the length of the call is the caller's to see to, as it is
    // for the system call: who unmaps it meanwhile has a race of his own.
    unsafe { ptr::copy_nonoverlapping(from, parts.as_mut_ptr(), parts.len()) };
    Ok(())
}

/// Whether the kernel can read from each page that the caller's `len` bytes are in; false also where it
/// is not asked. Takes a tenth of what copying by the kernel takes ([`read`]).
///
/// `address` has to be a multiple of 4.
fn is_readable(address: usize, len: usize) -> bool {
    let Some(end) = address.checked_add(len) else { return false };
    let next_page = |at: usize| (at / PAGE + 1).checked_mul(PAGE);
    let mut at = address;
    while at < end {
        if !can_load(at) {
            return false;
        }
        let Some(next) = next_page(at) else { return false };
        at = next;
    }
    true
}

/// Whether the kernel can load a word of 4 bytes from there, which it does before it wakes those who
/// wait for the word to change (`futex_requeue`, kernel/futex/requeue.c, v6.12). A futex is what every
/// sandbox allows. Nobody is woken, and this thread never waits.
fn can_load(address: usize) -> bool {
    let operation = libc::FUTEX_CMP_REQUEUE | libc::FUTEX_PRIVATE_FLAG;
    let (none_woken, none_moved, expected) = (0, 0usize, 0);
    // SAFETY: FUTEX_CMP_REQUEUE reads a word at any address, or fails (EFAULT). It writes nothing.
    let result = unsafe {
        libc::syscall(
            libc::SYS_futex,
            address,
            operation,
            none_woken,
            none_moved,
            address,
            expected,
        )
    };
    // The word has another value than 0, or it has not.
    result == 0 || io::Error::last_os_error().raw_os_error() == Some(libc::EAGAIN)
}

/// No page is smaller.
const PAGE: usize = 4096;

fn check(copied: isize, len: usize) -> Result<()> {
    if copied < 0 {
        let error = io::Error::last_os_error();
        return Err(Error::Argument {
            errno: Errno::from_io_error(&error).unwrap_or(Errno::FAULT),
        });
    }
    // It stops at the first page that it cannot take.
    if copied as usize == len { Ok(()) } else { Err(Error::Argument { errno: Errno::FAULT }) }
}

/// Sandboxes may not let it be called.
fn is_forbidden(error: &Error) -> bool {
    matches!(error.errno(), Errno::PERM | Errno::NOSYS)
}

/// The same, in pieces through a pipe, whose ends copy from and to wrong addresses with an error, too.
fn through_pipe(address: usize, direction: Direction, bytes: &mut [u8]) -> Result<()> {
    let refused = |error: Errno| Error::Argument { errno: error };
    let (output, input) =
        rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(refused)?;
    let mut address = address;
    // A pipe holds that much at least.
    for piece in bytes.chunks_mut(4096) {
        use std::os::fd::AsRawFd;
        let len = piece.len();
        let copied = match direction {
            Direction::Read => {
                // SAFETY: write reads at most `len` bytes at any address, or fails (EFAULT).
                let copied =
                    unsafe { libc::write(input.as_raw_fd(), address as *const c_void, len) };
                check(copied, len)?;
                rustix::io::read(&output, piece).map_err(refused)?
            }
            Direction::Write => {
                rustix::io::write(&input, piece).map_err(refused)?;
                // SAFETY: read writes at most `len` bytes at any address, or fails (EFAULT); that is
                // what the caller has asked for.
                let copied = unsafe { libc::read(output.as_raw_fd(), address as *mut c_void, len) };
                check(copied, len)?;
                len
            }
        };
        check(copied as isize, len)?;
        address = address.wrapping_add(len);
    }
    Ok(())
}

/// See that there is memory for what a request takes. To be called before anything asks for some that
/// cannot be refused it: Rust ends a program that gets none.
///
/// # Errors
/// [`Error::NoMemory`].
pub(crate) fn ensure_plentiful() -> Result<()> {
    // Not of the program's allocator, which would change its ways for so large a piece.
    // SAFETY: at an address that the kernel chooses, so nothing is unmapped.
    let piece = unsafe {
        mmap_anonymous(
            ptr::null_mut(),
            ENOUGH,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::PRIVATE,
        )
    };
    let piece = piece.map_err(|_| Error::NoMemory)?;
    // SAFETY: it has just been mapped, and nobody else knows of it.
    unsafe { munmap(piece, ENOUGH) }.map_err(|_| Error::NoMemory)
}

/// Several times what the longest table takes, and what a thread takes.
const ENOUGH: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_and_refuses() {
        let mut bytes = *b"something";
        let mut copy = [0; 9];
        read(bytes.as_ptr() as usize, &mut copy).unwrap();
        assert_eq!(copy, bytes);
        write(bytes.as_mut_ptr() as usize, b"other").unwrap();
        assert_eq!(&bytes, b"otherhing");
        for address in [0, 8, usize::MAX - 4] {
            assert_eq!(read(address, &mut copy).unwrap_err().errno(), Errno::FAULT);
            assert_eq!(write(address, &copy).unwrap_err().errno(), Errno::FAULT);
        }
        read(0, &mut []).unwrap();
    }

    #[test]
    fn parts_are_copied_from_any_address() {
        let none = libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 };
        let mut bytes = vec![0u8; 1];
        for number in 1..=4usize {
            bytes.extend(number.to_ne_bytes());
        }
        let mut copy = [none; 2];
        parts(bytes.as_ptr() as usize + 1, &mut copy).unwrap();
        let numbers = copy.map(|part| (part.iov_base as usize, part.iov_len));
        assert_eq!(numbers, [(1, 2), (3, 4)]);
        // Aligned and not.
        for address in [8, 9, usize::MAX - 15, usize::MAX - 20] {
            assert_eq!(parts(address, &mut copy).unwrap_err().errno(), Errno::FAULT);
        }
    }

    /// Two pages, of which the second is taken away.
    #[test]
    fn parts_are_copied_up_to_the_end_of_what_is_there() {
        let numbers: Vec<u64> = (0..1024).collect();
        let flags = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: at an address that the kernel chooses, so nothing is unmapped.
        let pages = unsafe { mmap_anonymous(ptr::null_mut(), 2 * PAGE, flags.0, flags.1) }.unwrap();
        // SAFETY: 8192 bytes that have just been mapped.
        unsafe { ptr::copy_nonoverlapping(numbers.as_ptr(), pages.cast(), numbers.len()) };
        let start = pages as usize;
        let mut copy = [libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 }; 2];
        let across = start + PAGE - 16;
        parts(across, &mut copy).unwrap();
        assert_eq!(copy.map(|part| part.iov_base as usize), [510, 512]);
        assert_eq!(copy.map(|part| part.iov_len), [511, 513]);
        // SAFETY: it has been mapped above, and nobody else knows of it.
        unsafe { munmap(pages.wrapping_byte_add(PAGE), PAGE) }.unwrap();
        for address in [across, across + 8, across - 4] {
            assert_eq!(parts(address, &mut copy).unwrap_err().errno(), Errno::FAULT);
        }
        parts(across - 16, &mut copy).unwrap();
        // SAFETY: as above.
        unsafe { munmap(pages, PAGE) }.unwrap();
    }

    #[test]
    fn copies_and_refuses_through_a_pipe() {
        let mut bytes: Vec<u8> = (0..10_000u32).map(|step| step as u8).collect();
        let mut copy = vec![0; 10_000];
        through_pipe(bytes.as_ptr() as usize, Direction::Read, &mut copy).unwrap();
        assert_eq!(copy, bytes);
        copy.reverse();
        through_pipe(bytes.as_mut_ptr() as usize, Direction::Write, &mut copy).unwrap();
        assert_eq!(copy, bytes);
        for direction in [Direction::Read, Direction::Write] {
            assert_eq!(through_pipe(8, direction, &mut copy).unwrap_err().errno(), Errno::FAULT);
        }
    }
}
