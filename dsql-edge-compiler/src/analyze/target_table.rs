//! Analyzes the relation that a statement writes to: `setTargetTable`, `rewriteTargetView`.
//!
//! Input: a name after `INTO`, `UPDATE` or `FROM`. Output: the columns of the relation, and the base table that
//! PostgreSQL writes to (for a simple view, the table below the view). The output also has the errors of the write,
//! including the errors that PostgreSQL reports only at run time.

use super::analyzer::Analyzer;
use super::catalog::{Catalog, ERROR};
use super::namespace_item::NamespaceItem;
use super::scope::{Scope, column_nodes};
use super::tree::{Body, Command, JoinTree, LimitKind, NodeKind, Query, RteSource, Var, Written};
use super::written_table::Target;
use crate::builtin::Oid;
use crate::diagnostic::{Code, Diagnostic, Stage};
use crate::schema::{Dialect, RelationKind, Schema, UserTypeKind};
use crate::source::Span;
use crate::syntax::ast::TargetTable;
use std::rc::Rc;

impl<'a> Analyzer<'a> {
    /// `setTargetTable`. Messages contain `verb`; if `visible` is false, the table is not yet added to the namespace.
    pub(super) fn target_table(
        &mut self,
        scope: &mut Scope<'_>,
        table: &TargetTable,
        verb: &str,
        visible: bool,
    ) -> Option<Target> {
        let builtin = table.name.schema().is_none_or(|schema| schema == "pg_catalog")
            && crate::builtin::relation("pg_catalog", table.name.name()).is_some();
        if builtin {
            // On DSQL, no role may write to a system catalog; on PostgreSQL, only a superuser may.
            let message = "sql! does not write to system catalogs: only a superuser may do this";
            let hint = "write the DDL statement that changes the catalog, or use sql_unchecked!";
            self.report(Diagnostic::error(Code::NotSupportedYet, table.name.span(), message).with_hint(hint));
            return None;
        }
        let (mut rte, relation) = self.open_relation(&table.name)?;
        let relation = relation?;
        let schema: &'a Schema = self.catalog.schema;
        let found = &schema.relations[relation];
        let span = table.name.span();
        let (mut base, mut base_columns) = (relation, (0..rte.columns.len()).map(Some).collect());
        match found.kind {
            RelationKind::View(..) if found.materialized => {
                let message = format!("cannot change materialized view \"{}\"", found.name);
                self.runtime_error(Diagnostic::error(Code::WrongObjectType, span, message));
                rte.source = RteSource::Nullable;
            }
            // INSTEAD OF triggers and rules may do anything.
            RelationKind::View(..) if found.has_triggers => {
                rte.source = unknown_rows(relation, rte.columns.len());
            }
            RelationKind::View(..) => match self.updatable(relation, verb != "delete from") {
                Ok(known) => {
                    (base, base_columns) = known;
                    rte.source = self.view_target(relation, base, &base_columns);
                }
                Err(detail) => {
                    let message = format!("cannot {verb} view \"{}\"", found.name);
                    let diagnostic = Diagnostic::error(Code::NotUpdatable, span, message);
                    self.found_later(diagnostic.with_detail(detail).with_hint("write to its table"));
                    rte.source = RteSource::Nullable;
                }
            },
            RelationKind::Sequence => {
                let message = format!("cannot change sequence \"{}\"", found.name);
                self.report(Diagnostic::error(Code::WrongObjectType, span, message));
                return None;
            }
            RelationKind::Table | RelationKind::TableAs(..) if found.has_rules => {
                rte.source = unknown_rows(relation, rte.columns.len());
            }
            RelationKind::Table | RelationKind::TableAs(..) => {}
        }
        let columns = rte.columns.clone();
        let not_null = match &rte.source {
            RteSource::Table { not_null, .. } => not_null.clone(),
            _ => vec![false; columns.len()],
        };
        // PostgreSQL checks a value when it is assigned to a NOT NULL domain, but not when it is read from a column:
        // the column may contain an older NULL.
        let not_null = not_null.iter().zip(&columns);
        let not_null = not_null.map(|(it, column)| *it || self.catalog.domain_not_null(column.ty)).collect();
        if let Some(alias) = &table.alias {
            self.aliases.push((alias.name.text.clone(), rte.name.clone()));
            rte.name.clone_from(&alias.name.text);
        }
        let at = scope.rtes.len();
        scope.rtes.push(rte);
        let target = Target { relation, rte: at, columns, not_null, base, base_columns, overriding: None };
        if visible {
            self.reveal(scope, &target, table);
        }
        Some(target)
    }

    /// Adds the target table to the namespace.
    pub(super) fn reveal(&mut self, scope: &mut Scope<'_>, target: &Target, table: &TargetTable) {
        let rte = &scope.rtes[target.rte];
        let relation = &self.catalog.schema.relations[target.relation];
        let item = NamespaceItem {
            name: rte.name.clone(),
            schema: table.alias.is_none().then(|| relation.schema.clone()),
            columns: column_nodes(rte, target.rte),
            unlisted: Vec::new(),
            rte: Some(target.rte),
            relation_visible: true,
            columns_visible: true,
            lateral_only: false,
            lateral_ok: true,
            derived: matches!(relation.kind, RelationKind::View(..)),
            row_type: Some(Catalog::row_type(target.relation)),
            scalar: false,
            joined: false,
        };
        scope.push_named(item);
    }

