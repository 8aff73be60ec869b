//! Checks `ALTER TABLE` and related statements.
//!
//! Input: the statement, its words, and, if known, the schema, which contains the primary keys and the types of
//! columns. Output: the actions that DSQL rejects, in the order in which the statement contains them.

use super::clauses::*;
use super::words::Words;
use super::{Finding, ddl, types};
use crate::schema::{Relation, Schema};
use crate::source::Span;
use crate::syntax::ast::{
    AlterAction, AlterTable, CheckedRows, Constraint, ConstraintKind, Expr, ExprKind, Literal, Name,
    ObjectKind, SET_LOGGED, SET_UNLOGGED, TableColumn,
};

pub(super) fn alter(
    alter: &AlterTable,
    statement: Span,
    words: &Words<'_>,
    schema: Option<&Schema>,
    out: &mut Vec<Finding>,
) {
    match alter.object {
        ObjectKind::Index => {
            let renames = |action: &AlterAction| matches!(action, AlterAction::Rename(_));
            if !alter.actions.iter().all(renames) {
                out.push(alter_index.at(words.span_of(2)));
            }
            return;
        }
        ObjectKind::Type => {
            let renames = |action: &AlterAction| matches!(action, AlterAction::Rename(_));
            let rule = if alter.actions.iter().all(renames) { &rename_type } else { &alter_type };
            let finding = rule.at(words.span(0).to(alter.name.span()));
            return out.push(Finding { whole: true, ..finding });
        }
        ObjectKind::Domain => return domain(alter, out),
        ObjectKind::Table => {}
        // It is not known which actions on views and sequences DSQL rejects.
        _ => return,
    }
    let alone = alter.actions.len() == 1;
    for (action, place) in alter.actions.iter().zip(&alter.places) {
        match action {
            AlterAction::AddColumn { column, if_not_exists } => {
                let rewritable = alone && !if_not_exists && !alter.if_exists;
                add_column(alter, column, rewritable.then_some(statement), words, out);
            }
            AlterAction::SetType { .. } => out.push(alter_column_type.at(*place)),
            AlterAction::SetNotNull(name) => out.push(alter_column_not_null.naming(*place, &name.text)),
            AlterAction::AddConstraint(constraint) => {
                let after = if alone { Some((alter, statement)) } else { None };
                add_constraint(constraint, *place, after, words, out);
            }
            AlterAction::ValidateConstraint(_) if !alter.asynchronous => {
                let word = words.find("TABLE", 0).unwrap_or(*place);
                let finding = validate_constraint_async.at(*place);
                let edits = vec![(Span { start: word.end, end: word.end }, " ASYNC".to_owned())];
                // ALTER TABLE ASYNC accepts only this action, and only one action per statement, so a statement with
                // several actions does not get a fix.
                out.push(if alone { finding.fixed("write ALTER TABLE ASYNC", edits) } else { finding });
            }
            AlterAction::DropColumn { name, .. } => out.extend(drop_column(alter, name, schema)),
            AlterAction::AddIdentity { column, options, .. } => {
                let end = Span { start: place.end, end: place.end };
                ddl::identity_cache_of(options, *place, end, out);
                let relation = relation(alter, schema);
                let known = relation.and_then(|relation| relation.column(&column.text));
                let finding = known.and_then(|known| types::identity(&known.type_name));
                // The column's type is in another statement, so the finding points at the column's name.
                out.extend(finding.map(|finding| finding.placed(column.span)));
            }
            AlterAction::RowSecurity => {
                let written = words.text(*place).to_uppercase().replace(" LEVEL", "");
                out.push(row_level_security.naming(*place, &written));
            }
            AlterAction::DropConstraint { name, .. } => {
                let relation = relation(alter, schema);
                let is_primary = |relation: &Relation| {
                    relation.keys.iter().any(|key| key.primary && key.name.as_deref() == Some(&name.text))
                };
                if relation.is_some_and(is_primary) {
                    out.push(drop_primary_key.at(*place));
                }
            }
            AlterAction::Other(what) => out.extend(other(what, *place)),
            action => out.extend(relatives(action).map(|what| alter_table_action.naming(*place, what))),
        }
    }
}

