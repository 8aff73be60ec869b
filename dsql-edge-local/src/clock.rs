//! The clock that tokens, requests and sessions are judged by: the system's, or some time ahead of it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use time::OffsetDateTime;

/// A clock that can be put forward.
pub(crate) struct Clock {
    /// Seconds ahead of the system's.
    ahead: AtomicI64,
}

impl Clock {
    pub(crate) fn ahead(by: Duration) -> Clock {
        let clock = Clock { ahead: AtomicI64::new(0) };
        clock.advance(by);
        clock
    }

    pub(crate) fn advance(&self, by: Duration) {
        let seconds = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
        let add = |ahead: i64| Some(ahead.saturating_add(seconds));
        let _ = self.ahead.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    /// Never past what dates can say.
    pub(crate) fn now(&self) -> OffsetDateTime {
        let ahead = time::Duration::seconds(self.ahead.load(Ordering::Relaxed));
        OffsetDateTime::now_utc().saturating_add(ahead)
    }
}
