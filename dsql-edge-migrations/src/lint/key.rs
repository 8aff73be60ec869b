//! Moves a key into the CREATE TABLE of its table, where DSQL accepts the key, if a script adds the key in a later
//! statement, as pg_dump does.
//!
//! Input: the statement that adds a key to a table in a script. Output: the edits, and the condition under which the
//! script has the same effect with these edits. The output is `None` if CREATE TABLE could fail because of the key, or
//! if a statement between CREATE TABLE and the key could behave differently.

use dsql_edge_compiler::dsql::Meaning::{Same, SameIfAllSucceed};
use dsql_edge_compiler::dsql::{Fix, is_in_keys};
use dsql_edge_compiler::source::Span;
use dsql_edge_compiler::syntax::ast::{
    AlterAction, AlterTable, Constraint, ConstraintKind, CreateTable, KeyConstraint, ObjectKind, Statement,
    StatementKind, TableElement,
};
use dsql_edge_compiler::syntax::keyword::Keyword;
use dsql_edge_compiler::syntax::token::TokenKind;

use super::cut::{cut, line_start};
use super::rows::{Writes, creation, is_reached, runs_code, writes};
use super::script::Script;

/// Returns the rewrite that moves the key into the CREATE TABLE of its table.
pub(super) fn moved(script: &Script<'_>, at: usize) -> Option<Fix> {
    let statement = script.statements().get(at)?;
    let StatementKind::AlterTable(alter) = &statement.kind else { return None };
    let (constraint, key) = the_key(alter)?;
    let created = creation(script, at, &alter.name)?;
    let creates = script.statements().get(created)?;
    let StatementKind::CreateTable(table) = &creates.kind else { return None };
    if !script.are_together(created, at)
        || !script.is_known(creates.span.start, statement.span.start)
        || !takes(table, constraint, key)
    {
        return None;
    }
    // No other object may have the key's name.
    let name =
        constraint.name.as_ref().map_or_else(|| generated(table, key, constraint), |name| name.text.clone());
    if script.naming(0..at, &name).next().is_some() {
        return None;
    }
    if is_reached(script, created + 1..at, &alter.name) {
        return None;
    }
    let mut meaning = Same;
    for between in script.naming_at(created + 1..at, alter.name.name()) {
        match relation(script, between) {
            Relation::None => {}
            Relation::AddsRows => meaning = SameIfAllSucceed,
            Relation::Other => return None,
        }
    }
    let mut edits = insertion(script, creates, constraint.span.text(&script.parsed.text))?;
    edits.push((cut(script.parsed, statement.span), String::new()));
    Some(Fix { title: "move the key into CREATE TABLE", edits, meaning })
}

/// Returns the key that ALTER TABLE adds, if the statement has no other action.
fn the_key(alter: &AlterTable) -> Option<(&Constraint, &KeyConstraint)> {
    let [AlterAction::AddConstraint(constraint)] = alter.actions.as_slice() else { return None };
    match &constraint.kind {
        ConstraintKind::PrimaryKey(key) | ConstraintKind::Unique(key)
            if key.index.is_none() && alter.object == ObjectKind::Table =>
        {
            Some((constraint, key))
        }
        _ => None,
    }
}

/// Whether moving the key into CREATE TABLE can never make CREATE TABLE fail.
fn takes(table: &CreateTable, constraint: &Constraint, key: &KeyConstraint) -> bool {
    let plain = table.partition_of.is_none()
        && table.of_type.is_none()
        && !table.partitioned
        && table.inherits.is_empty()
        && !table.elements.is_empty();
    let primary = matches!(constraint.kind, ConstraintKind::PrimaryKey(_));
    let of_columns = table.elements.iter().filter_map(|element| match element {
        TableElement::Column(column) => Some(column),
        _ => None,
    });
    let columns: Vec<_> = of_columns.collect();
    let holds = |name: &str| {
        columns.iter().any(|column| {
            let nullable = column.constraints.iter().any(|it| matches!(it.kind, ConstraintKind::Null));
            column.name.text == name
                && column.type_name.as_ref().is_some_and(is_in_keys)
                && !(primary && nullable)
        })
    };
    let mut names: Vec<&str> = key.columns.iter().map(|name| name.text.as_str()).collect();
    let all = names.iter().all(|name| holds(name)) && key.include.is_empty();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    let of_elements = table.elements.iter().flat_map(|element| match element {
        TableElement::Column(column) => column.constraints.as_slice(),
        TableElement::Constraint(constraint) => std::slice::from_ref(constraint),
        TableElement::Like { .. } => &[],
    });
    let others: Vec<&Constraint> = of_elements.collect();
    let second = primary && others.iter().any(|it| matches!(it.kind, ConstraintKind::PrimaryKey(_)));
    // Two constraints over the same columns create one index in CREATE TABLE, but two with ALTER TABLE.
    let repeated = others.iter().any(|it| match &it.kind {
        ConstraintKind::PrimaryKey(other) | ConstraintKind::Unique(other) => {
            other.columns.is_empty()
                || other.columns.iter().map(|it| &it.text).eq(key.columns.iter().map(|it| &it.text))
        }
        _ => false,
    });
    plain && all && names.len() == count && !second && !repeated
}

