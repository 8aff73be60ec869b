//! Renders diagnostics as text.
//!
//! Input: a diagnostic, the SQL, and the file and line of the SQL. Output: plain text without colors. The first line
//! can be understood alone, because some editors show only the first line.

use super::{Diagnostic, Severity};
use crate::source::{BYTE_ORDER_MARK, Lines};

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

/// Returns the whole message: headline, location, the SQL with an underlined span, detail, and hint. If the headline
/// already contains the whole hint, the hint is not repeated.
pub fn render(diagnostic: &Diagnostic, sql: &str, place: Option<Place>) -> String {
    rendered((diagnostic, short_advice(diagnostic)), sql, &Lines::of(sql), place)
}

/// Does the same as [`render`], for one of many diagnostics in a report. Readers see the whole report, so the headline
/// contains advice only for a rule of DSQL. `lines` has the starts of the text's lines, so that the lines are found
/// only once for all diagnostics.
pub fn render_of_many(diagnostic: &Diagnostic, sql: &str, lines: &Lines, place: Option<Place>) -> String {
    rendered((diagnostic, advice_of_rule(diagnostic)), sql, lines, place)
}

/// `advice` is the part of the hint that the headline already contains.
fn rendered(
    (diagnostic, advice): (&Diagnostic, Option<&str>),
    sql: &str,
    lines: &Lines,
    place: Option<Place>,
) -> String {
    let hint = diagnostic.hint.as_deref().filter(|hint| Some(*hint) != advice);
    let mut out = line(diagnostic, advice);
    let start = (diagnostic.span.start as usize).min(sql.len());
    let end = (diagnostic.span.end as usize).clamp(start, sql.len());
    let (sql_line, sql_column) = lines.place(sql, start);
    let place = match place {
        Some(Place { file: Some(file), line, column }) => format!("{file}:{line}:{column}"),
        Some(Place { line, column, .. }) => format!("line {line}, column {column}"),
        None => format!("SQL line {sql_line}, column {sql_column}"),
    };
    let at = start - lines.start(sql_line).unwrap_or(0).min(start);
    let excerpt = Excerpt::of(lines.line(sql, sql_line), at, sql.get(start..end).unwrap_or(""));
    let gutter = sql_line.to_string();
    let margin = " ".repeat(gutter.len());
    out.push_str(&format!("\n{margin}--> {place}\n{margin} |\n{gutter} | {}\n{margin} | ", excerpt.text));
    out.push_str(&" ".repeat(excerpt.before));
    out.push_str(&"^".repeat(excerpt.marked.max(1)));
    if let Some(detail) = &diagnostic.detail {
        out.push_str(&format!("\n{margin} = note: {detail}"));
    }
    if let Some(hint) = hint {
        out.push_str(&format!("\n{margin} = help: {hint}"));
    }
    out
}

/// Returns the first line: the message, the SQLSTATE (of an error), the code, and the hint if it is short. For a rule
/// of DSQL, the line ends with the alternative instead of the hint.
pub fn headline(diagnostic: &Diagnostic) -> String {
    line(diagnostic, short_advice(diagnostic))
}

fn line(diagnostic: &Diagnostic, advice: Option<&str>) -> String {
    let line = message_and_code(diagnostic);
    match advice {
        Some(advice) => format!("{line}: {advice}"),
        None => line,
    }
}

fn short_advice(diagnostic: &Diagnostic) -> Option<&str> {
    let short = diagnostic.hint.as_deref().filter(|hint| hint.len() <= 60);
    advice_of_rule(diagnostic).or(short)
}

/// The maximum length of the advice of a rule in the first line.
const LONGEST_ADVICE: usize = 100;

/// Returns the alternative to the construct that a rule of DSQL rejects: the advice of the rule without its date. If
/// this advice is too long for one line, only its first part, up to `;` or `:`, is the alternative.
fn advice_of_rule(diagnostic: &Diagnostic) -> Option<&str> {
    diagnostic.reason?;
    Some(first_part(diagnostic.hint.as_deref()?))
}

