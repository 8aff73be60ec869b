//! Checks SQL against a schema and turns it into Rust.
//!
//! Pure: SQL and a schema in, a typed query or diagnostics out. It never reads a file, never opens a
//! connection, and knows nothing of `proc_macro`.

pub mod analyze;
pub mod builtin;
mod combinations;
pub mod diagnostic;
pub mod dsql;
pub mod emit;
pub mod fields;
pub mod ident;
mod many;
pub mod schema;
mod session_effect;
pub mod source;
pub mod sql_type;
pub mod syntax;
pub mod transaction_control;
pub mod typed;
mod unchecked;
pub mod volatility;

pub use schema::Schema;
pub use source::Source;
pub use typed::TypedQuery;
pub use unchecked::unchecked_effects;

use diagnostic::Diagnostics;
use source::Span;
use syntax::{Lexed, Parsed, ParsedStatement};

/// Checks one statement against a schema.
///
/// # Errors
///
/// Everything that is wrong with it, in the order in which PostgreSQL would meet it; of syntax errors
/// there is only one.
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
    if tokens.pieces.is_empty() {
        compile_tokens(source, tokens, schema)
    } else {
        combinations::compile(source, &tokens, schema)
    }
}

fn compile_tokens(source: &Source, tokens: Lexed, schema: &Schema) -> Result<TypedQuery, Diagnostics> {
    let parsed = Parsed::of_tokens(&source.text, tokens)?;
    let statement = parsed.only()?;
    let rejected = rejected_by_dsql(statement, schema);
    let is_whole = rejected.iter().any(|finding| finding.whole);
    if let Some(control) = transaction_control::error(statement).filter(|_| !is_whole) {
        let elsewhere = rejected.into_iter().map(|finding| finding.diagnostic);
        let elsewhere = elsewhere.filter(|error| error.span.start != control.span.start);
        return Err([control.clone()].into_iter().chain(elsewhere).collect());
    }
    let query = match analyze::analyze(statement, schema) {
        _ if is_whole => Err(Diagnostics::new()),
        Ok(query) if rejected.is_empty() => return Ok(query),
        Ok(query) => Err(query.warnings.into_iter().collect()),
        Err(errors) => Err(errors),
    };
    query.map_err(|errors| {
        // DSQL rejects a statement after parse analysis, and before anything runs.
        let (at_run_time, mut all): (Vec<_>, Vec<_>) =
            errors.into_iter().partition(|error| error.stage == diagnostic::Stage::Dialect);
        // If a rule of DSQL and an analysis error are about the same place, only the rule is reported.
        let has_rule = |span: Span| rejected.iter().any(|it| it.diagnostic.span.start == span.start);
        all.retain(|error| !has_rule(error.span));
        all.extend(rejected.into_iter().map(|finding| finding.diagnostic));
        all.extend(at_run_time);
        let mut all: Diagnostics = all.into_iter().collect();
        all.quote(&source.text, &parsed.tokens.captures);
        all
    })
}

/// The rules of DSQL that the statement breaks; for PostgreSQL none.
fn rejected_by_dsql(statement: ParsedStatement<'_>, schema: &Schema) -> Vec<dsql::Finding> {
    if schema.dialect == schema::Dialect::Postgres {
        return Vec::new();
    }
    let mut found = dsql::findings_within(statement, schema);
    // A rule that no cluster was seen to apply does not stop a build.
    found.retain(|finding| finding.diagnostic.is_error());
    found
}

/// What is known of a wrong statement: the columns and parameters that resolve nevertheless, with all optional text.
/// `None` if the statement does not parse.
pub fn compile_partly(source: &Source, schema: &Schema) -> Option<TypedQuery> {
    let tokens = syntax::lex(source);
    let all = vec![true; tokens.pieces.len()];
    let (tokens, _) = syntax::optional_text::combination(&tokens, &all);
    let parsed = Parsed::of_tokens(&source.text, tokens).ok()?;
    Some(analyze::analyze_partly(parsed.only().ok()?, schema))
}
