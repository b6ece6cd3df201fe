//! Frontends and guests that try to hold the daemon up. After each of them the status is told, the next
//! frontend is served, memory is given back, and a signal ends the daemon without force.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, epoll, eventfd, poll};
use rustix::fs::{MemfdFlags, OFlags, fcntl_getfl, fcntl_setfl, ftruncate, memfd_create};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use tunrss::hash::VnetHdr;
use tunrss::{Device, IfName};
use tunrss_testkit::vhost::{
    Ack, Descriptor, Frontend, FrontendReq, Guest, Memory, Options, VhostUserProtocolFeatures,
    event,
};

use crate::daemon_process::{Daemon, start_connected};
use crate::features::rss_body;
use crate::frames::of_every_kind;
use crate::host::{Host, deadline, eventually, unique};
use crate::served::{Served, check, config};
use crate::undelivered::Undelivered;

/// A daemon that is attacked.
struct Target {
    host: Host,
    daemon: Daemon,
    pids: Vec<u32>,
    /// What the process that serves had of memory before.
    memory: u64,
}

impl Target {
    fn new(arguments: &str) -> Self {
        let host = Host::new();
        let tap = unique("tap");
        let daemon = Daemon::start(&tap, arguments);
        host.connect(&tap);
        let pids = daemon.pids();
        let memory = resident(pids[1]);
        Self { host, daemon, pids, memory }
    }

    fn guest(&self) -> Guest {
        Guest::connect(self.daemon.socket(), Options::default()).unwrap()
    }

    /// A guest whose rings have carried something.
    fn used_guest(&mut self) -> Guest {
        let mut guest = self.guest();
        self.use_guest(&mut guest);
        guest
    }

    #[track_caller]
    fn use_guest(&self, guest: &mut Guest) {
        let config = config(2, 1);
        assert_eq!(guest.set_rss(&config).unwrap(), Ack::Ok);
        guest.receive_all().unwrap();
        let frames = of_every_kind(10, 1);
        frames.iter().for_each(|frame| self.host.arrive(&VnetHdr::default(), frame));
        check(&crate::served::receive(guest, &frames), &config);
        for pair in 0..2 {
            guest.send(pair, &VnetHdr::default(), &frames[0], &[]).unwrap();
            guest.flush(pair).unwrap();
        }
    }

    /// Nothing that was done has an effect on whoever comes next.
    #[track_caller]
    fn assert_unharmed(&mut self, what: &str) {
        let status = || self.daemon.status()["frontend"].clone();
        eventually(&format!("the frontend is gone: {what}"), || status() == "waiting");
        drop(self.used_guest());
        assert_eq!(self.daemon.pids(), self.pids, "{what}: {:?}", self.daemon.said());
        let limit = self.memory + (10 << 20);
        eventually(&format!("memory is given back: {what}"), || resident(self.pids[1]) < limit);
    }

    #[track_caller]
    fn assert_ends(mut self) {
        self.daemon.signal(Signal::TERM);
        assert_eq!(self.daemon.wait().code(), Some(0), "{:?}", self.daemon.said());
        let said = self.daemon.said();
        assert!(!said.iter().any(|line| line.contains("killed")), "{said:?}");
    }
}

/// What a process has of memory, in bytes (proc_pid_status(5)).
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    1024 * line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
}

/// Write until there is no room, and have writing wait from then on.
fn fill(fd: impl AsFd) {
    let flags = fcntl_getfl(&fd).unwrap();
    fcntl_setfl(&fd, flags | OFlags::NONBLOCK).unwrap();
    while rustix::io::write(&fd, &[0; 512]).is_ok() {}
    while rustix::io::write(&fd, &[0]).is_ok() {}
    fcntl_setfl(&fd, flags - OFlags::NONBLOCK).unwrap();
}

