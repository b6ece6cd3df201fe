//! The frontend's side of the vhost-user protocol (QEMU, docs/interop/vhost-user.rst).

use std::io::{self, IoSlice, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use vhost::vhost_user::message::{FrontendReq, VhostUserProtocolFeatures};

use super::feature;
use super::memory::Region;

/// A frontend's connection to a backend.
///
/// What it waits for has to come within [`Frontend::LIMIT`].
#[derive(Debug)]
pub struct Frontend {
    stream: UnixStream,
    /// Whether the backend says how each request went.
    has_acks: bool,
}

/// What frontend and backend agreed on.
#[derive(Clone, Copy, Debug)]
pub struct Handshake {
    /// Features of the device that are offered.
    pub offered: u64,
    /// Those of the protocol that are in use.
    pub protocol: VhostUserProtocolFeatures,
    /// Queues that the backend has, if it says so.
    pub queues: Option<u64>,
}

impl Frontend {
    /// How long an answer may take.
    pub const LIMIT: Duration = Duration::from_secs(10);

    /// Connect to a backend that listens.
    ///
    /// # Errors
    /// Those of connecting.
    pub fn connect(path: &Path) -> io::Result<Self> {
        Self::new(UnixStream::connect(path)?)
    }

    /// Speak on a socket that is connected.
    ///
    /// # Errors
    /// It is no socket.
    pub fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(Self::LIMIT))?;
        stream.set_write_timeout(Some(Self::LIMIT))?;
        Ok(Self { stream, has_acks: false })
    }

    /// The socket.
    pub fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// Ask for what is offered, and use those features of the protocol that `protocol` names.
    ///
    /// # Errors
    /// The backend does not answer.
    pub fn handshake(&mut self, protocol: VhostUserProtocolFeatures) -> io::Result<Handshake> {
        let offered = self.ask_u64(FrontendReq::GET_FEATURES)?;
        self.set(FrontendReq::SET_OWNER, &[], &[])?;
        let mut in_use = VhostUserProtocolFeatures::empty();
        let mut queues = None;
        if offered & feature::PROTOCOL_FEATURES != 0 {
            let bits = self.ask_u64(FrontendReq::GET_PROTOCOL_FEATURES)?;
            in_use = VhostUserProtocolFeatures::from_bits_truncate(bits) & protocol;
            self.set_u64(FrontendReq::SET_PROTOCOL_FEATURES, in_use.bits())?;
            if in_use.contains(VhostUserProtocolFeatures::MQ) {
                queues = Some(self.ask_u64(FrontendReq::GET_QUEUE_NUM)?);
            }
        }
        Ok(Handshake { offered, protocol: in_use, queues })
    }

    /// Accept features of the device. From now on requests are acknowledged if `has_acks` says so.
    ///
    /// # Errors
    /// The backend refuses.
    pub fn set_features(&mut self, features: u64, has_acks: bool) -> io::Result<()> {
        self.set_u64(FrontendReq::SET_FEATURES, features)?;
        self.has_acks = has_acks && features & feature::PROTOCOL_FEATURES != 0;
        Ok(())
    }

    /// Share memory, by a message with room for `most` regions.
    ///
    /// # Errors
    /// The backend refuses.
    pub fn set_memory(
        &mut self,
        file: BorrowedFd<'_>,
        regions: &[Region],
        most: usize,
    ) -> io::Result<()> {
        let mut body = Vec::from((regions.len() as u64).to_le_bytes());
        for Region { guest, len, user, offset } in regions {
            body.extend([guest, len, user, offset].into_iter().flat_map(|word| word.to_le_bytes()));
        }
        body.resize(body.len().max(8 + 32 * most), 0);
        self.set(FrontendReq::SET_MEM_TABLE, &body, &vec![file; regions.len()])
    }

    /// A request about one ring.
    ///
    /// # Errors
    /// The backend refuses.
    pub fn set_ring(&mut self, request: FrontendReq, ring: u32, value: u32) -> io::Result<()> {
        self.set(request, &[ring.to_le_bytes(), value.to_le_bytes()].concat(), &[])
    }

    /// Say where a ring is: addresses in the frontend.
    ///
    /// # Errors
    /// The backend refuses.
    pub fn set_ring_addresses(&mut self, ring: u32, addresses: [u64; 3]) -> io::Result<()> {
        let [descriptors, avail, used] = addresses;
        let mut body = [ring.to_le_bytes(), [0; 4]].concat();
        for word in [descriptors, used, avail, 0] {
            body.extend(word.to_le_bytes());
        }
        self.set(FrontendReq::SET_VRING_ADDR, &body, &[])
    }

    /// Hand over an event of a ring.
    ///
    /// # Errors
    /// The backend refuses.
    pub fn set_ring_event(
        &mut self,
        request: FrontendReq,
        ring: u8,
        event: Option<BorrowedFd<'_>>,
    ) -> io::Result<()> {
        let no_descriptor = u64::from(event.is_none()) << 8;
        let body = (u64::from(ring) | no_descriptor).to_le_bytes();
        self.set(request, &body, event.as_slice())
    }

    /// Stop a ring; the index of the available ring that the device would have read next.
    ///
    /// # Errors
    /// The backend does not answer.
    pub fn stop_ring(&mut self, ring: u32) -> io::Result<u32> {
        let body = [ring.to_le_bytes(), [0; 4]].concat();
        let answer = self.ask(FrontendReq::GET_VRING_BASE, &body)?;
        answer.get(4..8).and_then(|word| word.try_into().ok()).map(u32::from_le_bytes).ok_or_else(
            || io::Error::other(format!("{} bytes for the index of a ring", answer.len())),
        )
    }

    /// Read so many bytes of the device's configuration space.
    ///
    /// # Errors
    /// The backend does not answer.
    pub fn config(&mut self, offset: u32, len: u32) -> io::Result<Vec<u8>> {
        let mut body: Vec<u8> =
            [offset, len, 0].into_iter().flat_map(|word| word.to_le_bytes()).collect();
        let header = body.len();
        body.resize(header + len as usize, 0);
        let mut answer = self.ask(FrontendReq::GET_CONFIG, &body)?;
        Ok(answer.split_off(header.min(answer.len())))
    }

    /// A request that changes something.
    ///
    /// # Errors
    /// The backend refuses, or is gone.
    pub fn set(
        &mut self,
        request: FrontendReq,
        body: &[u8],
        descriptors: &[BorrowedFd<'_>],
    ) -> io::Result<()> {
        let flags = if self.has_acks { VERSION | NEED_REPLY } else { VERSION };
        self.send(request as u32, flags, body, descriptors)?;
        if self.has_acks {
            let answer = self.answer(request)?;
            if answer != [0; 8] {
                return Err(io::Error::other(format!("{request:?} is refused: {answer:?}")));
            }
        }
        Ok(())
    }

    /// The same with a number.
    ///
    /// # Errors
    /// The backend refuses, or is gone.
    pub fn set_u64(&mut self, request: FrontendReq, value: u64) -> io::Result<()> {
        self.set(request, &value.to_le_bytes(), &[])
    }

    /// A request that has an answer.
    ///
    /// # Errors
    /// The backend does not answer.
    pub fn ask(&mut self, request: FrontendReq, body: &[u8]) -> io::Result<Vec<u8>> {
        self.send(request as u32, VERSION, body, &[])?;
        self.answer(request)
    }

    fn ask_u64(&mut self, request: FrontendReq) -> io::Result<u64> {
        let answer = self.ask(request, &[])?;
        let len = answer.len();
        let number = answer.try_into().map(u64::from_le_bytes);
        number.map_err(|_| io::Error::other(format!("{request:?} is answered by {len} bytes")))
    }

    /// Any message.
    ///
    /// # Errors
    /// The backend is gone.
    pub fn send(
        &self,
        request: u32,
        flags: u32,
        body: &[u8],
        descriptors: &[BorrowedFd<'_>],
    ) -> io::Result<()> {
        let mut message: Vec<u8> = [request, flags, body.len() as u32]
            .into_iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
        message.extend(body);
        self.send_bytes(&message, descriptors)
    }

    /// Any bytes.
    ///
    /// # Errors
    /// The backend is gone.
    pub fn send_bytes(&self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() {
            let fits = control.push(SendAncillaryMessage::ScmRights(descriptors));
            assert!(fits, "{} descriptors in a message", descriptors.len());
        }
        let sent =
            sendmsg(&self.stream, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?;
        match sent == bytes.len() {
            true => Ok(()),
            false => Err(io::Error::other(format!("{sent} bytes sent of {}", bytes.len()))),
        }
    }

    /// The answer to a request, without its header.
    ///
    /// # Errors
    /// There is none, or it is to another request.
    pub fn answer(&self, request: FrontendReq) -> io::Result<Vec<u8>> {
        let mut header = [0; 12];
        (&self.stream).read_exact(&mut header)?;
        let [code, flags, len] = [0, 4, 8].map(|at| {
            u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        });
        if code != request as u32 || flags & !NEED_REPLY != VERSION | REPLY || len > MOST_BYTES {
            return Err(io::Error::other(format!("{request:?} is answered by {header:02x?}")));
        }
        let mut body = vec![0; len as usize];
        (&self.stream).read_exact(&mut body)?;
        Ok(body)
    }

    /// Wait until the backend hangs up; `false` if it does not.
    pub fn is_hung_up(&self) -> bool {
        let mut bytes = [0; 4096];
        // What it still says does not matter; it cannot go on for ever.
        for _ in 0..1000 {
            match (&self.stream).read(&mut bytes) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() == io::ErrorKind::ConnectionReset,
            }
        }
        false
    }
}

impl AsFd for Frontend {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// `struct virtio_net_config` (virtio 1.4, "Device configuration layout" of the network device).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NetConfig {
    /// The MAC address.
    pub mac: [u8; 6],
    /// Bit 0: the link is up.
    pub status: u16,
    /// Queue pairs.
    pub max_virtqueue_pairs: u16,
    /// Bytes of the longest packet without its Ethernet header.
    pub mtu: u16,
    /// Bytes of the longest hash key.
    pub rss_max_key_size: u8,
    /// Entries of the longest indirection table.
    pub rss_max_indirection_table_length: u16,
    /// The hash types that may be enabled.
    pub supported_hash_types: u32,
}

impl NetConfig {
    /// Bytes up to and with the hash types.
    pub const LEN: u32 = 24;

    /// Decode it. `None` if there are fewer bytes.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::LEN as usize] = bytes.first_chunk()?;
        let word = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        Some(Self {
            mac: [bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5]],
            status: word(6),
            max_virtqueue_pairs: word(8),
            mtu: word(10),
            rss_max_key_size: bytes[17],
            rss_max_indirection_table_length: word(18),
            supported_hash_types: u32::from(word(20)) | u32::from(word(22)) << 16,
        })
    }
}

