//! Lexes quoted tokens: strings of all kinds, and delimited identifiers.
//!
//! Input: the lexer at an opening quote. Output: the decoded string, and the lexer at the position after the closing
//! quote.

use super::{Lexer, Lexing, is_identifier_part};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

impl Lexer<'_> {
    /// Lexes `'…'`. `start` is the offset of the token, and the opening quote is `prefix` bytes later.
    pub(super) fn plain_string(&mut self, start: usize, prefix: usize) -> Lexing<String> {
        self.at = start + prefix + 1;
        let mut out = String::new();
        loop {
            match self.quoted_part(b'\'', &mut out) {
                None => return Err(self.error(start, "unterminated quoted string")),
                Some(()) if self.continues() => {}
                Some(()) => return Ok(out),
            }
        }
    }

    /// Lexes `B'…'` or `X'…'`. The analysis checks the digits later, as the type's input function does.
    pub(super) fn digit_string(&mut self, start: usize) -> Lexing<String> {
        let kind = if matches!(self.byte(0), Some(b'b' | b'B')) { "bit" } else { "hexadecimal" };
        self.at = start + 2;
        let mut out = String::new();
        loop {
            match self.quoted_part(b'\'', &mut out) {
                None => return Err(self.error(start, &format!("unterminated {kind} string literal"))),
                Some(()) if self.continues() => {}
                Some(()) => return Ok(out),
            }
        }
    }

    /// Lexes `"…"`.
    pub(super) fn delimited(&mut self, start: usize) -> Lexing<String> {
        self.at = start + 1;
        let mut out = String::new();
        if self.quoted_part(b'"', &mut out).is_none() {
            return Err(self.error(start, "unterminated quoted identifier"));
        }
        if out.is_empty() {
            return Err(self.error(start, "zero-length delimited identifier"));
        }
        Ok(out)
    }

    /// Copies the text up to the closing quote; a doubled quote becomes one quote. `None` if the closing quote is
    /// missing.
    fn quoted_part(&mut self, quote: u8, out: &mut String) -> Option<()> {
        loop {
            let rest = self.text.get(self.at..)?;
            let Some(length) = rest.bytes().position(|byte| byte == quote) else {
                self.at = self.text.len();
                return None;
            };
            out.push_str(&rest[..length]);
            self.at += length + 1;
            if self.byte(0) != Some(quote) {
                return Some(());
            }
            out.push(quote as char);
            self.at += 1;
        }
    }

    /// Whether the string continues after white space that contains a newline (SQL's continuation). If the string
    /// continues, the lexer moves to the position after the reopening quote.
    fn continues(&mut self) -> bool {
        let before = self.at;
        let mut newline = false;
        loop {
            match (self.byte(0), self.byte(1)) {
                (Some(b'\n' | b'\r'), _) => {
                    newline = true;
                    self.at += 1;
                }
                (Some(b' ' | b'\t' | 0x0b | 0x0c), _) => self.at += 1,
                (Some(b'-'), Some(b'-')) => self.skip_line(),
                (Some(b'\''), _) if newline => {
                    self.at += 1;
                    return true;
                }
                _ => {
                    self.at = before;
                    return false;
                }
            }
        }
    }

    /// Lexes `$tag$…$tag$`. `start` is the offset of the token, and `body` the offset of the text after the first
    /// `$tag$`.
    pub(super) fn dollar_string(&mut self, start: usize, body: usize) -> Lexing<String> {
        let delimiter = &self.text[start..body];
        match self.text[body..].find(delimiter) {
            Some(length) => {
                self.at = body + length + delimiter.len();
                Ok(self.text[body..body + length].to_owned())
            }
            None => {
                self.at = self.text.len();
                Err(self.error(start, "unterminated dollar-quoted string"))
            }
        }
    }

    /// Lexes `E'…'`.
    pub(super) fn escape_string(&mut self, start: usize) -> Lexing<String> {
        self.at = start + 2;
        let mut out: Vec<u8> = Vec::new();
        let mut surrogate: Option<u32> = None;
        loop {
            let Some(byte) = self.byte(0) else {
                return Err(self.error(start, "unterminated quoted string"));
            };
            let at = self.at;
            if surrogate.is_some() && !(byte == b'\\' && matches!(self.byte(1), Some(b'u' | b'U'))) {
                self.at += self.text[at..].chars().next().map_or(0, char::len_utf8);
                return Err(self.error(at, Escape::SURROGATE));
            }
            match byte {
                b'\'' if self.byte(1) == Some(b'\'') => {
                    out.push(b'\'');
                    self.at += 2;
                }
                b'\'' => {
                    self.at += 1;
                    if !self.continues() {
                        break;
                    }
                }
                b'\\' => self.escape(start, &mut out, &mut surrogate)?,
                _ => {
                    out.push(byte);
                    self.at += 1;
                }
            }
        }
        let wrong = match String::from_utf8(out) {
            Ok(text) if !text.contains('\0') => return Ok(text),
            Ok(_) => "0x00".to_owned(),
            Err(error) => invalid_bytes(error.as_bytes(), error.utf8_error().valid_up_to()),
        };
        let message = format!("invalid byte sequence for encoding \"UTF8\": {wrong}");
        Err(Diagnostic::syntax(Code::InvalidEncoding, Span::new(start, self.at), message))
    }

    fn escape(&mut self, start: usize, out: &mut Vec<u8>, surrogate: &mut Option<u32>) -> Lexing<()> {
        let at = self.at;
        let Some(kind) = self.byte(1) else {
            self.at += 1;
            return Err(self.error(start, "unterminated quoted string"));
        };
        self.at += 2;
        match kind {
            b'u' | b'U' => {
                let digits = if kind == b'u' { 4 } else { 8 };
                let Some(value) = self.text.get(self.at..self.at + digits).and_then(hexadecimal) else {
                    let span = Span::new(at, self.at);
                    let error = Diagnostic::syntax(Code::InvalidEscape, span, "invalid Unicode escape");
                    return Err(error.with_hint("Unicode escapes must be \\uXXXX or \\UXXXXXXXX."));
                };
                self.at += digits;
                match Escape::of(value, surrogate) {
                    Escape::HighSurrogate => {}
                    Escape::Character(character) => {
                        let mut buffer = [0; 4];
                        out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
                    }
                    Escape::Wrong(message) => return Err(self.error(at, message)),
                }
            }
            b'x' if self.byte(0).is_some_and(|digit| digit.is_ascii_hexdigit()) => {
                out.push(self.digits(16, 2));
            }
            b'0'..=b'7' => {
                self.at -= 1;
                out.push(self.digits(8, 3));
            }
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'v' => out.push(11),
            other => out.push(other),
        }
        Ok(())
    }

    fn digits(&mut self, radix: u32, most: usize) -> u8 {
        let mut value = 0u32;
        for _ in 0..most {
            let Some(digit) = self.byte(0).and_then(|byte| (byte as char).to_digit(radix)) else { break };
            value = value * radix + digit;
            self.at += 1;
        }
        value as u8
    }

    /// Lexes `U&'…' [UESCAPE 'c']`.
    pub(super) fn unicode_string(&mut self, start: usize) -> Lexing<String> {
        let raw = self.plain_string(start, 2)?;
        self.unicode_escapes(start, &raw)
    }

    /// Lexes `U&"…" [UESCAPE 'c']`.
    pub(super) fn unicode_identifier(&mut self, start: usize) -> Lexing<String> {
        self.at = start + 2;
        let raw = self.delimited(start + 2)?;
        self.unicode_escapes(start, &raw)
    }

    /// Decodes the escapes of `U&'…'` and `U&"…"`, as `str_udeescape` does. As in PostgreSQL, the position of an error
    /// is computed as if each doubled quote before the escape were one quote.
    fn unicode_escapes(&mut self, start: usize, raw: &str) -> Lexing<String> {
        let escape = self.uescape()?;
        let mut out = String::new();
        let mut surrogate = None;
        let mut rest = raw;
        let error = |rest: &str, message: &str| {
            let at = start + "U&'".len() + raw.len() - rest.len();
            let end = at + rest.chars().next().map_or(1, char::len_utf8);
            Diagnostic::syntax(Code::SyntaxError, Span::new(at, end), message)
        };
        while let Some(character) = rest.chars().next() {
            let behind = &rest[character.len_utf8()..];
            let doubled = behind.starts_with(escape);
            if character != escape || doubled {
                if surrogate.is_some() {
                    return Err(error(rest, Escape::SURROGATE));
                }
                out.push(character);
                rest = if character == escape { &behind[escape.len_utf8()..] } else { behind };
                continue;
            }
            let (digits, count) = behind.strip_prefix('+').map_or((behind, 4), |digits| (digits, 6));
            let Some(value) = digits.get(..count).and_then(hexadecimal) else {
                let error = error(rest, "invalid Unicode escape");
                return Err(error.with_hint("Unicode escapes must be \\XXXX or \\+XXXXXX."));
            };
            match Escape::of(value, &mut surrogate) {
                Escape::HighSurrogate => {}
                Escape::Character(character) => out.push(character),
                Escape::Wrong(message) => return Err(error(rest, message)),
            }
            rest = &digits[count..];
        }
        match surrogate {
            Some(_) => Err(error(rest, Escape::SURROGATE)),
            None => Ok(out),
        }
    }

    /// Returns the escape character: `c` if `UESCAPE 'c'` follows the string, otherwise the backslash.
    fn uescape(&mut self) -> Lexing<char> {
        let after_string = self.at;
        self.skip_blanks()?;
        let word_start = self.at;
        while self.byte(0).is_some_and(is_identifier_part) {
            self.at += 1;
        }
        if !self.text[word_start..self.at].eq_ignore_ascii_case("uescape") {
            self.at = after_string;
            return Ok('\\');
        }
        self.skip_blanks()?;
        let start = self.at;
        let bad = |end| {
            let span = Span::new(start, end);
            let message = "UESCAPE must be followed by a simple string literal";
            Diagnostic::syntax(
                Code::SyntaxError,
                span,
                format!("{message} at or near \"{}\"", span.text(self.text)),
            )
        };
        if self.byte(0) != Some(b'\'') {
            let end = start + self.text[start..].chars().next().map_or(0, char::len_utf8);
            return Err(bad(end));
        }
        let text = self.plain_string(start, 0)?;
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            (Some(escape), None)
                if !escape.is_ascii_hexdigit()
                    && !matches!(escape, '+' | '\'' | '"')
                    && !escape.is_whitespace() =>
            {
                Ok(escape)
            }
            _ => {
                let message =
                    format!("invalid Unicode escape character at or near \"{}\"", &self.text[start..self.at]);
                Err(Diagnostic::syntax(Code::SyntaxError, Span::new(start, self.at), message))
            }
        }
    }
}

