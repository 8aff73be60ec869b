//! Rewrites statements that `pg_dump` writes and DSQL rejects: keys and constraints that are added after CREATE TABLE,
//! identity columns that are not a bigint, and `SET` with a value that the setting always has in DSQL.
//!
//! Input: the statements of a file, and its findings. Output: rewrites, if a key can move into CREATE TABLE, if a
//! constraint is validated later, if an identity column can become a bigint, or if a `SET` can be removed.

use dsql_edge_compiler::dsql::{Fix, Meaning};
use dsql_edge_compiler::source::Span;
use dsql_edge_compiler::syntax::ast::{
    AlterAction, AlterTable, ConstraintKind, SequenceOption, Statement, StatementKind, TableColumn,
    TableElement,
};

use super::column_type::depends_on_type;
use super::cut::cut;
use super::finding::Finding;
use super::key;
use super::rows::{creation, same};
use super::script::Script;

/// The title of the rewrite that adds a constraint as NOT VALID; the file validates the constraint later.
pub(super) const NOT_VALID: &str = "add it NOT VALID";

/// Adds the rewrites to the findings.
pub(super) fn add_fixes(script: &Script<'_>, findings: &mut [Finding]) {
    let statements = script.statements();
    for finding in findings.iter_mut() {
        let Some(rule) = finding.rule else { continue };
        let Some(at) = script.at(finding.statement) else { continue };
        let Some(statement) = statements.get(at) else { continue };
        let fix = match (rule.id, &statement.kind) {
            ("add_constraint_not_valid", StatementKind::AlterTable(_)) => {
                // The rewrite to NOT VALID has the same effect only if the file validates the constraint later.
                let end = Span { start: statement.span.end, end: statement.span.end };
                let edits = vec![(end, " NOT VALID".to_owned())];
                validation(script, at).map(|_| (NOT_VALID, edits))
            }
            ("add_primary_key" | "add_unique", _) => {
                finding.fix = key::moved(script, at);
                continue;
            }
            ("identity_type", StatementKind::AlterTable(alter)) => {
                let place = column_type(script, at, alter, finding.diagnostic.span);
                place.map(|place| ("make the column bigint", vec![(place, "bigint".to_owned())]))
            }
            ("set_parameter", StatementKind::Set(set)) => {
                let cut = cut(script.parsed, finding.statement);
                script.effects().is_needless(set).then(|| ("leave it out", vec![(cut, String::new())]))
            }
            _ => None,
        };
        let fix = fix.map(|(title, edits)| Fix { title, edits, meaning: Meaning::Same });
        finding.fix = fix.or(finding.fix.take());
    }
}

/// If a column of integer type certainly becomes an identity later in the same transaction, returns the span of the
/// column's type.
fn column_type(script: &Script<'_>, at: usize, alter: &AlterTable, column: Span) -> Option<Span> {
    let name = alter.actions.iter().find_map(|action| match action {
        AlterAction::AddIdentity { column: name, options, .. } if name.span == column && !cycles(options) => {
            Some(&name.text)
        }
        _ => None,
    })?;
    let created = creation(script, at, &alter.name).filter(|created| script.are_together(*created, at))?;
    let creates = script.statements().get(created)?;
    let StatementKind::CreateTable(table) = &creates.kind else { return None };
    let mut between = script.naming(created + 1..at, alter.name.name());
    let is_known = script.is_known(creates.span.start, script.statements().get(at)?.span.start);
    if !is_known || between.any(changes_columns) || depends_on_type(script, created, table, name) {
        return None;
    }
    table.elements.iter().find_map(|element| match element {
        // PostgreSQL accepts a column as an identity only if it is NOT NULL and has no default.
        TableElement::Column(column) if column.name.text == *name && is_not_null_alone(column) => {
            let ty = column.type_name.as_ref()?;
            let integer = matches!(ty.name.name(), "int2" | "int4") && ty.array_dimensions == 0;
            integer.then_some(ty.span)
        }
        _ => None,
    })
}

fn is_not_null_alone(column: &TableColumn) -> bool {
    let has = |is: fn(&ConstraintKind) -> bool| column.constraints.iter().any(|it| is(&it.kind));
    has(|it| matches!(it, ConstraintKind::NotNull | ConstraintKind::PrimaryKey(_)))
        && !has(|it| {
            matches!(
                it,
                ConstraintKind::Default(_) | ConstraintKind::Identity { .. } | ConstraintKind::Generated(_)
            )
        })
}

/// Whether a statement that contains the name of a table may change the columns of this table.
fn changes_columns(statement: &Statement) -> bool {
    match &statement.kind {
        StatementKind::AlterTable(alter) => {
            let harmless = |action: &AlterAction| {
                matches!(action, AlterAction::AddConstraint(_) | AlterAction::Other(_))
            };
            !alter.actions.iter().all(harmless)
        }
        StatementKind::Drop(_) | StatementKind::CreateTable(_) => true,
        _ => false,
    }
}

fn cycles(options: &[SequenceOption]) -> bool {
    options.iter().any(|option| option.name == "cycle")
}

/// Returns the later statement that validates the constraint which a statement adds.
pub(super) fn validation(script: &Script<'_>, at: usize) -> Option<usize> {
    let StatementKind::AlterTable(adds) = &script.statements().get(at)?.kind else { return None };
    let [AlterAction::AddConstraint(added)] = adds.actions.as_slice() else { return None };
    let name = added.name.as_ref()?;
    let all = script.statements().len();
    let mut later = script.naming_at(at + 1..all, adds.name.name()).filter(|at| script.is_alone(*at));
    later.find(|at| {
        let statement = script.statements().get(*at);
        let Some(StatementKind::AlterTable(alter)) = statement.map(|it| &it.kind) else { return false };
        let validates =
            |action: &AlterAction| matches!(action, AlterAction::ValidateConstraint(it) if it.text == name.text);
        same(&alter.name, &adds.name) && alter.actions.iter().any(validates)
    })
}
