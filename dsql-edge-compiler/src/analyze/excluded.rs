//! Finds constants that a column can never have: `status = 'drfat'`, if `CHECK (status IN ('draft', 'sent'))` holds.
//!
//! Input: an analyzed query. Output: a warning for each comparison of a column with a constant that the column never
//! contains. PostgreSQL accepts the comparison, but `=` is true for no row, and `<>` is true for every row whose column
//! is not NULL. If a statement writes such a constant, the `CHECK` rejects the statement each time it runs. For such a
//! write, the diagnostic is an error in the DSQL dialect, and a warning in the PostgreSQL dialect. For an enum,
//! PostgreSQL itself rejects an unknown label.
//!
//! From comparisons and assignments, this module also derives the labels that the value of a parameter can have. `emit`
//! compares these labels with the labels of the Rust type that a query function declares for the parameter.
//!
//! Only comparisons of strings by `=`, `<>` and IS DISTINCT FROM, and by `=` and `<>` with an array (IN, ANY, ALL), are
//! checked: the result of `<` depends on the collation, and the operand of LIKE is a pattern. A column is followed
//! through subqueries, `WITH` and views, but a constant inside a view's own query is not checked.

use super::analyzer::Analyzer;
use super::catalog::Catalog;
use super::every_expression;
use super::labels;
use super::nullability::column_origin;
use super::tree::{Node, NodeKind, Query, Var};
use super::written_table::Target;
use crate::builtin::oid;
use crate::diagnostic::suggestion::nearest;
use crate::diagnostic::{Code, Diagnostic};
use crate::schema::Dialect;
use crate::source::Span;
use crate::typed::Labels;

impl Analyzer<'_> {
    /// Warns about comparisons with constants that their columns never have.
    pub(super) fn warn_excluded(&mut self, query: &Query) {
        let mut found = Found::default();
        let catalog = self.catalog;
        every_expression::visit(&[query], &mut |levels, node| comparison(catalog, levels, node, &mut found));
        found.warnings.sort_by_key(|warning| warning.span.start);
        found.warnings.into_iter().for_each(|warning| self.report(warning));
        found.parameters.into_iter().for_each(|(number, labels)| self.accepts_labels(number, labels));
    }

    /// Records that one use of a parameter accepts only these labels.
    fn accepts_labels(&mut self, number: usize, labels: Labels) {
        if let Some(parameter) = self.parameters.get_mut(number.wrapping_sub(1)) {
            parameter.labels.push(labels);
        }
    }

    /// Handles a value that the statement writes to a column. Reports a constant that the `CHECK` of the column
    /// rejects. For a parameter, records the labels that the `CHECK` accepts.
    pub(super) fn check_written_label(&mut self, target: &Target, column: usize, node: &Node) {
        let written = constant(node);
        let number = parameter(node);
        if written.is_none() && number.is_none() {
            return;
        }
        let Some(Some(base)) = target.base_columns.get(column).copied() else { return };
        let Some(relation) = self.catalog.schema.relations.get(target.base) else { return };
        // A trigger or a rule may replace the value.
        if relation.has_triggers || relation.has_rules {
            return;
        }
        let Some(labels) = labels::of_column(self.catalog, target.base, base, false) else { return };
        let ty = target.columns.get(column).map_or(oid::TEXT, |column| column.ty);
        // Arrays and enums are not checked here: the labels of an array are the labels of its elements, and PostgreSQL
        // itself checks the labels of an enum.
        if !matches!(self.catalog.base_type(ty).0, oid::TEXT | oid::VARCHAR | oid::BPCHAR) {
            return;
        }
        if let Some(number) = number {
            self.accepts_labels(number, labels);
            return;
        }
        let Some((text, span)) = written else { return };
        if labels.values.iter().any(|label| label == text) || is_padded(self.catalog, ty, text, &labels) {
            return;
        }
        let warning = excluded(text, &labels, span);
        if self.catalog.schema.dialect == Dialect::Dsql {
            let message = format!(
                "new row for relation \"{}\" violates a check constraint: {}",
                relation.name, warning.message
            );
            let error = Diagnostic::error(Code::CheckViolation, span, message);
            self.runtime_error(match warning.hint {
                Some(hint) => error.with_hint(hint),
                None => error,
            });
        } else {
            self.found_later(warning);
        }
    }
}

/// The warnings about a query's comparisons, and the labels that the comparisons determine for parameters.
#[derive(Default)]
struct Found {
    warnings: Vec<Diagnostic>,
    /// The labels of the column with which a parameter is compared, by the number of the parameter.
    parameters: Vec<(usize, Labels)>,
}

/// The names of the functions behind `=` and `<>` for strings.
const EQUALITY: [&str; 4] = ["texteq", "textne", "bpchareq", "bpcharne"];

