//! Analyzes joins: the columns that `USING` and `NATURAL` merge, and the namespace after a join.

use super::analyzer::Analyzer;
use super::label::ColumnLabel;
use super::namespace_item::NamespaceItem;
use super::place::Place;
use super::scope::Scope;
use super::tree::{JoinTree, Node, NodeKind};
use crate::builtin::oid;
use crate::diagnostic::{Code, Diagnostic, suggestion};
use crate::source::Span;
use crate::syntax::ast::{Join, JoinConstraint, JoinKind, Name, Operator};

/// A column that `USING` or `NATURAL` merges: its name, the span of the name, and the columns of the two sides.
pub(super) struct Merged {
    name: ColumnLabel,
    span: Span,
    left: Node,
    right: Node,
}

impl Analyzer<'_> {
    /// `transformFromClauseItem` for a join. The entries of the join are at the end of the namespace: the entries of
    /// the left side, then the entries of the right side.
    pub(super) fn join(&mut self, scope: &mut Scope<'_>, join: &Join) -> JoinTree {
        let outer = scope.namespace.len();
        let left_tree = self.range_table_item(scope, &join.left);
        let middle = scope.namespace.len();
        // A LATERAL right side may refer to the left side if the type of the join allows this.
        let allowed = matches!(join.kind, JoinKind::Inner | JoinKind::Left | JoinKind::Cross);
        for item in scope.namespace.iter_mut().skip(outer) {
            (item.lateral_only, item.lateral_ok) = (true, allowed);
        }
        let right_tree = self.range_table_item(scope, &join.right);
        for item in scope.namespace.iter_mut().skip(outer).take(middle - outer) {
            (item.lateral_only, item.lateral_ok) = (false, true);
        }
        self.check_aliases(scope, outer..middle, &join.right);

        let (left, right) = scope.namespace.get(outer..).unwrap_or(&[]).split_at(middle - outer);
        let using = self.using_columns(join, left, right);
        let (merged, mut on) = self.merged_columns(join, using);
        let has_alias = join.alias.is_some() || !merged.is_empty();
        let columns = if has_alias { joined_columns(&merged, left, right) } else { Vec::new() };
        if !merged.is_empty() {
            // An unqualified name refers to the merged column of the join; `t.column` refers to the table's column.
            scope.namespace.iter_mut().skip(outer).for_each(|item| item.columns_visible = false);
            scope.namespace.push(NamespaceItem {
                relation_visible: false,
                ..NamespaceItem::of_columns(String::new(), columns.clone())
            });
        }
        if let JoinConstraint::On(condition) = &join.constraint {
            on = Some(self.condition(scope, condition, Place::JoinOn, "JOIN/ON"));
        }
        scope.namespace.iter_mut().skip(outer).for_each(|item| item.joined = true);
        if let Some(alias) = &join.alias {
            // An alias of the join hides the tables inside the join.
            let mut columns = columns;
            if alias.columns.len() > columns.len() {
                let message = format!(
                    "join expression \"{}\" has {} columns available but {} columns specified",
                    alias.name.text,
                    columns.len(),
                    alias.columns.len()
                );
                self.report(Diagnostic::error(Code::InvalidColumnReference, alias.name.span, message));
            }
            for (column, name) in columns.iter_mut().zip(&alias.columns) {
                column.0 = ColumnLabel::alias(&name.text);
            }
            scope.namespace.truncate(outer);
            scope.push_named(NamespaceItem::of_columns(alias.name.text.clone(), columns));
        } else if let JoinConstraint::Using(names, Some(alias)) = &join.constraint {
            let merged = columns.into_iter().take(names.len()).collect();
            let item = NamespaceItem::of_columns(alias.text.clone(), merged);
            let mut inside = scope.namespace.iter().skip(outer);
            if inside.any(|item| item.relation_visible && item.name == alias.text) {
                let message = format!("table name \"{}\" specified more than once", alias.text);
                let hint = "give the join another alias";
                self.report(Diagnostic::error(Code::DuplicateAlias, alias.span, message).with_hint(hint));
            }
            scope.push_named(NamespaceItem { columns_visible: false, ..item });
        }
        JoinTree::Join { kind: join.kind, left: Box::new(left_tree), right: Box::new(right_tree), on }
    }

    /// Returns the columns that USING or NATURAL merges.
    pub(super) fn using_columns(
        &mut self,
        join: &Join,
        left: &[NamespaceItem],
        right: &[NamespaceItem],
    ) -> Vec<Merged> {
        let names: Vec<Name> = match &join.constraint {
            JoinConstraint::Using(names, _) => names.clone(),
            JoinConstraint::None if join.natural => visible_columns(left)
                .filter(|(name, _)| visible_columns(right).any(|(other, _)| other == name))
                .map(|(name, _)| Name { text: name.to_string(), span: join.span })
                .collect(),
            _ => return Vec::new(),
        };
        let mut out = Vec::with_capacity(names.len());
        let mut seen: Vec<&str> = Vec::new();
        for name in &names {
            if seen.contains(&name.text.as_str()) {
                let message = format!("column name \"{}\" appears more than once in USING clause", name.text);
                self.report(Diagnostic::error(Code::DuplicateColumn, Span::default(), message));
                continue;
            }
            seen.push(&name.text);
            let Some((mut label, left)) = self.using_side(name, left, "left") else { continue };
            let Some((other, right)) = self.using_side(name, right, "right") else { continue };
            // A merged name is an alias only if it is an alias on both sides.
            label.is_alias &= other.is_alias;
            out.push(Merged { name: label, span: name.span, left, right });
        }
        out
    }

    pub(super) fn using_side(
        &mut self,
        name: &Name,
        side: &[NamespaceItem],
        which: &str,
    ) -> Option<(ColumnLabel, Node)> {
        let found: Vec<&(ColumnLabel, Node)> =
            visible_columns(side).filter(|(column, _)| *column == name.text).collect();
        match found.as_slice() {
            [column] => Some((*column).clone()),
            [] => {
                let unknown = side.iter().any(|item| item.columns.is_empty());
                if !unknown {
                    let message = format!(
                        "column \"{}\" specified in USING clause does not exist in {which} table",
                        name.text
                    );
                    let mut diagnostic = Diagnostic::error(Code::UnknownColumn, name.span, message);
                    if let Some(nearest) =
                        suggestion::nearest(&name.text, visible_columns(side).map(|(it, _)| it.as_str()))
                    {
                        diagnostic = diagnostic.with_hint(format!("the {which} table has {nearest}"));
                    }
                    self.report(diagnostic);
                }
                None
            }
            _ => {
                let message =
                    format!("common column name \"{}\" appears more than once in {which} table", name.text);
                self.report(Diagnostic::error(Code::AmbiguousColumn, name.span, message));
                None
            }
        }
    }

    /// Returns the columns that USING or NATURAL merges, and the condition that the left and the right side of each
    /// merged column are equal.
    fn merged_columns(
        &mut self,
        join: &Join,
        using: Vec<Merged>,
    ) -> (Vec<(ColumnLabel, Node)>, Option<Node>) {
        let mut conditions = Vec::new();
        let mut merged = Vec::with_capacity(using.len());
        for Merged { name, span, left: a, right: b } in &using {
            let operator = Operator { schema: None, name: "=".into(), location: *span };
            let condition = self.operator(&operator, Some(a.clone()), b.clone(), *span);
            conditions.push(condition);
            // `buildMergedJoinVar`
            let common = self.common_type(&[a, b], "JOIN/USING");
            let left = self.coerce_to_common(a.clone(), common, "JOIN/USING");
            let right = self.coerce_to_common(b.clone(), common, "JOIN/USING");
            let node = match join.kind {
                JoinKind::Left | JoinKind::Inner | JoinKind::Cross => {
                    if join.kind == JoinKind::Inner && a.ty != common && b.ty == common {
                        right
                    } else {
                        left
                    }
                }
                JoinKind::Right => right,
                JoinKind::Full => Node::new(common, NodeKind::Coalesce(vec![left, right]), *span),
            };
            merged.push((name.clone(), node));
        }
        let on = match conditions.len() {
            0 => None,
            1 => conditions.pop(),
            _ => Some(Node::new(oid::BOOL, NodeKind::And(conditions), join.span)),
        };
        (merged, on)
    }
}

/// Returns the columns of a join in order: the merged columns come first.
fn joined_columns(
    merged: &[(ColumnLabel, Node)],
    left: &[NamespaceItem],
    right: &[NamespaceItem],
) -> Vec<(ColumnLabel, Node)> {
    let names: Vec<&str> = merged.iter().map(|(name, _)| name.as_str()).collect();
    let others = visible_columns(left).chain(visible_columns(right));
    let others = others.filter(|(name, _)| !names.contains(&name.as_str())).cloned();
    merged.iter().cloned().chain(others).collect()
}

fn visible_columns(items: &[NamespaceItem]) -> impl Iterator<Item = &(ColumnLabel, Node)> {
    items.iter().filter(|item| item.columns_visible).flat_map(|item| item.columns.iter())
}
