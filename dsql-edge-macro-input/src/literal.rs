//! Finds the position in the source for each byte of a string literal's value.
//!
//! Input: the literal as written. Output: places.
//!
//! Stable Rust has no spans inside a literal, so this module keeps the literal as written and parses it again: for
//! every byte of the value, the module records where the byte, or its escape sequence, is in the literal.

use syn::LitStr;

/// A string literal with the source positions of its bytes.
pub struct Literal {
    /// The literal as written, quotes included.
    written: String,
    /// For each byte of the value, its source position: the offset in `written` at which this byte, or its escape
    /// sequence, begins.
    offsets: Vec<usize>,
}

impl Literal {
    /// Parses the literal again.
    pub fn new(literal: &LitStr) -> Literal {
        let written = literal.token().to_string();
        let offsets = offsets(&written);
        Literal { written, offsets }
    }

    /// Returns the offset in the literal as written at which the source of a byte of the value begins.
    pub fn offset(&self, offset: usize) -> usize {
        self.offsets.get(offset).copied().unwrap_or_else(|| {
            // The offset of the closing quotation mark, at the end of the value.
            self.written.rfind('"').unwrap_or(self.written.len())
        })
    }

    /// Returns the line and column (from 1, in characters) of a byte of the value, if the literal itself begins at
    /// `line` and `column`.
    pub fn place(&self, offset: usize, line: usize, column: usize) -> Option<(usize, usize)> {
        let at = self.offsets.get(offset).copied().unwrap_or_else(|| self.written.len().saturating_sub(1));
        let before = self.written.get(..at)?;
        let lines = before.bytes().filter(|byte| *byte == b'\n').count();
        let column = match before.rfind('\n') {
            Some(newline) => before.get(newline + 1..)?.chars().count() + 1,
            None => column + before.chars().count(),
        };
        Some((line + lines, column))
    }
}

/// Returns, for each byte of the literal's value, its source position: the offset in `written` at which this byte, or
/// its escape sequence, begins.
fn offsets(written: &str) -> Vec<usize> {
    let bytes = written.as_bytes();
    let Some(open) = written.find('"') else { return Vec::new() };
    let raw = written.starts_with('r');
    let hashes = if raw { open.saturating_sub(1) } else { 0 };
    let end = written.len().saturating_sub(1 + hashes);
    let mut out = Vec::with_capacity(written.len());
    let mut at = open + 1;
    while at < end {
        if raw || bytes[at] != b'\\' {
            // In the literal's value, a line ends with \n, even if the file has \r\n.
            if !(bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n')) {
                out.push(at);
            }
            at += 1;
            continue;
        }
        let start = at;
        match bytes.get(at + 1) {
            Some(b'x') => {
                out.push(start);
                at += 4;
            }
            Some(b'u') => {
                let close = written[at..].find('}').map_or(end, |length| at + length);
                let digits: String = written[at..close].chars().filter(char::is_ascii_hexdigit).collect();
                let character = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                out.extend(std::iter::repeat_n(start, character.map_or(1, char::len_utf8)));
                at = close + 1;
            }
            // A backslash at the end of a line skips the white space that follows.
            Some(b'\n' | b'\r') => {
                at += 1;
                while at < end && bytes[at].is_ascii_whitespace() {
                    at += 1;
                }
            }
            _ => {
                out.push(start);
                at += 2;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::offsets;

    #[test]
    fn every_byte_has_its_place_in_the_source() {
        for literal in [
            r#""SELECT \"x\" AS a""#,
            "r#\"SELECT \"x\"\n FROM t\"#",
            "\"a\\n\\u{8a18}b\\x41 \\\n    c\"",
            "\"記事\"",
        ] {
            let value = syn::parse_str::<syn::LitStr>(literal).unwrap().value();
            let offsets = offsets(literal);
            assert_eq!(offsets.len(), value.len(), "{literal}");
            for (at, character) in value.char_indices() {
                if character.is_ascii_alphabetic() && literal.as_bytes()[offsets[at]] != b'\\' {
                    assert_eq!(literal.as_bytes()[offsets[at]] as char, character, "{literal}");
                }
            }
        }
    }
}
