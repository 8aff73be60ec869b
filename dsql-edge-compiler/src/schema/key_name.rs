//! Computes the name that PostgreSQL gives to an unnamed key, check or sequence.

use super::Key;
use crate::syntax::ast::{ExprKind, IndexElement};

impl Key {
    /// Returns the suffix of the name that PostgreSQL generates for an unnamed key of this kind.
    pub(super) fn suffix(&self) -> &'static str {
        match self {
            Key { primary: true, .. } => "pkey",
            Key { constraint: true, .. } => "key",
            _ => "idx",
        }
    }
}

/// Returns the name that PostgreSQL gives to an unnamed key, as `ChooseIndexName` and `makeObjectName` do:
/// `makeObjectName` shortens the longer of the two parts until the name has at most 63 bytes.
pub(super) fn key_name(table: &str, columns: &[String], suffix: &str) -> String {
    const LONGEST: usize = 63;
    let columns =
        if suffix == "pkey" { String::new() } else { clipped(&columns.join("_"), LONGEST).to_owned() };
    let separators = if columns.is_empty() { 1 } else { 2 };
    let room = LONGEST - suffix.len() - separators;
    let (mut first, mut second) = (table.len(), columns.len());
    while first + second > room {
        *(if first > second { &mut first } else { &mut second }) -= 1;
    }
    let (table, columns) = (clipped(table, first), clipped(&columns, second));
    let parts = [table, columns, suffix];
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("_")
}

/// Returns the first unused name for a key or a sequence: `ChooseRelationName` adds a number to the suffix.
pub(super) fn free_name(
    table: &str,
    columns: &[String],
    suffix: &str,
    is_taken: impl Fn(&str) -> bool,
) -> String {
    let numbered = |pass: u32| match pass {
        0 => key_name(table, columns, suffix),
        _ => key_name(table, columns, &format!("{suffix}{pass}")),
    };
    let mut pass = 0;
    while is_taken(&numbered(pass)) {
        pass += 1;
    }
    numbered(pass)
}

/// Returns the names of the columns of an index: `ChooseIndexColumnNames`, which adds a number to a repeated name.
/// Returns `None` if an element is an expression, because only the analysis determines which name PostgreSQL gives to
/// an expression.
pub(super) fn index_column_names(elements: &[IndexElement]) -> Option<Vec<String>> {
    let mut names: Vec<String> = Vec::with_capacity(elements.len());
    for element in elements {
        let ExprKind::Column(parts) = &element.expr.kind else { return None };
        let name = &parts.last()?.text;
        let numbered = (1..).map(|number| format!("{name}{number}"));
        let mut candidates = std::iter::once(name.clone()).chain(numbered);
        names.extend(candidates.find(|candidate| !names.contains(candidate)));
    }
    Some(names)
}

/// Returns the longest beginning of a string that has at most `most` bytes and does not end inside a character.
fn clipped(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_names_are_those_of_postgresql() {
        let columns = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(key_name("t", &columns(&["a"]), "pkey"), "t_pkey");
        assert_eq!(key_name("t", &columns(&["a", "b"]), "key"), "t_a_b_key");
        assert_eq!(key_name("t", &columns(&["a"]), "idx"), "t_a_idx");
        // The names that PostgreSQL 16 generated.
        let table = "a_table_with_a_name_that_is_really_quite_long_for_a_table";
        let column = "a_column_with_a_name_that_is_long_too";
        assert_eq!(
            key_name(table, &columns(&[column]), "key"),
            "a_table_with_a_name_that_is_r_a_column_with_a_name_that_is__key"
        );
        assert_eq!(key_name(&"é".repeat(40), &[], "pkey"), format!("{}_pkey", "é".repeat(29)));
    }
}