/// Returns the name that PostgreSQL gives to an unnamed key, if no other object has that name.
fn generated(table: &CreateTable, key: &KeyConstraint, constraint: &Constraint) -> String {
    let table = table.name.name();
    match constraint.kind {
        ConstraintKind::PrimaryKey(_) => format!("{table}_pkey"),
        _ => {
            let columns: Vec<&str> = key.columns.iter().map(|it| it.text.as_str()).collect();
            format!("{table}_{}_key", columns.join("_"))
        }
    }
}

/// The relation between a statement and the key: whether the statement has another effect if the key is already in
/// CREATE TABLE. The statement is between CREATE TABLE and the key, and contains the table's name.
enum Relation {
    /// The statement has the same effect.
    None,
    /// The statement adds rows. If these rows violate the key, the rewritten script fails at this statement, but the
    /// original script fails at the later statement that adds the key.
    AddsRows,
    /// The statement may behave differently.
    Other,
}

fn relation(script: &Script<'_>, at: usize) -> Relation {
    let Some(statement) = script.statements().get(at) else { return Relation::Other };
    if runs_code(script, at) {
        return Relation::Other;
    }
    match (&statement.kind, writes(script, statement)) {
        (_, Writes::Adds) => Relation::AddsRows,
        (_, Writes::Changes) => Relation::Other,
        (StatementKind::AlterTable(alter), _) => {
            let harmless = |action: &AlterAction| match action {
                AlterAction::SetDefault { .. } | AlterAction::AddIdentity { .. } | AlterAction::Other(_) => {
                    true
                }
                AlterAction::AddConstraint(constraint) => matches!(
                    constraint.kind,
                    ConstraintKind::PrimaryKey(_) | ConstraintKind::Unique(_) | ConstraintKind::Check { .. }
                ),
                _ => false,
            };
            if alter.actions.iter().all(harmless) { Relation::None } else { Relation::Other }
        }
        // A view with GROUP BY may depend on the key.
        (StatementKind::CreateView(_), _) if !script.has(statement, Keyword::Group) => Relation::None,
        (StatementKind::CreateIndex(_) | StatementKind::CreateSequence(_) | StatementKind::Query(_), _) => {
            Relation::None
        }
        (StatementKind::Utility("ALTER SEQUENCE" | "COMMENT" | "GRANT" | "REVOKE" | "ANALYZE"), _) => {
            Relation::None
        }
        _ => Relation::Other,
    }
}

/// Returns the edits that write the key after the elements of CREATE TABLE.
fn insertion(script: &Script<'_>, creates: &Statement, key: &str) -> Option<Vec<(Span, String)>> {
    // The parenthesis that closes the elements of CREATE TABLE has the depth 1.
    let (mut depth, mut close, mut end_of_last) = (0usize, None, None);
    for token in script.tokens(creates) {
        match token.kind {
            TokenKind::Symbol(b'(') => depth += 1,
            TokenKind::Symbol(b')') => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    close = Some(token.span);
                    break;
                }
            }
            _ => {}
        }
        end_of_last = Some(token.span.end);
    }
    let (close, insert) = (close?, end_of_last?);
    let after = Span { start: insert, end: insert };
    // If the closing parenthesis is on a separate line, the key also gets a separate line, and a comment after the last
    // element stays where it is.
    let text = script.parsed.text.as_ref();
    let line = line_start(text, close.start);
    Some(if line < close.start || text.get(..line as usize).is_some_and(|it| it.ends_with('\n')) {
        vec![(after, ",".to_owned()), (Span { start: line, end: line }, format!("    {key}\n"))]
    } else {
        vec![(after, format!(", {key}"))]
    })
}