fn fill_counter(fd: impl AsFd) {
    fcntl_setfl(&fd, OFlags::NONBLOCK).unwrap();
    eventually("the counter is full", || {
        // The daemon may have added to it.
        let _ = rustix::io::read(&fd, &mut [0; 8]);
        rustix::io::write(&fd, &(u64::MAX - 1).to_ne_bytes()).is_ok()
    });
    assert_eq!(rustix::io::write(&fd, &1_u64.to_ne_bytes()), Err(Errno::AGAIN));
    fcntl_setfl(&fd, OFlags::empty()).unwrap();
}

fn counter() -> OwnedFd {
    eventfd(0, EventfdFlags::CLOEXEC).unwrap()
}

/// What is to be notified, and what has to stay open meanwhile.
type Notified = (OwnedFd, Vec<OwnedFd>);

type Make = fn() -> Notified;

/// Descriptors that writing to waits for, and others that are no use.
const DESCRIPTORS: &[(&str, Make)] = &[
    ("a full event counter", || {
        let full = counter();
        fill_counter(&full);
        (full, vec![])
    }),
    ("a terminal that nobody reads", || {
        let terminal = File::options().read(true).write(true).open("/dev/ptmx").unwrap();
        fill(&terminal);
        (terminal.into(), vec![])
    }),
    ("a full pipe", || {
        let (read, write) = io::pipe().unwrap();
        fill(&write);
        (write.into(), vec![read.into()])
    }),
    ("a closed pipe", || (io::pipe().unwrap().1.into(), vec![])),
    ("a full socket", || {
        let (ours, theirs) = UnixStream::pair().unwrap();
        fill(&theirs);
        (theirs.into(), vec![ours.into()])
    }),
    ("a closed socket", || (UnixStream::pair().unwrap().0.into(), vec![])),
    ("/dev/null", || (File::options().write(true).open("/dev/null").unwrap().into(), vec![])),
    ("a file", || (memfd_create("call", MemfdFlags::CLOEXEC).unwrap(), vec![])),
    ("an epoll", || (epoll::create(epoll::CreateFlags::CLOEXEC).unwrap(), vec![])),
];

/// Hand over a descriptor for each ring of a queue pair and for the control queue. It may be refused.
fn hand_over(guest: &mut Guest, request: FrontendReq, fd: BorrowedFd<'_>) {
    let control = guest.control.as_ref().unwrap().index;
    for ring in [0, 1, control] {
        let _ = guest.frontend.set_ring_event(request, ring, Some(fd));
    }
}

