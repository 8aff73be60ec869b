//! `sql!`, `sql_file!` and `sql_unchecked!`: the thin shell around the compiler.
//!
//! In: tokens. Out: tokens. This is the only crate that names `proc_macro`, and the only one at build
//! time that reads files: the schema snapshot, and SQL that stands in one. All checking is `dsql_edge_compiler`'s.

mod arguments;
mod check;
mod directive;
mod expand;
mod functions;
mod row_attributes;
mod row_input;
mod snapshot;
mod source_map;
mod text;
mod unchecked;
mod warnings;

use proc_macro::TokenStream;

// What each of them takes is documented where people find it, in `dsql_edge`.

/// A query that is checked when it is compiled; or query functions.
#[proc_macro]
pub fn sql(tokens: TokenStream) -> TokenStream {
    expand::sql(tokens.into()).into()
}

/// A query that stands in a file.
#[proc_macro]
pub fn sql_file(tokens: TokenStream) -> TokenStream {
    expand::sql_file(tokens.into()).into()
}

/// A query of which only the syntax is checked.
#[proc_macro]
pub fn sql_unchecked(tokens: TokenStream) -> TokenStream {
    unchecked::sql_unchecked(tokens.into()).into()
}
