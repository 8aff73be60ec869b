//! `sql!`, `sql_file!` and `sql_unchecked!`: the thin shell around the compiler.
//!
//! In: tokens. Out: tokens. This is the only crate that names `proc_macro`, and the only one at build
//! time that reads files: the schema snapshot, and SQL that stands in one. All checking is `dsql_edge_compiler`'s.

mod arguments;
mod check;
mod expand;
mod function_input;
mod functions;
mod input;
mod row_attributes;
mod row_input;
mod snapshot;
mod source_map;
mod text;
mod unchecked;
mod warnings;

use proc_macro::TokenStream;

/// Checks a query against the schema snapshot when it is compiled, and gives a query to run.
///
/// ```ignore
/// let category = "Methodology";
/// let tags = sql!("SELECT tag_name, usage_count FROM tag_master WHERE tag_category = $category")
///     .fetch_all(&dsql)
///     .await?; // Vec of { tag_name: String, usage_count: i32 }
/// ```
///
/// # Parameters
///
/// `$name` captures a variable in scope, by reference, as `format!` does; `name = expr` after the text
/// gives it another value. `$1`, `$2` take the arguments after the text in order. The two are not mixed.
/// An `Option` is taken where NULL means something there, and is an error elsewhere.
///
/// # Rows
///
/// `sql!("…")` makes a struct for the row: its fields are the columns, in Rust types, and a column that
/// is not proved NOT NULL is an `Option`. `sql!(Post, "…")` fills your own struct by field names. A
/// statement that returns no columns has only `execute`.
///
/// Overrides are written into the column's name: `AS "x!"` (never NULL; a NULL is then an error at run
/// time), `AS "x?"` (an `Option`), `AS "x: T"` (a Rust type of your own).
///
/// # Errors
///
/// What PostgreSQL would refuse is an error here, in its words, with the place in the SQL.
#[proc_macro]
pub fn sql(tokens: TokenStream) -> TokenStream {
    expand::sql(tokens.into()).into()
}

/// [`sql!`](macro@sql) with the SQL in a file, whose path is relative to `Cargo.toml`.
///
/// ```ignore
/// let top = sql_file!("queries/top.sql", limit = 10).fetch_all(&dsql).await?;
/// let top = sql_file!(Post, "queries/top.sql", limit = 10).fetch_all(&dsql).await?;
/// ```
///
/// # Errors
///
/// As of `sql!`, with line and column in the file.
#[proc_macro]
pub fn sql_file(tokens: TokenStream) -> TokenStream {
    expand::sql_file(tokens.into()).into()
}

/// The way out where `sql!` cannot follow: syntax and parameters are checked, the types are yours.
///
/// ```ignore
/// let posts = sql_unchecked!(Post { id: Uuid, title: Option<String> }, "SELECT id, title FROM posts WHERE id = $1", id)
///     .fetch_all(&dsql)
///     .await?;
/// ```
///
/// The fields name the columns in order. What the server describes is still compared with the Rust types
/// when the query runs: a difference is an error that names the column, never a misread. Without a row
/// (`sql_unchecked!("…", …)`) the statement can only be executed.
#[proc_macro]
pub fn sql_unchecked(tokens: TokenStream) -> TokenStream {
    unchecked::sql_unchecked(tokens.into()).into()
}
