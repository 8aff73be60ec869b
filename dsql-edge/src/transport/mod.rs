//! Bytes to a server and back, over TLS, and the environment: clock, timers, on Workers cryptography.
//!
//! Input: a host name and a port. Output: a [`Transport`] on which TLS is up, or on its way up. Every transport sends
//! plain text only for SSLRequest and reads its one-byte answer; anything but a single `S` ends it.
//!
//! Each platform is a module with the same functions: `worker`, `tokio`, and `unsupported`, where nothing can connect.

// Without a transport nothing here is used; in tests the simulator takes the platform's place.
#![cfg_attr(any(test, all(not(feature = "tokio"), not(target_arch = "wasm32"))), allow(dead_code))]

#[cfg(not(target_arch = "wasm32"))]
mod anywhere;
mod contract;
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
#[cfg(all(not(feature = "tokio"), not(target_arch = "wasm32")))]
mod unsupported;
#[cfg(target_arch = "wasm32")]
mod worker;

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

/// The request in which something was made, where the platform lets no other request use it.
pub(crate) use platform::IoContext;
/// A request to the object of a pool, and the answer that goes on as a stream; the ways to one.
#[cfg(feature = "pool")]
pub(crate) use platform::{Namespace, visitor};
/// A text that a Worker is bound to, by its name; and whether anything but an empty text is bound to a name.
pub(crate) use platform::{is_bound, text_of};

/// AWS's signature, by the platform's cryptography.
#[cfg(all(target_arch = "wasm32", any(feature = "assume-role", not(feature = "aws-sigv4"))))]
pub(crate) use platform::signature::sign;