    /// `view_query_is_auto_updatable`: the base table of a view and the columns of the base table, or the reason why
    /// the view is not updatable.
    fn updatable(
        &mut self,
        view: usize,
        check_columns: bool,
    ) -> Result<(usize, Vec<Option<usize>>), &'static str> {
        let not_single =
            "Views that do not select from a single table or view are not automatically updatable.";
        let query = self.view_query(view).ok_or(not_single)?;
        not_updatable(&query).map_or(Ok(()), Err)?;
        let [JoinTree::Leaf(rte)] = query.from.as_slice() else { return Err(not_single) };
        let columns: Vec<Option<usize>> = query
            .targets
            .iter()
            .map(|target| match target.node.kind {
                NodeKind::Var(Var { level: 0, rte: of, column }) if of == *rte => Some(column),
                _ => None,
            })
            .collect();
        let (base, below) = match &query.rtes[*rte].source {
            RteSource::Table { relation: Some(base), not_null, sampled, .. } => {
                if *sampled && !self.catalog.schema.relations[*base].row_security {
                    return Err("Views containing TABLESAMPLE are not automatically updatable.");
                }
                (*base, (0..not_null.len()).map(Some).collect())
            }
            // A write to an inner view with triggers or rules runs these triggers or rules, and does not reach a base
            // table.
            RteSource::Subquery { view: Some(inner), .. }
                if self.catalog.schema.relations[*inner].has_triggers =>
            {
                (*inner, (0..query.rtes[*rte].columns.len()).map(Some).collect())
            }
            RteSource::Subquery { view: Some(inner), .. } => self.updatable(*inner, check_columns)?,
            _ => return Err(not_single),
        };
        let through = |column: &Option<usize>| column.and_then(|column| below.get(column).copied().flatten());
        let columns: Vec<Option<usize>> = columns.iter().map(through).collect();
        if check_columns && columns.iter().all(Option::is_none) {
            return Err("Views that have no updatable columns are not automatically updatable.");
        }
        Ok((base, columns))
    }

    /// Returns the range table entry of the view to which the statement writes. The rows of the entry are those of the
    /// base table: after the write, a row need not satisfy the view's condition.
    fn view_target(&mut self, view: usize, base: usize, columns: &[Option<usize>]) -> RteSource {
        let RteSource::Table { not_null, keys, .. } = self.relation_rte(base).source else {
            return unknown_rows(view, columns.len());
        };
        let of_base =
            |column: &Option<usize>| column.is_some_and(|column| not_null.get(column) == Some(&true));
        let keys = keys.iter().filter_map(|key| {
            key.iter().map(|column| columns.iter().position(|it| *it == Some(*column))).collect()
        });
        RteSource::Table {
            relation: None,
            columns_of: Some(view),
            not_null: columns.iter().map(of_base).collect(),
            keys: keys.collect(),
            references: Vec::new(),
            sampled: false,
        }
    }

    /// Marks the columns whose new values are not known: generated columns, expressions of a view, and, if the table
    /// has triggers, all columns.
    pub(super) fn write_on(&mut self, query: &mut Query, target: &Target) {
        let schema: &'a Schema = self.catalog.schema;
        let has_triggers = schema.relations[target.base].has_triggers;
        if has_triggers {
            query.source = None;
        }
        for column in 0..target.columns.len() {
            let base = target.base_column(schema, column);
            let computed = base.is_none_or(|base| base.generated) && query.command != Command::Delete;
            if has_triggers || computed {
                query.assigned.retain(|known| known.column != column);
                query.assigned.push(Written { column, values: Vec::new() });
            }
        }
    }

    /// Reports an assignment to a view's column that is not updatable.
    pub(super) fn check_updatable(&mut self, target: &Target, column: usize, verb: &str, span: Span) {
        if target.base_columns.get(column) != Some(&None) || target.base == target.relation {
            return;
        }
        let view = &self.catalog.schema.relations[target.relation].name;
        let name = target.columns.get(column).map_or("", |column| column.name.as_str());
        let message = format!("cannot {verb} column \"{name}\" of view \"{view}\"");
        let detail = "View columns that are not columns of their base relation are not updatable.";
        self.found_later(Diagnostic::error(Code::FeatureNotSupported, span, message).with_detail(detail));
    }

    /// In the DSQL dialect, records an error that the server finds only when the statement runs. In the PostgreSQL
    /// dialect, does nothing.
    pub(super) fn runtime_error(&mut self, diagnostic: Diagnostic) {
        if self.catalog.schema.dialect == Dialect::Dsql {
            self.found_later(Diagnostic { stage: Stage::Dialect, ..diagnostic });
        }
    }

    /// Records an error that PostgreSQL finds only after parse analysis: in its rewriter, or when the statement runs.
    pub(super) fn found_later(&mut self, diagnostic: Diagnostic) {
        self.later.push(diagnostic);
    }

    pub(super) fn report_null(&mut self, target: &Target, column: usize, span: Span) {
        let schema: &'a Schema = self.catalog.schema;
        let Some(known) = target.base_column(schema, column) else { return };
        let relation = &schema.relations[target.base];
        // If only a CHECK rejects NULL, PostgreSQL reports another error when the statement runs, and no error is
        // reported here.
        if !known.not_null && relation.checked_not_null(&known.name) {
            return;
        }
        let message = format!(
            "null value in column \"{}\" of relation \"{}\" violates not-null constraint",
            known.name, relation.name
        );
        let hint =
            format!("{} is NOT NULL: give it a value, or leave it out if it has a default", known.name);
        self.runtime_error(Diagnostic::error(Code::NullForNotNull, span, message).with_hint(hint));
    }

    /// Reports `DEFAULT` as the value of a NOT NULL column that has no default.
    pub(super) fn check_default(&mut self, target: &Target, column: usize, span: Span) {
        let schema: &'a Schema = self.catalog.schema;
        let Some(known) = target.base_column(schema, column) else { return };
        let not_null = target.not_null.get(column).copied().unwrap_or(false);
        let ty = target.columns.get(column).map_or(ERROR, |column| column.ty);
        if not_null && !known.has_default && !self.domain_default(ty) {
            self.report_null(target, column, span);
        }
    }

    /// Reports NOT NULL columns that have no default and that the statement leaves out.
    pub(super) fn check_left_out(&mut self, target: &Target, given: &[usize], span: Span) {
        let schema: &'a Schema = self.catalog.schema;
        let relation = &schema.relations[target.base];
        // A column that seems to be missing in the list may be one that could not be resolved.
        if given.contains(&usize::MAX) || !matches!(relation.kind, RelationKind::Table) {
            return;
        }
        let given: Vec<Option<usize>> =
            given.iter().filter_map(|column| target.base_columns.get(*column).copied()).collect();
        let base = self.relation_rte(target.base);
        let RteSource::Table { not_null, .. } = &base.source else { return };
        let columns = relation.columns.iter().zip(&base.columns).zip(not_null).enumerate();
        let missing: Vec<&str> = columns
            .filter(|(at, ((column, typed), not_null))| {
                let checked = !column.not_null && relation.checked_not_null(&column.name);
                let without = **not_null && !checked && !column.has_default && !self.domain_default(typed.ty);
                without && !given.contains(&Some(*at))
            })
            .map(|(_, ((column, _), _))| column.name.as_str())
            .collect();
        let Some(first) = missing.first() else { return };
        let message = format!(
            "null value in column \"{first}\" of relation \"{}\" violates not-null constraint",
            relation.name
        );
        let (noun, verb) = if missing.len() == 1 { ("column", "is") } else { ("columns", "are") };
        let hint =
            format!("the {noun} {} {verb} NOT NULL without a default: give a value", missing.join(", "));
        self.runtime_error(Diagnostic::error(Code::MissingValue, span, message).with_hint(hint));
    }

    fn domain_default(&self, ty: Oid) -> bool {
        matches!(self.catalog.user_kind(ty), Some(UserTypeKind::Domain { has_default: true, .. }))
    }
}

