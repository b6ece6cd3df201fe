//! Locks of this process that are taken only where they are free.
//!
//! A process may be forked while another of its threads has a lock. Nobody gives the child's copy of it back,
//! so who waited for it there would wait for ever.

use std::sync::{Mutex, MutexGuard, TryLockError};

/// Lock a mutex; `None` if somebody has it.
pub(crate) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(guard)) => Some(guard.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits() {
        let mutex = Mutex::new(7);
        let guard = try_lock(&mutex);
        assert_eq!(guard.as_deref(), Some(&7));
        assert!(try_lock(&mutex).is_none());
        drop(guard);
        assert!(try_lock(&mutex).is_some());
    }
}
