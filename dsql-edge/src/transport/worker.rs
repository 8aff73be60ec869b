//! Cloudflare's sockets: the only module that calls JavaScript.
//!
//! Input: a host name and a port. Output: a [`Transport`] over the web streams of a socket after `startTls`. The code
//! that uses the streams is JavaScript, in `worker.js`: a call of one of the streams' methods from Rust would add more
//! to a Worker's size than that whole file. Every exception that a call into that file can throw is caught. workers-rs'
//! own `Socket` is not used: it panics if `startTls` throws, and after a cancelled write it reports the length of
//! another write.
#![allow(unsafe_code, reason = "`one_thread`, and code that wasm-bindgen generates")]

mod one_thread;
#[cfg(any(feature = "postgres", feature = "direct-tls", feature = "websocket"))]
mod opening;
#[cfg(feature = "postgres")]
mod postgres;
mod socket;

use core::task::{Context, Poll, ready};
use std::future::Future;
use std::pin::Pin;

#[cfg(feature = "assume-role")]
use worker::js_sys::Array;
#[cfg(feature = "pool")]
use worker::js_sys::Number;
use worker::js_sys::{Date, Promise, Reflect, Uint8Array};
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{self, JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;

#[cfg(feature = "pool")]
use super::contract::Transport;
#[cfg(feature = "assume-role")]
use super::contract::TransportError;
use super::contract::{BoxFuture, Dialed, TransportErrorKind};
#[cfg(feature = "assume-role")]
use super::post::{MAX_REPLY, Post, Reply};
#[cfg(not(feature = "postgres"))]
use super::ssl_answer::check_ssl_answer;
#[cfg(feature = "postgres")]
use super::ssl_answer::uses_tls;
use crate::millis::Millis;
use crate::settings::Settings;
#[cfg(feature = "postgres")]
use crate::settings::SslMode;
use crate::wire::frontend::SSL_REQUEST;
use one_thread::OneThread;
#[cfg(any(feature = "postgres", feature = "direct-tls"))]
use opening::Opening;
#[cfg(feature = "postgres")]
pub(crate) use postgres::{hyperdrive, scram};
#[cfg(feature = "pool")]
use socket::text;
use socket::{Connection, Socket, error, text_at};

pub(super) fn dial(settings: &Settings, direct: bool) -> BoxFuture<Dialed> {
    #[cfg(feature = "websocket")]
    if let Some(request) = settings.websocket_request() {
        return opening::websocket(settings, &request);
    }
    let connection = Connection::new();
    let (host, port) = (&settings.endpoint.host, settings.endpoint.port);
    #[cfg(feature = "direct-tls")]
    if direct {
        let opened = JsFuture::from(direct_tls(&connection, host, port));
        // The platform does not report whether TCP or TLS has failed.
        let failure = TransportErrorKind::Lost;
        return Opening { connection: Some(connection), opened, failure, is_tls: true }.boxed();
    }
    let _ = direct;
    #[cfg(feature = "postgres")]
    let sslmode = settings.postgres.as_ref().map_or(SslMode::Require, |postgres| postgres.sslmode);
    #[cfg(feature = "postgres")]
    if sslmode == SslMode::Disable {
        let opened = JsFuture::from(plain(&connection, host, port));
        let failure = TransportErrorKind::Unreachable;
        return Opening { connection: Some(connection), opened, failure, is_tls: false }.boxed();
    }
    let asking = JsFuture::from(connection.ask(host, port, &SSL_REQUEST));
    Box::pin(OneThread(Dialing {
        connection: Some(connection),
        asking,
        #[cfg(feature = "postgres")]
        allows_plain_text: sslmode == SslMode::Prefer,
    }))
}

#[cfg(feature = "assume-role")]
pub(super) fn post(_: &Settings, request: Post) -> BoxFuture<Result<Reply, TransportError>> {
    let url = format!("https://{}:{}/", request.host, request.port);
    let headers = request.headers.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect();
    let exchange = Exchange(fetch(&url, headers, &request.body, MAX_REPLY));
    let answer = JsFuture::from(Promise::from(exchange.0.clone()));
    Box::pin(OneThread(async move {
        // The future owns the exchange, so that dropping the future cancels the exchange.
        let _exchange = exchange;
        let answer: Array = match answer.await {
            Ok(answer) => answer.unchecked_into(),
            Err(thrown) => return Err(error(TransportErrorKind::Unreachable, &thrown)),
        };
        let status = answer.get(0).as_string().and_then(|status| status.parse().ok());
        let (Some(status), Some(body)) = (status, answer.get(1).as_string()) else {
            return Err(TransportError::new(TransportErrorKind::Unreachable, "the answer is too long"));
        };
        Ok(Reply { status, body })
    }))
}

/// A request that is running or answered. Cancelling an answered request does nothing.
#[cfg(feature = "assume-role")]
struct Exchange(Fetch);

#[cfg(feature = "assume-role")]
impl Drop for Exchange {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

pub(crate) fn sleep(time: Millis) -> BoxFuture<()> {
    // setTimeout takes a signed 32-bit number and fires at once for a larger number.
    let timer = timer(i32::try_from(time).unwrap_or(i32::MAX));
    let over = JsFuture::from(Promise::from(timer.clone()));
    Box::pin(OneThread(Sleep { timer, over: Some(over) }))
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "JavaScript counts from 1970, in f64"
)]
pub(super) fn now() -> Millis {
    Date::now() as u64
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 2⁵³")]
pub(crate) fn random() -> u64 {
    // The number has 53 random bits.
    (worker::js_sys::Math::random() * 9_007_199_254_740_992.0) as u64
}

pub(super) fn unix_time() -> u64 {
    now() / 1000
}

/// The text of a var or a secret of the Worker; both are strings. (`Env::var` would link the code of an error that is
/// less precise than this crate's error.)
pub(crate) fn text_of(env: &worker::Env, name: &str) -> Option<String> {
    text_at(env, name)
}

/// The text of a var, or its number: `DSQL_POOL_SHARDS = 4` in wrangler.toml binds a number.
#[cfg(feature = "pool")]
pub(crate) fn text_or_number_of(env: &worker::Env, name: &str) -> Option<String> {
    let number =
        |value: JsValue| value.dyn_into::<Number>().ok()?.to_string_with_radix(10).ok().map(String::from);
    text_at(env, name).or_else(|| Reflect::get(env, &JsValue::from_str(name)).ok().and_then(number))
}

/// Whether a name is bound to a string that is not empty, or to a secret of the Secrets Store.
pub(crate) fn is_bound(env: &worker::Env, name: &str) -> bool {
    // In JavaScript an empty string is falsy, and so is `undefined`.
    Reflect::get(env, &JsValue::from_str(name)).is_ok_and(|value| value.is_truthy())
}

pub(crate) fn spawn(future: BoxFuture<()>) {
    worker::wasm_bindgen_futures::spawn_local(future);
}

/// A binding to a class of Durable Objects.
#[cfg(feature = "pool")]
pub(crate) struct Namespace(worker::ObjectNamespace);

#[cfg(feature = "pool")]
impl Namespace {
    pub(crate) fn of(env: &worker::Env, name: &str) -> Option<Self> {
        env.durable_object(name).ok().map(Namespace)
    }

    /// Opens a stream to the object of this name: a request that begins with the first write. An error contains the
    /// platform's own message, for example about a location hint that the platform rejects.
    pub(crate) fn reach(
        &self,
        name: &str,
        location: Option<&str>,
        open: bool,
    ) -> Result<Box<dyn Transport>, String> {
        let stub = Stub::new(self.0.as_ref(), name, location, open).map_err(|thrown| text(&thrown))?;
        Ok(Box::new(OneThread(Socket::over(stub.unchecked_into(), true))))
    }
}

/// The two streams of a request to an object, and the response that contains one of these streams.
#[cfg(feature = "pool")]
pub(crate) fn visitor(request: worker::Request) -> worker::Result<(Box<dyn Transport>, worker::Response)> {
    let request: &JsValue = request.inner().as_ref();
    let visit = Visit::new(request)?;
    let response = worker::Response::from(visit.response().unchecked_into::<worker::web_sys::Response>());
    Ok((Box::new(OneThread(Socket::over(visit.unchecked_into(), true))), response))
}

/// The request that was handled when this value was made, if there was one.
///
/// Workers does not report which request is running, but some objects throw an exception when another request uses
/// them. A WebSocket throws as soon as its state is read, and reading the state needs no I/O and changes nothing. A
/// socket throws only when it is used: if another request wakes a task that only waits for a socket, the task would
/// continue as a part of that other request. The other request would then end in "Internal Server Error" or without an
/// answer.
pub(crate) struct IoContext(OneThread<RequestMark>);

impl IoContext {
    pub(crate) fn current() -> Self {
        IoContext(OneThread(RequestMark::new()))
    }

    pub(crate) fn is_current(&self) -> bool {
        self.0.0.touch().is_ok()
    }
}

#[wasm_bindgen(module = "/src/transport/worker.js")]
extern "C" {
    #[wasm_bindgen(extends = Promise)]
    #[derive(Clone)]
    type Timer;
    fn timer(milliseconds: i32) -> Timer;
    #[wasm_bindgen(method)]
    fn clear(this: &Timer);

    type RequestMark;
    #[wasm_bindgen(constructor)]
    fn new() -> RequestMark;
    #[wasm_bindgen(method, catch)]
    fn touch(this: &RequestMark) -> Result<(), JsValue>;
}

#[cfg(feature = "postgres")]
#[wasm_bindgen(module = "/src/transport/plain.js")]
extern "C" {
    #[wasm_bindgen(js_name = plain)]
    fn plain(connection: &Connection, hostname: &str, port: u16) -> Promise;
    #[wasm_bindgen(catch)]
    fn stay(connection: &Connection) -> Result<(), JsValue>;
}

#[cfg(feature = "direct-tls")]
#[wasm_bindgen(module = "/src/transport/direct.js")]
extern "C" {
    #[wasm_bindgen(js_name = direct)]
    fn direct_tls(connection: &Connection, hostname: &str, port: u16) -> Promise;
}

// Both types have the methods `read`, `write` and `close` of `Connection`.
#[cfg(feature = "pool")]
#[wasm_bindgen(module = "/src/transport/pool.js")]
extern "C" {
    type Stub;
    #[wasm_bindgen(constructor, catch)]
    fn new(namespace: &JsValue, name: &str, location: Option<&str>, open: bool) -> Result<Stub, JsValue>;

    type Visit;
    #[wasm_bindgen(constructor, catch)]
    fn new(request: &JsValue) -> Result<Visit, JsValue>;
    #[wasm_bindgen(method, getter)]
    fn response(this: &Visit) -> JsValue;
}

#[cfg(feature = "assume-role")]
#[wasm_bindgen(module = "/src/transport/fetch.js")]
extern "C" {
    /// Returns `[status, body]`, without the body if it is too long.
    #[wasm_bindgen(js_name = post)]
    fn fetch(url: &str, headers: Vec<String>, body: &str, longest: u32) -> Fetch;

    #[wasm_bindgen(extends = Promise)]
    #[derive(Clone)]
    type Fetch;
    #[wasm_bindgen(method)]
    fn cancel(this: &Fetch);
}

/// A timer that is cleared when its future is dropped: a timer that continues to run would keep a Durable Object awake.
struct Sleep {
    timer: Timer,
    /// `None` once the timer has ended: a `JsFuture` never completes a second time, but a time limit is polled more
    /// than once.
    over: Option<JsFuture>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if let Some(over) = &mut self.over {
            let _ = ready!(Pin::new(over).poll(context));
            self.over = None;
        }
        Poll::Ready(())
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.timer.clear();
    }
}

/// Runs TCP, SSLRequest and `startTls`. Whether the TLS handshake succeeds is known only when the first byte arrives.
struct Dialing {
    /// `None` once there is a [`Socket`].
    connection: Option<Connection>,
    asking: JsFuture,
    /// Whether a connection without TLS is allowed if the server does not offer TLS.
    #[cfg(feature = "postgres")]
    allows_plain_text: bool,
}

/// Closes the socket of a dial that failed or was dropped: JavaScript would keep it open.
impl Drop for Dialing {
    fn drop(&mut self) {
        if let Some(connection) = &self.connection {
            connection.close(&[]);
        }
    }
}

impl Future for Dialing {
    type Output = Dialed;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Dialed> {
        let answer = ready!(Pin::new(&mut self.asking).poll(context));
        let answer = answer.map_err(|thrown| error(TransportErrorKind::Unreachable, &thrown))?;
        let answer = answer.unchecked_into::<Uint8Array>().to_vec();
        #[cfg(not(feature = "postgres"))]
        check_ssl_answer(&answer)?;
        #[cfg(feature = "postgres")]
        let is_tls = uses_tls(&answer, self.allows_plain_text)?;
        // If the future is polled again after it was ready, it waits forever.
        let Some(connection) = &self.connection else { return Poll::Pending };
        #[cfg(feature = "postgres")]
        if !is_tls {
            stay(connection).map_err(|thrown| error(TransportErrorKind::Lost, &thrown))?;
            let socket = self.connection.take().map(|connection| Socket::over(connection, false));
            return socket.map_or(Poll::Pending, |socket| Poll::Ready(Ok(Box::new(OneThread(socket)))));
        }
        connection.start_tls().map_err(|thrown| error(TransportErrorKind::Tls, &thrown))?;
        let socket = self.connection.take().map(|connection| Socket::over(connection, true));
        socket.map_or(Poll::Pending, |socket| Poll::Ready(Ok(Box::new(OneThread(socket)))))
    }
}

/// Computes AWS's signature with the platform's own cryptography.
#[cfg(any(feature = "assume-role", not(feature = "aws-sigv4")))]
pub(crate) mod signature {
    use super::*;
    use crate::credentials::{AuthFuture, Secret, Unavailable};
    use crate::error::Error;

    #[wasm_bindgen(module = "/src/transport/sign.js")]
    extern "C" {
        #[wasm_bindgen(js_name = sign)]
        fn signed(secret: &str, time: &str, scope: &str, request: &str, payload: &str, text: &str)
        -> Promise;
    }

    /// Returns `text`, followed by the signature in hexadecimal digits. `request` is the canonical request without the
    /// digest of its payload.
    pub(crate) fn sign(
        secret: &str,
        time: &str,
        scope: &str,
        request: &str,
        payload: &str,
        text: &str,
    ) -> AuthFuture<'static, Secret> {
        let signed = signed(secret, time, scope, request, payload, text);
        Box::pin(OneThread(Signature(JsFuture::from(signed))))
    }

    struct Signature(JsFuture);

    impl Future for Signature {
        type Output = Result<Secret, Unavailable>;

        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
            let signed = ready!(Pin::new(&mut self.0).poll(context));
            let text = signed.ok().and_then(|text| text.as_string());
            let unsigned = || Error::config("crypto.subtle did not sign").into();
            Poll::Ready(text.map(Secret::new).ok_or_else(unsigned))
        }
    }
}
