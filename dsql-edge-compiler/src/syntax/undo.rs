//! Finds the comment after which a file undoes its migration.
//!
//! Input: a file. Output: an error at the comment, if a statement follows the comment.
//!
//! dbmate, goose, sql-migrate and tern keep both directions in one file; in this file, a comment separates the two
//! directions. Without the tool, the comment has no effect: the file would create a table and then drop it.

use super::Parsed;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// The beginnings of the comments of dbmate, goose, sql-migrate and tern, in lower case, without the first `--` and the
/// blanks after it.
const MARKS: [&str; 4] = ["migrate:down", "+goose down", "+migrate down", "-- create above / drop below"];

/// Returns the error of a file with both directions, at the comment.
pub fn both_directions(file: &Parsed<'_>) -> Option<Diagnostic> {
    let span = mark(file)?;
    let comment = span.text(&file.text);
    let message = "the part of a file that undoes the migration cannot be in a migration";
    let hint = format!(
        "the statements after `{comment}` would run after the first part: move them to a file whose name ends with .down.sql"
    );
    Some(Diagnostic::error(Code::MisplacedStatement, span, message.to_owned()).with_hint(hint))
}

/// Returns the span of the comment.
fn mark(file: &Parsed<'_>) -> Option<Span> {
    let tokens = file.tokens.tokens.split_last().map_or(&[][..], |(_, tokens)| tokens);
    let last = tokens.last()?.span.start;
    let mut offset = 0;
    file.text.split_inclusive('\n').find_map(|line| {
        let span = Span::new(offset, offset + line.trim_end().len());
        offset += line.len();
        let comment = line.trim().strip_prefix("--")?.trim_start().to_ascii_lowercase();
        if last <= span.start || !MARKS.iter().any(|mark| comment.starts_with(mark)) {
            return None;
        }
        let before = tokens.partition_point(|token| token.span.start < span.start);
        let is_inside =
            before.checked_sub(1).and_then(|at| tokens.get(at)).is_some_and(|it| it.span.end > span.start);
        (!is_inside).then_some(span)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    #[test]
    fn comment_before_the_part_that_undoes_a_file_is_found() {
        let place = |text: &str| {
            let source = Source::script(text);
            mark(&Parsed::script(&source).unwrap()).map(|span| span.text(text).to_owned())
        };
        for comment in [
            "-- migrate:down",
            "-- migrate:down transaction:false",
            "-- +goose Down",
            "--+migrate Down",
            "---- create above / drop below ----",
        ] {
            let text = format!("CREATE TABLE t ();\r\n{comment}\r\nDROP TABLE t;");
            assert_eq!(place(&text).as_deref(), Some(comment));
            // No error in two cases: the part after the comment is empty, or the line is inside a literal.
            assert_eq!(place(&format!("CREATE TABLE t ();\n{comment}\n")), None);
            assert_eq!(place(&format!("SELECT '\n{comment}\n'; SELECT 1;")), None);
        }
        assert_eq!(place("-- migrate:up\nCREATE TABLE t ();"), None);
    }
}
