//! Follows a table that a script creates: whether a name still refers to the table, and whether the table may have
//! rows.
//!
//! Input: a script and one of its statements. Output: boolean answers; an answer is true only if the script proves it.
//! Some statements write to a table that they do not name: they use a view, rule, trigger, partition or function, which
//! then writes to the table. So this module only follows a statement that writes to a plain table of the script, and
//! that calls no functions except PostgreSQL's. Any other statement may have written to any table.
//!
//! Example: `CREATE VIEW v AS SELECT a FROM t; INSERT INTO v VALUES (1)`. The INSERT does not contain the name `t`. `v`
//! is not a table that the script created, so `t` may have rows.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::ops::Range;

use dsql_edge_compiler::dsql::transaction::{Part, part};
use dsql_edge_compiler::syntax::ast::{
    AlterAction, AlterTable, ObjectKind, QualifiedName, Statement, StatementKind,
};
use dsql_edge_compiler::syntax::keyword::Keyword;
use dsql_edge_compiler::syntax::token::{Token, TokenKind};

use super::answers::{ScriptChanges, StatementAnswers};
use super::calls::{is_postgres, is_relation};
use super::script::Script;
use super::words::last_name;

/// The effect of a statement on rows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Writes {
    Nothing,
    /// The statement only adds rows.
    Adds,
    Changes,
}

pub(super) fn writes(script: &Script<'_>, statement: &Statement) -> Writes {
    match &statement.kind {
        StatementKind::Insert(insert) if insert.on_conflict.is_none() => Writes::Adds,
        StatementKind::Utility("COPY") => Writes::Adds,
        StatementKind::Utility("TRUNCATE" | "REFRESH MATERIALIZED VIEW") => Writes::Changes,
        StatementKind::CreateTableAs(_) => Writes::Adds,
        _ if part(script.parsed.statement(statement)) == Part::Dml => Writes::Changes,
        _ => Writes::Nothing,
    }
}

/// Whether a table is certainly empty: the script created it, and no statement has written to it since.
pub(super) fn is_empty(script: &Script<'_>, at: usize, table: &QualifiedName) -> bool {
    let Some(created) = creation(script, at, table) else { return false };
    let block = script.block(created);
    let first = block.and_then(|block| block.begin).or(script.statements().get(created).map(|it| it.span));
    let (Some(first), Some(last)) = (first, script.statements().get(at)) else { return false };
    script.is_known(first.start, last.span.start)
        && block.is_none_or(|block| block.commits)
        && (created + 1..at).all(|between| leaves_rows(script, between, table))
}

/// Returns the statement that created a table, if the name still means this table at the statement with the index `at`.
/// The name certainly means that table if no other relation in this file or an earlier file has or gets this name, and
/// if the search path stays the same.
pub(super) fn creation(script: &Script<'_>, at: usize, table: &QualifiedName) -> Option<usize> {
    if script.is_in_earlier_files(table.name()) {
        return None;
    }
    let mut naming = script.naming_at(0..at, table.name());
    let first = naming.next()?;
    let StatementKind::CreateTable(created) = &script.statements().get(first)?.kind else { return None };
    let is_it = same(&created.name, table) && !created.if_not_exists && created.partition_of.is_none();
    let changes = turns_of(script);
    let local = changes.local_path.is_some_and(|place| place < at);
    let resolves_anew = is_any_in(&changes.other_names, first + 1..at);
    let changed = resolves_anew || naming.any(|it| takes_name(script, &script.statements()[it], table));
    (is_it && !local && !changed).then_some(first)
}

