//! What `pg_dump` writes and DSQL refuses, although nothing is lost without it: keys behind their tables, and settings
//! that are DSQL's own already.
//!
//! In: the statements of a file and what was found. Out: a fix where a key can move into CREATE TABLE, where it
//! means the same, and where a setting can go.

use dsql_edge_compiler::dsql::Fix;
use dsql_edge_compiler::source::Span;
use dsql_edge_compiler::syntax::Lexed;
use dsql_edge_compiler::syntax::ast::{
    AlterAction, AlterTable, ConstraintKind, QualifiedName, Statement, StatementKind, TableElement,
};
use dsql_edge_compiler::syntax::token::TokenKind;

use super::Finding;

/// Settings as pg_dump writes them at its head: what DSQL does anyway, or what it has no use for.
const SETTINGS: &[(&str, &str)] = &[
    ("check_function_bodies", "false"),
    ("client_min_messages", "warning"),
    ("default_table_access_method", "heap"),
    ("default_tablespace", ""),
    ("default_toast_compression", "pglz"),
    ("idle_in_transaction_session_timeout", "0"),
    ("lock_timeout", "0"),
    ("row_security", "off"),
    ("standard_conforming_strings", "on"),
    ("statement_timeout", "0"),
    ("transaction_timeout", "0"),
    ("xmloption", "content"),
];

/// Adds the fixes.
pub(super) fn mend(text: &str, lexed: &Lexed, statements: &[Statement], findings: &mut [Finding]) {
    for finding in findings.iter_mut() {
        let Some(rule) = finding.rule else { continue };
        let Some(at) = statements.iter().position(|statement| statement.span == finding.statement) else {
            continue;
        };
        let later = statements.get(at + 1..).unwrap_or_default();
        let Some(statement) = statements.get(at) else { continue };
        let fix = match (rule.id, &statement.kind) {
            ("add_constraint_not_valid", StatementKind::AlterTable(alter)) => {
                // The file validates it itself.
                let validated = alter.actions.iter().any(|action| is_validated(action, &alter.name, later));
                let end = Span { start: statement.span.end, end: statement.span.end };
                let edits = vec![(end, " NOT VALID".to_owned())];
                (validated && alter.actions.len() == 1).then_some(Fix { title: "add it NOT VALID", edits })
            }
            ("add_primary_key" | "add_unique", _) => moved(text, lexed, statements, at)
                .map(|edits| Fix { title: "move the key into CREATE TABLE", edits }),
            ("identity_type", StatementKind::AlterTable(alter)) => {
                let before = statements.get(..at).unwrap_or_default();
                let place = column_type(alter, finding.diagnostic.span, before);
                place.map(|place| Fix {
                    title: "make the column bigint",
                    edits: vec![(place, "bigint".to_owned())],
                })
            }
            ("set_parameter", StatementKind::Set(set)) => {
                let harmless = set.values.len() == 1
                    && SETTINGS.iter().any(|(name, value)| set.name == *name && set.values[0] == *value);
                let cut = cut(text, lexed, finding.statement);
                harmless.then(|| Fix { title: "leave it out", edits: vec![(cut, String::new())] })
            }
            _ => None,
        };
        finding.fix = fix.or(finding.fix.take());
    }
}

/// Where the integer type stands of a column that becomes an identity later.
fn column_type(alter: &AlterTable, column: Span, before: &[Statement]) -> Option<Span> {
    let name = alter.actions.iter().find_map(|action| match action {
        AlterAction::AddIdentity { column: name, .. } if name.span == column => Some(&name.text),
        _ => None,
    })?;
    before.iter().rev().find_map(|statement| {
        let StatementKind::CreateTable(table) = &statement.kind else { return None };
        let columns = table.elements.iter().filter(|_| same(&table.name, &alter.name));
        columns.into_iter().find_map(|element| match element {
            TableElement::Column(column) if column.name.text == *name => {
                let ty = column.type_name.as_ref()?;
                let integer = matches!(ty.name.name(), "int2" | "int4") && ty.array_dimensions == 0;
                integer.then_some(ty.span)
            }
            _ => None,
        })
    })
}

/// Whether a statement behind validates the constraint that the action adds.
fn is_validated(action: &AlterAction, table: &QualifiedName, later: &[Statement]) -> bool {
    let AlterAction::AddConstraint(added) = action else { return false };
    let Some(name) = &added.name else { return false };
    later.iter().any(|statement| {
        let StatementKind::AlterTable(alter) = &statement.kind else { return false };
        let validates =
            |action: &AlterAction| matches!(action, AlterAction::ValidateConstraint(it) if it.text == name.text);
        same(&alter.name, table) && alter.actions.iter().any(validates)
    })
}

