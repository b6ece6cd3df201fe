//! A virtio-net driver.

use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use tunrss_hash::{RssConfig, SteeringConfig, VnetHdr, VnetHdrLen};

use super::command::{self, Command};
use super::frontend::{Frontend, Handshake, NetConfig, event};
use super::memory::Memory;
use super::ring::{Part, Ring};
use super::{FrontendReq, VhostUserProtocolFeatures, feature};

/// What a guest is like.
#[derive(Clone, Debug)]
pub struct Options {
    /// The features that are accepted if they are offered.
    pub features: u64,
    /// The most queue pairs that are used.
    pub pairs: u16,
    /// Descriptors of each ring.
    pub ring_size: u16,
    /// Receive buffers.
    pub buffers: Buffers,
    /// Features of the vhost-user protocol that are used if they are offered.
    pub protocol: VhostUserProtocolFeatures,
    /// Adjacent regions that the memory is shared in.
    pub regions: u64,
    /// How the frontend speaks.
    pub dialect: Dialect,
}

/// What frontends do that is not as the protocol has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Dialect {
    /// Nothing.
    #[default]
    Strict,
    /// QEMU enables rings before features are accepted.
    EnablesFirst,
    /// User-mode Linux before 7.2 sends room for two regions where there is one.
    LongMemoryTable,
}

/// The receive buffers of each queue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Buffers {
    /// Bytes of each part of a buffer.
    pub parts: Vec<u32>,
    /// Their number.
    pub count: u16,
}

impl Buffers {
    /// Buffers of one part.
    pub fn of(len: u32) -> Self {
        Self { parts: vec![len], count: u16::MAX }
    }

    /// Buffers that take any frame: one part for the header, and pages.
    pub fn big() -> Self {
        let mut parts = vec![20];
        parts.extend([4096; 17]);
        Self { parts, count: u16::MAX }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            features: u64::MAX,
            pairs: u16::MAX,
            ring_size: 256,
            buffers: Buffers::of(2048),
            protocol: VhostUserProtocolFeatures::MQ
                | VhostUserProtocolFeatures::CONFIG
                | VhostUserProtocolFeatures::REPLY_ACK,
            regions: 1,
            dialect: Dialect::Strict,
        }
    }
}

impl Options {
    /// The same without these features.
    pub fn without(mut self, features: u64) -> Self {
        self.features &= !features;
        self
    }

    /// The same with these receive buffers.
    pub fn buffers(mut self, buffers: Buffers) -> Self {
        self.buffers = buffers;
        self
    }

    /// The same with at most so many queue pairs.
    pub fn pairs(mut self, pairs: u16) -> Self {
        self.pairs = pairs;
        self
    }

    /// The same with rings of this size.
    pub fn ring_size(mut self, size: u16) -> Self {
        self.ring_size = size;
        self
    }
}

/// A guest whose network device is served by a backend.
#[derive(Debug)]
pub struct Guest {
    /// The connection.
    pub frontend: Frontend,
    /// Its memory.
    pub memory: Arc<Memory>,
    /// What frontend and backend agreed on.
    pub handshake: Handshake,
    /// The features in use.
    pub features: u64,
    /// The device's configuration space.
    pub config: NetConfig,
    /// Receive and transmit queues in turn.
    pub queues: Vec<Queue>,
    /// The control queue.
    pub control: Option<Queue>,
    options: Options,
}

/// A queue of a device.
#[derive(Debug)]
pub struct Queue {
    /// The ring.
    pub ring: Ring,
    /// Tells the device.
    pub kick: OwnedFd,
    /// The device tells.
    pub call: OwnedFd,
    /// Its number among the device's queues.
    pub index: u8,
    /// How often the device was told.
    pub kicks: u64,
    memory: Arc<Memory>,
    /// Where its buffers are.
    start: u64,
    /// Bytes from one to the next.
    stride: u64,
    /// The parts of each.
    parts: Vec<u32>,
    /// The buffers that are not in the ring.
    free: Vec<u16>,
    /// The buffer of each chain.
    buffer: Vec<u16>,
    /// A chain that is made.
    chain: Vec<Part>,
}

