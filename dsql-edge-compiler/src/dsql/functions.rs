//! Finds calls of functions that DSQL does not have, or that DSQL has only for some arguments.
//!
//! Input: a call. Output: the rule that the call breaks. The module checks only names without a schema and names in
//! `pg_catalog` and `sys`; a function in another schema is defined by the user.

use super::clauses::{
    call_subquery, denied_function, job_id, text_search, unsupported_function, wait_for_job_is_a_procedure,
};
use super::words::Words;
use super::{Finding, denied_functions, settings, types};
use crate::source::Span;
use crate::syntax::ast::{Expr, ExprKind, FunctionCall, Literal};

#[rustfmt::skip]
const REFUSED: &[(&str, &str)] = &[
    // function                         alternative
    ("pg_backend_pid",                  "a connection has no server process: identify it by application_name"),
    ("pg_advisory_lock",                LOCK),
    ("pg_advisory_lock_shared",         LOCK),
    ("pg_advisory_unlock",              LOCK),
    ("pg_advisory_unlock_all",          LOCK),
    ("pg_advisory_unlock_shared",       LOCK),
    ("pg_advisory_xact_lock",           LOCK),
    ("pg_advisory_xact_lock_shared",    LOCK),
    ("pg_try_advisory_lock",            LOCK),
    ("pg_try_advisory_lock_shared",     LOCK),
    ("pg_try_advisory_xact_lock",       LOCK),
    ("pg_try_advisory_xact_lock_shared", LOCK),
    ("inet_server_addr",                ADDRESS),
];

const LOCK: &str =
    "DSQL has no advisory locks: SELECT … FOR UPDATE a row of a lock table, and retry on 40001";
const ADDRESS: &str = "leave it out: DSQL does not show addresses";

/// Functions whose first argument is the name of a text search configuration if they have this number of arguments.
const TEXT_SEARCH: &[(&str, usize)] = &[
    ("to_tsvector", 2),
    ("to_tsquery", 2),
    ("plainto_tsquery", 2),
    ("phraseto_tsquery", 2),
    ("websearch_to_tsquery", 2),
    ("json_to_tsvector", 3),
    ("jsonb_to_tsvector", 3),
    ("ts_headline", 3),
    ("ts_headline", 4),
];

/// Returns a finding if a call breaks a rule.
pub(super) fn call(call: &FunctionCall) -> Option<Finding> {
    let name = call.name.name();
    match call.name.schema() {
        Some("sys") if name == "wait_for_job" => {
            return Some(wait_for_job_is_a_procedure.at(call.name.span()));
        }
        None | Some("pg_catalog") => {}
        Some(_) => return None,
    }
    if !denied_functions::uses_only_arguments(name, call.args.len())
        && let Some(finding) = by_name(name, call.name.span())
    {
        return Some(finding);
    }
    if name == "set_config"
        && let Some(setting) = call.args.first().and_then(|arg| text(&arg.value))
        && let Some(finding) = settings::changed(setting, call.name.span()).or_else(|| {
            let value = call.args.get(1).and_then(|arg| text(&arg.value))?;
            settings::not_boolean(setting, value, call.name.span())
        })
    {
        return Some(finding);
    }
    // `circle('<(0,0),1>')` is a cast.
    if let Some(finding) = types::value(name, call.name.span()) {
        return Some(finding);
    }
    let first = &call.args.first()?.value;
    // The last argument of `ts_headline(document, query, options)` is a string.
    let has_options =
        name == "ts_headline" && matches!(call.args.as_slice(), [_, _, last] if text(&last.value).is_some());
    let takes = TEXT_SEARCH.contains(&(name, call.args.len())) && !has_options;
    match &first.kind {
        ExprKind::Literal(Literal::String(name)) if takes => configuration(name, first),
        _ => None,
    }
}

/// Returns a finding if every call of a PostgreSQL function breaks a rule, independent of the arguments.
pub(super) fn by_name(name: &str, place: Span) -> Option<Finding> {
    if let Some((_, instead)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
        return Some(unsupported_function.naming(place, name).advising(*instead));
    }
    let (_, instead) = denied_functions::all().find(|(denied, _)| *denied == name)?;
    Some(denied_function.naming(place, name).advising(instead))
}

/// Returns a finding if `CALL` breaks a rule. The words are checked, because the parser skips the arguments of `CALL`.
pub(super) fn procedure(words: &Words<'_>) -> Option<Finding> {
    let mut depth = 0;
    for at in 1..words.len() {
        match words.at(at) {
            "(" if depth > 0 && matches!(words.at(at + 1), "SELECT" | "VALUES" | "WITH" | "TABLE") => {
                return Some(call_subquery.at(words.span(at)));
            }
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
    }
    words.begin_with("CALL SYS . WAIT_FOR_JOB ( ' )")?;
    let id = words.string(5)?;
    let letter = |it: u8| it.is_ascii_lowercase() || (b'2'..=b'7').contains(&it);
    let fits = id.len() == 26 && id.bytes().all(letter);
    (!fits).then(|| job_id.at(words.span(5)))
}

/// Returns a finding if a text search configuration, as in `'english'::regconfig`, is not `simple`.
pub(super) fn configuration(name: &str, place: &Expr) -> Option<Finding> {
    let plain = name.strip_prefix("pg_catalog.").unwrap_or(name);
    (plain != "simple").then(|| text_search.naming(place.span, name))
}

/// Returns the text of a literal, with or without a cast around it.
pub(super) fn text(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        ExprKind::Literal(Literal::String(text)) => Some(text),
        ExprKind::Cast { arg, .. } => text(arg),
        _ => None,
    }
}

/// Returns the functions that DSQL does not have, and the alternatives.
pub(super) fn refused() -> &'static [(&'static str, &'static str)] {
    REFUSED
}
