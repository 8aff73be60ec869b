//! The functions that all platforms except Workers share. On these platforms, sockets do not belong to a request, and
//! the standard library has a clock.

use core::hash::BuildHasher;
#[cfg(feature = "pool")]
use core::task::{Context, Poll};
use std::hash::RandomState;
use std::sync::OnceLock;
use std::time::Instant;

#[cfg(feature = "pool")]
use super::contract::{Transport, TransportError, TransportErrorKind};
use crate::millis::{Millis, millis};

/// A placeholder: outside Workers, a socket can be used from anywhere.
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

#[cfg(feature = "pool")]
pub(crate) fn text_or_number_of(env: &worker::Env, name: &str) -> Option<String> {
    text_of(env, name)
}

pub(crate) fn is_bound(env: &worker::Env, name: &str) -> bool {
    text_of(env, name).is_some_and(|text| !text.is_empty())
}

/// Hyperdrive does not exist outside Workers.
#[cfg(feature = "postgres")]
pub(crate) fn hyperdrive(_: &worker::Env, _: &str) -> Option<super::contract::HyperdriveBinding> {
    None
}

/// A namespace of Durable Objects, which does not exist outside Workers.
#[cfg(feature = "pool")]
pub(crate) struct Namespace;

#[cfg(feature = "pool")]
impl Namespace {
    pub(crate) fn of(_: &worker::Env, _: &str) -> Option<Self> {
        None
    }

    pub(crate) fn reach(&self, _: &str, _: Option<&str>, _: bool) -> Result<Box<dyn Transport>, String> {
        Ok(Box::new(Nowhere))
    }
}

#[cfg(feature = "pool")]
pub(crate) fn visitor(_: worker::Request) -> worker::Result<(Box<dyn Transport>, worker::Response)> {
    Err(worker::Error::RustError("Durable Objects exist only on Workers".to_owned()))
}

pub(crate) fn now() -> Millis {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    millis(BEGAN.get_or_init(Instant::now).elapsed())
}

/// A random number, from the seed of the standard library's maps.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(())
}

/// Seconds since 1970-01-01 UTC.
pub(crate) fn unix_time() -> u64 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs())
}

/// A stream to an object. It is never created.
#[cfg(feature = "pool")]
struct Nowhere;

#[cfg(feature = "pool")]
impl Transport for Nowhere {
    fn start_write(&mut self, _: Vec<u8>) {}

    fn poll_write(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, _: &mut Context<'_>, _: &mut Vec<u8>) -> Poll<Result<(), TransportError>> {
        let text = "Durable Objects exist only on Workers";
        Poll::Ready(Err(TransportError::new(TransportErrorKind::Unsupported, text)))
    }

    fn close(&mut self, _: &'static [u8]) {}
}
