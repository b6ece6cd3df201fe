//! A file whose contents never come: a file system in user space that knows its file and does not read it
//! (`struct fuse_in_header` and others, linux/fuse.h).

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

use rustix::io::Errno;

use crate::daemon_process::Folder;

/// The file. Whoever waits for its contents gets an error when this is dropped.
pub(crate) struct Undelivered {
    pub(crate) file: File,
    folder: Folder,
    answering: Option<JoinHandle<()>>,
}

impl Undelivered {
    /// Bytes of the file.
    pub(crate) const LEN: u64 = 1 << 20;

    pub(crate) fn new() -> Self {
        let folder = Folder::new();
        let path = folder.0.join("file");
        std::fs::write(&path, "").unwrap();
        let device = File::options().read(true).write(true).open("/dev/fuse").unwrap();
        let options = "fd=0,rootmode=100000,user_id=0,group_id=0,allow_other";
        let mut mount = Command::new("mount");
        mount.args(["-i", "-t", "fuse", "-o", options, "undelivered"]).arg(&path);
        let output = mount.stdin(Stdio::from(device.try_clone().unwrap())).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let answering = std::thread::spawn(move || answer(device));
        let file = File::options().read(true).write(true).open(&path).unwrap();
        Self { file, folder, answering: Some(answering) }
    }
}

impl Drop for Undelivered {
    fn drop(&mut self) {
        // By force, so that all that waits ends with an error, also if it is in use.
        let _ = Command::new("umount").args(["-f", "-l"]).arg(self.folder.0.join("file")).status();
        let _ = self.answering.take().map(JoinHandle::join);
    }
}

/// Answer what is asked, but for contents, until the file system is unmounted.
fn answer(mut device: File) {
    let mut request = vec![0; 1 << 18];
    while let Ok(len) = device.read(&mut request) {
        let word = |at: usize| u32::from_ne_bytes(request[at..at + 4].try_into().unwrap());
        assert!(len >= 40);
        let (error, body) = match word(4) {
            FORGET | INTERRUPT | READ => continue,
            INIT => {
                // Version 7.31, readahead, flags; then limits, of which none matters.
                let mut body = [7, 31, 4096, 0].map(u32::to_ne_bytes).concat();
                body.resize(64, 0);
                body[20..24].copy_from_slice(&4096_u32.to_ne_bytes());
                (0, body)
            }
            GETATTR => {
                // How long it holds: for ever. Then inode, size, blocks, times.
                let words = [u64::MAX >> 1, 0, 1, Undelivered::LEN, Undelivered::LEN / 512];
                let mut body = words.map(u64::to_ne_bytes).concat();
                body.resize(76, 0);
                let file = 0o100_666_u32;
                // Mode, links; then owner and others.
                body.extend([file, 1].map(u32::to_ne_bytes).concat());
                body.resize(104, 0);
                (0, body)
            }
            OPEN => (0, vec![0; 16]),
            _ => (Errno::NOSYS.raw_os_error(), vec![]),
        };
        let len = 16 + body.len() as u32;
        let mut answer = [len.to_ne_bytes(), (-error).to_ne_bytes()].concat();
        answer.extend(&request[8..16]);
        answer.extend(body);
        // Whoever asked may have gone.
        let _ = device.write(&answer);
    }
}

const FORGET: u32 = 2;
const GETATTR: u32 = 3;
const OPEN: u32 = 14;
const READ: u32 = 15;
const INIT: u32 = 26;
const INTERRUPT: u32 = 36;
