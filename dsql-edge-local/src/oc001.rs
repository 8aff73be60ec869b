//! Decides which sessions get OC001 after a schema change of another session.
//!
//! DSQL documents that a session with a cached copy of an older catalog can get OC001 when the session next uses
//! storage, even long after the change ("DDL and distributed transactions", DSQL user guide). DSQL does not document
//! the contents of this copy, and does not document whether OC001 is always sent. In AWS's own test suites, a session
//! uses a table that another session has just created, and does not retry. Some of the sessions in these test suites
//! have used other tables before. So [`Oc001::Cached`] does not send OC001 in these cases. [`Oc001::Any`] is the
//! documented worst case. `tests/oc001.rs` has each case and its source.

use std::fmt;
use std::str::FromStr;

/// Which sessions get OC001 after another session's schema change. As text: `cached`, `any`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Oc001 {
    /// If a session has used a table whose name is in the schema change, the session gets OC001: at its next statement
    /// that reads or writes rows of that table, or at the COMMIT of its writes to that table. New tables, schema
    /// changes and queries of the catalog are not affected.
    #[default]
    Cached,
    /// Every session that was open at the change gets OC001: at its next statement except `SET`, `SHOW` and `BEGIN`, or
    /// at the COMMIT of its writes.
    Any,
}

/// The error for a string that is neither `cached` nor `any`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither \"cached\" nor \"any\"")]
pub struct UnknownOc001(String);

impl FromStr for Oc001 {
    type Err = UnknownOc001;

    fn from_str(text: &str) -> Result<Oc001, UnknownOc001> {
        match text {
            "cached" => Ok(Oc001::Cached),
            "any" => Ok(Oc001::Any),
            _ => Err(UnknownOc001(text.to_owned())),
        }
    }
}

impl fmt::Display for Oc001 {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Oc001::Cached => "cached",
            Oc001::Any => "any",
        })
    }
}
