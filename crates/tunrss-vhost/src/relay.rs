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
//!
//! A frontend may be hostile. A message has one deadline as a whole, however many pieces it comes in. A
//! request that has an answer gets one, or the connection ends. And no descriptor that comes with a
//! message can keep the connection open once the frontend has gone.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::net::sockopt::{socket_domain, socket_type};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, Shutdown, SocketAddrUnix, SocketType,
    getpeername, getsockname, recv, recvmsg, send, sendmsg, shutdown,
};
use vhost::vhost_user::{BackendReqHandler, VhostUserBackendReqHandlerMut};

use crate::deadline;
use crate::rate::RateLimited;

/// A frontend that is connected, and what handles its messages.
pub(crate) struct Relay<B: VhostUserBackendReqHandlerMut> {
    frontend: UnixStream,
    /// Our end of the pair.
    inner: UnixStream,
    handler: BackendReqHandler<Mutex<B>>,
    /// The address of our end, if it has one: who is connected with that has the other end.
    address: Option<SocketAddrUnix>,
    /// Whether the crate has seen a `SET_FEATURES` with the bit.
    has_protocol_features: bool,
}

impl<B: VhostUserBackendReqHandlerMut> Relay<B> {
    /// Serve `frontend` by `backend`.
    ///
    /// # Errors
    /// The system has no sockets left.
    pub(crate) fn new(frontend: UnixStream, backend: Arc<Mutex<B>>) -> io::Result<Self> {
        let (inner, outer) = UnixStream::pair()?;
        outer.set_read_timeout(Some(PATIENCE))?;
        let handler = BackendReqHandler::from_stream(outer, backend);
        let address = SocketAddrUnix::try_from(getsockname(&frontend)?)?;
        let address = (!address.is_unnamed()).then_some(address);
        Ok(Self { frontend, inner, handler, address, has_protocol_features: false })
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
        for fd in &message.fds {
            let request = message.request;
            self.admit(fd.as_fd()).map_err(|why| RelayError::Socket { request, why })?;
        }
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

    /// Make sure that a descriptor which came with a message does not keep this connection open.
    ///
    /// Whoever holds the frontend's end does: the end of the connection is seen when nobody has it any
    /// more. So that end is refused. It could also lie in the receive queue of another socket, sent
    /// there by `SCM_RIGHTS`; so a socket that is kept receives nothing any more. Nothing is ever read
    /// from one: user-mode Linux gives sockets to be notified by, and one for requests of ours.
    fn admit(&self, fd: BorrowedFd<'_>) -> Result<(), &'static str> {
        let Ok(domain) = socket_domain(fd) else { return Ok(()) };
        let is_stream = domain == AddressFamily::UNIX && socket_type(fd) == Ok(SocketType::STREAM);
        // A socket that listens has no peer, and connections that wait there have receive queues, too.
        let Some(peer) = getpeername(fd).ok().filter(|_| is_stream) else {
            return Err("it is not a connected Unix stream socket");
        };
        // Either may have no address.
        let peer = peer.and_then(|peer| SocketAddrUnix::try_from(peer).ok());
        if peer.is_some() && peer == self.address {
            return Err("it is connected to this daemon's own socket");
        }
        let refused = |_| "its receiving side cannot be shut down";
        shutdown(fd, Shutdown::Read).map_err(refused)?;
        let mut bytes = [0; 4096];
        // Without room for descriptors, those in the queue are closed. It holds what fits a send buffer.
        while recv(fd, &mut bytes, RecvFlags::DONTWAIT).is_ok_and(|(len, _)| len > 0) {}
        Ok(())
    }

    /// Have the crate handle a message, and pass its reply on.
    fn pass_on(&mut self, message: &Message) -> Result<(), RelayError> {
        message.send(&self.inner).map_err(RelayError::Internal)?;
        let handled = self.handler.handle_request();
        let has_replied = self.reply().map_err(timed_out).map_err(RelayError::Reply)?;
        let request = message.request;
        match handled {
            Ok(()) => Ok(()),
            // Only this message was refused; a frontend that waits for an answer has it.
            Err(vhost::vhost_user::Error::ReqHandlerError(error))
                if has_replied || !ANSWERED.contains(&request) =>
            {
                REFUSED.warn(format_args!(
                    "vhost-user request {request} of the frontend failed: {error}"
                ));
                Ok(())
            }
            Err(source) => Err(RelayError::Handle { request, source }),
        }
    }

    /// Pass on what the crate has replied. Returns whether that was anything.
    fn reply(&mut self) -> io::Result<bool> {
        let mut bytes = [0; HEADER_LEN + MAX_BODY_LEN];
        self.inner.set_nonblocking(true)?;
        let read = self.inner.read(&mut bytes);
        self.inner.set_nonblocking(false)?;
        let mut rest = match read {
            Ok(len) => bytes.get(..len).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        };
        let deadline = Instant::now() + PATIENCE;
        while !rest.is_empty() {
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            let sent = deadline::keep(&self.frontend, PollFlags::OUT, deadline, || {
                send(&self.frontend, rest, flags)
            })?;
            rest = rest.get(sent..).unwrap_or_default();
        }
        Ok(true)
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
    /// Read one; `None` at the end. A frontend that has begun a message has to end it in time.
    fn receive(from: &UnixStream) -> io::Result<Option<Self>> {
        let deadline = Instant::now() + PATIENCE;
        let mut header = [0; HEADER_LEN];
        let mut fds = Vec::new();
        let mut fill = |mut rest: &mut [u8]| {
            let before = rest.len();
            while !rest.is_empty() {
                let len = receive_with_fds(from, rest, &mut fds, deadline)?;
                if len == 0 {
                    break;
                }
                rest = rest.get_mut(len..).unwrap_or_default();
            }
            Ok::<_, io::Error>(before - rest.len())
        };
        match fill(&mut header)? {
            0 => return Ok(None),
            HEADER_LEN => {}
            _ => return Err(io::ErrorKind::UnexpectedEof.into()),
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
        if fill(&mut body)? < len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
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

/// A deadline that has passed, in words that people understand.
fn timed_out(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::TimedOut {
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
    deadline: Instant,
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let received = deadline::keep(from, PollFlags::IN, deadline, || {
        recvmsg(from, &mut [IoSliceMut::new(bytes)], &mut ancillary, flags)
    })?;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            fds.extend(received);
        }
    }
    if received.flags.contains(ReturnFlags::CTRUNC) || fds.len() > MAX_FDS {
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
    /// A descriptor of a message is a socket that must not be kept.
    #[error("cannot take the socket that came with the frontend's request {request}: {why}")]
    Socket {
        /// The number of the request, of `enum VhostUserRequest`.
        request: u32,
        /// Why.
        why: &'static str,
    },
    /// A message makes no sense, or has no answer.
    #[error("cannot answer the frontend's request {request}")]
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

/// Those whose answer a frontend waits for though it has not asked for one (`need_reply`).
const ANSWERED: &[u32] = &[
    1,  // GET_FEATURES
    6,  // SET_LOG_BASE
    11, // GET_VRING_BASE
    15, // GET_PROTOCOL_FEATURES
    17, // GET_QUEUE_NUM
    24, // GET_CONFIG
    31, // GET_INFLIGHT_FD
    36, // GET_MAX_MEM_SLOTS
    41, // GET_SHARED_OBJECT
    42, // SET_DEVICE_STATE_FD
    43, // CHECK_DEVICE_STATE
    44, // GET_SHMEM_CONFIG
];

/// `VHOST_USER_F_PROTOCOL_FEATURES`.
const PROTOCOL_FEATURES: u64 = 1 << 30;