/// Have the daemon give something back on each of these rings.
fn stir(target: &Target, guest: &mut Guest) {
    let frames = of_every_kind(10, 2);
    frames.iter().for_each(|frame| target.host.wire.try_arrive(&VnetHdr::default(), frame));
    let _ = guest.send(0, &VnetHdr::default(), &frames[0], &[]);
    let mut body = vec![4, 1];
    rss_body(&config(2, 2), &mut body);
    guest.control.as_mut().unwrap().put_command(&body, &[], 1).unwrap();
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn calls_that_cannot_be_written_to_hold_up_nobody() {
    let mut target = Target::new("--queues 2");
    for (what, make) in DESCRIPTORS {
        let mut guest = target.used_guest();
        let (call, _kept) = make();
        hand_over(&mut guest, FrontendReq::SET_VRING_CALL, call.as_fd());
        stir(&target, &mut guest);
        let answer = guest.frontend.stop_ring(0);
        answer.unwrap_or_else(|error| panic!("{what}: {error}: {:?}", target.daemon.said()));
        drop(guest);
        target.assert_unharmed(what);
    }
    target.assert_ends();
}

/// The frontend can fill it when it is in use, and take `O_NONBLOCK` away.
#[test]
#[ignore = "cargo xtask test bpf"]
fn calls_that_are_filled_later_hold_up_nobody() {
    let mut target = Target::new("--queues 2 --threads 1");
    for turn in 0..2 {
        let mut guest = target.used_guest();
        let call = event::new().unwrap();
        hand_over(&mut guest, FrontendReq::SET_VRING_CALL, call.as_fd());
        for _ in 0..3 {
            fill_counter(&call);
            stir(&target, &mut guest);
        }
        assert_eq!(target.daemon.status()["frontend"], "connected");
        // In the first turn the frontend goes while threads wait.
        if turn == 1 {
            let control = guest.control.as_ref().unwrap().index;
            for ring in [0, 1, control] {
                guest.frontend.stop_ring(ring.into()).unwrap();
            }
        }
        drop(guest);
        target.assert_unharmed("filled later");
    }
    let mut guest = target.used_guest();
    let call = event::new().unwrap();
    hand_over(&mut guest, FrontendReq::SET_VRING_CALL, call.as_fd());
    fill_counter(&call);
    stir(&target, &mut guest);
    target.assert_ends();
}

#[test]
#[ignore = "cargo xtask test bpf"]
fn kicks_of_any_kind_hold_up_nobody() {
    let mut target = Target::new("--queues 2");
    for (what, make) in DESCRIPTORS {
        let mut guest = target.used_guest();
        let (kick, _kept) = make();
        hand_over(&mut guest, FrontendReq::SET_VRING_KICK, kick.as_fd());
        stir(&target, &mut guest);
        crate::served::assert_idle(&target.daemon, || {
            guest.wait(Instant::now() + crate::served::IDLE).unwrap();
            false
        });
        drop(guest);
        target.assert_unharmed(what);
    }
    target.assert_ends();
}

/// A socket with another one in its receive queue.
fn holding(held: UnixStream) -> UnixStream {
    let (carrier, far) = UnixStream::pair().unwrap();
    Frontend::new(far).unwrap().send_bytes(b"x", &[held.as_fd()]).unwrap();
    carrier
}

/// A connection ends when nobody has the frontend's end any more. So the daemon must not have it.
#[test]
#[ignore = "cargo xtask test bpf"]
fn frontend_that_gives_its_own_socket_away_is_gone_when_it_goes() {
    let mut target = Target::new("--queues 2");
    let own = |guest: &Guest| guest.frontend.stream().try_clone().unwrap();
    let requests = [
        FrontendReq::SET_VRING_CALL,
        FrontendReq::SET_VRING_KICK,
        FrontendReq::SET_VRING_ERR,
        FrontendReq::SET_BACKEND_REQ_FD,
    ];
    for request in requests {
        for nested in [false, true] {
            let mut options = Options::default();
            options.protocol |= VhostUserProtocolFeatures::BACKEND_REQ;
            let mut guest = Guest::connect(target.daemon.socket(), options).unwrap();
            target.use_guest(&mut guest);
            let given = own(&guest);
            let given = if nested { holding(given) } else { given };
            match request {
                FrontendReq::SET_BACKEND_REQ_FD => {
                    let _ = guest.frontend.set(request, &[], &[given.as_fd()]);
                }
                _ => hand_over(&mut guest, request, given.as_fd()),
            }
            drop((guest, given));
            target.assert_unharmed(&format!("{request:?}, nested: {nested}"));
        }
    }
    // Another connection to the same daemon, which waits to be accepted.
    let mut guest = target.used_guest();
    let other = UnixStream::connect(target.daemon.socket()).unwrap();
    hand_over(&mut guest, FrontendReq::SET_VRING_CALL, other.as_fd());
    drop((guest, other));
    target.assert_unharmed("another connection");
    // A socket that listens, where a connection waits that carries the frontend's.
    let guest = target.used_guest();
    let path = target.daemon.socket().with_extension("hostile");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let waiting = Frontend::connect(&path).unwrap();
    waiting.send_bytes(b"x", &[guest.frontend.as_fd()]).unwrap();
    let body = 0_u64.to_le_bytes();
    let call = FrontendReq::SET_VRING_CALL as u32;
    guest.frontend.send(call, 1, &body, &[listener.as_fd()]).unwrap();
    drop((guest, waiting, listener));
    fs::remove_file(path).unwrap();
    target.assert_unharmed("a socket that listens");
    target.assert_ends();
}

/// The same where the daemon was started with a connection, which has no address.
#[test]
#[ignore = "cargo xtask test bpf"]
fn daemon_of_one_connection_ends_when_the_frontend_goes_that_gave_its_socket_away() {
    let _host = Host::new();
    let tap = unique("tap");
    let (mut child, ours) = start_connected(&tap);
    let own = OwnedFd::from(ours.try_clone().unwrap());
    let mut guest = Guest::start(Frontend::new(ours).unwrap(), Options::default()).unwrap();
    hand_over(&mut guest, FrontendReq::SET_VRING_CALL, own.as_fd());
    drop((guest, own));
    let mut status = None;
    let ends = || {
        status = child.try_wait().unwrap();
        status.is_some()
    };
    let limit = deadline();
    let has_ended = std::iter::repeat_with(ends).take_while(|_| Instant::now() < limit);
    let has_ended = has_ended.inspect(|_| std::thread::yield_now()).any(|ended| ended);
    let _ = child.kill();
    let said = child.wait_with_output().unwrap().stderr;
    let said = String::from_utf8(said).unwrap();
    assert!(has_ended && said.contains("own socket"), "{status:?}: {said}");
}

/// A message has its time as a whole, not each byte of it.
#[test]
#[ignore = "cargo xtask test bpf"]
fn message_that_comes_a_byte_at_a_time_is_not_waited_for() {
    let mut target = Target::new("--queues 2");
    // The length is 4096.
    let header = [2, 0, 0, 0, 1, 0, 0, 0, 0, 16, 0, 0];
    for start in [&header[..], &header[..1]] {
        let guest = target.used_guest();
        let frontend = &guest.frontend;
        frontend.send_bytes(start, &[]).unwrap();
        let sent = std::thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let pause = Timespec { tv_sec: 0, tv_nsec: 500_000_000 };
                let mut fds = [PollFd::new(frontend, PollFlags::empty())];
                let mut sent = 0;
                // Until the daemon hangs up.
                while sent < 20 && poll(&mut fds, Some(&pause)).unwrap() == 0 {
                    let _ = frontend.send_bytes(&[0], &[]);
                    sent += 1;
                }
                sent
            });
            assert_eq!(target.daemon.status()["pairs"], 2);
            sender.join().unwrap()
        });
        assert!(sent < 20, "the daemon takes a byte each half second");
        drop(guest);
        target.assert_unharmed("a byte at a time");
    }
    let guest = target.used_guest();
    guest.frontend.send_bytes(&header, &[]).unwrap();
    target.assert_ends();
}

