//! Bytes ⇄ messages of PostgreSQL's protocol 3.0, over `postgres-protocol`. No state.
//!
//! Goes in: what to say ([`frontend`]), or the bytes of a server ([`backend`]). Comes out: frames, or messages.
//! `postgres-protocol` is called only where it is total: the length of a frame is checked against a limit, and
//! the frame is complete, before it sees one (its own check lets 2³²−1 through, which overflows on wasm32).

pub(crate) mod backend;
pub(crate) mod frontend;

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
