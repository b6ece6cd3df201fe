//! A hostile guest: whatever it does, the daemon neither ends nor spins, other queues go on working,
//! every descriptor goes back, and the next guest finds all as it should be.
//!
//! Takes 10 seconds, or as many as `TUNRSS_FUZZ_SECONDS` says. A failure names its kind and seed, which
//! are for `tests/corpus/seeds`; `TUNRSS_FUZZ_ONLY="rings 17"` does that one alone.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tunrss::Config;
use tunrss::hash::{Link, VnetHdr, classify};
use tunrss_testkit::vhost::{
    Ack, Buffers, Descriptor, Frontend, FrontendReq, Guest, Memory, Options, event, feature,
};

use crate::daemon_process::Daemon;
use crate::features::{hash_body, rss_body};
use crate::frames::{flows, of_every_kind};
use crate::host::{Host, deadline, eventually, unique};
use crate::served::{Random, assert_idle, check, config, receive};

/// What is done to the daemon; each with a seed.
const KINDS: &[(&str, Kind)] =
    &[("rings", rings), ("control", control), ("messages", messages), ("resets", resets)];

#[test]
#[ignore = "cargo xtask test bpf"]
fn hostile_guest_does_no_harm() {
    let mut target = Target::new();
    if let Ok(only) = std::env::var("TUNRSS_FUZZ_ONLY") {
        return target.run_line(&only);
    }
    for line in include_str!("../corpus/seeds").lines().filter(|line| !line.starts_with('#')) {
        target.run_line(line);
    }
    let seconds = std::env::var("TUNRSS_FUZZ_SECONDS").map_or(10, |text| text.parse().unwrap());
    let end = Instant::now() + Duration::from_secs(seconds);
    let first = u64::from(std::process::id()) << 32;
    let mut rounds = 0;
    'all: for seed in first.. {
        for &(kind, run) in KINDS {
            if Instant::now() > end {
                break 'all;
            }
            target.run(kind, run, seed);
            rounds += 1;
        }
    }
    println!("{rounds} rounds");
    assert!(rounds >= KINDS.len(), "only {rounds} rounds");
}

type Kind = fn(&mut Target, &mut Random);

/// The daemon, and what frames come by.
struct Target {
    daemon: Daemon,
    host: Host,
    rounds: u64,
}

/// Says which round it was if the round fails.
struct Round<'a>(&'a str, u64);

impl Drop for Round<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed at TUNRSS_FUZZ_ONLY=\"{} {}\"", self.0, self.1);
        }
    }
}

impl Target {
    fn new() -> Self {
        let host = Host::new();
        let tap = unique("tap");
        let daemon = Daemon::start(&tap, "--queues 4");
        host.connect(&tap);
        Self { daemon, host, rounds: 0 }
    }

    fn run_line(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let kind = words.next().unwrap();
        let seed = words.next().unwrap().parse().unwrap();
        let found = KINDS.iter().find(|(name, _)| *name == kind);
        let (_, run) = found.unwrap_or_else(|| panic!("nothing is of the kind {kind}"));
        self.run(kind, *run, seed);
    }

    fn run(&mut self, kind: &str, run: Kind, seed: u64) {
        let _round = Round(kind, seed);
        run(self, &mut Random(seed));
        self.daemon.assert_alive();
        // The next guest finds all as it should be.
        let mut guest = self.guest(Options::default());
        let config = config(4, seed);
        assert_eq!(guest.set_rss(&config).unwrap(), Ack::Ok);
        self.settle(&mut guest, &config);
        let frames = of_every_kind(4, seed as u16);
        frames.iter().for_each(|frame| self.host.arrive(&VnetHdr::default(), frame));
        check(&receive(&mut guest, &frames), &config);
        self.rounds += 1;
        if self.rounds % 8 == 1 {
            assert_idle(&self.daemon, || guest.wait(Instant::now() + crate::served::IDLE).unwrap());
        }
    }