fn hexadecimal(digits: &str) -> Option<u32> {
    digits
        .bytes()
        .all(|digit| digit.is_ascii_hexdigit())
        .then(|| u32::from_str_radix(digits, 16).ok())
        .flatten()
}

/// The result of decoding one Unicode escape.
enum Escape {
    Character(char),
    /// The first half of a pair.
    HighSurrogate,
    /// PostgreSQL's message.
    Wrong(&'static str),
}

impl Escape {
    const SURROGATE: &'static str = "invalid Unicode surrogate pair";

    /// Decodes one escape. If the previous escape was the first half of a surrogate pair, `high` is this half. If this
    /// escape is a first half, it is stored in `high`.
    fn of(value: u32, high: &mut Option<u32>) -> Escape {
        let value = match (high.take(), value) {
            (Some(high), 0xDC00..=0xDFFF) => 0x10000 + ((high - 0xD800) << 10) + (value - 0xDC00),
            (Some(_), _) | (None, 0xDC00..=0xDFFF) => return Escape::Wrong(Escape::SURROGATE),
            (None, 0xD800..=0xDBFF) => {
                *high = Some(value);
                return Escape::HighSurrogate;
            }
            (None, value) => value,
        };
        match char::from_u32(value).filter(|character| *character != '\0') {
            Some(character) => Escape::Character(character),
            None => Escape::Wrong("invalid Unicode escape value"),
        }
    }
}

/// Returns the bytes of the invalid character. The first byte determines the number of bytes
/// (`report_invalid_encoding`).
fn invalid_bytes(bytes: &[u8], at: usize) -> String {
    let rest = bytes.get(at..).unwrap_or_default();
    let promised = match rest.first() {
        Some(0xc0..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf7) => 4,
        _ => 1,
    };
    let shown: Vec<String> = rest.iter().take(promised).map(|byte| format!("0x{byte:02x}")).collect();
    shown.join(" ")
}