/// A frame that was received.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// The number of its receive queue, from 0.
    pub queue: u16,
    /// The header in front of it.
    pub header: VnetHdr,
    /// The last two bytes of a header of 20, which are to be 0.
    pub padding: [u8; 2],
    /// The frame, from its Ethernet header on.
    pub bytes: Vec<u8>,
}

/// What the device answers to a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ack {
    /// It is done.
    Ok,
    /// It is not.
    Error,
    /// Something that is no answer.
    Other(u8),
}

impl Guest {
    /// Connect to a backend that listens, and have its device work.
    ///
    /// # Errors
    /// The backend is not there, refuses, or offers no virtio 1.
    pub fn connect(path: &Path, options: Options) -> io::Result<Self> {
        Self::start(Frontend::connect(path)?, options)
    }

    /// The same on a connection.
    ///
    /// # Errors
    /// As [`Guest::connect`].
    pub fn start(mut frontend: Frontend, options: Options) -> io::Result<Self> {
        let handshake = frontend.handshake(options.protocol)?;
        let has_config = handshake.protocol.contains(VhostUserProtocolFeatures::CONFIG);
        let bytes = if has_config {
            frontend.config(0, NetConfig::LEN)?
        } else {
            vec![0; NetConfig::LEN as usize]
        };
        let config = NetConfig::decode(&bytes).ok_or_else(|| {
            io::Error::other(format!("the configuration space has {} bytes", bytes.len()))
        })?;
        // Files are sparse: this is only a number.
        let memory = Arc::new(Memory::new(1 << 33)?);
        let mut guest = Self {
            frontend,
            memory,
            handshake,
            features: 0,
            config,
            queues: vec![],
            control: None,
            options,
        };
        guest.set_up()?;
        Ok(guest)
    }

    /// Accept features and make the queues.
    fn set_up(&mut self) -> io::Result<()> {
        let Self { frontend, memory, handshake, options, .. } = self;
        self.features = handshake.offered & options.features;
        if self.features & feature::VERSION_1 == 0 {
            return Err(io::Error::other(format!("no virtio 1: {:#x}", handshake.offered)));
        }
        if options.dialect == Dialect::EnablesFirst {
            for ring in 0..2 * u32::from(self.config.max_virtqueue_pairs) {
                frontend.set_ring(FrontendReq::SET_VRING_ENABLE, ring, 1)?;
            }
        }
        let has_acks = handshake.protocol.contains(VhostUserProtocolFeatures::REPLY_ACK);
        frontend.set_features(self.features, has_acks)?;
        let regions = memory.regions(options.regions);
        let most = if options.dialect == Dialect::LongMemoryTable { 2 } else { regions.len() };
        frontend.set_memory(memory.file(), &regions, most)?;
        memory.free_all();
        // Nothing is at address 0 of the guest's buffers.
        memory.allocate(4096, 4096);
        // Virtio 1.4, "Virtqueues" of the network device.
        let has_all = self.features & (feature::MQ | feature::RSS) != 0;
        let device_pairs = if has_all { self.config.max_virtqueue_pairs } else { 1 };
        let pairs = options.pairs.min(device_pairs);
        self.queues.clear();
        for index in 0..2 * pairs {
            let parts = match index % 2 {
                0 => self.options.buffers.parts.clone(),
                _ => vec![TRANSMIT_LEN],
            };
            let queue = self.queue(index, parts)?;
            self.queues.push(queue);
        }
        self.control = None;
        if self.features & feature::CTRL_VQ != 0 {
            self.control = Some(self.queue(2 * device_pairs, vec![CONTROL_LEN])?);
        }
        let rings = self.queues.iter().chain(&self.control);
        for queue in rings {
            let Queue { index, ring, kick, call, .. } = queue;
            let frontend = &mut self.frontend;
            let number = u32::from(*index);
            frontend.set_ring(FrontendReq::SET_VRING_NUM, number, ring.size().into())?;
            frontend.set_ring(FrontendReq::SET_VRING_BASE, number, 0)?;
            frontend.set_ring_addresses(number, ring.addresses().map(Memory::user))?;
            frontend.set_ring_event(FrontendReq::SET_VRING_CALL, *index, Some(call.as_fd()))?;
            frontend.set_ring_event(FrontendReq::SET_VRING_KICK, *index, Some(kick.as_fd()))?;
        }
        self.enable(true)?;
        for queue in self.queues.iter_mut().step_by(2) {
            queue.fill(self.options.buffers.count)?;
        }
        Ok(())
    }

