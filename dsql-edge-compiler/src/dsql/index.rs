//! Checks `CREATE INDEX`.
//!
//! Input: the statement, its words, and the schema if it is known. Output: the clauses that DSQL rejects; each has a
//! rewrite that DSQL accepts, if such a rewrite exists.

use super::clauses::*;
use super::ddl::{relation, without};
use super::words::Words;
use super::{Finding, index_functions, keys, limits};
use crate::schema::Schema;
use crate::source::Span;
use crate::syntax::ast::{CreateIndex, ExprKind, IndexElement};

/// Checks `CREATE INDEX`, in the order of DSQL's own checks (measured on a cluster).
pub(super) fn index(index: &CreateIndex, words: &Words<'_>, schema: Option<&Schema>, out: &mut Vec<Finding>) {
    let word = words.find("INDEX", 0).unwrap_or(index.table.span());
    let title = "write CREATE INDEX ASYNC";
    if index.concurrently {
        let place = words.find("CONCURRENTLY", word.end).unwrap_or(word);
        let edits = vec![(place, "ASYNC".to_owned())];
        out.push(index_concurrently.at(place).fixed(title, edits));
    }
    if let Some(method) = &index.method {
        let keyword = words.find_before("USING", method.span.start).unwrap_or(method.span);
        let finding = index_using.at(keyword.to(method.span));
        // DSQL's own catalog contains the name `btree_index`, so this name is accepted.
        let is_own = method.text == "btree_index";
        let btree = method.text == "btree";
        if !is_own {
            out.push(if btree {
                without(finding, "leave USING out: it is a B-tree anyway", words)
            } else {
                finding
            });
        }
    }
    limits::index_key(index.elements.len(), index.table.span(), out);
    if !index.asynchronous && !index.concurrently {
        let edits = vec![(Span { start: word.end, end: word.end }, " ASYNC".to_owned())];
        out.push(index_async.at(words.span_of(usize::from(index.unique) + 2)).fixed(title, edits));
    }
    for element in &index.elements {
        for name in element.operator_class.iter().chain(&element.collation) {
            out.push(index_operator_class.at(name.span()));
        }
        out.extend(sort_direction(index, element, words));
    }
    // If the schema is not known, the functions of the index are not checked: the names may refer to functions of the
    // schema, and PostgreSQL itself rejects functions that are not immutable.
    if let Some(schema) = schema {
        if let Some(relation) = relation(&index.table, schema) {
            keys::of_index(index, relation, schema, out);
        }
        let is_own = |name: &str| schema.functions.iter().any(|it| it.definition.name.name() == name);
        index_functions::immutable(index, &is_own, out);
    }
    for element in &index.include {
        if !matches!(element.expr.kind, ExprKind::Column(_)) {
            out.push(index_include_expression.at(element.expr.span));
        }
    }
    let last = index.elements.iter().chain(&index.include).map(|it| it.expr.span.end).max().unwrap_or(0);
    let before = index.filter.as_ref().map_or(u32::MAX, |filter| filter.span.start);
    for option in ["WITH", "TABLESPACE"] {
        if let Some(place) = words.find(option, last).filter(|place| place.start < before) {
            out.push(index_options.naming(place, option));
        }
    }
}

/// Checks ASC or DESC of a key.
///
/// An index can be read in both directions, so `(a DESC)` has the order of `(a)` read backwards. Reading backwards also
/// moves the NULLs to the other end: `(a DESC NULLS LAST)` has the order of `(a NULLS FIRST)` read backwards. DESC
/// without a NULLS option means NULLS FIRST. The index `(a DESC NULLS FIRST)` read backwards is `(a NULLS LAST)`, and
/// NULLS LAST is the default of an ascending key. If the keys have different directions, as in `(a, b DESC)`, an index
/// with only ascending keys has neither the order of these keys nor the reverse order.
fn sort_direction(index: &CreateIndex, element: &IndexElement, words: &Words<'_>) -> Option<Finding> {
    let word = if element.descending? { "DESC" } else { "ASC" };
    let place = words.find(word, element.expr.span.end)?;
    let finding = index_sort_direction.naming(place, word);
    let mut edits = vec![(words.with_blank_before(place), String::new())];
    if word == "ASC" {
        return Some(finding.fixed("leave ASC out", edits));
    }
    match element.nulls_first {
        Some(true) => {
            let nulls = words.find("NULLS", place.end)?.to(words.find("FIRST", place.end)?);
            edits.push((words.with_blank_before(nulls), String::new()));
        }
        Some(false) => edits.push((words.find("LAST", place.end)?, "FIRST".to_owned())),
        None => {}
    }
    let is_descending = |element: &IndexElement| element.descending == Some(true);
    let title = match index.elements.iter().all(is_descending) {
        true => "leave DESC out: an index is read both ways",
        false => "leave DESC out: a query that needs both directions sorts its rows",
    };
    Some(finding.fixed(title, edits))
}
