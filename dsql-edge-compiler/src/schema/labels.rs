//! Reads the labels that a condition allows for a column: `CHECK (status IN ('draft', 'published'))`.
//!
//! Input: the condition of a `CHECK` as written. Output: for a column of text, the strings that the condition allows.
//!
//! Invariant: if the condition is not FALSE and the column is not NULL, the column's value is one of the labels. The
//! reverse is not guaranteed: the condition can reject a value that is one of the labels. A condition of a form that
//! this module cannot read counts as allowing every value. For a column of type `character varying`, `pg_dump` writes
//! the condition above as `(status)::text = ANY ((ARRAY['draft'::character varying, …])::text[])`, so both forms are
//! read.

use crate::syntax::ast::{Expr, ExprKind, InList, Literal, Operator, Quantified, TypeName};

/// Returns, for each column that `condition` restricts, the labels that the condition allows. In the condition of a
/// domain, the column is `value`.
pub(super) fn allowed(condition: &Expr) -> Vec<(String, Vec<String>)> {
    match &condition.kind {
        ExprKind::And(parts) => {
            let mut out: Vec<(String, Vec<String>)> = Vec::new();
            for (column, labels) in parts.iter().flat_map(allowed) {
                match out.iter_mut().find(|(known, _)| *known == column) {
                    Some((_, known)) => known.retain(|label| labels.contains(label)),
                    None => out.push((column, labels)),
                }
            }
            out
        }
        _ => {
            alternatives(condition).and_then(|(column, labels)| Some((column?, labels))).into_iter().collect()
        }
    }
}

/// Returns the labels that the conditions of a domain's checks allow; `None` if the conditions also allow other
/// strings.
pub fn labels_of_checks<'c>(checks: impl IntoIterator<Item = &'c Expr>) -> Option<Vec<String>> {
    let lists = checks.into_iter().flat_map(allowed).filter(|(column, _)| column == "value");
    lists.map(|(_, labels)| labels).reduce(|mut all, labels| {
        all.retain(|label| labels.contains(label));
        all
    })
}

/// The column and the labels that the condition allows; the column is `None` if the condition is true only for a row in
/// which some column is NULL.
type Alternatives = (Option<String>, Vec<String>);

fn alternatives(condition: &Expr) -> Option<Alternatives> {
    match &condition.kind {
        ExprKind::Or(parts) => {
            let mut out: Alternatives = (None, Vec::new());
            for part in parts {
                let (column, labels) = alternatives(part)?;
                match (&out.0, column) {
                    (Some(known), Some(column)) if *known != column => return None,
                    (None, Some(column)) => out.0 = Some(column),
                    _ => {}
                }
                for label in labels {
                    if !out.1.contains(&label) {
                        out.1.push(label);
                    }
                }
            }
            // `other IS NULL OR status = 'a'` allows every value of `status` if `other` is NULL. So the IS NULL must
            // test the same column as the labels, here `status`.
            let is_other = |part: &Expr| match &part.kind {
                ExprKind::IsNull { arg, .. } => column(arg) != out.0,
                _ => false,
            };
            (!parts.iter().any(is_other)).then_some(out)
        }
        ExprKind::IsNull { arg, negated: false } => column(arg).map(|_| (None, Vec::new())),
        ExprKind::In { left, right: InList::List(items), negated: false, .. } => {
            Some((Some(column(left)?), items.iter().map(label).collect::<Option<_>>()?))
        }
        ExprKind::Operator { operator, left: Some(left), right } if is_equal(operator) => {
            match (column(left), label(right)) {
                (Some(column), Some(label)) => Some((Some(column), vec![label])),
                _ => Some((Some(column(right)?), vec![label(left)?])),
            }
        }
        ExprKind::Quantified { operator, left, all: false, right: Quantified::Array(array) }
            if is_equal(operator) =>
        {
            Some((Some(column(left)?), elements(array)?))
        }
        _ => None,
    }
}

fn is_equal(operator: &Operator) -> bool {
    operator.name == "=" && operator.schema.as_ref().is_none_or(|schema| schema.text == "pg_catalog")
}

