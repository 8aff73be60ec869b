//! `-- dsql-edge: …` lines at the head of a snapshot.
//!
//! In: the text of a file. Out: settings on the schema. `pull` keeps these lines as they are.

use super::fold::SchemaError;
use super::{Dialect, Schema};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// Reads the directives before the first statement.
pub(super) fn read(schema: &mut Schema, file: &str, sql: &str) -> Vec<SchemaError> {
    let mut errors = Vec::new();
    let mut offset = 0;
    for line in sql.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let text = line.trim();
        if text.is_empty() || text.starts_with('\\') {
            continue;
        }
        let Some(comment) = text.strip_prefix("--") else { break };
        let Some(directive) = comment.trim_start().strip_prefix("dsql-edge:") else { continue };
        if let Err(message) = apply(schema, directive.trim()) {
            let span = Span::new(start, start + line.trim_end().len());
            let diagnostic = Diagnostic::error(Code::InvalidDefinition, span, message).with_hint(
                "the directives are `dialect dsql|postgres`, `search_path a, b` and `type table.column = rust::Path`",
            );
            errors.push(SchemaError { file: file.to_owned(), diagnostic });
        }
    }
    errors
}

fn apply(schema: &mut Schema, directive: &str) -> Result<(), String> {
    let (word, rest) = directive.split_once(char::is_whitespace).unwrap_or((directive, ""));
    let rest = rest.trim();
    match word {
        "dialect" => {
            schema.dialect = match rest {
                "dsql" => Dialect::Dsql,
                "postgres" => Dialect::Postgres,
                other => return Err(format!("unknown dialect \"{other}\"")),
            };
        }
        "search_path" => {
            let names: Vec<String> =
                rest.split(',').map(|name| name.trim().trim_matches('"').to_owned()).collect();
            if names.iter().any(String::is_empty) {
                return Err("search_path needs at least one schema".to_owned());
            }
            schema.search_path = names;
        }
        "type" => {
            let (column, path) = rest.split_once('=').ok_or("type needs `name = rust::Path`")?;
            schema.rust_types.push((column.trim().to_owned(), path.trim().to_owned()));
        }
        other => return Err(format!("unknown directive \"{other}\"")),
    }
    Ok(())
}
