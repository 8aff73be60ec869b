//! Bytes to a server and back, over TLS, and what else a platform has: a clock, a timer, on Workers cryptography.
//!
//! Goes in: a host name and a port. Comes out: a [`Transport`] on which TLS is up, or on its way up. Every
//! transport speaks plain text only for SSLRequest and its one-byte answer; anything but a lone `S` ends it.
//! After an error of reading a transport is dead: it answers with the same error for ever.

#![cfg_attr(all(not(feature = "tokio"), not(target_arch = "wasm32")), allow(dead_code))] // no transport here

#[cfg(all(feature = "tokio", feature = "assume-role", not(target_arch = "wasm32")))]
mod https;
#[cfg(test)]
pub(crate) mod memory;
#[cfg(all(feature = "tokio", not(target_arch = "wasm32")))]
mod tokio;
#[cfg(target_arch = "wasm32")]
mod worker;

use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll};
use std::borrow::Cow;

use crate::config::Config;
use crate::millis::Millis;
use crate::retry::Budget;

/// A connection to a server, inside TLS.
pub(crate) trait Transport: Send + Sync {
    /// Takes bytes to send. All of them are handed over at once; [`poll_write`](Transport::poll_write) drives
    /// them out. Called only when the last have been taken.
    fn start_write(&mut self, bytes: Vec<u8>);

    /// Ready when nothing is left to write.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TransportError>>;

    /// Puts what has arrived into `into`, which is emptied first. No bytes: the server closed the connection.
    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        into: &mut Vec<u8>,
    ) -> Poll<Result<(), TransportError>>;

    /// Says goodbye with these last bytes, without waiting for anything.
    fn close(&mut self, last: &'static [u8]);
}

/// Why a transport is dead.
#[derive(Debug, Clone)]
pub(crate) struct TransportError {
    pub(crate) kind: TransportErrorKind,
    pub(crate) text: Cow<'static, str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransportErrorKind {
    /// Nobody listens there, or there is no such host.
    Unreachable,
    /// The server declined TLS, or its answer to SSLRequest is not PostgreSQL's.
    NoTls,
    /// The handshake.
    Tls,
    /// The connection broke; before TLS: the server closed it, or answered SSLRequest with an error, as PostgreSQL does
    /// when it cannot start a process.
    Lost,
    /// The socket belongs to another request.
    OtherRequest,
    /// The platform refused the request to a pool's object before the object received any of it.
    #[cfg(feature = "pool")]
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    Undelivered,
    /// This build cannot connect at all.
    #[cfg_attr(any(feature = "tokio", target_arch = "wasm32"), allow(dead_code))]
    Unsupported,
}

impl TransportError {
    pub(crate) fn new(kind: TransportErrorKind, text: impl Into<Cow<'static, str>>) -> Self {
        TransportError { kind, text: text.into() }
    }
}

/// A future that may be anywhere.
pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What comes of dialing.
pub(crate) type Dialed = Result<Box<dyn Transport>, TransportError>;

/// Connects: TCP, SSLRequest, TLS.
pub(crate) fn dial(config: &Config) -> BoxFuture<Dialed> {
    #[cfg(test)]
    if let Some(network) = config.memory_network() {
        let dialed = network.dial();
        return Box::pin(async move { dialed });
    }
    platform::dial(config)
}

