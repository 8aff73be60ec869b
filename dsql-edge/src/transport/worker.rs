//! Cloudflare's TCP sockets: the only file that knows JavaScript, and the only one with `unsafe`.
//!
//! Goes in: a host name and a port. Comes out: a [`Transport`] over the web streams of a socket that
//! `startTls` has been called on. Every call into JavaScript that can throw is caught. Reads are BYOB, 64 KiB at
//! a time, because the default reader gives 4,096 bytes whatever there is; where a runtime has no BYOB the
//! default reader serves. workers-rs' own `Socket` is not used: it panics where `startTls` throws, and after a
//! cancelled write it reports the length of another.
#![allow(unsafe_code, reason = "JavaScript's values are not Send; Workers has one thread (see `OneThread`)")]

use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;

use bytes::BytesMut;
use worker::js_sys::{Array, Object, Promise, Reflect, Uint8Array};
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{self, JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::worker_sys;

use super::{BoxFuture, Dialed, Transport, TransportError, TransportErrorKind, check_ssl_answer};
use crate::config::Config;
use crate::wire::frontend::SSL_REQUEST;

const READ_SIZE: u32 = 65_536;

pub(super) fn dial(config: &Config) -> BoxFuture<Dialed> {
    let (host, port) = config.address();
    let host = host.to_owned();
    Box::pin(OneThread(async move {
        let socket = open(&host, port).await?;
        Ok(Box::new(OneThread(socket)) as Box<dyn Transport>)
    }))
}

pub(super) fn sleep(duration: Duration) -> BoxFuture<()> {
    // setTimeout takes a signed 32-bit number of milliseconds and fires at once above it.
    let longest = Duration::from_millis(i32::MAX.unsigned_abs().into());
    Box::pin(OneThread(worker::Delay::from(duration.min(longest))))
}

pub(super) fn now() -> Duration {
    Duration::from_millis(worker::Date::now().as_millis())
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 2⁵³")]
pub(super) fn random() -> u64 {
    // 53 bits are all that it has.
    (worker::js_sys::Math::random() * 9_007_199_254_740_992.0) as u64
}

pub(super) fn unix_time() -> u64 {
    worker::Date::now().as_millis() / 1000
}

/// The request that was being handled when this was made; none outside of any.
///
/// Workers does not say which request it is, but some objects throw when another request touches them, and the
/// state of a WebSocket is the one that does so at once, without I/O and without being changed. Sockets tell only
/// when they are used, and whoever merely waits for one would be woken by the other request, and then answer in its
/// name: that ends in "Internal Server Error", or in no answer at all.
pub(crate) struct IoContext(Option<OneThread<JsValue>>);

impl IoContext {
    pub(crate) fn current() -> Self {
        let pair = WebSocketPair::new().ok();
        IoContext(pair.and_then(|pair| Reflect::get_u32(&pair, 0).ok()).map(OneThread))
    }

    pub(crate) fn is_current(&self) -> bool {
        let Some(OneThread(socket)) = &self.0 else { return true };
        match Reflect::get(socket, &JsValue::from_str("readyState")) {
            Ok(_) => true,
            Err(thrown) => error(TransportErrorKind::Lost, &thrown).kind != TransportErrorKind::OtherRequest,
        }
    }
}

/// A value of JavaScript's, or a future that holds some, where Rust wants `Send`: axum's handlers, our own
/// futures. workers-rs does the same (`worker::send`).
struct OneThread<T>(T);

// SAFETY: on wasm32-unknown-unknown as Workers runs it there is one thread, and wasm memory is not shared:
// nothing can be sent to, or shared with, another thread. This file is compiled for wasm32 alone.
unsafe impl<T> Send for OneThread<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for OneThread<T> {}

impl<F: Future> Future for OneThread<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: the field is pinned whenever the wrapper is; nothing moves it, and it has no Drop of its own.
        unsafe { self.map_unchecked_mut(|this| &mut this.0) }.poll(context)
    }
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(extends = Object)]
    type WebSocketPair;
    #[wasm_bindgen(constructor, catch)]
    fn new() -> Result<WebSocketPair, JsValue>;

    type Readable;
    #[wasm_bindgen(method, catch, js_name = getReader)]
    fn get_reader(this: &Readable) -> Result<Reader, JsValue>;
    #[wasm_bindgen(method, catch, js_name = getReader)]
    fn get_byob_reader(this: &Readable, options: &JsValue) -> Result<Reader, JsValue>;

    type Reader;
    #[wasm_bindgen(method, catch)]
    fn read(this: &Reader) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = read)]
    fn read_into(this: &Reader, view: &Uint8Array) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = releaseLock)]
    fn release_lock(this: &Reader) -> Result<(), JsValue>;

    type Writable;
    #[wasm_bindgen(method, catch, js_name = getWriter)]
    fn get_writer(this: &Writable) -> Result<Writer, JsValue>;

    type Writer;
    #[wasm_bindgen(method, catch)]
    fn write(this: &Writer, chunk: &Uint8Array) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = releaseLock)]
    fn release_lock(this: &Writer) -> Result<(), JsValue>;
}

