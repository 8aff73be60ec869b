//! Checks SQL against a schema and turns it into Rust.
//!
//! Input: SQL and a schema. Output: a typed query or diagnostics. The crate does not read files and does not open
//! connections, and runs inside and outside of macros.

extern crate proc_macro;

pub mod analyze;
mod batches;
pub mod builtin;
mod combinations;
pub mod diagnostic;
pub mod dsql;
mod elsewhere;
pub mod emit;
pub mod fields;
pub mod ident;
mod many;
mod one_text;
mod own_stack;
pub mod schema;
pub mod session_effect;
pub mod source;
pub mod sql_type;
pub mod syntax;
pub mod transaction_control;
pub mod typed;
mod unchecked;
pub mod volatility;

pub use batches::compile_in_batches;
pub use schema::Schema;
pub use source::Source;
pub use typed::{Batches, TypedQuery};
pub use unchecked::unchecked_effects;

use diagnostic::Diagnostics;
use own_stack::on_stack_for;
use syntax::Parsed;

/// Checks one statement against a schema.
///
/// # Errors
///
/// Returns all errors, in the order in which PostgreSQL would find them. If the query has several syntax errors,
/// `compile` returns only the first.
///
/// ```
/// use dsql_edge_compiler::{Schema, Source, compile};
///
/// let schema = Schema::parse("CREATE TABLE posts (id int PRIMARY KEY, title text)").unwrap();
/// let query = compile(&Source::numbered("SELECT title FROM posts WHERE id = $1"), &schema).unwrap();
/// assert_eq!(query.parameters[0].sql_type.name, "int4");
/// assert!(query.columns[0].nullable);
///
/// let wrong = compile(&Source::numbered("SELECT titel FROM posts"), &schema).unwrap_err();
/// assert_eq!(wrong.iter().next().unwrap().message, "column \"titel\" does not exist");
/// ```
pub fn compile(source: &Source, schema: &Schema) -> Result<TypedQuery, Diagnostics> {
    let tokens = syntax::lex(source);
    on_stack_for(tokens.levels().saturating_add(schema.nesting()), || {
        if let Some(error) = tokens.mixed_placeholders(&source.text) {
            return Err(error.into());
        }
        if tokens.pieces.is_empty() {
            one_text::compile(&source.text, tokens, schema)
        } else {
            combinations::compile(source, &tokens, schema)
        }
    })
}

/// Analyzes a statement that may have errors, with all optional text, and returns the columns and parameters that could
/// be resolved. Returns `None` if the text does not parse, or is not exactly one statement.
pub fn compile_partly(source: &Source, schema: &Schema) -> Option<TypedQuery> {
    let tokens = syntax::lex(source);
    on_stack_for(tokens.levels().saturating_add(schema.nesting()), || {
        let all = vec![true; tokens.pieces.len()];
        let (tokens, _) = syntax::optional_text::combination(&tokens, &all);
        let parsed = Parsed::of_tokens(&source.text, tokens).ok()?;
        Some(analyze::analyze_partly(parsed.only().ok()?, schema))
    })
}
