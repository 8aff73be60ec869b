//! Gives advice on syntax errors: the most likely mistake.
//!
//! Input: the tokens, and the place of the syntax error that PostgreSQL reports. Output: advice, or `None`. The advice
//! does not change the error or its place.

use super::super::keyword::{Class, Keyword as K};
use super::super::lexer::Lexed;
use super::super::token::{Token, TokenKind};
use crate::source::Span;

/// The advice on a syntax error at a place.
pub(super) fn advice(text: &str, lexed: &Lexed, place: Span) -> Option<String> {
    let tokens = lexed.tokens.as_slice();
    let at = tokens.partition_point(|token| token.span.start < place.start);
    let before = |count: usize| at.checked_sub(count).and_then(|at| tokens.get(at));
    let token = tokens.get(at)?;
    let written = token.span.text(text);
    let previous = before(1)?;
    let second = before(2);
    // The tokens of this statement before the error. This is a closure, because only the last kinds of advice below
    // need these tokens.
    let own = || {
        let before = tokens.get(..at)?;
        let start = before.iter().rposition(|token| token.kind == TokenKind::Symbol(b';'));
        before.get(start.map_or(0, |semicolon| semicolon + 1)..)
    };
    quote_in_text(text, token, previous)
        .or_else(|| foreign_quotes(text, tokens, at))
        .or_else(|| colon_name(text, token, tokens.get(at + 1), lexed.script))
        .or_else(|| question_mark(token, previous))
        .or_else(|| trailing_comma(text, token, previous))
        .or_else(|| reserved_word(text, token, previous))
        .or_else(|| other_dialect(text, token, previous, second))
        .or_else(|| needs_parentheses(text, token, previous))
        .or_else(|| unfinished(text, token, previous))
        .or_else(|| half_a_construct(token, own()?))
        .or_else(|| {
            let missing = missing_comma(token, previous, second) && has_lists(own()?);
            missing.then(|| format!("a comma may be missing before {written}"))
        })
}

/// `'it's'`.
fn quote_in_text(text: &str, token: &Token, previous: &Token) -> Option<String> {
    let beside = previous.span.end == token.span.start && matches!(previous.kind, TokenKind::String(_));
    let string = previous.span.text(text).trim_end_matches('\'');
    beside.then(|| format!("double a quote inside a string: {string}''{}…", token.span.text(text)))
}

/// `` `name` ``.
fn foreign_quotes(text: &str, tokens: &[Token], at: usize) -> Option<String> {
    let is_backtick = |token: &Token| token.span.text(text).contains('`');
    let near = tokens.get(at.saturating_sub(3)..(at + 2).min(tokens.len()))?;
    near.iter().any(is_backtick).then(|| "names are quoted with \"…\", not with backticks".to_owned())
}

/// `:name`: a parameter in other libraries, or a psql variable in a script.
fn colon_name(text: &str, token: &Token, next: Option<&Token>, is_script: bool) -> Option<String> {
    let next = next.filter(|_| token.kind == TokenKind::Symbol(b':'))?;
    let name = next.span.text(text);
    match next.kind {
        TokenKind::Identifier(_) | TokenKind::Keyword(_) if is_script => {
            Some(format!("psql variables are not supported: write the value in place of :{name}"))
        }
        TokenKind::Identifier(_) | TokenKind::Keyword(_) => {
            Some(format!("a parameter is written ${name}, not :{name}"))
        }
        _ => None,
    }
}

/// `?`
fn question_mark(token: &Token, previous: &Token) -> Option<String> {
    let question = |token: &Token| matches!(&token.kind, TokenKind::Operator(name) if name == "?");
    (question(token) || question(previous)).then(|| "a parameter is written $name or $1, not ?".to_owned())
}

/// `SELECT a, FROM t`.
fn trailing_comma(text: &str, token: &Token, previous: &Token) -> Option<String> {
    let ends = match &token.kind {
        TokenKind::Keyword(keyword) => starts_a_clause(*keyword),
        TokenKind::Symbol(b')') | TokenKind::End => true,
        _ => false,
    };
    (ends && previous.kind == TokenKind::Symbol(b',')).then(|| match token.kind {
        TokenKind::End => "remove the comma at the end".to_owned(),
        _ => format!("remove the comma before {}", token.span.text(text)),
    })
}

fn starts_a_clause(keyword: K) -> bool {
    matches!(
        keyword,
        K::From
            | K::Where
            | K::Group
            | K::Having
            | K::Order
            | K::Limit
            | K::Offset
            | K::Union
            | K::Returning
            | K::Values
            | K::Set
            | K::On
    )
}

/// A reserved word, which can be a name only in quotes.
fn reserved_word(text: &str, token: &Token, previous: &Token) -> Option<String> {
    let quoted = |token: &Token| {
        let written = token.span.text(text);
        Some(format!("{written} is a reserved word: as a name it is written \"{}\"", written.to_lowercase()))
    };
    // `SELECT order FROM t`: the grammar expects BY here.
    if matches!(previous.kind, TokenKind::Keyword(K::Order | K::Group)) {
        return quoted(previous);
    }
    let TokenKind::Keyword(keyword) = token.kind else { return None };
    let name_expected = matches!(
        previous.kind,
        TokenKind::Symbol(b',' | b'.' | b'(')
            | TokenKind::Keyword(
                K::Select | K::From | K::Join | K::Into | K::Update | K::Set | K::By | K::As | K::Table
            )
    );
    let is_reserved = keyword.class() == Class::Reserved;
    (name_expected && is_reserved && !matches!(keyword, K::From | K::Where | K::Select))
        .then(|| quoted(token))?
}

