//! A setting's way from the process that serves the guest to the one that may change the device.
//!
//! [`Remote`] is in the process that touches the guest's memory and has no privilege; whatever it
//! sends may be the guest's doing. [`Broker`] is in the privileged process, and believes nothing.
//! Between them is a socket of type `SOCK_SEQPACKET`: a message is a [`Setting`], and is answered before
//! the next.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::sockopt::set_socket_send_buffer_size;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, Shutdown, SocketFlags, SocketType, recv, send, shutdown,
    socketpair,
};
use rustix::time::{ClockId, clock_gettime};
use tunrss::hash::HashKey;
use tunrss::hash::config::MAX_TABLE_LEN;

use crate::deadline;
use crate::steering::{Setting, Steer};

/// The two ends of a new connection: whose setting is put in force, and who puts it in force.
///
/// # Errors
/// Those of the system.
pub fn connection() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC;
    let (remote, broker) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).map_err(named)?;
    // The usual size has room for the longest setting, unless the system was told otherwise.
    set_socket_send_buffer_size(&remote, 2 * MAX_REQUEST_LEN).map_err(named)?;
    Ok((remote, broker))
}

/// The end that may change the device: takes one setting after the other, checks it, has it put in
/// force, and says what came of it.
///
/// Nothing the other end does makes it panic, wait for it, or take more memory than one setting. It takes a
/// sixth of a CPU at most: settings that come faster wait ([`Broker::pause`]).
#[derive(Debug)]
pub struct Broker<S> {
    socket: OwnedFd,
    steer: S,
    pairs: u16,
    pace: Pace,
    /// The CPU time that the thread had used after the last request.
    cpu_time: Option<Duration>,
    buffer: Vec<u8>,
}

/// What [`Broker::answer`] has done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// It has answered a request.
    Answered,
    /// There was none.
    Nothing,
    /// There will be no more: the other end is gone, or does not keep to the rules.
    Ended,
}

impl<S: Steer> Broker<S> {
    /// The broker's end of a [`connection`]; settings are for a device of so many queue pairs.
    pub fn new(socket: OwnedFd, steer: S, pairs: u16) -> Self {
        let pace = Pace::new(Instant::now());
        let buffer = vec![0; MAX_REQUEST_LEN + 1];
        Self { socket, steer, pairs, pace, cpu_time: None, buffer }
    }

    /// Who puts settings in force.
    pub fn steer_mut(&mut self) -> &mut S {
        &mut self.steer
    }

    /// How long requests have to wait from `now` on, if they came too fast. Until then the socket is
    /// not to be waited for.
    pub fn pause(&self, now: Instant) -> Option<Duration> {
        self.pace.pause(now)
    }

    /// Take one request that has come, put it in force and answer. Does not wait for the other end. To be
    /// called by one thread.
    pub fn answer(&mut self) -> Turn {
        let before = self.cpu_time.unwrap_or_else(cpu_time);
        let flags = RecvFlags::DONTWAIT | RecvFlags::TRUNC;
        let len = match recv(&self.socket, self.buffer.as_mut_slice(), flags) {
            // No request is empty.
            Ok((0, _)) => return Turn::Ended,
            Ok((len, _)) => len,
            Err(Errno::AGAIN | Errno::INTR) => return Turn::Nothing,
            Err(error) => {
                log::debug!("no more settings from the backend process: {}", named(error));
                return Turn::Ended;
            }
        };
        let mut answer = Vec::new();
        match self.put(len) {
            Ok(()) => answer.push(OK),
            Err(why) => {
                answer.push(REFUSED);
                answer.extend_from_slice(shortened(&why, MAX_WHY_LEN).as_bytes());
            }
        }
        let after = cpu_time();
        self.cpu_time = Some(after);
        self.pace.take(Instant::now(), after.saturating_sub(before));
        // Who asks waits for the answer, so there is room for it.
        match send(&self.socket, &answer, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(_) => Turn::Answered,
            Err(error) => {
                log::debug!("the backend process takes no answer: {}", named(error));
                Turn::Ended
            }
        }
    }

    /// Put in force what the buffer holds.
    fn put(&mut self, len: usize) -> Result<(), String> {
        if len > MAX_REQUEST_LEN {
            return Err(format!("no setting has more than {MAX_REQUEST_LEN} bytes"));
        }
        let request = self.buffer.get(..len).unwrap_or_default();
        let setting = Setting::decode(request).map_err(|error| error.to_string())?;
        let highest = setting.config.highest_queue();
        if !(1..=self.pairs).contains(&setting.queues) {
            return Err(format!("{} queues of {} cannot be used", setting.queues, self.pairs));
        }
        if highest >= self.pairs {
            return Err(format!("there is no queue {highest}, the device has {}", self.pairs));
        }
        self.steer.put(&setting)
    }
}

