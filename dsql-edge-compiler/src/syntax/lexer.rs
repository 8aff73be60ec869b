//! Splits SQL text into tokens by the rules of PostgreSQL 16's `scan.l`.
//!
//! Input: a [`Source`]. Output: all tokens at once. A malformed token ends the list with an error. The parser reports
//! this error only when it reaches the token, because PostgreSQL's scanner also works on demand. This lexer also reads
//! text that PostgreSQL's scanner does not read: the macro's `$name` (with [`Placeholders::Named`]) and `{? … }`, and,
//! in a script, psql commands and the rows of a COPY.

use super::keyword::Keyword;
use super::token::{Piece, Token, TokenKind, optional_text_of};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{BYTE_ORDER_MARK, Placeholders, Source, Span};

mod psql;
mod string;

pub use psql::PsqlCommand;

/// `NAMEDATALEN - 1`: an identifier that is longer is cut to this length, as in PostgreSQL.
const MAX_IDENTIFIER_BYTES: usize = 63;

/// A lexed source.
#[derive(Clone, Debug, Default)]
pub struct Lexed {
    /// The tokens; the last is always the end of input.
    pub tokens: Vec<Token>,
    /// The error that ended the list of tokens before the end of the SQL.
    pub error: Option<Diagnostic>,
    /// The names of `$name` parameters, in order of first appearance; the first is parameter 1.
    pub captures: Vec<String>,
    /// Whether a parameter may be written `$name`.
    pub named: bool,
    /// The greatest number among the parameters `$1`, `$2` …; 0 if the text does not contain such a parameter.
    pub numbered: u32,
    /// The span of each placeholder, with its number.
    pub placeholders: Vec<(Span, u32)>,
    /// `{? … }`, in order.
    pub pieces: Vec<Piece>,
    /// The replacements for optional text, or for its braces, in the SQL to send.
    pub edits: Vec<(Span, String)>,
    /// Whether the text is a psql script.
    pub script: bool,
    /// For a script, the psql commands in it.
    pub commands: Vec<PsqlCommand>,
    /// For a script, the spans of the rows after each `COPY … FROM stdin`, including the line that ends the rows.
    pub rows: Vec<Span>,
    /// For a script, the offset of each `\;`, which separates two statements of one message. `\;` in a message that
    /// `\r` discards is left out.
    pub joins: Vec<u32>,
}

impl Lexed {
    /// Returns the tokens that begin inside a span.
    pub fn within(&self, place: Span) -> &[Token] {
        let first = self.tokens.partition_point(|token| token.span.start < place.start);
        let end = self.tokens.partition_point(|token| token.span.start < place.end);
        self.tokens.get(first..end).unwrap_or_default()
    }

    /// Returns an upper bound of the number of levels that the text can nest. A token opens at most one level, and a
    /// string that is read as an array, a row or JSON opens at most one level for each bracket in it.
    pub(crate) fn levels(&self) -> usize {
        let brackets = |token: &Token| match &token.kind {
            TokenKind::String(text) => text.bytes().filter(|byte| matches!(byte, b'(' | b'[' | b'{')).count(),
            _ => 0,
        };
        self.tokens.len() + self.tokens.iter().map(brackets).sum::<usize>()
    }

    /// Returns the error if the text contains both `$1` and `$name`: both would be parameter 1. `text` is the text from
    /// which these tokens were read.
    pub fn mixed_placeholders(&self, text: &str) -> Option<Diagnostic> {
        let name = self.captures.first().filter(|_| self.numbered > 0)?;
        let is_number = |span: &Span| span.text(text).as_bytes().get(1).is_some_and(u8::is_ascii_digit);
        let span = self.placeholders.iter().map(|(span, _)| *span).find(is_number)?;
        let message = format!("the query mixes $1 and ${name}: use numbers or names, not both");
        Some(Diagnostic::syntax(Code::SyntaxError, span, message))
    }
}