/// Checks `ADD COLUMN`. The constraints are checked before the type, as in DSQL (recorded for an identity column of
/// type integer). If the statement only adds this column, and contains neither IF EXISTS nor IF NOT EXISTS, `whole` is
/// the span of the statement; otherwise `None`.
fn add_column(
    alter: &AlterTable,
    column: &TableColumn,
    whole: Option<Span>,
    words: &Words<'_>,
    out: &mut Vec<Finding>,
) {
    let refused = |constraint: &&Constraint| !matches!(constraint.kind, ConstraintKind::Null);
    if let Some(constraint) = column.constraints.iter().find(refused) {
        let last = column.constraints.last().map_or(constraint.span, |last| last.span);
        let finding = add_column_constraint.at(constraint.span.to(last));
        out.push(match (whole, column.constraints.as_slice()) {
            (_, [only]) if !matches!(only.kind, ConstraintKind::Default(_)) => {
                match added_later(alter, column, only, words) {
                    Some(hint) => finding.advising(hint),
                    None => finding,
                }
            }
            (Some(statement), [only]) => with_default_later(finding, (alter, statement), column, only, words),
            _ => finding,
        });
    }
    if let Some(collated) = &column.collation {
        out.push(collation.at(collated.span()));
    }
    if let Some(span) = column.compression {
        out.push(ddl::without(compression.at(span), "leave COMPRESSION out", words));
    }
    if let Some(ty) = &column.type_name {
        out.extend(types::column(ty));
    }
}

/// Returns the advice to add the only constraint of a new column with later statements; `None` if the constraint is not
/// a foreign key, a check or a unique constraint.
fn added_later(
    alter: &AlterTable,
    column: &TableColumn,
    constraint: &Constraint,
    words: &Words<'_>,
) -> Option<String> {
    let (table, written) = (words.text(alter.name.span()), words.text(column.name.span));
    let suffix = match constraint.kind {
        ConstraintKind::ForeignKey(_) => "fkey",
        ConstraintKind::Check { .. } => "check",
        ConstraintKind::Unique(_) => "key",
        _ => return None,
    };
    let chosen = || format!("{}_{}_{suffix}", alter.name.name(), column.name.text);
    let name = constraint.name.as_ref().map_or_else(chosen, |name| words.text(name.span).to_owned());
    let from = |word: &str| {
        let place = words.find(word, constraint.span.start)?;
        Some(words.text(Span { start: place.start, end: constraint.span.end }).to_owned())
    };
    let not_valid = |what: &str, definition: String| {
        format!(
            "add the bare column, then the {what}: ALTER TABLE {table} ADD CONSTRAINT {name} {definition} NOT VALID; \
             ALTER TABLE ASYNC {table} VALIDATE CONSTRAINT {name}"
        )
    };
    Some(match constraint.kind {
        ConstraintKind::ForeignKey(_) => {
            not_valid("foreign key", format!("FOREIGN KEY ({written}) {}", from("REFERENCES")?))
        }
        ConstraintKind::Check { .. } => not_valid("check", from("CHECK")?),
        _ => format!(
            "add the bare column, then the key: {}",
            unique_by_index(table, &name, &format!("({written})"))
        ),
    })
}

/// Adds the fix for a column whose only constraint is a constant default: add the column without the default, then set
/// the default. Existing rows would not get the value, so the linter offers the fix only for an empty table. The fix
/// does not contain an UPDATE of these rows: if the column already exists, the first statement fails, and the UPDATE
/// would then overwrite the column.
fn with_default_later(
    finding: Finding,
    (alter, statement): (&AlterTable, Span),
    column: &TableColumn,
    constraint: &Constraint,
    words: &Words<'_>,
) -> Finding {
    let ConstraintKind::Default(default) = &constraint.kind else { return finding };
    // A default that is not a constant could have another value in a second statement.
    if !is_constant(default) || constraint.name.is_some() || constraint.span.end != statement.end {
        return finding;
    }
    let (table, name) = (words.text(alter.name.span()), words.text(column.name.span));
    let value = words.text(default.span);
    let later = format!(";\nALTER TABLE {table} ALTER COLUMN {name} SET DEFAULT {value}");
    finding.fixed("add the column, then its default", vec![(words.with_blank_before(constraint.span), later)])
}

/// Whether an expression certainly has the same value each time it is evaluated. The value of a string such as `'now'`
/// can differ.
fn is_constant(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Literal(Literal::String(text)) => {
            let text = text.to_ascii_lowercase();
            !["now", "today", "tomorrow", "yesterday"].iter().any(|word| text.contains(word))
        }
        ExprKind::Literal(_) => true,
        ExprKind::Cast { arg, .. } => matches!(arg.kind, ExprKind::Literal(_)) && is_constant(arg),
        _ => false,
    }
}