/// Returns the changes of a script; only the first call computes the changes.
fn turns_of<'s>(script: &'s Script<'_>) -> &'s ScriptChanges {
    script.changes.get_or_init(|| {
        let statements = script.statements();
        let places = |is: &dyn Fn(usize, &Statement) -> bool| -> Vec<usize> {
            let found = statements.iter().enumerate().filter(|(at, statement)| is(*at, statement));
            found.map(|(at, _)| at).collect()
        };
        let mut views: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, statement) in statements.iter().enumerate() {
            let name = match &statement.kind {
                StatementKind::CreateView(view) => view.name.name(),
                StatementKind::CreateTableAs(view) if view.materialized_view => view.name.name(),
                _ => continue,
            };
            views.entry(name.to_owned()).or_default().push(at);
        }
        let local = |_: usize, it: &Statement| changes_path(it) && script.has(it, Keyword::Local);
        ScriptChanges {
            other_names: places(&|_, it| changes_path(it) || changes_schemas(script, it)),
            local_path: places(&local).first().copied(),
            implicit_calls: places(&|at, it| defines_implicit_call(script, at, it)).first().copied(),
            references: places(&|_, it| script.has(it, Keyword::References)).first().copied(),
            views,
            drops: places(&|_, it| matches!(it.kind, StatementKind::Drop(_))),
            reaching: OnceCell::new(),
        }
    })
}

fn is_any_in(places: &[usize], range: Range<usize>) -> bool {
    of_range(places, range).next().is_some()
}

/// Whether a range has a statement that may change the table's rows or drop the table although the statement does not
/// contain the table's name. DROP … CASCADE does not contain the names of the dependent objects that it drops, and a
/// statement with a view does not contain the name of the view's table.
pub(super) fn is_reached(script: &Script<'_>, range: Range<usize>, table: &QualifiedName) -> bool {
    let is_unnamed = |at: &usize| !script.names(&script.statements()[*at], table.name());
    reaching(script, range.clone()).any(is_unnamed) || drops(script, range).any(is_unnamed)
}

/// Whether one of the statements in `range` may change the rows of a table.
pub(super) fn may_change(script: &Script<'_>, range: Range<usize>, table: &QualifiedName) -> bool {
    let is_unnamed = |at: &usize| !script.names(&script.statements()[*at], table.name());
    reaching(script, range.clone()).any(is_unnamed)
        || script.naming_at(range, table.name()).any(|at| !leaves_rows(script, at, table))
}

/// Returns those statements in `range` that may change the rows of a table without containing its name.
fn reaching<'s>(script: &'s Script<'_>, range: Range<usize>) -> impl Iterator<Item = &'s usize> {
    let places = turns_of(script).reaching.get_or_init(|| {
        let leaves = |at: &usize| match writes(script, &script.statements()[*at]) {
            Writes::Nothing => !runs_code(script, *at),
            Writes::Adds | Writes::Changes => stays_in_its_table(script, *at),
        };
        (0..script.statements().len()).filter(|at| !leaves(at)).collect()
    });
    of_range(places, range)
}

fn drops<'s>(script: &'s Script<'_>, range: Range<usize>) -> impl Iterator<Item = &'s usize> {
    of_range(&turns_of(script).drops, range)
}

fn of_range(places: &[usize], range: Range<usize>) -> impl Iterator<Item = &usize> {
    let first = places.partition_point(|at| *at < range.start);
    places.get(first..).unwrap_or_default().iter().take_while(move |at| **at < range.end)
}

/// Whether a statement is a SET, RESET or DISCARD after which unqualified names may refer to other objects.
pub(super) fn changes_path(statement: &Statement) -> bool {
    match &statement.kind {
        StatementKind::Set(set) => {
            matches!(set.name.as_str(), "search_path" | "role" | "session_authorization")
        }
        // SET ROLE, SET SCHEMA, SET SESSION AUTHORIZATION; RESET ALL.
        StatementKind::Utility("SET" | "RESET" | "DISCARD") => true,
        _ => false,
    }
}

/// Whether a statement drops or alters a schema, or drops all objects of a role (DROP OWNED).
fn changes_schemas(script: &Script<'_>, statement: &Statement) -> bool {
    match &statement.kind {
        StatementKind::Drop(drop) => drop.object == ObjectKind::Schema,
        _ => match script.tokens(statement) {
            [first, second, ..] => {
                let is = |token: &Token, keyword| token.kind == TokenKind::Keyword(keyword);
                is(first, Keyword::Alter) && is(second, Keyword::Schema)
                    || is(first, Keyword::Drop) && is(second, Keyword::Owned)
            }
            _ => false,
        },
    }
}

