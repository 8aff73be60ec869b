//! Divides the statements of a file that run in batches.
//!
//! Input: the steps of a file, and the files before it, which define the schema. Output: the SQL of the batches, or the
//! reason why a statement cannot run in batches.

use dsql_edge_compiler::diagnostic::{Diagnostic, Diagnostics};
use dsql_edge_compiler::schema::Dialect;
use dsql_edge_compiler::source::Span;
use dsql_edge_compiler::{Schema, Source, compile_in_batches};

use super::{Batched, Step, Work};

/// For each step that runs in batches, adds the SQL of its batches to the step. `earlier` contains the names and texts
/// of the earlier files.
///
/// # Errors
/// Returns the errors of the statements, and of the schema.
pub(crate) fn divide(
    steps: &mut [Step],
    text: &str,
    earlier: &[(&str, &str)],
    dialect: Dialect,
) -> Result<(), Vec<Diagnostic>> {
    let mut errors = Vec::new();
    for step in steps {
        let Work::Batches(batched) = &mut step.work else { continue };
        if let Err(found) = divide_one(batched, step.span, text, earlier, dialect) {
            errors.extend(found.into_iter().filter(Diagnostic::is_error).map(|error| at(error, step.span)));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

fn divide_one(
    batched: &mut Batched,
    statement: Span,
    text: &str,
    earlier: &[(&str, &str)],
    dialect: Dialect,
) -> Result<(), Diagnostics> {
    let before = text.get(..statement.start as usize).unwrap_or_default();
    let files = earlier.iter().copied().chain([("", before)]);
    let schema = Schema::parse_files(files, Some(dialect))
        .map_err(|errors| -> Diagnostics { errors.into_iter().map(|error| error.diagnostic).collect() })?;
    let batches = compile_in_batches(&Source::numbered(statement.text(text)), &schema, batched.rows)?;
    (batched.first, batched.next) = (batches.first.sql, batches.next.sql);
    Ok(())
}

/// Converts an error's span, which is relative to the statement, to a span in the file.
fn at(mut error: Diagnostic, statement: Span) -> Diagnostic {
    error.span.start = error.span.start.saturating_add(statement.start);
    error.span.end = error.span.end.saturating_add(statement.start);
    error
}