/// A request over HTTPS to a service of AWS, to `/`.
#[cfg(feature = "assume-role")]
pub(crate) struct Post {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Besides those that every request has. Secret.
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

/// What was answered to it.
#[cfg(feature = "assume-role")]
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// The longest body of an answer that is read.
#[cfg(feature = "assume-role")]
#[cfg_attr(not(any(feature = "tokio", target_arch = "wasm32")), allow(dead_code))]
const MAX_REPLY: u32 = 65_536;

/// Asks, once. Redirections are not followed.
#[cfg(feature = "assume-role")]
pub(crate) fn post(config: &Config, post: Post) -> BoxFuture<Result<Reply, TransportError>> {
    // A platform that refuses a header may say which, and a line break would begin another one.
    if post.headers.iter().any(|(_, value)| !value.bytes().all(|byte| matches!(byte, b' '..=b'~'))) {
        let text = "the keys or the session token have characters that none has";
        return Box::pin(async move { Err(TransportError::new(TransportErrorKind::Tls, text)) });
    }
    #[cfg(test)]
    if let Some(network) = config.memory_network() {
        return network.reply(&post);
    }
    platform::post(config, post)
}

/// A request to the object of a pool, and the answer that goes on as a stream; the ways to one.
#[cfg(feature = "pool")]
pub(crate) use platform::{Namespace, visitor};

/// Runs it beside everything else, until it ends or the place where that is ends.
#[cfg(feature = "pool")]
pub(crate) fn spawn(config: &Config, future: BoxFuture<()>) {
    #[cfg(test)]
    if let Some(network) = config.memory_network() {
        return network.spawn(future);
    }
    let _ = config;
    platform::spawn(future);
}

/// As [`spawn`], [`sleep`] and [`random`], where there is no Config yet.
#[cfg(feature = "pool")]
pub(crate) use platform::{random as anything, sleep as timer, spawn as detach};

/// Waits this long.
pub(crate) fn sleep(config: &Config, time: Millis) -> BoxFuture<()> {
    #[cfg(test)]
    if let Some(network) = config.memory_network() {
        return network.timer(time);
    }
    let _ = config;
    platform::sleep(time)
}

/// Sets a timer anew.
pub(crate) fn rewind(timer: &mut BoxFuture<()>, config: &Config, time: Millis) {
    *timer = sleep(config, time);
}

/// A clock that only goes forward, from any beginning. On Workers it stands still between two I/Os.
pub(crate) fn now(config: &Config) -> Millis {
    #[cfg(test)]
    if let Some(network) = config.memory_network() {
        return network.now();
    }
    let _ = config;
    platform::now()
}

/// Any number, for pauses that are to differ: no secret.
pub(crate) fn random(config: &Config) -> u64 {
    #[cfg(test)]
    if let Some(network) = config.memory_network() {
        return network.random();
    }
    let _ = config;
    platform::random()
}

/// What the retries of all requests of this isolate, or of this process, draw on.
pub(crate) fn budget(config: &Config) -> &Budget {
    static ALL: Budget = Budget::of(200);
    #[cfg(test)]
    if let Some(network) = config.memory_network() {
        return network.budget();
    }
    let _ = config;
    &ALL
}

/// Whether a server of this isolate, or of this process, has dropped a flight that came with a login: then flights wait
/// for the end of it, which costs a round trip and saves [`PROBE_AFTER`](crate::retry::PROBE_AFTER).
pub(crate) fn flights_wait(config: &Config) -> bool {
    dropped(config).load(Ordering::Relaxed)
}

/// Records that a server has dropped a flight that was sent with the login.
pub(crate) fn let_flights_wait(config: &Config) {
    dropped(config).store(true, Ordering::Relaxed);
}

fn dropped(config: &Config) -> &AtomicBool {
    static DROPPED: AtomicBool = AtomicBool::new(false);
    #[cfg(test)]
    if let Some(network) = config.memory_network() {
        return network.dropped();
    }
    let _ = config;
    &DROPPED
}

/// The request in which something was made, where the platform lets no other request use it.
pub(crate) use platform::IoContext;

/// A text that a Worker is bound to, by its name; and whether anything else than an empty text is bound to a name.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use anywhere::{is_bound, text_of};
#[cfg(target_arch = "wasm32")]
pub(crate) use platform::{is_bound, text_of};

/// What signs, where the platform does.
#[cfg(all(target_arch = "wasm32", any(feature = "assume-role", not(feature = "aws-sigv4"))))]
pub(crate) use platform::signature::Signature;

/// Seconds since 1970-01-01 UTC.
pub(crate) fn unix_time(config: &Config) -> u64 {
    #[cfg(test)]
    if let Some(network) = config.memory_network() {
        return network.unix_time();
    }
    let _ = config;
    platform::unix_time()
}

/// What is wrong with the answer to SSLRequest, if anything. More than one byte would be plain text that
/// someone put in before TLS began (CVE-2021-23222).
fn check_ssl_answer(answer: &[u8]) -> Result<(), TransportError> {
    use TransportErrorKind::{Lost, NoTls};
    let (kind, text) = match answer {
        [b'S'] => return Ok(()),
        [] => (Lost, "the server closed the connection when it was asked for TLS"),
        // An ErrorResponse in plain text could come from anyone: it is not shown.
        [b'E', ..] => (Lost, "the server answered SSLRequest with an error"),
        [b'N'] => (NoTls, "the server does not offer TLS"),
        [b'S' | b'N', ..] => (NoTls, "the server sent data in plain text"),
        _ => (NoTls, "the server does not speak PostgreSQL's protocol"),
    };
    Err(TransportError::new(kind, text))
}

#[cfg(target_arch = "wasm32")]
use worker as platform;

#[cfg(all(feature = "tokio", not(target_arch = "wasm32")))]
use self::tokio as platform;

/// Where sockets belong to nobody.
#[cfg(not(target_arch = "wasm32"))]
mod anywhere {
    use core::hash::BuildHasher;
    use std::hash::RandomState;
    use std::sync::OnceLock;
    use std::time::Instant;

