//! Bytes ⇄ messages of PostgreSQL's protocol 3.0. No state.
//!
//! Input: what to say ([`frontend`]), or the bytes of a server ([`backend`]). Output: frames, or messages. Only
//! what a client of the extended protocol says and hears; it is held to `postgres-protocol` by property tests, which
//! itself would be a sixth of this crate's share of a Worker and lets a frame of 2³²−1 bytes through.

pub(crate) mod backend;
mod frame;
pub(crate) mod frontend;
#[cfg(feature = "pool")]
pub(crate) mod lease;
mod message;
#[cfg(test)]
mod tests;

pub(crate) use backend::{DatabaseError, Field, Row, Tag};
pub(crate) use frontend::{Parameters, Startup};

/// How long messages may be, in bytes, without the byte that says their type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Any message, in both directions.
    pub(crate) message: usize,
    /// A DataRow.
    pub(crate) row: usize,
}

/// Bytes that are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);
