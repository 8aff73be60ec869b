//! Matches a user's struct with the columns of its query.
//!
//! Input: the user's struct as the macro's input contains it, and the fields of the row. Output: the fields of each
//! struct, or an error for the fields that do not match.

use dsql_edge_compiler::emit::RowType;
use dsql_edge_compiler::fields::Entry;
use dsql_edge_macro_input::OwnRow;
use quote::ToTokens;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;

/// Returns the struct type for a row with these entries.
///
/// # Errors
///
/// Returns an error for a group without a struct, and for a struct without a group.
pub(crate) fn row_type(row: &OwnRow, entries: &[Entry]) -> Result<RowType, syn::Error> {
    let path = row.path.to_token_stream();
    let mut groups = Vec::new();
    for entry in entries {
        let Entry::Group(group) = entry else { continue };
        let name = group.name.text();
        match row.groups.iter().find(|(known, _)| known.unraw() == name) {
            Some((_, row)) => groups.push((name.to_owned(), row_type(row, &group.entries)?)),
            None => {
                let written = path.to_string().replace(' ', "");
                let message = format!(
                    "the columns \"{name}.…\" need a struct of yours: write its name too, \
                     `{written} {{ {name}: Name }}`"
                );
                return Err(syn::Error::new(row.path.span(), message));
            }
        }
    }
    for (name, _) in &row.groups {
        if !groups.iter().any(|(known, _)| name.unraw() == known) {
            let message = format!(
                "the query selects no columns \"{}.…\": select such columns, or remove this struct from the row",
                name.unraw()
            );
            return Err(syn::Error::new(name.span(), message));
        }
    }
    Ok(RowType { path, groups })
}
