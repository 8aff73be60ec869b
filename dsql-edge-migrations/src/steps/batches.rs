//! Reads the comment that makes an UPDATE or DELETE run in batches, `-- dsql-edge: in batches of 1000`.
//!
//! Input: a file. Output: for a statement, the number of rows of a batch; an error for each comment that is not before
//! an UPDATE or DELETE.
//!
//! Each batch is a separate transaction, so the statement is a separate step. After an interrupted run, the next run
//! repeats the statement from the beginning. So the compiler accepts only statements whose repetition has the same
//! result.

use dsql_edge_compiler::diagnostic::Diagnostic;
use dsql_edge_compiler::schema::directives;
use dsql_edge_compiler::source::Span;
use dsql_edge_compiler::syntax::token::Token;
use dsql_edge_compiler::syntax::{Parsed, ParsedStatement};

use super::misplaced::misplaced_error;

/// The beginning of the directive.
const MARKER: &str = "in batches";

/// The correct beginning of the comment, as users usually write it.
const WRITTEN: &str = "-- dsql-edge: in batches";

/// A statement that runs in batches. `divide` adds the SQL.
#[derive(Default)]
pub struct Batched {
    /// The number of rows of a batch.
    pub rows: u32,
    /// The SQL of the first batch. This statement returns the key of the batch's last row and the number of changed
    /// rows.
    pub first: String,
    /// The SQL of each later batch. The statement has one parameter, the key of the last row of the previous batch.
    pub next: String,
}

impl Batched {
    pub(super) fn of(rows: u32) -> Batched {
        Batched { rows, ..Batched::default() }
    }
}

/// The comments of a file.
pub(super) struct Markers {
    /// For each comment, its span, the text after `in batches`, and the offset of the next token.
    each: Vec<(Span, String, u32)>,
}

impl Markers {
    pub(super) fn of(file: &Parsed<'_>) -> Markers {
        let tokens = &file.tokens.tokens;
        let next = |place: u32| {
            let next = tokens.partition_point(|token| token.span.end <= place);
            tokens.get(next).map_or(u32::MAX, |token| token.span.start)
        };
        let lines = directives(&file.text).filter_map(|line| {
            // A misspelt directive such as `in batch of 5` is kept without a number of rows, so that `rows` reports an
            // error.
            let is_meant = line.directive.starts_with("in ") || line.directive.starts_with("batch");
            let written = line.directive.strip_prefix(MARKER).or_else(|| is_meant.then_some(""))?;
            Some((line.span, written.to_owned(), next(line.span.start)))
        });
        let mut each: Vec<_> = lines.collect();
        // A comment after SQL in the same line is not a directive, but the user certainly meant a directive.
        for (start, _) in file.text.match_indices(WRITTEN) {
            let line = file.text.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |it| it + 1);
            let comment = Span::new(start, start + WRITTEN.len());
            let (line, next) = (Span::new(line, start), next(comment.start));
            if next > comment.start && !tokens_in(tokens, line).is_empty() {
                each.push((comment, String::new(), u32::MAX));
            }
        }
        Markers { each }
    }

    /// Returns the number of rows of a batch, if there is a comment before this statement.
    pub(super) fn rows(&self, statement: ParsedStatement<'_>) -> Option<Result<u32, Diagnostic>> {
        let (comment, written, _) = self.each.iter().find(|(_, _, next)| *next == statement.span.start)?;
        let rows =
            written.trim().strip_prefix("of ").and_then(|rows| rows.trim().replace('_', "").parse().ok());
        Some(rows.ok_or_else(|| {
            let hint = "write -- dsql-edge: in batches of 1000";
            misplaced_error(*comment, "a comment for batches without a number of rows", hint)
        }))
    }

    /// Returns an error for each comment that is not before a statement that runs in batches. The result does not
    /// repeat the comments in `errors`. `is_step` returns whether a step begins at an offset.
    pub(super) fn unused(&self, errors: &[Diagnostic], is_step: impl Fn(u32) -> bool) -> Vec<Diagnostic> {
        let hint = "write it in the line before an UPDATE or DELETE that is not between BEGIN and COMMIT";
        let is_reported = |comment: Span| errors.iter().any(|error| error.span == comment);
        let unused = self.each.iter().filter(|(comment, _, next)| !is_step(*next) && !is_reported(*comment));
        unused.map(|(comment, ..)| misplaced_error(*comment, "this comment for batches", hint)).collect()
    }
}

/// Returns the tokens that begin in a span.
fn tokens_in(tokens: &[Token], part: Span) -> &[Token] {
    let at = |place: u32| tokens.partition_point(|token| token.span.start < place);
    tokens.get(at(part.start)..at(part.end)).unwrap_or_default()
}