/// Lexes the whole text.
pub fn lex(source: &Source) -> Lexed {
    let mut lexer = Lexer {
        text: &source.text,
        at: 0,
        named: source.placeholders == Placeholders::Named,
        optional_text: source.optional_text,
        open: None,
        script: source.script,
        copies: 0,
        unsent: 0,
        unsent_copies: 0,
        signs_until: 0,
        out: Lexed {
            script: source.script,
            named: source.placeholders == Placeholders::Named,
            ..Lexed::default()
        },
    };
    if lexer.script && source.text.starts_with(BYTE_ORDER_MARK) {
        lexer.at = BYTE_ORDER_MARK.len_utf8();
    }
    if let Err(error) = lexer.run() {
        lexer.out.error = Some(error);
    }
    let end = source.text.len();
    lexer.out.tokens.push(Token { kind: TokenKind::End, span: Span::new(end, end) });
    lexer.out
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    named: bool,
    optional_text: bool,
    /// The offset of a `{?` that is not closed yet, and the number of tokens before it.
    open: Option<(usize, usize)>,
    script: bool,
    /// For a script, the number of `COPY … FROM stdin` statements in the current line; their rows begin in the next
    /// line.
    copies: usize,
    /// For a script, the index of the first token that psql has not sent yet.
    unsent: usize,
    /// For a script, the number of `COPY … FROM stdin` statements that end with `\;`, so that psql has not sent their
    /// message yet.
    unsent_copies: usize,
    /// The position up to which each `+` and each `-` is an operator of one character.
    signs_until: usize,
    out: Lexed,
}

type Lexing<T> = Result<T, Diagnostic>;

impl<'a> Lexer<'a> {
    fn run(&mut self) -> Lexing<()> {
        loop {
            self.skip_blanks()?;
            let start = self.at;
            let Some(byte) = self.byte(0) else { return self.no_open_piece() };
            let kind = match byte {
                b'{' if self.optional_text && self.byte(1) == Some(b'?') => {
                    self.open_piece(start)?;
                    continue;
                }
                b'}' if self.open.is_some() => {
                    self.close_piece();
                    continue;
                }
                b'\\' if self.script => {
                    self.psql_command();
                    continue;
                }
                b';' if self.script => {
                    self.send_message(1);
                    continue;
                }
                b'\'' => TokenKind::String(self.plain_string(start, 0)?),
                b'"' => {
                    let name = self.delimited(start)?;
                    TokenKind::Identifier(truncate(name))
                }
                b'b' | b'B' if self.byte(1) == Some(b'\'') => TokenKind::BitString(self.digit_string(start)?),
                b'x' | b'X' if self.byte(1) == Some(b'\'') => TokenKind::HexString(self.digit_string(start)?),
                b'n' | b'N' if self.byte(1) == Some(b'\'') => {
                    // For N'…', `scan.l` returns the keyword NCHAR, and the string as the next token.
                    self.at += 1;
                    TokenKind::Keyword(Keyword::Nchar)
                }
                b'e' | b'E' if self.byte(1) == Some(b'\'') => TokenKind::String(self.escape_string(start)?),
                b'u' | b'U' if self.byte(1) == Some(b'&') && self.byte(2) == Some(b'\'') => {
                    TokenKind::String(self.unicode_string(start)?)
                }
                b'u' | b'U' if self.byte(1) == Some(b'&') && self.byte(2) == Some(b'"') => {
                    TokenKind::Identifier(truncate(self.unicode_identifier(start)?))
                }
                b'$' => self.dollar(start)?,
                b'0'..=b'9' => self.number(start)?,
                b'.' if self.byte(1).is_some_and(|next| next.is_ascii_digit()) => self.number(start)?,
                b'.' if self.byte(1) == Some(b'.') => self.advance(2, TokenKind::DotDot),
                b':' if self.byte(1) == Some(b':') => self.advance(2, TokenKind::Typecast),
                b':' if self.byte(1) == Some(b'=') => self.advance(2, TokenKind::ColonEquals),
                b',' | b'(' | b')' | b'[' | b']' | b'.' | b';' | b':' => {
                    self.advance(1, TokenKind::Symbol(byte))
                }
                byte if is_operator(byte) => self.operator(start)?,
                byte if is_identifier_start(byte) => self.word(),
                _ => {
                    let character = self.text[start..].chars().next().unwrap_or('\0');
                    let span = Span::new(start, start + character.len_utf8());
                    return Err(syntax_error_at(span, self.text));
                }
            };
            self.out.tokens.push(Token { kind, span: Span::new(start, self.at) });
        }
    }