/// Returns the name of the column, if the expression is a column, or a cast of a column that does not change the
/// string.
fn column(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Column(parts) => parts.last().map(|part| part.text.clone()),
        ExprKind::Cast { arg, target, .. } if keeps_text(target, 0) => column(arg),
        _ => None,
    }
}

fn label(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Literal(Literal::String(text)) => Some(text.clone()),
        ExprKind::Cast { arg, target, .. } if keeps_text(target, 0) => label(arg),
        ExprKind::Cast { arg, target, .. } if is_padded(target, 0) => {
            label(arg).filter(|it| !it.ends_with(' '))
        }
        _ => None,
    }
}

fn elements(array: &Expr) -> Option<Vec<String>> {
    match &array.kind {
        ExprKind::Array(items) => items.iter().map(label).collect(),
        ExprKind::Cast { arg, target, .. } if keeps_text(target, 1) => elements(arg),
        ExprKind::Cast { arg, target, .. } if is_padded(target, 1) => {
            elements(arg).filter(|labels| !labels.iter().any(|label| label.ends_with(' ')))
        }
        _ => None,
    }
}

/// Whether a cast to this type never changes a string. Only casts to `text` and `varchar` are safe: a length, or the
/// padding of `character`, could change the string.
fn keeps_text(target: &TypeName, array_dimensions: usize) -> bool {
    is_plain(target, array_dimensions) && matches!(target.name.name(), "text" | "varchar")
}

/// Whether the type is `character` without a length, which does not change a string that does not end with a space.
fn is_padded(target: &TypeName, array_dimensions: usize) -> bool {
    is_plain(target, array_dimensions) && target.name.name() == "bpchar"
}

fn is_plain(target: &TypeName, array_dimensions: usize) -> bool {
    let is_system = target.name.schema().is_none_or(|schema| schema == "pg_catalog");
    is_system && target.modifiers.is_empty() && target.array_dimensions == array_dimensions
}

#[cfg(test)]
mod tests {
    use crate::Schema;

    /// Returns the labels of column `a` of a table with these constraints.
    fn labels(constraints: &str) -> Option<Vec<String>> {
        let ddl =
            format!("-- dsql-edge: dialect postgres\nCREATE TABLE t (a text, b text, n int, {constraints});");
        let schema = Schema::parse(&ddl).unwrap();
        schema.relations[0].checked_labels("a", false)
    }

    #[test]
    fn labels_of_each_form() {
        for form in [
            "CHECK (a IN ('x', 'y'))",
            "CHECK ((a = ANY (ARRAY['x'::text, 'y'::text])))",
            "CHECK (((a)::text = ANY ((ARRAY['x'::character varying, 'y'::character varying])::text[])))",
            "CHECK ((a = ANY (ARRAY['x'::bpchar, 'y'::bpchar])))",
            "CHECK (a = 'x' OR 'y' = a)",
            "CHECK (a IS NULL OR a IN ('x', 'y'))",
            "CHECK (a IN ('x', 'y') AND n > 0)",
            "CHECK (a IN ('x', 'y', 'z')), CHECK (a IN ('x', 'y', 'w'))",
            "CHECK (a IN ('x', 'y', 'z') AND b IN ('x') AND a IN ('x', 'y'))",
        ] {
            assert_eq!(labels(form), Some(vec!["x".to_owned(), "y".to_owned()]), "{form}");
        }
    }

    #[test]
    fn other_conditions_allow_everything() {
        for form in [
            "CHECK (a NOT IN ('x', 'y'))",
            "CHECK (lower(a) IN ('x', 'y'))",
            "CHECK (a IN ('x', 'y') OR n > 0)",
            "CHECK (a IN ('x', 'y') OR b IS NULL)",
            "CHECK (a IN ('x', b))",
            "CHECK (a::varchar(1) IN ('x', 'y'))",
            "CHECK (a <> ALL (ARRAY['x', 'y']))",
            "CHECK (a = ANY (ARRAY['x', 'y']::char(1)[]))",
            "CHECK (a = 'x' OR b = 'y')",
            "CHECK (NOT a IN ('x', 'y'))",
        ] {
            assert_eq!(labels(form), None, "{form}");
        }
    }
}
