//! Joins: the columns that `USING` and `NATURAL` merge, and the namespace after a join.

use super::analyzer::Analyzer;
use super::from::lateral_only;
use super::label::ColumnLabel;
use super::place::Place;
use super::scope::{NamespaceItem, Scope};
use super::tree::{JoinTree, Node, NodeKind};
use crate::builtin::oid;
use crate::diagnostic::{Code, Diagnostic, suggestion};
use crate::source::Span;
use crate::syntax::ast::{Join, JoinConstraint, JoinKind, Name, Operator};

/// A column of `USING` or `NATURAL`: its name, where that is written, and the column of each side.
pub(super) struct Merged {
    name: ColumnLabel,
    span: Span,
    left: Node,
    right: Node,
}

impl Analyzer<'_> {
    /// `transformFromClauseItem` for a join.
    pub(super) fn join(&mut self, scope: &mut Scope<'_>, join: &Join) -> (JoinTree, Vec<NamespaceItem>) {
        let outer = scope.namespace.clone();
        let (left_tree, left) = self.range_table_item(scope, &join.left);
        // The right side may refer to the left one, if it is LATERAL and the join lets it.
        let allowed = matches!(join.kind, JoinKind::Inner | JoinKind::Left | JoinKind::Cross);
        scope.namespace = outer.clone();
        scope.namespace.extend(
            left.iter().cloned().map(|item| NamespaceItem { lateral_ok: allowed, ..lateral_only(item) }),
        );
        let (right_tree, right) = self.range_table_item(scope, &join.right);
        self.check_aliases(&left, &right, &join.right);
        scope.namespace = outer.clone();

        let using = self.using_columns(join, &left, &right);
        let (mut items, columns, mut on) = self.merge_columns(join, left, right, using);
        if let JoinConstraint::On(condition) = &join.constraint {
            let before = std::mem::replace(&mut scope.namespace, outer.clone());
            scope.namespace.extend(items.iter().cloned());
            on = Some(self.condition(scope, condition, Place::JoinOn, "JOIN/ON"));
            scope.namespace = before;
        }
        items.iter_mut().for_each(|item| item.joined = true);
        let tree =
            JoinTree::Join { kind: join.kind, left: Box::new(left_tree), right: Box::new(right_tree), on };
        if let Some(alias) = &join.alias {
            // The alias hides the tables inside.
            let mut columns = columns;
            for (column, name) in columns.iter_mut().zip(&alias.columns) {
                column.0 = ColumnLabel::alias(&name.text);
            }
            items = vec![named_join(&alias.name, columns)];
        } else if let JoinConstraint::Using(names, Some(alias)) = &join.constraint {
            let merged = columns.into_iter().take(names.len()).collect();
            let mut item = named_join(alias, merged);
            item.columns_visible = false;
            items.push(item);
        }
        (tree, items)
    }

    /// The columns that USING or NATURAL join on.
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
            // A name that only matches one of the database's is the database's.
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

    /// The namespace after a join, the columns of the join in order, and the condition of USING.
    #[allow(clippy::type_complexity)]
    pub(super) fn merge_columns(
        &mut self,
        join: &Join,
        mut left: Vec<NamespaceItem>,
        mut right: Vec<NamespaceItem>,
        using: Vec<Merged>,
    ) -> (Vec<NamespaceItem>, Vec<(ColumnLabel, Node)>, Option<Node>) {
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
        let names: Vec<&str> = merged.iter().map(|(name, _)| name.as_str()).collect();
        let mut columns = merged.clone();
        for items in [&left, &right] {
            columns
                .extend(visible_columns(items).filter(|(name, _)| !names.contains(&name.as_str())).cloned());
        }
        let on = match conditions.len() {
            0 => None,
            1 => conditions.pop(),
            _ => Some(Node::new(oid::BOOL, NodeKind::And(conditions), join.span)),
        };
        let mut items = Vec::new();
        if merged.is_empty() {
            items.append(&mut left);
            items.append(&mut right);
        } else {
            // Merged columns are reached through the join; the tables keep their own for `t.column`.
            for item in left.iter_mut().chain(&mut right) {
                item.columns_visible = false;
            }
            items.append(&mut left);
            items.append(&mut right);
            items.push(NamespaceItem {
                name: String::new(),
                schema: None,
                columns: columns.clone(),
                rte: None,
                relation_visible: false,
                columns_visible: true,
                lateral_only: false,
                lateral_ok: true,
                derived: false,
                row_type: None,
                scalar: false,
                joined: false,
            });
        }
        (items, columns, on)
    }
}

fn visible_columns(items: &[NamespaceItem]) -> impl Iterator<Item = &(ColumnLabel, Node)> {
    items.iter().filter(|item| item.columns_visible).flat_map(|item| item.columns.iter())
}

fn named_join(name: &Name, columns: Vec<(ColumnLabel, Node)>) -> NamespaceItem {
    NamespaceItem {
        name: name.text.clone(),
        schema: None,
        columns,
        rte: None,
        relation_visible: true,
        columns_visible: true,
        lateral_only: false,
        lateral_ok: true,
        derived: false,
        row_type: None,
        scalar: false,
        joined: false,
    }
}
