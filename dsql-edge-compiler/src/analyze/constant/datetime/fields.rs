//! Splits a date, time or interval into fields: `ParseDateTime` in PostgreSQL's `datetime.c`.
//!
//! Input: the text of a constant. Output: its fields, in lower case, each with the kind that its characters indicate.
//!
//! The kind only describes the characters: a [`Kind::Number`] may be a year, a [`Kind::Word`] a month or a time zone,
//! and a [`Kind::Date`] the name of a zone (`America/New_York`). For example, `2026-11-28 10:00 +02` has three fields:
//! a date, a time and a zone.

use super::super::blank::is_blank;
use super::problem::Problem;
use super::words::is_keyword;

/// `MAXDATEFIELDS`
const MAX_FIELDS: usize = 25;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Digits, with or without a decimal point: `DTK_NUMBER`.
    Number,
    /// Digits with delimiters (`2026-11-28`), or letters with punctuation (`Etc/GMT`): `DTK_DATE`.
    Date,
    /// Digits with colons: `DTK_TIME`.
    Time,
    /// Letters: `DTK_STRING`.
    Word,
    /// A sign and letters: `DTK_SPECIAL`.
    SignedWord,
    /// A sign and digits: `DTK_TZ`.
    Zone,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) kind: Kind,
    pub(super) text: String,
}

/// Splits a constant into its fields. `room` is the size of the buffer of the type's input function; this buffer
/// contains all fields, and a NUL after each field.
pub(super) fn split(text: &str, room: usize) -> Result<Vec<Field>, Problem> {
    let mut reader = Reader { rest: text.as_bytes(), field: String::new(), used: 0, room };
    let mut fields = Vec::new();
    while let Some(first) = reader.peek() {
        if is_blank(char::from(first)) {
            reader.skip();
            continue;
        }
        if fields.len() >= MAX_FIELDS {
            return Err(Problem::Malformed);
        }
        let kind = match first {
            b'0'..=b'9' => reader.digits_first()?,
            b'.' => {
                reader.take()?;
                reader.take_while(|byte| byte.is_ascii_digit())?;
                Kind::Number
            }
            _ if first.is_ascii_alphabetic() => reader.letters_first()?,
            b'+' | b'-' => reader.sign_first()?,
            // Other punctuation separates fields.
            _ if first.is_ascii_punctuation() => {
                reader.skip();
                continue;
            }
            _ => return Err(Problem::Malformed),
        };
        fields.push(Field { kind, text: reader.finish() });
    }
    Ok(fields)
}

struct Reader<'t> {
    rest: &'t [u8],
    field: String,
    /// The bytes of the buffer that are used.
    used: usize,
    room: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn peek_is(&self, is: impl Fn(u8) -> bool) -> bool {
        self.peek().is_some_and(is)
    }

    fn skip(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }

    /// Moves the next byte from the input to the current field.
    fn take(&mut self) -> Result<(), Problem> {
        let Some(byte) = self.peek() else { return Ok(()) };
        if self.used + 1 >= self.room {
            return Err(Problem::Malformed);
        }
        self.used += 1;
        self.field.push(char::from(byte.to_ascii_lowercase()));
        self.skip();
        Ok(())
    }

    fn take_while(&mut self, is: impl Fn(u8) -> bool) -> Result<(), Problem> {
        while self.peek_is(&is) {
            self.take()?;
        }
        Ok(())
    }

    fn finish(&mut self) -> String {
        // The NUL after the field.
        self.used += 1;
        std::mem::take(&mut self.field)
    }

    fn digits_first(&mut self) -> Result<Kind, Problem> {
        self.take_while(|byte| byte.is_ascii_digit())?;
        match self.peek() {
            Some(b':') => {
                self.take_while(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.'))?;
                Ok(Kind::Time)
            }
            Some(delimiter @ (b'-' | b'/' | b'.')) => {
                self.take()?;
                if !self.peek_is(|byte| byte.is_ascii_digit()) {
                    // A month in letters: `28-Nov-2026`.
                    self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == delimiter)?;
                    return Ok(Kind::Date);
                }
                self.take_while(|byte| byte.is_ascii_digit())?;
                if self.peek() == Some(delimiter) {
                    self.take_while(|byte| byte.is_ascii_digit() || byte == delimiter)?;
                    return Ok(Kind::Date);
                }
                Ok(if delimiter == b'.' { Kind::Number } else { Kind::Date })
            }
            _ => Ok(Kind::Number),
        }
    }

    fn letters_first(&mut self) -> Result<Kind, Problem> {
        self.take_while(|byte| byte.is_ascii_alphabetic())?;
        // A date with delimiters, or a zone (`Etc/GMT+5`). After a word of dates, such as `T` in `T10` and `July` in
        // `July4`, a digit or `+` begins a new field.
        let goes_on = match self.peek() {
            Some(b'-' | b'/' | b'.') => true,
            Some(byte) if byte == b'+' || byte.is_ascii_digit() => !is_keyword(&self.field),
            _ => false,
        };
        if !goes_on {
            return Ok(Kind::Word);
        }
        self.take()?;
        self.take_while(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'/' | b'_' | b'.' | b':')
        })?;
        Ok(Kind::Date)
    }

    fn sign_first(&mut self) -> Result<Kind, Problem> {
        self.take()?;
        while self.peek_is(|byte| is_blank(char::from(byte))) {
            self.skip();
        }
        if self.peek_is(|byte| byte.is_ascii_digit()) {
            self.take_while(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.' | b'-'))?;
            Ok(Kind::Zone)
        } else if self.peek_is(|byte| byte.is_ascii_alphabetic()) {
            self.take_while(|byte| byte.is_ascii_alphabetic())?;
            Ok(Kind::SignedWord)
        } else {
            Err(Problem::Malformed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_fields() {
        for (text, expected) in [
            ("2026-11-28 10:00:00.5 +02", "Date 2026-11-28, Time 10:00:00.5, Zone +02"),
            ("20261128T100000", "Number 20261128, Word t, Number 100000"),
            ("Nov 28, 2026", "Word nov, Number 28, Number 2026"),
            ("1.5.2026", "Date 1.5.2026"),
            ("America/New_York", "Date america/new_york"),
            ("-infinity", "SignedWord -infinity"),
            ("- 1 day", "Zone -1, Word day"),
        ] {
            let fields = split(text, 128).unwrap_or_default();
            let fields: Vec<String> =
                fields.iter().map(|field| format!("{:?} {}", field.kind, field.text)).collect();
            assert_eq!(fields.join(", "), expected);
        }
        assert!(split("2026-11-28 -", 128).is_err() && split("昨日", 128).is_err());
        assert!(split("123456", 6).is_err() && split("12345", 7).is_ok());
    }
}