/// Events: descriptors that count.
pub mod event {
    use std::io;
    use std::os::fd::{AsFd, OwnedFd};
    use std::time::Instant;

    use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

    /// A new one.
    ///
    /// # Errors
    /// There are no more descriptors.
    pub fn new() -> io::Result<OwnedFd> {
        Ok(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)
    }

    /// Tell whoever waits for it.
    ///
    /// # Errors
    /// It is no event.
    pub fn signal(event: impl AsFd) -> io::Result<()> {
        match rustix::io::write(event, &1_u64.to_ne_bytes()) {
            // Told so often that the count is full.
            Ok(_) | Err(rustix::io::Errno::AGAIN) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// How often it was told since the last time this was asked.
    pub fn take(event: impl AsFd) -> u64 {
        let mut count = [0; 8];
        match rustix::io::read(event, &mut count) {
            Ok(8) => u64::from_ne_bytes(count),
            _ => 0,
        }
    }

    /// Wait until one of them can be read; `false` at the deadline.
    ///
    /// # Errors
    /// One is no descriptor that can be waited for.
    pub fn wait<T: AsFd>(events: &[T], deadline: Instant) -> io::Result<bool> {
        let mut fds: Vec<_> =
            events.iter().map(|event| PollFd::new(event, PollFlags::IN)).collect();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
            match poll(&mut fds, Some(&timeout)) {
                Ok(count) => return Ok(count > 0),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// In a message's flags: the version, 1.
const VERSION: u32 = 1;

/// In a message's flags: it is an answer.
const REPLY: u32 = 4;

/// In a message's flags: an answer is wanted.
const NEED_REPLY: u32 = 8;

/// Descriptors in a message.
const MOST_DESCRIPTORS: usize = 32;

/// Bytes of an answer that is sensible.
const MOST_BYTES: u32 = 0x1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configuration_space_is_that_of_the_specification() {
        let bytes: [u8; 24] = std::array::from_fn(|index| index as u8);
        let config = NetConfig::decode(&bytes).unwrap();
        assert_eq!(config.mac, [0, 1, 2, 3, 4, 5]);
        assert_eq!((config.status, config.max_virtqueue_pairs, config.mtu), (0x706, 0x908, 0xb0a));
        assert_eq!(config.rss_max_key_size, 17);
        assert_eq!(config.rss_max_indirection_table_length, 0x1312);
        assert_eq!(config.supported_hash_types, 0x1716_1514);
        assert_eq!(NetConfig::decode(&bytes[1..]), None);
    }

    #[test]
    fn message_has_a_header_and_its_descriptors() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut frontend = Frontend::new(ours).unwrap();
        let event = event::new().unwrap();
        let kick = FrontendReq::SET_VRING_KICK;
        frontend.set_ring_event(kick, 3, Some(event.as_fd())).unwrap();
        let mut message = [0; 20];
        (&theirs).read_exact(&mut message).unwrap();
        assert_eq!(message, [12, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]);
        drop(theirs);
        assert!(frontend.is_hung_up());
    }
}
