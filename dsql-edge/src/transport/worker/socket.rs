//! A connection whose bytes JavaScript carries: worker.js's `Connection`, or an object with the same methods.
//!
//! Input: a connection that is open. Output: a [`Transport`]. Exceptions of JavaScript become [`TransportError`]s.

use core::task::{Context, Poll, ready};
use std::borrow::Cow;
use std::pin::Pin;

use worker::js_sys::{Promise, Reflect, Uint8Array};
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{self, JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;

#[cfg(feature = "postgres")]
use super::super::contract::Protection;
use super::super::contract::{Transport, TransportError, TransportErrorKind};
use super::one_thread::OneThread;
use crate::login_rejection::contains;

#[wasm_bindgen(module = "/src/transport/worker.js")]
extern "C" {
    pub(super) type Connection;
    #[wasm_bindgen(constructor)]
    pub(super) fn new() -> Connection;
    #[wasm_bindgen(method)]
    pub(super) fn ask(this: &Connection, hostname: &str, port: u16, request: &[u8]) -> Promise;
    #[wasm_bindgen(method, catch, js_name = startTls)]
    pub(super) fn start_tls(this: &Connection) -> Result<(), JsValue>;
    #[wasm_bindgen(method)]
    pub(super) fn write(this: &Connection, bytes: &[u8]) -> Promise;
    #[wasm_bindgen(method)]
    pub(super) fn read(this: &Connection) -> Promise;
    #[wasm_bindgen(method)]
    pub(super) fn close(this: &Connection, last: &[u8]);
}

/// A connection, and its pending promises. A stream keeps its error: after an error, each read and each write fails in
/// the same way.
pub(super) struct Socket {
    connection: Connection,
    reading: Option<JsFuture>,
    writing: Option<JsFuture>,
    #[cfg(feature = "postgres")]
    is_tls: bool,
}

impl Socket {
    #[inline(always)]
    pub(super) fn over(connection: Connection, is_tls: bool) -> Self {
        let _ = is_tls;
        Socket {
            connection,
            reading: None,
            writing: None,
            #[cfg(feature = "postgres")]
            is_tls,
        }
    }
}

impl Transport for OneThread<Socket> {
    fn start_write(&mut self, bytes: Vec<u8>) {
        let socket = &mut self.0;
        socket.writing = Some(JsFuture::from(socket.connection.write(&bytes)));
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        let Some(writing) = &mut self.0.writing else { return Poll::Ready(Ok(())) };
        let written = ready!(Pin::new(writing).poll(context));
        self.0.writing = None;
        Poll::Ready(written.map(drop).map_err(|thrown| error(TransportErrorKind::Lost, &thrown)))
    }

    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        into: &mut Vec<u8>,
    ) -> Poll<Result<(), TransportError>> {
        let Socket { connection, reading, .. } = &mut self.0;
        into.clear();
        let next = reading.get_or_insert_with(|| JsFuture::from(connection.read()));
        let read = ready!(Pin::new(next).poll(context));
        *reading = None;
        *into = read
            .map_err(|thrown| error(TransportErrorKind::Lost, &thrown))?
            .unchecked_into::<Uint8Array>()
            .to_vec();
        Poll::Ready(Ok(()))
    }

    fn close(&mut self, last: &'static [u8]) {
        self.0.connection.close(last);
    }

    #[cfg(feature = "postgres")]
    fn protection(&self) -> Protection {
        // The platform does not show the certificate.
        if self.0.is_tls { Protection::Tls { server_end_point: None } } else { Protection::PlainText }
    }
}

/// Converts a thrown value to an error of this kind. Three errors get another kind, whatever the argument `kind` is.
/// The first is the error for a socket of another request, which the runtime of Workers throws. The second error means
/// that the pool's object did not receive a request. The third is the error for a WebSocket on which too many bytes
/// wait to be read.
pub(super) fn error(kind: TransportErrorKind, thrown: &JsValue) -> TransportError {
    let text = text(thrown);
    #[cfg(feature = "pool")]
    if Reflect::get(thrown, &JsValue::from_str("undelivered")).is_ok_and(|mark| mark.is_truthy()) {
        return TransportError::new(TransportErrorKind::Undelivered, text);
    }
    #[cfg(feature = "websocket")]
    if Reflect::get(thrown, &JsValue::from_str("overrun")).is_ok_and(|mark| mark.is_truthy()) {
        return TransportError::new(TransportErrorKind::Overrun, text);
    }
    if contains(&text, "on behalf of a different request") {
        return TransportError::new(
            TransportErrorKind::OtherRequest,
            "the socket belongs to another request",
        );
    }
    // Errors of the runtime end in a random reference; they contain no secret.
    TransportError::new(
        kind,
        if text.is_empty() { Cow::Borrowed("no reason given") } else { Cow::Owned(text) },
    )
}

pub(super) fn text(thrown: &JsValue) -> String {
    text_at(thrown, "message").or_else(|| thrown.as_string()).unwrap_or_default()
}

pub(super) fn text_at(object: &JsValue, name: &str) -> Option<String> {
    Reflect::get(object, &JsValue::from_str(name)).ok()?.as_string()
}
