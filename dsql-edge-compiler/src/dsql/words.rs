//! Provides the words of a statement, to compare with a table of command words.
//!
//! Input: the tokens of the statement. Output: the words (keywords and names) in capitals, each with its span. Symbols
//! count as words, so each token has its position in the list. A string is the word `'`.

use crate::source::Span;
use crate::syntax::ParsedStatement;
use crate::syntax::token::{Token, TokenKind};

/// The tokens of one statement.
pub(crate) struct Words<'a> {
    text: &'a str,
    tokens: &'a [Token],
    words: Vec<String>,
}

impl<'a> Words<'a> {
    /// Returns the words of a statement.
    pub(crate) fn of(statement: ParsedStatement<'a>) -> Words<'a> {
        let (text, tokens) = (statement.text, statement.own_tokens());
        let words = tokens.iter().map(|token| match token.kind {
            TokenKind::String(_) => "'".to_owned(),
            _ => token.span.text(text).to_uppercase(),
        });
        Words { text, tokens, words: words.collect() }
    }

    /// If a pattern matches the start of the statement, returns the number of words that the pattern matches.
    pub(crate) fn begin_with(&self, pattern: &str) -> Option<usize> {
        let mut at = 0;
        for part in pattern.split(' ') {
            let is = |options: &str| options.split('|').any(|option| option == self.at(at));
            if let Some(not) = part.strip_prefix('!') {
                if is(not) {
                    return None;
                }
            } else if let Some(optional) = part.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
                at += usize::from(is(optional));
            } else if is(part) {
                at += 1;
            } else {
                return None;
            }
        }
        Some(at)
    }

    /// Whether the statement contains these words one directly after the other; in the pattern, `A|B` matches either
    /// word.
    pub(crate) fn has(&self, pattern: &str) -> bool {
        let parts: Vec<&str> = pattern.split(' ').collect();
        let is = |(word, part): (&String, &&str)| part.split('|').any(|option| option == word);
        self.words.windows(parts.len()).any(|words| words.iter().zip(&parts).all(is))
    }

    /// Whether the statement contains these words, and `is` returns true for the word directly after them.
    pub(crate) fn follows(&self, before: &str, is: impl Fn(&str) -> bool) -> bool {
        let parts: Vec<&str> = before.split(' ').collect();
        self.words.windows(parts.len() + 1).any(|words| {
            words.iter().zip(&parts).all(|(word, part)| word == part)
                && words.last().is_some_and(|last| is(last))
        })
    }

    /// Returns the number of words.
    pub(crate) fn len(&self) -> usize {
        self.words.len()
    }

    /// Returns the first two words.
    pub(crate) fn first_two(&self) -> (&str, &str) {
        (self.at(0), self.at(1))
    }

    /// Returns the word at a position; "" if the statement has fewer words.
    pub(crate) fn at(&self, place: usize) -> &str {
        self.words.get(place).map_or("", String::as_str)
    }

    /// Whether the word at a position is a string.
    pub(super) fn is_string(&self, place: usize) -> bool {
        self.at(place) == "'"
    }

    /// Returns the string at a position; `None` if the word at this position is not a string.
    pub(crate) fn string(&self, place: usize) -> Option<&'a str> {
        match self.tokens.get(place).map(|token| &token.kind) {
            Some(TokenKind::String(text)) => Some(text),
            _ => None,
        }
    }

    /// Returns the position of the first word outside parentheses for which `is` returns true.
    pub(crate) fn position(&self, is: impl Fn(&str) -> bool) -> Option<usize> {
        let mut depth = 0usize;
        for (at, word) in self.words.iter().enumerate() {
            match word.as_str() {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                word if depth == 0 && is(word) => return Some(at),
                _ => {}
            }
        }
        None
    }

    /// Returns the position of the parenthesis that closes the parenthesis at the position `open`.
    pub(crate) fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0usize;
        for at in open..self.words.len() {
            match self.at(at) {
                "(" => depth += 1,
                ")" if depth == 1 => return Some(at),
                ")" => depth -= 1,
                _ => {}
            }
        }
        None
    }

    /// Returns the position of the string after `AS` in CREATE FUNCTION: the body.
    pub(super) fn position_of_body(&self) -> Option<usize> {
        let mut from = 0;
        loop {
            let at = from + self.words.get(from..)?.iter().position(|word| word == "AS")?;
            if self.is_string(at + 1) {
                return Some(at + 1);
            }
            from = at + 1;
        }
    }

    /// Returns the span of the word at a position; the span of the last word if the statement has fewer words.
    pub(super) fn span(&self, place: usize) -> Span {
        let token = self.tokens.get(place).or(self.tokens.last());
        token.map_or(Span::default(), |token| token.span)
    }

    /// Returns the span of the first `count` words.
    pub(super) fn span_of(&self, count: usize) -> Span {
        self.span(0).to(self.span(count.clamp(1, self.words.len().max(1)) - 1))
    }

    /// Returns the span of the first occurrence of a word at or after the byte `from`.
    pub(super) fn find(&self, word: &str, from: u32) -> Option<Span> {
        let found = self
            .tokens
            .iter()
            .zip(&self.words)
            .find(|(token, it)| token.span.start >= from && it.as_str() == word);
        found.map(|(token, _)| token.span)
    }

    /// Returns the span of the last occurrence of a word before the byte `place`.
    pub(super) fn find_before(&self, word: &str, place: u32) -> Option<Span> {
        let before = self.tokens.iter().zip(&self.words).take_while(|(token, _)| token.span.start < place);
        let found = before.filter(|(_, it)| it.as_str() == word).last();
        found.map(|(token, _)| token.span)
    }

    /// Returns the text in a span.
    pub(super) fn text(&self, span: Span) -> &'a str {
        span.text(self.text)
    }

    /// Returns the end of the last token before the byte `place`.
    pub(super) fn end_before(&self, place: u32) -> u32 {
        let at = self.tokens.partition_point(|token| token.span.start < place);
        let before = at.checked_sub(1).and_then(|at| self.tokens.get(at));
        before.map_or(place, |token| token.span.end)
    }

    /// Returns the span with the blanks before it, for an edit that removes the span. If a comment is between the
    /// previous token and the span, nothing is added.
    pub(super) fn with_blank_before(&self, span: Span) -> Span {
        let start = self.end_before(span.start).min(span.start);
        let blank = self.text(Span { start, end: span.start }).trim().is_empty();
        Span { start: if blank { start } else { span.start }, end: span.end }
    }
}
