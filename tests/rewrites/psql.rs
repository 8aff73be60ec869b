//! Divides a script as psql does.
//!
//! Input: the text of a script. Output: statements, rows and psql's own commands. This module follows `psqlscan.l`, and
//! is independent of the compiler's lexer. So a mistake in this module or in that lexer shows as a difference. Each
//! script of [`super::script`] is compared with the pieces that it was generated from.

/// A part of a script.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    /// A statement that psql sends.
    Statement(String),
    /// A COPY that psql sends, and the rows after it.
    Copy { statement: String, rows: String },
    /// A command of psql, with its backslash.
    Command(String),
}

impl Piece {
    pub(crate) fn end_lines_with_crlf(&mut self) {
        match self {
            Piece::Statement(text) | Piece::Command(text) => *text = text.replace('\n', "\r\n"),
            Piece::Copy { statement, rows } => {
                *statement = statement.replace('\n', "\r\n");
                *rows = rows.replace('\n', "\r\n");
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Plain,
    /// A literal, `'…'`. The value is true if a backslash escapes the next character.
    Quote(bool),
    Name,
    LineComment,
    /// A comment, `/* … */`. The value is its depth.
    Comment(u32),
}

/// Divides a script into its parts.
pub(crate) fn pieces(text: &str) -> Vec<Piece> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut out = Vec::new();
    let (mut state, mut start, mut at) = (State::Plain, 0, 0);
    while at < text.len() {
        let rest = &text[at..];
        let length = rest.chars().next().map_or(1, char::len_utf8);
        match state {
            State::Quote(true) if rest.starts_with('\\') => at += 1,
            State::Quote(_) if rest.starts_with('\'') => state = State::Plain,
            State::Name if rest.starts_with('"') => state = State::Plain,
            State::LineComment if rest.starts_with('\n') => state = State::Plain,
            State::Comment(depth) if rest.starts_with("*/") => {
                state = if depth == 1 { State::Plain } else { State::Comment(depth - 1) };
                at += 1;
            }
            State::Comment(depth) if rest.starts_with("/*") => {
                state = State::Comment(depth + 1);
                at += 1;
            }
            State::Plain if rest.starts_with('\'') => state = State::Quote(text[..at].ends_with(['E', 'e'])),
            State::Plain if rest.starts_with('"') => state = State::Name,
            State::Plain if rest.starts_with("--") => state = State::LineComment,
            State::Plain if rest.starts_with("/*") => {
                state = State::Comment(1);
                at += 1;
            }
            State::Plain if rest.starts_with('$') => at += dollar_quoted(rest).saturating_sub(1),
            State::Plain if rest.starts_with(';') => {
                at = push(text, start, at, at + 1, &mut out);
                start = at;
                continue;
            }
            State::Plain if rest.starts_with('\\') => {
                let line = rest.split_inclusive('\n').next().unwrap_or_default();
                if line.trim_end() == "\\g" {
                    at = push(text, start, at, at + 2, &mut out);
                } else {
                    out.push(Piece::Command(line.trim_end_matches(['\r', '\n']).to_owned()));
                    at += line.len();
                }
                start = at;
                continue;
            }
            _ => {}
        }
        at += length;
    }
    push(text, start, text.len(), text.len(), &mut out);
    out
}

/// Returns the length of a string in dollar quotes, or 0.
fn dollar_quoted(rest: &str) -> usize {
    let Some(tag) = rest[1..].find('$') else { return 0 };
    let delimiter = &rest[..tag + 2];
    if !delimiter[1..=tag].chars().all(|it| it.is_alphanumeric() || it == '_') {
        return 0;
    }
    rest[delimiter.len()..].find(delimiter).map_or(0, |end| end + 2 * delimiter.len())
}

/// Adds the SQL between two byte offsets as a statement, unless this SQL is empty. Returns the offset at which reading
/// continues.
fn push(text: &str, start: usize, end: usize, after: usize, out: &mut Vec<Piece>) -> usize {
    let statement = without_comments_before(&text[start..end]).trim_end().to_owned();
    if statement.is_empty() {
        return after;
    }
    if !(statement.starts_with("COPY") && statement.to_ascii_lowercase().contains("from stdin")) {
        out.push(Piece::Statement(statement));
        return after;
    }
    let Some(line) = text[after..].find('\n') else { return text.len() };
    let first = after + line + 1;
    let mut at = first;
    for line in text[first..].split_inclusive('\n') {
        let end = at;
        at += line.len();
        if line.trim_end_matches(['\r', '\n']) == "\\." {
            out.push(Piece::Copy { statement, rows: text[first..end].to_owned() });
            return at;
        }
    }
    text.len()
}

fn without_comments_before(statement: &str) -> &str {
    let mut rest = statement.trim_start();
    loop {
        if rest.starts_with("--") {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
        } else if rest.starts_with("/*") {
            let (mut depth, mut at) = (0, 0);
            while at < rest.len() {
                if rest[at..].starts_with("/*") {
                    (depth, at) = (depth + 1, at + 2);
                } else if rest[at..].starts_with("*/") {
                    (depth, at) = (depth - 1, at + 2);
                    if depth == 0 {
                        break;
                    }
                } else {
                    at += rest[at..].chars().next().map_or(1, char::len_utf8);
                }
            }
            rest = rest[at..].trim_start();
        } else {
            return rest;
        }
    }
}
