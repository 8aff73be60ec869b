//! Parses the clauses of table definitions that PostgreSQL 18 added: the snapshot of a newer PostgreSQL contains them.
//!
//! Each clause becomes a node of PostgreSQL 16's syntax that proves no more than the clause does. So no later module
//! distinguishes the versions.

use super::{K, Parser, Parsing, TokenKind};
use crate::source::Span;
use crate::syntax::ast::{ConstraintKind, Expr, ExprKind, IndexElement, Literal, Name};

impl Parser<'_> {
    /// `STORED` or `VIRTUAL`, after the expression of a generated column: queries do not depend on the difference.
    pub(super) fn generation_kind(&mut self) -> Parsing<()> {
        if !self.eat_word("virtual") {
            self.expect_keyword(K::Stored)?;
        }
        Ok(())
    }

    /// `NOT NULL column`, the table constraint: it holds for the same rows as a CHECK, because it can also be NOT VALID
    /// or not hold for child tables.
    pub(super) fn not_null_of_column(&mut self) -> Parsing<ConstraintKind> {
        let start = self.advance();
        self.expect_keyword(K::Null)?;
        let name = self.col_id()?;
        let column = Expr { span: name.span, kind: ExprKind::Column(vec![name]) };
        let kind = ExprKind::IsNull { arg: Box::new(column), negated: true };
        let expr = Expr { kind, span: start.to(self.previous_span()) };
        Ok(ConstraintKind::Check { expr, not_valid: false, no_inherit: false })
    }

    /// `(column, …)`; the last column of a key over a period is followed by `WITHOUT OVERLAPS`.
    pub(super) fn columns_without_overlaps(&mut self, of_period: &mut bool) -> Parsing<Vec<Name>> {
        self.parenthesized_list(|parser| {
            let name = parser.col_id()?;
            *of_period |= parser.eat_keywords(K::Without, K::Overlaps);
            Ok(name)
        })
    }

    /// `(column, …)`; the last column of a foreign key over a period follows `PERIOD`.
    pub(super) fn columns_with_period(&mut self, of_period: &mut bool) -> Parsing<Vec<Name>> {
        self.parenthesized_list(|parser| {
            if !matches!(parser.ahead(1).kind, TokenKind::Symbol(b',' | b')')) {
                *of_period |= parser.eat_word("period");
            }
            parser.col_id()
        })
    }

    /// `ENFORCED` or `NOT ENFORCED`.
    pub(super) fn enforcement(&mut self) -> Option<bool> {
        if self.eat_word("enforced") {
            return Some(true);
        }
        let not = self.at_keyword(K::Not)
            && matches!(&self.ahead(1).kind, TokenKind::Identifier(text) if text == "enforced");
        if not {
            self.at += 2;
        }
        not.then_some(false)
    }
}

/// The constraint for a key or a foreign key over a period: such a key is an exclusion constraint, and several rows can
/// have the same columns apart from the period. Nothing is known from such a foreign key.
pub(super) fn without_key(kind: ConstraintKind) -> ConstraintKind {
    match kind {
        ConstraintKind::PrimaryKey(key) | ConstraintKind::Unique(key) => ConstraintKind::Exclude(
            key.columns.into_iter().chain(key.include).map(IndexElement::column).collect(),
        ),
        _ => {
            let expr = Expr { kind: ExprKind::Literal(Literal::Boolean(true)), span: Span::default() };
            ConstraintKind::Check { expr, not_valid: true, no_inherit: false }
        }
    }
}
