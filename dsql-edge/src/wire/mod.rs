//! Bytes ⇄ messages of PostgreSQL's protocol 3.0. No state.
//!
//! Input: the content of a message ([`frontend`]), or the bytes of a server ([`backend`]). Output: frames, or messages.
//! Only those that a client of the extended protocol sends and receives. Property tests compare it with
//! `postgres-protocol`, which itself would be a sixth of this crate's share of a Worker and lets a frame of 2³²−1 bytes
//! through.

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

/// The longest messages, in bytes, without the byte of their type.
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
