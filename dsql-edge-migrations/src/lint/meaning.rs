//! Decides whether a script has the same effect with a rewrite.
//!
//! Input: the rewrites of rules and of pg_dump. Output: the rewrites that `lint` may offer, each
//! with the condition under which the script has the same effect.
//!
//! A script has the same effect if it leaves the same catalog and the same rows, apart from differences that DSQL
//! forces. For example, in DSQL an identity column is a bigint, and an index has no ASC or DESC and is built by a job.
//! `tests/rewrites` compares catalog and rows on PostgreSQL. A rewrite that replaces one statement by two has the same
//! effect only if every statement succeeds; otherwise the effect of one of the two may remain. For example, `ADD
//! CONSTRAINT` becomes two statements; if a row violates the constraint, the second statement fails, and the constraint
//! remains NOT VALID. If a rewrite divides a transaction and a later part fails, the earlier part remains applied. It
//! is certain that no row violates the constraint only if the script created the table and added no rows to it.

use std::collections::BTreeSet;

use dsql_edge_compiler::dsql::Meaning::{self, Same, SameIfAllSucceed};
use dsql_edge_compiler::dsql::transaction::{Part, part};
use dsql_edge_compiler::dsql::{Fix, Rule};
use dsql_edge_compiler::source::Span;
use dsql_edge_compiler::syntax::ast::{
    AlterAction, AlterTable, ConstraintKind, CreateIndex, CreateTable, ExprKind, ForeignKeyConstraint,
    ObjectKind, Statement, StatementKind, TableElement,
};
use dsql_edge_compiler::syntax::keyword::Keyword;

use super::column_type::depends_on_type;
use super::dump::{NOT_VALID, validation};
use super::finding::Finding;
use super::rows;
use super::script::Script;
use super::sent::Sent;

/// The title of the rewrite that divides a transaction.
pub(super) const ANOTHER_TRANSACTION: &str = "begin another transaction";

/// The rules whose rewrites do not affect other statements, or whose conditions check the affected statements. Any
/// other rewrite is offered only if all effects of the files are known. For example, a statement that `lint` cannot
/// read, or a file that `\i` runs, may depend on the object that the rewrite changes.
const INDEPENDENT_OF_THE_RUN: &[&str] = &[
    "add_constraint_not_valid",
    "add_primary_key",
    "add_unique",
    "collation",
    "compression",
    "identity_cache",
    "index_async",
    "index_concurrently",
    "index_sort_direction",
    "index_using",
    "multi_ddl_transaction",
    "sequence_cache",
    "unlogged_table",
    "validate_constraint_async",
];

/// The maximum length of a name in bytes: PostgreSQL truncates a longer name.
const LONGEST_NAME: usize = 63;

/// Keeps those rewrites that do not change the effect of the script, and adds the rewrite that divides transactions.
pub(super) fn judge(script: &Script<'_>, findings: &mut [Finding]) {
    for finding in findings.iter_mut() {
        let (Some(rule), Some(at)) = (finding.rule, script.at(finding.statement)) else { continue };
        if rule.id == "multi_ddl_transaction" {
            finding.fix = split(script, at);
        }
        let depends_on_run = finding.fix.is_some() && !INDEPENDENT_OF_THE_RUN.contains(&rule.id);
        // A statement that psql sends together with another statement is not rewritten: the rewrite may consist of
        // several statements, which psql must send one by one.
        if script.is_joined(at) || depends_on_run && !script.effects().is_known() {
            finding.fix = None;
        }
        finding.fix = finding.fix.take().and_then(|fix| {
            let meaning = meaning(script, at, rule, finding.diagnostic.span)?;
            // If the rewrite already has the condition that every statement succeeds, it keeps this condition.
            Some(Fix { meaning: if fix.meaning == Same { meaning } else { fix.meaning }, ..fix })
        });
    }
}

