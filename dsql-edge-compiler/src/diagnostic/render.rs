//! Renders diagnostics as text.
//!
//! Input: a diagnostic, the SQL, and the place of the SQL. Output: plain text without colors. The first line is
//! complete by itself, because some editors show only that line.

use super::{Diagnostic, Severity};
use crate::source::Lines;

/// A place, printed as `file:line:column`. `line` and `column` count from 1.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The file, if known.
    pub file: Option<String>,
    /// Line in that file.
    pub line: usize,
    /// Column in that file, in characters.
    pub column: usize,
}

/// The whole message: headline, place, the SQL with the place underlined, detail and hint.
pub fn render(diagnostic: &Diagnostic, sql: &str, place: Option<Place>) -> String {
    render_of_many(diagnostic, sql, &Lines::of(sql), place)
}

/// Like [`render`], for one of many diagnostics of a text: `lines` has the starts of the text's lines, so that the
/// lines are found only once for all diagnostics.
pub fn render_of_many(diagnostic: &Diagnostic, sql: &str, lines: &Lines, place: Option<Place>) -> String {
    let mut out = headline(diagnostic);
    let start = (diagnostic.span.start as usize).min(sql.len());
    let end = (diagnostic.span.end as usize).clamp(start, sql.len());
    let (sql_line, sql_column) = lines.place(sql, start);
    let place = match place {
        Some(Place { file: Some(file), line, column }) => format!("{file}:{line}:{column}"),
        Some(Place { line, column, .. }) => format!("line {line}, column {column}"),
        None => format!("SQL line {sql_line}, column {sql_column}"),
    };
    let text = lines.line(sql, sql_line);
    let gutter = sql_line.to_string();
    let margin = " ".repeat(gutter.len());
    out.push_str(&format!("\n{margin}--> {place}\n{margin} |\n{gutter} | {text}\n{margin} | "));
    let before: String = text.chars().take(sql_column - 1).collect();
    out.push_str(&" ".repeat(width(&before)));
    let marked: String = sql.get(start..end).unwrap_or("").lines().next().unwrap_or("").trim_end().to_owned();
    out.push_str(&"^".repeat(width(&marked).max(1)));
    if let Some(detail) = &diagnostic.detail {
        out.push_str(&format!("\n{margin} = note: {detail}"));
    }
    if let Some(hint) = &diagnostic.hint {
        out.push_str(&format!("\n{margin} = help: {hint}"));
    }
    out
}

/// The first line: PostgreSQL's message, its SQLSTATE, and the advice if it is short.
pub fn headline(diagnostic: &Diagnostic) -> String {
    let mut line = diagnostic.message.clone();
    match diagnostic.severity {
        Severity::Error => line.push_str(&format!(" [{} {}]", diagnostic.sqlstate(), diagnostic.code.name())),
        Severity::Warning => line.push_str(&format!(" [{}]", diagnostic.code.name())),
    }
    if let Some(hint) = diagnostic.hint.as_deref().filter(|hint| hint.len() <= 60) {
        line.push_str(&format!(": {hint}"));
    }
    line
}

/// The number of terminal columns: an East Asian wide character takes two columns, and the underline must still be in
/// the right place.
fn width(text: &str) -> usize {
    text.chars()
        .map(|character| match character as u32 {
            0x1100..=0x115F | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFE30..=0xFE6F => 2,
            0xFF00..=0xFF60 | 0xFFE0..=0xFFE6 | 0x1F300..=0x1FAFF | 0x20000..=0x3FFFD => 2,
            0x09 => 1,
            _ => 1,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;
    use crate::source::Span;

    #[test]
    fn place_is_underlined_after_wide_characters() {
        let sql = "SELECT '記事',\n  titel FROM posts";
        let at = sql.find("titel").unwrap();
        let diagnostic =
            Diagnostic::error(Code::UnknownColumn, Span::new(at, at + 5), "column \"titel\" does not exist")
                .with_hint("did you mean \"title\"?");
        let place = Place { file: Some("src/lib.rs".into()), line: 7, column: 3 };
        assert_eq!(
            render(&diagnostic, sql, Some(place)),
            "column \"titel\" does not exist [42703 unknown-column]: did you mean \"title\"?\n \
             --> src/lib.rs:7:3\n  |\n2 |   titel FROM posts\n  |   ^^^^^\n  = help: did you mean \"title\"?"
        );
    }
}