impl<S> AsFd for Broker<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The CPU time that the calling thread has used.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Lets requests through as long as they take a sixth of a CPU in the long run, whatever one takes.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// When the used time is made up for; may lie in the past.
    even: Instant,
}

impl Pace {
    /// The time that has to pass is this many times the used time.
    const SHARE: u32 = 6;
    /// What may be used at once, by a guest that is starting, say. A setting takes some milliseconds.
    const BURST: Duration = Duration::from_millis(250);

    fn new(now: Instant) -> Self {
        Self { even: now }
    }

    /// A request has used so much of a CPU's time until `now`.
    fn take(&mut self, now: Instant, used: Duration) {
        self.even = self.even.max(now) + Self::SHARE * used;
    }

    fn pause(&self, now: Instant) -> Option<Duration> {
        let ahead = self.even.saturating_duration_since(now);
        let pause = ahead.saturating_sub(Self::SHARE * Self::BURST);
        (!pause.is_zero()).then_some(pause)
    }
}

/// The end whose settings are put in force: asks the [`Broker`].
#[derive(Debug)]
pub struct Remote {
    socket: OwnedFd,
    timeout: Duration,
}

impl Remote {
    /// The other end of a [`connection`].
    pub fn new(socket: OwnedFd) -> Self {
        Self { socket, timeout: TIMEOUT }
    }

