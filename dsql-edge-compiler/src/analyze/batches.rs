//! Decides whether an UPDATE or DELETE can run in batches, and finds the key that orders the rows.
//!
//! Input: an analyzed UPDATE or DELETE. Output: the key, as SQL; or the reason why batches could have another result than
//! the statement.
//!
//! A batch is the next n rows that satisfy the condition, in the order of a unique key, after the last key of the
//! previous batch. The batches together have the result of the statement if
//!
//! - each row is reached once: the key is unique, its columns are NOT NULL, and the statement does not change them;
//! - a batch does not change what a later batch reads: nothing but the row itself is read from the table, from the
//!   tables to which its foreign keys act, or by a function of the schema, whose body is not known;
//! - no batch violates a constraint that the whole statement would satisfy (a foreign key from the table to itself).
//!
//! A run can be interrupted after any batch, and the outcome of the last batch can be unknown. So the statement must
//! also have the same result if it runs again for rows that it has changed. A DELETE has. An UPDATE has, if its new values
//! do not depend on a column that it changes, or if the rows that it has changed no longer satisfy the condition:
//!
//! ```sql
//! UPDATE posts SET slug = lower(title)                              -- accepted: the same value again
//! UPDATE posts SET views = views + 1                                -- rejected
//! UPDATE posts SET views = views + 1, counted = true WHERE NOT counted  -- accepted
//! ```

use super::analyzer::Analyzer;
use super::catalog::{Catalog, quote_identifier};
use super::tree::{Node, NodeKind, Query, Rte, RteSource, Var, Written};
use super::written_table::Target;
use crate::builtin::{Oid, oid};
use crate::diagnostic::{Code, Diagnostic};
use crate::schema::{ForeignKey, Key, Relation, RelationKind};
use crate::source::Span;
use crate::syntax::ParsedStatement;
use crate::syntax::ast::{Assignment, ReferentialAction, StatementKind, TargetTable};
use std::rc::Rc;

/// How the rows of a statement are divided into batches.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Batching {
    /// The columns of the key, in the order of the key.
    pub(crate) key: Vec<KeyColumn>,
    /// The name by which the statement refers to its table.
    pub(crate) table: String,
    /// Whether the statement joins other tables, so that a row of the table can occur more than once.
    pub(crate) has_joins: bool,
}

/// A column of the key, as SQL.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KeyColumn {
    /// Its name.
    pub(crate) name: String,
    /// Its type.
    pub(crate) ty: String,
}

/// Finds the key by which a statement can run in batches. `target` is the table that the statement writes to.
pub(super) fn batching(
    analyzer: &Analyzer<'_>,
    statement: ParsedStatement<'_>,
    query: &Query,
    target: Option<&Target>,
) -> Result<Batching, Diagnostic> {
    let (table, assignments, with, returning) = match &statement.kind {
        StatementKind::Update(it) => (&it.table, it.assignments.as_slice(), &it.with, &it.returning),
        StatementKind::Delete(it) => (&it.table, &[][..], &it.with, &it.returning),
        _ => {
            let error = rejected(statement.span, "only UPDATE and DELETE can run in batches");
            return Err(match &statement.kind {
                StatementKind::Insert(_) => error.with_hint("for many rows, write `for row in rows`"),
                _ => error,
            });
        }
    };
    if let Some(first) = returning.first() {
        let message = "a statement that runs in batches returns no rows";
        return Err(rejected(first.expr.span, message).with_hint("leave RETURNING out"));
    }
    if with.is_some() {
        let message = "a statement with WITH cannot run in batches";
        return Err(rejected(statement.span, message).with_hint("write the query as a subquery"));
    }
    let Some(target) = target else { return Err(rejected(statement.span, "the table is not known")) };
    let judge = Judge { analyzer, query, target, table, assignments };
    let key = judge.key()?;
    judge.check_key_is_kept(key)?;
    judge.check_reads()?;
    judge.check_functions()?;
    judge.check_repeats()?;
    let relation = judge.relation();
    let columns = key.columns.iter().filter_map(|name| judge.column(name)).map(|at| KeyColumn {
        name: quote_identifier(&relation.columns[at].name),
        ty: sql_name(analyzer.catalog, target.columns[at].ty),
    });
    Ok(Batching {
        key: columns.collect(),
        table: quote_identifier(&query.rtes[target.rte].name),
        has_joins: query.from.len() > 1,
    })
}

