//! The messages of a frontend, as the crate vhost takes them.
//!
//! Two frontends send what the crate refuses, each in its right by what was written when they were
//! made:
//!
//! - QEMU enables rings when the network card is made, before the driver has accepted any feature; the
//!   crate wants `VHOST_USER_F_PROTOCOL_FEATURES` accepted by `SET_FEATURES` first (10.0.2, 11.1.3).
//!   So a `SET_FEATURES` with that bit alone goes before.
//! - User-mode Linux up to 6.12 sends the memory table with room for two regions whatever their number;
//!   the crate wants its length to be exact. So it is cut.
//!
//! Everything else passes as it is. A message goes to the crate by a pair of sockets within this process,
//! and is handled before the next one is read.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use vhost::vhost_user::{BackendReqHandler, VhostUserBackendReqHandlerMut};

use crate::rate::RateLimited;

/// A frontend that is connected, and what handles its messages.
pub(crate) struct Relay<B: VhostUserBackendReqHandlerMut> {
    frontend: UnixStream,
    /// Our end of the pair.
    inner: UnixStream,
    handler: BackendReqHandler<Mutex<B>>,
    /// Whether the crate has seen a `SET_FEATURES` with the bit.
    has_protocol_features: bool,
}

impl<B: VhostUserBackendReqHandlerMut> Relay<B> {
    /// Serve `frontend` by `backend`.
    ///
    /// # Errors
    /// The system has no sockets left.
    pub(crate) fn new(frontend: UnixStream, backend: Arc<Mutex<B>>) -> io::Result<Self> {
        frontend.set_nonblocking(false)?;
        // A frontend that has begun a message ends it.
        frontend.set_read_timeout(Some(PATIENCE))?;
        frontend.set_write_timeout(Some(PATIENCE))?;
        let (inner, outer) = UnixStream::pair()?;
        outer.set_read_timeout(Some(PATIENCE))?;
        let handler = BackendReqHandler::from_stream(outer, backend);
        Ok(Self { frontend, inner, handler, has_protocol_features: false })
    }

    /// Readable when the frontend has sent a message, or has gone.
    pub(crate) fn frontend(&self) -> impl AsFd {
        &self.frontend
    }

    /// Handle one message. Returns whether there was one; if not, the frontend has gone.
    ///
    /// # Errors
    /// [`RelayError`], after which the frontend cannot be served any more.
    pub(crate) fn handle(&mut self) -> Result<bool, RelayError> {
        let received = Message::receive(&self.frontend).map_err(timed_out);
        let Some(mut message) = received.map_err(RelayError::Receive)? else {
            return Ok(false);
        };
        match message.request {
            SET_FEATURES => {
                let features = message.body.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
                let features = features.unwrap_or_default();
                self.has_protocol_features = features & PROTOCOL_FEATURES != 0;
            }
            SET_VRING_ENABLE if !self.has_protocol_features => {
                self.pass_on(&Message::set_protocol_features())?;
                self.has_protocol_features = true;
            }
            SET_MEM_TABLE => message.cut_mem_table(),
            _ => {}
        }
        self.pass_on(&message)?;
        Ok(true)
    }

    /// Have the crate handle a message, and pass its reply on.
    fn pass_on(&mut self, message: &Message) -> Result<(), RelayError> {
        message.send(&self.inner).map_err(RelayError::Internal)?;
        let handled = self.handler.handle_request();
        self.reply().map_err(timed_out).map_err(RelayError::Reply)?;
        match handled {
            Ok(()) => Ok(()),
            // Only this message was refused; who asked for an answer has it.
            Err(vhost::vhost_user::Error::ReqHandlerError(error)) => {
                let request = message.request;
                REFUSED.warn(format_args!(
                    "vhost-user request {request} of the frontend failed: {error}"
                ));
                Ok(())
            }
            Err(source) => Err(RelayError::Handle { request: message.request, source }),
        }
    }