    fn queue(&self, index: u16, parts: Vec<u32>) -> io::Result<Queue> {
        let index = index.try_into().map_err(io::Error::other)?;
        Queue::new(&self.memory, index, self.options.ring_size, self.features, parts)
    }

    /// Hang up, and be another guest with these options.
    ///
    /// # Errors
    /// As [`Guest::connect`].
    pub fn reconnect(&mut self, path: &Path, options: Options) -> io::Result<()> {
        // The other side may have hung up already.
        let _ = self.frontend.stream().shutdown(Shutdown::Both);
        *self = Self::connect(path, options)?;
        Ok(())
    }

    /// Let the device use all rings, or none.
    ///
    /// # Errors
    /// The backend refuses.
    pub fn enable(&mut self, is_enabled: bool) -> io::Result<()> {
        for queue in self.queues.iter().chain(&self.control) {
            let ring = queue.index.into();
            self.frontend.set_ring(FrontendReq::SET_VRING_ENABLE, ring, is_enabled.into())?;
        }
        Ok(())
    }

    /// Stop all rings; the index of each available ring that the device would have read next.
    ///
    /// # Errors
    /// The backend does not answer.
    pub fn stop(&mut self) -> io::Result<Vec<u32>> {
        self.enable(false)?;
        let rings = self.queues.iter().chain(&self.control);
        rings.map(|queue| self.frontend.stop_ring(queue.index.into())).collect()
    }

    /// Go on where the rings were stopped.
    ///
    /// # Errors
    /// The backend refuses.
    pub fn resume(&mut self, bases: &[u32]) -> io::Result<()> {
        for (queue, &base) in self.queues.iter().chain(&self.control).zip(bases) {
            let Queue { index, ring, kick, call, .. } = queue;
            let frontend = &mut self.frontend;
            let number = u32::from(*index);
            frontend.set_ring(FrontendReq::SET_VRING_NUM, number, ring.size().into())?;
            frontend.set_ring(FrontendReq::SET_VRING_BASE, number, base)?;
            frontend.set_ring_addresses(number, ring.addresses().map(Memory::user))?;
            frontend.set_ring_event(FrontendReq::SET_VRING_CALL, *index, Some(call.as_fd()))?;
            frontend.set_ring_event(FrontendReq::SET_VRING_KICK, *index, Some(kick.as_fd()))?;
        }
        self.enable(true)
    }

    /// Unload the driver and load it again, with other options, on the same connection.
    ///
    /// # Errors
    /// The backend refuses.
    pub fn reload(&mut self, options: Options) -> io::Result<()> {
        self.stop()?;
        self.options = options;
        self.set_up()
    }

    /// Have as many receive buffers in each ring from now on.
    pub fn set_buffer_count(&mut self, count: u16) {
        self.options.buffers.count = count;
    }

    /// Whether this feature is in use.
    pub fn has(&self, feature: u64) -> bool {
        self.features & feature != 0
    }

    /// Queue pairs in use.
    pub fn pairs(&self) -> u16 {
        (self.queues.len() / 2) as u16
    }

    /// The layout of the header in front of frames.
    pub fn header_len(&self) -> VnetHdrLen {
        if self.has(feature::HASH_REPORT) { VnetHdrLen::V1Hash } else { VnetHdrLen::V1 }
    }

    /// The receive queue of this number.
    pub fn rx(&mut self, pair: u16) -> &mut Queue {
        &mut self.queues[2 * usize::from(pair)]
    }

    /// The transmit queue of this number.
    pub fn tx(&mut self, pair: u16) -> &mut Queue {
        &mut self.queues[2 * usize::from(pair) + 1]
    }

    /// The next frame of a queue, whose buffers go back to the device.
    ///
    /// # Errors
    /// The device cannot be told.
    ///
    /// # Panics
    /// If it is not as virtio demands.
    pub fn receive(&mut self, pair: u16) -> io::Result<Option<Frame>> {
        let layout = self.header_len();
        let is_mergeable = self.has(feature::MRG_RXBUF);
        let count = self.options.buffers.count;
        let queue = self.rx(pair);
        let frame = queue.receive(layout, is_mergeable);
        if frame.is_some() {
            queue.fill(count)?;
        }
        Ok(frame.map(|frame| Frame { queue: pair, ..frame }))
    }

