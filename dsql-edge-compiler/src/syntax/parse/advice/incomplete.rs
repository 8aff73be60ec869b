//! Gives advice on statements in which something is missing: an operand, a comma, the second half of a construct.
//!
//! Input: the place. Output: advice.

use super::super::super::keyword::Keyword as K;
use super::super::super::token::{Token, TokenKind};
use super::place::{Place, is_constant, is_name, keyword, starts_a_clause};

/// `SELECT a, FROM t`.
pub(super) fn trailing_comma(place: &Place<'_>) -> Option<String> {
    let ends = place.ends_clause() || place.token().kind == TokenKind::Symbol(b')');
    (ends && place.back(1)?.kind == TokenKind::Symbol(b',')).then(|| match place.token().kind {
        TokenKind::End => "remove the comma at the end".to_owned(),
        _ => format!("remove the comma before {}", place.written(place.token())),
    })
}

/// `ORDER BY id, DESC`.
pub(super) fn comma_before_direction(place: &Place<'_>) -> Option<String> {
    let is_direction = matches!(keyword(place.token())?, K::Asc | K::Desc);
    let is_item = place.back(1)?.kind == TokenKind::Symbol(b',') && place.keywords().contains(&K::Order);
    let written = place.written(place.token());
    (is_direction && is_item).then(|| {
        format!("remove the comma before {written}; as a name it is written \"{}\"", written.to_lowercase())
    })
}

/// The statement ends, or the next clause begins, where an operand is missing.
pub(super) fn unfinished(place: &Place<'_>) -> Option<String> {
    let previous = place.back(1)?;
    let waits = match &previous.kind {
        TokenKind::Keyword(word) => matches!(
            word,
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
                | K::Limit
                | K::Offset
                | K::Values
                | K::In
                | K::Exists
                | K::Any
                | K::All
        ),
        TokenKind::Symbol(symbol) => matches!(symbol, b'=' | b'<' | b'>' | b'+' | b'-' | b'*' | b'/'),
        TokenKind::NotEquals | TokenKind::LessEquals | TokenKind::GreaterEquals | TokenKind::Operator(_) => {
            true
        }
        _ => false,
    };
    (place.ends_clause() && waits).then(|| format!("something is missing after {}", place.written(previous)))
}

/// `a JOIN b` without its condition, `BETWEEN a` without its second bound.
pub(super) fn half_a_construct(place: &Place<'_>) -> Option<String> {
    let token = place.token();
    let ends = match token.kind {
        TokenKind::End | TokenKind::Symbol(b')') => true,
        TokenKind::Keyword(word) => starts_a_clause(word),
        _ => false,
    };
    // `JOIN users u u.id = p.author_id`
    let continues = is_name(token) && is_name(place.back(1)?);
    let words = place.own().iter().rev().filter_map(keyword);
    let mut last = words.skip_while(|it| {
        !matches!(it, K::Join | K::On | K::Using | K::Between | K::And | K::Where | K::From)
    });
    let advice = match last.next().filter(|_| ends || continues)? {
        K::Join if !matches!(last.next(), Some(K::Cross | K::Natural)) => "a JOIN needs ON or USING",
        K::Between if ends => "BETWEEN takes two bounds: BETWEEN … AND …",
        _ => return None,
    };
    Some(advice.to_owned())
}

/// `a b c`: two adjacent names are a name and its alias, but a third name is an error.
pub(super) fn missing_comma(place: &Place<'_>) -> Option<String> {
    let (token, previous) = (place.token(), place.back(1)?);
    let operand = |token: &Token| is_constant(token) || is_name(token);
    let after_alias = is_name(previous) && place.back(2).is_some_and(operand);
    // `a.* b.*`
    let star = token.kind == TokenKind::Symbol(b'.')
        && is_name(previous)
        && place.back(2).is_some_and(|second| second.kind == TokenKind::Symbol(b'*'));
    let (missing, before) = match star {
        true => (true, previous),
        false => (operand(token) && (after_alias || is_constant(previous)), token),
    };
    (missing && has_lists(place.own()))
        .then(|| format!("a comma may be missing before {}", place.written(before)))
}

/// Whether the statement that begins with these tokens can contain a list; transaction statements cannot.
fn has_lists(before: &[Token]) -> bool {
    let mut words = before.iter().map(|token| &token.kind);
    match words.next() {
        Some(TokenKind::Keyword(K::Prepare)) => words.next() != Some(&TokenKind::Keyword(K::Transaction)),
        Some(TokenKind::Keyword(first)) => {
            !matches!(first, K::Abort | K::Commit | K::End | K::Release | K::Rollback | K::Savepoint)
        }
        _ => true,
    }
}