fn rejected(span: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(Code::NotInBatches, span, message)
}

/// The type for a cast from text. A name in quotes has no implied length, unlike `character` and `bit`.
fn sql_name(catalog: Catalog<'_>, ty: Oid) -> String {
    let base = catalog.base_type(ty).0;
    match base < oid::FIRST_UNPINNED {
        true => quote_identifier(&catalog.type_info(base).name),
        false => catalog.display(base, -1),
    }
}

/// The statement, its table, and the schema.
struct Judge<'j> {
    analyzer: &'j Analyzer<'j>,
    query: &'j Query,
    target: &'j Target,
    table: &'j TargetTable,
    assignments: &'j [Assignment],
}

impl<'j> Judge<'j> {
    fn relation(&self) -> &'j Relation {
        &self.relations()[self.target.relation]
    }

    fn relations(&self) -> &'j [Relation] {
        &self.analyzer.catalog.schema.relations
    }

    fn column(&self, name: &str) -> Option<usize> {
        self.relation().columns.iter().position(|column| column.name == name)
    }

    fn is_delete(&self) -> bool {
        self.assignments.is_empty()
    }

    fn rejected(&self, message: impl Into<String>) -> Diagnostic {
        rejected(self.table.name.span(), message)
    }

    /// The place of the assignment to a column.
    fn assignment(&self, name: &str) -> Span {
        let targets = self.assignments.iter().flat_map(|it| match it {
            Assignment::Single(column, _) => std::slice::from_ref(column),
            Assignment::Multiple(columns, _) => columns,
        });
        let mut named = targets.filter(|column| column.name.text == name);
        named.next().map_or_else(|| self.table.name.span(), |column| column.name.span)
    }

    fn filter_span(&self) -> Span {
        self.query.filter.as_ref().map_or_else(|| self.table.name.span(), |filter| filter.span)
    }

    /// The unique key that orders the rows: the primary key, or the shortest other key.
    fn key(&self) -> Result<&'j Key, Diagnostic> {
        let (relation, name) = (self.relation(), &self.relation().name);
        if !matches!(relation.kind, RelationKind::Table) || self.target.base != self.target.relation {
            let message = format!("\"{name}\" is not a table, and so has no key that orders batches");
            return Err(self.rejected(message).with_hint("name the table below the view"));
        }
        if relation.has_rules || relation.has_triggers {
            let message =
                format!("table \"{name}\" has triggers or rules, which may change rows of later batches");
            return Err(self.rejected(message));
        }
        if relation.has_children {
            let message = format!(
                "other tables inherit from \"{name}\", and the same key can occur in several of these tables"
            );
            return Err(self.rejected(message).with_hint("write one statement for each table, with ONLY"));
        }
        let is_not_null = |column: &String| {
            self.column(column).is_some_and(|at| self.target.not_null.get(at).copied().unwrap_or(false))
        };
        let orders = |key: &&Key| {
            let is_certain = !key.partial && !key.deferrable && !key.own_equality;
            is_certain && !key.columns.is_empty() && key.columns.iter().all(is_not_null)
        };
        let keys = relation.keys.iter().filter(orders);
        keys.min_by_key(|key| (!key.primary, key.columns.len())).ok_or_else(|| {
            let message = format!(
                "table \"{name}\" has no key that orders batches: no primary key, and no unique key whose columns are NOT NULL"
            );
            self.rejected(message).with_hint("add a primary key")
        })
    }

    fn check_key_is_kept(&self, key: &Key) -> Result<(), Diagnostic> {
        for name in &key.columns {
            let Some(at) = self.column(name) else { continue };
            if self.is_assigned(at) {
                let message = format!(
                    "column \"{name}\" is part of the key that orders the batches, so a batch cannot change it"
                );
                return Err(rejected(self.assignment(name), message));
            }
            if !self.is_delete() && self.relation().columns[at].generated {
                let message =
                    format!("column \"{name}\" of the key is generated, so an UPDATE could change it");
                return Err(self.rejected(message));
            }
        }
        Ok(())
    }

    fn is_assigned(&self, column: usize) -> bool {
        let name = self.relation().columns.get(column).map(|it| it.name.as_str());
        let is_written = |it: &Written| it.column == column;
        let is_named = |target: &crate::syntax::ast::TargetColumn| Some(target.name.text.as_str()) == name;
        self.query.assigned.iter().any(is_written)
            || self.assignments.iter().any(|it| match it {
                Assignment::Single(target, _) => is_named(target),
                Assignment::Multiple(targets, _) => targets.iter().any(is_named),
            })
    }

    /// Checks that no batch changes what a later batch reads.
    fn check_reads(&self) -> Result<(), Diagnostic> {
        let changed = self.changed_tables()?;
        let mut read = Vec::new();
        for (at, rte) in self.query.rtes.iter().enumerate().filter(|(at, _)| *at != self.target.rte) {
            let _ = at;
            tables_of(rte, &mut read, &mut Vec::new());
        }
        self.query.expressions(&mut |node| tables_below(node, &mut read, &mut Vec::new()));
        for table in read {
            let Some(other) = changed.iter().find(|it| self.is_related(**it, table)) else { continue };
            let (name, own) = (&self.relations()[table].name, &self.relation().name);
            let message = if *other == self.target.relation {
                format!(
                    "the statement also reads \"{name}\": a batch would see the changes of earlier batches"
                )
            } else {
                format!(
                    "the statement reads \"{name}\", whose rows a foreign key to \"{own}\" changes: a batch would see \
                     the changes of earlier batches"
                )
            };
            return Err(rejected(self.filter_span(), message)
                .with_hint("read what the condition needs first, and pass it as a parameter"));
        }
        Ok(())
    }

    /// The table, and the tables that the actions of foreign keys change with it.
    fn changed_tables(&self) -> Result<Vec<usize>, Diagnostic> {
        let own = self.target.relation;
        let mut changed = vec![own];
        let mut at = 0;
        while let Some(table) = changed.get(at).copied() {
            at += 1;
            for (other, relation) in self.relations().iter().enumerate() {
                for key in relation.foreign_keys.iter().filter(|key| key.table == table) {
                    self.check_own_foreign_key(key, other)?;
                    if !changed.contains(&other) && self.acts(key, table == own) {
                        changed.push(other);
                    }
                }
            }
        }
        Ok(changed)
    }

    /// Whether a foreign key changes the referencing rows.
    fn acts(&self, key: &ForeignKey, is_own: bool) -> bool {
        let acts = |action: ReferentialAction| action != ReferentialAction::Nothing;
        match is_own {
            true if self.is_delete() => acts(key.on_delete),
            true => acts(key.on_update) && self.assigns_any(&key.referenced),
            false => acts(key.on_delete) || acts(key.on_update),
        }
    }

    fn assigns_any(&self, columns: &[String]) -> bool {
        columns.iter().filter_map(|name| self.column(name)).any(|at| self.is_assigned(at))
    }

    /// Checks a foreign key whose referencing rows are in the table itself.
    fn check_own_foreign_key(&self, key: &ForeignKey, referencing: usize) -> Result<(), Diagnostic> {
        if referencing != self.target.relation {
            return Ok(());
        }
        let action = if self.is_delete() { key.on_delete } else { key.on_update };
        let is_harmless = match self.is_delete() {
            true => key.table == self.target.relation && action == ReferentialAction::Cascade,
            false => key.table == self.target.relation && !self.assigns_any(&key.referenced),
        };
        if is_harmless {
            return Ok(());
        }
        let message = match action {
            ReferentialAction::Nothing => format!(
                "the foreign key \"{}\" refers to rows of the same table, which may be in a later batch",
                key.name
            ),
            _ => format!("the foreign key \"{}\" changes rows of the same table", key.name),
        };
        Err(self.rejected(message))
    }

    /// Whether two tables are the same, or one inherits from the other or is its partition.
    fn is_related(&self, one: usize, other: usize) -> bool {
        self.inherits(one, other) || self.inherits(other, one)
    }

    fn inherits(&self, table: usize, from: usize) -> bool {
        table == from || self.relations()[table].parents.iter().any(|parent| self.inherits(*parent, from))
    }

    /// Checks that the condition has the same result each time, and that no function reads the table.
    fn check_functions(&self) -> Result<(), Diagnostic> {
        let mut found = None;
        let is_of_value = |node: &Node| {
            self.query.assigned.iter().flat_map(|it| &it.values).any(|value| std::ptr::eq(value, node))
        };
        self.query.expressions(&mut |node| {
            let allows_volatile = is_of_value(node);
            any_below(node, 0, &mut |node, _| {
                if found.is_none() {
                    found = self.unsuitable_call(node, allows_volatile);
                }
                false
            });
        });
        found.map_or(Ok(()), Err)
    }

    fn unsuitable_call(&self, node: &Node, allows_volatile: bool) -> Option<Diagnostic> {
        let callees: &[Rc<super::tree::Callee>] = match &node.kind {
            NodeKind::Call { function, .. } | NodeKind::ArrayComparison { function, .. } => {
                std::slice::from_ref(function)
            }
            NodeKind::Cast { function: Some(function), .. } => std::slice::from_ref(function),
            NodeKind::Quantified { functions, .. } => functions,
            _ => return None,
        };
        for callee in callees {
            let name = &callee.name;
            if self.is_own_function(name) {
                let message = format!(
                    "the function {name} is not IMMUTABLE, so it may read rows that earlier batches have changed"
                );
                return Some(rejected(node.span, message));
            }
            if callee.volatile && !allows_volatile {
                let message =
                    format!("the condition calls {name}, whose result differs from one batch to the next");
                return Some(rejected(node.span, message));
            }
        }
        None
    }

    /// Whether a function of the schema may read tables. The name of such a function is qualified.
    fn is_own_function(&self, name: &str) -> bool {
        let Some((schema, name)) = name.split_once('.') else { return false };
        let mut named = self
            .analyzer
            .catalog
            .schema
            .functions
            .iter()
            .filter(|it| it.schema == schema && it.definition.name.name() == name);
        named.any(|it| !it.definition.volatility.is_immutable())
    }

    /// Checks that the statement has the same result if it runs again for rows that it has changed.
    fn check_repeats(&self) -> Result<(), Diagnostic> {
        if self.is_delete() || self.excludes_changed_rows() {
            return Ok(());
        }
        let hint = "add a condition that the changed rows do not satisfy, for example `SET …, done = true WHERE NOT done`";
        let changing = self.query.assigned.iter().find_map(|written| {
            let name = self.relation().columns.get(written.column)?.name.as_str();
            let reason = match written.values.as_slice() {
                [value] => self.differs_again(value)?,
                _ => "its value is not known here".to_owned(),
            };
            Some((name, reason))
        });
        let partly = self.query.partly_assigned.iter().chain(&self.query.other);
        let partly = partly.filter_map(|value| Some((value.span, self.differs_again(value)?))).next();
        let (span, message) = match (changing, partly) {
            (Some((name, reason)), _) => (
                self.assignment(name),
                format!("a run that is repeated would change \"{name}\" again: {reason}"),
            ),
            (None, Some((span, reason))) => {
                (span, format!("a run that is repeated would change this value again: {reason}"))
            }
            (None, None) => return Ok(()),
        };
        Err(rejected(span, message).with_hint(hint))
    }

    /// The reason why an assigned value can differ when it is computed again.
    fn differs_again(&self, value: &Node) -> Option<String> {
        let mut reason = None;
        any_below(value, 0, &mut |node, is_nested| {
            let of_target = |level: usize, rte: usize| (level > 0) == is_nested && rte == self.target.rte;
            let found = match &node.kind {
                NodeKind::Var(Var { level, rte, column }) if of_target(*level, *rte) => {
                    let name = || self.relation().columns.get(*column).map_or("", |it| it.name.as_str());
                    self.is_assigned(*column).then(|| format!("the new value depends on \"{}\"", name()))
                }
                NodeKind::WholeRow { level, rte, .. } if of_target(*level, *rte) => {
                    Some("the new value depends on the whole row".to_owned())
                }
                NodeKind::Call { function, .. } if function.volatile => {
                    Some(format!("{} returns another value", function.name))
                }
                NodeKind::Default => Some("the default may be another value".to_owned()),
                _ => None,
            };
            reason = found;
            reason.is_some()
        });
        reason
    }

    /// Whether a condition of the statement is certainly not true for a row that the statement has changed.
    fn excludes_changed_rows(&self) -> bool {
        let mut conditions = Vec::new();
        if let Some(filter) = &self.query.filter {
            conjuncts(filter, &mut conditions);
        }
        let value_of = |node: &Node| {
            let var = node.plain_column().filter(|var| var.rte == self.target.rte)?;
            let written = self.query.assigned.iter().find(|it| it.column == var.column)?;
            match written.values.as_slice() {
                [value] => Some((var.column, value)),
                _ => None,
            }
        };
        conditions.iter().any(|condition| match &condition.kind {
            NodeKind::IsNull { arg, negated: false } => {
                value_of(arg).is_some_and(|(_, value)| is_not_null(value))
            }
            NodeKind::Not(arg) => value_of(arg).is_some_and(|(_, value)| is_boolean(value, true)),
            NodeKind::BooleanTest { arg, value: Some(wanted), negated } => {
                value_of(arg).is_some_and(|(_, value)| is_boolean(value, *wanted == *negated))
            }
            NodeKind::Distinct { left, right } => {
                value_of(left).is_some_and(|(_, value)| value.same(right))
                    || value_of(right).is_some_and(|(_, value)| value.same(left))
            }
            NodeKind::Call { function, args } => match args.as_slice() {
                [left, right] => [(left, right), (right, left)].into_iter().any(|(column, other)| {
                    value_of(column).is_some_and(|(at, value)| {
                        let is_inequality = function.name.ends_with("ne") && value.same(other);
                        let is_equality = function.name.ends_with("eq");
                        is_inequality || is_equality && self.are_different(at, value, other)
                    })
                }),
                _ => false,
            },
            _ => value_of(condition).is_some_and(|(_, value)| is_boolean(value, false)),
        })
    }

    /// Whether two constants of a column's type are certainly different values.
    fn are_different(&self, column: usize, one: &Node, other: &Node) -> bool {
        let Some(ty) = self.target.columns.get(column).map(|it| self.analyzer.catalog.base_type(it.ty).0)
        else {
            return false;
        };
        let (Some(one), Some(other)) = (constant(one), constant(other)) else { return false };
        match ty {
            oid::INT2 | oid::INT4 | oid::INT8 => {
                matches!((one.trim().parse::<i64>(), other.trim().parse::<i64>()), (Ok(one), Ok(other)) if one != other)
            }
            oid::TEXT | oid::VARCHAR => one != other,
            oid::BOOL => {
                let is_true = |text: &str| matches!(text, "t" | "true");
                let is_false = |text: &str| matches!(text, "f" | "false");
                is_true(one) && is_false(other) || is_false(one) && is_true(other)
            }
            _ => self.analyzer.catalog.type_info(ty).category == b'E' && one != other,
        }
    }
}

