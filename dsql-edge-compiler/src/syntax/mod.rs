//! SQL text into a syntax tree: PostgreSQL 16's grammar, and DSQL's own forms.
//!
//! In: a [`Source`](crate::source::Source). Out: an [`ast`] whose every node knows its bytes, or the
//! one syntax error that PostgreSQL would report, at its place. It knows no schema and no types.

pub mod ast;
pub mod keyword;
mod lexer;
pub mod optional_text;
mod parse;
pub mod token;

pub use lexer::{Lexed, PsqlCommand, lex};
pub use parse::{parse_statement, parse_statements};
