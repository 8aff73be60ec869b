//! .

pub mod builtin;
