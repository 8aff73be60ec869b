//! Parses tokens into statements: recursive descent for statements, precedence climbing for expressions.
//!
//! Input: [`Lexed`]. Output: the tree, or the error that PostgreSQL's LALR parser would report. The position of the
//! error is the token where the LALR parser would stop; the error also contains advice. Each family of statements has
//! its own file; this file contains the token cursor.

mod advice;
mod alter;
mod alter_column;
mod constraint;
mod create;
mod dml;
mod drop;
mod expr;
mod extend;
mod from;
mod function;
mod names;
mod newer;
mod primary;
mod query;
mod sql_json;
mod system_call;
mod table;
mod transaction;
mod type_name;
mod utility;
mod window;
mod xml;

use super::ast::{Prepare, Statement, StatementKind};
use super::keyword::Keyword as K;
use super::lexer::{Lexed, syntax_error_at};
use super::token::{Token, TokenKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

type Parsing<T> = Result<T, Box<Diagnostic>>;

/// The maximum nesting depth of statements and expressions. PostgreSQL limits the size of its stack, and not the depth.
/// The stack of this compiler is large enough for all limits of the parser, even in a debug build (see `own_stack`).
const MAX_DEPTH: usize = 320;

/// Parses statements separated by semicolons.
pub(super) fn parse_statements(text: &str, lexed: &Lexed) -> Result<Vec<Statement>, Diagnostic> {
    let mut parser = Parser::at(text, lexed, 0);
    let mut statements = Vec::new();
    while parser.begins_statement()? {
        statements.push(parser.whole_statement()?);
    }
    Ok(statements)
}

/// Parses the statements that can be parsed. For each statement that cannot be parsed, returns an error with the span
/// of the statement. This span ends before the first semicolon at or after the error, or at the end of the text. After
/// an error of the lexer, nothing is parsed.
pub(super) fn parse_readable(text: &str, lexed: &Lexed) -> (Vec<Statement>, Vec<(Diagnostic, Span)>) {
    let mut parser = Parser::at(text, lexed, 0);
    let (mut statements, mut errors) = (Vec::new(), Vec::new());
    loop {
        let (first, start) = match parser.begins_statement() {
            Ok(true) => (parser.at, parser.span().start),
            Ok(false) => break,
            Err(error) => {
                let span = Span { start: error.span.start, end: text.len() as u32 };
                errors.push((error, span));
                break;
            }
        };
        match parser.whole_statement() {
            Ok(statement) => statements.push(statement),
            Err(error) => {
                let place =
                    lexed.tokens.partition_point(|token| token.span.start < error.span.start).max(first);
                let rest = lexed.tokens.get(place..).unwrap_or_default();
                let end = rest.iter().position(|token| token.kind == TokenKind::Symbol(b';'));
                let semicolon = end.and_then(|end| rest.get(end));
                let end_of_it = semicolon.map_or(text.len() as u32, |token| token.span.start);
                errors.push((error, Span { start, end: end_of_it }));
                let Some(end) = end else { break };
                parser = Parser::at(text, lexed, place + end + 1);
            }
        }
    }
    (statements, errors)
}

/// Parses `PREPARE name (types) AS statement`, which `parse_statements` skips.
pub(super) fn parse_prepare(text: &str, lexed: &Lexed) -> Option<Prepare> {
    Parser::at(text, lexed, 0).prepare().ok()
}

/// Parses the tokens of one statement. Returns the index of the token with an error; without an error, returns the
/// number of tokens.
fn read(text: &str, mut tokens: Vec<Token>) -> usize {
    let count = tokens.len();
    let end = tokens.last().map_or(0, |token| token.span.end);
    if tokens.last().is_none_or(|last| last.kind != TokenKind::End) {
        tokens.push(Token { kind: TokenKind::End, span: Span { start: end, end } });
    }
    let lexed = Lexed { tokens, ..Lexed::default() };
    let mut parser = Parser::at(text, &lexed, 0);
    match parser.statement() {
        Ok(_) if parser.at_end() => count,
        Ok(_) => parser.at,
        Err(error) => lexed.tokens.partition_point(|token| token.span.start < error.span.start).min(count),
    }
}

struct Parser<'a> {
    text: &'a str,
    lexed: &'a Lexed,
    at: usize,
    depth: usize,
    /// The number of joins in the statement so far.
    joins: usize,
    /// The number of `WITH` queries in the statement so far.
    ctes: usize,
    /// The number of set operations that were parsed in the statement so far.
    set_operations: usize,
    /// Whether the first argument of `SUBSTRING (x SIMILAR y ESCAPE z)` is being parsed.
    in_substring: bool,
    /// Whether the next call is in `FROM`: an alias can follow such a call, but not FILTER or OVER.
    windowless: bool,
}

