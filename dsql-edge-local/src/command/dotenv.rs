//! The assignments of a file in the form that the npm package `dotenv` reads. wrangler uses `dotenv` for `.dev.vars`.
//!
//! Input: text. Output: each assignment with the position of its value, or the first line whose meaning is not certain.
//! dsql-local does not change a file with an ambiguous line, so this module reports an error for a line that dotenv
//! reads in a way that users do not expect.

use std::ops::Range;

/// An assignment: `NAME=value`, `export NAME="value"`, `NAME: value`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Assignment<'t> {
    pub(crate) name: &'t str,
    /// The value without its quotes.
    pub(crate) value: &'t str,
    /// The byte range of the value with its quotes.
    pub(crate) written: Range<usize>,
    /// The byte range of the assignment's lines, with the line break of the last line.
    pub(crate) lines: Range<usize>,
    /// The number of the assignment's first line, from 1.
    pub(crate) number: usize,
}

/// Returns the assignments in `text`, in order. If a name has several assignments, the last one takes effect.
///
/// # Errors
///
/// Returns the line whose meaning is not certain, and why.
pub(crate) fn assignments(text: &str) -> Result<Vec<Assignment<'_>>, (usize, &'static str)> {
    let mut out: Vec<Assignment<'_>> = Vec::new();
    let mut at = usize::from(text.starts_with('\u{feff}')) * '\u{feff}'.len_utf8();
    while at < text.len() {
        let number = 1 + line_breaks(text.get(..at).unwrap_or_default());
        let rest = text.get(at..).unwrap_or_default();
        let end = match assignment(rest) {
            Some((name, value)) => {
                let value = value_of(rest, value).map_err(|why| (number, why))?;
                let end = value.end_of_line;
                let written = at + value.written.start..at + value.written.end;
                out.push(Assignment { name, value: value.text, written, lines: at..at + end, number });
                end
            }
            None => line_end(rest),
        };
        at += end.max(1);
    }
    Ok(out)
}

/// The name of the assignment in a line, and the position where its value may begin.
fn assignment(line: &str) -> Option<(&str, usize)> {
    let end = content_end(line);
    let content = line.get(..end)?;
    let start = content.trim_start();
    let start = match start.strip_prefix("export") {
        Some(rest) if rest.starts_with([' ', '\t']) => rest.trim_start(),
        _ => start,
    };
    let length = start.find(|it: char| !(it.is_ascii_alphanumeric() || matches!(it, '_' | '.' | '-')))?;
    let (name, rest) = start.split_at_checked(length).filter(|(name, _)| !name.is_empty())?;
    let value = match rest.trim_start().strip_prefix('=') {
        Some(value) => value,
        // A space or a tab must follow the colon, and must not precede it.
        None => rest.strip_prefix(':').filter(|value| value.starts_with([' ', '\t']))?,
    };
    Some((name, end - value.len()))
}

struct Value<'t> {
    text: &'t str,
    written: Range<usize>,
    end_of_line: usize,
}

/// The value after the `=` or the `:`.
fn value_of(text: &str, from: usize) -> Result<Value<'_>, &'static str> {
    let line = text.get(from..).unwrap_or_default();
    let blank = line.len() - line.trim_start_matches([' ', '\t']).len();
    let start = from + blank;
    let rest = text.get(start..).unwrap_or_default();
    let content = rest.get(..content_end(rest)).unwrap_or_default();
    if content.is_empty() {
        // In dotenv a quoted value may begin on a later line.
        return match rest.trim_start().starts_with(['"', '\'', '`']) {
            true => Err("its value begins on another line"),
            false => Ok(Value { text: "", written: start..start, end_of_line: start + line_end(rest) }),
        };
    }
    let Some(quote) = rest.chars().next().filter(|it| matches!(it, '"' | '\'' | '`')) else {
        let text = content.split('#').next().unwrap_or_default().trim_end();
        let written = start..start + text.len();
        return Ok(Value { text, written, end_of_line: start + line_end(rest) });
    };
    let inside = rest.get(1..).unwrap_or_default();
    let length = closing(inside, quote).ok_or("the closing quote is missing")?;
    let text = inside.get(..length).unwrap_or_default();
    let after = inside.get(length + 1..).unwrap_or_default();
    let behind = after.get(..content_end(after)).unwrap_or_default().trim();
    if !behind.is_empty() && !behind.starts_with('#') {
        return Err("text follows its quoted value");
    }
    let end = start + 1 + length + 1;
    Ok(Value { text, written: start..end, end_of_line: end + line_end(after) })
}

/// The position of the closing quote. A backslash before a quote escapes the quote, even if another backslash precedes
/// that backslash.
fn closing(inside: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    inside.char_indices().find_map(|(at, character)| {
        let ends = character == quote && !escaped;
        escaped = character == '\\';
        ends.then_some(at)
    })
}

/// The length of the first line without its line break.
fn content_end(text: &str) -> usize {
    text.find(['\n', '\r']).unwrap_or(text.len())
}

/// The length of the first line with its line break.
fn line_end(text: &str) -> usize {
    let end = content_end(text);
    let after = text.get(end..).unwrap_or_default();
    end + if after.starts_with("\r\n") { 2 } else { usize::from(!after.is_empty()) }
}

fn line_breaks(text: &str) -> usize {
    text.matches('\n').count() + text.matches('\r').count() - text.matches("\r\n").count()
}

#[cfg(test)]
mod tests {
    use super::assignments;

    #[test]
    fn values_as_dotenv_reads_them() {
        for (text, expected) in [
            ("", &[][..]),
            ("A=1\nB = 2 # c\n# C=3\n\n  D=", &[("A", "1"), ("B", "2"), ("D", "")]),
            ("export A=1\nexport\tB=2\nexportC=3", &[("A", "1"), ("B", "2"), ("exportC", "3")]),
            ("A: 1\nB:2\nC : 3", &[("A", "1")]),
            ("A=1\r\nB=2\rC=3", &[("A", "1"), ("B", "2"), ("C", "3")]),
            ("A=\"x\nB=y\nC\"\nD=1", &[("A", "x\nB=y\nC"), ("D", "1")]),
            ("A='x\r\nB=y' # c\r\nD=`1\n`", &[("A", "x\r\nB=y"), ("D", "1\n")]),
            ("A=\"x\\\"\nB=y\"\nC=1", &[("A", "x\\\"\nB=y"), ("C", "1")]),
            ("A=it's\nB=x\"y\nC=1=2", &[("A", "it's"), ("B", "x\"y"), ("C", "1=2")]),
            ("\u{feff}A=1\nno assignment\nÄ=2", &[("A", "1")]),
        ] {
            let found = assignments(text).unwrap();
            let found: Vec<_> = found.iter().map(|it| (it.name, it.value)).collect();
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn text_of_uncertain_meaning_is_an_error() {
        for (text, line) in [
            ("A=1\nB=\"x", 2),
            ("A=1\r\n\r\nB='x\nC=2", 3),
            ("A=\"x\" y", 1),
            ("A=\n\"x\"", 1),
            ("A=\"x\ny\" z", 1),
            ("A=\"x\\\\\"\nB=1", 1),
        ] {
            assert_eq!(assignments(text).map_err(|(line, _)| line), Err(line), "{text:?}");
        }
    }
}
