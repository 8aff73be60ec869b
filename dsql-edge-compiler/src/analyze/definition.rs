//! Analyzes the expressions of a definition: the keys and the predicate of an index, defaults, generated columns and
//! CHECK constraints (`cookDefault`, `cookConstraint`, `transformIndexStmt`).
//!
//! Input: a statement that defines a table, an index or a domain, and the schema after the statement. Output: the
//! errors in the expressions of this statement. The module `schema` reports other errors, such as a table that does not
//! exist, or a table that has no key with the referenced columns.

use super::analyzer::Analyzer;
use super::catalog::{Catalog, ERROR};
use super::coercion::Context;
use super::immutable::Immutable;
use super::namespace_item::NamespaceItem;
use super::place::Place;
use super::scope::{Scope, column_nodes};
use super::tree::{Node, NodeKind};
use crate::builtin::Oid;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::own_stack::on_own_stack;
use crate::schema::{RelationKind, Schema};
use crate::source::Span;
use crate::syntax::ParsedStatement;
use crate::syntax::ast::{
    AlterAction, Constraint, ConstraintKind, CreateDomain, CreateIndex, Expr, ExprKind, Name, ObjectKind,
    QualifiedName, StatementKind, TableColumn, TableElement,
};
use crate::syntax::visit::{self, Visit};

/// Returns the errors in the expressions of a statement that defines a table, an index or a domain. `schema` is the
/// schema after the statement.
pub fn errors_of_definition(statement: ParsedStatement<'_>, schema: &Schema) -> Diagnostics {
    on_own_stack(|| {
        let mut analyzer = Analyzer::new(Catalog::now(schema));
        analyzer.definition(&statement.kind);
        analyzer.diagnostics
    })
}