    /// The frames that are there.
    ///
    /// # Errors
    /// As [`Guest::receive`].
    pub fn receive_all(&mut self) -> io::Result<Vec<Frame>> {
        let mut frames = vec![];
        for pair in 0..self.pairs() {
            while let Some(frame) = self.receive(pair)? {
                frames.push(frame);
            }
        }
        Ok(frames)
    }

    /// Wait until a frame is there; `false` at the deadline.
    ///
    /// # Errors
    /// As [`event::wait`].
    pub fn wait(&self, deadline: Instant) -> io::Result<bool> {
        let rings: Vec<_> = self.queues.iter().step_by(2).collect();
        loop {
            for queue in &rings {
                event::take(&queue.call);
            }
            if rings.iter().any(|queue| queue.ring.enable_calls()) {
                return Ok(true);
            }
            let calls: Vec<_> = rings.iter().map(|queue| &queue.call).collect();
            if !event::wait(&calls, deadline)? {
                return Ok(false);
            }
        }
    }

    /// Send a frame, header and frame in parts of these sizes and one of what is left.
    ///
    /// # Errors
    /// The device does not give descriptors back, or cannot be told.
    pub fn send(
        &mut self,
        pair: u16,
        header: &VnetHdr,
        frame: &[u8],
        sizes: &[usize],
    ) -> io::Result<()> {
        let layout = self.header_len();
        let bytes = [&header.encode()[..layout.len()], frame].concat();
        let queue = self.tx(pair);
        queue.reclaim();
        if queue.free.is_empty() || queue.ring.free() < sizes.len() + 1 {
            queue.wait_used(Instant::now() + Frontend::LIMIT)?;
            queue.reclaim();
        }
        queue.put(&bytes, sizes, 0)?;
        queue.publish()
    }

    /// Wait until the device has given back all that was sent.
    ///
    /// # Errors
    /// It does not.
    pub fn flush(&mut self, pair: u16) -> io::Result<()> {
        self.tx(pair).flush()
    }

    /// Send a command by the control queue, in one descriptor, and wait for the answer.
    ///
    /// # Errors
    /// There is no answer.
    pub fn command(&mut self, command: Command, body: &[u8]) -> io::Result<Ack> {
        let (class, number) = command;
        self.command_in(&[&[class, number], body].concat(), &[], 1)
    }

    /// The same with any bytes, in parts of these sizes and one of what is left, and so many bytes for
    /// the answer.
    ///
    /// # Errors
    /// There is no answer.
    pub fn command_in(&mut self, bytes: &[u8], sizes: &[usize], ack: u32) -> io::Result<Ack> {
        let none = || io::Error::other("there is no control queue");
        let queue = self.control.as_mut().ok_or_else(none)?;
        let address = queue.put_command(bytes, sizes, ack)?;
        queue.wait_used(Instant::now() + Frontend::LIMIT)?;
        queue.reclaim();
        Ok(if ack > 0 { queue.ack(address) } else { Ack::Other(NO_ANSWER) })
    }

    /// Set receive-side scaling.
    ///
    /// # Errors
    /// There is no answer.
    pub fn set_rss<T: AsRef<[u16]>>(&mut self, steering: &SteeringConfig<T>) -> io::Result<Ack> {
        let mut body = vec![];
        let config = RssConfig { steering: steering.as_borrowed(), max_tx_vq: self.pairs() };
        config.encode(&mut body);
        self.command(command::RSS_CONFIG, &body)
    }

    /// Set the number of queue pairs, which ends receive-side scaling.
    ///
    /// # Errors
    /// There is no answer.
    pub fn set_pairs(&mut self, pairs: u16) -> io::Result<Ack> {
        self.command(command::VQ_PAIRS_SET, &pairs.to_le_bytes())
    }
}