/// One descriptor of the ring can refer to 32,768 others, and each of them to memory in 500 regions.
#[test]
#[ignore = "cargo xtask test bpf"]
fn commands_in_millions_of_parts_take_neither_memory_nor_time() {
    const REGIONS: u64 = 500;
    const PAGE: u64 = 4096;
    const DESCRIPTORS: u64 = 32_768;
    let mut target = Target::new("--queues 2");
    let mut options = Options::default();
    options.protocol |= VhostUserProtocolFeatures::CONFIGURE_MEM_SLOTS;
    let mut guest = Guest::connect(target.daemon.socket(), options).unwrap();
    let file = memfd_create("regions", MemfdFlags::CLOEXEC).unwrap();
    ftruncate(&file, PAGE).unwrap();
    let start = Memory::BASE + guest.memory.len();
    for region in 0..REGIONS {
        let guest_address = start + region * PAGE;
        let words = [0, guest_address, PAGE, Memory::user(guest_address), 0];
        let body: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
        guest.frontend.set(FrontendReq::ADD_MEM_REG, &body, &[file.as_fd()]).unwrap();
    }
    target.use_guest(&mut guest);
    let table = guest.memory.allocate(16 * DESCRIPTORS, 16);
    let mut bytes = vec![];
    for next in 1..=DESCRIPTORS {
        let flags = if next < DESCRIPTORS { Descriptor::NEXT } else { 0 };
        let len = (REGIONS * PAGE) as u32;
        bytes.extend(Descriptor { address: start, len, flags, next: next as u16 }.encode());
    }
    guest.memory.write(table, &bytes);
    let control = guest.control.as_mut().unwrap();
    let len = 16 * DESCRIPTORS as u32;
    let head = Descriptor { address: table, len, flags: Descriptor::INDIRECT, next: 0 };
    control.ring.set_descriptor(0, &head);
    let before = control.ring.used_index();
    let count = 250;
    (0..count).for_each(|_| control.ring.make_available(0));
    let _ = control.ring.publish();
    event::signal(&control.kick).unwrap();
    let mut most = 0;
    eventually("all are given back", || {
        most = most.max(resident(target.pids[1]));
        control.ring.used_index().wrapping_sub(before) == count
    });
    assert!(most < target.memory + (10 << 20), "{most} bytes of memory");
    drop(guest);
    target.assert_unharmed("millions of parts");
    target.assert_ends();
}

