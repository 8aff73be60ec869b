//! Defines [`Source`], the text of a query or schema file, and [`Span`], a range of this text.
//!
//! Input: SQL as the user wrote it. Output: byte spans, and lines and columns for messages. The module does not read
//! files and does not handle positions in Rust source; the macro maps those positions.

use std::fmt;

/// A half-open range of bytes in a [`Source`].
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last byte of the span.
    pub end: u32,
}

impl Span {
    /// Makes the span of the bytes from `start` up to `end`.
    pub fn new(start: usize, end: usize) -> Span {
        Span { start: start as u32, end: end as u32 }
    }

    /// Returns the smallest span that contains both spans.
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// Returns the part of `text` in the span; empty if the span is outside `text`.
    pub fn text(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize).unwrap_or("")
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// Replacements in a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits(Vec<(Span, String)>);

impl Edits {
    /// Adds a replacement. Replacements must not overlap.
    pub fn replace(&mut self, piece: Span, text: impl Into<String>) {
        self.0.push((piece, text.into()));
    }

    /// Returns the text with the replacements. A blank is inserted between words that would otherwise merge: `SELECT
    /// *FROM t`, where `*` becomes `id`.
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

/// The form in which a query writes its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Placeholders {
    /// `$1`, `$2`: PostgreSQL's form; a schema file can contain only this form.
    #[default]
    Numbered,
    /// `$name`, the macro's form; `$1` is also accepted, and the macro rejects a mixture.
    Named,
}

/// SQL to compile.
#[derive(Clone, Debug)]
pub struct Source {
    /// The SQL text, of at most 4 GiB, because spans are 32 bits wide.
    pub text: String,
    /// The form of the parameters in the SQL.
    pub placeholders: Placeholders,
    /// Whether `{? … }` is optional text, which is sent only if the parameters on which it depends are given.
    pub optional_text: bool,
    /// Whether the text is a psql script, which may contain psql commands, rows after `COPY … FROM stdin`, and a
    /// byte-order mark.
    pub script: bool,
}

impl Source {
    /// Makes a source from SQL with `$1` parameters.
    pub fn numbered(text: impl Into<String>) -> Source {
        Source {
            text: text.into(),
            placeholders: Placeholders::Numbered,
            optional_text: false,
            script: false,
        }
    }

    /// Makes a source from an SQL file in the form that psql accepts.
    pub fn script(text: impl Into<String>) -> Source {
        Source { script: true, ..Source::numbered(text) }
    }

    /// Makes a source from SQL with `$name` parameters.
    pub fn named(text: impl Into<String>) -> Source {
        Source { placeholders: Placeholders::Named, ..Source::numbered(text) }
    }

    /// Makes a source in the syntax of `sql!`: its parameters are written `$name`, and `{? … }` is optional text.
    pub fn of_macro(text: impl Into<String>) -> Source {
        Source { optional_text: true, ..Source::named(text) }
    }
}

/// U+FEFF at the beginning of a file. The character only marks the encoding; it does not belong to the text.
pub const BYTE_ORDER_MARK: char = '\u{feff}';

/// The positions at which the lines of a text begin. To find the lines of many positions in one text, `Lines` is faster
/// than [`line_and_column`], which reads the text again for each position.
#[derive(Clone, Debug)]
pub struct Lines {
    starts: Vec<usize>,
    /// Marks inside long lines: for each mark, its offset, and the number of characters before it in its line.
    /// Without marks, a search in a long line would take time proportional to the length of the line.
    marks: Vec<(usize, usize)>,
}

/// The distance in bytes between two marks in a long line.
const MARK_DISTANCE: usize = 1024;

impl Lines {
    /// Finds the lines of `text`.
    pub fn of(text: &str) -> Lines {
        let (mut starts, mut marks) = (vec![0], Vec::new());
        let (mut characters, mut last) = (0, 0);
        for (at, character) in text.char_indices() {
            if at - last >= MARK_DISTANCE {
                marks.push((at, characters));
                last = at;
            }
            characters += usize::from(at > 0 || character != BYTE_ORDER_MARK);
            if character == '\n' {
                starts.push(at + 1);
                (characters, last) = (0, at + 1);
            }
        }
        Lines { starts, marks }
    }

    /// Returns the line and column of the byte at `offset`, counted as in [`line_and_column`]; `text` must be the
    /// text that [`Lines::of`] read.
    pub fn place(&self, text: &str, offset: usize) -> (usize, usize) {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let number = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts.get(number - 1).copied().unwrap_or(0);
        let before = self.marks.partition_point(|(at, _)| *at <= offset);
        let mark = before.checked_sub(1).and_then(|at| self.marks.get(at)).filter(|(at, _)| *at > start);
        let (from, counted) = mark.copied().unwrap_or((start, 0));
        let rest = text.get(from..offset).unwrap_or("");
        let rest = if from == 0 { rest.strip_prefix(BYTE_ORDER_MARK).unwrap_or(rest) } else { rest };
        (number, counted + rest.chars().count() + 1)
    }

    /// Returns the offset of the first byte of a line; the first line has the number 1.
    pub(crate) fn start(&self, number: usize) -> Option<usize> {
        number.checked_sub(1).and_then(|before| self.starts.get(before)).copied()
    }

    /// Returns the text of a line, without its end; lines count from 1.
    pub fn line<'t>(&self, text: &'t str, number: usize) -> &'t str {
        let end = self.starts.get(number).copied().unwrap_or(text.len());
        let line = self.start(number).and_then(|start| text.get(start..end)).unwrap_or("");
        let line = line.strip_suffix('\n').unwrap_or(line);
        line.strip_suffix('\r').unwrap_or(line)
    }
}

/// Returns the line and column of a byte offset, counted from 1; the column in characters, without a byte-order mark.
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
        let long = format!("\u{feff}{}\n{}", "\u{e9}".repeat(5_000), "x".repeat(5_000));
        let lines = Lines::of(&long);
        for at in [0, 3, 1_023, 1_027, 4_001, 10_003, 10_004, 12_000, 15_004] {
            let before = long.get(..at).map(|it| it.trim_start_matches(BYTE_ORDER_MARK));
            let line = before.map(|it| it.rsplit('\n').next().unwrap_or(it).chars().count() + 1);
            assert!(line.is_none_or(|column| lines.place(&long, at).1 == column), "{at}");
        }
        let lines = Lines::of(text);
        let all: Vec<&str> = (0..=5).map(|number| lines.line(text, number)).collect();
        assert_eq!(all, ["", "\u{feff}a", "", "b\u{e9}c", "d", ""]);
    }
}