impl Queue {
    /// A queue of the device's number `index`, with an empty ring of so many descriptors for a driver that
    /// uses these features, and a buffer of these parts for each.
    ///
    /// # Errors
    /// There are no more descriptors of files.
    pub fn new(
        memory: &Arc<Memory>,
        index: u8,
        size: u16,
        features: u64,
        parts: Vec<u32>,
    ) -> io::Result<Self> {
        let mut ring = Ring::new(memory.clone(), size, features & feature::EVENT_IDX != 0);
        if features & feature::INDIRECT_DESC != 0 {
            ring = ring.with_indirect();
        }
        let len: u32 = parts.iter().sum();
        // There need not be so many that are long.
        let buffers = if len >= TRANSMIT_LEN { size.min(MOST_LONG) } else { size };
        let stride = u64::from(len).next_multiple_of(64);
        let start = memory.allocate(stride * u64::from(buffers), 64);
        Ok(Self {
            ring,
            kick: event::new()?,
            call: event::new()?,
            index,
            kicks: 0,
            memory: memory.clone(),
            start,
            stride,
            parts,
            free: (0..buffers).rev().collect(),
            buffer: vec![0; size.into()],
            chain: Vec::with_capacity(64),
        })
    }

    /// Make the buffers that are not in the ring available, until `count` are; tell the device.
    ///
    /// # Errors
    /// It cannot be told.
    pub fn fill(&mut self, count: u16) -> io::Result<()> {
        if self.prepare(count) { self.publish() } else { Ok(()) }
    }

    /// The same, but the device does not see them until [`Queue::publish`]. Whether there are any.
    pub fn prepare(&mut self, count: u16) -> bool {
        let mut has_any = false;
        while self.ring.outstanding() < count {
            let Some(buffer) = self.free.pop() else { break };
            if !self.add_buffer(buffer) {
                self.free.push(buffer);
                break;
            }
            has_any = true;
        }
        has_any
    }

    #[inline]
    fn add_buffer(&mut self, buffer: u16) -> bool {
        let mut address = self.start + self.stride * u64::from(buffer);
        self.chain.clear();
        for &len in &self.parts {
            self.chain.push(Part { address, len, is_writable: true });
            address += u64::from(len);
        }
        let Some(head) = self.ring.add(&self.chain) else { return false };
        self.buffer[usize::from(head)] = buffer;
        true
    }

    /// Tell the device of what was added, if it wants to be told.
    ///
    /// # Errors
    /// It cannot be told.
    #[inline]
    pub fn publish(&mut self) -> io::Result<()> {
        if !self.ring.publish() {
            return Ok(());
        }
        self.kicks += 1;
        event::signal(&self.kick)
    }

    /// The next frame of a receive queue, which has this header in front, and takes several buffers only
    /// if it may. The buffers are to be [made available](Queue::fill) again.
    ///
    /// # Panics
    /// If it is not as virtio demands.
    pub fn receive(&mut self, layout: VnetHdrLen, is_mergeable: bool) -> Option<Frame> {
        let mut bytes = self.take_buffer()?;
        let header = VnetHdr::decode(&bytes, layout)
            .unwrap_or_else(|| panic!("a header of {} bytes: {bytes:02x?}", bytes.len()));
        assert!(is_mergeable || header.num_buffers == 1, "{header:?}");
        for _ in 1..header.num_buffers {
            // They are given back all at once (virtio 1.4, "Setting Up Receive Buffers").
            let next = self.take_buffer();
            bytes.extend(next.unwrap_or_else(|| panic!("buffers are missing: {header:?}")));
        }
        let frame = bytes.split_off(layout.len());
        let padding = match layout {
            VnetHdrLen::V1Hash => [bytes[18], bytes[19]],
            _ => [0; 2],
        };
        Some(Frame { queue: u16::from(self.index / 2), header, padding, bytes: frame })
    }

    /// Put a command into a control queue, in parts of these sizes and one of what is left, with so many
    /// bytes for the answer. Returns where that will be.
    ///
    /// # Errors
    /// The device has all descriptors, or cannot be told.
    pub fn put_command(&mut self, bytes: &[u8], sizes: &[usize], ack: u32) -> io::Result<u64> {
        self.reclaim();
        let address = self.put(bytes, sizes, ack)?;
        self.publish()?;
        Ok(address)
    }