/// Finds rewrites that move something across a failing statement. Such a rewrite has the same effect only if psql runs
/// the rest of the file after the error: with `ON_ERROR_STOP`, psql stops at the failing statement, and then the
/// rewritten file has changed more than the original file.
///
/// Input: the findings, with their rewrites. A rewrite that is correct only if all statements succeed
/// (`SameIfAllSucceed`) is applied only with `--assume-success`. Without `--assume-success`, the statement is not
/// rewritten, and DSQL still rejects it. A rewrite that moves something across this statement then
/// becomes `SameIfAllSucceed`, too, so the search is repeated until no rewrite changes.
pub(super) fn judge_failures(script: &Script<'_>, findings: &mut [Finding]) {
    loop {
        let is_left = |it: &&Finding| {
            it.diagnostic.is_error() && it.fix.as_ref().is_none_or(|fix| fix.meaning == SameIfAllSucceed)
        };
        let failing: BTreeSet<u32> = findings.iter().filter(is_left).map(|it| it.statement.start).collect();
        let mut changed = false;
        for finding in findings.iter_mut() {
            let own = finding.statement;
            let Some(fix) = finding.fix.as_mut().filter(|fix| fix.meaning == Same) else { continue };
            let first =
                fix.edits.iter().map(|(span, _)| span.start).min().unwrap_or(own.start).min(own.start);
            // The rewrite is correct because a later statement validates the constraint.
            let validation = || script.at(own).and_then(|at| validation(script, at));
            let last = (fix.title == NOT_VALID).then(validation).flatten();
            let end = last.and_then(|at| script.statements().get(at)).map_or(own.end, |it| it.span.start);
            let others = failing.range(first..end).any(|place| *place != own.start);
            if others {
                fix.meaning = SameIfAllSucceed;
                changed = true;
            }
        }
        if !changed {
            return;
        }
    }
}

fn meaning(script: &Script<'_>, at: usize, rule: &Rule, place: Span) -> Option<Meaning> {
    let statement = script.statements().get(at)?;
    match (rule.id, &statement.kind) {
        ("add_constraint_not_valid", StatementKind::AlterTable(alter)) => {
            let empty = rows::is_empty(script, at, &alter.name);
            script.is_alone(at).then_some(if empty { Same } else { SameIfAllSucceed })
        }
        ("add_column_constraint", StatementKind::AlterTable(alter)) => {
            let fits = script.is_alone(at) && rows::is_empty(script, at, &alter.name);
            fits.then_some(SameIfAllSucceed)
        }
        ("index_async" | "index_concurrently", StatementKind::CreateIndex(index)) => {
            // PostgreSQL rejects CONCURRENTLY in a transaction, and does not apply any statement of that transaction.
            let in_transaction = index.concurrently && !script.is_alone(at);
            if in_transaction { None } else { index_by_job(script, at, index) }
        }
        ("unlogged_table", StatementKind::CreateTable(table)) => {
            // PostgreSQL rejects a foreign key of a permanent table to an unlogged table.
            let refers = |statement: &Statement| script.has(statement, Keyword::References);
            let end = script.statements().len();
            let any = script.naming(at..end, table.name.name()).any(refers);
            let later = script.is_in_later_files("references") && script.is_in_later_files(table.name.name());
            Some(if any || later { SameIfAllSucceed } else { Same })
        }
        ("identity_type" | "sequence_type" | "serial_type", _) => integer_to_bigint(script, at, rule, place),
        _ => Some(Same),
    }
}

/// The rewrite makes an integer column, or a sequence of integers, a bigint; for `serial`, it also replaces the
/// default by an identity. Returns the condition under which the script has the same effect, or `None`.
fn integer_to_bigint(script: &Script<'_>, at: usize, rule: &Rule, place: Span) -> Option<Meaning> {
    // A sequence with CYCLE begins again after its last value, and the last value depends on the type.
    if script.effects().cycles_later {
        return None;
    }
    let depends = match &script.statements().get(at)?.kind {
        StatementKind::CreateSequence(_) => false,
        // The rewrite of the column's type has already checked the statements of this file.
        StatementKind::AlterTable(alter) => is_met_elsewhere(script, at, alter.name.name()),
        StatementKind::CreateTable(table) => {
            let column = column_at(table, place)?;
            rule.id == "serial_type" && !is_left_alone(script, at, table, column)
                || depends_on_type(script, at, table, column)
                || is_met_elsewhere(script, at, table.name.name())
        }
        _ => true,
    };
    (!depends).then_some(Same)
}

/// Returns the name of the column that a finding is about.
fn column_at(table: &CreateTable, place: Span) -> Option<&str> {
    table.elements.iter().find_map(|element| match element {
        TableElement::Column(column) if column.span.start <= place.start && place.end <= column.span.end => {
            Some(column.name.text.as_str())
        }
        _ => None,
    })
}

/// Returns the condition under which a job may build the index without a change of the script's effect. Until the job
/// has built a unique index, the table accepts duplicates, and `ON CONFLICT` and foreign keys cannot use the index.
fn index_by_job(script: &Script<'_>, at: usize, index: &CreateIndex) -> Option<Meaning> {
    if !index.unique || script.sent == Sent::Migrate {
        return Some(Same);
    }
    let later = at + 1..script.statements().len();
    let naming = script.naming_at(later.clone(), index.table.name());
    let elsewhere = script.upserts_and_bodies(later.clone()).chain(script.bodies(0..at));
    if naming.chain(elsewhere).any(|later| needs_index(script, later, index)) {
        return None;
    }
    let met = is_met_later(script, at, index.table.name());
    let using = ["conflict", "references", "using index"];
    if met && using.iter().any(|words| script.is_in_later_files(words)) {
        return None;
    }
    let end = script.statements().get(at)?.span.end;
    let written = met || rows::may_change(script, later, &index.table) || !script.is_known(end, u32::MAX);
    Some(if written { SameIfAllSucceed } else { Same })
}

