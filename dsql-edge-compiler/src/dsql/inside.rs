//! Parses the statement inside COPY or EXPLAIN, and the call in a CALL statement.
//!
//! Input: the outer statement. Output: the inner statement with its tokens, or the call. SQL that cannot be parsed
//! yields `Unread::Rejected`: PostgreSQL rejects such SQL with its own message. SQL beyond a limit of the parser yields
//! `Unread::TooComplex`, because PostgreSQL may run it.

use super::words::Words;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{
    Expr, ExprKind, FunctionCall, Name, QualifiedName, QueryBody, Statement, StatementKind, Target,
};
use crate::syntax::keyword::Keyword;
use crate::syntax::token::{Token, TokenKind};
use crate::syntax::{Lexed, Parsed, ParsedStatement, syntax_error_at};

/// The reason why no statement was parsed.
pub(crate) enum Unread {
    /// The statement exceeds a limit of the parser: the span, and a description of the limit.
    TooComplex(Span, String),
    /// The inner statement is missing, or PostgreSQL rejects the inner statement with this error.
    Rejected(Box<Diagnostic>),
}

/// The source or target of COPY.
pub(super) enum Copied<'p> {
    /// `COPY table FROM`
    Into(QualifiedName),
    /// `COPY table TO`
    Table(QualifiedName),
    /// `COPY (query) TO`
    Query(Box<Parsed<'p>>),
}

