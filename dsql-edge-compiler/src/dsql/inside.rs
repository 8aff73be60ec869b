//! Statements inside of other statements: those of COPY and EXPLAIN, and those of a function's body.
//!
//! Input: the statement around them. Output: the statements, with the tokens that they were read from; or what is wrong
//! with a body. A text that cannot be read gives none: PostgreSQL rejects it in its own words.

use super::clauses::function_body_depth;
use super::settings;
use super::words::Words;
use super::{Finding, Transactions};
use crate::Source;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{CreateFunction, Name, QualifiedName, StatementKind};
use crate::syntax::keyword::Keyword;
use crate::syntax::token::{Token, TokenKind};
use crate::syntax::{Lexed, Parsed, ParsedStatement};

/// Functions that create functions, one inside of another.
const MOST_BODIES: usize = 8;

/// What COPY copies.
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
        let end = words.closing(1)?;
        let inside = Span { start: words.span(2).start, end: words.span(end).start };
        return Some(Copied::Query(Box::new(one_within(statement, inside)?)));
    }
    let tokens = within(statement.tokens, statement.span).tokens;
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

/// The statement behind EXPLAIN, its places those of the whole text.
pub(super) fn explained(statement: ParsedStatement<'_>) -> Option<Parsed<'_>> {
    let words = Words::of(statement);
    let mut at = behind_options(&words);
    while matches!(words.at(at), "ANALYZE" | "ANALYSE" | "VERBOSE") {
        at += 1;
    }
    // Nothing is explained, or an EXPLAIN, which PostgreSQL has no grammar for.
    if matches!(words.at(at), "" | "EXPLAIN") {
        return None;
    }
    one_within(statement, Span { start: words.span(at).start, end: statement.span.end })
}

/// The one statement in a part of the text.
fn one_within(statement: ParsedStatement<'_>, part: Span) -> Option<Parsed<'_>> {
    let inner = Parsed::of_tokens(statement.text, within(statement.tokens, part)).ok()?;
    inner.only().is_ok().then_some(inner)
}

/// The place behind EXPLAIN and its options in parentheses.
fn behind_options(words: &Words<'_>) -> usize {
    if words.at(1) != "(" || matches!(words.at(2), "SELECT" | "VALUES" | "WITH" | "TABLE" | "(") {
        return 1;
    }
    words.closing(1).map_or(1, |end| end + 1)
}

/// The statement that COPY or EXPLAIN runs: a query that is copied, or what EXPLAIN ANALYZE explains.
pub(super) fn run(statement: ParsedStatement<'_>) -> Option<Parsed<'_>> {
    match statement.kind {
        StatementKind::Utility("COPY") => match copied(statement)? {
            Copied::Query(query) => Some(*query),
            _ => None,
        },
        StatementKind::Utility("EXPLAIN") => {
            let words = Words::of(statement);
            let behind = behind_options(&words);
            let is = |at: usize| matches!(words.at(at), "ANALYZE" | "ANALYSE");
            // The last ANALYZE among the options counts.
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
            runs.then(|| explained(statement)).flatten()
        }
        _ => None,
    }
}

/// The tokens of a part of the text.
fn within(lexed: &Lexed, span: Span) -> Lexed {
    let inside = |token: &&Token| token.span.start >= span.start && token.span.start < span.end;
    let mut tokens: Vec<Token> = lexed.tokens.iter().filter(inside).cloned().collect();
    tokens.push(Token { kind: TokenKind::End, span: Span { start: span.end, end: span.end } });
    Lexed { tokens, ..Lexed::default() }
}

/// What is wrong with the statements of a function's body. `level` counts the functions that this one is created in.
pub(super) fn body(
    function: &CreateFunction,
    statement: ParsedStatement<'_>,
    level: usize,
    out: &mut Vec<Finding>,
) {
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
            Err(Diagnostic::error(Code::TooComplex, place, ""))
        };
        match read {
            Ok(parsed) => {
                let mut inside = Vec::new();
                statements_of(&parsed, level, &mut inside);
                out.extend(inside.into_iter().map(|finding| Finding { fix: None, ..finding.placed(place) }));
            }
            Err(error) if error.code == Code::TooComplex => out.push(function_body_depth.at(place)),
            Err(_) => {}
        }
    } else if let Some(parsed) = unquoted_body(&words, statement) {
        statements_of(&parsed, level, out);
    }
}

/// The statements of `BEGIN ATOMIC …; END`, or `RETURN expression`, which is read as SELECT.
fn unquoted_body<'p>(words: &Words<'_>, statement: ParsedStatement<'p>) -> Option<Parsed<'p>> {
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
    let (first, end) = first?;
    let mut within = within(statement.tokens, Span { start: words.span(first).start, end });
    let mut begins = true;
    for token in &mut within.tokens {
        if begins && token.kind == TokenKind::Keyword(Keyword::Return) {
            token.kind = TokenKind::Keyword(Keyword::Select);
        }
        begins = token.kind == TokenKind::Symbol(b';');
    }
    Parsed::of_tokens(statement.text, within).ok()
}

/// Each statement of a body, and all of them as statements of one message.
fn statements_of(body: &Parsed<'_>, level: usize, out: &mut Vec<Finding>) {
    let mut transaction = Transactions::new();
    transaction.message(body.statements.len());
    for statement in body.iter() {
        out.extend(super::findings_inside(statement, None, level + 1));
        out.extend(settings::of_session(&statement.kind, &Words::of(statement)));
        out.extend(transaction.next(statement));
    }
}