/// Examines one expression. `levels` contains the queries around the expression; the innermost query is the last.
fn comparison(catalog: Catalog<'_>, levels: &[&Query], node: &Node, out: &mut Found) {
    let (left, right) = match &node.kind {
        NodeKind::Call { function, args } if EQUALITY.contains(&function.name.as_str()) => {
            let [left, right] = args.as_slice() else { return };
            (left, right)
        }
        NodeKind::ArrayComparison { function, left, right, .. }
            if EQUALITY.contains(&function.name.as_str()) =>
        {
            (&**left, &**right)
        }
        NodeKind::Distinct { left, right } => (&**left, &**right),
        _ => return,
    };
    for (side, other) in [(left, right), (right, left)] {
        let others = match &other.kind {
            NodeKind::Array(elements) => elements.as_slice(),
            _ => core::slice::from_ref(other),
        };
        let constants: Vec<(&str, Span)> = others.iter().filter_map(constant).collect();
        let numbers: Vec<usize> = others.iter().filter_map(parameter).collect();
        if constants.is_empty() && numbers.is_empty() {
            continue;
        }
        let Some((var, ty)) = column(side) else { continue };
        let Some(level) = levels.len().checked_sub(var.level.saturating_add(1)) else { continue };
        let Some(query) = levels.get(level) else { continue };
        let Some((relation, at)) = column_origin(Var { level: 0, ..var }, query) else { continue };
        let Some(labels) = labels::of_column(catalog, relation, at, true) else { continue };
        for (text, span) in constants {
            let is_known = labels.values.iter().any(|label| label == text);
            if !is_known && !is_padded(catalog, ty, text, &labels) {
                out.warnings.push(excluded(text, &labels, span));
            }
        }
        out.parameters.extend(numbers.into_iter().map(|number| (number, labels.clone())));
    }
}

/// Whether the type is `character`, and the constant without the spaces at its end is a label: these spaces have no
/// meaning in `character`.
fn is_padded(catalog: Catalog<'_>, ty: u32, text: &str, labels: &Labels) -> bool {
    let trimmed = text.trim_end_matches(' ');
    catalog.base_type(ty).0 == oid::BPCHAR && labels.values.iter().any(|label| label == trimmed)
}

/// Returns the column that the expression reads, with or without a relabeling cast, and the OID of the column's own
/// type.
fn column(node: &Node) -> Option<(Var, u32)> {
    match &node.kind {
        NodeKind::Var(var) => Some((*var, node.ty)),
        NodeKind::Cast { arg, function: None } => column(arg),
        _ => None,
    }
}

fn constant(node: &Node) -> Option<(&str, Span)> {
    match &node.kind {
        NodeKind::Constant(Some(text)) => Some((text, node.span)),
        NodeKind::Cast { arg, function: None } => constant(arg),
        _ => None,
    }
}

/// Returns the number of a parameter, with or without a relabeling cast around it.
fn parameter(node: &Node) -> Option<usize> {
    match &node.kind {
        NodeKind::Parameter(number) => Some(*number),
        NodeKind::Cast { arg, function: None } => parameter(arg),
        _ => None,
    }
}

fn excluded(text: &str, labels: &Labels, span: Span) -> Diagnostic {
    let Labels { of, values } = labels;
    let message = format!("'{text}' is not a value of {of}");
    let hint = match nearest(text, values.iter().map(String::as_str)) {
        Some(nearest) => format!("did you mean '{nearest}'?"),
        None => {
            let shown: Vec<String> = values.iter().take(24).map(|label| format!("'{label}'")).collect();
            format!("its values are {}", shown.join(", "))
        }
    };
    Diagnostic::warning(Code::ExcludedValue, span, message).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use crate::{Schema, Source, compile};

    const SCHEMA: &str = "-- dsql-edge: dialect postgres
        CREATE TYPE mood AS ENUM ('sad', 'happy');
        CREATE TABLE t (id int PRIMARY KEY, status text NOT NULL CHECK (status IN ('draft', 'live')),
                        other text CHECK (other IN ('draft', 'gone')), note text, mood mood, moods mood[]);
        CREATE TABLE watched (status text CHECK (status IN ('draft', 'live')));
        CREATE TRIGGER changes BEFORE INSERT ON watched EXECUTE FUNCTION f();";

    #[test]
    fn parameter_has_labels_if_all_uses_accept_only_these() {
        let schema = Schema::parse(SCHEMA).unwrap();
        let labels = |sql: &str| {
            let query =
                compile(&Source::of_macro(sql), &schema).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
            query.parameters[0].labels.clone().map(|labels| (labels.of, labels.values.join(" ")))
        };
        let status = Some(("t.status".to_owned(), "draft live".to_owned()));
        for sql in [
            "SELECT id FROM t WHERE status = $1",
            "SELECT id FROM t WHERE $1 <> status",
            "SELECT id FROM t WHERE status = ANY($1)",
            "SELECT id FROM t WHERE status IN ($1, 'draft')",
            "SELECT id FROM t WHERE status IS DISTINCT FROM $1",
            "UPDATE t SET status = $1 WHERE id = 1",
            "UPDATE t SET status = $1 WHERE status <> $1",
            "INSERT INTO t (id, status) VALUES (1, $1)",
        ] {
            assert_eq!(labels(sql), status, "{sql}");
        }
        let mood = Some(("mood".to_owned(), "sad happy".to_owned()));
        for sql in ["UPDATE t SET mood = $1", "SELECT id FROM t WHERE mood = ANY($1)"] {
            assert_eq!(labels(sql), mood, "{sql}");
        }
        for sql in [
            "SELECT id FROM t WHERE note = $1",
            "SELECT id FROM t WHERE status = $1 OR note = $1",
            "SELECT id FROM t WHERE status = $1 OR other = $1",
            "SELECT id FROM t WHERE status LIKE $1",
            "SELECT id FROM t WHERE lower(status) = $1",
            "INSERT INTO watched (status) VALUES ($1)",
        ] {
            assert_eq!(labels(sql), None, "{sql}");
        }
    }
}