struct Socket {
    socket: worker_sys::Socket,
    reader: Reader,
    /// The buffer that goes back and forth with the reader; `None` without BYOB.
    byob: bool,
    spare: Option<Uint8Array>,
    reading: Option<JsFuture>,
    writer: Writer,
    writing: Option<JsFuture>,
    /// After an error the streams are never touched again.
    dead: Option<TransportError>,
}

/// TCP, SSLRequest, `startTls`. Whether TLS verifies shows only with the first byte that comes back.
async fn open(host: &str, port: u16) -> Result<Socket, TransportError> {
    let address = object(&[("hostname", JsValue::from_str(host)), ("port", JsValue::from(port))])
        .map_err(unreachable)?;
    let options =
        object(&[("secureTransport", JsValue::from_str("starttls")), ("allowHalfOpen", JsValue::FALSE)])
            .map_err(unreachable)?;
    let plain = worker_sys::connect(address.into(), options.into()).map_err(unreachable)?;
    hush(plain.closed());
    hush(plain.opened());

    let writer = writable(&plain).and_then(|writable| writable.get_writer()).map_err(unreachable)?;
    let written = writer.write(&Uint8Array::from(&SSL_REQUEST[..])).map_err(unreachable)?;
    JsFuture::from(written).await.map_err(unreachable)?;
    let reader = readable(&plain).and_then(|readable| readable.get_reader()).map_err(unreachable)?;
    let answer = JsFuture::from(reader.read().map_err(unreachable)?).await.map_err(unreachable)?;
    check_ssl_answer(&chunk(&answer).map(|chunk| chunk.to_vec()).unwrap_or_default())?;

    // The streams must be free before they are replaced.
    reader.release_lock().map_err(tls)?;
    writer.release_lock().map_err(tls)?;
    let socket = plain.start_tls().map_err(tls)?;
    hush(socket.closed());
    hush(socket.opened());
    let writer = writable(&socket).and_then(|writable| writable.get_writer()).map_err(tls)?;
    let readable = readable(&socket).map_err(tls)?;
    let mode = object(&[("mode", JsValue::from_str("byob"))]).map_err(tls)?;
    let (reader, byob) = match readable.get_byob_reader(&mode) {
        Ok(reader) => (reader, true),
        Err(_) => (readable.get_reader().map_err(tls)?, false),
    };
    Ok(Socket { socket, reader, byob, spare: None, reading: None, writer, writing: None, dead: None })
}

impl Socket {
    fn fail<T>(&mut self, thrown: &JsValue) -> Poll<Result<T, TransportError>> {
        let error = error(TransportErrorKind::Lost, thrown);
        self.dead = Some(error.clone());
        self.reading = None;
        self.writing = None;
        Poll::Ready(Err(error))
    }

    fn start_read(&mut self) -> Result<JsFuture, JsValue> {
        let promise = if self.byob {
            let view = self.spare.take().unwrap_or_else(|| Uint8Array::new_with_length(READ_SIZE));
            self.reader.read_into(&view)?
        } else {
            self.reader.read()?
        };
        Ok(JsFuture::from(promise))
    }
}

