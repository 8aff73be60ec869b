//! Checks SQL against a schema and turns it into Rust.
//!
//! Pure: SQL and a schema in, a typed query or diagnostics out. It never reads a file, never opens a
//! connection, and knows nothing of `proc_macro`.

pub mod builtin;
pub mod diagnostic;
pub mod source;
pub mod syntax;
