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
pub mod many;
pub mod schema;
mod session_effect;
pub mod source;
pub mod sql_type;
pub mod syntax;
pub mod transaction_control;
pub mod typed;
mod unchecked;

pub use schema::Schema;
pub use source::Source;
pub use typed::TypedQuery;
pub use unchecked::unchecked_effects;

use diagnostic::Diagnostics;

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
    let lexed = syntax::lex(source);
    if lexed.pieces.is_empty() {
        compile_tokens(source, &lexed, schema)
    } else {
        combinations::compile(source, &lexed, schema)
    }
}

fn compile_tokens(
    source: &Source,
    lexed: &syntax::Lexed,
    schema: &Schema,
) -> Result<TypedQuery, Diagnostics> {
    let statement = syntax::parse_statement(&source.text, lexed)?;
    let refusals = refusals(&statement, source, lexed, schema);
    let control = transaction_control::error(&statement, &source.text, lexed);
    if let Some(control) = control.filter(|_| !refusals.iter().any(|refusal| refusal.whole)) {
        let elsewhere = refusals.into_iter().map(|refusal| refusal.diagnostic);
        let elsewhere = elsewhere.filter(|refusal| refusal.span.start != control.span.start);
        return Err([control.clone()].into_iter().chain(elsewhere).collect());
    }
    let query = match analyze::analyze(&statement, schema) {
        _ if refusals.iter().any(|refusal| refusal.whole) => Err(Diagnostics::new()),
        Ok(mut query) if refusals.is_empty() => {
            query.session = query.session.max(session_effect::of_statement(&statement, &source.text, lexed));
            Ok(query)
        }
        Ok(query) => Err(query.warnings.into_iter().collect()),
        Err(errors) => Err(errors),
    };
    let query = query.map_err(|errors| {
        // DSQL refuses after parse analysis, and before anything runs.
        let (at_run_time, mut all): (Vec<_>, Vec<_>) =
            errors.into_iter().partition(|error| error.stage == diagnostic::Stage::Dialect);
        // What DSQL says of a place, it says instead.
        let said = |span: source::Span| refusals.iter().any(|it| it.diagnostic.span.start == span.start);
        all.retain(|error| !said(error.span));
        all.extend(refusals.into_iter().map(|refusal| refusal.diagnostic));
        all.extend(at_run_time);
        let mut all: Diagnostics = all.into_iter().collect();
        all.quote(&source.text, &lexed.captures);
        all
    })?;
    Ok(with_text(query, source, lexed))
}

/// What DSQL refuses of the statement; of PostgreSQL nothing.
fn refusals(
    statement: &syntax::ast::Statement,
    source: &Source,
    lexed: &syntax::Lexed,
    schema: &Schema,
) -> Vec<dsql::Finding> {
    if schema.dialect == schema::Dialect::Postgres {
        return Vec::new();
    }
    let mut found = dsql::findings_within(statement, &source.text, lexed, schema);
    // What nobody has seen DSQL refuse is no reason to stop a build.
    found.retain(|finding| finding.diagnostic.is_error());
    found
}

/// What is known of a statement that is wrong: the columns and parameters that resolved all the same, all
/// optional text in. Nothing, where the statement does not parse.
pub fn compile_partly(source: &Source, schema: &Schema) -> Option<TypedQuery> {
    let lexed = syntax::lex(source);
    let all = vec![true; lexed.pieces.len()];
    let (lexed, _) = syntax::optional_text::combination(&lexed, &all);
    let statement = syntax::parse_statement(&source.text, &lexed).ok()?;
    Some(with_text(analyze::analyze_partly(&statement, schema), source, &lexed))
}

fn with_text(mut query: TypedQuery, source: &Source, lexed: &syntax::Lexed) -> TypedQuery {
    for warning in &mut query.warnings {
        diagnostic::quotation::quote(warning, &source.text, &lexed.captures);
    }
    query.sql = text_to_send(&source.text, lexed, &query.edits);
    for (parameter, name) in query.parameters.iter_mut().zip(&lexed.captures) {
        parameter.name = Some(name.clone());
    }
    query
}

/// The text with every `$name` replaced by its number.
pub fn numbered_text(text: &str, lexed: &syntax::Lexed) -> String {
    text_to_send(text, lexed, &[])
}

fn text_to_send(text: &str, lexed: &syntax::Lexed, edits: &[(source::Span, String)]) -> String {
    let numbers = lexed.placeholders.iter().map(|(span, number)| (*span, format!("${number}")));
    edited(text, numbers.chain(lexed.edits.iter().chain(edits).cloned()).collect())
}

/// The text with pieces of it replaced.
fn edited(text: &str, mut pieces: Vec<(source::Span, String)>) -> String {
    pieces.sort_by_key(|(span, _)| span.start);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    // `SELECT *FROM t`: what the star becomes must not run into its neighbours.
    let mut add = |next: &str| {
        let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '"');
        if out.ends_with(word) && next.starts_with(word) {
            out.push(' ');
        }
        out.push_str(next);
    };
    for (span, piece) in pieces {
        add(text.get(at..span.start as usize).unwrap_or(""));
        add(&piece);
        at = span.end as usize;
    }
    add(text.get(at..).unwrap_or(""));
    out
}