/// Whether a statement that contains a table's name may do one of three things: remove the name, give the name to
/// another relation, or add the rows of another table to the table.
fn takes_name(script: &Script<'_>, statement: &Statement, table: &QualifiedName) -> bool {
    let is_named = |name: &QualifiedName| name.name() == table.name();
    match &statement.kind {
        StatementKind::AlterTable(alter) => {
            renames(alter, table) || script.has(statement, Keyword::Inherit) || {
                script.has(statement, Keyword::Attach)
            }
        }
        StatementKind::CreateTable(other) => {
            is_named(&other.name) || !other.inherits.is_empty() || other.partition_of.is_some()
        }
        StatementKind::CreateTableAs(other) => is_named(&other.name),
        StatementKind::CreateView(view) => is_named(&view.name),
        StatementKind::CreateSequence(sequence) => is_named(&sequence.name),
        StatementKind::CreateIndex(index) => index.name.as_ref().is_some_and(|it| it.text == table.name()),
        StatementKind::Drop(_)
        | StatementKind::CreateTrigger(_)
        | StatementKind::CreateRule(_)
        | StatementKind::CreateSchema(_) => true,
        _ => false,
    }
}

fn renames(alter: &AlterTable, table: &QualifiedName) -> bool {
    let own = alter.name.name() == table.name();
    let other = own && !same(&alter.name, table);
    other
        || alter.actions.iter().any(|action| match action {
            AlterAction::Rename(name) => own || name.text == table.name(),
            AlterAction::SetSchema(_) => own,
            _ => false,
        })
}

/// Whether a statement certainly does not change the rows of a table.
pub(super) fn leaves_rows(script: &Script<'_>, at: usize, table: &QualifiedName) -> bool {
    let Some(statement) = script.statements().get(at) else { return false };
    if writes(script, statement) == Writes::Nothing {
        return !runs_code(script, at);
    }
    !script.names(statement, table.name()) && stays_in_its_table(script, at)
}

/// Whether a statement certainly writes only to the table whose name it contains.
pub(super) fn stays_in_its_table(script: &Script<'_>, at: usize) -> bool {
    let stays = |found: &StatementAnswers| *found.stays.get_or_init(|| has_one_target(script, at));
    script.found.get(at).is_some_and(stays)
}

fn has_one_target(script: &Script<'_>, at: usize) -> bool {
    let Some(statement) = script.statements().get(at) else { return false };
    if has_implicit_calls(script, at) || runs_code(script, at) {
        return false;
    }
    let (target, changes) = match &statement.kind {
        StatementKind::Insert(insert) if insert.with.is_none() => {
            (insert.table.name.clone(), insert.on_conflict.is_some())
        }
        StatementKind::Update(update) if update.with.is_none() => (update.table.name.clone(), true),
        StatementKind::Delete(delete) if delete.with.is_none() => (delete.table.name.clone(), true),
        StatementKind::Utility("COPY") => match copied(script.tokens(statement)) {
            Some(name) => (name, false),
            None => return false,
        },
        StatementKind::CreateTableAs(_) => return true,
        _ => return false,
    };
    let Some(created) = creation(script, at, &target) else { return false };
    let StatementKind::CreateTable(table) = &script.statements()[created].kind else { return false };
    let mut of_it = script.naming_at(created..at, target.name());
    let evaluated = of_it.any(|at| match &script.statements()[at].kind {
        // These statements define expressions that a write evaluates: defaults, generated columns, checks, and
        // expressions of indexes.
        StatementKind::CreateTable(_) | StatementKind::AlterTable(_) | StatementKind::CreateIndex(_) => {
            has_call(script, at)
        }
        _ => false,
    });
    // The actions ON UPDATE and ON DELETE of a foreign key change rows of the referencing table.
    let referenced = changes && turns_of(script).references.is_some_and(|place| place < at);
    !table.partitioned && !evaluated && !referenced
}

