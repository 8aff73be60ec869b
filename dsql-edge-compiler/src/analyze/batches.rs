//! Decides whether an UPDATE or DELETE can run in batches, and finds the key that orders the rows.
//!
//! Input: an analyzed UPDATE or DELETE. Output: the key, as SQL; or the reason why the batches together could have
//! another result than the statement.
//!
//! A batch is the next n rows that satisfy the condition, in the order of a unique key, after the last key of the
//! previous batch. The batches together have the same result as the statement if all of the following is true:
//!
//! - each row is reached once: the key is unique, its columns are NOT NULL, and the statement does not change them;
//! - a batch does not change what a later batch reads. From the table, the statement reads only the row itself; it does
//!   not read the other tables that the actions of foreign keys change. A function of the schema must be IMMUTABLE,
//!   because its body may read these tables. Each query in the statement has the same result in every batch
//!   (`functions`);
//! - no batch violates a constraint that the whole statement would satisfy (`constraints`).
//!
//! A run can be interrupted after any batch, and the outcome of the last batch can be unknown. So the result must also
//! be the same if the statement runs again for rows that it has already changed. Each DELETE has the same result again.
//! An UPDATE has the same result if its new values do not depend on a column that the UPDATE changes, or if changed
//! rows no longer satisfy the condition (`repeats`):
//!
//! ```sql
//! UPDATE posts SET slug = lower(title)                              -- accepted: the same value again
//! UPDATE posts SET views = views + 1                                -- rejected
//! UPDATE posts SET views = views + 1, counted = true WHERE NOT counted  -- accepted
//! ```

mod constraints;
mod functions;
mod repeats;
mod walk;

use super::analyzer::Analyzer;
use super::catalog::{Catalog, quote_identifier};
use super::tree::{Query, Rte};
use super::written_table::Target;
use crate::builtin::{Oid, oid};
use crate::diagnostic::{Code, Diagnostic};
use crate::schema::{Key, Relation, RelationKind};
use crate::source::Span;
use crate::syntax::ParsedStatement;
use crate::syntax::ast::{Assignment, StatementKind, TargetTable};
use crate::syntax::keyword::Keyword;
use crate::syntax::token::TokenKind;

/// The facts from which the SQL of the batches is written.
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
    /// The name of the column, quoted if necessary.
    pub(crate) name: String,
    /// The type to which a key value, sent as text, is cast.
    pub(crate) ty: String,
}

/// Finds the key by which a statement can run in batches. `target` is the table to which the statement writes.
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
    let is_only = is_only(statement, table);
    let judge = Judge { analyzer, query, target, table, assignments, is_only };
    let key = judge.key()?;
    judge.check_key_is_kept(key)?;
    judge.check_reads()?;
    judge.check_functions()?;
    judge.check_unique()?;
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

/// Whether `ONLY` precedes the table.
fn is_only(statement: ParsedStatement<'_>, table: &TargetTable) -> bool {
    let start = table.name.span().start;
    let mut earlier = statement.own_tokens().iter().rev().filter(|token| token.span.end <= start);
    let before = earlier.find(|token| token.kind != TokenKind::Symbol(b'('));
    before.is_some_and(|token| token.kind == TokenKind::Keyword(Keyword::Only))
}

/// Returns the type for a cast from text. A type name in quotes, such as `"bit"`, implies no length, whereas `bit` and
/// `character` without quotes imply the length 1.
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
    /// Whether the statement leaves out the tables that inherit from the table.
    is_only: bool,
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

    /// Returns the span of the assignment to a column.
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

    /// Returns the unique key that orders the rows: the primary key, or the shortest other key.
    fn key(&self) -> Result<&'j Key, Diagnostic> {
        let (relation, name) = (self.relation(), &self.relation().name);
        if !matches!(relation.kind, RelationKind::Table) || self.target.base != self.target.relation {
            let message = format!("\"{name}\" is not a table, and so has no key that orders batches");
            return Err(self.rejected(message).with_hint("name the table below the view"));
        }
        if relation.row_security {
            let message = format!(
                "table \"{name}\" has row level security, whose policies may read rows that earlier batches have changed"
            );
            return Err(self.rejected(message));
        }
        if relation.has_children && !self.is_only {
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
        }
        Ok(())
    }

    /// Whether a column gets a new value. A generated column gets a new value if its expression contains a column that
    /// gets a new value.
    fn is_assigned(&self, column: usize) -> bool {
        let Some(column) = self.relation().columns.get(column) else { return false };
        let is_named = |name: &str| {
            self.assignments.iter().any(|it| match it {
                Assignment::Single(target, _) => target.name.text == name,
                Assignment::Multiple(targets, _) => targets.iter().any(|target| target.name.text == name),
            })
        };
        is_named(&column.name)
            || column.generated
                && walk::columns_in(self.relation(), column.expression()).into_iter().any(is_named)
    }

    /// Returns the entries of FROM or USING.
    fn joined(&self) -> impl Iterator<Item = (usize, &'j Rte)> {
        let target = self.target.rte;
        self.query.rtes.iter().enumerate().filter(move |(at, _)| *at != target)
    }

    /// Checks that no batch changes what a later batch reads.
    fn check_reads(&self) -> Result<(), Diagnostic> {
        let changed = self.changed_tables()?;
        let mut read = walk::Tables::new(self.relations());
        self.joined().for_each(|(_, rte)| read.of_entry(rte));
        self.query.expressions(&mut |node| read.of_node(node));
        if let Some(name) = read.sampled {
            let message = format!(
                "a query returns only some rows of \"{name}\" (TABLESAMPLE or row level security), and maybe others for \
                 each batch"
            );
            return Err(rejected(self.filter_span(), message));
        }
        for table in read.found {
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
                .with_hint("first read the values that the condition needs, then pass them as parameters"));
        }
        Ok(())
    }

    /// Whether two tables are the same, or one inherits from the other or is its partition.
    fn is_related(&self, one: usize, other: usize) -> bool {
        self.inherits(one, other) || self.inherits(other, one)
    }

    fn inherits(&self, table: usize, from: usize) -> bool {
        table == from || self.relations()[table].parents.iter().any(|parent| self.inherits(*parent, from))
    }
}