    fn ask(&self, setting: &Setting) -> io::Result<Result<(), String>> {
        let deadline = Instant::now() + self.timeout;
        let request = setting.encode();
        deadline::keep(&self.socket, PollFlags::OUT, deadline, || {
            send(&self.socket, &request, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)
        })?;
        let mut buffer = vec![0; 1 + MAX_WHY_LEN];
        let (len, _) = deadline::keep(&self.socket, PollFlags::IN, deadline, || {
            recv(&self.socket, buffer.as_mut_slice(), RecvFlags::DONTWAIT)
        })?;
        match buffer.get(..len) {
            Some([OK]) => Ok(Ok(())),
            Some([REFUSED, why @ ..]) => Ok(Err(String::from_utf8_lossy(why).into_owned())),
            // The broker has ended, or is none.
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl Steer for Remote {
    /// Waits until the setting is in force, or refused.
    fn put(&mut self, setting: &Setting) -> Result<(), String> {
        self.ask(setting).unwrap_or_else(|error| {
            // What is in force is not known any more, and a late answer would be taken for the next
            // one's. The broker ends this process when it sees the connection end.
            if let Err(error) = shutdown(&self.socket, Shutdown::Both) {
                log::debug!("cannot end the connection to the broker: {}", named(error));
            }
            Err(format!("the process that may change the device does not answer: {error}"))
        })
    }
}

/// As the standard library has it: with the error's name in words.
fn named(error: Errno) -> io::Error {
    error.into()
}

/// The start of a text, of at most `len` bytes.
fn shortened(text: &str, len: usize) -> &str {
    text.get(..text.floor_char_boundary(len)).unwrap_or(text)
}

const OK: u8 = 0;
const REFUSED: u8 = 1;

/// The longest [`Setting`]: four bytes, and a `struct virtio_net_rss_config` with the longest table
/// and key.
const MAX_REQUEST_LEN: usize = 4 + 8 + 2 * MAX_TABLE_LEN + 3 + HashKey::MAX_LEN;
/// A verifier's log can be longer, which is logged where it came up.
const MAX_WHY_LEN: usize = 2048;
/// Long enough for a machine with too much to do; the guest waits meanwhile.
const TIMEOUT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::thread;

    use proptest::prelude::*;
    use rustix::event::{PollFd, Timespec, poll};
    use tunrss::hash::{HashKey, HashTypes};
    use tunrss::{Config, SteeringMode};

    use super::*;

    /// Keeps what it is told, and refuses tables of one entry.
    #[derive(Default)]
    struct Kept(Vec<Setting>);

    impl Steer for Kept {
        fn put(&mut self, setting: &Setting) -> Result<(), String> {
            if setting.config.table().len() == 1 {
                return Err("ü".repeat(MAX_WHY_LEN));
            }
            self.0.push(setting.clone());
            Ok(())
        }
    }

    fn setting(queues: u16, table: Vec<u16>, unclassified: u16) -> Setting {
        let key = HashKey::new(&[7; HashKey::MAX_LEN]).unwrap();
        let config = Config::new(HashTypes::ALL, key, table, unclassified).unwrap();
        Setting { queues, steering: SteeringMode::Rss, report: true, config }
    }

    fn broker() -> (OwnedFd, Broker<Kept>) {
        let (remote, socket) = connection().unwrap();
        (remote, Broker::new(socket, Kept::default(), 4))
    }

    /// What the broker says to `request`.
    fn said(request: &[u8]) -> (Turn, Vec<u8>, Vec<Setting>) {
        let (remote, mut broker) = broker();
        send(&remote, request, SendFlags::empty()).unwrap();
        let turn = broker.answer();
        let mut answer = vec![0; 4096];
        let (len, _) = recv(&remote, answer.as_mut_slice(), RecvFlags::DONTWAIT).unwrap();
        answer.truncate(len);
        (turn, answer, broker.steer.0)
    }

    /// Serve until the other end goes.
    fn serve(mut broker: Broker<Kept>) -> Vec<Setting> {
        loop {
            poll(&mut [PollFd::new(&broker.socket, PollFlags::IN)], None).unwrap();
            if broker.answer() == Turn::Ended {
                return broker.steer.0;
            }
        }
    }

    #[test]
    fn settings_go_over_whole_and_refusals_come_back_in_words() {
        let (remote, broker) = broker();
        let serving = thread::spawn(|| serve(broker));
        let mut remote = Remote::new(remote);
        let longest = setting(4, vec![3; MAX_TABLE_LEN], 3);
        assert_eq!(longest.encode().len(), MAX_REQUEST_LEN);
        let settings = [setting(1, vec![0, 0], 0), longest, setting(2, vec![0, 1], 3)];
        for setting in &settings {
            remote.put(setting).unwrap();
        }
        let why = remote.put(&setting(4, vec![0], 0)).unwrap_err();
        assert_eq!(why, "ü".repeat(MAX_WHY_LEN / 2));
        let why = remote.put(&setting(5, vec![0, 0], 0)).unwrap_err();
        assert_eq!(why, "5 queues of 4 cannot be used");
        drop(remote);
        assert_eq!(serving.join().unwrap(), settings);
    }

    #[test]
    fn what_the_device_has_not_is_refused() {
        for (setting, why) in [
            (setting(0, vec![0, 0], 0), "0 queues of 4 cannot be used"),
            (setting(5, vec![0, 0], 0), "5 queues of 4 cannot be used"),
            (setting(4, vec![0, 4], 0), "there is no queue 4, the device has 4"),
            (setting(4, vec![0, 1], 9), "there is no queue 9, the device has 4"),
        ] {
            let (turn, answer, kept) = said(&setting.encode());
            assert_eq!((turn, kept.len()), (Turn::Answered, 0));
            assert_eq!(answer[0], REFUSED);
            assert_eq!(std::str::from_utf8(&answer[1..]).unwrap(), why);
        }
    }

    #[test]
    fn too_long_a_request_is_refused() {
        let mut request = setting(4, vec![3; MAX_TABLE_LEN], 3).encode();
        request.push(0);
        let (turn, answer, kept) = said(&request);
        assert_eq!((turn, answer[0], kept.len()), (Turn::Answered, REFUSED, 0));
    }

    #[test]
    fn descriptors_sent_along_are_dropped() {
        use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, sendmsg};
        let (remote, mut broker) = broker();
        let (mut watched, sent) = io::pipe().unwrap();
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let sent_fds = [sent.as_fd()];
        assert!(control.push(SendAncillaryMessage::ScmRights(&sent_fds)));
        let request = setting(1, vec![0, 0], 0).encode();
        let request = [io::IoSlice::new(&request)];
        sendmsg(&remote, &request, &mut control, SendFlags::empty()).unwrap();
        drop(sent);
        assert_eq!(broker.answer(), Turn::Answered);
        // Nobody has the pipe's other end any more.
        assert_eq!(watched.read(&mut [0; 1]).unwrap(), 0);
    }

    #[test]
    fn end_of_either_is_seen_by_the_other() {
        let (remote, mut broker) = broker();
        assert_eq!(broker.answer(), Turn::Nothing);
        drop(remote);
        assert_eq!(broker.answer(), Turn::Ended);
        let (remote, other) = connection().unwrap();
        drop(other);
        let why = Remote::new(remote).put(&setting(1, vec![0, 0], 0)).unwrap_err();
        assert!(why.contains("does not answer"), "{why}");
    }

    #[test]
    fn broker_that_does_not_answer_is_given_up() {
        let (remote, mut broker) = broker();
        let mut remote = Remote { socket: remote, timeout: Duration::from_millis(20) };
        let why = remote.put(&setting(1, vec![0, 0], 0)).unwrap_err();
        assert!(why.contains("timed out"), "{why}");
        // The request is there, its answer has nowhere to go.
        assert_eq!(broker.answer(), Turn::Ended);
    }

    #[test]
    fn answers_that_nobody_takes_end_it() {
        let (remote, mut broker) = broker();
        let request = setting(1, vec![0], 0).encode();
        for _ in 0..100_000 {
            // Each answer has two kilobytes.
            send(&remote, &request, SendFlags::empty()).unwrap();
            match broker.answer() {
                Turn::Answered => {}
                turn => return assert_eq!(turn, Turn::Ended),
            }
        }
        panic!("the broker keeps answers that nobody takes");
    }

    #[test]
    fn requests_wait_for_what_they_have_used() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let used = Pace::BURST / 10;
        for _ in 0..10 {
            assert_eq!(pace.pause(start), None);
            pace.take(start, used);
        }
        assert_eq!(pace.pause(start), None);
        pace.take(start, used);
        assert_eq!(pace.pause(start), Some(6 * used));
        assert_eq!(pace.pause(start + 6 * used), None);
        // What was not used is not saved up beyond the burst.
        let later = start + Duration::from_secs(3600);
        pace.take(later, Pace::BURST);
        assert_eq!(pace.pause(later), None);
        pace.take(later, used);
        assert_eq!(pace.pause(later), Some(6 * used));
    }