/// Chains of 32,768 descriptors that mean no memory, in the rings of one queue pair, do not keep the same
/// thread from another one. That a turn is bounded is counted in unit tests.
#[test]
#[ignore = "cargo xtask test bpf"]
fn refused_chains_leave_a_turn_for_others() {
    let mut target = Target::new("--queues 2 --threads 1");
    let mut guest = target.used_guest();
    let table = guest.memory.allocate(16 * 32_768, 16);
    let chain = |write: u16| -> Vec<u8> {
        let descriptor = |next: u16| Descriptor {
            address: table,
            len: 0,
            flags: write | Descriptor::NEXT,
            next: next % 32_767 + 1,
        };
        (0..32_768_u32).flat_map(|place| descriptor(place as u16).encode()).collect()
    };
    guest.memory.write(table, &chain(Descriptor::WRITE));
    for index in 0..2 {
        let queue = &mut guest.queues[index];
        let size = queue.ring.size();
        let head =
            Descriptor { address: table, len: 16 * 32_768, flags: Descriptor::INDIRECT, next: 0 };
        (0..size).for_each(|index| queue.ring.set_descriptor(index, &head));
        let free = size - queue.ring.outstanding();
        (0..free).for_each(|_| queue.ring.make_available(0));
        let _ = queue.ring.publish();
        event::signal(&queue.kick).unwrap();
    }
    // The other pair sends meanwhile.
    let frame = of_every_kind(1, 3).remove(0);
    for _ in 0..20 {
        guest.send(1, &VnetHdr::default(), &frame, &[]).unwrap();
        guest.flush(1).unwrap();
    }
    drop(guest);
    target.assert_unharmed("refused chains");
    target.assert_ends();
}

