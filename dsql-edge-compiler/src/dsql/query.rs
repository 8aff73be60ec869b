//! Checks all queries and expressions of a statement, including subqueries: locking clauses, TABLESAMPLE, the types of
//! casts, function calls and LATERAL joins.
//!
//! Input: a statement, and the schema, if known. Output: the clauses and calls that DSQL rejects, in the order in which
//! the statement contains them. Names are resolved only for the rule about LATERAL joins, which compares the columns of
//! two tables.

use super::clauses::*;
use super::{Finding, ddl, functions, types};
use crate::schema::{Relation, Schema};
use crate::source::Span;
use crate::syntax::ParsedStatement;
use crate::syntax::ast::{
    Expr, ExprKind, FromItem, Join, JoinKind, LockStrength, Name, Query, QueryBody, Select, Statement,
    TypeName,
};
use crate::syntax::visit::{self, Visit};

pub(super) fn queries(statement: ParsedStatement<'_>, schema: Option<&Schema>, out: &mut Vec<Finding>) {
    let mut found = Queries { schema, ctids: Vec::new(), out: Vec::new() };
    visit::statement(&statement, &mut found);
    if is_system_column(statement, &found.ctids, schema) {
        found.out.extend(found.ctids.iter().map(|span| ctid.at(*span)));
    }
    found.out.sort_by_key(|finding| finding.diagnostic.span);
    out.append(&mut found.out);
}

/// Whether the references to `ctid` certainly mean the system column. The name `ctid` must not occur elsewhere in the
/// statement, for example as an alias or as a table. The statement must not read a view, because a view can have a
/// column with the name `ctid`.
fn is_system_column(statement: ParsedStatement<'_>, references: &[Span], schema: Option<&Schema>) -> bool {
    let Some(schema) = schema else { return false };
    let named =
        |name: &str| statement.own_tokens().iter().filter(|token| token.kind.name() == Some(name)).count();
    // This function does not resolve the columns of a view.
    let may_have_column = |relation: &Relation| relation.has_columns_of_query() && named(&relation.name) > 0;
    named("ctid") == references.len() && !schema.relations.iter().any(may_have_column)
}

/// Finds casts to types that do not exist in a completely known schema.
pub(super) fn unknown_casts(statement: &Statement, schema: &Schema, out: &mut Vec<Finding>) {
    let mut casts = Casts { found: Vec::new() };
    visit::statement(statement, &mut casts);
    let is_created = |ty: &TypeName| ddl::is_created(ty, schema);
    out.extend(casts.found.into_iter().filter_map(|ty| types::unknown(ty, is_created)));
}

/// Returns the finding for `SELECT … INTO t`. Only the leftmost SELECT of a query may have INTO.
pub(super) fn into(query: &Query) -> Option<Finding> {
    match &query.body {
        QueryBody::Select(select) => {
            let finding = create_table_as.at(select.into.as_ref()?.span());
            Some(Finding { whole: true, ..finding })
        }
        QueryBody::SetOperation { left, .. } => into(left),
        QueryBody::Values(_) => None,
    }
}

struct Queries<'a> {
    schema: Option<&'a Schema>,
    /// The references to a column `ctid`.
    ctids: Vec<Span>,
    out: Vec<Finding>,
}

impl<'s> Visit<'s> for Queries<'_> {
    fn query(&mut self, query: &'s Query) -> bool {
        for lock in &query.locking {
            let instead = match lock.strength {
                LockStrength::Share => "FOR KEY SHARE, or FOR UPDATE",
                LockStrength::NoKeyUpdate => "FOR UPDATE",
                LockStrength::Update | LockStrength::KeyShare => continue,
            };
            self.out.push(locking.naming(lock.span, instead));
        }
        true
    }

    fn item(&mut self, item: &'s FromItem) -> bool {
        match item {
            FromItem::Table { sample: Some(sample), .. } => self.out.push(tablesample.at(sample.span)),
            FromItem::Join(join) if join.kind == JoinKind::Left => {
                self.out.extend(lateral(join, self.schema))
            }
            _ => {}
        }
        true
    }

    fn expr(&mut self, expr: &'s Expr) {
        match &expr.kind {
            ExprKind::Function(call) => self.out.extend(functions::call(call)),
            ExprKind::Column(parts) => {
                self.ctids.extend(parts.last().filter(|name| name.text == "ctid").map(|name| name.span));
            }
            _ => {}
        }
    }

    fn target_type(&mut self, ty: &'s TypeName, of: &'s Expr) {
        if ty.name.schema().is_some_and(|schema| schema != "pg_catalog") {
            return;
        }
        if ty.name.name() == "regconfig" {
            let name = functions::text(of);
            self.out.extend(name.and_then(|name| functions::configuration(name, of)));
        }
        self.out.extend(types::value(ty.name.name(), ty.span));
    }
}