/// Syntax of other databases.
fn other_dialect(text: &str, token: &Token, previous: &Token, second: Option<&Token>) -> Option<String> {
    let word = |token: &Token| token.span.text(text).to_ascii_lowercase();
    let (here, last) = (word(token), word(previous));
    let advice = match (last.as_str(), here.as_str()) {
        ("top", _) if second.is_some_and(|second| word(second) == "select") => {
            "write LIMIT at the end of the query"
        }
        ("delete", _) => return Some(format!("write DELETE FROM {}", token.span.text(text))),
        (_, "contains") => "write = ANY (…) for an element of an array, LIKE '%…%' for a part of a string",
        (_, "set") if second.is_some_and(|second| word(second) == "into") => {
            "write INSERT INTO … (columns) VALUES (values)"
        }
        ("like" | "ilike", "%" | "_") => "write a pattern as a string in single quotes: LIKE '%…%'",
        ("on", "duplicate") => "write ON CONFLICT (key) DO UPDATE SET column = excluded.column",
        (_, "regexp" | "rlike") => "write ~ for a regular expression",
        (_, "like" | "in") if last == "is" => "write it without IS",
        ("is", _) => "IS is for NULL, TRUE, FALSE and DISTINCT FROM; to compare values write =",
        ("interval", _) => "the value of an interval is quoted: interval '7 days'",
        _ => return None,
    };
    Some(advice.to_owned())
}

/// `IN tags`, `EXISTS SELECT`, `VALUES 1, 2`.
fn needs_parentheses(text: &str, token: &Token, previous: &Token) -> Option<String> {
    let written = token.span.text(text);
    match previous.kind {
        TokenKind::Keyword(K::In)
            if matches!(token.kind, TokenKind::Parameter(_) | TokenKind::Identifier(_)) =>
        {
            Some(format!("write = ANY ({written}) for an array, IN (…) for a list"))
        }
        TokenKind::Keyword(keyword @ (K::Exists | K::In | K::Values | K::Any | K::All)) => {
            Some(format!("{} takes parentheses", keyword.text().to_uppercase()))
        }
        _ => None,
    }
}

/// The statement ends, or the next clause begins, where an operand is missing.
fn unfinished(text: &str, token: &Token, previous: &Token) -> Option<String> {
    let ends = match token.kind {
        TokenKind::End => true,
        TokenKind::Keyword(keyword) => starts_a_clause(keyword),
        _ => false,
    };
    let waits = match &previous.kind {
        TokenKind::Keyword(keyword) => matches!(
            keyword,
            K::And
                | K::Or
                | K::Not
                | K::Where
                | K::Having
                | K::On
                | K::By
                | K::Set
                | K::From
                | K::Join
                | K::Select
                | K::Like
        ),
        TokenKind::Symbol(symbol) => matches!(symbol, b'=' | b'<' | b'>' | b'+' | b'-' | b'*' | b'/'),
        TokenKind::NotEquals | TokenKind::LessEquals | TokenKind::GreaterEquals | TokenKind::Operator(_) => {
            true
        }
        _ => false,
    };
    (ends && waits).then(|| format!("something is missing after {}", previous.span.text(text)))
}

/// `a JOIN b` without its condition, `BETWEEN a` without its second bound.
fn half_a_construct(token: &Token, before: &[Token]) -> Option<String> {
    let ends = match token.kind {
        TokenKind::End | TokenKind::Symbol(b')') => true,
        TokenKind::Keyword(keyword) => starts_a_clause(keyword),
        _ => false,
    };
    let words = before.iter().rev().filter_map(|token| match token.kind {
        TokenKind::Keyword(keyword) => Some(keyword),
        _ => None,
    });
    let mut last = words.skip_while(|it| {
        !matches!(it, K::Join | K::On | K::Using | K::Between | K::And | K::Where | K::From)
    });
    let advice = match last.next().filter(|_| ends)? {
        K::Join if !matches!(last.next(), Some(K::Cross | K::Natural)) => "a JOIN needs ON or USING",
        K::Between => "BETWEEN takes two bounds: BETWEEN … AND …",
        _ => return None,
    };
    Some(advice.to_owned())
}

/// `a b c`: two adjacent names are a name and its alias, but a third name is an error.
fn missing_comma(token: &Token, previous: &Token, second: Option<&Token>) -> bool {
    let constant = |token: &Token| {
        matches!(
            token.kind,
            TokenKind::String(_) | TokenKind::Integer(_) | TokenKind::Numeric(_) | TokenKind::Parameter(_)
        )
    };
    let operand = |token: &Token| constant(token) || is_name(token);
    let after_alias = is_name(previous) && second.is_some_and(operand);
    operand(token) && (after_alias || constant(previous))
}

/// Whether the statement that begins with these tokens can contain a list; transaction statements cannot.
fn has_lists(before: &[Token]) -> bool {
    let statement = before.rsplit(|token| token.kind == TokenKind::Symbol(b';')).next().unwrap_or_default();
    let mut words = statement.iter().map(|token| &token.kind);
    match words.next() {
        Some(TokenKind::Keyword(K::Prepare)) => words.next() != Some(&TokenKind::Keyword(K::Transaction)),
        Some(TokenKind::Keyword(first)) => {
            !matches!(first, K::Abort | K::Commit | K::End | K::Release | K::Rollback | K::Savepoint)
        }
        _ => true,
    }
}

/// A word that can be a name without quotes.
fn is_name(token: &Token) -> bool {
    match token.kind {
        TokenKind::Identifier(_) => true,
        TokenKind::Keyword(keyword) => matches!(keyword.class(), Class::Unreserved | Class::ColumnName),
        _ => false,
    }
}
