//! `-- dsql-edge: …` lines at the head of a snapshot.
//!
//! Input: the text of a file. Output: settings on the schema. `pull` keeps these lines as they are.

use super::error::SchemaError;
use super::{Dialect, RelationKind, RustType, Schema};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{BYTE_ORDER_MARK, Span};

/// Reads the directives before the first statement.
pub(super) fn read(schema: &mut Schema, file: &str, sql: &str) -> Vec<SchemaError> {
    let mut errors = Vec::new();
    let mut offset = 0;
    for (number, line) in (1..).zip(sql.split_inclusive('\n')) {
        let start = offset;
        offset += line.len();
        let text = if start == 0 { line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line) } else { line }.trim();
        if text.is_empty() || text.starts_with('\\') {
            continue;
        }
        let Some(comment) = text.strip_prefix("--") else { break };
        let Some(directive) = comment.trim_start().strip_prefix("dsql-edge:") else { continue };
        let span = Span::new(start, start + line.trim_end().len());
        if let Err(message) = apply(schema, directive.trim(), (file, span, number)) {
            let diagnostic = Diagnostic::error(Code::InvalidDefinition, span, message).with_hint(
                "the directives are `dialect dsql|postgres`, `search_path a, b` and `type table.column = rust::Path` (or a type's name)",
            );
            errors.push(SchemaError { file: file.to_owned(), diagnostic });
        }
    }
    errors
}

/// Directives for columns that the schema, read to its end, does not have.
pub(super) fn check(schema: &Schema) -> Vec<SchemaError> {
    let wrong = schema.rust_types.iter().filter_map(|it| {
        let message = match it.sql.as_slice() {
            [table, column] => {
                let tables: Vec<_> =
                    schema.search_path.iter().filter_map(|path| schema.relation(path, table)).collect();
                unknown(schema, &tables, table, column)
            }
            [path, table, column] => {
                let tables: Vec<_> = schema.relation(path, table).into_iter().collect();
                unknown(schema, &tables, table, column)
            }
            _ => None,
        };
        let (file, span) = it.place.clone();
        Some(SchemaError { file, diagnostic: Diagnostic::error(Code::InvalidDefinition, span, message?) })
    });
    wrong.collect()
}

fn unknown(schema: &Schema, tables: &[usize], table: &str, column: &str) -> Option<String> {
    let mut tables = tables.iter().filter_map(|table| schema.relations.get(*table)).peekable();
    if tables.peek().is_none() {
        return Some(format!("type {table}.{column}: table \"{table}\" does not exist"));
    }
    // The columns of a view are those of its query, which is not looked at here.
    let known = tables.any(|it| !matches!(it.kind, RelationKind::Table) || it.column(column).is_some());
    (!known).then(|| format!("type {table}.{column}: column \"{column}\" does not exist"))
}

fn apply(
    schema: &mut Schema,
    directive: &str,
    (file, span, line): (&str, Span, usize),
) -> Result<(), String> {
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
            let (name, rust) = rest.split_once('=').ok_or("type needs `name = rust::Path`")?;
            let sql = name.trim().split('.').map(|part| part.trim().trim_matches('"').to_owned()).collect();
            let place = (file.to_owned(), span);
            schema.rust_types.push(RustType { sql, rust: rust.trim().to_owned(), place, line });
        }
        other => return Err(format!("unknown directive \"{other}\"")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_for_a_column_that_is_not_there_is_an_error() {
        let schema = |name: &str| {
            Schema::parse(&format!(
                "-- dsql-edge: type {name} = crate::UserId\nCREATE TABLE users (id uuid);"
            ))
        };
        for fine in ["users.id", "public.users.id", "\"users\".\"id\"", "uuid"] {
            assert!(schema(fine).is_ok(), "{fine}");
        }
        for wrong in ["users.idd", "user.id", "app.users.id"] {
            let errors = schema(wrong).unwrap_err();
            assert_eq!(errors[0].diagnostic.span.start, 0, "{wrong}");
        }
    }

    #[test]
    fn byte_order_mark_and_line_endings_hide_no_directive() {
        let text = "-- dsql-edge: search_path app\n\\restrict x\nCREATE SCHEMA app;\nCREATE TABLE t (id int);\n\
                    COPY t FROM stdin WITH (FORMAT csv);\n\"it's\n\"\n\\.\n";
        for text in
            [text.to_owned(), format!("\u{feff}{text}"), format!("\u{feff}{}", text.replace('\n', "\r\n"))]
        {
            let schema = Schema::parse(&text).unwrap();
            assert_eq!(schema.search_path, ["app"], "{text:?}");
            assert!(schema.relation("app", "t").is_some(), "{text:?}");
        }
    }
}