    fn guest(&self, options: Options) -> Guest {
        Guest::connect(self.daemon.socket(), options).unwrap()
    }

    /// Take what was under way for the guest before, which a frame to each queue by this configuration
    /// comes after.
    fn settle(&self, guest: &mut Guest, config: &Config) {
        let queue = |frame: &[u8]| classify(config, Link::Ethernet, frame).queue;
        let all = of_every_kind(100, 0xffff);
        let mut marks: Vec<_> = (0..guest.pairs())
            .map(|pair| all.iter().find(|frame| queue(frame) == pair).unwrap().clone())
            .collect();
        marks.iter().for_each(|mark| self.host.arrive(&VnetHdr::default(), mark));
        let deadline = deadline();
        while !marks.is_empty() {
            let is_there = guest.wait(deadline).unwrap();
            let status = || self.daemon.status()["rings"].to_string();
            assert!(is_there, "{} queues are stuck: {}", marks.len(), status());
            for frame in guest.receive_all().unwrap() {
                marks.retain(|mark| *mark != frame.bytes);
            }
        }
    }
}

/// Malformed chains in the rings of a queue pair, while the others are used as they should be.
fn rings(target: &mut Target, random: &mut Random) {
    let features = !(random.next() & (feature::EVENT_IDX | feature::MRG_RXBUF));
    let mut options = Options { features, ..Options::default() };
    options = options.without(feature::INDIRECT_DESC * random.below(2));
    options.buffers = Buffers::of(2048);
    options.buffers.count = 0;
    let mut guest = target.guest(options);
    guest.set_buffer_count(u16::MAX);
    for pair in 1..4 {
        guest.rx(pair).fill(u16::MAX).unwrap();
    }
    // What is under way for nobody would otherwise come now.
    let config = config(4, random.next());
    assert_eq!(guest.set_rss(&config).unwrap(), Ack::Ok);
    let (to_0, others): (Vec<_>, Vec<_>) = of_every_kind(12, random.next() as u16)
        .into_iter()
        .partition(|frame| classify(&config, Link::Ethernet, frame).queue == 0);
    assert!(!to_0.is_empty() && !others.is_empty());
    guest.receive_all().unwrap();

    let mut is_broken = [false; 2];
    let mut made = [0_u16; 2];
    for step in 0..random.below(60) {
        for (transmit, is_broken) in is_broken.iter_mut().enumerate() {
            let memory = guest.memory.clone();
            let queue = &mut guest.queues[transmit];
            let size = queue.ring.size();
            for _ in 0..random.below(8) {
                let index = random.below(HOSTILE.into()) as u16;
                let descriptor = descriptor(random, &memory);
                queue.ring.set_descriptor(index, &descriptor);
            }
            for _ in 0..random.below(4) {
                // The device could not keep more in mind.
                let is_room = made[transmit].wrapping_sub(queue.ring.used_index()) < HOSTILE - 8;
                if is_room && !*is_broken {
                    let mut head = random.below(HOSTILE.into()) as u16;
                    if random.one_in(200) {
                        head = size + random.below(1000) as u16;
                        *is_broken = true;
                    }
                    queue.ring.make_available(head);
                    made[transmit] = made[transmit].wrapping_add(1);
                }
            }
            if random.one_in(400) {
                queue.ring.set_avail_index(random.next() as u16);
                *is_broken = true;
            }
            let _ = queue.ring.publish();
            event::signal(&queue.kick).unwrap();
        }
        if let Some(frame) = to_0.get(step as usize % to_0.len()) {
            target.host.arrive(&VnetHdr::default(), frame);
        }
        // The others go on.
        let frame = &others[step as usize % others.len()];
        target.host.arrive(&VnetHdr::default(), frame);
        let mut has_come = false;
        let deadline = deadline();
        while !has_come {
            for pair in 1..4 {
                while let Some(received) = guest.receive(pair).unwrap() {
                    assert!(received.bytes == *frame, "{received:02x?}");
                    has_come = true;
                }
            }
            if !has_come {
                let calls = [2, 4, 6].map(|index: usize| &guest.queues[index].call);
                calls.iter().for_each(|call| assert!(event::take(call) < u64::MAX));
                let is_there =
                    [2, 4, 6].iter().any(|&index| guest.queues[index].ring.enable_calls());
                let is_there = is_there || event::wait(&calls, deadline).unwrap();
                let status = || target.daemon.status()["rings"].to_string();
                assert!(is_there, "step {step}: {frame:02x?}, {}", status());
            }
        }
    }
    // What was made available goes back: at once where it is sent, with enough frames and buffers where
    // it is received.
    if !is_broken[1] {
        let tx = &guest.queues[1];
        eventually("all descriptors of a transmit queue go back", || {
            tx.ring.used_index() == made[1]
        });
    }
    // A buffer that is too short for a frame which has to fit into one is kept for the next frame.
    if !is_broken[0] && guest.has(feature::MRG_RXBUF) {
        let place = guest.memory.allocate(64 * 2048, 64);
        let rx = &mut guest.queues[0];
        for index in HOSTILE..HOSTILE + 64 {
            let address = place + 2048 * u64::from(index - HOSTILE);
            let flags = Descriptor::WRITE;
            rx.ring.set_descriptor(index, &Descriptor { address, len: 2048, flags, next: 0 });
            rx.ring.make_available(index);
        }
        let _ = rx.ring.publish();
        event::signal(&rx.kick).unwrap();
        let used = |guest: &Guest| guest.queues[0].ring.used_index();
        let mut frames = to_0.iter().cycle();
        eventually("all descriptors of a receive queue go back", || {
            let done = used(&guest).wrapping_sub(made[0]) <= 64;
            if !done {
                target.host.wire.try_arrive(&VnetHdr::default(), frames.next().unwrap());
            }
            done
        });
    }
    // Those of the pair that behaved.
    let out = &others[0];
    guest.send(1, &VnetHdr::default(), out, &[]).unwrap();
    let deadline = deadline();
    while target.host.departed(deadline).unwrap().1 != *out {}
    guest.flush(1).unwrap();
}

