//! A guest's memory.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use vm_memory::{AtomicAccess, Bytes, FileOffset, MmapRegion, VolatileMemory, VolatileSlice};

/// A guest's memory: a file that is shared with the device.
///
/// Places in it are guest-physical addresses; the first byte is at [`Memory::BASE`].
///
/// # Panics
/// All methods, at an address that is none of the memory's.
#[derive(Debug)]
pub struct Memory {
    region: MmapRegion,
    file: OwnedFd,
    /// Where nothing has been handed out yet, from the start.
    next: Mutex<u64>,
}

/// A part of the memory as a frontend tells the device of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Region {
    /// Its guest-physical address.
    pub guest: u64,
    /// Bytes.
    pub len: u64,
    /// Its address in the frontend, by which rings are named.
    pub user: u64,
    /// Where it is in the file.
    pub offset: u64,
}

impl Memory {
    /// The guest-physical address of the first byte.
    pub const BASE: u64 = 0x4000_0000;

    /// The address of the first byte in the frontend; it is only a number.
    pub const USER_BASE: u64 = 0x7e00_0000_0000;

    /// Memory of so many bytes, all zero.
    ///
    /// # Errors
    /// Those of making and mapping a file in memory.
    pub fn new(len: u64) -> io::Result<Self> {
        let file = memfd_create("guest", MemfdFlags::CLOEXEC)?;
        ftruncate(&file, len)?;
        Self::of_file(file, 0, len)
    }

    /// The memory that a device has as this part of a file: so many bytes from `offset` on, which are at
    /// [`Memory::BASE`] for the device.
    ///
    /// # Errors
    /// Those of mapping a file.
    pub fn of_file(file: OwnedFd, offset: u64, len: u64) -> io::Result<Self> {
        let place = FileOffset::new(File::from(file.try_clone()?), offset);
        let region = MmapRegion::from_file(place, at(len)).map_err(io::Error::other)?;
        Ok(Self { region, file, next: Mutex::new(0) })
    }

    /// Bytes.
    #[expect(clippy::len_without_is_empty, reason = "a guest has memory")]
    pub fn len(&self) -> u64 {
        self.region.size() as u64
    }

    /// The file.
    pub fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// The memory in so many adjacent parts.
    pub fn regions(&self, count: u64) -> Vec<Region> {
        let each = (self.len() / count).next_multiple_of(PAGE);
        let parts = (0..count).map(|part| {
            let offset = part * each;
            let len = if part + 1 == count { self.len() - offset } else { each };
            Region { guest: Self::BASE + offset, len, user: Self::USER_BASE + offset, offset }
        });
        parts.collect()
    }

    /// The address in the frontend of a guest-physical one.
    pub fn user(address: u64) -> u64 {
        address.wrapping_sub(Self::BASE).wrapping_add(Self::USER_BASE)
    }

    /// Bytes that nothing else uses.
    ///
    /// # Panics
    /// If there are not so many left.
    pub fn allocate(&self, len: u64, align: u64) -> u64 {
        let mut next = self.next.lock().expect("no one panics with it");
        let start = next.next_multiple_of(align);
        assert!(start + len <= self.len(), "the guest's memory is used up");
        *next = start + len;
        Self::BASE + start
    }

    /// Hand everything out anew.
    pub fn free_all(&self) {
        *self.next.lock().expect("no one panics with it") = 0;
    }

    /// Copy bytes from here.
    pub fn read(&self, address: u64, bytes: &mut [u8]) {
        self.slice().read_slice(bytes, offset(address)).unwrap_or_else(|_| missing(address));
    }

    /// Copy bytes to here.
    pub fn write(&self, address: u64, bytes: &[u8]) {
        self.slice().write_slice(bytes, offset(address)).unwrap_or_else(|_| missing(address));
    }

    /// Set bytes to this value.
    pub fn fill(&self, address: u64, len: usize, value: u8) {
        self.write(address, &vec![value; len]);
    }

    /// What the device may be writing, at its natural alignment; what it has written before is seen.
    #[inline]
    pub fn load<T: AtomicAccess>(&self, address: u64) -> T {
        let loaded = self.slice().load(offset(address), Ordering::Acquire);
        loaded.unwrap_or_else(|_| missing(address))
    }

    /// For the device, at its natural alignment; it sees what was written before.
    #[inline]
    pub fn store<T: AtomicAccess>(&self, address: u64, value: T) {
        let stored = self.slice().store(value, offset(address), Ordering::Release);
        stored.unwrap_or_else(|_| missing(address));
    }

    fn slice(&self) -> VolatileSlice<'_> {
        self.region.as_volatile_slice()
    }
}

fn offset(address: u64) -> usize {
    at(address.wrapping_sub(Memory::BASE))
}

fn at(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn missing<T>(address: u64) -> T {
    panic!("{address:#x} is not the guest's memory")
}

const PAGE: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_adjacent_and_whole() {
        let memory = Memory::new(1 << 20).unwrap();
        for count in [1, 2, 3, 7] {
            let regions = memory.regions(count);
            let mut end = 0;
            for region in &regions {
                assert_eq!(region.offset, end);
                assert_eq!(region.guest, Memory::BASE + end);
                assert_eq!(Memory::user(region.guest), region.user);
                end += region.len;
            }
            assert_eq!((regions.len() as u64, end), (count, memory.len()));
        }
    }

    #[test]
    fn bytes_are_kept() {
        let memory = Memory::new(1 << 16).unwrap();
        let place = memory.allocate(10, 16);
        let next = memory.allocate(2, 2);
        assert_eq!((place, next), (Memory::BASE, Memory::BASE + 10));
        memory.write(place + 1, &[1, 2, 3]);
        let mut bytes = [0; 5];
        memory.read(place, &mut bytes);
        assert_eq!(bytes, [0, 1, 2, 3, 0]);
        memory.store(next, 0x1234_u16);
        assert_eq!(memory.load::<u16>(next), 0x1234);
    }
}