/// Whoever waits for an answer gets one, or is told by the end of the connection that there is none.
#[test]
#[ignore = "cargo xtask test bpf"]
fn every_request_with_an_answer_is_answered_or_ends_the_connection() {
    let target = Target::new("--queues 2");
    let file = memfd_create("any", MemfdFlags::CLOEXEC).unwrap();
    ftruncate(&file, 4096).unwrap();
    let ring = |number: u32| [number.to_le_bytes(), [0; 4]].concat();
    let words = |count: usize| vec![0; 8 * count];
    let fds = [file.as_fd()];
    let asked: Vec<(FrontendReq, Vec<u8>, &[BorrowedFd<'_>])> = vec![
        (FrontendReq::GET_FEATURES, vec![], &[]),
        (FrontendReq::SET_LOG_BASE, words(2), &fds),
        (FrontendReq::GET_VRING_BASE, ring(0), &[]),
        (FrontendReq::GET_VRING_BASE, ring(5), &[]),
        (FrontendReq::GET_VRING_BASE, ring(77), &[]),
        (FrontendReq::GET_VRING_BASE, ring(u32::MAX), &[]),
        (FrontendReq::GET_PROTOCOL_FEATURES, vec![], &[]),
        (FrontendReq::GET_QUEUE_NUM, vec![], &[]),
        (FrontendReq::GET_CONFIG, [words(1), vec![0; 4]].concat(), &[]),
        (FrontendReq::GET_CONFIG, vec![0xff; 12], &[]),
        (FrontendReq::GET_INFLIGHT_FD, words(3), &[]),
        (FrontendReq::GET_MAX_MEM_SLOTS, vec![], &[]),
        (FrontendReq::GET_SHARED_OBJECT, words(2), &[]),
        (FrontendReq::SET_DEVICE_STATE_FD, words(1), &fds),
        (FrontendReq::CHECK_DEVICE_STATE, vec![], &[]),
        (FrontendReq::GET_SHMEM_CONFIG, vec![], &[]),
    ];
    for (request, body, fds) in asked {
        let mut frontend = Frontend::connect(target.daemon.socket()).unwrap();
        frontend.handshake(VhostUserProtocolFeatures::empty()).unwrap();
        // Also those that were not offered.
        frontend.set_u64(FrontendReq::SET_PROTOCOL_FEATURES, u64::MAX >> 40).unwrap();
        frontend.send(request as u32, 1, &body, fds).unwrap();
        if let Err(error) = frontend.answer(request) {
            // The time to wait for one has not passed.
            let waited = [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut];
            assert!(!waited.contains(&error.kind()), "{request:?} {body:?}: {error}");
        }
    }
    target.assert_ends();
}

/// A second frontend is not served, and somebody has to know.
#[test]
#[ignore = "cargo xtask test bpf"]
fn frontend_that_waits_is_logged_once() {
    let mut served = Served::new("--queues 2", Options::default());
    let waits = |daemon: &Daemon| {
        let said = daemon.said();
        said.iter().filter(|line| line.contains("another frontend has connected")).count()
    };
    assert_eq!(waits(&served.daemon), 0);
    let others: Vec<_> =
        (0..3).map(|_| UnixStream::connect(served.daemon.socket()).unwrap()).collect();
    eventually("it is logged", || waits(&served.daemon) == 1);
    served.assert_idle();
    assert_eq!(waits(&served.daemon), 1);
    drop(others);
    served.reconnect(Options::default());
    assert_eq!(served.guest.set_rss(&config(2, 1)).unwrap(), Ack::Ok);
}

/// A process that serves no more is replaced by whoever starts the daemon again.
#[test]
#[ignore = "cargo xtask test bpf"]
fn process_that_does_not_answer_is_killed_and_told_of() {
    let mut target = Target::new("--queues 2");
    let guest = target.used_guest();
    let backend = Pid::from_raw(target.pids[1] as i32).unwrap();
    kill_process(backend, Signal::STOP).unwrap();
    let status = target.daemon.wait();
    let said = target.daemon.said();
    assert_eq!(status.code(), Some(3), "{said:?}");
    let error = "error: the process that serves makes no progress: it has not answered for 5 s";
    eventually("it says why", || target.daemon.said().iter().any(|line| line == error));
    assert!(guest.frontend.is_hung_up());
    assert!(!target.daemon.socket().exists());
}

/// Memory of the guest's in a file system that does not answer: nothing in this process helps a thread that
/// touches it.
#[test]
#[ignore = "cargo xtask test bpf"]
fn thread_that_waits_for_memory_for_ever_ends_the_daemon() {
    for is_gone in [false, true] {
        let mut target = Target::new("--queues 2");
        let mut options = Options::default();
        options.protocol |= VhostUserProtocolFeatures::CONFIGURE_MEM_SLOTS;
        let mut guest = Guest::connect(target.daemon.socket(), options).unwrap();
        target.use_guest(&mut guest);
        let undelivered = Undelivered::new();
        let address = Memory::BASE + guest.memory.len();
        let words = [0, address, Undelivered::LEN, Memory::user(address), 0];
        let body: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
        let file = undelivered.file.as_fd();
        guest.frontend.set(FrontendReq::ADD_MEM_REG, &body, &[file]).unwrap();
        let queue = &mut guest.queues[1];
        queue.ring.set_descriptor(0, &Descriptor { address, len: 100, flags: 0, next: 0 });
        queue.ring.make_available(0);
        let _ = queue.ring.publish();
        event::signal(&queue.kick).unwrap();
        if is_gone {
            drop(guest);
        }
        let status = target.daemon.wait();
        assert_eq!(status.code(), Some(3), "{:?}", target.daemon.said());
        let error = "error: the process that serves makes no progress: ";
        let names = |line: &String| line.starts_with(error) && line.contains("packets-0");
        eventually("it says why", || target.daemon.said().iter().any(names));
        assert!(!target.daemon.socket().exists());
    }
}

/// Another program can hold the device's lock, or be stopped while it has it. A signal is followed all the
/// same.
#[test]
#[ignore = "cargo xtask test bpf"]
fn signal_is_followed_while_a_setting_waits_for_the_lock() {
    let mut target = Target::new("--queues 2");
    let mut guest = target.used_guest();
    let tap = target.daemon.status()["device"].as_str().unwrap().to_owned();
    let holder = Holder::start(&tap);
    let control = guest.control.as_mut().unwrap();
    let mut seed = 10;
    // Stopped at a moment when it has the lock: no command is acknowledged then.
    let is_held = (0..200).any(|_| {
        holder.signal(Signal::STOP);
        seed += 1;
        let mut body = vec![4, 1];
        rss_body(&config(2, seed), &mut body);
        control.put_command(&body, &[], 1).unwrap();
        let answered = control.wait_used(Instant::now() + Duration::from_millis(1500));
        if answered.is_ok() {
            holder.signal(Signal::CONT);
        }
        answered.is_err()
    });
    assert!(is_held, "the lock is never held");
    let start = Instant::now();
    target.daemon.signal(Signal::TERM);
    let status = target.daemon.wait();
    // The process that serves has 5 s, taking away what steers 3 s at least. Both wait for the lock, which
    // alone may be waited for for 10 s.
    let took = start.elapsed();
    println!("{status} after {took:?}: {:?}", target.daemon.said());
    assert!(took < Duration::from_secs(14), "{took:?}: {:?}", target.daemon.said());
}

/// A process that changes a device again and again. It ends with this.
struct Holder(Child);

impl Holder {
    fn start(tap: &str) -> Self {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(std::env::current_exe().unwrap());
        command.args(["--exact", "hostile::changes_a_device_again_and_again", "--ignored"]);
        Self(command.env(TAP, tap).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "a part of the test above, which runs it"]
fn changes_a_device_again_and_again() {
    let Ok(tap) = std::env::var(TAP) else { return };
    let device = Device::open(&IfName::new(&tap).unwrap()).unwrap();
    let config = config(2, 1);
    let limit = deadline();
    while Instant::now() < limit {
        let settings = tunrss::Settings { force: true, ..tunrss::Settings::default() };
        // What it comes to does not matter.
        let _ = device.steer(&config, settings);
    }
}

const TAP: &str = "TUNRSS_TEST_TAP";

/// The process that may change the device uses a sixth of a CPU, as the kernel counts it, however many
/// commands come. On a machine that has much to do it is less.
#[test]
#[ignore = "cargo xtask test bpf"]
fn commands_of_a_guest_take_a_sixth_of_a_cpu_at_most() {
    let mut target = Target::new("--queues 2");
    let mut guest = target.used_guest();
    let broker = target.pids[0];
    let used = || crate::daemon_process::cpu_time(broker);
    let (start, before) = (Instant::now(), used());
    let mut seed = 0;
    // Until what may be used at once has been, a quarter of a second, and then for some more.
    while used() < before + Duration::from_millis(500) {
        seed += 1;
        assert_eq!(guest.set_rss(&config(2, seed)).unwrap(), Ack::Ok);
    }
    let (used, took) = (used() - before, start.elapsed());
    println!("{seed} commands, {used:?} of {took:?}");
    assert!(4 * (used - Duration::from_millis(250)) < took, "{used:?} of {took:?}");
    drop(guest);
    target.assert_unharmed("commands");
    target.assert_ends();
}
