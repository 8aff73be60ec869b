//! Parses SQL text into a syntax tree, by the grammar of PostgreSQL 16 and the additional forms of DSQL.
//!
//! Input: a [`Source`](crate::source::Source). Output: an [`ast`] in which every node has its span; or a syntax error
//! with the message and the position that PostgreSQL would report. The parser does not use a schema or types.

pub mod ast;
pub mod keyword;
mod lexer;
mod newer_clause;
pub mod optional_text;
mod parse;
mod parsed;
pub mod token;
mod undo;
pub mod visit;

pub(crate) use lexer::syntax_error_at;
pub use lexer::{Lexed, PsqlCommand, lex};
pub use newer_clause::newer_clause;
pub(crate) use parsed::prepare;
pub use parsed::{Parsed, ParsedStatement};
pub use undo::both_directions;
