//! The text of one query or schema file, and places in it.
//!
//! Input: SQL as the user wrote it. Output: byte spans, and lines and columns for people. It never reads a file and
//! never has Rust's own source positions: the macro maps those.

use std::fmt;

/// A half-open range of bytes in a [`Source`].
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The bytes from `start` up to `end`.
    pub fn new(start: usize, end: usize) -> Span {
        Span { start: start as u32, end: end as u32 }
    }

    /// The smallest span that holds both.
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The text under the span; empty if the span is outside `text`.
    pub fn text(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize).unwrap_or("")
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// Replacements of pieces of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits(Vec<(Span, String)>);

impl Edits {
    /// Replaces a piece, which overlaps no other.
    pub fn replace(&mut self, piece: Span, text: impl Into<String>) {
        self.0.push((piece, text.into()));
    }

    /// The text with its pieces replaced. A blank separates words that would become one: `SELECT *FROM t`, where `*`
    /// becomes `id`.
    pub fn apply(mut self, text: &str) -> String {
        self.0.sort_by_key(|(span, _)| span.start);
        let mut out = String::with_capacity(text.len());
        let mut add = |next: &str| {
            let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '"');
            if out.ends_with(word) && next.starts_with(word) {
                out.push(' ');
            }
            out.push_str(next);
        };
        let mut at = 0;
        for (span, piece) in self.0 {
            add(text.get(at..span.start as usize).unwrap_or(""));
            add(&piece);
            at = span.end as usize;
        }
        add(text.get(at..).unwrap_or(""));
        out
    }
}

impl FromIterator<(Span, String)> for Edits {
    fn from_iter<I: IntoIterator<Item = (Span, String)>>(pieces: I) -> Edits {
        Edits(pieces.into_iter().collect())
    }
}

impl Extend<(Span, String)> for Edits {
    fn extend<I: IntoIterator<Item = (Span, String)>>(&mut self, pieces: I) {
        self.0.extend(pieces);
    }
}

/// How parameters are written in a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Placeholders {
    /// `$1`, `$2`: PostgreSQL's own, and the only form in schema files.
    #[default]
    Numbered,
    /// `$name` as the macro reads it; `$1` is read too, and mixing is left to the macro to refuse.
    Named,
}

/// SQL to compile.
#[derive(Clone, Debug)]
pub struct Source {
    /// The SQL text. At most 4 GiB, for spans are 32 bits wide.
    pub text: String,
    /// How its parameters are written.
    pub placeholders: Placeholders,
    /// Whether `{? … }` is text that is there only if its parameter is.
    pub optional_text: bool,
    /// Whether it is a script as psql reads it: with psql's own commands, rows behind `COPY … FROM stdin`, and perhaps
    /// a byte-order mark.
    pub script: bool,
}

impl Source {
    /// SQL with `$1` parameters.
    pub fn numbered(text: impl Into<String>) -> Source {
        Source {
            text: text.into(),
            placeholders: Placeholders::Numbered,
            optional_text: false,
            script: false,
        }
    }

    /// A file of SQL, as psql reads it.
    pub fn script(text: impl Into<String>) -> Source {
        Source { script: true, ..Source::numbered(text) }
    }

    /// SQL with `$name` parameters.
    pub fn named(text: impl Into<String>) -> Source {
        Source { placeholders: Placeholders::Named, ..Source::numbered(text) }
    }

    /// SQL as `sql!` reads it: `$name` parameters and `{? … }`.
    pub fn of_macro(text: impl Into<String>) -> Source {
        Source { optional_text: true, ..Source::named(text) }
    }
}

/// U+FEFF at the beginning of a file: it marks the encoding, and is not a part of the text.
pub const BYTE_ORDER_MARK: char = '\u{feff}';

/// Where the lines of a text begin. For many places in one text: [`line_and_column`] reads the text for each.
#[derive(Clone, Debug)]
pub struct Lines(Vec<usize>);

impl Lines {
    /// The lines of a text.
    pub fn of(text: &str) -> Lines {
        let behind = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Lines([0].into_iter().chain(behind).collect())
    }

    /// Line and column of a byte offset in that text, as [`line_and_column`] counts them.
    pub fn place(&self, text: &str, offset: usize) -> (usize, usize) {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let number = self.0.partition_point(|start| *start <= offset).max(1);
        let start = self.0.get(number - 1).copied().unwrap_or(0);
        let line = text.get(start..offset).unwrap_or("");
        let line = if start == 0 { line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line) } else { line };
        (number, line.chars().count() + 1)
    }

    /// The text of a line, without its end; lines count from 1.
    pub fn line<'t>(&self, text: &'t str, number: usize) -> &'t str {
        let start = number.checked_sub(1).and_then(|before| self.0.get(before));
        let end = self.0.get(number).copied().unwrap_or(text.len());
        let line = start.and_then(|start| text.get(*start..end)).unwrap_or("");
        let line = line.strip_suffix('\n').unwrap_or(line);
        line.strip_suffix('\r').unwrap_or(line)
    }
}

/// Line and column of a byte offset, both counted from 1, the column in characters, a byte-order mark not counted.
pub fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    Lines::of(text).place(text, offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_lines_are_those_of_the_text() {
        let text = "\u{feff}a\n\nb\u{e9}c\r\nd";
        let lines = Lines::of(text);
        let at = |needle: &str| lines.place(text, text.find(needle).unwrap());
        assert_eq!([at("a"), at("b"), at("c"), at("d")], [(1, 1), (3, 1), (3, 3), (4, 1)]);
        assert_eq!((lines.place(text, usize::MAX), lines.place("", 0)), ((4, 2), (1, 1)));
        let all: Vec<&str> = (0..=5).map(|number| lines.line(text, number)).collect();
        assert_eq!(all, ["", "\u{feff}a", "", "b\u{e9}c", "d", ""]);
    }
}
