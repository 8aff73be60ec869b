//! Gives advice on syntax errors: the most likely mistake.
//!
//! Input: the tokens, and the place of the syntax error that PostgreSQL reports. Output: advice, or `None`. The advice
//! does not change the error or its place.
//!
//! Each submodule has the mistakes of one kind. The kinds are tried from the most certain to the least certain: what a
//! malformed token means, then the constructs of other databases, then a misspelled keyword (`typo` parses the statement
//! again with the corrected word), and at last what may be missing.

mod bracket;
mod clause;
mod dialect;
mod dml;
mod expression;
mod incomplete;
mod malformed;
mod parameter;
mod place;
mod typo;

use super::super::keyword::{Class, Keyword as K};
use super::super::lexer::Lexed;
use super::super::token::{Token, TokenKind};
use crate::diagnostic::Diagnostic;
use place::{Place, keyword};

/// The advice on a syntax error. `read` parses the tokens of a statement, and returns the number of the token that has
/// an error, or the number of the tokens.
pub(super) fn advice(
    text: &str,
    lexed: &Lexed,
    error: &Diagnostic,
    read: &dyn Fn(Vec<Token>) -> usize,
) -> Option<String> {
    let place = Place::of(text, lexed, error)?;
    if lexed.error.as_ref().is_some_and(|malformed| malformed.span == error.span) {
        return malformed::advice(&place, error);
    }
    malformed::quotes(&place)
        .or_else(|| parameter::advice(&place))
        .or_else(|| incomplete::trailing_comma(&place))
        .or_else(|| dml::advice(&place))
        .or_else(|| dialect::advice(&place))
        .or_else(|| expression::advice(&place))
        .or_else(|| clause::advice(&place))
        .or_else(|| typo::misspelled(&place, read))
        .or_else(|| reserved_word(&place))
        .or_else(|| bracket::needed(&place))
        .or_else(|| incomplete::unfinished(&place))
        .or_else(|| bracket::unbalanced(&place))
        .or_else(|| incomplete::half_a_construct(&place))
        .or_else(|| incomplete::missing_comma(&place))
}

/// A reserved word, which can be a name only in quotes.
fn reserved_word(place: &Place<'_>) -> Option<String> {
    let quoted = |token: &Token| {
        let written = place.written(token);
        Some(format!("{written} is a reserved word: as a name it is written \"{}\"", written.to_lowercase()))
    };
    let (token, previous) = (place.token(), place.back(1)?);
    // `SELECT order FROM t`: the grammar expects BY here. `user.name`: no reserved word has columns.
    let expects_other = matches!(previous.kind, TokenKind::Keyword(K::Order | K::Group));
    let is_qualifier = token.kind == TokenKind::Symbol(b'.')
        && keyword(previous).is_some_and(|keyword| keyword.class() == Class::Reserved);
    if expects_other || is_qualifier {
        return quoted(previous);
    }
    let reserved = keyword(token)?;
    let name_expected = matches!(
        previous.kind,
        TokenKind::Symbol(b',' | b'.' | b'(')
            | TokenKind::Keyword(
                K::Select | K::From | K::Join | K::Into | K::Update | K::Set | K::By | K::As | K::Table
            )
    );
    let is_reserved = reserved.class() == Class::Reserved;
    (name_expected && is_reserved && !matches!(reserved, K::From | K::Where | K::Select))
        .then(|| quoted(token))?
}
