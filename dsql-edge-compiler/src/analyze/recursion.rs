//! Checks where a recursive query of `WITH` refers to itself: `checkWellFormedRecursion` in PostgreSQL's `parse_cte.c`.
//!
//! Input: the statement of a query, before it is analyzed. Output: whether the query refers to itself, and the first
//! reference to itself in a position where SQL forbids such a reference. A query of the same name in an inner `WITH`
//! hides the outer query.
//!
//! In SQL, each step of a recursive query adds the rows that its recursive term computes from the rows of the step
//! before. If the reference were inside an outer join, EXCEPT or a subquery, a step would also need to know which rows
//! are *not* in the result, so SQL forbids these positions.

use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{
    self, FromItem, JoinConstraint, JoinKind, Query, QueryBody, SetOperator, Statement, StatementKind, With,
};
use crate::syntax::visit::{self, Visit};

/// Whether a statement refers to the query of this name.
pub(super) fn refers<'q>(statement: &'q Statement, name: &'q str) -> bool {
    let mut references = References::new(name, Place::Allowed);
    match &statement.kind {
        StatementKind::Query(query) => references.walk(query),
        _ => visit::statement(statement, &mut references),
    }
    references.count > 0
}

/// Returns the first error in a recursive query whose definition is a set operation.
pub(super) fn misplaced(cte: &ast::Cte) -> Option<Diagnostic> {
    let StatementKind::Query(query) = &cte.statement.kind else { return None };
    let QueryBody::SetOperation { left, right, .. } = &query.body else { return None };
    let name = cte.name.text.as_str();
    let mut references = References::new(name, Place::Subquery);
    references.with(query.with.as_ref());
    let extra = [
        ("ORDER BY", query.order_by.first().map(|key| key.expr.span)),
        ("OFFSET", query.offset.as_ref().map(|offset| offset.span)),
        ("LIMIT", query.limit.as_ref().and_then(limit_span)),
        ("FOR UPDATE/SHARE", query.locking.first().map(|_| Span::default())),
    ];
    let unsupported = extra.into_iter().find_map(|(clause, span)| Some((clause, span?)));
    if let (None, Some((clause, span))) = (&references.error, unsupported) {
        let message = format!("{clause} in a recursive query is not implemented");
        return Some(Diagnostic::error(Code::FeatureNotSupported, span, message));
    }
    references.place = Place::NonRecursiveTerm;
    references.walk(left);
    (references.place, references.count) = (Place::Allowed, 0);
    references.walk(right);
    let (span, what) = references.error?;
    let message = format!("recursive reference to query \"{name}\" must not appear {what}");
    Some(Diagnostic::error(Code::InvalidRecursion, span, message))
}

fn limit_span(limit: &ast::Limit) -> Option<Span> {
    match limit {
        ast::Limit::All => None,
        ast::Limit::Count(count) | ast::Limit::WithTies(count) => Some(count.span),
    }
}

/// The positions inside a recursive query that allow or forbid a reference to the query: `RecursionContext`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Allowed,
    NonRecursiveTerm,
    Subquery,
    OuterJoin,
    Intersect,
    Except,
}

impl Place {
    /// `recursion_errormsgs`
    fn error(self) -> Option<&'static str> {
        Some(match self {
            Place::Allowed => return None,
            Place::NonRecursiveTerm => "within its non-recursive term",
            Place::Subquery => "within a subquery",
            Place::OuterJoin => "within an outer join",
            Place::Intersect => "within INTERSECT",
            Place::Except => "within EXCEPT",
        })
    }
}

/// Finds the references to a query.
struct References<'q> {
    name: &'q str,
    place: Place,
    /// The names that the inner `WITH` clauses around the current part define.
    hiding: Vec<Vec<&'q str>>,
    count: usize,
    /// The span of the first forbidden reference to the recursive query.
    error: Option<(Span, &'static str)>,
}

