//! Describes operations as spans of the crate `tracing` (feature `tracing`).
//!
//! Input: the statements of an operation, and its end. Output: a span with OpenTelemetry's names for its fields. The
//! documentation of `dsql_edge` lists the spans and their fields.
//!
//! Invariants: no field contains a parameter, a row or a credential. A span is entered only while its future is polled
//! ([`Trace::instrument`]), so the span is never current in code that runs between two polls. Without the feature, a
//! [`Trace`] has no size, and its methods are empty.

#[cfg(feature = "tracing")]
mod fields;

use core::future::Future;

use crate::client::flight::Prepared;
use crate::connector::Connector;
use crate::error::Error;
use crate::millis::Millis;

/// The span of a query, a pipeline, a chunk of many rows or a transaction.
#[derive(Clone)]
pub(super) struct Trace(#[cfg(feature = "tracing")] tracing::Span);

#[cfg(feature = "tracing")]
impl Trace {
    /// The span of a flight: a query or a pipeline. The parent of the new span is the current span. In a transaction,
    /// the current span is the span of the transaction.
    pub(super) fn of_flight(connector: &Connector, members: &[Prepared]) -> Self {
        Trace(match members {
            [_] => fields::flight_span!("query", connector, members),
            _ => fields::flight_span!("pipeline", connector, members),
        })
    }

    /// Makes the span of a chunk; with `fused`, of a group of chunks.
    pub(super) fn of_chunk(connector: &Connector, chunk: &[Prepared]) -> Self {
        Trace(fields::flight_span!("chunk", connector, chunk))
    }

    /// The span of a transaction, with all its attempts.
    pub(super) fn of_transaction(connector: &Connector) -> Self {
        Trace(fields::transaction_span(connector))
    }

    /// Returns the future, which then runs in this span.
    pub(super) fn instrument<F: Future>(&self, future: F) -> tracing::instrument::Instrumented<F> {
        tracing::Instrument::instrument(future, self.0.clone())
    }

    /// Records the connection of a flight: the endpoint that it was sent to, and whether the connection was open.
    pub(super) fn flown(&self, connector: &Connector, is_reused: bool) {
        fields::flown(&self.0, connector, is_reused);
    }

    /// Records that an attempt failed, and that attempt number `next` begins after a pause.
    pub(super) fn retry(&self, error: &Error, pause: Millis, next: u32) {
        fields::retry(&self.0, error, pause, next);
    }

    /// Records the end of the operation: its numbers and its error.
    pub(super) fn end(&self, rows: u64, round_trips: u32, attempts: u32, error: Option<&Error>) {
        fields::end(&self.0, rows, round_trips, attempts, error);
    }
}

#[cfg(not(feature = "tracing"))]
#[allow(clippy::unused_self, reason = "without the feature, there is nothing to record")]
impl Trace {
    #[inline(always)]
    pub(super) fn of_flight(_: &Connector, _: &[Prepared]) -> Self {
        Trace()
    }

    #[inline(always)]
    pub(super) fn of_chunk(_: &Connector, _: &[Prepared]) -> Self {
        Trace()
    }

    #[inline(always)]
    pub(super) fn of_transaction(_: &Connector) -> Self {
        Trace()
    }

    #[inline(always)]
    pub(super) fn instrument<F: Future>(&self, future: F) -> F {
        future
    }

    #[inline(always)]
    pub(super) fn flown(&self, _: &Connector, _: bool) {}

    #[inline(always)]
    pub(super) fn retry(&self, _: &Error, _: Millis, _: u32) {}

    #[inline(always)]
    pub(super) fn end(&self, _: u64, _: u32, _: u32, _: Option<&Error>) {}
}