    /// Uses so much of a CPU's time for every setting.
    struct Costly(Duration);

    impl Steer for Costly {
        fn put(&mut self, _: &Setting) -> Result<(), String> {
            let start = cpu_time();
            while cpu_time() - start < self.0 {
                std::hint::spin_loop();
            }
            Ok(())
        }
    }

    /// Whatever a setting costs, by the kernel's count. Nothing depends on how fast the machine is: where it
    /// has too much to do, the share is smaller.
    #[test]
    fn broker_takes_a_sixth_of_a_cpu_at_most() {
        for cost in [Duration::from_millis(1), Duration::from_millis(20)] {
            let (remote, socket) = connection().unwrap();
            let mut broker = Broker::new(socket, Costly(cost), 4);
            let asking = thread::spawn(move || {
                let mut remote = Remote::new(remote);
                let setting = setting(1, vec![0, 0], 0);
                // Until the broker goes.
                while remote.put(&setting).is_ok() {}
            });
            let start = (Instant::now(), cpu_time());
            while cpu_time() - start.1 < 2 * Pace::BURST {
                let pause = broker.pause(Instant::now());
                let timeout = pause.map(|pause| Timespec::try_from(pause).unwrap());
                // While requests wait nobody looks whether there is one.
                let mut fds = [PollFd::new(&broker.socket, PollFlags::IN)];
                let fds = if pause.is_some() { &mut [][..] } else { &mut fds[..] };
                if poll(fds, timeout.as_ref()).unwrap() > 0 {
                    assert_eq!(broker.answer(), Turn::Answered);
                }
            }
            let (took, used) = (start.0.elapsed(), cpu_time() - start.1);
            let even = broker.pace.even;
            drop(broker);
            asking.join().unwrap();
            // All of it is made up for, but for what waiting takes.
            assert!(even - start.0 > 5 * used, "{:?} for {used:?}", even - start.0);
            // What one setting takes may go beyond the burst.
            assert!(6 * used <= took + 6 * (Pace::BURST + 2 * cost), "{used:?} of {took:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_get_past_the_checks(
            mut bytes in proptest::collection::vec(any::<u8>(), 1..600),
            queues in 0_u16..6,
            mask_bits in 0_u32..9,
            shaped in any::<bool>(),
        ) {
            if shaped && bytes.len() > 12 {
                // So that some get far.
                bytes[..4].copy_from_slice(&[queues as u8, 0, 0, 1]);
                bytes[4..8].copy_from_slice(&[0x3f, 0, 0, 0]);
                bytes[8..10].copy_from_slice(&((1_u32 << mask_bits) as u16 - 1).to_le_bytes());
            }
            let (turn, answer, kept) = said(&bytes);
            prop_assert_eq!(turn, Turn::Answered);
            prop_assert_eq!(kept.len(), usize::from(answer == [OK]));
            for setting in kept {
                prop_assert!((1..=4).contains(&setting.queues));
                prop_assert!(setting.config.highest_queue() < 4);
            }
        }
    }
}
