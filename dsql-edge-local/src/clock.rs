//! The clock for the checks of tokens, requests, sessions, transactions and connections: the system's clock, or a time
//! ahead of that clock.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::Notify;

/// A clock that can be set forward.
pub(crate) struct Clock {
    /// Seconds ahead of the system's clock.
    ahead: AtomicI64,
    put_forward: Notify,
}

impl Clock {
    pub(crate) fn ahead(by: Duration) -> Clock {
        let clock = Clock { ahead: AtomicI64::new(0), put_forward: Notify::new() };
        clock.advance(by);
        clock
    }

    pub(crate) fn advance(&self, by: Duration) {
        let seconds = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
        let add = |ahead: i64| Some(ahead.saturating_add(seconds));
        let _ = self.ahead.fetch_update(Ordering::SeqCst, Ordering::SeqCst, add);
        self.put_forward.notify_waiters();
    }

    /// Waits until this time.
    pub(crate) async fn until(&self, then: OffsetDateTime) {
        loop {
            let put_forward = self.put_forward.notified();
            let left = then - self.now();
            if !left.is_positive() {
                return;
            }
            let left = Duration::try_from(left).unwrap_or(Duration::MAX);
            tokio::select! {
                () = put_forward => {}
                () = tokio::time::sleep(left) => {}
            }
        }
    }

    /// The time, limited to the last date that the type can hold.
    pub(crate) fn now(&self) -> OffsetDateTime {
        let ahead = time::Duration::seconds(self.ahead.load(Ordering::SeqCst));
        OffsetDateTime::now_utc().saturating_add(ahead)
    }
}
