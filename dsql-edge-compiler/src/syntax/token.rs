//! Defines the tokens that the lexer produces and the parser reads.

use super::keyword::Keyword;
use crate::source::Span;
use std::ops::Range;

/// A token and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// The kind of token.
    pub kind: TokenKind,
    /// The span of the token, including its quotes.
    pub span: Span,
}

/// The terminals of PostgreSQL's grammar.
#[derive(Clone, Debug, PartialEq)]
pub enum TokenKind {
    /// An identifier: folded to lower case, unless it is in quotes.
    Identifier(String),
    /// A keyword, in any case.
    Keyword(Keyword),
    /// `'…'`, `E'…'`, `$$…$$`, `U&'…'`; the field is the decoded string.
    String(String),
    /// `B'…'`, with the digits.
    BitString(String),
    /// `X'…'`, with the digits.
    HexString(String),
    /// An integer that fits 32 bits.
    Integer(i32),
    /// Any other number, as written, but without the underscores of a decimal number.
    Numeric(String),
    /// `$1`, or `$name`; the number of `$name` is the position of the name, counted from 1, among the captured names.
    Parameter(u32),
    /// An operator that does not have a kind of its own and is not in [`TokenKind::Symbol`], such as `||` or `~`.
    Operator(String),
    /// One of `, ( ) [ ] . ; : + - * / % ^ < > =`.
    Symbol(u8),
    /// `::`
    Typecast,
    /// `..`
    DotDot,
    /// `:=`
    ColonEquals,
    /// `=>`
    EqualsGreater,
    /// `<=`
    LessEquals,
    /// `>=`
    GreaterEquals,
    /// `<>` or `!=`
    NotEquals,
    /// The end of the input.
    End,
}

impl TokenKind {
    /// Returns the name, if the token is an identifier or a keyword.
    pub fn name(&self) -> Option<&str> {
        match self {
            TokenKind::Identifier(name) => Some(name),
            TokenKind::Keyword(keyword) => Some(keyword.text()),
            _ => None,
        }
    }
}

/// `{? … }`: text that is sent only if its parameters are given.
#[derive(Clone, Debug)]
pub struct Piece {
    /// The span of the optional text, including the braces.
    pub span: Span,
    /// Its tokens.
    pub tokens: Range<usize>,
}

/// Returns optional text for advice; if the text is empty, long, or has several lines, the advice shows `…` instead.
pub(crate) fn optional_text_of(inside: &str) -> String {
    let inside = inside.trim();
    let is_short = inside.chars().count() <= 60 && !inside.contains('\n') && !inside.is_empty();
    format!("{{? {} }}", if is_short { inside } else { "…" })
}