/// Descriptors that are hostile, from the first on.
const HOSTILE: u16 = 96;

/// A descriptor that may be anything.
fn descriptor(random: &mut Random, memory: &Memory) -> Descriptor {
    let end = Memory::BASE + memory.len();
    let inside = Memory::BASE + (1 << 28) + random.below(1 << 20);
    let address = match random.below(10) {
        0 => 0,
        1 => u64::MAX - random.below(70_000),
        2 => end - random.below(4096),
        3 => Memory::BASE.wrapping_sub(random.below(4096)),
        4 => random.next(),
        _ => inside,
    };
    let len = match random.below(8) {
        0 => 0,
        1 => random.below(16) as u32,
        2 => u32::MAX - random.below(16) as u32,
        3 => random.next() as u32,
        4 => 65_536,
        5 => 16 * random.below(70) as u32,
        _ => random.below(4096) as u32,
    };
    let flags = match random.below(8) {
        0 => random.next() as u16,
        1 => Descriptor::INDIRECT,
        2 => Descriptor::INDIRECT | Descriptor::NEXT,
        _ => random.below(4) as u16,
    };
    let next = match random.below(10) {
        0 => random.next() as u16,
        _ => random.below(HOSTILE.into()) as u16,
    };
    // A table in the guest's memory that is full of the same.
    if flags & Descriptor::INDIRECT != 0 && (Memory::BASE..end - 70_000).contains(&address) {
        for place in 0..random.below(20) {
            let flags = match random.below(10) {
                0 => random.next() as u16,
                _ => random.below(4) as u16,
            };
            let next = match random.below(3) {
                0 => random.below(64) as u16,
                _ => place as u16 + 1,
            };
            let len = random.below(2048) as u32;
            let entry = Descriptor { address: inside, len, flags, next };
            memory.write(address + 16 * place, &entry.encode());
        }
    }
    Descriptor { address, len, flags, next }
}

