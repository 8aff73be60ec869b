//! Converts between bytes and messages of PostgreSQL's protocol 3.0, without state.
//!
//! Input: the content of a message ([`frontend`]), or the bytes of a server ([`backend`]). Output: frames, or messages.
//! Only the messages of a client of the extended protocol are implemented. Property tests compare this module with
//! `postgres-protocol`. `postgres-protocol` itself is not used, because it would be a sixth of the size that dsql-edge
//! adds to a Worker, and because it accepts a frame of 2³²−1 bytes.

#[cfg(feature = "postgres")]
pub(crate) mod authentication;
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

/// The maximum lengths of messages, in bytes, without the byte of the type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Any message, in both directions.
    pub(crate) message: usize,
    /// A DataRow.
    pub(crate) row: usize,
}

/// Bytes that are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);
