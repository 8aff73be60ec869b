//! Finds the rules that one statement breaks by itself, including the rules that the statements inside this statement
//! break.
//!
//! Input: a statement with its text, and the schema, if known. Output: [`Finding`]s in DSQL's order. The statements in
//! the bodies of SQL functions are checked too: each statement by itself, and all statements of a body together, as
//! statements of one message.

use super::clauses::{drop_domain_cascade, function_body_depth, inner_depth};
use super::inside::{Unread, copied_query, explained, parsed_within, run, unread, within};
use super::words::Words;
use super::{
    Finding, Transactions, alter, ddl, functions, index, limits, named_functions, query, settings,
    statements, types,
};
use crate::Source;
use crate::diagnostic::{Code, Diagnostic};
use crate::schema::Schema;
use crate::source::Span;
use crate::syntax::ast::{CreateFunction, ObjectKind, StatementKind};
use crate::syntax::keyword::Keyword;
use crate::syntax::token::TokenKind;
use crate::syntax::{Parsed, ParsedStatement};

/// The maximum nesting depth of function bodies: a body may create a function, which has a body too.
const MOST_BODIES: usize = 8;

/// Returns a finding for each rule that a statement breaks by itself, in DSQL's order.
pub fn findings(statement: ParsedStatement<'_>, schema: Option<&Schema>) -> Vec<Finding> {
    findings_inside(statement, schema, 0)
}

/// Does the same as [`findings`] for a statement that is inside the bodies of `level` functions.
fn findings_inside(statement: ParsedStatement<'_>, schema: Option<&Schema>, level: usize) -> Vec<Finding> {
    let mut out = Vec::new();
    match &statement.kind {
        // Most statements are queries, and the words of a query do not have to be checked.
        StatementKind::Query(query) => out.extend(query::into(query)),
        StatementKind::Update(_) | StatementKind::Delete(_) => {}
        StatementKind::Insert(insert) => limits::inserted(insert, &mut out),
        StatementKind::Merge(merge) => {
            return vec![Finding { whole: true, ..statements::merge.at(merge.span) }];
        }
        _ => {
            let words = Words::of(statement);
            if let Some(finding) = statements::refused(&words) {
                let whole = Finding { whole: true, ..finding };
                // If a rule only gives a warning, DSQL may accept the statement, so the other rules apply too.
                if whole.diagnostic.is_error() {
                    return vec![whole];
                }
                out.push(whole);
            }
            by_kind(statement, &words, schema, &mut out);
            if let StatementKind::CreateFunction(function) = &statement.kind {
                body(function, statement, level, &mut out);
            }
        }
    }
    // The elements of CREATE SCHEMA are statements; each of them is checked separately.
    if !matches!(statement.kind, StatementKind::CreateSchema(_)) {
        query::queries(statement, schema, &mut out);
    }
    named_functions::named(statement, &mut out);
    let errors = out.iter().any(|finding| finding.diagnostic.is_error());
    match out.iter().position(|finding| finding.whole && finding.diagnostic.is_error() == errors) {
        Some(whole) => vec![out.swap_remove(whole)],
        None => {
            out.retain(|finding| !finding.whole);
            out
        }
    }
}

/// Returns the [`findings`], and a finding for each column type that does not exist in a completely known schema.
pub fn findings_within(statement: ParsedStatement<'_>, schema: &Schema) -> Vec<Finding> {
    let mut out = findings(statement, Some(schema));
    if !out.iter().any(|finding| finding.whole) {
        ddl::unknown_types(&statement.kind, schema, &mut out);
    }
    out
}

fn by_kind(
    statement: ParsedStatement<'_>,
    words: &Words<'_>,
    schema: Option<&Schema>,
    out: &mut Vec<Finding>,
) {
    let whole = |finding| Finding { whole: true, ..finding };
    match &statement.kind {
        StatementKind::CreateTable(table) => ddl::table(table, words, schema, out),
        StatementKind::CreateTableAs(table) => out.push(whole(ddl::table_as(table, words))),
        StatementKind::CreateView(view) => ddl::view(view, words, out),
        StatementKind::CreateIndex(index) => index::index(index, words, schema, out),
        StatementKind::CreateSequence(sequence) => ddl::sequence(sequence, statement.span, words, out),
        StatementKind::CreateType(new) => out.push(whole(ddl::new_type(new, words))),
        StatementKind::CreateFunction(function) => ddl::function(function, words, out),
        StatementKind::Drop(drop) if drop.object == ObjectKind::Domain && drop.cascade => {
            out.push(drop_domain_cascade.at(statement.span));
        }
        StatementKind::CreateDomain(domain) => {
            out.extend(ddl::temporary_object("CREATE DOMAIN", &domain.name));
            out.extend(types::domain(&domain.type_name));
        }
        StatementKind::CreateSchema(created) => {
            limits::schemas_of(created, schema, words.span_of(2), out);
            for element in &created.elements {
                out.extend(findings(ParsedStatement { tree: element, ..statement }, schema));
            }
        }
        StatementKind::AlterTable(table) => alter::alter(table, statement.span, words, schema, out),
        StatementKind::Set(set) => out.extend(settings::set(set, words)),
        StatementKind::Utility("EXPLAIN") => {
            inner(explained(statement), schema, out);
            // EXPLAIN without ANALYZE does not write rows, so DSQL's limit of rows per transaction does not apply.
            if run(statement).is_none() {
                out.retain(|finding| finding.rule.id != limits::rows.id);
            }
        }
        StatementKind::Utility("COPY") => inner(copied_query(statement), schema, out),
        StatementKind::Utility("CALL") => out.extend(functions::procedure(words)),
        StatementKind::Transaction(_) | StatementKind::Utility(_) => {
            out.extend(settings::passed_over(words));
        }
        _ => {}
    }
}