    fn open_piece(&mut self, start: usize) -> Lexing<()> {
        if self.open.is_some() {
            let span = Span::new(start, start + 2);
            let message = "optional text is inside optional text";
            return Err(Diagnostic::syntax(Code::OptionalText, span, message).with_hint(
                "close the first piece with } before the second; both may depend on the same parameter",
            ));
        }
        self.open = Some((start, self.out.tokens.len()));
        self.at += 2;
        Ok(())
    }

    fn close_piece(&mut self) {
        self.at += 1;
        if let Some((start, first)) = self.open.take() {
            let tokens = first..self.out.tokens.len();
            self.out.pieces.push(Piece { span: Span::new(start, self.at), tokens });
        }
    }

    fn no_open_piece(&self) -> Lexing<()> {
        match self.open {
            Some((start, _)) => {
                let span = Span::new(start, start + 2);
                let inside = self.text.get(start + 2..).unwrap_or_default();
                Err(Diagnostic::syntax(Code::OptionalText, span, "unterminated optional text")
                    .with_hint(format!("close it with }}: {}", optional_text_of(inside))))
            }
            None => Ok(()),
        }
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn advance(&mut self, bytes: usize, kind: TokenKind) -> TokenKind {
        self.at += bytes;
        kind
    }

    fn skip_blanks(&mut self) -> Lexing<()> {
        loop {
            match (self.byte(0), self.byte(1)) {
                (Some(b'\n'), _) if self.copies > 0 => self.skip_rows(),
                (Some(b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c), _) => self.at += 1,
                (Some(b'-'), Some(b'-')) => self.skip_line(),
                (Some(b'/'), Some(b'*')) => self.skip_block_comment()?,
                _ => return Ok(()),
            }
        }
    }

    fn skip_line(&mut self) {
        while self.byte(0).is_some_and(|byte| byte != b'\n' && byte != b'\r') {
            self.at += 1;
        }
    }

    fn skip_block_comment(&mut self) -> Lexing<()> {
        let start = self.at;
        let mut depth = 0usize;
        loop {
            match (self.byte(0), self.byte(1)) {
                (Some(b'/'), Some(b'*')) => {
                    depth += 1;
                    self.at += 2;
                }
                (Some(b'*'), Some(b'/')) => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                (Some(_), _) => self.at += 1,
                (None, _) => return Err(self.error(start, "unterminated /* comment")),
            }
        }
    }

    fn word(&mut self) -> TokenKind {
        let start = self.at;
        while self.byte(0).is_some_and(is_identifier_part) {
            self.at += 1;
        }
        let word = self.text[start..self.at].to_ascii_lowercase();
        match Keyword::from_word(&word) {
            Some(keyword) => TokenKind::Keyword(keyword),
            None => TokenKind::Identifier(truncate(word)),
        }
    }

    fn operator(&mut self, start: usize) -> Lexing<TokenKind> {
        let bytes = self.text.as_bytes();
        let end = if start < self.signs_until { start + 1 } else { self.operator_end(start) };
        self.at = end;
        let text = &self.text[start..end];
        Ok(match text {
            "=>" => TokenKind::EqualsGreater,
            "<=" => TokenKind::LessEquals,
            ">=" => TokenKind::GreaterEquals,
            "<>" | "!=" => TokenKind::NotEquals,
            "+" | "-" | "*" | "/" | "%" | "^" | "<" | ">" | "=" => TokenKind::Symbol(bytes[start]),
            _ if text.len() > MAX_IDENTIFIER_BYTES => {
                return Err(Diagnostic::syntax(
                    Code::SyntaxError,
                    Span::new(start, end),
                    format!("operator too long at or near \"{text}\""),
                ));
            }
            _ => TokenKind::Operator(text.to_owned()),
        })
    }

    /// Returns the end of an operator. An operator of several characters ends with `+` or `-` only if it contains one
    /// of `~!@#^&|`?%`. If the operator contains none of these characters, a `+` or `-` at its end is a separate
    /// operator. `signs_until` prevents another search at each sign, which would take quadratic time.
    fn operator_end(&mut self, start: usize) -> usize {
        let bytes = self.text.as_bytes();
        let mut end = start;
        while bytes.get(end).copied().is_some_and(is_operator) {
            // The start of a comment ends an operator.
            if end > start
                && matches!((bytes[end], bytes.get(end + 1)), (b'-', Some(b'-')) | (b'/', Some(b'*')))
            {
                break;
            }
            end += 1;
        }
        if bytes[start..end].iter().any(|byte| b"~!@#^&|`?%".contains(byte)) {
            return end;
        }
        self.signs_until = end;
        while end - start > 1 && matches!(bytes[end - 1], b'+' | b'-') {
            end -= 1;
        }
        end
    }

    /// Lexes `$1`, `$name`, or a dollar-quoted string.
    fn dollar(&mut self, start: usize) -> Lexing<TokenKind> {
        let bytes = self.text.as_bytes();
        let mut end = start + 1;
        if bytes.get(end).is_some_and(u8::is_ascii_digit) {
            while bytes.get(end).is_some_and(u8::is_ascii_digit) {
                end += 1;
            }
            self.no_junk(start, end, "trailing junk after parameter")?;
            // The lexer accepts a number above PostgreSQL's limit, because the analysis reports such a number with
            // PostgreSQL's message.
            let number = self.text[start + 1..end].parse::<i32>().unwrap_or(i32::MAX) as u32;
            self.out.numbered = self.out.numbered.max(number);
            self.out.placeholders.push((Span::new(start, end), number));
            return Ok(TokenKind::Parameter(number));
        }
        while bytes
            .get(end)
            .copied()
            .is_some_and(|byte| is_identifier_start(byte) || (end > start + 1 && byte.is_ascii_digit()))
        {
            end += 1;
        }
        if bytes.get(end) == Some(&b'$') {
            return self.dollar_string(start, end + 1).map(TokenKind::String);
        }
        if !self.named || end == start + 1 {
            return Err(syntax_error_at(Span::new(start, start + 1), self.text));
        }
        self.at = end;
        let name = &self.text[start + 1..end];
        let index = match self.out.captures.iter().position(|known| known == name) {
            Some(index) => index,
            None => {
                self.out.captures.push(name.to_owned());
                self.out.captures.len() - 1
            }
        };
        let number = index as u32 + 1;
        self.out.placeholders.push((Span::new(start, end), number));
        if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).copied().is_some_and(is_identifier_start) {
            let mut field_end = end + 1;
            while bytes.get(field_end).copied().is_some_and(is_identifier_part) {
                field_end += 1;
            }
            let path = &self.text[start + 1..field_end];
            let field = &self.text[end + 1..field_end];
            return Err(Diagnostic::syntax(
                Code::InvalidCapture,
                Span::new(start, field_end),
                format!("`${path}` cannot be captured: only a plain variable can"),
            )
            .with_hint(format!("write ${field} in the SQL and add `{field} = {path}` after it")));
        }
        Ok(TokenKind::Parameter(number))
    }

