//! Matches a struct of the user's with the columns of its query.
//!
//! Input: the struct as it was named, and the fields that a row has. Output: the fields of each struct, or the fields
//! that do not match.

use dsql_edge_compiler::emit::RowType;
use dsql_edge_compiler::fields::Entry;
use dsql_edge_macro_input::OwnRow;
use quote::ToTokens;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;

/// The struct for a row of these entries.
///
/// # Errors
///
/// Groups without a struct, and structs without a group.
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
            let message = format!("the query has no columns \"{}.…\" for this struct", name.unraw());
            return Err(syn::Error::new(name.span(), message));
        }
    }
    Ok(RowType { path, groups })
}
