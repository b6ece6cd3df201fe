//! The ring of the control queue: commands in, acknowledgements out.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{Timespec, epoll};

use crate::chain::{self, Budget, ChainError};
use crate::ctrl::MAX_COMMAND_LEN;
use crate::event::Kick;
use crate::ring::{Ring, RingError};
use crate::wire::Segments;

/// A control queue that runs.
#[derive(Debug)]
pub(crate) struct ControlQueue {
    ring: Ring,
    /// Readable after a kick. By edges, so that a descriptor which is readable for ever, as a hostile
    /// frontend may send, wakes nobody for ever.
    kicks: OwnedFd,
    kick: Kick,
    readable: Segments,
    writable: Segments,
}

/// What a control queue has next.
#[derive(Debug)]
pub(crate) enum Next {
    /// A command.
    Command(Request),
    /// No command, but perhaps another one behind.
    Refused,
    /// Nothing until the driver kicks.
    Nothing,
}

/// A command that waits for its acknowledgement.
#[derive(Debug)]
pub(crate) struct Request {
    head: u16,
    /// Class, command and what belongs to it, in whatever descriptors the driver had put it.
    pub(crate) bytes: Vec<u8>,
}

impl ControlQueue {
    /// # Errors
    /// The descriptor of kicks cannot be waited on.
    pub(crate) fn new(mut ring: Ring, kick: Kick) -> io::Result<Self> {
        ring.remind();
        let kicks = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(&kicks, &kick, epoll::EventData::new_u64(0), flags)?;
        let segments = || Segments::new(ring.memory().clone());
        Ok(Self { readable: segments(), writable: segments(), ring, kicks, kick })
    }

    /// Readable when the driver has sent a command, until [`heard`](Self::heard).
    pub(crate) fn kicks(&self) -> BorrowedFd<'_> {
        self.kicks.as_fd()
    }

    /// Take note of kicks.
    pub(crate) fn heard(&self) {
        let mut events = Vec::with_capacity(1);
        let none = Timespec { tv_sec: 0, tv_nsec: 0 };
        // What is not taken note of now is there again.
        let _ = epoll::wait(&self.kicks, rustix::buffer::spare_capacity(&mut events), Some(&none));
    }

    pub(crate) fn ring_mut(&mut self) -> &mut Ring {
        &mut self.ring
    }

    /// Where the ring goes on when it is started again.
    pub(crate) fn stop(self) -> u16 {
        // Other duplicates of the descriptor would keep it there.
        let _ = epoll::delete(&self.kicks, &self.kick);
        self.ring.base()
    }

    /// What is next. A chain that is none, or has no room for an acknowledgement, is given back.
    ///
    /// # Errors
    /// The driver has broken the ring.
    pub(crate) fn next(&mut self, budget: &mut Budget) -> Result<Next, RingError> {
        let head = match self.ring.take()? {
            Some(head) => head,
            None if self.ring.kicks_on()? => return Ok(Next::Refused),
            None => return Ok(Next::Nothing),
        };
        let (readable, writable) = (&mut self.readable, &mut self.writable);
        let walked =
            chain::walk_both(&self.ring, head, MAX_COMMAND_LEN, readable, writable, budget);
        let mut ack = [0];
        match walked {
            Ok(()) if self.writable.copy_out(0, 0, &mut ack) == 1 => {
                let mut bytes = vec![0; MAX_COMMAND_LEN];
                let len = self.readable.copy_out(0, 0, &mut bytes);
                bytes.truncate(len);
                return Ok(Next::Command(Request { head, bytes }));
            }
            Ok(()) => chain::note_refusal("with a command", &ChainError::NoRoom),
            Err(error) => chain::note_refusal("with a command", &error),
        }
        self.give_back(head, 0)?;
        Ok(Next::Refused)
    }

    /// Acknowledge the command that came last.
    ///
    /// # Errors
    /// The driver has broken the ring.
    pub(crate) fn acknowledge(&mut self, request: &Request, is_ok: bool) -> Result<(), RingError> {
        self.writable.copy_in(0, 0, &[if is_ok { OK } else { ERR }]);
        self.give_back(request.head, 1)
    }

    fn give_back(&mut self, head: u16, written: u32) -> Result<(), RingError> {
        self.ring.give_back(head, written)?;
        self.ring.publish()?;
        self.ring.notify()
    }
}

/// `VIRTIO_NET_OK` and `VIRTIO_NET_ERR`.
const OK: u8 = 0;
const ERR: u8 = 1;