/// The conditions that all have to be true.
fn conjuncts<'n>(condition: &'n Node, out: &mut Vec<&'n Node>) {
    match &condition.kind {
        NodeKind::And(parts) => parts.iter().for_each(|part| conjuncts(part, out)),
        _ => out.push(condition),
    }
}

/// The text of a constant, possibly below a cast without a function.
fn constant(node: &Node) -> Option<&str> {
    match &node.kind {
        NodeKind::Constant(text) => text.as_deref(),
        NodeKind::Cast { arg, function: None } => constant(arg),
        _ => None,
    }
}

fn is_boolean(value: &Node, expected: bool) -> bool {
    constant(value).is_some_and(|text| match expected {
        true => matches!(text, "t" | "true"),
        false => matches!(text, "f" | "false"),
    })
}

/// Whether a new value is certainly not NULL.
fn is_not_null(value: &Node) -> bool {
    const CLOCKS: [&str; 5] =
        ["now", "clock_timestamp", "statement_timestamp", "transaction_timestamp", "gen_random_uuid"];
    match &value.kind {
        NodeKind::Constant(text) => text.is_some(),
        NodeKind::NeverNull | NodeKind::NeverNullOf(_) => true,
        NodeKind::Call { function, args } => args.is_empty() && CLOCKS.contains(&function.name.as_str()),
        NodeKind::Cast { arg, .. } => is_not_null(arg),
        _ => false,
    }
}

