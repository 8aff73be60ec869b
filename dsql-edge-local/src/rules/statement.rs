//! Parses statements, and rewrites them for PostgreSQL.
//!
//! Input: SQL text. Output: the statements in the SQL, and the tables whose columns a rule needs. Some statements exist
//! only in DSQL, such as `CREATE INDEX ASYNC`, or have another meaning there. For such a statement, the output also has
//! the statement that PostgreSQL runs instead.

use std::sync::Arc;

use dsql_edge_compiler::Source;
use dsql_edge_compiler::diagnostic::{Code, Diagnostic};
use dsql_edge_compiler::source::{Edits, Span};
use dsql_edge_compiler::syntax::ast::{
    AlterAction, CreateIndex, CreateTable, FromItem, JoinKind, QualifiedName, Query, QueryBody, Statement,
    StatementKind, TableColumn, TableElement, TypeName,
};
use dsql_edge_compiler::syntax::keyword::Keyword;
use dsql_edge_compiler::syntax::token::{Token, TokenKind};
use dsql_edge_compiler::syntax::{Parsed, ParsedStatement, lex};

use super::place;
use super::rejected::StatementRejected;
use crate::seal::SealKey;

/// The column of the statement that replaces CREATE INDEX ASYNC. The client gets the column under DSQL's name.
pub(super) const CREATE_INDEX: &str = "dsql_local_create_index";
/// The column of the statement that replaces ALTER TABLE ASYNC.
pub(super) const ALTER_TABLE: &str = "dsql_local_alter_table";

/// Parses the statements of a message, or returns the parser's error.
pub(super) fn parsed(text: &str) -> Result<Parsed<'_>, Diagnostic> {
    Parsed::of_tokens(text, lex(&Source::numbered(text)))
}

/// Splits `text` at its semicolons. The pieces are used if the whole string cannot be parsed.
pub(super) fn pieces(text: &str) -> Vec<Span> {
    let lexed = lex(&Source::numbered(text));
    let mut pieces = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    for token in &lexed.tokens {
        match token.span.text(text) {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            ";" if depth == 0 => {
                pieces.push(Span { start, end: token.span.start });
                start = token.span.end;
            }
            _ => {}
        }
    }
    pieces.push(Span { start, end: u32::try_from(text.len()).unwrap_or(u32::MAX) });
    pieces
}

/// The answer to a statement that our parser cannot read, if PostgreSQL's own answer would be wrong: PostgreSQL does
/// not have the keyword ASYNC, and a statement beyond the limits of our parser could violate any rule.
pub(super) fn unread(text: &str, error: Diagnostic) -> Option<StatementRejected> {
    if error.code == Code::TooComplex {
        return Some(StatementRejected::too_complex(&error));
    }
    let upper = text.to_ascii_uppercase();
    let mut words = upper.split(|it: char| !it.is_ascii_alphanumeric());
    words.any(|word| word == "ASYNC").then(|| StatementRejected::of_diagnostic(error))
}

/// The stack for a statement with the parser's maximum nesting, in an unoptimized build.
const LARGE_STACK: usize = 64 << 20;
/// The stack of any thread is large enough to parse a string with at most this number of nesting tokens.
const SHALLOW: usize = 40;

/// Runs `work` with a stack that is large enough to parse `text`. Returns `None` if the system does not provide this
/// stack.
pub(super) fn with_room<T: Send>(text: &str, work: impl FnOnce() -> T + Send) -> Option<T> {
    let nests = |it: &u8| matches!(it, b'(' | b'[' | b'-' | b'+' | b'~' | b'!' | b'@');
    let words = text.split_ascii_whitespace().filter(|word| {
        ["NOT", "CASE", "SELECT", "JOIN", "WITH"].iter().any(|nesting| word.eq_ignore_ascii_case(nesting))
    });
    if text.bytes().filter(nests).count() + words.count() <= SHALLOW {
        return Some(work());
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(LARGE_STACK);
        thread.spawn_scoped(scope, work).ok()?.join().ok()
    })
}

/// The parsed SQL of a prepared statement; `None` if our parser cannot read the SQL.
pub(super) type PreparedStatement = Option<Arc<Parsed<'static>>>;

/// Returns the tables in the SQL, if a rule needs their columns and keys.
pub(super) fn named_tables(text: &str) -> Vec<QualifiedName> {
    // Most statements contain neither LATERAL nor DROP, and need no further search.
    let upper = text.to_ascii_uppercase();
    if !(upper.contains("LATERAL") || upper.contains("DROP")) {
        return Vec::new();
    }
    with_room(text, || named_in(text)).unwrap_or_default()
}