/// Whether a statement may fail if it runs before the index is built.
fn needs_index(script: &Script<'_>, at: usize, index: &CreateIndex) -> bool {
    let table = &index.table;
    let Some(statement) = script.statements().get(at) else { return true };
    let has = |keyword| script.has(statement, keyword);
    let names = script.names(statement, table.name());
    match &statement.kind {
        // The INSERT may write to a view of the table, or to the table under another name.
        StatementKind::Insert(_) if has(Keyword::Conflict) => names || !rows::stays_in_its_table(script, at),
        StatementKind::AlterTable(alter) if renames(alter) => names,
        StatementKind::AlterTable(_) | StatementKind::CreateTable(_) => {
            let refers = || foreign_keys(&statement.kind).any(|key| may_refer_by(key, index));
            names && (refers() || has(Keyword::Using) && has(Keyword::Index))
        }
        StatementKind::CreateFunction(_)
        | StatementKind::AlterFunction(_)
        | StatementKind::RenameSchema { .. }
        | StatementKind::CreateTrigger(_)
        | StatementKind::CreateRule(_)
        | StatementKind::Utility(_) => script.mentions(statement, "conflict"),
        _ => {
            names
                && (has(Keyword::Conflict)
                    || has(Keyword::References)
                    || has(Keyword::Using) && has(Keyword::Index))
        }
    }
}

/// Returns the foreign keys that a statement adds.
fn foreign_keys(statement: &StatementKind) -> impl Iterator<Item = &ForeignKeyConstraint> {
    let (elements, actions) = match statement {
        StatementKind::CreateTable(table) => (table.elements.as_slice(), &[][..]),
        StatementKind::AlterTable(alter) => (&[][..], alter.actions.as_slice()),
        _ => (&[][..], &[][..]),
    };
    let of_elements = elements.iter().flat_map(|element| match element {
        TableElement::Column(column) => column.constraints.as_slice(),
        TableElement::Constraint(constraint) => std::slice::from_ref(constraint),
        TableElement::Like { .. } => &[],
    });
    let of_actions = actions.iter().flat_map(|action| match action {
        AlterAction::AddColumn { column, .. } => column.constraints.as_slice(),
        AlterAction::AddConstraint(constraint) => std::slice::from_ref(constraint),
        _ => &[],
    });
    of_elements.chain(of_actions).filter_map(|constraint| match &constraint.kind {
        ConstraintKind::ForeignKey(key) => Some(key),
        _ => None,
    })
}

/// Whether a foreign key may need a unique index: the key refers to the table of the index, by the columns of the
/// index. A foreign key without referenced columns refers to the primary key.
fn may_refer_by(key: &ForeignKeyConstraint, index: &CreateIndex) -> bool {
    let columns: Option<BTreeSet<&str>> = index
        .elements
        .iter()
        .map(|element| match &element.expr.kind {
            ExprKind::Column(parts) => parts.last().map(|part| part.text.as_str()),
            _ => None,
        })
        .collect();
    let referenced: BTreeSet<&str> = key.referenced.iter().map(|column| column.text.as_str()).collect();
    key.table.name() == index.table.name() && columns == Some(referenced)
}

/// Whether a later file contains the name `table`, or the name of an object that the current file derives from `table`.
fn is_met_later(script: &Script<'_>, at: usize, table: &str) -> bool {
    script.has_later_files() && derived(script, at, table).iter().any(|name| script.is_in_later_files(name))
}

/// Whether an earlier or a later file contains the name `table`, or the name of an object that the current file derives
/// from `table`. An earlier file can contain the name too, because a function may be defined before the table that its
/// body uses.
fn is_met_elsewhere(script: &Script<'_>, at: usize, table: &str) -> bool {
    let is_met = |name: &&str| script.is_in_earlier_files(name) || script.is_in_later_files(name);
    script.has_other_files() && derived(script, at, table).iter().any(is_met)
}