/// Whether `test` returns true for a node or a part of it, including queries. `test` also receives whether the part is
/// in a nested query.
fn any_below(node: &Node, depth: usize, test: &mut dyn FnMut(&Node, bool) -> bool) -> bool {
    if test(node, depth > 0) {
        return true;
    }
    let mut found = false;
    node.children(&mut |child| found = found || any_below(child, depth, test));
    found || node.subquery().is_some_and(|query| any_in(query, depth + 1, test))
}

fn any_in(query: &Query, depth: usize, test: &mut dyn FnMut(&Node, bool) -> bool) -> bool {
    let mut found = false;
    query.expressions(&mut |node| found = found || any_below(node, depth, test));
    found || query.subqueries().iter().any(|query| any_in(query, depth + 1, test))
}

/// Collects the tables that the queries of an expression read.
fn tables_below(node: &Node, out: &mut Vec<usize>, seen: &mut Vec<*const Query>) {
    node.children(&mut |child| tables_below(child, out, seen));
    if let Some(query) = node.subquery() {
        tables_in(query, out, seen);
    }
}

fn tables_in(query: &Query, out: &mut Vec<usize>, seen: &mut Vec<*const Query>) {
    // A recursive query refers to itself.
    if seen.contains(&std::ptr::from_ref(query)) {
        return;
    }
    seen.push(query);
    query.rtes.iter().for_each(|rte| tables_of(rte, out, seen));
    query.subqueries().iter().for_each(|nested| tables_in(nested, out, seen));
    query.expressions(&mut |node| tables_below(node, out, seen));
}

/// Collects the tables behind an entry of `FROM`, also those behind a view.
fn tables_of(rte: &Rte, out: &mut Vec<usize>, seen: &mut Vec<*const Query>) {
    match &rte.source {
        RteSource::Table { relation, .. } => out.extend(*relation),
        RteSource::Subquery { query, .. } => tables_in(query, out, seen),
        RteSource::Cte(cte) => {
            if let Some(query) = cte.query.borrow().as_ref() {
                tables_in(query, out, seen);
            }
        }
        RteSource::Function { .. } | RteSource::Nullable => {}
    }
}