impl<'q> References<'q> {
    fn new(name: &'q str, place: Place) -> Self {
        Self { name, place, hiding: Vec::new(), count: 0, error: None }
    }

    fn at(&mut self, place: Place, walk: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.place, place);
        walk(self);
        self.place = before;
    }

    /// Does the same as [`at`](Self::at), but keeps the current position if it already forbids a reference.
    fn within(&mut self, place: Place, walk: impl FnOnce(&mut Self)) {
        let place = if self.place == Place::Allowed { place } else { self.place };
        self.at(place, walk);
    }

    fn walk(&mut self, query: &'q Query) {
        self.hiding.push(Vec::new());
        self.with(query.with.as_ref());
        match &query.body {
            QueryBody::SetOperation { operator, all, left, right, .. } => match operator {
                SetOperator::Union => {
                    self.walk(left);
                    self.walk(right);
                }
                SetOperator::Intersect if *all => self.within(Place::Intersect, |this| {
                    this.walk(left);
                    this.walk(right);
                }),
                SetOperator::Intersect => {
                    self.walk(left);
                    self.walk(right);
                }
                SetOperator::Except => {
                    let place = if *all { Place::Except } else { self.place };
                    self.within(place, |this| this.walk(left));
                    self.within(Place::Except, |this| this.walk(right));
                }
            },
            QueryBody::Select(_) | QueryBody::Values(_) => visit::body(query, self),
        }
        visit::order_and_limit(query, self);
        self.hiding.pop();
    }

    /// Walks the queries of a `WITH`. A query in the `WITH` hides an outer query of the same name. Without RECURSIVE,
    /// the outer name is hidden only after the end of the query.
    fn with(&mut self, with: Option<&'q With>) {
        let Some(with) = with else { return };
        if with.recursive {
            self.hide(&with.ctes);
        }
        for cte in &with.ctes {
            match &cte.statement.kind {
                StatementKind::Query(query) => self.walk(query),
                _ => visit::statement(&cte.statement, self),
            }
            if !with.recursive {
                self.hide(std::slice::from_ref(cte));
            }
        }
    }

    fn hide(&mut self, ctes: &'q [ast::Cte]) {
        if let Some(innermost) = self.hiding.last_mut() {
            innermost.extend(ctes.iter().map(|cte| cte.name.text.as_str()));
        }
    }

    fn reference(&mut self, span: Span) {
        self.count += 1;
        let repeated = (self.count > 1).then_some("more than once");
        if let (None, Some(what)) = (&self.error, self.place.error().or(repeated)) {
            self.error = Some((span, what));
        }
    }
}

impl<'q> Visit<'q> for References<'q> {
    /// This method is called for the subqueries of expressions, and for the queries of a data-modifying statement;
    /// `walk` handles all other queries.
    fn query(&mut self, query: &'q Query) -> bool {
        self.at(Place::Subquery, |this| this.walk(query));
        false
    }

    fn item(&mut self, item: &'q FromItem) -> bool {
        match item {
            FromItem::Table { name, .. } => {
                let hidden = self.hiding.iter().flatten().any(|hiding| *hiding == self.name);
                if name.schema().is_none() && name.name() == self.name && !hidden {
                    self.reference(name.span());
                }
                true
            }
            FromItem::Subquery { query, .. } => {
                self.walk(query);
                false
            }
            FromItem::Join(join) => {
                let (left, right) = match join.kind {
                    JoinKind::Inner | JoinKind::Cross => (false, false),
                    JoinKind::Left => (false, true),
                    JoinKind::Right => (true, false),
                    JoinKind::Full => (true, true),
                };
                for (side, nullable) in [(&join.left, left), (&join.right, right)] {
                    let place = if nullable { Place::OuterJoin } else { self.place };
                    self.within(place, |this| visit::from_item(side, this));
                }
                if let JoinConstraint::On(on) = &join.constraint {
                    visit::expr(on, self);
                }
                false
            }
            FromItem::Function(_) | FromItem::XmlTable(_) => true,
        }
    }
}