impl Transport for OneThread<Socket> {
    fn start_write(&mut self, bytes: BytesMut) {
        let socket = &mut self.0;
        if socket.dead.is_some() {
            return;
        }
        match socket.writer.write(&Uint8Array::from(&bytes[..])) {
            Ok(promise) => socket.writing = Some(JsFuture::from(promise)),
            Err(thrown) => drop(socket.fail::<()>(&thrown)),
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        let socket = &mut self.0;
        if let Some(error) = &socket.dead {
            return Poll::Ready(Err(error.clone()));
        }
        let Some(writing) = &mut socket.writing else { return Poll::Ready(Ok(())) };
        let result = ready!(Pin::new(writing).poll(context));
        socket.writing = None;
        match result {
            Ok(_) => Poll::Ready(Ok(())),
            Err(thrown) => socket.fail(&thrown),
        }
    }

    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        into: &mut Vec<u8>,
    ) -> Poll<Result<(), TransportError>> {
        let socket = &mut self.0;
        into.clear();
        loop {
            if let Some(error) = &socket.dead {
                return Poll::Ready(Err(error.clone()));
            }
            let reading = match &mut socket.reading {
                Some(reading) => reading,
                None => match socket.start_read() {
                    Ok(reading) => socket.reading.insert(reading),
                    Err(thrown) => return socket.fail(&thrown),
                },
            };
            let result = ready!(Pin::new(reading).poll(context));
            socket.reading = None;
            let result = match result {
                Ok(result) => result,
                Err(thrown) => return socket.fail(&thrown),
            };
            let Some(chunk) = chunk(&result) else {
                socket.dead =
                    Some(TransportError::new(TransportErrorKind::Lost, "the server closed the connection"));
                return Poll::Ready(Ok(()));
            };
            let length = usize::try_from(chunk.length()).unwrap_or(0);
            if length != 0 {
                into.resize(length, 0);
                chunk.copy_to(into);
            }
            if socket.byob {
                socket.spare = Some(Uint8Array::new(&chunk.buffer()));
            }
            // An empty chunk is not the end.
            if length != 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn close(&mut self, last: &'static [u8]) {
        let socket = &mut self.0;
        if socket.dead.is_none() {
            hush(socket.writer.write(&Uint8Array::from(last)));
            socket.dead = Some(TransportError::new(TransportErrorKind::Lost, "the connection was closed"));
        }
        // It waits for what is being written; nobody waits for it: `closed` may never settle.
        hush(socket.socket.close());
    }
}

/// Lets a promise end as it may. `allSettled` handles it, so that its failure is no unhandled rejection; and unlike
/// a future that is spawned for it, it keeps nothing in wasm's memory when the promise never settles.
fn hush(promise: Result<Promise, JsValue>) {
    if let Ok(promise) = promise {
        drop(Promise::all_settled(&Array::of1(&promise)));
    }
}

fn readable(socket: &worker_sys::Socket) -> Result<Readable, JsValue> {
    socket.readable().map(|stream| stream.unchecked_into())
}

fn writable(socket: &worker_sys::Socket) -> Result<Writable, JsValue> {
    socket.writable().map(|stream| stream.unchecked_into())
}

/// The bytes of a result of `read()`; `None` at the end of the stream.
fn chunk(result: &JsValue) -> Option<Uint8Array> {
    let done = Reflect::get(result, &JsValue::from_str("done")).ok()?;
    if done.is_truthy() {
        return None;
    }
    Reflect::get(result, &JsValue::from_str("value")).ok()?.dyn_into().ok()
}

fn object(entries: &[(&str, JsValue)]) -> Result<Object, JsValue> {
    let object = Object::new();
    for (name, value) in entries {
        Reflect::set(&object, &JsValue::from_str(name), value)?;
    }
    Ok(object)
}

fn unreachable(thrown: JsValue) -> TransportError {
    error(TransportErrorKind::Unreachable, &thrown)
}

fn tls(thrown: JsValue) -> TransportError {
    error(TransportErrorKind::Tls, &thrown)
}

/// What was thrown, as an error of this kind, unless it is the one that Workers has for sockets of another
/// request.
fn error(kind: TransportErrorKind, thrown: &JsValue) -> TransportError {
    let text: Option<String> = match thrown.dyn_ref::<worker::js_sys::Error>() {
        Some(error) => Some(error.message().into()),
        None => thrown.as_string(),
    };
    let text = text.unwrap_or_default();
    const OTHER_REQUEST: &[u8] = b"on behalf of a different request";
    if text.as_bytes().windows(OTHER_REQUEST.len()).any(|window| window == OTHER_REQUEST) {
        return TransportError::new(
            TransportErrorKind::OtherRequest,
            "the socket belongs to another request",
        );
    }
    // Errors of the runtime end in a random reference; nothing in them is secret.
    TransportError::new(
        kind,
        if text.is_empty() { Cow::Borrowed("no reason given") } else { Cow::Owned(text) },
    )
}
