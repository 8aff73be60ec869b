//! Defines the result of lexing and parsing SQL text; the compiler's passes, the linter and dsql-local use this result.
//!
//! Input: a [`Source`], or the tokens of a [`Source`]. Output: [`Parsed`], the text with its tokens and its statements.
//! A pass receives a [`ParsedStatement`]: one statement with its text, because some rules check words that are not in
//! the tree.

use std::borrow::Cow;
use std::ops::Deref;

use super::ast::{Prepare, Statement};
use super::lexer::{Lexed, lex, syntax_error_at};
use super::parse::{parse_prepare, parse_readable, parse_statements};
use super::token::Token;
use crate::diagnostic::{Code, Diagnostic};
use crate::own_stack::{on_own_stack, on_stack_for};
use crate::source::{Edits, Source, Span};

/// SQL text with its tokens and its statements.
#[derive(Clone, Debug)]
pub struct Parsed<'t> {
    /// The text.
    pub text: Cow<'t, str>,
    /// Its tokens.
    pub tokens: Lexed,
    /// The statements of the text, in order.
    pub statements: Vec<Statement>,
}

/// One statement of a text.
#[derive(Clone, Copy, Debug)]
pub struct ParsedStatement<'p> {
    /// The statement's tree.
    pub tree: &'p Statement,
    /// The whole text.
    pub text: &'p str,
    /// The tokens of the whole text.
    pub tokens: &'p Lexed,
}

impl Deref for ParsedStatement<'_> {
    type Target = Statement;

    fn deref(&self) -> &Statement {
        self.tree
    }
}

impl<'p> ParsedStatement<'p> {
    /// Returns the statement's own tokens.
    pub fn own_tokens(self) -> &'p [Token] {
        self.tokens.within(self.tree.span)
    }

    /// Returns the SQL to send: each parameter is written with its number (`$1`, `$2` …), the braces of optional text
    /// are removed, together with the optional text that the combination does not contain, and `edits` are applied.
    pub fn text_to_send(&self, edits: Edits) -> String {
        let mut all = edits;
        all.extend(self.tokens.placeholders.iter().map(|(span, number)| (*span, format!("${number}"))));
        all.extend(self.tokens.edits.iter().cloned());
        all.apply(self.text)
    }
}

/// Parses a `PREPARE`; returns `None` if the text does not begin with a `PREPARE` that can be parsed.
pub(crate) fn prepare(text: &str) -> Option<Prepare> {
    parse_prepare(text, &lex(&Source::script(text)))
}

impl<'t> Parsed<'t> {
    /// Parses statements that semicolons separate.
    ///
    /// # Errors
    /// Returns the syntax error that PostgreSQL would report.
    pub fn script(source: &'t Source) -> Result<Parsed<'t>, Diagnostic> {
        Parsed::of_tokens(&source.text, lex(source))
    }

    /// Parses the statements in `tokens`, which are tokens of `text`.
    ///
    /// # Errors
    /// Returns the syntax error that PostgreSQL would report.
    pub fn of_tokens(text: &'t str, tokens: Lexed) -> Result<Parsed<'t>, Diagnostic> {
        let statements = on_stack_for(tokens.tokens.len(), || parse_statements(text, &tokens))?;
        Ok(Parsed { text: text.into(), tokens, statements })
    }

    /// Parses those statements in `tokens` that can be parsed; `tokens` are tokens of `text`. Also returns the error of
    /// each statement that cannot be parsed, with the span of the statement.
    pub fn readable(text: &'t str, tokens: Lexed) -> (Parsed<'t>, Vec<(Diagnostic, Span)>) {
        let (statements, errors) = on_own_stack(|| parse_readable(text, &tokens));
        (Parsed { text: text.into(), tokens, statements }, errors)
    }

    /// Copies the text, so that the result does not borrow it.
    pub fn into_owned(self) -> Parsed<'static> {
        Parsed { text: self.text.into_owned().into(), tokens: self.tokens, statements: self.statements }
    }

    /// Returns the statements, in order.
    pub fn iter(&self) -> impl Iterator<Item = ParsedStatement<'_>> {
        self.statements.iter().map(|tree| self.statement(tree))
    }

    /// Returns `tree`, one of the statements, together with the text and the tokens.
    pub fn statement<'p>(&'p self, tree: &'p Statement) -> ParsedStatement<'p> {
        ParsedStatement { tree, text: &self.text, tokens: &self.tokens }
    }

    /// Returns the only statement of the text; a semicolon may follow it.
    ///
    /// # Errors
    /// Returns an error if the text is empty or has more than one statement.
    pub fn only(&self) -> Result<ParsedStatement<'_>, Diagnostic> {
        let mut statements = self.iter();
        match (statements.next(), statements.last()) {
            (Some(only), None) => Ok(only),
            (None, _) => {
                let end = self.text.len();
                Err(syntax_error_at(Span::new(end, end), &self.text).with_hint("the query is empty"))
            }
            (_, Some(last)) => {
                let message = "cannot insert multiple commands into a prepared statement";
                Err(Diagnostic::error(Code::SyntaxError, last.span, message)
                    .with_hint("write one statement in each sql!"))
            }
        }
    }
}
