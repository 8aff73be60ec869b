//! Gives advice on parameters in the forms of other libraries (`:name`, `?`), and on parameters where SQL needs a name
//! or a keyword.
//!
//! Input: the place. Output: advice.

use super::super::super::keyword::Keyword as K;
use super::super::super::token::{Token, TokenKind};
use super::place::{Place, keyword};

pub(super) fn advice(place: &Place<'_>) -> Option<String> {
    colon_name(place)
        .or_else(|| question_mark(place))
        .or_else(|| percent(place))
        .or_else(|| at_sign(place))
        .or_else(|| not_a_value(place))
}

/// `:name`: a parameter in other libraries, or a psql variable in a script.
fn colon_name(place: &Place<'_>) -> Option<String> {
    let next = Some(place.next(1)).filter(|_| place.token().kind == TokenKind::Symbol(b':'))?;
    let name = place.written(next);
    match next.kind {
        TokenKind::Identifier(_) | TokenKind::Keyword(_) if place.script => {
            Some(format!("psql variables are not supported: write the value in place of :{name}"))
        }
        TokenKind::Identifier(_) | TokenKind::Keyword(_) => {
            Some(format!("a parameter is written ${name}, not :{name}"))
        }
        TokenKind::Integer(_) => Some(format!("a parameter is written ${name}, not :{name}")),
        _ => None,
    }
}

/// `?`
fn question_mark(place: &Place<'_>) -> Option<String> {
    let is_question = |token: &Token| matches!(&token.kind, TokenKind::Operator(name) if name == "?");
    (is_question(place.token()) || is_question(place.back(1)?))
        .then(|| "a parameter is written $name or $1, not ?".to_owned())
}

/// `%s`, `%(name)s`
fn percent(place: &Place<'_>) -> Option<String> {
    // After a value, % is the operator.
    let value_before = place.back(1).is_some_and(|token| {
        matches!(token.kind, TokenKind::Identifier(_) | TokenKind::Integer(_) | TokenKind::Symbol(b')'))
    });
    if place.token().kind != TokenKind::Symbol(b'%') || value_before {
        return None;
    }
    match (place.word(place.next(1)).as_str(), place.word(place.next(2)).as_str()) {
        ("s" | "d", _) => {
            Some(format!("a parameter is written $name or $1, not %{}", place.word(place.next(1))))
        }
        ("(", name) if place.word(place.next(3)) == ")" => {
            Some(format!("a parameter is written ${name}, not %({name})s"))
        }
        _ => None,
    }
}

/// `SET @x = 1`
fn at_sign(place: &Place<'_>) -> Option<String> {
    let is_at = matches!(&place.token().kind, TokenKind::Operator(name) if name == "@" || name == "@@");
    let name = is_at.then(|| place.next(1).kind.name()).flatten()?;
    Some(match place.word_back(1).as_str() {
        "set" => "PostgreSQL has no session variables: pass the value as a parameter".to_owned(),
        _ => format!("a parameter is written ${name}, not @{name}"),
    })
}

/// `FROM $t`, `ORDER BY id $direction`, `AS $name`: a parameter is a value.
fn not_a_value(place: &Place<'_>) -> Option<String> {
    let token = place.token();
    if !matches!(token.kind, TokenKind::Parameter(_)) {
        return None;
    }
    let parameter = place.written(token);
    let previous = place.back(1)?;
    let clause = place.keywords().into_iter().rev().find(|keyword| super::place::starts_a_clause(*keyword));
    Some(match keyword(previous) {
        Some(K::From | K::Join | K::Into | K::Update | K::Table | K::Only | K::Using) => format!(
            "a parameter is a value, not a name: write the table's name in place of {parameter}, in one query for each table"
        ),
        Some(K::As) => format!("a parameter is a value, not a name: write the name in place of {parameter}"),
        Some(K::Interval) => {
            format!("write {parameter} * interval '1 day', or {parameter}::interval for an interval")
        }
        _ if previous.kind == TokenKind::Symbol(b'.') => {
            format!("a parameter is a value, not a name: write the name in place of {parameter}")
        }
        _ if clause == Some(K::From) && previous.kind == TokenKind::Symbol(b',') => {
            format!("a parameter is a value, not a name: write the table's name in place of {parameter}")
        }
        _ if clause == Some(K::Order) && previous.kind != TokenKind::Symbol(b',') => format!(
            "a parameter is a value, not a keyword: write ASC or DESC in place of {parameter}; for both orders, write two queries"
        ),
        _ => return None,
    })
}