fn named_in(text: &str) -> Vec<QualifiedName> {
    let mut out = Vec::new();
    let Ok(parsed) = parsed(text) else { return out };
    for statement in &parsed.statements {
        match &statement.kind {
            StatementKind::AlterTable(alter) => {
                let drops = |action: &AlterAction| matches!(action, AlterAction::DropColumn { .. });
                if alter.actions.iter().any(drops) {
                    out.push(alter.name.clone());
                }
            }
            StatementKind::Query(query) => tables(query, &mut out),
            _ => {}
        }
    }
    out
}

/// Collects the tables in the FROM clause of a query, including the tables of its joins and subqueries.
fn tables(query: &Query, out: &mut Vec<QualifiedName>) {
    if let QueryBody::Select(select) = &query.body {
        select.from.iter().for_each(|item| of_item(item, out));
    }
}

fn of_item(item: &FromItem, out: &mut Vec<QualifiedName>) {
    match item {
        FromItem::Table { name, .. } => out.push(name.clone()),
        FromItem::Subquery { query, .. } => tables(query, out),
        FromItem::Join(join) if matches!(join.kind, JoinKind::Left | JoinKind::Inner | JoinKind::Cross) => {
            of_item(&join.left, out);
            of_item(&join.right, out);
        }
        _ => {}
    }
}

/// Whether a statement has the clause `FOR UPDATE` at any depth. Other statements with these words (`CREATE POLICY`)
/// are rejected. A call of a function that has `FOR UPDATE` only in its body is not detected.
pub(super) fn locks_rows(statement: ParsedStatement<'_>) -> bool {
    let is = |kind: &TokenKind, keyword| *kind == TokenKind::Keyword(keyword);
    statement.own_tokens().windows(2).any(|two| {
        matches!(two, [first, second] if is(&first.kind, Keyword::For) && is(&second.kind, Keyword::Update))
    })
}

/// Whether DSQL runs the statement in a job.
pub(super) fn is_job(statement: &Statement) -> bool {
    match &statement.kind {
        StatementKind::CreateIndex(index) => index.asynchronous,
        StatementKind::AlterTable(alter) => alter.asynchronous,
        _ => false,
    }
}

/// Returns the statement that PostgreSQL runs instead, if only DSQL has `statement`, or if `statement` has another
/// meaning in DSQL.
pub(super) fn local(statement: ParsedStatement<'_>, seal_key: &SealKey) -> Option<String> {
    match &statement.kind {
        StatementKind::Utility("AWS IAM") => iam(statement, seal_key),
        StatementKind::CreateIndex(index) if index.asynchronous => {
            let (build, plain) = (
                without(statement, &["ASYNC"])?,
                match index.unique {
                    true => without(statement, &["UNIQUE", "ASYNC"])?,
                    false => String::new(),
                },
            );
            let probe = probe(index, statement.text);
            Some(format!(
                "SELECT pg_catalog.dsql_local_build_index({}, {}, {}, {}, {}, '{}') AS {}",
                quoted(&name_in_sql(&index.table)),
                quoted(index.name.as_ref().map_or("", |name| &name.text)),
                quoted(&build),
                quoted(&plain),
                quoted(&probe),
                seal_key.of(&crate::seal::joined([&build, &plain, &probe])),
                CREATE_INDEX
            ))
        }
        StatementKind::AlterTable(alter) if alter.asynchronous => {
            let validate = without(statement, &["ASYNC"])?;
            let constraint = alter.actions.iter().find_map(|action| match action {
                AlterAction::ValidateConstraint(name) => Some(name.text.as_str()),
                _ => None,
            });
            Some(format!(
                "SELECT pg_catalog.dsql_local_validate({}, {}, {}, '{}') AS {}",
                quoted(&name_in_sql(&alter.name)),
                quoted(constraint?),
                quoted(&validate),
                seal_key.of(&validate),
                ALTER_TABLE
            ))
        }
        StatementKind::CreateTable(table) => with_numeric(statement, columns_of(table)),
        StatementKind::CreateSchema(created) => {
            let tables = created.elements.iter().filter_map(|element| match &element.kind {
                StatementKind::CreateTable(table) => Some(table),
                _ => None,
            });
            with_numeric(statement, tables.flat_map(|table| columns_of(table)))
        }
        StatementKind::AlterTable(alter) => {
            let columns = alter.actions.iter().filter_map(|action| match action {
                AlterAction::AddColumn { column, .. } => Some(column),
                _ => None,
            });
            with_numeric(statement, columns)
        }
        _ => None,
    }
}

