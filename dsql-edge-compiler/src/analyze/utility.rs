//! Analyzes the utility statements that return rows: `UtilityTupleDescriptor`.
//!
//! Input: EXPLAIN or SHOW. Output: a query with the columns that PostgreSQL describes. The statement inside EXPLAIN is
//! analyzed too, so that its parameters get types and its errors are found.

use super::analyzer::Analyzer;
use super::tree::{Command, Node, NodeKind, Query, TargetEntry};
use crate::builtin::{self, Oid, oid};
use crate::diagnostic::{Code, Diagnostic, suggestion};
use crate::dsql::{Unread, Words, explained, run};
use crate::source::Span;
use crate::syntax::ast::StatementKind;
use crate::syntax::{ParsedStatement, syntax_error_at};
use crate::typed::Idempotency;

impl Analyzer<'_> {
    /// Reports why the inner statement of a utility statement cannot be read. Returns a query without columns.
    pub(super) fn reject(&mut self, unread: Unread) -> Query {
        self.report(match unread {
            Unread::TooComplex(span, limit) => Diagnostic::error(Code::TooComplex, span, limit),
            Unread::Rejected(error) => *error,
        });
        Query::default()
    }

    /// `EXPLAIN [(options)] statement`
    pub(super) fn explain(&mut self, statement: ParsedStatement<'_>) -> Query {
        let inner = match explained(statement) {
            Ok(inner) => inner,
            Err(unread) => return self.reject(unread),
        };
        let Some(tree) = inner.statements.first() else { return Query::default() };
        let is_explainable = matches!(
            &tree.kind,
            StatementKind::Query(_)
                | StatementKind::Insert(_)
                | StatementKind::Update(_)
                | StatementKind::Delete(_)
                | StatementKind::Merge(_)
                | StatementKind::CreateTableAs(_)
                | StatementKind::Utility("DECLARE CURSOR" | "REFRESH MATERIALIZED VIEW" | "EXECUTE")
        );
        if !is_explainable {
            let first = inner.tokens.tokens.first().map_or(tree.span, |token| token.span);
            self.report(syntax_error_at(first, statement.text));
            return Query::default();
        }
        let before = (self.writes, self.changes_rows);
        let analyzed = self.statement(tree);
        if run(statement).is_none() {
            // EXPLAIN without ANALYZE only plans the statement and does not run it.
            (self.writes, self.changes_rows) = before;
        } else if analyzed.command != Command::Select {
            (self.writes, self.changes_rows) = (true, true);
        }
        self.idempotency = Idempotency::NotAnInsert;
        let (ty, one_row) = format_of(statement);
        Query { has_target_srf: !one_row, ..shown(&[("QUERY PLAN", ty)], statement.span) }
    }

    /// `SHOW setting`
    pub(super) fn show(&mut self, statement: ParsedStatement<'_>) -> Query {
        let words = Words::of(statement);
        let rest: Vec<&str> = (1..words.len()).map(|at| words.at(at)).collect();
        let setting = match rest.as_slice() {
            ["ALL"] => return all_settings(statement.span),
            ["TIME", "ZONE"] => "timezone".to_owned(),
            ["TRANSACTION", "ISOLATION", "LEVEL"] => "transaction_isolation".to_owned(),
            ["SESSION", "AUTHORIZATION"] => "session_authorization".to_owned(),
            // The name `"all"` in quotes also means all settings.
            [quoted] if quoted.eq_ignore_ascii_case("\"all\"") => return all_settings(statement.span),
            _ => match name_of(statement) {
                Ok(name) => name,
                Err(span) => {
                    self.report(syntax_error_at(span, statement.text));
                    return Query::default();
                }
            },
        };
        let known = builtin::setting(&setting);
        // A setting with a dot in its name is defined by an extension or by the user.
        if known.is_none() && !setting.contains('.') {
            self.unknown_setting(&setting, statement);
        }
        shown(&[(known.unwrap_or(&setting), oid::TEXT)], statement.span)
    }

    /// Reports a setting that PostgreSQL does not have. PostgreSQL reports no place.
    fn unknown_setting(&mut self, setting: &str, statement: ParsedStatement<'_>) {
        let message = format!("unrecognized configuration parameter \"{setting}\"");
        let mut diagnostic = Diagnostic::error(Code::UnknownObject, statement.span, message);
        diagnostic.hint = match setting {
            "tables" => Some("write SELECT table_name FROM information_schema.tables".to_owned()),
            "databases" => Some("write SELECT datname FROM pg_database".to_owned()),
            "columns" => Some("write SELECT column_name FROM information_schema.columns".to_owned()),
            _ => suggestion::nearest(setting, builtin::setting_names())
                .map(|nearest| format!("did you mean {nearest}?")),
        };
        self.report(diagnostic);
    }
}

/// Returns the setting that a SHOW requests: one name, or several names with dots between them. The error is the span
/// of the first token that cannot be a part of the setting's name.
fn name_of(statement: ParsedStatement<'_>) -> Result<String, Span> {
    let mut name = String::new();
    let end = Span { start: statement.span.end, end: statement.span.end };
    let mut expects_name = true;
    for token in statement.own_tokens().iter().skip(1) {
        match token.kind.name() {
            Some(part) if expects_name => name += part,
            _ if !expects_name && token.span.text(statement.text) == "." => name.push('.'),
            _ => return Err(token.span),
        }
        expects_name = !expects_name;
    }
    if expects_name { Err(end) } else { Ok(name) }
}

/// Returns the SQL type of EXPLAIN's column, and whether EXPLAIN returns one row: `ExplainResultDesc`.
fn format_of(statement: ParsedStatement<'_>) -> (Oid, bool) {
    let words = Words::of(statement);
    let end = if words.at(1) == "(" { words.closing(1).unwrap_or(1) } else { 1 };
    // The last FORMAT decides.
    let Some(at) = (1..end).rev().find(|at| words.at(*at) == "FORMAT") else { return (oid::TEXT, false) };
    let format = match words.string(at + 1) {
        Some(format) => format.to_ascii_lowercase(),
        None => words.at(at + 1).to_ascii_lowercase(),
    };
    match format.as_str() {
        "xml" => (oid::XML, true),
        "json" => (oid::JSON, true),
        "yaml" => (oid::TEXT, true),
        _ => (oid::TEXT, false),
    }
}

/// `SHOW ALL`
fn all_settings(span: Span) -> Query {
    let columns = [("name", oid::TEXT), ("setting", oid::TEXT), ("description", oid::TEXT)];
    Query { has_target_srf: true, ..shown(&columns, span) }
}

/// Returns one row of columns that are not NULL.
fn shown(columns: &[(&str, Oid)], span: Span) -> Query {
    let target = |(name, ty): &(&str, Oid)| TargetEntry {
        node: Node::new(*ty, NodeKind::NeverNull, span),
        name: (*name).to_owned().into(),
        span,
    };
    Query { command: Command::Select, targets: columns.iter().map(target).collect(), ..Query::default() }
}