    fn number(&mut self, start: usize) -> Lexing<TokenKind> {
        let bytes = self.text.as_bytes();
        if bytes[start] == b'0' {
            let radix = match bytes.get(start + 1) {
                Some(b'x' | b'X') => Some((16, "hexadecimal")),
                Some(b'o' | b'O') => Some((8, "octal")),
                Some(b'b' | b'B') => Some((2, "binary")),
                _ => None,
            };
            if let Some((radix, name)) = radix {
                return self.radix_integer(start, radix, name);
            }
        }
        let mut end = self.decimal_digits(start);
        let mut integer = true;
        if bytes.get(end) == Some(&b'.') && !(end > start && bytes.get(end + 1) == Some(&b'.')) {
            integer = false;
            end = self.decimal_digits(end + 1);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            if bytes.get(end + 1 + sign).is_some_and(u8::is_ascii_digit) {
                integer = false;
                end = self.decimal_digits(end + 1 + sign);
            } else if sign == 1 {
                self.at = end + 2;
                return Err(self.error(start, JUNK_AFTER_NUMBER));
            }
        }
        self.no_junk(start, end, JUNK_AFTER_NUMBER)?;
        let digits: String = self.text[start..end].chars().filter(|digit| *digit != '_').collect();
        Ok(match digits.parse::<i32>() {
            Ok(value) if integer => TokenKind::Integer(value),
            _ => TokenKind::Numeric(digits),
        })
    }