    use crate::millis::{Millis, millis};

    pub(crate) struct IoContext;

    impl IoContext {
        pub(crate) fn current() -> Self {
            IoContext
        }

        pub(crate) fn is_current(&self) -> bool {
            true
        }
    }

    pub(crate) fn text_of(env: &worker::Env, name: &str) -> Option<String> {
        env.var(name).ok().map(|text| text.to_string())
    }

    pub(crate) fn is_bound(env: &worker::Env, name: &str) -> bool {
        text_of(env, name).is_some_and(|text| !text.is_empty())
    }

    /// There are no Durable Objects.
    #[cfg(feature = "pool")]
    pub(crate) struct Namespace;

    #[cfg(feature = "pool")]
    impl Namespace {
        pub(crate) fn of(_: &worker::Env, _: &str) -> Option<Self> {
            None
        }

        pub(crate) fn reach(
            &self,
            _: &str,
            _: Option<&str>,
            _: bool,
        ) -> Result<Box<dyn super::Transport>, String> {
            Ok(Box::new(super::Nowhere))
        }
    }

    #[cfg(feature = "pool")]
    pub(crate) fn visitor(
        _: worker::Request,
    ) -> worker::Result<(Box<dyn super::Transport>, worker::Response)> {
        Err(worker::Error::RustError("outside of Workers there are no Durable Objects".to_owned()))
    }

    pub(super) fn now() -> Millis {
        static BEGAN: OnceLock<Instant> = OnceLock::new();
        millis(BEGAN.get_or_init(Instant::now).elapsed())
    }

    /// What the standard library seeds its maps with.
    pub(crate) fn random() -> u64 {
        RandomState::new().hash_one(())
    }
}

/// The way to an object where there is none.
#[cfg(all(feature = "pool", not(target_arch = "wasm32")))]
struct Nowhere;

#[cfg(all(feature = "pool", not(target_arch = "wasm32")))]
impl Transport for Nowhere {
    fn start_write(&mut self, _: Vec<u8>) {}

    fn poll_write(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, _: &mut Context<'_>, _: &mut Vec<u8>) -> Poll<Result<(), TransportError>> {
        let text = "outside of Workers there are no Durable Objects";
        Poll::Ready(Err(TransportError::new(TransportErrorKind::Unsupported, text)))
    }

    fn close(&mut self, _: &'static [u8]) {}
}

/// A program that is no Worker, without the feature `tokio`: editors check it, nobody runs it.
#[cfg(all(not(feature = "tokio"), not(target_arch = "wasm32")))]
mod platform {
    use super::*;

    pub(super) fn dial(_: &Config) -> BoxFuture<Dialed> {
        Box::pin(async { Err(unsupported()) })
    }

    fn unsupported() -> TransportError {
        TransportError::new(
            TransportErrorKind::Unsupported,
            "outside of Workers dsql-edge connects only with its feature `tokio`",
        )
    }

    #[cfg(feature = "assume-role")]
    pub(super) fn post(_: &Config, _: Post) -> BoxFuture<Result<Reply, TransportError>> {
        Box::pin(async { Err(unsupported()) })
    }

    pub(crate) fn sleep(_: Millis) -> BoxFuture<()> {
        Box::pin(core::future::pending())
    }

    #[cfg(feature = "pool")]
    pub(crate) fn spawn(_: BoxFuture<()>) {}

    pub(crate) use super::anywhere::IoContext;
    pub(super) use super::anywhere::now;
    pub(crate) use super::anywhere::random;
    #[cfg(feature = "pool")]
    pub(crate) use super::anywhere::{Namespace, visitor};

    pub(super) fn unix_time() -> u64 {
        std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every first byte, alone and with more behind it.
    #[test]
    fn only_a_lone_s_accepts_tls_and_only_eof_and_errors_are_passing() {
        assert_eq!(check_ssl_answer(b"").unwrap_err().kind, TransportErrorKind::Lost);
        for first in 0..=255_u8 {
            for answer in [&[first][..], &[first, first], &[first, 0], &[first, b'S', b'S']] {
                let checked = check_ssl_answer(answer);
                let expected = match answer {
                    b"S" => None,
                    [b'E', ..] => Some(TransportErrorKind::Lost),
                    _ => Some(TransportErrorKind::NoTls),
                };
                assert_eq!(checked.err().map(|error| error.kind), expected, "{answer:?}");
            }
        }
        let error = check_ssl_answer(b"Ecanary\0").unwrap_err();
        assert!(!error.text.contains("canary"), "{}", error.text);
    }
}