/// Returns a rule's advice without the date. If this text is longer than [`LONGEST_ADVICE`], returns only its first
/// part, up to `;` or `:`; if this part is also too long, returns the whole text.
pub(crate) fn first_part(advice: &str) -> &str {
    let advice = advice.split(" (in DSQL since ").next().unwrap_or(advice);
    let fits = |part: &&str| part.chars().count() <= LONGEST_ADVICE;
    let before = |end: &str| advice.split(end).next().filter(fits);
    Some(advice).filter(fits).or_else(|| before("; ")).or_else(|| before(": ")).unwrap_or(advice)
}

/// The part of a line that the message prints. A dump can have all its rows in one line. If each finding printed the
/// whole line, the length of the output would grow with the square of the number of findings.
struct Excerpt {
    text: String,
    /// The width of the printed text before the underline.
    before: usize,
    /// The width of the underline.
    marked: usize,
}

/// The maximum number of characters of a printed line.
const LONGEST: usize = 240;
/// The maximum number of characters before the underlined span that are printed of a line longer than [`LONGEST`].
const CONTEXT: usize = 60;
/// Marks where a line is cut off.
const CUT: &str = "…";

impl Excerpt {
    /// `at` is the byte offset of the underlined span in the line; `place` is the text of the span, which may continue
    /// in further lines. Only the printed part of a long line is read.
    fn of(line: &str, at: usize, place: &str) -> Excerpt {
        let marked = place.lines().next().unwrap_or("").trim_end();
        let line_start = if line.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
        let is_short = line.chars().nth(LONGEST).is_none();
        // A span at the end of a line can begin after the line's last character.
        let (all_before, after) = line.split_at_checked(at).unwrap_or((line, ""));
        let first = match all_before.char_indices().rev().nth(CONTEXT - 1) {
            Some((first, _)) if !is_short => first.max(line_start),
            _ => line_start,
        };
        let before = all_before.get(first..).unwrap_or("");
        let room = if is_short { LONGEST } else { LONGEST - before.chars().count() };
        let shown: String = after.chars().take(room).collect();
        let lead = if first > line_start { CUT } else { "" };
        let end = if shown.len() < after.len() { CUT } else { "" };
        let marked: String = marked.chars().take(room).collect();
        Excerpt {
            before: width(lead) + width(before),
            marked: width(&marked),
            text: format!("{lead}{before}{shown}{end}"),
        }
    }
}

fn message_and_code(diagnostic: &Diagnostic) -> String {
    let (message, code) = (&diagnostic.message, diagnostic.code.name());
    match diagnostic.severity {
        Severity::Error => format!("{message} [{} {code}]", diagnostic.sqlstate()),
        Severity::Warning => format!("{message} [{code}]"),
    }
}

/// Returns the width of a string in terminal columns, for the position of the underline: an East Asian wide character
/// takes two columns.
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
    fn long_line_is_cut_around_the_place() {
        let line = format!("{}bad{}", "a ".repeat(5_000), " z".repeat(5_000));
        let at = line.find("bad").unwrap();
        let diagnostic = Diagnostic::error(Code::UnknownColumn, Span::new(at, at + 3), "no");
        let rendered = render(&diagnostic, &line, None);
        assert!(rendered.len() < 1_000, "{}", rendered.len());
        let lines: Vec<Vec<char>> = rendered.lines().map(|line| line.chars().collect()).collect();
        let marked = lines[4].iter().position(|it| *it == '^').unwrap();
        assert_eq!(lines[3][marked..marked + 3], ['b', 'a', 'd']);
        assert!(lines[3].ends_with(&['…']) && lines[3].contains(&'…'));
        // If a span is longer than the printed part of the line, the underline ends with the printed part.
        let diagnostic = Diagnostic::error(Code::UnknownColumn, Span::new(at, line.len()), "no");
        let underline = render(&diagnostic, &line, None).lines().nth(4).map(|line| line.matches('^').count());
        assert_eq!(underline, Some(LONGEST - CONTEXT));
    }

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
             --> src/lib.rs:7:3\n  |\n2 |   titel FROM posts\n  |   ^^^^^"
        );
    }
}
