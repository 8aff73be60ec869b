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
mod typo;

use super::super::keyword::{Class, Keyword as K};
use super::super::lexer::Lexed;
use super::super::token::{Token, TokenKind};
use crate::diagnostic::Diagnostic;

/// The advice on a syntax error.
pub(super) fn advice(text: &str, lexed: &Lexed, error: &Diagnostic) -> Option<String> {
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
        .or_else(|| typo::misspelled(&place))
        .or_else(|| reserved_word(&place))
        .or_else(|| bracket::needed(&place))
        .or_else(|| incomplete::unfinished(&place))
        .or_else(|| bracket::unbalanced(&place))
        .or_else(|| incomplete::half_a_construct(&place))
        .or_else(|| incomplete::missing_comma(&place))
}

/// The place of a syntax error among the tokens.
struct Place<'p> {
    text: &'p str,
    tokens: &'p [Token],
    /// The number of the token that PostgreSQL reports.
    at: usize,
    /// The number of the statement's first token.
    start: usize,
    /// Whether the text is a psql script.
    script: bool,
}

impl<'p> Place<'p> {
    fn of(text: &'p str, lexed: &'p Lexed, error: &Diagnostic) -> Option<Place<'p>> {
        let tokens = lexed.tokens.as_slice();
        let at = tokens.partition_point(|token| token.span.start < error.span.start);
        let before = tokens.get(..at)?;
        let semicolon = before.iter().rposition(|token| token.kind == TokenKind::Symbol(b';'));
        let start = semicolon.map_or(0, |semicolon| semicolon + 1);
        (at < tokens.len()).then_some(Place { text, tokens, at, start, script: lexed.script })
    }

    /// The token that PostgreSQL reports.
    fn token(&self) -> &'p Token {
        // `of` has checked the number.
        self.tokens.get(self.at).unwrap_or(&END)
    }

    /// A token after the one that PostgreSQL reports.
    fn next(&self, count: usize) -> &'p Token {
        self.tokens.get(self.at + count).unwrap_or(&END)
    }

    /// A token of the statement before the one that PostgreSQL reports.
    fn back(&self, count: usize) -> Option<&'p Token> {
        self.at.checked_sub(count).filter(|at| *at >= self.start).and_then(|at| self.tokens.get(at))
    }

    /// The tokens of the statement before the one that PostgreSQL reports.
    fn own(&self) -> &'p [Token] {
        self.tokens.get(self.start..self.at).unwrap_or_default()
    }

    /// A token as written.
    fn written(&self, token: &Token) -> &'p str {
        token.span.text(self.text)
    }

    /// A token in lower case.
    fn word(&self, token: &Token) -> String {
        self.written(token).to_ascii_lowercase()
    }

    /// The reported token in lower case.
    fn here(&self) -> String {
        self.word(self.token())
    }

    /// The token before the reported one, at this distance, in lower case; "" if the statement begins after it.
    fn word_back(&self, count: usize) -> String {
        self.back(count).map(|token| self.word(token)).unwrap_or_default()
    }

    /// The first keyword of the statement.
    fn command(&self) -> Option<K> {
        keyword(self.tokens.get(self.start)?)
    }

    /// The numbers of the parentheses of the statement that are not closed before the reported token.
    fn open(&self) -> Vec<usize> {
        let mut open = Vec::new();
        for (at, token) in self.tokens.iter().enumerate().take(self.at).skip(self.start) {
            match token.kind {
                TokenKind::Symbol(b'(') => open.push(at),
                TokenKind::Symbol(b')') => _ = open.pop(),
                _ => {}
            }
        }
        open
    }

    /// The tokens before the reported one that are in the same parentheses, without the contents of closed parentheses.
    fn level(&self) -> Vec<&'p Token> {
        let first = self.open().last().map_or(self.start, |at| at + 1);
        let mut depth = 0_usize;
        let mut out = Vec::new();
        for token in self.tokens.get(first..self.at).unwrap_or_default() {
            match token.kind {
                TokenKind::Symbol(b'(') => depth += 1,
                TokenKind::Symbol(b')') => depth = depth.saturating_sub(1),
                _ if depth == 0 => out.push(token),
                _ => {}
            }
        }
        out
    }

    /// The keywords of `level`.
    fn keywords(&self) -> Vec<K> {
        self.level().into_iter().filter_map(keyword).collect()
    }

    /// Whether a clause, or the whole text, ends before the reported token.
    fn ends_clause(&self) -> bool {
        match self.token().kind {
            TokenKind::End | TokenKind::Symbol(b';') => true,
            TokenKind::Keyword(keyword) => starts_a_clause(keyword),
            _ => false,
        }
    }
}

/// The end of the tokens.
static END: Token = Token { kind: TokenKind::End, span: crate::source::Span { start: 0, end: 0 } };

fn keyword(token: &Token) -> Option<K> {
    match token.kind {
        TokenKind::Keyword(keyword) => Some(keyword),
        _ => None,
    }
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

/// A word that can be a name without quotes.
fn is_name(token: &Token) -> bool {
    match token.kind {
        TokenKind::Identifier(_) => true,
        TokenKind::Keyword(keyword) => matches!(keyword.class(), Class::Unreserved | Class::ColumnName),
        _ => false,
    }
}

/// A token that is a value by itself.
fn is_constant(token: &Token) -> bool {
    matches!(
        token.kind,
        TokenKind::String(_) | TokenKind::Integer(_) | TokenKind::Numeric(_) | TokenKind::Parameter(_)
    )
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