    /// The answer that is at this address.
    pub fn ack(&self, address: u64) -> Ack {
        let mut answer = [NO_ANSWER; 1];
        self.memory.read(address, &mut answer);
        match answer {
            [0] => Ack::Ok,
            [1] => Ack::Error,
            [other] => Ack::Other(other),
        }
    }

    /// What the device has written into the next buffer that is back.
    fn take_buffer(&mut self) -> Option<Vec<u8>> {
        let used = self.ring.pop()?;
        let buffer = self.buffer[usize::from(used.head)];
        self.free.push(buffer);
        let most: u32 = self.parts.iter().sum();
        assert!(used.len <= most, "{used:?} of a buffer of {most} bytes");
        let mut bytes = vec![0; used.len as usize];
        // The parts of a buffer are adjacent.
        self.memory.read(self.start + self.stride * u64::from(buffer), &mut bytes);
        Some(bytes)
    }

    /// Take the frames that are there, without looking at more than their number of buffers; how many it
    /// was. The buffers are to be [made available](Queue::fill) again.
    #[inline]
    pub fn discard(&mut self) -> u64 {
        let mut packets = 0;
        let mut left = 0_u16;
        while let Some(used) = self.ring.pop() {
            let buffer = self.buffer[usize::from(used.head)];
            if left == 0 {
                let header = self.start + self.stride * u64::from(buffer);
                left = self.memory.load(header + NUM_BUFFERS);
                packets += 1;
            }
            left = left.saturating_sub(1);
            self.free.push(buffer);
        }
        packets
    }

    /// Put bytes into a buffer and make it available, in parts of these sizes and one of what is left,
    /// and a part for so many bytes of an answer, whose address is returned.
    fn put(&mut self, bytes: &[u8], sizes: &[usize], answer: u32) -> io::Result<u64> {
        let none = || io::Error::other("the device has all buffers");
        let buffer = self.free.pop().ok_or_else(none)?;
        let mut address = self.start + self.stride * u64::from(buffer);
        assert!(bytes.len() as u64 + u64::from(answer) <= self.stride, "{} bytes", bytes.len());
        self.memory.write(address, bytes);
        self.chain.clear();
        let mut left = bytes.len();
        for &size in sizes.iter().chain([&usize::MAX]) {
            let len = size.min(left);
            if len > 0 {
                let part = Part { address, len: len as u32, is_writable: false };
                self.chain.push(part);
            }
            address += len as u64;
            left -= len;
        }
        if answer > 0 {
            self.memory.write(address, &[NO_ANSWER]);
            self.chain.push(Part { address, len: answer, is_writable: true });
        }
        let Some(head) = self.ring.add(&self.chain) else {
            self.free.push(buffer);
            return Err(none());
        };
        self.buffer[usize::from(head)] = buffer;
        Ok(address)
    }

    /// Take back the buffers that the device has done with.
    fn reclaim(&mut self) {
        while let Some(used) = self.ring.pop() {
            self.free.push(self.buffer[usize::from(used.head)]);
        }
    }

    /// Wait until the device has given back all it has.
    ///
    /// # Errors
    /// It does not.
    pub fn flush(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + Frontend::LIMIT;
        self.reclaim();
        while self.ring.outstanding() > 0 {
            self.wait_used(deadline)?;
            self.reclaim();
        }
        Ok(())
    }

    /// Wait until the device has given something back.
    ///
    /// # Errors
    /// Until the deadline it has not.
    pub fn wait_used(&self, deadline: Instant) -> io::Result<()> {
        loop {
            event::take(&self.call);
            if self.ring.enable_calls() {
                return Ok(());
            }
            if !event::wait(&[&self.call], deadline)? {
                let index = self.index;
                let said = format!("queue {index}: the device gives nothing back");
                return Err(io::Error::new(io::ErrorKind::TimedOut, said));
            }
        }
    }
}

/// Where `num_buffers` is in a header.
const NUM_BUFFERS: u64 = 10;

/// Bytes of a buffer to transmit from: the longest frame, its VLAN tags and the longest header.
const TRANSMIT_LEN: u32 = 66_000;

/// The most buffers of a queue that are as long.
const MOST_LONG: u16 = 512;

/// Bytes of a buffer for commands.
const CONTROL_LEN: u32 = 1 << 18;

/// Stands where the device is to put its answer.
const NO_ANSWER: u8 = 0xaa;
