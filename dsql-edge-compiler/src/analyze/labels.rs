//! Finds the labels that the values of a column or a type can have.
//!
//! Input: a column of a table, or a type. Output: the labels of an enum, or the strings that a `CHECK` of the column or
//! of its domain allows. If the equality of a column's strings depends on a nondeterministic collation, the column has
//! no labels here, because a different string can be equal to a label.

use super::catalog::Catalog;
use crate::builtin::{Oid, TypeKind, oid};
use crate::schema::{Column, UserTypeKind, labels_of_checks};
use crate::typed::Labels;

/// Returns the labels of a table's column. If `all_rows` is true, the labels cover all rows, including rows that are
/// older than a `CHECK`.
pub(super) fn of_column(
    catalog: Catalog<'_>,
    relation: usize,
    column: usize,
    all_rows: bool,
) -> Option<Labels> {
    let relation = catalog.schema.relations.get(relation)?;
    let column = relation.columns.get(column)?;
    let (ty, _) = catalog.resolve_stored(&column.type_name).ok()?;
    let of_type = of_type(catalog, ty);
    let checked =
        relation.checked_labels(&column.name, all_rows).filter(|_| is_text(catalog, ty, Some(column)));
    let Some(mut values) = checked else { return of_type };
    if let Some(of_type) = of_type {
        values.retain(|label| of_type.values.contains(label));
    }
    Some(Labels { of: format!("{}.{}", relation.name, column.name), values: trimmed(catalog, ty, values) })
}

/// Returns the labels of an enum, of a domain, or of an array's elements.
pub(super) fn of_type(catalog: Catalog<'_>, ty: Oid) -> Option<Labels> {
    let info = catalog.type_info(ty);
    let named = |values| Labels { of: catalog.display(ty, -1), values };
    match catalog.user_kind(ty) {
        Some(UserTypeKind::Enum(labels)) => Some(named(labels.clone())),
        Some(UserTypeKind::Domain { checks, all_checks_hold, .. }) => {
            let checked = labels_of_checks(checks).filter(|_| *all_checks_hold && is_text(catalog, ty, None));
            match (checked, of_type(catalog, info.base)) {
                (Some(mut values), Some(below)) => {
                    values.retain(|label| below.values.contains(label));
                    Some(named(values))
                }
                (Some(values), None) => Some(named(trimmed(catalog, ty, values))),
                (None, below) => below,
            }
        }
        _ if info.is_array => of_type(catalog, info.elem),
        _ => None,
    }
}

/// Whether two values of the type are equal exactly if their characters are the same (for `character`, without the
/// spaces at the end).
fn is_text(catalog: Catalog<'_>, ty: Oid, column: Option<&Column>) -> bool {
    let plain = matches!(catalog.base_type(ty).0, oid::TEXT | oid::VARCHAR | oid::BPCHAR);
    let collation = column.and_then(|column| column.collation.as_deref());
    let known = &catalog.schema.nondeterministic_collations;
    // The catalog does not record the collation of a domain, so the values of a domain are compared as strings only if
    // all collations are deterministic.
    let is_domain = catalog.type_info(ty).kind == TypeKind::Domain;
    let deterministic = match collation {
        Some(name) => !known.iter().any(|(_, its)| its == name),
        None => !is_domain || known.is_empty(),
    };
    plain && deterministic
}

/// Removes the spaces at the ends of labels of the type `character`, in which these spaces have no meaning.
fn trimmed(catalog: Catalog<'_>, ty: Oid, mut values: Vec<String>) -> Vec<String> {
    if catalog.base_type(ty).0 == oid::BPCHAR {
        values.iter_mut().for_each(|label| label.truncate(label.trim_end_matches(' ').len()));
    }
    values
}