/// Any bytes on the control queue, in any chain.
fn control(target: &mut Target, random: &mut Random) {
    let bits = feature::RSS
        | feature::HASH_REPORT
        | feature::MQ
        | feature::CTRL_RX
        | feature::CTRL_MAC_ADDR
        | feature::CTRL_GUEST_OFFLOADS
        | feature::INDIRECT_DESC
        | feature::EVENT_IDX
        | feature::MRG_RXBUF;
    // Often all, else with no regard to what needs what.
    let without = if random.one_in(2) { 0 } else { random.next() & bits };
    let options = Options::default().without(without).buffers(Buffers::of(70_000));
    let mut guest = target.guest(options);
    let good = [&[4, 1][..], &{
        let mut body = vec![];
        rss_body(&config(4, random.next()), &mut body);
        body
    }]
    .concat();
    let hash = [&[4, 2][..], &hash_body(&config(4, random.next()))].concat();
    for _ in 0..random.below(60) {
        let mut bytes = match random.below(8) {
            0..=2 => good.clone(),
            3 => hash.clone(),
            4 => [&[4, 0][..], &(random.below(8) as u16).to_le_bytes()].concat(),
            5 => [&[5, 0][..], &random.next().to_le_bytes()].concat(),
            6 => {
                let class = random.below(8) as u8;
                let mut bytes = vec![class, random.below(4) as u8];
                bytes.extend((0..random.below(40)).map(|_| random.next() as u8));
                bytes
            }
            _ => (0..1 + random.below(100)).map(|_| random.next() as u8).collect(),
        };
        for _ in 0..random.below(4) {
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] = match random.below(4) {
                0 => 0,
                1 => 0xff,
                2 => bytes[at] ^ (1 << random.below(8)),
                _ => random.next() as u8,
            };
        }
        if random.one_in(3) {
            bytes.truncate(1 + random.below(bytes.len() as u64) as usize);
        }
        if random.one_in(20) {
            bytes.resize(random.below(200_000) as usize + 1, 0x55);
        }
        let sizes: Vec<_> = (0..random.below(8)).map(|_| random.below(200) as usize).collect();
        let ack = [0, 1, 1, 1, 1, 2, 64][random.below(7) as usize];
        let answer = guest.command_in(&bytes, &sizes, ack).unwrap();
        assert!(ack == 0 || !matches!(answer, Ack::Other(_)), "{answer:?} {bytes:02x?}");
    }
    // Chains that are none.
    let memory = guest.memory.clone();
    if let Some(queue) = &mut guest.control {
        let before = queue.ring.used_index();
        let mut made = 0;
        for _ in 0..random.below(60) {
            for _ in 0..random.below(6) {
                let index = random.below(HOSTILE.into()) as u16;
                queue.ring.set_descriptor(index, &descriptor(random, &memory));
            }
            if made < HOSTILE {
                queue.ring.make_available(random.below(HOSTILE.into()) as u16);
                made += 1;
            }
            let _ = queue.ring.publish();
            event::signal(&queue.kick).unwrap();
        }
        eventually("all commands are answered", || {
            queue.ring.used_index().wrapping_sub(before) == made
        });
    }
    // What arrives by whatever is in force now arrives.
    let frames = of_every_kind(3, random.next() as u16);
    frames.iter().for_each(|frame| target.host.arrive(&VnetHdr::default(), frame));
    let _ = guest.wait(Instant::now() + Duration::from_millis(5));
}