impl<'a> Parser<'a> {
    fn at(text: &'a str, lexed: &'a Lexed, at: usize) -> Parser<'a> {
        Parser {
            text,
            lexed,
            at,
            depth: 0,
            joins: 0,
            ctes: 0,
            set_operations: 0,
            in_substring: false,
            windowless: false,
        }
    }

    /// Whether a statement follows. An error of the lexer is returned only if the parser reaches the malformed token.
    fn begins_statement(&mut self) -> Result<bool, Diagnostic> {
        while self.eat_symbol(b';') {}
        match &self.lexed.error {
            Some(error) if self.at_end() => Err(self.advised(error.clone())),
            _ => Ok(!self.at_end()),
        }
    }

    /// Parses a statement that is followed by a semicolon or the end.
    fn whole_statement(&mut self) -> Result<Statement, Diagnostic> {
        let statement = self.statement().map_err(|error| self.advised(*error))?;
        if !self.at_end() && !self.at_symbol(b';') {
            return Err(self.advised(*self.error_here()));
        }
        Ok(statement)
    }

    fn statement(&mut self) -> Parsing<Statement> {
        let start = self.span();
        (self.joins, self.ctes, self.set_operations) = (0, 0, 0);
        let kind = match &self.token().kind {
            TokenKind::Symbol(b'(') | TokenKind::Keyword(K::Select | K::Values | K::Table) => {
                StatementKind::Query(Box::new(self.query()?))
            }
            TokenKind::Keyword(K::With) => self.with_statement()?,
            TokenKind::Keyword(K::Insert) => StatementKind::Insert(Box::new(self.insert(None)?)),
            TokenKind::Keyword(K::Update) => StatementKind::Update(Box::new(self.update(None)?)),
            TokenKind::Keyword(K::Delete) => StatementKind::Delete(Box::new(self.delete(None)?)),
            TokenKind::Keyword(K::Merge) => StatementKind::Merge(Box::new(self.merge(None)?)),
            TokenKind::Keyword(K::Create) => self.create()?,
            TokenKind::Keyword(K::Alter) => self.alter()?,
            _ => self.utility()?,
        };
        Ok(Statement { kind, span: start.to(self.previous_span()) })
    }

    /// `WITH … SELECT | INSERT | UPDATE | DELETE | MERGE`.
    fn with_statement(&mut self) -> Parsing<StatementKind> {
        let with = self.with_clause()?;
        Ok(match &self.token().kind {
            TokenKind::Keyword(K::Insert) => StatementKind::Insert(Box::new(self.insert(Some(with))?)),
            TokenKind::Keyword(K::Update) => StatementKind::Update(Box::new(self.update(Some(with))?)),
            TokenKind::Keyword(K::Delete) => StatementKind::Delete(Box::new(self.delete(Some(with))?)),
            TokenKind::Keyword(K::Merge) => StatementKind::Merge(Box::new(self.merge(Some(with))?)),
            _ => StatementKind::Query(Box::new(self.query_after_with(with)?)),
        })
    }

    /// Parses a statement that may be in a CTE, or after `PREPARE`.
    fn preparable_statement(&mut self) -> Parsing<Statement> {
        let start = self.span();
        let kind = match &self.token().kind {
            TokenKind::Keyword(K::With) => self.with_statement()?,
            TokenKind::Keyword(K::Insert) => StatementKind::Insert(Box::new(self.insert(None)?)),
            TokenKind::Keyword(K::Update) => StatementKind::Update(Box::new(self.update(None)?)),
            TokenKind::Keyword(K::Delete) => StatementKind::Delete(Box::new(self.delete(None)?)),
            TokenKind::Keyword(K::Merge) => StatementKind::Merge(Box::new(self.merge(None)?)),
            _ => StatementKind::Query(Box::new(self.query()?)),
        };
        Ok(Statement { kind, span: start.to(self.previous_span()) })
    }

    // The token cursor.

    fn token(&self) -> &'a Token {
        self.ahead(0)
    }

    fn ahead(&self, count: usize) -> &'a Token {
        let tokens = &self.lexed.tokens;
        &tokens[(self.at + count).min(tokens.len() - 1)]
    }

    fn span(&self) -> Span {
        self.token().span
    }

    fn previous(&self) -> &'a Token {
        &self.lexed.tokens[self.at.saturating_sub(1)]
    }

    fn previous_span(&self) -> Span {
        self.previous().span
    }

    fn advance(&mut self) -> Span {
        let span = self.span();
        self.at = (self.at + 1).min(self.lexed.tokens.len() - 1);
        span
    }

    fn at_end(&self) -> bool {
        self.token().kind == TokenKind::End
    }

    fn keyword(&self) -> Option<K> {
        self.keyword_ahead(0)
    }

    fn keyword_ahead(&self, count: usize) -> Option<K> {
        match self.ahead(count).kind {
            TokenKind::Keyword(keyword) => Some(keyword),
            _ => None,
        }
    }

    fn at_keyword(&self, keyword: K) -> bool {
        self.keyword() == Some(keyword)
    }

    fn at_keywords(&self, first: K, second: K) -> bool {
        self.at_keyword(first) && self.keyword_ahead(1) == Some(second)
    }

    fn eat_keyword(&mut self, keyword: K) -> bool {
        let found = self.at_keyword(keyword);
        if found {
            self.advance();
        }
        found
    }

    /// Consumes both keywords, or neither.
    fn eat_keywords(&mut self, first: K, second: K) -> bool {
        let found = self.at_keywords(first, second);
        if found {
            self.at += 2;
        }
        found
    }

    fn expect_keyword(&mut self, keyword: K) -> Parsing<Span> {
        if self.at_keyword(keyword) { Ok(self.advance()) } else { Err(self.error_here()) }
    }

    fn at_symbol(&self, symbol: u8) -> bool {
        self.token().kind == TokenKind::Symbol(symbol)
    }

    fn symbol_ahead(&self, count: usize, symbol: u8) -> bool {
        self.ahead(count).kind == TokenKind::Symbol(symbol)
    }

    fn eat_symbol(&mut self, symbol: u8) -> bool {
        let found = self.at_symbol(symbol);
        if found {
            self.advance();
        }
        found
    }

    fn expect_symbol(&mut self, symbol: u8) -> Parsing<Span> {
        if self.at_symbol(symbol) { Ok(self.advance()) } else { Err(self.error_here()) }
    }

    /// Returns the syntax error at the current token. At the end of the tokens, returns the lexer's error, if there is
    /// one.
    fn error_here(&self) -> Box<Diagnostic> {
        self.error_ahead(0)
    }

    fn error_ahead(&self, count: usize) -> Box<Diagnostic> {
        let token = self.ahead(count);
        match (&token.kind, &self.lexed.error) {
            (TokenKind::End, Some(error)) => Box::new(error.clone()),
            _ => Box::new(syntax_error_at(token.span, self.text)),
        }
    }

    /// Adds advice to the error.
    fn advised(&self, error: Diagnostic) -> Diagnostic {
        if error.code != Code::SyntaxError || error.hint.is_some() {
            return error;
        }
        match advice::advice(self.text, self.lexed, &error, &|tokens| read(self.text, tokens)) {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }

    /// Returns an error that PostgreSQL raises in a grammar action.
    fn error_at(&self, span: Span, message: impl Into<String>) -> Box<Diagnostic> {
        Box::new(Diagnostic::syntax(Code::SyntaxError, span, message))
    }

    /// Returns the error for SQL whose tree would exceed a limit.
    fn too_complex(&self, message: String) -> Box<Diagnostic> {
        Box::new(Diagnostic::syntax(Code::TooComplex, self.span(), message))
    }

    /// Runs `parse` one nesting level deeper, or returns an error if this exceeds `MAX_DEPTH`.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsing<T>) -> Parsing<T> {
        if self.depth >= MAX_DEPTH {
            let message = format!("the statement nests deeper than {MAX_DEPTH} levels: split it");
            return Err(self.too_complex(message));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// `item, item, …`
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parsing<T>) -> Parsing<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.eat_symbol(b',') {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// `( item, item, … )`
    fn parenthesized_list<T>(&mut self, item: impl FnMut(&mut Self) -> Parsing<T>) -> Parsing<Vec<T>> {
        self.expect_symbol(b'(')?;
        let items = self.list(item)?;
        self.expect_symbol(b')')?;
        Ok(items)
    }
}