/// Returns the reason why a query is not updatable, independent of the relation that the query reads from.
fn not_updatable(query: &Rc<Query>) -> Option<&'static str> {
    let window = |target: &super::tree::TargetEntry| {
        target.node.any(&|node| matches!(node.kind, NodeKind::WindowCall(_)))
    };
    if query.distinct {
        Some("Views containing DISTINCT are not automatically updatable.")
    } else if query.grouped {
        Some("Views containing GROUP BY are not automatically updatable.")
    } else if query.having.is_some() {
        Some("Views containing HAVING are not automatically updatable.")
    } else if matches!(query.body, Body::SetOperation { .. }) {
        Some("Views containing UNION, INTERSECT, or EXCEPT are not automatically updatable.")
    } else if !query.ctes.is_empty() {
        Some("Views containing WITH are not automatically updatable.")
    } else if query.offset || query.limit != LimitKind::None {
        Some("Views containing LIMIT or OFFSET are not automatically updatable.")
    } else if query.has_aggregates {
        Some("Views that return aggregate functions are not automatically updatable.")
    } else if query.targets.iter().any(window) {
        Some("Views that return window functions are not automatically updatable.")
    } else if query.has_target_srf {
        Some("Views that return set-returning functions are not automatically updatable.")
    } else {
        None
    }
}

/// Returns the source of a relation whose rows are not known: each column may be NULL.
fn unknown_rows(relation: usize, columns: usize) -> RteSource {
    RteSource::Table {
        relation: None,
        columns_of: Some(relation),
        not_null: vec![false; columns],
        keys: Vec::new(),
        references: Vec::new(),
        sampled: false,
    }
}