/// Returns a finding for `a LEFT JOIN LATERAL (SELECT a.x …) s ON …`. Instead of `a.x`, DSQL reads the column of the
/// inner table that has the same number as `x`, and fails if the types of the two columns differ (recorded; `CROSS` and
/// `INNER` joins do not fail).
fn lateral(join: &Join, schema: Option<&Schema>) -> Option<Finding> {
    let FromItem::Subquery { lateral: true, query, .. } = &join.right else { return None };
    let QueryBody::Select(select) = &query.body else { return None };
    let mut outer = Vec::new();
    tables(&join.left, &mut outer);
    let mut inner = Vec::new();
    select.from.iter().for_each(|item| tables(item, &mut inner));
    let mut references = References { found: Vec::new() };
    select.targets.iter().for_each(|target| visit::expr(&target.expr, &mut references));
    let outer_column = |parts: &&'_ [Name]| {
        let [table, _] = parts else { return false };
        let named = |list: &[(String, &FromItem)]| list.iter().any(|(name, _)| *name == table.text);
        named(&outer) && !named(&inner)
    };
    let parts = references.found.into_iter().find(outer_column)?;
    let span = parts.first()?.span.to(parts.last()?.span);
    match schema.and_then(|schema| clash(schema, parts, &outer, select)) {
        Some((number, table)) => {
            Some(lateral_outer_column.naming(span, &format!("{number} of type {table}")))
        }
        None => Some(lateral_outer_reference.at(span)),
    }
}

/// If DSQL reads another column than the query means, and the types of the two columns differ, returns the number and
/// the table of the column that DSQL reads.
fn clash(
    schema: &Schema,
    parts: &[Name],
    outer: &[(String, &FromItem)],
    select: &Select,
) -> Option<(usize, String)> {
    let relation = |item: &FromItem| {
        let FromItem::Table { name, .. } = item else { return None };
        let at = match name.schema() {
            Some(namespace) => schema.relation(namespace, name.name()),
            None => schema.search_path.iter().find_map(|path| schema.relation(path, name.name())),
        };
        schema.relations.get(at?)
    };
    let [table, column] = parts else { return None };
    let outer = relation(outer.iter().find(|(name, _)| *name == table.text)?.1)?;
    let inner = relation(select.from.first()?)?;
    let at = outer.columns.iter().position(|it| it.name == column.text)?;
    let (wanted, read) = (&outer.columns.get(at)?.type_name, &inner.columns.get(at)?.type_name);
    let same = wanted.name.name() == read.name.name() && wanted.array_dimensions == read.array_dimensions;
    (!same).then(|| (at + 1, inner.name.clone()))
}

/// Adds each item of FROM with the name by which the query can refer to the item.
fn tables<'f>(item: &'f FromItem, out: &mut Vec<(String, &'f FromItem)>) {
    let alias = match item {
        FromItem::Table { name, alias, .. } => {
            Some(alias.as_ref().map_or_else(|| name.name().to_owned(), |alias| alias.name.text.clone()))
        }
        FromItem::Subquery { alias, .. } => alias.as_ref().map(|alias| alias.name.text.clone()),
        FromItem::Function(function) => function.alias.as_ref().map(|alias| alias.name.text.clone()),
        FromItem::XmlTable(table) => table.alias.as_ref().map(|alias| alias.name.text.clone()),
        FromItem::Join(join) => {
            tables(&join.left, out);
            return tables(&join.right, out);
        }
    };
    out.extend(alias.map(|alias| (alias, item)));
}

/// A visitor that finds the target types of casts.
struct Casts<'s> {
    found: Vec<&'s TypeName>,
}

impl<'s> Visit<'s> for Casts<'s> {
    fn target_type(&mut self, ty: &'s TypeName, _: &'s Expr) {
        self.found.push(ty);
    }
}

/// A visitor that finds the columns in an expression.
struct References<'s> {
    found: Vec<&'s [Name]>,
}

impl<'s> Visit<'s> for References<'s> {
    fn expr(&mut self, expr: &'s Expr) {
        if let ExprKind::Column(parts) = &expr.kind {
            self.found.push(parts);
        }
    }
}