/// Returns the name of the table, its later names, and the names of the views, tables and functions that later
/// statements derive from the table.
fn derived<'s>(script: &Script<'s>, at: usize, table: &'s str) -> Vec<&'s str> {
    let mut names = vec![table];
    for statement in script.statements().get(at + 1..).unwrap_or_default() {
        if names.iter().any(|name| script.names(statement, name) || is_in_body(script, statement, name)) {
            match &statement.kind {
                StatementKind::CreateView(view) => names.push(view.name.name()),
                StatementKind::CreateTableAs(copy) => names.push(copy.name.name()),
                StatementKind::CreateFunction(function) => names.push(function.name.name()),
                StatementKind::CreateTable(child) => names.push(child.name.name()),
                StatementKind::CreateTrigger(on) | StatementKind::CreateRule(on) => names.push(on.name()),
                StatementKind::AlterTable(alter) => {
                    names.extend(alter.actions.iter().filter_map(|it| match it {
                        AlterAction::Rename(name) => Some(name.text.as_str()),
                        _ => None,
                    }))
                }
                _ => {}
            }
        }
    }
    names
}

/// Whether the body of a function contains a name.
fn is_in_body(script: &Script<'_>, statement: &Statement, name: &str) -> bool {
    matches!(statement.kind, StatementKind::CreateFunction(_)) && script.mentions(statement, name)
}

fn renames(alter: &AlterTable) -> bool {
    let renames = |it: &AlterAction| {
        matches!(it, AlterAction::Rename(_) | AlterAction::SetSchema(_) | AlterAction::RenameColumn { .. })
    };
    alter.actions.iter().any(renames)
}

/// Whether every statement has the same effect on an identity column as on a column with a default. A sequence that
/// belongs to an identity cannot be assigned to another column or dropped.
fn is_left_alone(script: &Script<'_>, at: usize, table: &CreateTable, column: &str) -> bool {
    let (name, all) = (table.name.name(), script.statements().len());
    // If the name is taken, PostgreSQL appends a number, which the comparison ignores. PostgreSQL shortens a name that
    // is too long, so with such a name, the result is `false`.
    let sequence = format!("{name}_{column}_seq");
    if script.effects().overrides_user_values || sequence.len() > LONGEST_NAME {
        return false;
    }
    let is_named = |at: usize| script.statements().get(at).is_some_and(|it| script.mentions(it, &sequence));
    if script.bodies(0..all).any(is_named)
        || script.is_in_earlier_files(&sequence)
        || script.is_in_later_files(&sequence)
    {
        return false;
    }
    let differs = |statement: &Statement| match &statement.kind {
        StatementKind::AlterTable(alter) if alter.object == ObjectKind::Table => {
            alter.actions.iter().any(|action| match action {
                AlterAction::SetType { column: it, .. }
                | AlterAction::SetDefault { column: it, .. }
                | AlterAction::AddIdentity { column: it, .. }
                | AlterAction::SetNotNull(it)
                | AlterAction::DropNotNull(it)
                | AlterAction::DropIdentity(it) => it.text == column,
                AlterAction::Rename(_) | AlterAction::RenameColumn { .. } | AlterAction::SetSchema(_) => true,
                _ => false,
            })
        }
        StatementKind::CreateTable(like) => {
            like.elements.iter().any(|it| matches!(it, TableElement::Like { .. }))
        }
        _ => false,
    };
    let changes_sequence = |statement: &Statement| match &statement.kind {
        StatementKind::AlterTable(_) | StatementKind::Drop(_) | StatementKind::RenameSchema { .. } => true,
        StatementKind::Utility(words) => words.starts_with("ALTER"),
        _ => false,
    };
    !script.naming(at + 1..all, name).any(differs)
        && !script.naming(at + 1..all, &sequence).any(changes_sequence)
}

/// Returns the rewrite that begins another transaction for a second DDL statement. A transaction that is rolled back
/// or changes rows is not split: its statements belong together.
fn split(script: &Script<'_>, at: usize) -> Option<Fix> {
    if script.sent == Sent::Whole {
        return None;
    }
    let block = script.block(at)?;
    let inside = script.statements().get(block.inside.clone())?;
    let is_schema = |statement: &Statement| part(script.parsed.statement(statement)) == Part::Ddl;
    let (begin, end) = (block.begin?, script.statements().get(block.inside.end)?);
    if !block.commits || !inside.iter().all(is_schema) || !script.is_known(begin.start, end.span.start) {
        return None;
    }
    let statement = script.statements().get(at)?.span;
    let place = Span { start: statement.start, end: statement.start };
    let edit = format!("COMMIT;\n{};\n", begin.text(&script.parsed.text));
    Some(Fix { title: ANOTHER_TRANSACTION, edits: vec![(place, edit)], meaning: SameIfAllSucceed })
}
