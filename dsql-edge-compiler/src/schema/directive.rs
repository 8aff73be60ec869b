//! Reads the `-- dsql-edge: …` lines at the head of a snapshot.
//!
//! Input: the text of a file. Output: settings on the schema. `dsql-edge pull` keeps these lines unchanged.

use super::error::SchemaError;
use super::{Dialect, RelationKind, RustType, Schema};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{BYTE_ORDER_MARK, Source, Span};
use crate::syntax::{Lexed, lex};

/// A `-- dsql-edge: …` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectiveLine<'t> {
    /// The text after `dsql-edge:`.
    pub directive: &'t str,
    /// The whole line.
    pub line: &'t str,
    /// The place of the line.
    pub span: Span,
    /// The line number, from 1.
    pub number: usize,
    /// Whether the line is before the first statement. After a statement, the directives `dialect`, `search_path` and
    /// `type` have no effect.
    pub is_in_head: bool,
}

/// Returns the directives of a file. A line in a literal, in a comment of several lines or among the rows of a COPY is
/// not a directive.
///
/// ```
/// let text = "-- dsql-edge: dialect postgres\nSELECT '\n-- dsql-edge: none';";
/// let found: Vec<_> = dsql_edge_compiler::schema::directives(text).collect();
/// assert_eq!(found.len(), 1);
/// assert_eq!(found[0].directive, "dialect postgres");
/// ```
pub fn directives(sql: &str) -> impl Iterator<Item = DirectiveLine<'_>> {
    // Most files do not have directives, so the lexer runs only if the text contains `dsql-edge:`.
    let lexed = sql.contains(DIRECTIVE).then(|| lex(&Source::script(sql)));
    let mut offset = 0;
    sql.split_inclusive('\n').zip(1..).filter_map(move |(whole, number)| {
        let lexed = lexed.as_ref()?;
        let start = offset;
        offset += whole.len();
        let line = whole.trim_start_matches(BYTE_ORDER_MARK).trim();
        let directive = line.strip_prefix("--")?.trim_start().strip_prefix(DIRECTIVE)?.trim();
        let span = Span::new(start, start + whole.trim_end().len());
        let is_in_head = lexed.tokens.first().is_none_or(|token| token.span.start >= span.start);
        let is_comment = begins_comment(lexed, sql, span);
        is_comment.then_some(DirectiveLine { directive, line, span, number, is_in_head })
    })
}

pub(super) const DIRECTIVE: &str = "dsql-edge:";

/// Whether the `--` or `/*` at a span begins a comment, and is not inside a literal, another comment, or the rows of a
/// COPY.
pub(super) fn begins_comment(lexed: &Lexed, sql: &str, place: Span) -> bool {
    let before = lexed.tokens.partition_point(|token| token.span.start < place.start);
    let token = before.checked_sub(1).and_then(|at| lexed.tokens.get(at)).map(|token| token.span);
    let rows = lexed.rows.iter().rfind(|rows| rows.start <= place.start);
    let end = token.into_iter().chain(rows.copied()).map(|it| it.end).max().unwrap_or(0);
    end <= place.start && !ends_in_comment(Span { start: end, end: place.start }.text(sql))
}

/// Whether the text between two tokens ends inside a comment of several lines.
fn ends_in_comment(between: &str) -> bool {
    let lines = between.lines().filter(|line| !line.trim_start().starts_with("--"));
    lines.fold(false, |is_open, line| match (line.rfind("/*"), line.rfind("*/")) {
        (None, None) => is_open,
        (open, close) => open > close,
    })
}

/// Reads the directives before the first statement.
pub(super) fn read(schema: &mut Schema, file: &str, sql: &str) -> Vec<SchemaError> {
    let mut errors = Vec::new();
    for DirectiveLine { directive, span, number, is_in_head, .. } in directives(sql) {
        // These comments are not directives of a snapshot: `dsql-edge lint` reads `allow RULE`, and `dsql-edge migrate`
        // reads `in batches of ROWS`.
        if directive.starts_with("allow ") || directive.starts_with("in batches") {
            continue;
        }
        let error = |message: String| Diagnostic::error(Code::InvalidDefinition, span, message);
        let diagnostic = if !is_in_head {
            error("a directive has no effect after a statement".to_owned())
                .with_hint("move it above the first statement of the file")
        } else if let Err(message) = apply(schema, directive, (file, span, number)) {
            error(message).with_hint(
                "the directives are `dialect dsql|postgres`, `search_path a, b` and `type table.column = rust::Path` (or a type's name)",
            )
        } else {
            continue;
        };
        errors.push(SchemaError { file: file.to_owned(), diagnostic });
    }
    errors
}

/// Reports directives for columns that do not exist in the complete schema.
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
    // A view is assumed to have the column, because the query of the view, which defines the columns, is not analyzed
    // here.
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
    fn type_directive_for_a_missing_column_is_an_error() {
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
    fn directive_after_a_statement_is_an_error() {
        let late = "CREATE TABLE t (id int);\n-- dsql-edge: type t.id = crate::K\n";
        let errors = Schema::parse(late).unwrap_err();
        assert_eq!(errors[0].diagnostic.message, "a directive has no effect after a statement");
        let copyright = "/* Copyright\n-- dsql-edge: nothing\n*/\n-- dsql-edge: search_path app\n\
                         CREATE TABLE t (a text DEFAULT '\n-- dsql-edge: nothing\n');\n\
                         COPY t FROM stdin;\n-- dsql-edge: nothing\n\\.\n/* a\n-- dsql-edge: nothing */\n";
        assert_eq!(Schema::parse(copyright).unwrap().search_path, ["app"]);
        assert!(Schema::parse("/* Copyright */\n-- dsql-edge: bogus\n").is_err());
    }

    #[test]
    fn directive_is_found_after_byte_order_mark_and_crlf() {
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
