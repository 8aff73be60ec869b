//! The platform of a program that is not a Worker, without the feature `tokio`: the crate compiles, for editors and
//! tests, but cannot connect.

use super::contract::{BoxFuture, Dialed, TransportError, TransportErrorKind};
#[cfg(feature = "assume-role")]
use super::post::{Post, Reply};
use crate::millis::Millis;
use crate::settings::Settings;

pub(super) fn dial(_: &Settings, _: bool) -> BoxFuture<Dialed> {
    Box::pin(async { Err(unsupported()) })
}

fn unsupported() -> TransportError {
    TransportError::new(
        TransportErrorKind::Unsupported,
        "outside Workers dsql-edge connects only with its feature `tokio`",
    )
}

#[cfg(feature = "assume-role")]
pub(super) fn post(_: &Settings, _: Post) -> BoxFuture<Result<Reply, TransportError>> {
    Box::pin(async { Err(unsupported()) })
}

pub(super) fn sleep(_: Millis) -> BoxFuture<()> {
    Box::pin(core::future::pending())
}

pub(super) fn spawn(_: BoxFuture<()>) {}

pub(crate) use super::anywhere::*;