    fn radix_integer(&mut self, start: usize, radix: u32, name: &str) -> Lexing<TokenKind> {
        let bytes = self.text.as_bytes();
        let is_digit = |at: usize| bytes.get(at).is_some_and(|byte| (*byte as char).is_digit(radix));
        let mut end = start + 2;
        loop {
            let gap = usize::from(bytes.get(end) == Some(&b'_'));
            if !is_digit(end + gap) {
                break;
            }
            end += gap + 1;
        }
        if end == start + 2 {
            self.at = end + usize::from(bytes.get(end) == Some(&b'_'));
            return Err(self.error(start, &format!("invalid {name} integer")));
        }
        self.no_junk(start, end, JUNK_AFTER_NUMBER)?;
        let digits: String = self.text[start + 2..end].chars().filter(|digit| *digit != '_').collect();
        Ok(match i32::from_str_radix(&digits, radix) {
            Ok(value) => TokenKind::Integer(value),
            Err(_) => TokenKind::Numeric(self.text[start..end].to_owned()),
        })
    }

    fn decimal_digits(&self, mut at: usize) -> usize {
        let bytes = self.text.as_bytes();
        let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        if !is_digit(at) {
            return at;
        }
        loop {
            let gap = usize::from(bytes.get(at) == Some(&b'_'));
            if !is_digit(at + gap) {
                return at;
            }
            at += gap + 1;
        }
    }

    /// Checks that no identifier directly follows the token.
    fn no_junk(&mut self, start: usize, end: usize, what: &str) -> Lexing<()> {
        self.at = end;
        if self.byte(0).is_some_and(is_identifier_start) {
            while self.byte(0).is_some_and(is_identifier_part) {
                self.at += 1;
            }
            return Err(self.error(start, what));
        }
        Ok(())
    }

    /// Returns an error in PostgreSQL's form. The message contains the text from `start` to the current position.
    fn error(&self, start: usize, what: &str) -> Diagnostic {
        let near = &self.text[start..self.at.min(self.text.len())];
        Diagnostic::syntax(
            Code::SyntaxError,
            Span::new(start, self.at),
            format!("{what} at or near \"{near}\""),
        )
    }
}

const JUNK_AFTER_NUMBER: &str = "trailing junk after numeric literal";

/// Returns the error `syntax error at or near "…"`, or `syntax error at end of input` if the span is empty.
pub(crate) fn syntax_error_at(span: Span, text: &str) -> Diagnostic {
    let near = span.text(text);
    let message = if near.is_empty() {
        "syntax error at end of input".to_owned()
    } else {
        format!("syntax error at or near \"{near}\"")
    };
    Diagnostic::syntax(Code::SyntaxError, span, message)
}

fn is_identifier_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn is_identifier_part(byte: u8) -> bool {
    is_identifier_start(byte) || byte.is_ascii_digit() || byte == b'$'
}

fn is_operator(byte: u8) -> bool {
    b"~!@#^&|`?+-*/%<>=".contains(&byte)
}

fn truncate(mut name: String) -> String {
    if name.len() > MAX_IDENTIFIER_BYTES {
        let mut end = MAX_IDENTIFIER_BYTES;
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        name.truncate(end);
    }
    name
}
