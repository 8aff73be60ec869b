//! The error for SQL that is not a string literal.
//!
//! Input: the tokens at the position where the macro expects a string literal. Output: an error that describes what to
//! write instead.

use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Ident, Token};

/// The rule.
const RULE: &str = "sql! requires its SQL as a string literal, and values as parameters (`$name`): a value never becomes SQL text";

/// Returns the error if the input begins with a macro call such as `concat!(…)` or `&format!(…)`.
pub(crate) fn macro_call(input: ParseStream<'_>) -> Option<syn::Error> {
    let ahead = input.fork();
    ahead.parse::<Option<Token![&]>>().ok()?;
    let name = ahead.call(Ident::parse_any).ok()?;
    if !ahead.peek(Token![!]) || ahead.peek2(Token![=]) {
        return None;
    }
    let advice = match name.to_string().as_str() {
        "concat" => "join the pieces into one string literal, which may have several lines",
        "format" | "format_args" => {
            "write the text in a string literal, and `$name` in place of each `{…}` that is a value; for optional conditions, write `{? … }`"
        }
        "include_str" => "write `sql_file!(\"query.sql\")`, with a path relative to Cargo.toml",
        _ => "write the SQL in a string literal",
    };
    let message = format!("sql! reads its SQL before `{name}!` is expanded: {advice}");
    Some(syn::Error::new(name.span(), message))
}

/// Returns the error for `sql!(pub Row, "…")`.
pub(crate) fn declared_row(input: ParseStream<'_>) -> syn::Error {
    input.error(
        "an expression does not declare a row: leave out `pub` to fill a struct that exists; as an item, \
         `sql! { pub struct Row = \"…\"; }` declares the struct, and `sql! { pub fn name() -> pub Row = \"…\"; }` a query \
         function and its struct",
    )
}

/// Returns the error at the next token.
pub(crate) fn here(input: ParseStream<'_>) -> syn::Error {
    macro_call(input).unwrap_or_else(|| input.error(RULE))
}

/// Returns the error for a name instead of a literal, such as the name of a variable.
pub(crate) fn name(span: proc_macro2::Span) -> syn::Error {
    syn::Error::new(span, RULE)
}
