//! Splits constants of arrays and ranges: `array_in`, `range_in`.
//!
//! Input: the text between the quotes. Output: the elements or bounds as text, or [`Malformed`]. Constructs that are
//! not modeled (explicit array bounds) are accepted.

use std::iter::Peekable;
use std::str::Chars;

/// The text is not an array, or not a range.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The elements of an array; NULLs are left out.
pub(super) fn array_elements(text: &str, delimiter: char) -> Result<Vec<String>, Malformed> {
    let text = text.trim_matches(is_blank);
    if text.starts_with('[') {
        return Ok(Vec::new());
    }
    let mut reader = Reader { rest: text.chars().peekable(), delimiter };
    let mut elements = Vec::new();
    reader.array(&mut elements, 0)?;
    if reader.rest.next().is_some() { Err(Malformed) } else { Ok(elements) }
}

/// The bounds of a range that are written.
pub(super) fn range_bounds(text: &str) -> Result<Vec<String>, Malformed> {
    let text = text.trim_matches(is_blank);
    if text.eq_ignore_ascii_case("empty") {
        return Ok(Vec::new());
    }
    let mut rest = text.chars().peekable();
    if !matches!(rest.next(), Some('[' | '(')) {
        return Err(Malformed);
    }
    let mut bounds = Vec::new();
    for last in [false, true] {
        let (mut bound, mut written, mut quoted) = (String::new(), false, false);
        loop {
            match rest.next().ok_or(Malformed)? {
                ',' if !quoted && !last => break,
                ')' | ']' if !quoted && last => break,
                ',' | '(' | '[' | ')' | ']' if !quoted => return Err(Malformed),
                '\\' => bound.push(rest.next().ok_or(Malformed)?),
                '"' if quoted && rest.peek() == Some(&'"') => bound.extend(rest.next()),
                '"' => quoted = !quoted,
                other => bound.push(other),
            }
            written = true;
        }
        if written {
            bounds.push(bound);
        }
    }
    if rest.next().is_some() { Err(Malformed) } else { Ok(bounds) }
}

struct Reader<'t> {
    rest: Peekable<Chars<'t>>,
    delimiter: char,
}

impl Reader<'_> {
    /// Reads from `{` to `}`; returns the length of each dimension, outermost first.
    fn array(&mut self, out: &mut Vec<String>, depth: usize) -> Result<Vec<usize>, Malformed> {
        self.expect('{')?;
        let mut length = 0;
        let mut inner: Option<Vec<usize>> = None;
        self.blanks();
        if self.rest.next_if_eq(&'}').is_some() {
            return Ok(vec![0]);
        }
        loop {
            self.blanks();
            let shape = match self.rest.peek() {
                // A PostgreSQL array has at most six dimensions.
                Some('{') if depth < 6 => self.array(out, depth + 1)?,
                Some('"') => {
                    out.push(self.quoted()?);
                    Vec::new()
                }
                _ => {
                    let word = self.word()?;
                    if !word.eq_ignore_ascii_case("null") {
                        out.push(word);
                    }
                    Vec::new()
                }
            };
            length += 1;
            if *inner.get_or_insert_with(|| shape.clone()) != shape {
                return Err(Malformed);
            }
            self.blanks();
            match self.rest.next() {
                Some('}') => break,
                Some(it) if it == self.delimiter => {}
                _ => return Err(Malformed),
            }
        }
        Ok([vec![length], inner.unwrap_or_default()].concat())
    }

    fn quoted(&mut self) -> Result<String, Malformed> {
        self.expect('"')?;
        let mut out = String::new();
        loop {
            match self.rest.next().ok_or(Malformed)? {
                '"' => return Ok(out),
                '\\' => out.push(self.rest.next().ok_or(Malformed)?),
                other => out.push(other),
            }
        }
    }

    fn word(&mut self) -> Result<String, Malformed> {
        let mut out = String::new();
        while let Some(next) = self.rest.peek().copied() {
            match next {
                '}' => break,
                '{' | '"' => return Err(Malformed),
                _ if next == self.delimiter => break,
                '\\' => {
                    self.rest.next();
                    out.push(self.rest.next().ok_or(Malformed)?);
                }
                _ => out.extend(self.rest.next()),
            }
        }
        let word = out.trim_end_matches(is_blank);
        if word.is_empty() { Err(Malformed) } else { Ok(word.to_owned()) }
    }

    fn expect(&mut self, wanted: char) -> Result<(), Malformed> {
        self.rest.next_if_eq(&wanted).map(drop).ok_or(Malformed)
    }

    fn blanks(&mut self) {
        while self.rest.next_if(|it| is_blank(*it)).is_some() {}
    }
}

/// `array_isspace`
fn is_blank(character: char) -> bool {
    character.is_ascii_whitespace() || character == '\x0b'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays() {
        let elements = |text| array_elements(text, ',').map(|it| it.join("|"));
        for (text, expected) in [
            ("{}", Some("")),
            (" { a , \"b \\\" c\" , NULL,\"null\" } ", Some("a|b \" c|null")),
            ("{{1,2},{3,4}}", Some("1|2|3|4")),
            ("[2:3]={1,2}", Some("")),
            ("rust", None),
            ("{a", None),
            ("{a,}", None),
            ("{a,,b}", None),
            ("{{1,2},{3}}", None),
            ("{{1},2}", None),
            ("{a}b", None),
            ("{a\"b\"}", None),
        ] {
            assert_eq!(elements(text).ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn ranges() {
        for (text, expected) in [
            ("empty", Some("")),
            ("[1,3)", Some("1|3")),
            ("(,3]", Some("3")),
            ("[\"a,b\",c]", Some("a,b|c")),
            ("1,3", None),
            ("[1,3", None),
            ("[1)", None),
            ("[1,3)x", None),
        ] {
            assert_eq!(range_bounds(text).ok().map(|it| it.join("|")).as_deref(), expected, "{text}");
        }
    }
}