/// The key cut out and put into its table.
fn moved(text: &str, lexed: &Lexed, statements: &[Statement], at: usize) -> Option<Vec<(Span, String)>> {
    let statement = statements.get(at)?;
    let StatementKind::AlterTable(alter) = &statement.kind else { return None };
    the_key(alter)?;
    let (created, before) = statements.get(..at)?.iter().enumerate().rev().find_map(|(place, before)| {
        let StatementKind::CreateTable(table) = &before.kind else { return None };
        let plain = table.partition_of.is_none() && table.of_type.is_none() && !table.elements.is_empty();
        (plain && same(&table.name, &alter.name)).then_some((place, before))
    })?;
    let between = statements.get(created + 1..at)?;
    if between.iter().any(|statement| touches(statement, &alter.name)) {
        return None;
    }
    // The parenthesis that closes the elements: the one at depth 1.
    let mut depth = 0usize;
    let tokens = lexed
        .tokens
        .iter()
        .filter(|token| token.span.start >= before.span.start && token.span.end <= before.span.end);
    let mut last = None;
    let mut end_of_last = None;
    for token in tokens {
        match token.kind {
            TokenKind::Symbol(b'(') => depth += 1,
            TokenKind::Symbol(b')') => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    last = Some(token.span);
                    break;
                }
            }
            _ => {}
        }
        end_of_last = Some(token.span.end);
    }
    let (close, insert) = (last?, end_of_last?);
    let key = the_key(alter)?.text(text);
    let after = Span { start: insert, end: insert };
    // In a line of its own, where the parenthesis has one; a comment behind the last element stays there.
    let line = line_start(text, close.start);
    let mut edits = if line < close.start || text.get(..line as usize).is_some_and(|it| it.ends_with('\n')) {
        vec![(after, ",".to_owned()), (Span { start: line, end: line }, format!("    {key}\n"))]
    } else {
        vec![(after, format!(", {key}"))]
    };
    let cut = cut(text, lexed, statement.span);
    edits.push((cut, String::new()));
    Some(edits)
}

/// The key that the statement adds, if it does nothing else.
fn the_key(alter: &AlterTable) -> Option<Span> {
    let [AlterAction::AddConstraint(constraint)] = alter.actions.as_slice() else { return None };
    match &constraint.kind {
        ConstraintKind::PrimaryKey(key) | ConstraintKind::Unique(key) if key.index.is_none() => {
            Some(constraint.span)
        }
        _ => None,
    }
}

fn same(a: &QualifiedName, b: &QualifiedName) -> bool {
    a.name() == b.name() && a.schema() == b.schema()
}

/// Whether a statement may change the columns or the name of the table.
fn touches(statement: &Statement, table: &QualifiedName) -> bool {
    match &statement.kind {
        StatementKind::AlterTable(alter) => {
            let harmless = |action: &AlterAction| {
                matches!(
                    action,
                    AlterAction::AddConstraint(_)
                        | AlterAction::SetDefault { .. }
                        | AlterAction::AddIdentity { .. }
                        | AlterAction::Other(_)
                )
            };
            alter.name.name() == table.name() && !alter.actions.iter().all(harmless)
        }
        StatementKind::Set(set) => set.name == "search_path",
        StatementKind::Drop(_) => true,
        _ => false,
    }
}

/// A statement with its semicolon, and its lines, if it has them for itself.
fn cut(text: &str, lexed: &Lexed, statement: Span) -> Span {
    let after = lexed.tokens.iter().find(|token| token.span.start >= statement.end);
    let end = match after {
        Some(after) if after.kind == TokenKind::Symbol(b';') => after.span.end,
        _ => statement.end,
    };
    let (start, stop) = (line_start(text, statement.start), line_end(text, end));
    // A line that something else shares keeps its blanks and its end.
    if start == statement.start
        && start > 0
        && !text.get(..start as usize).is_some_and(|it| it.ends_with('\n'))
    {
        return Span { start, end };
    }
    Span { start, end: stop }
}

/// The start of the line, if nothing but blanks stands before the place.
fn line_start(text: &str, place: u32) -> u32 {
    let before = text.get(..place as usize).unwrap_or("");
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    if before.get(start..).is_some_and(|rest| rest.trim().is_empty()) { start as u32 } else { place }
}

/// The start of the next line, if nothing but blanks stands behind the place.
fn line_end(text: &str, place: u32) -> u32 {
    let rest = text.get(place as usize..).unwrap_or("");
    match rest.find('\n') {
        Some(at) if rest.get(..at).is_some_and(|rest| rest.trim().is_empty()) => place + at as u32 + 1,
        _ => place,
    }
}
