//! Determines collations: `parse_collate.c`.
//!
//! Input: the expressions of a finished query level. Output: the collation of each column of the level; an error if two
//! collations of `COLLATE` conflict, or if two other collations conflict in a key or in a set operation. If a
//! comparison needs a collation and its operands have none, PostgreSQL reports the error at run time; this module does
//! not check comparisons.
//!
//! The module skips statements in which every collation is the database's default.

use super::analyzer::Analyzer;
use super::catalog::quote_identifier;
use super::collated::{C, Collated, Collation, DEFAULT, Strength};
use super::scope::Scope;
use super::tree::{Cte, Node, NodeKind, Query, RteSource, TargetEntry, Var};
use crate::builtin::{Oid, oid};
use crate::diagnostic::{Code, Diagnostic};
use crate::schema::RelationKind;
use std::rc::Rc;

impl Analyzer<'_> {
    /// `assign_query_collations`: the collations of the query's columns. The collations of a sort or group key must not
    /// conflict; `all_are_keys` means that all columns are keys.
    pub(super) fn column_collations(
        &mut self,
        scope: &Scope<'_>,
        query: &Query,
        all_are_keys: bool,
    ) -> Vec<Collated> {
        if !self.collations.matter {
            return Vec::new();
        }
        let keys: Vec<&Node> = query.other.iter().chain(&query.group_by).collect();
        let mut columns = Vec::with_capacity(query.targets.len());
        for target in &query.targets {
            let found = self.collated(scope, &target.node);
            // If a key and a result column have the same location in the SQL, the key is that column, so the column is
            // checked as a key.
            if all_are_keys || keys.iter().any(|key| key.span == target.node.span) {
                self.check_conflict(found);
            }
            columns.push(found);
        }
        let is_column = |key: &Node| query.targets.iter().any(|target| target.node.span == key.span);
        self.keys_collated(scope, keys.into_iter().filter(|key| !is_column(key)));
        self.each_collated(scope, query.filter.iter().chain(&query.having));
        columns
    }

    /// Reports each key in which two implicit collations conflict.
    fn keys_collated<'n>(&mut self, scope: &Scope<'_>, keys: impl Iterator<Item = &'n Node>) {
        for key in keys {
            let found = self.collated(scope, key);
            self.check_conflict(found);
        }
    }

    fn check_conflict(&mut self, found: Collated) {
        if found.strength == Strength::Conflict
            && let (Some(one), Some(other)) = (found.collation, found.other)
        {
            let (one, other) = (self.collations.name(one), self.collations.name(other));
            let message = format!("collation mismatch between implicit collations \"{one}\" and \"{other}\"");
            let hint =
                "You can choose the collation by applying the COLLATE clause to one or both expressions.";
            self.report(Diagnostic::error(Code::CollationMismatch, found.span, message).with_hint(hint));
        }
    }

    /// `select_common_collation` for each column of a set operation. If `none_ok` is true, a conflict of two collations
    /// is not reported as an error yet.
    pub(super) fn set_operation_collations(
        &mut self,
        left: &Query,
        right: &Query,
        targets: &[TargetEntry],
        none_ok: bool,
    ) -> Vec<Collated> {
        if !self.collations.matter {
            return Vec::new();
        }
        let mut out = Vec::with_capacity(targets.len());
        for (at, target) in targets.iter().enumerate() {
            let side = |query: &Query| query.collations.get(at).copied();
            let own =
                |analyzer: &Self| Collated::implicit(analyzer.collation_of_type(target.node.ty), target.span);
            let mut common = Collated::default();
            for found in [side(left), side(right)] {
                let found = found.unwrap_or_else(|| own(self));
                self.merge_collation(&mut common, found);
            }
            if !none_ok {
                self.check_conflict(common);
            }
            out.push(Collated::implicit(common.seen(), target.span));
        }
        out
    }

    /// Returns, for each column of `VALUES`, the common collation of its values.
    pub(super) fn values_collations(&mut self, scope: &Scope<'_>, rows: &[Vec<Node>]) -> Vec<Collated> {
        if !self.collations.matter {
            return Vec::new();
        }
        let width = rows.first().map_or(0, Vec::len);
        (0..width)
            .map(|at| {
                let mut common = Collated::default();
                for node in rows.iter().filter_map(|row| row.get(at)) {
                    let found = self.collated(scope, node);
                    self.merge_collation(&mut common, found);
                }
                Collated::implicit(common.seen(), common.span)
            })
            .collect()
    }

    /// `analyzeCTE`: the recursive term may not change the collation of a column.
    pub(super) fn check_recursive_collations(
        &mut self,
        cte: &Cte,
        first: &[Collated],
        whole: &[Collated],
        targets: &[TargetEntry],
    ) {
        for (at, (whole, target)) in whole.iter().zip(targets).enumerate() {
            let was = match first.get(at) {
                Some(first) => first.seen(),
                None => self.collation_of_type(target.node.ty),
            };
            let (Some(was), Some(is)) = (was, whole.seen()) else { continue };
            if was != is {
                let message = format!(
                    "recursive query \"{}\" column {} has collation \"{}\" in non-recursive term but collation \"{}\" overall",
                    cte.name,
                    at + 1,
                    self.collations.name(was),
                    self.collations.name(is),
                );
                let clause = quote_identifier(self.collations.name(is));
                let hint = format!(
                    "Use the COLLATE clause to set the collation of the non-recursive term: COLLATE {clause}"
                );
                self.report(
                    Diagnostic::error(Code::CollationMismatch, target.node.span, message).with_hint(hint),
                );
                return;
            }
        }
    }

    /// `assign_collations_walker`
    fn collated(&mut self, scope: &Scope<'_>, node: &Node) -> Collated {
        let span = node.span;
        match &node.kind {
            NodeKind::Error => Collated::default(),
            NodeKind::Var(var) => Collated::implicit(self.collation_of_var(scope, *var, node.ty), span),
            NodeKind::Constant(_) | NodeKind::Parameter(_) | NodeKind::NeverNull | NodeKind::Default => {
                Collated::implicit(self.collation_of_type(node.ty), span)
            }
            NodeKind::Collate(arg, clause) => {
                self.collated(scope, arg);
                let (name, span) = clause.as_ref();
                let collation = Some(self.collations.named(name));
                Collated { strength: Strength::Explicit, collation, other: None, span: *span }
            }
            NodeKind::ScalarSubquery(query) | NodeKind::ArraySubquery(query) => {
                let found = query.collations.first().map(|found| found.seen());
                Collated::implicit(found.unwrap_or_else(|| self.collation_of_type(node.ty)), span)
            }
            // For these kinds of expressions, the collation does not depend on the collations of the parts.
            NodeKind::Row(_)
            | NodeKind::JoinedRow { .. }
            | NodeKind::WholeRow { .. }
            | NodeKind::Field(..)
            | NodeKind::Opaque(_)
            | NodeKind::NeverNullOf(_)
            | NodeKind::Grouping(_)
            | NodeKind::Exists(_)
            | NodeKind::Quantified { .. } => {
                let mut parts = Vec::new();
                node.children(&mut |child| parts.push(child));
                self.each_collated(scope, parts.into_iter());
                Collated::implicit(self.collation_of_type(node.ty), span)
            }
            NodeKind::Case { arms, otherwise } => {
                self.each_collated(scope, arms.iter().map(|(condition, _)| condition));
                let results = arms.iter().map(|(_, result)| result).chain(otherwise.as_deref());
                self.met(scope, results, node)
            }
            NodeKind::Aggregate(call) => {
                self.each_collated(scope, call.filter.iter());
                self.keys_collated(scope, call.order_by.iter());
                self.met(scope, call.args.iter(), node)
            }
            NodeKind::WindowCall(call) => {
                self.each_collated(scope, call.filter.iter());
                self.met(scope, call.args.iter(), node)
            }
            _ => {
                let mut parts = Vec::new();
                node.children(&mut |child| parts.push(child));
                self.met(scope, parts.into_iter(), node)
            }
        }
    }

    /// Checks each expression by itself, without combining their collations.
    fn each_collated<'n>(&mut self, scope: &Scope<'_>, nodes: impl Iterator<Item = &'n Node>) {
        for node in nodes {
            self.collated(scope, node);
        }
    }

    /// Returns the collation of the expression `whole`, combined from the collations of its parts.
    fn met<'n>(
        &mut self,
        scope: &Scope<'_>,
        parts: impl Iterator<Item = &'n Node>,
        whole: &Node,
    ) -> Collated {
        let mut common = Collated::default();
        for part in parts {
            let found = self.collated(scope, part);
            self.merge_collation(&mut common, found);
        }
        match self.collation_of_type(whole.ty) {
            None => Collated::default(),
            // If collations conflict, the error points at the second of the two parts; any other error points at the
            // part whose collation was chosen.
            Some(_) if common.strength != Strength::None => common,
            own => Collated::implicit(own, whole.span),
        }
    }

    /// `merge_collation_state`
    fn merge_collation(&mut self, common: &mut Collated, found: Collated) {
        if found.strength > common.strength {
            *common = found;
            return;
        }
        if found.strength < common.strength || found.collation == common.collation {
            return;
        }
        match found.strength {
            Strength::None | Strength::Conflict => {}
            // An implicit collation that is not the database's default overrides the default.
            Strength::Implicit if common.collation == Some(DEFAULT) => *common = found,
            Strength::Implicit if found.collation == Some(DEFAULT) => {}
            Strength::Implicit => {
                *common = Collated {
                    strength: Strength::Conflict,
                    other: found.collation,
                    span: found.span,
                    ..*common
                };
            }
            Strength::Explicit => {
                if let (Some(one), Some(other)) = (common.collation, found.collation) {
                    let (one, other) = (self.collations.name(one), self.collations.name(other));
                    let message =
                        format!("collation mismatch between explicit collations \"{one}\" and \"{other}\"");
                    self.report(Diagnostic::error(Code::CollationMismatch, found.span, message));
                }
            }
        }
    }

    fn collation_of_type(&self, ty: Oid) -> Option<Collation> {
        let base = self.catalog.base_type(ty).0;
        let info = self.catalog.type_info(base);
        let own = if matches!(base, oid::NAME | oid::NAMEARRAY) { C } else { DEFAULT };
        info.collatable.then_some(own)
    }

    fn collation_of_var(&mut self, scope: &Scope<'_>, var: Var, ty: Oid) -> Option<Collation> {
        let own = self.collation_of_type(ty)?;
        let rte = scope.up(var.level).and_then(|scope| scope.rtes.get(var.rte));
        let of_query = |query: &Query| query.collations.get(var.column).map(|found| found.seen());
        let found = match &rte?.source {
            RteSource::Table { columns_of: Some(relation), .. } => {
                let found = self.catalog.schema.relations.get(*relation)?;
                if matches!(found.kind, RelationKind::View(..)) {
                    self.view_query(*relation).as_deref().and_then(of_query)
                } else {
                    let column = found.columns.get(var.column);
                    let name = column.and_then(|column| column.collation.as_deref());
                    name.map(|name| Some(self.collations.named(name)))
                }
            }
            RteSource::Subquery { query, .. } => of_query(query),
            RteSource::Cte(cte) => match cte.query.borrow().as_ref() {
                Some(query) => of_query(query),
                None => cte.collations.borrow().get(var.column).map(|found| found.seen()),
            },
            _ => None,
        };
        found.unwrap_or(Some(own))
    }
}

impl Cte {
    /// Stores the collations of the non-recursive term, which the recursive term uses.
    pub(super) fn set_collations(self: &Rc<Self>, first: &[Collated]) {
        *self.collations.borrow_mut() = first.to_vec();
    }
}
