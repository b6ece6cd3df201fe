//! Whether the threads that serve a guest make progress.
//!
//! No thread has work without end, and each waits for the guest or its frontend only in one place, where it
//! rests. A thread that neither rests nor makes progress is waiting elsewhere: for a frontend that has
//! filled an event counter, and then it can be interrupted; or for memory whose pages the frontend never
//! delivers, and then only the end of the process helps.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::wire::Thread;

/// Shows whether a thread makes progress.
#[derive(Debug)]
pub(crate) struct Pulse {
    name: String,
    /// Goes up whenever the thread begins to work or to rest: odd while it works.
    beats: AtomicU64,
    /// The thread, since it has begun to work.
    thread: Mutex<Option<Thread>>,
}

impl Pulse {
    /// That of a thread which does not work yet.
    pub(crate) fn new(name: &str) -> Arc<Self> {
        let (beats, thread) = (AtomicU64::new(0), Mutex::new(None));
        Arc::new(Self { name: name.to_owned(), beats, thread })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The calling thread begins to work.
    pub(crate) fn begin(&self) {
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(Thread::current());
        self.beat();
    }

    /// The calling thread ends its work.
    pub(crate) fn end(&self) {
        self.beat();
    }

    /// Rest meanwhile: it may take as long as it likes.
    pub(crate) fn rest<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.beat();
        let result = wait();
        self.beat();
        result
    }

    /// End a system call in which the thread waits, if that can be ended.
    pub(crate) fn interrupt(&self) {
        let thread = *self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread {
            thread.interrupt();
        }
    }

    fn beat(&self) {
        // Only one thread does.
        self.beats.store(self.beats.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }
}

/// Looks after the threads of a [`Server`](crate::Server).
#[derive(Debug)]
pub struct Watch {
    /// With what was seen last. One that may wait for others comes before them.
    pulses: Vec<(Arc<Pulse>, u64)>,
}

impl Watch {
    pub(crate) fn new(pulses: Vec<Arc<Pulse>>) -> Self {
        Self { pulses: pulses.into_iter().map(|pulse| (pulse, 0)).collect() }
    }

    /// Look at all threads; to be called about once a second. One that has been at the same piece of work
    /// since the last time is interrupted, and named, the last of several: either it gets on after that, or it
    /// never will.
    pub fn look(&mut self) -> Option<&str> {
        let mut stuck = None;
        for (pulse, seen) in &mut self.pulses {
            let beats = pulse.beats.load(Ordering::Relaxed);
            if beats == std::mem::replace(seen, beats) && beats % 2 == 1 {
                pulse.interrupt();
                stuck = Some(pulse.name.as_str());
            }
        }
        stuck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_thread_that_works_and_does_not_get_on_is_named() {
        let pulses = [Pulse::new("a"), Pulse::new("b")];
        let mut watch = Watch::new(pulses.to_vec());
        let mut look = || watch.look().map(str::to_owned);
        // Neither has begun.
        assert_eq!([look(), look()], [None, None]);
        pulses.iter().for_each(|pulse| pulse.begin());
        assert_eq!(look(), None);
        pulses[0].rest(|| {
            pulses[1].rest(|| ());
            assert_eq!(look(), None);
            // One rests as long as it likes, the other works.
            assert_eq!([look(), look()], [Some("b".into()), Some("b".into())]);
        });
        assert_eq!(look().unwrap(), "b");
        pulses[1].rest(|| ());
        assert_eq!(look().unwrap(), "a");
        pulses.iter().for_each(|pulse| pulse.end());
        assert_eq!([look(), look()], [None, None]);
    }
}