impl Analyzer<'_> {
    fn definition(&mut self, kind: &StatementKind) {
        match kind {
            StatementKind::CreateIndex(index) => {
                if let Some((scope, _)) = self.defined(&index.table) {
                    self.index(&scope, index);
                }
            }
            StatementKind::CreateTable(table) => {
                let Some((scope, at)) = self.defined(&table.name) else { return };
                // With IF NOT EXISTS, the table may be an older table, which this statement did not create.
                if !self.catalog.schema.is_new(self.catalog.schema.relations[at].created.version) {
                    return;
                }
                for element in &table.elements {
                    match element {
                        TableElement::Column(column) => self.column_definition(&scope, column),
                        TableElement::Constraint(constraint) => self.check_constraint(&scope, constraint),
                        TableElement::Like { .. } => {}
                    }
                }
            }
            StatementKind::AlterTable(alter) if alter.object == ObjectKind::Table => {
                let Some((scope, at)) = self.defined(&alter.name) else { return };
                alter.actions.iter().for_each(|action| self.action(&scope, at, action));
            }
            StatementKind::CreateDomain(domain) => self.domain(domain),
            _ => {}
        }
    }

    /// Returns a scope in which an expression of the table's definition can refer to the table's columns.
    fn defined(&mut self, name: &QualifiedName) -> Option<(Scope<'static>, usize)> {
        let at = self.find_user_relation(name)?;
        let relation = &self.catalog.schema.relations[at];
        let has_columns = match relation.kind {
            RelationKind::Table => true,
            RelationKind::View(..) => relation.materialized,
            RelationKind::TableAs(..) | RelationKind::Sequence => false,
        };
        if !has_columns {
            return None;
        }
        let schema = Some(relation.schema.clone());
        let rte = self.relation_rte(at);
        let mut scope = Scope::new(None);
        let item = NamespaceItem::of_columns(rte.name.clone(), column_nodes(&rte, 0));
        let row_type = Some(Catalog::row_type(at));
        scope.push_named(NamespaceItem { schema, rte: Some(0), row_type, ..item });
        scope.rtes.push(rte);
        Some((scope, at))
    }

    fn index(&mut self, scope: &Scope<'_>, index: &CreateIndex) {
        for element in index.elements.iter().chain(&index.include) {
            let node = scope.at(Place::IndexExpression, || self.expr(scope, &element.expr));
            self.must_be_immutable(&element.expr, &node, Immutable::IndexExpression);
        }
        if let Some(filter) = &index.filter {
            let node = self.condition(scope, filter, Place::IndexPredicate, "WHERE");
            self.must_be_immutable(filter, &node, Immutable::IndexPredicate);
        }
    }

    fn action(&mut self, scope: &Scope<'_>, table: usize, action: &AlterAction) {
        match action {
            AlterAction::AddColumn { column, if_not_exists } => {
                let columns = &self.catalog.schema.relations[table].columns;
                let added = columns.iter().find(|known| known.name == column.name.text);
                let is_new = added.is_some_and(|known| self.catalog.schema.is_new(known.added));
                if is_new || !if_not_exists {
                    self.column_definition(scope, column);
                }
            }
            AlterAction::SetDefault { column, default: Some(default) } => {
                self.column_value(scope, column, default, Place::Default);
            }
            AlterAction::AddConstraint(constraint) => self.check_constraint(scope, constraint),
            _ => {}
        }
    }

    fn column_definition(&mut self, scope: &Scope<'_>, column: &TableColumn) {
        for constraint in &column.constraints {
            match &constraint.kind {
                ConstraintKind::Default(expr) => self.column_value(scope, &column.name, expr, Place::Default),
                ConstraintKind::Generated(expr) => {
                    self.column_value(scope, &column.name, expr, Place::Generated);
                }
                _ => self.check_constraint(scope, constraint),
            }
        }
    }

    fn check_constraint(&mut self, scope: &Scope<'_>, constraint: &Constraint) {
        if let ConstraintKind::Check { expr, .. } = &constraint.kind {
            self.condition(scope, expr, Place::Check, "CHECK");
        }
    }

    /// Analyzes a default, or the expression of a generated column.
    fn column_value(&mut self, scope: &Scope<'_>, column: &Name, expr: &Expr, place: Place) {
        let columns = scope.rtes.first().map_or(&[][..], |rte| &rte.columns);
        let found = columns.iter().find(|known| known.name == column.text);
        let (ty, typmod) = found.map_or((ERROR, -1), |known| (known.ty, known.typmod));
        self.value(scope, (&column.text, ty, typmod), expr, place);
    }

    /// `cookDefault`
    fn value(&mut self, scope: &Scope<'_>, (name, ty, typmod): (&str, Oid, i32), expr: &Expr, place: Place) {
        if place == Place::Default
            && let Some(column) = first_column(expr)
        {
            let message = "cannot use column reference in DEFAULT expression";
            self.report(Diagnostic::error(Code::FeatureNotSupported, column, message));
            return;
        }
        let node = scope.at(place, || self.expr(scope, expr));
        let (found, at) = (node.ty, node.span);
        if place == Place::Generated {
            self.must_be_immutable(expr, &node, Immutable::GeneratedColumn);
        }
        if self.try_coerce(node, ty, typmod, Context::Assignment).is_err() {
            let hint = self.type_advice(found, ty, at);
            let (wanted, found) = (self.catalog.display(ty, -1), self.catalog.display(found, -1));
            let message =
                format!("column \"{name}\" is of type {wanted} but default expression is of type {found}");
            self.report(Diagnostic::error(Code::TypeMismatch, at, message).with_hint(hint));
        }
    }

    /// Analyzes the definition of a domain; in its CHECK, VALUE has the domain's base type.
    fn domain(&mut self, domain: &CreateDomain) {
        let (ty, typmod) = self.catalog.resolve(&domain.type_name).unwrap_or((ERROR, -1));
        let mut scope = Scope::new(None);
        let value = Node { typmod, ..Node::new(ty, NodeKind::Opaque(Vec::new()), Span::default()) };
        scope.push_named(NamespaceItem::of_columns(String::new(), vec![("value".into(), value)]));
        for constraint in &domain.constraints {
            match &constraint.kind {
                ConstraintKind::Default(expr) => {
                    self.value(&scope, (domain.name.name(), ty, typmod), expr, Place::Default);
                }
                _ => self.check_constraint(&scope, constraint),
            }
        }
    }
}

/// Returns the span of the first column in an expression.
fn first_column(expr: &Expr) -> Option<Span> {
    struct First(Option<Span>);
    impl Visit<'_> for First {
        fn expr(&mut self, expr: &Expr) {
            if matches!(expr.kind, ExprKind::Column(_)) {
                self.0.get_or_insert(expr.span);
            }
        }
    }
    let mut first = First(None);
    visit::expr(expr, &mut first);
    first.0
}