/// Adds the findings of a statement that is inside another statement, such as EXPLAIN.
fn inner(read: Result<Parsed<'_>, Unread>, schema: Option<&Schema>, out: &mut Vec<Finding>) {
    match read {
        Ok(inner) => out.extend(inner.iter().flat_map(|inner| findings(inner, schema))),
        Err(Unread::TooComplex(place, limit)) => out.push(inner_depth.at(place).detailed(limit)),
        Err(Unread::Rejected(_)) => {}
    }
}

/// Adds the findings of the statements in a function's body. `level` is the number of functions whose bodies contain
/// this function.
fn body(function: &CreateFunction, statement: ParsedStatement<'_>, level: usize, out: &mut Vec<Finding>) {
    if function.aggregate.is_some() || function.language.as_deref().is_some_and(|it| it != "sql") {
        return;
    }
    let words = Words::of(statement);
    if let Some(at) = words.position_of_body() {
        let Some(body) = words.string(at) else { return };
        let place = words.span(at);
        let source = Source::numbered(body);
        let read = if level < MOST_BODIES {
            Parsed::script(&source)
        } else {
            let limit = format!("bodies of functions nest deeper than {MOST_BODIES} levels");
            Err(Diagnostic::error(Code::TooComplex, place, limit))
        };
        match read {
            Ok(parsed) => {
                let mut inside = Vec::new();
                statements_of(&parsed, level, &mut inside);
                out.extend(inside.into_iter().map(|finding| Finding { fix: None, ..finding.placed(place) }));
            }
            Err(error) if error.code == Code::TooComplex => {
                out.push(function_body_depth.at(place).detailed(error.message));
            }
            Err(_) => {}
        }
    } else {
        match unquoted_body(&words, statement) {
            Ok(parsed) => statements_of(&parsed, level, out),
            Err(Unread::TooComplex(place, limit)) => out.push(function_body_depth.at(place).detailed(limit)),
            Err(Unread::Rejected(_)) => {}
        }
    }
}

/// Returns the statements of `BEGIN ATOMIC …; END`, or the expression of `RETURN expression`, parsed as a SELECT.
fn unquoted_body<'p>(words: &Words<'_>, statement: ParsedStatement<'p>) -> Result<Parsed<'p>, Unread> {
    let mut depth = 0usize;
    let mut first = None;
    for at in 0..words.len() {
        match words.at(at) {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            "RETURN" if depth == 0 => {
                first = Some((at, statement.span.end));
                break;
            }
            "ATOMIC" if depth == 0 && words.at(at - 1) == "BEGIN" => {
                first = Some((at + 1, words.span(words.len() - 1).start));
                break;
            }
            _ => {}
        }
    }
    let (first, end) = first.ok_or_else(|| unread(statement, statement.span))?;
    let part = Span { start: words.span(first).start, end };
    let mut within = within(statement.tokens, part);
    let mut begins = true;
    for token in &mut within.tokens {
        if begins && token.kind == TokenKind::Keyword(Keyword::Return) {
            token.kind = TokenKind::Keyword(Keyword::Select);
        }
        begins = token.kind == TokenKind::Symbol(b';');
    }
    parsed_within(statement, within, part)
}

/// Checks each statement of a body, and then whether all of them together are allowed in one message.
fn statements_of(body: &Parsed<'_>, level: usize, out: &mut Vec<Finding>) {
    let mut transaction = Transactions::new();
    transaction.message(body.statements.len());
    for statement in body.iter() {
        out.extend(findings_inside(statement, None, level + 1));
        out.extend(settings::of_session(&statement.kind, &Words::of(statement)));
        out.extend(transaction.next(statement));
    }
}
