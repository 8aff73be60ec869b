//! Colours a report for people.
//!
//! Input: the report without colours. Output: the same text with colours. anstream removes them if the output is not
//! a terminal, or if `NO_COLOR` is set.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::format::of_stdout;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const NOTE: Style = AnsiColor::Cyan.on_default().bold();
const MARGIN: Style = AnsiColor::Blue.on_default();

/// Prints a report on stdout.
pub(crate) fn print(report: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    for line in report.split_inclusive('\n') {
        out.write_all(painted(line).as_bytes()).map_err(of_stdout)?;
    }
    out.flush().map_err(of_stdout)
}

/// Returns a line of a report, coloured by its first word.
fn painted(line: &str) -> String {
    // The first word may be the outcome of a check of `doctor`. At least two spaces follow such a word, because the
    // report is aligned.
    for (outcome, style) in
        [("ok", AnsiColor::Green.on_default()), ("warning", WARNING), ("wrong", ERROR), ("skipped", MARGIN)]
    {
        if let Some(rest) = line.strip_prefix(outcome).filter(|rest| rest.starts_with("  ")) {
            return format!("{style}{outcome}{style:#}{rest}");
        }
    }
    for (level, style) in [
        ("error", ERROR),
        ("changed", ERROR),
        ("warning", WARNING),
        ("not looked at", WARNING),
        ("note", NOTE),
        ("+", AnsiColor::Green.on_default()),
        ("-", AnsiColor::Red.on_default()),
    ] {
        let Some(rest) = line.strip_prefix(level) else { continue };
        if level.len() > 1 && !rest.starts_with([':', ',']) {
            continue;
        }
        // `-- ` begins a comment of a query; such a line is not a removed line of a diff.
        if level == "-" && rest.starts_with("- ") {
            continue;
        }
        // In a diff the whole line is coloured.
        let (word, rest) =
            if level.len() == 1 { line.split_at(line.trim_end().len()) } else { (level, rest) };
        return format!("{style}{word}{style:#}{rest}");
    }
    let bare = line.trim_start();
    let indent = line.get(..line.len() - bare.len()).unwrap_or_default();
    if let Some(rest) = bare.strip_prefix("-->") {
        return format!("{indent}{MARGIN}-->{MARGIN:#}{rest}");
    }
    // A line of SQL has its number before the bar; the line below it has the marks after the bar.
    match bare.split_once('|') {
        Some((number, rest)) if number.trim().bytes().all(|it| it.is_ascii_digit()) => {
            let marks = rest.trim_matches([' ', '\n']);
            let rest = if !marks.is_empty() && marks.bytes().all(|it| it == b'^') {
                let (text, end) = rest.split_at(rest.trim_end().len());
                format!("{ERROR}{text}{ERROR:#}{end}")
            } else {
                rest.to_owned()
            };
            format!("{indent}{MARGIN}{number}|{MARGIN:#}{rest}")
        }
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::painted;

    const REPORT: &str = "error: column \"a\" does not exist\n --> x.sql:1:8\n  |\n1 | SELECT a | b\n  |        ^\n  \
                          = help: x\n\n-old\n+new\n same\nerrors happen\nchanged: y\n\
                          wrong    tcp            x\nwrong words\n";

    #[test]
    fn colours_do_not_change_the_text() {
        let painted: String = REPORT.split_inclusive('\n').map(painted).collect();
        assert_eq!(anstream::adapter::strip_str(&painted).to_string(), REPORT);
        assert_eq!(
            painted.matches("\u{1b}[1m\u{1b}[31m").count() + painted.matches("\u{1b}[31m\u{1b}[1m").count(),
            4
        );
    }
}