pub(super) fn copied(statement: ParsedStatement<'_>) -> Option<Copied<'_>> {
    let words = Words::of(statement);
    if words.at(1) == "(" {
        return copied_query(statement).ok().map(|query| Copied::Query(Box::new(query)));
    }
    let tokens = statement.own_tokens();
    let binary = words.at(1) == "BINARY" && words.at(2) != "." && words.at(2) != "(";
    let first = if binary && !matches!(words.at(2), "FROM" | "TO") { 2 } else { 1 };
    let mut parts = Vec::new();
    let mut at = first;
    loop {
        let token = tokens.get(at)?;
        parts.push(Name { text: token.kind.name()?.to_owned(), span: token.span });
        if words.at(at + 1) != "." {
            break;
        }
        at += 2;
    }
    let table = QualifiedName { parts };
    let from = words.position(|word| word == "FROM" || word == "TO").is_some_and(|at| words.at(at) == "FROM");
    Some(if from { Copied::Into(table) } else { Copied::Table(table) })
}

/// Returns the query of `COPY (query) TO`.
pub(super) fn copied_query(statement: ParsedStatement<'_>) -> Result<Parsed<'_>, Unread> {
    let words = Words::of(statement);
    let end = if words.at(1) == "(" { words.closing(1) } else { None };
    let end = end.ok_or_else(|| unread(statement, words.span(1)))?;
    one_within(statement, Span { start: words.span(2).start, end: words.span(end).start })
}

/// Parses the statement after EXPLAIN; the spans are relative to the whole text.
pub(crate) fn explained(statement: ParsedStatement<'_>) -> Result<Parsed<'_>, Unread> {
    let words = Words::of(statement);
    let mut at = behind_options(&words);
    // Without parentheses, VERBOSE follows ANALYZE.
    for options in [&["ANALYZE", "ANALYSE"] as &[_], &["VERBOSE"]] {
        at += usize::from(behind_options(&words) == 1 && options.contains(&words.at(at)));
    }
    let end = Span { start: statement.span.end, end: statement.span.end };
    match words.at(at) {
        "" => return Err(unread(statement, end)),
        // PostgreSQL's grammar does not allow a second EXPLAIN here.
        "EXPLAIN" => return Err(unread(statement, words.span(at))),
        _ => {}
    }
    one_within(statement, Span { start: words.span(at).start, end: statement.span.end })
}

/// Returns the call of a CALL statement. PostgreSQL's grammar uses the rule for function calls here too, so the call is
/// parsed as `SELECT f(…)`.
pub(crate) fn called(statement: ParsedStatement<'_>) -> Result<FunctionCall, Unread> {
    let part = statement.span;
    let words = Words::of(statement);
    let mut open = 2;
    while words.at(open) == "." {
        open += 2;
    }
    let last = if words.at(open) == "(" { words.closing(open) } else { None };
    let next = last.map_or(open, |last| last + 1);
    if last.is_none() || next < words.len() {
        let end = Span { start: part.end, end: part.end };
        return Err(unread(statement, if next < words.len() { words.span(next) } else { end }));
    }
    let mut tokens = within(statement.tokens, part);
    if let Some(first) = tokens.tokens.first_mut() {
        first.kind = TokenKind::Keyword(Keyword::Select);
    }
    let inner = parsed_within(statement, tokens, part)?;
    let wrong = || unread(statement, Words::of(statement).span(1));
    let [Statement { kind: StatementKind::Query(query), .. }] = inner.statements.as_slice() else {
        return Err(wrong());
    };
    let QueryBody::Select(select) = &query.body else { return Err(wrong()) };
    match select.targets.as_slice() {
        [Target { expr: Expr { kind: ExprKind::Function(call), .. }, .. }] => Ok((**call).clone()),
        _ => Err(wrong()),
    }
}

/// Parses a part of the statement's text, which must contain exactly one statement.
fn one_within(statement: ParsedStatement<'_>, part: Span) -> Result<Parsed<'_>, Unread> {
    let inner = parsed_within(statement, within(statement.tokens, part), part)?;
    match inner.only() {
        Ok(_) => Ok(inner),
        Err(error) => Err(Unread::Rejected(Box::new(error))),
    }
}

/// Returns a syntax error at the span `at`.
pub(super) fn unread(statement: ParsedStatement<'_>, at: Span) -> Unread {
    Unread::Rejected(Box::new(syntax_error_at(at, statement.text)))
}

/// Parses `tokens`, which come from the part `part` of the statement's text; returns the statements in this part.
pub(super) fn parsed_within<'p>(
    statement: ParsedStatement<'p>,
    tokens: Lexed,
    part: Span,
) -> Result<Parsed<'p>, Unread> {
    Parsed::of_tokens(statement.text, tokens).map_err(|error| match error.code {
        Code::TooComplex => Unread::TooComplex(part, error.message),
        _ => Unread::Rejected(Box::new(error)),
    })
}

/// Returns the position after EXPLAIN and its options in parentheses.
fn behind_options(words: &Words<'_>) -> usize {
    if words.at(1) != "(" || matches!(words.at(2), "SELECT" | "VALUES" | "WITH" | "TABLE" | "(") {
        return 1;
    }
    words.closing(1).map_or(1, |end| end + 1)
}

/// Returns the statement that COPY or EXPLAIN runs: the query of COPY, or the statement of EXPLAIN ANALYZE.
pub(crate) fn run(statement: ParsedStatement<'_>) -> Option<Parsed<'_>> {
    match statement.kind {
        StatementKind::Utility("COPY") => match copied(statement)? {
            Copied::Query(query) => Some(*query),
            _ => None,
        },
        StatementKind::Utility("EXPLAIN") => {
            let words = Words::of(statement);
            let behind = behind_options(&words);
            let is = |at: usize| matches!(words.at(at), "ANALYZE" | "ANALYSE");
            // The last ANALYZE among the options takes effect.
            let option = (1..behind).rev().find(|at| is(*at));
            let runs = match option {
                Some(at) => {
                    let value = match words.string(at + 1) {
                        Some(value) => value.to_ascii_uppercase(),
                        None => words.at(at + 1).to_owned(),
                    };
                    !matches!(value.as_str(), "FALSE" | "OFF" | "0")
                }
                None => is(behind),
            };
            if runs { explained(statement).ok() } else { None }
        }
        _ => None,
    }
}

/// Returns those tokens of `lexed` that are in `span`, and an end token.
pub(super) fn within(lexed: &Lexed, span: Span) -> Lexed {
    let mut tokens = lexed.within(span).to_vec();
    tokens.push(Token { kind: TokenKind::End, span: Span { start: span.end, end: span.end } });
    Lexed { tokens, ..Lexed::default() }
}
