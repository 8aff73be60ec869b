//! Checks the functions in the expressions and the predicate of an index, and finds a subquery in the predicate.
//!
//! Input: a CREATE INDEX. Output: the errors that both PostgreSQL and DSQL report. The module finds only functions of
//! which no overload is immutable, because the types of the arguments are not known here.

use super::Finding;
use super::clauses::{index_not_immutable, index_subquery};
use crate::builtin;
use crate::source::Span;
use crate::syntax::ast::{CreateIndex, Expr, ExprKind, Query};
use crate::syntax::visit::{self, Visit};

pub(super) fn immutable(index: &CreateIndex, is_own: &dyn Fn(&str) -> bool, out: &mut Vec<Finding>) {
    let elements = index.elements.iter().map(|element| (&element.expr, "expression"));
    for (expr, clause) in elements.chain(index.filter.iter().map(|filter| (filter, "predicate"))) {
        let mut found = Volatile { is_own, at: None, subquery: None };
        visit::expr(expr, &mut found);
        out.extend(found.at.map(|span| index_not_immutable.naming(span, clause)));
        if clause == "predicate" {
            out.extend(found.subquery.map(|span| index_subquery.at(span)));
        }
    }
}

/// Finds the first call of a function of which no overload is immutable, and the first subquery.
struct Volatile<'f> {
    /// Returns whether the schema has a function of this name; if so, the call may refer to that function.
    is_own: &'f dyn Fn(&str) -> bool,
    at: Option<Span>,
    subquery: Option<Span>,
}

impl<'s> Visit<'s> for Volatile<'_> {
    fn query(&mut self, query: &'s Query) -> bool {
        self.subquery = self.subquery.or(Some(query.span));
        false
    }

    fn expr(&mut self, expr: &'s Expr) {
        let is_volatile = match &expr.kind {
            ExprKind::Function(call) => {
                let mut known = builtin::functions(call.name.name()).peekable();
                let is_builtin = call.name.schema().is_none_or(|schema| schema == "pg_catalog");
                is_builtin
                    && !(self.is_own)(call.name.name())
                    && known.peek().is_some()
                    && known.all(|it| !it.volatility.is_immutable())
            }
            ExprKind::ValueFunction { .. } => true,
            _ => false,
        };
        if is_volatile {
            self.at = self.at.or(Some(expr.span));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Schema;
    use crate::dsql::findings;
    use crate::source::Source;
    use crate::syntax::Parsed;

    #[test]
    fn only_functions_that_are_never_immutable_are_found() {
        let found = |sql: &str| {
            let source = Source::numbered(sql);
            let parsed = Parsed::script(&source).unwrap();
            let found = findings(parsed.only().unwrap(), Some(&Schema::default()));
            found.iter().map(|finding| finding.rule.id).collect::<Vec<_>>()
        };
        let nothing: [&str; 0] = [];
        assert_eq!(found("CREATE INDEX ASYNC i ON t (lower(a)) WHERE length(a) > 3"), nothing);
        assert_eq!(found("CREATE INDEX ASYNC i ON t USING btree_index (a)"), nothing);
        assert_eq!(found("CREATE INDEX ASYNC i ON t (app.now())"), nothing);
        assert_eq!(found("CREATE INDEX ASYNC i ON t (a) WHERE b > CURRENT_DATE"), ["index_not_immutable"]);
    }
}