    fn reply(&mut self) -> io::Result<()> {
        let mut bytes = [0; HEADER_LEN + MAX_BODY_LEN];
        self.inner.set_nonblocking(true)?;
        let read = self.inner.read(&mut bytes);
        self.inner.set_nonblocking(false)?;
        match read {
            Ok(len) => self.frontend.write_all(bytes.get(..len).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// A message of vhost-user: request, flags and size of the body, 4 bytes each in the machine's order,
/// the body, and descriptors beside it.
#[derive(Debug)]
struct Message {
    request: u32,
    flags: u32,
    body: Vec<u8>,
    fds: Vec<OwnedFd>,
}

impl Message {
    /// Read one; `None` at the end.
    fn receive(mut from: &UnixStream) -> io::Result<Option<Self>> {
        let mut header = [0; HEADER_LEN];
        let mut fds = Vec::new();
        let mut read = 0;
        while read < HEADER_LEN {
            let len = receive_with_fds(from, &mut header[read..], &mut fds)?;
            if len == 0 && read == 0 {
                return Ok(None);
            } else if len == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            read += len;
        }
        let word = |at: usize| {
            let bytes = header.get(at..).and_then(|rest| rest.first_chunk());
            bytes.map_or(0, |bytes| u32::from_ne_bytes(*bytes))
        };
        let len = word(8) as usize;
        if len > MAX_BODY_LEN {
            let why = format!("a message of {len} bytes; at most {MAX_BODY_LEN} are taken");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        let mut body = vec![0; len];
        from.read_exact(&mut body)?;
        Ok(Some(Self { request: word(0), flags: word(4), body, fds }))
    }

    fn send(&self, mut to: &UnixStream) -> io::Result<()> {
        let len = self.body.len() as u32;
        let words = [self.request, self.flags, len];
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        bytes.extend_from_slice(&self.body);
        let fds: Vec<_> = self.fds.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(&fds)) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "too many descriptors"));
        }
        let sent = sendmsg(to, &[IoSlice::new(&bytes)], &mut ancillary, SendFlags::NOSIGNAL)?;
        to.write_all(bytes.get(sent..).unwrap_or_default())
    }

    /// `SET_FEATURES` with nothing but that there are protocol features.
    fn set_protocol_features() -> Self {
        let body = PROTOCOL_FEATURES.to_le_bytes().to_vec();
        Self { request: SET_FEATURES, flags: VERSION, body, fds: Vec::new() }
    }

    /// Cut a memory table behind the regions that it says it has: a count, 4 bytes of padding, and 32
    /// bytes a region.
    fn cut_mem_table(&mut self) {
        let Some(count) = self.body.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes)) else {
            return;
        };
        let len = (count as usize).saturating_mul(32).saturating_add(8);
        self.body.truncate(len.max(8));
    }
}

/// What a socket's timeout is called, in words that people understand.
fn timed_out(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::WouldBlock {
        let why = format!("it takes longer than {} s", PATIENCE.as_secs());
        return io::Error::new(io::ErrorKind::TimedOut, why);
    }
    error
}

/// Read bytes, and the descriptors that come with them.
fn receive_with_fds(
    from: &UnixStream,
    bytes: &mut [u8],
    fds: &mut Vec<OwnedFd>,
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = loop {
        let mut buffers = [IoSliceMut::new(bytes)];
        match recvmsg(from, &mut buffers, &mut ancillary, flags) {
            Err(rustix::io::Errno::INTR) => {}
            result => break result?,
        }
    };
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            fds.extend(received);
        }
    }
    if received.flags.contains(ReturnFlags::CTRUNC) {
        let why = format!("more than {MAX_FDS} descriptors with a message");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok(received.bytes)
}

/// Why a frontend cannot be served any more.
#[derive(thiserror::Error, Debug)]
#[non_exhaustive]
pub enum RelayError {
    /// A message cannot be read.
    #[error("cannot read a message of the frontend")]
    Receive(#[source] io::Error),
    /// A message cannot be passed on.
    #[error("cannot pass a message of the frontend on")]
    Internal(#[source] io::Error),
    /// A reply cannot be sent.
    #[error("cannot reply to the frontend")]
    Reply(#[source] io::Error),
    /// A message makes no sense.
    #[error("the frontend's request {request} makes no sense")]
    Handle {
        /// The number of the request, of `enum VhostUserRequest`.
        request: u32,
        /// Why.
        #[source]
        source: vhost::vhost_user::Error,
    },
}

/// Where the guest is its own frontend, it can cause them as often as it likes.
static REFUSED: RateLimited = RateLimited::new(5, Duration::from_secs(10));

const HEADER_LEN: usize = 12;

/// The most that the crate takes (its MAX_MSG_SIZE).
const MAX_BODY_LEN: usize = 4096;

/// The most descriptors that come with a message (its MAX_ATTACHED_FD_ENTRIES).
const MAX_FDS: usize = 32;

/// How long a message may take to come or go as a whole: less than who asks for the status waits, or who
/// has sent a signal.
const PATIENCE: Duration = Duration::from_secs(2);

/// `VHOST_USER_VERSION`, in a message's flags.
const VERSION: u32 = 1;

/// Requests: `enum VhostUserRequest` of QEMU's docs/interop/vhost-user.rst.
const SET_FEATURES: u32 = 2;
const SET_MEM_TABLE: u32 = 5;
const SET_VRING_ENABLE: u32 = 18;

/// `VHOST_USER_F_PROTOCOL_FEATURES`.
const PROTOCOL_FEATURES: u64 = 1 << 30;
