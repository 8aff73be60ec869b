//! The environment that a client or a pool runs in: dialer, clock, timers, randomness, and the state that
//! all requests share.
//!
//! Input: settings, times. Output: transports, timers, times, random numbers; the retry budget and the credentials of
//! this isolate.
//!
//! In the tests of this crate, `Environment` is another type: the simulator [`Network`](super::memory::Network), which
//! has the same methods. Both types are concrete: an `Arc<dyn Environment>` would link every method into every Worker.
//! The type in this file is zero-sized, so that passing it costs nothing at run time.

use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::contract::{BoxFuture, Dialed};
use super::direct_tls::DirectTlsAnswers;
use super::platform;
#[cfg(feature = "multi-region")]
use super::unreachable::Unreachable;
#[cfg(feature = "assume-role")]
use super::{
    contract::TransportError,
    post::{Post, Reply},
};
use crate::credentials::Cache;
use crate::millis::Millis;
use crate::retry::Budget;
use crate::settings::{Endpoint, Settings};

/// The platform's own clock, timers and sockets, and the statics of this isolate, or of this process.
#[derive(Clone, Default)]
pub(crate) struct Environment(());

static RETRIES: Budget = Budget::of(200);
static CREDENTIALS: Mutex<Cache> = Mutex::new(Cache::new());
static DIRECT_TLS: Mutex<DirectTlsAnswers> = Mutex::new(DirectTlsAnswers::new());
#[cfg(feature = "multi-region")]
static UNREACHABLE: Mutex<Unreachable> = Mutex::new(Unreachable::new());
static DROPPED: AtomicBool = AtomicBool::new(false);

impl Environment {
    /// Connects: TCP, SSLRequest, TLS; with `direct`, without SSLRequest.
    pub(crate) fn dial(&self, settings: &Settings, direct: bool) -> BoxFuture<Dialed> {
        platform::dial(settings, direct)
    }

    /// Sends a request over HTTPS, once. Redirections are not followed.
    #[cfg(feature = "assume-role")]
    pub(crate) fn post(&self, settings: &Settings, post: Post) -> BoxFuture<Result<Reply, TransportError>> {
        platform::post(settings, post)
    }

    /// Runs a future in the background, until it ends or its isolate ends. Without a runtime, the future is dropped.
    pub(crate) fn spawn(&self, future: BoxFuture<()>) {
        platform::spawn(future);
    }

    /// A timer.
    pub(crate) fn sleep(&self, time: Millis) -> BoxFuture<()> {
        platform::sleep(time)
    }

    /// The time, for measuring durations. On Workers, it is the time since 1970, and does not advance between two I/O
    /// operations. Elsewhere, it is the time of a monotonic clock.
    pub(crate) fn now(&self) -> Millis {
        platform::now()
    }

    /// Seconds since 1970-01-01 UTC.
    pub(crate) fn unix_time(&self) -> u64 {
        platform::unix_time()
    }

    /// A random number, for pauses that must differ; not for secrets.
    pub(crate) fn random(&self) -> u64 {
        platform::random()
    }

    /// The budget of the retries of all requests.
    pub(crate) fn retry_budget(&self) -> &Budget {
        &RETRIES
    }

    /// The expiring credentials that all requests share.
    pub(crate) fn credentials(&self) -> MutexGuard<'_, Cache> {
        // No code panics while the lock is held. Even after a panic, the list would still be valid.
        CREDENTIALS.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the endpoint accepts direct TLS; `None` if it is not known.
    pub(crate) fn accepts_direct_tls(&self, endpoint: &Endpoint) -> Option<bool> {
        DIRECT_TLS.lock().unwrap_or_else(PoisonError::into_inner).find(endpoint)
    }

    /// Records whether the endpoint accepts direct TLS; `None` deletes the record.
    pub(crate) fn note_direct_tls(&self, endpoint: &Endpoint, accepted: Option<bool>) {
        DIRECT_TLS.lock().unwrap_or_else(PoisonError::into_inner).note(endpoint, accepted);
    }

    /// The time at which the endpoint was last found unreachable; `None` if it was reached since then.
    #[cfg(feature = "multi-region")]
    pub(crate) fn unreachable_since(&self, endpoint: &Endpoint) -> Option<Millis> {
        UNREACHABLE.lock().unwrap_or_else(PoisonError::into_inner).since(endpoint)
    }

    /// Records that the endpoint was not reached at this time; `None` deletes the record.
    #[cfg(feature = "multi-region")]
    pub(crate) fn note_unreachable(&self, endpoint: &Endpoint, at: Option<Millis>) {
        UNREACHABLE.lock().unwrap_or_else(PoisonError::into_inner).note(endpoint, at);
    }

    /// Whether flights wait for the end of the login, because a server has dropped a flight that was sent with the
    /// login. Waiting for the end of the login costs a round trip, but saves the time until a probe is sent,
    /// [`PROBE_AFTER`](crate::retry::PROBE_AFTER).
    pub(crate) fn holds_flights(&self) -> bool {
        DROPPED.load(Ordering::Relaxed)
    }

    /// Records that a server has dropped a flight that was sent with the login.
    pub(crate) fn hold_flights(&self) {
        DROPPED.store(true, Ordering::Relaxed);
    }
}
