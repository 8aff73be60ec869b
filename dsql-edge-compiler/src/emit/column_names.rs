//! Puts the name of a column into rustc's error if the Rust type of the column's field does not fit.
//!
//! Input: the fields of a row, and the type of the row. Output: a type parameter of `decode` for each column whose Rust
//! type the user specifies; the parameter has the name of the column. In its errors, rustc prints only the name of a
//! type parameter. `decode` is compiled once, with `()` for each type parameter. A column gets no type parameter if the
//! parameter could hide a type that `decode` uses, or if a column of another group has already given the same name to a
//! parameter. rustc's error about such a column does not contain the column's name.

use super::emission::{RowTarget, RowType, WrittenTypes, mentions};
use crate::fields::{Entry, Fields};
use proc_macro2::TokenStream;
use quote::quote;
use std::collections::BTreeMap;

/// The type parameters, by the number of the column.
pub(super) struct ColumnNames(BTreeMap<usize, String>);

impl ColumnNames {
    pub(super) fn new(fields: &Fields, target: &RowTarget, types: &WrittenTypes) -> ColumnNames {
        let own = match target {
            RowTarget::Struct(row) => Some(row),
            RowTarget::Anonymous | RowTarget::Declared(_) => None,
        };
        let mut names = ColumnNames(BTreeMap::new());
        // In a generated row, a Rust type can fail to fit its column only if an override or a directive specifies the
        // type.
        if own.is_some() || !types.is_empty() {
            names.add(&fields.entries, own, types);
        }
        names
    }

    fn add(&mut self, entries: &[Entry], own: Option<&RowType>, types: &WrittenTypes) {
        for entry in entries {
            match entry {
                Entry::Field(field) if own.is_some() || types.contains_key(&field.column) => {
                    let name = field.name.in_rust().to_string();
                    let hides = |tokens: &TokenStream| mentions(tokens.clone(), &name);
                    // For an anonymous row, the return type of `decode` is the generated struct, whose name begins with
                    // `Row`.
                    let is_taken = name.starts_with("Row")
                        || self.0.values().any(|known| *known == name)
                        || types.values().any(hides)
                        || own.is_some_and(|row| row.paths().any(|path| hides(&path)));
                    if !is_taken {
                        self.0.insert(field.column, name);
                    }
                }
                Entry::Field(_) => {}
                Entry::Group(group) => self.add(&group.entries, own, types),
            }
        }
    }

    /// Returns the type parameter of a column.
    pub(super) fn of(&self, column: usize) -> Option<&str> {
        self.0.get(&column).map(String::as_str)
    }

    /// Returns the type parameters of `decode`.
    pub(super) fn parameters(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(String::as_str)
    }

    /// Returns `decode`, or `decode::<(), ()>`.
    pub(super) fn decode(&self) -> TokenStream {
        let nothing = self.0.values().map(|_| quote!(()));
        if self.0.is_empty() { quote!(decode) } else { quote!(decode::<#(#nothing),*>) }
    }
}