/// Messages of the frontend in any order, with anything in them.
fn messages(target: &mut Target, random: &mut Random) {
    // Often on a device that works.
    let mut guest = None;
    let frontend = if random.one_in(2) {
        let guest = guest.insert(target.guest(Options::default()));
        let stream = guest.frontend.stream().try_clone().unwrap();
        Frontend::new(stream).unwrap()
    } else {
        Frontend::connect(target.daemon.socket()).unwrap()
    };
    let memory = Memory::new(1 << 22).unwrap();
    let event = event::new().unwrap();
    let (socket, _other) = UnixStream::pair().unwrap();
    let socket = OwnedFd::from(socket);
    let frames = flows(20, 100);
    for _ in 0..random.below(60) {
        let request = match random.below(10) {
            0 => random.next() as u32,
            _ => random.below(46) as u32,
        };
        let flags = match random.below(12) {
            0 => random.next() as u32,
            1 => 0,
            2 => 1 | 4,
            3..=5 => 1 | 8,
            _ => 1,
        };
        let body = message_body(random, request, &memory);
        let all = [memory.file(), event.as_fd(), socket.as_fd()];
        let count = match random.below(10) {
            0 => random.below(9),
            _ if matches!(request, 12..=14) => 1,
            _ if request == 5 => body.first().copied().unwrap_or(0).min(8).into(),
            _ => 0,
        };
        let descriptors: Vec<_> = (0..count)
            .map(|_| match request {
                5 if !random.one_in(10) => all[0],
                12..=14 if !random.one_in(10) => all[1],
                _ => all[random.below(3) as usize],
            })
            .collect();
        if frontend.send(request, flags, &body, &descriptors).is_err() {
            break;
        }
        if random.one_in(10) {
            target.host.wire.try_arrive(&VnetHdr::default(), &frames[random.below(20) as usize]);
        }
        if random.one_in(40) {
            let noise: Vec<_> = (0..random.below(64)).map(|_| random.next() as u8).collect();
            if noise.is_empty() || frontend.send_bytes(&noise, &[]).is_err() {
                break;
            }
        }
        // Answers are not waited for, but they are taken now and then.
        if random.one_in(4) {
            take(&frontend);
        }
    }
    // A part of a message: who says no more than that holds up nobody.
    if random.one_in(24) {
        let _ = frontend.send_bytes(&[1, 0, 0, 0, 1][..1 + random.below(4) as usize], &[]);
        target.daemon.status();
    }
    let _ = frontend.stream().shutdown(std::net::Shutdown::Both);
}

fn take(frontend: &Frontend) {
    let mut bytes = [0; 4096];
    let flags = rustix::net::RecvFlags::DONTWAIT;
    let _ = rustix::net::recv(frontend.stream(), &mut bytes, flags);
}

