//! Defines [`Place`], the position of a syntax error among the tokens of its statement.
//!
//! Input: the tokens, and the error that PostgreSQL reports. Output: the tokens around the error.

use super::super::super::keyword::{Class, Keyword as K};
use super::super::super::lexer::Lexed;
use super::super::super::token::{Token, TokenKind};
use crate::diagnostic::Diagnostic;

/// The position of a syntax error, with the tokens around the error.
pub(super) struct Place<'p> {
    pub(super) text: &'p str,
    pub(super) tokens: &'p [Token],
    /// The index of the reported token: the token in PostgreSQL's message.
    pub(super) at: usize,
    /// The index of the statement's first token.
    pub(super) start: usize,
    /// Whether the text is a psql script.
    pub(super) script: bool,
}

impl<'p> Place<'p> {
    pub(super) fn of(text: &'p str, lexed: &'p Lexed, error: &Diagnostic) -> Option<Place<'p>> {
        let tokens = lexed.tokens.as_slice();
        let at = tokens.partition_point(|token| token.span.start < error.span.start);
        let before = tokens.get(..at)?;
        let semicolon = before.iter().rposition(|token| token.kind == TokenKind::Symbol(b';'));
        let start = semicolon.map_or(0, |semicolon| semicolon + 1);
        (at < tokens.len()).then_some(Place { text, tokens, at, start, script: lexed.script })
    }

    /// Returns the reported token.
    pub(super) fn token(&self) -> &'p Token {
        // `of` has checked the index.
        self.tokens.get(self.at).unwrap_or(&END)
    }

    /// Returns the token that is `count` tokens after the reported token.
    pub(super) fn next(&self, count: usize) -> &'p Token {
        self.tokens.get(self.at + count).unwrap_or(&END)
    }

    /// Returns the token that is `count` tokens before the reported token, if the statement has such a token.
    pub(super) fn back(&self, count: usize) -> Option<&'p Token> {
        self.at.checked_sub(count).filter(|at| *at >= self.start).and_then(|at| self.tokens.get(at))
    }

    /// Returns the tokens of the statement before the reported token.
    pub(super) fn own(&self) -> &'p [Token] {
        self.tokens.get(self.start..self.at).unwrap_or_default()
    }

    /// Returns a token as written.
    pub(super) fn written(&self, token: &Token) -> &'p str {
        token.span.text(self.text)
    }

    /// Returns a token in lower case.
    pub(super) fn word(&self, token: &Token) -> String {
        self.written(token).to_ascii_lowercase()
    }

    /// Returns the reported token in lower case.
    pub(super) fn here(&self) -> String {
        self.word(self.token())
    }

    /// Returns the token that is `count` tokens before the reported token, in lower case; "" if the statement has no
    /// such token.
    pub(super) fn word_back(&self, count: usize) -> String {
        self.back(count).map(|token| self.word(token)).unwrap_or_default()
    }

    /// Returns the first keyword of the statement.
    pub(super) fn command(&self) -> Option<K> {
        keyword(self.tokens.get(self.start)?)
    }

    /// Returns the indexes of those opening parentheses that are not closed before the reported token.
    pub(super) fn open(&self) -> Vec<usize> {
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

    /// Returns the tokens before the reported token that are in the same parentheses, without the contents of closed
    /// parentheses.
    pub(super) fn level(&self) -> Vec<&'p Token> {
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

    /// Returns the keywords of `level`.
    pub(super) fn keywords(&self) -> Vec<K> {
        self.level().into_iter().filter_map(keyword).collect()
    }

    /// Whether a clause or the statement ends before the reported token.
    pub(super) fn ends_clause(&self) -> bool {
        match self.token().kind {
            TokenKind::End | TokenKind::Symbol(b';') => true,
            TokenKind::Keyword(keyword) => starts_a_clause(keyword),
            _ => false,
        }
    }
}

/// The end of the tokens.
static END: Token = Token { kind: TokenKind::End, span: crate::source::Span { start: 0, end: 0 } };

pub(super) fn keyword(token: &Token) -> Option<K> {
    match token.kind {
        TokenKind::Keyword(keyword) => Some(keyword),
        _ => None,
    }
}

pub(super) fn starts_a_clause(keyword: K) -> bool {
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

/// Whether the token is a word that can be a name without quotes.
pub(super) fn is_name(token: &Token) -> bool {
    match token.kind {
        TokenKind::Identifier(_) => true,
        TokenKind::Keyword(keyword) => matches!(keyword.class(), Class::Unreserved | Class::ColumnName),
        _ => false,
    }
}

/// Whether the token alone is a value, such as a number or a string.
pub(super) fn is_constant(token: &Token) -> bool {
    matches!(
        token.kind,
        TokenKind::String(_) | TokenKind::Integer(_) | TokenKind::Numeric(_) | TokenKind::Parameter(_)
    )
}
