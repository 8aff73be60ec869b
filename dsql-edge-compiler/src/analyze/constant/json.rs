//! Checks constants of `json` and `jsonb` by the rules of PostgreSQL's JSON lexer and parser (`jsonapi.c`).
//!
//! Input: the text of a constant. Output: nothing, or the reason why the constant is not JSON. `jsonb` also decodes
//! strings and numbers, so it rejects characters and numbers that it cannot store.

use super::number::numeric;
use super::rejection::Rejection;
use crate::diagnostic::Code;

/// The maximum nesting depth that is checked; the server checks deeper values.
const MAX_DEPTH: usize = 200;

/// Checks whether the whole text is one JSON value; if `decodes` is true, also whether `jsonb` can store this value.
pub(super) fn check(text: &str, decodes: bool) -> Result<(), Rejection> {
    let mut reader =
        Reader { text, bytes: text.as_bytes(), at: 0, token: Token::End, decodes, reason: Reason::Malformed };
    if reader.document().is_some() {
        return Ok(());
    }
    Err(match reader.reason {
        Reason::TooDeep => return Ok(()),
        Reason::Malformed => {
            Rejection::new(Code::InvalidLiteral, "invalid input syntax for type json".to_owned())
        }
        Reason::Nul => {
            Rejection::new(Code::UntranslatableCharacter, "unsupported Unicode escape sequence".to_owned())
        }
        Reason::Number => Rejection::new(Code::OutOfRange, "value overflows numeric format".to_owned()),
    })
}