/// What a request has in it, with anything for a number.
fn message_body(random: &mut Random, request: u32, memory: &Memory) -> Vec<u8> {
    let ring = |random: &mut Random| match random.below(6) {
        0 => random.next() as u32,
        _ => random.below(12) as u32,
    };
    let mut body = vec![];
    match request {
        // Features.
        2 | 16 => {
            let all = random.next() | feature::PROTOCOL_FEATURES | feature::VERSION_1;
            body.extend(if random.one_in(2) { all } else { random.next() }.to_le_bytes());
        }
        // The memory, in regions that may be wrong; never beyond the file's end, where a page that is
        // touched ends any process.
        5 | 37 | 38 => {
            let count = if request == 5 { random.below(5) } else { 1 };
            body.extend(count.to_le_bytes());
            let regions = memory.regions(count.max(1));
            for region in regions.iter().take(count as usize) {
                let words = [region.guest, region.len, region.user, region.offset];
                for (place, word) in words.into_iter().enumerate() {
                    let is_wrong = random.one_in(12) && place % 2 == 0;
                    body.extend(if is_wrong { random.next() } else { word }.to_le_bytes());
                }
            }
        }
        // A ring and a number.
        8 | 10 | 11 | 18 => {
            body.extend(ring(random).to_le_bytes());
            let number = match random.below(6) {
                0 => random.next() as u32,
                1 => 1 << random.below(17),
                2 => random.below(70_000) as u32,
                _ => random.below(2) as u32,
            };
            body.extend(number.to_le_bytes());
        }
        // Its addresses.
        9 => {
            body.extend(ring(random).to_le_bytes());
            body.extend((random.below(3) as u32 / 2).to_le_bytes());
            for _ in 0..4 {
                let inside = Memory::USER_BASE + random.below(memory.len());
                let aligned = inside & !0xfff;
                let any = match random.below(8) {
                    0 => random.next(),
                    1 => inside,
                    2 => Memory::USER_BASE + memory.len() - random.below(64),
                    _ => aligned,
                };
                body.extend(any.to_le_bytes());
            }
        }
        // Its events.
        12..=14 => {
            let no_descriptor = u64::from(random.one_in(10)) << 8;
            body.extend((u64::from(ring(random) & 0xff) | no_descriptor).to_le_bytes());
        }
        // The configuration space.
        24 | 25 => {
            let len = random.below(80) as u32;
            let offset = if random.one_in(4) { random.next() as u32 } else { 0 };
            body.extend([offset, len, 0].into_iter().flat_map(u32::to_le_bytes));
            body.resize(12 + len as usize, 0);
        }
        1 | 3 | 4 | 15 | 17 | 34 | 36 => {}
        _ => body.extend(random.next().to_le_bytes()),
    }
    if random.one_in(20) {
        body.resize(random.below(5000) as usize, 0xee);
    }
    body
}

/// A driver that is unloaded, loaded, and a guest that goes, at any moment under load.
fn resets(target: &mut Target, random: &mut Random) {
    let is_done = AtomicBool::new(false);
    let frames = of_every_kind(4, random.next() as u16);
    let Target { host, daemon, .. } = &*target;
    let wire = &host.wire;
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            for frame in frames.iter().cycle() {
                if is_done.load(Ordering::Relaxed) {
                    break;
                }
                wire.try_arrive(&VnetHdr::default(), frame);
                std::thread::yield_now();
            }
        });
        let options = |random: &mut Random| {
            let features = if random.one_in(2) { u64::MAX } else { random.next() };
            let sizes = [2, 4, 16, 256, 1024];
            let mut options = Options {
                features: features | feature::VERSION_1 | feature::PROTOCOL_FEATURES,
                ring_size: sizes[random.below(5) as usize],
                pairs: 1 + random.below(4) as u16,
                regions: 1 + random.below(8),
                ..Options::default()
            };
            options.buffers = Buffers::of([64, 1500, 70_000][random.below(3) as usize]);
            options
        };
        let done = Done(&is_done);
        let mut guest = Guest::connect(daemon.socket(), options(random)).unwrap();
        for _ in 0..random.below(12) {
            match random.below(6) {
                0 => guest.reload(options(random)).unwrap(),
                1 => guest.reconnect(daemon.socket(), options(random)).unwrap(),
                2 => {
                    let bases = guest.stop().unwrap();
                    guest.resume(&bases).unwrap();
                }
                3 => {
                    guest.enable(false).unwrap();
                    guest.enable(true).unwrap();
                }
                4 if guest.control.is_some() => {
                    let config = config(guest.pairs(), random.next());
                    guest.set_rss(&config).unwrap();
                }
                _ => {
                    let pair = random.below(guest.pairs().into()) as u16;
                    for frame in &frames {
                        guest.send(pair, &VnetHdr::default(), frame, &[]).unwrap();
                    }
                }
            }
            // Nothing that the guest gets is wrong as far as a driver looks.
            guest.receive_all().unwrap();
        }
        drop(done);
        sender.join().unwrap();
        let _ = guest.frontend.set_u64(FrontendReq::RESET_OWNER, 0);
    });
}

/// Sets it when it is dropped.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
