//! Checks one statement: by the rules of DSQL, for transaction control, and by parse analysis.
//!
//! Input: the schema, the SQL, and its tokens; for SQL with optional text, the tokens of one combination. Output: the
//! typed query, or all errors, in PostgreSQL's order.

use crate::diagnostic::{Diagnostic, Diagnostics, Stage, quotation};
use crate::schema::{Dialect, Schema};
use crate::source::Span;
use crate::syntax::{Lexed, Parsed, ParsedStatement};
use crate::typed::TypedQuery;
use crate::{analyze, dsql, transaction_control};

/// Compiles one statement: `tokens` are the tokens of this statement, which is a part of `text`.
pub(crate) fn compile(text: &str, tokens: Lexed, schema: &Schema) -> Result<TypedQuery, Diagnostics> {
    let parsed = Parsed::of_tokens(text, tokens)?;
    let statement = parsed.only()?;
    let (rejected, uncertain) = rejected_by_dsql(statement, schema);
    let is_whole = rejected.iter().any(|finding| finding.whole);
    let is_exempt = is_whole || analyze::keeps_transaction(statement, schema);
    if let Some(control) = transaction_control::error(statement).filter(|_| !is_exempt) {
        let elsewhere = rejected.into_iter().map(|finding| finding.diagnostic);
        let elsewhere = elsewhere.filter(|error| error.span.start != control.span.start);
        return Err([control.clone()].into_iter().chain(elsewhere).collect());
    }
    let query = match analyze::analyze(statement, schema) {
        _ if is_whole => Err(Diagnostics::new()),
        Ok(mut query) if rejected.is_empty() => {
            query.warnings.extend(uncertain);
            return Ok(query);
        }
        Ok(query) => Err(query.warnings.into_iter().collect()),
        Err(errors) => Err(errors),
    };
    query.map_err(|errors| {
        // DSQL rejects a statement after parse analysis, and before anything runs.
        let (at_run_time, mut all): (Vec<_>, Vec<_>) =
            errors.into_iter().partition(|error| error.stage == Stage::Dialect);
        // If a violation of a rule and an analysis error begin at the same position, only the violation is reported.
        let has_rule = |span: Span| rejected.iter().any(|it| it.diagnostic.span.start == span.start);
        all.retain(|error| !has_rule(error.span));
        all.extend(rejected.into_iter().map(|finding| finding.diagnostic));
        all.extend(at_run_time);
        for error in &mut all {
            quotation::quote(error, text, &parsed.tokens.captures);
        }
        all.into_iter().collect()
    })
}

/// Returns the rules of DSQL that the statement breaks: first those that are errors, then the warnings. Both lists are
/// empty for PostgreSQL. A rule without a supporting answer from a cluster gives a warning, which does not stop a
/// build.
fn rejected_by_dsql(
    statement: ParsedStatement<'_>,
    schema: &Schema,
) -> (Vec<dsql::Finding>, Vec<Diagnostic>) {
    if schema.dialect == Dialect::Postgres {
        return (Vec::new(), Vec::new());
    }
    let found = dsql::findings_within(statement, schema);
    let (rejected, mut uncertain): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|finding| finding.diagnostic.is_error());
    // A rule that does not reject describes only a difference between DSQL and PostgreSQL, so it is not reported here.
    uncertain.retain(|finding| finding.rule.rejects());
    (rejected, uncertain.into_iter().map(|finding| finding.diagnostic).collect())
}
