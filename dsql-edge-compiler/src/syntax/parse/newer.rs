//! Parses the clauses of table definitions that PostgreSQL 18 added: a snapshot of a newer PostgreSQL can contain them.
//!
//! Except for `NOT ENFORCED`, each clause becomes a node of PostgreSQL 16's syntax, so no later module distinguishes
//! the versions. The tree never proves more about the rows of a table than the clause does.

use super::{K, Parser, Parsing, TokenKind};
use crate::source::Span;
use crate::syntax::ast::{
    CheckedRows, Constraint, ConstraintKind, Expr, ExprKind, IndexElement, Literal, Name,
};

impl Parser<'_> {
    /// `STORED` or `VIRTUAL`, after the expression of a generated column: queries do not depend on the difference.
    pub(super) fn generation_kind(&mut self) -> Parsing<()> {
        if !self.eat_word("virtual") {
            self.expect_keyword(K::Stored)?;
        }
        Ok(())
    }

    /// `NOT NULL column` as a table constraint becomes a CHECK, because in PostgreSQL 16, a CHECK can be NOT VALID or
    /// NO INHERIT, but NOT NULL cannot.
    pub(super) fn not_null_of_column(&mut self) -> Parsing<ConstraintKind> {
        let start = self.advance();
        self.expect_keyword(K::Null)?;
        let name = self.col_id()?;
        let column = Expr { span: name.span, kind: ExprKind::Column(vec![name]) };
        let kind = ExprKind::IsNull { arg: Box::new(column), negated: true };
        let expr = Expr { kind, span: start.to(self.previous_span()) };
        Ok(ConstraintKind::Check { expr, checked: CheckedRows::All, no_inherit: false })
    }

    /// `(column, …)`; the last column of a key over a period is followed by `WITHOUT OVERLAPS`.
    pub(super) fn columns_without_overlaps(&mut self, of_period: &mut bool) -> Parsing<Vec<Name>> {
        self.parenthesized_list(|parser| {
            let name = parser.col_id()?;
            *of_period |= parser.eat_keywords(K::Without, K::Overlaps);
            Ok(name)
        })
    }

    /// Parses `(column, …)`; in a foreign key over a period, the word `PERIOD` precedes the last column.
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

/// Applies `ENFORCED` or `NOT ENFORCED` to the last CHECK or foreign key in `constraints`. Rows may violate a foreign
/// key that is not enforced, so such a foreign key counts as NOT VALID.
pub(super) fn set_enforced(constraints: &mut [Constraint], enforced: bool) {
    for constraint in constraints.iter_mut().rev() {
        match &mut constraint.kind {
            ConstraintKind::Check { checked, .. } if !enforced => return *checked = CheckedRows::None,
            ConstraintKind::Check { .. } => return,
            ConstraintKind::ForeignKey(key) => return key.not_valid |= !enforced,
            _ => {}
        }
    }
}

/// Returns the constraint that replaces a key or a foreign key over a period. A key over a period becomes an exclusion
/// constraint, because several rows can have the same values in all columns except the period. A foreign key over a
/// period proves nothing, so it becomes a CHECK of the constant true.
pub(super) fn without_key(kind: ConstraintKind) -> ConstraintKind {
    match kind {
        ConstraintKind::PrimaryKey(key) | ConstraintKind::Unique(key) => ConstraintKind::Exclude(
            key.columns.into_iter().chain(key.include).map(IndexElement::column).collect(),
        ),
        _ => {
            let expr = Expr { kind: ExprKind::Literal(Literal::Boolean(true)), span: Span::default() };
            ConstraintKind::Check { expr, checked: CheckedRows::None, no_inherit: false }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Schema, Source, compile};

    /// Returns whether the column of the query may be NULL, and whether the query returns at most one row.
    fn proved(definition: &str, more: &str, query: &str) -> (bool, bool) {
        let query = compile(&Source::numbered(query), &parsed(definition, more)).unwrap();
        (query.columns[0].nullable, query.cardinality.name() == "zero-or-one")
    }

    fn parsed(definition: &str, more: &str) -> Schema {
        let ddl =
            format!("-- dsql-edge: dialect postgres\nCREATE TABLE t (a int, b text, {definition}); {more}");
        Schema::parse(&ddl).unwrap_or_else(|errors| panic!("{ddl}: {errors:?}"))
    }

    #[test]
    fn check_that_is_not_enforced_excludes_nothing() {
        let added = |check: &str| parsed("c int", &format!("ALTER TABLE t ADD CHECK (b IN ('x')) {check}"));
        let insert = "INSERT INTO t (b) VALUES ('z')";
        for (schema, warnings) in [
            (added(""), 1),
            (added("NOT VALID"), 1),
            (added("NOT ENFORCED"), 0),
            (parsed("x text CHECK (b IN ('x')) NOT ENFORCED", ""), 0),
            (parsed("x text CHECK (b IN ('x')) ENFORCED", ""), 1),
        ] {
            let query = compile(&Source::numbered(insert), &schema).unwrap();
            assert_eq!(query.warnings.len(), warnings, "{schema:?}");
        }
    }

    #[test]
    fn newer_clause_proves_no_more_than_it_states() {
        for (definition, more, nullable) in [
            ("NOT NULL a", "", false),
            ("CONSTRAINT c NOT NULL a", "", false),
            ("CONSTRAINT c NOT NULL a", "ALTER TABLE t DROP CONSTRAINT c", true),
            ("x int", "ALTER TABLE t ADD CONSTRAINT c NOT NULL a NOT VALID", true),
            ("NOT NULL a NO INHERIT", "CREATE TABLE child () INHERITS (t)", true),
            ("CHECK (a IS NOT NULL) NOT ENFORCED", "", true),
            ("CHECK (a IS NOT NULL) ENFORCED", "", false),
            ("x int CHECK (a IS NOT NULL) NOT ENFORCED", "", true),
            ("x int GENERATED ALWAYS AS (a + 1) VIRTUAL", "", true),
        ] {
            let definition_and_more = format!("{definition}; {more}");
            assert_eq!(proved(definition, more, "SELECT a FROM t").0, nullable, "{definition_and_more}");
        }
        let by_key = "SELECT a FROM t WHERE a = 1";
        assert!(proved("PRIMARY KEY (a)", "", by_key).1);
        assert!(!proved("r daterange, PRIMARY KEY (a, r WITHOUT OVERLAPS)", "", by_key).1);
        assert!(!proved("r daterange, UNIQUE (a, r WITHOUT OVERLAPS)", "", by_key).1);
        // The parser accepts the foreign key, but the key proves nothing.
        let references = "r daterange, UNIQUE (a, r WITHOUT OVERLAPS), FOREIGN KEY (a, PERIOD r) REFERENCES t (a, PERIOD r)";
        assert_eq!(proved(references, "", by_key), (false, false));
    }
}
