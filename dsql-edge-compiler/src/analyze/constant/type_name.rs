//! Checks constants of type `regtype`: `regtypein`.
//!
//! Input: the text of a constant. Output: nothing, or the error that PostgreSQL reports for a type that does not exist.
//! A constant that does not have the form of a type name is accepted here, and the server checks it.

use super::super::catalog::{Catalog, TypeError};
use super::rejection::Rejection;
use crate::diagnostic::Code;
use crate::schema::TEMPORARY;
use crate::source::Source;
use crate::syntax::Parsed;
use crate::syntax::ast::{ExprKind, QueryBody, StatementKind, TypeName};

pub(super) fn check(catalog: Catalog<'_>, text: &str) -> Result<(), Rejection> {
    let is_number = text == "-" || text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(written) = (if is_number { None } else { parsed(text) }) else { return Ok(()) };
    // A schema that the snapshot does not have may exist.
    if written.name.schema().is_some_and(|schema| !catalog.schema.has_schema(schema)) {
        return Ok(());
    }
    let is_temporary = catalog.relation(TEMPORARY, written.name.name()).is_some();
    match catalog.resolve(&written) {
        Err(TypeError::Unknown) if !is_temporary => {
            let array = if written.array_dimensions > 0 { "[]" } else { "" };
            let message = format!("type \"{}{array}\" does not exist", written.name.display());
            Err(Rejection::new(Code::UnknownType, message))
        }
        _ => Ok(()),
    }
}

/// Parses the constant as a type name; returns `None` if the constant contains anything else.
fn parsed(text: &str) -> Option<TypeName> {
    const BEFORE: &str = "SELECT NULL::";
    let source = Source::numbered(format!("{BEFORE}{text}"));
    let mut parsed = Parsed::script(&source).ok()?;
    let statement = parsed.statements.pop().filter(|_| parsed.statements.is_empty())?;
    let StatementKind::Query(query) = statement.kind else { return None };
    let QueryBody::Select(select) = query.body else { return None };
    let ExprKind::Cast { target, .. } = &select.targets.first()?.expr.kind else { return None };
    let is_whole = target.span.end as usize == source.text.trim_end().len();
    (is_whole && target.span.start as usize >= BEFORE.len()).then(|| (**target).clone())
}
