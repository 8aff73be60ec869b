//! Connections to a server over TLS, and the environment: clock, timers and, on Workers, cryptography.
//!
//! Input: a host name and a port. Output: a [`Transport`] whose TLS handshake is complete or running. A transport sends
//! only SSLRequest in plain text, and reads its one-byte answer; any answer other than a single `S` ends the transport.
//! With the feature `postgres`, a connection may stay without TLS, if `sslmode` allows it. With the feature
//! `websocket`, a transport can also be a WebSocket: TLS, an HTTP request, and binary frames.
//!
//! Each platform is a module with the same functions: `worker`, `tokio`, and `unsupported`, which cannot connect.

// This code is not used in a build that cannot connect, or in tests, where the simulator replaces the platform.
#![cfg_attr(any(test, all(not(feature = "tokio"), not(target_arch = "wasm32"))), allow(dead_code))]

#[cfg(not(target_arch = "wasm32"))]
mod anywhere;
mod contract;
mod direct_tls;
#[cfg(not(test))]
mod environment;
#[cfg(all(feature = "tokio", feature = "assume-role", not(target_arch = "wasm32")))]
mod https;
#[cfg(test)]
pub(crate) mod memory;
#[cfg(feature = "assume-role")]
mod post;
mod ssl_answer;
#[cfg(all(feature = "tokio", not(target_arch = "wasm32")))]
mod tokio;
#[cfg(feature = "multi-region")]
mod unreachable;
#[cfg(all(not(feature = "tokio"), not(target_arch = "wasm32")))]
mod unsupported;
#[cfg(feature = "websocket")]
mod upgrade;
#[cfg(target_arch = "wasm32")]
mod worker;

#[cfg(feature = "postgres")]
pub(crate) use contract::Protection;
pub(crate) use contract::{BoxFuture, Dialed, Transport, TransportError, TransportErrorKind};
#[cfg(not(test))]
pub(crate) use environment::Environment;
#[cfg(test)]
pub(crate) use memory::Network as Environment;
#[cfg(feature = "assume-role")]
pub(crate) use post::Post;

#[cfg(all(feature = "tokio", not(target_arch = "wasm32")))]
use self::tokio as platform;
#[cfg(all(not(feature = "tokio"), not(target_arch = "wasm32")))]
use unsupported as platform;
#[cfg(target_arch = "wasm32")]
use worker as platform;

/// The request in which an object was made, if the platform does not let other requests use the object.
pub(crate) use platform::IoContext;
/// `visitor`: returns the streams of a request that a pool's Durable Object has received. `Namespace`: connects to a
/// pool's Durable Objects. `text_or_number_of`: the text or the number that is bound to a name.
#[cfg(feature = "pool")]
pub(crate) use platform::{Namespace, text_or_number_of, visitor};
/// `text_of`: returns the string that is bound to a name. `is_bound`: whether a value other than an empty text is bound
/// to a name.
pub(crate) use platform::{is_bound, text_of};

/// The steps of a connection, one by one.
#[cfg(all(feature = "tokio", not(target_arch = "wasm32")))]
pub use self::tokio::{ByteStream, ConnectionSteps, Negotiation, Step};
#[cfg(all(feature = "tokio", not(target_arch = "wasm32")))]
pub(crate) use self::tokio::{https_head, open_stream, steps};

/// The bindings of Hyperdrive.
#[cfg(feature = "postgres")]
pub(crate) use contract::HyperdriveBinding;
#[cfg(feature = "postgres")]
pub(crate) use platform::hyperdrive;

/// Computes the answers of a PostgreSQL login with the platform's cryptography.
#[cfg(all(target_arch = "wasm32", feature = "postgres"))]
pub(crate) use platform::scram;

/// Computes AWS's signature with the platform's cryptography.
#[cfg(all(target_arch = "wasm32", any(feature = "assume-role", not(feature = "aws-sigv4"))))]
pub(crate) use platform::signature::sign;