/// Why a text is rejected.
#[derive(Clone, Copy)]
enum Reason {
    Malformed,
    /// The character `\u0000`, which text cannot contain.
    Nul,
    /// A number beyond the limits of `numeric`.
    Number,
    /// The constant nests deeper than this module checks. This is not an error.
    TooDeep,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token<'t> {
    /// `{`, `}`, `[`, `]`, `:` or `,`.
    Punctuation(u8),
    String,
    Number(&'t str),
    /// `true`, `false` or `null`.
    Word,
    End,
}

/// A parser that reads the next token before it interprets the current token, as PostgreSQL's parser does. So if
/// the next token has an error, PostgreSQL reports that error, even if the current token violates the grammar or is a
/// number that `jsonb` cannot store.
struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    token: Token<'t>,
    decodes: bool,
    reason: Reason,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Reads the next token.
    fn advance(&mut self) -> Option<()> {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        let start = self.at;
        self.token = match self.peek() {
            None => Token::End,
            Some(b'"') => {
                self.at += 1;
                self.string()?;
                Token::String
            }
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                Token::Number(self.text.get(start..self.at)?)
            }
            Some(byte @ (b'{' | b'}' | b'[' | b']' | b':' | b',')) => {
                self.at += 1;
                Token::Punctuation(byte)
            }
            Some(_) => {
                let rest = self.bytes.get(start..)?;
                let word =
                    rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
                if !matches!(rest.get(..word)?, b"true" | b"false" | b"null") {
                    return None;
                }
                self.at += word;
                Token::Word
            }
        };
        Some(())
    }

    /// Reads the next token if the current token is `byte`; otherwise returns `None`.
    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.token == Token::Punctuation(byte)).then_some(())?;
        self.advance()
    }

    fn reject<T>(&mut self, reason: Reason) -> Option<T> {
        self.reason = reason;
        None
    }

    fn document(&mut self) -> Option<()> {
        self.advance()?;
        self.value(0)?;
        (self.token == Token::End).then_some(())
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return self.reject(Reason::TooDeep);
        }
        match self.token {
            Token::Punctuation(b'{') => self.members(depth),
            Token::Punctuation(b'[') => self.elements(depth),
            Token::Punctuation(_) | Token::End => None,
            Token::String | Token::Word => self.advance(),
            Token::Number(number) => {
                self.advance()?;
                let too_large = self.decodes && numeric(number).is_err_and(|it| it.code == Code::OutOfRange);
                if too_large { self.reject(Reason::Number) } else { Some(()) }
            }
        }
    }

    fn members(&mut self, depth: usize) -> Option<()> {
        self.expect(b'{')?;
        if self.token == Token::Punctuation(b'}') {
            return self.advance();
        }
        loop {
            (self.token == Token::String).then_some(())?;
            self.advance()?;
            self.expect(b':')?;
            self.value(depth + 1)?;
            if self.expect(b',').is_none() {
                return self.expect(b'}');
            }
        }
    }

    fn elements(&mut self, depth: usize) -> Option<()> {
        self.expect(b'[')?;
        if self.token == Token::Punctuation(b']') {
            return self.advance();
        }
        loop {
            self.value(depth + 1)?;
            if self.expect(b',').is_none() {
                return self.expect(b']');
            }
        }
    }

    /// Reads the rest of a string.
    fn string(&mut self) -> Option<()> {
        // Whether the previous character is a high surrogate. A low surrogate must follow a high surrogate.
        let mut high = false;
        loop {
            let byte = self.peek()?;
            self.at += 1;
            let unit = match byte {
                b'"' if high && self.decodes => return None,
                b'"' => return Some(()),
                b'\\' => self.escape()?,
                0..=0x1f => return None,
                _ => None,
            };
            high = self.surrogate(high, unit)?;
        }
    }

    /// Reads the rest of an escape sequence; for `\uXXXX`, returns its UTF-16 code unit.
    fn escape(&mut self) -> Option<Option<u32>> {
        let escape = self.peek()?;
        self.at += 1;
        match escape {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(None),
            b'u' => {
                let digits = self.text.get(self.at..self.at + 4)?;
                if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    return None;
                }
                self.at += 4;
                u32::from_str_radix(digits, 16).ok().map(Some)
            }
            _ => None,
        }
    }

    /// Checks the order of surrogates, if strings are decoded. Returns whether a low surrogate must follow.
    fn surrogate(&mut self, high: bool, unit: Option<u32>) -> Option<bool> {
        if !self.decodes {
            return Some(false);
        }
        match (high, unit) {
            (false, Some(0)) => self.reject(Reason::Nul),
            (false, Some(0xd800..=0xdbff)) => Some(true),
            (true, Some(0xdc00..=0xdfff)) => Some(false),
            (true, _) | (false, Some(0xdc00..=0xdfff)) => None,
            (false, _) => Some(false),
        }
    }

    fn number(&mut self) -> Option<()> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek()? {
            b'0' => self.at += 1,
            b'1'..=b'9' => self.digits()?,
            _ => return None,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        // `01` and `1a` are not numbers.
        if self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_jsonb() {
        let verdict = |text, decodes| check(text, decodes).err().map(|rejection| rejection.code);
        for (text, as_json, as_jsonb) in [
            (r#" {"a": [1, -2.5e3, "\u8a18", null, true]} "#, None, None),
            ("{a: 1}", Some(Code::InvalidLiteral), Some(Code::InvalidLiteral)),
            ("[1,]", Some(Code::InvalidLiteral), Some(Code::InvalidLiteral)),
            ("01", Some(Code::InvalidLiteral), Some(Code::InvalidLiteral)),
            ("", Some(Code::InvalidLiteral), Some(Code::InvalidLiteral)),
            (r#""\u0000""#, None, Some(Code::UntranslatableCharacter)),
            (r#""\ud83d\ude04""#, None, None),
            (r#""\ud83d\ud83d""#, None, Some(Code::InvalidLiteral)),
            (r#""\ude04""#, None, Some(Code::InvalidLiteral)),
            (r#""\ud83dx""#, None, Some(Code::InvalidLiteral)),
            (r#""\ud83d""#, None, Some(Code::InvalidLiteral)),
            ("1e1000000", None, Some(Code::OutOfRange)),
            // The parser reads the next token before it reports a wrong token or a number that is too large.
            (r#"[1 "\u0000"]"#, Some(Code::InvalidLiteral), Some(Code::UntranslatableCharacter)),
            ("[1e1000000\\]", Some(Code::InvalidLiteral), Some(Code::InvalidLiteral)),
            ("[1e1000000 1]", Some(Code::InvalidLiteral), Some(Code::OutOfRange)),
            (&format!("{}{}", "[".repeat(300), "]".repeat(300)), None, None),
        ] {
            assert_eq!((verdict(text, false), verdict(text, true)), (as_json, as_jsonb), "{text}");
        }
    }
}
