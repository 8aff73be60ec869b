//! Gives advice on syntax errors: the most likely mistake.
//!
//! Input: the tokens, and the position of the syntax error that PostgreSQL reports. Output: advice, or `None`. The
//! advice changes neither the error nor its position.
//!
//! Each submodule detects one kind of mistake. The kinds are tried from the most certain to the least certain. The
//! first kinds are malformed tokens, then parameters in a wrong form or place, then reserved words as names, then the
//! constructs of other databases. Then come misspelled keywords: `typo` parses the statement again with the corrected
//! word. The last kind is a missing part of the statement.

mod bracket;
mod clause;
mod definition;
mod dialect;
mod dml;
mod expression;
mod incomplete;
mod malformed;
mod parameter;
mod place;
mod reserved;
mod typo;

use super::super::lexer::Lexed;
use super::super::token::Token;
use crate::diagnostic::Diagnostic;
use place::Place;

/// Returns the advice on a syntax error. `read` parses the tokens of a statement, and returns the index of the token
/// that has an error, or, without an error, the number of tokens.
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
        .or_else(|| incomplete::comma_before_direction(&place))
        .or_else(|| reserved::certain(&place, read))
        .or_else(|| definition::advice(&place))
        .or_else(|| incomplete::trailing_comma(&place))
        .or_else(|| dml::advice(&place))
        .or_else(|| dialect::advice(&place))
        .or_else(|| expression::advice(&place))
        .or_else(|| clause::advice(&place))
        .or_else(|| typo::misspelled(&place, read))
        .or_else(|| reserved::by_is_missing(&place))
        .or_else(|| reserved::probable(&place))
        .or_else(|| bracket::needed(&place))
        .or_else(|| incomplete::unfinished(&place))
        .or_else(|| bracket::unbalanced(&place))
        .or_else(|| incomplete::half_a_construct(&place))
        .or_else(|| definition::missing_comma(&place))
        .or_else(|| incomplete::missing_comma(&place))
}
