//! Messages that a guest can cause, as often as it likes, without filling the log.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use log::Level;

/// Logs at most so many messages in so long a time, and says how many were left out.
///
/// ```
/// use std::time::Duration;
/// use tunrss_vhost::RateLimited;
///
/// static BAD_CHAINS: RateLimited = RateLimited::new(5, Duration::from_secs(10));
/// BAD_CHAINS.warn(format_args!("the guest has made a chain that is none"));
/// ```
#[derive(Debug)]
pub struct RateLimited {
    messages: u32,
    period: Duration,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    /// When the period began in which the last message came.
    since: Option<Instant>,
    /// How many were logged in it.
    logged: u32,
    /// How many were left out since one was logged last.
    left_out: u64,
}

impl RateLimited {
    /// At most `messages` in each `period`.
    pub const fn new(messages: u32, period: Duration) -> Self {
        let state = State { since: None, logged: 0, left_out: 0 };
        Self { messages, period, state: Mutex::new(state) }
    }

    /// Log a warning, or leave it out.
    pub fn warn(&self, message: fmt::Arguments<'_>) {
        self.log(Level::Warn, message);
    }

    /// Log a message, or leave it out. One that nobody would read counts for nothing.
    pub fn log(&self, level: Level, message: fmt::Arguments<'_>) {
        if !log::log_enabled!(level) {
            return;
        }
        match self.admit(Instant::now()) {
            Some(0) => log::log!(level, "{message}"),
            Some(left_out) => log::log!(level, "{message} ({left_out} messages were left out)"),
            None => {}
        }
    }

    /// Whether a message may be logged now; with how many were left out before it.
    fn admit(&self, now: Instant) -> Option<u64> {
        // Numbers are whole whatever a thread died of that held them.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |since| now.saturating_duration_since(since) >= self.period;
        if state.since.is_none_or(is_over) {
            state.since = Some(now);
            state.logged = 0;
        }
        if state.logged >= self.messages {
            state.left_out = state.left_out.saturating_add(1);
            return None;
        }
        state.logged += 1;
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_in_a_period_and_the_rest_counted() {
        let limited = RateLimited::new(2, Duration::from_secs(10));
        let start = Instant::now();
        let at = |seconds| limited.admit(start + Duration::from_secs(seconds));
        assert_eq!([at(0), at(1), at(2), at(9)], [Some(0), Some(0), None, None]);
        assert_eq!([at(10), at(10), at(19)], [Some(2), Some(0), None]);
        assert_eq!(at(100), Some(1));
        // A clock that another thread has read earlier.
        assert_eq!([at(99), at(99)], [Some(0), None]);
    }

    #[test]
    fn none_at_all() {
        let limited = RateLimited::new(0, Duration::ZERO);
        assert_eq!(limited.admit(Instant::now()), None);
    }
}