fn columns_of(table: &CreateTable) -> impl Iterator<Item = &TableColumn> {
    table.elements.iter().filter_map(|element| match element {
        TableElement::Column(column) => Some(column),
        _ => None,
    })
}

/// If a statement creates a column of type `numeric` without precision and scale, returns the statement with the
/// precision and scale that DSQL uses (observed on a cluster, dsqlbase, 2026-10-03).
fn with_numeric<'s>(
    statement: ParsedStatement<'_>,
    columns: impl Iterator<Item = &'s TableColumn>,
) -> Option<String> {
    let (mut out, mut at) = (String::new(), statement.span.start);
    for ty in columns.filter_map(|column| column.type_name.as_ref()).filter(|ty| is_bare_numeric(ty)) {
        // A name in quotes may be a domain of the user.
        if ty.span.text(statement.text).contains('"') {
            continue;
        }
        out += Span { start: at, end: ty.span.end }.text(statement.text);
        out += place::INSERTED;
        at = ty.span.end;
    }
    if out.is_empty() {
        return None;
    }
    out += Span { start: at, end: statement.span.end }.text(statement.text);
    Some(out)
}

fn is_bare_numeric(ty: &TypeName) -> bool {
    ty.name.name() == "numeric"
        && ty.name.schema().is_none_or(|schema| schema == "pg_catalog")
        && ty.modifiers.is_empty()
        && ty.array_dimensions == 0
        && !ty.percent_type
}

/// Returns a query that selects the expressions of an index, but reads no rows. The query only serves to find the
/// errors that the expressions cause without any row.
fn probe(index: &CreateIndex, text: &str) -> String {
    let keys = index.elements.iter().map(|element| &element.expr);
    let expressions: Vec<String> =
        keys.chain(&index.filter).map(|expr| format!("({})", expr.span.text(text))).collect();
    format!("SELECT {} FROM {} WHERE false", expressions.join(", "), name_in_sql(&index.table))
}

/// Returns the statement without the first occurrence of each word in `words`. The statement must contain the words
/// in the order of `words`.
fn without(statement: ParsedStatement<'_>, words: &[&str]) -> Option<String> {
    let text = statement.text;
    let mut out = String::new();
    let mut at = statement.span.start;
    for word in words {
        let is_word =
            |token: &&Token| token.span.start >= at && token.span.text(text).eq_ignore_ascii_case(word);
        let token = statement.own_tokens().iter().find(is_word)?;
        out.push_str(text.get(at as usize..token.span.start as usize)?);
        at = token.span.end;
    }
    out.push_str(text.get(at as usize..statement.span.end as usize)?);
    Some(out)
}

/// A name in SQL, with each part quoted.
pub(super) fn name_in_sql(name: &QualifiedName) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    name.parts.iter().map(|part| quoted(&part.text)).collect::<Vec<_>>().join(".")
}

/// The replacement for `AWS IAM GRANT role TO 'arn'` and `AWS IAM REVOKE role FROM 'arn'`. Other forms of the two
/// statements are not replaced, and PostgreSQL rejects them.
fn iam(statement: ParsedStatement<'_>, seal_key: &SealKey) -> Option<String> {
    let [_, _, command, role, preposition, arn] = statement.own_tokens() else { return None };
    let role = role.kind.name()?;
    let TokenKind::String(arn) = &arn.kind else { return None };
    let word = |token: &Token| token.span.text(statement.text).to_ascii_uppercase();
    let command = match (word(command).as_str(), word(preposition).as_str()) {
        ("GRANT", "TO") => "GRANT",
        ("REVOKE", "FROM") => "REVOKE",
        _ => return None,
    };
    let seal = seal_key.of(&format!("{command}{role}{arn}"));
    Some(format!("CALL pg_catalog.dsql_local_iam('{command}', {}, {}, '{seal}')", quoted(role), quoted(arn)))
}

/// Returns the SQL, with a replacement for each statement that only DSQL has, or that has another meaning in DSQL.
pub(crate) fn for_postgres(text: &str, seal_key: &SealKey) -> String {
    let rewritten = || {
        let whole = parsed(text).ok()?;
        let edit = |statement: ParsedStatement<'_>| Some((statement.span, local(statement, seal_key)?));
        Some(whole.iter().filter_map(edit).collect::<Edits>().apply(text))
    };
    with_room(text, rewritten).flatten().unwrap_or_else(|| text.to_owned())
}

/// Returns a string as an SQL literal whose meaning does not depend on settings.
fn quoted(text: &str) -> String {
    if text.contains('\\') {
        format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}
