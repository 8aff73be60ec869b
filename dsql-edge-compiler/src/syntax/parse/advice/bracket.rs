//! Gives advice on parentheses: a parenthesis that is missing, that is not closed, or that closes nothing.
//!
//! Input: the place. Output: advice.

use super::super::super::keyword::Keyword as K;
use super::super::super::token::{Token, TokenKind};
use super::place::{Place, keyword};

/// `IN tags`, `EXISTS SELECT`, `VALUES 1, 2`.
pub(super) fn needed(place: &Place<'_>) -> Option<String> {
    let (token, previous) = (place.token(), place.back(1)?);
    match keyword(previous)? {
        K::In if matches!(token.kind, TokenKind::Parameter(_) | TokenKind::Identifier(_)) => {
            Some(format!("write = ANY ({}) for an array, IN (…) for a list", place.written(token)))
        }
        keyword @ (K::Exists | K::In | K::Values | K::Any | K::All)
            if token.kind != TokenKind::End && token.kind != TokenKind::Symbol(b'(') =>
        {
            Some(format!("{} takes parentheses", keyword.text().to_uppercase()))
        }
        _ => None,
    }
}

/// `count(id FROM posts`, `WHERE (a = 1 ORDER BY b`, `a = 1)`.
pub(super) fn unbalanced(place: &Place<'_>) -> Option<String> {
    let open = place.open();
    if place.token().kind == TokenKind::Symbol(b')') && open.is_empty() {
        return Some("no parenthesis is open here: remove this ), or add its (".to_owned());
    }
    let at = *open.last().filter(|_| !closes_later(place))?;
    let begins = place.tokens.get(at + 1).and_then(keyword);
    let is_query = matches!(begins, Some(K::Select | K::With | K::Values | K::Table));
    let is_end = matches!(place.token().kind, TokenKind::End | TokenKind::Symbol(b';'));
    let is_alias = place.token().kind == TokenKind::Keyword(K::As);
    // A clause of a query in parentheses must be inside the same parentheses.
    if !(is_end || (!is_query && (place.ends_clause() || is_alias))) {
        return None;
    }
    let before = at.checked_sub(1).filter(|before| *before >= place.start);
    let name = before.and_then(|before| place.tokens.get(before)).filter(|it| is_callee(it));
    Some(match (name, is_query) {
        (Some(name), false) => format!("close the parenthesis of {}(…) with )", place.written(name)),
        (_, true) => "close the parenthesis of the subquery with )".to_owned(),
        (None, false) => format!("close the parenthesis of {}… with )", beginning(place, at)),
    })
}

/// Whether a parenthesis after the error closes the innermost parenthesis that is open at the error.
fn closes_later(place: &Place<'_>) -> bool {
    let mut depth = 0_usize;
    for token in place.tokens.get(place.at..).unwrap_or_default() {
        match token.kind {
            TokenKind::Symbol(b'(') => depth += 1,
            TokenKind::Symbol(b')') if depth == 0 => return true,
            TokenKind::Symbol(b')') => depth -= 1,
            TokenKind::Symbol(b';') => return false,
            _ => {}
        }
    }
    false
}

/// Returns an opening parenthesis and the token after it, as written.
fn beginning(place: &Place<'_>, at: usize) -> String {
    let next = place.tokens.get(at + 1).map_or("", |token| place.written(token));
    format!("({next}")
}

/// Whether the token is a name before a parenthesis.
fn is_callee(token: &Token) -> bool {
    match token.kind {
        TokenKind::Identifier(_) => true,
        TokenKind::Keyword(keyword) => !matches!(
            keyword,
            K::And
                | K::As
                | K::By
                | K::From
                | K::Having
                | K::Join
                | K::Not
                | K::On
                | K::Or
                | K::Select
                | K::Where
        ),
        _ => false,
    }
}