/// Checks `ADD CONSTRAINT`. If the statement has no other action, `after` is the statement with its span; otherwise
/// `None`.
fn add_constraint(
    constraint: &Constraint,
    place: Span,
    after: Option<(&AlterTable, Span)>,
    words: &Words<'_>,
    out: &mut Vec<Finding>,
) {
    match &constraint.kind {
        ConstraintKind::Check { checked: CheckedRows::All, .. } => {}
        ConstraintKind::ForeignKey(key) if !key.not_valid => {}
        ConstraintKind::PrimaryKey(_) => return out.push(add_primary_key.at(place)),
        ConstraintKind::Unique(key) if key.index.is_none() => {
            let mut finding = add_unique.at(place);
            if let (Some((alter, _)), Some(name)) = (after, &constraint.name) {
                let columns = words.text(place);
                let columns = columns.find('(').and_then(|at| columns.get(at..)).unwrap_or("(…)");
                let table = words.text(alter.name.span());
                finding = finding.advising(unique_by_index(table, words.text(name.span), columns));
            }
            return out.push(finding);
        }
        _ => return ddl::constraint(constraint, out),
    }
    let finding = add_constraint_not_valid.at(place);
    // A constraint without a name cannot be validated, and NOT VALID alone would change the constraint's meaning. If
    // the table is missing, a statement with `IF EXISTS` does nothing, but the validation would fail.
    let is_last = |(alter, statement): &(&AlterTable, Span)| statement.end == place.end && !alter.if_exists;
    let Some(((alter, _), name)) = after.filter(is_last).zip(constraint.name.as_ref()) else {
        return out.push(finding);
    };
    let (table, name) = (words.text(alter.name.span()), words.text(name.span));
    let end = Span { start: place.end, end: place.end };
    let validate = format!(" NOT VALID;\nALTER TABLE ASYNC {table} VALIDATE CONSTRAINT {name}");
    out.push(finding.fixed("add it NOT VALID, then validate it", vec![(end, validate)]));
}

/// Returns the advice for `ADD CONSTRAINT n UNIQUE (a)`: first build an index named `n`, then add the constraint with
/// `USING INDEX n`. The advice is not a fix that writes both statements, because the job of the index must finish
/// before the second statement runs.
fn unique_by_index(table: &str, name: &str, columns: &str) -> String {
    format!(
        "CREATE UNIQUE INDEX ASYNC {name} ON {table} {columns}; CALL sys.wait_for_job('…'); ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {name}"
    )
}

fn drop_column(alter: &AlterTable, name: &Name, schema: Option<&Schema>) -> Option<Finding> {
    let relation = relation(alter, schema)?;
    let in_key = relation.keys.iter().any(|key| key.primary && key.columns.contains(&name.text));
    in_key.then(|| drop_primary_key_column.naming(name.span, &name.text))
}

/// Returns the relation to which `alter` applies, if the schema has the relation.
fn relation<'s>(alter: &AlterTable, schema: Option<&'s Schema>) -> Option<&'s Relation> {
    ddl::relation(&alter.name, schema?)
}

/// Checks `ALTER DOMAIN`.
fn domain(alter: &AlterTable, out: &mut Vec<Finding>) {
    for (action, place) in alter.actions.iter().zip(&alter.places) {
        let words = match action {
            AlterAction::SetNotNull(_) => "SET NOT NULL",
            AlterAction::AddConstraint(_) => "ADD CONSTRAINT",
            _ => continue,
        };
        out.push(alter_domain_check.naming(*place, words));
    }
}

/// Returns the SQL words of an action that changes a table's parents, partitions or type.
fn relatives(action: &AlterAction) -> Option<&'static str> {
    Some(match action {
        AlterAction::Inherit(_) => "INHERIT",
        AlterAction::NoInherit(_) => "NO INHERIT",
        AlterAction::AttachPartition(_) | AlterAction::DetachPartition(_) => "ATTACH or DETACH PARTITION",
        AlterAction::OfType(_) => "OF",
        AlterAction::NotOfType => "NOT OF",
        _ => return None,
    })
}

fn other(what: &'static str, place: Span) -> Option<Finding> {
    match what {
        "SET COMPRESSION" => Some(alter_column_compression.at(place)),
        "SET STATISTICS" => Some(alter_column_statistics.at(place)),
        "OWNER TO"
        | "ALTER CONSTRAINT"
        | "SET STORAGE"
        | "SET GENERATED"
        | "RESTART"
        | "DEPENDS ON EXTENSION"
        | "TRIGGER ALL"
        | "ALWAYS TRIGGER" => None,
        SET_LOGGED | SET_UNLOGGED => Some(alter_table_action.naming(place, "SET")),
        what => Some(alter_table_action.naming(place, what)),
    }
}
