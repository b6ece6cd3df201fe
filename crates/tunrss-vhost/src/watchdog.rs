//! Whether the process that serves makes progress, asked about once a second. A guest or its frontend can
//! make it wait for ever, for example by memory that is never delivered; then it is killed.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use tunrss_vhost::Watch;
use tunrss_vhost::broker::connection;

/// The side that asks.
#[derive(Debug)]
pub(crate) struct Watchdog {
    socket: OwnedFd,
    /// When to ask next.
    next: Instant,
    /// How often it has been asked since it last answered that all is well.
    unanswered: u32,
    /// The thread that makes no progress, if an answer has named one.
    thread: Option<String>,
    is_closed: bool,
}

impl Watchdog {
    /// One that asks from now on; and the descriptor that [`answer`] is for.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn new() -> io::Result<(Self, OwnedFd)> {
        let (theirs, socket) = connection()?;
        let next = Instant::now();
        let watchdog = Self { socket, next, unanswered: 0, thread: None, is_closed: false };
        Ok((watchdog, theirs))
    }

    /// How long until it is to be asked.
    pub(crate) fn left(&self, now: Instant) -> Duration {
        self.next.saturating_duration_since(now)
    }

    /// What is readable when there is an answer, as long as there can be one.
    pub(crate) fn answers(&self) -> Option<BorrowedFd<'_>> {
        (!self.is_closed).then(|| self.socket.as_fd())
    }

    /// Take the answers that have come, and ask if it is time. Returns what is wrong if that has been so for
    /// too long. Times when this was not called do not count: then this process made no progress.
    pub(crate) fn look(&mut self, now: Instant) -> Option<String> {
        self.hear();
        if now < self.next {
            return None;
        }
        if self.unanswered >= LIMIT {
            let seconds = u64::from(LIMIT) * PERIOD.as_secs();
            return Some(match &self.thread {
                Some(thread) => format!("{thread} has been at the same work for {seconds} s"),
                None => format!("it has not answered for {seconds} s"),
            });
        }
        self.unanswered += 1;
        self.thread = None;
        self.next = now + PERIOD;
        // If it has no room, or nobody is there any more, there is no answer.
        let _ = send(&self.socket, ASK, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
        None
    }

    fn hear(&mut self) {
        let mut answer = [0; 64];
        // A process that a guest has taken over may answer without end.
        for _ in 0..MOST_ANSWERS {
            if self.is_closed {
                return;
            }
            match recv(&self.socket, &mut answer, RecvFlags::DONTWAIT) {
                Ok((0, _)) => self.is_closed = true,
                Ok((len, _)) => match answer.get(..len) {
                    Some(WELL) => self.unanswered = 0,
                    thread => {
                        let thread = String::from_utf8_lossy(thread.unwrap_or_default());
                        self.thread = Some(thread.into_owned());
                    }
                },
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => self.is_closed = true,
            }
        }
    }
}

/// Start a thread that answers for all the others.
///
/// # Errors
/// The system has no thread left.
pub(crate) fn answer(socket: OwnedFd, mut watch: Watch) -> io::Result<()> {
    let run = move || {
        let mut question = [0; 1];
        loop {
            match recv(&socket, &mut question, RecvFlags::empty()) {
                Ok((0, _)) => return,
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(_) => return,
            }
            // If this thread was late, one answer is enough.
            while recv(&socket, &mut question, RecvFlags::DONTWAIT).is_ok_and(|(len, _)| len > 0) {}
            let answer = watch.look().map_or(WELL, str::as_bytes);
            let _ = send(&socket, answer, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
        }
    };
    thread::Builder::new().name("watch".into()).spawn(run).map(drop)
}

const ASK: &[u8] = b"?";
/// Anything else is the name of a thread that makes no progress.
const WELL: &[u8] = b".";

const PERIOD: Duration = Duration::from_secs(1);
/// How many unanswered questions are too many.
const LIMIT: u32 = 5;
/// How many answers are taken at once. There is one for a question.
const MOST_ANSWERS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: [u64; 0] = [];

    /// The seconds in which a watchdog says something, of those in which it is called.
    fn barks(
        seconds: impl Iterator<Item = u64>,
        mut answer: impl FnMut(u64, &OwnedFd),
    ) -> Vec<u64> {
        let (mut watchdog, theirs) = Watchdog::new().unwrap();
        let start = Instant::now();
        let bark = |&second: &u64| {
            let says = watchdog.look(start + Duration::from_secs(second));
            answer(second, &theirs);
            says.is_some()
        };
        seconds.filter(bark).collect()
    }

    fn say(socket: &OwnedFd, what: &[u8]) {
        send(socket, what, SendFlags::empty()).unwrap();
    }

    #[test]
    fn five_questions_without_answer_are_too_many() {
        assert_eq!(barks(1..8, |_, _| ()), [6, 7]);
        assert_eq!(barks(1..100, |_, socket| say(socket, WELL)), NEVER);
        // The last moment.
        assert_eq!(
            barks(1..100, |second, socket| if second % 5 == 0 {
                say(socket, WELL)
            }),
            NEVER
        );
        let well_until_ten = |second, socket: &OwnedFd| {
            say(socket, if second < 10 { WELL } else { b"packets-0" });
        };
        assert_eq!(barks(1..16, well_until_ten), [15]);
    }

    /// A process that was stopped has asked nothing meanwhile.
    #[test]
    fn time_in_which_nobody_asked_does_not_count() {
        assert_eq!(barks([1, 100, 200, 300, 400].into_iter(), |_, _| ()), NEVER);
    }

    #[test]
    fn answers_without_end_are_not_all_waited_for() {
        let (mut watchdog, theirs) = Watchdog::new().unwrap();
        while send(&theirs, WELL, SendFlags::DONTWAIT).is_ok() {}
        assert_eq!(watchdog.look(Instant::now()), None);
        assert!(recv(&watchdog.socket, &mut [0; 64], RecvFlags::DONTWAIT).is_ok());
    }

    #[test]
    fn it_says_which_thread_it_is() {
        let (mut watchdog, theirs) = Watchdog::new().unwrap();
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let mut said = vec![];
        for second in 1..8 {
            said.extend(watchdog.look(at(second)));
            say(&theirs, b"packets-3");
        }
        assert_eq!(said.first().unwrap(), "packets-3 has been at the same work for 5 s");
        drop(theirs);
        assert!(watchdog.look(at(9)).is_some());
        assert!(watchdog.answers().is_none());
    }
}