/// Returns the table of a COPY statement.
fn copied(tokens: &[Token]) -> Option<QualifiedName> {
    let mut parts = Vec::new();
    for token in tokens.get(1..)? {
        match &token.kind {
            TokenKind::Identifier(text) => {
                parts.push(dsql_edge_compiler::syntax::ast::Name { text: text.clone(), span: token.span });
            }
            TokenKind::Symbol(b'.') if !parts.is_empty() => {}
            _ => break,
        }
    }
    (!parts.is_empty()).then_some(QualifiedName { parts })
}

/// Whether an earlier statement defines code that other statements run without a call.
fn has_implicit_calls(script: &Script<'_>, at: usize) -> bool {
    turns_of(script).implicit_calls.is_some_and(|place| place < at)
}

/// Whether a statement defines a trigger, a rule, an operator, a cast, an extension, or a domain that calls a function.
fn defines_implicit_call(script: &Script<'_>, at: usize, statement: &Statement) -> bool {
    match &statement.kind {
        StatementKind::CreateTrigger(_)
        | StatementKind::CreateRule(_)
        | StatementKind::CreateOperator(_)
        | StatementKind::CreateCast(_)
        | StatementKind::CreateExtension(_) => true,
        StatementKind::CreateDomain(_) => has_call(script, at),
        _ => false,
    }
}

/// Whether a statement may run a function that is not PostgreSQL's: the statement calls such a function, reads a view
/// that calls such a function, or is a query after the definition of an implicit call.
pub(super) fn runs_code(script: &Script<'_>, at: usize) -> bool {
    let Some(statement) = script.statements().get(at) else { return true };
    // A definition does not run the code that it defines.
    let defines = matches!(
        statement.kind,
        StatementKind::CreateTable(_)
            | StatementKind::CreateView(_)
            | StatementKind::CreateFunction(_)
            | StatementKind::CreateDomain(_)
            | StatementKind::CreateType(_)
            | StatementKind::CreateTrigger(_)
            | StatementKind::CreateRule(_)
            | StatementKind::CreateOperator(_)
            | StatementKind::CreateCast(_)
            | StatementKind::Drop(_)
            | StatementKind::Utility("COMMENT" | "GRANT" | "REVOKE")
    );
    let is_query = matches!(statement.kind, StatementKind::Query(_));
    !defines && (calls(script, at) || is_query && has_implicit_calls(script, at))
}

/// Whether a statement calls a function that is not PostgreSQL's, or reads a view that calls such a function.
fn calls(script: &Script<'_>, at: usize) -> bool {
    let look = || has_call(script, at) || reads_call(script, at);
    script.found.get(at).is_none_or(|found| *found.calls.get_or_init(look))
}

fn reads_call(script: &Script<'_>, at: usize) -> bool {
    let Some(statement) = script.statements().get(at) else { return true };
    let views = &turns_of(script).views;
    let calls_before = |view: &usize| *view < at && calls(script, *view);
    if views.is_empty() {
        return false;
    }
    script.tokens(statement).iter().any(|token| {
        let of = |name: &str| views.get(name).is_some_and(|of| of.iter().any(calls_before));
        match &token.kind {
            TokenKind::String(text) => {
                views.keys().any(|name| name.eq_ignore_ascii_case(last_name(text)) && of(name))
            }
            kind => kind.name().is_some_and(of),
        }
    })
}

/// Whether a statement calls a function that is not PostgreSQL's. `row.f` calls `f` too.
pub(super) fn has_call(script: &Script<'_>, at: usize) -> bool {
    let Some(statement) = script.statements().get(at) else { return true };
    let tokens = script.tokens(statement);
    tokens.iter().enumerate().any(|(at, token)| {
        let is_called = tokens.get(at + 1).is_some_and(|next| next.kind == TokenKind::Symbol(b'('));
        match &token.kind {
            TokenKind::Identifier(name) if script.defines_function(name) => true,
            TokenKind::Keyword(keyword) if script.defines_function(keyword.text()) => true,
            TokenKind::Identifier(name) if is_called => {
                !is_postgres(name) && !is_relation(&statement.kind, tokens, at)
            }
            _ => false,
        }
    })
}

pub(super) fn same(a: &QualifiedName, b: &QualifiedName) -> bool {
    a.name() == b.name() && a.schema() == b.schema()
}
